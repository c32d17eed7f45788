/* SPDX-License-Identifier: Apache-2.0 */
/* json_canon -- RFC 8785 (JCS), the bytes that are hashed and signed.
 *
 * Numbers go through a double, so an integer a double cannot hold exactly is refused; so
 * is a double that prints as such an integer (2^53 <= |v| < 1e21), or else the canonical
 * text could not be read back and canonicalised again. */
#include <math.h>

#include "base/vec.h"
#include "json/json_priv.h"

#define JSON_INT_MAX 9007199254740991.0 /* 2^53 - 1 */

struct json_member {
    struct str key;
    const struct json *val;
};
struct json_canon {
    struct buf *out;
    VEC(struct json_member) member; /* a stack: members of all open objects */
};

/* Digits (no leading or trailing zeros) and decimal exponent: value = 0.digits *
 * 10^point, taken from yyjson's shortest form "123.45e-7". */
static size_t json_digits(const char *z, size_t n, char *digits, int *point)
{
    size_t k = 0, lead = 0;
    int exp = 0, whole = 0;
    bool dot = false;
    for (size_t i = 0; i < n; i++) {
        if (z[i] == 'e' || z[i] == 'E') {
            exp = (int)strtol(z + i + 1, NULL, 10);
            break;
        }
        if (z[i] == '.') {
            dot = true;
        } else if (z[i] != '-') {
            digits[k++] = z[i];
            whole += !dot;
        }
    }
    while (lead + 1 < k && digits[lead] == '0')
        lead++;
    while (k > lead + 1 && digits[k - 1] == '0')
        k--;
    memmove(digits, digits + lead, k - lead);
    *point = whole - (int)lead + exp;
    return k - lead;
}

/* ECMA-262, Number::toString(x, 10), steps 6 to 10: n is the position of the point, k the
 * number of digits. */
static size_t json_es_layout(char *out, const char *digits, size_t k, int n)
{
    size_t len = 0;
    int ki = (int)k;
    if (n > 0 && n <= 21) {
        for (int i = 0; i < AM_MAX(n, ki); i++) {
            if (i == n)
                out[len++] = '.';
            out[len++] = i < ki ? digits[i] : '0';
        }
        return len;
    }
    if (n > -6 && n <= 0) {
        out[len++] = '0', out[len++] = '.';
        for (int i = n; i < 0; i++)
            out[len++] = '0';
        memcpy(out + len, digits, k);
        return len + k;
    }
    out[len++] = digits[0];
    if (k > 1) {
        out[len++] = '.';
        memcpy(out + len, digits + 1, k - 1);
        len += k - 1;
    }
    return len + (size_t)snprintf(out + len, 8, "e%c%d", n > 0 ? '+' : '-', abs(n - 1));
}

size_t json_num_digits(double v, char digits[64], int *point)
{
    char mem[512], *text;
    yyjson_val val = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = fabs(v)};
    yyjson_alc alc;
    size_t n;
    am_assert(yyjson_alc_pool_init(&alc, mem, sizeof mem));
    text = yyjson_val_write_opts(&val, YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
    am_assert(text && n < 64);
    return json_digits(text, n, digits, point);
}

size_t json_num_format(double v, char out[JSON_NUM])
{
    char digits[64];
    size_t n = 0, k;
    int point;
    am_assert(isfinite(v));
    if (v < 0)
        out[n++] = '-';
    if (v == trunc(v) && fabs(v) <= JSON_INT_MAX) { /* covers -0, which is "0" */
        n += (size_t)snprintf(out + n, JSON_NUM - n, "%llu", (unsigned long long)fabs(v));
        return n;
    }
    k = json_num_digits(v, digits, &point);
    n += json_es_layout(out + n, digits, k, point);
    out[n] = 0;
    return n;
}

/* RFC 8785 section 3.2.3: names sort by UTF-16 code units. That is UTF-8 byte order but
 * for the characters beyond U+FFFF, whose surrogates sort before U+E000..U+FFFF. */
static int json_utf16_cmp(const void *a, const void *b)
{
    const struct json_member *x = a, *y = b;
    size_t n = AM_MIN(x->key.n, y->key.n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)x->key.p[i], e = (unsigned char)y->key.p[i];
        if (c == e)
            continue;
        if (c >= 0xF0 && (e == 0xEE || e == 0xEF))
            return -1;
        if (e >= 0xF0 && (c == 0xEE || c == 0xEF))
            return 1;
        return c < e ? -1 : 1;
    }
    return (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

static int json_canon_number(struct buf *out, const struct json *v)
{
    struct json_number n = json_number(v);
    char z[JSON_NUM];
    if (n.kind == JSON_NUM_BIG || (fabs(n.real) > JSON_INT_MAX && fabs(n.real) < 1e21))
        return AM_E_INVALID;
    return buf_add(out, (struct str){z, json_num_format(n.real, z)});
}

/* Members in canonical order have strictly growing names. */
static bool json_in_order(const yyjson_val *last, const yyjson_val *key)
{
    struct json_member a, b;
    if (!last)
        return true;
    a.key = json_str(json_of(last));
    b.key = json_str(json_of(key));
    return json_utf16_cmp(&a, &b) < 0;
}

/* ---- matching a text with what would be written ---- */
static bool json_match_bytes(struct str *t, const char *p, size_t n)
{
    if (t->n < n || memcmp(t->p, p, n) != 0)
        return false;
    t->p += n;
    t->n -= n;
    return true;
}

static bool json_match_str(struct str *t, struct str s)
{
    struct buf b;
    bool same;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_init(&b, SIZE_MAX / 2); /* escapes are rare: written, then compared */
        same = json_quote(&b, s) == AM_OK && json_match_bytes(t, b.p, b.n);
        buf_release(&b);
        return same;
    }
    return json_match_bytes(t, "\"", 1) && json_match_bytes(t, s.p, s.n) &&
           json_match_bytes(t, "\"", 1);
}

