// SPDX-License-Identifier: Apache-2.0
// Sigstore's own verifier over our bundles: sigstore.mjs COPY GENESIS BUNDLE...
//
// The trust root is made here, from entry 0 of the copy (pinned by GENESIS) and the keys that the log itself
// grants: none of Amane's code is asked. Every bundle must be accepted; altered ones must be refused, each with
// the error of what was altered. Prints one line per outcome, exit 1 at the first surprise.
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const need = createRequire(process.env.AMANE_PEER_TOOLS + '/');
const { bundleFromJSON } = need('@sigstore/bundle');
const { TrustedRoot } = need('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = need('@sigstore/verify');

const [copy, genesis, ...files] = process.argv.slice(2);
const die = (text) => {
  console.log('FAILED: ' + text);
  process.exit(1);
};
const blob = (hex) => {
  const data = readFileSync(`${copy}/blobs/sha256/${hex.slice(0, 2)}/${hex.slice(2)}`);
  if (createHash('sha256').update(data).digest('hex') !== hex) die(`blob ${hex}`);
  return data;
};

// Entries of the log, read from the bundles of 256.
function* entries() {
  const size = Number(readFileSync(copy + '/log/checkpoint', 'utf8').split('\n')[1]);
  for (let tile = 0; tile * 256 < size; tile++) {
    const width = Math.min(256, size - tile * 256);
    const name = String(tile).padStart(3, '0') + (width < 256 ? `.p/${width}` : '');
    const data = readFileSync(`${copy}/log/tile/entries/${name}`);
    for (let at = 0; at < data.length; ) {
      const n = data.readUInt16BE(at);
      yield data.subarray(at + 2, at + 2 + n);
      at += 2 + n;
    }
  }
}

// Signers: the authorities of entry 0 and every key_grant, under the SHA-256 of their key.
const signers = {};
const grant = (spki) => {
  const der = Buffer.from(spki, 'base64');
  const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
  signers[createHash('sha256').update(der).digest('hex')] = { rawBytes: pem };
};
const first = JSON.parse(blob(genesis)).predicate;
first.authorities.forEach((a) => grant(a.spki));
for (const leaf of entries()) {
  const spec = JSON.parse(leaf).spec.dsseV002;
  const record = JSON.parse(blob(Buffer.from(spec.payloadHash.digest, 'base64').toString('hex'))).predicate;
  if (record?.type === 'key_grant') grant(record.key.spki);
}

// The log: name+hash+base64(type || Ed25519 key); Sigstore wants the key as SubjectPublicKeyInfo.
const [, name, raw] = first.log_key.match(/^(.*?)\+[0-9a-f]{8}\+(.*)$/s); // base64 has its own +
const typed = Buffer.from(raw, 'base64');
const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), typed.subarray(1)]);
createPublicKey({ key: spki, format: 'der', type: 'spki' });
const keyId = createHash('sha256').update(name + '\n').update(typed).digest('base64');
const root = TrustedRoot.fromJSON({
  mediaType: 'application/vnd.dev.sigstore.trustedroot.v0.2+json',
  tlogs: [{ baseUrl: 'https://' + name, hashAlgorithm: 'SHA2_256', checkpointKeyId: { keyId }, logId: { keyId },
    publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor: { start: '2020-01-01T00:00:00Z' } } }],
  certificateAuthorities: [], ctlogs: [], timestampAuthorities: [],
});
const verifier = new Verifier(toTrustMaterial(root, signers), { tlogThreshold: 1, timestampThreshold: 0 });
const verify = (json) => verifier.verify(toSignedEntity(bundleFromJSON(json)));

const refused = (what, code, json) => {
  try {
    verify(json);
  } catch (e) {
    if (e.code !== code) die(`${what}: refused with ${e.code} (${e.message}), expected ${code}`);
    return;
  }
  die(`${what}: accepted`);
};
const flip = (b64, at) => {
  const data = Buffer.from(b64, 'base64');
  data[at % data.length] ^= 1;
  return data.toString('base64');
};

let tampered = 0;
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const again = () => JSON.parse(text);
  const alter = (what, code, change) => {
    const json = again();
    if (change(json, json.verificationMaterial.tlogEntries[0]) === false) return;
    refused(`${file}: ${what}`, code, json);
    tampered++;
  };
  try {
    verify(again());
  } catch (e) {
    die(`${file}: ${e.code ?? ''} ${e.message}`);
  }
  alter('payload', 'TLOG_BODY_ERROR', (b) => { b.dsseEnvelope.payload = flip(b.dsseEnvelope.payload, 40); });
  // An altered payload whose leaf was altered with it: the tree does not know that leaf.
  alter('payload and leaf', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => {
    b.dsseEnvelope.payload = flip(b.dsseEnvelope.payload, 40);
    const leaf = JSON.parse(Buffer.from(t.canonicalizedBody, 'base64'));
    leaf.spec.dsseV002.payloadHash.digest =
      createHash('sha256').update(Buffer.from(b.dsseEnvelope.payload, 'base64')).digest('base64');
    t.canonicalizedBody = Buffer.from(JSON.stringify(leaf)).toString('base64');
  });
  alter('signature', 'TLOG_BODY_ERROR', (b) => { b.dsseEnvelope.signatures[0].sig = flip(b.dsseEnvelope.signatures[0].sig, 20); });
  alter('payload type', 'SIGNATURE_ERROR', (b) => { b.dsseEnvelope.payloadType = 'application/json'; });
  alter('signer', 'SIGNATURE_ERROR', (b) => {
    const other = Object.keys(signers).find((k) => k !== b.verificationMaterial.publicKey.hint);
    b.verificationMaterial.publicKey.hint = other;
  });
  alter('unknown signer', 'PUBLIC_KEY_ERROR', (b) => { b.verificationMaterial.publicKey.hint = '00'.repeat(32); });
  alter('proof hash', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => {
    if (!t.inclusionProof.hashes.length) return false;
    t.inclusionProof.hashes[0] = flip(t.inclusionProof.hashes[0], 0);
  });
  alter('proof index', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => { t.inclusionProof.logIndex = String(Number(t.inclusionProof.logIndex) ^ 1); });
  alter('checkpoint root', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => {
    const line = t.inclusionProof.checkpoint.envelope.split('\n');
    line[2] = flip(line[2], 0);
    t.inclusionProof.checkpoint.envelope = line.join('\n');
  });
  alter('checkpoint size', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => {
    const line = t.inclusionProof.checkpoint.envelope.split('\n');
    line[1] = String(Number(line[1]) + 1);
    t.inclusionProof.checkpoint.envelope = line.join('\n');
  });
  alter('log identity', 'TLOG_INCLUSION_PROOF_ERROR', (b, t) => { t.logId.keyId = flip(t.logId.keyId, 31); });
}
console.log(`${files.length} bundles accepted, ${tampered} altered ones refused`);
