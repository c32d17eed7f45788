/* SPDX-License-Identifier: Apache-2.0 */
/* Random logs: whatever the order, the invariants of lifecycle.md section 13 hold.
 *
 * A pool of signed leaves is made once (a whole life, every stop and lift, ends, noise by
 * wrong hands); each run folds a random sequence of them. The seed is printed; set
 * AMANE_SEED to repeat a run, AMANE_STEPS for more leaves (default 20,000). */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define HOME "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE "\","

static struct tk tk;
static size_t base; /* leaves of genesis and grants */
static uint64_t rng;

static uint64_t draw(uint64_t n)
{
    return tk_draw(&rng, n);
}

static struct str leaf(size_t i)
{
    return tk_leaf_at(&tk, i);
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

static void decide(const char *outcome, const char *level, const enum tk_actor *by,
                   size_t n)
{
    struct tk_decision d = {outcome, "base", level, "granted", ",\"reason\":\"r\"",
                            200,     by,     n,     NULL};
    (void)tk_decide(&tk, &d);
}

static void make_pool(void)
{
    static const enum tk_actor dim[] = {TK_DIM}, director[] = {TK_DIRECTOR},
                               msps[] = {TK_MSPS1, TK_MSPS2}, cndp[] = {TK_CNDP},
                               vendor[] = {TK_VENDOR}, has[] = {TK_HAS1},
                               four[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_CNDP},
                               up[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR},
                               p4[] = {TK_DIRECTOR, TK_DIM, TK_GST};
    struct tk_decision d = {
        "granted", "intermediate", "intermediate", "granted", NULL, 365, up, 4, NULL};
    tk_open(&tk);
    base = tk.leaf.n;
    tk_to_pilot(&tk);
    stop_and_lift(TK_DIRECTOR, "establishment", HOME, TK_DIRECTOR, TK_DIM);
    stop_and_lift(TK_NODE, "establishment", HOME, TK_DIRECTOR, TK_DIM);
    stop_and_lift(TK_DOCTOR, "service", HOME "\"service\":\"CARDIO\",", TK_LEAD, TK_DIM);
    stop_and_lift(TK_GST, "region", "\"gst\":\"" TK_REGION "\",", TK_GST, TK_HAS1);
    stop_and_lift(TK_DOCTOR, "patient", HOME, TK_DOCTOR, TK_LEAD);
    (void)tk_decide(&tk, &d); /* V11 */
    (void)tk_deploy(&tk, "P4", "deployed", NULL, p4, 3);
    (void)tk_deploy(&tk, "P9", "pilot", NULL, dim, 1);
    (void)tk_stop(&tk, TK_CNDP, "national", "");
    decide("reinstated", "base", tk_jury, 3);
    decide("reinstated", "base", four, 4);
    (void)tk_stop(&tk, TK_ROBOT, "national", "");
    decide("reinstated", "base", tk_jury, 3);
    decide("suspended", "none", has, 1);
    decide("reinstated", "base", tk_jury, 3);
    decide("suspended", "none", cndp, 1);
    (void)tk_stop(&tk, TK_VENDOR, "national", ""); /* a vendor may only ask */
    (void)tk_stop(&tk, TK_NODE2, "establishment", HOME);
    (void)tk_deploy(&tk, "P8", "stopped", NULL, msps, 2);
    (void)tk_deploy(&tk, "P10", "retired", NULL, director, 1);
    decide("withdrawn", "none", vendor, 1);
    (void)tk_propose(&tk);
    (void)tk_prepare(&tk);
    (void)tk_pilot(&tk);
    (void)tk_label(&tk);
    (void)tk_assign(&tk, "base");
    (void)tk_evidence(&tk, 0.6);
    (void)tk_say(&tk, LEDGER_EVENT, TK_DESK,
                 "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
                 tk.id[TK_HAS2]);
    (void)tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                 "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
                 tk.id[TK_DSI]);
}

