/* SPDX-License-Identifier: Apache-2.0 */
/* Code systems in memory: adding, and looking up. */
#include "fhir/fhir.h"
#include "fhir/fhir_tx_priv.h"

int fhir_tx_bad(struct diag *d, struct str what, const char *code)
{
    diag_err(d, "", code, "%.*s", (int)AM_MIN(what.n, 200u), what.n ? what.p : "");
    return AM_E_INVALID;
}

int fhir_tx_new(struct fhir_tx **out, size_t max_b)
{
    struct fhir_tx *t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    arena_init(&t->a, max_b);
    map_init(&t->set_by_url);
    map_init(&t->system_by_url);
    *out = t;
    return AM_OK;
}

static void tx_system_free(struct fhir_tx_system *s)
{
    if (!s)
        return;
    vec_release(&s->concept);
    vec_release(&s->edge);
    vec_release(&s->later);
    vec_release(&s->word);
    vec_release(&s->property);
    vec_release(&s->span);
    map_release(&s->by_code);
    map_release(&s->refset);
    free(s->word_at);
    free(s->property_at);
    free(s->up_at);
    free(s->up);
    free(s->down_at);
    free(s->down);
    free(s->post);
    free(s->by_post);
    free(s->span_at);
    free(s);
}

void fhir_tx_free(struct fhir_tx *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->system.n; i++)
        tx_system_free(t->system.v[i]);
    for (size_t i = 0; i < t->set.n; i++)
        fhir_tx_set_free(t->set.v[i]);
    for (size_t i = 0; i < t->map.n; i++)
        fhir_tx_map_free(t->map.v[i]);
    vec_release(&t->system);
    vec_release(&t->set);
    vec_release(&t->map);
    map_release(&t->set_by_url);
    map_release(&t->system_by_url);
    arena_release(&t->a);
    free(t);
}

int fhir_tx_keep(struct fhir_tx *t, struct str s, struct str *out)
{
    char *p;
    if (!s.n) {
        *out = STR("");
        return AM_OK;
    }
    p = arena_dup(&t->a, s);
    if (!p)
        return t->a.used + s.n > t->a.max ? AM_E_TOOBIG : AM_E_NOMEM;
    *out = (struct str){p, s.n};
    return AM_OK;
}

static struct fhir_tx_system *fhir_tx_exact(const struct fhir_tx *t, struct str url,
                                            struct str version)
{
    if (map_has(&t->system_by_url, url))
        for (size_t i = 0; i < t->system.n; i++)
            if (str_eq(t->system.v[i]->url, url) &&
                str_eq(t->system.v[i]->version, version))
                return t->system.v[i];
    return NULL;
}

/* ---- adding ---- */
int fhir_tx_system_new(struct fhir_tx *t, struct str url, struct str version,
                       struct fhir_tx_system **out, struct diag *d)
{
    struct fhir_tx_system *s;
    size_t newest;
    int err;
    if (!url.n)
        return fhir_tx_bad(d, STR("/url"), "term.url");
    if (fhir_tx_exact(t, url, version))
        return AM_E_EXISTS;
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    map_init(&s->by_code);
    map_init(&s->refset);
    s->dirty = s->complete = true;
    err = fhir_tx_keep(t, url, &s->url);
    if (!err)
        err = fhir_tx_keep(t, version, &s->version);
    if (!err)
        err = vec_push(&t->system, s);
    if (err) {
        tx_system_free(s);
        return err;
    }
    *out = s;
    if (map_get(&t->system_by_url, url, &newest) ||
        str_cmp(version, t->system.v[newest]->version) > 0)
        err = map_set(&t->system_by_url, url, t->system.n - 1);
    return err;
}

/* The key of a code: where case does not count, in small letters. */
static struct str tx_key(const struct fhir_tx_system *s, struct str code,
                         char lower[FHIR_TX_CODE_MAX])
{
    if (!s->any_case || code.n > FHIR_TX_CODE_MAX)
        return code;
    for (size_t i = 0; i < code.n; i++)
        lower[i] =
            (char)(code.p[i] >= 'A' && code.p[i] <= 'Z' ? code.p[i] + 32 : code.p[i]);
    return (struct str){lower, code.n};
}

int fhir_tx_concept_add(struct fhir_tx *t, struct fhir_tx_system *s, struct str code,
                        struct str display, uint32_t *out)
{
    struct fhir_tx_concept c = {.flags = 0};
    char lower[FHIR_TX_CODE_MAX];
    size_t i;
    int err;
    if (!map_get(&s->by_code, tx_key(s, code, lower), &i)) {
        *out = (uint32_t)i;
        return AM_E_EXISTS;
    }
    if (s->concept.n >= FHIR_TX_NONE)
        return AM_E_TOOBIG;
    err = fhir_tx_keep(t, code, &c.code);
    if (!err)
        err = fhir_tx_keep(t, display, &c.display);
    if (!err)
        err = vec_push(&s->concept, c);
    if (!err)
        err = map_set(&s->by_code, tx_key(s, code, lower), s->concept.n - 1);
    *out = (uint32_t)(s->concept.n - 1);
    return err;
}

