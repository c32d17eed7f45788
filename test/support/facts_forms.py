#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Facts declared by pages and without scripts: facts_forms.py DEMO_DIR (a world whose evidence waits for a decision)

The health authority opens a sandbox of a version (instants as browsers send them, values kept, lists that grow), extends
it; the bench reports. A third party declares a deposit file by file; the digest of the list is computed. The commission
refuses the file more strictly than computed once the supplier was heard; it appeals once, in time; a panel without the
first deciders takes it up, the bench measures again, others decide, and the label is there."""
import json
import os
import re
import subprocess
import sys
import time

from pages import at as now
from reinstate import Country, text_of
from surveillance import said
from world import Tap, call

FAMILIES = ("data", "equity_documentation", "identity", "interoperability", "performance")
HEX = "0123456789abcdef" * 4


def at(days):
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 86400 * days))


def post(tap, who, path, fields, want, name):
    status, where, page = who.form(path, {"act": "propose", **fields})
    tap.ok(status == want, "%s (%d)" % (name, status))
    if status != want:
        print("#", text_of(page))
    return where, page.decode()


def sign(k, tap, who, where, key, name):
    payload = who.ask("GET", where + "/payload.json")[2]
    status, there, page = who.form(where, {"envelope": k.sign(payload, key), "no_conflict": "1"})
    tap.ok(status == 303 and "signed=" in there, "%s (%d)" % (name, status))
    if status != 303:
        print("#", text_of(page))


def sandbox(k, tap, opener, vendor):
    path = "/events/sandbox_open"
    fields = {"/model_digest": k.digest, "/purpose": "usability", "/site": "CHU-RABAT", "n:/datasets": "1", "/datasets/0": HEX,
              "/starts_at": at(0), "/ends_at": at(900), "/no_patients": "true"}
    post(tap, vendor, path, fields, 422, "a role that does not open sandboxes is refused before anybody signs")
    _, page = post(tap, opener, path, fields, 422, "a sandbox beyond its term is refused")
    tap.ok('value="usability"' in page and HEX in page and 'value="%s:00"' % fields["/ends_at"] in page, "what was typed is still there")
    status, _, grown = opener.form(path, {**fields, "act": "add:/datasets"})
    tap.ok(status == 200 and b'name="/datasets/1"' in grown and HEX.encode() in grown, "a list grows by its button")
    where, _ = post(tap, opener, path, {**fields, "/ends_at": at(90)}, 303, "a sandbox of three months waits for its signature")
    sign(k, tap, opener, where, "has-1", "its opening is signed")


def sandboxes(k):
    return call(k.reg.port, "GET", "/api/v1/sandboxes")[1]["items"]


def later(k, tap, opener, vendor):
    """The same sandbox, a later end; then its report, whose success may be cited."""
    page = opener.ask("GET", "/sandboxes")[2].decode()
    link = re.search(r'href="(/events/sandbox_extension\?[^"]*)"', page).group(1).replace("&amp;", "&")
    page = opener.ask("GET", link)[2].decode()
    one = sandboxes(k)[0]
    tap.ok(one["record"] in page and k.digest in page, "the list of sandboxes leads to an extension of that one")
    path, fields = "/events/sandbox_extension", {"/sandbox": one["record"], "/model_digest": k.digest, "/ends_at": at(120), "/reason": "Un service reste à essayer."}
    post(tap, vendor, path, fields, 422, "a supplier does not extend its sandbox")
    post(tap, opener, path, {**fields, "/reason": ""}, 422, "nor anybody without a reason")
    post(tap, opener, path, {**fields, "/ends_at": at(900)}, 422, "nor beyond the terms of the policy")
    where, _ = post(tap, opener, path, fields, 303, "one month more waits for its signature")
    sign(k, tap, opener, where, "has-2", "and is signed")
    now = sandboxes(k)
    tap.ok(len(now) == 1 and now[0]["record"] == one["record"] and now[0]["ends_at"] > one["ends_at"], "it is the same sandbox, with a later end")
    bench = k.person("laboratoire", "bench_operator", "", "BENCH1")
    path = "/events/sandbox_report"
    page = bench.ask("GET", path + "?sandbox=%s&model_digest=%s" % (one["record"], k.digest))[2].decode()
    tap.ok(one["record"] in page and '<option value="success"' in page, "the bench is shown the report to fill")
    fields = {"/sandbox": one["record"], "/model_digest": k.digest, "/outcome": "success", "/report_sha256": HEX, "n:/findings": "1", "/findings/0": "latency_ok", "n:/evidence": "0"}
    where, _ = post(tap, bench, path, fields, 303, "its report waits for its signature")
    sign(k, tap, bench, where, "bench", "and is signed")
    page = opener.ask("GET", "/sandboxes")[2].decode()
    tap.ok("/events/sandbox_extension?" not in page and "/events/sandbox_report?" not in page, "a reported sandbox is neither extended nor reported again")
    post(tap, bench, path, {**fields, "/outcome": "failure"}, 422, "nor by its address")


def deposit(k, tap, vendor):
    page = vendor.ask("GET", "/events/escrow_receipt?model_digest=" + k.digest)[2].decode()
    tap.ok(page.count('<option value="weights"') == 5 and k.digest in page, "a deposit is asked item by item, for the model of the address")
    items = {}
    for i, name in enumerate(("source_code", "technical_documentation", "operating_documentation", "weights", "training_data")):
        items.update({"/items/%d/item" % i: name, "/items/%d/path" % i: name + ".tar", "/items/%d/sha256" % i: HEX, "/items/%d/size" % i: "10"})
    fields = {"/model_digest": k.digest, "/deposit_id": "D-1", "/deposited_at": at(-1), "/level": "0", "n:/items": "5", "n:/conditions": "1",
              "/conditions/0": "insolvency", **items}
    _, page = post(tap, vendor, "/events/escrow_receipt", fields, 422, "a supplier does not receive its own deposit")
    tap.ok("weights.tar" in page, "the files typed are still there")
    agent = k.person("tiers", "escrow_agent", "", "TIERS1")
    where, _ = post(tap, agent, "/events/escrow_receipt", fields, 303, "the third party's receipt is prepared")
    payload = agent.ask("GET", where + "/payload.json")[2].decode()
    tap.ok(re.search(r'"manifest_sha256":"[0-9a-f]{64}"', payload), "with the digest of its list")


def heard(k, tap, member, vendor):
    """Invited a moment ago, its delay runs; it answers, and is heard."""
    path, file = "/events/hearing", "/commission/" + k.digest
    fields = {"/model_digest": k.digest, "/invited_at": at(0), "/answered": "true"}
    post(tap, vendor, path, fields, 422, "a supplier does not declare its own hearing")
    post(tap, member, path, {**fields, "/invited_at": at(3)}, 422, "nobody was invited tomorrow")
    where, _ = post(tap, member, path, {**fields, "/answered": "false"}, 303, "an invitation without an answer is prepared")
    sign(k, tap, member, where, "has-1", "and signed")
    page = member.ask("GET", file)[2].decode()
    tap.ok(re.search(r"<b>[^<]*20\d\d", page) and "/events/hearing?" not in page, "its delay runs: the page says until when")
    where, _ = post(tap, member, path, {**fields, "/document": HEX}, 303, "the answer is prepared, with its document")
    sign(k, tap, member, where, "has-2", "and signed")


def refused(k, tap, vendor, member):
    file, appeal = "/commission/" + k.digest, "/events/appeal"
    post(tap, vendor, appeal, {"/model_digest": k.digest, "/ground": "Le calcul"}, 422, "nothing is appealed before a refusal")
    keys = {"k" + k.key_id(w): "1" for w in ("has-1", "has-2")}
    fields = {"act": "decision", "outcome": "refused.none", "gst": "GST-RSK", "houses": "CHU-RABAT", **keys}
    post(tap, member, file, fields, 422, "stricter than computed without a derogation is refused")
    _, page = post(tap, member, file, {**fields, "derogation_reason": "Population trop petite"}, 422, "and without its rows")
    tap.ok("Population trop petite" in page and 'value="refused.none" checked' in page, "the reason typed is still there")
    fields.update({"derogation_reason": "Population trop petite", "derogation_rows": "PF-1"})
    _, page = post(tap, member, file, fields, 422, "a supplier nobody heard is not refused")
    tap.ok("/events/hearing?model_digest=" in page, "and the page leads to the hearing")
    heard(k, tap, member, vendor)
    where, _ = post(tap, member, file, fields, 303, "heard, the refusal waits for its signatures")
    for who in ("has-1", "has-2"):
        sign(k, tap, member, where, who, who + " refuses")
    tap.ok(k.version()["state"] == "refused", "the file is refused")
    page = vendor.ask("GET", appeal + "?model_digest=" + k.digest)[2].decode()
    tap.ok(re.search(r"<b>[^<]*20\d\d", page), "the supplier sees until when it may appeal")
    where, _ = post(tap, vendor, appeal, {"/model_digest": k.digest, "/ground": "Le calcul accorde le niveau de base."}, 303, "it appeals")
    sign(k, tap, vendor, where, "vendor", "and signs its appeal")
    post(tap, vendor, appeal, {"/model_digest": k.digest, "/ground": "Encore."}, 422, "a second appeal is refused")
    page = member.ask("GET", file)[2].decode()
    tap.ok('value="assignment"' in page and re.search(r"<b>[^<]*20\d\d", page), "the file is offered for judgement, with its day")


def new_key(k, name, function):
    """A key of the health authority more, granted by the ministry."""
    out = "%s/actors/%s.key" % (k.c.dir, name)
    subprocess.run([k.c.amane, "key", "new", "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spki = "".join(x for x in open(out + ".pub").read().splitlines() if not x.startswith("-"))
    record = {"issued_at": now(), "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "key_grant",
              "key": {"role": "has", "function": function, "org_id": "HAS", "label": name, "spki": spki}}
    return said(k, "event", record, "msps")


def sealed(k):
    """Digests of the data the bench measured on."""
    found = set()
    for family in FAMILIES:
        found.add(json.load(open("%s/bench/evidence-%s.json" % (k.c.dir, family)))["dataset"]["sha256"])
    return " ".join(sorted(found))


def judged(k, tap, member):
    """The appeal: three who did not sign the refusal name a bench, which measures again; others decide; the label is there."""
    file = "/commission/" + k.digest
    tap.ok(all(new_key(k, "has-%d" % i, "commissioner") == 201 for i in (3, 4)), "two members more are in the directory")
    fields = {"act": "assignment", "level": "base", "rapporteur": k.key_id("has-rapporteur"), "bench": k.key_id("bench"), "sealed": sealed(k), "no_conflict": "1"}
    status, where, page = member.form(file, fields)
    tap.ok(status == 303, "the appeal's assignment waits for its panel (%d)" % status)
    if status != 303:
        print("#", text_of(page))
    payload = member.ask("GET", where + "/payload.json")[2]
    status, _, page = member.form(where, {"envelope": k.sign(payload, "has-1"), "no_conflict": "1"})
    tap.ok(status in (403, 422), "who signed the refusal does not judge its appeal (%d)" % status)
    for who in ("has-rapporteur", "has-3"):
        sign(k, tap, member, where, who, who + " takes it up")
    tap.ok(k.version()["state"] == "refused", "two are not three: the refusal stands")
    sign(k, tap, member, where, "has-4", "has-4 takes it up")
    tap.ok(k.version()["state"] == "under_evaluation", "the file is under evaluation again")
    for family in FAMILIES:
        record = {**json.load(open("%s/bench/evidence-%s.json" % (k.c.dir, family))), "issued_at": now()}
        last = said(k, "evidence", record, "bench")
    tap.ok(last == 201 and k.version()["state"] == "evaluated", "the bench measures again (%s)" % k.version()["state"])
    page = member.ask("GET", file)[2].decode()
    box = re.search(r'name="(r[0-9a-f]{64})"', page)
    tap.ok(box, "the sandbox that succeeded may be cited")
    keys = {"k" + k.key_id(w): "1" for w in ("has-3", "has-4")}
    fields = {"act": "decision", "outcome": "granted.base", "gst": "GST-RSK", "houses": "CHU-RABAT", **keys, **({box.group(1): "1"} if box else {})}
    where, _ = post(tap, member, file, fields, 303, "the decision that follows waits for its signatures")
    tap.ok(box and box.group(1)[1:] in member.ask("GET", where + "/payload.json")[2].decode(), "it cites the report beside the evidence")
    for who in ("has-3", "has-4"):
        sign(k, tap, member, where, who, who + " grants")
    v = k.version()
    tap.ok(v["state"] == "labelled" and v["level"] == "base", "the appeal is upheld: the label is there (%s)" % v["state"])
    log = call(k.reg.port, "GET", "/api/v1/versions/%s/history" % k.digest)[1]["items"]
    told = [x["outcome"].get("transition") for x in log if x["outcome"]["effect"] == "in_effect"]
    tap.ok([t for t in told if t in ("V8", "V10", "V7")] in (["V8", "V10", "V7"], ["V7", "V10", "V8"]), "the log tells refusal, appeal, label (%s)" % told)


def people(k, tap):
    """What is wrong is said, what was typed stays, but the password."""
    desk = k.person("bureau", "msps", "registry_desk", "MSPS")
    page = desk.ask("GET", "/people")[2].decode()
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page).group(1)
    status, _, page = desk.ask("POST", "/people/account", {"csrf": csrf, "login": "nouvelle", "password": "court", "role": "has",
                                                           "function": "rapporteur", "org_id": "HAS", "lang": "ar"})
    page = page.decode()
    tap.ok(status == 422 and 'value="nouvelle"' in page and 'value="rapporteur"' in page and '<option value="has" selected' in page and
           '<option value="ar" selected' in page and "court" not in page, "an account refused keeps its form, not its password (%d)" % status)


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        vendor = k.person("fournisseur", "vendor", "", "DEMOAI")
        member = k.person("membre", "has", "commissioner", "HAS")
        sandbox(k, tap, member, vendor)
        later(k, tap, member, vendor)
        deposit(k, tap, vendor)
        refused(k, tap, vendor, member)
        judged(k, tap, member)
        people(k, tap)
        status, _, _ = vendor.ask("GET", "/events/genesis")
        tap.ok(status == 404, "what is not written by hand has no page")
        status, _, _ = vendor.ask("POST", "/events/appeal", {"act": "propose"})
        tap.ok(status == 403, "without its token a form is refused")
    finally:
        k.end()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
