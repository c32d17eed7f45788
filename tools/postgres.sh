#!/bin/sh
# Private PostgreSQL clusters for tests and benches; nothing of the machine's own clusters is touched.
#
#   postgres.sh with COMMAND...     a fresh cluster for the time of COMMAND, which finds AMANE_PG_URI;
#                                   without server programs COMMAND runs all the same, without AMANE_PG_URI.
#                                   In AMANE_PG_TOP, or /tmp: tests may name memory, what measures may not
#   postgres.sh init DIR            a stopped cluster in the empty folder DIR: DIR/data, DIR/port, DIR/uri
#   postgres.sh start|kill DIR      kill is SIGKILL to every process of it, as a power cut would look
#   postgres.sh stop DIR [MODE]     MODE: fast (default), smart, immediate
#   postgres.sh standby DIR OF      a streaming replica in DIR of the running cluster OF, synchronous
#   postgres.sh promote DIR         the replica becomes a server that can be written
#   postgres.sh programs            where the server programs are; exit status 1: nowhere
#
# root may not run PostgreSQL: it is run as `postgres`, or `nobody`. It listens on 127.0.0.1 and on a socket in
# DIR. When the process that called `start` ends without `stop`, a watchman stops the cluster (AMANE_PG_OWNER:
# watch another process instead).
set -eu
say() { echo "postgres.sh: $*" >&2; }
die() { say "$*"; exit 3; }

programs() {
    for bin in "${AMANE_PG_BIN:-/nonexistent}" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn); do
        [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && echo "$bin" && return 0
    done
    return 1
}

user=$(id -un)
if [ "$user" = root ]; then
    user=postgres
    id postgres >/dev/null 2>&1 || user=nobody