static bool json_match_number(struct str *t, const struct json *v)
{
    struct json_number n = json_number(v);
    char z[JSON_NUM];
    if (n.kind == JSON_NUM_BIG || (fabs(n.real) > JSON_INT_MAX && fabs(n.real) < 1e21))
        return false;
    return json_match_bytes(t, z, json_num_format(n.real, z));
}

static bool json_match(struct str *t, yyjson_val *v)
{
    size_t i, max;
    yyjson_val *key, *val, *last = NULL;
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_NULL:
        return json_match_bytes(t, "null", 4);
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_get_bool(v) ? json_match_bytes(t, "true", 4)
                                         : json_match_bytes(t, "false", 5);
    case YYJSON_TYPE_NUM:
    case YYJSON_TYPE_RAW:
        return json_match_number(t, json_of(v));
    case YYJSON_TYPE_STR:
        return json_match_str(t, json_str(json_of(v)));
    case YYJSON_TYPE_ARR:
        if (!json_match_bytes(t, "[", 1))
            return false;
        yyjson_arr_foreach(v, i, max, val)
        {
            if ((i && !json_match_bytes(t, ",", 1)) || !json_match(t, val))
                return false;
        }
        return json_match_bytes(t, "]", 1);
    case YYJSON_TYPE_OBJ:
        if (!json_match_bytes(t, "{", 1))
            return false;
        yyjson_obj_foreach(v, i, max, key, val)
        {
            if ((i && !json_match_bytes(t, ",", 1)) || !json_in_order(last, key) ||
                !json_match_str(t, json_str(json_of(key))) ||
                !json_match_bytes(t, ":", 1) || !json_match(t, val))
                return false;
            last = key;
        }
        return json_match_bytes(t, "}", 1);
    default:
        return false;
    }
}

/* A value whose members stand in another order is written and compared: it is never one
 * that was read from a canonical text, and those are what must be fast. */
static bool json_match_written(struct str *t, const struct json *v)
{
    struct buf b;
    bool same;
    buf_init(&b, SIZE_MAX / 2);
    same = json_canon(&b, v) == AM_OK && json_match_bytes(t, b.p, b.n);
    buf_release(&b);
    return same;
}

bool json_canon_match(const struct json *v, struct str *text)
{
    struct str t = *text;
    if (!json_match(&t, json_yy(v))) {
        t = *text;
        if (!json_match_written(&t, v))
            return false;
    }
    *text = t;
    return true;
}

static int json_canon_any(struct json_canon *c, const struct json *v);

static int json_canon_obj(struct json_canon *c, const struct json *v)
{
    size_t from = c->member.n, n = json_size(v);
    bool sorted = true;
    int err = buf_addc(c->out, '{');
    for (json_each(it, v)) {
        struct json_member m = {it.key, it.val};
        if (it.i && sorted)
            sorted = json_utf16_cmp(&c->member.v[c->member.n - 1], &m) < 0;
        if (vec_push(&c->member, m))
            return AM_E_NOMEM;
    }
    if (!sorted)
        qsort(c->member.v + from, n, sizeof *c->member.v, json_utf16_cmp);
    for (size_t i = 0; i < n && !err; i++) {
        struct json_member m = c->member.v[from + i]; /* the stack may move below */
        if (i)
            err = buf_addc(c->out, ',');
        if (!err)
            err = json_quote(c->out, m.key);
        if (!err)
            err = buf_addc(c->out, ':');
        if (!err)
            err = json_canon_any(c, m.val);
    }
    c->member.n = from;
    return err ? err : buf_addc(c->out, '}');
}

static int json_canon_arr(struct json_canon *c, const struct json *v)
{
    int err = buf_addc(c->out, '[');
    for (json_each(it, v)) {
        if (it.i && !err)
            err = buf_addc(c->out, ',');
        if (!err)
            err = json_canon_any(c, it.val);
        if (err)
            return err;
    }
    return err ? err : buf_addc(c->out, ']');
}

static int json_canon_any(struct json_canon *c, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_BOOL:
        return buf_adds(c->out, json_bool(v, false) ? "true" : "false");
    case JSON_NUMBER:
        return json_canon_number(c->out, v);
    case JSON_STRING:
        return json_quote(c->out, json_str(v));
    case JSON_ARRAY:
        return json_canon_arr(c, v);
    case JSON_OBJECT:
        return json_canon_obj(c, v);
    case JSON_NULL:
        return buf_adds(c->out, "null");
    default:
        return AM_E_INVALID; /* nothing has no canonical form */
    }
}

int json_canon(struct buf *out, const struct json *v)
{
    struct json_canon c = {.out = out};
    size_t before = out->n;
    int err = json_canon_any(&c, v);
    vec_release(&c.member);
    if (err)
        buf_cut(out, before);
    return err;
}

int json_canon_text(struct buf *out, struct str text, struct diag *d)
{
    struct json_doc *doc;
    int err = json_parse(&doc, text, NULL, d);
    if (err)
        return err;
    err = json_canon(out, json_root(doc));
    if (err == AM_E_INVALID)
        diag_err(d, "", "json.canon", "an integer beyond 2^53-1 has no canonical form");
    json_free(doc);
    return err;
}
