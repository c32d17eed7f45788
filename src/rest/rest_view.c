/* SPDX-License-Identifier: Apache-2.0 */
/* $viewdefinition-run (also $run of a ViewDefinition): SQL on FHIR over what who asks may
 * see. The rows are one answer, bounded as all are in bytes, and in time by view_ms; a
 * table too large for one is asked in parts (_since, patient, _limit) or made by `amane
 * eds view`. */
#include "rest/rest_view.h"
#include "view/view.h"

enum { VIEW_MS = 60000 };

struct view_asked {
    struct rest_call *c;
    const struct json *definition;
    struct json_doc *kept; /* where it is a stored one */
    struct view *view;
    struct view_run run;
    enum view_format format;
    bool header;
    int64_t limit, since, from; /* limit 0: none; from: a rid, in the view of the store */
    int64_t n;
    struct eds_view *v;
};

/* ---- what is asked ---- */
/* The form an Accept header prefers, of those a table has. */
static bool asked_accept(struct rest_call *c, struct str accept, enum view_format *out)
{
    bool any = !str_trim(accept).n;
    *out = VIEW_NDJSON;
    while (accept.n) {
        struct str one = rest_media(c, str_cut(accept, ',', &accept));
        if (view_format(one, out))
            return true;
        any |= str_eqc(one, "*/*") || str_eqc(one, "application/*") ||
               str_eqc(one, "application/fhir+json");
    }
    return any;
}

static int asked_format(struct view_asked *k)
{
    struct rest_call *c = k->c;
    struct str f = rest_param(c, "_format"), header = rest_param(c, "header");
    if (f.p && !view_format(rest_media(c, f), &k->format)) {
        c->status = 406;
        return rest_bad(c, AM_E_UNSUPPORTED, "_format", "rest.view_format", f);
    }
    if (!f.p && !asked_accept(c, c->q->header[REST_H_ACCEPT], &k->format)) {
        c->status = 406;
        return rest_bad(c, AM_E_UNSUPPORTED, "Accept", "rest.view_format",
                        c->q->header[REST_H_ACCEPT]);
    }
    k->header = !str_eqc(header, "false");
    if (header.p && k->header && !str_eqc(header, "true"))
        return rest_bad(c, AM_E_SYNTAX, "header", "rest.value", header);
    return AM_OK;
}

/* "Type/id" or "id" of that type, as parameters have it. STR_NULL: of another type. */
static struct str asked_id(const struct rest_call *c, const char *type, struct str s)
{
    struct str version, id, is,
        name = fhir_reference_name(s, str_c(c->r->c.base), &version);
    is = str_cut(name, '/', &id);
    if (!id.n)
        return is;
    return str_eqc(is, type) ||
                   (!strcmp(type, "Library") && str_eqc(is, "ViewDefinition"))
               ? id
               : STR_NULL;
}

/* Which view: exactly one of the path, viewReference and viewResource. */
static int asked_view(struct view_asked *k)
{
    struct rest_call *c = k->c;
    struct str reference = rest_param(c, "viewReference"), id = c->id;
    const struct json *sent = rest_op_resource(c, "viewResource", 0);
    if (json_str_is(json_get(c->body, "resourceType"), "ViewDefinition"))
        sent = c->body;
    if (!!sent + !!reference.p + !!c->id.n != 1)
        return rest_bad(c, AM_E_SYNTAX, "viewResource", "rest.view_which", STR_NULL);
    if (sent) {
        k->definition = sent;
        return AM_OK;
    }
    if (reference.p)
        id = asked_id(c, "Library", reference);
    if (!eds_id_ok(id))
        return rest_bad(c, AM_E_SYNTAX, "viewReference", "rest.value", reference);
    {
        int err = rest_view_kept(c, id, &k->kept, NULL);
        k->definition = json_root(k->kept);
        return err;
    }
}

static int asked(struct view_asked *k)
{
    struct rest_call *c = k->c;
    struct str limit;
    int err = AM_OK;
    if (c->q->method == REST_POST && str_trim(c->q->body).n && !c->body)
        err = rest_body(c, STR_NULL);
    if (!err && !json_str_is(json_get(c->body, "resourceType"), "ViewDefinition"))
        err = rest_op_params_with(c, "viewResource resource");
    if (!err)
        err = rest_only(c, "_format header viewReference patient group _since _limit");
    if (!err)
        err = asked_format(k);
    limit = rest_param(c, "_limit");
    if (!err && limit.p && str_int(limit, 1, INT64_MAX, &k->limit))
        err = rest_bad(c, AM_E_SYNTAX, "_limit", "rest.value", limit);
    if (!err)
        err = rest_op_date(c, "_since", false, &k->since);
    if (!err)
        err = asked_view(k);
    if (!err)
        err = view_compile(&k->view, k->definition, &c->d);
    return err;
}

/* ---- rows ---- */
static int run_row(void *arg, const struct view *v, const struct view_cell *cell)
{
    struct view_asked *k = arg;
    int err = view_row(&k->c->out, v, k->format, cell, !k->n);
    if (err)
        return err;
    return ++k->n == k->limit ? 1 : AM_OK;
}

static int run_one(struct view_asked *k, const struct json *resource)
{
    return view_rows(&k->run, resource, run_row, k, &k->c->d);
}

