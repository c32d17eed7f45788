/* SPDX-License-Identifier: Apache-2.0 */
/* Stored hostile texts: every text the schemas leave free, of every kind of record and
 * every type of event, holds markup, a formula and a mark of its own. The records go
 * straight into the log; then every public page in three languages, the desk's, the
 * author's, the feeds, the tables and the cards are read. The walk follows the schemas: a
 * new field is covered when it is there. The version is a change inside the plan of
 * another (V20), labelled under a policy of this test. */
#include "api/api_test_support.h"
#include "web/web.h"

#define ATTACK "=1+1\"'><script>alert(1)</script><img src=x onerror=a()>{{csrf}}"
#define SHORT  "\"'><b>"
enum { MARKS = 2000, MARK = 9, PAGE_MAX = 16 << 20 };

static struct t t;
static struct api *a;
static struct web_site *site;
static struct {
    char path[120];
    bool seen;
} mark[MARKS];
static size_t marks;
static const char *const lang[] = {"fr", "ar", "en"};

/* ---- a record out of its schema ------------------------------------------------------
 */
struct maker {
    const struct json *root;
    struct jw *w;
    const char *kind;
};

static const struct json *deref(const struct maker *m, const struct json *s)
{
    for (int i = 0; i < 8 && json_get_str(s, "$ref").n; i++) {
        struct str ref = json_get_str(s, "$ref");
        s = json_pointer(m->root, str_sub(ref, 1, ref.n));
    }
    return s;
}

static bool is_free(const struct json *s)
{
    return json_str_is(json_get(s, "type"), "string") && !json_get(s, "pattern") &&
           !json_get(s, "enum") && !json_get(s, "format") && !json_get(s, "const");
}

/* A hostile text of at most `room` bytes, with a mark of its own. */
static void hostile(struct maker *m, const char *path, int64_t room)
{
    assert_true(marks < MARKS);
    snprintf(mark[marks].path, sizeof mark[marks].path, "%s%s", m->kind, path);
    jw_strf(m->w, "%szq%04zuqz", room >= (int64_t)strlen(ATTACK) + MARK ? ATTACK : SHORT,
            marks);
    marks++;
}

static void put(struct maker *m, const struct json *schema, const struct json *v,
                const char *path, int depth);

static bool left_out(struct str key)
{
    static const char *const no[] = {
        "supersedes", "previous_version", "model_signature", "fhir_twin", "na", "sbom"};
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (str_eqc(key, no[i]))
            return true;
    return false;
}

