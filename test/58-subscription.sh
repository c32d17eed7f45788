#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Subscriptions of a node's /fhir, told to an endpoint that fails and is slow, while the node is killed: each event in order, under
# its number, at least once; what an endpoint must not reach; what stays of a header on the disk. TAP.
# AMANE_WAREHOUSE: a postgresql:// address for its store (58-rest-postgres).
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
pid='' hook=''
trap 'kill -9 $pid $hook 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C.UTF-8
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        for f in out told; do tail -c 1500 "$dir/$f" 2>/dev/null | sed 's/^/# /'; done
        bad=1
    fi
}
cd "$dir" || exit 3
until_() { # until_ COMMAND...: within 20 s
    i=0
    while [ $i -lt 400 ]; do
        "$@" >/dev/null 2>&1 && return 0
        i=$((i + 1))
        sleep 0.05
    done
    return 1
}
begin() {
    : >ready
    AMANE_SUBSCRIPTION_ALLOW="$listed" AMANE_SUBSCRIPTION_WAIT_MS=100 "$amane" node --data ward --listen 127.0.0.1:0 --open >ready 2>>log &
    pid=$!
    until_ test -s ready
    fhir=$(jq -r .url ready)/fhir
}
put() { # put STATUS TYPE ID MEMBERS
    [ "$(curl -s -o out -w '%{http_code}' -X PUT -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"$2\",\"id\":\"$3\",$4}" "$fhir/$2/$3")" = "$1" ]
}
ask() { # ask STATUS ID ENDPOINT [CRITERIA] [CHANNEL]
    put "$1" Subscription "$2" "\"status\":\"requested\",\"reason\":\"x\",\"criteria\":\"${4:-Observation?code=http://l|k}\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":\"$3\",\"payload\":\"application/fhir+json\"$5}"
}
status() { [ "$(curl -s "$fhir/Subscription/$1" | jq -r .status)" = "$2" ]; }
observe() { put "${2:-201}" Observation "$1" '"status":"final","code":{"coding":[{"system":"http://l","code":"k"}]}'; }
told() { grep -c "^$1 .*$2" told; }
has() { [ "$(told "$1" "$2")" -ge "${3:-1}" ]; }

if [ -n "$AMANE_WAREHOUSE" ]; then
    mkdir ward && printf 'warehouse = %s\n' "$AMANE_WAREHOUSE" >ward/node.conf || exit 3
fi
echo 200 >answer
: >told
/usr/bin/python3 "$root/test/support/hook.py" port told answer &
hook=$!
until_ test -s port
listed="http://127.0.0.1:$(cat port)"
begin
ask 201 s "$listed/hook" '' ',"header":["X-Key: opensesame"]' && until_ status s active && has /hook 'opensesame handshake 0'
report $? 'a Subscription is active once its endpoint took the handshake, with its header'
observe o1 && until_ has /hook 'event-notification 1 1=Observation/o1 1'
report $? 'a new resource that matches is told, whole'
put 201 Observation other '"status":"final","code":{"text":"y"}' && put 201 Patient p '"active":true' && sleep 0.5 && ! grep -q other told && [ "$(told /hook)" = 2 ]
report $? 'and nothing else'

# The endpoint fails; the node is killed while it does, more is written; the endpoint works again.
echo 503 >answer
observe o2 && until_ has /hook '2=Observation/o2' 2
kill -9 "$pid"
wait "$pid" 2>/dev/null
begin
observe o3 && observe o4 && until_ has /hook '2=Observation/o2' 4
kill -9 "$pid"
wait "$pid" 2>/dev/null
echo 200 >answer
begin
until_ has /hook '4=Observation/o4'
awk '$2 == 200 && $4 == "event-notification" {print $6}' told | tr ',' '\n' >got
printf '1=Observation/o1\n2=Observation/o2\n3=Observation/o3\n4=Observation/o4\n' >want
cmp -s got want
report $? 'killed twice while the endpoint failed: every event in order, none lost'

# Killed at any moment between deliveries: what comes twice has its number.
k=5
while [ $k -lt 40 ]; do
    observe o$k
    [ $((k % 12)) -eq 0 ] && { kill -9 "$pid"; wait "$pid" 2>/dev/null; begin; }
    k=$((k + 1))
done
until_ has /hook '39=Observation/o39'
awk '$4 == "event-notification" {print $6}' told | tr ',' '\n' | sort -u -t= -k1n >got
i=1
while [ $i -lt 40 ]; do echo "$i=Observation/o$i"; i=$((i + 1)); done >want
cmp -s got want
report $? 'killed between deliveries: a number names one version'
awk '$4 == "event-notification" && $2 == 200 {print $6}' told | tr ',' '\n' | sed 's/=.*//' | awk '$1 > last + 1 {exit 1} {if ($1 > last) last = $1}'
report $? 'no number is passed over'

ask 201 slow "$listed/slow" && ask 201 slow2 "$listed/slow2" && until_ status slow active
a=$(date +%s%N)
observe o1 200 && until_ has /hook '40=Observation/o1'
b=$(date +%s%N)
[ $(((b - a) / 1000000)) -lt 1500 ]
report $? "a slow endpoint delays no other ($(((b - a) / 1000000)) ms)"

ask 422 bad 'http://10.0.0.1/x' && grep -q rest.sub_endpoint out && ask 422 bad "$listed@evil.example/x" && ask 201 inner "https://127.0.0.1:$(cat port)/inner" &&
    sleep 0.5 && status inner requested && ! grep -q /inner told
report $? 'an address that nobody listed is told only by https, and not in this network'
ask 422 bad "$listed/x" 'Observation?patient.name=x' && grep -q rest.sub_alone out
report $? 'criteria that one resource cannot answer are refused'
curl -s "$fhir/Subscription/s/_history" >out && ! grep -q opensesame out && ! grep -rq opensesame ward log
report $? 'the header is in no answer, no log, no file'
curl -s -X DELETE "$fhir/Subscription/s" && sleep 0.5 && c=$(told /hook) && observe o2 200 && sleep 0.7 && [ "$(told /hook)" = "$c" ]
report $? 'deleted, it tells nothing more'
kill "$pid"
wait "$pid" 2>/dev/null
[ $? = 0 ]
report $? 'the node ends in order'
echo "1..$n"
exit $bad
