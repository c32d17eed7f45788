/* SPDX-License-Identifier: Apache-2.0 */
/* A million continuations: from many states, every one and two statements of a pool, then
 * random longer ones. After each statement the invariants of lifecycle.md section 13 are
 * asked of the state, by checks that share no code with the guards they watch; and a
 * statement without effect leaves everything as it was (ledger_snapshot.h).
 *
 * The pool (every transition, stop, lift, fact, end, and noise by wrong hands) is signed
 * once; the fold then takes statements whose signature is known to be good. The seed is
 * printed; AMANE_SEED repeats a run, AMANE_SEQUENCES asks for more (default 20,000;
 * test/65-sequences.sh: 1,000,000). */
#include "ledger/ledger_sequence_books.h"

/* ---- what is watched ------------------------------------------------------------- */
static const int64_t ahead[] = {0, 120, 400};
struct seen {
    int shown[AM_LEN(ahead)];
    size_t stops, open, open_national;
    enum ledger_v v;
    enum ledger_p p;
    enum ledger_level level;
};

static int rank(enum ledger_p p)
{
    return p == LEDGER_P_DEPLOYED ? 2 : p == LEDGER_P_PILOT ? 1 : 0;
}

static struct seen look(const struct ledger *l)
{
    struct seen s = {.stops = ledger_stops(l)};
    for (size_t i = 0; i < ledger_deployments(l); i++)
        for (size_t t = 0; t < AM_LEN(ahead); t++)
            s.shown[t] += rank(ledger_effective(l, ledger_deployment_at(l, i),
                                                tk.now + ahead[t] * TIME_DAY));
    for (size_t i = 0; i < s.stops; i++) {
        const struct ledger_stop *o = ledger_stop_at(l, i);
        s.open += !o->lifted;
        s.open_national += !o->lifted && o->scope == LEDGER_STOP_NATIONAL;
    }
    if (ledger_versions(l)) {
        s.v = ledger_version_at(l, 0)->state;
        s.level = ledger_version_at(l, 0)->level;
    }
    if (ledger_deployments(l))
        s.p = ledger_deployment_at(l, 0)->phase;
    return s;
}

static bool raises(const struct seen *a, const struct seen *b)
{
    for (size_t t = 0; t < AM_LEN(ahead); t++)
        if (b->shown[t] > a->shown[t])
            return true;
    return false;
}

static bool moved(const struct seen *a, const struct seen *b)
{
    return a->v != b->v || a->p != b->p || a->level != b->level || a->stops != b->stops ||
           memcmp(a->shown, b->shown, sizeof a->shown) != 0;
}

/* I3: the ends, for ever. A refusal leads on only by an appeal. */
static bool ends_hold(const struct seen *a, const struct seen *b)
{
    bool v_end = a->v == LEDGER_V_WITHDRAWN || a->v == LEDGER_V_ARCHIVED;
    bool p_end = a->p == LEDGER_P_STOPPED || a->p == LEDGER_P_RETIRED;
    return (!v_end || b->v == LEDGER_V_WITHDRAWN || b->v == LEDGER_V_ARCHIVED) &&
           (!p_end || b->p == LEDGER_P_STOPPED || b->p == LEDGER_P_RETIRED) &&
           (a->v != LEDGER_V_REFUSED || b->v != LEDGER_V_LABELLED);
}

/* I13: distinct keys behind an effect, counted anew over the whole log. */
static bool enough_persons(const struct ledger *l, uint64_t index)
{
    static const struct {
        const char *id;
        size_t keys, orgs;
    } need[] = {{"V7", 3, 1},  {"V8", 3, 1},  {"V10", 3, 1}, {"V11", 4, 2},
                {"V12", 3, 1}, {"V13", 3, 1}, {"V15", 3, 1}, {"P2", 4, 1},
                {"P3", 6, 1},  {"P4", 3, 2},  {"P8", 2, 1},  {"P11", 2, 1}};
    const struct ledger_entry *e = &l->entry.v[index];
    const char *id = ledger_outcome(l, index)->transition;
    size_t key[64], keys = 0, orgs = 0;
    for (uint64_t i = 0; i <= index; i++) {
        const struct ledger_entry *o = &l->entry.v[i];
        bool seen = o->strange, org = o->strange;
        if (memcmp(o->payload, e->payload, 32) != 0)
            continue;
        for (size_t k = 0; k < keys && !seen; k++) {
            seen |= key[k] == o->key;
            org |= strcmp(l->key.v[key[k]].k.org_id, l->key.v[o->key].k.org_id) == 0;
        }
        if (!seen && keys < AM_LEN(key)) {
            key[keys++] = o->key;
            orgs += !org;
        }
    }
    for (size_t i = 0; i < AM_LEN(need); i++)
        if (strcmp(id, need[i].id) == 0)
            return keys >= need[i].keys && orgs >= need[i].orgs;
    return true;
}

