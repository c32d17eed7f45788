#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fits the image model of test/fixtures: image_fit.py pneumoniamnist.npz OUT.onnx (needs python3-numpy)

Means of 2 x 2 pixels, 16 hidden units, one probability; Adam, weighted classes, noise on the pixels, a fixed seed. The
ONNX bytes are written field by field (onnx_file.py). The fixture in the tree was made by this script from the training part of
shared data pneumoniamnist (MedMNIST v2, CC BY 4.0); numpy 1.24.2."""
import sys

import numpy as np

from onnx_file import ints, integer, model, node, part, tensor, value

HIDDEN, EPOCHS, BATCH, DECAY, NOISE = 16, 60, 128, 2e-3, 0.06


def pool(x):
    return x.reshape(len(x), 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(x), 196)


def fit(images, labels):
    rng = np.random.default_rng(2026)
    y = labels.reshape(-1).astype(float)
    weight = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    plain = images.astype(float) / 255
    mean, scale = pool(plain).mean(axis=0), pool(plain).std(axis=0) + 0.05
    w = [rng.normal(0, 1 / 14, (HIDDEN, 196)), np.zeros(HIDDEN), rng.normal(0, 0.25, (1, HIDDEN)), np.zeros(1)]
    m, v, t = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w], 0
    for epoch in range(EPOCHS):
        x = (pool(plain + rng.normal(0, NOISE, plain.shape)) - mean) / scale
        for k in np.array_split(rng.permutation(len(y)), len(y) // BATCH):
            a = x[k] @ w[0].T + w[1]
            h = np.maximum(a, 0)
            p = 1 / (1 + np.exp(-(h @ w[2].T + w[3]).reshape(-1)))
            d = (weight[k] * (p - y[k]) / len(k)).reshape(-1, 1)
            e = (d @ w[2]) * (a > 0)
            g = [e.T @ x[k] + DECAY * w[0], e.sum(axis=0), d.T @ h + DECAY * w[2], d.sum(axis=0)]
            t += 1
            for i in range(4):
                m[i] = 0.9 * m[i] + 0.1 * g[i]
                v[i] = 0.999 * v[i] + 0.001 * g[i] ** 2
                w[i] = w[i] - 2e-3 * (0.5 + 0.5 * np.cos(np.pi * epoch / EPOCHS)) * (m[i] / (1 - 0.9**t)) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
    first = w[0] / scale  # the standardisation, folded into the first layer
    return [first.astype("<f4"), (w[1] - first @ mean).astype("<f4"), w[2].astype("<f4"), w[3].astype("<f4")]


def onnx(w):
    names = ["w1", "b1", "w2", "b2"]
    graph = node("AveragePool", ["image"], "small", ints("kernel_shape", [2, 2]), ints("strides", [2, 2]))
    graph += node("Flatten", ["small"], "flat")
    rows = integer("transB", 1)
    graph += node("Gemm", ["flat", "w1", "b1"], "sum", rows) + node("Relu", ["sum"], "hidden")
    graph += node("Gemm", ["hidden", "w2", "b2"], "logit", rows) + node("Sigmoid", ["logit"], "probability")
    graph += part(2, "pneumonia")
    for name, a in zip(names, w):
        graph += tensor(name, a.shape, a.tobytes())
    graph += part(11, value("image", [None, 1, 28, 28])) + part(12, value("probability", [None, 1]))
    return model("amane image_fit", graph)


def main(path, out):
    z = np.load(path)
    w = fit(z["train_images"], z["train_labels"])
    with open(out, "wb") as f:
        f.write(onnx(w))
    for name in ("train", "val"):
        x, y = pool(z[name + "_images"].astype("<f4") / np.float32(255)), z[name + "_labels"].reshape(-1) > 0
        s = 1 / (1 + np.exp(-(np.maximum(x @ w[0].T + w[1], 0) @ w[2].T + w[3]).reshape(-1)))
        auc = (s[y][:, None] > s[~y][None, :]).mean() + 0.5 * (s[y][:, None] == s[~y][None, :]).mean()
        print(name, "AUC %.4f accuracy %.4f sensitivity %.4f specificity %.4f" % (auc, ((s >= 0.5) == y).mean(), (s[y] >= 0.5).mean(), (s[~y] < 0.5).mean()))


if __name__ == "__main__":
    main(*sys.argv[1:])
