/* SPDX-License-Identifier: Apache-2.0 */
/* Two versions of one algorithm in one house: P11 swaps them. And dates of the record:
 * a lapsed deferral, a device certificate that ends. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)

static struct tk tk;
static uint8_t model[2][32]; /* 1.0.0, 1.1.0 */
static const enum tk_actor two[] = {TK_DSI, TK_DIM};

static int open_tk(void **state)
{
    (void)state;
    tk_open(&tk);
    return 0;
}

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

static void speak_of(int version)
{
    memcpy(tk.model, model[version], 32);
    crypto_hex(tk.model, 32, tk.model_hex);
}

static const struct ledger_deployment *deployed(int version)
{
    speak_of(version);
    return tk_p(&tk);
}

static void label_second(void)
{
    struct buf b;
    char first[CRYPTO_HEX];
    memcpy(first, tk.model_hex, sizeof first);
    memcpy(model[0], tk.model, 32);
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.1.0", 8);
    memcpy(model[1], tk.model, 32);
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
              "%s,\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
              "\"%s\"}",
              b.p, first));
    buf_release(&b);
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.9));
    OK(tk_label(&tk));
}

static const char *roll(int to, const char *replaces, const char *loaded,
                        const char *mode)
{
    const char *code;
    speak_of(to);
    code = tk_say(&tk, LEDGER_DEPLOYMENT, TK_DSI,
                  "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
                  "\",\"service\":[\"CARDIO\"],\"use_code\":\"" TK_USE
                  "\",\"model_digest\":\"%s\",\"transition\":\"P11\",\"phase\":\"pilot\","
                  "\"mode\":\"%s\",\"rollback\":{\"replaces\":\"%s\",\"loaded\":%s}",
                  tk.model_hex, mode, replaces, loaded);
    return strcmp(code, "waiting_signers") == 0 ? tk_co(&tk, TK_DIM) : code;
}

/* 1.0.0 is labelled and loaded, 1.1.0 runs as a pilot. */
static void second_runs(void)
{
    tk_to_label(&tk);
    label_second();
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    OK(tk_pilot(&tk));
}

static void a_rollback_swaps_two_versions_in_one_signed_act(void **state)
{
    char id[CRYPTO_HEX];
    size_t history;
    (void)state;
    second_runs();
    memcpy(id, deployed(1)->id, sizeof id);
    history = deployed(1)->history.n;
    OK(roll(0, id, "true", "active"));
    assert_string_equal(tk_outcome(&tk)->transition, "P11");
    assert_int_equal(deployed(0)->phase, LEDGER_P_PILOT);
    assert_false(deployed(0)->shadow);
    assert_true(deployed(1)->shadow); /* loaded and measured, shown to nobody */
    assert_int_equal(deployed(1)->history.n, history + 1);
    /* the approvals are those of the house: they end together */
    assert_true(ledger_approvals(tk.l, deployed(0), tk.now + 299 * TIME_DAY));
    assert_false(ledger_approvals(tk.l, deployed(0), tk.now + 301 * TIME_DAY));
    assert_int_equal(ledger_effective(tk.l, deployed(0), tk.now), LEDGER_P_PILOT);
    /* and forward again: the shadow becomes active */
    memcpy(id, deployed(0)->id, sizeof id);
    OK(roll(1, id, "true", "active"));
    assert_true(deployed(0)->shadow);
    assert_false(deployed(1)->shadow);
}

static void a_rollback_needs_a_running_version_to_replace(void **state)
{
    char id[CRYPTO_HEX], none[CRYPTO_HEX];
    (void)state;
    second_runs();
    memcpy(id, deployed(1)->id, sizeof id);
    memset(none, 'a', 64);
    none[64] = 0;
    CODE(roll(0, none, "true", "active"), "guard.rollback");
    CODE(roll(0, id, "false", "active"), "guard.rollback");
    CODE(roll(0, id, "true", "shadow"), "guard.rollback");
    CODE(roll(1, id, "true", "active"), "guard.rollback"); /* by itself, and active */
    speak_of(0);
    CODE(tk_deploy(&tk, "P11", "pilot", NULL, two, 2), "guard.rollback");
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    CODE(roll(0, id, "true", "active"), "guard.ceiling"); /* suspended: no label */
}

static void what_was_proved_more_than_a_year_ago_serves_no_rollback(void **state)
{
    char id[CRYPTO_HEX];
    (void)state;
    tk_to_label(&tk);
    label_second();
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    OK(tk_pilot(&tk));
    memcpy(id, deployed(1)->id, sizeof id);
    tk.l->deployment.v[0].p3_at -= 366 * TIME_DAY; /* as if a label lasted longer */
    CODE(roll(0, id, "true", "active"), "guard.rollback");
    tk.l->deployment.v[0].p3_at += 2 * TIME_DAY;
    OK(roll(0, id, "true", "active"));
}

static void a_deferral_that_has_lapsed_is_not_taken_up_again(void **state)
{
    struct tk_decision d = {"deferred", "base",  "none", "granted", ",\"reason\":\"r\"",
                            365,        tk_jury, 3,      NULL};
    (void)state;
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    OK(tk_decide(&tk, &d));
    tk.now += 366 * TIME_DAY;
    CODE(tk_assign(&tk, "base"), "guard.term");
    tk.now -= 2 * TIME_DAY;
    OK(tk_assign(&tk, "base"));
    assert_string_equal(tk_outcome(&tk)->transition, "V9");
}

static int count(void *cookie, const struct ledger_due *d)
{
    assert_int_equal(d->kind, LEDGER_DUE_STOP);
    assert_string_equal(d->motive, "device_certificate_expired");
    assert_null(d->deployment);
    ++*(int *)cookie;
    return AM_OK;
}

static void a_device_certificate_that_ends_suspends_the_version_once(void **state)
{
    struct buf b;
    char *at, old[CRYPTO_HEX];
    int n = 0;
    (void)state;
    tk_to_label(&tk);
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    at = strstr(b.p, "\"regulatory\":{}");
    assert_non_null(at);
    *at = 0;
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
              "%s\"regulatory\":{\"certificates\":[{\"expires\":\"2027-09-01\"},{"
              "\"expires\":\"2027-03-01\"}]}%s,\"supersedes\":\"%s\",\"reason\":\"r\"",
              b.p, at + strlen("\"regulatory\":{}"),
              crypto_hex(tk_v(&tk)->declared.record, 32, old)));
    assert_string_equal(tk_outcome(&tk)->transition, "V21");
    assert_ok(ledger_due(tk.l, tk.now + 100 * TIME_DAY, count, &n));
    assert_int_equal(n, 0);
    assert_ok(ledger_due(tk.l, tk.now + 121 * TIME_DAY, count, &n)); /* 1 March */
    assert_int_equal(n, 1);
    tk.now += 121 * TIME_DAY;
    OK(tk_stop(&tk, TK_ROBOT, "national",
               "\"motive_code\":\"device_certificate_expired\","));
    assert_string_equal(tk_outcome(&tk)->transition, "V14");
    assert_ok(ledger_due(tk.l, tk.now, count, &n));
    assert_int_equal(n, 1);
    buf_release(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_tk, close_tk)
    const struct CMUnitTest t[] = {
        T(a_rollback_swaps_two_versions_in_one_signed_act),
        T(a_rollback_needs_a_running_version_to_replace),
        T(what_was_proved_more_than_a_year_ago_serves_no_rollback),
        T(a_deferral_that_has_lapsed_is_not_taken_up_again),
        T(a_device_certificate_that_ends_suspends_the_version_once),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
