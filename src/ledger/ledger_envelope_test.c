/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes, leaves and statements, byte by byte. */
#include <sys/wait.h>

#include "ledger/ledger_priv.h"
#include "ledger/ledger_testkit.h"

/* Key, signature and leaf made without our code (openssl 3.0, python3 3.11):
 *   openssl ecparam -name prime256v1 -genkey -noout -out k.pem
 *   payload = {"hello":"world"}; PAE = "DSSEv1 28 application/vnd.in-toto+json 17 "
 * payload openssl dgst -sha256 -sign k.pem pae | base64 json.dumps(leaf, sort_keys=True,
 * separators=(',',':')) of the Rekor v2 body dsse 0.0.2 with payloadHash =
 * base64(sha256(payload)), rawBytes = base64(SPKI DER): 483 bytes */
static const char kat_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUGlywBeluF9kxwNJ\n"
    "nts3FKEr/z+02MNRkfQQri++bsWhRANCAARB+/+S+jq6nAK3NzgtpaBOJUvyuaXS\n"
    "80PgdqJa/Wc3k7bCrpWmPPBeukb61ckG3/bWjWHdu3G9LujsB5GkhSHt\n"
    "-----END PRIVATE KEY-----\n";
static const char kat_sig[] =
    "MEUCIQDAQYq5vO3H1ccNKgEkhhQ0dx0tX38G6xSYRN0DUD4lugIgLDro8CNPgHIeeOrlkPRqtTa2zI5GBT9+"
    "BDuYV85c6E0=";
static const char kat_leaf[] =
    "{\"apiVersion\":\"0.0.2\",\"kind\":\"dsse\",\"spec\":{\"dsseV002\":{\"payloadHash\":"
    "{"
    "\"algorithm\":\"SHA2_256\",\"digest\":\"k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg="
    "\"},\"signatures\":[{\"content\":"
    "\"MEUCIQDAQYq5vO3H1ccNKgEkhhQ0dx0tX38G6xSYRN0DUD4lug"
    "IgLDro8CNPgHIeeOrlkPRqtTa2zI5GBT9+BDuYV85c6E0=\",\"verifier\":{\"keyDetails\":"
    "\"PKIX_"
    "ECDSA_P256_SHA_256\",\"publicKey\":{\"rawBytes\":"
    "\"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQg"
    "AEQfv/kvo6upwCtzc4LaWgTiVL8rml0vND4HaiWv1nN5O2wq6VpjzwXrpG+tXJBt/21o1h3btxvS7o7AeRp"
    "IUh7Q==\"}}}]}}}";
static const char kat_id[] =
    "498e2e1cdf137d07c9c4176d9e6a6bf42344618245d0e7980d94a4c790ad17aa";
static const char kat_payload[] = "{\"hello\":\"world\"}";

static struct crypto_key *kat_key(void)
{
    struct crypto_key *k;
    assert_ok(crypto_key_from_pem(&k, str_c(kat_pem), STR_NULL));
    return k;
}

static void the_leaf_is_the_rekor_v2_body_byte_for_byte(void **state)
{
    struct crypto_key *k = kat_key();
    struct ledger_leaf_view v;
    struct buf sig, spki, leaf;
    uint8_t digest[32];
    (void)state;
    buf_init(&sig, 256);
    buf_init(&spki, 256);
    buf_init(&leaf, 4096);
    crypto_sha256(str_c(kat_payload), digest);
    assert_ok(crypto_unbase64(&sig, str_c(kat_sig)));
    assert_ok(crypto_key_spki(k, &spki));
    assert_ok(ledger_leaf(digest, buf_str(&sig), buf_str(&spki), &leaf));
    assert_string_equal(leaf.p, kat_leaf);
    assert_int_equal(leaf.n, 483); /* registry.md 2.2 */
    assert_ok(ledger_leaf_parse(buf_str(&leaf), &v));
    assert_memory_equal(v.payload_sha256, digest, 32);
    assert_string_equal(v.key_id, kat_id);
    assert_true(str_eq(buf_str(&v.sig), buf_str(&sig)));
    ledger_leaf_release(&v);
    buf_release(&leaf);
    buf_release(&spki);
    buf_release(&sig);
    crypto_key_free(k);
}

