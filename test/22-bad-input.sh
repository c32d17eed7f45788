#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input through amane bench run itself: model files that lie, point elsewhere or bring code, models that die, hang,
# eat memory or say nothing on the seventh row of a site (bad_input.py), groups of one person. Each is refused by its
# name or a finding of the families it touches; the run never ends for it, and nobody is praised for what a dead model
# did not do. TAP. AMANE = the program, AMANE_ORT = the ONNX Runtime library.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
if [ -z "${AMANE_ORT:-}" ] && [ -f "$root/.deps/onnxruntime/libonnxruntime.so.1" ]; then
    export AMANE_ORT="$root/.deps/onnxruntime/libonnxruntime.so.1"
fi
export PYTHONDONTWRITEBYTECODE=1
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        sed 's/^/# /' "$dir/out" "$dir/err" 2>/dev/null | cut -c 1-300 | tail -n 20
        bad=1
    fi
}
make() { # make FAULT: the case with that model
    [ -d "$dir/$1" ] || /usr/bin/python3 "$root/test/support/bad_input.py" "$dir/case" "$dir/$1" "$1" >"$dir/out" 2>"$dir/err"
}
run() { # run FAULT ARGS...
    case_=$dir/$1
    shift
    "$amane" bench run --record "$case_/version.json" --model "$case_/model.json" --data "$case_/manifest.json" --out "$case_/out" --level intermediate --no-report "$@" >"$dir/out" 2>"$dir/err"
}
# is FAULT FILTER NAME: of its summary; e(row; name; group) is an estimate, v(row; level) a verdict
is() {
    jq -e 'def e(r; n; g): first(.measures[] | select(.row == r and .name == n and .group == g)) | .estimate;
        def v(r; l): first(.requirements[] | select(.id == r and .level == l)) | .verdict; '"$2" "$dir/$1/out/summary.json" >"$dir/out" 2>>"$dir/err"
    code=$?
    [ $code = 0 ] || jq -c '.measures[] | select(.row == "RB-1" and .name == "crash_or_nan" or .name == "flip_rate" or .row == "RP-1") | [.row, .name, .group, .estimate]' "$dir/$1/out/summary.json" >>"$dir/err"
    report $code "$3"
}

/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/case" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort and its model'
for site in cleveland hungarian switzerland va; do head -n 41 "$dir/case/$site.csv" >"$dir/short" && mv "$dir/short" "$dir/case/$site.csv"; done
jq 'del(.data[].sha256)' "$dir/case/manifest.json" >"$dir/short" && mv "$dir/short" "$dir/case/manifest.json"

if "$amane" model inspect "$root/test/fixtures/pneumonia.onnx" 2>&1 | grep -q onnx_runtime; then
    echo "ok $((n + 1)) - ONNX models # SKIP ONNX Runtime is not installed"
    echo "1..$((n + 1))"
    exit $bad
fi

# ---- files that are refused, by name and place, before any number
refused() { # refused FAULT CODE NAME
    make "$1"
    run "$1" --json
    [ $? = 1 ] && [ ! -e "$dir/$1/out" ] && jq -e --arg c "$2" '.ok == false and ([.problems[] | select(.path | startswith("/model"))] | length == 1 and .[0].code == $c)' "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$3"
}
refused external model.onnx_external 'weights in another file are not fetched'
refused domain model.onnx_domain 'an operator of somebody'"'"'s own is not run'
refused truncated model.truncated 'half a file'
refused declared_inputs model.onnx_session 'a file that says it reads more than its weights can take'

