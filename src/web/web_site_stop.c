/* SPDX-License-Identifier: Apache-2.0 */
/* A stop from the registry, national or narrower, in two steps: first what would stop and
 * for whom, with the order to sign as a file; then the signed order comes back. The
 * signature is the authority: this page has no power of its own. */
#include "base/clock.h"
#include "web/web_site_priv.h"

struct order {
    uint8_t digest[32];
    char hex[CRYPTO_HEX], role[16], org[LEDGER_ID_MAX], motive[64];
    char gst[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX], service[LEDGER_ID_MAX];
    enum ledger_scope scope;
    int64_t at;
};

/* lifecycle.md, 7. A patient's stop names nobody in public: it is made on the node. */
static const struct {
    enum ledger_scope scope;
    const char *role[8];
} stoppers[] = {
    {LEDGER_STOP_NATIONAL, {"has", "msps", "cndp"}},
    {LEDGER_STOP_REGION, {"gst"}},
    {LEDGER_STOP_ESTABLISHMENT, {"director", "dsi", "dim", "dpo", "rssi", "quality"}},
    {LEDGER_STOP_SERVICE,
     {"physician", "nurse", "pharmacist", "lab_technician", "clinical_lead"}},
};

static const char *const *roles_of(enum ledger_scope scope)
{
    for (size_t i = 0; i < AM_LEN(stoppers); i++)
        if (stoppers[i].scope == scope)
            return stoppers[i].role;
    return stoppers[0].role;
}

static bool plain_code(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-",
                    s.p[i]) ||
            !s.p[i])
            return false;
    return s.n > 0 && s.n < LEDGER_ID_MAX - 1;
}

static void read_code(struct web_visit *v, const char *name, char out[LEDGER_ID_MAX])
{
    struct str s = http_query(v->req, name);
    if (plain_code(s))
        snprintf(out, LEDGER_ID_MAX, "%.*s", STR_FMT(s));
}

/* Is everything said that an order of this scope says? */
static bool complete(const struct order *o)
{
    return o->role[0] && o->org[0] && (o->scope != LEDGER_STOP_REGION || o->gst[0]) &&
           (o->scope == LEDGER_STOP_REGION || o->scope == LEDGER_STOP_NATIONAL ||
            o->establishment[0]) &&
           (o->scope != LEDGER_STOP_SERVICE || o->service[0]);
}

static bool covers(const struct order *o, const struct ledger_deployment *p)
{
    bool service = o->scope != LEDGER_STOP_SERVICE || !o->service[0];
    for (size_t i = 0; i < p->service.n && !service; i++)
        service = !strcmp(o->service, p->service.v[i]);
    return service && (!o->gst[0] || !strcmp(o->gst, p->gst)) &&
           (!o->establishment[0] || !strcmp(o->establishment, p->establishment));
}

/* What the address says; the role and the instant are always set. */
static int read_order(struct web_visit *v, struct order *o)
{
    struct str role = http_query(v->req, "role"), org = http_query(v->req, "org"),
               motive = http_query(v->req, "motive"), at = http_query(v->req, "at");
    *o = (struct order){.at = v->now / TIME_SECOND * TIME_SECOND};
    if (crypto_unhex(v->arg, o->digest, sizeof o->digest))
        return AM_E_NOTFOUND;
    crypto_hex(o->digest, sizeof o->digest, o->hex);
    o->scope = LEDGER_STOP_NATIONAL;
    for (size_t i = 0; i < AM_LEN(stoppers); i++)
        if (str_eqc(http_query(v->req, "scope"), ledger_scope_name(stoppers[i].scope)))
            o->scope = stoppers[i].scope;
    for (const char *const *r = roles_of(o->scope); *r; r++)
        if (str_eqc(role, *r))
            snprintf(o->role, sizeof o->role, "%s", *r);
    if (o->scope == LEDGER_STOP_REGION)
        read_code(v, "gst", o->gst);
    if (o->scope == LEDGER_STOP_ESTABLISHMENT || o->scope == LEDGER_STOP_SERVICE)
        read_code(v, "establishment", o->establishment);
    if (o->scope == LEDGER_STOP_SERVICE)
        read_code(v, "service", o->service);
    if (plain_code(org))
        snprintf(o->org, sizeof o->org, "%.*s", STR_FMT(org));
    if (plain_code(motive))
        snprintf(o->motive, sizeof o->motive, "%.*s", (int)AM_MIN(motive.n, 63),
                 motive.p);
    int64_t said;
    if (str_int(at, 0, INT64_MAX, &said) == AM_OK && said <= v->now &&
        v->now - said < TIME_DAY)
        o->at = said;
    return AM_OK;
}

