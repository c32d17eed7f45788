/* SPDX-License-Identifier: Apache-2.0 */
/* bench_explain -- row EQ-9: what the score is made of. Shapley values of a draw of the
 * used rows against a background of at most 100 of them, drawn in proportion to the
 * labels: exactly for trees (interventional TreeSHAP) and linear models, on the scale of
 * their margin; on the scale of the score for the others, all coalitions up to 12 inputs,
 * KernelSHAP beyond.
 *
 * Inputs that the manifest ties together (indicator groups, relations) are one player and
 * have one value, at the first of them: asked as one where the model is asked, so that no
 * question is of a person who cannot be; the sum of theirs where the file tells, as the
 * values of a tree are additive. An input derived from others has no value of its own
 * when the model is asked (theirs holds it), and its own where the file tells. The report
 * says which inputs stand together.
 *
 *   protected_attribution_share  of sum |phi|, what protected attributes and their
 * proxies carry (bench_proxy.h); what the plan declared as a legitimate predictor (frozen
 * before the data are opened; never sex, site, insurance or origin) is left out, and told
 * apart: attribution_share   "declared": that; "carriers": both; and of each attribute
 * alone proxy_auc           of each carrier, for each attribute it tells
 *   mean_abs_attribution         of the strongest players: the bars of the report
 *   stands_with, derived_input   who plays ("input:a;with:b"): b's value is in a's, which
 *                                is protected or declared by what any or all of them are
 *   mean_attribution_difference  between groups, the inputs where it is largest
 *   lime_*              a second opinion, not gated: it depends on the draw
 *
 * Rows are drawn by their content (probe_row_keys), so neither their order nor threads
 * change a number. Cost: at most EXPLAIN_ASKED questions, but for EXPLAIN_FEW rows. */
#include "bench/bench_explain.h"

#include "bench/bench_mutant.h"

#include "stat/stat_boot.h"

enum {
    EXPLAIN_ROWS = 2000,
    EXPLAIN_ASKED_ROWS = 200, /* when the model can only be asked */
    EXPLAIN_FEW = 30,
    EXPLAIN_ASKED = 6000000,
    EXPLAIN_LIME_ROWS = 3,
    EXPLAIN_BARS = 50,
    EXPLAIN_TOP = 5,
    EXPLAIN_GROUP = 30 /* people of a group, to speak of its mean */
};

/* ---- who plays
 * -------------------------------------------------------------------- */
static int choose_players(struct bench_explain *e)
{
    int err;
    bench_rules_of(e->r, &e->rules);
    e->rules.input = e->in;
    e->rules.n = e->f;
    e->lead = am_malloc((e->f + 1) * sizeof *e->lead);
    e->follows = am_malloc((e->f + 1) * sizeof *e->follows);
    err = e->lead && e->follows ? probe_players(&e->rules, e->f, e->lead, e->follows)
                                : AM_E_NOMEM;
    for (size_t j = 0; j < e->f && !err; j++)
        e->players += e->lead[j] == j && !e->follows[j];
    return err;
}

/* Does input j have a value of its own? */
static bool plays(const struct bench_explain *e, size_t j)
{
    return e->lead[j] == j && !(e->follows[j] && e->asked);
}

/* Values of a file, input by input: those of a player are added up. */
static void add_up(const struct bench_explain *e, double *phi)
{
    for (size_t j = 0; j < e->f; j++)
        if (e->lead[j] != j) {
            phi[e->lead[j]] += phi[j];
            phi[j] = 0;
        }
}

/* What one of them carries, the player does; what the plan declares must be all of it. */
static void tie_proxies(const struct bench_explain *e, struct bench_proxies *p)
{
    for (size_t j = 0; j < e->f; j++) {
        size_t lead = e->lead[j];
        for (size_t a = 0; a < p->attribute.n; a++) {
            double *auc = p->attribute.v[a].auc;
            if (!isnan(auc[j]) && !(auc[lead] >= auc[j]))
                auc[lead] = auc[j];
        }
        if (lead == j || !p->carrier[j])
            continue;
        p->declared[lead] = p->declared[j] && (p->declared[lead] || !p->carrier[lead]);
        p->carrier[lead] = true;
    }
}

/* ---- rows and background
 * -------------------------------------------------------------- */
static void copy_rows(const struct bench_run *r, const uint32_t *row, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * r->feature.n, r->x + r->of[row[i]] * r->feature.n,
               r->feature.n * sizeof *x);
}

