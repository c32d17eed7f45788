#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Escrow by pages and without scripts: the list as a file, the signed receipt as a file, release from its condition to its execution. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 5 >"$work/out" 2>&1; then
    echo 'not ok 1 - the demo gives a label'
    tail -3 "$work/out" | sed 's/^/# /'
    echo '1..1'
    exit 1
fi
/usr/bin/python3 "$root/test/support/escrow.py" "$work/world"
