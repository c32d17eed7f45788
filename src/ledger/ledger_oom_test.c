/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory at every allocation of every entry: all of its effect, or none. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_testkit.h"

static struct tk tk;

static struct str leaf(size_t i)
{
    return (struct str){tk.leaf.v[i], tk.leaf_n.v[i]};
}

static void make_facts(void)
{
    char at[TIME_TEXT], from[TIME_TEXT], hex[CRYPTO_HEX];
    (void)tk_say(&tk, LEDGER_EVENT, TK_DIRECTOR,
                 "\"type\":\"pilot_report\",\"model_digest\":\"%s\",\"establishment\":"
                 "\"" TK_SITE "\",\"gst\":\"" TK_REGION "\",\"use_code\":\"" TK_USE
                 "\",\"outcome\":\"success\",\"closed_at\":\"%s\",\"patients\":9,"
                 "\"report_sha256\":\"" TK_SEALED "\"",
                 tk.model_hex, tk_time(&tk, 0, at));
    assert_string_equal(tk_co(&tk, TK_DIM), "ok");
    assert_string_equal(
        tk_say(&tk, LEDGER_EVENT, TK_NODE,
               "\"type\":\"drift\",\"model_digest\":\"%s\",\"establishment\":"
               "\"" TK_SITE "\",\"gst\":\"" TK_REGION "\",\"use_code\":\"" TK_USE
               "\",\"test\":\"cusum\",\"variable\":\"age\",\"from\":\"%s\",\"to\":"
               "\"%s\",\"n\":400,\"statistic\":9.1,\"calibrated_threshold\":8.05,"
               "\"false_alarm_probability\":0.001,\"severity\":3,\"action\":\"stop\"",
               tk.model_hex, tk_time(&tk, -9, from), tk_time(&tk, 0, at)),
        "ok");
    assert_string_equal(tk_say(&tk, LEDGER_EVENT, TK_CERTIFIER,
                               "\"type\":\"establishment_certificate\","
                               "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
                               "\",\"status\":\"under_way\",\"reference\":\"C\""),
                        "ok");
    crypto_hex(tk.record_sha256, 32, hex);
    assert_string_equal(tk_say(&tk, LEDGER_EVENT, TK_HAS3,
                               "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":"
                               "\"interest\",\"with_org\":\"ELSEWHERE\"",
                               tk.id[TK_HAS3]),
                        "ok");
    assert_string_equal(tk_say(&tk, LEDGER_EVENT, TK_CERTIFIER,
                               "\"type\":\"correction\",\"corrects\":\"%s\","
                               "\"reason\":\"r\"",
                               hex),
                        "ok");
}

static void to_pilot_with_another_rapporteur(void)
{
    char was[CRYPTO_HEX];
    (void)tk_algorithm(&tk);
    (void)tk_version(&tk);
    (void)tk_admissible(&tk);
    assert_string_equal(tk_assign(&tk, "base"), "ok");
    crypto_hex(tk.record_sha256, 32, was);
    (void)tk_say(&tk, LEDGER_EVENT, TK_RAPPORTEUR,
                 "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"own\":true,"
                 "\"reason\":\"r\"",
                 tk.id[TK_RAPPORTEUR]);
    assert_string_equal(
        tk_say(&tk, LEDGER_EVENT, TK_RAPPORTEUR2,
               "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
               "\"bench_operator\":\"%s\",\"requested_level\":\"base\",\"sealed_data\":["
               "\"" TK_SEALED "\"],\"no_conflict\":true,\"replaces\":\"%s\"",
               tk.model_hex, tk.id[TK_RAPPORTEUR2], tk.id[TK_BENCH], was),
        "ok");
    (void)tk_evidence(&tk, 0.88);
    (void)tk_label(&tk);
    (void)tk_propose(&tk);
    (void)tk_prepare(&tk);
    assert_string_equal(tk_pilot(&tk), "ok");
}

/* A life with a stop, its lift, facts, a policy change and a compromised key (which folds
 * the whole log again). */
