/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in partitions, all on one server; two servers: test/58-shards.sh. */
#include "eds/eds_test.h"
#include "eds/erase.h"
#include "eds/parts.h"

static struct eds *split(void)
{
    struct eds *e = t_open();
    struct eds_done d;
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":1}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":2}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":3}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("gone")}, &d));
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("gone")}, &d));
    assert_false(eds_parts(e));
    assert_ok(eds_parts_make(e, 3));
    assert_true(eds_parts(e));
    return e;
}

static void problem(void *arg, const struct eds_problem *p)
{
    (void)arg;
    fail_msg("%s at rid %lld", p->code, (long long)p->where.rid);
}

static void sound(struct eds *e)
{
    struct eds_check c = {.problem = problem};
    assert_ok(eds_check(e, &c));
}

static int count_fn(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select count(*) from body", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(int64_t *)arg = db_int(s, 0);
    return err;
}

static int64_t bodies(struct eds *e)
{
    int64_t n = -1;
    assert_ok(db_read(e->db, count_fn, &n));
    return n;
}

static int run_sql(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, "");
}

static void only_postgresql_splits_and_once(void **state)
{
    (void)state;
    struct eds *e;
    if (!t_pg) {
        e = t_open();
        assert_int_equal(eds_parts_make(e, 3), AM_E_UNSUPPORTED);
        assert_false(eds_parts(e));
        eds_close(e);
        return;
    }
    e = split();
    assert_int_equal(eds_parts_make(e, 3), AM_E_EXISTS);
    eds_close(e);
    e = t_open();
    assert_true(eds_parts(e));
    eds_close(e);
}

static void what_was_there_and_what_comes_is_read(void **state)
{
    (void)state;
    struct eds *e;
    struct eds_done d;
    struct eds_meta m;
    if (!t_pg)
        return;
    e = split();
    assert_int_equal(bodies(e), 3);
    assert_non_null(strstr(t_read(e, "a", 0, &m).p, "\"n\":2"));
    assert_non_null(strstr(t_read(e, "a", 1, NULL).p, "\"n\":1"));
    sound(e);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":4}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":5}",
                    (struct eds_ask){.verb = EDS_CREATE}, &d));
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("a")}, &d));
    assert_int_equal(bodies(e), 5);
    assert_non_null(strstr(t_read(e, "a", 3, NULL).p, "\"n\":4"));
    assert_non_null(strstr(t_read(e, "a", 2, NULL).p, "\"n\":2"));
    sound(e);
    eds_close(e);
}

static void older_bodies_are_sealed_again(void **state)
{
    (void)state;
    struct eds *e;
    int64_t rid = 0;
    if (!t_pg)
        return;
    e = split();
    assert_ok(eds_rotate(e));
    do
        assert_ok(eds_reseal(e, &rid, 2));
    while (rid);
    assert_int_equal(bodies(e), 3);
    assert_non_null(strstr(t_read(e, "a", 1, NULL).p, "\"n\":1"));
    sound(e);
    eds_close(e);
}

/* As a server that committed before the main one did not leaves it. */
static void bodies_without_rows_go_before_a_write(void **state)
{
    (void)state;
    struct eds *e;
    struct eds_done d;
    char add[] = "insert into body select n, 'x' from generate_series(5, 40) n";
    if (!t_pg)
        return;
    e = split();
    assert_ok(db_write(e->db, run_sql, add));
    eds_close(e);
    e = t_open();
    assert_int_equal(bodies(e), 39);
    sound(e);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":4}",
                    (struct eds_ask){.verb = EDS_CREATE}, &d));
    assert_int_equal(d.rid, 5);
    assert_int_equal(bodies(e), 4);
    sound(e);
    eds_close(e);
}

