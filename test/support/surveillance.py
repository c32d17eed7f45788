#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A label in force comes back before the commission: surveillance.py DEMO_DIR (a world with a labelled model)

A policy whose intermediate level asks what the base level does makes it possible to raise the label (V11). The bench hands
in new evidence: the label is kept (V13), never longer than before; then lowered, with a reason (V12)."""
import hashlib
import json
import os
import subprocess
import sys

from pages import at
from reinstate import Country, escrowed, text_of
from world import Tap, call, second_fold


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def said(k, kind, record, *actors):
    """A record of the API signed by actors of the demo: the last status."""
    base, status = k.c.dir + "/record.json", 0
    json.dump(record, open(base, "w"))
    for who in actors:
        subprocess.run([k.c.amane, "sign", base, "--key", "%s/actors/%s.key" % (k.c.dir, who), "--kind", kind, "--type-base",
                        k.c.w["type_base"], "--out", base + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        route = {"event": "events", "evidence": "evidence", "version": "versions"}[kind]
        status, answer = call(k.reg.port, "POST", "/api/v1/" + route, open(base + ".dsse").read(), k.c.w["registry"]["admin_token"])
        if status >= 300:
            print("#", who, answer)
    return status


def easier(policy):
    """The policy, its intermediate level asking what base asks; two members decide."""
    for row in policy["matrix"]["rows"]:
        row["level"]["intermediate"] = row["level"]["base"]
        for limit in row["limits"]:
            levels = [x for x in limit["levels"] if x != "intermediate"]
            limit["levels"] = levels + (["intermediate"] if "base" in levels else [])
        row["limits"] = [x for x in row["limits"] if x["levels"]]
    two = [{"role": "has", "function": "commissioner", "count": 2}]
    policy["signing"].update({"V7.intermediate": two, "V12": two, "V13": two})
    policy["waived"] = policy["waived"] + ["guard.closed_pilot"]
    policy["version"] = "9.0.0"
    return policy


def change_policy(k, tap):
    old = json.load(open(k.c.dir + "/genesis.json"))["policy"]
    before = hashlib.sha256(canonical(old)).hexdigest()
    text = canonical(easier(old))
    after = hashlib.sha256(text).hexdigest()
    status, _ = call(k.reg.port, "PUT", "/api/v1/blobs/" + after, text, k.c.w["registry"]["admin_token"])
    tap.ok(status in (200, 201, 204), "the new policy is deposited (%d)" % status)
    record = {"issued_at": at(), "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "policy_change", "policy_sha256": after,
              "previous_sha256": before, "reason": "essai du niveau intermédiaire"}
    tap.ok(said(k, "event", record, "msps", "has-1") == 201, "and comes into force, ministry and health authority signing")


def evidence(k, tap):
    record = json.load(open(k.c.dir + "/bench/evidence-performance.json"))
    record["issued_at"] = at()
    tap.ok(said(k, "evidence", record, "bench") == 201, "the bench hands in the evidence of its surveillance")


def decide(k, tap, member, keep, what, **more):
    file = "/commission/" + k.digest
    keys = {"k" + k.key_id(w): "1" for w in ("has-1", "has-2")}
    status, where, page = member.form(file, {"act": "kept", "keep": keep, **keys, **more})
    tap.ok(status == 303, "%s: its text waits for signatures (%d)" % (what, status))
    if status != 303:
        print("#", text_of(page))
        return
    payload = member.ask("GET", where + "/payload.json")[2]
    for who in ("has-1", "has-2"):
        status, there, page = member.form(where, {"envelope": k.sign(payload, who), "no_conflict": "1"})
        tap.ok(status == 303 and "signed=" in there, "%s signs (%d)" % (who, status))
        if status != 303:
            print("#", text_of(page))


def refused(k, tap, member, keep, what, **more):
    status, _, page = member.form("/commission/" + k.digest, {"act": "kept", "keep": keep, "k" + k.key_id("has-1"): "1", **more})
    tap.ok(status == 422, "%s is refused (%d)" % (what, status))
    return page.decode()


def walk(k, tap, member):
    file = "/commission/" + k.digest
    page = member.ask("GET", file)[2].decode()
    tap.ok('id="keep-h"' in page and 'value="maintained' not in page, "without new evidence nothing is offered to keep")
    tap.ok(file in member.ask("GET", "/models/" + k.digest)[2].decode(), "the model's page leads the commission to its file")
    tap.ok(file not in member.ask("GET", "/commission")[2].decode(), "and it waits for nobody")
    change_policy(k, tap)
    page = member.ask("GET", file)[2].decode()
    tap.ok('value="granted.intermediate"' not in page and "/escrow" in page, "a record that says nothing of a deposit: it may not be raised")
    refused(k, tap, member, "granted.intermediate", "raising it all the same", gst="GST-RSK GST-CS", houses="CHU-RABAT CHU-CASABLANCA")
    record = escrowed(k, issued_at=at(), supersedes=k.version()["declared"]["record"], reason="séquestre")
    tap.ok(said(k, "version", record, "vendor") == 201, "the supplier completes its record")
    page = member.ask("GET", file)[2].decode()
    tap.ok('value="granted.intermediate"' in page, "evidence and record reach the level above: it may be raised")
    decide(k, tap, member, "granted.intermediate", "raised", gst="GST-RSK GST-CS", houses="CHU-RABAT CHU-CASABLANCA")
    v = k.version()
    tap.ok(v["level"] == "intermediate", "the label is intermediate (%s)" % v["level"])
    end = v["expires_at"]
    refused(k, tap, member, "maintained.intermediate", "keeping it on the evidence of before")
    evidence(k, tap)
    tap.ok(file in member.ask("GET", "/commission")[2].decode(), "new evidence brings the file back in the list")
    page = member.ask("GET", file)[2].decode()
    tap.ok('value="maintained.intermediate"' in page and 'value="reduced.base"' in page, "it may be kept or lowered")
    refused(k, tap, member, "maintained.intermediate", "a longer label", expires="2999-12-31")
    refused(k, tap, member, "granted.advanced", "a level nobody reached")
    decide(k, tap, member, "maintained.intermediate", "kept")
    v = k.version()
    tap.ok(v["state"] == "labelled" and v["level"] == "intermediate" and v["expires_at"] == end, "kept, with the end it had")
    page = refused(k, tap, member, "reduced.base", "lowering without a reason", condition="يعاد بعد شهر")
    tap.ok("يعاد بعد شهر" in page and 'value="reduced.base" checked' in page, "what was typed and chosen is still there")
    decide(k, tap, member, "reduced.base", "lowered", reason="La surveillance montre moins de cas que prévu.")
    v = k.version()
    tap.ok(v["level"] == "base" and v["expires_at"] == end, "lowered, with the end it had (%s)" % v["level"])
    page = member.ask("GET", "/models/%s?lang=fr" % k.digest)[2].decode()
    tap.ok("reduced" not in page and "maintained" not in page and page.count('class="card"') >= 3, "the model's page tells the three decisions in words")


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        walk(k, tap, k.person("membre", "has", "commissioner", "HAS"))
    finally:
        k.end()
    second_fold(tap, sys.argv[1] + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
