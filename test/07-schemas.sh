#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The published schemas and examples, seen by python3-jsonschema alone (agreement of our validator with it on damaged
# documents is src/bench/bench_schema_test.c). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/test/support/tap.sh"
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
if ! /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    echo "ok 1 - schemas # SKIP python3-jsonschema is not there"
    echo "1..1"
    exit 0
fi
fits() { /usr/bin/python3 "$root/test/support/schema_check.py" "$root/schema/$1-1.json" "$2"; }
for file in "$root"/schema/examples/*.json "$root/policy/demo-1.json" "$root/policy/demo-2.json" "$root"/ews/*.json; do
    name=$(basename "$file" .json)
    case $name in
        bench-manifest | bench-summary) kind=$name ;;
        demo-1 | demo-2) kind=policy ;;
        news2 | mews | qsofa) kind=score-table ;;
        *) kind=${name%%-*} ;;
    esac
    fits "$kind" "$file"
    report $? "$name fits schema/$kind-1.json"
done
for kind in algorithm version evidence decision deployment event policy bench-manifest bench-summary bench-curves score-table; do
    jq -e --arg id "urn:amane:schema:$kind-1" '."$id" == $id and ."$schema" == "https://json-schema.org/draft/2020-12/schema"
        and (."x-title" | has("fr") and has("ar") and has("en"))' "$root/schema/$kind-1.json" >/dev/null
    report $? "schema/$kind-1.json says who it is in three languages"
done
# Each property says in three languages what it is and what is expected; conditions (if, contains, const) are no properties.
for kind in algorithm version evidence decision deployment event; do
    [ $kind = event ] && skip=if || skip=then # an event's members stand behind its type; a condition elsewhere only asks
    jq -r --arg skip $skip '[paths(type == "object" or type == "boolean")] as $all | . as $root | $all[]
        | select(length >= 2 and .[-2] == "properties" and (map(. == "if" or . == "contains" or . == "not" or . == $skip) | any | not)) as $p
        | ($root | getpath($p)) as $v | select(($v | type) == "object")
        | select([$v["x-title"], $v["x-description"]] | map(type == "object" and has("fr") and has("ar") and has("en")) | all | not)
        | $p | join("/")' "$root/schema/$kind-1.json" >"$tmp"
    sed 's/^/# untitled: /' "$tmp" | head -5
    [ ! -s "$tmp" ]
    report $? "every property of schema/$kind-1.json has titles and descriptions in three languages"
done
for policy in demo-1 demo-2; do
    jq -e '.national == false and (.name.fr | test("démonstration")) and (.name.en | test("Demonstration"))' "$root/policy/$policy.json" >/dev/null
    report $? "policy $policy says that it is a demonstration"
    jq -e --slurpfile m "$root/policy/label-matrix.json" '[.matrix.rows[] as $r | $m[0].rows[] | select(.id == $r.id) | . == $r] | length == 12 and all' "$root/policy/$policy.json" >/dev/null
    report $? 'its twelve rows are those of the matrix, unchanged'
done
jq -e '(.rows | length) == 52 and ([.rows[].id] | unique | length) == 52' "$root/policy/label-matrix.json" >/dev/null
report $? 'the matrix has 52 rows'
# A code of LOINC or SNOMED CT that our data use was read somewhere: doc/codes.md says where.
jq -r '.. | objects | select(.system == "http://loinc.org" or .system == "http://snomed.info/sct") | .code' \
    "$root"/demo/cohort-*.json "$root/schema/examples/version.json" >"$tmp"
jq -r '.inputs[] | select(.coding.system == "http://snomed.info/sct") | .values // {} | keys[]' \
    "$root"/demo/cohort-*.json "$root/schema/examples/version.json" >>"$tmp"
jq -r '.. | objects | .terms? // [] | .[]' "$root"/schema/examples/event-vigilance*.json >>"$tmp"
[ "$(sort -u "$tmp" | wc -l)" -ge 15 ] && sort -u "$tmp" | while read -r code; do
    grep '^|' "$root/doc/codes.md" | grep -qw -- "$code" || { echo "# no source: $code"; exit 1; }
done
report $? 'every clinical code of the demo and of the examples has its source in doc/codes.md'
report_end
