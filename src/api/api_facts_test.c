/* SPDX-License-Identifier: Apache-2.0 */
/* Cases, deposits and sandboxes over HTTP: who reads what, and what is refused at the
 * door. One registry serves all tests: with a version, a case, a deposit. */
#include "api/api_test_support.h"

#define CASE  "VIG-2026-ABCDEFGHIJ"
#define OTHER "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

static struct t t;
static struct api *a;
static struct crypto_key *doctor, *agent;
static uint64_t case_index, receipt_index;
static char case_payload[CRYPTO_HEX], receipt_payload[CRYPTO_HEX], receipt[CRYPTO_HEX];

/* ---- people ----------------------------------------------------------------------- */
/* X(id, role, organisation, establishment, reads the case, reads the receipt) */
#define PEOPLE(X)                                                                        \
    X(SUPPLIER, VENDOR, "DEMOAI", "", 2, true)                                           \
    X(RIVAL, VENDOR, "OTHER1", "", 0, false)                                             \
    X(BENCH, BENCH_OPERATOR, "BENCH1", "", 0, false)                                     \
    X(IMANOR, IMANOR, "IMANOR", "", 2, false)                                            \
    X(HAS, HAS, "HAS", "", 2, true)                                                      \
    X(MSPS, MSPS, "MSPS", "", 2, true)                                                   \
    X(CNDP, CNDP, "CNDP", "", 0, false)                                                  \
    X(GST, GST, "GST-CS", "", 2, false)                                                  \
    X(DOCTOR, PHYSICIAN, "CHU-RABAT", "CHU-RABAT", 2, false)                             \
    X(QUALITY, QUALITY, "CHU-RABAT", "CHU-RABAT", 2, false)                              \
    X(ELSEWHERE, PHYSICIAN, "CHU-CASA", "CHU-CASA", 0, false)                            \
    X(AGENT, ESCROW_AGENT, "TIERS1", "", 0, true)                                        \
    X(AGENT2, ESCROW_AGENT, "TIERS2", "", 0, false)                                      \
    X(AUDITOR, AUDITOR, "OBS", "", 1, true)                                              \
    X(RESEARCHER, RESEARCHER, "UNIV", "", 0, false)                                      \
    X(NODE, SYSTEM, "GST-RSK", "", 2, true)
enum who {
#define X(id, role, org, est, c, d) P_##id,
    PEOPLE(X)
#undef X
        P_COUNT
};
static const struct person {
    const char *name;
    enum ledger_role role;
    const char *org, *est;
    unsigned reads_case;
    bool reads_deposit;
} person[] = {
#define X(id, role, org, est, c, d) {#id, LEDGER_##role, org, est, c, d},
    PEOPLE(X)
#undef X
};
static char token[P_COUNT][AUTH_TOKEN];

static void people(void)
{
    for (size_t i = 0; i < P_COUNT; i++) {
        struct auth_account spec = {.role = person[i].role};
        int64_t id = 0;
        snprintf(spec.login, sizeof spec.login, "p%zu", i);
        snprintf(spec.org_id, sizeof spec.org_id, "%s", person[i].org);
        snprintf(spec.establishment, sizeof spec.establishment, "%s", person[i].est);
        assert_ok(auth_account_create(registry_auth(t.r), &spec, STR("a long password"),
                                      &id, NULL));
        assert_ok(auth_token_create(registry_auth(t.r), id, time_now(), 0, token[i]));
    }
}

static void grant(struct crypto_key **key, const char *role, const char *org)
{
    struct buf b;
    buf_init(&b, 8192);
    assert_ok(crypto_key_generate(key, CRYPTO_P256));
    t_grant_record(*key, role, org, &b);
    t_submitted(&t, LEDGER_EVENT, T_MSPS, buf_str(&b));
    buf_release(&b);
}

/* ---- statements ------------------------------------------------------------------- */
static struct reply post(const struct crypto_key *key, enum ledger_kind kind,
                         const char *role, const char *org, const char *fmt, ...)
    AM_PRINTF(5, 6);
