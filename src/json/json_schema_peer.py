#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The peer of json_schema_peer_test.c: Python's jsonschema, JSON Schema 2020-12.
#   json_schema_peer.py cases < FILE    prints each case where jsonschema disagrees with "valid"
#   json_schema_peer.py random SEED N   prints N lines [schema, [[instance, valid], ...]]
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")
from importlib.metadata import version  # noqa: E402
from jsonschema import Draft202012Validator as V  # noqa: E402

# Debian 12's 4.10.3 forgets what $ref and dependentSchemas evaluated: left out there.
UNEVALUATED = tuple(int(x) for x in version("jsonschema").split(".")[:2]) >= (4, 20)

NAMES = ["a", "b", "ab", "c"]


def instance(r, depth):
    k = r.randrange(7 if depth else 5)
    if k == 0:
        return r.choice([None, True, False])
    if k == 1:
        return r.choice([0, 1, 2, 3, -1, 6, 1.5, 2.0, 10])
    if k in (2, 3):
        return r.choice(["", "a", "ab", "aab", "\u00e9", "b1"])
    if k == 4:
        return []
    if k == 5:
        return [instance(r, depth - 1) for _ in range(r.randrange(4))]
    return {n: instance(r, depth - 1) for n in r.sample(NAMES, r.randrange(4))}


def schema(r, depth):
    if depth == 0 and r.random() < 0.15 or r.random() < 0.06:
        return r.choice([True, False])
    s = {}
    leaf = {
        "type": lambda: r.choice(["null", "boolean", "integer", "number", "string", "array", "object",
                                  ["array", "object"], ["string", "null", "integer"]]),
        "enum": lambda: [instance(r, 1) for _ in range(1 + r.randrange(4))],
        "const": lambda: instance(r, 1),
        "multipleOf": lambda: r.choice([1, 2, 3, 0.5]),
        "maximum": lambda: r.choice([1, 2.5, 6]),
        "exclusiveMaximum": lambda: r.choice([1, 3]),
        "minimum": lambda: r.choice([0, 1.5]),
        "exclusiveMinimum": lambda: r.choice([0, 2]),
        "maxLength": lambda: r.randrange(3),
        "minLength": lambda: r.randrange(3),
        "pattern": lambda: r.choice(["^a", "b$", "a+b", "[0-9]"]),
        "maxItems": lambda: r.randrange(4),
        "minItems": lambda: r.randrange(3),
        "uniqueItems": lambda: r.choice([True, False]),
        "maxProperties": lambda: r.randrange(4),
        "minProperties": lambda: r.randrange(3),
        "required": lambda: r.sample(NAMES, r.randrange(3)),
        "dependentRequired": lambda: {n: r.sample(NAMES, 1) for n in r.sample(NAMES, 2)},
    }
    deep = {
        "properties": lambda: {n: schema(r, depth - 1) for n in r.sample(NAMES, 1 + r.randrange(3))},
        "patternProperties": lambda: {p: schema(r, depth - 1) for p in r.sample(["^a", "b"], 1)},
        "additionalProperties": lambda: schema(r, depth - 1),
        "propertyNames": lambda: {"maxLength": 1 + r.randrange(2)},
        "dependentSchemas": lambda: {n: schema(r, depth - 1) for n in r.sample(NAMES, 1)},
        "prefixItems": lambda: [schema(r, depth - 1) for _ in range(1 + r.randrange(2))],
        "items": lambda: schema(r, depth - 1),
        "contains": lambda: schema(r, depth - 1),
        "allOf": lambda: [schema(r, depth - 1) for _ in range(1 + r.randrange(2))],
        "anyOf": lambda: [schema(r, depth - 1) for _ in range(1 + r.randrange(3))],
        "oneOf": lambda: [schema(r, depth - 1) for _ in range(1 + r.randrange(3))],
        "not": lambda: schema(r, depth - 1),
        "if": lambda: schema(r, depth - 1),
        "then": lambda: schema(r, depth - 1),
        "else": lambda: schema(r, depth - 1),
        "$ref": lambda: "#/$defs/" + r.choice("xy"),
        "unevaluatedProperties": lambda: r.choice([False, False, schema(r, 0)]),
        "unevaluatedItems": lambda: r.choice([False, False, schema(r, 0)]),
    }
    if not UNEVALUATED:
        del deep["unevaluatedProperties"], deep["unevaluatedItems"]
    for k in r.sample(sorted(leaf), r.randrange(3)):
        s[k] = leaf[k]()
    if depth:
        for k in r.sample(sorted(deep), 1 + r.randrange(4)):
            s[k] = deep[k]()
    if "contains" in s:
        if r.random() < 0.5:
            s["minContains"] = r.randrange(3)
        if r.random() < 0.3:
            s["maxContains"] = r.randrange(3)
    return s


def plain(s):
    """No references inside the definitions themselves: no endless ones."""
    if isinstance(s, dict):
        return {k: plain(v) for k, v in s.items() if k != "$ref"}
    return [plain(x) for x in s] if isinstance(s, list) else s


def main():
    if sys.argv[1] == "cases":
        n = 0
        for group in json.load(sys.stdin):
            for t in group["tests"]:
                try:
                    same = V(group["schema"]).is_valid(t["data"]) == t["valid"]
                except Exception:  # jsonschema's own failures, seen in 4.10.3
                    same = False
                if not same:
                    print("DIFFERS", group["description"], json.dumps(t["data"]))
                n += 1
        print("checked", n)
    else:
        r = random.Random(int(sys.argv[2]))
        for _ in range(int(sys.argv[3])):
            s = schema(r, 3)
            if isinstance(s, dict):
                s["$defs"] = {k: plain(schema(r, 2)) for k in "xy"}
            v = V(s)
            data = [instance(r, 2) for _ in range(6)]
            print(json.dumps([s, [[d, v.is_valid(d)] for d in data]]))


main()
