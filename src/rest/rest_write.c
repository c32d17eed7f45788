/* SPDX-License-Identifier: Apache-2.0 */
/* create, update, delete, each also under a condition. What a condition found is looked
 * at before, to prepare the write, and decided in the writer; where the two differ, all
 * is prepared anew. */
#include "rest/rest_priv.h"

int rest_valid(struct rest_call *c, const struct json *resource)
{
    int err = rest_judge(c, resource, STR_NULL, 0, &c->d);
    if (err == AM_E_UNSUPPORTED)
        err = AM_E_INVALID;
    return err;
}

int rest_put(struct rest_call *c, struct eds_ask *ask, struct eds_done *done)
{
    struct eds_group *g = NULL;
    const struct json *given = ask->body;
    struct json_doc *local = NULL;
    int err = ask->body ? rest_local(c, ask->body, &local) : AM_OK;
    if (local)
        ask->body = json_root(local);
    if (!err)
        err = rest_fits(c, ask, NULL, STR_NULL, &c->d);
    if (!err)
        err = eds_group_new(&g, c->r->c.eds);
    if (!err)
        err = eds_put(g, ask, &c->d);
    if (!err)
        err = eds_write(g);
    if (!err) {
        char *id;
        *done = *eds_done(g, 0);
        id = arena_dup(&c->arena, done->id);
        c->wrote = true;
        if (!id)
            err = AM_E_UNSURE;
        else
            done->id.p = id;
    }
    eds_group_free(g);
    ask->body = given;
    json_free(local);
    return err;
}

struct rest_touching {
    struct rest_call *c;
    struct str type, id;
    enum rest_change change;
    int64_t ver; /* of the newest, deletions included; 0: there never was one */
};

static int rest_touch_in(struct eds_view *v, void *arg)
{
    struct rest_touching *t = arg;
    struct eds_meta m = {.ver = 0};
    struct buf text;
    bool yes = true;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_get(v, t->type, t->id, 0, &text, &m); /* a deleted one too */
    t->ver = err ? 0 : m.ver;
    /* Of an erased one nothing is left that could be another's: who names it writes it
     * anew, judged by what is written. Old files, which $import reads, do not. */
    if (!err && m.erased)
        yes = t->change != REST_NO_CHANGE;
    else if (!err)
        err = rest_sees_for(t->c, v, &m, buf_str(&text), t->change, &yes);
    buf_release(&text);
    if (err == AM_E_NOTFOUND)
        return AM_OK;
    return err || yes ? err : AM_E_FORBIDDEN;
}

int rest_touch(struct rest_call *c, struct eds_ask *ask)
{
    struct rest_touching t = {c, ask->type, ask->id,
                              ask->verb == EDS_DELETE ? REST_DELETES : REST_UPDATES, 0};
    int err = c->r->c.guard.see ? eds_view(c->r->c.eds, rest_touch_in, &t) : AM_OK;
    ask->judged = !err && c->r->c.guard.see ? t.ver + 1 : 0;
    return err;
}

/* What is there stays: is it of those that the caller could have written? */
int rest_touch_same(struct rest_call *c, struct str type, struct str id)
{
    struct rest_touching t = {c, type, id, REST_NO_CHANGE, 0};
    return c->r->c.guard.see ? eds_view(c->r->c.eds, rest_touch_in, &t) : AM_OK;
}

/* Judged and written; judged anew when another wrote between. */
static int rest_touch_put(struct rest_call *c, struct eds_ask *ask, struct eds_done *done)
{
    int err = AM_E_CONFLICT;
    for (int i = 0; i < REST_TRIES && err == AM_E_CONFLICT; i++) {
        err = rest_touch(c, ask);
        if (!err)
            err = rest_put(c, ask, done);
    }
    return err;
}

int rest_if_match(struct rest_call *c, int64_t *ver)
{
    bool any;
    int err = rest_etag(c, REST_H_IF_MATCH, ver, &any);
    if (!err && *ver < 0)
        err = rest_bad(c, AM_E_PRECONDITION, "If-Match", "rest.version",
                       c->q->header[REST_H_IF_MATCH]);
    return err;
}

static int rest_version_bad(struct rest_call *c)
{
    return rest_bad(c, AM_E_PRECONDITION, "If-Match", "rest.version",
                    c->q->header[REST_H_IF_MATCH]);
}

/* The writer found several: said like the one who looked before. */
static int rest_condition_err(struct rest_call *c, int err, struct str type)
{
    if (err == AM_E_PRECONDITION && !c->d.errors)
        return rest_bad(c, err, "", "rest.several", type);
    if (err == AM_E_TOOBIG || err == AM_E_UNSUPPORTED)
        c->status = 400;
    return err;
}

/* ---- create ---- */
int rest_h_create(struct rest_call *c)
{
    struct str none = str_trim(c->q->header[REST_H_IF_NONE_EXIST]);
    struct eds_ask ask = {.verb = EDS_CREATE, .type = c->type};
    struct rest_where where;
    struct eds_done done;
    int err = rest_only(c, "");
    if (!err)
        err = rest_body(c, c->type);
    if (!err)
        err = rest_valid(c, c->body);
    if (!err && none.n) {
        err = rest_where_text(c, c->type, none, &where);
        ask.conditional = true;
        ask.match = rest_where_match;
        ask.match_arg = &where;
    }
    ask.body = c->body;
    if (!err)
        err = rest_condition_err(c, rest_put(c, &ask, &done), c->type);
    return err ? err : rest_written(c, &done, c->type);
}

