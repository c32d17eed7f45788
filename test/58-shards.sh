#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A warehouse on two PostgreSQL servers: bodies split into hash partitions, some on the second server. Equal to the same store on one;
# transactions whole or not at all when a server, or the program, is killed in the middle; what a killed write left is taken away. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
if ! "$root/tools/postgres.sh" have; then
    echo 'ok 1 - a warehouse on two servers # SKIP no PostgreSQL server programs'
    echo '1..1'
    exit 0
fi
top=/tmp
[ -w /dev/shm ] && [ "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -gt 2048 ] && top=/dev/shm
dir=$(mktemp -d "$top/amane-shards-XXXXXX") || exit 3
chmod 711 "$dir"
pg() { AMANE_PG_OWNER=$$ "$root/tools/postgres.sh" "$@"; }
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; pg stop "$dir/a" immediate; pg stop "$dir/b" immediate; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
export LC_ALL=C.UTF-8
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err $dir/warned"
cd "$dir" || exit 3
(pg init "$dir/a" && pg start "$dir/a") &
pg init "$dir/b" && pg start "$dir/b"
wait $!
a=$(cat a/uri) b=$(cat b/uri)
sql() { psql -qAt "$@" 2>>err; }
place() { sh "$root/tools/place_part.sh" "$@" >out 2>err; }
fsck() { "$amane" eds fsck "$a" --key n/keys/eds.key --json >out 2>err; }
start() {
    rm -f ready
    "$amane" node --data n --listen 127.0.0.1:0 --open >ready 2>warned &
    pid=$!
    tries=0
    until [ -s ready ] || ! kill -0 $pid 2>/dev/null || [ $((tries += 1)) -gt 200 ]; do sleep 0.1; done
    fhir=$(jq -r .url ready)/fhir
}
stop() {
    kill $pid && wait $pid
    pid=
}
post() { curl -s -o out -w '%{http_code}' -m 60 -H 'Content-Type: application/fhir+json' -d "$1" "$fhir$2"; }
# bundle NAME N: a transaction of N patients of that family name, with their observations
bundle() {
    jq -nc --arg f "$1" --argjson n "$2" '{resourceType: "Bundle", type: "transaction", entry: [range($n) | . as $i | {fullUrl: "urn:uuid:00000000-0000-4000-8000-\(100000000000 + $i)",
        resource: {resourceType: "Patient", identifier: [{system: "urn:x", value: "\($f)-\($i)"}], name: [{family: $f, given: ["n\($i)"]}]}, request: {method: "POST", url: "Patient"}},
        {resource: {resourceType: "Observation", status: "final", code: {coding: [{system: "http://loinc.org", code: "2345-7"}]}, subject: {reference: "urn:uuid:00000000-0000-4000-8000-\(100000000000 + $i)"},
        valueQuantity: {value: $i, unit: "g"}}, request: {method: "POST", url: "Observation"}}]}'
}
count() { curl -s -m 60 "$fhir/$1" | jq -r .total; }
all() { # every version, as told
    curl -s -m 60 "$fhir/_history?_count=5000" | jq -S 'del(.id, .meta, .link) | (.entry[].fullUrl | strings) |= sub("^https?://[^/]*"; "")'
}
mkdir n && printf 'warehouse = %s\n' "$a" >n/node.conf
start
post "$(bundle Alaoui 60)" '' >status
p=$(curl -s "$fhir/Patient?given=n3" | jq -r '.entry[0].resource.id')
o=$(curl -s "$fhir/Observation?value-quantity=5" | jq -r '.entry[0].resource.id')
curl -s -X PUT -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Patient\",\"id\":\"$p\",\"name\":[{\"family\":\"Tazi\"}]}" "$fhir/Patient/$p" >out
curl -s -X DELETE "$fhir/Observation/$o" >out
all >before
stop
"$amane" eds split "$a" --parts 4 --key n/keys/eds.key >out 2>err && fsck && [ "$(sql "$a" -c 'select count(*) from eds.body')" = 121 ]
report $? 'bodies are split off a store that is in use, into hash partitions'
"$amane" eds split "$a" --parts 4 --key n/keys/eds.key >out 2>err
[ $? != 0 ] && ! "$amane" eds split n.db --parts 4 --key n/keys/eds.key >out 2>err
report $? 'once only, and on PostgreSQL only'
place away "$a" 1 "$b" && place away "$a" 3 "$b" && place list "$a" && [ "$(grep -c here out)" = 2 ] && grep -q "^body_3 .*port=$(cat b/port)" out &&
    ! place away "$a" 3 "$b" && [ "$(sql "$b" -c 'select (select count(*) from eds.body_1) > 9 and (select count(*) from eds.body_3) > 9')" = t ]
