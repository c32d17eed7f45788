/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of registry share: a country with real keys, a real model, a registry in
 * a folder of its own under the embedded demonstration policy, and four witnesses behind
 * a small HTTP server. Only tests include this file. */
#ifndef REGISTRY_TEST_SUPPORT_H
#define REGISTRY_TEST_SUPPORT_H

#include "base/test.h"

#include <ftw.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "embed/embed.h"
#include "model/model.h"
#include "model/model_test_worker.h"
#include "http/http.h"
#include "registry/registry.h"
#include "auth/auth.h"
#include "worker/worker.h"

__attribute__((constructor)) static void t_cheaply(void)
{
    auth_cheap_passwords();
}

extern char **environ;

#define T_BASE "https://amane.example.org/v1"

/* X(id, role, function, organisation); the first T_FOUNDERS sign from genesis. */
#define T_ACTORS(X)                                                                      \
    X(MSPS, "msps", "authority", "MSPS")                                                 \
    X(DESK, "msps", "registry_desk", "MSPS")                                             \
    X(RAPPORTEUR, "has", "rapporteur", "HAS")                                            \
    X(HAS1, "has", "commissioner", "HAS")                                                \
    X(HAS2, "has", "commissioner", "HAS")                                                \
    X(VENDOR, "vendor", "", "DEMOAI")                                                    \
    X(VENDOR2, "vendor", "", "OTHER1")                                                   \
    X(BENCH, "bench_operator", "", "BENCH1")                                             \
    X(STRANGER, "vendor", "", "NOBODY")
enum t_who {
#define X(id, role, function, org) T_##id,
    T_ACTORS(X)
#undef X
        T_COUNT,
    T_FOUNDERS = T_VENDOR
};
static const struct {
    const char *role, *function, *org;
} t_actor[] = {
#define X(id, role, function, org) {role, function, org},
    T_ACTORS(X)
#undef X
};

enum { T_WITNESSES = 4 };
struct t {
    char dir[64], data[96];
    struct crypto_key *key[T_COUNT];
    char id[T_COUNT][CRYPTO_HEX];
    struct tlog_witness *witness[T_WITNESSES];
    struct crypto_key *witness_key[T_WITNESSES];
    struct http_server *http;
    pthread_mutex_t lock; /* of the witnesses: an HTTP server has many threads */
    unsigned asked;
    struct registry *r;
    char admin_token[AUTH_TOKEN];
    uint8_t genesis[32];
    char algorithm_id[64];
    struct buf model; /* the file */
    char file_hex[CRYPTO_HEX], model_hex[CRYPTO_HEX], canonical_hex[CRYPTO_HEX];
    struct diag d; /* of the last call */
    struct registry_receipt receipt;
};

static inline void t_addf(struct buf *b, const char *fmt, ...) AM_PRINTF(2, 3);
static inline void t_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    assert_ok(buf_addv(b, fmt, ap));
    va_end(ap);
}

static inline const struct diag_item *t_problem(const struct t *t, const char *path)
{
    for (size_t i = 0; i < t->d.n; i++)
        if (strcmp(t->d.item[i].path, path) == 0)
            return &t->d.item[i];
    return NULL;
}

#define t_assert_problem(t, where, what)                                                 \
    do {                                                                                 \
        const struct diag_item *it_ = t_problem((t), (where));                           \
        if (!it_)                                                                        \
            fail_msg("no problem at %s; first: %s %s", (where),                          \
                     (t)->d.n ? (t)->d.item[0].path : "none",                            \
                     (t)->d.n ? (t)->d.item[0].code : "");                               \
        assert_string_equal(it_->code, (what));                                          \
    } while (0)

/* ---- witnesses
 * ---------------------------------------------------------------------------- */
