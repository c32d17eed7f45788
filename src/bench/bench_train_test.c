/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.training over whole runs: what is refused, what is read, what is said. */
#include "bench/bench_reference.h"
#include "bench/bench_testkit.h"

#define COLUMNS "\"columns\":{\"label\":\"y\",\"inputs\":{\"x\":\"x\"}}"
#define ANY     "0000000000000000000000000000000000000000000000000000000000000000"

/* A training file of text, or of n rows by the rule of the kit's model; its member. */
static void open_with(struct kit *k, const char *text, const char *columns,
                      const char *sha256)
{
    char member[600], hex[CRYPTO_HEX];
    uint8_t digest[32];
    crypto_sha256(str_c(text), digest);
    snprintf(member, sizeof member,
             ",\"training\":{\"path\":\"train.csv\",\"sha256\":\"%s\",%s,"
             "\"positive_label\":\"yes\"}",
             sha256 ? sha256 : crypto_hex(digest, 32, hex), columns);
    kit_open(k, member);
    write_data(k, "train", text);
}

static void rows(struct buf *b, int n)
{
    buf_init(b, 1 << 20);
    assert_ok(buf_adds(b, "x,y\n"));
    for (int i = 0; i < n; i++)
        assert_ok(buf_addf(b, "%d,%s\n", i * 7 % 40,
                           (i * 7 % 40 + (i % 5) * 3) % 40 >= 20 ? "yes" : "no"));
}

static bool found(const struct diag *d, const char *path, const char *code)
{
    for (size_t i = 0; i < d->n; i++)
        if (strstr(d->item[i].path, path) && !strcmp(d->item[i].code, code))
            return true;
    return false;
}

static void refused(const char *text, const char *columns, const char *sha256,
                    const char *path, const char *code)
{
    struct kit k;
    open_with(&k, text, columns, sha256);
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_null(k.run);
    if (!found(&k.d, path, code))
        fail_msg("%s, wanted %s", k.d.n ? k.d.item[0].path : "nothing", path);
    kit_close(&k);
}

static void a_hostile_training_file_is_refused_by_place(void **state)
{
    (void)state;
    refused("x,y\n1,yes\n", COLUMNS, ANY, "/manifest/training/sha256",
            "bench.data_digest");
    refused("z,y\n1,yes\n", COLUMNS, NULL, "/manifest/training/columns/inputs/x",
            "csv.column");
    refused("x,y\n1,yes\n", "\"columns\":{\"label\":\"y\",\"inputs\":{\"q\":\"x\"}}",
            NULL, "/manifest/training/columns/inputs/x", "bench.input_missing");
    refused("x,y\n1,yes\n",
            "\"columns\":{\"label\":\"y\",\"inputs\":{\"x\":\"x\"},\"units\":{\"x\":"
            "\"kPa\"}}",
            NULL, "/manifest/training/columns/units/x", "bench.unit");
    refused("x,y\n1,yes\nmuch,no\n", COLUMNS, NULL, "/manifest/training/path:3:#1",
            "bench.value");
    refused("x,y\n1,yes\n1\n", COLUMNS, NULL, "/manifest/training/path:", "csv.ragged");
    refused("", COLUMNS, NULL, "/manifest/training/path", "csv.empty");
    refused("x,y\n1,yes\n", "\"columns\":{\"inputs\":{\"x\":\"x\"}}", NULL,
            "/manifest/training", "schema.required");
    /* a table or images: not neither, not both */
    refused("x,y\n1,yes\n", "\"columns\":{\"label\":\"y\"}", NULL,
            "/manifest/training/columns", "schema.oneOf");
    refused("x,y\n1,yes\n",
            "\"columns\":{\"label\":\"y\",\"image\":\"f\",\"inputs\":{\"x\":\"x\"}}",
            NULL, "/manifest/training/columns", "schema.oneOf");
}

static void a_training_set_without_its_digest_is_refused(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, ",\"training\":{\"path\":\"train.csv\"," COLUMNS
                 ",\"positive_label\":\"yes\"}");
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(found(&k.d, "/manifest/training/sha256", "schema.required"));
    kit_close(&k);
}

static void rows_are_kept_in_an_order_of_their_own(void **state)
{
    struct kit k;
    const struct bench_train *t;
    (void)state;
    open_with(&k, "x,y\n9,yes\n3,no\n50,no\n,yes\n4,\n3,no\n", COLUMNS, NULL);
    kit_run(&k);
    t = k.run->train;
    assert_int_equal(t->n, 5); /* a value missing or out of range stays in */
    assert_int_equal(t->left_out, 1);
    assert_int_equal(t->outside, 1);
    assert_int_equal(t->positives, 2);
    assert_true(t->x[0] == 3 && t->x[2] == 9 && t->x[3] == 50 && isnan(t->x[4]));
    assert_int_equal(t->line[0], 3);
    assert_int_equal(t->line[1], 7);
    assert_int_equal(t->line[2], 2);
    assert_string_equal(measure(&k, "CY-5", "effective_triggers", "")->ci_method,
                        "too_few_rows");
    kit_close(&k);
}

static void both_rows_are_measured_from_the_manifest(void **state)
{
    struct kit k;
    struct buf b;
    (void)state;
    rows(&b, 300);
    open_with(&k, b.p, COLUMNS, NULL);
    kit_run(&k);
    assert_true(value(&k, "CY-5", "training_rows", "") == 300);
    assert_true(isfinite(value(&k, "CY-5", "unexplained_slice_abs_z", "")));
    assert_true(isfinite(value(&k, "CY-5", "effective_triggers", "")));
    assert_string_equal(measure(&k, "CY-7", "membership_attack_auc", "")->ci_method,
                        "too_few_rows"); /* sixty sealed rows */
    kit_close(&k);
    buf_release(&b);
}

static void without_it_both_rows_say_so(void **state)
{
    struct kit k;
    (void)state;
    kit_open(&k, "");
    kit_run(&k);
    assert_string_equal(measure(&k, "CY-5", "unexplained_slice_abs_z", "")->ci_method,
                        "no_training_data");
    assert_string_equal(measure(&k, "CY-7", "membership_attack_auc", "")->ci_method,
                        "no_training_data");
    assert_true(isnan(value(&k, "CY-5", "effective_triggers", "")));
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hostile_training_file_is_refused_by_place),
        cmocka_unit_test(a_training_set_without_its_digest_is_refused),
        cmocka_unit_test(rows_are_kept_in_an_order_of_their_own),
        cmocka_unit_test(both_rows_are_measured_from_the_manifest),
        cmocka_unit_test(without_it_both_rows_say_so),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
