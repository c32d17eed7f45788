/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a Subscription beside its resource: how far it was told, and its newest
 * events with their numbers. */
#include <unistd.h>

#include "rest/rest_sub.h"

static int keep_file(const struct rest_subs *x, const struct rest_sub *s,
                     char path[REST_PATH_MAX], struct rest_sealed *out)
{
    /* "." and ".." are ids: no id has a "=". */
    int n = snprintf(path, REST_PATH_MAX, "%s/%s%s", x->dir, s->id[0] == '.' ? "=" : "",
                     s->id);
    *out = (struct rest_sealed){path, str_c(s->id), STR("amane Subscription 1"), "at"};
    return n < REST_PATH_MAX ? AM_OK : AM_E_TOOBIG;
}

static void keep_event(struct jw *w, const struct rest_sub_event *e)
{
    jw_obj(w);
    jw_kint(w, "n", e->n);
    jw_kint(w, "rid", e->rid);
    jw_kint(w, "ver", e->ver);
    jw_kint(w, "at", e->at);
    if (e->gone)
        jw_kbool(w, "gone", true);
    jw_kstrz(w, "type", e->type);
    jw_kstrz(w, "id", e->id);
    jw_obj_end(w);
}

int rest_sub_save(struct rest_subs *x, struct rest_sub *s)
{
    char path[REST_PATH_MAX];
    struct rest_sealed f;
    struct buf b;
    struct jw w;
    int err = keep_file(x, s, path, &f);
    if (err)
        return err;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "same", s->same);
    jw_kint(&w, "rid", s->rid);
    jw_kint(&w, "then", s->then);
    jw_kint(&w, "n", s->n);
    jw_kint(&w, "pending", (int64_t)s->pending);
    jw_key(&w, "event");
    jw_arr(&w);
    for (size_t i = 0; i < s->event.n; i++)
        keep_event(&w, &s->event.v[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = rest_sealed_write(x->r, &f, buf_str(&b), NULL);
    if (!err)
        s->numbered = s->n;
    buf_release(&b);
    return err;
}

static int keep_events(struct rest_sub *s, const struct json *list)
{
    int err = AM_OK;
    s->event.n = 0;
    for (json_each(it, list)) {
        struct rest_sub_event e = {.n = json_int(json_get(it.val, "n"), 0),
                                   .rid = json_int(json_get(it.val, "rid"), 0),
                                   .ver = json_int(json_get(it.val, "ver"), 0),
                                   .at = json_int(json_get(it.val, "at"), 0),
                                   .gone = json_bool(json_get(it.val, "gone"), false)};
        snprintf(e.type, sizeof e.type, "%.*s", STR_FMT(json_get_str(it.val, "type")));
        snprintf(e.id, sizeof e.id, "%.*s", STR_FMT(json_get_str(it.val, "id")));
        err = vec_push(&s->event, e);
        if (err)
            break;
    }
    return err;
}

int rest_sub_load(struct rest_subs *x, struct rest_sub *s)
{
    char path[REST_PATH_MAX];
    struct rest_sealed f;
    struct json_doc *doc = NULL;
    struct buf b;
    int err = keep_file(x, s, path, &f);
    if (err)
        return err;
    buf_init(&b, 1 << 20);
    err = rest_sealed_read(x->r, &f, &b);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err) {
        const struct json *v = json_root(doc);
        err = keep_events(s, json_get(v, "event"));
        snprintf(s->same, sizeof s->same, "%.*s", STR_FMT(json_get_str(v, "same")));
        s->rid = json_int(json_get(v, "rid"), 0);
        s->then = json_int(json_get(v, "then"), 0);
        s->n = s->numbered = json_int(json_get(v, "n"), 0);
        s->pending = (size_t)json_int(json_get(v, "pending"), 0);
        s->pending = AM_MIN(s->pending, s->event.n);
    }
    json_free(doc);
    buf_release(&b);
    return err;
}

void rest_sub_forget(struct rest_subs *x, const struct rest_sub *s)
{
    char path[REST_PATH_MAX];
    struct rest_sealed f;
    if (!keep_file(x, s, path, &f))
        (void)unlink(path);
}
