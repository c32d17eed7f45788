/* SPDX-License-Identifier: Apache-2.0 */
/* False alarms of CY-5 and CY-7 on honest tables: each split by a seed into a training
 * set (seven tenths) and sealed rows, boosted trees fitted on the first, the families
 * run. Arguments: seeds (20), a word of the paths wanted. The tables are in AMANE_SHARED;
 * POISON_TABLES names a file of others, a line each: path label positive skipped,columns
 * (from the working folder). Then both poisons are planted in each training set: a
 * corner of two inputs gets the label rarer in it (3 % of the rows), two values that
 * never meet put on 3 % of the rows of a class with the other label. CPU time of this
 * process; the answers of the model come from its worker. */
#include <time.h>

#include "bench/bench_poison_plant.h"

static double cpu(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

struct tally {
    int flips, backdoors, flipped, planted; /* found, of those planted */
    int runs, slices, triggers, members, judged;
    double z, auc, seconds;
};

static void poisoned(const struct table *train, const struct table *sealed, uint64_t seed,
                     bool trigger, struct tally *t)
{
    const struct model_gbt_options o = lab_trees(60, 3, 0.1);
    struct table copy = *train;
    struct stat_rng g;
    struct lab l;
    copy.x = am_malloc((copy.n * copy.f + 1) * sizeof *copy.x);
    copy.y = am_malloc(copy.n + 1);
    memcpy(copy.x, train->x, copy.n * copy.f * sizeof *copy.x);
    memcpy(copy.y, train->y, copy.n);
    stat_rng_init(&g, seed, 78, trigger);
    if (trigger ? plant_trigger(&copy, &g) : plant_flips(&copy, &g)) {
        lab_open(&l, &copy, sealed, &o, seed);
        assert_ok(bench_poisoning(&l.r));
        *(trigger ? &t->planted : &t->flipped) += 1;
        if (trigger)
            t->backdoors += lab_value(&l, "effective_triggers", "") > 0;
        else
            t->flips += lab_value(&l, "unexplained_slice_abs_z", "") > 4;
        lab_close(&l);
    }
    table_close(&copy);
}

static void one(const struct table *all, uint64_t seed, struct tally *t)
{
    const struct model_gbt_options o = lab_trees(60, 3, 0.1);
    bool *pick = lab_draw(all->n, 0.7, seed);
    struct table train, sealed;
    struct lab l;
    double from = cpu(), z, auc;
    lab_rows(&train, all, pick, true);
    lab_rows(&sealed, all, pick, false);
    lab_open(&l, &train, &sealed, &o, seed);
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    z = lab_value(&l, "unexplained_slice_abs_z", "");
    auc = lab_value(&l, "membership_attack_auc", "");
    t->runs++;
    t->slices += z > 4;
    t->triggers += lab_value(&l, "effective_triggers", "") > 0;
    t->members += auc > 0.6;
    t->judged += isfinite(auc);
    t->auc += isfinite(auc) ? auc : 0;
    t->z = fmax(t->z, lab_value(&l, "slice_abs_z_largest", ""));
    t->seconds += cpu() - from;
    if (getenv("SHOW"))
        for (size_t i = 0; i < l.r.measure.n; i++)
            printf("  %s [%s] %g (%g %g) %s n=%lld\n", l.r.measure.v[i].name,
                   l.r.measure.v[i].group, l.r.measure.v[i].estimate,
                   l.r.measure.v[i].ci95[0], l.r.measure.v[i].ci95[1],
                   l.r.measure.v[i].ci_method, (long long)l.r.measure.v[i].n);
    lab_close(&l);
    poisoned(&train, &sealed, seed, false, t);
    poisoned(&train, &sealed, seed, true, t);
    table_close(&train);
    table_close(&sealed);
    free(pick);
}

static void table_of(const struct source *s, int seeds, struct tally *all)
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
    printf("%-42s %5zu %6d %8d %9d %8.2f %5d/%-3d %8.3f %7.2f %5d/%-3d %5d/%-3d\n",
           s->path, table.n, t.runs, t.slices, t.triggers, t.z, t.members, t.judged,
           t.judged ? t.auc / t.judged : NAN, t.seconds / t.runs, t.flips, t.flipped,
           t.backdoors, t.planted);
    fflush(stdout);
    all->runs += t.runs;
    all->slices += t.slices;
    all->triggers += t.triggers;
    all->flips += t.flips;
    all->flipped += t.flipped;
    all->backdoors += t.backdoors;
    all->planted += t.planted;
    table_close(&table);
}

/* Lines of the file POISON_TABLES, instead of the tables of the tests. */
static void listed(const char *file, const char *word, int seeds, struct tally *all)
{
    char line[512], skip[256];
    struct source s;
    FILE *f = fopen(file, "r");
    while (f && fgets(line, sizeof line, f))
        if (poison_source_line(line, skip, &s) && (!word || strstr(s.path, word)))
            table_of(&s, seeds, all);
    if (f)
        fclose(f);
}

int main(int argc, char **argv)
{
    int code = model_test_worker(argc, argv),
        seeds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20;
    const char *word = argc > 2 ? argv[2] : NULL, *file = getenv("POISON_TABLES");
    struct tally all = {0};
    if (code >= 0)
        return code;
    printf("%-42s %5s %6s %8s %9s %8s %9s %8s %7s %9s %9s\n", "table", "rows", "runs",
           "slices", "triggers", "largest", "CY-7>.60", "AUC", "CPU s", "flips",
           "backdoors");
    if (file)
        listed(file, word, seeds, &all);
    for (size_t i = 0; i < AM_LEN(poison_source) && !file; i++)
        if (!word || strstr(poison_source[i].path, word))
            table_of(&poison_source[i], seeds, &all);
    printf("false alarms of CY-5: slices %d, triggers %d, of %d runs on honest tables; "
           "found: flips %d of %d, triggers %d of %d planted\n",
           all.slices, all.triggers, all.runs, all.flips, all.flipped, all.backdoors,
           all.planted);
    return 0;
}
