/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose index rows an older program made: what is searched is right or refused,
 * and killing the program that makes them anew loses nothing. */
#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"

#include <signal.h>
#include <sys/wait.h>

enum { MANY = 1100 };

/* As t_rows(), and the status, which the older rows did not have; no family name. */
static int newer_rows(void *arg, const struct fhir_row_key *key, const struct json *v,
                      struct arena *a, struct fhir_rows *out)
{
    struct fhir_rows older = {0};
    char text[64];
    int err = t_rows(arg, key, v, a, &older);
    snprintf(text, sizeof text, "%.*s", STR_FMT(json_get_str(v, "status")));
    if (!err)
        err = t_push(out, (struct fhir_row){.kind = FHIR_ROW_TOKEN,
                                            .hash = t_term(key, "status", text)});
    for (size_t i = 0; i < older.n && !err; i++)
        if (older.v[i].kind != FHIR_ROW_STRING)
            err = t_push(out, older.v[i]);
    if (!err && out->n)
        qsort(out->v, out->n, sizeof *out->v, t_cmp);
    free(older.v);
    return err;
}

static void write_one(struct eds_group *g, int i, enum eds_verb verb)
{
    char text[200], id[24];
    struct json_doc *doc;
    snprintf(id, sizeof id, "o%d", i);
    snprintf(
        text, sizeof text,
        "{\"resourceType\":\"Observation\",\"id\":\"%s\",\"status\":\"s%d\",\"code\":"
        "\"c%d\",\"value\":%d,\"family\":\"f%d\"}",
        id, i % 3, i % 7, i, i);
    doc = t_json(text);
    assert_ok(
        eds_put(g,
                &(struct eds_ask){.verb = verb,
                                  .type = STR("Observation"),
                                  .id = str_c(id),
                                  .body = verb == EDS_DELETE ? NULL : json_root(doc)},
                NULL));
    json_free(doc);
}

static void write_many(struct eds *e, int from, int to, int step, enum eds_verb verb)
{
    struct eds_group *g;
    assert_ok(eds_group_new(&g, e));
    for (int i = from; i < to; i += step)
        write_one(g, i, verb);
    assert_ok(eds_write(g));
    eds_group_free(g);
}

static int as_older(struct db_conn *c, void *unused)
{
    (void)unused;
    return db_exec(c, "update row_format set n = 1, up_to = -1, seg = 0", NULL);
}

/* Rows in segments, some of them dead, and in the tail. */
static void older_store(void)
{
    struct eds *e = t_open();
    write_many(e, 0, MANY, 1, EDS_CREATE);
    assert_ok(eds_merge(e, 400, 1));
    write_many(e, 0, MANY, 10, EDS_UPDATE);
    write_many(e, 5, MANY, 100, EDS_DELETE);
    assert_ok(db_write(e->db, as_older, NULL));
    eds_close(e);
}

struct found {
    const char *param, *code;
    int64_t n;
    int err;
};

static int find(struct eds_view *v, void *arg)
{
    struct found *f = arg;
    f->err = eds_tok_count(v, t_term(eds_row_key(eds_of(v)), f->param, f->code), &f->n);
    return AM_OK;
}

static int64_t count(struct eds *e, const char *param, const char *code)
{
    struct found f = {param, code, 0, AM_OK};
    assert_ok(eds_view(e, find, &f));
    assert_ok(f.err);
    return f.n;
}

static int tell_text(void *arg, const struct fhir_row *r, int64_t rid)
{
    (void)rid;
    *(int64_t *)arg += r->kind == FHIR_ROW_STRING;
    return AM_OK;
}

static int texts(struct eds_view *v, void *arg)
{
    return eds_index_each(v, tell_text, arg);
}

static struct eds_config newer(void)
{
    struct eds_config c = t_config();
    c.rows = newer_rows;
    return c;
}

/* Of n, those that leave `rest` and were not deleted. */
static int64_t left(int n, int by, int rest)
{
    int64_t all = 0;
    for (int i = 0; i < n; i++)
        all += i % by == rest && (i >= MANY || i % 100 != 5);
    return all;
}

static void all_is_newer(struct eds *e)
{
    struct eds_check check = {.problem = NULL};
    int64_t old = 0;
    assert_int_equal(count(e, "status", "s1"), left(MANY, 3, 1));
    assert_int_equal(count(e, "code", "c2"), left(MANY, 7, 2));
    assert_ok(eds_view(e, texts, &old));
    assert_int_equal(old, 0);
    assert_ok(eds_check(e, &check));
    assert_false(check.older);
}