int fhir_tx_word_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                     struct str lang, struct str use, struct str text)
{
    struct fhir_tx_word w = {.concept = c};
    int err = fhir_tx_keep(t, lang, &w.lang);
    if (!err)
        err = fhir_tx_keep(t, use, &w.use);
    if (!err)
        err = fhir_tx_keep(t, text, &w.text);
    s->dirty = true;
    return err ? err : vec_push(&s->word, w);
}

int fhir_tx_property_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                         struct str name, enum fhir_tx_property_kind kind,
                         struct str value)
{
    struct fhir_tx_property p = {.concept = c};
    int err = fhir_tx_keep(t, name, &p.name);
    p.kind = kind;
    if (!err)
        err = fhir_tx_keep(t, value, &p.value);
    return err ? err : vec_push(&s->property, p);
}

int fhir_tx_later_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                      struct str other, bool child)
{
    struct tx_later l = {.concept = c, .child = child};
    int err = fhir_tx_keep(t, other, &l.other);
    return err ? err : vec_push(&s->later, l);
}

/* ---- ready ---- */
/* Words by concept, in the order they came; at: where each concept's begin. */
static int tx_words_sort(struct fhir_tx_system *s, const uint32_t *at)
{
    struct fhir_tx_word *v = am_calloc(s->word.n + 1, sizeof *v);
    uint32_t *next = am_calloc(s->concept.n + 1, sizeof *next);
    int err = v && next ? AM_OK : AM_E_NOMEM;
    if (!err) {
        memcpy(next, at, (s->concept.n + 1) * sizeof *next);
        for (size_t i = 0; i < s->word.n; i++)
            v[next[s->word.v[i].concept]++] = s->word.v[i];
        if (s->word.n)
            memcpy(s->word.v, v, s->word.n * sizeof *v);
    }
    free(next);
    free(v);
    return err;
}

static int property_cmp(const void *a, const void *b)
{
    const struct fhir_tx_property *x = a, *y = b;
    int order;
    if (x->concept != y->concept)
        return x->concept > y->concept ? 1 : -1;
    order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

#define TX_ROWS_AT(at, rows, n)                                                          \
    do {                                                                                 \
        for (size_t r_ = 0; r_ < (rows)->n; r_++)                                        \
            (at)[(rows)->v[r_].concept + 1]++;                                           \
        for (size_t c_ = 0; c_ < (n); c_++)                                              \
            (at)[c_ + 1] += (at)[c_];                                                    \
    } while (0)

static int tx_resolve(struct fhir_tx_system *s, struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < s->later.n && !err; i++) {
        const struct tx_later *l = &s->later.v[i];
        uint32_t other = fhir_tx_find(s, l->other);
        if (other == FHIR_TX_NONE) /* of a fragment: what is above may not be in it */
            err = s->complete ? fhir_tx_bad(d, l->other, "term.parent") : AM_OK;
        else
            err = vec_push(&s->edge, (l->child ? (struct tx_edge){other, l->concept}
                                               : (struct tx_edge){l->concept, other}));
    }
    if (!err)
        vec_release(&s->later);
    return err;
}

static int tx_system_ready(struct fhir_tx_system *s, struct diag *d)
{
    size_t n = s->concept.n;
    int err = tx_resolve(s, d);
    if (err)
        return err;
    free(s->word_at);
    free(s->property_at);
    s->word_at = am_calloc(n + 1, sizeof *s->word_at);
    s->property_at = am_calloc(n + 1, sizeof *s->property_at);
    if (!s->word_at || !s->property_at)
        return AM_E_NOMEM;
    if (s->property.n)
        qsort(s->property.v, s->property.n, sizeof *s->property.v, property_cmp);
    TX_ROWS_AT(s->word_at, &s->word, n);
    TX_ROWS_AT(s->property_at, &s->property, n);
    err = tx_words_sort(s, s->word_at);
    if (!err)
        err = fhir_tx_tree(s, d);
    s->dirty = err != AM_OK;
    return err;
}

/* A system that names no set of all its codes has the one that servers of terminologies
 * know it by: its address and "?fhir_vs", as SNOMED CT and LOINC have. */
static int tx_system_all(struct fhir_tx *t, struct fhir_tx_system *s)
{
    char all[512];
    int n = snprintf(all, sizeof all, "%.*s?fhir_vs", STR_FMT(s->url));
    if (s->all.n || n <= 0 || (size_t)n >= sizeof all)
        return AM_OK;
    return fhir_tx_keep(t, str_c(all), &s->all);
}

int fhir_tx_ready(struct fhir_tx *t, struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->system.n && !err; i++) {
        struct fhir_tx_system *s = t->system.v[i];
        if (s->dirty)
            err = tx_system_ready(s, d);
        if (!err)
            err = tx_system_all(t, s);
        if (!err && s->all.n && !map_has(&t->set_by_url, s->all))
            err = fhir_tx_set_whole(t, s);
    }
    return err;
}

