/* SPDX-License-Identifier: Apache-2.0 */
/* One export: what is asked for, from one snapshot in the order it was written, shown to
 * the guard as who asked; files, then the manifest. */
#include "rest/rest_export.h"

struct export_file {
    struct str type;
    unsigned part; /* from 1 */
    int64_t n;     /* resources */
};
struct export_type { /* one file of each type is open */
    struct str type;
    unsigned part;
    int64_t n;
    struct buf b;
};
struct export_run {
    struct rest_exports *x;
    struct rest_export *job;
    const struct json *ask;
    struct rest_call c; /* stands for the request: who, and an arena */
    struct rest_request q;
    struct eds_view *v;
    struct rest_types types;
    struct rest_export_sets sets; /* _typeFilter */
    VEC(struct str) id;           /* of the patients that it is about */
    bool some;                    /* of these alone, else of any */
    int64_t since, from, at, again;
    VEC(struct export_type) open;
    VEC(struct export_file) file;
    struct buf sealed;
};

/* ---- who asked ---- */
static int run_who(struct export_run *e)
{
    const struct rest_guard *g = &e->x->r->c.guard;
    if (!g->again)
        return AM_OK;
    if (e->q.who && g->drop)
        g->drop(g->arg, e->q.who);
    e->q.who = NULL;
    e->again = time_mono() + EXPORT_AGAIN * TIME_SECOND;
    return g->again(g->arg, json_get_str(e->ask, "who"), &e->q.who);
}

static int run_goes_on(struct export_run *e)
{
    if (atomic_load(&e->job->stop))
        return AM_E_TIMEOUT;
    return time_mono() < e->again ? AM_OK : run_who(e);
}

/* ---- files ---- */
static int run_flush(struct export_run *e, struct export_type *t)
{
    const struct export_file f = {t->type, ++t->part, t->n};
    char name[96];
    int err;
    snprintf(name, sizeof name, "%.*s-%u", STR_FMT(t->type), t->part);
    err = rest_export_write(e->x, e->job->id, name, buf_str(&t->b), &e->sealed);
    buf_clear(&t->b);
    t->n = 0;
    return err ? err : vec_push(&e->file, f);
}

static int run_type(struct export_run *e, struct str type, struct export_type **out)
{
    struct export_type t = {.part = 0};
    const char *name;
    int err;
    for (size_t i = 0; i < e->open.n; i++)
        if (str_eq(e->open.v[i].type, type)) {
            *out = &e->open.v[i];
            return AM_OK;
        }
    name = arena_dup(&e->c.arena, type);
    if (!name)
        return AM_E_NOMEM;
    t.type = str_c(name);
    buf_init(&t.b, EXPORT_FILE + 2 * EDS_BODY_MAX);
    err = vec_push(&e->open, t);
    *out = err ? NULL : &e->open.v[e->open.n - 1];
    return err;
}

static int run_add(struct export_run *e, struct str type, struct str body)
{
    struct export_type *t;
    int err = run_type(e, type, &t);
    if (!err)
        err = buf_add(&t->b, body);
    if (!err)
        err = buf_addc(&t->b, '\n');
    if (err)
        return err;
    t->n++;
    if (fhir_search_type(type))
        atomic_fetch_add(&e->job->n, 1);
    return t->b.n < EXPORT_FILE ? AM_OK : run_flush(e, t);
}

/* ---- which resources ---- */
/* Is it in the compartment of any patient? */
static int run_of_patient(struct export_run *e, const struct eds_meta *m, struct str body,
                          bool *yes)
{
    struct json_doc *doc = NULL;
    int err;
    *yes = !strcmp(m->type, "Patient");
    if (*yes || !fhir_compartment_has(STR("Patient"), str_c(m->type)) ||
        !memmem(body.p, body.n, "Patient/", 8))
        return AM_OK;
    err = rest_json(&e->c, body, &doc);
    if (!err)
        err = rest_op_other_patient(&e->c, json_root(doc), STR_NULL, yes);
    json_free(doc);
    return err;
}

static int run_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct export_run *e = arg;
    bool yes = true;
    int err = m->rid % 64 ? AM_OK : run_goes_on(e);
    atomic_store(&e->job->rid, m->rid);
    if (err || !rest_op_type_in(&e->types, str_c(m->type)) ||
        !rest_export_in(&e->sets, m->type, m->rid))
        return err;
    if (json_str_is(json_get(e->ask, "level"), "patient") && !e->some)
        err = run_of_patient(e, m, body, &yes);
    if (!err && yes)
        err = rest_sees(&e->c, e->v, m, body, &yes);
    return err || !yes ? err : run_add(e, str_c(m->type), body);
}

/* ---- of some patients: of a group, or named ---- */
static bool run_named(struct str id, const struct json *patients)
{
    for (json_each(it, patients))
        if (str_eq(json_str(it.val), id))
            return true;
    return !json_size(patients);
}

