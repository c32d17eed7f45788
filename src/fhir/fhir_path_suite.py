#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""For tests only: the HL7 suites, which are XML, as one JSON document on standard output.

    fhir_path_suite.py path  DATA   {"inputs": {file: resource}, "tests": [...]}   of tests-fhir-r4.xml
    fhir_path_suite.py patch DATA   [{"name", "input", "diff", "output" | "error"}] of fhir-patch-tests.xml
    fhir_path_suite.py invariants DATA   [{"key", "path", "expression"}], each expression of R4 once

DATA: the folder that holds fhir-r4-examples and fhir-r4-definitions. Elements become JSON by the cardinalities of the
definitions; numbers keep their digits."""
import gzip
import json
import os
import re
import sys
import xml.etree.ElementTree as ET

FHIR = "{http://hl7.org/fhir}"
XHTML = "{http://www.w3.org/1999/xhtml}"
PRIMITIVE_NUMBERS = {"decimal", "integer", "positiveInt", "unsignedInt"}


class Number(str):
    """A number, as written."""


def dump(v):
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dump(x) for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(dump, v)) + "]"
    return json.dumps(v)


class Definitions:
    def __init__(self, data):
        self.element = {}  # path -> (types, many, follows)
        self.raw = []
        for name in ("profiles-types", "profiles-resources"):
            with gzip.open(os.path.join(data, "fhir-r4-definitions", name + ".json.gz")) as f:
                for entry in json.load(f)["entry"]:
                    r = entry["resource"]
                    if r["resourceType"] != "StructureDefinition" or r.get("derivation") == "constraint":
                        continue
                    if r.get("fhirVersion") != "4.0.1":
                        continue
                    for e in r["snapshot"]["element"]:
                        types = [t["code"].replace("http://hl7.org/fhirpath/System.String", "string") for t in e.get("type", [])]
                        self.element[e["path"]] = (types, e["max"] != "1", e.get("contentReference", "#")[1:])
                        for c in e.get("constraint", []):
                            if c.get("expression"):
                                self.raw.append((c["key"], e["path"], c["expression"]))

    def member(self, path, name):
        """(path of the member's own members, type, many)"""
        key = path + "." + name
        if key in self.element:
            types, many, follows = self.element[key]
            if follows:
                return follows, "BackboneElement", many
            kind = types[0] if types else "Element"
            return (key if kind in ("BackboneElement", "Element") else kind), kind, many
        for cut in range(len(name) - 1, 0, -1):
            if name[cut].isupper() and path + "." + name[:cut] + "[x]" in self.element:
                types = self.element[path + "." + name[:cut] + "[x]"][0]
                for t in types:
                    if t.lower() == name[cut:].lower():
                        return t, t, False
        raise SystemExit("no element %s" % key)


def xhtml(e):
    text = ET.tostring(e, encoding="unicode")
    text = re.sub(r"<(/?)(?:ns\d+|html):", r"<\1", text)
    text = re.sub(r"xmlns:(?:ns\d+|html)=", "xmlns=", text)
    return text[:text.rindex(">") + 1]


def primitive(kind, text):
    if kind == "boolean":
        return text == "true"
    return Number(text) if kind in PRIMITIVE_NUMBERS else text


def members(defs, path, attributes, children):
    out = {a: attributes[a] for a in ("id", "url") if a in attributes}
    for child in children:
        if child.tag == XHTML + "div":
            out["div"] = xhtml(child)
            continue
        if not child.tag.startswith(FHIR):
            raise SystemExit("element %s" % child.tag)
        name = child.tag[len(FHIR):]
        inner, kind, many = defs.member(path, name)
        value = side = None
        if kind[0].islower():
            if child.get("value") is not None:
                value = primitive(kind, child.get("value"))
            side = members(defs, "Element", {k: v for k, v in child.attrib.items() if k == "id"}, child) or None
        elif kind in ("Resource", "DomainResource"):
            value = resource(defs, child[0])
        else:
            value = members(defs, inner, child.attrib, child)
        put(out, name, value, side, many)
    return out


def put(out, name, value, side, many):
    if not many:
        if value is not None:
            out[name] = value
        if side is not None:
            out["_" + name] = side
        return
    values, sides = out.setdefault(name, []), out.get("_" + name)
    if side is not None and sides is None:
        sides = out["_" + name] = [None] * len(values)
    values.append(value)
    if sides is not None:
        sides.append(side)


def resource(defs, e):
    name = e.tag[len(FHIR):]
    return {"resourceType": name, **members(defs, name, {}, e)}


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def path_suite(data):
    defs = Definitions(data)
    base = os.path.join(data, "fhir-r4-examples")
    out = {"inputs": {}, "tests": []}
    root = ET.fromstring(text_of(os.path.join(base, "fhirpath", "tests-fhir-r4.xml")))
    for group in root.iter("group"):
        for t in group.iter("test"):
            name, e = t.get("inputfile"), t.find("expression")
            if name and name not in out["inputs"]:
                at = os.path.join(base, name)
                out["inputs"][name] = json.loads(text_of(at), parse_float=Number) if name.endswith("json") \
                    else resource(defs, ET.fromstring(text_of(at)))
            out["tests"].append({
                "group": group.get("name"), "name": t.get("name"), "input": name or "", "expression": e.text,
                "invalid": e.get("invalid", ""), "mode": t.get("mode", e.get("mode", "")), "ordered": t.get("ordered", "true"),
                "predicate": t.get("predicate") == "true",
                "output": [{"type": o.get("type", ""), "text": o.text or ""} for o in t.findall("output")]})
    return out


def patch_suite(data):
    defs = Definitions(data)
    out = []
    root = ET.fromstring(text_of(os.path.join(data, "fhir-r4-examples", "patch", "fhir-patch-tests.xml")))
    for c in root.iter("case"):
        error = c.find("error")
        case = {"name": c.get("name"), "input": resource(defs, c.find("input")[0]),
                "diff": resource(defs, c.find("diff")[0])}
        if error is not None:
            case["error"] = error.get("msg")
        else:
            case["output"] = resource(defs, c.find("output")[0])
        out.append(case)
    return out


def invariants(data):
    seen = {}
    for key, path, expression in Definitions(data).raw:
        seen.setdefault(expression, {"key": key, "path": path, "expression": expression})
    return list(seen.values())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(dump({"path": path_suite, "patch": patch_suite, "invariants": invariants}[sys.argv[1]](sys.argv[2])))
