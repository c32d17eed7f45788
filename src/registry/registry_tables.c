/* SPDX-License-Identifier: Apache-2.0 */
/* registry_tables -- a database as what it says, whatever the store: every table, its
 * rows in the order of their key, a count and a SHA-256 of each table, and the Merkle
 * root of the leaves in `entry`. With a second database, the rows go there, in one
 * transaction out of one snapshot. */
#include "registry/registry_tables_priv.h"

#include "base/log.h"

enum { REGISTRY_PAGE = 500 };

struct registry_walk {
    struct db_conn *from, *to; /* to NULL: only looked at */
    struct registry_tables *out;
    struct registry_table *table; /* under way */
    const struct db_column *col;
    size_t n, leaf; /* columns; which one is a leaf of the log, or n */
    struct crypto_sha256 hash;
    struct db_stmt *insert;
    struct buf last; /* key of the last row of a page */
    int64_t last_int;
};

/* ---- the tree: a root of every complete left part ---- */
static void registry_tree_add(struct registry_tables *t, struct str leaf)
{
    struct tlog_hash h;
    if (t->root_at && t->leaves == t->root_at)
        return;
    tlog_leaf_hash(leaf, &h);
    for (uint64_t n = t->leaves++; n & 1; n >>= 1)
        tlog_node_hash(&t->part[--t->parts], &h, &h);
    t->part[t->parts++] = h;
}

static void registry_tree_root(struct registry_tables *t)
{
    struct tlog_hash h;
    size_t n = t->parts;
    if (!n) {
        tlog_empty_root(&t->root);
        return;
    }
    for (h = t->part[--n]; n;)
        tlog_node_hash(&t->part[--n], &h, &h);
    t->root = h;
}

/* ---- one row ---- */
static void registry_hash_value(struct registry_walk *w, char tag, struct str v)
{
    char head[32];
    int n = snprintf(head, sizeof head, "%c%zu:", tag, v.n);
    crypto_sha256_add(&w->hash, (struct str){head, (size_t)n});
    crypto_sha256_add(&w->hash, v);
}

static void registry_row_value(struct registry_walk *w, struct db_stmt *s, size_t i)
{
    char text[40];
    struct str v = STR_NULL;
    if (db_null(s, (int)i)) {
        registry_hash_value(w, 'n', STR(""));
        if (w->to)
            db_bind_null(w->insert, (int)i + 1);
        return;
    }
    switch (w->col[i].type) {
    case 'i':
        snprintf(text, sizeof text, "%lld", (long long)db_int(s, (int)i));
        registry_hash_value(w, 'i', str_c(text));
        if (w->to)
            db_bind_int(w->insert, (int)i + 1, db_int(s, (int)i));
        break;
    case 'd':
        snprintf(text, sizeof text, "%.17g", db_num(s, (int)i));
        registry_hash_value(w, 'd', str_c(text));
        if (w->to)
            db_bind_num(w->insert, (int)i + 1, db_num(s, (int)i));
        break;
    case 'b':
        v = db_blob(s, (int)i);
        registry_hash_value(w, 'b', v);
        if (w->to)
            db_bind_blob(w->insert, (int)i + 1, v.p, v.n);
        break;
    default:
        v = db_str(s, (int)i);
        registry_hash_value(w, 's', v);
        if (w->to)
            db_bind_str(w->insert, (int)i + 1, v);
    }
    if (i == w->leaf)
        registry_tree_add(w->out, v);
}

static int registry_row(struct registry_walk *w, struct db_stmt *s)
{
    for (size_t i = 0; i < w->n; i++)
        registry_row_value(w, s, i);
    crypto_sha256_add(&w->hash, STR("\n"));
    w->table->rows++;
    return w->to ? db_step_later(w->insert) : AM_OK;
}

/* ---- one table ---- */
static int registry_insert_sql(const struct registry_walk *w, struct buf *b)
{
    int err = buf_addf(b, "insert into %s (", w->table->name);
    for (size_t i = 0; i < w->n && !err; i++)
        err = buf_addf(b, "%s%s", i ? ", " : "", w->col[i].name);
    if (!err)
        err = buf_adds(b, ") values (");
    for (size_t i = 0; i < w->n && !err; i++)
        err = buf_addf(b, "%s$%zu", i ? ", " : "", i + 1);
    return err ? err : buf_addc(b, ')');
}

/* The key if it is one column: then the table is read by the page. */
static const struct db_column *registry_only_key(const struct registry_walk *w)
{
    const struct db_column *key = NULL;
    for (size_t i = 0; i < w->n; i++) {
        if (w->col[i].key > 1)
            return NULL;
        if (w->col[i].key == 1)
            key = &w->col[i];
    }
    return key;
}

static int registry_select_sql(const struct registry_walk *w, bool more, struct buf *b)
{
    const struct db_column *key = registry_only_key(w);
    bool keyed = false, first = true;
    int err = buf_adds(b, "select ");
    for (size_t i = 0; i < w->n && !err; i++) {
        keyed = keyed || w->col[i].key;
        err = buf_addf(b, "%s%s", i ? ", " : "", w->col[i].name);
    }
    if (!err)
        err = buf_addf(b, " from %s", w->table->name);
    if (!err && key && more)
        err = buf_addf(b, " where %s > $1", key->name);
    for (size_t i = 0; i < w->n && !err; i++) /* no key: every column orders */
        if (w->col[i].key || !keyed) {
            err = buf_addf(b, "%s%s nulls first", first ? " order by " : ", ",
                           w->col[i].name);
            first = false;
        }
    return !err && key ? buf_addf(b, " limit %d", REGISTRY_PAGE) : err;
}

