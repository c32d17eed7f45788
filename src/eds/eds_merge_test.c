/* SPDX-License-Identifier: Apache-2.0 */
/* Segments, tail and dead: whatever was written, replaced, deleted and merged in whatever
 * order, each view finds exactly the rows of what is current in it. */
#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"

static _Thread_local uint64_t seed;
static size_t pick(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % n;
}

/* ---- what should be found: from the terms of what is current ---- */
enum { ROWS = 20000 };
struct rows {
    struct eds_at v[ROWS];
    size_t n;
    struct arena text;
    int64_t rid;
};
static struct rows want, have;

static void rows_begin(struct rows *r)
{
    arena_release(&r->text);
    arena_init(&r->text, 1 << 24);
    r->n = 0;
}

static int rows_add(void *arg, const struct fhir_row *row, int64_t rid)
{
    struct rows *r = arg;
    assert_true(r->n < ROWS);
    r->v[r->n] = (struct eds_at){*row, rid};
    if (row->kind == FHIR_ROW_STRING)
        r->v[r->n].row.text.p = arena_dup(&r->text, row->text);
    r->n++;
    return AM_OK;
}

static int rows_term(void *arg, const struct fhir_row *row)
{
    return rows_add(arg, row, ((struct rows *)arg)->rid);
}

static int rows_version(void *arg, const struct eds_version *x)
{
    struct rows *r = arg;
    r->rid = x->m.rid;
    return x->m.current ? eds_terms_each(x->terms, rows_term, r) : AM_OK;
}

static int rows_order(const void *a, const void *b)
{
    return eds_at_cmp(a, b);
}

static void rows_equal(void)
{
    qsort(want.v, want.n, sizeof *want.v, rows_order);
    qsort(have.v, have.n, sizeof *have.v, rows_order);
    assert_int_equal(have.n, want.n);
    for (size_t i = 0; i < want.n; i++)
        assert_int_equal(eds_at_cmp(&want.v[i], &have.v[i]), 0);
}

/* Every term there is, by every way to ask for one; from some rid down, too. */
static void terms_are_found(struct eds_view *v)
{
    static int64_t rid[ROWS];
    for (size_t i = 0, k; i < want.n && want.v[i].row.kind == FHIR_ROW_TOKEN; i = k) {
        uint64_t h = want.v[i].row.hash;
        size_t n, some, from;
        int64_t count;
        bool has;
        for (k = i; k < want.n && want.v[k].row.kind == FHIR_ROW_TOKEN &&
                    want.v[k].row.hash == h;)
            k++;
        assert_ok(eds_tok_count(v, h, &count));
        assert_int_equal(count, k - i);
        assert_ok(eds_tok(v, h, INT64_MAX, ROWS, rid, &n));
        assert_int_equal(n, k - i);
        for (size_t j = 0; j < n; j++)
            assert_int_equal(rid[j], want.v[k - 1 - j].rid);
        from = i + pick(k - i);
        some = 1 + pick(4);
        assert_ok(eds_tok(v, h, want.v[from].rid, some, rid, &n));
        assert_int_equal(n, AM_MIN(some, from - i));
        assert_true(!n || rid[0] == want.v[from - 1].rid);
        assert_ok(eds_tok_has(v, h, want.v[from].rid, &has));
        assert_true(has);
    }
}

static void spans_are_found(struct eds_view *v)
{
    const struct eds_span s = {.lo_min = (int64_t)pick(300),
                               .lo_max = (int64_t)pick(600),
                               .v_min = (double)pick(5),
                               .v_max = (double)pick(12),
                               .t_min = STR("f1"),
                               .t_under = STR("f3")};
    struct eds_span dat = s, qty = s, str = s;
    size_t n = 0;
    dat.param = 11;
    qty.param = 12;
    str.param = 13;
    for (size_t i = 0; i < want.n; i++) {
        const struct fhir_row *r = &want.v[i].row;
        if (r->kind == FHIR_ROW_DATE       ? r->lo >= s.lo_min && r->lo <= s.lo_max
            : r->kind == FHIR_ROW_QUANTITY ? r->value >= s.v_min && r->value <= s.v_max
            : r->kind == FHIR_ROW_STRING
                ? str_cmp(r->text, s.t_min) >= 0 && str_cmp(r->text, s.t_under) < 0
                : false)
            want.v[n++] = want.v[i];
    }
    want.n = n;
    rows_begin(&have);
    assert_ok(eds_dat(v, &dat, rows_add, &have));
    assert_ok(eds_qty(v, &qty, rows_add, &have));
    assert_ok(eds_str(v, &str, rows_add, &have));
    for (size_t i = 1; i < have.n; i++) /* and in the order of values */
        assert_true(eds_at_cmp(&have.v[i - 1], &have.v[i]) < 0);
    rows_equal();
}

