/* SPDX-License-Identifier: Apache-2.0 */
/* node_testkit -- a country of ledger_testkit.h with its national log on disk, a registry
 * that serves it and can be told to lie, and a node that mirrors it. One world per test:
 *
 *     static void it_works(void **state)
 *     {
 *         struct nt *w = *state;
 *         assert_ok(nt_predict(w, 60, 200));
 *     }
 *     NT_MAIN(NT(it_works))
 *
 * The wall clock stands still at NT_NOW (nt_pass() moves it); the boot clock runs. */
#ifndef NODE_TESTKIT_H
#define NODE_TESTKIT_H

#include "ledger/ledger_testkit.h"

#include <pthread.h>

#include "node/node_run_priv.h"
#include "auth/auth.h"
#include "worker/worker.h"

__attribute__((constructor)) static void kit_cheaply(void)
{
    auth_cheap_passwords();
}

#define NT_NOW (INT64_C(1795348800) * TIME_SECOND) /* 2026-11-22T12:00:00Z */

enum nt_lie { /* what is answered instead of the truth, for paths that contain nt.where */
              NT_TRUTH,
              NT_STATUS,  /* nt.status, body nt.what */
              NT_INSTEAD, /* 200, body nt.what */
              NT_CUT,     /* the truth, last byte lost */
              NT_FLIP /* the truth, one bit wrong near its end: in the newest entry of a
                         tile */
};
struct nt {
    struct tk tk;
    char dir[64], node_dir[96], log_dir[96], genesis[CRYPTO_HEX], url[64];
    struct buf weights;
    struct tlog *log;
    struct http_server *server;
    struct node *n;
    struct auth_account doctor, director;
    char deployment[CRYPTO_HEX], last[CRYPTO_HEX]; /* of the last prediction */
    struct json_doc *doc;                          /* last reply, parsed */
    struct diag d;                                 /* last problems */

    pthread_mutex_t mu; /* guards tk, log and what follows */
    bool away, lose_answer;
    enum nt_lie lie;
    char where[96];
    int status;
    struct buf what;
    unsigned posts, logged, repeated;
};

/* ---- the national log ----------------------------------------------------------- */
static inline void nt_cosign(struct nt *w, int64_t at)
{
    struct tlog_checkpoint head;
    struct buf note, lines;
    struct str body, sigs;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&lines, 65536);
    tlog_head(w->log, &head);
    assert_ok(tlog_note(w->log, &note));
    assert_ok(tlog_note_split(buf_str(&note), &body, &sigs));
    for (int i = 0; i < 3; i++) {
        struct tlog_vkey v;
        char name[40];
        snprintf(name, sizeof name, "node%d.example.org", i + 1);
        assert_ok(
            tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, w->tk.witness[i], &v));
        assert_ok(tlog_cosign(&v, w->tk.witness[i], body, at, &lines));
    }
    assert_ok(tlog_add_cosignatures(w->log, ledger_quorum(w->tk.l), head.size,
                                    buf_str(&lines)));
    buf_release(&lines);
    buf_release(&note);
}

/* Logs what tk has said since, and has it cosigned at that time. */
static inline void nt_publish_at(struct nt *w, int64_t at)
{
    struct tlog_checkpoint head;
    uint64_t index = 0;
    pthread_mutex_lock(&w->mu);
    tlog_head(w->log, &head);
    for (uint64_t i = head.size; i < w->tk.leaf.n; i++)
        assert_ok(
            tlog_queue(w->log, (struct str){w->tk.leaf.v[i], w->tk.leaf_n.v[i]}, &index));
    if (head.size < w->tk.leaf.n)
        assert_ok(tlog_wait(w->log, index));
    nt_cosign(w, at);
    pthread_mutex_unlock(&w->mu);
}

static inline void nt_publish(struct nt *w)
{
    nt_publish_at(w, time_now());
}

