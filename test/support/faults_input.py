#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What hostile or careless callers send: faults_input.py DEMO_DIR.

Malformed bodies at every POST route of both servers, unknown members, statements replayed and re-ordered, keys that
are unknown, borrowed, expired or revoked. Nothing may answer 5xx, nothing refused may leave a trace in the log.
"""
import base64
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time

from world import Server, Tap, World, call

KINDS = ["algorithm", "version", "evidence", "decision", "deployment", "event"]
PLURAL = {"evidence": "evidence"}


def raw(port, method, path, body, token=None, content="application/json"):
    """(status, content type, body); 0 when the server closed before it answered."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    head = {"Content-Type": content}
    if token:
        head["Authorization"] = "Bearer " + token
    try:
        c.request(method, path, body, head)
        r = c.getresponse()
        return r.status, r.getheader("Content-Type", ""), r.read()
    except (BrokenPipeError, ConnectionResetError, http.client.HTTPException, socket.timeout):
        return 0, "", b""
    finally:
        c.close()


def hostile():
    deep = 200000
    return {
        "nothing": b"",
        "a depth bomb": b"[" * deep,
        "a depth bomb of objects": b'{"a":' * deep + b"1" + b"}" * deep,
        "a closed depth bomb": b"[" * deep + b"]" * deep,
        "duplicate keys": b'{"deployment":"a","deployment":"b"}',
        "invalid UTF-8": b'{"deployment":"\xff\xfe"}',
        "a lone surrogate": b'{"deployment":"\\ud800"}',
        "NaN": b'{"deployment":NaN}',
        "Infinity": b'{"deployment":-Infinity}',
        "a number too large": b'{"deployment":1e999999}',
        "an array": b"[1,2,3]",
        "a string": b'"hello"',
        "null": b"null",
        "a comment": b'{/* */"deployment":1}',
        "a trailing comma": b'{"deployment":"a",}',
        "two documents": b"{}{}",
        "half a document": b'{"deployment":"a","serv',
        "a NUL byte": b'{"deployment":"a\x00b"}',
        "a byte order mark": b"\xef\xbb\xbf{}",
        "UTF-16": '{"deployment":"a"}'.encode("utf-16"),
        "wrong types": b'{"login":[],"password":{},"deployment":[],"service":7,"bundle":"x","scope":1,"outcome":true,'
                       b'"account":"x","org6":[],"payload":3,"payloadType":[],"signatures":{}}',
        "empty objects": b"{}",
        "an unknown member": b'{"surprise":1}',
    }


def posts(port):
    doc = call(port, "GET", "/api/v1/openapi.json")[1]
    for path, item in sorted(doc["paths"].items()):
        for method in ("post", "put"):
            if method in item:
                yield method.upper(), path


def concrete(path, prediction):
    return (path.replace("{kind}", "versions").replace("{sha256}", "0" * 64).replace("{id}", prediction)
            .replace("{digest}", "0" * 64))


def bodies(tap, name, port, token_of, prediction):
    bad, unnamed, tried = [], [], 0
    for method, path in posts(port):
        if path in ("/api/v1/sync", "/api/v1/blobs/{sha256}", "/api/v1/predictions/{id}/stop"):
            continue  # no JSON there: sync and a patient's stop take no body, a blob is any bytes
        for what, body in hostile().items():
            if path == "/api/v1/tokens" and what == "empty objects":
                continue  # a token for oneself
            status, kind, data = raw(port, method, concrete(path, prediction), body, token_of(path))
            tried += 1
            plain = path == "/witness/add-checkpoint"  # C2SP: a status and text
            if not 400 <= status < 500 or (not plain and "problem+json" not in kind):
                bad.append((path, what, status, kind, data[:200]))
            elif not plain and status in (400, 422):
                v = json.loads(data)
                if not v["problems"] or any("pointer" not in p or not p["code"] for p in v["problems"]):
                    unnamed.append((path, what, data[:300]))
    tap.ok(not bad, "%s: %d hostile bodies at every POST route get 4xx problem+json %s" % (name, tried, bad[:3]))
    tap.ok(not unnamed, "%s: each refusal of a body names what and where %s" % (name, unnamed[:3]))


