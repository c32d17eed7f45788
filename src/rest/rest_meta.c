/* SPDX-License-Identifier: Apache-2.0 */
/* $meta of a type and of the whole store: every profile, tag and security label that is
 * on something who asks may see, each once, in the order first met. It looks at every
 * resource: a question for who keeps the store, not for every page. */
#include "base/map.h"
#include "rest/rest_op.h"

enum { META_MOST = 10000 }; /* different ones */
static const char *const meta_list[] = {"profile", "security", "tag"};

struct meta_all {
    struct rest_call *c;
    struct eds_view *v;
    struct map seen; /* by list, then text, or system and code */
    struct buf list[AM_LEN(meta_list)];
    struct jw w[AM_LEN(meta_list)];
};

static int meta_value(struct meta_all *m, size_t i, const struct json *v)
{
    const char *name =
        json_type(v) == JSON_STRING
            ? arena_printf(&m->c->arena, "%zu%.*s", i, STR_FMT(json_str(v)))
            : arena_printf(&m->c->arena, "%zu%.*s|%.*s", i,
                           STR_FMT(json_get_str(v, "system")),
                           STR_FMT(json_get_str(v, "code")));
    if (!name)
        return AM_E_TOOBIG;
    if (map_has(&m->seen, str_c(name)))
        return AM_OK;
    if (m->seen.n >= META_MOST)
        return AM_E_TOOBIG;
    jw_val(&m->w[i], v);
    return map_set(&m->seen, str_c(name), 0);
}

static int meta_of(struct meta_all *m, struct str body)
{
    struct json_doc *doc = NULL;
    int err = rest_json(m->c, body, &doc);
    for (size_t i = 0; i < AM_LEN(meta_list) && !err; i++)
        for (json_each(it, json_get(json_get(json_root(doc), "meta"), meta_list[i])))
            if (!err)
                err = meta_value(m, i, it.val);
    json_free(doc);
    return err;
}

static int meta_one(void *arg, const struct eds_meta *meta, struct str body)
{
    struct meta_all *m = arg;
    bool yes = false;
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(meta_list); i++)
        yes |= memmem(body.p, body.n, meta_list[i], strlen(meta_list[i])) != NULL;
    if (yes)
        err = rest_sees(m->c, m->v, meta, body, &yes);
    return err || !yes ? err : meta_of(m, body);
}

static int meta_in(struct eds_view *v, void *arg)
{
    struct meta_all *m = arg;
    m->v = v;
    return eds_each(v, m->c->type, 0, meta_one, m);
}

static int meta_tell(struct meta_all *m)
{
    struct jw w;
    jw_init(&w, &m->c->out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Parameters");
    jw_key(&w, "parameter");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "name", "return");
    jw_key(&w, "valueMeta");
    jw_obj(&w);
    for (size_t i = 0; i < AM_LEN(meta_list); i++)
        if (m->list[i].n > 2) { /* "[]": none */
            jw_key(&w, meta_list[i]);
            jw_raw(&w, buf_str(&m->list[i]));
        }
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

int rest_h_meta_all(struct rest_call *c)
{
    struct meta_all m = {.c = c};
    int err = rest_only(c, "");
    if (err)
        return err;
    map_init(&m.seen);
    for (size_t i = 0; i < AM_LEN(meta_list); i++) {
        buf_init(&m.list[i], 4 << 20);
        jw_init(&m.w[i], &m.list[i]);
        jw_arr(&m.w[i]);
    }
    err = eds_view(c->r->c.eds, meta_in, &m);
    for (size_t i = 0; i < AM_LEN(meta_list); i++) {
        jw_arr_end(&m.w[i]);
        if (!err)
            err = jw_done(&m.w[i]);
    }
    if (!err)
        err = meta_tell(&m);
    for (size_t i = 0; i < AM_LEN(meta_list); i++)
        buf_release(&m.list[i]);
    map_release(&m.seen);
    return err;
}