report $? 'two of the four are moved to a second server'
start
all >after
cmp before after && fsck && jq -e '.versions == 122' out >/dev/null
report $? 'every version is read as before, and the store is sound'
[ "$(count 'Patient?name=alaoui&_summary=count')" = 59 ] && [ "$(curl -s "$fhir/Observation?subject:Patient.name=alaoui&_include=Observation:subject&_count=500" | jq '.entry | length')" = 116 ]
report $? 'searches with chains and includes find what they found'
[ "$(post "$(bundle Bennis 50)" '')" = 200 ] && [ "$(count 'Patient?name=bennis&_summary=count')" = 50 ] && [ "$(sql "$b" -c 'select count(*) from eds.body_1')" -gt 20 ]
report $? 'a transaction writes to both servers'
p=$(curl -s "$fhir/Patient?given=n9&name=bennis" | jq -r '.entry[0].resource.id')
for i in 1 2 3; do
    curl -s -X PUT -H 'Content-Type: application/fhir+json' -d "{\"resourceType\":\"Patient\",\"id\":\"$p\",\"name\":[{\"family\":\"Bennis\",\"given\":[\"v$i\"]}]}" "$fhir/Patient/$p" >out
done
[ "$(curl -s "$fhir/Patient/$p/_history" | jq -c '[.entry[].resource.name[0].given[0]]')" = '["v3","v2","v1","n9"]' ] && fsck
report $? 'updates and histories go across servers'

# ---- the second server dies
pg kill "$dir/b"
s=$(post "$(bundle Cherkaoui 30)" '')
[ "$s" -ge 500 ] && [ "$(count 'Patient?name=cherkaoui&_summary=count')" = 0 ] && [ "$(count 'Patient?name=bennis&_summary=count')" = 50 ]
report $? 'without the second server a transaction fails whole, and counts are answered'
pg start "$dir/b"
[ "$(post "$(bundle Cherkaoui 30)" '')" = 200 ] && [ "$(count 'Patient?name=cherkaoui&_summary=count')" = 30 ] && fsck
report $? 'when it is back, so are writes and reads'

# ---- what the second server committed and the main one did not: made here by hand, as a kill between the two leaves it
last=$(sql "$a" -c 'select max(rid) from eds.res')
stop
for i in 1 2 3 4 5 6 7 8 9; do sql "$a" -c "insert into eds.body values ($((last + i)), 'orphan')"; done
start
[ "$(post "$(bundle Daoudi 20)" '')" = 200 ] && [ "$(count 'Patient?name=daoudi&_summary=count')" = 20 ] && fsck &&
    [ "$(sql "$a" -c "select count(*) from eds.body where body = 'orphan'")" = 0 ]
report $? 'bodies without a row, left by a write that was cut, hinder nobody and go'