/* The cleaning is undone with the write that did it: the next one cleans again. */
static void a_failed_write_does_not_end_the_cleaning(void **state)
{
    (void)state;
    struct eds *e;
    struct eds_done d;
    char add[] = "insert into body select n, 'x' from generate_series(5, 40) n";
    const struct eds_ask other = {EDS_UPDATE, .id = STR("a"), .if_match = 9};
    if (!t_pg)
        return;
    e = split();
    assert_ok(db_write(e->db, run_sql, add));
    eds_close(e);
    e = t_open();
    assert_int_equal(t_ask(e, "{\"resourceType\":\"Observation\"}", other, NULL),
                     AM_E_PRECONDITION);
    assert_int_equal(bodies(e), 39);
    for (int64_t rid = 5; rid < 8; rid++) {
        assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":4}",
                        (struct eds_ask){.verb = EDS_CREATE}, &d));
        assert_int_equal(d.rid, rid);
        assert_int_equal(bodies(e), rid - 1);
        assert_int_equal(t_ask(e, "{\"resourceType\":\"Observation\"}", other, NULL),
                         AM_E_PRECONDITION);
    }
    assert_int_equal(e->body_top, 7); /* no cleaning for each write */
    sound(e);
    eds_close(e);
}

/* Another server commits before the main one: the erasure must not have it do anything,
 * and the deletion after it may have been done there alone. */
static void erased_bodies_go_after_the_erasure(void **state)
{
    (void)state;
    struct eds *e;
    struct eds_erase x = {.id = STR("him"), .who = "officer", .ground = "withdrawal"};
    char cut[] = "delete from body where rid = 6", left[] = "create table left_1 (n int)",
         taken[] = "drop table left_1";
    if (!t_pg)
        return;
    e = split();
    for (int i = 0; i < 3; i++) /* rids 5 to 7 */
        assert_ok(
            t_ask(e, "{\"resourceType\":\"Patient\"}",
                  (struct eds_ask){EDS_UPDATE, .type = STR("Patient"), .id = STR("him")},
                  NULL));
    assert_int_equal(bodies(e), 6);
    assert_ok(eds_erase(e, &x));
    eds_erase_release(&x);
    assert_int_equal(bodies(e), 6);
    sound(e);
    assert_ok(db_write(e->db, run_sql, cut));
    sound(e);
    assert_ok(db_write(e->db, run_sql, left)); /* of a cut move: may hold a copy */
    assert_int_equal(eds_scrub(e, NULL, NULL), AM_E_UNAVAILABLE);
    assert_ok(db_write(e->db, run_sql, taken));
    assert_ok(eds_scrub(e, NULL, NULL));
    assert_int_equal(bodies(e), 3);
    sound(e);
    eds_close(e);
}

static void a_group_that_fails_leaves_no_body(void **state)
{
    (void)state;
    struct eds *e;
    struct eds_done d;
    struct eds_group *g = NULL;
    struct json_doc *doc = t_json("{\"resourceType\":\"Observation\"}");
    if (!t_pg) {
        json_free(doc);
        return;
    }
    e = split();
    assert_ok(eds_group_new(&g, e));
    assert_ok(eds_put(
        g,
        &(struct eds_ask){EDS_CREATE, .type = STR("Observation"), .body = json_root(doc)},
        NULL));
    assert_ok(
        eds_put(g,
                &(struct eds_ask){EDS_UPDATE, .type = STR("Observation"), .id = STR("a"),
                                  .if_match = 9, .body = json_root(doc)},
                NULL));
    assert_int_equal(eds_write(g), AM_E_PRECONDITION);
    eds_group_free(g);
    json_free(doc);
    assert_int_equal(bodies(e), 3);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":4}",
                    (struct eds_ask){.verb = EDS_CREATE}, &d));
    sound(e);
    eds_close(e);
}

static void who_deletes_a_row_deletes_its_body(void **state)
{
    (void)state;
    struct eds *e;
    char past[] = "delete from hist where rid = 1",
         now[] = "delete from res where rid = 2";
    if (!t_pg)
        return;
    e = split();
    assert_ok(db_write(e->db, run_sql, past));
    assert_int_equal(bodies(e), 2);
    assert_ok(db_write(e->db, run_sql, now));
    assert_int_equal(bodies(e), 1);
    eds_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_postgresql_splits_and_once),
        T(what_was_there_and_what_comes_is_read),
        T(older_bodies_are_sealed_again),
        T(bodies_without_rows_go_before_a_write),
        T(a_group_that_fails_leaves_no_body),
        T(who_deletes_a_row_deletes_its_body),
        T(erased_bodies_go_after_the_erasure),
        T(a_failed_write_does_not_end_the_cleaning),
    };
    return t_run_both(tests, AM_LEN(tests));
}
