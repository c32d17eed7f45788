/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_string -- functions over strings. Positions count code points. */
#include "fhir/fhir_path_priv.h"

enum { PATH_STRING_B = 4 << 20 }; /* longest string an expression may make */

uint32_t fhir_fp_utf8(struct str s, size_t *i)
{
    unsigned char c = (unsigned char)s.p[*i];
    size_t k = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    uint32_t cp = c < 0x80 ? c : (uint32_t)(c & (0xFF >> (k + 1)));
    for (size_t j = 1; j < k && *i + j < s.n; j++)
        cp = cp << 6 | ((unsigned char)s.p[*i + j] & 0x3F);
    *i = AM_MIN(*i + k, s.n);
    return cp;
}

size_t fhir_fp_utf8_put(uint32_t cp, char *to)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        to[0] = (char)(0xE0 | cp >> 12);
        to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | cp >> 18);
    to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    to[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

static size_t count(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* Byte offset of the nth code point, or s.n. */
static size_t offset(struct str s, size_t n)
{
    size_t i = 0;
    while (n && i < s.n)
        (void)fhir_fp_utf8(s, &i), n--;
    return i;
}

static size_t find(struct str s, struct str what, size_t from)
{
    const char *p;
    if (what.n == 0)
        return from;
    if (from >= s.n)
        return SIZE_MAX;
    p = memmem(s.p + from, s.n - from, what.p, what.n);
    return p ? (size_t)(p - s.p) : SIZE_MAX;
}

/* A string built in a buffer, into the arena and onto the stack. */
static int push_buf(struct path_eval *e, struct buf *b, int err)
{
    char *z = NULL;
    if (!err) {
        err = fhir_fp_spend(e, b->n / 64);
        z = err ? NULL : arena_dup(e->arena, buf_str(b));
        if (!err && !z)
            err = AM_E_NOMEM;
        if (!err)
            err = fhir_fp_push_str(e, (struct str){z, b->n});
    }
    buf_release(b);
    return err == AM_E_TOOBIG ? fhir_fp_spend(e, SIZE_MAX) : err;
}

static int replace(struct path_eval *e, struct str s, struct str what, struct str with)
{
    struct buf b;
    size_t i = 0;
    int err = AM_OK;
    buf_init(&b, PATH_STRING_B);
    if (!what.n) { /* between all characters, and at both ends */
        err = buf_add(&b, with);
        while (i < s.n && !err) {
            size_t at = i;
            (void)fhir_fp_utf8(s, &i);
            err = buf_add(&b, str_sub(s, at, i));
            if (!err)
                err = buf_add(&b, with);
        }
        return push_buf(e, &b, err);
    }
    while (!err) {
        size_t at = find(s, what, i);
        err = buf_add(&b, str_sub(s, i, AM_MIN(at, s.n)));
        if (err || at == SIZE_MAX)
            break;
        err = buf_add(&b, with);
        i = at + what.n;
    }
    return push_buf(e, &b, err);
}

static int split(struct path_eval *e, struct str s, struct str by)
{
    size_t i = 0;
    int err = AM_OK;
    while (!err) {
        size_t at = by.n ? find(s, by, i) : SIZE_MAX;
        err = fhir_fp_push_str(e, str_sub(s, i, AM_MIN(at, s.n)));
        if (at == SIZE_MAX)
            break;
        i = at + by.n;
    }
    return err;
}

static int change_case(struct path_eval *e, struct str s, bool upper)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, PATH_STRING_B);
    for (size_t i = 0; i < s.n && !err;) {
        char mem[4];
        uint32_t cp = fhir_fp_utf8(s, &i);
        err = buf_add(&b,
                      (struct str){mem, fhir_fp_utf8_put(fhir_fp_fold(cp, upper), mem)});
    }
    return push_buf(e, &b, err);
}

/* ---- regular expressions -------------------------------------------------------------
 */
static int expand(struct buf *b, struct str with, struct str s,
                  const struct json_regex *re, const struct json_regex_span *span)
{
    int err = AM_OK;
    for (size_t i = 0; i < with.n && !err; i++) {
        size_t group = SIZE_MAX, skip = 0;
        if (with.p[i] == '\\' && i + 1 < with.n) {
            err = buf_addc(b, with.p[++i]);
            continue;
        }
        if (with.p[i] == '$' && i + 1 < with.n) {
            char c = with.p[i + 1];
            if (c >= '0' && c <= '9') {
                group = (size_t)(c - '0');
                skip = 1;
            } else if (c == '{') {
                struct str rest = str_sub(with, i + 2, with.n);
                size_t end = str_find(rest, '}');
                group = json_regex_group(re, str_sub(rest, 0, end));
                skip = group == SIZE_MAX ? 0 : end + 2;
            } else if (c == '$') {
                i++;
            }
        }
        if (!skip) {
            err = buf_addc(b, with.p[i]);
            continue;
        }
        if (group < JSON_REGEX_GROUPS && span[group].to != SIZE_MAX)
            err = buf_add(b, str_sub(s, span[group].from, span[group].to));
        i += skip;
    }
    return err;
}

