/* SPDX-License-Identifier: Apache-2.0 */
/* What a tender answer says of changes (V20): the plan approved with a label, until when,
 * in which statement; and that the level of a change inside one is capped. */
#include "ledger/ledger_change_kit.h"

static struct json_doc *answer; /* of the last question */

/* The product's member; NULL: not there. */
static const struct json *told(int i, const char *opens, const char *member)
{
    struct json_doc *query;
    struct buf text, out;
    buf_init(&text, 4096);
    buf_init(&out, 1 << 20);
    tk_addf(&text,
            "{\"products\":[\"%s\"],\"use_code\":\"" TK_USE "\",\"opens_at\":\"%s\"}",
            of[i].hex, opens);
    assert_ok(json_parse(&query, buf_str(&text), NULL, NULL));
    assert_ok(ledger_tender(tk.l, json_root(query), &out));
    json_free(answer);
    answer = NULL;
    assert_ok(json_parse(&answer, buf_str(&out), NULL, NULL));
    json_free(query);
    buf_release(&out);
    buf_release(&text);
    return json_get(json_at(json_get(json_root(answer), "products"), 0), member);
}

static const char *soon(void)
{
    static char at[TIME_TEXT];
    return tk_time(&tk, 10, at);
}

static void is(const struct json *o, const char *member, const char *value)
{
    struct str s = json_get_str(o, member);
    if (!str_eqc(s, value))
        fail_msg("%s: %.*s, not %s", member, STR_FMT(s), value);
}

static void a_plan_approved_with_the_label_is_told(void **state)
{
    const struct json *plan;
    char hex[CRYPTO_HEX], until[TIME_TEXT];
    (void)state;
    parent("intermediate", PLAN);
    plan = told(0, soon(), "change_plan");
    is(plan, "statement",
       crypto_hex(ledger_version_find(tk.l, of[0].model)->declared.payload, 32, hex));
    assert_int_equal(json_size(json_get(plan, "types")), 1);
    assert_true(json_str_is(json_at(json_get(plan, "types"), 0), "recalibration"));
    is(plan, "until",
       time_format(ledger_version_find(tk.l, of[0].model)->expires_at, until));
    is(plan, "why", "");
    assert_null(told(0, soon(), "change"));
    is(told(0, "2031-01-01", "change_plan"), "why", "parent_expired");
}

static void without_a_plan_or_a_label_nothing_is_told(void **state)
{
    (void)state;
    OK(declare(0, "1.0.0", -1, PLAN));
    to_evaluation("intermediate");
    OK(bench(ALL_ROWS, 0.88));
    assert_null(told(0, soon(), "change_plan")); /* declared, approved by nobody */
    OK(grant("intermediate", "intermediate", -1));
    assert_non_null(told(0, soon(), "change_plan"));
    OK(supersede("1.0.0", -1, "")); /* approved as it was, until the next decision */
    assert_non_null(told(0, soon(), "change_plan"));
    about(0);
    OK(bench("PF-1", 0.88));
    OK(survey("pass"));
    OK(decide("maintained", "intermediate", "intermediate", "granted", -1));
    assert_null(told(0, soon(), "change_plan"));
}

static void a_plan_at_base_says_that_nothing_is_below(void **state)
{
    (void)state;
    parent("base", PLAN);
    is(told(0, soon(), "change_plan"), "why", "parent_base");
}

static void a_change_is_told_with_its_cap_until_it_is_lifted(void **state)
{
    const struct json *c;
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    c = told(1, soon(), "change");
    is(c, "parent", of[0].hex);
    is(c, "type", "recalibration");
    assert_false(json_bool(json_get(c, "capped"), true)); /* no label rests on it yet */
    OK(grant("intermediate", "base", 0));
    c = told(1, soon(), "change");
    assert_true(json_bool(json_get(c, "rests"), false));
    assert_true(json_bool(json_get(c, "capped"), false));
    is(c, "cap", "base");
    OK(bench("PF-1", 0.91));
    OK(survey("pass"));
    c = told(1, soon(), "change");
    assert_false(json_bool(json_get(c, "capped"), true));
    is(c, "cap", "intermediate");
    about(0);
    OK(tk_stop(&tk, TK_MSPS1, "national", "")); /* the parent falls */
    c = told(1, soon(), "change");
    is(c, "why", "parent_suspended");
    assert_true(json_bool(json_get(c, "capped"), false));
    is(c, "cap", "none");
}

static int close_all(void **state)
{
    json_free(answer);
    answer = NULL;
    return close_tk(state);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_tk, close_all)
    const struct CMUnitTest t[] = {
        T(a_plan_approved_with_the_label_is_told),
        T(without_a_plan_or_a_label_nothing_is_told),
        T(a_plan_at_base_says_that_nothing_is_below),
        T(a_change_is_told_with_its_cap_until_it_is_lifted),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
