/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a list of 137 things, every third of them not told: 91 are. */
#include "base/arena.h"
#include "base/test.h"
#include "web/web_site_priv.h"

enum { ALL = 137, TOLD = 91 };

static int moved; /* a fold made anew has put other things at those places */

static void key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    (void)x;
    snprintf(out, WEB_LIST_KEY, "thing %zu of %d", place, moved);
}

static bool told(const struct web_list *x, size_t place)
{
    (void)x;
    return place % 3 != 0;
}

struct page {
    struct web_list x;
    char newer[WEB_LIST_CURSOR + 8], older[WEB_LIST_CURSOR + 8];
};

static void page_of_list(const char *query, struct page *p)
{
    struct arena arena;
    struct http_req r = {.arena = &arena, .path = STR("/stops"), .query = str_c(query)};
    struct web_visit v = {.req = &r};
    arena_init(&arena, 1 << 20);
    web_list_find(&v, &p->x);
    p->newer[0] = p->older[0] = 0; /* query may be one of them */
    if (p->x.newer[0])
        snprintf(p->newer, sizeof p->newer, "before=%s", p->x.newer);
    if (p->x.older[0])
        snprintf(p->older, sizeof p->older, "after=%s", p->x.older);
    arena_release(&arena);
}

static void page_of(const char *query, struct page *p)
{
    *p = (struct page){.x = {.n = ALL, .key = key, .wanted = told}};
    page_of_list(query, p);
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

/* ---- work ------------------------------------------------------------------------- */
enum { MANY = 100000, LOOKS = 1000 };
static size_t looked;

static bool the_oldest_only(const struct web_list *x, size_t place)
{
    (void)x;
    looked++;
    return place == 0;
}

static void a_page_looks_at_so_many_and_the_next_goes_on(void **state)
{
    struct page p = {
        .x = {.n = MANY, .looks = LOOKS, .key = key, .wanted = the_oldest_only}};
    char query[128] = "";
    size_t pages = 0, most = 0, found = 0;
    (void)state;
    do {
        looked = 0;
        page_of_list(query, &p);
        most = AM_MAX(most, looked);
        found += p.x.shown;
        snprintf(query, sizeof query, "%s", p.older);
        pages++;
    } while (query[0] && pages < MANY);
    assert_int_equal(found, 1);
    assert_int_equal(pages, MANY / LOOKS);
    assert_int_equal(most, LOOKS);
    for (pages = 1; p.newer[0] && pages < MANY; pages++) { /* and back */
        looked = 0;
        snprintf(query, sizeof query, "%s", p.newer);
        page_of_list(query, &p);
        assert_true(looked <= 2 * LOOKS);
    }
    assert_true(pages <= MANY / LOOKS + 1);
}

/* ---- things that come and go ------------------------------------------------------ */
static int64_t hour[ALL];

static int64_t by_hour(const struct web_list *x, size_t place)
{
    (void)x;
    return hour[place];
}

static void key_of_hour(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    (void)x;
    snprintf(out, WEB_LIST_KEY, "made at %lld", (long long)hour[place]);
}

static struct page page_of_hours(const char *query, size_t n)
{
    struct page p = {.x = {.n = n, .key = key_of_hour, .rank = by_hour}};
    page_of_list(query, &p);
    return p;
}

static void a_page_goes_on_when_what_it_followed_is_gone(void **state)
{
    struct page first, second, back;
    int64_t last;
    (void)state;
    for (size_t i = 0; i < 60; i++)
        hour[i] = 100 + 10 * (int64_t)i;
    first = page_of_hours("", 60);
    last = hour[first.x.place[WEB_LIST_ROWS - 1]];
    /* everything on the first page was signed, and one of the second; two have come */
    for (size_t i = 0; i < 34; i++)
        hour[i] = 100 + 10 * (int64_t)i;
    hour[34] = 5000;
    hour[35] = 5010;
    second = page_of_hours(first.older, 36);
    assert_int_equal(second.x.shown, WEB_LIST_ROWS);
    assert_true(hour[second.x.place[0]] < last);
    assert_int_equal(second.x.place[0], 33);
    back = page_of_hours(second.newer, 36);
    assert_int_equal(back.x.place[0], 35);
    assert_string_equal(back.newer, "");
}

static void nothing_left_is_said_by_no_links(void **state)
{
    struct page p = page_of_hours("after=99-0011223344556677", 0);
    (void)state;
    assert_int_equal(p.x.shown, 0);
    assert_string_equal(p.newer, "");
    assert_string_equal(p.older, "");
}

/* ---- some of all ------------------------------------------------------------------ */
static void only_the_places_given_are_told(void **state)
{
    size_t of_one[40];
    struct ledger_places some = {.v = of_one, .n = AM_LEN(of_one)};
    struct page p = {.x = {.n = MANY, .places = &some, .key = key}};
    (void)state;
    for (size_t i = 0; i < some.n; i++)
        of_one[i] = 7 + 1000 * i;
    page_of_list("", &p);
    assert_int_equal(p.x.shown, WEB_LIST_ROWS);
    assert_int_equal(p.x.place[0], of_one[39]);
    page_of_list(p.older, &p);
    assert_int_equal(p.x.shown, 40 - WEB_LIST_ROWS);
    assert_int_equal(p.x.place[p.x.shown - 1], of_one[0]);
    assert_string_equal(p.older, "");
    page_of_list("after=8-0011223344556677", &p); /* a place of somebody else's */
    assert_int_equal(p.x.place[0], of_one[39]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thing_is_told_once_newest_first),
        cmocka_unit_test(the_previous_page_is_the_one_left),
        cmocka_unit_test(a_cursor_that_leads_nowhere_begins_again),
        cmocka_unit_test(a_page_looks_at_so_many_and_the_next_goes_on),
        cmocka_unit_test(a_page_goes_on_when_what_it_followed_is_gone),
        cmocka_unit_test(nothing_left_is_said_by_no_links),
        cmocka_unit_test(only_the_places_given_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
