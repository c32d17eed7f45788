/* SPDX-License-Identifier: Apache-2.0 */
/* The fast way and OpenSSL's own must say the same of every signature, good or not. */
#include "base/test.h"

#include "crypto/crypto.h"

/* The generator (SEC 2, 2.4.2) as a public key: its private key is 1, so that the sum of
 * both halves can be steered. */
static const char generator_spki[] =
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
static const char order[] =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

static struct crypto_key *key_of_hex(const char *hex)
{
    uint8_t der[91];
    struct crypto_key *k = NULL;
    assert_ok(crypto_unhex(str_c(hex), der, sizeof der));
    assert_ok(crypto_key_from_spki(&k, (struct str){(const char *)der, sizeof der}));
    return k;
}

static void number(const char *hex, uint8_t out[32])
{
    assert_ok(crypto_unhex(str_c(hex), out, 32));
}

/* a - b modulo 2^256 */
static void minus(const uint8_t a[32], const uint8_t b[32], uint8_t out[32])
{
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int d = a[i] - b[i] - borrow;
        out[i] = (uint8_t)d;
        borrow = d < 0;
    }
}

static void der_number(struct buf *out, const uint8_t v[32])
{
    size_t from = 0;
    while (from < 31 && !v[from])
        from++;
    assert_ok(buf_addc(out, 2));
    assert_ok(buf_addc(out, (char)(32 - from + (v[from] >> 7))));
    if (v[from] >> 7)
        assert_ok(buf_addc(out, 0));
    assert_ok(buf_add(out, (struct str){(const char *)v + from, 32 - from}));
}

static void der_signature(struct buf *out, const uint8_t r[32], const uint8_t s[32])
{
    buf_clear(out);
    assert_ok(buf_add(out, STR("\x30\x00")));
    der_number(out, r);
    der_number(out, s);
    out->p[1] = (char)(out->n - 2);
}

static int same(const struct crypto_key *k, struct crypto_p256_table *t, struct str data,
                struct str sig)
{
    int err = crypto_verify(k, data, sig);
    assert_int_equal(crypto_p256_table_verify(t, data, sig), err);
    return err;
}

