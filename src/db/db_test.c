/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_test_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"

static void what_was_written_is_read_after_reopening(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct stat st;
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 7, .name = "seven"}));
    assert_int_equal(t_count(d), 1);
    db_close(d);
    if (!t_pg) {
        assert_int_equal(stat(t_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    d = t_open();
    assert_int_equal(t_count(d), 1);
    assert_ok(db_check(d));
    db_close(d);
    db_close(NULL);
}

/* I1 */
static void a_failed_function_leaves_no_trace(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct t_item bad = {.id = 1, .then = AM_E_REFUSED};
    assert_int_equal(db_write(d, t_insert, &bad), AM_E_REFUSED);
    assert_int_equal(t_count(d), 0);
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1}));
    assert_int_equal(t_count(d), 1);
    db_close(d);
}

static int break_rule(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, NULL);
}

static void constraints_have_their_own_errors(void **state)
{
    (void)state;
    struct db *d = t_open();
    char half[] = "insert into item (id, name) values (9, NULL)",
         check[] = "insert into part (item, n) values (1, 0)",
         orphan[] = "insert into part (item, n) values (404, 1)",
         nonsense[] = "insert into nowhere values (1)",
         quotes[] = "insert into item (id, name) values (3, \"three\")",
         two[] = "delete from item; delete from part";
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1, .name = "a"}));
    assert_int_equal(db_write(d, t_insert, &(struct t_item){.id = 1, .name = "b"}),
                     AM_E_EXISTS);
    assert_int_equal(db_write(d, t_insert, &(struct t_item){.id = 2, .name = "a"}),
                     AM_E_EXISTS);
    assert_int_equal(db_write(d, break_rule, half), AM_E_CONFLICT);
    assert_int_equal(db_write(d, break_rule, check), AM_E_CONFLICT);
    /* A deferred key is found at its function's end, not at the end of the batch. */
    assert_int_equal(db_write(d, break_rule, orphan), AM_E_CONFLICT);
    assert_int_equal(db_write(d, break_rule, nonsense), AM_E_INTERNAL);
    assert_int_equal(db_write(d, break_rule, quotes), AM_E_INTERNAL);
    assert_int_equal(db_write(d, break_rule, two), AM_E_INTERNAL);
    assert_int_equal(t_count(d), 1);
    db_close(d);
}

static int swallow(struct db_conn *c, void *arg)
{
    struct t_item again = {.id = 1};
    (void)arg;
    assert_int_equal(t_insert(c, &again), AM_E_EXISTS);
    return t_insert(c, &(struct t_item){.id = 2});
}

static void a_function_may_go_on_after_a_refused_row(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1}));
    assert_ok(db_write(d, swallow, NULL));
    assert_int_equal(t_count(d), 2);
    db_close(d);
}

static int all_types_write(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    int err;
    (void)arg;
    /* $2 appears first: numbers bind by name, not by order of appearance. */
    err = db_exec(c, "insert into item (name, id, body, note) values ($2, $1, $3, $4)",
                  "isbn", INT64_C(-9007199254740993), STR("l'été"), STR("a\0b"));
    if (err)
        return err;
    err = db_prepare(c, "insert into item (id, name, body, note) values ($1, $2, $3, $4)",
                     &s);
    for (int64_t i = 1; i <= 3 && !err; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%d", (int)i);
        db_bind_int(s, 1, i);
        db_bind_str(s, 2, str_c(name));
        db_bind_blob(s, 3, "", 0);
        db_bind_str(s, 4, i == 2 ? STR("") : STR_NULL);
        err = db_step(s, NULL);
    }
    assert_int_equal(db_changes(c), 1);
    return err;
}

static int all_types_read(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    (void)arg;
    assert_ok(
        db_prepare(c, "select id, name, body, note, 0.5 from item order by id", &s));
    assert_ok(db_step(s, &row));
    assert_true(row);
    assert_true(db_int(s, 0) == INT64_C(-9007199254740993));
    assert_str_equal(db_str(s, 1), "l'été");
    assert_int_equal(db_blob(s, 2).n, 3);
    assert_memory_equal(db_blob(s, 2).p, "a\0b", 3);
    assert_true(db_null(s, 3) && !db_str(s, 3).p);
    assert_true(db_num(s, 4) == 0.5);
    assert_ok(db_step(s, &row));
    assert_true(row && !db_null(s, 2) && db_null(s, 3));
    assert_ok(db_step(s, &row));
    assert_true(row && !db_null(s, 3) && db_str(s, 3).p && db_str(s, 3).n == 0);
    assert_ok(db_step(s, &row));
    assert_ok(db_step(s, &row));
    assert_false(row);
    return AM_OK;
}