/* ---- looking up ---- */
/* snomedct.html: ".../sct/EDITION" is any version of that edition: the newest. */
static const struct fhir_tx_system *tx_of_edition(const struct fhir_tx *t, struct str url,
                                                  struct str edition)
{
    const struct fhir_tx_system *newest = NULL;
    for (size_t i = 0; str_eqc(url, TX_SCT) && i < t->system.n; i++) {
        const struct fhir_tx_system *s = t->system.v[i];
        if (str_eq(s->url, url) && str_starts(s->version, edition) &&
            str_starts(str_sub(s->version, edition.n, s->version.n), STR("/version/")) &&
            (!newest || str_cmp(s->version, newest->version) > 0))
            newest = s;
    }
    return newest;
}

const struct fhir_tx_system *fhir_tx_system(const struct fhir_tx *t, struct str url,
                                            struct str version)
{
    for (; t; t = t->base) {
        const struct fhir_tx_system *s = NULL;
        size_t i;
        if (version.n)
            s = fhir_tx_exact(t, url, version);
        if (!s && version.n)
            s = tx_of_edition(t, url, version);
        if (!version.n && !map_get(&t->system_by_url, url, &i))
            s = t->system.v[i];
        if (s)
            return s;
    }
    return NULL;
}

struct fhir_tx_system *fhir_tx_own(struct fhir_tx *t, struct str url, struct str version)
{
    size_t i;
    if (version.n)
        return fhir_tx_exact(t, url, version);
    return map_get(&t->system_by_url, url, &i) ? NULL : t->system.v[i];
}

const struct fhir_tx_system *fhir_tx_system_at(const struct fhir_tx *t, size_t i)
{
    return i < t->system.n ? t->system.v[i] : NULL;
}

void fhir_tx_over(struct fhir_tx *t, const struct fhir_tx *base)
{
    t->base = base;
}

void fhir_tx_count(const struct fhir_tx *t, struct fhir_tx_counts *out)
{
    *out = (struct fhir_tx_counts){
        .systems = t->system.n, .sets = t->set.n, .maps = t->map.n, .b = t->a.used};
    for (size_t i = 0; i < t->system.n; i++)
        out->concepts += t->system.v[i]->concept.n;
}

void fhir_tx_about(const struct fhir_tx_system *s, struct fhir_tx_about *out)
{
    *out = (struct fhir_tx_about){s->url,       s->version, s->name,
                                  s->concept.n, s->span.n,  s->complete};
}

uint32_t fhir_tx_find(const struct fhir_tx_system *s, struct str code)
{
    char lower[FHIR_TX_CODE_MAX];
    size_t i;
    return map_get(&s->by_code, tx_key(s, code, lower), &i) ? FHIR_TX_NONE : (uint32_t)i;
}

bool fhir_tx_is_unit(struct str system, struct str code)
{
    return str_eqc(system, TX_UCUM) && fhir_unit_check(code) == AM_OK;
}

const struct fhir_tx_concept *fhir_tx_concept(const struct fhir_tx_system *s, uint32_t c)
{
    am_assert(c < s->concept.n);
    return &s->concept.v[c];
}

const struct fhir_tx_word *fhir_tx_words(const struct fhir_tx_system *s, uint32_t c,
                                         size_t *n)
{
    *n = s->word_at[c + 1] - s->word_at[c];
    return *n ? s->word.v + s->word_at[c] : NULL;
}

const struct fhir_tx_property *fhir_tx_properties(const struct fhir_tx_system *s,
                                                  uint32_t c, size_t *n)
{
    *n = s->property_at[c + 1] - s->property_at[c];
    return *n ? s->property.v + s->property_at[c] : NULL;
}

/* 2: the language asked for, 1: the same without a region on one side, 0: another. */
static int tx_lang_fits(struct str has, struct str want)
{
    struct str rest;
    if (str_eq_nocase(has, want))
        return 2;
    return has.n && str_eq_nocase(str_cut(has, '-', &rest), str_cut(want, '-', &rest));
}

/* Words to find a concept by, which do not name it: fully specified names of SNOMED CT,
 * what a class includes, other lengths. */
static bool tx_names(struct str use)
{
    static const char *const beside[] = {"900000000000003001", "inclusion",
                                         "preferredLong", "short"};
    for (size_t i = 0; i < AM_LEN(beside); i++)
        if (str_eqc(use, beside[i]))
            return false;
    return true;
}

struct str fhir_tx_display(const struct fhir_tx_system *s, uint32_t c, struct str lang)
{
    struct str best = s->concept.v[c].display;
    size_t n = 0;
    const struct fhir_tx_word *w = lang.n ? fhir_tx_words(s, c, &n) : NULL;
    int fit = 0;
    for (size_t i = 0; i < n; i++) {
        int f = 2 * tx_lang_fits(w[i].lang, lang) + (w[i].preferred != 0);
        if (f == 1)
            f = 0; /* preferred, in another language */
        for (size_t k = 0; k < s->dialects; k++)
            if (w[i].preferred >> k & 1 && str_eq_nocase(s->dialect[k].lang, lang))
                f = 6;
        if (f > fit && tx_names(w[i].use)) {
            fit = f;
            best = w[i].text;
        }
    }
    return best;
}
