// SPDX-License-Identifier: Apache-2.0
// Every page of the warehouse that web/gallery.json lists (site `ward`), as somebody without a mouse meets it: ward.mjs WORLD.json   Prints TAP.
//   WORLD.json: made by test/support/ward.py. Each address in one language, with scripts or without, in turn; AMANE_WARD=whole: in all,
//   and photographed; AMANE_WARD=TEXT: the addresses that hold it.
// At 320 px: no sideways scroll, targets, names, axe, at most 60 kB; Tab goes through everything, down the page as it is read, the focus
// seen at each stop, and on forms Shift+Tab the same way back; the first stop leads to the contents. `wrong`: a form, sent with Enter from that
// field: what is wrong has the focus, is an alert, and leads to the field.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { finish, here, is, launch, login, press, reach, test, yes } from './kit.mjs';
import { axe, inLanguage, listen, named, shape } from './look.mjs';

const world = JSON.parse(readFileSync(process.argv[2], 'utf8')), whole = process.env.AMANE_WARD === 'whole', only = whole ? '' : process.env.AMANE_WARD ?? '', out = path.join(here, 'output');
const entries = JSON.parse(readFileSync(path.join(here, '../../web/gallery.json'), 'utf8')).pages.filter((e) => e.site === 'ward');
mkdirSync(out, { recursive: true });
const { browser, close } = await launch();
const sessions = {};
async function session(name) {
  if (!sessions[name]) {
    const context = await browser.newContext(), page = await context.newPage();
    await login(page, world, name);
    sessions[name] = (await context.cookies()).filter((c) => c.name === 'amane_session');
    await context.close();
  }
  return sessions[name];
}

