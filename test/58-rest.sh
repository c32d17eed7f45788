#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The FHIR interface of a node, by curl: --open and its bounds, create, read, search, transaction, restart. TAP.
# AMANE_WAREHOUSE: a postgresql:// address for its store (58-rest-postgres).
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C.UTF-8
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        head -c 800 "$dir/out" | sed 's/^/# /'
        bad=1
    fi
}
cd "$dir" || exit 3
if [ -n "$AMANE_WAREHOUSE" ]; then
    mkdir ward && printf 'warehouse = %s\n' "$AMANE_WAREHOUSE" >ward/node.conf || exit 3
fi
begin() {
    : >ready
    "$amane" node --data ward --listen 127.0.0.1:0 --open >ready 2>warned &
    pid=$!
    i=0
    while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 $pid 2>/dev/null; do
        i=$((i + 1))
        sleep 0.1
    done
    fhir=$(jq -r .url ready)/fhir
}
end() {
    kill "$pid"
    wait "$pid"
    pid=
}
# ask STATUS ARGS...: the answer is in out, its headers in head
ask() {
    want=$1
    shift
    rm -f out
    [ "$(curl -s -D head -o out -w '%{http_code}' -H "Content-Type: ${type:-application/fhir+json}" "$@")" = "$want" ]
}
"$amane" node --data ward --listen 0.0.0.0:0 --open >out 2>&1
[ $? = 2 ] && grep -q '127.0.0.1' out && ! [ -e ward/eds.db ]
report $? '--open refuses to listen beyond this machine'
begin
grep -q 'WARNING' warned
report $? 'it warns that nobody logs in'
ask 200 "$fhir/metadata" && jq -e '.fhirVersion == "4.0.1" and (.implementation.description | test("OPEN"))' out >/dev/null
report $? 'the CapabilityStatement says so too'
"$amane" fhir validate out >/dev/null
report $? 'and is valid'
ask 201 -d '{"resourceType":"Patient","identifier":[{"system":"urn:cin","value":"A1"}],"name":[{"family":"العلوي"}],"contact":[{"name":{"text":"Bouchra-Idrissi"}}]}' "$fhir/Patient" &&
    grep -qi '^location: .*/fhir/Patient/.*/_history/1' head && grep -qi '^etag: W/"1"' head
report $? 'a patient is created'
patient=$(jq -r .id out)
ask 304 -H 'If-None-Match: W/"1"' "$fhir/Patient/$patient" && ! [ -s out ]
report $? 'and known by its version'
ask 200 -G --data-urlencode 'family=علوي' "$fhir/Patient" && ask 200 -G --data-urlencode 'family=العلوي' "$fhir/Patient" && [ "$(jq .total out)" = 1 ]
report $? 'found by its name in Arabic'
ask 400 -H 'Accept-Language: ar' "$fhir/Patient?famly=x" && jq -e '.issue[0].diagnostics == "famly" and (.issue[0].details.text | test("[\u0621-\u064a]"))' out >/dev/null
report $? 'a misspelt parameter is refused by name, in Arabic'
type=application/json-patch+json
ask 200 -X PATCH -H 'Accept: application/fhir+xml' \
    -d '[{"op":"add","path":"/active","value":true}]' "$fhir/Patient/$patient" && grep -q '<active value="true"/>' out
report $? 'a patch, answered in XML'
type=
cat >tx.json <<'EOT'
{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","identifier":[{"system":"urn:cin","value":"A1"}]},
  "request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:cin|A1"}},
 {"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:p"}},
  "request":{"method":"POST","url":"Observation"}}]}
EOT
ask 200 -d @tx.json "$fhir" && jq -e '[.entry[].response.status] == ["200", "201"]' out >/dev/null
report $? 'a transaction refers to who is there already'
ask 422 -d '{"resourceType":"Patient","gender":"F"}' "$fhir/Patient"
report $? 'what is not valid is refused'
ask 405 -X DELETE "$fhir/metadata" && grep -qi '^allow: GET, HEAD' head
report $? 'a wrong method is told the right ones'
ask 404 "${fhir%/fhir}/nowhere"
report $? 'nothing but /fhir is served without a registry'
end
begin
ask 200 "$fhir/Observation?patient=$patient&_include=Observation:subject" && jq -e '[.entry[].search.mode] == ["match", "include"]' out >/dev/null
report $? 'all of it is there after a restart'
ask 200 "$fhir/Patient/$patient/\$everything" && jq -e '[.entry[].resource.resourceType] == ["Patient", "Observation"]' out >/dev/null
report $? 'a patient with everything'
ask 200 "$fhir?_type=Patient,Observation&_summary=count" && [ "$(jq .total out)" = 2 ]
report $? 'a search over two types'
ask 200 "$fhir/Patient/$patient/\$summary" && "$amane" fhir validate out >/dev/null && jq -e '.entry[0].resource.section[0].emptyReason' out >/dev/null
report $? 'the patient summary is a valid document, and says what is not known'
ask 400 "$fhir/\$export" && ask 202 -H 'Prefer: respond-async' "$fhir/\$export"
report $? 'an export is asked for as the guide says'
status=$(sed -n 's/^[Cc]ontent-[Ll]ocation: *\([^ \r]*\).*/\1/p' head)
kill -9 "$pid"
wait "$pid" 2>/dev/null
begin
status=$fhir/${status##*/fhir/}
i=0
ask 202 "$status"
while [ $? = 0 ] && [ $i -lt 100 ]; do
    i=$((i + 1))
    sleep 0.1
    ask 202 "$status"
done
ask 200 "$status" && grep -qi '^expires: ' head && [ "$(jq '[.output[].count] | add' out)" = 2 ]
report $? 'it ends although the node was killed'
file=$fhir/$(jq -r '.output[] | select(.type == "Patient").url | sub(".*/fhir/"; "")' out)
ask 200 -H 'Accept: application/fhir+ndjson' "$file" && grep -qi '^content-type: application/fhir+ndjson' head && [ "$(jq -r .id out)" = "$patient" ] && ! grep -raq 'Bouchra' ward/export
report $? 'its file is read by who asked, and not from the disk'
cp out lines
type=application/fhir+ndjson
ask 200 --data-binary @lines "$fhir/\$import" && jq -e '[.parameter[].valueInteger] == [0, 1, 0]' out >/dev/null
report $? 'importing what is there changes nothing'
type=
ask 202 -X DELETE "$status" && ask 404 "$status" && [ -z "$(ls ward/export)" ]
report $? 'deleted, nothing of it stays'
end
[ "$(stat -c %a ward/keys/eds.key)" = 600 ] && ! grep -aq 'Bouchra' ward/eds.db*
report $? 'the key is for its owner, and no body can be read without it'
mv ward/keys/eds.key other
timeout 20 "$amane" node --data ward --listen 127.0.0.1:0 --open >out 2>&1
[ $? = 1 ] && ! [ -e ward/keys/eds.key ]
report $? 'no new key is made for a store that has one'
echo "1..$n"
exit $bad
