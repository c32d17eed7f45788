/* SPDX-License-Identifier: Apache-2.0 */
/* A form out of a JSON Schema, and a record out of the form: one field per property, its
 * title, its help and its choices from the schema; lists grow and shrink by buttons, so
 * no script is needed. Field names are JSON Pointers. What people typed is kept as they
 * typed it: a number that is none stays as text, and the check says so. */
#include "web/web_site_form.h"

#include <math.h>

enum { FORM_DEPTH = 7, FORM_TEXT = 64 << 10, AREA_FROM = 500 };

enum shape { TEXT, AREA, DATE, INSTANT, NUMBER, BOOL, SELECT, RANGE, GROUP, LIST, RAW };

const struct json *web_schema_resolve(const struct json *root, const struct json *node)
{
    for (int i = 0; i < 8; i++) {
        struct str ref = json_get_str(node, "$ref");
        if (!str_starts(ref, STR("#")))
            break;
        node = json_pointer(root, str_sub(ref, 1, ref.n));
    }
    return node;
}

const struct json *web_schema_child(const struct json *root, const struct json *node,
                                    struct str key)
{
    const struct json *s = web_schema_resolve(root, node);
    if (json_get(s, "items"))
        return json_get(s, "items");
    return json_getn(json_get(s, "properties"), key);
}

struct str web_schema_words(enum text_lang l, const struct json *root,
                            const struct json *node, const char *member)
{
    struct str words = web_words(l, json_get(node, member));
    return words.n ? words
                   : web_words(l, json_get(web_schema_resolve(root, node), member));
}

/* The scalar of {"if": object, "then": na, "else": scalar}, and that it is one. */
static const struct json *scalar_of(const struct json *root, const struct json *s,
                                    bool *na)
{
    *na = json_get(s, "if") && json_get(s, "else");
    return *na ? web_schema_resolve(root, json_get(s, "else")) : s;
}

static enum shape shape_of(const struct json *s)
{
    struct str type = json_get_str(s, "type");
    if (json_get(s, "enum"))
        return SELECT;
    if (json_type(json_get(s, "const")) == JSON_BOOL)
        return BOOL;
    if (str_eqc(type, "string"))
        return json_str_is(json_get(s, "format"), "date")           ? DATE
               : json_str_is(json_get(s, "format"), "date-time")    ? INSTANT
               : json_int(json_get(s, "maxLength"), 0) >= AREA_FROM ? AREA
                                                                    : TEXT;
    if (str_eqc(type, "number") || str_eqc(type, "integer"))
        return NUMBER;
    if (str_eqc(type, "boolean"))
        return BOOL;
    if (str_eqc(type, "array"))
        return json_get(s, "prefixItems") ? RANGE : json_get(s, "items") ? LIST : RAW;
    return str_eqc(type, "object") && json_size(json_get(s, "properties")) ? GROUP : RAW;
}

/* ---- the form
 * ------------------------------------------------------------------------------ */
static void pointer(char out[WEB_POINTER_MAX], const char *base, struct str key)
{
    snprintf(out, WEB_POINTER_MAX, "%s/%.*s", base, (int)AM_MIN(key.n, 80), key.p);
}

/* An id a fragment can name: "f-outputs-0-name". */
void web_form_id(char out[WEB_POINTER_MAX], const char *ptr)
{
    snprintf(out, WEB_POINTER_MAX, "f%s", ptr);
    for (char *p = out; *p; p++)
        if (*p == '/')
            *p = '-';
}

static void option(struct jw *w, struct str value, struct str text, struct str now)
{
    jw_obj(w);
    jw_kstr(w, "value", value);
    jw_kstr(w, "text", text);
    jw_kbool(w, "selected", str_eq(value, now));
    jw_obj_end(w);
}

/* Words for a code: value.<field>.<code>, <field>.<code>, or the code. */
static struct str code_words(enum text_lang l, const char *ptr, struct str code)
{
    struct str path = str_c(ptr), name;
    char id[160];
    size_t end = path.n, from;
    for (;;) { /* an element of a list is called as the list is */
        for (from = end; from > 0 && path.p[from - 1] != '/';)
            from--;
        name = str_sub(path, from, end);
        if (from < 2 || !name.n || strspn(name.p, "0123456789") < name.n)
            break;
        end = from - 1;
    }
    snprintf(id, sizeof id, "value.%.*s.%.*s", (int)AM_MIN(name.n, 60), name.p,
             (int)AM_MIN(code.n, 60), code.p);
    if (text_has(l, id))
        return text_get(l, id);
    snprintf(id, sizeof id, "%.*s.%.*s", (int)AM_MIN(name.n, 60), name.p,
             (int)AM_MIN(code.n, 60), code.p);
    return text_has(l, id) ? text_get(l, id) : code;
}

