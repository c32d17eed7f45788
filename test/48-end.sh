#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How a label ends, by pages and without scripts: the decision after a stop, a withdrawal by choice, a withdrawal for cause. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
for step in 7 5; do
    if ! "$AMANE" demo --data "$work/world$step" --made --until $step >"$work/out" 2>&1; then
        echo "not ok 1 - the demo runs up to step $step"
        tail -3 "$work/out" | sed 's/^/# /'
        echo '1..1'
        exit 1
    fi
done
/usr/bin/python3 "$root/test/support/end_of_label.py" "$work/world7" "$work/world5"