/* Stops, or kills, at the n-th telling; keeps what the first one said. */
struct watch {
    int n;
    bool kill;
    int64_t first;
};

static bool watching(void *arg, int64_t done, int64_t of)
{
    struct watch *w = arg;
    assert_true(done > 0 && done <= of);
    if (!w->first)
        w->first = done;
    if (w->n && !--w->n) {
        if (w->kill)
            kill(getpid(), SIGKILL);
        return false;
    }
    return true;
}

static void rows_of_an_older_program_are_made_anew(void **state)
{
    struct eds_config c = newer();
    struct eds *e;
    (void)state;
    older_store();
    assert_ok(eds_open(&e, &c));
    all_is_newer(e);
    write_many(e, MANY, MANY + 30, 1, EDS_CREATE);
    assert_ok(eds_merge(e, 400, 1));
    assert_int_equal(count(e, "code", "c2"), left(MANY + 30, 7, 2));
    eds_close(e);
    assert_ok(eds_open(&e, &c)); /* nothing is left to do */
    assert_int_equal(count(e, "status", "s1"), left(MANY + 30, 3, 1));
    eds_close(e);
}

static void one_that_is_stopped_goes_on(void **state)
{
    struct watch w = {.n = 1};
    struct eds_config c = newer();
    struct eds *e;
    int64_t stopped;
    (void)state;
    older_store();
    c.progress = watching;
    c.progress_arg = &w;
    assert_int_equal(eds_open(&e, &c), AM_E_TIMEOUT);
    stopped = w.first;
    w = (struct watch){.n = 0};
    assert_ok(eds_open(&e, &c));
    assert_true(w.first > stopped); /* not from the beginning */
    all_is_newer(e);
    eds_close(e);
}

