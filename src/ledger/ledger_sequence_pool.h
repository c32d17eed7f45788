/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of ledger_sequence_test: stories of a country, told in order; what is marked
 * on the way are states to start from. Only that test includes this file. */
#ifndef LEDGER_SEQUENCE_POOL_H
#define LEDGER_SEQUENCE_POOL_H

#include "ledger/ledger_change_kit.h"
#include "ledger/ledger_fork.h"

#define HOME "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE "\","
#define HERE HOME "\"use_code\":\"" TK_USE "\","

enum { STATES = 32, DEPTH = 12 };

static size_t base; /* leaves of genesis and grants */
static VEC(struct ledger_ready) pool;
static VEC(char *) text; /* payloads of the pool */
static struct ledger *from[STATES];
static size_t states;
static uint64_t rng;

static uint64_t draw(uint64_t n)
{
    return tk_draw(&rng, n);
}

/* ---- the pool -------------------------------------------------------------------- */
static struct str leaf(size_t i)
{
    return tk_leaf_at(&tk, i);
}

static size_t story, begin[STATES], end[STATES];

/* The state reached by the story so far becomes one to start from. */
static void mark(void)
{
    assert_true(states < STATES);
    begin[states] = story;
    end[states++] = tk.leaf.n;
}

/* Each state to start from is a fold of its own. */
static void make_states(void)
{
    for (size_t s = 0; s < states; s++) {
        assert_ok(ledger_new(&from[s], tk.blobs));
        for (size_t i = 0; i < base; i++)
            assert_ok(ledger_apply(from[s], leaf(i)));
        for (size_t i = begin[s]; i < end[s]; i++)
            assert_ok(ledger_apply_ready(from[s], &pool.v[i - base]));
    }
}

/* A new story in the same country. */
static void again(void)
{
    story = tk.leaf.n;
    ledger_free(tk.l);
    assert_ok(ledger_new(&tk.l, tk.blobs));
    for (size_t i = 0; i < base; i++)
        assert_ok(ledger_apply(tk.l, leaf(i)));
}

static void event(enum tk_actor who, enum tk_actor second, const char *fmt, ...)
    AM_PRINTF(3, 4);
static void event(enum tk_actor who, enum tk_actor second, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)tk_say_as(&tk, LEDGER_EVENT, who, who, fmt, ap);
    va_end(ap);
    if (second != who)
        (void)tk_co(&tk, second);
}

static void stop_and_lift(enum tk_actor by, const char *scope, const char *target,
                          enum tk_actor a, enum tk_actor b)
{
    uint8_t order[32];
    (void)tk_stop(&tk, by, scope, target);
    memcpy(order, tk.record_sha256, 32);
    (void)tk_lift(&tk, a, order);
    (void)tk_co(&tk, b);
}

static void rule(const char *outcome, const char *requested, const char *level,
                 const char *computed, const enum tk_actor *by, size_t n)
{
    struct tk_decision d = {outcome, requested, level, computed, ",\"reason\":\"r\"",
                            200,     by,        n,     NULL};
    (void)tk_decide(&tk, &d);
}

static void drift(enum tk_actor who, int64_t from_day, int severity)
{
    char a[TIME_TEXT], b[TIME_TEXT];
    event(
        who, who,
        "\"type\":\"drift\",\"model_digest\":\"%s\"," HERE
        "\"test\":\"cusum\",\"variable\":\"age\",\"from\":\"%s\",\"to\":\"%s\",\"n\":400,"
        "\"statistic\":9,\"calibrated_threshold\":8,\"false_alarm_probability\":0.001,"
        "\"severity\":%d,\"action\":\"stop\"",
        tk.model_hex, tk_time(&tk, from_day, a), tk_time(&tk, from_day + 2, b), severity);
}

/* A run over every row, on the version last declared. */
static const char *measured(double auc)
{
    const char *code;
    memset(&of[0], 0, sizeof of[0]);
    memcpy(of[0].model, tk.model, 32);
    memcpy(of[0].hex, tk.model_hex, CRYPTO_HEX);
    now = 0;
    code = bench(ALL_ROWS, auc);
    crypto_hex(tk.payload_sha256, 32, tk.evidence);
    return code;
}

