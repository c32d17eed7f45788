/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_shape -- the members the fold reads are there and of the right type.
 *
 * A specification is a list of name[?]:type, with ? for optional and type one of
 *   s text, not empty   h SHA-256 in hex   i integer >= 0   t time
 *   a array             o object           b boolean               n number
 * Events are closed (unknown members refused); the other kinds are open here, since their
 * full form is schema/<kind>-1.json, checked where statements come in. */
#include "ledger/ledger_priv.h"

enum { TEXT_MAX = 4096 };

static const struct {
    const char *type, *spec;
} event_shape[] = {
#define X(type, spec) {type, spec},
    LEDGER_EVENT_MAP(X)
#undef X
};
static const char *const kind_shape[LEDGER_KINDS] = {
#define X(id, spec) [LEDGER_##id] = spec,
    LEDGER_SHAPE_MAP(X)
#undef X
};
static const char event_common[] = "issued_at:t issuer:o type:s supersedes?:h reason?:s";

bool ledger_fits(struct str s, size_t cap)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return s.n < cap;
}

void ledger_copy(char *out, size_t cap, struct str s)
{
    size_t n = AM_MIN(s.n, cap - 1); /* callers have asked ledger_fits() */
    if (n)
        memcpy(out, s.p, n);
    out[n] = 0;
}

int64_t ledger_time(const struct json *v)
{
    int64_t at;
    if (!time_parse(json_str(v), &at) || !time_parse_date(json_str(v), &at))
        return at;
    return 0;
}

bool ledger_has(const struct json *v, const char *key)
{
    return ledger_filled(json_get(v, key));
}

bool ledger_filled(const struct json *m)
{
    if (json_type(m) == JSON_OBJECT && json_size(m) == 1 && json_get(m, "na"))
        return false;
    return m && json_type(m) != JSON_NULL &&
           !(json_type(m) == JSON_STRING && json_str(m).n == 0) &&
           !(json_type(m) == JSON_ARRAY && json_size(m) == 0);
}

bool ledger_code_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || !memchr("._:-", c, 4)))
            return false;
    }
    return s.n > 0 && s.n < LEDGER_ID_MAX;
}

static void check_list(struct ledger_act *a, const char *member, size_t max, bool digests)
{
    const struct json *list = json_get(a->r, member);
    uint8_t digest[32];
    char path[80];
    snprintf(path, sizeof path, "/%s", member);
    if (json_size(list) > max) {
        ledger_refuse(a, CODE_BAD_RECORD, path, "more than %zu", max);
        return;
    }
    for (json_each(it, list)) {
        bool ok =
            digests ? ledger_unhex(it.val, digest) : ledger_code_ok(json_str(it.val));
        snprintf(path, sizeof path, "/%s/%zu", member, it.i);
        if (!ok)
            ledger_refuse(a, CODE_BAD_RECORD, path, digests ? "a SHA-256" : "a code");
    }
}

void ledger_check_codes(struct ledger_act *a, const char *member, size_t max)
{
    check_list(a, member, max, false);
}

void ledger_check_digests(struct ledger_act *a, const char *member, size_t max)
{
    check_list(a, member, max, true);
}

static bool type_ok(const struct json *v, char type)
{
    uint8_t digest[32];
    switch (type) {
    case 's':
        return json_str(v).n > 0 && ledger_fits(json_str(v), TEXT_MAX);
    case 'h':
        return ledger_unhex(v, digest);
    case 'i':
        return json_is_int(v) && json_int(v, -1) >= 0;
    case 't':
        return ledger_time(v) != 0;
    case 'a':
        return json_type(v) == JSON_ARRAY;
    case 'n':
        return json_type(v) == JSON_NUMBER;
    case 'o':
        return json_type(v) == JSON_OBJECT;
    default:
        am_assert(type == 'b'); /* the specifications are ours */
        return json_type(v) == JSON_BOOL;
    }
}

/* Takes the next "name[?]:type" off the specification. */
static bool next_member(struct str *spec, struct str *name, bool *optional, char *type)
{
    struct str word = str_cut(*spec, ' ', spec), kind;
    if (!word.n)
        return false;
    *name = str_cut(word, ':', &kind);
    *optional = str_ends(*name, STR("?"));
    if (*optional)
        name->n--;
    *type = kind.p[0];
    return true;
}

static void check_spec(struct ledger_act *a, const char *text)
{
    struct str spec = str_c(text), name;
    bool optional;
    char type;
    while (next_member(&spec, &name, &optional, &type)) {
        const struct json *v = json_getn(a->r, name);
        char path[64];
        if ((!v && optional) || type_ok(v, type))
            continue;
        snprintf(path, sizeof path, "/%.*s", STR_FMT(name));
        ledger_refuse(a, CODE_BAD_RECORD, path, "%s",
                      v ? "wrong type or form" : "compulsory");
    }
}

static bool named(const char *text, struct str key)
{
    struct str spec = str_c(text), name;
    bool optional;
    char type;
    while (next_member(&spec, &name, &optional, &type))
        if (str_eq(name, key))
            return true;
    return false;
}

static void check_event(struct ledger_act *a)
{
    const char *spec = NULL;
    for (size_t i = 0; i < AM_LEN(event_shape); i++)
        if (str_eqc(a->s->event_type, event_shape[i].type))
            spec = event_shape[i].spec;
    if (!spec) {
        ledger_refuse(a, CODE_BAD_RECORD, "/type", "unknown event type");
        return;
    }
    check_spec(a, event_common);
    check_spec(a, spec);
    for (json_each(it, a->r)) {
        char path[64];
        if (named(spec, it.key) || named(event_common, it.key))
            continue;
        snprintf(path, sizeof path, "/%.*s", (int)AM_MIN(it.key.n, 48), it.key.p);
        ledger_refuse(a, CODE_BAD_RECORD, path, "unknown member");
    }
}

void ledger_shape(struct ledger_act *a)
{
    static const char *const name[] = {"gst", "establishment", "service", "algorithm_id"};
    if (a->s->kind == LEDGER_EVENT)
        check_event(a);
    else
        check_spec(a, kind_shape[a->s->kind]);
    for (size_t i = 0; i < AM_LEN(name); i++) { /* they become names of LEDGER_ID_MAX */
        char path[32];
        snprintf(path, sizeof path, "/%s", name[i]);
        if (!ledger_fits(json_get_str(a->r, name[i]), LEDGER_ID_MAX))
            ledger_refuse(a, CODE_BAD_RECORD, path, "longer than %d bytes",
                          LEDGER_ID_MAX - 1);
    }
}

int ledger_hash_read(const struct json *v, struct tlog_hash *out)
{
    struct buf b;
    int err;
    buf_init(&b, TLOG_HASH);
    err = crypto_unbase64(&b, json_str(v));
    if (!err && b.n != TLOG_HASH)
        err = AM_E_SYNTAX;
    if (!err)
        memcpy(out->h, b.p, TLOG_HASH);
    buf_release(&b);
    return err;
}
