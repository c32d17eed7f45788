// SPDX-License-Identifier: Apache-2.0
// The demo performed by a client that others' generator made from our OpenAPI documents:
//   client.mjs CLIENTS TOLD WORLD [RECORD]
//
// CLIENTS: registry/ and node/, generated and compiled. TOLD: the data folder of a demo that ran to its end: what
// was said there (records, files). WORLD: the folder of a demo stopped once its servers and keys are up. Every
// statement of TOLD by an actor is made again here (new dates, new digests), signed with WORLD's key of the same
// actor by node:crypto, and submitted through the generated client; then a prediction is asked for, accepted,
// proved, and the model stopped. Nothing of Amane's code signs or sends. Prints TAP. RECORD: a file for every
// exchange, a line of JSON each, as `amane demo --record` writes them.
import { createHash, createPublicKey, sign } from 'node:crypto';
import { appendFileSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const [clients, told, world, record] = process.argv.slice(2);
const need = createRequire(clients + '/');
const registry = need('./registry/index.js');
const node = need('./node/index.js');
const { client: registryClient } = need('./registry/client.gen.js');
const { client: nodeClient } = need('./node/client.gen.js');

if (record) {
  const send = globalThis.fetch;
  globalThis.fetch = async (to, options) => {
    const request = new Request(to, options);
    const sent = Buffer.from(await request.clone().arrayBuffer());
    const reply = await send(request);
    const got = Buffer.from(await reply.clone().arrayBuffer());
    const body = (key, b) => ({ [key + '_n']: b.length, ...('{['.includes(String.fromCharCode(b[0])) && { [key]: b.toString() }) });
    appendFileSync(record, JSON.stringify({ method: request.method, url: request.url, request_type: request.headers.get('content-type'),
      ...body('request', sent), status: reply.status, type: reply.headers.get('content-type'), ...body('response', got) }) + '\n');
    return reply;
  };
}

let n = 0;
let bad = 0;
const ok = (good, text) => {
  console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${text}`);
  if (!good) bad = 1;
  return good;
};
const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const read = (path) => readFileSync(path, 'utf8');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
// RFC 8785: members sorted by UTF-16, numbers and strings as ECMAScript prints them.
const jcs = (v) => {
  if (Array.isArray(v)) return '[' + v.map(jcs).join(',') + ']';
  if (v && typeof v === 'object')
    return '{' + Object.keys(v).sort().map((k) => JSON.stringify(k) + ':' + jcs(v[k])).join(',') + '}';
  return JSON.stringify(v);
};

const there = JSON.parse(read(told + '/world.json'));
const here = JSON.parse(read(world + '/world.json'));
const actors = {}; // key id in TOLD -> name
for (const f of readdirSync(told + '/actors'))
  if (f.endsWith('.key.pub'))
    actors[sha256(createPublicKey(read(`${told}/actors/${f}`)).export({ type: 'spki', format: 'der' }))] = f.slice(0, -8);
const keyOf = (name) => read(`${world}/actors/${name}.key`);
const keyId = (name) => sha256(createPublicKey(keyOf(name)).export({ type: 'spki', format: 'der' }));

registryClient.setConfig({ baseUrl: here.registry.url });

// ---- statements of TOLD, oldest first
function* statements() {
  const copy = told + '/copy';
  const size = Number(read(copy + '/log/checkpoint').split('\n')[1]);
  const blob = (hex) => readFileSync(`${copy}/blobs/sha256/${hex.slice(0, 2)}/${hex.slice(2)}`);
  for (let tile = 0; tile * 256 < size; tile++) {
    const width = Math.min(256, size - tile * 256);
    const data = readFileSync(`${copy}/log/tile/entries/${String(tile).padStart(3, '0')}${width < 256 ? '.p/' + width : ''}`);
    for (let at = 0; at < data.length; ) {
      const length = data.readUInt16BE(at);
      const spec = JSON.parse(data.subarray(at + 2, at + 2 + length)).spec.dsseV002;
      const digest = Buffer.from(spec.payloadHash.digest, 'base64').toString('hex');
      const signer = sha256(Buffer.from(spec.signatures[0].verifier.publicKey.rawBytes, 'base64'));
      yield { digest, signer: actors[signer], payload: JSON.parse(blob(digest)) };
      at += 2 + length;
    }
  }
}

const kindOf = (s) =>
  s.predicateType.includes('test-result') ? 'Evidence'
  : s.predicateType.includes('verification_summary') ? 'Decisions'
  : { algorithm: 'Algorithms', version: 'Versions', deployment: 'Deployments', event: 'Events' }[s.predicateType.match(/\/(\w+)\/v1$/)[1]];
const recordOf = (s) => s.predicate.amane_record ?? s.predicate;

// ---- said again
const now = {}; // what was called so there -> what it is called here
const again = (v) => JSON.parse(JSON.stringify(v).replace(/MA-IA-[A-Z0-9]{6}-[A-Z2-7]{10}-[A-Z0-9]|[0-9a-f]{64}/g, (x) => now[x] ?? x));
for (const [id, name] of Object.entries(actors)) now[id] = keyId(name);
const made = {}; // payload there -> bytes here: k signers sign the same bytes
function remake(s, digest) {
  if (made[digest]) return made[digest];
  const old = recordOf(s);
  const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  let next = again(s);
  if (next.predicate.amane_record) next = JSON.parse(JSON.stringify(next).replaceAll(old.issued_at, at));
  const record = recordOf(next);
  record.issued_at = at;
  delete record.fhir_twin; // it follows from the record, date included: the registry makes it
  if (record.model_signature) { // the same files, signed by the vendor of here
    const e = record.model_signature.dsseEnvelope;
    e.signatures[0].sig = envelope(Buffer.from(e.payload, 'base64'), 'vendor').signatures[0].sig;
  }
  now[sha256(jcs(old))] = sha256(jcs(record));
  if (/\/(algorithm|event)\/v1$/.test(next.predicateType)) next.subject[0].digest.sha256 = sha256(jcs(record));
  made[digest] = Buffer.from(jcs(next));
  now[digest] = sha256(made[digest]);
  return made[digest];
}
function envelope(payload, name) {
  const type = 'application/vnd.in-toto+json';
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  return { payload: payload.toString('base64'), payloadType: type,
    signatures: [{ keyid: keyId(name), sig: sign('sha256', pae, keyOf(name)).toString('base64') }] };
}

async function say(s) {
  const body = envelope(remake(s.payload, s.digest), s.signer);
  const r = await registry['submit' + kindOf(s.payload)]({ body });
  if (!r.data) console.log('# ' + JSON.stringify(r.error).slice(0, 600));
  return r.data;
}

async function main() {
  const keys = await registry.keys();
  ok(keys.data?.items.some((k) => k.key_id === keyId('vendor')), 'keys: the directory holds the vendor');
  const vendor = await registry.sessionOpen({ body: { login: 'vendeur', password: 'demo-demo-demo' } });
  ok(vendor.data?.token?.length > 20, 'the vendor signs in');
  registryClient.setConfig({ baseUrl: here.registry.url, auth: () => vendor.data.token });
  const id = await registry.algorithmId({ body: { org6: 'DEMOAI' } });
  ok(/^MA-IA-DEMOAI-/.test(id.data?.algorithm_id ?? ''), 'an identifier is given');
  now[there.algorithm_id] = id.data.algorithm_id;

  let files = 0;
  const folder = told + '/registry/blobs/sha256';
  for (const two of readdirSync(folder))
    for (const rest of readdirSync(`${folder}/${two}`)) {
      const r = await registry.blobPut({ path: { sha256: two + rest }, body: new Blob([readFileSync(`${folder}/${two}/${rest}`)]) });
      files += r.response.ok;
    }
  ok(files > 0, `${files} files are uploaded under their digests`);
  const refused = await registry.blobPut({ path: { sha256: '0'.repeat(64) }, body: new Blob(['x']) });
  ok(refused.response.status === 422 && refused.error.problems.length === 1, 'a file under another digest is refused, with its problem');

  const count = {};
  let stop;
  for (const s of statements()) {
    const record = recordOf(s.payload);
    if (!s.signer || record.type === 'genesis' || record.type === 'key_grant') continue;
    if (record.type === 'stop') { stop = s; continue; }
    if (stop) continue; // what came after it is the node's to say
    const kind = record.type ?? kindOf(s.payload).toLowerCase();
    const receipt = await say(s);
    (count[kind] ??= []).push(receipt?.effect ?? 'refused');
  }
  for (const [kind, effects] of Object.entries(count))
    ok(effects.every((e) => e !== 'refused' && e !== 'no_effect'), `${kind}: ${effects.length} signed and submitted (${effects.join(', ')})`);
  for (const kind of ['algorithms', 'versions', 'evidence', 'decisions', 'deployments'])
    if (!count[kind]) ok(false, kind + ' was among them');

  const list = await registry.versions({ query: { q: 'diabète', level: ['base'] } });
  ok(list.data?.total === 1 && list.data.items[0].state === 'labelled', 'the register finds the labelled version');
  if (!list.data?.total) throw new Error('no version to go on with');
  const model = list.data.items[0].model_digest;
  let proof;
  for (let i = 0; i < 100 && !(proof?.data?.decision); i++) {
    proof = await registry.versionProof({ path: { digest: model } });
    if (!proof.data?.decision) await sleep(200);
  }
  ok(proof.data?.decision?.bundle.mediaType.endsWith('v0.3+json'), 'its decision is proved');
  const deployments = await registry.deployments({ query: { model } });
  ok(deployments.data?.items.length > 0, 'it is deployed: ' + deployments.data?.items.map((d) => d.phase).join(', '));

  // ---- the ward
  const place = here.nodes[0];
  nodeClient.setConfig({ baseUrl: place.url });
  const session = await node.sessionOpen({ body: { login: 'medecin', password: 'demo-demo-demo' } });
  ok(session.data?.token?.length > 20, 'a physician signs in on the node');
  nodeClient.setConfig({ baseUrl: place.url, auth: () => session.data.token });
  const ask = again(there.nodes[0].requests[0]);
  let answer;
  for (let i = 0; i < 100; i++) {
    answer = await node.predict({ body: ask });
    if (answer.data) break;
    await sleep(200); // the node mirrors the log every so often
  }
  if (!answer.data) console.log('# ' + JSON.stringify(answer.error).slice(0, 900));
  ok(Boolean(answer.data?.id), 'a prediction is asked for');
  const accepted = await node.validate({ path: { id: answer.data?.id ?? 'none' }, body: { outcome: 'accepted' } });
  if (!accepted.data) console.log('# ' + JSON.stringify(accepted.error).slice(0, 600));
  ok(accepted.response.ok, 'a person accepts it');
  const trace = await node.predictionProof({ path: { id: answer.data?.id ?? 'none' } });
  ok(trace.response.ok, 'its trace is proved');

  // ---- the stop
  const receipt = stop && (await say(stop));
  ok(receipt?.effect === 'in_effect', 'a stop order is signed and submitted');
  let after;
  for (let i = 0; i < 100; i++) {
    after = await node.predict({ body: again(there.nodes[0].requests[1] ?? there.nodes[0].requests[0]) });
    if (!after.data) break;
    await sleep(200);
  }
  ok(after.response.status >= 400 && after.error.problems.length > 0, `the node refuses from then on: ${after.error?.problems?.[0]?.code}`);
  let acks = 0;
  for (let i = 0; i < 100 && !acks; i++) {
    const stops = await registry.stops();
    acks = stops.data.items[0]?.ack?.length ?? stops.data.items[0]?.acks?.length ?? 0;
    if (!acks) await sleep(200);
  }
  ok(acks > 0, 'and says so in the log');
  console.log('1..' + n);
  process.exit(bad);
}
main().catch((e) => {
  console.log('# ' + (e.stack ?? e));
  ok(false, 'the client runs to its end');
  console.log('1..' + n);
  process.exit(1);
});
