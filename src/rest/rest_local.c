/* SPDX-License-Identifier: Apache-2.0 */
/* References to this server by its whole address, its own or a former one, are stored as
 * "Type/id". Else who is meant would depend on how he was written: care, oppositions,
 * compartments and exports go by the index, which holds a reference as it stands. */
#include "rest/rest_priv.h"

/* Of "https://host/path": what compares without regard to case (RFC 3986, 6.2.2.1). */
static size_t local_host(struct str address)
{
    for (size_t i = 0; i + 2 < address.n; i++)
        if (!memcmp(address.p + i, "://", 3)) {
            struct str rest = str_sub(address, i + 3, address.n);
            return i + 3 + str_find(rest, '/');
        }
    return 0;
}

static bool local_under(struct str s, struct str address, struct str *name)
{
    size_t host = local_host(address);
    if (!address.n || s.n <= address.n + 1 || s.p[address.n] != '/' ||
        !str_eq_nocase(str_sub(s, 0, host), str_sub(address, 0, host)) ||
        !str_eq(str_sub(s, host, address.n), str_sub(address, host, address.n)))
        return false;
    *name = str_sub(s, address.n + 1, s.n);
    return true;
}

/* "Type/id", "Type/id/_history/2": a resource, and no other page of ours. */
static bool local_resource(struct str name)
{
    struct str rest, type = str_cut(name, '/', &rest);
    return fhir_search_type(type) && eds_id_ok(str_cut(rest, '/', &rest));
}

struct str rest_below(struct str base, struct str former, struct str s)
{
    struct str name, left = former;
    bool under = local_under(s, base, &name);
    while (!under && left.n)
        under = local_under(s, str_cut(left, ' ', &left), &name);
    return under && local_resource(name) ? name : s;
}

static struct str local_text(void *arg, struct str key, struct str s)
{
    const struct rest_config *k = arg;
    return str_eqc(key, "reference") ? rest_below(str_c(k->base), str_c(k->former), s)
                                     : s;
}

static bool local_any(struct rest_config *k, const struct json *v)
{
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return false;
    for (json_each(it, v))
        if (json_type(it.val) == JSON_STRING
                ? local_text(k, it.key, json_str(it.val)).n != json_str(it.val).n
                : local_any(k, it.val))
            return true;
    return false;
}

static int local_names(struct rest_call *c, const struct json *resource,
                       struct json_doc **out)
{
    struct buf text;
    struct jw w;
    int err;
    if (!local_any(&c->r->c, resource))
        return AM_OK;
    buf_init(&text, 2 * EDS_BODY_MAX);
    jw_init(&w, &text);
    jw_val_texts(&w, resource, local_text, &c->r->c);
    err = jw_done(&w);
    if (!err)
        err = rest_json(c, buf_str(&text), out);
    buf_release(&text);
    return err;
}

int rest_local(struct rest_call *c, const struct json *resource, struct json_doc **out)
{
    struct json_doc *sub = NULL;
    int err;
    *out = NULL;
    err = local_names(c, resource, out);
    if (err || !c->r->subs ||
        !json_str_is(json_get(resource, "resourceType"), "Subscription"))
        return err;
    err = rest_sub_write(c, *out ? json_root(*out) : resource, &sub);
    json_free(*out);
    *out = sub;
    return err;
}
