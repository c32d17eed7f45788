// SPDX-License-Identifier: Apache-2.0
// fhir-kit-client, unmodified, at a node's FHIR interface: fhir.mjs TOOLS BASE [PEM]. With PEM it logs in first. Prints TAP.
import { pathToFileURL } from 'node:url';
import { done, login, ok, refused } from './tap.mjs';

const [tools, base, pem] = process.argv.slice(2);
const { Client, CapabilityTool } = await import(pathToFileURL(tools + '/node_modules/fhir-kit-client/dist/index.js'));
const client = new Client({ baseUrl: base });
const resourceType = 'Patient';
if (pem) {
  ok((await refused(() => client.search({ resourceType, searchParams: {} }))).status === 401, 'without a token it is refused');
  const { tokenUrl } = await client.smartAuthMetadata();
  client.bearerToken = await login(tools, String(tokenUrl), pem, 'RS384');
}
const capability = new CapabilityTool(await client.capabilityStatement());
ok(['create', 'read', 'vread', 'update', 'patch', 'delete', 'history-type', 'search-type'].every((i) => capability.resourceCan(resourceType, i)) &&
  capability.serverCan('transaction') && capability.resourceSearch(resourceType, 'birthdate'), 'it finds every interaction in the CapabilityStatement');

const body = { resourceType, identifier: [{ system: 'urn:oid:1.2.3', value: 'K1' }], name: [{ family: 'Alami' }], birthDate: '1970-05-01' };
const made = await client.create({ resourceType, body });
const id = made.id;
ok(Client.httpFor(made).response.status === 201 && made.meta.versionId === '1', 'creates');
const once = await client.create({ resourceType, body, options: { headers: { 'If-None-Exist': 'identifier=urn:oid:1.2.3|K1' } } });
ok(Client.httpFor(once).response.status === 200 && once.id === id, 'creates on a condition, and makes no second');
ok((await client.read({ resourceType, id })).birthDate === '1970-05-01', 'reads');
await client.update({ resourceType, id, body: { ...made, gender: 'male' }, options: { headers: { 'If-Match': 'W/"1"' } } });
ok((await client.vread({ resourceType, id, version: '2' })).gender === 'male', 'updates the version it knew, and reads a version');
const late = await refused(() => client.update({ resourceType, id, body: made, options: { headers: { 'If-Match': 'W/"1"' } } }));
ok(late.status === 412 && late.why, 'is refused, with a reason, for a version that is no more');
const found = await client.update({ resourceType, searchParams: { identifier: 'urn:oid:1.2.3|K1' }, body: { ...body, active: true } });
ok(found.id === id && found.meta.versionId === '3', 'updates on a condition');
const patched = await client.patch({ resourceType, id, jsonPatch: [{ op: 'add', path: '/gender', value: 'female' }] });
ok(patched.gender === 'female', 'patches');
ok((await client.resourceHistory({ resourceType, id })).entry.length === 4 && (await client.typeHistory({ resourceType })).entry.length === 4 &&
  (await client.systemHistory()).entry.length === 4, 'reads histories');
const told = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [1, 2, 3].map((value) => ({
  resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${id}` }, valueInteger: value },
  request: { method: 'POST', url: 'Observation' } })) } });
ok(told.entry.every((e) => e.response.status.startsWith('201')), 'sends a transaction');
const none = await refused(() => client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [
  { resource: { ...body, name: [{ family: 'Half' }] }, request: { method: 'POST', url: 'Patient' } },
  { resource: { resourceType: 'Observation', subject: { reference: `Patient/${id}` } }, request: { method: 'POST', url: 'Observation' } }] } }));
ok(none.status === 422 && none.why && (await client.search({ resourceType, searchParams: { family: 'Half' } })).total === 0,
  'a transaction with one bad entry writes nothing');
const page = await client.search({ resourceType: 'Observation', searchParams: { subject: `Patient/${id}`, _count: 2, _include: 'Observation:subject' } });
const next = await client.nextPage({ bundle: page });
ok(page.total === 3 && page.entry.length === 3 && next.entry.length === 2 && !client.nextPage({ bundle: next }), 'searches, and turns the page');
ok((await client.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType, id } })).total === 3, 'searches a compartment');
ok((await client.resourceSearch({ resourceType, searchParams: { birthdate: ['ge1970', 'lt1971'] }, options: { postSearch: true } })).total === 1,
  'searches by POST');
const all = await client.operation({ name: '$everything', resourceType, id, method: 'GET' });
ok(all.entry.length === 4 && all.entry[0].resource.id === id, 'asks $everything');
const outcome = await client.operation({ name: '$validate', resourceType, input: { resourceType, gender: 'F' } });
ok(outcome.issue[0].severity === 'error', 'asks $validate');
ok(await client.resolve({ reference: `Patient/${id}` }).then((p) => p.id === id), 'resolves a reference');
await client.delete({ resourceType, id });
ok((await refused(() => client.read({ resourceType, id }))).status === 410, 'deletes, and is told so');
const misspelt = await refused(() => client.search({ resourceType, searchParams: { famly: 'x' } }));
ok(misspelt.status === 400 && misspelt.why.includes('famly'), 'is told of a misspelt parameter');
const wrong = await refused(() => client.create({ resourceType, body: { ...body, gender: 'F' } }));
ok(wrong.status === 422 && wrong.why.includes('Patient.gender'), 'is told what is wrong with a resource');
done();
