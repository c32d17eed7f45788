#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real data through the bench: example.py AMANE DATA OUT NAME...

For each NAME: reads DATA/<folder> (nothing of it is kept but in OUT), fits a model with `amane model fit` on one part, freezes a threshold
on a second, writes a record and a manifest for a third, one file a site, runs `amane bench run`, and says in one line of JSON what came
out: area, level that the measured rows allow, and what stands in the way. See README.md for what each example is meant to show."""
import csv
import gzip
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PARTS = {"fit": "0123456789", "tune": "abc"}  # first hex digit of the digest of a patient; the rest is for the bench
GST = ["GST-RSK", "GST-CS", "GST-TTA", "GST-FM", "GST-MS", "GST-OR", "GST-SM"]


def part_of(patient, test_half):
    digit = hashlib.sha256(str(patient).encode()).hexdigest()[0]
    if test_half:
        return "test" if digit in "89abcdef" else "tune" if digit in "67" else "fit"
    return next((k for k, v in PARTS.items() if digit in v), "test")


def number(v):
    return None if v in ("", "?", "NA", None) else float(v)


# ---- the tables: yield (patient, site, {input: number or None}, label, {group column: text}) ----
def icu(folder):
    table = subprocess.run(["sh", ROOT + "/test/support/icu_features.sh", folder], check=True, stdout=subprocess.PIPE, text=True).stdout
    units = {"1": "coronary", "2": "cardiac-surgery", "3": "medical", "4": "surgical"}
    series = ["GCS_last", "GCS_min", "GCS_mean", "BUN_last", "BUN_max", "Creatinine_last", "HR_mean", "HR_max", "SBP_min", "SBP_mean", "MBP_min", "Temp_min",
              "Temp_max", "Urine_mean", "Urine_mean_last24", "Urine_count", "RespRate_max", "RespRate_mean", "PF_min", "PF_last", "FiO2_max", "Lactate_last", "Lactate_max",
              "pH_min", "HCO3_min", "Na_last", "K_max", "WBC_last", "WBC_max", "HCT_min", "Platelets_last", "Bilirubin_max", "Albumin_min", "Glucose_max",
              "MechVent_count", "PaCO2_last", "AST_max", "TroponinT_max"]
    for r in csv.DictReader(table.splitlines()):
        x = {k: number(r[k]) for k in series}
        x["age"] = number(r["age"])
        x["unit_type"] = number(r["icu_type"])
        if x["age"] is None or r["gender"] not in ("0", "1"):
            continue
        yield r["id"], units[r["icu_type"]], x, int(r["death"]), {"sex": "FM"[int(r["gender"])], "age": r["age"]}


def heart(folder):
    names = ["age", "sex", "cp", "trestbps", "thalach", "exang", "oldpeak", "restecg", "fbs"]
    for site in ("cleveland", "hungarian", "switzerland", "va"):
        with open("%s/%s.csv" % (folder, site), newline="") as f:
            for r in csv.DictReader(f):
                yield site + r["row"], site, {k: number(r[k]) for k in names}, int(float(r["num"]) > 0), {"sex": "FM"[int(float(r["sex"]))], "age": r["age"]}


def nhanes(folder):
    with gzip.open(folder + "/nhanes1.csv.gz", "rt", newline="") as f:
        for r in csv.DictReader(f):
            years = float(r["y"])
            if years < 0 and -years < 15:
                continue  # lost before the horizon: neither dead nor alive at 15 years
            x = {k.lower().replace(" ", "_"): number(r[k]) for k in r if k not in ("id", "y", "Race")}
            if x["age"] is not None:
                yield r["id"], "nhanes", x, int(0 < years <= 15), {"sex": "MF"[int(float(r["Sex"])) - 1], "age": str(int(x["age"]))}


def diabetes(folder):
    names = ["time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications", "number_outpatient", "number_emergency",
             "number_inpatient", "number_diagnoses", "admission_type_id", "discharge_disposition_id"]
    seen = set()
    with gzip.open(folder + "/diabetic_data.csv.gz", "rt", newline="") as f:
        for r in csv.DictReader(f):
            if r["patient_nbr"] in seen or r["gender"] not in ("Female", "Male"):
                continue
            seen.add(r["patient_nbr"])
            age = int(r["age"].strip("[)").split("-")[0]) + 5
            x = {k: number(r[k]) for k in names}
            x["age"] = float(age)
            x["insulin_changed"] = float(r["insulin"] in ("Up", "Down"))
            yield r["patient_nbr"], "130-hospitals", x, int(r["readmitted"] == "<30"), {"sex": r["gender"][0], "age": str(age)}


def brca(folder):
    with open(folder + "/brca.csv", newline="") as f:
        for r in csv.DictReader(f):
            died, days = float(r["E"]), float(r["T"])
            if not died and days < 3 * 365:
                continue
            x = {k.lower().replace(" ", "_").replace("(", "").replace(")", "").replace("+", "p").replace("-", "m").replace(",", ""): number(r[k])
                 for k in r if k not in ("pid", "region", "source_site", "E", "T")}
            yield r["pid"], r["region"].lower(), x, int(died and days <= 3 * 365), {"age": r["age_at_index"]}


EXAMPLES = {  # name: (folder, table, kind of model, half of the people for the test)
    "icu": ("icu-challenge2012", icu, ["gbt", "--rounds", "300", "--depth", "4", "--eta", "0.05", "--subsample", "0.7", "--colsample", "0.5", "--min-child", "5"], True),
    "heart": ("heart-disease-4sites", heart, ["gbt", "--rounds", "60", "--depth", "3", "--eta", "0.1"], True),
    "nhanes": ("nhanes1-mortality", nhanes, ["gbt", "--rounds", "150", "--depth", "4", "--eta", "0.05"], True),
    "diabetes": ("diabetes-130-us-hospitals", diabetes, ["gbt", "--rounds", "100", "--depth", "4", "--eta", "0.1"], False),
    "brca": ("tcga-brca-6regions", brca, ["gbt", "--rounds", "60", "--depth", "2", "--eta", "0.1"], True),
}


def write(path, inputs, rows, extra=()):
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["patient"] + inputs + ["outcome"] + ["group_" + k for k in extra])
        for patient, _, x, y, g in rows:
            w.writerow([patient] + ["" if x[k] is None else repr(x[k]) for k in inputs] + [y] + [g[k] for k in extra])


def threshold(amane, out, inputs, rows):
    """The largest two-decimal threshold that keeps 88 % of the positives of the second part."""
    write(out + "/tune.csv", inputs, rows)
    subprocess.run([amane, "model", "predict", out + "/model.json", "--csv", out + "/tune.csv", "--out", out + "/tune-scores.csv"], check=True)
    with open(out + "/tune-scores.csv", newline="") as f:
        scores = [float(r["score"]) for r in csv.DictReader(f)]
    sick = sorted(s for s, r in zip(scores, rows) if r[3])
    return max(0.01, int(100 * sick[int(0.12 * len(sick))]) / 100)


def inputs_json(names, rows):
    out = []
    for k in names:
        v = [r[2][k] for r in rows if r[2][k] is not None]
        whole = all(x == int(x) for x in v)
        room = 0.25 * (max(v) - min(v))
        one = {"name": k, "source": "observation", "coding": {"system": "urn:amane:cs:example", "code": k}, "unit": "1", "type": "integer" if whole else "number",
               "range": [min(v) - (int(room) if whole else room), max(v) + (int(room) if whole else room)],
               "missing_allowed": any(r[2][k] is None for r in rows), "protected": k in ("age", "sex")}
        if set(v) <= {0.0, 1.0}:
            one.update(type="boolean", range=[0, 1])
        out.append(one)
    return out


def record(amane, out, inputs, t):
    path = out + "/model.json"
    about = json.loads(subprocess.run([amane, "model", "inspect", path, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(ROOT + "/schema/examples/version.json") as f:
        v = json.load(f)
    none = {"na": "model_type_has_no_such_parameter"}
    v.update(artifacts=[{"path": "model.json", "role": "weights", "size": os.path.getsize(path), "sha256": digest, "media_type": "application/json"}],
             model_digest=hashlib.sha256(bytes.fromhex(digest)).hexdigest(), canonical_weight_hash=about["canonical_weight_hash"], inputs=inputs,
             criticality="critical_diagnosis", model_type="boosting", max_depth=about["hyperparameters"]["max_depth"], number_of_layers=none,
             dropout_rate=none, batch_size=none, optimizer=none, regularization_strength=1, learning_rate=0.05,
             number_of_epochs=about["hyperparameters"]["number_of_epochs"], random_seed="0")
    v["outputs"][0]["threshold"] = t
    v["evaluation_plan"]["thresholds"][0]["value"] = t
    v["evaluation_plan"]["declared_minima"] = {"specificity": 0.5, "ppv": 0.1, "npv": 0.9}
    v["evaluation_plan"]["utility_range"] = {"low": max(0.01, t / 2), "high": min(0.9, t * 2)}
    with open(out + "/version.json", "w") as f:
        json.dump(v, f)


def manifest(out, name, inputs, test, groups, t):
    data = []
    sites = sorted({r[1] for r in test})
    for i, site in enumerate(sites):
        write("%s/%s.csv" % (out, site), inputs, [r for r in test if r[1] == site], groups)
        with open("%s/%s.csv" % (out, site), "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        g = [{"name": "sex", "column": "group_sex", "kind": "sex"}] if "sex" in groups else []
        data.append({"path": site + ".csv", "site": site, "gst": GST[i % len(GST)], "period": {"from": "2025-01-01", "to": "2025-12-31"}, "sha256": digest,
                     "columns": {"patient_id": "patient", "label": "outcome", "inputs": {k: k for k in inputs}}, "label_map": {"0": 0, "1": 1},
                     "groups": g + [{"name": "age_band", "column": "group_age", "kind": "age_band", "bands": [50, 65, 80]}]})
    m = {"id": "example-" + name, "data": data, "threshold": {"value": t, "frozen_at": "2026-09-01T08:05:00Z"}, "unsealed_at": "2026-10-01T08:00:00Z",
         "external": False, "ethnic_origin": {"status": "not_measured"}, "tester_org": "BENCH1", "cluster": "none",
         "leakage_test": {"method": "patient_ids", "training_ids": {"path": "fit.csv", "column": "patient"}},
         "features": {k: {"immutable": True} for k in inputs if k in ("age", "sex")} or {inputs[0]: {"decimals": 3}}}
    with open(out + "/manifest.json", "w") as f:
        json.dump(m, f)


def outcome(out):
    """What the rows that were measured allow: a level is open when none of its gates, or of those below, stands in the way."""
    with open(out + "/bench/summary.json") as f:
        s = json.load(f)
    with open(ROOT + "/policy/label-matrix.json") as f:
        gates = {r["id"]: r["level"] for r in json.load(f)["rows"]}
    methods = {}
    for m in s["measures"]:
        methods.setdefault(m["row"], set()).add(m["ci_method"])
    # What a person attests in a form (DA-4, CY-3...) was not measured here: no example fills the forms.
    asked = {row for row, how in methods.items() if how == {"no_form"}}
    level, blocked = "none", {}
    for name in ("base", "intermediate", "advanced"):
        rows = [r for r in s["requirements"] if r["level"] == name and gates[r["id"]][name] == "gate" and r["reason"] not in ("no_evidence", "family_not_available")
                and r["id"] not in asked]
        blocked[name] = ["%s %s%s" % (r["id"], r["verdict"], " (%s)" % r["param"] if r["param"] else "") for r in rows if r["verdict"] not in ("pass", "not_applicable")]
        if not blocked[name] and (level != "none" or name == "base"):
            level = name
    auc = {m["group"]: m["estimate"] for m in s["measures"] if m["row"] == "PF-1" and m["name"] == "auc"}
    return {"n": s["dataset"]["n"] if "n" in s["dataset"] else None, "auc": auc[""], "by_site": {k[5:]: v for k, v in auc.items() if k.startswith("site=")},
            "level_of_measured_rows": level, "blocked": blocked}


def run(amane, data, out, name):
    folder, table, fit, half = EXAMPLES[name]
    out = "%s/%s" % (out, name)
    os.makedirs(out)
    rows = {"fit": [], "tune": [], "test": []}
    for r in table("%s/%s" % (data, folder)):
        rows[part_of(r[0], half)].append(r)
    inputs = list(rows["fit"][0][2])
    groups = [g for g in ("sex", "age") if g in rows["fit"][0][4]]
    write(out + "/fit.csv", inputs, rows["fit"])
    subprocess.run([amane, "model", "fit", "--kind"] + fit + ["--csv", out + "/fit.csv", "--label", "outcome", "--features", ",".join(inputs),
                    "--out", out + "/model.json"], check=True, stdout=subprocess.DEVNULL)
    t = threshold(amane, out, inputs, rows["tune"])
    everyone = rows["fit"] + rows["tune"] + rows["test"]
    record(amane, out, inputs_json(inputs, everyone), t)
    manifest(out, name, inputs, rows["test"], groups, t)
    done = subprocess.run([amane, "bench", "run", "--record", out + "/version.json", "--model", out + "/model.json", "--data", out + "/manifest.json",
                           "--out", out + "/bench", "--level", "advanced"], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    print(json.dumps({"example": name, "fitted_on": len(rows["fit"]), "tested_on": len(rows["test"]), "positives": sum(r[3] for r in rows["test"]),
                      "threshold": t, **outcome(out)}))


if __name__ == "__main__":
    for example in sys.argv[4:]:
        run(sys.argv[1], sys.argv[2], sys.argv[3], example)
