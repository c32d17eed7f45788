/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_priv.h"

/* ---- reading a path ---- */
static bool number(struct str *s, unsigned *out)
{
    size_t n = 0;
    int64_t v;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (str_int(str_sub(*s, 0, n), 1, HL7_NUMBER, &v))
        return false;
    *out = (unsigned)v;
    *s = str_sub(*s, n, s->n);
    return true;
}

static bool take(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool bracket(struct str *s, unsigned *out)
{
    return !take(s, '[') || (number(s, out) && take(s, ']'));
}

int hl7_path(struct hl7_path *out, struct str text)
{
    struct hl7_path p = {0};
    struct str s = text;
    for (size_t i = 0; i < 3; i++) {
        char c = i < s.n ? s.p[i] : 0;
        if (!((c >= 'A' && c <= 'Z') || (i && c >= '0' && c <= '9')))
            return AM_E_SYNTAX;
        p.segment[i] = c;
    }
    s = str_sub(s, 3, s.n);
    if (!bracket(&s, &p.occurrence) || !take(&s, '-') || !number(&s, &p.field) ||
        !bracket(&s, &p.repetition) || (take(&s, '.') && !number(&s, &p.component)) ||
        (p.component && take(&s, '.') && !number(&s, &p.sub)) || s.n)
        return AM_E_SYNTAX;
    *out = p;
    return AM_OK;
}

/* ---- following it ---- */
/* The n-th part (from 1) of s. */
static struct str part(struct str s, char separator, unsigned n)
{
    struct str rest = s;
    if (!separator)
        return n == 1 ? s : STR_NULL;
    for (;;) {
        struct str one = str_cut(rest, separator, &rest);
        if (n-- == 1)
            return one;
        if (!rest.p)
            return STR_NULL;
    }
}

struct str hl7_at(const struct hl7 *m, size_t segment, const struct hl7_path *p)
{
    struct str s = hl7_field(m, segment, p->field);
    bool delimiters =
        p->field <= 2 && segment == 0; /* MSH-1, MSH-2: nothing is in them */
    if (!s.n)
        return STR_NULL;
    if (delimiters)
        return p->repetition <= 1 && !p->component ? s : STR_NULL;
    s = part(s, m->repetition, p->repetition ? p->repetition : 1);
    if (s.n && p->component)
        s = part(s, m->component, p->component);
    if (s.n && p->sub)
        s = part(s, m->sub, p->sub);
    return s.n ? s : STR_NULL;
}

struct str hl7_get(const struct hl7 *m, const char *path)
{
    struct hl7_path p;
    size_t segment;
    if (hl7_path(&p, str_c(path)) ||
        hl7_segment(m, str_c(p.segment), p.occurrence ? p.occurrence : 1, &segment))
        return STR_NULL;
    return hl7_at(m, segment, &p);
}

size_t hl7_repetitions(const struct hl7 *m, struct str field)
{
    size_t n = field.n > 0;
    for (size_t i = 0; i < field.n; i++)
        n += m->repetition && field.p[i] == m->repetition;
    return n;
}

bool hl7_is_null(struct str value)
{
    return str_eq(value, STR("\"\""));
}

/* ---- escapes ---- */
/* \X0D0A\: bytes of the message's set. AM_E_SYNTAX: they are none. */
static int unescape_bytes(const struct hl7 *m, struct str digits, struct buf *out)
{
    struct buf raw;
    size_t bad;
    int err = digits.n && digits.n % 2 == 0 ? AM_OK : AM_E_SYNTAX;
    buf_init(&raw, HL7_SIZE);
    for (size_t i = 0; !err && i + 1 < digits.n; i += 2) {
        int a = str_hex_digit(digits.p[i]), b = str_hex_digit(digits.p[i + 1]),
            c = a * 16 + b;
        err = a < 0 || b < 0 || (c < ' ' && !strchr("\r\n\t", c ? c : 1))
                  ? AM_E_SYNTAX
                  : buf_addc(&raw, (char)c);
    }
    if (!err)
        err = hl7_to_utf8(out, m->charset, buf_str(&raw), &bad);
    buf_release(&raw);
    return err;
}

static int unescape_one(const struct hl7 *m, struct str code, struct buf *out)
{
    if (code.n == 1)
        switch (code.p[0]) {
        case 'F':
            return buf_addc(out, m->field);
        case 'S':
            return m->component ? buf_addc(out, m->component) : AM_E_SYNTAX;
        case 'T':
            return m->sub ? buf_addc(out, m->sub) : AM_E_SYNTAX;
        case 'R':
            return m->repetition ? buf_addc(out, m->repetition) : AM_E_SYNTAX;
        case 'E':
            return buf_addc(out, m->escape);
        case 'H':
        case 'N':
            return AM_OK;
        default:
            return AM_E_SYNTAX;
        }
    if (str_eq(code, STR(".br")) || str_eq(code, STR(".sp")))
        return buf_addc(out, '\n');
    if (code.n && code.p[0] == 'X')
        return unescape_bytes(m, str_sub(code, 1, code.n), out);
    return AM_E_SYNTAX;
}

int hl7_unescape(const struct hl7 *m, struct str s, struct buf *out)
{
    size_t i = 0, before = out->n;
    int err = AM_OK;
    while (!err && i < s.n) {
        struct str rest = str_sub(s, i, s.n);
        size_t open = m->escape ? str_find(rest, m->escape) : rest.n, close;
        err = buf_add(out, str_sub(rest, 0, open));
        i += open;
        if (err || i == s.n)
            break;
        close = str_find(str_sub(s, i + 1, s.n), m->escape);
        if (i + 1 + close == s.n) { /* never closed: a backslash in a text */
            err = buf_add(out, str_sub(s, i, s.n));
            break;
        }
        err = unescape_one(m, str_sub(s, i + 1, i + 1 + close), out);
        if (err == AM_E_SYNTAX) { /* no sequence: its end may begin the next one */
            err = buf_add(out, str_sub(s, i, i + 1 + close));
            i += 1 + close;
        } else {
            i += close + 2;
        }
    }
    if (err)
        buf_cut(out, before);
    return err;
}

int hl7_escape(const struct hl7 *m, struct str s, struct buf *out)
{
    char e = m->escape ? m->escape : '\\';
    size_t before = out->n;
    int err = AM_OK;
    for (size_t i = 0; !err && i < s.n; i++) {
        char c = s.p[i];
        const char *code = c == m->field                         ? "F"
                           : m->component && c == m->component   ? "S"
                           : m->repetition && c == m->repetition ? "R"
                           : m->sub && c == m->sub               ? "T"
                           : c == e                              ? "E"
                           : c == '\n'                           ? ".br"
                           : c == '\r'                           ? "X0D"
                                                                 : NULL;
        err = code ? buf_addf(out, "%c%s%c", e, code, e) : buf_addc(out, c);
    }
    if (err)
        buf_cut(out, before);
    return err;
}
