#!/bin/sh
# Runs a command with a /tmp of its own in memory: in_memory.sh COMMAND...
# Tests kill programs, never the machine: what a program wrote outlives it on any file system, and on a disk most of their
# time is waiting for fsync. Where this process may not mount, or less than 8 GiB are free, COMMAND runs on the disk as ever;
# only PostgreSQL's clusters (AMANE_PG_TOP of tools/postgres.sh) are then in /dev/shm, if that has room.
# A checkout below /tmp stays where it is, with what lies beside it in its folder.
top=$(cd "$(dirname "$0")/.." && pwd -P) || exit 3
in_own_tmp() { # COMMAND...: mounts made here are seen by nobody else, and end with the last process
    kept=
    case $top in /tmp/*) kept=${top#/tmp/} ;; esac
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount sh -c '
        kept=$1
        shift
        mount -t tmpfs -o size=6g,mode=1777 amane-memory /mnt || exit 125
        if [ -n "$kept" ]; then
            for name in "${kept%%/*}" shared; do
                if [ -L "/tmp/$name" ]; then cp -P "/tmp/$name" /mnt/
                elif [ -d "/tmp/$name" ]; then mkdir "/mnt/$name" && mount --rbind "/tmp/$name" "/mnt/$name" || exit 125
                fi
            done
        fi
        mount --move /mnt /tmp && cd . && exec "$@"
        exit 125' sh "$kept" "$@"
}
if [ "$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)" -gt 8192 ] && in_own_tmp true 2>/dev/null; then
    in_own_tmp "$@"
    exit
fi
[ -w /dev/shm ] && [ "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -gt 4096 ] && export AMANE_PG_TOP=/dev/shm
exec "$@"
