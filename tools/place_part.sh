#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where the partitions of the bodies of a split warehouse lie (`amane eds split`; doc/en/shards.md).
#
#   place_part.sh list STORE               each partition, and the server it is on
#   place_part.sh away STORE PART OTHER    moves partition PART (0, 1...) to the server OTHER
#   place_part.sh home STORE PART          moves it back to the main server
#
# STORE and OTHER are postgresql:// addresses with user and password; the schema is eds on both. A move is one transaction on STORE,
# which the other server commits just before: cut short, it is begun again. Nodes wait meanwhile (their writes may fail, to be sent again).
# STORE's user needs postgres_fdw (create extension; grant usage on foreign data wrapper postgres_fdw) and a password on OTHER.
set -eu
usage() { sed -n 's/^#   /  /p' "$0" >&2; exit 2; }
main() { psql -qAt -v ON_ERROR_STOP=1 "$store" "$@"; }
[ $# -ge 2 ] || usage
verb=$1 store=$2 part=${3:-}
case $verb in list) [ $# = 2 ] || usage ;; away) [ $# = 4 ] || usage ;; home) [ $# = 3 ] || usage ;; *) usage ;; esac
case $part in *[!0-9]*) usage ;; esac

if [ "$verb" = list ]; then
    main -F ' ' -c "select c.relname, coalesce((select string_agg(o, ' ' order by o) from unnest(s.srvoptions) o where o ~ '^(host|port|dbname)='), 'here')
        from pg_inherits i join pg_class c on c.oid = i.inhrelid left join pg_foreign_table f on f.ftrelid = c.oid left join pg_foreign_server s on s.oid = f.ftserver
        where i.inhparent = 'eds.body'::regclass order by length(c.relname), c.relname"
    exit
fi
# "r" a table here, "f" a foreign one; and its bounds
kind=$(main -c "select relkind from pg_class where oid = to_regclass('eds.body_$part') and relispartition")
bound=$(main -c "select pg_get_expr(relpartbound, oid) from pg_class where oid = to_regclass('eds.body_$part')")
case $verb$kind in awayr | homef) ;; *) echo "place_part.sh: partition $part is not there, or there already" >&2; exit 1 ;; esac

if [ "$verb" = home ]; then
    main <<END
begin;
set local search_path = eds;
create table new_$part (rid bigint primary key, body bytea not null);
alter table body detach partition body_$part;
insert into new_$part select rid, body from body_$part;
delete from body_$part;
drop foreign table body_$part;
alter table new_$part rename to body_$part;
alter table body attach partition body_$part $bound;
commit;
END
    exit
fi
other=$4
# Quoted for SQL; postgresql://user:password@host:port/database
options=$(/usr/bin/python3 - "$other" <<'PY'
import hashlib, sys
from urllib.parse import unquote, urlsplit
u = urlsplit(sys.argv[1])
quote = lambda s: "'" + str(s).replace("\\", "\\\\").replace("'", "''") + "'"
place = [u.hostname, u.port or 5432, unquote(u.path[1:])]
print("away_" + hashlib.sha256(repr(place).encode()).hexdigest()[:12])
print("host %s, port %s, dbname %s" % tuple(map(quote, place)))
print("user %s, password %s" % (quote(unquote(u.username or "")), quote(unquote(u.password or ""))))
PY
)
server=$(echo "$options" | sed -n 1p)
at=$(echo "$options" | sed -n 2p)
user=$(echo "$options" | sed -n 3p)
psql -q -v ON_ERROR_STOP=1 "$other" <<END
set client_min_messages = warning;
create schema if not exists eds;
create table if not exists eds.body_$part (rid bigint primary key, body bytea not null);
END
main <<END
set client_min_messages = warning;
begin;
set local search_path = eds;
create extension if not exists postgres_fdw schema public;
create server if not exists $server foreign data wrapper postgres_fdw
    options ($at, batch_size '1000', fetch_size '1000', connect_timeout '5', keepalives_idle '30', updatable 'true');
create user mapping if not exists for current_user server $server options ($user);
create foreign table new_$part (rid bigint not null, body bytea not null) server $server options (schema_name 'eds', table_name 'body_$part');
alter table body detach partition body_$part;
delete from new_$part;
insert into new_$part select rid, body from body_$part;
drop table body_$part;
alter table new_$part rename to body_$part;
alter table body attach partition body_$part $bound;
commit;
END
