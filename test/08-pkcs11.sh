#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# amane sign with a key in a PKCS#11 token: SoftHSM, in a folder of its own. What it signs is accepted by openssl and by
# a registry; every wrong module, token, PIN and key is refused; the PIN comes out nowhere. TAP. AMANE = the program.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do [ -f "$m" ] && module=$m; done
if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null 2>&1; then
    echo "1..0 # SKIP softhsm2 is missing (tools/setup.sh installs it): NO PKCS#11 TOKEN WAS TRIED"
    exit 0
fi
dir=$(mktemp -d) || exit 3
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
pin=48$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')7
wrong=9$pin
unset AMANE_PIN
mkdir "$dir/tokens"
export SOFTHSM2_CONF="$dir/softhsm2.conf"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >"$SOFTHSM2_CONF"
hsm() { softhsm2-util "$@" >"$dir/hsm" 2>&1; }
key() { # key NAME ALGORITHM... : a PKCS#8 file and its public half
    name=$1
    shift
    openssl genpkey "$@" -out "$dir/$name.pem" 2>/dev/null && openssl pkey -in "$dir/$name.pem" -pubout -out "$dir/$name.pub"
}
ec() { key "$1" -algorithm EC -pkeyopt "ec_paramgen_curve:$2"; }
into() { # into TOKEN NAME ID [MORE...]
    token=$1 name=$2 id=$3
    shift 3
    hsm --import "$dir/$name.pem" --token "$token" --label "$name" --id "$id" --pin "$pin" "$@"
}
hsm --init-token --free --label ministry --so-pin "1$pin" --pin "$pin" &&
    hsm --init-token --free --label twin --so-pin "1$pin" --pin "$pin" &&
    hsm --init-token --free --label twin --so-pin "1$pin" --pin "$pin" &&
    ec authority P-256 && ec second P-256 && ec bare P-256 && ec p384 P-384 && key rsa -algorithm RSA &&
    into ministry authority a1b2 && into ministry second a1b3 && into ministry bare a1b4 --no-public-key &&
    into ministry p384 a1b5 && into ministry rsa a1b6
status=$?
[ $status = 0 ] || cp "$dir/hsm" "$dir/err"
report $status "a SoftHSM token is made, with keys from openssl"
printf '%s\n' "$pin" >"$dir/pin"
printf '%s\n' "$wrong" >"$dir/wrong"
: >"$dir/empty"
chmod 600 "$dir/pin" "$dir/wrong" "$dir/empty"
printf '{"hello":"token"}' >"$dir/p.json"

: >"$dir/all"
sign() { # sign ARGS... : its output is kept for the last test
    "$amane" sign "$@" >"$dir/out" 2>"$dir/err" </dev/null
    code=$?
    cat "$dir/out" "$dir/err" >>"$dir/all"
    return $code
}
token() { sign "$dir/p.json" --pkcs11 "$module" "$@"; }
# refused CODE WORDS NAME ARGS... : the exit code, the words on stderr, nothing on stdout
refused() {
    want=$1 words=$2 name=$3
    shift 3
    token "$@"
    code=$?
    [ "$code" = "$want" ] || echo "exit $code, wanted $want" >>"$dir/err"
    [ "$code" = "$want" ] && [ ! -s "$dir/out" ] && grep -qF -e "$words" "$dir/err"
    report $? "$name"
}
# good NAME KEY : the envelope on stdout is of p.json, by KEY, as openssl sees it (DSSE: what is signed is the PAE)
good() {
    jq -r .payload "$dir/out" | base64 -d >"$dir/payload" 2>>"$dir/err"
    jq -r '.signatures[0].sig' "$dir/out" | base64 -d >"$dir/sig" 2>>"$dir/err"
    { printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c <"$dir/payload")"; cat "$dir/payload"; } >"$dir/pae"
    id=$(openssl pkey -pubin -in "$dir/$2.pub" -outform DER | sha256sum | cut -d' ' -f1)
    cmp -s "$dir/payload" "$dir/p.json" && [ "$(jq -r '.signatures[0].keyid' "$dir/out")" = "$id" ] &&
        openssl dgst -sha256 -verify "$dir/$2.pub" -signature "$dir/sig" "$dir/pae" >>"$dir/err" 2>&1
    report $? "$1"
}