static const enum tk_actor up[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR},
                           four[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_CNDP},
                           p4[] = {TK_DIRECTOR, TK_DIM, TK_GST}, dim[] = {TK_DIM},
                           director[] = {TK_DIRECTOR}, msps[] = {TK_MSPS1, TK_MSPS2},
                           cndp[] = {TK_CNDP}, vendor[] = {TK_VENDOR}, has[] = {TK_HAS1},
                           back[] = {TK_DSI, TK_DIM};

static void story_of_use(void)
{
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    assert_string_equal(tk_algorithm(&tk), "ok");
    mark();
    assert_string_equal(tk_version(&tk), "ok");
    mark();
    assert_string_equal(tk_admissible(&tk), "ok");
    assert_string_equal(tk_assign(&tk, "base"), "ok");
    mark();
    assert_string_equal(measured(0.88), "ok");
    mark();
    assert_string_equal(tk_label(&tk), "ok");
    mark();
    assert_string_equal(tk_propose(&tk), "ok");
    assert_string_equal(tk_prepare(&tk), "ok");
    mark();
    assert_string_equal(tk_pilot(&tk), "ok");
    mark();
    stop_and_lift(TK_DIRECTOR, "establishment", HOME, TK_DIRECTOR, TK_DIM);
    stop_and_lift(TK_NODE, "establishment", HOME, TK_DIRECTOR, TK_DIM);
    stop_and_lift(TK_DOCTOR, "service", HOME "\"service\":\"CARDIO\",", TK_LEAD, TK_DIM);
    stop_and_lift(TK_GST, "region", "\"gst\":\"" TK_REGION "\",", TK_GST, TK_HAS1);
    event(TK_DIRECTOR, TK_DIM,
          "\"type\":\"pilot_report\",\"model_digest\":\"%s\"," HERE
          "\"outcome\":\"success\",\"closed_at\":\"%s\",\"patients\":9,\"report_sha256\":"
          "\"" TK_SEALED "\"",
          tk.model_hex, tk_time(&tk, 0, at));
    rule("granted", "intermediate", "intermediate", "granted", up, 4);
    mark();
    event(TK_CERTIFIER, TK_CERTIFIER,
          "\"type\":\"establishment_certificate\",\"establishment\":\"" TK_SITE
          "\",\"gst\":\"" TK_REGION "\",\"status\":\"under_way\",\"reference\":\"C\"");
    crypto_hex(tk.record_sha256, 32, hex);
    (void)tk_deploy(&tk, "P4", "deployed", NULL, p4, 3);
    mark();
    event(TK_CERTIFIER, TK_CERTIFIER,
          "\"type\":\"correction\",\"corrects\":\"%s\",\"reason\":\"r\"", hex);
    event(TK_CERTIFIER, TK_CERTIFIER,
          "\"type\":\"establishment_certificate\",\"establishment\":\"" TK_SITE
          "\",\"gst\":\"" TK_REGION "\",\"status\":\"withdrawn\",\"reference\":\"C2\"");
    drift(TK_NODE, -9, 3);
    drift(TK_NODE, -7, 3);
    drift(TK_NODE2, -7, 3);
    rule("reduced", "base", "base", "granted", tk_jury, 3);
    rule("maintained", "intermediate", "intermediate", "granted", tk_jury, 3);
    (void)tk_deploy(&tk, "P9", "pilot", NULL, dim, 1);
    (void)tk_stop(&tk, TK_CNDP, "national", "");
    mark();
    rule("reinstated", "base", "base", "granted", tk_jury, 3);
    rule("reinstated", "base", "base", "granted", four, 4);
    (void)tk_stop(&tk, TK_ROBOT, "national", "");
    rule("suspended", "base", "none", "granted", cndp, 1);
    (void)tk_deploy(&tk, "P8", "stopped", NULL, msps, 2);
    mark();
    (void)tk_deploy(&tk, "P10", "retired", NULL, director, 1);
    rule("withdrawn", "base", "none", "granted", msps, 2);
    mark();
    rule("withdrawn", "base", "none", "granted", vendor, 1);
}

