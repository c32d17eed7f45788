/* SPDX-License-Identifier: Apache-2.0 */
/* A person's signing key: made and kept by the browser (web/assets/sign.js); and the
 * request that it be entered in the directory, which is a proposal like any other. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

static int key_page(struct web_visit *v, int status)
{
    web_open(v);
    jw_kbool(&v->w, "may_ask", v->signed_in && auth_may(&v->who, AUTH_PROPOSE));
    if (v->signed_in) {
        jw_kstrz(&v->w, "role", ledger_role_name(v->who.role));
        jw_kstrz(&v->w, "org", v->who.org_id);
    }
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    return web_send(v, status, "key",
                    (struct web_page){.title_id = "key.title", .url = STR("/key")});
}

int web_page_key(struct web_visit *v)
{
    return key_page(v, 200);
}

/* Who enters keys, and what is known of this organisation. */
static int key_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                     struct jw *w, void *arg)
{
    const struct ledger_key *own = NULL, *grantor = NULL;
    (void)cosigned;
    (void)arg;
    for (size_t i = 0; i < ledger_keys(l); i++) {
        const struct ledger_key *k = ledger_key_at(l, i);
        if (k->revoked)
            continue;
        if (!grantor && k->role == LEDGER_MSPS)
            grantor = k;
        if (!own && k->role == v->who.role && !strcmp(k->org_id, v->who.org_id) &&
            (!v->who.establishment[0] || !strcmp(k->establishment, v->who.establishment)))
            own = k;
    }
    if (grantor)
        jw_kstrz(w, "grantor", grantor->org_id);
    if (own) {
        jw_kstrz(w, "label", own->label);
        jw_kstrz(w, "gst", own->gst);
    }
    for (size_t i = 0; i < ledger_deployments(l) && !own; i++) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        if (v->who.establishment[0] && !strcmp(p->establishment, v->who.establishment)) {
            jw_kstrz(w, "gst", p->gst);
            break;
        }
    }
    return AM_OK;
}

static void member(struct jw *w, const char *key, struct str value)
{
    if (value.n)
        jw_kstr(w, key, value);
}

static int grant_record(struct web_visit *v, const struct json *f, struct str spki,
                        struct buf *out)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", "key_grant");
    jw_kstrz(&w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "msps");
    jw_kstr(&w, "org_id", web_text_or(json_get_str(f, "grantor")));
    jw_obj_end(&w);
    jw_key(&w, "key");
    jw_obj(&w);
    jw_kstrz(&w, "role", ledger_role_name(v->who.role));
    member(&w, "function", str_c(v->who.function));
    jw_kstrz(&w, "org_id", v->who.org_id);
    member(&w, "gst", json_get_str(f, "gst"));
    member(&w, "establishment", str_c(v->who.establishment));
    member(&w, "label", json_get_str(f, "label"));
    jw_kstr(&w, "spki", spki);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int check_spki(struct web_visit *v, struct str text)
{
    struct crypto_key *k = NULL;
    struct buf der;
    buf_init(&der, 512);
    int err = crypto_unbase64(&der, text);
    if (!err)
        err = crypto_key_from_spki(&k, buf_str(&der));
    if (!err && crypto_key_alg(k) != CRYPTO_P256)
        err = AM_E_INVALID;
    crypto_key_free(k);
    buf_release(&der);
    if (err && err != AM_E_NOMEM) {
        diag_err(&v->d, "/key/spki", "key.spki", "not a P-256 public key");
        err = AM_E_INVALID;
    }
    return err;
}

int web_key_request(struct web_visit *v, struct str spki)
{
    struct json_doc *facts = NULL;
    struct buf record;
    buf_init(&record, 8192);
    int err = check_spki(v, web_text_or(spki));
    if (!err)
        err = web_facts(v, key_facts, NULL, &facts);
    if (!err)
        err = grant_record(v, json_root(facts), spki, &record);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    json_free(facts);
    buf_release(&record);
    return err;
}

/* Who asks for a key says that it is theirs: their pages will say so too. */
static int tie(struct web_visit *v, struct str spki)
{
    struct crypto_key *k = NULL;
    char id[CRYPTO_HEX];
    struct buf der;
    buf_init(&der, 512);
    int err = crypto_unbase64(&der, web_text_or(spki));
    if (!err)
        err = crypto_key_from_spki(&k, buf_str(&der));
    if (!err)
        err = crypto_key_id(k, id);
    if (!err)
        err = auth_key_tie(v->site->auth, &v->who, str_c(id), v->now);
    crypto_key_free(k);
    buf_release(&der);
    return err == AM_E_EXISTS ? AM_OK : err;
}

/* The account says role and organisation; the form only gives the key. */
int web_page_key_post(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (err)
        return err;
    err = web_key_request(v, http_form(v->req, "spki"));
    if (!err)
        err = tie(v, http_form(v->req, "spki"));
    return err == AM_E_INVALID || err == AM_E_TOOMANY ? key_page(v, am_err_http(err))
                                                      : err;
}