static int choose(struct bench_explain *e)
{
    const struct bench_run *r = e->r;
    uint32_t back[PROBE_BACKGROUND];
    uint64_t *key = NULL;
    int err = bench_row_keys(r, &key);
    e->row = am_malloc((EXPLAIN_ROWS + 1) * sizeof *e->row);
    if (!err && !e->row)
        err = AM_E_NOMEM;
    if (!err)
        err = probe_background(key, r->y, r->used, PROBE_BACKGROUND, r->seed, back,
                               &e->rows);
    if (!err) /* another draw than the background */
        err = probe_background(key, NULL, r->used, EXPLAIN_ROWS, ~r->seed, e->row, &e->n);
    free(key);
    if (err)
        return err;
    e->background = am_malloc((e->rows * e->f + 1) * sizeof *e->background);
    e->x = am_malloc((e->n * e->f + 1) * sizeof *e->x);
    e->phi = am_malloc((e->n * (e->f + 1) + 1) * sizeof *e->phi);
    if (!e->background || !e->x || !e->phi)
        return AM_E_NOMEM;
    copy_rows(r, back, e->rows, e->background);
    copy_rows(r, e->row, e->n, e->x);
    return AM_OK;
}

/* ---- attributions
 * --------------------------------------------------------------------- */
/* Trees and linear models: the file tells. AM_E_UNSUPPORTED: it does not. */
static int explain_exactly(struct bench_explain *e)
{
    size_t f = e->f;
    struct diag own;
    int err = AM_E_UNSUPPORTED;
    diag_init(&own);
    if (e->oracle.session && !e->oracle.dead)
        err = model_session_contributions_against(e->oracle.session, e->x, e->n,
                                                  e->background, e->rows, e->phi, &own);
    diag_release(&own);
    for (size_t i = 0; i < e->n && !err; i++) { /* without the base */
        memmove(e->phi + i * f, e->phi + i * (f + 1), f * sizeof *e->phi);
        add_up(e, e->phi + i * f);
    }
    if (err && err != AM_E_NOMEM && err != AM_E_UNSUPPORTED) {
        model_session_close(e->oracle.session); /* it did not survive: ask a fresh one */
        e->oracle.session = NULL;
        err = AM_E_UNSUPPORTED;
    }
    return err;
}

/* As many rows as the questions pay for. */
static size_t affordable(const struct bench_explain *e)
{
    size_t m = e->players,
           coalitions = m <= PROBE_EXACT_MAX ? (size_t)1 << m : 2 * m + 2048,
           n = EXPLAIN_ASKED / (coalitions * AM_MAX(e->rows, (size_t)1));
    n = AM_MIN(AM_MAX(n, (size_t)EXPLAIN_FEW), (size_t)EXPLAIN_ASKED_ROWS);
    return AM_MIN(n, e->n);
}

static int explain_by_asking(struct bench_explain *e)
{
    const struct probe_explain ask = {.oracle = &e->oracle.probe,
                                      .background = e->background,
                                      .rows = e->rows,
                                      .rules = &e->rules,
                                      .seed = e->r->seed};
    size_t kept = 0, n = affordable(e), f = e->f;
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        struct probe_shapley how;
        err = probe_shapley(&ask, e->x + i * f, e->phi + kept * f, &how);
        if (err || !how.answered)
            continue;
        memmove(e->x + kept * f, e->x + i * f, f * sizeof *e->x);
        e->row[kept++] = e->row[i];
        e->se = fmax(e->se, how.se);
    }
    e->unanswered = n - kept;
    e->n = kept;
    e->how = e->players <= PROBE_EXACT_MAX ? "shapley_exact" : "kernelshap";
    e->asked = true;
    return err;
}

static int explain(struct bench_explain *e)
{
    int err = explain_exactly(e);
    e->how = "shapley_margin";
    return err == AM_E_UNSUPPORTED ? explain_by_asking(e) : err;
}

/* ---- shares
 * --------------------------------------------------------------------------- */
static int emit(struct bench_explain *e, const char *name, const char *group, double v,
                const double ci[2], const char *how)
{
    return bench_emit(e->r, "EQ-9", name, group, v, ci, how, (int64_t)e->n, e->positives);
}

