#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder of terminologies, made up: what `amane fhir terminology` counts, and what a node answers from it, against what
# Python finds in the same files. Refusals name the file. TAP.
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
mkdir t t/rf2 broken
/usr/bin/python3 - <<'PY' # 600 concepts, each under one to three earlier ones; French and Arabic words; tables; resources
import json, random
draw = random.Random(5)
head = "id\teffectiveTime\tactive\tmoduleId\t"
concepts, words, french, edges = [], [], [], []
for i in range(600):
    c = 100000 + i
    concepts.append(f"{c}\t20260101\t{int(i % 50 != 7)}\t9\t9\n")
    words.append(f"{9000000 + i}\t20260101\t1\t9\t{c}\ten\t900000000000003001\tThing {i} (x)\t9\n")
    words.append(f"{9100000 + i}\t20260101\t1\t9\t{c}\ten\t900000000000013009\tThing {i}\t9\n")
    french.append(f"{9200000 + i}\t20260101\t1\t9\t{c}\tfr\t900000000000013009\tChose {i}\t9\n")
    for p in draw.sample(range(i), min(i, draw.randint(1, 3))):
        edges.append(f"{len(edges)}\t20260101\t1\t9\t{c}\t{100000 + p}\t0\t116680003\t9\t9\n")
    if i:
        edges.append(f"{len(edges)}\t20260101\t0\t9\t{100000}\t{c}\t0\t116680003\t9\t9\n")  # inactive: no circle
def put(name, text): open("t/" + name, "w", encoding="utf-8").write(text)
put("rf2/sct2_Concept_Snapshot_INT_20260101.txt", head + "definitionStatusId\n" + "".join(concepts))
put("rf2/sct2_Description_Snapshot-en_INT_20260101.txt", head + "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n" + "".join(words))
put("rf2/sct2_Description_Snapshot-fr_INT_20260101.txt", head + "conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n" + "".join(french))
put("rf2/sct2_Relationship_Snapshot_INT_20260101.txt", head + "sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n" + "".join(edges))
put("rf2/der2_cRefset_LanguageSnapshot-en_INT_20260101.txt", head + "refsetId\treferencedComponentId\tacceptabilityId\n"
    "a\t20260101\t1\t9\t99000000109\t9200003\t900000000000548007\na\t20260101\t1\t9\t900000000000508004\t9000004\t900000000000548007\n")
put("rf2/der2_Refset_SimpleSnapshot_INT_20260101.txt", head + "refsetId\treferencedComponentId\na\t20260101\t1\t9\t723264001\t100005\n")
put("ComponentHierarchyBySystem.csv", "PATH_TO_ROOT,SEQUENCE,IMMEDIATE_PARENT,CODE,CODE_TEXT\n,1,,LP1-1,Laboratory\nLP1-1,1,LP1-1,4548-4,x\n")
put("frFR18LinguisticVariant.csv", "LOINC_NUM,LONG_COMMON_NAME\n1-8,Ancien\n")
put("Loinc.csv", 'LOINC_NUM,STATUS,LONG_COMMON_NAME\n4548-4,ACTIVE,"Hemoglobin A1c, Blood"\n1-8,DEPRECATED,Old\n')
put("loinc-fr.csv", "LOINC_NUM,NOM\n4548-4,Hémoglobine glyquée\n")
put("atc.csv", "code;name;ar\nA;Alimentary;\nA10;Diabetes;السكري\nA10BA02;metformin;ميتفورمين\n")
put("terminology.json", json.dumps({"snomed_dialects": {"99000000109": "fr-MA"}, "tables": [
    {"file": "loinc-fr.csv", "url": "http://loinc.org", "adds": "fr", "code": "LOINC_NUM", "display": "NOM"},
    {"file": "Loinc.csv", "as": "loinc", "version": "2.80"},
    {"file": "atc.csv", "as": "atc", "separator": ";", "arabic": "ar", "version": "2026"},
    {"file": "cim10.xml", "as": "claml", "url": "urn:cim10"}]}))
put("icd102019syst_codes.txt", "3;N;X;09;I10;I10.-;I10;I10;Essential;;;;;;;;\n4;T;X;09;I10;I10.0;I10.0;I100;Benign;;;;;;;;\n")
put("icd102019syst_chapters.txt", "01;Infectious\n09;Circulatory\n")
put("icd102019syst_groups.txt", "I10;I15;09;Hypertensive\n")
put("cim10.xml", '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE ClaML SYSTEM "ClaML.dtd">\n<ClaML version="2.0.0"><Title name="CIM" version="9"/>\n'
    '<Modifier code="M"><SubClass code=".0"/></Modifier><ModifierClass modifier="M" code=".0"><Rubric kind="preferred"><Label xml:lang="fr">avec coma</Label></Rubric></ModifierClass>\n'
    '<Class code="E10" kind="category"><ModifiedBy code="M"/><Rubric kind="preferred"><Label xml:lang="fr">Diabète</Label></Rubric></Class></ClaML>')
