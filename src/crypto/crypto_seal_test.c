/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/crypto.h"

static void opens_what_python_cryptography_sealed(void **state)
{
    (void)state;
    /* python3: k=bytes(range(32)); n=bytes(range(12));
     * (n + AESGCM(k).encrypt(n, b'patient record', b'store-1')).hex() */
    uint8_t key[32], sealed[42], empty[28];
    struct buf out;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    assert_ok(
        crypto_unhex(STR("000102030405060708090a0b3763a272a08bb63bff24f4e4c38d6250a232c1"
                         "b7d2f2945f79997685550e"),
                     sealed, sizeof sealed));
    buf_init(&out, 100);
    assert_ok(buf_adds(&out, "before "));
    assert_ok(crypto_open(key, STR("store-1"), (struct str){(char *)sealed, 42}, &out));
    assert_string_equal(out.p, "before patient record");
    assert_int_equal(
        crypto_open(key, STR("store-2"), (struct str){(char *)sealed, 42}, &out),
        AM_E_TAMPERED);
    assert_string_equal(out.p, "before patient record");
    assert_ok(
        crypto_unhex(STR("000102030405060708090a0bf4c2db1dc38805a37b92171c5d0a81cc"),
                     empty, sizeof empty));
    buf_clear(&out);
    assert_ok(crypto_open(key, STR_NULL, (struct str){(char *)empty, 28}, &out));
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static void any_flipped_bit_of_a_sealed_text_is_found(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    struct buf b, out;
    buf_init(&b, 100);
    buf_init(&out, 100);
    assert_ok(crypto_seal(key, STR("aad"), STR("salt and record"), &b));
    assert_int_equal(b.n, 12 + 15 + 16);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(crypto_open(key, STR("aad"), buf_str(&b), &out), AM_E_TAMPERED);
        assert_int_equal(out.n, 0);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(crypto_open(key, STR("aad"), (struct str){b.p, n}, &out),
                         AM_E_TAMPERED);
    key[31] ^= 1;
    assert_int_equal(crypto_open(key, STR("aad"), buf_str(&b), &out), AM_E_TAMPERED);
    key[31] ^= 1;
    assert_ok(crypto_open(key, STR("aad"), buf_str(&b), &out));
    assert_string_equal(out.p, "salt and record");
    buf_release(&b);
    buf_release(&out);
}

/* A box is the same cipher with its key laid out once; what it refused leaves no trace.
 */
static void a_box_opens_what_others_sealed(void **state)
{
    (void)state;
    uint8_t key[32] = {7};
    struct crypto_box *box;
    struct buf b, out;
    buf_init(&b, 1000);
    buf_init(&out, 1000);
    assert_ok(crypto_box_new(&box, key));
    for (int i = 0; i < 20; i++) {
        buf_clear(&b);
        buf_clear(&out);
        if (i % 2)
            assert_ok(crypto_box_seal(box, STR("aad"), STR("salt and record"), &b));
        else
            assert_ok(crypto_seal(key, STR("aad"), STR("salt and record"), &b));
        b.p[i] ^= 1;
        assert_int_equal(crypto_box_open(box, STR("aad"), buf_str(&b), &out),
                         AM_E_TAMPERED);
        b.p[i] ^= 1;
        assert_int_equal(crypto_box_open(box, STR("add"), buf_str(&b), &out),
                         AM_E_TAMPERED);
        assert_int_equal(out.n, 0);
        if (i % 3)
            assert_ok(crypto_box_open(box, STR("aad"), buf_str(&b), &out));
        else
            assert_ok(crypto_open(key, STR("aad"), buf_str(&b), &out));
        assert_string_equal(out.p, "salt and record");
    }
    crypto_box_free(box);
    crypto_box_free(NULL);
    buf_release(&b);
    buf_release(&out);
}

static void sealing_twice_gives_two_texts(void **state)
{
    (void)state;
    uint8_t key[32] = {2};
    struct buf b;
    buf_init(&b, 56);
    assert_ok(crypto_seal(key, STR_NULL, STR_NULL, &b));
    assert_ok(crypto_seal(key, STR_NULL, STR_NULL, &b));
    assert_memory_not_equal(b.p, b.p + 28, 12);
    assert_int_equal(crypto_seal(key, STR_NULL, STR_NULL, &b), AM_E_TOOBIG);
    assert_int_equal(b.n, 56);
    buf_release(&b);
}

static void random_bytes_differ_and_comparison_sees_every_bit(void **state)
{
    (void)state;
    uint8_t a[64], b[64];
    assert_ok(crypto_random(a, sizeof a));
    assert_ok(crypto_random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    memcpy(b, a, sizeof a);
    assert_true(crypto_equal(a, b, sizeof a));
    for (size_t bit = 0; bit < sizeof a * 8; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(crypto_equal(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(crypto_equal(NULL, NULL, 0));
    crypto_wipe(a, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        assert_int_equal(a[i], 0);
}

static const struct crypto_argon2 cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};

static void password_check_knows_the_reference_vector(void **state)
{
    (void)state;
    /* phc-winner-argon2, test.c: argon2id, v 0x13, t=2, m=2^16, p=1 */
    const char ref[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                       "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_ok(crypto_password_check(STR("password"), ref));
    assert_int_equal(crypto_password_check(STR("Password"), ref), AM_E_UNAUTHORIZED);
}

/* src/test.c of the reference implementation: t = 2, m = 2^16 KiB, p = 1. */
static void a_key_out_of_a_passphrase_is_the_reference_vector(void **state)
{
    static const struct crypto_argon2 cost = {65536, 2, 1}, mad = {1u << 30, 2, 1};
    uint8_t key[32];
    (void)state;
    assert_ok(crypto_password_key(STR("password"), STR("somesalt"), &cost, key));
    assert_hex_equal(key,
                     "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    assert_int_equal(crypto_password_key(STR("password"), STR("short"), &cost, key),
                     AM_E_INVALID);
    assert_int_equal(crypto_password_key(STR("password"), STR("somesalt"), &mad, key),
                     AM_E_INVALID);
}

static void password_hash_is_salted_and_checks(void **state)
{
    (void)state;
    char a[CRYPTO_PASSWORD], b[CRYPTO_PASSWORD];
    assert_ok(crypto_password_hash(STR("correct horse"), &cheap, a));
    assert_ok(crypto_password_hash(STR("correct horse"), &cheap, b));
    assert_string_not_equal(a, b);
    assert_ok(crypto_password_check(STR("correct horse"), a));
    assert_ok(crypto_password_check(STR("correct horse"), b));
    assert_int_equal(crypto_password_check(STR("correct hors"), a), AM_E_UNAUTHORIZED);
    assert_int_equal(crypto_password_check(STR_NULL, a), AM_E_UNAUTHORIZED);
    assert_ok(crypto_password_hash(STR("x"), NULL, a)); /* the default cost is recorded */
    assert_true(str_starts(str_c(a), STR("$argon2id$v=19$m=65536,t=3,p=1$")));
    assert_ok(crypto_password_check(STR("x"), a));
}

static void absurd_costs_are_refused(void **state)
{
    (void)state;
    char out[CRYPTO_PASSWORD], big[2000];
    struct crypto_argon2 c = {.memory_kib = UINT32_MAX, .passes = 1, .lanes = 1};
    assert_int_equal(crypto_password_hash(STR("x"), &c, out), AM_E_INVALID);
    c = (struct crypto_argon2){.memory_kib = 64, .passes = 0, .lanes = 1};
    assert_int_equal(crypto_password_hash(STR("x"), &c, out), AM_E_INVALID);
    memset(big, 'a', sizeof big);
    assert_int_equal(crypto_password_hash((struct str){big, sizeof big}, &cheap, out),
                     AM_E_TOOBIG);
    const char *bad[] = {
        "",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$"
        "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
        "$argon2id$v=19$m=64,t=999999999,p=1$c29tZXNhbHQ$"
        "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c29tZXNhbHQ$CTFh",
        "$argon2id$v=19$m=,t=1,p=1$c29tZXNhbHQ$CTFh",
        "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFh",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "plain text password"};
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(crypto_password_check(STR("x"), bad[i]), AM_E_UNAUTHORIZED);
}

/* Runs a program, output to a file: popen() and system() are banned. */
static int run(const char *const *argv, const char *out)
{
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    am_assert(argv[0]);
    if (pid == 0) {
        int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        char *copy[16] = {0};
        for (size_t i = 0; argv[i]; i++)
            memcpy(&copy[i], &argv[i], sizeof copy[i]); /* execvp() wants no const */
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], copy);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void the_cost_of_a_stored_hash_is_bounded(void **state)
{
    (void)state;
    /* libargon2's argon2id_hash_encoded(t, 64, 1, "password", "somesalt"): both are
     * right, the second asks for more passes than we give to a stored string. */
    assert_ok(crypto_password_check(STR("password"),
                                    "$argon2id$v=19$m=64,t=100,p=1$c29tZXNhbHQ$o7/d/"
                                    "lQhkjgJOhWVUGcEQO8YnbmTZL5VbXdAqb/mmvI"));
    assert_int_equal(crypto_password_check(STR("password"),
                                           "$argon2id$v=19$m=64,t=101,p=1$c29tZXNhbHQ$"
                                           "F8NUGwXWBAOYDmB8XS/zVqUedcr7y+MaB/AHbxi+ijs"),
                     AM_E_UNAUTHORIZED);
}

static void self_signed_certificate_satisfies_openssl(void **state)
{
    (void)state;
    const char *names[] = {"localhost", "127.0.0.1", "::1", "*.gst.ma"};
    struct crypto_key *k;
    struct buf pem;
    char dir[] = "/tmp/amane-cert-XXXXXX", path[64], out[64], print[3 * 32 + 1], *text;
    uint8_t d[CRYPTO_SHA256];
    int64_t until;
    size_t n;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/cert", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    buf_init(&pem, 8192);
    assert_ok(crypto_cert_self(k, "Registre, Rabat", names, AM_LEN(names), 30, &pem));
    assert_ok(crypto_cert_info(buf_str(&pem), d, &until));
    assert_true(until > time_now() + 29 * TIME_DAY &&
                until <= time_now() + 30 * TIME_DAY);
    assert_ok(am_file_write(path, buf_str(&pem), 0600));
    assert_int_equal(
        run((const char *[]){"openssl", "verify", "-x509_strict", "-purpose", "sslserver",
                             "-verify_ip", "127.0.0.1", "-CAfile", path, path, NULL},
            out),
        0);
    assert_int_equal(
        run((const char *[]){"openssl", "x509", "-in", path, "-noout", "-ext",
                             "subjectAltName", "-fingerprint", "-sha256", NULL},
            out),
        0);
    assert_ok(am_file_read(out, 65536, &text, &n));
    assert_non_null(strstr(text, "DNS:localhost, IP Address:127.0.0.1, "
                                 "IP Address:0:0:0:0:0:0:0:1, DNS:*.gst.ma"));
    for (size_t i = 0; i < sizeof d; i++)
        snprintf(print + 3 * i, 4, "%02X:", d[i]);
    print[3 * 32 - 1] = 0;
    assert_non_null(strstr(text, print));
    free(text);
    unlink(path);
    unlink(out);
    rmdir(dir);
    buf_release(&pem);
    crypto_key_free(k);
}

static void certificates_with_bad_names_or_text_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {"a,DNS:b", "", "a b", "caf\xc3\xa9.ma"};
    const char *cn65 =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct crypto_key *k;
    struct buf pem;
    uint8_t d[CRYPTO_SHA256];
    int64_t until;
    buf_init(&pem, 8192);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(crypto_cert_self(k, "x", &bad[i], 1, 30, &pem), AM_E_INVALID);
    assert_int_equal(crypto_cert_self(k, cn65, NULL, 0, 30, &pem), AM_E_INVALID);
    assert_int_equal(crypto_cert_self(k, "", NULL, 0, 30, &pem), AM_E_INVALID);
    assert_int_equal(crypto_cert_self(k, "x", NULL, 0, 0, &pem), AM_E_INVALID);
    assert_int_equal(pem.n, 0);
    assert_ok(crypto_cert_self(k, "x", NULL, 0, 1, &pem));
    for (size_t n = 0; n < pem.n - 1; n += 7)
        assert_int_equal(crypto_cert_info((struct str){pem.p, n}, d, &until),
                         AM_E_SYNTAX);
    crypto_key_free(k);
    buf_release(&pem);
}

TEST_MAIN(TEST(opens_what_python_cryptography_sealed),
          TEST(any_flipped_bit_of_a_sealed_text_is_found),
          TEST(a_box_opens_what_others_sealed), TEST(sealing_twice_gives_two_texts),
          TEST(random_bytes_differ_and_comparison_sees_every_bit),
          TEST(password_check_knows_the_reference_vector),
          TEST(a_key_out_of_a_passphrase_is_the_reference_vector),
          TEST(password_hash_is_salted_and_checks), TEST(absurd_costs_are_refused),
          TEST(the_cost_of_a_stored_hash_is_bounded),
          TEST(self_signed_certificate_satisfies_openssl),
          TEST(certificates_with_bad_names_or_text_are_refused))
