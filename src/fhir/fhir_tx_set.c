/* SPDX-License-Identifier: Apache-2.0 */
/* Value sets: reading them, and is a code a member. */
#include "fhir/fhir_tx_priv.h"

static void tx_part_release(struct tx_part *p)
{
    for (size_t i = 0; i < p->filter.n; i++) {
        json_regex_free(p->filter.v[i].re);
        fhir_ecl_free(p->filter.v[i].ecl);
    }
    vec_release(&p->filter);
    vec_release(&p->listed);
    vec_release(&p->import);
    map_release(&p->by_code);
}

void fhir_tx_set_free(struct fhir_tx_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->part.n; i++)
        tx_part_release(&s->part.v[i]);
    vec_release(&s->part);
    free(s);
}

/* ---- reading ---- */
int fhir_tx_set_new(struct fhir_tx *t, struct str url, struct str version,
                    struct fhir_tx_set **out)
{
    struct fhir_tx_set *s = am_calloc(1, sizeof *s);
    char *both;
    size_t i;
    int err = s ? fhir_tx_keep(t, url, &s->url) : AM_E_NOMEM;
    if (!err)
        err = fhir_tx_keep(t, version, &s->version);
    if (err) {
        free(s);
        return err;
    }
    both = arena_printf(&t->a, "%.*s|%.*s", STR_FMT(url), STR_FMT(version));
    err = !both ? AM_E_NOMEM : map_has(&t->set_by_url, str_c(both)) ? AM_E_EXISTS : AM_OK;
    if (!err)
        err = vec_push(&t->set, s);
    if (err) {
        free(s);
        return err;
    }
    err = map_set(&t->set_by_url, str_c(both), t->set.n - 1);
    if (!err && (map_get(&t->set_by_url, url, &i) ||
                 str_cmp(t->set.v[i]->version, s->version) < 0))
        err = map_set(&t->set_by_url, url, t->set.n - 1);
    *out = s;
    return err;
}

static int tx_listed_add(struct fhir_tx *t, struct tx_part *p, struct str code,
                         struct str display)
{
    struct tx_listed l;
    int err;
    if (!code.n || map_has(&p->by_code, code))
        return AM_OK;
    err = fhir_tx_keep(t, code, &l.code);
    if (!err)
        err = fhir_tx_keep(t, display, &l.display);
    if (!err)
        err = vec_push(&p->listed, l);
    return err ? err : map_set(&p->by_code, code, p->listed.n - 1);
}

static int tx_filter_add(struct fhir_tx *t, struct tx_part *p, const struct json *v,
                         struct diag *d)
{
    struct tx_filter f = {.re = NULL};
    struct buf whole;
    int err = fhir_tx_keep(t, json_get_str(v, "property"), &f.property);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "op"), &f.op);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "value"), &f.value);
    if (!err && str_eqc(f.op, "regex")) { /* of the whole value */
        buf_init(&whole, 4096);
        err = buf_addf(&whole, "^(?:%.*s)$", STR_FMT(f.value));
        if (!err)
            err = json_regex_new(&f.re, buf_str(&whole), 0, NULL);
        buf_release(&whole);
        if (err == AM_E_INVALID || err == AM_E_UNSUPPORTED || err == AM_E_TOOBIG)
            return fhir_tx_bad(d, f.value, "term.regex");
    }
    if (!err && str_eqc(p->system, TX_SCT) && str_eqc(f.property, "constraint") &&
        str_eqc(f.op, "=")) {
        err = fhir_ecl_read(f.value, &f.ecl);
        if (err == AM_E_INVALID)
            return fhir_tx_bad(d, f.value, "term.ecl");
    }
    if (!err)
        err = vec_push(&p->filter, f);
    if (err) {
        json_regex_free(f.re);
        fhir_ecl_free(f.ecl);
    }
    return err;
}

static int tx_part_new(struct fhir_tx *t, struct fhir_tx_set *s, struct str system,
                       struct str version, bool exclude, struct tx_part **out)
{
    struct tx_part p = {.exclude = exclude};
    int err = fhir_tx_keep(t, system, &p.system);
    if (!err)
        err = fhir_tx_keep(t, version, &p.version);
    map_init(&p.by_code);
    if (!err)
        err = vec_push(&s->part, p);
    if (!err)
        *out = &s->part.v[s->part.n - 1];
    return err;
}

