#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sealed sets as the operator of a bench meets them: the same cohort in clear, in NDJSON and sealed gives the same measures;
# nothing in clear on the disk; every run counted, also one that is killed; budgets; what the vendor gets. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
# run MANIFEST OUT ARGS...
run() {
    manifest=$1 out_=$2
    shift 2
    "$amane" bench run --record "$dir/c/version.json" --model "$dir/c/model.json" --data "$manifest" --out "$out_" "$@" >"$dir/out" 2>"$dir/err"
}
sealed() { # sealed OUT: with the store
    run "$dir/c/sealed.json" "$1" --store "$dir/store" --store-key "$dir/key"
}
seal() {
    "$amane" bench seal "$@" --store "$dir/store" --key "$dir/key" >"$dir/out" 2>"$dir/err"
}
measures() { jq -S .measures "$1/summary.json"; }
same() { # same OUT NAME: the measures and the score file of the clear run
    measures "$dir/clear" >"$dir/a" && measures "$1" >"$dir/b" && cmp "$dir/a" "$dir/b" >"$dir/err" 2>&1 &&
        cmp "$dir/clear/scores.csv" "$1/scores.csv" >"$dir/err" 2>&1
    report $? "$2"
}
uses() { jq -e '[.[] | select(.purpose == "run")] | length == '"$1" "$dir/out" >/dev/null; }
again() { # again VERB FOLDER ARGS...
    verb=$1 folder=$2
    shift 2
    "$amane" bench "$verb" "$folder" --json "$@" >"$dir/out" 2>"$dir/err"
}
with_store() { again "$@" --store "$dir/store" --store-key "$dir/key" --data "$dir/c/sealed.json"; }

/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/c" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort of four sites'
run "$dir/c/manifest.json" "$dir/clear"
report $? 'in clear'

# NDJSON, made by a tool that is not ours: numbers as numbers, half of the columns nested
/usr/bin/python3 - "$dir/c" >"$dir/out" 2>"$dir/err" <<'PY'
import csv, json, sys
d = sys.argv[1]
m = json.load(open(d + "/manifest.json"))
def value(v):
    try:
        return int(v) if v == str(int(v)) else v
    except ValueError:
        try:
            return float(v) if repr(float(v)) == v else v
        except ValueError:
            return v
for e in m["data"]:
    rows = list(csv.DictReader(open(d + "/" + e["path"], newline="")))
    with open(d + "/" + e["path"] + ".ndjson", "w") as out:
        for r in rows:
            r = {k: value(v) for k, v in r.items() if v != ""}
            r["vital/signs"] = {"bp": r.pop("trestbps", None)}
            out.write(json.dumps(r, ensure_ascii=False) + "\n")
    e["path"] += ".ndjson"
    e["format"] = "ndjson"
    e.pop("sha256", None)
    e["columns"]["inputs"]["trestbps"] = "/vital~1signs/bp"
json.dump(m, open(d + "/ndjson.json", "w"))
PY
run "$dir/c/ndjson.json" "$dir/ndjson"
report $? 'as one JSON object a line'
same "$dir/ndjson" 'NDJSON gives the figures of CSV, byte for byte'

