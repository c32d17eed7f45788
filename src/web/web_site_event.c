/* SPDX-License-Identifier: Apache-2.0 */
/* A fact to declare: one page for every kind of event that somebody writes by hand, its
 * form out of schema/event-1.json. What the address names is filled in, what was typed is
 * kept, lists grow by buttons; the text is then proposed and signed as any other. Stops,
 * cases, assignments and keys have pages of their own. */
#include "base/clock.h"
#include "web/web_site_form.h"
#include "web/web_site_sign_priv.h"

enum { EVENT_MAX = 256 << 10 };

static const char *const event_type[] = {
    "appeal",         "withdrawal_notice",
    "sandbox_open",   "sandbox_report",
    "escrow_receipt", "escrow_release",
    "pilot_report",   "pilot_extension",
    "approval",       "monitoring",
    "surveillance",   "audit",
    "visit",          "establishment_certificate",
    "hearing",        "sandbox_extension",
};

struct event_page {
    const char *type;
    struct json_doc *schema;
    struct json_doc *record;
    struct diag problems; /* of the record that was posted */
};

/* ---- the schema of one type ---------------------------------------------------------
 */
static const struct json *part_of(const struct json *event, const char *type)
{
    for (json_each(it, json_get(event, "allOf"))) {
        const struct json *named = json_get(json_get(it.val, "if"), "properties");
        if (json_str_is(json_get(json_get(named, "type"), "const"), type))
            return json_get(it.val, "then");
    }
    return NULL;
}