static struct reply post(const struct crypto_key *key, enum ledger_kind kind,
                         const char *role, const char *org, const char *fmt, ...)
{
    static const char *const path[] = {"/api/v1/deployments", "/api/v1/events"};
    char at[TIME_TEXT];
    struct json_doc *doc = NULL;
    struct buf b, payload, envelope;
    struct reply r;
    va_list ap;
    buf_init(&b, 1 << 20);
    buf_init(&payload, 1 << 22);
    buf_init(&envelope, 1 << 23);
    t_addf(&b, "{\"issued_at\":\"%s\",\"issuer\":{\"role\":\"%s\",\"org_id\":\"%s\"},",
           time_format(time_now() / TIME_SECOND * TIME_SECOND, at), role, org);
    va_start(ap, fmt);
    assert_ok(buf_addv(&b, fmt, ap));
    va_end(ap);
    t_addf(&b, "}");
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    assert_ok(ledger_statement(kind, json_root(doc), STR(T_BASE), &payload, NULL));
    assert_ok(ledger_sign(buf_str(&payload), key, &envelope));
    r = t_ask(a, &(struct ask){.method = HTTP_POST,
                               .path = path[kind == LEDGER_EVENT],
                               .body = buf_str(&envelope)});
    json_free(doc);
    buf_release(&envelope);
    buf_release(&payload);
    buf_release(&b);
    return r;
}

/* Accepted, in effect: its index and payload. */
static uint64_t accepted(struct reply r, char payload[CRYPTO_HEX])
{
    uint64_t index;
    if (r.status != 201 || !json_str_is(t_at(&r, "/effect"), "in_effect"))
        fail_msg("%d %.*s", r.status, STR_FMT(buf_str(&r.resp.body)));
    index = (uint64_t)json_int(t_at(&r, "/index"), 0);
    if (payload)
        snprintf(payload, CRYPTO_HEX, "%.*s",
                 STR_FMT(json_str(t_at(&r, "/payload_sha256"))));
    t_done(&r);
    return index;
}

static void refused(struct reply r, int status, const char *code)
{
    bool found = false;
    for (json_each(it, t_at(&r, "/problems")))
        found |= json_str_is(json_get(it.val, "code"), code);
    if (r.status != status || !found)
        fail_msg("%d and %s wanted: %d %.*s", status, code, r.status,
                 STR_FMT(buf_str(&r.resp.body)));
    t_done(&r);
}

static const char *days(int64_t n)
{
    static char at[4][TIME_TEXT];
    static unsigned i;
    return time_format((time_now() / TIME_SECOND + n * 86400) * TIME_SECOND, at[i++ % 4]);
}

#define REPORT(id, terms, extra)                                                         \
    "\"type\":\"vigilance\",\"case_id\":\"" id "\",\"model_digest\":\"%s\","             \
    "\"establishment\":\"CHU-RABAT\",\"gst\":\"GST-RSK\",\"severity\":\"serious\","      \
    "\"aware_at\":\"%s\",\"traces\":[\"" OTHER "\"],\"terms\":" terms extra
#define BY_DOCTOR doctor, LEDGER_EVENT, "physician", "CHU-RABAT"
#define BY_AGENT  agent, LEDGER_EVENT, "escrow_agent", "TIERS1"

static void items(struct buf *b)
{
    t_addf(b, "[");
    for (int i = 0; i < 4; i++) {
        static const char *const item[] = {"source_code", "technical_documentation",
                                           "operating_documentation", "training_data"};
        t_addf(b, "{\"item\":\"%s\",\"path\":\"f%d\",\"sha256\":\"%s\",\"size\":10},",
               item[i], i,
               i == 3 ? "5ea1ed00000000000000000000000000000000000000000000000000000000ff"
                      : OTHER);
    }
    t_addf(b,
           "{\"item\":\"weights\",\"path\":\"model.json\",\"sha256\":\"%s\",\"size\":"
           "%zu}]",
           t.file_hex, t.model.n);
}

