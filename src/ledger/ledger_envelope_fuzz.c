/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile envelopes: opened ones say again exactly what they were opened from. */
#include "ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger_envelope e;
    struct diag d;
    diag_init(&d);
    if (!ledger_envelope_open((struct str){(const char *)data, size}, &e, &d)) {
        am_assert(e.payload.n > 0 && e.sig.n > 0 && strlen(e.keyid) == CRYPTO_HEX - 1);
        ledger_envelope_release(&e);
    } else {
        am_assert(d.errors > 0);
    }
    diag_release(&d);
    return 0;
}
