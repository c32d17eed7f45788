#!/bin/sh
# Faults and hostility: bodies no client should send, statements replayed and re-ordered, keys that do not count,
# a registry killed, rolled back and forked, weights altered, stops pressed in the middle of it. On one made world.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 7 >"$work/demo.out" 2>&1; then
    echo "not ok 1 - the demo builds the world to break"
    sed 's/^/# /' "$work/demo.out"
    echo "1..1"
    exit 1
fi
for half in input servers; do
    /usr/bin/python3 "$root/test/support/faults_$half.py" "$work/world" >"$work/$half" 2>"$work/$half.err"
    grep -q '^1\.\.' "$work/$half" || { # it died on the way
        echo "not ok - faults_$half.py runs to its end" >>"$work/$half"
        sed 's/^/# /' "$work/$half.err" >>"$work/$half"
    }
done
n=0
grep -hE '^(ok|not ok|#)' "$work/input" "$work/servers" | while read -r line; do
    case $line in
    ok*) n=$((n + 1)); echo "ok $n - ${line#*- }" ;;
    not*) n=$((n + 1)); echo "not ok $n - ${line#*- }" ;;
    *) echo "$line" ;;
    esac
done
echo "1..$(cat "$work/input" "$work/servers" | grep -cE '^(ok|not ok)')"
! grep -q '^not ok' "$work/input" "$work/servers"
