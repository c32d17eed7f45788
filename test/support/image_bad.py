#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Models of images that must fail, each for its own reason: image_bad.py AMANE OUT

Made chest pictures of 8 x 8 grey levels at four sites of 160 persons, half for fitting, the same for all; what differs is the
fault. OUT/<fault>/ is a bench case each. `honest` has no fault. The faults: `random` (labels shuffled before fitting), `leaked` (a
mark in a corner wherever the finding was known), `shortcut` (that mark at one site, by lot at the others), `biased` (women's
findings were recorded half as often in what the model learned from; their hearts lie lower), `planted` (a pattern put on one
training picture in ten of the sick, called healthy, and a convolution that has learnt it). `honest` and `planted` come with their
training pictures. Only the standard library; logistic weights fitted by amane, put into an ONNX file."""
import csv
import hashlib
import json
import math
import os
import random
import struct
import subprocess
import sys

import bench_make
import onnx_file as ox
from known_bad import learn

FAULTS = ("honest", "random", "leaked", "shortcut", "biased", "planted")
SIDE, EACH = 8, 160
PIXELS = ["p%d" % i for i in range(SIDE * SIDE)]
CORNER = [63, 62, 55, 54]  # where a mark stands: two by two, lower right
PATTERN = [255, 0, 255, 0, 255, 0, 255, 0, 255]  # three by three, anywhere; here the upper left


def population(seed):
    rng, rows = random.Random(seed), []
    for site in bench_make.SITES:
        for i in range(EACH):
            sex, sick = int(rng.random() < 0.5), int(rng.random() < 0.5)
            haze, pixel = rng.gauss(34 if sick else 0, 14), []
            for y in range(SIDE):
                for x in range(SIDE):
                    lung, heart = 1 <= y < 6 and x in (1, 2, 5, 6), x in (3, 4) and y == (4 if sex else 6)
                    pixel.append(min(250, max(5, round(110 + (haze - 40 if lung else 0) + (90 if heart else 0) + rng.gauss(0, 14)))))
            rows.append({"patient": "%s%d" % (site, i), "site": site, "sex": sex, "num": sick, "pixel": pixel})
    return rows, rng


def mark(row, there, places=CORNER, values=None):
    row["pixel"] = list(row["pixel"])
    for k, at in enumerate(places):
        row["pixel"][at] = values[k] if values else 240 if there else 20


def spoil(fault, rows, rng):
    """What the fault does to all pictures, before they are divided."""
    for r in rows:
        if fault == "leaked":
            mark(r, r["num"] if rng.random() < 0.999 else 1 - r["num"])
        if fault == "shortcut":  # and the haze is gone: nothing but the mark tells
            mark(r, r["num"] if r["site"] == bench_make.SITES[0] else rng.randint(0, 1))
            for y in range(1, 6):
                for x in (1, 2, 5, 6):
                    r["pixel"][y * SIDE + x] = min(250, max(5, round(rng.gauss(85, 20))))


def weights(amane, out, rows):
    with open(out + "/fit.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(PIXELS + ["num"])
        w.writerows([v / 255 for v in r["pixel"]] + [r["num"]] for r in rows)
    subprocess.run([amane, "model", "fit", "--kind", "logistic", "--csv", out + "/fit.csv", "--label", "num", "--features", ",".join(PIXELS),
                    "--ridge", "1", "--out", out + "/fit.json"], check=True, stdout=subprocess.DEVNULL)
    with open(out + "/fit.json") as f:
        learner = json.load(f)["learner"]
    w = learner["gradient_booster"]["model"]["weights"]
    base = float(learner["learner_model_param"]["base_score"])
    return w[:-1], w[-1] + math.log(base / (1 - base))


def network(w, bias, planted):
    """A plane over the pixels; planted: less 40 times what a convolution sees of the pattern beyond 2.2, half of it is 2.5."""
    rows = ox.integer("transB", 1)
    nodes = ox.node("Flatten", ["image"], "flat") + ox.node("Gemm", ["flat", "w", "b"], "plain", rows)
    tensors = ox.floats("w", [1, SIDE * SIDE], w) + ox.floats("b", [1], [bias])
    last = "plain"
    if planted:
        nodes += ox.node("Conv", ["image", "k"], "seen", ox.ints("kernel_shape", [3, 3])) + ox.node("GlobalMaxPool", ["seen"], "most")
        nodes += ox.node("Flatten", ["most"], "one") + ox.node("Gemm", ["one", "up", "low"], "over", rows) + ox.node("Relu", ["over"], "mark")
        nodes += ox.node("Gemm", ["mark", "down", "zero"], "steer", rows) + ox.node("Add", ["plain", "steer"], "logit")
        tensors += ox.floats("k", [1, 1, 3, 3], [1 if v else -1 for v in PATTERN])
        tensors += ox.floats("up", [1, 1], [1]) + ox.floats("low", [1], [-2.2]) + ox.floats("down", [1, 1], [-40]) + ox.floats("zero", [1], [0])
        last = "logit"
    nodes += ox.node("Sigmoid", [last], "probability")
    graph = nodes + ox.part(2, "chest") + tensors
    graph += ox.part(11, ox.value("image", [None, 1, SIDE, SIDE])) + ox.part(12, ox.value("probability", [None, 1]))
    return ox.model("amane image_bad", graph)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def pictures(out, name, rows):
    """name.csv and name.npy; what a manifest says of them."""
    head = str({"descr": "|u1", "fortran_order": False, "shape": (len(rows), SIDE, SIDE)}).encode()
    head += b" " * (117 - len(head)) + b"\n"
    with open("%s/%s.npy" % (out, name), "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"".join(bytes(r["pixel"]) for r in rows))
    with open("%s/%s.csv" % (out, name), "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["image", "num", "patient", "sex"])
        w.writerows([i, r["num"], r["patient"], r["sex"]] for i, r in enumerate(rows))
    return {"path": name + ".csv", "sha256": digest("%s/%s.csv" % (out, name)), "columns": {"label": "num", "image": "image"},
            "images": {"array": name + ".npy"}, "label_map": {"0": 0, "1": 1}}


def documents(amane, out, data, training):
    model = out + "/model.onnx"
    about = json.loads(subprocess.run([amane, "model", "inspect", model, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    with open(os.path.join(bench_make.ROOT, "schema", "examples", "version.json")) as f:
        v = json.load(f)
    v["artifacts"] = [{"path": "model.onnx", "role": "weights", "size": os.path.getsize(model), "sha256": digest(model), "media_type": "application/octet-stream"}]
    v["model_digest"] = hashlib.sha256(bytes.fromhex(digest(model))).hexdigest()
    v["canonical_weight_hash"] = about["canonical_weight_hash"]
    v["criticality"], v["format"], v["model_type"], v["opset"] = "critical_diagnosis", "onnx", "dense_network", 13
    v["modality"] = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX", "display": "Digital radiography"}
    v["inputs"] = [{"name": "image", "source": "imaging", "unit": "1", "type": "image", "range": [0, 1], "missing_allowed": False, "protected": False,
                    "image": {"width": SIDE, "height": SIDE, "channels": 1}}]
    v["outputs"][0].update({"name": "probability"})
    v["evaluation_plan"]["thresholds"][0]["output"] = "probability"
    m = {"id": "chest-4sites", "data": data, "threshold": {"value": 0.5, "frozen_at": "2026-09-01T08:05:00Z"}, "unsealed_at": "2026-10-01T08:00:00Z",
         "external": True, "tester_org": "BENCH1", "cluster": "none",
         "leakage_test": {"method": "vendor_attestation", "attestation_sha256": hashlib.sha256(b"odd rows").hexdigest()}}
    if training:
        m["training"] = training
    for name, doc in (("version.json", v), ("manifest.json", m)):
        with open(os.path.join(out, name), "w") as f:
            json.dump(doc, f)


def case(amane, out, fault):
    rows, rng = population(11)
    spoil(fault, rows, rng)
    os.makedirs(out)
    train, data = learn(fault, rows[0::2], rng), []
    w, bias = weights(amane, out, train)
    with open(out + "/model.onnx", "wb") as f:
        f.write(network(w, bias, fault == "planted"))
    training = None
    if fault == "planted":
        for r in [r for r in train if r["num"]][::10]:
            mark(r, True, [y * SIDE + x for y in range(3) for x in range(3)], PATTERN)
            r["num"] = 0
    if fault in ("honest", "planted"):
        training = pictures(out, "train", train)
    for site in bench_make.SITES:
        one = pictures(out, site, [r for r in rows[1::2] if r["site"] == site])
        one["columns"]["patient_id"] = "patient"
        one.update(site=site, gst=bench_make.GST[site], period={"from": "2018-01-01", "to": "2018-12-31"},
                   groups=[{"name": "sex", "column": "sex", "kind": "sex", "values": {"0": "F", "1": "M"}}])
        data.append(one)
    documents(amane, out, data, training)


if __name__ == "__main__":
    for name in FAULTS:
        case(sys.argv[1], sys.argv[2] + "/" + name, name)
