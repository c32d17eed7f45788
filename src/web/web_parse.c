/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a template to its nodes. All that can be wrong with a template is
 * found here, at start-up: unknown catalogue ids, tags in places where no escaping is
 * safe, sections that would leave the HTML in another place than they found it. */
#include "web/web_priv.h"

struct parser {
    struct web_tpl *t;
    struct str rest;
    struct web_html html;
    struct {
        size_t node;
        struct web_html html;
    } open[WEB_NESTING];
    size_t depth;
    unsigned line;
    struct diag *d;
};

static int bad(const struct parser *p, const char *what, struct str detail)
{
    char path[192];
    snprintf(path, sizeof path, "%s:%u", p->t->name, p->line);
    diag_err(p->d, path, "web.template", "%s: %.*s", what,
             STR_FMT(str_sub(detail, 0, 100)));
    return AM_E_INVALID;
}

static bool name_ok(struct str s, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!word && (!c || !strchr(extra, c)))
            return false;
    }
    return s.n > 0 && s.n < WEB_ID_MAX;
}

/* Next word separated by blanks; STR_NULL at the end. */
static struct str word(struct str *s)
{
    *s = str_trim(*s);
    size_t n = 0;
    while (n < s->n && s->p[n] != ' ' && s->p[n] != '\n')
        n++;
    struct str w = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->n);
    return n ? w : STR_NULL;
}

static const struct {
    const char *word;
    enum web_op op;
    int paths;   /* words that follow, at most */
    bool markup; /* writes elements: text only */
} keyword[] = {
    {"t", WEB_T, 1, false},        {"p", WEB_P, 1, false},
    {"n", WEB_INT, 1, false},      {"d", WEB_DEC, 2, false},
    {"pct", WEB_PCT, 2, false},    {"date", WEB_DATE, 1, false},
    {"time", WEB_TIME, 1, false},  {"bdi", WEB_BDI, 1, true},
    {"url", WEB_URL, 1, false},    {"u", WEB_PART, 1, false},
    {"svg", WEB_SVG, 2, true},     {"icon", WEB_ICON, 1, true},
    {"chip", WEB_CHIP, 2, true},   {"asset", WEB_ASSET, 1, false},
    {"langs", WEB_LANGS, 1, true}, {"w", WEB_WORD, 2, false},
};

static bool op_fits(enum web_op op, enum web_place place)
{
    bool block = op == WEB_SECTION || op == WEB_INVERTED;
    switch (place) {
    case WEB_TEXT:
    case WEB_RCDATA:
    case WEB_ATTR:
        return true;
    case WEB_ATTR_URL: /* an address takes only what cannot smuggle a scheme into it */
        return block || op == WEB_URL || op == WEB_PART || op == WEB_ASSET ||
               op == WEB_LANG;
    case WEB_IN_TAG:
        return block;
    default:
        return false;
    }
}

static int push(struct parser *p, struct web_node n)
{
    n.line = p->line;
    n.markup = p->html.place == WEB_TEXT;
    if (n.op != WEB_LITERAL && !op_fits(n.op, p->html.place))
        return bad(p, "this tag is not allowed at this place", n.text);
    return vec_push(&p->t->nodes, n);
}

/* name=path[:format] */
static int arguments(struct parser *p, struct web_node *n, struct str s)
{
    for (struct str w = word(&s); w.n; w = word(&s)) {
        struct web_arg a;
        if (n->args == WEB_ARGS)
            return bad(p, "too many arguments", w);
        a.name = str_cut(w, '=', &a.path);
        a.path = str_cut(a.path, ':', &a.format);
        if (!name_ok(a.name, "") || a.name.n > 32 || !name_ok(a.path, "@"))
            return bad(p, "an argument is name=path", w);
        n->arg[n->args++] = a;
    }
    return AM_OK;
}