static void story_of_refusal(void)
{
    static const enum tk_actor others[] = {TK_HAS4, TK_HAS5, TK_STRANGER};
    char first[CRYPTO_HEX], cited[400];
    struct tk_decision d = {"granted", "base", "base", "granted", NULL,
                            365,       others, 3,      cited};
    again();
    (void)tk_algorithm(&tk);
    (void)tk_version(&tk);
    (void)tk_admissible(&tk);
    (void)tk_assign(&tk, "base");
    (void)measured(0.7);
    snprintf(first, sizeof first, "%s", tk.evidence);
    rule("refused", "base", "none", "refused", tk_jury, 3);
    mark();
    event(TK_VENDOR, TK_VENDOR,
          "\"type\":\"appeal\",\"model_digest\":\"%s\",\"ground\":\"g\"", tk.model_hex);
    mark();
    (void)tk_assign(&tk, "base");
    (void)tk_co(&tk, TK_HAS4);
    (void)tk_co(&tk, TK_HAS5);
    (void)measured(0.88);
    mark();
    snprintf(cited, sizeof cited, "[\"%s\",\"%s\"]", first, tk.evidence);
    (void)tk_grant(&tk, TK_STRANGER);
    (void)tk_decide(&tk, &d);
    d.by = tk_jury; /* those who refused */
    (void)tk_decide(&tk, &d);
    (void)tk_assign(&tk, "base");
    (void)tk_co(&tk, TK_HAS1);
}

static void story_of_deferral(void)
{
    again();
    (void)tk_algorithm(&tk);
    (void)tk_version(&tk);
    (void)tk_admissible(&tk);
    (void)tk_assign(&tk, "base");
    (void)measured(0.88);
    rule("deferred", "base", "none", "granted", tk_jury, 3);
    mark();
    (void)tk_assign(&tk, "base");
    (void)measured(0.89);
    (void)tk_label(&tk);
}

/* A decision signed by all but one is a state to start from: the last signature alone
 * gives it its effect. Its code. */
static const char *last_word(const char *outcome, const char *requested,
                             const char *level, int of_parent, size_t signers)
{
    tk_unsigned = true;
    (void)decide(outcome, requested, level, "granted", of_parent);
    tk_unsigned = false;
    for (size_t i = 0; i + 1 < signers; i++)
        CODE(tk_co(&tk, jury[i]), "waiting_signers");
    mark();
    return tk_co(&tk, jury[signers - 1]);
}

/* V20: a change inside an approved plan, what its label rests on, and what would launder
 * the rest of the parent's evidence if it were let through. */
static void story_of_change(void)
{
    again();
    memset(of, 0, sizeof of);
    OK(tk_algorithm(&tk));
    parent("advanced", PLAN);
    mark();
    child("advanced");
    CODE(last_word("granted", "advanced", "advanced", 0, 4), "guard.change_cap");
    OK(last_word("granted", "advanced", "intermediate", 0, 4));
    mark();
    CODE(last_word("granted", "advanced", "advanced", 0, 4), "guard.change_cap");
    CODE(declare(2, "1.2.0", 1, CLAIM), "guard.change_parent"); /* of a change */
    about(1);
    OK(bench("PF-1", 0.91));
    OK(survey("pass"));
    OK(last_word("granted", "advanced", "advanced", 0, 4));
    mark();
    about(0);
    OK(decide("reduced", "advanced", "intermediate", "granted", -1));
    about(1);
    mark();
    (void)decide("maintained", "advanced", "advanced", "granted", 0);
    (void)decide("reduced", "advanced", "base", "granted", 0);
}