static int replace_matches(struct path_eval *e, const struct json_regex *re, struct str s,
                           struct str with)
{
    struct buf b;
    size_t i = 0;
    int err = AM_OK;
    buf_init(&b, PATH_STRING_B);
    while (!err && i <= s.n) {
        struct json_regex_span span[JSON_REGEX_GROUPS];
        bool found;
        err = fhir_fp_spend(e, 1 + json_regex_size(re) * (s.n - i) / 64);
        if (!err)
            err = json_regex_find(re, s, i, span, &found);
        if (err || !found)
            break;
        err = buf_add(&b, str_sub(s, i, span[0].from));
        if (!err)
            err = expand(&b, with, s, re, span);
        i = span[0].to;
        if (span[0].to == span[0].from && !err) { /* an empty match: go one on */
            size_t at = i;
            if (i < s.n) {
                (void)fhir_fp_utf8(s, &i);
                err = buf_add(&b, str_sub(s, at, i));
            } else {
                i++;
            }
        }
    }
    if (!err && i < s.n)
        err = buf_add(&b, str_sub(s, i, s.n));
    return push_buf(e, &b, err);
}

/* matchesFull(): the whole text, so "^(?:pattern)$". */
int fhir_fp_regex(enum path_fn fn, struct str pattern, struct json_regex **out,
                  const char **why)
{
    struct buf b;
    int err;
    if (fn != PATH_FN_MATCHES_FULL)
        return json_regex_new(
            out, pattern,
            JSON_REGEX_DOTALL | (fn == PATH_FN_REPLACE_MATCHES ? JSON_REGEX_CAPTURE : 0),
            why);
    *why = "out of memory";
    buf_init(&b, FHIR_PATH_TEXT_B + 16);
    err = buf_addf(&b, "^(?:%.*s)$", STR_FMT(pattern));
    if (!err)
        err = json_regex_new(out, buf_str(&b), JSON_REGEX_DOTALL, why);
    buf_release(&b);
    return err;
}

static int matches(struct path_eval *e, const struct path_op *op, struct str s,
                   struct str pattern, struct str with)
{
    struct json_regex *own = NULL;
    const struct json_regex *re = op->re;
    const char *why;
    bool found = false;
    int err = AM_OK;
    if (op->fn == PATH_FN_REPLACE_MATCHES && !pattern.n)
        return fhir_fp_push_str(e, s);
    if (!re) {
        err = fhir_fp_spend(e, 100 + pattern.n);
        if (!err)
            err = fhir_fp_regex((enum path_fn)op->fn, pattern, &own, &why);
        if (err && err != AM_E_NOMEM && e->steps)
            err = fhir_fp_error(e, op, "fhirpath.regex");
        re = own;
    }
    if (!err)
        err = fhir_fp_spend(e, json_regex_size(re) * s.n / 1024);
    if (!err && op->fn == PATH_FN_REPLACE_MATCHES)
        err = replace_matches(e, re, s, with);
    else if (!err)
        err = json_regex_search(re, s, &found);
    json_regex_free(own);
    if (err || op->fn == PATH_FN_REPLACE_MATCHES)
        return err;
    return fhir_fp_push_bool(e, found);
}

/* ---- encodings -----------------------------------------------------------------------
 */
static const char path_digits[] = "0123456789abcdef";
static const char path_64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int encode(struct path_eval *e, struct str s, struct str how)
{
    struct buf b;
    bool url = str_eqc(how, "urlbase64");
    int err = AM_OK;
    buf_init(&b, PATH_STRING_B);
    if (str_eqc(how, "hex")) {
        for (size_t i = 0; i < s.n && !err; i++) {
            char two[2] = {path_digits[(unsigned char)s.p[i] >> 4],
                           path_digits[(unsigned char)s.p[i] & 15]};
            err = buf_add(&b, (struct str){two, 2});
        }
        return push_buf(e, &b, err);
    }
    if (!url && !str_eqc(how, "base64")) {
        buf_release(&b);
        return AM_OK;
    }
    for (size_t i = 0; i < s.n && !err; i += 3) {
        uint32_t v = 0;
        char four[4];
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            char c = path_64[v >> (18 - 6 * k) & 63];
            c = url && c == '+' ? '-' : url && c == '/' ? '_' : c;
            four[k] = i + k <= s.n ? c : '=';
        }
        err = buf_add(&b, (struct str){four, 4});
    }
    return push_buf(e, &b, err);
}

