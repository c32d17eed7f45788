/* SPDX-License-Identifier: Apache-2.0 */
/* Cases, deposits, sandboxes: what they change, who may, and what is refused. */
#include <math.h>

#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)
#define HOME             "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE "\","
#define ID               "VIG-2026-ABCDEFGHIJ"
#define TRACE            "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

static struct tk tk;

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

static void to_declared(void)
{
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
}

/* ---- vigilance ------------------------------------------------------------------- */
/* aware: days before the report; extra begins with a comma. */
static const char *report(enum tk_actor who, const char *id, const char *severity,
                          int64_t aware, const char *terms, const char *extra)
{
    char at[TIME_TEXT];
    return tk_say(
        &tk, LEDGER_EVENT, who,
        "\"type\":\"vigilance\",\"case_id\":\"%s\",\"model_digest\":\"%s\"," HOME
        "\"severity\":\"%s\",\"aware_at\":\"%s\",\"traces\":[\"" TRACE
        "\"],\"terms\":%s%s",
        id, tk.model_hex, severity, tk_time(&tk, -aware, at), terms, extra);
}

static const char *plain(const char *id, const char *severity, int64_t aware)
{
    return report(TK_DOCTOR, id, severity, aware, "[\"A0101\",\"E0101\"]", "");
}

static const char *follow(enum tk_actor who, const char *step, const char *extra)
{
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"vigilance_followup\",\"case_id\":\"" ID
                  "\",\"step\":\"%s\"%s",
                  step, extra);
}

static const struct ledger_case *the_case(void)
{
    return ledger_case_find(tk.l, STR(ID));
}

static void a_case_goes_from_report_to_closure(void **state)
{
    const struct ledger_case *c;
    struct ledger_vigilance n;
    (void)state;
    to_declared();
    OK(plain(ID, "serious", 3));
    c = the_case();
    assert_non_null(c);
    assert_string_equal(c->establishment, TK_SITE);
    assert_int_equal(c->trace.n, 1);
    assert_int_equal(c->deadline_at, c->aware_at + 15 * TIME_DAY);
    assert_int_equal(c->answer_due_at, c->reported_at + 10 * TIME_DAY);
    assert_false(c->report_late);
    assert_false(ledger_case_late(c, tk.now));
    assert_false(ledger_case_late(c, c->answer_due_at));
    assert_true(ledger_case_late(c, c->answer_due_at + 1)); /* the supplier is silent */
    OK(follow(TK_VENDOR, "answer", ",\"code\":\"correction_planned\""));
    assert_string_equal(the_case()->answer_code, "correction_planned");
    assert_false(ledger_case_late(the_case(), tk.now + 400 * TIME_DAY));
    CODE(follow(TK_HAS1, "closure", ",\"code\":\"corrected\",\"terms\":[\"B01\"]"),
         "guard.case_terms"); /* no findings, no conclusion */
    OK(follow(TK_QUALITY, "coding",
              ",\"terms\":[\"B01\",\"C02\",\"A0101\",\"G04001\"],\"traces\":[\"" TRACE
              "\"]"));
    assert_int_equal(the_case()->term.n, 5); /* A0101 was there */
    assert_int_equal(the_case()->trace.n, 1);
    OK(follow(TK_HAS1, "closure", ",\"code\":\"corrected\",\"terms\":[\"D0101\"]"));
    assert_int_equal(the_case()->closed_at, tk.now);
    assert_int_equal(the_case()->history.n, 4);
    ledger_vigilance(tk.l, tk.model, tk.now, &n);
    assert_int_equal(n.cases, 1);
    assert_int_equal(n.serious, 1);
    assert_int_equal(n.open, 0);
    CODE(follow(TK_HAS1, "coding", ",\"terms\":[\"B01\"]"), "guard.case_closed");
}

static void the_history_of_a_version_does_not_name_its_cases(void **state)
{
    size_t before;
    (void)state;
    to_declared();
    before = tk_v(&tk)->history.n;
    OK(plain(ID, "serious", 3));
    assert_int_equal(tk_v(&tk)->history.n, before);
    assert_int_equal(ledger_reach(tk.l, ledger_size(tk.l) - 1), LEDGER_REACH_CASE);
    CODE(plain("VIG-x", "serious", 3), "bad_record"); /* refused, and still not public */
    assert_int_equal(tk_v(&tk)->history.n, before);
    assert_int_equal(ledger_reach(tk.l, ledger_size(tk.l) - 1), LEDGER_REACH_CASE);
    assert_int_equal(ledger_reach(tk.l, 0), LEDGER_REACH_PUBLIC);
    assert_int_equal(ledger_reach(tk.l, 1 << 20), LEDGER_REACH_PUBLIC);
}