static inline int t_witness_handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct t *t = cookie;
    int64_t i;
    bool split;
    int status = 500, err;
    if (!str_starts(r->path, STR("/w")) ||
        str_int(str_sub(r->path, 2, 3), 0, T_WITNESSES - 1, &i))
        return AM_E_NOTFOUND;
    pthread_mutex_lock(&t->lock);
    t->asked++;
    err = tlog_witness_add_checkpoint(t->witness[i], r->body, time_now(), &status,
                                      &a->body, &split);
    pthread_mutex_unlock(&t->lock);
    a->status = status;
    return err;
}

static inline void t_witnesses(struct t *t)
{
    struct http_config c = {
        .listen = "127.0.0.1:0", .handler = t_witness_handler, .cookie = t, .jobs = 4};
    for (int i = 0; i < T_WITNESSES; i++) {
        char dir[128], name[40];
        snprintf(dir, sizeof dir, "%s/w%d", t->dir, i);
        snprintf(name, sizeof name, "node%d.example.org", i + 1);
        assert_int_equal(mkdir(dir, 0700), 0);
        assert_ok(crypto_key_generate(&t->witness_key[i], CRYPTO_ED25519));
        assert_ok(tlog_witness_open(&t->witness[i], dir, name, t->witness_key[i]));
    }
    assert_ok(http_server_start(&t->http, &c));
}

/* ---- the specification of a registry
 * ------------------------------------------------------------ */
static inline void t_add_spki(const struct crypto_key *k, struct buf *b)
{
    struct buf der;
    buf_init(&der, 512);
    assert_ok(crypto_key_spki(k, &der));
    assert_ok(crypto_base64(b, buf_str(&der)));
    buf_release(&der);
}

static inline void t_add_actor(const struct t *t, enum t_who who, struct buf *b)
{
    t_addf(b, "{\"role\":\"%s\",\"org_id\":\"%s\",\"label\":\"%s\"", t_actor[who].role,
           t_actor[who].org, t_actor[who].org);
    if (*t_actor[who].function)
        t_addf(b, ",\"function\":\"%s\"", t_actor[who].function);
    t_addf(b, ",\"spki\":\"");
    t_add_spki(t->key[who], b);
    t_addf(b, "\"}");
}

static inline void t_spec(struct t *t, struct buf *b)
{
    const struct embed_file *policy = embed_find("policy/demo-1.json");
    assert_non_null(policy);
    t_addf(b, "{\"origin\":\"amane.example.org/log\",\"type_base\":\"" T_BASE
              "\",\"witnesses\":[");
    for (int i = 0; i < T_WITNESSES; i++) {
        struct buf vkey;
        buf_init(&vkey, 512);
        if (t->witness[i]) {
            assert_ok(tlog_vkey_format(tlog_witness_key(t->witness[i]), &vkey));
        } else { /* nobody is there: a key without a witness */
            struct tlog_vkey k;
            char name[40];
            struct crypto_key *key = NULL;
            snprintf(name, sizeof name, "node%d.example.org", i + 1);
            assert_ok(crypto_key_generate(&key, CRYPTO_ED25519));
            assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, key, &k));
            assert_ok(tlog_vkey_format(&k, &vkey));
            crypto_key_free(key);
        }
        t_addf(b, "%s{\"name\":\"n%02d\",\"vkey\":\"%.*s\"", i ? "," : "", i + 1,
               STR_FMT(buf_str(&vkey)));
        if (t->http && i < 3) /* the fourth is never asked: three of four suffice */
            t_addf(b, ",\"url\":\"http://127.0.0.1:%u/w%d/add-checkpoint\"",
                   http_server_port(t->http), i);
        t_addf(b, "}");
        buf_release(&vkey);
    }
    t_addf(b, "],\"authorities\":[");
    for (int i = 0; i < T_FOUNDERS; i++) {
        t_addf(b, "%s", i ? "," : "");
        t_add_actor(t, (enum t_who)i, b);
    }
    t_addf(b, "],\"policy\":%.*s}", (int)policy->size, (const char *)policy->data);
}