static void put_object(struct maker *m, const struct json *s, const struct json *v,
                       const char *path, int depth)
{
    const struct json *props = json_get(s, "properties"),
                      *more = json_get(s, "additionalProperties");
    char under[160];
    jw_obj(m->w);
    for (json_each(it, v)) {
        snprintf(under, sizeof under, "%s/%.*s", path, (int)AM_MIN(it.key.n, 60),
                 it.key.p);
        jw_keyn(m->w, it.key);
        if (str_eqc(it.key, "issued_at")) {
            char at[TIME_TEXT];
            jw_strz(m->w, time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
        } else {
            put(m, json_getn(props, it.key), it.val, under, depth + 1);
        }
    }
    for (json_each(it, props)) {
        if (json_getn(v, it.key) || left_out(it.key) ||
            json_type(it.val) != JSON_OBJECT ||
            (json_get(v, "na") && !json_getn(v, it.key)))
            continue;
        snprintf(under, sizeof under, "%s/%.*s", path, (int)AM_MIN(it.key.n, 60),
                 it.key.p);
        jw_keyn(m->w, it.key);
        put(m, it.val, NULL, under, depth + 1);
    }
    if (json_type(more) == JSON_OBJECT) { /* names are texts, too */
        char name[128];
        snprintf(name, sizeof name, "%szq%04zuqz", ATTACK, marks);
        snprintf(mark[marks++].path, sizeof mark[0].path, "%s%s/*", m->kind, path);
        jw_key(m->w, name);
        if (json_str_is(json_at(json_get(more, "type"), 0), "string"))
            hostile(m, path, 4000);
        else
            put(m, more, NULL, path, depth + 1);
    }
    jw_obj_end(m->w);
}

static void put_string(struct maker *m, const struct json *s, const struct json *v,
                       const char *path)
{
    struct str pattern = json_get_str(s, "pattern");
    if (is_free(s))
        hostile(m, path, json_int(json_get(s, "maxLength"), 4000));
    else if (v)
        jw_val(m->w, v);
    else if (json_get(s, "const"))
        jw_val(m->w, json_get(s, "const"));
    else if (str_eqc(pattern, "^[0-9a-f]{64}$"))
        jw_strf(m->w, "%064d", 1);
    else if (json_str_is(json_get(s, "format"), "date"))
        jw_strz(m->w, "2026-01-01");
    else if (json_str_is(json_get(s, "format"), "date-time"))
        jw_strz(m->w, "2026-01-01T00:00:00Z");
    else
        jw_strz(m->w, "CODE1");
}

static void put(struct maker *m, const struct json *schema, const struct json *v,
                const char *path, int depth)
{
    const struct json *s = deref(m, schema), *type = json_get(s, "type");
    char under[160];
    if (!v && json_get(s, "else"))
        s = deref(m, json_get(s, "else")), type = json_get(s, "type");
    if (depth > 12 || (!s && v)) {
        jw_val(m->w, v);
    } else if (!v && json_get(s, "enum")) {
        jw_val(m->w, json_at(json_get(s, "enum"), 0));
    } else if (json_get(s, "properties") || json_str_is(type, "object")) {
        put_object(m, s, v, path, depth);
    } else if (json_str_is(type, "array")) {
        size_t n = json_size(v);
        jw_arr(m->w);
        for (size_t i = 0; i < AM_MAX(n, 1); i++) {
            snprintf(under, sizeof under, "%s/%zu", path, i);
            if (n || json_type(json_get(s, "items")) == JSON_OBJECT)
                put(m, json_get(s, "items"), json_at(v, i), under, depth + 1);
        }
        jw_arr_end(m->w);
    } else if (json_str_is(type, "string") || json_get(s, "const")) {
        put_string(m, s, v, path);
    } else if (v) {
        jw_val(m->w, v);
    } else if (json_str_is(type, "boolean")) {
        jw_bool(m->w, true);
    } else {
        jw_int(m->w, json_int(json_get(s, "minimum"), 1));
    }
}

static struct json_doc *schema(const char *kind)
{
    char path[64];
    const struct embed_file *f;
    struct json_doc *doc;
    snprintf(path, sizeof path, "schema/%s-1.json", kind);
    f = embed_find(path);
    assert_non_null(f);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    return doc;
}

/* ---- straight into the log ------------------------------------------------------------
 */
static uint64_t log_it(enum ledger_kind kind, enum t_who who, struct str record)
{
    struct buf payload, pae, sig, spki, leaf;
    struct json_doc *doc;
    uint8_t digest[32];
    uint64_t index;
    buf_init(&payload, 4 << 20);
    buf_init(&pae, 5 << 20);
    buf_init(&sig, 256);
    buf_init(&spki, 512);
    buf_init(&leaf, TLOG_ENTRY_MAX);
    assert_ok(json_parse(&doc, record, NULL, NULL));
    assert_ok(ledger_statement(kind, json_root(doc), STR(T_BASE), &payload, NULL));
    assert_ok(ledger_pae(buf_str(&payload), &pae));
    assert_ok(crypto_sign(t.key[who], buf_str(&pae), &sig));
    assert_ok(crypto_key_spki(t.key[who], &spki));
    assert_ok(blob_put(registry_blobs(t.r), buf_str(&payload), digest));
    assert_ok(ledger_leaf(digest, buf_str(&sig), buf_str(&spki), &leaf));
    assert_ok(tlog_append(registry_log(t.r), buf_str(&leaf), &index));
    json_free(doc);
    buf_release(&leaf);
    buf_release(&spki);
    buf_release(&sig);
    buf_release(&pae);
    buf_release(&payload);
    return index;
}

static void poison(enum ledger_kind kind, struct str good, struct buf *out)
{
    struct json_doc *s = schema(ledger_kind_name(kind)), *doc;
    struct maker m = {.root = json_root(s), .kind = ledger_kind_name(kind)};
    struct jw w;
    jw_init(&w, out);
    m.w = &w;
    assert_ok(json_parse(&doc, good, NULL, NULL));
    put_object(&m, m.root, json_root(doc), "", 0);
    assert_ok(jw_done(&w));
    json_free(doc);
    json_free(s);
}

static uint64_t poisoned(enum ledger_kind kind, enum t_who who, struct str good)
{
    uint64_t index;
    struct buf b;
    buf_init(&b, 4 << 20);
    poison(kind, good, &b);
    index = log_it(kind, who, buf_str(&b));
    buf_release(&b);
    return index;
}

/* ---- the version changed -------------------------------------------------------------
 */
#define SEALED "5ea1ed00000000000000000000000000000000000000000000000000000000ff"
static char parent_file[CRYPTO_HEX], parent_hex[CRYPTO_HEX], policy_hex[CRYPTO_HEX],
    evidence_hex[CRYPTO_HEX];

/* {head of who, members}, logged; more: who signs the same, or who itself. */
static void say(enum ledger_kind kind, enum t_who who, enum t_who more, const char *fmt,
                ...) AM_PRINTF(4, 5);
static void say(enum ledger_kind kind, enum t_who who, enum t_who more, const char *fmt,
                ...)
{
    uint8_t payload[32];
    struct buf b, entry;
    struct ledger_leaf_view leaf;
    uint64_t index;
    va_list ap;
    buf_init(&b, 1 << 20);
    buf_init(&entry, TLOG_ENTRY_MAX);
    t_addf(&b, "{");
    t_head(&b, who);
    t_addf(&b, ",");
    va_start(ap, fmt);
    assert_ok(buf_addv(&b, fmt, ap));
    va_end(ap);
    t_addf(&b, "}");
    index = log_it(kind, who, buf_str(&b));
    if (more != who)
        (void)log_it(kind, more, buf_str(&b));
    if (kind == LEDGER_EVIDENCE) {
        assert_ok(tlog_entry(registry_log(t.r), index, &entry));
        assert_ok(ledger_leaf_parse(buf_str(&entry), &leaf));
        memcpy(payload, leaf.payload_sha256, 32);
        crypto_hex(payload, 32, evidence_hex);
        ledger_leaf_release(&leaf);
    }
    buf_release(&entry);
    buf_release(&b);
}

static void copy_but(struct jw *w, const struct json *o, const char *const *but)
{
    for (json_each(it, o)) {
        bool left = false;
        for (size_t i = 0; but[i]; i++)
            left |= str_eqc(it.key, but[i]);
        if (left)
            continue;
        jw_keyn(w, it.key);
        jw_val(w, it.val);
    }
}

/* Two rows, one of which a retraining does not run again; one commissioner grants; all
 * that can be waived is. */
static void lax_policy(struct buf *out)
{
    static const char *const root[] = {"matrix", "signing", "waived", NULL},
                             *const matrix[] = {"rows", NULL}, *const none[] = {NULL};
    const struct embed_file *f = embed_find("policy/demo-1.json");
    struct json_doc *doc;
    struct jw w;
    assert_non_null(f);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    jw_init(&w, out);
    jw_obj(&w);
    copy_but(&w, json_root(doc), root);
    jw_key(&w, "waived");
    jw_arr(&w);
    for (unsigned i = 0; ledger_guard_waivable(i); i++)
        jw_strz(&w, ledger_guard_waivable(i));
    jw_arr_end(&w);
    jw_key(&w, "signing");
    jw_obj(&w);
    copy_but(&w, json_get(json_root(doc), "signing"), none);
    jw_key(&w, "V7.intermediate");
    jw_raw(&w, STR("[{\"role\":\"has\",\"function\":\"commissioner\",\"count\":1}]"));
    jw_obj_end(&w);
    jw_key(&w, "matrix");
    jw_obj(&w);
    copy_but(&w, json_get(json_root(doc), "matrix"), matrix);
    jw_key(&w, "rows");
#define ROW(id, family, param)                                                           \
    "{\"id\":\"" id "\",\"family\":\"" family                                            \
    "\",\"level\":{\"base\":\"gate\",\"intermediate\":\"gate\",\"advanced\":\"gate\"},"  \
    "\"limits\":[{\"param\":\"" param "\",\"op\":\"ge\",\"value\":0.5,\"levels\":["      \
    "\"base\",\"intermediate\",\"advanced\"],"                                           \
    "\"origin\":\"S\"}],\"origin\":\"S\"}"
    jw_raw(&w, STR("[" ROW("PF-1", "performance", "auc") "," ROW("CY-1", "cybersecurity",
                                                                 "tls") "]"));
    jw_obj_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    json_free(doc);
}

static int policy_now(void *arg, const struct ledger *l, uint64_t cosigned)
{
    uint8_t digest[32];
    (void)cosigned;
    ledger_policy_digest(l, digest);
    crypto_hex(digest, 32, arg);
    return AM_OK;
}

static void change_policy(void)
{
    char was[CRYPTO_HEX];
    uint8_t digest[32];
    struct buf b;
    buf_init(&b, 4 << 20);
    lax_policy(&b);
    assert_ok(registry_view(t.r, policy_now, was));
    assert_ok(blob_put(registry_blobs(t.r), buf_str(&b), digest));
    crypto_hex(digest, 32, policy_hex);
    say(LEDGER_EVENT, T_MSPS, T_HAS1,
        "\"type\":\"policy_change\",\"previous_sha256\":\"%s\",\"policy_sha256\":\"%s\","
        "\"reason\":\"r\"",
        was, policy_hex);
    buf_release(&b);
}

/* The same record, of other weights: what a change inside a plan keeps is kept. */
static void log_parent(struct str child)
{
    static const char *const but[] = {"planned_change",
                                      "previous_version",
                                      "version_label",
                                      "model_digest",
                                      "canonical_weight_hash",
                                      "artifacts",
                                      NULL};
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    buf_init(&b, 4 << 20);
    assert_ok(json_parse(&doc, child, NULL, NULL));
    jw_init(&w, &b);
    jw_obj(&w);
    copy_but(&w, json_root(doc), but);
    jw_kstrz(&w, "version_label", "1.0.0");
    jw_kstrz(&w, "model_digest", parent_hex);
    jw_kstrz(&w, "canonical_weight_hash", parent_file);
    jw_key(&w, "artifacts");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "path", "model.json");
    jw_kstrz(&w, "role", "weights");
    jw_kint(&w, "size", 1);
    jw_kstrz(&w, "sha256", parent_file);
    jw_kstrz(&w, "media_type", "application/json");
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    (void)log_it(LEDGER_VERSION, T_VENDOR, buf_str(&b));
    json_free(doc);
    buf_release(&b);
}

