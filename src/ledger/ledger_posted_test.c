/* SPDX-License-Identifier: Apache-2.0 */
/* Row ID-5 in the log: a label is granted only when every automatic row of the policy was
 * posted, with a value or with the word for why it has none. */
#include "ledger/ledger_testkit.h"

static const char rows[] =
    ",{\"id\":\"ID-5\",\"family\":\"identity\",\"level\":{\"base\":\"gate\","
    "\"intermediate\":\"gate\",\"advanced\":\"gate\"},\"limits\":[{\"param\":"
    "\"auto_rows_with_value_or_reason\",\"op\":\"ge\",\"value\":1,\"levels\":[\"base\","
    "\"intermediate\",\"advanced\"],\"origin\":\"S\"}],\"mode\":\"auto\",\"origin\":"
    "\"S\"}"
    ",{\"id\":\"CY-7\",\"family\":\"cybersecurity\",\"level\":{\"base\":\"documented\","
    "\"intermediate\":\"documented\",\"advanced\":\"gate\"},\"limits\":[{\"param\":"
    "\"membership_attack_auc\",\"op\":\"le\",\"value\":0.6,\"levels\":[\"base\","
    "\"intermediate\",\"advanced\"],\"origin\":\"P\"}],\"mode\":\"auto\",\"origin\":"
    "\"P\"}";

/* The row of the matrix that is missing, posted with its word. */
static const char *post_membership(struct tk *tk, const char *how)
{
    uint8_t scores[32];
    char hex[CRYPTO_HEX];
    assert_ok(blob_put(tk->blobs, STR("row,score\n1,0.5\n"), scores));
    return tk_say(
        tk, LEDGER_EVIDENCE, TK_BENCH,
        "\"family\":\"cybersecurity\",\"rows\":[\"CY-7\"],\"model_digest\":\"%s\","
        "\"dataset\":{\"id\":\"d1\",\"sha256\":\"" TK_SEALED
        "\",\"n\":400,\"positives\":180,\"period\":{\"from\":\"2026-01-01\","
        "\"to\":\"2026-06-30\"},\"external\":true,\"tester_org\":\"BENCH1\","
        "\"leakage_test\":\"none\",\"sites\":[{\"site\":\"" TK_SITE
        "\",\"gst\":\"" TK_REGION "\",\"n\":400,\"positives\":180,\"sha256\":\"" TK_SEALED
        "\"}]},\"measures\":[{\"row\":\"CY-7\",\"name\":\"membership_attack_auc\","
        "\"group\":\"\",\"threshold\":null,\"estimate\":null,\"ci95_low\":null,"
        "\"ci95_high\":null,\"ci_method\":\"%s\",\"n\":0,\"positives\":0,\"seed\":\"1\"}]"
        ",\"scores_sha256\":\"%s\"",
        tk->model_hex, how, crypto_hex(scores, 32, hex));
}

static const char *label_on_both(struct tk *tk, const char *first)
{
    char list[2 * CRYPTO_HEX + 16], hex[CRYPTO_HEX];
    snprintf(list, sizeof list, "[\"%s\",\"%s\"]", first,
             crypto_hex(tk->payload_sha256, 32, hex));
    return tk_decide(tk, &(struct tk_decision){"granted", "base", "base", "granted", NULL,
                                               365, tk_jury, 3, list});
}

static void no_label_until_every_automatic_row_is_posted(void **state)
{
    struct tk tk;
    (void)state;
    tk_rows = rows;
    tk_open(&tk);
    tk_to_evidence(&tk, 0.88);
    assert_string_equal(tk_label(&tk), "illegal_transition"); /* CY-7 is asked */
    assert_string_equal(post_membership(&tk, "no_training_data"), "ok");
    assert_string_equal(label_on_both(&tk, tk.evidence), "ok");
    tk_close(&tk);
    tk_rows = "";
}

static void a_blank_is_not_posted(void **state)
{
    struct tk tk;
    (void)state;
    tk_rows = rows;
    tk_open(&tk);
    tk_to_evidence(&tk, 0.88);
    assert_string_equal(post_membership(&tk, "none"), "ok");
    assert_string_equal(label_on_both(&tk, tk.evidence), "guard.outcome_differs");
    tk_close(&tk);
    tk_rows = "";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_label_until_every_automatic_row_is_posted),
        cmocka_unit_test(a_blank_is_not_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
