/* SPDX-License-Identifier: Apache-2.0 */
/* Expanding a value set: candidates of each inclusion in its order, those dropped that a
 * filter, an imported set, an exclusion or the page does not let through. */
#include "fhir/fhir_tx_priv.h"
#include "search/search.h"

enum { TX_FOLD = 4096 };

struct tx_expand {
    const struct fhir_tx *t;
    const struct fhir_tx_set *set;
    const struct fhir_tx_page *page;
    struct fhir_tx_expansion *out;
    struct map seen; /* "system|code" */
    char filter[TX_FOLD];
    size_t filter_n, *steps;
    int depth;
    struct diag *d;
};

/* ---- the page ---- */
static bool tx_text_has(struct tx_expand *x, struct str text)
{
    char folded[TX_FOLD];
    struct str rest = {x->filter, x->filter_n};
    size_t n = search_fold(text, folded, sizeof folded);
    while (rest.n) {
        struct str word = str_cut(rest, ' ', &rest);
        if (word.n && (!n || !memmem(folded, n, word.p, word.n)))
            return false;
    }
    return true;
}

static bool tx_wanted(struct tx_expand *x, const struct fhir_tx_coded *c)
{
    size_t n = 0;
    const struct fhir_tx_word *w;
    if (x->page->active_only && c->of &&
        (c->of->concept.v[c->concept].flags & FHIR_TX_INACTIVE))
        return false;
    if (x->page->concrete && c->of &&
        (c->of->concept.v[c->concept].flags & FHIR_TX_ABSTRACT))
        return false;
    if (x->page->without.n && str_eq(c->system, x->page->without))
        return false;
    if (!x->filter_n || tx_text_has(x, c->display))
        return true;
    if (!c->of)
        return false;
    w = fhir_tx_words(c->of, c->concept, &n);
    for (size_t i = 0; i < n; i++)
        if (tx_text_has(x, w[i].text))
            return true;
    return tx_text_has(x, c->of->concept.v[c->concept].display);
}

static int tx_emit(struct tx_expand *x, const struct fhir_tx_coded *c)
{
    struct fhir_tx_expansion *o = x->out;
    size_t at = o->total++;
    if (x->page->count == SIZE_MAX && o->total > FHIR_TX_EXPAND_MAX) {
        fhir_tx_bad(x->d, x->set->url, "term.costly");
        return AM_E_TOOBIG;
    }
    if (at < x->page->offset || o->n >= x->page->count)
        return AM_OK;
    return vec_push(o, *c);
}

/* Once each. Sets of one inclusion need no memory of what was seen. */
static int tx_first(struct tx_expand *x, const struct fhir_tx_coded *c, bool *first)
{
    char key[600];
    struct str k = {key, 0};
    int n = snprintf(key, sizeof key, "%.*s|%.*s", STR_FMT(c->system), STR_FMT(c->code));
    if (n < 0 || (size_t)n >= sizeof key) {
        fhir_tx_bad(x->d, x->set->url, "term.costly");
        return AM_E_TOOBIG;
    }
    k.n = (size_t)n;
    *first = !map_has(&x->seen, k);
    return *first ? map_set(&x->seen, k, 1) : AM_OK;
}

/* ---- candidates ---- */
static bool tx_many(const struct fhir_tx_set *set)
{
    size_t includes = 0;
    for (size_t i = 0; i < set->part.n; i++)
        includes += !set->part.v[i].exclude;
    return includes > 1;
}

static int tx_candidate(struct tx_expand *x, const struct tx_part *p,
                        const struct fhir_tx_coded *c, bool sure)
{
    bool in = true;
    int err = AM_OK;
    if (!sure || p->import.n || x->set->part.n > 1)
        err = fhir_tx_in(x->t, x->set, c->system, c->code, x->steps, &in, x->d);
    if (!err && in && tx_many(x->set))
        err = tx_first(x, c, &in);
    return err || !in || !tx_wanted(x, c) ? err : tx_emit(x, c);
}

static struct fhir_tx_coded tx_coded(const struct tx_part *p,
                                     const struct fhir_tx_system *s, uint32_t i)
{
    return (struct fhir_tx_coded){.system = p->system,
                                  .version = s->version,
                                  .code = s->concept.v[i].code,
                                  .display = s->concept.v[i].display,
                                  .of = s,
                                  .concept = i};
}

