/* SPDX-License-Identifier: Apache-2.0 */
/* One statement of the log as it was signed; and the door for signed statements. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* ---- one statement
 * ------------------------------------------------------------------ */
static int statement_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                           struct jw *w, void *arg)
{
    uint64_t index = *(uint64_t *)arg;
    (void)v;
    (void)cosigned;
    if (index >= ledger_size(l))
        return AM_E_NOTFOUND;
    jw_key(w, "entries");
    jw_arr(w);
    web_entry_facts(l, index, w);
    jw_arr_end(w);
    return AM_OK;
}

/* What is about a model leads to its page. */
static void subject(struct web_visit *v, const struct web_statement *s)
{
    struct str digest = json_get_str(s->s.record, "model_digest");
    if (digest.n == 64)
        jw_kstr(&v->w, "model", digest);
}

int web_page_statement(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    struct web_statement s = {0};
    int64_t index = 0;
    uint64_t i;
    if (str_int(v->arg, 0, INT64_MAX, &index))
        return AM_E_NOTFOUND;
    i = (uint64_t)index;
    int err = web_facts(v, statement_facts, &i, &facts);
    const struct json *e = json_at(json_get(json_root(facts), "entries"), 0);
    struct str payload = json_get_str(e, "payload"), code = json_get_str(e, "code");
    bool restricted = false;
    if (!err)
        err = web_statement(v, json_root(facts), payload, &s);
    if (err == AM_E_FORBIDDEN) {
        restricted = true;
        err = AM_OK;
    }
    if (!err) {
        web_open(v);
        jw_kbool(&v->w, "restricted", restricted);
        jw_kint(&v->w, "index", index);
        jw_kval(&v->w, "payload", json_get(e, "payload"));
        jw_kval(&v->w, "key_id", json_get(e, "key_id"));
        if (code.n && !str_eqc(code, "ok"))
            jw_kstr(&v->w, "code", code);
        jw_kbool(&v->w, "received", http_query(v->req, "received").n > 0);
        if (!restricted)
            subject(v, &s);
        err = web_timeline(v, json_root(facts), 1);
    }
    if (!err && !restricted)
        err = web_pretty(v, s.s.doc);
    if (!err)
        err = web_proof(v, i, payload);
    if (!err) {
        struct buf title;
        struct text_arg arg = {"index", STR_NULL};
        char n[24];
        snprintf(n, sizeof n, "%lld", (long long)index);
        arg.value = str_c(n);
        buf_init(&title, 1024);
        err = text_fmt(&title, v->l, "statement.title", &arg, 1);
        if (!err)
            err = web_send(v, 200, "statement",
                           (struct web_page){.title = buf_str(&title)});
        buf_release(&title);
    }
    web_statement_release(&s);
    json_free(facts);
    return err;
}

/* ---- submitting
 * --------------------------------------------------------------------- */
static int submit_form(struct web_visit *v, int status, struct str envelope)
{
    web_open(v);
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    jw_kstr(&v->w, "envelope",
            envelope.n <= WEB_JSON_SHOWN ? web_text_or(envelope) : STR(""));
    return web_send(v, status, "submit",
                    (struct web_page){.title_id = "submit.title", .url = STR("/submit")});
}

int web_page_submit(struct web_visit *v)
{
    return submit_form(v, 200, STR(""));
}

/* The envelope says itself what kind of statement it holds. */
static int kind_of(struct web_visit *v, struct str envelope, struct str type_base,
                   enum ledger_kind *kind)
{
    struct ledger_envelope env = {0};
    struct ledger_statement_view s = {0};
    int err = ledger_envelope_open(envelope, &env, &v->d);
    if (!err)
        err = ledger_statement_parse(buf_str(&env.payload), type_base, &s, &v->d);
    if (!err)
        *kind = s.kind;
    ledger_statement_release(&s);
    ledger_envelope_release(&env);
    return err;
}

int web_page_submit_post(struct web_visit *v)
{
    struct str envelope = web_envelope(v);
    struct registry_receipt receipt;
    struct json_doc *facts = NULL;
    enum ledger_kind kind = LEDGER_EVENT;
    if (!envelope.n)
        diag_err(&v->d, "", "page.no_envelope", "the envelope is missing");
    int err = envelope.n ? web_facts(v, NULL, NULL, &facts) : AM_E_INVALID;
    if (!err)
        err = kind_of(v, envelope, json_get_str(json_root(facts), "type_base"), &kind);
    if (!err)
        err = registry_submit(v->site->registry, kind, envelope, &receipt, &v->d);
    json_free(facts);
    if (!err) {
        char where[64];
        snprintf(where, sizeof where, "/statements/%llu?received=1",
                 (unsigned long long)receipt.index);
        return web_redirect(v, where);
    }
    if (err == AM_E_INVALID || err == AM_E_SYNTAX || err == AM_E_FORBIDDEN ||
        err == AM_E_CONFLICT) {
        if (!v->d.n)
            diag_err(&v->d, "", "page.not_accepted", "%s", am_err_text(err));
        return submit_form(v, am_err_http(err), envelope);
    }
    return err;
}
