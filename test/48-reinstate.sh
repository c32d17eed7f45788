#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A national stop and its end, by pages and without scripts: suspended, reinstated by a decision, predictions again. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 7 >"$work/out" 2>&1; then
    echo 'not ok 1 - the demo runs up to its predictions'
    tail -3 "$work/out" | sed 's/^/# /'
    echo '1..1'
    exit 1
fi
/usr/bin/python3 "$root/test/support/reinstate.py" "$work/world"
