#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tables (CSV) into the warehouse: a hospital's map of columns, dates with a declared form and zone, decimal commas, ISO 8859-1, the
# same file twice, kill -9 and again, lines that are refused kept with line and column and replayed after a fix. TAP.
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
holds() { # holds STORE: what it has, without what each store and each reading gives by itself
    rm -rf held
    "$amane" eds export "$1" held --key k --reason "of a scenario" >/dev/null 2>err && cat held/*.ndjson | jq -S -c 'del(.id, .meta) | (.. | .reference? // empty) |= sub("/.*"; "")' | sort
}
cat >map.json <<'END'
{"format": "amane/hl7-map/1", "charset": "UTF-8", "zone": "+01:00", "time": ["MSH-7.1"], "separator": ";",
 "columns": ["ipp", "nom", {"name": "naissance", "date": "DD/MM/YYYY"}, "sexe", {"name": "prélevé", "date": ["DD/MM/YYYY hh:mm", "DD/MM/YYYY"]},
             "examen", {"name": "valeur", "decimal": ",", "empty": ["NULL"]}],
 "tables": {"sexe": {"M": "male", "F": "female"}, "loinc": {"GLY": "2345-7", "CREA": "2160-0"}},
 "resources": {
  "patient": {"type": "Patient", "mode": "merge", "identify": {"system": "urn:chu:ipp", "value": {"$": "ROW-1"}},
   "body": {"name": [{"text": {"$": "ROW-2"}}], "gender": {"$": "ROW-4", "table": "sexe"}, "birthDate": {"$": "ROW-3", "as": "date"}}},
  "result": {"type": "Observation", "mode": "replace",
   "identify": {"system": "urn:chu:result", "value": {"$join": [{"$": "ROW-1"}, {"$": "ROW-6"}, {"$": "ROW-5"}], "with": ":"}},
   "body": {"status": "final", "subject": {"$ref": "patient"}, "effectiveDateTime": {"$": "ROW-5", "as": "dateTime"},
    "code": {"coding": [{"system": "http://loinc.org", "code": {"$": "ROW-6", "table": "loinc"}}]},
    "valueQuantity": {"value": {"$": "ROW-7", "as": "decimal"}, "unit": "g/L"}}}},
 "messages": [{"when": {"MSH-9.1": "ROW"}, "resources": ["patient", "result"]}]}
END
# Columns in another order than the map's, one more, quotes and line breaks, CRLF.
/usr/bin/python3 - <<'PY'
names = ["Bénézech, Zoé", "العلوي محمد", "El Idrissi \"Noël\"", "Tazi\nOmar"]
with open("labs.csv", "w", encoding="utf-8", newline="") as f:
    f.write("nom;ipp;sexe;naissance;examen;valeur;prélevé;remarque\r\n")
    for i in range(300):
        p = i % 50
        f.write('"%s";%d;%s;%02d/06/1980;%s;%d,50;%02d/%02d/2025 08:30;"à jeun; oui"\r\n' % (
            names[p % 4].replace('"', '""'), p, "FM"[p % 2], 1 + p % 28, ("GLY", "CREA")[i % 2], i, 1 + i // 50, 1 + p % 12))
PY
"$amane" eds key k >/dev/null

eds import s.db labs.csv --csv --map map.json --key k --json && jq -e '.messages == 300 and .taken == 300 and .refused == 0' out >/dev/null
report $? 'a table is taken'
holds s.db >s.held
[ "$(grep -c '"resourceType":"Patient"' s.held)" = 50 ] && [ "$(grep -c '"resourceType":"Observation"' s.held)" = 300 ] &&
    grep -q '"text":"El Idrissi \\"Noël\\""' s.held && grep -q 'العلوي محمد' s.held && grep -q '"text":"Tazi\\nOmar"' s.held
report $? 'one patient however many rows speak of them, names as they are written'
grep -q '"effectiveDateTime":"2025-02-01T08:30:00+01:00".*"value":1\.50*}' s.held
report $? 'a date has the form and the zone that the map declares, a decimal its comma'
[ "$(jq -s '[.[] | select(.resourceType == "Observation") | .valueQuantity.value] | add' s.held)" = 45000 ]
report $? 'every number is the one of its row'
cp labs.csv again.csv
eds import s.db again.csv --csv --map map.json --key k --json && jq -e '.taken == 0 and .there == 300' out >/dev/null && holds s.db | cmp - s.held && eds fsck s.db --key k
report $? 'the same table again, under another name, stores nothing'
mkdir parts && { head -n 1 labs.csv && sed -n '/;0,50;/,$p' labs.csv; } >parts/all.csv && iconv -f UTF-8 -t ISO-8859-1 -c parts/all.csv >parts/latin.csv && rm parts/all.csv
sed 's/"UTF-8"/"8859\/1"/' map.json >latin.json
eds import latin.db parts --csv --map latin.json --key k --json && jq -e '.refused == 0 and .taken > 250' out >/dev/null && holds latin.db | grep -q 'Bénézech, Zoé'
report $? 'a folder, and the character set that the map declares'

# ---- kill -9
for after in 0.1 0.3 0.5; do
    "$amane" eds import c.db labs.csv --csv --map map.json --key k >out 2>err &
    pid=$!
    sleep $after
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
eds import c.db labs.csv --csv --map map.json --key k && holds c.db | cmp - s.held && eds fsck c.db --key k
report $? 'killed three times, then gone on with: nothing twice, nothing lost'

# ---- refusals
cat >bad.csv <<'END'
ipp;nom;naissance;sexe;prélevé;examen;valeur
900;Alami;01/01/1980;X;01/03/2026;GLY;1,05
901;Alami;01/01/1980;F;01/03/2026;GLY;1.05
902;Alami;30/02/1980;F;01/03/2026;GLY;1,05
903;Alami;01/01/1980;F
904;Berrada;01/01/1980;F;01/03/2026;GLY;2,5
905;Zoé "Z";01/01/1980;F;01/03/2026;GLY;1,05
END
eds import s.db bad.csv --csv --map map.json --key k --json
[ $? = 1 ] && jq -e '.messages == 6 and .taken == 1 and .refused == 5 and .rejected == "s.db.rejected"' out >/dev/null && holds s.db | grep -q Berrada
report $? 'what is refused does not stop its neighbours, exit 1'
eds rejected list s.db --key k --json && jq -e '[.[] | [.source, .problems[0].path, .problems[0].code]] | sort == [
    ["bad.csv:2", "#4 sexe", "hl7.code"], ["bad.csv:3", "#7 valeur", "hl7.value"], ["bad.csv:4", "#3 naissance", "hl7.value"],
    ["bad.csv:5", "5:1", "csv.ragged"], ["bad.csv:7", "7:10", "csv.quote"]]' out >/dev/null && [ "$(stat -c %a s.db.rejected/*.csv.sealed | sort -u)" = 600 ]
report $? 'each is kept with its file, line, column and reason, for its owner only'
eds import s.db bad.csv --csv --map map.json --key k
[ $? = 1 ] && [ "$(ls s.db.rejected/*.csv.sealed | wc -l)" = 5 ]
report $? 'refused again they are kept once'
printf 'MSH|^~\\&|HIS|CHU|||20260101080000+0100||ADT^A28|R1|P|2.5\rPID|1||906^^^IPP^MR||Alami^Sara||19800101|Q\r' >bad.hl7
eds import s.db bad.hl7 --hl7 --key k
jq '.tables.sexe.X = "other"' map.json >fixed.json
eds rejected replay s.db --map fixed.json --key k --json
[ $? = 1 ] && jq -e '.messages == 5 and .taken == 1 and .refused == 4' out >/dev/null && [ "$(ls s.db.rejected/*.hl7.sealed | wc -l)" = 1 ] &&
    LC_ALL=fr eds rejected list s.db --key k && grep -q "bad.csv:3  #7 valeur: La valeur n" out
report $? 'a corrected map replays what it refused, and leaves messages to theirs'
for kept in s.db.rejected/*.csv.sealed; do
    "$amane" eds rejected show s.db "$kept" --key k 2>err | sed 's/;1\.05/;1,05/; s;30/02/;28/02/;; s/^903;.*/903;Alami;01\/01\/1980;F;01\/03\/2026;GLY;1,05/; s/Zoé "Z"/"Zoé ""Z"""/' >row.csv && eds rejected fix s.db "$kept" row.csv --key k
done
eds rejected replay s.db --map fixed.json --key k --json && jq -e '.taken == 4 and .refused == 0' out >/dev/null && [ "$(ls s.db.rejected)" = "$(cd s.db.rejected && ls ./*.hl7.sealed | sed 's,./,,')" ] &&
    holds s.db | grep -q '"text":"Zoé \\"Z\\""'
report $? 'corrected rows too, and leave nothing behind'
echo 'ipp;nom' >other.csv
LC_ALL=en eds import s.db other.csv --csv --map map.json --key k
[ $? != 0 ] && grep -q 'naissance: .*csv.column' err && grep -q 'valeur: .*csv.column' err
report $? 'a table without the columns of the map is refused before anything is read'
printf 'ipp;nom;naissance;sexe;prélevé;examen;valeur\n910;A;01/01/1980;F;01/03/2026;GLY;1,05\n911;"A" b;01/01/1980;F;01/03/2026;GLY;1,05\n912;A;01/01/1980;F;01/03/2026;GLY;1,05\n' >torn.csv
LC_ALL=en eds import s.db torn.csv --csv --map map.json --key k
[ $? != 0 ] && grep -q 'torn.csv' err && grep -q '3:8: .*csv.quote' err && holds s.db >after && grep -q '"value":"910"' after && ! grep -q '"value":"912"' after
report $? 'where it is not known where a row ends, reading ends there, and says so'
eds import s.db labs.csv --csv --map "$root/mapping/hl7v2.json" --key k
[ $? = 1 ] && grep -q 'hl7.map_member' err
report $? 'a map of messages is no map of tables'

# ---- many at once, as one after the other: the rows of one person in their order, though 32 are on their way. Every row renames
# somebody, so each makes a version; refused rows stand between them.
jq '.columns = ["kind", "ipp", "nom"] | .tables = {} | .messages = [{"when": {"ROW-1": ["A"]}, "resources": ["a"]}] | .resources = {
  "a": {"type": "Patient", "mode": "merge", "identify": {"system": "urn:chu:ipp", "value": {"$": "ROW-2"}}, "body": {"name": [{"text": {"$": "ROW-3"}}]}}}' map.json >order.json
/usr/bin/python3 - <<'PY'
import random
random.seed(5)
last = {}
with open("order.csv", "w") as f:
    f.write("kind;ipp;nom\n")
    for i in range(700):
        p = random.randrange(40) if i % 3 else 3
        f.write("%s;%d;N%d\n" % ("C" if i % 50 == 7 else "A", p, i))
        if i % 50 != 7:
            last[p] = i
open("order.want", "w").write("".join(sorted("%d N%d\n" % x for x in last.items())))
PY
eds import o.db order.csv --csv --map order.json --key k --json
[ $? = 1 ] && jq -e '.messages == 700 and .taken == 686 and .refused == 14 and .resources == 686' out >/dev/null && eds fsck o.db --key k --json && jq -e '.versions == 686' out >/dev/null
report $? 'many rows at once: each is a version of its own, refused ones refuse no other'
rm -rf held && eds export o.db held --key k --reason "of a scenario" && jq -r '"\(.identifier[0].value) \(.name[0].text)"' held/*.ndjson | LC_ALL=C sort >order.is && LC_ALL=C sort order.want | cmp - order.is
report $? 'nobody twice, and the last row of each person is the one that holds'
report_end
