#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""From a file that was evaluated to a label, by pages and without scripts: commission.py DEMO_DIR

A member of the commission opens the file, prepares the decision the policy computes, two members sign it with their own
keys, and the model carries its label. Who may not sign is told why."""
import http.client
import os
import re
import subprocess
import sys
import urllib.parse

from world import Tap, World, call


class Person:
    """A browser without scripts: cookies, forms, redirects that are only looked at."""

    def __init__(self, port, login, password):
        self.port, self.cookie = port, ""
        status, where, _ = self.ask("POST", "/login", {"user": login, "password": password})
        if status != 303 or where.startswith("/login"):
            raise RuntimeError("%s cannot sign in: %d %s" % (login, status, where))

    def ask(self, method, path, form=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        head = {"Cookie": self.cookie, "Accept-Language": "ar"}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            head["Content-Type"] = "application/x-www-form-urlencoded"
        c.request(method, path, body, head)
        r = c.getresponse()
        page = r.read()
        for k, v in r.getheaders():
            if k.lower() == "set-cookie" and v.startswith("amane_session="):
                self.cookie = v.split(";")[0]
        c.close()
        return r.status, r.getheader("Location") or "", page

    def form(self, path, fields):
        page = self.ask("GET", path)[2].decode()
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page).group(1)
        return self.ask("POST", path, {"csrf": csrf, **fields})


def main():
    c, tap = World(sys.argv[1]), Tap()
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    reg = c.registry()
    nodes = [c.node(i) for i in range(len(c.w["nodes"]))]
    try:
        walk(c, reg, tap)
    finally:
        for s in nodes + [reg]:
            s.stop()
    return tap.end()


def walk(c, reg, tap):
    admin = c.w["registry"]["admin_token"]
    for login, role, function, org in (("membre", "has", "commissioner", "HAS"), ("fournisseur", "vendor", "", "X")):
        body = {"login": login, "password": "mot de passe de " + login, "role": role, "org_id": org}
        if function:
            body["function"] = function
        call(reg.port, "POST", "/api/v1/accounts", body, admin)
    me = Person(reg.port, "membre", "mot de passe de membre")
    status, _, page = me.ask("GET", "/commission")
    file = re.search(rb'/commission/([0-9a-f]{64})', page)
    tap.ok(status == 200 and file, "the file is in the list of those to examine")
    if not file:
        print("#", status, call(reg.port, "GET", "/api/v1/versions")[1]["items"][0]["state"])
        return
    file = file.group(0).decode()
    status, _, page = me.ask("GET", file)
    keys = re.findall(r'name="(k[0-9a-f]{64})"', page.decode())
    tap.ok(status == 200 and b'dir="rtl"' in page and len(keys) >= 2, "it shows, in Arabic, what the policy computes and who may sign")
    status, _, _ = me.ask("POST", file, {"act": "decision"})
    tap.ok(status == 403, "without its token the form is refused")
    status, _, page = me.form(file, {"act": "decision"})
    tap.ok(status == 422, "a decision nobody is named to sign is refused, with its place")
    hid = [k for k in keys if subprocess.run([c.amane, "key", "show", c.dir + "/actors/has-1.key"], capture_output=True,
                                             text=True).stdout.find(k[1:]) >= 0 or
           subprocess.run([c.amane, "key", "show", c.dir + "/actors/has-2.key"], capture_output=True, text=True).stdout.find(k[1:]) >= 0]
    fields = {"act": "decision", "gst": "GST-RSK GST-CS", "houses": "CHU-RABAT CHU-CASABLANCA", "condition": "يعاد التقييم بعد سنة"}
    status, where, page = me.form(file, {**fields, **{k: "1" for k in hid}})
    tap.ok(status == 303 and where.startswith("/sign/"), "the decision is prepared: its text waits for signatures (%d)" % status)
    if status != 303:
        print("# " + re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.decode()))[:900])
        return
    payload = me.ask("GET", where + "/payload.json")[2]
    base = c.dir + "/decision.json"
    open(base, "wb").write(payload)
    index = []
    for who in ("has-1", "has-2"):
        subprocess.run([c.amane, "sign", base, "--key", "%s/actors/%s.key" % (c.dir, who), "--out", base + ".dsse"], check=True)
        if not index:
            status, _, page = me.form(where, {"envelope": open(base + ".dsse").read()})
            tap.ok(status == 422 and b"no_conflict" in page, "a signature without its own declaration of interests is refused")
        status, at, page = me.form(where, {"envelope": open(base + ".dsse").read(), "no_conflict": "1"})
        index.append((status, at))
        if status != 303:
            print("# " + re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.decode()))[:900])
    tap.ok(all(s == 303 and "signed=" in a for s, a in index), "two members sign the same text")
    v = call(reg.port, "GET", "/api/v1/versions/" + file.rsplit("/", 1)[1])[1]
    state = v.get("version", v).get("state")
    tap.ok(state == "labelled", "the model carries its label (%s)" % state)
    status, _, page = me.ask("GET", "/commission")
    tap.ok(status == 200 and file.encode() not in page, "and waits no more")
    other = Person(reg.port, "fournisseur", "mot de passe de fournisseur")
    status, _, _ = other.ask("GET", where)
    tap.ok(status == 200, "what is in the log is everybody's to read")


if __name__ == "__main__":
    sys.exit(main())