static inline int t_init_text(struct t *t, struct str spec, enum t_who signer)
{
    struct json_doc *doc = NULL;
    int err;
    diag_clear(&t->d);
    assert_ok(json_parse(&doc, spec, NULL, NULL));
    err = registry_init(t->data, json_root(doc), t->key[signer], t->admin_token,
                        t->genesis, &t->d);
    json_free(doc);
    return err;
}

static inline void t_open(struct t *t)
{
    struct registry_config c = {.dir = t->data, .refresh_s = 1};
    int err;
    diag_clear(&t->d);
    err = registry_open(&t->r, &c, &t->d);
    if (err)
        fail_msg("%s: %s %s", am_err_text(err), t->d.n ? t->d.item[0].code : "",
                 t->d.n ? t->d.item[0].detail : "");
}

/* ---- statements
 * ---------------------------------------------------------------------------- */
static inline void t_envelope(struct t *t, enum ledger_kind kind, enum t_who signer,
                              struct str record, struct buf *envelope)
{
    struct json_doc *doc = NULL;
    struct buf payload;
    struct diag d;
    diag_init(&d);
    buf_init(&payload, 8 << 20);
    assert_ok(json_parse(&doc, record, NULL, NULL));
    if (ledger_statement(kind, json_root(doc), STR(T_BASE), &payload, &d))
        fail_msg("statement: %s %s", d.n ? d.item[0].path : "",
                 d.n ? d.item[0].detail : "");
    assert_ok(ledger_sign(buf_str(&payload), t->key[signer], envelope));
    buf_release(&payload);
    json_free(doc);
    diag_release(&d);
}

static inline int t_submit_text(struct t *t, enum ledger_kind kind, struct str envelope)
{
    diag_clear(&t->d);
    return registry_submit(t->r, kind, envelope, &t->receipt, &t->d);
}

static inline int t_submit(struct t *t, enum ledger_kind kind, enum t_who signer,
                           struct str record)
{
    struct buf envelope;
    int err;
    buf_init(&envelope, 16 << 20);
    t_envelope(t, kind, signer, record, &envelope);
    err = t_submit_text(t, kind, buf_str(&envelope));
    buf_release(&envelope);
    return err;
}

static inline void t_submitted(struct t *t, enum ledger_kind kind, enum t_who signer,
                               struct str record)
{
    int err = t_submit(t, kind, signer, record);
    if (err || t->receipt.outcome.effect != LEDGER_IN_EFFECT)
        fail_msg("%s: %s %s %s", am_err_text(err), err ? "" : t->receipt.outcome.code,
                 t->d.n ? t->d.item[0].path : "", t->d.n ? t->d.item[0].code : "");
}

/* "issued_at":...,"issuer":... */
static inline void t_head(struct buf *b, enum t_who who)
{
    char at[TIME_TEXT];
    t_addf(b, "\"issued_at\":\"%s\",\"issuer\":{\"role\":\"%s\",\"org_id\":\"%s\"}",
           time_format(time_now() / TIME_SECOND * TIME_SECOND, at), t_actor[who].role,
           t_actor[who].org);
}

/* Members of an event by `who`, who signs it; free the text. */
static inline int t_event(struct t *t, enum t_who who, const char *fmt, ...)
    AM_PRINTF(3, 4);
static inline int t_event(struct t *t, enum t_who who, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    int err;
    buf_init(&b, 1 << 20);
    t_addf(&b, "{");
    t_head(&b, who);
    t_addf(&b, ",");
    va_start(ap, fmt);
    assert_ok(buf_addv(&b, fmt, ap));
    va_end(ap);
    t_addf(&b, "}");
    err = t_submit(t, LEDGER_EVENT, who, buf_str(&b));
    buf_release(&b);
    return err;
}

static inline void t_grant_record(const struct crypto_key *key, const char *role,
                                  const char *org, struct buf *b)
{
    t_addf(b, "{");
    t_head(b, T_MSPS);
    t_addf(b,
           ",\"type\":\"key_grant\",\"key\":{\"role\":\"%s\",\"org_id\":\"%s\","
           "\"label\":\"%s\",\"spki\":\"",
           role, org, org);
    t_add_spki(key, b);
    t_addf(b, "\"}}");
}

