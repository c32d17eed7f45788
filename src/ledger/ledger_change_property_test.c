/* SPDX-License-Identifier: Apache-2.0 */
/* V20 in random logs, against a second reading of the same statements: a label that lacks
 * evidence of its own on a row asked rests on a parent that is labelled, above base and
 * whole, for rows no plan runs again, and is at least one level below it until a
 * surveillance has passed. The second reading keeps its own books from the records alone;
 * of the fold it asks only which statement took effect, and where the parent stood.
 *
 * AMANE_SEED repeats a run, AMANE_STEPS asks for more leaves (default 6,000). */
#include "ledger/ledger_change_kit.h"

enum { MODELS = 4, ROWS = 5 };
static const struct {
    const char *id;
    unsigned from; /* the level that first asks it */
    bool again;    /* a row of performance: always run again */
} row[ROWS] = {{"PF-1", 1, true},
               {"PF-3", 2, true},
               {"PF-4", 1, true},
               {"RB-5", 1, false},
               {"CY-1", 2, false}};

static size_t base, effects, resting;
static uint64_t rng;

static uint64_t draw(uint64_t n)
{
    return tk_draw(&rng, n);
}

/* ---- the second reading ----------------------------------------------------------- */
struct book { /* of one model */
    bool own[ROWS], claims, plan_newest, plan_decided, rested, lacks, passed;
    int parent;
};
static struct book book[MODELS];

static int model_of(const struct json *digest)
{
    for (int i = 0; i < MODELS; i++)
        if (json_str_is(digest, of[i].hex))
            return i;
    return -1;
}

static void read_version(struct book *b, const struct json *r, const struct ledger *l,
                         bool first)
{
    b->plan_newest = json_get(r, "change_plan") != NULL;
    b->claims = json_get(r, "planned_change") != NULL;
    if (!first || !b->claims)
        return;
    b->parent = model_of(json_get(json_get(r, "previous_version"), "model_digest"));
    assert_true(b->parent >= 0);
    const struct ledger_version *p = ledger_version_find(l, of[b->parent].model);
    assert_true(p && p->state == LEDGER_V_LABELLED && p->level >= LEDGER_INTERMEDIATE);
    assert_true(book[b->parent].plan_decided && !book[b->parent].lacks);
}

static void read_decision(struct book *b, const struct json *r,
                          const struct ledger_version *parent, enum ledger_level was)
{
    enum ledger_level level = LEDGER_LEVEL_NONE;
    bool rests = false;
    (void)!ledger_level_parse(json_get_str(r, "label_level"), &level);
    if (level == LEDGER_LEVEL_NONE || json_str_is(json_get(r, "outcome"), "suspended"))
        return;
    for (int i = 0; i < ROWS; i++)
        if (row[i].from <= (unsigned)level && !b->own[i]) {
            rests = true;
            assert_false(row[i].again); /* never taken over */
        }
    if (rests) {
        assert_true(b->claims && parent);
        assert_true(parent->state == LEDGER_V_LABELLED && was >= LEDGER_INTERMEDIATE);
        assert_false(book[b->parent].lacks); /* no chains */
        assert_true((int)level <= (int)was - (b->rested && b->passed ? 0 : 1));
        resting++;
    }
    if (!rests || !b->rested)
        b->passed = false; /* counts from the first decision that rests */
    b->rested = b->lacks = rests;
    if (json_str_is(json_get(r, "outcome"), "granted") ||
        json_str_is(json_get(r, "outcome"), "maintained"))
        b->plan_decided = b->plan_newest;
}

static void read_event(struct book *b, const struct ledger_ready *s)
{
    if (str_eqc(s->st.event_type, "assignment"))
        memset(b->own, 0, sizeof b->own); /* of V9, this pool has none */
    if (str_eqc(s->st.event_type, "surveillance"))
        b->passed = json_str_is(json_get(s->st.record, "verdict"), "pass");
}

/* ---- one log ----------------------------------------------------------------------- */
static void take(struct ledger *l, size_t i)
{
    struct ledger_leaf_view v;
    struct ledger_ready s;
    struct buf text;
    const struct ledger_version *parent = NULL;
    enum ledger_level was = LEDGER_LEVEL_NONE;
    size_t versions = ledger_versions(l);
    int m;
    buf_init(&text, 1 << 20);
    assert_ok(ledger_leaf_parse((struct str){tk.leaf.v[i], tk.leaf_n.v[i]}, &v));
    assert_ok(blob_get(tk.blobs, v.payload_sha256, &text));
    assert_ok(ledger_prepare(NULL, &v, buf_str(&text), STR(TK_BASE), &s));
    m = model_of(json_get(s.st.record, "model_digest"));
    if (m >= 0 && book[m].claims) {
        parent = ledger_version_find(l, of[book[m].parent].model);
        was = parent ? parent->level : LEDGER_LEVEL_NONE;
    }
    assert_ok(ledger_apply_ready(l, &s));
    if (m >= 0 && ledger_outcome(l, ledger_size(l) - 1)->effect == LEDGER_IN_EFFECT) {
        effects++;
        if (s.st.kind == LEDGER_VERSION)
            read_version(&book[m], s.st.record, l, ledger_versions(l) > versions);
        else if (s.st.kind == LEDGER_DECISION)
            read_decision(&book[m], s.st.record, parent, was);
        else if (s.st.kind == LEDGER_EVIDENCE)
            for (json_each(it, json_get(s.st.record, "rows")))
                for (int k = 0; k < ROWS; k++)
                    book[m].own[k] |= json_str_is(it.val, row[k].id);
        else
            read_event(&book[m], &s);
    }
    ledger_ready_release(&s);
    ledger_leaf_release(&v);
    buf_release(&text);
}

