/* SPDX-License-Identifier: Apache-2.0 */
/* Files being written: the list of one's organisation, one file in sections with what is
 * missing, and the door to the signing page. */
#include "base/clock.h"
#include "web/web_site_form.h"

struct draft_page {
    struct registry_draft d;
    struct buf text;
    struct json_doc *doc;      /* the record */
    const struct json *schema; /* of its kind */
    struct diag problems;
    bool checked;
};

static const struct json *schema_of(const struct web_site *s, enum ledger_kind k)
{
    return json_root(k == LEDGER_ALGORITHM ? s->schema_algorithm : s->schema_version);
}

static bool may_write(const struct web_visit *v)
{
    struct auth_place here = {.org_id = v->who.org_id};
    return auth_can(&v->who, AUTH_O_VERSION, AUTH_V_CREATE, &here);
}

static int draft_load(struct web_visit *v, struct draft_page *p)
{
    int err;
    memset(p, 0, sizeof *p);
    diag_init(&p->problems);
    buf_init(&p->text, REGISTRY_DRAFT_MAX);
    if (!may_write(v))
        return AM_E_FORBIDDEN;
    err = registry_draft_get(v->site->registry, v->arg, str_c(v->who.org_id), &p->d,
                             &p->text);
    if (!err)
        err = json_parse(&p->doc, buf_str(&p->text), NULL, NULL);
    if (!err && p->d.kind != LEDGER_ALGORITHM && p->d.kind != LEDGER_VERSION)
        err = AM_E_NOTFOUND; /* other kinds are written by programs */
    p->schema = schema_of(v->site, p->d.kind);
    return err;
}

static void draft_close(struct draft_page *p)
{
    json_free(p->doc);
    buf_release(&p->text);
    diag_release(&p->problems);
}

/* ---- the list
 * ------------------------------------------------------------------------------ */
struct files {
    VEC(struct registry_draft) all; /* the one saved last first */
};

static int take_file(void *arg, const struct registry_draft *d)
{
    struct files *f = arg;
    bool ours = d->kind == LEDGER_ALGORITHM || d->kind == LEDGER_VERSION;
    return ours ? vec_push(&f->all, *d) : AM_OK; /* others are written by programs */
}

static const struct registry_draft *file_at(const struct web_list *x, size_t place)
{
    const struct files *f = x->arg;
    return &f->all.v[f->all.n - 1 - place];
}

static void file_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    snprintf(out, WEB_LIST_KEY, "%s", file_at(x, place)->id);
}

static int64_t file_rank(const struct web_list *x, size_t place)
{
    return file_at(x, place)->at;
}

static void put_file(struct web_visit *v, const struct registry_draft *d)
{
    struct json_doc *doc = NULL;
    struct registry_draft again;
    struct buf text;
    struct str name = STR_NULL;
    buf_init(&text, REGISTRY_DRAFT_MAX);
    if (registry_draft_get(v->site->registry, str_c(d->id), str_c(d->org_id), &again,
                           &text) == AM_OK &&
        json_parse(&doc, buf_str(&text), NULL, NULL) == AM_OK) {
        name = web_words(v->l, json_get(json_root(doc), "trade_name"));
        if (!name.n)
            name = web_words(v->l,
                             json_get(json_get(json_root(doc), "intended_use"), "text"));
    }
    jw_obj(&v->w);
    jw_kstrz(&v->w, "id", d->id);
    jw_kstrz(&v->w, "kind", ledger_kind_name(d->kind));
    jw_kstr(&v->w, "name", name.n ? name : text_get(v->l, "files.unnamed"));
    jw_kstr(&v->w, "label", web_text_or(json_get_str(json_root(doc), "version_label")));
    jw_kint(&v->w, "at", d->at);
    jw_obj_end(&v->w);
    json_free(doc);
    buf_release(&text);
}

