/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions, with real keys and a real model file opened in a worker. */
#include "registry/registry_priv.h"
#include "registry/registry_test_support.h"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>

static struct t t;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static uint64_t size_now(void)
{
    struct registry_stats s;
    registry_stats(t.r, &s);
    return s.size;
}

static struct buf version(void)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    t_version_record(&t, &b);
    return b;
}

static void declare_algorithm(void)
{
    struct buf b;
    uint8_t digest[32];
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    t_submitted(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
    assert_ok(blob_put(registry_blobs(t.r), buf_str(&t.model), digest));
    buf_release(&b);
}

struct one {
    uint8_t digest[32];
    enum ledger_v state;
    uint64_t index;
};

static int one_version(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct one *o = arg;
    const struct ledger_version *v;
    (void)cosigned;
    assert_ok(crypto_unhex(str_c(t.model_hex), o->digest, 32));
    v = ledger_version_find(l, o->digest);
    if (!v)
        return AM_E_NOTFOUND;
    o->state = v->state;
    o->index = v->declared.index;
    return AM_OK;
}

static void a_real_model_is_declared_from_keys_to_log(void **state)
{
    struct one o = {.state = LEDGER_V_NONE};
    struct buf payload;
    struct registry_stats s;
    uint8_t file[32], hash[32];
    (void)state;
    t_declared(&t);
    assert_string_equal(t.receipt.outcome.code, "ok");
    assert_int_equal(t.receipt.index, size_now() - 1);
    assert_ok(registry_view(t.r, one_version, &o));
    assert_int_equal(o.state, LEDGER_V_DECLARED);
    assert_int_equal(o.index, t.receipt.index);
    /* the receipt names the bytes kept */
    buf_init(&payload, 1 << 20);
    assert_ok(blob_get(registry_blobs(t.r), t.receipt.payload, &payload));
    crypto_sha256(buf_str(&payload), hash);
    assert_memory_equal(hash, t.receipt.payload, 32);
    buf_release(&payload);
    /* what a file is follows from who cites it */
    assert_ok(crypto_unhex(str_c(t.file_hex), file, 32));
    assert_int_equal(registry_blob_class(t.r, t.receipt.payload), REGISTRY_BLOB_PUBLIC);
    assert_int_equal(registry_blob_class(t.r, file), REGISTRY_BLOB_WEIGHTS);
    assert_ok(crypto_unhex(
        STR("5ea1ed00000000000000000000000000000000000000000000000000000000fe"), file,
        32));
    assert_int_equal(registry_blob_class(t.r, file), REGISTRY_BLOB_PUBLIC); /* notice */
    memset(file, 7, sizeof file);
    assert_int_equal(registry_blob_class(t.r, file), REGISTRY_BLOB_UNKNOWN);
    registry_stats(t.r, &s);
    assert_int_equal(s.versions, 1);
    assert_int_equal(s.refused, 0);
}

static void an_incomplete_version_names_every_missing_member(void **state)
{
    const struct embed_file *f = embed_find("schema/version-1.json");
    struct json_doc *schema = NULL, *empty = NULL;
    size_t n = 0;
    (void)state;
    assert_ok(
        json_parse(&schema, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    assert_ok(json_parse(&empty, STR("{}"), NULL, NULL));
    diag_clear(&t.d);
    assert_int_equal(registry_check(t.r, LEDGER_VERSION, json_root(empty), &t.d),
                     AM_E_INVALID);
    for (json_each(it, json_get(json_root(schema), "required"))) {
        char path[128];
        snprintf(path, sizeof path, "/%.*s", STR_FMT(json_str(it.val)));
        t_assert_problem(&t, path, "schema.required");
        n++;
    }
    assert_int_equal(t.d.errors, n);
    assert_true(n > 35);
    json_free(empty);
    json_free(schema);
}

static void a_submission_with_holes_is_refused_whole_and_changes_nothing(void **state)
{
    static const char *const hole[] = {"intended_use", "inputs", "risks",
                                       "evaluation_plan", "population"};
    struct registry_stats s;
    uint64_t before;
    (void)state;
    declare_algorithm();
    before = size_now();
    for (size_t i = 0; i < AM_LEN(hole); i++) {
        struct buf whole = version(), b;
        char path[64];
        snprintf(path, sizeof path, "/%s", hole[i]);
        t_edit(buf_str(&whole), hole[i], NULL, &b);
        assert_int_equal(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b)),
                         AM_E_INVALID);
        t_assert_problem(&t, path, "schema.required");
        buf_release(&b);
        buf_release(&whole);
    }
    assert_int_equal(size_now(), before);
    registry_stats(t.r, &s);
    assert_int_equal(s.refused, AM_LEN(hole));
    assert_int_equal(s.versions, 0);
}

/* Each line: one member of a good record replaced; the place and code of the problem. */
static void what_is_declared_must_be_what_the_file_is(void **state)
{
    static const struct {
        const char *key, *json, *path, *code;
    } k[] = {
        {"canonical_weight_hash",
         "\"00000000000000000000000000000000000000000000000000000000000000ff\"",
         "/canonical_weight_hash", "record.digest_mismatch"},
        {"model_digest",
         "\"00000000000000000000000000000000000000000000000000000000000000ff\"",
         "/model_digest", "record.digest_mismatch"},
        {"format", "\"onnx\"", "/format", "record.differs_from_file"},
        {"model_type", "\"boosting\"", "/model_type", "record.differs_from_file"},
        {"model_type", "\"expert_rules\"", "/model_type", "record.differs_from_file"},
        {"learning_rate", "{\"na\":\"deterministic_solver\"}", "/learning_rate",
         "record.na_refused"},
        {"regularization_strength", "{\"na\":\"model_type_has_no_such_parameter\"}",
         "/regularization_strength", "record.na_refused"},
        {"random_seed", "{\"na\":\"no_training_phase\"}", "/random_seed",
         "record.na_refused"},
        {"optimizer", "{\"na\":\"because\"}", "/optimizer", "record.na_refused"},
        {"inputs",
         "[" T_INPUT("pressure", "patient.age", "", "a") "," T_INPUT("age", "patient.age",
                                                                     "", "a") "]",
         "/inputs/0/name", "record.inputs_differ"},
        {"inputs", "[" T_INPUT("age", "patient.age", "", "a") "]", "/inputs",
         "record.inputs_differ"},
        {"artifacts",
         "[{\"path\":\"m.json\",\"role\":\"weights\",\"size\":5,\"sha256\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff\","
         "\"media_type\":\"application/json\"}]",
         "/artifacts/0/sha256", "record.artifact_missing"},
        {"registry_status", "\"certified\"", "/registry_status",
         "schema.additionalProperties"},
        {"intended_use", "{\"text\":{\"fr\":\"x\"},\"use_code\":\"NO-SUCH-USE\"}",
         "/intended_use/use_code", "record.use_unknown"},
        {"previous_version",
         "{\"version_label\":\"0.9.0\",\"model_digest\":"
         "\"00000000000000000000000000000000000000000000000000000000000000ff\"}",
         "/previous_version/model_digest", "record.previous_unknown"},
        {"nickname", "\"x\"", "/nickname", "schema.additionalProperties"},
        {"algorithm_id", "\"MA-IA-DEMOAI-AAAAAAAAAA-A\"", "/algorithm_id", NULL},
    };
    uint64_t before;
    (void)state;
    declare_algorithm();
    before = size_now();
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct buf whole = version(), b;
        t_edit(buf_str(&whole), k[i].key, k[i].json, &b);
        if (t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b)) == AM_OK)
            fail_msg("case %zu is accepted", i);
        if (k[i].code)
            t_assert_problem(&t, k[i].path, k[i].code);
        buf_release(&b);
        buf_release(&whole);
    }
    assert_int_equal(size_now(), before);
}

