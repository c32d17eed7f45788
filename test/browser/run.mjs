// SPDX-License-Identifier: Apache-2.0
// Looks at pages as people do: run.mjs --out DIR [options] URL...   Prints TAP, keeps screenshots.
//   URL            {lang} is replaced by fr, ar, en; without it, lang=.. is added to the query
//   --out DIR      where screenshots go            --name N     prefix of their names (default: page)
//   --langs L,..   default fr,ar,en                --widths W,.. default 400,1280
//   --narrow W,..  also tried, for shape only: no axe, one colour scheme, no screenshot (320)
//   --weight KB    limit of a first visit, fonts apart (60)
//   --interact     also press keys and the proof button, where the page has them
// Each page, language, width and colour scheme: no axe-core violation, no sideways scroll, nothing on the
// console, nothing blocked or missing, right lang and dir, targets of 44 px, weight.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { launch } from './kit.mjs';
import { axe, inLanguage, interact, listen, plain, shape } from './look.mjs';

const { values: opt, positionals: urls } = parseArgs({ allowPositionals: true, options: {
  out: { type: 'string' }, name: { type: 'string', default: 'page' }, langs: { type: 'string', default: 'fr,ar,en' },
  widths: { type: 'string', default: '400,1280' }, narrow: { type: 'string', default: '320' }, weight: { type: 'string', default: '60' },
  interact: { type: 'boolean', default: false },
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

const narrow = opt.narrow.split(',').map(Number);

async function look(browser, url, lang, width, scheme) {
  const problems = [];
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, locale: lang,
    reducedMotion: 'reduce' });
  const page = await context.newPage();
  const seen = listen(page);
  await page.goto(inLanguage(url, lang), { waitUntil: 'load' });
  await page.evaluate(() => document.fonts.ready);
  await Promise.all(seen.pending);
  problems.push(...await shape(page, lang));
  if (seen.weight > 1000 * Number(opt.weight)) problems.push(`weighs ${seen.weight} bytes`);
  if (!narrow.includes(width)) {
    problems.push(...await axe(page));
    const stem = urls.length > 1 ? `${opt.name}-${new URL(url).pathname.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'index'}` : opt.name;
    await page.screenshot({ path: path.join(opt.out, `${stem}.${lang}.${width}.${scheme}.png`), fullPage: true });
  }
  problems.push(...seen.problems);
  await context.close();
  return problems;
}

const { browser, close } = await launch();
try {
  for (const url of urls) {
    for (const lang of opt.langs.split(','))
      for (const width of [...narrow, ...opt.widths.split(',').map(Number)])
        for (const scheme of narrow.includes(width) ? ['light'] : ['light', 'dark']) {
          const name = `${decodeURI(new URL(url).pathname).replace('{lang}', lang)} ${lang} ${width} px ${scheme}`;
          report(name, await look(browser, url, lang, width, scheme).catch((e) => [String(e)]));
        }
    if (!opt.interact) continue;
    for (const [name, problems] of await interact(browser, url, []).catch((e) => [[`${url} interaction`, [String(e)]]])) report(name, problems);
    report('the page works without scripts', await plain(browser, url, []).catch((e) => [String(e)]));
  }
} finally {
  await close();
}
console.log(`1..${count}`);
process.exit(failures ? 1 : 0);
