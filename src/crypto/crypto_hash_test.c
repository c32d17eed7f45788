/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <unistd.h>

#include "crypto/crypto.h"

static void sha256_matches_sha256sum(void **state)
{
    (void)state;
    uint8_t d[CRYPTO_SHA256];
    crypto_sha256(STR_NULL, d); /* printf '' | sha256sum */
    assert_hex_equal(d,
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha256(STR("abc"), d); /* printf abc | sha256sum */
    assert_hex_equal(d,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_hash_like_the_whole(void **state)
{
    (void)state;
    struct crypto_sha256 h;
    uint8_t d[CRYPTO_SHA256];
    char a[1000];
    memset(a, 'a', sizeof a);
    crypto_sha256_init(&h);
    for (size_t left = 1000000, i = 1; left; i++) {
        size_t k = AM_MIN(AM_MIN(i % 997, left), sizeof a);
        crypto_sha256_add(&h, (struct str){a, k});
        left -= k;
    }
    crypto_sha256_end(&h, d);
    /* python3 -c "import hashlib;print(hashlib.sha256(b'a'*1000000).hexdigest())" */
    assert_hex_equal(d,
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void a_file_hashes_like_its_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/amane-crypto-XXXXXX";
    uint8_t d[CRYPTO_SHA256];
    uint64_t n = 7;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    assert_ok(crypto_sha256_file(path, d, &n));
    assert_int_equal(n, 3);
    assert_hex_equal(d,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(crypto_sha256_file(path, d, NULL));
    unlink(path);
    assert_int_equal(crypto_sha256_file(path, d, &n), AM_E_NOTFOUND);
    assert_int_equal(crypto_sha256_file("/tmp", d, &n), AM_E_IO);
}

static void hmac_matches_rfc_4231(void **state)
{
    (void)state;
    uint8_t d[CRYPTO_SHA256];
    char k[100];
    assert_ok(crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), d));
    assert_hex_equal(d,
                     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    /* Longer than a block:
     * python3 -c "import hmac;print(hmac.new(b'k'*100,b'amane','sha256').hexdigest())" */
    memset(k, 'k', sizeof k);
    assert_ok(crypto_hmac_sha256((struct str){k, sizeof k}, STR("amane"), d));
    assert_hex_equal(d,
                     "44777b7ea2de05381989fc7698d3b45ec5dea33932710aa96051c4ec4e101542");
}

static void hkdf_matches_rfc_5869_and_openssl(void **state)
{
    (void)state;
    uint8_t ikm[22], salt[13], info[10], a[42], b[82];
    memset(ikm, 0x0b, sizeof ikm);
    for (size_t i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof info; i++)
        info[i] = (uint8_t)(0xf0 + i);
    assert_ok(crypto_hkdf_sha256((struct str){(char *)ikm, sizeof ikm},
                                 (struct str){(char *)salt, sizeof salt},
                                 (struct str){(char *)info, sizeof info}, a, sizeof a));
    assert_hex_equal(
        a, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf3400"
           "7208d5b887185865");
    /* openssl kdf -keylen 82 -kdfopt digest:SHA256 -kdfopt key:amane -kdfopt info:x HKDF
     */
    assert_ok(crypto_hkdf_sha256(STR("amane"), STR_NULL, STR("x"), b, sizeof b));
    assert_hex_equal(
        b, "c889ef4b2900d275b6b7da32bf72fca0073b73ed53f0e6652c95c40f079b842cee78"
           "5826ca0446f9e71dc3e3bc1d9b82659f23c6d28826a42aac5df7baec3784f9b2b620"
           "0b0b83f8e0cdd456116edf304333");
    assert_int_equal(crypto_hkdf_sha256(STR("a"), STR_NULL, STR("x"), b, 255 * 32 + 1),
                     AM_E_TOOBIG);
}

static void hex_reads_what_it_writes_and_nothing_else(void **state)
{
    (void)state;
    uint8_t b[3] = {0, 0xaf, 0xff}, r[3] = {9, 9, 9};
    char text[7];
    assert_string_equal(crypto_hex(b, 3, text), "00afff");
    assert_ok(crypto_unhex(STR("00AFff"), r, 3));
    assert_memory_equal(b, r, 3);
    const char *bad[] = {"00afff0", "00aff", "00af", "00afffff", "00afg0", "00af 0", ""};
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(crypto_unhex(str_c(bad[i]), r, 3), AM_E_SYNTAX);
    assert_memory_equal(b, r, 3); /* untouched by the failures */
}

static void base64_matches_rfc_4648(void **state)
{
    (void)state;
    /* RFC 4648 section 10 */
    const char *plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const char *text[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < AM_LEN(plain); i++) {
        struct buf b;
        struct str url = str_c(text[i]);
        buf_init(&b, 100);
        assert_ok(crypto_base64(&b, str_c(plain[i])));
        assert_string_equal(b.p, text[i]);
        buf_clear(&b);
        assert_ok(crypto_unbase64(&b, str_c(text[i])));
        assert_string_equal(b.p, plain[i]);
        buf_clear(&b);
        while (str_ends(url, STR("=")))
            url.n--;
        assert_ok(crypto_base64url(&b, str_c(plain[i])));
        assert_true(str_eq(buf_str(&b), url));
        buf_clear(&b);
        assert_ok(crypto_unbase64url(&b, url));
        assert_string_equal(b.p, plain[i]);
        buf_release(&b);
    }
}

static void base64_alphabets_do_not_mix(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_ok(
        crypto_base64(&b, STR("\xfb\xff\xfe"))); /* printf '\373\377\376' | base64 */
    assert_string_equal(b.p, "+//+");
    buf_clear(&b);
    assert_ok(crypto_base64url(&b, STR("\xfb\xff\xfe")));
    assert_string_equal(b.p, "-__-");
    assert_int_equal(crypto_unbase64(&b, STR("-__-")), AM_E_SYNTAX);
    assert_int_equal(crypto_unbase64url(&b, STR("+//+")), AM_E_SYNTAX);
    assert_string_equal(b.p, "-__-"); /* untouched */
    buf_release(&b);
}

static void base64_refuses_second_spellings(void **state)
{
    (void)state;
    struct buf b;
    const char *bad[] = {"Zg",           "Zg=",  "Zh==",   "Zm9=",
                         "Z===",         "====", "Zm9v\n", " Zm9v",
                         "Zm9vZg==Zm9v", "Zg=a", "=Zg=",   "Zm9vYmF=Zm9v"};
    const char *bad_url[] = {"Zg==", "Zh", "Zm9", "Z", "Zm9v=", "Zm 9"};
    buf_init(&b, 100);
    assert_ok(buf_adds(&b, "kept"));
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(crypto_unbase64(&b, str_c(bad[i])), AM_E_SYNTAX);
    for (size_t i = 0; i < AM_LEN(bad_url); i++)
        assert_int_equal(crypto_unbase64url(&b, str_c(bad_url[i])), AM_E_SYNTAX);
    assert_string_equal(b.p, "kept");
    buf_release(&b);
}

static void base64_respects_the_cap_exactly(void **state)
{
    (void)state;
    struct buf b;
    for (size_t n = 0; n < 12; n++) {
        const size_t padded = (n + 2) / 3 * 4;
        buf_init(&b, padded);
        assert_ok(crypto_base64(&b, (struct str){"aaaaaaaaaaaa", n}));
        assert_int_equal(b.n, padded);
        buf_release(&b);
        if (!n)
            continue;
        buf_init(&b, padded - 1);
        assert_int_equal(crypto_base64(&b, (struct str){"aaaaaaaaaaaa", n}), AM_E_TOOBIG);
        assert_int_equal(b.n, 0);
        buf_release(&b);
    }
    buf_init(&b, 2);
    assert_int_equal(crypto_unbase64(&b, STR("Zm9v")), AM_E_TOOBIG);
    buf_release(&b);
}

TEST_MAIN(TEST(sha256_matches_sha256sum), TEST(pieces_hash_like_the_whole),
          TEST(a_file_hashes_like_its_bytes), TEST(hmac_matches_rfc_4231),
          TEST(hkdf_matches_rfc_5869_and_openssl),
          TEST(hex_reads_what_it_writes_and_nothing_else), TEST(base64_matches_rfc_4648),
          TEST(base64_alphabets_do_not_mix), TEST(base64_refuses_second_spellings),
          TEST(base64_respects_the_cap_exactly))
