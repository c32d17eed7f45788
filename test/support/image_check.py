#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes scores and AUC of an image run without our code: image_check.py CASE OUT MANIFEST [npz]

The two layers of test/fixtures/pneumonia.onnx, read from its bytes, on the pixels; AUC by comparing every pair."""
import csv
import json
import math
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import image_make


def tensors(data):
    """Raw float tensors of the file, in its order: field 9 of field 5 of field 7."""
    def fields(b):
        i = 0
        def varint():
            nonlocal i
            v = s = 0
            while True:
                v |= (b[i] & 127) << s
                s += 7
                i += 1
                if not b[i - 1] & 128:
                    return v
        while i < len(b):
            key = varint()
            if key & 7 == 0:
                yield key >> 3, varint()
            else:
                n = varint()
                yield key >> 3, b[i:i + n]
                i += n
    for f, graph in fields(data):
        if f == 7:
            for g, tensor in fields(graph):
                if g == 5:
                    raw = [v for k, v in fields(tensor) if k == 9][0]
                    yield struct.unpack("<%df" % (len(raw) // 4), raw)


def main(case, out, manifest, npz=None):
    w1, b1, w2, b2 = tensors(open(os.path.join(case, "model.onnx"), "rb").read())
    m = json.load(open(os.path.join(case, manifest)))
    cases = image_make.real(npz) if "name" in m["data"][0]["images"] else image_make.made()
    with open(os.path.join(out, "scores.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == len(cases), "rows"
    worst, s, y = 0, [], []
    for r, (pixels, label) in zip(rows, cases):
        small = [(pixels[a] + pixels[a + 1] + pixels[a + 28] + pixels[a + 29]) / 1020 for v in range(14) for a in range(56 * v, 56 * v + 28, 2)]
        z = b2[0]
        for h in range(len(b1)):
            z += w2[h] * max(0, b1[h] + math.fsum(a * b for a, b in zip(w1[196 * h:], small)))
        worst = max(worst, abs(float(r["score"]) - 1 / (1 + math.exp(-z))))
        assert int(r["label"]) == label, "label"
        s.append(float(r["score"]))
        y.append(label)
    assert worst < 1e-5, "score %g" % worst
    pos, neg = [a for a, l in zip(s, y) if l], [a for a, l in zip(s, y) if not l]
    auc = math.fsum(1.0 if p > q else 0.5 if p == q else 0.0 for p in pos for q in neg) / len(pos) / len(neg)
    told = [x["estimate"] for x in json.load(open(os.path.join(out, "summary.json")))["measures"] if x["row"] == "PF-1" and x["name"] == "auc" and x["group"] == ""][0]
    assert abs(auc - told) < 1e-9, "AUC %r, told %r" % (auc, told)
    print("%d images, scores to %.1e, AUC %.4f to 1e-9" % (len(rows), worst, auc))


if __name__ == "__main__":
    main(*sys.argv[1:])