static int all_is_found(struct eds_view *v, void *arg)
{
    (void)arg;
    rows_begin(&want);
    rows_begin(&have);
    assert_ok(eds_walk(v, 0, rows_version, &want));
    assert_ok(eds_index_each(v, rows_add, &have));
    rows_equal();
    terms_are_found(v);
    spans_are_found(v);
    return AM_OK;
}

/* ---- writing at random ---- */
static void write_some(struct eds *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char body[300], id[16];
        bool gone = !pick(8);
        snprintf(id, sizeof id, "r%zu", pick(90));
        snprintf(
            body, sizeof body,
            "{\"resourceType\":\"Observation\",\"code\":\"c%zu\",\"subject\":\"s%zu\","
            "\"identifier\":\"i%zu\",\"at\":%zu,\"value\":%zu.5,\"family\":\"f%zu\"}",
            pick(3), pick(20), pick(1u << 30), pick(500), pick(10), pick(40));
        assert_ok(t_ask(e, gone ? NULL : body,
                        (struct eds_ask){gone ? EDS_DELETE : EDS_UPDATE, .id = str_c(id)},
                        NULL));
    }
}

static void sound(struct eds *e)
{
    struct eds_check c = {.versions = 0};
    assert_ok(eds_check(e, &c));
}

/* Pages of a few rows, jobs of two pages, chunks of five resources: lists go over many.
 */
static struct eds *open_small(void)
{
    struct eds *e = t_open();
    e->page_b = 100;
    e->slice = 2;
    e->chunk = 5;
    return e;
}

static void each_view_finds_what_is_current_in_it(void **state)
{
    struct eds *e = open_small();
    (void)state;
    seed = 7;
    assert_ok(eds_view(e, all_is_found, NULL)); /* nothing at all */
    for (int i = 0; i < 24; i++) {
        write_some(e, 1 + pick(40));
        if (pick(3))
            assert_ok(eds_view(e, all_is_found, NULL));
        if (pick(2))
            assert_ok(eds_merge(e, 1 + pick(30), 1 + pick(60)));
        if (pick(3))
            assert_ok(eds_view(e, all_is_found, NULL));
        if (i % 8 == 7) { /* another process */
            eds_close(e);
            e = i == 7 ? t_open() : open_small();
        }
    }
    assert_ok(eds_view(e, all_is_found, NULL));
    sound(e);
    eds_close(e);
}

/* ---- all at once ---- */
static int newest(struct eds_view *v, void *arg)
{
    struct eds_ix *x;
    (void)arg;
    return eds_ix_get(v, &x);
}

static atomic_int writing;
static void *write_on(void *arg)
{
    seed = (uintptr_t)&seed;
    write_some(arg, 60);
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

static void *look_on(void *arg)
{
    for (int i = 0; i < 20; i++)
        assert_ok(eds_view(arg, newest, NULL));
    return NULL;
}

static void merges_beside_writes_lose_nothing(void **state)
{
    struct eds *e = open_small();
    pthread_t t[4];
    (void)state;
    atomic_store(&writing, 3);
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, i < 3 ? write_on : look_on, e), 0);
    while (atomic_load(&writing) > 0)
        assert_ok(eds_merge(e, 8, 1));
    for (size_t i = 0; i < AM_LEN(t); i++)
        pthread_join(t[i], NULL);
    assert_ok(eds_view(e, all_is_found, NULL));
    assert_ok(eds_merge(e, 8, 1));
    assert_ok(eds_view(e, all_is_found, NULL));
    sound(e);
    eds_close(e);
}

/* ---- a view that was there before what came ---- */
struct meanwhile {
    struct eds *e;
    int what;
};

static void *go_on(void *arg)
{
    struct meanwhile *m = arg;
    if (m->what & 1)
        assert_ok(eds_merge(m->e, 10, 1));
    if (m->what & 2)
        write_some(m->e, 9);
    if (m->what & 4)
        assert_ok(eds_merge(m->e, 10, 1));
    return NULL;
}

static void *look(void *arg)
{
    assert_ok(eds_view(arg, newest, NULL));
    return NULL;
}

static void elsewhere(void *(*fn)(void *), void *arg)
{
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, fn, arg), 0);
    pthread_join(t, NULL);
}

static int old_view(struct eds_view *v, void *arg)
{
    struct meanwhile *m = arg;
    int64_t top;
    if (m->what & 16)
        assert_ok(all_is_found(v, NULL)); /* it looked before */
    assert_ok(eds_top(v, &top));          /* its snapshot begins */
    elsewhere(go_on, m);
    if (m->what & 8) /* the newest brings the cache up */
        elsewhere(look, m->e);
    return all_is_found(v, NULL);
}

static void an_older_view_goes_on_finding_what_it_did(void **state)
{
    struct eds *e = open_small();
    (void)state;
    seed = 11;
    write_some(e, 60);
    for (int what = 0; what < 96; what++) {
        if (what / 32 != 1) /* the cache knows all there is */
            assert_ok(eds_view(e, newest, NULL));
        assert_ok(eds_view(e, old_view, &(struct meanwhile){e, what % 32}));
        write_some(e, pick(9));
    }
    assert_ok(eds_view(e, all_is_found, NULL));
    sound(e);
    eds_close(e);
}