/* I5: in force, not recused by the log itself, read from the facts one by one. */
static bool signer_counts(const struct ledger *l, uint64_t index,
                          const struct ledger_ready *r)
{
    const struct ledger_key *k = ledger_key_find(l, r->key_id);
    bool judges = r->st.kind == LEDGER_DECISION || r->st.kind == LEDGER_EVIDENCE ||
                  str_eqc(r->st.event_type, "assignment");
    if (!k || (k->revoked && k->revoked < index))
        return false;
    for (size_t i = 0; judges && i < ledger_facts(l); i++) {
        struct ledger_fact f;
        ledger_fact_at(l, i, &f);
        if (strcmp(f.type, "recusal") == 0 && f.good && !f.corrected && f.index < index &&
            strcmp(f.about_key, r->key_id) == 0 && strcmp(f.with_org, "ACME01") == 0)
            return false;
    }
    return true;
}

/* V10: who signed the refusal that an appeal reopened decides nothing until it is
 * answered; read from the outcomes and the entries, backwards. */
static bool in_effect_as(const struct ledger *l, uint64_t i, const char *transition)
{
    const struct ledger_outcome *o = ledger_outcome(l, i);
    return o->effect == LEDGER_IN_EFFECT && strcmp(o->transition, transition) == 0;
}

static bool appeal_is_judged_by_others(const struct ledger *l, uint64_t index,
                                       const struct ledger_ready *r)
{
    const struct ledger_entry *e = l->entry.v;
    uint64_t i = index;
    if (r->st.kind != LEDGER_DECISION)
        return true;
    while (i > 0 && !in_effect_as(l, i, "V10"))
        if (in_effect_as(l, --i, "V7"))
            return true; /* answered, or there was none */
    while (i > 0 && !in_effect_as(l, i, "V8"))
        i--; /* the refusal; a deferral leads on by V9 */
    for (uint64_t j = 0; j <= i && i > 0; j++)
        if (memcmp(e[j].payload, e[i].payload, 32) == 0 && e[j].counts && !e[j].strange &&
            e[j].key == e[index].key)
            return false;
    return true;
}

/* Section 7: what is stopped is the union of the orders not lifted, read one by one. */
static bool stops_hold(const struct ledger *l)
{
    for (size_t d = 0; d < ledger_deployments(l); d++) {
        const struct ledger_deployment *p = ledger_deployment_at(l, d);
        bool stopped = false;
        for (size_t i = 0; i < ledger_stops(l); i++) {
            const struct ledger_stop *s = ledger_stop_at(l, i);
            stopped |= !s->lifted && memcmp(s->model_digest, p->model_digest, 32) == 0 &&
                       (s->scope == LEDGER_STOP_NATIONAL ||
                        (s->scope == LEDGER_STOP_REGION && !strcmp(s->gst, p->gst)) ||
                        (s->scope == LEDGER_STOP_ESTABLISHMENT &&
                         !strcmp(s->establishment, p->establishment)));
        }
        for (size_t t = 0; stopped && t < AM_LEN(ahead); t++)
            if (rank(ledger_effective(l, p, tk.now + ahead[t] * TIME_DAY)))
                return false;
    }
    return true;
}

/* Lifting one order lifts only that one; a reinstatement, the national ones. */
static bool lifts_one(const struct ledger_ready *r, const struct seen *a,
                      const struct seen *b)
{
    size_t local = a->open - a->open_national, left = b->open - b->open_national;
    if (str_eqc(r->st.event_type, "stop_lift"))
        return b->open + 1 >= a->open;
    return left >= local &&
           (b->open_national >= a->open_national || r->st.kind == LEDGER_DECISION);
}

