/* SPDX-License-Identifier: Apache-2.0 */
#include "dicom/dicom.h"

/* What is read of a file is within limits and the same when more of it is given; what is
 * refused says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str file = {(const char *)data, len};
    struct dicom x, y;
    struct diag d;
    int whole, part;
    diag_init(&d);
    whole = dicom_read(&x, file, true, &d);
    am_assert(whole != AM_E_TIMEOUT && !whole == !d.errors);
    part = dicom_read(&y, str_sub(file, 0, len / 2), false, NULL);
    if (!whole && !part)
        for (size_t k = 0; k < DICOM_KEYS; k++)
            am_assert(str_eq(x.value[k], y.value[k]));
    if (!whole) {
        for (size_t k = 0; k < DICOM_KEYS; k++)
            am_assert(x.value[k].n <= 4096 && str_utf8(x.value[k]));
        dicom_release(&x);
    }
    if (!part)
        dicom_release(&y);
    diag_release(&d);
    return 0;
}
