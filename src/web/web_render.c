/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and a context to HTML. Look-up: "a.b" is searched for `a` from the innermost
 * section outwards; ".a" only in the innermost; "." is the value itself. A section over a
 * list repeats; over an object it enters it; over any other true value it neither repeats
 * nor enters. False are: absent, null, false, "" and []. */
#include "web/web_priv.h"

struct run {
    struct buf *out;
    const struct web_tpl *t, *body;
    enum text_lang l;
    const struct json *stack[WEB_DEPTH];
    size_t depth;
    unsigned nesting;
    bool strict;
    struct diag *d;
};

static int nodes(struct run *r, size_t from, size_t to);

static int missing(struct run *r, const struct web_node *n, struct str what)
{
    if (!r->strict)
        return AM_OK;
    char path[192];
    snprintf(path, sizeof path, "%s:%u", r->t->name, n->line);
    diag_err(r->d, path, "web.unknown_name", "nothing usable is called %.*s",
             STR_FMT(what));
    return AM_E_NOTFOUND;
}

static const struct json *descend(const struct json *v, struct str path)
{
    while (path.n && v) {
        struct str rest;
        struct str key = str_cut(path, '.', &rest);
        v = json_getn(v, key);
        path = rest;
    }
    return v;
}

static const struct json *lookup(const struct run *r, struct str path)
{
    const struct json *top = r->stack[r->depth - 1];
    if (str_eqc(path, "."))
        return top;
    if (path.p[0] == '.')
        return descend(top, str_sub(path, 1, path.n));
    struct str rest;
    struct str first = str_cut(path, '.', &rest);
    for (size_t i = r->depth; i-- > 0;) {
        const struct json *v = json_getn(r->stack[i], first);
        if (v)
            return descend(v, rest);
    }
    return NULL;
}

static bool truthy(const struct json *v)
{
    switch (json_type(v)) {
    case JSON_NONE:
    case JSON_NULL:
        return false;
    case JSON_BOOL:
        return json_bool(v, false);
    case JSON_STRING:
        return json_str(v).n > 0;
    case JSON_ARRAY:
        return json_size(v) > 0;
    default:
        return true;
    }
}

/* A scalar as people read it; numbers localised with `decimals`, or as integers below 0.
 */
static int scalar(struct run *r, const struct web_node *n, const struct json *v,
                  int decimals, struct buf *out)
{
    switch (json_type(v)) {
    case JSON_STRING:
        return buf_add(out, json_str(v));
    case JSON_NUMBER:
        if (decimals < 0 && json_is_int(v))
            return text_int(out, r->l, json_int(v, 0));
        return text_num(out, r->l, json_num(v, 0), decimals < 0 ? 3 : decimals);
    case JSON_NULL:
        return AM_OK;
    default:
        return web_is_words(v) ? buf_add(out, web_words(r->l, v))
                               : missing(r, n, n->text);
    }
}

static int var(struct run *r, const struct web_node *n)
{
    struct buf raw, clean;
    buf_init(&raw, r->out->max);
    buf_init(&clean, r->out->max);
    int err = scalar(r, n, lookup(r, n->text), -1, &raw);
    if (!err)
        err = web_tame(&clean, buf_str(&raw));
    if (!err)
        err = web_escape(r->out, buf_str(&clean));
    buf_release(&raw);
    buf_release(&clean);
    return err;
}

/* {{n}} {{d}} {{pct}} {{date}} {{time}} */
static int figure(struct run *r, const struct web_node *n)
{
    const struct json *v = lookup(r, n->text);
    if (json_type(v) == JSON_NULL)
        return buf_adds(r->out, "\xe2\x80\x94");
    if (json_type(v) != JSON_NUMBER ||
        (n->op != WEB_DEC && n->op != WEB_PCT && !json_is_int(v)))
        return missing(r, n, n->text);
    switch (n->op) {
    case WEB_INT:
        return text_int(r->out, r->l, json_int(v, 0));
    case WEB_DEC:
        return text_num(r->out, r->l, json_num(v, 0), n->decimals);
    case WEB_PCT:
        return text_percent(r->out, r->l, json_num(v, 0), n->decimals);
    case WEB_DATE:
        return text_date(r->out, r->l, json_int(v, 0));
    default:
        return text_datetime(r->out, r->l, json_int(v, 0));
    }
}