/* Ratio of two sums over the rows, its variance by linearisation. */
static double share_of(const struct bench_explain *e, const bool *of, double ci[2])
{
    struct stat_sum part = {0}, whole = {0}, square = {0};
    double ratio, half, n = (double)e->n;
    for (unsigned pass = 0; pass < 2; pass++) {
        ratio = stat_total(&part) / stat_total(&whole);
        for (size_t i = 0; i < e->n; i++) {
            double a = 0, b = 0;
            for (size_t j = 0; j < e->f; j++) {
                double v = fabs(e->phi[i * e->f + j]);
                a += of[j] ? v : 0;
                b += v;
            }
            if (pass) {
                stat_add(&square, (a - ratio * b) * (a - ratio * b));
            } else {
                stat_add(&part, a);
                stat_add(&whole, b);
            }
        }
    }
    half = STAT_Z95 * sqrt(stat_total(&square) * n / (n - 1)) / stat_total(&whole);
    ci[0] = fmax(0, ratio - half);
    ci[1] = fmin(1, ratio + half);
    if (!(stat_total(&whole) > 0) || e->n < 2)
        ci[0] = ci[1] = NAN;
    return stat_total(&whole) > 0 ? ratio : NAN;
}

static int emit_share(struct bench_explain *e, const char *name, const char *group,
                      const bool *of)
{
    double ci[2], v = share_of(e, of, ci);
    return emit(e, name, group, v, ci, isnan(v) ? "no_attribution" : e->how);
}

static int emit_shares(struct bench_explain *e, const struct bench_proxies *p)
{
    bool *of = am_malloc(e->f + 1);
    int err = of ? AM_OK : AM_E_NOMEM;
    for (size_t j = 0; j < e->f && !err; j++)
        of[j] = p->carrier[j] && !p->declared[j];
    if (!err)
        err = emit_share(e, "protected_attribution_share", "", of);
    if (!err)
        err = emit_share(e, "attribution_share", "carriers", p->carrier);
    if (!err)
        err = emit_share(e, "attribution_share", "declared", p->declared);
    for (size_t a = 0; a < p->attribute.n && !err; a++) {
        const struct bench_carried *c = &p->attribute.v[a];
        char group[96];
        snprintf(group, sizeof group, "attribute:%s", c->name);
        for (size_t j = 0; j < e->f; j++)
            of[j] = c->auc[j] >= BENCH_PROXY_AUC;
        err = emit_share(e, "attribution_share", group, of);
    }
    free(of);
    return err;
}

static void pair_name(char out[160], struct str input, const char *attribute)
{
    snprintf(out, 160, "input:%.*s;attribute:%.60s", (int)AM_MIN(input.n, (size_t)64),
             input.p, attribute);
}

static int emit_proxies(struct bench_explain *e, const struct bench_proxies *p)
{
    char group[160];
    int err = AM_OK;
    for (size_t j = 0; j < e->f && !err; j++) {
        if (p->protected_input[j]) {
            snprintf(group, sizeof group, "input:%.*s", (int)AM_MIN(e->in[j].name.n, 64u),
                     e->in[j].name.p);
            err = emit(e, "protected_input", group, 1, bench_no_ci, "record");
        }
        for (size_t a = 0; a < p->attribute.n && !err; a++) {
            const struct bench_carried *c = &p->attribute.v[a];
            if (!(c->auc[j] >= BENCH_PROXY_AUC))
                continue;
            pair_name(group, e->in[j].name, c->name);
            err = emit(e, "proxy_auc", group, c->auc[j], bench_no_ci, "auc");
        }
    }
    return err;
}

/* ---- bars
 * ----------------------------------------------------------------------------- */
/* Inputs by falling strength, at most `most`; ties in order of the record. */
static size_t strongest(const double *v, size_t f, size_t most, uint32_t *out)
{
    size_t n = 0;
    for (size_t j = 0; j < f; j++) {
        size_t at = n;
        if (isnan(v[j]))
            continue;
        while (at > 0 && fabs(v[out[at - 1]]) < fabs(v[j]))
            at--;
        if (at == most)
            continue;
        n = AM_MIN(n + 1, most);
        memmove(out + at + 1, out + at, (n - 1 - at) * sizeof *out);
        out[at] = (uint32_t)j;
    }
    return n;
}

static int emit_bars(struct bench_explain *e)
{
    uint32_t top[EXPLAIN_BARS + 1];
    double *v = am_malloc((e->f + 1) * sizeof *v);
    char group[96];
    size_t n;
    int err = v ? AM_OK : AM_E_NOMEM;
    for (size_t j = 0; j < e->f && !err; j++) {
        struct stat_sum sum = {0};
        for (size_t i = 0; i < e->n; i++)
            stat_add(&sum, fabs(e->phi[i * e->f + j]));
        v[j] = plays(e, j) ? stat_total(&sum) / (double)e->n : NAN;
    }
    n = err ? 0 : strongest(v, e->f, EXPLAIN_BARS, top);
    for (size_t k = 0; k < n && !err; k++) {
        snprintf(group, sizeof group, "input:%.*s",
                 (int)AM_MIN(e->in[top[k]].name.n, 64u), e->in[top[k]].name.p);
        err = emit(e, "mean_abs_attribution", group, v[top[k]], bench_no_ci, e->how);
    }
    free(v);
    return err;
}

