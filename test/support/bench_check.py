#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes what a bench run says, by definition and without our code: bench_check.py CASE OUT

Scores from the weights in model.json and the site files; AUC and DeLong variance by comparing every pair; proportions
and their intervals by formula, exact ones by the binomial tails; bins, contrasts of groups, predictive values at another
prevalence. Everything to 1e-9 (scores 1e-6: the weights are float32); what is drawn, as far as two sets of draws agree."""
import csv
import hashlib
import json
import math
import os
import random
import struct
import sys

Z = 1.959963984540054
CHANCE = 100 # draws of labels by the scores
bad = []
noise = {} # what two sets of draws agree on, as far as draws do


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


def tail(x, n, p):
    """P(X >= x) for X of Binomial(n, p): the probabilities one after another, from the first."""
    if x <= 0:
        return 1.0
    term = math.exp(math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * math.log(p) + (n - x) * math.log1p(-p))
    total = term
    for k in range(x, n):
        term *= (n - k) / (k + 1) * p / (1 - p)
        total += term
        if term < total * 1e-17:
            break
    return total


def root(f):
    lo, hi = 1e-12, 1 - 1e-12
    while hi - lo > 1e-13:
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if f(mid) < 0 else (lo, mid)
    return (lo + hi) / 2


def exact(x, n):
    """Clopper and Pearson by the tails themselves, no beta function."""
    return [root(lambda p: tail(x, n, p) - 0.025) if x else 0.0, root(lambda p: 0.025 - tail(n - x, n, 1 - p)) if x < n else 1.0]


def logit_interval(a, var):
    h, x = Z * math.sqrt(var) / (a * (1 - a)), math.log(a / (1 - a))
    return [1 / (1 + math.exp(-(x - h))), 1 / (1 + math.exp(-(x + h)))]


def gate(a, var, m, k):
    if a is None:
        return [None, None]
    if a in (0.0, 1.0) or not var:
        return wilson(a, min(m, k))
    if a > 0.95 or min(m, k) < 50:
        return logit_interval(a, var)
    return [max(0, a - Z * math.sqrt(var)), min(1, a + Z * math.sqrt(var))]


def measures(group, rows, t, out):
    s = [float(r["score"]) for r in rows]
    y = [int(r["label"]) for r in rows]
    m, k = sum(y), len(y) - sum(y)
    a, var = auc_var(s, y)
    out[("PF-1", "auc", group)] = (a, gate(a, var, m, k))
    out[("PF-1", "brier", group)] = (math.fsum((v - l) ** 2 for v, l in zip(s, y)) / len(y), [None, None])
    n = len(y)
    tp = sum(v >= t and l for v, l in zip(s, y))
    fp = sum(v >= t and not l for v, l in zip(s, y))
    tn, fn = k - fp, m - tp
    for row, name, x, of in (("PF-3", "sensitivity", tp, m), ("PF-4", "specificity", tn, k), ("PF-4", "ppv", tp, tp + fp),
                             ("PF-4", "npv", tn, n - tp - fp), ("PF-4", "accuracy", tp + tn, n)):
        out[(row, name, group)] = (x / of, wilson(x / of, of)) if of else (None, [None, None])
        out[(row, name + "_exact", group)] = (x / of, exact(x, of)) if of else (None, [None, None])
    out[("PF-4", "fpr", group)] = (fp / k, wilson(fp / k, k)) if k else (None, [None, None])
    out[("PF-4", "selection_rate", group)] = ((tp + fp) / n, wilson((tp + fp) / n, n))
    out[("PF-1", "mean_score", group)] = (math.fsum(s) / n, [None, None])
    out[("PF-6", "citl", group)] = in_the_large(s, y) if m and k else (None, [None, None])
    if group and not group.startswith("site="):
        out[("EQ-1", "prevalence", group)] = (m / n, wilson(m / n, n))
    if group and not group.startswith("site="):
        return
    scalars(group, s, y, (tp, fp, tn, fn), (a, var), out)


def in_the_large(s, y):
    """a of logit P(y) = a + logit(s), by halving; its standard error from the information."""
    link = [math.log(v / (1 - v)) for v in s]
    lo, hi = -30.0, 30.0
    while hi - lo > 1e-12:
        a = (lo + hi) / 2
        lo, hi = (a, hi) if math.fsum(l - 1 / (1 + math.exp(-a - x)) for l, x in zip(y, link)) > 0 else (lo, a)
    p = [1 / (1 + math.exp(-lo - x)) for x in link]
    se = 1 / math.sqrt(math.fsum(v * (1 - v) for v in p))
    return lo, [lo - Z * se, lo + Z * se]


def scalars(group, s, y, table, area, out):
    """Other numbers of all rows and of a site, over all distinct thresholds from the top."""
    (tp, fp, tn, fn), (a, var), m, k = table, area, sum(y), len(y) - sum(y)
    points = [(0, 0, math.inf)]
    for t in sorted(set(s), reverse=True):
        points.append((sum(v >= t and not l for v, l in zip(s, y)) / k, sum(v >= t and l for v, l in zip(s, y)) / m, t)) if m and k else None
    none = [None, None]
    out[("PF-1", "auc_delong_wald", group)] = (a, [max(0, a - Z * math.sqrt(var)), min(1, a + Z * math.sqrt(var))] if var else none)
    out[("PF-1", "auc_delong_logit", group)] = (a, logit_interval(a, var) if var else none)
    ap = sum((q[1] - p[1]) * q[1] * m / (q[1] * m + q[0] * k) for p, q in zip(points, points[1:]) if q[1] > p[1])
    part = 0
    for (x0, y0, _), (x1, y1, _) in zip(points, points[1:]):
        if x0 < 0.1:
            cut = min(x1, 0.1)
            part += (cut - x0) * (y0 + (y0 + (y1 - y0) * (cut - x0) / (x1 - x0))) / 2 if x1 > x0 else 0
    best = max((round(q[1] - q[0], 12), q[2]) for q in points[1:])
    out[("PF-1", "average_precision", group)] = (ap, none)
    out[("PF-1", "partial_auc_fpr10", group)] = (part / 0.1, none)
    out[("PF-1", "youden_best", group)] = (best[0], none)
    out[("PF-1", "youden_best_threshold", group)] = (best[1], none)
    out[("PF-4", "balanced_accuracy", group)] = ((tp / m + tn / k) / 2, none)
    out[("PF-4", "youden", group)] = (tp / m + tn / k - 1, none)
    out[("PF-4", "f1", group)] = (2 * tp / (2 * tp + fp + fn), none)
    out[("PF-4", "mcc", group)] = ((tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)), none)
    calibration(group, s, y, out)


def bins_of(s, y, mass):
    """(scores, labels) of ten bins: equal widths (lo, hi], or runs of the sorted scores, the larger first."""
    if not mass:
        at = [max(0, math.ceil(v * 10) - 1) for v in s]
        return [([v for v, i in zip(s, at) if i == b], [l for l, i in zip(y, at) if i == b]) for b in range(10)]
    order, bins, start = sorted(range(len(s)), key=lambda i: s[i]), [], 0
    for b in range(10):
        end = start + len(s) // 10 + (b < len(s) % 10)
        bins.append(([s[i] for i in order[start:end]], [y[i] for i in order[start:end]]))
        start = end
    return bins


def ece(bins, n):
    gaps = [(len(v), abs(math.fsum(v) - sum(l)) / len(v)) for v, l in bins if v]
    return math.fsum(w / n * g for w, g in gaps), max(g for _, g in gaps)


def calibration(group, s, y, out):
    none, n, rate = [None, None], len(y), sum(y) / len(y)
    brier = math.fsum((v - l) ** 2 for v, l in zip(s, y)) / n
    for mass, cut in ((False, "width10"), (True, "mass10")):
        bins = bins_of(s, y, mass)
        out[("PF-6", "ece_" + cut, group)], out[("PF-6", "mce_" + cut, group)] = ((x, none) for x in ece(bins, n))
        draws = []
        for _ in range(CHANCE):
            draws.append(ece([(v, [random.random() < p for p in v]) for v, _ in bins], n)[0])
        mean = sum(draws) / CHANCE
        spread = math.sqrt(sum((d - mean) ** 2 for d in draws) / CHANCE)
        noise[("PF-6", "ece_%s_by_chance" % cut, group)] = mean, 5 * spread * math.sqrt(1 / CHANCE + 1 / 200)
    full = [(v, l) for v, l in bins_of(s, y, False) if v]
    parts = [math.fsum(len(v) / n * (math.fsum(v) / len(v) - sum(l) / len(l)) ** 2 for v, l in full),
             math.fsum(len(v) / n * (sum(l) / len(l) - rate) ** 2 for v, l in full), rate * (1 - rate)]
    for name, x in zip(("reliability", "resolution", "uncertainty", "residue"), (*parts, brier - parts[0] + parts[1] - parts[2])):
        out[("PF-6", "murphy_" + name, group)] = (x, none)
    z = math.fsum((l - v) * (1 - 2 * v) for v, l in zip(s, y)) / math.sqrt(math.fsum((1 - 2 * v) ** 2 * v * (1 - v) for v in s))
    out[("PF-6", "spiegelhalter_z", group)] = (z, none)
    out[("PF-6", "log_loss", group)] = (-math.fsum(math.log(v if l else 1 - v) for v, l in zip(s, y)) / n, none)


def newcombe(x, n, x2, n2):
    (l1, u1), (l2, u2), p, q = wilson(x / n, n), wilson(x2 / n2, n2), x / n, x2 / n2
    return [p - q - math.sqrt((p - l1) ** 2 + (u2 - q) ** 2), p - q + math.sqrt((u1 - p) ** 2 + (q - l2) ** 2)]


def contrasts(column, groups, t, out):
    """Pairs of major groups: areas by z, rates by the pooled z and Newcombe's interval; Holm over the pairs."""
    part = {}
    for g, rows in groups.items():
        s, y = [float(r["score"]) for r in rows], [int(r["label"]) for r in rows]
        m, k = sum(y), len(y) - sum(y)
        if len(y) >= 100 and m >= 30 and k >= 30:
            tp, fp = (sum(v >= t and l == want for v, l in zip(s, y)) for want in (1, 0))
            part[g] = {"auc": auc_var(s, y), "tpr": (tp, m), "fpr": (fp, k), "ppv": (tp, tp + fp), "npv": (k - fp, len(y) - tp - fp),
                       "selection": (tp + fp, len(y))}
    names, told = sorted(part, key=lambda g: g.encode()), 0
    for row, what in (("EQ-2", "auc"), ("EQ-3", "tpr"), ("EQ-4", "fpr"), ("EQ-5", "selection"), ("EQ-6", "ppv"), ("EQ-6", "npv")):
        pairs = []
        for i, g in enumerate(names):
            for h in names[i + 1:]:
                a, b = part[g][what], part[h][what]
                if what == "auc":
                    d, se = a[0] - b[0], math.sqrt(a[1] + b[1])
                    ci = [max(-1, d - Z * se), min(1, d + Z * se)]
                else:
                    d, w = a[0] / a[1] - b[0] / b[1], (a[0] + b[0]) / (a[1] + b[1])
                    ci, se = newcombe(*a, *b), math.sqrt(w * (1 - w) * (1 / a[1] + 1 / b[1]))
                pairs.append((math.erfc(abs(d / se) / math.sqrt(2)), "%s=%s;against=%s" % (column, g, h), d, ci))
        least = 0
        for rank, (p, group, d, ci) in enumerate(sorted(pairs)):
            least = max(least, min(1, (len(pairs) - rank) * p))
            out[(row, what + "_contrast", group)] = (d, ci)
            out[(row, what + "_contrast_p", group)] = (least, [None, None])
            told += 1
    return told


