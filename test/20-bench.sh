#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane bench run and amane policy show, as a laboratory meets them: figures recomputed by definition in Python, files
# that fit their schemas, refusals that name every problem, order of sites, exit codes. TAP. AMANE = the program,
# AMANE_SHARED = real data beside the checkout (the same on a made cohort when absent, and said so).
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
heart=${AMANE_SHARED:-$root/../shared}/data/heart-disease-4sites
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
# run CASE OUT ARGS...: one run
run() {
    case_=$1 out_=$2
    shift 2
    "$amane" bench run --record "$case_/version.json" --model "$case_/model.json" --data "$case_/manifest.json" --out "$out_" "$@" >"$dir/out" 2>"$dir/err"
}
# verdict FILE ID LEVEL FILTER WANTED NAME
verdict() {
    got=$(jq -c --arg id "$2" --arg l "$3" '.requirements[] | select(.id == $id and .level == $l) | '"$4" "$1" 2>&1)
    [ "$got" = "$5" ] || printf 'got %s, wanted %s\n' "$got" "$5" >>"$dir/err"
    [ "$got" = "$5" ]
    report $? "$6"
}
fits() { # fits SCHEMA FILE NAME
    if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
        /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/$1-1.json" "$2" >"$dir/out" 2>"$dir/err"
        report $? "$3"
    else
        skipped "$3" 'python3-jsonschema is not there'
    fi
}
# refused CODE FILTER NAME: the last run of case bad was refused, wrote nothing, and lists that problem
refused() {
    run "$dir/bad" "$dir/never" --json
    code=$?
    [ "$code" = 1 ] && [ ! -e "$dir/never" ] && jq -e --arg c "$1" '.ok == false and any(.problems[]; .code == $c and ('"$2"'))' "$dir/out" >/dev/null 2>>"$dir/err"
    report $? "$3"
}
# edit FILE FILTER: a copy of the made case with one file changed by jq
edit() {
    rm -rf "$dir/bad"
    cp -r "$dir/made" "$dir/bad"
    jq "$2" "$dir/made/$1" >"$dir/bad/$1"
}

measure() { # measure CASE WHAT: everything that must hold for any data
    run "$1" "$1/out" --level advanced
    report $? "$2: the bench runs"
    /usr/bin/python3 "$root/test/support/bench_check.py" "$1" "$1/out" >"$dir/out" 2>"$dir/err"
    report $? "$2: $(tail -n 1 "$dir/out")"
    jq -e '[.requirements[] | .id + .level] | length == 156 and (unique | length) == 156' "$1/out/summary.json" >/dev/null
    report $? "$2: 52 rows at three levels"
    jq -e '[.requirements[] | select(.reason == "no_evidence")] == [] and
        ([.requirements[] | select(.reason == "family_not_available") | .verdict] | unique) == ["insufficient"]' "$1/out/summary.json" >/dev/null
    report $? "$2: a row no family feeds says so and never passes"
    jq -e '.national == false and .level == "none" and .outcome != "granted"' "$1/out/summary.json" >/dev/null
    report $? "$2: the full matrix grants nothing on this evidence"
    fits bench-summary "$1/out/summary.json" "$2: summary.json fits its schema"
    for evidence in "$1"/out/evidence-*.json; do # every family that ran
        fits evidence "$evidence" "$2: $(basename "$evidence") fits its schema"
    done
    [ -e "$1/out/evidence-mutation.json" ] && [ -e "$1/out/evidence-tampering.json" ]
    report $? "$2: the families of robustness and of weights ran too"
    jq -e 'any(.requirements[]; .id == "EQ-9" and .level == "intermediate" and (.verdict == "pass" or .verdict == "fail") and
        .param == "protected_attribution_share") and ([.measures[] | select(.name == "mean_abs_attribution")] | length > 1)' "$1/out/summary.json" >/dev/null &&
        jq -e '.attributions[0].points | length > 1 and (map(.y) | . == (sort | reverse))' "$1/out/curves.json" >/dev/null
    report $? "$2: what the score is made of has a verdict (EQ-9) and bars"
    fits version "$1/version.json" "$2: the record fits its schema"
    fits bench-manifest "$1/manifest.json" "$2: the manifest fits its schema"
    jq '.data |= reverse' "$1/manifest.json" >"$1/m2" && mv "$1/m2" "$1/manifest.json"
    run "$1" "$1/out2" --level advanced && cmp -s "$1/out/scores.csv" "$1/out2/scores.csv" &&
        cmp -s "$1/out/curves.json" "$1/out2/curves.json" &&
        [ "$(jq -S .measures "$1/out/summary.json" | sha256sum)" = "$(jq -S .measures "$1/out2/summary.json" | sha256sum)" ]
    report $? "$2: the order of sites changes no figure"
    [ "$(stat -c %a "$1/out/scores.csv")" = 600 ]
    report $? "$2: the score file is sealed (0600)"
}