/* ---- the registry --------------------------------------------------------------- */
static inline int nt_event(struct nt *w, struct http_req *r, struct http_resp *a)
{
    struct ledger_envelope env = {0};
    struct ledger_outcome o;
    struct buf leaf;
    uint8_t payload[32];
    int err = ledger_envelope_open(r->body, &env, NULL), status;
    w->posts++;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    if (!err)
        err = ledger_admit(w->tk.l, buf_str(&env.payload), env.keyid, &o, NULL);
    if (!err) {
        const struct ledger_key *k = ledger_key_find(w->tk.l, env.keyid);
        assert_ok(blob_put(w->tk.blobs, buf_str(&env.payload), payload));
        assert_ok(ledger_leaf(payload, buf_str(&env.sig), buf_str(&k->spki), &leaf));
        assert_ok(tk_apply(&w->tk, buf_str(&leaf)));
        w->logged++;
    }
    w->repeated += err == AM_E_CONFLICT;
    status = err ? am_err_http(err) : 201;
    a->status = w->lose_answer ? 502 : status;
    ledger_envelope_release(&env);
    buf_release(&leaf);
    if (err)
        return buf_addf(&a->body, "{\"problems\":[{\"pointer\":\"\",\"code\":\"%s\"}]}",
                        am_err_key(err));
    return buf_addf(&a->body, "{\"index\":%llu}", (unsigned long long)w->tk.leaf.n - 1);
}

static inline int nt_file(const char *path, struct buf *out)
{
    char *text;
    size_t n;
    int err = am_file_read(path, 64 << 20, &text, &n);
    if (!err) {
        err = buf_add(out, (struct str){text, n});
        free(text);
    }
    return err;
}

static inline int nt_answer(struct nt *w, struct http_req *r, struct http_resp *a)
{
    struct str path = r->path;
    char file[512];
    uint8_t digest[32];
    if (r->method == HTTP_POST && str_eqc(path, "/api/v1/events"))
        return nt_event(w, r, a);
    if (str_eqc(path, "/api/v1/statements/0")) {
        struct jw j;
        jw_init(&j, &a->body);
        jw_obj(&j);
        jw_kstr(&j, "leaf", (struct str){w->tk.leaf.v[0], w->tk.leaf_n.v[0]});
        jw_obj_end(&j);
        return jw_done(&j);
    }
    if (str_starts(path, STR("/api/v1/blobs/")))
        return crypto_unhex(str_sub(path, 14, path.n), digest, 32)
                   ? AM_E_SYNTAX
                   : blob_get(w->tk.blobs, digest, &a->body);
    if (str_starts(path, STR("/log/"))) {
        snprintf(file, sizeof file, "%s/%.*s", w->log_dir,
                 STR_FMT(str_sub(path, 5, path.n)));
        return nt_file(file, &a->body);
    }
    return AM_E_NOTFOUND;
}

static inline int nt_handle(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct nt *w = cookie;
    char path[512];
    int err;
    pthread_mutex_lock(&w->mu);
    snprintf(path, sizeof path, "%.*s", STR_FMT(r->path));
    if (w->away) {
        err = AM_E_UNAVAILABLE;
    } else {
        err = nt_answer(w, r, a);
        if (w->lie && strstr(path, w->where)) {
            if (w->lie == NT_CUT && a->body.n)
                buf_cut(&a->body, a->body.n - 1);
            if (w->lie == NT_FLIP && a->body.n > 10)
                a->body.p[a->body.n - 10] ^= 1;
            if (w->lie == NT_STATUS || w->lie == NT_INSTEAD) {
                buf_clear(&a->body);
                err = buf_add(&a->body, buf_str(&w->what));
                a->status = w->lie == NT_STATUS ? w->status : 200;
            }
        }
    }
    pthread_mutex_unlock(&w->mu);
    return err;
}

static inline void nt_lie(struct nt *w, enum nt_lie lie, const char *where, int status,
                          struct str what)
{
    pthread_mutex_lock(&w->mu);
    w->lie = lie;
    w->status = status;
    snprintf(w->where, sizeof w->where, "%s", where);
    buf_clear(&w->what);
    assert_ok(buf_add(&w->what, what));
    pthread_mutex_unlock(&w->mu);
}

static inline void nt_away(struct nt *w, bool away)
{
    pthread_mutex_lock(&w->mu);
    w->away = away;
    pthread_mutex_unlock(&w->mu);
}

