// SPDX-License-Identifier: Apache-2.0
// The path of D3 by four people in four browsers, by the keyboard alone: roles.mjs WORLD.json   Prints TAP.
//   WORLD.json: made by test/support/ward.py. Secretary and laboratory have no scripts, nurse and physician have; with AMANE_ROLES=whole
//   the path is gone twice, with scripts and without, and the languages change places.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { accessible, choose, finish, here, is, launch, press, test, type, yes } from './kit.mjs';

const world = JSON.parse(readFileSync(process.argv[2], 'utf8')), out = path.join(here, 'output');
mkdirSync(out, { recursive: true });
const { browser, close } = await launch();
const photographed = new Set(['patient', 'patient-review', 'appointment-written', 'vitals-review', 'diagnosis-choice', 'prescription-written']);
const secrets = []; // what may not be in the server's log
async function person(name, lang, scripts) {
  const context = await browser.newContext({ locale: lang, reducedMotion: 'reduce', viewport: { width: 320, height: 800 }, javaScriptEnabled: scripts });
  const page = await context.newPage();
  let heaviest = 0;
  page.on('response', async (r) => {
    if (r.request().resourceType() === 'document' && r.status() === 200) heaviest = Math.max(heaviest, (await r.body().catch(() => '')).length);
  });
  await page.goto(`${world.url}/login?lang=${lang}`);
  await type(page, page.locator('[name=user]'), name);
  await type(page, page.locator('[name=password]'), world.accounts[name]);
  await page.keyboard.press('Enter');
  await page.waitForURL((u) => u.pathname !== '/login');
  const go = (link) => Promise.all([page.waitForNavigation(), press(page, link)]);
  return { page, go, lang, scripts, weight: () => heaviest, close: () => context.close(),
    at: (css) => page.locator(css), text: () => page.locator('main').innerText(),
    fill: async (values) => {
      for (const [field, value] of Object.entries(values)) {
        const it = page.locator(`main form [name=${field}]`);
        await (await it.evaluate((e) => e.tagName === 'SELECT') ? choose(page, it, value) : type(page, it, value));
      }
    },
    looks: async (what) => {
      is(await page.locator('html').getAttribute('lang'), lang);
      is(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0, `${what} scrolls sideways by`);
      is(await page.locator('h1').count(), 1, 'titles');
      if (!photographed.has(what)) return; // pictures and axe take their time
      await page.screenshot({ path: path.join(out, `roles-${lang}-${what}.png`), fullPage: true });
      if (scripts) await accessible(page);
    },
    // Filled in, read again, written; what is unusual is ticked when `sure`.
    enter: async function enter(what, values, sure) {
      await this.fill(values);
      await go(page.locator('button[value=check]'));
      await this.looks(`${what}-review`);
      is(await page.locator('[name=sure]').count(), sure ? 1 : 0, `${what}: ${await this.text()}`);
      if (sure) await press(page, page.locator('[name=sure]'), 'Space');
      await go(page.locator('button[value=write]'));
      await this.looks(`${what}-written`);
      yes(page.url().includes('saved='), `${what} is not written: ${await this.text()}`);
    } };
}

