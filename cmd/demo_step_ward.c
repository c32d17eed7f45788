/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 6 to 8: two pilots, predictions under a physician's hand, the stop. */
#include "demo.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- 6: to a pilot
 * ------------------------------------------------------------------------------ */
static int demo_transition(struct demo *m, size_t site, const char *id, const char *phase,
                           const char *const *who, size_t n, const char *more)
{
    const struct demo_site *s = &m->site[site];
    struct demo_reply r = {0};
    struct arena a;
    struct buf b;
    int64_t index = -1;
    char name[64];
    int err;
    arena_init(&a, (size_t)4 << 20);
    buf_init(&b, 1 << 20);
    snprintf(name, sizeof name, "%s-%zu", who[0], site + 1);
    {
        const struct demo_sub sub[] = {
            {"at", demo_now(&a)},
            {"role", demo_q(&a, demo_actor(name)->role)},
            {"establishment", demo_q(&a, s->establishment)},
            {"gst", demo_q(&a, s->gst)},
            {"service", demo_q(&a, "CONSULTATION")},
            {"use_code",
             demo_q(&a, arena_dup(&a, json_get_str(json_root(m->cohort), "use_code")))},
            {"model_digest", demo_q(&a, m->model_hex)},
            {"transition", demo_q(&a, id)},
            {"phase", demo_q(&a, phase)},
            {"more", str_c(more)}};
        err = demo_template("demo/deployment.json", sub, AM_LEN(sub), &b);
    }
    for (size_t i = 0; i < n && !err; i++) {
        snprintf(name, sizeof name, "%s-%zu", who[i], site + 1);
        err = demo_submit(m, LEDGER_DEPLOYMENT, buf_str(&b), demo_actor(name), &r);
        if (!err && i + 1 == n && !json_str_is(json_get(r.v, "effect"), "in_effect"))
            err = demo_fail(m, id, "signatures are still missing");
        index = json_int(json_get(r.v, "index"), -1);
        demo_reply_release(&r);
    }
    if (!err)
        demo_say(m, "demo.deploy.step", "id", id, "phase", demo_word(m, "state.p", phase),
                 "establishment", s->establishment, "n", demo_int(m, (int64_t)n));
    jw_obj(&m->f);
    jw_kstrz(&m->f, "establishment", s->establishment);
    jw_kstrz(&m->f, "gst", s->gst);
    jw_kstrz(&m->f, "step", id);
    jw_kstrz(&m->f, "phase", phase);
    jw_kint(&m->f, "signatures", (int64_t)n);
    jw_kint(&m->f, "index", index);
    jw_obj_end(&m->f);
    buf_release(&b);
    arena_release(&a);
    return err;
}

/* A document of the establishment's file: it stays there, its digest is what is signed.
 */
static int demo_document(const struct demo *m, const char *where, const char *name,
                         const char *text, char hex[CRYPTO_HEX])
{
    char path[DEMO_PATH + 128];
    uint8_t digest[CRYPTO_SHA256];
    struct buf b;
    int err;
    buf_init(&b, 65536);
    snprintf(path, sizeof path, "%s/documents", m->dir);
    err = am_dir_make(path, 0700);
    if (!err)
        err = buf_addf(&b, "%s, %s\nDocument de démonstration, fictif.\n\n%s\n", name,
                       where, text);
    snprintf(path, sizeof path, "%s/documents/%s-%s.txt", m->dir, where, name);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    crypto_sha256(buf_str(&b), digest);
    crypto_hex(digest, sizeof digest, hex);
    buf_release(&b);
    return err;
}

/* The twelve indicators before the pilot (mission.md, I1). The demo has no history: what
 * was not measured is null, never a made-up number. */
