/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: a Bundle of type history whose first entry, a Parameters, says what of
 * (Subscriptions R5 Backport 1.1, the shapes for R4). */
#include "rest/rest_sub.h"

struct sub_telling {
    struct rest_call *c, *also;
    const struct rest_sub *s;
    const struct rest_sub_spec *spec;
    enum rest_sub_kind kind;
    const struct rest_sub_event *event;
    size_t n;
    struct eds_view *v;
    struct jw params, entries;
    struct buf text;
};

static const char *tell_kind(enum rest_sub_kind k)
{
    static const char *const name[] = {"handshake", "event-notification", "heartbeat",
                                       "query-status", "query-event"};
    return name[k];
}

static void tell_param(struct jw *w, const char *name, const char *value, struct str s)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kstr(w, value, s);
    jw_obj_end(w);
}

static void tell_number(struct jw *w, const char *name, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    tell_param(w, name, "valueString", str_c(text));
}

static void tell_reference(struct sub_telling *t, struct jw *w, const char *name,
                           const char *type, const char *id)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_key(w, "valueReference");
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "%s/%s/%s", t->c->r->c.base, type, id);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void tell_topic(struct sub_telling *t)
{
    struct jw *w = &t->params;
    jw_obj(w);
    jw_kstrz(w, "name", "topic");
    jw_key(w, "valueCanonical");
    jw_strf(w, SUB_TOPIC "%.*s", STR_FMT(t->spec->type));
    jw_obj_end(w);
}

/* "rest.sub_unreached 503": the code, and what came. */
static int tell_error(struct sub_telling *t)
{
    struct str rest;
    struct diag_item it = {.path = "", .detail = "", .format = ""};
    struct jw *w = &t->params;
    struct buf text;
    int err;
    if (!t->s->error[0])
        return AM_OK;
    it.code = arena_dup(&t->c->arena, str_cut(str_c(t->s->error), ' ', &rest));
    buf_init(&text, 4096);
    err = it.code ? rest_say(t->c, &text, &it) : AM_E_NOMEM;
    if (!err && rest.n)
        err = buf_addf(&text, " (%.*s)", STR_FMT(rest));
    jw_obj(w);
    jw_kstrz(w, "name", "error");
    jw_key(w, "valueCodeableConcept");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "urn:amane:cs:problem");
    jw_kstrz(w, "code", it.code);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstr(w, "text", buf_str(&text));
    jw_obj_end(w);
    jw_obj_end(w);
    buf_release(&text);
    return err;
}

/* ---- events ---- */
static void tell_request(struct jw *w, const struct rest_sub_event *e)
{
    bool first = e->ver == 1 && !e->gone;
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", e->gone ? "DELETE" : first ? "POST" : "PUT");
    jw_key(w, "url");
    if (first)
        jw_strz(w, e->type);
    else
        jw_strf(w, "%s/%s", e->type, e->id);
    jw_obj_end(w);
    jw_key(w, "response");
    jw_obj(w);
    jw_kstrz(w, "status", e->gone ? "204" : first ? "201" : "200");
    jw_obj_end(w);
}

static void tell_entry(struct sub_telling *t, const struct rest_sub_event *e)
{
    struct jw *w = &t->entries;
    jw_obj(w);
    jw_key(w, "fullUrl");
    jw_strf(w, "%s/%s/%s", t->c->r->c.base, e->type, e->id);
    if (!e->gone && t->spec->content == SUB_FULL) {
        jw_key(w, "resource");
        jw_raw(w, buf_str(&t->text));
    }
    tell_request(w, e);
    jw_obj_end(w);
}

/* May he see it now? Not what was erased since either. */
static int tell_seen(struct sub_telling *t, const struct rest_sub_event *e, bool *yes)
{
    struct eds_meta m;
    int err;
    *yes = false;
    buf_clear(&t->text);
    err = eds_get(t->v, str_c(e->type), str_c(e->id), e->ver, &t->text, &m);
    if (err == AM_E_NOTFOUND || (!err && m.erased))
        return AM_OK;
    if (!err)
        err = rest_sees(t->c, t->v, &m, buf_str(&t->text), yes);
    if (!err && *yes && t->also)
        err = rest_sees(t->also, t->v, &m, buf_str(&t->text), yes);
    if (!err && *yes)
        err = rest_seen(t->c, str_c(e->type), e->id);
    return err;
}

