#!/bin/sh
# Runs the scenarios again and again: soak.sh [SECONDS [SCENARIO...]] (default 1800, all); stops at the first failure. In the first round
# the servers are killed AMANE_KILLS times each (default 1000: some thirty minutes) and AMANE_SEQUENCES life cycles are
# tried (default 20 million); a tenth of both in the others. Each scenario's output stays in build/soak/ROUND-NAME.log.
# Before, once, on both stores: 100,000 random searches against two oracles (EDS_ORACLE_QUERIES), AMANE_KILLS kills of who
# writes a warehouse, 10,000 mutated resources (AMANE_MUTATED), and what `make check` runs on one store for its length.
cd "$(dirname "$0")/.." || exit 3
end=$(($(date +%s) + ${1:-1800}))
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- test/[0-9]*.sh
round=0
logs=build/soak
rm -rf "$logs"
mkdir -p "$logs"
gallery=build/web_gallery_test
[ -x build-san/web_gallery_test ] && gallery=build-san/web_gallery_test
export AMANE_SOAK=1
tools/postgres.sh have || echo 'soak: no PostgreSQL server programs: NOTHING IS RUN ON POSTGRESQL (half of each unit test below, scenarios 12, 58-damage, 58-rest-postgres, 58-shards)' >&2
in_memory=/tmp # kill -9 asks nothing of a disk
[ -w /dev/shm ] && in_memory=/dev/shm
for unit in eds_search_test door_oracle_test eds_fault_test rest_mutant_test rest_fault_test door_export_test ward_test ward_form_test ward_desk_test; do
    t0=$(date +%s)
    if ! AMANE_PG_TOP=$in_memory AMANE_SOURCE_ROOT=$PWD EDS_ORACLE_QUERIES=${EDS_ORACLE_QUERIES:-100000} AMANE_KILLS=${AMANE_KILLS:-1000} \
        AMANE_MUTATED=${AMANE_MUTATED:-10000} AMANE_SHARED=${AMANE_SHARED:-$PWD/../shared} tools/postgres.sh with build/$unit >"$logs/$unit.log" 2>&1; then
        tail -n 20 "$logs/$unit.log"
        echo "soak: $unit failed" >&2
        exit 1
    fi
    echo "soak: $unit in $(($(date +%s) - t0)) s" >&2
done
if ! AMANE_TEST_BUNDLES=1 AMANE_SHARED=${AMANE_SHARED:-$PWD/../shared} build/rest_bundle_test >"$logs/bundles.log" 2>&1; then
    tail -n 20 "$logs/bundles.log"
    echo "soak: a real bundle is not read back as it was sent" >&2
    exit 1
fi
while [ "$(date +%s)" -lt $end ]; do
    round=$((round + 1))
    kills=${AMANE_KILLS:-1000}
    sequences=${AMANE_SEQUENCES:-20000000}
    [ $round = 1 ] || { kills=$((kills / 10)); sequences=$((sequences / 10)); }
    for scenario in "$@"; do
        [ -f "$scenario" ] || { echo 'no scenario under test/' >&2; exit 3; }
        log=$logs/$round-$(basename "$scenario" .sh).log
        t0=$(date +%s)
        if ! AMANE=$PWD/build/amane AMANE_GALLERY_TEST=$PWD/$gallery AMANE_KILLS=$kills AMANE_SEQUENCES=$sequences AMANE_TEST_COVERAGE=20000 AMANE_EXAMPLES=all \
            timeout $((1200 + kills * 6)) sh "$scenario" >"$log" 2>&1 || grep -q '^not ok' "$log"; then
            tail -n 60 "$log"
            echo "soak: $scenario failed in round $round" >&2
            exit 1
        fi
        echo "soak: round $round, $(basename "$scenario" .sh): $(grep -c '^ok' "$log") checks in $(($(date +%s) - t0)) s" >&2
    done
done
echo "soak: $round rounds without a failure"
