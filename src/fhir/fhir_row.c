/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_row -- numbers of parameters, terms, the order of rows. */
#include "fhir/row.h"

#include <math.h>

#include "crypto/crypto.h"

void fhir_rows_release(struct fhir_rows *r)
{
    free(r->v);
    *r = (struct fhir_rows){0};
}

static uint32_t row_fnv(uint32_t h, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

/* FNV-1a, 32 bits, of "Type.code": a name for a number, nothing secret. */
uint32_t fhir_param_number(struct str type, struct str code)
{
    uint32_t h = row_fnv(row_fnv(row_fnv(2166136261u, type), STR(".")), code);
    return h ? h : 1;
}

/* Doubles are ordered as their bits are, the negative ones the other way round. */
int64_t fhir_row_of(double v)
{
    int64_t bits;
    if (isinf(v))
        return v < 0 ? INT64_MIN : INT64_MAX;
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

double fhir_row_to(int64_t bits)
{
    double v;
    if (bits == INT64_MIN || bits == INT64_MAX)
        return bits < 0 ? -INFINITY : INFINITY;
    bits = bits < 0 ? bits ^ INT64_MAX : bits;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void row_put(char *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (char)(v >> (8 * i));
}

uint64_t fhir_term_hash(const struct fhir_row_key *key, uint32_t param,
                        enum fhir_term form, struct str a, struct str b)
{
    struct crypto_siphash h;
    char head[16];
    row_put(head, param, 4);
    row_put(head + 4, (uint64_t)form, 4);
    row_put(head + 8, a.n, 8); /* the length of a tells where b begins */
    crypto_siphash_init(&h, key->k);
    crypto_siphash_add(&h, (struct str){head, sizeof head});
    crypto_siphash_add(&h, a);
    crypto_siphash_add(&h, b);
    return crypto_siphash_end(&h);
}

#define ROW_CMP(a, b) ((a) < (b) ? -1 : (a) > (b) ? 1 : 0)

int fhir_row_cmp(const struct fhir_row *a, const struct fhir_row *b)
{
    int c = ROW_CMP(a->kind, b->kind);
    if (!c && a->kind == FHIR_ROW_TOKEN)
        return ROW_CMP(a->hash, b->hash);
    if (!c)
        c = ROW_CMP(a->param, b->param);
    if (c)
        return c;
    if (a->kind == FHIR_ROW_DATE) {
        c = ROW_CMP(a->lo, b->lo);
        return c ? c : ROW_CMP(a->hi, b->hi);
    }
    if (a->kind == FHIR_ROW_STRING)
        return str_cmp(a->text, b->text);
    c = ROW_CMP(a->unit, b->unit);
    return c ? c : ROW_CMP(a->value, b->value);
}
