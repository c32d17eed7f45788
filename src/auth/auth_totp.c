/* SPDX-License-Identifier: Apache-2.0 */
/* Time-based one-time passwords: RFC 4226 (HOTP), RFC 6238 (TOTP), SHA-1, 30 s, 6 digits:
 * what every authenticator application does by default. */
#include "auth/auth_priv.h"
#include "base/clock.h"

int auth_totp_code(const uint8_t secret[AUTH_TOTP_SECRET], int64_t step,
                   char out[AUTH_TOTP_CODE])
{
    uint8_t counter[8], mac[20];
    for (size_t i = 0; i < sizeof counter; i++)
        counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    int err = crypto_hmac_sha1((struct str){(const char *)secret, AUTH_TOTP_SECRET},
                               (struct str){(const char *)counter, sizeof counter}, mac);
    if (err)
        return err;
    /* RFC 4226, section 5.3: dynamic truncation */
    const uint8_t *p = mac + (mac[19] & 0x0f);
    uint32_t n =
        (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    snprintf(out, AUTH_TOTP_CODE, "%06u", n % 1000000);
    crypto_wipe(mac, sizeof mac);
    return AM_OK;
}

/* As people type it: "123 456" too. */
static bool auth_totp_digits(struct str code, char digits[AUTH_TOTP_CODE])
{
    size_t n = 0;
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] == ' ')
            continue;
        if (code.p[i] < '0' || code.p[i] > '9' || n == AUTH_TOTP_CODE - 1)
            return false;
        digits[n++] = code.p[i];
    }
    digits[n] = 0;
    return n == AUTH_TOTP_CODE - 1;
}

int auth_totp_match(const uint8_t secret[AUTH_TOTP_SECRET], struct str code, int64_t now,
                    int64_t last_step, int64_t *step)
{
    char digits[AUTH_TOTP_CODE], want[AUTH_TOTP_CODE];
    int64_t current = now / TIME_SECOND / AUTH_TOTP_PERIOD_S, found = -1;
    if (!auth_totp_digits(code, digits))
        return AM_E_UNAUTHORIZED;
    for (int64_t s = current - 1; s <= current + 1; s++) {
        int err = auth_totp_code(secret, s, want);
        if (err)
            return err;
        if (crypto_equal(want, digits, AUTH_TOTP_CODE) && s > last_step)
            found = s;
    }
    crypto_wipe(want, sizeof want);
    if (found < 0)
        return AM_E_UNAUTHORIZED;
    *step = found;
    return AM_OK;
}

void auth_totp_base32(const uint8_t secret[AUTH_TOTP_SECRET], char out[33])
{
    for (size_t i = 0; i < 32; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)secret[bit / 8] << 8 |
                       (bit / 8 + 1 < AUTH_TOTP_SECRET ? secret[bit / 8 + 1] : 0);
        out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[two >> (11 - bit % 8) & 31];
    }
    out[32] = 0;
}
