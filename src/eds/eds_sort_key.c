/* SPDX-License-Identifier: Apache-2.0 */
/* eds_sort_key -- what a hit sorts by, from its index rows or its body; keys in a cursor;
 * the best of many. */
#include "eds/eds_sort_priv.h"

#include <inttypes.h>
#include <math.h>

static bool sort_is(const struct fhir_sort *s, const char *code)
{
    return str_eqc(s->param.code, code);
}

size_t eds_sorts(const struct fhir_query *q)
{
    size_t n = q->sorts;
    if (n && sort_is(&q->sort[0], "_lastUpdated") && q->sort[0].down)
        return 0; /* the order hits are found in */
    for (size_t i = 0; i < q->sorts; i++)
        if (sort_is(&q->sort[i], "_lastUpdated") ||
            (sort_is(&q->sort[i], "_id") && !q->mixed))
            return i + 1;
    return n;
}

int eds_sorted_cmp(const struct fhir_query *q, size_t sorts, const struct eds_sorted *a,
                   const struct eds_sorted *b)
{
    for (size_t i = 0; i < sorts; i++) {
        int c = fhir_sort_cmp(&a->key[i], &b->key[i]);
        bool none = a->key[i].kind == FHIR_SORT_NONE || b->key[i].kind == FHIR_SORT_NONE;
        if (c)
            return q->sort[i].down && !none ? -c : c;
    }
    return a->rid > b->rid ? -1 : a->rid < b->rid;
}

/* ---- keys ---------------------------------------------------------------------------
 */
bool eds_sort_rows(const struct fhir_query *q, const struct fhir_sort *s)
{
    return !q->mixed && !sort_is(s, "_lastUpdated") &&
           (s->param.kind == FHIR_PARAM_DATE || s->param.kind == FHIR_PARAM_NUMBER ||
            s->param.kind == FHIR_PARAM_QUANTITY || fhir_sort_is_text(&s->param));
}

bool eds_sort_row(const struct fhir_sort *s, uint32_t longer, const struct fhir_row *row,
                  struct fhir_sort_key *out)
{
    *out = (struct fhir_sort_key){.kind = FHIR_SORT_NONE};
    if (row->kind == FHIR_ROW_DATE && s->param.kind == FHIR_PARAM_DATE &&
        (row->param == s->param.number || row->param == longer)) {
        out->kind = FHIR_SORT_TIME;
        out->at = s->down ? row->hi : row->lo;
    } else if (row->kind == FHIR_ROW_QUANTITY && row->unit == 0 &&
               row->param == s->param.number) {
        out->kind = FHIR_SORT_NUMBER;
        out->number = row->value;
    } else if (row->kind == FHIR_ROW_DATE && s->param.kind != FHIR_PARAM_DATE &&
               row->param == longer) { /* a Range: an open end is no key */
        out->number = fhir_row_to(s->down ? row->hi : row->lo);
        out->kind = isfinite(out->number) ? FHIR_SORT_NUMBER : FHIR_SORT_NONE;
    } else if (row->kind == FHIR_ROW_STRING && row->param == s->param.number) {
        out->kind = FHIR_SORT_TEXT;
        out->text = row->text;
    }
    return out->kind != FHIR_SORT_NONE;
}

uint32_t eds_sort_longer(const struct fhir_param *p)
{
    return p->kind == FHIR_PARAM_QUANTITY || p->kind == FHIR_PARAM_NUMBER
               ? fhir_range_number(p->number, 0)
               : fhir_long_number(p->type, p->code);
}

struct sort_own {
    const struct fhir_sort *sort;
    struct fhir_sort_key *key;
    struct arena *arena;
    uint32_t longer;
};

static int sort_own_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct sort_own *s = arg;
    struct fhir_sort_key k;
    int c;
    (void)rid;
    if (!eds_sort_row(s->sort, s->longer, row, &k))
        return AM_OK;
    c = fhir_sort_cmp(&k, s->key);
    if (s->key->kind != FHIR_SORT_NONE && (s->sort->down ? c <= 0 : c >= 0))
        return AM_OK;
    if (k.kind == FHIR_SORT_TEXT) {
        k.text.p = arena_dup(s->arena, k.text);
        if (!k.text.p)
            return AM_E_NOMEM;
    }
    *s->key = k;
    return AM_OK;
}

