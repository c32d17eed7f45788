#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The FHIR interface of a node whose store is in PostgreSQL: all that 58-rest asks, then where things are, and that a
# node with another key is refused and leaves no key behind; all that 58-door asks (killed, too). AMANE_SOAK=1: also
# Subscriptions, and the pages in a browser. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
if ! "$root/tools/postgres.sh" have; then
    echo 'ok 1 - a node with its store in PostgreSQL # SKIP no PostgreSQL server programs'
    echo '1..1'
    exit 0
fi
[ -n "${AMANE_PG_URI:-}" ] || exec "$root/tools/postgres.sh" with sh "$0"
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
report() { # report STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        tail -n 20 "$dir/err" "$dir/said" 2>/dev/null | sed 's/^/# /'
        bad=1
    fi
}
# again SCENARIO: all that it asks, on a database of its own; leaves uri
again() {
    name=s$(echo "$1" | tr -cd 'a-z0-9')$$
    psql -q "$AMANE_PG_URI" -c "create database $name" || exit 3
    uri=${AMANE_PG_URI%/*}/$name
    AMANE_WAREHOUSE=$uri AMANE=$amane sh "$root/test/$1.sh" >"$dir/tap" 2>"$dir/err" </dev/null
    status=$?
    while IFS= read -r line; do
        case $line in
        'ok '*) n=$((n + 1)); echo "ok $n - $1: ${line#ok * - }" ;;
        'not ok '*) n=$((n + 1)); echo "not ok $n - $1: ${line#not ok * - }"; bad=1 ;;
        1..*) ;;
        *) echo "$line" ;;
        esac
    done <"$dir/tap"
    [ $status = 0 ] && grep -q '^1\.\.[1-9]' "$dir/tap"
    report $? "$1 ran to its end on PostgreSQL"
}
again 58-rest
rows=$(psql -qAt "$uri" -c 'select count(*) from eds.res')
[ "${rows:-0}" -gt 0 ]
report $? "resources are in PostgreSQL ($rows)"
mkdir "$dir/other" && printf 'warehouse = %s\n' "$uri" >"$dir/other/node.conf"
LC_ALL=C.UTF-8 timeout 60 "$amane" node --data "$dir/other" --listen 127.0.0.1:0 --open >"$dir/said" 2>&1
status=$?
[ $status != 0 ] && [ $status != 124 ] && ! [ -e "$dir/other/keys/eds.key" ]
report $? 'a node without the key of that store is refused, and keeps none'
psql -q "$AMANE_PG_URI" -c "drop database $name with (force)"
scenarios=58-door
[ -z "${AMANE_SOAK:-}" ] || scenarios='58-door 58-subscription 59-roles 59-chart'
for scenario in $scenarios; do
    again "$scenario"
    psql -q "$AMANE_PG_URI" -c "drop database $name with (force)"
done
echo "1..$n"
[ "$bad" = 0 ]
