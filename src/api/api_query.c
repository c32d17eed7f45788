/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter nobody reads is a mistake that would be answered as if it were not there:
 * "/versions/{id}?tree_size=9" would give today's state. Names come from the same list as
 * the OpenAPI document (`queries` of schema/api/components.json); `lang` is everybody's.
 */
#include "api/api_priv.h"

enum { QUERY_NAMES_MAX = 1 << 16, QUERY_PROBLEMS = 16 };

int api_queries_new(struct json_doc **out)
{
    struct json_doc *all = NULL;
    struct buf b;
    struct jw w;
    int err = api_components(&all);
    if (err)
        return err;
    buf_init(&b, QUERY_NAMES_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, json_get(json_root(all), "queries"))) {
        jw_keyn(&w, it.key);
        jw_arr(&w);
        for (json_each(p, it.val))
            jw_val(&w, json_get(p.val, "name"));
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    json_free(all);
    return err;
}

static bool known(const struct json *names, struct str name)
{
    bool found = str_eqc(name, "lang");
    for (json_each(it, names))
        found |= str_eq(json_str(it.val), name);
    return found;
}

int api_check_query(struct api_call *c, const char *handler)
{
    const struct json *names = json_get(json_root(c->api->queries), handler);
    struct str rest = c->req->query;
    size_t n = 0;
    while (rest.n && n < QUERY_PROBLEMS) {
        struct str name = str_cut(str_cut(rest, '&', &rest), '=', &(struct str){0});
        if (!name.n || known(names, name))
            continue;
        diag_err(&c->d, "", "query.unknown", "no such parameter here: %.*s",
                 (int)AM_MIN(name.n, 60), name.p);
        n++;
    }
    return n ? AM_E_SYNTAX : AM_OK;
}