static int sort_id(struct eds_run *r, int64_t rid, struct arena *a,
                   struct fhir_sort_key *out)
{
    struct eds_name name;
    int err = r->s->name(r->s->self, rid, &name);
    if (err)
        return err;
    out->kind = FHIR_SORT_TEXT;
    out->text = str_c(arena_dup(a, str_c(name.id)));
    return out->text.p ? AM_OK : AM_E_NOMEM;
}

/* By a parameter of the resource's own type, where several are searched. */
static int sort_body(struct eds_run *r, const struct fhir_sort *sort, int64_t rid,
                     struct json_doc **doc, struct arena *a, struct fhir_sort_key *out)
{
    struct fhir_param p;
    const struct json *v;
    int err = *doc ? AM_OK : r->s->body(r->s->self, rid, doc);
    if (err)
        return err;
    v = json_root(*doc);
    if (!fhir_param_find(json_get_str(v, "resourceType"), sort->param.code, &p))
        return AM_OK;
    return fhir_sort_key(v, &p, sort->down, a, out);
}

static int sort_key(struct eds_run *r, const struct fhir_sort *sort, int64_t rid,
                    struct json_doc **doc, struct arena *a, struct fhir_sort_key *out)
{
    struct sort_own own = {
        .sort = sort, .key = out, .arena = a, .longer = eds_sort_longer(&sort->param)};
    *out = (struct fhir_sort_key){.kind = FHIR_SORT_NONE};
    if (sort_is(sort, "_lastUpdated")) {
        out->kind = FHIR_SORT_TIME;
        out->at = rid; /* rids have the order of the instants */
        return AM_OK;
    }
    if (sort_is(sort, "_id"))
        return sort_id(r, rid, a, out);
    if (eds_sort_rows(r->what->query, sort))
        return r->s->own(r->s->self, rid, sort_own_row, &own);
    return sort_body(r, sort, rid, doc, a, out);
}

int eds_sort_keys(struct eds_run *r, size_t sorts, int64_t rid, struct arena *a,
                  struct eds_sorted *out)
{
    struct json_doc *doc = NULL;
    int err = AM_OK;
    out->rid = rid;
    for (size_t i = 0; i < sorts && !err; i++)
        err = sort_key(r, &r->what->query->sort[i], rid, &doc, a, &out->key[i]);
    json_free(doc);
    return err;
}

/* ---- the cursor's keys --------------------------------------------------------------
 */
int eds_sorted_write(const struct eds_sorted *s, size_t sorts, struct buf *b)
{
    int err = AM_OK;
    for (size_t i = 0; i < sorts && !err; i++) {
        const struct fhir_sort_key *k = &s->key[i];
        const char *gap = i ? "." : "";
        uint64_t bits;
        memcpy(&bits, &k->number, sizeof bits);
        if (k->kind == FHIR_SORT_NUMBER)
            err = buf_addf(b, "%sn%016" PRIx64, gap, bits);
        else if (k->kind == FHIR_SORT_TIME)
            err = buf_addf(b, "%st%" PRId64, gap, k->at);
        else
            err = buf_addf(b, "%s%c", gap, k->kind == FHIR_SORT_TEXT ? 'x' : '-');
        for (size_t c = 0; k->kind == FHIR_SORT_TEXT && c < k->text.n && !err; c++)
            err = buf_addf(b, "%02x", (unsigned char)k->text.p[c]);
    }
    return err;
}

static int key_unhex(struct str hex, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < hex.n; i++) {
        const char *d = hex.p[i] ? strchr(digit, hex.p[i]) : NULL;
        if (!d)
            return AM_E_SYNTAX;
        if (i % 2 == 0)
            out[i / 2] = 0;
        out[i / 2] = (char)((unsigned char)out[i / 2] << 4 | (d - digit));
    }
    return hex.n % 2 ? AM_E_SYNTAX : AM_OK;
}