/* Checks the good record with one member more; the problems are in t.d. */
static int check_with(const char *key, const char *json)
{
    struct buf whole = version(), b;
    struct json_doc *doc;
    int err;
    t_edit(buf_str(&whole), key, json, &b);
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    diag_clear(&t.d);
    err = registry_check(t.r, LEDGER_VERSION, json_root(doc), &t.d);
    json_free(doc);
    buf_release(&b);
    buf_release(&whole);
    return err;
}

static int check_signed(int who, const char *name)
{
    struct model_oms_file file = {.name = str_c(name)};
    struct buf bundle;
    int err;
    assert_ok(crypto_unhex(str_c(t.file_hex), file.sha256, 32));
    buf_init(&bundle, 1 << 20);
    assert_ok(model_oms_sign(STR("m"), &file, 1, t.key[who], &bundle));
    err = check_with("model_signature", bundle.p);
    buf_release(&bundle);
    return err;
}

static void weights_are_signed_by_their_vendor_over_their_files(void **state)
{
    (void)state;
    declare_algorithm();
    assert_ok(check_signed(T_VENDOR, "model.json"));
    assert_int_equal(check_signed(T_VENDOR, "renamed.json"), AM_E_INVALID);
    t_assert_problem(&t, "/model_signature/dsseEnvelope/payload/predicate/resources/0",
                     "oms.manifest");
    assert_int_equal(check_signed(T_VENDOR2, "model.json"), AM_E_INVALID);
    t_assert_problem(&t, "/model_signature/verificationMaterial", "record.signature_key");
    assert_int_equal(check_signed(T_STRANGER, "model.json"), AM_E_INVALID);
    assert_int_equal(check_with("model_signature", "{\"mediaType\":\"x\"}"),
                     AM_E_INVALID);
}

/* ---- signed under a certificate ------------------------------------------------------
 */
static void shell(const char *script)
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-ec"}, str_dup(str_c(script)), NULL};
    int status = -1;
    pid_t pid;
    assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    free(argv[2]);
}

/* A root, and a leaf under it, by openssl; the leaf's key signs. */
static void make_chain(void)
{
    char script[1400];
    snprintf(script, sizeof script,
             "cd %s; exec 2>/dev/null; openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj "
             "/CN=root; openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
             "-keyout leaf.key -out leaf.csr -subj /CN=vendor; openssl x509 -req -in "
             "leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -outform DER "
             "-out leaf.der; openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -keyout x.key -out other.pem -days 30 -subj "
             "/CN=root; echo no certificate >empty.pem",
             t.dir);
    shell(script);
}

static struct str file_in(const char *name, char **text)
{
    char path[160];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", t.dir, name);
    assert_ok(am_file_read(path, 1 << 20, text, &n));
    return (struct str){*text, n};
}

/* The bundle of our own signer, its key's hint replaced by the certificate. */
static void certified_bundle(struct buf *out)
{
    struct model_oms_file file = {.name = STR("model.json")};
    struct crypto_key *key;
    struct json_doc *doc;
    struct buf bundle, b64;
    struct jw w;
    char *pem, *der;
    assert_ok(crypto_key_from_pem(&key, file_in("leaf.key", &pem), STR_NULL));
    assert_ok(crypto_unhex(str_c(t.file_hex), file.sha256, 32));
    buf_init(&bundle, 1 << 20);
    buf_init(&b64, 1 << 16);
    buf_init(out, 1 << 20);
    assert_ok(model_oms_sign(STR("m"), &file, 1, key, &bundle));
    assert_ok(crypto_base64(&b64, file_in("leaf.der", &der)));
    assert_ok(json_parse(&doc, buf_str(&bundle), NULL, NULL));
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(it, json_root(doc))) {
        jw_keyn(&w, it.key);
        if (!str_eqc(it.key, "verificationMaterial")) {
            jw_val(&w, it.val);
            continue;
        }
        jw_obj(&w);
        jw_key(&w, "x509CertificateChain");
        jw_raw(&w, STR("{\"certificates\":[{\"rawBytes\":\""));
        assert_ok(buf_add(out, buf_str(&b64)));
        assert_ok(buf_adds(out, "\"}]}"));
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    json_free(doc);
    crypto_key_free(key);
    free(der);
    free(pem);
    buf_release(&b64);
    buf_release(&bundle);
}

