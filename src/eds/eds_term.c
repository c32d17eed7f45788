/* SPDX-License-Identifier: Apache-2.0 */
/* `terms`: the index rows a resource owns, from which the index is made. What
 * was extracted stays until EDS_ROW_FORMAT grows (eds_again.c). Four lists, each after
 * its length (LEB128): hash | param lo hi | param unit value | param text. */
#include "eds/eds_priv.h"

static int eds_put_num(struct buf *b, uint64_t v)
{
    char p[10];
    size_t n = 0;
    do {
        p[n] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
        n++;
    } while (v);
    return buf_add(b, (struct str){p, n});
}

static int eds_put_word(struct buf *b, const void *p, size_t n)
{
    return buf_add(b, (struct str){p, n}); /* little-endian, as the machines we run on */
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are kept as they are");

static int eds_put_row(struct buf *b, const struct fhir_row *r)
{
    int err;
    if (r->kind == FHIR_ROW_TOKEN)
        return eds_put_word(b, &r->hash, 8);
    err = eds_put_word(b, &r->param, 4);
    switch (r->kind) {
    case FHIR_ROW_TOKEN:
        break;
    case FHIR_ROW_DATE:
        err = err ? err : eds_put_word(b, &r->lo, 8);
        return err ? err : eds_put_word(b, &r->hi, 8);
    case FHIR_ROW_QUANTITY:
        err = err ? err : eds_put_word(b, &r->unit, 4);
        return err ? err : eds_put_word(b, &r->value, 8);
    case FHIR_ROW_STRING:
        err = err ? err : eds_put_num(b, r->text.n);
        return err ? err : buf_add(b, r->text);
    }
    return err;
}

int eds_terms_pack(struct buf *out, const struct fhir_rows *rows)
{
    for (int kind = FHIR_ROW_TOKEN; kind <= FHIR_ROW_STRING; kind++) {
        size_t n = 0;
        int err;
        for (size_t i = 0; i < rows->n; i++)
            n += rows->v[i].kind == (enum fhir_row_kind)kind;
        err = eds_put_num(out, n);
        for (size_t i = 0; i < rows->n && !err; i++)
            if (rows->v[i].kind == (enum fhir_row_kind)kind)
                err = eds_put_row(out, &rows->v[i]);
        if (err)
            return err;
    }
    return AM_OK;
}

static int eds_take_num(struct str *s, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint8_t byte;
        if (!s->n)
            return AM_E_TAMPERED;
        byte = (uint8_t)s->p[0];
        *s = str_sub(*s, 1, s->n);
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return AM_OK;
    }
    return AM_E_TAMPERED;
}

static int eds_take_word(struct str *s, void *p, size_t n)
{
    if (s->n < n)
        return AM_E_TAMPERED;
    memcpy(p, s->p, n);
    *s = str_sub(*s, n, s->n);
    return AM_OK;
}

static int eds_take_row(struct str *s, struct fhir_row *r)
{
    uint64_t n = 0;
    int err;
    if (r->kind == FHIR_ROW_TOKEN)
        return eds_take_word(s, &r->hash, 8);
    err = eds_take_word(s, &r->param, 4);
    if (!err && r->kind == FHIR_ROW_DATE) {
        err = eds_take_word(s, &r->lo, 8);
        return err ? err : eds_take_word(s, &r->hi, 8);
    }
    if (!err && r->kind == FHIR_ROW_QUANTITY) {
        err = eds_take_word(s, &r->unit, 4);
        return err ? err : eds_take_word(s, &r->value, 8);
    }
    if (!err)
        err = eds_take_num(s, &n);
    if (!err && n > s->n)
        err = AM_E_TAMPERED;
    if (err)
        return err;
    r->text = str_sub(*s, 0, (size_t)n);
    *s = str_sub(*s, (size_t)n, s->n);
    return AM_OK;
}

int eds_terms_each(struct str packed, eds_term_fn *fn, void *arg)
{
    for (int kind = FHIR_ROW_TOKEN; kind <= FHIR_ROW_STRING; kind++) {
        uint64_t n;
        int err = eds_take_num(&packed, &n);
        if (!err && n > packed.n) /* each takes a byte at least */
            err = AM_E_TAMPERED;
        for (; n && !err; n--) {
            struct fhir_row r = {.kind = (enum fhir_row_kind)kind};
            err = eds_take_row(&packed, &r);
            if (!err)
                err = fn(arg, &r);
        }
        if (err)
            return err;
    }
    return packed.n ? AM_E_TAMPERED : AM_OK;
}
