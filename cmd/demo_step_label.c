/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 4 and 5: the bench, the decision, and its recomputation from the log alone. */
#include "demo.h"
#include "embed/embed.h"

#include <math.h>

static void demo_keep(char *out, size_t cap, struct str s)
{
    snprintf(out, cap, "%.*s", STR_FMT(s));
}

/* ---- admissibility and assignment
 * ------------------------------------------------------------ */
int demo_event(struct demo *m, const char *who, struct str members)
{
    const struct demo_actor *a = demo_actor(who);
    struct demo_reply r = {0};
    struct buf b;
    char at[TIME_TEXT];
    int err;
    buf_init(&b, 1 << 20);
    err = buf_addf(
        &b, "{\"issued_at\":\"%s\",\"issuer\":{\"role\":\"%s\",\"org_id\":\"%s\"},%.*s}",
        time_format(time_now() / TIME_SECOND * TIME_SECOND, at), a->role, a->org,
        STR_FMT(members));
    if (!err)
        err = demo_submit(m, LEDGER_EVENT, buf_str(&b), a, &r);
    demo_reply_release(&r);
    buf_release(&b);
    return err;
}

/* What the registry's own checks say of the record: the desk signs its digest. */
static int demo_report_admissible(struct demo *m, char hex[CRYPTO_HEX])
{
    char path[DEMO_PATH + 32], *text;
    struct demo_reply r = {0};
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/version.json", m->dir);
    err = am_file_read(path, (size_t)8 << 20, &text, &n);
    if (err)
        return err;
    err = demo_expect(m, HTTP_POST, m->url, "/api/v1/checks/versions", NULL,
                      (struct str){text, n}, 200, &r);
    if (!err)
        err = demo_put_blob(m, m->admin_token, buf_str(&r.body), hex);
    demo_reply_release(&r);
    free(text);
    return err;
}

static int demo_open_evaluation(struct demo *m, const char *manifest_hex)
{
    char text[1024], report[CRYPTO_HEX];
    int n, err = demo_report_admissible(m, report);
    if (err)
        return err;
    n = snprintf(text, sizeof text,
                 "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                 "\"admissible\",\"pointers\":[],\"report_sha256\":\"%s\"",
                 m->model_hex, report);
    err = demo_event(m, "desk", (struct str){text, (size_t)n});
    if (err)
        return err;
    n = snprintf(text, sizeof text,
                 "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
                 "\"bench_operator\":\"%s\",\"requested_level\":\"base\",\"sealed_data\":"
                 "[\"%s\"],\"no_conflict\":true",
                 m->model_hex, demo_actor("has-rapporteur")->key_id,
                 demo_actor("bench")->key_id, manifest_hex);
    err = demo_event(m, "has-rapporteur", (struct str){text, (size_t)n});
    if (!err)
        demo_say(m, "demo.bench.assigned");
    return err;
}

/* ---- 4: the bench
 * --------------------------------------------------------------------------------- */
static void demo_tell_measure(struct demo *m, const struct json *x)
{
    struct str group = json_get_str(x, "group");
    struct str site;
    (void)str_cut(group, '=', &site);
    const char *name = arena_dup(&m->d.arena, json_get_str(x, "name")),
               *where = arena_dup(&m->d.arena, site.n ? site : group);
    if (str_starts(group, STR("sex=")))
        where = demo_word(m, "group.sex", where);
    demo_say(m, "demo.bench.measure", "name", demo_word(m, "metric", name), "group",
             group.n ? where : demo_word(m, "demo", "all"), "value",
             demo_num(m, json_num(json_get(x, "estimate"), NAN), 3), "low",
             demo_num(m, json_num(json_get(x, "ci95_low"), NAN), 3), "high",
             demo_num(m, json_num(json_get(x, "ci95_high"), NAN), 3), "n",
             demo_int(m, json_int(json_get(x, "n"), 0)));
}