/* One of the store, if it may be seen; told of in the record where it gave a row. */
static int run_stored(void *arg, const struct eds_meta *m, struct str body)
{
    struct view_asked *k = arg;
    struct json_doc *doc = NULL;
    const int64_t before = k->n;
    bool yes = true;
    int err = AM_OK, told = AM_OK;
    if (m->rid % 64 == 0 && time_mono() > k->run.until)
        err = AM_E_TIMEOUT; /* many that may not be seen cost time too */
    if (!err)
        err = rest_sees(k->c, k->v, m, body, &yes);
    if (err || !yes)
        return err;
    err = rest_json(k->c, body, &doc);
    if (!err)
        err = run_one(k, json_root(doc));
    json_free(doc);
    if (err >= 0 && k->n > before)
        told = rest_seen(k->c, str_c(m->type), m->id);
    return told ? told : err;
}

/* ---- of some patients: theirs, each once, as it was written ---- */
static int run_patient(struct view_asked *k, struct str id, struct rest_members *all)
{
    int err = id.n ? rest_op_patient(k->c, k->v, id, all) : AM_E_NOTFOUND;
    if (err == AM_E_NOTFOUND)
        err = rest_bad(k->c, err, "patient", "rest.notfound", id);
    return err;
}

static int run_group(struct view_asked *k, struct str id, struct rest_members *all)
{
    struct json_doc *doc = NULL;
    struct eds_meta m = {0};
    struct buf text;
    bool yes = true;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = id.n ? eds_get(k->v, STR("Group"), id, 0, &text, &m) : AM_E_NOTFOUND;
    if (!err && !m.gone)
        err = rest_sees(k->c, k->v, &m, buf_str(&text), &yes);
    if (err == AM_E_NOTFOUND || (!err && (m.gone || !yes)))
        err = rest_bad(k->c, AM_E_NOTFOUND, "group", "rest.notfound", id);
    if (!err)
        err = rest_json(k->c, buf_str(&text), &doc);
    for (json_each(it, json_get(json_root(doc), "member"))) {
        struct str who = json_get_str(json_get(it.val, "entity"), "reference");
        if (err)
            break;
        if (json_bool(json_get(it.val, "inactive"), false))
            continue;
        err = rest_op_patient(k->c, k->v, asked_id(k->c, "Patient", who), all);
        if (err == AM_E_NOTFOUND)
            err = AM_OK; /* a member who is not here, or not to be seen */
    }
    json_free(doc);
    buf_release(&text);
    return err;
}

static int run_members(struct view_asked *k, struct rest_members *all)
{
    struct buf body;
    int err = AM_OK;
    int64_t last = 0;
    buf_init(&body, 2 * EDS_BODY_MAX);
    rest_op_oldest_first(all);
    for (size_t i = 0; i < all->n && !err; i++) {
        struct eds_meta m;
        if (all->v[i].rid == last || all->v[i].rid < k->from ||
            !str_eq(all->v[i].type, view_resource(k->view)))
            continue;
        last = all->v[i].rid;
        buf_clear(&body);
        err = eds_fetch(k->v, last, &body, &m);
        if (!err)
            err = run_stored(k, &m, buf_str(&body));
    }
    buf_release(&body);
    return err;
}

static int run_in(struct eds_view *v, void *arg)
{
    struct view_asked *k = arg;
    struct rest_members all = {0};
    bool some = false;
    int err = AM_OK;
    k->v = v;
    k->from = 1;
    if (k->since)
        err = eds_rid_at(v, k->since, &k->from);
    for (size_t i = 0; i < k->c->pairs && !err; i++) {
        const struct fhir_pair *p = &k->c->pair[i];
        if (str_eqc(p->name, "patient"))
            err = run_patient(k, asked_id(k->c, "Patient", p->value), &all);
        else if (str_eqc(p->name, "group"))
            err = run_group(k, asked_id(k->c, "Group", p->value), &all);
        else
            continue;
        some = true;
    }
    if (!err && some)
        err = run_members(k, &all);
    else if (!err)
        err = eds_each(v, view_resource(k->view), k->from - 1, run_stored, k);
    vec_release(&all);
    return err > 0 ? AM_OK : err; /* that many were asked for */
}

/* Resources that came with the question: of the store nothing is read. */
static int run_sent(struct view_asked *k)
{
    const struct json *one;
    int err = AM_OK;
    if (rest_param(k->c, "patient").p || rest_param(k->c, "group").p || k->since)
        return rest_bad(k->c, AM_E_SYNTAX, "resource", "rest.view_sent", STR_NULL);
    for (size_t i = 0; !err && (one = rest_op_resource(k->c, "resource", i)); i++)
        err = run_one(k, one);
    return err > 0 ? AM_OK : err;
}

static int run(struct view_asked *k)
{
    struct rest_call *c = k->c;
    int err = view_run_init(&k->run, k->view);
    if (err)
        return err;
    k->run.env.base = str_c(c->r->c.base);
    k->run.env.now_at = time_now();
    k->run.until = time_mono() +
                   (c->r->c.view_ms ? c->r->c.view_ms : VIEW_MS) * (TIME_SECOND / 1000);
    err = view_begin(&c->out, k->view, k->format, k->header);
    if (!err)
        err = rest_op_resource(c, "resource", 0) ? run_sent(k)
                                                 : eds_view(c->r->c.eds, run_in, k);
    if (err == AM_E_TIMEOUT)
        err = rest_bad(c, AM_E_TOOBIG, "", "rest.view_long", STR_NULL);
    if (!err)
        err = view_end(&c->out, k->format);
    if (!err)
        c->media = view_media(k->format);
    view_run_release(&k->run);
    return err;
}

int rest_h_view_run(struct rest_call *c)
{
    struct view_asked k = {.c = c};
    int err = asked(&k);
    if (!err)
        err = run(&k);
    view_free(k.view);
    json_free(k.kept);
    return err;
}
