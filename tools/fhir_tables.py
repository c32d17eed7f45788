#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/fhir/fhir_r4_tbl.h from the HL7 FHIR 4.0.1 definitions (content CC0): fhir_tables.py FOLDER TYPE... >FILE.

FOLDER holds profiles-types, profiles-resources and valuesets (json.gz). The types named and every data type they reach are
written, one element a line, in the order of the specification."""
import gzip
import json
import os
import sys


def load(name):
    with gzip.open(os.path.join(sys.argv[1], name)) as f:
        return [e["resource"] for e in json.load(f)["entry"]]


defs = {r["name"]: r for n in ("profiles-resources.json.gz", "profiles-types.json.gz") for r in load(n)
        if r["resourceType"] == "StructureDefinition"}
sets, systems = {}, {}
for r in load("valuesets.json.gz"):
    (sets if r["resourceType"] == "ValueSet" else systems)[r["url"]] = r


def codes_of(concepts):
    for c in concepts:
        yield c["code"]
        yield from codes_of(c.get("concept", []))


def expand(url):
    """The codes of a value set, or nothing when it names a system we do not hold whole."""
    vs = sets.get(url.split("|")[0])
    out = []
    for inc in (vs or {}).get("compose", {}).get("include", []):
        if inc.get("valueSet") or inc.get("filter"):
            return []
        if inc.get("concept"):
            out += [c["code"] for c in inc["concept"]]
            continue
        cs = systems.get(inc.get("system"))
        if not cs or cs.get("content") != "complete":
            return []
        out += codes_of(cs["concept"])
    return out if all(" " not in c for c in out) and len(out) <= 200 else []


def extra(e):
    codes = [t["code"] for t in e.get("type", [])]
    if codes == ["code"] and e.get("binding", {}).get("strength") == "required":
        return " ".join(expand(e["binding"]["valueSet"]))
    targets = [p.rsplit("/", 1)[1] for t in e.get("type", []) for p in t.get("targetProfile", [])]
    return " ".join([] if "Resource" in targets else targets)


rows, primitive, wanted, done = [], [], list(sys.argv[2:]), set()
while wanted:
    name = wanted.pop(0)
    if name in done or name in ("Resource", "BackboneElement"):
        continue
    done.add(name)
    d = defs[name]
    if d["kind"] == "primitive-type":
        primitive.append(name)
        continue
    elements = d["snapshot"]["element"]
    parents = {e["path"].rsplit(".", 1)[0] for e in elements if "." in e["path"]}
    for e in elements:
        path = e["path"]
        if "." not in path:
            continue
        owner, member = path.rsplit(".", 1)
        types = []
        for t in e.get("type", []):
            code = t["code"].rsplit(".", 1)[1].lower() if t["code"].startswith("http://hl7.org/fhirpath/") else t["code"]
            types.append(path if path in parents else code)
        if "contentReference" in e:
            types = [e["contentReference"].split("#")[1]]
        rows.append((owner, member, e["min"], e["max"] == "*", " ".join(dict.fromkeys(types)), extra(e)))
        wanted += [t for t in types if "." not in t]
rows.sort(key=lambda r: r[0])  # stable: elements stay in the order of the specification
print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Written by tools/fhir_tables.py from the HL7 FHIR 4.0.1 definitions, which HL7 places in the public domain (CC0).")
print(" * X(owner, member, least, many, \"types\", \"codes of a required binding, or types a reference may name\") */")
print("#ifndef FHIR_R4_TBL_H")
print("#define FHIR_R4_TBL_H")
print("/* clang-format off */")
print("#define FHIR_R4_ELEMENTS(X) \\")
print(" \\\n".join('    X("%s", "%s", %d, %s, "%s", "%s")' % (o, m, lo, "true" if many else "false", t, x) for o, m, lo, many, t, x in rows))
print("/* clang-format on */")
print("#endif")
