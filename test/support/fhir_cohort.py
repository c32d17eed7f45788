#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A cohort of real (synthetic) FHIR bundles for the bench: fhir_cohort.py AMANE SYNTHEA OUT

Who has prediabetes on the first of January 2014, from what was measured before? The table is worked out here by definition, apart from
Amane; a model is fitted on half of the patients. The other half goes to the bench twice: OUT/fhir as two sites of FHIR, one of a Bundle a
line and one of a resource a line, with a declared mapping; OUT/csv as this table. OUT/raw is the FHIR as it came, with blood pressures that have no unit; the other two
are without them. Prints what it expects as JSON."""
import datetime
import glob
import gzip
import importlib.util
import json
import os
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("example", HERE + "/../../examples/example.py")
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

INDEX = datetime.datetime(2014, 1, 1, tzinfo=datetime.timezone.utc)
YEARS = 3
LOINC = "http://loinc.org|"
# input: code, unit of the mapping, how many of it are one of the unit the hospital used, what is taken of several
CODES = {"systolic": ("8480-6", "mm[Hg]", 1, "last"), "diastolic": ("8462-4", "kPa", None, "mean"), "bmi": ("39156-5", "kg/m2", 1, "max"),
         "height": ("8302-2", "m", Fraction(1, 100), "first"), "visits": ("72514-3", "{score}", 1, "count"), "hdl": ("2085-9", "g/L", Fraction(1, 100), "min")}
PREDIABETES = "15777000"


def instant(text):
    """The first instant of a date or a time."""
    if len(text) <= 10:
        text = (text + "-01-01")[:10] if len(text) == 4 else (text + "-01")[:10]
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def codes(concept):
    return {(c.get("system"), c.get("code")) for c in concept.get("coding", [])}


def take(how, values):
    if how == "count":
        return float(len(values))
    if not values:
        return None
    numbers = [v for _, v in values]
    return {"last": numbers[-1], "first": numbers[0], "max": max(numbers), "min": min(numbers), "mean": sum(numbers) / len(numbers)}[how]


def converted(q, unit, factor):
    v = float(q["value"])
    if q["code"] == unit:
        return v
    if factor is None:  # mm[Hg] to kPa: 133.322 Pa by UCUM
        factor = Fraction("133.322") / 1000
    return float(Fraction(Decimal(repr(v))) * factor)


def row(bundle):
    """One patient by definition: (id, site, inputs, label, groups)."""
    patient, found, sick = None, {k: [] for k in CODES}, 0
    since = INDEX.replace(year=INDEX.year - YEARS)
    for entry in bundle["entry"]:
        r = entry["resource"]
        if r["resourceType"] == "Patient":
            patient = r
        elif r["resourceType"] == "Condition" and ("http://snomed.info/sct", PREDIABETES) in codes(r["code"]):
            sick |= instant(r["onsetDateTime"]) <= INDEX
        elif r["resourceType"] == "Observation" and r["status"] in ("final", "amended", "corrected"):
            at = instant(r["effectiveDateTime"])
            for part in [r] + r.get("component", []):
                for k, (code, unit, factor, _) in CODES.items():
                    if ("http://loinc.org", code) in codes(part["code"]) and since <= at <= INDEX:
                        found[k].append((at, converted(part["valueQuantity"], unit, factor)))
    x = {k: take(CODES[k][3], sorted(v, key=lambda e: e[0])) for k, v in found.items()}
    born = datetime.date.fromisoformat(patient["birthDate"])
    x["age"] = float(INDEX.year - born.year - ((INDEX.month, INDEX.day) < (born.month, born.day)))
    sex = patient["gender"][0].upper()
    return patient["id"], "ouest" if patient["id"][0] in "01234567" else "est", x, int(sick), {"sex": sex, "age": str(int(x["age"]))}


def without_unit(entry):
    """Is it an observation of a value that has no unit? Synthea writes some blood pressures so."""
    r = entry["resource"]
    return r["resourceType"] == "Observation" and any("code" not in part["valueQuantity"] for part in [r] + r.get("component", []) if "valueQuantity" in part)


def born_before(bundle):
    return next(e["resource"]["birthDate"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient") < "1996"


def mapping():
    fields = {"patient": {"patient": "id"}, "group_sex": {"patient": "gender"}, "group_age": {"patient": "age"}, "age": {"patient": "age"},
              "outcome": {"condition": "http://snomed.info/sct|" + PREDIABETES}}
    for k, (code, unit, _, how) in CODES.items():
        fields[k] = {"code": LOINC + code, "unit": unit, "take": how, "within": "P%dY" % YEARS}
    return {"index": {"at": "2014-01-01T00:00:00Z"}, "fields": fields}


def as_fhir(csv_case, out, bundles):
    """The manifest of the CSV case, its files replaced by bundles."""
    os.makedirs(out)
    for name in ("model.json", "version.json", "fit.csv"):
        os.link("%s/%s" % (csv_case, name), "%s/%s" % (out, name))
    with open(csv_case + "/manifest.json") as f:
        m = json.load(f)
    for data in m["data"]:
        site = data["site"]
        path = "%s/%s.ndjson" % (out, site)
        with open(path, "w") as f:
            for b in bundles[site]:
                if site == "est":
                    f.write(json.dumps(b, ensure_ascii=False) + "\n")
                    continue
                name = next(e["fullUrl"] for e in b["entry"] if e["resource"]["resourceType"] == "Patient")
                who = next(e["resource"]["id"] for e in b["entry"] if e["resource"]["resourceType"] == "Patient")
                for e in b["entry"]:  # a bulk export names its patients by relative references, and the last may come first
                    f.write(json.dumps(e["resource"], ensure_ascii=False).replace('"%s"' % name, '"Patient/%s"' % who) + "\n")
        data.update(path=site + ".ndjson", format="fhir", mapping=mapping(), sha256=example.hashlib.sha256(open(path, "rb").read()).hexdigest())
        for g in data["groups"]:
            if g["name"] == "sex":
                g["values"] = {"female": "F", "male": "M"}
    with open(out + "/manifest.json", "w") as f:
        json.dump(m, f)


def main(amane, synthea, out):
    rows, bundles = {"fit": [], "tune": [], "test": []}, {"est": [], "ouest": []}
    as_they_came = {"est": [], "ouest": []}
    for path in sorted(glob.glob(synthea + "/bundles/*.json.gz")):
        with gzip.open(path, "rt") as f:
            bundle = json.load(f)
        if not born_before(bundle):
            continue
        raw = dict(bundle)
        bundle["entry"] = [e for e in bundle["entry"] if not without_unit(e)]
        r = row(bundle)
        if r[2]["systolic"] is None:
            continue  # nobody who was not seen: such rows are alike
        part = example.part_of(r[0], True)
        rows[part].append(r)
        if part == "test":
            bundles[r[1]].append(bundle)
            as_they_came[r[1]].append(raw)
    case = out + "/csv"
    os.makedirs(case)
    inputs = list(rows["fit"][0][2])
    example.write(case + "/fit.csv", inputs, rows["fit"])
    subprocess.run([amane, "model", "fit", "--kind", "gbt", "--rounds", "40", "--depth", "3", "--csv", case + "/fit.csv", "--label", "outcome", "--features",
                    ",".join(inputs), "--out", case + "/model.json"], check=True, stdout=subprocess.DEVNULL)
    t = example.threshold(amane, case, inputs, rows["tune"])
    example.record(amane, case, example.inputs_json(inputs, rows["fit"] + rows["tune"] + rows["test"]), t)
    example.manifest(case, "synthea", inputs, rows["test"], ("sex", "age"), t)
    as_fhir(case, out + "/fhir", bundles)
    as_fhir(case, out + "/raw", as_they_came)
    print(json.dumps({"n": len(rows["test"]), "positives": sum(r[3] for r in rows["test"])}))


main(*sys.argv[1:])
