/* SPDX-License-Identifier: Apache-2.0 */
/* stat_multi -- many tests at once: adjusted p values, to be compared with the level
 * itself.
 *
 * Invariants: equal p values stay equal and order is kept; an adjusted value is in [p,
 * 1]; an absent p (NaN) stays absent and is not counted among the tests. A p outside
 * [0,1] is AM_E_INVALID. out may be p. O(n log n); on error out is untouched.
 *
 * Memory: O(n), freed before return. Threads: no state. */
#ifndef STAT_MULTI_H
#define STAT_MULTI_H

#include "stat/stat.h"

/* Family-wise error: S. Holm, Scand. J. Statist. 6 (1979) 65: with p(1) <= ... <= p(m),
 * max over j <= i of min(1, (m-j+1) p(j)). */
AM_CHECK int stat_holm(const double *p, size_t n, double *out);

/* False discovery rate: Y. Benjamini and Y. Hochberg, J. R. Statist. Soc. B 57 (1995)
 * 289: min over j >= i of min(1, m p(j)/j). */
AM_CHECK int stat_bh(const double *p, size_t n, double *out);

#endif
