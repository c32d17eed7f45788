/* SPDX-License-Identifier: Apache-2.0 */
/* GET /AuditEvent: the record, for who may read it, a page at a time, the newest first;
 * and that is recorded too. What a page looks at is bounded: where that ends before the
 * page is full, the page is short and the next one goes on. */
#include <stdlib.h>

#include "base/vec.h"
#include "door/door_priv.h"

enum { EVENT_COUNT = 20, EVENT_MOST = 1000, EVENT_BYTES = 32 << 20 };

struct event_list {
    struct door_events e;
    uint64_t below; /* _page */
    size_t count, n;
    struct buf entries; /* of the Bundle, apart by commas */
    struct buf kept;    /* what was asked, for links */
};

static int event_keep(void *arg, struct str event)
{
    struct event_list *l = arg;
    int err = AM_OK;
    if (l->count) {
        err = buf_addf(&l->entries, "%s{\"resource\":", l->n ? "," : "");
        if (!err)
            err = buf_add(&l->entries, event);
        if (!err)
            err = buf_addc(&l->entries, '}');
    }
    l->n++;
    if (err)
        return err;
    return l->count && (l->n == l->count || l->entries.n > EVENT_BYTES);
}

/* As it is to stand in a link. */
static int event_link(struct buf *out, const struct fhir_pair *p)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~:/";
    const struct str part[] = {p->name, p->value};
    int err = AM_OK;
    for (size_t k = 0; k < AM_LEN(part) && !err; k++) {
        err = buf_adds(out, k ? "=" : out->n ? "&" : "?");
        for (size_t i = 0; i < part[k].n && !err; i++) {
            char c = part[k].p[i];
            err = c && strchr(plain, c)
                      ? buf_addc(out, c)
                      : buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    return err;
}

static int event_param(struct event_list *l, struct str name, struct str v)
{
    struct door_events *e = &l->e;
    int64_t n = EVENT_COUNT;
    if (str_eqc(name, "patient") && !e->patient.n)
        e->patient = str_starts(v, STR("Patient/")) ? str_sub(v, 8, v.n) : v;
    else if ((str_eqc(name, "agent:identifier") || str_eqc(name, "agent")) && !e->agent.n)
        e->agent = str_starts(v, STR("|")) ? str_sub(v, 1, v.n) : v;
    else if (str_eqc(name, "date") && v.n && !e->date[1].n)
        e->date[e->date[0].n > 0] = v;
    else if (str_eqc(name, "subtype") && v.n && !e->subtype.n)
        e->subtype = v;
    else if (str_eqc(name, "_security") && v.n && !e->security.n)
        e->security = v;
    else if (str_eqc(name, "_count") && !str_int(v, 0, INT32_MAX, &n))
        l->count = (size_t)AM_MIN(n, EVENT_MOST);
    else if (str_eqc(name, "_page") && !str_int(v, 1, INT64_MAX, &n))
        l->below = (uint64_t)n;
    else if (!str_eqc(name, "_format") && !str_eqc(name, "_pretty"))
        return AM_E_SYNTAX; /* never an answer to less than was asked */
    return AM_OK;
}

static int event_ask(struct http_req *q, struct event_list *l)
{
    struct fhir_pair *pair;
    size_t n;
    int err = fhir_query_split(q->query, q->arena, &pair, &n, NULL);
    for (size_t i = 0; i < n && !err; i++) {
        err = event_param(l, pair[i].name, pair[i].value);
        if (!err && !str_eqc(pair[i].name, "_page"))
            err = event_link(&l->kept, &pair[i]);
    }
    return err;
}

static void event_url(struct jw *w, const struct event_list *l, const struct door *d,
                      const char *relation, uint64_t below)
{
    char page[32] = "";
    if (below)
        snprintf(page, sizeof page, "%c_page=%llu", l->kept.n ? '&' : '?',
                 (unsigned long long)below);
    jw_obj(w);
    jw_kstrz(w, "relation", relation);
    jw_key(w, "url");
    jw_strf(w, "%s/AuditEvent%s%s", d->base, l->kept.n ? l->kept.p : "", page);
    jw_obj_end(w);
}

/* next: 0, or where the page after this one begins. The total is told where all was
 * looked at, from the end of the record to its beginning. */
static int event_bundle(const struct event_list *l, const struct door *d, uint64_t next,
                        struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "searchset");
    if (!next && !l->below)
        jw_kint(&w, "total", (int64_t)l->n);
    jw_key(&w, "link");
    jw_arr(&w);
    event_url(&w, l, d, "self", l->below);
    if (next)
        event_url(&w, l, d, "next", next);
    jw_arr_end(&w);
    if (l->entries.n) {
        jw_key(&w, "entry");
        jw_arr(&w);
        jw_raw(&w, buf_str(&l->entries));
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    return jw_done(&w);
}

static int event_search(struct door_caller *c, const char *mount, struct http_req *q,
                        struct http_resp *a)
{
    struct event_list l = {.e = {.dir = c->door->dir}, .count = EVENT_COUNT};
    const struct rest_access told = {.moment = REST_AFTER,
                                     .interaction = "search-type",
                                     .type = STR("AuditEvent"),
                                     .query = q->query,
                                     .status = 200,
                                     .who = c};
    struct buf text;
    uint64_t next;
    int err;
    buf_init(&l.entries, EVENT_BYTES + 4 * DOOR_TRAIL_RECORD);
    buf_init(&l.kept, 8 * FHIR_QUERY_TEXT);
    buf_init(&text, EVENT_BYTES + 5 * DOOR_TRAIL_RECORD);
    err = event_ask(q, &l);
    next = l.below;
    if (!err)
        err = door_events_back(&l.e, &next, event_keep, &l);
    if (!err)
        err = event_bundle(&l, c->door, next, &text);
    if (!err)
        err = door_note(c->door, &told); /* who read the record */
    if (!err)
        err = rest_http_tell(mount, buf_str(&text), q, a);
    buf_release(&l.entries);
    buf_release(&l.kept);
    buf_release(&text);
    return err;
}

/* ---- one ---- */
static int event_kept(void *arg, struct str event)
{
    int err = buf_add(arg, event);
    return err ? err : 1;
}

static int event_read(struct door_caller *c, const char *mount, struct str id,
                      struct http_req *q, struct http_resp *a)
{
    const struct door_events e = {.dir = c->door->dir};
    struct rest_access told = {.moment = REST_AFTER,
                               .interaction = "read",
                               .type = STR("AuditEvent"),
                               .id = id,
                               .status = 200,
                               .who = c};
    struct buf text;
    int64_t seq = 0;
    uint64_t below;
    char own[32];
    int err = str_int(id, 1, INT64_MAX - 1, &seq) ? AM_E_NOTFOUND : AM_OK;
    buf_init(&text, 2 * DOOR_TRAIL_RECORD);
    below = (uint64_t)seq + 1;
    if (!err)
        err = door_events_back(&e, &below, event_kept, &text);
    snprintf(own, sizeof own, "{\"id\":\"%lld\"", (long long)seq);
    if (!err && !memmem(text.p ? text.p : "", text.n, own + 1, strlen(own + 1)))
        err = AM_E_NOTFOUND; /* the newest is older */
    told.status = err ? am_err_http(err) : 200;
    if (!err || err == AM_E_NOTFOUND) {
        int noted = door_note(c->door, &told);
        err = noted ? noted : err;
    }
    if (!err)
        err = rest_http_tell(mount, buf_str(&text), q, a);
    buf_release(&text);
    return err;
}

bool door_audit_events(struct door_caller *c, const char *mount, struct http_req *q,
                       struct http_resp *a, int *err)
{
    struct str path = str_sub(q->path, strlen(mount), q->path.n);
    enum door_reach reach;
    struct str id = STR_NULL;
    if (str_starts(path, STR("/AuditEvent/")))
        id = str_sub(path, 12, path.n);
    if ((!id.n && !str_eqc(path, "/AuditEvent")) || c->anybody || c->service ||
        (q->method != HTTP_GET && q->method != HTTP_HEAD))
        return false; /* rest knows no other: door_may() refuses */
    if (!(door_may_verbs(c, STR("AuditEvent"), &reach) & (id.n ? DOOR_R : DOOR_S)))
        return false;
    *err = id.n ? event_read(c, mount, id, q, a) : event_search(c, mount, q, a);
    if (*err && am_err_http(*err) < 500)
        *err = rest_http_refuse(mount, *err, id.n ? "rest.notfound" : "door.events", NULL,
                                q, a);
    return true;
}
