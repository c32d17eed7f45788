/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a list of 137 things, every third of them not told: 91 are. */
#include "base/arena.h"
#include "base/test.h"
#include "web/web_site_priv.h"

enum { ALL = 137, TOLD = 91 };

static int moved; /* a fold made anew has put other things at those places */

static void key(const struct ledger *l, size_t place, char out[WEB_LIST_KEY])
{
    (void)l;
    snprintf(out, WEB_LIST_KEY, "thing %zu of %d", place, moved);
}

static bool told(const struct ledger *l, size_t place)
{
    (void)l;
    return place % 3 != 0;
}

struct page {
    struct web_list x;
    char newer[128], older[128];
};

static void page_of(const char *query, struct page *p)
{
    struct arena arena;
    struct http_req r = {.arena = &arena, .path = STR("/stops"), .query = str_c(query)};
    struct web_visit v = {.req = &r};
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    arena_init(&arena, 1 << 20);
    buf_init(&b, 4096);
    jw_init(&w, &b);
    *p = (struct page){.x = {.n = ALL, .key = key, .wanted = told}};
    jw_obj(&w);
    web_list_find(&v, &p->x, &w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    struct str newer = json_get_str(json_root(doc), "newer"),
               older = json_get_str(json_root(doc), "older");
    if (newer.n)
        snprintf(p->newer, sizeof p->newer, "before=%.*s", STR_FMT(newer));
    if (older.n)
        snprintf(p->older, sizeof p->older, "after=%.*s", STR_FMT(older));
    json_free(doc);
    buf_release(&b);
    arena_release(&arena);
}

static void every_thing_is_told_once_newest_first(void **state)
{
    struct page p;
    size_t n = 0, last = ALL;
    char query[128] = "";
    (void)state;
    do {
        page_of(query, &p);
        for (size_t i = 0; i < p.x.shown; i++, n++) {
            assert_true(p.x.place[i] < last && told(NULL, p.x.place[i]));
            last = p.x.place[i];
        }
        snprintf(query, sizeof query, "%s", p.older);
    } while (query[0]);
    assert_int_equal(n, TOLD);
}

static void the_previous_page_is_the_one_left(void **state)
{
    struct page first, second, back;
    (void)state;
    page_of("", &first);
    assert_string_equal(first.newer, "");
    page_of(first.older, &second);
    page_of(second.newer, &back);
    assert_int_equal(back.x.shown, WEB_LIST_ROWS);
    assert_memory_equal(back.x.place, first.x.place, sizeof back.x.place);
    assert_string_equal(back.newer, "");
    assert_string_equal(back.older, first.older);
}

static void a_cursor_that_leads_nowhere_begins_again(void **state)
{
    static const char *const bad[] = {"after=x", "after=9999-00", "after=5-",
                                      "before=-1-"};
    struct page first, p;
    char old[128];
    (void)state;
    moved = 0;
    page_of("", &first);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        page_of(bad[i], &p);
        assert_memory_equal(p.x.place, first.x.place, sizeof p.x.place);
    }
    snprintf(old, sizeof old, "%s", first.older);
    moved = 1;
    page_of(old, &p);
    assert_memory_equal(p.x.place, first.x.place, sizeof p.x.place);
    moved = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thing_is_told_once_newest_first),
        cmocka_unit_test(the_previous_page_is_the_one_left),
        cmocka_unit_test(a_cursor_that_leads_nowhere_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
