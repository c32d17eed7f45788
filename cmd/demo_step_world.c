/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 1 to 3: the actors and their servers, the model, its declaration. */
#include "demo.h"

#include "embed/embed.h"

#include <math.h>
#include <signal.h>

/* ---- 1: actors, keys, servers
 * --------------------------------------------------------------- */
static void demo_copy(char *out, size_t cap, struct str s)
{
    snprintf(out, cap, "%.*s", STR_FMT(s));
}

static int demo_init_node(struct demo *m, struct demo_site *s)
{
    const char *const argv[] = {
        "node",  "init", "--data",          s->dir,           "--name", s->node,
        "--gst", s->gst, "--establishment", s->establishment, "--json", NULL};
    struct json_doc *doc = NULL;
    struct buf out;
    int err = AM_OK;
    buf_init(&out, 65536);
    if (demo_tool(m, &out, argv) != 0)
        err = demo_fail(m, s->node, "node init failed");
    if (!err)
        err = json_parse(&doc, buf_str(&out), NULL, &m->d);
    if (!err) {
        const struct json *v = json_root(doc);
        demo_copy(s->witness_vkey, sizeof s->witness_vkey,
                  json_get_str(v, "witness_vkey"));
        demo_copy(s->service_spki, sizeof s->service_spki,
                  json_get_str(v, "service_spki"));
        demo_copy(s->admin_token, sizeof s->admin_token, json_get_str(v, "admin_token"));
    }
    json_free(doc);
    buf_wipe(&out);
    return err;
}

static int demo_spec(struct demo *m, struct buf *out)
{
    static const char *const authorities[] = {"msps", "desk", "has-rapporteur", "has-1",
                                              "has-2"};
    const struct embed_file *policy = embed_find("policy/demo-2.json");
    struct jw w;
    am_assert(policy);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "origin", "registre.amane.invalid/demo");
    jw_kstrz(&w, "type_base", m->type_base);
    jw_key(&w, "witnesses");
    jw_arr(&w);
    for (size_t i = 0; i < DEMO_SITES; i++) {
        jw_obj(&w);
        jw_kstrz(&w, "name", m->site[i].node);
        jw_kstrz(&w, "vkey", m->site[i].witness_vkey);
        jw_key(&w, "url");
        jw_strf(&w, "%s/witness/add-checkpoint", m->site[i].url);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_key(&w, "authorities");
    jw_arr(&w);
    for (size_t i = 0; i < AM_LEN(authorities); i++) {
        const struct demo_actor *a = demo_actor(authorities[i]);
        struct buf spki, b64;
        int err;
        buf_init(&spki, 1024);
        buf_init(&b64, 1024);
        err = crypto_key_spki(a->key, &spki);
        if (!err)
            err = crypto_base64(&b64, buf_str(&spki));
        jw_obj(&w);
        jw_kstrz(&w, "role", a->role);
        jw_kstrz(&w, "function", a->function);
        jw_kstrz(&w, "org_id", a->org);
        jw_kstrz(&w, "label", a->org);
        jw_kstr(&w, "spki", buf_str(&b64));
        jw_obj_end(&w);
        buf_release(&b64);
        buf_release(&spki);
        if (err)
            return err;
    }
    jw_arr_end(&w);
    jw_key(&w, "policy");
    jw_raw(&w, (struct str){(const char *)policy->data, policy->size});
    jw_obj_end(&w);
    return jw_done(&w);
}

static int demo_init_registry(struct demo *m)
{
    char spec[DEMO_PATH + 32], signer[DEMO_PATH + 64];
    const char *const argv[] = {"registry", "init", "--data",   m->registry_dir,
                                "--spec",   spec,   "--signer", signer,
                                "--json",   NULL};
    struct json_doc *doc = NULL;
    struct buf out, text;
    int err;
    buf_init(&out, 65536);
    buf_init(&text, (size_t)8 << 20);
    snprintf(spec, sizeof spec, "%s/genesis.json", m->dir);
    snprintf(signer, sizeof signer, "%s/actors/msps.key", m->dir);
    err = demo_spec(m, &text);
    if (!err)
        err = am_file_write(spec, buf_str(&text), 0600);
    if (!err && demo_tool(m, &out, argv) != 0)
        err = demo_fail(m, "registry init", "failed");
    if (!err)
        err = json_parse(&doc, buf_str(&out), NULL, &m->d);
    if (!err) {
        demo_copy(m->genesis, sizeof m->genesis, json_get_str(json_root(doc), "genesis"));
        demo_copy(m->admin_token, sizeof m->admin_token,
                  json_get_str(json_root(doc), "admin_token"));
    }
    json_free(doc);
    buf_release(&text);
    buf_wipe(&out);
    return err;
}

