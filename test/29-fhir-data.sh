#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real FHIR bundles through the bench: a cohort of Synthea by a declared mapping (windows, units, components) gives, score by score and
# measure by measure, what the table worked out by definition in Python gives; values without a unit are refused with their place. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
data=${AMANE_SHARED:-$root/../shared}/data/fhir-synthea-r4
[ -d "$data" ] || { echo "1..0 # SKIP REAL DATA ABSENT: $data is not there"; exit 0; }
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
run() { # run CASE
    "$amane" bench run --record "$dir/$1/version.json" --model "$dir/$1/model.json" --data "$dir/$1/manifest.json" --out "$dir/$1/bench" --level base >"$dir/out" 2>"$dir/err"
}
# What no seed turns: the seed comes from the digest of the data, which are other files.
plain() { jq -S '[.measures[] | select(.row | test("^(PF|MS|DA|EQ)-")) | select(.row != "EQ-9")]' "$dir/$1/bench/summary.json"; }

/usr/bin/python3 "$root/test/support/fhir_cohort.py" "$amane" "$data" "$dir" >"$dir/expected" 2>"$dir/err"
report $? 'a cohort is drawn from the bundles and a model is fitted on its other half'
for case_ in csv fhir; do
    run $case_
    report $? "$case_: the bench runs"
done
jq -e --slurpfile e "$dir/expected" '.dataset.n == $e[0].n and .dataset.positives == $e[0].positives and $e[0].n > 100 and (.dataset.sites | length) == 2 and .dataset.rejected == 0' \
    "$dir/fhir/bench/summary.json" >"$dir/out" 2>"$dir/err"
report $? 'as many patients, as many with the condition, as two sites'
cmp "$dir/csv/bench/scores.csv" "$dir/fhir/bench/scores.csv" >"$dir/out" 2>"$dir/err"
report $? 'every score, label and group is that of the table, to the last digit'
plain csv >"$dir/csv.json"
plain fhir >"$dir/fhir.json"
[ "$(jq length "$dir/csv.json")" -gt 200 ] && diff "$dir/csv.json" "$dir/fhir.json" >"$dir/out" 2>"$dir/err"
report $? "$(jq length "$dir/csv.json") measures are those of the table"
"$amane" bench verify "$dir/fhir/bench" >"$dir/out" 2>"$dir/err"
report $? 'the evidence verifies'
jq -e '[.requirements[] | select(.id == "PF-1" and .level == "base")][0] | .verdict != "pass"' "$dir/fhir/bench/summary.json" >"$dir/out" 2>"$dir/err"
report $? 'what made-up patients cannot tell earns no pass'

run raw
[ $? = 1 ] && [ ! -e "$dir/raw/bench" ] && grep -qE 'path:[0-9]+:/valueQuantity/code: .*\[bench\.fhir_unit\]' "$dir/err"
report $? 'as they came, pressures without a unit are refused by line and member'
# The other way a mapping can be wrong: a unit of another quantity.
jq '.data[].mapping.fields.height.unit = "kg"' "$dir/fhir/manifest.json" >"$dir/manifest" && mv "$dir/manifest" "$dir/fhir/manifest.json"
rm -rf "$dir/fhir/bench"
run fhir
[ $? = 1 ] && [ ! -e "$dir/fhir/bench" ] && grep -q 'bench\.fhir_unit' "$dir/err"
report $? 'metres do not become kilograms'
report_end