def prevalence(site, rows, all_rows, t, trained, out):
    """Predictive values carried over to the site's prevalence; the prevalence its scores tell, by steps of EM."""
    none, group = [None, None], "site=" + site
    tp, fn, fp, tn = (sum((float(r["score"]) >= t) == hit and int(r["label"]) == l for r in all_rows) for l, hit in ((1, 1), (1, 0), (0, 1), (0, 0)))
    m, k, q = tp + fn, fp + tn, sum(int(r["label"]) for r in rows) / len(rows)
    se, sp = tp / m, tn / k
    ppv, npv = se * q / (se * q + (1 - sp) * (1 - q)), sp * (1 - q) / (sp * (1 - q) + (1 - se) * q)
    out[("EQ-12", "ppv_at_prevalence", group)] = (ppv, logit_interval(ppv, (ppv * (1 - ppv)) ** 2 * ((1 - se) / (m * se) + sp / (k * (1 - sp)))))
    out[("EQ-12", "npv_at_prevalence", group)] = (npv, logit_interval(npv, (npv * (1 - npv)) ** 2 * (se / (m * (1 - se)) + (1 - sp) / (k * sp))))
    out[("EQ-12", "site_prevalence", group)] = (q, none)
    s, now = [float(r["score"]) for r in rows], trained
    for _ in range(4000):
        up, down = now / trained, (1 - now) / (1 - trained)
        now = math.fsum(v * up / (v * up + (1 - v) * down) for v in s) / len(s)
    noise[("EQ-12", "site_prevalence_by_scores", group)] = now, 1e-6


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
    random.seed(1)
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
    pairs = 0
    for column in ("sex", "age_band"):
        pairs += contrasts(column, {v: [r for r in used if r[column] == v] for v in {r[column] for r in used if r[column]}}, t, want)
    sets = [d for d in record["training_data"] if not isinstance(d["prevalence"], dict)]
    for site in {r["site"] for r in used}:
        prevalence(site, [r for r in used if r["site"] == site], used, t,
                   sum(d["n_rows"] * d["prevalence"] for d in sets) / sum(d["n_rows"] for d in sets), want)
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
    chance = {key: m["estimate"] for key, m in have.items() if key in noise}
    for key, (mean, room) in noise.items():
        m = have.pop(key, {"estimate": None})
        say(m["estimate"] is not None and abs(m["estimate"] - mean) <= room, "%s: %s, by other draws %s" % (key, m, mean))
    for key in [k for k in have if k[0] == "PF-1" and k[1].startswith("auc_bootstrap")]:
        m, a = have.pop(key), want[("PF-1", "auc_delong_wald", key[2])]
        say(near(m["estimate"], a[0]) and (m["ci95_low"] is None or max(abs(m["ci95_low"] - a[1][0]), abs(m["ci95_high"] - a[1][1])) < 0.4 * (a[1][1] - a[1][0])),
            "%s: %s, DeLong %s" % (key, m, a))
    for row, name, group in [k for k in have if k[1] in ("ece_excess", "ece_mass10_excess")]:
        cut = "width10" if name == "ece_excess" else "mass10"
        say(near(have[(row, name, group)]["estimate"], want[(row, "ece_" + cut, group)][0] - chance[(row, "ece_%s_by_chance" % cut, group)]), name)
    for row, name, group in have:
        say("_contrast" not in name or name.endswith(("contrasts", "that_differ")), "a pair more: %s %s %s" % (row, name, group))
        say(row not in ("PF-1", "PF-4") and not name == "sensitivity", "a measure more: %s %s %s" % (row, name, group))
    for e in summary["evidence"]:
        text = open(os.path.join(out, e["file"]), "rb").read()
        say(hashlib.sha256(text).hexdigest() == e["sha256"], "digest of " + e["file"])
    scores = open(os.path.join(out, "scores.csv"), "rb").read()
    say(hashlib.sha256(scores).hexdigest() == summary["scores_sha256"], "digest of the scores")
    say(hashlib.sha256(open(os.path.join(case, "manifest.json"), "rb").read()).hexdigest() == summary["dataset"]["sha256"], "digest of the manifest")
    print("%d measures recomputed, %d of them of pairs of groups, %d differences" % (len(want), 2 * pairs, len(bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