/* ---- groups
 * --------------------------------------------------------------------------- */
struct mean {
    double value, var; /* var: of the mean */
    int64_t n;
};

static struct mean mean_of(const struct bench_explain *e, const struct bench_attribute *a,
                           size_t value, size_t j)
{
    struct stat_sum sum = {0}, square = {0};
    struct mean m = {0};
    for (unsigned pass = 0; pass < 2; pass++) {
        m.value = stat_total(&sum) / (double)m.n;
        for (size_t i = 0; i < e->n; i++) {
            double v = e->phi[i * e->f + j];
            if (a->id[e->r->of[e->row[i]]] != value)
                continue;
            m.n += !pass;
            stat_add(pass ? &square : &sum, pass ? (v - m.value) * (v - m.value) : v);
        }
    }
    m.var = stat_total(&square) / (double)(m.n - 1) / (double)m.n;
    return m;
}

struct gap {
    double v, ci[2];
};

/* Highest mean minus lowest, over the groups of enough people. */
static struct gap gap_of(const struct bench_explain *e, const struct bench_attribute *a,
                         size_t j)
{
    struct mean hi = {0}, lo = {0};
    size_t groups = 0;
    double half;
    for (size_t g = 0; g < a->value.n; g++) {
        struct mean m = mean_of(e, a, g, j);
        if (m.n < EXPLAIN_GROUP)
            continue;
        if (!groups || m.value > hi.value)
            hi = m;
        if (!groups || m.value < lo.value)
            lo = m;
        groups++;
    }
    if (groups < 2)
        return (struct gap){NAN, {NAN, NAN}};
    half = STAT_Z95 * sqrt(hi.var + lo.var);
    return (struct gap){hi.value - lo.value,
                        {hi.value - lo.value - half, hi.value - lo.value + half}};
}

static int emit_gaps_of(struct bench_explain *e, const struct bench_attribute *a,
                        struct gap *gap, double *v)
{
    uint32_t top[EXPLAIN_TOP + 1];
    char group[160];
    size_t n;
    int err = AM_OK;
    for (size_t j = 0; j < e->f; j++) {
        gap[j] = plays(e, j) ? gap_of(e, a, j) : (struct gap){NAN, {NAN, NAN}};
        v[j] = gap[j].v;
    }
    n = strongest(v, e->f, EXPLAIN_TOP, top);
    for (size_t k = 0; k < n && !err; k++) {
        pair_name(group, e->in[top[k]].name, a->name);
        err = emit(e, "mean_attribution_difference", group, v[top[k]], gap[top[k]].ci,
                   "welch");
    }
    if (!err && !n) {
        snprintf(group, sizeof group, "attribute:%s", a->name);
        err = emit(e, "mean_attribution_difference", group, NAN, bench_no_ci,
                   "too_few_people");
    }
    return err;
}

static int emit_gaps(struct bench_explain *e)
{
    struct gap *gap = am_malloc((e->f + 1) * sizeof *gap);
    double *v = am_malloc((e->f + 1) * sizeof *v);
    int err = gap && v ? AM_OK : AM_E_NOMEM;
    for (size_t a = 0; a < e->r->attribute.n && !err; a++)
        if (!e->r->attribute.v[a].context)
            err = emit_gaps_of(e, &e->r->attribute.v[a], gap, v);
    free(gap);
    free(v);
    return err;
}

/* ---- the second opinion
 * --------------------------------------------------------------- */
/* Share of the strongest inputs that both name. */
static double agreement(const double *a, const double *b, size_t f)
{
    uint32_t x[EXPLAIN_TOP + 1], y[EXPLAIN_TOP + 1];
    size_t n = strongest(a, f, EXPLAIN_TOP, x), m = strongest(b, f, EXPLAIN_TOP, y),
           both = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            both += x[i] == y[k];
    return (double)both / (double)(n + m - both);
}