int fhir_tx_set_whole(struct fhir_tx *t, const struct fhir_tx_system *s)
{
    struct fhir_tx_set *set;
    struct tx_part *p;
    int err = fhir_tx_set_new(t, s->all, s->version, &set);
    return err ? err : tx_part_new(t, set, s->url, s->version, false, &p);
}

static int tx_part_read(struct fhir_tx *t, struct fhir_tx_set *s, const struct json *v,
                        bool exclude, struct diag *d)
{
    struct tx_part *p;
    int err = tx_part_new(t, s, json_get_str(v, "system"), json_get_str(v, "version"),
                          exclude, &p);
    for (json_each(it, json_get(v, "concept"))) {
        if (err)
            return err;
        err = tx_listed_add(t, p, json_get_str(it.val, "code"),
                            json_get_str(it.val, "display"));
    }
    for (json_each(it, json_get(v, "filter"))) {
        if (err)
            return err;
        err = tx_filter_add(t, p, it.val, d);
    }
    for (json_each(it, json_get(v, "valueSet"))) {
        struct str url;
        if (err)
            return err;
        err = fhir_tx_keep(t, json_str(it.val), &url);
        if (!err)
            err = vec_push(&p->import, url);
    }
    if (!err && !p->system.n && (!p->import.n || p->listed.n || p->filter.n))
        err = fhir_tx_bad(d, s->url, "term.include");
    return err;
}

/* Only an expansion: what it lists is the set. */
static int tx_contains(struct fhir_tx *t, struct fhir_tx_set *s, const struct json *list,
                       int depth)
{
    int err = AM_OK;
    for (json_each(it, list)) {
        struct str system = json_get_str(it.val, "system");
        struct tx_part *p = s->part.n ? &s->part.v[s->part.n - 1] : NULL;
        bool abstract = json_bool(json_get(it.val, "abstract"), false);
        if (depth > 100)
            return AM_E_TOOBIG;
        if (!abstract && (!p || !str_eq(p->system, system)))
            err = tx_part_new(t, s, system, json_get_str(it.val, "version"), false, &p);
        if (!err && !abstract)
            err = tx_listed_add(t, p, json_get_str(it.val, "code"),
                                json_get_str(it.val, "display"));
        if (!err)
            err = tx_contains(t, s, json_get(it.val, "contains"), depth + 1);
        if (err)
            return err;
    }
    return err;
}

static int tx_expansion(struct fhir_tx *t, struct fhir_tx_set *s, const struct json *v)
{
    size_t listed = 0;
    int err = tx_contains(t, s, json_get(v, "contains"), 0);
    for (size_t i = 0; i < s->part.n; i++)
        listed += s->part.v[i].listed.n;
    s->partial = !v || json_int(json_get(v, "offset"), 0) > 0 ||
                 json_int(json_get(v, "total"), 0) > (int64_t)listed;
    return err;
}

int fhir_tx_set_read(struct fhir_tx *t, const struct json *v, struct diag *d)
{
    const struct json *compose = json_get(v, "compose");
    struct fhir_tx_set *s;
    struct str url = json_get_str(v, "url");
    int err;
    if (!url.n)
        return fhir_tx_bad(d, STR("/url"), "term.url");
    err = fhir_tx_set_new(t, url, json_get_str(v, "version"), &s);
    if (!err)
        err = fhir_tx_keep(t, json_get_str(v, "name"), &s->name);
    if (!err && !compose)
        return tx_expansion(t, s, json_get(v, "expansion"));
    for (json_each(it, json_get(compose, "include"))) {
        if (err)
            return err;
        err = tx_part_read(t, s, it.val, false, d);
    }
    for (json_each(it, json_get(compose, "exclude"))) {
        if (err)
            return err;
        err = tx_part_read(t, s, it.val, true, d);
    }
    return err;
}

/* ---- finding ---- */
const struct fhir_tx_set *fhir_tx_set(const struct fhir_tx *t, struct str canonical)
{
    size_t i;
    for (; t; t = t->base)
        if (!map_get(&t->set_by_url, canonical, &i))
            return t->set.v[i];
    return NULL;
}

/* ---- filters ---- */
static bool tx_in_list(struct str list, struct str value)
{
    while (list.n)
        if (str_eq(str_trim(str_cut(list, ',', &list)), value))
            return true;
    return false;
}

static bool tx_is_code(struct str property)
{
    return str_eqc(property, "concept") || str_eqc(property, "code");
}