if [ -d "$heart" ]; then
    /usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/heart" "$heart" >"$dir/out" 2>"$dir/err"
    report $? 'four real hospitals, half for fitting'
    measure "$dir/heart" 'heart-disease-4sites'
    awk -F, 'NR == 1 || $5 == ""' "$dir/heart/out/scores.csv" >"$dir/used.csv"
    "$amane" stat binary --csv "$dir/used.csv" --label label --score score --group site --json >"$dir/out" 2>"$dir/err" &&
        jq -e --slurpfile s "$dir/heart/out/summary.json" 'def near(a; b): ((a - b) | fabs) < 1e-9;
            def m(row; name; group): $s[0].measures[] | select(.row == row and .name == name and .group == group);
            near(.auc; m("PF-1"; "auc"; "").estimate) and near(.auc_ci_gate[0]; m("PF-2"; "auc_ci95_low"; "").estimate) and
            near(.sensitivity.wilson95[0]; m("PF-3"; "sensitivity_ci95_low"; "").estimate) and
            near(.groups.site.hungarian.auc; m("PF-1"; "auc"; "site=hungarian").estimate)' "$dir/out" >/dev/null
    report $? 'heart-disease-4sites: amane stat binary agrees to 1e-9'
else
    skipped 'heart-disease-4sites' "REAL DATA ABSENT: $heart is not there"
fi
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/made" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort of four sites'
measure "$dir/made" 'made cohort'
run "$dir/made" "$dir/demo" --policy "$root/policy/demo-1.json" --org LAB9 --seed 5
report $? 'the demonstration policy'
jq -e '.requirements | length == 36 and all(.reason != "family_not_available")' "$dir/demo/summary.json" >/dev/null
report $? 'its twelve rows all have evidence'
jq -e '.issuer == {"role": "bench_operator", "org_id": "LAB9"} and all(.measures[]; .seed == "5")' "$dir/demo/evidence-data.json" >/dev/null
report $? 'organisation and seed are in the evidence'
! grep -qE '"(patient|row_id)|,[0-9]+,cleveland,[0-9]+,cleveland' "$dir/demo/scores.csv" && head -n 1 "$dir/demo/scores.csv" | grep -qxE "case,site,label,score,rejected,age_band,sex(,(case:(comparator|severe)|(condition|comorbidity):[0-9]+))*"
report $? 'no patient identifier in the score file'

