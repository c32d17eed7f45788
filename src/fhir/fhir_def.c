/* SPDX-License-Identifier: Apache-2.0 */
/* Finding things in the tables of def.h. Hash tables are made by the generator, at most
 * half full, with a seed that spreads their names; an empty slot ends a search. */
#include "fhir/def.h"
#include "fhir/fhir_def_hash.h"
#include "fhir/fhir_def_priv.h"
#include "fhir/fhir.h"

const struct fhir_type *fhir_type_find(struct str name)
{
    size_t mask = ((size_t)1 << fhir_def_type_bits) - 1;
    size_t i = fhir_hash_slot(fhir_hash(name), fhir_def_type_seed, fhir_def_type_bits);
    for (;; i = (i + 1) & mask) {
        uint16_t k = fhir_def_type_slot[i];
        if (k == FHIR_NONE)
            return NULL;
        if (str_eq(fhir_text(fhir_def_type[k].name), name))
            return &fhir_def_type[k];
    }
}

bool fhir_type_is(const struct fhir_type *t, const struct fhir_type *base)
{
    while (t && t != base)
        t = t->base == FHIR_NONE ? NULL : &fhir_def_type[t->base];
    return t && base;
}

bool fhir_is_resource(struct str name)
{
    const struct fhir_type *t = fhir_type_find(name);
    return t && t->kind == FHIR_KIND_RESOURCE && !t->abstract;
}

const struct fhir_member *fhir_member_find(const struct fhir_type *t, struct str name)
{
    const uint16_t *slot = fhir_def_slot + t->slot;
    size_t mask = ((size_t)1 << t->bits) - 1, i;
    if (!t->elems || name.n > UINT8_MAX)
        return NULL;
    for (i = fhir_hash_slot(fhir_hash(name), t->seed, t->bits);; i = (i + 1) & mask) {
        const struct fhir_member *m;
        if (slot[i] == FHIR_NONE)
            return NULL;
        m = &fhir_def_member[slot[i]];
        if (m->n == name.n && memcmp(fhir_def_text + m->name, name.p, name.n) == 0)
            return m;
    }
}

const struct fhir_elem *fhir_elem_find(const struct fhir_type *t, struct str name)
{
    const struct fhir_member *m = fhir_member_find(t, name);
    return m ? &fhir_def_elem[m->elem] : NULL;
}

const struct fhir_elem *fhir_elem_path(struct str path)
{
    struct str rest, head = str_cut(path, '.', &rest);
    const struct fhir_type *t = fhir_type_find(head);
    const struct fhir_elem *e = NULL;
    while (rest.n && t) {
        const struct fhir_member *m = fhir_member_find(t, str_cut(rest, '.', &rest));
        e = m ? &fhir_def_elem[m->elem] : NULL;
        t = m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL;
    }
    return rest.n ? NULL : e;
}

const struct fhir_set *fhir_set_find(struct str url)
{
    struct str version, bare = str_cut(url, '|', &version);
    size_t lo = 0, hi = fhir_def_sets;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(fhir_text(fhir_def_set[mid].url), bare);
        if (c == 0)
            return &fhir_def_set[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* The first code not before `code` in the sorted codes of s. */
static const struct fhir_code *code_first(const struct fhir_set *s, struct str code)
{
    const struct fhir_code *c = fhir_def_code + s->code;
    size_t lo = 0, hi = s->codes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (str_cmp(fhir_text(c[mid].code), code) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return c + lo;
}

static bool letters_digits(struct str s, bool digits)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(digits && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

/* BCP 47: a language of 2 to 8 letters (or i-, x-), then subtags of 1 to 8. */
static bool language(struct str s)
{
    struct str rest, head = str_cut(s, '-', &rest);
    if (!letters_digits(head, false) || head.n > 8 ||
        (head.n == 1 && !strchr("ixIX", head.p[0])) || s.p[s.n - 1] == '-')
        return false;
    if (head.n == 1 && !rest.n)
        return false;
    while (rest.n) {
        struct str tag = str_cut(rest, '-', &rest);
        if (!letters_digits(tag, true) || tag.n > 8)
            return false;
    }
    return true;
}

static bool mime_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 127 || strchr("()<>@,;:\\\"/[]?=", s.p[i]))
            return false;
    return s.n > 0;
}

/* type/subtype, with parameters or without; FHIR itself says "json", "xml" and "ttl". */
static bool mime(struct str s)
{
    struct str rest, bare = str_cut(s, ';', &rest), sub;
    struct str type = str_cut(bare, '/', &sub);
    while (bare.n && bare.p[bare.n - 1] == ' ')
        bare.n--, sub.n -= sub.n > 0;
    if (!memchr(s.p, '/', s.n))
        return str_eqc(s, "json") || str_eqc(s, "xml") || str_eqc(s, "ttl");
    return mime_token(type) && mime_token(sub);
}

bool fhir_set_has(const struct fhir_set *s, struct str system, struct str code)
{
    const struct fhir_code *c, *end = fhir_def_code + s->code + s->codes;
    struct str own = fhir_text(s->system);
    if (s->kind == FHIR_SET_OPEN)
        return true;
    if (s->kind != FHIR_SET_LIST) {
        if (!code.n || (system.n && own.n && !str_eq(system, own)))
            return false;
        return s->kind == FHIR_SET_LANGUAGE ? language(code)
               : s->kind == FHIR_SET_MIME   ? mime(code)
                                            : fhir_unit_check(code) == AM_OK;
    }
    for (c = code_first(s, code); c < end && str_eq(fhir_text(c->code), code); c++)
        if (!system.n || str_eq(fhir_text(c->system), system))
            return true;
    return false;
}
