/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a store while it is written, from either kind into either kind: of one
 * moment, sound, and with all that was acknowledged before. */
#include <pthread.h>

#include "db/db.h"
#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"
#include "eds/parts.h"

static char c_path[PATH_MAX];

static void c_put(struct eds *e, const char *id, int n)
{
    char body[160];
    snprintf(
        body, sizeof body,
        "{\"resourceType\":\"Observation\",\"code\":\"x\",\"at\":%d,\"family\":\"f%d\"}",
        n, n % 7);
    assert_ok(t_ask(
        e, body,
        (struct eds_ask){.verb = EDS_UPDATE, .type = STR("Observation"), .id = str_c(id)},
        NULL));
}

/* Some of all there is: versions, deletions, segments, keys, a dictionary. */
static void c_fill(struct eds *e)
{
    char id[16];
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof id, "a%d", i % 40);
        c_put(e, id, i);
        if (i == 30)
            assert_ok(eds_rotate(e));
        if (i == 40)
            assert_ok(eds_merge(e, 10, 1));
    }
    assert_ok(t_ask(
        e, NULL,
        (struct eds_ask){.verb = EDS_DELETE, .type = STR("Observation"), .id = STR("a3")},
        NULL));
    assert_ok(eds_vault_dict(e, STR("a dictionary of some bytes: Observation code x")));
    c_put(e, "after", 1);
}

static struct eds *c_copy_open(const char *path, const char *name, bool read)
{
    struct eds_config c = {
        .path = path, .name = name, .rows = t_rows, .mode = read ? EDS_READ : EDS_WRITE};
    struct eds *e = NULL;
    memcpy(c.key, t_key, sizeof c.key);
    assert_ok(eds_open(&e, &c));
    return e;
}

struct c_all {
    struct crypto_sha256 h;
    int64_t n;
};

static int c_version(void *arg, const struct eds_version *x)
{
    struct c_all *a = arg;
    const int64_t is[] = {x->m.rid, x->m.ver, x->m.at, x->m.gone, x->m.current};
    crypto_sha256_add(&a->h, (struct str){(const char *)is, sizeof is});
    crypto_sha256_add(&a->h, str_c(x->m.id));
    crypto_sha256_add(&a->h, x->body);
    crypto_sha256_add(&a->h, x->terms);
    a->n++;
    return AM_OK;
}

static int c_all_fn(struct eds_view *v, void *arg)
{
    return eds_walk(v, 0, c_version, arg);
}

static int64_t c_all(struct eds *e, uint8_t out[CRYPTO_SHA256])
{
    struct c_all a = {.n = 0};
    crypto_sha256_init(&a.h);
    assert_ok(eds_view(e, c_all_fn, &a));
    crypto_sha256_end(&a.h, out);
    return a.n;
}

static void c_sound(struct eds *e)
{
    struct eds_check c = {.versions = 0};
    assert_ok(eds_check(e, &c));
    assert_false(c.older); /* its rows were compared */
}

static void c_same(struct eds *a, struct eds *b)
{
    uint8_t x[CRYPTO_SHA256], y[CRYPTO_SHA256];
    assert_int_equal(c_all(a, x), c_all(b, y));
    assert_memory_equal(x, y, sizeof x);
    c_sound(b);
}

static void c_remove(void)
{
    static const char *const end[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < AM_LEN(end); i++) {
        char p[PATH_MAX + 8];
        snprintf(p, sizeof p, "%s%s", c_path, end[i]);
        unlink(p);
    }
}

static const char *c_file(void)
{
    snprintf(c_path, sizeof c_path, "%s/copied.db", t_dir);
    return c_path;
}