static int demo_start_registry(struct demo *m)
{
    char listen[64], log[DEMO_PATH + 32];
    const char *const argv[] = {"registry", "--data", m->registry_dir,
                                "--listen", listen,   NULL};
    snprintf(listen, sizeof listen, "127.0.0.1:%u", m->port);
    snprintf(log, sizeof log, "%s/registry.log", m->dir);
    return demo_server(m, argv, log, &m->pid);
}

static int demo_start_node(struct demo *m, struct demo_site *s)
{
    char listen[64], log[DEMO_PATH + 32], token[DEMO_PATH + 32];
    const char *const argv[] = {
        "node",       "--data",    s->dir,      "--listen",       listen,
        "--registry", m->url,      "--genesis", m->genesis,       "--registry-token-file",
        token,        "--poll-ms", "250",       "--checkpoint-s", "2",
        NULL};
    snprintf(listen, sizeof listen, "127.0.0.1:%u", s->port);
    snprintf(log, sizeof log, "%s/%s.log", m->dir, s->node);
    snprintf(token, sizeof token, "%s/%s.token", m->dir, s->node);
    return demo_server(m, argv, log, &s->pid);
}

/* Signs in as a person would and makes a token of one's own: an administrator alone makes
 * none for an account whose role signs. */
static int demo_own_token(struct demo *m, const char *base, const char *login,
                          char *token, size_t cap)
{
    char session[128], ask[160];
    struct demo_reply r;
    int err;
    snprintf(ask, sizeof ask, "{\"login\":\"%s\",\"password\":\"demo-demo-demo\"}",
             login);
    err = demo_expect(m, HTTP_POST, base, "/api/v1/sessions", NULL, str_c(ask), 201, &r);
    if (err)
        return err;
    demo_copy(session, sizeof session, json_get_str(r.v, "token"));
    demo_reply_release(&r);
    err = demo_expect(m, HTTP_POST, base, "/api/v1/tokens", session,
                      STR("{\"name\":\"demo\"}"), 201, &r);
    if (!err)
        demo_copy(token, cap, json_get_str(r.v, "token"));
    demo_reply_release(&r);
    return err;
}

/* An account and its token, by the API. */
static int demo_account(struct demo *m, const char *base, const char *admin,
                        const char *body, char *token, size_t cap)
{
    struct demo_reply r;
    char login[64];
    int err =
        demo_expect(m, HTTP_POST, base, "/api/v1/accounts", admin, str_c(body), 201, &r);
    if (err)
        return err;
    demo_copy(login, sizeof login, json_get_str(r.v, "login"));
    demo_reply_release(&r);
    return demo_own_token(m, base, login, token, cap);
}

static int demo_registry_accounts(struct demo *m)
{
    int err =
        demo_account(m, m->url, m->admin_token,
                     "{\"login\":\"vendeur\",\"password\":\"demo-demo-demo\",\"role\":"
                     "\"vendor\",\"org_id\":\"DEMOAI\"}",
                     m->vendor_token, sizeof m->vendor_token);
    if (!err)
        err = demo_account(m, m->url, m->admin_token,
                           "{\"login\":\"banc\",\"password\":\"demo-demo-demo\",\"role\":"
                           "\"bench_operator\",\"org_id\":\"BENCH1\"}",
                           m->bench_token, sizeof m->bench_token);
    for (size_t i = 0; i < DEMO_SITES && !err; i++) {
        char body[256], token[128], path[DEMO_PATH + 32];
        snprintf(body, sizeof body,
                 "{\"login\":\"%s\",\"password\":\"demo-demo-demo\",\"role\":\"system\","
                 "\"org_id\":\"%s\"}",
                 m->site[i].node, m->site[i].node);
        err = demo_account(m, m->url, m->admin_token, body, token, sizeof token);
        snprintf(path, sizeof path, "%s/%s.token", m->dir, m->site[i].node);
        if (!err)
            err = am_file_write(path, str_c(token), 0600);
    }
    return err;
}

