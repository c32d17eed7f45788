/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of ledger_walk_test: for each transition of ledger_tbl.h how one gets to
 * where it starts, and the statement that takes it. Only that test includes this file. */
#ifndef LEDGER_WALK_KIT_H
#define LEDGER_WALK_KIT_H

#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call) assert_string_equal((call), "ok")

static struct tk tk;
static uint8_t order[32]; /* of the last stop */
static char assigned[CRYPTO_HEX], elder[CRYPTO_HEX];

/* ---- countries, and what happens in them ----------------------------------------- */
static void open_country(void)
{
    tk_open_with(&tk, TK_WAIVED_PAPERS, "{}");
    OK(tk_algorithm(&tk));
}

static inline void stop_nation(void)
{
    OK(tk_stop(&tk, TK_HAS4, "national", ""));
    memcpy(order, tk.record_sha256, 32);
}

static inline const char *say_stop_by(enum tk_actor who)
{
    const char *code =
        tk_stop(&tk, who, "establishment",
                "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION "\",");
    memcpy(order, tk.record_sha256, 32);
    return code;
}

static inline void stop_house(void)
{
    OK(say_stop_by(TK_DIRECTOR));
}

static inline void a_year_earlier(void)
{
    tk.now -= 366 * TIME_DAY;
}

static inline void recuse(enum tk_actor who)
{
    OK(tk_say(&tk, LEDGER_EVENT, who,
              "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":\"interest\","
              "\"with_org\":\"ACME01\"",
              tk.id[who]));
}
static inline void recuse_rapporteur(void)
{
    recuse(TK_RAPPORTEUR);
}
static inline void recuse_bench(void)
{
    recuse(TK_BENCH);
}
static inline void recuse_first(void)
{
    recuse(TK_HAS1);
}
static inline void recuse_third(void) /* the last of the jury */
{
    recuse(TK_HAS3);
}
static inline void recuse_imanor(void)
{
    recuse(TK_IMANOR);
}
static inline void stop_elder(void)
{
    char now[CRYPTO_HEX];
    memcpy(now, tk.model_hex, sizeof now);
    memcpy(tk.model_hex, elder, sizeof now);
    stop_nation();
    memcpy(tk.model_hex, now, sizeof now);
}

/* ---- what is said ---------------------------------------------------------------- */
static const char *say_version(const char *label, uint8_t seed, const char *more)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, label, seed);
    code = tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s%s", b.p, more);
    buf_release(&b);
    return code;
}

static const char *say_declare(void)
{
    const char *code = say_version("1.0.0", 7, "");
    crypto_hex(tk.record_sha256, 32, tk.version_record);
    return code;
}

static const char *say_next(void)
{
    char more[200];
    snprintf(
        more, sizeof more,
        ",\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":\"%s\"}",
        elder);
    return say_version("1.1.0", 8, more);
}

static const char *say_fuller(void)
{
    char more[160];
    snprintf(more, sizeof more, ",\"supersedes\":\"%s\",\"reason\":\"r\"",
             tk.version_record);
    return say_version("1.0.0", 7, more);
}

static const char *say_admissible(void)
{
    return tk_admissible(&tk);
}

static const char *say_inadmissible(void)
{
    return tk_say(&tk, LEDGER_EVENT, TK_DESK,
                  "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                  "\"inadmissible\",\"pointers\":[\"/risks\"]",
                  tk.model_hex);
}

static const char *say_assign(void)
{
    const char *code = tk_assign(&tk, "base");
    crypto_hex(tk.record_sha256, 32, assigned);
    return code;
}

static const char *say_assign_by_three(void)
{
    const char *code = tk_assign(&tk, "base");
    for (int i = 0; i < 2 && strcmp(code, "waiting_signers") == 0; i++)
        code = tk_co(&tk, i ? TK_HAS5 : TK_HAS4);
    return code;
}

static const char *say_replace(void)
{
    return tk_say(&tk, LEDGER_EVENT, TK_HAS5,
                  "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
                  "\"bench_operator\":\"%s\",\"requested_level\":\"base\","
                  "\"sealed_data\":[\"" TK_SEALED "\"],\"no_conflict\":true,"
                  "\"replaces\":\"%s\"",
                  tk.model_hex, tk.id[TK_RAPPORTEUR], tk.id[TK_BENCH2], assigned);
}

static const char *say_evidence(void)
{
    return tk_evidence(&tk, 0.88);
}

