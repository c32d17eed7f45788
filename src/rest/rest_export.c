/* SPDX-License-Identifier: Apache-2.0 */
/* $export of everything, of all patients, of a Group: asking (202), how far it is (202,
 * 200), its files, and giving it up (202). FHIR Bulk Data Access 2.0. */
#include "rest/rest_export.h"

/* The guard's name for who asks; "" where there is none. */
static int export_who(struct rest_call *c, struct buf *out)
{
    const struct rest_guard *g = &c->r->c.guard;
    return g->keep ? g->keep(g->arg, c->q->who, out) : AM_OK;
}

/* Without a name for who asked, nobody could be asked later what he may see. */
static int export_can(struct rest_call *c)
{
    const struct rest_guard *g = &c->r->c.guard;
    if (c->r->exports && (!g->see || (g->keep && g->again && g->his)))
        return AM_OK;
    return rest_bad(c, AM_E_NOTFOUND, "", "rest.export_off", STR_NULL);
}

static bool export_async(struct str prefer)
{
    while (prefer.n)
        if (str_eq_nocase(str_trim(str_cut(prefer, ',', &prefer)), STR("respond-async")))
            return true;
    return false;
}

static int export_format(struct rest_call *c)
{
    static const char *const name[] = {"application/fhir+ndjson", "application/ndjson",
                                       "ndjson"};
    struct str v = rest_param(c, "_outputFormat");
    for (size_t i = 0; v.p && i < AM_LEN(name); i++)
        if (str_eqc(v, name[i]))
            return AM_OK;
    return v.p ? rest_bad(c, AM_E_SYNTAX, "_outputFormat", "rest.value", v) : AM_OK;
}

static const char *export_level(const struct rest_call *c)
{
    return c->id.n ? "group" : c->type.n ? "patient" : "system";
}

/* What may be asked; `patient` by POST alone, and not of the system. */
static const char *export_known(const struct rest_call *c)
{
    return c->q->method == REST_POST && c->type.n
               ? "_type _typeFilter _since _outputFormat patient"
               : "_type _typeFilter _since _outputFormat";
}

static int export_patients(struct rest_call *c, struct jw *w)
{
    jw_key(w, "patients");
    jw_arr(w);
    for (size_t i = 0; i < c->pairs; i++) {
        struct str left = c->pair[i].value, version, id, type;
        if (!str_eqc(c->pair[i].name, "patient"))
            continue;
        type =
            str_cut(fhir_reference_name(left, str_c(c->r->c.base), &version), '/', &id);
        if (!str_eqc(type, "Patient") || !eds_id_ok(id)) {
            c->status = 400;
            return rest_bad(c, AM_E_SYNTAX, "patient", "rest.value", left);
        }
        jw_str(w, id);
    }
    jw_arr_end(w);
    return w->err;
}

static int export_text(struct rest_call *c, struct str who, struct buf *out)
{
    struct fhir_pair *kept;
    struct rest_types types;
    int64_t since = 0;
    struct buf url;
    struct jw w;
    size_t n;
    int err = rest_op_types(c, "_type", &types);
    if (!err)
        err = rest_op_date(c, "_since", false, &since);
    if (!err)
        err = rest_op_kept(c, export_known(c), &kept, &n);
    buf_init(&url, 4 * FHIR_QUERY_TEXT);
    if (!err)
        err = rest_url(c, &url, kept, n, STR_NULL);
    if (!err) {
        jw_init(&w, out);
        jw_obj(&w);
        jw_kstr(&w, "request", buf_str(&url));
        jw_kstr(&w, "who", who);
        jw_kstrz(&w, "level", export_level(c));
        jw_kstr(&w, "group", c->id.n ? c->id : STR(""));
        jw_kint(&w, "since", since);
        jw_key(&w, "types");
        jw_arr(&w);
        for (size_t i = 0; i < types.n; i++)
            jw_str(&w, types.v[i]);
        jw_arr_end(&w);
        err = export_patients(c, &w);
        if (!err)
            err = rest_export_filters(c, &types, &w);
        jw_obj_end(&w);
        if (!err)
            err = jw_done(&w);
    }
    buf_release(&url);
    return err;
}

