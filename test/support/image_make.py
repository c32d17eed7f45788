#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a bench case of images: image_make.py AMANE OUT [pneumoniamnist.npz]

With the file: its validation part, read in place (an array) and, every fourth image, as a folder of PNG; without: made
images, as a folder. Writes labels.csv, images/, array.npy, version.json and manifest.json (folder), manifest-array.json.
Only the standard library."""
import csv
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(ROOT, "test", "fixtures", "pneumonia.onnx")
SIDE = 28


def npy(data):
    """Shape and bytes of a |u1 array."""
    n = struct.unpack_from("<H", data, 8)[0]
    return eval(data[10:10 + n].decode(), {"__builtins__": {}})["shape"], data[10 + n:]


def real(path):
    with zipfile.ZipFile(path) as z:
        shape, pixels = npy(z.read("val_images.npy"))
        labels = npy(z.read("val_labels.npy"))[1]
    size = SIDE * SIDE
    return [(pixels[i * size:(i + 1) * size], labels[i]) for i in range(shape[0])]


def made(n=80):
    """Bright below, darker lungs; the sick have a haze. Seeded."""
    rng = random.Random(11)
    out = []
    for i in range(n):
        sick, haze = int(rng.random() < 0.6), rng.gauss(0, 18)
        haze += 45 if sick else 0
        rows = []
        for y in range(SIDE):
            for x in range(SIDE):
                lung = 4 <= y < 22 and (4 <= x < 12 or 16 <= x < 24)
                v = 150 - (70 if lung else 0) + (haze if lung else 0) + rng.gauss(0, 25)
                rows.append(min(255, max(0, round(v))))
        out.append((bytes(rows), sick))
    return out


def png(pixels, rng):
    """All five kinds of rows, and the data in two pieces."""
    raw, above = b"", bytes(SIDE)
    for y in range(SIDE):
        row, kind = pixels[y * SIDE:(y + 1) * SIDE], rng.randrange(5)
        left, corner = bytes(1) + row[:-1], bytes(1) + above[:-1]
        def paeth(a, b, c):
            p = a + b - c
            return min((a, b, c), key=lambda v: (abs(p - v), (a, b, c).index(v)))
        guess = [bytes(SIDE), left, above, bytes((a + b) // 2 for a, b in zip(left, above)), bytes(paeth(a, b, c) for a, b, c in zip(left, above, corner))][kind]
        raw += bytes([kind]) + bytes((v - g) & 255 for v, g in zip(row, guess))
        above = row
    data = zlib.compress(raw, rng.randrange(10))
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)) + chunk(b"tEXt", b"Title\0a lung")
            + chunk(b"IDAT", data[:99]) + chunk(b"IDAT", data[99:]) + chunk(b"IEND", b""))


def record(amane):
    about = json.loads(subprocess.run([amane, "model", "inspect", MODEL, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    digest = hashlib.sha256(open(MODEL, "rb").read()).hexdigest()
    with open(os.path.join(ROOT, "schema", "examples", "version.json")) as f:
        v = json.load(f)
    v["artifacts"] = [{"path": "pneumonia.onnx", "role": "weights", "size": os.path.getsize(MODEL), "sha256": digest, "media_type": "application/octet-stream"}]
    v["model_digest"] = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    v["canonical_weight_hash"] = about["canonical_weight_hash"]
    v["modality"] = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX", "display": "Digital radiography"}
    v["format"], v["model_type"], v["opset"] = "onnx", "dense_network", 13
    v["inputs"] = [{"name": "image", "source": "imaging", "unit": "1", "type": "image", "range": [0, 1], "missing_allowed": False, "protected": False,
                    "image": {"width": SIDE, "height": SIDE, "channels": 1}}]
    v["outputs"][0].update({"name": "probability"})
    v["evaluation_plan"]["thresholds"][0]["output"] = "probability"
    return v


def main(amane, out, source=None):
    os.makedirs(os.path.join(out, "images"), exist_ok=True)
    rng, cases = random.Random(5), real(source) if source else made()
    folder = cases[::4] if source else cases
    shutil.copy(MODEL, os.path.join(out, "model.onnx"))
    listing = b""
    for name, rows in (("labels.csv", folder), ("labels-array.csv", cases)):
        with open(os.path.join(out, name), "w", newline="") as f:
            w = csv.writer(f, lineterminator="\n")
            w.writerow(["file", "finding", "patient", "sex"])
            for i, (pixels, label) in enumerate(rows):
                file = "%03d.%s" % (i, "pgm" if i % 10 == 9 else "png")
                w.writerow([file if name == "labels.csv" else i, ["normal", "pneumonia"][label], i, "FM"[rng.randrange(2)]])
                if name == "labels.csv":
                    data = b"P5\n28 28\n255\n" + pixels if file.endswith("pgm") else png(pixels, rng)
                    with open(os.path.join(out, "images", file), "wb") as g:
                        g.write(data)
                    listing += (hashlib.sha256(data).hexdigest() + "  " + file + "\n").encode()
    head = str({"descr": "|u1", "fortran_order": False, "shape": (len(cases), SIDE, SIDE)}).encode()
    head += b" " * (117 - len(head)) + b"\n"
    with open(os.path.join(out, "array.npy"), "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"".join(p for p, _ in cases))
    images = {"array": source, "name": "val_images"} if source else {"array": "array.npy"}
    for name, labels, where in (("manifest.json", "labels.csv", {"folder": "images", "sha256": hashlib.sha256(listing).hexdigest()}),
                                ("manifest-array.json", "labels-array.csv", images)):
        data = {"path": labels, "site": "guangzhou", "gst": "GST-RSK", "period": {"from": "2018-01-01", "to": "2018-12-31"},
                "columns": {"patient_id": "patient", "label": "finding", "image": "file"}, "images": where, "positive_label": "pneumonia",
                "groups": [{"name": "sex", "column": "sex", "kind": "sex"}]}
        m = {"id": "pneumonia", "data": [data], "threshold": {"value": 0.5, "frozen_at": "2026-09-01T08:05:00Z"}, "unsealed_at": "2026-10-01T08:00:00Z",
             "external": False, "tester_org": "BENCH1", "cluster": "none",
             "leakage_test": {"method": "vendor_attestation", "attestation_sha256": hashlib.sha256(b"training part").hexdigest()}}
        with open(os.path.join(out, name), "w") as f:
            json.dump(m, f)
    with open(os.path.join(out, "version.json"), "w") as f:
        json.dump(record(amane), f)


if __name__ == "__main__":
    main(*sys.argv[1:])
