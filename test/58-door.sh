#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A service of a laboratory enters a node's /fhir by SMART Backend Services (keys and assertions by python3-cryptography: an independent
# hand), does what its scopes say and nothing else, and every access is in the record, also when the node is killed. TAP.
# AMANE_WAREHOUSE: a postgresql:// address for its store (58-rest-postgres).
root=$(cd "$(dirname "$0")/.." && pwd)
AMANE=${AMANE:-$root/build/amane}
n=0
ok() {
    s=$?
    n=$((n + 1))
    if [ $s -eq 0 ]; then echo "ok $n - $1"; else
        echo "not ok $n - $1"
        for f in "$work/out" "$work/err"; do head -c 600 "$f" 2>/dev/null | sed 's/^/# /'; done
        failed=1
    fi
}
if ! /usr/bin/python3 -c 'import cryptography' 2>/dev/null; then
    echo "ok 1 - # SKIP python3-cryptography is not installed"
    echo "1..1"
    exit 0
fi
work=$(mktemp -d) || exit 3
pid=
failed=0
trap 'kill -9 $pid 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 3
smart() { /usr/bin/python3 "$root/test/support/smart.py" "$@"; }
start() {
    : >ready
    AMANE_PUBLIC_URL=$1 "$AMANE" node --data ward --listen 127.0.0.1:0 --genesis "$(printf '%064d' 0)" >ready 2>>log &
    pid=$!
    i=0
    while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 "$pid" 2>/dev/null; do
        i=$((i + 1))
        sleep 0.1
    done
    fhir=$(jq -r .url ready)/fhir
}
# claims JTI [AUD]
claims() { printf '{"iss":"lab-1","sub":"lab-1","aud":"%s","exp":%s,"jti":"%s"}' "${2:-$fhir/token}" $(($(date +%s) + 240)) "$1"; }
# ask SCOPE ASSERTION: the reply in out, its status printed
ask() {
    curl -s -o out -w '%{http_code}' --data-urlencode grant_type=client_credentials --data-urlencode "scope=$1" \
        --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
        --data-urlencode "client_assertion=$2" "$fhir/token"
}
# fhir STATUS TOKEN curl-arguments...
fhir() {
    want=$1
    token=$2
    shift 2
    got=$(curl -s -o out -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/fhir+json' "$@")
    [ "$got" = "$want" ] || { echo "$got instead of $want: $*" >err; false; }
}
observation() {
    printf '{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"x"},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"%s"}]}],"subject":{"reference":"Patient/p"}}' "$1" "$2"
}

"$AMANE" node init --data ward --name ward --gst ma-gst-01 --establishment ma-chu-1 >/dev/null 2>err
[ -z "$AMANE_WAREHOUSE" ] || printf 'warehouse = %s\n' "$AMANE_WAREHOUSE" >>ward/node.conf
smart keys .
"$AMANE" node client put --data ward --client lab-1 --jwks jwks.json --scope 'system/Patient.cruds system/Observation.cruds' >out 2>err
ok "a service is registered with its public keys"
"$AMANE" node client put --data ward --client x --jwks jwks.json --scope 'user/Patient.rs' >out 2>err
[ $? -ne 0 ] && grep -q auth.client_scope err
ok "scopes that cannot be read are refused"
start
curl -s "$fhir/.well-known/smart-configuration" >out
[ "$(jq -r .token_endpoint out)" = "$fhir/token" ] && jq -e '.token_endpoint_auth_signing_alg_values_supported == ["RS384","ES384"]' out >/dev/null
ok "the configuration says where tokens are given"

a=$(smart sign rs.pem RS384 "$(claims a)")
[ "$(ask 'system/Patient.cruds system/Observation.cruds' "$a")" = 200 ] && all=$(jq -r .access_token out) && [ "$(jq -r .expires_in out)" = 300 ]
ok "an RS384 assertion gives a token of five minutes"
[ "$(ask 'system/Patient.rs' "$a")" = 401 ] && [ "$(cat out)" = '{"error":"invalid_client"}' ]
ok "the same assertion again is refused"
[ "$(ask 'system/Patient.rs' "$(smart sign es.pem ES384 "$(claims b http://other/token)")")" = 401 ]
ok "an assertion for somebody else is refused"
lab='system/Observation.rs?category=laboratory'
[ "$(ask "$lab system/Claim.rs" "$(smart sign es.pem ES384 "$(claims c)")")" = 200 ] && part=$(jq -r .access_token out) && [ "$(jq -r .scope out)" = "$lab" ]
ok "an ES384 assertion gives what was registered, and no more"
[ "$(ask 'system/Claim.rs' "$(smart sign es.pem ES384 "$(claims d)")")" = 400 ] && grep -q invalid_scope out
ok "nothing of what was asked: invalid_scope"

fhir 201 "$all" -X PUT -d '{"resourceType":"Patient","id":"p"}' "$fhir/Patient/p" && fhir 201 "$all" -X PUT -d "$(observation l laboratory)" "$fhir/Observation/l" &&
    fhir 201 "$all" -X PUT -d "$(observation v vital-signs)" "$fhir/Observation/v"
ok "it writes what it may write"
fhir 200 "$part" "$fhir/Observation/l" && fhir 404 "$part" "$fhir/Observation/v" && fhir 200 "$part" "$fhir/Observation" && [ "$(jq .total out)" = 1 ] &&
    fhir 404 "$part" "$fhir/Observation/v/_history/1" && fhir 200 "$part" "$fhir/Observation/_history" && [ "$(jq '.entry | length' out)" = 1 ]
ok "a granular scope shows laboratory results, and no others, anywhere"
fhir 403 "$part" "$fhir/Patient/p" && fhir 200 "$part" "$fhir/Observation?_include=Observation:subject" && [ "$(jq '.entry | length' out)" = 1 ] &&
    fhir 200 "$part" "$fhir/Observation?patient.birthdate:missing=true" && [ "$(jq .total out)" = 0 ]
ok "nor the patient, by inclusion or chain"
fhir 403 "$part" -X PUT -d "$(observation l laboratory)" "$fhir/Observation/l" && fhir 403 "$part" -X DELETE "$fhir/Observation/l" &&
    fhir 200 "$part" -d '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p"}}]}' "$fhir" &&
    [ "$(jq -r '.entry[0].response.status' out)" = 403 ]
ok "nor writes anything; a batch is no way round"
curl -s -d "token=$part" "$fhir/revoke" >out && fhir 401 "$part" "$fhir/Observation/l" && grep -q OperationOutcome out
ok "a token revoked ends at once"

# Replies are counted by who got them; the node is killed among them.
for k in 1 2 3 4; do
    (
        j=0
        while curl -sf -o /dev/null -H "Authorization: Bearer $all" "$fhir/Patient/p?_elements=id" 2>/dev/null; do
            j=$((j + 1))
            echo $j >"told.$k"
        done
    ) &
done
sleep 2
kill -9 "$pid"
wait
told=$(cat told.* | paste -sd+ | bc)
"$AMANE" node access verify --data ward --json >out 2>err
ok "the record of a node that was killed is whole"
"$AMANE" node access list --data ward --patient p --who lab-1 >events 2>err && seen=$(grep -c '"code":"read"' events) &&
    [ "$told" -ge 5 ] && [ "$seen" -ge "$told" ] && [ "$seen" -le $((told + 5)) ]
ok "no reply without its record ($told told, $seen recorded)"
head -1 events >event.json && "$AMANE" fhir validate event.json >out 2>err
ok "records are valid AuditEvents"
head=$("$AMANE" node access verify --data ward --json | jq -r .head)
start
"$AMANE" node access verify --data ward --head "$head" >out 2>err
ok "the chain goes on after it"
fhir 200 "$all" "$fhir/Patient/p"
ok "a token lives on"
kill "$pid"
wait "$pid" 2>/dev/null
start https://fhir.chu.ma
curl -s "$fhir/.well-known/smart-configuration" | jq -e '.token_endpoint == "https://fhir.chu.ma/fhir/token"' >out &&
    curl -s "$fhir/metadata" | jq -e '.implementation.url == "https://fhir.chu.ma/fhir"' >out && [ "$(ask 'system/Patient.rs' "$(smart sign rs.pem RS384 "$(claims e)")")" = 401 ] &&
    [ "$(ask 'system/Patient.rs' "$(smart sign rs.pem RS384 "$(claims f https://fhir.chu.ma/fhir/token)")")" = 200 ] && p=$(jq -r .access_token out) &&
    fhir 200 "$p" "$fhir/Patient" && jq -e '.link[0].url | startswith("https://fhir.chu.ma/fhir/Patient")' out >err
ok "behind a proxy, assertions and links are of the address declared"
kill "$pid"
wait "$pid" 2>/dev/null
AMANE_PUBLIC_URL=https://fhir.chu.ma/ "$AMANE" node --data ward --listen 127.0.0.1:0 --genesis "$(printf '%064d' 0)" >out 2>err
[ $? = 2 ] && grep -q public_url err
ok "an address that would make wrong links is refused"
AMANE_FORMER_URLS="https://old.chu.ma old" "$AMANE" node --data ward --listen 127.0.0.1:0 --genesis "$(printf '%064d' 0)" >out 2>err
[ $? = 2 ] && grep -q former_urls err
ok "an address of before that is none is refused"
AMANE_ENCRYPTED_VOLUME=yes "$AMANE" node --data ward --listen 127.0.0.1:0 --genesis "$(printf '%064d' 0)" >out 2>err
[ $? = 2 ] && grep -q 'encrypted_volume.*yes' err
ok "how strict to be about an encrypted volume is one of three words"
if grep -q 'no encryption is seen' log; then # a machine whose disks are encrypted does not warn, and has nothing to refuse
    LC_ALL=fr AMANE_ENCRYPTED_VOLUME=require timeout 60 "$AMANE" node --data ward --listen 127.0.0.1:0 --genesis "$(printf '%064d' 0)" >out 2>err
    status=$?
    [ $status = 1 ] && grep -q 'aucun chiffrement' err && ! [ -s out ]
    ok "without an encrypted volume a node warns, and refuses to serve where one is required"
fi
f=$(ls ward/access/*.trail | head -1)
printf 'x' | dd of="$f" bs=1 seek=200 conv=notrunc 2>/dev/null
"$AMANE" node access verify --data ward >out 2>err
[ $? = 1 ] && grep -q 'broken after' out
ok "a record changed behind its back is found"
! grep -rq "$all\|$part" log ward/access
ok "no token stands in the log or the record"
echo "1..$n"
exit $failed
