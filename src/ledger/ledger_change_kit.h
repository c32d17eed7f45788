/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of change plans (V20) share: a parent, its child, one step each. Only
 * tests include this file. */
#ifndef LEDGER_CHANGE_KIT_H
#define LEDGER_CHANGE_KIT_H

#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)
#define PERFORMANCE      "PF-1 PF-3 PF-4"
#define ALL_ROWS         PERFORMANCE " RB-5 CY-1"
#define PLAN                                                                             \
    ",\"change_plan\":{\"changes\":[{\"type\":\"recalibration\",\"tests\":[\"PF-1\"],"   \
    "\"families\":[\"performance\"],\"acceptance\":[{\"row\":\"PF-1\",\"measure\":"      \
    "\"auc\",\"op\":\"ge\",\"value\":0.85}]}]}"
#define CLAIM ",\"planned_change\":{\"type\":\"recalibration\"}"

static struct tk tk;
static struct { /* a version and its evidence in effect */
    uint8_t model[32];
    char hex[CRYPTO_HEX], record[CRYPTO_HEX], evidence[8][CRYPTO_HEX];
    size_t n;
} of[4];
static int now; /* the one spoken about */

static const enum tk_actor jury[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};

/* The policies made from then on ask two rows that no change of performance touches. */
static inline void ask_other_rows(void)
{
    tk_rows = ",{\"id\":\"RB-5\",\"family\":\"robustness\",\"level\":{\"base\":\"gate\","
              "\"intermediate\":\"gate\",\"advanced\":\"gate\"},\"limits\":[{\"param\":"
              "\"drop\",\"op\":\"le\",\"value\":0.9,\"levels\":[\"base\","
              "\"intermediate\",\"advanced\"],\"origin\":\"P\"}],\"origin\":\"P\"},"
              "{\"id\":\"CY-1\",\"family\":\"cybersecurity\",\"level\":{\"base\":"
              "\"not_required\",\"intermediate\":\"gate\",\"advanced\":\"gate\"},"
              "\"limits\":[{\"param\":\"tls\",\"op\":\"ge\",\"value\":0.5,\"levels\":["
              "\"intermediate\",\"advanced\"],\"origin\":\"P\"}],\"origin\":\"P\"}";
}

static inline int open_tk(void **state)
{
    (void)state;
    ask_other_rows();
    tk_open_with(&tk,
                 "[\"guard.model_signature\",\"guard.fhir_twin\","
                 "\"guard.admissibility_report\",\"guard.closed_pilot\",\"guard.sites\","
                 "\"guard.reproduced\",\"guard.withdrawal_plan\","
                 "\"guard.live_monitoring\"]",
                 "{}");
    memset(of, 0, sizeof of);
    now = 0;
    OK(tk_algorithm(&tk));
    return 0;
}

static inline int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    tk_rows = "";
    return 0;
}

/* ---- one step each --------------------------------------------------------------- */
static inline void about(int i)
{
    now = i;
    memcpy(tk.model, of[i].model, 32);
    memcpy(tk.model_hex, of[i].hex, CRYPTO_HEX);
}

static inline const char *declare(int i, const char *label, int previous,
                                  const char *more)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, label, (uint8_t)(20 + i));
    if (previous >= 0)
        tk_addf(&b,
                ",\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
                "\"%s\"}",
                of[previous].hex);
    code = tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s%s", b.p, more);
    memcpy(of[i].model, tk.model, 32);
    memcpy(of[i].hex, tk.model_hex, CRYPTO_HEX);
    crypto_hex(tk.record_sha256, 32, of[i].record);
    now = i;
    buf_release(&b);
    return code;
}

/* A fuller record of the version spoken about; at: V4 or V21. */
static inline const char *supersede(const char *label, int previous, const char *more)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, label, (uint8_t)(20 + now));
    if (previous >= 0)
        tk_addf(&b,
                ",\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
                "\"%s\"}",
                of[previous].hex);
    code =
        tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
               "%s%s,\"supersedes\":\"%s\",\"reason\":\"r\"", b.p, more, of[now].record);
    crypto_hex(tk.record_sha256, 32, of[now].record);
    buf_release(&b);
    return code;
}