static unsigned seed = 1;
static unsigned roll(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static void it_says_what_openssl_says(void **state)
{
    struct buf sig;
    (void)state;
    buf_init(&sig, 256);
    for (int i = 0; i < 4; i++) {
        struct crypto_p256_table *t = NULL;
        struct crypto_key *k = NULL;
        assert_ok(crypto_key_generate(&k, CRYPTO_P256));
        assert_ok(crypto_p256_table_new(&t, k));
        for (int j = 0; j < 150; j++) {
            char data[64] = {0};
            struct str d = {data, (size_t)j % sizeof data};
            assert_ok(crypto_random(data, sizeof data));
            buf_clear(&sig);
            assert_ok(crypto_sign(k, d, &sig));
            assert_ok(same(k, t, d, buf_str(&sig)));
            if (d.n) {
                data[roll((unsigned)d.n)] ^= (char)(1 << roll(8));
                assert_int_equal(same(k, t, d, buf_str(&sig)), AM_E_TAMPERED);
            }
            sig.p[roll((unsigned)sig.n)] ^= (char)(1 << roll(8));
            assert_int_equal(same(k, t, d, buf_str(&sig)), AM_E_TAMPERED);
        }
        crypto_p256_table_free(t);
        crypto_key_free(k);
    }
    buf_release(&sig);
}

static void every_bit_of_a_signature_counts(void **state)
{
    struct crypto_p256_table *t = NULL;
    struct crypto_key *k = NULL;
    struct buf sig;
    (void)state;
    buf_init(&sig, 256);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    assert_ok(crypto_p256_table_new(&t, k));
    assert_ok(crypto_sign(k, STR("statement"), &sig));
    for (size_t i = 0; i < sig.n * 8; i++) {
        sig.p[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(same(k, t, STR("statement"), buf_str(&sig)), AM_E_TAMPERED);
        sig.p[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t n = 0; n < sig.n; n++) /* cut short */
        assert_int_equal(same(k, t, STR("statement"), (struct str){sig.p, n}),
                         AM_E_TAMPERED);
    assert_ok(same(k, t, STR("statement"), buf_str(&sig)));
    crypto_p256_table_free(t);
    crypto_key_free(k);
    buf_release(&sig);
}

/* r and s of a good signature, from its DER. */
static void numbers_of(const struct buf *sig, uint8_t r[32], uint8_t s[32])
{
    const uint8_t *p = (const uint8_t *)sig->p + 2;
    for (int i = 0; i < 2; i++) {
        uint8_t *out = i ? s : r;
        size_t n = p[1], skip = n > 32 ? n - 32 : 0;
        memset(out, 0, 32);
        memcpy(out + 32 - (n - skip), p + 2 + skip, n - skip);
        p += 2 + n;
    }
}

static void the_other_root_of_s_is_taken_as_openssl_takes_it(void **state)
{
    struct crypto_p256_table *t = NULL;
    struct crypto_key *k = NULL;
    uint8_t n[32], r[32], s[32], other[32];
    struct buf sig;
    (void)state;
    buf_init(&sig, 256);
    number(order, n);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    assert_ok(crypto_p256_table_new(&t, k));
    assert_ok(crypto_sign(k, STR("statement"), &sig));
    numbers_of(&sig, r, s);
    minus(n, s, other);
    der_signature(&sig, r, other);
    assert_ok(same(k, t, STR("statement"), buf_str(&sig)));
    minus(n, r, other);
    der_signature(&sig, other, s);
    assert_int_equal(same(k, t, STR("statement"), buf_str(&sig)), AM_E_TAMPERED);
    crypto_p256_table_free(t);
    crypto_key_free(k);
    buf_release(&sig);
}

static void numbers_out_of_range_and_odd_spellings_are_refused(void **state)
{
    static const char *const spelt[] = {
        "3006020101020101",     /* 1, 1: well written and wrong */
        "300702010102020001",   /* a leading zero */
        "308106020101020101",   /* its length in the long form */
        "300602010102010100",   /* a byte after the end */
        "30060201ff0201ff",     /* negative */
        "30800201010201010000", /* indefinite length */
        "3106020101020101",     /* a set, not a sequence */
    };
    static const char *const value[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "0000000000000000000000000000000000000000000000000000000000000002",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", /* n - 1 */
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* n */
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", /* p */
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "8000000000000000000000000000000000000000000000000000000000000000",
    };
    struct crypto_key *k = key_of_hex(generator_spki);
    struct crypto_p256_table *t = NULL;
    uint8_t r[32], s[32], der[32];
    struct buf sig;
    (void)state;
    buf_init(&sig, 256);
    assert_ok(crypto_p256_table_new(&t, k));
    for (size_t i = 0; i < AM_LEN(value); i++)
        for (size_t j = 0; j < AM_LEN(value); j++) {
            number(value[i], r);
            number(value[j], s);
            der_signature(&sig, r, s);
            assert_int_equal(same(k, t, STR("statement"), buf_str(&sig)), AM_E_TAMPERED);
        }
    for (size_t i = 0; i < AM_LEN(spelt); i++) {
        size_t n = strlen(spelt[i]) / 2;
        assert_ok(crypto_unhex(str_c(spelt[i]), der, n));
        assert_int_equal(same(k, t, STR("statement"), (struct str){(const char *)der, n}),
                         AM_E_TAMPERED);
    }
    crypto_p256_table_free(t);
    crypto_key_free(k);
    buf_release(&sig);
}

/* Key 1: the point is (e + r) / s G. r = n - e is the point at infinity; r = e adds a
 * point to itself. */
static void a_sum_at_infinity_and_a_doubling_are_no_signature(void **state)
{
    struct crypto_key *k = key_of_hex(generator_spki);
    struct crypto_p256_table *t = NULL;
    uint8_t n[32], e[32], r[32], s[32] = {0};
    struct buf sig;
    (void)state;
    buf_init(&sig, 256);
    number(order, n);
    assert_ok(crypto_p256_table_new(&t, k));
    crypto_sha256(STR("statement"), e);
    minus(n, e, r);
    for (uint8_t i = 1; i < 9; i++) {
        s[31] = i;
        der_signature(&sig, r, s);
        assert_int_equal(same(k, t, STR("statement"), buf_str(&sig)), AM_E_TAMPERED);
        der_signature(&sig, e, s);
        assert_int_equal(same(k, t, STR("statement"), buf_str(&sig)), AM_E_TAMPERED);
    }
    crypto_p256_table_free(t);
    crypto_key_free(k);
    buf_release(&sig);
}

static void another_kind_of_key_has_no_table(void **state)
{
    struct crypto_p256_table *t = NULL;
    struct crypto_key *k = NULL;
    (void)state;
    assert_ok(crypto_key_generate(&k, CRYPTO_ED25519));
    assert_int_equal(crypto_p256_table_new(&t, k), AM_E_UNSUPPORTED);
    assert_null(t);
    crypto_p256_table_free(NULL);
    crypto_key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_openssl_says),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(the_other_root_of_s_is_taken_as_openssl_takes_it),
        cmocka_unit_test(numbers_out_of_range_and_odd_spellings_are_refused),
        cmocka_unit_test(a_sum_at_infinity_and_a_doubling_are_no_signature),
        cmocka_unit_test(another_kind_of_key_has_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