static void demo_baseline(struct jw *w, const char *from, const char *to)
{
    static const char *const code[][2] = {{"sensitivity_specificity", "1"},
                                          {"auc", "1"},
                                          {"predictive_values", "1"},
                                          {"diagnostic_delay", "d"},
                                          {"therapeutic_delay", "d"},
                                          {"length_of_stay", "d"},
                                          {"mortality", "1"},
                                          {"complications_readmissions", "1"},
                                          {"serious_false_negatives", "1"},
                                          {"performance_equity", "1"},
                                          {"use_override_rate", "1"},
                                          {"cost_per_patient", "[MAD]"}};
    jw_key(w, "baseline_indicators");
    jw_obj(w);
    jw_key(w, "period");
    jw_obj(w);
    jw_kstr(w, "from", (struct str){from, 10});
    jw_kstr(w, "to", (struct str){to, 10});
    jw_obj_end(w);
    jw_key(w, "values");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(code); i++) {
        jw_obj(w);
        jw_kstrz(w, "code", code[i][0]);
        jw_key(w, "value");
        jw_null(w);
        jw_kstrz(w, "unit", code[i][1]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static void demo_approvals(struct jw *w, const char *today, const char *expires)
{
    jw_key(w, "dpia");
    jw_obj(w);
    jw_kstrz(w, "number", "DPIA-DEMO-1");
    jw_kstr(w, "date", (struct str){today, 10});
    jw_kstr(w, "expires", (struct str){expires, 10});
    jw_key(w, "summary");
    jw_raw(w, STR("{\"fr\":\"Risque faible : données minimales, traces sans nom\","
                  "\"ar\":\"خطر ضعيف: معطيات دنيا وآثار بلا أسماء\","
                  "\"en\":\"Low risk: minimal data, traces without names\"}"));
    jw_obj_end(w);
    jw_key(w, "cndp_authorization");
    jw_obj(w);
    jw_kstrz(w, "number", "CNDP-DEMO-1");
    jw_kstr(w, "expires", (struct str){expires, 10});
    jw_obj_end(w);
}

/* The file of a pilot, complete: what P3 asks, with nothing waived. Appends ",..." */
static int demo_pilot_members(const struct demo *m, size_t site, struct buf *out)
{
    static const char *const doc[][2] = {
        {"risk_analysis", "Biais, erreur automatique, perte d'information, dépendance, "
                          "rupture de qualité : analysés par qualité, DIM, DPO, soins."},
        {"security_architecture",
         "Un nœud, un disque chiffré, TLS au bord, un lecteur de "
         "modèles isolé."},
        {"interop_test",
         "Bundle FHIR lu, unités converties, sortie RiskAssessment relue."}};
    const char *where = m->site[site].establishment;
    char now[TIME_TEXT], from[TIME_TEXT], until[TIME_TEXT], expires[TIME_TEXT],
        hex[CRYPTO_HEX];
    int64_t at = time_now() / TIME_SECOND * TIME_SECOND, end, year;
    struct jw w;
    int err = AM_OK;
    if (time_add_iso(at, STR("P3M"), &end) || time_add_iso(at, STR("P1Y"), &year))
        return AM_E_INTERNAL;
    time_format(at, now);
    time_format(at - 90 * TIME_DAY, from);
    time_format(year, expires);
    jw_init(&w, out);
    jw_obj(&w);
    for (size_t i = 0; i < AM_LEN(doc) && !err; i++) {
        err = demo_document(m, where, doc[i][0], doc[i][1], hex);
        jw_kstrz(&w, doc[i][0], hex);
    }
    demo_approvals(&w, now, expires);
    demo_baseline(&w, from, now);
    jw_key(&w, "trained_roster_share");
    jw_num(&w, 1); /* its one physician, who holds the certificate */
    jw_key(&w, "stop_drill");
    jw_obj(&w);
    jw_kstrz(&w, "at", now);
    jw_key(&w, "effect_s");
    jw_num(&w, 0.1);
    jw_obj_end(&w);
    jw_kstrz(&w, "pilot_until", time_format(end, until));
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    return err;
}

static int demo_pilot(struct demo *m, size_t site)
{
    static const char *const p1[] = {"clinical_lead"},
                             *const p2[] = {"director", "dsi", "dim", "clinical_lead"},
                             *const p3[] = {"dsi",           "dim",     "dpo",
                                            "clinical_lead", "quality", "rssi"};
    struct buf file, more;
    int err = demo_transition(m, site, "P1", "proposed", p1, 1, "");
    if (!err)
        err = demo_transition(
            m, site, "P2", "pre_deployment", p2, 4,
            ",\"objectives\":{\"objectives\":{\"fr\":\"Repérer plus tôt les patients à "
            "risque\"},\"expected_benefits\":{\"fr\":\"Délai plus court\"},"
            "\"workflow_effects\":{\"fr\":\"Un résultat de plus à valider\"},"
            "\"data_quality_effects\":{\"fr\":\"Saisie contrôlée à l'entrée\"}}");
    buf_init(&file, 65536);
    buf_init(&more, 65536);
    if (!err)
        err = demo_pilot_members(m, site, &file);
    if (!err) /* the members, without the braces around them */
        err = buf_addf(&more, ",%.*s", (int)(file.n - 2), file.p + 1);
    if (!err)
        err = demo_transition(m, site, "P3", "pilot", p3, AM_LEN(p3), more.p);
    buf_release(&more);
    buf_release(&file);
    return err;
}

static int demo_ask(struct demo *m, size_t site, const struct demo_row *row, int age,
                    struct demo_reply *r)
{
    struct buf bundle, body;
    int err;
    buf_init(&bundle, 1 << 20);
    buf_init(&body, 1 << 20);
    err = demo_bundle(m, row, age, &bundle);
    if (!err)
        err = buf_addf(
            &body, "{\"deployment\":\"%s\",\"service\":\"CONSULTATION\",\"bundle\":%s}",
            m->deployment[site], bundle.p);
    if (!err)
        err = demo_call(m, HTTP_POST, m->site[site].url, "/api/v1/predictions",
                        m->site[site].physician_token, buf_str(&body), r);
    buf_release(&body);
    buf_release(&bundle);
    return err;
}

/* A refusal must carry the reason we expect. */
static int demo_expect_refusal(struct demo *m, struct demo_reply *r, const char *code)
{
    struct str reason;
    (void)str_cut(str_c(code), '.', &reason);
    if (r->status == 422)
        for (json_each(it, json_get(r->v, "problems")))
            if (json_str_is(json_get(it.val, "code"), code)) {
                demo_say(m, "demo.refused", "reason", demo_word(m, "reason", reason.p));
                return AM_OK;
            }
    return demo_fail(m, code, r->body.n ? r->body.p : "no answer");
}

/* Somebody swaps the weights on the node's disk: the node must see it and say no. */
static int demo_swap_weights(struct demo *m, size_t site, bool back)
{
    char path[DEMO_PATH + 128], model[DEMO_PATH + 32], *text;
    size_t n;
    int err;
    snprintf(model, sizeof model, "%s/model.json", m->dir);
    snprintf(path, sizeof path, "%s/blobs/sha256/%.2s/%s", m->site[site].dir,
             m->weights_hex, m->weights_hex + 2);
    err = am_file_read(model, (size_t)64 << 20, &text, &n);
    if (err)
        return err;
    if (!back)
        text[n / 2] ^= 1;
    err = am_file_write(path, (struct str){text, n}, 0600);
    free(text);
    return err;
}

static int demo_wrong_digest(struct demo *m, size_t site)
{
    struct demo_reply r = {0};
    int err = demo_swap_weights(m, site, false);
    if (!err)
        err = demo_ask(m, site, &m->site[site].held.v[0], 0, &r);
    if (!err)
        err = demo_expect_refusal(m, &r, "refusal.digest_mismatch");
    demo_reply_release(&r);
    if (!err)
        err = demo_swap_weights(m, site, true);
    return err;
}

static int demo_wrong_patient(struct demo *m, size_t site)
{
    struct demo_reply r = {0};
    int err = demo_ask(m, site, &m->site[site].held.v[0], 12, &r);
    if (!err)
        err = demo_expect_refusal(m, &r, "refusal.out_of_population");
    demo_reply_release(&r);
    return err;
}

static int demo_wait_weights(struct demo *m, size_t site)
{
    char path[DEMO_PATH + 128];
    struct stat st;
    snprintf(path, sizeof path, "%s/blobs/sha256/%.2s/%s", m->site[site].dir,
             m->weights_hex, m->weights_hex + 2);
    for (int i = 0; i < DEMO_POLLS; i++) {
        if (stat(path, &st) == 0)
            return AM_OK;
        usleep(50000);
    }
    return demo_fail(m, m->site[site].node, "the weights did not arrive in two minutes");
}

int demo_step_deploy(struct demo *m)
{
    uint8_t digest[CRYPTO_SHA256];
    struct demo_reply r = {0};
    int64_t size = 0;
    int err = AM_OK;
    demo_title(m, "demo.deploy.title");
    jw_key(&m->f, "phases");
    jw_arr(&m->f);
    for (size_t i = 0; i < DEMO_PILOTS && !err; i++)
        err = demo_pilot(m, i);
    jw_arr_end(&m->f);
    if (!err)
        err = crypto_unhex(str_c(m->model_hex), digest, sizeof digest);
    for (size_t i = 0; i < DEMO_PILOTS && !err; i++)
        err = ledger_deployment_id(digest, str_c(m->site[i].establishment),
                                   json_get_str(json_root(m->cohort), "use_code"),
                                   m->deployment[i]);
    if (!err)
        err = demo_expect(m, HTTP_GET, m->url, "/api/v1/deployments", NULL, STR_NULL, 200,
                          &r);
    size = json_int(json_get(r.v, "tree_size"), 0);
    demo_reply_release(&r);
    for (size_t i = 0; i < DEMO_PILOTS && !err; i++) {
        err = demo_wait_size(m, &m->site[i], size);
        if (!err)
            err = demo_wait_weights(m, i);
    }
    if (!err)
        err = demo_wrong_digest(m, 0);
    if (!err)
        err = demo_wrong_patient(m, 1);
    jw_key(&m->f, "refused");
    jw_raw(&m->f, STR("[\"digest_mismatch\",\"out_of_population\"]"));
    return err;
}

/* ---- 7: predictions
 * ---------------------------------------------------------------------------------- */
static int demo_validate(struct demo *m, size_t site, const char *id, bool agrees)
{
    char path[160];
    struct demo_reply r = {0};
    int err;
    snprintf(path, sizeof path, "/api/v1/predictions/%s/validation", id);
    err =
        demo_expect(m, HTTP_POST, m->site[site].url, path, m->site[site].physician_token,
                    agrees ? STR("{\"outcome\":\"accepted\"}")
                           : STR("{\"outcome\":\"refused\",\"reason_code\":"
                                 "\"clinical_context\",\"comment\":\"Ne correspond pas à "
                                 "l'examen\"}"),
                    201, &r);
    demo_reply_release(&r);
    return err;
}

static int demo_proof(struct demo *m, size_t site, const char *id)
{
    char path[160];
    struct demo_reply r = {0};
    int err;
    snprintf(path, sizeof path, "/api/v1/predictions/%s/proof", id);
    err = demo_expect(m, HTTP_GET, m->site[site].url, path, m->site[site].physician_token,
                      STR_NULL, 200, &r);
    if (!err)
        demo_say(
            m, "demo.predict.proof", "id", id, "index",
            demo_int(m, json_int(json_get(json_get(r.v, "prediction"), "index"), -1)),
            "n",
            demo_int(m, (int64_t)json_size(
                            json_get(json_get(r.v, "prediction"), "inclusion"))));
    if (!err) {
        const struct json *p = json_get(r.v, "prediction");
        jw_kint(&m->f, "proof_index", json_int(json_get(p, "index"), -1));
        jw_kint(&m->f, "proof_n", (int64_t)json_size(json_get(p, "inclusion")));
    }
    demo_reply_release(&r);
    return err;
}

static int demo_ward(struct demo *m, size_t site, size_t most, size_t *accepted,
                     size_t *refused)
{
    struct demo_site *s = &m->site[site];
    char id[64] = "";
    for (size_t i = 0; i < s->held.n && i < most; i++) {
        struct demo_reply r = {0};
        bool above, agrees;
        int err = demo_ask(m, site, &s->held.v[i], 0, &r);
        if (!err && r.status != 201)
            err = demo_fail(m, s->node, r.body.n ? r.body.p : "no answer");
        if (!err && !json_str_is(json_get(r.v, "status"), "preliminary"))
            err = demo_fail(m, s->node, "an output that is not preliminary");
        above = json_bool(json_get(r.v, "above_threshold"), false);
        snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(r.v, "id")));
        demo_reply_release(&r);
        if (err)
            return err;
        /* The physician of the demo knows the answer: refuses what is wrong. */
        agrees = above == (s->held.v[i].label != 0);
        err = demo_validate(m, site, id, agrees);
        if (err)
            return err;
        *(agrees ? accepted : refused) += 1;
    }
    return *id ? demo_proof(m, site, id) : AM_OK;
}

