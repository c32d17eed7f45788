// Amane: two conveniences. Every page works without this file.
'use strict';

// Worklist: j and k move, Enter opens, a c r decide on the row that has the focus.
for (const list of document.querySelectorAll('[data-keys]')) {
  const rows = [...list.querySelectorAll('[data-item]')];
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select')) return;
    const at = rows.findIndex((r) => r.contains(document.activeElement));
    if (e.key === 'j' || e.key === 'k') {
      const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + (e.key === 'j' ? 1 : -1)));
      rows[next]?.focus();
    } else if (e.key === 'Enter' && document.activeElement === rows[at]) {
      rows[at].querySelector('a')?.click();
    } else if (at >= 0 && 'acr'.includes(e.key)) {
      rows[at].querySelector(`[data-key="${e.key}"]`)?.click();
    } else {
      return;
    }
    e.preventDefault();
  });
}

// Proof box: RFC 9162, 2.1.3.2, with the browser's own SHA-256.
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16));
const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
async function node(left, right) {
  const all = new Uint8Array([1, ...left, ...right]);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
}
async function included(leaf, path, index, size, root) {
  let fn = BigInt(index), sn = BigInt(size) - 1n, r = leaf;
  if (fn > sn) return false;
  for (const p of path) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      r = await node(p, r);
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      r = await node(r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && same(r, root);
}
for (const box of document.querySelectorAll('[data-proof]')) {
  const button = box.querySelector('button'), says = box.querySelector('[role=status]');
  if (!window.crypto?.subtle) continue;
  button.hidden = false;
  says.textContent = '';
  button.addEventListener('click', async () => {
    const d = box.dataset;
    const path = d.proof.split(' ').filter(Boolean).map(bytes);
    const ok = await included(bytes(d.leaf), path, d.index, d.size, bytes(d.root));
    says.textContent = ok ? d.ok : d.bad;
    says.className = ok ? '' : 'wrong';
  });
}