/* ---- the writer's own view: conditions see what the transaction holds ---- */
static void *create_once(void *arg)
{
    struct eds *e = arg;
    for (int i = 0; i < 12; i++) {
        char code[16], body[80];
        uint64_t term;
        struct eds_done done;
        snprintf(code, sizeof code, "o%d", i);
        snprintf(body, sizeof body, "{\"resourceType\":\"Observation\",\"code\":\"%s\"}",
                 code);
        term = t_term(eds_row_key(e), "code", code);
        {
            struct json_doc *doc = t_json(body);
            struct eds_group *g;
            struct eds_ask a = {EDS_CREATE,          .type = STR("Observation"),
                                .conditional = true, .term = &term,
                                .n_terms = 1,        .body = json_root(doc)};
            assert_ok(eds_group_new(&g, e));
            assert_ok(eds_put(g, &a, NULL));
            assert_ok(eds_write(g));
            done = *eds_done(g, 0);
            assert_true(done.did == EDS_CREATED || done.did == EDS_EXISTED);
            eds_group_free(g);
            json_free(doc);
        }
        if (i % 4 == 3)
            assert_ok(eds_merge(e, 3, 1));
    }
    return NULL;
}

static int twelve(struct eds_view *v, void *arg)
{
    struct eds_stats s;
    (void)arg;
    assert_ok(eds_count(v, &s));
    assert_int_equal(s.current, 12);
    assert_int_equal(s.tokens, 12);
    return AM_OK;
}

static void parallel_conditional_creates_make_one(void **state)
{
    struct eds *e = t_open();
    pthread_t t[8];
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, create_once, e), 0);
    for (size_t i = 0; i < AM_LEN(t); i++)
        pthread_join(t[i], NULL);
    assert_ok(eds_view(e, twelve, NULL));
    sound(e);
    eds_close(e);
}

/* ---- a store of the release before ---- */
static int as_before(struct db_conn *c, void *arg)
{
    static const char *const sql[] = {
        "drop table seg",
        "drop table page",
        "drop table dead",
        "create table tok (h integer not null, rid integer not null)",
        "create table dat (p integer not null)",
        "create table qty (p integer not null)",
        "create table str (p integer not null)",
        "delete from db_migration where version = 2"};
    int err = AM_OK;
    (void)arg;
    for (size_t i = 0; i < AM_LEN(sql) && !err; i++)
        err = db_exec(c, sql[i], NULL);
    return err;
}

static void an_older_store_is_indexed_from_its_terms(void **state)
{
    struct eds *e = t_open();
    (void)state;
    seed = 3;
    write_some(e, 80);
    assert_ok(db_write(e->db, as_before, NULL));
    eds_close(e);
    e = t_open();
    assert_ok(eds_view(e, all_is_found, NULL));
    assert_ok(eds_merge(e, 25, 1));
    assert_ok(eds_view(e, all_is_found, NULL));
    sound(e);
    eds_close(e);
}

/* ---- what a merge left half made ---- */
static int half_made(struct db_conn *c, void *arg)
{
    int err = db_exec(c,
                      "insert into seg (n, lo, hi, live, pages, dir) values"
                      " (99, 0, 9, 0, 0, $1)",
                      "b", STR(""));
    (void)arg;
    return err ? err
               : db_exec(c, "insert into page (id, body) values ($1, $2)", "ib",
                         (int64_t)99 * EDS_SEG_PAGES + 3, STR("x"));
}

static int number_of(struct eds_view *v, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(v->c,
                         "select (select count(*) from seg where live = 0) + (select"
                         " count(*) from page where id >= $1)",
                         &s);
    if (!err)
        db_bind_int(s, 1, (int64_t)99 * EDS_SEG_PAGES);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(int64_t *)arg = db_int(s, 0);
    return err;
}

static void what_a_merge_left_half_made_goes_away(void **state)
{
    struct eds *e = t_open();
    int64_t n;
    (void)state;
    seed = 5;
    write_some(e, 20);
    assert_ok(db_write(e->db, half_made, NULL));
    assert_ok(eds_view(e, all_is_found, NULL));
    eds_close(e);
    e = t_open();
    assert_ok(eds_view(e, number_of, &n));
    assert_int_equal(n, 0);
    assert_ok(eds_view(e, all_is_found, NULL));
    eds_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_view_finds_what_is_current_in_it),
        T(merges_beside_writes_lose_nothing),
        T(an_older_view_goes_on_finding_what_it_did),
        T(parallel_conditional_creates_make_one),
        T(an_older_store_is_indexed_from_its_terms),
        T(what_a_merge_left_half_made_goes_away),
    };
    return t_run_both(tests, AM_LEN(tests));
}