/* One output left for the worklist page, and to be withdrawn by the stop. */
static int demo_leave_pending(struct demo *m, size_t site)
{
    struct demo_reply r = {0};
    int err = demo_ask(m, site, &m->site[site].held.v[0], 0, &r);
    if (!err && r.status != 201)
        err = demo_fail(m, m->site[site].node, r.body.n ? r.body.p : "no answer");
    demo_reply_release(&r);
    return err;
}

int demo_step_predict(struct demo *m)
{
    int err = AM_OK;
    demo_title(m, "demo.predict.title");
    jw_key(&m->f, "ward");
    jw_arr(&m->f);
    for (size_t i = 0; i < DEMO_PILOTS && !err; i++) {
        size_t accepted = 0, refused = 0;
        jw_obj(&m->f);
        err = demo_ward(m, i, 15, &accepted, &refused);
        jw_kstrz(&m->f, "node", m->site[i].node);
        jw_kstrz(&m->f, "establishment", m->site[i].establishment);
        jw_kint(&m->f, "n", (int64_t)(accepted + refused));
        jw_kint(&m->f, "accepted", (int64_t)accepted);
        jw_kint(&m->f, "refused", (int64_t)refused);
        jw_obj_end(&m->f);
        if (!err)
            demo_say(m, "demo.predict.done", "node", m->site[i].node, "n",
                     demo_int(m, (int64_t)(accepted + refused)), "accepted",
                     demo_int(m, (int64_t)accepted), "refused",
                     demo_int(m, (int64_t)refused));
        if (!err)
            err = demo_leave_pending(m, i);
    }
    jw_arr_end(&m->f);
    return err;
}

