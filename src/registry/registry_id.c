/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers MA-IA-<org6>-<10 base32>-<check>: 50 random bits, and a check character
 * (ISO 7064 hybrid system MOD 37,36, in `ledger`) that catches every single substitution
 * and nearly every transposition of a person copying it. */
#include "registry/registry_priv.h"

bool registry_algorithm_id_valid(struct str id)
{
    return ledger_algorithm_id_valid(id);
}

static int registry_taken(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    return ledger_algorithm_find(l, str_c(arg)) ? AM_E_EXISTS : AM_OK;
}

int registry_algorithm_id(struct registry *r, struct str org6, char out[64])
{
    for (;;) {
        char id[LEDGER_ALGORITHM_ID + 1];
        uint8_t raw[10];
        int err = crypto_random(raw, sizeof raw);
        if (!err)
            err = ledger_algorithm_id(org6, raw, id);
        if (err)
            return err;
        if (registry_view(r, registry_taken, id) == AM_OK) {
            memcpy(out, id, sizeof id);
            return AM_OK;
        }
    }
}
