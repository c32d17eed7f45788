/* SPDX-License-Identifier: Apache-2.0 */
/* Interests. Whoever signs a decision, an assignment or a visit declares to have none:
 * that is each signer's own act, asked for beside the signature, over a text that says
 * so. Whoever has one recuses oneself here, or asks for somebody else's recusal; the
 * commission and the ministry decide it (ledger_recuse.c). */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* ---- what a signer declares ---------------------------------------------------------
 */
/* The sentence of the declaration; NULL: this text holds none. A supplier that withdraws
 * its own model has an interest in it, and says so by its name. */
static const char *declared(const struct ledger_statement_view *s)
{
    bool vendor = json_str_is(json_get(json_get(s->record, "issuer"), "role"), "vendor");
    if (s->kind == LEDGER_DECISION)
        return vendor ? NULL : "decision";
    if (str_eqc(s->event_type, "assignment"))
        return "assignment";
    return str_eqc(s->event_type, "visit") ? "visit" : NULL;
}

static int conflict_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                          struct jw *w, void *arg)
{
    const struct ledger_statement_view *s = arg;
    const struct ledger_version *x = ledger_version_find(l, s->subject);
    int64_t recused = 0;
    (void)cosigned;
    for (json_each(it, json_get(s->record, "signers"))) {
        char id[CRYPTO_HEX];
        snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(it.val, "key_id")));
        recused += x && ledger_recused(l, id, x->digest, v->now);
    }
    if (x)
        jw_kstrz(w, "supplier", x->org_id);
    jw_kint(w, "recused", recused);
    return AM_OK;
}

int web_conflict_put(struct web_visit *v, const struct ledger_statement_view *s)
{
    union {
        const struct ledger_statement_view *in;
        void *out;
    } arg = {.in = s};
    const char *which = declared(s);
    struct json_doc *facts = NULL;
    int err = which ? web_facts(v, conflict_facts, arg.out, &facts) : AM_OK;
    if (!err && which) {
        int64_t recused = json_int(json_get(json_root(facts), "recused"), 0);
        jw_kstrz(&v->w, "declares", which);
        jw_kstr(&v->w, "supplier",
                web_text_or(json_get_str(json_root(facts), "supplier")));
        if (recused)
            jw_kint(&v->w, "recused_n", recused);
        jw_kbool(&v->w, "no_conflict", web_posted(v, "no_conflict").n > 0);
    }
    json_free(facts);
    return err;
}

void web_conflict_check(struct web_visit *v, const struct ledger_statement_view *s)
{
    if (declared(s) && !str_eqc(web_posted(v, "no_conflict"), "1"))
        diag_err(&v->d, "/signers", "sign.no_conflict",
                 "whoever signs declares to have no interest: tick it");
}

/* ---- recusal ------------------------------------------------------------------------
 */
static int recusal_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    static const unsigned judges = 1U << LEDGER_HAS | 1U << LEDGER_IMANOR |
                                   1U << LEDGER_BENCH_OPERATOR | 1U << LEDGER_MSPS |
                                   1U << LEDGER_CNDP | 1U << LEDGER_PEER_VISITOR;
    int err = AM_OK;
    (void)cosigned;
    (void)arg;
    jw_key(w, "keys");
    jw_arr(w);
    for (size_t i = 0; i < ledger_keys(l) && !err; i++) {
        const struct ledger_key *k = ledger_key_at(l, i);
        bool ours = k->role == v->who.role && !strcmp(k->org_id, v->who.org_id),
             mine = false;
        if (k->revoked || !(ours || ((judges >> k->role) & 1)))
            continue;
        err = auth_key_mine(v->site->auth, v->who.id, str_c(k->key_id), &mine);
        jw_obj(w);
        jw_kstrz(w, "key_id", k->key_id);
        jw_kstr(w, "short", str_sub(str_c(k->key_id), 0, 8));
        jw_kstrz(w, "role", ledger_role_name(k->role));
        jw_kstrz(w, "function", k->function);
        jw_kstrz(w, "org", k->label[0] ? k->label : k->org_id);
        jw_kbool(w, "mine", mine);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return err;
}