static void each_severity_has_its_statutory_term(void **state)
{
    static const struct {
        const char *id, *severity, *extra;
        int64_t days; /* 0: none */
    } t[] = {
        {"VIG-2026-AAAAAAAAAA", "death", "", 10},
        {"VIG-2026-AAAAAAAAAB", "serious", "", 15},
        {"VIG-2026-AAAAAAAAAC", "life_threatening", "", 2},
        {"VIG-2026-AAAAAAAAAD", "non_serious", "", 0},
        {"VIG-2026-AAAAAAAAAE", "non_serious", ",\"widespread\":true", 2},
        {"VIG-2026-AAAAAAAAAF", "death", ",\"widespread\":true", 2},
    };
    (void)state;
    to_declared();
    for (size_t i = 0; i < AM_LEN(t); i++) {
        const struct ledger_case *c;
        OK(report(TK_DOCTOR, t[i].id, t[i].severity, 5, "[\"A01\",\"F01\"]", t[i].extra));
        c = ledger_case_find(tk.l, str_c(t[i].id));
        assert_int_equal(c->deadline_at,
                         t[i].days ? c->aware_at + t[i].days * TIME_DAY : 0);
        assert_int_equal(c->report_late, t[i].days == 2); /* five days ago */
    }
}

static void a_policy_moves_the_terms_of_later_cases_only(void **state)
{
    struct buf b;
    uint8_t next[32], now[32];
    char to[CRYPTO_HEX], from[CRYPTO_HEX], *clocks;
    (void)state;
    to_declared();
    OK(plain(ID, "death", 0));
    buf_init(&b, 1 << 20);
    tk_policy_text(&b, TK_WAIVED, "{}");
    clocks = strstr(b.p, "\"clocks\":{}");
    assert_non_null(clocks);
    {
        struct buf c;
        buf_init(&c, 1 << 20);
        tk_addf(&c, "%.*s\"clocks\":{\"vigilance_death\":\"P3D\"}%s", (int)(clocks - b.p),
                b.p, clocks + strlen("\"clocks\":{}"));
        assert_ok(blob_put(tk.blobs, buf_str(&c), next));
        buf_release(&c);
    }
    buf_release(&b);
    ledger_policy_digest(tk.l, now);
    (void)tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                 "\"type\":\"policy_change\",\"policy_sha256\":\"%s\","
                 "\"previous_sha256\":\"%s\",\"reason\":\"r\"",
                 crypto_hex(next, 32, to), crypto_hex(now, 32, from));
    (void)tk_co(&tk, TK_MSPS2);
    OK(tk_co(&tk, TK_HAS1));
    OK(plain("VIG-2026-BBBBBBBBBB", "death", 0));
    assert_int_equal(the_case()->deadline_at, the_case()->aware_at + 10 * TIME_DAY);
    assert_int_equal(ledger_case_at(tk.l, 1)->deadline_at,
                     ledger_case_at(tk.l, 1)->aware_at + 3 * TIME_DAY);
}

static void a_graver_turn_has_its_own_term_and_never_a_milder_one(void **state)
{
    char extra[128], at[TIME_TEXT];
    (void)state;
    to_declared();
    OK(plain(ID, "serious", 1));
    tk.now += 30 * TIME_DAY;
    CODE(follow(TK_DOCTOR, "coding", ",\"severity\":\"death\""), "guard.awareness");
    snprintf(extra, sizeof extra, ",\"severity\":\"death\",\"aware_at\":\"%s\"",
             tk_time(&tk, -11, at));
    OK(follow(TK_DOCTOR, "coding", extra));
    assert_int_equal(the_case()->severity, LEDGER_DEATH);
    assert_true(the_case()->report_late); /* known for eleven days, ten allowed */
    OK(follow(TK_DOCTOR, "coding", ",\"severity\":\"non_serious\""));
    assert_int_equal(the_case()->severity, LEDGER_DEATH);
}

static void who_may_report_answer_and_close(void **state)
{
    (void)state;
    to_declared();
    CODE(plain(ID, "serious", -1), "guard.awareness"); /* known tomorrow */
    CODE(report(TK_HAS1, ID, "serious", 1, "[\"A01\",\"E01\"]", ""), "wrong_role");
    CODE(report(TK_BENCH, ID, "serious", 1, "[\"A01\",\"E01\"]", ""), "wrong_role");
    CODE(report(TK_LEAD2, ID, "serious", 1, "[\"A01\",\"E01\"]", ""),
         "wrong_organisation"); /* another hospital */
    CODE(report(TK_VENDOR2, ID, "serious", 1, "[\"A01\",\"E01\"]", ""),
         "wrong_organisation"); /* not its product */
    CODE(report(TK_NODE2, ID, "serious", 1, "[\"A01\",\"E01\"]", ""),
         "wrong_organisation"); /* not its region */
    OK(report(TK_NODE, ID, "serious", 1, "[\"A01\",\"E01\"]", ""));
    CODE(follow(TK_VENDOR2, "answer", ",\"code\":\"contested\""), "wrong_organisation");
    CODE(follow(TK_DOCTOR, "answer", ",\"code\":\"contested\""), "wrong_role");
    CODE(follow(TK_LEAD2, "coding", ",\"terms\":[\"B01\"]"), "wrong_organisation");
    CODE(follow(TK_VENDOR, "closure",
                ",\"code\":\"corrected\",\"terms\":[\"B01\",\"C01\",\"D01\"]"),
         "wrong_role");
    CODE(follow(TK_DIRECTOR, "closure",
                ",\"code\":\"corrected\",\"terms\":[\"B01\",\"C01\",\"D01\"]"),
         "wrong_role");
    CODE(follow(TK_VENDOR, "answer", ""), "bad_record"); /* says nothing */
    CODE(follow(TK_VENDOR, "silence", ""), "bad_record");
    assert_int_equal(the_case()->answered_at, 0);
}

