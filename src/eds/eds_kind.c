/* SPDX-License-Identifier: Apache-2.0 */
/* Types of resources, numbered in the order they were met. A number never changes. */
#include "eds/eds_priv.h"

static int eds_kind_add(struct eds *e, int64_t n, struct str name)
{
    int err;
    if (n != (int64_t)e->n_kinds + 1 || n > EDS_KINDS_MAX || !name.n ||
        name.n >= EDS_NAME)
        return AM_E_TAMPERED;
    err = map_set(&e->kinds, name, (size_t)n);
    if (err)
        return err;
    memcpy(e->kind[e->n_kinds], name.p, name.n);
    e->kind[e->n_kinds][name.n] = '\0';
    e->n_kinds++;
    return AM_OK;
}

struct eds_kinds_read {
    struct eds *e;
    size_t have;
};

static int eds_kinds_fn(struct db_conn *c, void *arg)
{
    struct eds_kinds_read *r = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select n, name from kind where n > $1 order by n", &s);
    if (err)
        return err;
    db_bind_int(s, 1, (int64_t)r->have);
    am_assert(!pthread_mutex_lock(&r->e->lock));
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row))
        if (db_int(s, 0) > (int64_t)r->e->n_kinds)
            err = eds_kind_add(r->e, db_int(s, 0), db_str(s, 1));
    am_assert(!pthread_mutex_unlock(&r->e->lock));
    return err;
}

int eds_kinds_load(struct eds *e)
{
    struct eds_kinds_read r = {.e = e};
    am_assert(!pthread_mutex_lock(&e->lock));
    r.have = e->n_kinds;
    am_assert(!pthread_mutex_unlock(&e->lock));
    return db_read(e->db, eds_kinds_fn, &r);
}

int eds_kind(struct eds *e, struct str type, int64_t *n)
{
    size_t v = 0;
    int err;
    am_assert(!pthread_mutex_lock(&e->lock));
    err = map_get(&e->kinds, type, &v);
    am_assert(!pthread_mutex_unlock(&e->lock));
    *n = (int64_t)v;
    return err;
}

const char *eds_kind_name(struct eds *e, int64_t n)
{
    const char *name;
    am_assert(!pthread_mutex_lock(&e->lock));
    name = n >= 1 && n <= (int64_t)e->n_kinds ? e->kind[n - 1] : NULL;
    am_assert(!pthread_mutex_unlock(&e->lock));
    return name;
}

static bool eds_kind_ok(struct str type)
{
    if (!type.n || type.n >= EDS_NAME || type.p[0] < 'A' || type.p[0] > 'Z')
        return false;
    for (size_t i = 1; i < type.n; i++)
        if (!((type.p[i] >= 'a' && type.p[i] <= 'z') ||
              (type.p[i] >= 'A' && type.p[i] <= 'Z')))
            return false;
    return true;
}

/* Two threads may meet a type at once: the second finds it there. */
static int eds_kind_insert(struct db_conn *c, void *arg)
{
    const struct str *type = arg;
    struct db_stmt *s;
    bool row = false;
    int64_t n = 0;
    int err = db_prepare(c, "select n from kind where name = $1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, *type);
    err = db_step(s, &row);
    if (err || row)
        return err;
    err = db_prepare(c, "select count(*) from kind", &s);
    if (!err)
        err = db_step(s, &row);
    if (err)
        return err;
    n = db_int(s, 0) + 1;
    if (n > EDS_KINDS_MAX)
        return AM_E_TOOMANY;
    return db_exec(c, "insert into kind (n, name) values ($1, $2)", "is", n, *type);
}

int eds_kind_make(struct eds *e, struct str type, int64_t *n)
{
    int err = eds_kind(e, type, n);
    if (err != AM_E_NOTFOUND)
        return err;
    if (!eds_kind_ok(type))
        return AM_E_INVALID;
    err = db_write(e->db, eds_kind_insert, &type);
    if (!err)
        err = eds_kinds_load(e);
    return err ? err : eds_kind(e, type, n);
}