token --token ministry --label authority --pin-file "$dir/pin"
report $? "signs with the PIN of a file"
good "... and openssl verifies it" authority
AMANE_PIN=$pin token --token ministry --label authority
report $? "signs with the PIN of the environment"
good "... and openssl verifies it" authority
AMANE_PIN=$wrong token --token ministry --id a1b3 --pin-file "$dir/pin"
report $? "a key is found by its id; the file goes before the environment"
good "... and it is that key" second
slot=$(softhsm2-util --show-slots | awk '/^Slot /{s = $2} /Label: *ministry/{print s; exit}')
token --slot "$slot" --label authority --id A1B2 --pin-file "$dir/pin"
report $? "a token is found by its slot"
good "... and openssl verifies it" authority
token --token ministry --label authority --pin-file "$dir/pin" --out "$dir/e.json" && [ ! -s "$dir/out" ] && cp "$dir/e.json" "$dir/out"
good "--out takes the envelope" authority

refused 1 '[token.pin]' "a wrong PIN is refused" --token ministry --label authority --pin-file "$dir/wrong"
AMANE_PIN=$wrong refused 1 '[token.pin]' "... from the environment too" --token ministry --label authority
refused 1 '[token.pin]' "no PIN is refused" --token ministry --label authority
AMANE_PIN=$pin refused 1 '[token.pin]' "an empty PIN file is no PIN" --token ministry --label authority --pin-file "$dir/empty"
refused 1 '[sign.pin_file]' "a missing PIN file is refused" --token ministry --label authority --pin-file "$dir/none"
refused 1 '[token.absent]' "an unknown token is refused" --token nobody --label authority --pin-file "$dir/pin"
refused 1 '[token.absent]' "an unknown slot is refused" --slot 1 --label authority --pin-file "$dir/pin"
refused 1 '[token.several]' "two tokens of one label are refused" --token twin --label authority --pin-file "$dir/pin"
refused 1 '[token.key]' "an unknown key is refused" --token ministry --label nobody --pin-file "$dir/pin"
refused 1 '[token.key]' "label and id must be of one key" --token ministry --label authority --id a1b3 --pin-file "$dir/pin"
refused 1 '[token.key]' "an RSA key is refused" --token ministry --label rsa --pin-file "$dir/pin"
refused 1 '[token.key]' "a P-384 key is refused" --token ministry --label p384 --pin-file "$dir/pin"
refused 1 '[token.public]' "a key without a public half is refused" --token ministry --label bare --pin-file "$dir/pin"
refused 2 '[sign.id]' "an id that is no hex is refused" --token ministry --id a1b --pin-file "$dir/pin"
refused 2 '[sign.slot]' "a slot that is no number is refused" --slot one --label authority --pin-file "$dir/pin"
refused 2 usage: "a token without a key is a usage error" --token ministry --pin-file "$dir/pin"
refused 2 usage: "a key without a token is a usage error" --label authority --pin-file "$dir/pin"
refused 2 usage: "a key file beside a token is a usage error" --token ministry --label authority --key "$dir/authority.pem"
refused 2 'unknown option --pin' "a PIN on the command line is a usage error" --token ministry --label authority "--pin=$pin"
sign "$dir/p.json" --pkcs11 "$dir/none.so" --token ministry --label authority --pin-file "$dir/pin"
[ $? = 1 ] && grep -qF '[token.module]' "$dir/err"
report $? "a missing module is refused"
sign "$dir/p.json" --pkcs11 "$dir/p.json" --token ministry --label authority --pin-file "$dir/pin"
[ $? = 1 ] && grep -qF '[token.module]' "$dir/err"
report $? "a file that is no library is refused"
sign "$dir/p.json" --pkcs11 libcrypto.so.3 --token ministry --label authority --pin-file "$dir/pin"
[ $? = 1 ] && grep -qF '[token.module]' "$dir/err" && grep -qF 'PKCS#11 module' "$dir/err"
report $? "a library that is no module is refused"
printf '{"b":1, "a":2}' >"$dir/loose.json"
sign "$dir/loose.json" --pkcs11 "$module" --token ministry --label authority --pin-file "$dir/wrong"
[ $? = 1 ] && grep -qF '[sign.canonical]' "$dir/err" && ! grep -q token.pin "$dir/err"
report $? "a payload that cannot be signed costs no try of the PIN"

# ---- a process that has signed holds the PIN no more where others can read it: it is stopped by a pipe nobody reads
head -c 200000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >"$dir/big.json"
printf '%s' "$(cat "$dir/big.json")" >"$dir/large.json"
mkfifo "$dir/pipe"
AMANE_PIN=$pin "$amane" sign "$dir/large.json" --pkcs11 "$module" --token ministry --label authority >"$dir/pipe" 2>"$dir/err" &
signer=$!
exec 3<"$dir/pipe"
seen() { tr '\0' '\n' <"/proc/$signer/$1" 2>>"$dir/err" | grep -q "$2"; }
i=0
while [ $i -lt 600 ] && { ! seen cmdline '^--pkcs11$' || seen environ "$pin"; }; do sleep 0.1; i=$((i + 1)); done
seen cmdline '^--pkcs11$' && seen environ '^SOFTHSM2_CONF=' && ! seen environ "$pin" && ! seen cmdline "$pin"
report $? "the PIN is wiped from the environment of the process"
cat <&3 >"$dir/out"
exec 3<&-
wait $signer
report $? "... which then ends well"

