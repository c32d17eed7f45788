/* SPDX-License-Identifier: Apache-2.0 */
/* eds_sort -- pages in another order than newest first: the keys of every hit, sorted. */
#include "eds/eds_search_priv.h"

#include <inttypes.h>
#include <math.h>

struct sorted {
    struct fhir_sort_key key[FHIR_QUERY_SORTS];
    int64_t rid;
};
struct sorted_list {
    struct sorted *v;
    size_t n, cap;
    const struct fhir_query *q;
};

static int sorted_cmp(const struct fhir_query *q, const struct sorted *a,
                      const struct sorted *b)
{
    for (size_t i = 0; i < q->sorts; i++) {
        int c = fhir_sort_cmp(&a->key[i], &b->key[i]);
        bool none = a->key[i].kind == FHIR_SORT_NONE || b->key[i].kind == FHIR_SORT_NONE;
        if (c) /* what has no value comes last in both directions */
            return q->sort[i].down && !none ? -c : c;
    }
    return a->rid > b->rid ? -1 : a->rid < b->rid;
}

static int sorted_order(const void *a, const void *b, void *q)
{
    return sorted_cmp(q, a, b);
}

/* ---- keys ---------------------------------------------------------------------------
 */
struct sorted_rows {
    const struct fhir_sort *sort;
    struct fhir_sort_key *key;
    uint32_t longer;
};

static int sorted_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct sorted_rows *s = arg;
    struct fhir_sort_key k = {.kind = FHIR_SORT_NONE};
    int c;
    (void)rid;
    if (row->kind == FHIR_ROW_DATE &&
        (row->param == s->sort->param.number || row->param == s->longer)) {
        k.kind = FHIR_SORT_TIME;
        k.at = s->sort->down ? row->hi : row->lo;
    } else if (row->kind == FHIR_ROW_QUANTITY && row->unit == 0 &&
               row->param == s->sort->param.number) {
        k.kind = FHIR_SORT_NUMBER;
        k.number = row->value;
    } else
        return AM_OK;
    c = fhir_sort_cmp(&k, s->key);
    if (s->key->kind == FHIR_SORT_NONE || (s->sort->down ? c > 0 : c < 0))
        *s->key = k;
    return AM_OK;
}

static bool sorted_by_rows(const struct fhir_param *p)
{
    return p->kind == FHIR_PARAM_DATE || p->kind == FHIR_PARAM_NUMBER ||
           p->kind == FHIR_PARAM_QUANTITY;
}

static int sorted_key(struct eds_run *r, const struct fhir_sort *sort, int64_t rid,
                      struct json_doc **doc, struct fhir_sort_key *out)
{
    struct sorted_rows rows = {.sort = sort, .key = out};
    struct eds_name name;
    int err;
    out->kind = FHIR_SORT_NONE;
    if (str_eqc(sort->param.code, "_lastUpdated")) {
        out->kind = FHIR_SORT_TIME;
        out->at = rid;
        return AM_OK;
    }
    if (str_eqc(sort->param.code, "_id")) {
        err = r->s->name(r->s->self, rid, &name);
        out->kind = FHIR_SORT_TEXT;
        out->text.n = err ? 0 : strlen(name.id);
        out->text.p = err ? NULL : arena_dup(r->arena, str_c(name.id));
        return err ? err : out->text.p ? AM_OK : AM_E_NOMEM;
    }
    if (sorted_by_rows(&sort->param)) {
        rows.longer = fhir_long_number(sort->param.type, sort->param.code);
        return r->s->own(r->s->self, rid, sorted_row, &rows);
    }
    err = *doc ? AM_OK : r->s->body(r->s->self, rid, doc);
    return err ? err
               : fhir_sort_key(json_root(*doc), &sort->param, sort->down, r->arena, out);
}

static int sorted_add(struct eds_run *r, struct sorted_list *l, int64_t rid)
{
    struct sorted s = {.rid = rid};
    struct json_doc *doc = NULL;
    int err = AM_OK;
    for (size_t i = 0; i < l->q->sorts && !err; i++)
        err = sorted_key(r, &l->q->sort[i], rid, &doc, &s.key[i]);
    json_free(doc);
    return err ? err : vec_push(l, s);
}

/* ---- the cursor's keys: "n<bits of the double>", "t<decimal>", "x<text in hex>", "-" --
 */
static int keys_write(const struct fhir_query *q, const struct sorted *s, struct buf *b)
{
    int err = AM_OK;
    for (size_t i = 0; i < q->sorts && !err; i++) {
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

static int keys_read(struct eds_run *r, struct str text, struct sorted *s)
{
    const struct fhir_query *q = r->what->query;
    struct str one;
    for (size_t i = 0; i < q->sorts; i++) {
        int err;
        one = str_cut(text, '.', &text);
        err = key_read(r->arena, one, &s->key[i]);
        if (err)
            return err;
    }
    return text.n ? AM_E_SYNTAX : AM_OK;
}

/* ---- the page -----------------------------------------------------------------------
 */
static int sorted_all(struct eds_run *r, struct eds_node *n, struct sorted_list *l)
{
    struct eds_rids all = {0};
    size_t max = EDS_SORT_MAX;
    int err;
    for (size_t i = 0; i < l->q->sorts; i++)
        if (!sorted_by_rows(&l->q->sort[i].param) &&
            !str_eqc(l->q->sort[i].param.code, "_id") &&
            !str_eqc(l->q->sort[i].param.code, "_lastUpdated"))
            max = EDS_SORT_BODIES;
    err = eds_collect(r, n, max, &all);
    if (err == AM_E_TOOBIG && !diag_result(r->d))
        err = eds_costly(r, (int)max);
    for (size_t i = 0; i < all.n && !err; i++)
        err = sorted_add(r, l, all.v[i]);
    vec_release(&all);
    return err;
}

static int sorted_next(struct eds_run *r, const struct sorted *last, struct eds_found *f)
{
    struct buf keys;
    int err, n;
    buf_init(&keys, EDS_CURSOR);
    err = keys_write(r->what->query, last, &keys);
    n = err ? 0 : snprintf(f->next, sizeof f->next, "%" PRId64 ".%s", last->rid, keys.p);
    buf_release(&keys);
    return err ? err : (size_t)n < sizeof f->next ? AM_OK : AM_E_TOOBIG;
}

int eds_sorted_page(struct eds_run *r, struct eds_node *n, size_t count, struct str after,
                    int64_t after_rid, struct eds_found *f)
{
    struct sorted_list l = {.q = r->what->query};
    struct sorted last = {.rid = after_rid};
    size_t i = 0;
    int err = after_rid ? keys_read(r, after, &last) : AM_OK;
    if (err == AM_E_SYNTAX)
        diag_err(r->d, "_page", "search.page", "keys");
    if (!err)
        err = sorted_all(r, n, &l);
    f->total = (int64_t)l.n;
    if (!err && l.n)
        qsort_r(l.v, l.n, sizeof *l.v, sorted_order, (void *)(uintptr_t)l.q);
    while (!err && after_rid && i < l.n && sorted_cmp(l.q, &l.v[i], &last) <= 0)
        i++;
    for (; !err && i < l.n && f->hit.n < count; i++)
        err = eds_rids_add(&f->hit, l.v[i].rid);
    if (!err && i < l.n && f->hit.n)
        err = sorted_next(r, &l.v[i - 1], f);
    vec_release(&l);
    return err;
}