static int demo_grant(struct demo *m, const char *role, const char *function,
                      const char *org, const char *gst, const char *establishment,
                      struct str spki)
{
    char at[TIME_TEXT];
    struct demo_reply r = {0};
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "issued_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_raw(&w, STR("{\"role\":\"msps\",\"org_id\":\"MSPS\"}"));
    jw_kstrz(&w, "type", "key_grant");
    jw_key(&w, "key");
    jw_obj(&w);
    jw_kstrz(&w, "role", role);
    if (function)
        jw_kstrz(&w, "function", function);
    jw_kstrz(&w, "org_id", org);
    if (gst)
        jw_kstrz(&w, "gst", gst);
    if (establishment)
        jw_kstrz(&w, "establishment", establishment);
    jw_kstrz(&w, "label", org);
    jw_kstr(&w, "spki", spki);
    jw_obj_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = demo_submit(m, LEDGER_EVENT, buf_str(&b), demo_actor("msps"), &r);
    demo_reply_release(&r);
    buf_release(&b);
    return err;
}

static int demo_grant_actor(struct demo *m, const struct demo_actor *a)
{
    struct buf spki, b64;
    int err;
    buf_init(&spki, 1024);
    buf_init(&b64, 1024);
    err = crypto_key_spki(a->key, &spki);
    if (!err)
        err = crypto_base64(&b64, buf_str(&spki));
    if (!err)
        err = demo_grant(m, a->role, a->function, a->org, a->gst, a->establishment,
                         buf_str(&b64));
    buf_release(&b64);
    buf_release(&spki);
    return err;
}

static int demo_grants(struct demo *m)
{
    static const char *const who[] = {
        "vendor",     "bench", "gst-1", "gst-2", "gst-3",     "gst-4",  "clinical_lead-1",
        "director-1", "dsi-1", "dim-1", "dpo-1", "quality-1", "rssi-1", "clinical_lead-2",
        "director-2", "dsi-2", "dim-2", "dpo-2", "quality-2", "rssi-2", "escrow"};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(who) && !err; i++)
        err = demo_grant_actor(m, demo_actor(who[i]));
    for (size_t i = 0; i < DEMO_SITES && !err; i++)
        err = demo_grant(m, "system", NULL, m->site[i].node, m->site[i].gst,
                         m->site[i].establishment, str_c(m->site[i].service_spki));
    demo_say(m, "demo.actors.granted", "n",
             demo_int(m, (int64_t)AM_LEN(who) + DEMO_SITES));
    return err;
}

static int demo_clinicians(struct demo *m)
{
    int err = AM_OK;
    for (size_t i = 0; i < DEMO_PILOTS && !err; i++) {
        char body[512];
        int y, mo, d;
        time_ymd(time_now(), &y, &mo, &d);
        snprintf(body, sizeof body,
                 "{\"login\":\"medecin\",\"password\":\"demo-demo-demo\",\"role\":"
                 "\"physician\",\"org_id\":\"%s\",\"establishment\":\"%s\",\"services\":["
                 "\"CONSULTATION\"],\"competences\":[{\"training\":\"" DEMO_TRAINING
                 "\",\"until\":\"%04d-12-31\"}],\"lang\":\"%s\"}",
                 m->site[i].establishment, m->site[i].establishment, y + 1,
                 text_lang_code(m->lang));
        err = demo_account(m, m->site[i].url, m->site[i].admin_token, body,
                           m->site[i].physician_token, sizeof m->site[i].physician_token);
    }
    return err;
}

