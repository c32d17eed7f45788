/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow: pages follow each other without a hole whatever comes meanwhile. */
#include "api/api_test_support.h"

static struct t t;
static struct api *a;

static void grow(void)
{
    t_grow(&t, "OTHER1");
}

/* A fact: somebody takes no part in what concerns that organisation. */
static void recuse(int n)
{
    assert_ok(t_event(&t, T_HAS1,
                      "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":\"interest\","
                      "\"with_org\":\"WITH%02d\"",
                      t.id[T_HAS1], n));
}

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    for (int i = 0; i < 20; i++)
        grow();
    for (int i = 0; i < 7; i++)
        recuse(i);
    assert_ok(api_new_registry(&a, t.r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    t_end(&t);
    return 0;
}

static struct reply get(const char *path, const char *query)
{
    return t_ask(a, &(struct ask){.path = path, .query = query});
}

/* All of a list, page after page, by the members; between() runs after each. */
struct walk {
    const char *path, *filter;
    const char *what; /* the member that is collected */
    struct buf seen;
    size_t pages, n;
};

static void walk(struct walk *x, size_t limit, void (*between)(void))
{
    char query[256], next[128] = "";
    buf_init(&x->seen, 1 << 16);
    do {
        struct reply r;
        snprintf(query, sizeof query, "%slimit=%zu%s%s", x->filter, limit,
                 *next ? "&after=" : "", next);
        r = get(x->path, query);
        assert_int_equal(r.status, 200);
        assert_true(json_size(t_at(&r, "/items")) <= limit);
        for (json_each(it, t_at(&r, "/items"))) {
            assert_ok(buf_add(&x->seen, json_get_str(it.val, x->what)));
            assert_ok(buf_addc(&x->seen, ' '));
            x->n++;
        }
        x->pages++;
        snprintf(next, sizeof next, "%.*s", STR_FMT(json_str(t_at(&r, "/next"))));
        assert_true((t_header(&r, "Link").p != NULL) == (*next != 0));
        t_done(&r);
        if (between)
            between();
    } while (*next && x->pages < 1000);
}

static void pages_of_keys_are_the_list_while_it_grows(void **state)
{
    struct walk pages = {.path = "/api/v1/keys", .filter = "", .what = "key_id"};
    struct walk whole = pages;
    (void)state;
    walk(&pages, 4, grow);
    walk(&whole, 1000, NULL);
    assert_int_equal(whole.pages, 1);
    /* one came after the last page was read */
    assert_int_equal(pages.n + 1, whole.n);
    assert_memory_equal(pages.seen.p, whole.seen.p, pages.seen.n);
    buf_release(&pages.seen);
    buf_release(&whole.seen);
}

static int fresh = 50;
static void recuse_once_more(void)
{
    recuse(fresh++);
}

static void the_newest_come_first_and_none_is_told_twice(void **state)
{
    struct walk before = {
        .path = "/api/v1/facts", .filter = "type=recusal&", .what = "with_org"};
    struct walk pages = before;
    (void)state;
    walk(&before, 1000, NULL);
    walk(&pages, 2, recuse_once_more);
    assert_int_equal(before.n, 7);
    assert_string_equal(pages.seen.p, before.seen.p);
    assert_int_equal(pages.pages, 4);
    buf_release(&before.seen);
    buf_release(&pages.seen);
}

static void the_link_leads_to_the_next_page_with_the_same_filters(void **state)
{
    struct reply r =
        get("/api/v1/facts", "type=recusal&lang=%3Ca&lang=<\"\xc3\xa9&limit=2");
    struct str link = t_header(&r, "Link"), rest, path, query;
    char next[512], want[128];
    (void)state;
    assert_true(
        str_starts(link, STR("</api/v1/facts?type=recusal&lang=%3Ca&lang=%3C%22%C3%A9"
                             "&limit=2&after=")));
    snprintf(want, sizeof want, "after=%.*s>; rel=\"next\"",
             STR_FMT(json_str(t_at(&r, "/next"))));
    assert_true(link.n > strlen(want));
    assert_memory_equal(link.p + link.n - strlen(want), want, strlen(want));
    link = str_cut(str_sub(link, 1, link.n), '>', &rest);
    path = str_cut(link, '?', &query);
    assert_true(str_eqc(path, "/api/v1/facts"));
    snprintf(next, sizeof next, "%.*s", STR_FMT(query));
    t_done(&r);
    r = get("/api/v1/facts", next);
    assert_int_equal(json_size(t_at(&r, "/items")), 2);
    link = t_header(&r, "Link"); /* one cursor, not two */
    assert_true(str_find(link, '&') < link.n);
    snprintf(next, sizeof next, "%.*s", STR_FMT(link));
    assert_ptr_equal(strstr(strstr(next, "after=") + 1, "after="), NULL);
    t_done(&r);
}

/* Orders go on from a number of the log, as nodes ask for them; so does their Link. */
static void orders_are_told_in_pages_too(void **state)
{
    enum { ORDERS = 5 };
    char next[64] = "0", query[128], at[TIME_TEXT];
    size_t n = 0, pages = 0;
    bool more;
    (void)state;
    t_declared(&t);
    for (size_t i = 0; i < ORDERS; i++)
        assert_ok(t_event(&t, T_MSPS,
                          "\"type\":\"stop\",\"scope\":\"national\",\"model_digest\":"
                          "\"%s\",\"effect_at\":\"%s\",\"reason\":\"test %zu\"",
                          t.model_hex, time_format(time_now(), at), i));
    do {
        struct reply r;
        snprintf(query, sizeof query, "since=%s&limit=2", next);
        r = get("/api/v1/stops", query);
        assert_int_equal(r.status, 200);
        n += json_size(t_at(&r, "/items"));
        pages++;
        snprintf(next, sizeof next, "%lld", (long long)json_int(t_at(&r, "/next"), -1));
        snprintf(query, sizeof query, "</api/v1/stops?limit=2&since=%s>; rel=\"next\"",
                 next);
        more = t_header(&r, "Link").n != 0;
        if (more)
            assert_true(str_eqc(t_header(&r, "Link"), query));
        t_done(&r);
    } while (more && pages < 10);
    assert_int_equal(n, ORDERS);
    assert_int_equal(pages, 3);
}

static void a_limit_out_of_range_is_refused(void **state)
{
    static const char *const path[] = {
        "/api/v1/algorithms", "/api/v1/keys",      "/api/v1/deployments",
        "/api/v1/facts",      "/api/v1/escrow",    "/api/v1/sandboxes",
        "/api/v1/stops",      "/api/v1/vigilance",
    };
    static const char *const limit[] = {"limit=0", "limit=1001", "limit=x", "limit=-1"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(path); i++) {
        struct reply r;
        for (size_t k = 0; k < AM_LEN(limit); k++) {
            r = get(path[i], limit[k]);
            t_assert_shape(&r, "syntax");
            assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "query.limit");
            t_done(&r);
        }
        r = get(path[i], "limit=1000");
        assert_int_equal(r.status, 200);
        t_done(&r);
    }
}

