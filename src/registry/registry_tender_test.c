/* SPDX-License-Identifier: Apache-2.0 */
/* A tender certificate outlives the service key: rotated, it carries the grants that lead
 * to it, and none of them can be left out or forged. */
#include "registry/registry_test_support.h"

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}

static void ask(uint64_t size, struct buf *certificate)
{
    struct registry_tender answer;
    struct json_doc *q = NULL;
    char text[256];
    int err;
    snprintf(text, sizeof text,
             "{\"products\":[\"%s\"],\"use_code\":\"CARDIO-RISK\",\"opens_at\":"
             "\"2027-01-01\"}",
             t.model_hex);
    assert_ok(json_parse(&q, str_c(text), NULL, NULL));
    registry_tender_init(&answer);
    diag_clear(&t.d);
    err = registry_tender(t.r, NULL, json_root(q), size, &answer, &t.d);
    if (err)
        fail_msg("%s: %s", am_err_text(err), t.d.n ? t.d.item[0].code : "");
    buf_init(certificate, 1 << 22);
    assert_ok(buf_add(certificate, buf_str(&answer.certificate)));
    registry_tender_release(&answer);
    json_free(q);
}

static int holds(struct str text)
{
    struct ledger_certificate c;
    int err;
    diag_clear(&t.d);
    err = ledger_certificate_open(text, t.genesis, &c, &t.d);
    if (!err)
        ledger_certificate_release(&c);
    return err;
}

/* The ministry grants a new service key and puts it where the registry looks. */
static void rotate(enum t_who granted_by)
{
    struct crypto_key *key = NULL;
    struct buf b;
    char path[4200];
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    buf_init(&b, 8192);
    t_addf(&b, "{");
    t_head(&b, granted_by);
    t_addf(&b, ",\"type\":\"key_grant\",\"key\":{\"role\":\"system\",\"function\":"
               "\"registry\",\"org_id\":\"MSPS\",\"label\":\"service\",\"spki\":\"");
    t_add_spki(key, &b);
    t_addf(&b, "\"}}");
    t_submitted(&t, LEDGER_EVENT, granted_by, buf_str(&b));
    buf_release(&b);
    registry_close(t.r);
    snprintf(path, sizeof path, "%s/keys/service.key", t.data);
    assert_int_equal(unlink(path), 0);
    assert_ok(crypto_key_save(key, path, STR_NULL));
    crypto_key_free(key);
    t_open(&t);
}

static void a_certificate_holds_before_and_after_the_key_is_rotated(void **state)
{
    struct buf before, after, again, past;
    (void)state;
    ask(0, &before);
    assert_null(strstr(before.p, "\"keys\""));
    assert_ok(holds(buf_str(&before)));
    rotate(T_MSPS);
    ask(0, &after);
    assert_non_null(strstr(after.p, "\"keys\""));
    assert_ok(holds(buf_str(&after)));
    rotate(T_MSPS);
    ask(0, &again);
    assert_ok(holds(buf_str(&again)));
    ask(3, &past); /* a size at which the new key was not granted yet */
    assert_ok(holds(buf_str(&past)));
    assert_ok(holds(buf_str(&before)));
    assert_ok(holds(buf_str(&after)));
    buf_release(&past);
    buf_release(&again);
    buf_release(&after);
    buf_release(&before);
}

static void no_link_of_the_history_can_be_altered(void **state)
{
    struct buf text;
    char *keys, *end;
    size_t refused = 0, tried = 0;
    (void)state;
    rotate(T_MSPS);
    ask(0, &text);
    keys = strstr(text.p, "\"keys\"");
    assert_non_null(keys);
    end = text.p + text.n - 1;
    for (char *p = keys; p < end; p += 7) {
        char was = *p;
        *p = was == 'A' ? 'B' : was == '"' ? 'x' : was == '1' ? '2' : 'A';
        tried++;
        refused += holds(buf_str(&text)) != AM_OK;
        if (refused != tried)
            fail_msg("byte %td: %c is not missed", p - text.p, was);
        *p = was;
    }
    assert_true(tried > 100);
    memcpy(keys, "\"kays\"", 6); /* left out */
    assert_int_equal(holds(buf_str(&text)), AM_E_INVALID);
    assert_string_equal(t.d.item[0].code, "certificate.key");
    buf_release(&text);
}

/* The log holds it, without effect: whoever signs a grant must be an authority. */
static void a_grant_by_somebody_else_makes_no_service_key(void **state)
{
    struct buf text, out, payload, pae, sig, spki, leaf;
    const struct json *link;
    struct json_doc *doc;
    uint8_t digest[32];
    struct jw w;
    (void)state;
    rotate(T_MSPS);
    ask(0, &text);
    assert_ok(json_parse(&doc, buf_str(&text), NULL, NULL));
    link = json_at(json_get(json_root(doc), "keys"), 0);
    buf_init(&payload, 1 << 16);
    buf_init(&pae, 1 << 16);
    buf_init(&sig, 512);
    buf_init(&spki, 512);
    buf_init(&leaf, 1 << 16);
    buf_init(&out, 1 << 22);
    assert_ok(buf_add(&payload, json_get_str(link, "payload")));
    assert_ok(crypto_key_spki(t.key[T_VENDOR], &spki));
    assert_ok(ledger_pae(buf_str(&payload), &pae));
    assert_ok(crypto_sign(t.key[T_VENDOR], buf_str(&pae), &sig));
    crypto_sha256(buf_str(&payload), digest);
    assert_ok(ledger_leaf(digest, buf_str(&sig), buf_str(&spki), &leaf));
    jw_init(&w, &out); /* the same certificate, the grant's leaf signed by a vendor */
    jw_obj(&w);
    for (json_each(it, json_root(doc)))
        if (!str_eqc(it.key, "keys")) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    jw_key(&w, "keys");
    jw_arr(&w);
    jw_obj(&w);
    jw_kval(&w, "index", json_get(link, "index"));
    jw_kstr(&w, "leaf", buf_str(&leaf));
    jw_kstr(&w, "payload", buf_str(&payload));
    jw_kval(&w, "proof", json_get(link, "proof"));
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_int_equal(holds(buf_str(&out)), AM_E_INVALID);
    assert_string_equal(t.d.item[0].path, "/keys");
    json_free(doc);
    buf_release(&out);
    buf_release(&leaf);
    buf_release(&spki);
    buf_release(&sig);
    buf_release(&pae);
    buf_release(&payload);
    buf_release(&text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_certificate_holds_before_and_after_the_key_is_rotated, setup, teardown),
        cmocka_unit_test_setup_teardown(no_link_of_the_history_can_be_altered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_grant_by_somebody_else_makes_no_service_key,
                                        setup, teardown),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