int web_page_files(struct web_visit *v)
{
    struct files f = {0};
    struct web_list x = {.arg = &f, .key = file_key, .rank = file_rank};
    int err;
    if (!may_write(v))
        return AM_E_FORBIDDEN;
    err = registry_drafts(v->site->registry, str_c(v->who.org_id), take_file, &f);
    x.n = f.all.n;
    web_list_find(v, &x);
    web_open(v);
    jw_kstrz(&v->w, "org", v->who.org_id);
    jw_key(&v->w, "files");
    jw_arr(&v->w);
    for (size_t i = 0; i < x.shown; i++)
        put_file(v, file_at(&x, x.place[i]));
    jw_arr_end(&v->w);
    web_list_links(v, str_c(x.newer), str_c(x.older), x.shown);
    vec_release(&f.all);
    return err ? err
               : web_send(v, 200, "files",
                          (struct web_page){.title = text_get(v->l, "files.title"),
                                            .nav = "nav.files"});
}

/* A new file starts with what is known of whoever writes it. */
int web_page_files_post(struct web_visit *v)
{
    struct registry_draft d;
    enum ledger_kind kind;
    struct buf b;
    struct jw w;
    char at[TIME_TEXT], url[80];
    int err = web_check_csrf(v);
    if (!err && !may_write(v))
        err = AM_E_FORBIDDEN;
    if (!err && (ledger_kind_parse(http_form(v->req, "kind"), &kind) ||
                 (kind != LEDGER_ALGORITHM && kind != LEDGER_VERSION)))
        err = AM_E_SYNTAX;
    if (err)
        return err;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", ledger_role_name(v->who.role));
    jw_kstrz(&w, "org_id", v->who.org_id);
    jw_obj_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = registry_draft_new(v->site->registry, kind, str_c(v->who.org_id),
                                 buf_str(&b), &d, &v->d);
    buf_release(&b);
    if (err)
        return err;
    snprintf(url, sizeof url, "/files/%s", d.id);
    return web_redirect(v, url);
}

/* ---- one file
 * ------------------------------------------------------------------------------ */
static bool in_section(enum ledger_kind kind, size_t i, struct str key)
{
    return kind == LEDGER_ALGORITHM ? i == 0 : web_record_section_has(i, key);
}

static size_t sections(enum ledger_kind kind)
{
    return kind == LEDGER_ALGORITHM ? 1 : web_record_sections();
}

static const char *section_id(enum ledger_kind kind, size_t i)
{
    return kind == LEDGER_ALGORITHM ? "algorithm" : web_record_section(i);
}

/* What the page does not ask: the registry fills it, or a program makes it. */
static bool asked(struct str key)
{
    static const char *const not_here[] = {"issued_at", "issuer", "fhir_twin",
                                           "supersedes", "reason"};
    for (size_t i = 0; i < AM_LEN(not_here); i++)
        if (str_eqc(key, not_here[i]))
            return false;
    return true;
}

static size_t section_now(struct web_visit *v, enum ledger_kind kind)
{
    struct str s = http_query(v->req, "s");
    if (!s.n)
        s = http_form(v->req, "s");
    for (size_t i = 0; i < sections(kind); i++)
        if (str_eqc(s, section_id(kind, i)))
            return i;
    return 0;
}