static void an_after_that_leads_nowhere_is_refused(void **state)
{
    static const char *const path[] = {
        "/api/v1/algorithms", "/api/v1/keys",      "/api/v1/deployments", "/api/v1/facts",
        "/api/v1/escrow",     "/api/v1/sandboxes", "/api/v1/vigilance"};
    static const char *const after[] = {"after=x",
                                        "after=0",
                                        "after=0-",
                                        "after=-1-0011223344556677",
                                        "after=99999999999999999999-0011223344556677",
                                        "after=3-0011223344556677"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(path); i++)
        for (size_t k = 0; k < AM_LEN(after); k++) {
            struct reply r = get(path[i], after[k]);
            t_assert_shape(&r, "syntax");
            assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "query.after");
            t_done(&r);
        }
}

/* A place in one list is no place in another, nor in one that was made anew. */
static void a_cursor_belongs_to_its_thing(void **state)
{
    struct reply r = get("/api/v1/keys", "limit=3");
    char query[128];
    (void)state;
    snprintf(query, sizeof query, "after=%.*s", STR_FMT(json_str(t_at(&r, "/next"))));
    t_done(&r);
    r = get("/api/v1/facts", query);
    assert_int_equal(r.status, 400);
    t_done(&r);
    query[strlen(query) - 1] ^= 1;
    r = get("/api/v1/keys", query);
    assert_int_equal(r.status, 400);
    t_done(&r);
}

