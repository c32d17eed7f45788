/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of one value: fixed, pattern, range, length, binding. */
#include "fhir/fhir_path_priv.h"
#include "fhir/fhir_pf_priv.h"

/* Each member of the pattern is there; each element of an array somewhere in the array.
 */
bool fhir_pf_matches(const struct json *pattern, const struct json *v)
{
    if (json_type(pattern) != json_type(v))
        return false;
    if (json_type(pattern) == JSON_OBJECT) {
        for (json_each(it, pattern))
            if (!fhir_pf_matches(it.val, json_getn(v, it.key)))
                return false;
        return true;
    }
    if (json_type(pattern) != JSON_ARRAY)
        return json_equal(pattern, v);
    for (json_each(want, pattern)) {
        bool there = false;
        for (json_each(it, v))
            there = there || fhir_pf_matches(want.val, it.val);
        if (!there)
            return false;
    }
    return true;
}

/* ---- ranges ---- */

/* *c: -1, 0, 1 of v against the bound. False: they cannot be compared. */
static bool compared(const struct pf_value *v, const struct json *bound,
                     const struct fhir_type *t, int *c)
{
    struct fhir_path_item a, b, x = fhir_path_node(v->v, NULL, fhir_text(v->t->name)),
                                y = fhir_path_node(bound, NULL, fhir_text(t->name));
    if (!fhir_fp_value(NULL, &x, &a) || !fhir_fp_value(NULL, &y, &b))
        return false;
    if (a.kind == FHIR_PATH_INTEGER && b.kind == FHIR_PATH_INTEGER) {
        *c = a.integer < b.integer ? -1 : a.integer > b.integer;
        return true;
    }
    if (a.kind == FHIR_PATH_INTEGER)
        a = (struct fhir_path_item){.kind = FHIR_PATH_DECIMAL,
                                    .decimal = fhir_fp_dec(a.integer, 0)};
    if (b.kind == FHIR_PATH_INTEGER)
        b = (struct fhir_path_item){.kind = FHIR_PATH_DECIMAL,
                                    .decimal = fhir_fp_dec(b.integer, 0)};
    if (a.kind == FHIR_PATH_DECIMAL && b.kind == FHIR_PATH_DECIMAL) {
        *c = fhir_fp_dec_cmp(a.decimal, b.decimal);
        return true;
    }
    if (a.kind == FHIR_PATH_QUANTITY && b.kind == FHIR_PATH_QUANTITY)
        return fhir_fp_quantity_cmp(&a, &b, c);
    if (a.kind == b.kind && (a.kind == FHIR_PATH_DATE || a.kind == FHIR_PATH_DATETIME ||
                             a.kind == FHIR_PATH_TIME))
        return fhir_fp_when_cmp(&a.when, &b.when, c);
    return false;
}

static struct str shown(const struct json *v, char mem[JSON_NUM])
{
    if (json_type(v) == JSON_OBJECT)
        v = json_get(v, "value");
    return json_type(v) == JSON_NUMBER ? fhir_fp_number(v, mem) : json_str(v);
}

static void range(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                  const struct pf_value *v, const struct json *bound, bool low)
{
    char mem[JSON_NUM];
    int c;
    if (!bound || !n->range || !v->v || !v->t)
        return;
    if (!compared(v, bound, n->range, &c))
        fhir_pf_say(r, at, NULL, "profile.range_unit", "limit", shown(bound, mem));
    else if (low && c < 0)
        fhir_pf_say(r, at, NULL, "profile.too_small", "limit", shown(bound, mem));
    else if (!low && c > 0)
        fhir_pf_say(r, at, NULL, "profile.too_big", "limit", shown(bound, mem));
}

/* ---- bindings ---- */

static int member(const struct fhir_tx *terms, struct str set, struct str system,
                  struct str code)
{
    const struct fhir_tx_set *s = terms ? fhir_tx_set(terms, set) : NULL;
    bool in;
    int err;
    if (!s)
        return PF_UNKNOWN;
    err = fhir_tx_member(terms, s, system, code, &in, NULL);
    return err == AM_E_NOMEM ? err : err ? PF_UNKNOWN : in;
}

