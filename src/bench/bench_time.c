/* SPDX-License-Identifier: Apache-2.0 */
/* bench_time -- when a case was scored, when its outcome was known. The instants
 * themselves are read and forgotten: a date of care beside a site says who somebody is.
 * What is kept, in the score file too:
 *
 *   case:order        rank of the instant among those of all sites, equal instants
 *                     equal; negative up to monitoring.reference_until, from 0 after it
 *   case:prospective  1 when the prediction came before the outcome, 0 when not */
#include "bench/bench_priv.h"

double bench_instant(const struct json *doc, struct str v)
{
    int64_t at;
    (void)doc;
    /* microseconds up to the year 9999: beyond 2255 the last bits go, the order stays */
    return time_parse(v, &at) && time_parse_date(v, &at) ? NAN : (double)at;
}

void bench_check_times(struct bench_set *s, size_t row, struct diag *d)
{
    const size_t column[] = {s->said, s->known};
    for (size_t i = 0; i < AM_LEN(column); i++) {
        struct str v;
        if (column[i] == BENCH_NO_COLUMN)
            continue;
        v = csv_at(s->csv, row, column[i]);
        if (!bench_missing(s, v) && isnan(bench_instant(NULL, v)))
            bench_bad_cell(s, row, column[i], "bench.timestamp",
                           "neither an instant (2026-11-21T22:41:52Z) nor a date", d);
    }
}

static double *column(const struct bench_run *r, const char *name)
{
    for (size_t i = 0; i < r->extra.n; i++)
        if (!strcmp(r->extra.v[i].name, name))
            return r->extra.v[i].v;
    return NULL;
}

static double until(const struct bench_run *r)
{
    return bench_instant(
        NULL, json_get_str(json_get(r->manifest, "monitoring"), "reference_until"));
}

/* Instants to ranks, in place. */
static int rank(const struct bench_run *r, double *at)
{
    size_t n = r->cases.n;
    uint32_t *order = am_malloc((n + 1) * sizeof *order);
    double limit = until(r), value = 0, last = NAN, before = 0;
    int err = order ? stat_order(at, n, order) : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) { /* distinct instants of the reference */
        double v = at[order[i]];
        before += v <= limit && v != last;
        last = v;
    }
    last = NAN;
    value = -before - 1;
    for (size_t i = 0; i < n && !err && !isnan(at[order[i]]); i++) {
        double v = at[order[i]];
        value += v != last;
        last = v;
        at[order[i]] = value;
    }
    free(order);
    return err;
}

int bench_times(struct bench_run *r)
{
    double *order = column(r, "case:order"), *known = column(r, "case:prospective");
    for (size_t i = 0; known && i < r->cases.n; i++)
        known[i] =
            isnan(known[i]) || isnan(order[i]) ? NAN : (double)(order[i] < known[i]);
    return order ? rank(r, order) : AM_OK;
}