/* ADR 19, V21: a record too thin for a label, filled later, and made thinner again. */
static void story_of_thin_records(void)
{
    char thin[CRYPTO_HEX];
    again();
    memset(of, 0, sizeof of);
    OK(tk_algorithm(&tk));
    tk_without = "sbom";
    OK(declare(3, "1.0.0", -1, ""));
    to_evaluation("intermediate");
    OK(bench(ALL_ROWS, 0.88));
    CODE(last_word("granted", "intermediate", "intermediate", -1, 4), "guard.record_due");
    OK(last_word("granted", "intermediate", "base", -1, 3));
    mark();
    memcpy(thin, of[3].record, sizeof thin);
    tk_without = "cybersecurity";
    CODE(supersede("1.0.0", -1, ""), "guard.record_due"); /* asked from base */
    tk_without = "";
    memcpy(of[3].record, thin, sizeof thin);
    OK(supersede("1.0.0", -1, ""));
    OK(last_word("granted", "intermediate", "intermediate", -1, 4));
    mark();
    tk_without = "sbom";
    CODE(supersede("1.0.0", -1, ""), "guard.record_due");
    tk_without = "";
}

/* By the wrong hand, about the wrong thing, or against people. */
static void noise(void)
{
    char at[TIME_TEXT];
    event(TK_HAS1, TK_HAS1,
          "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":\"g\",\"with_org\":"
          "\"ACME01\"",
          tk.id[TK_HAS1]);
    event(TK_VENDOR, TK_VENDOR,
          "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":\"g\",\"with_org\":"
          "\"ACME01\"",
          tk.id[TK_HAS2]);
    event(TK_BENCH2, TK_BENCH2,
          "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":\"g\",\"with_org\":"
          "\"ACME01\"",
          tk.id[TK_BENCH2]);
    event(TK_DESK, TK_DESK, "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
          tk.id[TK_HAS2]);
    event(TK_MSPS1, TK_MSPS1,
          "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"", tk.id[TK_DIM]);
    event(TK_VENDOR, TK_VENDOR,
          "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"", tk.id[TK_HAS3]);
    (void)tk_stop(&tk, TK_VENDOR, "national", "");
    (void)tk_stop(&tk, TK_NODE2, "establishment", HOME);
    (void)tk_stop(&tk, TK_MSPS1, "national", "");
    event(TK_ROBOT, TK_ROBOT, "\"type\":\"expiry\",\"model_digest\":\"%s\",\"at\":\"%s\"",
          tk.model_hex, tk_time(&tk, 0, at));
    event(TK_ROBOT, TK_ROBOT,
          "\"type\":\"archive\",\"model_digest\":\"%s\",\"at\":\"%s\"", tk.model_hex,
          tk_time(&tk, 0, at));
    event(TK_VISITOR2, TK_VISITOR2,
          "\"type\":\"visit\",\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
          "\",\"visited_at\":\"%s\",\"outcome\":\"x\",\"report_sha256\":\"" TK_SEALED
          "\",\"no_conflict\":true",
          tk_time(&tk, 0, at));
    rule("suspended", "base", "none", "granted", has, 1);
    rule("granted", "base", "base", "granted", has, 1);
    (void)tk_deploy(&tk, "P11", "pilot", NULL, back, 2);
    (void)tk_label(&tk);
    (void)tk_co(&tk, TK_STRANGER);
    tk.now += 400 * TIME_DAY; /* last: what comes after it is late for the others */
    event(TK_ROBOT, TK_ROBOT, "\"type\":\"expiry\",\"model_digest\":\"%s\",\"at\":\"%s\"",
          tk.model_hex, tk_time(&tk, 0, at));
    tk.now -= 400 * TIME_DAY;
}

static void prepare_pool(void)
{
    for (size_t i = base; i < tk.leaf.n; i++) {
        struct ledger_leaf_view v;
        struct ledger_ready r;
        struct buf b;
        char *copy;
        assert_ok(ledger_leaf_parse(leaf(i), &v));
        buf_init(&b, 1 << 20);
        assert_ok(blob_get(tk.blobs, v.payload_sha256, &b));
        copy = str_dup(buf_str(&b));
        assert_non_null(copy);
        assert_ok(vec_push(&text, copy));
        assert_ok(ledger_prepare(NULL, &v, (struct str){copy, b.n}, STR(TK_BASE), &r));
        assert_ok(vec_push(&pool, r));
        buf_release(&b);
        ledger_leaf_release(&v);
    }
}

#endif
