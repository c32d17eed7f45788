/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "stat/stat_multi.h"

/* Rows by rising p, absent ones last; *tests counts those present. */
static int order_tests(const double *p, size_t n, uint32_t **order, size_t *tests)
{
    *order = NULL;
    *tests = 0;
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0 || p[i] > 1)
            return AM_E_INVALID;
        *tests += isnan(p[i]) ? 0 : 1;
    }
    *order = am_malloc((n + 1) * sizeof **order);
    int err = *order ? stat_order(p, n, *order) : AM_E_NOMEM;
    if (err) {
        free(*order);
        *order = NULL;
    }
    return err;
}

static void keep_absent(const uint32_t *order, size_t tests, size_t n, double *out)
{
    for (size_t i = tests; i < n; i++)
        out[order[i]] = NAN;
}

int stat_holm(const double *p, size_t n, double *out)
{
    uint32_t *order;
    size_t tests;
    double worst = 0;
    int err = order_tests(p, n, &order, &tests);
    if (err)
        return err;
    for (size_t i = 0; i < tests; i++) {
        worst = fmax(worst, fmin(1, (double)(tests - i) * p[order[i]]));
        out[order[i]] = worst;
    }
    keep_absent(order, tests, n, out);
    free(order);
    return AM_OK;
}

int stat_bh(const double *p, size_t n, double *out)
{
    uint32_t *order;
    size_t tests;
    double best = 1;
    int err = order_tests(p, n, &order, &tests);
    if (err)
        return err;
    for (size_t i = tests; i-- > 0;) {
        /* p itself where rank and number cancel: m p/m may round below p */
        double ratio = (double)tests / (double)(i + 1);
        best = fmin(best, fmax(p[order[i]], ratio * p[order[i]]));
        out[order[i]] = best;
    }
    keep_absent(order, tests, n, out);
    free(order);
    return AM_OK;
}