static int key_read(struct arena *a, struct str s, struct fhir_sort_key *k)
{
    char b[8], *p;
    uint64_t bits = 0;
    struct str rest = str_sub(s, 1, s.n);
    switch (s.n ? s.p[0] : 0) {
    case '-':
        k->kind = FHIR_SORT_NONE;
        return rest.n ? AM_E_SYNTAX : AM_OK;
    case 't':
        k->kind = FHIR_SORT_TIME;
        return str_int(rest, INT64_MIN, INT64_MAX, &k->at);
    case 'n':
        k->kind = FHIR_SORT_NUMBER;
        if (rest.n != 16 || key_unhex(rest, b))
            return AM_E_SYNTAX;
        for (size_t i = 0; i < 8; i++)
            bits = bits << 8 | (unsigned char)b[i];
        memcpy(&k->number, &bits, sizeof bits);
        return isfinite(k->number) ? AM_OK : AM_E_SYNTAX;
    case 'x':
        k->kind = FHIR_SORT_TEXT;
        p = arena_alloc(a, rest.n / 2 + 1, 1);
        if (!p)
            return AM_E_NOMEM;
        k->text = (struct str){p, rest.n / 2};
        return key_unhex(rest, p);
    default:
        return AM_E_SYNTAX;
    }
}

int eds_sorted_read(struct eds_run *r, size_t sorts, struct str text,
                    struct eds_sorted *s)
{
    struct str one;
    for (size_t i = 0; i < sorts; i++) {
        int err;
        one = str_cut(text, '.', &text);
        err = key_read(r->arena, one, &s->key[i]);
        if (err)
            return err;
    }
    return text.n ? AM_E_SYNTAX : AM_OK;
}

/* ---- the best -----------------------------------------------------------------------
 */
static struct eds_sorted *best_copy(const struct eds_sorted *s, size_t sorts)
{
    struct eds_sorted *c;
    size_t texts = 0;
    char *p;
    for (size_t i = 0; i < sorts; i++)
        texts += s->key[i].kind == FHIR_SORT_TEXT ? s->key[i].text.n : 0;
    c = am_calloc(1, sizeof *c + texts);
    if (!c)
        return NULL;
    *c = *s;
    p = (char *)(c + 1);
    for (size_t i = 0; i < sorts; i++)
        if (s->key[i].kind == FHIR_SORT_TEXT) {
            if (s->key[i].text.n)
                memcpy(p, s->key[i].text.p, s->key[i].text.n);
            c->key[i].text.p = p;
            p += s->key[i].text.n;
        }
    return c;
}

static int best_cmp(const struct eds_best *b, const struct eds_sorted *x,
                    const struct eds_sorted *y)
{
    return eds_sorted_cmp(b->r->what->query, b->sorts, x, y);
}

static void best_down(struct eds_best *b, size_t i)
{
    for (;;) {
        size_t worst = i;
        struct eds_sorted *s = b->v[i];
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < b->n; k++)
            if (best_cmp(b, b->v[k], b->v[worst]) > 0)
                worst = k;
        if (worst == i)
            return;
        b->v[i] = b->v[worst];
        b->v[worst] = s;
        i = worst;
    }
}

static void best_up(struct eds_best *b, size_t i)
{
    while (i && best_cmp(b, b->v[i], b->v[(i - 1) / 2]) > 0) {
        struct eds_sorted *s = b->v[i];
        b->v[i] = b->v[(i - 1) / 2];
        b->v[(i - 1) / 2] = s;
        i = (i - 1) / 2;
    }
}

int eds_best_offer(struct eds_best *b, const struct eds_sorted *s)
{
    struct eds_sorted *c;
    int err;
    if ((b->last && best_cmp(b, s, b->last) <= 0) ||
        (b->n == b->most && best_cmp(b, s, b->v[0]) >= 0))
        return AM_OK;
    c = best_copy(s, b->sorts);
    if (!c)
        return AM_E_NOMEM;
    if (b->n == b->most) {
        free(b->v[0]);
        b->v[0] = c;
        best_down(b, 0);
        return AM_OK;
    }
    err = vec_push(b, c);
    if (err)
        free(c);
    else
        best_up(b, b->n - 1);
    return err;
}

int eds_best_better(struct eds_best *b, size_t i, const struct eds_sorted *s)
{
    struct eds_sorted *c;
    if (best_cmp(b, s, b->v[i]) >= 0)
        return AM_OK;
    c = best_copy(s, b->sorts);
    if (!c)
        return AM_E_NOMEM;
    free(b->v[i]);
    b->v[i] = c;
    best_down(b, i);
    return AM_OK;
}

static int best_order(const void *x, const void *y, void *b)
{
    return best_cmp(b, *(struct eds_sorted *const *)x, *(struct eds_sorted *const *)y);
}

void eds_best_order(struct eds_best *b)
{
    if (b->n)
        qsort_r(b->v, b->n, sizeof(struct eds_sorted *), best_order, b);
}

void eds_best_release(struct eds_best *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->v[i]);
    vec_release(b);
}
