/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_test_support.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 64, EACH = 40 };

struct worker {
    struct db *d;
    int first;
    int good, refused, exists;
};

/* Every fifth function fails after its insert, every seventh collides with a row of its
 * own thread: both happen in the middle of other threads' batches. */
static void *work(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < EACH; i++) {
        struct t_item it = {.id = w->first + i,
                            .then = i % 5 == 4 ? AM_E_REFUSED : AM_OK};
        int err;
        if (i % 7 == 6)
            it.id = w->first;
        err = db_write(w->d, t_insert, &it);
        w->good += err == AM_OK;
        w->refused += err == AM_E_REFUSED;
        w->exists += err == AM_E_EXISTS;
    }
    return NULL;
}

static void sixty_four_writers_lose_and_share_nothing(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct worker w[THREADS] = {0};
    pthread_t t[THREADS];
    struct db_stats st;
    int good = 0;
    for (int i = 0; i < THREADS; i++) {
        w[i].d = d;
        w[i].first = i * 1000 + 1;
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(w[i].exists, 5); /* i = 6, 13, 20, 27, 34 */
        assert_int_equal(w[i].refused,
                         7); /* 4, 9, 14, 19, 24, 29, 39: 34 is taken above */
        assert_int_equal(w[i].good, EACH - 12);
        good += w[i].good;
    }
    assert_int_equal(t_count(d), good);
    db_stats_get(d, &st);
    assert_int_equal(st.writes, THREADS * EACH);
    assert_int_equal(st.failed, THREADS * 12);
    assert_int_equal(st.queued, 0);
    assert_true(st.commits * 2 < st.writes); /* they did share commits */
    assert_ok(db_check(d));
    db_close(d);
}

/* Two rows that must always be equal are read by many while one changes both. */
static int two_set(struct db_conn *c, void *arg)
{
    int err = db_exec(c, "update item set note = $1 where id = 1", "s", str_c(arg));
    return err ? err
               : db_exec(c, "update item set note = $1 where id = 2", "s", str_c(arg));
}

static int two_get(struct db_conn *c, void *arg)
{
    char note[2][16] = {{0}};
    (void)arg;
    for (int i = 0; i < 2; i++) { /* two statements, one snapshot */
        struct db_stmt *s;
        bool row;
        int err = db_prepare(c, "select note from item where id = $1", &s);
        if (err)
            return err;
        db_bind_int(s, 1, i + 1);
        err = db_step(s, &row);
        if (err)
            return err;
        snprintf(note[i], sizeof note[i], "%.*s", STR_FMT(db_str(s, 0)));
    }
    return strcmp(note[0], note[1]) == 0 ? AM_OK : AM_E_TAMPERED;
}

struct reading {
    struct db *d;
    atomic_bool stop;
    atomic_int reads, torn;
};

static void *read_on(void *arg)
{
    struct reading *r = arg;
    while (!atomic_load(&r->stop)) {
        atomic_fetch_add(&r->torn, db_read(r->d, two_get, NULL) != AM_OK);
        atomic_fetch_add(&r->reads, 1);
    }
    return NULL;
}

static void readers_see_whole_transactions_only(void **state)
{
    (void)state;
    struct reading r = {.d = t_open()};
    pthread_t t[12]; /* more than there are reader connections */
    for (int i = 1; i <= 2; i++)
        assert_ok(db_write(r.d, t_insert, &(struct t_item){.id = i}));
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, read_on, &r), 0);
    for (int i = 0; i < 200 || atomic_load(&r.reads) < 200; i++) {
        char v[16];
        snprintf(v, sizeof v, "%d", i);
        assert_ok(db_write(r.d, two_set, v));
    }
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(atomic_load(&r.torn), 0);
    db_close(r.d);
}

struct slow {
    struct db *d;
    int id;
};
static atomic_int slow_in;
static atomic_bool slow_go;

static int slow_fn(struct db_conn *c, void *arg)
{
    atomic_fetch_add(&slow_in, 1);
    while (!atomic_load(&slow_go))
        usleep(1000);
    usleep(20000);
    return t_insert(c, arg);
}

static void *slow_write(void *arg)
{
    struct slow *s = arg;
    return db_write(s->d, slow_fn, &(struct t_item){.id = s->id}) ? arg : NULL;
}

static void closing_finishes_what_is_queued(void **state)
{
    (void)state;
    struct db *d = t_open();
    struct slow s[8];
    struct db_stats st = {0};
    atomic_store(&slow_in, 0);
    atomic_store(&slow_go, false);
    pthread_t t[8];
    void *bad;
    for (int i = 0; i < 8; i++) {
        s[i] = (struct slow){d, i + 1};
        assert_int_equal(pthread_create(&t[i], NULL, slow_write, &s[i]), 0);
        if (i == 0)
            assert_eventually(atomic_load(&slow_in) > 0);
    }
    do { /* one runs, the others have arrived */
        usleep(1000);
        db_stats_get(d, &st);
    } while (st.queued < 7);
    atomic_store(&slow_go, true);
    db_close(d);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    d = t_open();
    assert_int_equal(t_count(d), 8);
    db_close(d);
}

int main(void)
{
    const struct CMUnitTest t[] = {T(sixty_four_writers_lose_and_share_nothing),
                                   T(readers_see_whole_transactions_only),
                                   T(closing_finishes_what_is_queued)};
    return t_run_both(t, AM_LEN(t));
}
