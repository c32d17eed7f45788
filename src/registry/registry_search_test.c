/* SPDX-License-Identifier: Apache-2.0 */
/* The register's index follows the fold, and is the same when made again. */
#include "registry/registry_test_support.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct asked {
    struct search_query q;
    uint64_t total;
    char id[SEARCH_ID_MAX + 1], facet[REGISTRY_FACETS][64];
    char specialty[64];
};

static int ask_under(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct asked *a = arg;
    struct search_result r;
    int err = registry_search(t.r, &a->q, &r);
    (void)l, (void)cosigned;
    a->total = r.total;
    if (r.hit.n)
        snprintf(a->id, sizeof a->id, "%s", r.hit.v[0].id);
    for (int f = 0; f < REGISTRY_FACETS; f++)
        if (r.facet[f].n)
            snprintf(a->facet[f], sizeof a->facet[f], "%.*s %u",
                     STR_FMT(r.facet[f].v[0].value), r.facet[f].v[0].n);
    if (r.facet[REGISTRY_SPECIALTY].n) {
        const char *z = registry_specialty(t.r, r.facet[REGISTRY_SPECIALTY].v[0].value);
        snprintf(a->specialty, sizeof a->specialty, "%s", z ? z : "");
    }
    search_result_release(&r);
    return err;
}

static struct asked ask(const char *text)
{
    struct asked a = {.q = {.text = str_c(text)}};
    assert_ok(registry_view(t.r, ask_under, &a));
    return a;
}

static void a_version_is_found_by_its_names_and_codes(void **state)
{
    static const char *const text[] = {"coeur",       "Cœur",   "DEMOAI",
                                       "cardio-risk", "risque", "demo"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(text); i++) {
        struct asked a = ask(text[i]);
        if (a.total != 1)
            fail_msg("%s: %u", text[i], (unsigned)a.total);
        assert_string_equal(a.id, t.model_hex);
    }
    assert_int_equal(ask(t.model_hex).total, 1);
    assert_int_equal(ask(t.algorithm_id).total, 1);
    assert_int_equal(ask("poumon").total, 0);
}

static void facets_follow_the_fold(void **state)
{
    struct asked a = ask("");
    (void)state;
    assert_string_equal(a.facet[REGISTRY_STATE], "declared 1");
    assert_string_equal(a.facet[REGISTRY_LEVEL], "none 1");
    assert_string_equal(a.facet[REGISTRY_USE], "CARDIO-RISK 1");
    assert_string_equal(a.facet[REGISTRY_SUPPLIER], "DEMOAI 1");
    assert_ok(t_event(&t, T_DESK,
                      "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                      "\"admissible\",\"pointers\":[]",
                      t.model_hex));
    assert_string_equal(ask("").facet[REGISTRY_STATE], "admissible 1");
}

static void the_index_made_again_says_the_same(void **state)
{
    struct registry_config c = {.dir = t.data};
    struct asked before = ask("coeur"), after;
    (void)state;
    registry_close(t.r);
    t.r = NULL;
    assert_ok(registry_open(&t.r, &c, &t.d));
    after = ask("coeur");
    assert_int_equal(after.total, before.total);
    for (int f = 0; f < REGISTRY_FACETS; f++)
        assert_string_equal(after.facet[f], before.facet[f]);
    assert_string_equal(after.specialty, before.specialty);
}

/* ---- made beside the server -------------------------------------------------------- */
static void reopen_beside(bool hold)
{
    struct registry_config c = {.dir = t.data, .index_beside = true};
    registry_close(t.r);
    t.r = NULL;
    registry_index_hold(hold);
    assert_ok(registry_open(&t.r, &c, &t.d));
}

static void wait_indexed(void)
{
    uint64_t done, of;
    for (int i = 0; registry_indexing(t.r, &done, &of); i++) {
        if (i == 60000)
            fail_msg("not indexed after a minute");
        assert_true(ask("coeur").total <= 1); /* beside it */
        usleep(1000);
    }
    assert_int_equal(done, of);
}

static void what_is_not_indexed_yet_is_said(void **state)
{
    uint64_t done, of;
    (void)state;
    reopen_beside(true);
    assert_true(registry_indexing(t.r, &done, &of));
    assert_int_equal(done, 0);
    assert_int_equal(of, 1);
    assert_int_equal(ask("coeur").total, 0);
    registry_index_hold(false);
    wait_indexed();
    assert_int_equal(ask("coeur").total, 1);
}

static void statements_come_while_it_is_made(void **state)
{
    struct asked a;
    (void)state;
    reopen_beside(true);
    assert_ok(t_event(&t, T_DESK,
                      "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                      "\"admissible\",\"pointers\":[]",
                      t.model_hex));
    registry_index_hold(false);
    wait_indexed();
    a = ask("");
    assert_int_equal(a.total, 1);
    assert_string_equal(a.facet[REGISTRY_STATE], "admissible 1");
    assert_string_equal(a.specialty, "");
}

static void closing_does_not_wait_for_it(void **state)
{
    (void)state;
    reopen_beside(true);
    registry_close(t.r);
    t.r = NULL;
    reopen_beside(false);
    wait_indexed();
    assert_int_equal(ask("coeur").total, 1);
}

static int record_in_effect(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct ledger_statement_view sv;
    struct buf b;
    (void)cosigned;
    buf_init(&b, 1 << 20);
    assert_ok(blob_get(registry_blobs(t.r), ledger_algorithm_at(l, 0)->payload, &b));
    assert_ok(ledger_statement_parse(buf_str(&b), ledger_type_base(l), &sv, NULL));
    crypto_hex(sv.record_sha256, 32, arg);
    ledger_statement_release(&sv);
    buf_release(&b);
    return AM_OK;
}

static void a_corrected_algorithm_renames_its_versions(void **state)
{
    char old[CRYPTO_HEX];
    struct buf b;
    char *name;
    (void)state;
    assert_ok(registry_view(t.r, record_in_effect, old));
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    name = strstr(b.p, "Coeur");
    assert_non_null(name);
    memcpy(name, "Foies", 5);
    buf_cut(&b, b.n - 1); /* the closing brace */
    t_addf(&b, ",\"supersedes\":\"%s\",\"reason\":\"name\"}", old);
    t_submitted(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
    assert_int_equal(ask("foie").total, 1);
    assert_int_equal(ask("coeur").total, 0);
    buf_release(&b);
}

static void its_memory_is_told(void **state)
{
    struct search_stats s;
    uint64_t missed;
    (void)state;
    registry_search_stats(t.r, &s, &missed);
    assert_int_equal(s.docs, 1);
    assert_true(s.bytes > 0 && s.bytes < s.max_b);
    assert_int_equal(missed, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_version_is_found_by_its_names_and_codes),  T(facets_follow_the_fold),
        T(the_index_made_again_says_the_same),         T(what_is_not_indexed_yet_is_said),
        T(statements_come_while_it_is_made),           T(closing_does_not_wait_for_it),
        T(a_corrected_algorithm_renames_its_versions), T(its_memory_is_told),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return t_run_both(tests, AM_LEN(tests), AM_LEN(tests));
}
