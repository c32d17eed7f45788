#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Validates with python3-jsonschema, the second opinion: schema_check.py SCHEMA.json FILE... ; exit 1 when a file does not fit."""
import json
import sys

from jsonschema import Draft202012Validator, FormatChecker

with open(sys.argv[1]) as f:
    schema = json.load(f)
Draft202012Validator.check_schema(schema)
v = Draft202012Validator(schema, format_checker=FormatChecker())
bad = 0
for name in sys.argv[2:]:
    with open(name) as f:
        doc = json.load(f)
    for e in v.iter_errors(doc):
        print("# %s: /%s: %s" % (name, "/".join(map(str, e.absolute_path)), e.message[:200]))
        bad = 1
sys.exit(bad)