def huge(tap, name, port, paths, token_of):
    body = b'{"deployment":"' + b"a" * (100 << 20) + b'"}'
    seen = {}
    for path in paths:
        seen[path] = raw(port, "POST", path, body, token_of(path))[0]
    tap.ok(all(s in (0, 413) for s in seen.values()), "%s: 100 MB are not taken in %s" % (name, seen))
    tap.ok(call(port, "GET", "/healthz")[0] == 200, "%s: and it lives" % name)


def unknown_members(tap, w, node, n):
    q = dict(n["requests"][0], surprise=1)
    got = call(node.port, "POST", "/api/v1/predictions", q, n["physician_token"])
    tap.ok(got[0] == 422 and [p["pointer"] for p in got[1]["problems"]] == ["/surprise"],
           "an unknown member of a prediction request is refused at /surprise")
    got = call(node.port, "POST", "/api/v1/stops", {"scope": "establishment", "deployment": n["deployment"], "for": "ever"},
               n["admin_token"])
    tap.ok(got[0] == 422 and [p["pointer"] for p in got[1]["problems"]] == ["/for"], "of a stop, at /for")
    got = call(node.port, "POST", "/api/v1/predictions", dict(n["requests"][0], service=[1]), n["physician_token"])
    tap.ok(got[0] == 422 and "/service" in [p["pointer"] for p in got[1]["problems"]], "a wrong type is named at /service")
    bundle = json.loads(json.dumps(n["requests"][0]["bundle"]))
    for e in bundle["entry"]:
        if e["resource"]["resourceType"] == "Observation" and "valueQuantity" in e["resource"]:
            e["resource"]["valueQuantity"]["code"] = "parsec/fortnight"
    got = call(node.port, "POST", "/api/v1/predictions", dict(n["requests"][0], bundle=bundle), n["physician_token"])
    tap.ok(got[0] == 422 and all(p["pointer"] for p in got[1]["problems"]), "a unit nobody knows is named where it stands")


class Statements:
    """Every statement of the log, as the envelope it came in."""

    def __init__(self, w, port):
        self.port, self.list = port, []
        size = call(port, "GET", "/readyz")[1]["size"]
        for i in range(size):
            v = call(port, "GET", "/api/v1/statements/%d" % i)[1]
            leaf = json.loads(v["leaf"])
            sig = leaf["spec"]["dsseV002"]["signatures"][0]
            spki = base64.b64decode(sig["verifier"]["publicKey"]["rawBytes"])
            sha = leaf["spec"]["dsseV002"]["payloadHash"]["digest"]
            status, _, payload = raw(port, "GET", "/api/v1/blobs/" + base64.b64decode(sha).hex(), None)
            if status in (401, 403, 404):
                continue  # a deposit's receipt is not everybody's
            self.list.append((i, payload, sig["content"], hashlib.sha256(spki).hexdigest()))


def envelope(payload, sig, keyid):
    return json.dumps({"payload": base64.b64encode(payload).decode(), "payloadType": "application/vnd.in-toto+json",
                       "signatures": [{"keyid": keyid, "sig": sig}]})


