// SPDX-License-Identifier: Apache-2.0
// fhirclient (SMART), unmodified, at a node's FHIR interface: fhirclient.mjs TOOLS BASE [PEM]. With PEM it logs in first. Prints TAP.
import { createRequire } from 'node:module';
import { done, login, ok, refused } from './tap.mjs';

const [tools, base, pem] = process.argv.slice(2);
const { FhirClient } = createRequire(tools + '/package.json')('fhirclient');
const smart = createRequire(tools + '/package.json')('fhirclient');
const state = { serverUrl: base };
if (pem) {
  ok((await refused(() => new FhirClient(base).fhirRequest('Patient'))).status === 401, 'without a token it is refused');
  const found = await (await fetch(`${base}/.well-known/smart-configuration`)).json();
  state.tokenResponse = { access_token: await login(tools, found.token_endpoint, pem, 'ES384') };
}
const client = smart({ headers: {}, socket: {} }, {}).client(state);
ok(await client.getFhirRelease() === 4, 'it finds FHIR R4');

const body = { resourceType: 'Patient', identifier: [{ system: 'urn:oid:1.2.3', value: 'F1' }], name: [{ family: 'Bennani' }], birthDate: '1980-01-02' };
const made = await client.create(body);
const url = `Patient/${made.id}`;
ok(made.meta.versionId === '1', 'creates');
const once = await client.create(body, { headers: { 'If-None-Exist': 'identifier=urn:oid:1.2.3|F1', 'content-type': 'application/fhir+json' }, includeResponse: true });
ok(once.response.status === 200 && once.body.id === made.id, 'creates on a condition, and makes no second');
ok((await client.request(url)).birthDate === '1980-01-02', 'reads');
ok((await client.update({ ...made, gender: 'male' }, { headers: { 'If-Match': 'W/"1"' } })).meta.versionId === '2', 'updates the version it knew');
const late = await refused(() => client.update(made, { headers: { 'If-Match': 'W/"1"' } }));
ok(late.status === 412 && late.why, 'is refused, with a reason, for a version that is no more');
ok((await client.patch(url, [{ op: 'replace', path: '/gender', value: 'female' }])).gender === 'female', 'patches');
ok((await client.request(`${url}/_history`)).entry.length === 3, 'reads a history');
const told = await client.request({ url: '', method: 'POST', headers: { 'content-type': 'application/fhir+json' }, body: JSON.stringify({
  resourceType: 'Bundle', type: 'transaction', entry: [1, 2, 3].map((value) => ({
    resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: url }, valueInteger: value },
    request: { method: 'POST', url: 'Observation' } })) }) });
ok(told.entry.every((e) => e.response.status.startsWith('201')), 'sends a transaction');
const pages = await client.request(`Observation?subject=${url}&_count=2`, { pageLimit: 0 });
ok(pages.length === 2 && pages[0].entry.length === 2 && pages[1].entry.length === 1, 'turns the pages of a search');
const rows = [];
for await (const r of client.resources(`Observation?subject=${url}&_count=1`)) rows.push(r.valueInteger);
ok(rows.sort().join() === '1,2,3', 'walks through what a search finds');
const graph = await client.request(`Observation?subject=${url}`, { flat: true, resolveReferences: ['subject'] });
ok(graph.length === 3 && graph.every((o) => o.subject.id === made.id), 'resolves references to what they mean');
ok((await client.request(`${url}/$everything`, { flat: true })).length === 4, 'asks $everything');
await client.delete(url);
ok((await refused(() => client.request(url))).status === 410, 'deletes, and is told so');
const misspelt = await refused(() => client.request('Patient?famly=x'));
ok(misspelt.status === 400 && misspelt.why.includes('famly'), 'is told of a misspelt parameter');
const wrong = await refused(() => client.create({ ...body, gender: 'F' }));
ok(wrong.status === 422 && wrong.why.includes('Patient.gender'), 'is told what is wrong with a resource');
done();
