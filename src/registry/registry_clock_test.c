/* SPDX-License-Identifier: Apache-2.0 */
/* The automaton under a clock that tests move: states what is due, once, and nothing
 * without its key. */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

static struct t t;
static int64_t start;

static int setup(void **state)
{
    (void)state;
    start = time_now() / TIME_SECOND * TIME_SECOND;
    t_begin(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    time_fake(0);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int64_t in_days(int64_t days)
{
    return start + days * TIME_DAY;
}

struct seen {
    enum ledger_v state;
    uint64_t size, by_system;
};

static int look(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct seen *s = arg;
    char id[CRYPTO_HEX] = "";
    (void)cosigned;
    *s = (struct seen){.size = ledger_size(l)};
    if (ledger_versions(l))
        s->state = ledger_version_at(l, 0)->state;
    if (registry_service_key(t.r))
        assert_ok(crypto_key_id(registry_service_key(t.r), id));
    for (uint64_t i = 0; i < s->size; i++) {
        uint8_t payload[32];
        const char *key;
        assert_ok(ledger_entry_of(l, i, payload, &key));
        s->by_system += strcmp(key, id) == 0;
    }
    return AM_OK;
}

static struct seen now(void)
{
    struct seen s;
    assert_ok(registry_view(t.r, look, &s));
    return s;
}

/* The ministry withdraws the version: ten years later it is to be archived. */
static void withdrawn(void)
{
    struct buf b;
    char policy[CRYPTO_HEX], at[TIME_TEXT];
    uint8_t digest[32];
    t_declared(&t);
    ledger_policy_digest(t.r->ledger, digest);
    buf_init(&b, 1 << 16);
    t_addf(&b, "{");
    t_head(&b, T_MSPS);
    t_addf(
        &b,
        ",\"model_digest\":\"%s\",\"outcome\":\"withdrawn\",\"requested_level\":"
        "\"base\",\"label_level\":\"none\",\"scope\":{\"gst\":[],\"establishments\":[],"
        "\"uses\":[\"CARDIO-RISK\"],\"undemonstrated_groups\":[]},\"decided_at\":"
        "\"%s\",\"conditions\":[],\"policy_sha256\":\"%s\",\"evidence\":[],"
        "\"outcome_computed\":\"refused\",\"withdrawal\":{\"deployments\":[],"
        "\"escrow_checked\":true},\"signers\":[{\"role\":\"msps\",\"org_id\":\"MSPS\","
        "\"key_id\":\"%s\",\"no_conflict\":true}]}",
        t.model_hex, time_format(start, at), crypto_hex(digest, 32, policy),
        t.id[T_MSPS]);
    t_submitted(&t, LEDGER_DECISION, T_MSPS, buf_str(&b));
    buf_release(&b);
    assert_int_equal(now().state, LEDGER_V_WITHDRAWN);
}

static size_t tick(int64_t at)
{
    size_t stated = 99;
    time_fake(at);
    assert_ok(registry_clock_tick(t.r, at, &stated));
    return stated;
}

static void what_is_due_is_stated_once(void **state)
{
    struct seen before, after;
    (void)state;
    t_registry(&t);
    withdrawn();
    before = now();
    assert_int_equal(tick(in_days(3649)), 0);
    assert_int_equal(now().size, before.size);
    assert_int_equal(tick(in_days(3660)), 1);
    after = now();
    assert_int_equal(after.state, LEDGER_V_ARCHIVED);
    assert_int_equal(after.size, before.size + 1);
    assert_int_equal(after.by_system, 1);
    assert_int_equal(tick(in_days(3660)), 0);
    assert_int_equal(tick(in_days(4000)), 0);
    registry_close(t.r); /* nor after a start */
    t.r = NULL;
    t_open(&t);
    assert_int_equal(tick(in_days(4001)), 0);
    assert_int_equal(now().size, after.size);
}

static void without_its_key_the_registry_states_nothing(void **state)
{
    char path[160];
    struct seen before;
    (void)state;
    t_registry(&t);
    withdrawn();
    registry_close(t.r);
    t.r = NULL;
    snprintf(path, sizeof path, "%s/keys/service.key", t.data);
    assert_int_equal(unlink(path), 0);
    t_open(&t);
    before = now();
    assert_true(t.r->clock_started); /* it forgets drafts, and states nothing */
    assert_int_equal(tick(in_days(3660)), 0);
    assert_int_equal(now().size, before.size);
}

static void a_revoked_service_key_states_nothing(void **state)
{
    char id[CRYPTO_HEX];
    (void)state;
    t_registry(&t);
    withdrawn();
    assert_ok(crypto_key_id(registry_service_key(t.r), id));
    assert_ok(t_event(
        &t, T_MSPS, "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"lost\"", id));
    assert_int_equal(tick(in_days(3660)), 0);
    assert_int_equal(now().state, LEDGER_V_WITHDRAWN);
}

static void before_anything_is_cosigned_there_is_no_time_to_act_on(void **state)
{
    size_t stated = 99;
    (void)state;
    t_registry(&t);
    withdrawn();
    time_fake(in_days(3660));
    assert_ok(registry_clock_tick(t.r, 0, &stated));
    assert_int_equal(stated, 0);
}

static void what_it_states_is_a_record_of_the_published_form(void **state)
{
    static const struct registry_duty k[] = {
        {.kind = LEDGER_DUE_EXPIRY},
        {.kind = LEDGER_DUE_ARCHIVE},
        {.kind = LEDGER_DUE_STOP, .motive = "device_certificate_expired"},
        {.kind = LEDGER_DUE_STOP,
         .motive = "dpia_expired",
         .establishment = "CHU-RABAT",
         .gst = "GST-RSK",
         .use_code = "CARDIO-RISK"}};
    (void)state;
    t_registry(&t);
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct registry_duty d = k[i];
        struct json_doc *doc;
        struct buf b;
        memset(d.digest, 'a', 64);
        buf_init(&b, 4096);
        assert_ok(registry_clock_record(&d, in_days(0), "MSPS", &b));
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        diag_clear(&t.d);
        if (registry_check(t.r, LEDGER_EVENT, json_root(doc), &t.d))
            fail_msg("%zu: %s %s", i, t.d.item[0].path, t.d.item[0].code);
        json_free(doc);
        buf_release(&b);
    }
}

/* The thread itself, with witnesses whose clock is the test's. */
static void the_thread_acts_on_the_time_the_witnesses_signed(void **state)
{
    struct seen s = {0};
    (void)state;
    t_witnesses(&t);
    t_registry(&t);
    for (int i = 0; i < 3; i++)
        assert_ok(tlog_witness_add_log(t.witness[i], tlog_key(registry_log(t.r))));
    withdrawn();
    usleep(1500000); /* a round or two: nothing is due today */
    assert_int_equal(now().state, LEDGER_V_WITHDRAWN);
    time_fake(in_days(3660));
    assert_eventually((s = now()).state == LEDGER_V_ARCHIVED);
    assert_int_equal(s.by_system, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(what_is_due_is_stated_once),
        T(without_its_key_the_registry_states_nothing),
        T(a_revoked_service_key_states_nothing),
        T(before_anything_is_cosigned_there_is_no_time_to_act_on),
        T(what_it_states_is_a_record_of_the_published_form),
        T(the_thread_acts_on_the_time_the_witnesses_signed),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return t_run_both(tests, AM_LEN(tests), AM_LEN(tests));
}
