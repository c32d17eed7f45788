/* SPDX-License-Identifier: Apache-2.0 */
/* argon2id (RFC 9106) through libargon2: OpenSSL has it only from 3.2. */
#include <argon2.h>

#include "crypto/crypto.h"

enum {
    CRYPTO_SALT = 16,
    CRYPTO_ARGON2_OUT = 32,
    CRYPTO_PASSWORD_MAX = 1024,
    /* A stored string chooses the cost of checking it: bound what it may ask for. */
    CRYPTO_ARGON2_KIB_MAX = 1 << 20,
    CRYPTO_ARGON2_PASSES_MAX = 100,
    CRYPTO_ARGON2_LANES_MAX = 16,
};

/* The cost asked, within bounds; zeros: the usual one. */
static int crypto_cost_of(struct str password, const struct crypto_argon2 *cost,
                          struct crypto_argon2 *c)
{
    *c = cost ? *cost : (struct crypto_argon2){0};
    if (!c->memory_kib && !c->passes && !c->lanes)
        *c = (struct crypto_argon2){65536, 3, 1};
    if (password.n > CRYPTO_PASSWORD_MAX)
        return AM_E_TOOBIG;
    return c->memory_kib > CRYPTO_ARGON2_KIB_MAX ||
                   c->passes > CRYPTO_ARGON2_PASSES_MAX ||
                   c->lanes > CRYPTO_ARGON2_LANES_MAX
               ? AM_E_INVALID
               : AM_OK;
}

static int crypto_argon2_err(int k)
{
    if (k == ARGON2_OK)
        return AM_OK;
    if (k == ARGON2_MEMORY_ALLOCATION_ERROR)
        return AM_E_NOMEM;
    return k == ARGON2_MEMORY_TOO_LITTLE || k == ARGON2_TIME_TOO_SMALL ||
                   k == ARGON2_LANES_TOO_FEW || k == ARGON2_SALT_TOO_SHORT
               ? AM_E_INVALID
               : AM_E_CRYPTO;
}

int crypto_password_key(struct str password, struct str salt,
                        const struct crypto_argon2 *cost, uint8_t out[32])
{
    struct crypto_argon2 c;
    int err = crypto_cost_of(password, cost, &c);
    if (!err)
        err = crypto_argon2_err(argon2id_hash_raw(c.passes, c.memory_kib, c.lanes,
                                                  password.p, password.n, salt.p, salt.n,
                                                  out, CRYPTO_ARGON2_OUT));
    return err;
}

int crypto_password_hash(struct str password, const struct crypto_argon2 *cost,
                         char out[CRYPTO_PASSWORD])
{
    struct crypto_argon2 c;
    uint8_t salt[CRYPTO_SALT];
    int err = crypto_cost_of(password, cost, &c);
    if (!err)
        err = crypto_random(salt, sizeof salt);
    if (err)
        return err;
    err = crypto_argon2_err(argon2id_hash_encoded(
        c.passes, c.memory_kib, c.lanes, password.p, password.n, salt, sizeof salt,
        CRYPTO_ARGON2_OUT, out, CRYPTO_PASSWORD));
    if (err)
        out[0] = 0;
    return err;
}

/* "name=" digits, at most max, then the byte end. */
static bool crypto_cost(struct str *s, struct str name, uint32_t max, char end)
{
    uint32_t v = 0;
    size_t i = name.n;
    if (!str_starts(*s, name) || i >= s->n || s->p[i] == end)
        return false;
    for (; i < s->n && s->p[i] != end; i++) {
        if (s->p[i] < '0' || s->p[i] > '9' || v > max)
            return false;
        v = v * 10 + (uint32_t)(s->p[i] - '0');
    }
    *s = str_sub(*s, i + 1, s->n);
    return v <= max;
}

int crypto_password_check(struct str password, const char *encoded)
{
    struct str s = str_c(encoded);
    if (password.n > CRYPTO_PASSWORD_MAX || s.n >= CRYPTO_PASSWORD ||
        !str_starts(s, STR("$argon2id$v=19$")))
        return AM_E_UNAUTHORIZED;
    s = str_sub(s, strlen("$argon2id$v=19$"), s.n);
    if (!crypto_cost(&s, STR("m="), CRYPTO_ARGON2_KIB_MAX, ',') ||
        !crypto_cost(&s, STR("t="), CRYPTO_ARGON2_PASSES_MAX, ',') ||
        !crypto_cost(&s, STR("p="), CRYPTO_ARGON2_LANES_MAX, '$'))
        return AM_E_UNAUTHORIZED;
    switch (argon2id_verify(encoded, password.p, password.n)) {
    case ARGON2_OK:
        return AM_OK;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
        return AM_E_NOMEM;
    default:
        return AM_E_UNAUTHORIZED;
    }
}