static void a_copy_is_the_same_and_comes_back(void **state)
{
    struct eds *e = t_open(), *copy, *again;
    char back[40];
    (void)state;
    c_fill(e);
    assert_ok(eds_copy(e, c_file(), "eds"));
    assert_int_equal(eds_copy(e, c_path, "eds"), AM_E_EXISTS); /* never over another */
    copy = c_copy_open(c_path, "eds", true);
    c_same(e, copy);
    eds_close(copy);
    c_put(e, "later", 3);
    copy = c_copy_open(c_path, "eds", false); /* it goes on, as a store of its own */
    c_put(copy, "elsewhere", 3);
    assert_ok(eds_merge(copy, 10, 1));
    c_sound(copy);
    if (t_pg) { /* back to PostgreSQL */
        snprintf(back, sizeof back, "%s_b", t_name);
        assert_ok(eds_copy(copy, t_path, back));
        assert_int_equal(eds_copy(copy, t_path, back), AM_E_EXISTS);
        assert_int_equal(eds_copy(copy, t_path, t_name), AM_E_EXISTS); /* in use */
        again = c_copy_open(t_path, back, false);
        c_same(copy, again);
        c_put(again, "there", 5);
        c_sound(again);
        eds_close(again);
    }
    eds_close(copy);
    c_sound(e);
    eds_close(e);
    c_remove();
}

static int c_kinds(void *arg, const char *table, const struct db_column *col, size_t n)
{
    struct buf *b = arg;
    int err = buf_addf(b, "%s:", table);
    for (size_t i = 0; i < n && !err; i++)
        err = buf_addf(b, " %s %c", col[i].name, col[i].type);
    return err ? err : buf_addc(b, '\n');
}

static int c_tables(struct db_conn *c, void *arg)
{
    return db_tables(c, c_kinds, arg);
}

/* A column or a table that a later release adds must be copied too: say so here when it
 * is. */
static void every_column_there_is_is_copied(void **state)
{
    struct eds *e = t_open();
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 16);
    assert_ok(db_read(e->db, c_tables, &b));
    assert_string_equal(
        b.p, "vault: kind s n i at i sealed b\n"
             "kind: n i name s\n"
             "res: rid i type i id b ver i at i body b terms b\n"
             "hist: rid i type i id b ver i at i gone i body b\n"
             "link: last i hash b\n"
             "seg: n i lo i hi i live i pages i dir b\n"
             "page: id i body b\n"
             "dead: ended i rid i\n"
             "erasure: rid i at i who s ground s reason s resources i versions i seg i"
             " dict i scrubbed i\n"
             "erased: rid i erasure i ver i tag b blind b\n"
             "attest: last i erasure i hash b\n"
             "row_format: n i up_to i seg i target i\n");
    buf_release(&b);
    eds_close(e);
}

static int c_amid(struct db_conn *c, void *unused)
{
    (void)unused;
    return db_exec(c, "update row_format set n = 2, up_to = 17, seg = 5, target = 9",
                   NULL);
}

static int c_amid_too(struct db_conn *c, void *yes)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select n, up_to, seg, target from row_format", &s);
    if (!err)
        err = db_step(s, &row);
    *(bool *)yes = !err && row && db_int(s, 0) == 2 && db_int(s, 1) == 17 &&
                   db_int(s, 2) == 5 && db_int(s, 3) == 9;
    return err;
}

/* One whose rows are half made anew is copied as that: the copy's first writer goes on.
 */
static void the_format_of_rows_goes_along(void **state)
{
    struct eds *e = t_open(), *copy;
    bool yes = false;
    (void)state;
    c_fill(e);
    assert_ok(db_write(e->db, c_amid, NULL));
    assert_ok(eds_copy(e, c_file(), "eds"));
    copy = c_copy_open(c_path, "eds", true);
    assert_ok(db_read(copy->db, c_amid_too, &yes));
    assert_true(yes);
    eds_close(copy);
    eds_close(e);
    c_remove();
}

static int c_as_before(struct db_conn *c, void *unused)
{
    int err = db_exec(c, "drop table row_format", NULL);
    (void)unused;
    return err ? err : db_exec(c, "delete from db_migration where version = 4", NULL);
}

/* Not brought up to date either: the program that made it goes on with it. */
static void an_older_store_that_is_there_stays_as_it_is(void **state)
{
    struct eds *e, *from;
    char source[PATH_MAX];
    (void)state;
    if (!t_pg)
        return;
    e = t_open();
    c_fill(e);
    assert_ok(eds_copy(e, c_file(), "eds"));
    assert_ok(db_write(e->db, c_as_before, NULL));
    eds_close(e);
    snprintf(source, sizeof source, "%s", c_path);
    from = c_copy_open(source, "eds", true);
    assert_int_equal(eds_copy(from, t_path, t_name), AM_E_EXISTS);
    eds_close(from);
    e = c_copy_open(t_path, t_name, true);
    assert_false(e->formatted);
    eds_close(e);
    c_remove();
}

