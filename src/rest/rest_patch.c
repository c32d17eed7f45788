/* SPDX-License-Identifier: Apache-2.0 */
/* patch: JSON Patch or FHIRPath Patch on what is current, written only if it still is. */
#include "crypto/crypto.h"
#include "fhir/patch.h"
#include "rest/rest_priv.h"

/* Parsed once, applied as often as the resource changes under it. */
struct patching {
    struct rest_call *c;
    struct json_doc *json; /* a JSON Patch, or NULL: c->body are Parameters */
};

/* In a Bundle, a JSON Patch travels as the data of a Binary. */
int rest_patch_binary(struct rest_call *c, const struct json *binary,
                      struct json_doc **out)
{
    struct str type = json_get_str(binary, "contentType");
    struct buf text;
    int err;
    if (!str_eqc(type, "application/json-patch+json"))
        return rest_bad(c, AM_E_UNSUPPORTED, "", "rest.content_type", type);
    buf_init(&text, EDS_BODY_MAX);
    err = crypto_unbase64(&text, json_get_str(binary, "data"));
    if (err == AM_E_SYNTAX)
        err = rest_bad(c, err, "/data", "rest.value", STR_NULL);
    if (!err)
        err = rest_json(c, buf_str(&text), out);
    buf_release(&text);
    return err;
}

/* ---- the narrative ---- */
/* Did anything change that people read of it? */
static bool patch_says_other(const struct json *before, const struct json *after)
{
    for (json_each(it, after))
        if (!str_eqc(it.key, "meta") && !str_eqc(it.key, "text") &&
            !json_equal(json_getn(before, it.key), it.val))
            return true;
    for (json_each(it, before))
        if (!str_eqc(it.key, "meta") && !json_getn(after, it.key))
            return true;
    return false;
}

static int patch_untold(struct rest_call *c, struct json_doc **doc)
{
    struct json_doc *bare = NULL;
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, FHIR_PATCH_B);
    jw_init(&w, &text);
    jw_obj(&w);
    for (json_each(it, json_root(*doc)))
        if (!str_eqc(it.key, "text")) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = rest_json(c, buf_str(&text), &bare);
    if (!err) {
        json_free(*doc);
        *doc = bare;
    }
    buf_release(&text);
    return err;
}

/* A narrative that a patch left as it was may say what is no more: "it must not be
 * clinically unsafe" (R4 http.html#patch). One made from the data goes; one that says
 * more than the data is for who patches to put right. */
int rest_patch_narrative(struct rest_call *c, const struct json *before,
                         struct json_doc **doc, struct diag *d)
{
    const struct json *after = json_root(*doc), *text = json_get(after, "text");
    if (!text || !json_equal(text, json_get(before, "text")) ||
        !patch_says_other(before, after))
        return AM_OK;
    if (!str_eqc(json_get_str(text, "status"), "additional"))
        return patch_untold(c, doc);
    diag_err(d, "/text", "rest.narrative", "additional");
    return AM_E_INVALID;
}

static int patch_read(struct patching *p)
{
    struct rest_call *c = p->c;
    struct str media = rest_media(c, c->q->header[REST_H_CONTENT_TYPE]);
    int err;
    if (str_eqc(media, "application/json-patch+json"))
        return rest_json(c, c->q->body, &p->json);
    if (c->part && str_eqc(json_get_str(c->body, "resourceType"), "Binary"))
        return rest_patch_binary(c, c->body, &p->json);
    err = rest_body(c, STR_NULL);
    if (!err && !str_eqc(json_get_str(c->body, "resourceType"), "Parameters"))
        err = rest_bad(c, AM_E_SYNTAX, "", "patch.syntax",
                       STR("a Parameters resource is expected"));
    return err;
}

/* The text of the current version, changed and looked at. */
static int patch_apply(struct patching *p, struct str text, const struct eds_meta *m,
                       struct json_doc **out)
{
    struct rest_call *c = p->c;
    struct json_doc *doc = NULL;
    struct buf made;
    int err;
    buf_init(&made, FHIR_PATCH_B);
    err = rest_json(c, text, &doc);
    if (!err)
        err = p->json ? fhir_patch_json(json_root(doc), json_root(p->json), &made, &c->d)
                      : fhir_patch_path(json_root(doc), c->body, &made, &c->d);
    if (!err)
        err = rest_json(c, buf_str(&made), out);
    if (!err)
        err = rest_patch_narrative(c, json_root(doc), out, &c->d);
    if (!err && (!json_str_is(json_get(json_root(*out), "id"), m->id) ||
                 !json_str_is(json_get(json_root(*out), "resourceType"), m->type)))
        err = rest_bad(c, AM_E_INVALID, "/id", "rest.other_id", str_c(m->id));
    if (!err)
        err = rest_valid(c, json_root(*out));
    json_free(doc);
    buf_release(&made);
    return err;
}

static int patch_current(struct patching *p, struct str id, struct eds_meta *m,
                         struct json_doc **out)
{
    struct rest_call *c = p->c;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = rest_get(c, c->type, id, 0, &text, m);
    if (!err && m->gone)
        err = AM_E_NOTFOUND;
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.notfound", id);
    if (!err)
        err = patch_apply(p, buf_str(&text), m, out);
    buf_release(&text);
    return err;
}

/* where NULL: c->id. CONFLICT and a PRECONDITION of ours: it changed meanwhile. */
static int patch_once(struct patching *p, struct rest_where *where, int64_t if_match,
                      struct eds_done *done)
{
    struct rest_call *c = p->c;
    struct eds_ask ask = {.verb = EDS_UPDATE, .type = c->type, .id = c->id};
    struct json_doc *doc = NULL;
    struct eds_meta found, m;
    size_t n = 1;
    int err = where ? rest_where_one(where, &found, &n) : AM_OK;
    if (!err && !n)
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->type);
    if (!err && where) {
        ask.id = str_c(found.id);
        ask.conditional = true;
        ask.match = rest_where_match;
        ask.match_arg = where;
    }
    if (!err)
        err = patch_current(p, ask.id, &m, &doc);
    if (!err && if_match && m.ver != if_match)
        err = rest_bad(c, AM_E_PRECONDITION, "If-Match", "rest.version",
                       c->q->header[REST_H_IF_MATCH]);
    ask.if_match = m.ver;
    ask.body = json_root(doc);
    if (!err)
        err = rest_put(c, &ask, done);
    json_free(doc);
    return err;
}

static int patch_run(struct rest_call *c, struct rest_where *where)
{
    struct patching p = {.c = c};
    struct eds_done done;
    int64_t if_match;
    int err = rest_if_match(c, &if_match);
    if (!err)
        err = patch_read(&p);
    for (int i = 0; i < REST_TRIES && !err; i++) {
        err = patch_once(&p, where, if_match, &done);
        if (err != AM_E_CONFLICT && (err != AM_E_PRECONDITION || c->d.errors))
            break;
        err = i + 1 < REST_TRIES ? AM_OK : AM_E_CONFLICT;
    }
    json_free(p.json);
    return err ? err : rest_written(c, &done, c->type);
}

int rest_h_patch(struct rest_call *c)
{
    int err = rest_only(c, "");
    return err ? err : patch_run(c, NULL);
}

int rest_h_patch_where(struct rest_call *c)
{
    struct rest_where where;
    int err = rest_where(c, c->type, c->pair, c->pairs, &where);
    return err ? err : patch_run(c, &where);
}