/* {properties, required, $defs}: what a form is made of. */
static int schema_of(const char *type, struct json_doc **out)
{
    const struct embed_file *f = embed_find("schema/event-1.json");
    struct json_doc *all = NULL;
    struct buf b;
    struct jw w;
    int err =
        f ? json_parse(&all, (struct str){(const char *)f->data, f->size}, NULL, NULL)
          : AM_E_NOTFOUND;
    const struct json *part = part_of(json_root(all), type);
    buf_init(&b, EVENT_MAX);
    if (!err && !part)
        err = AM_E_NOTFOUND;
    if (!err) {
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kval(&w, "properties", json_get(part, "properties"));
        jw_kval(&w, "required", json_get(part, "required"));
        jw_kval(&w, "$defs", json_get(json_root(all), "$defs"));
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    json_free(all);
    return err;
}

static int event_open(struct web_visit *v, struct event_page *p)
{
    *p = (struct event_page){0};
    diag_init(&p->problems);
    for (size_t i = 0; i < AM_LEN(event_type); i++)
        if (str_eqc(v->arg, event_type[i]))
            p->type = event_type[i];
    return p->type ? schema_of(p->type, &p->schema) : AM_E_NOTFOUND;
}

static void event_close(struct event_page *p)
{
    diag_release(&p->problems);
    json_free(p->record);
    json_free(p->schema);
}

/* ---- the record ---------------------------------------------------------------------
 */
static void head(struct web_visit *v, const struct event_page *p, struct jw *w)
{
    char at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "type", p->type);
    jw_kstrz(w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", ledger_role_name(v->who.role));
    jw_kstrz(w, "org_id", v->who.org_id);
    jw_obj_end(w);
}

/* The five items a deposit holds, to be filled. */
static void first_items(const struct json *schema, struct jw *w)
{
    const struct json *item =
        json_pointer(schema, STR("/properties/items/items/properties/item/enum"));
    jw_key(w, "items");
    jw_arr(w);
    for (json_each(it, item)) {
        jw_obj(w);
        jw_kval(w, "item", it.val);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* A page just opened: what its address says. */
static int from_address(struct web_visit *v, struct event_page *p, struct buf *out)
{
    const struct json *schema = json_root(p->schema);
    struct jw w;
    jw_init(&w, out);
    head(v, p, &w);
    for (json_each(it, json_get(schema, "properties"))) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)AM_MIN(it.key.n, 60), it.key.p);
        struct str s = web_text_or(http_query(v->req, name));
        if (s.n && s.n < 200)
            jw_kstr(&w, name, s);
    }
    if (!strcmp(p->type, "escrow_receipt"))
        first_items(schema, &w);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* The digest of a list of files is arithmetic: nobody types it. */
static int manifest(const struct json *items, struct jw *w)
{
    uint8_t digest[32];
    char hex[CRYPTO_HEX];
    struct buf canon;
    buf_init(&canon, EVENT_MAX);
    int err = json_canon(&canon, items);
    if (!err) {
        crypto_sha256(buf_str(&canon), digest);
        jw_kstrz(w, "manifest_sha256", crypto_hex(digest, sizeof digest, hex));
    }
    buf_release(&canon);
    return err;
}

/* The list of a deposit sent as a file: the form is shown again, filled. */
static int from_manifest(struct web_visit *v, struct event_page *p, struct buf *out)
{
    struct str file = web_posted(v, "file"), model = web_posted(v, "model_digest");
    struct jw w;
    jw_init(&w, out);
    head(v, p, &w);
    if (model.n && model.n < 200)
        jw_kstr(&w, "model_digest", web_text_or(model));
    if (!file.n)
        diag_err(&p->problems, "/items", "escrow.no_file", "the file is missing");
    int err = file.n ? web_escrow_items(file, &w, &p->problems) : AM_E_INVALID;
    if (err == AM_E_INVALID)
        first_items(json_root(p->schema), &w);
    jw_obj_end(&w);
    return err && err != AM_E_INVALID ? err : jw_done(&w);
}

static int from_form(struct web_visit *v, struct event_page *p, struct buf *out)
{
    struct web_form f = {
        .v = v, .root = json_root(p->schema), .act = http_form(v->req, "act")};
    struct buf one;
    struct jw w;
    int err = AM_OK;
    buf_init(&one, EVENT_MAX);
    jw_init(&w, out);
    head(v, p, &w);
    for (json_each(it, json_get(f.root, "properties"))) {
        struct json_doc *value = NULL;
        buf_clear(&one);
        err = web_form_read(&f, it.key, &one);
        if (!err && one.n)
            err = json_parse(&value, buf_str(&one), NULL, NULL);
        if (!err && value && !str_eqc(it.key, "manifest_sha256")) {
            jw_keyn(&w, it.key);
            jw_val(&w, json_root(value));
        }
        if (!err && value && str_eqc(it.key, "items"))
            err = manifest(json_root(value), &w);
        json_free(value);
        if (err)
            break;
    }
    jw_obj_end(&w);
    buf_release(&one);
    return err ? err : jw_done(&w);
}

/* ---- the page -----------------------------------------------------------------------
 */
struct deadline {
    char id[CRYPTO_HEX];
    int64_t due_at;
};

static int appeal_until(void *cookie, const struct ledger_warning *w)
{
    struct deadline *d = cookie;
    if (!strcmp(w->kind, "appeal") && !strcmp(w->id, d->id))
        d->due_at = w->due_at;
    return AM_OK;
}

static int deadline_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                          struct jw *w, void *arg)
{
    (void)cosigned;
    (void)w;
    return ledger_warnings(l, v->now, appeal_until, arg);
}

static int put_deadline(struct web_visit *v, const struct event_page *p)
{
    struct json_doc *facts = NULL;
    struct deadline d = {0};
    struct str model = json_get_str(json_root(p->record), "model_digest");
    if (strcmp(p->type, "appeal") != 0)
        return AM_OK;
    snprintf(d.id, sizeof d.id, "%.*s", (int)AM_MIN(model.n, CRYPTO_HEX - 1),
             model.n ? model.p : "");
    int err = web_facts(v, deadline_facts, &d, &facts);
    json_free(facts);
    jw_kbool(&v->w, "is_appeal", true);
    if (d.due_at)
        jw_kint(&v->w, "appeal_until", d.due_at);
    return err;
}

