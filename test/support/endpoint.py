#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A service that speaks the Open Inference Protocol v2, for test/25-endpoint.sh: a logistic model behind TLS, a token,
a rate limit, an alert log, rounded scores -- and each of these switched off, or a lie, when asked for.

    endpoint.py DIR MODEL.json [FAULT...]    writes DIR/port, DIR/clear and DIR/pid; ends when its standard input does

MODEL.json: {"w": [...], "b": x}. Faults: no_auth default_password no_tls old_tls tls13 clear_port no_limit no_alert
digits hang shape nan text huge redirect leak count swap leak_rows."""
import base64
import http.server
import json
import math
import os
import ssl
import sys
import threading

LIMIT_AT, LIMIT_FOR, ALERT_AT = 60, 3, 40
directory, faults = sys.argv[1], set(sys.argv[3:])
model = json.load(open(sys.argv[2]))
lock = threading.Lock()
asked, turned_away, before = {}, {}, []
tokens = {"run-token-0123456789": "run", "probe-token-0123456789": "probe"}
over = threading.Event()


def score(row):
    p = 1 / (1 + math.exp(-sum(a * x for a, x in zip(model["w"], row)) - model["b"]))
    return p if "digits" in faults else round(p, 3)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one write an answer: else each waits for an acknowledgement
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def account(self):
        given = self.headers.get("Authorization", "")
        if "default_password" in faults and given == "Basic " + base64.b64encode(b"admin:admin").decode():
            return "admin"
        if given.startswith("Bearer ") and given[7:] in tokens:
            return tokens[given[7:]]
        return "nobody" if "no_auth" in faults else None

    def limited(self, account):
        """The first LIMIT_AT questions of an account, then three are turned away, and so on."""
        with lock:
            n = asked[account] = asked.get(account, 0) + 1
            if n == ALERT_AT and account == "probe" and "no_alert" not in faults:
                with open(os.path.join(directory, "alerts.jsonl"), "a") as f:
                    f.write(json.dumps({"account": account, "questions": n}) + "\n")
            if account == "probe" and n >= LIMIT_AT and "no_limit" not in faults:
                turned_away[account] = turned_away.get(account, 0) + 1
                if turned_away[account] <= LIMIT_FOR:
                    return True
        return False

    def do_GET(self):
        if self.path == "/v2/health/ready":
            return self.answer(200, {"ready": True})
        if not self.account():
            return self.answer(401, {"error": "who are you?"})
        if self.path != "/v2/models/m":
            return self.answer(404, {"error": "no such model"})
        self.answer(200, {"name": "m", "versions": ["1"], "platform": "test",
                          "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, len(model["w"])]}],
                          "outputs": [{"name": "p", "datatype": "FP64", "shape": [-1, 1]}]})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        account = self.account()
        if not account:
            return self.answer(401, {"error": "who are you?"})
        if "hang" in faults:
            over.wait()
            return None
        if "redirect" in faults:
            return self.answer(307, {}, Location="http://127.0.0.1:1/elsewhere")
        if "huge" in faults:
            return self.answer(200, b" " * (8 << 20))
        if self.limited(account):
            return self.answer(429, {"error": "later"}, Retry_After="1")
        try:
            tensor = json.loads(text)["inputs"][0]
            n, d = tensor["shape"]
            rows = [[float(v) for v in tensor["data"][i * d:i * d + d]] for i in range(n)]
            assert d == len(model["w"]) and n * d == len(tensor["data"])
        except Exception as e:  # whatever was sent
            if "leak" in faults:
                return self.answer(500, {"error": 'Traceback (most recent call last):\n  File "/srv/model.py", line 3\n%r' % e})
            return self.answer(400, {"error": "not a question", "before": before if "leak_rows" in faults else []})
        before[:] = [rows[0]]
        values = [score(r) for r in rows]
        shape = [n, 1]
        if "shape" in faults:
            shape, values = [n + 5, 1], values + [0.5] * 5  # five people nobody asked about
        if "count" in faults:
            values = values[:-1]
        if "swap" in faults:
            values = values[::-1]  # each gets another's
        if "nan" in faults:
            values = [None] * n
        if "text" in faults:
            values = ["0.5"] * n
        self.answer(200, {"model_name": "m", "outputs": [{"name": "p", "shape": shape, "datatype": "FP64", "data": values}]})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve(tls):
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem"))
        context.minimum_version = ssl.TLSVersion.TLSv1_3 if "tls13" in faults else ssl.TLSVersion.TLSv1_2
        if "old_tls" in faults:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")
        # the handshake belongs to the connection's thread: one that hangs must not stop the others
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


port = serve("no_tls" not in faults)
# a port on which nobody listens: bound, never listening, ours until the end
silent = __import__("socket").socket()
silent.bind(("127.0.0.1", 0))
clear = serve(False) if "clear_port" in faults else silent.getsockname()[1]
for name, value in (("clear", clear), ("port", port)):
    path = os.path.join(directory, name)
    with open(path + ".new", "w") as f:
        f.write(str(value))
    os.rename(path + ".new", path)
sys.stdin.read()
over.set()
