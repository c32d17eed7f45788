/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for signatures and giving them, page by page. Signing in the browser itself is
 * in test/browser/sign.mjs. */
#include "web/web_site_sign_priv.h"
#include "web/web_site_test_support.h"

static struct world world;
static char cookie[160], csrf[AUTH_TOKEN];

static void sign_in_as(const char *login, enum ledger_role role, const char *function,
                       const char *org)
{
    struct auth_account a = {.role = role, .lang = "ar"};
    snprintf(a.login, sizeof a.login, "%s", login);
    snprintf(a.function, sizeof a.function, "%s", function);
    snprintf(a.org_id, sizeof a.org_id, "%s", org);
    world_sign_in(&world, &a, false, cookie, csrf);
}

static int setup(void **state)
{
    (void)state;
    if (world_begin(&world))
        return -1;
    sign_in_as("guichet", LEDGER_MSPS, "authority", "MSPS");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static void get(struct ask *a, const char *url, bool signed_in)
{
    ask_init(a, HTTP_GET, url);
    if (signed_in)
        ask_header(a, "Cookie", cookie);
    assert_ok(web_site_handle(world.site, &a->req, &a->resp));
}

static void post(struct ask *a, const char *url, const char *form)
{
    ask_init(a, HTTP_POST, url);
    ask_header(a, "Cookie", cookie);
    ask_form(a, form);
    assert_ok(web_site_handle(world.site, &a->req, &a->resp));
}

static void add_encoded(struct buf *b, struct str s)
{
    assert_ok(web_url_part(b, s));
}

/* A key asks to be entered; the address of the page to sign. */
static void ask_for_key(const struct crypto_key *key, char where[128])
{
    struct buf form, spki;
    struct ask a;
    buf_init(&form, 4096);
    buf_init(&spki, 1024);
    spki64(key, &spki);
    assert_ok(buf_addf(&form, "csrf=%s&spki=", csrf));
    add_encoded(&form, buf_str(&spki));
    post(&a, "/key", form.p);
    assert_int_equal(a.resp.status, 303);
    snprintf(where, 128, "%s", answer(&a, "Location"));
    assert_memory_equal(where, "/sign/", 6);
    ask_release(&a);
    buf_release(&spki);
    buf_release(&form);
}

static void payload_of(const char *where, struct buf *out)
{
    char url[160];
    struct ask a;
    snprintf(url, sizeof url, "%s/payload.json", where);
    get(&a, url, true);
    assert_int_equal(a.resp.status, 200);
    assert_string_equal(answer(&a, "Content-Type"), "application/vnd.in-toto+json");
    assert_ok(buf_add(out, buf_str(&a.resp.body)));
    ask_release(&a);
}

static void hand_in(struct ask *a, const char *where, struct str envelope)
{
    struct buf form;
    buf_init(&form, 1 << 20);
    assert_ok(buf_addf(&form, "csrf=%s&envelope=", csrf));
    add_encoded(&form, envelope);
    post(a, where, form.p);
    buf_release(&form);
}

static void a_key_is_asked_for_signed_for_and_entered(void **state)
{
    struct buf payload, envelope;
    struct crypto_key *key;
    char where[128], hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct ask a;
    (void)state;
    buf_init(&payload, 1 << 16);
    buf_init(&envelope, 1 << 16);
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    ask_for_key(key, where);
    get(&a, "/sign", true);
    assert_int_equal(a.resp.status, 200);
    assert_true(holds(&a, where)); /* it waits */
    ask_release(&a);
    payload_of(where, &payload);
    crypto_sha256(buf_str(&payload), digest);
    assert_string_equal(where + 6, crypto_hex(digest, 32, hex));
    get(&a, where, true);
    assert_int_equal(a.resp.status, 200);
    assert_true(holds(&a, "<html lang=\"ar\" dir=\"rtl\">"));
    assert_true(holds(&a, "data-at=\"/predicate/key/spki\""));
    assert_false(holds(&a, "<script>alert"));
    ask_release(&a);
    assert_ok(ledger_sign(buf_str(&payload), world.msps, &envelope));
    hand_in(&a, where, buf_str(&envelope));
    assert_int_equal(a.resp.status, 303);
    assert_non_null(strstr(answer(&a, "Location"), "?signed="));
    ask_release(&a);
    get(&a, where, true); /* the log has it now, the page stays */
    assert_int_equal(a.resp.status, 200);
    assert_false(holds(&a, "data-sign="));
    ask_release(&a);
    crypto_key_free(key);
    buf_release(&envelope);
    buf_release(&payload);
}

static void an_envelope_over_another_text_is_refused(void **state)
{
    struct buf payload, envelope;
    struct crypto_key *one, *two;
    char where[128], other[128];
    struct ask a;
    (void)state;
    buf_init(&payload, 1 << 16);
    buf_init(&envelope, 1 << 16);
    assert_ok(crypto_key_generate(&one, CRYPTO_P256));
    assert_ok(crypto_key_generate(&two, CRYPTO_P256));
    ask_for_key(one, where);
    ask_for_key(two, other);
    payload_of(other, &payload);
    assert_ok(ledger_sign(buf_str(&payload), world.msps, &envelope));
    hand_in(&a, where, buf_str(&envelope));
    assert_int_equal(a.resp.status, 422);
    ask_release(&a);
    hand_in(&a, where, STR("{}"));
    assert_int_equal(a.resp.status, 422);
    ask_release(&a);
    hand_in(&a, where, STR(""));
    assert_int_equal(a.resp.status, 422);
    ask_release(&a);
    crypto_key_free(two);
    crypto_key_free(one);
    buf_release(&envelope);
    buf_release(&payload);
}

static void nothing_is_shown_or_taken_without_a_session_and_its_token(void **state)
{
    struct crypto_key *key;
    char where[128], form[64];
    struct ask a;
    (void)state;
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    ask_for_key(key, where);
    get(&a, where, false);
    assert_int_equal(a.resp.status, 303);
    assert_memory_equal(answer(&a, "Location"), "/login", 6);
    ask_release(&a);
    snprintf(form, sizeof form, "envelope=%%7B%%7D");
    post(&a, where, form);
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    post(&a, "/key", "spki=AAAA");
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    get(&a, "/sign/00000000000000000000000000000000000000000000000000000000000000aa",
        true);
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
    crypto_key_free(key);
}

static void who_signs_nothing_reads_no_proposal(void **state)
{
    struct crypto_key *key;
    char where[128], mine[160], token[AUTH_TOKEN];
    struct ask a;
    (void)state;
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    ask_for_key(key, where);
    snprintf(mine, sizeof mine, "%s", cookie);
    snprintf(token, sizeof token, "%s", csrf);
    sign_in_as("chercheur", LEDGER_RESEARCHER, "", "UM6P");
    get(&a, where, true);
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    get(&a, "/sign", true);
    assert_int_equal(a.resp.status, 200);
    assert_false(holds(&a, where));
    ask_release(&a);
    post(&a, "/key", "spki=AAAA"); /* the role may not ask */
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    snprintf(cookie, sizeof cookie, "%s", mine);
    snprintf(csrf, sizeof csrf, "%s", token);
    crypto_key_free(key);
}

static void what_is_no_public_key_is_said_on_the_page(void **state)
{
    char form[160];
    struct ask a;
    (void)state;
    snprintf(form, sizeof form, "csrf=%s&spki=AAAA", csrf);
    post(&a, "/key", form);
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "P-256"));
    ask_release(&a);
    get(&a, "/key", false); /* anybody may make a key */
    assert_int_equal(a.resp.status, 200);
    ask_release(&a);
}

