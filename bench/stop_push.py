#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A national stop on its way to every connected node: stop_push.py [--nodes 12] [--orders 20] [--idle 10000] [--figures]

Real processes on this machine: the registry and nodes of a made demo, more nodes until there are N, each with its own
key, in a house that has a deployment. Each order is signed by a key of the health authority and posted; printed are the
times from the answer of the registry until the last node obeyed (by the node's own signed acknowledgement, same clock),
and until the last acknowledgement was in the log. --figures prints them as tools/bench.sh reads them. With --idle, that many long polls of strangers are open meanwhile.
Environment: AMANE (build/amane)."""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "test", "support"))
os.environ.setdefault("AMANE", os.path.join(ROOT, "build", "amane"))
from world import Server, World, call  # noqa: E402


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def instant(text):
    text = text.rstrip("Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f" if "." in text else "%Y-%m-%dT%H:%M:%S").replace(
        tzinfo=timezone.utc).timestamp()


class Country(World):
    def __init__(self, folder):
        super().__init__(folder)
        self.made = 0
        self.reg = self.registry()
        self.nodes = [self.node(i) for i in range(len(self.w["nodes"]))]

    def signed(self, kind, record, key):
        self.made += 1
        base = "%s/push-%d" % (self.dir, self.made)
        with open(base, "w") as f:
            json.dump(record, f)
        subprocess.run([self.amane, "sign", base, "--key", key, "--kind", kind, "--type-base", self.w["type_base"],
                        "--out", base + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        with open(base + ".dsse") as f:
            return f.read()

    def say(self, kind, record, key, where="events"):
        status, v = call(self.reg.port, "POST", "/api/v1/" + where, self.signed(kind, record, key))
        if status != 201:
            raise RuntimeError("%s: %d %s" % (record.get("type", kind), status, v))
        return v

    def grant(self, role, org, spki, gst, establishment=""):
        key = {"role": role, "org_id": org, "label": org, "gst": gst, "spki": spki}
        if establishment:
            key["establishment"] = establishment
        self.say("event", {"type": "key_grant", "issued_at": now(), "issuer": {"role": "msps", "org_id": "MSPS"}, "key": key},
                 self.dir + "/actors/msps.key")

    def more(self, i, house):
        """One more node in a house that has a deployment, with a key of its own."""
        name = "x%02d" % i
        folder = "%s/%s" % (self.dir, name)
        out = subprocess.run([self.amane, "node", "init", "--data", folder, "--name", name, "--gst", house["gst"],
                              "--establishment", house["establishment"], "--json"], check=True, capture_output=True)
        self.grant("system", name, json.loads(out.stdout)["service_spki"], house["gst"])
        return Server([self.amane, "node", "--data", folder, "--listen", "127.0.0.1:0", "--registry", self.w["registry"]["url"],
                       "--genesis", self.w["genesis"], "--poll-ms", "500", "--checkpoint-s", "300"], folder + ".log")

    def end(self):
        for s in self.nodes + [self.reg]:
            s.stop()


def idle(port, n):
    """Long polls that nobody reads; those turned away are closed, and counted."""
    held, away = [], 0
    for k in range(n):
        s = socket.socket()
        s.settimeout(5)
        s.bind(("127.0.%d.%d" % (1 + k // 200 % 200, 1 + k % 200), 0))  # as if from many addresses
        s.connect(("127.0.0.1", port))
        s.sendall(b"GET /api/v1/stops?since=99999999&wait=50 HTTP/1.1\r\nHost: x\r\n\r\n")
        held.append(s)
    time.sleep(1)
    for s in held:
        s.setblocking(False)
        try:
            away += s.recv(64).startswith(b"HTTP/1.1 503")
        except OSError:
            pass
    return held, away


def percentile(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, int(p * len(v)))]


def figures(a, concerned, rows):
    """One JSON line each, as every program under bench/."""
    conditions = "%d nodes in processes of their own, %d of them concerned, %d national orders, %d CPUs shared, load average %.1f" % (
        a.nodes, concerned, a.orders, os.cpu_count(), os.getloadavg()[0])
    for name, target, v in rows:
        for p in (0.5, 0.95, 0.99):
            print(json.dumps({"figure": "stop.%s_p%d" % (name, round(p * 100)), "value": round(percentile(v, p) * 1000, 1), "unit": "ms",
                              "target": target if p == 0.99 else None, "better": "lower", "peer": None, "peer_value": None,
                              "conditions": conditions}))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--figures", action="store_true")
    a.add_argument("--nodes", type=int, default=12)
    a.add_argument("--orders", type=int, default=20)
    a.add_argument("--idle", type=int, default=0)
    a = a.parse_args()
    folder = tempfile.mkdtemp(prefix="amane-push-")
    c, held = None, []
    try:
        subprocess.run([os.environ["AMANE"], "demo", "--data", folder + "/world", "--made", "--until", "6"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        c = Country(folder + "/world")
        first = call(c.reg.port, "GET", "/api/v1/deployments")[1]["items"][0]
        model = first["model_digest"]
        houses = call(c.reg.port, "GET", "/api/v1/deployments")[1]["items"]
        own = len({h["establishment"] for h in houses})
        for i in range(len(c.nodes), a.nodes):
            c.nodes.append(c.more(i, houses[i % len(houses)]))
        concerned = own + a.nodes - len(c.w["nodes"])
        deadline = time.time() + 60
        while time.time() < deadline and any(
                call(s.port, "GET", "/api/v1/state")[1]["size"] < call(c.reg.port, "GET", "/readyz")[1]["size"] for s in c.nodes):
            time.sleep(0.2)
        time.sleep(2)  # every node holds its poll
        held, away = idle(c.reg.port, a.idle) if a.idle else ([], 0)
        effect, every, logged, unanswered = [], [], [], 0
        for k in range(a.orders):
            envelope = c.signed("event", {"type": "stop", "issued_at": now(), "issuer": {"role": "has", "org_id": "HAS"},
                                          "scope": "national", "model_digest": model, "motive_code": "drill",
                                          "effect_at": now(), "reason": "drill %d" % k}, c.dir + "/actors/has-1.key")
            status, v = call(c.reg.port, "POST", "/api/v1/events", envelope)
            accepted = time.time()
            if status != 201:
                raise RuntimeError("stop: %d %s" % (status, v))
            while True:
                s = [x for x in call(c.reg.port, "GET", "/api/v1/stops?since=%d" % v["index"])[1]["items"] if x["index"] == v["index"]][0]
                if len(s["ack"]) >= concerned or time.time() > accepted + 30:
                    break
                time.sleep(0.005)
            logged.append(time.time() - accepted)
            took = [max(0.0, instant(x["effect_at"]) - accepted) for x in s["ack"]]
            every.extend(took)
            effect.append(max(took))
            if len(s["ack"]) < concerned:
                print("order %d: %d of %d nodes answered" % (k, len(s["ack"]), concerned), file=sys.stderr)
                unanswered += 1
        if a.figures:
            if unanswered:
                raise RuntimeError("%d orders were not obeyed everywhere within 30 s" % unanswered)
            figures(a, concerned, (("effective", 2000, every), ("acknowledged", None, logged)))
            return
        print("stop_push: %d nodes (%d concerned), %d orders, %d idle polls (%d turned away), load %.1f" %
              (a.nodes, concerned, a.orders, a.idle, away, os.getloadavg()[0]))
        for name, v in (("effective, each node", every), ("effective, all nodes", effect), ("all acknowledgements logged", logged)):
            print("  %-28s p50 %7.1f ms  p99 %7.1f ms  max %7.1f ms" %
                  (name, statistics.median(v) * 1000, percentile(v, 0.99) * 1000, max(v) * 1000))
    finally:
        for s in held:
            s.close()
        if c:
            c.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
