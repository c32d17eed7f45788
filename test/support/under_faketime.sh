#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# under_faketime.sh STORY.py: a made world up to its deployments, then a story told with clocks that libfaketime moves. TAP.
root=$(cd "$(dirname "$0")/../.." && pwd)
export AMANE="${AMANE:-$root/build/amane}"
export PYTHONPATH="$root/test/support" PYTHONDONTWRITEBYTECODE=1
lib=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1)
[ -n "$lib" ] || { echo '1..0 # SKIP libfaketime is missing (tools/setup.sh installs it)'; exit 0; }
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
if ! "$AMANE" demo --data "$work/world" --made --until 7 >"$work/demo.out" 2>&1; then
    echo "not ok 1 - the demo makes a world"
    sed 's/^/# /' "$work/demo.out"
    echo "1..1"
    exit 1
fi
/usr/bin/python3 "$root/test/support/$1" "$work/world" "$lib"