static void a_case_has_no_room_for_free_text(void **state)
{
    char long_id[4200];
    (void)state;
    to_declared();
    CODE(plain("VIG-2026-Mr Alami", "serious", 1), "bad_record");
    CODE(plain("VIG-2026-ABCDEFGHI1", "serious", 1), "bad_record"); /* 1 is no base32 */
    memset(long_id, 'A', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = 0;
    CODE(plain(long_id, "serious", 1), "bad_record");
    CODE(plain(ID, "grave", 1), "bad_record");
    CODE(
        report(TK_DOCTOR, ID, "serious", 1, "[\"A01\",\"E01\"]", ",\"reason\":\"Mr A.\""),
        "bad_record");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"A01\",\"E01\"]", ",\"name\":\"A\""),
         "bad_record");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"A01\",\"E1\"]", ""), "bad_record");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"A01\",\"H01\"]", ""), "bad_record");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"A01\",\"the patient\"]", ""),
         "bad_record");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"A01\"]", ""), "guard.case_terms");
    CODE(report(TK_DOCTOR, ID, "serious", 1, "[\"E01\"]", ""), "guard.case_terms");
    assert_null(the_case());
}

static void lists_of_a_case_are_bounded(void **state)
{
    struct buf b;
    (void)state;
    to_declared();
    buf_init(&b, 1 << 16);
    tk_addf(&b, "[\"A01\",\"E01\"");
    for (int i = 0; i < 99; i++)
        tk_addf(&b, ",\"B%02d\"", i);
    tk_addf(&b, "]");
    CODE(report(TK_DOCTOR, ID, "serious", 1, b.p, ""), "bad_record"); /* 101 terms */
    OK(plain(ID, "serious", 1));
    for (int k = 0; k < 5; k++) { /* 99 new terms each: the fourth goes beyond 400 */
        const char *code;
        buf_clear(&b);
        tk_addf(&b, ",\"terms\":[");
        for (int i = 0; i < 99; i++)
            tk_addf(&b, "%s\"B%02d%02d\"", i ? "," : "", k, i);
        tk_addf(&b, "]");
        code = follow(TK_DOCTOR, "coding", b.p);
        assert_string_equal(code, k < 4 ? "ok" : "bad_record");
    }
    buf_release(&b);
}

static void the_same_case_and_the_same_paper_count_once(void **state)
{
    (void)state;
    to_declared();
    OK(plain(ID, "serious", 1));
    CODE(tk_co(&tk, TK_DOCTOR), "replay");
    CODE(plain(ID, "serious", 1), "exists");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DOCTOR,
                "\"type\":\"vigilance_followup\",\"case_id\":\"VIG-2026-ZZZZZZZZZZ\","
                "\"step\":\"coding\""),
         "unknown_case");
    assert_int_equal(ledger_cases(tk.l), 1);
}

/* Counts of all cases against a look at each, at an hour when answers are due and not. */
static void assert_counted(void)
{
    for (int64_t days = -400; days <= 400; days += 8) {
        struct ledger_vigilance n, sum = {0};
        int64_t at = tk.l->latest_at + days * TIME_DAY;
        for (size_t i = 0; i < ledger_cases(tk.l); i++) {
            const struct ledger_case *c = ledger_case_at(tk.l, i);
            sum.cases++;
            sum.serious += c->severity >= LEDGER_SERIOUS;
            sum.open += !c->closed_at;
            sum.late += ledger_case_late(c, at);
            sum.false_negatives += c->severity >= LEDGER_SERIOUS && c->false_negative;
        }
        ledger_vigilance(tk.l, NULL, at, &n);
        assert_memory_equal(&n, &sum, sizeof n);
    }
}

static void counts_of_all_cases_follow_each_statement(void **state)
{
    char extra[128], at[TIME_TEXT];
    (void)state;
    to_declared();
    OK(plain(ID, "non_serious", 1));
    assert_counted();
    OK(report(TK_NODE, "VIG-2026-AAAAAAAAAA", "death", 30, "[\"A01\",\"E01\"]",
              ",\"false_negative\":true")); /* late from the start */
    assert_counted();
    snprintf(extra, sizeof extra,
             ",\"severity\":\"serious\",\"aware_at\":\"%s\",\"terms\":[\"B01\"]",
             tk_time(&tk, -1, at));
    OK(follow(TK_DOCTOR, "coding", extra));
    assert_counted();
    OK(follow(TK_VENDOR, "answer", ",\"code\":\"contested\""));
    assert_counted();
    OK(report(TK_DOCTOR, "VIG-2026-BBBBBBBBBB", "serious", 1, "[\"A01\",\"E01\"]", ""));
    OK(follow(TK_HAS1, "closure", ",\"code\":\"corrected\",\"terms\":[\"C01\",\"D01\"]"));
    assert_counted();
    assert_int_equal(ledger_cases(tk.l), 3);
}

