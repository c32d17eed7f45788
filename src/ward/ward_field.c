/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the fields of a form: numbers as people write them here, clocks of this
 * machine's zone, texts without controls. */
#include "ward/ward_form_priv.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* ---- one field by its name ---- */
size_t ward_field_at(const struct ward_entry *e, const char *name)
{
    size_t i = 0;
    while (i < e->form->n && strcmp(e->form->field[i].name, name) != 0)
        i++;
    am_assert(i < e->form->n);
    return i;
}

struct str ward_field_value(const struct ward_entry *e, const char *name)
{
    return e->value[ward_field_at(e, name)];
}

void ward_field_text(const struct ward_entry *e, const char *name, char *out, size_t n)
{
    snprintf(out, n, "%.*s", STR_FMT(ward_field_value(e, name)));
}

const char *ward_field_number(const struct ward_entry *e, const char *name)
{
    return e->number[ward_field_at(e, name)];
}

double ward_field_double(const struct ward_entry *e, const char *name)
{
    double x = NAN;
    const char *s = ward_field_number(e, name);
    return *s && !str_double(str_c(s), &x) ? x : NAN;
}

void ward_field_error(struct ward_entry *e, const char *name, const char *word)
{
    size_t i = ward_field_at(e, name);
    if (!e->error[i])
        e->error[i] = word;
}

void ward_field_doubt(struct ward_entry *e, const char *name)
{
    e->doubt[ward_field_at(e, name)] = true;
}

bool ward_fields_wrong(const struct ward_entry *e)
{
    for (size_t i = 0; i < e->form->n; i++)
        if (e->error[i])
            return true;
    return false;
}

bool ward_fields_doubt(const struct ward_entry *e)
{
    for (size_t i = 0; i < e->form->n; i++)
        if (e->doubt[i])
            return true;
    return false;
}

/* ---- numbers ---- */
/* The digit or '.' that s begins with, its bytes in *n; 0: neither. Arabic-Indic digits
 * are U+0660 to U+0669, extended ones U+06F0 to U+06F9, their decimal sign U+066B. */
static char number_sign(struct str s, size_t *n)
{
    const unsigned char *p = (const unsigned char *)s.p;
    *n = 1;
    if (p[0] >= '0' && p[0] <= '9')
        return s.p[0];
    if (p[0] == '.' || p[0] == ',')
        return '.';
    *n = 2;
    if (s.n < 2)
        return 0;
    if (p[0] == 0xd9 && p[1] >= 0xa0 && p[1] <= 0xa9)
        return (char)('0' + (p[1] - 0xa0));
    if (p[0] == 0xdb && p[1] >= 0xb0 && p[1] <= 0xb9)
        return (char)('0' + (p[1] - 0xb0));
    return p[0] == 0xd9 && p[1] == 0xab ? '.' : 0;
}

char ward_digit(struct str s, size_t *n)
{
    char c = number_sign(s, n);
    return c == '.' ? 0 : c;
}

bool ward_number(struct str s, int decimals, char out[WARD_DIGITS])
{
    size_t n = 0, step, whole = 0;
    int after = -1; /* decimals so far; -1: no sign yet */
    out[0] = 0;
    for (size_t i = 0; i < s.n; i += step) {
        char c = number_sign(str_sub(s, i, s.n), &step);
        if (!c || n == 12 || (c == '.' && (after >= 0 || !whole)))
            goto no;
        if (c == '.')
            after = 0;
        else if (after >= 0)
            after++;
        else
            whole++;
        if (c != '.' && after < 0 && n == 1 && out[0] == '0')
            n = 0; /* JSON has no leading zeros */
        out[n++] = c;
    }
    if (!whole || after == 0 || after > decimals)
        goto no;
    out[n] = 0;
    return true;
no:
    out[0] = 0;
    return false;
}

/* ---- clocks ---- */
static int64_t clock_offset(int64_t at)
{
    time_t t = (time_t)(at / TIME_SECOND);
    struct tm tm;
    return localtime_r(&t, &tm) ? (int64_t)tm.tm_gmtoff * TIME_SECOND : 0;
}

static void clock_zone(int64_t offset, char out[WARD_INSTANT])
{
    int64_t m = (offset < 0 ? -offset : offset) / (60 * TIME_SECOND);
    snprintf(out, WARD_INSTANT, "%c%02d:%02d", offset < 0 ? '-' : '+', (int)(m / 60 % 24),
             (int)(m % 60));
}

int ward_clock(struct str s, int64_t *at, char out[WARD_INSTANT])
{
    char text[WARD_INSTANT], zone[WARD_INSTANT];
    int64_t civil, when;
    out[0] = 0;
    if (s.n != 16 || s.p[10] != 'T')
        return AM_E_SYNTAX;
    snprintf(text, sizeof text, "%.*s:00Z", STR_FMT(s));
    if (time_parse(str_c(text), &civil))
        return AM_E_SYNTAX;
    when = civil - clock_offset(civil - clock_offset(civil));
    if (when + clock_offset(when) != civil)
        return AM_E_SYNTAX; /* no clock showed it: the hour that was skipped */
    clock_zone(clock_offset(when), zone);
    snprintf(out, WARD_INSTANT, "%.16s:00%.6s", text, zone);
    *at = when;
    return AM_OK;
}

