/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_html -- htmlChecks(): the rules of Narrative.div (txt-1, txt-2).
 *
 * Well-formed XML, one div in the XHTML namespace, only the elements and attributes that
 * R4 lists (https://hl7.org/fhir/R4/narrative.html), some text or an image, no processing
 * instruction, no entity but the predefined, numbered and XHTML ones. */
#include "fhir/fhir_path_priv.h"

enum { PATH_HTML_DEPTH = 256 };

static const char *const path_tags[] = {
    "a",    "abbr",  "acronym", "b",        "big", "blockquote", "br",    "caption",
    "cite", "code",  "col",     "colgroup", "dd",  "dfn",        "div",   "dl",
    "dt",   "em",    "h1",      "h2",       "h3",  "h4",         "h5",    "h6",
    "hr",   "i",     "img",     "li",       "ol",  "p",          "pre",   "q",
    "samp", "small", "span",    "strong",   "sub", "sup",        "table", "tbody",
    "td",   "tfoot", "th",      "thead",    "tr",  "tt",         "ul",    "var"};
static const char *const path_attributes[] = {
    "abbr",     "accesskey",  "align",       "alt",         "axis",       "bgcolor",
    "border",   "cellhalign", "cellpadding", "cellspacing", "cellvalign", "char",
    "charoff",  "charset",    "cite",        "class",       "colspan",    "compact",
    "coords",   "dir",        "frame",       "headers",     "height",     "href",
    "hreflang", "hspace",     "id",          "lang",        "longdesc",   "name",
    "nowrap",   "rel",        "rev",         "rowspan",     "rules",      "scope",
    "shape",    "span",       "src",         "start",       "style",      "summary",
    "tabindex", "target",     "title",       "type",        "valign",     "value",
    "vspace",   "width",      "xml:lang",    "xmlns"};

static bool known(struct str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqc(s, list[i]))
            return true;
    return false;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == ':' || c == '-' || c == '_' || c == '.';
}

struct path_xml {
    struct str s;
    size_t i, depth;
    struct str open[PATH_HTML_DEPTH];
    bool content, done;
};

static void skip(struct path_xml *x)
{
    while (x->i < x->s.n && blank(x->s.p[x->i]))
        x->i++;
}

static struct str name(struct path_xml *x)
{
    size_t at = x->i;
    while (x->i < x->s.n && name_char(x->s.p[x->i]))
        x->i++;
    return str_sub(x->s, at, x->i);
}

static bool eat(struct path_xml *x, const char *z)
{
    if (!str_starts(str_sub(x->s, x->i, x->s.n), str_c(z)))
        return false;
    x->i += strlen(z);
    return true;
}

/* &name; &#12; &#xA0; after the ampersand */
static bool entity(struct path_xml *x)
{
    size_t at = x->i;
    while (x->i < x->s.n && x->i < at + 12 && x->s.p[x->i] != ';')
        if (x->s.p[x->i] == '#' ? x->i != at : !name_char(x->s.p[x->i]))
            return false;
        else
            x->i++;
    return x->i > at && eat(x, ";");
}

static bool attribute(struct path_xml *x, struct str tag)
{
    struct str n = name(x), value;
    char quote;
    size_t at;
    if (!n.n || !known(n, path_attributes, AM_LEN(path_attributes)))
        return false;
    skip(x);
    if (!eat(x, "="))
        return false;
    skip(x);
    quote = x->i < x->s.n ? x->s.p[x->i] : 0;
    if (quote != '"' && quote != '\'')
        return false;
    at = ++x->i;
    while (x->i < x->s.n && x->s.p[x->i] != quote) {
        char c = x->s.p[x->i++];
        if (c == '<' || (c == '&' && !entity(x)))
            return false;
    }
    value = str_sub(x->s, at, x->i);
    x->i++;
    (void)tag;
    return x->i <= x->s.n &&
           (!str_eqc(n, "xmlns") || str_eqc(value, "http://www.w3.org/1999/xhtml"));
}

static bool close_tag(struct path_xml *x)
{
    struct str n = name(x);
    skip(x);
    if (!x->depth || !str_eq(n, x->open[x->depth - 1]) || !eat(x, ">"))
        return false;
    x->depth--;
    x->done = x->depth == 0;
    return true;
}

static bool open_tag(struct path_xml *x)
{
    struct str n = name(x);
    size_t before;
    if (!known(n, path_tags, AM_LEN(path_tags)) || x->depth == PATH_HTML_DEPTH ||
        (x->depth == 0 && !str_eqc(n, "div")))
        return false;
    if (str_eqc(n, "img"))
        x->content = true;
    for (;;) {
        before = x->i;
        skip(x);
        if (eat(x, "/>")) {
            x->done = x->depth == 0;
            return true;
        }
        if (eat(x, ">"))
            break;
        if (before == x->i || !attribute(x, n))
            return false;
    }
    x->open[x->depth++] = n;
    return true;
}

static bool comment(struct path_xml *x)
{
    while (x->i < x->s.n)
        if (eat(x, "-->"))
            return true;
        else
            x->i++;
    return false;
}

bool fhir_fp_html(struct str s)
{
    struct path_xml x = {.s = str_trim(s)};
    while (x.i < x.s.n && !x.done) {
        char c = x.s.p[x.i++];
        if (c == '<') {
            bool ok = eat(&x, "!--") ? comment(&x)
                      : eat(&x, "/") ? close_tag(&x)
                                     : open_tag(&x);
            if (!ok)
                return false;
        } else if (x.depth == 0) {
            return false;
        } else if (c == '&') {
            if (!entity(&x))
                return false;
            x.content = true;
        } else if (!blank(c)) {
            x.content = true;
        }
    }
    return x.done && x.i == x.s.n && x.content;
}