static int export_asked(struct rest_call *c)
{
    char id[37];
    struct buf who, ask;
    int err;
    buf_init(&who, EXPORT_WHO);
    buf_init(&ask, 1 << 20);
    err = export_who(c, &who);
    if (!err)
        err = export_text(c, buf_str(&who), &ask);
    if (!err)
        err = rest_export_ask(c->r->exports, buf_str(&ask), id);
    if (err == AM_E_TOOMANY)
        err = rest_bad(c, err, "", "rest.export_many", STR_NULL);
    if (!err) {
        c->wrote = true;
        c->status = 202;
        snprintf(c->a->location, sizeof c->a->location, "%s/$export-status/%s",
                 c->r->c.base, id);
    }
    buf_release(&who);
    buf_release(&ask);
    return err;
}

int rest_h_export(struct rest_call *c)
{
    struct eds_meta m;
    struct buf text;
    int err = export_can(c);
    if (!err)
        err = rest_op_params(c);
    if (!err)
        err = rest_only(c, export_known(c));
    if (!err)
        err = export_format(c);
    if (!err && !export_async(c->q->header[REST_H_PREFER]))
        err = rest_bad(c, AM_E_SYNTAX, "Prefer", "rest.async", STR_NULL);
    if (!err && c->id.n) { /* the group, if he may know of it */
        buf_init(&text, 2 * EDS_BODY_MAX);
        err = rest_get(c, c->type, c->id, 0, &text, &m);
        if (err == AM_E_NOTFOUND || (!err && m.gone))
            err = rest_bad(c, AM_E_NOTFOUND, "", "rest.notfound", c->id);
        buf_release(&text);
    }
    return err ? err : export_asked(c);
}

/* ---- how far ---- */
/* The login it was asked by may have been taken away since it was done. */
static int export_again(struct rest_call *c, struct rest_export_now *now)
{
    const struct rest_guard *g = &c->r->c.guard;
    void *who = NULL;
    int err;
    if (now->state != EXPORT_DONE || !g->again)
        return AM_OK;
    err = g->again(g->arg, str_c(now->name), &who);
    if (who && g->drop)
        g->drop(g->arg, who);
    if (err != AM_E_UNAUTHORIZED && err != AM_E_FORBIDDEN)
        return err;
    rest_export_end(c->r->exports, c->id, err);
    now->state = EXPORT_FAILED;
    now->err = err;
    return AM_OK;
}

static int export_find(struct rest_call *c, struct rest_export_now *now)
{
    int err = export_can(c);
    if (!err)
        err = rest_only(c, "");
    if (!err)
        err = rest_export_look(c->r->exports, c->id, c->q->who, now);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.export_none", c->id);
    return err ? err : export_again(c, now);
}

static int export_failed(struct rest_call *c, const struct rest_export_now *now)
{
    c->status = am_err_http(now->err);
    return rest_bad(c, now->err, "", "rest.export_failed", STR_NULL);
}

int rest_h_export_status(struct rest_call *c)
{
    struct rest_export_now now;
    int err = export_find(c, &now);
    if (err)
        return err;
    if (now.state == EXPORT_FAILED)
        return export_failed(c, &now);
    if (now.state != EXPORT_DONE) {
        c->status = 202;
        c->a->retry_s = 1;
        snprintf(c->a->progress, sizeof c->a->progress, "%d%%, %lld resources",
                 now.top ? (int)(100 * AM_MIN(now.rid, now.top) / now.top) : 0,
                 (long long)now.n);
        return AM_OK;
    }
    rest_http_date(now.at + EXPORT_HOURS * 3600 * TIME_SECOND, c->a->expires);
    c->media = "application/json";
    return rest_export_read(c->r->exports, c->id, "manifest", &c->out);
}

int rest_h_export_cancel(struct rest_call *c)
{
    struct rest_export_now now;
    int err = export_find(c, &now);
    if (!err)
        err = rest_export_cancel(c->r->exports, c->id, c->q->who);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.export_none", c->id);
    if (!err) {
        c->wrote = true;
        c->status = 202;
    }
    return err;
}

/* ---- files ---- */
struct export_file {
    struct rest_call *c;
    struct str kind; /* "deleted", "error"; else of resources, its type */
    struct str text;
};

