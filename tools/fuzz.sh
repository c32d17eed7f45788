#!/bin/sh
# Fuzzes every parser: fuzz.sh [-t SECONDS] [TARGET...]. Seeds are in fuzz/corpus/<target>/ and never written;
# what is found grows in build-fuzz/corpus/<target>/, and what crashes lands in build-fuzz/findings/.
# Prints TAP: one line a target. Two targets run at a time.
cd "$(dirname "$0")/.." || exit 3
seconds=30
[ "${1:-}" = -t ] && { seconds=$2; shift 2; }
build=build-fuzz
tools/configure.sh $build fuzz >/dev/null || exit 3
[ $# -gt 0 ] || {
    # shellcheck disable=SC2046 # names without spaces
    set -- $(tools/sources.sh | sed -n 's,^src/.*/\([a-z0-9_]*_fuzz\)\.c$,\1,p')
}
# The targets and what they need, not the program: a sixth of the sources has no parser above it.
ninja --quiet -C $build "$@" >&2 || { echo "not ok 1 - the fuzz targets build with clang"; echo 1..1; exit 1; }
mkdir -p $build/findings
one() { # TARGET : its line of TAP without the number in $build/<target>.tap
    work=$build/corpus/$1
    mkdir -p "$work"
    seeds=
    [ -d "fuzz/corpus/$1" ] && seeds=fuzz/corpus/$1
    # shellcheck disable=SC2086 # $seeds is empty or one folder
    if ASAN_OPTIONS=allocator_may_return_null=1 AMANE_SOURCE_ROOT=$PWD $build/"$1" -max_total_time="$seconds" \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/findings/$1-" \
        "$work" $seeds >"$build/$1.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log")
        if [ -z "$seeds" ]; then
            echo "not ok - $1 has seeds in fuzz/corpus/$1" >"$build/$1.tap"
        else
            echo "ok - $1 (${runs:-0} runs in $seconds s)" >"$build/$1.tap"
        fi
    else
        echo "not ok - $1: see $build/$1.log, input in $build/findings/" >"$build/$1.tap"
        tail -n 25 "$build/$1.log" >&2
    fi
}
i=0
for t in "$@"; do
    one "$t" &
    i=$((i + 1))
    [ $((i % 2)) = 0 ] && wait
done
wait
n=0
bad=0
for t in "$@"; do
    n=$((n + 1))
    grep -q '^not ok' "$build/$t.tap" && bad=1
    sed "s/^\(not ok\|ok\) -/\1 $n -/" "$build/$t.tap"
done
echo "1..$n"
exit $bad