class Signer:
    def __init__(self, world, folder):
        self.w, self.dir, self.n = world, folder, 0

    def key(self, name):
        path = "%s/%s.key" % (self.dir, name)
        if not os.path.exists(path):
            subprocess.run([self.w.amane, "key", "new", "--out", path], check=True, stdout=subprocess.DEVNULL)
        return path

    def spki(self, name):
        text = open(self.key(name) + ".pub").read()
        return "".join(x for x in text.splitlines() if not x.startswith("-"))

    def event(self, members, key, role="msps", org="MSPS"):
        self.n += 1
        path = "%s/event-%d" % (self.dir, self.n)
        record = dict({"issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                       "issuer": {"role": role, "org_id": org}}, **members)
        json.dump(record, open(path, "w"))
        subprocess.run([self.w.amane, "sign", path, "--key", key, "--kind", "event", "--type-base", self.w.w["type_base"],
                        "--out", path + ".dsse"], check=True, stdout=subprocess.DEVNULL)
        return open(path + ".dsse").read()


def keys(tap, world, reg):
    folder = world.dir + "/keys-fault"
    os.makedirs(folder)
    s = Signer(world, folder)
    msps = world.dir + "/actors/msps.key"

    def send(e):
        status, v = call(reg.port, "POST", "/api/v1/events", e)
        return status, [p["code"] for p in v.get("problems", [])], v

    def grant(name, **more):
        return s.event({"type": "key_grant", "key": dict(
            {"role": "msps", "function": "authority", "org_id": "MSPS", "label": name, "spki": s.spki(name)}, **more)}, msps)

    def probe(name):
        return s.event({"type": "key_grant", "key": {"role": "auditor", "org_id": "AUD" + name, "label": "x",
                                                     "spki": s.spki("probe-" + name)}}, s.key(name))

    size = call(reg.port, "GET", "/readyz")[1]["size"]
    got = send(probe("nobody"))
    tap.ok(got[0] == 403 and "key.unknown" in got[1], "a key nobody granted: 403 key.unknown")
    v = json.loads(probe("nobody"))
    known = json.loads(grant("other"))
    v["signatures"][0]["keyid"] = known["signatures"][0]["keyid"]
    got = send(json.dumps(v))
    tap.ok(got[0] == 403 and "signature.bad" in got[1], "another's name over one's own signature: 403 signature.bad")
    known["payload"] = base64.b64encode(base64.b64decode(known["payload"]).replace(b"MSPS", b"MSPT")).decode()
    got = send(json.dumps(known))
    tap.ok(got[0] in (403, 422), "a payload changed after signing: %d" % got[0])
    tap.ok(call(reg.port, "GET", "/readyz")[1]["size"] == size, "none of this is in the log")
    got = send(grant("expired", not_before="2020-01-01T00:00:00Z", not_after="2021-01-01T00:00:00Z"))
    if got[0] == 201:
        got = send(probe("expired"))
        tap.ok(got[0] == 403, "a key past its date: %d %s" % got[:2])
    else:
        tap.ok(400 <= got[0] < 500, "a key past its date is not even granted: %d %s" % got[:2])
    got = send(grant("early", not_before="2999-01-01T00:00:00Z"))
    if got[0] == 201:
        got = send(probe("early"))
    tap.ok(got[0] == 403 or 400 <= got[0] < 500, "a key before its date: %d %s" % got[:2])
    e = grant("leaver")
    got = send(e)
    tap.ok(got[0] == 201, "a key is granted (%d %s)" % got[:2])
    got = send(probe("leaver"))
    tap.ok(got[0] == 201, "and signs (%d %s)" % got[:2])
    keyid = hashlib.sha256(base64.b64decode(s.spki("leaver"))).hexdigest()
    got = send(s.event({"type": "key_revoke", "key_id": keyid, "reason": "départ"}, msps))
    tap.ok(got[0] == 201, "it is revoked (%d %s)" % got[:2])
    s.n += 100
    got = send(s.event({"type": "key_grant", "key": {"role": "auditor", "org_id": "AUDZ", "label": "x",
                                                     "spki": s.spki("probe-late")}}, s.key("leaver")))
    tap.ok(got[0] == 403, "after that its signature is refused: %d %s" % got[:2])
    return s


def replay(tap, world, reg):
    size = call(reg.port, "GET", "/readyz")[1]["size"]
    st = Statements(world, reg.port)
    answers = {}
    for i, payload, sig, keyid in st.list[1:]:
        kind = kind_of(payload)
        status, v = call(reg.port, "POST", "/api/v1/" + PLURAL.get(kind, kind + "s"),
                         envelope(payload, sig, keyid))
        answers.setdefault(status, []).append((i, kind, [p["code"] for p in v.get("problems", [])]))
    others = {k: v[:2] for k, v in answers.items() if k != 409}
    # A key revoked since is refused before the replay is noticed.
    tap.ok(set(answers) <= {409, 403} and len(answers.get(409, [])) > 20,
           "%d statements of the log sent again: 409 %s" % (len(st.list) - 1, others))
    tap.ok(call(reg.port, "GET", "/readyz")[1]["size"] == size, "the log has not grown")
    return st


def kind_of(payload):
    v = json.loads(payload)
    kind = v["predicateType"]
    if "test-result" in kind:
        return "evidence"
    if "verification_summary" in kind or "vsa" in kind.lower():
        return "decision"
    for k in KINDS:
        if "/" + k in kind:
            return k
    raise RuntimeError(kind)


def reorder(tap, world, st):
    """The same authorities, an empty log: the country's statements, last first."""
    fresh = world.dir + "/registry-fresh"
    subprocess.run([world.amane, "registry", "init", "--data", fresh, "--spec", world.dir + "/genesis.json", "--signer",
                    world.dir + "/actors/msps.key"], check=True, stdout=subprocess.DEVNULL)
    s = Server([world.amane, "registry", "--data", fresh, "--listen", "127.0.0.1:0"], world.dir + "/registry-fresh.log")
    try:
        answers, broken, early = {}, [], []
        for i, payload, sig, keyid in reversed(st.list[1:]):
            kind = kind_of(payload)
            status, v = call(s.port, "POST", "/api/v1/" + PLURAL.get(kind, kind + "s"),
                             envelope(payload, sig, keyid))
            answers[status] = answers.get(status, 0) + 1
            if status >= 500:
                broken.append((i, kind, v))
            if status == 201 and kind != "event":
                early.append((i, kind, v["code"]))
        tap.ok(not broken, "every statement in the wrong order is answered %s %s" % (answers, broken[:1]))
        tap.ok(not early, "and no record takes effect before what it rests on %s" % early[:2])
        v = call(s.port, "GET", "/api/v1/versions")[1]
        tap.ok(v["items"] == [] and call(s.port, "GET", "/api/v1/deployments")[1]["items"] == [],
               "nothing is declared, nothing deployed")
    finally:
        code = s.stop()
    p = subprocess.run([world.amane, "log", "verify", fresh, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    bad = [x for x in json.loads(p.stdout)["problems"] if "cosign" not in x["code"] and "quorum" not in x["code"]]
    tap.ok(code == 0 and not bad, "what it logged verifies %s" % bad[:1])


def main(folder):
    tap, world = Tap(), World(folder)
    servers = []
    try:
        servers = [world.registry(), world.node(0)]
        reg, node = servers
        n = world.w["nodes"][0]
        status, v = call(node.port, "POST", "/api/v1/predictions", n["requests"][0], n["physician_token"])
        tap.ok(status == 201, "the servers are up")
        prediction = v["id"]

        def token(path):
            clinical = "predictions" in path
            return n["physician_token"] if clinical else n["admin_token"]

        bodies(tap, "node", node.port, token, prediction)
        huge(tap, "node", node.port, ["/api/v1/predictions", "/api/v1/stop-orders", "/api/v1/sessions"], token)
        unknown_members(tap, world, node, n)
        admin = world.w["registry"]["admin_token"]
        bodies(tap, "registry", reg.port, lambda path: admin, prediction)
        huge(tap, "registry", reg.port, ["/api/v1/events", "/api/v1/checks/versions"], lambda path: admin)
        keys(tap, world, reg)
        st = replay(tap, world, reg)
        reorder(tap, world, st)
        row = call(node.port, "GET", "/api/v1/predictions/" + prediction, token=n["physician_token"])[1]
        tap.ok(row["status"] == "pending", "no hostile body made an output final")
        tap.ok([s.stop() for s in servers] == [0, 0], "both servers end cleanly")
    finally:
        for s in servers:
            if s.p.poll() is None:
                s.kill()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
