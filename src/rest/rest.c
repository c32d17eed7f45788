/* SPDX-License-Identifier: Apache-2.0 */
/* rest -- from a request to the handler of its row, and what holds for all of them. */
#include "rest/rest_term_priv.h"

const struct rest_route rest_route[] = {
#define X(method, pattern, interaction, level, writes, handler, what)                    \
    {REST_##method, pattern, interaction, REST_##level, writes, rest_h_##handler, what},
    REST_TABLE(X)
#undef X
};
const size_t rest_routes = AM_LEN(rest_route);

/* Jobs of ours read them until the end, from threads of their own: whoever made us may
 * have left the place that held them (a test that failed had). */
static int rest_texts(struct rest *r)
{
    const char **of[REST_TEXTS] = {&r->c.base,    &r->c.former,    &r->c.export_dir,
                                   &r->c.sub.dir, &r->c.sub.allow, &r->c.sub.ca_file};
    for (size_t i = 0; i < AM_LEN(of); i++) {
        if (!*of[i])
            continue;
        r->text[i] = str_dup(str_c(*of[i]));
        if (!r->text[i])
            return AM_E_NOMEM;
        *of[i] = r->text[i];
    }
    return AM_OK;
}

int rest_new(struct rest **out, const struct rest_config *c)
{
    struct rest *r = am_calloc(1, sizeof *r);
    int err;
    if (!r)
        return AM_E_NOMEM;
    r->c = *c;
    if (!r->c.body_max)
        r->c.body_max = 64 << 20;
    if (!r->c.entries)
        r->c.entries = EDS_GROUP_MAX;
    if (!r->c.told_max)
        r->c.told_max = 64 << 20;
    r->started_at = time_now();
    buf_init(&r->capabilities, 16 << 20);
    err = rest_texts(r);
    if (!err)
        err = rest_own_new(r);
    if (!err)
        err = rest_terms_new(&r->terms);
    if (!err)
        err = rest_capabilities(r, &r->capabilities);
    if (!err)
        err = rest_exports_new(r);
    if (!err)
        err = rest_subs_new(r);
    if (err) {
        rest_free(r);
        return err;
    }
    *out = r;
    return AM_OK;
}

void rest_free(struct rest *r)
{
    if (!r)
        return;
    rest_subs_free(r);
    rest_exports_free(r);
    buf_release(&r->capabilities);
    free(r->own);
    rest_terms_free(r->terms);
    for (size_t i = 0; i < AM_LEN(r->text); i++)
        free(r->text[i]);
    free(r);
}

void rest_answer_init(struct rest_answer *a)
{
    *a = (struct rest_answer){0};
    buf_init(&a->body, SIZE_MAX / 2);
}

void rest_answer_release(struct rest_answer *a)
{
    buf_release(&a->body);
}

/* ---- matching ---- */
static struct str *rest_named(struct rest_call *c, struct str name)
{
    return str_eqc(name, "{type}")  ? &c->type
           : str_eqc(name, "{id}")  ? &c->id
           : str_eqc(name, "{vid}") ? &c->vid
                                    : &c->other;
}

/* A segment that a name in braces may take: what begins with $ or _ is never one. */
static bool rest_free_segment(struct str s)
{
    return s.n && s.p[0] != '$' && s.p[0] != '_';
}

bool rest_match(const char *pattern, struct str path, struct rest_call *c)
{
    struct str want = str_sub(str_c(pattern), 1, SIZE_MAX), got = path;
    if (str_starts(got, STR("/")))
        got = str_sub(got, 1, got.n);
    while (want.n || got.n) {
        struct str w = str_cut(want, '/', &want), g = str_cut(got, '/', &got);
        if (str_starts(w, STR("{"))) {
            if (!rest_free_segment(g))
                return false;
            *rest_named(c, w) = g;
        } else if (!str_eq(w, g))
            return false;
        else if (w.n && w.p[0] >= 'A' && w.p[0] <= 'Z')
            c->type = w; /* a row of one type */
    }
    return true;
}

static void rest_forget(struct rest_call *c)
{
    c->type = c->id = c->vid = c->other = STR_NULL;
}

static void rest_allow(struct rest_call *c, enum rest_method m)
{
    static const char *const name[] = {[REST_GET] = "GET, HEAD",
                                       [REST_POST] = "POST",
                                       [REST_PUT] = "PUT",
                                       [REST_PATCH] = "PATCH",
                                       [REST_DELETE] = "DELETE"};
    size_t n = strlen(c->a->allow);
    if (!strstr(c->a->allow, name[m]))
        snprintf(c->a->allow + n, sizeof c->a->allow - n, "%s%s", n ? ", " : "", name[m]);
}

static int rest_find(struct rest_call *c)
{
    bool own = false; /* an address of its own: no type's */
    for (size_t i = 0; i < rest_routes; i++) {
        rest_forget(c);
        if ((own && strchr(rest_route[i].pattern, '{')) ||
            !rest_match(rest_route[i].pattern, c->q->path, c))
            continue;
        if (rest_route[i].method == c->q->method) {
            c->route = &rest_route[i];
            c->a->allow[0] = 0;
            return AM_OK;
        }
        rest_allow(c, rest_route[i].method);
        own = own || !strchr(rest_route[i].pattern, '{');
    }
    rest_forget(c);
    return c->a->allow[0] ? rest_bad(c, AM_E_METHOD, "", "rest.method", STR_NULL)
                          : rest_bad(c, AM_E_NOTFOUND, "", "rest.path", c->q->path);
}

/* The names of the path are names of something. */
static int rest_names(struct rest_call *c)
{
    /* A view is kept as a Library (rest_view.h). */
    if (c->route && !strncmp(c->route->pattern, "/ViewDefinition", 15))
        c->type = STR("Library");
    if (c->type.n && !fhir_search_type(c->type))
        return rest_bad(c, AM_E_NOTFOUND, "", "rest.type", c->type);
    if (c->id.n && !eds_id_ok(c->id))
        return rest_bad(c, AM_E_NOTFOUND, "", "rest.id", c->id);
    if (c->other.n && !fhir_search_type(c->other))
        return rest_bad(c, AM_E_NOTFOUND, "", "rest.type", c->other);
    return AM_OK;
}

/* ---- the audit ---- */
int rest_seen(struct rest_call *c, struct str type, const char *id)
{
    struct eds_name *n;
    if (!c->r->c.audit)
        return AM_OK;
    if (c->n_seen == c->cap_seen) {
        size_t cap = c->cap_seen ? 2 * c->cap_seen : 32;
        struct eds_name *more = am_realloc(c->seen, cap, sizeof *more);
        if (!more)
            return AM_E_NOMEM;
        c->seen = more;
        c->cap_seen = cap;
    }
    n = &c->seen[c->n_seen++];
    snprintf(n->type, sizeof n->type, "%.*s", STR_FMT(type));
    snprintf(n->id, sizeof n->id, "%s", id);
    return AM_OK;
}

int rest_audit(struct rest_call *c, enum rest_moment m, int status)
{
    struct rest_access a = {.moment = m,
                            .interaction = c->route ? c->route->interaction : "",
                            .type = c->type,
                            .id = c->id,
                            .other = c->other,
                            .part = c->part,
                            .query = c->q->query,
                            .status = status,
                            .seen = c->seen,
                            .n_seen = c->n_seen,
                            .who = c->q->who};
    int err = c->r->c.audit ? c->r->c.audit(c->r->c.audit_arg, &a) : AM_OK;
    if (!err)
        return AM_OK;
    LOG_E("rest.audit", log_err(err));
    return m == REST_AFTER && c->wrote ? AM_E_UNSURE : err;
}

/* ---- one call ---- */
static int rest_run(struct rest_call *c)
{
    int err = rest_find(c), said = rest_ask(c); /* language and form before anything */
    if (!err)
        err = said;
    if (!err)
        err = rest_names(c);
    if (!err && c->q->body.n > c->r->c.body_max)
        err = rest_bad(c, AM_E_TOOBIG, "", "rest.toobig", STR_NULL);
    if (!err)
        err = rest_may(c);
    if (!err && c->route->writes)
        err = rest_audit(c, REST_BEFORE, 0);
    return err ? err : c->route->run(c);
}

static void rest_call_do(struct rest_call *c)
{
    int err, told;
    arena_init(&c->arena, REST_ARENA);
    diag_init(&c->d);
    buf_init(&c->out, c->r->c.told_max);
    err = rest_run(c);
    rest_finish(c, err);
    told = rest_audit(c, REST_AFTER, c->a->status);
    if (told) {
        c->status = 0;
        diag_clear(&c->d);
        rest_finish(c, told);
    }
    free(c->seen);
    rest_subs_end(c);
    json_free(c->doc);
    buf_release(&c->out);
    diag_release(&c->d);
    arena_release(&c->arena);
}

void rest_serve(struct rest *r, const struct rest_request *q, struct rest_answer *a)
{
    struct rest_call c = {.r = r, .q = q, .a = a};
    rest_call_do(&c);
}

void rest_part(struct rest *r, const struct rest_request *q, const struct json *resource,
               struct rest_answer *a)
{
    struct rest_call c = {.r = r, .q = q, .a = a, .body = resource, .part = true};
    rest_call_do(&c);
}
