#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a report of the bench as a stranger would: bench_report_check.py DIR FILE LANG

DIR is the folder of the run. Prints "ok NAME" or "not ok NAME" per check; exit 1 when one failed.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import report_check as rc  # noqa: E402

THINGS = {"budget", "example", "feature", "flips", "input", "method", "stream"}
SECTIONS = ["verdict", "rows", "performance", "calibration", "utility", "groups", "sites", "robustness", "adversarial",
            "attribution", "drift", "cyber", "run", "measures", "methods"]


def shown(x, decimals, lang):
    """A figure as text_num() writes it; '' when grouping makes it another matter."""
    return "" if x is None or abs(x) >= 1000 else rc.number(x, decimals, lang)


def main(folder, name, lang):
    source = open(name, encoding="utf-8").read()
    page = rc.Page()
    page.feed(source)
    page.close()
    summary = json.load(open(folder + "/summary.json"))
    curves = json.load(open(folder + "/curves.json"))
    text = re.sub(r"\s+", " ", " ".join(page.text))
    rc.check(not page.wrong and not page.stack and source.startswith("<!doctype html>"), "well-formed", (page.wrong[:3], page.stack))
    lost = [x for x in page.links if x[1:] not in page.ids]
    rc.check(len(set(page.ids)) == len(page.ids) and not lost, "each id once, each link inside the page leads somewhere", lost[:5])
    urls = re.findall(r"url\(([^)]{0,40})", "".join(page.style))
    rc.check(not page.outside and urls and all(u.startswith("data:font/woff2;base64,") for u in urls)
             and "@import" not in "".join(page.style), "no external reference", (page.outside[:3], urls[:3]))
    rc.check(not re.search(r"https?://", source) and "<script" not in source, "no address, no script")
    rc.check(len(source.encode()) <= 1500000, "at most 1.5 MB (%d)" % len(source.encode()))
    rtl = 'dir="rtl"' if lang == "ar" else 'dir="ltr"'
    rc.check(source.count('<html lang="%s" %s>' % (lang, rtl)) == 1, "language and direction")
    order = [source.find('<section id="%s"' % s) for s in SECTIONS]
    rc.check(-1 not in order and order == sorted(order), "fifteen sections, verdicts first", order)

    body = source[source.find("<body"):]
    plain = re.sub(r"<[^>]*>", "", re.sub(r'<span class="vh">[^<]*</span>', "", body))
    table = source[source.find('class="verdicts br-verdicts"'):]
    table = re.sub(r"<[^>]*>", "", re.sub(r'<span class="vh">[^<]*</span>', "", table[:table.find("</table>")]))
    rows = [r for r in summary["requirements"] if r["level"] == summary["requested_level"]]
    lost = []
    for r in rows:
        if r["verdict"] != "not_required" and not re.search(r"\b%s\b" % r["id"], table):
            lost.append(r["id"])
        if r["ci95"] and r["verdict"] != "not_required":
            figures = "%s (%s–%s)" % tuple(shown(x, 3, lang) for x in (r["value"], *r["ci95"]))
            if figures not in table and min(r["ci95"]) >= 0:
                lost.append((r["id"], figures))
    rc.check(len(rows) == 52 and not lost, "52 rows with the figures of summary.json", lost[:4])

    small = [m for m in summary["measures"] if m["group"] and m["n"] < 10 and m["group"].split("=")[0] not in THINGS]
    every = source[source.find('id="measures"'):source.find('id="methods"')]
    cells = [[re.sub(r"<[^>]*>", "", c) for c in re.findall(r"<td>(.*?)</td>", row, re.S)]
             for row in re.findall(r"<tr>(.*?)</tr>", every, re.S)[1:]]
    rc.check(len(cells) == len(summary["measures"]) - len(small), "every measure but those of fewer than ten people (%d)" % len(small),
             (len(cells), len(summary["measures"]), len(small)))
    wanted, lost, untraced = [m for m in summary["measures"] if m not in small], [], []
    for m, c in zip(wanted, cells):
        value = shown(m["estimate"], 6, lang)
        if c[0] != m["row"] or c[1] != m["name"] or (value and value.lstrip("-") not in c[3]):
            lost.append((m["row"], m["name"], m["group"], value, c))
        if not re.search(r"F\d+", c[7]) or (m["ci95_low"] is not None and not re.search(r"I\d+", c[7])):
            untraced.append((m["row"], m["name"], m["ci_method"]))
    rc.check(not lost, "each with the estimate of summary.json", lost[:2])
    rc.check(">row of the matrix<" not in source, "no formula is the name of its row only")
    rc.check(not untraced, "each number leads to its formula, each interval to its method", sorted(set(untraced))[:5])
    marks = set(re.findall(r'href="#([FI]\d+)"', source))
    rc.check(len(marks) > 30 and all('id="%s"' % m in source for m in marks), "%d methods cited are in the annex" % len(marks))

    few = [g["group"] for g in summary["subgroups"] if g["n"] < 10] + [g["group"] for g in curves["roc"] if g["n"] < 10]
    rc.check(all(b["n"] >= 10 for c in curves["calibration"] for b in c["points"] + c["histogram"]), "no bin of fewer than ten people", few)
    hist = curves["calibration"][0]["histogram"] if curves["calibration"] else []
    rc.check(sum(b["n"] for b in hist) in (0, summary["dataset"]["n"]) and all(a["to"] == b["from"] for a, b in zip(hist, hist[1:])),
             "the histogram holds everybody once")
    net = {round(p["p"], 2): p for d in curves["decision"] for p in d["points"]}
    at = [m for m in summary["measures"] if m["name"] == "net_benefit" and m["group"] == ""]
    near = [p for p in net.values() if at and abs(p["p"] - curves["threshold"]) < 0.005]
    rc.check(not near or abs(near[0]["model"] - at[0]["estimate"]) < 0.05, "net benefit near the threshold is that of PF-7", near)
    charts = page.count.get(".cvx", 0)
    rc.check(charts >= 6 and page.count.get(".data", 0) == charts and page.count.get(".forest", 0) >= 8
             and page.count.get(".cv-band", 0) == 2 and page.count.get(".cv-bar", 0) >= 3,
             "curves with a table behind each, forests, bands, a histogram", page.count)
    says = {"fr": "Ce n’est pas le label national", "ar": "هذه ليست العلامة الوطنية", "en": "This is not the national label"}[lang]
    rc.check(summary["national"] or says in text.replace("'", "’"), "it is said not to be the national label")
    lost = [x for x in (summary["model_digest"], summary["policy"]["sha256"], summary["scores_sha256"], summary["bench"]["sha256"],
                        summary["bench"]["seed"], *(e["sha256"] for e in summary["evidence"])) if x not in plain]
    rc.check(not lost, "digests of model, policy, scores, program, evidence; the seed", lost)
    prose = re.sub(r"<code.*?</code>", "", body[:body.find('id="methods"')], flags=re.S)
    prose = re.sub(r"<[^>]*>", "", prose[:prose.find('id="measures"')])
    known = re.findall(r"\b(?:br|report|fact|metric|why|row|verdict|level)\.[a-z_.]+[a-z]\b", prose)
    rc.check(not known and "{" not in prose, "every sentence has its words", (known[:3], prose[max(0, prose.find("{") - 30):][:60]))
    return rc.bad


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