put("a-supplement.json", json.dumps({"resourceType": "CodeSystem", "url": "http://x/more", "content": "supplement", "status": "active",
    "supplements": "http://x/own", "concept": [{"code": "a", "designation": [{"language": "ar", "value": "ألف"}]}]}))
put("own.json", json.dumps({"resourceType": "CodeSystem", "url": "http://x/own", "content": "complete", "status": "active", "concept": [{"code": "a"}]}))
put("set.xml", '<ValueSet xmlns="http://hl7.org/fhir"><url value="http://x/set"/><status value="active"/><compose><include><system value="http://snomed.info/sct"/>'
    '<filter><property value="concept"/><op value="is-a"/><value value="100003"/></filter></include></compose></ValueSet>')
put("package.json", '{"name": "no terminology"}')
# What the files say, by sets.
up = {}
for row in edges:
    f = row.split("\t")
    if f[2] == "1": up.setdefault(f[4], set()).add(f[5])
def above(c):
    seen, open_ = {c}, [c]
    while open_:
        for p in up.get(open_.pop(), ()):
            if p not in seen: seen.add(p); open_.append(p)
    return seen
all_above = {str(100000 + i): above(str(100000 + i)) for i in range(600)}
json.dump({"under3": sorted(c for c in all_above if "100003" in all_above[c]), "above599": sorted(all_above["100599"])}, open("known.json", "w"))
PY
"$amane" fhir terminology t --json >out 2>err
jq -e '.files == 16 and .other_files == 1 and .concepts == 614 and .value_sets >= 1 and (.code_systems | length) == 6' out >/dev/null
report $? 'the folder is counted'
jq -e '.code_systems[] | select(.url == "http://snomed.info/sct") | .concepts == 600 and .designations == {"en": 1200, "fr": 600} and
    .version == "http://snomed.info/sct/900000000000207008/version/20260101" and (.licence | test("affiliate"))' out >/dev/null
report $? 'SNOMED CT with its words, its version, its licence'
jq -e '[.code_systems[] | select(.url != "http://snomed.info/sct") | {(.url): .designations}] | add == {"http://loinc.org": {"fr": 1, "fr-FR": 1},
    "http://www.whocc.no/atc": {"ar": 2}, "http://x/own": {"ar": 1},
    "http://hl7.org/fhir/sid/icd-10": {}, "urn:cim10": {"fr": 2}}' out >/dev/null
report $? 'words of tables and of supplements, whatever the order of the files'
LC_ALL=fr_FR.UTF-8 "$amane" fhir terminology t >out 2>err && grep -q 'licence d.affilié' out && grep -q '^systèmes de codes : 6\|^systèmes de codes: 6' out
report $? 'in French too'
cp t/rf2/sct2_Concept_Snapshot_INT_20260101.txt broken/
for lang in fr ar en; do
    LC_ALL=${lang}_XX.UTF-8 "$amane" fhir terminology broken >out 2>&1
    [ $? = 1 ] && grep -q 'term.rf2_files' out && LC_ALL=${lang}_XX.UTF-8 "$amane" fhir terminology nowhere >>out 2>&1
    [ $? != 0 ] && grep -q nowhere out
    report $? "what is wanting is said, in $lang"
