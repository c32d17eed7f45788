/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema_assert -- the keywords that look at one value: type, numbers, lengths. */
#include <sys/random.h>

#include "json/json_schema_priv.h"

bool json_check_type(struct json_check *c, const struct json_frame *f,
                     const struct json_rule *r)
{
    static const char *const names[] = {"nothing", "null",  "boolean", "number",
                                        "string",  "array", "object"};
    enum json_type t = json_type(f->v);
    char want[JSON_BRIEF];
    if (r->limit >> t & 1)
        return true;
    if (t == JSON_NUMBER && r->limit >> (JSON_OBJECT + 1) & 1 &&
        json_number_integral(f->v))
        return true;
    if (c->quiet)
        return false;
    json_brief(want, r->val);
    json_problem(c, f->at, "type", "must be %s, is %s", want, names[t]);
    json_problem_arg(c, "expected", str_c(want));
    json_problem_arg(c, "found", str_c(names[t]));
    return false;
}

bool json_check_enum(struct json_check *c, const struct json_frame *f,
                     const struct json_rule *r)
{
    char allowed[JSON_BRIEF], is[JSON_BRIEF];
    struct str s = json_str(f->v); /* most are words: told apart by their length */
    for (json_each(it, r->val))
        if (!(s.p && json_str(it.val).n != s.n) && json_equal(it.val, f->v))
            return true;
    if (c->quiet)
        return false;
    json_brief(allowed, r->val);
    json_brief(is, f->v);
    json_problem(c, f->at, "enum", "must be one of %s, is %s", allowed, is);
    json_problem_arg(c, "allowed", str_c(allowed));
    return false;
}

bool json_check_const(struct json_check *c, const struct json_frame *f,
                      const struct json_rule *r)
{
    char allowed[JSON_BRIEF];
    if (json_equal(r->val, f->v))
        return true;
    if (c->quiet)
        return false;
    json_brief(allowed, r->val);
    json_problem(c, f->at, "const", "must be %s", allowed);
    json_problem_arg(c, "allowed", str_c(allowed));
    return false;
}

__extension__ typedef unsigned __int128 json_u128;

/* Is digits * 10^exp a multiple of m, for m > 0? Exact: exp < 0 would leave a fraction,
 * as the digits do not end in 0. */
static bool json_decimal_multiple(struct str digits, int exp, uint64_t m)
{
    uint64_t rest = 0;
    for (size_t i = 0; i < digits.n; i++)
        rest = (uint64_t)(((json_u128)rest * 10 + (unsigned)(digits.p[i] - '0')) % m);
    for (; exp > 0 && rest; exp--)
        rest = (uint64_t)((json_u128)rest * 10 % m);
    return rest == 0;
}

/* A number as decimal digits and exponent, exactly as it is written in shortest form. */
static struct str json_decimal(const struct json *v, char mem[64], int *exp)
{
    struct json_number n = json_number(v);
    struct str d = n.text;
    int point;
    if (n.kind == JSON_NUM_REAL) {
        d = (struct str){mem, json_num_digits(n.real, mem, &point)};
        *exp = point - (int)d.n;
        return d;
    }
    if (n.kind == JSON_NUM_BIG)
        d = str_sub(d, d.p[0] == '-', d.n);
    else
        d = (struct str){mem,
                         (size_t)snprintf(mem, 64, "%llu", (unsigned long long)n.mag)};
    for (*exp = 0; d.n > 1 && d.p[d.n - 1] == '0'; d.n--)
        ++*exp;
    return d;
}

/* Both numbers are taken as the decimals people wrote: 0.0075 is a multiple of 0.0001,
 * though no double is. */
bool json_check_multiple(struct json_check *c, const struct json_frame *f,
                         const struct json_rule *r)
{
    char a[64], b[64], text[JSON_BRIEF];
    int ea, eb;
    struct str da = json_decimal(f->v, a, &ea), db = json_decimal(r->val, b, &eb);
    uint64_t m = 0;
    bool ok;
    for (size_t i = 0; i < db.n && i < 19;
         i++) /* a longer multipleOf is cut: 19 digits */
        m = m * 10 + (unsigned)(db.p[i] - '0');
    if (db.n > 19)
        eb += (int)(db.n - 19);
    ok = str_eqc(da, "0") || (ea >= eb && m && json_decimal_multiple(da, ea - eb, m));
    if (ok || c->quiet)
        return ok;
    json_brief(text, r->val);
    json_problem(c, f->at, "multipleOf", "must be a multiple of %s", text);
    json_problem_arg(c, "limit", str_c(text));
    return false;
}