fi
as_user() {
    if [ "$(id -un)" = root ]; then
        HOME=/ setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    else
        "$@"
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

own() { # DIR: a folder that the server's user may write into
    [ -d "$1" ] || mkdir "$1"
    [ -z "$(ls -A "$1")" ] || die "$1 is not empty"
    [ "$(id -un)" != root ] || chown "$user" "$1"
    chmod 711 "$1" # the socket is inside; the data folder has its own 0700
}

settings() { # DIR: what every cluster of ours says
    free_port >"$1/port"
    as_user sh -c 'cat >>"$1"' sh "$1/data/postgresql.auto.conf" <<END
listen_addresses = '127.0.0.1'
port = $(cat "$1/port")
unix_socket_directories = '$1'
shared_buffers = '64MB'
max_connections = 60
max_wal_size = '256MB'
logging_collector = off
log_min_messages = warning
END
    printf 'postgresql://amane:%s@127.0.0.1:%s/amane' "$(cat "$1/password")" "$(cat "$1/port")" >"$1/uri"
}

init() {
    bin=$(programs) || die "no PostgreSQL server programs (tools/setup.sh check installs them)"
    own "$1"
    openssl rand -hex 16 >"$1/password"
    [ "$(id -un)" != root ] || chown "$user" "$1/password"
    chmod 600 "$1/password"
    as_user "$bin/initdb" -D "$1/data" -U amane -A scram-sha-256 --pwfile="$1/password" -E UTF8 \
        --locale=C.UTF-8 --data-checksums --no-sync --no-instructions >"$1/init.log" 2>&1 || {
        cat "$1/init.log" >&2
        die "initdb failed"
    }
    settings "$1"
    launch "$1"
    # An order of letters that is not that of bytes: what relies on bytes must say so.
    PGPASSWORD=$(cat "$1/password") psql -q -h "$1" -p "$(cat "$1/port")" -U amane -d postgres \
        -c "create database amane template template0 locale_provider icu icu_locale 'en'" 2>/dev/null ||
        PGPASSWORD=$(cat "$1/password") psql -q -h "$1" -p "$(cat "$1/port")" -U amane -d postgres \
            -c 'create database amane' 2>&1 | sed 's/^/# /' >&2 # before PostgreSQL 15
    PGPASSWORD=$(cat "$1/password") psql -q -h "$1" -p "$(cat "$1/port")" -U amane -d amane \
        -c 'create extension amcheck' 2>/dev/null || say "no amcheck: checks of integrity will be skipped"
    stop "$1" fast
}

launch() { # a crashed server may need a moment: its old children hold the shared memory until they notice
    bin=$(programs)
    for try in 1 2 3 4 5 6 7 8 9 10; do
        as_user "$bin/pg_ctl" -D "$1/data" -l "$1/server.log" -w -t 60 start >/dev/null 2>&1 </dev/null 3<&- && return 0
        sleep 0.3
    done
    tail -n 20 "$1/server.log" >&2
    die "the server in $1 does not start"
}

pid_of() { head -n 1 "$1/data/postmaster.pid" 2>/dev/null; }

watchman() { # DIR OWNER
    while kill -0 "$2" 2>/dev/null; do
        sleep 1
        [ -d "$1/data" ] && [ "$(cat "$1/watchman" 2>/dev/null)" = "$3" ] || return 0
    done
    stop "$1" immediate
}

start() {
    owner=${AMANE_PG_OWNER:-$PPID}
    launch "$1"
    mark=$$.$(date +%s%N)
    echo "$mark" >"$1/watchman"
    watchman "$1" "$owner" "$mark" >/dev/null 2>&1 </dev/null 3<&- &
}

stop() {
    [ -n "$(pid_of "$1")" ] || return 0
    as_user "$(programs)/pg_ctl" -D "$1/data" -m "${2:-fast}" -w -t 60 stop >/dev/null 2>&1 || true
    rm -f "$1/watchman"
}

kill_hard() {
    pid=$(pid_of "$1")
    [ -n "$pid" ] || return 0
    # shellcheck disable=SC2046 # a list of process ids, all children of this server
    kill -KILL "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null || true
    rm -f "$1/watchman" "$1/data/postmaster.pid" # as after a reboot
}

standby() {
    bin=$(programs)
    own "$1"
    cp -p "$2/password" "$1/password"
    PGPASSWORD=$(cat "$2/password") as_user "$bin/pg_basebackup" -h 127.0.0.1 -p "$(cat "$2/port")" -U amane \
        -D "$1/data" -R -X stream -C -S standby_1 --checkpoint=fast >"$1/init.log" 2>&1 || {
        cat "$1/init.log" >&2
        die "pg_basebackup failed"
    }
    settings "$1"
    AMANE_PG_OWNER=${AMANE_PG_OWNER:-$PPID} start "$1"
    # From now on a commit is acknowledged when the standby has it on disk and applied.
    query() { PGPASSWORD=$(cat "$2/password") psql -qAt -h "$2" -p "$(cat "$2/port")" -U amane -d amane -c "$3"; }
    query x "$2" "alter system set synchronous_standby_names = '*'"
    query x "$2" "alter system set synchronous_commit = 'remote_apply'"
    query x "$2" "select pg_reload_conf()" >/dev/null
    for _ in $(seq 100); do
        [ "$(query x "$2" "select count(*) from pg_stat_replication where sync_state = 'sync'")" = 1 ] && return 0
        sleep 0.1
    done
    die "the standby does not follow"
}

promote() {
    as_user "$(programs)/pg_ctl" -D "$1/data" -w -t 60 promote >/dev/null 2>&1 || die "promotion failed"
}

with() {
    if ! programs >/dev/null; then
        say "no PostgreSQL server programs: NOTHING WILL BE RUN ON POSTGRESQL"
        exec "$@"
    fi
    dir=$(mktemp -d "${AMANE_PG_TOP:-/tmp}/amane-pg-XXXXXX")
    chmod 711 "$dir"
    trap 'stop "$dir/c" immediate; rm -rf "$dir"' EXIT
    trap 'exit 130' INT TERM HUP
    init "$dir/c"
    AMANE_PG_OWNER=$$ start "$dir/c"
    AMANE_PG_URI=$(cat "$dir/c/uri")
    export AMANE_PG_URI
    status=0
    "$@" || status=$?
    exit $status
}

case ${1:-} in
programs) programs ;;
have) programs >/dev/null ;;
with) shift; with "$@" ;;
init) init "$2" ;;
start) start "$2" ;;
stop) stop "$2" "${3:-fast}" ;;
kill) kill_hard "$2" ;;
standby) standby "$2" "$3" ;;
promote) promote "$2" ;;
*) sed -n 's/^#   /  /p' "$0" >&2; exit 2 ;;
esac
