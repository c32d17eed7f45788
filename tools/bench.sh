#!/bin/sh
# Runs every program under bench/: bench.sh [NAME...]. Each prints JSON lines {figure, value, unit, target,
# better, peer, peer_value, conditions}; here they become a table and build/bench/results.json.
cd "$(dirname "$0")/.." || exit 3
build=${AMANE_BUILD:-build} # another folder while build/ is somebody else's
out=build/bench
mkdir -p $out
[ $# -gt 0 ] || {
    # shellcheck disable=SC2046 # names without spaces
    set -- $(tools/sources.sh | sed -n 's,^bench/\(.*\)\.c$,\1,p')
}
bad=0
: >$out/lines
for name in "$@"; do
    echo "bench: $name" >&2
    if ! ninja -C "$build" "bench-$name" >$out/build.log 2>&1; then
        tail -n 20 $out/build.log >&2
        bad=1
        continue
    fi
    # a bench that fails keeps nothing: half a table would look like a whole one
    if AMANE=$(realpath "$build/amane") AMANE_SOURCE_ROOT=$PWD timeout "${BENCH_SECONDS:-900}" "$build/bench-$name" >$out/one && jq -e . $out/one >/dev/null; then
        cat $out/one >>$out/lines
    else
        echo "bench: $name failed" >&2
        bad=1
    fi
done
keys='{figure, value, unit, target, better, peer, peer_value, conditions}'
jq -s "map($keys)" $out/lines >$out/results.json.new && mv $out/results.json.new $out/results.json
jq -r '.[] | select(.better != "lower" and .better != "higher") | "bench: \(.figure): better must be lower or higher"' $out/results.json | grep . >&2 && bad=1
jq -r '["FIGURE","VALUE","UNIT","TARGET","","PEER","PEER VALUE"],
    (.[] | [.figure, .value, .unit, (.target // "-"), (if .target == null then "" elif (.better == "lower") == (.value <= .target) or .value == .target then "met" else "MISSED" end), (.peer // "-"), (.peer_value // "-")]) | @tsv' $out/results.json |
    awk -F '\t' 'function short(v) { return v + 0 != v ? v : v >= 1000 ? sprintf("%.0f", v) : sprintf("%.4g", v) }
        {printf "%-46s %10s %-12s %9s %-6s %-30.30s %10s\n", $1, short($2), $3, $4, $5, $6, short($7)}'
rm -f $out/lines $out/one
exit $bad
