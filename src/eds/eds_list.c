/* SPDX-License-Identifier: Apache-2.0 */
/* Posting lists and counts, for searches. */
#include "eds/eds_priv.h"

static int eds_number_of(struct eds_view *v, const char *sql, int64_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, sql, &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *n = row ? db_int(s, 0) : 0;
    return err;
}

int eds_top(struct eds_view *v, int64_t *rid)
{
    int64_t past = 0;
    int err = eds_number_of(v, "select rid from res order by rid desc limit 1", rid);
    if (!err)
        err = eds_number_of(v, "select rid from hist order by rid desc limit 1", &past);
    if (!err && past > *rid)
        *rid = past;
    return err;
}

/* The first row at or after a rid: its rid and instant. */
static int eds_from(struct eds_view *v, const char *sql, int64_t rid, int64_t at[2])
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, sql, &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    if (!err && row && db_int(s, 0) < at[0]) {
        at[0] = db_int(s, 0);
        at[1] = db_int(s, 1);
    }
    return err;
}

/* rid and instant grow together: bisection. */
int eds_rid_at(struct eds_view *v, int64_t at, int64_t *rid)
{
    int64_t lo = 1, hi, top;
    int err = eds_top(v, &top);
    hi = top + 1;
    while (!err && lo < hi) {
        int64_t mid = lo + (hi - lo) / 2, found[2] = {INT64_MAX, INT64_MAX};
        err = eds_from(v, "select rid, at from res where rid >= $1 order by rid limit 1",
                       mid, found);
        if (!err)
            err = eds_from(
                v, "select rid, at from hist where rid >= $1 order by rid limit 1", mid,
                found);
        if (found[1] >= at)
            hi = mid;
        else
            lo = found[0] + 1;
    }
    if (!err)
        *rid = lo > top ? INT64_MAX : lo;
    return err;
}

int eds_tok(struct eds_view *v, uint64_t hash, int64_t below, size_t max, int64_t *rid,
            size_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c,
                         "select rid from tok where h = $1 and rid < $2"
                         " order by rid desc limit $3",
                         &s);
    *n = 0;
    if (err)
        return err;
    db_bind_int(s, 1, (int64_t)hash);
    db_bind_int(s, 2, below);
    db_bind_int(s, 3, (int64_t)AM_MIN(max, (size_t)INT32_MAX));
    for (err = db_step(s, &row); !err && row; err = db_step(s, &row))
        rid[(*n)++] = db_int(s, 0);
    return err;
}

int eds_tok_has(struct eds_view *v, uint64_t hash, int64_t rid, bool *has)
{
    struct db_stmt *s;
    int err = db_prepare(v->c, "select 1 from tok where h = $1 and rid = $2", &s);
    if (err)
        return err;
    db_bind_int(s, 1, (int64_t)hash);
    db_bind_int(s, 2, rid);
    return db_step(s, has);
}

int eds_tok_count(struct eds_view *v, uint64_t hash, int64_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, "select count(*) from tok where h = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, (int64_t)hash);
    err = db_step(s, &row);
    if (!err)
        *n = db_int(s, 0);
    return err;
}

/* ---- spans ---- */
static int eds_span_run(struct db_stmt *s, struct fhir_row *r, eds_row_fn *fn, void *arg)
{
    bool row = false;
    int err;
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        if (r->kind == FHIR_ROW_DATE) {
            r->lo = db_int(s, 1);
            r->hi = db_int(s, 2);
        } else if (r->kind == FHIR_ROW_QUANTITY) {
            r->value = db_num(s, 1);
        } else {
            r->text = db_str(s, 1);
        }
        err = fn(arg, r, db_int(s, 0));
    }
    return err > 0 ? AM_OK : err;
}

int eds_dat(struct eds_view *v, const struct eds_span *p, eds_row_fn *fn, void *arg)
{
    struct fhir_row r = {.kind = FHIR_ROW_DATE, .param = p->param};
    struct db_stmt *s;
    int err = db_prepare(v->c,
                         p->down ? "select rid, lo, hi from dat where p = $1 and lo >= $2"
                                   " and lo <= $3 order by lo desc, rid desc"
                                 : "select rid, lo, hi from dat where p = $1 and lo >= $2"
                                   " and lo <= $3 order by lo, rid",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, p->param);
    db_bind_int(s, 2, p->lo_min);
    db_bind_int(s, 3, p->lo_max);
    return eds_span_run(s, &r, fn, arg);
}

int eds_qty(struct eds_view *v, const struct eds_span *p, eds_row_fn *fn, void *arg)
{
    struct fhir_row r = {.kind = FHIR_ROW_QUANTITY, .param = p->param, .unit = p->unit};
    struct db_stmt *s;
    int err = db_prepare(v->c,
                         p->down ? "select rid, v from qty where p = $1 and unit = $2 and"
                                   " v >= $3 and v <= $4 order by v desc, rid desc"
                                 : "select rid, v from qty where p = $1 and unit = $2 and"
                                   " v >= $3 and v <= $4 order by v, rid",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, p->param);
    db_bind_int(s, 2, p->unit);
    db_bind_num(s, 3, p->v_min);
    db_bind_num(s, 4, p->v_max);
    return eds_span_run(s, &r, fn, arg);
}

static const char *const eds_str_sql[2][2] = {
    {"select rid, t from str where p = $1 and t >= $2 order by t, rid",
     "select rid, t from str where p = $1 and t >= $2 order by t desc, rid desc"},
    {"select rid, t from str where p = $1 and t >= $2 and t < $3 order by t, rid",
     "select rid, t from str where p = $1 and t >= $2 and t < $3"
     " order by t desc, rid desc"},
};

int eds_str(struct eds_view *v, const struct eds_span *p, eds_row_fn *fn, void *arg)
{
    struct fhir_row r = {.kind = FHIR_ROW_STRING, .param = p->param};
    bool end = p->t_under.n > 0;
    struct db_stmt *s;
    int err = db_prepare(v->c, eds_str_sql[end][p->down], &s);
    if (err)
        return err;
    db_bind_int(s, 1, p->param);
    db_bind_str(s, 2, p->t_min.p ? p->t_min : STR(""));
    if (end)
        db_bind_str(s, 3, p->t_under);
    return eds_span_run(s, &r, fn, arg);
}

/* ---- counts ---- */
int eds_count(struct eds_view *v, struct eds_stats *out)
{
    struct eds_stats n = {.keys = atomic_load(&v->e->n_keys),
                          .dictionaries = atomic_load(&v->e->n_dicts)};
    const struct {
        const char *sql;
        int64_t *to;
    } ask[] = {
        {"select count(*) from res", &n.current},
        {"select count(*) from hist", &n.past},
        {"select count(*) from tok", &n.tokens},
        {"select count(*) from dat", &n.dates},
        {"select count(*) from qty", &n.quantities},
        {"select count(*) from str", &n.texts},
        {"select coalesce(cast(sum(length(body)) as bigint), 0) from res", &n.body_b},
        {"select coalesce(cast(sum(length(terms)) as bigint), 0) from res", &n.terms_b},
    };
    int err = eds_top(v, &n.top);
    for (size_t i = 0; i < AM_LEN(ask) && !err; i++)
        err = eds_number_of(v, ask[i].sql, ask[i].to);
    if (!err)
        *out = n;
    return err;
}
