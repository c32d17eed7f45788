/* SPDX-License-Identifier: Apache-2.0 */
/* One message through a map: which resources it makes and what of them is there already
 * (first, since references want to know), then their content. */
#include "base/clock.h"
#include "base/map.h"
#include "hl7/hl7_map_priv.h"

#define TAG "urn:amane:hl7v2:message-time"

struct work {
    struct hl7_run r;
    struct map seen; /* type and query of what is made */
};

static const struct json_limits limits = {
    .size_b = 64 << 20, .depth = 200, .raw_numbers = true};

/* ---- identifiers ---- */
/* FHIR's escapes of a search value, then those of an address. */
static int put_token(struct buf *b, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < s.n; i++) {
        if (strchr("\\,|$", s.p[i]))
            err = buf_adds(b, "%5C");
        if (!err)
            err = hl7_uri(b, str_sub(s, i, i + 1));
    }
    return err;
}

int hl7_map_query(struct buf *out, struct str system, struct str value)
{
    int err = buf_adds(out, "identifier=");
    if (!err)
        err = put_token(out, system);
    if (!err)
        err = buf_adds(out, "%7C"); /* the bar between system and value */
    return err ? err : put_token(out, value);
}

static int query_make(struct hl7_run *r, struct hl7_made *x)
{
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = hl7_map_query(&b, x->system, x->value);
    x->query = err ? NULL : arena_dup(&r->a, buf_str(&b));
    buf_release(&b);
    return err ? err : x->query ? AM_OK : AM_E_NOMEM;
}

/* The first repetition that the condition holds for; 0: none. */
static void pick(struct hl7_run *r, struct hl7_ctx *c, const struct json *p)
{
    struct hl7_path path;
    size_t segment, n;
    if (hl7_path(&path, json_get_str(p, "from")))
        return;
    segment = hl7_near(r, c, path.segment);
    n = segment == SIZE_MAX ? 0
                            : hl7_repetitions(r->m, hl7_field(r->m, segment, path.field));
    for (unsigned i = 1; i <= AM_MIN(n, (size_t)HL7_EACH); i++) {
        c->rep[0] = (struct hl7_rep){segment, path.field, i};
        c->reps = 1;
        if (hl7_holds(r, c, json_get(p, "when")))
            return;
    }
    c->reps = 0;
}

struct str hl7_place_of(const struct json *def)
{
    const struct json *value = json_get(json_get(def, "identify"), "value");
    const struct json *path = json_get(value, "$");
    struct str from = json_get_str(json_get(def, "pick"), "from");
    if (from.n)
        return from;
    return json_type(path) == JSON_ARRAY ? json_str(json_at(path, 0)) : json_str(path);
}

/* ---- what is there ---- */
int hl7_there(struct hl7_run *r, struct str type, struct str query, struct json_doc **out)
{
    struct buf b;
    int err;
    buf_init(&b, limits.size_b);
    err = r->current(r->arg, type, query, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), &limits, NULL);
    buf_release(&b);
    return err;
}

static int look_up(struct work *w, const struct hl7_ctx *c, struct hl7_made *x)
{
    int err = hl7_there(&w->r, x->type, str_c(x->query), &x->now);
    if (err == AM_E_CONFLICT)
        hl7_complain(&w->r, c, hl7_place_of(x->def), "hl7.several",
                     "several resources have this identifier");
    return err == AM_E_NOTFOUND || err == AM_E_CONFLICT ? w->r.err : err;
}

static bool twice(struct work *w, const struct hl7_made *x)
{
    char *key = arena_printf(&w->r.a, "%.*s?%s", STR_FMT(x->type), x->query);
    bool there = key && map_has(&w->seen, str_c(key));
    if (!key || (!there && map_set(&w->seen, str_c(key), 1)))
        w->r.err = AM_E_NOMEM;
    return there;
}

/* What is missing of what `only` wants. */
static bool only(struct hl7_run *r, const struct hl7_ctx *c, const struct json *def)
{
    struct str path = hl7_lacks(r, c, json_get(def, "only"));
    if (path.p)
        hl7_complain(r, c, path, "hl7.require", "the map wants something else here");
    return !path.p;
}