static void the_usual_page_is_a_hundred(void **state)
{
    struct reply r;
    (void)state;
    r = get("/api/v1/keys", NULL);
    while (json_size(t_at(&r, "/items")) < 100) {
        assert_null(t_at(&r, "/next"));
        t_done(&r);
        grow();
        r = get("/api/v1/keys", "");
    }
    t_done(&r);
    grow();
    r = get("/api/v1/keys", "");
    assert_int_equal(json_size(t_at(&r, "/items")), 100);
    assert_non_null(t_at(&r, "/next"));
    t_done(&r);
}

/* ---- what a page costs ------------------------------------------------------------ */
enum { MANY = 5 * API_LIST_LOOKS };
static size_t looked;

static void place_key(const struct api_list *x, size_t place, char out[API_LIST_KEY])
{
    (void)x;
    snprintf(out, API_LIST_KEY, "%zu", place);
}

static bool the_last_only(const struct api_list *x, size_t place)
{
    (void)x;
    looked++;
    return place == MANY - 1;
}

static void put_place(const struct api_list *x, size_t place)
{
    jw_int(&x->c->w, (int64_t)place);
}

/* How many are told of a list that has MANY and wants one; next: of the page before. */
static size_t page_of_many(char next[128])
{
    struct reply r = {0};
    char query[160];
    size_t n;
    snprintf(query, sizeof query, "after=%s", next);
    arena_init(&r.arena, 1 << 20);
    struct http_req req = {
        .arena = &r.arena, .path = STR("/many"), .query = *next ? str_c(query) : STR("")};
    struct api_call c = {.req = &req, .resp = &r.resp};
    struct api_list x = {
        .c = &c, .n = MANY, .key = place_key, .wanted = the_last_only, .put = put_place};
    buf_init(&r.resp.body, 4096);
    diag_init(&c.d);
    jw_init(&c.w, &r.resp.body);
    jw_obj(&c.w);
    assert_ok(api_list_put(&x));
    jw_obj_end(&c.w);
    assert_ok(jw_done(&c.w));
    assert_ok(json_parse(&r.doc, buf_str(&r.resp.body), NULL, NULL));
    n = json_size(t_at(&r, "/items"));
    snprintf(next, 128, "%.*s", STR_FMT(json_str(t_at(&r, "/next"))));
    assert_true((t_header(&r, "Link").n != 0) == (*next != 0));
    diag_release(&c.d);
    t_done(&r);
    return n;
}

static void a_filter_looks_at_so_many_and_the_next_page_goes_on(void **state)
{
    char next[128] = "";
    size_t pages = 0, told = 0;
    (void)state;
    do {
        looked = 0;
        told += page_of_many(next);
        assert_true(looked <= API_LIST_LOOKS);
        pages++;
    } while (*next && pages < 100);
    assert_int_equal(told, 1);
    assert_int_equal(pages, MANY / API_LIST_LOOKS);
}

static uint64_t views_of(const char *path, const char *query)
{
    uint64_t before = ledger_looked();
    struct reply r = get(path, query);
    assert_int_equal(r.status, 200);
    assert_int_equal(json_size(t_at(&r, "/items")), 0);
    t_done(&r);
    return ledger_looked() - before;
}

