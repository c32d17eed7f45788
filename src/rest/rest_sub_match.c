/* SPDX-License-Identifier: Apache-2.0 */
/* Which versions are events: those that the criteria find, each looked at alone, and that
 * who asked may see. */
#include "rest/rest_sub.h"
#include "rest/rest_term_priv.h"

struct gather {
    struct rest_call *c;
    struct rest_sub *s;
    const struct rest_sub_spec *spec;
    struct eds_view *v;
    size_t looked, told_b;
    bool more;
};

/* Would a search find it, were it alone? */
static int match_found(struct gather *g, struct str body, int64_t at, bool *yes)
{
    const struct rest_config *k = &g->c->r->c;
    const struct fhir_index x = {.key = *eds_row_key(k->eds), .words = true};
    struct rest_codes codes = {g->c->r, g->v, true};
    struct eds_search what = {.query = &g->spec->q,
                              .key = x.key,
                              .base = str_c(k->base),
                              .codes = rest_codes,
                              .codes_arg = &codes};
    struct eds_found f = {0};
    struct eds_source from;
    struct eds_mem *mem = NULL;
    struct json_doc *doc = NULL;
    int err = rest_json(g->c, body, &doc);
    if (!err)
        err = eds_mem_new(&mem);
    if (!err)
        err = eds_mem_put(mem, doc, &x, at);
    if (err) {
        json_free(doc);
        eds_mem_free(mem);
        return err;
    }
    from = eds_mem_source(mem);
    err = eds_search(&from, &what, &f, NULL);
    *yes = !err && f.hit.n;
    if (!err)
        eds_found_release(&f);
    eds_mem_free(mem);
    return err;
}

/* ---- what it asks of terminologies ---- */
struct resolving {
    struct rest_call *c;
    const struct fhir_ask *where;
};

static int resolve_code(void *arg, struct str system, struct str code)
{
    (void)arg;
    (void)system;
    (void)code;
    return AM_OK;
}

static int resolve_ask(struct rest_codes *codes, const struct fhir_ask *a)
{
    int err = a->kind == FHIR_ASK_CODES
                  ? rest_codes(codes, a->set, a->text, resolve_code, NULL)
                  : AM_OK;
    for (size_t i = 0; i < a->n && !err; i++)
        err = resolve_ask(codes, a->child[i]);
    return err;
}

static int resolve_in(struct eds_view *v, void *arg)
{
    const struct resolving *r = arg;
    return resolve_ask(&(struct rest_codes){r->c->r, v, true}, r->where);
}

int rest_sub_resolves(struct rest_call *c, const struct rest_sub_spec *spec)
{
    return eds_view(c->r->c.eds, resolve_in, &(struct resolving){c, spec->q.where});
}

/* ---- what matches ---- */
/* A deletion is an event of a topic where what was deleted matched. */
static int match_text(struct gather *g, const struct eds_meta *m, struct str body,
                      bool *yes)
{
    struct eds_meta before;
    struct buf text;
    int err;
    *yes = !m->gone || g->spec->topic;
    if (!*yes || g->spec->everything)
        return AM_OK;
    if (!m->gone)
        return match_found(g, body, m->at, yes);
    buf_init(&text, 2 * EDS_BODY_MAX);
    *yes = false;
    err = eds_get(g->v, str_c(m->type), str_c(m->id), m->ver - 1, &text, &before);
    if (!err && !before.gone)
        err = match_found(g, buf_str(&text), before.at, yes);
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err; /* erased: nothing is known of it */
}

static int match_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct gather *g = arg;
    struct rest_sub *s = g->s;
    struct rest_sub_event e = {
        .n = s->n + 1, .rid = m->rid, .ver = m->ver, .at = m->at, .gone = m->gone};
    bool yes = false;
    int err = match_text(g, m, body, &yes);
    if (!err && yes)
        err = rest_sees(g->c, g->v, m, body, &yes);
    if (err)
        return err;
    if (yes) {
        snprintf(e.type, sizeof e.type, "%s", m->type);
        snprintf(e.id, sizeof e.id, "%s", m->id);
        err = vec_push(&s->event, e);
        if (err)
            return err;
        s->n++;
        s->pending++;
        g->told_b += body.n;
    }
    s->then = m->rid;
    g->more = s->pending >= (size_t)g->spec->most || g->told_b >= SUB_TOLD ||
              ++g->looked >= SUB_LOOKED;
    return g->more;
}

static int match_in(struct eds_view *v, void *arg)
{
    struct gather *g = arg;
    struct eds_past p = {
        .type = g->spec->type, .onward = true, .after = g->s->rid, .bodies = true};
    int64_t top;
    int err = eds_top(v, &top);
    g->v = v;
    if (!err && g->s->rid > top) /* an older copy of the store was put back */
        g->s->rid = p.after = top;
    if (!err)
        err = eds_history(v, &p, match_one, g);
    if (!err && !g->more)
        g->s->then = AM_MAX(top, g->s->rid);
    return err;
}

/* The newest SUB_KEPT stay. */
static void match_trim(struct rest_sub *s)
{
    size_t over = s->event.n > SUB_KEPT ? s->event.n - SUB_KEPT : 0;
    if (!over)
        return;
    memmove(s->event.v, s->event.v + over, (s->event.n - over) * sizeof *s->event.v);
    s->event.n -= over;
}

int rest_sub_gather(struct rest_call *c, struct rest_sub *s,
                    const struct rest_sub_spec *spec, bool *more)
{
    struct gather g = {.c = c, .s = s, .spec = spec};
    size_t events = s->event.n;
    int64_t n = s->n, then = s->then;
    int err;
    am_assert(!s->pending);
    err = eds_view(c->r->c.eds, match_in, &g);
    if (err) {
        s->event.n = events;
        s->n = n;
        s->then = then;
        s->pending = 0;
    } else
        match_trim(s);
    *more = g.more;
    return err;
}
