// SPDX-License-Identifier: Apache-2.0
// What the FHIR clients of others share: lines of TAP, and a login by SMART Backend Services with fhirclient's own code of client assertions.
import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

let n = 0;
let bad = 0;
export const ok = (good, name) => {
  console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${name}`);
  bad |= !good;
};
export const done = () => {
  console.log(`1..${n}`);
  process.exit(bad);
};

// refused(CALL) : the status that a call was refused with, and the text of the OperationOutcome that said why; {} when it was not
export const refused = async (call) => {
  try {
    await call();
    return {};
  } catch (e) {
    const said = e.response?.data ? JSON.stringify(e.response.data) : e.message;
    return { status: e.response?.status, why: said.includes('OperationOutcome') ? said : '' };
  }
};

// login(TOOLS, TOKEN-URL, PEM, ALG) : an access token for service lab-1, whose private key PEM is
export const login = async (tools, url, pem, alg) => {
  const { importJWK, signCompactJws } = createRequire(tools + '/package.json')('fhirclient/lib/security/server');
  const key = await importJWK({ ...createPrivateKey(readFileSync(pem)).export({ format: 'jwk' }), alg });
  const now = Math.floor(Date.now() / 1000);
  const assertion = await signCompactJws(alg, key, { typ: 'JWT', kid: alg === 'RS384' ? 'rs' : 'es' },
    { iss: 'lab-1', sub: 'lab-1', aud: url, exp: now + 240, jti: randomUUID() });
  const reply = await fetch(url, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.cruds',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion }) });
  return (await reply.json()).access_token;
};
