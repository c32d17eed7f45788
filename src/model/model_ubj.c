/* SPDX-License-Identifier: Apache-2.0 */
/* UBJSON (draft 12) to JSON text, so that one reader serves both forms of an XGBoost
 * model. Strict: what libxgboost writes and nothing looser; every count is checked
 * against the bytes that are left before anything is done with it. Numbers keep their
 * value: a float32 is written with enough digits to come back. NaN and infinities become
 * null. */
#include <math.h>

#include "model/model_priv.h"

struct ubj {
    const uint8_t *p;
    size_t n, i;
    struct buf *out;
    struct diag *d;
    unsigned depth;
};

static int ubj_value(struct ubj *u, uint8_t type);

static int ubj_bad(struct ubj *u, const char *code, const char *detail)
{
    char path[32];
    snprintf(path, sizeof path, "byte %zu", u->i);
    diag_err(u->d, path, code, "%s", detail);
    return AM_E_INVALID;
}

static int ubj_byte(struct ubj *u, uint8_t *b)
{
    if (u->i >= u->n)
        return ubj_bad(u, "model.truncated", "the file ends here");
    *b = u->p[u->i++];
    return AM_OK;
}

static size_t ubj_width(uint8_t type)
{
    switch (type) {
    case 'i':
    case 'U':
    case 'C':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

/* Big-endian, sign-extended but for 'U'. */
static int ubj_bits(struct ubj *u, uint8_t type, uint64_t *out)
{
    size_t w = ubj_width(type);
    uint64_t v = 0;
    if (w == 0 || w > u->n - u->i)
        return ubj_bad(u, "model.truncated", "the file ends inside a number");
    for (size_t k = 0; k < w; k++)
        v = v << 8 | u->p[u->i + k];
    if (type != 'U' && w < 8 && v >> (8 * w - 1))
        v |= ~UINT64_C(0) << (8 * w);
    u->i += w;
    *out = v;
    return AM_OK;
}

/* A length: an integer type byte, then the value, at least 0 and at most what is left. */
static int ubj_length(struct ubj *u, size_t *out)
{
    uint8_t type = 0;
    uint64_t v = 0;
    int err = ubj_byte(u, &type);
    if (!err && (!strchr("iUIlL", type) || !type))
        err = ubj_bad(u, "model.ubj_length", "a length must be an integer");
    if (!err)
        err = ubj_bits(u, type, &v);
    if (!err && v > u->n - u->i) /* negative ones are huge here */
        err = ubj_bad(u, "model.truncated", "a length beyond the end of the file");
    if (!err)
        *out = (size_t)v;
    return err;
}

static int ubj_text(struct ubj *u, size_t n)
{
    struct str s = {(const char *)u->p + u->i, n};
    int err;
    if (!str_utf8(s))
        return ubj_bad(u, "model.utf8", "text that is not UTF-8");
    u->i += n;
    err = buf_addc(u->out, '"');
    for (size_t k = 0; !err && k < n; k++) {
        unsigned char c = (unsigned char)s.p[k];
        if (c < 0x20)
            err = buf_addf(u->out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            err = buf_addf(u->out, "\\%c", c);
        else
            err = buf_addc(u->out, (char)c);
    }
    return err ? err : buf_addc(u->out, '"');
}

static int ubj_string(struct ubj *u)
{
    size_t n = 0;
    int err = ubj_length(u, &n);
    return err ? err : ubj_text(u, n);
}

static int ubj_number(struct ubj *u, uint8_t type)
{
    char text[JSON_NUM];
    uint64_t bits = 0;
    int err = ubj_bits(u, type, &bits);
    if (err)
        return err;
    if (type == 'd') {
        uint32_t b32 = (uint32_t)bits;
        float f;
        memcpy(&f, &b32, sizeof f);
        return isfinite(f) ? buf_addf(u->out, "%.9g", (double)f)
                           : buf_adds(u->out, "null");
    }
    if (type == 'D') {
        double f;
        memcpy(&f, &bits, sizeof f);
        if (!isfinite(f))
            return buf_adds(u->out, "null");
        return buf_add(u->out, (struct str){text, json_num_format(f, text)});
    }
    return buf_addf(u->out, "%lld", (long long)(int64_t)bits);
}

/* After '[' or '{': the optional "$type" and "#count". */
static int ubj_header(struct ubj *u, uint8_t *type, size_t *count, bool *counted)
{
    size_t least;
    uint8_t b = 0;
    int err = AM_OK;
    *type = 0, *count = 0, *counted = false;
    if (u->i < u->n && u->p[u->i] == '$') {
        u->i++;
        err = ubj_byte(u, type);
        /* Types without bytes of their own would make billions of values out of nothing.
         */
        if (!err && !ubj_width(*type) && *type != 'S')
            err = ubj_bad(u, "model.ubj_type", "no typed container of this type");
        if (!err && (u->i >= u->n || u->p[u->i] != '#'))
            err = ubj_bad(u, "model.ubj_count", "a typed container needs a count");
    }
    if (err || u->i >= u->n || u->p[u->i] != '#')
        return err;
    err = ubj_byte(u, &b);
    if (!err)
        err = ubj_length(u, count);
    least = *type ? AM_MAX(ubj_width(*type), 1u) : 1;
    if (!err && *count > (u->n - u->i) / least)
        err = ubj_bad(u, "model.truncated", "more elements than bytes left");
    *counted = true;
    return err;
}

static int ubj_container(struct ubj *u, bool object)
{
    uint8_t type = 0, t = 0;
    size_t count = 0;
    bool counted = false;
    int err = ubj_header(u, &type, &count, &counted);
    if (!err)
        err = buf_addc(u->out, object ? '{' : '[');
    for (size_t k = 0; !err && (!counted || k < count); k++) {
        if (!counted) {
            if (u->i >= u->n)
                return ubj_bad(u, "model.truncated", "the file ends inside a container");
            if (u->p[u->i] == (object ? '}' : ']')) {
                u->i++;
                break;
            }
        }
        if (k > 0)
            err = buf_addc(u->out, ',');
        if (!err && object)
            err = ubj_string(u);
        if (!err && object)
            err = buf_addc(u->out, ':');
        t = type;
        if (!err && !t)
            err = ubj_byte(u, &t);
        if (!err)
            err = ubj_value(u, t);
    }
    return err ? err : buf_addc(u->out, object ? '}' : ']');
}

static int ubj_value(struct ubj *u, uint8_t type)
{
    int err;
    switch (type) {
    case 'Z':
        return buf_adds(u->out, "null");
    case 'T':
        return buf_adds(u->out, "true");
    case 'F':
        return buf_adds(u->out, "false");
    case 'i':
    case 'U':
    case 'I':
    case 'l':
    case 'L':
    case 'd':
    case 'D':
        return ubj_number(u, type);
    case 'S':
        return ubj_string(u);
    case 'C':
        return u->i < u->n ? ubj_text(u, 1)
                           : ubj_bad(u, "model.truncated", "the file ends here");
    case '[':
    case '{':
        if (u->depth >= MODEL_JSON_DEPTH)
            return ubj_bad(u, "model.depth", "nested too deep");
        u->depth++;
        err = ubj_container(u, type == '{');
        u->depth--;
        return err;
    default:
        u->i -= u->i > 0;
        return ubj_bad(u, "model.ubj_type", "an unknown type byte");
    }
}

int model_ubj_to_json(struct buf *out, struct str in, struct diag *d)
{
    struct ubj u = {.p = (const uint8_t *)in.p, .n = in.n, .out = out, .d = d};
    uint8_t type = 0;
    int err = ubj_byte(&u, &type);
    if (!err)
        err = ubj_value(&u, type);
    if (!err && u.i != u.n)
        err = ubj_bad(&u, "model.trailing", "bytes after the end of the model");
    return err;
}
