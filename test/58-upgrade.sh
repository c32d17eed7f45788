#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Warehouses that older programs wrote (test/fixtures/stores, made by tools/old_store.sh, one folder a release) opened by this one:
# fsck, every version, every search as the old program answered and one it could not, then written to; on SQLite and PostgreSQL. A newer
# store is refused. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
if [ -z "${AMANE_PG_URI:-}" ] && "$root/tools/postgres.sh" have; then
    exec "$root/tools/postgres.sh" with sh "$0"
fi
dir=$(mktemp -d) || exit 3
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
export LC_ALL=C.UTF-8
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
cd "$dir" || exit 3
stores=$root/test/fixtures/stores

start() { # KEY CONFIGURATION: a node on what is there
    mkdir -p n/keys && cp "$1" n/keys/eds.key && chmod 600 n/keys/eds.key && printf '%s' "$2" >n/node.conf && rm -f ready
    "$amane" node --data n --listen 127.0.0.1:0 --open >ready 2>err &
    pid=$!
    i=0
    until [ -s ready ] || ! kill -0 $pid 2>/dev/null || [ $((i += 1)) -gt 200 ]; do sleep 0.1; done
    fhir=$(jq -r .url ready)/fhir
}
stop() {
    kill $pid && wait $pid
    pid=
}
same() { # FOLDER NAME: history and searches
    curl -sf "$fhir/_history?_count=1000" | jq -S 'del(.id, .meta, .link) | (.entry[].fullUrl | strings) |= sub("^https?://[^/]*"; "")' >history
    while read -r search; do
        curl -sf "$fhir/$search&_count=100" | jq -c --arg s "$search" '[$s, (.entry // [] | map(.resource.resourceType + "/" + .resource.id))]'
    done <"$1/searches.txt" >found
    cmp history "$1/$2.history.json" && cmp found "$1/$2.found.json" && [ "$(jq -s 'map(select(.[1] == [])) | length' found)" = 0 ]
} >out 2>&1
anew() { # what rows of the older format could not find: a later word of a name
    curl -sf "$fhir/Patient?name=2" >out && jq -e '[.entry[].resource.id] == ["p2"]' out
} >/dev/null
written() { # a later version of what the old program wrote, and something new
    curl -sf -X PUT -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient","id":"p3","active":true,"name":[{"text":"Nouvelle"}]}' "$fhir/Patient/p3" >out &&
        jq -e '.meta.versionId == "2"' out && curl -sf -H 'Content-Type: application/fhir+json' -d '{"resourceType":"Patient"}' "$fhir/Patient" >out &&
        curl -sf "$fhir/Patient/p3/_history" >out && jq -e '.total == 2' out && curl -sf "$fhir/Patient?name=nouvelle" >out && jq -e '.total == 1' out
} >/dev/null
all() { # FOLDER NAME STORE CONFIGURATION
    rev=$(basename "$1")
    "$amane" eds fsck "$3" --data . --key "$1/$2.key" --json >out 2>err && jq -e '.versions > 40' out >/dev/null
    report $? "$rev, $2: what an older program wrote is sound"
    start "$1/$2.key" "$4"
    same "$1" "$2"
    report $? "$rev, $2: every version and every search as it answered"
    anew
    report $? "$rev, $2: its index rows were made anew"
    written
    report $? "$rev, $2: it can be written to"
    stop
    "$amane" eds fsck "$3" --data . --key "$1/$2.key" >out 2>err
    report $? "$rev, $2: and is sound after that"
}
for s in "$stores"/*/; do
    s=${s%/}
    rm -rf n && mkdir n
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())' n/eds.db <"$s/eds.sql"
    chmod 600 "$s"/*.key
    all "$s" eds n/eds.db ''
    [ -n "${AMANE_PG_URI:-}" ] && [ -f "$s/pg.sql" ] || continue
    name=up$$
    psql -q "$AMANE_PG_URI" -c "create database $name" && uri=${AMANE_PG_URI%/*}/$name && psql -q -v ON_ERROR_STOP=1 "$uri" <"$s/pg.sql" >out 2>err || exit 3
    rm -rf n
    all "$s" pg "$uri" "warehouse = $uri
"
    psql -q "$AMANE_PG_URI" -c "drop database $name with (force)"
done
[ -n "${AMANE_PG_URI:-}" ]
case $? in 0) ;; *) echo "ok $((n += 1)) - on PostgreSQL # SKIP no PostgreSQL server programs" ;; esac
python3 -c 'import sqlite3, sys; sqlite3.connect("n.db").executescript(sys.stdin.read() + "insert into db_migration select max(version) + 1000, '"'later', 'select 1'"', 0 from db_migration;")' <"$s/eds.sql"
"$amane" eds fsck n.db --key "$s/eds.key" >out 2>err
[ $? != 0 ] && grep -q 'db.migration' err
report $? 'what a newer program wrote is refused'
# A clone of continuous integration may have no tags: then the committed stores are all there is to look at.
missing=
for tag in $(git -C "$root" tag -l 'v*' 2>/dev/null); do
    [ -d "$stores/$tag" ] || missing="$missing $tag"
done
echo "without a store: $missing" >out
[ -z "$missing" ]
report $? 'each release has its store here (tools/old_store.sh TAG)'
report_end
