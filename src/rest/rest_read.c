/* SPDX-License-Identifier: Apache-2.0 */
/* read and vread, also If-None-Match and If-Modified-Since. */
#include "rest/rest_priv.h"

static int rest_get_in(struct eds_view *v, void *arg)
{
    struct rest_got *g = arg;
    bool yes = true;
    int err = eds_get(v, g->type, g->id, g->ver, &g->body, &g->m);
    /* Of an erased one nothing is left to judge by: that it is gone for good is told to
     * whoever may read the type. */
    if (!err && !g->m.erased)
        err = rest_sees(g->c, v, &g->m, buf_str(&g->body), &yes);
    return err || yes ? err : AM_E_NOTFOUND;
}

int rest_get(struct rest_call *c, struct str type, struct str id, int64_t ver,
             struct buf *out, struct eds_meta *m)
{
    struct rest_got g = {.c = c, .type = type, .id = id, .ver = ver};
    int err;
    buf_init(&g.body, 2 * EDS_BODY_MAX);
    err = eds_view(c->r->c.eds, rest_get_in, &g);
    if (!err) {
        *m = g.m;
        err = buf_add(out, buf_str(&g.body));
    }
    buf_release(&g.body);
    return err;
}

int rest_current(struct rest_call *c, struct json_doc **doc)
{
    struct eds_meta m;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = rest_get(c, c->type, c->id, 0, &text, &m);
    if (err == AM_E_NOTFOUND || (!err && m.gone))
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->id);
    if (!err)
        err = rest_seen(c, str_c(m.type), m.id);
    if (!err)
        err = rest_json(c, buf_str(&text), doc);
    buf_release(&text);
    return err;
}

/* RFC 9110, 13.2.2: If-Modified-Since only where there is no If-None-Match. */
static int rest_unchanged(struct rest_call *c, const struct eds_meta *m, bool *same)
{
    int64_t ver, since;
    bool any;
    int err = rest_etag(c, REST_H_IF_NONE_MATCH, &ver, &any);
    *same = !err && (any || ver == m->ver);
    if (err || str_trim(c->q->header[REST_H_IF_NONE_MATCH]).n ||
        !str_trim(c->q->header[REST_H_IF_MODIFIED_SINCE]).n)
        return err;
    if (!rest_date(c->q->header[REST_H_IF_MODIFIED_SINCE], &since))
        *same = m->at / TIME_SECOND <= since / TIME_SECOND;
    return AM_OK;
}

static int rest_show(struct rest_call *c, int64_t ver)
{
    struct eds_meta m;
    struct buf text;
    bool same = false;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = rest_get(c, c->type, c->id, ver, &text, &m);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.notfound", c->id);
    if (!err && m.gone) {
        c->status = 410;
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.gone", c->id);
    }
    if (!err)
        err = rest_unchanged(c, &m, &same);
    if (!err) {
        rest_tags(c, &m);
        err = rest_seen(c, str_c(m.type), m.id);
    }
    if (!err && same)
        c->status = 304;
    else if (!err)
        err = rest_tell(c, &c->out, buf_str(&text));
    buf_release(&text);
    return err;
}

int rest_h_read(struct rest_call *c)
{
    int err = rest_only(c, "");
    return err ? err : rest_show(c, 0);
}

int rest_h_vread(struct rest_call *c)
{
    int64_t ver;
    int err = rest_only(c, "");
    if (err)
        return err;
    if (str_int(c->vid, 1, INT64_MAX, &ver))
        return rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->vid);
    return rest_show(c, ver);
}

int rest_h_capabilities(struct rest_call *c)
{
    int err = rest_only(c, "mode");
    return err ? err : rest_tell(c, &c->out, buf_str(&c->r->capabilities));
}