edit version.json 'del(.inputs, .random_seed) | .zz = 1'
refused schema.required '.path == "/record/inputs"' 'an incomplete record is refused'
jq -e '[.problems[].path] | contains(["/record/random_seed", "/record/zz"])' "$dir/out" >/dev/null
report $? 'all its problems are named, not the first'
edit manifest.json '.data[1].columns.inputs.exang = "nope" | .data[0].columns.label = "no"'
refused csv.column '.path == "/manifest/data/1/columns/inputs/exang"' 'a column that is not there'
edit manifest.json '.data[0].columns.units.trestbps = "kPa"'
refused bench.unit '.path == "/manifest/data/0/columns/units/trestbps"' 'another unit than the record'
edit version.json '(.inputs[] | select(.name == "trestbps") | .range) = [7, 35]'
refused bench.implausible '.path | endswith("inputs/trestbps")' 'values of another unit are implausible'
edit manifest.json 'del(.data[2].columns.inputs.age)'
refused bench.input_missing '.path == "/manifest/data/2/columns/inputs/age"' 'an input without a column'
edit manifest.json '.threshold.value = 0.4'
refused bench.threshold '.path == "/manifest/threshold/value"' 'another threshold than the frozen one'
edit manifest.json '.data[1].site = .data[0].site'
refused bench.site_twice true 'one data set per site'
edit manifest.json '.data[0].label_map = {"0": 0, "7": 1}'
refused bench.label '.path | test(":[0-9]+:#9$")' 'a label the map does not know, at its line and column'
edit manifest.json '.data[].label_map = {"0": 1, "1": 1, "2": 1, "3": 1, "4": 1}'
refused bench.one_class true 'one class is refused'
edit manifest.json '.data[0].sha256 = "'"$(printf x | sha256sum | cut -d' ' -f1)"'"'
refused bench.data_digest '.path == "/manifest/data/0/sha256"' 'data with another digest'
edit manifest.json '.data[3].path = "lost.csv"'
refused bench.file '.path == "/manifest/data/3/path"' 'a data file that is not there'
edit manifest.json '.data |= map(del(.sha256))'
sed -i '3s/^[^,]*,/1,/; 2s/^[^,]*,/1,/' "$dir/bad/cleveland.csv"
refused bench.patient_twice '.path | endswith("columns/patient_id")' 'a patient twice without a cluster method'
jq '.cluster = "obuchowski"' "$dir/bad/manifest.json" >"$dir/m" && mv "$dir/m" "$dir/bad/manifest.json"
run "$dir/bad" "$dir/clustered" && jq -e 'any(.measures[]; .name == "auc" and .group == "" and (.ci_method | startswith("obuchowski")))' "$dir/clustered/summary.json" >/dev/null
report $? 'with a cluster method the interval is Obuchowski'
edit manifest.json '.data |= map(del(.sha256))'
sed -i '4s/,[^,]*$/,x/' "$dir/bad/va.csv"
refused bench.label '.path | test(":4:#")' 'a word for a label'
edit manifest.json '.leakage_test = {"method": "patient_ids", "training_ids": {"path": "ids.csv", "column": "id"}}'
printf 'id\n1\n3\nnobody\n' >"$dir/bad/ids.csv"
run "$dir/bad" "$dir/leak" && verdict "$dir/leak/summary.json" DA-3 base '[.verdict, .value]' "[\"fail\",$(jq '.measures[] | select(.name == "patient_overlap") | .estimate' "$dir/leak/summary.json")]" 'patients of the training set fail DA-3'
jq -e 'any(.measures[]; .name == "patient_overlap" and .estimate > 0)' "$dir/leak/summary.json" >/dev/null
report $? 'and are counted'
edit manifest.json '.threshold.frozen_at = "2026-10-01T08:00:00Z"'
run "$dir/bad" "$dir/late" && verdict "$dir/late/summary.json" ID-4 base .verdict '"fail"' 'a threshold frozen when the data were opened fails ID-4'
edit version.json '.optimizer = {"na": "no_training_phase"}'
run "$dir/bad" "$dir/na" && verdict "$dir/na/summary.json" ID-3 base '[.verdict, .param]' '["fail","na_reason_allowed"]' 'a reason this model type does not allow fails ID-3'
edit version.json '.model_digest = "'"$(printf y | sha256sum | cut -d' ' -f1)"'"'
run "$dir/bad" "$dir/other"
verdict "$dir/other/summary.json" ID-2 base .verdict '"fail"' 'another model than the record fails ID-2'
jq -e 'all(.measures[]; .row != "PF-1") and (.evidence | map(.family) | index("performance")) == null' "$dir/other/summary.json" >/dev/null
report $? 'and nothing is measured on it'
edit manifest.json .
head -c 200 "$dir/made/model.json" >"$dir/bad/model.json"
digest=$(sha256sum "$dir/bad/model.json" | cut -d' ' -f1)
root_=$(printf '%s' "$digest" | xxd -r -p | sha256sum | cut -d' ' -f1)
jq --arg d "$digest" --arg r "$root_" '.artifacts[0].sha256 = $d | .artifacts[0].size = 200 | .model_digest = $r' "$dir/made/version.json" >"$dir/bad/version.json"
refused json.truncated '.path | startswith("/model:")' 'a truncated model, at its line and column'
printf '{"a":' >"$dir/bad/manifest.json"
run "$dir/bad" "$dir/never" --json
[ $? = 1 ] && [ ! -e "$dir/never" ]
report $? 'a manifest that is no JSON'

"$amane" policy show "$root/policy/demo-1.json" >"$dir/out" 2>"$dir/err" && grep -q 'not a national label' "$dir/out" && grep -q '^  PF-1' "$dir/out"
report $? 'policy show'
jq 'del(.quorum) | .matrix.rows[0].limits[0].op = "about"' "$root/policy/demo-1.json" >"$dir/p.json"
"$amane" policy show "$dir/p.json" >"$dir/out" 2>"$dir/err"
[ $? = 1 ] && grep -q '/quorum' "$dir/err" && grep -q '/matrix/rows/0/limits/0/op' "$dir/err"
report $? 'a policy with holes is refused, every hole named'
run "$dir/made" "$dir/never2" --policy "$dir/p.json"
[ $? = 1 ] && [ ! -e "$dir/never2" ]
report $? 'and no bench runs under it'
for noun in bench policy; do
    "$amane" $noun -h >"$dir/out" 2>"$dir/err" && grep -q "^usage: amane $noun" "$dir/out"
    report $? "$noun -h"
    awk '/^## SYNOPSIS/ {s = 1} s && /^```/ {c++; next} c == 1' "$root/doc/man/amane-$noun.1.md" | cmp -s - "$dir/out"
    report $? "$noun -h is the synopsis of its manual"
done
for wrong in '' 'run' 'walk --record a --model b --data c --out d' 'run --record a --model b --data c --out d --level silver' \
    'run --record a --model b --data c --out d --seed minus'; do
    # shellcheck disable=SC2086 # words are meant
    "$amane" bench $wrong >"$dir/out" 2>"$dir/err"
    [ $? = 2 ] && grep -q '^usage:' "$dir/err"
    report $? "usage error: bench $wrong"
done
report_end
