/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of weights, in process: what is refused, and want of memory. Against openssl
 * and three curves: test/09-model-sign.sh. */
#include "model/model.h"

#include "base/test.h"

static struct crypto_key *key, *other;
static struct buf spki, other_spki;

static int setup(void **state)
{
    (void)state;
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    assert_ok(crypto_key_generate(&other, CRYPTO_P256));
    buf_init(&spki, 512);
    buf_init(&other_spki, 512);
    assert_ok(crypto_key_spki(key, &spki));
    assert_ok(crypto_key_spki(other, &other_spki));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&spki);
    buf_release(&other_spki);
    crypto_key_free(key);
    crypto_key_free(other);
    return 0;
}

static void two_files(struct model_oms_file f[2])
{
    f[0] = (struct model_oms_file){.name = STR("weights.json"), .sha256 = {1, 2, 3}};
    f[1] = (struct model_oms_file){.name = STR("conf/a.txt"), .sha256 = {4, 5, 6}};
}

static int verify(struct str text, struct model_oms_file *f, size_t n,
                  const struct buf *with, struct diag *d)
{
    struct model_oms_trust trust = {.spki = buf_str(with), .at = 0};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, NULL, d);
    if (!err)
        err = model_oms_verify(json_root(doc), f, n, &trust, d);
    json_free(doc);
    return err;
}

static void a_signature_holds_for_its_files_and_its_key_alone(void **state)
{
    struct model_oms_file f[2], g[2];
    struct buf b;
    struct diag d;
    (void)state;
    diag_init(&d);
    buf_init(&b, 1 << 20);
    two_files(f);
    assert_ok(model_oms_sign(STR("m"), f, 2, key, &b));
    two_files(g);
    assert_ok(verify(buf_str(&b), g, 2, &spki, &d));
    assert_int_equal(d.n, 0);
    assert_int_equal(verify(buf_str(&b), g, 2, &other_spki, &d), AM_E_INVALID);
    diag_clear(&d);
    g[0].sha256[31] ^= 1;
    assert_int_equal(verify(buf_str(&b), g, 2, &spki, &d), AM_E_INVALID);
    two_files(g);
    assert_int_equal(verify(buf_str(&b), g, 1, &spki, &d), AM_E_INVALID);
    g[1].name = STR("conf/b.txt");
    assert_int_equal(verify(buf_str(&b), g, 2, &spki, &d), AM_E_INVALID);
    buf_release(&b);
    diag_release(&d);
}

static void what_cannot_be_named_is_not_signed(void **state)
{
    struct model_oms_file f[2];
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    two_files(f);
    assert_int_equal(model_oms_sign(STR("m"), f, 0, key, &b), AM_E_INVALID);
    f[0].name = f[1].name;
    assert_int_equal(model_oms_sign(STR("m"), f, 2, key, &b), AM_E_INVALID);
    two_files(f);
    f[0].name = STR("../x");
    assert_int_equal(model_oms_sign(STR("m"), f, 2, key, &b), AM_E_INVALID);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

static void want_of_memory_signs_nothing_and_accepts_nothing(void **state)
{
    struct model_oms_file f[2];
    struct buf whole;
    bool failed = true;
    (void)state;
    buf_init(&whole, 1 << 20);
    two_files(f);
    assert_ok(model_oms_sign(STR("m"), f, 2, key, &whole));
    for (long n = 1; failed; n++) {
        struct buf b;
        int err;
        buf_init(&b, 1 << 20);
        two_files(f);
        am_oom_at(n);
        err = model_oms_sign(STR("m"), f, 2, key, &b);
        failed = am_oom_at(0);
        assert_int_equal(err, failed ? AM_E_NOMEM : AM_OK);
        buf_release(&b);
        assert_true(n < 2000);
    }
    failed = true;
    for (long n = 1; failed; n++) {
        struct diag d;
        int err;
        diag_init(&d);
        two_files(f);
        am_oom_at(n);
        err = verify(buf_str(&whole), f, 2, &spki, &d);
        failed = am_oom_at(0);
        assert_int_equal(err, failed ? AM_E_NOMEM : AM_OK);
        diag_release(&d);
        /* and a stranger's key is refused whatever fails */
        diag_init(&d);
        two_files(f);
        am_oom_at(n);
        err = verify(buf_str(&whole), f, 2, &other_spki, &d);
        (void)am_oom_at(0);
        assert_true(err == AM_E_INVALID || err == AM_E_NOMEM);
        diag_release(&d);
        assert_true(n < 5000);
    }
    buf_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_holds_for_its_files_and_its_key_alone),
        cmocka_unit_test(what_cannot_be_named_is_not_signed),
        cmocka_unit_test(want_of_memory_signs_nothing_and_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
