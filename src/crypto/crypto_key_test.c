/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

/* Throw-away keys made for this test with OpenSSL 3.0:
 *   openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt
 *   openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -passout pass:secret
 *   openssl genpkey -algorithm ed25519;  openssl pkey -pubout [-ec_conv_form compressed]
 *   openssl ecparam -param_enc explicit ...;  openssl pkcs8 -topk8 -iter 20000000 ... */
static const char p256_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVV/HaEiKtOB8LbdV\n"
    "Q0g3wuZx7/Trl5aARrHj7J0z7mOhRANCAASbtbOPSm4zI3HKnbfJXqyZRXvPD3k/\n"
    "c0fm4V6QMbpvT4KXb0M+dQ5oOLITOD5X+l/0LjNgQZxP/xk0M6Bgef7E\n"
    "-----END PRIVATE KEY-----\n";
static const char p256_enc[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjlsIEb3FxiggICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGqrLpbPPqqL/BhGmt7t27gEgZCI\n"
    "qwVePeKLSywkp9MZGExDp7rtFaMQMDW9cxUhWAJZS43T3DFw1qihryonSJGnLe++\n"
    "VRlxKjVNWKmLYx2uP8MzqcUbc1oKhn4PgBAegJi6vqZpgPlNzZN9qXrcYc6CcIG4\n"
    "pkfp5EQBa3jfPade/HVDLlvLaBTEY4wT4a9guRM8P+/CvqRE26SyyMbGoUsT5X8=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char p256_pub[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEm7Wzj0puMyNxyp23yV6smUV7zw95\n"
    "P3NH5uFekDG6b0+Cl29DPnUOaDiyEzg+V/pf9C4zYEGcT/8ZNDOgYHn+xA==\n"
    "-----END PUBLIC KEY-----\n";
static const char p256_compressed[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACm7Wzj0puMyNxyp23yV6smUV7zw95\n"
    "P3NH5uFekDG6b08=\n"
    "-----END PUBLIC KEY-----\n";
static const char p256_explicit[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIBeQIBADCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAAB\n"
    "AAAAAAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA\n"
    "///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMV\n"
    "AMSdNgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg\n"
    "9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8A\n"
    "AAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBBG0wawIBAQQgVs8FD9+idPWf\n"
    "7ENgrA3SvoO0UJjKvDFphRN37SLe6mehRANCAATmP6rE9fLm+AGHTu8oslK0BXNB\n"
    "cUjjWtzxaIKoKbVr40lpQgdsJIl7yJQufw987C6X7XmFTy67QPraCtZszLvR\n"
    "-----END PRIVATE KEY-----\n";
static const char p256_old[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIFVfx2hIirTgfC23VUNIN8Lmce/065eWgEax4+ydM+5joAoGCCqGSM49\n"
    "AwEHoUQDQgAEm7Wzj0puMyNxyp23yV6smUV7zw95P3NH5uFekDG6b0+Cl29DPnUO\n"
    "aDiyEzg+V/pf9C4zYEGcT/8ZNDOgYHn+xA==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char p256_slow[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHuMFkGCSqGSIb3DQEFDTBMMCsGCSqGSIb3DQEFDDAeBAglEYHv7d8q0QIEATEt\n"
    "ADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQpqOtEKiIO6HLbvVJatkGhgSB\n"
    "kN0S5/L0cXKW/d1wBk1CONbPgnYXqEuHy+h/A5iuXQ86Y91keQlwAEn68MrbQmJB\n"
    "DhaRB/JD7y7PtAwz5MCfM0vnUhr9NSmJsXD17hdCt/xemoeZ3UH51iqy4j1ijx4e\n"
    "Q4W20RBqgTAlclru2Hk1fcSZRMi7KB9SgTpvhflYLauRIAg7ayHRnzJafVP8/7wN\n"
    "IA==\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char p256_3des[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGxMBwGCiqGSIb3DQEMAQMwDgQIrjt0vLiAiKUCAggABIGQQT/ORb+laeizUTqI\n"
    "DxTYOx5YN1HBXT547nQCPJYCcyDTsB2Bi6GAhpvZQqmQqR6mFqDxzdGYgVhHwnbf\n"
    "dlNIgduWBBkbwB0o5pBZMUJCeRbuaFDvPiLNQ4T/bNTb2eJW6Pxy3PqfXc9YpWUA\n"
    "vGdwFcD8iCuNc17EAWkVCfNl85ZLnwK9rUYot/aBPXCI1vo4\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char p384_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAqUBNtAjNw3gnnFygT\n"
    "XEZdd5Bj8rBmiebDjJbfj5N/98e48A1HsZJiueXJqTjikFyhZANiAAQfKfFpm3C9\n"
    "SrZTh3gbRU+0uGvdnHZcycPTpRyOPXlRXrIFL5QksffdIHtemvHWCAarKIPj2eWl\n"
    "7B17u6EcqORbXdJ9zy7oVsG+2fj/4tn7j0esEh+F13z8SN6gmuxafxo=\n"
    "-----END PRIVATE KEY-----\n";
static const char ed_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIDxHsF3/UHwB+roQz+JLf6ms9KRgf2w+QBOY4C+W6fX7\n"
    "-----END PRIVATE KEY-----\n";
static const char ed_pub[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEATRs/lgkG01uojkRw5wLkZwuqPuEFNoNTwlqD6h6/2hA=\n"
    "-----END PUBLIC KEY-----\n";
static const char rfc6979_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
    "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
    "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
    "-----END PRIVATE KEY-----\n";
static const char mismatch_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
    "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAAQm7869DunjSmaRh+GLOpEisvczlFtk\n"
    "nMn5+SHp+drYEpAji96cx7szDRUMZ3BN0lrnBVIFdEtvMb9AcHRYctDm\n"
    "-----END PRIVATE KEY-----\n";

static struct crypto_key *key_of(const char *pem)
{
    struct crypto_key *k = NULL;
    assert_ok(crypto_key_from_pem(&k, str_c(pem), STR_NULL));
    return k;
}

static struct str bytes_of(const char *hex, uint8_t *room)
{
    assert_ok(crypto_unhex(str_c(hex), room, strlen(hex) / 2));
    return (struct str){(const char *)room, strlen(hex) / 2};
}

/* Every truncation and every flipped bit of sig must be refused. */
static void only_this_signature(const struct crypto_key *k, struct str data,
                                struct str sig)
{
    char copy[128];
    assert_true(sig.n < sizeof copy);
    assert_ok(crypto_verify(k, data, sig));
    for (size_t n = 0; n < sig.n; n++)
        assert_int_equal(crypto_verify(k, data, str_sub(sig, 0, n)), AM_E_TAMPERED);
    for (size_t bit = 0; bit < sig.n * 8; bit++) {
        memcpy(copy, sig.p, sig.n);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(crypto_verify(k, data, (struct str){copy, sig.n}),
                         AM_E_TAMPERED);
    }
    memcpy(copy, sig.p, sig.n);
    copy[sig.n] = 0;
    assert_int_equal(crypto_verify(k, data, (struct str){copy, sig.n + 1}),
                     AM_E_TAMPERED);
}

static void p256_verifies_rfc_6979_and_openssl(void **state)
{
    (void)state;
    uint8_t room[128];
    struct crypto_key *k = key_of(rfc6979_pem); /* RFC 6979 A.2.5, as PKCS#8 */
    only_this_signature(
        k, STR("sample"),
        bytes_of(
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf371602"
            "2100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            room));
    crypto_key_free(k);
    k = key_of(p256_pub);
    /* printf amane >msg; openssl dgst -sha256 -sign p256.pem msg | xxd -p */
    only_this_signature(
        k, STR("amane"),
        bytes_of(
            "30460221009e243c226d3dfab5cab6b57542209dd6f5a882812bfd769d9571f0279d57f2e402"
            "210091f2edb443e1d9622b6e37afe74ac3b3fc9c809b1a3cf18929bdc886fbf202ee",
            room));
    assert_int_equal(crypto_verify(k, STR("amanf"), (struct str){(char *)room, 72}),
                     AM_E_TAMPERED);
    crypto_key_free(k);
}

static void ed25519_signs_as_rfc_8032(void **state)
{
    (void)state;
    struct crypto_key *k;
    struct buf sig;
    uint8_t room[64], pub[32];
    /* RFC 8032 section 7.1 test 3: the 16 bytes before the seed are the PKCS#8 head. */
    uint8_t pem_der[48];
    struct buf pem;
    bytes_of("302e020100300506032b657004220420"
             "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
             pem_der);
    buf_init(&pem, 1000);
    buf_init(&sig, 1000);
    assert_ok(buf_adds(&pem, "-----BEGIN PRIVATE KEY-----\n"));
    assert_ok(crypto_base64(&pem, (struct str){(char *)pem_der, sizeof pem_der}));
    assert_ok(buf_adds(&pem, "\n-----END PRIVATE KEY-----\n"));
    assert_ok(crypto_key_from_pem(&k, buf_str(&pem), STR_NULL));
    assert_ok(crypto_key_raw_ed25519(k, pub));
    assert_hex_equal(pub,
                     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    assert_ok(crypto_sign(k, STR("\xaf\x82"), &sig));
    assert_int_equal(sig.n, 64);
    assert_memory_equal(
        sig.p,
        bytes_of("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                 "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
                 room)
            .p,
        64);
    only_this_signature(k, STR("\xaf\x82"), buf_str(&sig));
    crypto_key_free(k);
    buf_release(&sig);
    buf_release(&pem);
}

static void what_one_key_signs_another_refuses(void **state)
{
    (void)state;
    for (int alg = CRYPTO_P256; alg <= CRYPTO_ED25519; alg++) {
        struct crypto_key *a, *b, *pub;
        struct buf sig, spki;
        buf_init(&sig, 200);
        buf_init(&spki, 200);
        assert_ok(crypto_key_generate(&a, (enum crypto_alg)alg));
        assert_ok(crypto_key_generate(&b, (enum crypto_alg)alg));
        assert_ok(crypto_sign(a, STR("order"), &sig));
        assert_ok(crypto_verify(a, STR("order"), buf_str(&sig)));
        assert_int_equal(crypto_verify(b, STR("order"), buf_str(&sig)), AM_E_TAMPERED);
        assert_int_equal(crypto_verify(a, STR(""), buf_str(&sig)), AM_E_TAMPERED);
        assert_ok(crypto_key_spki(a, &spki));
        assert_ok(crypto_key_from_spki(&pub, buf_str(&spki)));
        assert_false(crypto_key_private(pub));
        only_this_signature(pub, STR("order"), buf_str(&sig));
        assert_int_equal(crypto_sign(pub, STR("order"), &sig), AM_E_FORBIDDEN);
        assert_int_equal(crypto_key_to_pem(pub, &sig, STR_NULL), AM_E_FORBIDDEN);
        buf_clear(&sig);
        assert_ok(crypto_sign(a, STR_NULL, &sig)); /* nothing can be signed too */
        assert_ok(crypto_verify(pub, STR_NULL, buf_str(&sig)));
        crypto_key_free(a);
        crypto_key_free(b);
        crypto_key_free(pub);
        buf_release(&sig);
        buf_release(&spki);
    }
    crypto_key_free(NULL);
}

static void key_id_is_the_digest_of_the_spki(void **state)
{
    (void)state;
    char id[CRYPTO_HEX];
    uint8_t pub[32];
    struct crypto_key *k = key_of(p256_pem), *raw;
    /* openssl pkey -pubin -in p256.pub -outform der | sha256sum */
    assert_ok(crypto_key_id(k, id));
    assert_string_equal(
        id, "578ce373fe6e308ad94fa9092e0f194daa3a1d13c370e22919fd77616b807e1c");
    assert_int_equal(crypto_key_alg(k), CRYPTO_P256);
    assert_true(crypto_key_private(k));
    assert_int_equal(crypto_key_raw_ed25519(k, pub), AM_E_UNSUPPORTED);
    crypto_key_free(k);
    k = key_of(ed_pub);
    assert_ok(crypto_key_id(k, id));
    assert_string_equal(
        id, "c8fbdd5ca32039e78dbbcc232dd4d7d1cf73aeffc2f498f3192883ba73836824");
    assert_ok(crypto_key_raw_ed25519(k, pub));
    assert_hex_equal(pub,
                     "4d1b3f960906d35ba88e4470e702e4670baa3ee105368353c25a83ea1ebfda10");
    assert_ok(crypto_key_from_raw_ed25519(&raw, pub));
    assert_ok(crypto_key_id(raw, id));
    assert_string_equal(
        id, "c8fbdd5ca32039e78dbbcc232dd4d7d1cf73aeffc2f498f3192883ba73836824");
    crypto_key_free(raw);
    crypto_key_free(k);
}

static void pem_goes_out_as_openssl_writes_it(void **state)
{
    (void)state;
    const char *in[] = {p256_pem, ed_pem};
    const char *pub[] = {p256_pub, ed_pub};
    for (size_t i = 0; i < AM_LEN(in); i++) {
        struct crypto_key *k = key_of(in[i]);
        struct buf b;
        buf_init(&b, 4096);
        assert_ok(crypto_key_to_pem(k, &b, STR_NULL));
        assert_string_equal(b.p, in[i]);
        buf_clear(&b);
        assert_ok(crypto_key_public_pem(k, &b));
        assert_string_equal(b.p, pub[i]);
        buf_release(&b);
        crypto_key_free(k);
    }
}

static void pass_phrase_opens_and_nothing_else_does(void **state)
{
    (void)state;
    struct crypto_key *k = NULL, *again = NULL;
    struct buf b;
    char id[CRYPTO_HEX], id2[CRYPTO_HEX];
    buf_init(&b, 4096);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_enc), STR_NULL),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_enc), STR("")),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_enc), STR("Secret")),
                     AM_E_UNAUTHORIZED);
    assert_null(k);
    assert_ok(crypto_key_from_pem(&k, str_c(p256_enc), STR("secret")));
    assert_ok(crypto_key_id(k, id));
    assert_string_equal(
        id, "578ce373fe6e308ad94fa9092e0f194daa3a1d13c370e22919fd77616b807e1c");
    assert_int_equal(crypto_key_to_pem(k, &b, STR("")), AM_E_INVALID);
    assert_ok(crypto_key_to_pem(k, &b, STR("other")));
    assert_true(str_starts(buf_str(&b), STR("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")));
    assert_int_equal(crypto_key_from_pem(&again, buf_str(&b), STR("secret")),
                     AM_E_UNAUTHORIZED);
    assert_ok(crypto_key_from_pem(&again, buf_str(&b), STR("other")));
    assert_ok(crypto_key_id(again, id2));
    assert_string_equal(id, id2);
    crypto_key_free(again);
    crypto_key_free(k);
    buf_release(&b);
}

static void other_curves_and_forms_are_refused(void **state)
{
    (void)state;
    struct crypto_key *k = NULL;
    assert_int_equal(crypto_key_from_pem(&k, str_c(p384_pem), STR_NULL),
                     AM_E_UNSUPPORTED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_explicit), STR_NULL),
                     AM_E_UNSUPPORTED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_compressed), STR_NULL),
                     AM_E_UNSUPPORTED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_old), STR_NULL),
                     AM_E_UNSUPPORTED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_3des), STR("secret")),
                     AM_E_UNSUPPORTED);
    assert_int_equal(crypto_key_from_pem(&k, str_c(mismatch_pem), STR_NULL), AM_E_SYNTAX);
    /* 20 million iterations would be 3 s of our time for 500 bytes of theirs. */
    assert_int_equal(crypto_key_from_pem(&k, str_c(p256_slow), STR("x")),
                     AM_E_UNSUPPORTED);
    assert_null(k);
}

