/* SPDX-License-Identifier: Apache-2.0 */
/* stat_sobol -- points that fill a box evenly: a small number of questions put to a model
 * of many inputs.
 *
 * I. M. Sobol', USSR Comput. Math. Math. Phys. 7 (1967) 86, in the Gray code order of I.
 * A. Antonov and V. M. Saleev (1979), with the direction numbers of S. Joe and F. Y. Kuo,
 * SIAM J. Sci. Comput. 30 (2008) 2635 (new-joe-kuo-6) for the first STAT_SOBOL_TABLE
 * coordinates, not scrambled. Coordinates beyond are those of the table again in another
 * order of the points: Latin supercube sampling, A. B. Owen, ACM TOMACS 8 (1998) 71; the
 * orders are drawn from stream (seed, test, block).
 *
 * Memory: O(n), freed before return. Threads: no state. */
#ifndef STAT_SOBOL_H
#define STAT_SOBOL_H

#include "stat/stat.h"

enum { STAT_SOBOL_TABLE = 21, STAT_SOBOL_POINTS_MAX = 1 << 20 };
/* out: n rows of d values in [0,1); the first row is 0 in the first 21 coordinates.
 * AM_E_TOOBIG beyond the limit. O(n d). */
AM_CHECK int stat_sobol(size_t n, size_t d, uint64_t seed, uint64_t test, double *out);

#endif
