/* SPDX-License-Identifier: Apache-2.0 */
/* json_value -- looking at a parsed value. Absent and wrong types answer quietly. */
#include <math.h>

#include "json/json_priv.h"

enum { JSON_SORT_FROM = 64 }; /* members from which equality sorts instead of searching */

enum json_type json_type(const struct json *v)
{
    switch (yyjson_get_type(json_yy(v))) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_NUM:
    case YYJSON_TYPE_RAW: /* an integer beyond 64 bits, or raw_numbers */
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const struct json *json_getn(const struct json *obj, struct str key)
{
    return key.p ? json_of(yyjson_obj_getn(json_yy(obj), key.p, key.n)) : NULL;
}

const struct json *json_get(const struct json *obj, const char *key)
{
    return json_getn(obj, str_c(key));
}

const struct json *json_at(const struct json *arr, size_t i)
{
    return json_of(yyjson_arr_get(json_yy(arr), i));
}

size_t json_size(const struct json *v)
{
    return yyjson_is_ctn(json_yy(v)) ? yyjson_get_len(json_yy(v)) : 0;
}

struct str json_str(const struct json *v)
{
    yyjson_val *y = json_yy(v);
    return yyjson_is_str(y) ? (struct str){yyjson_get_str(y), yyjson_get_len(y)}
                            : STR_NULL;
}

struct str json_get_str(const struct json *obj, const char *key)
{
    return json_str(json_get(obj, key));
}

bool json_str_is(const struct json *v, const char *z)
{
    return z && json_type(v) == JSON_STRING && str_eqc(json_str(v), z);
}

bool json_bool(const struct json *v, bool otherwise)
{
    return json_type(v) == JSON_BOOL ? yyjson_get_bool(json_yy(v)) : otherwise;
}

struct str json_num_text(const struct json *v)
{
    yyjson_val *y = json_yy(v);
    return yyjson_is_raw(y) ? (struct str){yyjson_get_raw(y), yyjson_get_len(y)}
                            : STR_NULL;
}

/* A token of JSON's grammar as the kind yyjson would have given it. */
static struct json_number json_number_raw(struct str t)
{
    struct json_number n = {.kind = JSON_NUM_UINT, .text = t};
    bool neg = t.p[0] == '-';
    uint64_t most = neg ? UINT64_C(1) << 63 : UINT64_MAX;
    for (size_t i = neg; i < t.n; i++) {
        unsigned digit = (unsigned)(t.p[i] - '0');
        if (digit > 9) { /* a point or an exponent: no integer as written */
            n.kind = JSON_NUM_REAL;
            break;
        }
        if (n.mag > (most - digit) / 10)
            n.kind = JSON_NUM_BIG;
        n.mag = n.mag * 10 + digit;
    }
    if (n.kind == JSON_NUM_UINT) {
        n.kind = neg && n.mag ? JSON_NUM_NEG : JSON_NUM_UINT;
        n.real = neg ? 0 - (double)n.mag : (double)n.mag;
    } else {
        n.mag = 0;
        n.real = strtod(t.p, NULL); /* yyjson ends raw text with NUL */
    }
    return n;
}

struct json_number json_number(const struct json *v)
{
    yyjson_val *y = json_yy(v);
    struct json_number n = {0};
    if (yyjson_is_raw(y))
        return json_number_raw(json_num_text(v));
    if (yyjson_is_uint(y)) {
        n.kind = JSON_NUM_UINT;
        n.mag = yyjson_get_uint(y);
        n.real = (double)n.mag;
    } else if (yyjson_is_sint(y)) {
        n.kind = yyjson_get_sint(y) < 0 ? JSON_NUM_NEG : JSON_NUM_UINT;
        n.mag = n.kind == JSON_NUM_NEG ? 0 - (uint64_t)yyjson_get_sint(y)
                                       : (uint64_t)yyjson_get_sint(y);
        n.real = (double)yyjson_get_sint(y);
    } else {
        n.kind = JSON_NUM_REAL;
        n.real = yyjson_get_real(y);
    }
    return n;
}

double json_num(const struct json *v, double otherwise)
{
    return json_type(v) == JSON_NUMBER ? json_number(v).real : otherwise;
}

bool json_number_integral(const struct json *v)
{
    struct json_number n = json_number(v);
    return n.kind != JSON_NUM_REAL || trunc(n.real) == n.real;
}

/* The value as an int64, if it is one. 2^63 itself is a double, so the bounds are exact.
 */
static bool json_as_int(const struct json *v, int64_t *out)
{
    struct json_number n;
    if (json_type(v) != JSON_NUMBER)
        return false;
    n = json_number(v);
    switch (n.kind) {
    case JSON_NUM_UINT:
        *out = (int64_t)n.mag;
        return n.mag <= INT64_MAX;
    case JSON_NUM_NEG:
        *out = (int64_t)(0 - n.mag);
        return true;
    case JSON_NUM_REAL:
        if (trunc(n.real) != n.real || n.real < -0x1p63 || n.real >= 0x1p63)
            return false;
        *out = (int64_t)n.real;
        return true;
    default:
        return false;
    }
}

bool json_is_int(const struct json *v)
{
    int64_t i;
    return json_as_int(v, &i);
}

int64_t json_int(const struct json *v, int64_t otherwise)
{
    int64_t i;
    return json_as_int(v, &i) ? i : otherwise;
}

struct json_iter json_iter(const struct json *v)
{
    struct json_iter it = {.i = SIZE_MAX};
    if (json_size(v)) {
        it.priv[0] = v;
        it.priv[1] = unsafe_yyjson_get_first(json_yy(v));
    }
    return it;
}

bool json_next(struct json_iter *it)
{
    const struct json *ctn = it->priv[0];
    yyjson_val *at = json_yy(it->priv[1]);
    /* json_iter() leaves NULL unless it is a container with something in it */
    if (!ctn || it->i + 1 >= unsafe_yyjson_get_len(json_yy(ctn)))
        return false;
    it->i++; /* from SIZE_MAX to 0 the first time */
    if (unsafe_yyjson_get_type(json_yy(ctn)) == YYJSON_TYPE_OBJ) {
        it->key = (struct str){at->uni.str, unsafe_yyjson_get_len(at)};
        at++;
    }
    it->val = json_of(at);
    it->priv[1] = unsafe_yyjson_get_next(at);
    return true;
}

/* Digits of an integer token without sign compare by length, then by value: JSON allows
 * no leading zeros. */
static int json_big_cmp(struct str a, struct str b)
{
    bool na = a.p[0] == '-', nb = b.p[0] == '-';
    int c;
    if (na != nb)
        return na ? -1 : 1;
    c = a.n != b.n ? (a.n < b.n ? -1 : 1) : memcmp(a.p, b.p, a.n);
    return na ? -c : c;
}

struct str json_big_digits(double v, char mem[JSON_BIG_DIGITS])
{
    return (struct str){mem, (size_t)snprintf(mem, JSON_BIG_DIGITS, "%.0f", v)};
}

/* An integer beyond 64 bits against a double: beyond 2^53 doubles are whole. */
static int json_cmp_big_real(const struct json_number *big, double r)
{
    char mem[JSON_BIG_DIGITS];
    if (fabs(r) < 0x1p53)
        return big->real > 0 ? 1 : -1;
    return json_big_cmp(big->text, json_big_digits(r, mem));
}

/* An integer of at most 64 bits against a finite double, exactly. */
static int json_cmp_int_real(const struct json_number *i, double r)
{
    double whole = trunc(r);
    uint64_t mag;
    bool ineg = i->kind == JSON_NUM_NEG;
    if (fabs(whole) >= 0x1p64)
        return r > 0 ? -1 : 1;
    mag = (uint64_t)fabs(whole);
    if (ineg != (whole < 0)) {
        if (ineg)
            return -1; /* negative against zero or more */
        if (whole < 0)
            return 1;
    }
    if (i->mag != mag)
        return (i->mag < mag) != ineg ? -1 : 1;
    return (whole > r) - (whole < r);
}

int json_number_cmp(const struct json *a, const struct json *b)
{
    struct json_number x = json_number(a), y = json_number(b);
    if (x.kind == JSON_NUM_BIG && y.kind == JSON_NUM_BIG)
        return json_big_cmp(x.text, y.text);
    if (x.kind == JSON_NUM_REAL && y.kind == JSON_NUM_REAL)
        return (x.real > y.real) - (x.real < y.real);
    if (x.kind == JSON_NUM_BIG && y.kind == JSON_NUM_REAL)
        return json_cmp_big_real(&x, y.real);
    if (x.kind == JSON_NUM_REAL && y.kind == JSON_NUM_BIG)
        return -json_cmp_big_real(&y, x.real);
    if (x.kind == JSON_NUM_REAL)
        return -json_cmp_int_real(&y, x.real);
    if (y.kind == JSON_NUM_REAL)
        return json_cmp_int_real(&x, y.real);
    if (x.kind == JSON_NUM_BIG ||
        y.kind == JSON_NUM_BIG) /* beyond 64 bits: sign decides */
        return x.kind == JSON_NUM_BIG ? (x.real > 0 ? 1 : -1) : (y.real > 0 ? -1 : 1);
    if (x.kind != y.kind)
        return x.kind == JSON_NUM_NEG ? -1 : 1;
    if (x.mag == y.mag)
        return 0;
    return (x.mag < y.mag) == (x.kind == JSON_NUM_UINT) ? -1 : 1;
}

static int json_by_key(const void *a, const void *b)
{
    yyjson_val *const *x = a, *const *y = b;
    return str_cmp((struct str){(*x)->uni.str, unsafe_yyjson_get_len(*x)},
                   (struct str){(*y)->uni.str, unsafe_yyjson_get_len(*y)});
}

/* The keys of an object in byte order, or NULL when memory is short. */
static yyjson_val **json_sorted_keys(yyjson_val *obj)
{
    yyjson_val **key = am_malloc(unsafe_yyjson_get_len(obj) * sizeof(yyjson_val *));
    size_t idx, max;
    yyjson_val *k, *v;
    if (!key)
        return NULL;
    yyjson_obj_foreach(obj, idx, max, k, v) key[idx] = k;
    qsort(key, unsafe_yyjson_get_len(obj), sizeof(yyjson_val *), json_by_key);
    return key;
}

/* Large objects in different orders: sort both, so that a hostile pair costs n log n. */
static int json_equal_sorted(yyjson_val *a, yyjson_val *b, bool *equal)
{
    yyjson_val **x = json_sorted_keys(a), **y = json_sorted_keys(b);
    size_t n = unsafe_yyjson_get_len(a);
    int err = x && y ? AM_OK : AM_E_NOMEM;
    *equal = true;
    for (size_t i = 0; i < n && !err && *equal; i++)
        *equal = json_by_key(&x[i], &y[i]) == 0 &&
                 json_equal(json_of(x[i] + 1), json_of(y[i] + 1));
    free(x);
    free(y);
    return err;
}

static bool json_equal_obj(yyjson_val *a, yyjson_val *b)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(b);
    size_t idx, max;
    yyjson_val *k, *v;
    bool equal;
    if (unsafe_yyjson_get_len(a) >= JSON_SORT_FROM &&
        json_equal_sorted(a, b, &equal) == AM_OK)
        return equal;
    yyjson_obj_foreach(a, idx, max, k, v)
    {
        yyjson_val *other =
            yyjson_obj_iter_getn(&it, k->uni.str, unsafe_yyjson_get_len(k));
        if (!other || !json_equal(json_of(v), json_of(other)))
            return false;
    }
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    enum json_type t = json_type(a);
    if (t != json_type(b) || json_size(a) != json_size(b))
        return false;
    switch (t) {
    case JSON_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_NUMBER:
        return json_number_cmp(a, b) == 0;
    case JSON_STRING:
        return str_eq(json_str(a), json_str(b));
    case JSON_ARRAY: {
        struct json_iter y = json_iter(b);
        for (json_each(x, a))
            if (!json_next(&y) || !json_equal(x.val, y.val))
                return false;
        return true;
    }
    case JSON_OBJECT:
        return json_equal_obj(json_yy(a), json_yy(b));
    default:
        return true;
    }
}

uint32_t json_utf8_next(struct str s, size_t *i)
{
    unsigned char c = (unsigned char)s.p[*i];
    size_t k = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    uint32_t cp = c < 0x80 ? c : (uint32_t)(c & (0xFF >> (k + 1)));
    for (size_t j = 1; j < k && *i + j < s.n; j++)
        cp = cp << 6 | ((unsigned char)s.p[*i + j] & 0x3F);
    *i = AM_MIN(*i + k, s.n);
    return cp;
}

size_t json_utf8_count(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}
