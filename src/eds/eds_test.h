/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of eds share: a store in a folder (SQLite) or a schema (PostgreSQL) of
 * its own, resources made up on the spot, and a small extraction of index rows: the code,
 * the subject, the date, the value, the family name. */
#ifndef EDS_TEST_H
#define EDS_TEST_H

#include "base/test.h"

#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "eds/eds_priv.h"

static char t_dir[40], t_path[PATH_MAX], t_name[32];
static bool t_pg;
static const uint8_t t_key[EDS_KEY] = {1, 2, 3}, t_other_key[EDS_KEY] = {9};

static inline uint64_t t_term(const struct fhir_row_key *key, const char *param,
                              const char *code)
{
    return fhir_term_hash(key, fhir_param_number(STR("T"), str_c(param)), FHIR_TERM_CODE,
                          str_c(code), STR(""));
}

static inline int t_push(struct fhir_rows *r, struct fhir_row row)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 8;
        struct fhir_row *more = am_realloc(r->v, cap, sizeof *more);
        if (!more)
            return AM_E_NOMEM;
        r->v = more;
        r->cap = cap;
    }
    r->v[r->n++] = row;
    return AM_OK;
}

static inline int t_cmp(const void *a, const void *b)
{
    return fhir_row_cmp(a, b);
}

static inline int t_rows(void *arg, const struct fhir_row_key *key, const struct json *v,
                         struct arena *a, struct fhir_rows *out)
{
    static const char *const tokens[] = {"code", "subject", "identifier"};
    int err = AM_OK;
    (void)arg, (void)a;
    for (size_t i = 0; i < AM_LEN(tokens) && !err; i++) {
        struct str s = json_get_str(v, tokens[i]);
        char text[200];
        snprintf(text, sizeof text, "%.*s", STR_FMT(s));
        if (s.n)
            err = t_push(out, (struct fhir_row){.kind = FHIR_ROW_TOKEN,
                                                .hash = t_term(key, tokens[i], text)});
    }
    if (!err && json_get(v, "at"))
        err = t_push(out, (struct fhir_row){.kind = FHIR_ROW_DATE,
                                            .param = 11,
                                            .lo = json_int(json_get(v, "at"), 0),
                                            .hi = json_int(json_get(v, "at"), 0) + 10});
    if (!err && json_get(v, "value"))
        err = t_push(out, (struct fhir_row){.kind = FHIR_ROW_QUANTITY,
                                            .param = 12,
                                            .value = json_num(json_get(v, "value"), 0)});
    if (!err && json_get(v, "family"))
        err = t_push(out, (struct fhir_row){.kind = FHIR_ROW_STRING,
                                            .param = 13,
                                            .text = json_get_str(v, "family")});
    if (!err && out->n)
        qsort(out->v, out->n, sizeof *out->v, t_cmp);
    return err;
}

static inline struct eds_config t_config(void)
{
    struct eds_config c = {.path = t_path, .name = t_name, .rows = t_rows};
    memcpy(c.key, t_key, sizeof c.key);
    return c;
}

static inline struct eds *t_open(void)
{
    struct eds *e = NULL;
    struct eds_config c = t_config();
    assert_ok(eds_open(&e, &c));
    return e;
}

static inline struct json_doc *t_json(const char *text)
{
    struct json_doc *doc = NULL;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    return doc;
}

/* One ask in a group of its own. */
static inline int t_ask(struct eds *e, const char *body, struct eds_ask a,
                        struct eds_done *done)
{
    static char id[EDS_ID_MAX + 1];
    struct json_doc *doc = body ? t_json(body) : NULL;
    struct eds_group *g = NULL;
    int err;
    assert_ok(eds_group_new(&g, e));
    a.body = doc ? json_root(doc) : NULL;
    if (!a.type.n)
        a.type = STR("Observation");
    err = eds_put(g, &a, NULL);
    if (!err)
        err = eds_write(g);
    if (!err && done) {
        *done = *eds_done(g, 0);
        snprintf(id, sizeof id, "%.*s", STR_FMT(done->id));
        done->id = str_c(id);
    }
    eds_group_free(g);
    json_free(doc);
    return err;
}

static inline struct str t_read(struct eds *e, const char *id, int64_t ver,
                                struct eds_meta *m)
{
    static struct buf b;
    static struct eds_meta unused;
    if (!b.p)
        buf_init(&b, 1 << 20);
    buf_clear(&b);
    assert_ok(eds_read(e, STR("Observation"), str_c(id), ver, &b, m ? m : &unused));
    return buf_str(&b);
}

static inline int t_setup(void **state)
{
    static int number;
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF); /* failures are provoked here */
    snprintf(t_dir, sizeof t_dir, "%s/amane-eds-XXXXXX", test_top());
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_path, sizeof t_path, "%s/e.db", t_dir);
    snprintf(t_name, sizeof t_name, "e%d_%d", (int)getpid(), ++number);
    if (t_pg)
        snprintf(t_path, sizeof t_path, "%s", getenv("AMANE_PG_URI"));
    return 0;
}

static inline int t_teardown(void **state)
{
    static const char *const name[] = {"e.db",        "e.db-wal",     "e.db-shm",
                                       "e.db.lock",   "copy.db",      "copy.db-wal",
                                       "copy.db-shm", "copy.db.lock", "key"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(name); i++) {
        char p[PATH_MAX];
        snprintf(p, sizeof p, "%s/%s", t_dir, name[i]);
        unlink(p);
    }
    time_fake(0);
    return rmdir(t_dir);
}

static inline int t_run_both(const struct CMUnitTest *tests, size_t n)
{
    return test_both_stores(tests, n, n, &t_pg);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

#endif