/* One statement more: the grant of a new key of that organisation. */
static inline void t_grow(struct t *t, const char *org)
{
    struct crypto_key *key = NULL;
    struct buf b;
    buf_init(&b, 8192);
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    t_grant_record(key, "vendor", org, &b);
    t_submitted(t, LEDGER_EVENT, T_MSPS, buf_str(&b));
    crypto_key_free(key);
    buf_release(&b);
}

static inline void t_grant(struct t *t, enum t_who who)
{
    struct buf b;
    buf_init(&b, 8192);
    t_grant_record(t->key[who], t_actor[who].role, t_actor[who].org, &b);
    t_submitted(t, LEDGER_EVENT, T_MSPS, buf_str(&b));
    buf_release(&b);
}

/* ---- a real model, its records
 * ----------------------------------------------------------------------- */
static inline void t_fit(struct t *t)
{
    static const char *const name[] = {"age", "pressure"};
    double x[60 * 2];
    uint8_t y[60];
    struct buf report;
    struct model *m = NULL;
    struct crypto_sha256 root;
    uint8_t digest[32], canonical[32];
    for (int i = 0; i < 60; i++) {
        x[2 * i] = 30 + i;
        x[2 * i + 1] = 110 + (i * 37) % 60;
        y[i] = (uint8_t)((i * 7 + (i * 37) % 60) % 90 > 40);
    }
    buf_init(&t->model, 1 << 20);
    buf_init(&report, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 60, name, 2,
                                 &(struct model_fit_options){.ridge = 0.1}, &t->model,
                                 &report, NULL));
    crypto_sha256(buf_str(&t->model), digest);
    crypto_hex(digest, 32, t->file_hex);
    crypto_sha256_init(&root);
    crypto_sha256_add(&root, (struct str){(const char *)digest, 32});
    crypto_sha256_end(&root, digest);
    crypto_hex(digest, 32, t->model_hex);
    assert_ok(model_load(&m, buf_str(&t->model), NULL));
    assert_ok(model_canonical_digest(m, canonical));
    crypto_hex(canonical, 32, t->canonical_hex);
    model_free(m);
    buf_release(&report);
}

static inline void t_algorithm_record(const struct t *t, struct buf *b)
{
    t_addf(b, "{");
    t_head(b, T_VENDOR);
    t_addf(b,
           ",\"algorithm_id\":\"%s\",\"trade_name\":{\"fr\":\"Coeur\"},\"short_name\":{"
           "\"fr\":\"C\"},\"developer\":{\"org_id\":\"DEMOAI\",\"name\":\"Demo\","
           "\"country\":\"MA\",\"address\":\"Rabat\",\"contact\":\"r@demo.invalid\"},"
           "\"supplier\":{\"framework_contract\":\"none\",\"ice\":\"000000000000000\"},"
           "\"funding\":\"own\",\"conflicts_of_interest\":[]}",
           t->algorithm_id);
}

#define T_NA "{\"na\":\"model_type_has_no_such_parameter\"}"
#define T_INPUT(name, source, coding, unit)                                              \
    "{\"name\":\"" name "\",\"source\":\"" source "\"" coding ",\"unit\":\"" unit        \
    "\",\"type\":\"number\",\"range\":[0,300],\"missing_allowed\":false,\"protected\":"  \
    "true}"
#define T_DATA                                                                           \
    "[{\"name\":\"d\",\"source\":\"made\",\"country\":\"MA\",\"from\":\"2026-01-01\","   \
    "\"to\":\"2026-02-01\",\"n_patients\":60,\"n_rows\":60,\"prevalence\":0.5,"          \
    "\"inclusion\":{\"fr\":\"tous\"},\"exclusion\":{\"fr\":\"aucun\"},\"legal_basis\":"  \
    "\"made up\",\"manifest_sha256\":"                                                   \
    "\"5ea1ed00000000000000000000000000000000000000000000000000000000ff\","              \
    "\"synthetic\":"                                                                     \
    "true}]"
