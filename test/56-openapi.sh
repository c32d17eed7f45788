#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The published interface is what the servers do: every exchange of the demo, then a walk over every operation of the
# registry and of a node (good requests, nobody's, broken ones), held against the OpenAPI documents they serve, by
# python3-jsonschema. A status, a media type or a member that is not described is red. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
export AMANE="${AMANE:-$root/build/amane}" PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d) || exit 3
demo=
trap '[ -z "$demo" ] || { kill "$demo"; wait "$demo"; } 2>/dev/null; rm -rf "$work"' EXIT
"$AMANE" demo --data "$work/world" --made --serve --record "$work/record" >"$work/out" 2>&1 &
demo=$!
i=0
while [ $i -lt 1800 ] && ! grep -q '^login:' "$work/out" && kill -0 "$demo" 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
if ! grep -q '^login:' "$work/out"; then
    tail -n 20 "$work/out" | sed 's/^/# /'
    echo "not ok 1 - the demo runs to its end and serves"
    echo "1..1"
    exit 1
fi
/usr/bin/python3 "$root/test/support/openapi_replay.py" walk "$work/world" "$work/record"
