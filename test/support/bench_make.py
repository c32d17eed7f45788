#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a bench case: bench_make.py AMANE OUT [heart-disease-4sites folder]

Writes train.csv, one CSV per site, model.json (fitted by amane), version.json, manifest.json. With the folder:
the four hospitals, every second row for fitting; without: a made cohort of four sites, seeded."""
import csv
import hashlib
import json
import math
import os
import random
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
INPUTS = ["age", "sex", "cp", "trestbps", "thalach", "exang", "oldpeak"]
SITES = ["cleveland", "hungarian", "switzerland", "va"]
GST = {"cleveland": "GST-RSK", "hungarian": "GST-CS", "switzerland": "GST-TTA", "va": "GST-RSK"}


def real(folder):
    for site in SITES:
        with open(os.path.join(folder, site + ".csv"), newline="") as f:
            yield site, list(csv.DictReader(f))


def made():
    rng = random.Random(7)
    for site, n, base in zip(SITES, (300, 320, 140, 260), (0.0, -0.4, 1.0, 0.6)):
        rows = []
        for i in range(n):
            age, sex = min(90, max(25, int(rng.gauss(55, 11)))), int(rng.random() < 0.6)
            r = {"row": i, "age": age, "sex": sex, "cp": rng.randint(1, 4), "trestbps": round(rng.gauss(132, 17)),
                 "thalach": round(rng.gauss(150 - age / 4, 20)), "exang": int(rng.random() < 0.35), "oldpeak": round(max(0, rng.gauss(1, 1)), 1)}
            z = base - 3.2 + 0.03 * age + 0.6 * sex + 0.7 * r["cp"] + 1.1 * r["exang"] + 0.7 * r["oldpeak"] - 0.012 * r["thalach"]
            r["num"] = int(rng.random() < 1 / (1 + math.exp(-1.7 * z)))
            if rng.random() < 0.03:
                r["trestbps"] = "?"
            rows.append({k: str(v) for k, v in r.items()})
        yield site, rows


def site_json(out, site, patient):
    """One site of a manifest; its file is there."""
    with open(os.path.join(out, site + ".csv"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    return {"path": site + ".csv", "site": site, "gst": GST[site], "period": {"from": "1981-05-01", "to": "1987-12-31"}, "sha256": digest,
            "columns": {"patient_id": patient, "label": "num", "inputs": {k: k for k in INPUTS}, "units": {"trestbps": "mm[Hg]"}},
            "missing": ["?"], "label_map": {"0": 0, "1": 1, "2": 1, "3": 1, "4": 1},
            "groups": [{"name": "sex", "column": "sex", "kind": "sex", "values": {"0": "F", "1": "M"}},
                       {"name": "age_band", "column": "age", "kind": "age_band", "bands": [45, 55, 65]}]}


def documents(amane, out, data):
    """version.json and manifest.json for model.json and these sites."""
    model = os.path.join(out, "model.json")
    about = json.loads(subprocess.run([amane, "model", "inspect", model, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    digest = hashlib.sha256(open(model, "rb").read()).hexdigest()
    with open(os.path.join(ROOT, "schema", "examples", "version.json")) as f:
        v = json.load(f)
    v["artifacts"] = [{"path": "model.json", "role": "weights", "size": os.path.getsize(model), "sha256": digest, "media_type": "application/json"}]
    v["model_digest"] = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    v["canonical_weight_hash"] = about["canonical_weight_hash"]
    v["criticality"] = "critical_diagnosis"
    for x in v["inputs"]:
        if x["name"] == "cp":
            x["range"] = [1, 4]
    m = {"id": "heart-4sites", "data": data, "threshold": {"value": 0.5, "frozen_at": "2026-09-01T08:05:00Z"},
         "unsealed_at": "2026-10-01T08:00:00Z", "external": True, "tester_org": "BENCH1",
         "leakage_test": {"method": "vendor_attestation", "attestation_sha256": hashlib.sha256(b"odd rows").hexdigest()}, "cluster": "none"}
    for name, doc in (("version.json", v), ("manifest.json", m)):
        with open(os.path.join(out, name), "w") as f:
            json.dump(doc, f)


def main(amane, out, folder=None):
    os.makedirs(out, exist_ok=True)
    train = []
    data = []
    for site, rows in (real(folder) if folder else made()):
        name = os.path.join(out, site + ".csv")
        with open(name, "w", newline="") as f:
            w = csv.DictWriter(f, ["row"] + INPUTS + ["num"], extrasaction="ignore", lineterminator="\n")
            w.writeheader()
            w.writerows(rows[1::2])
        train += [r for r in rows[0::2] if all(r[k] not in ("?", "") for k in INPUTS)]
        data.append(site_json(out, site, "row"))
    with open(os.path.join(out, "train.csv"), "w", newline="") as f:
        w = csv.DictWriter(f, INPUTS + ["y"], extrasaction="ignore", lineterminator="\n")
        w.writeheader()
        for r in train:
            w.writerow({**r, "y": int(float(r["num"]) > 0)})
    model = os.path.join(out, "model.json")
    subprocess.run([amane, "model", "fit", "--kind", "logistic", "--csv", os.path.join(out, "train.csv"), "--label", "y",
                    "--features", ",".join(INPUTS), "--ridge", "1", "--out", model], check=True, stdout=subprocess.DEVNULL)
    documents(amane, out, data)


if __name__ == "__main__":
    main(*sys.argv[1:])
