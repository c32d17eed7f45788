// SPDX-License-Identifier: Apache-2.0
// Looks at pages as people do: run.mjs --out DIR [options] URL...   Prints TAP, keeps screenshots.
//   URL            {lang} is replaced by fr, ar, en; without it, lang=.. is added to the query
//   --out DIR      where screenshots go            --name N     prefix of their names (default: page)
//   --langs L,..   default fr,ar,en                --widths W,.. default 400,1280 (320 is always tried for overflow)
//   --weight KB    limit of a first visit, fonts apart (60)     --cookie NAME=VALUE   e.g. a session
//   --interact     also press keys and the proof button, where the page has them
// Each page, language, width and colour scheme: no axe-core violation, no sideways scroll, nothing on the
// console, nothing blocked or missing, right lang and dir, targets of 44 px, weight.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { launch, violations } from './kit.mjs';

const { values: opt, positionals: urls } = parseArgs({ allowPositionals: true, options: {
  out: { type: 'string' }, name: { type: 'string', default: 'page' }, langs: { type: 'string', default: 'fr,ar,en' },
  widths: { type: 'string', default: '400,1280' }, weight: { type: 'string', default: '60' },
  cookie: { type: 'string', multiple: true, default: [] }, interact: { type: 'boolean', default: false },
} });
if (!opt.out || !urls.length) { console.error('usage: run.mjs --out DIR [options] URL...'); process.exit(2); }
mkdirSync(opt.out, { recursive: true });

let count = 0, failures = 0;
function report(name, problems) {
  count++;
  if (problems.length) failures++;
  console.log(`${problems.length ? 'not ok' : 'ok'} ${count} - ${name}`);
  for (const p of problems) console.log(`#   ${p}`);
}

function inLanguage(url, lang) {
  if (url.includes('{lang}')) return url.replaceAll('{lang}', lang);
  const u = new URL(url);
  u.searchParams.set('lang', lang);
  return u.href;
}

// Everything that goes wrong while a page loads, and what it weighs.
function listen(page) {
  const seen = { problems: [], weight: 0, pending: [] };
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) seen.problems.push(`console: ${m.text()}`); });
  page.on('pageerror', (e) => seen.problems.push(`script: ${e.message}`));
  page.on('requestfailed', (r) => seen.problems.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
  page.on('response', (r) => {
    if (r.status() >= 400) seen.problems.push(`${r.status()}: ${r.url()}`);
    if (r.request().resourceType() === 'font') return;
    seen.pending.push(r.body().then((b) => { seen.weight += b.length; }, () => {}));
  });
  return seen;
}

const measure = () => {
  const small = [];
  const scroll = document.documentElement.scrollWidth - window.innerWidth;
  for (const e of document.querySelectorAll('button,.btn,select,summary,textarea,input:not([type=radio],[type=checkbox],[type=hidden]),label.radio,header a')) {
    const b = e.getBoundingClientRect();
    if (b.width && !e.closest('.skip') && !e.classList.contains('skip') && (b.height < 43.5 || b.width < 43.5))
      small.push(`${e.tagName.toLowerCase()} "${e.textContent.trim().slice(0, 30)}" ${Math.round(b.width)}x${Math.round(b.height)}`);
  }
  const wide = scroll > 0 ? [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll') &&
    (e.getBoundingClientRect().right > window.innerWidth + 1 || e.getBoundingClientRect().left < -1) &&
    !e.closest('.vh,.skip')).slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.className}`) : [];
  return { scroll, wide, small, lang: document.documentElement.lang, dir: document.documentElement.dir,
    h1: document.querySelectorAll('h1').length };
};

async function look(browser, url, lang, width, scheme) {
  const problems = [];
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, locale: lang,
    reducedMotion: 'reduce' });
  for (const c of opt.cookie) {
    const [name, ...value] = c.split('=');
    await context.addCookies([{ name, value: value.join('='), url: new URL(url).origin }]);
  }
  const page = await context.newPage();
  const seen = listen(page);
  await page.goto(inLanguage(url, lang), { waitUntil: 'load' });
  await page.evaluate(() => document.fonts.ready);
  await Promise.all(seen.pending);
  const m = await page.evaluate(measure);
  if (m.scroll > 0) problems.push(`scrolls sideways by ${m.scroll} px: ${m.wide.join(', ')}`);
  if (m.lang !== lang || m.dir !== (lang === 'ar' ? 'rtl' : 'ltr')) problems.push(`lang=${m.lang} dir=${m.dir}`);
  if (m.h1 !== 1) problems.push(`${m.h1} h1 elements`);
  problems.push(...m.small.map((s) => `small target: ${s}`));
  if (seen.weight > 1000 * Number(opt.weight)) problems.push(`weighs ${seen.weight} bytes`);
  if (width > 320) {
    for (const v of await violations(page))
      problems.push(`axe ${v.id}: ${v.nodes.length} x ${v.nodes[0].target.join(' ')} (${v.help})`);
    const stem = urls.length > 1 ? `${opt.name}-${new URL(url).pathname.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'index'}` : opt.name;
    await page.screenshot({ path: path.join(opt.out, `${stem}.${lang}.${width}.${scheme}.png`), fullPage: true });
  }
  problems.push(...seen.problems);
  await context.close();
  return problems;
}

// The two conveniences of app.js, and a page without scripts.
async function interact(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(inLanguage(url, 'en'));
  const proof = page.locator('[data-proof]').first();
  if (await proof.count()) {
    const says = async () => {
      await proof.locator('button').click();
      await page.waitForFunction(() => document.querySelector('[data-proof] [role=status]').textContent !== '');
      const text = await proof.locator('[role=status]').textContent();
      await proof.locator('[role=status]').evaluate((e) => { e.textContent = ''; });
      return text;
    };
    const good = await says();
    await proof.evaluate((e) => { e.dataset.leaf = e.dataset.leaf.replace(/^../, (x) => (x === '00' ? '01' : '00')); });
    const bad = await says();
    const want = await proof.evaluate((e) => [e.dataset.ok, e.dataset.bad]);
    report('the proof verifies in the browser', good === want[0] ? [] : [good]);
    report('a changed leaf is found in the browser', bad === want[1] ? [] : [bad]);
  }
  const rows = page.locator('[data-item]');
  if (await rows.count()) {
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const at = await rows.evaluateAll((all) => all.indexOf(document.activeElement));
    report('j moves along the worklist', at === Math.min(1, (await rows.count()) - 1) ? [] : [`row ${at}`]);
  }
  await context.close();
  const bare = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 400, height: 900 } });
  const plain = await bare.newPage();
  await plain.goto(inLanguage(url, 'fr'));
  const text = (await plain.locator('main').textContent()).trim();
  const hidden = await plain.locator('[data-proof] button').count() && await plain.locator('[data-proof] button').first().isVisible();
  report('the page works without scripts', text.length > 40 && !hidden ? [] : [text.slice(0, 80)]);
  await bare.close();
}

const { browser, close } = await launch();
try {
  for (const url of urls) {
    for (const lang of opt.langs.split(','))
      for (const width of [320, ...opt.widths.split(',').map(Number)])
        for (const scheme of width === 320 ? ['light'] : ['light', 'dark']) {
          const name = `${decodeURI(new URL(url).pathname).replace('{lang}', lang)} ${lang} ${width} px ${scheme}`;
          report(name, await look(browser, url, lang, width, scheme).catch((e) => [String(e)]));
        }
    if (opt.interact) await interact(browser, url).catch((e) => report(`${url} interaction`, [String(e)]));
  }
} finally {
  await close();
}
console.log(`1..${count}`);
process.exit(failures ? 1 : 0);
