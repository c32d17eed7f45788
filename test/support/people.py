#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small provider of identities (RS256 by openssl) and a browser without a window, for test/47-people.sh."""
import base64, hashlib, http.cookiejar, http.server, json, re, socket, sqlite3, subprocess, sys, threading, time
import urllib.error, urllib.parse, urllib.request

from totp import code

b64 = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def spec(root):
    der = subprocess.run(['openssl', 'pkey', '-in', 'msps.pem', '-pubout', '-outform', 'DER'], capture_output=True, check=True).stdout
    json.dump({'origin': 'people.amane.invalid/test', 'type_base': 'https://amane.invalid/test',
               'witnesses': [{'name': n, 'vkey': json.load(open(n + '.json'))['vkey']} for n in ('n01', 'n02', 'n03', 'n04')],
               'authorities': [{'role': 'msps', 'function': 'registry_desk', 'org_id': 'MSPS', 'label': 'MSPS', 'spki': base64.b64encode(der).decode()}],
               'policy': json.load(open(root + '/policy/demo-1.json'))}, open('spec.json', 'w'))


def conf():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    json.dump({'redirect_uri': 'https://registry.invalid/login/return', 'providers': [
        {'id': 'nat', 'name': {'fr': 'Identité nationale'}, 'issuer': f'http://127.0.0.1:{port}', 'client_id': 'amane', 'claim': 'preferred_username'}]}, open('oidc.json', 'w'))
    with open('data/registry.conf', 'a') as f:
        f.write('\noidc = oidc.json\nsecond_factor = deciders\n')


class Provider(http.server.BaseHTTPRequestHandler):
    codes, lie = {}, {}

    def log_message(self, *args):
        pass

    def say(self, status, body):
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        me = self.server.issuer
        if self.path == '/.well-known/openid-configuration':
            self.say(200, {'issuer': me, 'authorization_endpoint': me + '/authorize', 'token_endpoint': me + '/token', 'jwks_uri': me + '/jwks'})
        elif self.path == '/jwks':
            self.say(200, {'keys': [{'kty': 'RSA', 'use': 'sig', 'alg': 'RS256', 'kid': 'r1', 'n': b64(self.server.n), 'e': 'AQAB'}]})
        else:
            self.say(404, {})

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers['Content-Length'])).decode()))
        given = self.codes.pop(form.get('code'), None)
        if not given or b64(hashlib.sha256(form['code_verifier'].encode()).digest()) != given['code_challenge']:
            return self.say(400, {'error': 'invalid_grant'})
        now = int(time.time())
        claims = {'iss': self.server.issuer, 'aud': 'amane', 'sub': 'person-17', 'nonce': given['nonce'], 'iat': now, 'exp': now + 60,
                  'preferred_username': 'labo', 'at_hash': b64(hashlib.sha256(b'access').digest()[:16]), **self.lie}
        text = b64(json.dumps({'alg': 'RS256', 'kid': 'r1'}).encode()) + '.' + b64(json.dumps(claims).encode())
        sig = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', 'provider.pem'], input=text.encode(), capture_output=True, check=True).stdout
        self.say(200, {'access_token': 'access', 'token_type': 'Bearer', 'id_token': text + '.' + b64(sig)})


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


class Browser:
    def __init__(self, url):
        self.url = url
        self.jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(secure_protocols=('http', 'https')))
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), Stay).open

    def ask(self, path, form=None):
        data = urllib.parse.urlencode(form, doseq=True).encode() if form is not None else None
        try:
            r = self.open(self.url + path, data)
        except urllib.error.HTTPError as e:
            r = e
        self.status, self.headers, self.body = r.status, r.headers, r.read().decode()
        return self

    def csrf(self):
        return re.search(r'name="csrf" value="([0-9a-f]{64})"', self.body).group(1)

    def session(self):
        return next((c.value for c in self.jar if c.name == 'amane_session'), None)


n = bad = 0


def ok(good, what):
    global n, bad
    n += 1
    bad |= not good
    print(('ok' if good else 'not ok'), n, '-', what, flush=True)