/* 3 in 10: exact interval of the mean 0.618672 to 8.767273 (stat_num_test.c). */
static void serious_false_negatives_are_held_against_the_declared_rate(void **state)
{
    struct ledger_false_negatives f;
    struct ledger_verrec *v;
    (void)state;
    to_declared();
    for (int i = 0; i < 3; i++) {
        char id[32];
        snprintf(id, sizeof id, "VIG-2026-AAAAAAAAA%c", 'A' + i);
        OK(report(TK_DOCTOR, id, "serious", 1, "[\"A01\",\"E01\"]",
                  ",\"false_negative\":true"));
    }
    OK(report(TK_DOCTOR, "VIG-2026-CCCCCCCCCC", "non_serious", 1, "[\"A01\",\"E01\"]",
              ",\"false_negative\":true")); /* does not count here */
    ledger_false_negatives(tk.l, tk_v(&tk), &f);
    assert_int_equal(f.n, 3);
    assert_true(isnan(f.declared) && isnan(f.lo) && !f.exceeds); /* no use, no rate */
    v = &tk.l->version.v[0];
    v->fn_declared = 0.06;
    {
        struct ledger_deprec p = {.p.uses = 10};
        assert_ok(vec_push(&tk.l->deployment, p));
        assert_ok(vec_push(&v->deployment, (size_t)0));
    }
    ledger_false_negatives(tk.l, tk_v(&tk), &f);
    assert_true(fabs(f.lo - 0.0618672122895601) < 1e-12);
    assert_true(fabs(f.hi - 0.8767273069742326) < 1e-12);
    assert_true(f.exceeds);
    v->fn_declared = 0.062;
    ledger_false_negatives(tk.l, tk_v(&tk), &f);
    assert_false(f.exceeds);
}

/* ---- escrow ---------------------------------------------------------------------- */
#define FILE_OF(item, path, sha)                                                         \
    "{\"item\":\"" item "\",\"path\":\"" path "\",\"sha256\":\"" sha "\",\"size\":32}"
#define OTHER "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

/* Five items; the weights are those of the version unless other is given. */
static void items(struct buf *b, const char *weights)
{
    struct ledger_statement_view s;
    assert_ok(ledger_load(tk.l, tk_v(&tk)->declared.payload, &s));
    tk_addf(b,
            "[" FILE_OF("source_code", "src.tar", OTHER) "," FILE_OF(
                "technical_documentation", "doc/t.pdf",
                OTHER) "," FILE_OF("operating_documentation", "doc/o.pdf",
                                   OTHER) "," FILE_OF("training_data", "data.csv",
                                                      OTHER) ",{\"item\":\"weights\","
                                                             "\"path\":\"model.json\","
                                                             "\"sha256\":\"%.*s\","
                                                             "\"size\":32}]",
            STR_FMT(weights ? str_c(weights)
                            : json_get_str(json_at(json_get(s.record, "artifacts"), 0),
                                           "sha256")));
    ledger_statement_release(&s);
}

static const char *receive(enum tk_actor who, const char *list, int level,
                           const char *manifest)
{
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    uint8_t digest[32];
    struct buf canon;
    buf_init(&canon, 1 << 20);
    assert_ok(json_canon_text(&canon, str_c(list), NULL));
    crypto_sha256(buf_str(&canon), digest);
    buf_release(&canon);
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"escrow_receipt\",\"model_digest\":\"%s\",\"deposit_id\":"
                  "\"D-1\",\"deposited_at\":\"%s\",\"level\":%d,\"items\":%s,"
                  "\"manifest_sha256\":\"%s\",\"conditions\":[\"insolvency\","
                  "\"vigilance_uncorrected\"]",
                  tk.model_hex, tk_time(&tk, -1, at), level, list,
                  manifest ? manifest : crypto_hex(digest, 32, hex));
}

static const char *deposit(int level)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    items(&b, NULL);
    code = receive(TK_ESCROW, b.p, level, NULL);
    buf_release(&b);
    return code;
}

