#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that go away, come back older or come back twice: faults_servers.py DEMO_DIR.

The registry of a made world is killed, rolled back and forked under four running nodes; a stop is pressed in the
meantime; weights are altered on disk; a loaded node is told to end.
"""
import glob
import http.client
import os
import shutil
import subprocess
import sys
import threading
import time

from world import Server, Tap, World, call


def until(check, seconds=60):
    """What check() answered in the end; waits for it to be true."""
    end = time.time() + seconds
    while True:
        got = check()
        if got or time.time() > end:
            return got
        time.sleep(0.1)


class Country(World):
    """The world with all its servers up."""

    def __init__(self, folder):
        super().__init__(folder)
        self.nodes = [self.node(i) for i in range(len(self.w["nodes"]))]
        self.reg = self.registry()
        self.made = 0
        self.others = []

    def another_registry(self, folder, port):
        s = Server([self.amane, "registry", "--data", folder, "--listen", "127.0.0.1:%d" % port], folder + ".log")
        self.others.append(s)
        return s

    def end(self):
        return [s.stop() for s in self.nodes + [self.reg]]

    def state(self, i):
        return call(self.nodes[i].port, "GET", "/api/v1/state")[1]

    def predict(self, i, k=0):
        n = self.w["nodes"][i]
        return call(self.nodes[i].port, "POST", "/api/v1/predictions", n["requests"][k], n["physician_token"])

    def grant(self):
        """A signed key_grant of a fresh key: the smallest statement there is."""
        self.made += 1
        base = "%s/fault-%d" % (self.dir, self.made)
        subprocess.run([self.amane, "key", "new", "--out", base + ".key"], check=True, stdout=subprocess.DEVNULL)
        spki = "".join(x for x in open(base + ".key.pub").read().splitlines() if not x.startswith("-"))
        key = '{"role":"auditor","org_id":"AUD%d","label":"Auditor","spki":"%s"}' % (self.made, spki)
        open(base, "w").write('{"issued_at":"%s","issuer":{"role":"msps","org_id":"MSPS"},"type":"key_grant","key":%s}'
                              % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), key))
        subprocess.run([self.amane, "sign", base, "--key", self.dir + "/actors/msps.key", "--kind", "event", "--type-base",
                        self.w["type_base"], "--out", base + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        return open(base + ".dsse").read()

    def log_size(self, port):
        v = call(port, "GET", "/readyz")[1]
        return v["size"], v["cosigned"]

    def settled(self, port=None):
        """Everything logged is cosigned, and mirrored by every node."""
        def same():
            size, cosigned = self.log_size(port or self.reg.port)
            return size == cosigned and all(self.state(i)["size"] == size for i in range(len(self.nodes)))
        return until(same)

    def evidence(self, i):
        return call(self.nodes[i].port, "GET", "/witness/evidence")[1]["items"]

    def kept(self, i):
        return glob.glob(self.w["nodes"][i]["dir"] + "/witness/split-*")

    def clear_alarms(self):
        """What operators do after an inquiry: the evidence is moved away, everywhere before anybody asks a neighbour."""
        for s in self.nodes + [self.reg]:
            s.stop()
        for path in sum((self.kept(i) for i in range(4)), glob.glob(self.w["registry"]["dir"] + "/split-*.note")):
            os.unlink(path)
        self.reg = self.registry()
        self.nodes = [self.node(i) for i in range(4)]


def codes(reply):
    return [p["code"] for p in reply[1]["problems"]] if isinstance(reply[1], dict) else []


def weights(c, tap):
    digest = None
    for path in glob.glob(c.w["nodes"][1]["dir"] + "/blobs/sha256/*/*"):
        data = open(path, "rb").read()
        if data[:2] == b'{"' and b'"learner"' in data[:200]:
            digest = path
    tap.ok(c.predict(1)[0] == 201, "a prediction is given")
    data = open(digest, "rb").read()
    bad = bytearray(data)
    bad[len(bad) // 2] ^= 1
    open(digest, "wb").write(bad)
    got = c.predict(1)
    tap.ok(got[0] == 422 and "refusal.digest_mismatch" in codes(got),
           "weights altered on disk under a running node: refused at the next prediction (%d)" % got[0])
    open(digest, "wb").write(data)
    tap.ok(c.predict(1)[0] == 201, "the file restored, predictions are given again")


def drain(c, tap):
    n = c.w["nodes"][1]
    given, odd, stop = [], [], threading.Event()
    port = c.nodes[1].port

    def work(k):
        while not stop.is_set():
            try:
                status, v = call(port, "POST", "/api/v1/predictions", n["requests"][k % len(n["requests"])],
                                 n["physician_token"])
                if status == 201:
                    given.append(v["id"])
                elif status != 503:  # draining: told to come back, nothing begun
                    odd.append((status, v))
            except (OSError, http.client.HTTPException):
                return

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    until(lambda: len(given) >= 20 or odd)
    code = c.nodes[1].stop()
    stop.set()
    for t in threads:
        t.join()
    tap.ok(code == 0, "SIGTERM under load: the node drains and exits 0 after %d predictions" % len(given))
    tap.ok(not odd, "every answer under load was a prediction, or 503 while draining %s" % odd[:1])
    c.nodes[1] = c.node(1)
    missing = [i for i in given
               if call(c.nodes[1].port, "GET", "/api/v1/predictions/" + i, token=n["physician_token"])[0] != 200]
    tap.ok(not missing, "every prediction answered before the end is there after a restart")
    code = c.reg.stop()
    c.reg = c.registry()
    tap.ok(code == 0, "the registry ends cleanly too")


def away(c, tap):
    n = c.w["nodes"][0]
    before = len(call(c.reg.port, "GET", "/api/v1/stops")[1]["items"])
    c.reg.kill()
    tap.ok(until(lambda: not c.state(0)["registry_reachable"]), "the node notices that the registry is gone")
    got = c.predict(0)
    tap.ok(got[0] == 201, "without a registry predictions go on within the lease")
    order = call(c.nodes[0].port, "POST", "/api/v1/stops", {"scope": "establishment", "deployment": n["deployment"]},
                 n["admin_token"])
    t = time.time()
    next_one = c.predict(0)
    ms = (time.time() - t) * 1000
    tap.ok(order[0] == 201 and order[1]["withdrawn"] >= 1, "the director stops it: pending outputs are withdrawn")
    tap.ok(next_one[0] == 422 and "refusal.stopped" in codes(next_one),
           "the very next request is refused (%.0f ms later)" % ms)
    row = call(c.nodes[0].port, "GET", "/api/v1/predictions/" + got[1]["id"], token=n["physician_token"])[1]
    tap.ok(row["status"] == "withdrawn", "the output that waited is withdrawn")
    tap.ok(c.state(0)["outbox"] == 1, "the order waits for the registry")
    c.nodes[0].kill()
    c.nodes[0] = c.node(0)
    tap.ok("refusal.stopped" in codes(c.predict(0)), "the stop outlives a kill -9 of the node")
    c.reg = c.registry()

    def mine():
        items = call(c.reg.port, "GET", "/api/v1/stops")[1]["items"]
        return [s for s in items if s["order"] == order[1]["order"]]

    tap.ok(until(lambda: len(mine()) == 1 and len(mine()[0]["ack"]) == 1),
           "the registry back: the order is logged and acknowledged by the node")
    c.settled()
    time.sleep(1)
    after = call(c.reg.port, "GET", "/api/v1/stops")[1]["items"]
    tap.ok(len(after) == before + 1 and len(mine()[0]["ack"]) == 1, "once, and acknowledged once")
    tap.ok(c.predict(1)[0] == 201, "the other establishment goes on")


def copy_of(c, name):
    to = "%s/%s" % (c.dir, name)
    shutil.copytree(c.w["registry"]["dir"], to)
    return to


def rolled_back(c, tap):
    """The registry's disk is restored from an older copy, on the same address."""
    old = copy_of(c, "registry-old")
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(c.settled(), "the log grows and is mirrored")
    size = c.state(2)["size"]
    c.reg.stop()
    until(lambda: not c.state(2)["registry_reachable"])  # nothing on its way any more
    lease = c.state(2)["lease_at"]
    port = c.w["registry"]["port"]
    s = c.another_registry(old, port)
    until(lambda: c.state(2)["registry_reachable"])
    v = c.state(2)
    tap.ok(v["size"] == size and v["lease_at"] == lease, "a registry rolled back: no node follows it, no lease is renewed")
    tap.ok(not v["split_view"], "less of the same history is not yet another history")
    tap.ok(until(lambda: call(port, "GET", "/readyz")[0] == 503), "the witnesses show it what it had signed: it is not ready")
    tap.ok(call(port, "GET", "/readyz")[1].get("reason") == "split", "and says why")
    got = call(port, "POST", "/api/v1/events", c.grant())
    tap.ok(got[0] == 503 and "registry.split" in codes(got), "it admits nothing (%d)" % got[0])
    tap.ok(b"amane_split_proved 1" in call(port, "GET", "/metrics")[1], "its metrics raise the alarm")
    tap.ok(not any(c.state(i)["split_view"] for i in range(4)), "so that no second history is ever written")
    s.stop()
    c.reg = c.registry()
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(c.settled(), "the right one back, everybody goes on")


