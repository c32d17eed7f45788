/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "hl7/hl7_map_priv.h"

struct loader {
    struct hl7_map *map;
    struct diag *d;
    struct buf at; /* JSON Pointer */
    int err;
};

static void bad(struct loader *l, const char *code, const char *why)
{
    diag_err(l->d, l->at.p, code, "%s", why);
}

/* One step down; the answer is where to come back to. */
static size_t step(struct loader *l, struct str key)
{
    size_t n = l->at.n;
    int err = json_pointer_add(&l->at, key);
    l->err = l->err ? l->err : err;
    return n;
}

static size_t step_i(struct loader *l, size_t i)
{
    size_t n = l->at.n;
    int err = json_pointer_addi(&l->at, i);
    l->err = l->err ? l->err : err;
    return n;
}

/* ---- small things ---- */
static void path(struct loader *l, struct str s)
{
    struct hl7_path p;
    if (hl7_path(&p, s))
        bad(l, "hl7.map_path", "not a path");
}

static void table(struct loader *l, const struct json *name)
{
    if (name &&
        (json_type(name) != JSON_STRING || !json_getn(l->map->tables, json_str(name))))
        bad(l, "hl7.map_table", "no table of that name");
}

static void resource_name(struct loader *l, const struct json *name)
{
    if (json_type(name) != JSON_STRING || !json_getn(l->map->resources, json_str(name)))
        bad(l, "hl7.map_resource", "no resource of that name");
}

static void member_names(struct loader *l, const struct json *v, const char *const *known)
{
    if (json_type(v) != JSON_OBJECT) {
        bad(l, "hl7.map_member", "an object is expected");
        return;
    }
    for (json_each(it, v)) {
        bool is = false;
        size_t back = step(l, it.key);
        for (size_t i = 0; known[i]; i++)
            is = is || str_eqc(it.key, known[i]);
        if (!is)
            bad(l, "hl7.map_member", "a member that has no meaning here");
        buf_cut(&l->at, back);
    }
}

static void texts(struct loader *l, const struct json *v)
{
    for (json_each(it, v))
        if (json_type(it.val) != JSON_STRING)
            bad(l, "hl7.map_member", "texts are expected");
}

static void condition(struct loader *l, const struct json *when)
{
    if (json_type(when) != JSON_OBJECT)
        bad(l, "hl7.map_member", "an object is expected");
    for (json_each(it, when)) {
        size_t back = step(l, it.key);
        path(l, it.key);
        switch (json_type(it.val)) {
        case JSON_OBJECT:
            member_names(l, it.val, (const char *const[]){"table", "not", NULL});
            table(l, json_get(it.val, "table"));
            texts(l, json_get(it.val, "not"));
            if (json_get(it.val, "not") &&
                (json_get(it.val, "table") ||
                 json_type(json_get(it.val, "not")) != JSON_ARRAY))
                bad(l, "hl7.map_member", "not: an array of texts, and no table");
            break;
        case JSON_ARRAY:
            texts(l, it.val);
            break;
        case JSON_STRING:
        case JSON_BOOL:
            break;
        default:
            bad(l, "hl7.map_member", "texts, a table, true or false are expected");
        }
        buf_cut(&l->at, back);
    }
}

/* ---- templates ---- */
static void template_of(struct loader *l, const struct json *t, unsigned depth,
                        unsigned nest);

static bool is_text(const struct json *t)
{
    return json_get(t, "$") || json_get(t, "$join") || json_get(t, "$all") ||
           json_get(t, "$first");
}

static void as_ok(struct loader *l, const struct json *as)
{
    if (as && !json_str_is(as, "date") && !json_str_is(as, "dateTime") &&
        !json_str_is(as, "instant") && !json_str_is(as, "decimal") &&
        !json_str_is(as, "uri") && !json_str_is(as, "boolean"))
        bad(l, "hl7.map_member", "as: date, dateTime, instant, decimal, boolean or uri");
}

static void paths(struct loader *l, const struct json *v)
{
    if (json_type(v) == JSON_STRING)
        path(l, json_str(v));
    else if (json_type(v) != JSON_ARRAY || !json_size(v))
        bad(l, "hl7.map_member", "a path, or several, are expected");
    for (json_each(it, json_type(v) == JSON_ARRAY ? v : NULL))
        path(l, json_str(it.val));
}

static void expression(struct loader *l, const struct json *e, unsigned depth);

static void expressions(struct loader *l, const struct json *list, unsigned depth)
{
    if (json_type(list) != JSON_ARRAY || !json_size(list))
        bad(l, "hl7.map_member", "an array of expressions is expected");
    for (json_each(it, list)) {
        size_t back = step_i(l, it.i);
        expression(l, it.val, depth + 1);
        buf_cut(&l->at, back);
    }
}

