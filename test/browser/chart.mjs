// SPDX-License-Identifier: Apache-2.0
// A physician at the pages of the warehouse: chart.mjs WORLD.json   Prints TAP.
//   WORLD.json: made by test/support/ward.py. In Arabic with the keyboard alone at 320 px; in French without scripts.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { accessible, finish, here, is, launch, press, test, type, yes } from './kit.mjs';

const world = JSON.parse(readFileSync(process.argv[2], 'utf8')), out = path.join(here, 'output');
mkdirSync(out, { recursive: true });
const { browser, close } = await launch();
async function person(name, lang, options) {
  const context = await browser.newContext({ locale: lang, reducedMotion: 'reduce', viewport: { width: 320, height: 800 }, ...options });
  const page = await context.newPage();
  await page.goto(`${world.url}/login?lang=${lang}`);
  await type(page, page.locator('[name=user]'), name);
  await type(page, page.locator('[name=password]'), world.accounts[name]);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
  return page;
}
async function looks(page, name, lang) {
  await page.screenshot({ path: path.join(out, `chart-${name}.png`), fullPage: true });
  is(await page.locator('html').getAttribute('lang'), lang);
  is(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, 'scrolls sideways by');
  is(await page.locator('h1').count(), 1, 'titles');
}
const go = (page, link) => Promise.all([page.waitForNavigation(), press(page, link)]);

const ar = await person('medecin', 'ar');
await test('in Arabic, by the keyboard, a name finds the patient entered in both scripts', async () => {
  await go(ar, ar.locator('header a[href="/patients"]'));
  await looks(ar, '1-search', 'ar');
  await accessible(ar);
  await type(ar, ar.locator('[name=name]'), 'خديجة');
  await Promise.all([ar.waitForNavigation(), ar.keyboard.press('Enter')]);
  is(await ar.locator('tbody tr').count(), 1, 'found');
  await looks(ar, '2-found', 'ar');
  await accessible(ar);
});
await test('her chart says what matters, and opens the curve', async () => {
  await go(ar, ar.locator('a[href="/patients/khadija"]'));
  await looks(ar, '3-chart', 'ar');
  await accessible(ar);
  const text = await ar.locator('main').innerText();
  for (const what of ['السكري من النوع الثاني', 'Pénicilline', 'Metformine', '6,5', '138/82']) yes(text.includes(what), `no ${what}`);
  await go(ar, ar.locator('a[href*="4548-4"]'));
  await looks(ar, '4-curve', 'ar');
  await accessible(ar);
  is(await ar.locator('figure svg title').count(), 1, 'title');
  is(await ar.locator('tbody tr').count(), 6, 'rows behind the curve');
  is(await ar.locator('svg[direction=ltr]').count(), 1, 'time from left to right');
});
await test('a patient who is not hers takes a reason, which stands above the file and can be ended', async () => {
  await ar.goto(`${world.url}/patients/omar`);
  await accessible(ar);
  await go(ar, ar.locator('main a[href="/break-glass"]'));
  await type(ar, ar.locator('[name=identifier]'), '100777');
  await type(ar, ar.locator('[name=reason]'), 'لا');
  await go(ar, ar.locator('form.f button'));
  await type(ar, ar.locator('[name=reason]'), '');
  await go(ar, ar.locator('form.f button'));
  is(await ar.locator('[name=identifier]').inputValue(), '100777', 'kept');
  await looks(ar, '5-glass-wrong', 'ar');
  await accessible(ar);
  await type(ar, ar.locator('[name=reason]'), 'توقف القلب في الممر');
  await go(ar, ar.locator('form.f button'));
  is(new URL(ar.url()).pathname, '/patients/omar');
  await looks(ar, '6-glass', 'ar');
  await accessible(ar);
  await go(ar, ar.locator('form[action$="/glass-end"] button'));
  is((await ar.goto(`${world.url}/patients/omar`)).status(), 404, 'after the end');
});
await test('in French, without scripts, the same pages; first visits stay light', async () => {
  const fr = await person('infirmiere', 'fr', { javaScriptEnabled: false, viewport: { width: 1100, height: 800 } });
  for (const where of ['/patients?name=Khadidja', '/patients/khadija', '/patients/khadija/results', '/patients/hostile']) {
    const reply = await fr.goto(world.url + where);
    is(reply.status(), 200, where);
    yes((await reply.body()).length < 15000 * 2, `${where} weighs ${(await reply.body()).length}`);
    yes(!/<(script>|svg on)/.test(await reply.text()), `${where}: a text became markup`);
  }
  await fr.goto(`${world.url}/patients?name=Khadidja`);
  await fr.locator('a[href="/patients/khadija"]').click();
  yes((await fr.locator('main').innerText()).includes('Diabète de type 2'), 'the diagnosis');
});
await test('a nurse enters vital signs by the keyboard, without scripts: shown, then written once', async () => {
  const nurse = await person('infirmiere', 'ar', { javaScriptEnabled: false });
  await nurse.goto(`${world.url}/patients/khadija`);
  await go(nurse, nurse.locator('a[href="/patients/khadija/vitals"]'));
  await looks(nurse, '7-vitals', 'ar');
  await type(nurse, nurse.locator('[name=pulse]'), '7000');
  await type(nurse, nurse.locator('[name=temperature]'), '٣٧٫٢');
  await go(nurse, nurse.locator('button[value=check]'));
  await looks(nurse, '8-vitals-wrong', 'ar');
  is(await nurse.locator('[name=pulse]').getAttribute('aria-invalid'), 'true');
  await nurse.locator('[name=pulse]').fill('160');
  await go(nurse, nurse.locator('button[value=check]'));
  await looks(nurse, '9-vitals-review', 'ar');
  await nurse.locator('[name=sure]').check();
  await go(nurse, nurse.locator('button[value=write]'));
  await looks(nurse, '10-vitals-saved', 'ar');
  yes((await nurse.locator('main').innerText()).includes('160'), 'read back');
  await nurse.goto(`${world.url}/patients/khadija/results`);
  yes((await nurse.locator('main').innerText()).includes('37,2'), 'among the results');
});
await test('the pages that enter pass axe, and a laboratory sees its own', async () => {
  const lab = await person('labo', 'fr', { viewport: { width: 1100, height: 800 } });
  await lab.goto(`${world.url}/patients/khadija/lab`);
  await accessible(lab);
  await go(lab, lab.locator('button[value=check]'));
  await looks(lab, '11-lab-wrong', 'fr');
  await accessible(lab);
  await lab.locator('[name=exam]').selectOption('4548-4');
  await lab.locator('[name=figure]').fill('6,5');
  await lab.locator('[name=low]').fill('4,0');
  await lab.locator('[name=high]').fill('6,0');
  await go(lab, lab.locator('button[value=check]'));
  await looks(lab, '12-lab-review', 'fr');
  await accessible(lab);
});
await test('who has no patients is told so', async () => {
  const it = await person('informatique', 'fr');
  is((await it.goto(`${world.url}/patients`)).status(), 403);
  await accessible(it);
});
await close();
finish();
