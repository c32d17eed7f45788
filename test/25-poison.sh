#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rows CY-5 and CY-7 as a laboratory meets them: a training set from escrow, clean, with a trigger planted in it, or missing;
# the verdict of the label, the findings list, what is refused. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
case_of() { # case_of WHAT: made and run
    /usr/bin/python3 "$root/test/support/poison_case.py" "$amane" "$dir/$1" "$1" >"$dir/out" 2>"$dir/err" &&
        run "$1" "$dir/$1/out"
    report $? "$1: the bench runs"
}
run() { # run CASE OUT ARGS...
    case_=$dir/$1 out_=$2
    shift 2
    "$amane" bench run --record "$case_/version.json" --model "$case_/model.json" --data "$case_/manifest.json" --out "$out_" "$@" >"$dir/out" 2>"$dir/err"
}
verdict() { # verdict CASE ROW LEVEL WANTED NAME: [verdict, param]
    got=$(jq -c --arg id "$2" --arg l "$3" '.requirements[] | select(.id == $id and .level == $l) | [.verdict, .param]' "$dir/$1/out/summary.json" 2>"$dir/err")
    [ "$got" = "$4" ] || printf 'got %s, wanted %s\n' "$got" "$4" >>"$dir/err"
    [ "$got" = "$4" ]
    report $? "$1: $5"
}
holds() { # holds CASE FILTER NAME: over the measures
    jq -e '.measures | '"$2" "$dir/$1/out/summary.json" >"$dir/out" 2>"$dir/err"
    report $? "$1: $3"
}

case_of none
verdict none CY-5 base '["documented","unexplained_slice_abs_z"]' 'documented at base (R-20)'
verdict none CY-5 intermediate '["insufficient","unexplained_slice_abs_z"]' 'insufficient from intermediate (R-20)'
verdict none CY-7 base '["documented","membership_attack_auc"]' 'membership is documented as absent'
holds none 'all(.[] | select(.row == "CY-5" or .row == "CY-7"); .estimate == null and .ci_method == "no_training_data")' 'and says why'

case_of clean
verdict clean CY-5 intermediate '["pass","unexplained_slice_abs_z"]' 'no alarm'
holds clean 'any(.[]; .name == "effective_triggers" and .estimate == 0)' 'no trigger'
holds clean 'any(.[]; .name == "membership_attack_auc" and .estimate > 0.4 and .ci95_low < .estimate and .ci95_high > .estimate)' 'membership has its interval'
holds clean '[.[] | select(.name == "suspect_line") | .estimate] | length == 20 and (unique | length) == 20 and all(. >= 2)' 'twenty labels to look at, by line'
for family in poisoning membership; do
    if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
        /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/evidence-1.json" "$dir/clean/out/evidence-$family.json" >"$dir/out" 2>"$dir/err"
        report $? "clean: the evidence of $family fits its schema"
    fi
done
run clean "$dir/clean/again" --jobs 1 &&
    [ "$(jq -S '[.measures[] | select(.row == "CY-5" or .row == "CY-7")]' "$dir/clean/out/summary.json")" = \
        "$(jq -S '[.measures[] | select(.row == "CY-5" or .row == "CY-7")]' "$dir/clean/again/summary.json")" ]
report $? 'clean: one thread gives the same figures'
[ "$(wc -l <"$dir/clean/out/scores.csv")" = $(($(cat "$dir"/clean/cleveland.csv "$dir"/clean/hungarian.csv "$dir"/clean/switzerland.csv "$dir"/clean/va.csv | wc -l) - 3)) ]
report $? 'clean: no row of the training set is in the score file'

case_of trigger
verdict trigger CY-5 intermediate '["fail","effective_triggers"]' 'a planted trigger fails the row'
holds trigger 'any(.[]; .name == "trigger_turns_share" and (.group | test("trestbps=173") and test("thalach=111")) and .estimate > 0.2)' 'and is named with what it does'
verdict trigger CY-5 base '["documented","unexplained_slice_abs_z"]' 'documented at base'

printf 'x' >>"$dir/clean/train.csv"
run clean "$dir/never" --json
[ $? = 1 ] && [ ! -e "$dir/never" ] && jq -e 'any(.problems[]; .code == "bench.data_digest" and .path == "/manifest/training/sha256")' "$dir/out" >/dev/null 2>>"$dir/err"
report $? 'another file than escrow holds is refused'

report_end
