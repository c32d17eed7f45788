/* SPDX-License-Identifier: Apache-2.0 */
/* json_write -- the streaming writer. The first error sticks and silences the rest. */
#include <math.h>

#include "json/json_priv.h"

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){.out = out};
}

void jw_pretty(struct jw *w)
{
    w->pretty = true;
}

int jw_done(struct jw *w)
{
    am_assert(w->depth == 0 && !w->key);
    return w->err;
}

static void jw_put(struct jw *w, struct str s)
{
    if (!w->err)
        w->err = buf_add(w->out, s);
}

static void jw_newline(struct jw *w)
{
    jw_put(w, STR("\n"));
    for (unsigned i = 0; i < w->depth; i++)
        jw_put(w, STR("  "));
}

/* What stands between the last thing written and the next one. */
static void jw_before(struct jw *w)
{
    if (w->key) {
        w->key = false;
    } else {
        if (w->comma)
            jw_put(w, STR(","));
        if (w->pretty && w->depth)
            jw_newline(w);
    }
    w->comma = true;
}

static void jw_open(struct jw *w, struct str bracket)
{
    jw_before(w);
    jw_put(w, bracket);
    w->depth++;
    w->comma = false;
}

static void jw_close(struct jw *w, struct str bracket)
{
    am_assert(w->depth > 0 && !w->key);
    w->depth--;
    if (w->pretty && w->comma)
        jw_newline(w);
    jw_put(w, bracket);
    w->comma = true;
}

void jw_obj(struct jw *w)
{
    jw_open(w, STR("{"));
}

void jw_obj_end(struct jw *w)
{
    jw_close(w, STR("}"));
}

void jw_arr(struct jw *w)
{
    jw_open(w, STR("["));
}

void jw_arr_end(struct jw *w)
{
    jw_close(w, STR("]"));
}

/* Appends the escape of c. */
static int json_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "btn\0fr"; /* 0x08 .. 0x0D but 0x0B */
    char esc[7] = {'\\', (char)c, 0};
    if (c >= 8 && c <= 13 && c != 11)
        esc[1] = shorts[c - 8];
    else if (c < 0x20)
        memcpy(esc + 1, (char[]){'u', '0', '0', hex[c >> 4], hex[c & 15], 0}, 6);
    return buf_adds(out, esc);
}

int json_quote(struct buf *out, struct str s)
{
    size_t from = 0;
    int err = buf_reserve(out, s.n + 2); /* enough for nearly all strings */
    if (!err)
        err = buf_addc(out, '"');
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        err = buf_add(out, str_sub(s, from, i));
        if (!err)
            err = json_escape(out, c);
        from = i + 1;
    }
    if (!err)
        err = buf_add(out, str_sub(s, from, s.n));
    return err ? err : buf_addc(out, '"');
}

static void jw_quoted(struct jw *w, struct str s)
{
    if (w->err)
        return;
    w->err = str_utf8(s) ? json_quote(w->out, s) : AM_E_INVALID;
}

void jw_keyn(struct jw *w, struct str key)
{
    am_assert(w->depth > 0 && !w->key);
    jw_before(w);
    jw_quoted(w, key);
    jw_put(w, w->pretty ? STR(": ") : STR(":"));
    w->key = true;
}

void jw_key(struct jw *w, const char *key)
{
    jw_keyn(w, str_c(key));
}

void jw_str(struct jw *w, struct str s)
{
    jw_before(w);
    jw_quoted(w, s);
}

void jw_strz(struct jw *w, const char *z)
{
    if (z)
        jw_str(w, str_c(z));
    else
        jw_null(w);
}

/* What is short needs no memory of its own: an answer whose place was kept is written
 * whole even when there is none left. */
void jw_strf(struct jw *w, const char *fmt, ...)
{
    char small[256];
    struct buf tmp;
    va_list ap;
    int n, err;
    va_start(ap, fmt);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof small) {
        jw_str(w, (struct str){small, (size_t)n});
        return;
    }
    buf_init(&tmp, w->out->max);
    va_start(ap, fmt);
    err = buf_addv(&tmp, fmt, ap);
    va_end(ap);
    if (err && !w->err)
        w->err = err;
    jw_str(w, buf_str(&tmp));
    buf_release(&tmp);
}

