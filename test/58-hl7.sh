#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# HL7 v2 files into the warehouse: a hospital's mapping, names in French and Arabic, the same files twice, kill -9 and again,
# what is refused kept with its reason and replayed after a fix, an old message replayed late. TAP.
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
holds() { # holds STORE: what it has, without what each store gives by itself
    rm -rf held
    "$amane" eds export "$1" held --key k --reason "of a scenario" >/dev/null 2>err && cat held/*.ndjson | jq -S -c 'del(.id, .meta.versionId, .meta.lastUpdated) | (.. | .reference? // empty) |= sub("/.*"; "")' | sort
}
mkdir in
# A year of one ward: 60 patients admitted, moved, with results, discharged; half in ISO 8859-1, the rest in UTF-8.
/usr/bin/python3 - <<'PY'
families = ["Bénézech", "العلوي", "El Idrissi", "Noël"]
def month(m, encoding, charset):
    out = []
    def say(when, kind, n, *lines):
        out.append("\r".join(["MSH|^~\\&|HIS|CHU|AMANE|GST|%s||%s|C%s%s|P|2.5.1||||||%s" % (when, kind, n, when, charset)] + list(lines)) + "\r")
    for i in range(5):
        n = m * 100 + i
        name = families[(m + i) % 4] if encoding != "latin-1" else families[0]
        day = "2025%02d%02d" % (m, 1 + i)
        pid = "PID|1||%d^^^IPP^MR~AB%d^^^CIN^NI||%s^Salma||19800%d15|F" % (n, n, name, 1 + i)
        pv1 = "PV1|1|I|MED^1^%d||||7^Tazi^Omar||||||||||||V%d" % (i, n)
        say(day + "0800", "ADT^A01", n, "EVN||" + day + "0800", pid, pv1 + "|" * 25 + day + "0800")
        say(day + "0900", "ORU^R01", n, pid, pv1, "OBR|1||F%d|24323-8^Chimie^LN|||%s|||||||||||||||||||F" % (n, day + "0830"),
            "OBX|1|NM|2345-7^Glucose^LN||%d.50|mg/dl|70-105|H|||F" % (90 + i), "OBX|2|ST|5778-6^Couleur^LN||jaune|||||F".replace("|||||F", "||||||F"))
        say(day + "1000", "ADT^A02", n, "EVN||" + day + "1000", pid, pv1.replace("MED^1", "CHIR^2"))
        say(day + "2000", "ADT^A03", n, "EVN||" + day + "2000", pid, pv1 + "|" * 26 + day + "2000")
    open("in/2025-%02d.hl7" % m, "wb").write("".join(out).encode(encoding))
for m in range(1, 13):
    month(m, *(("latin-1", "8859/1") if m % 2 else ("utf-8", "UNICODE UTF-8")))
PY
jq '.zone = "+01:00"' "$root/mapping/hl7v2.json" >map.json
"$amane" eds key k >/dev/null

eds import s.db in --hl7 --key k --map map.json --json && jq -e '.messages == 240 and .taken == 240 and .refused == 0 and .unknown == {"MED": 120, "CHIR": 60}' out >/dev/null
report $? 'a year of messages is taken; wards that the mapping gives no service are counted'
holds s.db >s.held
[ "$(grep -c '"resourceType":"Patient"' s.held)" = 60 ] && [ "$(grep -c '"resourceType":"Encounter"' s.held)" = 60 ] &&
    [ "$(grep -c '"resourceType":"Observation"' s.held)" = 120 ] && [ "$(grep -c '"resourceType":"DiagnosticReport"' s.held)" = 60 ]
report $? 'one patient, visit, report each, however many messages speak of them'
[ "$(grep '"resourceType":"Encounter"' s.held | jq -r 'select(.status == "finished" and .period.start != null and .period.end != null and .location[0].location.display == "MED 1 0") | .status' | wc -l)" = 12 ]
report $? 'a discharge ends the visit and keeps its beginning'
grep -q 'Bénézech' s.held && grep -q 'العلوي' s.held
report $? 'names are there in French and in Arabic'
eds fsck s.db --key k
report $? 'and the warehouse holds'
cin=$(jq -r '.uniqueId[0].value' "$root/profiles/ma-core/NamingSystem-id-cin.json") cnss=$(jq -r '.uniqueId[0].value' "$root/profiles/ma-core/NamingSystem-id-cnss.json")
jq -es --arg cin "$cin" 'map(select(.resourceType == "Patient" and (.identifier | any(.system == $cin and (.value | startswith("AB")))))) | length == 60' s.held >out &&
    jq -e --arg cin "$cin" --arg cnss "$cnss" '.tables["assigning-authority"] | .CIN == $cin and .CNSS == $cnss' map.json >out &&
    grep -q "define WARD_CIN *\"$cin\"" "$root/src/ward/ward_identity.h" && grep -q "define WARD_CNSS *\"$cnss\"" "$root/src/ward/ward_identity.h"
report $? 'CIN and CNSS have one system: of the Moroccan profiles, of the desk and of messages'
eds import s.db in --hl7 --key k --map map.json --json && jq -e '.taken == 0 and .there == 240' out >/dev/null && holds s.db | cmp - s.held
report $? 'the same files again change nothing'

# ---- kill -9
for after in 0.1 0.2 0.4; do
    "$amane" eds import c.db in --hl7 --key k --map map.json >out 2>err &
    pid=$!
    sleep $after
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
eds import c.db in --hl7 --key k --map map.json && holds c.db | cmp - s.held && eds fsck c.db --key k
report $? 'killed three times, then gone on with: nothing twice, nothing lost'

# ---- refusals
printf 'MSH|^~\\&|HIS|CHU|||20260101080000+0100||ADT^A28|R1|P|2.5\rPID|1||900^^^IPP^MR||Alami^Sara||19800101|X\r' >bad.hl7
printf 'MSH|^~\\&|HIS|CHU|||20260102080000+0100||ADT^A28|R2|P|2.5\rPID|1||901^^^IPP^MR||Zo\351\r' >>bad.hl7
printf 'MSH|^~\\&|HIS|CHU|||20260103080000+0100||ADT^A28|R3|P|2.5\rPID|1||902^^^IPP^MR||Berrada^Omar\r' >>bad.hl7
eds import s.db bad.hl7 --hl7 --key k --map map.json --json
[ $? = 1 ] && jq -e '.messages == 3 and .taken == 1 and .refused == 2 and .rejected == "s.db.rejected"' out >/dev/null
report $? 'what is refused does not stop its neighbours, exit 1'
eds rejected list s.db --key k --json && jq -e 'length == 2 and ([.[].problems[0].code] | sort) == ["hl7.charset", "hl7.code"] and (map(select(.problems[0].path == "PID[1]-8.1" and .source == "bad.hl7:1")) | length) == 1' out >/dev/null &&
    [ "$(stat -c %a s.db.rejected/*.hl7.sealed | sort -u)" = 600 ]
report $? 'it is kept with place and reason, for its owner only'
[ "$(ls s.db.rejected/*.sealed | wc -l)" = 2 ] && [ "$(ls s.db.rejected | wc -l)" = 2 ] && ! grep -qaE 'Alami|PID|hl7.code|bad.hl7' s.db.rejected/* && "$amane" eds key other >/dev/null && ! eds rejected list s.db --key other
report $? 'and sealed: neither the message nor the reason is in clear, another key opens nothing'
eds rejected replay s.db --key k --map map.json --json
[ $? = 1 ] && jq -e '.refused == 2' out >/dev/null && LC_ALL=fr eds rejected list s.db --key k && grep -q 'Ce code n.*est pas dans la table' out
report $? 'nothing corrected, nothing changes; the reason is in the language of who asked'
jq '.tables.gender.X = "other"' map.json >fixed.json
eds rejected replay s.db --key k --map fixed.json --json
[ $? = 1 ] && jq -e '.taken == 1 and .refused == 1' out >/dev/null && eds rejected list s.db --key k --json && jq -e 'length == 1' out >/dev/null
report $? 'a corrected mapping replays what it refused'
kept=$(jq -r '.[0].message' out)
"$amane" eds rejected show s.db "$kept" --key k >was.hl7 2>err && grep -qa 'Zo' was.hl7 && LC_ALL=C sed 's/Zo\xe9/Zoe/; s/901/90b/' was.hl7 >good.hl7 && eds rejected fix s.db "$(basename "$kept" | cut -c1-12)" good.hl7 --key k && ! [ -e "$kept" ] &&
    eds rejected list s.db --key k --json && jq -e 'length == 1 and .[0].source == "bad.hl7:2" and .[0].problems[0].code == "hl7.charset"' out >/dev/null && ! eds rejected show s.db 0000nobody --key k
report $? 'it is shown, and another text takes its place with the reason of before'
cp s.db.rejected/*.sealed whole && printf x >>"$(ls s.db.rejected/*.sealed)" && eds rejected list s.db --key k && grep -q "$(ls s.db.rejected)" err && ! [ -s out ] && eds rejected replay s.db --key k --map fixed.json --json
[ $? = 1 ] && jq -e '.refused == 1 and .taken == 0' out >/dev/null && cp whole "$(ls s.db.rejected/*.sealed)"
report $? 'one that was changed since is named, taken by nobody, and stays'
eds rejected replay s.db --key k --map fixed.json --json && eds rejected list s.db --key k --json && jq -e 'length == 0' out >/dev/null && holds s.db | grep -q '"value":"90b"' && [ -z "$(ls s.db.rejected)" ]
report $? 'a corrected message too, and leaves nothing behind'
printf 'MSH|^~\\&|HIS|CHU|||20260103080000+0100||ADT^A28|R4|P|2.5\rPID|1||904^^^IPP^MR||Filali^Rim\r' >s.db.rejected/0ld.hl7
echo '{"source":"then.hl7:9","at":"2026-01-03T08:00:00Z","problems":[{"code":"hl7.code","path":"PID[1]-8","text":"alors"}]}' >s.db.rejected/0ld.json
eds rejected list s.db --key k && grep -q 'then.hl7:9 .*alors' out && eds rejected replay s.db --key k --map fixed.json --json && jq -e '.taken == 1' out >/dev/null && [ -z "$(ls s.db.rejected)" ]
report $? 'what an earlier version kept in clear is listed, replayed, and leaves'
printf 'MSH|^~\\&|HIS|CHU|||20200101080000+0100||ADT^A08|OLD|P|2.5\rPID|1||100^^^IPP^MR||Autre^Nom||19700101|M|||Rue 5^^Rabat\r' >old.hl7
eds import s.db old.hl7 --hl7 --key k --map map.json && holds s.db | jq -s -e 'map(select(.identifier[0].value == "100" and .resourceType == "Patient")) | length == 1 and .[0].gender == "female" and .[0].birthDate == "1980-01-15" and .[0].address[0].city == "Rabat"' >/dev/null
report $? 'a message of before, come late, fills holes and changes nothing'

# ---- the same numbers at two hospitals, and twice at one
say() { printf 'MSH|^~\\&|HIS|%s|||%s+0100||%s|%s|P|2.5.1\r' "$1" "$2" "$3" "$2"; shift 3; printf '%s\r' "$@"; }
ana='PID|1||A1^^^IPP^MR||Alami^Ana||1980|F' bob='PID|1||B1^^^IPP^MR||Berrada^Bob||1950|M'
report_of() { printf '%s\r' 'OBR|1||L7|24323-8^Chimie^LN|||202603010830' "OBX|1|NM|2345-7^Glucose^LN||$1|mmol/L||N|||F"; }
{ say CHU 20260301080000 'ADT^A01' "$ana" 'PV1|1|I|MED||||||||||||||||V88' && say CHU 20260301090000 'ORU^R01' "$ana" "$(report_of 5)" &&
    say CHR 20260302080000 'ADT^A01' "$bob" 'PV1|1|I|MED||||||||||||||||V88' && say CHR 20260302090000 'ORU^R01' "$bob" "$(report_of 9)"; } >two.hl7
subjects() { # subjects TYPE: "family value" of each, by the patient that it names
    rm -rf held && "$amane" eds export "$1" held --key k --reason "of a scenario" >/dev/null 2>err &&
        jq -r --slurpfile p held/Patient.ndjson --arg t "$2" '(.subject.reference | sub("Patient/"; "")) as $id | ($p[] | select(.id == $id) | .name[0].family) + " " + (.valueQuantity.value // .status | tostring)' "held/$2.ndjson" | sort
}
eds import two.db two.hl7 --hl7 --key k --map map.json --json && jq -e '.taken == 4' out >/dev/null &&
    [ "$(subjects two.db Encounter)" = "$(printf 'Alami in-progress\nBerrada in-progress')" ] && [ "$(subjects two.db Observation)" = "$(printf 'Alami 5\nBerrada 9')" ]
report $? 'a visit V88 and a result L7 of two hospitals are two, each of its patient'
{ say CHU 20260303080000 'ADT^A03' "$bob" 'PV1|1|I|MED||||||||||||||||V88' && say CHU 20260303090000 'ORU^R01' "$bob" "$(report_of 7)"; } >reused.hl7
eds import two.db reused.hl7 --hl7 --key k --map map.json --json
[ $? = 1 ] && jq -e '.refused == 2' out >/dev/null && [ "$(subjects two.db Observation)" = "$(printf 'Alami 5\nBerrada 9')" ] && [ "$(subjects two.db Encounter)" = "$(printf 'Alami in-progress\nBerrada in-progress')" ] &&
    LC_ALL=ar eds rejected list two.db --key k --json && jq -e 'map(.problems[0].code) == ["hl7.patient", "hl7.patient"] and (.[0].problems[0].text | test("مريض"))' out >/dev/null
report $? 'a number used anew for another patient is refused and kept, nothing moves'
say CHU 20260304080000 'ADT^A40' "$bob" 'MRG|A1^^^IPP^MR' >merge.hl7
eds import two.db merge.hl7 --hl7 --key k --map map.json && eds rejected replay two.db --key k --map map.json --json && jq -e '.taken == 2' out >/dev/null && [ "$(subjects two.db Encounter)" = "$(printf 'Berrada finished\nBerrada in-progress')" ]
report $? 'but a merge of the two patients lets it'

# ---- nothing is lost unsaid
{ say CHU 20260305080000 'ORM^O01' "$bob" 'ORC|NW|P1|||||^BID||20260305080000+0100' 'RXO|A10BA02^Metformine^L|500||mg' &&
    say CHU 20260305090000 'ORM^O01' "$bob" 'ORC|NW|P2' 'ODS|D||L^Sans sel^L' &&
    say CHU 20260305100000 'SIU^S12' 'SCH|R1' 'TQ1|1||||||202603100830+0100|202603100900+0100' "$bob" 'RGS|1' 'AIS|1||ECHO^Echographie^L' 'AIP|1||7^Tazi^Omar'; } >kinds.hl7
rm -rf held
eds import two.db kinds.hl7 --hl7 --key k --map map.json --json
[ $? = 1 ] && jq -e '.taken == 2 and .refused == 1' out >/dev/null && eds rejected list two.db --key k --json && jq -e 'length == 1 and .[0].source == "kinds.hl7:2" and .[0].problems[0].code == "hl7.nothing"' out >/dev/null &&
    "$amane" eds export two.db held --key k >/dev/null 2>err && jq -e '.status == "draft" and .medicationCodeableConcept.text == "Metformine"' held/MedicationRequest.ndjson >/dev/null &&
    jq -e '.serviceType[0].text == "Echographie" and (.participant | length) == 2 and .start == "2026-03-10T08:30:00+01:00"' held/Appointment.ndjson >/dev/null
report $? 'a pharmacy order is a draft prescription; an order that nothing is made of is refused and kept'

# ---- a warehouse of before, whose numbers were of no house
jq '(.resources[] | select(.former and .type != "Patient")) |= (.identify.system = .former[0].system | del(.former))' map.json >before.json
head -c "$(($(grep -abo 'MSH|^~' two.hl7 | sed -n '3s/:.*//p')))" two.hl7 >before.hl7
{ say CHU 20260303080000 'ADT^A03' "$ana" 'PV1|1|I|MED||||||||||||||||V88' && say CHU 20260303090000 'ORU^R01' "$ana" "$(report_of 6)" && say CHR 20260303100000 'ADT^A01' "$bob" 'PV1|1|I|MED||||||||||||||||V88'; } >after.hl7
eds import old.db before.hl7 --hl7 --key k --map before.json && eds import old.db after.hl7 --hl7 --key k --map map.json --json && jq -e '.taken == 3' out >/dev/null &&
    [ "$(subjects old.db Encounter)" = "$(printf 'Alami finished\nBerrada in-progress')" ] && [ "$(subjects old.db Observation)" = 'Alami 6' ] &&
    jq -es 'map(select(.status == "finished"))[0].identifier | map(.system) == ["urn:hl7v2:visit:CHU", "urn:hl7v2:visit"]' held/Encounter.ndjson >/dev/null
report $? 'what was stored under a number alone is found again, by its patient alone'
echo '{"format":"amane/hl7-map/1","time":["MSH-x"],"tables":{},"resources":{},"messages":[]}' >wrong.json
LC_ALL=en eds import s.db bad.hl7 --hl7 --key k --map wrong.json
[ $? = 1 ] && grep -q 'hl7.map_path' err
report $? 'a mapping that is wrong is refused before anything is read'
report_end
