/* SPDX-License-Identifier: Apache-2.0 */
/* Every altered copy is told from the declared file by its digest, the true one is not;
 * what the two other means see. */
#define KIT_ONLY "tampering"
#include "bench/bench_priv.h"

#include "bench/bench_testkit.h"

static void every_flipped_bit_is_found_at_load(void **state)
{
    struct kit k;
    const struct bench_measure *m;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    m = measure(&k, "CY-4", "tamper_detection_rate", "");
    assert_non_null(m);
    assert_true(m->estimate == 1);
    /* a weight and a bias: 64 flips, and 16 of their exponents */
    assert_int_equal(m->n, 64 + 16);
    assert_true(value(&k, "CY-4", "weights", "") == 2);
    assert_true(m->ci95[0] > 0.9 && m->ci95[1] == 1);
    kit_close(&k);
}

static void the_true_file_raises_no_alarm(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_true(value(&k, "CY-4", "false_alarms_on_true_copy", "") == 0);
    kit_close(&k);
}

/* The lowest bits of a weight move no score by 1e-5: only hashes see them. An exponent
 * moves everything. */
static void behaviour_alone_misses_small_changes(void **state)
{
    struct kit k;
    double small, large;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    small = value(&k, "CY-4", "found_by_fingerprint_share", "flips=random");
    large = value(&k, "CY-4", "found_by_fingerprint_share", "flips=exponent");
    if (!(small > 0.5 && small < 0.99))
        fail_msg("%g %g", small, large);
    assert_true(large == 1);
    assert_true(value(&k, "CY-4", "found_by_weight_hash_share", "flips=random") == 1);
    assert_true(value(&k, "CY-4", "silent_decision_flip_share", "flips=exponent") > 0.5);
    kit_close(&k);
}

static void the_same_run_has_the_same_fingerprint(void **state)
{
    struct kit k, j;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    kit_open(&j, "");
    kit_run(&j);
    assert_true(value(&k, "CY-4", "fingerprint_first_48_bits", "") ==
                value(&j, "CY-4", "fingerprint_first_48_bits", ""));
    assert_true(value(&k, "CY-4", "fingerprint_first_48_bits", "") > 0);
    kit_close(&k);
    kit_close(&j);
}

static void what_a_node_must_show_is_not_claimed(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_null(measure(&k, "CY-4", "runtime_recheck_interval_h", ""));
    assert_string_equal(
        measure(&k, "CY-4", "runtime_recheck_measured_here", "")->ci_method,
        "measured_at_the_node");
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {TEST(every_flipped_bit_is_found_at_load),
                                   TEST(the_true_file_raises_no_alarm),
                                   TEST(behaviour_alone_misses_small_changes),
                                   TEST(the_same_run_has_the_same_fingerprint),
                                   TEST(what_a_node_must_show_is_not_claimed)};
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(t, NULL, NULL);
}