/* ---- beside who writes ---- */
struct c_writer {
    struct eds *e;
    _Atomic int acked;
    _Atomic bool stop;
};

/* Two that go together: a copy with one of them would be of no moment. */
static void *c_write_on(void *arg)
{
    struct c_writer *w = arg;
    for (int n = 1; !w->stop; n++) {
        struct eds_group *g;
        assert_ok(eds_group_new(&g, w->e));
        for (int i = 0; i < 2; i++) {
            char body[120], id[16];
            struct json_doc *doc;
            snprintf(id, sizeof id, "%c%d", "lr"[i], n);
            snprintf(body, sizeof body,
                     "{\"resourceType\":\"Observation\",\"code\":\"p%d\"}", n);
            doc = t_json(body);
            assert_ok(eds_put(g,
                              &(struct eds_ask){.verb = EDS_UPDATE,
                                                .type = STR("Observation"),
                                                .id = str_c(id),
                                                .body = json_root(doc)},
                              NULL));
            json_free(doc);
        }
        assert_ok(eds_write(g));
        eds_group_free(g);
        w->acked = n;
    }
    return NULL;
}

static void a_copy_beside_writes_is_of_one_moment(void **state)
{
    struct c_writer w = {.e = t_open()};
    pthread_t t;
    (void)state;
    assert_int_equal(pthread_create(&t, NULL, c_write_on, &w), 0);
    for (int round = 0; round < 3; round++) {
        struct eds *copy;
        int before;
        while (w.acked < 10 * (round + 1))
            usleep(1000);
        before = w.acked;
        assert_ok(eds_copy(w.e, c_file(), "eds"));
        if (round == 1)
            assert_ok(eds_merge(w.e, 8, 1));
        copy = c_copy_open(c_path, "eds", true);
        c_sound(copy);
        for (int n = 1; n <= before + 3; n++) {
            int found = 0;
            for (int i = 0; i < 2; i++) {
                struct eds_meta m;
                struct buf b;
                char id[16];
                int err;
                snprintf(id, sizeof id, "%c%d", "lr"[i], n);
                buf_init(&b, 1 << 16);
                err = eds_read(copy, STR("Observation"), str_c(id), 0, &b, &m);
                assert_true(!err || err == AM_E_NOTFOUND);
                found += !err;
                buf_release(&b);
            }
            assert_true(found == 2 || (found == 0 && n > before));
        }
        eds_close(copy);
        c_remove();
    }
    w.stop = true;
    assert_int_equal(pthread_join(t, NULL), 0);
    eds_close(w.e);
}

/* Bodies that lie apart come together again. */
static void a_store_whose_bodies_are_apart_is_copied(void **state)
{
    struct eds *e, *copy;
    (void)state;
    if (!t_pg)
        return;
    e = t_open();
    c_fill(e);
    assert_ok(eds_parts_make(e, 3));
    c_put(e, "apart", 9);
    assert_ok(eds_copy(e, c_file(), "eds"));
    copy = c_copy_open(c_path, "eds", true);
    c_same(e, copy);
    eds_close(copy);
    eds_close(e);
    c_remove();
}

static void a_copy_without_memory_is_none(void **state)
{
    struct eds *e = t_open(), *copy;
    int err = AM_E_NOMEM;
    (void)state;
    c_fill(e);
    for (long n = 1; err; n += 1 + n / 3) {
        c_file();
        am_oom_at(n);
        err = eds_copy(e, c_path, "eds");
        if (!am_oom_at(0))
            assert_ok(err);
        if (err)
            c_remove();
    }
    copy = c_copy_open(c_path, "eds", true);
    c_same(e, copy);
    eds_close(copy);
    eds_close(e);
    c_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_copy_is_the_same_and_comes_back),
                                       T(every_column_there_is_is_copied),
                                       T(the_format_of_rows_goes_along),
                                       T(an_older_store_that_is_there_stays_as_it_is),
                                       T(a_copy_beside_writes_is_of_one_moment),
                                       T(a_store_whose_bodies_are_apart_is_copied),
                                       T(a_copy_without_memory_is_none)};
    return t_run_both(tests, AM_LEN(tests));
}