static int order_payload(const struct order *o, struct str type_base, struct buf *payload,
                         struct diag *d)
{
    char at[TIME_TEXT];
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    time_format(o->at, at);
    jw_obj(&w);
    jw_kstrz(&w, "type", "stop");
    jw_kstrz(&w, "issued_at", at);
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", o->role);
    jw_kstrz(&w, "org_id", o->org);
    jw_obj_end(&w);
    jw_kstrz(&w, "scope", ledger_scope_name(o->scope));
    jw_kstrz(&w, "model_digest", o->hex);
    if (o->gst[0])
        jw_kstrz(&w, "gst", o->gst);
    if (o->establishment[0])
        jw_kstrz(&w, "establishment", o->establishment);
    if (o->service[0])
        jw_kstrz(&w, "service", o->service);
    if (o->motive[0])
        jw_kstrz(&w, "motive_code", o->motive);
    jw_kstrz(&w, "effect_at", at);
    jw_obj_end(&w);
    int err = jw_done(&w);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), type_base, payload, d);
    json_free(doc);
    buf_release(&b);
    return err;
}

/* ---- what would stop
 * ---------------------------------------------------------------- */
static int stop_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    const struct order *o = arg;
    const struct ledger_version *x = ledger_version_find(l, o->digest);
    char hex[CRYPTO_HEX];
    (void)cosigned;
    if (!x)
        return AM_E_NOTFOUND;
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    jw_key(w, "version");
    ledger_version_json(l, x, v->now, w);
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    jw_key(w, "deployments");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, LEDGER_DEPLOYMENTS_OF_MODEL,
                                      ledger_model_name(x->digest));
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_DEPLOYMENTS_OF_MODEL, i)) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        jw_obj(w);
        jw_kbool(w, "covered", covers(o, p));
        jw_key(w, "services");
        jw_arr(w);
        for (size_t k = 0; k < p->service.n; k++)
            jw_strz(w, p->service.v[k]);
        jw_arr_end(w);
        jw_kstrz(w, "establishment", p->establishment);
        jw_kstrz(w, "gst", p->gst);
        jw_kstrz(w, "effective", ledger_p_name(ledger_effective(l, p, v->now)));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

static int model_words(struct web_visit *v, const struct json *facts, struct buf *name)
{
    struct web_statement a = {0};
    int err = json_get_str(facts, "algorithm").n
                  ? web_statement(v, facts, json_get_str(facts, "algorithm"), &a)
                  : AM_OK;
    if (!err)
        err = web_model_name(name, v->l, a.s.record, json_get(facts, "version"));
    web_statement_release(&a);
    return err;
}

static int second_step(struct web_visit *v, const struct order *o,
                       const struct json *facts)
{
    uint8_t digest[32];
    char hex[CRYPTO_HEX];
    struct buf payload;
    char payload_url[640];
    buf_init(&payload, 1 << 16);
    snprintf(payload_url, sizeof payload_url,
             "/models/%s/stop.json?scope=%s&gst=%s&establishment=%s&service=%s&role=%s"
             "&org=%s&motive=%s&at=%lld",
             o->hex, ledger_scope_name(o->scope), o->gst, o->establishment, o->service,
             o->role, o->org, o->motive, (long long)o->at);
    int err = order_payload(o, json_get_str(facts, "type_base"), &payload, &v->d);
    if (!err) {
        crypto_sha256(buf_str(&payload), digest);
        jw_kstrz(&v->w, "payload", crypto_hex(digest, sizeof digest, hex));
        jw_key(&v->w, "download");
        jw_strf(&v->w, "%s", payload_url);
        jw_kstrz(&v->w, "payload_url", payload_url);
        jw_kstrz(&v->w, "post_url", "/submit");
        jw_kstr(&v->w, "json", buf_str(&payload));
        jw_key(&v->w, "command");
        jw_strf(&v->w, "amane sign stop-%.8s.json --key KEY --out envelope.json", o->hex);
        jw_kbool(&v->w, "ready", true);
    }
    buf_release(&payload);
    return err;
}

/* Whoever is signed in finds their own role and organisation filled in. */
static void roles(struct web_visit *v, const struct order *o)
{
    const char *own = o->role[0]     ? o->role
                      : v->signed_in ? ledger_role_name(v->who.role)
                                     : "";
    jw_key(&v->w, "roles");
    jw_arr(&v->w);
    for (const char *const *r = roles_of(o->scope); *r; r++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "role", *r);
        jw_kbool(&v->w, "checked", !strcmp(*r, own));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void scopes(struct web_visit *v, const struct order *o)
{
    jw_key(&v->w, "scopes");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(stoppers); i++) {
        const char *name = ledger_scope_name(stoppers[i].scope);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "scope", name);
        jw_key(&v->w, "href");
        jw_strf(&v->w, "/models/%s/stop?scope=%s", o->hex, name);
        jw_kbool(&v->w, "current", stoppers[i].scope == o->scope);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    jw_kstrz(&v->w, "scope", ledger_scope_name(o->scope));
}

