/* SPDX-License-Identifier: Apache-2.0 */
/* _history of a resource, a type, everything: newest first, a page at a time below a rid,
 * so that what is written meanwhile is on no later page. */
#include "rest/rest_priv.h"

enum { HISTORY_COUNT = 20, HISTORY_MOST = 1000 };

struct history {
    struct rest_call *c;
    struct eds_view *v;
    struct eds_past p;
    size_t count, n;
    int64_t last, next;    /* rid */
    bool at;               /* those that were current at some time from lo to hi */
    int64_t lo, hi, newer; /* newer: when the version after this one came; 0: none did */
    int64_t below; /* with `at`: of the page, since newer ones are looked at too */
    struct jw w;
    struct buf entries, told;
};

static void history_request(struct history *h, const struct eds_meta *m)
{
    jw_key(&h->w, "request");
    jw_obj(&h->w);
    jw_kstrz(&h->w, "method", m->gone ? "DELETE" : m->ver == 1 ? "POST" : "PUT");
    jw_key(&h->w, "url");
    if (m->ver == 1 && !m->gone)
        jw_strz(&h->w, m->type);
    else
        jw_strf(&h->w, "%s/%s", m->type, m->id);
    jw_obj_end(&h->w);
}

static void history_response(struct history *h, const struct eds_meta *m)
{
    char at[TIME_TEXT];
    jw_key(&h->w, "response");
    jw_obj(&h->w);
    jw_kstrz(&h->w, "status", m->gone ? "204" : m->ver == 1 ? "201" : "200");
    jw_key(&h->w, "etag");
    jw_strf(&h->w, "W/\"%lld\"", (long long)m->ver);
    jw_kstrz(&h->w, "lastModified", time_format(m->at, at));
    jw_obj_end(&h->w);
}

/* _at: was it current then? Versions of one resource come newest first. */
static bool history_current(struct history *h, const struct eds_meta *m)
{
    int64_t newer = h->newer;
    h->newer = m->at;
    return !h->at || (m->at <= h->hi && (!newer || newer > h->lo) &&
                      (!h->below || m->rid < h->below));
}

static int history_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct history *h = arg;
    struct rest_call *c = h->c;
    bool yes;
    int err = rest_sees(c, h->v, m, body, &yes);
    if (err || !yes || !history_current(h, m))
        return err;
    if (!h->count) { /* none is told, all are counted */
        h->n++;
        return c->id.n ? AM_OK : 1;
    }
    if (h->n == h->count) {
        h->next = h->last;
        return 1;
    }
    h->n++;
    h->last = m->rid;
    buf_clear(&h->told);
    err = rest_seen(c, str_c(m->type), m->id);
    if (!err && !m->gone)
        err = rest_tell(c, &h->told, body);
    if (err)
        return err;
    jw_obj(&h->w);
    jw_key(&h->w, "fullUrl");
    jw_strf(&h->w, "%s/%s/%s", c->r->c.base, m->type, m->id);
    if (!m->gone) {
        jw_key(&h->w, "resource");
        jw_raw(&h->w, buf_str(&h->told));
    }
    history_request(h, m);
    history_response(h, m);
    jw_obj_end(&h->w);
    return h->w.err;
}

static int history_in(struct eds_view *v, void *arg)
{
    struct history *h = arg;
    int err;
    h->v = v;
    jw_init(&h->w, &h->entries);
    jw_arr(&h->w);
    err = eds_history(v, &h->p, history_one, h);
    jw_arr_end(&h->w);
    return err ? err : jw_done(&h->w);
}

static int history_ask(struct rest_call *c, struct history *h)
{
    struct str count = rest_param(c, "_count"), since = rest_param(c, "_since"),
               page = rest_param(c, "_page"), at = rest_param(c, "_at");
    int64_t n = HISTORY_COUNT, lo, hi;
    if (count.p && str_int(count, 0, INT32_MAX, &n))
        return rest_bad(c, AM_E_SYNTAX, "_count", "search.count", count);
    h->count = (size_t)AM_MIN(n, HISTORY_MOST);
    if (since.p) {
        if (fhir_date_interval(since, &lo, &hi))
            return rest_bad(c, AM_E_SYNTAX, "_since", "search.date", since);
        h->p.since_at = lo;
    }
    if (page.p && str_int(page, 1, INT64_MAX, &h->p.below))
        return rest_bad(c, AM_E_SYNTAX, "_page", "search.page", page);
    if (at.p) {
        if (fhir_date_interval(at, &h->lo, &h->hi))
            return rest_bad(c, AM_E_SYNTAX, "_at", "search.date", at);
        h->at = true;
        h->below = h->p.below;
        h->p.below = 0;
    }
    return AM_OK;
}

static int history_link(struct history *h, struct jw *w, const char *rel, int64_t page)
{
    struct fhir_pair kept[5];
    char text[24] = "";
    size_t n = 0;
    struct buf url;
    int err;
    for (size_t i = 0; i < h->c->pairs && n < AM_LEN(kept); i++)
        if (str_eqc(h->c->pair[i].name, "_count") ||
            str_eqc(h->c->pair[i].name, "_since") || str_eqc(h->c->pair[i].name, "_at"))
            kept[n++] = h->c->pair[i];
    if (page)
        snprintf(text, sizeof text, "%lld", (long long)page);
    buf_init(&url, FHIR_QUERY_TEXT);
    err = rest_url(h->c, &url, kept, n, str_c(text));
    if (!err)
        rest_list_link(w, rel, buf_str(&url));
    buf_release(&url);
    return err;
}

static int history_tell(struct history *h)
{
    struct jw w;
    int err;
    jw_init(&w, &h->c->out);
    rest_list_begin(h->c, &w, "history",
                    h->c->id.n && !h->next && !h->p.below && !h->below ? (int64_t)h->n
                                                                       : -1);
    jw_key(&w, "link");
    jw_arr(&w);
    err = history_link(h, &w, "self", h->at ? h->below : h->p.below);
    if (!err && h->next)
        err = history_link(h, &w, "next", h->next);
    jw_arr_end(&w);
    if (h->n && h->count) {
        jw_key(&w, "entry");
        jw_raw(&w, buf_str(&h->entries));
    }
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

int rest_h_history(struct rest_call *c)
{
    struct history h = {.c = c, .p = {.type = c->type, .id = c->id, .bodies = true}};
    int err = rest_only(c, c->id.n ? "_count _since _at _page" : "_count _since _page");
    if (!err)
        err = history_ask(c, &h);
    if (err)
        return err;
    buf_init(&h.entries, c->r->c.told_max);
    buf_init(&h.told, 2 * EDS_BODY_MAX);
    err = eds_view(c->r->c.eds, history_in, &h);
    if (!err && c->id.n && !h.n && !h.p.below && !h.p.since_at && !h.at)
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->id);
    if (err == AM_E_NOTFOUND && !c->id.n)
        err = AM_OK; /* a type never met has no versions */
    if (!err)
        err = history_tell(&h);
    buf_release(&h.entries);
    buf_release(&h.told);
    return err;
}
