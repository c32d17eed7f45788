#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Moroccan core (profiles/ma-core): what its tool makes, each rule kept and broken, and a node that refuses, finds and
# displays by it. Communes come from a table of the operator's. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out"
cd "$dir" || exit 3
core=$root/profiles/ma-core
python3 "$root/tools/ma_core.py" made && diff -r made "$core" >out 2>&1
report $? 'the folder is what its tool makes'
"$amane" fhir validate "$core"/*.json >out 2>&1 && ! grep -v -e dom-6 -e ': valid$' out
report $? 'and valid FHIR'
[ "$(jq '.concept | length' "$core/CodeSystem-region.json")" = 12 ] && [ "$(jq '.concept | length' "$core/CodeSystem-province.json")" = 75 ] &&
    jq -e --slurpfile r "$core/CodeSystem-region.json" '[.concept[].property[0].valueCode] | unique == [$r[0].concept[].code]' "$core/CodeSystem-province.json" >/dev/null &&
    jq -e '[.concept[].designation[0].language] == [range(12) | "ar"]' "$core/CodeSystem-region.json" >/dev/null
report $? 'twelve regions in French and Arabic, 75 provinces and prefectures, each in a region that has some'

# The operator's table of communes, as the HCP gives it; these three are made up.
mkdir terms
printf 'Code;Libelle;LibelleAr;Province\n0101;Commune A;جماعة أ;FES\n0102;Commune B;جماعة ب;FES\n' >terms/communes.csv
echo '{"tables":[{"file":"communes.csv","url":"urn:amane:ma:commune","name":"Communes","version":"1","code":"Code","display":"Libelle","arabic":"LibelleAr","property":["Province"],"separator":";"}]}' >terms/terminology.json
cat >p.json <<'J'
{"resourceType":"Patient","id":"p","meta":{"profile":["urn:amane:ma:patient"]},"identifier":[
{"system":"urn:amane:ma:id:cin","value":"AB123456"},{"system":"urn:amane:ma:id:cnss","value":"123456789"},
{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"https://chu.example.ma/ipp","value":"4711"}],
"name":[{"use":"official","family":"Alaoui","given":["Mohammed"]},
{"use":"official","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/language","valueCode":"ar"}],"family":"العلوي","given":["محمد"]}],
"gender":"male","birthDate":"1980-06-15","address":[{"extension":[
{"url":"urn:amane:ma:region-code","valueCoding":{"system":"urn:amane:ma:region","code":"03"}},
{"url":"urn:amane:ma:province-code","valueCoding":{"system":"urn:amane:ma:province","code":"FES"}},
{"url":"urn:amane:ma:commune-code","valueCoding":{"system":"urn:amane:ma:commune","code":"0101"}}],"city":"Fès","country":"MA"}]}
J
cat >d.json <<'J'
{"resourceType":"Practitioner","meta":{"profile":["urn:amane:ma:practitioner"]},"identifier":[{"system":"urn:amane:ma:id:inpe","value":"101234567"}],"name":[{"family":"Benani"}]}
J
cat >o.json <<'J'
{"resourceType":"Organization","meta":{"profile":["urn:amane:ma:organization"]},"identifier":[{"system":"urn:amane:ma:id:inpe","value":"901234567"}],"name":"CHU"}
J
"$amane" fhir validate p.json d.json o.json --profile "$core" --terminology terms >out 2>&1
report $? 'a patient, a practitioner and an establishment conform'
# breaks FILE FILTER PLACE CODE NAME: one thing changed, and where it is told
breaks() {
    jq -c "$2" "$1" >broken.json
    "$amane" fhir validate broken.json --json --profile "$core" --terminology terms >out 2>&1
    [ $? = 1 ] && jq -e --arg at "$3" --arg code "$4" '[.issue[] | select(.severity == "error")] | length == 1 and .[0].expression[0] == $at and .[0].details.coding[0].code == $code' out >/dev/null
    report $? "refused: $5"
}
warns() { # warns FILTER TEXT NAME
    jq -c "$1" p.json >broken.json
    "$amane" fhir validate broken.json --json --profile "$core" --terminology terms >out 2>&1 &&
        jq -e --arg text "$2" '[.issue[] | select(.severity == "warning" and (.details.text | contains($text)))] | length == 1' out >/dev/null
    report $? "told, not refused: $3"
}
breaks p.json '.identifier[0].value = "ab 12"' 'Patient.identifier[0].value' profile.rule 'a CIN with a blank'
breaks p.json '.identifier += [.identifier[0]]' Patient.identifier profile.too_many 'two CIN'
breaks p.json '.identifier[1].value = "12-34"' 'Patient.identifier[1].value' profile.rule 'a CNSS number with a dash'
breaks p.json 'del(.identifier[2].system)' Patient profile.rule 'an IPP of no establishment'
breaks p.json '.identifier = [.identifier[1]]' Patient profile.rule 'neither CIN nor IPP'
breaks p.json 'del(.name[1].extension)' 'Patient.name[1]' profile.rule 'Arabic letters that do not say so'
breaks p.json '.name[0].extension = .name[1].extension' 'Patient.name[0]' profile.rule 'Latin letters said to be Arabic'
breaks p.json '.name[0] |= {use}' 'Patient.name[0]' profile.rule 'a name that says nothing'
breaks p.json '.address[0].extension[0].valueCoding.code = "13"' 'Patient.address[0].extension[0].valueCoding' profile.not_in_set 'a thirteenth region'
breaks p.json '.address[0].extension[1].valueCoding.code = "PAR"' 'Patient.address[0].extension[1].valueCoding' profile.not_in_set 'a province that is none'
breaks p.json '.address[0].extension[2].valueCoding.code = "0999"' 'Patient.address[0].extension[2].valueCoding' profile.not_in_set 'a commune the operator does not have'
breaks p.json '.extension = [.address[0].extension[0]]' 'Patient.extension[0]' profile.context 'a region elsewhere than on an address'
breaks p.json 'del(.gender)' Patient.gender profile.too_few 'a patient without sex'
breaks d.json '.identifier[0].value = "X1"' 'Practitioner.identifier[0].value' profile.rule 'an INPE with a letter'
breaks d.json 'del(.name)' Practitioner.name profile.too_few 'a practitioner without name'
breaks o.json 'del(.identifier)' Organization.identifier profile.too_few 'an establishment without identifier'
warns '.identifier[0].value = "AB1234567"' 'six digits' 'a CIN of seven digits'
warns '.identifier[1].value = "12345678"' 'nine digits' 'a CNSS number of eight'
warns 'del(.name[1])' 'Arabic' 'a patient with a Latin name alone'
"$amane" fhir validate p.json --json --profile "$core" >out 2>&1 &&
    jq -e '[.issue[] | select(.details.coding[0].code == "profile.set_absent")] | length == 1' out >/dev/null
report $? 'without the table of communes their code is not judged, and that is told'

: >ready
"$amane" node --data ward --listen 127.0.0.1:0 --open --terminology terms --profiles "$core" >ready 2>warned &
pid=$!
i=0
while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 $pid 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
fhir=$(jq -r .url ready)/fhir
put() { curl -s -o out -w '%{http_code}' -X PUT -H 'Content-Type: application/fhir+json' "$fhir/Patient/$1" -d @"$2"; }
ask() { rm -f out; [ "$(curl -s -o out -w '%{http_code}' -G "$@")" = 200 ]; }
[ "$(put p p.json)" = 201 ]
report $? 'a node takes what conforms'
jq -c '.id = "q" | .identifier[0].value = "ab 12"' p.json >q.json
[ "$(put q q.json)" = 422 ] && jq -e '.issue[0].expression[0] == "Patient.identifier[0].value"' out >/dev/null
report $? 'and refuses what declares the profile and does not'
jq -c '.id = "r" | del(.meta) | .identifier[0].value = "ab 12"' p.json >r.json
[ "$(put r r.json)" = 201 ]
report $? 'what declares none is judged by R4 alone'
[ "$(curl -s -o out -w '%{http_code}' -H 'Content-Type: application/fhir+json' "$fhir/Patient/\$validate?profile=urn:amane:ma:patient" -d @r.json)" = 200 ] &&
    jq -e '[.issue[] | select(.severity == "error") | .expression[0]] == ["Patient.identifier[0].value"]' out >/dev/null
report $? '$validate asks for a profile'
for id in 'urn:amane:ma:id:cin|AB123456' 'https://chu.example.ma/ipp|4711'; do
    ask "$fhir/Patient" --data-urlencode "identifier=$id" && jq -e '[.entry[].resource.id] | index("p")' out >/dev/null
    report $? "found by $id"
done
ok=0
for name in name=Alaoui name=العلوي phonetic=Mohamed phonetic=Mohammed phonetic=محمد; do
    ask "$fhir/Patient" --data-urlencode "$name" && jq -e '[.entry[]?.resource.id] | index("p")' out >/dev/null || ok=1
done
report $ok 'and by name, in either script'
ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=ar -d code=03 --data-urlencode system=urn:amane:ma:region &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "فاس مكناس"' out >/dev/null &&
    ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=fr -d code=03 --data-urlencode system=urn:amane:ma:region &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "Fès-Meknès"' out >/dev/null &&
    ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=ar -d code=0101 --data-urlencode system=urn:amane:ma:commune &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "جماعة أ"' out >/dev/null
report $? 'a region and a commune in Arabic and in French'
kill "$pid"
wait "$pid"
pid=
report_end
