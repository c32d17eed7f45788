/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/test.h"
#include "web/web_site_priv.h"

static const struct web_cache_state at_first = {10, 8, 1000 * TIME_SECOND};

static bool has(struct web_cache *c, const char *key, struct web_cache_state now,
                const char *body)
{
    struct buf b;
    char tag[40];
    int err;
    buf_init(&b, 1 << 22);
    err = web_cache_get(c, str_c(key), &now, tag, &b);
    if (!err && body)
        assert_str_equal(buf_str(&b), body);
    buf_release(&b);
    assert_true(err == AM_OK || err == AM_E_NOTFOUND);
    return !err;
}

static void a_page_is_given_until_what_it_shows_changes(void **state)
{
    struct web_cache_state later = at_first, earlier = at_first, grown = at_first,
                           signed_more = at_first, old = at_first;
    struct web_cache_stats s;
    struct web_cache *c;
    char tag[40];
    (void)state;
    assert_ok(web_cache_new(&c));
    web_cache_put(c, STR("fr /"), &at_first, STR("page"), tag);
    later.at += 4 * TIME_SECOND;
    old.at += 5 * TIME_SECOND;
    earlier.at -= TIME_SECOND; /* the clock was set back */
    grown.size++;
    signed_more.cosigned++;
    assert_true(has(c, "fr /", at_first, "page"));
    assert_true(has(c, "fr /", later, "page"));
    assert_false(has(c, "fr /", old, NULL));
    assert_false(has(c, "fr /", earlier, NULL));
    assert_false(has(c, "fr /", grown, NULL));
    assert_false(has(c, "fr /", signed_more, NULL));
    assert_false(has(c, "ar /", at_first, NULL));
    web_cache_put(c, STR("fr /"), &grown, STR("other"), tag);
    assert_true(has(c, "fr /", grown, "other"));
    web_cache_stats(c, &s);
    assert_int_equal(s.hits, 3);
    assert_int_equal(s.misses, 5);
    assert_int_equal(s.pages, 1);
    web_cache_free(c);
}

static void one_visitor_renders_it_again_and_the_others_wait_for_nobody(void **state)
{
    struct web_cache_state old = at_first, much_older = at_first;
    struct web_cache *c;
    char tag[40];
    (void)state;
    assert_ok(web_cache_new(&c));
    web_cache_put(c, STR("k"), &at_first, STR("page"), tag);
    old.at += 6 * TIME_SECOND;
    much_older.at += 61 * TIME_SECOND;
    assert_false(has(c, "k", old, NULL)); /* the one who renders */
    assert_true(has(c, "k", old, "page"));
    assert_true(has(c, "k", old, "page"));
    old.at += 5 * TIME_SECOND;
    assert_false(has(c, "k", old, NULL)); /* the first never came back */
    assert_true(has(c, "k", old, "page"));
    assert_false(has(c, "k", much_older, NULL));
    assert_false(has(c, "k", much_older, NULL)); /* too old for anybody */
    web_cache_put(c, STR("k"), &old, STR("new"), tag);
    assert_true(has(c, "k", old, "new"));
    web_cache_free(c);
}

static void a_tag_names_the_bytes(void **state)
{
    struct web_cache *c;
    char a[40], b[40], other[40];
    (void)state;
    assert_ok(web_cache_new(&c));
    web_cache_put(c, STR("1"), &at_first, STR("same"), a);
    web_cache_put(c, STR("2"), &at_first, STR("same"), b);
    web_cache_put(c, STR("3"), &at_first, STR("different"), other);
    assert_string_equal(a, b);
    assert_string_not_equal(a, other);
    web_cache_free(c);
}

static void its_memory_is_bounded_and_the_unused_goes_first(void **state)
{
    enum { ONE = 100000, MANY = 1000 };
    struct web_cache_stats s;
    struct web_cache *c;
    char tag[40], *body = am_malloc(ONE);
    (void)state;
    assert_non_null(body);
    memset(body, 'x', ONE);
    assert_ok(web_cache_new(&c));
    for (int i = 0; i < MANY; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        web_cache_put(c, str_c(key), &at_first, (struct str){body, ONE}, tag);
        assert_true(has(c, "0", at_first, NULL)); /* used all the time: stays */
        web_cache_stats(c, &s);
        assert_true(s.bytes <= 16 << 20);
    }
    assert_false(has(c, "1", at_first, NULL));
    assert_true(has(c, "999", at_first, NULL));
    for (int i = 0; i < MANY; i++) {
        char key[16];
        snprintf(key, sizeof key, "small %d", i);
        web_cache_put(c, str_c(key), &at_first, STR("x"), tag);
    }
    web_cache_stats(c, &s);
    assert_int_equal(s.pages, 512);
    web_cache_free(c);
    free(body);
}

static void out_of_memory_keeps_nothing_and_breaks_nothing(void **state)
{
    struct web_cache *c;
    char tag[40];
    (void)state;
    assert_ok(web_cache_new(&c));
    for (long i = 1; i <= 3; i++) {
        am_oom_at(i);
        web_cache_put(c, STR("k"), &at_first, STR("page"), tag);
        if (am_oom_at(0))
            assert_false(has(c, "k", at_first, NULL));
    }
    web_cache_put(c, STR("k"), &at_first, STR("page"), tag);
    assert_true(has(c, "k", at_first, "page"));
    web_cache_free(c);
}

TEST_MAIN(TEST(a_page_is_given_until_what_it_shows_changes),
          TEST(one_visitor_renders_it_again_and_the_others_wait_for_nobody),
          TEST(a_tag_names_the_bytes),
          TEST(its_memory_is_bounded_and_the_unused_goes_first),
          TEST(out_of_memory_keeps_nothing_and_breaks_nothing))
