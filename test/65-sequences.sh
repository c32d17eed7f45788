#!/bin/sh
# Over a million continuations of the life cycle keep its invariants (lifecycle.md 13). The plain build: the unit tests run a
# slice of it under sanitizers. AMANE_SEED repeats a run, AMANE_SEQUENCES asks for more (make soak: 20 million).
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(dirname "${AMANE:-$root/build/amane}")
want=${AMANE_SEQUENCES:-1250000} # so many that every pair of statements is among them
out=$(mktemp) || exit 3
trap 'rm -f "$out"' EXIT
echo 1..2
if AMANE_SEQUENCES=$want "$build/ledger_sequence_test" >"$out" 2>&1; then
    echo "ok 1 - every statement of every sequence keeps the invariants"
else
    echo "not ok 1 - every statement of every sequence keeps the invariants"
fi
grep -E '^#|LINE|ERROR' "$out" | sed 's/^[^#]/# &/'
done=$(sed -n 's/^# \([0-9]*\) sequences, .*/\1/p' "$out")
if [ "${done:-0}" -ge "$want" ]; then
    echo "ok 2 - $want sequences were tried"
else
    echo "not ok 2 - ${done:-0} sequences were tried, not $want"
fi
