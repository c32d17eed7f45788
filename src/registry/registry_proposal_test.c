/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry_test_support.h"

static struct t t;
static const struct auth_account desk = {
    .role = LEDGER_MSPS, .function = "registry_desk", .org_id = "MSPS"};

static int begin(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    return 0;
}

static int end(void **state)
{
    (void)state;
    time_fake(0);
    t_end(&t);
    return 0;
}

static int propose(const char *reason, uint8_t out[32])
{
    return t_propose(&t, &desk, reason, out);
}

static int count(void)
{
    struct registry_proposals all = {0};
    int n;
    assert_ok(registry_proposals(t.r, &all));
    for (size_t i = 0; i < all.n; i++) {
        assert_string_equal(all.v[i].by_org, "MSPS");
        assert_true(!i || all.v[i].at <= all.v[i - 1].at);
    }
    n = (int)all.n;
    vec_release(&all);
    return n;
}

static void a_proposal_is_kept_once_over_a_restart_and_gives_its_bytes(void **state)
{
    struct registry_proposal p;
    uint8_t one[32], two[32], digest[32];
    struct buf payload;
    (void)state;
    time_fake(time_now());
    assert_ok(propose("lost", one));
    assert_ok(propose("lost", two));
    assert_memory_equal(one, two, 32);
    assert_ok(propose("stolen", two));
    assert_int_equal(count(), 2);
    registry_close(t.r);
    t_open(&t);
    assert_int_equal(count(), 2);
    buf_init(&payload, 1 << 20);
    assert_ok(registry_proposal_get(t.r, one, &p, &payload));
    crypto_sha256(buf_str(&payload), digest);
    assert_memory_equal(digest, one, 32);
    assert_int_equal(p.kind, LEDGER_EVENT);
    assert_int_equal(p.by_role, LEDGER_MSPS);
    buf_release(&payload);
}

static void it_is_forgotten_after_thirty_days(void **state)
{
    struct registry_proposal p;
    uint8_t one[32];
    int64_t start = time_now();
    (void)state;
    assert_ok(propose("lost", one));
    time_fake(start + 29 * TIME_DAY);
    assert_ok(registry_proposal_get(t.r, one, &p, NULL));
    time_fake(start + 31 * TIME_DAY);
    assert_int_equal(registry_proposal_get(t.r, one, &p, NULL), AM_E_NOTFOUND);
    assert_int_equal(count(), 0);
}

static void it_is_dropped_when_it_takes_effect(void **state)
{
    struct registry_proposal p;
    struct buf payload, envelope;
    uint8_t one[32];
    (void)state;
    buf_init(&payload, 1 << 20);
    buf_init(&envelope, 1 << 20);
    assert_ok(propose("lost", one));
    assert_ok(registry_proposal_get(t.r, one, &p, &payload));
    assert_ok(ledger_sign(buf_str(&payload), t.key[T_MSPS], &envelope));
    assert_ok(t_submit_text(&t, LEDGER_EVENT, buf_str(&envelope)));
    assert_int_equal(t.receipt.outcome.effect, LEDGER_IN_EFFECT);
    assert_int_equal(registry_proposal_get(t.r, one, &p, NULL), AM_E_NOTFOUND);
    buf_release(&envelope);
    buf_release(&payload);
}

static void a_record_with_holes_is_refused_with_all_of_them(void **state)
{
    struct json_doc *doc;
    uint8_t one[32];
    (void)state;
    assert_ok(
        json_parse(&doc, STR("{\"type\":\"key_revoke\",\"key_id\":\"x\"}"), NULL, NULL));
    diag_clear(&t.d);
    assert_int_equal(
        registry_proposal_put(t.r, LEDGER_EVENT, json_root(doc), &desk, one, &t.d),
        AM_E_INVALID);
    assert_true(t.d.n >= 2);
    assert_int_equal(count(), 0);
    json_free(doc);
}

static void one_house_cannot_fill_the_shelf(void **state)
{
    uint8_t one[32];
    char reason[16];
    int err = AM_OK, n = 0;
    (void)state;
    for (; !err && n < 600; n++) {
        snprintf(reason, sizeof reason, "r%d", n);
        err = propose(reason, one);
    }
    assert_int_equal(err, AM_E_TOOMANY);
    assert_int_equal(n, 513);
    assert_string_equal(t.d.item[0].code, "proposal.too_many");
}

static int spoil(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "update proposal set payload = $1", "b", STR("{}"));
}

static void a_text_that_was_changed_is_not_given(void **state)
{
    struct registry_proposal p;
    struct buf payload;
    uint8_t one[32];
    (void)state;
    buf_init(&payload, 4096);
    assert_ok(propose("lost", one));
    assert_ok(db_write(registry_db(t.r), spoil, NULL));
    assert_int_equal(registry_proposal_get(t.r, one, &p, &payload), AM_E_TAMPERED);
    assert_int_equal(payload.n, 0);
    buf_release(&payload);
}

#define P(f) cmocka_unit_test_setup_teardown(f, begin, end)
static void what_nobody_could_ever_sign_is_refused_at_once(void **state)
{
    struct json_doc *doc;
    uint8_t digest[32];
    struct buf b;
    (void)state;
    buf_init(&b, 8192);
    t_addf(&b, "{");
    t_head(&b, T_MSPS);
    t_addf(&b, ",\"type\":\"key_revoke\",\"reason\":\"lost\",\"key_id\":\"");
    for (int i = 0; i < 64; i++)
        t_addf(&b, "0"); /* in no directory */
    t_addf(&b, "\"}");
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    diag_clear(&t.d);
    assert_int_equal(
        registry_proposal_put(t.r, LEDGER_EVENT, json_root(doc), &desk, digest, &t.d),
        AM_E_INVALID);
    assert_true(t.d.n > 0);
    assert_string_equal(t.d.item[0].path, "/key_id");
    assert_int_equal(count(), 0);
    json_free(doc);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        P(a_proposal_is_kept_once_over_a_restart_and_gives_its_bytes),
        P(it_is_forgotten_after_thirty_days),
        P(it_is_dropped_when_it_takes_effect),
        P(a_record_with_holes_is_refused_with_all_of_them),
        P(one_house_cannot_fill_the_shelf),
        P(a_text_that_was_changed_is_not_given),
        P(what_nobody_could_ever_sign_is_refused_at_once)};
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    return t_run_both(tests, AM_LEN(tests), AM_LEN(tests));
}