/* Cites all evidence in effect. */
static const char *decide(const char *outcome, const char *asked, const char *level,
                          int64_t days, const enum tk_actor *by, size_t n)
{
    struct tk_decision d = {outcome, asked, level, "granted", ",\"reason\":\"r\"",
                            days,    by,    n,     NULL};
    const struct ledger_version *v = tk_v(&tk);
    struct buf b;
    const char *code;
    buf_init(&b, 8192);
    for (size_t i = 0; i < v->evidence.n; i++) {
        char hex[CRYPTO_HEX];
        tk_addf(&b, "%s\"%s\"", i ? "," : "[",
                crypto_hex(v->evidence.v[i].payload, 32, hex));
    }
    tk_addf(&b, "]");
    d.evidence = b.p;
    code = tk_decide(&tk, &d);
    buf_release(&b);
    return code;
}

static const char *say_label(void)
{
    return decide("granted", "base", "base", 365, tk_jury, 3);
}
static const char *say_defer(void)
{
    return decide("deferred", "base", "none", 300, tk_jury, 3);
}
static const char *say_refuse(void)
{
    return decide("refused", "base", "none", 300, tk_jury, 3);
}
static const char *say_raise(void)
{
    static const enum tk_actor by[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};
    return decide("granted", "intermediate", "intermediate", 365, by, 4);
}
static const char *say_reduce(void)
{
    return decide("reduced", "intermediate", "base", 200, tk_jury, 3);
}
static inline void reduce(void)
{
    OK(say_reduce());
}
static const char *say_maintain(void)
{
    return decide("maintained", "base", "base", 200, tk_jury, 3);
}
static const char *say_suspend(void)
{
    return decide("suspended", "base", "none", 200, tk_jury, 1);
}
static const char *say_reinstate(void)
{
    return decide("reinstated", "base", "base", 200, tk_jury, 3);
}
static const char *say_withdraw(void)
{
    return decide("withdrawn", "base", "none", 200, tk_jury, 3);
}

static const char *say_at(const char *type)
{
    char at[TIME_TEXT];
    return tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
                  "\"type\":\"%s\",\"model_digest\":\"%s\",\"at\":\"%s\"", type,
                  tk.model_hex, tk_time(&tk, 0, at));
}
static const char *say_expire(void)
{
    return say_at("expiry");
}
static const char *say_archive(void)
{
    return say_at("archive");
}

static const char *say_propose(void)
{
    return tk_propose(&tk);
}
static const char *say_prepare(void)
{
    return tk_prepare(&tk);
}
static const char *say_pilot(void)
{
    return tk_pilot(&tk);
}
static const char *say_deploy(void)
{
    static const enum tk_actor by[] = {TK_DIRECTOR, TK_DIM, TK_GST};
    return tk_deploy(&tk, "P4", "deployed", NULL, by, 3);
}
static const char *say_stop(void)
{
    return say_stop_by(TK_DIRECTOR);
}
static const char *say_robot_stop(void)
{
    return say_stop_by(TK_NODE);
}
static const char *say_lift(void)
{
    const char *code = tk_lift(&tk, TK_DIRECTOR, order);
    return strcmp(code, "waiting_signers") == 0 ? tk_co(&tk, TK_DIM) : code;
}
static const char *say_end(void)
{
    static const enum tk_actor by[] = {TK_MSPS1, TK_MSPS2};
    return tk_deploy(&tk, "P8", "stopped", NULL, by, 2);
}
static const char *say_step_back(void)
{
    static const enum tk_actor by[] = {TK_DIM};
    return tk_deploy(&tk, "P9", "pilot", NULL, by, 1);
}
static const char *say_retire(void)
{
    static const enum tk_actor by[] = {TK_DIRECTOR};
    return tk_deploy(&tk, "P10", "retired", NULL, by, 1);
}
/* The elder runs again in the place of the version that runs. */
static const char *say_roll_back(void)
{
    static const enum tk_actor by[] = {TK_DSI, TK_DIM};
    char id[CRYPTO_HEX], more[200];
    assert_ok(ledger_deployment_id(tk.model, STR(TK_SITE), STR(TK_USE), id));
    snprintf(more, sizeof more, ",\"rollback\":{\"replaces\":\"%s\",\"loaded\":true}",
             id);
    memcpy(id, tk.model_hex, sizeof id);
    memcpy(tk.model_hex, elder, sizeof id);
    const char *code = tk_deploy(&tk, "P11", "pilot", more, by, 2);
    memcpy(tk.model_hex, id, sizeof id);
    return code;
}

