/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles that list: searches and histories, a page at a time, with self and next. */
#include "rest/rest_term_priv.h"

static int list_escape(struct buf *b, struct str s)
{
    static const char plain[] = "-_.~:/,$|*";
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool keep = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                    (c >= 'A' && c <= 'Z') || (c && strchr(plain, c));
        err = keep ? buf_addc(b, (char)c) : buf_addf(b, "%%%02X", c);
    }
    return err;
}

static int list_param(struct buf *b, bool *more, struct str name, struct str value)
{
    int err = buf_addc(b, *more ? '&' : '?');
    *more = true;
    if (!err)
        err = list_escape(b, name);
    if (!err)
        err = buf_addc(b, '=');
    return err ? err : list_escape(b, value);
}

/* The address of the call, without "_search", with these parameters. */
int rest_url(struct rest_call *c, struct buf *url, const struct fhir_pair *pair, size_t n,
             struct str page)
{
    struct str path = c->q->path;
    bool more = false;
    int err = buf_adds(url, c->r->c.base);
    if (str_ends(path, STR("/_search")))
        path = str_sub(path, 0, path.n - 8);
    if (!err && path.n && path.p[0] != '/')
        err = buf_addc(url, '/');
    if (!err)
        err = buf_add(url, path);
    for (size_t i = 0; i < n && !err; i++)
        if (!str_eqc(pair[i].name, "_page"))
            err = list_param(url, &more, pair[i].name, pair[i].value);
    if (!err && page.n)
        err = list_param(url, &more, STR("_page"), page);
    return err;
}

void rest_list_begin(struct rest_call *c, struct jw *w, const char *type, int64_t total)
{
    (void)c;
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Bundle");
    jw_kstrz(w, "type", type);
    if (total >= 0)
        jw_kint(w, "total", total);
}

void rest_list_link(struct jw *w, const char *rel, struct str url)
{
    jw_obj(w);
    jw_kstrz(w, "relation", rel);
    jw_kstr(w, "url", url);
    jw_obj_end(w);
}

/* ---- search ---- */
struct list_search {
    struct rest_call *c;
    const struct fhir_query *q;
    const struct eds_found *f;
    struct buf body, told, base;
    size_t entries;
    struct jw w;
};

/* What _elements names is of the hits alone (R4 search.html#elements). */
static int list_trimmed(struct list_search *s, struct str body, struct str mode)
{
    struct rest_trim asked = s->c->trim;
    int err;
    if (!str_eqc(mode, "match"))
        s->c->trim.elements = 0;
    buf_clear(&s->told);
    err = rest_tell(s->c, &s->told, body);
    s->c->trim = asked;
    return err;
}

/* One entry; the text of what stands around resources is made once (list_found()). */
static int list_hit(struct list_search *s, struct eds_view *v, int64_t rid,
                    struct str mode)
{
    struct buf *out = &s->c->out;
    struct str body;
    struct eds_meta m = {0};
    int err;
    buf_clear(&s->body);
    err = eds_fetch(v, rid, &s->body, &m);
    body = buf_str(&s->body);
    if (!err)
        err = rest_seen(s->c, str_c(m.type), m.id);
    if (!err && rest_trims(&s->c->trim)) {
        err = list_trimmed(s, body, mode);
        body = buf_str(&s->told);
    }
    const struct str part[] = {s->entries++ ? STR(",{\"fullUrl\":")
                                            : STR("{\"fullUrl\":"),
                               buf_str(&s->base), /* "http://host/fhir, and no end */
                               STR("/"),
                               str_c(m.type),
                               STR("/"),
                               str_c(m.id),
                               STR("\",\"resource\":"),
                               body,
                               STR(",\"search\":{\"mode\":\""),
                               mode,
                               STR("\"}}")};
    for (size_t i = 0; i < AM_LEN(part) && !err; i++)
        err = buf_add(out, part[i]);
    return err;
}

static int list_links(struct list_search *s)
{
    struct buf url;
    int err;
    buf_init(&url, 4 * FHIR_QUERY_TEXT);
    jw_key(&s->w, "link");
    jw_arr(&s->w);
    err = rest_url(s->c, &url, s->q->kept, s->q->n_kept, s->q->page);
    if (!err)
        rest_list_link(&s->w, "self", buf_str(&url));
    buf_clear(&url);
    if (!err && s->f->next[0]) {
        err = rest_url(s->c, &url, s->q->kept, s->q->n_kept, str_c(s->f->next));
        if (!err)
            rest_list_link(&s->w, "next", buf_str(&url));
    }
    jw_arr_end(&s->w);
    buf_release(&url);
    return err;
}

