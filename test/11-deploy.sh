#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What an operator installs: the systemd units (verified, exposure figure), the Debian package (lintian; unpacked,
# its program runs, its pages and units are the tree's). TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
. "$root/test/support/tap.sh"
shown="$dir/why"

# ---- systemd
for unit in registry node; do
    file=$root/deploy/systemd/amane-$unit.service
    if command -v systemd-analyze >/dev/null 2>&1; then
        # The program and its pages are not installed here: the rest of the unit is judged as it is.
        sed -e "s,/usr/bin/amane,$amane," -e '/^Documentation=/d' "$file" >"$dir/amane-$unit.service"
        systemd-analyze verify "$dir/amane-$unit.service" >"$dir/why" 2>&1 && [ ! -s "$dir/why" ]
        report $? "amane-$unit.service: systemd finds nothing to say"
        systemd-analyze security --offline=true --threshold=20 "$dir/amane-$unit.service" >"$dir/why" 2>&1
        report $? "amane-$unit.service: exposure at most 2.0"
        # Red once: without its hardening the same unit is over the threshold.
        sed -e '/^\(Protect\|Private\|Restrict\|System\|Memory\|Lock\|NoNew\|Cap\|User\|Group\)/d' \
            "$dir/amane-$unit.service" >"$dir/weak-$unit.service"
        ! systemd-analyze security --offline=true --threshold=20 "$dir/weak-$unit.service" >"$dir/why" 2>&1
        report $? "amane-$unit.service: without its hardening it would not pass"
    else
        skipped "amane-$unit.service" 'systemd-analyze is absent'
    fi
    for word in NoNewPrivileges=yes ProtectSystem=strict MemoryDenyWriteExecute=yes PrivateTmp=yes "StateDirectory=amane/$unit"; do
        grep -qx "$word" "$file" || echo "$word is missing" >>"$dir/why"
    done
    [ ! -s "$dir/why" ]
    report $? "amane-$unit.service: keeps what the guide promises"
done

# ---- the filter lets the program live: a whole demonstration (both servers, workers) under the unit's system calls
if command -v systemd-analyze >/dev/null 2>&1; then
    /usr/bin/python3 "$root/test/support/unit_filter.py" "$root/deploy/systemd/amane-registry.service" "$amane" demo --data "$dir/demo" >"$dir/why" 2>&1
    report $? "the demonstration runs under the units' system call filter"
    ! /usr/bin/python3 "$root/test/support/unit_filter.py" "$root/deploy/systemd/amane-registry.service" \
        /usr/bin/python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None, use_errno=True).mount(b"x", b"/x", b"x", 0, None) == 0 or ctypes.get_errno() == 1)' >"$dir/why" 2>&1
    report $? 'and mount() is refused there, so the filter was on'
else
    skipped "the demonstration runs under the units' system call filter" 'systemd-analyze is absent'
fi

# ---- manual pages
for page in "$root"/doc/man/*.md; do
    /usr/bin/python3 "$root/tools/man.py" "$page" 0 >"$dir/page.1" 2>>"$dir/why" || break
    command -v mandoc >/dev/null 2>&1 && mandoc -T lint -W error "$dir/page.1" >>"$dir/why" 2>&1
done
[ ! -s "$dir/why" ]
report $? 'every manual page becomes man(7) without an error'

# ---- the Debian package
if command -v dpkg-deb >/dev/null 2>&1 && command -v dpkg-shlibdeps >/dev/null 2>&1; then
    (cd "$root" && AMANE=$amane tools/deb.sh "$dir/deb") >"$dir/why" 2>&1
    report $? 'the package is made'
    deb=$(ls "$dir"/deb/*.deb 2>/dev/null)
    mkdir "$dir/x"
    dpkg-deb -x "$deb" "$dir/x" 2>"$dir/why" && "$dir/x/usr/bin/amane" --version >"$dir/why" 2>&1 &&
        [ "$(cat "$dir/why")" = "$("$amane" --version)" ]
    report $? 'unpacked, its program says its version'
    for want in registry node conf; do
        gzip -t "$dir/x/usr/share/man/man1/amane-$want.1.gz" 2>>"$dir/why" || break
    done
    find "$dir/x" -name 'amane-*.service' | grep -c . | grep -qx 2 || echo 'two units expected' >>"$dir/why"
    cmp -s "$(find "$dir/x" -name nginx-amane.conf)" "$root/deploy/nginx/amane.conf" || echo 'nginx example differs' >>"$dir/why"
    [ ! -s "$dir/why" ]
    report $? 'pages, units and the nginx example are in it'
    dpkg-deb -f "$deb" Depends >"$dir/why"
    grep -q libpq5 "$dir/why" && grep -q libsqlite3-0 "$dir/why" && grep -q libc6 "$dir/why"
    report $? 'it depends on the libraries the program is linked with'
    find "$dir/x" \( -perm -o+w ! -type l \) -o -perm /6000 | grep . >"$dir/why"
    [ ! -s "$dir/why" ]
    report $? 'nothing in it is writable by all, or setuid'
    if command -v lintian >/dev/null 2>&1; then
        lintian --allow-root --fail-on error "$deb" >"$dir/why" 2>&1
        report $? 'lintian: no error'
    else
        skipped 'lintian: no error' 'lintian is absent'
    fi
else
    skipped 'the Debian package' 'dpkg-dev is absent'
fi
report_end
