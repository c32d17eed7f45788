#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bundles of a demo's log (`amane log bundle`, and the registry's own) read by Sigstore's verifier, with a trust
# root that test/peers/sigstore.mjs makes from the pinned genesis. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
AMANE_PEER_TOOLS=${AMANE_PEER_TOOLS:-$root/.deps/peers}
export AMANE_PEER_TOOLS
work=$(mktemp -d) || exit 3
demo=
trap '[ -z "$demo" ] || { kill "$demo"; wait "$demo"; } 2>/dev/null; rm -rf "$work"' EXIT
. "$root/test/support/tap.sh"
# The distribution's node may be older than the verifier asks: the one locked in test/peers is used.
node=
for f in "$AMANE_PEER_TOOLS"/node_modules/node-linux-*/bin/node; do [ -x "$f" ] && node=$f; done
if [ -z "$node" ]; then
    echo "ok 1 - # SKIP the packages of test/peers are not installed: run tools/setup.sh"
    echo "1..1"
    exit 0
fi
"$AMANE" demo --data "$work/demo" --made --serve >"$work/out" 2>&1 &
demo=$!
i=0
while [ $i -lt 1800 ] && ! grep -q '^login:' "$work/out" && kill -0 "$demo" 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
grep -q '^login:' "$work/out"
report $? "a demo leaves its log and serves it"
copy=$work/demo/copy
value() { /usr/bin/python3 -c 'import json, sys; w = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/demo/world.json" "$1"; }
genesis=$(value 'w["genesis"]')
url=$(value 'w["registry"]["url"]')

mkdir "$work/offline" "$work/served"
size=$(sed -n 2p "$copy/log/checkpoint.cosigned")
i=0
while [ "$i" -lt "$size" ]; do
    "$AMANE" log bundle "$copy" "$i" >"$work/offline/$i.json" || break
    i=$((i + 1))
done
[ "$i" = "$size" ]
report $? "amane log bundle writes each of the $size entries"
"$node" "$root/test/peers/sigstore.mjs" "$copy" "$genesis" "$work"/offline/*.json >"$work/said" 2>&1
report $? "Sigstore: $(tail -n 1 "$work/said")"
"$AMANE" log bundle "$copy" 999999 >"$work/none" 2>/dev/null
[ $? = 1 ] && [ ! -s "$work/none" ]
report $? "an entry beyond the log has no bundle"

for i in 0 7 $((size - 1)); do
    curl -sf -D "$work/head" -o "$work/served/$i.json" "$url/api/v1/statements/$i/bundle" || break
done
grep -qi '^content-type: application/vnd.dev.sigstore.bundle.v0.3+json' "$work/head"
report $? "the registry serves bundles under their media type"
curl -sf "$url/api/v1/versions" | jq -r '.items[0].model_digest' >"$work/digest"
curl -sf "$url/api/v1/versions/$(cat "$work/digest")/proof" >"$work/proof"
jq -e .declared.bundle "$work/proof" >"$work/served/declared.json" && jq -e .decision.bundle "$work/proof" >"$work/served/decision.json"
report $? "the proof of a version holds the bundles of its declaration and decision"
"$node" "$root/test/peers/sigstore.mjs" "$copy" "$genesis" "$work"/served/*.json >"$work/said" 2>&1
report $? "Sigstore, served: $(tail -n 1 "$work/said")"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/v1/statements/999999/bundle")" = 404 ] &&
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/api/v1/statements/x/bundle")" = 400 ]
report $? "an unknown index is 404, a malformed one 400"
# The check itself: a verifier that accepted anything would not notice these.
jq '.verificationMaterial.tlogEntries[0].inclusionProof.hashes |= .[1:]' "$work/offline/3.json" >"$work/cut.json"
"$node" "$root/test/peers/sigstore.mjs" "$copy" "$genesis" "$work/cut.json" >"$work/said" 2>&1
[ $? = 1 ]
report $? "a damaged bundle is not accepted: $(tail -n 1 "$work/said" | sed 's,/[^ ]*/,,')"
report_end