static struct reply deposit(int level, const char *manifest)
{
    struct buf b, canon;
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct reply r;
    buf_init(&b, 8192);
    buf_init(&canon, 8192);
    items(&b);
    assert_ok(json_canon_text(&canon, buf_str(&b), NULL));
    crypto_sha256(buf_str(&canon), digest);
    r = post(BY_AGENT,
             "\"type\":\"escrow_receipt\",\"model_digest\":\"%s\",\"deposit_id\":\"D-1\","
             "\"deposited_at\":\"%s\",\"level\":%d,\"items\":%s,\"manifest_sha256\":"
             "\"%s\",\"conditions\":[\"insolvency\"]",
             t.model_hex, days(-1), level, b.p,
             manifest ? manifest : crypto_hex(digest, 32, hex));
    buf_release(&canon);
    buf_release(&b);
    return r;
}

static int setup(void **state)
{
    struct reply r;
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    grant(&doctor, "physician", "CHU-RABAT");
    grant(&agent, "escrow_agent", "TIERS1");
    people();
    assert_ok(api_new_registry(&a, t.r));
    case_index = accepted(
        post(BY_DOCTOR, REPORT(CASE, "[\"A0101\",\"E0101\"]", ""), t.model_hex, days(-2)),
        case_payload);
    r = deposit(1, NULL);
    snprintf(receipt, sizeof receipt, "%.*s",
             STR_FMT(json_str(t_at(&r, "/record_sha256"))));
    receipt_index = accepted(r, receipt_payload);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    crypto_key_free(doctor);
    crypto_key_free(agent);
    t_end(&t);
    return 0;
}

/* ---- who reads -------------------------------------------------------------------- */
static struct reply get(const char *path, const char *who)
{
    return t_ask(a, &(struct ask){.path = path, .token = who});
}

static void everybody_reads_the_counts_and_the_concerned_the_case(void **state)
{
    struct reply r = get("/api/v1/vigilance", NULL);
    (void)state;
    assert_int_equal(json_size(t_at(&r, "/items")), 0);
    assert_int_equal(json_int(t_at(&r, "/counts/cases"), 0), 1);
    assert_int_equal(json_int(t_at(&r, "/counts/serious"), 0), 1);
    t_done(&r);
    for (size_t i = 0; i < P_COUNT; i++) {
        size_t n = person[i].reads_case ? 1 : 0;
        r = get("/api/v1/vigilance", token[i]);
        if (json_size(t_at(&r, "/items")) != n ||
            (t_at(&r, "/items/0/establishment") != NULL) != (person[i].reads_case == 2))
            fail_msg("%s: %.*s", person[i].name, STR_FMT(buf_str(&r.resp.body)));
        t_done(&r);
        r = get("/api/v1/vigilance/" CASE, token[i]);
        assert_int_equal(r.status, n ? 200 : 404);
        t_done(&r);
    }
    assert_int_equal(t_get(a, "/api/v1/vigilance/" CASE, NULL), 401);
    assert_int_equal(t_get(a, "/api/v1/vigilance/VIG-2026-ZZZZZZZZZZ", token[P_HAS]),
                     404);
}

static void lists_of_cases_can_be_filtered(void **state)
{
    static const struct {
        const char *query;
        size_t n;
    } q[] = {{"state=open", 1},     {"state=closed", 0}, {"severity=serious", 1},
             {"severity=death", 0}, {"model=" OTHER, 0}, {"late=1", 0}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(q); i++) {
        struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/vigilance",
                                                .query = q[i].query,
                                                .token = token[P_HAS]});
        assert_int_equal(json_size(t_at(&r, "/items")), q[i].n);
        t_done(&r);
    }
}

