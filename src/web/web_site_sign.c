/* SPDX-License-Identifier: Apache-2.0 */
/* One text to sign, in words: what it says, what it does, who must sign, who has, who may
 * not and why; and the door for the signature. The signature is the authority: an
 * envelope is taken from anybody, as on /submit, but only over this very payload. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* ---- the payload and what stands around it
 * ----------------------------------------- */
struct signing_page {
    uint8_t sha256[32];
    struct buf payload;
    struct registry_proposal p;
    bool proposed;
    struct json_doc *facts, *policy; /* policy: for the words of a motive */
    struct ledger_statement_view s;
};

static int signing_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    struct signing_page *g = arg;
    (void)cosigned;
    return ledger_signing_json(l, buf_str(&g->payload), w, &v->d);
}

static void signing_release(struct signing_page *g)
{
    ledger_statement_release(&g->s);
    json_free(g->policy);
    json_free(g->facts);
    buf_release(&g->payload);
}

/* A proposal is for those who sign and those who audit; what the log has is public. */
static int signing_payload(struct web_visit *v, struct signing_page *g)
{
    int err;
    if (crypto_unhex(v->arg, g->sha256, sizeof g->sha256))
        return AM_E_NOTFOUND;
    err = registry_proposal_get(v->site->registry, g->sha256, &g->p, &g->payload);
    g->proposed = !err;
    if (!err && !auth_may(&v->who, AUTH_PROPOSE) && v->who.role != LEDGER_AUDITOR)
        return AM_E_FORBIDDEN;
    if (!err && !registry_reads_proposal(v->site->registry, &v->who, g->p.by_org,
                                         buf_str(&g->payload)))
        return AM_E_NOTFOUND; /* a case or a deposit of others */
    if (err != AM_E_NOTFOUND)
        return err;
    if (registry_blob_class(v->site->registry, g->sha256) != REGISTRY_BLOB_PUBLIC)
        return AM_E_NOTFOUND;
    return blob_get(v->site->blobs, g->sha256, &g->payload);
}

