/* SPDX-License-Identifier: Apache-2.0 */
/* The four index tables as a whole: every row, in pages; is a row there; sums that tell
 * whether two sets of rows are the same without keeping either. */
#include "eds/eds_priv.h"

enum { EDS_INDEX_PAGE = 4096 };

static uint64_t eds_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

void eds_sum_add(struct eds_sum sum[4], const struct fhir_row *r, int64_t rid)
{
    uint64_t h = eds_mix(0x5eed, (uint64_t)rid), bits = 0;
    switch (r->kind) {
    case FHIR_ROW_TOKEN:
        h = eds_mix(h, r->hash);
        break;
    case FHIR_ROW_DATE:
        h = eds_mix(eds_mix(eds_mix(h, r->param), (uint64_t)r->lo), (uint64_t)r->hi);
        break;
    case FHIR_ROW_QUANTITY:
        memcpy(&bits, &r->value, sizeof bits);
        h = eds_mix(eds_mix(eds_mix(h, r->param), r->unit), bits);
        break;
    case FHIR_ROW_STRING:
        h = eds_mix(eds_mix(h, r->param), str_hash(r->text));
        break;
    }
    sum[r->kind].n++;
    sum[r->kind].sum += h;
}

/* ---- every row ---- */
/* The last row of a page: the next one begins after it. text is kept here. */
struct eds_cursor {
    struct fhir_row r;
    int64_t rid;
    struct buf text;
};

static const char *const eds_index_sql[4] = {
    "select rid, h from tok where (h, rid) > ($1, $2) order by h, rid limit $3",
    "select rid, p, lo, hi from dat where (p, lo, rid, hi) > ($4, $1, $2, $5)"
    " order by p, lo, rid, hi limit $3",
    "select rid, p, unit, v from qty where (p, unit, v, rid) > ($4, $1, $5, $2)"
    " order by p, unit, v, rid limit $3",
    "select rid, p, t from str where (p, t, rid) > ($1, $4, $2)"
    " order by p, t, rid limit $3"};

static void eds_cursor_bind(struct db_stmt *s, const struct eds_cursor *at)
{
    const struct fhir_row *r = &at->r;
    db_bind_int(s, 2, at->rid);
    db_bind_int(s, 3, EDS_INDEX_PAGE);
    switch (r->kind) {
    case FHIR_ROW_TOKEN:
        db_bind_int(s, 1, (int64_t)r->hash);
        break;
    case FHIR_ROW_DATE:
        db_bind_int(s, 4, r->param);
        db_bind_int(s, 1, r->lo);
        db_bind_int(s, 5, r->hi);
        break;
    case FHIR_ROW_QUANTITY:
        db_bind_int(s, 4, r->param);
        db_bind_int(s, 1, r->unit);
        db_bind_num(s, 5, r->value);
        break;
    case FHIR_ROW_STRING:
        db_bind_int(s, 1, r->param);
        db_bind_str(s, 4, buf_str(&at->text));
        break;
    }
}

static void eds_cursor_read(struct db_stmt *s, struct eds_cursor *at)
{
    struct fhir_row *r = &at->r;
    at->rid = db_int(s, 0);
    if (r->kind == FHIR_ROW_TOKEN) {
        r->hash = (uint64_t)db_int(s, 1);
        return;
    }
    r->param = (uint32_t)db_int(s, 1);
    if (r->kind == FHIR_ROW_DATE) {
        r->lo = db_int(s, 2);
        r->hi = db_int(s, 3);
    } else if (r->kind == FHIR_ROW_QUANTITY) {
        r->unit = (uint32_t)db_int(s, 2);
        r->value = db_num(s, 3);
    } else {
        r->text = db_str(s, 2);
    }
}

static int eds_index_page(struct eds_view *v, struct eds_cursor *at, eds_row_fn *fn,
                          void *arg, size_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, eds_index_sql[at->r.kind], &s);
    *n = 0;
    if (err)
        return err;
    eds_cursor_bind(s, at);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        eds_cursor_read(s, at);
        (*n)++;
        err = fn(arg, &at->r, at->rid);
        if (!err && at->r.kind == FHIR_ROW_STRING && *n == EDS_INDEX_PAGE) {
            buf_clear(&at->text);
            err = buf_add(&at->text, at->r.text);
        }
    }
    return err;
}

int eds_index_each(struct eds_view *v, eds_row_fn *fn, void *arg)
{
    int err = AM_OK;
    for (int kind = FHIR_ROW_TOKEN; kind <= FHIR_ROW_STRING && !err; kind++) {
        struct eds_cursor at = {.rid = INT64_MIN,
                                .r = {.kind = (enum fhir_row_kind)kind,
                                      .hash = (uint64_t)INT64_MIN,
                                      .lo = INT64_MIN,
                                      .hi = INT64_MIN,
                                      .value = -__DBL_MAX__}};
        size_t n = EDS_INDEX_PAGE;
        buf_init(&at.text, 1 << 20);
        while (!err && n == EDS_INDEX_PAGE)
            err = eds_index_page(v, &at, fn, arg, &n);
        buf_release(&at.text);
    }
    return err;
}

int eds_index_has(struct eds_view *v, const struct fhir_row *r, int64_t rid, bool *has)
{
    static const char *const sql[4] = {
        "select 1 from tok where h = $1 and rid = $2",
        "select 1 from dat where p = $3 and lo = $1 and rid = $2 and hi = $4",
        "select 1 from qty where p = $3 and unit = $1 and v = $4 and rid = $2",
        "select 1 from str where p = $3 and t = $1 and rid = $2"};
    struct db_stmt *s;
    int err = db_prepare(v->c, sql[r->kind], &s);
    if (err)
        return err;
    db_bind_int(s, 2, rid);
    if (r->kind == FHIR_ROW_STRING)
        db_bind_str(s, 1, r->text);
    else
        db_bind_int(s, 1,
                    r->kind == FHIR_ROW_TOKEN  ? (int64_t)r->hash
                    : r->kind == FHIR_ROW_DATE ? r->lo
                                               : (int64_t)r->unit);
    if (r->kind != FHIR_ROW_TOKEN)
        db_bind_int(s, 3, r->param);
    if (r->kind == FHIR_ROW_DATE)
        db_bind_int(s, 4, r->hi);
    if (r->kind == FHIR_ROW_QUANTITY)
        db_bind_num(s, 4, r->value);
    return db_step(s, has);
}
