/* SPDX-License-Identifier: Apache-2.0 */
/* GET /AuditEvent: the record, for who may read it; and that is recorded too. */
#include <stdlib.h>

#include "door/door_priv.h"

enum { EVENT_COUNT = 20, EVENT_MOST = 1000, EVENT_PARAMS = 16 };

struct event_list {
    struct buf *kept; /* the newest `count`, a ring */
    size_t count, n;
};

static int event_keep(void *arg, struct str event)
{
    struct event_list *l = arg;
    struct buf *b;
    l->n++;
    if (!l->count)
        return AM_OK;
    b = &l->kept[(l->n - 1) % l->count];
    buf_clear(b);
    return buf_add(b, event);
}

static int event_ask(struct http_req *q, struct door_events *e, size_t *count)
{
    struct fhir_pair *pair;
    size_t n;
    int64_t most = EVENT_COUNT;
    int err = fhir_query_split(q->query, q->arena, &pair, &n, NULL);
    for (size_t i = 0; i < n && !err; i++) {
        struct str name = pair[i].name, v = pair[i].value;
        if (str_eqc(name, "patient"))
            e->patient = str_starts(v, STR("Patient/")) ? str_sub(v, 8, v.n) : v;
        else if (str_eqc(name, "agent:identifier") || str_eqc(name, "agent"))
            e->agent = str_starts(v, STR("|")) ? str_sub(v, 1, v.n) : v;
        else if (str_eqc(name, "date") && !e->date.n)
            e->date = v;
        else if (!str_eqc(name, "_count") || str_int(v, 0, INT32_MAX, &most))
            err = AM_E_SYNTAX; /* never an answer to less than was asked */
    }
    *count = (size_t)AM_MIN(most, EVENT_MOST);
    return err;
}

static int event_bundle(const struct event_list *l, struct buf *out)
{
    size_t have = AM_MIN(l->n, l->count);
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "searchset");
    jw_kint(&w, "total", (int64_t)l->n);
    if (have) {
        jw_key(&w, "entry");
        jw_arr(&w);
        for (size_t i = 0; i < have; i++) {
            jw_obj(&w);
            jw_key(&w, "resource");
            jw_raw(&w, buf_str(&l->kept[(l->n - 1 - i) % l->count]));
            jw_obj_end(&w);
        }
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    return jw_done(&w);
}

static int event_search(struct door_caller *c, struct http_req *q, struct http_resp *a)
{
    struct door_events e = {.dir = c->door->dir};
    struct event_list l = {0};
    const struct rest_access told = {.moment = REST_AFTER,
                                     .interaction = "search-type",
                                     .type = STR("AuditEvent"),
                                     .query = q->query,
                                     .status = 200,
                                     .who = c};
    int err = event_ask(q, &e, &l.count);
    if (err)
        return err;
    l.kept = am_calloc(l.count + 1, sizeof *l.kept);
    if (!l.kept)
        return AM_E_NOMEM;
    for (size_t i = 0; i < l.count; i++)
        buf_init(&l.kept[i], 2 * DOOR_TRAIL_RECORD);
    err = door_events(&e, event_keep, &l);
    if (!err)
        err = event_bundle(&l, &a->body);
    for (size_t i = 0; i < l.count; i++)
        buf_release(&l.kept[i]);
    free(l.kept);
    if (!err)
        err = door_note(c->door, &told); /* who read the record */
    if (!err)
        http_setz(q, a, "Content-Type",
                  "application/fhir+json; fhirVersion=4.0; charset=utf-8");
    else
        buf_clear(&a->body);
    return err;
}

bool door_audit_events(struct door_caller *c, const char *mount, struct http_req *q,
                       struct http_resp *a, int *err)
{
    struct str path = str_sub(q->path, strlen(mount), q->path.n);
    enum door_reach reach;
    if (!str_eqc(path, "/AuditEvent") || c->anybody || c->service ||
        (q->method != HTTP_GET && q->method != HTTP_HEAD))
        return false; /* rest knows no other: door_may() refuses */
    if (!(door_may_verbs(c, STR("AuditEvent"), &reach) & DOOR_S))
        return false;
    *err = event_search(c, q, a);
    if (*err && am_err_http(*err) < 500)
        *err = rest_http_refuse(mount, *err, "door.events", NULL, q, a);
    return true;
}
