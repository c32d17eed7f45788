#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A model is stopped in the whole country, then given back: reinstate.py DEMO_DIR

The ministry signs the stop; the node refuses. The commission prepares the reinstatement on its page, whose form keeps
what was typed when it is refused; the ministry and two members sign it; the node predicts again."""
import hashlib
import json
import os
import re
import subprocess
import sys
import time

from commission import Person
from world import Tap, World, call, second_fold


def until(check, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if check():
            return True
        time.sleep(0.1)
    return False


def escrowed(k, **more):
    """The record of the demo's version, with the deposit that an intermediate label asks for (field 45)."""
    record = json.load(open(k.c.dir + "/version.json"))
    record.pop("fhir_twin", None)  # what the registry makes of the record, not of the one before
    items = ["source_code", "technical_documentation", "operating_documentation", "weights", "training_data"]
    return dict(record, escrow={"agent": "TIERS1", "deposit_id": "D-2026-001", "date": "2026-11-02", "items": items,
                                "manifest_sha256": hashlib.sha256(b"manifest").hexdigest(), "verification_level": 1,
                                "release_conditions": ["insolvency"]}, **more)


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.decode()))[:900]


class Country:
    def __init__(self, folder):
        self.c = World(folder)
        self.reg = self.c.registry()
        self.nodes = [self.c.node(i) for i in range(len(self.c.w["nodes"]))]
        self.digest = self.c.w["model_digest"]
        self.where = 0  # the node whose house runs it
        for i, n in enumerate(self.c.w["nodes"]):
            if n.get("physician_token") and n.get("requests"):
                self.where = i
                break

    def end(self):
        for s in self.nodes + [self.reg]:
            s.stop()

    def person(self, login, role, function, org):
        body = {"login": login, "password": "mot de passe de " + login, "role": role, "org_id": org}
        if function:
            body["function"] = function
        call(self.reg.port, "POST", "/api/v1/accounts", body, self.c.w["registry"]["admin_token"])
        return Person(self.reg.port, login, "mot de passe de " + login)

    def predicts(self):
        n = self.c.w["nodes"][self.where]
        return call(self.nodes[self.where].port, "POST", "/api/v1/predictions", n["requests"][0], n["physician_token"])[0] == 201

    def version(self):
        v = call(self.reg.port, "GET", "/api/v1/versions/" + self.digest)[1]
        return v.get("version", v)

    def sign(self, payload, who):
        base = self.c.dir + "/text.json"
        open(base, "wb").write(payload)
        subprocess.run([self.c.amane, "sign", base, "--key", "%s/actors/%s.key" % (self.c.dir, who), "--out", base + ".dsse"], check=True)
        return open(base + ".dsse").read()

    def key_id(self, who):
        shown = subprocess.run([self.c.amane, "key", "show", "%s/actors/%s.key" % (self.c.dir, who)], capture_output=True, text=True)
        return re.search(r"[0-9a-f]{64}", shown.stdout).group(0)


def stop(k, tap, ministry):
    path = "/models/%s/stop.json?role=msps&org=MSPS&motive=drill&scope=national" % k.digest
    status, _, payload = ministry.ask("GET", path)
    tap.ok(status == 200, "the ministry takes the order to sign (%d)" % status)
    status, where, page = ministry.form("/submit", {"envelope": k.sign(payload, "msps")})
    tap.ok(status == 303, "and hands it in signed (%d)" % status)
    if status != 303:
        print("#", text_of(page))
    tap.ok(until(lambda: not k.predicts()), "the node refuses to predict")
    tap.ok(k.version()["state"] == "suspended", "the version is suspended")


def propose(k, tap, member):
    file = "/commission/" + k.digest
    page = member.ask("GET", file)[2].decode()
    tap.ok('value="reinstated"' in page and "/stops/" in page, "the commission's page says who stopped it and offers to reinstate")
    fields = {"act": "reinstated", "level": "base", "reason": "", "condition": "يراقب لثلاثة أشهر"}
    keys = {"k" + k.key_id(w): "1" for w in ("has-1", "has-2")}
    status, _, page = member.form(file, {**fields, **keys})
    body = page.decode()
    tap.ok(status == 422 and body.count("<li>") >= 2, "without a reason and the authority that suspended: refused, both said")
    kept = "يراقب لثلاثة أشهر" in body and all(re.search(r'name="%s" value="1" checked' % x, body) for x in keys)
    tap.ok(kept, "what was typed and ticked is still there")
    fields["reason"] = "Seuil corrigé, essai refait."
    keys["k" + k.key_id("msps")] = "1"
    for bad, name in (({"expires": "2999-12-31"}, "an end after the former one"), ({"level": "advanced"}, "a higher level"),
                      ({"expires": "demain"}, "what is no day")):
        status, _, _ = member.form(file, {**fields, **keys, **bad})
        tap.ok(status == 422, name + " is refused (%d)" % status)
    status, where, page = member.form(file, {**fields, **keys})
    tap.ok(status == 303 and where.startswith("/sign/"), "the reinstatement waits for its signatures (%d)" % status)
    if status != 303:
        print("#", text_of(page))
    return where


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        tap.ok(until(k.predicts), "the node predicts")
        before = k.version()["expires_at"]
        ministry = k.person("ministere", "msps", "authority", "MSPS")
        member = k.person("membre", "has", "commissioner", "HAS")
        stop(k, tap, ministry)
        where = propose(k, tap, member)
        if where.startswith("/sign/"):
            payload = member.ask("GET", where + "/payload.json")[2]
            for who in ("has-1", "has-2", "msps"):
                status, at, page = member.form(where, {"envelope": k.sign(payload, who), "no_conflict": "1"})
                tap.ok(status == 303 and "signed=" in at, "%s signs (%d)" % (who, status))
                if status != 303:
                    print("#", text_of(page))
        v = k.version()
        tap.ok(v["state"] == "labelled" and v["level"] == "base" and v["expires_at"] == before, "labelled again, same level, same end")
        tap.ok(until(k.predicts), "and the node predicts again")
        tap.ok(not v["stops"], "the national stop is lifted")
    finally:
        k.end()
    second_fold(tap, sys.argv[1] + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
