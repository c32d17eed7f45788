#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A node with accounts of its roles and three made patients, for the pages of its warehouse: ward.py DIR COMMAND...

COMMAND gets one argument more: a JSON file {url, accounts: {login: password}, pid}. Patients come in through /fhir, as the
secretary and the physician enter them: khadija (in the care of the service `med`), omar (of nobody), hostile (of `med`; its texts try to break pages).
"""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

AMANE = os.environ["AMANE"]
WHO = {"medecin": ("physician", "med"), "infirmiere": ("nurse", "med"), "labo": ("lab_technician", "med"), "secretaire": ("secretary", "med"),
       "informatique": ("dsi", ""), "etranger": ("physician", "chir")}
SCT, LOINC, UCUM = "http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org"
HOSTILE = "\"'><svg onload=alert(1)>\u202egnp.exe"


def call(base, method, path, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    q = urllib.request.Request(base + path, data, method=method, headers={"Content-Type": "application/json", "Accept": "application/json"})
    if path.startswith("/fhir"):
        q.headers = {"Content-type": "application/fhir+json"}
    if token:
        q.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(q) as r:
            return r.status, json.loads(r.read() or b"null")
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def coded(system, code, display):
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def quantity(value, unit, code=None):
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


def of(i):
    return {"reference": "Patient/" + i}


def patients():
    ipp = {"type": {"text": "IPP"}, "system": "urn:ma:chu-1:ipp"}
    yield {"resourceType": "Patient", "id": "khadija", "gender": "female", "birthDate": "1961-03-14",
           "identifier": [dict(ipp, value="100234"), {"type": {"text": "CIN"}, "system": "urn:ma:cin", "value": "BE123456"}],
           "name": [{"use": "official", "family": "El Amrani", "given": ["Khadija"]}, {"family": "العمراني", "given": ["خديجة"]}]}
    yield {"resourceType": "Patient", "id": "omar", "gender": "male", "birthDate": "2025-12-01", "identifier": [dict(ipp, value="100777")],
           "name": [{"use": "official", "family": "بنعلي", "given": ["عمر"]}]}
    yield {"resourceType": "Patient", "id": "hostile", "gender": "male", "birthDate": "1980", "identifier": [dict(ipp, value=HOSTILE)],
           "name": [{"family": HOSTILE, "given": ["Zakaria"]}]}
    for i in ("khadija", "hostile"):
        yield {"resourceType": "Encounter", "id": "stay-" + i, "status": "in-progress",
               "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP", "display": "inpatient encounter"},
               "subject": of(i), "serviceProvider": {"reference": "Organization/med", "display": "Médecine" if i == "khadija" else HOSTILE},
               "period": {"start": "2026-11-20T08:30:00+01:00"}}
    start = time.time() // 3600 * 3600 + 7 * 86400
    moment = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + n)) for n in (0, 900)]
    yield {"resourceType": "Appointment", "id": "rdv-khadija", "status": "booked", "start": moment[0], "end": moment[1],
           "participant": [{"actor": of("khadija"), "status": "accepted"}, {"actor": {"reference": "Practitioner/dr-bennis", "display": "Dr Bennis Leila"},
                                                                            "status": "accepted"}]}


def chart():
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    for i, name in (("khadija", "Diabetes mellitus type 2"), ("hostile", HOSTILE)):
        yield {"resourceType": "Condition", "id": "t2-" + i, "clinicalStatus": {"coding": [{"system": clinical, "code": "active"}]},
               "code": coded(SCT, "44054006", name) if i == "khadija" else {"text": name}, "subject": of(i), "onsetDateTime": "2014", "recordedDate": "2026-11-20"}
        yield {"resourceType": "AllergyIntolerance", "id": "al-" + i, "patient": of(i), "criticality": "high",
               "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
               "code": {"text": "Pénicilline"} if i == "khadija" else {"text": name}}
        yield {"resourceType": "MedicationRequest", "id": "mr-" + i, "status": "active", "intent": "order", "subject": of(i), "authoredOn": "2026-11-21",
               "medicationCodeableConcept": {"text": "Metformine 500 mg" if i == "khadija" else name}, "dosageInstruction": [{"text": "1 comprimé matin et soir"}]}
    yield {"resourceType": "Condition", "id": "old-khadija", "clinicalStatus": {"coding": [{"system": clinical, "code": "resolved"}]}, "code": {"text": "Pneumopathie"},
           "subject": of("khadija"), "onsetDateTime": "2019-02", "abatementDateTime": "2019-03-02", "recordedDate": "2026-11-22"}
    for n, (day, value) in enumerate((("2025-02-03", 9.1), ("2025-06-10", 8.4), ("2025-12-01", 7.6), ("2026-05-20", 7.0), ("2026-11-21", 6.50))):
        yield {"resourceType": "Observation", "id": "a1c-%d" % n, "status": "final", "subject": of("khadija"), "code": coded(LOINC, "4548-4", "HbA1c"),
               "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
               "effectiveDateTime": day + "T09:00:00+01:00", "valueQuantity": quantity(value, "%"), "referenceRange": [{"low": quantity(4.0, "%"), "high": quantity(6.0, "%")}]}
    yield {"resourceType": "Observation", "id": "a1c-si", "status": "final", "subject": of("khadija"), "code": coded(LOINC, "4548-4", "HbA1c"),
           "effectiveDateTime": "2024-01-05", "valueQuantity": quantity(75, "mmol/mol")}
    yield {"resourceType": "Observation", "id": "a1c-wrong", "status": "entered-in-error", "subject": of("khadija"), "code": coded(LOINC, "4548-4", "HbA1c"),
           "effectiveDateTime": "2026-11-25", "valueQuantity": quantity(65, "%")}
    for n, (day, high, low) in enumerate((("2026-11-20", 165, 95), ("2026-11-22", 150, 88), ("2026-11-24", 138, 82))):
        yield {"resourceType": "Observation", "id": "bp-%d" % n, "status": "final", "subject": of("khadija"), "code": coded(LOINC, "85354-9", "Blood pressure"),
               "effectiveDateTime": day + "T07:30:00+01:00",
               "component": [{"code": coded(LOINC, "8480-6", "Systolic"), "valueQuantity": quantity(high, "mmHg", "mm[Hg]")},
                             {"code": coded(LOINC, "8462-4", "Diastolic"), "valueQuantity": quantity(low, "mmHg", "mm[Hg]")}]}
    yield {"resourceType": "Observation", "id": "text-hostile", "status": "final", "subject": of("hostile"), "code": {"text": HOSTILE}, "valueString": HOSTILE,
           "effectiveDateTime": "2026-11-24"}


def house():
    """What the house has: somebody to see, and enough of SNOMED CT and ATC for one diagnosis and its medicine."""
    yield {"resourceType": "CodeSystem", "id": "atc", "url": "http://www.whocc.no/atc", "status": "active", "content": "complete",
           "concept": [{"code": "A10BA02", "display": "metformin", "designation": [{"language": "fr", "value": "Metformine"}]}]}
    yield {"resourceType": "Practitioner", "id": "dr-bennis", "active": True, "name": [{"family": "Bennis", "given": ["Leila"], "prefix": ["Dr"]}]}
    yield {"resourceType": "CodeSystem", "id": "sct", "url": SCT, "version": "1", "status": "active", "valueSet": SCT + "?fhir_vs", "content": "complete",
           "hierarchyMeaning": "is-a",
           "concept": [{"code": "404684003", "display": "Clinical finding",
                        "concept": [{"code": "44054006", "display": "Diabetes mellitus type 2"}, {"code": "46635009", "display": "Diabetes mellitus type 1"}]}]}


def main():
    os.chdir(sys.argv[1])
    out = subprocess.run([AMANE, "node", "init", "--data", "ward", "--name", "ward", "--gst", "ma-gst-01", "--establishment", "ma-chu-1"],
                         check=True, capture_output=True, text=True).stdout
    if os.environ.get("AMANE_WAREHOUSE"):  # a postgresql:// address for its store (58-rest-postgres)
        with open("ward/node.conf", "a") as conf:
            conf.write("warehouse = %s\n" % os.environ["AMANE_WAREHOUSE"])
    admin = json.loads(out)["admin_token"]
    with open("ready", "w") as ready, open("log", "w") as log:
        node = subprocess.Popen([AMANE, "node", "--data", "ward", "--listen", "127.0.0.1:0", "--genesis", "0" * 64], stdout=ready, stderr=log)
    try:
        for _ in range(300):
            if os.path.getsize("ready") or node.poll() is not None:
                break
            time.sleep(0.1)
        url = json.load(open("ready"))["url"]
        tokens, accounts = {}, {}
        for login, (role, services) in WHO.items():
            accounts[login] = "mot de passe de " + login
            body = {"login": login, "password": accounts[login], "role": role, "org_id": "ma-gst-01", "establishment": "ma-chu-1", "lang": "fr"}
            status, said = call(url, "POST", "/api/v1/accounts", dict(body, services=services.split()), admin)
            assert status == 201, (login, status, said)
            status, said = call(url, "POST", "/api/v1/sessions", {"login": login, "password": accounts[login]})
            assert status in (200, 201), (login, status, said)
            tokens[login] = said["token"]
        for who, some in (("informatique", house()), ("secretaire", patients()), ("medecin", chart())):
            for r in some:
                status, said = call(url, "PUT", "/fhir/%s/%s" % (r["resourceType"], r["id"]), r, tokens[who])
                assert status == 201, (r["id"], status, said)
        with open("world.json", "w") as f:
            json.dump({"url": url, "accounts": accounts, "pid": node.pid, "dir": os.getcwd()}, f)
        return subprocess.run(sys.argv[2:] + [os.path.abspath("world.json")]).returncode
    finally:
        node.terminate()
        node.wait()


if __name__ == "__main__":
    sys.exit(main())
