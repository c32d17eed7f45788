/* SPDX-License-Identifier: Apache-2.0 */
/* registry_move -- the two databases of a stopped registry, from SQLite to PostgreSQL or
 * back.
 *
 * Each database is copied in one transaction out of one snapshot: a move that is broken
 * off leaves empty tables, or one database whole, and starts again. Then the rows on the
 * other side are read back: same number and same SHA-256 for every table, and the root
 * computed from the rows of `entry` is the root the log has signed. Only then does the
 * setting change. Of what is left behind the SQLite files are renamed; PostgreSQL's
 * tables stay, and refuse a registry that has grown meanwhile. */
#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "registry/registry_tables_priv.h"

static int registry_move_refuse(struct diag *d, const char *where, const char *code,
                                const char *text, int err)
{
    diag_err(d, where, code, "%s", text);
    return err;
}

void registry_held_release(struct registry_held *h)
{
    auth_close(h->auth);
    tlog_close(h->log);
    registry_store_close(&h->store);
    crypto_key_free(h->key);
}

static int registry_held_persist(void *cookie, uint64_t first, const struct str *entry,
                                 const void *const *with, size_t n)
{
    return registry_store_persist(cookie, first, entry, with, n);
}

static int registry_hold_log(struct registry_held *h, const char *dir, struct diag *d)
{
    char path[REGISTRY_PATH_MAX], origin[TLOG_NAME_MAX], *text = NULL;
    struct tlog_config tc = {.dir = path,
                             .origin = origin,
                             .persist = registry_held_persist,
                             .cookie = &h->store};
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/origin", dir);
    err = am_file_read(path, sizeof origin - 1, &text, &n);
    if (err)
        return registry_move_refuse(d, path, "registry.origin", "not a registry folder",
                                    err);
    snprintf(origin, sizeof origin, "%.*s", STR_FMT(str_trim((struct str){text, n})));
    free(text);
    snprintf(path, sizeof path, "%s/keys/log.key", dir);
    err = crypto_key_load(&h->key, path, STR_NULL);
    if (err)
        return registry_move_refuse(d, path, "registry.key",
                                    "the key of the log cannot be read", err);
    snprintf(path, sizeof path, "%s/log", dir);
    tc.key = h->key;
    err = tlog_open(&h->log, &tc);
    if (err == AM_E_CONFLICT)
        diag_err(d, path, "registry.busy", "the registry is running: stop it first");
    return err;
}

int registry_hold(struct registry_held *h, const char *dir, struct diag *d)
{
    int err = registry_hold_log(h, dir, d);
    if (!err)
        err = registry_store_open(&h->store, dir, d);
    if (!err)
        err = registry_store_join(&h->store, h->log, d);
    if (!err)
        err = registry_place_auth(&h->auth, dir, d);
    if (!err)
        tlog_head(h->log, &h->head);
    return err;
}

/* ---- the other side ---- */
struct registry_side {
    struct registry_place statements, accounts;
    struct registry_store store;
    struct auth *auth;
};

static void registry_side_release(struct registry_side *s)
{
    registry_store_close(&s->store);
    auth_close(s->auth);
}

static int registry_side_open(struct registry_side *s, const char *dir, const char *uri,
                              struct diag *d)
{
    struct registry_place *p[] = {&s->statements, &s->accounts};
    int err = AM_OK;
    p[0]->name = "registry";
    p[1]->name = "auth";
    for (size_t i = 0; i < 2; i++) {
        int n =
            *uri ? snprintf(p[i]->path, sizeof p[i]->path, "%s", uri)
                 : snprintf(p[i]->path, sizeof p[i]->path, "%s/%s.db", dir, p[i]->name);
        p[i]->server = *uri != '\0';
        if (n >= (int)sizeof p[i]->path)
            err = AM_E_TOOBIG;
    }
    if (!err)
        err = registry_store_open_at(&s->store, &s->statements, d);
    if (!err)
        err = auth_open_db(&s->auth, dir, s->accounts.path);
    return err;
}

/* A copy that is there already and equal is the first half of a move broken off. */
static int registry_move_one(struct db *from, struct db *to, const char *name,
                             struct registry_moved *out, struct diag *d)
{
    struct registry_tables *a = am_calloc(1, sizeof *a), *b = am_calloc(1, sizeof *b);
    int err = a && b ? registry_tables_copy(from, to, a) : AM_E_NOMEM;
    bool there = err == AM_E_EXISTS;
    if (there)
        err = registry_tables_look(from, 0, a);
    if (!err)
        err = registry_tables_look(to, 0, b);
    if (!err)
        err = registry_tables_same(a, b, d);
    if (err && there)
        diag_err(d, name, "registry.other_rows",
                 "the tables there hold other rows: nothing was moved");
    for (size_t i = 0; !err && i < b->n; i++) {
        out->tables++;
        out->rows += b->table[i].rows;
    }
    if (!err && strcmp(name, "registry") == 0) {
        out->size = b->leaves;
        memcpy(out->root_rows, b->root.h, sizeof out->root_rows);
    }
    free(a);
    free(b);
    return err;
}

static int registry_move_prove(const struct registry_held *h, struct registry_moved *out,
                               struct diag *d)
{
    memcpy(out->root_log, h->head.root.h, sizeof out->root_log);
    if (out->size == h->head.size &&
        memcmp(out->root_log, out->root_rows, sizeof out->root_log) == 0)
        return AM_OK;
    return registry_move_refuse(d, "entry", "registry.root_differs",
                                "the rows moved do not give the root the log has signed",
                                AM_E_TAMPERED);
}

static void registry_leave_behind(const struct registry_place *p)
{
    char to[REGISTRY_PATH_MAX];
    if (p->server)
        return;
    if (snprintf(to, sizeof to, "%s.moved", p->path) >= (int)sizeof to ||
        rename(p->path, to))
        LOG_W("registry.move", log_s("kept", p->path));
}

int registry_move(const char *dir, const char *uri, struct registry_moved *out,
                  struct diag *d)
{
    struct registry_held h = {0};
    struct registry_side s = {0};
    struct registry_place was[2];
    int err = registry_place(dir, "registry", &was[0], d);
    *out = (struct registry_moved){0};
    if (!err)
        err = registry_place(dir, "auth", &was[1], d);
    if (!err && getenv("AMANE_DATABASE"))
        err = registry_move_refuse(d, "AMANE_DATABASE", "registry.database",
                                   "the environment would win over the new setting",
                                   AM_E_CONFLICT);
    if (!err && (*uri ? strcmp(was[0].path, uri) == 0 : !was[0].server))
        err = registry_move_refuse(d, "database", "registry.database",
                                   "the registry is there already", AM_E_CONFLICT);
    if (!err)
        err = registry_hold(&h, dir, d);
    if (!err)
        err = registry_side_open(&s, dir, uri, d);
    if (!err)
        err = registry_move_one(auth_db(h.auth), auth_db(s.auth), "auth", out, d);
    if (!err)
        err = registry_move_one(h.store.db, s.store.db, "registry", out, d);
    if (!err)
        err = registry_move_prove(&h, out, d);
    registry_side_release(&s);
    if (!err)
        err = registry_place_set(dir, uri);
    registry_held_release(&h);
    for (size_t i = 0; i < 2 && !err; i++)
        registry_leave_behind(&was[i]);
    return err;
}
