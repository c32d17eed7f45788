#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes the figures of a demo from its raw files, by definitions and not by our code.

demo_figures.py DEMO_DIR: prints TAP. Scores: the linear model read from model.json applied to the
sealed CSV files. AUC: the share of concordant pairs (ties one half), O(mk). DeLong variance: sample
variances of the placements (DeLong, DeLong, Clarke-Pearson 1988). Wilson: the closed form.
"""
import csv
import json
import math
import struct
import sys

Z = 1.959963984540054


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def auc(pos, neg):
    v10 = [sum(1.0 if p > q else 0.5 if p == q else 0.0 for q in neg) / len(neg) for p in pos]
    v01 = [sum(1.0 if p > q else 0.5 if p == q else 0.0 for p in pos) / len(pos) for q in neg]
    a = math.fsum(v10) / len(v10)

    def var(v):
        m = math.fsum(v) / len(v)
        return math.fsum((x - m) ** 2 for x in v) / (len(v) - 1)

    return a, var(v10) / len(pos) + var(v01) / len(neg)


def wilson(x, n):
    p = x / n
    mid = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return mid - half, mid + half


class Tap:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def ok(self, good, text):
        self.n += 1
        self.bad += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.n, text))


def near(a, b, tol=1e-9):
    return a is not None and b is not None and abs(a - b) <= tol * max(1.0, abs(b))


def main(folder):
    tap = Tap()
    model = json.load(open(folder + "/model.json"))["learner"]
    names = model["feature_names"]
    w = [f32(float(x)) for x in model["gradient_booster"]["model"]["weights"]]
    manifest = json.load(open(folder + "/sealed/manifest.json"))
    threshold = manifest["threshold"]["value"]
    rows = []
    for part in manifest["data"]:
        for r in csv.DictReader(open(folder + "/sealed/" + part["path"])):
            margin = math.fsum([w[-1]] + [w[i] * float(r[k]) for i, k in enumerate(names)])
            base = model["learner_model_param"]["base_score"].strip("[]")
            margin += math.log(float(base) / (1 - float(base)))
            rows.append((part["site"], r["sex"], int(r["label"]), 1 / (1 + math.exp(-margin)), r["id"]))
    scored = list(csv.DictReader(open(folder + "/bench/scores.csv")))
    tap.ok(len(scored) == len(rows), "the score file has one line for each of the %d sealed rows" % len(rows))
    lines = {}
    for x in scored:
        lines.setdefault(x["site"], []).append(x)
    worst = 0.0
    use = []
    at = {}
    for site, sex, label, score, _ in rows:  # the file keeps the order of each site
        x = lines[site][at.get(site, 0)]
        at[site] = at.get(site, 0) + 1
        worst = max(worst, abs(float(x["score"]) - score))
        if int(x["label"]) != label or x["sex"] != ("M" if sex == "1" else "F"):
            worst = math.inf
        use.append((site, x["sex"], label, float(x["score"])))
    tap.ok(worst <= 1e-6, "scores are those of the linear model in the file (largest difference %.2g)" % worst)
    measures = json.load(open(folder + "/bench/evidence-performance.json"))["measures"]

    def find(name, group):
        for x in measures:
            if x["name"] == name and x["group"] == group:
                return x
        return None

    groups = [("", lambda r: True)]
    groups += [("site=" + s, lambda r, s=s: r[0] == s) for s in sorted({r[0] for r in use})]
    groups += [("sex=" + s, lambda r, s=s: r[1] == s) for s in "FM"]
    for group, take in groups:
        part = [r for r in use if take(r)]
        pos = [r[3] for r in part if r[2] == 1]
        neg = [r[3] for r in part if r[2] == 0]
        x = find("auc", group)
        if x is not None and x["estimate"] is not None and len(pos) > 1 and len(neg) > 1:
            a, v = auc(pos, neg)
            tap.ok(near(x["estimate"], a), "AUC %s = %.6f" % (group or "of all", a))
            if x["ci_method"].find("wald") >= 0:
                tap.ok(near(x["ci95_low"], max(0, a - Z * math.sqrt(v))), "its DeLong bound, %s" % (group or "all"))
        elif x is not None:
            # Fewer than two of a class: there is no DeLong variance to compare with.
            a = auc(pos, neg)[0] if len(pos) > 1 and len(neg) > 1 else None
            tap.ok(x["estimate"] is None or a is None or near(x["estimate"], a), "AUC %s: too few" % group)
        if group:
            continue
        tp = sum(s >= threshold for s in pos)
        tn = sum(s < threshold for s in neg)
        for name, k, n in (("sensitivity", tp, len(pos)), ("specificity", tn, len(neg))):
            x = find(name, "")
            lo, hi = wilson(k, n)
            tap.ok(x is not None and near(x["estimate"], k / n) and near(x["ci95_low"], lo) and near(x["ci95_high"], hi),
                   "%s %d/%d and its Wilson interval" % (name, k, n))
    print("1..%d" % tap.n)
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