def provider():
    subprocess.run(['openssl', 'genrsa', '-out', 'provider.pem', '2048'], capture_output=True, check=True)
    modulus = subprocess.run(['openssl', 'rsa', '-in', 'provider.pem', '-modulus', '-noout'], capture_output=True, check=True, text=True).stdout
    issuer = json.load(open('oidc.json'))['providers'][0]['issuer']
    server = http.server.ThreadingHTTPServer(('127.0.0.1', int(issuer.rsplit(':', 1)[1])), Provider)
    server.issuer, server.n = issuer, bytes.fromhex(modulus.strip().split('=')[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()


def second_factor(url):
    b = Browser(url)
    b.ask('/login', {'user': 'bureau', 'password': 'mot de passe du bureau', 'next': '/people'})
    ok(b.status == 303 and b.headers['Location'] == '/account/second', 'a role that decides is sent to enrol')
    ok(b.ask('/people').status == 303, 'and may go nowhere else first')
    b.ask('/account/second')
    secret = re.search(r'<bdi dir="ltr">([A-Z2-7]{32})<', b.body).group(1)
    ok('class="qr"' in b.body, 'the QR code is a picture in the page')
    waiting = b.session()
    ok(b.ask('/account/second', {'csrf': b.csrf(), 'code': '000000'}).status == 401, 'a wrong code enrols nobody')
    b.ask('/account/second', {'csrf': b.csrf(), 'code': code(secret, -1)})
    ok(b.status == 200 and len(re.findall(r'<bdi dir="ltr">[a-z0-9]{5}-[a-z0-9]{5}<', b.body)) == 10 and not b.session(), 'a right one gives ten recovery codes and ends the session')
    b.ask('/login', {'user': 'bureau', 'password': 'mot de passe du bureau', 'next': '/people'})
    first = b.session()
    ok(b.headers['Location'].startswith('/login/code?next='), 'the password alone leads to the code')
    ok(b.ask('/people').status == 303, 'and opens no page')
    b.ask('/login/code?next=%2Fpeople')
    b.ask('/login/code', {'csrf': b.csrf(), 'code': code(secret, 0), 'next': '//evil.invalid/'})
    ok(b.status == 303 and b.headers['Location'] == '/' and b.session() not in (first, waiting), 'the code opens a new session, and leads nowhere else')
    ok(b.ask('/people').status == 200, 'and the pages of the role')
    return b


def identity(url):
    def leave(b):
        b.ask('/login/with/nat?next=%2Faccount')
        q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(b.headers['Location'] or '').query))
        Provider.codes['c-' + q['state']] = q
        return '/login/return?' + urllib.parse.urlencode({'state': q['state'], 'code': 'c-' + q['state']})
    b = Browser(url)
    back = leave(b)
    b.ask(back)
    ok(b.status == 200 and b.headers['Refresh'] == '0; url=/account' and b.session(), 'a provider opens the account its claim names')
    ok(b.ask('/account').status == 200 and 'labo' in b.body, 'and it is that account')
    ok(Browser(url).ask(back).status == 401, 'the same return elsewhere opens nothing')
    thief = Browser(url)
    ok(thief.ask(leave(Browser(url))).status == 401 and not thief.session(), "another browser's login opens nothing")
    for name, lie in (('audience', {'aud': 'other'}), ('nonce', {'nonce': 'x'}), ('issuer', {'iss': 'https://x.invalid'}), ('expiry', {'exp': 1}), ('at_hash', {'at_hash': 'x'})):
        Provider.lie = lie
        b = Browser(url)
        ok(b.ask(leave(b)).status == 401 and not b.session(), f'a wrong {name} opens nothing')
    Provider.lie = {}
    b = Browser(url)
    b.ask('/login/with/nat?next=https%3A%2F%2Fevil.invalid')
    q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(b.headers['Location']).query))
    Provider.codes['z'] = q
    b.ask('/login/return?' + urllib.parse.urlencode({'state': q['state'], 'code': 'z'}))
    ok(b.headers['Refresh'] == '0; url=/', 'no address of elsewhere is followed')