#define MEASURE(row, name)                                                               \
    "{\"row\":\"" row "\",\"name\":\"" name                                              \
    "\",\"group\":\"\",\"threshold\":null,\"estimate\":0.9,\"ci95_low\":0.85,"           \
    "\"ci95_high\":0.95,\"ci_method\":\"delong\",\"n\":400,\"positives\":180,"           \
    "\"seed\":\"1\"}"
static void label_parent(void)
{
    char now[TIME_TEXT], until[TIME_TEXT];
    int64_t at = time_now() / TIME_SECOND * TIME_SECOND;
    say(LEDGER_EVENT, T_DESK, T_DESK,
        "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":\"admissible\","
        "\"pointers\":[]",
        parent_hex);
    say(LEDGER_EVENT, T_RAPPORTEUR, T_RAPPORTEUR,
        "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
        "\"bench_operator\":\"%s\",\"requested_level\":\"intermediate\",\"sealed_data\":"
        "[\"" SEALED "\"],\"no_conflict\":true",
        parent_hex, t.id[T_RAPPORTEUR], t.id[T_BENCH]);
    say(LEDGER_EVIDENCE, T_BENCH, T_BENCH,
        "\"family\":\"performance\",\"rows\":[\"PF-1\",\"CY-1\"],\"model_digest\":\"%s\","
        "\"dataset\":{\"na\":\"r\"},\"measures\":[" MEASURE("PF-1", "auc") "," MEASURE(
            "CY-1", "tls") "]",
        parent_hex);
    say(LEDGER_DECISION, T_HAS1, T_HAS1,
        "\"model_digest\":\"%s\",\"outcome\":\"granted\",\"requested_level\":"
        "\"intermediate\",\"label_level\":\"intermediate\",\"scope\":{\"gst\":[],"
        "\"establishments\":[],\"uses\":[\"CARDIO-RISK\"],\"undemonstrated_groups\":[]},"
        "\"decided_at\":\"%s\",\"expires_at\":\"%s\",\"conditions\":[],"
        "\"policy_sha256\":\"%s\",\"evidence\":[\"%s\"],\"outcome_computed\":\"granted\","
        "\"reason\":\"r\",\"signers\":[{\"role\":\"has\",\"org_id\":\"HAS\",\"key_id\":"
        "\"%s\",\"no_conflict\":true}]",
        parent_hex, time_format(at, now), time_format(at + 300 * TIME_DAY, until),
        policy_hex, evidence_hex, t.id[T_HAS1]);
}

