/* SPDX-License-Identifier: Apache-2.0 */
/* json_read -- text to tree: limits before the parser, I-JSON rules after it.
 *
 * One scan counts depth and values before yyjson allocates for them; yyjson itself does
 * not recurse. Its tree is one array in reading order, so the checks after it are one
 * loop. */
#include <endian.h>
#include <math.h>
#include <sys/random.h>

#include "base/vec.h"
#include "json/json_priv.h"

enum { JSON_SIZE = 16 << 20, JSON_VALUES = 4000000, JSON_FEW = 12 };

struct json_doc {
    yyjson_doc *yy;
};

static void *json_alc_malloc(void *ctx, size_t size)
{
    (void)ctx;
    return am_malloc(size);
}

static void *json_alc_realloc(void *ctx, void *p, size_t old, size_t size)
{
    (void)ctx, (void)old;
    return am_realloc(p, size, 1);
}

static void json_alc_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static const yyjson_alc json_alc = {json_alc_malloc, json_alc_realloc, json_alc_free,
                                    NULL};

/* Adds a problem at a byte offset as "line:column", both from 1, columns in characters.
 */
static void json_complain(struct diag *d, struct str text, size_t at, const char *code,
                          const char *detail)
{
    char path[48];
    size_t line = 1, column = 1;
    at = AM_MIN(at, text.n);
    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n')
            line++, column = 1;
        else if (((unsigned char)text.p[i] & 0xC0) != 0x80)
            column++;
    }
    snprintf(path, sizeof path, "%zu:%zu", line, column);
    diag_err(d, path, code, "%s", detail);
}

/* Eight copies of a byte; and the high bit of each byte of x that is zero (the lowest
 * such bit is exact, which is the one used): Warren, Hacker's Delight, section 6-1. */
#define JSON_EIGHT(c) (0x0101010101010101u * (unsigned char)(c))
#define JSON_ZERO(x)  (((x) - JSON_EIGHT(1)) & ~(x) & JSON_EIGHT(0x80))

/* After the opening quote at p[i]: index after the closing one, or n. */
static size_t json_skip_string(const char *p, size_t n, size_t i)
{
    while (i < n && p[i] != '"') {
        uint64_t x, hit = 0;
        if (p[i] == '\\') {
            i += 2;
            continue;
        }
        if (i + 8 <= n) {
            memcpy(&x, p + i, 8);
            x = htole64(x);
            hit = JSON_ZERO(x ^ JSON_EIGHT('"')) | JSON_ZERO(x ^ JSON_EIGHT('\\'));
            i += hit ? (size_t)__builtin_ctzll(hit) / 8 : 8;
        } else {
            i++;
        }
    }
    return i < n ? i + 1 : n;
}

/* Bounds depth and values. On malformed text the counts mean little, but then the parser
 * says no; on well-formed text they are exact. */
static int json_scan(struct str text, const struct json_limits *lim, struct diag *d)
{
    size_t depth = 0, values = 1;
    bool opened = false; /* the last thing was an opening bracket */
    for (size_t i = 0; i < text.n;) {
        switch (text.p[i++]) {
        case '"':
            i = json_skip_string(text.p, text.n, i);
            break;
        case '[':
        case '{':
            opened = true;
            values++;
            if (++depth <= lim->depth)
                continue;
            json_complain(d, text, i - 1, "json.depth", "nested too deeply");
            return AM_E_TOOBIG;
        case ']':
        case '}':
            values -= opened; /* an empty one holds no first value */
            depth -= depth > 0;
            break;
        case ',':
            values++;
            break;
        case ' ':
        case '\n':
        case '\t':
        case '\r':
            continue;
        default:
            break;
        }
        opened = false;
        if (values - 1 > lim->values) /* one may be the promise of an opening bracket */
            break;
    }
    if (values <= lim->values)
        return AM_OK;
    diag_err(d, "1:1", "json.values", "more than %zu values", lim->values);
    return AM_E_TOOBIG;
}

