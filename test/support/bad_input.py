#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A model of bench_make.py's case as ONNX, with a fault: bad_input.py CASE OUT FAULT

The logistic model of CASE/model.json, written again as ONNX; OUT is a copy of the case with that file in the record.
Faults that wait for a value: on the seventh row of the first site alone (its trestbps is 199 there, nowhere else).
  none              the same scores, no fault
  external          weights that stand in another file
  domain            an operator of somebody's own
  truncated         the first half of the file
  declared_inputs   says it reads one input more than its weights can take
  declared_outputs  says one column of scores, gives three
  crash             on the seventh row the process dies: the least whole number divided by -1
  nan               on the seventh row the score is no number
  hang              on the seventh row products of matrices that take minutes
  memory            on the seventh row a matrix of 160 GB"""
import hashlib
import json
import math
import os
import shutil
import struct
import sys

from onnx_file import INT32, INT64, integer, model, node, number, part, tensor, value

SEVENTH, COLUMN, FEATURES = 199.0, 3, 7


def floats(*v):
    return struct.pack("<%df" % len(v), *v)


def whole(*v):
    return struct.pack("<%dq" % len(v), *v)


def cast(source, out, kind):
    return node("Cast", [source], out, integer("to", kind))


def waits():
    """gap [n,1] = |trestbps - 199|: 0 on the seventh row, more on all others."""
    pick = [float(i == COLUMN) for i in range(FEATURES)]
    return (tensor("pick", [FEATURES, 1], floats(*pick)) + tensor("seventh", [1], floats(SEVENTH)) + tensor("zero", [1], floats(0))
            + node("MatMul", ["x", "pick"], "picked") + node("Sub", ["picked", "seventh"], "off") + node("Abs", ["off"], "gap"))


def struck(side):
    """big: a matrix of side x side when the seventh row is among those asked, else of 2 x 2."""
    return (waits() + tensor("one64", [1], whole(1), INT64) + tensor("side", [1], whole(side - 2), INT64) + tensor("least", [1], whole(2), INT64)
            + tensor("all", [1], whole(-1), INT64) + tensor("one", [1], floats(1))
            + node("ReduceMin", ["gap"], "nearest", integer("keepdims", 0)) + node("Reshape", ["nearest", "one64"], "nearest1")
            + node("Min", ["nearest1", "one"], "there") + node("Sub", ["one", "there"], "hit") + cast("hit", "hit64", INT64)
            + node("Mul", ["hit64", "side"], "more") + node("Add", ["more", "least"], "edge")
            + node("Concat", ["edge", "edge"], "shape", integer("axis", 0)) + node("Expand", ["one", "shape"], "big"))


def harm(fault):
    """An addition to the log odds that is 0 but for the fault."""
    if fault == "crash":
        return (waits() + tensor("least32", [1], struct.pack("<i", -2**31), INT32) + tensor("below", [1], struct.pack("<i", -1), INT32)
                + cast("gap", "whole", INT32) + node("Sub", ["below", "whole"], "by") + node("Div", ["least32", "by"], "share")
                + cast("share", "float", 1) + node("Mul", ["float", "zero"], "harm"))
    if fault == "nan":
        return waits() + node("Log", ["gap"], "log") + node("Mul", ["log", "zero"], "harm")
    if fault in ("hang", "memory"):
        graph, last = struck(6000 if fault == "hang" else 200000), "big"
        for i in range(12 if fault == "hang" else 1):
            graph += node("MatMul", [last, "big"], "product%d" % i)
            last = "product%d" % i
        return graph + node("ReduceSum", [last], "total", integer("keepdims", 0)) + node("Mul", ["total", "zero"], "harm")
    return tensor("zero", [1], floats(0)) + node("Mul", ["zero", "zero"], "harm")


def logistic(w, bias, fault):
    """Sigmoid(x w + bias + harm), shapes as declared but for the lies."""
    columns = 3 if fault == "declared_outputs" else 1
    graph = tensor("w", [FEATURES, columns], floats(*[v for v in w for _ in range(columns)])) + tensor("b", [1], floats(bias)) + harm(fault)
    graph += node("MatMul", ["x", "w"], "sum") + node("Add", ["sum", "b"], "plain") + node("Add", ["plain", "harm"], "odds")
    if fault == "domain":
        graph += node("Grant", ["odds"], "granted", domain="com.vendor") + node("Sigmoid", ["granted"], "p")
    else:
        graph += node("Sigmoid", ["odds"], "p")
    if fault == "external":
        graph += part(5, number(1, 1) + number(2, 1) + part(8, "away") + part(13, part(1, "location") + part(2, "../../../etc/passwd")) + number(14, 1))
    features = FEATURES + (fault == "declared_inputs")
    graph += part(2, "logistic") + part(11, value("x", [None, features])) + part(12, value("p", [None, 1]))
    return model("amane bad_input", graph, more=part(8, part(1, "com.vendor") + number(2, 1)) if fault == "domain" else b"")


def seventh_row(out, site):
    """Gives it the value, and the manifest the digest of the file."""
    with open(os.path.join(out, site + ".csv")) as f:
        rows = f.read().splitlines()
    at = rows[0].split(",").index("trestbps")
    cells = rows[7].split(",")
    cells[at] = "%d" % SEVENTH
    rows[7] = ",".join(cells)
    with open(os.path.join(out, site + ".csv"), "w") as f:
        f.write("\n".join(rows) + "\n")
    with open(os.path.join(out, site + ".csv"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def main(case, out, fault):
    shutil.copytree(case, out, ignore=shutil.ignore_patterns("out*"))
    learner = json.load(open(os.path.join(case, "model.json")))["learner"]
    w = learner["gradient_booster"]["model"]["weights"]
    base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    data = logistic(w[:-1], w[-1] + math.log(base / (1 - base)), fault)
    if fault == "truncated":
        data = data[:len(data) // 2]
    with open(os.path.join(out, "model.json"), "wb") as f:
        f.write(data)
    digest = hashlib.sha256(data).hexdigest()
    version = json.load(open(os.path.join(case, "version.json")))
    version["artifacts"] = [{"path": "model.onnx", "role": "weights", "size": len(data), "sha256": digest, "media_type": "application/octet-stream"}]
    version["model_digest"] = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    version["format"], version["opset"] = "onnx", 13
    manifest = json.load(open(os.path.join(case, "manifest.json")))
    manifest["data"][0]["sha256"] = seventh_row(out, manifest["data"][0]["site"])
    for name, doc in (("version.json", version), ("manifest.json", manifest)):
        with open(os.path.join(out, name), "w") as f:
            json.dump(doc, f)


if __name__ == "__main__":
    main(*sys.argv[1:])