static void a_receipt_is_checked_against_the_version(void **state)
{
    struct buf b;
    (void)state;
    to_declared();
    buf_init(&b, 1 << 16);
    items(&b, OTHER);
    CODE(receive(TK_ESCROW, b.p, 1, NULL), "guard.escrow_digests"); /* other weights */
    OK(receive(TK_ESCROW, b.p, 0, NULL)); /* received, not compared */
    assert_int_equal(ledger_deposit_of(tk.l, tk.model)->level, 0);
    buf_clear(&b);
    items(&b, NULL);
    CODE(receive(TK_ESCROW, b.p, 1, OTHER), "guard.escrow_manifest");
    CODE(receive(TK_ESCROW, b.p, 4, NULL), "bad_record");
    CODE(receive(TK_ESCROW2, b.p, 1, NULL), "wrong_organisation"); /* D-1 is TIERS1's */
    CODE(receive(TK_VENDOR, b.p, 1, NULL), "guard.vendor_signs");
    CODE(receive(TK_BENCH, b.p, 1, NULL), "wrong_role");
    OK(receive(TK_ESCROW, b.p, 2, NULL));
    assert_int_equal(ledger_deposits(tk.l), 1); /* the newer takes its place */
    assert_int_equal(ledger_deposit_of(tk.l, tk.model)->level, 2);
    assert_int_equal(ledger_deposit_of(tk.l, tk.model)->files, 5);
    assert_int_equal(ledger_reach(tk.l, ledger_size(tk.l) - 1), LEDGER_REACH_DEPOSIT);
    buf_release(&b);
}

static void a_deposit_names_the_five_items_by_safe_paths(void **state)
{
    static const char *const path[] = {"../x", "/x", "a/../x", "src.tar", "a\\u0007"};
    (void)state;
    to_declared();
    CODE(receive(TK_ESCROW, "[" FILE_OF("weights", "w", OTHER) "]", 0, NULL),
         "guard.escrow_items");
    CODE(receive(TK_ESCROW, "[]", 0, NULL), "guard.escrow_items");
    CODE(receive(TK_ESCROW, "[" FILE_OF("gold", "w", OTHER) "]", 0, NULL), "bad_record");
    for (size_t i = 0; i < AM_LEN(path); i++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        items(&b, NULL);
        buf_cut(&b, b.n - 1);
        tk_addf(&b,
                ",{\"item\":\"weights\",\"path\":\"%s\",\"sha256\":\"" OTHER
                "\",\"size\":1}]",
                path[i]);
        CODE(receive(TK_ESCROW, b.p, 0, NULL), "bad_record");
        buf_release(&b);
    }
    {
        struct buf b;
        buf_init(&b, 1 << 20);
        for (int i = 0; i < 1001; i++)
            tk_addf(&b,
                    "%s{\"item\":\"weights\",\"path\":\"%d\",\"sha256\":\"" OTHER
                    "\",\"size\":1}",
                    i ? "," : "[", i);
        tk_addf(&b, "]");
        CODE(receive(TK_ESCROW, b.p, 0, NULL), "bad_record");
        buf_release(&b);
    }
    assert_int_equal(ledger_deposits(tk.l), 0);
}

static const char *release(enum tk_actor who, const char *receipt, const char *condition)
{
    return tk_say(
        &tk, LEDGER_EVENT, who,
        "\"type\":\"escrow_release\",\"step\":\"order\",\"model_digest\":\"%s\","
        "\"deposit\":\"%s\",\"condition\":\"%s\",\"beneficiary\":\"NEXT01\"",
        tk.model_hex, receipt, condition);
}

static const char *execute(enum tk_actor who, const char *receipt, const char *order)
{
    char at[TIME_TEXT];
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"escrow_release\",\"step\":\"execute\",\"model_digest\":"
                  "\"%s\",\"deposit\":\"%s\",\"order\":\"%s\",\"executed_at\":\"%s\"",
                  tk.model_hex, receipt, order, tk_time(&tk, 0, at));
}

static void a_release_is_ordered_by_two_and_executed_by_the_holder(void **state)
{
    char receipt[CRYPTO_HEX], order[CRYPTO_HEX];
    (void)state;
    to_declared();
    CODE(release(TK_MSPS1, OTHER, "insolvency"), "unknown_deposit"); /* no receipt */
    OK(deposit(1));
    crypto_hex(tk.record_sha256, 32, receipt);
    CODE(execute(TK_ESCROW, receipt, OTHER), "unknown_order"); /* nobody ordered */
    CODE(release(TK_HAS1, receipt, "insolvency"), "wrong_role");
    CODE(release(TK_MSPS1, receipt, "insolvency"), "waiting_signers");
    assert_int_equal(ledger_deposit_at(tk.l, 0)->ordered, 0);
    OK(tk_co(&tk, TK_MSPS2));
    crypto_hex(tk.record_sha256, 32, order);
    assert_true(ledger_deposit_at(tk.l, 0)->ordered > 0);
    (void)release(TK_MSPS1, receipt, "insolvency");
    CODE(tk_co(&tk, TK_MSPS2), "guard.released");
    CODE(deposit(2), "guard.released"); /* nothing is swapped under an order */
    CODE(execute(TK_ESCROW2, receipt, order), "wrong_organisation");
    CODE(execute(TK_ESCROW, receipt, OTHER), "unknown_order");
    OK(execute(TK_ESCROW, receipt, order));
    assert_true(ledger_deposit_at(tk.l, 0)->executed > 0);
    CODE(execute(TK_ESCROW, receipt, order), "guard.released");
}

