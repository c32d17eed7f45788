#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One stay as hospital and laboratory systems tell it (IHE PAM with the French extension, a laboratory behind Mirth): every resource
# that its segments make is valid FHIR and in the warehouse, what they make nothing of is told message by message. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
cd "$dir" || exit 3
eds() { "$amane" eds "$@" >out 2>err; }
tr '\n' '\r' >stay.hl7 <<'END'
MSH|^~\&|SIH|CHU|AMANE|GST|20260301080000||ADT^A01^ADT_A01|P1|P|2.5^FRA^2.10||||||UNICODE UTF-8
EVN||20260301080000||||20260301075900
PID|1||4711^^^IPP&1.2.250.1.71&ISO^PI~BE123456^^^CIN^NI||BENNANI^SALMA^AICHA^^MME^^D~بناني^سلمى^^^^^L||19800615000000|F|||12 RUE DES FAR^APT 3^FES^^30000^MAR^H||^PRN^PH^^^^^^^^^0535123456||||||||||FES|Y|1|||||N||VALI
PD1|||CHU^^12
ROL||AD|ODRP^^HL70443|100000123^TAHIRI^NADIA^^^^^^INPE
NK1|1|BENNANI^OMAR|SPO^Conjoint^HL70063|12 RUE DES FAR^^FES|0661234567
PV1|1|I|MED^12^1|U^Urgence|||100000456^TAZI^OMAR^^^^^^INPE|100000123^TAHIRI^NADIA^^^^^^INPE|100000789^IDRISSI^SARA^^^^^^INPE|||||8|||100000456^TAZI^OMAR^^^^^^INPE||V100^^^CHU^VN|||||||||||||||||||||||||20260301080000
PV2|||R07.4^Douleur thoracique^CIM10
ZBE|M1|20260301080000||INSERT|N||||HMS
DG1|1||R07.4^Douleur thoracique, sans précision^CIM10||20260301|A|||||||||1|100000456^TAZI^OMAR^^^^^^INPE
DG1|2||I21.0^Infarctus transmural^CIM10||20260302|F
AL1|1|DA|J01CA04^Amoxicilline^ATC|SV|Urticaire géante~Œdème|20190101
AL1|2|DA|J01CA08^Pivmécillinam^ATC|SV
IN1|1|AMO^Assurance maladie obligatoire|CNSS|CNSS||||||||20250101|20261231|||BENNANI^OMAR|SPO||||||||||||||||||||||||||||||||123456789^^^CNSS^SS
MSH|^~\&|LABO|CHU|AMANE|GST|20260301100000||ORU^R01^ORU_R01|L1|P|2.5.1||||||UNICODE UTF-8
PID|1||4711^^^IPP^PI||BENNANI^SALMA
PV1|1|I|MED||||||||||||||||V100
OBR|1||L9^LABO|57021-8^NFS^LN|||20260301083000|||||||||||||||20260301100000||HM|F
NTE|1|L|Prélèvement difficile
OBX|1|NM|718-7^Hémoglobine^LN||13.2|g/dL|12-16|N|||F|||20260301083000
NTE|1|L|Contrôlé
OBX|2|SN|26515-7^Plaquettes^LN||<^20|G/L||LL|||C
OBX|3|CWE|11529-5^Frottis^LN||A1^Anormal^99LAB^281300000^Abnormal^SCT|||A|||F
OBX|4|ED|11502-2^Compte rendu^LN||^AP^PDF^Base64^JVBERi0xLjQK||||||F
OBX|5|RP|18748-4^Image^LN||https://pacs.chu.example/123^^IM^JPEG||||||F
OBX|6|DT|11368-8^Début^LN||20260228||||||F
OBX|7|NM|6690-2^Leucocytes^LN||7.1|10*9/L||N|||D
SPM|1|^S9&LABO||BLD^Sang total^HL70487||||||||5^mL||hémolysé|||20260301083000|20260301090000
MSH|^~\&|SIH|CHU|AMANE|GST|20260305080000||ADT^A03^ADT_A03|P2|P|2.5||||||UNICODE UTF-8
EVN||20260305080000
PID|1||4711^^^IPP^PI||BENNANI^SALMA||19800615|F|||||||||||||||||||||20260305070000|Y
PV1|1|I|MED^12^1||||||||||||||||V100|||||||||||||||||6||||||||20260301080000|20260305073000
IAM|1|FA|PEANUT^Arachide^99LAB|MO|Prurit|A|A7^CHU||||20100101||20260304||||C
END
jq '.zone = "+01:00"' "$root/mapping/hl7v2.json" >map.json
"$amane" eds key k >/dev/null
eds import s.db stay.hl7 --hl7 --key k --map map.json --untaken un.ndjson --json && jq -e '.taken == 3 and .refused == 0 and .untaken.ZBE == 1 and .untaken["PID-32"] == 1' out >/dev/null
report $? 'the three messages of a stay are taken, and what is not in anything is counted'
[ "$(jq -c '[.source, (.untaken | join(" "))]' un.ndjson)" = '["stay.hl7:1","PID-23 PID-24 PID-25 PID-32 PD1 ZBE DG1-15 AL1-4 IN1-2.1"]' ] && [ "$(stat -c %a un.ndjson)" = 600 ]
report $? 'and told message by message, by places, for its owner only'
eds export s.db held --key k && wc -l held/*.ndjson | awk '$2 != "total" {sub(".*/", "", $2); sub("[.].*", "", $2); print $2, $1}' | tr '\n' ' ' >got &&
    grep -qx 'AllergyIntolerance 3 Condition 2 Coverage 1 DiagnosticReport 1 DocumentReference 2 Encounter 1 Observation 5 Patient 1 Specimen 1 ' got