static void options(struct web_form *f, const char *ptr, const struct json *list,
                    struct str now)
{
    struct jw *w = &f->v->w;
    jw_key(w, "options");
    jw_arr(w);
    option(w, STR(""), text_get(f->v->l, "files.choose"), now);
    for (json_each(it, list))
        option(w, json_str(it.val), code_words(f->v->l, ptr, json_str(it.val)), now);
    jw_arr_end(w);
}

/* What is in the field now, as text. */
static void current(struct jw *w, const char *key, const struct json *value)
{
    char digits[JSON_NUM];
    struct buf b;
    struct jw raw;
    switch (json_type(value)) {
    case JSON_NONE:
        return;
    case JSON_STRING:
        jw_kstr(w, key, json_str(value));
        return;
    case JSON_NUMBER:
        jw_kstr(w, key,
                (struct str){digits, json_num_format(json_num(value, 0), digits)});
        return;
    default:
        buf_init(&b, FORM_TEXT);
        jw_init(&raw, &b);
        jw_val(&raw, value);
        if (jw_done(&raw) == AM_OK)
            jw_kstr(w, key, buf_str(&b));
        buf_release(&b);
    }
}

static void problem_here(struct web_form *f, const char *ptr)
{
    for (size_t i = 0; f->problems && i < f->problems->n; i++) {
        if (strcmp(f->problems->item[i].path, ptr) != 0)
            continue;
        jw_key(&f->v->w, "error");
        web_problem_text(&f->v->w, f->v->l, &f->problems->item[i]);
        return;
    }
}

static void field(struct web_form *f, struct str key, const struct json *node,
                  const struct json *value, const char *ptr, bool required,
                  unsigned depth);

static void members(struct web_form *f, const struct json *s, const struct json *value,
                    const char *ptr, unsigned depth)
{
    struct jw *w = &f->v->w;
    jw_key(w, "fields");
    jw_arr(w);
    for (json_each(it, json_get(s, "properties"))) {
        char at[WEB_POINTER_MAX];
        pointer(at, ptr, it.key);
        field(f, it.key, it.val, json_getn(value, it.key), at,
              web_schema_requires(s, it.key), depth + 1);
    }
    jw_arr_end(w);
}

