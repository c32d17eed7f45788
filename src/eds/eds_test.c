/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading: verbs, preconditions, histories. */
#include "eds/eds_test.h"

static const struct str obs = STR_INIT("Observation");

static void what_is_created_is_read_back(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_done d;
    struct eds_meta m;
    struct json_doc *doc;
    struct str text;
    char copy[400];
    time_fake(INT64_C(1700000000000000));
    assert_ok(t_ask(e,
                    "{\"resourceType\":\"Observation\",\"id\":\"theirs\",\"meta\":"
                    "{\"versionId\":\"7\",\"tag\":[{\"code\":\"a\"}]},"
                    "\"status\":\"final\",\"code\":\"c1\"}",
                    (struct eds_ask){EDS_CREATE}, &d));
    assert_int_equal(d.did, EDS_CREATED);
    assert_int_equal(d.ver, 1);
    assert_int_equal(d.id.n, 36);
    snprintf(copy, sizeof copy,
             "{\"resourceType\":\"Observation\",\"id\":\"%s\",\"meta\":{\"versionId\":"
             "\"1\",\"lastUpdated\":\"2023-11-14T22:13:20Z\",\"tag\":[{\"code\":\"a\"}]},"
             "\"status\":\"final\",\"code\":\"c1\"}",
             d.id.p);
    text = t_read(e, d.id.p, 0, &m);
    assert_int_equal(text.n, strlen(copy));
    assert_memory_equal(text.p, copy, text.n);
    assert_int_equal(m.ver, 1);
    assert_true(m.current && !m.gone);
    doc = t_json(text.p);
    json_free(doc);
    eds_close(e);
}

static void an_update_keeps_what_was(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_done d;
    struct eds_meta m;
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":1}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_int_equal(d.did, EDS_CREATED);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":2}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_int_equal(d.did, EDS_UPDATED);
    assert_int_equal(d.ver, 2);
    assert_non_null(strstr(t_read(e, "a", 0, &m).p, "\"n\":2"));
    assert_int_equal(m.rid, d.rid);
    assert_non_null(strstr(t_read(e, "a", 1, &m).p, "\"n\":1"));
    assert_true(!m.current && m.rid < d.rid);
    assert_int_equal(eds_read(e, obs, STR("a"), 3, NULL, &m), AM_E_NOTFOUND);
    assert_int_equal(eds_read(e, STR("Patient"), STR("a"), 0, NULL, &m), AM_E_NOTFOUND);
    assert_int_equal(eds_read(e, obs, STR("b"), 0, NULL, &m), AM_E_NOTFOUND);
    eds_close(e);
}

static void a_deleted_one_is_gone_and_may_come_back(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_done d;
    struct eds_meta m;
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":1}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("a")}, &d));
    assert_int_equal(d.did, EDS_DELETED);
    assert_int_equal(t_read(e, "a", 0, &m).n, 0);
    assert_true(m.gone && m.current && m.ver == 2);
    assert_non_null(strstr(t_read(e, "a", 1, &m).p, "\"n\":1"));
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("a")}, &d));
    assert_int_equal(d.did, EDS_NOTHING);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":3}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_int_equal(d.did, EDS_CREATED);
    assert_int_equal(d.ver, 3);
    assert_non_null(strstr(t_read(e, "a", 0, &m).p, "\"n\":3"));
    assert_int_equal(t_read(e, "a", 2, &m).n, 0);
    assert_true(m.gone && !m.current);
    eds_close(e);
}

static void a_version_that_is_not_current_is_refused(void **state)
{
    (void)state;
    struct eds *e = t_open();
    const char *body = "{\"resourceType\":\"Observation\"}";
    struct eds_ask two = {EDS_UPDATE, .id = STR("a"), .if_match = 2};
    struct eds_ask none = {EDS_UPDATE, .id = STR("a"), .if_none = true};
    struct eds_done d;
    assert_int_equal(t_ask(e, body, two, &d), AM_E_PRECONDITION);
    assert_ok(t_ask(e, body, none, &d));
    assert_int_equal(t_ask(e, body, none, &d), AM_E_PRECONDITION);
    assert_int_equal(t_ask(e, body, two, &d), AM_E_PRECONDITION);
    assert_ok(
        t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = STR("a"), .if_match = 1}, &d));
    assert_ok(t_ask(e, body, two, &d));
    assert_int_equal(d.ver, 3);
    assert_int_equal(
        t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("a"), .if_match = 2}, &d),
        AM_E_PRECONDITION);
    assert_int_equal(t_ask(e, body, (struct eds_ask){EDS_CREATE, .id = STR("a")}, &d),
                     AM_E_EXISTS);
    eds_close(e);
}

static struct eds_ask conditional(struct eds *e, enum eds_verb verb, const char *code,
                                  uint64_t *term)
{
    *term = t_term(eds_row_key(e), "code", code);
    return (struct eds_ask){verb, .conditional = true, .term = term, .n_terms = 1};
}

