# SPDX-License-Identifier: Apache-2.0
"""Servers of a demo folder (world.json), started again and killed at will, for the fault tests."""
import http.client
import json
import os
import signal
import subprocess
import sys


class Server:
    def __init__(self, argv, log):
        self.out = open(log, "ab")
        self.p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=self.out)
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError("%s did not start, see %s" % (argv[1], log))
        self.ready = json.loads(line)
        self.port = int(self.ready["url"].rsplit(":", 1)[1])

    def kill(self):
        """-9, and waited for."""
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()
        self.out.close()

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        code = self.p.wait(30)
        self.out.close()
        return code


class World:
    def __init__(self, folder):
        self.dir = folder
        self.amane = os.environ["AMANE"]
        self.w = json.load(open(folder + "/world.json"))

    def registry(self):
        r = self.w["registry"]
        return Server([self.amane, "registry", "--data", r["dir"], "--listen", "127.0.0.1:%d" % r["port"]],
                      self.dir + "/registry.log")

    def node(self, i, *more):
        n = self.w["nodes"][i]
        return Server([self.amane, "node", "--data", n["dir"], "--listen", "127.0.0.1:%d" % n["port"], "--registry",
                       self.w["registry"]["url"], "--genesis", self.w["genesis"], "--registry-token-file",
                       "%s/%s.token" % (self.dir, n["name"]), "--poll-ms", "200", "--checkpoint-s", "2"] + list(more),
                      "%s/%s.log" % (self.dir, n["name"]))


def call(port, method, path, body=None, token=None, timeout=60):
    """(status, parsed body or bytes); raises OSError or HTTPException when the peer dies."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        head = {"Content-Type": "application/json"}
        if token:
            head["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        c.request(method, path, body, head)
        r = c.getresponse()
        data = r.read()
        if data[:1] in (b"{", b"["):
            return r.status, json.loads(data)
        return r.status, data
    finally:
        c.close()


def second_fold(tap, registry, wanted=0):
    """The log of a registry that has stopped, folded again by a program that shares no code with ours."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
    from fold import compare
    copy = registry + "-again"
    p = subprocess.run([os.environ["AMANE"], "log", "export", registry, copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sizes, n, wrong = compare(copy, os.environ["AMANE"], wanted) if p.returncode == 0 else (0, 0, [p.stdout.decode()])
    tap.ok(not wrong, "a second fold gives the same states at %d sizes of %d entries" % (sizes, n))
    for line in wrong[:10]:
        print("# " + line[:900])


class Tap:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def ok(self, good, text):
        self.n += 1
        self.bad += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.n, text), flush=True)

    def end(self):
        print("1..%d" % self.n)
        return 1 if self.bad else 0
