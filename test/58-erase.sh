#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A patient erased from a warehouse of Synthea-like bundles: what goes and what stays, the proof, the bytes of the files,
# what is refused, what was stopped. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        cat "$dir/out" "$dir/err" 2>/dev/null | sed 's/^/# /' | head -20
        bad=1
    fi
}
eds() { "$amane" eds "$@" >out 2>err; }
cd "$dir" || exit 3
mkdir in
for i in 1 2 3 4; do
    jq -n --arg i "$i" '{resourceType: "Bundle", type: "collection", entry: [
        {resource: {resourceType: "Patient", id: "018f0000-1111-7222-8333-44445555666\($i)", name: [{family: "Zyxwander\($i)\($i)\($i)"}]}},
        (range(300) | {resource: {resourceType: "Observation", id: "o\($i)-\(.)", status: "final", code: {text: "series \(. * 7919)"},
            note: [{text: "seen at home with the family Zyxwander\($i)\($i)\($i)"}],
            subject: {reference: "Patient/018f0000-1111-7222-8333-44445555666\($i)"}}})]}' >"in/$i.json"
done
jq -n '{resourceType: "List", id: "ward", status: "current", mode: "working", entry: [range(1; 5) | {item: {reference: "Patient/018f0000-1111-7222-8333-44445555666\(.)"}}]}' >in/list.json
him=018f0000-1111-7222-8333-444455556662
eds key k && eds import s.db in --key k --json && jq -e '.created == 1205 and .refused == 0' out >/dev/null
report $? 'a warehouse of four patients'
grep -aq zyxwander222 s.db
report $? 'whose index has the name in clear'
eds erase s.db --patient "$him" --ground withdrawal --by 'data officer' --reason 12/2026 --key k --dry-run --json &&
    jq -e '.resources == 301 and .types.Observation == 300 and .kept == [{resource: "List/ward", why: "shared"}]' out >/dev/null && eds fsck s.db --key k --json && jq -e '.erased == 0' out >/dev/null
report $? 'a dry run tells what would go, and does nothing'
eds erase s.db --patient "$him" --ground because --by x --key k
[ $? = 2 ] && eds erase s.db --patient "$him" --ground order --by x --reason 'M. Zyxwander222' --key k
[ $? -gt 0 ] && grep -q 'it must name nobody' err
report $? 'an unknown ground and a reason that names him are refused'
eds fsck s.db --key k --json && head=$(jq -r .head out)
eds erase s.db --patient "$him" --ground withdrawal --by 'data officer' --reason 12/2026 --key k --later --json && jq -e '.versions == 301 and .scrubbed == false' out >/dev/null &&
    eds erasures s.db --key k && grep -q 'NOT SCRUBBED' out
report $? 'erased, the files to be cleaned later'
eds erase s.db --resume --key k && eds erasures s.db --key k --json && jq -e 'length == 1 and .[0].scrubbed and .[0].by == "data officer" and .[0].ground == "withdrawal"' out >/dev/null
report $? 'the files are cleaned'
! cat s.db* | grep -aqi -e zyxwander222 -e "$him" && ! cat s.db* | od -An -v -tx1 | tr -d ' \n' | grep -q 018f000011117222833344445555666[2] &&
    cat s.db* | od -An -v -tx1 | tr -d ' \n' | grep -q 018f0000111172228333444455556663 && grep -aq zyxwander333 s.db
report $? 'no byte of his name or id is in them, those of others are'
eds fsck s.db --key k --json && jq -e --arg head "$head" '.ok and .erased == 301 and .erasures == 1 and .versions == 904 and .head != $head' out >/dev/null
report $? 'the chain holds, and says so'
"$amane" eds export s.db held --key k --reason "of a scenario" >/dev/null 2>err && [ "$(cat held/*.ndjson | wc -l)" = 904 ] && [ "$(cat held/*.ndjson | grep -c "$him")" = 1 ]
report $? 'an export has none of his; the shared list still names him'
eds erase s.db --patient "$him" --ground order --by x --key k
[ $? -gt 0 ] && grep -q 'erased already' err
report $? 'he cannot be erased twice'
mkdir -p n/keys && cp s.db n/eds.db && cp k n/keys/eds.key && chmod 600 n/keys/eds.key
"$amane" node --data n --listen 127.0.0.1:0 --open >ready 2>err &
pid=$!
i=0
until [ -s ready ] || ! kill -0 $pid 2>/dev/null || [ $((i += 1)) -gt 200 ]; do sleep 0.1; done
fhir=$(jq -r .url ready)/fhir
gone() { # PATH: 410, in the reader's language
    [ "$(curl -s -H 'Accept-Language: fr' -o out -w '%{http_code}' "$fhir/$1")" = 410 ] && jq -e '.resourceType == "OperationOutcome"' out >/dev/null
}
none() { curl -sf "$fhir/$1" >out && jq -e '.total == 0' out >/dev/null; }
gone "Patient/$him" && gone Observation/o2-7 && gone "Patient/$him/_history/1" && gone "Patient/$him/\$everything"
report $? 'to a node he is gone: 410'
none "Patient?_id=$him" && none 'Patient?name=zyxwander222' && none "Observation?patient=$him" && none 'Observation?_content=zyxwander222' &&
    curl -sf "$fhir/_history?_count=1000" >out && ! grep -qi zyxwander222 out && [ "$(grep -o '"fullUrl":"[^"]*'"$him" out | wc -l)" = 0 ] && curl -sf "$fhir/Observation?_summary=count" >out && jq -e '.total == 900' out >/dev/null
report $? 'no search and no history has him'
curl -sf "$fhir/Patient/018f0000-1111-7222-8333-444455556661/\$everything?_count=500" >out && jq -e '[.entry[].resource.resourceType] | length >= 301' out >/dev/null
report $? 'the others are whole'
kill $pid && wait $pid
pid=
# ADR 33: a command has nobody to refuse; what was erased and is imported again goes on counting, and can be erased again.
cp s.db r.db && eds import r.db in/2.json --key k --json && jq -e '.created == 301 and .refused == 0' out >/dev/null && eds fsck r.db --key k &&
    "$amane" eds export r.db back --key k --reason "of a scenario" >out 2>err && jq -e --arg him "$him" 'select(.id == $him) | .meta.versionId == "2"' back/Patient.ndjson >out &&
    eds erase r.db --patient "$him" --ground order --by x --key k --later --json && jq -e '.versions == 301' out >/dev/null && eds fsck r.db --key k --json && jq -e '.ok and .erasures == 2' out >/dev/null
report $? 'old files imported by the command bring him back, as a next version, to be erased again'
echo "update erasure set who = 'somebody else'" | sqlite3 s.db 2>/dev/null || python3 -c "import sqlite3; c = sqlite3.connect('s.db'); c.execute(\"update erasure set who = 'somebody else'\"); c.commit()"
eds fsck s.db --key k --json
[ $? = 1 ] && jq -e '[.problems[].code] == ["eds.chain"]' out >/dev/null
report $? 'an erasure edited afterwards is found'
echo "1..$n"
exit $bad