/* ---- what is watched ------------------------------------------------------------- */
static int rank(enum ledger_p p)
{
    return p == LEDGER_P_DEPLOYED ? 2 : p == LEDGER_P_PILOT ? 1 : 0;
}

static int shown(const struct ledger *l, int64_t at)
{
    int r = 0;
    for (size_t i = 0; i < ledger_deployments(l); i++)
        r += rank(ledger_effective(l, ledger_deployment_at(l, i), at));
    return r;
}

struct watch { /* the ends once reached (I3) */
    bool v_ended, p_ended;
};

static void check_ends(struct watch *w, const struct ledger *l)
{
    for (size_t i = 0; i < ledger_versions(l); i++) {
        enum ledger_v s = ledger_version_at(l, i)->state;
        if (s == LEDGER_V_WITHDRAWN || s == LEDGER_V_ARCHIVED)
            w->v_ended = true;
        assert_false(w->v_ended && s == LEDGER_V_LABELLED);
    }
    for (size_t i = 0; i < ledger_deployments(l); i++) {
        enum ledger_p p = ledger_deployment_at(l, i)->phase;
        if (p == LEDGER_P_STOPPED || p == LEDGER_P_RETIRED)
            w->p_ended = true;
        assert_false(w->p_ended && (p == LEDGER_P_PILOT || p == LEDGER_P_DEPLOYED));
    }
}

/* I13, without the fold's own matcher: distinct keys behind an effect that asks for k. */
static void check_persons(const struct ledger *l, uint64_t index)
{
    const struct ledger_outcome *o = ledger_outcome(l, index);
    uint8_t payload[32], other[32];
    const char *key[64], *id;
    size_t n = 0, need = strcmp(o->transition, "V7") == 0    ? 3
                         : strcmp(o->transition, "V11") == 0 ? 4
                         : strcmp(o->transition, "P3") == 0  ? 6
                         : strcmp(o->transition, "P2") == 0  ? 4
                         : strcmp(o->transition, "P7") == 0  ? 1
                                                             : 1;
    if (o->effect != LEDGER_IN_EFFECT)
        return;
    assert_ok(ledger_entry_of(l, index, payload, &id));
    for (uint64_t i = 0; i <= index; i++) {
        bool seen = false;
        assert_ok(ledger_entry_of(l, i, other, &id));
        if (memcmp(other, payload, 32) != 0)
            continue;
        for (size_t k = 0; k < n; k++)
            seen |= strcmp(key[k], id) == 0;
        if (!seen && n < AM_LEN(key))
            key[n++] = id;
    }
    assert_true(n >= need);
}

static bool signed_by_system(const struct ledger *l, uint64_t index)
{
    uint8_t payload[32];
    const char *id;
    const struct ledger_key *k;
    assert_ok(ledger_entry_of(l, index, payload, &id));
    k = ledger_key_find(l, id);
    return k && k->role == LEDGER_SYSTEM;
}

static void step(struct ledger *l, size_t i, struct watch *w)
{
    const int64_t at[] = {0, tk.now, tk.now + 120 * TIME_DAY, tk.now + 400 * TIME_DAY};
    int before[AM_LEN(at)];
    size_t stops = ledger_stops(l);
    uint64_t index = ledger_size(l);
    for (size_t t = 0; t < AM_LEN(at); t++)
        before[t] = shown(l, at[t]);
    assert_ok(snapshot_apply(l, leaf(i)));
    for (size_t t = 0; t < AM_LEN(at); t++) {
        if (ledger_stops(l) > stops) /* I9 */
            assert_true(shown(l, at[t]) <= before[t]);
        if (signed_by_system(l, index)) /* I11 */
            assert_true(shown(l, at[t]) <= before[t]);
        if (ledger_outcome(l, index)->effect != LEDGER_IN_EFFECT) /* I2 */
            assert_int_equal(shown(l, at[t]), before[t]);
    }
    check_persons(l, index);
    check_ends(w, l);
}

