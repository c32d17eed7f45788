#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# doc/label-rows.md tells who produces each row of the label matrix, doc/bench-trace.md which function, measure and test
# each definition of the bench has: both are held to the matrix, to the sources and to a run with every form filled. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/case" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort'
cd "$dir/case" || exit 3
for site in cleveland hungarian switzerland va; do head -n 81 $site.csv >short && mv short $site.csv; done
jq --arg d "$(printf %064d 7)" '({document: $d, signed_at: "2026-10-02", by: "T"}) as $s | del(.data[].sha256) |
    .triage_levels = [0.3, 0.6] | .features.age.monotone = "rising" | .forms = ({
        reference_standard: {readers: 3, kappa: 0.7, blinded: true}, encryption_at_rest: {inspected: true},
        retraining: {auc_difference: 0.001, decisions: 1000, agree: 995}, coordination: {signed: true}, audit: {signed: true},
        maintenance: {signed: true, updates_rerun_bench: true}, escrow: {hashes_match: true}, severe_review: {cases: 0, reviewed: 0},
        node_probe: {predictions: 200, unvalidated_released: 0, stop_effect_s: 0.8, recheck_interval_h: 12, alert_received: true}} | map_values(. + $s))' \
    manifest.json >m2 2>"$dir/err" && mv m2 manifest.json
"$amane" bench run --record version.json --data manifest.json --model model.json --out run --level advanced --no-report >"$dir/out" 2>"$dir/err"
report $? 'a run with every form'
/usr/bin/python3 - "$root" run/summary.json >"$dir/rows" 2>"$dir/err" <<'PY'
import glob, json, os, re, sys
root, summary = sys.argv[1:]
matrix = json.load(open(root + "/policy/label-matrix.json"))["rows"]
table = open(root + "/src/bench/bench_tbl.h").read().replace("\\\n", "")
part = lambda name: table[table.index("#define " + name):].split("\n", 1)[0]
feeds = {(f, r) for f, rows in re.findall(r'X\("([a-z_]+)",\s*"([^"]*)"', part("BENCH_FAMILY_MAP")) for r in rows.split()}
forms = {(r, m): f for r, m, f in re.findall(r'X\("([^"]*)",\s*"([^"]*)",\s*"([^"]*)"', part("BENCH_FORM_MAP"))}
source = "".join(open(f).read() for f in glob.glob(root + "/src/bench/*.c") if not f.endswith("_test.c"))
run = json.load(open(summary))["measures"]
measured = {(m["row"], m["name"]) for m in run}
valued = {(m["row"], m["name"]) for m in run if m["estimate"] is not None}
named = {"calibration_slope_ci_meets": ["calibration_slope"], "specificity_ppv_npv": ["specificity", "ppv", "npv"]}
said, problems = {}, []
for line in open(root + "/doc/label-rows.md"):
    cell = [c.strip() for c in line.strip().strip("|").split("|")]
    if len(cell) == 5 and re.fullmatch(r"[A-Z]{2}-[0-9]+", cell[0]):
        for param in re.findall("`([a-z0-9_]+)`", cell[1]) or [""]:
            if (cell[0], param) in said: problems.append("%s %s stands twice" % (cell[0], param))
            said[cell[0], param] = cell[2], cell[3]
asked = {(r["id"], p): r["mode"] for r in matrix for p in [l["param"] for l in r["limits"]] or [""]}
problems += ["%s %s: nobody produces it" % k for k in asked if k not in said]
problems += ["%s %s: no limit of the matrix reads it" % k for k in said if k not in asked]
registry = []
for (row, param), (who, mode) in said.items():
    if (row, param) not in asked: continue
    if mode != asked[row, param]: problems.append("%s is %s in the matrix" % (row, asked[row, param]))
    kind, _, name = who.replace("`", "").partition(" ")
    plain = re.sub(r"_ci95_(low|high)$", "", param)
    names = {param, plain, *named.get(plain, [])}
    if kind == "bench":
        if (name, row) not in feeds: problems.append("%s: family %s does not feed it" % (row, name))
        if param and not any((row, x) in measured or '"%s"' % x in source for x in names): problems.append("%s %s: no run and no source has it" % (row, param))
        if (row, param) in forms: problems.append("%s %s is a form's" % (row, param))
    elif kind == "form":
        if forms.get((row, param)) != name: problems.append("%s %s is not of form %s" % (row, param, name))
        if (row, param) not in valued and row != "PF-5": problems.append("%s %s: the form was filled and gave no value" % (row, param))
    elif kind == "registry":
        registry.append(row)
        path = root + "/src/label/" + name + ".c"
        if not os.path.exists(path) or '"%s"' % param not in open(root + "/src/label/label_priv.h").read(): problems.append("%s %s: no source computes it" % (row, param))
        if ".logged = true" not in open(root + "/src/ledger/ledger_decide.c").read(): problems.append("%s: no decision asks for it" % row)
        if any(r == row for _, r in feeds) or (row, param) in measured: problems.append("%s is the registry's and the bench says it" % row)
        if mode != "auto": problems.append("%s is %s: the registry signs nothing" % (row, mode))
    else:
        problems.append("%s %s: who is %r?" % (row, param, who))
