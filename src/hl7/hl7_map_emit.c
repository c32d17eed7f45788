/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_map_priv.h"

/* ---- expressions of text ---- */
static struct str kept(struct hl7_run *r, struct str s)
{
    char *p = arena_dup(&r->a, s);
    if (!p && !r->err)
        r->err = AM_E_NOMEM;
    return p ? (struct str){p, s.n} : STR_NULL;
}

/* The value in the form that `as` wants. */
static struct str convert(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                          struct str v, struct str as)
{
    struct buf b;
    int err;
    if (!as.n)
        return v;
    buf_init(&b, 4096);
    if (str_eqc(as, "decimal"))
        err = hl7_decimal(&b, v);
    else if (str_eqc(as, "boolean")) /* table 0136 */
        err = str_eqc(v, "Y")   ? buf_adds(&b, "true")
              : str_eqc(v, "N") ? buf_adds(&b, "false")
                                : AM_E_SYNTAX;
    else if (str_eqc(as, "date"))
        err = hl7_date(&b, v);
    else if (str_eqc(as, "uri"))
        err = hl7_uri(&b, v);
    else
        err = hl7_date_time(&b, v, r->map->zone);
    if (!err && str_eqc(as, "date") && b.n > 10)
        buf_cut(&b, 10);
    if (!err && str_eqc(as, "instant") && b.n < 20)
        err = AM_E_SYNTAX;
    v = err ? STR_NULL : kept(r, buf_str(&b));
    buf_release(&b);
    if (err == AM_E_NOTFOUND)
        hl7_complain(r, c, path, "hl7.zone",
                     "a time without a zone, and the map has none");
    else if (err == AM_E_SYNTAX || err == AM_E_TOOBIG)
        hl7_complain(r, c, path, "hl7.value",
                     str_eqc(as, "decimal")   ? "not a number"
                     : str_eqc(as, "boolean") ? "neither Y nor N"
                                              : "not a date");
    else if (err && !r->err)
        r->err = err;
    return v;
}

/* The first path that holds something; it is not taken yet. */
static struct str first_of(struct hl7_run *r, const struct hl7_ctx *c,
                           const struct json *paths, struct str *path)
{
    struct str v = STR_NULL;
    *path = json_str(paths);
    if (json_type(paths) == JSON_STRING)
        return hl7_peek(r, c, *path);
    for (json_each(it, paths)) {
        *path = json_str(it.val);
        v = hl7_peek(r, c, *path);
        if (v.n)
            break;
    }
    return v;
}

/* A day says less than an instant: where the map says what is there without one, it is
 * left to be told. */
static bool less(struct hl7_run *r, const struct json *e, struct str v)
{
    struct buf b;
    bool day;
    if (!json_str_is(json_get(e, "as"), "instant") || !json_get(e, "else"))
        return false;
    buf_init(&b, 64);
    day = !hl7_date_time(&b, v, r->map->zone) && b.n < 20;
    buf_release(&b);
    return day;
}

static struct str plain(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e)
{
    struct str path, v = first_of(r, c, json_get(e, "$"), &path);
    struct str table = json_get_str(e, "table"), prefix = json_get_str(e, "prefix");
    const struct json *other = json_get(e, "else");
    if (v.n && table.n) {
        const struct json *to = json_getn(json_getn(r->map->tables, table), v);
        if (!to && !other)
            hl7_complain(r, c, path, "hl7.code", "a code that the table does not have");
        if (to)
            hl7_take(r, c, path);
        v = to ? json_str(to) : json_str(other);
    } else if (v.n && !less(r, e, v)) {
        hl7_take(r, c, path);
        v = convert(r, c, path, v, json_get_str(e, "as"));
    } else {
        v = json_str(other);
    }
    if (v.n && prefix.n) {
        char *p = arena_printf(&r->a, "%.*s%.*s", STR_FMT(prefix), STR_FMT(v));
        if (!p && !r->err)
            r->err = AM_E_NOMEM;
        v = str_c(p);
    }
    return v;
}

static struct str join(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e)
{
    struct str with = json_get_str(e, "with"), v = STR_NULL;
    struct buf b;
    bool whole = true;
    int err = AM_OK;
    buf_init(&b, 1 << 20);
    for (json_each(it, json_get(e, "$join"))) {
        struct str one = hl7_text_of(r, c, it.val);
        whole = whole && one.p;
        if (!err && it.i)
            err = buf_add(&b, with);
        if (!err)
            err = buf_add(&b, one);
    }
    if (err && !r->err)
        r->err = err;
    else if (whole)
        v = kept(r, buf_str(&b));
    buf_release(&b);
    return v;
}

