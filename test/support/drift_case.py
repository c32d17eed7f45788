# SPDX-License-Identifier: Apache-2.0
"""drift_case.py make FOLDER [late]: the made case of bench_make.py becomes a year of data (each patient comes three
times); late: from September on half of the labels say nothing. drift_case.py check FOLDER RUN: the windows of DM-2 again,
by the pairs, from the times of the data and the scores of the run."""
import csv
import json
import os
import random
import sys


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def make(folder, late):
    rng = random.Random(11)
    manifest = json.load(open(os.path.join(folder, "manifest.json")))
    minutes = rng.sample(range(365 * 1440), 4000)
    for data in manifest["data"]:
        path, out = os.path.join(folder, data["path"]), []
        for row in read(path):
            for k in range(3):
                at = minutes.pop()
                r = dict(row, at="2026-%02d-%02dT%02d:%02d:00Z" % (1 + at // 44640 % 12, 1 + at // 1440 % 28, at // 60 % 24, at % 60))
                r["thalach"] = str(int(r["thalach"]) + k)
                r["done"] = "2027-03-01" if rng.random() < 0.97 else ""
                if late and r["at"] >= "2026-09" and rng.random() < 0.8:
                    r["num"] = str(rng.randint(0, 1))
                out.append(r)
        with open(path, "w", newline="") as f:
            w = csv.DictWriter(f, list(out[0]), lineterminator="\n")
            w.writeheader()
            w.writerows(out)
        del data["sha256"]
        data["columns"].update(timestamp="at", outcome_at="done")
    manifest["cluster"] = "obuchowski"
    with open(os.path.join(folder, "manifest.json"), "w") as f:
        json.dump(manifest, f)


def auc(rows):
    up, down = ([s for s, y in rows if y == k] for k in (1, 0))
    return sum((a > b) + 0.5 * (a == b) for a in up for b in down) / (len(up) * len(down))


def check(folder, run):
    summary = json.load(open(os.path.join(run, "summary.json")))
    manifest = json.load(open(os.path.join(folder, "manifest.json")))
    at = {(d["site"], i + 1): r["at"] for d in manifest["data"] for i, r in enumerate(read(os.path.join(folder, d["path"])))}
    rows = sorted((at[r["site"], int(r["case"])], float(r["score"]), int(r["label"])) for r in read(os.path.join(run, "scores.csv")) if not r["rejected"])
    m = {(x["name"], x.get("group", "")): x for x in summary["measures"] if x["row"] == "DM-2"}
    rows, windows, first, worst = [r[1:] for r in rows], int(m["windows", ""]["estimate"]), 0, 1
    for w in range(windows):
        n = len(rows) // windows + (w < len(rows) % windows)
        mine, theirs = auc(rows[first:first + n]), m["window_auc", "window=%d" % (w + 1)]
        assert abs(mine - theirs["estimate"]) < 1e-12 and theirs["n"] == n, (w, mine, theirs)
        first, worst = first + n, min(worst, mine)
    assert abs(m["window_auc_drop_from_certified", ""]["estimate"] - (auc(rows) - worst)) < 1e-12
    print("%d windows of about %d rows, the area of each by the pairs" % (windows, n))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], len(sys.argv) > 3)
    else:
        check(sys.argv[2], sys.argv[3])
