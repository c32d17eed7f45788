#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Escrow by pages: escrow.py DEMO_DIR (a world with a labelled model)

A third party sends the list of what it holds as a file, reads the form it fills, and signs; the signed receipt comes back
as a file. Five items, their digests compared with the declaration. Then the release: agreed conditions only, ordered by
two of the ministry, executed by the one who holds the deposit, once."""
import os
import re
import subprocess
import sys
import urllib.request

from facts_forms import HEX, at, post, sign
from pages import at as now
from reinstate import Country, text_of
from surveillance import said
from world import Tap, call, second_fold

ITEMS = ("source_code", "technical_documentation", "operating_documentation", "weights", "training_data")


def send(who, path, fields, name, content, page=None):
    """A form with a file, as browsers send it: (status, where, page)."""
    shown = who.ask("GET", page or path)[2].decode()
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', shown)
    mark, body = "----amane", b""
    for k, v in {"csrf": csrf.group(1) if csrf else "", **fields}.items():
        body += ('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, k, v)).encode()
    body += ('--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: text/plain\r\n\r\n' % (mark, name)).encode()
    body += content + ("\r\n--%s--\r\n" % mark).encode()
    head = {"Cookie": who.cookie, "Content-Type": "multipart/form-data; boundary=" + mark, "Accept-Language": "fr"}

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args):
            return None

    ask = urllib.request.Request("http://127.0.0.1:%d%s" % (who.port, path), body, head, method="POST")
    try:
        with urllib.request.build_opener(Stay).open(ask, timeout=60) as r:
            return r.status, r.headers.get("Location") or "", r.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.headers.get("Location") or "", e.read()


def declared(k):
    """The record of the version, as declared."""
    return call(k.reg.port, "GET", "/api/v1/blobs/" + k.version()["declared"]["payload"], token=k.c.w["registry"]["admin_token"])[1]["predicate"]


def table(k, weights=None, without=None):
    record = declared(k)
    rows = [(x, x + ".tar", HEX, 1) for x in ITEMS[:3]]
    rows += [("weights", x["path"], weights or x["sha256"], x["size"]) for x in record["artifacts"] if x["role"] == "weights"]
    rows += [("training_data", "data-%d.csv" % i, x["manifest_sha256"], 9)
             for i, x in enumerate(record["training_data"] + record["validation_data"])]
    return ("item,path,sha256,size\n" + "".join("%s,%s,%s,%s\n" % r for r in rows if r[0] != without)).encode()


def fields_of(page):
    """What the form holds: every named field, its value or its choice."""
    out = {}
    for m in re.finditer(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page):
        if m.group(1) not in ("csrf", "act", "model_digest"):
            out[m.group(1)] = m.group(2)
    for m in re.finditer(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', m.group(2))
        out[m.group(1)] = chosen.group(1) if chosen else ""
    return out


def filled(k, tap, agent, content, what):
    status, _, page = send(agent, "/events/escrow_receipt", {"act": "manifest", "model_digest": k.digest}, "list.csv", content)
    page = page.decode()
    tap.ok(status == 200, "%s (%d)" % (what, status))
    return {**fields_of(page), "/deposit_id": "D-2", "/deposited_at": at(-1), "/level": "1", "n:/conditions": "2",
            "/conditions/0": "maintenance_end", "/conditions/1": "vigilance_uncorrected"}


def lists(k, tap, agent, vendor):
    path = "/events/escrow_receipt"
    form = {"act": "manifest", "model_digest": k.digest}
    tap.ok('name="file"' in agent.ask("GET", path + "?model_digest=" + k.digest)[2].decode(), "the list may be sent as a file")
    for content, said_so, what in ((b"", "liste", "no file"), (b"item,path\na,b\n", "sha256", "a list without its digests"),
                                   (b"item,path,sha256,size\nweights,a\n", "2:", "a line cut short"), (b"\xff\xfe\n", "UTF-8", "what is no text"),
                                   (b"item,path,sha256,size\n" + b"weights,a,b,1\n" * 201, "200", "more lines than a form holds")):
        status, _, page = send(agent, path, form, "list.csv", content)
        tap.ok(status == 422 and said_so in text_of(page), "%s is refused, and why (%d)" % (what, status))
    status, _, _ = send(agent, "/events/appeal", form, "list.csv", b"x")
    tap.ok(status == 400, "no other fact takes a list (%d)" % status)
    fields = filled(k, tap, agent, table(k), "a list fills the form")
    tap.ok(fields.get("n:/items") == str(table(k).count(b"\n") - 1) and "weights" in fields.values() and fields["/model_digest"] == k.digest,
           "with every file it names")
    bad = filled(k, tap, agent, table(k, without="source_code"), "a list without the source code fills it too")
    post(tap, agent, path, bad, 422, "but no receipt is made of four items")
    bad = filled(k, tap, agent, table(k, weights=HEX), "a list of other weights fills it too")
    post(tap, agent, path, bad, 422, "but no receipt is made of other weights than declared")
    post(tap, agent, path, {**fields, "/deposited_at": at(2)}, 422, "nor of a deposit to come")
    post(tap, vendor, path, fields, 422, "nor by the supplier")
    return fields


def receipt(k, tap, agent, fields):
    """Prepared by the page, signed outside, handed in as a file."""
    where, _ = post(tap, agent, "/events/escrow_receipt", fields, 303, "the receipt is prepared")
    status, _, _ = send(agent, where, {}, "receipt.json", b"x" * 100)
    tap.ok(status in (400, 422), "a file that is no envelope is refused (%d)" % status)
    payload = agent.ask("GET", where + "/payload.json")[2]
    right, wrong = k.sign(payload, "escrow").encode(), k.sign(payload, "vendor").encode()
    status, _, page = send(agent, where, {}, "receipt.json", wrong)
    tap.ok(status in (403, 422), "a receipt signed by the supplier is refused (%d)" % status)
    status, _, _ = send(agent, where, {}, "receipt.json", right.replace(b'"sig":"', b'"sig":"A'))
    tap.ok(status in (400, 403, 422), "one whose signature was changed is refused (%d)" % status)
    status, there, page = send(agent, where, {}, "receipt.json", right)
    tap.ok(status == 303 and "signed=" in there, "the third party's signed receipt is taken as a file (%d)" % status)
    if status != 303:
        print("#", text_of(page))
    status, _, _ = send(agent, "/submit", {}, "receipt.json", right)
    tap.ok(status == 409, "the same file twice is one receipt (%d)" % status)
    status, _, _ = send(agent, where, {}, "receipt.json", b"x" * 100)


def held(k, deposit="D-2"):
    """Deposits as the ministry reads them."""
    all_ = call(k.reg.port, "GET", "/api/v1/escrow", token=k.c.w["registry"]["admin_token"])[1]["items"]
    return next(x for x in all_ if x.get("deposit_id") == deposit)


def second_key(k, tap):
    out = k.c.dir + "/actors/msps-2.key"
    subprocess.run([k.c.amane, "key", "new", "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spki = "".join(x for x in open(out + ".pub").read().splitlines() if not x.startswith("-"))
    record = {"issued_at": now(), "issuer": {"role": "msps", "org_id": "MSPS"}, "type": "key_grant",
              "key": {"role": "msps", "function": "authority", "org_id": "MSPS", "label": "msps-2", "spki": spki}}
    tap.ok(said(k, "event", record, "msps") == 201, "the ministry has a second key")


def release(k, tap, ministry, agent, vendor):
    path, e = "/events/escrow_release", held(k)
    page = ministry.ask("GET", "/escrow")[2].decode()
    link = re.search(r'href="(/events/escrow_release\?step=order[^"]*%s)"' % e["receipt"], page)
    tap.ok(link, "the list of deposits leads to its release")
    page = ministry.ask("GET", link.group(1).replace("&amp;", "&"))[2].decode()
    tap.ok(e["receipt"] in page and '<option value="order" selected' in page, "the form names the deposit and the step")
    fields = {"/step": "order", "/model_digest": k.digest, "/deposit": e["receipt"], "/condition": "maintenance_end", "/beneficiary": "SUITE1", "/document": HEX}
    done = {"/step": "execute", "/model_digest": k.digest, "/deposit": e["receipt"], "/order": HEX, "/executed_at": at(0)}
    post(tap, agent, path, done, 422, "nothing is released without an order")
    post(tap, ministry, path, {**fields, "/condition": "insolvency"}, 422, "a condition nobody agreed is refused")
    post(tap, ministry, path, {**fields, "/condition": "vigilance_uncorrected"}, 422, "so is one that is not met: no serious case is open")
    post(tap, ministry, path, {**fields, "/beneficiary": ""}, 422, "and a release to nobody")
    post(tap, ministry, path, {**fields, "/deposit": HEX}, 422, "and a deposit that is none")
    post(tap, vendor, path, fields, 422, "a supplier orders no release")
    where, _ = post(tap, ministry, path, fields, 303, "the order waits for two of the ministry")
    sign(k, tap, ministry, where, "msps", "the first signs")
    tap.ok(not held(k).get("ordered"), "one is not enough")
    sign(k, tap, ministry, where, "msps-2", "the second signs")
    e = held(k)
    tap.ok(e.get("ordered") and e["beneficiary"] == "SUITE1", "the release is ordered")
    post(tap, ministry, path, {**fields, "/beneficiary": "SUITE2"}, 422, "a second order is refused")
    page = agent.ask("GET", "/escrow")[2].decode()
    link = re.search(r'href="(/events/escrow_release\?step=execute[^"]*%s)"' % e["order"], page)
    tap.ok(link, "whoever holds it is led to its execution")
    done["/order"] = e["order"]
    other = k.person("autre", "escrow_agent", "", "TIERS9")
    where, _ = post(tap, other, path, done, 303, "another third party may prepare a text")
    status, _, _ = other.form(where, {"envelope": k.sign(other.ask("GET", where + "/payload.json")[2], "escrow")})
    tap.ok(status in (403, 422) and not held(k).get("executed"), "but it executes nothing, whoever signs it (%d)" % status)
    post(tap, agent, path, {**done, "/order": HEX}, 422, "nor on another order")
    where, _ = post(tap, agent, path, done, 303, "the execution waits for its signature")
    sign(k, tap, agent, where, "escrow", "whoever holds it signs")
    e = held(k)
    tap.ok(e.get("executed"), "released")
    post(tap, agent, path, {**done, "/document": HEX}, 422, "once")
    shown = call(k.reg.port, "GET", "/escrow")[1].decode()
    tap.ok("/statements/%d" % e["executed"] in shown and e["receipt"] not in shown and "D-2" not in shown,
           "everybody sees that it was released, nobody what is in it")


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        agent = k.person("tiers", "escrow_agent", "", "ESCROW")
        vendor = k.person("fournisseur", "vendor", "", "DEMOAI")
        ministry = k.person("ministere", "msps", "authority", "MSPS")
        receipt(k, tap, agent, lists(k, tap, agent, vendor))
        e = held(k)
        tap.ok(e["level"] == 1 and e["agent"] == "ESCROW", "its digests match: level 1")
        second_key(k, tap)
        release(k, tap, ministry, agent, vendor)
    finally:
        k.end()
    second_fold(tap, sys.argv[1] + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
