#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page of the FHIR interface, doc/fhir-interface.md, from the tables the program is made of: rest_page.py [--check] [PAGE].

Interactions and operations from src/rest/rest_tbl.h, parameters of terminology operations from fhir_tx_params(), search parameters
from HL7's definitions, by the same program that writes the tables of searches. --check: is the page that of the tables? 1 if not."""
import os
import re
import sys

import fhir_defs
import fhirsearch2c

ROOT = fhir_defs.ROOT
ROW = re.compile(r'X\((\w+), "([^"]+)", "([^"]+)", (\w+), (true|false), (\w+), "((?:[^"\\]|\\.)*)"\)')


def source(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def rows():
    text = re.sub(r"\s*\\\n\s*", " ", source("src/rest/rest_tbl.h"))
    text = re.sub(r'" "', "", text)
    found = ROW.findall(text)
    if len(found) != text.count(" X(") - text.count("REST_TABLE(X)"):
        sys.exit("rest_page.py: a row of rest_tbl.h is not understood")
    return found


def by_address(found):
    """(address, what, [(method, said, writes)]) in the order of the table."""
    out = {}
    for method, pattern, what, _, writes, _, said in found:
        out.setdefault((pattern, what), []).append((method, said, writes == "true"))
    return out


def interactions(found):
    lines = ["| request | interaction | |", "|---|---|---|"]
    for (pattern, what), each in by_address(found).items():
        said = next((s for _, s, _ in each if not s.startswith("the same by")), each[0][1])
        lines.append("| `%s %s` | %s | %s%s |" % (" ".join(dict.fromkeys(m for m, _, _ in each)), pattern,
                                               "`%s`" % what if what[0] == "$" else what, said, "; writes" if any(w for _, _, w in each) else ""))
    return lines


def terminology():
    text = source("src/fhir/fhir_tx_op.c")
    text = text[text.index("params[][20] = {"):]
    lines = ["| operation | reads |", "|---|---|"]
    names = {"LOOKUP": "CodeSystem/$lookup", "VALIDATE_CODE": "CodeSystem/$validate-code", "VALIDATE_SET": "ValueSet/$validate-code",
             "EXPAND": "ValueSet/$expand", "SUBSUMES": "CodeSystem/$subsumes", "TRANSLATE": "ConceptMap/$translate"}
    for key, block in re.findall(r"\[FHIR_TX_(\w+)\] = \{(.*?)\}\}", text, re.S):
        lines.append("| `%s` | %s |" % (names[key], ", ".join("`%s`" % n for n in re.findall(r'\{"([\w-]+)",', block))))
    if len(lines) != 2 + len(names):
        sys.exit("rest_page.py: fhir_tx_params() is not understood")
    return lines


def searches():
    params, _ = fhirsearch2c.parameters(fhirsearch2c.Schema())
    refused = fhirsearch2c.REFUSED
    params = {t: {c for c in p if c not in refused} for t, p in params.items()}
    common = set.intersection(*params.values())
    lines = ["Of every type: %s. Refused with words: %s." % tuple(", ".join("`%s`" % c for c in sorted(s)) for s in (common, refused)), "", "| type | parameters |", "|---|---|"]
    for name in sorted(params):
        own = ["`%s`" % c for c in sorted(params[name]) if c not in common]
        lines.append("| %s | %s |" % (name, ", ".join(own)))
    return lines


def page():
    found = rows()
    head = ["# The FHIR interface, by its tables", "",
            "*Written by `tools/rest_page.py` from the tables the program is made of; `test/56-interface.sh` says when it is stale. What an interaction",
            "means and where it differs from the letter of R4: `src/rest/README.md`. Parameters, modifiers and prefixes of searches: `src/fhir/query.h`.*", ""]
    lines = head + ["## Interactions and operations", ""] + interactions(found) + ["", "## Parameters of terminology operations", ""]
    lines += terminology() + ["", "## Search parameters", ""] + searches()
    return "\n".join(lines) + "\n"


def main(*argv):
    check = "--check" in argv
    path = ([a for a in argv if a != "--check"] or [os.path.join(ROOT, "doc", "fhir-interface.md")])[0]
    text = page()
    if check:
        with open(path, encoding="utf-8") as f:
            if f.read() != text:
                sys.exit("%s is stale: run tools/rest_page.py" % path)
        return
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    fhir_defs.run(main)
