/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger_testkit.h"

static struct tk tk;

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

static struct json_doc *signing(void)
{
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    uint8_t before[32], after[32];
    assert_ok(ledger_state_digest(tk.l, before));
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    assert_ok(ledger_signing_json(tk.l, buf_str(&tk.payload), &w, NULL));
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    assert_ok(ledger_state_digest(tk.l, after));
    assert_memory_equal(before, after, 32); /* looking changes nothing */
    return doc;
}

static const struct json *term(const struct json_doc *doc)
{
    return json_at(json_get(json_at(json_get(json_root(doc), "any"), 0), "terms"), 0);
}

/* What is said of a key: "ok", a code, or NULL when it is not in the list. */
static struct str said_of(const struct json_doc *doc, enum tk_actor who)
{
    for (json_each(k, json_get(json_root(doc), "keys")))
        if (json_str_is(json_get(k.val, "key_id"), tk.id[who]))
            return json_get_str(k.val, "code");
    return STR_NULL;
}

static void a_text_in_effect_names_its_signers_and_asks_nobody(void **state)
{
    struct json_doc *doc;
    (void)state;
    tk_open(&tk);
    tk_to_evidence(&tk, 0.9);
    assert_string_equal(tk_label(&tk), "ok");
    doc = signing();
    assert_true(json_bool(json_get(json_root(doc), "in_effect"), false));
    assert_int_equal(json_size(json_get(json_root(doc), "signed")), 3);
    assert_string_equal(json_get_str(json_root(doc), "rule").p, "V7.base");
    assert_int_equal(json_int(json_get(term(doc), "missing"), -1), 0);
    assert_int_equal(json_size(json_get(json_root(doc), "keys")), 0);
    json_free(doc);
}

static void a_text_nobody_signed_shows_who_may_and_why_others_may_not(void **state)
{
    struct json_doc *doc;
    uint64_t index[8];
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    assert_string_equal(tk_stop(&tk, TK_GST, "region", "\"gst\":\"" TK_REGION "\","),
                        "ok");
    char order[CRYPTO_HEX];
    crypto_hex(tk.record_sha256, 32, order);
    assert_string_equal(tk_say(&tk, LEDGER_EVENT, TK_GST,
                               "\"type\":\"stop_lift\",\"order\":\"%s\",\"reason\":\"r\"",
                               order),
                        "waiting_signers");
    doc = signing();
    assert_false(json_bool(json_get(json_root(doc), "in_effect"), true));
    assert_string_equal(json_get_str(json_root(doc), "rule").p, "lift.region");
    assert_int_equal(json_size(json_get(json_root(doc), "signed")), 1);
    assert_null(said_of(doc, TK_GST).p);                /* signed already */
    assert_string_equal(said_of(doc, TK_HAS1).p, "ok"); /* the second house */
    assert_string_equal(said_of(doc, TK_GST2).p, "wrong_organisation");
    assert_null(said_of(doc, TK_VENDOR).p); /* the rule has no place for it */
    json_free(doc);
    assert_int_equal(ledger_waiting(tk.l, index, 8), 1);
    assert_int_equal(index[0], ledger_size(tk.l) - 1);
    assert_string_equal(tk_co(&tk, TK_HAS1), "ok");
    assert_int_equal(ledger_waiting(tk.l, index, 8), 0);
}

static void the_rapporteur_is_told_not_to_vote(void **state)
{
    static const enum tk_actor by[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_RAPPORTEUR};
    struct json_doc *doc;
    (void)state;
    tk_open_with(&tk, TK_WAIVED, "{\"V7\":[{\"role\":\"has\",\"count\":4}]}");
    tk_to_evidence(&tk, 0.88);
    assert_string_equal(
        tk_decide(&tk, &(struct tk_decision){"granted", "base", "base", "granted", NULL,
                                             365, by, 4, NULL}),
        "guard.rapporteur_votes");
    /* almost the same words: nobody has signed these */
    for (char *c = tk.payload.p; (c = strstr(c, "no_conflict\":true")); c++)
        memcpy(c, "no_conflict\":null", 17);
    doc = signing();
    assert_int_equal(json_size(json_get(json_root(doc), "signed")), 0);
    assert_int_equal(json_int(json_get(term(doc), "missing"), -1), 4);
    assert_string_equal(said_of(doc, TK_RAPPORTEUR).p, "guard.rapporteur_votes");
    json_free(doc);
}

