/* SPDX-License-Identifier: Apache-2.0 */
#include "xml/xml.h"

#define XML_RESERVED "http://www.w3.org/XML/1998/namespace"

/* XML 1.0, production 2: no control characters but tab, line feed, carriage return; not
 * U+FFFE and U+FFFF. s is valid UTF-8, at i. */
static bool xml_char(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i];
    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return !(c == 0xEF && (unsigned char)s.p[i + 1] == 0xBF &&
             (unsigned char)s.p[i + 2] >= 0xBE);
}

static const char *xml_escape(char c, bool value)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '\r':
        return "&#13;"; /* a reader makes a line feed of a bare one */
    case '"':
        return value ? "&quot;" : NULL;
    case '\t':
        return value ? "&#9;" : NULL;
    case '\n':
        return value ? "&#10;" : NULL;
    default:
        return NULL;
    }
}

static int xml_add(struct buf *out, struct str s, bool value)
{
    size_t start = out->n, from = 0;
    int err = str_utf8(s) ? AM_OK : AM_E_INVALID;
    for (size_t i = 0; i < s.n && !err; i++) {
        const char *escape = xml_escape(s.p[i], value);
        if (!xml_char(s, i))
            err = AM_E_INVALID;
        if (!escape || err)
            continue;
        err = buf_add(out, str_sub(s, from, i));
        if (!err)
            err = buf_adds(out, escape);
        from = i + 1;
    }
    if (!err)
        err = buf_add(out, str_sub(s, from, s.n));
    if (err)
        buf_cut(out, start);
    return err;
}

int xml_add_text(struct buf *out, struct str text)
{
    return xml_add(out, text, false);
}

int xml_add_value(struct buf *out, struct str value)
{
    return xml_add(out, value, true);
}

static int xml_add_attribute(struct buf *out, const char *prefix, struct str name,
                             struct str value)
{
    int err = buf_addf(out, " %s%.*s=\"", prefix, STR_FMT(name));
    if (!err)
        err = xml_add_value(out, value);
    return err ? err : buf_addc(out, '"');
}

static int xml_add_start(struct buf *out, const struct xml_node *e, struct str ns)
{
    int err = buf_addf(out, "<%.*s", STR_FMT(e->name));
    if (!err && !str_eq(e->ns, ns))
        err = xml_add_attribute(out, "", STR("xmlns"), e->ns);
    for (size_t i = 0; i < e->attrs && !err; i++) {
        const struct xml_attr *a = &e->attr[i];
        if (!a->ns.n)
            err = xml_add_attribute(out, "", a->name, a->value);
        else if (str_eqc(a->ns, XML_RESERVED))
            err = xml_add_attribute(out, "xml:", a->name, a->value);
        else
            err = AM_E_UNSUPPORTED;
    }
    return err ? err : buf_adds(out, e->first ? ">" : "/>");
}

/* Without recursion: the tree may be as deep as its limit. */
int xml_add_node(struct buf *out, const struct xml_node *e, struct str ns)
{
    const struct xml_node *n = e;
    size_t start = out->n;
    int err = AM_OK;
    while (!err) {
        if (n->name.p)
            err = xml_add_start(out, n, n == e ? ns : n->parent->ns);
        else
            err = xml_add_text(out, n->text);
        if (n->first) {
            n = n->first;
            continue;
        }
        while (!err && n != e && !n->next) {
            n = n->parent;
            err = buf_addf(out, "</%.*s>", STR_FMT(n->name));
        }
        if (n == e)
            break;
        n = n->next;
    }
    if (err)
        buf_cut(out, start);
    return err;
}
