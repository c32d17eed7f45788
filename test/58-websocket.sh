#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Subscriptions of a node's /fhir by websocket, to a client of the standard library: tokens, handshake, events, several on one
# socket, the node killed and found again with nothing lost, what ends a socket, TLS, and who may behind a login. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
pid='' ears=''
trap 'kill -9 $pid $ears 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C.UTF-8
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        for f in out heard log; do tail -c 1500 "$dir/$f" 2>/dev/null | sed 's/^/# /'; done
        bad=1
    fi
}
cd "$dir" || exit 3
ws() { /usr/bin/python3 "$root/test/support/websocket.py" "$@"; }
until_() { # until_ COMMAND...: within 20 s
    i=0
    while [ $i -lt 400 ]; do
        "$@" >/dev/null 2>&1 && return 0
        i=$((i + 1))
        sleep 0.05
    done
    return 1
}
begin() { # begin OPTION...
    : >ready
    "$amane" node --data ward --listen "127.0.0.1:${port:-0}" "$@" >ready 2>>log &
    pid=$!
    until_ test -s ready
    url=$(jq -r .url ready)
    port=${url##*:}
    fhir=$url/fhir
}
killed() {
    kill -9 "$pid"
    wait "$pid" 2>/dev/null
}
auth='' # a header of curl
ask() { # ask STATUS METHOD PATH [BODY]; the answer in out
    set -- "$1" "$2" "$3" "${4:-}"
    [ "$(curl -s --cacert cert.pem ${auth:+-H "$auth"} -o out -w '%{http_code}' -X "$2" -H 'Content-Type: application/fhir+json' ${4:+-d "$4"} "$fhir$3")" = "$1" ]
}
subscribe() { # subscribe ID [CHANNEL]
    ask "${3:-201}" PUT "/Subscription/$1" "{\"resourceType\":\"Subscription\",\"id\":\"$1\",\"status\":\"requested\",\"reason\":\"x\",\"criteria\":\"Observation?code=http://l|k\",\"channel\":{\"type\":\"websocket\"$2}}"
}
observe() { ask "${2:-201}" PUT "/Observation/$1" "{\"resourceType\":\"Observation\",\"id\":\"$1\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://l\",\"code\":\"k\"}]}}"; }
status() { ask 200 GET "/Subscription/$1" && [ "$(jq -r .status out)" = "$2" ]; }
token() { # token QUERY: $bind and $at
    ask 200 GET "/Subscription$1" || return 1
    bind="bind-with-token: $(jq -r '.parameter[] | select(.name == "token").valueString' out)"
    at=$(jq -r '.parameter[] | select(.name == "websocket-url").valueUrl' out)
}
ear() { # ear LOG MESSAGE...: a client that listens
    ws listen "$at" "$@" &
    ear=$!
    ears="$ears $ear"
}
has() { grep -qxF "$2" "$1"; } # has LOG LINE
whole=',"payload":"application/fhir+json"'

begin --open
subscribe s "$whole" && until_ status s active && token '/s/$get-ws-binding-token' && [ "$at" = "ws://127.0.0.1:$port/fhir/ws" ]
report $? 'a Subscription by websocket is active, and gives a token and an address'
ear heard "$bind" && until_ has heard 'handshake 0 - 0' && observe o1 && until_ has heard 'event-notification 1 1=Observation/o1 1'
report $? 'who binds is greeted, and told what is new'
ear twice "$bind" && until_ has twice 'close 1008 token'
report $? 'a token is good once'

# Killed at any moment while events come: the number of the handshake tells what to ask for.
i=2
while [ $i -lt 10 ]; do observe o$i; i=$((i + 1)); done
killed
until_ has heard gone
begin --open
observe o10 && token '/s/$get-ws-binding-token' && ear heard2 "$bind" && until_ grep -q '^handshake' heard2
until_ sh -c 'test "$(curl -s "$0/Subscription/s/\$status" | jq -r ".entry[0].resource.parameter[] | select(.name == \"events-since-subscription-start\").valueString")" = 10' "$fhir"
ask 200 GET '/Subscription/s/$events?eventsSinceNumber=1'
jq -r '.entry[0].resource.parameter[] | select(.name == "notification-event") | [.part[] | .valueString // .valueReference.reference // empty] | .[0] + "=" + (.[-1] | sub(".*/"; ""))' out >events
i=1
while [ $i -lt 11 ]; do echo "$i=o$i"; i=$((i + 1)); done >want
cmp -s events want
report $? 'killed and found again: the numbers tell what was missed, $events has it, each number of one version'
grep -h '^event' heard heard2 | awk '{print $3}' | tr ',' '\n' | sed 's/=Observation\// /' | awk '{ told++ } $2 != "o" $1 { wrong = 1 } END { exit wrong || !told }'
report $? 'and what was told on both sockets has the same numbers'

subscribe t && until_ status t active && token '/$get-ws-binding-token?id=s&id=t' && ear both "$bind" && until_ sh -c '[ "$(grep -c ^handshake both)" = 2 ]' &&
    observe o1 200 && until_ has both 'event-notification 11 11=Observation/o1 1' && until_ has both 'event-notification 1 1= 0'
report $? 'one socket listens to several, one of them with nothing but numbers'
ask 200 GET '/Subscription/$status?status=active' && [ "$(jq .total out)" = 2 ] && ask 200 GET '/Subscription/$status?id=t' && [ "$(jq .total out)" = 1 ]
report $? '$status tells how several stand'
ear plain 'bind t' && until_ has plain 'text bound t' && observe o2 200 && until_ has plain 'text ping t'
report $? 'an open node knows the words of R4'
ask 204 DELETE /Subscription/t && until_ has both 'close 1008 deleted' && until_ has plain 'close 1008 deleted'
report $? 'deleted, its sockets are closed'
[ "$(ws status "$at" Sec-WebSocket-Version:8)" = 426 ] && [ "$(ws status "$at" Origin:https://evil.example)" = 403 ] && [ "$(ws raw "$at" 810548656c6c6f)" = '8 03ea' ] &&
    [ "$(ws raw "$at" 81fe400100000000)" = '8 03f1' ] && [ "$(ws raw "$at" 89808080808080)" = '10 ' ]
report $? 'another version, another origin, a frame without a mask, a long one: each refused in its words; a ping is answered'
ws crowd "$at" 40 >many && [ "$(sort many | uniq -c | tr -s ' \n' ' ')" = ' 31 101 9 503 ' ] && ask 200 GET '/Observation?_count=1'
report $? 'sockets of one address are bounded, and take no request thread'
kill "$pid" && wait "$pid"
[ $? = 0 ] && until_ has heard2 'close 1001 the server ends'
report $? 'the node ends in order, and says so to its sockets'

# TLS, and a login: a service that may; another that may read but did not make it; a token that is revoked.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null
export WS_CA="$dir/cert.pem"
rm -rf ward
/usr/bin/python3 "$root/test/support/smart.py" keys . && "$amane" node init --data ward --name n --gst GST --establishment CHU >out 2>&1
for who in lab eye; do "$amane" node client put --data ward --client $who --jwks jwks.json --scope 'system/Observation.cruds system/Subscription.cruds' >out 2>&1; done
printf 'encrypted_volume = off\ntls_cert = %s\ntls_key = %s\n' "$dir/cert.pem" "$dir/key.pem" >>ward/node.conf
login() { # login WHO: auth
    now=$(date +%s)
    jwt=$(/usr/bin/python3 "$root/test/support/smart.py" sign es.pem ES384 "{\"iss\":\"$1\",\"sub\":\"$1\",\"aud\":\"$fhir/token\",\"exp\":$((now + 120)),\"iat\":$now,\"jti\":\"$1-$(date +%s%N)\"}")
    access=$(curl -s --cacert cert.pem -d grant_type=client_credentials -d scope='system/Observation.cruds system/Subscription.cruds' -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer -d "client_assertion=$jwt" "$fhir/token" | jq -r .access_token)
    auth="Authorization: Bearer $access"
}
begin --genesis "$(printf '%064d' 0)"
login lab && subscribe s "$whole" && until_ status s active && token '/s/$get-ws-binding-token' && [ "${at%%:*}" = wss ]
report $? 'with a login and TLS: the address is wss'
ear sealed "$bind" && until_ has sealed 'handshake 0 - 0' && observe o1 && until_ has sealed 'event-notification 1 1=Observation/o1 1'
report $? 'a service is told over TLS'
lab=$access
login eye && ask 403 GET '/Subscription/s/$get-ws-binding-token' && auth='' && ask 401 GET '/Subscription/s/$get-ws-binding-token' && ear stranger 'bind s' && until_ has stranger 'OperationOutcome rest.sub_token'
report $? 'who did not make it gets no token, nor binds without one'
curl -s --cacert cert.pem -d "token=$lab" "$fhir/revoke" >out && until_ has sealed 'close 1008 not any more'
report $? 'a token that is revoked ends the socket'
absent() { # absent WORD GREP-OPTION FILE...: looked at all of them (an error is 2), and it is in none
    word=$1
    shift
    grep "$@" -F -e "$word" >/dev/null 2>absent_err
    [ $? = 1 ] && ! [ -s absent_err ]
}
secret=${bind#*: }
kill -STOP "$pid" # no file comes or goes while they are looked at
[ ${#secret} = 43 ] && [ -s log ] && absent "$secret" -h log && absent "$secret" -r ward
report $? 'no token is in the log or on the disk'
kill -CONT "$pid"
kill "$pid"
wait "$pid" 2>/dev/null
[ $? = 0 ]
report $? 'and it ends in order'
echo "1..$n"
exit $bad