int demo_step_actors(struct demo *m)
{
    int err;
    demo_title(m, "demo.actors.title");
    err = demo_load_data(m);
    if (!err)
        err = demo_make_actors(m);
    demo_say(m, m->real ? "demo.data.real" : "demo.data.made");
    m->port = demo_free_port();
    snprintf(m->url, sizeof m->url, "http://127.0.0.1:%u", m->port);
    snprintf(m->registry_dir, sizeof m->registry_dir, "%.900s/registry", m->dir);
    for (size_t i = 0; i < DEMO_SITES && !err; i++) {
        struct demo_site *s = &m->site[i];
        snprintf(s->dir, sizeof s->dir, "%.900s/%s", m->dir, s->node);
        s->port = demo_free_port();
        snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", s->port);
        err = demo_init_node(m, s);
    }
    if (!err)
        err = demo_init_registry(m);
    if (!err)
        err = demo_start_registry(m);
    if (!err)
        err = demo_registry_accounts(m);
    for (size_t i = 0; i < DEMO_SITES && !err; i++)
        err = demo_start_node(m, &m->site[i]);
    if (err)
        return err;
    demo_say(m, "demo.actors.registry", "url", m->url, "genesis", demo_short(m->genesis));
    for (size_t i = 0; i < DEMO_SITES; i++)
        demo_say(m, "demo.actors.node", "node", m->site[i].node, "gst", m->site[i].gst,
                 "establishment", m->site[i].establishment, "url", m->site[i].url);
    err = demo_grants(m);
    return err ? err : demo_clinicians(m);
}

/* ---- 2: the model
 * --------------------------------------------------------------------------------- */
/* The threshold that finds at least 85 % of the diseased of the training rows: frozen
 * before anybody opens the test rows. */
static int demo_threshold(struct demo *m, const char *scores)
{
    char *text;
    size_t n, k = 0, pos = 0;
    VEC(double) s = {0};
    struct str rest;
    int err = am_file_read(scores, (size_t)64 << 20, &text, &n);
    if (err)
        return err;
    rest = (struct str){text, n};
    (void)str_cut(rest, '\n', &rest);
    for (size_t site = 0; site < DEMO_SITES && !err; site++)
        for (size_t r = 0; r < m->site[site].train.n && !err; r++, k++) {
            struct str line = str_cut(rest, '\n', &rest), score;
            double v = NAN;
            (void)str_cut(line, ',', &score);
            err = str_double(str_trim(score), &v);
            if (!err && m->site[site].train.v[r].label)
                err = vec_push(&s, v);
        }
    free(text);
    for (size_t i = 1; i < s.n; i++) /* insertion sort: a few hundred values */
        for (size_t j = i; j > 0 && s.v[j - 1] > s.v[j]; j--) {
            double t = s.v[j];
            s.v[j] = s.v[j - 1];
            s.v[j - 1] = t;
        }
    pos = (size_t)floor(0.15 * (double)s.n);
    if (!err)
        m->threshold = s.n ? floor(s.v[pos] * 100) / 100 : 0.5;
    m->frozen_at = time_now() / TIME_SECOND * TIME_SECOND;
    vec_release(&s);
    return err;
}

int demo_step_fit(struct demo *m)
{
    char train[DEMO_PATH + 32], model[DEMO_PATH + 32], scores[DEMO_PATH + 32],
        report[DEMO_PATH + 32];
    const char *const fit[] = {"model", "fit",     "--kind",   "logistic", "--csv",
                               train,   "--label", "label",    "--ridge",  "1",
                               "--out", model,     "--report", report,     NULL};
    const char *const predict[] = {"model", "predict", model,  "--csv",
                                   train,   "--out",   scores, NULL};
    size_t n = 0;
    int err;
    demo_title(m, "demo.fit.title");
    snprintf(train, sizeof train, "%s/train.csv", m->dir);
    snprintf(model, sizeof model, "%s/model.json", m->dir);
    snprintf(scores, sizeof scores, "%s/train-scores.csv", m->dir);
    snprintf(report, sizeof report, "%s/fit.json", m->dir);
    m->ridge = 1;
    for (size_t i = 0; i < DEMO_SITES; i++)
        n += m->site[i].train.n;
    err = demo_write_train(m, train);
    if (!err && demo_tool(m, NULL, fit) != 0)
        err = demo_fail(m, "model fit", "failed");
    if (!err && demo_tool(m, NULL, predict) != 0)
        err = demo_fail(m, "model predict", "failed");
    if (!err)
        err = demo_threshold(m, scores);
    if (!err)
        demo_say(m, "demo.fit.done", "n", demo_int(m, (int64_t)n), "inputs",
                 demo_int(m, (int64_t)m->inputs), "threshold",
                 demo_num(m, m->threshold, 2));
    return err;
}

