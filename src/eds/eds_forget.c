/* SPDX-License-Identifier: Apache-2.0 */
/* A dictionary holds pieces of the bodies it was learnt with. After an erasure all there
 * were are replaced by one learnt with what remains: which of them held a piece of the
 * patient cannot be told. Each step may be the last one done: the next call goes on. */
#include "base/log.h"
#include "eds/eds_scar_priv.h"

enum {
    FORGET_SAMPLES = 3000,
    FORGET_SAMPLE_MAX = 8192, /* bytes of one */
    FORGET_BYTES = 12 << 20,
    FORGET_DICT = 112640,
    FORGET_GROUP = 500 /* bodies sealed anew at once */
};

struct forget {
    struct eds *e;
    int64_t mark; /* dictionaries up to this number are to go; 0: none */
    int64_t top;
    eds_progress_fn *progress;
    void *arg;
    struct arena bodies;
    VEC(struct str) sample;
    size_t bytes, seen;
    uint64_t draw;
    struct buf kept;
};

static int forget_look(struct eds_view *v, void *arg)
{
    struct forget *f = arg;
    struct db_stmt *s;
    bool row = false;
    int err = eds_top(v, &f->top);
    if (!err)
        err = db_prepare(v->c,
                         "select coalesce(max(v.n), 0) from vault v where v.kind = 'dict'"
                         " and length(v.sealed) > 0 and exists (select 1 from erasure x"
                         " where x.scrubbed = 0 and x.dict >= v.n)",
                         &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        f->mark = db_int(s, 0);
    return err;
}

static int forget_stop(const struct forget *f, int64_t done)
{
    return f->progress && !f->progress(f->arg, done, f->top) ? AM_E_TIMEOUT : AM_OK;
}

/* ---- learning anew ---- */
/* An even choice among all (reservoir); a slot taken again costs its old bytes. */
static int forget_keep(struct forget *f, struct str kept)
{
    uint64_t slot = f->seen++;
    char *p;
    f->draw = f->draw * 6364136223846793005u + 1442695040888963407u;
    if (f->sample.n == FORGET_SAMPLES)
        slot = (f->draw >> 33) % f->seen;
    if (slot >= FORGET_SAMPLES || f->bytes + kept.n > FORGET_BYTES)
        return AM_OK;
    p = arena_dup(&f->bodies, kept);
    if (!p)
        return AM_E_NOMEM;
    f->bytes += kept.n;
    if (slot >= f->sample.n)
        return vec_push(&f->sample, ((struct str){p, kept.n}));
    f->sample.v[slot] = (struct str){p, kept.n};
    return AM_OK;
}

static int forget_version(void *arg, const struct eds_version *x)
{
    struct forget *f = arg;
    int err = x->m.rid % 256 ? AM_OK : forget_stop(f, x->m.rid / 2);
    if (err || x->m.gone)
        return err;
    buf_clear(&f->kept);
    err = eds_unseal(f->e, x->m.type, x->m.id, x->body, &f->kept);
    if (err == AM_E_TAMPERED || err == AM_E_UNAVAILABLE)
        return AM_OK; /* damage teaches nothing */
    return err || f->kept.n > FORGET_SAMPLE_MAX ? err : forget_keep(f, buf_str(&f->kept));
}

static int forget_read(struct eds_view *v, void *arg)
{
    return eds_walk(v, 0, forget_version, arg);
}

static int forget_learn(struct forget *f)
{
    struct buf dict;
    int err = eds_view(f->e, forget_read, f);
    buf_init(&dict, FORGET_DICT + 1);
    if (!err) {
        err = pack_train(&dict, f->sample.v, f->sample.n, FORGET_DICT);
        if (err == AM_E_INVALID) { /* too few, too unlike: none, then */
            buf_clear(&dict);
            err = AM_OK;
        }
    }
    if (!err)
        err = eds_vault_dict(f->e, buf_str(&dict));
    buf_wipe(&dict);
    return err;
}

/* ---- without the old ones ---- */
static int forget_seal(struct forget *f)
{
    int64_t rid = 0;
    int err;
    do {
        err = eds_reseal(f->e, &rid, FORGET_GROUP);
        if (!err && rid)
            err = forget_stop(f, (f->top + rid) / 2);
    } while (!err && rid);
    return err;
}

static int forget_write(struct db_conn *c, void *arg)
{
    const struct forget *f = arg;
    return db_exec(c, "update vault set sealed = $1 where kind = 'dict' and n <= $2",
                   "bi", STR(""), f->mark);
}

int eds_forget(struct eds *e, eds_progress_fn *progress, void *arg)
{
    struct forget f = {.e = e, .progress = progress, .arg = arg};
    int err = eds_view(e, forget_look, &f);
    if (err || !f.mark)
        return err;
    arena_init(&f.bodies, 2 * FORGET_BYTES);
    buf_init(&f.kept, EDS_BODY_MAX);
    if ((int64_t)atomic_load(&e->n_dicts) <= f.mark)
        err = forget_learn(&f);
    if (!err)
        err = forget_seal(&f);
    if (!err)
        err = db_write(e->db, forget_write, &f);
    if (!err)
        atomic_store(&e->forgotten, (unsigned)f.mark);
    if (!err)
        LOG_I("eds.forgotten", log_i("dictionaries", f.mark));
    arena_release(&f.bodies);
    vec_release(&f.sample);
    buf_wipe(&f.kept);
    return err;
}