static int reopen(const char *roots)
{
    char path[160];
    struct registry_config c = {.dir = t.data, .refresh_s = 1, .model_roots = path};
    snprintf(path, sizeof path, "%s/%s", t.dir, roots);
    registry_close(t.r);
    t.r = NULL;
    diag_clear(&t.d);
    return registry_open(&t.r, &c, &t.d);
}

static void a_certificate_signs_weights_only_under_a_root_of_the_setting(void **state)
{
    struct buf bundle;
    (void)state;
    declare_algorithm();
    make_chain();
    certified_bundle(&bundle);
    assert_int_equal(check_with("model_signature", bundle.p), AM_E_INVALID);
    t_assert_problem(&t, "/model_signature/verificationMaterial",
                     "record.signature_roots");
    assert_ok(reopen("ca.pem"));
    assert_ok(check_with("model_signature", bundle.p));
    assert_ok(check_signed(T_VENDOR, "model.json")); /* keys still do */
    assert_int_equal(check_signed(T_VENDOR2, "model.json"), AM_E_INVALID);
    assert_ok(reopen("other.pem"));
    assert_int_equal(check_with("model_signature", bundle.p), AM_E_INVALID);
    t_assert_problem(&t, "/model_signature/verificationMaterial/x509CertificateChain",
                     "oms.certificate");
    assert_int_equal(reopen("empty.pem"), AM_E_INVALID);
    t_assert_problem(&t, "model_roots", "registry.model_roots");
    assert_int_not_equal(reopen("nowhere.pem"), AM_OK);
    t_open(&t);
    buf_release(&bundle);
}

static void a_declared_twin_is_the_one_the_registry_makes(void **state)
{
    struct buf whole, twin;
    struct json_doc *doc;
    (void)state;
    declare_algorithm();
    whole = version();
    buf_init(&twin, 1 << 20);
    assert_ok(json_parse(&doc, buf_str(&whole), NULL, NULL));
    assert_ok(registry_twin_of(t.r, json_root(doc), &twin));
    assert_ok(check_with("fhir_twin", twin.p));
    *strstr(twin.p, "inactive") = 'I';
    assert_int_equal(check_with("fhir_twin", twin.p), AM_E_INVALID);
    t_assert_problem(&t, "/fhir_twin", "record.twin_differs");
    json_free(doc);
    buf_release(&twin);
    buf_release(&whole);
}

static bool told(const char *path, const char *code, enum diag_severity severity)
{
    for (size_t i = 0; i < t.d.n; i++)
        if (!strcmp(t.d.item[i].path, path) && !strcmp(t.d.item[i].code, code) &&
            t.d.item[i].severity == severity)
            return true;
    return false;
}

/* Uploads the text and checks the record that cites it. */
static int check_sbom(const char *format, struct str text)
{
    uint8_t digest[32];
    char hex[CRYPTO_HEX], json[160];
    crypto_sha256(text, digest);
    assert_ok(blob_put_as(registry_blobs(t.r), text, digest));
    snprintf(json, sizeof json, "{\"format\":\"%s\",\"sha256\":\"%s\"}", format,
             crypto_hex(digest, 32, hex));
    return check_with("sbom", json);
}

static void a_bill_of_materials_is_read_and_names_the_weights(void **state)
{
    char text[400];
    (void)state;
    declare_algorithm();
    assert_int_equal(check_with("sbom", "{\"format\":\"spdx\",\"sha256\":"
                                        "\"00000000000000000000000000000000"
                                        "00000000000000000000000000000000\"}"),
                     AM_E_INVALID);
    t_assert_problem(&t, "/sbom/sha256", "record.sbom_missing");
    snprintf(text, sizeof text,
             "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"name\":\"m\","
             "\"versionInfo\":\"1\",\"checksums\":[{\"algorithm\":\"SHA256\","
             "\"checksumValue\":\"%s\"}]}]}",
             t.file_hex);
    assert_ok(check_sbom("spdx", str_c(text)));
    assert_true(told("/sbom", "record.sbom_read", DIAG_INFO));
    assert_int_equal(check_sbom("cyclonedx", str_c(text)), AM_E_INVALID);
    t_assert_problem(&t, "/sbom/format", "record.sbom_format");
}

static void personal_data_in_a_text_warn_and_do_not_refuse(void **state)
{
    (void)state;
    declare_algorithm();
    assert_ok(
        check_with("relevance_morocco", "{\"fr\":\"R\",\"ar\":\"الهاتف ٠٦١٢٣٤٥٦٧٨\"}"));
    assert_true(told("/relevance_morocco/ar", "record.personal_phone", DIAG_WARNING));
    assert_ok(check_with("relevance_morocco", "{\"fr\":\"R\"}"));
    assert_int_equal(t.d.warnings, 0);
}

/* What check_with() says of one link of field 33. */
static int check_link(const char *reference)
{
    char json[256];
    snprintf(json, sizeof json, "[{\"what\":{\"fr\":\"W\"},\"reference\":\"%s\"}]",
             reference);
    return check_with("relevance_evidence", json);
}

