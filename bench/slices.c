/* SPDX-License-Identifier: Apache-2.0 */
/* The slice rule of CY-5 alone (bench_slices.c): how many honest runs alarm, how many
 * planted corners of flipped labels are found. Tables are split seven to three by a seed:
 * the ones the rule was chosen on (development), or those it was tried on once (held
 * out). Arguments: dev | held, seeds (40), a word of the names wanted. Real tables are in
 * AMANE_SHARED; POISON_TABLES names a file of others, a line each as bench/poison.c reads
 * them. SHOW=1 prints each part compared. CPU time of one thread. */
#include <time.h>

#include "bench/bench_poison.h"
#include "bench/bench_poison_plant.h"

struct tally {
    int runs, alarms, planted, found, compared;
    double seconds;
};

/* ---- made tables ---------------------------------------------------------------------
 */
typedef void made_of(struct table *t, uint64_t seed, size_t n, double shift);

static double unit(struct stat_rng *g)
{
    return stat_rng_double(g);
}

static void room(struct table *t, size_t n, size_t f)
{
    *t = (struct table){.n = n, .f = f};
    t->x = am_malloc(n * f * sizeof *t->x);
    t->y = am_malloc(n);
    for (size_t j = 0; j < f; j++)
        snprintf(t->name[j], sizeof t->name[j], "x%zu", j);
}

/* Development: normal columns with a common part, some of them codes; products. */
static void products(struct table *t, uint64_t seed, size_t n, double shift)
{
    struct stat_rng g;
    double w[12], c[3], base;
    size_t f, pairs, a[3], b[3];
    stat_rng_init(&g, seed, 101, 0);
    f = 5 + stat_rng_below(&g, 8);
    pairs = stat_rng_below(&g, 4);
    base = stat_rng_normal(&g) - 0.5;
    room(t, n, f);
    for (size_t j = 0; j < f; j++)
        w[j] = 0.6 * stat_rng_normal(&g);
    for (size_t k = 0; k < pairs; k++) {
        a[k] = stat_rng_below(&g, f);
        b[k] = stat_rng_below(&g, f);
        c[k] = 0.6 * stat_rng_normal(&g);
    }
    stat_rng_init(&g, seed, 303, shift > 0);
    base += shift;
    for (size_t i = 0; i < n; i++) {
        double common = stat_rng_normal(&g) + shift, *x = t->x + i * f, s = base;
        for (size_t j = 0; j < f; j++) {
            x[j] = 0.6 * common + 0.8 * stat_rng_normal(&g);
            if (j % 4 == 3)
                x[j] = (x[j] > 0) + (x[j] > 1);
            s += w[j] * x[j];
        }
        for (size_t k = 0; k < pairs; k++)
            s += c[k] * x[a[k]] * x[b[k]];
        t->y[i] = unit(&g) < 1 / (1 + exp(-s));
    }
}

/* Held out: skewed columns, missing values, steps and corners instead of lines. */
static void corners(struct table *t, uint64_t seed, size_t n, double shift)
{
    struct stat_rng g;
    double step[12], at[12], c[5], base;
    size_t f, many, a[5], b[5];
    stat_rng_init(&g, seed, 202, 0);
    f = 4 + stat_rng_below(&g, 9);
    many = stat_rng_below(&g, 6);
    base = 1.5 * stat_rng_normal(&g) - 1;
    room(t, n, f);
    for (size_t j = 0; j < f; j++) {
        step[j] = stat_rng_normal(&g);
        at[j] = exp(0.7 * stat_rng_normal(&g));
    }
    for (size_t k = 0; k < many; k++) {
        a[k] = stat_rng_below(&g, f);
        b[k] = stat_rng_below(&g, f);
        c[k] = 1.2 * stat_rng_normal(&g);
    }
    stat_rng_init(&g, seed, 303, shift > 0);
    base += shift;
    for (size_t i = 0; i < n; i++) {
        double common = stat_rng_normal(&g) + shift, *x = t->x + i * f, s = base;
        for (size_t j = 0; j < f; j++) {
            x[j] = exp(0.5 * common + 0.7 * stat_rng_normal(&g));
            s += step[j] * (x[j] > at[j]);
        }
        for (size_t k = 0; k < many; k++)
            s += c[k] * (x[a[k]] > at[a[k]] && x[b[k]] > at[b[k]]);
        t->y[i] = unit(&g) < 1 / (1 + exp(-s));
        for (size_t j = 0; j < f; j += 3)
            if (unit(&g) < 0.08)
                x[j] = NAN;
    }
}

/* ---- a run ---------------------------------------------------------------------------
 */
