// SPDX-License-Identifier: Apache-2.0
// A regulator's day in the browser alone, in Arabic: regulator.mjs WORLD.json   Prints TAP.
//   WORLD.json: made by test/support/regulator.py on a demo's world whose evidence waits for a decision.
// With the keyboard alone, on a screen of 320 px. Keys are made and entered; a file is opened, what is missing is read, evidence is followed to a decision; two
// sign it; a recused member and a supplier are refused; the model is stopped; a journalist, who has no account,
// takes the proof away and checks it with openssl and this file's own arithmetic, with Sigstore's verifier and with Go's;
// one byte changed is refused.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accessible, choose, finish, here, is, launch, press, reach, test, type, yes } from './kit.mjs';

const world = JSON.parse(readFileSync(process.argv[2], 'utf8')), out = path.join(here, 'output');
mkdirSync(out, { recursive: true });
const amane = (...args) => execFileSync(world.amane, args, { cwd: world.dir });
const actor = (name) => path.join(world.dir, 'actors', `${name}.key`);
const keyId = (name) => String(amane('key', 'show', actor(name))).match(/[0-9a-f]{64}/)[0];
const api = async (where) => (await fetch(world.url + where)).json();
async function until(what, f, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((r) => setTimeout(r, 100)))
    if (await f()) return;
  throw new Error(`not in time: ${what}`);
}

const { browser, close } = await launch();
const broken = [], seen = new Set();
async function person(name, width = 320) {
  const context = await browser.newContext({ locale: 'ar', viewport: { width, height: 900 }, acceptDownloads: true, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (e) => broken.push(e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !/status of (403|409|422)/.test(m.text())) broken.push(m.text()); });
  if (!name) return page;
  await page.goto(`${world.url}/login`);
  await type(page, page.locator('[name=user]'), name);
  await type(page, page.locator('[name=password]'), world.accounts[name]);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
  return page;
}
// Arabic, right to left, nothing wider than the screen, nothing axe minds.
async function looks(page, name) {
  await page.screenshot({ path: path.join(out, `regulator-${name}.png`), fullPage: true });
  is(await page.locator('html').getAttribute('dir'), 'rtl');
  is(await page.locator('html').getAttribute('lang'), 'ar');
  is(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, 'scrolls sideways by');
  const kind = new URL(page.url()).pathname.replace(/[0-9a-f]{64}|\d+/g, '*');
  if (seen.has(kind)) return;
  seen.add(kind);
  await accessible(page);
}
const go = (page, link) => Promise.all([page.waitForNavigation(), press(page, link)]); // to where a link or button leads
const phrase = (login) => `عبارة سر طويلة ${login}`;
async function makeKey(page, login) {
  await page.goto(`${world.url}/key`);
  const inputs = page.locator('[data-part=make] input');
  await type(page, inputs.nth(0), phrase(login));
  await type(page, inputs.nth(1), phrase(login));
  const [file] = await Promise.all([page.waitForEvent('download'), press(page, page.locator('[data-part=make] button'))]);
  const to = path.join(world.dir, `${login}.key.json`);
  await file.saveAs(to);
  await page.locator('[data-part=request]').waitFor({ state: 'visible' });
  await press(page, page.locator('[data-part=request] button'));
  await page.waitForURL(/\/sign\/[0-9a-f]{64}$/);
  return { where: page.url(), ...JSON.parse(readFileSync(to, 'utf8')) };
}
// Somebody whose key is a file signs the text of a page with `amane sign` and hands it in; where they land.
async function byHand(page, where, key) {
  await page.goto(where);
  writeFileSync(path.join(world.dir, 'payload.json'), await (await page.context().request.get(`${where}/payload.json`)).body());
  amane('sign', 'payload.json', '--key', actor(key), '--out', 'envelope.json');
  await press(page, page.locator('details summary').last());
  await reach(page, page.locator('[name=file]'));
  await page.setInputFiles('[name=file]', path.join(world.dir, 'envelope.json')); // the window of files is the system's
  const declares = page.locator('form[enctype] [name=no_conflict]');
  if (await declares.count()) await press(page, declares, 'Space');
  await Promise.all([page.waitForNavigation(), press(page, page.locator('form[enctype] button'))]);
}
async function signHere(page, login) {
  await page.locator('[data-sign] [data-part=tools]').waitFor({ state: 'visible' });
  await type(page, page.locator('[data-part=passphrase]'), phrase(login));
  const go = page.locator('[data-part=go]'), declare = page.locator('[data-part=declare]');
  if (await declare.count()) {
    await press(page, go); // not before the declaration of interests
    await page.locator('[data-part=says].wrong').waitFor();
    await press(page, declare, 'Space');
  }
  await press(page, go);
  await page.waitForURL((u) => u.search.includes('signed=') || u.pathname.startsWith('/statements/'));
}