static void every_type_comes_back_as_it_went(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, all_types_write, NULL));
    assert_ok(db_read(d, all_types_read, NULL));
    db_close(d);
}

static int given(struct db_conn *c, void *arg)
{
    int64_t *id = arg;
    int err = AM_OK;
    for (int i = 0; i < 2 && !err; i++) {
        err = db_exec(c, "insert into given (v) values ($1)", "s", STR("x"));
        id[i] = db_last_id(c);
    }
    if (!err)
        err = db_exec(c, "update given set v = $1", "s", STR("y"));
    assert_int_equal(db_changes(c), 2);
    assert_int_equal(db_last_id(c), id[1]);
    return err;
}

static void the_database_gives_out_identifiers(void **state)
{
    (void)state;
    struct db *d = t_open();
    int64_t id[2] = {0};
    assert_ok(db_write(d, given, id));
    assert_true(id[0] > 0 && id[1] == id[0] + 1);
    db_close(d);
}

static int sorted(struct db_conn *c, void *arg)
{
    static const char *const want[] = {"B", "a", "b", "Z"}, *const order = "BZab";
    struct db_stmt *s;
    bool row;
    (void)arg;
    for (size_t i = 0; i < AM_LEN(want); i++)
        assert_ok(db_exec(c, "insert into item (id, name) values ($1, $2)", "is",
                          (int64_t)i, str_c(want[i])));
    assert_ok(db_prepare(c, "select name from item order by name", &s));
    for (int i = 0; i < 4; i++) {
        assert_ok(db_step(s, &row));
        assert_int_equal(db_str(s, 0).p[0], order[i]);
    }
    return AM_OK;
}

static void text_is_compared_byte_by_byte(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, sorted, NULL));
    db_close(d);
}

static int numbers(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    (void)arg;
    for (int64_t i = 1; i <= 3; i++)
        assert_ok(db_exec(c, "insert into item (id, name) values ($1, $2)", "is",
                          i * INT64_C(1000000000000001),
                          str_c(i == 1   ? "12"
                                : i == 2 ? "0.25"
                                         : "x")));
    assert_ok(db_prepare(c,
                         "select sum(id), count(*), avg(id * 1.0), min(name), 1 = 1,"
                         " -0.125 from item",
                         &s));
    assert_ok(db_step(s, &row));
    assert_true(db_int(s, 0) == INT64_C(6000000000000006)); /* exact, beyond 2^52 */
    assert_str_equal(db_str(s, 1), "3");
    assert_true(db_num(s, 2) == 2000000000000002.0);
    assert_true(db_num(s, 3) == 0.25);
    assert_int_equal(db_int(s, 4), 1);
    assert_true(db_num(s, 5) == -0.125);
    return AM_OK;
}

static void numbers_are_read_whatever_their_type(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, numbers, NULL));
    db_close(d);
}

/* Each failure undoes its own statement only, between writes that stand. */
static int fails_in_between(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    (void)arg;
    for (int64_t i = 1; i <= 4; i++) {
        assert_ok(t_insert(c, &(struct t_item){.id = i}));
        assert_int_equal(t_insert(c, &(struct t_item){.id = i}), AM_E_EXISTS);
        assert_int_equal(db_prepare(c, "select nothing from nowhere", &s), AM_E_INTERNAL);
        assert_ok(
            db_exec(c, "update item set note = $1 where id = $2", "si", STR("v"), i));
        assert_int_equal(db_exec(c, "insert into part (item, n) values ($1, 0)", "i", i),
                         AM_E_CONFLICT);
    }
    assert_ok(db_prepare(c, "select count(*) from item where note = 'v'", &s));
    assert_ok(db_step(s, &row));
    assert_int_equal(db_int(s, 0), 4);
    return AM_OK;
}

static void a_failed_statement_undoes_only_itself(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, fails_in_between, NULL));
    assert_int_equal(t_count(d), 4);
    db_close(d);
}

static int later_rows(struct db_conn *c, void *arg)
{
    const int *twice = arg; /* this row is put twice */
    struct db_stmt *s;
    bool row;
    int err = AM_OK;
    for (int64_t i = 1; i <= 500 && !err; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", (int)i);
        err = db_exec_later(c, "insert into item (id, name) values ($1, $2)", "is",
                            i == *twice ? 1 : i, str_c(name));
    }
    if (err || *twice == 499)
        return err;
    err = db_prepare(c, "select count(*) from item", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && db_int(s, 0) == 500) /* a failure now undoes itself alone */
        assert_int_equal(t_insert(c, &(struct t_item){.id = 1}), AM_E_EXISTS);
    return *twice ? AM_OK : err; /* it may even ignore what it was told */
}

