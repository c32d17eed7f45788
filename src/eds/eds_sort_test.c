/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted pages of more hits than are asked for their keys one by one: all pages together
 * are what sorting the values that were written gives, from memory and from a store. */
#include "base/test.h"

#include <unistd.h>

#include "base/clock.h"
#include "eds/eds_index_priv.h"
#include "eds/search.h"

enum { SORT_N = 2600, SORT_NONE = -1 };

struct one { /* of an Observation: what its keys are */
    int day, hours, value, more, status;
    bool period;
    char id[40];
};
static struct one one[SORT_N];
static struct eds_mem *mem;
static struct eds *store;
static struct eds_source source;
static struct fhir_row_key key = {{5, 6}};
static char sort_dir[64], sort_path[80];

static unsigned sort_random(unsigned n)
{
    static uint64_t seed = 7;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

static void one_make(struct one *o, size_t i)
{
    *o = (struct one){.day = SORT_NONE, .value = SORT_NONE, .more = SORT_NONE};
    if (sort_random(10)) {
        o->day = 1 + (int)sort_random(28);
        o->period = !sort_random(4);
        o->hours = (int)sort_random(24);
    }
    if (sort_random(10))
        o->value = (int)sort_random(300);
    if (sort_random(3))
        o->more = (int)sort_random(300);
    o->status = (int)sort_random(2);
    if (i % 3)
        snprintf(o->id, sizeof o->id, "%08x-0000-4000-8000-%012x", sort_random(99999999),
                 (unsigned)i);
    else
        snprintf(o->id, sizeof o->id, "%c%u-%zu", "aZ7"[sort_random(3)], sort_random(50),
                 i);
}

static void one_text(const struct one *o, struct buf *b)
{
    buf_clear(b);
    assert_ok(
        buf_addf(b, "{\"resourceType\":\"Observation\",\"id\":\"%s\",\"status\":\"%s\"",
                 o->id, o->status ? "final" : "amended"));
    if (o->day > 0 && o->period) /* of two days and more: a long one */
        assert_ok(buf_addf(b,
                           ",\"effectivePeriod\":{\"start\":\"2024-03-%02dT%02d:00:00Z\","
                           "\"end\":\"2024-05-%02dT%02d:00:00Z\"}",
                           o->day, o->hours, o->day, o->hours));
    else if (o->day > 0)
        assert_ok(buf_addf(b, ",\"effectiveDateTime\":\"2024-03-%02dT%02d:00:00Z\"",
                           o->day, o->hours));
    if (o->value >= 0)
        assert_ok(buf_addf(b, ",\"valueQuantity\":{\"value\":%d}", o->value));
    if (o->more >= 0)
        assert_ok(
            buf_addf(b, ",\"component\":[{\"valueQuantity\":{\"value\":%d}}]", o->more));
    assert_ok(buf_addc(b, '}'));
}

/* ---- what the order should be -------------------------------------------------------
 */
static int64_t date_key(const struct one *o, bool down)
{
    int64_t hour = ((o->day - 1) * 24 + o->hours) * INT64_C(3600000000);
    if (o->day < 0)
        return SORT_NONE;
    return !down ? hour : o->period ? hour + INT64_C(61) * 86400000000 : hour + 1;
}

static int64_t value_key(const struct one *o)
{
    return o->value;
}

static int64_t combo_key(const struct one *o, bool down)
{
    if (o->value < 0 || o->more < 0)
        return o->value < 0 ? o->more : o->value;
    return down ? AM_MAX(o->value, o->more) : AM_MIN(o->value, o->more);
}

static int key_cmp(int64_t a, int64_t b, bool down)
{
    if (a < 0 || b < 0)
        return a < 0 ? b >= 0 : -1;
    return down ? (a < b) - (a > b) : (a > b) - (a < b);
}

static int part_cmp(struct str by, const struct one *a, const struct one *b)
{
    bool down = by.p[0] == '-';
    if (down)
        by = str_sub(by, 1, by.n);
    if (str_eqc(by, "date"))
        return key_cmp(date_key(a, down), date_key(b, down), down);
    if (str_eqc(by, "value-quantity"))
        return key_cmp(value_key(a), value_key(b), down);
    if (str_eqc(by, "combo-value-quantity"))
        return key_cmp(combo_key(a, down), combo_key(b, down), down);
    if (str_eqc(by, "status"))
        return key_cmp(a->status, b->status, down);
    if (str_eqc(by, "_id"))
        return down ? strcmp(b->id, a->id) : strcmp(a->id, b->id);
    return down ? (a < b) - (a > b) : (a > b) - (a < b); /* _lastUpdated: as written */
}

static int one_order(const void *x, const void *y, void *arg)
{
    const struct one *a = *(const struct one *const *)x,
                     *b = *(const struct one *const *)y;
    struct str left = str_c(arg), by;
    while (left.n) {
        int c;
        by = str_cut(left, ',', &left);
        c = part_cmp(by, a, b);
        if (c)
            return c;
    }
    return a > b ? -1 : 1;
}

/* ---- asking -------------------------------------------------------------------------
 */
static void one_page(const char *query, char next[EDS_CURSOR], struct eds_rids *all,
                     int64_t *total)
{
    struct fhir_query_config c = {.key = key, .type = STR("Observation")};
    struct fhir_query q;
    struct eds_search s = {.query = &q, .key = key};
    struct fhir_pair *pairs;
    struct eds_found f;
    struct diag d;
    struct arena a;
    size_t n;
    int err;
    arena_init(&a, 1 << 22);
    diag_init(&d);
    assert_ok(fhir_query_split(str_c(query), &a, &pairs, &n, &d));
    assert_ok(fhir_query_parse(&q, &c, pairs, n, &a, &d));
    q.page = str_c(next);
    err = eds_search(&source, &s, &f, &d);
    if (err)
        fail_msg("%s: %s %s", query, am_err_text(err), d.n ? d.item[0].code : "");
    for (size_t i = 0; i < f.hit.n; i++)
        assert_ok(vec_push(all, f.hit.v[i]));
    *total = f.total;
    memcpy(next, f.next, sizeof f.next);
    eds_found_release(&f);
    diag_release(&d);
    arena_release(&a);
}

static void pages_are(const char *sort, int count, bool (*among)(const struct one *),
                      const char *where)
{
    static const struct one *want[SORT_N];
    char query[160], next[EDS_CURSOR] = "", by[80];
    struct eds_rids all = {0};
    int64_t total;
    size_t n = 0;
    for (size_t i = 0; i < SORT_N; i++)
        if (!among || among(&one[i]))
            want[n++] = &one[i];
    snprintf(by, sizeof by, "%s", sort);
    qsort_r(want, n, sizeof *want, one_order, by);
    snprintf(query, sizeof query, "_sort=%s&_count=%d%s", sort, count, where);
    do {
        one_page(query, next, &all, &total);
        assert_int_equal(total, n);
    } while (*next);
    if (all.n != n)
        fail_msg("%s: %zu hits, should be %zu", query, all.n, n);
    for (size_t i = 0; i < n; i++)
        if (all.v[i] != want[i] - one + 1)
            fail_msg("%s: %zu is %lld, should be %td", query, i, (long long)all.v[i],
                     want[i] - one + 1);
    vec_release(&all);
}

static const char *const orders[] = {"date",
                                     "-date",
                                     "value-quantity",
                                     "-value-quantity",
                                     "combo-value-quantity",
                                     "-combo-value-quantity",
                                     "_id",
                                     "-_id",
                                     "_lastUpdated",
                                     "-_lastUpdated",
                                     "status",
                                     "date,-value-quantity",
                                     "-value-quantity,date,_id",
                                     "value-quantity,_lastUpdated",
                                     "combo-value-quantity,-date",
                                     "-combo-value-quantity,_id",
                                     "-status,-date"};

static bool is_final(const struct one *o)
{
    return o->status;
}

static bool is_rare(const struct one *o)
{
    return o->value == 7;
}

static void every_page_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(orders); i++) {
        pages_are(orders[i], 890, NULL, "");
        pages_are(orders[i], 890, is_final, "&status=final");
        pages_are(orders[i], 890, is_rare, "&value-quantity=7");
    }
    /* pages that end among hits equal by the first of their several values */
    pages_are("combo-value-quantity,-date", 101, NULL, "");
    pages_are("-combo-value-quantity,_id", 101, NULL, "");
}