static void a_link_to_moroccan_evidence_has_a_form_and_leads_somewhere(void **state)
{
    static const char *const good[] =
        {"doi:10.1000/182", "pmid:12345", "PACTR202001234567890",
         "https://example.invalid/study",
         "sha256:5ea1ed00000000000000000000000000000000000000000000000000000000ff"},
                             *const wrong[] = {"a study", "http://example.invalid",
                                               "sha256:5EA1", "javascript:alert(1)"};
    (void)state;
    declare_algorithm();
    for (size_t i = 0; i < AM_LEN(good); i++) {
        assert_ok(check_link(good[i]));
        assert_int_equal(t.d.warnings, 0); /* no number of it is taken for a telephone */
    }
    for (size_t i = 0; i < AM_LEN(wrong); i++) {
        assert_int_equal(check_link(wrong[i]), AM_E_INVALID);
        assert_int_equal(t.d.errors, 1);
        assert_string_equal(t.d.item[0].path, "/relevance_evidence/0/reference");
    }
    assert_int_equal(check_link("sha256:00000000000000000000000000000000"
                                "00000000000000000000000000000000"),
                     AM_E_INVALID);
    t_assert_problem(&t, "/relevance_evidence/0/reference", "record.morocco_unlinked");
}

static int check_escrow(const char *fifth)
{
    char json[400];
    snprintf(
        json, sizeof json,
        "{\"agent\":\"ESCROW\",\"deposit_id\":\"D1\",\"date\":\"2026-01-01\","
        "\"items\":[\"source_code\",\"technical_documentation\","
        "\"operating_documentation\",\"weights\",\"%s\"],\"manifest_sha256\":\"%064d\","
        "\"verification_level\":1,\"release_conditions\":[\"insolvency\"]}",
        fifth, 0);
    return check_with("escrow", json);
}

/* Field 45: the five of the policy reference, each once. */
static void a_deposit_declared_has_the_five_items(void **state)
{
    (void)state;
    declare_algorithm();
    assert_ok(check_escrow("training_data"));
    assert_int_equal(check_escrow("weights"), AM_E_INVALID);
    assert_int_equal(t.d.errors, 1);
    assert_string_equal(t.d.item[0].path, "/escrow/items");
    assert_int_equal(check_escrow("brochure"), AM_E_INVALID);
    assert_string_equal(t.d.item[0].path, "/escrow/items/4");
}

/* Semantic version, predecessor, one label once: seen from the second version. */
static void a_second_version_says_which_it_follows(void **state)
{
    char json[256], other[80];
    (void)state;
    t_declared(&t);
    snprintf(other, sizeof other, "\"%064d\"", 7); /* other weights */
    assert_int_equal(check_with("model_digest", other), AM_E_INVALID);
    t_assert_problem(&t, "/previous_version", "record.previous_missing");
    t_assert_problem(&t, "/version_label", "record.version_taken");
    snprintf(json, sizeof json, "{\"version_label\":\"0.9.0\",\"model_digest\":\"%s\"}",
             t.model_hex);
    assert_int_equal(check_with("previous_version", json), AM_E_INVALID);
    t_assert_problem(&t, "/previous_version", "record.own_predecessor");
}

static void a_wrong_size_is_noticed_in_the_bytes(void **state)
{
    struct buf whole, b;
    char json[512];
    (void)state;
    declare_algorithm();
    whole = version();
    snprintf(
        json, sizeof json,
        "[{\"path\":\"model.json\",\"role\":\"weights\",\"size\":%zu,\"sha256\":\"%s\","
        "\"media_type\":\"application/json\"},{\"path\":\"more.json\",\"role\":"
        "\"weights\",\"size\":%zu,\"sha256\":\"%s\",\"media_type\":"
        "\"application/json\"},{\"path\":\"more.json\",\"role\":\"other\",\"size\":%zu,"
        "\"sha256\":\"%s\",\"media_type\":\"application/json\"}]",
        t.model.n + 1, t.file_hex, t.model.n, t.file_hex, t.model.n, t.file_hex);
    t_edit(buf_str(&whole), "artifacts", json, &b);
    assert_int_equal(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b)), AM_E_INVALID);
    t_assert_problem(&t, "/artifacts/0/size", "record.size_differs");
    t_assert_problem(&t, "/artifacts/1/role", "record.one_weights");
    t_assert_problem(&t, "/model_digest", "record.digest_mismatch");
    assert_true(t_problem(&t, "/artifacts/1/path") || t_problem(&t, "/artifacts/2/path"));
    buf_release(&b);
    buf_release(&whole);
}

/* OpenSSF Model Signing: digests in path order. Two files, listed the other way round. */
static void the_model_digest_does_not_depend_on_the_order_of_the_list(void **state)
{
    struct crypto_sha256 root;
    uint8_t card[32], file[32], digest[32];
    char card_hex[CRYPTO_HEX], hex[CRYPTO_HEX], json[1024], quoted[80];
    struct buf whole, b, c;
    (void)state;
    declare_algorithm();
    assert_ok(blob_put(registry_blobs(t.r), STR("a model card"), card));
    assert_ok(crypto_unhex(str_c(t.file_hex), file, 32));
    crypto_sha256_init(&root); /* card.txt < model.json */
    crypto_sha256_add(&root, (struct str){(const char *)card, 32});
    crypto_sha256_add(&root, (struct str){(const char *)file, 32});
    crypto_sha256_end(&root, digest);
    snprintf(
        json, sizeof json,
        "[{\"path\":\"model.json\",\"role\":\"weights\",\"size\":%zu,\"sha256\":\"%s\","
        "\"media_type\":\"application/json\"},{\"path\":\"card.txt\",\"role\":"
        "\"documentation\",\"size\":12,\"sha256\":\"%s\",\"media_type\":"
        "\"text/plain\"}]",
        t.model.n, t.file_hex, crypto_hex(card, 32, card_hex));
    snprintf(quoted, sizeof quoted, "\"%s\"", crypto_hex(digest, 32, hex));
    whole = version();
    t_edit(buf_str(&whole), "artifacts", json, &b);
    t_edit(buf_str(&b), "model_digest", quoted, &c);
    t_submitted(&t, LEDGER_VERSION, T_VENDOR, buf_str(&c));
    assert_int_equal(registry_blob_class(t.r, card), REGISTRY_BLOB_PUBLIC);
    assert_int_equal(registry_blob_class(t.r, file), REGISTRY_BLOB_WEIGHTS);
    buf_release(&c);
    buf_release(&b);
    buf_release(&whole);
}

