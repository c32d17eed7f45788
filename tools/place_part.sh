#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where the partitions of the bodies of a split warehouse lie (`amane eds split`; doc/en/shards.md).
#
#   place_part.sh list STORE               each partition, and the server it is on
#   place_part.sh away STORE PART OTHER    moves partition PART (0, 1...) to the server OTHER
#   place_part.sh home STORE PART          moves it back to the main server
#
# STORE and OTHER are postgresql:// addresses with user and password; the schema is eds on both. Nodes wait meanwhile (their writes may
# fail, to be sent again). STORE's user needs postgres_fdw (create extension; grant usage on foreign data wrapper postgres_fdw) and a
# password on OTHER.
#
# postgres_fdw commits the other server first, so nothing is taken away in the transaction that copies: bodies would be lost if STORE
# died between the two. While OTHER may hold bodies that STORE does not use there (a cut `away`, a `home` not ended), STORE has a foreign
# table eds.left_PART: `list` tells, and each later move empties it first. Erasures do not reach what is left there.
set -eu
usage() { sed -n 's/^#   /  /p' "$0" >&2; exit 2; }
main() { psql -qAt -v ON_ERROR_STOP=1 "$store" "$@"; }
[ $# -ge 2 ] || usage
verb=$1 store=$2 part=${3:-}
case $verb in list) [ $# = 2 ] || usage ;; away) [ $# = 4 ] || usage ;; home) [ $# = 3 ] || usage ;; *) usage ;; esac
case $part in *[!0-9]*) usage ;; esac

lock="select pg_advisory_xact_lock(hashtext('amane place_part')) \\g /dev/null"
left() {
    main -c "select substr(relname, 6) from pg_class
        where relnamespace = to_regnamespace('eds') and relkind = 'f' and relname ~ '^left_[0-9]+\$' order by 1"
}
# empty PART: what is left of it elsewhere goes. The other server commits first; cut, it is done again.
empty() {
    main >/dev/null <<END && return
begin;
$lock
set local search_path = eds;
select 1 / count(*) from pg_class where oid = to_regclass('body_$1') and relkind = 'r' and relispartition;
delete from left_$1;
drop foreign table left_$1;
commit;
END
    echo "place_part.sh: bodies of partition $1 may be left on the other server, where erasures do not reach them:" \
        "\`home\` this one once it answers" >&2
    return 1
}

if [ "$verb" = list ]; then
    main -F ' ' -c "select c.relname, coalesce((select string_agg(o, ' ' order by o) from unnest(s.srvoptions) o where o ~ '^(host|port|dbname)='), 'here')
            || case when c.relname like 'left%' then ' (left there by a cut move; the next one empties it)' else '' end
        from pg_class c left join pg_inherits i on c.oid = i.inhrelid left join pg_foreign_table f on f.ftrelid = c.oid left join pg_foreign_server s on s.oid = f.ftserver
        where i.inhparent = 'eds.body'::regclass or c.relnamespace = 'eds'::regnamespace and c.relkind = 'f' and c.relname ~ '^left_[0-9]+\$'
        order by length(c.relname), c.relname"
    exit
fi
# "r" a table here, "f" a foreign one; and its bounds
kind=$(main -c "select relkind from pg_class where oid = to_regclass('eds.body_$part') and relispartition")
bound=$(main -c "select pg_get_expr(relpartbound, oid) from pg_class where oid = to_regclass('eds.body_$part')")
ended=
for p in $(left); do
    if empty "$p"; then
        [ "$p" != "$part" ] || ended=1
    elif [ "$p" = "$part" ]; then
        exit 1
    fi
done
[ "$verb$kind$ended" != homer1 ] || exit 0 # all that was left of a cut `home`
case $verb$kind in awayr | homef) ;; *) echo "place_part.sh: partition $part is not there, or there already" >&2; exit 1 ;; esac

if [ "$verb" = home ]; then
    main <<END
begin;
$lock
set local search_path = eds;
create table new_$part (rid bigint primary key, body bytea not null);
alter table body detach partition body_$part;
alter table body_$part rename to left_$part;
insert into new_$part select rid, body from left_$part;
alter table new_$part rename to body_$part;
alter table body attach partition body_$part $bound;
commit;
END
    empty "$part"
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
$lock
set local search_path = eds;
create extension if not exists postgres_fdw schema public;
create server if not exists $server foreign data wrapper postgres_fdw
    options ($at, batch_size '1000', fetch_size '1000', connect_timeout '5', keepalives_idle '30', updatable 'true');
create user mapping if not exists for current_user server $server options ($user);
create foreign table left_$part (rid bigint not null, body bytea not null) server $server options (schema_name 'eds', table_name 'body_$part');
commit;
END
if ! main <<END; then
begin;
$lock
set local search_path = eds;
alter table body detach partition body_$part;
delete from left_$part;
insert into left_$part select rid, body from body_$part;
drop table body_$part;
alter foreign table left_$part rename to body_$part;
alter table body attach partition body_$part $bound;
commit;
END
    for p in $(left); do
        [ "$p" != "$part" ] || empty "$part" || exit 1
    done
    [ "$(main -c "select relkind from pg_class where oid = to_regclass('eds.body_$part')")" = f ] || exit 1
fi
