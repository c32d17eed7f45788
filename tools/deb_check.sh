#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Debian package in a real root: installed with apt, upgraded from a lower version with data and a setting of the
# operator's, removed, put back, purged. `make deb-check`; root and debootstrap are needed, and a Debian mirror (the one
# apt uses here). The root is made once, in .deps/deb-root-SUITE; DEB_SUITE=trixie asks for Debian 13. Nothing is started in it: what the package asks of systemd
# is written down by a stand-in and compared. TAP. Not part of `make check`: it downloads some 100 MiB.
set -u
cd "$(dirname "$0")/.." || exit 3
[ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null 2>&1 || {
    echo "1..0 # SKIP root and debootstrap are needed"
    exit 0
}
. /etc/os-release
suite=${DEB_SUITE:-$VERSION_CODENAME}
base=$PWD/.deps/deb-root-$suite
work=$(mktemp -d) || exit 3
root=$work/root
trap 'umount "$root/proc" 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
trap 'exit 3' INT TERM
n=0 bad=0
ok() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        tail -n 20 "$work/why" 2>/dev/null | sed 's/^/# /'
        bad=1
    fi
}
in_root() {
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@" >"$work/why" 2>&1
}
# apt_in WHAT... : with the versions in /deb
apt_in() {
    in_root apt-get -y -q --no-install-recommends --allow-downgrades "$@"
}

if [ ! -x "$base/usr/bin/apt-get" ]; then
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1)
    [ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)*\([^ ]*\).*/\2/p' /etc/apt/sources.list | head -n 1)
    rm -rf "$base"
    mkdir -p "$base"
    debootstrap --variant=minbase "$suite" "$base" "$mirror" >"$work/why" 2>&1
    ok $? "a minimal root of $suite"
    [ $bad = 0 ] || { rm -rf "$base"; echo "1..$n"; exit 1; }
fi
cp -a "$base" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null
[ ! -f /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$root/etc/apt/apt.conf"
cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null
# Debian 12 has no libyyjson0: from Debian 13, pinned, as doc/en/deploy.md says and tools/setup.sh does.
for f in sources.list.d/amane-trixie.sources preferences.d/amane-trixie; do
    [ "$suite" = bookworm ] || break
    [ ! -f "/etc/apt/$f" ] || cp "/etc/apt/$f" "$root/etc/apt/$f"
done
mount -t proc proc "$root/proc" 2>/dev/null
mkdir -p "$root/deb" "$root/run/systemd/system"
AMANE_DEB_VERSION=0.0.1 tools/deb.sh "$root/deb" >"$work/why" 2>&1 && tools/deb.sh "$root/deb" >>"$work/why" 2>&1
ok $? "two versions are packed"
old=$(cd "$root/deb" && ls amane_0.0.1-*.deb)
new=$(cd "$root/deb" && ls amane_*.deb | grep -v '_0\.0\.1-')

apt_in update
ok $? "apt reads its lists"
apt_in install "/deb/$old"
ok $? "it is installed with what it depends on"
[ $bad = 0 ] || { echo "1..$n"; exit 1; }
# What maintainer scripts ask of systemd; /usr/sbin is where dpkg looks first.
cat >"$root/usr/local/bin/asked" <<'END'
#!/bin/sh
echo "$(basename "$0") $*" >>/asked
END
chmod 755 "$root/usr/local/bin/asked"
for name in systemctl deb-systemd-invoke; do ln -sf /usr/local/bin/asked "$root/usr/sbin/$name"; done
in_root sh -c 'getent passwd amane-registry && getent passwd amane-node && getent group amane-registry'
ok $? "its two users are there"
in_root sh -c 'amane --version && ! ldd /usr/bin/amane | grep "not found"'
ok $? "the program starts: no library is missing"
in_root sh -c 'find / -xdev -name "amane-*.service" -path "*systemd/system*" | grep -c . | grep -qx 2 && ! ls /etc/systemd/system/*/amane-* 2>/dev/null'
ok $? "both units are installed, neither is enabled"

# an operator's registry, with a setting
in_root sh -c 'install -d -o amane-registry -g amane-registry -m 700 /var/lib/amane/registry &&
    printf "entry 0\n" >/var/lib/amane/registry/log && printf "keep\n" >/var/lib/amane/registry/keys &&
    chown amane-registry: /var/lib/amane/registry/* && mkdir -p /etc/amane && printf "AMANE_LISTEN=127.0.0.1:9\n" >/etc/amane/registry.env'
state() { (cd "$root" && find var/lib/amane etc/amane -printf '%p %m %U %G\n' -type f -exec sha256sum {} + | sort); }
before=$(state)
: >"$root/asked"
apt_in install "/deb/$new"
ok $? "it is upgraded"
in_root sh -c "dpkg-query -W -f '\${Status} \${Version}' amane | grep -q '^install ok installed' && dpkg-query -W -f '\${Version}' amane | grep -qv '^0\.0\.1-'"
ok $? "to the higher version"
[ "$(state)" = "$before" ]
ok $? "data and settings are byte for byte what they were, owners and modes too"
grep -q 'try-restart amane-registry.service amane-node.service' "$root/asked" && grep -q 'daemon-reload' "$root/asked"
ok $? "servers that run are asked to start again with it"
! grep -Eq 'enable| start ' "$root/asked"
ok $? "and none is started that did not run"
in_root sh -c 'rm -f /usr/bin/amane.gone; dpkg --verify amane'
ok $? "every file is as packed"

: >"$root/asked"
apt_in remove amane
ok $? "it is removed"
grep -q 'stop amane-registry.service amane-node.service' "$root/asked" && [ ! -e "$root/usr/bin/amane" ] && [ "$(state)" = "$before" ]
ok $? "its servers are stopped first, its data stay"
apt_in install "/deb/$new"
ok $? "it is put back over its data"
[ "$(state)" = "$before" ] && in_root amane --version
ok $? "which it finds as they were"
apt_in purge amane
ok $? "it is purged"
[ "$(state)" = "$before" ]
ok $? "keys and statements are the operator's to delete: they stay"
[ -z "$(find "$root/usr" "$root/lib" -xdev -path "$root/usr/local" -prune -o -name '*amane*' -print 2>/dev/null | head -n 3)" ]
ok $? "nothing else of it is left"
rm -rf "$root/var/lib/amane/registry"
apt_in install "/deb/$new"
ok $? "it is installed once more"
apt_in purge amane
[ ! -e "$root/var/lib/amane" ]
ok $? "and a purge takes the empty folder along"
echo "1..$n"
exit $bad