static int demo_post_evidence(struct demo *m, const char *path)
{
    struct json_doc *doc = NULL;
    struct demo_reply r = {0};
    char *text, *payload;
    size_t n;
    int err = am_file_read(path, (size_t)16 << 20, &text, &n);
    if (err)
        return err;
    err = json_parse(&doc, (struct str){text, n}, NULL, &m->d);
    for (json_each(it, json_get(json_root(doc), "measures"))) {
        struct str name = json_get_str(it.val, "name"),
                   group = json_get_str(it.val, "group");
        bool told =
            str_eqc(name, "auc") ||
            (!group.n && (str_eqc(name, "sensitivity") || str_eqc(name, "specificity")));
        if (told &&
            (!group.n || str_starts(group, STR("site=")) ||
             str_starts(group, STR("sex="))) &&
            str_find(group, ';') == group.n && json_get(it.val, "estimate"))
            demo_tell_measure(m, it.val);
    }
    if (!err)
        err = demo_submit(m, LEDGER_EVIDENCE, (struct str){text, n}, demo_actor("bench"),
                          &r);
    if (!err) {
        payload = str_dup(json_get_str(r.v, "payload_sha256"));
        err = payload ? vec_push(&m->evidence, payload) : AM_E_NOMEM;
    }
    demo_reply_release(&r);
    json_free(doc);
    free(text);
    return err;
}

static int demo_upload_scores(struct demo *m, const char *dir)
{
    char path[DEMO_PATH + 64], *text;
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/scores.csv", dir);
    err = am_file_read(path, (size_t)64 << 20, &text, &n);
    if (err)
        return err;
    err = demo_put_blob(m, m->bench_token, (struct str){text, n}, m->evidence_blob);
    free(text);
    return err;
}

/* The policy in force, as a file for the bench: evidence names rows of it only. */
static int demo_policy_file(struct demo *m, char path[DEMO_PATH + 32])
{
    const struct embed_file *policy = embed_find("policy/demo-2.json");
    am_assert(policy);
    snprintf(path, DEMO_PATH + 32, "%s/policy.json", m->dir);
    return am_file_write(path, (struct str){(const char *)policy->data, policy->size},
                         0644);
}

int demo_step_bench(struct demo *m)
{
    static const char *const family[] = {"identity", "data", "performance",
                                         "equity_documentation", "interoperability"};
    char dir[DEMO_PATH + 32], out[DEMO_PATH + 32], manifest[DEMO_PATH + 64],
        record[DEMO_PATH + 32], model[DEMO_PATH + 32], policy[DEMO_PATH + 32],
        hex[CRYPTO_HEX];
    const char *const argv[] = {"bench", "run",    "--record", record,     "--model",
                                model,   "--data", manifest,   "--policy", policy,
                                "--out", out,      "--org",    "BENCH1",   NULL};
    uint8_t digest[CRYPTO_SHA256];
    uint64_t size;
    int err;
    demo_title(m, "demo.bench.title");
    snprintf(dir, sizeof dir, "%s/sealed", m->dir);
    snprintf(out, sizeof out, "%s/bench", m->dir);
    snprintf(manifest, sizeof manifest, "%s/manifest.json", dir);
    snprintf(record, sizeof record, "%s/version.json", m->dir);
    snprintf(model, sizeof model, "%s/model.json", m->dir);
    err = demo_write_bench(m, dir);
    if (!err)
        err = demo_policy_file(m, policy);
    if (!err)
        err = crypto_sha256_file(manifest, digest, &size);
    if (!err)
        err = demo_open_evaluation(m, crypto_hex(digest, sizeof digest, hex));
    if (!err && demo_tool(m, NULL, argv) != 0)
        err = demo_fail(m, "bench run", "failed");
    if (!err)
        err = demo_upload_scores(m, out);
    for (size_t i = 0; i < AM_LEN(family) && !err; i++) {
        char path[DEMO_PATH + 64];
        snprintf(path, sizeof path, "%s/evidence-%s.json", out, family[i]);
        err = demo_post_evidence(m, path);
    }
    if (!err)
        demo_say(m, "demo.bench.logged", "n", demo_int(m, (int64_t)m->evidence.n));
    return err;
}