static void memory_that_runs_out_is_an_error_and_no_more(void **state)
{
    struct buf b;
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    buf_init(&b, 1 << 20);
    for (long n = 1;; n++) {
        struct jw w;
        int err;
        buf_clear(&b);
        jw_init(&w, &b);
        am_oom_at(n);
        jw_obj(&w);
        err = ledger_signing_json(tk.l, buf_str(&tk.payload), &w, NULL);
        jw_obj_end(&w);
        err = err ? err : jw_done(&w);
        if (!am_oom_at(0))
            break;
        assert_int_equal(err, AM_E_NOMEM);
    }
    buf_release(&b);
}

static void a_text_is_signable_while_one_key_may_sign_it(void **state)
{
    struct tk_decision d = {"granted", "base",  "advanced", "granted", NULL,
                            365,       tk_jury, 3,          NULL};
    struct diag problems;
    (void)state;
    diag_init(&problems);
    tk_open(&tk);
    tk_to_evidence(&tk, 0.9);
    tk_unsigned = true;
    tk_decide(&tk, &d); /* a level nobody asked for */
    assert_int_equal(ledger_signable(tk.l, buf_str(&tk.payload), &problems),
                     AM_E_INVALID);
    assert_true(problems.n > 1); /* every problem, not the first */
    diag_clear(&problems);
    d.level = "base";
    tk_decide(&tk, &d);
    tk_unsigned = false;
    assert_ok(ledger_signable(tk.l, buf_str(&tk.payload), &problems));
    assert_int_equal(problems.n, 0);
    assert_string_equal(tk_co(&tk, TK_HAS1), "waiting_signers");
    assert_ok(ledger_signable(tk.l, buf_str(&tk.payload), &problems)); /* two more may */
    assert_string_equal(tk_co(&tk, TK_HAS2), "waiting_signers");
    assert_string_equal(tk_co(&tk, TK_HAS3), "ok");
    assert_int_equal(ledger_signable(tk.l, STR("{}"), &problems), AM_E_INVALID);
    diag_release(&problems);
}

static void a_decision_that_names_too_few_is_not_signable(void **state)
{
    struct tk_decision d = {"granted", "base",  "base", "granted", NULL,
                            365,       tk_jury, 2,      NULL};
    struct diag problems;
    (void)state;
    diag_init(&problems);
    tk_open(&tk);
    tk_to_evidence(&tk, 0.9);
    tk_unsigned = true;
    tk_decide(&tk, &d);
    tk_unsigned = false;
    assert_int_equal(ledger_signable(tk.l, buf_str(&tk.payload), &problems),
                     AM_E_INVALID);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.item[0].code, "signing.too_few");
    diag_release(&problems);
}

/* Made and signed by nobody. */
static void make(enum tk_actor issuer, const char *members)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    tk_addf(&b, "{");
    tk_head(&tk, &b, issuer);
    tk_addf(&b, ",%s}", members);
    tk_make(&tk, LEDGER_EVENT, buf_str(&b));
    buf_release(&b);
}

static void a_text_whose_issuer_may_not_sign_is_not_signable(void **state)
{
    static const struct {
        enum tk_actor issuer;
        const char *members, *code;
    } t[] = {
        /* several sign an extension; a supplier that issues it speaks for none of them */
        {TK_VENDOR,
         "\"type\":\"lease_extension\",\"until\":\"2026-11-02T09:00:00Z\",\"reason\":"
         "\"r\"",
         "wrong_role"},
        {TK_MSPS1, "\"type\":\"stop_lift\",\"reason\":\"r\",\"order\":\"" TK_SEALED "\"",
         "unknown_order"},
    };
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct diag problems;
        diag_init(&problems);
        make(t[i].issuer, t[i].members);
        assert_int_equal(ledger_signable(tk.l, buf_str(&tk.payload), &problems),
                         AM_E_INVALID);
        assert_string_equal(problems.item[0].code, t[i].code);
        diag_release(&problems);
    }
}

#define T(f) cmocka_unit_test_teardown(f, close_tk)
TEST_MAIN(T(a_text_in_effect_names_its_signers_and_asks_nobody),
          T(a_text_nobody_signed_shows_who_may_and_why_others_may_not),
          T(the_rapporteur_is_told_not_to_vote),
          T(memory_that_runs_out_is_an_error_and_no_more),
          T(a_text_is_signable_while_one_key_may_sign_it),
          T(a_decision_that_names_too_few_is_not_signable),
          T(a_text_whose_issuer_may_not_sign_is_not_signable))
