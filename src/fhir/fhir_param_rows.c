/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param_rows -- every index row of a resource: parameters, composites, presence. */
#include "fhir/fhir_param_priv.h"

#include "base/vec.h"
#include "search/search.h"

/* ---- words of a text ----------------------------------------------------------------
 */
static int rows_word(void *arg, struct str word)
{
    struct fhir_sink *s = arg;
    fhir_sink_term(s, FHIR_TERM_NAME_KEY, word, STR_NULL);
    return s->err;
}

/* Text of XHTML: what stands between the tags. */
static void rows_narrative(struct fhir_sink *s, struct str div)
{
    while (div.n && !s->err) {
        struct str rest, text = str_cut(div, '<', &rest);
        if (search_words(text, rows_word, s))
            return;
        (void)str_cut(rest, '>', &div);
    }
}

static bool rows_machine(struct str member)
{
    static const char *const name[] = {
        "system",      "url",      "reference", "id",   "code",      "resourceType",
        "div",         "fullUrl",  "profile",   "data", "versionId", "contentType",
        "lastUpdated", "language", "status",    "unit"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(member, name[i]))
            return true;
    return false;
}

static void rows_content(struct fhir_sink *s, const struct json *v)
{
    for (json_each(it, v)) {
        if (json_type(it.val) == JSON_STRING) {
            if (!rows_machine(it.key) && search_words(json_str(it.val), rows_word, s))
                return;
        } else if (json_type(it.val) >= JSON_ARRAY)
            rows_content(s, it.val); /* as deep as the document, which is bounded */
    }
}

void fhir_sink_words(struct fhir_sink *s, const struct json *v, bool narrative)
{
    if (!s->index->words)
        return;
    if (!narrative)
        rows_content(s, v);
    rows_narrative(s, json_get_str(json_get(v, "text"), "div"));
}

/* ---- composites ---------------------------------------------------------------------
 */
struct fhir_term_text fhir_term_text(uint64_t h)
{
    struct fhir_term_text t;
    for (unsigned i = 0; i < sizeof t.p; i++)
        t.p[i] = (char)(h >> (8 * i));
    return t;
}

struct rows_join {
    struct fhir_sink *out;
    const struct fhir_param *param;
};

static void rows_leaf(void *arg, const struct json *v, const struct fhir_pbranch *b)
{
    fhir_sink_value(arg, v, b);
}

/* The rows of one part, under the part's own number. */
static void rows_part(struct fhir_sink *s, const struct json *place,
                      const struct fhir_ppart *part, const struct fhir_param_part *pp,
                      struct fhir_rows *into)
{
    struct fhir_sink one = *s;
    one.kind = pp->kind;
    one.number = one.number_long = pp->number;
    one.number_text = one.number_part = 0;
    one.rows = into;
    for (unsigned i = 0; i < part->branches && !one.err; i++)
        fhir_walk_branch(part->root ? s->resource : place,
                         &fhir_param_branches[part->branch + i], rows_leaf, &one);
    s->err = one.err;
}

static void rows_pair(struct fhir_sink *s, uint32_t number, const struct fhir_row *a,
                      const struct fhir_row *b)
{
    struct fhir_row r = *b;
    fhir_composite_row(&s->index->key, number, a->hash, &r);
    if (b->kind == FHIR_ROW_STRING && !b->param) /* texts of codes are no part */
        return;
    fhir_sink_row(s, r);
}

/* Three parts: a code, and two numbers that belong together. */
static void rows_three(struct fhir_sink *s, uint32_t number, const struct fhir_row *first,
                       const struct fhir_rows *a, const struct fhir_rows *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n && !s->err; k++) {
            struct fhir_row r = {.kind = FHIR_ROW_DATE,
                                 .lo = fhir_row_of(a->v[i].value),
                                 .hi = fhir_row_of(b->v[k].value)};
            fhir_composite_pair(&s->index->key, number, first->hash, &r);
            fhir_sink_row(s, r);
        }
}

static void rows_place(void *arg, const struct json *v, const struct fhir_pplace *place)
{
    struct rows_join *j = arg;
    struct fhir_rows part[3] = {0};
    struct fhir_param_part pp;
    struct fhir_sink *s = j->out;
    for (unsigned i = 0; i < place->parts && (!i || part[0].n) && !s->err; i++)
        if (fhir_param_part(j->param, i, &pp))
            rows_part(s, v, &fhir_param_parts[place->part + i], &pp, &part[i]);
    for (size_t a = 0; a < part[0].n && !s->err; a++) {
        if (part[0].v[a].kind != FHIR_ROW_TOKEN)
            continue;
        if (place->parts == 3)
            rows_three(s, pp.number, &part[0].v[a], &part[1], &part[2]);
        for (size_t b = 0; b < part[1].n && place->parts == 2 && !s->err; b++)
            rows_pair(s, pp.number, &part[0].v[a], &part[1].v[b]);
    }
    for (unsigned i = 0; i < 3; i++)
        fhir_rows_release(&part[i]);
}

/* ---- all of them --------------------------------------------------------------------
 */
static void rows_param(struct fhir_sink *s, const struct fhir_param *p)
{
    const struct fhir_pparam *q = &fhir_param_params[p->index];
    struct rows_join join = {s, p};
    size_t before = s->rows->n;
    s->kind = p->kind;
    s->number = p->number;
    s->phonetic = str_eqc(p->code, "phonetic");
    s->number_text = s->number_long = s->number_part = 0;
    if (fhir_param_worded(p))
        s->number_part = fhir_part_number(p->type, p->code);
    if (p->kind == FHIR_PARAM_TOKEN)
        s->number_text = fhir_text_number(p->type, p->code);
    if (p->kind == FHIR_PARAM_DATE)
        s->number_long = fhir_long_number(p->type, p->code);
    fhir_walk_param(s->resource, q, rows_leaf, s);
    for (unsigned i = 0; i < q->places; i++)
        fhir_walk_place(s->resource, &fhir_param_places[q->place + i], rows_place, &join);
    if (s->rows->n > before)
        fhir_sink_term(s, FHIR_TERM_PRESENT, STR_NULL, STR_NULL);
}

static int rows_order(const void *a, const void *b)
{
    return fhir_row_cmp(a, b);
}

static void rows_unique(struct fhir_rows *r)
{
    size_t n = 0;
    if (!r->n)
        return;
    qsort(r->v, r->n, sizeof *r->v, rows_order);
    for (size_t i = 1; i < r->n; i++)
        if (fhir_row_cmp(&r->v[n], &r->v[i]))
            r->v[++n] = r->v[i];
    r->n = n + 1;
}

int fhir_rows(const struct json *resource, const struct fhir_index *x, struct arena *a,
              struct fhir_rows *out)
{
    struct str type = json_get_str(resource, "resourceType");
    struct fhir_sink s = {
        .index = x, .resource = resource, .arena = a, .rows = out, .err = AM_OK};
    struct fhir_param p;
    if (!fhir_search_type(type))
        return AM_E_INVALID;
    out->n = 0;
    for (size_t i = 0; !s.err && fhir_param_at(type, i, &p); i++)
        if (!str_eqc(p.code, "_id") && !str_eqc(p.code, "_lastUpdated"))
            rows_param(&s, &p); /* those two are the store's own columns */
    s.number = fhir_param_number(type, STR("_type"));
    fhir_sink_term(&s, FHIR_TERM_TYPE, STR_NULL, STR_NULL);
    if (s.err) {
        fhir_rows_release(out);
        return s.err;
    }
    rows_unique(out);
    return AM_OK;
}
