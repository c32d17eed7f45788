/* SPDX-License-Identifier: Apache-2.0 */
/* HopSkipJump on logistic models of 6 inputs, whose nearest change is known: CPU time,
 * questions, distance over the optimum. The peer's figures are ART's, as bench.md section
 * 8 measured them (ART is not in Debian): they are not run here. */
#include "peer.h"
#include "probe/probe_attack.h"

enum { F = 6, MODELS = 200 };

struct plane {
    double w[F], b;
};

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    const struct plane *p = cookie;
    for (size_t i = 0; i < n; i++) {
        double m = p->b;
        for (size_t j = 0; j < F; j++)
            m += p->w[j] * x[i * F + j];
        score[i] = 1 / (1 + exp(-m));
    }
    return AM_OK;
}

static struct probe_input input[F];

/* One model, attacked from the origin: distance over the optimum, in L2. */
static double attack(uint64_t seed, int64_t *queries)
{
    const struct probe_rules rules = {.input = input, .n = F};
    const double x[F] = {0};
    double y[F], size = 0;
    struct stat_rng r;
    struct plane p;
    struct probe_oracle o = {
        .ask = answer, .cookie = &p, .features = F, .lo = 0, .hi = 1, .budget = -1};
    struct probe_found f = {.x = y};
    struct probe_goal g = {.oracle = &o,
                           .rules = &rules,
                           .x = x,
                           .threshold = 0.5,
                           .norm = PROBE_L2,
                           .eps = INFINITY,
                           .budget = 2500,
                           .seed = seed};
    stat_rng_init(&r, seed, 1, 1);
    p.b = 1 + stat_rng_double(&r);
    for (size_t j = 0; j < F; j++) {
        p.w[j] = stat_rng_normal(&r);
        size += p.w[j] * p.w[j];
    }
    g.score = 1 / (1 + exp(-p.b));
    am_assert(probe_attack_hopskipjump(&g, &f) == AM_OK && f.found);
    *queries = f.queries;
    return f.distance / (p.b / sqrt(size));
}

static void line(const char *figure, double value, const char *unit, double target,
                 double peer)
{
    printf("{\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"target\":%g,\"better\":"
           "\"lower\",\"peer\":\"ART 1.17, 50 iterations, as bench.md has it\","
           "\"peer_value\":%g,\"conditions\":\"6 inputs, logistic, L2, 200 models\"}\n",
           figure, value, unit, target, peer);
}

int main(void)
{
    double worst = 0, total = 0, start = peer_cpu_ms(), ms;
    int64_t most = 0, all = 0;
    for (size_t j = 0; j < F; j++)
        input[j] = (struct probe_input){
            .lo = -50, .hi = 50, .cva = NAN, .cvi = NAN, .decimals = -1};
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        int64_t queries;
        double ratio = attack(seed, &queries);
        worst = fmax(worst, ratio);
        total += ratio;
        most = AM_MAX(most, queries);
        all += queries;
    }
    ms = (peer_cpu_ms() - start) / MODELS;
    line("attack.hopskipjump.cpu", ms, "ms CPU", 29, 29);
    line("attack.hopskipjump.questions", (double)all / MODELS, "questions", 2500, 24350);
    line("attack.hopskipjump.questions_most", (double)most, "questions", 2500, 24350);
    line("attack.hopskipjump.distance", total / MODELS, "of the optimum", 1.03, 1.145);
    line("attack.hopskipjump.distance_worst", worst, "of the optimum", 1.03, 1.145);
    return 0;
}
