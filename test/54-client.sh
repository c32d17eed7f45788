#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The OpenAPI documents of both servers: linted, turned into clients by a generator of others, and those clients
# perform the demo on a real registry and node (test/peers/client.mjs), each exchange of it as described. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
AMANE_PEER_TOOLS=${AMANE_PEER_TOOLS:-$root/.deps/peers}
work=$(mktemp -d) || exit 3
demo=
trap '[ -z "$demo" ] || { kill "$demo"; wait "$demo"; } 2>/dev/null; rm -rf "$work"' EXIT
node=
for f in "$AMANE_PEER_TOOLS"/node_modules/node-linux-*/bin/node; do [ -x "$f" ] && node=$f; done
if [ -z "$node" ]; then
    echo "ok 1 - # SKIP the packages of test/peers are not installed: run tools/setup.sh"
    echo "1..1"
    exit 0
fi
. "$root/test/support/tap.sh"
"$AMANE" demo --data "$work/told" --made >"$work/told.out" 2>&1
report $? "a demo runs to its end, to be told again"
"$AMANE" demo --data "$work/world" --made --until 1 --serve >"$work/out" 2>&1 &
demo=$!
i=0
while [ $i -lt 1800 ] && ! grep -q '^login:' "$work/out" && kill -0 "$demo" 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
grep -q '^login:' "$work/out"
report $? "another has its servers and keys up, and nothing said"
curl -sf "$(jq -r .registry.url "$work/world/world.json")/api/v1/openapi.json" >"$work/registry.json" &&
    curl -sf "$(jq -r '.nodes[0].url' "$work/world/world.json")/api/v1/openapi.json" >"$work/node.json"
report $? "both servers describe themselves"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
"$node" "$AMANE_PEER_TOOLS/node_modules/@redocly/cli/bin/cli.js" lint --config "$root/test/peers/redocly.yaml" --format=stylish \
    "$work/registry.json" "$work/node.json" >"$work/lint" 2>&1
report $? "redocly finds nothing in them (recommended-strict)"
[ $bad = 0 ] || sed 's/^/# /' "$work/lint" | cut -c1-200 | head -40
for server in registry node; do
    (cd "$work" && "$node" "$AMANE_PEER_TOOLS/node_modules/@hey-api/openapi-ts/bin/run.js" -i "$work/$server.json" \
        -o "$work/ts/$server" -c @hey-api/client-fetch) >"$work/gen" 2>&1
    report $? "openapi-ts makes a client of the $server"
done
"$node" "$AMANE_PEER_TOOLS/node_modules/typescript/bin/tsc" --module commonjs --moduleResolution node10 --ignoreDeprecations 5.0 \
    --target es2022 --lib es2023,dom,dom.iterable --skipLibCheck --strict --rootDir "$work/ts" --outDir "$work/js" \
    "$work/ts/registry/index.ts" "$work/ts/node/index.ts" >"$work/tsc" 2>&1
report $? "the clients compile under strict types $(head -n 1 "$work/tsc")"
echo '{"type":"commonjs"}' >"$work/js/package.json"
"$node" "$root/test/peers/client.mjs" "$work/js" "$work/told" "$work/world" "$work/record" >"$work/client" 2>&1
[ $? = 0 ] || bad=1
/usr/bin/python3 "$root/test/support/openapi_replay.py" record "$work/world" "$work/record" >"$work/replay" 2>&1
[ $? = 0 ] || bad=1
sed '/^1\.\./d' "$work/client" >"$work/all"
cat "$work/replay" >>"$work/all"
awk -v n="$n" '/^(not )?ok /{ n++; sub(/ok [0-9]+/, "ok " n) } /^1\.\./{ $0 = "1.." n } { print }' "$work/all"
exit $bad
