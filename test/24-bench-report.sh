#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The report of a bench run, in three languages: one well-formed file that asks nothing from anywhere, with the figures of
# summary.json, each leading to its formula; hostile words stay words; a folder that lies is refused; axe finds nothing. TAP.
# AMANE = the program. Screenshots: test/browser/output/.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
tell() { # tell NAME: lines "ok WHAT" of $dir/check become numbered tests
    while IFS= read -r line; do
        case $line in
        'ok '*) report 0 "$1: ${line#ok }" ;;
        'not ok '*) report 1 "$1: ${line#not ok }" ;;
        *) echo "$line" ;;
        esac
    done <"$dir/check"
}
run() { # run OUT ARGS...
    out=$1
    shift
    "$amane" bench run --record "$dir/made/version.json" --model "$dir/made/model.json" --data "$dir/made/manifest.json" \
        --out "$out" "$@" >"$dir/out" 2>"$dir/err"
}
: >"$dir/out" >"$dir/err"
/usr/bin/python3 "$root/test/support/bench_make.py" "$amane" "$dir/made" >"$dir/out" 2>"$dir/err"
report $? 'a made cohort of four sites'
run "$dir/run" --level advanced
report $? 'the bench runs'
for lang in fr ar en; do
    "$amane" bench report "$dir/run" --lang $lang --out "$dir/$lang.html" >"$dir/out" 2>"$dir/err" &&
        cmp "$dir/$lang.html" "$dir/run/report.$lang.html" >>"$dir/err" 2>&1
    report $? "$lang: bench report writes the file that bench run left"
    /usr/bin/python3 "$root/test/support/bench_report_check.py" "$dir/run" "$dir/$lang.html" $lang >"$dir/check" 2>"$dir/err"
    grep -q '^ok' "$dir/check"
    report $? "$lang: the checker ran"
    tell $lang
done
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/bench-curves-1.json" "$dir/run/curves.json" >"$dir/out" 2>"$dir/err"
    report $? 'curves.json fits its schema'
else
    skipped "curves.json fits its schema" "python3-jsonschema is not there"
fi
run "$dir/demo" --policy "$root/policy/demo-1.json" && jq -r '.evidence[] | .sha256 + "  " + .file' "$dir/demo/summary.json" >"$dir/sums" &&
    (cd "$dir/demo" && sha256sum --quiet -c "$dir/sums") >"$dir/out" 2>&1
report $? 'under a policy that asks nothing of some families, the summary names the files that are there'
run "$dir/quiet" --no-report && [ ! -e "$dir/quiet/report.fr.html" ] && [ -e "$dir/quiet/summary.json" ]
report $? '--no-report writes none'

# Names that are code, through the whole of the bench.
jq '.data[].groups[0].values = {"0": "<script>alert(1)</script>", "1": "\"><img src=x onerror=y>"}' "$dir/made/manifest.json" >"$dir/m" &&
    mv "$dir/m" "$dir/made/manifest.json"
if run "$dir/code"; then
    ! grep -qE '<script|<img|onerror=[^y]' "$dir/code/report.en.html" && grep -q '&lt;script&gt;' "$dir/code/report.en.html"
    report $? 'a group named like a script stays a name'
else
    grep -q 'schema\.\|bench\.' "$dir/err"
    report $? 'a group named like a script is refused by the bench'
fi

# refused CODE NAME FILE FILTER: a copy of the run with one file changed by jq is refused with that code, and writes nothing
refused() {
    rm -rf "$dir/lie"
    cp -r "$dir/run" "$dir/lie"
    jq "$4" "$dir/run/$3" >"$dir/lie/$3"
    "$amane" bench report "$dir/lie" --out "$dir/never.html" >"$dir/out" 2>"$dir/err"
    [ $? = 1 ] && [ ! -e "$dir/never.html" ] && grep -qF "[$1]" "$dir/err"
    report $? "refused: $2"
}
refused report.digest 'an evidence file that was edited' evidence-performance.json '.measures[0].estimate = 0.99'
refused report.differs 'a summary that flatters the evidence' summary.json '(.measures[] | select(.row == "PF-1" and .group == "") | .estimate) |= 0.99'
refused report.level 'a level that its rows do not allow' summary.json '.level = "advanced"'
refused report.twice 'a row twice at one level' summary.json '.requirements += [.requirements[0]]'
refused report.interval 'an interval upside down' summary.json '(.measures[] | select(.row == "PF-1" and .group == "") | .ci95_low) |= 1.5'
refused report.evidence_name 'a way out of the folder' summary.json '.evidence[0].file = "../../etc/passwd"'
refused schema.required 'a summary without its verdicts' summary.json 'del(.requirements)'
refused schema.type 'a summary of another shape' summary.json '.measures = "none"'
refused schema.maximum 'a point outside the curve' curves.json '.roc[0].points[3].y = 7'
refused schema.minimum 'a bin of nine people' curves.json '.calibration[0].histogram[0].n = 9'
refused schema.maxItems 'more points than a curve has' curves.json '.roc[0].points = [range(500) | {x: 0, y: 0, low: 0, high: 1}]'
"$amane" bench report "$dir/nowhere" --out "$dir/never.html" >"$dir/out" 2>"$dir/err"
[ $? != 0 ] && [ ! -e "$dir/never.html" ]
report $? 'refused: a folder that is not there'
for wrong in '' "$dir/run" "$dir/run --out x --lang de"; do
    # shellcheck disable=SC2086 # words are meant
    "$amane" bench report $wrong >"$dir/out" 2>"$dir/err"
    [ $? = 2 ] && grep -q '^usage:' "$dir/err"
    report $? "usage error: bench report ${wrong#"$dir"/}"
done

mkdir "$dir/site"
cp "$dir/fr.html" "$dir/ar.html" "$dir/en.html" "$dir/site/"
node "$root/test/browser/run.mjs" --out "$root/test/browser/output" --name bench-report --weight 1500 --langs fr,ar --widths 1280 --narrow 320,650 \
    "file://$dir/site/{lang}.html" >"$dir/tap" 2>"$dir/err"
while IFS= read -r line; do
    case $line in
    'ok '*) report 0 "browser: ${line##*/}" ;;
    'not ok '*) report 1 "browser: ${line##*/}" ;;
    '1..0'*) n=$((n + 1)); echo "ok $n - browser # ${line#*# }" ;;
    '#'*) echo "$line" ;;
    esac
done <"$dir/tap"
grep -q '^1\.\.' "$dir/tap"
report $? 'the browser ran'
report_end