/* Of secondary resources the one that is told later stands, and the other is told. */
static int stands(struct hl7_run *r, const struct hl7_made *x)
{
    for (size_t i = 0; i < r->made.n; i++) {
        struct hl7_made *before = &r->made.v[i];
        int err;
        if (!str_eq(before->type, x->type) || strcmp(before->query, x->query) != 0)
            continue;
        err = vec_push(&r->lost, before->segment);
        if (err)
            return err;
        json_free(before->now);
        buf_release(&before->text);
        *before = *x;
        return AM_OK;
    }
    return vec_push(&r->made, *x);
}

static int looked_for(struct work *w, struct str name, const struct json *def,
                      size_t segment)
{
    struct hl7_run *r = &w->r;
    struct hl7_ctx c = {.segment = segment};
    struct hl7_made x = {
        .def = def, .name = name, .type = json_get_str(def, "type"), .segment = segment};
    const struct json *id = json_get(def, "identify");
    bool again;
    int err;
    if (!hl7_holds(r, &c, json_get(def, "when")) || !only(r, &c, def))
        return r->err;
    if (json_get(def, "pick"))
        pick(r, &c, json_get(def, "pick"));
    x.rep = c.reps ? c.rep[0].n : 0;
    if (!json_get(def, "pick") || x.rep) {
        x.system = hl7_text_of(r, &c, json_get(id, "system"));
        x.value = hl7_text_of(r, &c, json_get(id, "value"));
    }
    if (!r->err && (!x.system.n || !x.value.n))
        hl7_complain(r, &c, hl7_place_of(def), "hl7.identify",
                     "no identifier to know it by");
    if (r->err || r->unread)
        return r->err;
    if (r->made.n == HL7_ENTRIES) {
        r->secondary = false;
        hl7_complain(r, &c, STR_NULL, "hl7.toobig", "too many resources");
        return r->err;
    }
    err = query_make(r, &x);
    again = !err && twice(w, &x);
    if (again && !r->secondary)
        hl7_complain(r, &c, hl7_place_of(def), "hl7.twice", "two of one identifier");
    err = err ? err : r->err;
    if (!err)
        err = look_up(w, &c, &x);
    buf_init(&x.text, limits.size_b);
    if (!err && !r->unread)
        err = again ? stands(r, &x) : vec_push(&r->made, x);
    if (err || r->unread)
        json_free(x.now);
    return err;
}

/* What a secondary resource is made of may be unreadable: it is not made, and told. */
static void secondary(struct hl7_run *r, const struct json *def)
{
    r->secondary = json_bool(json_get(def, "secondary"), false);
    r->unread = false;
}

static int read_or_lost(struct hl7_run *r, size_t segment)
{
    bool lost = r->unread;
    r->secondary = r->unread = false;
    return lost ? vec_push(&r->lost, segment) : AM_OK;
}

static int made(struct work *w, struct str name, const struct json *def, size_t segment)
{
    int err;
    secondary(&w->r, def);
    err = looked_for(w, name, def, segment);
    return err ? err : read_or_lost(&w->r, segment);
}

static int find_all(struct work *w, const struct json *names)
{
    struct hl7_run *r = &w->r;
    int err = AM_OK;
    for (json_each(it, names)) {
        struct str name = json_str(it.val);
        const struct json *def = json_getn(r->map->resources, name);
        struct str each = json_get_str(def, "each");
        if (err)
            break;
        if (!each.n)
            err = made(w, name, def, SIZE_MAX);
        for (size_t i = 0; !err && each.n && i < hl7_segments(r->m); i++)
            if (str_eq(hl7_segment_name(r->m, i), each))
                err = made(w, name, def, i);
    }
    return err ? err : r->err;
}

static bool among(const struct json *names, struct str name)
{
    for (json_each(it, names))
        if (str_eq(json_str(it.val), name))
            return true;
    return false;
}

/* Is one of those resources made of that segment, or of one after it, before the next of
 * its name? */
static bool made_of(struct hl7_run *r, const struct json *names, const char *segment,
                    size_t at)
{
    for (size_t i = 0; i < r->made.n; i++) {
        const struct hl7_ctx c = {.segment = r->made.v[i].segment};
        if (among(names, r->made.v[i].name) && hl7_near(r, &c, segment) == at)
            return true;
    }
    return false;
}

