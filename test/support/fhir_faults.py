#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fhir_faults.py DIR: what nobody should send to /fhir, and clients that never end, over sockets. Bombs are refused with 4xx or
cost no more than their bounds; while hundreds of slow clients hold connections, others are answered. One open node in DIR, on 127.0.0.1."""
import http.client
import json
import os
import socket
import sys
import threading
import time

from world import Server, Tap

JSON, XML = "application/fhir+json", "application/fhir+xml"
SECRET = "this-line-is-of-a-file-of-the-machine"
ENTRIES = 10000  # of a Bundle (EDS_GROUP_MAX)
INCLUDED = 1000  # EDS_INCLUDE_MAX


class Fhir:
    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, kind=JSON, timeout=60):
        """(status, text). A server that hangs up before it read all has answered before that, or raises."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            head = {"Content-Type": kind, "Accept": JSON}
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            try:
                c.request(method, "/fhir" + path, body.encode() if isinstance(body, str) else body, head)
            except (BrokenPipeError, ConnectionResetError):
                pass
            r = c.getresponse()
            return r.status, r.read().decode("utf-8", "replace")
        finally:
            c.close()

    def refused(self, *a, **k):
        """4xx with an OperationOutcome that tells an error."""
        status, text = self.ask(*a, **k)
        try:
            good = json.loads(text)["resourceType"] == "OperationOutcome"
        except (ValueError, KeyError, TypeError):
            good = False
        if not (400 <= status < 500 and good):
            print("# %s %s: %d %s" % (a[0], a[1][:60], status, text[:200]))
        return 400 <= status < 500 and good

    def bundle(self, kind, entries):
        status, text = self.ask("POST", "", {"resourceType": "Bundle", "type": kind, "entry": entries})
        return status, json.loads(text)


def put(resource):
    return {"resource": resource, "request": {"method": "PUT", "url": "%s/%s" % (resource["resourceType"], resource["id"])}}


