#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of src/fhir/def.h from HL7's definitions: fhir2c.py OUT.c. The same input gives the same output."""
import os
import re
import sys

import fhir_defs

NONE, MANY = 0xFFFF, 0xFFFF
SD = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM = "http://hl7.org/fhirpath/System."
STRENGTH = {"required": 0, "extensible": 1, "preferred": 2, "example": 3}
GRAMMAR = {"urn:ietf:bcp:47": 1, "urn:ietf:bcp:13": 2, "http://unitsofmeasure.org": 3}
# ISO 4217 is a system HL7 does not carry: the alphabetic codes in use, funds codes included (list one of 2024).
CURRENCY = """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF
CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD
IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD
NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS
TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA
XXX YER ZAR ZMW ZWL GGP IMP JEP TVD""".split()


def fhir_hash(name):
    """fhir_hash() of src/fhir/fhir_def_hash.h."""
    s, m = name.encode(), (1 << 64) - 1
    a = b = 0
    if len(s) >= 8:
        a, b = int.from_bytes(s[:8], "little"), int.from_bytes(s[-8:], "little")
    elif len(s) >= 4:
        a, b = int.from_bytes(s[:4], "little"), int.from_bytes(s[-4:], "little")
    elif s:
        a = s[0] | s[len(s) // 2] << 8 | s[-1] << 16
    h = (a * 0x9E3779B97F4A7C15 ^ (b + len(s)) * 0xC2B2AE3D27D4EB4F) & m
    return h ^ h >> 29


def spread(names):
    """(bits, seed, slots): the seed with the fewest steps among a few."""
    bits = max(1, (2 * len(names) - 1).bit_length())
    hashes = [fhir_hash(n) for n in names]
    best = None
    for seed in range(24):
        slots, steps = [NONE] * (1 << bits), 0
        for i, h in enumerate(hashes):
            at = ((h * (2 * seed + 1) * 0xD6E8FEB86659FD93) & ((1 << 64) - 1)) >> (64 - bits)
            while slots[at] != NONE:
                at, steps = (at + 1) & ((1 << bits) - 1), steps + 1
            slots[at] = i
        if best is None or steps < best[0]:
            best = (steps, seed, slots)
        if not steps:
            break
    return bits, best[1], best[2]


class Pool:
    """Texts in one array, each once."""

    def __init__(self):
        self.at, self.size, self.all = {"": 0}, 1, [""]

    def __call__(self, text):
        if text not in self.at:
            self.at[text] = self.size
            self.all.append(text)
            self.size += len(text.encode()) + 1
        return self.at[text]


class Presence:
    """An invariant that asks only which elements are there, as a postfix program; ValueError for any other."""

    LEVELS = [("implies",), ("or", "xor"), ("and",), ("=", "!=")]
    CODE = {"not": 65, "and": 66, "or": 67, "xor": 68, "!=": 68, "implies": 69}

    def __init__(self, text, stems):
        self.words = re.findall(r"\w+|!=|[().=]|\S", text)
        self.stems, self.code = stems, []
        self.level(0)
        if self.words:
            raise ValueError(text)
        self.code.append(64)

    def take(self, *wanted):
        for w in wanted:
            if not self.words or self.words.pop(0) != w:
                raise ValueError(w)

    def level(self, n):
        if n == len(self.LEVELS):
            return self.term()
        self.level(n + 1)
        while self.words and self.words[0] in self.LEVELS[n]:
            op = self.words.pop(0)
            self.level(n + 1)
            self.code += [68, 65] if op == "=" else [self.CODE[op]]

    def term(self):
        if self.words[:1] == ["("]:
            self.take("(")
            self.level(0)
            self.take(")")
        else:
            name = self.words.pop(0) if self.words else ""
            if name not in self.stems:
                raise ValueError(name)
            self.take(".")
            word = self.words.pop(0) if self.words else ""
            if word not in ("exists", "empty"):
                raise ValueError(word)
            self.take("(", ")")
            self.code += [self.stems.index(name)] + ([65] if word == "empty" else [])
        while self.words[:1] == ["."]:
            self.take(".", "not", "(", ")")
            self.code.append(65)


class Tables:
    def __init__(self):
        here = os.path.join(fhir_defs.ROOT, "src", "fhir", "def.h")
        with open(here, encoding="utf-8") as f:
            header = f.read()
        self.prims = {t: i + 1 for i, t in enumerate(re.findall(r"^    X\(\w+, (\w+)\)", header, re.M))}
        self.roles = {t: i + 1 for i, t in enumerate(re.findall(r"^    R\(\w+, ([\w.]+)\)", header, re.M))}
        with open(os.path.join(fhir_defs.ROOT, "src", "fhir", "fhir_valid_tbl.h"), encoding="utf-8") as f:
            self.native = set(re.findall(r'^ +X\("([\w-]+)"\)', f.read(), re.M))
        self.program = [64]
        self.defs = fhir_defs.resources()
        self.text = Pool()
        self.types, self.index = [], {}
        self.elems, self.members, self.slots, self.targets, self.bindings, self.rules = [], [], [], [], [], []
        self.sets, self.codes, self.set_index, self.binding_index = [], [], {}, {}
        self.valuesets, self.systems = {}, {}
        for name in ("valuesets", "v3-codesystems", "v2-tables"):
            for r in fhir_defs.load(name):
                (self.valuesets if r["resourceType"] == "ValueSet" else self.systems).setdefault(r["url"], r)

    # ---- types ----
    def name_types(self):
        """Every type and every element with members, sorted: the numbers by which the rest speaks of them."""
        names = {}
        for name, d in self.defs.items():
            base = d.get("baseDefinition", "").rsplit("/", 1)[-1]
            kind = {"primitive-type": 0, "complex-type": 1, "resource": 3}.get(d["kind"])
            if kind is None:  # MetadataResource is a logical model
                continue
            abstract = int(d.get("abstract", False) or name in ("Element", "BackboneElement"))
            names[name] = (kind, base if base in self.defs and name != base else None, abstract, d, name)
            if not kind:
                continue
            paths = [e["path"] for e in d["snapshot"]["element"]]
            inner = {p.rsplit(".", 1)[0] for p in paths if "." in p} - {name}
            for e in d["snapshot"]["element"]:
                if e["path"] in inner:
                    names[e["path"]] = (2, e["type"][0]["code"], 0, d, e["path"])
        for i, name in enumerate(sorted(names)):
            self.index[name] = i
        self.types = [names[n] for n in sorted(names)]

    def type_of(self, owner, t):
        """The number of what a type's code says, for one element."""
        code = t["code"]
        if not code.startswith(SYSTEM):
            return self.index[code]
        if owner == "Resource" or self.types[self.index[owner]][0] == 3:
            return self.index["id"]  # the snapshot says System.String; the specification's table says id
        said = [x.get("valueUrl") for x in t.get("extension", []) if x["url"].endswith("structuredefinition-fhir-type")]
        return self.index[said[0]] if said else self.index[code[len(SYSTEM):].lower()]

    # ---- value sets ----
    def system_codes(self, url):
        if url == "urn:iso:std:iso:4217":
            return [(c, url) for c in CURRENCY]
        cs = self.systems.get(url)
        if not cs or cs.get("content") != "complete":
            return None
        out, waiting = [], list(cs.get("concept", []))
        while waiting:
            c = waiting.pop()
            out.append((c["code"], url))
            waiting += c.get("concept", [])
        return out

    def set_codes(self, vs):
        """The codes of a value set, or None when it has others than those written here."""
        compose, out = vs.get("compose", {}), []
        for inc in compose.get("include", []):
            if inc.get("valueSet") or inc.get("filter"):
                return None
            got = [(c["code"], inc["system"]) for c in inc["concept"]] if inc.get("concept") else self.system_codes(inc["system"])
            if got is None:
                return None
            out += got
        return None if compose.get("exclude") else sorted(set(out), key=lambda c: (c[0].encode(), c[1].encode()))

    def set_named(self, url):
        url = url.split("|")[0]
        if url not in self.set_index:
            vs = self.valuesets.get(url)
            systems = [i["system"] for i in vs["compose"]["include"]] if vs and "compose" in vs else []
            codes = self.set_codes(vs) if vs else None
            kind = 0 if codes else GRAMMAR.get(systems[0], 4) if len(systems) == 1 and not vs["compose"]["include"][0].get("filter") \
                else 4
            if url == "http://www.rfc-editor.org/bcp/bcp13.txt":
                kind, systems = 2, ["urn:ietf:bcp:13"]
            if url.endswith(("/all-time-units", "/all-distance-units")):
                kind = 3  # which of the units: the invariants say (drt-1, dis-1, age-1)
            one = systems[0] if len(set(systems)) == 1 else ""
            self.set_index[url] = (kind, one, codes or [])
        return url

    # ---- elements ----
    def binding(self, e):
        b = e.get("binding")
        if not b or not b.get("valueSet") and b["strength"] != "required":
            return NONE
        url = b.get("valueSet", "").split("|")[0]
        most = [x["valueCanonical"].split("|")[0] for x in b.get("extension", []) if x["url"].endswith("maxValueSet")]
        one = url if b["strength"] == "required" else None
        for u in [one] + most:
            if u:
                self.set_named(u)
        key = (url, STRENGTH[b["strength"]], one, most[0] if most else None)
        if key not in self.binding_index:
            self.binding_index[key] = len(self.bindings)
            self.bindings.append(key)
        return self.binding_index[key]

    def rules_of(self, constraints, inherited, stems):
        """Adds the invariants whose key a base type does not already have; where they begin and how many."""
        first = len(self.rules)
        for c in constraints:
            if c["key"] in inherited or not c.get("expression"):
                continue
            how, program = 2 if c["key"] in self.native else 0, 0
            if not how:
                try:
                    code = Presence(c["expression"], stems).code
                    how, program = 1, len(self.program)
                    self.program += code
                except ValueError:
                    pass
            self.rules.append((self.text(c["key"]), self.text(c["human"]), self.text(c["expression"]), program, how,
                               int(c["severity"] == "warning")))
        return first, len(self.rules) - first

    def element(self, owner, e):
        name = e["path"].rsplit(".", 1)[1]
        choice, stem = name.endswith("[x]"), name[:-3] if name.endswith("[x]") else name
        flags = choice | e.get("isSummary", False) << 1 | e.get("isModifier", False) << 2 | ("contentReference" in e) << 3
        types, targets = [], []
        if "contentReference" in e:
            types = [self.index[e["contentReference"].split("#")[1]]]
        elif e["path"] in self.index:
            types = [self.index[e["path"]]]
        for t in e.get("type", []):
            if not types or e["path"] not in self.index:
                types.append(self.type_of(owner, t))
            targets += [p.rsplit("/", 1)[1] for p in t.get("targetProfile", [])]
        types = list(dict.fromkeys(types))
        if "Resource" in targets or not all(t in self.index for t in targets):
            targets = []
        first = len(self.members)
        number = len(self.elems)
        for t in types:
            word = self.types[t][4]
            self.members.append((stem + word[0].upper() + word[1:] if choice else stem, number, t))
        span = len(types)
        if choice:
            self.members.append((stem, number, NONE))
        at = len(self.targets)
        self.targets += [self.index[t] for t in dict.fromkeys(targets)]
        rules = (0, 0)
        if e["path"] not in self.index:
            rules = self.rules_of(e.get("constraint", []), {"ele-1", "ext-1"}, [])
        self.elems.append((self.text(stem), self.index[owner], e["min"], MANY if e["max"] == "*" else int(e["max"]), flags, first, span,
                           self.binding(e), at, len(self.targets) - at) + rules)

    def fill_types(self):
        rows = []
        by_owner = {}
        for name, d in self.defs.items():
            for e in d["snapshot"]["element"]:
                if "." in e["path"]:
                    by_owner.setdefault(e["path"].rsplit(".", 1)[0], []).append(e)
        keys = {}
        for name, (kind, base, abstract, d, path) in sorted(zip(self.index, self.types), key=lambda x: self.index[x[0]]):
            own = [c for e in d["snapshot"]["element"] if e["path"] == path for c in e.get("constraint", [])]
            keys[name] = {c["key"] for c in own} if kind != 2 else set()
        for name in sorted(self.index):
            kind, base, abstract, d, path = self.types[self.index[name]]
            elem, member = len(self.elems), len(self.members)
            own = [e for e in d["snapshot"]["element"] if e["path"] == path][0].get("constraint", [])
            if name == "Extension":  # said of Element.extension: of every extension
                own = own + [c for e in self.defs["Element"]["snapshot"]["element"] for c in e.get("constraint", []) if c["key"] == "ext-1"]
            members = [e for e in by_owner.get(path, []) if e["max"] != "0"] if kind else []
            stems = [e["path"].rsplit(".", 1)[1].replace("[x]", "") for e in members]
            rules = self.rules_of(own, keys.get(base, set()) | {"ele-1"} if name != "Element" else set(), stems)
            for e in members:
                self.element(name, e)
            names = [m[0] for m in self.members[member:]]
            bits, seed, slots = spread(names) if names else (1, 0, [])
            at = len(self.slots)
            self.slots += [NONE if s == NONE else s + member for s in slots]
            must = sum(1 << k for k, e in enumerate(self.elems[elem:]) if e[2])
            if len(self.elems) - elem > 64:
                raise fhir_defs.Missing("%s: more than 64 elements" % name)
            rows.append(("UINT64_C(0x%x)" % must, self.text(name), self.index[base] if base else NONE, kind, abstract, self.prims[name] if not kind else 0,
                         self.roles.get(name, 0), bits, seed, at, elem, len(self.elems) - elem) + rules)
        return rows

    def fill_sets(self):
        place = {}
        for url in sorted(self.set_index, key=str.encode):
            kind, system, codes = self.set_index[url]
            place[url] = len(self.sets)
            self.sets.append((self.text(url), self.text(system), len(self.codes), len(codes), kind))
            self.codes += [(self.text(c), self.text(s)) for c, s in codes]
        self.bindings = [(self.text(u), s, place[one] if one else NONE, place[most] if most else NONE)
                         for u, s, one, most in self.bindings]


def rows(kind, name, data):
    body = ",\n".join("{%s}" % ",".join(map(str, r)) if isinstance(r, tuple) else str(r) for r in data)
    return "const %s %s[] = {\n%s};\n" % (kind, name, body or "0")


def chars(texts):
    """All texts as the elements of one array of char, 24 a line."""
    data = b"".join(x.encode() + b"\0" for x in texts)
    signed = [b - 256 if b > 127 else b for b in data]
    return ",\n".join(",".join(map(str, signed[i:i + 24])) for i in range(0, len(signed), 24))


def main(out):
    t = Tables()
    t.name_types()
    types = t.fill_types()
    t.fill_sets()
    prim = [t.types[m[2]][4] if m[2] != NONE else "" for m in t.members]
    members = [(t.text(n), e, k, len(n), t.prims.get(p, 0)) for (n, e, k), p in zip(t.members, prim)]
    bits, seed, slots = spread(sorted(t.index))
    counts = {"types": types, "elems": t.elems, "members": members, "bindings": t.bindings, "sets": t.sets, "rules": t.rules}
    for what, data in list(counts.items()) + [("targets", t.targets), ("slots", t.slots)]:
        if what != "slots" and len(data) >= NONE:
            raise fhir_defs.Missing("%s: more than 16 bits can number" % what)
    text = ["/* Generated by tools/fhir2c.py from the HL7 FHIR 4.0.1 definitions (CC0). */", '#include "fhir/fhir_def_priv.h"', "",
            rows("struct fhir_type", "fhir_def_type", types), rows("struct fhir_elem", "fhir_def_elem", t.elems),
            rows("struct fhir_member", "fhir_def_member", members), rows("struct fhir_binding", "fhir_def_binding", t.bindings),
            rows("struct fhir_set", "fhir_def_set", t.sets), rows("struct fhir_code", "fhir_def_code", t.codes),
            rows("struct fhir_rule", "fhir_def_rule", t.rules), rows("uint16_t", "fhir_def_target", t.targets), rows("uint8_t", "fhir_def_program", t.program),
            rows("uint16_t", "fhir_def_slot", t.slots), rows("uint16_t", "fhir_def_type_slot", slots)]
    for what, data in counts.items():
        text.append("const uint16_t fhir_def_%s = %d;" % (what, len(data)))
    text.append("const uint16_t fhir_def_type_seed = %d;\nconst uint8_t fhir_def_type_bits = %d;" % (seed, bits))
    text.append("const char fhir_def_text[] = {\n%s};\n" % chars(t.text.all))
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(text))


if __name__ == "__main__":
    fhir_defs.run(main)