static void damaged_pem_is_refused(void **state)
{
    (void)state;
    const char *in[] = {p256_pem, p256_pub, ed_pem, ed_pub};
    struct crypto_key *k = NULL;
    struct buf b;
    buf_init(&b, 20000);
    for (size_t i = 0; i < AM_LEN(in); i++) {
        size_t n = strlen(in[i]) - 1; /* without the last newline */
        for (size_t cut = 0; cut < n; cut++)
            assert_int_not_equal(
                crypto_key_from_pem(&k, (struct str){in[i], cut}, STR_NULL), AM_OK);
        buf_clear(&b);
        assert_ok(buf_addf(&b, "%s%s", in[i], in[i]));
        assert_int_equal(crypto_key_from_pem(&k, buf_str(&b), STR_NULL), AM_E_SYNTAX);
        buf_clear(&b);
        assert_ok(buf_addf(&b, "hello\n%s", in[i]));
        assert_int_equal(crypto_key_from_pem(&k, buf_str(&b), STR_NULL), AM_E_SYNTAX);
    }
    while (b.n < 17000)
        assert_ok(buf_adds(&b, p256_pem));
    assert_int_equal(crypto_key_from_pem(&k, buf_str(&b), STR_NULL), AM_E_TOOBIG);
    assert_null(k);
    buf_release(&b);
}

