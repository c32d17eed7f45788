/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema_check -- applying a compiled schema: frames, problems, and the keywords
 * that apply other schemas.
 *
 * Bounded three ways, because a schema and an instance together can ask for exponential
 * work: depth of frames, number of steps, and a loop that comes back to the same schema
 * and value is refused at once. */
#include <sys/random.h>

#include "json/json_schema_priv.h"

enum { JSON_FRAMES = 1200, JSON_STEPS = 20000000, JSON_PATH = 1 << 16 };

static int json_place_path(struct buf *b, const struct json_place *at)
{
    int err = at && at->up ? json_place_path(b, at->up) : AM_OK;
    if (err || !at)
        return err;
    return at->element ? json_pointer_addi(b, at->i) : json_pointer_add(b, at->key);
}

bool json_problem(struct json_check *c, const struct json_place *at, const char *kw,
                  const char *fmt, ...)
{
    char code[64];
    struct buf b;
    va_list ap;
    if (c->quiet || c->err)
        return false;
    snprintf(code, sizeof code, "schema.%s", kw);
    buf_init(&b, JSON_PATH);
    if (json_place_path(&b, at) == AM_E_NOMEM)
        c->err = AM_E_NOMEM; /* a path cut short by its cap still helps */
    va_start(ap, fmt);
    diag_vadd(c->d, DIAG_ERROR, b.p, code, fmt, ap);
    va_end(ap);
    buf_release(&b);
    return false;
}

void json_problem_arg(struct json_check *c, const char *name, struct str value)
{
    char z[JSON_BRIEF];
    if (c->quiet || c->err)
        return;
    snprintf(z, sizeof z, "%.*s", (int)AM_MIN(value.n, sizeof z - 1),
             value.p ? value.p : "");
    diag_arg(c->d, name, z);
}

void json_brief(char out[JSON_BRIEF], const struct json *v)
{
    struct buf b;
    struct jw w;
    bool whole;
    size_t n;
    buf_init(&b, JSON_BRIEF - 8);
    jw_init(&w, &b);
    jw_val(&w, v);
    whole = jw_done(&w) == AM_OK;
    n = b.n;
    if (!whole)
        while (n &&
               ((unsigned char)b.p[n - 1] & 0xC0) == 0x80) /* whole characters only */
            n--;
    snprintf(out, JSON_BRIEF, "%.*s%s", (int)n, b.p, whole ? "" : "...");
    buf_release(&b);
}

static bool json_fails(struct json_check *c, const struct json_place *at, int err,
                       const char *kw, const char *why)
{
    c->quiet = 0; /* the check ends here, whoever was asking quietly */
    json_problem(c, at, kw, "%s", why);
    if (!c->err)
        c->err = err;
    return false;
}

/* Enters n on v, unless that was too much or is going on already. */
static bool json_may_enter(struct json_check *c, const struct json_frame *up,
                           const struct json_node *n, const struct json *v,
                           const struct json_place *at)
{
    if (c->err)
        return false;
    if (++c->steps > JSON_STEPS)
        return json_fails(c, at, AM_E_TOOBIG, "effort", "checking takes too long");
    if (c->depth >= JSON_FRAMES)
        return json_fails(c, at, AM_E_TOOBIG, "depth", "schemas apply too deeply");
    for (const struct json_frame *f = up; f && f->v == v; f = f->up)
        if (f->node == n)
            return json_fails(c, at, AM_E_INVALID, "cycle",
                              "the schema refers to itself without end");
    return true;
}

static bool json_run_rules(struct json_check *c, const struct json_frame *f)
{
    unsigned type = 1u << json_type(f->v);
    bool ok = true;
    for (size_t i = 0; i < f->node->rules && !c->err; i++) {
        const struct json_rule *r = &f->node->rule[i];
        if ((!r->kw->on || r->kw->on & type) && !r->kw->check(c, f, r))
            ok = false;
        if (!ok && c->quiet)
            break;
    }
    return ok && !c->err;
}