static void expression(struct loader *l, const struct json *e, unsigned depth)
{
    static const char *const one[] = {"$",      "as",    "table", "else",
                                      "prefix", "$when", NULL};
    static const char *const joined[] = {"$join", "with", "$when", NULL};
    static const char *const all[] = {"$all", "with", "as", "$when", NULL};
    static const char *const first[] = {"$first", "as", "told", "$when", NULL};
    const struct json *other = json_get(e, "else");
    struct hl7_path p;
    if (json_type(e) == JSON_STRING)
        return;
    if (depth > 32 || !is_text(e)) {
        bad(l, "hl7.map_member", "an expression is expected");
        return;
    }
    if (json_get(e, "$join")) {
        member_names(l, e, joined);
        expressions(l, json_get(e, "$join"), depth);
    } else if (json_get(e, "$first")) {
        member_names(l, e, first);
        expressions(l, json_get(e, "$first"), depth);
    } else if (json_get(e, "$all")) {
        member_names(l, e, all);
        if (hl7_path(&p, json_get_str(e, "$all")) || p.repetition || p.occurrence)
            bad(l, "hl7.map_path", "a field of this segment is expected");
    } else {
        member_names(l, e, one);
        paths(l, json_get(e, "$"));
    }
    as_ok(l, json_get(e, "as"));
    if (json_get(e, "told") && json_type(json_get(e, "told")) != JSON_BOOL)
        bad(l, "hl7.map_member", "told: true or false");
    if (other && json_type(other) != JSON_STRING && json_type(other) != JSON_NULL)
        bad(l, "hl7.map_member", "else: a text or null");
    table(l, json_get(e, "table"));
    if (json_get(e, "$when"))
        condition(l, json_get(e, "$when"));
}

static bool segment_ok(struct str s)
{
    struct hl7_path p;
    char text[8];
    snprintf(text, sizeof text, "%.*s-1", (int)AM_MIN(s.n, (size_t)4), s.p ? s.p : "");
    return s.n == 3 && !hl7_path(&p, str_c(text));
}

static void each(struct loader *l, const struct json *t, unsigned depth, unsigned nest)
{
    static const char *const members[] = {"$each", "after", "$when", "body", NULL};
    struct str over = json_get_str(t, "$each");
    struct hl7_path p;
    bool field = !hl7_path(&p, over);
    member_names(l, t, members);
    if (field ? (p.repetition || p.component || p.occurrence) : !segment_ok(over))
        bad(l, "hl7.map_path", "a field or a segment is expected");
    if (json_get(t, "after") && (field || json_type(json_get(t, "after")) != JSON_BOOL))
        bad(l, "hl7.map_member", "after: true or false, of segments");
    if (nest == HL7_NEST - 1)
        bad(l, "hl7.map_member", "nested too deep");
    if (json_get(t, "$when"))
        condition(l, json_get(t, "$when"));
    template_of(l, json_get(t, "body"), depth, nest + 1);
}

static void below(struct loader *l, const struct json *t, unsigned depth, unsigned nest)
{
    bool object = json_type(t) == JSON_OBJECT;
    for (json_each(it, t)) {
        size_t back = object ? step(l, it.key) : step_i(l, it.i);
        if (object && str_eqc(it.key, "$when"))
            condition(l, it.val);
        else if (object && it.key.n && it.key.p[0] == '$')
            bad(l, "hl7.map_member", "a member that has no meaning here");
        else
            template_of(l, it.val, depth + 1, nest);
        buf_cut(&l->at, back);
    }
}

static void template_of(struct loader *l, const struct json *t, unsigned depth,
                        unsigned nest)
{
    if (depth > 32 || nest >= HL7_NEST)
        bad(l, "hl7.map_member", "nested too deep");
    else if (!t)
        bad(l, "hl7.map_member", "a template is expected");
    else if (json_get(t, "$each"))
        each(l, t, depth, nest);
    else if (json_get(t, "$ref"))
        resource_name(l, json_get(t, "$ref"));
    else if (json_get(t, "$refs"))
        resource_name(l, json_get(t, "$refs"));
    else if (is_text(t))
        expression(l, t, depth);
    else
        below(l, t, depth, nest);
}

/* ---- resources, messages ---- */
/* identify, and each of former: how a resource is known. */
static void known_by(struct loader *l, const struct json *id)
{
    if (!json_get(id, "system") || !json_get(id, "value"))
        bad(l, "hl7.map_member", "identify has a system and a value");
    for (size_t i = 0; i < 2 && id; i++)
        expression(l, json_get(id, i ? "value" : "system"), 0);
}