/* The version of the support, as a change of another: that one first, labelled. */
static void versions(struct buf *child)
{
    uint8_t weights[32], root[32];
    struct buf good;
    buf_init(&good, 1 << 20);
    crypto_sha256(STR("the weights before"), weights);
    crypto_hex(weights, 32, parent_file);
    crypto_sha256((struct str){(const char *)weights, 32}, root);
    crypto_hex(root, 32, parent_hex);
    t_version_record(&t, &good);
    good.n--; /* its brace */
    t_addf(&good,
           ",\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":\"%s\"}}",
           parent_hex);
    {
        struct buf later;
        t_edit(buf_str(&good), "version_label", "\"1.1.0\"", &later);
        poison(LEDGER_VERSION, buf_str(&later), child);
        buf_release(&later);
    }
    log_parent(buf_str(child));
    label_parent();
    (void)log_it(LEDGER_VERSION, T_VENDOR, buf_str(child));
    buf_release(&good);
}

/* One event of each type of the schema; the index of the first. */
static size_t events(uint64_t *index, size_t max)
{
    struct json_doc *s = schema("event");
    size_t n = 0;
    for (json_each(it, json_get(json_root(s), "allOf"))) {
        const struct json *type = json_get(
            json_get(json_get(json_get(it.val, "if"), "properties"), "type"), "const");
        struct maker m = {.root = json_root(s), .kind = "event"};
        const struct json *props = json_get(json_get(it.val, "then"), "properties");
        char at[TIME_TEXT], under[96];
        struct buf b;
        struct jw w;
        if (!type || n == max || json_str_is(type, "genesis"))
            continue;
        buf_init(&b, 1 << 20);
        jw_init(&w, &b);
        m.w = &w;
        jw_obj(&w);
        jw_kstrz(&w, "issued_at",
                 time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
        jw_key(&w, "issuer");
        jw_raw(&w, STR("{\"role\":\"vendor\",\"org_id\":\"OTHER1\"}"));
        jw_kval(&w, "type", type);
        if (!json_get(props, "reason")) {
            snprintf(under, sizeof under, "/%.*s/reason", STR_FMT(json_str(type)));
            jw_key(&w, "reason");
            hostile(&m, under, 4000);
        }
        for (json_each(p, props)) {
            if (json_type(p.val) != JSON_OBJECT || str_eqc(p.key, "type"))
                continue;
            snprintf(under, sizeof under, "/%.*s/%.*s", STR_FMT(json_str(type)),
                     (int)AM_MIN(p.key.n, 40), p.key.p);
            jw_keyn(&w, p.key);
            put(&m, p.val, NULL, under, 1);
        }
        jw_obj_end(&w);
        assert_ok(jw_done(&w));
        index[n++] = log_it(LEDGER_EVENT, T_VENDOR2, buf_str(&b));
        buf_release(&b);
    }
    json_free(s);
    return n;
}

/* ---- reading --------------------------------------------------------------------------
 */
static void see(struct str body)
{
    for (size_t i = 0; i + MARK <= body.n; i++)
        if (body.p[i] == 'z' && body.p[i + 1] == 'q') {
            int64_t k;
            if (str_int(str_sub(body, i + 2, i + 6), 0, MARKS - 1, &k) == AM_OK &&
                body.p[i + 6] == 'q' && (size_t)k < marks)
                mark[k].seen = true;
        }
}

static void harmless(const char *url, struct str body)
{
    static const char *const never[] = {"<script>alert", "<img src=x", "\"'>", "<b>zq"};
    if (!str_utf8(body))
        fail_msg("%s is not UTF-8", url);
    for (size_t i = 0; i < AM_LEN(never); i++) {
        const char *hit = strstr(body.p, never[i]);
        if (hit)
            fail_msg("%s: %.60s", url, hit);
    }
    see(body);
}

static void page(const char *url, const char *cookie, int want)
{
    for (size_t l = 0; l < AM_LEN(lang); l++) {
        struct http_field field[2] = {{STR("Accept-Language"), str_c(lang[l])},
                                      {STR("Cookie"), str_c(cookie)}};
        struct http_resp resp = {0};
        struct arena arena;
        struct str query;
        struct http_req req = {.method = HTTP_GET,
                               .method_name = "GET",
                               .body = STR(""),
                               .peer = STR("127.0.0.1"),
                               .header = field,
                               .headers = cookie ? 2 : 1,
                               .id = 1};
        arena_init(&arena, 64 << 20);
        buf_init(&resp.body, PAGE_MAX);
        resp.status = 200;
        req.arena = &arena;
        req.path = str_cut(str_c(url), '?', &query);
        req.query = query.p ? query : STR("");
        assert_ok(web_site_handle(site, &req, &resp));
        if (resp.status != want)
            fail_msg("%s: %d", url, resp.status);
        harmless(url, buf_str(&resp.body));
        buf_release(&resp.body);
        arena_release(&arena);
    }
}

static struct reply ask(const char *path, const char *query)
{
    struct reply r = t_ask(
        a, &(struct ask){.method = HTTP_GET, .path = path, .query = query, .lang = "ar"});
    if (r.status != 200)
        fail_msg("%s?%s: %d", path, query ? query : "", r.status);
    return r;
}

static void sign_in(enum ledger_role role, const char *org, char cookie[160])
{
    struct auth_account who = {.role = role};
    char token[AUTH_TOKEN];
    int64_t id;
    snprintf(who.login, sizeof who.login, "%s", ledger_role_name(role));
    snprintf(who.org_id, sizeof who.org_id, "%s", org);
    snprintf(who.function, sizeof who.function, "%s",
             role == LEDGER_MSPS ? "registry_desk" : "");
    snprintf(who.lang, sizeof who.lang, "fr");
    assert_ok(auth_account_create(registry_auth(t.r), &who, STR("a long password of it"),
                                  &id, NULL));
    assert_ok(auth_login(registry_auth(t.r), str_c(who.login),
                         STR("a long password of it"), STR("127.0.0.1"), time_now(),
                         token));
    snprintf(cookie, 160, "amane_session=%s", token);
}

/* ---- the world ------------------------------------------------------------------------
 */
static struct buf version_text;
static uint64_t event_index[64], first_index;
static size_t event_n;

static int inside_a_plan(void *arg, const struct ledger *l, uint64_t cosigned)
{
    const struct ledger_version *v;
    struct ledger_change c;
    uint8_t digest[32];
    (void)cosigned;
    assert_ok(crypto_unhex(str_c(t.model_hex), digest, 32));
    v = ledger_version_find(l, digest);
    for (uint64_t i = first_index - 2; !v && i < ledger_size(l); i++)
        print_error("%llu: %s\n", (unsigned long long)i, ledger_outcome(l, i)->code);
    assert_non_null(v);
    *(bool *)arg = ledger_change(l, v, time_now(), &c) && !*c.why &&
                   c.parent->level == LEDGER_INTERMEDIATE;
    return AM_OK;
}

static int setup(void **state)
{
    struct buf b;
    uint8_t digest[32];
    bool inside = false;
    (void)state;
    t_begin(&t);
    t_registry(&t);
    assert_ok(web_init(NULL));
    assert_ok(api_new_registry(&a, t.r));
    assert_ok(web_site_registry(&site, t.r));
    buf_init(&b, 1 << 20);
    buf_init(&version_text, 4 << 20);
    t_algorithm_record(&t, &b);
    change_policy();
    first_index = poisoned(LEDGER_ALGORITHM, T_VENDOR, buf_str(&b));
    assert_ok(blob_put(registry_blobs(t.r), buf_str(&t.model), digest));
    versions(&version_text);
    poisoned(LEDGER_EVIDENCE, T_BENCH, STR("{}"));
    poisoned(LEDGER_DECISION, T_HAS1, STR("{}"));
    poisoned(LEDGER_DEPLOYMENT, T_VENDOR2, STR("{}"));
    event_n = events(event_index, AM_LEN(event_index));
    t_grant(&t, T_STRANGER); /* what was appended is folded */
    assert_ok(registry_view(t.r, inside_a_plan, &inside));
    assert_true(inside);
    buf_release(&b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&version_text);
    web_site_free(site);
    api_free(a);
    web_release();
    t_end(&t);
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------
 */
static void no_page_runs_what_a_record_holds(void **state)
{
    static const char *const plain[] = {
        "/",          "/stops",  "/vigilance", "/warnings",  "/escrow",
        "/sandboxes", "/tender", "/verify",    "/witnesses", "/suppliers/DEMOAI",
        "/submit",    "/key",    "/?q=alert"};
    static const char *const of_model[] = {"", "?all=1", "/record", "/evidence", "/stop"};
    char url[256];
    (void)state;
    for (size_t i = 0; i < AM_LEN(plain); i++)
        page(plain[i], NULL, 200);
    for (size_t i = 0; i < AM_LEN(of_model); i++) {
        snprintf(url, sizeof url, "/models/%s%s", t.model_hex, of_model[i]);
        page(url, NULL, 200);
    }
    for (size_t i = 0; i < AM_LEN(of_model); i++) {
        snprintf(url, sizeof url, "/models/%s%s", parent_hex, of_model[i]);
        page(url, NULL, 200);
    }
    snprintf(url, sizeof url, "/tender?products=%s+%s&use=CARDIO-RISK&opens=2027-01-01",
             t.model_hex, parent_hex);
    page(url, NULL, 200);
    for (uint64_t i = first_index; i <= event_index[event_n - 1]; i++) {
        snprintf(url, sizeof url, "/statements/%llu", (unsigned long long)i);
        page(url, NULL, 200);
    }
    assert_true(event_n > 30 && marks > 200);
}

static void nor_does_the_desk_or_the_author(void **state)
{
    static const char *const section[] = {"identity", "use",        "model", "data",
                                          "safety",   "evaluation", "frame"};
    char msps[160], vendor[160], url[256];
    struct registry_draft d;
    (void)state;
    sign_in(LEDGER_MSPS, "MSPS", msps);
    sign_in(LEDGER_VENDOR, "DEMOAI", vendor);
    snprintf(url, sizeof url, "/commission/%s", t.model_hex);
    page(url, msps, 200);
    page("/commission", msps, 200);
    snprintf(url, sizeof url, "/models/%s/end", t.model_hex);
    page(url, msps, 200);
    assert_ok(registry_draft_new(t.r, LEDGER_VERSION, STR("DEMOAI"),
                                 buf_str(&version_text), &d, NULL));
    page("/files", vendor, 200);
    for (size_t i = 0; i < AM_LEN(section); i++) {
        snprintf(url, sizeof url, "/files/%s?s=%s&check=1", d.id, section[i]);
        page(url, vendor, 200);
    }
}

static void feeds_and_cards_are_harmless(void **state)
{
    static const char *const feed[] = {"/feeds/decisions.atom", "/feeds/stops.atom",
                                       "/feeds/decisions.rss", "/feeds/stops.rss"};
    char path[160];
    struct reply r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(feed); i++) {
        r = ask(feed[i], NULL);
        harmless(feed[i], buf_str(&r.resp.body));
        t_done(&r);
    }
    snprintf(path, sizeof path, "/api/v1/versions/%s/card", t.model_hex);
    r = ask(path, "format=chai");
    harmless("chai", buf_str(&r.resp.body));
    t_done(&r);
    r = ask(path, "format=annex8"); /* JSON: quotes are escaped, and it is no page */
    assert_non_null(r.doc);
    assert_true(str_starts(t_header(&r, "Content-Type"), STR("application/json")));
    t_done(&r);
}

/* A cell begins with none of = + - @: a spreadsheet would run it. */
static void no_cell_of_a_table_is_a_formula(void **state)
{
    struct reply r = ask("/api/v1/export/versions.csv", NULL);
    const char *p = r.resp.body.p;
    size_t cells = 0, guarded = 0;
    (void)state;
    for (size_t i = 0; i + 1 < r.resp.body.n; i++)
        if ((i == 0 || p[i - 1] == ',' || p[i - 1] == '\n') && p[i] == '"') {
            cells++;
            guarded += p[i + 1] == '\'';
            if (strchr("=+-@\t", p[i + 1]))
                fail_msg("%.40s", p + i);
        }
    assert_true(cells > 10 && guarded >= 3); /* the name, three times */
    see(buf_str(&r.resp.body));
    t_done(&r);
}

static void every_hostile_text_was_shown_somewhere(void **state)
{
    size_t unseen = 0;
    (void)state;
    for (size_t i = 0; i < marks; i++)
        if (!mark[i].seen && !strstr(mark[i].path, "vigilance") &&
            !strstr(mark[i].path, "escrow_receipt")) { /* shown to those concerned */
            print_error("%s was looked for in vain\n", mark[i].path);
            unseen++;
        }
    print_message("%zu texts\n", marks);
    assert_int_equal(unseen, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_page_runs_what_a_record_holds),
        cmocka_unit_test(nor_does_the_desk_or_the_author),
        cmocka_unit_test(feeds_and_cards_are_harmless),
        cmocka_unit_test(no_cell_of_a_table_is_a_formula),
        cmocka_unit_test(every_hostile_text_was_shown_somewhere),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