/* ---- the same from a store ----------------------------------------------------------
 */
static int in_store(struct eds_view *v, void *arg)
{
    source = eds_view_source(v);
    every_page_is_in_order(arg);
    return AM_OK;
}

static void every_page_of_a_store_is_in_order(void **state)
{
    assert_ok(eds_view(store, in_store, state));
}

static int mem_open(void **state)
{
    const struct fhir_index x = {.key = key};
    struct buf b;
    (void)state;
    assert_ok(eds_mem_new(&mem));
    source = eds_mem_source(mem);
    buf_init(&b, 4096);
    for (size_t i = 0; i < SORT_N; i++) {
        struct json_doc *doc;
        one_make(&one[i], i);
        one_text(&one[i], &b);
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        assert_ok(eds_mem_put(mem, doc, &x, (int64_t)i * TIME_SECOND));
    }
    buf_release(&b);
    return 0;
}

static int mem_close(void **state)
{
    (void)state;
    eds_mem_free(mem);
    return 0;
}

static void store_fill(void)
{
    struct eds_group *g = NULL;
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < SORT_N; i++) {
        struct json_doc *doc;
        if (i % 100 == 0)
            assert_ok(eds_group_new(&g, store));
        one_make(&one[i], i);
        one_text(&one[i], &b);
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        assert_ok(eds_put(g,
                          &(struct eds_ask){.verb = EDS_CREATE,
                                            .type = STR("Observation"),
                                            .id = str_c(one[i].id),
                                            .body = json_root(doc)},
                          NULL));
        json_free(doc);
        if (i % 100 == 99) {
            assert_ok(eds_write(g));
            eds_group_free(g);
        }
        if (i == 1999)
            assert_ok(eds_merge(store, 500, 1));
    }
    buf_release(&b);
}

static int store_open(void **state)
{
    struct eds_config c = {.path = sort_path, .rows = eds_rows_fhir, .key = {1}};
    (void)state;
    snprintf(sort_dir, sizeof sort_dir, "%s/amane-edss-XXXXXX", test_top());
    if (!mkdtemp(sort_dir))
        return -1;
    snprintf(sort_path, sizeof sort_path, "%s/e.db", sort_dir);
    assert_ok(eds_open(&store, &c));
    key = *eds_row_key(store);
    store_fill();
    return 0;
}

static int store_close(void **state)
{
    static const char *const tail[] = {"", "-wal", "-shm", ".lock"};
    (void)state;
    eds_close(store);
    for (size_t i = 0; i < AM_LEN(tail); i++) {
        char file[96];
        snprintf(file, sizeof file, "%s%s", sort_path, tail[i]);
        unlink(file);
    }
    rmdir(sort_dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_page_is_in_order, mem_open, mem_close),
        cmocka_unit_test_setup_teardown(every_page_of_a_store_is_in_order, store_open,
                                        store_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
