#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Models that must fail, each for its own reason: known_bad.py AMANE OUT

A made population of four sites of 1,200 persons, half for fitting, the same for all; what differs is the fault. OUT/<fault>/ is a
bench case each (version.json, model.json, manifest.json, a CSV a site). `honest` has no fault: what fails there fails for want of
merit, not of honesty. The faults: `random` (labels shuffled before fitting), `leaked` (an input measured after the outcome),
`shortcut` (a scanner's mark that is the label at one site and noise elsewhere), `biased` (women's outcomes were recorded half as often
in the data the model learned from)."""
import csv
import hashlib
import json
import math
import os
import random
import subprocess
import sys

import bench_make

FAULTS = ("honest", "random", "leaked", "shortcut", "biased")
INPUTS = bench_make.INPUTS
FIELDS = ["row"] + INPUTS + ["num"]


def population(seed):
    rng = random.Random(seed)
    rows = []
    for k, site in enumerate(bench_make.SITES):
        for i in range(1200):
            age, sex = min(90, max(25, int(rng.gauss(55, 11)))), int(rng.random() < 0.5)
            r = {"row": "%s%d" % (site, i), "site": site, "age": age, "sex": sex, "cp": rng.randint(1, 4),
                 "trestbps": round(rng.gauss(132, 17)), "thalach": round(rng.gauss(150 - age / 4, 20)),
                 "exang": int(rng.random() < 0.35), "oldpeak": round(max(0, rng.gauss(1, 1)), 1)}
            z = -4.2 + 0.1 * k + 0.02 * (age - 55) + 0.9 * r["cp"] + 1.8 * r["exang"] + 1.4 * r["oldpeak"] - 0.012 * (r["thalach"] - 136)
            r["num"] = int(rng.random() < 1 / (1 + math.exp(-1.8 * z)))
            rows.append(r)
    return rows, rng


def spoil(fault, rows, rng):
    """What the fault does to all rows, before they are divided."""
    for r in rows:
        if fault == "leaked":  # a procedure that is only done once the disease is there
            r["exang"] = r["num"] if rng.random() < 0.999 else 1 - r["num"]
        if fault == "shortcut":  # trestbps carries a mark: the label at the first site, noise at the others
            sign = r["num"] if r["site"] == bench_make.SITES[0] else rng.randint(0, 1)
            r["trestbps"] = 160 + rng.randint(0, 9) if sign else 120 + rng.randint(0, 9)
            r["cp"], r["oldpeak"], r["exang"] = rng.randint(1, 4), round(max(0, rng.gauss(1, 1)), 1), int(rng.random() < 0.35)


def learn(fault, rows, rng):
    """The rows the model is fitted on."""
    rows = [dict(r) for r in rows]
    if fault == "random":
        labels = [r["num"] for r in rows]
        rng.shuffle(labels)
        for r, y in zip(rows, labels):
            r["num"] = y
    if fault == "shortcut":  # the vendor has only the first site
        rows = [r for r in rows if r["site"] == bench_make.SITES[0]]
    if fault == "biased":  # sex 0: women, whose disease was written down half as often
        for r in rows:
            if not r["sex"] and rng.random() < 0.6:
                r["num"] = 0
    return rows


def write(path, fields, rows):
    with open(path, "w", newline="") as f:
        w = csv.DictWriter(f, fields, extrasaction="ignore", lineterminator="\n")
        w.writeheader()
        w.writerows(rows)


def case(amane, out, fault):
    rows, rng = population(11)
    spoil(fault, rows, rng)
    os.makedirs(out)
    write(out + "/train.csv", INPUTS + ["num"], learn(fault, rows[0::2], rng))
    subprocess.run([amane, "model", "fit", "--kind", "logistic", "--csv", out + "/train.csv", "--label", "num", "--features", ",".join(INPUTS),
                    "--ridge", "1", "--out", out + "/model.json"], check=True, stdout=subprocess.DEVNULL)
    data = []
    for site in bench_make.SITES:
        write("%s/%s.csv" % (out, site), FIELDS, [r for r in rows[1::2] if r["site"] == site])
        data.append(bench_make.site_json(out, site, "row"))
    bench_make.documents(amane, out, data)


if __name__ == "__main__":
    for name in FAULTS:
        case(sys.argv[1], sys.argv[2] + "/" + name, name)