static void conditions_are_decided_in_the_writer(void **state)
{
    (void)state;
    struct eds *e = t_open();
    const char *body = "{\"resourceType\":\"Observation\",\"code\":\"x\"}";
    uint64_t term;
    struct eds_ask create = conditional(e, EDS_CREATE, "x", &term), other = create;
    struct eds_done first, d;
    char id[64];
    assert_ok(t_ask(e, body, create, &first));
    snprintf(id, sizeof id, "%s", first.id.p);
    assert_ok(t_ask(e, body, create, &d));
    assert_int_equal(d.did, EDS_EXISTED);
    assert_string_equal(d.id.p, id);
    create.settled = true;
    assert_int_equal(t_ask(e, body, create, &d), AM_E_CONFLICT);
    other.verb = EDS_UPDATE;
    other.id = STR("elsewhere");
    assert_int_equal(t_ask(e, body, other, &d), AM_E_CONFLICT);
    other.id = str_c(id);
    assert_ok(t_ask(e, body, other, &d));
    assert_int_equal(d.ver, 2);
    assert_ok(t_ask(e, body, (struct eds_ask){EDS_CREATE}, &d));
    assert_int_equal(t_ask(e, body, create, &d), AM_E_PRECONDITION); /* two now */
    assert_int_equal(t_ask(e, body, other, &d), AM_E_PRECONDITION);
    other.verb = EDS_DELETE;
    assert_int_equal(t_ask(e, NULL, other, &d), AM_E_PRECONDITION);
    eds_close(e);
}

static void a_group_is_all_or_nothing(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct json_doc *doc = t_json("{\"resourceType\":\"Observation\",\"code\":\"g\"}");
    struct eds_ask a = {EDS_UPDATE, .type = obs, .body = json_root(doc)};
    struct eds_group *g;
    struct eds_meta m;
    char id[16];
    assert_ok(eds_group_new(&g, e));
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "r%d", i);
        a.id = str_c(id);
        a.if_match = i == 3 ? 9 : 0;
        assert_ok(eds_put(g, &a, NULL));
    }
    assert_int_equal(eds_write(g), AM_E_PRECONDITION);
    assert_int_equal(eds_group_bad(g), 3);
    eds_group_free(g);
    assert_int_equal(eds_read(e, obs, STR("r0"), 0, NULL, &m), AM_E_NOTFOUND);
    assert_ok(eds_group_new(&g, e)); /* twice the same: refused before anything is done */
    a.if_match = 0;
    assert_ok(eds_put(g, &a, NULL));
    assert_ok(eds_put(g, &a, NULL));
    assert_int_equal(eds_write(g), AM_E_INVALID);
    assert_int_equal(eds_group_bad(g), 1);
    eds_group_free(g);
    json_free(doc);
    eds_close(e);
}

static void what_is_no_resource_is_refused_with_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *body, *type, *id, *code;
    } bad[] = {
        {"[]", "Observation", "", "eds.object"},
        {"{\"resourceType\":\"Patient\"}", "Observation", "", "eds.type"},
        {"{\"resourceType\":\"Observation\",\"meta\":3}", "Observation", "",
         "eds.object"},
        {"{\"resourceType\":\"Observation\"}", "Observation", "a/b", "eds.id"},
        {"{\"resourceType\":\"x y\"}", "x y", "", "eds.type"},
    };
    struct eds *e = t_open();
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct json_doc *doc = t_json(bad[i].body);
        struct eds_ask a = {.verb = EDS_CREATE,
                            .type = str_c(bad[i].type),
                            .id = str_c(bad[i].id),
                            .body = json_root(doc)};
        struct eds_group *g;
        struct diag d;
        diag_init(&d);
        assert_ok(eds_group_new(&g, e));
        assert_int_equal(eds_put(g, &a, &d), AM_E_INVALID);
        assert_string_equal(d.item[0].code, bad[i].code);
        assert_int_equal(eds_group_n(g), 0);
        eds_group_free(g);
        diag_release(&d);
        json_free(doc);
    }
    eds_close(e);
}

/* ---- histories ---- */
struct seen {
    int64_t rid[64], ver[64];
    size_t n, stop;
    bool gone;
};

static int see(void *arg, const struct eds_meta *m, struct str body)
{
    struct seen *s = arg;
    assert_true(m->gone == !body.n);
    s->gone = s->gone || m->gone;
    s->rid[s->n] = m->rid;
    s->ver[s->n++] = m->ver;
    return s->n == s->stop;
}

struct asked {
    struct eds_past p;
    struct seen *s;
};

static int ask_past(struct eds_view *v, void *arg)
{
    struct asked *a = arg;
    return eds_history(v, &a->p, see, a->s);
}

static struct seen past(struct eds *e, struct eds_past p, size_t stop)
{
    struct seen s = {.stop = stop};
    p.bodies = true;
    assert_ok(eds_view(e, ask_past, &(struct asked){p, &s}));
    for (size_t i = 1; i < s.n; i++)
        assert_true((s.rid[i] < s.rid[i - 1]) != p.onward);
    return s;
}

