/* SPDX-License-Identifier: Apache-2.0 */
/* Subscription/$status, Subscription/[id]/$status and $events: how a Subscription stands,
 * and events that were numbered, as who asks may see them. Both from what is on the disk,
 * which no delivery is ahead of. */
#include "rest/rest_op.h"
#include "rest/rest_sub.h"

struct sub_asking {
    struct rest_call *c;
    struct json_doc *doc;
    struct rest_sub s; /* a copy */
    struct rest_sub_spec spec;
};

static int asking_bad(struct rest_call *c, const char *name, const char *code,
                      struct str value)
{
    c->status = 400;
    return rest_bad(c, AM_E_SYNTAX, name, code, value);
}

/* Of a->doc, what stands beside it too. */
static int asking_stands(struct sub_asking *a)
{
    struct rest_call *c = a->c;
    const struct json *v = json_root(a->doc);
    struct str status;
    int err;
    snprintf(a->s.id, sizeof a->s.id, "%.*s", STR_FMT(c->id));
    snprintf(a->s.error, sizeof a->s.error, "%.*s", STR_FMT(json_get_str(v, "error")));
    status = json_get_str(v, "status");
    for (int i = 0; i < SUB_STATUSES; i++)
        if (str_eqc(status, rest_sub_status_name((enum rest_sub_status)i)))
            a->s.status = (enum rest_sub_status)i;
    err = rest_sub_load(c->r->subs, &a->s);
    if (err == AM_E_NOTFOUND)
        err = AM_OK; /* nothing was told yet */
    return err ? err : rest_sub_read(c, v, &a->spec);
}

static int asking_read(struct sub_asking *a)
{
    int err = rest_current(a->c, &a->doc);
    if (!err && !a->c->r->subs)
        err = rest_bad(a->c, AM_E_NOTFOUND, "", "rest.sub_off", STR_NULL);
    return err ? err : asking_stands(a);
}

static int asking_number(struct rest_call *c, const char *name, int64_t otherwise,
                         int64_t *out)
{
    struct str s = rest_param(c, name);
    *out = otherwise;
    if (s.p && str_int(s, 1, INT64_MAX, out))
        return asking_bad(c, name, "rest.value", s);
    return AM_OK;
}

static int asking_content(struct sub_asking *a)
{
    struct str s = rest_param(a->c, "content");
    if (s.p && rest_sub_content(s, &a->spec.content))
        return asking_bad(a->c, "content", "rest.value", s);
    return AM_OK;
}

/* Which of the events kept; what is kept no more is said, not left out. */
static int asking_events(struct sub_asking *a, size_t *from, size_t *n)
{
    const struct rest_sub *s = &a->s;
    int64_t since, until, first = s->event.n ? s->event.v[0].n : s->n + 1;
    int err = asking_number(a->c, "eventsSinceNumber", first, &since);
    if (!err)
        err = asking_number(a->c, "eventsUntilNumber", s->n, &until);
    if (err)
        return err;
    if (since < first) {
        char kept[24];
        snprintf(kept, sizeof kept, "%lld", (long long)first);
        return asking_bad(a->c, "eventsSinceNumber", "rest.sub_kept", str_c(kept));
    }
    *from = (size_t)AM_MIN(since - first, (int64_t)s->event.n);
    *n = 0;
    while (*from + *n < s->event.n && s->event.v[*from + *n].n <= until)
        ++*n;
    return AM_OK;
}

int rest_h_sub_events(struct rest_call *c)
{
    struct sub_asking a = {.c = c};
    struct rest_sub_telling_of of = {.s = &a.s, .spec = &a.spec, .kind = SUB_ASKED};
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, "eventsSinceNumber eventsUntilNumber content");
    if (!err)
        err = asking_read(&a);
    if (!err)
        err = asking_content(&a);
    if (!err)
        err = asking_events(&a, &of.from, &of.n);
    if (!err)
        err = rest_sub_tell(c, &of, &c->out);
    vec_release(&a.s.event);
    json_free(a.doc);
    return err;
}

