#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes HL7's own code systems and value sets of FHIR R4 for src/fhir/fhir_tx_core.c: fhirterms2c.py OUT.c.

Content CC0. Left out: what other bodies own (SNOMED CT, LOINC, ICD...), also as codes listed by a value set, and code
systems that are fragments or examples of such. A value set is kept when all it names is kept. The same input, the same bytes."""
import sys

import fhir_defs

OURS = ("http://hl7.org/fhir/", "http://terminology.hl7.org/")
DROPPED = {"text", "meta", "contact", "publisher", "date", "experimental", "copyright", "identifier", "extension", "description",
           "purpose", "id", "useContext", "jurisdiction"}


def bare(v, without):
    """Without what no answer tells: narratives, publishers, extensions."""
    if isinstance(v, list):
        return [bare(x, without) for x in v]
    if isinstance(v, dict):
        return {k: bare(x, without) for k, x in v.items() if k not in without and not k.startswith("_")}
    return v


def named(value_set):
    """Systems and sets that a ValueSet is made of; None: it says nothing."""
    compose = value_set.get("compose")
    if not compose:
        return None
    out = []
    for part in compose.get("include", []) + compose.get("exclude", []):
        out += [part["system"]] if "system" in part else []
        out += [u.split("|")[0] for u in part.get("valueSet", [])]
    return out


def kept():
    systems, sets = {}, {}
    for r in fhir_defs.load("valuesets") + fhir_defs.load("v3-codesystems") + fhir_defs.load("v2-tables"):
        if not r["url"].startswith(OURS):
            continue
        if r["resourceType"] == "CodeSystem" and r["content"] == "complete" and r.get("concept"):
            systems.setdefault(r["url"], r)
        elif r["resourceType"] == "ValueSet" and named(r):
            sets.setdefault(r["url"], r)
    while True:
        there = set(systems) | set(sets)
        lost = [u for u, r in sets.items() if not set(named(r)) <= there]
        if not lost:
            return [systems[u] for u in sorted(systems)] + [sets[u] for u in sorted(sets)]
        for u in lost:
            del sets[u]


def main(out):
    told = []
    for r in kept():
        old = "/v2-" in r["url"] or "/v3-" in r["url"]  # definitions of pages, not of lines
        told.append(bare({k: v for k, v in r.items() if k not in DROPPED}, {"extension", "definition"} if old else {"extension"}))
    fhir_defs.write_bytes(out, "fhirterms2c.py", "fhir/fhir_tx_priv.h", "fhir_tx_core", fhir_defs.lines(told))


if __name__ == "__main__":
    main(sys.argv[1])