/* ---- 8: the stop
 * ---------------------------------------------------------------------------------------
 */
/* Asks until the node refuses because of the stop; milliseconds since the order. */
static int demo_until_stopped(struct demo *m, size_t site, int64_t since)
{
    for (int i = 0; i < DEMO_POLLS; i++) {
        struct demo_reply r = {0};
        bool stopped = false;
        int err = demo_ask(m, site, &m->site[site].held.v[0], 0, &r);
        for (json_each(it, json_get(r.v, "problems")))
            stopped = stopped || json_str_is(json_get(it.val, "code"), "refusal.stopped");
        demo_reply_release(&r);
        if (err)
            return err;
        if (stopped) {
            m->stop_ms[site] = (time_mono() - since) / 1000;
            return AM_OK;
        }
        usleep(50000);
    }
    return demo_fail(m, m->site[site].node, "the stop did not arrive in two minutes");
}

static int demo_wait_acks(struct demo *m)
{
    for (int i = 0; i < DEMO_POLLS; i++) {
        struct demo_reply r = {0};
        size_t acks = 0;
        int err = demo_call(m, HTTP_GET, m->url, "/api/v1/stops", NULL, STR_NULL, &r);
        for (json_each(it, json_get(r.v, "items")))
            acks = AM_MAX(acks, json_size(json_get(it.val, "ack")));
        demo_reply_release(&r);
        if (err)
            return err;
        if (acks >= DEMO_PILOTS) {
            demo_say(m, "demo.stop.acked", "n", demo_int(m, (int64_t)acks));
            jw_kint(&m->f, "acks", (int64_t)acks);
            return AM_OK;
        }
        usleep(50000);
    }
    return demo_fail(m, "stop", "the nodes did not acknowledge in two minutes");
}