static void one_that_is_killed_goes_on(void **state)
{
    struct watch w = {.n = 2, .kill = true};
    struct eds_config c = newer();
    struct eds *e;
    int status;
    pid_t child;
    (void)state;
    older_store();
    c.progress = watching;
    c.progress_arg = &w;
    child = fork();
    if (!child)
        _exit(eds_open(&e, &c) ? 1 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    w = (struct watch){.n = 0};
    assert_ok(eds_open(&e, &c));
    all_is_newer(e);
    eds_close(e);
}

static void a_reader_finds_right_or_is_refused(void **state)
{
    struct watch w = {.n = 1};
    struct eds_config c = newer(), r = newer();
    struct found f = {"status", "s1", 0, AM_OK};
    struct eds_check check = {.problem = NULL};
    struct eds *e, *beside;
    struct eds_meta m;
    (void)state;
    older_store();
    r.mode = EDS_READ;
    c.progress = watching;
    c.progress_arg = &w;
    for (int half = 0; half < 2; half++) {
        assert_ok(eds_open(&beside, &r));
        assert_ok(eds_view(beside, find, &f));
        assert_int_equal(f.err, AM_E_UNAVAILABLE);
        (void)t_read(beside, "o7", 0, &m); /* what needs no index */
        assert_int_equal(m.ver, 1);
        assert_ok(eds_check(beside, &check));
        assert_true(check.older);
        if (!half)
            assert_int_equal(eds_open(&e, &c), AM_E_TIMEOUT);
        else
            assert_ok(eds_open(&e, &c));
        if (!half)
            eds_close(beside);
    }
    assert_int_equal(count(beside, "status", "s1"), count(e, "status", "s1"));
    eds_close(beside);
    eds_close(e);
}

/* ---- what another program or another server did ---- */
static int run_sql(struct db_conn *c, void *sql)
{
    return db_exec(c, sql, NULL);
}

/* Opened by what makes no rows: it leaves them as they are. */
static struct eds *open_rowless(void)
{
    struct eds_config c = t_config();
    struct eds *e;
    c.rows = NULL;
    assert_ok(eds_open(&e, &c));
    return e;
}

static bool going_back(void *arg, int64_t done, int64_t of)
{
    struct eds *e = arg;
    (void)of;
    assert_true(done > 0);
    assert_ok(db_write(e->db, run_sql, "update row_format set up_to = 0"));
    return true;
}

/* A failover to a server that lacks the last page: what was lost is not passed over. */
static void a_server_that_went_back_is_noticed(void **state)
{
    struct eds_config c = newer();
    struct eds *e;
    (void)state;
    older_store();
    e = open_rowless();
    e->rows = newer_rows;
    e->progress = going_back;
    e->progress_arg = e;
    assert_int_equal(eds_again(e), AM_E_CONFLICT);
    eds_close(e);
    assert_ok(eds_open(&e, &c));
    all_is_newer(e);
    eds_close(e);
}

/* Program "4" was stopped amid its remaking; this one, 3, made the store and is back. */
static void what_another_program_began_begins_anew(void **state)
{
    struct watch w = {.n = 1};
    struct eds_config c = newer(), r = t_config();
    struct eds_check check = {.problem = NULL};
    struct found f = {"code", "c2", 0, AM_OK};
    struct eds *e;
    int64_t old = 0;
    (void)state;
    older_store();
    c.progress = watching;
    c.progress_arg = &w;
    assert_int_equal(eds_open(&e, &c), AM_E_TIMEOUT);
    e = open_rowless();
    assert_ok(db_write(e->db, run_sql, "update row_format set n = 3, target = 4"));
    assert_ok(eds_merge(e, 400, 1)); /* as it goes on writing */
    eds_close(e);
    r.mode = EDS_READ;
    assert_ok(eds_open(&e, &r));
    assert_ok(eds_view(e, find, &f));
    assert_int_equal(f.err, AM_E_UNAVAILABLE);
    eds_close(e);
    e = t_open();
    assert_int_equal(count(e, "code", "c2"), left(MANY, 7, 2));
    assert_int_equal(count(e, "status", "s1"), 0);
    assert_ok(eds_view(e, texts, &old));
    assert_int_equal(old, left(MANY, 1, 0));
    assert_ok(eds_check(e, &check));
    eds_close(e);
}

/* Not before what was made stands in segments: it would read all into its memory. */
static void a_reader_waits_until_all_is_told(void **state)
{
    struct eds_config r = newer();
    struct found f = {"status", "s1", 0, AM_OK};
    struct eds *e, *beside;
    (void)state;
    older_store();
    e = open_rowless();
    e->rows = newer_rows;
    assert_ok(eds_again(e));
    r.mode = EDS_READ;
    assert_ok(eds_open(&beside, &r));
    assert_ok(eds_view(beside, find, &f));
    assert_int_equal(f.err, AM_E_UNAVAILABLE);
    assert_ok(eds_again_end(e));
    assert_int_equal(count(beside, "status", "s1"), left(MANY, 3, 1));
    eds_close(beside);
    eds_close(e);
}

/* It was opened when an older program's store knew no formats. */
static void a_reader_sees_the_table_come(void **state)
{
    struct eds_config r = newer();
    struct found f = {"status", "s1", 0, AM_OK};
    struct eds *e, *beside;
    (void)state;
    older_store();
    r.mode = EDS_READ;
    e = open_rowless();
    assert_ok(db_write(e->db, run_sql, "alter table row_format rename to absent"));
    assert_ok(eds_open(&beside, &r));
    assert_ok(eds_view(beside, find, &f));
    assert_int_equal(f.err, AM_E_UNAVAILABLE);
    assert_ok(db_write(e->db, run_sql, "alter table absent rename to row_format"));
    e->rows = newer_rows;
    assert_ok(eds_again(e));
    assert_ok(eds_again_end(e));
    assert_int_equal(count(beside, "status", "s1"), left(MANY, 3, 1));
    eds_close(beside);
    eds_close(e);
}

static int as_later(struct db_conn *c, void *unused)
{
    (void)unused;
    return db_exec(c, "update row_format set n = n + 1", NULL);
}

static void rows_of_a_newer_program_are_refused(void **state)
{
    struct eds_config c = newer();
    struct eds *e;
    (void)state;
    older_store();
    assert_ok(eds_open(&e, &c));
    assert_ok(db_write(e->db, as_later, NULL));
    eds_close(e);
    assert_int_equal(eds_open(&e, &c), AM_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(rows_of_an_older_program_are_made_anew),
                                       T(one_that_is_stopped_goes_on),
                                       T(one_that_is_killed_goes_on),
                                       T(a_reader_finds_right_or_is_refused),
                                       T(a_server_that_went_back_is_noticed),
                                       T(what_another_program_began_begins_anew),
                                       T(a_reader_waits_until_all_is_told),
                                       T(a_reader_sees_the_table_come),

                                       T(rows_of_a_newer_program_are_refused)};
    return t_run_both(tests, AM_LEN(tests));
}