static int list_found(struct list_search *s, struct eds_view *v)
{
    struct jw base;
    int err;
    jw_init(&s->w, &s->c->out);
    rest_list_begin(s->c, &s->w, "searchset", s->f->total);
    err = list_links(s);
    if (s->f->hit.n + s->f->included.n) {
        jw_key(&s->w, "entry");
        jw_raw(&s->w, STR("["));
        err = err ? err : s->w.err;
        jw_init(&base, &s->base);
        jw_strz(&base, s->c->r->c.base);
        err = err ? err : jw_done(&base);
        if (!err)
            buf_cut(&s->base, s->base.n - 1); /* the end of its quotes */
        for (size_t i = 0; i < s->f->hit.n && !err; i++)
            err = list_hit(s, v, s->f->hit.v[i], STR("match"));
        for (size_t i = 0; i < s->f->included.n && !err; i++)
            err = list_hit(s, v, s->f->included.v[i], STR("include"));
        if (!err)
            err = buf_addc(&s->c->out, ']');
    }
    jw_obj_end(&s->w);
    return err ? err : jw_done(&s->w);
}

int rest_list_tell(struct rest_call *c, const struct fhir_query *q, struct eds_view *v,
                   const struct eds_found *f)
{
    struct list_search s = {.c = c, .q = q, .f = f};
    int err;
    c->trim = (struct rest_trim){q->summary, q->element, q->elements};
    buf_init(&s.body, 2 * EDS_BODY_MAX);
    buf_init(&s.told, 2 * EDS_BODY_MAX);
    buf_init(&s.base, 4096);
    err = list_found(&s, v);
    buf_release(&s.base);
    buf_release(&s.body);
    buf_release(&s.told);
    return err;
}

int rest_list_find(struct rest_call *c, const struct fhir_query *q, struct eds_view *v,
                   struct eds_found *out)
{
    const struct rest_config *k = &c->r->c;
    struct eds_source source = eds_view_source(v);
    struct rest_codes codes = {c->r, v, true};
    struct rest_eye eye = {c, v};
    struct eds_search what = {.query = q,
                              .key = *eds_row_key(k->eds),
                              .base = str_c(k->base),
                              .visible = rest_eye(c),
                              .visible_arg = &eye,
                              .codes = rest_codes,
                              .codes_arg = &codes};
    int err = eds_search(&source, &what, out, &c->d);
    if (err == AM_E_TOOBIG || err == AM_E_UNSUPPORTED || err == AM_E_SYNTAX ||
        err == AM_E_NOTFOUND) /* a terminology */
        c->status = 400;
    return err;
}

struct list_view {
    struct rest_call *c;
    const struct fhir_query *q;
};

static int list_view_in(struct eds_view *v, void *arg)
{
    const struct list_view *l = arg;
    struct eds_found f;
    int err = rest_list_find(l->c, l->q, v, &f);
    if (err)
        return err;
    err = rest_list_tell(l->c, l->q, v, &f);
    eds_found_release(&f);
    return err;
}

int rest_list(struct rest_call *c, const struct fhir_query *q)
{
    return eds_view(c->r->c.eds, list_view_in, &(struct list_view){c, q});
}

int rest_h_search(struct rest_call *c)
{
    struct fhir_query q;
    struct fhir_query_config k = {.key = *eds_row_key(c->r->c.eds),
                                  .type = c->other.n ? c->other : c->type,
                                  .base = str_c(c->r->c.base),
                                  .now = time_now(),
                                  .lenient = c->lenient,
                                  .words = true};
    int err;
    if (c->other.n) {
        k.compartment = c->type;
        k.compartment_id = c->id;
    }
    err = fhir_query_parse(&q, &k, c->pair, c->pairs, &c->arena, &c->d);
    if (err) {
        if (err != AM_E_NOMEM)
            c->status = err == AM_E_NOTFOUND ? 404 : 400;
        return err;
    }
    return rest_list(c, &q);
}
