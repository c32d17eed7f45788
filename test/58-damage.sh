#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A page of the warehouse's file that is damaged, on SQLite and on PostgreSQL: fsck names it, readings of it fail in clear words and
# tell nothing wrong, what lies elsewhere is read. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
top=/tmp
[ -w /dev/shm ] && [ "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -gt 1024 ] && top=/dev/shm
dir=$(mktemp -d "$top/amane-damage-XXXXXX") || exit 3
chmod 711 "$dir"
pg() { AMANE_PG_OWNER=$$ "$root/tools/postgres.sh" "$@"; }
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; [ ! -d "$dir/c" ] || pg stop "$dir/c" immediate; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
export LC_ALL=C.UTF-8
. "$root/test/support/tap.sh"
shown="$dir/out $dir/warned"
cd "$dir" || exit 3
start() { # start DATA
    rm -f ready
    "$amane" node --data "$1" --listen 127.0.0.1:0 --open >ready 2>warned &
    pid=$!
    tries=0
    until [ -s ready ] || ! kill -0 $pid 2>/dev/null || [ $((tries += 1)) -gt 300 ]; do sleep 0.1; done
    fhir=$(jq -r .url ready)/fhir
}
stop() {
    kill $pid && wait $pid
    pid=
}
load() { # patients p0...p39, whose bodies do not squeeze, so that they lie on many pages
    head -c 200000 /dev/urandom | base64 -w 4800 | head -n 40 | jq -nR '{resourceType: "Bundle", type: "transaction", entry: [inputs | . as $v | {resource: {resourceType: "Patient",
        id: "p\(input_line_number - 1)", name: [{family: "x"}], photo: [{contentType: "image/png", data: $v}]}}] | [.[] | .request = {method: "PUT", url: "Patient/\(.resource.id)"}]}' >b
    [ "$(curl -s -m 60 -o out -w '%{http_code}' -H 'Content-Type: application/fhir+json' -d @b "$fhir")" = 200 ]
}
damage() { # damage FILE PAGE BYTES: half of that page
    head -c $(($3 / 2)) /dev/urandom | dd of="$1" bs=1 seek=$(($2 * $3 + $3 / 4)) conv=notrunc 2>/dev/null
}
# Each patient is as it was sent, or not told at all.
readings() {
    good=0 failed=0 wrong=0
    for i in $(seq 0 39); do
        code=$(curl -s -m 60 -o out -w '%{http_code}' "$fhir/Patient/p$i")
        if [ "$code" = 200 ] && [ "$(jq -r '.photo[0].data' out)" = "$(jq -r ".entry[$i].resource.photo[0].data" b)" ]; then
            good=$((good + 1))
        elif [ "$code" -ge 500 ] && jq -e '.resourceType == "OperationOutcome"' out >/dev/null; then
            failed=$((failed + 1))
        else
            wrong=$((wrong + 1))
        fi
    done
    echo "$good read, $failed refused, $wrong wrong" >out
    [ $wrong = 0 ] && [ $good -gt 10 ]
}
# By the database where it has sums of its pages; where it has none (an overflow page of SQLite), by the resource whose seal is broken.
named() { # named STORE DATA
    "$amane" eds fsck "$1" --key "$2/keys/eds.key" --json >out 2>warned
    [ $? = 1 ] && jq -e '.ok == false and any(.problems[]; .code == "eds.page" or (.code == "eds.body" and (.id | startswith("p"))))' out >/dev/null
}

mkdir s
start s
load
report $? 'forty patients are kept, SQLite'
stop
"$amane" eds fsck s/eds.db --key s/keys/eds.key --json >out 2>warned
report $? 'and the store is sound'
pages=$(($(stat -c %s s/eds.db) / 4096))
damage s/eds.db $((pages / 2)) 4096
named s/eds.db s
report $? 'a damaged page is named by fsck'
start s
readings
report $? "readings tell what is there, or that it cannot be told: $(cat out)"
stop

if ! "$root/tools/postgres.sh" have; then
    skipped 'the same on PostgreSQL' 'no PostgreSQL server programs'
    report_end
fi
pg init "$dir/c" && pg start "$dir/c"
uri=$(cat c/uri)
mkdir n && printf 'warehouse = %s\n' "$uri" >n/node.conf
start n
load
report $? 'forty patients are kept, PostgreSQL'
stop
"$amane" eds fsck "$uri" --key n/keys/eds.key --json >out 2>warned
report $? 'and the store is sound'
file=c/data/$(psql -qAt "$uri" -c "select pg_relation_filepath(reltoastrelid::regclass) from pg_class where oid = 'eds.res'::regclass")
[ -s "$file" ] || file=c/data/$(psql -qAt "$uri" -c "select pg_relation_filepath('eds.res')")
pg stop "$dir/c"
damage "$file" $(($(stat -c %s "$file") / 8192 / 2)) 8192
pg start "$dir/c"
named "$uri" n && jq -e 'any(.problems[]; .code == "eds.page")' out >/dev/null
report $? 'a damaged page is named by fsck'
start n
readings
report $? "readings tell what is there, or that it cannot be told: $(cat out)"
stop
report_end
