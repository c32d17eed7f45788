/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers MA-IA-<org6>-<10 base32>-<check>: 50 random bits, and a check character
 * that catches every single substitution and nearly every transposition of a person
 * copying it (ISO 7064 hybrid system MOD 37,36). */
#include "registry/registry_priv.h"

static const char registry_alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int registry_value(char c)
{
    const char *at = c ? strchr(registry_alphabet, c) : NULL;
    return at ? (int)(at - registry_alphabet) : -1;
}

/* ISO 7064, 2003, clause 9: P starts at 36; per character S = P + a (mod 36, 0 -> 36),
 * P = 2S mod 37; the check character makes the last S congruent to 1. -1: bad character.
 */
static int registry_check_value(struct str s)
{
    int p = 36;
    for (size_t i = 0; i < s.n; i++) {
        int a, sum;
        if (s.p[i] == '-')
            continue;
        a = registry_value(s.p[i]);
        if (a < 0)
            return -1;
        sum = (p + a) % 36;
        p = (sum ? sum : 36) * 2 % 37;
    }
    return (37 - p) % 36;
}

bool registry_algorithm_id_valid(struct str id)
{
    /* MA-IA-XXXXXX-XXXXXXXXXX-X */
    static const size_t dash[] = {2, 5, 12, 23};
    if (id.n != 25 || !str_starts(id, STR("MA-IA-")))
        return false;
    for (size_t i = 0; i < id.n; i++) {
        bool want = i == dash[0] || i == dash[1] || i == dash[2] || i == dash[3];
        if ((id.p[i] == '-') != want)
            return false;
    }
    return registry_check_value(str_sub(id, 0, 23)) == registry_value(id.p[24]);
}

static int registry_taken(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    return ledger_algorithm_find(l, str_c(arg)) ? AM_E_EXISTS : AM_OK;
}

int registry_algorithm_id(struct registry *r, struct str org6, char out[64])
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 */
    if (org6.n != 6)
        return AM_E_INVALID;
    for (size_t i = 0; i < org6.n; i++)
        if (registry_value(org6.p[i]) < 0)
            return AM_E_INVALID;
    for (;;) {
        uint8_t raw[10];
        char part[11];
        int check, err = crypto_random(raw, sizeof raw);
        if (err)
            return err;
        for (size_t i = 0; i < 10; i++)
            part[i] = base32[raw[i] & 31];
        part[10] = 0;
        snprintf(out, 64, "MA-IA-%.6s-%s", org6.p, part);
        check = registry_check_value(str_c(out));
        am_assert(check >= 0);
        snprintf(out + 23, 64 - 23, "-%c", registry_alphabet[check]);
        if (registry_view(r, registry_taken, out) == AM_OK)
            return AM_OK;
    }
}