static void an_interest_is_typed_kept_when_refused_and_entered(void **state)
{
    struct buf payload, envelope;
    char form[400], where[128], id[CRYPTO_HEX];
    struct ask a;
    (void)state;
    buf_init(&payload, 1 << 16);
    buf_init(&envelope, 1 << 16);
    assert_ok(crypto_key_id(world.msps, id));
    snprintf(form, sizeof form, "csrf=%s&key=%s&ground=family&ended=2026-01-31", csrf,
             id);
    post(&a, "/recusal", form);
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "value=\"2026-01-31\""));
    assert_true(holds(&a, "value=\"family\" checked"));
    ask_release(&a);
    snprintf(form, sizeof form, "csrf=%s&key=%s&ground=family&with_org=DEMOAI", csrf, id);
    post(&a, "/recusal", form + 5 + strlen(csrf)); /* without its token */
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    post(&a, "/recusal", form);
    assert_int_equal(a.resp.status, 303);
    snprintf(where, sizeof where, "%s", answer(&a, "Location"));
    ask_release(&a);
    payload_of(where, &payload);
    assert_ok(ledger_sign(buf_str(&payload), world.msps, &envelope));
    hand_in(&a, where, buf_str(&envelope)); /* no declaration is asked for this one */
    assert_int_equal(a.resp.status, 303);
    ask_release(&a);
    buf_release(&envelope);
    buf_release(&payload);
}