/* Section 4, in words: no label, no output; base is a pilot. */
static bool label_holds(const struct seen *s)
{
    int most = s->v != LEDGER_V_LABELLED ? 0 : s->level == LEDGER_BASE ? 1 : 2;
    return s->shown[0] <= most; /* one version, one deployment in this country */
}

static void check_step(const struct ledger *l, const struct ledger_ready *r,
                       const struct seen *was, const struct seen *is,
                       const struct ledger *before, struct buf *kept)
{
    uint64_t index = ledger_size(l) - 1;
    const struct ledger_outcome *o = ledger_outcome(l, index);
    const struct ledger_key *k = ledger_key_find(l, r->key_id);
    bool effect = o->effect == LEDGER_IN_EFFECT;
    assert_true(ends_hold(was, is));
    assert_true(stops_hold(l));
    assert_true(lifts_one(r, was, is));
    assert_true(label_holds(is));
    if (is->stops > was->stops) /* I9 */
        assert_false(raises(was, is));
    if (k && k->role == LEDGER_SYSTEM) /* I11 */
        assert_false(raises(was, is));
    if (!effect) { /* I2 */
        assert_false(moved(was, is));
        assert_true(snapshot_same(l, kept));
        return;
    }
    assert_true(enough_persons(l, index));
    assert_true(signer_counts(l, index, r));
    assert_true(appeal_is_judged_by_others(l, index, r));
    check_books(l, index, r, before);
}

/* I10: the same entries, folded from the first, give the same state. */
static void check_prefix(const struct ledger *l, const size_t *order, size_t n,
                         size_t state)
{
    struct ledger *parent = from[state], *copy = ledger_fork_apart(parent);
    uint8_t a[32], b[32];
    for (size_t i = 0; i < n; i++)
        assert_ok(ledger_apply_ready(copy, &pool.v[order[i]]));
    assert_ok(ledger_state_digest(l, a));
    assert_ok(ledger_state_digest(copy, b));
    assert_memory_equal(a, b, 32);
    ledger_unfork_apart(copy, parent);
}

/* ---- sequences ------------------------------------------------------------------- */
static size_t order[DEPTH], done, effects, wanted;

/* Appends statement i to a copy of the state, of which `kept` is the snapshot; the copy,
 * to go on from. */
static struct ledger *next_state(struct ledger *l, struct buf *kept, size_t i,
                                 size_t depth)
{
    struct ledger *copy = ledger_fork(l);
    struct seen was = look(copy), is;
    order[depth] = i;
    assert_ok(ledger_apply_ready(copy, &pool.v[i]));
    is = look(copy);
    check_step(copy, &pool.v[i], &was, &is, l, kept);
    effects += ledger_outcome(copy, ledger_size(copy) - 1)->effect == LEDGER_IN_EFFECT;
    done++;
    return copy;
}

static void every_pair_from(size_t state, size_t share)
{
    struct buf first, second;
    buf_init(&first, SNAPSHOT_MAX);
    buf_init(&second, SNAPSHOT_MAX);
    snapshot_take(from[state], &first);
    for (size_t i = 0; i < pool.n; i++) { /* each alone, however few are asked */
        struct ledger *one = next_state(from[state], &first, i, 0);
        snapshot_take(one, &second);
        for (size_t j = 0; j < pool.n && done < wanted; j++) {
            if (share > 1 && draw(share))
                continue; /* fewer asked than there are */
            struct ledger *two = next_state(one, &second, j, 1);
            if (done % 997 == 0) {
                size_t kept[2] = {i, j};
                ledger_unfork(two, one);
                two = ledger_fork(one);
                assert_ok(ledger_apply_ready(two, &pool.v[j]));
                check_prefix(two, kept, 2, state);
            }
            ledger_unfork(two, one);
        }
        ledger_unfork(one, from[state]);
    }
    buf_release(&second);
    buf_release(&first);
}