static const char *order_two(const char *receipt, const char *condition)
{
    const char *code = release(TK_MSPS1, receipt, condition);
    return strcmp(code, "waiting_signers") == 0 ? tk_co(&tk, TK_MSPS2) : code;
}

static void a_release_needs_a_condition_that_was_agreed_and_holds(void **state)
{
    char receipt[CRYPTO_HEX];
    (void)state;
    to_declared();
    OK(deposit(1));
    crypto_hex(tk.record_sha256, 32, receipt);
    CODE(order_two(receipt, "maintenance_end"),
         "guard.release_condition"); /* not agreed */
    CODE(order_two(receipt, "because"), "guard.release_condition");
    CODE(order_two(receipt, "vigilance_uncorrected"), "guard.release_condition");
    OK(plain(ID, "serious", 1));
    CODE(order_two(receipt, "vigilance_uncorrected"), "guard.release_condition");
    tk.now += 11 * TIME_DAY; /* the supplier had ten */
    OK(order_two(receipt, "vigilance_uncorrected"));
}

/* ---- sandbox --------------------------------------------------------------------- */
static const char *sandbox(enum tk_actor who, int64_t days, const char *patients)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"sandbox_open\",\"model_digest\":\"%s\",\"purpose\":"
                  "\"usability\",\"site\":\"" TK_SITE "\",\"datasets\":[\"" OTHER
                  "\"],\"starts_at\":\"%s\",\"ends_at\":\"%s\",\"no_patients\":%s",
                  tk.model_hex, tk_time(&tk, 0, from), tk_time(&tk, days, to), patients);
}

static const char *sandbox_report(enum tk_actor who, const char *of, const char *outcome,
                                  const char *evidence)
{
    return tk_say(
        &tk, LEDGER_EVENT, who,
        "\"type\":\"sandbox_report\",\"sandbox\":\"%s\",\"model_digest\":\"%s\","
        "\"outcome\":\"%s\",\"report_sha256\":\"" OTHER
        "\",\"findings\":[\"latency_ok\"],\"evidence\":%s",
        of, tk.model_hex, outcome, evidence);
}

/* What is about one model, against a scan of everything. */
static void assert_of_model(void)
{
    struct ledger_places facts = {0}, sandboxes = {0};
    struct str model = ledger_model_name(tk.model);
    size_t n = 0, s = 0;
    assert_ok(ledger_facts_of(&facts, tk.l, tk.model));
    for (size_t i = 0; i < ledger_facts(tk.l); i++) {
        struct ledger_fact f;
        ledger_fact_at(tk.l, i, &f);
        if (f.model_digest && memcmp(f.model_digest, tk.model, 32) == 0)
            assert_int_equal(facts.v[n++], i);
    }
    assert_int_equal(facts.n, n);
    assert_ok(ledger_places(&sandboxes, tk.l, LEDGER_SANDBOXES_OF_MODEL, model));
    for (size_t i = 0; i < ledger_sandboxes(tk.l); i++)
        if (memcmp(ledger_sandbox_at(tk.l, i)->model_digest, tk.model, 32) == 0)
            assert_int_equal(sandboxes.v[s++], i);
    assert_int_equal(sandboxes.n, s);
    vec_release(&facts);
    vec_release(&sandboxes);
}

static void a_sandbox_has_an_end_a_report_and_no_patient(void **state)
{
    char of[CRYPTO_HEX];
    (void)state;
    to_declared();
    CODE(sandbox(TK_HAS1, 30, "false"), "guard.sandbox");
    CODE(sandbox(TK_HAS1, 0, "true"), "guard.sandbox");
    CODE(sandbox(TK_HAS1, 400, "true"), "guard.sandbox"); /* longer than twelve months */
    CODE(sandbox(TK_VENDOR, 30, "true"), "wrong_role");
    OK(sandbox(TK_HAS1, 30, "true"));
    crypto_hex(tk.record_sha256, 32, of);
    assert_int_equal(tk_v(&tk)->sandboxed, ledger_size(tk.l) - 1);
    CODE(sandbox_report(TK_BENCH, OTHER, "success", "[]"), "unknown_sandbox");
    CODE(sandbox_report(TK_BENCH, of, "splendid", "[]"), "bad_record");
    CODE(sandbox_report(TK_BENCH, of, "success", "[\"" OTHER "\"]"), "guard.evidence");
    CODE(sandbox_report(TK_HAS1, of, "success", "[]"), "wrong_role");
    OK(sandbox_report(TK_BENCH, of, "success", "[]"));
    assert_string_equal(ledger_sandbox_at(tk.l, 0)->outcome, "success");
    assert_of_model();
    CODE(sandbox_report(TK_BENCH, of, "failure", "[]"), "exists");
}

static const char *extension(enum tk_actor who, const char *of, int64_t days,
                             const char *reason)
{
    char until[TIME_TEXT];
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"sandbox_extension\",\"sandbox\":\"%s\",\"model_digest\":"
                  "\"%s\",\"ends_at\":\"%s\",\"reason\":\"%s\"",
                  of, tk.model_hex, tk_time(&tk, days, until), reason);
}