/* What the map says each segment of a name makes: else it would be lost unsaid. */
static int all_made(struct hl7_run *r, const struct json *kind)
{
    for (json_each(it, json_get(kind, "every"))) {
        char name[4];
        snprintf(name, sizeof name, "%.3s", it.key.p);
        for (size_t i = 0; i < hl7_segments(r->m); i++) {
            struct hl7_ctx c = {.segment = i};
            if (str_eq(hl7_segment_name(r->m, i), it.key) &&
                !made_of(r, it.val, name, i)) {
                char path[8];
                snprintf(path, sizeof path, "%s-1", name);
                hl7_complain(r, &c, str_c(path), "hl7.nothing",
                             "the map makes nothing of it");
            }
        }
    }
    if (!r->err && !r->made.n && !json_get(kind, "every")) {
        struct hl7_ctx c = {.segment = SIZE_MAX};
        hl7_complain(r, &c, STR("MSH-9"), "hl7.nothing", "the map makes nothing of it");
    }
    return r->err;
}

/* ---- content ---- */
struct hl7_ctx hl7_ctx_of(struct hl7_run *r, const struct hl7_made *x)
{
    struct hl7_ctx c = {.segment = x->segment};
    struct hl7_path p;
    if (x->rep && !hl7_path(&p, json_get_str(json_get(x->def, "pick"), "from"))) {
        c.rep[0] =
            (struct hl7_rep){hl7_near(r, &c, p.segment), p.field, (unsigned)x->rep};
        c.reps = 1;
    }
    return c;
}

/* A template as a document of its own; *out NULL: nothing of it holds. */
static int emitted(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                   struct json_doc **out)
{
    struct buf b;
    struct jw w;
    int err = AM_OK;
    enum hl7_emitted got;
    *out = NULL;
    if (!t)
        return AM_OK;
    buf_init(&b, limits.size_b);
    jw_init(&w, &b);
    got = hl7_emit(r, c, t, &w);
    err = r->err;
    if (!err && got != HL7_NOTHING) {
        err = jw_done(&w);
        if (!err)
            err = json_parse(out, buf_str(&b), &limits, NULL);
    } else if (!err) {
        err = w.err;
    }
    buf_release(&b);
    return err;
}

static bool has_system(const struct json *list, struct str system)
{
    for (json_each(it, list))
        if (str_eq(json_get_str(it.val, "system"), system))
            return true;
    return false;
}

/* The one it is known by, those the message gives besides, and, where the store's are
 * kept, those of systems that the message says nothing of. */
static void put_identifiers(struct jw *w, const struct hl7_made *x,
                            const struct json *first, const struct json *more,
                            bool merges)
{
    jw_key(w, "identifier");
    jw_arr(w);
    jw_val(w, first);
    for (json_each(it, more))
        if (!str_eq(json_get_str(it.val, "system"), x->system) ||
            !str_eq(json_get_str(it.val, "value"), x->value))
            jw_val(w, it.val);
    for (json_each(it, merges ? json_get(json_root(x->now), "identifier") : NULL)) {
        struct str system = json_get_str(it.val, "system");
        if (!str_eq(system, x->system) && !has_system(more, system))
            jw_val(w, it.val);
    }
    jw_arr_end(w);
}

int hl7_sender(struct hl7_run *r, struct buf *out)
{
    struct hl7_ctx c = {.segment = SIZE_MAX};
    int err = buf_adds(out, "urn:hl7v2:");
    if (!err)
        err = put_token(out, hl7_look(r, &c, STR("MSH-3.1")));
    return err ? err : buf_addc(out, ':');
}

static int put_meta(struct hl7_run *r, struct jw *w, const struct json *meta)
{
    struct hl7_ctx c = {.segment = SIZE_MAX};
    struct buf b;
    int err;
    buf_init(&b, 1 << 16);
    err = hl7_sender(r, &b);
    if (!err)
        err = put_token(&b, hl7_look(r, &c, STR("MSH-10")));
    jw_key(w, "meta");
    jw_obj(w);
    jw_key(w, "source");
    jw_str(w, buf_str(&b));
    if (json_get(meta, "profile"))
        jw_kval(w, "profile", json_get(meta, "profile"));
    jw_key(w, "tag");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", TAG);
    jw_kstrz(w, "code", r->tag);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    buf_release(&b);
    return err ? err : r->err;
}