static void rows_put_later_fail_as_one(void **state)
{
    (void)state;
    struct db *d = t_open();
    int none = 0, early = 2, middle = 300, last = 499;
    assert_int_equal(db_write(d, later_rows, &last), AM_E_EXISTS);
    assert_int_equal(t_count(d), 0);
    if (t_pg) { /* SQLite tells at once, and the function did not listen */
        assert_int_equal(db_write(d, later_rows, &early), AM_E_EXISTS);
        assert_int_equal(db_write(d, later_rows, &middle), AM_E_EXISTS);
        assert_int_equal(t_count(d), 0);
    }
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 600}));
    assert_int_equal(t_count(d), 1);
    assert_ok(db_write(d, break_rule, (char[]){"delete from item"}));
    assert_ok(db_write(d, later_rows, &none));
    assert_int_equal(t_count(d), 500);
    db_close(d);
}

static int see_table(void *arg, const char *table, const struct db_column *col, size_t n)
{
    struct buf *b = arg;
    int err = buf_addf(b, "%s:", table);
    for (size_t i = 0; i < n && !err; i++)
        err = buf_addf(b, " %s %c%d", col[i].name, col[i].type, col[i].key);
    return err ? err : buf_addc(b, '\n');
}

static int see_tables(struct db_conn *c, void *arg)
{
    return db_tables(c, see_table, arg);
}

static int renumber(struct db_conn *c, void *arg)
{
    int64_t *id = arg;
    int err = db_exec(c, "insert into given (id, v) values (41, 'x')", NULL);
    if (!err)
        err = db_renumber(c, "given", "id");
    if (!err)
        err = db_exec(c, "insert into given (v) values ('y')", NULL);
    *id = db_last_id(c);
    return err;
}

static void tables_are_listed_and_numbered_on(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct buf b;
    int64_t id = 0;
    buf_init(&b, 4096);
    assert_ok(db_read(d, see_tables, &b));
    assert_string_equal(b.p, "item: id i1 name s0 body b0 note s0\n"
                             "part: item i0 n i0\n"
                             "given: id i1 v s0\n"
                             "more: a i0\n");
    buf_release(&b);
    assert_ok(db_write(d, renumber, &id));
    assert_int_equal(id, 42);
    db_close(d);
}

static int read_after_failure(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    int64_t n = 0;
    assert_int_equal(db_prepare(c, "select nothing from nowhere", &s), AM_E_INTERNAL);
    assert_ok(t_count_fn(c, &n));
    assert_int_equal(n, *(int *)arg);
    return AM_OK;
}

static void a_reader_goes_on_after_a_failed_statement(void **state)
{
    (void)state;
    struct db *d = t_open();
    int one = 1;
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1}));
    assert_ok(db_read(d, read_after_failure, &one));
    db_close(d);
}

static int odd_parameters(struct db_conn *c, void *arg)
{
    static const char *const sql[] = {
        "select id from item where id = ?", "select id from item where id = :a",
        "select id from item where id = $2", "select id from item where id = $a", ""};
    struct db_stmt *s;
    (void)arg;
    for (size_t i = 0; i < AM_LEN(sql); i++)
        assert_int_equal(db_prepare(c, sql[i], &s), AM_E_INTERNAL);
    return AM_OK;
}

static void only_numbered_parameters_are_accepted(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_read(d, odd_parameters, NULL));
    db_close(d);
}

static int many_texts(struct db_conn *c, void *arg)
{
    (void)arg;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1500; i++) {
            char sql[64]; /* one address, many texts: the cache must look at the text */
            struct db_stmt *s;
            bool row;
            snprintf(sql, sizeof sql, "select %d where $1 = 1", i);
            assert_ok(db_prepare(c, sql, &s));
            db_bind_int(s, 1, 1);
            assert_ok(db_step(s, &row));
            assert_true(row);
            assert_int_equal(db_int(s, 0), i);
        }
    return AM_OK;
}

static void the_cache_tells_texts_apart_and_is_bounded(void **state)
{
    (void)state;
    struct db_config conf = t_config();
    struct db *d = NULL;
    conf.readers = 1;
    assert_ok(db_open(&d, &conf));
    for (int i = 0; i < 3; i++)
        assert_ok(db_read(d, many_texts, NULL));
    db_close(d);
}

