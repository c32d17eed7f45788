#!/bin/sh
# kill -9 of the servers at random points: AMANE_KILLS rounds each (40, beside the 200 kills of tlog and those of db
# and blob in the unit tests; `make soak` does thousands). The seed is printed.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
rounds=${AMANE_KILLS:-40}
seed=${AMANE_SEED:-$(date +%s)}
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 7 >"$work/demo.out" 2>&1; then
    echo "not ok 1 - the demo builds the world to break"
    sed 's/^/# /' "$work/demo.out"
    echo "1..1"
    exit 1
fi
/usr/bin/python3 "$root/test/support/crash_registry.py" "$work/world" "$rounds" "$seed" >"$work/a" 2>"$work/a.err" || sed 's/^/# /' "$work/a.err"
/usr/bin/python3 "$root/test/support/crash_node.py" "$work/world" "$rounds" "$seed" >"$work/b" 2>"$work/b.err" || sed 's/^/# /' "$work/b.err"
[ -s "$work/a" ] || echo "not ok - the registry's crash test did not run"
[ -s "$work/b" ] || echo "not ok - the node's crash test did not run"
n=0
grep -hE '^(ok|not ok|#)' "$work/a" "$work/b" | while read -r line; do
    case $line in
    ok*) n=$((n + 1)); echo "ok $n - ${line#*- }" ;;
    not*) n=$((n + 1)); echo "not ok $n - ${line#*- }" ;;
    *) echo "$line" ;;
    esac
done
echo "1..$(cat "$work/a" "$work/b" | grep -cE '^(ok|not ok)')"