static int write_new(struct hl7_run *r, const struct hl7_made *x, struct buf *out)
{
    struct hl7_ctx c = hl7_ctx_of(r, x);
    struct json_doc *id = NULL, *ids = NULL, *body = NULL;
    struct jw w;
    int err = emitted(r, &c, json_get(x->def, "identify"), &id);
    jw_init(&w, out);
    if (!err)
        err = emitted(r, &c, json_get(x->def, "identifiers"), &ids);
    if (!err)
        err = emitted(r, &c, json_get(x->def, "body"), &body);
    if (!err) {
        jw_obj(&w);
        jw_kstr(&w, "resourceType", x->type);
        err = put_meta(r, &w, json_get(json_root(body), "meta"));
        put_identifiers(&w, x, json_root(id), json_root(ids),
                        json_str_is(json_get(x->def, "mode"), "merge"));
        for (json_each(it, json_root(body)))
            if (!str_eqc(it.key, "meta"))
                jw_kval(&w, it.key.p, it.val);
        jw_obj_end(&w);
    }
    if (!err)
        err = jw_done(&w);
    json_free(id);
    json_free(ids);
    json_free(body);
    return err;
}

/* ---- what becomes of it ---- */
static bool newer_is_there(const struct hl7_run *r, const struct json *now)
{
    for (json_each(it, json_get(json_get(now, "meta"), "tag")))
        if (str_eqc(json_get_str(it.val, "system"), TAG))
            return str_cmp(json_get_str(it.val, "code"), str_c(r->tag)) > 0;
    return false;
}

/* Of a resource that is replaced, what is not the message's to say. */
static int bare(struct buf *out, const struct json *now)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kval(&w, "resourceType", json_get(now, "resourceType"));
    jw_kval(&w, "id", json_get(now, "id"));
    if (json_get(now, "meta"))
        jw_kval(&w, "meta", json_get(now, "meta"));
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Equal, whatever meta says of who wrote it and when. */
static bool same_content(const struct json *a, const struct json *b)
{
    for (size_t i = 0; i < 2; i++)
        for (json_each(it, i ? a : b))
            if (!str_eqc(it.key, "meta") &&
                !(json_getn(i ? b : a, it.key) &&
                  json_equal(json_getn(i ? b : a, it.key), it.val)))
                return false;
    return true;
}

/* x->text: as the store will have it. *write false: as it has it. */
static int on_top(struct hl7_run *r, struct hl7_made *x, bool *write)
{
    const struct hl7_ctx c = hl7_ctx_of(r, x);
    const struct json *now = json_root(x->now), *whole = json_get(x->def, "whole"),
                      *choice = json_get(x->def, "choice"),
                      *keep = hl7_holds(r, &c, json_get(x->def, "keep-when"))
                                  ? json_get(x->def, "keep")
                                  : NULL;
    bool older = newer_is_there(r, now),
         replaces = json_str_is(json_get(x->def, "mode"), "replace");
    struct json_doc *new = NULL, *base = NULL, *end = NULL;
    struct buf b;
    int err = json_parse(&new, buf_str(&x->text), &limits, NULL);
    *write = false;
    buf_init(&b, limits.size_b);
    if (!err && replaces && !older) {
        err = bare(&b, now);
        if (!err)
            err = json_parse(&base, buf_str(&b), &limits, NULL);
    }
    buf_clear(&x->text);
    if (!err && !(replaces && older)) {
        const struct hl7_merging how = {
            .keep = older ? NULL : keep, .whole = whole, .choice = choice};
        err = older ? hl7_merge(&x->text, json_root(new), now, &how)
                    : hl7_merge(&x->text, base ? json_root(base) : now, json_root(new),
                                &how);
        if (!err)
            err = json_parse(&end, buf_str(&x->text), &limits, NULL);
        *write = !err && !(r->reading ? same_content(json_root(end), now)
                                      : json_equal(json_root(end), now));
    }
    json_free(new);
    json_free(base);
    json_free(end);
    buf_release(&b);
    return err;
}

static int content(struct hl7_run *r, struct hl7_made *x, bool *write)
{
    int err;
    *write = false;
    if (x->now && json_str_is(json_get(x->def, "mode"), "create")) {
        const struct hl7_ctx c = hl7_ctx_of(r, x);
        hl7_take_all(r, &c, json_get(x->def, "identifiers"));
        hl7_take_all(r, &c, json_get(x->def, "body"));
        return r->err;
    }
    err = write_new(r, x, &x->text);
    if (err || !x->now) {
        *write = !err;
        return err;
    }
    return on_top(r, x, write);
}

