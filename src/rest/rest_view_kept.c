/* SPDX-License-Identifier: Apache-2.0 */
/* ViewDefinitions kept: as Libraries of R4 that carry them, so that whatever keeps,
 * exports, hides or deletes resources does it to views. A view that does not compile is
 * not kept. */
#include "crypto/crypto.h"
#include "rest/rest_view.h"
#include "view/view.h"

enum { VIEW_TEXT = 1 << 20 };

/* ---- a Library that carries it ---- */
static void carry_members(struct jw *w, const struct json *view, struct str data)
{
    static const char *const same[] = {"id",   "meta",  "url",          "version",
                                       "name", "title", "experimental", "description"};
    jw_kstrz(w, "resourceType", "Library");
    for (size_t i = 0; i < AM_LEN(same); i++)
        if (json_get(view, same[i]))
            jw_kval(w, same[i], json_get(view, same[i]));
    jw_kstr(w, "status",
            json_get(view, "status") ? json_get_str(view, "status") : STR("unknown"));
    jw_key(w, "type");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "http://terminology.hl7.org/CodeSystem/library-type");
    jw_kstrz(w, "code", "logic-library");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstrz(w, "text", "ViewDefinition");
    jw_obj_end(w);
    jw_key(w, "content");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "contentType", "application/json");
    jw_kstr(w, "data", data);
    jw_obj_end(w);
    jw_arr_end(w);
}

static int carry_data(const struct json *view, struct buf *out)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, VIEW_TEXT);
    jw_init(&w, &text);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "ViewDefinition");
    for (json_each(it, view))
        if (!str_eqc(it.key, "resourceType") && !str_eqc(it.key, "id") &&
            !str_eqc(it.key, "meta")) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = crypto_base64(out, buf_str(&text));
    buf_release(&text);
    return err;
}

