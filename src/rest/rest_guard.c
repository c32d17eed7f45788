/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the guard: of interactions, of what is seen, of what is written. */
#include "rest/rest_priv.h"

static struct rest_access guard_access(const struct rest_call *c)
{
    return (struct rest_access){
        .moment = REST_BEFORE,
        .interaction = c->route ? c->route->interaction : "",
        .type = c->type,
        .id = c->id,
        .other = c->other,
        .part = c->part,
        .query = c->q->query.n ? c->q->query : c->q->header[REST_H_IF_NONE_EXIST],
        .who = c->q->who};
}

int rest_may(struct rest_call *c)
{
    const struct rest_guard *g = &c->r->c.guard;
    const struct rest_access a = guard_access(c);
    return g->may ? g->may(g->arg, &a) : AM_OK;
}

int rest_may_entry(struct rest_call *c, const char *interaction, struct str type,
                   struct str id, struct str query)
{
    const struct rest_guard *g = &c->r->c.guard;
    const struct rest_access a = {.moment = REST_BEFORE,
                                  .interaction = interaction,
                                  .type = type,
                                  .id = id,
                                  .query = query,
                                  .part = true,
                                  .joint = true,
                                  .who = c->q->who};
    return g->may ? g->may(g->arg, &a) : AM_OK;
}

int rest_sees_for(struct rest_call *c, struct eds_view *v, const struct eds_meta *m,
                  struct str body, enum rest_change change, bool *yes)
{
    const struct rest_guard *g = &c->r->c.guard;
    const struct rest_look l = {.who = c->q->who,
                                .view = v,
                                .rid = m->rid,
                                .type = str_c(m->type),
                                .id = str_c(m->id),
                                .ver = m->ver,
                                .body = body,
                                .gone = m->gone,
                                .change = change};
    *yes = true;
    return g->see ? g->see(g->arg, &l, yes) : AM_OK;
}

int rest_sees(struct rest_call *c, struct eds_view *v, const struct eds_meta *m,
              struct str body, bool *yes)
{
    return rest_sees_for(c, v, m, body, REST_NO_CHANGE, yes);
}

static int rest_eye_sees(void *arg, int64_t rid, bool *yes)
{
    const struct rest_eye *e = arg;
    const struct rest_guard *g = &e->c->r->c.guard;
    const struct rest_look l = {.who = e->c->q->who, .view = e->v, .rid = rid};
    return g->see(g->arg, &l, yes);
}

eds_visible_fn *rest_eye(const struct rest_call *c)
{
    return c->r->c.guard.see ? rest_eye_sees : NULL;
}

int rest_fits(struct rest_call *c, struct eds_ask *ask, const struct json *group,
              struct str full_url, struct diag *d)
{
    const struct rest_guard *g = &c->r->c.guard;
    const struct rest_fit f = {c->q->who, ask, group, full_url};
    return g->fit ? g->fit(g->arg, &f, d) : AM_OK;
}
