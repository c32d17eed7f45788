# SPDX-License-Identifier: Apache-2.0
"""The 14 requests of stack.md, section 2, through nginx: refused, or forwarded as one fresh request.

nginx_edge.py NGINX_TLS_PORT RECORDER_PORT ECHO_PORT: nginx's upstream is RECORDER_PORT, where this program
writes down every byte nginx sends before passing it on to the echo server. Prints TAP.
"""
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

import nginx_h2

tls_port, recorder_port, echo_port = (int(a) for a in sys.argv[1:4])
recorded = bytearray()  # what nginx sent behind since the last clear(); it keeps its connections alive


def pump(source, target, note):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            if note is not None:
                note += data
            target.sendall(data)
    except OSError:
        pass
    for s in (source, target):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def recorder():
    server = socket.create_server(("127.0.0.1", recorder_port))
    while True:
        inner, _ = server.accept()
        outer = socket.create_connection(("127.0.0.1", echo_port))
        threading.Thread(target=pump, args=(inner, outer, recorded), daemon=True).start()
        threading.Thread(target=pump, args=(outer, inner, None), daemon=True).start()


def ask(request, until=1.0):
    """All bytes nginx answers, through TLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", tls_port), timeout=30)
    answer = b""
    with context.wrap_socket(raw, server_hostname="a") as s:
        s.settimeout(30)
        try:
            for part in request if isinstance(request, list) else [request]:
                s.sendall(part)
                time.sleep(0.1)  # in several TLS records, so that nginx reads several times
            while True:
                data = s.recv(65536)
                if not data:
                    break
                answer += data
                s.settimeout(until)  # it has begun: what belongs to it follows at once
        except (socket.timeout, OSError):
            pass
    return answer


def well_formed(note):
    """One request, as strict as can be: None, or what is wrong."""
    head, end, body = bytes(note).partition(b"\r\n\r\n")
    if not end:
        return "no end of headers"
    lines = head.split(b"\r\n")
    if not re.fullmatch(rb"[A-Z]+ /[\x21-\x7e]* HTTP/1\.1", lines[0]):
        return "request line %r" % lines[0]
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        return "bare CR, LF or NUL"
    fields = {}
    for line in lines[1:]:
        match = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x20-\x7e\x80-\xff\t]*)", line)
        if not match:
            return "header %r" % line
        fields.setdefault(match[1].lower(), []).append(match[2])
    if len(fields.get(b"host", [])) != 1:
        return "not one Host"
    if b"transfer-encoding" in fields:
        return "chunked went through"
    lengths = fields.get(b"content-length", [b"0"])
    if len(lengths) != 1 or int(lengths[0]) != len(body):
        return "length %r, %d bytes of body: a second request could hide here" % (lengths, len(body))
    return None


count = 0


def report(good, name, why=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    if not good:
        print("# " + str(why))
    sys.stdout.flush()


def probe(row, what, request):
    recorded.clear()
    answer = ask(request)
    time.sleep(0.05)
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0
    if status >= 400 or not answer:
        report(not recorded, "row %d, %s: refused with %d, nothing behind" % (row, what, status), bytes(recorded))
        return
    wrong = well_formed(recorded)
    report(status == 200 and wrong is None,
           "row %d, %s: forwarded as one fresh well-formed request" % (row, what), wrong or answer[:200])


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
PROBES = [
    ("Content-Length and chunked", POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
    ("two Content-Length", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    ("space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("folded header", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    ("bare LF", b"GET / HTTP/1.1\nHost: a\n\n"),
    ("Content-Length -1", POST + b"Content-Length: -1\r\n\r\n"),
    ("Content-Length +5", POST + b"Content-Length: +5\r\n\r\nabcde"),
    ("Transfer-Encoding xchunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunk size beyond 64 bits", POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\nabc\r\n0\r\n\r\n"),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n"),
    ("two Host", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("header of 65,000 bytes", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 65000 + b"\r\n\r\n"),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n"),
]

threading.Thread(target=recorder, daemon=True).start()
for _ in range(1200):  # until nginx is up
    try:
        socket.create_connection(("127.0.0.1", tls_port), timeout=1).close()
        break
    except OSError:
        time.sleep(0.05)
for i, (name, message) in enumerate(PROBES):
    probe(i + 1, name, message)

recorded.clear()
reply = ask([POST + b"X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 7.7.7.7\r\nForwarded: for=8.8.8.8\r\n"
            b"TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"4\r\ndefg\r\n", b"0\r\n\r\n"])
report(b" 200 " in reply[:20] and b"body 7 abcdefg\n" in reply and well_formed(recorded) is None,
       "a chunked body goes on with one Content-Length", reply)
report(b"peer 127.0.0.1 secure\n" in reply and b"7.7.7.7" not in reply and b"8.8.8.8" not in reply
       and b"TE:" not in reply, "the server behind learns the peer from nginx alone", reply)
recorded.clear()
reply = ask(b"GET /a%2520b/%C3%A9?q=%2F HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
report("GET /a%20b/é?q=%2F\n".encode() in reply, "the target is decoded once", reply)
report(b"Strict-Transport-Security: max-age=" in reply and b"X-Content-Type-Options: nosniff" in reply,
       "security headers of both are there", reply)
recorded.clear()
reply = subprocess.run(["curl", "-sk", "-m", "5", "--http2", "--resolve", "a:%d:127.0.0.1" % tls_port, "-w", "v%{http_version}",
                        "-d", "xyz", "https://a:%d/h2" % tls_port], stdout=subprocess.PIPE, check=False).stdout
report(b"body 3 xyz\n" in reply and reply.endswith(b"v2") and well_formed(recorded) is None,
       "HTTP/2 outside is HTTP/1.1 behind", reply)
recorded.clear()
reply = ask(b"GET / HTTP/1.1\r\nHost: somebody.else\r\n\r\n")
report(b" 421 " in reply[:20] and not recorded, "another Host is nobody's", reply)
recorded.clear()
reply = ask(POST + b"Content-Length: 268435457\r\n\r\n")
report(b" 413 " in reply[:20] and not recorded, "a body over the cap is refused before it comes", reply)


# ---- the same house through HTTP/2: what a frame carries must not become a second request in HTTP/1.1
def probe_h2(what, fields, body):
    recorded.clear()
    chosen, status = nginx_h2.ask(tls_port, fields, body)
    time.sleep(0.05)
    in_order = what.startswith("in order")
    if chosen != "h2":
        report(False, "HTTP/2, %s" % what, "not HTTP/2 but %s" % chosen)
    elif in_order or recorded:
        wrong = well_formed(recorded) if recorded else "nothing came through"
        report(status == 200 and wrong is None,
               "HTTP/2, %s: forwarded as one fresh well-formed request" % what, (status, wrong))
    else:
        report(status == 0 or status >= 400, "HTTP/2, %s: refused with %d, nothing behind" % (what, status), status)


for item in nginx_h2.probes():
    probe_h2(*item)