void jw_int(struct jw *w, int64_t i)
{
    char z[24];
    int n = snprintf(z, sizeof z, "%lld", (long long)i);
    jw_before(w);
    jw_put(w, (struct str){z, (size_t)n});
}

/* From 2^53 to 1e21 ECMAScript pads the digits with zeros: an integer, but another one
 * than the double is. With an exponent it reads back as the double it was. */
static size_t jw_large(double v, char z[JSON_NUM])
{
    char digits[64];
    int point, n = (int)json_num_digits(v, digits, &point);
    return (size_t)snprintf(z, JSON_NUM, "%s%c%s%.*se+%d", v < 0 ? "-" : "", digits[0],
                            n > 1 ? "." : "", n - 1, digits + 1, point - 1);
}

void jw_num(struct jw *w, double v)
{
    char z[JSON_NUM];
    size_t n;
    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    n = fabs(v) >= 0x1p53 && fabs(v) < 1e21 ? jw_large(v, z) : json_num_format(v, z);
    jw_before(w);
    jw_put(w, (struct str){z, n});
}

void jw_bool(struct jw *w, bool v)
{
    jw_before(w);
    jw_put(w, v ? STR("true") : STR("false"));
}

void jw_null(struct jw *w)
{
    jw_before(w);
    jw_put(w, STR("null"));
}

void jw_raw(struct jw *w, struct str json)
{
    jw_before(w);
    jw_put(w, json);
}

/* Integers keep all their digits, whatever their size; raw numbers their text. */
static void jw_number(struct jw *w, const struct json *v)
{
    struct json_number n = json_number(v);
    if (n.text.p) {
        jw_raw(w, n.text);
    } else if (n.kind == JSON_NUM_REAL) {
        jw_num(w, n.real);
    } else {
        char z[24];
        int len = snprintf(z, sizeof z, "%s%llu", n.kind == JSON_NUM_NEG ? "-" : "",
                           (unsigned long long)n.mag);
        jw_raw(w, (struct str){z, (size_t)len});
    }
}

static void jw_copy(struct jw *w, struct str key, const struct json *v, jw_text_fn *fn,
                    void *arg)
{
    switch (json_type(v)) {
    case JSON_BOOL:
        jw_bool(w, json_bool(v, false));
        break;
    case JSON_NUMBER:
        jw_number(w, v);
        break;
    case JSON_STRING:
        jw_str(w, fn ? fn(arg, key, json_str(v)) : json_str(v));
        break;
    case JSON_ARRAY:
        jw_arr(w);
        for (json_each(it, v))
            jw_copy(w, key, it.val, fn, arg);
        jw_arr_end(w);
        break;
    case JSON_OBJECT:
        jw_obj(w);
        for (json_each(it, v)) {
            jw_keyn(w, it.key);
            jw_copy(w, it.key, it.val, fn, arg);
        }
        jw_obj_end(w);
        break;
    default:
        jw_null(w);
    }
}

void jw_val(struct jw *w, const struct json *v)
{
    jw_copy(w, STR_NULL, v, NULL, NULL);
}

void jw_val_texts(struct jw *w, const struct json *v, jw_text_fn *fn, void *arg)
{
    jw_copy(w, STR_NULL, v, fn, arg);
}

void jw_kstr(struct jw *w, const char *key, struct str s)
{
    jw_key(w, key);
    jw_str(w, s);
}

void jw_kstrz(struct jw *w, const char *key, const char *z)
{
    jw_key(w, key);
    jw_strz(w, z);
}

void jw_kint(struct jw *w, const char *key, int64_t i)
{
    jw_key(w, key);
    jw_int(w, i);
}

void jw_knum(struct jw *w, const char *key, double v)
{
    jw_key(w, key);
    jw_num(w, v);
}

void jw_kbool(struct jw *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

void jw_kval(struct jw *w, const char *key, const struct json *v)
{
    jw_key(w, key);
    jw_val(w, v);
}