/* ---- 3: the declaration
 * --------------------------------------------------------------------------------- */
static int demo_describe(struct demo *m, const char *model, struct buf *bytes)
{
    const char *const argv[] = {"model", "inspect", model, "--json", NULL};
    struct json_doc *doc = NULL;
    uint8_t digest[CRYPTO_SHA256];
    struct buf out;
    char *text;
    size_t n;
    int err = am_file_read(model, (size_t)64 << 20, &text, &n);
    if (err)
        return err;
    err = buf_add(bytes, (struct str){text, n});
    free(text);
    buf_init(&out, (size_t)8 << 20);
    if (!err && demo_tool(m, &out, argv) != 0)
        err = demo_fail(m, "model inspect", "failed");
    if (!err)
        err = json_parse(&doc, buf_str(&out), NULL, &m->d);
    if (!err)
        demo_copy(m->canonical, sizeof m->canonical,
                  json_get_str(json_root(doc), "canonical_weight_hash"));
    /* model_digest: OMS root over the one artefact (doc/records.md). */
    crypto_sha256(buf_str(bytes), digest);
    crypto_sha256((struct str){(const char *)digest, sizeof digest}, digest);
    crypto_hex(digest, sizeof digest, m->model_hex);
    json_free(doc);
    buf_release(&out);
    return err;
}

static struct str demo_json(struct arena *a, const struct json *v)
{
    struct buf b;
    struct jw w;
    char *copy;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_val(&w, v);
    am_assert(jw_done(&w) == AM_OK);
    copy = arena_dup(a, buf_str(&b));
    am_assert(copy);
    buf_release(&b);
    return str_c(copy);
}

static void demo_training_hex(const struct demo *m, char hex[CRYPTO_HEX])
{
    uint8_t digest[CRYPTO_SHA256];
    char path[DEMO_PATH + 32];
    uint64_t size;
    snprintf(path, sizeof path, "%s/train.csv", m->dir);
    am_assert(crypto_sha256_file(path, digest, &size) == AM_OK);
    crypto_hex(digest, sizeof digest, hex);
}

static struct str demo_training(struct demo *m, struct arena *a)
{
    const struct json *co = json_root(m->cohort);
    size_t n = 0, pos = 0;
    char hex[CRYPTO_HEX];
    for (size_t s = 0; s < DEMO_SITES; s++)
        for (size_t r = 0; r < m->site[s].train.n; r++) {
            n++;
            pos += m->site[s].train.v[r].label != 0;
        }
    demo_training_hex(m, hex);
    return str_c(arena_printf(
        a,
        "{\"name\":\"train\",\"source\":%.*s,\"country\":%.*s,\"from\":%.*s,\"to\":%.*s,"
        "\"n_patients\":%zu,\"n_rows\":%zu,\"prevalence\":%.6f,\"inclusion\":%.*s,"
        "\"exclusion\":{\"fr\":\"Valeur manquante d'une "
        "entrée\"},\"legal_basis\":\"Données "
        "publiques anonymes ou "
        "artificielles\",\"manifest_sha256\":\"%s\",\"synthetic\":%s}",
        STR_FMT(demo_json(a, json_get(co, "source"))),
        STR_FMT(demo_json(a, json_get(co, "country"))),
        STR_FMT(demo_json(a, json_get(co, "from"))),
        STR_FMT(demo_json(a, json_get(co, "to"))), n, n,
        (double)pos / (double)AM_MAX(n, 1),
        STR_FMT(demo_json(a, json_get(co, "inclusion"))), hex,
        json_bool(json_get(co, "synthetic"), false) ? "true" : "false"));
}