/* Compulsory fields of a section: how many, how many are there. */
static void rail(struct web_visit *v, const struct draft_page *p, size_t now)
{
    jw_key(&v->w, "rail");
    jw_arr(&v->w);
    for (size_t i = 0; i < sections(p->d.kind); i++) {
        int64_t due = 0, done = 0;
        for (json_each(it, json_get(p->schema, "required"))) {
            struct str key = json_str(it.val);
            if (!in_section(p->d.kind, i, key) || !asked(key))
                continue;
            due++;
            done += json_getn(json_root(p->doc), key) != NULL;
        }
        jw_obj(&v->w);
        jw_kstrz(&v->w, "id", section_id(p->d.kind, i));
        jw_kstrz(&v->w, "draft", p->d.id);
        jw_kbool(&v->w, "current", i == now);
        jw_kint(&v->w, "due", due);
        jw_kint(&v->w, "done", done);
        jw_kbool(&v->w, "complete", due == done);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void one_problem(struct web_visit *v, const struct draft_page *p,
                        const struct diag_item *item)
{
    char id[WEB_POINTER_MAX];
    struct str first, rest, label;
    size_t where = 0;
    rest = str_c(item->path);
    first = str_cut(str_sub(rest, AM_MIN(rest.n, 1), rest.n), '/', &rest);
    for (size_t i = 0; i < sections(p->d.kind); i++)
        if (in_section(p->d.kind, i, first))
            where = i;
    label = web_schema_words(
        v->l, p->schema, json_getn(json_get(p->schema, "properties"), first), "x-title");
    web_form_id(id, item->path);
    jw_obj(&v->w);
    jw_kstr(&v->w, "label", label.n ? label : web_text_or(first));
    jw_kstrz(&v->w, "path", item->path);
    jw_kstrz(&v->w, "field", id);
    jw_kstrz(&v->w, "section", section_id(p->d.kind, where));
    jw_kstrz(&v->w, "draft", p->d.id);
    jw_key(&v->w, "text");
    web_problem_text(&v->w, v->l, item);
    jw_obj_end(&v->w);
}

static void problem_list(struct web_visit *v, const struct draft_page *p,
                         const struct diag *d)
{
    jw_arr(&v->w);
    for (size_t i = 0; i < d->n; i++)
        one_problem(v, p, &d->item[i]);
    jw_arr_end(&v->w);
}

/* What each level asks and the file has not: each field under the first level. */
static void missing(struct web_visit *v, const struct draft_page *p)
{
    size_t before = 0;
    jw_key(&v->w, "levels");
    jw_arr(&v->w);
    for (int level = LEDGER_BASE; level <= LEDGER_ADVANCED; level++) {
        struct diag due;
        diag_init(&due);
        registry_due(p->d.kind == LEDGER_ALGORITHM ? json_root(p->doc) : NULL,
                     p->d.kind == LEDGER_VERSION ? json_root(p->doc) : NULL,
                     (enum ledger_level)level, &due);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "level", ledger_level_name((enum ledger_level)level));
        jw_kbool(&v->w, "complete", due.n == 0);
        jw_kbool(&v->w, "same", due.n == before && due.n > 0 && level > LEDGER_BASE);
        jw_kint(&v->w, "n", (int64_t)due.n);
        jw_key(&v->w, "missing");
        problem_list(v, p, &due);
        jw_obj_end(&v->w);
        before = due.n;
        diag_release(&due);
    }
    jw_arr_end(&v->w);
}

static void fields(struct web_visit *v, const struct draft_page *p, size_t now)
{
    struct web_form f = {
        .v = v, .root = p->schema, .problems = p->checked ? &p->problems : NULL};
    jw_key(&v->w, "fields");
    jw_arr(&v->w);
    for (json_each(it, json_get(p->schema, "properties")))
        if (in_section(p->d.kind, now, it.key) && asked(it.key))
            web_form_field(&f, it.key, json_getn(json_root(p->doc), it.key));
    jw_arr_end(&v->w);
}

static int draft_show(struct web_visit *v, struct draft_page *p, int status)
{
    size_t now = section_now(v, p->d.kind);
    web_open(v);
    jw_kstrz(&v->w, "id", p->d.id);
    jw_kstrz(&v->w, "kind", ledger_kind_name(p->d.kind));
    jw_kint(&v->w, "version", (int64_t)p->d.version);
    jw_kint(&v->w, "at", p->d.at);
    jw_kstrz(&v->w, "section", section_id(p->d.kind, now));
    jw_kbool(&v->w, "last", now + 1 == sections(p->d.kind));
    rail(v, p, now);
    jw_kbool(&v->w, "checked", p->checked);
    jw_kint(&v->w, "errors_n", (int64_t)p->problems.errors);
    jw_kbool(&v->w, "has_errors", p->problems.n > 0);
    jw_key(&v->w, "errors");
    problem_list(v, p, &p->problems);
    missing(v, p);
    fields(v, p, now);
    return web_send(
        v, status, "draft",
        (struct web_page){.title = text_get(v->l, "files.one"), .nav = "nav.files"});
}

static int draft_check(struct web_visit *v, struct draft_page *p)
{
    int err =
        registry_check(v->site->registry, p->d.kind, json_root(p->doc), &p->problems);
    p->checked = true;
    return err == AM_E_INVALID ? AM_OK : err;
}

int web_page_draft(struct web_visit *v)
{
    struct draft_page p;
    int err = draft_load(v, &p);
    if (!err && http_query(v->req, "check").n)
        err = draft_check(v, &p);
    if (!err)
        err = draft_show(v, &p, 200);
    draft_close(&p);
    return err;
}

/* ---- saving
 * -------------------------------------------------------------------------------- */
/* The record with the fields of this section as the form has them. */
static int merged(struct web_visit *v, const struct draft_page *p, size_t now,
                  struct buf *out)
{
    struct web_form f = {.v = v, .root = p->schema, .act = http_form(v->req, "act")};
    struct buf one;
    struct jw w;
    int err = AM_OK;
    buf_init(&one, REGISTRY_DRAFT_MAX);
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(it, json_root(p->doc)))
        if (!in_section(p->d.kind, now, it.key) || !asked(it.key) ||
            !json_getn(json_get(p->schema, "properties"), it.key)) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    for (json_each(it, json_get(p->schema, "properties"))) {
        if (err || !in_section(p->d.kind, now, it.key) || !asked(it.key))
            continue;
        buf_clear(&one);
        err = web_form_read(&f, it.key, &one);
        if (err || !one.n)
            continue;
        jw_keyn(&w, it.key);
        jw_raw(&w, buf_str(&one));
    }
    jw_obj_end(&w);
    buf_release(&one);
    return err ? err : jw_done(&w);
}