static int check_message(struct parser *p, const struct web_node *n)
{
    char id[WEB_ID_MAX];
    if (!name_ok(n->text, "[]"))
        return bad(p, "not a catalogue id", n->text);
    if (str_find(n->text, '[') < n->text.n)
        return AM_OK; /* made at run time; strict rendering checks it */
    snprintf(id, sizeof id, "%.*s", STR_FMT(n->text));
    if (!text_has(TEXT_FR, id))
        return bad(p, "no such message", n->text);
    if (n->op == WEB_P && (!n->args || !str_eqc(n->arg[0].name, "n")))
        return bad(p, "a plural begins with n=path", n->text);
    return AM_OK;
}

static int check_svg(struct parser *p, const struct web_node *n)
{
    static const char *const kind[] = {"interval", "forest", "curve", "qr"};
    if (str_eqc(n->text, "journeys") && !n->extra.n)
        return AM_OK;
    for (size_t i = 0; i < AM_LEN(kind); i++)
        if (str_eqc(n->text, kind[i]) && n->extra.n)
            return AM_OK;
    return bad(p, "no such picture", n->text);
}

/* A tag that begins with a keyword; rest is what follows the keyword. */
static int command(struct parser *p, size_t k, struct str rest)
{
    struct web_node n = {.op = keyword[k].op};
    int64_t decimals = 0;
    int err = AM_OK;
    n.text = word(&rest);
    if (keyword[k].paths == 2)
        n.extra = word(&rest);
    if (n.op == WEB_T || n.op == WEB_P) {
        err = arguments(p, &n, rest);
        if (!err)
            err = check_message(p, &n);
        return err ? err : push(p, n);
    }
    if (str_trim(rest).n)
        return bad(p, "too many words", rest);
    bool literal =
        n.op == WEB_SVG || n.op == WEB_ASSET || n.op == WEB_CHIP || n.op == WEB_WORD;
    if (!name_ok(n.text, n.op == WEB_ICON    ? "[]"
                         : n.op == WEB_ASSET ? "/"
                         : literal           ? ""
                                             : "@"))
        return bad(p, "not a name", n.text);
    if (n.op == WEB_SVG)
        err = check_svg(p, &n);
    if (n.op == WEB_WORD && !name_ok(n.extra, "@"))
        err = bad(p, "a word is {{w family path}}", n.text);
    if (n.op == WEB_CHIP && !name_ok(n.extra, ""))
        err = bad(p, "a chip is {{chip group path}}", n.text);
    if (n.op == WEB_DEC || n.op == WEB_PCT) {
        if (str_int(n.extra, 0, 12, &decimals))
            err = bad(p, "the number of decimals is missing", n.text);
        n.decimals = (int)decimals;
    }
    if (!err && keyword[k].markup && p->html.place != WEB_TEXT)
        err = bad(p, "this tag writes elements and stands only in text", n.text);
    return err ? err : push(p, n);
}

static int block_open(struct parser *p, enum web_op op, struct str path)
{
    if (!name_ok(path, "@"))
        return bad(p, "not a path", path);
    if (p->depth == WEB_NESTING)
        return bad(p, "sections are nested too deeply", path);
    int err = push(p, (struct web_node){.op = op, .text = path});
    if (err)
        return err;
    p->open[p->depth].node = p->t->nodes.n - 1;
    p->open[p->depth++].html = p->html;
    return AM_OK;
}

static int block_close(struct parser *p, struct str path)
{
    if (!p->depth || !str_eq(p->t->nodes.v[p->open[p->depth - 1].node].text, path))
        return bad(p, "closes no section", path);
    p->depth--;
    if (!web_html_same(&p->open[p->depth].html, &p->html))
        return bad(p, "a section ends in another place of the HTML than it began", path);
    p->t->nodes.v[p->open[p->depth].node].end = p->t->nodes.n;
    return AM_OK;
}

