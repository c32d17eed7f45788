#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A disk that is full under /fhir: creates and $export are refused in clear words, reads go on; with room again it writes, and after a
# restart all that was acknowledged is there. The disk is a small one in memory, of this script's own. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
# A place where mounts are seen by nobody else, and end with this script.
if [ -z "${AMANE_FULL:-}" ]; then
    if ! unshare --mount mount -t tmpfs -o size=1m amane-full /mnt 2>/dev/null; then
        echo 'ok 1 - a full disk under /fhir # SKIP no disk can be mounted here'
        echo '1..1'
        exit 0
    fi
    AMANE_FULL=1 exec unshare --mount sh "$0"
fi
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; umount "$dir/n"; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
export LC_ALL=C.UTF-8
. "$root/test/support/tap.sh"
shown="$dir/out $dir/head $dir/warned"
cd "$dir" || exit 3
start() {
    rm -f ready
    "$amane" node --data n --listen 127.0.0.1:0 --open >ready 2>warned &
    pid=$!
    tries=0
    until [ -s ready ] || ! kill -0 $pid 2>/dev/null || [ $((tries += 1)) -gt 300 ]; do sleep 0.1; done
    fhir=$(jq -r .url ready)/fhir
}
stop() {
    kill $pid && wait $pid
    pid=
}
send() { curl -s -m 60 -o out -D head -w '%{http_code}' -H 'Content-Type: application/fhir+json' "$@"; }
count() { curl -s -m 60 "$fhir/$1?_summary=count" | jq -r .total; }
outcome() { jq -e '.resourceType == "OperationOutcome" and .issue[0].severity != "information" and (.issue[0].details.text | length > 0)' out >/dev/null; }
# bundle N LETTERS: observations whose values squeeze well
bundle() {
    jq -nc --argjson n "$1" --argjson m "$2" '{resourceType: "Bundle", type: "transaction", entry: [range($n) | {resource: {resourceType: "Observation", status: "final", code: {text: "x"},
        valueString: ("v\(.)" + "v" * $m)}, request: {method: "POST", url: "Observation"}}]}'
}
# incompressible I: a patient that does not squeeze
incompressible() { jq -nc --arg v "$(head -c 30000 /dev/urandom | base64 -w 0)" '{resourceType: "Patient", name: [{family: "full"}], photo: [{contentType: "image/png", data: $v}]}'; }
export_ends() { # what an export answers at last, in `out`
    [ "$(send -H 'Prefer: respond-async' -H 'Accept: application/fhir+json' "$fhir/\$export")" = 202 ] || return 1
    job=$(tr -d "\r" <"$dir/head" | sed -n 's/^[Cc]ontent-[Ll]ocation: //p')
    tries=0
    while :; do
        code=$(send "$job")
        [ "$code" != 202 ] && break
        [ $((tries += 1)) -gt 200 ] && return 1
        sleep 0.1
    done
    echo "$code"
}
mkdir n && mount -t tmpfs -o size=4m amane-full n || exit 3
start
bundle 500 8000 >b
[ "$(send -d @b "$fhir")" = 200 ] && [ "$(count Observation)" = 500 ]
report $? '500 observations are kept on a disk of 4 MiB'
code=$(export_ends)
[ "$code" = 507 ] && outcome && [ "$(count Observation)" = 500 ]
report $? "an export that finds no room ends with an error that says so ($code), and reads go on"
acked=0 refused=''
while [ $acked -lt 400 ]; do
    incompressible >p
    code=$(send -d @p "$fhir/Patient")
    [ "$code" = 201 ] || { refused=$code && break; }
    acked=$((acked + 1))
done
[ "$refused" = 507 ] && outcome && [ $acked -gt 10 ]
report $? "when the store finds no room a create is refused (507, after $acked)"
n507=0
for _ in 1 2 3; do
    [ "$(send -d @b "$fhir")" = 507 ] && n507=$((n507 + 1))
done
[ $n507 = 3 ] && [ "$(count Observation)" = 500 ] && [ "$(count Patient)" = $acked ] && [ "$(send "$fhir/Observation?code:text=x&_count=3")" = 200 ] && jq -e '.entry | length == 3' out >/dev/null
report $? 'so are transactions, whole; all that was acknowledged is read and found'
mount -o remount,size=100m n
[ "$(send -d @p "$fhir/Patient")" = 201 ] && acked=$((acked + 1)) && [ "$(export_ends)" = 200 ] && jq -e '[.output[].count] | add == 500 + '$acked out >/dev/null
report $? 'with room again it writes and exports, without a restart'
stop
start
[ "$(count Observation)" = 500 ] && [ "$(count Patient)" = $acked ]
report $? 'after a restart nothing acknowledged is missing, nothing refused is there'
stop
"$amane" eds fsck n/eds.db --key n/keys/eds.key --json >out 2>warned && jq -e .ok out >/dev/null
report $? 'and the store is sound'
report_end