def split(c, tap):
    """Two registries with the same key at the same time."""
    c.reg.stop()
    fork = copy_of(c, "registry-fork")
    c.reg = c.registry()
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(c.settled(), "the right registry logs its entry, cosigned")
    os.rename(fork + "/witnesses", fork + "/asked-later")
    s = c.another_registry(fork, 0)
    call(s.port, "POST", "/api/v1/events", c.grant())  # in the dark: no witness can warn it
    s.stop()
    os.rename(fork + "/asked-later", fork + "/witnesses")
    s = c.another_registry(fork, 0)
    tap.ok(until(lambda: all(c.state(i)["split_view"] for i in range(4))), "two histories: every node says split_view")
    size, cosigned = c.log_size(s.port)
    tap.ok(cosigned < size, "the second registry gets no cosignature (%d of %d entries)" % (cosigned, size))

    def refused():  # a node knows before the registry has read its answer
        seen = call(s.port, "GET", "/api/v1/witnesses")[1]["items"]
        return seen and all(w["failures"] > 0 for w in seen)

    tap.ok(until(refused), "every witness refuses it")
    tap.ok(until(lambda: "registry.split_proved" in open(c.dir + "/registry-fork.log").read()),
           "and shows it why: it stops by itself")
    s.stop()
    tap.ok(until(lambda: any(c.state(i)["split_proved"] for i in range(4))), "proved to those who can compare")
    tap.ok(all(c.evidence(i) for i in range(4) if c.state(i)["split_proved"]), "and the proof is published")
    tap.ok(until(lambda: all(c.kept(i) for i in range(4))), "every node keeps it, told by a neighbour if need be")
    c.nodes[2].stop()
    c.nodes[2] = c.node(2)
    tap.ok(c.state(2)["split_view"], "the alarm outlives a restart")
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(until(lambda: call(c.reg.port, "GET", "/readyz")[0] == 503), "the evidence convinces the right registry too")
    got = call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(got[0] == 503 and "registry.split" in codes(got), "which admits nothing: its key is used elsewhere")
    c.clear_alarms()
    call(c.reg.port, "POST", "/api/v1/events", c.grant())
    tap.ok(c.settled(), "after the inquiry the right registry goes on")