static int run_members(struct export_run *e, const struct json *group)
{
    int err = AM_OK;
    for (json_each(it, json_get(group, "member"))) {
        struct str version, id, type,
            reference = json_get_str(json_get(it.val, "entity"), "reference");
        type = str_cut(fhir_reference_name(reference, str_c(e->x->r->c.base), &version),
                       '/', &id);
        if (json_bool(json_get(it.val, "inactive"), false) || !str_eqc(type, "Patient") ||
            !run_named(id, json_get(e->ask, "patients")))
            continue;
        id = str_c(arena_dup(&e->c.arena, id));
        err = id.p ? vec_push(&e->id, id) : AM_E_NOMEM;
        if (err)
            break;
    }
    return err;
}

/* Asked for by name, and not to be had: not here, not to be seen, not of the group. */
static int run_missing(struct export_run *e, struct str id)
{
    int err, told = rest_bad(&e->c, AM_E_NOTFOUND, "patient", "rest.notfound", id);
    buf_clear(&e->c.out);
    err = rest_outcome(&e->c, told);
    if (!err)
        err = run_add(e, STR("error"), buf_str(&e->c.out));
    diag_clear(&e->c.d);
    return err;
}

static int run_patient(struct export_run *e, struct str id, struct rest_members *all)
{
    int err = rest_op_patient(&e->c, e->v, id, all);
    if (err == AM_E_NOTFOUND)
        return json_size(json_get(e->ask, "patients")) ? run_missing(e, id) : AM_OK;
    return err ? err : run_goes_on(e);
}

static int run_rids(struct export_run *e, struct rest_members *all)
{
    struct buf body;
    int err = AM_OK;
    buf_init(&body, 2 * EDS_BODY_MAX);
    rest_op_oldest_first(all);
    for (size_t i = 0; i < all->n && !err; i++) {
        struct eds_meta m;
        if ((i && all->v[i].rid == all->v[i - 1].rid) || all->v[i].rid < e->from ||
            !rest_op_type_in(&e->types, all->v[i].type))
            continue;
        buf_clear(&body);
        err = eds_fetch(e->v, all->v[i].rid, &body, &m);
        if (!err)
            err = run_one(e, &m, buf_str(&body));
    }
    buf_release(&body);
    return err;
}

static int run_group(struct export_run *e)
{
    struct json_doc *doc = NULL;
    struct eds_meta m = {0};
    struct buf text;
    bool yes = true;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_get(e->v, STR("Group"), json_get_str(e->ask, "group"), 0, &text, &m);
    if (!err && m.gone)
        err = AM_E_NOTFOUND;
    if (!err)
        err = rest_sees(&e->c, e->v, &m, buf_str(&text), &yes);
    if (!err && !yes)
        err = AM_E_NOTFOUND;
    if (!err)
        err = rest_json(&e->c, buf_str(&text), &doc);
    if (!err)
        err = run_members(e, json_root(doc));
    json_free(doc);
    buf_release(&text);
    return err;
}

static bool run_has(const struct export_run *e, struct str id)
{
    for (size_t i = 0; i < e->id.n; i++)
        if (str_eq(e->id.v[i], id))
            return true;
    return false;
}

/* Who: of the group those named, or all; without a group, those named. */
static int run_whom(struct export_run *e)
{
    bool group = json_str_is(json_get(e->ask, "level"), "group");
    int err = group ? run_group(e) : AM_OK;
    for (json_each(it, json_get(e->ask, "patients"))) {
        struct str id = json_str(it.val);
        if (!err && !run_has(e, id))
            err = group ? run_missing(e, id) : vec_push(&e->id, id);
    }
    e->some = group || json_size(json_get(e->ask, "patients"));
    return err;
}

static int run_some(struct export_run *e)
{
    struct rest_members all = {0};
    int err = AM_OK;
    for (size_t i = 0; i < e->id.n && !err; i++)
        err = run_patient(e, e->id.v[i], &all);
    if (!err)
        err = run_rids(e, &all);
    vec_release(&all);
    return err;
}

/* ---- what was deleted ---- */
static int run_deleted(void *arg, const struct eds_meta *m)
{
    struct export_run *e = arg;
    char line[400];
    int n = snprintf(line, sizeof line,
                     "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                     "\"request\":{\"method\":\"DELETE\",\"url\":\"%s/%s\"}}]}",
                     m->type, m->id);
    int err = run_goes_on(e);
    am_assert(n > 0 && (size_t)n < sizeof line);
    return err ? err : run_add(e, STR("deleted"), (struct str){line, (size_t)n});
}

static int run_gone(struct export_run *e)
{
    return rest_export_gone(&(struct rest_export_gone){
        .c = &e->c,
        .v = e->v,
        .types = &e->types,
        .since = e->since,
        .of_patients = !json_str_is(json_get(e->ask, "level"), "system"),
        .id = e->id.v,
        .n = e->id.n,
        .fn = run_deleted,
        .arg = e});
}