static void a_sandbox_that_runs_gets_a_later_end_with_a_reason(void **state)
{
    char of[CRYPTO_HEX];
    int64_t end;
    (void)state;
    to_declared();
    OK(sandbox(TK_HAS1, 30, "true"));
    crypto_hex(tk.record_sha256, 32, of);
    end = ledger_sandbox_at(tk.l, 0)->ends_at;
    CODE(extension(TK_VENDOR, of, 60, "r"), "wrong_role");
    CODE(extension(TK_BENCH, of, 60, "r"), "wrong_role");
    CODE(extension(TK_HAS1, OTHER, 60, "r"), "unknown_sandbox");
    CODE(extension(TK_HAS1, of, 60, ""), "bad_record");      /* why is compulsory */
    CODE(extension(TK_HAS1, of, 20, "r"), "guard.sandbox");  /* never earlier */
    CODE(extension(TK_HAS1, of, 560, "r"), "guard.sandbox"); /* beyond both terms */
    assert_int_equal(ledger_sandbox_at(tk.l, 0)->ends_at, end);
    OK(extension(TK_HAS1, of, 60, "r"));
    assert_int_equal(ledger_sandboxes(tk.l), 1); /* the same one */
    assert_true(ledger_sandbox_at(tk.l, 0)->ends_at > end);
    assert_int_equal(ledger_sandbox_at(tk.l, 0)->extended, ledger_size(tk.l) - 1);
    OK(extension(TK_HAS1, of, 400, "r"));
    tk.now += 401 * TIME_DAY;
    CODE(extension(TK_HAS1, of, 30, "r"), "guard.sandbox"); /* it has ended */
    OK(sandbox_report(TK_BENCH, of, "success", "[]"));
    CODE(extension(TK_HAS1, of, 30, "r"), "exists");
}

static void who_was_in_a_sandbox_meets_no_patient_whatever_its_label(void **state)
{
    struct buf b;
    char of[CRYPTO_HEX];
    (void)state;
    to_declared();
    OK(sandbox(TK_HAS1, 30, "true"));
    crypto_hex(tk.record_sha256, 32, of);
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    OK(tk_label(&tk));
    CODE(tk_propose(&tk), "guard.sandbox");
    assert_int_equal(ledger_ceiling(tk_v(&tk), STR(TK_REGION)), LEDGER_P_SUSPENDED);
    buf_init(&b, 1 << 10);
    tk_addf(&b, "[\"%s\"]", tk.evidence);
    OK(sandbox_report(TK_BENCH, of, "success", b.p));
    buf_release(&b);
    { /* the report is found from the versions of the product line */
        struct buf text;
        struct json_doc *doc;
        struct jw w;
        buf_init(&text, 1 << 20);
        jw_init(&w, &text);
        ledger_version_json(tk.l, tk_v(&tk), tk.now, &w);
        assert_ok(jw_done(&w));
        assert_ok(json_parse(&doc, buf_str(&text), NULL, NULL));
        assert_int_equal(json_size(json_get(json_root(doc), "sandbox_reports")), 1);
        json_free(doc);
        buf_release(&text);
    }
}

/* A version tried in a sandbox, its successor decided citing the report. */
static const char *cited(const char *outcome, const char *of_line)
{
    char of[CRYPTO_HEX], first[CRYPTO_HEX], report[CRYPTO_HEX], list[300];
    struct buf b;
    const char *code;
    to_declared();
    memcpy(first, tk.model_hex, sizeof first);
    OK(sandbox(TK_HAS1, 30, "true"));
    crypto_hex(tk.record_sha256, 32, of);
    OK(sandbox_report(TK_BENCH, of, outcome, "[]"));
    crypto_hex(tk.payload_sha256, 32, report);
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.1.0", 8);
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
              "%s,\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
              "\"%s\"}",
              b.p, first));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    snprintf(list, sizeof list, "[\"%s\",\"%s\"]", tk.evidence,
             of_line ? of_line : report);
    code = tk_decide(&tk, &(struct tk_decision){"granted", "base", "base", "granted",
                                                NULL, 365, tk_jury, 3, list});
    buf_release(&b);
    return code;
}

static void a_sandbox_that_succeeded_is_cited_as_evidence(void **state)
{
    (void)state;
    OK(cited("success", NULL));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_int_equal(tk_v(&tk)->sandboxed, 0); /* the successor meets patients */
    OK(tk_propose(&tk));
}

static void a_sandbox_that_did_not_succeed_or_is_not_one_is_no_evidence(void **state)
{
    (void)state;
    CODE(cited("failure", NULL), "guard.evidence");
    tk_close(&tk);
    CODE(cited("inconclusive", NULL), "guard.evidence");
    tk_close(&tk);
    CODE(cited("success", OTHER), "guard.evidence");
}