static void histories_are_newest_first_and_paged(void **state)
{
    (void)state;
    struct eds *e = t_open();
    const char *body = "{\"resourceType\":\"Observation\"}";
    const char *patient = "{\"resourceType\":\"Patient\"}";
    struct eds_done d;
    struct seen s, more;
    int64_t third = 0;
    for (int i = 0; i < 4; i++) {
        time_fake(INT64_C(1700000000000000) + i * TIME_SECOND);
        assert_ok(t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
        assert_ok(t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = STR("b")}, &d));
        assert_ok(t_ask(
            e, patient,
            (struct eds_ask){EDS_UPDATE, .type = STR("Patient"), .id = STR("a")}, &d));
        third = i == 1 ? d.rid : third;
    }
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("a")}, &d));
    s = past(e, (struct eds_past){.type = obs, .id = STR("a")}, 0);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.ver[0], 5);
    assert_true(s.gone);
    s = past(e, (struct eds_past){.type = obs}, 0);
    assert_int_equal(s.n, 9);
    s = past(e, (struct eds_past){.type = STR("")}, 0);
    assert_int_equal(s.n, 13);
    more = past(e, (struct eds_past){.below = 0}, 4);
    assert_int_equal(more.n, 4);
    more = past(e, (struct eds_past){.below = more.rid[3]}, 0);
    assert_int_equal(more.n, 9);
    assert_int_equal(more.rid[0], s.rid[4]);
    s = past(e, (struct eds_past){.since_at = INT64_C(1700000002000000)}, 0);
    assert_int_equal(s.n, 7);
    assert_true(s.rid[6] > third);
    s = past(e, (struct eds_past){.type = STR("Patient"), .id = STR("nobody")}, 0);
    assert_int_equal(s.n, 0);
    eds_close(e);
}

/* Over several pages of both lists, past versions and deletions included. */
static void onward_is_the_same_the_other_way_round(void **state)
{
    (void)state;
    struct eds *e = t_open();
    const char *body = "{\"resourceType\":\"Observation\"}";
    const char *patient = "{\"resourceType\":\"Patient\"}";
    struct seen back, on;
    struct eds_done d;
    char id[8];
    for (int i = 0; i < 30; i++) {
        snprintf(id, sizeof id, "o%d", i % 9);
        assert_ok(t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = str_c(id)}, &d));
        snprintf(id, sizeof id, "p%d", i);
        assert_ok(t_ask(
            e, patient,
            (struct eds_ask){EDS_UPDATE, .type = STR("Patient"), .id = str_c(id)}, &d));
    }
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("o3")}, &d));
    back = past(e, (struct eds_past){.type = STR("")}, 0);
    on = past(e, (struct eds_past){.onward = true}, 0);
    assert_int_equal(on.n, 61);
    assert_int_equal(back.n, on.n);
    assert_true(on.gone);
    for (size_t i = 0; i < on.n; i++)
        assert_int_equal(on.rid[i], back.rid[on.n - 1 - i]);
    back = past(e, (struct eds_past){.type = obs}, 0);
    on = past(e, (struct eds_past){.type = obs, .onward = true}, 0);
    assert_int_equal(on.n, 31);
    for (size_t i = 0; i < on.n; i++)
        assert_int_equal(on.rid[i], back.rid[on.n - 1 - i]);
    on = past(e, (struct eds_past){.type = obs, .onward = true, .after = on.rid[28]}, 0);
    assert_int_equal(on.n, 2);
    on = past(e, (struct eds_past){.onward = true, .after = d.rid}, 0);
    assert_int_equal(on.n, 0);
    eds_close(e);
}

/* ---- one writer, several readers ---- */
static void one_process_writes_others_read(void **state)
{
    (void)state;
    struct eds *e = t_open(), *beside = NULL;
    struct eds_config c = t_config();
    struct eds_done d;
    struct eds_meta m;
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(eds_open(&beside, &c), AM_E_CONFLICT);
    c.mode = EDS_READ;
    assert_ok(eds_open(&beside, &c));
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":1}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, &d));
    assert_ok(eds_rotate(e));
    assert_ok(t_ask(e, "{\"resourceType\":\"Patient\",\"n\":2}",
                    (struct eds_ask){EDS_UPDATE, .type = STR("Patient"), .id = STR("a")},
                    &d));
    assert_ok(eds_read(beside, STR("Observation"), STR("a"), 0, &b, &m));
    assert_ok(eds_read(beside, STR("Patient"), STR("a"), 0, &b, &m));
    assert_non_null(strstr(b.p, "\"n\":2"));
    buf_release(&b);
    eds_close(beside);
    eds_close(e);
    c.path = "/nonexistent/e.db";
    if (!t_pg)
        assert_int_equal(eds_open(&beside, &c), AM_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_created_is_read_back),
        T(an_update_keeps_what_was),
        T(a_deleted_one_is_gone_and_may_come_back),
        T(a_version_that_is_not_current_is_refused),
        T(conditions_are_decided_in_the_writer),
        T(a_group_is_all_or_nothing),
        T(what_is_no_resource_is_refused_with_reasons),
        T(histories_are_newest_first_and_paged),
        T(onward_is_the_same_the_other_way_round),
        T(one_process_writes_others_read),
    };
    return t_run_both(tests, AM_LEN(tests));
}