static void put_entry(struct hl7_run *r, const struct hl7_made *x, struct jw *w)
{
    const struct json *now = json_root(x->now);
    struct str id = json_get_str(now, "id"),
               version = json_get_str(json_get(now, "meta"), "versionId");
    jw_obj(w);
    jw_key(w, "fullUrl");
    jw_strf(w, "urn:uuid:00000000-0000-4000-8000-%012zx", (size_t)(x - r->made.v) + 1);
    jw_key(w, "resource");
    jw_raw(w, buf_str(&x->text));
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", now ? "PUT" : "POST");
    jw_key(w, "url");
    if (now)
        jw_strf(w, "%.*s/%.*s", STR_FMT(x->type), STR_FMT(id));
    else
        jw_str(w, x->type);
    if (!now)
        jw_kstrz(w, "ifNoneExist", x->query);
    if (now && version.n) {
        jw_key(w, "ifMatch");
        jw_strf(w, "W/\"%.*s\"", STR_FMT(version));
    }
    jw_obj_end(w);
    jw_obj_end(w);
}

static int put_bundle(struct hl7_run *r, struct buf *out, size_t *entries)
{
    size_t before = out->n, n = 0;
    struct jw w;
    int err = AM_OK;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "transaction");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (size_t i = 0; i < r->made.n && !err; i++) {
        bool write;
        secondary(r, r->made.v[i].def);
        err = content(r, &r->made.v[i], &write);
        write = write && !r->unread;
        if (!err)
            err = read_or_lost(r, r->made.v[i].segment);
        if (!err && write) {
            put_entry(r, &r->made.v[i], &w);
            n++;
        }
        buf_release(&r->made.v[i].text);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (err || !n)
        buf_cut(out, before);
    *entries = err ? 0 : n;
    return err;
}

/* ---- a message ---- */
static const struct json *kind_of(struct hl7_run *r)
{
    const struct hl7_ctx c = {.segment = SIZE_MAX};
    for (json_each(it, r->map->messages))
        if (hl7_holds(r, &c, json_get(it.val, "when")))
            return it.val;
    hl7_complain(r, &c, STR("MSH-9"), "hl7.unmapped", "the map has no such message");
    return NULL;
}

static int instant(struct hl7_run *r)
{
    const struct hl7_ctx c = {.segment = SIZE_MAX};
    struct str path = STR_NULL, v = STR_NULL;
    int err;
    for (json_each(it, json_get(r->map->root, "time"))) {
        path = json_str(it.val);
        v = hl7_look(r, &c, path);
        if (v.n)
            break;
    }
    r->reading = hl7_map_columns(r->map) && str_starts(path, STR("MSH-7"));
    err = hl7_instant(v, r->map->zone, &r->at);
    if (err == AM_E_NOTFOUND)
        hl7_complain(r, &c, path, "hl7.zone",
                     "a time without a zone, and the map has none");
    else if (err == AM_E_SYNTAX)
        hl7_complain(r, &c, path, "hl7.time", "when this was said is not known");
    else if (err)
        r->err = err;
    else /* to the second, so that texts compare as instants do */
        time_format(r->at - r->at % TIME_SECOND, r->tag);
    return r->err;
}

int hl7_map_run(const struct hl7_map *map, const struct hl7 *m, hl7_current_fn *current,
                void *arg, struct buf *bundle, size_t *entries, struct diag *d)
{
    struct work w = {.r = {.map = map, .m = m, .d = d, .current = current, .arg = arg}};
    const struct json *kind;
    size_t before = bundle->n;
    int err;
    *entries = 0;
    arena_init(&w.r.a, (size_t)256 << 20);
    map_init(&w.seen);
    kind = kind_of(&w.r);
    err = w.r.err ? w.r.err : instant(&w.r);
    if (!err)
        err = find_all(&w, json_get(kind, "resources"));
    if (!err)
        err = all_made(&w.r, kind);
    if (!err)
        err = hl7_whose(&w.r);
    if (!err)
        err = put_bundle(&w.r, bundle, entries);
    if (!err && !hl7_map_columns(map)) {
        hl7_untaken(&w.r);
        err = w.r.err;
        if (err) { /* nothing is appended then */
            buf_cut(bundle, before);
            *entries = 0;
        }
    }
    for (size_t i = 0; i < w.r.made.n; i++) {
        json_free(w.r.made.v[i].now);
        buf_release(&w.r.made.v[i].text);
    }
    vec_release(&w.r.made);
    vec_release(&w.r.lost);
    map_release(&w.seen);
    arena_release(&w.r.a);
    return err;
}