/* One value against "=", "in", "not-in" (negated by the caller), "regex". */
static int tx_value_fits(const struct tx_filter *f, struct str value, bool *yes)
{
    if (f->re)
        return json_regex_search(f->re, value, yes);
    *yes = str_eqc(f->op, "=") ? str_eq(value, f->value) : tx_in_list(f->value, value);
    return AM_OK;
}

static int tx_property_fits(const struct fhir_tx_system *s, uint32_t c,
                            const struct tx_filter *f, bool *yes)
{
    bool up = str_eqc(f->property, "parent"), down = str_eqc(f->property, "child");
    if (str_eqc(f->property, "ancestor") && str_eqc(f->op, "=")) { /* LOINC's parts */
        uint32_t of = fhir_tx_find(s, f->value);
        *yes = of != FHIR_TX_NONE && of != c && fhir_tx_subsumes(s, of, c);
        return AM_OK;
    }
    size_t n;
    int err = AM_OK;
    *yes = false;
    if (tx_is_code(f->property) || str_eqc(f->property, "display"))
        return tx_value_fits(f,
                             str_eqc(f->property, "display") ? s->concept.v[c].display
                                                             : s->concept.v[c].code,
                             yes);
    if (up || down) {
        const uint32_t *of = up ? fhir_tx_parents(s, c, &n) : fhir_tx_children(s, c, &n);
        for (size_t i = 0; i < n && !*yes && !err; i++)
            err = tx_value_fits(f, s->concept.v[of[i]].code, yes);
        return err;
    }
    {
        const struct fhir_tx_property *p = fhir_tx_properties(s, c, &n);
        for (size_t i = 0; i < n && !*yes && !err; i++)
            if (str_eq(p[i].name, f->property))
                err = tx_value_fits(f, p[i].value, yes);
    }
    return err;
}

static bool tx_property_exists(const struct fhir_tx_system *s, uint32_t c,
                               struct str name)
{
    size_t n;
    const struct fhir_tx_property *p = fhir_tx_properties(s, c, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(p[i].name, name))
            return true;
    return false;
}

static bool tx_property_has(const struct fhir_tx_system *s, uint32_t c, struct str name,
                            struct str value)
{
    size_t n;
    const struct fhir_tx_property *p = fhir_tx_properties(s, c, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(p[i].name, name) && str_eq(p[i].value, value))
            return true;
    return false;
}

/* snomedct.html: "concept in ID" are the members of a reference set; "not-in": all
 * others. */
static int tx_refset_fits(const struct fhir_tx_system *s, uint32_t c,
                          const struct tx_filter *f, bool *yes, struct diag *d)
{
    *yes = tx_property_has(s, c, STR(TX_REFSET), f->value) == str_eqc(f->op, "in");
    if (map_has(&s->refset, f->value))
        return AM_OK;
    fhir_tx_bad(d, f->value, "term.partial"); /* not loaded: never a no */
    return AM_E_NOTFOUND;
}

static int tx_ecl_fits(const struct fhir_tx_system *s, uint32_t c,
                       const struct tx_filter *f, bool *yes, struct diag *d)
{
    struct str absent = STR_NULL;
    int err = fhir_ecl_has(f->ecl, s, c, yes, &absent);
    if (err == AM_E_NOTFOUND)
        fhir_tx_bad(d, absent, "term.code");
    if (err == AM_E_UNSUPPORTED)
        fhir_tx_bad(d, f->value, "term.filter");
    return err;
}

static int tx_filter_fits(const struct fhir_tx_system *s, uint32_t c,
                          const struct tx_filter *f, bool *yes, struct diag *d)
{
    bool isa = str_eqc(f->op, "is-a"), below = str_eqc(f->op, "descendent-of"),
         unlike = str_eqc(f->op, "is-not-a"), above = str_eqc(f->op, "generalizes");
    int err;
    if (isa || below || unlike || above) {
        uint32_t of = fhir_tx_find(s, f->value);
        bool under = of != FHIR_TX_NONE &&
                     (above ? fhir_tx_subsumes(s, c, of) : fhir_tx_subsumes(s, of, c));
        if (of == FHIR_TX_NONE) {
            fhir_tx_bad(d, f->value, "term.code");
            return AM_E_NOTFOUND;
        }
        *yes = unlike ? !under : under && !(below && of == c);
        return AM_OK;
    }
    if (str_eqc(f->op, "exists")) {
        *yes = tx_property_exists(s, c, f->property) == str_eqc(f->value, "true");
        return AM_OK;
    }
    if ((str_eqc(f->op, "in") || str_eqc(f->op, "not-in")) && tx_is_code(f->property) &&
        str_eqc(s->url, TX_SCT) && str_find(f->value, ',') == f->value.n)
        return tx_refset_fits(s, c, f, yes, d);
    if (f->ecl)
        return tx_ecl_fits(s, c, f, yes, d);
    if (!f->re && !str_eqc(f->op, "=") && !str_eqc(f->op, "in") &&
        !str_eqc(f->op, "not-in")) {
        fhir_tx_bad(d, f->op, "term.filter");
        return AM_E_UNSUPPORTED;
    }
    err = tx_property_fits(s, c, f, yes);
    if (str_eqc(f->op, "not-in"))
        *yes = !*yes;
    return err;
}

