// SPDX-License-Identifier: Apache-2.0
// A regulator's day in the browser alone, in Arabic: regulator.mjs WORLD.json   Prints TAP.
//   WORLD.json: made by test/support/regulator.py on a demo's world whose evidence waits for a decision.
// Keys are made and entered; a file is opened, what is missing is read, evidence is followed to a decision; two
// sign it; a recused member and a supplier are refused; the model is stopped; a journalist, who has no account,
// takes the proof away and checks it with openssl and this file's own arithmetic; one byte changed is refused.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accessible, finish, here, is, launch, login, test, yes } from './kit.mjs';

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
async function person(name, width = 400) {
  const context = await browser.newContext({ locale: 'ar', viewport: { width, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  page.on('pageerror', (e) => broken.push(e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !/status of (403|409|422)/.test(m.text())) broken.push(m.text()); });
  if (!name) return page;
  await login(page, world, name);
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
const phrase = (login) => `عبارة سر طويلة ${login}`;
async function makeKey(page, login) {
  await page.goto(`${world.url}/key`);
  const inputs = page.locator('[data-part=make] input');
  await inputs.nth(0).fill(phrase(login));
  await inputs.nth(1).fill(phrase(login));
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('[data-part=make] button').click()]);
  const to = path.join(world.dir, `${login}.key.json`);
  await file.saveAs(to);
  await page.locator('[data-part=request]').waitFor({ state: 'visible' });
  await page.locator('[data-part=request] button').click();
  await page.waitForURL(/\/sign\/[0-9a-f]{64}$/);
  return { where: page.url(), ...JSON.parse(readFileSync(to, 'utf8')) };
}
// Somebody whose key is a file signs the text of a page with `amane sign` and hands it in; where they land.
async function byHand(page, where, key) {
  await page.goto(where);
  writeFileSync(path.join(world.dir, 'payload.json'), await (await page.context().request.get(`${where}/payload.json`)).body());
  amane('sign', 'payload.json', '--key', actor(key), '--out', 'envelope.json');
  await page.locator('details summary').last().click();
  await page.setInputFiles('[name=file]', path.join(world.dir, 'envelope.json'));
  const declares = page.locator('form[enctype] [name=no_conflict]');
  if (await declares.count()) await declares.check();
  await page.locator('form[enctype] button').click();
  await page.waitForLoadState();
}
async function signHere(page, login) {
  await page.locator('[data-sign] [data-part=tools]').waitFor({ state: 'visible' });
  await page.fill('[data-part=passphrase]', phrase(login));
  if (await page.locator('[data-part=declare]').count()) {
    await page.click('[data-part=go]'); // not before the declaration of interests
    await page.locator('[data-part=says].wrong').waitFor();
    await page.check('[data-part=declare]');
  }
  await page.click('[data-part=go]');
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
  await a.goto(`${world.url}/sign`);
  await looks(a, '03-to-sign');
  await a.locator('main a[href="/commission"]').click();
  await looks(a, '04-files');
  await a.locator(`a[href="/commission/${world.digest}"]`).click();
  await a.waitForURL(file);
});
await test('the file says what is missing, level by level', async () => {
  const levels = a.locator('section[aria-labelledby=missing-h] details');
  is(await levels.count(), 3, 'levels');
  const lacks = [];
  for (let i = 0; i < 3; i++) {
    if (!await levels.nth(i).getAttribute('open').then((x) => x !== null)) await levels.nth(i).locator('summary').click();
    lacks.push(await levels.nth(i).locator('li').count());
  }
  yes(lacks[1] > 0 && lacks[2] > 0, `nothing is missing for the higher levels: ${lacks}`);
  yes(/[\u0600-\u06ff]/.test(await levels.nth(1).locator('li').first().textContent()), 'not in Arabic');
  await looks(a, '05-file');
});
await test('from the file to the evidence and the model, every estimate with its interval', async () => {
  await a.locator(`main a[href="/models/${world.digest}/evidence"]`).first().click();
  await a.waitForURL(`${model}/evidence`);
  yes(await a.locator('main svg').count() > 5, 'no intervals');
  yes(/0,8\d\d/.test(await a.locator('main').innerText()), 'no figure');
  await looks(a, '06-evidence');
  await a.locator(`main a[href="/models/${world.digest}"]`).first().click();
  await a.waitForURL(model);
  await looks(a, '07-model-before');
});
let text;
async function propose() {
  await a.locator('section[aria-labelledby=decide-h] button').click();
  await a.waitForLoadState();
  text = a.url();
  yes(/\/sign\/[0-9a-f]{64}$/.test(text), (await a.locator('[role=alert]').allTextContents()).join(' '));
}
await test('a decision is prepared as the policy computes it, its signers chosen among keys that say whose they are', async () => {
  await a.goto(file);
  const box = (k) => a.locator(`input[name=k${k}]`);
  yes(/[\u0600-\u06ff]/.test(await a.locator(`label:has(input[name=k${keys.a.key_id}]) b`).textContent()), 'my key is not marked');
  is(await a.locator(`label:has(input[name=k${keys.b.key_id}]) b`).count(), 0, 'the other is marked too');
  await box(keys.a.key_id).check();
  await box(keys.b.key_id).check();
  await box(keyId('has-1')).check();
  await a.fill('[name=gst]', 'GST-RSK GST-CS');
  await a.fill('[name=houses]', 'CHU-RABAT CHU-CASABLANCA');
  await a.fill('[name=condition]', 'يعاد التقييم بعد سنة');
  await propose();
  await looks(a, '08-decision-to-sign');
});
await test('a supplier may read the text and sign nothing', async () => {
  const page = await person('fournisseur', 320);
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
  await b.locator('main a[href^="/recusal?model="]').click();
  await looks(b, '10b-recusal');
  await b.selectOption('[name=key]', keyId('has-1'));
  await b.locator('[name=ground][value=funding]').check();
  await b.fill('[name=model]', '');
  await b.fill('[name=with_org]', 'DEMOAI');
  await b.locator('main form button').click();
  await b.waitForURL(/\/sign\/[0-9a-f]{64}$/);
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
  await a.locator(`input[name=k${keys.a.key_id}]`).check();
  await a.locator(`input[name=k${keys.b.key_id}]`).check();
  await a.fill('[name=gst]', 'GST-RSK GST-CS');
  await a.fill('[name=houses]', 'CHU-RABAT CHU-CASABLANCA');
  await propose();
  await signHere(a, 'has-a');
  await looks(a, '12-one-signed');
  await b.goto(`${world.url}/sign`);
  await b.locator(`main a[href="${new URL(text).pathname}"]`).click();
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
  await a.goto(model);
  await a.locator('.stop-corner a').click();
  is(await a.locator('[name=role]:checked').getAttribute('value'), 'has');
  is(await a.locator('[name=org]').inputValue(), 'HAS');
  await looks(a, '15-stop');
  await a.locator('form[method=get] button.stop').click();
  await a.waitForURL(/org=HAS/);
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
const press = await person(null);
await test('a journalist without an account checks the model in the browser and takes a decision\u2019s proof away', async () => {
  await press.goto(model);
  await press.locator('.proof [data-proof] button').click();
  await press.waitForFunction(() => document.querySelector('.proof [role=status]').textContent.length > 0);
  is(await press.locator('.proof [role=status]').textContent(), await press.locator('[data-proof]').getAttribute('data-ok'));
  await press.locator('section[aria-labelledby=decisions-h] article a[href^="/statements/"]').first().click();
  await press.waitForURL(/\/statements\/\d+$/);
  await looks(press, '19-decision-statement');
  const [got] = await Promise.all([press.waitForEvent('download'), press.locator('a[download]').click()]);
  bundle = path.join(world.dir, 'bundle.json');
  await got.saveAs(bundle);
  await press.goto(`${world.url}/verify`);
  await looks(press, '20-verify');
  genesis = (await press.locator('main').innerText()).match(/[0-9a-f]{64}/)[0];
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
await test('a copy of a hospital\u2019s mirror verifies from the first entry, and not with one byte changed', async () => {
  const copy = path.join(world.dir, 'taken');
  const size = Number((await (await fetch(`${world.url}/log/checkpoint.cosigned`)).text()).split('\n')[1]);
  const mirror = path.join(world.dir, world.nodes[1]);
  await until('the mirror', () => Number(readFileSync(path.join(mirror, 'log/checkpoint.cosigned'), 'utf8').split('\n')[1]) >= size);
  mkdirSync(path.join(copy, 'log'), { recursive: true });
  for (const f of ['checkpoint', 'checkpoint.cosigned']) cpSync(path.join(mirror, 'log', f), path.join(copy, 'log', f));
  for (const d of ['log/tile', 'blobs']) cpSync(path.join(mirror, d), path.join(copy, d), { recursive: true });
  amane('log', 'verify', copy, '--genesis', genesis);
  const decision = sha(Buffer.from(JSON.parse(readFileSync(bundle, 'utf8')).dsseEnvelope.payload, 'base64')).toString('hex');
  const blob = path.join(copy, 'blobs/sha256', decision.slice(0, 2), decision.slice(2)), data = readFileSync(blob);
  data[data.indexOf('granted')] ^= 1;
  writeFileSync(blob, data);
  is(spawnSync(world.amane, ['log', 'verify', copy, '--genesis', genesis]).status, 1, 'status');
});
await test('nothing broke on the way', async () => { is(broken.join('; '), ''); });
await close();
finish();