/* A bench run over those rows: every measure of them has that estimate. */
static inline const char *bench(const char *rows, double x)
{
    static const char *const name[][2] = {{"PF-1", "auc"},
                                          {"PF-3", "sensitivity"},
                                          {"PF-4", "ppv"},
                                          {"RB-5", "drop"},
                                          {"CY-1", "tls"}};
    struct buf list, measures;
    const char *code;
    buf_init(&list, 4096);
    buf_init(&measures, 8192);
    for (size_t i = 0; i < AM_LEN(name); i++) {
        const char *sep = list.n ? "," : "";
        if (!strstr(rows, name[i][0]))
            continue;
        tk_addf(&list, "%s\"%s\"", sep, name[i][0]);
        tk_addf(&measures,
                "%s{\"row\":\"%s\",\"name\":\"%s\",\"group\":\"\",\"threshold\":null,"
                "\"estimate\":%.3f,\"ci95_low\":%.3f,\"ci95_high\":%.3f,\"ci_method\":"
                "\"delong\",\"n\":400,\"positives\":180,\"seed\":\"1\"}",
                sep, name[i][0], name[i][1], x, x - 0.01, x + 0.01);
    }
    code = tk_say(&tk, LEDGER_EVIDENCE, TK_BENCH,
                  "\"family\":\"performance\",\"rows\":[%s],\"model_digest\":\"%s\","
                  "\"dataset\":{\"na\":\"r\"},\"measures\":[%s]",
                  list.p, of[now].hex, measures.p);
    if (!strcmp(code, "ok"))
        crypto_hex(tk.payload_sha256, 32, of[now].evidence[of[now].n++]);
    buf_release(&measures);
    buf_release(&list);
    return code;
}

/* A decision on the version spoken about that cites its evidence, and of `parent` too. */
static inline const char *decide(const char *outcome, const char *requested,
                                 const char *level, const char *computed, int parent)
{
    struct buf b;
    const char *code;
    struct tk_decision d = {outcome, requested, level, computed, ",\"reason\":\"r\"",
                            300,     jury,      4,     NULL};
    buf_init(&b, 8192);
    tk_addf(&b, "[");
    for (int i = 0; i < 4; i++)
        for (size_t k = 0; (i == now || i == parent) && k < of[i].n; k++)
            tk_addf(&b, "%s\"%s\"", b.n > 1 ? "," : "", of[i].evidence[k]);
    tk_addf(&b, "]");
    d.evidence = b.p;
    if (strcmp(outcome, "granted"))
        d.days = 200; /* within the term it has */
    if (!strcmp(level, "base") || !strcmp(level, "none") || strcmp(outcome, "granted"))
        d.n = 3; /* no place for the standards body */
    code = tk_decide(&tk, &d);
    buf_release(&b);
    return code;
}

static inline const char *grant(const char *requested, const char *level, int parent)
{
    return decide("granted", requested, level, "granted", parent);
}

/* Cites the newest evidence of the version; the version's own name where there is none.
 */
static inline const char *survey(const char *verdict)
{
    size_t n = of[now].n;
    return tk_say(&tk, LEDGER_EVENT, TK_BENCH,
                  "\"type\":\"surveillance\",\"model_digest\":\"%s\",\"verdict\":\"%s\","
                  "\"evidence\":[\"%s\"]",
                  of[now].hex, verdict, n ? of[now].evidence[n - 1] : of[now].hex);
}

static inline void to_evaluation(const char *level)
{
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, level));
}

/* The first version, on a full bench, with its plan, at that level. */
static inline void parent(const char *level, const char *more)
{
    OK(declare(0, "1.0.0", -1, more));
    to_evaluation(level);
    OK(bench(ALL_ROWS, 0.88));
    OK(grant(level, level, -1));
}

static inline void child(const char *asked)
{
    OK(declare(1, "1.1.0", 0, CLAIM));
    to_evaluation(asked);
    OK(bench(PERFORMANCE, 0.9));
}

#endif