static void a_leaf_spelt_otherwise_is_no_leaf(void **state)
{
    struct ledger_leaf_view v;
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    for (size_t i = 0; i < sizeof kat_leaf - 1; i++) { /* every byte counts */
        buf_clear(&b);
        assert_ok(buf_adds(&b, kat_leaf));
        b.p[i] = (char)(b.p[i] ^ 1);
        if (!ledger_leaf_parse(buf_str(&b), &v)) { /* another value of the three fields */
            const char *field = NULL,
                       *name[] = {"digest\":\"", "content\":\"", "rawBytes\":\""};
            for (size_t f = 0; f < AM_LEN(name); f++) {
                const char *at = strstr(kat_leaf, name[f]) + strlen(name[f]);
                if (kat_leaf + i >= at && kat_leaf + i < strchr(at, '"'))
                    field = at;
            }
            assert_non_null(field);
            ledger_leaf_release(&v);
        }
    }
    buf_clear(&b);
    assert_ok(buf_adds(&b, " "));
    assert_ok(buf_adds(&b, kat_leaf));
    assert_int_equal(ledger_leaf_parse(buf_str(&b), &v), AM_E_SYNTAX);
    assert_int_equal(ledger_leaf_parse(STR("{\"kind\":\"dsse\"}"), &v), AM_E_SYNTAX);
    assert_int_equal(ledger_leaf_parse(STR_NULL, &v), AM_E_SYNTAX);
    buf_release(&b);
}

static void the_signature_of_openssl_is_accepted_and_one_bit_is_not(void **state)
{
    struct crypto_key *k = kat_key();
    struct ledger_envelope e;
    struct buf sig, env;
    (void)state;
    buf_init(&sig, 256);
    buf_init(&env, 4096);
    assert_ok(crypto_unbase64(&sig, str_c(kat_sig)));
    assert_ok(ledger_envelope(str_c(kat_payload), k, buf_str(&sig), &env));
    assert_ok(ledger_envelope_open(buf_str(&env), &e, NULL));
    assert_string_equal(e.payload.p, kat_payload);
    assert_string_equal(e.keyid, kat_id);
    ledger_envelope_release(&e);
    buf_clear(&env);
    sig.p[20] = (char)(sig.p[20] ^ 4);
    assert_int_equal(ledger_envelope(str_c(kat_payload), k, buf_str(&sig), &env),
                     AM_E_TAMPERED);
    assert_int_equal(env.n, 0);
    buf_release(&env);
    buf_release(&sig);
    crypto_key_free(k);
}

static void put_file(const char *dir, const char *name, struct str s)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(am_file_write(path, s, 0600));
}

