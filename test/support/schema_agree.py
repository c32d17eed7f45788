#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does python3-jsonschema agree? schema_agree.py ROOT LIST: LIST has lines {schema, valid, doc}. 0 agree, 1 not, 77 not there."""
import json
import os
import sys

try:
    from jsonschema import Draft202012Validator, FormatChecker
except ImportError:
    sys.exit(77)

validators = {}
n = bad = refused = 0
for line in open(sys.argv[2], encoding="utf-8"):
    case = json.loads(line)
    name = case["schema"]
    if name not in validators:
        with open(os.path.join(sys.argv[1], name), encoding="utf-8") as f:
            validators[name] = Draft202012Validator(json.load(f), format_checker=FormatChecker())
    valid = validators[name].is_valid(case["doc"])
    n += 1
    refused += not valid
    if valid != case["valid"]:
        bad += 1
        print("# %s: python says %s, we say %s: %s" % (name, valid, case["valid"], json.dumps(case["doc"])[:300]))
        for e in list(validators[name].iter_errors(case["doc"]))[:2]:
            print("#    /%s %s" % ("/".join(map(str, e.absolute_path)), e.message[:150]))
print("# %d documents, %d refused by both, %d disagreements" % (n, refused, bad))
sys.exit(1 if bad or not refused or refused == n else 0)