/* The body becomes the Library. */
static int carry(struct rest_call *c)
{
    struct json_doc *doc = NULL;
    struct buf data, text;
    struct jw w;
    int err;
    buf_init(&data, 2 * VIEW_TEXT);
    buf_init(&text, 4 * VIEW_TEXT);
    err = carry_data(c->body, &data);
    jw_init(&w, &text);
    if (!err) {
        jw_obj(&w);
        carry_members(&w, c->body, buf_str(&data));
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    if (!err)
        err = rest_json(c, buf_str(&text), &doc);
    if (!err) {
        json_free(c->doc);
        c->doc = doc;
        c->body = json_root(doc);
    }
    buf_release(&data);
    buf_release(&text);
    return err;
}

/* ---- and back ---- */
/* The view's own text: AM_E_NOTFOUND, this Library carries none. */
static int carried(struct rest_call *c, const struct json *library, struct json_doc **doc)
{
    for (json_each(it, json_get(library, "content"))) {
        struct buf text;
        int err;
        if (!json_str_is(json_get(it.val, "contentType"), "application/json"))
            continue;
        buf_init(&text, VIEW_TEXT);
        err = crypto_unbase64(&text, json_get_str(it.val, "data"));
        if (!err)
            err = rest_json(c, buf_str(&text), doc);
        buf_release(&text);
        if (err == AM_E_NOMEM)
            return err;
        if (!err &&
            json_str_is(json_get(json_root(*doc), "resourceType"), "ViewDefinition"))
            return AM_OK;
        diag_clear(&c->d);
        json_free(*doc);
        *doc = NULL;
    }
    return AM_E_NOTFOUND;
}

/* The view as it is told: with the id and meta of its Library. */
static int told(struct rest_call *c, struct str text, struct buf *out)
{
    struct json_doc *library = NULL, *view = NULL;
    struct jw w;
    int err = rest_json(c, text, &library);
    if (!err)
        err = carried(c, json_root(library), &view);
    if (!err) {
        jw_init(&w, out);
        jw_obj(&w);
        jw_kstrz(&w, "resourceType", "ViewDefinition");
        jw_kval(&w, "id", json_get(json_root(library), "id"));
        jw_kval(&w, "meta", json_get(json_root(library), "meta"));
        for (json_each(it, json_root(view)))
            if (!str_eqc(it.key, "resourceType")) {
                jw_keyn(&w, it.key);
                jw_val(&w, it.val);
            }
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    json_free(library);
    json_free(view);
    return err;
}

int rest_view_kept(struct rest_call *c, struct str id, struct json_doc **doc,
                   struct eds_meta *meta)
{
    struct json_doc *library = NULL;
    struct eds_meta m;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = rest_get(c, STR("Library"), id, 0, &text, &m);
    if (!err && m.gone)
        err = AM_E_NOTFOUND;
    if (!err)
        err = rest_json(c, buf_str(&text), &library);
    if (!err)
        err = carried(c, json_root(library), doc);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.notfound", id);
    if (!err)
        err = rest_seen(c, str_c(m.type), m.id);
    if (!err && meta)
        *meta = m;
    json_free(library);
    buf_release(&text);
    return err;
}

/* ---- handlers ---- */
/* c->out, where it is the Library, as the view it carries. */
static int retold(struct rest_call *c)
{
    struct buf out, swap;
    int err;
    if (!c->out.n || c->ret == REST_OUTCOME)
        return AM_OK;
    buf_init(&out, c->r->c.told_max);
    err = told(c, buf_str(&c->out), &out);
    if (!err) {
        swap = c->out;
        c->out = out;
        out = swap;
    }
    buf_release(&out);
    return err;
}

/* "…/Library/x/_history/1" as the view is asked for. */
static void relocated(struct rest_call *c)
{
    char at[REST_LOCATION];
    const char *id = strstr(c->a->location, "/Library/"),
               *end = strstr(c->a->location, "/_history/");
    if (!id || !end)
        return;
    snprintf(at, sizeof at, "%.*s/ViewDefinition/%.*s", (int)(id - c->a->location),
             c->a->location, (int)(end - id - 9), id + 9);
    snprintf(c->a->location, sizeof c->a->location, "%s", at);
}

/* XML has no form for what is no type of R4. */
static int json_only(struct rest_call *c)
{
    if (!c->xml)
        return AM_OK;
    c->status = 406;
    return rest_bad(c, AM_E_UNSUPPORTED, "Accept", "rest.view_format", STR("xml"));
}

static int view_write(struct rest_call *c, int (*write)(struct rest_call *c))
{
    struct view *v = NULL;
    int err = json_only(c);
    if (!err)
        err = rest_body(c, STR("ViewDefinition"));
    if (!err)
        err = view_compile(&v, c->body, &c->d);
    view_free(v);
    if (!err)
        err = carry(c);
    if (!err)
        err = write(c);
    if (err)
        return err;
    relocated(c);
    return retold(c) ? AM_E_UNSURE : AM_OK;
}

int rest_h_view_create(struct rest_call *c)
{
    return view_write(c, rest_h_create);
}

int rest_h_view_update(struct rest_call *c)
{
    return view_write(c, rest_h_update);
}

int rest_h_view_read(struct rest_call *c)
{
    int err = json_only(c);
    if (!err)
        err = rest_h_read(c);
    if (err || c->status == 304)
        return err;
    err = retold(c);
    return err == AM_E_NOTFOUND ? rest_bad(c, err, "", "rest.notfound", c->id) : err;
}

/* ---- those there are ---- */
struct view_list {
    struct rest_call *c;
    struct eds_view *v;
    struct buf one, entries;
    struct jw w;
    int64_t n;
};
static const char list_known[] = "_id name url status resource";

/* Is it what is asked for? Its members are those texts. */
static bool listed(const struct rest_call *c, const struct json *view)
{
    for (size_t i = 0; i < c->pairs; i++) {
        const struct fhir_pair *p = &c->pair[i];
        struct str left = str_c(list_known);
        bool asked = false;
        while (left.n && !asked)
            asked = str_eq(str_cut(left, ' ', &left), p->name);
        if (asked && !str_eq(json_str(str_eqc(p->name, "_id") ? json_get(view, "id")
                                                              : json_getn(view, p->name)),
                             p->value))
            return false;
    }
    return true;
}

static int list_view(struct view_list *l, const struct eds_meta *m)
{
    struct json_doc *view = NULL;
    int err = rest_json(l->c, buf_str(&l->one), &view);
    if (!err && listed(l->c, json_root(view))) {
        jw_obj(&l->w);
        jw_key(&l->w, "fullUrl");
        jw_strf(&l->w, "%s/ViewDefinition/%s", l->c->r->c.base, m->id);
        jw_kval(&l->w, "resource", json_root(view));
        jw_key(&l->w, "search");
        jw_obj(&l->w);
        jw_kstrz(&l->w, "mode", "match");
        jw_obj_end(&l->w);
        jw_obj_end(&l->w);
        l->n++;
        err = rest_seen(l->c, str_c(m->type), m->id);
    }
    json_free(view);
    return err;
}

static int list_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct view_list *l = arg;
    bool yes = true;
    int err = rest_sees(l->c, l->v, m, body, &yes);
    if (err || !yes)
        return err;
    buf_clear(&l->one);
    err = told(l->c, body, &l->one);
    if (!err)
        err = list_view(l, m);
    return err == AM_E_NOTFOUND ? AM_OK : err; /* a Library without a view */
}

static int list_in(struct eds_view *v, void *arg)
{
    struct view_list *l = arg;
    l->v = v;
    return eds_each(v, STR("Library"), 0, list_one, l);
}

/* All of them, in the order they were written: there are few, and no pages. */
int rest_h_view_list(struct rest_call *c)
{
    struct view_list l = {.c = c};
    struct jw w;
    int err = rest_only(c, list_known);
    if (!err)
        err = json_only(c);
    if (err)
        return err;
    buf_init(&l.one, 2 * EDS_BODY_MAX);
    buf_init(&l.entries, c->r->c.told_max);
    jw_init(&l.w, &l.entries);
    jw_arr(&l.w);
    err = eds_view(c->r->c.eds, list_in, &l);
    jw_arr_end(&l.w);
    if (!err)
        err = jw_done(&l.w);
    if (!err) {
        jw_init(&w, &c->out);
        rest_list_begin(c, &w, "searchset", l.n);
        if (l.n) {
            jw_key(&w, "entry");
            jw_raw(&w, buf_str(&l.entries));
        }
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    buf_release(&l.one);
    buf_release(&l.entries);
    return err;
}
