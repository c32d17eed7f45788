/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "node/node_priv.h"

enum { FACTS = 14 };

static struct node_facts facts_of(unsigned bits)
{
    bool b[FACTS];
    for (unsigned i = 0; i < FACTS; i++)
        b[i] = bits >> i & 1;
    return (struct node_facts){.known = b[0],
                               .mirror_complete = b[1],
                               .lease_fresh = b[2],
                               .stopped = b[3],
                               .state_ok = b[4],
                               .shadow = b[5],
                               .here = b[6],
                               .weights = b[7],
                               .digest_ok = b[8],
                               .right_ok = b[9],
                               .service_ok = b[10],
                               .competent = b[11],
                               .in_population = b[12],
                               .authorised = b[13]};
}

/* I1 of lifecycle.md, over all 2^14 combinations of facts. */
static void one_combination_of_facts_lets_an_output_through(void **state)
{
    (void)state;
    enum node_refusal no[NODE_REFUSAL_COUNT];
    unsigned allowed = 0, which = 0;
    for (unsigned bits = 0; bits < 1u << FACTS; bits++) {
        struct node_facts f = facts_of(bits);
        size_t n = node_gate(&f, no);
        assert_true(n < NODE_REFUSAL_COUNT);
        if (n == 0) {
            allowed++;
            which = bits;
        }
        for (size_t i = 0; i < n; i++) { /* every reason is real, none twice */
            assert_in_range(no[i], NODE_NO_UNKNOWN_DEPLOYMENT, NODE_REFUSAL_COUNT - 1);
            for (size_t k = 0; k < i; k++)
                assert_int_not_equal(no[i], no[k]);
        }
    }
    assert_int_equal(allowed, 1);
    /* all true, but stopped (bit 3) and shadow (bit 5) */
    assert_int_equal(which, ((1u << FACTS) - 1) & ~(1u << 3) & ~(1u << 5));
}

/* I9: nothing that restricts can ever allow more. */
static void a_worse_fact_never_removes_a_refusal(void **state)
{
    (void)state;
    enum node_refusal a[NODE_REFUSAL_COUNT], b[NODE_REFUSAL_COUNT];
    for (unsigned bits = 0; bits < 1u << FACTS; bits++) {
        struct node_facts f = facts_of(bits), g = f;
        g.stopped = true;
        g.lease_fresh = false;
        if (node_gate(&f, a) > 0)
            assert_true(node_gate(&g, b) > 0);
    }
}

static void every_single_failure_has_its_own_reason(void **state)
{
    (void)state;
    const struct node_facts good =
        facts_of(((1u << FACTS) - 1) & ~(1u << 3) & ~(1u << 5));
    enum node_refusal no[NODE_REFUSAL_COUNT];
    bool seen[NODE_REFUSAL_COUNT] = {false};
    for (unsigned i = 0; i < FACTS; i++) {
        unsigned bits = (((1u << FACTS) - 1) & ~(1u << 3) & ~(1u << 5)) ^ (1u << i);
        struct node_facts f = facts_of(bits);
        assert_int_equal(node_gate(&f, no), 1);
        assert_false(seen[no[0]]);
        seen[no[0]] = true;
        assert_true(strlen(node_refusal_reason(no[0])) > 2);
        assert_true(strlen(node_refusal_lift(no[0])) > 2);
    }
    assert_int_equal(node_gate(&good, no), 0);
    for (int r = NODE_ALLOWED + 1; r < NODE_REFUSAL_COUNT; r++)
        assert_true(seen[r]); /* no row of the table is unreachable */
}

static void a_refusal_carries_code_and_remedy(void **state)
{
    (void)state;
    struct diag d;
    diag_init(&d);
    node_refuse(&d, NODE_NO_STOPPED, "stopped");
    assert_int_equal(d.errors, 1);
    assert_string_equal(d.item[0].code, "refusal.stopped");
    assert_string_equal(d.item[0].arg[0].name, "lift");
    assert_string_equal(d.item[0].arg[0].value, "lift_stop");
    diag_release(&d);
}

TEST_MAIN(TEST(one_combination_of_facts_lets_an_output_through),
          TEST(a_worse_fact_never_removes_a_refusal),
          TEST(every_single_failure_has_its_own_reason),
          TEST(a_refusal_carries_code_and_remedy))
