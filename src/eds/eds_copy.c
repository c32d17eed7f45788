/* SPDX-License-Identifier: Apache-2.0 */
/* eds_copy -- a store row by row into a new one, of either kind: a copy of a store on
 * PostgreSQL is a file, and is put back from it. All is read in one snapshot and written
 * in one transaction, so a copy is of one moment, and whole or not there. What is sealed
 * stays so, under the same keys, which lie (wrapped) and are copied with it.
 *
 * A store whose bodies are apart (eds/parts.h) is read through its views: the copy is one
 * whose bodies are not. */
#include <unistd.h>

#include "eds/eds_priv.h"

enum { COPY_ROWS = 200, COPY_COLUMNS = 10, COPY_BYTES = 256 << 20 };

static const struct copy_table {
    const char *name; /* with its columns, the key first */
    const char *read, *types;
    const char *key; /* what gives out numbers by itself; NULL: nothing does */
    bool whole;      /* small, read at once: its key is not one number */
    bool scars;      /* only where there are tables of erasures */
} copy_tables[] = {
    {"kind (n, name)", "select n, name from kind where n > $1 order by n limit $2", "is",
     "n", false, false},
    {"res (rid, type, id, ver, at, body, terms)",
     "select rid, type, id, ver, at, body, terms from res where rid > $1 order by rid"
     " limit $2",
     "iibiibb", "rid", false, false},
    {"hist (rid, type, id, ver, at, gone, body)",
     "select rid, type, id, ver, at, gone, body from hist where rid > $1 order by rid"
     " limit $2",
     "iibiiib", "rid", false, false},
    {"link (last, hash)",
     "select last, hash from link where last > $1 order by last limit $2", "ib", "last",
     false, false},
    {"seg (n, lo, hi, live, pages, dir)",
     "select n, lo, hi, live, pages, dir from seg where n > $1 and $2 > 0 order by n"
     " limit 1",
     "iiiiib", "n", false, false},
    {"page (id, body)", "select id, body from page where id > $1 order by id limit $2",
     "ib", "id", false, false},
    {"dead (ended, rid)",
     "select ended, rid from dead where ended > $1 order by ended limit $2", "ii",
     "ended", false, false},
    {"erasure (rid, at, who, ground, reason, resources, versions, seg, dict, scrubbed)",
     "select rid, at, who, ground, reason, resources, versions, seg, dict, scrubbed from"
     " erasure where rid > $1 order by rid limit $2",
     "iisssiiiii", "rid", false, true},
    {"erased (rid, erasure, ver, tag, blind)",
     "select rid, erasure, ver, tag, blind from erased where rid > $1 order by rid limit"
     " $2",
     "iiibb", "rid", false, true},
    {"attest (last, erasure, hash)",
     "select last, erasure, hash from attest where last > $1 and $2 > 0", "iib", NULL,
     true, true},
    {"vault (kind, n, at, sealed)",
     "select kind, n, at, sealed from vault where n > $1 and $2 > 0", "siib", NULL, true,
     false},
};

struct copy {
    struct eds *e;
    struct db_conn *from, *to;
    struct db *into;
    struct arena a; /* texts of a page */
    int64_t after;
    size_t n, bytes;
    VEC(int64_t) number[COPY_COLUMNS];
    VEC(struct str) text[COPY_COLUMNS];
};

static int copy_cell(struct copy *k, struct db_stmt *s, int col, char type)
{
    struct str v;
    char *p;
    if (type == 'i')
        return vec_push(&k->number[col], db_int(s, col));
    v = type == 's' ? db_str(s, col) : db_blob(s, col);
    p = arena_dup(&k->a, v);
    k->bytes += v.n;
    return p ? vec_push(&k->text[col], ((struct str){p, v.n})) : AM_E_NOMEM;
}

static int copy_row(struct copy *k, struct db_stmt *s, const struct copy_table *t)
{
    int err = AM_OK;
    for (int col = 0; t->types[col] && !err; col++)
        err = copy_cell(k, s, col, t->types[col]);
    if (!t->whole)
        k->after = db_int(s, 0);
    k->n += !err;
    return err;
}

static void copy_clear(struct copy *k)
{
    for (size_t i = 0; i < COPY_COLUMNS; i++)
        k->number[i].n = k->text[i].n = 0;
    k->n = k->bytes = 0;
    arena_release(&k->a);
}

