/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: saved freely, one organisation each, nothing lost between two writers. */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct registry_draft made(const char *org, const char *json)
{
    struct registry_draft d;
    assert_ok(registry_draft_new(t.r, LEDGER_VERSION, str_c(org), str_c(json), &d, NULL));
    return d;
}

static int count(void *arg, const struct registry_draft *d)
{
    (void)d;
    (*(size_t *)arg)++;
    return AM_OK;
}

static size_t listed(const char *org)
{
    size_t n = 0;
    assert_ok(registry_drafts(t.r, str_c(org), count, &n));
    return n;
}

static void a_draft_is_kept_as_it_was_written(void **state)
{
    struct registry_draft d = made("DEMOAI", "{\"x\": 1.50, \"half\":"
                                             " {}}"),
                          got;
    struct buf b;
    (void)state;
    buf_init(&b, REGISTRY_DRAFT_MAX);
    assert_ok(registry_draft_get(t.r, str_c(d.id), STR("DEMOAI"), &got, &b));
    assert_string_equal(b.p, "{\"x\": 1.50, \"half\": {}}");
    assert_int_equal(got.version, 1);
    assert_int_equal(got.kind, LEDGER_VERSION);
    buf_release(&b);
}

static void nobody_else_sees_changes_or_deletes_it(void **state)
{
    struct registry_draft d = made("DEMOAI", "{}"), got;
    (void)state;
    assert_int_equal(registry_draft_get(t.r, str_c(d.id), STR("OTHER1"), &got, NULL),
                     AM_E_NOTFOUND);
    assert_int_equal(
        registry_draft_save(t.r, str_c(d.id), STR("OTHER1"), 1, STR("{}"), &got, NULL),
        AM_E_NOTFOUND);
    assert_int_equal(registry_draft_delete(t.r, str_c(d.id), STR("OTHER1")),
                     AM_E_NOTFOUND);
    assert_int_equal(registry_draft_delete(t.r, str_c(d.id), STR_NULL), AM_E_NOTFOUND);
    assert_int_equal(listed("OTHER1"), 0);
    assert_int_equal(listed("DEMOAI"), 1);
    assert_ok(registry_draft_delete(t.r, str_c(d.id), STR("DEMOAI")));
    assert_int_equal(listed("DEMOAI"), 0);
}

static void of_two_writers_the_second_is_told(void **state)
{
    struct registry_draft d = made("DEMOAI", "{}"), got;
    struct buf b;
    (void)state;
    assert_ok(registry_draft_save(t.r, str_c(d.id), STR("DEMOAI"), 1, STR("{\"a\":1}"),
                                  &got, NULL));
    assert_int_equal(got.version, 2);
    diag_clear(&t.d);
    assert_int_equal(registry_draft_save(t.r, str_c(d.id), STR("DEMOAI"), 1,
                                         STR("{\"a\":2}"), &got, &t.d),
                     AM_E_PRECONDITION);
    assert_string_equal(t.d.item[0].code, "draft.changed");
    buf_init(&b, 1024);
    assert_ok(registry_draft_get(t.r, str_c(d.id), STR("DEMOAI"), &got, &b));
    assert_string_equal(b.p, "{\"a\":1}");
    buf_release(&b);
}

static void what_is_no_object_or_too_big_is_refused(void **state)
{
    static const char *const bad[] = {"[]", "1", "{", "{\"a\":1,\"a\":2}"};
    struct registry_draft d;
    char *big = am_malloc(REGISTRY_DRAFT_MAX + 64);
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_not_equal(registry_draft_new(t.r, LEDGER_VERSION, STR("DEMOAI"),
                                                str_c(bad[i]), &d, NULL),
                             AM_OK);
    assert_non_null(big);
    memset(big, ' ', REGISTRY_DRAFT_MAX + 64);
    assert_int_equal(registry_draft_new(t.r, LEDGER_VERSION, STR("DEMOAI"),
                                        (struct str){big, REGISTRY_DRAFT_MAX + 1}, &d,
                                        NULL),
                     AM_E_TOOBIG);
    assert_int_equal(listed("DEMOAI"), 0);
    free(big);
}

static int age(struct db_conn *c, void *arg)
{
    return db_exec(c, "update draft set at = at - $1 where id = $2", "is",
                   (int64_t)(181 * TIME_DAY), str_c(arg));
}

static void a_draft_untouched_for_180_days_is_forgotten(void **state)
{
    struct registry_draft old = made("DEMOAI", "{}"), got;
    (void)state;
    assert_ok(db_write(registry_db(t.r), age, old.id));
    assert_int_equal(listed("DEMOAI"), 0);
    made("DEMOAI", "{}");
    assert_int_equal(registry_draft_get(t.r, str_c(old.id), STR("DEMOAI"), &got, NULL),
                     AM_E_NOTFOUND);
}

/* By the registry's tick, at a time of its own: not only when somebody writes another. */
static void the_clock_forgets_what_nobody_touched(void **state)
{
    struct registry_draft old, kept;
    int64_t now = time_now();
    size_t stated;
    (void)state;
    time_fake(now);
    old = made("DEMOAI", "{}");
    time_fake(now + 100 * TIME_DAY);
    kept = made("DEMOAI", "{\"a\":1}");
    time_fake(0);
    assert_ok(registry_clock_tick(t.r, now + 179 * TIME_DAY, &stated));
    assert_int_equal(listed("DEMOAI"), 2);
    assert_ok(registry_clock_tick(t.r, now + 181 * TIME_DAY, &stated));
    assert_int_equal(listed("DEMOAI"), 1);
    assert_int_equal(registry_draft_get(t.r, str_c(old.id), STR("DEMOAI"), &old, NULL),
                     AM_E_NOTFOUND);
    assert_ok(registry_draft_get(t.r, str_c(kept.id), STR("DEMOAI"), &kept, NULL));
    assert_ok(registry_clock_tick(t.r, 0, &stated)); /* no cosigned time: nothing */
    assert_int_equal(listed("DEMOAI"), 1);
}

/* Each allocation that fails leaves a draft as it was, or saved whole. */
static void a_draft_without_memory_is_whole_or_not_there(void **state)
{
    struct registry_draft d = made("DEMOAI", "{\"a\":1}"), out;
    int err = AM_E_NOMEM;
    (void)state;
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct buf before, after;
        uint64_t version = d.version;
        buf_init(&before, 1 << 16);
        buf_init(&after, 1 << 16);
        assert_ok(registry_draft_get(t.r, str_c(d.id), STR("DEMOAI"), &d, &before));
        am_oom_at(n);
        err = registry_draft_save(t.r, str_c(d.id), STR("DEMOAI"), d.version,
                                  STR("{\"a\":[1,2,{\"b\":\"c\"}]}"), &out, NULL);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        assert_ok(registry_draft_get(t.r, str_c(d.id), STR("DEMOAI"), &d, &after));
        assert_int_equal(d.version, version + (err == AM_OK));
        assert_int_equal(str_eq(buf_str(&before), buf_str(&after)), err != AM_OK);
        buf_release(&after);
        buf_release(&before);
        assert_true(n < 2000);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(the_clock_forgets_what_nobody_touched),
        T(a_draft_without_memory_is_whole_or_not_there),
        T(a_draft_is_kept_as_it_was_written),
        T(nobody_else_sees_changes_or_deletes_it),
        T(of_two_writers_the_second_is_told),
        T(what_is_no_object_or_too_big_is_refused),
        T(a_draft_untouched_for_180_days_is_forgotten),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return t_run_both(tests, AM_LEN(tests), AM_LEN(tests));
}