static void put_problems(struct web_visit *v, const struct event_page *p)
{
    const struct json *schema = json_root(p->schema);
    jw_kint(&v->w, "errors_n", (int64_t)p->problems.n);
    jw_kbool(&v->w, "has_problems", p->problems.n > 0);
    jw_key(&v->w, "errors");
    jw_arr(&v->w);
    for (size_t i = 0; i < p->problems.n; i++) {
        const struct diag_item *item = &p->problems.item[i];
        char id[WEB_POINTER_MAX];
        struct str rest = str_c(item->path), label;
        struct str first = str_cut(str_sub(rest, AM_MIN(rest.n, 1), rest.n), '/', &rest);
        label = web_schema_words(
            v->l, schema, json_getn(json_get(schema, "properties"), first), "x-title");
        web_form_id(id, item->path);
        jw_obj(&v->w);
        jw_kstr(&v->w, "label", label.n ? label : web_text_or(first));
        jw_kstrz(&v->w, "field", id);
        jw_kstr(&v->w, "path", rest.n ? web_text_or(str_c(item->path)) : STR(""));
        jw_key(&v->w, "message");
        web_problem_text(&v->w, v->l, item);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static int event_page(struct web_visit *v, int status, struct event_page *p)
{
    struct web_form f = {.v = v, .root = json_root(p->schema), .problems = &p->problems};
    web_open(v);
    int err = put_deadline(v, p);
    jw_kstrz(&v->w, "type", p->type);
    if (!strcmp(p->type, "escrow_receipt")) {
        struct str model = json_get_str(json_root(p->record), "model_digest");
        jw_kbool(&v->w, "takes_manifest", true);
        jw_kstr(&v->w, "model", web_text_or(model));
    }
    jw_kstrz(&v->w, "role", ledger_role_name(v->who.role));
    jw_kstrz(&v->w, "org", v->who.org_id);
    put_problems(v, p);
    jw_key(&v->w, "fields");
    jw_arr(&v->w);
    for (json_each(it, json_get(f.root, "properties")))
        if (!str_eqc(it.key, "manifest_sha256"))
            web_form_field(&f, it.key, json_getn(json_root(p->record), it.key));
    jw_arr_end(&v->w);
    if (err)
        return err;
    char title[WEB_ID_MAX];
    snprintf(title, sizeof title, "forms.event.%s", p->type);
    return web_send(v, status, "event",
                    (struct web_page){.title = text_get(v->l, title), .nav = "nav.desk"});
}

int web_page_event(struct web_visit *v)
{
    struct event_page p;
    struct buf b;
    buf_init(&b, EVENT_MAX);
    int err = event_open(v, &p);
    if (!err)
        err = from_address(v, &p, &b);
    if (!err)
        err = json_parse(&p.record, buf_str(&b), NULL, NULL);
    if (!err)
        err = event_page(v, 200, &p);
    event_close(&p);
    buf_release(&b);
    return err;
}

/* The deposit's list sent as a file. */
static int manifest_post(struct web_visit *v)
{
    struct event_page p;
    struct buf b;
    buf_init(&b, EVENT_MAX);
    int err = event_open(v, &p);
    if (!err && strcmp(p.type, "escrow_receipt") != 0)
        err = AM_E_SYNTAX;
    if (!err)
        err = from_manifest(v, &p, &b);
    if (!err)
        err = json_parse(&p.record, buf_str(&b), NULL, NULL);
    if (!err)
        err = event_page(v, p.problems.n ? 422 : 200, &p);
    event_close(&p);
    buf_release(&b);
    return err;
}

int web_page_event_post(struct web_visit *v)
{
    struct event_page p;
    struct buf b;
    int err = web_sign_csrf(v);
    if (!err && str_eqc(web_posted(v, "act"), "manifest"))
        return manifest_post(v);
    if (err)
        return err;
    buf_init(&b, EVENT_MAX);
    err = event_open(v, &p);
    if (!err)
        err = from_form(v, &p, &b);
    if (!err)
        err = json_parse(&p.record, buf_str(&b), NULL, NULL);
    if (!err && !str_eqc(http_form(v->req, "act"), "propose")) {
        err = event_page(v, 200, &p); /* a list grew or shrank */
    } else if (!err) {
        err = web_propose(v, LEDGER_EVENT, buf_str(&b));
        if (err == AM_E_INVALID || err == AM_E_TOOMANY) {
            diag_merge(&p.problems, &v->d, "");
            err = event_page(v, am_err_http(err), &p);
        }
    }
    event_close(&p);
    buf_release(&b);
    return err;
}

int web_page_events(struct web_visit *v)
{
    web_open(v);
    jw_key(&v->w, "types");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(event_type); i++)
        jw_strz(&v->w, event_type[i]);
    jw_arr_end(&v->w);
    return web_send(v, 200, "events",
                    (struct web_page){.title_id = "forms.events", .nav = "nav.desk"});
}