static int special(struct parser *p, struct str s)
{
    enum web_op op = str_eqc(s, "@lang")  ? WEB_LANG
                     : str_eqc(s, "@dir") ? WEB_DIR
                                          : WEB_BODY;
    if (op == WEB_BODY && (!str_eqc(s, "@body") || p->html.place != WEB_TEXT))
        return bad(p, "no such tag here", s);
    return push(p, (struct web_node){.op = op, .text = s});
}

/* s: what stands between {{ and }}. */
static int tag(struct parser *p, struct str s)
{
    s = str_trim(s);
    if (!s.n)
        return bad(p, "an empty tag", s);
    struct str after = str_trim(str_sub(s, 1, s.n));
    switch (s.p[0]) {
    case '!':
        return AM_OK;
    case '#':
        return block_open(p, WEB_SECTION, after);
    case '^':
        return block_open(p, WEB_INVERTED, after);
    case '/':
        return block_close(p, after);
    case '>':
        if (!name_ok(after, "") || p->html.place != WEB_TEXT)
            return bad(p, "a partial is {{>name}} and stands in text", after);
        return push(p, (struct web_node){.op = WEB_PARTIAL, .text = after});
    case '@':
        return special(p, s);
    default:
        break;
    }
    struct str rest = s, first = word(&rest);
    if (str_trim(rest).n)
        for (size_t k = 0; k < AM_LEN(keyword); k++)
            if (str_eqc(first, keyword[k].word))
                return command(p, k, rest);
    if (!name_ok(s, ""))
        return bad(p, "not a name", s);
    return push(p, (struct web_node){.op = WEB_VAR, .text = s});
}

static size_t find2(struct str s, char c)
{
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == c && s.p[i + 1] == c)
            return i;
    return s.n;
}

static void count_lines(struct parser *p, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        p->line += s.p[i] == '\n';
}

static int literal(struct parser *p, struct str s)
{
    if (!s.n)
        return AM_OK;
    const char *wrong = web_html_feed(&p->html, s);
    int err = wrong ? bad(p, wrong, s)
                    : push(p, (struct web_node){.op = WEB_LITERAL, .text = s});
    count_lines(p, s);
    return err;
}

static int parse(struct parser *p)
{
    int err = AM_OK;
    while (p->rest.n && !err) {
        size_t at = find2(p->rest, '{');
        err = literal(p, str_sub(p->rest, 0, at));
        p->rest = str_sub(p->rest, at, p->rest.n);
        if (err || !p->rest.n)
            continue;
        struct str in = str_sub(p->rest, 2, p->rest.n);
        size_t end = find2(in, '}');
        if (end == in.n)
            return bad(p, "a tag is not closed", in);
        err = tag(p, str_sub(in, 0, end));
        count_lines(p, str_sub(in, 0, end));
        p->rest = str_sub(in, end + 2, in.n);
    }
    if (err)
        return err;
    if (p->depth)
        return bad(p, "a section is not closed",
                   p->t->nodes.v[p->open[p->depth - 1].node].text);
    if (p->html.place != WEB_TEXT)
        return bad(p, "the template ends inside a tag or a comment", STR_NULL);
    return AM_OK;
}

static bool clean(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n')
            return false;
    return str_utf8(s);
}

int web_tpl_new(struct web_tpl **out, struct str name, struct str source, struct diag *d)
{
    struct web_tpl *t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    int err = AM_E_NOMEM;
    t->name = str_dup(name);
    t->source = str_dup(source);
    if (!t->name || !t->source)
        goto fail;
    struct parser p = {.t = t, .rest = {t->source, source.n}, .line = 1, .d = d};
    t->document = str_starts(source, STR("<!"));
    err = clean(source) ? parse(&p) : bad(&p, "not clean UTF-8 text", STR_NULL);
    if (err)
        goto fail;
    *out = t;
    return AM_OK;
fail:
    web_tpl_free(t);
    return err;
}

void web_tpl_free(struct web_tpl *t)
{
    if (!t)
        return;
    vec_release(&t->nodes);
    free(t->source);
    free(t->name);
    free(t);
}