static int registry_note_key(struct registry_walk *w, struct db_stmt *s,
                             const struct db_column *key)
{
    int col = (int)(key - w->col);
    w->last_int = db_int(s, col);
    buf_clear(&w->last);
    return key->type == 'i' ? AM_OK : buf_add(&w->last, db_blob(s, col));
}

static int registry_page(struct registry_walk *w, bool more, size_t *rows)
{
    const struct db_column *key = registry_only_key(w);
    struct db_stmt *s;
    struct buf sql;
    bool row = false;
    int err;
    *rows = 0;
    buf_init(&sql, 16384);
    err = registry_select_sql(w, more, &sql);
    if (!err)
        err = db_prepare(w->from, sql.p, &s);
    if (!err && key && more && key->type == 'i')
        db_bind_int(s, 1, w->last_int);
    else if (!err && key && more && key->type == 'b')
        db_bind_blob(s, 1, w->last.p, w->last.n);
    else if (!err && key && more)
        db_bind_str(s, 1, buf_str(&w->last));
    while (!err && !(err = db_step(s, &row)) && row) {
        err = registry_row(w, s);
        if (!err && key && ++*rows == REGISTRY_PAGE)
            err = registry_note_key(w, s, key);
    }
    buf_release(&sql);
    return err;
}

static int registry_empty_there(struct registry_walk *w)
{
    char sql[128];
    struct db_stmt *s;
    bool row;
    int err;
    snprintf(sql, sizeof sql, "select count(*) from %s", w->table->name);
    err = db_prepare(w->to, sql, &s);
    if (!err)
        err = db_step(s, &row);
    return err ? err : db_int(s, 0) ? AM_E_EXISTS : AM_OK;
}

static int registry_walk_table(void *arg, const char *table, const struct db_column *col,
                               size_t n)
{
    struct registry_walk *w = arg;
    struct buf sql;
    size_t rows = REGISTRY_PAGE;
    const struct db_column *key;
    int err = AM_OK;
    if (w->out->n == REGISTRY_TABLES_MAX)
        return AM_E_TOOBIG;
    w->table = &w->out->table[w->out->n++];
    snprintf(w->table->name, sizeof w->table->name, "%s", table);
    w->col = col;
    w->n = w->leaf = n;
    for (size_t i = 0; strcmp(table, "entry") == 0 && i < n; i++)
        if (strcmp(col[i].name, "leaf") == 0)
            w->leaf = i;
    key = registry_only_key(w);
    crypto_sha256_init(&w->hash);
    buf_init(&sql, 16384);
    if (w->to) {
        err = registry_empty_there(w);
        if (!err)
            err = registry_insert_sql(w, &sql);
        if (!err)
            err = db_prepare(w->to, sql.p, &w->insert);
    }
    for (bool more = false; !err && rows == REGISTRY_PAGE; more = true)
        err = registry_page(w, more, &rows);
    if (!err && w->to && key && key->type == 'i')
        err = db_renumber(w->to, table, key->name);
    crypto_sha256_end(&w->hash, w->table->sha256);
    buf_release(&sql);
    return err;
}

static int registry_walk_all(struct registry_walk *w)
{
    int err;
    buf_init(&w->last, 1 << 20);
    err = db_tables(w->from, registry_walk_table, w);
    buf_release(&w->last);
    registry_tree_root(w->out);
    return err;
}

static int registry_walk_look(struct db_conn *c, void *arg)
{
    struct registry_walk *w = arg;
    w->from = c;
    return registry_walk_all(w);
}

int registry_tables_look(struct db *d, uint64_t root_at, struct registry_tables *out)
{
    struct registry_walk w = {.out = out};
    *out = (struct registry_tables){.root_at = root_at};
    return db_read(d, registry_walk_look, &w);
}

/* ---- both sides at once ---- */
struct registry_crossing {
    struct registry_walk w;
    struct db *to;
};

static int registry_cross_write(struct db_conn *c, void *arg)
{
    struct registry_crossing *x = arg;
    x->w.to = c;
    return registry_walk_all(&x->w);
}

static int registry_cross_read(struct db_conn *c, void *arg)
{
    struct registry_crossing *x = arg;
    x->w.from = c; /* used by the other's writer while we wait for it */
    return db_write(x->to, registry_cross_write, x);
}

int registry_tables_copy(struct db *from, struct db *to, struct registry_tables *out)
{
    struct registry_crossing x = {.w = {.out = out}, .to = to};
    *out = (struct registry_tables){0};
    return db_read(from, registry_cross_read, &x);
}

/* Index of the first table that differs, or n; -1: not even the same tables. */
static bool registry_table_same(const struct registry_table *a,
                                const struct registry_table *b)
{
    return strcmp(a->name, b->name) == 0 && a->rows == b->rows &&
           memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

int registry_tables_same(const struct registry_tables *a, const struct registry_tables *b,
                         struct diag *d)
{
    int err = a->n == b->n && memcmp(&a->root, &b->root, sizeof a->root) == 0
                  ? AM_OK
                  : AM_E_TAMPERED;
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (!registry_table_same(&a->table[i], &b->table[i])) {
            diag_err(d, a->table[i].name, "registry.table_differs",
                     "%llu rows here, %llu there, or other contents",
                     (unsigned long long)a->table[i].rows,
                     (unsigned long long)b->table[i].rows);
            err = AM_E_TAMPERED;
        }
    return err;
}