async function story(who, word, scripts, langs) {
  const people = [];
  let file;
  const come = async (name, lang) => {
    const p = await person(name, lang, scripts[people.length]);
    people.push(p);
    return p;
  };
  const find = async (p, name) => {
    await p.go(p.at('header a[href="/patients"]'));
    await type(p.page, p.at('[name=name]'), name);
    await Promise.all([p.page.waitForNavigation(), p.page.keyboard.press('Enter')]);
    await p.go(p.at(`a[href="${file}"]`));
  };
  secrets.push(who.family, who.given, who.family_ar, who.given_ar, who.cin, who.ipp, who.phone, who.street);

  await test(`${word}: the secretary enters the patient, his stay and an appointment`, async () => {
    const p = await come('secretaire', langs[0]);
    await p.go(p.at('header a[href="/patients"]'));
    await p.go(p.at('a[href="/new-patient"]'));
    await p.looks('patient');
    await p.enter('patient', who, false);
    file = new URL(p.page.url()).pathname.replace('/identity', '');
    is(await p.at('[name=family_ar]').inputValue(), who.family_ar, 'read back');
    await p.go(p.at(`a[href="${file}/stay"]`));
    await p.enter('stay', { service: 'med', stay: 'AMB' }, false);
    await p.go(p.at(`a[href="${file}/appointments"]`));
    await p.go(p.at(`a[href="${file}/book"]`));
    await p.enter('appointment', { who: 'Bennis', visit: 'FOLLOWUP' }, false);
    yes((await p.text()).includes('Dr Bennis Leila'), 'with whom');
  });
  await test(`${word}: the nurse finds him in the other script and measures`, async () => {
    const p = await come('infirmiere', langs[1]);
    await find(p, langs[1] === 'ar' ? who.given_ar : who.given);
    await p.go(p.at(`a[href="${file}/vitals"]`));
    await p.looks('vitals');
    await p.enter('vitals', { systolic: '145', diastolic: '92', glucose: '1,85' }, false);
    for (const what of ['145/92', '1,85']) yes((await p.text()).includes(what), what);
  });
  await test(`${word}: the laboratory enters the coded result`, async () => {
    const p = await come('labo', langs[2]);
    await find(p, who.family);
    await p.go(p.at(`a[href="${file}/lab"]`));
    await p.enter('result', { exam: '4548-4', figure: '8,1', low: '4,0', high: '6,0' }, false);
    yes(/8[.,]1/.test(await p.text()), 'read back');
  });
  await test(`${word}: the physician records the coded diagnosis and prescribes`, async () => {
    const p = await come('medecin', langs[3]);
    await find(p, who.family);
    await p.go(p.at(`a[href="${file}/diagnosis"]`));
    await p.fill({ words: 'diabetes', certainty: 'confirmed' });
    await p.go(p.at('button[value=check]'));
    await p.looks('diagnosis-choice');
    await p.enter('diagnosis', { code: '44054006' }, false);
    await p.go(p.at(`nav a[href="${file}/prescribe"]`));
    await p.fill({ drug: 'Metformine 500 mg', dose: '1', dose_unit: 'tablet', times: '2', days: '30', route: 'oral' });
    await p.go(p.at('button[value=check]'));
    await p.enter('prescription', { drug_code: 'A10BA02' }, false);
  });
  await test(`${word}: the chart holds SNOMED CT 44054006 and LOINC 4548-4, in French and in Arabic`, async () => {
    const p = people[3];
    const says = { fr: ['Diabète de type 2', 'HbA1c', '8,1', 'Metformine 500 mg', '145/92'], ar: ['السكري من النوع الثاني', '8,1', 'Metformine 500 mg', '145/92'] };
    for (const lang of ['fr', 'ar']) {
      await p.page.goto(`${world.url}${file}?lang=${lang}`);
      p.lang = lang;
      is(await p.page.locator('html').getAttribute('lang'), lang);
      const text = await p.text();
      for (const what of says[lang]) yes(text.includes(what), `no ${what} in ${text}`);
    }
    const id = file.split('/').pop();
    for (const [type, code] of [['Condition', 'http://snomed.info/sct|44054006'], ['Observation', 'http://loinc.org|4548-4'],
      ['MedicationRequest', 'http://www.whocc.no/atc|A10BA02']]) {
      const reply = await p.page.request.get(`${world.url}/fhir/${type}?patient=Patient/${id}&code=${encodeURIComponent(code)}`);
      is((await reply.json()).total, 1, `${type} ${code}`);
    }
  });
  await test(`${word}: the secretary sees nothing of it, and no page weighs more than 60 kB`, async () => {
    const p = people[0];
    await p.page.goto(world.url + file);
    const text = await p.page.content();
    for (const what of ['44054006', '4548-4', 'Diab', 'السكري', 'Metformine', '145/92', '8,1']) yes(!text.includes(what), `the secretary reads ${what}`);
    is((await p.page.goto(`${world.url}${file}/results`)).status(), 403);
    for (const one of people) yes(one.weight() > 1000 && one.weight() <= 60000, `a page weighs ${one.weight()}`);
  });
  for (const p of people) await p.close();
}
const mehdi = { family: 'Zniberson', given: 'Mehdi', family_ar: 'زنيبرسون', given_ar: 'المهدي', born: '1971-05-06', gender: 'male', ipp: 'X900411', cin: 'BK770177',
  cnss: '987654321', phone: '0661998877', street: '7 rue Ibn Tofail', city: 'Agadir', province: 'AGD' };
const tiziri = { family: 'Oubihison', given: 'Tiziri', family_ar: 'أوبيهيسون', given_ar: 'تيزيري', born: '1988-11-23', gender: 'female', ipp: 'X900412', cin: 'JB660166',
  cnss: '987654322', phone: '0661998866', street: '9 rue Ibn Batouta', city: 'Agadir', province: 'AGD' };
if (process.env.AMANE_ROLES === 'whole') {
  await story(mehdi, 'with scripts', [true, true, true, true], ['fr', 'ar', 'en', 'fr']);
  await story(tiziri, 'without scripts', [false, false, false, false], ['ar', 'fr', 'en', 'ar']);
} else await story(mehdi, 'D3', [false, true, false, true], ['fr', 'ar', 'en', 'fr']);
await test('the log of the server holds nothing of these patients', async () => {
  const log = readFileSync(path.join(world.dir, 'log'), 'utf8');
  yes(log.length > 0, 'the log is empty');
  for (const what of secrets) yes(!log.includes(what) && !log.includes(encodeURIComponent(what)), `${what} is in the log`);
});
await close();
finish();
