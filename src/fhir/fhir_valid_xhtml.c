/* SPDX-License-Identifier: Apache-2.0 */
/* Narrative: one div of the XHTML namespace, well formed, with the elements and
 * attributes that R4 allows (2.4.0: formatting of HTML 4.0, no scripts, forms, frames or
 * objects), and something to read in it. One pass, no tree; open elements are kept as
 * offsets into the text. */
#include "fhir/fhir_valid_priv.h"

enum { X_DEPTH = 200 };

static const char elements[] =
    " a abbr acronym address area b bdo big blockquote br caption cite code col colgroup "
    "dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small "
    "span strong sub sup table tbody td tfoot th thead tr tt ul var ";
static const char attributes[] =
    " abbr accesskey align alt axis border cellpadding cellspacing char charoff charset "
    "cite class colspan coords dir frame headers height href hreflang id ismap lang "
    "longdesc name nohref nowrap rel rev rowspan rules scope shape span src style "
    "summary "
    "tabindex target title type usemap valign width xml:lang xml:space xmlns ";

struct xhtml {
    struct str s;
    size_t i;
    struct str open[X_DEPTH];
    size_t depth;
    bool ink; /* something to read */
    const char *rule;
    struct str what;
};

static bool listed(const char *list, struct str word)
{
    char padded[20];
    if (!word.n || word.n > sizeof padded - 3)
        return false;
    snprintf(padded, sizeof padded, " %.*s ", STR_FMT(word));
    return strstr(list, padded) != NULL;
}

static bool no(struct xhtml *x, const char *rule, struct str what)
{
    x->rule = rule;
    x->what = what;
    return false;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char peek(const struct xhtml *x)
{
    return x->i < x->s.n ? x->s.p[x->i] : 0;
}

static void skip(struct xhtml *x)
{
    while (x->i < x->s.n && blank(x->s.p[x->i]))
        x->i++;
}

static struct str name(struct xhtml *x)
{
    size_t from = x->i;
    while (x->i < x->s.n && !blank(x->s.p[x->i]) && !strchr("<>/=\"'&", x->s.p[x->i]))
        x->i++;
    return str_sub(x->s, from, x->i);
}

/* "&amp;" and its like, "&#160;", "&#xA0;": all that XML knows without a DTD. */
static bool entity(struct xhtml *x)
{
    static const char known[] = " amp lt gt quot apos ";
    size_t end = x->i + str_find(str_sub(x->s, x->i, AM_MIN(x->i + 12, x->s.n)), ';');
    struct str e = str_sub(x->s, x->i + 1, end), digits;
    bool hex;
    if (end >= x->s.n || x->s.p[end] != ';' || !e.n)
        return no(x, "txt-1", str_sub(x->s, x->i, AM_MIN(x->i + 10, x->s.n)));
    x->i = end + 1;
    if (e.p[0] != '#')
        return listed(known, e) || no(x, "txt-1", e);
    hex = e.n > 1 && e.p[1] == 'x';
    digits = str_sub(e, hex ? 2 : 1, e.n);
    for (size_t k = 0; k < digits.n; k++) {
        char c = digits.p[k];
        if (!(c >= '0' && c <= '9') &&
            !(hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))))
            return no(x, "txt-1", e);
    }
    x->ink |= !(str_eqc(digits, "160") || str_eqc(digits, "32"));
    return digits.n > 0 || no(x, "txt-1", e);
}

static bool attribute(struct xhtml *x, struct str element)
{
    struct str key = name(x), value;
    char quote;
    size_t from;
    if (!listed(attributes, key) && !str_starts(key, STR("xmlns:")))
        return no(x, "txt-1", key.n ? key : element);
    skip(x);
    if (peek(x) != '=')
        return no(x, "txt-1", key);
    x->i++;
    skip(x);
    quote = peek(x);
    if (quote != '"' && quote != '\'')
        return no(x, "txt-1", key);
    from = ++x->i;
    while (x->i < x->s.n && x->s.p[x->i] != quote) {
        if (x->s.p[x->i] == '<')
            return no(x, "txt-1", key);
        if (x->s.p[x->i] == '&') {
            bool ink = x->ink;
            if (!entity(x))
                return false;
            x->ink = ink; /* an attribute is not read */
        } else {
            x->i++;
        }
    }
    if (x->i >= x->s.n)
        return no(x, "txt-1", key);
    value = str_sub(x->s, from, x->i++);
    if (str_eqc(key, "href") || str_eqc(key, "src")) {
        value = str_trim(value);
        if (str_eq_nocase(str_sub(value, 0, 11), STR("javascript:")))
            return no(x, "txt-1", value);
    }
    if (str_eqc(key, "xmlns") && !str_eqc(value, "http://www.w3.org/1999/xhtml"))
        return no(x, "txt-1", value);
    return true;
}

static bool start(struct xhtml *x)
{
    struct str element = name(x);
    bool first = !x->depth;
    if (!listed(elements, element))
        return no(x, "txt-1", element.n ? element : STR("<"));
    if (first && !str_eqc(element, "div"))
        return no(x, "txt-1", element);
    x->ink |= str_eqc(element, "img");
    for (;;) {
        size_t gap = x->i;
        skip(x);
        if (peek(x) == '>' || peek(x) == '/')
            break;
        if (gap == x->i || !attribute(x, element))
            return x->rule ? false : no(x, "txt-1", element);
    }
    if (peek(x) == '/') {
        x->i++;
        if (peek(x) != '>')
            return no(x, "txt-1", element);
        x->i++;
        return true;
    }
    x->i++;
    if (x->depth == X_DEPTH)
        return no(x, "txt-1", element);
    x->open[x->depth++] = element;
    return true;
}

static bool end(struct xhtml *x)
{
    struct str element = name(x);
    skip(x);
    if (!x->depth || !str_eq(x->open[x->depth - 1], element) || peek(x) != '>')
        return no(x, "txt-1", element.n ? element : STR("</"));
    x->i++;
    x->depth--;
    return true;
}

/* A comment ends at the first "-->". */
static bool comment(struct xhtml *x)
{
    for (x->i += 3; x->i + 3 <= x->s.n; x->i++)
        if (memcmp(x->s.p + x->i, "-->", 3) == 0) {
            x->i += 3;
            return true;
        }
    return no(x, "txt-1", STR("<!--"));
}

static bool markup(struct xhtml *x)
{
    x->i++;
    if (peek(x) == '/') {
        x->i++;
        return end(x);
    }
    if (str_starts(str_sub(x->s, x->i, x->s.n), STR("!--")))
        return comment(x);
    return start(x);
}

bool fhir_valid_xhtml(struct str s, const char **rule, struct str *what)
{
    struct xhtml x = {.s = str_trim(s)};
    bool ok = x.s.n > 0 && x.s.p[0] == '<';
    do {
        char c = peek(&x);
        if (!ok)
            break;
        if (c == '<') {
            ok = markup(&x);
        } else if (c == '&') {
            ok = entity(&x);
        } else {
            x.ink |= !blank(c);
            x.i++;
        }
    } while (ok && x.depth && x.i < x.s.n);
    if (ok && (x.depth || x.i < x.s.n))
        ok = no(&x, "txt-1", x.depth ? x.open[x.depth - 1] : STR("</div>"));
    if (ok && !x.ink)
        ok = no(&x, "txt-2", STR("div"));
    *rule = x.rule ? x.rule : "txt-1";
    *what = x.rule ? x.what : STR("div");
    return ok;
}