static int motives(struct web_visit *v, struct signing_page *g)
{
    char hex[CRYPTO_HEX];
    pthread_mutex_lock(&v->site->lock);
    crypto_hex(v->site->policy, sizeof v->site->policy, hex);
    pthread_mutex_unlock(&v->site->lock);
    int err = web_blob(v, str_c(hex), &g->policy);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int signing_open(struct web_visit *v, struct signing_page *g)
{
    int err;
    *g = (struct signing_page){0};
    buf_init(&g->payload, WEB_PAYLOAD_MAX);
    err = signing_payload(v, g);
    if (!err)
        err = web_facts(v, signing_facts, g, &g->facts);
    if (!err)
        err = ledger_statement_parse(buf_str(&g->payload),
                                     json_get_str(json_root(g->facts), "type_base"),
                                     &g->s, &v->d);
    if (!err && json_get(g->s.record, "motive_code"))
        err = motives(v, g);
    return err == AM_E_INVALID ? AM_E_NOTFOUND : err; /* a public file, no statement */
}

/* ---- who
 * --------------------------------------------------------------------------- */
static void who_is(struct web_visit *v, const struct json *k)
{
    struct str function = web_function(v->l, json_get_str(k, "function"));
    jw_kval(&v->w, "role", json_get(k, "role"));
    if (function.n)
        jw_kstr(&v->w, "function", function);
    if (json_get(k, "org"))
        jw_kstr(&v->w, "org", web_text_or(json_get_str(k, "org")));
}

void web_sign_rule(struct web_visit *v, const struct json *f)
{
    jw_key(&v->w, "ways");
    jw_arr(&v->w);
    for (json_each(way, json_get(f, "any"))) {
        jw_obj(&v->w);
        jw_kbool(&v->w, "other", way.i > 0);
        jw_key(&v->w, "terms");
        jw_arr(&v->w);
        for (json_each(t, json_get(way.val, "terms"))) {
            int64_t missing = json_int(json_get(t.val, "missing"), 0);
            jw_obj(&v->w);
            who_is(v, t.val);
            jw_kval(&v->w, "count", json_get(t.val, "count"));
            jw_kval(&v->w, "signed", json_get(t.val, "signed"));
            jw_kbool(&v->w, "complete", missing <= 0);
            jw_obj_end(&v->w);
        }
        jw_arr_end(&v->w);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void signers(struct web_visit *v, const struct json *f)
{
    jw_key(&v->w, "signed");
    jw_arr(&v->w);
    for (json_each(k, json_get(f, "signed"))) {
        jw_obj(&v->w);
        who_is(v, k.val);
        jw_kval(&v->w, "index", json_get(k.val, "index"));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void may_sign(struct web_visit *v, const struct json *f)
{
    bool one = false;
    jw_key(&v->w, "keys");
    jw_arr(&v->w);
    for (json_each(k, json_get(f, "keys"))) {
        struct str code = json_get_str(k.val, "code"), id = json_get_str(k.val, "key_id");
        bool may = json_bool(json_get(k.val, "may"), false);
        one = one || may;
        jw_obj(&v->w);
        who_is(v, k.val);
        jw_kstr(&v->w, "key_id", id);
        jw_kstr(&v->w, "short", str_sub(id, 0, 8));
        jw_kbool(&v->w, "may", may);
        if (!may)
            web_why(v, "why", code);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "nobody", !one && !json_bool(json_get(f, "in_effect"), false));
}

/* ---- the page
 * ---------------------------------------------------------------------- */
static int signing_page(struct web_visit *v, int status, struct signing_page *g,
                        struct str envelope)
{
    const struct json *f = json_root(g->facts);
    struct str digest = json_get_str(f, "payload"),
               model = json_get_str(g->s.record, "model_digest");
    bool in_effect = json_bool(json_get(f, "in_effect"), false), refused = status >= 400;
    int64_t index;
    int err;
    web_open(v);
    web_sign_what(v, &g->s, "what");
    jw_kstr(&v->w, "effect", web_sign_sentence(v, "sign.effect", &g->s));
    web_sign_facts(v, &g->s, json_root(g->policy));
    if (model.n == 64) {
        jw_kstr(&v->w, "model", model);
        web_kname(v, "model_name", model);
    }
    jw_key(&v->w, "recusal_url");
    jw_strf(&v->w, "/recusal?model=%.*s", model.n == 64 ? (int)model.n : 0, model.p);
    web_sign_rule(v, f);
    signers(v, f);
    may_sign(v, f);
    jw_kbool(&v->w, "has_signed", json_size(json_get(f, "signed")) > 0);
    jw_kbool(&v->w, "in_effect", in_effect);
    jw_kbool(&v->w, "open", !in_effect);
    if (in_effect)
        jw_kval(&v->w, "index", json_get(f, "index"));
    if (str_int(http_query(v->req, "signed"), 0, INT64_MAX, &index) == AM_OK)
        jw_kint(&v->w, "received", index);
    if (g->proposed) {
        jw_kint(&v->w, "until", g->p.until);
        jw_kstrz(&v->w, "by_role", ledger_role_name(g->p.by_role));
        jw_kstrz(&v->w, "by_org", g->p.by_org);
    }
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0 && refused);
    jw_kbool(&v->w, "obstacles", v->d.n > 0 && !refused && !in_effect);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    jw_kstr(&v->w, "envelope",
            envelope.n <= WEB_JSON_SHOWN ? web_text_or(envelope) : STR(""));
    jw_kstr(&v->w, "payload", digest);
    jw_key(&v->w, "payload_url");
    jw_strf(&v->w, "/sign/%.*s/payload.json", STR_FMT(digest));
    jw_key(&v->w, "post_url");
    jw_strf(&v->w, "/sign/%.*s", STR_FMT(digest));
    jw_key(&v->w, "command");
    jw_strf(&v->w, "amane sign %.8s.json --key KEY --out envelope.json",
            digest.n ? digest.p : "payload");
    err = web_watch(v, &g->s.record, 1);
    if (!err)
        err = web_conflict_put(v, &g->s);
    if (!err)
        err = web_pretty(v, g->s.doc);
    if (!err)
        err = web_send(v, status, "sign",
                       (struct web_page){.title_id = "sign.title", .nav = "nav.desk"});
    return err;
}

int web_page_sign(struct web_visit *v)
{
    struct signing_page g;
    int err = signing_open(v, &g);
    if (!err)
        err = signing_page(v, 200, &g, STR(""));
    signing_release(&g);
    return err;
}

int web_page_sign_payload(struct web_visit *v)
{
    struct signing_page g;
    char name[96];
    int err = signing_open(v, &g);
    if (!err)
        err = buf_add(&v->resp->body, buf_str(&g.payload));
    if (!err) {
        snprintf(name, sizeof name, "attachment; filename=\"%.8s.json\"", v->arg.p);
        http_setz(v->req, v->resp, "Content-Type", "application/vnd.in-toto+json");
        http_setz(v->req, v->resp, "Content-Disposition", name);
        http_setz(v->req, v->resp, "Cache-Control", "no-store");
    }
    signing_release(&g);
    return err;
}

/* ---- a signature comes
 * ------------------------------------------------------------- */
struct str web_posted(const struct web_visit *v, const char *name)
{
    struct str s = http_form(v->req, name);
    if (!s.p && web_upload(http_header(v->req, "Content-Type"), v->req->body, name, &s))
        s = STR_NULL;
    return s;
}

struct str web_envelope(struct web_visit *v)
{
    struct str file = web_posted(v, "file");
    return str_trim(file.n ? file : web_posted(v, "envelope"));
}

int web_sign_csrf(struct web_visit *v)
{
    struct str token = web_posted(v, "csrf");
    int err = AM_E_FORBIDDEN;
    if (v->signed_in && token.n)
        err = auth_csrf_check(v->site->auth, v->session, token);
    if (err)
        diag_err(&v->d, "/csrf", "page.csrf", "the form is too old: open the page again");
    return err;
}

int web_propose(struct web_visit *v, enum ledger_kind kind, struct str record)
{
    struct json_doc *doc = NULL;
    uint8_t sha256[32];
    char hex[CRYPTO_HEX], where[80];
    int err = json_parse(&doc, record, NULL, &v->d);
    if (!err)
        err = registry_proposal_put(v->site->registry, kind, json_root(doc), &v->who,
                                    sha256, &v->d);
    json_free(doc);
    if (err)
        return err;
    snprintf(where, sizeof where, "/sign/%s", crypto_hex(sha256, sizeof sha256, hex));
    return web_redirect(v, where);
}

/* The envelope must hold these bytes, or what was read is not what was signed. */
static int same_payload(struct web_visit *v, const struct signing_page *g,
                        struct str envelope)
{
    struct ledger_envelope e = {0};
    int err = ledger_envelope_open(envelope, &e, &v->d);
    if (!err && !str_eq(buf_str(&e.payload), buf_str(&g->payload))) {
        diag_err(&v->d, "/payload", "sign.other_payload",
                 "the envelope holds another text than the one on this page");
        err = AM_E_INVALID;
    }
    ledger_envelope_release(&e);
    return err;
}

int web_page_sign_post(struct web_visit *v)
{
    struct registry_receipt receipt;
    struct signing_page g;
    struct str envelope = web_envelope(v);
    int err = web_sign_csrf(v);
    if (err)
        return err;
    err = signing_open(v, &g);
    if (!err) {
        diag_clear(&v->d); /* what stood against it when it was opened */
        if (!envelope.n)
            diag_err(&v->d, "", "page.no_envelope", "the envelope is missing");
        web_conflict_check(v, &g.s);
        err = envelope.n && !v->d.n ? same_payload(v, &g, envelope) : AM_E_INVALID;
        if (!err)
            err = registry_submit(v->site->registry, g.s.kind, envelope, &receipt, &v->d);
        if (!err) {
            char where[128];
            snprintf(where, sizeof where, "/sign/%.*s?signed=%llu", STR_FMT(v->arg),
                     (unsigned long long)receipt.index);
            err = web_redirect(v, where);
        } else if (err == AM_E_INVALID || err == AM_E_SYNTAX || err == AM_E_FORBIDDEN ||
                   err == AM_E_CONFLICT) {
            if (!v->d.n)
                diag_err(&v->d, "", "page.not_accepted", "%s", am_err_text(err));
            err = signing_page(v, am_err_http(err), &g, envelope);
        }
    }
    signing_release(&g);
    return err;
}