done
rm broken/*
printf '{"resourceType":"CodeSystem","url":"http://x/y","content":"complete","concept":[{"code":"a"},{"code":"a"}]}' >broken/twice.json
printf '\n3;T;X;01;A00;A00;A00;A00;a\nA00\n' >broken/icd102019syst_codes.txt
"$amane" fhir terminology broken >out 2>&1
[ $? = 1 ] && grep -q 'broken/icd102019syst_codes.txt' out && grep -q 'term.row' out && grep -q '3: A00' out
report $? 'a line of ICD-10 that is refused is named'
rm broken/icd102019syst_codes.txt
printf '<!DOCTYPE ClaML SYSTEM "x">\n<ClaML><Class code="&x;"/></ClaML>' >broken/c.xml
LC_ALL=ar_XX.UTF-8 "$amane" fhir terminology broken >out 2>&1
[ $? = 1 ] && grep -q 'broken/c.xml' out && grep -q 'xml.entity' out && grep -q 'كيان' out
report $? 'an entity in ClaML is refused, in Arabic too'
rm broken/c.xml
"$amane" fhir terminology broken >out 2>&1
[ $? = 1 ] && grep -q 'broken/twice.json' out && grep -q 'term.twice' out
report $? 'a broken file is named'
"$amane" node --data ward --listen 127.0.0.1:0 --open --terminology broken >out 2>&1
[ $? = 1 ] && grep -q 'broken/twice.json' out
report $? 'and a node does not begin with it'

: >ready
"$amane" node --data ward --listen 127.0.0.1:0 --open --terminology t >ready 2>warned &
pid=$!
i=0
while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 $pid 2>/dev/null; do
    i=$((i + 1))
    sleep 0.1
done
fhir=$(jq -r .url ready)/fhir
ask() { rm -f out; [ "$(curl -s -o out -w '%{http_code}' -G "$@")" = 200 ]; }
same() { # same FILTER KEY: the list that jq finds in out is the one Python found
    [ "$(jq -c "[$1] | sort" out)" = "$(jq -c ".$2" known.json)" ]
}
ask "$fhir/ValueSet/\$expand" --data-urlencode url=http://x/set && same '.expansion.contains[].code' under3
report $? 'an expansion by the hierarchy is what Python finds'
ok=0
for c in 100003 100010 100599; do
    jq -r ".above599[]" known.json | grep -q "^$c$" && want=subsumes || want=not-subsumed
    [ $c = 100599 ] && want=equivalent
    ask "$fhir/CodeSystem/\$subsumes" -d codeA=$c -d codeB=100599 --data-urlencode system=http://snomed.info/sct &&
        [ "$(jq -r '.parameter[0].valueCode' out)" = $want ] || ok=1
done
report $ok 'and so is what is above what'
ask "$fhir/CodeSystem/\$lookup" -H 'Accept-Language: ar' -d code=A10BA02 --data-urlencode system=http://www.whocc.no/atc &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "ميتفورمين"' out >/dev/null
report $? 'a drug in Arabic'
ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=fr -d code=4548-4 --data-urlencode system=http://loinc.org &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "Hémoglobine glyquée"' out >/dev/null
report $? 'an examination in French'
ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=fr-MA -d code=100003 --data-urlencode system=http://snomed.info/sct &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "Chose 3"' out >/dev/null &&
    ask "$fhir/CodeSystem/\$subsumes" -d codeA=LP1-1 -d codeB=4548-4 --data-urlencode system=http://loinc.org && jq -e '.parameter[0].valueCode == "subsumes"' out >/dev/null
report $? 'a preferred term by its dialect, a part of LOINC above its code'
ask "$fhir/ValueSet/\$expand" --data-urlencode 'url=http://snomed.info/sct?fhir_vs=isa/100003' && same '.expansion.contains[].code' under3 &&
    ask "$fhir/ValueSet/\$expand" --data-urlencode 'url=http://snomed.info/sct?fhir_vs=ecl/<< 100003' && same '.expansion.contains[].code' under3 &&
    ask "$fhir/ValueSet/\$expand" --data-urlencode 'url=http://snomed.info/sct?fhir_vs=refset/723264001' && jq -e '[.expansion.contains[].code] == ["100005"]' out >/dev/null
report $? 'value sets of SNOMED CT by their address'
ask "$fhir/CodeSystem/\$subsumes" -d codeA=IX -d codeB=I10.0 --data-urlencode system=http://hl7.org/fhir/sid/icd-10 && jq -e '.parameter[0].valueCode == "subsumes"' out >/dev/null &&
    ask "$fhir/CodeSystem/\$subsumes" -d codeA=I -d codeB=I10.0 --data-urlencode system=http://hl7.org/fhir/sid/icd-10 && jq -e '.parameter[0].valueCode == "not-subsumed"' out >/dev/null
report $? 'I10.0 is of chapter IX, and not of chapter I'
ask "$fhir/CodeSystem/\$lookup" -d displayLanguage=fr -d code=E10.0 --data-urlencode system=urn:cim10 &&
    jq -e '(.parameter[] | select(.name == "display") | .valueString) == "Diabète : avec coma"' out >/dev/null
report $? 'a code that a modifier of ClaML made'
for c in 100003 100200 100400; do
    curl -s -o out -H 'Content-Type: application/fhir+json' "$fhir/Condition" -d '{"resourceType":"Condition","subject":{"display":"x"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"'$c'"}]}}'
done
ask "$fhir/Condition" --data-urlencode 'code:below=http://snomed.info/sct|100003' &&
    [ "$(jq .total out)" = "$(jq '[.under3[] | select(. == "100003" or . == "100200" or . == "100400")] | length' known.json)" ]
report $? 'a search below a code finds what Python counts'
kill "$pid"
wait "$pid"
pid=
echo "1..$n"
exit $bad
