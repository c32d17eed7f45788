// SPDX-License-Identifier: Apache-2.0
// What the browser tests share: the tools or a skip, a browser in a profile of its own, numbered tests, what axe says.
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.AMANE_NODE_MODULES ?? path.join(here, '../../.deps/node/');
const require = createRequire(path.join(modules, 'package.json'));
const browserPath = process.env.AMANE_CHROMIUM ?? '/usr/bin/chromium';
const skip = (why) => { console.log(`1..0 # skip ${why}`); process.exit(0); };
let chromium, axeSource;
try {
  ({ chromium } = require('playwright-core'));
  axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
} catch { skip('playwright-core or axe-core is not installed: tools/setup.sh'); }
if (!existsSync(browserPath)) skip('chromium is not installed: tools/setup.sh');

// A browser that writes nowhere but into a profile, removed by its close().
export async function launch() {
  const profile = mkdtempSync(path.join(tmpdir(), 'amane-browser-'));
  const browser = await chromium.launch({ executablePath: browserPath, headless: true, env: { ...process.env, HOME: profile },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--force-color-profile=srgb'] });
  const open = browser.newContext.bind(browser); // half a minute is not enough beside other tests on two cores
  browser.newContext = async (options) => {
    const context = await open(options);
    context.setDefaultTimeout(120000);
    return context;
  };
  return { browser, close: async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  } };
}

// WCAG 2.0 to 2.2 A and AA, and best practice: the violations, as axe gives them.
export async function violations(page) {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axeSource);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return result.violations;
}

let count = 0, failures = 0;
export async function test(name, f) {
  count++;
  try {
    await f();
    console.log(`ok ${count} - ${name}`);
  } catch (e) {
    failures++;
    console.log(`not ok ${count} - ${name}`);
    for (const line of String(e?.message ?? e).split('\n').slice(0, 12)) console.log(`#   ${line}`);
  }
}
export const is = (a, b, what = '') => {
  if (a !== b) throw new Error(`${what} ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
};
export const yes = (a, what) => { if (!a) throw new Error(what); };
export async function accessible(page) {
  is((await violations(page)).map((v) => `${v.id}: ${v.nodes[0].target}`).join('; '), '', 'axe:');
}
// ---- the keyboard alone ----
// Tab until the element has the focus; then where the focus is must be seen: a ring, inside the window.
export async function reach(page, what) {
  const target = await what.first().elementHandle();
  for (let i = 0; i < 400; i++) {
    const ring = await page.evaluate((e) => {
      if (document.activeElement !== e) return null;
      const s = getComputedStyle(e), r = e.getBoundingClientRect();
      return s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2 ? 'no ring around the focus' :
        r.bottom < 0 || r.top > window.innerHeight ? 'the focus is outside the window' : '';
    }, target);
    if (ring !== null) return is(ring, '', String(what));
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${what}`);
}
export async function press(page, what, key = 'Enter') {
  await reach(page, what);
  await page.keyboard.press(key);
}
export async function type(page, what, text) {
  await reach(page, what);
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  if (text) await page.keyboard.insertText(text);
}
// One of a group of radio buttons, or of a list: the arrows change it, Tab enters it once.
export async function choose(page, what, value) {
  const one = what.first(), list = await one.evaluate((e) => e.tagName === 'SELECT');
  const checked = list ? one : page.locator(`[name="${await one.getAttribute('name')}"]:checked`);
  await reach(page, list || !await checked.count() ? one : checked);
  for (let i = 0; i < 60; i++) {
    if (!list && i === 0 && !await checked.count()) await page.keyboard.press('Space');
    if (await checked.inputValue() === value) return;
    await page.keyboard.press('ArrowDown');
  }
  throw new Error(`the arrows do not lead to ${value}`);
}
export function finish() {
  console.log(`1..${count}`);
  process.exit(failures ? 1 : 0);
}
export async function login(page, world, name, query = '') {
  await page.goto(`${world.url}/login${query}`);
  await page.fill('[name=user]', name);
  await page.fill('[name=password]', world.accounts[name]);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
}