# ---- killed in the middle, the program or a server in turn: all of a bundle or nothing, what was acknowledged is there
bad='' acked=0
for round in ${AMANE_KILLS:-1 2 3}; do
    post "$(bundle "Kill$round" 80)" '' >status &
    curl=$!
    sleep 0.0$round
    case $((round % 3)) in
    0) pg kill "$dir/b" ;;
    1) kill -9 $pid ;;
    2) pg kill "$dir/a" ;;
    esac
    wait $curl
    [ "$(cat status)" = 200 ] && acked=$((acked + 1))
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ $((round % 3)) = 0 ] && pg start "$dir/b"
    [ $((round % 3)) = 2 ] && pg start "$dir/a"
    start
    n_found=$(count "Patient?name=kill$round&_summary=count")
    { [ "$n_found" = 0 ] && [ "$(cat status)" != 200 ]; } || [ "$n_found" = 80 ] || bad="$bad $round:$(cat status):$n_found"
done
echo "wrong:$bad, acknowledged $acked" >out
[ -z "$bad" ]
report $? 'killed in the middle: bundles are whole or not there, acknowledged ones are there'
fsck
report $? 'and the store is sound after that'

# ---- what is deleted for good leaves the other server too; and back home
rid=$(sql "$a" -c "select r.rid from eds.res_row r join eds.body b using (rid) where b.tableoid = 'eds.body_1'::regclass limit 1")
sql "$a" -c "delete from eds.res where rid = $rid" && [ "$(sql "$b" -c "select count(*) from eds.body_1 where rid = $rid")" = 0 ] && ! fsck
report $? 'a row that is deleted takes its body from the other server (and fsck misses it)'
stop
# cut_off MODE VERB...: a move whose deletions on the second server wait for a lock, until the main one is killed; `seen` = what stood by then
cut_off() {
    mode=$1
    shift
    psql -q "$b" -c begin -c "lock table eds.body_1 in $mode mode" -c 'select pg_sleep(60)' >/dev/null 2>&1 &
    lock=$!
    tries=0
    until [ "$(sql "$b" -c "select count(*) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()")" = 1 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
    place "$@" &
    move=$!
    tries=0
    until [ "$(sql "$b" -c "select count(*) from pg_locks where not granted")" = 1 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
    seen=$(sql "$a" -c "select concat(relname, relkind) from pg_class where relnamespace = 'eds'::regnamespace and relname in ('body_1', 'left_1') order by 1" | xargs)
    pg kill "$dir/a"
    wait $move
    moved=$?
    sql "$b" -c "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()" >out
    wait $lock
    pg start "$dir/a"
}
stood=$(sql "$a" -c 'select count(*) from eds.body')
cut_off share home "$a" 1
[ "$seen" = 'body_1r left_1f' ] && [ $moved != 0 ] && [ "$(sql "$a" -c 'select count(*) from eds.body')" = "$stood" ] && place list "$a" && grep -q '^left_1 .*cut move' out &&
    place home "$a" 1 && place list "$a" && ! grep left out && [ "$(sql "$b" -c 'select count(*) from eds.body_1')" = 0 ] && ! place home "$a" 1
report $? 'home: the main server has its copy for good before the other deletes; cut, it is taken up again'
cut_off exclusive away "$a" 1 "$b"
[ "$seen" = 'body_1r left_1f' ] && [ $moved != 0 ] && sql "$a" -c 'insert into eds.left_1 select rid, body from eds.body_1' && [ "$(sql "$b" -c 'select count(*) from eds.body_1')" -gt 9 ] &&
    place list "$a" && grep -q '^left_1 .*cut move' out
report $? 'away: cut, it is known that the other server may hold a copy'
place away "$a" 1 "$b" && place home "$a" 1 && place home "$a" 3 && place list "$a" && ! grep left out && [ "$(grep -c here out)" = 4 ] && [ "$(sql "$b" -c 'select count(*) from eds.body_1')" = 0 ]
report $? 'partitions come home'
start
curl -s "$fhir/Patient/$p" >out && jq -e '.name[0].given[0] == "v3"' out >/dev/null
report $? 'and are read there'
stop
report_end