static void a_file_that_is_no_model_is_refused_with_its_place(void **state)
{
    static const char *const bytes[] = {"{\"learner\":{}}", "not a model at all",
                                        "{\"version\":[2,0,0],\"learner\":"};
    (void)state;
    declare_algorithm();
    for (size_t i = 0; i < AM_LEN(bytes); i++) {
        struct buf whole = version(), b, c;
        uint8_t digest[32];
        char hex[CRYPTO_HEX], json[512], quoted[80];
        struct crypto_sha256 root;
        assert_ok(blob_put(registry_blobs(t.r), str_c(bytes[i]), digest));
        snprintf(json, sizeof json,
                 "[{\"path\":\"m\",\"role\":\"weights\",\"size\":%zu,\"sha256\":\"%s\","
                 "\"media_type\":\"application/json\"}]",
                 strlen(bytes[i]), crypto_hex(digest, 32, hex));
        crypto_sha256_init(&root);
        crypto_sha256_add(&root, (struct str){(const char *)digest, 32});
        crypto_sha256_end(&root, digest);
        snprintf(quoted, sizeof quoted, "\"%s\"", crypto_hex(digest, 32, hex));
        t_edit(buf_str(&whole), "artifacts", json, &b);
        t_edit(buf_str(&b), "model_digest", quoted, &c);
        assert_int_equal(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&c)),
                         AM_E_INVALID);
        t_assert_problem(&t, "/artifacts", "record.model_refused");
        buf_release(&c);
        buf_release(&b);
        buf_release(&whole);
    }
    assert_int_equal(atomic_load(&t.r->opening), 0);
}

static void too_many_model_files_at_once_are_put_off(void **state)
{
    struct buf b;
    (void)state;
    declare_algorithm();
    b = version();
    atomic_store(&t.r->opening, REGISTRY_MODELS_MAX);
    assert_int_equal(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b)),
                     AM_E_UNAVAILABLE);
    atomic_store(&t.r->opening, 0);
    t_submitted(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b));
    buf_release(&b);
}

static void weights_live_under_one_identifier(void **state)
{
    struct buf whole, b;
    char other[64], quoted[80];
    (void)state;
    t_declared(&t);
    memcpy(other, t.algorithm_id, sizeof other);
    assert_ok(registry_algorithm_id(t.r, STR("DEMOAI"), t.algorithm_id));
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    t_submitted(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
    buf_release(&b);
    whole = version();
    assert_true(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&whole)) != AM_OK);
    t_assert_problem(&t, "/model_digest", "record.digest_taken");
    snprintf(quoted, sizeof quoted, "\"%s\"", other);
    t_edit(buf_str(&whole), "algorithm_id", quoted, &b);
    assert_true(t_submit(&t, LEDGER_VERSION, T_VENDOR, buf_str(&b)) != AM_OK);
    assert_null(t_problem(&t, "/model_digest")); /* same identifier: another story */
    buf_release(&b);
    buf_release(&whole);
}

static void an_algorithm_needs_an_identifier_of_ours_and_a_local_hand(void **state)
{
    struct buf b, c;
    (void)state;
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    t_edit(buf_str(&b), "algorithm_id", "\"MA-IA-DEMOAI-ABCDEFGHIJ-4\"", &c);
    assert_int_equal(t_submit(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&c)), AM_E_INVALID);
    t_assert_problem(&t, "/algorithm_id", "record.algorithm_id");
    buf_release(&c);
    t_edit(buf_str(&b), "developer",
           "{\"org_id\":\"DEMOAI\",\"name\":\"Demo\",\"country\":\"FR\",\"address\":"
           "\"Paris\",\"contact\":\"r@demo.invalid\"}",
           &c);
    assert_int_equal(t_submit(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&c)), AM_E_INVALID);
    t_assert_problem(&t, "/local_representative", "schema.required");
    t_assert_problem(&t, "/declarant", "schema.required");
    buf_release(&c);
    buf_release(&b);
}

/* ---- signatures
 * ---------------------------------------------------------------------------- */
static void a_key_nobody_granted_signs_nothing(void **state)
{
    struct buf b;
    uint64_t before = size_now();
    (void)state;
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    assert_int_equal(t_submit(&t, LEDGER_ALGORITHM, T_STRANGER, buf_str(&b)),
                     AM_E_FORBIDDEN);
    t_assert_problem(&t, "/signatures/0/keyid", "key.unknown");
    assert_int_equal(size_now(), before);
    buf_release(&b);
}

static void a_vendor_declares_nothing_for_another(void **state)
{
    struct buf b;
    uint64_t before;
    (void)state;
    declare_algorithm();
    b = version();
    before = size_now();
    assert_int_equal(t_submit(&t, LEDGER_VERSION, T_VENDOR2, buf_str(&b)),
                     AM_E_FORBIDDEN);
    assert_true(t.d.errors > 0);
    assert_int_equal(t_submit(&t, LEDGER_VERSION, T_BENCH, buf_str(&b)), AM_E_FORBIDDEN);
    assert_int_equal(size_now(), before);
    buf_release(&b);
}

static void a_forged_signature_is_refused(void **state)
{
    struct buf b, envelope, forged;
    uint64_t before = size_now();
    const char *at;
    (void)state;
    buf_init(&b, 1 << 20);
    buf_init(&envelope, 1 << 20);
    buf_init(&forged, 1 << 20);
    t_algorithm_record(&t, &b);
    t_envelope(&t, LEDGER_ALGORITHM, T_VENDOR2, buf_str(&b), &envelope);
    /* VENDOR2's signature under VENDOR's name */
    at = memmem(envelope.p, envelope.n, t.id[T_VENDOR2], 64);
    assert_non_null(at);
    assert_ok(
        buf_add(&forged, str_sub(buf_str(&envelope), 0, (size_t)(at - envelope.p))));
    assert_ok(buf_adds(&forged, t.id[T_VENDOR]));
    assert_ok(buf_add(&forged, str_sub(buf_str(&envelope), (size_t)(at - envelope.p) + 64,
                                       envelope.n)));
    assert_int_equal(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&forged)),
                     AM_E_FORBIDDEN);
    t_assert_problem(&t, "/signatures/0/sig", "signature.bad");
    assert_int_equal(size_now(), before);
    buf_release(&forged);
    buf_release(&envelope);
    buf_release(&b);
}