/* ---- 5: the decision
 * --------------------------------------------------------------------------------- */
static int demo_policy_eval(struct demo *m, struct json_doc **doc, int *code)
{
    /* The log as any stranger can copy it: the first node's mirror. */
    const char *const argv[] = {"policy",  "eval",       "--log",  m->site[0].dir,
                                "--model", m->model_hex, "--json", NULL};
    struct buf out;
    int err;
    buf_init(&out, (size_t)16 << 20);
    *code = demo_tool(m, &out, argv);
    err = json_parse(doc, buf_str(&out), NULL, &m->d);
    buf_release(&out);
    return err ? demo_fail(m, "policy eval", "no answer") : AM_OK;
}

static int demo_size(struct demo *m, int64_t *size)
{
    struct demo_reply r;
    int err =
        demo_expect(m, HTTP_GET, m->url, "/api/v1/versions", NULL, STR_NULL, 200, &r);
    if (!err)
        *size = json_int(json_get(r.v, "tree_size"), 0);
    demo_reply_release(&r);
    return err;
}

static int demo_follow(struct demo *m, size_t nodes)
{
    int64_t size = 0;
    int err = demo_size(m, &size);
    if (!err)
        err = demo_wait_cosigned(m, size);
    for (size_t i = 0; i < nodes && !err; i++)
        err = demo_wait_size(m, &m->site[i], size);
    return err;
}

static struct str demo_list(struct arena *a, char *const *v, size_t n)
{
    struct buf b;
    char *copy;
    int err;
    buf_init(&b, 1 << 20);
    err = buf_addc(&b, '[');
    for (size_t i = 0; i < n && !err; i++)
        err = buf_addf(&b, "%s\"%s\"", i ? "," : "", v[i]);
    if (!err)
        err = buf_addc(&b, ']');
    copy = err ? NULL : arena_dup(a, buf_str(&b));
    am_assert(copy);
    buf_release(&b);
    return str_c(copy);
}

static int demo_decision_record(struct demo *m, struct arena *a,
                                const struct json *computed, struct buf *out)
{
    char gst[2][16] = {"GST-RSK", "GST-CS"},
         site[2][24] = {"CHU-RABAT", "CHU-CASABLANCA"};
    char *const gsts[] = {gst[0], gst[1]}, *const where[] = {site[0], site[1]};
    const struct json *groups = json_get(computed, "undemonstrated_groups");
    char *name[256], until[TIME_TEXT];
    size_t n = 0;
    int64_t end;
    for (json_each(it, groups)) {
        if (n < AM_LEN(name))
            name[n++] = arena_dup(a, json_str(it.val));
    }
    if (time_add_iso(time_now() / TIME_SECOND * TIME_SECOND, STR("P12M"), &end))
        return AM_E_INTERNAL;
    {
        const struct demo_sub sub[] = {
            {"at", demo_now(a)},
            {"model_digest", demo_q(a, m->model_hex)},
            {"outcome", demo_q(a, m->outcome)},
            {"level", demo_q(a, m->level)},
            {"gsts", demo_list(a, gsts, 2)},
            {"establishments", demo_list(a, where, 2)},
            {"use_code",
             demo_q(a, arena_dup(a, json_get_str(json_root(m->cohort), "use_code")))},
            {"undemonstrated", demo_list(a, name, n)},
            {"expires", demo_q(a, time_format(end, until))},
            {"policy", demo_q(a, m->policy_hex)},
            {"evidence", demo_list(a, m->evidence.v, m->evidence.n)},
            {"signers",
             str_c(arena_printf(
                 a,
                 "[{\"role\":\"has\",\"org_id\":\"HAS\",\"key_id\":\"%s\",\"no_"
                 "conflict\":"
                 "true},{\"role\":\"has\",\"org_id\":\"HAS\",\"key_id\":\"%s\","
                 "\"no_conflict\":true}]",
                 demo_actor("has-1")->key_id, demo_actor("has-2")->key_id))}};
        return demo_template("demo/decision.json", sub, AM_LEN(sub), out);
    }
}