/* Statement, bundle and bytes of an entry, to each person. */
static void reads_entry(uint64_t index, const char *payload, const struct person *p,
                        const char *who, bool yes)
{
    char path[128];
    struct reply r;
    int refusal = who ? 403 : 401;
    snprintf(path, sizeof path, "/api/v1/statements/%llu", (unsigned long long)index);
    r = get(path, who);
    assert_int_equal(r.status, 200); /* the leaf is public */
    if ((t_at(&r, "/payload") != NULL) != yes ||
        json_bool(t_at(&r, "/restricted"), false) == yes)
        fail_msg("%s: %.*s", p ? p->name : "nobody", STR_FMT(buf_str(&r.resp.body)));
    t_done(&r);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", payload);
    assert_int_equal(t_get(a, path, who), yes ? 200 : refusal);
    snprintf(path, sizeof path, "/api/v1/statements/%llu/bundle",
             (unsigned long long)index);
    assert_int_equal(t_get(a, path, who), yes ? 503 : refusal); /* 503: no witness here */
}

static void the_bytes_of_a_case_are_read_by_the_concerned_only(void **state)
{
    (void)state;
    reads_entry(case_index, case_payload, NULL, NULL, false);
    reads_entry(receipt_index, receipt_payload, NULL, NULL, false);
    for (size_t i = 0; i < P_COUNT; i++) {
        reads_entry(case_index, case_payload, &person[i], token[i],
                    person[i].reads_case > 0);
        reads_entry(receipt_index, receipt_payload, &person[i], token[i],
                    person[i].reads_deposit);
    }
}

static void the_data_authority_reads_what_concerns_data(void **state)
{
    struct reply r;
    (void)state;
    (void)accepted(post(BY_DOCTOR,
                        REPORT("VIG-2026-DDDDDDDDDD", "[\"A0101\",\"E0101\"]",
                               ",\"personal_data\":true"),
                        t.model_hex, days(-2)),
                   NULL);
    r = get("/api/v1/vigilance", token[P_CNDP]);
    assert_int_equal(json_size(t_at(&r, "/items")), 1);
    assert_true(json_bool(t_at(&r, "/items/0/personal_data"), false));
    t_done(&r);
}

static void everybody_sees_that_a_deposit_exists_and_no_more(void **state)
{
    struct reply r = get("/api/v1/escrow", NULL);
    (void)state;
    assert_int_equal(json_size(t_at(&r, "/items")), 1);
    assert_int_equal(json_int(t_at(&r, "/items/0/level"), -1), 1);
    assert_null(t_at(&r, "/items/0/manifest_sha256"));
    t_done(&r);
    for (size_t i = 0; i < P_COUNT; i++) {
        r = get("/api/v1/escrow", token[i]);
        assert_int_equal(t_at(&r, "/items/0/manifest_sha256") != NULL,
                         person[i].reads_deposit);
        t_done(&r);
    }
}

static void a_page_of_history_does_not_name_a_case(void **state)
{
    char path[160];
    struct reply r;
    (void)state;
    snprintf(path, sizeof path, "/api/v1/versions/%s/history", t.model_hex);
    r = get(path, token[P_HAS]);
    for (json_each(it, t_at(&r, "/items")))
        assert_true(json_int(json_get(it.val, "index"), 0) != (int64_t)case_index);
    t_done(&r);
    snprintf(path, sizeof path, "/api/v1/versions/%s", t.model_hex);
    r = get(path, NULL);
    assert_true(json_int(t_at(&r, "/version/vigilance/cases"), 0) >= 1);
    assert_true(json_bool(t_at(&r, "/version/escrow"), false));
    t_done(&r);
}

/* ---- what is refused at the door -------------------------------------------------- */
#define FOLLOW(step, extra)                                                              \
    "\"type\":\"vigilance_followup\",\"case_id\":\"" CASE "\",\"step\":\"" step "\"" extra

