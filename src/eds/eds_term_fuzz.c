/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the terms of a resource: refused, or rows that pack to terms again. */
#include "eds/eds_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(void *arg, const struct fhir_row *r)
{
    struct fhir_rows *rows = arg;
    if (rows->n == rows->cap)
        return AM_E_TOOBIG;
    rows->v[rows->n++] = *r;
    return AM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fhir_row row[4096];
    struct fhir_rows rows = {row, 0, AM_LEN(row)}, again = {row, 0, AM_LEN(row)};
    struct buf packed;
    buf_init(&packed, 1 << 20);
    if (!eds_terms_each((struct str){(const char *)data, size}, keep, &rows) &&
        !eds_terms_pack(&packed, &rows)) {
        am_assert(!eds_terms_each(buf_str(&packed), keep, &again));
        am_assert(again.n == rows.n);
    }
    buf_release(&packed);
    return 0;
}