static void instants_are_shown_as_dates_and_compared_exactly(void **state)
{
    struct crypto_key *key;
    char where[128];
    struct ask a;
    (void)state;
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    ask_for_key(key, where);
    get(&a, where, true);
    assert_true(holds(&a, "data-at=\"/predicate/issued_at\">"));
    assert_true(holds(&a, "<time datetime=\"20"));
    ask_release(&a);
    crypto_key_free(key);
}

/* What one signs is said by its outcome, transition, verdict or scope, else by its type.
 */
static void the_sentence_is_the_most_exact_there_is(void **state)
{
    static const struct {
        enum ledger_kind kind;
        const char *type, *record, *id;
    } told[] = {
        {LEDGER_DEPLOYMENT, "", "{\"transition\":\"P3\"}", "sign.effect.deployment.p3"},
        {LEDGER_DEPLOYMENT, "", "{\"transition\":\"P99\"}", "sign.effect.deployment"},
        {LEDGER_DECISION, "", "{\"outcome\":\"granted\",\"transition\":\"P3\"}",
         "sign.effect.decision.granted"},
        {LEDGER_EVENT, "admissibility", "{\"verdict\":\"admissible\"}",
         "sign.effect.admissibility.admissible"},
        {LEDGER_EVENT, "stop", "{\"scope\":\"national\"}", "sign.effect.stop.national"},
        {LEDGER_EVENT, "stop", "{}", "sign.effect.stop"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(told); i++) {
        struct ledger_statement_view st = {.kind = told[i].kind};
        struct web_visit v = {.l = TEXT_FR};
        struct json_doc *doc;
        assert_ok(json_parse(&doc, str_c(told[i].record), NULL, NULL));
        st.record = json_root(doc);
        if (*told[i].type)
            st.event_type = str_c(told[i].type);
        struct str got = web_sign_sentence(&v, "sign.effect", &st),
                   due = text_get(TEXT_FR, told[i].id);
        assert_true(due.n && str_eq(got, due));
        json_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_key_is_asked_for_signed_for_and_entered),
        TEST(an_envelope_over_another_text_is_refused),
        TEST(nothing_is_shown_or_taken_without_a_session_and_its_token),
        TEST(who_signs_nothing_reads_no_proposal),
        TEST(what_is_no_public_key_is_said_on_the_page),
        TEST(an_interest_is_typed_kept_when_refused_and_entered),
        TEST(instants_are_shown_as_dates_and_compared_exactly),
        TEST(the_sentence_is_the_most_exact_there_is)};
    return cmocka_run_group_tests(t, setup, teardown);
}
