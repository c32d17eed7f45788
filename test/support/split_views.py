#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that shows two histories to two halves of a country: split_views.py DEMO_DIR [CHECKER].

n01 and n02 ask the registry, n03 and n04 a fork of it with the same key; each lets its own half cosign. The nodes
compare. CHECKER (test/go/split) says whether evidence convicts.
"""
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import time

from faults_servers import until
from world import Server, Tap, World, call


class Halves(World):
    def __init__(self, folder, checker):
        super().__init__(folder)
        self.checker = checker
        self.servers = {}
        self.made = 0
        first = json.load(open(folder + "/world.json"))["genesis"]
        said = subprocess.run(["/usr/bin/python3", os.path.dirname(__file__) + "/stranger.py", self.w["nodes"][0]["dir"],
                               first, "policy"], check=True, stdout=subprocess.PIPE).stdout.decode()
        self.key = said.split("\n")[0].split(" ")[1]
        self.witnesses = open(self.w["registry"]["dir"] + "/witnesses").read()
        self.settings = [open(n["dir"] + "/node.conf").read() if os.path.exists(n["dir"] + "/node.conf") else ""
                         for n in self.w["nodes"]]

    def grant(self):
        """A signed key_grant of a fresh key: the smallest statement there is."""
        self.made += 1
        base = "%s/split-%d" % (self.dir, self.made)
        subprocess.run([self.amane, "key", "new", "--out", base + ".key"], check=True, stdout=subprocess.DEVNULL)
        spki = "".join(x for x in open(base + ".key.pub").read().splitlines() if not x.startswith("-"))
        json.dump({"issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                   "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "key_grant",
                   "key": {"role": "auditor", "org_id": "SPL%d" % self.made, "label": "Auditor", "spki": spki}},
                  open(base, "w"))
        subprocess.run([self.amane, "sign", base, "--key", self.dir + "/actors/msps.key", "--kind", "event", "--type-base",
                        self.w["type_base"], "--out", base + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        return open(base + ".dsse").read()

    def start_registry(self, name, folder, port, nodes):
        """Only the named nodes are asked to cosign."""
        lines = [x for x in self.witnesses.splitlines() if x.split(" ")[0] in nodes]
        open(folder + "/witnesses", "w").write("\n".join(lines) + "\n")
        self.servers[name] = Server([self.amane, "registry", "--data", folder, "--listen", "127.0.0.1:%d" % port],
                                    "%s/%s.log" % (self.dir, name))
        return self.servers[name].port

    def start_node(self, i, registry_port, peers):
        n = self.w["nodes"][i]
        urls = " ".join("http://127.0.0.1:%d" % self.w["nodes"][k]["port"] for k in peers)
        open(n["dir"] + "/node.conf", "w").write(self.settings[i] + "\npeers = %s\npeers_s = 1\n" % urls)
        self.servers[i] = Server([self.amane, "node", "--data", n["dir"], "--listen", "127.0.0.1:%d" % n["port"],
                                  "--registry", "http://127.0.0.1:%d" % registry_port, "--genesis", self.w["genesis"],
                                  "--registry-token-file", "%s/%s.token" % (self.dir, n["name"]), "--poll-ms", "200"],
                                 "%s/%s.log" % (self.dir, n["name"]))

    def end(self, *which):
        for k in which or list(self.servers):
            self.servers.pop(k).stop()

    def state(self, i):
        return call(self.servers[i].port, "GET", "/api/v1/state")[1]

    def evidence(self, i):
        return call(self.servers[i].port, "GET", "/witness/evidence")[1]

    def convicts(self, evidence):
        """None: nobody to ask."""
        if not self.checker:
            return None
        path = self.dir + "/evidence.json"
        json.dump(evidence, open(path, "w"))
        p = subprocess.run([self.checker, path, self.key], stdout=subprocess.PIPE)
        return p.returncode == 0

    def halted(self, name):
        got = call(self.servers[name].port, "POST", "/api/v1/events", self.grant())
        return got[0] == 503 and [p["code"] for p in got[1]["problems"]] == ["registry.split"]


ALL = range(4)
PEERS = ([2], [0], [0], [2])  # n02 and n04 hear of it from their neighbour only
NAMES = ["n01", "n02", "n03", "n04"]


def whole(c):
    """One registry, as it should be."""
    port = c.start_registry("registry", c.w["registry"]["dir"], c.w["registry"]["port"], NAMES)
    for i in ALL:
        c.start_node(i, port, PEERS[i])
    if call(port, "POST", "/api/v1/events", c.grant())[0] != 201:
        return False
    size = call(port, "GET", "/readyz")[1]["size"]
    return until(lambda: all(c.state(i)["size"] == size for i in ALL))


def altered(item, member):
    """The item with one character changed; of a note, one that its log signed: cosignatures may follow."""
    v = json.loads(json.dumps(item))
    text = v[member][0] if isinstance(v[member], list) else v[member]
    at = (text.index("\n\n") if "\n\n" in text else len(text)) - 8
    text = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
    v[member] = [text] + v[member][1:] if isinstance(v[member], list) else text
    return {"items": [v]}


def proved(c, tap, what, kinds):
    tap.ok(until(lambda: all(c.state(i)["split_proved"] for i in ALL)), "%s: proved to every node that has a peer" % what)
    for i in ALL:
        v = c.evidence(i)
        if not v["items"] or not set(x["kind"] for x in v["items"]) <= kinds:
            tap.ok(False, "n0%d publishes %s" % (i + 1, [x["kind"] for x in v["items"]]))
        if c.convicts(v) is False:
            tap.ok(False, "Go: the evidence of n0%d convicts" % (i + 1))
    kept = [json.load(open(p)) for p in glob.glob(c.w["nodes"][0]["dir"] + "/witness/split-*.json")]
    item = c.evidence(0)["items"][0]
    tap.ok(item in kept, "what is published is kept in a file")
    if not c.checker:
        tap.ok(True, "# SKIP go or golang-golang-x-mod-dev is not installed")
        return
    tap.ok(c.convicts(item), "Go's note and tlog convict the registry with the log's key alone")
    wrong = [m for m in ("note", "known", "root", "proof") if item[m] and c.convicts(altered(item, m))]
    tap.ok(not wrong, "one character changed in any part: Go refuses it %s" % wrong)


def halts(c, tap, what, folder, port):
    tap.ok(until(lambda: call(c.servers["registry"].port, "GET", "/readyz")[0] == 503), "%s: the registry is not ready" % what)
    tap.ok(c.halted("registry"), "and admits nothing")
    rnd = random.Random(len(what))
    still = []
    for k in range(6):  # killed at any moment, told by nobody
        c.servers.pop("registry").kill()
        c.start_registry("registry", folder, port, NAMES if k < 2 else [])
        still.append(call(c.servers["registry"].port, "GET", "/readyz")[1].get("reason") == "split" and
                     c.halted("registry"))
        time.sleep(rnd.random() * 0.3)
    tap.ok(all(still), "kill -9, six times, its witnesses gone: it stays halted %s" % still)
    c.servers.pop(0).kill()
    c.start_node(0, port, [])
    tap.ok(c.state(0)["split_proved"] and c.evidence(0)["items"], "a node killed -9 keeps alarm and evidence")


def inquiry(c, folder):
    """What the guides tell an operator to do once the right log has been named."""
    c.end()
    for path in glob.glob(folder + "/split-*.note"):
        shutil.move(path, c.dir)
    for i in ALL:
        for path in glob.glob(c.w["nodes"][i]["dir"] + "/witness/split-*"):
            os.unlink(path)
    for i in (2, 3):  # they had signed the other history: their oath is lifted by decision
        for path in glob.glob(c.w["nodes"][i]["dir"] + "/witness/*.note"):
            os.unlink(path)


def split(c, tap, what, ours, theirs, kinds):
    folder, port = c.w["registry"]["dir"], c.w["registry"]["port"]
    tap.ok(whole(c), "%s: the country is of one mind" % what)
    c.end()
    fork = "%s/fork-%d" % (c.dir, c.made)
    shutil.copytree(folder, fork)
    a = c.start_registry("registry", folder, port, NAMES[:2])
    b = c.start_registry("fork", fork, 0, NAMES[2:])
    said = [call(a, "POST", "/api/v1/events", c.grant())[0] for _ in range(ours)]
    said += [call(b, "POST", "/api/v1/events", c.grant())[0] for _ in range(theirs)]
    sizes = [call(x, "GET", "/readyz")[1]["size"] for x in (a, b)]
    tap.ok(set(said) == {201} and sizes[1] - sizes[0] == theirs - ours,
           "%s: two histories, of %d and %d entries" % (what, sizes[0], sizes[1]))
    for i in ALL:
        c.start_node(i, (a, a, b, b)[i], PEERS[i])
    proved(c, tap, what, kinds)
    for port_of in (a, b):  # a new checkpoint is carried to witnesses, who say what they hold
        call(port_of, "POST", "/api/v1/events", c.grant())
    tap.ok(until(lambda: call(b, "GET", "/readyz")[0] == 503), "the fork is told, too")
    c.end("fork")
    halts(c, tap, what, folder, port)
    inquiry(c, folder)
    tap.ok(whole(c), "%s: after the inquiry the country goes on" % what)
    tap.ok(not any(c.state(i)["split_view"] or c.evidence(i)["items"] for i in ALL), "with no alarm left")
    c.end()


def main(folder, checker):
    tap = Tap()
    c = Halves(folder, checker)
    try:
        split(c, tap, "one size", 1, 1, {"two_roots"})
        split(c, tap, "the fork is larger", 1, 3, {"other_past"})
        split(c, tap, "the fork is smaller", 3, 1, {"other_past"})
    finally:
        for s in c.servers.values():
            if s.p.poll() is None:
                s.kill()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
