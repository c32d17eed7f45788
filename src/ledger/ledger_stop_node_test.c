/* SPDX-License-Identifier: Apache-2.0 */
/* Where a stop has been obeyed: a table of cases over two regions and their nodes. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define HOUR     (TIME_DAY / 24)
#define OK(call) assert_string_equal((call), "ok")

static struct tk tk;

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

struct list {
    struct ledger_stop_node x[8];
    size_t n;
};

static int note(void *cookie, const struct ledger_stop_node *x)
{
    struct list *k = cookie;
    assert_true(k->n < AM_LEN(k->x));
    k->x[k->n++] = *x;
    return AM_OK;
}

static struct list nodes(int64_t hours, const struct ledger_seen *seen, size_t n)
{
    const struct ledger_stop *s = ledger_stop_at(tk.l, 0);
    struct list k = {.n = 0};
    assert_ok(ledger_stop_nodes(tk.l, s, s->effect_at + hours * HOUR, seen, n, note, &k));
    return k;
}

static const char *ack(enum tk_actor who, const char *node, int64_t hours)
{
    const struct ledger_stop *s = ledger_stop_at(tk.l, 0);
    char order[CRYPTO_HEX], at[TIME_TEXT];
    crypto_hex(s->order, 32, order);
    return tk_say(
        &tk, LEDGER_EVENT, who,
        "\"type\":\"stop_ack\",\"order\":\"%s\",\"node\":\"%s\",\"effect_at\":\"%s\"",
        order, node, time_format(s->effect_at + hours * HOUR, at));
}

static void only_nodes_with_a_deployment_it_covers_are_awaited(void **state)
{
    static const struct {
        enum tk_actor who;
        const char *scope, *target;
        size_t n;
    } k[] = {
        {TK_MSPS1, "national", "", 1}, /* the model runs in one region of two */
        {TK_GST, "region", "\"gst\":\"" TK_REGION "\",", 1},
        {TK_GST2, "region", "\"gst\":\"GST-CS\",", 0},
        {TK_DIM, "establishment", "\"establishment\":\"" TK_SITE "\",", 1},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct list got;
        tk_close(&tk);
        tk_open(&tk);
        tk_to_pilot(&tk);
        OK(tk_stop(&tk, k[i].who, k[i].scope, k[i].target));
        got = nodes(0, NULL, 0);
        assert_int_equal(got.n, k[i].n);
        if (got.n)
            assert_string_equal(got.x[0].node, TK_REGION);
    }
}

static void a_node_is_awaited_then_late_and_silent_when_not_heard(void **state)
{
    static const struct {
        int64_t at, seen; /* hours after the order */
        bool late, silent;
        int64_t lease; /* its end, hours after the order */
    } k[] = {
        {0, -1, false, false, 24},  {10, -1, false, false, 24}, {11, -1, false, true, 24},
        {23, 20, false, false, 44}, {24, 20, false, false, 44}, {25, 20, true, false, 44},
        {25, 2, true, true, 26},    {40, -30, true, true, 24},
    };
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    int64_t from = ledger_stop_at(tk.l, 0)->effect_at;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct ledger_seen seen[] = {{"GST-CS", from + k[i].at * HOUR},
                                     {TK_REGION, from + k[i].seen * HOUR}};
        struct list got = nodes(k[i].at, seen, AM_LEN(seen));
        assert_int_equal(got.n, 1);
        assert_null(got.x[0].ack);
        assert_true(got.x[0].seen_at == seen[1].at);
        assert_true(got.x[0].due_at == from + TIME_DAY);
        assert_int_equal(got.x[0].late, k[i].late);
        assert_int_equal(got.x[0].silent, k[i].silent);
        assert_true(got.x[0].lease_end_at == from + k[i].lease * HOUR);
    }
}

static void a_node_never_heard_is_silent_from_the_start(void **state)
{
    struct list got;
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    got = nodes(0, NULL, 0);
    assert_true(got.n == 1 && got.x[0].silent && !got.x[0].late && !got.x[0].seen_at);
}

static void who_has_obeyed_is_neither_late_nor_silent_again(void **state)
{
    struct list got;
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    OK(ack(TK_NODE, TK_REGION, 0));
    got = nodes(100, NULL, 0);
    assert_int_equal(got.n, 1);
    assert_non_null(got.x[0].ack);
    assert_false(got.x[0].late || got.x[0].silent || got.x[0].lease_end_at);
}