/* straight: the story as it is; else with leaves from anywhere, and some left out. */
static void one_log(size_t steps, bool straight)
{
    struct ledger *l;
    size_t next = base;
    memset(book, 0, sizeof book);
    assert_ok(ledger_new(&l, tk.blobs));
    for (size_t i = 0; i < base; i++)
        assert_ok(ledger_apply(l, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
    for (size_t n = 0; n < steps; n++) {
        size_t i =
            straight || draw(10) < 8 ? next : base + (size_t)draw(tk.leaf.n - base);
        take(l, i);
        if (i == next)
            next += straight || draw(40) ? 1 : 2;
        if (next >= tk.leaf.n)
            break; /* told to its end */
    }
    ledger_free(l);
}

/* Everything the story needs, and what would launder if it were let through. */
static void make_pool(void)
{
    base = tk.leaf.n;
    parent("advanced", PLAN);
    (void)declare(1, "1.1.0", 0, CLAIM PLAN);
    (void)tk_admissible(&tk);
    (void)tk_assign(&tk, "advanced");
    (void)bench(PERFORMANCE, 0.9);
    (void)grant("advanced", "advanced", 0);
    (void)grant("advanced", "base", 0);
    (void)grant("intermediate", "intermediate", 0);
    (void)declare(2, "1.2.0", 1, CLAIM PLAN);
    (void)tk_admissible(&tk);
    (void)tk_assign(&tk, "intermediate");
    (void)bench(PERFORMANCE, 0.9);
    (void)grant("intermediate", "base", 1);
    (void)grant("intermediate", "intermediate", 1);
    about(1);
    (void)grant("advanced", "advanced", 0);
    (void)bench("PF-1", 0.91);
    (void)survey("fail");
    (void)grant("advanced", "advanced", 0);
    (void)survey("pass");
    (void)grant("advanced", "advanced", 0);
    about(0);
    (void)bench("PF-1", 0.9);
    (void)decide("reduced", "advanced", "intermediate", "granted", -1);
    about(1);
    (void)grant("advanced", "advanced", 0);
    (void)bench("RB-5 CY-1", 0.88);
    (void)decide("maintained", "intermediate", "intermediate", "granted", -1);
    (void)declare(3, "1.3.0", 1, CLAIM);
    (void)tk_admissible(&tk);
    (void)tk_assign(&tk, "intermediate");
    (void)bench(PERFORMANCE, 0.9);
    (void)grant("intermediate", "base", 1);
    (void)grant("intermediate", "intermediate", 1);
    about(0);
    (void)tk_stop(&tk, TK_MSPS1, "national", "");
    about(3);
    (void)grant("intermediate", "intermediate", 1);
    (void)bench("PF-1", 0.91);
    (void)survey("pass");
    (void)grant("intermediate", "intermediate", 1);
}

static void in_random_logs_nothing_is_laundered(void **state)
{
    const char *seed = getenv("AMANE_SEED"), *steps = getenv("AMANE_STEPS");
    int64_t s = 0, total = 6000;
    (void)state;
    if (seed)
        assert_ok(str_int(str_c(seed), 1, INT64_MAX, &s));
    else
        assert_ok(crypto_random(&s, 4));
    if (steps)
        assert_ok(str_int(str_c(steps), 1, INT64_MAX, &total));
    s = (s & INT64_C(0x7fffffff)) | 1;
    rng = (uint64_t)s * UINT64_C(0x9e3779b97f4a7c15);
    make_pool();
    printf("# AMANE_SEED=%lld, pool of %zu\n", (long long)s, tk.leaf.n - base);
    for (int64_t done = 0; done < total; done += (int64_t)(tk.leaf.n - base))
        one_log(3 * (tk.leaf.n - base), done == 0);
    printf("# %zu statements took effect, %zu labels rested on a parent\n", effects,
           resting);
    assert_true(resting >= 3); /* the first log alone holds so many */
}

int main(void)
{
    const struct CMUnitTest t[] = {cmocka_unit_test_setup_teardown(
        in_random_logs_nothing_is_laundered, open_tk, close_tk)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