/* "state.v.[state]" with the context's values put in; they may hold only what ids hold.
 */
static int make_id(struct run *r, struct str pattern, char *id)
{
    size_t k = 0;
    while (pattern.n) {
        size_t at = str_find(pattern, '[');
        struct str piece[2] = {str_sub(pattern, 0, at), STR_NULL};
        if (at < pattern.n) {
            struct str rest;
            struct str path = str_cut(str_sub(pattern, at + 1, pattern.n), ']', &rest);
            piece[1] = path.n ? json_str(lookup(r, path)) : STR_NULL;
            if (!piece[1].n)
                return AM_E_NOTFOUND;
            pattern = rest;
        } else {
            pattern = STR_NULL;
        }
        for (size_t i = 0; i < 2; i++) {
            if (k + piece[i].n >= WEB_ID_MAX ||
                memchr(piece[i].p ? piece[i].p : "", 0, piece[i].n))
                return AM_E_NOTFOUND;
            if (piece[i].n)
                memcpy(id + k, piece[i].p, piece[i].n);
            k += piece[i].n;
        }
    }
    id[k] = 0;
    return AM_OK;
}

/* Appends the value of an argument as its format says: :3 decimals, :pct1, :date, :time,
 * :t.<prefix> a translated code. */
static int argument(struct run *r, const struct web_node *n, const struct web_arg *a,
                    struct buf *out)
{
    const struct json *v = lookup(r, a->path);
    int64_t decimals = -1;
    if (!a->format.n)
        return scalar(r, n, v, -1, out);
    if (str_starts(a->format, STR("t."))) {
        char id[WEB_ID_MAX];
        struct str code = json_str(v);
        if (code.n + a->format.n >= sizeof id)
            return missing(r, n, a->path);
        snprintf(id, sizeof id, "%.*s%.*s", STR_FMT(str_sub(a->format, 2, a->format.n)),
                 STR_FMT(code));
        return text_has(r->l, id) ? buf_add(out, text_get(r->l, id))
                                  : missing(r, n, a->path);
    }
    if (json_type(v) != JSON_NUMBER)
        return json_type(v) == JSON_NULL ? AM_OK : missing(r, n, a->path);
    if (str_eqc(a->format, "date"))
        return text_date(out, r->l, json_int(v, 0));
    if (str_eqc(a->format, "time"))
        return text_datetime(out, r->l, json_int(v, 0));
    bool percent = str_starts(a->format, STR("pct"));
    if (str_int(str_sub(a->format, percent ? 3 : 0, a->format.n), 0, 12, &decimals))
        return missing(r, n, a->format);
    return percent ? text_percent(out, r->l, json_num(v, 0), (int)decimals)
                   : scalar(r, n, v, (int)decimals, out);
}

static bool mentions(struct str message, struct str name)
{
    for (size_t i = 0; i + name.n + 1 < message.n; i++)
        if (message.p[i] == '{' &&
            str_eq(str_sub(message, i + 1, i + 1 + name.n), name) &&
            message.p[i + 1 + name.n] == '}')
            return true;
    return false;
}

/* Appends the arguments that message `id` mentions: shared templates pass more than one
 * needs. */
static int arguments(struct run *r, const struct web_node *n, const char *id,
                     char (*name)[33], struct buf *value, size_t *k)
{
    for (size_t i = n->op == WEB_P; i < n->args; i++) {
        const struct web_arg *a = &n->arg[i];
        if (n->op == WEB_T && !mentions(text_get(r->l, id), a->name))
            continue;
        struct buf raw;
        buf_init(&raw, r->out->max);
        int err = argument(r, n, a, &raw);
        if (!err)
            err = web_isolate(&value[*k], r->l, buf_str(&raw));
        buf_release(&raw);
        if (err)
            return err;
        snprintf(name[(*k)++], sizeof *name, "%.*s", STR_FMT(a->name));
    }
    return AM_OK;
}