static bool openssl_accepts(const char *dir)
{
    char pub[128], sig[128], pae[128];
    int status = -1;
    pid_t pid;
    snprintf(pub, sizeof pub, "%s/pub", dir);
    snprintf(sig, sizeof sig, "%s/sig", dir);
    snprintf(pae, sizeof pae, "%s/pae", dir);
    pid = fork();
    if (pid == 0) {
        execl("/usr/bin/openssl", "openssl", "dgst", "-sha256", "-verify", pub,
              "-signature", sig, pae, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    assert_true(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What we sign, the openssl program verifies over the PAE; and refuses one bit. */
static void openssl_verifies_what_we_sign(void **state)
{
    struct crypto_key *k = kat_key();
    struct ledger_envelope e;
    struct buf env, pae, pem;
    char dir[] = "/tmp/amane-env-XXXXXX";
    (void)state;
    if (access("/usr/bin/openssl", X_OK))
        skip();
    assert_non_null(mkdtemp(dir));
    buf_init(&env, 4096);
    buf_init(&pae, 4096);
    buf_init(&pem, 4096);
    assert_ok(ledger_sign(str_c(kat_payload), k, &env));
    assert_ok(ledger_envelope_open(buf_str(&env), &e, NULL));
    assert_ok(ledger_pae(buf_str(&e.payload), &pae));
    assert_str_equal(buf_str(&pae), "DSSEv1 28 application/vnd.in-toto+json 17 "
                                    "{\"hello\":\"world\"}");
    assert_ok(crypto_key_public_pem(k, &pem));
    put_file(dir, "pae", buf_str(&pae));
    put_file(dir, "sig", buf_str(&e.sig));
    put_file(dir, "pub", buf_str(&pem));
    assert_true(openssl_accepts(dir));
    put_file(dir, "pae",
             STR("DSSEv1 28 application/vnd.in-toto+json 17 "
                 "{\"hello\":\"World\"}"));
    assert_false(openssl_accepts(dir));
    nftw(dir, tk_remove, 16, FTW_DEPTH | FTW_PHYS);
    buf_release(&pem);
    buf_release(&pae);
    buf_release(&env);
    ledger_envelope_release(&e);
    crypto_key_free(k);
}

static void an_envelope_is_strict(void **state)
{
    static const char good[] =
        "{\"payload\":\"e30=\",\"payloadType\":"
        "\"application/vnd.in-toto+json\",\"signatures\":[{\"keyid\":"
        "\"498e2e1cdf137d07c9c4176d9e6a6bf42344618245d0e7980d94a4c790"
        "ad17aa\",\"sig\":\"AAAA\"}]}";
    static const struct {
        const char *from, *to, *code;
    } bad[] = {
        {"{\"payload\"", "{\"x\":1,\"payload\"", "envelope.members"},
        {"in-toto+json", "in-toto+xml", "envelope.payload_type"},
        {"[{", "[{},{", "envelope.signatures"}, /* two signatures: refused (2.2) */
        {"\"signatures\":[", "\"signatures\":[],\"signatured\":[", "envelope.members"},
        {"e30=", "e30", "envelope.base64"},
        {"e30=", "e3 0", "envelope.base64"},
        {"e30=", "", "envelope.base64"},
        {"AAAA", "", "envelope.base64"},
        {"498e", "498E", "envelope.keyid"},
        {"498e", "", "envelope.keyid"},
        {"\"sig\"", "\"sig\":\"AA==\",\"sig\"", "json.duplicate_key"},
    };
    struct ledger_envelope e;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_ok(ledger_envelope_open(str_c(good), &e, &d));
    ledger_envelope_release(&e);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        const char *at = strstr(good, bad[i].from);
        struct buf b;
        int err;
        buf_init(&b, 4096);
        assert_non_null(at);
        assert_ok(buf_add(&b, (struct str){good, (size_t)(at - good)}));
        assert_ok(buf_adds(&b, bad[i].to));
        assert_ok(buf_adds(&b, at + strlen(bad[i].from)));
        diag_clear(&d);
        err = ledger_envelope_open(buf_str(&b), &e, &d);
        assert_true(err == AM_E_INVALID || err == AM_E_SYNTAX);
        assert_true(d.n >= 1);
        if (strncmp(bad[i].code, "envelope", 8) == 0)
            assert_string_equal(d.item[0].code, bad[i].code);
        buf_release(&b);
    }
    diag_release(&d);
}

/* ---- statements
 * ------------------------------------------------------------------------ */
static struct json_doc *parse(const char *text)
{
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    return doc;
}

#define ISSUED                                                                           \
    "\"issued_at\":\"2026-11-01T00:00:00Z\",\"issuer\":{\"role\":\"has\",\"org_id\":"    \
    "\"HAS\"}"
#define DIGEST "a3889a1fe6edee9581493014cddc85e46fdec1efc8f189882256590d212ffd30"

static void an_event_is_its_own_subject(void **state)
{
    struct json_doc *doc = parse("{" ISSUED ",\"type\":\"stop_lift\",\"order\":\"x\"}");
    struct ledger_statement_view v;
    struct buf b, canon;
    uint8_t digest[32];
    (void)state;
    buf_init(&b, 4096);
    buf_init(&canon, 4096);
    assert_ok(ledger_statement(LEDGER_EVENT, json_root(doc), STR(TK_BASE), &b, NULL));
    assert_ok(json_canon(&canon, json_root(doc)));
    crypto_sha256(buf_str(&canon), digest);
    assert_ok(ledger_statement_parse(buf_str(&b), STR(TK_BASE), &v, NULL));
    assert_memory_equal(v.subject, digest, 32);
    assert_memory_equal(v.record_sha256, digest, 32);
    assert_str_equal(v.event_type, "stop_lift");
    assert_int_equal(v.issued_at, INT64_C(1793491200) * TIME_SECOND);
    assert_true(
        str_starts(buf_str(&b), STR("{\"_type\":\"https://in-toto.io/Statement/v1\","
                                    "\"predicate\":{\"issued_at\"")));
    ledger_statement_release(&v);
    assert_int_equal(
        ledger_statement_parse(buf_str(&b), STR("https://other/v1"), &v, NULL),
        AM_E_INVALID);
    buf_release(&canon);
    buf_release(&b);
    json_free(doc);
}

static void evidence_without_verdicts_never_reads_as_passed(void **state)
{
    static const struct {
        const char *results, *want;
    } c[] = {
        {"", "WARNED"},
        {",\"row_results\":[{\"row\":\"PF-1\",\"verdict\":\"pass\"}]", "PASSED"},
        {",\"row_results\":[{\"row\":\"PF-1\",\"verdict\":\"pass\"},{\"row\":\"PF-2\","
         "\"verdict\":\"insufficient\"}]",
         "WARNED"},
        {",\"row_results\":[{\"row\":\"PF-1\",\"verdict\":\"insufficient\"},{\"row\":"
         "\"PF-2\",\"verdict\":\"fail\"}]",
         "FAILED"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(c); i++) {
        char text[1024];
        struct json_doc *doc, *made;
        struct buf b;
        snprintf(text, sizeof text, "{" ISSUED ",\"model_digest\":\"" DIGEST "\"%s}",
                 c[i].results);
        doc = parse(text);
        buf_init(&b, 8192);
        assert_ok(
            ledger_statement(LEDGER_EVIDENCE, json_root(doc), STR(TK_BASE), &b, NULL));
        made = parse(b.p);
        assert_true(json_str_is(
            json_get(json_get(json_root(made), "predicate"), "result"), c[i].want));
        assert_true(json_str_is(json_get(json_root(made), "predicateType"),
                                "https://in-toto.io/attestation/test-result/v0.1"));
        json_free(made);
        json_free(doc);
        buf_release(&b);
    }
}

static void a_decision_is_a_vsa_and_nothing_may_contradict_the_record(void **state)
{
    static const char text[] =
        "{" ISSUED ",\"model_digest\":\"" DIGEST
        "\",\"outcome\":\"deferred\",\"label_level\":"
        "\"none\",\"decided_at\":\"2026-11-01T00:00:00Z\",\"policy_sha256\":\"" DIGEST
        "\",\"evidence\":[\"" DIGEST "\"]}";
    static const struct {
        const char *from, *to;
    } twist[] = {
        {"\"verificationResult\":\"FAILED\"", "\"verificationResult\":\"PASSED\""},
        {"\"verifiedLevels\":[]", "\"verifiedLevels\":[\"AMANE_LABEL_BASE\"]"},
        {"\"name\":\"model\"", "\"name\":\"modem\""},
        {"{\"_type\"", "{ \"_type\""}};
    struct json_doc *doc = parse(text);
    struct ledger_statement_view v;
    struct buf b, c;
    (void)state;
    buf_init(&b, 8192);
    buf_init(&c, 8192);
    assert_ok(ledger_statement(LEDGER_DECISION, json_root(doc), STR(TK_BASE), &b, NULL));
    assert_non_null(
        strstr(b.p, "\"verificationResult\":\"FAILED\",\"verifiedLevels\":[]"));
    assert_ok(ledger_statement_parse(buf_str(&b), STR(TK_BASE), &v, NULL));
    ledger_statement_release(&v);
    for (size_t i = 0; i < AM_LEN(twist); i++) {
        const char *at = strstr(b.p, twist[i].from);
        assert_non_null(at);
        buf_clear(&c);
        assert_ok(buf_add(&c, (struct str){b.p, (size_t)(at - b.p)}));
        assert_ok(buf_adds(&c, twist[i].to));
        assert_ok(buf_adds(&c, at + strlen(twist[i].from)));
        assert_int_equal(ledger_statement_parse(buf_str(&c), STR(TK_BASE), &v, NULL),
                         AM_E_INVALID);
    }
    buf_release(&c);
    buf_release(&b);
    json_free(doc);
}

static void a_record_that_lacks_what_a_statement_needs_is_named(void **state)
{
    static const struct {
        enum ledger_kind kind;
        const char *text, *path;
    } c[] = {
        {LEDGER_EVENT, "{\"issuer\":{\"role\":\"has\",\"org_id\":\"H\"},\"type\":\"x\"}",
         "/issued_at"},
        {LEDGER_EVENT,
         "{\"issued_at\":\"2026-11-01T01:00:00+01:00\",\"issuer\":{\"role\":\"has\","
         "\"org_id\":\"H\"},\"type\":\"x\"}",
         "/issued_at"},
        {LEDGER_EVENT, "{\"issued_at\":\"2026-11-01T00:00:00Z\",\"type\":\"x\"}",
         "/issuer"},
        {LEDGER_EVENT, "{" ISSUED "}", "/type"},
        {LEDGER_ALGORITHM, "{" ISSUED "}", "/algorithm_id"},
        {LEDGER_VERSION, "{" ISSUED ",\"model_digest\":\"A3\"}", "/model_digest"},
        {LEDGER_DECISION, "{" ISSUED ",\"model_digest\":\"" DIGEST "\"}", "/decided_at"},
        {LEDGER_EVENT, "[1]", ""}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(c); i++) {
        struct json_doc *doc = parse(c[i].text);
        struct diag d;
        struct buf b;
        diag_init(&d);
        buf_init(&b, 4096);
        assert_int_equal(
            ledger_statement(c[i].kind, json_root(doc), STR(TK_BASE), &b, &d),
            AM_E_INVALID);
        assert_int_equal(d.n, 1);
        assert_string_equal(d.item[0].path, c[i].path);
        assert_int_equal(b.n, 0);
        buf_release(&b);
        diag_release(&d);
        json_free(doc);
    }
}

static void no_memory_leaves_nothing_behind(void **state)
{
    struct crypto_key *k = kat_key();
    long failures = 0;
    (void)state;
    for (int what = 0; what < 4; what++)
        for (long n = 1;; n++) {
            struct json_doc *doc = parse("{" ISSUED ",\"type\":\"x\"}");
            struct ledger_statement_view v;
            struct ledger_leaf_view lv;
            struct ledger_envelope e;
            struct buf b, made;
            int err;
            buf_init(&b, 8192);
            buf_init(&made, 8192);
            assert_ok(ledger_statement(LEDGER_EVENT, json_root(doc), STR(TK_BASE), &made,
                                       NULL));
            if (what == 3) {
                buf_clear(&made);
                assert_ok(ledger_sign(str_c(kat_payload), k, &made));
            }
            (void)am_oom_at(n);
            err = what == 0 ? ledger_sign(buf_str(&made), k, &b)
                  : what == 1
                      ? ledger_statement_parse(buf_str(&made), STR(TK_BASE), &v, NULL)
                  : what == 2 ? ledger_leaf_parse(str_c(kat_leaf), &lv)
                              : ledger_envelope_open(buf_str(&made), &e, NULL);
            if (!err && what == 1)
                ledger_statement_release(&v);
            if (!err && what == 2)
                ledger_leaf_release(&lv);
            if (!err && what == 3)
                ledger_envelope_release(&e);
            buf_release(&made);
            json_free(doc);
            if (!am_oom_at(0)) {
                assert_ok(err);
                buf_release(&b);
                break;
            }
            failures++;
            assert_int_equal(err, AM_E_NOMEM);
            assert_int_equal(b.n, 0);
            buf_release(&b);
        }
    assert_true(failures > 10);
    crypto_key_free(k);
}

TEST_MAIN(TEST(the_leaf_is_the_rekor_v2_body_byte_for_byte),
          TEST(a_leaf_spelt_otherwise_is_no_leaf),
          TEST(the_signature_of_openssl_is_accepted_and_one_bit_is_not),
          TEST(openssl_verifies_what_we_sign), TEST(an_envelope_is_strict),
          TEST(an_event_is_its_own_subject),
          TEST(evidence_without_verdicts_never_reads_as_passed),
          TEST(a_decision_is_a_vsa_and_nothing_may_contradict_the_record),
          TEST(a_record_that_lacks_what_a_statement_needs_is_named),
          TEST(no_memory_leaves_nothing_behind))