/* The caller's, once asked for. */
static int more(struct fhir_walk *w, const struct fhir_tx **out)
{
    fhir_terms_fn *ask = w->terms;
    int err = AM_OK;
    w->terms = NULL;
    if (ask)
        err = ask(w->terms_arg, &w->more);
    *out = w->more;
    return err;
}

/* Those of the profiles, then R4's, then the caller's. */
static int coded(const struct pf_run *r, struct str set, struct str system,
                 struct str code)
{
    const struct fhir_tx *terms;
    const struct fhir_set *own;
    struct str version;
    int err, in = member(r->set->terms, set, system, code);
    if (in != PF_UNKNOWN)
        return in;
    own = fhir_set_find(str_cut(set, '|', &version));
    if (own && own->kind != FHIR_SET_OPEN &&
        !(r->set->terms && fhir_tx_set(r->set->terms, set)))
        return fhir_set_has(own, system, code);
    err = more(r->w, &terms);
    return err ? err : member(terms, set, system, code);
}

static int concept(const struct pf_run *r, struct str set, const struct json *v)
{
    int best = 0;
    for (json_each(it, json_get(v, "coding"))) {
        int in =
            coded(r, set, json_get_str(it.val, "system"), json_get_str(it.val, "code"));
        if (in == 1)
            return 1;
        best = in ? in : best;
    }
    return best;
}

int fhir_pf_bound(const struct pf_run *r, struct str set, const struct pf_value *v)
{
    if (!v->v)
        return PF_UNKNOWN;
    if (json_type(v->v) == JSON_STRING)
        return coded(r, set, STR_NULL, json_str(v->v));
    if (v->t && v->t->role == FHIR_ROLE_CODEABLE_CONCEPT)
        return concept(r, set, v->v);
    if (!json_get_str(v->v, "code").n)
        return json_get(v->v, "extension") ? PF_UNKNOWN : 0;
    return coded(r, set, json_get_str(v->v, "system"), json_get_str(v->v, "code"));
}

static struct str code_of(const struct json *v)
{
    if (json_type(v) == JSON_STRING)
        return json_str(v);
    if (json_get(v, "coding"))
        v = json_at(json_get(v, "coding"), 0);
    return json_get_str(v, "code");
}

static void binding(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    const struct pf_value *v)
{
    int in = fhir_pf_bound(r, n->set, v);
    if (in < 0) {
        r->w->err = in;
        return;
    }
    if (in == 0 && n->required)
        fhir_pf_say(r, at, NULL, "profile.not_in_set", "set", n->set);
    else if (!(r->w->flags & FHIR_VALID_ADVICE) || !v->v)
        return;
    else if (in == PF_UNKNOWN)
        fhir_pf_tell(r, at, DIAG_INFO, "profile.set_absent", "set", n->set);
    else if (in == 0 && code_of(v->v).n)
        fhir_pf_tell(r, at, DIAG_WARNING, "profile.not_in_wide", "set", n->set);
}

/* ---- all of it ---- */

static int64_t characters(struct str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* What a value has to be, short enough to be told. */
static void differs(struct pf_run *r, const struct fhir_at *at, const char *code,
                    const struct json *want)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_val(&w, want);
    if (jw_done(&w))
        buf_clear(&b);
    fhir_pf_say(r, at, NULL, code, "want", buf_str(&b));
    buf_release(&b);
}

void fhir_pf_single(struct pf_run *r, const struct fhir_at *at, const struct pf_node *n,
                    const struct pf_value *v)
{
    if (n->fixed && !json_equal(n->fixed, v->v))
        differs(r, at, "profile.fixed", n->fixed);
    if (n->pattern && !fhir_pf_matches(n->pattern, v->v))
        differs(r, at, "profile.pattern", n->pattern);
    range(r, at, n, v, n->low, true);
    range(r, at, n, v, n->high, false);
    if (n->length && characters(json_str(v->v)) > n->length) {
        char z[24];
        snprintf(z, sizeof z, "%lld", (long long)n->length);
        fhir_pf_say(r, at, NULL, "profile.too_long", "limit", str_c(z));
    }
    if (n->set.n)
        binding(r, at, n, v);
}