static int json_refuse(struct str text, const yyjson_read_err *e, struct diag *d)
{
    const struct {
        yyjson_read_code is;
        const char *code;
    } known[] = {
        {YYJSON_READ_ERROR_EMPTY_CONTENT, "json.empty"},
        {YYJSON_READ_ERROR_UNEXPECTED_CONTENT, "json.trailing"},
        {YYJSON_READ_ERROR_UNEXPECTED_END, "json.truncated"},
        {YYJSON_READ_ERROR_INVALID_NUMBER, "json.number"},
        {YYJSON_READ_ERROR_INVALID_STRING, "json.string"},
    };
    const char *code = "json.syntax";
    if (e->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return AM_E_NOMEM;
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (known[i].is == e->code)
            code = known[i].code;
    json_complain(d, text, e->pos, code, e->msg ? e->msg : "malformed JSON");
    return AM_E_SYNTAX;
}

/* Scratch for the search of duplicates: one table, cleared by generation. */
struct json_seen {
    struct {
        const yyjson_val *key;
        size_t turn;
        uint64_t hash;
    } *slot;
    size_t cap, turn;
    uint64_t key[2];
};

static struct str json_yystr(const yyjson_val *v)
{
    return (struct str){v->uni.str, unsafe_yyjson_get_len((void *)(uintptr_t)v)};
}

static int json_seen_room(struct json_seen *s, size_t members)
{
    size_t cap = s->cap ? s->cap : 64;
    if (!s->cap && getrandom(s->key, sizeof s->key, 0) != (ssize_t)sizeof s->key)
        return AM_E_CRYPTO;
    while (cap / 2 < members)
        cap *= 2;
    if (cap > s->cap) {
        free(s->slot);
        s->cap = 0;
        s->slot = am_calloc(cap, sizeof *s->slot);
        if (!s->slot)
            return AM_E_NOMEM;
        s->cap = cap;
        s->turn = 0;
    }
    s->turn++;
    return AM_OK;
}

static void json_duplicate(struct diag *d, struct str text, const char *pool,
                           const yyjson_val *key)
{
    struct str k = json_yystr(key);
    /* yyjson unescapes in place inside its copy of the text: a name begins where it began
     * in the source, one byte after its quote. */
    size_t at = k.p > pool ? (size_t)(k.p - pool) - 1 : 0;
    char detail[96];
    snprintf(detail, sizeof detail, "member name given twice: \"%.*s\"",
             (int)AM_MIN(k.n, 60), k.p);
    json_complain(d, text, at, "json.duplicate", detail);
}

/* Adds every repeated name of a large object to d. */
static int json_names_hashed(struct json_seen *s, yyjson_val *obj, struct str text,
                             const char *pool, struct diag *d, size_t *bad)
{
    size_t idx, max;
    yyjson_val *key, *val;
    int err = json_seen_room(s, unsafe_yyjson_get_len(obj));
    if (err)
        return err;
    yyjson_obj_foreach(obj, idx, max, key, val)
    {
        struct str name = json_yystr(key);
        uint64_t h = json_sip(s->key, name);
        size_t i = (size_t)h & (s->cap - 1);
        while (s->slot[i].turn == s->turn &&
               !(s->slot[i].hash == h && str_eq(json_yystr(s->slot[i].key), name)))
            i = (i + 1) & (s->cap - 1);
        if (s->slot[i].turn == s->turn && (*bad)++ < DIAG_ARGS)
            json_duplicate(d, text, pool, key);
        s->slot[i].key = key;
        s->slot[i].turn = s->turn;
        s->slot[i].hash = h;
    }
    return AM_OK;
}

static void json_names_few(yyjson_val *obj, struct str text, const char *pool,
                           struct diag *d, size_t *bad)
{
    struct str seen[JSON_FEW];
    size_t idx, max;
    yyjson_val *key, *val;
    yyjson_obj_foreach(obj, idx, max, key, val)
    {
        seen[idx] = json_yystr(key);
        for (size_t k = 0; k < idx; k++)
            if (str_eq(seen[k], seen[idx])) {
                if ((*bad)++ < DIAG_ARGS)
                    json_duplicate(d, text, pool, key);
                break;
            }
    }
}

/* yyjson leaves numbers beyond 64 bits and beyond double as text (and all of them where
 * raw_numbers asks): the former are integers we keep, the latter are no numbers a double
 * can carry. Without an exponent 300 characters stay far below the largest double. */
static bool json_big_ok(yyjson_val *v)
{
    size_t n = unsafe_yyjson_get_len(v);
    if (n < 300 && !memchr(v->uni.str, 'e', n) && !memchr(v->uni.str, 'E', n))
        return true;
    return isfinite(strtod(v->uni.str, NULL)); /* yyjson ends raw text with NUL */
}

static int json_verify(yyjson_doc *yy, struct str text, struct diag *d)
{
    yyjson_val *v = yy->root;
    struct json_seen seen = {0};
    size_t n = yyjson_doc_get_val_count(yy), bad = 0;
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++, v++) {
        if (unsafe_yyjson_is_obj(v)) {
            if (unsafe_yyjson_get_len(v) <= JSON_FEW)
                json_names_few(v, text, yy->str_pool, d, &bad);
            else
                err = json_names_hashed(&seen, v, text, yy->str_pool, d, &bad);
        } else if (unsafe_yyjson_is_raw(v) && !json_big_ok(v)) {
            json_complain(d, text, (size_t)(v->uni.str - yy->str_pool), "json.number",
                          "number too large for a double");
            bad++;
        }
    }
    free(seen.slot);
    if (!err && bad)
        err = AM_E_SYNTAX;
    return err;
}

