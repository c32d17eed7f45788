// SPDX-License-Identifier: Apache-2.0
// Two commissioners sign one text in the browser alone, in Arabic: sign.mjs WORLD.json   Prints TAP.
//   WORLD.json: {url, amane, dir, out, accounts: {login: password}, msps_key, victim}: made by test/46-sign.sh.
// Keys are made, asked for, granted, used; a wrong passphrase, an altered text and an altered page are refused; no
// request ever carries the passphrase or a private key; keyboard alone suffices; axe finds nothing.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { accessible, finish, is, launch, login, test, yes } from './kit.mjs';

const world = JSON.parse(readFileSync(process.argv[2], 'utf8'));
mkdirSync(world.out, { recursive: true });
const PASSPHRASE = { 'has-1': 'جبل بحر مطر شمس واد', 'has-2': 'quatre mots faciles ici' };

const { browser, close } = await launch();
const sent = []; // every body that leaves the browser
async function person(name, lang = 'ar') {
  const context = await browser.newContext({ locale: lang, viewport: { width: 400, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  page.seen = [];
  page.on('request', (r) => sent.push(`${r.url()} ${r.postData() ?? ''}`));
  page.on('console', (m) => { if (m.type() === 'error') page.seen.push(m.text()); });
  page.on('pageerror', (e) => page.seen.push(e.message));
  await login(page, world, name, `?lang=${lang}`);
  return page;
}
async function looks(page, name) {
  await page.screenshot({ path: path.join(world.out, `${name}.png`), fullPage: true });
  const scroll = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  is(scroll, 0, 'scrolls sideways by');
  await accessible(page);
}
const amane = (...args) => execFileSync(world.amane, args, { cwd: world.dir });

// Makes a key on /key; its file; the address of the request to grant it.
async function makeKey(page, login) {
  await page.goto(`${world.url}/key`);
  const [one, two] = [page.locator('[data-part=make] input').nth(0), page.locator('[data-part=make] input').nth(1)];
  await one.fill(PASSPHRASE[login]);
  await two.fill(PASSPHRASE[login]);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-part=make] button').click()]);
  const file = path.join(world.dir, `${login}.key.json`);
  await download.saveAs(file);
  await page.locator('[data-part=request]').waitFor({ state: 'visible' });
  await looks(page, `key.${login}`);
  await page.locator('[data-part=request] button').click();
  await page.waitForURL(/\/sign\/[0-9a-f]{64}$/);
  return { file, where: page.url() };
}
// The ministry signs by the command line and hands the envelope in by the form, without scripts.
async function grant(where) {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: 'fr' });
  const page = await context.newPage();
  await page.goto(`${world.url}/login?lang=fr`);
  await page.fill('[name=user]', 'ministere');
  await page.fill('[name=password]', world.accounts.ministere);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
  await page.goto(where);
  const payload = await (await context.request.get(`${where}/payload.json`)).body();
  writeFileSync(path.join(world.dir, 'payload.json'), payload);
  amane('sign', 'payload.json', '--key', world.msps_key, '--out', 'envelope.json');
  await page.locator('details summary').last().click();
  await page.setInputFiles('[name=file]', path.join(world.dir, 'envelope.json'));
  await page.locator('form[enctype] button').click();
  await page.waitForURL(/signed=\d+$/);
  await context.close();
}
const says = (page) => page.locator('[data-sign] [data-part=says]');
async function openText(page, where) {
  await page.goto(where);
  await page.locator('[data-sign] [data-part=tools]').waitFor({ state: 'visible' });
}