/* Field 33: the made-up patients stand for Moroccan ones; the real ones are not. */
static struct str demo_relevance(struct demo *m, struct arena *a)
{
    char hex[CRYPTO_HEX];
    if (!json_str_is(json_get(json_root(m->cohort), "country"), "MA"))
        return STR("[]");
    demo_training_hex(m, hex);
    return str_c(arena_printf(
        a,
        "[{\"what\":{\"fr\":\"Patients fabriqués de quatre sites, à la place de "
        "patients marocains\",\"ar\":\"مرضى مصطنعون من أربعة مواقع عوض مرضى "
        "مغاربة\",\"en\":\"Made-up patients of four sites, in place of Moroccan "
        "patients\"},\"reference\":\"sha256:%s\"}]",
        hex));
}

static int demo_version_record(struct demo *m, struct arena *a, size_t size,
                               struct buf *out)
{
    const struct json *co = json_root(m->cohort);
    char num[JSON_NUM], ridge[JSON_NUM], bytes[32];
    size_t n = json_num_format(m->threshold, num), k = json_num_format(m->ridge, ridge);
    const struct demo_sub sub[] = {
        {"at", demo_now(a)},
        {"algorithm_id", demo_q(a, m->algorithm_id)},
        {"use_text", demo_json(a, json_get(co, "use_text"))},
        {"use_code", demo_json(a, json_get(co, "use_code"))},
        {"inclusion", demo_json(a, json_get(co, "inclusion"))},
        {"specialty", demo_json(a, json_get(co, "specialty"))},
        {"body_site", demo_json(a, json_get(co, "body_site"))},
        {"threshold", {num, n}},
        {"output_text", demo_json(a, json_get(co, "output_text"))},
        {"inputs", demo_json(a, json_get(co, "inputs"))},
        {"size", {bytes, (size_t)snprintf(bytes, sizeof bytes, "%zu", size)}},
        {"sha256", demo_q(a, m->weights_hex)},
        {"model_digest", demo_q(a, m->model_hex)},
        {"canonical", demo_q(a, m->canonical)},
        {"ridge", {ridge, k}},
        {"training", demo_training(m, a)},
        {"notice", demo_q(a, m->notice_hex)},
        {"sbom", demo_q(a, m->sbom_hex)},
        {"certificates", demo_certificates(m, a)},
        {"interoperability", demo_interoperability(m)},
        {"positive_class", demo_json(a, json_get(co, "positive_class"))},
        {"representativeness", demo_representativeness(m, a)},
        {"relevance_evidence", demo_relevance(m, a)},
        {"required_training", demo_q(a, DEMO_TRAINING)},
    };
    return demo_template("demo/version.json", sub, AM_LEN(sub), out);
}

/* The same record with holes: the registry must name every one. */
static int demo_show_refusal(struct demo *m, struct str record)
{
    static const char *const hole[] = {"inputs", "evaluation_plan", "random_seed",
                                       "risks", "population"};
    struct json_doc *doc = NULL;
    struct demo_reply r = {0};
    struct buf b, envelope;
    struct jw w;
    int err = json_parse(&doc, record, NULL, &m->d);
    if (err)
        return err;
    buf_init(&b, (size_t)8 << 20);
    buf_init(&envelope, (size_t)16 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, json_root(doc))) {
        bool skip = false;
        for (size_t i = 0; i < AM_LEN(hole); i++)
            skip = skip || str_eqc(it.key, hole[i]);
        if (!skip) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = demo_envelope(m, LEDGER_VERSION, buf_str(&b), demo_actor("vendor"),
                            &envelope);
    if (!err)
        err = demo_expect(m, HTTP_POST, m->url, "/api/v1/versions", NULL,
                          buf_str(&envelope), 422, &r);
    if (!err) {
        const struct json *problems = json_get(r.v, "problems");
        jw_kint(&m->f, "holes", (int64_t)json_size(problems));
        demo_say(m, "demo.declare.refused", "n",
                 demo_int(m, (int64_t)json_size(problems)));
        for (json_each(it, problems))
            demo_say(m, "demo.declare.problem", "pointer",
                     arena_dup(&m->d.arena, json_get_str(it.val, "pointer")), "message",
                     arena_dup(&m->d.arena, json_get_str(it.val, "message")));
        for (size_t i = 0; i < AM_LEN(hole) && !err; i++) {
            bool named = false;
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/%s", hole[i]);
            for (json_each(it, problems))
                named = named || json_str_is(json_get(it.val, "pointer"), pointer);
            if (!named)
                err = demo_fail(m, "this hole was not named", hole[i]);
        }
    }
    demo_reply_release(&r);
    buf_release(&envelope);
    buf_release(&b);
    json_free(doc);
    return err;
}

