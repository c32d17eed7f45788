#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A manual page of doc/man (a small Markdown) as man(7): man.py PAGE.md [VERSION [DATE]] >PAGE.1

Knows what these pages use: headings, fenced code, lists, tables, `code`, **bold**, *emphasis*."""
import os
import re
import sys
import time


def escape(s):
    return s.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def inline(s):
    out = ""
    for part in re.split(r"(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^]]+\]\([^)]+\))", s):
        if part.startswith("`") and len(part) > 2:
            out += "\\fB" + escape(part[1:-1]) + "\\fR"
        elif part.startswith("**"):
            out += "\\fB" + escape(part[2:-2]) + "\\fR"
        elif part.startswith("*") and len(part) > 2:
            out += "\\fI" + escape(part[1:-1]) + "\\fR"
        elif part.startswith("[") and "](" in part:
            out += escape(part[1:part.index("](")])
        else:
            out += escape(part)
    return "\\&" + out if out[:1] == "." else out


def convert(text, version, date):
    lines = text.split("\n")
    title = re.match(r"# ([a-z-]+)\((\d)\)", lines[0])
    out = ['.TH %s %s "%s" "amane %s" "Amane"' % (title[1].upper(), title[2], date, version)]
    code = table = False
    fresh = True
    section = ""
    for line in lines[1:]:
        if line.startswith("```"):
            code = not code
            out += ([] if out[-1].startswith(".SH") else [".PP"]) + [".nf"] if code else [".fi"]
            fresh = True
        elif code:
            out.append(("\\&" if line[:1] == "." else "") + escape(line))
        elif line.startswith("|"):
            if re.fullmatch(r"[|\s:-]+", line):
                continue
            cells = [c.strip() for c in line.strip("|").split("|")]
            out += [".TP", inline(cells[0]) or "\\&", " \\(em ".join(inline(c) for c in cells[1:] if c)]
            table = True
        elif line.startswith("## "):
            section = line[3:]
            out.append(".SH " + escape(section))
            fresh = True
        elif line.startswith("### "):
            out.append(".SS " + escape(line[4:]))
            fresh = True
        elif line.startswith("- "):
            out += [".IP \\(bu 2", inline(line[2:])]
        elif not line.strip():
            fresh = True
        else:
            if fresh and section != "NAME" and not out[-1].startswith((".SH", ".SS")) or table:
                out.append(".PP")
            if section == "NAME":  # one word before the dash: programs that index pages want it
                name, dash, rest = line.partition(" - ")
                line = name.replace(" ", "-") + dash + rest
                out.append(inline(line).replace("\\- ", "\\- ", 1))
            else:
                out.append(inline(line.strip()))
            fresh = table = False
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    version, date = (sys.argv[2:] + ["0", ""])[:2] if len(sys.argv) < 4 else sys.argv[2:4]
    with open(sys.argv[1], encoding="utf-8") as f:
        sys.stdout.write(convert(f.read(), version, date or time.strftime("%Y-%m-%d", time.gmtime(os.path.getmtime(sys.argv[1])))))
