/* SPDX-License-Identifier: Apache-2.0 */
/* What a copy of a model costs in questions (bench.md 6.3): equations on logistic models
 * (d + 1 questions, weights to 1e-4), paths on trees of known boxes, boosted trees and a
 * logistic copy of a small network at four budgets. bench.md measured, of another network
 * of 6 inputs with a majority class of 74 %, .96 at 50 questions and .986 at 1,000: the
 * peer figures here, which are another program's on another model. */
#include "bench/bench_extract.h"
#include "peer.h"

enum {
    D = 20,
    MODELS = 200,
    F = 6,
    HIDDEN = 12,
    MOST = 5000,
    JUDGES = 4000,
    LEAVES = 16
};

static struct probe_input input[D];

static void line(const char *figure, double value, const char *unit, double target,
                 const char *better, double peer, const char *conditions)
{
    char of[40] = "null", other[40] = "null", is[40] = "null";
    if (!isnan(target))
        snprintf(of, sizeof of, "%g", target);
    if (!isnan(peer))
        snprintf(other, sizeof other, "%g", peer);
    if (!isnan(value))
        snprintf(is, sizeof is, "%.6g", value);
    printf("{\"figure\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"target\":%s,\"better\":"
           "\"%s\",\"peer\":\"bench.md 6.3\",\"peer_value\":%s,\"conditions\":\"%s\"}\n",
           figure, is, unit, of, better, other, conditions);
}

/* ---- equations -------------------------------------------------------------------- */
struct plane {
    double w[D], b;
};

static int plane_score(void *cookie, const double *x, size_t n, double *score)
{
    const struct plane *p = cookie;
    for (size_t i = 0; i < n; i++) {
        double m = p->b;
        for (size_t j = 0; j < D; j++)
            m += p->w[j] * x[i * D + j];
        score[i] = 1 / (1 + exp(-m));
    }
    return AM_OK;
}

/* `half` is half of each input's range: with 50 most answers are 0 or 1 to the last
 * digit. */
static void equations(double half, const char *figure, const char *conditions)
{
    struct probe_input in[D];
    double worst = 0, asked = 0, start = peer_cpu_ms();
    char name[80];
    memcpy(in, input, sizeof in);
    for (size_t j = 0; j < D; j++)
        in[j].lo = -half, in[j].hi = half;
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        const double base[D] = {0};
        struct stat_rng r;
        struct plane p;
        struct probe_linear l;
        struct probe_oracle o = {.ask = plane_score,
                                 .cookie = &p,
                                 .features = D,
                                 .lo = 0,
                                 .hi = 1,
                                 .budget = -1};
        stat_rng_init(&r, seed, 1, 1);
        p.b = stat_rng_normal(&r);
        for (size_t j = 0; j < D; j++)
            p.w[j] = stat_rng_normal(&r);
        am_assert(probe_equations(&o, in, base, &l) == AM_OK && l.linear);
        for (size_t j = 0; j < D; j++)
            worst = fmax(worst, fabs(l.w[j] - p.w[j]));
        worst = fmax(worst, fabs(l.b - p.b));
        asked += (double)o.queries;
        probe_linear_release(&l);
    }
    snprintf(name, sizeof name, "extract.%s.questions", figure);
    line(name, asked / MODELS, "questions, mean", D + 1, "lower", NAN, conditions);
    snprintf(name, sizeof name, "extract.%s.weight_error", figure);
    line(name, worst, "the largest of all weights", 1e-4, "lower", NAN, conditions);
    snprintf(name, sizeof name, "extract.%s.cpu", figure);
    line(name, (peer_cpu_ms() - start) / MODELS, "ms CPU a model", NAN, "lower", NAN,
         conditions);
}

/* ---- paths ------------------------------------------------------------------------ */
struct tree { /* complete, depth 4: node k has children 2k + 1, 2k + 2 */
    uint32_t at[LEAVES - 1];
    double cut[LEAVES - 1], leaf[LEAVES];
};

static int tree_score(void *cookie, const double *x, size_t n, double *score)
{
    const struct tree *t = cookie;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < LEAVES - 1)
            k = 2 * k + (x[i * F + t->at[k]] < t->cut[k] ? 1 : 2);
        score[i] = t->leaf[k - (LEAVES - 1)];
    }
    return AM_OK;
}

static void paths(void)
{
    double same = 0, of = 0, asked = 0, start = peer_cpu_ms();
    size_t complete = 0;
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        const double base[F] = {0};
        struct stat_rng r;
        struct tree t;
        struct probe_paths p;
        struct probe_oracle o = {.ask = tree_score,
                                 .cookie = &t,
                                 .features = F,
                                 .lo = 0,
                                 .hi = 1,
                                 .budget = MOST};
        stat_rng_init(&r, seed, 2, 1);
        for (size_t k = 0; k < LEAVES - 1; k++) {
            t.at[k] = (uint32_t)(stat_rng_double(&r) * F);
            t.cut[k] = stat_rng_double(&r) * 80 - 40;
        }
        for (size_t k = 0; k < LEAVES; k++)
            t.leaf[k] = stat_rng_double(&r);
        am_assert(probe_paths(&o, input, base, &p) == AM_OK);
        complete += p.complete;
        asked += (double)p.queries;
        for (size_t i = 0; i < 200; i++) {
            double x[F], s;
            for (size_t j = 0; j < F; j++)
                x[j] = stat_rng_double(&r) * 100 - 50;
            am_assert(tree_score(&t, x, 1, &s) == AM_OK);
            same += probe_paths_score(&p, x) == s;
            of++;
        }
        probe_paths_release(&p);
    }
    line("extract.paths.agreement", same / of, "of scores, equal to the bit", 1, "higher",
         NAN, "trees of 16 leaves, 6 inputs, at most 5,000 questions, 200 trees");
    line("extract.paths.complete", (double)complete / MODELS,
         "of trees, boxes fill the ranges", 1, "higher", NAN, "the same");
    line("extract.paths.questions", asked / MODELS, "questions, mean", MOST, "lower", NAN,
         "the same");
    line("extract.paths.cpu", (peer_cpu_ms() - start) / MODELS, "ms CPU a tree", NAN,
         "lower", NAN, "answers included");
}