/* A translated message, put together as plain text and escaped once, as a whole. */
static int message(struct run *r, const struct web_node *n)
{
    char id[WEB_ID_MAX], name[WEB_ARGS][33];
    if (make_id(r, n->text, id) || !text_has(r->l, id)) {
        int err = missing(r, n, n->text);
        return err ? err : web_escape(r->out, n->text);
    }
    struct text_arg arg[WEB_ARGS];
    struct buf value[WEB_ARGS], all;
    size_t k = 0;
    buf_init(&all, r->out->max);
    for (size_t i = 0; i < WEB_ARGS; i++)
        buf_init(&value[i], r->out->max);
    int err = arguments(r, n, id, name, value, &k);
    for (size_t i = 0; i < k; i++)
        arg[i] = (struct text_arg){name[i], buf_str(&value[i])};
    if (!err && n->op == WEB_P) {
        const struct json *v = lookup(r, n->arg[0].path);
        err = json_is_int(v) ? AM_OK : missing(r, n, n->arg[0].path);
        if (!err)
            err = text_plural(&all, r->l, id, json_int(v, 0), arg, k);
    } else if (!err) {
        err = text_fmt(&all, r->l, id, arg, k);
    }
    if (!err)
        err = web_escape(r->out, buf_str(&all));
    for (size_t i = 0; i < WEB_ARGS; i++)
        buf_release(&value[i]);
    buf_release(&all);
    return err;
}

static int bdi(struct run *r, const struct web_node *n)
{
    int err = buf_adds(r->out, "<bdi dir=\"ltr\">");
    if (!err)
        err = var(r, n);
    return err ? err : buf_adds(r->out, "</bdi>");
}

static int svg(struct run *r, const struct web_node *n)
{
    if (str_eqc(n->text, "journeys"))
        return web_svg_journeys(r->out, r->l);
    const struct json *v = lookup(r, n->extra);
    if (str_eqc(n->text, "qr") && json_type(v) == JSON_STRING)
        return web_svg_qr(r->out, r->l, json_str(v));
    if (json_type(v) != JSON_OBJECT)
        return missing(r, n, n->extra);
    if (str_eqc(n->text, "interval"))
        return web_svg_interval(r->out, r->l, v);
    if (str_eqc(n->text, "forest"))
        return web_svg_forest(r->out, r->l, v);
    return web_svg_curve(r->out, r->l, v);
}

static int icon(struct run *r, const struct web_node *n)
{
    char name[WEB_ID_MAX];
    int err = make_id(r, n->text, name);
    if (!err)
        err = web_icon(r->out, str_c(name));
    return err == AM_E_NOTFOUND ? missing(r, n, n->text) : err;
}

static int chip(struct run *r, const struct web_node *n)
{
    struct str value = json_str(lookup(r, n->extra));
    int err = value.n ? web_chip(r->out, r->l, n->text, value) : AM_E_NOTFOUND;
    return err == AM_E_NOTFOUND ? missing(r, n, n->extra) : err;
}

/* Codes that people may invent: those with a word are said, others shown. */
static int code_word(struct run *r, const struct web_node *n)
{
    char id[WEB_ID_MAX];
    struct str code = json_str(lookup(r, n->extra));
    if (!code.n)
        return missing(r, n, n->extra);
    snprintf(id, sizeof id, "%.*s.%.*s", (int)AM_MIN(n->text.n, 32), n->text.p,
             (int)AM_MIN(code.n, 64), code.p);
    return web_escape(r->out, text_has(r->l, id) ? text_get(r->l, id) : code);
}

/* Versioned by digest, so that browsers may keep it for ever. */
static int asset(struct run *r, const struct web_node *n)
{
    char path[WEB_ID_MAX + 16];
    snprintf(path, sizeof path, "web/assets/%.*s", STR_FMT(n->text));
    const struct embed_file *f = embed_find(path);
    if (!f)
        return missing(r, n, n->text);
    return buf_addf(r->out, "/assets/%.*s?v=%.8s", STR_FMT(n->text), f->sha256_hex);
}

static int inside(struct run *r, const struct json *v, size_t from, size_t to)
{
    am_assert(r->depth < WEB_DEPTH);
    r->stack[r->depth++] = v;
    int err = nodes(r, from, to);
    r->depth--;
    return err;
}

