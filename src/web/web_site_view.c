/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces of view-models that several pages share. */
#include "base/clock.h"
#include "web/web_site_priv.h"

struct str web_text_or(struct str s)
{
    return s.p && str_utf8(s) ? s : STR("");
}

struct str web_kept(const struct web_visit *v, const char *name, struct str otherwise)
{
    struct str s =
        v->req->method == HTTP_POST ? http_form(v->req, name) : (struct str){0};
    return s.p ? web_text_or(s) : otherwise;
}

void web_kmsg(struct web_visit *v, const char *key, const char *id)
{
    jw_kstr(&v->w, key, text_get(v->l, id));
}

void web_ktime(struct jw *w, const char *key, struct str rfc3339)
{
    int64_t at;
    if (rfc3339.n && time_parse(rfc3339, &at) == AM_OK)
        jw_kint(w, key, at);
}

static const struct json *coded(const struct json *policy, const char *list,
                                struct str code)
{
    for (json_each(it, json_get(json_get(policy, "codes"), list)))
        if (str_eq(json_get_str(it.val, "code"), code))
            return it.val;
    return NULL;
}

struct str web_function(enum text_lang l, struct str function)
{
    char id[WEB_ID_MAX];
    snprintf(id, sizeof id, "function.%.*s", (int)AM_MIN(function.n, 40),
             function.n ? function.p : "");
    return function.n && text_has(l, id) ? text_get(l, id) : web_text_or(function);
}

struct str web_code(enum text_lang l, const struct json *policy, const char *list,
                    struct str code)
{
    struct str words = web_words(l, json_get(coded(policy, list, code), "text"));
    return words.n ? words : web_text_or(code);
}

void web_options(struct jw *w, const char *key, enum text_lang l,
                 const struct json *policy, const char *list, struct str selected)
{
    jw_key(w, key);
    jw_arr(w);
    for (json_each(it, json_get(json_get(policy, "codes"), list))) {
        struct str code = json_get_str(it.val, "code");
        jw_obj(w);
        jw_kstr(w, "code", code);
        jw_kstr(w, "text", web_code(l, policy, list, code));
        jw_kbool(w, "selected", selected.n && str_eq(code, selected));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

int web_model_name(struct buf *out, enum text_lang l, const struct json *algorithm,
                   const struct json *version)
{
    struct str name = web_words(l, json_get(algorithm, "trade_name")),
               id = json_get_str(version, "algorithm_id"),
               label = json_get_str(version, "version_label");
    int err = buf_add(out, name.n ? name : web_text_or(id));
    return err || !label.n ? err : buf_addf(out, " %.*s", STR_FMT(label));
}

void web_problem_text(struct jw *w, enum text_lang l, const struct diag_item *p)
{
    struct buf b;
    buf_init(&b, 16384);
    bool said = text_problem(&b, l, p) == AM_OK;
    jw_str(w, web_text_or(said ? buf_str(&b) : str_c(p->detail)));
    buf_release(&b);
}

void web_why(struct web_visit *v, const char *key, struct str code)
{
    char z[96];
    snprintf(z, sizeof z, "%.*s", (int)AM_MIN(code.n, 64), code.n ? code.p : "");
    char id[WEB_ID_MAX];
    snprintf(id, sizeof id, "diag.%s", z);
    const struct diag_item only = {.path = "", .code = z, .detail = "", .format = ""};
    jw_key(&v->w, key);
    if (text_has(v->l, id)) /* nothing more is known */
        web_problem_text(&v->w, v->l, &only);
    else
        jw_str(&v->w, web_text_or(code));
}

/* A field of a form as the form calls it; a pointer deeper in a record stays one. */
static struct str field_label(enum text_lang l, struct str path)
{
    static const struct {
        const char *path, *label;
    } known[] = {
        {"/model_digest", "vigilance.model"},
        {"/aware_at", "vigilance.aware"},
        {"/terms", "vigilance.terms"},
        {"/traces", "vigilance.trace"},
        {"/gst", "vigilance.gst"},
        {"/severity", "vigilance.severity"},
        {"/key_id", "sign.js.choose"},
        {"/ground", "sign.f.ground"},
        {"/with_org", "sign.f.with_org"},
        {"/establishment", "sign.f.establishment"},
        {"/products", "tender.products"},
        {"/opens_at", "tender.opens_label"},
        {"/use_code", "tender.use_label"},
        {"/name", "people.name"},
        {"/name_ar", "people.name_ar"},
        {"/org_id", "fact.organisation"},
        {"/login", "login.user"},
        {"/password", "login.password"},
        {"/role", "fact.role"},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(path, known[i].path))
            return text_get(l, known[i].label);
    return STR("");
}

void web_problems(struct jw *w, const char *key, enum text_lang l, const struct diag *d)
{
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_item *p = &d->item[i];
        jw_obj(w);
        jw_kstr(w, "path", web_text_or(str_c(p->path)));
        jw_kstr(w, "label", field_label(l, web_text_or(str_c(p->path))));
        jw_key(w, "text");
        web_problem_text(w, l, p);
        jw_kstr(w, "code", web_text_or(str_c(p->code)));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

int web_pretty(struct web_visit *v, const struct json_doc *doc)
{
    struct buf b;
    struct jw w;
    buf_init(&b, WEB_PAYLOAD_MAX * 2);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_val(&w, json_root(doc));
    int err = jw_done(&w);
    struct str shown = buf_str(&b);
    if (shown.n > WEB_JSON_SHOWN) { /* never in the middle of a character */
        size_t n = WEB_JSON_SHOWN;
        while (n && ((unsigned char)shown.p[n] & 0xc0) == 0x80)
            n--;
        shown.n = n;
        jw_kbool(&v->w, "cut", true);
    }
    if (!err)
        jw_kstr(&v->w, "json", shown);
    buf_release(&b);
    return err;
}
