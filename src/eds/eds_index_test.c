/* SPDX-License-Identifier: Apache-2.0 */
/* Index rows: exactly those of the current versions; and fsck, which says so. */
#include "eds/eds_test.h"
#include "eds/eds_index_priv.h"

struct found {
    int64_t rid[64];
    double value[64];
    size_t n;
    int64_t count;
};

static int terms_of(struct eds_view *v, void *arg)
{
    struct found *f = arg;
    uint64_t h = t_term(eds_row_key(eds_of(v)), "code", "x");
    int err = eds_tok(v, h, INT64_MAX, 64, f->rid, &f->n);
    return err ? err : eds_tok_count(v, h, &f->count);
}

static struct found tokens(struct eds *e)
{
    struct found f = {0};
    assert_ok(eds_view(e, terms_of, &f));
    assert_int_equal(f.n, f.count);
    return f;
}

static const char full[] = "{\"resourceType\":\"Observation\",\"code\":\"x\",\"at\":1000,"
                           "\"value\":2.5,\"family\":\"alaoui\"}";

static struct eds_stats counts_of(struct eds *e);
static int counts_fn(struct eds_view *v, void *arg)
{
    return eds_count(v, arg);
}
static struct eds_stats counts_of(struct eds *e)
{
    struct eds_stats s;
    assert_ok(eds_view(e, counts_fn, &s));
    return s;
}

static void rows_follow_the_current_version(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_done a, b;
    struct eds_stats s;
    struct found f;
    assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &a));
    assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("b")}, &b));
    f = tokens(e);
    assert_int_equal(f.n, 2);
    assert_true(f.rid[0] == b.rid && f.rid[1] == a.rid);
    assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &a));
    f = tokens(e);
    assert_true(f.n == 2 && f.rid[0] == a.rid && f.rid[1] == b.rid);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"code\":\"y\"}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &a));
    assert_int_equal(tokens(e).n, 1);
    s = counts_of(e);
    assert_true(s.current == 2 && s.past == 2 && s.tokens == 2);
    assert_true(s.dates == 1 && s.quantities == 1 && s.texts == 1);
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("b")}, &b));
    s = counts_of(e);
    assert_true(s.current == 1 && s.past == 4 && s.tokens == 1);
    assert_true(s.dates == 0 && s.quantities == 0 && s.texts == 0);
    assert_int_equal(s.top, b.rid);
    eds_close(e);
}

static int keep_row(void *arg, const struct fhir_row *r, int64_t rid)
{
    struct found *f = arg;
    f->rid[f->n] = rid;
    f->value[f->n++] = r->kind == FHIR_ROW_DATE       ? (double)r->lo
                       : r->kind == FHIR_ROW_QUANTITY ? r->value
                                                      : (double)r->text.n;
    return f->n == 3;
}

static int spans(struct eds_view *v, void *arg)
{
    struct found *f = arg;
    struct eds_span s = {.param = 11, .lo_min = 2, .lo_max = 100};
    assert_ok(eds_dat(v, &s, keep_row, &f[0]));
    s = (struct eds_span){.param = 12, .v_min = -1, .v_max = 3, .down = true};
    assert_ok(eds_qty(v, &s, keep_row, &f[1]));
    s = (struct eds_span){.param = 13, .t_min = STR("b"), .t_under = STR("bb")};
    assert_ok(eds_str(v, &s, keep_row, &f[2]));
    s = (struct eds_span){.param = 13, .down = true};
    assert_ok(eds_str(v, &s, keep_row, &f[3]));
    return AM_OK;
}

static void spans_come_in_the_order_of_values(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct found f[4] = {0};
    for (int i = 0; i < 5; i++) {
        char body[200], id[16];
        snprintf(id, sizeof id, "r%d", i);
        snprintf(body, sizeof body,
                 "{\"resourceType\":\"Observation\",\"at\":%d,\"value\":%d.5,"
                 "\"family\":\"%.*s\"}",
                 i, 4 - i, i + 1, "bbbbb");
        assert_ok(t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = str_c(id)}, NULL));
    }
    assert_ok(eds_view(e, spans, f));
    assert_int_equal(f[0].n, 3); /* 2, 3, 4: then it was asked to stop */
    assert_true(f[0].value[0] == 2 && f[0].value[2] == 4);
    assert_int_equal(f[1].n, 3);
    assert_true(f[1].value[0] == 2.5 && f[1].value[2] == 0.5);
    assert_int_equal(f[2].n, 1);
    assert_true(f[3].n == 3 && f[3].value[0] == 5);
    eds_close(e);
}

struct instant {
    int64_t at, rid;
};

static int rid_at(struct eds_view *v, void *arg)
{
    struct instant *i = arg;
    return eds_rid_at(v, i->at, &i->rid);
}

static void instants_are_found_by_rid(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct instant i = {1, 0};
    assert_ok(eds_view(e, rid_at, &i));
    assert_int_equal(i.rid, INT64_MAX);
    for (int k = 0; k < 9; k++) {
        time_fake(1000 + 100 * k);
        assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
    }
    for (int k = 0; k < 9; k++) {
        i.at = 1000 + 100 * k - k % 2;
        assert_ok(eds_view(e, rid_at, &i));
        assert_int_equal(i.rid, k + 1);
    }
    i.at = 1801;
    assert_ok(eds_view(e, rid_at, &i));
    assert_int_equal(i.rid, INT64_MAX);
    time_fake(5); /* a clock set back: instants stand still, they do not go back */
    assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
    i.at = 1800;
    assert_ok(eds_view(e, rid_at, &i));
    assert_int_equal(i.rid, 9);
    eds_close(e);
}