static void same_state(const struct ledger *a, const struct ledger *b)
{
    uint8_t x[32], y[32];
    assert_ok(ledger_state_digest(a, x));
    assert_ok(ledger_state_digest(b, y));
    assert_memory_equal(x, y, 32);
}

/* The rest in a second piece, with a question asked before each entry. */
static void fold_rest(struct ledger *piece, const size_t *order, size_t *reached,
                      size_t n)
{
    for (; *reached < n; ++*reached) {
        struct ledger_outcome o;
        struct ledger_leaf_view v;
        struct buf b;
        assert_ok(ledger_leaf_parse(leaf(order[*reached]), &v));
        buf_init(&b, 1 << 20);
        assert_ok(blob_get(tk.blobs, v.payload_sha256, &b));
        (void)!ledger_admit(piece, buf_str(&b), v.key_id, &o, NULL);
        assert_ok(ledger_apply(piece, leaf(order[*reached])));
        assert_string_equal(o.code,
                            ledger_outcome(piece, ledger_size(piece) - 1)->effect ==
                                    LEDGER_WAITING_SIGNERS
                                ? o.code /* admit looks ahead at the guards */
                                : ledger_outcome(piece, ledger_size(piece) - 1)->code);
        buf_release(&b);
        ledger_leaf_release(&v);
    }
}

/* One log: mostly the story in order, with leaves from anywhere mixed in. */
static void one_log(size_t steps)
{
    size_t *order = am_calloc(steps, sizeof *order), next = base, n = 0;
    size_t cut = (size_t)draw(steps), reached = 0;
    struct ledger *l, *piece;
    struct watch w = {0};
    assert_non_null(order);
    assert_ok(ledger_new(&l, tk.blobs));
    assert_ok(ledger_new(&piece, tk.blobs));
    for (size_t i = 0; i < base; i++)
        assert_ok(ledger_apply(l, leaf(i)));
    for (; n < steps; n++) {
        uint64_t dice = draw(100);
        if (dice < 70)
            order[n] = next;
        else if (dice < 85)
            order[n] = base + (size_t)draw(tk.leaf.n - base);
        else
            order[n] =
                next + 1 < tk.leaf.n ? next + 1 : next; /* one is skipped, swapped */
        if (dice < 70)
            next = next + 1 < tk.leaf.n ? next + 1 : base;
        step(l, order[n], &w);
        if (n == cut) { /* the prefix alone gives the same state (I10) */
            for (size_t i = 0; i < base; i++)
                assert_ok(ledger_apply(piece, leaf(i)));
            for (; reached <= n; reached++)
                assert_ok(ledger_apply(piece, leaf(order[reached])));
            same_state(l, piece);
        }
    }
    if (draw(3) == 0) /* one log in three is folded a second time: half the cost */
        fold_rest(piece, order, &reached, n);
    if (reached == n)
        same_state(l, piece);
    ledger_free(piece);
    ledger_free(l);
    free(order);
}

static void random_logs_keep_the_invariants(void **state)
{
    const char *seed = getenv("AMANE_SEED"), *steps = getenv("AMANE_STEPS");
    int64_t s = tk.now % 1000003, total = 20000, done = 0;
    (void)state;
    if (seed)
        assert_ok(str_int(str_c(seed), 1, INT64_MAX, &s));
    else
        assert_ok(crypto_random(&s, 4));
    if (steps)
        assert_ok(str_int(str_c(steps), 1, INT64_MAX, &total));
    s = (s & INT64_C(0x7fffffff)) | 1;
    printf("AMANE_SEED=%lld, %lld leaves, pool of %zu\n", (long long)s, (long long)total,
           tk.leaf.n - base);
    rng = (uint64_t)s * UINT64_C(0x9e3779b97f4a7c15);
    while (done < total) {
        size_t n = 100 + (size_t)draw(500);
        one_log(n);
        done += (int64_t)n;
    }
}

