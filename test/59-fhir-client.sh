#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A FHIR client of others (npm: fhir-kit-client), unmodified, at the FHIR interface of a node: test/peers/fhir.mjs. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
AMANE_PEER_TOOLS=${AMANE_PEER_TOOLS:-$root/.deps/peers}
node=
for f in "$AMANE_PEER_TOOLS"/node_modules/node-linux-*/bin/node; do [ -x "$f" ] && node=$f; done
if [ -z "$node" ] || ! [ -d "$AMANE_PEER_TOOLS/node_modules/fhir-kit-client" ]; then
    echo "ok 1 - # SKIP the packages of test/peers are not installed: run tools/setup.sh"
    echo "1..1"
    exit 0
fi
work=$(mktemp -d) || exit 3
"$AMANE" node --data "$work/ward" --listen 127.0.0.1:0 --open >"$work/ready" 2>"$work/log" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$work"' EXIT
i=0
while [ $i -lt 300 ] && ! [ -s "$work/ready" ] && kill -0 "$pid" 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
"$node" "$root/test/peers/fhir.mjs" "$AMANE_PEER_TOOLS" "$(jq -r .url "$work/ready")/fhir" 2>"$work/why"
status=$?
sed 's/^/# /' "$work/why" | cut -c1-300 | head -20
exit $status