static int emit_lime(struct bench_explain *e)
{
    const struct probe_explain ask = {.oracle = &e->oracle.probe,
                                      .background = e->background,
                                      .rows = e->rows,
                                      .rules = &e->rules,
                                      .seed = e->r->seed};
    struct stat_sum r2 = {0}, jaccard = {0}, agrees = {0};
    double *effect, n = 0;
    int err = AM_OK;
    if (e->f > PROBE_LIME_MAX)
        return emit(e, "lime_r2", "", NAN, bench_no_ci, "too_many_inputs");
    effect = am_malloc((e->f + 1) * sizeof *effect);
    if (!effect)
        return AM_E_NOMEM;
    for (size_t i = 0; i < e->n && i < EXPLAIN_LIME_ROWS && !err; i++) {
        struct probe_lime how;
        err = probe_lime(&ask, e->in, e->x + i * e->f, effect, &how);
        if (err || !how.answered || isnan(how.r2))
            continue;
        n++;
        stat_add(&r2, how.r2);
        stat_add(&jaccard, how.jaccard);
        stat_add(&agrees, agreement(effect, e->phi + i * e->f, e->f));
    }
    free(effect);
    if (!err)
        err = emit(e, "lime_r2", "", stat_total(&r2) / n, bench_no_ci, "ridge");
    if (!err)
        err = emit(e, "lime_top5_jaccard", "", stat_total(&jaccard) / n, bench_no_ci,
                   "10_seeds");
    return err ? err
               : emit(e, "lime_shapley_top5", "", stat_total(&agrees) / n, bench_no_ci,
                      "jaccard");
}

/* ---- the family
 * ----------------------------------------------------------------------- */
static int emit_facts(struct bench_explain *e)
{
    int err = emit(e, "explained_rows", "", (double)e->n, bench_no_ci, e->how);
    if (!err)
        err = emit(e, "background_rows", "", (double)e->rows, bench_no_ci, "by_label");
    if (!err && e->unanswered)
        err = emit(e, "unanswered_rows", "", (double)e->unanswered, bench_no_ci, "count");
    if (!err && e->se > 0)
        err = emit(e, "attribution_se", "", e->se, bench_no_ci, "largest");
    return err;
}

/* Who stands at whose place. */
static int emit_players(struct bench_explain *e)
{
    char group[160];
    int err = AM_OK;
    for (size_t j = 0; j < e->f && !err; j++) {
        struct str lead = e->in[e->lead[j]].name, name = e->in[j].name;
        if (e->lead[j] != j) {
            snprintf(group, sizeof group, "input:%.*s;with:%.*s",
                     (int)AM_MIN(lead.n, 64u), lead.p, (int)AM_MIN(name.n, 64u), name.p);
            err = emit(e, "stands_with", group, 1, bench_no_ci, "manifest");
        } else if (!plays(e, j)) {
            snprintf(group, sizeof group, "input:%.*s", (int)AM_MIN(name.n, 64u), name.p);
            err = emit(e, "derived_input", group, 1, bench_no_ci, "manifest");
        }
    }
    return err;
}

static int report(struct bench_explain *e)
{
    struct bench_proxies p;
    int err = bench_proxies(e->r, e->in, &p);
    if (err)
        return err;
    for (size_t i = 0; i < e->n; i++)
        e->positives += e->r->y[e->row[i]];
    err = emit_proxies(e, &p);
    tie_proxies(e, &p);
    if (!err)
        err = emit_shares(e, &p);
    bench_proxies_release(&p);
    if (!err)
        err = emit_players(e);
    if (!err)
        err = emit_bars(e);
    if (!err)
        err = emit_gaps(e);
    if (!err)
        err = emit_facts(e);
    return err ? err : emit_lime(e);
}

static void release(struct bench_explain *e)
{
    bench_oracle_close(&e->oracle);
    bench_inputs_free(e->r, e->in);
    free(e->lead);
    free(e->follows);
    free(e->row);
    free(e->x);
    free(e->background);
    free(e->phi);
}

/* A pixel is no attribute of a person, nor stands for one alone. */
static int no_attributes(struct bench_run *r)
{
    int err = bench_not_applicable(r, "EQ-9", "no_tabular_features");
    return err ? err : bench_fact(r, "EQ-9", "inputs_explained", 0, "an_image");
}

int bench_explanations(struct bench_run *r)
{
    struct bench_explain e = {.r = r, .f = r->feature.n};
    const char *why = NULL;
    int err;
    if (r->image.width)
        return no_attributes(r);
    err = bench_inputs(r, &e.in);
    if (!err)
        err = choose_players(&e);
    if (!err)
        err = bench_oracle_open(&e.oracle, r, -1);
    if (!err)
        err = choose(&e);
    if (!err && e.n && e.rows)
        err = explain(&e);
    if (err == AM_E_TOOBIG)
        why = "too_many_inputs";
    else if (!err && !e.n)
        why = e.oracle.dead || e.unanswered ? "model_failed" : "no_rows";
    if (why)
        err = bench_fact(r, "EQ-9", "protected_attribution_share", NAN, why);
    else if (!err)
        err = report(&e);
    release(&e);
    return err;
}