static void what_is_deployed_or_labelled_enters_no_sandbox(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    CODE(sandbox(TK_HAS1, 30, "true"), "illegal_transition");
    assert_int_equal(tk_v(&tk)->sandboxed, 0);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    assert_ptr_equal(
        ledger_deployment_at(
            tk.l, ledger_list_first(tk.l, LEDGER_DEPLOYMENTS_OF_USE, STR(TK_USE))),
        tk_p(&tk));
}

/* ---- tender_check, and all of it out of memory ----------------------------------- */
static const char *tender(enum tk_actor who, int size)
{
    return tk_say(&tk, LEDGER_EVENT, who,
                  "\"type\":\"tender_check\",\"query\":{},\"answer\":{},\"tree_size\":%d",
                  size);
}

static void an_answer_is_logged_by_the_registry_and_changes_nothing(void **state)
{
    (void)state;
    to_declared();
    OK(tender(TK_ROBOT, 3));
    CODE(tender(TK_NODE, 3), "wrong_role");
    CODE(tender(TK_HAS1, 3), "wrong_role");
    CODE(tender(TK_ROBOT, 0), "bad_record");
    CODE(tender(TK_ROBOT, 100000), "bad_record"); /* about a log that is not yet */
}

static size_t make_facts(void)
{
    char hex[CRYPTO_HEX];
    size_t base;
    to_declared();
    base = tk.leaf.n;
    OK(plain(ID, "serious", 1));
    OK(follow(TK_VENDOR, "answer", ",\"code\":\"contested\",\"terms\":[\"B01\"]"));
    OK(follow(TK_DOCTOR, "coding",
              ",\"terms\":[\"C01\",\"C02\",\"C03\",\"C04\",\"C05\"]"));
    OK(follow(TK_HAS1, "closure", ",\"code\":\"corrected\",\"terms\":[\"D01\"]"));
    OK(deposit(1));
    crypto_hex(tk.record_sha256, 32, hex);
    OK(deposit(2));
    crypto_hex(tk.record_sha256, 32, hex);
    OK(order_two(hex, "insolvency"));
    OK(sandbox(TK_HAS1, 30, "true"));
    crypto_hex(tk.record_sha256, 32, hex);
    OK(sandbox_report(TK_BENCH, hex, "success", "[]"));
    OK(tender(TK_ROBOT, 3));
    return base;
}

static void every_fact_has_all_of_its_effect_or_none(void **state)
{
    struct ledger *l;
    uint8_t was[32], is[32];
    long failures = 0;
    size_t base = make_facts();
    (void)state;
    assert_ok(ledger_new(&l, tk.blobs));
    for (size_t i = 0; i < tk.leaf.n; i++) {
        struct str s = {tk.leaf.v[i], tk.leaf_n.v[i]};
        if (i >= base)
            assert_ok(ledger_state_digest(l, was));
        for (long n = i < base ? 0 : 1;; n++) {
            int err;
            if (n)
                (void)am_oom_at(n);
            err = ledger_apply(l, s);
            if (!n || !am_oom_at(0)) {
                assert_ok(err);
                break;
            }
            assert_int_equal(err, AM_E_NOMEM);
            if (++failures % 4 == 0) {
                assert_ok(ledger_state_digest(l, is));
                assert_memory_equal(was, is, 32);
            }
        }
    }
    assert_true(failures > 100); /* each is a run of its own */
    assert_ok(ledger_state_digest(l, was));
    assert_ok(ledger_state_digest(tk.l, is));
    assert_memory_equal(was, is, 32);
    ledger_free(l);
}

#define T(test) cmocka_unit_test_teardown(test, close_tk)
int main(void)
{
    const struct CMUnitTest t[] = {
        T(a_case_goes_from_report_to_closure),
        T(the_history_of_a_version_does_not_name_its_cases),
        T(each_severity_has_its_statutory_term),
        T(a_policy_moves_the_terms_of_later_cases_only),
        T(a_graver_turn_has_its_own_term_and_never_a_milder_one),
        T(who_may_report_answer_and_close),
        T(a_case_has_no_room_for_free_text),
        T(lists_of_a_case_are_bounded),
        T(the_same_case_and_the_same_paper_count_once),
        T(counts_of_all_cases_follow_each_statement),
        T(serious_false_negatives_are_held_against_the_declared_rate),
        T(a_receipt_is_checked_against_the_version),
        T(a_deposit_names_the_five_items_by_safe_paths),
        T(a_release_is_ordered_by_two_and_executed_by_the_holder),
        T(a_release_needs_a_condition_that_was_agreed_and_holds),
        T(a_sandbox_has_an_end_a_report_and_no_patient),
        T(a_sandbox_that_runs_gets_a_later_end_with_a_reason),
        T(who_was_in_a_sandbox_meets_no_patient_whatever_its_label),
        T(a_sandbox_that_succeeded_is_cited_as_evidence),
        T(a_sandbox_that_did_not_succeed_or_is_not_one_is_no_evidence),
        T(what_is_deployed_or_labelled_enters_no_sandbox),
        T(an_answer_is_logged_by_the_registry_and_changes_nothing),
        T(every_fact_has_all_of_its_effect_or_none),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
