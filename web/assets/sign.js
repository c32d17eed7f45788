// SPDX-License-Identifier: Apache-2.0
// Amane: signing in the browser, with WebCrypto and nothing else. ECDSA P-256; the private key leaves this page
// only wrapped: PKCS#8 under AES-256-GCM, key from the passphrase by PBKDF2-SHA-256. The passphrase goes nowhere.
// Two parts: [data-key] makes and keeps keys (page /key), [data-sign] signs one payload (page /sign/...).
'use strict';
{
  const ITERATIONS = 600000, TYPE = 'application/vnd.in-toto+json';
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }, hash = { name: 'ECDSA', hash: 'SHA-256' };
  const utf8 = new TextEncoder();
  const hex = (b) => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
  const sha256 = async (b) => new Uint8Array(await crypto.subtle.digest('SHA-256', b));
  function base64(b) {
    let s = '';
    for (let i = 0; i < b.length; i += 8192) s += String.fromCharCode(...b.subarray(i, i + 8192));
    return btoa(s);
  }
  const unbase64 = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const concat = (...parts) => Uint8Array.from(parts.flatMap((p) => [...p]));

  // ---- DSSE (protocol.md v1.0) ----
  const pae = (payload) => {
    const head = utf8.encode(`DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `);
    const all = new Uint8Array(head.length + payload.length);
    all.set(head);
    all.set(payload, head.length);
    return all;
  };
  // WebCrypto gives r and s, 32 bytes each; the log wants DER: SEQUENCE of two INTEGERs, shortest, not negative.
  function der(raw) {
    const integer = (b) => {
      let i = 0;
      while (i < b.length - 1 && b[i] === 0) i++;
      const short = b.subarray(i), body = short[0] & 0x80 ? concat([0], short) : short;
      return concat([2, body.length], body);
    };
    const body = concat(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
    return concat([0x30, body.length], body);
  }
  const envelope = (payload, keyid, sig) => JSON.stringify({ payload: base64(payload), payloadType: TYPE,
    signatures: [{ keyid, sig: base64(sig) }] });

  // ---- wrapping ----
  async function wrapper(passphrase, salt, iterations) {
    const secret = await crypto.subtle.importKey('raw', utf8.encode(passphrase.normalize('NFC')), 'PBKDF2', false, ['deriveKey']);
    return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, secret,
      { name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']);
  }
  // The public key is authenticated with the private one: a file cannot show one and sign with another.
  async function generate(passphrase) {
    const pair = await crypto.subtle.generateKey(curve, true, ['sign', 'verify']);
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
    const salt = crypto.getRandomValues(new Uint8Array(16)), iv = crypto.getRandomValues(new Uint8Array(12));
    const wrapped = await crypto.subtle.wrapKey('pkcs8', pair.privateKey, await wrapper(passphrase, salt, ITERATIONS),
      { name: 'AES-GCM', iv, additionalData: spki });
    return { amane_key: 1, key_id: hex(await sha256(spki)), spki: base64(spki),
      kdf: { name: 'PBKDF2-SHA-256', salt: base64(salt), iterations: ITERATIONS },
      cipher: { name: 'AES-256-GCM', iv: base64(iv) }, wrapped: base64(new Uint8Array(wrapped)) };
  }
  async function unwrap(key, passphrase) {
    const k = await wrapper(passphrase, unbase64(key.kdf.salt), key.kdf.iterations);
    return crypto.subtle.unwrapKey('pkcs8', unbase64(key.wrapped), k,
      { name: 'AES-GCM', iv: unbase64(key.cipher.iv), additionalData: unbase64(key.spki) }, curve, false, ['sign']);
  }
  // A file from outside: every member is looked at before it is used.
  async function checked(text) {
    const k = JSON.parse(text);
    const bytes = (s, lo, hi) => typeof s === 'string' && s.length < 4096 && ((n) => n >= lo && n <= hi)(unbase64(s).length);
    if (k?.amane_key !== 1 || !bytes(k.spki, 64, 256) || k.key_id !== hex(await sha256(unbase64(k.spki))) ||
        k.kdf?.name !== 'PBKDF2-SHA-256' || !bytes(k.kdf.salt, 16, 64) || !Number.isInteger(k.kdf.iterations) ||
        k.kdf.iterations < ITERATIONS || k.kdf.iterations > 100000000 ||
        k.cipher?.name !== 'AES-256-GCM' || !bytes(k.cipher.iv, 12, 12) || !bytes(k.wrapped, 64, 512)) throw new Error('key file');
    await crypto.subtle.importKey('spki', unbase64(k.spki), curve, true, ['verify']);
    return k;
  }

  // ---- the keys this browser keeps, wrapped ----
  const ask = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  async function store(mode) {
    const open = indexedDB.open('amane', 1);
    open.onupgradeneeded = () => open.result.createObjectStore('key', { keyPath: 'key_id' });
    return (await ask(open)).transaction('key', mode).objectStore('key');
  }
  const kept = async () => ask((await store('readonly')).getAll());
  const keep = async (key) => ask((await store('readwrite')).put(key));
  const forget = async (id) => ask((await store('readwrite')).delete(id));

  // ---- pages ----
  const parts = (box) => (name) => box.querySelector(`[data-part="${name}"]`);
  const sayer = (says) => (text, bad = false) => {
    says.textContent = text;
    says.className = bad ? 'wrong' : '';
  };
  const option = (key) => new Option(`${key.key_id.slice(0, 8)}…${key.key_id.slice(-4)}`, key.key_id);
  // RFC 6901, in what was really fetched.
  const at = (doc, pointer) => pointer.split('/').slice(1)
    .reduce((v, k) => v?.[k.replaceAll('~1', '/').replaceAll('~0', '~')], doc);

  const readable = (instant) => { // as the pages write it
    const lang = document.documentElement.lang, format = (options) => new Intl.DateTimeFormat(lang === 'ar' ? 'ar-MA' : lang,
      { timeZone: 'UTC', numberingSystem: 'latn', ...options }).format(new Date(instant));
    return `${format({ dateStyle: 'long' })} ${format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })} UTC`;
  };

  async function read(box, part) {
    const reply = await fetch(box.dataset.payload, { credentials: 'same-origin', cache: 'no-store' });
    if (!reply.ok) throw new Error(box.dataset.away);
    const payload = new Uint8Array(await reply.arrayBuffer()), digest = hex(await sha256(payload));
    part('digest').textContent = digest;
    if (digest !== box.dataset.sign) throw new Error(box.dataset.changed);
    const doc = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    for (const e of document.querySelectorAll('[data-at]')) {
      const said = e.dateTime ?? e.textContent; // a <time>: what is shown is written here, from what was compared
      if (String(at(doc, e.dataset.at)) !== said) throw new Error(`${box.dataset.differs} ${said}`);
      if (e.dateTime) e.textContent = readable(said);
    }
    for (const pre of document.querySelectorAll('[data-json]')) pre.textContent = JSON.stringify(doc, null, 2);
    return payload;
  }

  async function signing(box) {
    const part = parts(box), say = sayer(part('says')), keys = new Map(), d = box.dataset;
    let payload;
    const list = (key) => {
      if (!keys.has(key.key_id)) part('key').add(option(key));
      keys.set(key.key_id, key);
      part('key').value = key.key_id;
    };
    say(d.reading);
    try {
      payload = await read(box, part);
    } catch (e) {
      say(e.message, true);
      return;
    }
    for (const key of await kept().catch(() => [])) list(key);
    part('tools').hidden = false;
    say(keys.size ? d.ok : d.nokey);
    part('file').addEventListener('change', async () => {
      try {
        list(await checked(await part('file').files[0].text()));
        say(d.ok);
      } catch {
        say(d.badfile, true);
      }
    });
    part('go').addEventListener('click', async () => {
      const key = keys.get(part('key').value), passphrase = part('passphrase').value;
      if (!key) { say(d.nokey, true); return; }
      const declare = part('declare'); // no interest: the signer's own act
      if (declare && !declare.checked) { say(d.declare, true); declare.focus(); return; }
      say(d.working);
      part('go').disabled = true;
      try {
        const secret = await unwrap(key, passphrase), text = pae(payload);
        const raw = new Uint8Array(await crypto.subtle.sign(hash, secret, text));
        const open = await crypto.subtle.importKey('spki', unbase64(key.spki), curve, false, ['verify']);
        if (!await crypto.subtle.verify(hash, open, raw, text)) throw new Error('key pair');
        part('passphrase').value = '';
        if (declare) part('form').elements.no_conflict.value = '1';
        part('form').elements.envelope.value = envelope(payload, key.key_id, der(raw));
        say(d.sending);
        part('form').submit();
      } catch {
        say(d.wrong, true);
        part('go').disabled = false;
      }
    });
  }

  async function keeping(box) {
    const part = parts(box), say = sayer(part('says')), d = box.dataset;
    const save = (key) => {
      const a = document.createElement('a');
      a.href = URL.createObjectURL(new Blob([JSON.stringify(key, null, 1)], { type: 'application/json' }));
      a.download = `amane-key-${key.key_id.slice(0, 8)}.json`;
      a.click();
      setTimeout(() => URL.revokeObjectURL(a.href), 10000);
    };
    const choose = (key) => {
      for (const e of box.querySelectorAll('[data-spki]')) e.value = key.spki;
      part('id').textContent = key.key_id;
      part('request').hidden = false;
    };
    async function show() {
      const keys = await kept().catch(() => []);
      part('list').replaceChildren(...keys.map((key) => {
        const row = part('row').content.firstElementChild.cloneNode(true);
        row.querySelector('code').textContent = key.key_id;
        row.querySelector('[data-do=save]').addEventListener('click', () => save(key));
        row.querySelector('[data-do=ask]').addEventListener('click', () => choose(key));
        row.querySelector('[data-do=forget]').addEventListener('click', async () => {
          if (!confirm(d.forget)) return;
          await forget(key.key_id);
          part('request').hidden = true;
          await show();
        });
        return row;
      }));
    }
    say('');
    part('tools').hidden = false;
    await show();
    part('file').addEventListener('change', async () => {
      try {
        await keep(await checked(await part('file').files[0].text()));
        say(d.imported);
        await show();
      } catch {
        say(d.badfile, true);
      }
    });
    part('make').addEventListener('submit', async (e) => {
      e.preventDefault();
      const [one, two] = part('make').querySelectorAll('input');
      if (one.value.length < 12) { say(d.short, true); return; }
      if (one.value !== two.value) { say(d.twice, true); return; }
      say(d.working);
      const key = await generate(one.value);
      await unwrap(key, one.value); // what cannot be opened again must not be kept
      one.value = two.value = '';
      await keep(key);
      save(key);
      await show();
      choose(key);
      say(d.made);
    });
  }

  if (window.crypto?.subtle && window.indexedDB) {
    for (const box of document.querySelectorAll('[data-sign]')) signing(box);
    for (const box of document.querySelectorAll('[data-key]')) keeping(box);
  }
}