static void readers_cannot_write(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_int_equal(db_read(d, t_insert, &(struct t_item){.id = 1}), AM_E_FORBIDDEN);
    assert_int_equal(t_count(d), 0);
    db_close(d);
}

/* I3 */
static void migrations_run_once_and_their_text_is_final(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct db_config c = t_config();
    struct db_migration changed[3] = {t_schema[0], t_schema[1], t_schema[2]};
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1}));
    db_close(d);

    changed[1].sql = "alter table item add column note text ";
    c.migrations = changed;
    assert_int_equal(db_open(&d, &c), AM_E_TAMPERED);

    c.migrations = t_schema; /* an older program */
    c.n_migrations = 1;
    assert_int_equal(db_open(&d, &c), AM_E_UNSUPPORTED);

    d = t_open();
    assert_int_equal(t_count(d), 1);
    db_close(d);
}

static void a_migration_that_fails_leaves_no_trace(void **state)
{
    (void)state;
    struct db *d = NULL;
    struct db_config c = t_config();
    struct db_migration bad[3] = {t_schema[0], t_schema[1], t_schema[2]};
    bad[1].sql = "create table half (a bigint); insert into nowhere values (1)";
    c.migrations = bad;
    assert_int_equal(db_open(&d, &c), AM_E_INTERNAL);
    bad[1].sql = "create table half (a bigint); commit; begin; commit";
    assert_int_equal(db_open(&d, &c), AM_E_INTERNAL);
    d = t_open(); /* "half" of the first try is gone, or this text would not be applied */
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 1}));
    db_close(d);
}

static void damage(const char *path, off_t at, size_t n)
{
    int fd = open(path, O_RDWR);
    char noise[4096];
    memset(noise, 0xA5, sizeof noise);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, noise, n, at), n);
    close(fd);
}

static void a_damaged_file_is_detected(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct stat st;
    for (int i = 1; i <= 500; i++)
        assert_ok(db_write(d, t_insert, &(struct t_item){.id = i}));
    assert_ok(db_check(d));
    db_close(d);
    assert_int_equal(stat(t_path, &st), 0);
    damage(t_path, st.st_size / 2 / 4096 * 4096, 4096); /* one page of data */
    d = t_open();
    assert_int_equal(db_check(d), AM_E_TAMPERED);
    db_close(d);
    damage(t_path, 0, 100); /* the header: not a database any more */
    struct db_config c = t_config();
    assert_int_equal(db_open(&d, &c), AM_E_TAMPERED);
}

static void a_place_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct db *d = NULL;
    struct db_config c = t_config();
    c.path = "/nonexistent/folder/t.db";
    assert_int_equal(db_open(&d, &c), AM_E_NOTFOUND);
    c.path = t_dir; /* a folder */
    assert_true(db_open(&d, &c) < 0);
    assert_null(d);
}

static int sum_fn(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "select id, name from item order by id", &s);
    *(uint64_t *)arg = 0;
    while (!err && !(err = db_step(s, &row)) && row)
        *(uint64_t *)arg =
            *(uint64_t *)arg * 31 + str_hash(db_str(s, 1)) + (uint64_t)db_int(s, 0);
    return err;
}

static void a_backup_equals_the_database(void **state)
{
    (void)state;
    struct db *d = t_open(), *b = NULL;
    struct db_config c = t_config();
    char copy[PATH_MAX + 8];
    uint64_t a_sum, b_sum;
    struct stat st;
    for (int i = 1; i <= 300; i++)
        assert_ok(db_write(d, t_insert, &(struct t_item){.id = i}));
    snprintf(copy, sizeof copy, "%s.copy", t_path);
    assert_ok(db_backup(d, copy));
    assert_int_equal(db_backup(d, copy), AM_E_EXISTS); /* never over another file */
    assert_ok(db_read(d, sum_fn, &a_sum));
    assert_ok(db_write(d, t_insert, &(struct t_item){.id = 301})); /* after the copy */
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    c.path = copy;
    assert_ok(db_open(&b, &c));
    assert_ok(db_read(b, sum_fn, &b_sum));
    assert_true(a_sum == b_sum);
    assert_ok(db_check(b));
    db_close(b);
    assert_int_equal(db_backup(d, "/nonexistent/copy"), AM_E_NOTFOUND);
    db_close(d);
}

/* ---- many rows at once ---- */
struct t_many {
    size_t n;
    bool twice; /* the last row's key is the first one's */
    uint64_t ground;
};