AMANE_KEY_PASSPHRASE='une phrase' "$amane" bench seal key --out "$dir/key" >"$dir/out" 2>"$dir/err" && [ "$(stat -c %a "$dir/key")" = 600 ]
report $? 'a key under a passphrase, 0600'
! seal list
report $? 'without the passphrase the store is closed'
export AMANE_KEY_PASSPHRASE='une phrase'
seal import "$dir/c/manifest.json" --id trial --runs 4 --runs-vendor 9 --runs-algorithm 9
report $? 'the sets are sealed'
! seal import "$dir/c/manifest.json" --id trial && grep -q sealed_exists "$dir/err"
report $? 'once'
jq '.data |= map(del(.sha256) | .path = "sealed:trial/" + .site)' "$dir/c/manifest.json" >"$dir/c/sealed.json"
second=$(sed -n 2p "$dir/c/cleveland.csv")
mkdir "$dir/away" && mv "$dir"/c/*.csv "$dir/away" && cp "$dir/away/train.csv" "$dir/c"
! grep -rqF "$second" "$dir/store" && [ "$(find "$dir/store" -type f ! -perm 600 | wc -l)" = 0 ]
report $? 'no row in clear in the store, nothing for others to read'
! run "$dir/c/sealed.json" "$dir/no" && grep -q sealed_store "$dir/err" && [ ! -e "$dir/no" ]
report $? 'without store and key a sealed set is refused'
sealed "$dir/s1"
report $? 'a run on the sealed sets'
same "$dir/s1" 'sealed sets give the figures of the files in clear'
! grep -rqF "$second" "$dir/store" "$dir/s1"
report $? 'no row in clear after the run'
[ "$(find "$dir/s1" -maxdepth 1 -type f ! -perm 600 | wc -l)" = 0 ] && [ ! -e "$dir/s1/vendor/scores.csv" ] && [ ! -e "$dir/s1/vendor/curves.json" ] &&
    jq -e '.contents == "measures_only" and (.files | length > 5)' "$dir/s1/vendor/vendor.json" >/dev/null &&
    (cd "$dir/s1/vendor" && jq -r '.files[] | .sha256 + "  " + .name' vendor.json | sha256sum -c --quiet)
report $? 'the vendor gets measures, the rest is the operator'"'"'s'
head -n 1 "$dir/s1/scores.csv" | grep -qx 'case,site,label,score,rejected,age_band,sex'
report $? 'no identity of a row in the score file'
seal log trial --json && uses 1 && jq -e '.[0] | .seq == 1 and (.members | length == 4) and (.plan_sha256 | length == 64) and (.families | contains("performance"))' "$dir/out" >/dev/null
report $? 'the use is in the log: model, record, plan, sites, families'
known=$("$amane" bench seal export-digest trial --store "$dir/store" --key "$dir/key" --json | jq -r .last)

"$amane" bench run --record "$dir/c/version.json" --model "$dir/c/model.json" --data "$dir/c/sealed.json" --out "$dir/s2" --store "$dir/store" --store-key "$dir/key" >"$dir/out" 2>"$dir/err" &
pid=$!
i=0 # the run is killed once its use is written down
while [ "$(wc -l <"$dir/store/trial/uses.ndjson")" -lt 3 ] && kill -0 $pid 2>/dev/null && [ $i -lt 3000 ]; do i=$((i + 1)) && sleep 0.02; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
seal log trial --json && uses 2
report $? 'a run that is killed has been counted'
sealed "$dir/s3" && sealed "$dir/s4"
report $? 'the store goes on'
! sealed "$dir/s5" && grep -q sealed_budget "$dir/err" && [ ! -e "$dir/s5" ]
report $? 'the budget is used up: refused, nothing written'
with_store verify "$dir/s1" && jq -e '.ok and all(.families[]; .equal == .measures and .not_derived == 0)' "$dir/out" >/dev/null
report $? 'verify with the store: every number of the run made again'
seal list --json && jq -e '.[0] | .runs == 4 and .uses == 8' "$dir/out" >/dev/null && seal log trial --json &&
    jq -e '[.[].purpose] == ["run", "result", "run", "run", "result", "run", "result", "verify"] and .[7].answers_sha256 == .[1].answers_sha256' "$dir/out" >/dev/null
report $? 'it is in the log, and costs no run'
again verify "$dir/s1" && jq -e '.ok and (.families[] | select(.family == "identity") | .not_derived == 1)' "$dir/out" >/dev/null
report $? 'without the store nothing differs: the first use is not made again'
cp -r "$dir/s1" "$dir/probe" && printf x >>"$dir/probe/answers-coherence.bin"
! with_store verify "$dir/probe" && grep -q sealed_answers "$dir/err"
report $? 'answers that no run left open nothing'
! with_store rerun "$dir/s1" --model "$dir/c/model.json" && grep -q sealed_budget "$dir/err"
report $? 'a rerun asks the model: the budget is used up'
seal log trial --json && jq -e 'length == 8' "$dir/out" >/dev/null
report $? 'what was refused is no use'
seal log trial --known "$known"
report $? 'the log goes through the digest kept elsewhere'
cp "$dir/store/trial/uses.ndjson" "$dir/log"
head -n 3 "$dir/log" >"$dir/store/trial/uses.ndjson"
! seal list --json && grep -q sealed_tampered "$dir/err"
report $? 'a log that was shortened is found'
cp "$dir/log" "$dir/store/trial/uses.ndjson"
"$amane" bench seal key --out "$dir/key2" && ! "$amane" bench seal list --store "$dir/store" --key "$dir/key2" >"$dir/out" 2>"$dir/err" && grep -q sealed_key "$dir/err"
report $? 'another key opens nothing'
report_end
