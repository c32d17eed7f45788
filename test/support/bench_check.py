#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what a bench run says, by definition and without our code: bench_check.py CASE OUT

Scores from the weights in model.json and the site files; AUC and DeLong variance by comparing every pair; proportions
and Wilson intervals by formula. Everything to 1e-9 (scores 1e-6: the weights are float32)."""
import csv
import hashlib
import json
import math
import os
import struct
import sys

Z = 1.959963984540054
bad = []


def say(ok, what):
    if not ok:
        bad.append(what)
        print("differs:", what)


def near(a, b, tol=1e-9):
    return a is None and b is None or (a is not None and b is not None and abs(a - b) <= tol)


def auc_var(s, y):
    pos = [v for v, l in zip(s, y) if l]
    neg = [v for v, l in zip(s, y) if not l]
    m, k = len(pos), len(neg)
    if not m or not k:
        return None, None
    psi = lambda a, b: 1.0 if a > b else 0.5 if a == b else 0.0
    v10 = [math.fsum(psi(p, q) for q in neg) / k for p in pos]
    v01 = [math.fsum(psi(p, q) for p in pos) / m for q in neg]
    a = math.fsum(v10) / m
    if m < 2 or k < 2:
        return a, None
    s10 = math.fsum((v - a) ** 2 for v in v10) / (m - 1)
    s01 = math.fsum((v - a) ** 2 for v in v01) / (k - 1)
    return a, s10 / m + s01 / k


def wilson(p, n):
    c = p + Z * Z / (2 * n)
    d = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return [max(0, (c - d) / (1 + Z * Z / n)), min(1, (c + d) / (1 + Z * Z / n))]


def gate(a, var, m, k):
    if a is None:
        return [None, None]
    if a in (0.0, 1.0) or not var:
        return wilson(a, min(m, k))
    if a > 0.95 or min(m, k) < 50:
        h = Z * math.sqrt(var) / (a * (1 - a))
        x = math.log(a / (1 - a))
        return [1 / (1 + math.exp(-(x - h))), 1 / (1 + math.exp(-(x + h)))]
    return [max(0, a - Z * math.sqrt(var)), min(1, a + Z * math.sqrt(var))]


def measures(group, rows, t, out):
    s = [float(r["score"]) for r in rows]
    y = [int(r["label"]) for r in rows]
    m, k = sum(y), len(y) - sum(y)
    a, var = auc_var(s, y)
    out[("PF-1", "auc", group)] = (a, gate(a, var, m, k))
    out[("PF-1", "brier", group)] = (math.fsum((v - l) ** 2 for v, l in zip(s, y)) / len(y), [None, None])
    tp = sum(v >= t and l for v, l in zip(s, y))
    fp = sum(v >= t and not l for v, l in zip(s, y))
    for row, name, x, n in (("PF-3", "sensitivity", tp, m), ("PF-4", "specificity", k - fp, k),
                            ("PF-4", "ppv", tp, tp + fp), ("PF-4", "npv", k - fp, len(y) - tp - fp)):
        out[(row, name, group)] = (x / n, wilson(x / n, n)) if n else (None, [None, None])


def check_scores(case, rows, manifest, record):
    w = json.load(open(os.path.join(case, "model.json")))["learner"]
    weights = w["gradient_booster"]["model"]["weights"]
    base = float(w["learner_model_param"]["base_score"].strip("[]"))
    margin = math.log(base / (1 - base))
    names = [i["name"] for i in record["inputs"]]
    files = {d["site"]: list(csv.DictReader(open(os.path.join(case, d["path"]), newline=""))) for d in manifest["data"]}
    f32 = lambda v: struct.unpack("f", struct.pack("f", v))[0]
    n = 0
    for r in rows:
        if r["rejected"]:
            continue
        src = files[r["site"]][int(r["case"]) - 1]
        z = margin + math.fsum(f32(float(src[k])) * v for k, v in zip(names, weights)) + weights[len(names)]
        say(near(float(r["score"]), 1 / (1 + math.exp(-z)), 1e-6), "score of %s %s" % (r["site"], r["case"]))
        say(int(r["label"]) == int(float(src["num"]) > 0), "label of %s %s" % (r["site"], r["case"]))
        n += 1
    return n


def main(case, out):
    manifest = json.load(open(os.path.join(case, "manifest.json")))
    record = json.load(open(os.path.join(case, "version.json")))
    summary = json.load(open(os.path.join(out, "summary.json")))
    rows = list(csv.DictReader(open(os.path.join(out, "scores.csv"), newline="")))
    used = [r for r in rows if not r["rejected"]]
    say(check_scores(case, rows, manifest, record) == summary["dataset"]["n"] == len(used), "number of rows")
    want = {}
    t = manifest["threshold"]["value"]
    measures("", used, t, want)
    for site in {r["site"] for r in used}:
        measures("site=" + site, [r for r in used if r["site"] == site], t, want)
    for column in ("sex", "age_band"):
        for value in {r[column] for r in used}:
            group = [r for r in used if r[column] == value]
            if len(group) >= 10:
                measures("%s=%s" % (column, value), group, t, want)
    gst = {d["site"]: d["gst"] for d in manifest["data"]}
    for g in set(gst.values()):
        one = {}
        measures(g, [r for r in used if gst[r["site"]] == g], t, one)
        want[("MS-1", "each_gst_auc", "gst=" + g)] = one[("PF-1", "auc", g)]
    have = {(m["row"], m["name"], m["group"]): m for m in summary["measures"]}
    for key, (estimate, ci) in want.items():
        m = have.pop(key, None)
        say(m is not None, "no measure %s" % (key,))
        if m:
            say(near(m["estimate"], estimate) and near(m["ci95_low"], ci[0]) and near(m["ci95_high"], ci[1]),
                "%s: %s, by definition %s %s" % (key, m, estimate, ci))
    for row, name, group in have:
        say(row not in ("PF-1", "PF-4") and not name == "sensitivity", "a measure more: %s %s %s" % (row, name, group))
    for e in summary["evidence"]:
        text = open(os.path.join(out, e["file"]), "rb").read()
        say(hashlib.sha256(text).hexdigest() == e["sha256"], "digest of " + e["file"])
    scores = open(os.path.join(out, "scores.csv"), "rb").read()
    say(hashlib.sha256(scores).hexdigest() == summary["scores_sha256"], "digest of the scores")
    say(hashlib.sha256(open(os.path.join(case, "manifest.json"), "rb").read()).hexdigest() == summary["dataset"]["sha256"], "digest of the manifest")
    print("%d measures recomputed, %d differences" % (len(want), len(bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
