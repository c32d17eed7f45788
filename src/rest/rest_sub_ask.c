/* SPDX-License-Identifier: Apache-2.0 */
/* Subscription/[id]/$status and $events: how a Subscription stands, and events that were
 * numbered, as who asks may see them. Both from what is on the disk, which no delivery
 * is ahead of. */
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

static int asking_read(struct sub_asking *a)
{
    struct rest_call *c = a->c;
    const struct json *v;
    struct str status;
    int err = rest_current(c, &a->doc);
    if (err)
        return err;
    if (!c->r->subs)
        return rest_bad(c, AM_E_NOTFOUND, "", "rest.sub_off", STR_NULL);
    v = json_root(a->doc);
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

static int asking(struct rest_call *c, enum rest_sub_kind kind, const char *known)
{
    struct sub_asking a = {.c = c};
    size_t from = 0, n = 0;
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, known);
    if (!err)
        err = asking_read(&a);
    if (!err && kind == SUB_ASKED)
        err = asking_content(&a);
    if (!err && kind == SUB_ASKED)
        err = asking_events(&a, &from, &n);
    if (!err)
        err = rest_sub_tell(c, &a.s, &a.spec, kind, from, n, &c->out);
    vec_release(&a.s.event);
    json_free(a.doc);
    return err;
}

int rest_h_sub_status(struct rest_call *c)
{
    return asking(c, SUB_QUERY, "");
}

int rest_h_sub_events(struct rest_call *c)
{
    return asking(c, SUB_ASKED, "eventsSinceNumber eventsUntilNumber content");
}