#define T_RISK(id, category)                                                             \
    "{\"id\":\"" id "\",\"category\":\"" category                                        \
    "\",\"severity\":\"minor\",\"probability\":\"rare\",\"measure\":{\"fr\":\"m\"},"     \
    "\"residual\":\"acceptable\",\"owner_role\":\"quality\"}"

static inline void t_version_record(const struct t *t, struct buf *b)
{
    t_addf(b, "{");
    t_head(b, T_VENDOR);
    t_addf(
        b,
        ",\"algorithm_id\":\"%s\",\"version_label\":\"1.0.0\",\"intended_use\":{\"text\":"
        "{\"fr\":\"risque\"},\"use_code\":\"CARDIO-RISK\"},\"decision_role\":\"inform\","
        "\"intended_users\":[{\"system\":\"urn:amane:cs:role\",\"code\":\"physician\"}],"
        "\"required_training\":[{\"system\":\"urn:amane:cs:training\",\"code\":\"t1\"}],"
        "\"population\":{\"age_min\":18,\"age_max\":110,\"sex\":\"any\",\"inclusion\":[{"
        "\"fr\":\"tous\"}],\"exclusion\":[{\"fr\":\"moins de 18 ans\"}]},"
        "\"out_of_scope\":[{\"fr\":\"urgence\"}],\"known_risks\":[{\"fr\":\"biais\"}],"
        "\"criticality\":\"standard\",\"specialty\":{\"system\":"
        "\"http://snomed.info/sct\",\"code\":\"394579002\"},\"body_site\":{\"system\":"
        "\"http://snomed.info/sct\",\"code\":\"80891009\"},\"modality\":{\"system\":"
        "\"urn:amane:cs:modality\",\"code\":\"tabular\"},\"task\":\"binary\",\"outputs\":"
        "[{"
        "\"name\":\"probability\",\"type\":\"probability\",\"unit\":\"1\",\"coding\":{"
        "\"system\":\"urn:x:o\",\"code\":\"risk\"},\"range\":[0,1],\"threshold\":0.5,"
        "\"text\":{\"fr\":\"risque\"}}],\"inputs\":[" T_INPUT(
            "age", "patient.age", "",
            "a") "," T_INPUT("pressure", "observation",
                             ",\"coding\":{\"system\":\"http://loinc.org\",\"code\":"
                             "\"8480-6\"}",
                             "mm[Hg]") "],",
        t->algorithm_id);
    t_addf(
        b,
        "\"artifacts\":[{\"path\":\"model.json\",\"role\":\"weights\",\"size\":%zu,"
        "\"sha256\":\"%s\",\"media_type\":\"application/json\"}],\"model_digest\":\"%s\","
        "\"canonical_weight_hash\":\"%s\",\"format\":\"xgboost-json\",\"runtime\":{"
        "\"name\":\"amane-tree\",\"version\":\"1\"},\"model_type\":"
        "\"logistic_regression\",\"max_depth\":" T_NA ",\"number_of_layers\":" T_NA
        ",\"dropout_rate\":" T_NA
        ",\"regularization_strength\":0.1,\"learning_rate\":" T_NA ",\"batch_size\":" T_NA
        ",\"number_of_epochs\":" T_NA
        ",\"optimizer\":\"newton\",\"random_seed\":{\"na\":\"deterministic_solver\"},"
        "\"training_data\":" T_DATA ",\"validation_data\":" T_DATA
        ",\"risks\":[" T_RISK("R1", "algorithmic_bias") "," T_RISK(
            "R2",
            "automatic_"
            "error") "," T_RISK("R3",
                                "information_loss") "," T_RISK("R4",
                                                               "over"
                                                               "_rel"
                                                               "ianc"
                                                               "e") "," T_RISK("R5",
                                                                               "data_"
                                                                               "quality_"
                                                                               "break") "],"
                                                                                        "\"regula"
                                                                                        "tory\":{"
                                                                                        "\"device"
                                                                                        "_class\""
                                                                                        ":\"not_"
                                                                                        "a_"
                                                                                        "device\""
                                                                                        ",\"certi"
                                                                                        "ficates"
                                                                                        "\":[]},"
                                                                                        "\"instru"
                                                                                        "ctions_"
                                                                                        "for_"
                                                                                        "use\":{"
                                                                                        "\"fr\":"
                                                                                        "\"5ea1ed"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "00000000"
                                                                                        "fe\"},"
                                                                                        "\"evalua"
                                                                                        "tion_"
                                                                                        "plan\":{"
                                                                                        "\"primar"
                                                                                        "y_"
                                                                                        "endpoint"
                                                                                        "\":"
                                                                                        "\"auc\","
                                                                                        "\"thresh"
                                                                                        "olds\":["
                                                                                        "{\"outpu"
                                                                                        "t\":"
                                                                                        "\"probab"
                                                                                        "ility\","
                                                                                        "\"value"
                                                                                        "\":0.5}]"
                                                                                        ",\"posit"
                                                                                        "ive_"
                                                                                        "class\":"
                                                                                        "\"1\","
                                                                                        "\"output"
                                                                                        "_scale\""
                                                                                        ":"
                                                                                        "\"probab"
                                                                                        "ility\","
                                                                                        "\"declar"
                                                                                        "ed_"
                                                                                        "minima\""
                                                                                        ":{"
                                                                                        "\"specif"
                                                                                        "icity\":"
                                                                                        "0.5,"
                                                                                        "\"ppv\":"
                                                                                        "0.3,"
                                                                                        "\"npv\":"
                                                                                        "0.5},"
                                                                                        "\"legiti"
                                                                                        "mate_"
                                                                                        "predicto"
                                                                                        "rs\":[]}"
                                                                                        "}",
        t->model.n, t->file_hex, t->model_hex, t->canonical_hex);
}