static int t_insert_many(struct db_conn *c, void *arg)
{
    struct t_many *m = arg;
    int64_t *id = am_calloc(m->n + 1, sizeof *id);
    struct str *name = am_calloc(m->n + 1, sizeof *name), *body;
    char *text = am_calloc(m->n + 1, 32);
    int err;
    body = am_calloc(m->n + 1, sizeof *body);
    assert_true(id && name && text && body);
    for (size_t i = 0; i < m->n; i++) {
        id[i] = (int64_t)i - 3;
        snprintf(text + 32 * i, 32, "é%zu", m->twice && i == m->n - 1 ? 0 : i);
        name[i] = str_c(text + 32 * i);
        body[i] = (struct str){"\0\xff", i % 3};
    }
    err = db_insert_many(c, "item (id, name, body)", "isb",
                         (union db_array[]){{.i = id}, {.s = name}, {.s = body}}, m->n);
    m->ground = db_ground(c);
    free(id);
    free(name);
    free(body);
    free(text);
    return err;
}

static int t_clear(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "delete from item", NULL);
}

static int t_bodies(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select body, name from item where id = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, *(int64_t *)arg - 3);
    assert_ok(db_step(s, &row));
    assert_true(row);
    assert_int_equal(db_blob(s, 0).n, *(int64_t *)arg % 3);
    assert_memory_equal(db_blob(s, 0).p, "\0\xff", db_blob(s, 0).n);
    assert_int_equal(db_str(s, 1).p[0], '\xc3');
    return AM_OK;
}

static void many_rows_go_in_as_one(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 20000};
    struct db *d = t_open();
    struct t_many none = {0}, twice = {500, true, 0};
    int64_t rows = 0;
    assert_ok(db_write(d, t_insert_many, &none));
    assert_int_equal(db_write(d, t_insert_many, &twice), AM_E_EXISTS);
    assert_int_equal(t_count(d), 0);
    for (size_t k = 0; k < AM_LEN(sizes); k++) {
        struct t_many m = {sizes[k], false, 0};
        assert_ok(db_write(d, t_clear, NULL));
        assert_ok(db_write(d, t_insert_many, &m));
        rows = (int64_t)sizes[k];
        assert_int_equal(t_count(d), rows);
        rows--;
        assert_ok(db_read(d, t_bodies, &rows));
    }
    db_close(d);
}

/* What a writer remembers is good within one transaction in which nothing failed. */
static int t_grounds(struct db_conn *c, void *arg)
{
    uint64_t **at = arg;
    *(*at)++ = db_ground(c);
    return (*at)[-1] == 0 ? AM_E_INVALID : AM_OK;
}

static int t_refuse(struct db_conn *c, void *arg)
{
    (void)c, (void)arg;
    return AM_E_INVALID;
}

static void the_ground_moves_when_something_may_be_undone(void **state)
{
    (void)state;
    struct db *d = t_open();
    uint64_t seen[3] = {0}, *at = seen;
    assert_ok(db_write(d, t_grounds, &at));
    assert_int_equal(db_write(d, t_refuse, NULL), AM_E_INVALID);
    assert_ok(db_write(d, t_grounds, &at));
    assert_true(seen[0] != seen[1]);
    db_close(d);
}

int main(void)
{
    const struct CMUnitTest t[] = {T(what_was_written_is_read_after_reopening),
                                   T(the_database_gives_out_identifiers),
                                   T(text_is_compared_byte_by_byte),
                                   T(numbers_are_read_whatever_their_type),
                                   T(a_failed_statement_undoes_only_itself),
                                   T(rows_put_later_fail_as_one),
                                   T(many_rows_go_in_as_one),
                                   T(the_ground_moves_when_something_may_be_undone),
                                   T(tables_are_listed_and_numbered_on),
                                   T(a_reader_goes_on_after_a_failed_statement),
                                   T(a_failed_function_leaves_no_trace),
                                   T(constraints_have_their_own_errors),
                                   T(a_function_may_go_on_after_a_refused_row),
                                   T(every_type_comes_back_as_it_went),
                                   T(only_numbered_parameters_are_accepted),
                                   T(the_cache_tells_texts_apart_and_is_bounded),
                                   T(readers_cannot_write),
                                   T(migrations_run_once_and_their_text_is_final),
                                   T(a_migration_that_fails_leaves_no_trace)};
    const struct CMUnitTest file[] = {T(a_damaged_file_is_detected),
                                      T(a_place_that_is_not_there_is_an_error),
                                      T(a_backup_equals_the_database)};
    int bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    return bad + t_run_both(t, AM_LEN(t));
}