/* ---- fsck ---- */
struct named {
    char code[32][24];
    int64_t rid[32];
    size_t n;
};

static void name_it(void *arg, const struct eds_problem *p)
{
    struct named *n = arg;
    snprintf(n->code[n->n], sizeof n->code[0], "%s", p->code);
    n->rid[n->n++] = p->where.rid;
}

static int checked(struct eds *e, struct named *n)
{
    struct eds_check c = {.problem = name_it, .arg = n};
    *n = (struct named){.n = 0};
    return eds_check(e, &c);
}

static int edit(struct db_conn *c, void *arg)
{
    return db_exec(c, arg, NULL);
}

/* Each edit behind the program's back is named; all of them at rid 2 or the group that
 * ends there. */
static void silent_edits_are_found_and_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *code;
        int64_t rid;
    } edits[] = {
        {"update res set ver = 9 where rid = 2", "eds.chain", 2},
        {"update res set at = at + 1 where rid = 2", "eds.chain", 2},
        {"update hist set at = at - 1 where rid = 1", "eds.chain", 1},
        {"update res set body = (select body from res where rid = 3) where rid = 2",
         "eds.body", 2},
        {"update hist set gone = 1 where rid = 1", "eds.chain", 1},
        {"delete from hist where rid = 1", "eds.chain", 2},
        {"delete from res where rid = 4", "eds.missing", 4},
        {"delete from link where last = 4", "eds.unlinked", 4},
        {"insert into dead (ended, rid) values (3, 2)", "eds.row_missing", 2},
        {"delete from dead", "eds.row_extra", 1},
        {"update page set body = (select body from page where id = (select max(id) - 3"
         " from page))",
         "eds.index", 0},
        {"update page set body = (select body from page where id = (select max(id) - 3"
         " from page)) where id > (select max(id) - 3 from page)",
         "eds.row_missing", 2},
        {"delete from page where id = (select max(id) from page)", "eds.index", 0},
        {"update seg set lo = 0 where lo > 0", "eds.index", 0},
        {"update seg set dir = (select body from page where id = (select max(id) from"
         " page))",
         "eds.index", 0},
        {"update res set terms = (select terms from res where rid = 4) where rid = 3",
         "eds.terms", 3},
        {"update res set type = 77 where rid = 2", NULL, 0},
    };
    for (size_t i = 0; i < AM_LEN(edits); i++) {
        struct eds *e;
        struct named n;
        int err;
        if (i) {
            assert_int_equal(t_teardown(NULL), 0);
            assert_int_equal(t_setup(NULL), 0);
        }
        e = t_open();
        assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
        assert_ok(eds_merge(e, 100, 1));
        assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
        assert_ok(t_ask(e, full, (struct eds_ask){EDS_UPDATE, .id = STR("b")}, NULL));
        assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"code\":\"y\"}",
                        (struct eds_ask){EDS_UPDATE, .id = STR("c")}, NULL));
        assert_ok(eds_merge(e, 100, 1));
        assert_ok(checked(e, &n));
        assert_ok(db_write(e->db, edit, (void *)(uintptr_t)edits[i].sql));
        err = checked(e, &n);
        assert_true(err != AM_OK);
        if (edits[i].code) {
            bool named = false;
            assert_int_equal(err, AM_E_TAMPERED);
            for (size_t k = 0; k < n.n; k++)
                named = named || (strcmp(n.code[k], edits[i].code) == 0 &&
                                  n.rid[k] == edits[i].rid);
            if (!named)
                print_message("edit %zu: %zu named, first %s %lld\n", i, n.n,
                              n.n ? n.code[0] : "", n.n ? (long long)n.rid[0] : 0);
            assert_true(named);
        }
        eds_close(e);
    }
}

static void a_store_that_is_well_says_so(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct named n;
    for (int i = 0; i < 300; i++) {
        char body[200], id[16];
        snprintf(id, sizeof id, "r%d", i % 120);
        snprintf(body, sizeof body,
                 "{\"resourceType\":\"Observation\",\"code\":\"c%d\",\"at\":%d,\"value\":"
                 "%d,\"family\":\"f%d\"}",
                 i % 7, i, i % 11, i % 13);
        assert_ok(
            t_ask(e, i % 5 == 4 ? NULL : body,
                  (struct eds_ask){i % 5 == 4 ? EDS_DELETE : EDS_UPDATE, .id = str_c(id)},
                  NULL));
    }
    assert_ok(checked(e, &n));
    assert_int_equal(n.n, 0);
    eds_close(e);
    e = t_open(); /* and goes on where it was */
    assert_ok(t_ask(e, full, (struct eds_ask){EDS_CREATE}, NULL));
    assert_ok(checked(e, &n));
    eds_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_follow_the_current_version), T(spans_come_in_the_order_of_values),
        T(instants_are_found_by_rid),       T(silent_edits_are_found_and_named),
        T(a_store_that_is_well_says_so),
    };
    return t_run_both(tests, AM_LEN(tests));
}