def listen(c, tap):
    p = subprocess.run([c.amane, "registry", "--data", c.w["registry"]["dir"] + "-x", "--listen", "0.0.0.0:0"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    tap.ok(p.returncode != 0, "no folder, no server")
    c.reg.stop()
    for what, argv in (("registry", [c.amane, "registry", "--data", c.w["registry"]["dir"]]),
                       ("node", [c.amane, "node", "--data", c.w["nodes"][3]["dir"], "--registry", c.w["registry"]["url"],
                                 "--genesis", c.w["genesis"]])):
        if what == "node":
            c.nodes[3].stop()
        p = subprocess.run(argv + ["--listen", "0.0.0.0:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        tap.ok(p.returncode not in (0, -11, -6) and b"tls" in p.stderr.lower() and not p.stdout,
               "%s beyond loopback without TLS: refused, and told why" % what)
    c.reg = c.registry()
    c.nodes[3] = c.node(3)


def main(folder):
    tap = Tap()
    c = Country(folder)
    try:
        tap.ok(c.settled(), "the country is up")
        for part in (weights, drain, rolled_back, split, away, listen):
            part(c, tap)
        tap.ok(c.end() == [0] * 5, "all servers end cleanly")
    finally:
        for s in c.nodes + [c.reg] + c.others:
            if s.p.poll() is None:
                s.kill()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