static void hostile_reports_are_refused_with_their_code(void **state)
{
    struct buf many;
    (void)state;
    refused(post(BY_DOCTOR,
                 REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\",\"E0101\"]",
                        ",\"reason\":\"Mme A., chambre 12\""),
                 t.model_hex, days(-2)),
            422, "schema.properties");
    refused(post(BY_DOCTOR, REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\",\"Mme A.\"]", ""),
                 t.model_hex, days(-2)),
            422, "schema.pattern");
    refused(post(BY_DOCTOR, REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\"]", ""), t.model_hex,
                 days(-2)),
            422, "schema.contains");
    refused(post(BY_DOCTOR, REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\",\"E0101\"]", ""),
                 OTHER, days(-2)),
            409, "unknown_version");
    refused(
        post(BY_DOCTOR, REPORT(CASE, "[\"A0101\",\"E0101\"]", ""), t.model_hex, days(-3)),
        409, "exists");
    refused(post(doctor, LEDGER_EVENT, "physician", "CHU-CASA",
                 REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\",\"E0101\"]", ""), t.model_hex,
                 days(-2)),
            403, "issuer_mismatch");
    refused(post(BY_AGENT, REPORT("VIG-2026-EEEEEEEEEE", "[\"A0101\",\"E0101\"]", ""),
                 t.model_hex, days(-2)),
            403, "wrong_role");
    refused(post(t.key[T_VENDOR2], LEDGER_EVENT, "vendor", "OTHER1",
                 FOLLOW("answer", ",\"code\":\"contested\"")),
            403, "wrong_organisation"); /* a stranger answers for the supplier */
    refused(post(t.key[T_HAS1], LEDGER_EVENT, "has", "HAS",
                 FOLLOW("closure", ",\"code\":\"corrected\",\"terms\":[\"B01\"]")),
            422, "guard.case_terms");
    buf_init(&many, 1 << 16);
    for (int i = 0; i < 101; i++)
        t_addf(&many, "%s\"%064x\"", i ? "," : "", (unsigned)i + 1);
    refused(post(BY_DOCTOR, FOLLOW("coding", ",\"traces\":[%s]"), many.p), 422,
            "schema.maxItems");
    buf_release(&many);
}

static void the_same_envelope_twice_is_a_replay(void **state)
{
    struct buf payload, envelope;
    struct json_doc *doc = NULL;
    char text[512], at[TIME_TEXT];
    struct ask q = {.method = HTTP_POST, .path = "/api/v1/events"};
    (void)state;
    snprintf(text, sizeof text,
             "{\"issued_at\":\"%s\",\"issuer\":{\"role\":\"physician\",\"org_id\":"
             "\"CHU-RABAT\"}," FOLLOW("coding", ",\"terms\":[\"B01\"]") "}",
             time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    buf_init(&payload, 1 << 16);
    buf_init(&envelope, 1 << 16);
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    assert_ok(
        ledger_statement(LEDGER_EVENT, json_root(doc), STR(T_BASE), &payload, NULL));
    assert_ok(ledger_sign(buf_str(&payload), doctor, &envelope));
    q.body = buf_str(&envelope);
    (void)accepted(t_ask(a, &q), NULL);
    refused(t_ask(a, &q), 409, "replay");
    json_free(doc);
    buf_release(&envelope);
    buf_release(&payload);
}

static void escrow_says_no_with_its_code(void **state)
{
    (void)state;
    refused(deposit(1, OTHER), 422, "guard.escrow_manifest");
    refused(deposit(7, NULL), 422, "schema.maximum");
    refused(post(t.key[T_MSPS], LEDGER_EVENT, "msps", "MSPS",
                 "\"type\":\"escrow_release\",\"step\":\"order\",\"model_digest\":\"%s\","
                 "\"deposit\":\"" OTHER "\",\"condition\":\"insolvency\","
                 "\"beneficiary\":\"NEXT01\"",
                 t.model_hex),
            409, "unknown_deposit"); /* release without a receipt */
    refused(
        post(BY_AGENT,
             "\"type\":\"escrow_release\",\"step\":\"execute\",\"model_digest\":\"%s\","
             "\"deposit\":\"%s\",\"order\":\"" OTHER "\",\"executed_at\":\"%s\"",
             t.model_hex, receipt, days(0)),
        409, "unknown_order");
    refused(post(t.key[T_VENDOR], LEDGER_EVENT, "vendor", "DEMOAI",
                 "\"type\":\"escrow_release\",\"step\":\"order\",\"model_digest\":\"%s\","
                 "\"deposit\":\"%s\",\"condition\":\"insolvency\",\"beneficiary\":"
                 "\"DEMOAI\"",
                 t.model_hex, receipt),
            403, "wrong_role");
}

static void terms_and_facts_are_told_to_everybody(void **state)
{
    struct reply r;
    (void)state;
    (void)accepted(post(t.key[T_HAS1], LEDGER_EVENT, "has", "HAS",
                        "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":"
                        "\"interest\",\"with_org\":\"ELSEWHERE\"",
                        t.id[T_HAS1]),
                   NULL);
    r = t_ask(a, &(struct ask){.path = "/api/v1/facts", .query = "type=recusal"});
    assert_int_equal(json_size(t_at(&r, "/items")), 1);
    assert_true(json_str_is(t_at(&r, "/items/0/with_org"), "ELSEWHERE"));
    assert_true(json_str_is(t_at(&r, "/items/0/about_key"), t.id[T_HAS1]));
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = "/api/v1/facts", .query = "type=appeal"});
    assert_int_equal(json_size(t_at(&r, "/items")), 0);
    t_done(&r);
    r = t_ask(a,
              &(struct ask){.path = "/api/v1/warnings", .query = "kind=admissibility"});
    assert_int_equal(json_size(t_at(&r, "/items")), 1);
    assert_true(json_str_is(t_at(&r, "/items/0/id"), t.model_hex));
    assert_true(json_str_is(t_at(&r, "/items/0/subject"), "version"));
    assert_false(json_bool(t_at(&r, "/at_cosigned"), true));
    assert_true(json_int(t_at(&r, "/items/0/days_left"), 0) > 10);
    t_done(&r);
}

