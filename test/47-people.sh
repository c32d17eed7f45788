#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# People of a registry over HTTP: second factor, a provider of identities (test/support/people.py is both the
# provider and the browser), sessions, tokens, erasing, the audit and its verification. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null; rm -rf "$work"' EXIT
broken() { echo "not ok 1 - $1"; [ ! -f "$work/log" ] || tail -5 "$work/log" | sed 's/^/# /'; echo '1..1'; exit 1; }
cd "$work" || exit 3
"$amane" key new --out msps.pem >msps.out 2>log || broken 'a key'
for name in n01 n02 n03 n04; do
    "$amane" key new --alg ed25519 --out "$name.pem" >"$name.out" 2>log || broken "a key for $name"
    "$amane" key show "$name.pem" --name "$name" --witness --json >"$name.json" 2>log || broken "the name of $name"
done
/usr/bin/python3 "$root/test/support/people.py" spec "$root" || broken 'the spec of a registry'
"$amane" registry init --data data --spec spec.json --signer msps.pem --json >init.json 2>log || broken 'registry init'
/usr/bin/python3 "$root/test/support/people.py" conf || broken 'the settings'
"$amane" registry --data data --listen 127.0.0.1:0 >out 2>log &
server=$!
i=0
while [ $i -lt 600 ] && ! grep -q '"ready"' out 2>/dev/null && kill -0 "$server" 2>/dev/null; do i=$((i + 1)); sleep 0.1; done
/usr/bin/python3 "$root/test/support/people.py" run "$amane" || exit 1
