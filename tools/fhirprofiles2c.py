#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes HL7's own extensions of FHIR R4 and its vital signs profiles for src/fhir/fhir_pf_hl7.c: fhirprofiles2c.py OUT.c.

Content CC0; only what is judged: differentials without their words. The same input, the same bytes."""
import sys

import fhir_defs

VITAL = {"vitalsigns", "vitalspanel", "resprate", "heartrate", "oxygensat", "bodytemp", "bodyheight", "headcircum", "bodyweight", "bmi", "bp"}
OF_PROFILE = ("resourceType", "url", "version", "name", "kind", "abstract", "type", "baseDefinition", "derivation", "context",
              "contextInvariant")
WORDS = {"short", "definition", "comment", "requirements", "alias", "mapping", "example", "isSummary", "mustSupport", "condition",
         "isModifierReason", "meaningWhenMissing", "orderMeaning", "label", "code", "extension"}


def bare(r):
    told = {k: r[k] for k in OF_PROFILE if k in r}
    told["differential"] = {"element": [{k: v for k, v in e.items() if k not in WORDS and not k.startswith("_")}
                                        for e in r["differential"]["element"]]}
    return told


def kept():
    for r in fhir_defs.load("extension-definitions") + fhir_defs.load("profiles-others"):
        if r["resourceType"] == "StructureDefinition" and r.get("derivation") == "constraint":
            if r["type"] == "Extension" or r["id"] in VITAL:
                yield bare(r)


def main(out):
    told = sorted(kept(), key=lambda r: r["url"])
    fhir_defs.write_bytes(out, "fhirprofiles2c.py", "fhir/fhir_pf_priv.h", "fhir_pf_hl7", fhir_defs.lines(told))


if __name__ == "__main__":
    main(sys.argv[1])