const a = await person('has-a'), b = await person('has-b'), ministry = await person('ministere');
const model = `${world.url}/models/${world.digest}`, file = `${world.url}/commission/${world.digest}`;
const keys = {};
await test('two members of the commission make their keys and the ministry enters them in the directory', async () => {
  keys.a = await makeKey(a, 'has-a');
  await looks(a, '01-key-asked');
  keys.b = await makeKey(b, 'has-b');
  for (const k of [keys.a, keys.b]) {
    await byHand(ministry, k.where, 'msps');
    yes(/signed=\d+$/.test(ministry.url()), ministry.url());
  }
  await looks(ministry, '02-key-granted');
});
await test('from the list to sign, the file that is ready is two links away', async () => {
  await a.goto(world.url);
  await go(a, a.locator('header a[href="/sign"]'));
  await looks(a, '03-to-sign');
  await go(a, a.locator('main a[href="/commission"]'));
  await looks(a, '04-files');
  yes(/[\u0600-\u06ff]/.test(await a.locator(`a[href="/commission/${world.digest}"]`).innerText()), 'the file has no name in Arabic');
  await go(a, a.locator(`a[href="/commission/${world.digest}"]`));
  is(a.url(), file);
});
await test('the file says what is missing, level by level', async () => {
  const levels = a.locator('section[aria-labelledby=missing-h] details');
  is(await levels.count(), 3, 'levels');
  const lacks = [];
  for (let i = 0; i < 3; i++) {
    if (!await levels.nth(i).getAttribute('open').then((x) => x !== null)) await press(a, levels.nth(i).locator('summary'));
    lacks.push(await levels.nth(i).locator('li').count());
  }
  yes(lacks[1] > 0 && lacks[2] > 0, `nothing is missing for the higher levels: ${lacks}`);
  yes(/[\u0600-\u06ff]/.test(await levels.nth(1).locator('li').first().textContent()), 'not in Arabic');
  await looks(a, '05-file');
});
await test('from the file to the evidence and the model, every estimate with its interval', async () => {
  await go(a, a.locator(`main a[href="/models/${world.digest}/evidence"]`));
  is(a.url(), `${model}/evidence`);
  yes(await a.locator('main svg').count() > 5, 'no intervals');
  yes(/0,8\d\d/.test(await a.locator('main').innerText()), 'no figure');
  await looks(a, '06-evidence');
  await go(a, a.locator(`main a[href="/models/${world.digest}"]`));
  is(a.url(), model);
  await looks(a, '07-model-before');
});
let text;
async function propose() {
  await go(a, a.locator('section[aria-labelledby=decide-h] button'));
  text = a.url();
  yes(/\/sign\/[0-9a-f]{64}$/.test(text), (await a.locator('[role=alert]').allTextContents()).join(' '));
}
await test('a decision is prepared as the policy computes it, its signers chosen among keys that say whose they are', async () => {
  await go(a, a.locator(`main a[href="/commission/${world.digest}"]`)); // back from the model to its file
  const box = (k) => a.locator(`input[name=k${k}]`);
  yes(/[\u0600-\u06ff]/.test(await a.locator(`label:has(input[name=k${keys.a.key_id}]) b`).textContent()), 'my key is not marked');
  is(await a.locator(`label:has(input[name=k${keys.b.key_id}]) b`).count(), 0, 'the other is marked too');
  for (const k of [keys.a.key_id, keys.b.key_id, keyId('has-1')]) await press(a, box(k), 'Space');
  await type(a, a.locator('[name=gst]'), 'GST-RSK GST-CS');
  await type(a, a.locator('[name=houses]'), 'CHU-RABAT CHU-CASABLANCA');
  await type(a, a.locator('[name=condition]'), 'يعاد التقييم بعد سنة');
  await propose();
  await looks(a, '08-decision-to-sign');
});
await test('a supplier may read the text and sign nothing', async () => {
  const page = await person('fournisseur');
  await page.goto(text);
  await looks(page, '09-supplier');
  await byHand(page, text, 'vendor');
  yes(!/signed=/.test(page.url()), 'it was taken');
  yes(await page.locator('.errors[role=alert]').count(), 'no reason');
  await looks(page, '10-supplier-refused');
  await page.context().close();
});
await test('a member who is recused is refused, and told why', async () => {
  await b.goto(text);
  await go(b, b.locator('main a[href^="/recusal?model="]'));
  await looks(b, '10b-recusal');
  await choose(b, b.locator('[name=key]'), keyId('has-1'));
  await choose(b, b.locator('[name=ground]'), 'funding');
  await type(b, b.locator('[name=model]'), '');
  await type(b, b.locator('[name=with_org]'), 'DEMOAI');
  await go(b, b.locator('main form button'));
  yes(/\/sign\/[0-9a-f]{64}$/.test(b.url()), b.url());
  await byHand(b, b.url(), 'has-1');
  yes(/signed=\d+$/.test(b.url()), await b.locator('main').innerText());
  await byHand(b, text, 'has-1');
  yes(!/signed=/.test(b.url()), 'it was taken');
  yes(await b.locator('.errors[role=alert]').count(), 'no reason');
  await looks(b, '11-recused');
});
await test('one signs here, the colleague there, and the label is in effect', async () => {
  await a.goto(file);
  yes(await a.locator(`input[name=k${keyId('has-1')}]`).isDisabled(), 'the recused may still be chosen');
  for (const k of [keys.a, keys.b]) await press(a, a.locator(`input[name=k${k.key_id}]`), 'Space');
  await type(a, a.locator('[name=gst]'), 'GST-RSK GST-CS');
  await type(a, a.locator('[name=houses]'), 'CHU-RABAT CHU-CASABLANCA');
  await propose();
  await signHere(a, 'has-a');
  await looks(a, '12-one-signed');
  await b.goto(`${world.url}/sign`);
  await go(b, b.locator(`main a[href="${new URL(text).pathname}"]`));
  await signHere(b, 'has-b');
  await looks(b, '13-in-effect');
  const v = (await api(`/api/v1/versions/${world.digest}`)).version;
  is(v.state, 'labelled');
  is(v.level, 'base');
});
await test('the public page shows the label and who signed', async () => {
  const reader = await person(null);
  await reader.goto(model);
  yes(await reader.locator('main section[aria-labelledby=decisions-h] article').count() === 1, 'no decision');
  await looks(reader, '14-public-labelled');
  await reader.context().close();
});
await test('the model is stopped in the whole country, signed here, in force at once', async () => {
  await a.goto(world.url);
  await go(a, a.locator(`main a[href="/models/${world.digest}"]`));
  await go(a, a.locator('.stop-corner a'));
  is(await a.locator('[name=role]:checked').getAttribute('value'), 'has');
  is(await a.locator('[name=org]').inputValue(), 'HAS');
  await looks(a, '15-stop');
  await go(a, a.locator('form[method=get] button.stop'));
  yes(a.url().includes('org=HAS'), a.url());
  await looks(a, '16-stop-to-sign');
  await signHere(a, 'has-a');
  await looks(a, '17-stopped');
  await until('the stop', async () => JSON.stringify(await api('/api/v1/stops')).includes(world.digest));
  await a.goto(model);
  yes(await a.locator('#stops-h').count(), 'the page says nothing of it');
  await looks(a, '18-model-stopped');
});