static int hex(char c)
{
    const char *p = c ? strchr(path_digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return p ? (int)(p - path_digits) : -1;
}

static bool decode_hex(struct str s, struct buf *b, int *err)
{
    if (s.n % 2)
        return false;
    for (size_t i = 0; i < s.n && !*err; i += 2) {
        int x = hex(s.p[i]), y = hex(s.p[i + 1]);
        if (x < 0 || y < 0)
            return false;
        *err = buf_addc(b, (char)(x << 4 | y));
    }
    return true;
}

static bool decode_64(struct str s, struct buf *b, int *err)
{
    uint32_t v = 0;
    int bits = 0;
    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    for (size_t i = 0; i < s.n && !*err; i++) {
        char c = s.p[i] == '-' ? '+' : s.p[i] == '_' ? '/' : s.p[i];
        const char *p = c ? strchr(path_64, c) : NULL;
        if (!p)
            return false;
        v = v << 6 | (uint32_t)(p - path_64);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *err = buf_addc(b, (char)(v >> bits & 255));
        }
    }
    return true;
}

static int decode(struct path_eval *e, struct str s, struct str how)
{
    struct buf b;
    int err = AM_OK;
    bool ok;
    buf_init(&b, PATH_STRING_B);
    ok = str_eqc(how, "hex")                                   ? decode_hex(s, &b, &err)
         : str_eqc(how, "base64") || str_eqc(how, "urlbase64") ? decode_64(s, &b, &err)
                                                               : false;
    if (!err && (!ok || !str_utf8(buf_str(&b)))) {
        buf_release(&b);
        return AM_OK; /* not that encoding, or no text: empty */
    }
    return push_buf(e, &b, err);
}

static const struct {
    char c;
    const char *html, *json;
} path_escapes[] = {{'"', "&quot;", "\\\""}, {'&', "&amp;", NULL},  {'<', "&lt;", NULL},
                    {'>', "&gt;", NULL},     {'\'', "&#39;", NULL}, {'\\', NULL, "\\\\"},
                    {'\n', NULL, "\\n"},     {'\r', NULL, "\\r"},   {'\t', NULL, "\\t"},
                    {'\f', NULL, "\\f"},     {'\b', NULL, "\\b"}};

static int escape(struct path_eval *e, struct str s, struct str how, bool undo)
{
    struct buf b;
    bool html = str_eqc(how, "html");
    int err = AM_OK;
    if (!html && !str_eqc(how, "json"))
        return AM_OK;
    buf_init(&b, PATH_STRING_B);
    for (size_t i = 0; i < s.n && !err;) {
        size_t step = 0;
        for (size_t k = 0; k < AM_LEN(path_escapes) && !step && !err; k++) {
            const char *z = html ? path_escapes[k].html : path_escapes[k].json;
            if (z && undo && str_starts(str_sub(s, i, s.n), str_c(z))) {
                err = buf_addc(&b, path_escapes[k].c);
                step = strlen(z);
            } else if (z && !undo && s.p[i] == path_escapes[k].c) {
                err = buf_adds(&b, z);
                step = 1;
            }
        }
        if (!step && !err)
            err = buf_addc(&b, s.p[i]);
        i += step ? step : 1;
    }
    return push_buf(e, &b, err);
}

/* ---- the table -----------------------------------------------------------------------
 */
static int substring(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f, struct str s)
{
    int64_t start, length = INT64_MAX;
    bool has, has_length = true;
    size_t at;
    int err = fhir_fp_arg_int(e, op, 0, f, &start, &has);
    if (!err && op->argc > 1)
        err = fhir_fp_arg_int(e, op, 1, f, &length, &has_length);
    if (err || !has)
        return err;
    if (!has_length)
        length = INT64_MAX;
    if (start < 0 || (size_t)start >= count(s))
        return AM_OK;
    at = offset(s, (size_t)start);
    s = str_sub(s, at, s.n);
    if (length <= 0)
        return fhir_fp_push_str(e, STR(""));
    return fhir_fp_push_str(
        e, (uint64_t)length >= s.n ? s : str_sub(s, 0, offset(s, (size_t)length)));
}

