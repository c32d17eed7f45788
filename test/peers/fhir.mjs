// SPDX-License-Identifier: Apache-2.0
// fhir-kit-client, unmodified, at a node's FHIR interface: fhir.mjs TOOLS BASE. Prints TAP.
import { pathToFileURL } from 'node:url';

const [tools, base] = process.argv.slice(2);
const { Client, CapabilityTool } = await import(pathToFileURL(tools + '/node_modules/fhir-kit-client/dist/index.js'));
const client = new Client({ baseUrl: base });
let n = 0;
let bad = 0;
const ok = (good, name) => {
  console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${name}`);
  bad |= !good;
};
const status = async (call) => {
  try {
    await call();
    return 0;
  } catch (e) {
    return e.response?.status ?? -1;
  }
};
const capability = new CapabilityTool(await client.capabilityStatement());
ok(['create', 'read', 'vread', 'update', 'patch', 'delete', 'history-type', 'search-type'].every((i) => capability.resourceCan('Patient', i)) &&
  capability.serverCan('transaction') && capability.resourceSearch('Patient', 'birthdate'), 'it finds every interaction in the CapabilityStatement');
const made = await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: 'Alami' }], birthDate: '1970-05-01' } });
ok(Client.httpFor(made).response.status === 201 && made.meta.versionId === '1', 'creates');
ok((await client.read({ resourceType: 'Patient', id: made.id })).birthDate === '1970-05-01', 'reads');
await client.update({ resourceType: 'Patient', id: made.id, body: { ...made, gender: 'male' } });
ok((await client.vread({ resourceType: 'Patient', id: made.id, version: '2' })).gender === 'male', 'updates, and reads a version');
const patched = await client.patch({ resourceType: 'Patient', id: made.id, jsonPatch: [{ op: 'replace', path: '/gender', value: 'female' }] });
ok(patched.gender === 'female', 'patches');
ok((await client.resourceHistory({ resourceType: 'Patient', id: made.id })).entry.length === 3, 'reads a history');
const told = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry: [1, 2, 3].map((value) => ({
  resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${made.id}` }, valueInteger: value },
  request: { method: 'POST', url: 'Observation' } })) } });
ok(told.entry.every((e) => e.response.status.startsWith('201')), 'sends a transaction');
const page = await client.search({ resourceType: 'Observation', searchParams: { subject: `Patient/${made.id}`, _count: 2, _include: 'Observation:subject' } });
const next = await client.nextPage({ bundle: page });
ok(page.total === 3 && page.entry.length === 3 && next.entry.length === 2, 'searches, and turns the page');
ok((await client.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id: made.id } })).total === 3, 'searches a compartment');
ok((await client.resourceSearch({ resourceType: 'Patient', searchParams: { birthdate: ['ge1970', 'lt1971'] }, options: { postSearch: true } })).total === 1,
  'searches by POST');
const outcome = await client.operation({ name: '$validate', resourceType: 'Patient', input: { resourceType: 'Patient', gender: 'F' } });
ok(outcome.issue[0].severity === 'error', 'asks $validate');
ok(await client.resolve({ reference: `Patient/${made.id}` }).then((p) => p.id === made.id), 'resolves a reference');
await client.delete({ resourceType: 'Patient', id: made.id });
ok(await status(() => client.read({ resourceType: 'Patient', id: made.id })) === 410, 'deletes, and is told so');
ok(await status(() => client.search({ resourceType: 'Patient', searchParams: { famly: 'x' } })) === 400, 'is told of a misspelt parameter');
console.log(`1..${n}`);
process.exit(bad);