static struct json_limits json_defaults(const struct json_limits *l)
{
    struct json_limits r = l ? *l : (struct json_limits){0};
    r.size_b = r.size_b ? r.size_b : JSON_SIZE;
    r.depth = r.depth ? AM_MIN(r.depth, JSON_DEPTH_MAX) : JSON_DEPTH;
    r.values = r.values ? r.values : JSON_VALUES;
    return r;
}

static int json_guard(struct str text, const struct json_limits *lim, struct diag *d)
{
    if (text.n > lim->size_b) {
        diag_err(d, "1:1", "json.size", "%zu bytes, at most %zu are read", text.n,
                 lim->size_b);
        return AM_E_TOOBIG;
    }
    if (text.n == 0) {
        json_complain(d, text, 0, "json.empty", "no JSON here: the text is empty");
        return AM_E_SYNTAX;
    }
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        json_complain(d, text, 0, "json.bom", "byte order mark before the JSON");
        return AM_E_SYNTAX;
    }
    return json_scan(text, lim, d);
}

int json_parse(struct json_doc **out, struct str text, const struct json_limits *limits,
               struct diag *d)
{
    struct json_limits lim = json_defaults(limits);
    yyjson_read_err e = {0};
    struct json_doc *doc;
    int err = json_guard(text, &lim, d);
    if (err)
        return err;
    doc = am_calloc(1, sizeof *doc);
    if (!doc)
        return AM_E_NOMEM;
    /* Without INSITU yyjson only reads the text, whatever the type of the parameter says.
     */
    doc->yy = yyjson_read_opts((char *)(uintptr_t)text.p, text.n,
                               lim.raw_numbers ? YYJSON_READ_NUMBER_AS_RAW
                                               : YYJSON_READ_BIGNUM_AS_RAW,
                               &json_alc, &e);
    err = doc->yy ? json_verify(doc->yy, text, d) : json_refuse(text, &e, d);
    if (err) {
        json_free(doc);
        return err;
    }
    *out = doc;
    return AM_OK;
}

int json_parse_file(struct json_doc **out, const char *path,
                    const struct json_limits *limits, struct diag *d)
{
    struct json_limits lim = json_defaults(limits);
    char *text;
    size_t n;
    int err = am_file_read(path, lim.size_b, &text, &n);
    if (err == AM_E_TOOBIG)
        diag_err(d, "1:1", "json.size", "%s: at most %zu bytes are read", path,
                 lim.size_b);
    if (err)
        return err;
    err = json_parse(out, (struct str){text, n}, limits, d);
    free(text);
    return err;
}

void json_free(struct json_doc *doc)
{
    if (!doc)
        return;
    yyjson_doc_free(doc->yy);
    free(doc);
}

const struct json *json_root(const struct json_doc *doc)
{
    return doc ? json_of(doc->yy->root) : NULL;
}