static int section(struct run *r, size_t i)
{
    const struct web_node *n = &r->t->nodes.v[i];
    const struct json *v = lookup(r, n->text);
    if (!truthy(v))
        return AM_OK;
    enum json_type type = json_type(v);
    if ((type != JSON_ARRAY && type != JSON_OBJECT) || web_is_words(v))
        return nodes(r, i + 1, n->end);
    if (r->depth == WEB_DEPTH)
        return AM_E_TOOBIG;
    if (type == JSON_OBJECT)
        return inside(r, v, i + 1, n->end);
    int err = AM_OK;
    for (json_each(it, v)) {
        err = inside(r, it.val, i + 1, n->end);
        if (err)
            break;
    }
    return err;
}

static int template(struct run *r, const struct web_tpl *t)
{
    if (r->nesting == WEB_NESTING)
        return AM_E_TOOBIG; /* a partial that includes itself */
    const struct web_tpl *old = r->t;
    r->t = t;
    r->nesting++;
    int err = nodes(r, 0, t->nodes.n);
    r->nesting--;
    r->t = old;
    return err;
}

static int partial(struct run *r, const struct web_node *n)
{
    const struct web_tpl *t = web_tpl_find(n->text);
    return t ? template(r, t) : AM_E_NOTFOUND;
}

static int one(struct run *r, const struct web_node *n)
{
    switch (n->op) {
    case WEB_LITERAL:
        return buf_add(r->out, n->text);
    case WEB_VAR:
        return var(r, n);
    case WEB_PARTIAL:
        return partial(r, n);
    case WEB_T:
    case WEB_P:
        return message(r, n);
    case WEB_INT:
    case WEB_DEC:
    case WEB_PCT:
    case WEB_DATE:
    case WEB_TIME:
        return figure(r, n);
    case WEB_BDI:
        return bdi(r, n);
    case WEB_URL:
        return web_url(r->out, json_str(lookup(r, n->text)));
    case WEB_PART: {
        const struct json *v = lookup(r, n->text);
        return json_type(v) == JSON_STRING ? web_url_part(r->out, json_str(v))
               : json_is_int(v) ? buf_addf(r->out, "%lld", (long long)json_int(v, 0))
                                : missing(r, n, n->text);
    }
    case WEB_SVG:
        return svg(r, n);
    case WEB_ICON:
        return icon(r, n);
    case WEB_WORD:
        return code_word(r, n);
    case WEB_CHIP:
        return chip(r, n);
    case WEB_ASSET:
        return asset(r, n);
    case WEB_LANGS:
        return web_langs(r->out, r->l, json_str(lookup(r, n->text)));
    case WEB_LANG:
        return buf_adds(r->out, text_lang_code(r->l));
    case WEB_DIR:
        return buf_adds(r->out, text_lang_dir(r->l));
    case WEB_BODY:
        return r->body ? template(r, r->body) : AM_OK;
    case WEB_SECTION:
    case WEB_INVERTED:
        break;
    }
    return AM_E_INTERNAL;
}

static int nodes(struct run *r, size_t from, size_t to)
{
    int err = AM_OK;
    for (size_t i = from; i < to && !err; i++) {
        const struct web_node *n = &r->t->nodes.v[i];
        if (n->op == WEB_SECTION || n->op == WEB_INVERTED) {
            if (n->op == WEB_SECTION)
                err = section(r, i);
            else if (!truthy(lookup(r, n->text)))
                err = nodes(r, i + 1, n->end);
            i = n->end - 1;
        } else {
            err = one(r, n);
        }
    }
    return err;
}

int web_tpl_render(struct buf *out, const struct web_tpl *t, const struct web_tpl *body,
                   enum text_lang l, const struct json *context, bool strict,
                   struct diag *d)
{
    struct run r = {.out = out,
                    .body = body,
                    .l = l,
                    .stack = {context},
                    .depth = 1,
                    .strict = strict,
                    .d = d};
    size_t before = out->n;
    int err = template(&r, t);
    if (err)
        buf_cut(out, before);
    return err;
}
