#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole demonstration with a registry on PostgreSQL: a private cluster, tables where they should be, no SQLite
# file left beside. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
if ! "$root/tools/postgres.sh" have; then
    echo 'ok 1 - the demonstration on PostgreSQL # SKIP no PostgreSQL server programs'
    echo '1..1'
    exit 0
fi
[ -n "${AMANE_PG_URI:-}" ] || exec "$root/tools/postgres.sh" with sh "$0"
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
name=demo$$
psql -q "$AMANE_PG_URI" -c "create database $name" || exit 3
uri=${AMANE_PG_URI%/*}/$name
AMANE_DATABASE=$uri "$amane" demo --data "$dir/demo" >"$dir/out" 2>"$dir/err"
if [ $? = 0 ]; then echo 'ok 1 - the demonstration runs on PostgreSQL'; else
    echo 'not ok 1 - the demonstration runs on PostgreSQL'
    tail -n 20 "$dir/out" "$dir/err" | sed 's/^/# /'
fi
rows=$(psql -qAt "$uri" -c 'select count(*) from registry.entry')
accounts=$(psql -qAt "$uri" -c 'select count(*) from auth.account')
if [ "${rows:-0}" -gt 20 ] && [ "${accounts:-0}" -ge 1 ]; then echo 'ok 2 - its statements and accounts are there'; else
    echo "not ok 2 - its statements and accounts are there: ${rows:-none}, ${accounts:-none}"
fi
psql -q "$AMANE_PG_URI" -c "drop database $name with (force)"
echo '1..2'
