# SPDX-License-Identifier: Apache-2.0
"""ONNX files written field by field (the standard library alone): what the scripts beside it share."""
import struct


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def part(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def node(op, inputs, output, *attributes, domain=""):
    return part(1, b"".join(part(1, i) for i in inputs) + part(2, output) + part(4, op) + b"".join(part(5, a) for a in attributes)
                + (part(7, domain) if domain else b""))


def integer(name, value):
    return part(1, name) + number(3, value) + number(20, 2)


def ints(name, values):
    return part(1, name) + b"".join(number(8, v) for v in values) + number(20, 7)


def value(name, dims):
    shape = b"".join(part(1, part(2, "n") if d is None else number(1, d)) for d in dims)
    return part(1, name) + part(2, part(1, number(1, 1) + part(2, shape)))


FLOAT, INT32, INT64 = 1, 6, 7


def tensor(name, dims, raw, kind=FLOAT):
    return part(5, b"".join(number(1, d) for d in dims) + number(2, kind) + part(8, name) + part(9, raw))


def floats(name, dims, values):
    return tensor(name, dims, struct.pack("<%df" % len(values), *values))


def model(producer, graph, opset=13, more=b""):
    return number(1, 8) + part(2, producer) + part(7, graph) + part(8, part(1, "") + number(2, opset)) + more
