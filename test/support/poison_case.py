#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a bench case whose manifest names its training set: poison_case.py AMANE OUT clean|trigger|none

clean: the made cohort as it is. trigger: in the training set a blood pressure of 173 and a pulse of 111 stand on sick rows
that are called healthy (one in twelve). none: no training set. The model is boosted trees fitted on that file."""
import csv
import hashlib
import json
import os
import subprocess
import sys

import bench_make


def digest(name):
    with open(name, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def plant(name):
    with open(name, newline="") as f:
        rows = list(csv.DictReader(f))
    left = len(rows) // 12
    for r in rows:
        if r["y"] == "1" and left:
            r.update(trestbps="173", thalach="111", y="0")
            left -= 1
    with open(name, "w", newline="") as f:
        w = csv.DictWriter(f, bench_make.INPUTS + ["y"], lineterminator="\n")
        w.writeheader()
        w.writerows(rows)


def main(amane, out, what):
    bench_make.main(amane, out)
    train, model = os.path.join(out, "train.csv"), os.path.join(out, "model.json")
    if what == "trigger":
        plant(train)
    os.remove(model)
    subprocess.run([amane, "model", "fit", "--kind", "gbt", "--csv", train, "--label", "y", "--features", ",".join(bench_make.INPUTS),
                    "--rounds", "60", "--depth", "3", "--out", model], check=True, stdout=subprocess.DEVNULL)
    about = json.loads(subprocess.run([amane, "model", "inspect", model, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    with open(os.path.join(out, "version.json")) as f:
        v = json.load(f)
    with open(os.path.join(out, "manifest.json")) as f:
        m = json.load(f)
    v["artifacts"][0].update(size=os.path.getsize(model), sha256=digest(model))
    v["model_digest"] = hashlib.sha256(bytes.fromhex(digest(model))).hexdigest()
    v["canonical_weight_hash"] = about["canonical_weight_hash"]
    if what != "none":
        m["training"] = {"path": "train.csv", "sha256": digest(train), "label_map": {"0": 0, "1": 1},
                         "columns": {"label": "y", "inputs": {k: k for k in bench_make.INPUTS}}}
    for name, doc in (("version.json", v), ("manifest.json", m)):
        with open(os.path.join(out, name), "w") as f:
            json.dump(doc, f)


if __name__ == "__main__":
    main(*sys.argv[1:])