def forgotten(url, desk):
    """The desk hands a code over; its holder takes a new password, changes it, and is put elsewhere."""
    old, new, own = 'mot de passe du soin', 'le mot de passe suivant', 'le mien à présent, enfin'
    b = Browser(url)
    b.ask('/login', {'user': 'soin', 'password': old})
    ok(b.ask('/account').status == 200, 'somebody is signed in')
    desk.ask('/people')
    page = re.search(r'/people/accounts/\d+(?=">[^/]*soin)', desk.body).group(0)
    ok(desk.ask(page, {'csrf': '0', 'act': 'reset'}).status == 403, 'a code asks for the token of the form')
    desk.ask(page)
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'reset'})
    given = re.search(r'<code[^>]*>([0-9a-f]{64})<', desk.body).group(1)
    ok(b.ask('/account').status == 200, 'the code alone ends nothing')
    ok(Browser(url).ask('/reset', {'code': given, 'password': 'court'}).status == 422, 'a weak password does not use it up')
    stranger = Browser(url)
    ok(stranger.ask('/reset', {'code': given[::-1], 'password': new}).status == 401, 'another code opens nothing')
    ok(stranger.ask('/reset', {'code': given, 'password': new}).status == 303 and not stranger.session(), 'the code sets the password and opens no session')
    ok(b.ask('/account').status == 303, 'sessions of before have ended')
    ok(stranger.ask('/reset', {'code': given, 'password': new}).status == 401, 'it serves once')
    ok(Browser(url).ask('/login', {'user': 'soin', 'password': old}).status == 401, 'the old password is worth nothing')
    b.ask('/login', {'user': 'soin', 'password': new, 'next': '/people'})
    ok(b.headers['Location'] == '/account' and 'bureau' in b.ask('/account').body, 'the next login leads to who did it')
    b.ask('/account/notices', {'csrf': b.csrf()})
    ok('action="/account/notices"' not in b.ask('/account').body, 'until it is read')
    ok(b.ask('/account/password', {'csrf': b.csrf(), 'old': 'pas celui-ci du tout', 'password': own}).status == 401, 'a change asks for the password of now')
    b.ask('/account')
    b.ask('/account/password', {'csrf': b.csrf(), 'old': new, 'password': own})
    ok(b.status == 303 and b.ask('/account').status == 200, 'with it, this session stays')
    ok(b.ask(page).status == 403, 'an account is edited by who administers it only')
    desk.ask(page)
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'save', 'role': 'nurse', 'org_id': 'LABO2', 'lang': 'ar'})
    ok(desk.status == 200 and 'value="LABO2"' in desk.body and b.ask('/account').status == 303, 'edited, its sessions end')


def at_the_server(amane, verb, login, *more):
    r = subprocess.run([amane, 'registry', 'account', verb, '--data', 'data', '--login', login, '--json', *more], capture_output=True, text=True)
    return r.returncode, json.loads(r.stdout or '{}')


def two_administrators(amane, url, desk, call):
    """A commissioner's password: one asks, another confirms; the server's command line where there is no other."""
    new = 'le nouveau du membre de la commission'
    page = '/people/accounts/%d' % call('/api/v1/accounts', {'login': 'membre', 'password': 'mot de passe du membre', 'role': 'has', 'function': 'commissioner', 'org_id': 'HAS'})['id']
    other = page.replace('/people', '/api/v1')
    rows = sqlite3.connect('data/auth.db')
    desk.ask(page)
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'reset'})
    ok(desk.status == 403 and 'class="errors"' in desk.body, 'an administrator of today asks for nothing')
    rows.execute("UPDATE account SET since_at=1 WHERE login='bureau'")  # appointed long ago
    rows.execute("UPDATE account SET active=0 WHERE id=1")
    rows.commit()
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'reset'})
    ok(desk.status == 422 and 'amane registry account reset' in desk.body, 'where nobody else could confirm, the page says what to do')
    done, made = at_the_server(amane, 'open', 'bureau2')
    ok(done == 0 and re.fullmatch('[0-9a-f]{64}', made['code']), 'the command line opens a second administrator beside the running server')
    ok(at_the_server(amane, 'open', 'bureau2')[0] == 1 and at_the_server(amane, 'reset', 'personne')[0] == 1, 'once, and resets nobody who is not there')
    rows.execute("UPDATE account SET active=1 WHERE id=1")
    rows.commit()
    desk.ask(page)
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'reset'})
    ok(desk.status == 200 and not re.search(r'<code[^>]*>[0-9a-f]{64}<', desk.body), 'one administrator asks, and gets no code')
    ask = re.search(r'name="ask" value="(\d+)"', desk.body).group(1)
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'confirm', 'ask': ask})
    ok(desk.status == 403 and 'class="errors"' in desk.body and not re.search(r'<code[^>]*>[0-9a-f]{64}<', desk.body), 'whoever asked does not confirm')
    member = Browser(url)
    waiting = call('/api/v1/account-asks', method='GET')['items']
    ok([(x['login'], x['asked_by'], x['state']) for x in waiting] == [('membre', 'bureau', 'asked')], 'it waits where administrators look')
    given = call('/api/v1/account-asks/' + ask, {})['code']
    ok(call('/api/v1/account-asks', method='GET')['items'] == [], 'another one confirms, and it waits no more')
    ok(member.ask('/reset', {'code': given, 'password': new}).status == 303, 'the code opens')
    events = [x['event'] for x in call('/api/v1/audit?limit=20', method='GET')['items']]
    ok([e for e in events if e.startswith('reset_')][:4] == ['reset_used', 'reset_issued', 'reset_confirmed', 'reset_asked'], 'the audit has both words')
    member.ask('/login', {'user': 'membre', 'password': new})
    secret = None
    member.ask('/account/second')
    secret = re.search(r'<bdi dir="ltr">([A-Z2-7]{32})<', member.body).group(1)
    member.ask('/account/second', {'csrf': member.csrf(), 'code': code(secret, -1)})
    member.ask('/login', {'user': 'membre', 'password': new})
    member.ask('/login/code')
    member.ask('/login/code', {'csrf': member.csrf(), 'code': code(secret, 0)})
    ok(member.headers['Location'] == '/account', 'the next login leads to what was done')
    member.ask('/account')
    ok('bureau' in member.body and 'registry-desk' in member.body and 'role="alert"' in member.body, 'with both names')
    desk.ask(page, {'csrf': desk.csrf(), 'act': 'token', 'name': 'export', 'days': '30', 'right': 'propose'})
    ok(desk.status == 200 and not re.search(r'<code[^>]*>[0-9a-f]{64}<', desk.body) and '<bdi>export</bdi>' in desk.body, 'a token of theirs is asked for, and what for is said')
    given = call('/api/v1/account-asks/' + re.search(r'name="ask" value="(\d+)"', desk.body).group(1), {})['token']
    ok(call('/api/v1/drafts', method='GET', token=given) == {'items': []}, 'the second administrator is given it')
    call(other + '/second', method='DELETE')
    ok(member.ask('/account').status == 200, 'one word takes no second factor off')
    ok(at_the_server(amane, 'reset', 'membre', '--second')[0] == 0 and member.ask('/account').status == 303, 'somebody at the server does')