static void spki_off_the_curve_or_cut_is_refused(void **state)
{
    (void)state;
    struct crypto_key *k = key_of(p256_pub), *bad = NULL;
    struct buf b;
    buf_init(&b, 200);
    assert_ok(crypto_key_spki(k, &b));
    for (size_t n = 0; n < b.n; n++)
        assert_int_not_equal(crypto_key_from_spki(&bad, (struct str){b.p, n}), AM_OK);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(crypto_key_from_spki(&bad, buf_str(&b)), AM_OK);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_ok(buf_addc(&b, 0));
    assert_int_not_equal(crypto_key_from_spki(&bad, buf_str(&b)), AM_OK);
    assert_null(bad);
    buf_release(&b);
    crypto_key_free(k);
}

static void saved_key_is_private_and_never_overwritten(void **state)
{
    (void)state;
    char dir[] = "/tmp/amane-crypto-XXXXXX", path[64], pub[64];
    struct crypto_key *k, *back;
    struct stat st;
    char id[CRYPTO_HEX], id2[CRYPTO_HEX];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/k", dir);
    snprintf(pub, sizeof pub, "%s/k.pub", dir);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    assert_ok(crypto_key_save(k, path, STR_NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(crypto_key_save(k, path, STR("pw")), AM_E_EXISTS);
    assert_ok(crypto_key_id(k, id));
    assert_ok(crypto_key_load(&back, path, STR_NULL)); /* still the first, in clear */
    assert_true(crypto_key_private(back));
    assert_ok(crypto_key_id(back, id2));
    assert_string_equal(id, id2);
    crypto_key_free(back);
    assert_ok(crypto_key_load(&back, pub, STR_NULL));
    assert_false(crypto_key_private(back));
    assert_ok(crypto_key_id(back, id2));
    assert_string_equal(id, id2);
    crypto_key_free(back);
    unlink(path);
    assert_int_equal(crypto_key_load(&back, path, STR_NULL), AM_E_NOTFOUND);
    assert_ok(crypto_key_save(k, path, STR("pw")));
    assert_int_equal(crypto_key_load(&back, path, STR_NULL), AM_E_UNAUTHORIZED);
    assert_ok(crypto_key_load(&back, path, STR("pw")));
    crypto_key_free(back);
    crypto_key_free(k);
    unlink(path);
    unlink(pub);
    assert_int_equal(rmdir(dir), 0); /* no temporary file left */
}

static int make_and_sign(void)
{
    struct crypto_key *k = NULL;
    struct buf b;
    int err = crypto_key_from_pem(&k, str_c(p256_pem), STR_NULL);
    buf_init(&b, 4096);
    if (!err)
        err = crypto_sign(k, STR("x"), &b);
    if (!err)
        err = crypto_key_to_pem(k, &b, STR_NULL);
    if (!err)
        err = crypto_base64(&b, STR("abc"));
    crypto_key_free(k);
    buf_release(&b);
    return err;
}

static void survives_no_memory(void **state)
{
    (void)state;
    long n = 1;
    for (;; n++) {
        am_oom_at(n);
        int err = make_and_sign();
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    assert_true(n > 2);
}

TEST_MAIN(TEST(p256_verifies_rfc_6979_and_openssl), TEST(ed25519_signs_as_rfc_8032),
          TEST(what_one_key_signs_another_refuses),
          TEST(key_id_is_the_digest_of_the_spki), TEST(pem_goes_out_as_openssl_writes_it),
          TEST(pass_phrase_opens_and_nothing_else_does),
          TEST(other_curves_and_forms_are_refused), TEST(damaged_pem_is_refused),
          TEST(spki_off_the_curve_or_cut_is_refused),
          TEST(saved_key_is_private_and_never_overwritten), TEST(survives_no_memory))