static int demo_algorithm(struct demo *m, struct arena *a)
{
    const struct json *co = json_root(m->cohort);
    struct demo_reply r = {0};
    struct buf b;
    int err = demo_expect(m, HTTP_POST, m->url, "/api/v1/algorithm-ids", m->vendor_token,
                          STR("{\"org6\":\"DEMOAI\"}"), 201, &r);
    if (err)
        return err;
    demo_copy(m->algorithm_id, sizeof m->algorithm_id, json_get_str(r.v, "algorithm_id"));
    demo_reply_release(&r);
    buf_init(&b, 1 << 20);
    {
        const struct demo_sub sub[] = {
            {"at", demo_now(a)},
            {"algorithm_id", demo_q(a, m->algorithm_id)},
            {"trade_name", demo_json(a, json_get(co, "trade_name"))},
            {"short_name", demo_json(a, json_get(co, "short_name"))}};
        err = demo_template("demo/algorithm.json", sub, AM_LEN(sub), &b);
    }
    if (!err)
        err = demo_submit(m, LEDGER_ALGORITHM, buf_str(&b), demo_actor("vendor"), &r);
    demo_reply_release(&r);
    buf_release(&b);
    return err;
}

static int demo_declare(struct demo *m, struct arena *a)
{
    char model[DEMO_PATH + 32], path[DEMO_PATH + 32];
    struct demo_reply r = {0};
    struct buf bytes, record;
    int err;
    snprintf(model, sizeof model, "%s/model.json", m->dir);
    snprintf(path, sizeof path, "%s/version.json", m->dir);
    buf_init(&bytes, (size_t)64 << 20);
    buf_init(&record, (size_t)8 << 20);
    err = demo_describe(m, model, &bytes);
    if (!err)
        err = demo_put_blob(
            m, m->vendor_token,
            STR("Notice d'utilisation de démonstration : aide à la décision, "
                "validée par un médecin.\n"),
            m->notice_hex);
    if (!err)
        err = demo_put_blob(m, m->vendor_token, buf_str(&bytes), m->weights_hex);
    if (!err)
        err = demo_sbom(m, m->sbom_hex);
    if (!err)
        err = demo_version_record(m, a, bytes.n, &record);
    if (!err)
        err = demo_complete(m, &record);
    if (!err)
        err = am_file_write(path, buf_str(&record), 0600);
    if (!err)
        err = demo_show_refusal(m, buf_str(&record));
    if (!err)
        err = demo_submit(m, LEDGER_VERSION, buf_str(&record), demo_actor("vendor"), &r);
    if (!err) {
        demo_copy(m->version_payload, sizeof m->version_payload,
                  json_get_str(r.v, "payload_sha256"));
        jw_kint(&m->f, "declared_index", json_int(json_get(r.v, "index"), -1));
        demo_say(m, "demo.declare.accepted", "id", m->algorithm_id, "digest",
                 demo_short(m->model_hex), "index",
                 demo_int(m, json_int(json_get(r.v, "index"), -1)));
    }
    demo_reply_release(&r);
    buf_release(&record);
    buf_release(&bytes);
    return err;
}

int demo_step_declare(struct demo *m)
{
    struct arena a;
    int err;
    demo_title(m, "demo.declare.title");
    arena_init(&a, (size_t)32 << 20);
    err = demo_algorithm(m, &a);
    if (!err)
        err = demo_declare(m, &a);
    arena_release(&a);
    return err;
}