static int tx_listed_all(struct tx_expand *x, const struct tx_part *p)
{
    const struct fhir_tx_system *s = fhir_tx_system(x->t, p->system, p->version);
    int err = AM_OK;
    for (size_t i = 0; i < p->listed.n && !err; i++) {
        const struct tx_listed *l = &p->listed.v[i];
        uint32_t at = s ? fhir_tx_find(s, l->code) : FHIR_TX_NONE;
        struct fhir_tx_coded c = {.system = p->system,
                                  .version = p->version,
                                  .code = l->code,
                                  .display = l->display,
                                  .concept = FHIR_TX_NONE};
        if (at != FHIR_TX_NONE)
            c = tx_coded(p, s, at);
        if (at != FHIR_TX_NONE && l->display.n)
            c.display = l->display;
        err = tx_candidate(x, p, &c, true);
    }
    return err;
}

static int tx_system_all(struct tx_expand *x, const struct tx_part *p)
{
    const struct fhir_tx_system *s = fhir_tx_system(x->t, p->system, p->version);
    uint32_t *under = NULL;
    size_t n;
    int err = AM_OK;
    if (!s || !s->complete) {
        fhir_tx_bad(x->d, p->system, "term.system");
        return AM_E_NOTFOUND;
    }
    n = s->concept.n;
    for (size_t i = 0; i < p->filter.n && !under && !err; i++) {
        const struct tx_filter *f = &p->filter.v[i];
        bool isa = str_eqc(f->op, "is-a") || str_eqc(f->op, "descendent-of");
        uint32_t of = f->ecl ? fhir_ecl_within(f->ecl, s)
                      : isa  ? fhir_tx_find(s, f->value)
                             : FHIR_TX_NONE;
        if (of != FHIR_TX_NONE)
            err = fhir_tx_related(s, of, false, &under, &n);
    }
    for (size_t i = 0; i < n && !err; i++) {
        struct fhir_tx_coded c = tx_coded(p, s, under ? under[i] : (uint32_t)i);
        err = tx_candidate(x, p, &c, p->filter.n == 0);
    }
    free(under);
    return err;
}

static int tx_parts(struct tx_expand *x, const struct fhir_tx_set *of);

/* Imported sets alone: those of the first that the others have too. */
static int tx_import_all(struct tx_expand *x, const struct tx_part *p)
{
    const struct fhir_tx_page all = {.count = SIZE_MAX};
    const struct fhir_tx_set *of = p->import.n ? fhir_tx_set(x->t, p->import.v[0]) : NULL;
    struct fhir_tx_expansion some = {.n = 0};
    struct tx_expand inner = {.t = x->t,
                              .set = of,
                              .page = &all,
                              .out = &some,
                              .depth = x->depth + 1,
                              .steps = x->steps,
                              .d = x->d};
    int err;
    if (!of) {
        fhir_tx_bad(x->d, p->import.n ? p->import.v[0] : STR(""), "term.set");
        return AM_E_NOTFOUND;
    }
    map_init(&inner.seen);
    err = tx_parts(&inner, of);
    for (size_t i = 0; i < some.n && !err; i++)
        err = tx_candidate(x, p, &some.v[i], false);
    map_release(&inner.seen);
    free(some.v);
    return err;
}

static int tx_parts(struct tx_expand *x, const struct fhir_tx_set *of)
{
    int err = AM_OK;
    if (x->depth > FHIR_TX_DEPTH || *x->steps < of->part.n) {
        fhir_tx_bad(x->d, of->url, "term.costly");
        return AM_E_TOOBIG;
    }
    *x->steps -= of->part.n;
    if (of->partial) {
        fhir_tx_bad(x->d, of->url, "term.partial");
        return AM_E_NOTFOUND;
    }
    for (size_t i = 0; i < of->part.n && !err; i++) {
        const struct tx_part *p = &of->part.v[i];
        if (p->exclude)
            continue;
        if (p->listed.n)
            err = tx_listed_all(x, p);
        else if (p->system.n)
            err = tx_system_all(x, p);
        else
            err = tx_import_all(x, p);
    }
    return err;
}

int fhir_tx_expand(const struct fhir_tx *t, const struct fhir_tx_set *set,
                   const struct fhir_tx_page *page, struct fhir_tx_expansion *out,
                   struct diag *d)
{
    size_t steps = FHIR_TX_STEPS_ALL;
    struct tx_expand x = {
        .t = t, .set = set, .page = page, .out = out, .steps = &steps, .d = d};
    int err;
    *out = (struct fhir_tx_expansion){.n = 0};
    map_init(&x.seen);
    x.filter_n = search_fold(page->filter, x.filter, sizeof x.filter);
    err = tx_parts(&x, set);
    map_release(&x.seen);
    if (err) {
        free(out->v);
        *out = (struct fhir_tx_expansion){.n = 0};
    }
    return err;
}