# ---- a registry whose authority keeps its key in the token: the whole way to the log
spki() { openssl pkey -pubin -in "$dir/$1.pub" -outform DER | base64 -w0; }
jq -n --arg a "$(spki authority)" --arg s "$(spki second)" --slurpfile p "$root/policy/demo-1.json" '
    {origin: "registre.amane.invalid/token", type_base: "https://amane.invalid/predicate", witnesses: [],
     authorities: [{role: "msps", function: "registry_desk", org_id: "MSPS", label: "MSPS", spki: $s},
                   {role: "msps", function: "authority", org_id: "MSPS", label: "MSPS", spki: $a}],
     policy: ($p[0] | .quorum = {groups: [], quorum: "none"})}' >"$dir/spec.json"
"$amane" registry init --data "$dir/reg" --spec "$dir/spec.json" --signer "$dir/second.pem" --json >"$dir/out" 2>"$dir/err"
report $? "a registry is made that knows the token's key"
genesis=$(jq -r .genesis "$dir/out")
admin=$(jq -r .admin_token "$dir/out")
"$amane" registry --data "$dir/reg" --listen 127.0.0.1:0 >"$dir/ready" 2>"$dir/reg.log" &
server=$!
i=0
while [ $i -lt 600 ] && [ ! -s "$dir/ready" ]; do sleep 0.1; i=$((i + 1)); done
url=$(jq -r .url "$dir/ready")
ec vendor P-256
jq -n --arg k "$(spki vendor)" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '{issued_at: $at, issuer: {role: "msps", org_id: "MSPS"},
    type: "key_grant", key: {role: "vendor", org_id: "ACME", label: "ACME", spki: $k}}' >"$dir/grant.json"
post() { # post FILE : the status; the answer in $dir/out
    curl -s -o "$dir/out" -w '%{http_code}' -H 'Content-Type: application/json' -H "Authorization: Bearer $admin" \
        --data-binary "@$1" "$url/api/v1/events" 2>>"$dir/err"
}
sign "$dir/grant.json" --pkcs11 "$module" --token ministry --label authority --pin-file "$dir/pin" --kind event \
    --type-base https://amane.invalid/predicate --out "$dir/grant.env"
report $? "a record becomes a statement signed by the token"
jq -c --arg s "$(jq -r '.signatures[0].sig' "$dir/e.json")" '.signatures[0].sig = $s' "$dir/grant.env" >"$dir/forged.env"
status=$(post "$dir/forged.env")
[ "${status%??}" = 4 ]
report $? "the registry refuses it under a signature over something else"
status=$(post "$dir/grant.env")
[ "${status%??}" = 2 ]
report $? "the registry takes it"
kill "$server"
wait "$server"
server=
"$amane" log verify "$dir/reg" --genesis "$genesis" --json >"$dir/out" 2>"$dir/err"
report $? "the log verifies, offline"
[ "$(jq -r .size "$dir/out")" = 2 ]
report $? "... with both entries"

# ---- a warehouse whose key is sealed by an AES key of a token: from a file to it, to another, and not without it
for k in aes aes2; do od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/$k"; done # 32 letters: softhsm2-util does not import just any bytes
hsm --init-token --free --label vault --so-pin "1$pin" --pin "$pin" &&
    hsm --import "$dir/aes" --aes --token ministry --label eds --id e1 --pin "$pin" &&
    hsm --import "$dir/aes2" --aes --token vault --label eds --id e2 --pin "$pin"