static void a_replay_changes_nothing(void **state)
{
    struct buf b, envelope;
    uint64_t before;
    (void)state;
    buf_init(&b, 1 << 20);
    buf_init(&envelope, 1 << 20);
    t_algorithm_record(&t, &b);
    t_envelope(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b), &envelope);
    assert_ok(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)));
    before = size_now();
    assert_int_equal(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)),
                     AM_E_CONFLICT);
    /* a fresh signature over the same payload by the same key is the same statement */
    assert_int_equal(t_submit(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b)),
                     AM_E_CONFLICT);
    assert_true(t.d.errors > 0);
    assert_int_equal(size_now(), before);
    buf_release(&envelope);
    buf_release(&b);
}

static void a_statement_comes_in_by_the_door_of_its_kind(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    t_algorithm_record(&t, &b);
    {
        struct buf envelope;
        buf_init(&envelope, 1 << 20);
        t_envelope(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b), &envelope);
        assert_int_equal(t_submit_text(&t, LEDGER_EVENT, buf_str(&envelope)),
                         AM_E_INVALID);
        t_assert_problem(&t, "/payload", "statement.kind");
        buf_release(&envelope);
    }
    buf_release(&b);
}

static void what_is_no_envelope_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"payloadType\":\"x\"}",
        "{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\","
        "\"signatures\":[]}",
        "{\"payload\":\"e30\",\"payloadType\":\"application/vnd.in-toto+json\","
        "\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"}]}",
        "{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\","
        "\"signatures\":[{\"keyid\":\"00\",\"sig\":\"AAAA\"},{\"keyid\":\"00\",\"sig\":"
        "\"AAAA\"}]}"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        int err = t_submit_text(&t, LEDGER_EVENT, str_c(bad[i]));
        if (err != AM_E_INVALID && err != AM_E_SYNTAX)
            fail_msg("case %zu: %s", i, am_err_text(err));
        assert_true(t.d.errors > 0);
    }
}

/* A policy nobody uploaded must not get into the log: no reader could go on. */
static void a_change_to_a_policy_we_do_not_have_is_refused(void **state)
{
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    uint64_t before = size_now();
    const struct embed_file *f = embed_find("policy/demo-1.json");
    struct json_doc *doc = NULL;
    struct buf canon;
    (void)state;
    buf_init(&canon, 1 << 20);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    assert_ok(json_canon(&canon, json_root(doc)));
    crypto_sha256(buf_str(&canon), digest);
    assert_int_equal(
        t_event(&t, T_MSPS,
                "\"type\":\"policy_change\",\"policy_sha256\":"
                "\"00000000000000000000000000000000000000000000000000000000000000aa\","
                "\"previous_sha256\":\"%s\",\"reason\":\"trial\"",
                crypto_hex(digest, 32, hex)),
        AM_E_INVALID);
    assert_true(t.d.errors > 0);
    assert_int_equal(size_now(), before);
    buf_release(&canon);
    json_free(doc);
}

/* ---- to the scores of a bench
 * ------------------------------------------------------------------ */
static const char d64[] =
    "5ea1ed00000000000000000000000000000000000000000000000000000000fd";

/* Declared, admissible, a bench assigned for that level. */
static void assigned(const char *level)
{
    t_declared(&t);
    assert_ok(t_event(&t, T_DESK,
                      "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                      "\"admissible\",\"pointers\":[]",
                      t.model_hex));
    assert_ok(t_event(&t, T_RAPPORTEUR,
                      "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":"
                      "\"%s\",\"bench_operator\":\"%s\",\"requested_level\":\"%s\","
                      "\"sealed_data\":[\"%s\"],\"no_conflict\":true",
                      t.model_hex, t.id[T_RAPPORTEUR], t.id[T_BENCH], level, d64));
}

static void evidence_record(struct buf *b, const char *tester, const uint8_t scores[32])
{
    char hex[CRYPTO_HEX];
    buf_init(b, 1 << 20);
    t_addf(b, "{");
    t_head(b, T_BENCH);
    t_addf(
        b,
        ",\"model_digest\":\"%s\",\"family\":\"performance\",\"rows\":[\"PF-1\"],"
        "\"dataset\":{\"id\":\"d\",\"sha256\":\"%s\",\"n\":400,\"positives\":180,"
        "\"period\":{\"from\":\"2026-01-01\",\"to\":\"2026-06-30\"},\"external\":true,"
        "\"tester_org\":\"%s\",\"leakage_test\":\"none\",\"sites\":[{\"site\":"
        "\"CHU-RABAT\",\"gst\":\"GST-RSK\",\"n\":400,\"positives\":180,\"sha256\":\"%s\""
        "}]},\"measures\":[{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"\","
        "\"threshold\":null,\"estimate\":0.9,\"ci95_low\":0.85,\"ci95_high\":0.95,"
        "\"ci_method\":\"delong\",\"n\":400,\"positives\":180,\"seed\":\"1\"}],"
        "\"bench\":{\"version\":\"0.1.0\",\"sha256\":\"%s\",\"config_sha256\":\"%s\","
        "\"hardware\":\"x86_64\",\"started\":\"2026-10-02T09:59:00Z\",\"ended\":"
        "\"2026-10-02T10:00:00Z\"},\"scores_sha256\":\"%s\"}",
        t.model_hex, d64, tester, d64, d64, d64, crypto_hex(scores, 32, hex));
}

