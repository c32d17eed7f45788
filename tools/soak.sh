#!/bin/sh
# Runs the scenarios again and again: soak.sh [SECONDS] (default 1800); stops at the first failure. The servers are
# killed AMANE_KILLS times each in the first round (default 1000: some thirty minutes), 100 times in the others.
cd "$(dirname "$0")/.." || exit 3
end=$(($(date +%s) + ${1:-1800}))
round=0
while [ "$(date +%s)" -lt $end ]; do
    round=$((round + 1))
    kills=100
    [ $round = 1 ] && kills=${AMANE_KILLS:-1000}
    for scenario in test/[0-9]*.sh; do
        [ -f "$scenario" ] || { echo 'no scenario under test/' >&2; exit 3; }
        echo "soak: round $round, $scenario" >&2
        if ! AMANE=$PWD/build/amane AMANE_SAN=$PWD/build-san/amane AMANE_KILLS=$kills timeout $((600 + kills * 6)) sh "$scenario" >build/soak.log 2>&1 ||
            grep -q '^not ok' build/soak.log; then
            tail -n 60 build/soak.log
            echo "soak: $scenario failed in round $round" >&2
            exit 1
        fi
    done
done
echo "soak: $round rounds without a failure"
