#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Row DM-2 as a laboratory meets it: a year of data by date, its windows recomputed in Python, the verdicts of an honest
# year and of one whose model lost its worth in September, what is refused. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
run() { # run CASE: one run of it
    "$amane" bench run --record "$1/version.json" --model "$1/model.json" --data "$1/manifest.json" --out "$1/run" --level advanced >"$dir/out" 2>"$dir/err"
}
verdict() { # verdict CASE LEVEL WANTED NAME
    got=$(jq -r --arg l "$2" '.requirements[] | select(.id == "DM-2" and .level == $l) | .verdict' "$1/run/summary.json" 2>"$dir/err")
    [ "$got" = "$3" ]
    report $? "$4 ($got)"
}
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/year" >"$dir/out" 2>"$dir/err" && cp -r "$dir/year" "$dir/late" &&
    /usr/bin/python3 "$root/test/support/drift_case.py" make "$dir/year" 2>"$dir/err" && /usr/bin/python3 "$root/test/support/drift_case.py" make "$dir/late" late 2>"$dir/err"
report $? 'a year of data, and one that ends badly'
run "$dir/year"
report $? 'the honest year runs'
/usr/bin/python3 "$root/test/support/drift_case.py" check "$dir/year" "$dir/year/run" >"$dir/out" 2>"$dir/err"
report $? "the honest year: $(tail -n 1 "$dir/out")"
jq -e '[.measures[] | select(.row == "DM-2")] | any(.name == "window_auc_drop_from_certified" and .group == "" and .estimate <= 0.05) and
    any(.name == "streams_in_alarm" and .estimate == 0) and any(.name == "inputs_in_alarm" and .estimate == 0)' "$dir/year/run/summary.json" >"$dir/out" 2>"$dir/err"
report $? 'the honest year: no window fell, no stream, no input alarms'
jq -e 'any(.measures[]; .row == "DA-2" and .estimate > 0.95 and .estimate < 1)' "$dir/year/run/summary.json" >"$dir/out" 2>"$dir/err"
report $? 'predictions that came before their outcome are counted (DA-2)'
! grep -q '2026-' "$dir/year/run/scores.csv" && head -n 1 "$dir/year/run/scores.csv" | grep -q 'case:order'
report $? 'the score file has ranks and no date'
verdict "$dir/year" intermediate documented 'at intermediate the row is documented'
run "$dir/late"
report $? 'the year that ends badly runs'
/usr/bin/python3 "$root/test/support/drift_case.py" check "$dir/late" "$dir/late/run" >"$dir/out" 2>"$dir/err"
report $? "the bad year: $(tail -n 1 "$dir/out")"
verdict "$dir/late" advanced fail 'the bad year fails at advanced'
jq '.data[0].columns.timestamp = "age"' "$dir/year/manifest.json" >"$dir/year/no.json"
"$amane" bench run --record "$dir/year/version.json" --model "$dir/year/model.json" --data "$dir/year/no.json" --out "$dir/never" --json >"$dir/out" 2>"$dir/err"
[ $? = 1 ] && jq -e 'any(.problems[]; .code == "bench.timestamp" and (.path | test("^/manifest/data/0/path:")))' "$dir/out" >/dev/null 2>"$dir/err"
report $? 'a time that is none is refused by its place'
report_end