/* ---- $status: a searchset, as the IG has it ---- */
static int status_bundle(struct rest_call *c, int64_t total, struct str entries)
{
    char at[TIME_TEXT], own[37];
    struct jw w;
    int err = eds_new_id(own);
    jw_init(&w, &c->out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "id", own);
    jw_kstrz(&w, "type", "searchset");
    jw_kstrz(&w, "timestamp", time_format(time_now(), at));
    jw_kint(&w, "total", total);
    if (total) { /* no empty lists in FHIR */
        jw_key(&w, "entry");
        jw_raw(&w, entries);
    }
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

struct status_list {
    struct rest_call *c;
    struct eds_view *v;
    struct jw w;
    int64_t n;
};

/* The values of a parameter that is sent several times, or apart by commas. */
static bool status_among(const struct rest_call *c, const char *name, struct str s)
{
    bool any = false;
    for (size_t i = 0; i < c->pairs; i++) {
        struct str left = c->pair[i].value;
        if (!str_eqc(c->pair[i].name, name))
            continue;
        any = true;
        while (left.n)
            if (str_eq(str_trim(str_cut(left, ',', &left)), s))
                return true;
    }
    return !any;
}

/* One whose criteria nobody understands any more, of an import, stands all the same. */
static int status_one(struct status_list *l, const struct eds_meta *m, struct str body)
{
    struct sub_asking a = {.c = l->c};
    struct str id = l->c->id;
    int err = rest_json(l->c, body, &a.doc);
    if (!err && status_among(l->c, "status", json_get_str(json_root(a.doc), "status"))) {
        l->c->id = str_c(m->id);
        err = asking_stands(&a);
        if (err == AM_E_INVALID) {
            diag_clear(&l->c->d);
            l->c->status = 0;
            err = AM_OK;
        }
        if (!err)
            err = rest_seen(l->c, str_c(m->type), m->id);
        if (!err)
            err = rest_sub_tell_status(l->c, &a.s, &a.spec, &l->w);
        l->n++;
        l->c->id = id;
    }
    vec_release(&a.s.event);
    json_free(a.doc);
    return err;
}

static int status_seen(void *arg, const struct eds_meta *m, struct str body)
{
    struct status_list *l = arg;
    bool yes = status_among(l->c, "id", str_c(m->id));
    int err = yes ? rest_sees(l->c, l->v, m, body, &yes) : AM_OK;
    return err || !yes ? err : status_one(l, m, body);
}

static int status_in(struct eds_view *v, void *arg)
{
    struct status_list *l = arg;
    l->v = v;
    return eds_each(v, STR("Subscription"), 0, status_seen, l);
}

static int status_all(struct rest_call *c, struct buf *entries)
{
    struct status_list l = {.c = c};
    int err;
    jw_init(&l.w, entries);
    jw_arr(&l.w);
    err = eds_view(c->r->c.eds, status_in, &l);
    jw_arr_end(&l.w);
    if (!err)
        err = jw_done(&l.w);
    return err ? err : status_bundle(c, l.n, buf_str(entries));
}

static int status_of(struct rest_call *c, struct buf *entries)
{
    struct sub_asking a = {.c = c};
    struct jw w;
    int err = asking_read(&a);
    jw_init(&w, entries);
    jw_arr(&w);
    if (!err)
        err = rest_sub_tell_status(c, &a.s, &a.spec, &w);
    jw_arr_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = status_bundle(c, 1, buf_str(entries));
    vec_release(&a.s.event);
    json_free(a.doc);
    return err;
}

int rest_h_sub_status(struct rest_call *c)
{
    struct buf entries;
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, "id status");
    if (!err && !c->r->subs)
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.sub_off", STR_NULL);
    buf_init(&entries, c->r->c.told_max);
    if (!err) /* at an instance the IG ignores both */
        err = c->id.n ? status_of(c, &entries) : status_all(c, &entries);
    buf_release(&entries);
    return err;
}