/* Field 55: from the intermediate level on, others test. */
static void the_vendor_tests_its_own_version_for_the_first_level_alone(void **state)
{
    static const struct {
        const char *level, *tester;
        int err;
        bool warned;
    } k[] = {{"base", "BENCH1", AM_OK, false},
             {"base", "DEMOAI", AM_OK, true},
             {"intermediate", "BENCH1", AM_OK, false},
             {"intermediate", "DEMOAI", AM_E_INVALID, false}};
    static const uint8_t scores[32] = {1};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct json_doc *doc;
        struct buf b;
        if (i && strcmp(k[i].level, k[i - 1].level) != 0) {
            teardown(NULL);
            setup(NULL);
        }
        if (i % 2 == 0)
            assigned(k[i].level);
        evidence_record(&b, k[i].tester, scores);
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        diag_clear(&t.d);
        assert_int_equal(registry_check(t.r, LEDGER_EVIDENCE, json_root(doc), &t.d),
                         k[i].err);
        assert_int_equal(told("/dataset/tester_org", "record.tester_vendor",
                              k[i].err ? DIAG_ERROR : DIAG_WARNING),
                         k[i].err || k[i].warned);
        json_free(doc);
        buf_release(&b);
    }
}

static void score_files_are_known_by_the_evidence_that_cites_them(void **state)
{
    struct buf b;
    uint8_t scores[32];
    (void)state;
    assigned("base");
    assert_ok(blob_put(registry_blobs(t.r), STR("row,score\n1,0.5\n"), scores));
    assert_int_equal(registry_blob_class(t.r, scores), REGISTRY_BLOB_UNKNOWN);
    evidence_record(&b, "BENCH1", scores);
    t_submitted(&t, LEDGER_EVIDENCE, T_BENCH, buf_str(&b));
    assert_int_equal(registry_blob_class(t.r, scores), REGISTRY_BLOB_SCORES);
    registry_close(t.r);
    t.r = NULL;
    t_open(&t); /* the fold says the same again */
    assert_int_equal(registry_blob_class(t.r, scores), REGISTRY_BLOB_SCORES);
    buf_release(&b);
}

/* A statement stays what its entry says, before and after a new fold. */
static void a_logged_statement_cited_as_a_file_stays_public(void **state)
{
    uint8_t declared[32];
    struct buf b;
    (void)state;
    assigned("base");
    memcpy(declared, ledger_version_at(t.r->ledger, 0)->declared.payload, 32);
    assert_int_equal(registry_blob_class(t.r, declared), REGISTRY_BLOB_PUBLIC);
    evidence_record(&b, "BENCH1", declared);
    t_submitted(&t, LEDGER_EVIDENCE, T_BENCH, buf_str(&b));
    assert_int_equal(registry_blob_class(t.r, declared), REGISTRY_BLOB_PUBLIC);
    registry_close(t.r);
    t.r = NULL;
    t_open(&t);
    assert_int_equal(registry_blob_class(t.r, declared), REGISTRY_BLOB_PUBLIC);
    buf_release(&b);
}

/* Field 33: a run on the product counts as a link once the log has it, not before. */
static void evidence_in_the_log_is_a_link_to_morocco(void **state)
{
    char link[96], hex[CRYPTO_HEX];
    const struct ledger_version *v;
    uint8_t scores[32], digest[32];
    struct buf b;
    (void)state;
    assigned("base");
    assert_ok(blob_put(registry_blobs(t.r), STR("row,score\n1,0.5\n"), scores));
    evidence_record(&b, "BENCH1", scores);
    t_submitted(&t, LEDGER_EVIDENCE, T_BENCH, buf_str(&b));
    buf_release(&b);
    assert_ok(crypto_unhex(str_c(t.model_hex), digest, sizeof digest));
    v = ledger_version_find(t.r->ledger, digest);
    assert_non_null(v);
    assert_int_equal(v->evidence.n, 1);
    snprintf(link, sizeof link, "sha256:%s",
             crypto_hex(v->evidence.v[0].payload, 32, hex));
    (void)check_link(link);
    assert_false(
        told("/relevance_evidence/0/reference", "record.morocco_unlinked", DIAG_ERROR));
    snprintf(link, sizeof link, "sha256:%s",
             crypto_hex(v->evidence.v[0].record, 32, hex));
    (void)check_link(link);
    assert_true(
        told("/relevance_evidence/0/reference", "record.morocco_unlinked", DIAG_ERROR));
}

/* ---- many at once
 * ----------------------------------------------------------------------------- */
enum { THREADS = 8, EACH = 6 };
struct sender {
    pthread_t thread;
    struct buf envelope[EACH];
    uint64_t index[EACH];
    int err[EACH];
};

static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < EACH; i++) {
        struct registry_receipt got;
        s->err[i] =
            registry_submit(t.r, LEDGER_EVENT, buf_str(&s->envelope[i]), &got, NULL);
        s->index[i] = got.index;
    }
    return NULL;
}

static void many_submit_at_once_and_each_gets_a_place_of_its_own(void **state)
{
    static struct sender s[THREADS];
    bool taken[THREADS * EACH] = {false};
    uint64_t base = size_now();
    (void)state;
    for (int k = 0; k < THREADS; k++)
        for (int i = 0; i < EACH; i++) {
            struct crypto_key *key = NULL;
            struct buf b;
            buf_init(&b, 8192);
            buf_init(&s[k].envelope[i], 65536);
            assert_ok(crypto_key_generate(&key, CRYPTO_P256));
            t_grant_record(key, "vendor", "ORG1", &b);
            t_envelope(&t, LEDGER_EVENT, T_MSPS, buf_str(&b), &s[k].envelope[i]);
            crypto_key_free(key);
            buf_release(&b);
        }
    for (int k = 0; k < THREADS; k++)
        assert_int_equal(pthread_create(&s[k].thread, NULL, send_all, &s[k]), 0);
    for (int k = 0; k < THREADS; k++) {
        pthread_join(s[k].thread, NULL);
        for (int i = 0; i < EACH; i++) {
            assert_ok(s[k].err[i]);
            assert_in_range(s[k].index[i], base, base + THREADS * EACH - 1);
            assert_false(taken[s[k].index[i] - base]);
            taken[s[k].index[i] - base] = true;
            buf_release(&s[k].envelope[i]);
        }
    }
    assert_int_equal(size_now(), base + THREADS * EACH);
}