def verify(amane, *more):
    r = subprocess.run([amane, 'registry', 'audit', 'verify', '--data', 'data', '--json', *more], capture_output=True, text=True)
    return r.returncode, json.loads(r.stdout or '{}')


def run(amane):
    url, admin = json.load(open('out'))['url'], json.load(open('init.json'))['admin_token']

    def call(path, body=None, method='POST', token=admin):
        data = json.dumps(body).encode() if body is not None else None
        r = urllib.request.Request(url + path, data, {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'}, method=method)
        raw = urllib.request.urlopen(r).read()
        return json.loads(raw) if raw else None
    provider()
    person = call('/api/v1/persons', {'name': 'Salma Idrissi', 'org_id': 'LABO'})['id']
    for login, role, function, word in (('bureau', 'msps', 'registry_desk', 'mot de passe du bureau'), ('labo', 'bench_operator', '', 'mot de passe du labo'), ('soin', 'nurse', '', 'mot de passe du soin')):
        call('/api/v1/accounts', {'login': login, 'password': word, 'role': role, 'function': function, 'org_id': 'LABO', 'person': person})
    desk = second_factor(url)
    forgotten(url, desk)
    two_administrators(amane, url, desk, call)
    identity(url)
    code0, head = verify(amane)
    ok(code0 == 0 and head['ok'] and head['rows'] > 10, 'the audit verifies beside the running server')
    roots = open('data/log/checkpoint').read()
    call(f'/api/v1/persons/{person}', method='DELETE')
    ok(open('data/log/checkpoint').read() == roots, 'erasing a person changes no logged byte')
    ok(desk.ask('/people').status == 303, 'and ends their sessions')
    ok(verify(amane, '--head', head['head'])[0] == 0, 'the head noted before is still there')
    rows = sqlite3.connect('data/auth.db')
    rows.execute("UPDATE audit SET object='x' WHERE seq=3")
    rows.commit()
    code1, said = verify(amane)
    ok(code1 == 1 and said['first_bad'] == 3, 'a changed row is named')
    print(f'1..{n}')
    sys.exit(1 if bad else 0)


{'spec': lambda: spec(sys.argv[2]), 'conf': conf, 'run': lambda: run(sys.argv[2])}[sys.argv[1]]()
