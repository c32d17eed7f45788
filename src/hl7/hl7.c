/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_priv.h"

/* ---- the header ---- */
struct lines { /* segments of a raw text, empty lines left out */
    struct str rest;
};

static bool next_line(struct lines *l, struct str *line)
{
    while (l->rest.n) {
        size_t n = 0;
        while (n < l->rest.n && l->rest.p[n] != '\r' && l->rest.p[n] != '\n')
            n++;
        *line = str_sub(l->rest, 0, n);
        l->rest = str_sub(l->rest, n + (n < l->rest.n), l->rest.n);
        if (line->n)
            return true;
    }
    return false;
}

static bool graphic(char c)
{
    return c > ' ' && c < 0x7F &&
           !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
}

static int bad_header(struct diag *d, const char *code, const char *why)
{
    diag_err(d, "MSH[1]", code, "%s", why);
    return AM_E_SYNTAX;
}

/* MSH-1 and MSH-2: all different signs, none of them a letter or digit. The fifth sign
 * (truncation, v2.7) is not used, and so is text. */
static int delimiters(struct hl7 *m, struct str msh, struct diag *d)
{
    char *to[] = {&m->component, &m->repetition, &m->escape, &m->sub};
    char seen[5] = {0};
    size_t n = 0;
    struct str chars;
    if (msh.n < 4 || memcmp(msh.p, "MSH", 3) != 0)
        return bad_header(d, "hl7.msh", "a message begins with MSH");
    seen[0] = m->field = msh.p[3];
    if (!graphic(m->field))
        return bad_header(d, "hl7.delimiters", "MSH-1 is no separator");
    chars = str_sub(msh, 4, msh.n);
    while (n < chars.n && chars.p[n] != m->field)
        n++;
    if (n < 1 || n > 5)
        return bad_header(d, "hl7.delimiters", "MSH-2 has one to five signs");
    for (size_t i = 0; i < AM_MIN(n, AM_LEN(to)); i++) {
        if (!graphic(chars.p[i]) || memchr(seen, chars.p[i], i + 1))
            return bad_header(d, "hl7.delimiters",
                              "MSH-2 repeats a sign, or has a letter");
        *to[i] = seen[i + 1] = chars.p[i];
    }
    return AM_OK;
}

/* Field n of a raw header; the set of its bytes does not matter, delimiters are ASCII. */
static struct str raw_field(const struct hl7 *m, struct str msh, size_t n)
{
    struct str field = STR_NULL, rest = msh;
    for (size_t i = 0; i < n; i++)
        field = str_cut(rest, m->field, &rest);
    return field;
}

static int charset_of(struct hl7 *m, struct str msh, const struct hl7_limits *l,
                      struct diag *d)
{
    struct str rest, name = raw_field(m, msh, 18);
    int err;
    if (m->repetition)
        name = str_cut(name, m->repetition, &rest);
    else
        rest = STR_NULL;
    m->charset = l->charset;
    /* A second repetition announces ISO 2022 escapes in the text: not read. */
    err = rest.n    ? AM_E_UNSUPPORTED
          : !name.n ? AM_OK
                    : hl7_charset_named(name, &m->charset);
    if (err)
        diag_err(d, "MSH[1]-18", "hl7.charset", "%s",
                 rest.n ? "character sets that change within a message are not read"
                        : "not a character set that is read");
    return err;
}

/* ---- segments ---- */
static int too_big(struct diag *d, const char *what, size_t most)
{
    diag_err(d, "", "hl7.toobig", "%s: at most %zu", what, most);
    return AM_E_TOOBIG;
}

static bool name_ok(struct str s)
{
    for (size_t i = 0; i < 3; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (i && s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return true;
}

static int add_cell(struct hl7 *m, struct hl7_seg *g, size_t from, size_t to,
                    struct diag *d)
{
    struct hl7_cell c = {g->at + (uint32_t)from, (uint32_t)(to - from)};
    if (g->n_fields == HL7_FIELDS)
        return too_big(d, "fields of a segment", HL7_FIELDS);
    if (m->cell.n == HL7_CELLS)
        return too_big(d, "fields of a message", HL7_CELLS);
    if (vec_push(&m->cell, c))
        return AM_E_NOMEM;
    g->n_fields++;
    return AM_OK;
}

static int add_segment(struct hl7 *m, struct str line, struct diag *d)
{
    struct hl7_seg g = {.at = (uint32_t)(line.p - m->text.p),
                        .n = (uint32_t)line.n,
                        .first = (uint32_t)m->cell.n};
    size_t from = 3;
    int err = AM_OK;
    bool header = m->seg.n == 0;
    if (line.n < 3 || !name_ok(line) || (line.n > 3 && line.p[3] != m->field)) {
        char place[40];
        snprintf(place, sizeof place, "segment %zu", m->seg.n + 1);
        diag_err(d, place, "hl7.segment",
                 "a segment is three letters, then the separator");
        return AM_E_SYNTAX;
    }
    if (!header && !memcmp(line.p, "MSH", 3))
        return bad_header(d, "hl7.msh", "one MSH, at the beginning");
    if (m->seg.n == HL7_SEGMENTS)
        return too_big(d, "segments", HL7_SEGMENTS);
    if (header)
        err = add_cell(m, &g, 3, 4, d); /* MSH-1 is the separator itself */
    while (!err && from < line.n) {     /* from: at a separator */
        size_t to = from + 1;
        while (to < line.n && line.p[to] != m->field)
            to++;
        err = add_cell(m, &g, from + 1, to, d);
        from = to;
    }
    return err ? err : vec_push(&m->seg, g);
}

static int segments(struct hl7 *m, struct diag *d)
{
    struct lines l = {buf_str(&m->text)};
    struct str line;
    int err = AM_OK;
    while (!err && next_line(&l, &line))
        err = add_segment(m, line, d);
    return err;
}

/* NUL and its like are in no field of any type; tab stands in texts of some systems. */
static int no_controls(struct str s, struct diag *d)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && !strchr("\r\n\t", s.p[i] ? s.p[i] : 1)) {
            diag_err(d, "", "hl7.control", "a control character at byte %zu", i + 1);
            return AM_E_SYNTAX;
        }
    return AM_OK;
}