/* ---- update ---- */
static int rest_same_id(struct rest_call *c, struct str id)
{
    struct str own = json_get_str(c->body, "id");
    if (!own.n || !str_eq(own, id)) {
        c->status = 400;
        return rest_bad(c, AM_E_INVALID, "/id", "rest.other_id", own);
    }
    return AM_OK;
}

int rest_h_update(struct rest_call *c)
{
    struct eds_ask ask = {.verb = EDS_UPDATE, .type = c->type, .id = c->id};
    struct eds_done done;
    int64_t none;
    int err = rest_only(c, "");
    if (!err)
        err = rest_body(c, c->type);
    if (!err)
        err = rest_same_id(c, c->id);
    if (!err)
        err = rest_valid(c, c->body);
    if (!err)
        err = rest_if_match(c, &ask.if_match);
    if (!err)
        err = rest_etag(c, REST_H_IF_NONE_MATCH, &none, &ask.if_none);
    ask.body = c->body;
    if (!err)
        err = rest_touch_put(c, &ask, &done);
    if (err == AM_E_PRECONDITION && !c->d.errors)
        err = ask.if_none ? rest_bad(c, err, "If-None-Match", "rest.exists", c->id)
                          : rest_version_bad(c);
    return err ? err : rest_written(c, &done, c->type);
}

int rest_with_id(struct rest_call *c, const struct json *resource, struct str id,
                 struct json_doc **doc)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    jw_init(&w, &text);
    jw_obj(&w);
    jw_kval(&w, "resourceType", json_get(resource, "resourceType"));
    jw_kstr(&w, "id", id);
    for (json_each(it, resource))
        if (!str_eqc(it.key, "resourceType") && !str_eqc(it.key, "id")) {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = rest_json(c, buf_str(&text), doc);
    buf_release(&text);
    return err;
}

static int rest_update_one(struct rest_call *c, struct rest_where *where,
                           struct eds_done *done)
{
    struct str own = json_get_str(c->body, "id");
    struct eds_ask ask = {.verb = EDS_UPDATE,
                          .type = c->type,
                          .conditional = true,
                          .match = rest_where_match,
                          .match_arg = where};
    struct json_doc *doc = NULL;
    struct eds_meta m;
    char fresh[37];
    size_t n = 0;
    int err = rest_where_one(where, &m, &n);
    if (!err && n && own.n && !str_eqc(own, m.id)) {
        c->status = 400;
        err = rest_bad(c, AM_E_INVALID, "/id", "rest.other_id", own);
    }
    if (!err && !n && !own.n)
        err = eds_new_id(fresh);
    if (err)
        return err;
    ask.id = n ? str_c(m.id) : own.n ? own : str_c(fresh);
    err = rest_with_id(c, c->body, ask.id, &doc);
    if (!err) /* what the condition did not find may be there: hidden, or deleted */
        err = rest_touch(c, &ask);
    if (!err)
        err = rest_if_match(c, &ask.if_match);
    ask.body = json_root(doc);
    if (!err)
        err = rest_put(c, &ask, done);
    if (err == AM_E_PRECONDITION && ask.if_match && !c->d.errors)
        err = rest_version_bad(c);
    json_free(doc);
    return err;
}

int rest_h_update_where(struct rest_call *c)
{
    struct rest_where where;
    struct eds_done done;
    int err = rest_body(c, c->type);
    if (!err)
        err = rest_valid(c, c->body);
    if (!err)
        err = rest_where(c, c->type, c->pair, c->pairs, &where);
    if (err)
        return err;
    for (int i = 0; i < REST_TRIES; i++) {
        err = rest_update_one(c, &where, &done);
        if (err != AM_E_CONFLICT)
            break;
    }
    err = rest_condition_err(c, err, c->type);
    return err ? err : rest_written(c, &done, c->type);
}

/* ---- delete ---- */
static int rest_deleted(struct rest_call *c, const struct eds_done *done)
{
    struct eds_meta m = {.ver = done->ver, .at = done->at};
    c->status = 204;
    if (done->did == EDS_DELETED)
        rest_tags(c, &m);
    if (c->ret != REST_OUTCOME)
        return AM_OK;
    c->status = 200;
    return buf_adds(&c->out,
                    "{\"resourceType\":\"OperationOutcome\",\"issue\":[{"
                    "\"severity\":\"information\",\"code\":\"informational\"}]}");
}

int rest_h_delete(struct rest_call *c)
{
    struct eds_ask ask = {.verb = EDS_DELETE, .type = c->type, .id = c->id};
    struct eds_done done = {0};
    int err = rest_only(c, "");
    if (!err)
        err = rest_if_match(c, &ask.if_match);
    if (!err)
        err = rest_touch_put(c, &ask, &done);
    if (err == AM_E_PRECONDITION && !c->d.errors)
        err = rest_version_bad(c);
    return err ? err : rest_deleted(c, &done);
}

int rest_h_delete_where(struct rest_call *c)
{
    struct rest_where where;
    struct eds_done done = {.did = EDS_NOTHING};
    int err = rest_where(c, c->type, c->pair, c->pairs, &where);
    if (err)
        return err;
    for (int i = 0; i < REST_TRIES; i++) {
        struct eds_ask ask = {.verb = EDS_DELETE,
                              .type = c->type,
                              .conditional = true,
                              .match = rest_where_match,
                              .match_arg = &where};
        struct eds_meta m;
        size_t n = 0;
        err = rest_where_one(&where, &m, &n);
        if (err || !n)
            break;
        ask.id = str_c(m.id);
        err = rest_if_match(c, &ask.if_match);
        if (!err)
            err = rest_put(c, &ask, &done);
        if (err != AM_E_CONFLICT)
            break;
    }
    err = rest_condition_err(c, err, c->type);
    return err ? err : rest_deleted(c, &done);
}