static int tell_event(struct sub_telling *t, const struct rest_sub_event *e)
{
    struct jw *w = &t->params;
    char at[TIME_TEXT];
    bool yes = false;
    int err = t->spec->content == SUB_EMPTY ? AM_OK : tell_seen(t, e, &yes);
    if (err)
        return err;
    jw_obj(w);
    jw_kstrz(w, "name", "notification-event");
    jw_key(w, "part");
    jw_arr(w);
    tell_number(w, "event-number", e->n);
    tell_param(w, "timestamp", "valueInstant", str_c(time_format(e->at, at)));
    if (yes) {
        tell_reference(t, w, "focus", e->type, e->id);
        tell_entry(t, e);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return AM_OK;
}

static int tell_params(struct sub_telling *t, const char *id)
{
    struct jw *w = &t->params;
    int err = AM_OK;
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Parameters");
    jw_kstrz(w, "id", id);
    jw_key(w, "meta");
    jw_obj(w);
    jw_key(w, "profile");
    jw_arr(w);
    jw_strz(w, SUB_BACKPORT "subscription-status-r4");
    jw_arr_end(w);
    jw_obj_end(w);
    jw_key(w, "parameter");
    jw_arr(w);
    tell_reference(t, w, "subscription", "Subscription", t->s->id);
    tell_topic(t);
    tell_param(w, "status", "valueCode", str_c(rest_sub_status_name(t->s->status)));
    tell_param(w, "type", "valueCode", str_c(tell_kind(t->kind)));
    tell_number(w, "events-since-subscription-start", t->s->n);
    for (size_t i = 0; i < t->n && !err; i++)
        err = tell_event(t, &t->event[i]);
    if (t->kind == SUB_QUERY && !err)
        err = tell_error(t);
    jw_arr_end(w);
    jw_obj_end(w);
    return err ? err : jw_done(w);
}

static void tell_first(struct sub_telling *t, struct jw *w, const char *id,
                       struct str params)
{
    jw_obj(w);
    jw_key(w, "fullUrl");
    jw_strf(w, "urn:uuid:%s", id);
    jw_key(w, "resource");
    jw_raw(w, params);
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", "GET");
    jw_key(w, "url");
    jw_strf(w, "%s/Subscription/%s/$status", t->c->r->c.base, t->s->id);
    jw_obj_end(w);
    jw_key(w, "response");
    jw_obj(w);
    jw_kstrz(w, "status", "200");
    jw_obj_end(w);
    jw_obj_end(w);
}

static int tell_bundle(struct sub_telling *t, const char *id, struct str params,
                       struct str entries, struct buf *out)
{
    char at[TIME_TEXT], own[37];
    struct jw w;
    int err = eds_new_id(own);
    if (err)
        return err;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "id", own);
    jw_key(&w, "meta");
    jw_obj(&w);
    jw_key(&w, "profile");
    jw_arr(&w);
    jw_strz(&w, SUB_BACKPORT "subscription-notification-r4");
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_kstrz(&w, "type", "history");
    jw_kstrz(&w, "timestamp", time_format(time_now(), at));
    jw_key(&w, "entry");
    jw_arr(&w);
    tell_first(t, &w, id, params);
    if (entries.n > 2) /* "[...]": its elements */
        jw_raw(&w, str_sub(entries, 1, entries.n - 1));
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

struct tell_view {
    struct sub_telling *t;
    const char *id;
};

static int tell_params_in(struct eds_view *v, void *arg)
{
    const struct tell_view *a = arg;
    a->t->v = v;
    return tell_params(a->t, a->id);
}

int rest_sub_tell_status(struct rest_call *c, const struct rest_sub *s,
                         const struct rest_sub_spec *spec, struct jw *w)
{
    struct sub_telling t = {.c = c, .s = s, .spec = spec, .kind = SUB_QUERY};
    struct buf params;
    char id[37];
    int err = eds_new_id(id);
    buf_init(&params, 1 << 20);
    jw_init(&t.params, &params);
    if (!err)
        err = tell_params(&t, id); /* of no events: no view */
    jw_obj(w);
    jw_key(w, "fullUrl");
    jw_strf(w, "urn:uuid:%s", id);
    jw_key(w, "resource");
    jw_raw(w, buf_str(&params));
    jw_key(w, "search");
    jw_obj(w);
    jw_kstrz(w, "mode", "match");
    jw_obj_end(w);
    jw_obj_end(w);
    buf_release(&params);
    return err;
}

int rest_sub_tell(struct rest_call *c, const struct rest_sub_telling_of *of,
                  struct buf *out)
{
    struct sub_telling t = {.c = c,
                            .also = of->also,
                            .s = of->s,
                            .spec = of->spec,
                            .kind = of->kind,
                            .n = of->n};
    struct buf params, entries;
    char id[37];
    int err = eds_new_id(id);
    if (of->n)
        t.event = of->s->event.v + of->from;
    buf_init(&params, 4 << 20);
    buf_init(&entries, c->r->c.told_max);
    buf_init(&t.text, 2 * EDS_BODY_MAX);
    jw_init(&t.params, &params);
    jw_init(&t.entries, &entries);
    jw_arr(&t.entries);
    if (!err)
        err = eds_view(c->r->c.eds, tell_params_in, &(struct tell_view){&t, id});
    jw_arr_end(&t.entries);
    if (!err)
        err = jw_done(&t.entries);
    if (!err)
        err = tell_bundle(&t, id, buf_str(&params), buf_str(&entries), out);
    buf_release(&t.text);
    buf_release(&entries);
    buf_release(&params);
    return err;
}