static int save(struct web_visit *v, struct draft_page *p, size_t now)
{
    struct registry_draft saved;
    struct buf text;
    int64_t version = 0;
    int err = str_int(http_form(v->req, "version"), 1, INT64_MAX, &version);
    buf_init(&text, REGISTRY_DRAFT_MAX);
    if (!err)
        err = merged(v, p, now, &text);
    if (!err)
        err = registry_draft_save(v->site->registry, str_c(p->d.id), str_c(p->d.org_id),
                                  (uint64_t)version, buf_str(&text), &saved, &v->d);
    buf_release(&text);
    return err;
}

int web_page_draft_post(struct web_visit *v)
{
    struct draft_page p;
    char url[200];
    struct str act = http_form(v->req, "act");
    int err = web_check_csrf(v);
    if (err)
        return err;
    err = draft_load(v, &p);
    if (!err) {
        size_t now = section_now(v, p.d.kind),
               next =
                   str_eqc(act, "next") && now + 1 < sections(p.d.kind) ? now + 1 : now;
        err = save(v, &p, now);
        snprintf(url, sizeof url, "/files/%s?s=%s%s", p.d.id, section_id(p.d.kind, next),
                 str_eqc(act, "check") ? "&check=1" : "");
    }
    draft_close(&p);
    return err ? err : web_redirect(v, url);
}

/* Dated now: an old date would make an honest signature look stale. */
static int dated(struct web_visit *v, const struct draft_page *p, struct json_doc **out)
{
    struct buf b;
    int err;
    buf_init(&b, WEB_PAYLOAD_MAX);
    err = registry_draft_finish(v->site->registry, p->d.kind, json_root(p->doc), v->now,
                                &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

int web_page_draft_declare(struct web_visit *v)
{
    struct draft_page p;
    struct json_doc *doc = NULL;
    uint8_t payload[32];
    char hex[CRYPTO_HEX], url[CRYPTO_HEX + 8];
    int err = web_check_csrf(v);
    if (err)
        return err;
    err = draft_load(v, &p);
    if (!err)
        err = dated(v, &p, &doc);
    if (!err)
        err = registry_proposal_put(v->site->registry, p.d.kind, json_root(doc), &v->who,
                                    payload, &p.problems);
    if (err == AM_E_INVALID) {
        p.checked = true;
        err = draft_show(v, &p, 422);
    } else if (!err) {
        snprintf(url, sizeof url, "/sign/%s", crypto_hex(payload, sizeof payload, hex));
        err = web_redirect(v, url);
    }
    json_free(doc);
    draft_close(&p);
    return err;
}

int web_page_draft_delete(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (!err && !may_write(v))
        err = AM_E_FORBIDDEN;
    if (!err)
        err = registry_draft_delete(v->site->registry, v->arg, str_c(v->who.org_id));
    return err ? err : web_redirect(v, "/files");
}
