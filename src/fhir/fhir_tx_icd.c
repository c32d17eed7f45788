/* SPDX-License-Identifier: Apache-2.0 */
/* The hierarchy that codes of ICD-10 say by themselves: a subdivision is under the
 * longest code it begins with, of three characters at least (I10 is not of chapter I); a
 * category of three is in the smallest block ("A00-A09") that holds it, a block in the
 * smallest that holds it whole, and what is in no block in its chapter. */
#include "fhir/fhir_tx_priv.h"

/* Chapters of ICD-10, by the three characters of their first and last category; the last
 * as wide as national modifications go. WHO, ICD-10 volume 1, edition 2019. */
static const struct {
    const char *code, *first, *last;
} icd_chapter[] = {
    {"I", "A00", "B99"},    {"II", "C00", "D49"},   {"III", "D50", "D99"},
    {"IV", "E00", "E99"},   {"V", "F00", "F99"},    {"VI", "G00", "G99"},
    {"VII", "H00", "H59"},  {"VIII", "H60", "H99"}, {"IX", "I00", "I99"},
    {"X", "J00", "J99"},    {"XI", "K00", "K99"},   {"XII", "L00", "L99"},
    {"XIII", "M00", "M99"}, {"XIV", "N00", "N99"},  {"XV", "O00", "O99"},
    {"XVI", "P00", "P99"},  {"XVII", "Q00", "Q99"}, {"XVIII", "R00", "R99"},
    {"XIX", "S00", "T99"},  {"XX", "V00", "Y99"},   {"XXI", "Z00", "Z99"},
    {"XXII", "U00", "U99"},
};

static bool icd_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool icd_three(struct str s)
{
    return s.n >= 3 && s.p[0] >= 'A' && s.p[0] <= 'Z' && icd_digit(s.p[1]) &&
           (icd_digit(s.p[2]) || (s.p[2] >= 'A' && s.p[2] <= 'Z'));
}

bool fhir_tx_icd_code(struct str s)
{
    if (!icd_three(s) || s.n == 4 || s.n > 14 || (s.n > 3 && s.p[3] != '.'))
        return false;
    for (size_t i = 4; i < s.n; i++)
        if (!icd_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
            !(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '+' && s.p[i] != '-')
            return false;
    return true;
}

/* "A00-A09" */
static bool icd_block(struct str s)
{
    return s.n == 7 && s.p[3] == '-' && icd_three(s) && icd_three(str_sub(s, 4, 7)) &&
           memcmp(s.p, s.p + 4, 3) <= 0;
}

struct icd_range {
    const char *lo, *hi; /* three characters each */
    uint32_t concept;
    bool block;
};

static int icd_range_cmp(const void *a, const void *b)
{
    const struct icd_range *x = a, *y = b;
    int order = memcmp(x->lo, y->lo, 3);
    if (!order)
        order = memcmp(y->hi, x->hi, 3);
    if (!order && x->block != y->block)
        order = x->block ? -1 : 1;
    return order ? order : (x->concept > y->concept) - (x->concept < y->concept);
}

static int icd_in_chapter(struct fhir_tx_system *s, const struct icd_range *r)
{
    for (size_t i = 0; i < AM_LEN(icd_chapter); i++) {
        uint32_t at;
        if (memcmp(r->lo, icd_chapter[i].first, 3) < 0 ||
            memcmp(r->hi, icd_chapter[i].last, 3) > 0)
            continue;
        at = fhir_tx_find(s, str_c(icd_chapter[i].code));
        return at == FHIR_TX_NONE
                   ? AM_OK
                   : vec_push(&s->edge, ((struct tx_edge){r->concept, at}));
    }
    return AM_OK;
}

/* Ascending, wider first: the blocks that are still open are those that may hold what
 * comes. */
static int icd_nest(struct fhir_tx_system *s, struct icd_range *v, size_t n)
{
    uint32_t *open = am_calloc(n + 1, sizeof *open);
    size_t opened = 0;
    int err = open ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        size_t k;
        while (opened && memcmp(v[open[opened - 1]].hi, v[i].lo, 3) < 0)
            opened--;
        k = opened; /* blocks that overlap: the next one out */
        while (k && memcmp(v[open[k - 1]].hi, v[i].hi, 3) < 0)
            k--;
        if (k)
            err = vec_push(&s->edge,
                           ((struct tx_edge){v[i].concept, v[open[k - 1]].concept}));
        else
            err = icd_in_chapter(s, &v[i]);
        if (v[i].block)
            open[opened++] = (uint32_t)i;
    }
    free(open);
    return err;
}

static int icd_prefix(struct fhir_tx_system *s, uint32_t c)
{
    const struct str code = s->concept.v[c].code;
    for (size_t n = code.n - 1; n >= 3; n--) {
        uint32_t above = fhir_tx_find(s, str_sub(code, 0, n));
        if (above != FHIR_TX_NONE)
            return vec_push(&s->edge, ((struct tx_edge){c, above}));
    }
    return AM_OK;
}

int fhir_tx_icd_tree(struct fhir_tx_system *s)
{
    struct {
        struct icd_range *v;
        size_t n, cap;
    } range = {0};
    int err = AM_OK;
    for (uint32_t c = 0; c < s->concept.n && !err; c++) {
        const struct str code = s->concept.v[c].code;
        if (icd_block(code))
            err = vec_push(&range, ((struct icd_range){code.p, code.p + 4, c, true}));
        else if (icd_three(code) && code.n == 3)
            err = vec_push(&range, ((struct icd_range){code.p, code.p, c, false}));
        else if (icd_three(code))
            err = icd_prefix(s, c);
    }
    if (!err && range.n) {
        qsort(range.v, range.n, sizeof *range.v, icd_range_cmp);
        err = icd_nest(s, range.v, range.n);
    }
    free(range.v);
    return err;
}
