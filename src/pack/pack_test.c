/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "pack/pack.h"

enum { SAMPLES = 400, TEXT = 300 };
static char texts[SAMPLES][TEXT];
static struct str samples[SAMPLES];
static struct buf learnt;
static struct pack_dict *dict;
static struct pack *p;

static int group_up(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        int n =
            snprintf(texts[i], TEXT,
                     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":"
                     "{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"%d-%d\"}"
                     "]},\"subject\":{\"reference\":\"Patient/%d\"},\"valueQuantity\":"
                     "{\"value\":%d,\"unit\":\"mmol/L\"}}",
                     i * 37 % 1000, i % 10, i * 7919 % 10007, i * 31 % 997);
        samples[i] = (struct str){texts[i], (size_t)n};
    }
    buf_init(&learnt, 1 << 20);
    assert_ok(pack_train(&learnt, samples, SAMPLES, 16384));
    assert_ok(pack_dict_new(&dict, buf_str(&learnt)));
    return pack_new(&p);
}

static int group_down(void **state)
{
    (void)state;
    pack_free(p);
    pack_dict_free(dict);
    buf_release(&learnt);
    return 0;
}

static void what_is_squeezed_opens_again(void **state)
{
    (void)state;
    const struct pack_dict *with[] = {NULL, dict};
    size_t bytes[2];
    for (size_t k = 0; k < AM_LEN(with); k++) {
        struct buf packed, plain;
        buf_init(&packed, 4096);
        buf_init(&plain, 4096);
        assert_ok(buf_adds(&packed, "head"));
        assert_ok(pack_squeeze(p, with[k], samples[7], &packed));
        bytes[k] = packed.n - 4;
        assert_ok(
            pack_open(p, with[k], str_sub(buf_str(&packed), 4, packed.n), TEXT, &plain));
        assert_true(str_eq(buf_str(&plain), samples[7]));
        buf_release(&packed);
        buf_release(&plain);
    }
    assert_true(bytes[1] * 2 < bytes[0]); /* what the dictionary is for */
}

static void nothing_is_something_too(void **state)
{
    (void)state;
    struct buf packed, plain;
    buf_init(&packed, 4096);
    buf_init(&plain, 4096);
    assert_ok(pack_squeeze(p, dict, STR(""), &packed));
    assert_ok(pack_open(p, dict, buf_str(&packed), 0, &plain));
    assert_int_equal(plain.n, 0);
    buf_release(&packed);
    buf_release(&plain);
}

static void another_dictionary_damage_and_size_are_refused(void **state)
{
    (void)state;
    struct buf packed, plain;
    buf_init(&packed, 4096);
    buf_init(&plain, 4096);
    assert_ok(buf_adds(&plain, "kept"));
    assert_ok(pack_squeeze(p, dict, samples[9], &packed));
    assert_int_equal(pack_open(p, NULL, buf_str(&packed), TEXT, &plain), AM_E_TAMPERED);
    assert_int_equal(pack_open(p, dict, buf_str(&packed), 50, &plain), AM_E_TOOBIG);
    for (size_t n = 0; n < packed.n; n++)
        assert_int_equal(
            pack_open(p, dict, str_sub(buf_str(&packed), 0, n), TEXT, &plain),
            AM_E_TAMPERED);
    assert_str_equal(buf_str(&plain), "kept");
    buf_release(&packed);
    buf_release(&plain);
}

static void too_few_samples_teach_nothing(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(pack_train(&out, samples, 2, 16384), AM_E_INVALID);
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static int all_calls(void)
{
    struct pack_dict *d = NULL;
    struct pack *q = NULL;
    struct buf out, packed;
    int err;
    buf_init(&out, 1 << 20);
    buf_init(&packed, 1 << 20);
    err = pack_train(&out, samples, SAMPLES, 4096);
    if (!err)
        err = pack_dict_new(&d, buf_str(&out));
    if (!err)
        err = pack_new(&q);
    if (!err)
        err = pack_squeeze(q, d, samples[0], &packed);
    buf_release(&out);
    if (!err)
        err = pack_open(q, d, buf_str(&packed), TEXT, &out);
    pack_free(q);
    pack_dict_free(d);
    buf_release(&out);
    buf_release(&packed);
    return err;
}

static void survives_no_memory(void **state)
{
    (void)state;
    assert_true(test_oom(all_calls) >= 6);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(what_is_squeezed_opens_again), TEST(nothing_is_something_too),
        TEST(another_dictionary_damage_and_size_are_refused),
        TEST(too_few_samples_teach_nothing), TEST(survives_no_memory)};
    return cmocka_run_group_tests(t, group_up, group_down);
}
