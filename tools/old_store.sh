#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A warehouse as an older program wrote it, in text, for test/58-upgrade.sh: run once for each release, and commit the folder.
#
#   old_store.sh REVISION          builds that revision (a tag, a commit) in a folder of its own, makes test/fixtures/stores/REVISION
#   old_store.sh REVISION PROGRAM  the same, by a program that is built already
#
# Made of it: eds.sql (SQLite), pg.sql (PostgreSQL, where its programs are), each with its key, and what the old program answered:
# history (every version, deletions too) and the searches of searches.txt. Invented people only.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n 's/^#   /  /p' "$0" >&2; exit 2; }
rev=$1
if [ -z "${2:-}" ]; then
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    git -C "$here" archive "$rev" | tar x -C "$tree"
    ln -s "$here/.deps" "$tree/.deps"
    (cd "$tree" && tools/configure.sh build && ninja -C build amane) >&2
    set -- "$rev" "$tree/build/amane"
fi
amane=$(realpath "$2")
[ -n "${AMANE_PG_URI:-}" ] || ! "$here/tools/postgres.sh" have || exec "$here/tools/postgres.sh" with sh "$0" "$rev" "$amane"
out=$here/test/fixtures/stores/$rev
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work" ${tree:+"$tree"}' EXIT
cat >"$out/searches.txt" <<'END'
Patient?name=alaoui
Patient?name=%D8%A7%D9%84%D8%B9%D9%84%D9%88%D9%8A
Patient?birthdate=ge1980&_sort=-birthdate
Patient?identifier=urn:ipp%7C2
Observation?code=http://loinc.org%7C2345-7&value-quantity=gt0.95
Observation?subject:Patient.name=tazi&_include=Observation:subject
Encounter?_has:Condition:encounter:code=38341003
Patient?_has:Observation:subject:code=2160-0
Condition?_lastUpdated=gt2020
END
send() { # METHOD PATH BODY
    curl -sf -X "$1" -H 'Content-Type: application/fhir+json' -d "$3" "$fhir/$2" >/dev/null
}
fill() {
    for i in 1 2 3 4 5 6 7 8; do
        name=$(echo 'Alaoui:العلوي Tazi:التازي Bennis:بنيس Idrissi:الإدريسي' | cut -d' ' -f$((1 + i % 4)))
        send PUT "Patient/p$i" "{\"resourceType\":\"Patient\",\"id\":\"p$i\",\"identifier\":[{\"system\":\"urn:ipp\",\"value\":\"$i\"}],\"birthDate\":\"19$((70 + i * 3))-0$i-1$i\",
          \"gender\":\"female\",\"name\":[{\"family\":\"${name%:*}\",\"given\":[\"Zoé\"]},{\"text\":\"${name#*:}\"}]}"
        send PUT "Encounter/e$i" "{\"resourceType\":\"Encounter\",\"id\":\"e$i\",\"status\":\"finished\",\"class\":{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ActCode\",\"code\":\"AMB\"},
          \"subject\":{\"reference\":\"Patient/p$i\"},\"period\":{\"start\":\"2025-0$i-01T08:00:00+01:00\"}}"
        for code in 2345-7 2160-0; do
            send POST Observation "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"$code\"}]},\"subject\":{\"reference\":\"Patient/p$i\"},
              \"effectiveDateTime\":\"2025-0$i-02\",\"valueQuantity\":{\"value\":0.9$i,\"unit\":\"g/L\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"g/L\"}}"
        done
        send PUT "Condition/c$i" "{\"resourceType\":\"Condition\",\"id\":\"c$i\",\"subject\":{\"reference\":\"Patient/p$i\"},\"encounter\":{\"reference\":\"Encounter/e$i\"},
          \"code\":{\"coding\":[{\"system\":\"http://snomed.info/sct\",\"code\":\"$([ $((i % 2)) = 0 ] && echo 38341003 || echo 73211009)\"}]}}"
    done
    for i in 2 5; do # later versions, and one that comes back after it was deleted
        send PUT "Patient/p$i" "{\"resourceType\":\"Patient\",\"id\":\"p$i\",\"identifier\":[{\"system\":\"urn:ipp\",\"value\":\"$i\"}],\"active\":true,\"name\":[{\"text\":\"Alaoui $i\"}]}"
        curl -sf -X DELETE "$fhir/Condition/c$i" >/dev/null
    done
    send PUT Condition/c2 '{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/p2"},"code":{"text":"revenue"}}'
}
start() { # CONFIGURATION
    rm -f "$work/ready"
    mkdir "$work/n"
    printf '%s' "$1" >"$work/n/node.conf"
    LC_ALL=C.UTF-8 "$amane" node --data "$work/n" --listen 127.0.0.1:0 --open >"$work/ready" 2>"$work/warned" &
    pid=$!
    until [ -s "$work/ready" ]; do
        kill -0 $pid || { cat "$work/warned" >&2; exit 3; }
        sleep 0.1
    done
    fhir=$(jq -r .url "$work/ready")/fhir
}
answers() { # NAME: what is answered, without the address and the moment of the answer
    curl -sf "$fhir/_history?_count=1000" | jq -S 'del(.id, .meta, .link) | (.entry[].fullUrl | strings) |= sub("^https?://[^/]*"; "")' >"$out/$1.history.json"
    while read -r search; do
        curl -sf "$fhir/$search&_count=100" | jq -c --arg s "$search" '[$s, (.entry // [] | map(.resource.resourceType + "/" + .resource.id))]'
    done <"$out/searches.txt" >"$out/$1.found.json"
}
stop() {
    kill $pid
    wait $pid || true
    pid=
}
start ''
fill
answers eds
stop
cp "$work/n/keys/eds.key" "$out/eds.key"
python3 -c 'import sqlite3, sys
for line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)' "$work/n/eds.db" >"$out/eds.sql"
rm -rf "$work/n"
[ -n "${AMANE_PG_URI:-}" ] || exit 0
start "warehouse = $AMANE_PG_URI
"
fill
answers pg
stop
cp "$work/n/keys/eds.key" "$out/pg.key"
pg_dump --schema=eds --no-owner --no-privileges --inserts "$AMANE_PG_URI" | grep -vE '^\\(un)?restrict|^SET transaction_timeout|^--|^$' >"$out/pg.sql"