report $? "two tokens have each an AES key"
eds() { # eds ARGS... : its output is kept too
    "$amane" eds "$@" >"$dir/out" 2>"$dir/err" </dev/null
    code=$?
    cat "$dir/out" "$dir/err" >>"$dir/all"
    return $code
}
sealed() { eds key "$1" --pkcs11 "$module" --token "$2" --label "$3" --pin-file "${4:-$dir/pin}"; }
printf '{"resourceType":"Patient","id":"a"}' >"$dir/patient.json"
eds key "$dir/k1" && eds import "$dir/w.db" "$dir/patient.json" --key "$dir/k1" --ids given
report $? "a warehouse is made under a key file"
sealed "$dir/k2" ministry eds && [ "$(stat -c %a "$dir/k2")" = 600 ] && jq -e '.token == "ministry" and (.sealed | length) == 120' "$dir/k2" >/dev/null
report $? "a key sealed by a token: its file names it, and is its owner's alone"
eds rewrap "$dir/w.db" --key "$dir/k1" --new-key "$dir/k2" && eds fsck "$dir/w.db" --key "$dir/k2" --json && jq -e '.ok and .versions == 1' "$dir/out" >/dev/null
report $? "the warehouse goes from the file to the token"
! eds fsck "$dir/w.db" --key "$dir/k1"
report $? "... and the file opens it no more"
eds rotate "$dir/w.db" --key "$dir/k2" && eds backup "$dir/w.db" "$dir/w.copy" --key "$dir/k2" && eds restore "$dir/w.copy" "$dir/again.db" --key "$dir/k2" &&
    eds fsck "$dir/again.db" --key "$dir/k2"
report $? "data keys rotate, a copy is made and comes back, by the token"
sealed "$dir/k3" vault eds && eds rewrap "$dir/w.db" --key "$dir/k2" --new-key "$dir/k3" && eds fsck "$dir/w.db" --key "$dir/k3" && ! eds fsck "$dir/w.db" --key "$dir/k2"
report $? "and from one token to another"
sed "s/vault/ministry/" "$dir/k3" >"$dir/k4" && chmod 600 "$dir/k4"
! eds fsck "$dir/w.db" --key "$dir/k4" && grep -qF '[token.sealed]' "$dir/err"
report $? "another token's key does not open it"
jq -c '.sealed |= (.[:40] + (if .[40:41] == "0" then "1" else "0" end) + .[41:])' "$dir/k3" >"$dir/k5" && chmod 600 "$dir/k5"
! eds fsck "$dir/w.db" --key "$dir/k5" && grep -qF '[token.sealed]' "$dir/err"
report $? "a sealed key that was changed is refused"
jq -c 'del(.label)' "$dir/k3" >"$dir/k6" && chmod 600 "$dir/k6"
! eds fsck "$dir/w.db" --key "$dir/k6" && ! sealed "$dir/k7" ministry nobody && grep -qF '[token.aes]' "$dir/err" && ! sealed "$dir/k7" ministry authority && ! [ -e "$dir/k7" ]
report $? "neither is a file without its key's label, nor a key that is none"
! sealed "$dir/k7" ministry eds "$dir/wrong" && grep -qF '[token.pin]' "$dir/err" && ! [ -e "$dir/k7" ] && ! sealed "$dir/k3" ministry eds
report $? "a wrong PIN makes no file, and a file is never replaced"
chmod 640 "$dir/k3"
! eds fsck "$dir/w.db" --key "$dir/k3"
report $? "a file that others may read is refused"
chmod 600 "$dir/k3"
mkdir -p "$dir/node/keys"
cp "$dir/k3" "$dir/node/keys/eds.key" && cp "$dir/w.db" "$dir/node/eds.db"
started() { # started : the node serves the patient
    : >"$dir/ready"
    "$amane" node --data "$dir/node" --listen 127.0.0.1:0 --open >"$dir/ready" 2>"$dir/err" &
    server=$!
    i=0
    while [ $i -lt 300 ] && [ ! -s "$dir/ready" ] && kill -0 $server 2>/dev/null; do sleep 0.1; i=$((i + 1)); done
    [ -s "$dir/ready" ] && curl -sf "$(jq -r .url "$dir/ready")/fhir/Patient/a" >"$dir/out" && grep -q '"id":"a"' "$dir/out"
    code=$?
    kill $server 2>/dev/null
    wait $server
    server=
    cat "$dir/err" >>"$dir/all"
    return $code
}
started
report $? "a node serves a warehouse by the token"
mv "$dir/tokens" "$dir/elsewhere" && mkdir "$dir/tokens"
! started && grep -qF '[token.absent]' "$dir/err"
report $? "without its token it does not begin, and says so"
[ "$(cat "$dir/node/keys/eds.key")" = "$(cat "$dir/k3")" ]
report $? "... and makes no other key"
rmdir "$dir/tokens" && mv "$dir/elsewhere" "$dir/tokens"
started
report $? "the token back, it serves again"

! grep -qF -e "$pin" "$dir/all" && ! grep -rqF -e "$pin" "$dir/reg" "$dir/reg.log"
report $? "the PIN is in nothing that was printed, logged or kept"
report_end
