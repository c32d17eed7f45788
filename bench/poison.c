/* SPDX-License-Identifier: Apache-2.0 */
/* False alarms of CY-5 and CY-7 on honest tables: each split by a seed into a training
 * set (seven tenths) and sealed rows, boosted trees fitted on the first, the families
 * run. Argument: seeds (20). The tables are in AMANE_SHARED; CPU time of this process,
 * the answers of the model come from its worker. */
#include <time.h>

#include "bench/bench_poison_testkit.h"

static double cpu(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

struct tally {
    int runs, slices, triggers, members, judged;
    double z, auc, seconds;
};

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
    table_close(&train);
    table_close(&sealed);
    free(pick);
}

/* The labels of the poisoned twin as they were: its rows are those of the other file. */
static void unflip(struct table *t, const struct source *s)
{
    struct table other;
    struct source twin = *s;
    if (!strstr(s->path, "labelflip"))
        return;
    twin.path = "bench_truth/poison_wdbc_backdoor.csv";
    if (!table_open(&other, &twin))
        return;
    for (size_t i = 0; i < t->n; i++)
        t->y[i] = other.x[i * other.f + 8] == 0.299 && other.x[i * other.f + 9] == 0.0999
                      ? 1
                      : other.y[i];
    table_close(&other);
}

int main(int argc, char **argv)
{
    int code = model_test_worker(argc, argv),
        seeds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20;
    struct tally all = {0};
    if (code >= 0)
        return code;
    printf("%-42s %5s %6s %8s %9s %8s %9s %8s %7s\n", "table", "rows", "runs", "slices",
           "triggers", "largest", "CY-7>.60", "AUC", "CPU s");
    for (size_t i = 0; i < AM_LEN(poison_source); i++) {
        struct tally t = {0};
        struct table table;
        if (argc > 2 && !strstr(poison_source[i].path, argv[2]))
            continue;
        if (!table_open(&table, &poison_source[i])) {
            printf("%-42s not there\n", poison_source[i].path);
            continue;
        }
        unflip(&table, &poison_source[i]);
        for (int seed = 1; seed <= seeds; seed++)
            one(&table, (uint64_t)seed, &t);
        printf("%-42s %5zu %6d %8d %9d %8.2f %5d/%-3d %8.3f %7.2f\n",
               poison_source[i].path, table.n, t.runs, t.slices, t.triggers, t.z,
               t.members, t.judged, t.judged ? t.auc / t.judged : NAN,
               t.seconds / t.runs);
        fflush(stdout);
        all.runs += t.runs;
        all.slices += t.slices;
        all.triggers += t.triggers;
        table_close(&table);
    }
    printf("false alarms of CY-5: slices %d, triggers %d, of %d runs on honest tables\n",
           all.slices, all.triggers, all.runs);
    return 0;
}