/* ---- the model ------------------------------------------------------------------ */
/* p(y) over age and a marker: fitted on twelve made rows, so that it is a real file. */
static inline void nt_fit(struct nt *w)
{
    static const char *const name[] = {"age", "marker"};
    static const double x[] = {40, 180, 45, 300, 50, 210, 55, 250, 60, 200, 65, 320,
                               70, 240, 42, 260, 58, 330, 62, 190, 75, 280, 48, 220};
    static const uint8_t y[] = {0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 0};
    const struct model_fit_options o = {.ridge = 1};
    struct buf report;
    buf_init(&report, 1 << 20);
    buf_init(&w->weights, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 12, name, 2, &o, &w->weights, &report, NULL));
    buf_release(&report);
}

/* The version as declared, or its correction: required_training is `trainings`. */
static inline const char *nt_declare(struct nt *w, const char *trainings,
                                     const char *supersedes)
{
    struct tk *tk = &w->tk;
    uint8_t file[32];
    char hex[CRYPTO_HEX];
    const char *code;
    assert_ok(blob_put(tk->blobs, buf_str(&w->weights), file));
    crypto_sha256((struct str){(const char *)file, 32}, tk->model);
    crypto_hex(tk->model, 32, tk->model_hex);
    crypto_hex(file, 32, hex);
    code = tk_say(
        tk, LEDGER_VERSION, TK_VENDOR,
        "\"algorithm_id\":\"%s\",\"version_label\":\"1.0.0\",\"intended_use\":{\"text\":"
        "{\"fr\":\"risque\"},\"use_code\":\"" TK_USE "\"},\"decision_role\":\"inform\","
        "\"intended_users\":[\"physician\"],\"required_training\":%s,\"population\":{"
        "\"age_min\":18,\"age_max\":110,\"sex\":\"any\",\"inclusion\":[],\"exclusion\":"
        "[]},\"out_of_scope\":[{\"fr\":\"enfants\"}],\"known_risks\":[{\"fr\":\"biais\"}"
        "],\"criticality\":\"high\",\"specialty\":{},\"body_site\":{},\"modality\":{},"
        "\"task\":\"risk_score\",\"outputs\":[{\"name\":\"risk\",\"threshold\":0.5,"
        "\"text\":{\"fr\":\"Risque\"}}],\"inputs\":[{\"name\":\"age\",\"source\":"
        "\"patient.age\",\"unit\":\"a\",\"range\":[18,110]},{\"name\":\"marker\","
        "\"source\":\"observation\",\"coding\":{\"system\":\"urn:x\",\"code\":\"m\"},"
        "\"unit\":\"1\",\"range\":[0,1000]}],\"artifacts\":[{\"path\":\"model.json\","
        "\"role\":\"weights\",\"size\":%zu,\"sha256\":\"%s\",\"media_type\":"
        "\"application/json\"}],\"model_digest\":\"%s\",\"canonical_weight_hash\":\"%s\","
        "\"format\":{},\"runtime\":{},\"model_type\":\"logistic_regression\","
        "\"max_depth\":1,\"number_of_layers\":1,\"dropout_rate\":0,"
        "\"regularization_strength\":1,\"learning_rate\":1,\"batch_size\":1,"
        "\"number_of_epochs\":1,\"optimizer\":\"newton\",\"random_seed\":\"1\","
        "\"training_data\":[],\"validation_data\":[],\"risks\":[],\"regulatory\":{},"
        "\"evaluation_plan\":{\"primary_endpoint\":\"auc\"}" TK_ASKED_ALL "%s",
        tk->algorithm_id, trainings, w->weights.n, hex, tk->model_hex, hex, supersedes);
    crypto_hex(tk->record_sha256, 32, tk->version_record);
    return code;
}

static inline const char *nt_version(struct nt *w)
{
    return nt_declare(w, "[]", "");
}