const one = await person('has-1'), two = await person('has-2');
const keys = {};
await test('a key is made in the browser, its file kept, its entry asked for', async () => {
  keys.one = await makeKey(one, 'has-1');
  keys.two = await makeKey(two, 'has-2');
  const file = JSON.parse(readFileSync(keys.one.file, 'utf8'));
  is(file.kdf.name, 'PBKDF2-SHA-256');
  yes(file.kdf.iterations >= 600000, 'iterations');
  is(file.cipher.name, 'AES-256-GCM');
});
await test('a passphrase too short or typed twice differently makes no key', async () => {
  await one.goto(`${world.url}/key`);
  const inputs = one.locator('[data-part=make] input'), status = one.locator('[data-key] [data-part=says]');
  await inputs.nth(0).fill('court');
  await inputs.nth(1).fill('court');
  await one.locator('[data-part=make] button').click();
  is(await status.textContent(), await one.locator('[data-key]').getAttribute('data-short'));
  await inputs.nth(0).fill('une phrase assez longue');
  await inputs.nth(1).fill('une autre assez longue');
  await one.locator('[data-part=make] button').click();
  is(await status.textContent(), await one.locator('[data-key]').getAttribute('data-twice'));
});
await test('the ministry enters both keys without scripts', async () => {
  await grant(keys.one.where);
  await grant(keys.two.where);
});
let text;
await test('a text waits for two commissioners, who find it in their list', async () => {
  const reply = await fetch(`${world.url}/api/v1/proposals`, { method: 'POST',
    headers: { Authorization: `Bearer ${world.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ kind: 'event', record: { type: 'key_revoke', issued_at: new Date().toISOString().replace(/\.\d+/, ''),
      issuer: { role: 'has', org_id: 'HAS' }, key_id: world.victim, reason: 'perdue <b>' } }) });
  is(reply.status, 201, await reply.clone().text());
  text = world.url + (await reply.json()).page;
  await one.goto(`${world.url}/sign`);
  await looks(one, 'waiting.ar');
  yes(await one.locator(`a[href="${new URL(text).pathname}"]`).count(), 'not in the list');
});
await test('the page says what, who and the digest computed here; axe finds nothing', async () => {
  await openText(one, text);
  is(await one.locator('[data-part=digest]').textContent(), text.slice(-64));
  is(await one.locator('html').getAttribute('dir'), 'rtl');
  await looks(one, 'sign.ar');
});
await test('a wrong passphrase signs nothing and sends nothing', async () => {
  await openText(one, text);
  const before = sent.length;
  await one.fill('[data-part=passphrase]', 'pas la bonne phrase');
  await one.click('[data-part=go]');
  await one.waitForFunction(() => document.querySelector('[data-sign] .wrong'));
  is(await says(one).textContent(), await one.locator('[data-sign]').getAttribute('data-wrong'));
  is(sent.length, before, 'requests');
});
await test('a text altered on the way is refused before any key is opened', async () => {
  await one.route('**/payload.json', async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, body: (await reply.text()).replace('perdue', 'volee ') });
  });
  await one.goto(text);
  await one.waitForFunction(() => document.querySelector('[data-sign] .wrong'));
  is(await says(one).textContent(), await one.locator('[data-sign]').getAttribute('data-changed'));
  is(await one.locator('[data-part=tools]').isVisible(), false, 'tools');
  await one.unroute('**/payload.json');
});
await test('a page that shows other words than the text is refused', async () => {
  await one.route(text, async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, body: (await reply.text()).replace(`>${world.victim}<`, `>${'0'.repeat(64)}<`) });
  });
  await one.goto(text);
  await one.waitForFunction(() => document.querySelector('[data-sign] .wrong'));
  yes((await says(one).textContent()).includes('0'.repeat(64)), 'the difference is not named');
  await one.unroute(text);
});
await test('the first signs by keyboard alone, and one of two is there', async () => {
  await openText(one, text);
  await one.locator('[data-part=passphrase]').focus();
  await one.keyboard.type(PASSPHRASE['has-1']);
  await one.keyboard.press('Tab');
  await one.keyboard.press('Enter');
  await one.waitForURL(/signed=\d+$/);
  await looks(one, 'sign-one.ar');
  yes(await one.locator('[data-sign]').count(), 'it is still open');
});
await test('the same key does not sign twice', async () => {
  await openText(one, text);
  await one.fill('[data-part=passphrase]', PASSPHRASE['has-1']);
  await one.click('[data-part=go]');
  await one.waitForSelector('.errors[role=alert]');
});
await test('the colleague signs on another device, from the key file, and it takes effect', async () => {
  const other = await person('has-2', 'fr');
  await openText(other, text);
  await other.setInputFiles('[data-part=file]', keys.two.file);
  await other.fill('[data-part=passphrase]', PASSPHRASE['has-2']);
  await other.click('[data-part=go]');
  await other.waitForURL(/signed=\d+$/);
  is(await other.locator('[data-sign]').count(), 0, 'still open:');
  await looks(other, 'sign-done.fr');
  is(other.seen.join('; '), '');
});
await test('a spoilt key file is refused', async () => {
  const k = JSON.parse(readFileSync(keys.one.file, 'utf8'));
  const bad = path.join(world.dir, 'bad.json');
  const third = await fetch(`${world.url}/api/v1/proposals`, { method: 'POST',
    headers: { Authorization: `Bearer ${world.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ kind: 'event', record: { type: 'key_revoke', issued_at: new Date().toISOString().replace(/\.\d+/, ''),
      issuer: { role: 'has', org_id: 'HAS' }, key_id: world.victim2, reason: 'autre' } }) });
  await openText(one, world.url + (await third.json()).page);
  for (const change of [{ kdf: { ...k.kdf, iterations: 1000 } }, { spki: JSON.parse(readFileSync(keys.two.file, 'utf8')).spki }, { wrapped: 'AAAA' }]) {
    writeFileSync(bad, JSON.stringify({ ...k, ...change }));
    await one.setInputFiles('[data-part=file]', bad);
    await one.waitForFunction(() => document.querySelector('[data-sign] .wrong'));
    is(await says(one).textContent(), await one.locator('[data-sign]').getAttribute('data-badfile'));
  }
});
await test('no request carried a passphrase or a private key', async () => {
  const secret = [...Object.values(PASSPHRASE), encodeURIComponent(PASSPHRASE['has-1']), JSON.parse(readFileSync(keys.one.file, 'utf8')).wrapped,
    'MIGHAgEAMBMGByqGSM49'];
  yes(sent.length > 20, 'requests were watched');
  for (const s of secret) yes(!sent.some((r) => r.includes(s)), `a request held ${s.slice(0, 12)}`);
});
await test('nothing was blocked and nothing broke on the pages', async () => {
  is([...one.seen, ...two.seen].filter((m) => !/status of (409|422|403)/.test(m)).join('; '), '');
});
await close();
finish();
