/* SPDX-License-Identifier: Apache-2.0 */
/* eds_source -- the store as a source of posting lists: what a search asks, in one view.
 */
#include "eds/eds_index_priv.h"
#include "eds/search.h"

static int source_top(void *self, int64_t *rid)
{
    return eds_top(self, rid);
}

static int source_term(void *self, uint64_t hash, int64_t below, size_t max, int64_t *rid,
                       size_t *n)
{
    return eds_tok(self, hash, below, max, rid, n);
}

static int source_count(void *self, uint64_t hash, int64_t *n)
{
    return eds_tok_count(self, hash, n);
}

static int source_rows(void *self, const struct eds_stretch *s, eds_each_fn *fn,
                       void *arg)
{
    const struct eds_span span = {.param = s->param,
                                  .unit = s->unit,
                                  .lo_min = s->lo_min,
                                  .lo_max = s->lo_max,
                                  .v_min = s->v_min,
                                  .v_max = s->v_max,
                                  .t_min = s->text_min,
                                  .t_under = s->text_under};
    return eds_span_each(self, s->kind, &span, fn, arg);
}

struct source_own {
    eds_each_fn *fn;
    void *arg;
    int64_t rid;
};

static int source_own_row(void *arg, const struct fhir_row *row)
{
    const struct source_own *o = arg;
    return o->fn(o->arg, row, o->rid);
}

static int source_own(void *self, int64_t rid, eds_each_fn *fn, void *arg)
{
    struct eds_view *v = self;
    struct source_own o = {fn, arg, rid};
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, "select terms from res where rid = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    return err || !row ? err : eds_terms_each(db_blob(s, 0), source_own_row, &o);
}

static int source_find(void *self, struct str type, struct str id, int64_t *rid)
{
    int err = eds_find(self, type, id, rid);
    if (err == AM_E_NOTFOUND)
        *rid = 0;
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int source_name(void *self, int64_t rid, struct eds_name *out)
{
    struct eds_meta m;
    int err = eds_fetch(self, rid, NULL, &m);
    if (!err) {
        memcpy(out->type, m.type, sizeof out->type);
        memcpy(out->id, m.id, sizeof out->id);
    }
    return err;
}

enum { SOURCE_NAMES = 4096 };

/* A stretch of the ids of a type: the index of the table holds all that is asked. */
static int source_names_page(struct eds_view *v, int64_t kind, struct eds_id *after,
                             eds_ids_fn *fn, void *arg, size_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c,
                         "select id, rid from res where type = $1 and id > $2"
                         " order by id limit $3",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, kind);
    db_bind_blob(s, 2, after->p, after->n);
    db_bind_int(s, 3, SOURCE_NAMES);
    *n = 0;
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        char id[EDS_ID_MAX + 1];
        struct str packed = db_blob(s, 0);
        if (packed.n > sizeof after->p)
            return AM_E_TAMPERED;
        memcpy(after->p, packed.p, packed.n);
        after->n = packed.n;
        err = eds_id_unpack(packed, id);
        if (!err)
            err = fn(arg, str_c(id), db_int(s, 1));
        ++*n;
    }
    return err;
}

static int source_names(void *self, struct str type, eds_ids_fn *fn, void *arg)
{
    struct eds_view *v = self;
    struct eds_id after = {.n = 0};
    size_t n = SOURCE_NAMES;
    int64_t kind;
    int err = eds_kind(v->e, type, &kind);
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    while (!err && n == SOURCE_NAMES)
        err = source_names_page(v, kind, &after, fn, arg, &n);
    return err;
}

static int source_body(void *self, int64_t rid, struct json_doc **out)
{
    struct buf b;
    int err;
    buf_init(&b, EDS_BODY_MAX + 4096);
    err = eds_fetch(self, rid, &b, NULL);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

static int source_rid_at(void *self, int64_t at, int64_t *rid)
{
    return eds_rid_at(self, at, rid);
}

struct eds_source eds_view_source(struct eds_view *v)
{
    return (struct eds_source){.self = v,
                               .top = source_top,
                               .term = source_term,
                               .count = source_count,
                               .rows = source_rows,
                               .own = source_own,
                               .find = source_find,
                               .name = source_name,
                               .names = source_names,
                               .body = source_body,
                               .rid_at = source_rid_at};
}