// What Tab should stop at, in the order of the page; window.stops of the page.
const collect = () => {
  globalThis.stops = [...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex="0"]')]
    .filter((e) => !e.disabled && e.getClientRects().length);
  return globalThis.stops.length;
};
// Where the focus is among them, and what is wrong with how it is seen there.
const now = () => {
  const e = document.activeElement, at = globalThis.stops.indexOf(e), s = getComputedStyle(e), b = e.getBoundingClientRect();
  const short = at < 0 ? e.tagName : e.outerHTML.slice(0, 70);
  const seen = at < 0 ? '' : s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2 ? 'no ring' :
    b.bottom < 0 || b.top > window.innerHeight || b.right < 0 || b.left > window.innerWidth ? 'outside the window' : '';
  return { at, short, seen, top: b.top + window.scrollY, bottom: b.bottom + window.scrollY, left: b.left, right: b.right };
};
async function stop(page, key, before) {
  for (let i = 0; i < 8; i++) { // the parts of a date are stops of one field
    await page.keyboard.press(key);
    const x = await page.evaluate(now);
    if (x.at !== before) return x;
  }
  return { at: before, short: 'stuck', seen: '' };
}
async function walk(page, lang, back) {
  const n = await page.evaluate(collect), problems = [];
  let last = { at: -1 };
  yes(n > 5, `only ${n} stops`);
  for (let i = 0; i < n; i++) {
    const x = await stop(page, 'Tab', last.at);
    if (x.at !== i) return [`Tab comes to ${x.short}, stop ${x.at}, not ${i} of ${n}`];
    if (x.seen) problems.push(`${x.short}: ${x.seen}`);
    if (i > 1 && x.bottom <= last.top) problems.push(`${x.short} stands above what comes before it`); // 0: the way to the contents, hidden
    if (i > 1 && Math.abs(x.top - last.top) < 4 && (lang === 'ar' ? x.left >= last.right : x.right <= last.left))
      problems.push(`${x.short} stands before what comes before it on its line`);
    last = x;
  }
  for (let i = n - 2; back && i >= 0; i--) {
    const x = await stop(page, 'Shift+Tab', i + 1);
    if (x.at !== i) return problems.concat(`Shift+Tab comes to ${x.short}, stop ${x.at}, not ${i}`);
  }
  if (!back) await page.locator('a.skip').focus();
  await page.keyboard.press('Enter'); // the first stop
  if (await page.evaluate(() => document.activeElement.id) !== 'main') problems.push('the first stop does not lead to the contents');
  return problems;
}
async function refused(page, field) {
  await reach(page, page.locator(`main form [name=${field}]`));
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  const box = await page.evaluate(() => {
    const e = document.activeElement, s = getComputedStyle(e);
    return { what: e.className, role: e.getAttribute('role'), ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 };
  });
  is(JSON.stringify(box), JSON.stringify({ what: 'errors', role: 'alert', ring: true }), 'what has the focus when a form is refused:');
  const link = page.locator('.errors a').first(), id = (await link.getAttribute('href')).slice(1);
  await press(page, link);
  is(await page.evaluate(() => document.activeElement.id), id, 'an error leads to');
  is(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true', id);
}

async function turn(e, at, lang, scripts) {
  const context = await browser.newContext({ locale: lang, reducedMotion: 'reduce', viewport: { width: 320, height: 800 }, javaScriptEnabled: scripts });
  await context.addCookies(await session(e.as));
  const page = await context.newPage(), seen = listen(page), problems = [];
  await page.goto(inLanguage(world.url + at, lang), { waitUntil: 'load' });
  await Promise.all(seen.pending);
  if (e.shows && !await page.locator(e.shows).count()) problems.push(`does not show ${e.shows}`);
  if (seen.weight > 60000 || seen.weight < 1000) problems.push(`weighs ${seen.weight} bytes`);
  problems.push(...seen.problems, ...await shape(page, lang), ...await named(page));
  if (scripts) problems.push(...await axe(page));
  if (whole || only) await page.screenshot({ path: path.join(out, `ward${at.replace(/\W+/g, '-')}.${lang}.png`), fullPage: true });
  problems.push(...await walk(page, lang, whole || Boolean(e.wrong)));
  is(problems.join('\n'), '');
  if (e.wrong) {
    await refused(page, e.wrong);
    is((await shape(page, lang)).concat(scripts ? await axe(page) : []).join('\n'), '', 'refused:');
    if (whole || only) await page.screenshot({ path: path.join(out, `ward${at.replace(/\W+/g, '-')}.refused.${lang}.png`), fullPage: true });
  }
  await context.close();
}

const langs = ['ar', 'fr', 'en'];
let n = 0;
for (const e of entries)
  for (const at of e.at.filter((x) => x.includes(only))) {
    const turns = whole ? langs.flatMap((l) => [[l, true], [l, false]]) : [[langs[n % 3], n % 2 === 0]];
    n++;
    for (const [lang, scripts] of turns) await test(`${at} in ${lang}${scripts ? '' : ', without scripts'}`, () => turn(e, at, lang, scripts));
  }
// Playwright sends no sign with Alt; chromium finds an access key by the sign (its `char` event).
async function digit(page, d) {
  const cdp = await page.context().newCDPSession(page), key = { modifiers: 1, key: d, code: `Digit${d}`, text: d, unmodifiedText: d };
  await Promise.all([page.waitForNavigation(), cdp.send('Input.dispatchKeyEvent', { type: 'char', ...key })]);
}
await test('a digit opens a page of the file, without scripts too, and the page says so', async () => {
  const context = await browser.newContext({ locale: 'fr', javaScriptEnabled: false });
  await context.addCookies(await session('medecin'));
  const page = await context.newPage();
  await page.goto(`${world.url}/patients/khadija?lang=fr`);
  yes((await page.locator('footer').innerText()).includes('Alt'), 'the keys are not said');
  await digit(page, '2');
  is(new URL(page.url()).pathname, '/patients/khadija/results');
  await digit(page, '0');
  is(new URL(page.url()).pathname, '/patients');
  await context.close();
});
await close();
finish();
