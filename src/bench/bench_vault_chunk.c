/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- the chunks of a member. Each is sealed with what it is: set (salt),
 * member, place, and the size of the whole, so that its neighbours are known too. */
#include "bench/bench_vault_priv.h"

enum { CHUNK_B = 1 << 20, CHUNK_MORE = 28 /* nonce and tag */ };
static const char magic[8] = {'A', 'M', 'S', 'E', 'A', 'L', '1', '\n'};

struct place {
    uint8_t text[8 + 32 + 4 + 8 + 8];
};

static void put64(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static struct str place_of(struct place *p, const struct vault_set *s, uint32_t member,
                           uint64_t index, uint64_t size_b)
{
    memcpy(p->text, magic, 8);
    memcpy(p->text + 8, s->salt, 32);
    put64(p->text + 40, member, 4);
    put64(p->text + 44, index, 8);
    put64(p->text + 52, size_b, 8);
    return (struct str){(const char *)p->text, sizeof p->text};
}

int bench_vault_seal(const struct vault_set *s, uint32_t member, struct str plain,
                     struct buf *out)
{
    struct place p;
    int err = buf_add(out, (struct str){magic, sizeof magic});
    for (size_t at = 0, i = 0; at < plain.n && !err; at += CHUNK_B, i++)
        err = crypto_seal(s->data, place_of(&p, s, member, i, plain.n),
                          str_sub(plain, at, at + CHUNK_B), out);
    return err;
}

int bench_vault_unseal(const struct vault_set *s, uint32_t member, struct str sealed,
                       uint64_t size_b, struct buf *out)
{
    uint64_t chunks = (size_b + CHUNK_B - 1) / CHUNK_B;
    size_t before = out->n;
    struct place p;
    int err = AM_OK;
    if (size_b > VAULT_FILE_MAX ||
        sealed.n != sizeof magic + size_b + chunks * CHUNK_MORE ||
        memcmp(sealed.p, magic, sizeof magic) != 0)
        return AM_E_TAMPERED;
    sealed = str_sub(sealed, sizeof magic, sealed.n);
    for (uint64_t i = 0; i < chunks && !err; i++) {
        size_t n = (size_t)AM_MIN((uint64_t)CHUNK_B, size_b - i * CHUNK_B) + CHUNK_MORE;
        err = crypto_open(s->data, place_of(&p, s, member, i, size_b),
                          str_sub(sealed, 0, n), out);
        sealed = str_sub(sealed, n, sealed.n);
    }
    if (err) {
        crypto_wipe(out->p + before, out->n - before);
        buf_cut(out, before);
    }
    return err;
}
