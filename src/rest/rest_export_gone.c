/* SPDX-License-Identifier: Apache-2.0 */
/* What was deleted since an instant and is not there again: whose it was is said by the
 * version before the deletion, and the guard is asked of it as of any other. */
#include "rest/rest_export.h"

struct gone_whose {
    const struct rest_export_gone *g;
    bool yes;
};

static int gone_whose(void *arg, struct str target)
{
    struct gone_whose *w = arg;
    struct str id, type = str_cut(target, '/', &id);
    if (!str_eqc(type, "Patient"))
        return AM_OK;
    w->yes |= !w->g->n;
    for (size_t i = 0; i < w->g->n && !w->yes; i++)
        w->yes = str_eq(w->g->id[i], id);
    return AM_OK;
}

static int gone_of_patients(const struct rest_export_gone *g, const struct eds_meta *m,
                            bool *yes)
{
    struct gone_whose w = {g, false};
    struct json_doc *doc = NULL;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = m->ver > 1
              ? eds_get(g->v, str_c(m->type), str_c(m->id), m->ver - 1, &text, NULL)
              : AM_E_NOTFOUND;
    if (!err && text.n)
        err = rest_json(g->c, buf_str(&text), &doc);
    if (!err && doc)
        err = rest_op_whose(g->c, json_root(doc), gone_whose, &w);
    json_free(doc);
    buf_release(&text);
    *yes = w.yes;
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* Nothing came after that deletion. */
static int gone_still(const struct rest_export_gone *g, const struct eds_meta *m,
                      bool *yes)
{
    struct eds_meta newest = {0};
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_get(g->v, str_c(m->type), str_c(m->id), 0, &text, &newest);
    *yes = !err && newest.rid == m->rid;
    buf_release(&text);
    return err;
}

static int gone_one(void *arg, const struct eds_meta *m, struct str body)
{
    const struct rest_export_gone *g = arg;
    bool yes = true;
    int err;
    (void)body;
    if (!m->gone || !rest_op_type_in(g->types, str_c(m->type)))
        return AM_OK;
    err = gone_still(g, m, &yes);
    if (!err && yes)
        err = rest_sees(g->c, g->v, m, STR_NULL, &yes);
    if (!err && yes && g->of_patients)
        err = gone_of_patients(g, m, &yes);
    return err || !yes ? err : g->fn(g->arg, m);
}

int rest_export_gone(struct rest_export_gone *g)
{
    return eds_history(g->v, &(struct eds_past){.since_at = g->since}, gone_one, g);
}