static bool told_before(const struct json *list, size_t i, const char *member)
{
    struct str s = json_get_str(json_at(list, i), member);
    for (size_t k = 0; k < i; k++)
        if (str_eq(json_get_str(json_at(list, k), member), s))
            return true;
    return false;
}

static void choice(struct web_visit *v, struct str value, const char *chosen)
{
    jw_obj(&v->w);
    jw_kstr(&v->w, "code", value);
    jw_kbool(&v->w, "selected", str_eqc(value, chosen));
    jw_obj_end(&v->w);
}

/* What can be named: regions, houses and services where the model is. */
static void targets(struct web_visit *v, const struct order *o, const struct json *list)
{
    bool house = o->scope == LEDGER_STOP_ESTABLISHMENT || o->scope == LEDGER_STOP_SERVICE;
    jw_key(&v->w, "gsts");
    jw_arr(&v->w);
    for (json_each(it, list))
        if (o->scope == LEDGER_STOP_REGION && !told_before(list, it.i, "gst"))
            choice(v, json_get_str(it.val, "gst"), o->gst);
    jw_arr_end(&v->w);
    jw_key(&v->w, "establishments");
    jw_arr(&v->w);
    for (json_each(it, list))
        if (house && !told_before(list, it.i, "establishment"))
            choice(v, json_get_str(it.val, "establishment"), o->establishment);
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "by_region", o->scope == LEDGER_STOP_REGION);
    jw_kbool(&v->w, "by_house", house);
    jw_kbool(&v->w, "by_service", o->scope == LEDGER_STOP_SERVICE);
    jw_kstrz(&v->w, "service", o->service);
}

static void covered(struct web_visit *v, const struct json *list)
{
    size_t n = 0;
    jw_key(&v->w, "deployments");
    jw_arr(&v->w);
    for (json_each(it, list))
        if (json_bool(json_get(it.val, "covered"), false)) {
            jw_val(&v->w, it.val);
            n++;
        }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "has_deployments", n > 0);
}

int web_page_national_stop(struct web_visit *v)
{
    struct json_doc *facts = NULL, *policy = NULL;
    struct order o;
    struct buf name;
    buf_init(&name, 4096);
    int err = read_order(v, &o);
    if (!err)
        err = web_facts(v, stop_facts, &o, &facts);
    const struct json *f = json_root(facts);
    if (!err)
        err = web_blob(v, json_get_str(f, "policy"), &policy);
    if (!err)
        err = model_words(v, f, &name);
    if (!err) {
        bool asked = http_query(v->req, "org").p != NULL;
        web_open(v);
        jw_kstr(&v->w, "name", buf_str(&name));
        jw_kstrz(&v->w, "digest", o.hex);
        covered(v, json_get(f, "deployments"));
        scopes(v, &o);
        targets(v, &o, json_get(f, "deployments"));
        roles(v, &o);
        jw_kstrz(&v->w, "org", o.org[0] || !v->signed_in ? o.org : v->who.org_id);
        jw_kbool(&v->w, "incomplete", asked && !complete(&o));
        web_options(&v->w, "motives", v->l, json_root(policy), "motives",
                    str_c(o.motive));
        jw_key(&v->w, "back");
        jw_strf(&v->w, "/models/%s", o.hex);
        if (complete(&o))
            err = second_step(v, &o, f);
    }
    if (!err)
        err = web_send(v, 200, "national_stop",
                       (struct web_page){.title_id = "stop.title"});
    json_free(policy);
    json_free(facts);
    buf_release(&name);
    return err;
}

int web_page_stop_payload(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    struct order o;
    char name[96];
    int err = read_order(v, &o);
    if (!err && !complete(&o))
        err = AM_E_SYNTAX;
    if (!err)
        err = web_facts(v, stop_facts, &o, &facts);
    if (!err)
        err = order_payload(&o, json_get_str(json_root(facts), "type_base"),
                            &v->resp->body, &v->d);
    if (!err) {
        snprintf(name, sizeof name, "attachment; filename=\"stop-%.8s.json\"", o.hex);
        http_setz(v->req, v->resp, "Content-Type", "application/vnd.in-toto+json");
        http_setz(v->req, v->resp, "Content-Disposition", name);
    }
    json_free(facts);
    return err;
}
