#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The warehouse from the command line: real Synthea bundles, NDJSON and XML in, out, in again elsewhere and equal; refusals
# kept and replayed; kill -9 and again; a copy while it is written; damage named; keys. On SQLite, then PostgreSQL. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
if [ -z "${AMANE_PG_URI:-}" ] && "$root/tools/postgres.sh" have; then
    exec "$root/tools/postgres.sh" with sh "$0"
fi
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
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
# What a store holds, without what each store gives by itself.
holds() { # holds STORE
    rm -rf held
    "$amane" eds export "$1" held --data . --key k --reason "of a scenario" >/dev/null 2>err &&
        cat held/*.ndjson 2>/dev/null | sed 's/"versionId":"[0-9]*","lastUpdated":"[^"]*"//' | sort
}
cd "$dir" || exit 3
mkdir in
data=${AMANE_SHARED:-$root/../shared}/data/fhir-synthea-r4/bundles
if [ -d "$data" ]; then
    for f in $(ls "$data"/*.json.gz | head -40 | awk 'NR % 8 == 0'); do
        gunzip -c "$f" >"in/$(basename "$f" .gz)"
    done
else # as they are, without the data: a patient and what is known of him
    for i in 1 2 3 4 5 6 7 8; do
        jq -n --arg i "$i" '{resourceType: "Bundle", type: "transaction", entry: [
            {fullUrl: "urn:uuid:00000000-0000-4000-8000-00000000000\($i)", resource: {resourceType: "Patient", gender: "female"}, request: {method: "POST", url: "Patient"}},
            (range(200) | {fullUrl: "urn:uuid:00000000-0000-4000-9000-\($i)\(100000 + .)00000", request: {method: "POST", url: "Observation"}, resource: {resourceType: "Observation", status: "final",
                code: {text: "t\(.)"}, subject: {reference: "urn:uuid:00000000-0000-4000-8000-00000000000\($i)"}, valueQuantity: {value: 1.50}}})]}' >"in/$i.json"
    done
fi
all=$(cat in/*.json | jq '.entry[].resource | "\(.resourceType)/\(.id)"' | wc -l)

eds key k && [ "$(stat -c %a k)" = 600 ] && [ "$(wc -c <k)" = 65 ]
report $? 'a key is made, for its owner only'
eds key k
[ $? = 1 ]
report $? 'and never over another'
eds import s.db in --key k --json && jq -e --argjson all "$all" '.created + .there == $all and .created > 0 and .refused == 0' out >/dev/null
report $? 'bundles are imported, every resource of them'
created=$(jq .created out)
holds s.db >s.held
[ "$(wc -l <s.held)" = "$created" ] && ! grep -q urn:uuid: s.held
report $? 'all are there, and refer to each other'
eds import s.db in --key k --json && jq -e '.created == 0' out >/dev/null && holds s.db | cmp - s.held
report $? 'importing twice is importing once'
eds export s.db one --key k --json && eds export s.db two --key k --reason "of a scenario" && diff -r one two && jq -e --argjson n "$created" '.resources == $n and ([.output[].count] | add) == $n' one/export.manifest >/dev/null
report $? 'two exports are the same bytes, and the manifest counts them'
(cd one && jq -r '.output[] | "\(.sha256)  \(.file)"' export.manifest | sha256sum -c --quiet) >out 2>&1
report $? 'the manifest has their digests'
eds export s.db one --key k --reason "of a scenario"
[ $? = 1 ]
report $? 'an export never goes over another'
eds import t.db one --key k && holds t.db | cmp - s.held
report $? 'the export imported elsewhere is equal'
eds export s.db few --key k --reason "of a scenario" --type Patient,Encounter && [ "$(ls few | tr '\n' ' ')" = "$(cd one && ls Encounter.ndjson Patient.ndjson export.manifest 2>/dev/null | tr '\n' ' ')" ] && cmp one/Patient.ndjson few/Patient.ndjson
report $? '--type gives those types only'
eds export s.db none --key k --reason "of a scenario" --type Patients
[ $? = 2 ] && [ ! -e none ]
report $? 'a type that is none is said to be'

# ---- other forms; refusals
cat >mixed.ndjson <<'END'
{"resourceType":"Patient","id":"good","gender":"female"}
{"resourceType":"Patient","id":"bad","gender":"F"}
{"resourceType":"Patient","gender":"male"}
{"resourceType":"Observation","status":"final",
{"resourceType":"Patient","id":"no good","gender":"male"}
{"resourceType":"Ward","id":"w"}
END
printf '<?xml version="1.0"?>\n<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry><fullUrl value="urn:uuid:11111111-1111-4111-8111-111111111111"/><resource><Patient><gender value="other"/></Patient></resource></entry><entry><fullUrl value="urn:uuid:21111111-1111-4111-8111-111111111111"/><resource><Observation><status value="final"/><code><text value="x"/></code><subject><reference value="urn:uuid:11111111-1111-4111-8111-111111111111"/></subject></Observation></resource></entry></Bundle>' >b.data
eds import m.db mixed.ndjson b.data --key k --json
[ $? = 1 ] && jq -e '.created == 4 and .refused == 4 and .rejects == "m.db.rejects.ndjson"' out >/dev/null
report $? 'NDJSON and XML are told by what is in them, the refused counted, exit 1'
jq -e -s '[.[].source.line] == [2, 4, 5, 6] and .[0].outcome.issue[0].expression[0] == "Patient.gender" and .[1].text != null and .[3].resource.resourceType == "Ward"' m.db.rejects.ndjson >out &&
    [ "$(stat -c %a m.db.rejects.ndjson)" = 600 ]
report $? 'they are kept with their reasons, for their owner only'
holds m.db >m.held
grep -q '"subject":{"reference":"Patient/11111111-1111-4111-8111-111111111111"}' m.held
report $? 'an XML bundle keeps its ids and references'
cp m.db.rejects.ndjson before.ndjson
eds import m.db mixed.ndjson b.data --key k --json
cmp -s before.ndjson m.db.rejects.ndjson && jq -e '.created == 0 and .there == 4' out >/dev/null
report $? 'again: what had no id has the same one, refusals are there once'
sed -i 's/"gender":"F"/"gender":"female"/; s/"no good"/"now-good"/; s/"final\\","/"final\\",\\"code\\":{\\"text\\":\\"y\\"}}"/; /"Ward"/d' m.db.rejects.ndjson
eds import m.db m.db.rejects.ndjson --key k --json && jq -e '.created == 3 and .refused == 0' out >/dev/null && [ ! -e m.db.rejects.ndjson ] && holds m.db | grep -q '"id":"bad"'
report $? 'corrected they are replayed, and leave the file'
first=$(ls in/*.json | head -1)
"$amane" eds import g.db "$first" --key k --ids given >out 2>err && holds g.db >g.held && ! grep -q urn:uuid: g.held &&
    [ "$(wc -l <g.held)" -gt 1 ] && ! grep -qF "$(jq -r '.entry[0].fullUrl | sub("urn:uuid:"; "")' "$first")" g.held
report $? '--ids given: new ids, and references follow'

# ---- kill -9, and a copy meanwhile
for after in 0.1 0.3 0.6; do
    "$amane" eds import c.db in --key k >out 2>err &
    pid=$!
    sleep $after
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
eds import c.db in --key k && holds c.db | cmp - s.held && eds fsck c.db --key k
report $? 'killed three times, then gone on with: nothing twice, nothing lost'
"$amane" eds import d.db in one mixed.ndjson --key k >out.d 2>&1 &
pid=$! copies=0
while kill -0 $pid 2>/dev/null && [ $copies -lt 3 ]; do
    if [ -s d.db ] && "$amane" eds backup d.db copy$copies --key k >out 2>err; then copies=$((copies + 1)); fi
done
wait $pid
[ $copies -ge 1 ]
status=$?
holds d.db >d.held
for copy in copy?; do
    holds "$copy" >held.copy && [ -z "$(comm -23 held.copy d.held)" ] && eds fsck "$copy" --key k || status=1
done
[ ! -e copy0.part ] || status=1
report $status 'a copy while it is written is whole, and a part of it'
eds backup s.db kept --key k && rm -f s.db && eds restore kept s.db --key k --json && jq -e .ok out >/dev/null && holds s.db | cmp - s.held
report $? 'a copy put back is what it was'
eds restore kept s.db --key k
[ $? = 1 ]
report $? 'and never over a store'

# ---- the law: who looked, why, at what; what is hidden; no record, nothing
mkdir law && jq -nc '{resourceType: "Patient", id: ("a", "b"), gender: "female"}, {resourceType: "Consent", id: "c", status: "active", scope: {coding: [{code: "patient-privacy"}]}, category: [{text: "x"}],
    patient: {reference: "Patient/b"}, policyRule: {coding: [{code: "OPTOUT"}]}}, {resourceType: "RiskAssessment", id: "r", meta: {security: [{system: "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", code: "AIAST"}]},
    status: "preliminary", subject: {reference: "Patient/a"}}' >law/in.ndjson
echo '{"resourceType": "ViewDefinition", "name": "who", "status": "active", "resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}' >law/who.json
eds import law/l.db law/in.ndjson --key k && eds export law/l.db law/out --key k --break-glass
[ $? = 2 ] && [ ! -e law/out ] && eds export law/l.db law/out --key k --reason short
[ $? = 2 ] && [ ! -e law/out ]
report $? 'no glass is broken without a reason'
LC_ALL=en eds export law/l.db law/out --key k --reason 'extract for the registry' && grep -q ': 2$' err && jq -e .withheld==2 law/out/export.manifest >/dev/null && [ "$(cat law/out/*.ndjson | jq -r .id | sort | tr -d '\n')" = ac ] &&
    eds view law/l.db law/who.json --key k --reason 'a table of patients' && [ "$(jq -r .id out)" = a ]
report $? 'what is opposed, and what a model said, is neither exported nor in views'
eds export law/l.db law/all --key k --reason 'moving to another server' --break-glass && [ "$(cat law/all/*.ndjson | wc -l)" = 4 ]
report $? 'unless the glass is broken'
eds fsck law/l.db --key k && eds backup law/l.db law/copy --key k && "$amane" node access verify --data law >out 2>err && "$amane" node access list --data law >law/events 2>err &&
    jq -se '[.[] | select(.outcomeDesc | startswith("exit")) | .subtype[0].code] == ["eds-import", "eds-export", "eds-view", "eds-export", "eds-fsck", "eds-backup"] and
        all(.[]; .agent[0].who.identifier.value | startswith("os:")) and (map(select(.outcomeDesc == "during") | [.entity[].what.reference | select(startswith("Patient/"))] | unique) == [["Patient/a", "Patient/b"], ["Patient/a"], ["Patient/a", "Patient/b"]])
        and ([.[] | select(.meta.security) | .agent[0].purposeOfUse[0].text] | unique) == ["moving to another server"]' law/events >out
report $? 'all of it is in the record, with who, why and whom'
cp law/access/0000000000000001.trail law/kept && printf x | dd of=law/access/0000000000000001.trail bs=1 seek=100 conv=notrunc 2>/dev/null
LC_ALL=en eds view law/l.db law/who.json --key k --reason 'a table of patients'
[ $? = 1 ] && [ ! -s out ] && grep -q 'nothing was done' err && ! eds fsck law/l.db --key k && ! eds backup law/l.db law/copy2 --key k && [ ! -e law/copy2 ]
report $? 'and where it cannot be written, nothing is done'

# ---- keys
for uri in 'postgresql://amal:s3cr:t@127.0.0.1:1/x' 'postgresql://127.0.0.1:1/x?user=amal&password=s3cr:t&application_name=a' 'postgresql://amal@127.0.0.1:1/x?password=s3cr:t'; do
    eds fsck "$uri" --key k
    [ $? != 0 ] && grep -q '127.0.0.1:1/x' err && grep -qF '***' err && ! grep -q s3cr err out || break
done
report $? 'the password of a database is not told'
eds key k2
eds fsck s.db --key k2
[ $? = 1 ] && grep -q 'another key' err
report $? 'another key is refused'
eds rotate s.db --key k && holds s.db | cmp - s.held && eds fsck s.db --key k
report $? 'a new data key, and all bodies under it'
eds rewrap s.db --key k --new-key k2 && eds fsck s.db --key k2 && ! eds fsck s.db --key k
report $? 'the keys under another key: the old one opens nothing'
chmod 644 k2
eds fsck s.db --key k2
[ $? = 1 ]
report $? 'a key that others may read is refused'

# ---- damage
/usr/bin/python3 - c.db <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
rid, body = db.execute("select rid, body from res order by rid limit 1 offset 20").fetchone()
db.execute("update res set body = ? where rid = ?", (body[:-1] + bytes([body[-1] ^ 1]), rid))
db.commit()
PY
eds fsck c.db --key k --json
[ $? = 1 ] && jq -e '.ok == false and .problems[0].code == "eds.body" and (.problems[0].id | length) > 0' out >/dev/null
report $? 'a body changed on the disk is named'
eds fsck c.db --key k
[ $? = 1 ] && grep -q 'DOES NOT HOLD' out && grep -q '(version 1).*\[eds.body\]' out
report $? 'for people too'
eds backup c.db damaged --key k
[ $? = 1 ] && [ ! -e damaged ]
report $? 'a copy of it is not taken for one'

# ---- PostgreSQL
if [ -n "${AMANE_PG_URI:-}" ]; then
    psql -q "$AMANE_PG_URI" -c "create database eds$$" || exit 3
    uri=${AMANE_PG_URI%/*}/eds$$
    eds import "$uri" --data . in --key k --rejects r.ndjson && holds "$uri" | cmp - s.held && eds fsck "$uri" --data . --key k
    report $? 'PostgreSQL holds the same'
    eds import "$uri" --data . in --key k --rejects r.ndjson --json && jq -e '.created == 0' out >/dev/null && eds fsck "$uri" --data . --key k2
    [ $? = 1 ]
    report $? 'once, and under its key'
    "$amane" eds import "$uri" one mixed.ndjson --key k --rejects r2.ndjson >out.d 2>&1 &
    pid=$!
    eds backup "$uri" pg.copy --key k
    status=$?
    wait $pid
    holds pg.copy >held.copy && holds "$uri" >pg.held && [ -z "$(comm -23 held.copy pg.held)" ] && [ -z "$(comm -23 s.held held.copy)" ] && eds fsck pg.copy --key k || status=1
    report $status 'a copy of it while it is written is a file, whole, with all that was there before'
    psql -q "$AMANE_PG_URI" -c "create database back$$" || exit 3
    back=${AMANE_PG_URI%/*}/back$$
    eds restore pg.copy "$back" --key k --json && jq -e .ok out >/dev/null && holds "$back" | cmp - held.copy && eds fsck "$back" --key k
    report $? 'put back into a new database it is what it was'
    eds restore pg.copy "$back" --key k
    [ $? = 1 ] && holds "$back" | cmp - held.copy
    report $? 'and never over a store'
    psql -q "$AMANE_PG_URI" -c "create database none$$" || exit 3
    none=${AMANE_PG_URI%/*}/none$$
    eds restore c.db "$none" --key k
    [ $? = 1 ] && [ "$(psql -qtA "$none" -c "select count(*) from pg_namespace where nspname = 'eds'")" = 0 ]
    report $? 'nor is a damaged copy put back: nothing of it stays'
    psql -q "$AMANE_PG_URI" -c "drop database back$$ with (force)" -c "drop database none$$ with (force)"
    echo '{"name": "obs", "resource": "Observation", "select": [{"column": [{"name": "id", "path": "id"}, {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"}]}]}' >obs.json
    echo '{"name": "obs", "resource": "Observation", "select": [{"column": [{"name": "id", "path": "id | status"}]}]}' >many.json
    rm -rf held && "$amane" eds export "$uri" --data . held --key k --reason "of a scenario" --type Observation >out 2>err
    want=$(jq -rs '"\(length)|\(map(select(.valueQuantity)) | length)"' held/Observation.ndjson)
    eds view "$uri" --data . obs.json --key k --reason "of a scenario" --into "$uri" && eds view "$uri" --data . obs.json --key k --reason "of a scenario" --into "$uri" &&
        [ "$(psql -qtA "$uri" -c 'select count(*), count(value) from views.obs')" = "$want" ]
    report $? 'a view of it is a table of PostgreSQL'
    eds view "$uri" --data . many.json --key k --reason "of a scenario" --into "$uri"
    [ $? = 1 ] && grep -qF '[view.many]' err && [ "$(psql -qtA "$uri" -c 'select count(*), count(value) from views.obs')" = "$want" ]
    report $? 'that stays when its next filling fails'
    psql -q "$AMANE_PG_URI" -c "drop database eds$$ with (force)"
else
    echo "ok $((n = n + 1)) - PostgreSQL # SKIP no server programs"
fi
echo "1..$n"
exit $bad
