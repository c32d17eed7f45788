#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# FHIR clients of others (npm: fhir-kit-client, fhirclient), unmodified, at the FHIR interface of a node: one without login (--open), and
# one that both enter by SMART Backend Services: test/peers/fhir.mjs, test/peers/fhirclient.mjs. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
AMANE_PEER_TOOLS=${AMANE_PEER_TOOLS:-$root/.deps/peers}
node=
for f in "$AMANE_PEER_TOOLS"/node_modules/node-linux-*/bin/node; do [ -x "$f" ] && node=$f; done
if [ -z "$node" ] || ! [ -d "$AMANE_PEER_TOOLS/node_modules/fhirclient" ]; then
    echo "ok 1 - # SKIP the packages of test/peers are not installed, or not those of its lock: run tools/setup.sh"
    echo "1..1"
    exit 0
fi
work=$(mktemp -d) || exit 3
pid=
trap 'kill $pid 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 3
n=0 failed=0
# clients WARD LOGIN? amane node ARGUMENTS... : both clients at a node of their own; its lines go on counting
clients() {
    ward=$1
    login=$2
    shift 2
    : >ready
    "$AMANE" node --data "$ward" --listen 127.0.0.1:0 "$@" >ready 2>"$ward.log" &
    pid=$!
    i=0
    while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 "$pid" 2>/dev/null; do
        i=$((i + 1))
        sleep 0.1
    done
    for client in fhir:fhir-kit-client:rs fhirclient:fhirclient:es; do
        script=${client%%:*} name=${client#*:}
        pem=
        [ "$login" = login ] && pem=$work/${name#*:}.pem
        "$node" "$root/test/peers/$script.mjs" "$AMANE_PEER_TOOLS" "$(jq -r .url ready)/fhir" ${pem:+"$pem"} >lines 2>why
        status=$?
        sed -n "s/^\(ok\|not ok\) [0-9]* - /\1 - ${name%:*}, $ward: /p" lines >>all
        grep -q '^1\.\.' lines && [ $status = 0 ] || {
            echo "not ok - ${name%:*}, $ward: goes to its end" >>all
            cut -c1-300 why | head -20 | sed 's/^/# /' >>all
        }
    done
    kill "$pid"
    wait "$pid" 2>/dev/null
    pid=
}
clients open none --open
"$AMANE" node init --data guarded --name guarded --gst ma-gst-01 --establishment ma-chu-1 >/dev/null 2>err &&
    "$node" "$root/test/peers/keys.mjs" . &&
    "$AMANE" node client put --data guarded --client lab-1 --jwks jwks.json --scope 'system/*.cruds' >out 2>err ||
    { echo 'not ok - a service is registered' && sed 's/^/# /' err; } >>all
clients guarded login --genesis "$(printf '%064d' 0)"
while IFS= read -r line; do
    case $line in
    'ok - '*) n=$((n + 1)) && echo "ok $n ${line#ok }" ;;
    'not ok - '*) n=$((n + 1)) failed=1 && echo "not ok $n ${line#not ok }" ;;
    *) echo "$line" ;;
    esac
done <all
echo "1..$n"
exit $failed
