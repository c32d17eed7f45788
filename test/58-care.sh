#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Admissions by HL7 v2 (MLLP) behind a login put the patient in the care of the ward's service, by the table `service` of the mapping:
# of that service and no other; a transfer moves, a discharge ends; a ward that no service has is in nobody's care, and told. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
if ! /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
    echo "ok 1 - # SKIP python3-cryptography is not installed"
    echo "1..1"
    exit 0
fi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
jq '.zone = "+01:00" | .tables.service = {"CARDIO": "cardio", "CHIR": "chir"}' "$root/mapping/hl7v2.json" >map.json
/usr/bin/python3 "$root/test/support/smart.py" keys .
cat >care.py <<'PY'
import json, os, socket, subprocess, sys, time, urllib.error, urllib.request
AMANE, tests = os.environ["AMANE"], 0
def report(good, name, *shown):
    global tests
    tests += 1
    print(("ok %d - %s" if good else "not ok %d - %s") % (tests, name))
    for s in () if good else shown:
        print("# " + str(s)[:600])
def call(method, path, body=None, token=None):
    q = urllib.request.Request(url + path, None if body is None else json.dumps(body).encode(), method=method, headers={"Content-Type": "application/json"})
    if token:
        q.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(q) as r:
            return r.status, json.loads(r.read() or b"null")
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
admin = json.loads(subprocess.run([AMANE, "node", "init", "--data", "ward", "--name", "ward", "--gst", "ma-gst-01", "--establishment", "ma-chu-1"], check=True, capture_output=True).stdout)["admin_token"]
subprocess.run([AMANE, "node", "client", "put", "--data", "ward", "--client", "his", "--jwks", "jwks.json", "--scope", "system/*.crus"], check=True, capture_output=True)
with socket.create_server(("127.0.0.1", 0)) as s:
    mllp = s.getsockname()[1]
env = dict(os.environ, AMANE_MLLP="127.0.0.1:%d" % mllp, AMANE_HL7_MAP=os.path.abspath("map.json"), AMANE_MLLP_CLIENT="his")
node = subprocess.Popen([AMANE, "node", "--data", "ward", "--listen", "127.0.0.1:0", "--genesis", "0" * 64], stdout=open("ready", "w"), stderr=open("log", "w"), env=env)
try:
    for _ in range(300):
        if os.path.getsize("ready") or node.poll() is not None:
            break
        time.sleep(0.1)
    url = json.load(open("ready"))["url"]
    token = {}
    for login, role, service in (("cardio", "physician", "cardio"), ("chir", "physician", "chir"), ("desk", "secretary", "cardio")):
        who = {"login": login, "password": "mot de passe de " + login}
        assert call("POST", "/api/v1/accounts", dict(who, role=role, org_id="ma-gst-01", establishment="ma-chu-1", lang="fr", services=[service]), admin)[0] == 201
        token[login] = call("POST", "/api/v1/sessions", who)[1]["token"]
    peer, hour, visit = socket.create_connection(("127.0.0.1", mllp), 20), 8, "V1"
    def say(kind, ward, service="", n=1):
        global hour
        hour += 1
        m = "MSH|^~\\&|HIS|CHU|||20260301%02d0000||ADT^%s|C%d|P|2.5.1\rPID|1||%d^^^IPP^MR~AB%d^^^CIN^NI||Alami^Sara||1980|F\rPV1|1|I|%s|||||||%s|||||||||%s\r" % (hour, kind, hour, n, n, ward, service, visit)
        peer.sendall(b"\x0b" + m.encode() + b"\x1c\r")
        got = b""
        while not got.endswith(b"\x1c\r"):
            got += peer.recv(65536)
        assert b"MSA|AA" in got, got
    def seen(n=1, by="urn:amane:ma:ipp%7C"):
        found = []
        for who in ("cardio", "chir"):
            status, b = call("GET", "/fhir/Patient?identifier=%s%d" % (by, n), None, token[who])
            assert status == 200, b
            found += [who] * b["total"]
            for e in b.get("entry", []):
                ids[n] = e["resource"]["id"]
            if n in ids:
                assert call("GET", "/fhir/Patient/" + ids[n], None, token[who])[0] == (200 if b["total"] else 404)
        return found
    ids = {}
    say("A01", "CARDIO^12^1")
    report(seen() == ["cardio"], "an admission opens the patient to the service of the ward, and to no other", seen())
    report(seen(by="urn:amane:ma:id:cin%7CAB") == ["cardio"], "who came by a message is found by the CIN")
    status, b = call("GET", "/fhir/Patient?identifier=urn:amane:ma:id:cin%7CAB1", None, token["desk"])
    report(status == 200 and b["total"] == 1, "by the desk too", status, b)
    say("A02", "CHIR^1^1")
    report(seen() == ["chir"], "a transfer moves him", seen())
    say("A02", "NULLEPART^1^1")
    told = [l for l in open("log") if "hl7.unknown" in l]
    report(seen() == [] and len(told) == 1 and '"NULLEPART"' in told[0] and "Alami" not in told[0], "a ward that no service has is in nobody's care, and told", seen(), told)
    say("A02", "NULLEPART^1^1")
    report(seen() == [] and len([l for l in open("log") if "hl7.unknown" in l]) == 1, "told once, then every tenfold")
    say("A02", "NULLEPART^1^1", "CARDIO")
    report(seen() == ["cardio"], "where the ward is unknown the service of the hospital says it", seen())
    say("A03", "CARDIO^12^1")
    report(seen() == [], "a discharge ends it", seen())
    say("A08", "CARDIO^12^1")
    report(seen() == [], "and a change of data does not begin it anew", seen())
    visit = "V2"
    say("A05", "CHIR", n=2)
    before = seen(2)
    say("A11", "CHIR", n=2)
    report(before == ["chir"] and seen(2) == [], "a planned stay opens, a cancelled one ends", before, seen(2))
finally:
    node.terminate()
    node.wait()
print("1..%d" % tests)
PY
/usr/bin/python3 care.py