static void former(struct loader *l, const struct json *list)
{
    size_t top = step(l, STR("former"));
    if (list && json_type(list) != JSON_ARRAY)
        bad(l, "hl7.map_member", "an array is expected");
    for (json_each(it, json_type(list) == JSON_ARRAY ? list : NULL)) {
        size_t back = step_i(l, it.i);
        member_names(l, it.val, (const char *const[]){"system", "value", NULL});
        known_by(l, it.val);
        buf_cut(&l->at, back);
    }
    buf_cut(&l->at, top);
}

static void resource(struct loader *l, const struct json *r)
{
    static const char *const members[] = {"type",   "each",        "when",  "only",
                                          "mode",   "keep",        "pick",  "identify",
                                          "former", "identifiers", "whole", "keep-when",
                                          "choice", "secondary",   "body",  NULL};
    const struct json *mode = json_get(r, "mode"), *each_of = json_get(r, "each"),
                      *body = json_get(r, "body"), *id = json_get(r, "identify");
    const struct json *pick = json_get(r, "pick");
    struct hl7_path p;
    size_t top;
    member_names(l, r, members);
    if (!json_get_str(r, "type").n || json_type(body) != JSON_OBJECT)
        bad(l, "hl7.map_member", "a resource has a type and a body");
    if (each_of && !segment_ok(json_str(each_of)))
        bad(l, "hl7.map_path", "each: a segment is expected");
    if (!json_str_is(mode, "create") && !json_str_is(mode, "merge") &&
        !json_str_is(mode, "replace"))
        bad(l, "hl7.map_member", "mode: create, merge or replace");
    if (json_get(r, "secondary") &&
        (json_type(json_get(r, "secondary")) != JSON_BOOL || !each_of))
        bad(l, "hl7.map_member", "secondary: true or false, of what is of each segment");
    texts(l, json_get(r, "keep"));
    texts(l, json_get(r, "whole"));
    texts(l, json_get(r, "choice"));
    for (size_t i = 0; i < 3; i++) {
        static const char *const name[] = {"when", "only", "keep-when"};
        if (json_get(r, name[i]))
            condition(l, json_get(r, name[i]));
    }
    if (pick) {
        member_names(l, pick, (const char *const[]){"from", "when", NULL});
        if (hl7_path(&p, json_get_str(pick, "from")) || p.component || p.repetition)
            bad(l, "hl7.map_path", "pick: a field is expected");
        condition(l, json_get(pick, "when"));
    }
    top = step(l, STR("identify"));
    known_by(l, id);
    if (id)
        template_of(l, id, 0, 1);
    buf_cut(&l->at, top);
    former(l, json_get(r, "former"));
    for (size_t i = 0; i < 2; i++) {
        const char *key = i ? "body" : "identifiers";
        size_t back = step(l, str_c(key));
        if (json_get(r, key))
            template_of(l, json_get(r, key), 0, 1);
        buf_cut(&l->at, back);
    }
    if (json_get(body, "identifier") || json_get(body, "resourceType") ||
        json_get(body, "id"))
        bad(l, "hl7.map_member", "resourceType, id and identifier are made, not mapped");
}

static void message(struct loader *l, const struct json *m)
{
    static const char *const members[] = {"when", "resources", "every", NULL};
    const struct json *list = json_get(m, "resources");
    member_names(l, m, members);
    condition(l, json_get(m, "when"));
    if (json_type(list) != JSON_ARRAY)
        bad(l, "hl7.map_member", "resources: an array of names");
    for (json_each(it, list))
        resource_name(l, it.val);
    for (json_each(it, json_get(m, "every"))) {
        size_t back = step(l, it.key);
        if (!segment_ok(it.key))
            bad(l, "hl7.map_path", "a segment is expected");
        if (json_type(it.val) != JSON_ARRAY)
            bad(l, "hl7.map_member", "an array of names is expected");
        for (json_each(name, it.val))
            resource_name(l, name.val);
        buf_cut(&l->at, back);
    }
}

static void tables(struct loader *l)
{
    for (json_each(it, l->map->tables)) {
        size_t back = step(l, it.key);
        if (json_type(it.val) != JSON_OBJECT)
            bad(l, "hl7.map_member", "an object is expected");
        texts(l, it.val);
        buf_cut(&l->at, back);
    }
}

static void walk(struct loader *l, const char *key, const struct json *v,
                 enum json_type want, void (*one)(struct loader *, const struct json *))
{
    size_t top = step(l, str_c(key));
    if (json_type(v) != want)
        bad(l, "hl7.map_member", "missing, or of another type");
    else if (!one)
        tables(l);
    for (json_each(it, one ? v : NULL)) {
        size_t back = want == JSON_OBJECT ? step(l, it.key) : step_i(l, it.i);
        one(l, it.val);
        buf_cut(&l->at, back);
    }
    buf_cut(&l->at, top);
}