report $? 'each segment is the resource it should be, once'
eds import s.db stay.hl7 --hl7 --key k --map map.json --json && jq -e '.taken == 0 and .there == 3' out >/dev/null
report $? 'the same messages again change nothing'
jq -e '.deceasedDateTime == "2026-03-05T07:00:00+01:00" and .contact[0].name.given == ["OMAR"] and .generalPractitioner[0].identifier.value == "100000123" and .telecom[0].value == "0535123456" and (has("deceasedBoolean") | not)' held/Patient.ndjson >out &&
    jq -e '.status == "finished" and ([.participant[].type[0].coding[0].code] == ["ATND", "REF", "CON", "ADM"]) and .participant[0].individual.identifier.system == "urn:amane:ma:id:inpe" and .reasonCode[0].coding[0].code == "R07.4" and .hospitalization.admitSource.text == "8"' held/Encounter.ndjson >out &&
    jq -es 'map(.category[1].coding[0].code) | sort == ["A", "F"]' held/Condition.ndjson >out && jq -e '.payor[0].display == "CNSS" and .identifier[1].value == "123456789"' held/Coverage.ndjson >out &&
    jq -es 'map(select(.status == "entered-in-error")) | length == 1' held/Observation.ndjson >out && jq -e '(.specimen | length) == 1 and (.result | length) == 5' held/DiagnosticReport.ndjson >out
report $? 'death, who takes part, diagnoses, insurance, a deleted result, the specimen: as they were sent'
jq '.ignore += ["ZBE", "PID-32", "PID-23"]' map.json >less.json
eds import t.db stay.hl7 --hl7 --key k --map less.json --json && jq -e '.taken == 3 and .untaken["PID-24"] == 1 and (.untaken | has("ZBE") or has("PID-32") or has("PID-23") | not)' out >/dev/null
report $? 'a hospital says what need not be told'

# ---- batches
a28() { printf 'MSH|^~\\&|HIS|CHU|||20260301080000||ADT^A28|B%s|P|2.5\rPID|1||%s^^^IPP^PI||Alami^Sara\r' "$1" "$1"; }
{ printf 'FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r' && a28 1 && a28 2 && printf 'BTS|2\rBHS|^~\\&|HIS\r' && a28 3 && printf 'BTS|1|fin\rFTS|2\r'; } >whole.hl7
eds import b.db whole.hl7 --hl7 --key k --map map.json --json && jq -e '.taken == 3 and .incomplete == 0' out >/dev/null && ! [ -s err ]
report $? 'a file of two batches whose counts are right'
{ printf 'FHS|^~\\&|HIS\r' && a28 6 && a28 7 && printf 'FTS|1\r'; } >plain.hl7
eds import b.db plain.hl7 --hl7 --key k --map map.json --json && jq -e '.taken == 2 and .incomplete == 0' out >/dev/null && ! [ -s err ]
report $? 'messages of a file without batch headers are one batch'
{ printf 'BHS|^~\\&|HIS\r' && a28 4 && printf 'BTS|2\r'; } >lost.hl7
{ printf 'FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r' && a28 5; } >cut.hl7
LC_ALL=fr eds import b.db lost.hl7 cut.hl7 --hl7 --key k --map map.json --json
[ $? = 1 ] && jq -e '.taken == 2 and .refused == 0 and .incomplete == 2' out >/dev/null && grep -q 'lost.hl7: BTS:4: .*annonce 2 et 1 sont là' err && grep -q 'cut.hl7: BHS:4: .*ne finit pas' err && grep -q 'cut.hl7: FHS:4' err
report $? 'a message less than announced, a file that was cut: what is there is taken, the file is told, exit 1'
report_end
