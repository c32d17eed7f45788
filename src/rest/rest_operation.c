/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: $validate, $meta, $meta-add, $meta-delete. */
#include "rest/rest_priv.h"

static const struct json *operation_param(const struct json *params, const char *name)
{
    for (json_each(it, json_get(params, "parameter")))
        if (json_str_is(json_get(it.val, "name"), name))
            return it.val;
    return NULL;
}

/* ---- $validate ---- */
static int validate_stored(struct rest_call *c)
{
    int err = rest_current(c, &c->doc);
    if (!err)
        c->body = json_root(c->doc);
    return err;
}

/* What is not there can not be deleted: 404. */
static int validate_there(struct rest_call *c)
{
    struct json_doc *doc = NULL;
    int err = rest_current(c, &doc);
    json_free(doc);
    return err ? err : rest_outcome(c, AM_OK);
}

/* A code or address of the Parameters; what the query said stays where they say none. */
static void validate_value(const struct json *params, const char *name, struct str *out)
{
    for (json_each(it, operation_param(params, name)))
        if (str_starts(it.key, STR("value")))
            *out = json_str(it.val);
}

/* What is to be done with it: "" (is it valid?), create, update, delete, profile. */
static int validate_mode(struct rest_call *c, struct str mode)
{
    bool one = str_eqc(mode, "update") || str_eqc(mode, "delete");
    if (!mode.n || str_eqc(mode, "create") || str_eqc(mode, "profile") || one) {
        if (one && !c->id.n) /* of which? */
            return rest_bad(c, AM_E_SYNTAX, "mode", "rest.value", mode);
        return AM_OK;
    }
    return rest_bad(c, AM_E_SYNTAX, "mode", "rest.value", mode);
}

/* "update": it says the id it is sent to. */
static void validate_id(struct rest_call *c, struct str mode)
{
    struct str id = json_get_str(c->body, "id");
    if (str_eqc(mode, "update") && !str_eq(id, c->id))
        (void)rest_bad(c, AM_OK, "/id", "rest.other_id", id);
}

/* *profile and *mode: asked for in the Parameters, if they are. */
static int validate_sent(struct rest_call *c, struct str *profile, struct str *mode)
{
    int err = rest_body(c, STR_NULL);
    if (err)
        return err;
    if (json_str_is(json_get(c->body, "resourceType"), "Parameters") &&
        !str_eqc(c->type, "Parameters")) {
        validate_value(c->body, "profile", profile);
        validate_value(c->body, "mode", mode);
        if (str_eqc(*mode, "delete")) /* nothing to look at is sent */
            return AM_OK;
        c->body = json_get(operation_param(c->body, "resource"), "resource");
    }
    if (!json_get_str(c->body, "resourceType").n)
        return rest_bad(c, AM_E_SYNTAX, "", "rest.resource", STR_NULL);
    return AM_OK;
}

int rest_h_validate(struct rest_call *c)
{
    struct str is, profile, mode;
    int err = rest_only(c, "profile mode");
    if (err)
        return err;
    profile = rest_param(c, "profile");
    mode = rest_param(c, "mode");
    err = c->q->method == REST_GET || str_eqc(mode, "delete")
              ? AM_OK
              : validate_sent(c, &profile, &mode);
    if (!err)
        err = validate_mode(c, mode);
    if (!err && str_eqc(mode, "delete"))
        return validate_there(c);
    if (!err && c->q->method == REST_GET)
        err = validate_stored(c);
    if (err)
        return err;
    validate_id(c, mode);
    is = json_get_str(c->body, "resourceType");
    if (!str_eq(is, c->type))
        (void)rest_bad(c, AM_OK, "/resourceType", "rest.other_type", is);
    err = rest_judge(c, c->body, profile, FHIR_VALID_ADVICE, &c->d);
    if (err == AM_E_INVALID || err == AM_E_UNSUPPORTED || err == AM_E_NOTFOUND)
        err = AM_OK; /* that is the answer */
    return err ? err : rest_outcome(c, AM_OK);
}

/* ---- $meta ---- */
static int meta_answer(struct rest_call *c, const struct json *meta)
{
    struct jw w;
    jw_init(&w, &c->out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Parameters");
    jw_key(&w, "parameter");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "name", "return");
    jw_kval(&w, "valueMeta", meta);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int meta_read(struct rest_call *c, struct json_doc **out, struct eds_meta *m)
{
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = rest_get(c, c->type, c->id, 0, &text, m);
    if (err == AM_E_NOTFOUND || (!err && m->gone))
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->id);
    if (!err)
        err = rest_json(c, buf_str(&text), out);
    buf_release(&text);
    return err;
}