/* ---- the snapshot ---- */
/* The instant of the newest version: what comes later is at or after it, so who asks
 * next `_since` that instant misses nothing. */
static int run_newest(void *arg, const struct eds_meta *m, struct str body)
{
    struct export_run *e = arg;
    (void)body;
    e->at = m->at;
    return 1;
}

static int run_still(void *arg)
{
    return run_goes_on(arg);
}

static int run_in(struct eds_view *v, void *arg)
{
    struct export_run *e = arg;
    int64_t top;
    int err = eds_top(v, &top);
    e->v = v;
    atomic_store(&e->job->top, top);
    e->from = 1;
    if (!err)
        err = eds_history(v, &(struct eds_past){0}, run_newest, e);
    if (!err && e->since)
        err = eds_rid_at(v, e->since, &e->from);
    if (!err)
        err = rest_export_sets(&e->c, v, json_get(e->ask, "filters"), run_still, e,
                               &e->sets);
    if (!err)
        err = run_whom(e);
    if (!err)
        err = e->some ? run_some(e) : eds_each(v, STR_NULL, e->from - 1, run_one, e);
    if (!err && e->since && (!e->some || e->id.n))
        err = run_gone(e);
    for (size_t i = 0; i < e->open.n && !err; i++)
        if (e->open.v[i].n)
            err = run_flush(e, &e->open.v[i]);
    return err ? err : run_goes_on(e);
}

/* ---- the manifest ---- */
/* of: the files of that name and what is in them; empty: those named by their type. */
static void run_files(const struct export_run *e, struct jw *w, const char *key,
                      struct str of, const char *type)
{
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i < e->file.n; i++) {
        const struct export_file *f = &e->file.v[i];
        if (of.n ? !str_eq(f->type, of) : !fhir_search_type(f->type))
            continue;
        jw_obj(w);
        jw_kstr(w, "type", type ? str_c(type) : f->type);
        jw_key(w, "url");
        jw_strf(w, "%s/$export-file/%s/%.*s/%.*s%s%u", e->x->r->c.base, e->job->id,
                STR_FMT(type ? str_c(type) : f->type), STR_FMT(of), of.n ? "-" : "",
                f->part);
        jw_kint(w, "count", f->n);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int run_manifest(struct export_run *e)
{
    const struct rest_config *k = &e->x->r->c;
    char at[TIME_TEXT];
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "transactionTime", time_format(e->at, at));
    jw_kstr(&w, "request", json_get_str(e->ask, "request"));
    jw_kbool(&w, "requiresAccessToken", !k->open);
    run_files(e, &w, "output", STR_NULL, NULL);
    if (e->since)
        run_files(e, &w, "deleted", STR("deleted"), "Bundle");
    run_files(e, &w, "error", STR("error"), "OperationOutcome");
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = rest_export_write(e->x, e->job->id, "manifest", buf_str(&b), NULL);
    buf_release(&b);
    return err;
}

static int run_asked(struct export_run *e)
{
    const struct json *types = json_get(e->ask, "types");
    e->since = json_int(json_get(e->ask, "since"), 0);
    e->types.v = arena_alloc(&e->c.arena, json_size(types) + 1, sizeof *e->types.v);
    if (!e->types.v)
        return AM_E_NOMEM;
    for (json_each(it, types))
        e->types.v[e->types.n++] = json_str(it.val);
    return AM_OK;
}

int rest_export_run(struct rest_exports *x, struct rest_export *job)
{
    struct export_run e = {.x = x, .job = job, .at = time_now()};
    const struct rest_guard *g = &x->r->c.guard;
    struct json_doc *doc = NULL;
    int err;
    e.again = INT64_MAX;
    buf_init(&e.sealed, EXPORT_FILE + 3 * EDS_BODY_MAX);
    e.c.r = x->r;
    e.c.q = &e.q;
    arena_init(&e.c.arena, REST_ARENA);
    buf_init(&e.c.out, 1 << 16);
    diag_init(&e.c.d);
    atomic_store(&job->n, 0);
    err = json_parse(&doc, (struct str){job->ask, job->ask_n}, NULL, NULL);
    e.ask = json_root(doc);
    if (!err)
        err = run_asked(&e);
    if (!err)
        err = run_who(&e);
    if (!err)
        err = eds_view(x->r->c.eds, run_in, &e);
    if (!err)
        err = run_manifest(&e);
    if (e.q.who && g->drop)
        g->drop(g->arg, e.q.who);
    for (size_t i = 0; i < e.open.n; i++)
        buf_release(&e.open.v[i].b);
    rest_export_sets_release(&e.sets);
    vec_release(&e.id);
    buf_release(&e.c.out);
    buf_release(&e.sealed);
    vec_release(&e.open);
    vec_release(&e.file);
    json_free(doc);
    diag_release(&e.c.d);
    arena_release(&e.c.arena);
    return err;
}
