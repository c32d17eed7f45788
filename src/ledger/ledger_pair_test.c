/* SPDX-License-Identifier: Apache-2.0 */
/* Every guard can say no and can be passed: a table of those that no other test of this
 * folder names, each with a statement it refuses and one, in the same state, that it lets
 * through; and a check that no guard of the table is left without a refusal. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#include <dirent.h>

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)

static struct tk tk;

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

/* ---- what a declaration says, with one member changed -------------------------------
 */
static const char *version(const char *was, const char *is, bool supersedes)
{
    struct buf b, changed;
    const char *code, *at;
    char *copy;
    buf_init(&b, 1 << 16);
    buf_init(&changed, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    at = strstr(b.p, was);
    assert_non_null(at);
    tk_addf(&changed, "%.*s%s%s", (int)(at - b.p), b.p, is, at + strlen(was));
    if (supersedes)
        tk_addf(&changed, ",\"supersedes\":\"%s\",\"reason\":\"fuller\"",
                tk.version_record);
    copy = str_dup(buf_str(&changed));
    assert_non_null(copy);
    code = tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", copy);
    free(copy);
    buf_release(&changed);
    buf_release(&b);
    return code;
}

static void open_declared(void)
{
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
}

static void open_assigned(void)
{
    open_declared();
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
}

static void open_labelled(void)
{
    open_assigned();
    OK(tk_evidence(&tk, 0.88));
    OK(tk_label(&tk));
}

/* ---- the pairs ----------------------------------------------------------------------
 */
static void open_only(void)
{
    tk_open(&tk);
}
static const char *not_the_developer(void)
{
    return tk_say(&tk, LEDGER_ALGORITHM, TK_VENDOR,
                  "\"algorithm_id\":\"%s\",\"developer\":{\"org_id\":\"OTHER1\"}",
                  tk.algorithm_id);
}
static const char *the_developer(void)
{
    return tk_algorithm(&tk);
}

static const char *another_line(void)
{
    return version("\"algorithm_id\":\"MA-", "\"algorithm_id\":\"XX-", true);
}
static const char *the_same_line(void)
{
    return version("\"risks\":[]", "\"risks\":[{}]", true);
}

static const char *another_seed(void)
{
    return version("\"random_seed\":\"1\"", "\"random_seed\":\"2\"", true);
}

static const char *another_bench(void)
{
    return tk_evidence_by(&tk, TK_BENCH3, 0.88);
}
static const char *the_bench(void)
{
    return tk_evidence(&tk, 0.88);
}

static uint8_t order[32];
static void open_stopped(void)
{
    tk_open_with(&tk, TK_WAIVED,
                 "{\"lift.establishment\":[[{\"role\":\"director\"}],[{\"role\":"
                 "\"dim\"}]]}");
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DIRECTOR, "establishment",
               "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION "\","));
    memcpy(order, tk.record_sha256, 32);
}
static const char *lifted_by_who_stopped(void)
{
    return tk_lift(&tk, TK_DIRECTOR, order);
}
static const char *lifted_by_another_role(void)
{
    return tk_lift(&tk, TK_DIM, order);
}

static void open_under_national_stop(void)
{
    open_assigned();
    OK(tk_evidence(&tk, 0.88));
    OK(tk_stop(&tk, TK_HAS4, "national", ""));
    memcpy(order, tk.record_sha256, 32);
}
static const char *label(void)
{
    return tk_label(&tk);
}
static const char *lift_then_label(void)
{
    CODE(tk_lift(&tk, TK_HAS1, order), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS2), "waiting_signers");
    OK(tk_co(&tk, TK_HAS3));
    return tk_label(&tk);
}

static void open_without_plan(void)
{
    tk_open_with(&tk,
                 "[\"guard.complete\",\"guard.model_signature\",\"guard.fhir_twin\","
                 "\"guard.admissibility_report\"]",
                 "{}");
    OK(tk_algorithm(&tk));
    OK(version("\"evaluation_plan\"", "\"evaluation_plam\"", false));
    OK(tk_admissible(&tk));
}
static const char *assign(void)
{
    return tk_assign(&tk, "base");
}
static const char *assign_with_plan(void)
{
    tk_close(&tk);
    open_declared();
    OK(tk_admissible(&tk));
    return tk_assign(&tk, "base");
}

static void open_intermediate_of_one_region(void)
{
    tk_open_with(&tk,
                 "[\"guard.model_signature\",\"guard.fhir_twin\",\"guard.reproduced\","
                 "\"guard.admissibility_report\",\"guard.closed_pilot\"]",
                 "{}");
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "intermediate"));
    OK(tk_evidence(&tk, 0.88));
}
static const char *intermediate(void)
{
    static const enum tk_actor by[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};
    return tk_decide(&tk, &(struct tk_decision){"granted", "intermediate", "intermediate",
                                                "granted", NULL, 365, by, 4, NULL});
}
static const char *base_of_one_region(void)
{
    return tk_decide(&tk, &(struct tk_decision){"granted", "intermediate", "base",
                                                "granted", ",\"reason\":\"one region\"",
                                                365, tk_jury, 3, NULL});
}

