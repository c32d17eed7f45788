#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Ten thousand clients that begin a request and never end it: the registry goes on serving the others. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 1 >"$work/demo.out" 2>&1; then
    echo "not ok 1 - the demo makes a registry"
    sed 's/^/# /' "$work/demo.out"
    echo "1..1"
    exit 1
fi
/usr/bin/python3 "$root/test/support/slow_clients.py" "$work/world" "${AMANE_SLOW:-10000}"
