#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the message catalogues and turns them into one C table: po2c.py OUT.c FILE.po...

Files are named <area>.<language>.po; an area has a file in each language. Refused, with file and line: an id that a language lacks, an empty
message, a duplicate, placeholders that differ between languages, a wrong number of plural forms.
Typography is applied here, so that catalogues are typed on an ordinary keyboard: in French a space
before ; : ! ? % and inside guillemets becomes a narrow no-break space, and ' becomes an apostrophe."""
import os
import re
import sys

LANGS = ["fr", "ar", "en"]  # enum text_lang
FORMS = {"fr": 2, "ar": 6, "en": 2}
ID = re.compile(r"[a-z][A-Za-z0-9_.-]*\Z")
HOLE = re.compile(r"\{([^{}]*)\}")
HOLE_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
NNBSP = "\u202f"


class Bad(Exception):
    pass


def unquote(text, where):
    if not re.match(r'"(?:[^"\\]|\\.)*"\Z', text):
        raise Bad("%s: not a quoted string: %s" % (where, text))
    def one(m):
        if m.group(1) not in ESCAPES:
            raise Bad("%s: unknown escape \\%s" % (where, m.group(1)))
        return ESCAPES[m.group(1)]
    return re.sub(r"\\(.)", one, text[1:-1])


def read(path):
    """{id: (line, plural, [form, ...])} of one file; the header entry is left out."""
    messages, entry, key = {}, None, None

    def close():
        if entry is None or not entry["msgid"]:
            return
        name, where = entry["msgid"], "%s:%d" % (path, entry["line"])
        if not ID.match(name):
            raise Bad("%s: id %r is not lower-case dotted" % (where, name))
        if name in messages:
            raise Bad("%s: %s is there twice" % (where, name))
        plural = "msgid_plural" in entry
        if plural and entry["msgid_plural"] != name + "#":
            raise Bad("%s: msgid_plural of %s must be %r" % (where, name, name + "#"))
        keys = sorted(k for k in entry if k.startswith("msgstr"))
        want = ["msgstr[%d]" % i for i in range(len(keys))] if plural else ["msgstr"]
        if keys != want:
            raise Bad("%s: %s has %s" % (where, name, ", ".join(keys) or "no msgstr"))
        messages[name] = (entry["line"], plural, [entry[k] for k in keys])

    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line, where = line.strip(), "%s:%d" % (path, number)
            if not line or line.startswith("#"):
                continue
            if line.startswith('"'):
                if key is None:
                    raise Bad("%s: text outside an entry" % where)
                entry[key] += unquote(line, where)
                continue
            m = re.match(r"(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+(.*)\Z", line)
            if not m:
                raise Bad("%s: cannot read %r" % (where, line))
            key = m.group(1)
            if key == "msgid":
                close()
                entry = {"line": number}
            elif entry is None or key in entry:
                raise Bad("%s: %s out of place" % (where, key))
            entry[key] = unquote(m.group(2), where)
        close()
    return messages


def holes(forms):
    return {h for form in forms for h in HOLE.findall(form)}


def check(path, lang, messages, reference):
    for name, (line, plural, forms) in sorted(messages.items()):
        where = "%s:%d: %s" % (path, line, name)
        count = FORMS[lang] if plural else 1
        if len(forms) != count:
            yield "%s has %d forms, %s needs %d" % (where, len(forms), lang, count)
        if not all(forms):
            yield "%s has an empty message" % where
        if any(len(form.encode()) > 3000 for form in forms):
            yield "%s is longer than 3000 bytes" % where
        if any(re.search("[{}]", HOLE.sub("", form)) for form in forms):
            yield "%s has an unbalanced brace" % where
        for h in holes(forms):
            if not HOLE_NAME.match(h):
                yield "%s has a malformed placeholder {%s}" % (where, h)
        if plural and "n" in holes(forms) and "{n}" not in forms[-1]:
            yield "%s: the last form must contain {n}" % where
        if name not in reference:
            continue
        if reference[name][1] != plural:
            yield "%s is plural in one language only" % where
        a, b = holes(forms), holes(reference[name][2])
        if a - {"n"} != b - {"n"} or (not plural and a != b):
            yield "%s: placeholders %s, in French %s" % (where, sorted(a), sorted(b))


def typography(lang, text):
    if lang == "fr":
        text = re.sub(r" (?=[;:!?%»])", NNBSP, text)
        text = text.replace("« ", "«" + NNBSP)
    if lang in ("fr", "en"):
        text = re.sub(r"(?<=\w)'(?=[\w{«])", "\u2019", text)
    return text


def literal(text):
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"%s"' % out.replace("?", "\\?")  # no trigraphs


def emit(tables):
    out = ["/* Generated by tools/po2c.py. */", '#include "text/text_priv.h"', ""]
    names = sorted(tables["fr"], key=lambda s: s.encode())
    at = {}
    for lang in LANGS:
        out.append("static const struct str %s[] = {" % lang)
        n = 0
        for name in names:
            at[lang, name] = n
            for form in tables[lang][name][2]:
                form = typography(lang, form)
                out.append("    {%s, %d}," % (literal(form), len(form.encode())))
                n += 1
        out.append("    {NULL, 0}};")
    out.append("const struct text_entry text_catalog[] = {")
    for name in names:
        places = ", ".join("&%s[%d]" % (lang, at[lang, name]) for lang in LANGS)
        plural = "true" if tables["fr"][name][1] else "false"
        out.append('    {"%s", %s, {%s}},' % (name, plural, places))
    out.append("    {NULL, false, {NULL, NULL, NULL}}};")
    out.append("const size_t text_catalog_n = %d;" % len(names))
    return "\n".join(out) + "\n"


def main(out, paths):
    areas, tables, path_of = {}, {lang: {} for lang in LANGS}, {}
    for path in paths:
        area, _, lang = os.path.basename(path)[:-len(".po")].rpartition(".")
        if lang not in LANGS or not area:
            raise Bad("%s: not <area>.<one of %s>.po" % (path, ", ".join(LANGS)))
        areas.setdefault(area, {})[lang] = read(path)
        path_of[area, lang] = path
    problems = []
    for area, files in sorted(areas.items()):
        if sorted(files) != sorted(LANGS):
            raise Bad("%s: one file for each of %s, please" % (area, ", ".join(LANGS)))
        everything = set().union(*files.values())
        for lang in LANGS:
            problems += ["%s: %s is missing" % (path_of[area, lang], name)
                         for name in sorted(everything - set(files[lang]))]
            problems += check(path_of[area, lang], lang, files[lang], files["fr"])
            problems += ["%s: %s is there twice, also in another area" % (path_of[area, lang], name)
                         for name in sorted(set(files[lang]) & set(tables[lang]))]
            tables[lang].update(files[lang])
    if problems:
        raise Bad("\n".join(problems))
    text = emit(tables)
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except (Bad, OSError, UnicodeDecodeError) as e:
        sys.exit("po2c: %s" % e)