/* All repetitions of a field. */
static struct str all(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e)
{
    struct str path = json_get_str(e, "$all"), v = STR_NULL;
    struct hl7_ctx in = *c;
    struct hl7_path p;
    struct buf b;
    size_t segment, n = 0;
    int err = hl7_path(&p, path);
    buf_init(&b, (size_t)64 << 20);
    hl7_ambiguous(r, c, path);
    segment = err ? SIZE_MAX : hl7_near(r, c, p.segment);
    if (segment != SIZE_MAX)
        n = hl7_repetitions(r->m, hl7_field(r->m, segment, p.field));
    if (n > HL7_EACH)
        hl7_complain(r, c, path, "hl7.toobig", "too many repetitions");
    am_assert(c->reps < HL7_NEST);
    for (unsigned i = 1; i <= AM_MIN(n, (size_t)HL7_EACH) && !err; i++) {
        in.rep[c->reps] = (struct hl7_rep){segment, p.field, i};
        in.reps = c->reps + 1;
        if (i > 1)
            err = buf_add(&b, json_get_str(e, "with"));
        if (!err)
            err = buf_add(&b, hl7_look(r, &in, path));
    }
    if (!err && b.n)
        v = kept(r, buf_str(&b));
    else if (err && !r->err)
        r->err = err;
    buf_release(&b);
    return v.n ? convert(r, c, path, v, json_get_str(e, "as")) : STR_NULL;
}

/* Something stands there, and no expression makes a value of it. */
static void told(struct hl7_run *r, const struct hl7_ctx *c, const struct json *list)
{
    for (json_each(it, list)) {
        struct str path, v = first_of(r, c, json_get(it.val, "$"), &path);
        if (v.n) {
            hl7_tell(r, c, path, v);
            return;
        }
    }
}

static struct str first(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e)
{
    struct str v = STR_NULL, path = STR_NULL;
    for (json_each(it, json_get(e, "$first"))) {
        path = json_get_str(it.val, json_get(it.val, "$all") ? "$all" : "$");
        v = hl7_text_of(r, c, it.val);
        if (v.n)
            break;
    }
    if (!v.n && json_bool(json_get(e, "told"), false))
        told(r, c, json_get(e, "$first"));
    return v.n ? convert(r, c, path, v, json_get_str(e, "as")) : STR_NULL;
}

/* An empty text is one that `else` gives to say so: not the same as none. */
struct str hl7_text_of(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e)
{
    if (json_type(e) == JSON_STRING)
        return json_str(e);
    if (json_get(e, "$when") && !hl7_holds(r, c, json_get(e, "$when")))
        return STR_NULL;
    return json_get(e, "$join")    ? join(r, c, e)
           : json_get(e, "$all")   ? all(r, c, e)
           : json_get(e, "$first") ? first(r, c, e)
                                   : plain(r, c, e);
}

/* ---- references ---- */
static bool below(struct hl7_run *r, const struct hl7_ctx *c, const struct hl7_made *x)
{
    struct hl7_ctx of = {.segment = x->segment};
    char name[4];
    if (c->segment == SIZE_MAX || x->segment == SIZE_MAX)
        return true;
    snprintf(name, sizeof name, "%.3s", hl7_segment_name(r->m, c->segment).p);
    return hl7_near(r, &of, name) == c->segment;
}

static void put_reference(struct hl7_run *r, const struct hl7_made *x, struct jw *w)
{
    struct str id = json_get_str(json_root(x->now), "id");
    jw_obj(w);
    jw_key(w, "reference");
    if (x->now)
        jw_strf(w, "%.*s/%.*s", STR_FMT(x->type), STR_FMT(id));
    else
        jw_strf(w, "urn:uuid:00000000-0000-4000-8000-%012zx",
                (size_t)(x - r->made.v) + 1);
    jw_obj_end(w);
}

const struct hl7_made *hl7_referred(struct hl7_run *r, const struct hl7_ctx *c,
                                    struct str name)
{
    for (size_t i = 0; i < r->made.n; i++) {
        const struct hl7_made *x = &r->made.v[i];
        char segment[4];
        if (!str_eq(x->name, name))
            continue;
        if (x->segment != SIZE_MAX) {
            snprintf(segment, sizeof segment, "%.3s",
                     hl7_segment_name(r->m, x->segment).p);
            if (hl7_near(r, c, segment) != x->segment)
                continue;
        }
        return x;
    }
    return NULL;
}

static enum hl7_emitted reference(struct hl7_run *r, struct hl7_ctx *c, struct str name,
                                  struct jw *w)
{
    const struct hl7_made *x = hl7_referred(r, c, name);
    if (x)
        put_reference(r, x, w);
    return x ? HL7_VALUE : HL7_NOTHING;
}

static enum hl7_emitted references(struct hl7_run *r, struct hl7_ctx *c, struct str name,
                                   struct jw *w)
{
    enum hl7_emitted got = HL7_NOTHING;
    for (size_t i = 0; i < r->made.n; i++)
        if (str_eq(r->made.v[i].name, name) && below(r, c, &r->made.v[i])) {
            put_reference(r, &r->made.v[i], w);
            got = HL7_VALUE;
        }
    return got;
}

/* ---- objects, arrays ---- */
/* Takes back what was written since; an error stays. */
static void undo(struct jw *w, const struct jw *saved, size_t n)
{
    int err = w->err;
    *w = *saved;
    w->err = err;
    buf_cut(w->out, n);
}

/* Those that follow this one without another between; `after`: those after it, up to the
 * next of its own name. */