/* ---- the tables themselves ------------------------------------------------------- */
/* I3 on the table: nothing leads from an end back to a label. */
static void no_row_of_the_tables_leads_back_from_an_end(void **state)
{
    const unsigned ends_v = 1U << LEDGER_V_WITHDRAWN | 1U << LEDGER_V_ARCHIVED;
    const unsigned ends_p = 1U << LEDGER_P_STOPPED | 1U << LEDGER_P_RETIRED;
    (void)state;
    for (size_t i = 0; i < ledger_v_rows; i++) {
        const struct ledger_v_row *r = &ledger_v_table[i];
        assert_true(!(r->from & ends_v) || r->to == LEDGER_V_ARCHIVED ||
                    r->to == LEDGER_V_NONE /* V21: the state stays */);
        assert_true(r->to != LEDGER_V_LABELLED ||
                    !(r->from & (1U << LEDGER_V_REFUSED | ends_v)));
    }
    for (size_t i = 0; i < ledger_p_rows; i++) {
        const struct ledger_p_row *r = &ledger_p_table[i];
        assert_true(!(r->from & ends_p) || r->to == LEDGER_P_STOPPED ||
                    r->to == LEDGER_P_RETIRED);
    }
}

/* Every state a row leads to from those, but for one row: what can ever be reached. */
static unsigned reach_v(unsigned set, const char *but)
{
    for (unsigned before = 0; before != set;) {
        before = set;
        for (size_t i = 0; i < ledger_v_rows; i++) {
            const struct ledger_v_row *r = &ledger_v_table[i];
            if ((r->from & set) && r->to && strcmp(r->id, but) != 0)
                set |= 1U << r->to;
        }
    }
    return set;
}

static unsigned reach_p(unsigned set)
{
    for (unsigned before = 0; before != set;) {
        before = set;
        for (size_t i = 0; i < ledger_p_rows; i++)
            if (ledger_p_table[i].from & set)
                set |= 1U << ledger_p_table[i].to;
    }
    return set;
}

/* I3: reachability, not only the next step. */
static void no_path_leads_from_an_end_to_a_label_or_to_use(void **state)
{
    const unsigned label = 1U << LEDGER_V_LABELLED | 1U << LEDGER_V_UNDER_EVALUATION |
                           1U << LEDGER_V_EVALUATED;
    const unsigned use = 1U << LEDGER_P_PILOT | 1U << LEDGER_P_DEPLOYED;
    (void)state;
    assert_false(reach_v(1U << LEDGER_V_WITHDRAWN, "") & label);
    assert_false(reach_v(1U << LEDGER_V_ARCHIVED, "") & label);
    assert_false(reach_v(1U << LEDGER_V_REFUSED, "V10") & label); /* final: no appeal */
    assert_true(reach_v(1U << LEDGER_V_REFUSED, "") & label);
    assert_false(reach_p(1U << LEDGER_P_STOPPED) & use);
    assert_false(reach_p(1U << LEDGER_P_RETIRED) & use);
    /* and from the start everything can be reached: V1 is not logged */
    assert_int_equal(reach_v(1U << LEDGER_V_NONE, ""),
                     ((1U << LEDGER_V_STATES) - 1) & ~(1U << LEDGER_V_DRAFT));
    assert_int_equal(reach_p(1U << LEDGER_P_NONE), (1U << LEDGER_P_STATES) - 1);
}

