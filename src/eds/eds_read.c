/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one version, and lists of versions. */
#include "eds/eds_index_priv.h"
#include "eds/eds_scar_priv.h"

int eds_meta_read(const struct eds_view *v, struct db_stmt *s, struct eds_meta *m)
{
    const char *type = eds_kind_name(v->e, db_int(s, 1));
    *m = (struct eds_meta){.rid = db_int(s, 0), .ver = db_int(s, 3), .at = db_int(s, 4)};
    if (!v->writer) /* its own may be undone yet */
        eds_saw(v->e, m->rid);
    if (!type)
        return AM_E_UNAVAILABLE; /* a type met by the writer since we looked */
    memcpy(m->type, type, strlen(type) + 1);
    return eds_id_unpack(db_blob(s, 2), m->id);
}

/* A sealed body, taken out of the database's hands. */
struct eds_sealed {
    struct eds_meta m;
    struct buf body;
};

static int eds_seen(const struct eds_view *v, struct db_stmt *s, bool current,
                    struct eds_sealed *out)
{
    int err = eds_meta_read(v, s, &out->m);
    out->m.current = current;
    buf_clear(&out->body);
    return err ? err : buf_add(&out->body, db_blob(s, 5));
}

static int eds_one(struct eds_view *v, const char *sql, int64_t kind,
                   const struct eds_id *id, int64_t ver, struct db_stmt **s, bool *row)
{
    int err = db_prepare(v->c, sql, s);
    *row = false;
    if (err)
        return err;
    db_bind_int(*s, 1, kind);
    db_bind_blob(*s, 2, id->p, id->n);
    if (ver)
        db_bind_int(*s, 3, ver);
    return db_step(*s, row);
}

static int eds_look_erased(struct eds_view *v, int64_t kind, const struct eds_id *id,
                           int64_t ver, bool newest, struct eds_meta *m)
{
    int err = eds_scar_find(v->e, v->c, eds_kind_name(v->e, kind),
                            (struct str){id->p, id->n}, ver, m);
    if (!err)
        m->current = newest && !ver;
    return err;
}

/* The version asked for: the current one, or one of the past. */
static int eds_look(struct eds_view *v, struct str type, struct str id, int64_t ver,
                    struct eds_sealed *out)
{
    struct db_stmt *s;
    struct eds_id key;
    int64_t kind;
    bool row, current;
    int err = eds_id_ok(id) ? eds_kind(v->e, type, &kind) : AM_E_NOTFOUND;
    if (err)
        return err;
    eds_id_pack(id, &key);
    err = eds_one(v,
                  "select rid, type, id, ver, at, body from res where type = $1"
                  " and id = $2",
                  kind, &key, 0, &s, &row);
    if (err)
        return err;
    if (row && (!ver || db_int(s, 3) == ver))
        return eds_seen(v, s, true, out);
    if (row && ver > db_int(s, 3))
        return AM_E_NOTFOUND;
    current = row;
    if (ver)
        err = eds_one(v,
                      "select rid, type, id, ver, at, body, gone from hist where"
                      " type = $1 and id = $2 and ver = $3",
                      kind, &key, ver, &s, &row);
    else
        err = eds_one(v,
                      "select rid, type, id, ver, at, body, gone from hist where"
                      " type = $1 and id = $2 order by ver desc limit 1",
                      kind, &key, 0, &s, &row);
    if (!err && !row)
        return eds_look_erased(v, kind, &key, ver, !current, &out->m);
    if (!err)
        err = eds_seen(v, s, !ver, out);
    if (!err)
        out->m.gone = db_int(s, 6) != 0;
    return err;
}

static int eds_show(struct eds *e, const struct eds_sealed *x, struct buf *out)
{
    return x->m.gone || !out ? AM_OK : eds_unseal_join(e, &x->m, buf_str(&x->body), out);
}

int eds_get(struct eds_view *v, struct str type, struct str id, int64_t ver,
            struct buf *out, struct eds_meta *m)
{
    struct eds_sealed x = {0};
    int err;
    buf_init(&x.body, 2 * EDS_BODY_MAX);
    err = eds_look(v, type, id, ver, &x);
    if (!err)
        err = eds_show(v->e, &x, out);
    if (!err && m)
        *m = x.m;
    buf_release(&x.body);
    return err;
}

/* ---- one call: what needs no database is done after it was given back ---- */
struct eds_read {
    struct eds *e;
    struct str type, id;
    int64_t ver;
    struct eds_sealed x;
};

