// SPDX-License-Identifier: Apache-2.0
// Keys of a service for SMART Backend Services: keys.mjs DIR makes DIR/rs.pem, DIR/es.pem and DIR/jwks.json.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const [dir] = process.argv.slice(2);
const keys = { rs: ['rsa', { modulusLength: 2048 }, 'RS384'], es: ['ec', { namedCurve: 'P-384' }, 'ES384'] };
const jwks = Object.entries(keys).map(([kid, [type, options, alg]]) => {
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  writeFileSync(`${dir}/${kid}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { ...publicKey.export({ format: 'jwk' }), kid, alg };
});
writeFileSync(`${dir}/jwks.json`, JSON.stringify({ keys: jwks }));