static size_t make_log(void)
{
    size_t base;
    uint8_t order[32], next[32], now[32];
    char to[CRYPTO_HEX], from[CRYPTO_HEX];
    tk_open(&tk);
    base = tk.leaf.n;
    to_pilot_with_another_rapporteur();
    (void)tk_stop(&tk, TK_GST, "region", "\"gst\":\"" TK_REGION "\",");
    memcpy(order, tk.record_sha256, 32);
    (void)tk_lift(&tk, TK_GST, order);
    assert_string_equal(tk_co(&tk, TK_HAS1), "ok");
    make_facts();
    tk_put_policy(&tk, "[]", "{}", next);
    ledger_policy_digest(tk.l, now);
    (void)tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                 "\"type\":\"policy_change\",\"policy_sha256\":\"%s\","
                 "\"previous_sha256\":\"%s\",\"reason\":\"r\"",
                 crypto_hex(next, 32, to), crypto_hex(now, 32, from));
    (void)tk_co(&tk, TK_MSPS2);
    assert_string_equal(tk_co(&tk, TK_HAS1), "ok");
    assert_string_equal(tk_stop(&tk, TK_CNDP, "national", ""), "ok");
    return base;
}

static long failures;

/* Applies the leaf with its nth allocation failing, n = 1, 2...; every `stride` failures
 * the state is compared with the one before. */
static void walk(struct ledger *l, struct str s, long from, long stride)
{
    uint8_t was[32], is[32];
    uint64_t size = ledger_size(l);
    if (size)
        assert_ok(ledger_state_digest(l, was));
    for (long n = from;; n += stride) {
        int err;
        (void)am_oom_at(n);
        err = ledger_apply(l, s);
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        failures++;
        assert_int_equal(err, AM_E_NOMEM);
        assert_int_equal(ledger_size(l), size);
        if (size && failures % 5 == 0) {
            assert_ok(ledger_state_digest(l, is));
            assert_memory_equal(was, is, 32);
        }
    }
}

static void an_entry_has_all_of_its_effect_or_none(void **state)
{
    struct ledger *l;
    uint8_t a[32], b[32];
    size_t base = make_log();
    (void)state;
    assert_ok(ledger_new(&l, tk.blobs));
    for (size_t i = 0; i < tk.leaf.n; i++)
        if (i == 0 || i + 2 >= base) /* the grants are all alike: the last two */
            walk(l, leaf(i), 1, 1);
        else
            assert_ok(ledger_apply(l, leaf(i)));
    assert_ok(ledger_state_digest(l, a));
    assert_ok(ledger_state_digest(tk.l, b));
    assert_memory_equal(a, b, 32);
    printf("%ld allocation failures walked\n", failures);
    assert_true(failures > 500);
    ledger_free(l);
    tk_close(&tk);
}

static void folding_again_for_a_compromised_key_is_all_or_nothing(void **state)
{
    struct ledger *l;
    uint8_t a[32], b[32];
    size_t base = make_log();
    (void)state;
    assert_string_equal(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                               "\"type\":\"key_revoke\",\"key_id\":\"%s\","
                               "\"compromised_since\":%zu,\"reason\":\"stolen\"",
                               tk.id[TK_HAS2], base),
                        "ok");
    assert_int_equal(tk_v(&tk)->state,
                     LEDGER_V_EVALUATED); /* the label has lost a vote */
    assert_ok(ledger_new(&l, tk.blobs));
    for (size_t i = 0; i + 1 < tk.leaf.n; i++)
        assert_ok(ledger_apply(l, leaf(i)));
    walk(l, leaf(tk.leaf.n - 1), 1, 37);
    assert_ok(ledger_state_digest(l, a));
    assert_ok(ledger_state_digest(tk.l, b));
    assert_memory_equal(a, b, 32);
    ledger_free(l);
    tk_close(&tk);
}

TEST_MAIN(TEST(an_entry_has_all_of_its_effect_or_none),
          TEST(folding_again_for_a_compromised_key_is_all_or_nothing))