static int eds_read_fn(struct db_conn *c, void *arg)
{
    struct eds_read *r = arg;
    struct eds_view v = {.e = r->e, .c = c};
    return eds_look(&v, r->type, r->id, r->ver, &r->x);
}

/* A process beside the writer's meets types, keys and dictionaries it has not loaded. */
static int eds_refresh(struct eds *e)
{
    int err = eds_vault_load(e);
    if (!err)
        err = eds_scars_there(e);
    if (!err)
        err = eds_formats_there(e);
    return err ? err : eds_kinds_load(e);
}

static bool eds_stale(const struct eds *e, int err)
{
    return err == AM_E_UNAVAILABLE || (err == AM_E_NOTFOUND && e->mode != EDS_WRITE);
}

int eds_read(struct eds *e, struct str type, struct str id, int64_t ver, struct buf *out,
             struct eds_meta *m)
{
    struct eds_read r = {.e = e, .type = type, .id = id, .ver = ver};
    int err = AM_E_UNAVAILABLE;
    buf_init(&r.x.body, 2 * EDS_BODY_MAX);
    for (int i = 0; i < 2 && eds_stale(e, err); i++) {
        err = i ? eds_refresh(e) : AM_OK;
        if (!err)
            err = db_read(e->db, eds_read_fn, &r);
        if (!err)
            err = eds_show(e, &r.x, out);
    }
    if (!err && m)
        *m = r.x.m;
    buf_release(&r.x.body);
    return err;
}

struct eds_viewing {
    struct eds *e;
    eds_view_fn *fn;
    void *arg;
    uint64_t epoch; /* before its snapshot */
};

static int eds_view_db(struct db_conn *c, void *arg)
{
    const struct eds_viewing *w = arg;
    struct eds_view v = {.e = w->e, .c = c, .epoch = w->epoch};
    int err = w->fn(&v, w->arg);
    eds_ix_free(w->e, v.ix);
    return err;
}

int eds_view(struct eds *e, eds_view_fn *fn, void *arg)
{
    struct eds_viewing w = {e, fn, arg, eds_kept_epoch(e->kept)};
    int err = e->mode == EDS_WRITE ? AM_OK : eds_refresh(e);
    return err ? err : db_read(e->db, eds_view_db, &w);
}

uint64_t eds_epoch(const struct eds_view *v, int64_t rid)
{
    bool told = true;
    if (v->writer) { /* sees what is not committed yet */
        am_assert(!pthread_mutex_lock(&v->e->lock));
        told = rid <= v->e->told.rid;
        am_assert(!pthread_mutex_unlock(&v->e->lock));
    }
    return told ? v->epoch : 0;
}

struct eds *eds_of(const struct eds_view *v)
{
    return v->e;
}

/* The current version that has this rid. */
static int eds_fetch_row(struct eds_view *v, int64_t rid, struct buf *out,
                         struct eds_meta *m)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(
        v->c, "select rid, type, id, ver, at, body from res where rid = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (!err)
        err = eds_meta_read(v, s, m);
    m->current = true;
    return err || !out ? err : eds_unseal_join(v->e, m, db_blob(s, 5), out);
}

/* A writer's rids may be taken back, and who checks the store wants what is on disk. */
int eds_fetch(struct eds_view *v, int64_t rid, struct buf *out, struct eds_meta *m)
{
    bool kept = out && !v->writer && !v->alone, found = false;
    size_t from = out ? out->n : 0;
    struct eds_meta met = {0};
    int err = kept ? eds_kept_get(v->e->kept, v->epoch, rid, out, &met, &found) : AM_OK;
    if (!err && !found)
        err = eds_fetch_row(v, rid, out, &met);
    if (!err && kept && !found)
        eds_kept_put(v->e->kept, v->epoch, &met,
                     (struct str){out->p + from, out->n - from});
    if (!err && m)
        *m = met;
    return err;
}

int eds_find(struct eds_view *v, struct str type, struct str id, int64_t *rid)
{
    struct db_stmt *s;
    struct eds_id key;
    int64_t kind;
    bool row;
    int err = eds_id_ok(id) ? eds_kind(v->e, type, &kind) : AM_E_NOTFOUND;
    if (err)
        return err;
    eds_id_pack(id, &key);
    err = eds_one(v, "select rid from res where type = $1 and id = $2", kind, &key, 0, &s,
                  &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (!err)
        *rid = db_int(s, 0);
    return err;
}
