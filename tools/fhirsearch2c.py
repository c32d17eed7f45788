#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The search parameters of FHIR 4.0.1 as C tables: fhirsearch2c.py OUT.c [--stats]

Each parameter of each type (those of Resource and DomainResource copied into every type) becomes branches; a branch is a walk of
JSON member names ("valueQuantity", with a condition on the way where the expression says where()), and the data type found at its
end. Choices (value[x]) are spelled out, so extraction never looks anything up. Composites become, per place, one walk and the
branches of each component. Four expressions are no walk and are named SPECIAL below. Compartments come from their definitions.

Anything not understood stops the build: no parameter is dropped silently. Same definitions, same bytes."""
import re
import sys

import fhir_defs

# expressions that are no walk: code in C (fhir_param_extract.c) under that name
SPECIAL = {"Patient.deceased.exists() and Patient.deceased != false": "DECEASED"}
NO_EXPRESSION = {"_text": "TEXT", "_content": "CONTENT"}
# asked, but never found by an index of ours: refused with words (fhir_query.c)
REFUSED = {"_query", "near"}
# R4 gives its two components each the other's expression
SWAPPED = {"DocumentReference.relationship"}
KINDS = ["token", "reference", "string", "date", "quantity", "number", "uri", "composite", "special"]
# data types that a kind of parameter can take a value from; primitives by their own name
LEAVES = {
    "token": ["code", "string", "uri", "id", "boolean", "Coding", "CodeableConcept", "Identifier", "ContactPoint", "canonical"],
    "reference": ["Reference", "canonical", "uri", "url", "Resource"],
    "string": ["string", "markdown", "HumanName", "Address", "CodeableConcept", "xhtml"],
    "date": ["date", "dateTime", "instant", "Period", "Timing"],
    "quantity": ["Quantity", "Range", "Money"],
    "number": ["integer", "decimal", "positiveInt", "unsignedInt", "Range"],
    "uri": ["uri", "url", "canonical", "oid", "uuid"],
    "special": ["Position"],
}
LEAF_NAMES = ["code", "string", "uri", "boolean", "Coding", "CodeableConcept", "Identifier", "ContactPoint", "canonical", "Reference",
              "Resource", "HumanName", "Address", "date", "Period", "Timing", "Quantity", "Range", "Money", "number", "SPECIAL_DECEASED",
              "SPECIAL_TEXT", "SPECIAL_CONTENT"]
SAME = {"id": "code", "url": "uri", "oid": "uri", "uuid": "uri", "markdown": "string", "xhtml": "string", "dateTime": "date",
        "instant": "date", "integer": "number", "decimal": "number", "positiveInt": "number", "unsignedInt": "number",
        "Age": "Quantity", "Duration": "Quantity", "Count": "Quantity", "Distance": "Quantity", "SimpleQuantity": "Quantity"}


class Bad(Exception):
    pass


def fnv(name):
    h = 2166136261
    for c in name.encode():
        h = (h ^ c) * 16777619 % (1 << 32)
    return h or 1


class Schema:
    """Element definitions by path, and the walk from one element to the next."""

    def __init__(self):
        self.types = fhir_defs.resources()
        self.elements = {}
        for name, sd in self.types.items():
            for e in sd["snapshot"]["element"]:
                self.elements[e["path"]] = e
        self.systems = self.value_set_systems()

    def value_set_systems(self):
        """Value set -> its only code system, where it has just one."""
        out = {}
        for file in ("valuesets", "v3-codesystems", "v2-tables"):
            for r in fhir_defs.load(file):
                if r["resourceType"] == "ValueSet":
                    inc = r.get("compose", {}).get("include", [])
                    systems = {i.get("system") for i in inc}
                    if len(systems) == 1 and None not in systems:
                        out[r["url"]] = systems.pop()
        return out

    def resource_types(self):
        return sorted(n for n, sd in self.types.items() if sd["kind"] == "resource" and not sd.get("abstract"))

    def children(self, place, name):
        """place: (path of the element that has the children); yields (member, place, type, element)."""
        path = place + "." + name
        if path in self.elements:
            e = self.elements[path]
            if "contentReference" in e and e["contentReference"]:
                target = e["contentReference"].split("#")[1]
                return [(name, target, "BackboneElement", e)]
            return [(name, self.enter(path, t["code"]), self.plain(t["code"]), e) for t in e["type"]][:1]
        path += "[x]"
        if path in self.elements:
            e = self.elements[path]
            seen = {}
            for t in e["type"]:
                seen[t["code"]] = (name + t["code"][0].upper() + t["code"][1:], self.enter(path, t["code"]), t["code"], e)
            return list(seen.values())
        raise Bad("no element %s.%s" % (place, name))

    @staticmethod
    def plain(code):
        return {"http://hl7.org/fhirpath/System.String": "string"}.get(code, code)

    def enter(self, path, code):
        return path if code in ("BackboneElement", "Element") else self.plain(code)

    def implied(self, e):
        b = e.get("binding") or {}
        return self.systems.get(b.get("valueSet", "").split("|")[0]) if b.get("strength") == "required" else None


TOKEN = re.compile(r"\s*(%resource|[A-Za-z]\w*\(|[A-Za-z]\w*|\.|\)|\(|\[0\]|=|'[^']*'|!=)")


class Walk:
    """One branch on its way: member names with a condition each, where it stands, what data type is there."""

    def __init__(self, steps, place, kind, element, target=None):
        self.steps, self.place, self.kind, self.element, self.target = steps, place, kind, element, target

    def down(self, schema, name):
        return [Walk(self.steps + [(m, None, None, False)], p, k, e, self.target)
                for m, p, k, e in schema.children(self.place, name)]

    def last(self, **change):
        name, where, value, first = self.steps[-1]
        new = {"where": where, "value": value, "first": first, **change}
        return Walk(self.steps[:-1] + [(name, new["where"], new["value"], new["first"])], self.place, self.kind, self.element,
                    self.target)


def as_type(walks, name):
    name = {"DateTime": "dateTime"}.get(name, name)
    kept = [w for w in walks if w.kind == name]
    if not kept and walks and all(w.kind == "Resource" for w in walks):
        return walks
    return kept


def parse_walk(schema, text, start):
    """text: one branch of an expression, no '|'. start: a list of walks where names begin."""
    text = text.strip()
    m = re.fullmatch(r"\(([\w.]+) as (\w+)\)((?:\.\w+)*)", text) or re.fullmatch(r"([\w.]+) as (\w+)()", text)
    if m:
        walks = as_type(parse_walk(schema, m.group(1), start), m.group(2))
        for name in m.group(3).split(".")[1:]:
            walks = [d for w in walks for d in w.down(schema, name)]
        return walks
    parts = re.findall(r"\.?((?:\w|%)+(?:\((?:[^()]|\(\))*\))?(?:\[0\])?)", text)
    if ".".join(parts) != text:
        raise Bad("cannot read %r" % text)
    walks = start
    for i, part in enumerate(parts):
        if i == 0 and part[0].isupper():
            continue  # the name of the type itself
        first = part.endswith("[0]")
        name = part[:-3] if first else part
        w = re.fullmatch(r"where\(resolve\(\) is (\w+)\)", name)
        if w:
            walks = [Walk(x.steps, x.place, x.kind, x.element, w.group(1)) for x in walks]
            continue
        w = re.fullmatch(r"where\((\w+)='([^']*)'\)", name)
        if w:
            walks = [x.last(where=w.group(1), value=w.group(2)) for x in walks]
            continue
        w = re.fullmatch(r"(?:as|ofType)\((\w+)\)", name)
        if w:
            walks = as_type(walks, w.group(1))
            continue
        if "(" in name or "%" in name:
            raise Bad("cannot read %r" % text)
        walks = [d for x in walks for d in x.down(schema, name)]
        if first:
            walks = [x.last(first=True) for x in walks]
    return walks


def leaf_branches(schema, kind, walks, where):
    out = []
    for w in walks:
        if w.kind not in LEAVES[kind] and SAME.get(w.kind) not in LEAVES[kind]:
            continue  # a choice that this kind of parameter cannot be found by
        leaf = SAME.get(w.kind, w.kind)
        if leaf == "Position":
            continue
        out.append((tuple(w.steps), leaf, w.target or "", schema.implied(w.element) or "" if leaf == "code" and w.element else ""))
    if not out and kind != "special":
        raise Bad("%s: nothing to index (%s)" % (where, [w.kind for w in walks]))
    return out


def split(expression):
    return [b.strip() for b in re.split(r"\s*\|\s*", expression) if b.strip()]


class Param:
    def __init__(self, base, sp):
        self.base, self.code, self.kind = base, sp["code"], sp["type"]
        self.targets = sorted(sp.get("target", []))
        self.url = sp["url"]
        self.branches = []
        self.components = []  # per place: (steps, [(kind, branches, from the resource)])
        self.component_codes = []


def branches_of(schema, base, sp):
    expression = sp.get("expression", "")
    if sp["code"] in REFUSED:
        return []
    if sp["code"] in NO_EXPRESSION:
        return [((), "SPECIAL_" + NO_EXPRESSION[sp["code"]], "", "")]
    if expression in SPECIAL:
        return [((), "SPECIAL_" + SPECIAL[expression], "", "")]
    walks = []
    for b in split(expression):
        head = re.match(r"\(?(\w+)", b).group(1)
        if head in (base, "Resource", "DomainResource") or head[0].islower():  # "name | alias": of the base
            walks += parse_walk(schema, b, [Walk([], base, base, None)])
    out = []
    for b in leaf_branches(schema, sp["type"], walks, base + "." + sp["code"]):
        if b not in out:
            out.append(b)
    return out


def composite(schema, base, sp, by_url, param):
    components = [dict(c) for c in sp["component"]]
    if base + "." + sp["code"] in SWAPPED:
        components[0]["definition"], components[1]["definition"] = components[1]["definition"], components[0]["definition"]
    for b in split(sp["expression"]):
        if re.match(r"\w+", b).group(0) != base:
            continue
        for w in parse_walk(schema, b, [Walk([], base, base, None)]):
            parts = []
            for c in components:
                kind = by_url[c["definition"]]["type"]
                walks, root = [], False
                for e in split(c["expression"]):
                    if e.startswith("%resource."):
                        root, e = True, e[len("%resource."):]
                        walks += parse_walk(schema, e, [Walk([], base, base, None)])
                    else:
                        walks += parse_walk(schema, e, [Walk([], w.place, w.kind, None)])
                parts.append((kind, leaf_branches(schema, kind, walks, base + "." + sp["code"]), root))
            # fhir_param_rows.c keeps the two numbers of such a composite in one row
            if len(parts) != 2 and [p[0] for p in parts] != ["token", "number", "number"]:
                raise Bad("%s.%s: another kind of composite" % (base, sp["code"]))
            param.components.append((tuple(w.steps), parts))
    param.component_codes = [by_url[c["definition"]]["code"] for c in components]


def parameters(schema):
    sps = fhir_defs.load("search-parameters")
    by_url = {s["url"]: s for s in sps}
    out = {t: {} for t in schema.resource_types()}
    for sp in sps:
        bases = sp["base"]
        if bases[0] in ("Resource", "DomainResource"):
            bases = [t for t in out if bases[0] == "Resource" or t not in ("Binary", "Bundle", "Parameters")]
        for base in bases:
            p = Param(base, sp)
            if sp["type"] == "composite":
                composite(schema, base, sp, by_url, p)
            else:
                p.branches = branches_of(schema, base, sp)
            if sp["code"] in out[base]:
                raise Bad("%s.%s twice" % (base, sp["code"]))
            out[base][sp["code"]] = p
    return out, len(sps)


class Pool:
    """Strings, each once, a length byte before it."""

    def __init__(self):
        self.at, self.data = {"": 0}, [b"\x00"]
        self.size = 1

    def __call__(self, s):
        if s not in self.at:
            b = s.encode()
            if len(b) > 255:
                raise Bad("too long: " + s)
            self.at[s] = self.size
            self.data.append(bytes([len(b)]) + b)
            self.size += 1 + len(b)
            if self.size > 65535:
                raise Bad("the pool of names is full")
        return self.at[s]


def table(f, ctype, name, rows):
    f.write("const %s %s[] = {\n" % (ctype, name))
    for r in rows:
        f.write(" {%s},\n" % ",".join(str(x) for x in r))
    if not rows:
        f.write(" {0},\n")
    f.write("};\nconst unsigned %s_n = %d;\n" % (name, len(rows)))


class Tables:
    def __init__(self, params):
        self.pool, self.steps, self.branches, self.params, self.types = Pool(), [], [], [], []
        self.places, self.parts, self.targets = [], [], []
        self.step_at, self.target_at = {}, {}
        self.names = sorted(params)
        self.index = {n: i for i, n in enumerate(self.names)}

    def walk(self, steps):
        """Where these steps begin; equal walks are kept once."""
        if steps not in self.step_at:
            self.step_at[steps] = len(self.steps)
            for name, where, value, first in steps:
                self.steps.append((self.pool(name), self.pool(where or ""), self.pool(value or ""), int(first)))
        return self.step_at[steps]

    def add_branches(self, branches):
        at = len(self.branches)
        for steps, leaf, target, system in branches:
            self.branches.append((self.walk(steps), len(steps), LEAF_NAMES.index(leaf), self.pool(target), self.pool(system)))
        return at

    def target_list(self, targets):
        key = tuple(targets)
        if key not in self.target_at:
            self.target_at[key] = len(self.targets)
            self.targets += [(self.index[t],) for t in key if t in self.index]
        return self.target_at[key]

    def add_param(self, p):
        first_place = len(self.places)
        for steps, parts in p.components:
            first = len(self.parts)
            # the branches of all parts first: add_branches appends
            rows = [(KINDS.index(k), self.add_branches(b), len(b), int(root)) for k, b, root in parts]
            self.parts += [r + (self.pool(c),) for r, c in zip(rows, p.component_codes)]
            self.places.append((self.walk(steps), len(steps), first, len(parts)))
        targets = [t for t in p.targets if t in self.index]
        self.params.append((self.pool(p.code), KINDS.index(p.kind), int(p.code in REFUSED), self.add_branches(p.branches),
                            len(p.branches), first_place, len(p.components), self.target_list(targets), len(targets),
                            "0x%08xu" % fnv(p.base + "." + p.code)))


def compartments(tables, params):
    rows, lists = [], []
    defs = [r for r in fhir_defs.load("profiles-resources") if r["resourceType"] == "CompartmentDefinition"]
    for d in sorted(defs, key=lambda r: r["code"]):
        for r in sorted(d["resource"], key=lambda r: r["code"]):
            if not r.get("param") or r["code"] not in params:
                continue
            codes = [c for c in r["param"] if c in params[r["code"]] and params[r["code"]][c].kind == "reference"]
            rows.append((tables.pool(d["code"]), tables.index[r["code"]], len(lists), len(codes)))
            lists += [(tables.pool(c),) for c in codes]
    return rows, lists


def check_numbers(params):
    """No two parameters of any type share a number; nor the derived ones of texts and long intervals."""
    seen = {}
    for base, ps in params.items():
        for code in list(ps) + ["_type"]:
            at = base + "." + code
            for name, number in ((at, fnv(at)), (at + ":text", fnv(at + ":text")), (at + ":long", fnv(at + ":long")),
                                 (at + ":part", fnv(at + ":part")), (at + ", a Range", fnv(at) ^ 0x52616E67)):
                if seen.setdefault(number, name) != name:
                    raise Bad("%s and %s have one number" % (name, seen[number]))


def write(path, params):
    t = Tables(params)
    for n in t.names:
        codes = sorted(params[n])
        t.types.append((t.pool(n), len(t.params), len(codes)))
        for c in codes:
            t.add_param(params[n][c])
    comps, lists = compartments(t, params)
    with open(path, "w", encoding="ascii") as f:
        f.write("/* Made by tools/fhirsearch2c.py from the HL7 FHIR 4.0.1 definitions (CC0). */\n#include \"fhir/fhir_param_priv.h\"\n")
        f.write("const char fhir_param_pool[] = {\n")
        for b in t.pool.data:
            f.write(" " + ",".join(str(c) if c < 128 else "(char)%d" % c for c in b) + ",\n")
        f.write("};\n")
        table(f, "struct fhir_ptype", "fhir_param_types", t.types)
        table(f, "struct fhir_pparam", "fhir_param_params", t.params)
        table(f, "struct fhir_pbranch", "fhir_param_branches", t.branches)
        table(f, "struct fhir_pstep", "fhir_param_steps", t.steps)
        table(f, "struct fhir_pplace", "fhir_param_places", t.places)
        table(f, "struct fhir_ppart", "fhir_param_parts", t.parts)
        table(f, "struct fhir_pindex", "fhir_param_targets", t.targets)
        table(f, "struct fhir_pcompartment", "fhir_param_compartments", comps)
        table(f, "struct fhir_pindex", "fhir_param_comp_codes", lists)
    return t


def main():
    try:
        params, n = parameters(Schema())
        check_numbers(params)
        t = write(sys.argv[1], params)
    except (Bad, fhir_defs.Missing) as e:
        sys.exit("fhirsearch2c: %s" % e)
    if "--stats" in sys.argv:
        print("%d search parameters, %d types, %d of a type, %d branches, %d steps, %d places of composites, %d bytes of names" % (
            n, len(t.types), len(t.params), len(t.branches), len(t.steps), len(t.places), t.pool.size))


if __name__ == "__main__":
    main()
