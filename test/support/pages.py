#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Puts a demo's world up again with something on every page, and runs a command on it: pages.py DEMO_DIR COMMAND...

The command gets PAGES_WORLD, a JSON file {registry, node, accounts, at}: addresses of both servers, login -> password, and
what stands for {name} in the addresses of web/gallery.json. It runs twice: PAGES_PART=all on the world, then =split after
the registry was put back to an older copy of its data, which its witnesses prove, and the first node was shown another
history."""
import base64
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

from world import Server, World, call

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PEOPLE = (  # login, role, function, organisation
    ("bureau", "msps", "registry_desk", "MSPS"),
    ("ministere", "msps", "authority", "MSPS"),
    ("membre", "has", "commissioner", "HAS"),
    ("fournisseur", "vendor", "", "DEMOAI"),
    ("auditeur", "auditor", "", "OBS1"),
    ("second", "auditor", "", "OBS1"),
)


def at(days=0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


class Seed:
    def __init__(self, c, reg):
        self.c, self.port, self.admin = c, reg.port, c.w["registry"]["admin_token"]

    def ask(self, method, path, body=None, token=None):
        status, said = call(self.port, method, path, body, token or self.admin)
        if status >= 300:
            raise RuntimeError("%s %s: %d %s" % (method, path, status, said))
        return said

    def say(self, actor, role, org, members):
        """An event signed by an actor of the demo: its receipt, and the digest of its record."""
        record = {"issued_at": at(), "issuer": {"role": role, "org_id": org}, **members}
        base = "%s/event.json" % self.c.dir
        json.dump(record, open(base, "w"))
        subprocess.run([self.c.amane, "sign", base, "--key", "%s/actors/%s.key" % (self.c.dir, actor), "--kind", "event",
                        "--type-base", self.c.w["type_base"], "--out", base + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self.ask("POST", "/api/v1/events", open(base + ".dsse").read()), hashlib.sha256(text.encode()).hexdigest()

    def key(self, name, role, org):
        out = "%s/actors/%s.key" % (self.c.dir, name)
        subprocess.run([self.c.amane, "key", "new", "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pem = open(out + ".pub").read()
        spki = "".join(line for line in pem.splitlines() if not line.startswith("-"))
        base64.b64decode(spki, validate=True)
        self.say("msps", "msps", "MSPS", {"type": "key_grant", "key": {"role": role, "org_id": org, "label": org, "spki": spki}})

    def accounts(self):
        made = {"medecin": "demo-demo-demo"}
        n = self.c.w["nodes"][0]
        for login, role in (("informatique", "dsi"), ("securite", "rssi")):
            made[login] = "mot de passe de " + login
            body = {"login": login, "password": made[login], "role": role, "org_id": "CHU-RABAT", "establishment": "CHU-RABAT"}
            status, said = call(n["port"], "POST", "/api/v1/accounts", body, n["admin_token"])
            if status != 201:
                raise RuntimeError("account %s: %d %s" % (login, status, said))
        for login, role, function, org in PEOPLE:
            made[login] = "mot de passe de " + login
            body = {"login": login, "password": made[login], "role": role, "org_id": org}
            self.ask("POST", "/api/v1/accounts", {**body, **({"function": function} if function else {})})
        return made

    def stop(self, i, motive):
        """A region's stop, by its own direction: the digest of the order."""
        gst = self.c.w["nodes"][i - 1]["gst"]
        return self.say("gst-%d" % i, "gst", gst, {"type": "stop", "scope": "region", "gst": gst, "motive_code": motive,
                                                   "model_digest": self.c.w["model_digest"], "effect_at": at()})[1]

    def facts(self):
        """A stop of a region without patients, a case, a deposit; what their pages are called."""
        model, found = self.c.w["model_digest"], {}
        found["order"] = self.stop(4, "patient_safety")
        found["case"] = "VIG-2026-ABCDEFGHIJ"
        self.say("quality-1", "quality", "CHU-RABAT", {
            "type": "vigilance", "case_id": found["case"], "model_digest": model, "establishment": "CHU-RABAT", "gst": "GST-RSK",
            "severity": "life_threatening", "false_negative": True, "aware_at": at(-5), "traces": [hashlib.sha256(b"t").hexdigest()],
            "terms": ["A110204", "E0101"]})
        self.key("depositary", "escrow_agent", "TIERS1")
        items = json.load(open(ROOT + "/schema/examples/event-escrow-receipt.json"))["items"]
        text = json.dumps(items, sort_keys=True, separators=(",", ":"))
        self.say("depositary", "escrow_agent", "TIERS1", {
            "type": "escrow_receipt", "model_digest": model, "deposit_id": "D-2026-014", "deposited_at": at(-3), "level": 0,
            "items": items, "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(), "conditions": ["insolvency", "court_order"]})
        return found

    def waiting(self):
        """A draft and a text that waits for signatures, among many."""
        _, said = call(self.port, "POST", "/api/v1/sessions", {"login": "fournisseur", "password": "mot de passe de fournisseur"})
        record = json.load(open(self.c.dir + "/version.json"))
        draft = self.ask("POST", "/api/v1/drafts", {"kind": "version", "record": {k: record[k] for k in list(record)[:25]}},
                         said["token"])
        for i in range(26):  # more than a page of files shows
            self.ask("POST", "/api/v1/drafts", {"kind": "algorithm", "record": {"trade_name": {"fr": "Essai %d" % i}}}, said["token"])
        _, said = call(self.port, "POST", "/api/v1/sessions", {"login": "ministere", "password": "mot de passe de ministere"})
        def order(day):
            return {"kind": "event", "record": {
                "issued_at": at(), "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "stop", "scope": "national",
                "model_digest": self.c.w["model_digest"], "motive_code": "drill", "effect_at": at(day)}}
        for day in range(2, 28):  # more than a page of texts to sign shows
            self.ask("POST", "/api/v1/proposals", order(day), said["token"])
        return {"draft": draft["id"], "proposal": self.ask("POST", "/api/v1/proposals", order(1), said["token"])["payload_sha256"]}


def seed(c, reg):
    s = Seed(c, reg)
    world = {"registry": c.w["registry"]["url"], "node": c.w["nodes"][0]["url"], "accounts": s.accounts()}
    world["at"] = {"model": c.w["model_digest"], "algorithm": c.w["algorithm_id"], **s.facts(), **s.waiting()}
    return world


def another_history(c, old):
    """A copy of the registry that nobody watches signs something else; the first node is shown it, and holds the proof."""
    fork, port = c.dir + "/registry.fork", c.w["nodes"][0]["port"]
    shutil.copytree(old, fork)
    os.remove(fork + "/witnesses")
    other = Server([c.amane, "registry", "--data", fork, "--listen", "127.0.0.1:0"], c.dir + "/fork.log")
    try:
        Seed(c, other).stop(3, "drill")
        note = call(other.port, "GET", "/log/checkpoint")[1].decode()
    finally:
        other.stop()
    status, _ = call(port, "POST", "/witness/add-checkpoint", ("old 0\n\n" + note).encode())
    for _ in range(300):
        if call(port, "GET", "/api/v1/state")[1]["split_proved"]:
            return
        time.sleep(0.1)
    raise RuntimeError("the node saw no split: %d" % status)


def split(c, reg, old, world, command):
    """The registry comes back with its data of before: a witness holds what it denies."""
    another_history(c, old)
    reg.stop()
    shutil.rmtree(c.w["registry"]["dir"])
    shutil.move(old, c.w["registry"]["dir"])
    reg = c.registry()
    s = Seed(c, reg)
    for _ in range(300):
        status, page = call(reg.port, "GET", "/witnesses?lang=fr")
        if status == 200 and b'role="alert"' in page:
            break
        try:
            s.stop(3, "drill")
        except RuntimeError:
            pass
        time.sleep(0.2)
    return reg, subprocess.call(command, env={**os.environ, "PAGES_WORLD": world, "PAGES_PART": "split"})


def main():
    c = World(sys.argv[1])
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    old = c.dir + "/registry.old"
    shutil.copytree(c.w["registry"]["dir"], old)
    for n in c.w["nodes"]:
        n["gst"] = json.load(open(n["dir"] + "/identity.json"))["gst"]
    servers = [c.registry()] + [c.node(i) for i in range(len(c.w["nodes"]))]
    try:
        world = seed(c, servers[0])
        path = c.dir + "/pages.json"
        json.dump(world, open(path, "w"))
        bad = subprocess.call(sys.argv[2:], env={**os.environ, "PAGES_WORLD": path, "PAGES_PART": "all"})
        servers[0], worse = split(c, servers[0], old, path, sys.argv[2:])
        return bad or worse
    finally:
        for s in servers[1:] + servers[:1]:
            s.stop()


if __name__ == "__main__":
    sys.exit(main())
