/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough of the HTML syntax to know, at each template tag, what surrounds it.
 * Templates are ours, so the dialect is narrow on purpose: double quotes around every
 * value, no inline style, no event handlers, no stray "<". */
#include "web/web_priv.h"

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(s, *list))
            return true;
    return false;
}

static bool space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* After the > of an opening tag: some elements hold text of their own kind. */
static void enter(struct web_html *h)
{
    static const char *const rcdata[] = {"title", "textarea", NULL};
    static const char *const raw[] = {"script", "style", NULL};
    h->place = one_of(h->element, rcdata) ? WEB_RCDATA
               : one_of(h->element, raw)  ? WEB_RAW
                                          : WEB_TEXT;
}

static const char *attr_named(const struct web_html *h)
{
    static const char *const never[] = {"style", "srcdoc",     "srcset",
                                        "ping",  "background", NULL};
    if (one_of(h->attr, never))
        return "this attribute is not allowed";
    if (h->attr[0] == 'o' && h->attr[1] == 'n')
        return "event handlers are not allowed";
    return NULL;
}

static enum web_place value_place(const struct web_html *h)
{
    static const char *const url[] = {"href",       "src",        "action",
                                      "formaction", "cite",       "data",
                                      "poster",     "xlink:href", NULL};
    return one_of(h->attr, url) ? WEB_ATTR_URL : WEB_ATTR;
}

static const char *name_char(char *name, size_t *n, size_t cap, char c)
{
    if (*n + 1 >= cap)
        return "a name is too long";
    name[(*n)++] = letter(c) ? (char)(c | 32) : c;
    name[*n] = 0;
    return NULL;
}

/* How much of s ends the present comment, declaration or raw text; 0: not yet. */
static size_t raw_end(const struct web_html *h, struct str s)
{
    char close[20];
    if (h->place == WEB_COMMENT)
        return str_starts(s, STR("-->")) ? 3 : 0;
    if (h->place == WEB_DECL)
        return s.p[0] == '>' ? 1 : 0;
    int n = snprintf(close, sizeof close, "</%s", h->element);
    return s.n >= (size_t)n && str_eq_nocase(str_sub(s, 0, (size_t)n), str_c(close))
               ? (size_t)n
               : 0;
}

static const char *open_tag(struct web_html *h, struct str s, size_t *used)
{
    if (str_starts(s, STR("<!--"))) {
        h->place = WEB_COMMENT;
        *used = 4;
        return NULL;
    }
    if (s.n < 2)
        return "a lone < must be written &lt;";
    *used = 2;
    if (s.p[1] == '!') {
        h->place = WEB_DECL;
    } else if (s.p[1] == '/') {
        h->place = WEB_CLOSE;
    } else if (letter(s.p[1])) {
        h->place = WEB_TAG;
        h->element_n = 0;
        *used = 1;
    } else {
        return "a lone < must be written &lt;";
    }
    return NULL;
}

static const char *in_tag(struct web_html *h, char c)
{
    if (c == '>') {
        enter(h);
    } else if (letter(c)) {
        h->place = WEB_ATTR_NAME;
        h->attr_n = 0;
        return name_char(h->attr, &h->attr_n, sizeof h->attr, c);
    } else if (!space(c) && c != '/') {
        return "this character cannot stand inside a tag";
    }
    return NULL;
}

static const char *attr_name(struct web_html *h, char c)
{
    const char *bad = NULL;
    if (c == '=') {
        bad = attr_named(h);
        h->place = WEB_ATTR_EQ;
    } else if (space(c) || c == '>' || c == '/') {
        bad = attr_named(h);
        h->place = WEB_IN_TAG;
        if (!bad)
            bad = in_tag(h, c);
    } else if (letter(c) || (c >= '0' && c <= '9') || strchr("-_:", c)) {
        bad = name_char(h->attr, &h->attr_n, sizeof h->attr, c);
    } else {
        bad = "this character cannot stand in the name of an attribute";
    }
    return bad;
}

/* One character (or more: *used) of places inside tags. */
static const char *inside(struct web_html *h, char c)
{
    switch (h->place) {
    case WEB_TAG:
        if (letter(c) || (c >= '0' && c <= '9') || c == '-')
            return name_char(h->element, &h->element_n, sizeof h->element, c);
        h->place = WEB_IN_TAG;
        return in_tag(h, c);
    case WEB_IN_TAG:
        return in_tag(h, c);
    case WEB_ATTR_NAME:
        return attr_name(h, c);
    case WEB_ATTR_EQ:
        if (c != '"')
            return "attribute values are double-quoted";
        h->place = value_place(h);
        return NULL;
    case WEB_ATTR:
    case WEB_ATTR_URL:
        if (c == '"')
            h->place = WEB_IN_TAG;
        return NULL;
    default:
        if (c == '>')
            h->place = WEB_TEXT; /* WEB_CLOSE */
        return NULL;
    }
}

const char *web_html_feed(struct web_html *h, struct str s)
{
    while (s.n) {
        size_t used = 1;
        const char *bad = NULL;
        switch (h->place) {
        case WEB_TEXT:
            if (s.p[0] == '<')
                bad = open_tag(h, s, &used);
            break;
        case WEB_RCDATA:
        case WEB_RAW:
        case WEB_COMMENT:
        case WEB_DECL: {
            size_t n = raw_end(h, s);
            if (n) {
                h->place =
                    h->place == WEB_RCDATA || h->place == WEB_RAW ? WEB_CLOSE : WEB_TEXT;
                used = n;
            }
            break;
        }
        default:
            bad = inside(h, s.p[0]);
        }
        if (bad)
            return bad;
        s = str_sub(s, used, s.n);
    }
    return NULL;
}

bool web_html_same(const struct web_html *a, const struct web_html *b)
{
    if (a->place != b->place)
        return false;
    bool attr = a->place == WEB_ATTR || a->place == WEB_ATTR_URL;
    bool element = attr || a->place == WEB_IN_TAG || a->place == WEB_RCDATA;
    return (!attr || !strcmp(a->attr, b->attr)) &&
           (!element || !strcmp(a->element, b->element));
}