def rss_mib(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


# ---- bodies
def bodies(tap, f, folder):
    small = '{"request":{"method":"GET","url":"metadata"}}'
    for kind in ("batch", "transaction"):
        text = '{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (kind, ",".join([small] * (ENTRIES + 1)))
        status, said = f.ask("POST", "", text)
        tap.ok(status == 413 and "OperationOutcome" in said, "a %s of %d entries is refused (413)" % (kind, ENTRIES + 1))
    deep = ['{"resourceType":"Patient","extension":%s%s}' % ("[" * n, "]" * n) for n in (300, 100000)]
    deep += ['{"resourceType":"Patient","contact":' + '[{"extension":' * 40000, '{"a":' * 200000, "[" * 5000000]
    tap.ok(all(f.refused("POST", p, d) for d in deep for p in ("/Patient", "", "/Patient/$validate")[: 3 if len(d) < 1 << 20 else 1]),
           "deep JSON is refused, as a resource, a Bundle and a parameter")
    names = '{"resourceType":"Patient","name":[' + ",".join(['{"family":"x"}'] * 2000000) + "]}"
    tap.ok(f.refused("POST", "/Patient", names), "so is a resource of two million names")
    status, said = f.ask("POST", "/Patient", b'{"resourceType":"Patient"}' + b" " * (40 << 20))
    tap.ok(status == 413, "and a body over its cap (%d %s)" % (status, said[:60]))
    open(folder + "/secret", "w").write(SECRET)
    laughs = "".join('<!ENTITY l%d "%s">' % (i, ("&l%d;" % (i - 1)) * 10 if i else "lol") for i in range(10))
    head, tail = '<?xml version="1.0"?>', '<Patient xmlns="http://hl7.org/fhir"><name><family value="%s"/></name></Patient>'
    attacks = {
        "a billion laughs": head + "<!DOCTYPE p [%s]>" % laughs + tail % "&l9;",
        "quadratic blow-up": head + '<!DOCTYPE p [<!ENTITY a "%s">]>' % ("x" * 100000) + tail % ("&a;" * 10000),
        "an external entity": head + '<!DOCTYPE p [<!ENTITY a SYSTEM "file://%s/secret">]>' % folder + tail % "x"
        + "<!-- --><x>&a;</x>",
        "an external entity in its text": head + '<!DOCTYPE Patient [<!ENTITY a SYSTEM "file://%s/secret">]>' % folder
        + '<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">&a;</div></text></Patient>',
        "a parameter entity": head + '<!DOCTYPE p [<!ENTITY %% a SYSTEM "file://%s/secret"> %%a;]>' % folder + tail % "x",
        "an external DTD": head + '<!DOCTYPE p SYSTEM "file://%s/secret">' % folder + tail % "x",
        "deep XML": head + '<Patient xmlns="http://hl7.org/fhir">' + '<extension url="x">' * 100000,
    }
    bad = []
    for name, text in attacks.items():
        for path in ("/Patient", "", "/Patient/$validate"):
            status, said = f.ask("POST", path, text, XML)
            refused = 400 <= status < 500 or (path.endswith("$validate") and status == 200 and '"error"' in said)
            if not refused or SECRET in said or len(said) > 100000:
                bad.append("%s at %s: %d %s" % (name, path, status, said[:200]))
    for line in bad:
        print("# " + line)
    tap.ok(not bad, "entity attacks and deep XML are refused, and no file is told (%d times)" % (3 * len(attacks)))
    status, text = f.ask("GET", "/Patient?_summary=count")
    tap.ok(status == 200 and json.loads(text)["total"] == 0, "nothing of all this was kept")


# ---- searches
def world(f):
    """A ring of organizations, each part of the next; a hub that many name."""
    ring = [put({"resourceType": "Organization", "id": "o%d" % i, "name": "ring",
                 "partOf": {"reference": "Organization/o%d" % ((i + 1) % 50)}}) for i in range(50)]
    hub = [put({"resourceType": "Patient", "id": "hub", "name": [{"family": "Hub"}]})]
    many = [put({"resourceType": "Observation", "id": "b%d" % i, "status": "final", "code": {"text": "x"},
                 "subject": {"reference": "Patient/hub"}, "valueString": "v" * 2000}) for i in range(3 * INCLUDED)]
    return f.bundle("transaction", ring + hub + many)[0]


def ids(text):
    return [e["resource"]["resourceType"] + "/" + e["resource"].get("id", "") for e in json.loads(text).get("entry", [])]


def searches(tap, f):
    tap.ok(world(f) == 200, "a ring and a hub are loaded")
    status, text = f.ask("GET", "/Organization?_id=o7&_include:iterate=*&_revinclude:iterate=*&_include=*")
    got = ids(text) if status == 200 else [text[:200]]
    tap.ok(status == 200 and len(got) == len(set(got)) == 50, "a cycle of _include:iterate=* ends, each resource once")
    status, text = f.ask("GET", "/Organization?_id=o7&_include=*")
    tap.ok(status == 200 and len(ids(text)) == 2, "_include=* alone goes one step")
    tap.ok(f.refused("GET", "/Patient?_id=hub&_revinclude=*"), "more than %d that come along are refused" % INCLUDED)
    tap.ok(f.refused("GET", "/Patient?_id=hub&_revinclude:iterate=*&_include:iterate=*"), "so they are through a cycle")
    many = {
        "values of an OR list": "/Observation?code=" + ",".join("c%d" % i for i in range(5000)),
        "parameters": "/Observation?" + "&".join("code=c%d" % i for i in range(500)),
        "includes": "/Observation?" + "&".join("_include=Observation:subject" for i in range(500)),
        "steps of a chain": "/Organization?" + "partof." * 200 + "name=x",
        "steps of _has": "/Patient?" + "_has:Observation:patient:" * 100 + "code=x",
        "orders": "/Patient?_sort=" + ",".join(["name"] * 500),
        "elements": "/Patient?_elements=" + ",".join("e%d" % i for i in range(5000)),
    }
    bad = [name for name, url in many.items() if not f.refused("GET", url)]
    for name, url in many.items():
        path, query = url.split("?", 1)
        if not f.refused("POST", path + "/_search", query, kind="application/x-www-form-urlencoded"):
            bad.append(name + " (POST)")
    big = "code=" + ",".join("c%d" % i for i in range(2000000))
    if not f.refused("POST", "/Observation/_search", big, kind="application/x-www-form-urlencoded"):
        bad.append("an OR list of two million")
    tap.ok(not bad, "too much in a search is refused: %s" % (", ".join(bad) or ", ".join(many)))
    try:  # the library that reads heads has no room for so many and hangs up
        gone = f.refused("GET", "/Observation?" + "&".join("code=c%d" % i for i in range(5000)))
    except (http.client.HTTPException, OSError):
        gone = True
    tap.ok(gone, "a GET of 5,000 parameters is refused, or its connection closed")
    url = "/Observation?code=" + ",".join("c%d" % i for i in range(400)) + "&subject=" + ",".join("Patient/p%d" % i for i in range(400))
    status, text = f.ask("POST", "/Observation/_search", url.split("?")[1], kind="application/x-www-form-urlencoded")
    tap.ok(status == 200 and json.loads(text)["total"] == 0, "what is within the bounds is answered")


# ---- slow clients
def half(port, text, n):
    """n connections that sent that and nothing more; few at a time, as the backlog takes them."""
    held = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        s.sendall(text)
        held.append(s)
    return held


def slow(tap, f, pid, n):
    post = b"POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\nContent-Length: 500000\r\n"
    big = b"GET /fhir/Patient/hub/$everything?_count=5000 HTTP/1.1\r\nHost: a\r\n\r\n"
    held = half(f.port, b"GET /fhir/Patient HTTP/1.1\r\nHost: a\r\nX-Slow: ", n)
    held += half(f.port, post + b"\r\n{", n)
    readers = half(f.port, big, n // 4)
    stop = threading.Event()

    def drip():  # a byte now and then, of a head, of a body; and read as slowly
        while not stop.wait(0.5):
            for s in held + readers:
                try:
                    s.recv(1, socket.MSG_DONTWAIT) if s in readers else s.send(b"a", socket.MSG_DONTWAIT)
                except OSError:
                    pass

    t = threading.Thread(target=drip)
    t.start()
    took, good = [], 0
    try:
        for i in range(40):
            began = time.monotonic()
            a = f.ask("GET", "/Patient/hub")[0] == 200
            b = f.ask("POST", "/Patient", {"resourceType": "Patient", "name": [{"family": "quick"}]})[0] == 201
            good += a and b
            took.append(time.monotonic() - began)
        full = f.ask("GET", "/Patient/hub/$everything?_count=5000")
    finally:
        stop.set()
        t.join()
        for s in held + readers:
            s.close()
    took.sort()
    print("# %d slow heads, %d slow bodies, %d slow readers; a read and a create: median %.0f ms, worst %.0f ms; RSS %.0f MiB"
          % (n, n, n // 4, 1e3 * took[20], 1e3 * took[-1], rss_mib(pid)))
    tap.ok(good == 40, "beside slow clients others read and write (%d of 40)" % good)
    tap.ok(full[0] == 200 and json.loads(full[1])["total"] == 3 * INCLUDED + 1, "and are told everything of who has much")
    tap.ok(rss_mib(pid) < 1024, "memory stays bounded")


def main(folder, n):
    tap = Tap()
    os.mkdir(folder + "/n")
    open(folder + "/n/node.conf", "w").write("body_max = %d\n" % (32 << 20))
    server = Server([os.environ["AMANE"], "node", "--data", folder + "/n", "--listen", "127.0.0.1:0", "--open"], folder + "/log")
    f = Fhir(server.port)
    try:
        bodies(tap, f, folder)
        searches(tap, f)
        slow(tap, f, server.p.pid, n)
        tap.ok(server.p.poll() is None and f.ask("GET", "/metadata")[0] == 200, "the node is alive after all that")
    finally:
        code = server.stop()
    tap.ok(code == 0, "and stops when told")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