static int to_chars(struct path_eval *e, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err;) {
        size_t at = i;
        (void)fhir_fp_utf8(s, &i);
        err = fhir_fp_push_str(e, str_sub(s, at, i));
    }
    return err;
}

static int join(struct path_eval *e, const struct path_op *op, const struct path_frame *f,
                uint32_t from)
{
    struct fhir_path_item by = {.text = STR("")};
    bool has = false, before = false;
    struct buf b;
    uint32_t end = e->n;
    int err = op->argc ? fhir_fp_arg(e, op, 0, f, &by, &has) : AM_OK;
    if (err)
        return err;
    if (end == from)
        return e->p->flags & FHIR_PATH_SQL ? fhir_fp_push_str(e, STR("")) : AM_OK;
    if (has && by.kind != FHIR_PATH_STRING)
        return fhir_fp_error(e, op, "fhirpath.type");
    buf_init(&b, PATH_STRING_B);
    for (uint32_t i = from; i < end && !err; i++) {
        struct fhir_path_item s;
        if (!fhir_fp_value(e->arena, &e->v[i], &s))
            continue;
        if (s.kind != FHIR_PATH_STRING) {
            buf_release(&b);
            return fhir_fp_error(e, op, "fhirpath.type");
        }
        if (before)
            err = buf_add(&b, by.text);
        before = true;
        if (!err)
            err = buf_add(&b, s.text);
    }
    e->n = from;
    return push_buf(e, &b, err);
}

static int with_text(struct path_eval *e, const struct path_op *op, struct str s,
                     struct str a, struct str b)
{
    size_t at;
    switch (op->fn) {
    case PATH_FN_INDEX_OF:
        at = find(s, a, 0);
        return fhir_fp_push_int(e,
                                at == SIZE_MAX ? -1 : (int64_t)count(str_sub(s, 0, at)));
    case PATH_FN_STARTS_WITH:
        return fhir_fp_push_bool(e, str_starts(s, a));
    case PATH_FN_ENDS_WITH:
        return fhir_fp_push_bool(e, str_ends(s, a));
    case PATH_FN_CONTAINS:
        return fhir_fp_push_bool(e, find(s, a, 0) != SIZE_MAX);
    case PATH_FN_REPLACE:
        return replace(e, s, a, b);
    case PATH_FN_ENCODE:
        return encode(e, s, a);
    case PATH_FN_DECODE:
        return decode(e, s, a);
    case PATH_FN_ESCAPE:
        return escape(e, s, a, false);
    case PATH_FN_UNESCAPE:
        return escape(e, s, a, true);
    case PATH_FN_SPLIT:
        return split(e, s, a);
    default:
        return matches(e, op, s, a, b);
    }
}

int fhir_fp_call_string(struct path_eval *e, const struct path_op *op,
                        const struct path_frame *f, uint32_t from)
{
    struct fhir_path_item s, arg[2] = {{.text = STR("")}, {.text = STR("")}};
    bool has, all = true;
    int err;
    if (op->fn == PATH_FN_JOIN)
        return join(e, op, f, from);
    err = fhir_fp_one(e, op, from, &s, &has);
    if (!err && has && s.kind != FHIR_PATH_STRING)
        err = fhir_fp_error(e, op, "fhirpath.type");
    if (!err)
        err = fhir_fp_spend(e, has ? s.text.n / 64 : 0);
    if (err)
        return err;
    e->n = from;
    if (has && op->fn == PATH_FN_SUBSTRING)
        return substring(e, op, f, s.text);
    for (unsigned i = 0; i < op->argc && i < 2; i++) {
        bool got;
        err = fhir_fp_arg(e, op, i, f, &arg[i], &got);
        if (!err && got && arg[i].kind != FHIR_PATH_STRING && has)
            err = fhir_fp_error(e, op, "fhirpath.type");
        if (err)
            return err;
        all = all && got;
    }
    if (!has || !all)
        return AM_OK;
    switch (op->fn) {
    case PATH_FN_LENGTH:
        return fhir_fp_push_int(e, (int64_t)count(s.text));
    case PATH_FN_UPPER:
    case PATH_FN_LOWER:
        return change_case(e, s.text, op->fn == PATH_FN_UPPER);
    case PATH_FN_TRIM:
        return fhir_fp_push_str(e, str_trim(s.text));
    case PATH_FN_TO_CHARS:
        return to_chars(e, s.text);
    default:
        return with_text(e, op, s.text, arg[0].text, arg[1].text);
    }
}