bool json_apply(struct json_check *c, const struct json_frame *up,
                const struct json_node *n, const struct json *v,
                const struct json_place *at, unsigned char *merge, const char *by)
{
    struct json_frame f = {up, n, v, at, NULL};
    size_t size = n->tracks || merge ? json_size(v) : 0;
    bool ok;
    if (!json_may_enter(c, up, n, v, at))
        return false;
    if (n->constant)
        return json_bool(n->src, false) ||
               json_problem(c, at, by, "nothing is allowed here");
    if (size) {
        f.seen = am_calloc(size, 1);
        if (!f.seen) {
            c->err = AM_E_NOMEM;
            return false;
        }
    }
    c->depth++;
    ok = json_run_rules(c, &f);
    c->depth--;
    /* Core section 7.7.1.1: failed schemas evaluate nothing. When problems are listed the
     * whole has failed anyway, and unevaluated* should not repeat it. */
    if (f.seen && merge && (ok || !c->quiet))
        for (size_t i = 0; i < size; i++)
            merge[i] |= f.seen[i];
    free(f.seen);
    return ok;
}

/* Another schema for the same value. */
static bool json_same(struct json_check *c, const struct json_frame *f,
                      const struct json_node *n, const struct json_rule *r)
{
    return json_apply(c, f, n, f->v, f->at, f->seen, r->kw->name);
}

static bool json_same_quiet(struct json_check *c, const struct json_frame *f,
                            const struct json_node *n, const struct json_rule *r)
{
    bool ok;
    c->quiet++;
    ok = json_same(c, f, n, r);
    c->quiet -= c->quiet > 0; /* json_fails() may have cleared it */
    return ok;
}

/* A schema for a member or element of the value. */
static bool json_inside(struct json_check *c, const struct json_frame *f,
                        const struct json_node *n, const struct json_rule *r,
                        const struct json_iter *it)
{
    struct json_place at = {f->at, it->key, it->i, json_type(f->v) == JSON_ARRAY};
    if (f->seen)
        f->seen[it->i] = 1;
    return json_apply(c, f, n, it->val, &at, NULL, r->kw->name);
}

bool json_check_ref(struct json_check *c, const struct json_frame *f,
                    const struct json_rule *r)
{
    return json_same(c, f, r->node[0], r);
}

/* The outermost resource of the dynamic scope that answers wins. */
bool json_check_dynamic(struct json_check *c, const struct json_frame *f,
                        const struct json_rule *r)
{
    const struct json_node *n = r->node[0];
    for (const struct json_frame *g = f; r->dynamic && g; g = g->up)
        if (r->dynamic[g->node->res])
            n = r->dynamic[g->node->res];
    return json_same(c, f, n, r);
}

bool json_check_all(struct json_check *c, const struct json_frame *f,
                    const struct json_rule *r)
{
    bool ok = true;
    for (size_t i = 0; i < r->n && (ok || !c->quiet); i++)
        ok = json_same(c, f, r->node[i], r) && ok;
    return ok;
}

bool json_check_any(struct json_check *c, const struct json_frame *f,
                    const struct json_rule *r)
{
    bool ok = false;
    for (size_t i = 0; i < r->n && (!ok || f->seen); i++)
        ok = json_same_quiet(c, f, r->node[i], r) || ok;
    return ok ||
           json_problem(c, f->at, "anyOf", "matches none of the %zu alternatives", r->n);
}

bool json_check_one(struct json_check *c, const struct json_frame *f,
                    const struct json_rule *r)
{
    size_t matched = 0;
    for (size_t i = 0; i < r->n && matched < 2; i++)
        matched += json_same_quiet(c, f, r->node[i], r);
    if (matched == 1)
        return true;
    return json_problem(c, f->at, "oneOf",
                        matched ? "matches more than one of the %zu alternatives"
                                : "matches none of the %zu alternatives",
                        r->n);
}

bool json_check_not(struct json_check *c, const struct json_frame *f,
                    const struct json_rule *r)
{
    bool ok;
    c->quiet++;
    ok = json_apply(c, f, r->node[0], f->v, f->at, NULL, "not");
    c->quiet -= c->quiet > 0;
    return !ok && !c->err ? true
                          : json_problem(c, f->at, "not", "matches what is excluded");
}

bool json_check_if(struct json_check *c, const struct json_frame *f,
                   const struct json_rule *r)
{
    const struct json_node *n;
    if (!r->node[1] && !r->node[2] && !f->seen)
        return true;
    n = json_same_quiet(c, f, r->node[0], r) ? r->node[1] : r->node[2];
    if (c->err)
        return false;
    return !n ||
           json_apply(c, f, n, f->v, f->at, f->seen, n == r->node[1] ? "then" : "else");
}

