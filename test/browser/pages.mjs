// SPDX-License-Identifier: Apache-2.0
// Every page of web/gallery.json's `pages`, live, in one browser: pages.mjs   Prints TAP; screenshots of what is wrong, of all
// with PAGES_FULL or PAGES_ONLY.
//   PAGES_WORLD: a file of test/support/pages.py. PAGES_PART: all, or split: only the entries with "when": "split".
// An entry: {site, path: as in the table of routes, at: [address with {name}s], as: account, status, interact, every,
// shows: what must be on it}. Those of the site `ward` are ward.mjs's.
// Each address in Arabic at 320 px, 400 px by day and 1280 px by night with axe; in French at 320 px, and without scripts.
// With `every` (or PAGES_FULL=1) in three languages. An entry without `at` says in `none` why it is no page.
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { finish, here, is, launch, login, test } from './kit.mjs';
import { axe, inLanguage, interact, listen, named, plain, shape } from './look.mjs';

const world = JSON.parse(readFileSync(process.env.PAGES_WORLD, 'utf8')), part = process.env.PAGES_PART ?? 'all';
const gallery = JSON.parse(readFileSync(path.join(here, '../../web/gallery.json'), 'utf8')).pages;
const out = path.join(here, 'output'), only = process.env.PAGES_ONLY, full = Boolean(process.env.PAGES_FULL), photos = full || Boolean(only);
mkdirSync(out, { recursive: true });

const { browser, close } = await launch();
const sessions = {};
// The cookies of who is signed in, `second` being the account whose second factor is still asked for.
async function session(site, name) {
  const key = `${site} ${name}`;
  if (!name) return [];
  if (!sessions[key]) {
    const context = await browser.newContext(), page = await context.newPage();
    await login(page, { url: world[site], accounts: world.accounts }, name.replace(/-code$/, ''));
    sessions[key] = (await context.cookies()).filter((c) => c.name === 'amane_session');
    await context.close();
  }
  return sessions[key];
}
// RFC 6238: six digits of HMAC-SHA-1 over the half minute.
function totp(base32) {
  const bits = [...base32].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2))), step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const mac = createHmac('sha1', key).update(step).digest(), at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}
async function enrol() {
  const context = await browser.newContext({ locale: 'ar', viewport: { width: 400, height: 900 } });
  await context.addCookies(await session('registry', 'second'));
  const page = await context.newPage();
  await page.goto(`${world.registry}/account/second?lang=ar`);
  await page.fill('[name=code]', totp((await page.locator('dl.facts code').first().innerText()).replace(/\W/g, '')));
  await page.keyboard.press('Enter');
  await page.locator('ul.plainlist code').first().waitFor();
  const problems = [...await shape(page, 'ar'), ...await axe(page)];
  await page.screenshot({ path: path.join(out, 'registry-second-done.ar.400.light.png'), fullPage: true });
  await context.close();
  is(problems.join('\n'), '');
}

const address = (at) => at.replace(/\{(\w+)\}/g, (_, k) => {
  if (!world.at[k]) throw new Error(`the world has no ${k}`);
  return world.at[k];
});
const name = (e, at) => [e.site, e.when, at.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'index', e.as].filter(Boolean).join('-');

async function turn(e, at, lang) {
  const cookies = await session(e.site, e.as), problems = [], url = inLanguage(world[e.site] + address(at), lang);
  const context = await browser.newContext({ viewport: { width: 400, height: 900 }, colorScheme: 'light', locale: lang, reducedMotion: 'reduce' });
  await context.addCookies(cookies);
  const page = await context.newPage(), seen = listen(page, e.status);
  const say = (where, list) => problems.push(...list.map((p) => `${where}: ${p}`));
  const photo = async (what) => (photos || problems.length) && page.screenshot({ path: path.join(out, `${name(e, at)}.${lang}.${what}.png`), fullPage: true });
  await page.goto(url, { waitUntil: 'load' });
  await page.evaluate(() => document.fonts.ready);
  await Promise.all(seen.pending);
  if (new URL(page.url()).pathname !== new URL(url).pathname) problems.push(`it is at ${page.url()}`);
  if (e.shows && !await page.locator(e.shows).count()) problems.push(`does not show ${e.shows}`);
  if (seen.weight > 60000) problems.push(`weighs ${seen.weight} bytes`);
  say('400 light', await shape(page, lang));
  say('400 light', await axe(page));
  say('names', await named(page));
  await photo('400.light');
  await page.setViewportSize({ width: 320, height: 900 });
  say('320', await shape(page, lang));
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'dark' });
  say('1280 dark', await shape(page, lang));
  say('1280 dark', await axe(page));
  await photo('1280.dark');
  if (full) {
    await page.emulateMedia({ colorScheme: 'light' });
    await photo('1280.light');
    await page.setViewportSize({ width: 400, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await photo('400.dark');
  } else if (!e.every) {
    await page.setViewportSize({ width: 320, height: 900 });
    await page.goto(inLanguage(url, 'fr'));
    say('320 in French', await shape(page, 'fr'));
  }
  await context.close();
  is(problems.concat(seen.problems).join('\n'), '');
}
async function find(as, site, where, pattern) {
  const context = await browser.newContext();
  await context.addCookies(await session(site, as));
  const text = await (await context.request.get(world[site] + where)).text();
  await context.close();
  return text.match(pattern)?.[1];
}

try {
  if (part === 'all' && !only) {
    await test('a second factor is taken by who scans or types it', enrol);
    await test('the node has a suggestion that waits and a model to stop', async () => {
      world.at.prediction = await find('medecin', 'node', '/', /\/predictions\/([0-9A-Za-z-]+)/);
      world.at.deployment = await find('medecin', 'node', '/deployments', /\/deployments\/([0-9a-f]+)\/stop/);
      is(Boolean(world.at.prediction && world.at.deployment), true);
    });
  }
  for (const e of gallery.filter((x) => x.at && world[x.site] && (x.when ?? 'all') === part))
    for (const at of e.at.filter((x) => !only || x.includes(only))) {
      const langs = e.every || full ? ['fr', 'ar', 'en'] : ['ar'], what = name(e, at);
      for (const lang of langs) await test(`${what} in ${lang}`, () => turn(e, at, lang));
      await test(`${what} works without scripts`, async () =>
        is((await plain(browser, world[e.site] + address(at), await session(e.site, e.as))).join(), ''));
      if (!e.interact) continue;
      for (const [said, problems] of await interact(browser, world[e.site] + address(at), await session(e.site, e.as)))
        await test(`${what}: ${said}`, () => is(problems.join(), ''));
    }
} finally {
  await close();
}
finish();