/* The supplier corrects the trainings; the node hears of it. */
static inline void nt_require(struct nt *w, const char *trainings)
{
    char more[128];
    snprintf(more, sizeof more, ",\"supersedes\":\"%s\",\"reason\":\"r\"",
             w->tk.version_record);
    assert_string_equal(nt_declare(w, trainings, more), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
}

/* ---- the country ---------------------------------------------------------------- */
/* As tk_genesis(), with a lease of `end` (ISO 8601). */
static inline void nt_genesis(struct nt *w, const char *end)
{
    struct tk *tk = &w->tk;
    struct buf b, p;
    struct str text;
    size_t at;
    buf_init(&b, 1 << 16);
    buf_init(&p, 1 << 20);
    tk_policy_text(&p, TK_WAIVED, "{}");
    text = buf_str(&p);
    at = (size_t)(strstr(p.p, "PT24H") - p.p);
    assert_ok(buf_add(&b, str_sub(text, 0, at)));
    assert_ok(buf_adds(&b, end));
    assert_ok(buf_add(&b, str_sub(text, at + 5, text.n)));
    assert_ok(blob_put(tk->blobs, buf_str(&b), tk->policy));
    buf_clear(&b);
    tk_genesis_members(tk, &b);
    assert_string_equal(tk_say(tk, LEDGER_EVENT, TK_DESK, "%s", b.p), "ok");
    crypto_hex(tk->payload_sha256, 32, w->genesis);
    buf_release(&p);
    buf_release(&b);
    for (int i = TK_FOUNDERS; i < TK_STRANGER; i++)
        assert_string_equal(tk_grant(tk, (enum tk_actor)i), "ok");
}

static inline void nt_account(struct auth_account *a, enum ledger_role role)
{
    *a = (struct auth_account){
        .id = 1, .role = role, .pseudonym = "ps", .lang = "fr", .active = true};
    snprintf(a->org_id, sizeof a->org_id, TK_SITE);
    snprintf(a->establishment, sizeof a->establishment, TK_SITE);
    snprintf(a->services, sizeof a->services, "CARDIO");
    snprintf(a->competences, sizeof a->competences, TK_USE "=2027-06-30");
}

/* The node's identity, and its service key in the directory. */
static inline void nt_node_identity(struct nt *w)
{
    struct node_identity id = {0};
    struct buf spki;
    buf_init(&id.witness_vkey, 512);
    buf_init(&id.trace_vkey, 512);
    buf_init(&id.service_spki, 512);
    buf_init(&spki, 1024);
    assert_ok(node_init(w->node_dir, "n01", TK_REGION, TK_SITE, &id));
    assert_ok(crypto_base64(&spki, buf_str(&id.service_spki)));
    assert_string_equal(
        tk_say(&w->tk, LEDGER_EVENT, TK_DESK,
               "\"type\":\"key_grant\",\"key\":{\"role\":\"system\",\"org_id\":\"n01\","
               "\"gst\":\"" TK_REGION "\",\"label\":\"n01\",\"spki\":\"%s\"}",
               spki.p),
        "ok");
    buf_release(&spki);
    buf_release(&id.service_spki);
    buf_release(&id.trace_vkey);
    buf_release(&id.witness_vkey);
}

static inline void nt_to_pilot(struct nt *w)
{
    struct tk *tk = &w->tk;
    assert_string_equal(tk_algorithm(tk), "ok");
    assert_string_equal(nt_version(w), "ok");
    assert_string_equal(tk_admissible(tk), "ok");
    assert_string_equal(tk_assign(tk, "base"), "ok");
    assert_string_equal(tk_evidence(tk, 0.88), "ok");
    assert_string_equal(tk_label(tk), "ok");
    assert_string_equal(tk_propose(tk), "ok");
    assert_string_equal(tk_prepare(tk), "ok");
    assert_string_equal(tk_pilot(tk), "ok");
    assert_ok(ledger_deployment_id(tk->model, STR(TK_SITE), STR(TK_USE), w->deployment));
}

/* ---- the node ------------------------------------------------------------------- */
static inline int nt_open(struct nt *w)
{
    const struct node_config c = {.dir = w->node_dir,
                                  .registry_url = w->url,
                                  .genesis = w->genesis,
                                  .poll_ms = 60000,
                                  .checkpoint_s = 1,
                                  .model_ms = 20000};
    diag_clear(&w->d);
    return node_open(&w->n, &c, &w->d);
}

static inline void nt_close(struct nt *w)
{
    node_close(w->n);
    w->n = NULL;
}

static inline void nt_pass(struct nt *w, int64_t us)
{
    (void)w;
    time_fake(time_now() + us);
}

static inline int nt_setup_with(void **state, const char *lease_end)
{
    struct nt *w = calloc(1, sizeof *w);
    struct http_config hc = {
        .listen = "127.0.0.1:0", .handler = nt_handle, .cookie = w, .jobs = 2};
    struct tlog_config tc = {.dir = w->log_dir, .origin = TK_ORIGIN, .batch_max = 4096};
    time_fake(NT_NOW);
    tk_open_empty(&w->tk);
    snprintf(w->dir, sizeof w->dir, "%s-nt", w->tk.dir);
    snprintf(w->node_dir, sizeof w->node_dir, "%s/node", w->dir);
    snprintf(w->log_dir, sizeof w->log_dir, "%s/log", w->dir);
    assert_ok(am_dir_make(w->dir, 0700));
    pthread_mutex_init(&w->mu, NULL);
    buf_init(&w->what, 64 << 20);
    diag_init(&w->d);
    nt_fit(w);
    nt_genesis(w, lease_end);
    nt_node_identity(w);
    nt_to_pilot(w);
    tc.key = w->tk.log_key;
    assert_ok(tlog_open(&w->log, &tc));
    nt_publish(w);
    nt_account(&w->doctor, LEDGER_PHYSICIAN);
    nt_account(&w->director, LEDGER_DIRECTOR);
    snprintf(w->director.services, sizeof w->director.services, "*");
    assert_ok(http_server_start(&w->server, &hc));
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", http_server_port(w->server));
    *state = w;
    return 0;
}

/* A node that is up to date. */
static inline int nt_setup(void **state)
{
    struct nt *w;
    nt_setup_with(state, "PT24H");
    w = *state;
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    return 0;
}

/* The country and its registry; no node yet. */
static inline int nt_setup_alone(void **state)
{
    return nt_setup_with(state, "PT24H");
}

static inline int nt_teardown(void **state)
{
    struct nt *w = *state;
    nt_close(w);
    http_server_stop(w->server, 1000);
    tlog_close(w->log);
    tk_close(&w->tk);
    nftw(w->dir, tk_remove, 16, FTW_DEPTH | FTW_PHYS);
    json_free(w->doc);
    diag_release(&w->d);
    buf_release(&w->what);
    buf_release(&w->weights);
    pthread_mutex_destroy(&w->mu);
    time_fake(0);
    free(w);
    return 0;
}

/* ---- asking --------------------------------------------------------------------- */
static inline void nt_take_reply(struct nt *w, struct buf *reply, int err)
{
    json_free(w->doc);
    w->doc = NULL;
    if (!err)
        assert_ok(json_parse(&w->doc, buf_str(reply), NULL, NULL));
    buf_release(reply);
}

static inline const struct json *nt_get(const struct nt *w, const char *pointer)
{
    return json_pointer(json_root(w->doc), str_c(pointer));
}

static inline int nt_ask(struct nt *w, const struct auth_account *who, const char *text)
{
    struct json_doc *request = NULL;
    struct buf reply;
    int err;
    buf_init(&reply, 8 << 20);
    diag_clear(&w->d);
    assert_ok(json_parse(&request, str_c(text), NULL, NULL));
    err = node_predict(w->n, who, json_root(request), &reply, &w->d);
    json_free(request);
    nt_take_reply(w, &reply, err);
    if (!err)
        snprintf(w->last, sizeof w->last, "%.*s", STR_FMT(json_str(nt_get(w, "/id"))));
    return err;
}

static inline void nt_request(const struct nt *w, const char *service, int age,
                              double marker, struct buf *b)
{
    tk_addf(b,
            "{\"deployment\":\"%s\",\"service\":\"%s\",\"bundle\":{\"resourceType\":"
            "\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{"
            "\"resourceType\":\"Patient\",\"id\":\"p1\",\"gender\":\"female\","
            "\"birthDate\":\"%d-01-01\"}},{\"resource\":{\"resourceType\":"
            "\"Observation\",\"id\":\"o1\",\"subject\":{\"reference\":\"Patient/p1\"},"
            "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"urn:x\",\"code\":"
            "\"m\"}]},\"valueQuantity\":{\"value\":%g,\"system\":"
            "\"http://unitsofmeasure.org\",\"code\":\"1\"}}}]}}",
            w->deployment, service, 2026 - age, marker);
}

static inline int nt_predict_as(struct nt *w, const struct auth_account *who,
                                const char *service, int age, double marker)
{
    struct buf b;
    int err;
    buf_init(&b, 65536);
    nt_request(w, service, age, marker, &b);
    err = nt_ask(w, who, b.p);
    buf_release(&b);
    return err;
}

static inline int nt_predict(struct nt *w, int age, double marker)
{
    return nt_predict_as(w, &w->doctor, "CARDIO", age, marker);
}

static inline int nt_validate_as(struct nt *w, const struct auth_account *who,
                                 const char *id, const char *text)
{
    struct json_doc *request = NULL;
    struct buf reply;
    int err;
    buf_init(&reply, 65536);
    diag_clear(&w->d);
    assert_ok(json_parse(&request, str_c(text), NULL, NULL));
    err = node_validate(w->n, who, str_c(id), json_root(request), &reply, &w->d);
    json_free(request);
    nt_take_reply(w, &reply, err);
    return err;
}

static inline int nt_stop_as(struct nt *w, const struct auth_account *who,
                             const char *fmt, ...) AM_PRINTF(3, 4);
static inline int nt_stop_as(struct nt *w, const struct auth_account *who,
                             const char *fmt, ...)
{
    struct json_doc *request = NULL;
    struct buf text, reply;
    va_list ap;
    int err;
    buf_init(&text, 65536);
    buf_init(&reply, 65536);
    va_start(ap, fmt);
    assert_ok(buf_addv(&text, fmt, ap));
    va_end(ap);
    diag_clear(&w->d);
    assert_ok(json_parse(&request, buf_str(&text), NULL, NULL));
    err = node_stop(w->n, who, json_root(request), &reply, &w->d);
    json_free(request);
    buf_release(&text);
    nt_take_reply(w, &reply, err);
    return err;
}

static inline int nt_stop(struct nt *w)
{
    return nt_stop_as(w, &w->director,
                      "{\"scope\":\"establishment\",\"deployment\":\"%s\"}",
                      w->deployment);
}

/* Does a problem carry that code? */
static inline bool nt_said(const struct nt *w, const char *code)
{
    for (size_t i = 0; i < w->d.n; i++)
        if (!strcmp(w->d.item[i].code, code))
            return true;
    return false;
}

static inline bool nt_said_at(const struct nt *w, const char *code, const char *path)
{
    for (size_t i = 0; i < w->d.n; i++)
        if (!strcmp(w->d.item[i].code, code) && !strcmp(w->d.item[i].path, path))
            return true;
    return false;
}

static inline void assert_predicts(struct nt *w)
{
    int err = nt_predict(w, 60, 200);
    if (err)
        fail_msg("%s: %s %s", am_err_text(err), w->d.n ? w->d.item[0].code : "",
                 w->d.n ? w->d.item[0].detail : "");
}

static inline void assert_refuses(struct nt *w, const char *code)
{
    assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
    if (!nt_said(w, code))
        fail_msg("%s and not %s", w->d.item[0].code, code);
}

/* The row as pages see it, in w->doc; its status. */
static inline const char *nt_status(struct nt *w, const char *id)
{
    static char status[32];
    struct buf b;
    int err;
    buf_init(&b, 8 << 20);
    err = node_prediction(w->n, str_c(id), &b);
    nt_take_reply(w, &b, err);
    snprintf(status, sizeof status, "%.*s",
             STR_FMT(err ? str_c(am_err_text(err)) : json_str(nt_get(w, "/status"))));
    return status;
}

static inline struct node_state nt_state(struct nt *w)
{
    struct node_state s;
    node_state(w->n, &s);
    return s;
}

#define NT(f)       cmocka_unit_test_setup_teardown(f, nt_setup, nt_teardown)
#define NT_ALONE(f) cmocka_unit_test_setup_teardown(f, nt_setup_alone, nt_teardown)
#define NT_MAIN_WITH(role, ...)                                                          \
    int main(int argc, char **argv)                                                      \
    {                                                                                    \
        static const struct worker_role roles[] = {{"model", role}};                     \
        const struct CMUnitTest t[] = {__VA_ARGS__};                                     \
        int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));                    \
        if (code >= 0)                                                                   \
            return code;                                                                 \
        log_set_level(LOG_OFF);                                                          \
        worker_set_program("/proc/self/exe");                                            \
        return cmocka_run_group_tests(t, NULL, NULL);                                    \
    }
#define NT_MAIN(...) NT_MAIN_WITH(model_worker_main, __VA_ARGS__)

#endif