static double slices(const struct table *train, const struct table *sealed, uint64_t seed,
                     const char *what, struct tally *t)
{
    const struct model_gbt_options o = lab_trees(1, 1, 0.1);
    struct lab l;
    double z, from;
    lab_open(&l, train, sealed, &o, seed);
    struct bench_poison b = {.r = &l.r};
    from = (double)clock() / CLOCKS_PER_SEC;
    assert_ok(bench_poison_draw(&b));
    assert_ok(bench_poison_slices(&b));
    t->seconds += (double)clock() / CLOCKS_PER_SEC - from;
    t->compared += (int)lab_value(&l, "slices_compared", "");
    z = lab_value(&l, "unexplained_slice_abs_z", "");
    for (size_t i = 0; i < l.r.measure.n && getenv("SHOW"); i++)
        if (strstr(l.r.measure.v[i].group, "slice="))
            printf("%s %llu %s [%s] %g %lld\n", what, (unsigned long long)seed,
                   l.r.measure.v[i].name, l.r.measure.v[i].group,
                   l.r.measure.v[i].estimate, (long long)l.r.measure.v[i].n);
    bench_poison_release(&b);
    lab_close(&l);
    return z;
}

static void pair(struct table *train, const struct table *sealed, uint64_t seed,
                 struct tally *t)
{
    struct stat_rng g;
    t->runs++;
    t->alarms += slices(train, sealed, seed, "honest", t) > 4;
    stat_rng_init(&g, seed, 78, 0);
    if (plant_flips(train, &g)) {
        struct tally other = {0};
        t->planted++;
        t->found += slices(train, sealed, seed, "flipped", &other) > 4;
    }
}

static void one(const struct table *all, uint64_t seed, struct tally *t)
{
    bool *pick = lab_draw(all->n, 0.7, seed);
    struct table train, sealed;
    lab_rows(&train, all, pick, true);
    lab_rows(&sealed, all, pick, false);
    pair(&train, &sealed, seed, t);
    table_close(&train);
    table_close(&sealed);
    free(pick);
}

static void line(const char *name, size_t rows, const struct tally *t, struct tally *all)
{
    printf("%-42s %6zu %5d %7d %9.1f %5d/%-5d %8.3f\n", name, rows, t->runs, t->alarms,
           (double)t->compared / AM_MAX(t->runs, 1), t->found, t->planted,
           t->seconds / AM_MAX(t->runs, 1));
    fflush(stdout);
    all->runs += t->runs;
    all->alarms += t->alarms;
    all->planted += t->planted;
    all->found += t->found;
}

static void real(const struct source *s, int seeds, struct tally *all)
{
    struct tally t = {0};
    struct table table;
    if (!table_open(&table, s)) {
        printf("%-42s not there\n", s->path);
        return;
    }
    poison_unflip(&table, s);
    for (int seed = 1; seed <= seeds; seed++)
        one(&table, (uint64_t)seed, &t);
    line(s->path, table.n, &t, all);
    table_close(&table);
}

/* Each seed another table; the sealed rows are of another hospital: more of the causes,
 * more of the outcome, when `shift` is not 0. */
static void made(const char *name, made_of *make, size_t n, double shift, int seeds,
                 struct tally *all)
{
    struct tally t = {0};
    for (int k = 1; k <= seeds; k++) {
        uint64_t seed = (uint64_t)k + n;
        struct table train, sealed;
        make(&train, seed, n * 7 / 10, 0);
        make(&sealed, seed, n * 3 / 10, shift > 0 ? shift : 1e-9);
        pair(&train, &sealed, seed, &t);
        table_close(&train);
        table_close(&sealed);
    }
    line(name, n, &t, all);
}

static void listed(const char *file, int seeds, struct tally *all)
{
    char text[512], skip[256];
    struct source s;
    FILE *f = fopen(file, "r");
    while (f && fgets(text, sizeof text, f))
        if (poison_source_line(text, skip, &s))
            real(&s, seeds, all);
    if (f)
        fclose(f);
}

int main(int argc, char **argv)
{
    bool held = argc > 1 && !strcmp(argv[1], "held");
    int seeds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 40;
    const char *word = argc > 3 ? argv[3] : "", *file = getenv("POISON_TABLES");
    struct tally all = {0};
    printf("%-42s %6s %5s %7s %9s %11s %8s\n", "table", "rows", "runs", "alarms",
           "compared", "found", "CPU s");
    if (file)
        listed(file, seeds, &all);
    for (size_t i = 0; i < AM_LEN(poison_source) && !held && !file; i++)
        if (strstr(poison_source[i].path, word))
            real(&poison_source[i], seeds, &all);
    for (int k = 0; k < 2 && strstr("made", word); k++)
        for (size_t n = 600; n <= 5400; n *= 3)
            made(held ? k ? "made, corners, another hospital" : "made, corners"
                 : k  ? "made, products, another hospital"
                      : "made, products",
                 held ? corners : products, n, 0.5 * k, seeds, &all);
    printf("alarms: %d of %d honest runs; found: %d of %d planted corners\n", all.alarms,
           all.runs, all.found, all.planted);
    return 0;
}