/* I12: a new policy decides what comes, not what was decided. */
static void a_policy_change_alters_no_earlier_decision(void **state)
{
    struct ledger *l;
    struct buf was, is;
    char to[CRYPTO_HEX], now[CRYPTO_HEX];
    uint8_t next[32], digest[32];
    struct jw w;
    uint64_t size;
    size_t end = 0;
    (void)state;
    buf_init(&was, 1 << 20);
    buf_init(&is, 1 << 20);
    assert_ok(ledger_new(&l, tk.blobs));
    while (!ledger_deployments(l) && end < tk.leaf.n)
        assert_ok(ledger_apply(l, leaf(end++)));
    size = ledger_size(l);
    jw_init(&w, &was);
    ledger_version_json(l, ledger_version_at(l, 0), tk.now, &w);
    assert_ok(jw_done(&w));
    tk_put_policy(&tk, "[]", "{}", next); /* nothing waived any more */
    ledger_policy_digest(l, digest);
    {
        struct ledger *mine = tk.l;
        tk.l = l;
        (void)tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                     "\"type\":\"policy_change\",\"policy_sha256\":\"%s\","
                     "\"previous_sha256\":\"%s\",\"reason\":\"r\"",
                     crypto_hex(next, 32, to), crypto_hex(digest, 32, now));
        (void)tk_co(&tk, TK_MSPS2);
        assert_string_equal(tk_co(&tk, TK_HAS1), "ok");
        tk.l = mine;
        for (int i = 0; i < 3; i++) { /* not for the random logs */
            free(tk.leaf.v[--tk.leaf.n]);
            tk.leaf_n.n--;
        }
    }
    ledger_policy_digest(l, digest);
    assert_memory_equal(digest, next, 32);
    jw_init(&w, &is);
    ledger_version_json(l, ledger_version_at(l, 0), tk.now, &w);
    assert_ok(jw_done(&w));
    assert_string_equal(was.p, is.p);
    for (uint64_t i = 0; i < size; i++) {
        struct ledger_outcome a = *ledger_outcome(l, i), b = *ledger_outcome(tk.l, i);
        assert_string_equal(a.code, b.code);
        assert_true(a.waived == b.waived && a.effect == b.effect);
    }
    buf_release(&is);
    buf_release(&was);
    ledger_free(l);
}

/* I11 on the table: what `system` signs by default only restricts. */
static void system_signs_only_what_restricts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ledger_default_rules_n; i++) {
        const char *name = ledger_default_rules[i][0];
        if (!strstr(ledger_default_rules[i][1], "system"))
            continue;
        if (strcmp(name, "drift") == 0 || strcmp(name, "monitoring") == 0 ||
            strcmp(name, "stop_motive") == 0)
            continue; /* facts: they move no state (checked on random logs) */
        assert_true(strcmp(name, "V16") == 0 || strcmp(name, "V19") == 0 ||
                    strcmp(name, "system") == 0 || strcmp(name, "stop_ack") == 0 ||
                    strcmp(name, "node_checkpoint") == 0 ||
                    strcmp(name, "vigilance") == 0 || strcmp(name, "tender_check") == 0);
    }
    for (size_t i = 0; i < ledger_v_rows; i++)
        if (strcmp(ledger_v_table[i].rule, "V16") == 0 ||
            strcmp(ledger_v_table[i].rule, "V19") == 0)
            assert_true(ledger_v_table[i].to == LEDGER_V_EXPIRED ||
                        ledger_v_table[i].to == LEDGER_V_ARCHIVED);
}

static void every_transition_of_the_design_has_its_row(void **state)
{
    char id[16];
    (void)state;
    for (int n = 2; n <= 21; n++) {
        bool found = false;
        snprintf(id, sizeof id, "V%d", n);
        for (size_t i = 0; i < ledger_v_rows; i++)
            found |= strcmp(ledger_v_table[i].id, id) == 0;
        assert_true(found);
    }
    assert_int_equal(ledger_p_rows, 11);
}

static int setup(void **state)
{
    (void)state;
    make_pool();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(no_row_of_the_tables_leads_back_from_an_end),
        TEST(system_signs_only_what_restricts),
        TEST(every_transition_of_the_design_has_its_row),
        TEST(no_path_leads_from_an_end_to_a_label_or_to_use),
        TEST(a_policy_change_alters_no_earlier_decision),
        TEST(random_logs_keep_the_invariants),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
