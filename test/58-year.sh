#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a hospital engineer does with a node: a year of HL7 v2 files in, every patient found by name in the other script than the
# one it is written in, every value the one that was sent, all out again and equal when it is taken in elsewhere. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
cd "$dir" || exit 3
eds() { "$amane" eds "$@" >out 2>err; }
start() {
    : >ready
    "$amane" node --data n --listen 127.0.0.1:0 --open >ready 2>node.err &
    pid=$!
    i=0
    while [ $i -lt 300 ] && ! [ -s ready ] && kill -0 $pid 2>/dev/null; do
        i=$((i + 1))
        sleep 0.1
    done
    url=$(jq -r .url ready)/fhir
}
stop() {
    kill "$pid"
    wait "$pid"
    pid=
}
mkdir in
# 105 people, one of three spellings each: two in Latin letters, one in Arabic; admitted, a result, discharged.
cat >year.py <<'PY'
import json
given = [("Mohammed", "Mohamed", "محمد"), ("Fatima", "Fatimah", "فاطمة"), ("Youssef", "Yousef", "يوسف"), ("Khadija", "Khadidja", "خديجة"), ("Hassan", "Hasan", "حسن"),
         ("Rachid", "Rashid", "رشيد"), ("Omar", "Omar", "عمر")]
family = [("Alaoui", "Alaoui", "علوي"), ("Tazi", "Tazi", "تازي"), ("Amrani", "Amrani", "عمراني"), ("Idrissi", "Idrisi", "إدريسي"), ("Bennani", "Benani", "بناني")]
people, files = [], {}
for i in range(105):
    g, f, script = given[i % 7], family[i // 7 % 5], i // 35
    p = {"ipp": str(1000 + i), "name": [g[script], f[script]], "who": [i % 7, i // 7 % 5], "birth": "19%02d-%02d-%02d" % (40 + i % 60, 1 + i % 12, 1 + i % 28), "value": "%d.%02d" % (i % 9 + 1, i % 100)}
    people.append(p)
    day = "2025%02d%02d" % (1 + i % 12, 1 + i % 27)
    pid = "PID|1||%s^^^IPP^MR||%s^%s||%s|%s" % (p["ipp"], p["name"][1], p["name"][0], p["birth"].replace("-", ""), "MF"[i % 2])
    pv1 = "PV1|1|I|MED^1^1||||||||||||||||V%d" % i
    def say(hour, kind, *lines):
        files.setdefault(day[:6], []).append("\r".join(["MSH|^~\\&|HIS|CHU|||%s%s00||%s|C%d%s|P|2.5.1||||||UNICODE UTF-8" % (day, hour, kind, i, hour)] + list(lines)) + "\r")
    say("08", "ADT^A01", "EVN||" + day + "0800", pid, pv1 + "|" * 25 + day + "0800")
    say("09", "ORU^R01", pid, pv1, "OBR|1||F%d|24323-8^Chimie^LN|||%s0830" % (i, day), "OBX|1|NM|2345-7^Glucose^LN||%s|mmol/L||N|||F" % p["value"])
    say("20", "ADT^A03", "EVN||" + day + "2000", pid, pv1 + "|" * 26 + day + "2000")
for month, texts in files.items():
    open("in/%s.hl7" % month, "w", newline="").write("".join(texts))
json.dump({"people": people, "given": given, "family": family}, open("year.json", "w"))
PY
cat >find.py <<'PY'
"""Every person, asked for in each spelling of the name: exactly those who bear it, however it is written; and by birth, the one."""
import json, sys, urllib.parse, urllib.request
year = json.load(open("year.json"))
def ask(**q):
    with urllib.request.urlopen(sys.argv[1] + "/Patient?_count=200&" + urllib.parse.urlencode(q)) as r:
        return {e["resource"]["identifier"][0]["value"]: e["resource"] for e in json.load(r).get("entry", [])}
bad = asked = 0
for g, spellings in enumerate(year["given"]):
    for f, families in enumerate(year["family"]):
        want = {p["ipp"] for p in year["people"] if p["who"] == [g, f]}
        for k in range(3):
            got = set(ask(phonetic=spellings[k] + " " + families[k]))
            asked += 1
            if got != want or len(want) != 3:
                bad += 1
                print(spellings[k], families[k], "want", sorted(want), "got", sorted(got))
for p in year["people"][::7]:
    got = ask(name=p["name"][0], birthdate=p["birth"], family=p["name"][1])
    if set(got) != {p["ipp"]}:
        bad += 1
        print(p, sorted(got))
print(asked, "asked,", bad, "wrong")
sys.exit(1 if bad else 0)
PY
/usr/bin/python3 year.py || exit 3
jq '.zone = "+01:00"' "$root/mapping/hl7v2.json" >map.json
start
stop
eds import n/eds.db in --hl7 --key n/keys/eds.key --map map.json --json && jq -e '.messages == 315 and .taken == 315' out >/dev/null
report $? 'a year of files enters the store of a node'
start
/usr/bin/python3 find.py "$url" >out 2>err
report $? 'every patient is found in Arabic and in two Latin spellings, and nobody else; by name and birth, the one'
stop
eds export n/eds.db gone --key n/keys/eds.key --reason "of a scenario"
report $? 'all is exported'
jq -r 'select(.resourceType == "Patient") | [.identifier[0].value, .name[0].given[0], .name[0].family, .birthDate] | @tsv' gone/Patient.ndjson | sort >got
jq -r '.people[] | [.ipp, .name[0], .name[1], .birth] | @tsv' year.json | sort >out
cmp got out
report $? 'each name and birth is what was sent'
cat gone/*.ndjson | jq -n -r '[inputs] | (map(select(.resourceType == "Patient") | {key: ("Patient/" + .id), value: .identifier[0].value}) | from_entries) as $of
    | .[] | select(.resourceType == "Observation") | [$of[.subject.reference], (.valueQuantity.value * 100 + 0.5 | floor)] | @tsv' | sort >got
jq -r '.people[] | [.ipp, (.value | tonumber * 100 + 0.5 | floor)] | @tsv' year.json | sort >out
cmp got out
report $? 'each result is the value that was sent, of the patient it was sent of'
"$amane" eds key k >/dev/null
same=0
eds import t.db gone --key k --json && jq -e '.refused == 0' out >/dev/null && eds export t.db back --key k --reason "of a scenario" && [ "$(ls gone)" = "$(ls back)" ] || same=1
for file in gone/*.ndjson; do
    jq -S -c 'del(.meta.lastUpdated, .meta.versionId)' "$file" | sort >was
    jq -S -c 'del(.meta.lastUpdated, .meta.versionId)' "back/${file#gone/}" | sort | cmp - was || same=1
done
[ $same = 0 ]
report $? 'taken in elsewhere and exported again it is equal'
eds fsck t.db --key k
report $? 'and holds'
report_end
