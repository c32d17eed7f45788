#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A regulator's day, in the browser alone and in Arabic, on a demo's world whose evidence waits for a decision:
# test/browser/regulator.mjs. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 4 >"$work/out" 2>&1; then
    echo 'not ok 1 - the demo evaluates a file'
    tail -3 "$work/out" | sed 's/^/# /'
    echo '1..1'
    exit 1
fi
/usr/bin/python3 "$root/test/support/regulator.py" "$work/world" node "$root/test/browser/regulator.mjs"