/* The story in its order, from a random place, with one in five from anywhere. */
static void random_walk(struct ledger *l, size_t place, size_t depth, size_t length)
{
    size_t i = draw(5) ? place % pool.n : (size_t)draw(pool.n);
    struct ledger *copy;
    struct buf kept;
    buf_init(&kept, SNAPSHOT_MAX);
    snapshot_take(l, &kept);
    copy = next_state(l, &kept, i, depth);
    buf_release(&kept);
    if (depth + 1 < length && done < wanted)
        random_walk(copy, place + 1 + (draw(8) == 0), depth + 1, length);
    ledger_unfork(copy, l);
}

static void a_million_sequences_keep_the_invariants(void **state)
{
    const char *seed = getenv("AMANE_SEED"), *count = getenv("AMANE_SEQUENCES");
    int64_t s = 0, n = 20000;
    size_t pairs;
    (void)state;
    if (seed)
        assert_ok(str_int(str_c(seed), 1, INT64_MAX, &s));
    else
        assert_ok(crypto_random(&s, 4));
    if (count)
        assert_ok(str_int(str_c(count), 1, INT64_MAX, &n));
    s = (s & INT64_C(0x7fffffff)) | 1;
    rng = (uint64_t)s * UINT64_C(0x9e3779b97f4a7c15);
    wanted = (size_t)n * 5 / 6;
    pairs = states * pool.n * (pool.n + 1);
    printf("# AMANE_SEED=%lld, %zu states, %zu statements\n", (long long)s, states,
           pool.n);
    for (size_t i = 0; i < states; i++)
        every_pair_from(i, pairs > wanted ? pairs / wanted + 1 : 1);
    printf("# %zu sequences of one and two%s\n", done,
           pairs > wanted ? " (a share)" : ": all of them");
    wanted = (size_t)n;
    while (done < wanted)
        random_walk(from[draw(states)], (size_t)draw(pool.n), 0, 3 + draw(DEPTH - 3));
    printf("# %zu sequences, %zu of their statements took effect\n", done, effects);
    printf("# %zu labels rested on a parent, %zu of them at the cap\n", resting,
           at_the_cap);
    assert_true(effects > done / 50);   /* or nothing would have been tried */
    assert_true(resting && at_the_cap); /* each statement is tried alone */
}

/* I13 both ways: of the 64 sets of signers of P3, one gives an effect. */
static void of_all_sets_of_signers_of_p3_only_the_whole_one_counts(void **state)
{
    size_t whole[6], n = 0;
    struct ledger *start = NULL;
    (void)state;
    for (size_t i = 0; i < states; i++)
        if (look(from[i]).p == LEDGER_P_PRE_DEPLOYMENT)
            start = from[i];
    assert_non_null(start);
    for (size_t i = 0; i < pool.n && n < 6; i++)
        if (pool.v[i].st.kind == LEDGER_DEPLOYMENT &&
            json_str_is(json_get(pool.v[i].st.record, "transition"), "P3"))
            whole[n++] = i;
    assert_int_equal(n, 6);
    for (unsigned set = 0; set < 64; set++) {
        struct ledger *l = ledger_fork(start);
        for (unsigned k = 0; k < 6; k++)
            if ((set >> k) & 1)
                assert_ok(ledger_apply_ready(l, &pool.v[whole[k]]));
        assert_int_equal(look(l).p == LEDGER_P_PILOT, set == 63);
        ledger_unfork(l, start);
    }
}

static int setup(void **state)
{
    (void)state;
    ask_other_rows();
    tk_open_with(&tk, TK_WAIVED_PAPERS, "{}");
    base = story = tk.leaf.n;
    story_of_use();
    noise();
    story_of_refusal();
    story_of_deferral();
    story_of_change();
    story_of_thin_records();
    prepare_pool();
    index_pool();
    make_states();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < states; i++)
        ledger_free(from[i]);
    for (size_t i = 0; i < pool.n; i++)
        ledger_ready_release(&pool.v[i]);
    for (size_t i = 0; i < text.n; i++)
        free(text.v[i]);
    vec_release(&pool);
    vec_release(&text);
    tk_close(&tk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(of_all_sets_of_signers_of_p3_only_the_whole_one_counts),
        TEST(a_million_sequences_keep_the_invariants),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
