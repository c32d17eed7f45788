# SPDX-License-Identifier: Apache-2.0
"""What servers answer, held against the OpenAPI documents they give. Prints TAP.

openapi_replay.py walk WORLD RECORD: the exchanges of a demo, then a walk over every operation of both servers of
    that demo (WORLD: its folder, served).
openapi_replay.py record WORLD RECORD: the exchanges alone."""
import base64
import copy
import hashlib
import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from urllib.parse import quote

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from openapi import Contract, recorded  # noqa: E402
from commission import Person  # noqa: E402
from totp import code  # noqa: E402
from world import Tap  # noqa: E402

ZERO = "0" * 64
PASSWORD = "demo-demo-demo"
SECOND = "5e" * 32  # token of a second administrator, put into the database: people make it on their page
EVENT = "application/vnd.in-toto+json"


class Server:
    def __init__(self, name, url):
        self.name, self.port = name, int(url.rsplit(":", 1)[1])
        self.found = []
        status, _, text = self.send("GET", "/api/v1/openapi.json")
        self.contract = Contract(json.loads(text))
        assert status == 200

    def send(self, method, path, body=None, token=None, kind=None, head=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            head = dict(head or {})
            if token:
                head["Authorization"] = "Bearer " + token
            if kind:
                head["Content-Type"] = kind
            c.request(method, path, body, head)
            r = c.getresponse()
            return r.status, r.getheader("Content-Type"), r.read()
        finally:
            c.close()

    def ask(self, method, path, body=None, token=None, kind="application/json", head=None, badly=False):
        """One exchange, held against the document: (status, parsed reply or None). badly: only its reply is."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        status, type_, got = self.send(method, path, body, token, kind if body is not None else None, head)
        self.hold({"method": method, "path": path, "request_type": kind, "request": body, "status": status,
                   "type": type_, "response": got, "badly": badly})
        try:
            return status, json.loads(got)
        except ValueError:
            return status, None

    def hold(self, exchange):
        self.found += self.contract.problems(exchange)

    def get(self, path, token=None):
        return self.ask("GET", path, token=token)[1] or {}

    def login(self, name):
        return self.ask("POST", "/api/v1/sessions", {"login": name, "password": PASSWORD})[1]["token"]


class Actors:
    """The demo's actors sign with the program itself; their keys are in its folder."""

    def __init__(self, folder, type_base, registry):
        self.dir, self.base, self.registry = folder, type_base, registry
        self.amane = os.environ["AMANE"]

    def sign(self, record, who):
        path = self.dir + "/walk.json"
        json.dump(record, open(path, "w"))
        subprocess.run([self.amane, "sign", path, "--key", "%s/actors/%s.key" % (self.dir, who), "--kind", "event", "--type-base",
                        self.base, "--out", path + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        return json.load(open(path + ".dsse"))

    def event(self, type_, **members):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"issued_at": now, "issuer": {"role": "msps", "org_id": "MSPS"}, "type": type_, **members}

    def grant(self, name, role, function, org):
        """A key more in the directory."""
        out = "%s/actors/%s.key" % (self.dir, name)
        subprocess.run([self.amane, "key", "new", "--out", out], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spki = "".join(x for x in open(out + ".pub").read().splitlines() if not x.startswith("-"))
        key = {"role": role, "function": function, "org_id": org, "label": name, "spki": spki}
        return self.registry.ask("POST", "/api/v1/events", self.sign(self.event("key_grant", key=key), "msps"))[0]


def until(check, tries=300):
    """Waits for what others do by themselves."""
    for _ in range(tries):
        if check():
            return True
        time.sleep(0.2)
    return False


def enrol(s, login, password):
    """A second factor, by the page that shows its secret."""
    person = Person(s.port, login, password)
    page = person.ask("GET", "/account/second")[2].decode()
    secret = re.search(r'<bdi dir="ltr">([A-Z2-7]{32})<', page).group(1)
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page).group(1)
    return person.ask("POST", "/account/second", {"csrf": csrf, "code": code(secret, -1)})[0]


def asks(s, folder, admin):
    """What one administrator asks, another confirms, and what is asked is withdrawn. Appointed long ago: its row says so."""
    house = {"establishment": s.house} if s.house else {}
    desk = {"role": "dsi"} if s.house else {"role": "msps", "function": "registry_desk"}
    signs = {"role": "dim"} if s.house else {"role": "has", "function": "commissioner"}
    _, second = s.ask("POST", "/api/v1/accounts", {"login": "desk2-" + s.name, "password": PASSWORD, "org_id": s.org, **desk, **house}, admin)
    _, signer = s.ask("POST", "/api/v1/accounts", {"login": "signer-" + s.name, "password": PASSWORD, "org_id": s.org, **signs, **house}, admin)
    with sqlite3.connect(folder + "/auth.db", timeout=30) as rows:
        rows.execute("UPDATE account SET since_at=1")
        rows.execute("INSERT INTO token(hash,account,until_at) VALUES(?,?,?)", (hashlib.sha256(SECOND.encode()).hexdigest(), second["id"], 1 << 60))
    reset = "/api/v1/accounts/%d/reset" % signer["id"]
    for method in ("POST", "DELETE"):
        s.ask("POST", reset, token=admin)
        one = s.get("/api/v1/account-asks", admin)["items"]
        s.ask(method, "/api/v1/account-asks/%s" % at(one, "id", 999), token=SECOND if method == "POST" else admin)
    _, one = s.ask("POST", "/api/v1/tokens", {"account": signer["id"], "name": "export", "rights": ["propose"]}, admin)
    s.ask("POST", "/api/v1/tokens", {"account": signer["id"]}, admin)  # asked for already
    s.get("/api/v1/account-asks", admin)
    s.ask("POST", "/api/v1/account-asks/%s" % one["ask"], token=SECOND)


def at(items, key, other):
    return items[0][key] if items else other


def hostile(server, token):
    """Every operation asked by nobody, with a path that leads nowhere, with bodies that are none."""
    for op in server.contract.operations:
        path = next(p for p, m in server.contract.document["paths"].items()
                    if op.entry in m.values())
        for name in op.names:
            path = path.replace("{%s}" % name, ZERO if name != "kind" else "versions")
        wants = "requestBody" in op.entry
        server.ask(op.method, path, badly=True)
        if path == "/api/v1/sessions" and op.method == "DELETE":
            continue  # it would sign the walker out
        for body in ["{", "[]", "{}", '{"x":1}', b"\xff\xfe"] if wants else [None]:
            server.ask(op.method, path, body, token, badly=True)
        if op.names and op.method in ("GET", "DELETE"):
            for value in ("x", "9" * 30, "%2e%2e", "%00"):
                server.ask(op.method, path.replace(ZERO, value), token=token, badly=True)
        for p in op.entry["parameters"]:
            if p["in"] == "query":
                server.ask(op.method, "%s?%s=%s" % (path, p["name"], quote("\u0645 <&\"'")), token=token,
                           badly=True)


def people(s, admin, doctor):
    """Accounts, persons, tokens, sessions: what an administrator and its people do."""
    s.get("/api/v1/accounts", admin)
    s.get("/api/v1/persons", admin)
    s.get("/api/v1/organisations", admin)
    s.get("/api/v1/audit?limit=20", admin)
    house = {"establishment": s.house} if s.house else {}
    _, person = s.ask("POST", "/api/v1/persons", {"name": "A B", "org_id": s.org, **house}, admin)
    spec = {"login": "walker-" + s.name, "password": PASSWORD, "role": s.role, "org_id": s.org, **house}
    _, made = s.ask("POST", "/api/v1/accounts", {**spec, "person": (person or {}).get("id", 0)}, admin)
    s.ask("POST", "/api/v1/accounts", spec, admin)  # taken
    who = "/api/v1/accounts/%s" % (made or {}).get("id")
    token = s.login(spec["login"])
    s.ask("POST", "/api/v1/sessions", {"login": spec["login"], "password": "wrong"})
    _, one = s.ask("POST", "/api/v1/tokens", {"name": "walk", "rights": []}, token)
    s.ask("POST", "/api/v1/tokens", {"account": (made or {}).get("id", 1), "until": "2099-01-01T00:00:00Z"}, admin)
    s.ask("POST", "/api/v1/tokens", {"rights": ["no such right"], "until": "yesterday"}, token)
    s.get("/api/v1/sessions", one["token"])  # a token for nothing
    kept = s.get("/api/v1/tokens", token).get("items", [])
    s.ask("DELETE", "/api/v1/tokens/%s" % at(kept, "id", "x"), token=token)
    s.login(spec["login"])
    other = [x for x in s.get("/api/v1/sessions", token).get("items", []) if not x["current"]]
    s.ask("DELETE", "/api/v1/sessions/%s" % at(other, "id", "x"), token=token)
    s.ask("POST", "/api/v1/password", {"old": "wrong", "password": PASSWORD + "-2"}, token)
    s.ask("POST", "/api/v1/password", {"old": PASSWORD, "password": PASSWORD + "-2"}, token)
    s.ask("PUT", who, {"role": s.role, "org_id": s.org, "lang": "ar", **house}, admin)
    s.ask("PUT", who, {"role": "king", "org_id": s.org}, admin)
    _, code = s.ask("POST", who + "/reset", token=admin)
    s.ask("POST", "/api/v1/password-resets", {"code": (code or {}).get("code", ZERO), "password": PASSWORD})
    s.ask("POST", "/api/v1/password-resets", {"code": ZERO, "password": PASSWORD})
    enrol(s, spec["login"], PASSWORD)
    s.ask("DELETE", who + "/second", token=admin)
    asks = s.get("/api/v1/account-asks", admin).get("items", [])
    s.ask("POST", "/api/v1/account-asks/%s" % at(asks, "id", 999), token=admin)  # whoever asked does not confirm
    s.ask("DELETE", "/api/v1/account-asks/%s" % at(asks, "id", 999), token=admin)
    token = s.login(spec["login"])
    s.get("/api/v1/notices", token)
    s.ask("DELETE", "/api/v1/notices", token=token)
    s.ask("DELETE", "/api/v1/sessions/all", token=s.login(spec["login"]))
    s.ask("DELETE", "/api/v1/sessions", token=s.login(spec["login"]))
    s.ask("DELETE", who, token=admin)
    s.ask("DELETE", "/api/v1/persons/%s" % (person or {}).get("id"), token=admin)
    s.get("/api/v1/accounts", doctor)  # not theirs
    s.ask("POST", "/api/v1/accounts", {"login": "reader-" + s.name, "password": PASSWORD, "org_id": s.org,
                                       "role": "rssi" if s.house else "auditor", **house}, admin)
    s.get("/api/v1/audit?limit=5&event=login", s.login("reader-" + s.name))


def public(s, token):
    """What both servers show to anybody."""
    for path in ("/healthz", "/readyz", "/metrics", "/api", "/api/v1/openapi.json", "/api/shapes/version",
                 "/api/shapes/nothing", "/log/checkpoint", "/log/checkpoint.cosigned", "/log/tile/0/000",
                 "/log/tile/entries/000", "/log/tile/entries/000.p/1", "/log/nothing"):
        s.ask("GET", path)
        s.ask("GET", path, token=token)


def registry_reads(s, token):
    versions = s.get("/api/v1/versions?limit=1")["items"]
    version = versions[0]
    digest = version["model_digest"]
    for q in ("q=diab%C3%A8te&level=base", "use=x&use=y", "cursor=broken", "limit=0"):
        s.get("/api/v1/versions?" + q)
    for part in ("", "/history", "/proof", "/diff/" + digest, "/card", "/card?format=pdf"):
        s.get("/api/v1/versions/%s%s" % (digest, part))
    for form in ("chai", "annex8", "hti1", "fhir"):
        s.ask("GET", "/api/v1/versions/%s/card?format=%s&lang=ar" % (digest, form))
    deployments = s.get("/api/v1/deployments?model=" + digest)["items"]
    s.get("/api/v1/deployments/" + deployments[0]["id"])
    s.get("/api/v1/deployments/" + deployments[0]["id"] + "/card")
    s.get("/api/v1/deployments?establishment=%s&use=%s" % (deployments[0]["establishment"], version["use_code"]))
    stops = s.get("/api/v1/stops?since=0&envelopes=1")["items"]
    s.get("/api/v1/stops?since=0&wait=1&envelopes=1")
    s.get("/api/v1/stops/" + at(stops, "order", ZERO))
    for path in ("algorithms", "vigilance", "vigilance?late=1&severity=serious", "escrow", "escrow?model=" + digest,
                 "sandboxes", "warnings", "warnings?kind=decision", "facts", "facts?type=assignment&model=" + digest,
                 "keys", "policy", "witnesses", "genesis", "schemas"):
        s.get("/api/v1/" + path)
        s.get("/api/v1/" + path, token)
    for schema in s.get("/api/v1/schemas")["items"]:
        s.ask("GET", schema["url"])
        s.ask("GET", "/api/v1/schemas/" + schema["name"])
    for index in range(s.get("/readyz")["size"]):
        s.get("/api/v1/statements/%d" % index)
        s.get("/api/v1/statements/%d/bundle" % index)
    for path in ("/api/v1/export/versions.csv", "/api/v1/export/versions.json", "/feeds/decisions.atom",
                 "/feeds/stops.atom?lang=ar", "/feeds/decisions.rss", "/feeds/stops.rss?lang=en"):
        status, _, _ = s.send("GET", path)
        s.ask("GET", path)
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
        c.request("GET", path)
        r = c.getresponse()
        r.read()
        s.ask("GET", path, head={"If-None-Match": r.getheader("ETag") or ""})
        c.close()
    return digest, version


def payload_of(s, index):
    return s.get("/api/v1/statements/%d" % index).get("payload")


def registry_writes(s, token, bench, digest, version):
    statement = payload_of(s, version["declared"]["index"])
    record = statement["predicate"]
    body = b"openapi walk"
    sha = hashlib.sha256(body).hexdigest()
    for name in (sha, sha, ZERO):
        s.ask("PUT", "/api/v1/blobs/" + name, body, token, "application/octet-stream")
    s.ask("GET", "/api/v1/blobs/" + version["declared"]["payload"])
    for name in [digest] + [d for d in version["evidence"]]:
        s.ask("GET", "/api/v1/blobs/" + name)
        s.ask("GET", "/api/v1/blobs/" + name, token=bench)
    for f in record.get("files", []):
        s.ask("GET", "/api/v1/blobs/" + f.get("sha256", ZERO))
    s.ask("POST", "/api/v1/algorithm-ids", {"org6": "DEMOAI"}, token)
    s.ask("POST", "/api/v1/algorithm-ids", {"org6": "nope"}, token)
    for kind in ("versions", "algorithms", "evidence", "decisions", "deployments", "events"):
        s.ask("POST", "/api/v1/checks/" + kind, record)
        s.ask("POST", "/api/v1/" + kind, {"payload": base64.b64encode(json.dumps(statement).encode()).decode(),
                                          "payloadType": EVENT, "signatures": [{"keyid": ZERO, "sig": "MAA="}]})
    s.ask("POST", "/api/v1/fhir-twins", record)
    s.ask("POST", "/api/v1/fhir-twins", {"algorithm_id": "MA-IA-DEMOAI-AAAAAAAAAA-A"})
    # a draft from its first save to its end
    _, draft = s.ask("POST", "/api/v1/drafts", {"kind": "version", "record": {"version_label": "1"}}, token)
    one = "/api/v1/drafts/" + draft["id"]
    s.get("/api/v1/drafts", token)
    s.get(one, token)
    s.ask("PUT", one, record, token)  # without If-Match
    s.ask("PUT", one, {"version_label": "2"}, token, head={"If-Match": '"%d"' % draft["version"]})
    s.ask("PUT", one, record, token, head={"If-Match": '"%d"' % draft["version"]})  # another was saved
    s.get(one + "/check", token)
    s.ask("POST", one + "/declaration", token=token)
    s.ask("DELETE", one, token=token)
    s.get(one, token)
    algorithm = payload_of(s, s.get("/api/v1/algorithms")["items"][0]["index"])["predicate"]
    _, draft = s.ask("POST", "/api/v1/drafts", {"kind": "algorithm", "record": algorithm}, token)
    s.get("/api/v1/drafts/%s/check" % draft["id"], token)
    s.ask("POST", "/api/v1/drafts/%s/declaration" % draft["id"], token=token)
    s.ask("POST", "/api/v1/proposals", {"kind": "algorithm", "record": algorithm}, token)
    # a new product line is declared from its draft
    _, made = s.ask("POST", "/api/v1/algorithm-ids", {"org6": "DEMOAI"}, token)
    line = {**algorithm, "algorithm_id": made["algorithm_id"], "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    _, draft = s.ask("POST", "/api/v1/drafts", {"kind": "algorithm", "record": line}, token)
    s.ask("POST", "/api/v1/drafts/%s/declaration" % draft["id"], token=token)
    for p in s.get("/api/v1/proposals", token)["items"]:
        s.ask("GET", "/api/v1/proposals/" + p["payload"], token=token)
    question = {"products": [digest, version["algorithm_id"], ZERO], "use_code": version["use_code"],
                "opens_at": "2027-01-15T10:00:00Z"}
    s.ask("POST", "/api/v1/tender-checks", question)
    s.ask("POST", "/api/v1/tender-checks", {**question, "tree_size": s.get("/readyz")["size"]})
    s.ask("POST", "/api/v1/tender-checks", {**question, "products": []})
    s.ask("POST", "/api/v1/organisations", {"org_id": "WALK", "kind": "vendor", "name": {"fr": "Marche"}}, s.admin)


def node_walk(s, registry, place, doctor, digest):
    s.get("/api/v1/state")
    s.ask("GET", "/trace/checkpoint")
    s.ask("GET", "/trace/tile/entries/000.p/1")
    s.ask("GET", "/witness/checkpoint")
    s.ask("GET", "/witness/checkpoint?origin=nobody")
    s.get("/witness/evidence")
    _, _, note = registry.send("GET", "/log/checkpoint")
    s.ask("POST", "/witness/add-checkpoint", b"old 0\n\n" + note, kind="text/plain")  # it has cosigned more
    s.ask("POST", "/witness/add-checkpoint", b"old 0\n\nnobody\n1\nAAAA\n\n", kind="text/plain")
    s.ask("POST", "/api/v1/sync", token=s.admin)
    runs = s.get("/api/v1/deployments", doctor)["items"]
    deployment = runs[0]["id"]
    request = place["requests"][0]
    s.ask("POST", "/api/v1/predictions", request, doctor)
    s.ask("POST", "/api/v1/predictions", {**request, "deployment": ZERO}, doctor)
    outputs = s.get("/api/v1/predictions?service=%s&limit=500" % quote(request["service"]), doctor).get("items", [])
    s.get("/api/v1/predictions?status=validated&before=1", doctor)
    one = "/api/v1/predictions/" + at(outputs, "id", "none")
    for x in outputs[:40]:
        s.get("/api/v1/predictions/" + x["id"], doctor)
        s.get("/api/v1/predictions/%s/proof" % x["id"], doctor)
    for body in ({"outcome": "accepted"}, {"outcome": "refused"}, {"outcome": "corrected", "corrected_value": 0.5}):
        s.ask("POST", one + "/validation", body, doctor)
    s.ask("POST", one + "/report", {"severity": "serious", "note": "a walk"}, doctor)
    s.ask("POST", one + "/report", {"severity": "serious"}, doctor)
    s.ask("POST", one + "/stop", token=doctor)
    s.ask("POST", one + "/stop", token=doctor)
    s.ask("POST", "/api/v1/stops", {"scope": "service", "deployment": deployment, "service": request["service"]}, doctor)
    s.ask("POST", "/api/v1/stops", {"scope": "establishment", "deployment": ZERO}, doctor)
    for x in s.get("/api/v1/local-stops", doctor)["items"]:
        s.ask("POST", "/api/v1/local-stops/%s/lift" % x["order"], {"reason": "a walk"}, doctor)
    for x in registry.get("/api/v1/stops?envelopes=1").get("orders", []):
        s.ask("POST", "/api/v1/stop-orders", x["envelope"])
        s.ask("POST", "/api/v1/lease-extension", {"envelopes": [x["envelope"]]})


def cosigned(s, registry):
    """The witness signs again what it has signed, once the log stands still."""
    def again():
        note = registry.send("GET", "/log/checkpoint")[2]
        size = note.split(b"\n")[1]
        return s.ask("POST", "/witness/add-checkpoint", b"old " + size + b"\n\n" + note, kind="text/plain")[0] == 200
    return until(again)


def extended(s, actors):
    """The lease of a node, extended by two of the ministry and three of the health authority; it must know their keys."""
    for name, role, function, org in (("msps-2", "msps", "authority", "MSPS"), ("has-3", "has", "commissioner", "HAS")):
        actors.grant(name, role, function, org)
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 36 * 3600))
    record = actors.event("lease_extension", until=end, reason="a walk")
    signed = [actors.sign(record, who) for who in ("msps", "msps-2", "has-1", "has-2", "has-3")]
    return until(lambda: s.ask("POST", "/api/v1/lease-extension", {"envelopes": signed})[0] < 300)


def case_of(s, token):
    """The case the ward reported, once the node has told the registry."""
    until(lambda: s.get("/api/v1/vigilance", token)["items"])
    found = s.get("/api/v1/vigilance", token)["items"]
    return s.get("/api/v1/vigilance/" + found[0]["case_id"], token) if found else None


def report(tap, server, text):
    tap.ok(not server.found, text)
    for problem in list(dict.fromkeys(server.found))[:20]:
        print("# " + problem)
    server.found = []


def can_fail(contract, tap):
    """The documents are strict: one member more, one status or type that is not said, and it is seen."""
    receipt = {"method": "POST", "path": "/api/v1/algorithm-ids", "request_type": "application/json",
               "request": '{"org6":"DEMOAI"}', "status": 201, "type": "application/json; charset=utf-8",
               "response": '{"algorithm_id":"MA-IA-EXEMPL-ABCDEFGH23-X"}'}
    tap.ok(not contract.problems(receipt), "a good exchange has no problem")
    for change in ({"response": '{"algorithm_id":"MA-IA-EXEMPL-ABCDEFGH23-X","more":1}'}, {"response": "{}"},
                   {"status": 202}, {"status": 418}, {"type": "text/html"}, {"path": "/api/v1/algorithm-id"},
                   {"path": "/api/v1/algorithm-ids?x=1"}, {"request": '{"org6":"DEMOAI","x":1}'},
                   {"request_type": "text/plain"}):
        tap.ok(contract.problems({**receipt, **change}), "seen: %s" % change)


def open_shapes(contract):
    """Objects of our own that take any member: name of the shape and place."""
    loose = []

    def look(name, schema, place):
        if not isinstance(schema, dict):
            return
        kind = schema.get("type")
        if (kind == "object" or "properties" in schema) and "additionalProperties" not in schema:
            loose.append(name + place)
        for key in ("properties", "$defs"):
            for k, v in schema.get(key, {}).items():
                look(name, v, "%s/%s" % (place, k))
        for key in ("items", "additionalProperties"):
            look(name, schema.get(key), place + "/" + key)
        for key in ("oneOf", "anyOf", "allOf"):
            for v in schema.get(key, []):
                look(name, v, place)

    for name, schema in contract.document["components"]["schemas"].items():
        look(name, schema, "")
    return loose


# Shapes that are others' (FHIR, OpenAPI, in-toto) or a record, which /api/v1/schemas describes.
OTHERS = {"openapi", "openapi/info", "openapi/paths", "record", "version/change/planned", "fhir-twin", "fhir-risk-assessment",
          "fhir-provenance", "prediction-request/bundle", "policy/policy",
          "statement/payload/subject/items", "statement/payload/predicate"}


def main(how, world, record):
    tap = Tap()
    w = json.load(open(world + "/world.json"))
    registry = Server("registry", w["registry"]["url"])
    place = w["nodes"][0]
    node = Server("node", place["url"])
    registry.admin, node.admin = w["registry"]["admin_token"], place["admin_token"]
    can_fail(copy.deepcopy(registry.contract), tap)
    loose = sorted(set(open_shapes(registry.contract)) - OTHERS)
    tap.ok(not loose, "every shape of ours is closed %s" % loose)
    n = 0
    for origin, x in recorded(record):
        (registry if origin == w["registry"]["url"] else node).hold(x)
        n += 1
    tap.ok(n > 20, "%d exchanges were recorded" % n)
    report(tap, registry, "those of the registry are as described")
    report(tap, node, "those of the nodes are as described")
    if how == "record":
        return tap.end()
    vendor, bench = registry.login("vendeur"), registry.login("banc")
    doctor = node.login("medecin")
    public(registry, vendor)
    digest, version = registry_reads(registry, vendor)
    registry_writes(registry, vendor, bench, digest, version)
    registry.role, registry.org, registry.house = "auditor", "AUDIT1", ""
    people(registry, registry.admin, vendor)
    asks(registry, w["registry"]["dir"], registry.admin)
    report(tap, registry, "the registry, walked")
    hostile(registry, vendor)
    hostile(registry, registry.admin)
    report(tap, registry, "the registry, asked badly")
    public(node, doctor)
    node_walk(node, registry, place, doctor, digest)
    node.role, node.org, node.house = "nurse", "CHU", node.get("/api/v1/accounts", node.admin)["items"][0]["establishment"]
    people(node, node.admin, doctor)
    asks(node, place["dir"], node.admin)
    tap.ok(extended(node, Actors(world, w["type_base"], registry)), "a lease is extended by all who must sign it")
    tap.ok(cosigned(node, registry), "a witness signs again what it has signed")
    report(tap, node, "the node, walked")
    tap.ok(case_of(registry, vendor), "the supplier reads the case that the ward reported")
    report(tap, registry, "which is as described")
    hostile(node, doctor)
    hostile(node, node.admin)
    report(tap, node, "the node, asked badly")
    tap.ok(409 in node.contract.seen["add_checkpoint"], "a witness told an old size answers its own, as text/x.tlog.size")
    for s in (registry, node):
        never = sorted(o.id for o in s.contract.operations if not any(200 <= x < 300 for x in s.contract.seen.get(o.id, ())))
        good = len(s.contract.operations) - len(never)
        tap.ok(not never, "%s: all of %d operations answered well, %d statuses in all%s" % (
            s.name, len(s.contract.operations), sum(len(v) for v in s.contract.seen.values()),
            "; %d, not: %s" % (good, ", ".join(never)) if never else ""))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
