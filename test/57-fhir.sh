#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane fhir validate: verdicts, places, languages, exit status. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out"
cd "$dir" || exit 3
echo '{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"gender":"female"}' >good.json
echo '{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","gender":"F","name":[{"given":["a",""]}]}}]}' >bad.json
echo '{"resourceType":"Patient",' >cut.json
echo '<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><gender value="female"/></Patient>' >p.data
echo '<Patient xmlns="http://hl7.org/fhir"><gender value="F"/></Patient>' >q.xml
echo '<Patient xmlns="http://hl7.org/fhir"><ward value="1"/></Patient>' >r.xml
"$amane" fhir validate good.json >out 2>&1
[ $? = 0 ] && grep -q '^good.json: valid$' out
report $? 'a valid file is said to be, exit 0'
"$amane" fhir validate good.json bad.json >out 2>&1
[ $? = 1 ] && grep -q '/entry/0/resource/gender.*fhir.not_in_list' out && grep -q '/entry/0/resource/name/0/given/1.*fhir.primitive' out
report $? 'each problem has its place, exit 1'
"$amane" fhir validate --json good.json bad.json >out 2>&1
[ $? = 1 ] && [ "$(wc -l <out)" = 2 ] && [ "$(jq -r .resourceType out | sort -u)" = OperationOutcome ] &&
    jq -e -s '.[1].issue | map(select(.severity == "error").expression[0]) == ["Bundle.entry[0].resource.gender", "Bundle.entry[0].resource.name[0].given[1]"]' out >/dev/null
report $? '--json is one OperationOutcome a file, with FHIRPath places'
"$amane" fhir validate --json bad.json good.json >o.json
head -1 o.json >one.json
"$amane" fhir validate one.json >out 2>&1
report $? 'the outcome is itself valid'
"$amane" fhir validate cut.json >out 2>&1
[ $? = 1 ] && grep -q 'json\.' out
report $? 'what is not JSON is not valid'
"$amane" fhir validate p.data >out 2>&1
[ $? = 0 ] && grep -q '^p.data: valid$' out
report $? 'XML is read too, whatever the name of the file'
"$amane" fhir validate --json q.xml >out 2>&1
[ $? = 1 ] && jq -e '[.issue[] | select(.severity == "error") | .expression[0]] == ["Patient.gender"]' out >/dev/null
report $? 'its problems have the same places'
"$amane" fhir validate r.xml >out 2>&1
[ $? = 1 ] && grep -q '^  1:[0-9]*: .*\[fhir.xml' out
report $? 'what XML has against the definitions has its line'
"$amane" fhir validate nowhere.json >out 2>&1
[ $? -ne 0 ]
report $? 'a file that is not there fails'
LC_ALL=fr_MA.UTF-8 "$amane" fhir validate bad.json >out 2>&1
grep -q "ensemble de valeurs" out
report $? 'in French'
LC_ALL=ar_MA.UTF-8 "$amane" fhir validate bad.json >out 2>&1
grep -q 'مجموعة القيم' out
report $? 'in Arabic'
# Profiles: a file is asked for, a folder serves what is declared, an address names one.
mkdir p
echo '{"resourceType":"StructureDefinition","url":"urn:p","name":"P","status":"active","kind":"resource","abstract":false,"type":"Patient","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"id":"Patient.name","path":"Patient.name","min":1},{"id":"Patient.gender","path":"Patient.gender","binding":{"strength":"required","valueSet":"urn:v"}}]}}' >p/p.json
echo '{"resourceType":"ValueSet","url":"urn:v","status":"active","compose":{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"}]}]}}' >p/v.json
"$amane" fhir validate good.json --profile p/p.json >out 2>&1
[ $? = 1 ] && grep -q '/name: .*profile.too_few' out
report $? 'a profile of a file is asked for'
"$amane" fhir validate good.json --profile p >out 2>&1 && "$amane" fhir validate good.json --profile p --profile urn:p >out 2>&1
[ $? = 1 ] && grep -q '/name: .*profile.too_few' out && grep -q '/gender: .*profile.not_in_set' out
report $? 'a folder is loaded, with its value sets, and an address asked for'
jq -c '.meta.profile = ["urn:p"]' good.json >declared.json
"$amane" fhir validate declared.json --json --profile p >out 2>&1
[ $? = 1 ] && jq -e '[.issue[] | select(.severity == "error") | .expression[0]] | sort == ["Patient.gender", "Patient.name"]' out >/dev/null
report $? 'what declares a profile is judged by it'
"$amane" fhir validate declared.json >out 2>&1
report $? 'and not when it is not loaded'
"$amane" fhir validate good.json --profile urn:none >out 2>&1
[ $? = 1 ] && grep -q profile.absent out
report $? 'asking for what is not loaded is answered no'
mkdir empty
"$amane" fhir validate good.json --profile empty >out 2>&1
[ $? = 1 ] && grep -q sd.none out
report $? 'a folder without definitions is refused'
"$amane" fhir >out 2>&1
[ $? = 2 ]
report $? 'usage is exit 2'
report_end
