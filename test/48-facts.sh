#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Facts declared by pages and without scripts: a sandbox opened, extended, reported; a deposit; a refusal after a hearing, its appeal to the end. TAP.
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
/usr/bin/python3 "$root/test/support/facts_forms.py" "$work/world"