/* The record with member `key` replaced by JSON text, or left out (NULL); free buf. */
static inline void t_edit(struct str record, const char *key, const char *json,
                          struct buf *out)
{
    struct json_doc *doc = NULL;
    struct jw w;
    assert_ok(json_parse(&doc, record, NULL, NULL));
    buf_init(out, 8 << 20);
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(it, json_root(doc)))
        if (!str_eqc(it.key, key)) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    if (json) {
        jw_key(&w, key);
        jw_raw(&w, str_c(json));
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    json_free(doc);
}

/* ---- set-up
 * -------------------------------------------------------------------------------- */
static inline int t_remove(const char *path, const struct stat *st, int type,
                           struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

/* Keys, a model, an empty folder. */
/* ---- on PostgreSQL: a database for each test, on the server of AMANE_PG_URI ---- */
static bool t_pg;
static char t_pg_uri[512], t_pg_name[32];

static inline void t_psql(const char *uri, const char *sql)
{
    char *argv[] = {(char[]){"psql"},
                    (char *)(uintptr_t)uri,
                    (char[]){"-q"},
                    (char[]){"-v"},
                    (char[]){"ON_ERROR_STOP=1"},
                    (char[]){"-c"},
                    (char *)(uintptr_t)sql,
                    NULL};
    pid_t pid;
    int status;
    assert_int_equal(posix_spawnp(&pid, "psql", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Sets t_pg_uri to an empty database of that server. */
static inline void t_pg_database(void)
{
    static int number;
    const char *uri = getenv("AMANE_PG_URI"), *end = strrchr(uri, '/');
    char sql[128];
    snprintf(t_pg_name, sizeof t_pg_name, "r%d_%d", (int)getpid(), ++number);
    snprintf(t_pg_uri, sizeof t_pg_uri, "%.*s/%s", (int)(end - uri), uri, t_pg_name);
    snprintf(sql, sizeof sql, "create database %s", t_pg_name);
    t_psql(uri, sql);
}

static inline void t_pg_drop(void)
{
    char sql[128];
    snprintf(sql, sizeof sql, "drop database %s with (force)", t_pg_name);
    t_psql(getenv("AMANE_PG_URI"), sql);
}

static inline int t_run_both(const struct CMUnitTest *tests, size_t n, size_t n_pg)
{
    return test_both_stores(tests, n, n_pg, &t_pg);
}

static inline void t_begin(struct t *t)
{
    memset(t, 0, sizeof *t);
    if (t_pg) {
        t_pg_database();
        setenv("AMANE_DATABASE", t_pg_uri, 1);
    }
    snprintf(t->dir, sizeof t->dir, "%s/amane-reg-XXXXXX", test_top());
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->data, sizeof t->data, "%s/data", t->dir);
    assert_int_equal(mkdir(t->data, 0700), 0);
    pthread_mutex_init(&t->lock, NULL);
    diag_init(&t->d);
    for (int i = 0; i < T_COUNT; i++) {
        assert_ok(crypto_key_generate(&t->key[i], CRYPTO_P256));
        assert_ok(crypto_key_id(t->key[i], t->id[i]));
    }
    t_fit(t);
}

/* A running registry with everybody granted but the stranger. */
static inline void t_registry(struct t *t)
{
    struct buf spec;
    int err;
    buf_init(&spec, 8 << 20);
    t_spec(t, &spec);
    err = t_init_text(t, buf_str(&spec), T_MSPS);
    if (err)
        fail_msg("%s: %s %s %s", am_err_text(err), t->d.n ? t->d.item[0].path : "",
                 t->d.n ? t->d.item[0].code : "", t->d.n ? t->d.item[0].detail : "");
    buf_release(&spec);
    t_open(t);
    for (int i = T_FOUNDERS; i < T_STRANGER; i++)
        t_grant(t, (enum t_who)i);
    assert_ok(registry_algorithm_id(t->r, STR("DEMOAI"), t->algorithm_id));
}

/* ... and the algorithm and version declared. */
static inline void t_declared(struct t *t)
{
    struct buf b;
    uint8_t digest[32];
    buf_init(&b, 1 << 20);
    t_algorithm_record(t, &b);
    t_submitted(t, LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
    assert_ok(blob_put(registry_blobs(t->r), buf_str(&t->model), digest));
    buf_clear(&b);
    t_version_record(t, &b);
    t_submitted(t, LEDGER_VERSION, T_VENDOR, buf_str(&b));
    buf_release(&b);
}

static inline void t_end(struct t *t)
{
    registry_close(t->r);
    if (t->http)
        http_server_stop(t->http, 1000);
    for (int i = 0; i < T_WITNESSES; i++) {
        tlog_witness_close(t->witness[i]);
        crypto_key_free(t->witness_key[i]);
    }
    for (int i = 0; i < T_COUNT; i++)
        crypto_key_free(t->key[i]);
    buf_release(&t->model);
    diag_release(&t->d);
    pthread_mutex_destroy(&t->lock);
    if (t_pg) {
        unsetenv("AMANE_DATABASE");
        t_pg_drop();
    }
    nftw(t->dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* A text that waits for signatures: a key is revoked for that reason. */
static inline int t_propose(struct t *t, const struct auth_account *who,
                            const char *reason, uint8_t out[32])
{
    struct json_doc *doc;
    struct buf b;
    buf_init(&b, 8192);
    t_addf(&b, "{");
    t_head(&b, T_MSPS);
    t_addf(&b, ",\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"%s\"}",
           t->id[T_VENDOR2], reason);
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    diag_clear(&t->d);
    int err = registry_proposal_put(t->r, LEDGER_EVENT, json_root(doc), who, out, &t->d);
    json_free(doc);
    buf_release(&b);
    return err;
}

#endif