/* ---- copies ----------------------------------------------------------------------- */
static struct {
    double in[HIDDEN][F], b[HIDDEN], out[HIDDEN], bias;
} net;

static int net_score(void *cookie, const double *x, size_t n, double *score)
{
    (void)cookie;
    for (size_t i = 0; i < n; i++) {
        double m = net.bias;
        for (size_t h = 0; h < HIDDEN; h++) {
            double v = net.b[h];
            for (size_t j = 0; j < F; j++)
                v += net.in[h][j] * x[i * F + j];
            m += net.out[h] * tanh(v);
        }
        score[i] = 1 / (1 + exp(-m));
    }
    return AM_OK;
}

static void rows(double *x, size_t n, uint64_t stream)
{
    struct stat_rng r;
    stat_rng_init(&r, 7, 3, stream);
    for (size_t i = 0; i < n * F; i++)
        x[i] = 12 * stat_rng_normal(&r);
}

static double *made(size_t n)
{
    double *v = am_malloc(n * sizeof *v);
    am_assert(v);
    return v;
}

/* Bias so that 74 % of the judge's rows are of one class, as in bench.md. */
static void network(double *at, double *s, uint8_t *decided)
{
    struct stat_rng r;
    stat_rng_init(&r, 7, 3, 1);
    for (size_t h = 0; h < HIDDEN; h++) {
        for (size_t j = 0; j < F; j++)
            net.in[h][j] = stat_rng_normal(&r) / 20;
        net.b[h] = stat_rng_normal(&r) / 2;
        net.out[h] = stat_rng_normal(&r) * 2;
    }
    rows(at, JUDGES, 2);
    am_assert(net_score(NULL, at, JUDGES, s) == AM_OK);
    qsort(s, JUDGES, sizeof *s, peer_by_value);
    net.bias = -log(s[JUDGES * 74 / 100] / (1 - s[JUDGES * 74 / 100]));
    am_assert(net_score(NULL, at, JUDGES, s) == AM_OK);
    for (size_t i = 0; i < JUDGES; i++)
        decided[i] = s[i] >= 0.5;
}

static void copies(void)
{
    static const size_t budgets[] = {50, 200, 1000, MOST};
    static const double peer[] = {0.96, NAN, 0.986, NAN};
    static const char *const questions[] = {"like", "blind"}, *const copy[] = {
                                                                  "trees", "logistic"};
    static const char *const name[F] = {"f0", "f1", "f2", "f3", "f4", "f5"};
    probe_copy_fn *fit[] = {bench_copy_trees, bench_copy_logistic};
    struct bench_copier how = {F, name};
    double *x = made(MOST * F), *score = made(MOST), *at = made(JUDGES * F),
           *s = made(JUDGES), *pool = made(MOST * F);
    uint8_t *decided = am_malloc(JUDGES);
    am_assert(decided);
    network(at, s, decided);
    rows(pool, MOST, 3);
    for (size_t q = 0; q < 2; q++) {
        if (q)
            probe_questions_blind(input, F, 7, 4, x, MOST);
        else
            am_assert(probe_questions_like(input, F, pool, MOST, 7, 4, x, MOST) == AM_OK);
        am_assert(net_score(NULL, x, MOST, score) == AM_OK);
        for (size_t f = 0; f < 2; f++) {
            const struct probe_copy c = {.features = F,
                                         .threshold = 0.5,
                                         .x = x,
                                         .score = score,
                                         .n = MOST,
                                         .at = at,
                                         .decided = decided,
                                         .m = JUDGES,
                                         .fit = fit[f],
                                         .cookie = &how};
            size_t first[2] = {0};
            char figure[80];
            for (size_t b = 0; b < AM_LEN(budgets); b++) {
                double agreement;
                am_assert(probe_copy_agreement(&c, budgets[b], &agreement) == AM_OK);
                for (size_t k = 0; k < 2; k++)
                    if (!first[k] && agreement >= (k ? 0.99 : 0.95))
                        first[k] = budgets[b];
                snprintf(figure, sizeof figure, "extract.copy.%s.%s.%zu", copy[f],
                         questions[q], budgets[b]);
                line(figure, agreement, "of decisions", NAN, "higher", q ? NAN : peer[b],
                     "network of 6 inputs and 12 cells, one class 74 %, 4,000 rows "
                     "unseen");
            }
            for (size_t k = 0; k < 2; k++) {
                snprintf(figure, sizeof figure, "extract.copy.%s.%s.to_%s", copy[f],
                         questions[q], k ? "99" : "95");
                line(figure, first[k] ? (double)first[k] : NAN,
                     "questions; of the four budgets, the first", NAN, "lower", NAN,
                     "the same");
            }
        }
    }
    free(x);
    free(score);
    free(at);
    free(s);
    free(pool);
    free(decided);
}

int main(void)
{
    for (size_t j = 0; j < D; j++)
        input[j] = (struct probe_input){
            .lo = -50, .hi = 50, .cva = NAN, .cvi = NAN, .decimals = -1};
    equations(3, "equations", "logistic, 20 standardised inputs, 200 models");
    equations(50, "equations_saturated", "the same, ranges where answers are 0 or 1");
    paths();
    copies();
    return 0;
}
