/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies kept in memory: what is found is what was put, whatever was forgotten. */
#include "eds/eds_test.h"
#include "eds/eds_index_priv.h"

enum { RING = 8192, BYTES = 16 * RING, RIDS = 3000 };

/* A body of its own for each rid. */
static struct str body_of(int64_t rid, char text[600])
{
    size_t n = (size_t)(rid * 37 % 211);
    int k = snprintf(text, 600, "%lld:", (long long)rid);
    memset(text + k, 'a' + (int)(rid % 26), n);
    return (struct str){text, (size_t)k + n};
}

static bool is_kept(struct eds_kept *k, int64_t rid)
{
    char text[600];
    struct str want = body_of(rid, text);
    struct eds_meta m = {0};
    struct buf out;
    bool found;
    buf_init(&out, 10000);
    assert_int_equal(buf_adds(&out, "before"), AM_OK);
    assert_int_equal(eds_kept_get(k, eds_kept_epoch(k), rid, &out, &m, &found), AM_OK);
    if (found) {
        assert_int_equal(m.rid, rid);
        assert_int_equal(m.ver, rid % 7);
        assert_int_equal(out.n, want.n + 6);
        assert_memory_equal(out.p + 6, want.p, want.n);
    } else
        assert_int_equal(out.n, 6);
    buf_release(&out);
    return found;
}

static void keep(struct eds_kept *k, int64_t rid)
{
    char text[600];
    eds_kept_put(k, eds_kept_epoch(k), &(struct eds_meta){.rid = rid, .ver = rid % 7},
                 body_of(rid, text));
}

static void kept_forgets_the_oldest(void **state)
{
    struct eds_kept *k;
    unsigned short seed[3] = {1, 2, 3};
    size_t had = 0;
    (void)state;
    assert_int_equal(eds_kept_new(&k, BYTES), AM_OK);
    for (int i = 0; i < 200000; i++) {
        int64_t rid = 1 + nrand48(seed) % RIDS;
        bool before = is_kept(k, rid);
        had += before;
        keep(k, rid);
        assert_true(is_kept(k, rid));
    }
    assert_in_range(had, 1000, 199000); /* some are there, not all have room */
    for (int64_t rid = RIDS + 1; rid < 2 * RIDS; rid++)
        keep(k, rid);
    for (int64_t rid = 1; rid <= RIDS; rid++)
        assert_false(is_kept(k, rid));
    eds_kept_free(k);
}

static void kept_clears(void **state)
{
    struct eds_kept *k;
    (void)state;
    assert_int_equal(eds_kept_new(&k, 1 << 20), AM_OK);
    for (int64_t rid = 1; rid <= 100; rid++)
        keep(k, rid);
    for (int64_t rid = 1; rid <= 100; rid++)
        assert_true(is_kept(k, rid));
    eds_kept_clear(k);
    for (int64_t rid = 1; rid <= 100; rid++)
        assert_false(is_kept(k, rid));
    keep(k, 5);
    assert_true(is_kept(k, 5));
    eds_kept_free(k);
}

static void kept_without_memory(void **state)
{
    struct eds_kept *k = NULL;
    (void)state;
    (void)am_oom_at(1);
    assert_int_equal(eds_kept_new(&k, BYTES), AM_E_NOMEM);
    (void)am_oom_at(0);
    assert_int_equal(eds_kept_new(&k, BYTES), AM_OK);
    (void)am_oom_at(1);
    keep(k, 3); /* nothing is kept, nobody is harmed */
    (void)am_oom_at(0);
    assert_false(is_kept(k, 3));
    keep(k, 3);
    assert_true(is_kept(k, 3));
    eds_kept_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_forgets_the_oldest),
        cmocka_unit_test(kept_clears),
        cmocka_unit_test(kept_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
