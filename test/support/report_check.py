#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a report of the demo as a stranger would: report_check.py DIR FILE LANG VERDICTS.json

DIR is the folder of the demo, VERDICTS what `amane policy eval --json` says about its log. Prints "ok NAME"
or "not ok NAME" per check; exit 1 when one failed.
"""
import html.parser
import json
import re
import sys

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# SVG elements that close themselves
EMPTY = {"path", "rect", "circle", "line"}
FORBIDDEN = {"script", "link", "iframe", "img", "object", "embed", "base", "form", "source", "video", "audio"}
ADDRESS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "formaction", "background", "ping"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.wrong, self.outside = [], [], []
        self.text, self.style, self.ids, self.links = [], [], [], []
        self.count = {}

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag in FORBIDDEN:
            self.outside.append("<%s>" % tag)
        for name, value in attrs:
            value = value or ""
            if name == "id":
                self.ids.append(value)
            if name in ADDRESS:
                (self.links if value.startswith("#") else self.outside).append(value)
            if name == "style" or name.startswith("on"):
                self.outside.append(name)
            if name == "class":
                for c in value.split():
                    self.count["." + c] = self.count.get("." + c, 0) + 1
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag in EMPTY:
            self.stack.pop()
        elif tag not in VOID:
            self.wrong.append("<%s/>" % tag)

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1] != tag:
            self.wrong.append("line %d: </%s> closes %s" % (self.getpos()[0], tag, self.stack[-1:]))
        else:
            self.stack.pop()

    def handle_data(self, data):
        (self.style if self.stack and self.stack[-1] == "style" else self.text).append(data)


bad = 0


def check(good, name, why=""):
    global bad
    print("%s %s" % ("ok" if good else "not ok", name))
    if not good:
        print("#   %s" % (why,))
        bad = 1


def number(x, decimals, lang):
    z = "%.*f" % (decimals, x)
    return z if lang == "en" else z.replace(".", ",")


def main(folder, name, lang, verdicts):
    source = open(name, encoding="utf-8").read()
    page = Page()
    page.feed(source)
    page.close()
    text = re.sub(r"\s+", " ", " ".join(page.text))
    check(not page.wrong and not page.stack and source.startswith("<!doctype html>"), "well-formed", (page.wrong[:3], page.stack))
    check(len(set(page.ids)) == len(page.ids) and all(link[1:] in page.ids for link in page.links),
          "each id once, each link inside the page leads somewhere", page.ids)
    urls = re.findall(r"url\(([^)]{0,40})", "".join(page.style))
    check(not page.outside and all(u.strip("'\"").startswith("data:font/woff2;base64,") for u in urls) and urls
          and "@import" not in "".join(page.style), "no external reference", (page.outside[:3], urls[:3]))
    check(not re.search(r"https?://(?!127\.0\.0\.1:)", source), "no address of another machine")
    check(len(source.encode()) <= 300000, "at most 300 kB (%d)" % len(source.encode()))
    rtl = 'dir="rtl"' if lang == "ar" else 'dir="ltr"'
    check(source.count('<html lang="%s" %s>' % (lang, rtl)) == 1, "language and direction")

    measures = json.load(open(folder + "/bench/evidence-performance.json"))["measures"]
    # "<b>0.840</b> <span class=vh>95% CI </span><bdi>(0.794–0.886)</bdi>" as the eye has it
    shown = re.sub(r"<[^>]*>", "", re.sub(r'<span class="vh">[^<]*</span>', "", source))
    missing, bars = [], 0
    for m in measures:
        told = m["name"] == "auc" and (m["group"] == "" or re.match(r"(site|sex)=[^;]*$", m["group"]))
        told = told or (m["name"] in ("sensitivity", "specificity", "ppv", "npv") and m["group"] == "")
        told = told or (m["name"] == "sensitivity" and re.match(r"(site|sex)=[^;]*$", m["group"]))
        if not told or m["estimate"] is None:
            continue
        bars += 1
        if m["ci95_low"] is None:
            continue
        figures = "%s (%s–%s)" % tuple(number(m[k], 3, lang) for k in ("estimate", "ci95_low", "ci95_high"))
        if figures not in shown:
            missing.append((m["name"], m["group"], figures))
    check(bars >= 12 and not missing, "%d figures of the bench, each with its interval" % bars, missing[:3])
    check(page.count.get(".ib", 0) >= bars and page.count.get(".ib-gate", 0) > 8,
          "an interval bar for each, against the gate", page.count.get(".ib"))
    check(page.count.get(".cvx", 0) == 3 and page.count.get(".jy", 0) == 1 and page.count.get(".data", 0) == 3,
          "journeys, two ROC pictures, calibration, a table behind each", page.count)

    v = json.load(open(verdicts))
    policy = json.load(open("%s/blobs/sha256/%s/%s" % (folder + "/copy", v["policy_sha256"][:2], v["policy_sha256"][2:])))
    rows = [r["id"] for r in v["requirements"] if r["level"] == "base" and r["verdict"] != "not_required"]
    lost = [r for r in rows if not re.search(r"\b%s\b" % r, text)]
    check(len(rows) >= 10 and not lost, "%d rows of the policy with their verdicts" % len(rows), lost)
    lost = [w for w in policy["waived"] if w not in text]
    check(not lost, "%d waived checks, by name" % len(policy["waived"]), lost)
    says = {"fr": "Ce n’est pas le label national", "ar": "هذه ليست العلامة الوطنية", "en": "This is not the national label"}[lang]
    check(text.replace("'", "’").count(says) >= 2 and policy["name"][lang] in text, "it is said not to be the national label")
    world = json.load(open(folder + "/world.json"))
    need = [v["model_digest"], v["policy_sha256"], world["genesis"], world["algorithm_id"], "amane log verify", "amane policy eval",
            "amane model inspect", "CHU-RABAT", "CHU-CASABLANCA", "P1", "P2", "P3"]
    lost = [x for x in need if x not in text]
    check(not lost, "digests, commands, pilots", lost)
    check(source.count("<details><summary>") >= 9 and text.count("127.0.0.1") >= 5, "the nine steps are told")
    known = re.findall(r"\b(?:report|demo|fact|metric|reason|state|guard)\.[a-z_.]+[a-z]\b", text)
    known = [k for k in known if k not in policy["waived"]]
    check(not known and "{" not in text, "every sentence has its words", (known[:3], text[max(0, text.find("{") - 30):][:60]))
    return bad


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