/* ---- a full disk
 * ------------------------------------------------------------------------------ */
/* 0: as many as before. */
static void files_at_most(rlim_t bytes)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes ? bytes : l.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_is_said_and_nothing_is_half_written(void **state)
{
    struct buf b, envelope;
    struct json_doc *doc = NULL;
    struct buf payload;
    uint8_t digest[32];
    uint64_t before = size_now();
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    buf_init(&b, 1 << 20);
    buf_init(&envelope, 1 << 20);
    buf_init(&payload, 1 << 20);
    t_algorithm_record(&t, &b);
    t_envelope(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b), &envelope);
    /* no room for the payload */
    files_at_most(100);
    assert_int_equal(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)),
                     AM_E_NOSPACE);
    files_at_most(0);
    t_assert_problem(&t, "", "registry.storage");
    assert_int_equal(size_now(), before);
    /* room for it, none for the log: the payload is there already */
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    assert_ok(
        ledger_statement(LEDGER_ALGORITHM, json_root(doc), STR(T_BASE), &payload, NULL));
    assert_ok(blob_put(registry_blobs(t.r), buf_str(&payload), digest));
    files_at_most(100);
    assert_int_equal(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)),
                     AM_E_NOSPACE);
    files_at_most(0);
    t_assert_problem(&t, "", "registry.storage");
    assert_int_equal(size_now(), before);
    /* room again: a log that failed to write wants to be reopened */
    registry_close(t.r);
    t.r = NULL;
    t_open(&t);
    assert_int_equal(size_now(), before);
    assert_ok(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)));
    assert_int_equal(t.receipt.index, before);
    assert_int_equal(t.receipt.outcome.effect, LEDGER_IN_EFFECT);
    json_free(doc);
    buf_release(&payload);
    buf_release(&envelope);
    buf_release(&b);
}

/* Nobody submits anything: it finds out by itself. */
static void room_again_is_noticed_without_a_submission(void **state)
{
    struct buf b, envelope;
    int k = 0;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    buf_init(&b, 1 << 20);
    buf_init(&envelope, 1 << 20);
    t_algorithm_record(&t, &b);
    t_envelope(&t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b), &envelope);
    files_at_most(100);
    assert_int_equal(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)),
                     AM_E_NOSPACE);
    assert_true(tlog_health(registry_log(t.r)) != AM_OK);
    usleep(1200000); /* it has looked, and found no room */
    assert_true(tlog_health(registry_log(t.r)) != AM_OK);
    files_at_most(0);
    while (tlog_health(registry_log(t.r)) != AM_OK && k++ < 600)
        usleep(50000);
    assert_ok(tlog_health(registry_log(t.r)));
    assert_ok(t_submit_text(&t, LEDGER_ALGORITHM, buf_str(&envelope)));
    assert_int_equal(t.receipt.outcome.effect, LEDGER_IN_EFFECT);
    files_at_most(100); /* and a second time; it is closed while it waits */
    buf_clear(&b);
    t_grant_record(t.key[T_STRANGER], "has", "HAS", &b);
    assert_int_equal(t_submit(&t, LEDGER_EVENT, T_MSPS, buf_str(&b)), AM_E_NOSPACE);
    files_at_most(0);
    buf_release(&envelope);
    buf_release(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_real_model_is_declared_from_keys_to_log),
        T(an_incomplete_version_names_every_missing_member),
        T(a_submission_with_holes_is_refused_whole_and_changes_nothing),
        T(what_is_declared_must_be_what_the_file_is),
        T(weights_are_signed_by_their_vendor_over_their_files),
        T(a_certificate_signs_weights_only_under_a_root_of_the_setting),
        T(a_declared_twin_is_the_one_the_registry_makes),
        T(a_bill_of_materials_is_read_and_names_the_weights),
        T(personal_data_in_a_text_warn_and_do_not_refuse),
        T(a_link_to_moroccan_evidence_has_a_form_and_leads_somewhere),
        T(a_deposit_declared_has_the_five_items),
        T(a_second_version_says_which_it_follows),
        T(a_wrong_size_is_noticed_in_the_bytes),
        T(the_model_digest_does_not_depend_on_the_order_of_the_list),
        T(a_file_that_is_no_model_is_refused_with_its_place),
        T(too_many_model_files_at_once_are_put_off),
        T(weights_live_under_one_identifier),
        T(an_algorithm_needs_an_identifier_of_ours_and_a_local_hand),
        T(a_key_nobody_granted_signs_nothing),
        T(a_vendor_declares_nothing_for_another),
        T(a_forged_signature_is_refused),
        T(a_replay_changes_nothing),
        T(a_statement_comes_in_by_the_door_of_its_kind),
        T(what_is_no_envelope_is_refused),
        T(a_change_to_a_policy_we_do_not_have_is_refused),
        T(the_vendor_tests_its_own_version_for_the_first_level_alone),
        T(score_files_are_known_by_the_evidence_that_cites_them),
        T(a_logged_statement_cited_as_a_file_stays_public),
        T(evidence_in_the_log_is_a_link_to_morocco),
        T(many_submit_at_once_and_each_gets_a_place_of_its_own),
        T(a_full_disk_is_said_and_nothing_is_half_written),
        T(room_again_is_noticed_without_a_submission),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return t_run_both(tests, AM_LEN(tests),
                      AM_LEN(tests) - 2); /* there the disk is not ours */
}
