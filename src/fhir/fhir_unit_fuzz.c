/* SPDX-License-Identifier: Apache-2.0 */
/* Two unit expressions, one a line: what converts one way converts back. */
#include "fhir/fhir.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str to, from = str_cut((struct str){(const char *)data, size}, '\n', &to);
    double there = NAN, back = NAN;
    int err = fhir_unit_convert(1, from, to, &there);
    if (err) {
        am_assert(isnan(there));
        return 0;
    }
    am_assert(isfinite(there) && fhir_unit_check(from) == AM_OK);
    /* Only the size of the numbers may stand in the way (1 Ym in ym and such). */
    err = fhir_unit_convert(there, to, from, &back);
    am_assert(err == AM_OK || err == AM_E_INVALID);
    if (!err && fabs(there) > 1e-200 && fabs(there) < 1e200)
        am_assert(fabs(back - 1) < 1e-9 || fabs(there) < 1e3);
    return 0;
}
