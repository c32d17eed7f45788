/* SPDX-License-Identifier: Apache-2.0 */
/* The national stop, in two steps: first what would stop and for whom, with the order to
 * sign as a file; then the signed order comes back. The signature is the authority: this
 * page has no power of its own. */
#include "base/clock.h"
#include "web/web_site_priv.h"

struct order {
    uint8_t digest[32];
    char hex[CRYPTO_HEX], role[16], org[LEDGER_ID_MAX], motive[64];
    int64_t at;
};

static const char *const stoppers[] = {"has", "msps", "cndp"}; /* lifecycle.md, 7 */

static bool plain_code(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-",
                    s.p[i]) ||
            !s.p[i])
            return false;
    return s.n > 0 && s.n < LEDGER_ID_MAX - 1;
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
    for (size_t i = 0; i < AM_LEN(stoppers); i++)
        if (str_eqc(role, stoppers[i]))
            snprintf(o->role, sizeof o->role, "%s", stoppers[i]);
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
    jw_kstrz(&w, "scope", "national");
    jw_kstrz(&w, "model_digest", o->hex);
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
    for (size_t i = 0; i < ledger_deployments(l); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        if (memcmp(p->model_digest, x->digest, 32) != 0)
            continue;
        jw_obj(w);
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
    buf_init(&payload, 1 << 16);
    int err = order_payload(o, json_get_str(facts, "type_base"), &payload, &v->d);
    if (!err) {
        crypto_sha256(buf_str(&payload), digest);
        jw_kstrz(&v->w, "payload", crypto_hex(digest, sizeof digest, hex));
        jw_key(&v->w, "download");
        jw_strf(&v->w, "/models/%s/stop.json?role=%s&org=%s&motive=%s&at=%lld", o->hex,
                o->role, o->org, o->motive, (long long)o->at);
        jw_key(&v->w, "command");
        jw_strf(&v->w, "amane sign stop-%.8s.json --key KEY --out envelope.json", o->hex);
        jw_kbool(&v->w, "ready", true);
    }
    buf_release(&payload);
    return err;
}

static void roles(struct web_visit *v, const struct order *o)
{
    jw_key(&v->w, "roles");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(stoppers); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "role", stoppers[i]);
        jw_kbool(&v->w, "checked", !strcmp(stoppers[i], o->role));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
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
        jw_kval(&v->w, "deployments", json_get(f, "deployments"));
        jw_kbool(&v->w, "has_deployments", json_size(json_get(f, "deployments")) > 0);
        roles(v, &o);
        jw_kstrz(&v->w, "org", o.org);
        jw_kbool(&v->w, "incomplete", asked && (!o.role[0] || !o.org[0]));
        web_options(&v->w, "motives", v->l, json_root(policy), "motives",
                    str_c(o.motive));
        jw_key(&v->w, "back");
        jw_strf(&v->w, "/models/%s", o.hex);
        if (o.role[0] && o.org[0])
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
    if (!err && (!o.role[0] || !o.org[0]))
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