static int decode(struct hl7 *m, struct str text, struct diag *d)
{
    size_t bad = 0;
    int err = hl7_to_utf8(&m->text, m->charset, text, &bad);
    if (err == AM_E_SYNTAX)
        diag_err(d, "", "hl7.charset", "byte %zu is no character of the set of MSH-18",
                 bad + 1);
    return err == AM_E_TOOBIG ? too_big(d, "bytes", HL7_SIZE) : err;
}

static int parse(struct hl7 *m, struct str text, const struct hl7_limits *l,
                 struct diag *d)
{
    struct lines lines;
    struct str msh;
    int err;
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_sub(text, 3, text.n);
    lines.rest = text;
    if (!next_line(&lines, &msh)) {
        diag_err(d, "", "hl7.empty", "no message");
        return AM_E_SYNTAX;
    }
    err = delimiters(m, msh, d);
    if (!err)
        err = no_controls(text, d);
    if (!err)
        err = charset_of(m, msh, l, d);
    if (!err)
        err = decode(m, text, d);
    return err ? err : segments(m, d);
}

int hl7_parse(struct hl7 **out, struct str text, const struct hl7_limits *limits,
              struct diag *d)
{
    struct hl7_limits l = limits ? *limits : (struct hl7_limits){0};
    struct hl7 *m;
    int err;
    if (!l.size_b || l.size_b > HL7_SIZE)
        l.size_b = HL7_SIZE;
    if (text.n > l.size_b)
        return too_big(d, "bytes", l.size_b);
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    buf_init(&m->text, 3 * (size_t)HL7_SIZE);
    err = parse(m, text, &l, d);
    if (err)
        hl7_free(m);
    else
        *out = m;
    return err;
}

void hl7_free(struct hl7 *m)
{
    if (!m)
        return;
    buf_release(&m->text);
    vec_release(&m->seg);
    vec_release(&m->cell);
    free(m);
}

/* ---- what is in it ---- */
enum hl7_charset hl7_charset_of(const struct hl7 *m)
{
    return m->charset;
}

size_t hl7_segments(const struct hl7 *m)
{
    return m->seg.n;
}

struct str hl7_segment_name(const struct hl7 *m, size_t segment)
{
    am_assert(segment < m->seg.n);
    return (struct str){m->text.p + m->seg.v[segment].at, 3};
}

int hl7_segment(const struct hl7 *m, struct str name, size_t n, size_t *segment)
{
    for (size_t i = 0; i < m->seg.n; i++)
        if (str_eq(hl7_segment_name(m, i), name) && n-- == 1) {
            *segment = i;
            return AM_OK;
        }
    return AM_E_NOTFOUND;
}

size_t hl7_fields(const struct hl7 *m, size_t segment)
{
    am_assert(segment < m->seg.n);
    return m->seg.v[segment].n_fields;
}

struct str hl7_field(const struct hl7 *m, size_t segment, size_t field)
{
    const struct hl7_cell *c;
    am_assert(segment < m->seg.n);
    if (field < 1 || field > m->seg.v[segment].n_fields)
        return STR_NULL;
    c = &m->cell.v[m->seg.v[segment].first + field - 1];
    return (struct str){m->text.p + c->at, c->n};
}

/* Out of the parts, not a copy of the lines: that all of them were found is what I1
 * tells. */
static int write_segment(const struct hl7 *m, size_t i, struct buf *out)
{
    size_t first = i == 0 ? 2 : 1; /* MSH-1 is written as the separator before MSH-2 */
    int err = buf_add(out, hl7_segment_name(m, i));
    for (size_t f = first; !err && f <= hl7_fields(m, i); f++) {
        err = buf_addc(out, m->field);
        if (!err)
            err = buf_add(out, hl7_field(m, i, f));
    }
    return err ? err : buf_addc(out, '\r');
}

int hl7_write(const struct hl7 *m, struct buf *out)
{
    size_t before = out->n;
    int err = AM_OK;
    for (size_t i = 0; !err && i < m->seg.n; i++)
        err = write_segment(m, i, out);
    if (err)
        buf_cut(out, before);
    return err;
}
