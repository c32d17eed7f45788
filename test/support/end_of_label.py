#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How a label ends: end_of_label.py DEPLOYED LABELLED (two demo worlds: a model that predicts, a model with a label)

A national stop is followed by its decision, whose delay the page shows (V14). The supplier announces its withdrawal, waits
for the end of its notice, and withdraws with what runs, a plan, the escrow looked at (V18). In the other world the
commission withdraws for a cause, once the supplier was heard and enough of its members are named."""
import hashlib
import json
import os
import re
import sys
import time

from facts_forms import HEX, at, heard, post, sign
from pages import at as now
from reinstate import Country, stop, until
from surveillance import canonical, said
from world import Tap, call, second_fold

DAY = r'class="notice">.*<b>[^<]*20\d\d'  # a day in a notice


def boxes(k, *actors):
    return {"k" + k.key_id(a): "1" for a in actors}


def waits(k, kind):
    return [x for x in call(k.reg.port, "GET", "/api/v1/warnings")[1]["items"] if x["kind"] == kind]


def suspended(k, tap, ministry, member, vendor):
    """V14: no decision before a stop; afterwards its clock, its form, its signature."""
    path = "/models/%s/end" % k.digest
    page = member.ask("GET", path)[2].decode()
    tap.ok("/models/%s/stop" % k.digest in page and 'value="suspended"' not in page, "a label in force is stopped first")
    fields = {"act": "suspended", "reason": "Trop de faux négatifs.", **boxes(k, "msps")}
    status, _, _ = member.form(path, fields)
    tap.ok(status == 422, "nothing is suspended without a stop (%d)" % status)
    stop(k, tap, ministry)
    order = k.version()["stops"][0]
    due = waits(k, "stop_decision")
    tap.ok(len(due) == 1 and path in ministry.ask("GET", "/stops/" + order)[2].decode(), "the stop waits for its decision and leads to it")
    page = ministry.ask("GET", path)[2].decode()
    tap.ok('value="suspended"' in page and re.search(DAY, page), "the page shows until when it is due")
    for bad, what in (({"reason": ""}, "without a reason"), ({"k" + k.key_id("msps"): ""}, "that nobody signs")):
        status, _, page = ministry.form(path, {**fields, "condition": "يراقب", **bad})
        tap.ok(status == 422 and "يراقب" in page.decode(), "a decision %s is refused, what was typed stays (%d)" % (what, status))
    status, _, _ = vendor.form(path, fields)
    tap.ok(status == 403, "a supplier does not suspend (%d)" % status)
    where, _ = post(tap, ministry, path, fields, 303, "the decision waits for its signature")
    sign(k, tap, ministry, where, "msps", "the ministry signs it")
    v = k.version()
    tap.ok(v["state"] == "suspended" and v["level"] == "base" and not waits(k, "stop_decision"), "suspended, its level kept, nobody waits any more")
    page = member.ask("GET", path)[2].decode()
    tap.ok('value="suspended"' not in page, "and no second decision is asked for")


def change_notice(k, tap):
    """A policy whose notice is short: the story does not last ninety days."""
    old = json.load(open(k.c.dir + "/genesis.json"))["policy"]
    before = hashlib.sha256(canonical(old)).hexdigest()
    old["clocks"]["notice"] = "PT1S"
    text = canonical({**old, "version": "9.1.0"})
    after = hashlib.sha256(text).hexdigest()
    status, _ = call(k.reg.port, "PUT", "/api/v1/blobs/" + after, text, k.c.w["registry"]["admin_token"])
    record = {"issued_at": now(), "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "policy_change", "policy_sha256": after,
              "previous_sha256": before, "reason": "préavis court pour l'essai"}
    tap.ok(status in (200, 201, 204) and said(k, "event", record, "msps", "has-1") == 201, "a policy with a short notice comes into force")


def notice(k, tap, vendor):
    """Ninety days by the policy; then a notice that ends soon, asked until it is accepted: the clock runs meanwhile."""
    path, fields = "/events/withdrawal_notice", {"/model_digest": k.digest, "/migration_plan": HEX}
    page = vendor.ask("GET", "/models/%s/end" % k.digest)[2].decode()
    tap.ok(path + "?model_digest=" in page and 'value="withdrawn"' not in page, "a supplier is led to its notice first")
    status, _, _ = vendor.form("/models/%s/end" % k.digest, {"act": "withdrawn", "reason": "Fin de gamme.", "escrow_checked": "1", **boxes(k, "vendor")})
    tap.ok(status == 422, "without a notice nothing is withdrawn (%d)" % status)
    post(tap, vendor, path, {**fields, "/leaves_at": at(30)}, 422, "a notice of one month is refused")
    where, _ = post(tap, vendor, path, {**fields, "/leaves_at": at(91)}, 303, "a notice of ninety days is prepared")
    sign(k, tap, vendor, where, "vendor", "and signed")
    page = call(k.reg.port, "GET", "/models/" + k.digest)[1].decode()
    tap.ok(re.search(DAY, page), "everybody sees when the model leaves")
    status, _, _ = vendor.form("/models/%s/end" % k.digest, {"act": "withdrawn", "reason": "Fin de gamme.", "escrow_checked": "1", **boxes(k, "vendor")})
    tap.ok(status == 422, "a notice that runs withdraws nothing (%d)" % status)
    change_notice(k, tap)
    for seconds in (3, 30, 300):
        leaves = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        status, where, _ = vendor.form(path, {"act": "propose", **fields, "/leaves_at": leaves})
        if status == 303:
            break
    tap.ok(status == 303, "a shorter notice is prepared (%d)" % status)
    sign(k, tap, vendor, where, "vendor", "and signed")
    tap.ok(any(x["id"] == k.digest for x in waits(k, "withdrawal")), "it is announced among the warnings")


def by_choice(k, tap, vendor):
    path = "/models/%s/end" % k.digest
    notice(k, tap, vendor)
    tap.ok(until(lambda: b'value="withdrawn"' in vendor.ask("GET", path)[2], 400), "once the notice has run, the form is there")
    page = vendor.ask("GET", path)[2].decode()
    running = [p for p in call(k.reg.port, "GET", "/api/v1/deployments")[1]["items"] if p["phase"] in ("pilot", "deployed")]
    tap.ok(running and all(p["establishment"] in page for p in running) and HEX in page, "it lists what still runs and the plan of the notice")
    fields = {"act": "withdrawn", "reason": "Fin de gamme.", "escrow_checked": "1", **boxes(k, "vendor")}
    for bad, what in (({"escrow_checked": ""}, "without the escrow looked at"), ({"plan": ""}, "without a plan for what runs"),
                      ({"reason": ""}, "without a reason"), ({"plan": "demain"}, "whose plan is no digest")):
        status, _, page = vendor.form(path, {**fields, **bad})
        tap.ok(status == 422 and b'role="alert"' in page, "a withdrawal %s is refused (%d)" % (what, status))
    where, _ = post(tap, vendor, path, fields, 303, "the withdrawal waits for its signature")
    text = json.loads(vendor.ask("GET", where + "/payload.json")[2])["predicate"]["amane_record"]
    tap.ok(sorted(text["withdrawal"]["deployments"]) == sorted(p["deployment_id"] if "deployment_id" in p else p["id"] for p in running) and
           text["withdrawal"]["migration_plan"] == HEX, "its text names the deployments and the plan")
    sign(k, tap, vendor, where, "vendor", "the supplier signs it")
    tap.ok(k.version()["state"] == "withdrawn" and not k.predicts(), "withdrawn: nothing predicts with it")
    page = vendor.ask("GET", path)[2].decode()
    tap.ok("<form class=\"f\"" not in page, "nothing is left to withdraw")
    status, _, _ = vendor.form(path, fields)
    tap.ok(status == 422 and not waits(k, "withdrawal"), "a second withdrawal is refused, and nobody waits for it (%d)" % status)


def for_cause(k, tap):
    """Heard, with enough members of one body: withdrawn."""
    member, vendor = k.person("membre", "has", "commissioner", "HAS"), k.person("fournisseur", "vendor", "", "DEMOAI")
    other = k.person("normes", "imanor", "", "IMANOR")
    path = "/models/%s/end" % k.digest
    tap.ok(other.ask("GET", path)[0] == 403, "who neither decides nor supplies has no such page")
    page = member.ask("GET", path)[2].decode()
    tap.ok("/events/hearing?model_digest=" in page and 'value="withdrawn"' in page, "the commission sees that the supplier must be heard")
    fields = {"act": "withdrawn", "reason": "Défaut grave non corrigé.", "escrow_checked": "1", **boxes(k, "has-1", "has-2")}
    post(tap, member, path, fields, 422, "a supplier nobody heard keeps its model")
    heard(k, tap, member, vendor)
    post(tap, member, path, {**fields, **boxes(k, "msps")}, 422, "the commission and the ministry do not withdraw together")
    _, page = post(tap, member, path, {**fields, "k" + k.key_id("has-2"): ""}, 422, "one member is no quorum")
    tap.ok("Défaut grave non corrigé." in page and "k%s\" value=\"1\" checked" % k.key_id("has-1") in page, "what was typed and ticked is still there")
    status, _, _ = other.ask("POST", path, {"act": "withdrawn"})
    tap.ok(status == 403, "without its token the form is refused")
    where, _ = post(tap, member, path, fields, 303, "with two members it waits for their signatures")
    sign(k, tap, member, where, "has-1", "the first signs")
    tap.ok(k.version()["state"] == "labelled", "one signature withdraws nothing")
    sign(k, tap, member, where, "has-2", "the second signs")
    tap.ok(k.version()["state"] == "withdrawn", "withdrawn for a cause")


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        tap.ok(until(k.predicts), "the node predicts")
        vendor = k.person("fournisseur", "vendor", "", "DEMOAI")
        ministry = k.person("ministere", "msps", "authority", "MSPS")
        member = k.person("membre", "has", "commissioner", "HAS")
        suspended(k, tap, ministry, member, vendor)
        by_choice(k, tap, vendor)
    finally:
        k.end()
    k = Country(sys.argv[2])
    try:
        for_cause(k, tap)
    finally:
        k.end()
    second_fold(tap, sys.argv[1] + "/registry")
    second_fold(tap, sys.argv[2] + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