/* What stands after `before`, to the next quote, near the beginning of a line. */
static int export_quoted(struct str line, const char *before, size_t max, struct str *out)
{
    const char *p = memmem(line.p, AM_MIN(line.n, 256u), before, strlen(before));
    struct str rest;
    if (!p)
        return AM_E_TAMPERED;
    p += strlen(before);
    rest = (struct str){p, (size_t)(line.p + line.n - p)};
    rest = str_cut(rest, '"', &rest);
    *out = str_sub(rest, 0, AM_MIN(rest.n, max));
    return AM_OK;
}

/* Of whom a line is: a resource begins with its type and id; a deletion has its address,
 * and what is left of it is looked at. */
static int export_whose(const struct export_file *f, struct eds_view *v, struct str line,
                        struct eds_meta *m, struct str *body)
{
    bool deleted = str_eqc(f->kind, "deleted");
    struct str id, type = f->c->other;
    struct buf newest;
    int err = export_quoted(line, deleted ? ",\"url\":\"" : ",\"id\":\"",
                            deleted ? EDS_ID_MAX + sizeof m->type : EDS_ID_MAX, &id);
    *body = deleted ? STR_NULL : line;
    if (err)
        return err;
    if (!deleted) {
        snprintf(m->type, sizeof m->type, "%.*s", STR_FMT(type));
        snprintf(m->id, sizeof m->id, "%.*s", STR_FMT(id));
        return AM_OK;
    }
    type = str_cut(id, '/', &id);
    buf_init(&newest, 2 * EDS_BODY_MAX);
    err = eds_get(v, type, id, 0, &newest, m);
    buf_release(&newest);
    return err;
}

/* What who fetches may see of it now; the audit is told of every resource. */
static int export_tell(struct eds_view *v, void *arg)
{
    const struct export_file *f = arg;
    struct str left = f->text;
    int err = AM_OK;
    while (left.n && !err) {
        struct str line = str_cut(left, '\n', &left), body;
        struct eds_meta m = {0};
        bool yes = true;
        err = export_whose(f, v, line, &m, &body);
        if (!err && m.erased) /* since the export: nothing is left to judge by */
            continue;
        if (!err)
            err = rest_sees(f->c, v, &m, body, &yes);
        if (err || !yes)
            continue;
        err = buf_add(&f->c->out, line);
        if (!err)
            err = buf_addc(&f->c->out, '\n');
        if (!err)
            err = rest_seen(f->c, str_c(m.type), m.id);
    }
    return err;
}

/* Of the address: Type/1, Bundle/deleted-1, OperationOutcome/error-1. */
static int export_part(struct export_file *f, int64_t *part)
{
    struct str left, before = str_cut(f->c->vid, '-', &left);
    f->kind = left.n ? before : f->c->other;
    if (left.n && !(str_eqc(before, "deleted") && str_eqc(f->c->other, "Bundle")) &&
        !(str_eqc(before, "error") && str_eqc(f->c->other, "OperationOutcome")))
        return AM_E_NOTFOUND;
    return str_int(left.n ? left : f->c->vid, 1, INT32_MAX, part);
}

int rest_h_export_file(struct rest_call *c)
{
    struct rest_export_now now;
    struct export_file f = {.c = c};
    struct buf text;
    char file[96];
    int64_t part;
    int err = export_find(c, &now);
    if (!err && now.state == EXPORT_FAILED)
        return export_failed(c, &now);
    if (!err && (now.state != EXPORT_DONE || export_part(&f, &part)))
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.export_none", c->vid);
    if (err)
        return err;
    snprintf(file, sizeof file, "%.*s-%lld", STR_FMT(f.kind), (long long)part);
    c->media = "application/fhir+ndjson";
    buf_init(&text, c->r->c.told_max);
    err = rest_export_read(c->r->exports, c->id, file, &text);
    if (err == AM_E_NOTFOUND)
        err = rest_bad(c, err, "", "rest.export_none", c->vid);
    f.text = buf_str(&text);
    if (!err && str_eqc(f.kind, "error")) /* what who asked had named, nothing else */
        err = buf_add(&c->out, f.text);
    else if (!err)
        err = eds_view(c->r->c.eds, export_tell, &f);
    buf_release(&text);
    return err;
}