/* A page, which ends by number and by bytes; a row that is left begins the next one. */
static int copy_page(struct copy *k, const struct copy_table *t, bool *more)
{
    union db_array col[COPY_COLUMNS];
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(k->from, t->read, &s);
    copy_clear(k);
    if (err)
        return err;
    db_bind_int(s, 1, k->after);
    db_bind_int(s, 2, COPY_ROWS);
    for (err = db_step(s, &row); !err && row && (t->whole || k->bytes < k->e->walk_b);
         err = err ? err : db_step(s, &row))
        err = copy_row(k, s, t);
    for (size_t i = 0; t->types[i] && !err; i++) {
        if (t->types[i] == 'i')
            col[i].i = k->number[i].v;
        else
            col[i].s = k->text[i].v;
    }
    *more = !err && k->n && !t->whole;
    return err || !k->n ? err : db_insert_many(k->to, t->name, t->types, col, k->n);
}

static int copy_table(struct copy *k, const struct copy_table *t)
{
    char name[32];
    bool more = true;
    int err = AM_OK;
    k->after = INT64_MIN;
    while (!err && more)
        err = copy_page(k, t, &more);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(t->name, " "), t->name);
    return err || !t->key ? err : db_renumber(k->to, name, t->key);
}

/* How its rows are made, which is one row and there already. A store whose program knew
 * no formats: the new one says so as it was made. */
static int copy_format(struct copy *k)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(k->from, "select n, up_to, seg, target from row_format", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    return err ? err
               : db_exec(k->to,
                         "update row_format set n = $1, up_to = $2, seg = $3,"
                         " target = $4",
                         "iiii", db_int(s, 0), db_int(s, 1), db_int(s, 2), db_int(s, 3));
}

/* Does a store hold something? Asked of one's tables. */
static int copy_held(struct db_conn *c)
{
    static const char *const sql[] = {"select 1 from vault limit 1",
                                      "select 1 from res limit 1",
                                      "select 1 from link limit 1"};
    struct db_stmt *s;
    bool row = false;
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(sql) && !err; i++) {
        err = db_prepare(c, sql[i], &s);
        if (!err)
            err = db_step(s, &row);
        if (!err && row)
            err = AM_E_EXISTS;
    }
    return err;
}

/* In the new store's one transaction. It may have been there, and hold something. */
static int copy_into(struct db_conn *c, void *arg)
{
    struct copy *k = arg;
    int err = copy_held(c);
    k->to = c;
    for (size_t i = 0; i < AM_LEN(copy_tables) && !err; i++)
        if (k->e->scars || !copy_tables[i].scars)
            err = copy_table(k, &copy_tables[i]);
    return err || !k->e->formatted ? err : copy_format(k);
}

static int copy_from(struct db_conn *c, void *arg)
{
    struct copy *k = arg;
    k->from = c;
    return db_write(k->into, copy_into, k);
}

static int copy_all(struct eds *e, struct db *into)
{
    struct copy k = {.e = e, .into = into};
    int err;
    arena_init(&k.a, COPY_BYTES);
    err = db_read(e->db, copy_from, &k);
    copy_clear(&k);
    for (size_t i = 0; i < COPY_COLUMNS; i++) {
        vec_release(&k.number[i]);
        vec_release(&k.text[i]);
    }
    return err;
}

static int copy_tables_there(void *arg, const char *table, const struct db_column *col,
                             size_t n)
{
    (void)col, (void)n;
    *(bool *)arg = *(bool *)arg || !strcmp(table, "vault");
    return AM_OK;
}

static int copy_there(struct db_conn *c, void *unused)
{
    bool there = false;
    int err = db_tables(c, copy_tables_there, &there);
    (void)unused;
    return err || !there ? err : copy_held(c);
}

/* A schema that holds a store, an older program's perhaps, is left as it is: opening it
 * to write would bring its tables up to date. */
static int copy_apart(const char *path, const char *name)
{
    const struct db_config d = {
        .path = path, .name = name, .readers = 1, .read_only = true};
    struct db *there = NULL;
    int err;
    if (!db_is_uri(path))
        return access(path, F_OK) == 0 ? AM_E_EXISTS : AM_OK;
    err = db_open(&there, &d);
    if (!err)
        err = db_read(there, copy_there, NULL);
    db_close(there);
    return err;
}

int eds_copy(struct eds *e, const char *path, const char *name)
{
    struct db *into = NULL;
    int err = copy_apart(path, name);
    if (!err)
        err = eds_schema_open(&into, path, name);
    if (!err)
        err = copy_all(e, into);
    if (!err)
        err = db_settle(into); /* closing it would not say what went wrong */
    db_close(into);
    return err;
}

int eds_backup(struct eds *e, const char *path)
{
    return db_is_uri(e->path) || db_is_uri(path) ? eds_copy(e, path, "eds")
                                                 : db_backup(e->db, path);
}