static void what_is_about_one_thing_is_found_without_looking_at_others(void **state)
{
    char query[128];
    uint64_t fact;
    (void)state;
    snprintf(query, sizeof query, "model=%s", t.model_hex);
    fact = views_of("/api/v1/facts", query); /* there are some, about other things */
    assert_true(views_of("/api/v1/facts", "type=none") > fact + 6);
    for (int i = 0; i < 7; i++)
        recuse_once_more();
    assert_int_equal(views_of("/api/v1/facts", query), fact);
    assert_int_equal(views_of("/api/v1/deployments", "use=CARDIO-RISK"), 0);
    assert_int_equal(views_of("/api/v1/sandboxes", query), 0);
}

/* ---- texts that wait: they come and go between two pages -------------------------- */
static char token[AUTH_TOKEN];

static struct reply texts(const char *query)
{
    return t_ask(
        a, &(struct ask){.path = "/api/v1/proposals", .query = query, .token = token});
}

static size_t texts_from(const char *query, char next[128], struct buf *seen)
{
    struct reply r = texts(query);
    size_t n = json_size(t_at(&r, "/items"));
    assert_int_equal(r.status, 200);
    for (json_each(it, t_at(&r, "/items")))
        assert_ok(buf_add(seen, json_get_str(it.val, "payload")));
    snprintf(next, 128, "%.*s", STR_FMT(json_str(t_at(&r, "/next"))));
    t_done(&r);
    return n;
}

static void texts_that_wait_are_told_in_pages_that_follow_each_other(void **state)
{
    enum { TEXTS = 7 };
    struct auth_account spec = {.role = LEDGER_MSPS, .login = "desk", .org_id = "MSPS"};
    uint8_t payload[TEXTS][32];
    char next[128], query[192], hex[CRYPTO_HEX];
    struct buf pages, whole;
    size_t n;
    int64_t id = 0;
    (void)state;
    snprintf(spec.function, sizeof spec.function, "registry_desk");
    assert_ok(auth_account_create(registry_auth(t.r), &spec, STR("a long password"), &id,
                                  NULL));
    assert_ok(auth_token_create(registry_auth(t.r), id, time_now(), 0, token));
    for (size_t i = 0; i < TEXTS; i++)
        assert_ok(t_propose(&t, &spec, (char[]){(char)('a' + i), 0}, payload[i]));
    buf_init(&pages, 1 << 16);
    buf_init(&whole, 1 << 16);
    assert_int_equal(texts_from("", next, &whole), TEXTS);
    assert_string_equal(next, "");
    n = texts_from("limit=3", next, &pages);
    while (*next) {
        snprintf(query, sizeof query, "limit=3&after=%s", next);
        n += texts_from(query, next, &pages);
    }
    assert_int_equal(n, TEXTS);
    assert_string_equal(pages.p, whole.p);
    /* one nobody has any more: the page goes on after where it was */
    snprintf(query, sizeof query, "limit=3&after=%lld-%.*s", (long long)time_now(), 16,
             crypto_hex(payload[0], 32, hex));
    assert_int_equal(texts_from(query, next, &pages), 3);
    struct reply r = texts("after=x");
    assert_int_equal(r.status, 400);
    t_done(&r);
    buf_release(&pages);
    buf_release(&whole);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_keys_are_the_list_while_it_grows),
        cmocka_unit_test(the_newest_come_first_and_none_is_told_twice),
        cmocka_unit_test(the_link_leads_to_the_next_page_with_the_same_filters),
        cmocka_unit_test(orders_are_told_in_pages_too),
        cmocka_unit_test(a_limit_out_of_range_is_refused),
        cmocka_unit_test(an_after_that_leads_nowhere_is_refused),
        cmocka_unit_test(a_cursor_belongs_to_its_thing),
        cmocka_unit_test(the_usual_page_is_a_hundred),
        cmocka_unit_test(a_filter_looks_at_so_many_and_the_next_page_goes_on),
        cmocka_unit_test(what_is_about_one_thing_is_found_without_looking_at_others),
        cmocka_unit_test(texts_that_wait_are_told_in_pages_that_follow_each_other),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
