#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tables of the warehouse: amane eds view on real Synthea data against the same table made by jq, in each form; a table of a
# database asked in SQL, replaced whole or not at all; refusals. PostgreSQL: 58-eds.sh. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        head -c 600 out err 2>/dev/null | sed 's/^/# /'
        bad=1
    fi
}
view() { "$amane" eds view s.db "$@" --key k --reason "of a scenario" >out 2>err; }
sql() { /usr/bin/python3 -c 'import sqlite3, sys; print(sqlite3.connect("t.db").execute(sys.argv[1]).fetchall())' "$1"; }
cd "$dir" || exit 3
mkdir in
data=${AMANE_SHARED:-$root/../shared}/data/fhir-synthea-r4/bundles
if [ -d "$data" ]; then
    for f in $(ls -S "$data"/*.json.gz | tail -4); do gunzip -c "$f" >"in/$(basename "$f" .gz)"; done
else # as they are, without the data
    jq -n '{resourceType: "Bundle", type: "collection", entry: [range(300) | {resource: {resourceType: "Observation", id: "o\(.)", status: "final",
        code: {coding: [{system: "http://loinc.org", code: "c\(. % 7)"}]}, subject: {reference: "Patient/p\(. % 5)"}, valueQuantity: {value: (. / 4)},
        component: [{code: {text: "a"}, valueQuantity: {value: .}}, {code: {text: "b"}}]}}]}' >in/a.json
fi
"$amane" eds key k >/dev/null && "$amane" eds import s.db in --key k >out 2>err && "$amane" eds export s.db held --key k --reason "of a scenario" >out 2>err
report $? 'a store is filled'
cat >obs.json <<'EOF'
{"resourceType": "ViewDefinition", "name": "observation", "status": "active", "resource": "Observation", "select": [
  {"column": [{"name": "id", "path": "getResourceKey()", "type": "id"}, {"name": "patient", "path": "subject.getReferenceKey(Patient)", "type": "id"},
    {"name": "code", "path": "code.coding.first().code", "type": "code"}, {"name": "codes", "path": "code.coding.code", "type": "code", "collection": true},
    {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"}]}]}
EOF
jq -c '{id, patient: (.subject.reference | split("/")[1]), code: .code.coding[0].code, codes: [.code.coding[].code], value: .valueQuantity.value}' held/Observation.ndjson >want
view obs.json && [ -s want ] && jq -c . out | cmp - want
report $? 'the rows are those jq makes of what the store holds, in its order'
view obs.json --format json && jq -c '.[]' out | cmp - want
report $? 'as one array of JSON'
view obs.json --format csv && /usr/bin/python3 - <<'EOF'
import csv, json
rows = list(csv.DictReader(open("out", newline="")))
want = [json.loads(x) for x in open("want")]
assert len(rows) == len(want) > 0
for r, w in zip(rows, want):
    assert (r["id"], r["patient"], r["code"], json.loads(r["codes"])) == (w["id"], w["patient"], w["code"], w["codes"])
    assert float(r["value"]) == w["value"] if w["value"] is not None else r["value"] == ""
EOF
report $? 'as CSV, read back by another program'
view obs.json --format csv --no-header --limit 3 && [ "$(wc -l <out)" = 3 ] && ! grep -q '^id,' out
report $? 'some rows, without the line of names'
view obs.json --since 2124-01-01 && [ ! -s out ]
report $? 'nothing was written after tomorrow'
cat >parts.json <<'EOF'
{"resourceType": "ViewDefinition", "name": "part", "resource": "Observation", "constant": [{"name": "s", "valueCode": "final"}],
  "select": [{"column": [{"name": "id", "path": "id"}]}, {"forEach": "component", "column": [{"name": "i", "path": "%rowIndex", "type": "integer"},
    {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"}]}], "where": [{"path": "status = %s"}]}
EOF
jq -c 'select(.status == "final") | . as $o | (.component // []) | to_entries[] | {id: $o.id, i: .key, value: .value.valueQuantity.value}' held/Observation.ndjson >want
view parts.json && [ -s want ] && jq -c . out | cmp - want
report $? 'components are unnested, with their place'
view obs.json --into t.db && view parts.json --into t.db && [ "$(sql 'select count(*), count(distinct id) from observation')" = "[($(wc -l <held/Observation.ndjson), $(wc -l <held/Observation.ndjson))]" ] &&
    [ "$(sql 'select count(*) from part join observation using (id)')" = "[($(wc -l <want),)]" ]
report $? 'tables of a SQLite file join'
[ "$(sql 'select distinct typeof(i) from part')" = "[('integer',)]" ] && view parts.json --into t.db && [ "$(sql 'select count(*) from part')" = "[($(wc -l <want),)]" ]
report $? 'made again, a table is replaced'
jq '.select[0].column += [{name: "many", path: "component | code"}]' parts.json >many.json
view many.json --into t.db
[ $? = 1 ] && grep -qF '[view.many]' err && [ "$(sql 'select count(*) from part')" = "[($(wc -l <want),)]" ]
report $? 'one that fails midway leaves the table as it was'
jq '.select[0].column[0].type = "integer"' parts.json >typed.json
view typed.json --into t.db
[ $? = 1 ] && grep -qF '[view.value]' err && [ "$(sql 'select count(*) from part')" = "[($(wc -l <want),)]" ]
report $? 'so does one whose column is not of the type that its view says'
jq 'del(.name)' parts.json >anon.json
view anon.json --into t.db
[ $? = 1 ] && grep -qF '[view.required]' err
report $? 'a table has the name of its view'
echo '{"resource": "Patient", "select": [{"column": [{"name": "a b", "path": "%no"}, {"name": "c", "path": "("}]}]}' >wrong.json
view wrong.json
[ $? = 1 ] && grep -qF '/select/0/column/0/name' err && grep -qF '[view.variable]' err && grep -qF '[fhirpath.syntax]' err
report $? 'every problem of a view is told with its place'
view obs.json --format parquet
[ $? = 2 ] && view obs.json --limit 0
[ $? = 2 ] && "$amane" eds view s.db obs.json --key k --reason "of a scenario" --into t.db --format csv >out 2>err
[ $? = 2 ]
report $? 'options that mean nothing are refused'
echo "1..$n"
exit $bad