static bool json_need(struct json_check *c, const struct json_frame *f, struct str name,
                      struct str for_name, const char *kw)
{
    struct json_place at = {f->at, name, 0, false};
    if (json_getn(f->v, name))
        return true;
    if (for_name.p)
        json_problem(c, &at, kw, "\"%.*s\" is missing, needed with \"%.*s\"",
                     (int)AM_MIN(name.n, 100), name.p, (int)AM_MIN(for_name.n, 100),
                     for_name.p);
    else
        json_problem(c, &at, kw, "\"%.*s\" is missing", (int)AM_MIN(name.n, 100), name.p);
    json_problem_arg(c, "name", name);
    return false;
}

/* One walk over the members instead of one search per name. False: a name is missing, or
 * there are too many to say. */
static bool json_has_all(const struct json_frame *f, const struct json_rule *r)
{
    uint64_t got[4] = {0};
    size_t n = 0;
    if (r->n > 256 || r->n > json_size(f->v))
        return r->n == 0;
    for (json_each(it, f->v)) {
        size_t i = json_named(r, it.key);
        if (i == SIZE_MAX || got[i / 64] >> (i % 64) & 1)
            continue;
        got[i / 64] |= (uint64_t)1 << (i % 64);
        n++;
    }
    return n == r->n;
}

/* The same by the table of properties, whose rule then need not look names up again. */
static bool json_place_all(struct json_check *c, const struct json_frame *f,
                           const struct json_rule *r)
{
    uint64_t got[JSON_NEEDS / 64] = {0};
    bool all = true;
    for (json_each(it, f->v)) {
        size_t i = json_named(r->beside, it.key);
        c->place[it.i] = (uint16_t)(i + 1); /* 0: none */
        if (i != SIZE_MAX)
            got[i / 64] |= (uint64_t)1 << (i % 64);
    }
    for (size_t k = 0; k < JSON_NEEDS / 64; k++)
        all = all && (got[k] & r->need[k]) == r->need[k];
    return all;
}

bool json_check_required(struct json_check *c, const struct json_frame *f,
                         const struct json_rule *r)
{
    bool ok = true;
    c->placed = r->need && json_size(f->v) <= JSON_PLACES;
    if (c->placed ? json_place_all(c, f, r) : json_has_all(f, r))
        return true;
    for (json_each(it, r->val))
        ok = json_need(c, f, json_str(it.val), STR_NULL, "required") && ok;
    return ok;
}

static bool json_needs(struct json_check *c, const struct json_frame *f, struct str with,
                       const struct json *names, const char *kw)
{
    bool ok = true;
    for (json_each(it, names))
        ok = json_need(c, f, json_str(it.val), with, kw) && ok;
    return ok;
}

bool json_check_dep_required(struct json_check *c, const struct json_frame *f,
                             const struct json_rule *r)
{
    bool ok = true;
    for (json_each(it, r->val))
        if (json_getn(f->v, it.key))
            ok = json_needs(c, f, it.key, it.val, "dependentRequired") && ok;
    return ok;
}

bool json_check_deps(struct json_check *c, const struct json_frame *f,
                     const struct json_rule *r)
{
    bool ok = true;
    for (size_t i = 0; i < r->n; i++) {
        if (!json_getn(f->v, r->name[i]))
            continue;
        if (r->node[i])
            ok = json_same(c, f, r->node[i], r) && ok;
        else
            ok = json_needs(c, f, r->name[i], json_getn(r->val, r->name[i]),
                            r->kw->name) &&
                 ok;
    }
    return ok;
}

bool json_check_properties(struct json_check *c, const struct json_frame *f,
                           const struct json_rule *r)
{
    uint16_t place[JSON_PLACES]; /* those inside use c->place for themselves */
    bool ok = true, all = true, placed = r->beside && c->placed;
    if (placed)
        memcpy(place, c->place, json_size(f->v) * sizeof *place);
    for (json_each(it, f->v)) {
        size_t i = placed ? (size_t)place[it.i] - 1 : json_named(r, it.key);
        if (i != SIZE_MAX)
            ok = json_inside(c, f, r->node[i], r, &it) && ok;
        else
            all = false;
    }
    /* for additionalProperties beside it, which runs later in this very frame */
    c->named = all ? f : NULL;
    return ok;
}

static bool json_matches(struct json_check *c, const struct json_regex *re, struct str s)
{
    bool found = false;
    int err = json_regex_search(re, s, &found);
    if (err)
        c->err = err;
    return found;
}