bool json_check_range(struct json_check *c, const struct json_frame *f,
                      const struct json_rule *r)
{
    static const struct {
        const char *name, *text;
        int least, most; /* of json_number_cmp(value, limit) */
    } t[] = {{"maximum", "at most", -1, 0},
             {"exclusiveMaximum", "below", -1, -1},
             {"minimum", "at least", 0, 1},
             {"exclusiveMinimum", "above", 1, 1}};
    int cmp = json_number_cmp(f->v, r->val);
    char limit[JSON_BRIEF], is[JSON_BRIEF];
    size_t i = 0;
    while (strcmp(r->kw->name, t[i].name) != 0)
        i++;
    cmp = (cmp > 0) - (cmp < 0);
    if (cmp >= t[i].least && cmp <= t[i].most)
        return true;
    if (c->quiet)
        return false;
    json_brief(limit, r->val);
    json_brief(is, f->v);
    json_problem(c, f->at, t[i].name, "must be %s %s, is %s", t[i].text, limit, is);
    json_problem_arg(c, "limit", str_c(limit));
    return false;
}

/* min... and max... of n things. */
static bool json_within(struct json_check *c, const struct json_frame *f,
                        const struct json_rule *r, size_t n, const char *things)
{
    bool max = r->kw->name[1] == 'a'; /* maxLength and its kin; else min... */
    char limit[24];
    if (max ? n <= r->limit : n >= r->limit)
        return true;
    json_problem(c, f->at, r->kw->name, "must have at %s %zu %s, has %zu",
                 max ? "most" : "least", r->limit, things, n);
    snprintf(limit, sizeof limit, "%zu", r->limit);
    json_problem_arg(c, "limit", str_c(limit));
    return false;
}

bool json_check_length(struct json_check *c, const struct json_frame *f,
                       const struct json_rule *r)
{
    struct str s = json_str(f->v);
    /* a character has one to four bytes: most lengths are right whatever the text is */
    if (r->kw->name[1] == 'a' ? s.n <= r->limit : s.n / 4 >= r->limit)
        return true;
    return json_within(c, f, r, json_utf8_count(s), "characters");
}

bool json_check_count(struct json_check *c, const struct json_frame *f,
                      const struct json_rule *r)
{
    return json_within(c, f, r, json_size(f->v),
                       json_type(f->v) == JSON_ARRAY ? "elements" : "members");
}

bool json_check_pattern(struct json_check *c, const struct json_frame *f,
                        const struct json_rule *r)
{
    struct str p = json_str(r->val);
    bool found = false;
    int err = json_regex_search(r->re[0], json_str(f->v), &found);
    if (err)
        c->err = err;
    if (found || err)
        return found;
    json_problem(c, f->at, "pattern", "does not match the pattern %.*s",
                 (int)AM_MIN(p.n, 300), p.p);
    json_problem_arg(c, "pattern", p);
    return false;
}

bool json_check_format(struct json_check *c, const struct json_frame *f,
                       const struct json_rule *r)
{
    struct str name = json_str(r->val);
    if (!r->format || r->format(json_str(f->v)))
        return true;
    json_problem(c, f->at, "format", "is not a valid %.*s", (int)AM_MIN(name.n, 100),
                 name.p);
    json_problem_arg(c, "format", name);
    return false;
}

struct json_hashed {
    uint64_t hash;
    size_t i;
    const struct json *v;
};

static int json_by_hash(const void *a, const void *b)
{
    const struct json_hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

/* The first pair of equal elements, by sorting keyed hashes: n log n, and nobody can
 * prepare an array whose hashes collide. */
static bool json_find_twice(const struct json_hashed *h, size_t n, size_t pair[2])
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && h[k].hash == h[i].hash; k++)
            if (json_equal(h[i].v, h[k].v)) {
                pair[0] = h[i].i;
                pair[1] = h[k].i;
                return true;
            }
    return false;
}

bool json_check_unique(struct json_check *c, const struct json_frame *f,
                       const struct json_rule *r)
{
    size_t n = json_size(f->v), pair[2];
    struct json_hashed *h;
    bool twice;
    if (!r->limit || n < 2)
        return true;
    if (!c->keyed && getrandom(c->key, sizeof c->key, 0) != (ssize_t)sizeof c->key) {
        c->err = AM_E_CRYPTO;
        return false;
    }
    c->keyed = true;
    h = am_malloc(n * sizeof *h);
    if (!h) {
        c->err = AM_E_NOMEM;
        return false;
    }
    for (json_each(it, f->v))
        h[it.i] = (struct json_hashed){json_hash(c->key, it.val), it.i, it.val};
    qsort(h, n, sizeof *h, json_by_hash);
    twice = json_find_twice(h, n, pair);
    free(h);
    return !twice || json_problem(c, f->at, "uniqueItems",
                                  "elements %zu and %zu are the same", pair[0], pair[1]);
}