int rest_h_meta(struct rest_call *c)
{
    struct json_doc *doc = NULL;
    struct eds_meta m;
    int err = rest_only(c, "");
    if (!err)
        err = meta_read(c, &doc, &m);
    if (!err)
        err = rest_seen(c, str_c(m.type), m.id);
    if (!err)
        err = meta_answer(c, json_get(json_root(doc), "meta"));
    json_free(doc);
    return err;
}

static const char *const meta_lists[] = {"profile", "security", "tag"};

/* Codings are the same by system and code; profiles by their text. */
static bool meta_same(const struct json *a, const struct json *b)
{
    if (json_type(a) == JSON_STRING || json_type(b) == JSON_STRING)
        return str_eq(json_str(a), json_str(b));
    return str_eq(json_get_str(a, "system"), json_get_str(b, "system")) &&
           str_eq(json_get_str(a, "code"), json_get_str(b, "code"));
}

static bool meta_has(const struct json *list, const struct json *v)
{
    for (json_each(it, list))
        if (meta_same(it.val, v))
            return true;
    return false;
}

static bool meta_listed(struct str key)
{
    for (size_t i = 0; i < AM_LEN(meta_lists); i++)
        if (str_eqc(key, meta_lists[i]))
            return true;
    return false;
}

/* One list with what is added, or without what is deleted; none is left out. */
static void meta_list(struct jw *w, const char *name, const struct json *old,
                      const struct json *by, bool add)
{
    const struct json *had = json_get(old, name), *more = json_get(by, name);
    size_t n = 0;
    for (json_each(it, had))
        n += add || !meta_has(more, it.val);
    if (add)
        for (json_each(it, more))
            n += !meta_has(had, it.val);
    if (!n)
        return;
    jw_key(w, name);
    jw_arr(w);
    for (json_each(it, had))
        if (add || !meta_has(more, it.val))
            jw_val(w, it.val);
    if (add)
        for (json_each(it, more))
            if (!meta_has(had, it.val))
                jw_val(w, it.val);
    jw_arr_end(w);
}

static void meta_changed(struct jw *w, const struct json *resource, const struct json *by,
                         bool add)
{
    const struct json *old = json_get(resource, "meta");
    jw_obj(w);
    jw_kval(w, "resourceType", json_get(resource, "resourceType"));
    jw_kval(w, "id", json_get(resource, "id"));
    jw_key(w, "meta");
    jw_obj(w);
    for (json_each(it, old))
        if (!meta_listed(it.key)) {
            jw_keyn(w, it.key);
            jw_val(w, it.val);
        }
    for (size_t i = 0; i < AM_LEN(meta_lists); i++)
        meta_list(w, meta_lists[i], old, by, add);
    jw_obj_end(w);
    for (json_each(it, resource))
        if (!str_eqc(it.key, "resourceType") && !str_eqc(it.key, "id") &&
            !str_eqc(it.key, "meta")) {
            jw_keyn(w, it.key);
            jw_val(w, it.val);
        }
    jw_obj_end(w);
}

static int meta_once(struct rest_call *c, const struct json *by, bool add)
{
    struct json_doc *old = NULL, *doc = NULL;
    struct eds_ask ask = {.verb = EDS_UPDATE, .type = c->type, .id = c->id};
    struct eds_done done;
    struct eds_meta m;
    struct buf text;
    struct jw w;
    int err = meta_read(c, &old, &m);
    buf_init(&text, 2 * EDS_BODY_MAX);
    jw_init(&w, &text);
    if (!err) {
        meta_changed(&w, json_root(old), by, add);
        err = jw_done(&w);
    }
    if (!err)
        err = rest_json(c, buf_str(&text), &doc);
    if (!err)
        err = rest_valid(c, json_root(doc));
    ask.body = json_root(doc);
    ask.if_match = m.ver;
    if (!err)
        err = rest_put(c, &ask, &done);
    json_free(doc);
    json_free(old);
    buf_release(&text);
    return err;
}

static int meta_change(struct rest_call *c, bool add)
{
    const struct json *by;
    int err = rest_only(c, "");
    if (!err)
        err = rest_body(c, STR("Parameters"));
    if (err)
        return err;
    by = json_get(operation_param(c->body, "meta"), "valueMeta");
    if (json_type(by) != JSON_OBJECT)
        return rest_bad(c, AM_E_SYNTAX, "/parameter", "rest.meta", STR_NULL);
    for (int i = 0; i < REST_TRIES; i++) {
        err = meta_once(c, by, add);
        if (err != AM_E_CONFLICT && (err != AM_E_PRECONDITION || c->d.errors))
            break;
        err = AM_E_CONFLICT;
    }
    return err ? err : rest_h_meta(c);
}

int rest_h_meta_add(struct rest_call *c)
{
    return meta_change(c, true);
}

int rest_h_meta_delete(struct rest_call *c)
{
    return meta_change(c, false);
}
