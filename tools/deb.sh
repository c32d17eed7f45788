#!/bin/sh
# Makes the Debian package of the program in build/: deb.sh [OUTPUT-FOLDER] (default build/deb). `make deb`;
# `make deb-check` tries it in a real root (AMANE_DEB_VERSION: pack as another version).
#
# One package, `amane`: the program, its manual pages, the systemd units (installed, not enabled: which of the two
# servers a machine is, its operator says), the nginx configuration as an example, and on Debian 12 ONNX Runtime,
# which that release lacks. Users amane-registry and amane-node are made at installation; their data stay at
# removal and go at purge only when their folder is empty.
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/deb}
program=${AMANE:-build/amane}
[ -x "$program" ] || { echo "deb.sh: build first" >&2; exit 3; }
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/amane
version=${AMANE_DEB_VERSION:-$(sed -n "s/^project(.* version: '\([^']*\)'.*/\1/p" meson.build)}-1
arch=$(dpkg --print-architecture)
. /etc/os-release
case ${VERSION_CODENAME:-} in bookworm) units=lib/systemd/system ;; *) units=usr/lib/systemd/system ;; esac

put() { # MODE FILE TO
    install -D -m "$1" "$2" "$root/$3"
}
put 755 "$program" usr/bin/amane
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/amane"
made=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}" +%F)
for page in doc/man/*.md; do
    name=$(basename "$page" .md)
    mkdir -p "$root/usr/share/man/man1"
    python3 tools/man.py "$page" "${version%-*}" "$made" | gzip -9n >"$root/usr/share/man/man1/$name.gz"
    chmod 644 "$root/usr/share/man/man1/$name.gz"
done
for unit in deploy/systemd/*.service; do
    put 644 "$unit" "$units/$(basename "$unit")"
done
doc=usr/share/doc/amane
put 644 deploy/nginx/amane.conf $doc/examples/nginx-amane.conf
for lang in fr en; do
    [ ! -f doc/$lang/deploy.md ] || put 644 doc/$lang/deploy.md $doc/deploy.$lang.md
done
install -D -m 644 /dev/null "$root/$doc/copyright"
cat >"$root/$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Amane

Files: *
Copyright: 2026 the authors of Amane
License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
END
printf 'amane (%s) unstable; urgency=medium\n\n  * Built from the tree; what changed: changelog.gz.\n\n -- Amane maintainers <maintainers@amane.example>  %s\n' \
    "$version" "$(LC_ALL=C date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")" |
    gzip -9n >"$root/$doc/changelog.Debian.gz"
gzip -9nc CHANGELOG.md >"$root/$doc/changelog.gz"
chmod 644 "$root/$doc"/*.gz
if [ -f .deps/onnxruntime/libonnxruntime.so.1 ]; then
    put 644 .deps/onnxruntime/libonnxruntime.so.1 usr/lib/amane/libonnxruntime.so.1
    mkdir -p "$root/usr/share/lintian/overrides"
    printf '%s\n' "# Microsoft's own build, digest checked by tools/setup.sh: Debian 12 has no package of it." \
        'amane: embedded-library *' >"$root/usr/share/lintian/overrides/amane"
    chmod 644 "$root/usr/share/lintian/overrides/amane"
fi

# ---- control
mkdir -p "$root/DEBIAN" "$stage/debian"
printf 'Source: amane\n\nPackage: amane\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O amane/usr/bin/amane 2>/dev/null | sed 's/^shlibs:Depends=//')
[ -n "$depends" ] || { echo "deb.sh: dpkg-shlibdeps found no library" >&2; exit 3; }
cat >"$root/DEBIAN/control" <<END
Package: amane
Version: $version
Architecture: $arch
Maintainer: Amane maintainers <maintainers@amane.example>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends, adduser
Recommends: nginx, ca-certificates
Suggests: postgresql
Section: science
Priority: optional
Homepage: https://amane.example
Description: registry, test bench and regional nodes for clinical AI
 Every AI tool used in a hospital is declared, evaluated, signed for, traced and
 supervised. One program: the national registry with its transparency log, the
 test bench, the node of a hospital that lets only labelled models run, and the
 tools with which anyone verifies all of it offline.
END
# Users and services belong to the machine, not to another root that is being filled (DPKG_ROOT: image builders).
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "${DPKG_ROOT:-}" ]; then
    for user in amane-registry amane-node; do
        getent passwd $user >/dev/null || adduser --quiet --system --group --no-create-home \
            --home /var/lib/amane --gecos "Amane" $user
    done
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload || true
        # An upgrade: the server that runs is started again with the new program. try-restart starts no other.
        [ -z "${2:-}" ] || deb-systemd-invoke try-restart amane-registry.service amane-node.service || true
    fi
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop amane-registry.service amane-node.service || true
fi
END
cat >"$root/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || true
fi
# Keys, statements and accounts are nobody's to delete but the operator's.
[ "$1" != purge ] || rmdir --ignore-fail-on-non-empty "${DPKG_ROOT:-}/var/lib/amane" 2>/dev/null || true
END
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 755 {} +
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$out/amane_${version}_$arch.deb" >/dev/null
echo "$out/amane_${version}_$arch.deb"