static struct str given(struct web_visit *v, const char *name)
{
    struct str typed = web_kept(v, name, STR_NULL);
    return str_trim(typed.p ? typed : web_text_or(http_query(v->req, name)));
}

static void put_keys(struct web_visit *v, const struct json *f, struct str chosen)
{
    jw_key(&v->w, "keys");
    jw_arr(&v->w);
    for (int mine = 1; mine >= 0; mine--)
        for (json_each(k, json_get(f, "keys"))) {
            struct str id = json_get_str(k.val, "key_id");
            if (json_bool(json_get(k.val, "mine"), false) != (bool)mine)
                continue;
            jw_obj(&v->w);
            jw_kstr(&v->w, "key_id", id);
            jw_kval(&v->w, "short", json_get(k.val, "short"));
            jw_kval(&v->w, "role", json_get(k.val, "role"));
            jw_kval(&v->w, "org", json_get(k.val, "org"));
            jw_kbool(&v->w, "mine", mine);
            jw_kstr(&v->w, "function",
                    web_function(v->l, json_get_str(k.val, "function")));
            jw_kbool(&v->w, "selected", str_eq(chosen, id));
            jw_obj_end(&v->w);
        }
    jw_arr_end(&v->w);
}

static void put_grounds(struct web_visit *v, struct str chosen)
{
    static const char *const ground[] = {"employment", "funding", "authorship", "family",
                                         "other"};
    jw_key(&v->w, "grounds");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(ground); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "code", ground[i]);
        jw_kbool(&v->w, "selected", str_eqc(chosen, ground[i]));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static int recusal_page(struct web_visit *v, int status)
{
    static const char *const typed[] = {"with_org", "model", "establishment", "ended"};
    struct json_doc *facts = NULL;
    int err = web_facts(v, recusal_facts, NULL, &facts);
    if (err)
        return err;
    web_open(v);
    put_keys(v, json_root(facts), given(v, "key"));
    put_grounds(v, given(v, "ground"));
    for (size_t i = 0; i < AM_LEN(typed); i++)
        jw_kstr(&v->w, typed[i], given(v, typed[i]));
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    json_free(facts);
    return web_send(v, status, "recusal",
                    (struct web_page){.title_id = "forms.recusal", .nav = "nav.desk"});
}

int web_page_recusal(struct web_visit *v)
{
    return recusal_page(v, 200);
}

static void member(struct jw *w, const char *key, struct str value)
{
    if (value.n)
        jw_kstr(w, key, value);
}

/* Said by the account's role and organisation: of oneself, or of somebody else. */
static int recusal_record(struct web_visit *v, struct buf *out)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", "recusal");
    jw_kstrz(&w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", ledger_role_name(v->who.role));
    jw_kstrz(&w, "org_id", v->who.org_id);
    jw_obj_end(&w);
    jw_kstr(&w, "key_id", given(v, "key"));
    jw_kstr(&w, "ground", given(v, "ground"));
    member(&w, "with_org", given(v, "with_org"));
    member(&w, "model_digest", given(v, "model"));
    member(&w, "establishment", given(v, "establishment"));
    member(&w, "ended", given(v, "ended"));
    jw_obj_end(&w);
    return jw_done(&w);
}

int web_page_recusal_post(struct web_visit *v)
{
    struct buf record;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, 1 << 16);
    if (!given(v, "with_org").n && !given(v, "model").n && !given(v, "establishment").n)
        diag_err(&v->d, "/with_org", "forms.interest",
                 "an organisation, a model or an establishment");
    err = recusal_record(v, &record);
    if (!err)
        err = diag_result(&v->d);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    if (err == AM_E_INVALID || err == AM_E_TOOMANY)
        err = recusal_page(v, am_err_http(err));
    buf_release(&record);
    return err;
}