static void obeying_after_the_clock_stays_late(void **state)
{
    struct list got;
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    tk.now += 2 * TIME_DAY;
    OK(ack(TK_NODE, TK_REGION, 30));
    got = nodes(31, NULL, 0);
    assert_true(got.n == 1 && got.x[0].ack && got.x[0].late && !got.x[0].silent);
}

static void a_lifted_order_awaits_nobody(void **state)
{
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DIM, "establishment", "\"establishment\":\"" TK_SITE "\","));
    assert_int_equal(nodes(0, NULL, 0).n, 1);
    (void)tk_lift(&tk, TK_DIRECTOR, ledger_stop_at(tk.l, 0)->order);
    OK(tk_co(&tk, TK_DIM));
    assert_int_equal(nodes(0, NULL, 0).n, 0);
}

static void a_revoked_node_is_not_awaited(void **state)
{
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    (void)tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                 "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
                 tk.id[TK_NODE]);
    if (nodes(0, NULL, 0).n)
        OK(tk_co(&tk, TK_MSPS2));
    assert_int_equal(nodes(0, NULL, 0).n, 0);
}

static void a_motive_is_due_until_it_is_given(void **state)
{
    const struct ledger_stop *s;
    char order[CRYPTO_HEX];
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    s = ledger_stop_at(tk.l, 0);
    assert_true(ledger_stop_motive_due(tk.l, s) == s->effect_at + TIME_DAY);
    crypto_hex(s->order, 32, order);
    OK(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
              "\"type\":\"stop_motive\",\"order\":\"%s\",\"motive_code\":\"drift\"",
              order));
    assert_true(ledger_stop_motive_due(tk.l, ledger_stop_at(tk.l, 0)) == 0);
}

static void lifting_one_order_gives_back_what_no_other_holds(void **state)
{
    const struct ledger_stop *house, *country;
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DIM, "establishment", "\"establishment\":\"" TK_SITE "\","));
    house = ledger_stop_at(tk.l, 0);
    assert_true(ledger_stop_hits(house, tk_p(&tk)));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    assert_int_equal(ledger_after_lift(tk.l, house, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    house = ledger_stop_at(tk.l, 0);
    country = ledger_stop_at(tk.l, 1);
    assert_int_equal(ledger_after_lift(tk.l, house, tk_p(&tk), tk.now),
                     LEDGER_P_SUSPENDED);
    assert_int_equal(ledger_after_lift(tk.l, country, tk_p(&tk), tk.now),
                     LEDGER_P_SUSPENDED);
    (void)tk_lift(&tk, TK_DIRECTOR, house->order);
    OK(tk_co(&tk, TK_DIM));
    country = ledger_stop_at(tk.l, 1);
    assert_int_equal(ledger_after_lift(tk.l, country, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    /* a label that has ended gives nothing back */
    assert_int_equal(ledger_after_lift(tk.l, country, tk_p(&tk), tk.now + 400 * TIME_DAY),
                     LEDGER_P_SUSPENDED);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(
            only_nodes_with_a_deployment_it_covers_are_awaited, open_tk, close_tk),
        cmocka_unit_test_setup_teardown(
            a_node_is_awaited_then_late_and_silent_when_not_heard, open_tk, close_tk),
        cmocka_unit_test_setup_teardown(a_node_never_heard_is_silent_from_the_start,
                                        open_tk, close_tk),
        cmocka_unit_test_setup_teardown(who_has_obeyed_is_neither_late_nor_silent_again,
                                        open_tk, close_tk),
        cmocka_unit_test_setup_teardown(obeying_after_the_clock_stays_late, open_tk,
                                        close_tk),
        cmocka_unit_test_setup_teardown(a_lifted_order_awaits_nobody, open_tk, close_tk),
        cmocka_unit_test_setup_teardown(a_revoked_node_is_not_awaited, open_tk, close_tk),
        cmocka_unit_test_setup_teardown(lifting_one_order_gives_back_what_no_other_holds,
                                        open_tk, close_tk),
        cmocka_unit_test_setup_teardown(a_motive_is_due_until_it_is_given, open_tk,
                                        close_tk),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