static void open_proposed(void)
{
    open_labelled();
    OK(tk_propose(&tk));
}
static const char *without_objectives(void)
{
    static const enum tk_actor by[] = {TK_DIRECTOR, TK_DSI, TK_DIM, TK_LEAD};
    return tk_deploy(&tk, "P2", "pre_deployment", NULL, by, 4);
}
static const char *with_objectives(void)
{
    return tk_prepare(&tk);
}

static void open_prepared(void)
{
    open_proposed();
    OK(tk_prepare(&tk));
}
static const char *pilot_without_services(void)
{
    struct buf b;
    const char *code;
    buf_init(&b, 8192);
    tk_pilot_facts(&tk, &b, 0.9, 300);
    code = tk_say(&tk, LEDGER_DEPLOYMENT, tk_board[0],
                  "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
                  "\",\"service\":[],\"use_code\":\"" TK_USE
                  "\",\"model_digest\":\"%s\",\"transition\":\"P3\",\"phase\":\"pilot\","
                  "\"mode\":\"active\"%s",
                  tk.model_hex, b.p);
    for (size_t i = 1; i < AM_LEN(tk_board); i++)
        code = tk_co(&tk, tk_board[i]);
    buf_release(&b);
    return code;
}
static const char *pilot(void)
{
    return tk_pilot(&tk);
}

static const struct {
    const char *guard;
    void (*open)(void);
    const char *(*no)(void), *(*yes)(void);
} pair[] = {
    {"guard.developer", open_only, not_the_developer, the_developer},
    {"guard.digest_taken", open_declared, another_line, the_same_line},
    {"guard.frozen", open_declared, another_seed, the_same_line},
    {"guard.bench_not_assigned", open_assigned, another_bench, the_bench},
    {"guard.second_role", open_stopped, lifted_by_who_stopped, lifted_by_another_role},
    {"guard.stop_in_force", open_under_national_stop, label, lift_then_label},
    {"guard.evaluation_plan", open_without_plan, assign, assign_with_plan},
    {"guard.sites", open_intermediate_of_one_region, intermediate, base_of_one_region},
    {"guard.objectives", open_proposed, without_objectives, with_objectives},
    {"guard.services", open_prepared, pilot_without_services, pilot},
};

static void each_refuses_one_statement_and_lets_the_other_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(pair); i++) {
        const char *code;
        if (i)
            tk_close(&tk);
        pair[i].open();
        code = pair[i].no();
        if (strcmp(code, pair[i].guard))
            fail_msg("%s expected, %s said", pair[i].guard, code);
        code = pair[i].yes();
        if (strcmp(code, "ok"))
            fail_msg("%s: %s where ok is expected", pair[i].guard, code);
    }
}

/* Two runs by one machine reproduce nothing: no refusal, the evaluation goes on. */
static void a_run_that_nobody_repeated_does_not_end_an_evaluation(void **state)
{
    (void)state;
    tk_open_with(&tk,
                 "[\"guard.model_signature\",\"guard.fhir_twin\","
                 "\"guard.admissibility_report\"]",
                 "{}");
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "intermediate"));
    OK(tk_evidence(&tk, 0.88)); /* guard.reproduced holds it back */
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
}

/* ---- none is left out ----------------------------------------------------------------
 */
static bool named_in(const char *dir, const char *file, const char *guard)
{
    char path[512];
    char *text;
    size_t n;
    bool yes;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (am_file_read(path, 4 << 20, &text, &n))
        return false;
    yes = memmem(text, n, guard, strlen(guard)) != NULL;
    free(text);
    return yes;
}

static void no_guard_is_without_a_test_that_names_it(void **state)
{
    const char *root = getenv("AMANE_SOURCE_ROOT");
    char dir[256];
    (void)state;
    tk_open(&tk); /* for the teardown */
    if (!root)
        skip();
    snprintf(dir, sizeof dir, "%s/src/ledger", root);
    for (int g = 0; g < GUARD_COUNT; g++) {
        struct dirent *e;
        DIR *d = opendir(dir);
        bool found = false;
        assert_non_null(d);
        while (!found && (e = readdir(d)))
            found = strstr(e->d_name, "_test.c") &&
                    named_in(dir, e->d_name, ledger_guard_name[g]);
        closedir(d);
        if (!found)
            fail_msg("%s is refused by no test", ledger_guard_name[g]);
    }
}

#define T(f) cmocka_unit_test_teardown(f, close_tk)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_refuses_one_statement_and_lets_the_other_through),
        T(a_run_that_nobody_repeated_does_not_end_an_evaluation),
        T(no_guard_is_without_a_test_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