bool json_check_patterns(struct json_check *c, const struct json_frame *f,
                         const struct json_rule *r)
{
    bool ok = true;
    for (json_each(it, f->v))
        for (size_t i = 0; i < r->n && !c->err; i++)
            if (json_matches(c, r->re[i], it.key))
                ok = json_inside(c, f, r->node[i], r, &it) && ok;
    return ok;
}

bool json_check_additional(struct json_check *c, const struct json_frame *f,
                           const struct json_rule *r)
{
    bool ok = true;
    if (r->beside && c->named == f)
        return true;
    for (json_each(it, f->v)) {
        bool known = r->beside && json_named(r->beside, it.key) != SIZE_MAX;
        for (size_t i = 0; r->beside2 && i < r->beside2->n && !known && !c->err; i++)
            known = json_matches(c, r->beside2->re[i], it.key);
        if (!known)
            ok = json_inside(c, f, r->node[0], r, &it) && ok;
    }
    return ok;
}

/* A member's name is a string value of its own, just before the member in the tree. */
bool json_check_names(struct json_check *c, const struct json_frame *f,
                      const struct json_rule *r)
{
    bool ok = true;
    for (json_each(it, f->v)) {
        struct json_place at = {f->at, it.key, it.i, false};
        const struct json *name = json_of(json_yy(it.val) - 1);
        ok = json_apply(c, f, r->node[0], name, &at, NULL, "propertyNames") && ok;
    }
    return ok;
}

bool json_check_prefix(struct json_check *c, const struct json_frame *f,
                       const struct json_rule *r)
{
    bool ok = true;
    for (json_each(it, f->v))
        if (it.i < r->n)
            ok = json_inside(c, f, r->node[it.i], r, &it) && ok;
    return ok;
}

/* items and additionalItems, all drafts: beside says how many elements are spoken for. */
bool json_check_items(struct json_check *c, const struct json_frame *f,
                      const struct json_rule *r)
{
    size_t from = r->beside ? r->beside->n : 0;
    bool ok = true;
    if (r->limit) /* the list of the older drafts */
        return json_check_prefix(c, f, r);
    if (r->kw->name[0] == 'a' && !(r->beside && r->beside->limit)) /* additionalItems */
        return true; /* means nothing without a list */
    for (json_each(it, f->v))
        if (it.i >= from)
            ok = json_inside(c, f, r->node[0], r, &it) && ok;
    return ok;
}

bool json_check_contains(struct json_check *c, const struct json_frame *f,
                         const struct json_rule *r)
{
    bool marks = f->seen && c->s->res.v[f->node->res].draft & JSON_DRAFT_2020;
    size_t matched = 0;
    c->quiet++;
    for (json_each(it, f->v)) {
        struct json_place at = {f->at, STR_NULL, it.i, true};
        if (!json_apply(c, f, r->node[0], it.val, &at, NULL, "contains"))
            continue;
        matched++;
        if (marks)
            f->seen[it.i] = 1;
        if (!marks && matched >= r->limit && r->limit2 == SIZE_MAX)
            break;
    }
    c->quiet -= c->quiet > 0;
    if (matched > r->limit2)
        return json_problem(c, f->at, "maxContains",
                            "%zu elements match, at most %zu may", matched, r->limit2);
    if (matched >= r->limit)
        return true;
    return json_problem(c, f->at, r->limit == 1 ? "contains" : "minContains",
                        "%zu elements match, at least %zu must", matched, r->limit);
}

static bool json_unevaluated(struct json_check *c, const struct json_frame *f,
                             const struct json_rule *r)
{
    bool ok = true;
    for (json_each(it, f->v))
        if (!f->seen[it.i])
            ok = json_inside(c, f, r->node[0], r, &it) && ok;
    return ok;
}

bool json_check_uneval_items(struct json_check *c, const struct json_frame *f,
                             const struct json_rule *r)
{
    return json_unevaluated(c, f, r);
}

bool json_check_uneval_props(struct json_check *c, const struct json_frame *f,
                             const struct json_rule *r)
{
    return json_unevaluated(c, f, r);
}

int json_schema_check(const struct json_schema *s, const struct json *v, struct diag *d)
{
    struct json_check c = {.s = s, .d = d};
    bool ok;
    if (!v) {
        diag_err(d, "", "schema.absent", "there is no value to check");
        return AM_E_INVALID;
    }
    ok = json_apply(&c, NULL, s->root, v, NULL, NULL, "false");
    if (c.err)
        return c.err;
    return ok ? AM_OK : AM_E_INVALID;
}