// ---- the journalist: no account; what is checked is checked without Amane ----
const sha = (...x) => x.reduce((h, p) => h.update(p), createHash('sha256')).digest();
const spkiPem = (der) => `-----BEGIN PUBLIC KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
function rootOf(leaf, index, size, hashes) { // RFC 9162, 2.1.3.2
  let fn = index, sn = size - 1, r = sha(Buffer.from([0]), leaf);
  for (const p of hashes) {
    if (fn % 2 || fn === sn) {
      r = sha(Buffer.from([1]), p, r);
      while (fn && fn % 2 === 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else r = sha(Buffer.from([1]), r, p);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? r.toString('base64') : '';
}
function wrong(bundle, pem, logKey) { // what does not hold, '' when all does
  const e = bundle.dsseEnvelope, t = bundle.verificationMaterial.tlogEntries[0], p = t.inclusionProof;
  const payload = Buffer.from(e.payload, 'base64'), leaf = Buffer.from(t.canonicalizedBody, 'base64');
  const files = { 'pae.bin': Buffer.concat([Buffer.from(`DSSEv1 ${e.payloadType.length} ${e.payloadType} ${payload.length} `), payload]),
    'sig.bin': Buffer.from(e.signatures[0].sig, 'base64'), 'key.pem': pem };
  for (const [name, data] of Object.entries(files)) writeFileSync(path.join(world.dir, name), data);
  if (spawnSync('openssl', ['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'sig.bin', 'pae.bin'], { cwd: world.dir }).status) return 'signature';
  if (JSON.parse(leaf).spec.dsseV002.payloadHash.digest !== sha(payload).toString('base64')) return 'leaf';
  const note = p.checkpoint.envelope, [origin, size, root] = note.split('\n'), end = note.indexOf('\n\n');
  if (rootOf(leaf, Number(p.logIndex), Number(size), p.hashes.map((x) => Buffer.from(x, 'base64'))) !== root) return 'inclusion';
  const line = note.slice(end + 2).split('\n').find((x) => x.startsWith(`— ${origin} `));
  const sig = Buffer.from(line.split(' ')[2], 'base64').subarray(4);
  return verify(null, Buffer.from(note.slice(0, end + 1)), createPublicKey(logKey), sig) ? '' : 'checkpoint';
}
let bundle, genesis;
const reader = await person(null);
await test('a journalist without an account checks the model in the browser and takes a decision\u2019s proof away', async () => {
  await reader.goto(world.url);
  await go(reader, reader.locator(`main a[href="/models/${world.digest}"]`));
  await press(reader, reader.locator('.proof [data-proof] button'));
  await reader.waitForFunction(() => document.querySelector('.proof [role=status]').textContent.length > 0);
  is(await reader.locator('.proof [role=status]').textContent(), await reader.locator('[data-proof]').getAttribute('data-ok'));
  await go(reader, reader.locator('section[aria-labelledby=decisions-h] article a[href^="/statements/"]'));
  yes(/\/statements\/\d+$/.test(reader.url()), reader.url());
  await looks(reader, '19-decision-statement');
  const [got] = await Promise.all([reader.waitForEvent('download'), press(reader, reader.locator('a[download]'))]);
  bundle = path.join(world.dir, 'bundle.json');
  await got.saveAs(bundle);
  await go(reader, reader.locator('header a[href="/verify"]'));
  await looks(reader, '20-verify');
  genesis = (await reader.locator('main').innerText()).match(/[0-9a-f]{64}/)[0];
  is(genesis, world.genesis, 'genesis');
});
await test('openssl and the arithmetic of RFC 9162 accept the proof, and none of its altered copies', async () => {
  const raw = readFileSync(bundle, 'utf8'), again = () => JSON.parse(raw), e = again();
  const record = JSON.parse(Buffer.from(e.dsseEnvelope.payload, 'base64')).predicate;
  is(record.verificationResult ?? record.outcome, record.verificationResult ? 'PASSED' : 'granted');
  const signer = [keys.a, keys.b].find((k) => k.key_id === e.dsseEnvelope.signatures[0].keyid);
  yes(signer, 'signed by neither');
  const pem = spkiPem(Buffer.from(signer.spki, 'base64'));
  const first = JSON.parse(Buffer.from(await (await fetch(`${world.url}/api/v1/blobs/${genesis}`)).arrayBuffer()));
  const raw64 = first.predicate.log_key.match(/^.*?\+[0-9a-f]{8}\+(.*)$/s)[1]; // base64 has its own +
  const logKey = spkiPem(Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(raw64, 'base64').subarray(1)]));
  is(wrong(again(), pem, logKey), '');
  const flip = (s, at) => { const d = Buffer.from(s, 'base64'); d[at] ^= 1; return d.toString('base64'); };
  const cases = { signature: (x) => { x.dsseEnvelope.payload = flip(x.dsseEnvelope.payload, 60); },
    inclusion: (x) => { const p = x.verificationMaterial.tlogEntries[0].inclusionProof; p.hashes[0] = flip(p.hashes[0], 0); },
    checkpoint: (x) => { const p = x.verificationMaterial.tlogEntries[0].inclusionProof, n = p.checkpoint.envelope, at = n.lastIndexOf(`— ${n.split('\n')[0]} `);
      const l = n.slice(at).split('\n')[0], w = l.split(' '); p.checkpoint.envelope = n.replace(l, `${w[0]} ${w[1]} ${flip(w[2], 20)}`); } };
  for (const [what, change] of Object.entries(cases)) {
    const x = again();
    change(x);
    is(wrong(x, pem, logKey), what);
  }
});
// Tools that share no code with Amane: openssl over every statement, Sigstore's verifier over the journalist's file,
// Go's sumdb over the log and its witnesses. What is not installed says so.
const run = (what, program, args, options = {}) => {
  const done = spawnSync(program, args, { cwd: world.dir, encoding: 'utf8', ...options });
  is(done.status, 0, `${what} says ${(done.stdout + done.stderr).trim().split('\n').at(-1)}:`);
  console.log(`# ${what}: ${done.stdout.trim().split('\n').at(-1)}`);
};
const tool = (...x) => path.join(here, '..', ...x);
const strangers = {
  'a stranger': (copy) => run('openssl', '/usr/bin/python3', [tool('support/stranger.py'), copy, genesis, 'signatures']),
  Sigstore: (copy) => {
    const tools = process.env.AMANE_PEER_TOOLS ?? tool('../.deps/peers'), modules = path.join(tools, 'node_modules');
    const own = existsSync(modules) && readdirSync(modules).find((x) => x.startsWith('node-linux-'));
    if (!own) return console.log('# SKIP Sigstore\u2019s verifier is not installed: tools/setup.sh');
    run('Sigstore', path.join(modules, own, 'bin/node'), [tool('peers/sigstore.mjs'), copy, genesis, bundle],
      { env: { ...process.env, AMANE_PEER_TOOLS: tools } });
  },
  Go: (copy) => {
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' };
    if (spawnSync('go', ['version']).status !== 0 || !existsSync('/usr/share/gocode/src/golang.org/x/mod'))
      return console.log('# SKIP Go or its x/mod is not installed: tools/setup.sh');
    writeFileSync(path.join(world.dir, 'quorum'), spawnSync('/usr/bin/python3', [tool('support/stranger.py'), copy, genesis, 'policy']).stdout);
    run('go build', 'go', ['build', '-o', path.join(world.dir, 'verify'), '.'], { cwd: tool('go/verify'), env });
    run('Go', path.join(world.dir, 'verify'), [path.join(copy, 'log'), path.join(world.dir, 'quorum')]);
  },
};
await test('a copy of a hospital\u2019s mirror verifies from the first entry, by strangers\u2019 tools too, and not with one byte changed', async () => {
  const copy = path.join(world.dir, 'taken');
  const size = Number((await (await fetch(`${world.url}/log/checkpoint.cosigned`)).text()).split('\n')[1]);
  const mirror = path.join(world.dir, world.nodes[1]);
  await until('the mirror', () => Number(readFileSync(path.join(mirror, 'log/checkpoint.cosigned'), 'utf8').split('\n')[1]) >= size);
  mkdirSync(path.join(copy, 'log'), { recursive: true });
  for (const f of ['checkpoint', 'checkpoint.cosigned']) cpSync(path.join(mirror, 'log', f), path.join(copy, 'log', f));
  for (const d of ['log/tile', 'blobs']) cpSync(path.join(mirror, d), path.join(copy, d), { recursive: true });
  amane('log', 'verify', copy, '--genesis', genesis);
  for (const what of ['a stranger', 'Sigstore', 'Go']) await strangers[what](copy);
  const decision = sha(Buffer.from(JSON.parse(readFileSync(bundle, 'utf8')).dsseEnvelope.payload, 'base64')).toString('hex');
  const blob = path.join(copy, 'blobs/sha256', decision.slice(0, 2), decision.slice(2)), data = readFileSync(blob);
  data[data.indexOf('granted')] ^= 1;
  writeFileSync(blob, data);
  is(spawnSync(world.amane, ['log', 'verify', copy, '--genesis', genesis]).status, 1, 'status');
});
await test('nothing broke on the way', async () => { is(broken.join('; '), ''); });
await close();
finish();