/* Last: from here on this version never meets a patient. */
static void a_sandboxed_version_is_not_deployed(void **state)
{
    struct reply r;
    (void)state;
    (void)accepted(post(t.key[T_HAS1], LEDGER_EVENT, "has", "HAS",
                        "\"type\":\"sandbox_open\",\"model_digest\":\"%s\",\"purpose\":"
                        "\"usability\",\"site\":\"CHU-RABAT\",\"datasets\":[],"
                        "\"starts_at\":\"%s\",\"ends_at\":\"%s\",\"no_patients\":true",
                        t.model_hex, days(0), days(30)),
                   NULL);
    r = get("/api/v1/sandboxes", NULL);
    assert_int_equal(json_size(t_at(&r, "/items")), 1);
    assert_true(json_str_is(t_at(&r, "/items/0/purpose"), "usability"));
    t_done(&r);
    refused(post(doctor, LEDGER_DEPLOYMENT, "physician", "CHU-RABAT",
                 "\"establishment\":\"CHU-RABAT\",\"gst\":\"GST-RSK\",\"service\":["
                 "\"CARDIO\"],\"use_code\":\"CARDIO-RISK\",\"model_digest\":\"%s\","
                 "\"transition\":\"P1\",\"phase\":\"proposed\",\"mode\":\"active\"",
                 t.model_hex),
            409, "guard.sandbox");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_reads_the_counts_and_the_concerned_the_case),
        TEST(lists_of_cases_can_be_filtered),
        TEST(the_bytes_of_a_case_are_read_by_the_concerned_only),
        TEST(the_data_authority_reads_what_concerns_data),
        TEST(everybody_sees_that_a_deposit_exists_and_no_more),
        TEST(a_page_of_history_does_not_name_a_case),
        TEST(hostile_reports_are_refused_with_their_code),
        TEST(the_same_envelope_twice_is_a_replay),
        TEST(escrow_says_no_with_its_code),
        TEST(terms_and_facts_are_told_to_everybody),
        TEST(a_sandboxed_version_is_not_deployed),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