# ---- models that run, and fail (two by themselves: a run costs seconds)
# predict FAULT: the rows of the first site
predict() {
    make "$1" && awk -F, -v OFS=, 'NR == 1 || $5 != "?" {print $2, $3, $4, $5, $6, $7, $8}' "$dir/$1/cleveland.csv" >"$dir/rows.csv"
    "$amane" model predict "$dir/$1/model.json" --csv "$dir/rows.csv" --out "$dir/scores" >"$dir/out" 2>"$dir/err"
}
predict none && [ "$(wc -l <"$dir/scores")" = "$(wc -l <"$dir/rows.csv")" ]
report $? 'the same model in ONNX, without a fault, scores'
predict declared_outputs
[ $? = 1 ]
report $? 'one that says one score and gives three: an answer of no'
predict memory
[ $? = 1 ] && grep -q 'requested buffer of size 160000000000' "$dir/err"
report $? 'one that asks for 160 GB on the seventh row: likewise'
# dead FAULT NAME: it ended while scoring; the finding has its words, every family its own reason
dead() {
    make "$1" && run "$1" --answer-s 6
    report $? "$2: the run ends as runs do"
    is "$1" '[.warnings[] | select(.code == "bench.model_failed" and .path == "/model")] | length == 1' "$2: is a finding"
    is "$1" 'e("RB-1"; "crash_or_nan"; "rows=as_they_are") == 154 and v("RB-1"; "base") == "fail"' "$2: RB-1 is red for the rows it took"
    is "$1" '[.requirements[] | select(.verdict == "pass") | .id] | unique - ["ID-1", "ID-2", "ID-3", "ID-4", "DA-3", "EQ-1", "CY-4"] == []' "$2: it passes nothing but what is on paper and in its bytes"
    is "$1" '[.measures[] | select(.row == "PF-1" or .row == "RB-5" and .name == "flip_rate" or .row == "RP-1") | .estimate] | length > 5 and all(. == null)' "$2: nothing is measured on it"
}
dead crash 'a process that dies on the seventh row'
grep -qE 'SIGFPE|signal' "$dir/err"
report $? 'how it ended is said'
dead hang 'one that does not answer on the seventh row'
grep -q 'no answer in time' "$dir/err"
report $? 'and that it was late'
make nan && jq '(.data[].groups[] | select(.name == "age_band")) |= (.bands = [26, 89]) | .data[0].groups += [{name: "ward", column: "row", kind: "other"}] |
    .relations = [{inputs: {age: 1, thalach: 1}, max: 400}]' "$dir/nan/manifest.json" >"$dir/m" && mv "$dir/m" "$dir/nan/manifest.json" && run nan
report $? 'one that has no number for the seventh row: the run ends as runs do'
is nan 'e("RB-1"; "crash_or_nan"; "rows=as_they_are") == 1 and v("RB-1"; "base") == "fail" and e("PF-1"; "auc"; "") > 0.6' 'that row is counted against it, the others are measured'
[ "$(grep -c ',score_nan,' "$dir/nan/out/scores.csv")" = 1 ] && grep -q '^7,cleveland,.*,score_nan,' "$dir/nan/out/scores.csv"
report $? 'and the score file says which it was'
# groups of one person: an attribute with a value for each, bands of nearly nobody
is nan '[.measures[] | select((.group | startswith("ward=")) and .estimate != null)] == []' 'nothing is said of a group of one person'
is nan '[.subgroups[] | select(.n < 10)] == [] and ([.subgroups[]] | length) > 0' 'nor is it in the table of the groups'
! grep -q '"ward=' "$dir/nan/out/curves.json" "$dir"/nan/out/evidence-*.json
report $? 'nor in the evidence and the curves'
is nan 'e("EQ-9"; "stands_with"; "input:age;with:thalach") == 1 and ([.measures[] | select(.name == "mean_abs_attribution")] | length == 6 and all(.ci_method == "shapley_exact"))' 'inputs tied by a relation are asked as one and have one attribution'
"$amane" bench verify "$dir/crash/out" --data "$dir/crash/manifest.json" --json >"$dir/out" 2>"$dir/err" && jq -e '.ok' "$dir/out" >/dev/null
report $? 'verify: what is said of the dead follows from what was kept'
echo "1..$n"
exit $bad