int demo_step_stop(struct demo *m)
{
    char text[1024], at[TIME_TEXT];
    struct demo_reply r = {0};
    struct buf envelope;
    int64_t since;
    int n, err;
    demo_title(m, "demo.stop.title");
    time_format(time_now() / TIME_SECOND * TIME_SECOND, at);
    n = snprintf(text, sizeof text,
                 "{\"issued_at\":\"%s\",\"issuer\":{\"role\":\"has\",\"org_id\":\"HAS\"},"
                 "\"type\":\"stop\",\"scope\":\"national\",\"model_digest\":\"%s\","
                 "\"motive_code\":\"patient_safety\",\"effect_at\":\"%s\"}",
                 at, m->model_hex, at);
    buf_init(&envelope, 1 << 20);
    err = demo_envelope(m, LEDGER_EVENT, (struct str){text, (size_t)n},
                        demo_actor("has-1"), &envelope);
    since = time_mono();
    if (!err) /* pressed at the first node: it must obey before anybody is told */
        err = demo_expect(m, HTTP_POST, m->site[0].url, "/api/v1/stop-orders", NULL,
                          buf_str(&envelope), 201, &r);
    if (!err) {
        snprintf(m->stop_order, sizeof m->stop_order, "%.*s",
                 STR_FMT(json_get_str(r.v, "order")));
        jw_kint(&m->f, "withdrawn", json_int(json_get(r.v, "withdrawn"), 0));
        demo_say(m, "demo.stop.pressed", "order", demo_short(m->stop_order), "withdrawn",
                 demo_int(m, json_int(json_get(r.v, "withdrawn"), 0)));
    }
    demo_reply_release(&r);
    if (!err) { /* the very next request */
        err = demo_ask(m, 0, &m->site[0].held.v[0], 0, &r);
        if (!err)
            err = demo_expect_refusal(m, &r, "refusal.stopped");
        demo_reply_release(&r);
    }
    m->stop_ms[0] = (time_mono() - since) / 1000;
    if (!err)
        err = demo_until_stopped(m, 1, since);
    if (!err)
        demo_say(m, "demo.stop.times", "here", demo_int(m, m->stop_ms[0]), "there",
                 demo_int(m, m->stop_ms[1]));
    if (!err)
        err = demo_wait_acks(m);
    buf_release(&envelope);
    return err;
}
