/* SPDX-License-Identifier: Apache-2.0 */
/* An artificial cohort: four sites of different size and prevalence, Moroccan
 * demographics, correlated vitals and laboratory values. Seeded: the same seed gives the
 * same bytes on any machine. Nobody in it exists.
 *
 * Not a model of any disease: shapes are plausible adult ranges, the outcome is a
 * logistic draw whose coefficients are ours. Age structure: adults, urban share 63 %
 * (order of the 2024 census of Morocco); sex ratio of diabetes clinics, 57 % women. */
#include "cmd.h"

#include <limits.h>
#include <math.h>

#include "stat/stat.h"

static const char synopsis[] = "usage: amane cohort make --out DIR [--seed N]\n";

struct cohort_site {
    const char *file, *region;
    unsigned n;
    double intercept, age_mean; /* moves prevalence and case mix */
};
static const struct cohort_site sites[] = {
    {"site1.csv", "Rabat-Salé-Kénitra", 420, -0.55, 57},
    {"site2.csv", "Casablanca-Settat", 360, -0.15, 59},
    {"site3.csv", "Fès-Meknès", 260, -0.90, 55},
    {"site4.csv", "Marrakech-Safi", 180, -1.20, 53},
};

struct cohort_person {
    double age, sex, urban, sbp, heart_rate, bmi, glucose, creatinine, hba1c;
    int label;
};

static double normal(struct stat_rng *r)
{
    return stat_rng_normal(r);
}

static double keep(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static double decimals(double v, double unit)
{
    return nearbyint(v / unit) * unit;
}

/* One latent severity ties glucose, HbA1c and creatinine together; age carries pressure.
 */
static void person(struct stat_rng *r, const struct cohort_site *s,
                   struct cohort_person *p)
{
    double z = normal(r), eta;
    p->age = floor(keep(s->age_mean + 12 * normal(r), 18, 95));
    p->sex = stat_rng_double(r) < 0.43; /* 1 = male */
    p->urban = stat_rng_double(r) < 0.63;
    p->bmi = decimals(keep(28 + 4.5 * normal(r) + 1.2 * (1 - p->sex), 16, 55), 0.1);
    p->sbp = decimals(
        keep(128 + 0.35 * (p->age - 55) + 0.6 * (p->bmi - 28) + 14 * normal(r), 80, 230),
        1);
    p->heart_rate = decimals(keep(78 + 2 * z + 10 * normal(r), 45, 160), 1);
    p->hba1c = decimals(keep(7.9 + 1.2 * z + 0.6 * normal(r), 4.5, 16), 0.1);
    /* Mean glucose from HbA1c: 28.7 * A1c - 46.7 mg/dL (Nathan et al., Diabetes Care
     * 2008). */
    p->glucose = decimals(keep(28.7 * p->hba1c - 46.7 + 25 * normal(r), 50, 600), 1);
    p->creatinine = decimals(
        keep(0.85 + 0.15 * p->sex + 0.006 * (p->age - 55) + 0.12 * z + 0.15 * normal(r),
             0.3, 8),
        0.01);
    eta = s->intercept + 0.055 * (p->age - 57) + 0.028 * (p->sbp - 130) +
          0.75 * (p->hba1c - 8) + 1.6 * (p->creatinine - 1) + 0.05 * (p->bmi - 28) +
          0.25 * (p->sex - 0.5) - 0.15 * (p->urban - 0.5);
    p->label = stat_rng_double(r) < 1 / (1 + exp(-eta));
}

static int write_site(const char *dir, const struct cohort_site *s, size_t i,
                      uint64_t seed)
{
    char path[PATH_MAX];
    struct stat_rng r;
    struct buf b;
    int err;
    stat_rng_init(&r, seed, 1, i);
    buf_init(&b, (size_t)16 << 20);
    err = buf_adds(&b,
                   "id,region,urban,age,sex,sbp,heart_rate,bmi,glucose,creatinine,hba1c,"
                   "complication\n");
    for (unsigned k = 0; k < s->n && !err; k++) {
        struct cohort_person p;
        person(&r, s, &p);
        err =
            buf_addf(&b, "%zu-%04u,%s,%.0f,%.0f,%.0f,%.0f,%.0f,%.1f,%.0f,%.2f,%.1f,%d\n",
                     i + 1, k, s->region, p.urban, p.age, p.sex, p.sbp, p.heart_rate,
                     p.bmi, p.glucose, p.creatinine, p.hba1c, p.label);
    }
    snprintf(path, sizeof path, "%s/%s", dir, s->file);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0644);
    buf_release(&b);
    return err;
}

int cmd_cohort(int argc, char **argv)
{
    const char *out = NULL, *seed_text = "1";
    bool help;
    int64_t seed;
    int err;
    const struct cmd_opt opt[] = {
        {.name = "--out", .kind = CMD_TEXT, .text = &out},
        {.name = "--seed", .kind = CMD_TEXT, .text = &seed_text}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 2 || strcmp(argv[1], "make") != 0 || !out ||
        str_int(str_c(seed_text), 0, INT64_MAX, &seed))
        return cmd_usage(synopsis, false);
    err = am_dir_make(out, 0700);
    for (size_t i = 0; i < AM_LEN(sites) && !err; i++)
        err = write_site(out, &sites[i], i, (uint64_t)seed);
    return err ? cmd_fail("write the cohort in", out, err, NULL) : 0;
}