problems += ["%s is manual in the matrix and has no form" % r["id"] for r in matrix if r["mode"] == "manual" and not any(k[0] == r["id"] for k in forms)]
seen = sum(1 for k, (w, _) in said.items() if k[1] and w.startswith("bench") and any((k[0], x) in measured for x in (k[1], re.sub(r"_ci95_(low|high)$", "", k[1]))))
print(len(said), "measures of", len({k[0] for k in said}), "rows;", seen, "of the bench in this run; of the registry:", ", ".join(registry) or "none")
print("\n".join(problems), file=sys.stderr)
sys.exit(bool(problems) or seen < 40)
PY
report $? "every row of the matrix has its producer: $(cat "$dir/rows")"
# doc/bench-trace.md: every function, test and measure it names is there; every measure of its rows in the run is named.
/usr/bin/python3 - "$root" run/summary.json >"$dir/out" 2>"$dir/err" <<'PY'
import glob, json, re, sys
root, summary = sys.argv[1:]
read = lambda *patterns: "".join(open(f, encoding="utf-8").read() for p in patterns for f in sorted(glob.glob(root + p)))
headers, tests, check = read("/src/stat/*.h", "/src/probe/*.h", "/src/model/*.h"), read("/src/*/*_test.c", "/cmd/*_test.c"), read("/test/support/bench_check.py")
source = read("/src/bench/bench_tbl.h") + "".join(open(f).read() for f in glob.glob(root + "/src/bench/*.c") if not f.endswith("_test.c"))
run = {m["name"] for m in json.load(open(summary))["measures"] if re.fullmatch("PF-[1-4678]|EQ-([2-7]|9|1[0-2])|RB-[1-6]|CY-[4567]|RP-1|MS-1|DM-[12]", m["row"])}
ends = [e for e in re.findall('"%s([a-z0-9_]+)"', source) if e[0] == "_"]
told = lambda name: name in run or '"%s"' % name in source or any(name.endswith(e) and '"%s"' % name[:-len(e)] in source for e in ends)
word = lambda w: '"%s"' % w in check
recomputed = lambda name: word(name) or any(word(name[:i]) and word(name[i:]) for i in range(1, len(name))) or any(
    re.fullmatch(f.replace("%s", "([a-z0-9]+)"), name) for f in re.findall('"([a-z0-9_]*%s_[a-z0-9_]+)"', check))
problems, named, kin, lines = [], set(), set(), 0
for line in open(root + "/doc/bench-trace.md", encoding="utf-8"):
    cells = [re.findall("`([^`]+)`", c) for c in line.strip().strip("|").split("|")] if line.startswith("| ") else []
    if len(cells) not in (2, 5) or line.startswith(("| line", "| trap")):
        continue
    lines += 1
    for f in cells[2] if len(cells) == 5 else []:
        there = glob.glob(root + "/" + f) if "/" in f else re.search(r"\b%s\b" % f, headers)
        if not there: problems.append("no function " + f)
    for name in cells[3] if len(cells) == 5 else []:
        if re.fullmatch("_[a-z0-9_]+", name): kin.add(name)
        elif re.fullmatch("[a-z0-9_]+", name) and name not in ("score_nan", "ci_method", "n", "shapley_margin", "shapley_exact", "white_box", "no_gradients"):
            named.add(name)
            if not told(name): problems.append("no run and no source tells " + name)
            if "bench_check.py" in cells[4] and not recomputed(name):
                problems.append("bench_check.py does not recompute " + name)
    for t in cells[-1]:
        if t == "bench_check.py": continue
        if not (glob.glob(root + "/" + t) if "/" in t else len(re.findall(r"\b%s\b" % t, tests)) >= 2): problems.append("no test " + t)
problems += ["not named: " + m for m in sorted(run) if m not in named and not m.endswith((*kin, ".additional_positives"))]
print(lines, "lines,", len(named), "measures")
print("\n".join(problems), file=sys.stderr)
sys.exit(bool(problems) or lines < 60 or len(named) < 100)
PY
report $? "doc/bench-trace.md: what it names is there: $(cat "$dir/out")"
jq -e '[.requirements[] | select((.id | IN("DA-4", "CY-3", "RP-2", "GV-1", "GV-2", "GV-3", "GV-4")) and .verdict != "not_required")] | length > 10 and all(.verdict == "pass")' \
    run/summary.json >"$dir/out" 2>"$dir/err"
report $? 'rows of forms pass when the forms say so'
jq 'del(.forms)' manifest.json >m2 && mv m2 manifest.json
"$amane" bench run --record version.json --data manifest.json --model model.json --out bare --level advanced --no-report >"$dir/out" 2>"$dir/err" &&
    jq -e '[.requirements[] | select((.id | IN("DA-4", "CY-3", "GV-3")) and .level == "base")] | length == 3 and all(.verdict == "insufficient")' bare/summary.json >"$dir/out" 2>"$dir/err"
report $? 'and none does without'
report_end