static int demo_sign_decision(struct demo *m, const struct json *computed)
{
    static const char *const who[] = {"has-1", "has-2"};
    struct demo_reply r = {0};
    struct arena a;
    struct buf b;
    int err;
    arena_init(&a, (size_t)8 << 20);
    buf_init(&b, 1 << 20);
    err = demo_decision_record(m, &a, computed, &b);
    jw_key(&m->f, "signers");
    jw_arr(&m->f);
    for (size_t i = 0; i < AM_LEN(who) && !err; i++) {
        err = demo_submit(m, LEDGER_DECISION, buf_str(&b), demo_actor(who[i]), &r);
        if (!err)
            demo_say(m,
                     json_str_is(json_get(r.v, "effect"), "in_effect")
                         ? "demo.decide.complete"
                         : "demo.decide.waiting",
                     "who", who[i], "index",
                     demo_int(m, json_int(json_get(r.v, "index"), -1)));
        jw_int(&m->f, json_int(json_get(r.v, "index"), -1));
        demo_reply_release(&r);
    }
    jw_arr_end(&m->f);
    buf_release(&b);
    arena_release(&a);
    return err;
}

static int demo_read_policy(struct demo *m)
{
    struct demo_reply r;
    int err = demo_expect(m, HTTP_GET, m->url, "/api/v1/policy", NULL, STR_NULL, 200, &r);
    if (err)
        return err;
    demo_keep(m->policy_hex, sizeof m->policy_hex, json_get_str(r.v, "sha256"));
    demo_say(m, "demo.decide.policy", "name",
             demo_words(m, json_get(json_get(r.v, "policy"), "name")), "digest",
             demo_short(m->policy_hex));
    demo_say(m, "demo.decide.not_national");
    m->policy = r.doc; /* for the report */
    r.doc = NULL;
    demo_reply_release(&r);
    return AM_OK;
}

int demo_step_decide(struct demo *m)
{
    struct json_doc *doc = NULL;
    int code = 0, err;
    demo_title(m, "demo.decide.title");
    err = demo_read_policy(m);
    if (!err)
        err = demo_follow(m, 1);
    if (!err)
        err = demo_policy_eval(m, &doc, &code);
    if (!err) {
        demo_keep(m->outcome, sizeof m->outcome, json_get_str(json_root(doc), "outcome"));
        demo_keep(m->level, sizeof m->level, json_get_str(json_root(doc), "level"));
        demo_say(m, "demo.decide.computed", "outcome",
                 demo_word(m, "outcome", m->outcome), "level",
                 demo_word(m, "level", m->level));
        for (json_each(it, json_get(json_root(doc), "requirements"))) {
            if (json_str_is(json_get(it.val, "level"), "base"))
                demo_say(
                    m, "demo.decide.row", "id",
                    arena_dup(&m->d.arena, json_get_str(it.val, "id")), "verdict",
                    demo_word(m, "verdict",
                              arena_dup(&m->d.arena, json_get_str(it.val, "verdict"))));
        }
        if (strcmp(m->outcome, "granted") != 0)
            err = demo_fail(m, "policy eval", m->outcome);
    }
    if (!err)
        err = demo_sign_decision(m, json_root(doc));
    json_free(doc);
    doc = NULL;
    if (!err)
        err = demo_follow(m, DEMO_SITES);
    if (!err)
        err = demo_policy_eval(m, &doc, &code);
    if (!err && (code != 0 || !json_bool(json_get(json_root(doc), "equal"), false)))
        err = demo_fail(m, "policy eval", "the recorded verdict is not the computed one");
    if (!err)
        demo_say(m, "demo.decide.recomputed");
    m->verdicts = doc;
    return err ? err : demo_tender(m);
}