static void items(struct web_form *f, const struct json *s, const struct json *value,
                  const char *ptr, unsigned depth)
{
    struct jw *w = &f->v->w;
    jw_kint(w, "count", (int64_t)AM_MIN(json_size(value), WEB_FORM_ITEMS));
    jw_key(w, "items");
    jw_arr(w);
    for (json_each(it, value)) {
        char at[WEB_POINTER_MAX], index[24];
        if (it.i >= WEB_FORM_ITEMS)
            break;
        snprintf(index, sizeof index, "%zu", it.i);
        pointer(at, ptr, str_c(index));
        jw_obj(w);
        jw_kint(w, "number", (int64_t)it.i + 1);
        jw_kstrz(w, "pointer", at);
        jw_key(w, "fields");
        jw_arr(w);
        struct text_arg n = {"n", STR_NULL};
        struct buf label; /* "Element 3": an element has no name of its own */
        char number[24];
        buf_init(&label, 1024);
        snprintf(number, sizeof number, "%zu", it.i + 1);
        n.value = str_c(number);
        bool said = text_fmt(&label, f->v->l, "files.item", &n, 1) == AM_OK;
        field(f, said ? buf_str(&label) : n.value, json_get(s, "items"), it.val, at,
              false, depth + 1);
        buf_release(&label);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void bounds(struct web_form *f, const char *ptr, const struct json *value)
{
    static const char *const end[] = {"low", "high"};
    for (size_t i = 0; i < 2; i++) {
        char name[24];
        current(&f->v->w, end[i], json_at(value, i));
        snprintf(name, sizeof name, "%s_name", end[i]);
        jw_key(&f->v->w, name);
        jw_strf(&f->v->w, "%s/%zu", ptr, i);
    }
}

static void yes_no(struct web_form *f, const struct json *value)
{
    struct jw *w = &f->v->w;
    struct str now = json_type(value) != JSON_BOOL ? STR("")
                     : json_bool(value, false)     ? STR("true")
                                                   : STR("false");
    jw_key(w, "options");
    jw_arr(w);
    option(w, STR(""), text_get(f->v->l, "files.choose"), now);
    option(w, STR("true"), text_get(f->v->l, "word.yes"), now);
    option(w, STR("false"), text_get(f->v->l, "word.no"), now);
    jw_arr_end(w);
}

static void control(struct web_form *f, const struct json *s, const struct json *value,
                    const char *ptr, unsigned depth)
{
    static const char *const flag[] = {
        "is_text",   "is_area",  "is_date",  "is_instant", "is_number", "is_select",
        "is_select", "is_range", "is_group", "is_list",    "is_raw"};
    enum shape shape = depth < FORM_DEPTH ? shape_of(s) : RAW;
    jw_kbool(&f->v->w, flag[shape], true);
    if (shape == SELECT)
        options(f, ptr, json_get(s, "enum"), json_str(value));
    else if (shape == BOOL)
        yes_no(f, value);
    else if (shape == RANGE)
        bounds(f, ptr, value);
    else if (shape == GROUP)
        members(f, s, value, ptr, depth);
    else if (shape == LIST)
        items(f, s, value, ptr, depth);
    else if (shape == INSTANT && json_str(value).n == 20) /* "...Z": UTC is said */
        jw_kstr(&f->v->w, "value", str_sub(json_str(value), 0, 19));
    else
        current(&f->v->w, "value", value);
}

static void field(struct web_form *f, struct str key, const struct json *node,
                  const struct json *value, const char *ptr, bool required,
                  unsigned depth)
{
    struct jw *w = &f->v->w;
    const struct json *s = web_schema_resolve(f->root, node);
    struct str label = web_schema_words(f->v->l, f->root, node, "x-title"),
               help = web_schema_words(f->v->l, f->root, node, "x-description");
    char id[WEB_POINTER_MAX], na_name[WEB_POINTER_MAX];
    bool na;
    s = scalar_of(f->root, s, &na);
    web_form_id(id, ptr);
    jw_obj(w);
    jw_kstr(w, "label", label.n ? label : key);
    jw_kstr(w, "help", web_text_or(help));
    jw_kstrz(w, "name", ptr);
    jw_kstrz(w, "id", id);
    jw_kbool(w, "required", required);
    problem_here(f, ptr);
    control(f, s, na && json_get(value, "na") ? NULL : value, ptr, depth);
    if (na) {
        snprintf(na_name, sizeof na_name, "%.200s/na", ptr);
        jw_key(w, "na");
        jw_obj(w);
        jw_kstrz(w, "name", na_name);
        options(f, na_name, json_pointer(f->root, STR("/$defs/na/properties/na/enum")),
                json_get_str(value, "na"));
        jw_obj_end(w);
    }
    jw_obj_end(w);
}

bool web_schema_requires(const struct json *s, struct str key)
{
    for (json_each(it, json_get(s, "required")))
        if (str_eq(json_str(it.val), key))
            return true;
    return false;
}

void web_form_field(struct web_form *f, struct str key, const struct json *value)
{
    const struct json *node = json_getn(json_get(f->root, "properties"), key);
    char ptr[WEB_POINTER_MAX];
    if (!node)
        return;
    pointer(ptr, "", key);
    field(f, key, node, value, ptr, web_schema_requires(f->root, key), 0);
}

/* ---- the record
 * ---------------------------------------------------------------------------- */
static int read_node(struct web_form *f, const struct json *node, const char *ptr,
                     unsigned depth, struct buf *out);

static int put_string(struct buf *out, struct str s)
{
    struct jw w;
    jw_init(&w, out);
    jw_str(&w, s);
    return jw_done(&w);
}

static int put_number(struct buf *out, struct str s)
{
    char digits[JSON_NUM];
    double x;
    if (str_double(s, &x))
        return put_string(out, s);
    return buf_add(out, (struct str){digits, json_num_format(x, digits)});
}

/* What datetime-local sends, minutes or seconds, is UTC here. */
static int put_instant(struct buf *out, struct str s)
{
    char text[40];
    if (s.n != 16 && s.n != 19)
        return put_string(out, s);
    snprintf(text, sizeof text, "%.*s%s", STR_FMT(s), s.n == 16 ? ":00Z" : "Z");
    return put_string(out, str_c(text));
}

static int put_raw(struct buf *out, struct str s)
{
    struct json_doc *doc = NULL;
    if (json_parse(&doc, s, NULL, NULL))
        return put_string(out, s); /* kept as typed */
    json_free(doc);
    return buf_add(out, s);
}

static int read_group(struct web_form *f, const struct json *s, const char *ptr,
                      unsigned depth, struct buf *out)
{
    size_t mark = out->n;
    bool any = false;
    int err = AM_OK;
    for (json_each(it, json_get(s, "properties"))) {
        char at[WEB_POINTER_MAX];
        size_t before = out->n;
        if (err)
            break;
        pointer(at, ptr, it.key);
        err = buf_adds(out, any ? "," : "{");
        if (!err)
            err = put_string(out, it.key);
        if (!err)
            err = buf_adds(out, ":");
        size_t start = out->n;
        if (!err)
            err = read_node(f, it.val, at, depth + 1, out);
        if (out->n == start)
            buf_cut(out, before);
        else
            any = true;
    }
    if (!any || err) {
        buf_cut(out, mark);
        return err;
    }
    return buf_adds(out, "}");
}

static bool removed(const struct web_form *f, const char *ptr)
{
    return str_starts(f->act, STR("remove:")) &&
           str_eqc(str_sub(f->act, 7, f->act.n), ptr);
}

static int read_list(struct web_form *f, const struct json *s, const char *ptr,
                     unsigned depth, struct buf *out)
{
    char name[WEB_POINTER_MAX];
    int64_t n = 0;
    bool any = false, grown;
    int err = AM_OK;
    snprintf(name, sizeof name, "n:%.200s", ptr);
    if (str_int(http_form(f->v->req, name), 0, WEB_FORM_ITEMS, &n))
        return AM_OK; /* this list was not on the page */
    grown = str_starts(f->act, STR("add:")) && str_eqc(str_sub(f->act, 4, f->act.n), ptr);
    err = buf_adds(out, "[");
    for (int64_t i = 0; i < n + grown && !err; i++) {
        char at[WEB_POINTER_MAX], index[24];
        size_t start;
        snprintf(index, sizeof index, "%lld", (long long)i);
        pointer(at, ptr, str_c(index));
        if (removed(f, at))
            continue;
        if (any)
            err = buf_adds(out, ",");
        any = true;
        start = out->n;
        if (!err)
            err = read_node(f, json_get(s, "items"), at, depth + 1, out);
        if (!err && out->n == start) /* an element not filled yet keeps its place */
            err = buf_adds(
                out, shape_of(web_schema_resolve(f->root, json_get(s, "items"))) == GROUP
                         ? "{}"
                         : "\"\"");
    }
    return err ? err : buf_adds(out, "]");
}

static int read_range(struct web_form *f, const char *ptr, struct buf *out)
{
    struct str end[2];
    int err;
    for (size_t i = 0; i < 2; i++) {
        char at[WEB_POINTER_MAX];
        snprintf(at, sizeof at, "%.200s/%zu", ptr, i);
        end[i] = str_trim(http_form(f->v->req, at));
    }
    if (!end[0].n && !end[1].n)
        return AM_OK;
    err = buf_adds(out, "[");
    if (!err)
        err = put_number(out, end[0]);
    if (!err)
        err = buf_adds(out, ",");
    if (!err)
        err = put_number(out, end[1]);
    return err ? err : buf_adds(out, "]");
}

static int read_scalar(struct web_form *f, enum shape shape, const char *ptr,
                       struct buf *out)
{
    struct str s = str_trim(http_form(f->v->req, ptr));
    if (!s.n)
        return AM_OK;
    if (shape == NUMBER)
        return put_number(out, s);
    if (shape == INSTANT)
        return put_instant(out, s);
    if (shape == RAW)
        return put_raw(out, s);
    if (shape == BOOL && (str_eqc(s, "true") || str_eqc(s, "false")))
        return buf_add(out, s);
    return put_string(out, s);
}

/* Appends the value, or nothing when the form holds none. */
static int read_node(struct web_form *f, const struct json *node, const char *ptr,
                     unsigned depth, struct buf *out)
{
    const struct json *s = web_schema_resolve(f->root, node);
    char na_name[WEB_POINTER_MAX];
    struct str reason;
    enum shape shape;
    bool na;
    int err;
    s = scalar_of(f->root, s, &na);
    shape = depth < FORM_DEPTH ? shape_of(s) : RAW;
    if (na) {
        snprintf(na_name, sizeof na_name, "%.200s/na", ptr);
        reason = str_trim(http_form(f->v->req, na_name));
        if (reason.n) {
            err = buf_adds(out, "{\"na\":");
            if (!err)
                err = put_string(out, reason);
            return err ? err : buf_adds(out, "}");
        }
    }
    switch (shape) {
    case GROUP:
        return read_group(f, s, ptr, depth, out);
    case LIST:
        return read_list(f, s, ptr, depth, out);
    case RANGE:
        return read_range(f, ptr, out);
    default:
        return read_scalar(f, shape, ptr, out);
    }
}

int web_form_read(struct web_form *f, struct str key, struct buf *out)
{
    const struct json *node = json_getn(json_get(f->root, "properties"), key);
    char ptr[WEB_POINTER_MAX];
    pointer(ptr, "", key);
    return node ? read_node(f, node, ptr, 0, out) : AM_OK;
}
