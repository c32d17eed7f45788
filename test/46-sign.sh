#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Signing in the browser: a registry of its own, two commissioners, in Arabic (test/browser/sign.mjs). TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=${AMANE:-$root/build/amane}
work=$(mktemp -d) || exit 3
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null; rm -rf "$work"' EXIT
broken() { echo "not ok 1 - $1"; [ ! -f "$work/log" ] || tail -5 "$work/log" | sed 's/^/# /'; echo '1..1'; exit 1; }
cd "$work" || exit 3
export AMANE_SECOND_FACTOR=off # commissioners sign in with a password here
for who in msps victim victim2; do
    "$amane" key new --out "$who.pem" >"$who.out" 2>"$work/log" || broken "a key for $who"
done
for name in n01 n02 n03 n04; do
    "$amane" key new --alg ed25519 --out "$name.pem" >"$name.out" 2>"$work/log" || broken "a key for $name"
    "$amane" key show "$name.pem" --name "$name" --witness --json >"$name.json" 2>"$work/log" || broken "the name of $name"
done
/usr/bin/python3 - "$root" <<'PY' || broken 'the spec of a registry'
import base64, hashlib, json, subprocess, sys
root = sys.argv[1]
spki = lambda f: subprocess.run(['openssl', 'pkey', '-in', f, '-pubout', '-outform', 'DER'], capture_output=True, check=True).stdout
policy = json.load(open(root + '/policy/demo-1.json'))
policy['signing']['key_revoke'] = [{'role': 'has', 'function': 'commissioner', 'count': 2}]
who = [('msps', 'authority', 'MSPS', 'msps'), ('has', 'rapporteur', 'HAS', 'victim'), ('has', 'certification', 'HAS', 'victim2')]
json.dump({'origin': 'sign.amane.invalid/test', 'type_base': 'https://amane.invalid/test', 'witnesses': [{'name': n, 'vkey': json.load(open(n + '.json'))['vkey']} for n in ('n01', 'n02', 'n03', 'n04')],
           'authorities': [{'role': r, 'function': f, 'org_id': o, 'label': o, 'spki': base64.b64encode(spki(k + '.pem')).decode()}
                           for r, f, o, k in who], 'policy': policy}, open('spec.json', 'w'))
json.dump({k: hashlib.sha256(spki(k + '.pem')).hexdigest() for k in ('victim', 'victim2')}, open('ids.json', 'w'))
PY
"$amane" registry init --data data --spec spec.json --signer msps.pem --json >init.json 2>"$work/log" || broken 'registry init'
"$amane" registry --data data --listen 127.0.0.1:0 >out 2>"$work/log" &
server=$!
i=0
while [ $i -lt 600 ] && ! grep -q 'http://127' out "$work/log" 2>/dev/null && kill -0 "$server" 2>/dev/null; do i=$((i + 1)); sleep 0.1; done
/usr/bin/python3 - "$amane" "$root" <<'PY' || broken 'accounts'
import hashlib, json, os, re, secrets, sqlite3, sys, urllib.request
url = re.search(r'http://127\.0\.0\.1:\d+', open('out').read() + open('log').read()).group(0)
admin = json.load(open('init.json'))['admin_token']
def call(path, body, token):
    r = urllib.request.Request(url + path, json.dumps(body).encode(), {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'})
    return json.load(urllib.request.urlopen(r))
accounts, ids = {}, {}
for login, role, function, org in (('has-1', 'has', 'commissioner', 'HAS'), ('has-2', 'has', 'commissioner', 'HAS'), ('ministere', 'msps', 'authority', 'MSPS')):
    accounts[login] = 'mot de passe de ' + login
    ids[login] = call('/api/v1/accounts', {'login': login, 'password': accounts[login], 'role': role, 'function': function, 'org_id': org, 'lang': 'ar'}, admin)['id']
# one's own, as made on /account: for who signs, one administrator alone makes none
token = secrets.token_hex(32)
with sqlite3.connect('data/auth.db', timeout=30) as rows:
    rows.execute('INSERT INTO token(hash,account,until_at) VALUES(?,?,?)', (hashlib.sha256(token.encode()).hexdigest(), ids['has-1'], 1 << 60))
json.dump({'url': url, 'amane': sys.argv[1], 'dir': os.getcwd(), 'out': sys.argv[2] + '/test/browser/output', 'accounts': accounts, 'token': token,
           'msps_key': 'msps.pem', **json.load(open('ids.json'))}, open('world.json', 'w'))
PY
node "$root/test/browser/sign.mjs" "$work/world.json"