static enum hl7_emitted each_segment(struct hl7_run *r, struct hl7_ctx *c,
                                     const struct json *t, struct str name, struct jw *w)
{
    enum hl7_emitted got = HL7_NOTHING;
    bool all = c->segment == SIZE_MAX, after = json_bool(json_get(t, "after"), false);
    struct str own = all ? STR_NULL : hl7_segment_name(r->m, c->segment);
    for (size_t i = all ? 0 : c->segment + 1; i < hl7_segments(r->m); i++) {
        struct hl7_ctx in = *c;
        struct str here = hl7_segment_name(r->m, i);
        bool is = str_eq(here, name);
        if (!all && (after ? str_eq(here, own) || str_eqc(here, "PID") : !is))
            break;
        in.segment = i;
        if (is && hl7_holds(r, &in, json_get(t, "$when")) &&
            hl7_emit(r, &in, json_get(t, "body"), w) == HL7_VALUE)
            got = HL7_VALUE;
    }
    return got;
}

static enum hl7_emitted each(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                             struct jw *w)
{
    enum hl7_emitted got = HL7_NOTHING;
    struct str over = json_get_str(t, "$each");
    struct hl7_path p;
    size_t segment, n;
    if (hl7_path(&p, over))
        return each_segment(r, c, t, over, w);
    segment = hl7_near(r, c, p.segment);
    n = segment == SIZE_MAX ? 0
                            : hl7_repetitions(r->m, hl7_field(r->m, segment, p.field));
    if (n > HL7_EACH) {
        hl7_complain(r, c, over, "hl7.toobig", "too many repetitions");
        return HL7_NOTHING;
    }
    am_assert(c->reps < HL7_NEST);
    for (unsigned i = 1; i <= n; i++) {
        c->rep[c->reps] = (struct hl7_rep){segment, p.field, i};
        c->reps++;
        if (hl7_holds(r, c, json_get(t, "$when")) &&
            hl7_emit(r, c, json_get(t, "body"), w) == HL7_VALUE)
            got = HL7_VALUE;
        c->reps--;
    }
    return got;
}

static enum hl7_emitted text(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                             struct jw *w)
{
    struct str as = json_get_str(t, "as"), v = hl7_text_of(r, c, t);
    if (!v.n)
        return HL7_NOTHING;
    if (str_eqc(as, "decimal") || str_eqc(as, "boolean"))
        jw_raw(w, v);
    else
        jw_str(w, v);
    return HL7_VALUE;
}

static enum hl7_emitted object(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                               struct jw *w)
{
    struct jw saved = *w;
    size_t n = w->out->n, members = 0;
    bool value = false, missed = false;
    const struct json *when = json_get(t, "$when");
    if (when && !hl7_holds(r, c, when))
        return HL7_NOTHING;
    jw_obj(w);
    for (json_each(it, t)) {
        struct jw s = *w;
        size_t at = w->out->n;
        enum hl7_emitted got;
        if (str_eqc(it.key, "$when"))
            continue;
        jw_keyn(w, it.key);
        got = hl7_emit(r, c, it.val, w);
        if (got == HL7_NOTHING)
            undo(w, &s, at);
        members += got != HL7_NOTHING;
        value = value || got == HL7_VALUE;
        missed = missed || got == HL7_NOTHING;
    }
    jw_obj_end(w);
    if (!members || (missed && !value)) {
        undo(w, &saved, n);
        return HL7_NOTHING;
    }
    return value || when ? HL7_VALUE : HL7_CONSTANT;
}

static enum hl7_emitted array(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                              struct jw *w)
{
    struct jw saved = *w;
    size_t n = w->out->n;
    bool value = false, constant = false, missed = false;
    jw_arr(w);
    for (json_each(it, t)) {
        struct jw s = *w;
        size_t at = w->out->n;
        enum hl7_emitted got = hl7_emit(r, c, it.val, w);
        if (got == HL7_NOTHING)
            undo(w, &s, at);
        value = value || got == HL7_VALUE;
        constant = constant || got == HL7_CONSTANT;
        missed = missed || got == HL7_NOTHING;
    }
    jw_arr_end(w);
    if (!value && (missed || !constant)) {
        undo(w, &saved, n);
        return HL7_NOTHING;
    }
    return value ? HL7_VALUE : HL7_CONSTANT;
}

enum hl7_emitted hl7_emit(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                          struct jw *w)
{
    if (json_type(t) == JSON_ARRAY)
        return array(r, c, t, w);
    if (json_type(t) != JSON_OBJECT) {
        jw_val(w, t);
        return HL7_CONSTANT;
    }
    if (json_get(t, "$each"))
        return each(r, c, t, w);
    if (json_get(t, "$ref"))
        return reference(r, c, json_get_str(t, "$ref"), w);
    if (json_get(t, "$refs"))
        return references(r, c, json_get_str(t, "$refs"), w);
    if (json_get(t, "$") || json_get(t, "$join") || json_get(t, "$all") ||
        json_get(t, "$first"))
        return text(r, c, t, w);
    return object(r, c, t, w);
}