/* ---- members ---- */
struct tx_asked {
    const struct fhir_tx *t;
    struct str system, code;
    size_t *steps;
    struct diag *d;
};

/* What is not there, or not whole, is never a no. */
static int tx_unknown(const struct tx_asked *q, struct str what, const char *code)
{
    fhir_tx_bad(q->d, what, code);
    return AM_E_NOTFOUND;
}

static int tx_in_set(const struct tx_asked *q, const struct fhir_tx_set *set, int depth,
                     bool *in);

static int tx_in_system(const struct tx_asked *q, const struct tx_part *p, bool *in)
{
    const struct fhir_tx_system *s;
    uint32_t c;
    int err = AM_OK;
    if (p->listed.n) {
        *in = map_has(&p->by_code, q->code);
        return AM_OK;
    }
    s = fhir_tx_system(q->t, p->system, p->version);
    if (str_eqc(p->system, TX_UCUM) && !p->filter.n) { /* loaded or not */
        *in = fhir_tx_is_unit(p->system, q->code);
        return AM_OK;
    }
    if (!s)
        return tx_unknown(q, p->system, "term.system");
    c = fhir_tx_find(s, q->code);
    *in = c != FHIR_TX_NONE;
    if (!s->complete && (!*in || p->filter.n))
        return tx_unknown(q, p->system, "term.partial");
    for (size_t i = 0; i < p->filter.n && *in && !err; i++)
        err = tx_filter_fits(s, c, &p->filter.v[i], in, q->d);
    return err;
}

static int tx_in_part(const struct tx_asked *q, const struct tx_part *p, int depth,
                      bool *in)
{
    int err = AM_OK;
    *in = !p->system.n || !q->system.n || str_eq(p->system, q->system);
    if (*in && p->system.n)
        err = tx_in_system(q, p, in);
    for (size_t i = 0; i < p->import.n && *in && !err; i++) {
        const struct fhir_tx_set *of = fhir_tx_set(q->t, p->import.v[i]);
        err = of ? tx_in_set(q, of, depth + 1, in)
                 : tx_unknown(q, p->import.v[i], "term.set");
    }
    return err;
}

static int tx_in_set(const struct tx_asked *q, const struct fhir_tx_set *set, int depth,
                     bool *in)
{
    int err = AM_OK;
    bool has = false, out = false;
    if (depth > FHIR_TX_DEPTH || *q->steps < set->part.n) {
        fhir_tx_bad(q->d, set->url, "term.costly");
        return AM_E_TOOBIG;
    }
    *q->steps -= set->part.n;
    for (size_t i = 0; i < set->part.n && !err; i++) {
        const struct tx_part *p = &set->part.v[i];
        if (p->exclude ? !out : !has)
            err = tx_in_part(q, p, depth, p->exclude ? &out : &has);
    }
    *in = has && !out;
    if (!err && set->partial && !has)
        err = tx_unknown(q, set->url, "term.partial");
    return err;
}

int fhir_tx_in(const struct fhir_tx *t, const struct fhir_tx_set *set, struct str system,
               struct str code, size_t *steps, bool *in, struct diag *d)
{
    const struct tx_asked q = {t, system, code, steps, d};
    return tx_in_set(&q, set, 0, in);
}

int fhir_tx_member(const struct fhir_tx *t, const struct fhir_tx_set *set,
                   struct str system, struct str code, bool *in, struct diag *d)
{
    size_t steps = FHIR_TX_STEPS;
    return fhir_tx_in(t, set, system, code, &steps, in, d);
}
