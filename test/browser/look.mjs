// SPDX-License-Identifier: Apache-2.0
// What is asked of a page that is open: nothing on the console, blocked or missing; lang and dir; one h1; no sideways
// scroll; targets of 44 px; weight; names of tables and pictures; axe. run.mjs opens a page anew for each look, pages.mjs turns one page around.
import { violations } from './kit.mjs';

export function inLanguage(url, lang) {
  if (url.includes('{lang}')) return url.replaceAll('{lang}', lang);
  const u = new URL(url);
  u.searchParams.set('lang', lang);
  return u.href;
}

// Everything that goes wrong while a page loads, and what it weighs on its way; `status` is what the page itself must answer.
export function listen(page, status = 200) {
  const seen = { problems: [], weight: 0, pending: [] }, expected = (text) => status !== 200 && text.includes(`status of ${status}`);
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type()) && !expected(m.text())) seen.problems.push(`console: ${m.text()}`); });
  page.on('pageerror', (e) => seen.problems.push(`script: ${e.message}`));
  page.on('requestfailed', (r) => seen.problems.push(`failed: ${r.url()} ${r.failure()?.errorText}`));
  page.on('response', (r) => {
    const main = r.request().isNavigationRequest();
    if (main && r.status() >= 300 && r.status() < 400) return;
    if (main ? r.status() !== status : r.status() >= 400) seen.problems.push(`${r.status()}: ${r.url()}`);
    if (r.request().resourceType() === 'font') return;
    seen.pending.push(r.request().sizes().then((b) => { seen.weight += b.responseBodySize; }, () => {}));
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

// What axe does not ask: a table says what it is and what its columns are; a folded cell has its label; a picture has
// words; the first stop of Tab skips the menu; what is wrong in a form leads to the field, which says so.
const names = () => {
  const said = [], short = (e) => e.outerHTML.slice(0, 90);
  for (const t of document.querySelectorAll('table')) {
    const by = t.getAttribute('aria-labelledby');
    if (!t.caption?.textContent.trim() && !t.getAttribute('aria-label') && !(by && document.getElementById(by)?.textContent.trim()))
      said.push(`a table without a name: ${short(t)}`);
    for (const h of t.querySelectorAll('th:not([scope])')) said.push(`a header without scope: ${short(h)}`);
    if (!t.querySelector('thead th')) said.push(`a table without headers: ${short(t)}`);
    if (t.classList.contains('stack') && !t.closest('[data-plain]'))
      for (const c of t.querySelectorAll('tbody td:not([data-l])'))
        if (c.parentElement.querySelectorAll('td').length > 1 && c.textContent.trim() && !c.querySelector('button,svg,a.btn') &&
          t.tHead.rows[0].cells[c.cellIndex]?.querySelector('.vh') === null) said.push(`a folded cell without its label: ${short(c)}`);
  }
  for (const s of document.querySelectorAll('svg'))
    if (s.getAttribute('aria-hidden') !== 'true' && !s.querySelector('title')?.textContent.trim() && !s.getAttribute('aria-label') &&
      !s.getAttribute('aria-labelledby')) said.push(`a picture without words: ${short(s)}`);
  const first = document.querySelector('a[href],button,input,select,textarea,summary,[tabindex="0"]');
  if (first?.getAttribute('href') !== '#main' || !document.getElementById('main')) said.push('Tab does not begin with the way to the contents');
  for (const a of document.querySelectorAll('.errors a[href^="#"]')) {
    const field = document.getElementById(decodeURIComponent(a.hash.slice(1)));
    if (!field) said.push(`an error leads nowhere: ${short(a)}`);
  }
  for (const x of document.querySelectorAll('[aria-invalid=true]'))
    if (!(x.getAttribute('aria-describedby') ?? '').split(' ').some((id) => document.getElementById(id)?.textContent.trim()))
      said.push(`a field that is wrong does not say why: ${short(x)}`);
  return said;
};

// Of the pages of both servers; a report and the gallery have other frames.
export const named = (page) => page.evaluate(names);

// What the page is like at its present width.
export async function shape(page, lang) {
  const problems = [], m = await page.evaluate(measure);
  if (m.scroll > 0) problems.push(`scrolls sideways by ${m.scroll} px: ${m.wide.join(', ')}`);
  if (m.lang !== lang || m.dir !== (lang === 'ar' ? 'rtl' : 'ltr')) problems.push(`lang=${m.lang} dir=${m.dir}`);
  if (m.h1 !== 1) problems.push(`${m.h1} h1 elements`);
  return problems.concat(m.small.map((s) => `small target: ${s}`));
}
export const axe = async (page) => (await violations(page)).map((v) =>
  `axe ${v.id}: ${v.nodes.length} x ${v.nodes[0].target.join(' ')} (${v.help})`);

// The conveniences of app.js, where the page has them: problems by the name of what was tried.
export async function interact(browser, url, cookies) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } }), said = [];
  await context.addCookies(cookies);
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
    said.push(['the proof verifies in the browser', good === want[0] ? [] : [good]]);
    said.push(['a changed leaf is found in the browser', bad === want[1] ? [] : [bad]]);
  }
  const rows = page.locator('[data-item]');
  if (await rows.count()) {
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const at = await rows.evaluateAll((all) => all.indexOf(document.activeElement));
    said.push(['j moves along the worklist', at === Math.min(1, (await rows.count()) - 1) ? [] : [`row ${at}`]]);
  }
  await context.close();
  return said;
}

// Without scripts: something is said, and no button that would need them is there.
export async function plain(browser, url, cookies) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 400, height: 900 } });
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto(inLanguage(url, 'fr'));
  const text = (await page.locator('main').textContent()).trim(), button = page.locator('[data-proof] button');
  const hidden = await button.count() && await button.first().isVisible();
  await context.close();
  return text.length > 40 && !hidden ? [] : [text.slice(0, 80)];
}