/* ---- where each starts ----------------------------------------------------------- */
static void at_declared(void)
{
    open_country();
    OK(say_declare());
    memcpy(elder, tk.model_hex, sizeof elder);
}
static void at_inadmissible(void)
{
    at_declared();
    OK(say_inadmissible());
}
static void at_admissible(void)
{
    at_declared();
    OK(say_admissible());
}
static void at_assigned(void)
{
    at_admissible();
    OK(say_assign());
}
static void at_bench_lost(void)
{
    at_assigned();
    OK(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
              "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"lost\"",
              tk.id[TK_BENCH]));
}
static void at_evaluated(void)
{
    at_assigned();
    OK(say_evidence());
}
static void at_deferred(void)
{
    at_evaluated();
    OK(say_defer());
}
static void at_appealed(void)
{
    at_evaluated();
    OK(say_refuse());
    OK(tk_say(&tk, LEDGER_EVENT, TK_VENDOR,
              "\"type\":\"appeal\",\"model_digest\":\"%s\",\"ground\":\"g\"",
              tk.model_hex));
}
static void at_labelled(void)
{
    at_evaluated();
    OK(say_label());
}
static void at_intermediate(void)
{
    at_labelled();
    OK(say_raise());
}
static void at_surveyed(void)
{
    at_labelled();
    OK(say_evidence());
}
static void at_suspended(void)
{
    at_labelled();
    stop_nation();
}
static void at_term(void)
{
    at_labelled();
    tk.now += 400 * TIME_DAY;
}
static void at_expired(void)
{
    at_term();
    OK(say_expire());
}
static void at_withdrawn(void)
{
    at_labelled();
    OK(say_withdraw());
    tk.now += 3660 * TIME_DAY;
}
static void at_proposed(void)
{
    at_labelled();
    OK(say_propose());
}
static void at_prepared(void)
{
    at_proposed();
    OK(say_prepare());
}
static void at_pilot(void)
{
    at_prepared();
    OK(say_pilot());
}
static void at_pilot_of_more(void)
{
    at_pilot();
    OK(say_raise());
}
static void at_deployed(void)
{
    at_pilot_of_more();
    OK(say_deploy());
}
static void at_stopped(void)
{
    at_pilot();
    stop_house();
}
/* Two versions are labelled, the second runs. */
static void at_two(void)
{
    at_labelled();
    OK(say_next());
    OK(say_admissible());
    OK(say_assign());
    OK(say_evidence());
    OK(say_label());
    OK(say_propose());
    OK(say_prepare());
    OK(say_pilot());
}

/* id and row of ledger_tbl.h; state: of the version afterwards, "" where it stays. */
static const struct step {
    const char *id, *row, *state;
    void (*reach)(void);
    const char *(*say)(void);
} step[] = {
    {"V2", "V2", "declared", open_country, say_declare},
    {"V3", "V3", "admissible", at_declared, say_admissible},
    {"V3I", "V3", "inadmissible", at_declared, say_inadmissible},
    {"V4", "V4", "declared", at_inadmissible, say_fuller},
    {"V5", "V5", "under_evaluation", at_admissible, say_assign},
    {"V5R", "V5", "under_evaluation", at_bench_lost, say_replace},
    {"V6", "V6", "evaluated", at_assigned, say_evidence},
    {"V7", "V7", "labelled", at_evaluated, say_label},
    {"V8D", "V8", "deferred", at_evaluated, say_defer},
    {"V8R", "V8", "refused", at_evaluated, say_refuse},
    {"V9", "V9", "under_evaluation", at_deferred, say_assign},
    {"V10", "V10", "under_evaluation", at_appealed, say_assign_by_three},
    {"V11", "V11", "labelled", at_labelled, say_raise},
    {"V12", "V12", "labelled", at_intermediate, say_reduce},
    {"V13", "V13", "labelled", at_surveyed, say_maintain},
    {"V14", "V14", "suspended", at_labelled, say_suspend},
    {"V15", "V15", "labelled", at_suspended, say_reinstate},
    {"V16", "V16", "expired", at_term, say_expire},
    {"V17", "V17", "under_evaluation", at_expired, say_assign},
    {"V18", "V18", "withdrawn", at_labelled, say_withdraw},
    {"V19", "V19", "archived", at_withdrawn, say_archive},
    {"V20", "V20", "declared", at_labelled, say_next},
    {"V21", "V21", "labelled", at_labelled, say_fuller},
    {"P1", "P1", "", at_labelled, say_propose},
    {"P2", "P2", "", at_proposed, say_prepare},
    {"P3", "P3", "", at_prepared, say_pilot},
    {"P4", "P4", "", at_pilot_of_more, say_deploy},
    {"P5", "P5", "", at_pilot, say_stop},
    {"P6", "P6", "", at_pilot, say_robot_stop},
    {"P7", "P7", "", at_stopped, say_lift},
    {"P8", "P8", "", at_pilot, say_end},
    {"P9", "P9", "", at_deployed, say_step_back},
    {"P10", "P10", "", at_pilot, say_retire},
    {"P11", "P11", "", at_two, say_roll_back},
};

#endif