static bool zone_ok(struct str z)
{
    int64_t at;
    char text[40];
    snprintf(text, sizeof text, "2026-01-01T00:00:00%.*s", (int)AM_MIN(z.n, (size_t)8),
             z.p ? z.p : "");
    return !z.n || (z.n == 6 && !time_parse(str_c(text), &at));
}

static void columns(struct loader *l, const struct json *v, const struct json *separator)
{
    size_t top = step(l, STR("columns")), wrong = v ? hl7_columns_wrong(v) : SIZE_MAX;
    if (wrong != SIZE_MAX) {
        (void)step_i(l, wrong);
        bad(l, "hl7.map_member", "a member that has no meaning here");
    }
    buf_cut(&l->at, top);
    if (separator &&
        (!v || json_str(separator).n != 1 || strchr("\"\r\n", json_str(separator).p[0])))
        bad(l, "hl7.map_member", "a member that has no meaning here");
}

/* Segments, fields and components that say nothing: "MSH", "PID-1", "PID-3.4". */
static void ignore(struct loader *l, const struct json *list)
{
    size_t top = step(l, STR("ignore"));
    if (list && json_type(list) != JSON_ARRAY)
        bad(l, "hl7.map_member", "an array is expected");
    for (json_each(it, json_type(list) == JSON_ARRAY ? list : NULL)) {
        struct hl7_path p;
        size_t back = step_i(l, it.i);
        if (!segment_ok(json_str(it.val)) &&
            (hl7_path(&p, json_str(it.val)) || p.occurrence || p.repetition))
            bad(l, "hl7.map_path", "a segment, a field or a part of one is expected");
        buf_cut(&l->at, back);
    }
    buf_cut(&l->at, top);
}

static void whole(struct loader *l)
{
    static const char *const members[] = {"format",    "about",    "charset",   "zone",
                                          "time",      "columns",  "separator", "tables",
                                          "resources", "messages", "ignore",    NULL};
    struct hl7_map *map = l->map;
    struct str set = json_get_str(map->root, "charset");
    member_names(l, map->root, members);
    if (!json_str_is(json_get(map->root, "format"), "amane/hl7-map/1"))
        bad(l, "hl7.map_format", "format: amane/hl7-map/1");
    if (set.n && hl7_charset_named(set, &map->charset))
        bad(l, "hl7.map_member", "charset: not one that is read");
    if (!zone_ok(map->zone))
        bad(l, "hl7.map_member", "zone: +HH:MM or -HH:MM");
    if (!json_size(json_get(map->root, "time")))
        bad(l, "hl7.map_member", "time: paths of the instant of a message");
    for (json_each(it, json_get(map->root, "time")))
        path(l, json_str(it.val));
    ignore(l, map->ignore);
    columns(l, json_get(map->root, "columns"), json_get(map->root, "separator"));
    walk(l, "tables", map->tables, JSON_OBJECT, NULL);
    walk(l, "resources", map->resources, JSON_OBJECT, resource);
    walk(l, "messages", map->messages, JSON_ARRAY, message);
}

int hl7_map_load(struct hl7_map **out, struct str json, struct diag *d)
{
    struct hl7_map *map = am_calloc(1, sizeof *map);
    struct diag own;
    struct loader l = {.map = map, .d = d ? d : &own};
    int err = map ? AM_OK : AM_E_NOMEM;
    diag_init(&own);
    buf_init(&l.at, 1 << 16);
    if (!err)
        err = json_parse(&map->doc, json, &(struct json_limits){.depth = 40}, l.d);
    if (!err) {
        size_t before = l.d->errors;
        map->root = json_root(map->doc);
        map->tables = json_get(map->root, "tables");
        map->resources = json_get(map->root, "resources");
        map->messages = json_get(map->root, "messages");
        map->ignore = json_get(map->root, "ignore");
        map->zone = json_get_str(map->root, "zone");
        whole(&l);
        err = l.err ? l.err : l.d->errors > before ? AM_E_INVALID : AM_OK;
    }
    buf_release(&l.at);
    diag_release(&own);
    if (err)
        hl7_map_free(map);
    else
        *out = map;
    return err;
}

void hl7_map_free(struct hl7_map *map)
{
    if (!map)
        return;
    json_free(map->doc);
    free(map);
}

enum hl7_charset hl7_map_charset(const struct hl7_map *map)
{
    return map->charset;
}

const struct json *hl7_map_columns(const struct hl7_map *map)
{
    return json_get(map->root, "columns");
}