void ward_clock_now(int64_t now, char out[WARD_INSTANT], char zone[WARD_INSTANT])
{
    char text[TIME_TEXT], shift[WARD_INSTANT];
    int64_t offset = clock_offset(now);
    time_format(now + offset, text);
    snprintf(out, WARD_INSTANT, "%.16s", text);
    if (zone) {
        clock_zone(offset, shift);
        snprintf(zone, WARD_INSTANT, "UTC%.6s", shift);
    }
}

/* ---- what was sent ---- */
/* Text without controls, of direction too: they would rearrange a chart. */
static bool text_ok(struct str s, bool lines)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == 0x7f || (c < ' ' && !(lines && (c == '\n' || c == '\r' || c == '\t'))) ||
            ward_direction(str_sub(s, i, s.n)))
            return false;
    }
    return str_utf8(s);
}

static bool choice_ok(struct str s, const char *choices)
{
    struct str left = str_c(choices);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), s))
            return true;
    return false;
}

/* A browser ends lines with \r\n; \r is no sign of a page, and would come back as
 * another. */
static int field_lines(struct ward_entry *e, struct str *s)
{
    size_t n = 0;
    char *own;
    if (!memchr(s->p, '\r', s->n))
        return AM_OK;
    own = arena_dup(e->f.v->req->arena, *s);
    if (!own)
        return AM_E_NOMEM;
    for (size_t i = 0; i < s->n; i++) {
        bool ended = i + 1 < s->n && s->p[i + 1] == '\n';
        if (s->p[i] != '\r')
            own[n++] = s->p[i];
        else if (!ended)
            own[n++] = '\n';
    }
    *s = (struct str){own, n};
    return AM_OK;
}

int ward_fields_read(struct ward_entry *e)
{
    int err = AM_OK;
    for (size_t i = 0; i < e->form->n && !err; i++) {
        struct str sent;
        if (http_form_value(e->f.v->req, e->form->field[i].name, &sent) == AM_E_NOMEM)
            return AM_E_NOMEM; /* a figure without its sign is another figure */
        e->value[i] = str_trim(sent.p ? web_text_or(sent) : STR(""));
        if (e->form->field[i].kind == WARD_AREA && e->value[i].n)
            err = field_lines(e, &e->value[i]);
    }
    return err;
}

int ward_field_set(struct ward_entry *e, const char *name, struct str value)
{
    char *own = arena_dup(e->f.v->req->arena, web_text_or(value));
    if (!own)
        return AM_E_NOMEM;
    e->value[ward_field_at(e, name)] = str_c(own);
    return AM_OK;
}

static void field_number(struct ward_entry *e, size_t i)
{
    const struct ward_field *x = &e->form->field[i];
    double v = 0;
    if (!ward_number(e->value[i], x->decimals, e->number[i]) ||
        str_double(str_c(e->number[i]), &v)) {
        e->number[i][0] = 0;
        e->error[i] = x->decimals ? "ward_e.number" : "ward_e.whole";
    } else if (x->hi > 0 && (v < x->lo || v > x->hi)) {
        e->error[i] = "ward_e.range";
    } else if (x->usual_hi > 0 && (v < x->usual_lo || v > x->usual_hi)) {
        e->doubt[i] = true;
    }
}

static void field_clock(struct ward_entry *e, size_t i)
{
    int64_t at = 0, now = e->f.v->now;
    if (ward_clock(e->value[i], &at, e->instant[i]))
        e->error[i] = "ward_e.clock";
    else if (at > now + 60 * TIME_SECOND)
        e->error[i] = "ward_e.future";
    else if (at < now - 366 * TIME_DAY)
        e->error[i] = "ward_e.long_ago";
    else if (at < now - TIME_DAY)
        e->doubt[i] = true;
}

enum { AHEAD_DAYS = 731 };
static void field_ahead(struct ward_entry *e, size_t i)
{
    int64_t at = 0, now = e->f.v->now;
    if (ward_clock(e->value[i], &at, e->instant[i]))
        e->error[i] = "ward_e.clock";
    else if (at < now)
        e->error[i] = "ward_e.past";
    else if (at > now + AHEAD_DAYS * TIME_DAY)
        e->error[i] = "ward_e.far";
}

static void field_check(struct ward_entry *e, size_t i)
{
    const struct ward_field *x = &e->form->field[i];
    struct str s = e->value[i];
    if (!s.n)
        e->error[i] = x->required ? "ward_e.required" : NULL;
    else if (s.n > (x->kind == WARD_AREA ? (size_t)WARD_AREA_MAX : (size_t)WARD_LINE_MAX))
        e->error[i] = "ward_e.long";
    else if (!text_ok(s, x->kind == WARD_AREA))
        e->error[i] = "ward_e.text";
    else if (x->kind == WARD_CHOICE && !choice_ok(s, x->choices))
        e->error[i] = "ward_e.choice";
    else if (x->kind == WARD_NUMBER)
        field_number(e, i);
    else if (x->kind == WARD_CLOCK)
        field_clock(e, i);
    else if (x->kind == WARD_AHEAD)
        field_ahead(e, i);
}

void ward_fields_check(struct ward_entry *e)
{
    for (size_t i = 0; i < e->form->n; i++)
        field_check(e, i);
    if (!ward_fields_wrong(e) && e->form->check)
        e->form->check(e);
}
