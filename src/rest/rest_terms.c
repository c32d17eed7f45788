/* SPDX-License-Identifier: Apache-2.0 */
/* The terminologies of a store: its own CodeSystems, ValueSets and ConceptMaps over those
 * that the operator loaded. They are read when first asked for and kept until one of them
 * changes: the greatest rid and the number of each type say whether one did, since a rid
 * is given once and what is written has a greater one than all before.
 *
 * They are no patient's data: whoever may call an operation is answered from all of them,
 * whatever `visible` says. */
#include <pthread.h>

#include "base/vec.h"
#include "fhir/row.h"
#include "rest/rest_term_priv.h"

enum { TERMS_TYPES = 3, TERMS_TEXT = 256 << 20, TERMS_MEMORY = 1 << 30 };
static const char *const terms_type[TERMS_TYPES] = {"CodeSystem", "ValueSet",
                                                    "ConceptMap"};

struct terms_mark { /* what was there */
    int64_t top[TERMS_TYPES], count[TERMS_TYPES];
};
struct rest_terms_now {
    struct fhir_tx *t;
    struct terms_mark mark;
    unsigned users; /* under the lock; the one kept counts too */
};
struct rest_terms {
    pthread_mutex_t lock;
    struct rest_terms_now *now; /* NULL: nobody asked yet */
};

int rest_terms_new(struct rest_terms **out)
{
    struct rest_terms *x = am_calloc(1, sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    pthread_mutex_init(&x->lock, NULL);
    *out = x;
    return AM_OK;
}

static void terms_now_free(struct rest_terms_now *n)
{
    if (!n)
        return;
    fhir_tx_free(n->t);
    free(n);
}

void rest_terms_free(struct rest_terms *x)
{
    if (!x)
        return;
    terms_now_free(x->now);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

static int terms_look(struct rest *r, struct eds_view *v, struct terms_mark *m)
{
    int err = AM_OK;
    *m = (struct terms_mark){0};
    for (size_t i = 0; i < TERMS_TYPES && !err; i++) {
        uint64_t hash = fhir_term_hash(
            eds_row_key(r->c.eds), fhir_param_number(str_c(terms_type[i]), STR("_type")),
            FHIR_TERM_TYPE, STR_NULL, STR_NULL);
        size_t n = 0;
        err = eds_tok(v, hash, INT64_MAX, 1, &m->top[i], &n);
        if (!n)
            m->top[i] = 0;
        if (!err)
            err = eds_tok_count(v, hash, &m->count[i]);
    }
    return err;
}

/* ---- reading them ---- */
struct terms_read {
    struct fhir_tx *t;
    VEC(struct json_doc *) doc;
    size_t text_b;
};

static int terms_body(void *arg, const struct eds_meta *m, struct str body)
{
    static const struct json_limits limits = {
        .size_b = 2 * EDS_BODY_MAX, .values = 10000000, .raw_numbers = true};
    struct terms_read *x = arg;
    struct json_doc *doc = NULL;
    int err;
    (void)m;
    x->text_b += body.n;
    if (x->text_b > TERMS_TEXT)
        return AM_E_TOOBIG;
    err = json_parse(&doc, body, &limits, NULL);
    if (!err)
        err = vec_push(&x->doc, doc);
    if (err)
        json_free(doc);
    return err;
}

/* Can it be loaded? What cannot be is left out, and said in the log; the others count. */
static int terms_usable(const struct json *resource, struct diag *d)
{
    struct fhir_tx *alone = NULL;
    int err;
    if (json_str_is(json_get(resource, "content"), "supplement")) {
        diag_err(d, "", "term.supplement", "%s", "");
        return AM_E_INVALID; /* they belong in the folder, after what they supplement */
    }
    err = fhir_tx_new(&alone, TERMS_MEMORY);
    if (!err)
        err = fhir_tx_add(alone, resource, d);
    if (!err)
        err = fhir_tx_ready(alone, d);
    fhir_tx_free(alone);
    return err;
}

static int terms_add(struct terms_read *x, const struct json *resource)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = terms_usable(resource, &d);
    if (!err)
        err = fhir_tx_add(x->t, resource, &d);
    if (err == AM_E_INVALID || err == AM_E_EXISTS)
        LOG_W("rest.terms", log_str("id", json_get_str(resource, "id")),
              log_str("url", json_get_str(resource, "url")),
              log_str("code", str_c(d.n ? d.item[0].code : "term.twice")));
    diag_release(&d);
    /* Of one address and version the newest counts: it came first. */
    return err == AM_E_INVALID || err == AM_E_EXISTS ? AM_OK : err;
}

static int terms_build(struct rest *r, struct eds_view *v, struct fhir_tx **out)
{
    struct terms_read x = {.t = NULL};
    int err = fhir_tx_new(&x.t, TERMS_MEMORY);
    if (!err && r->c.terms)
        fhir_tx_over(x.t, r->c.terms);
    for (size_t i = 0; i < TERMS_TYPES && !err; i++) {
        err = eds_each(v, str_c(terms_type[i]), 0, terms_body, &x);
        for (size_t k = x.doc.n; k-- > 0;) {
            if (!err)
                err = terms_add(&x, json_root(x.doc.v[k]));
            json_free(x.doc.v[k]);
        }
        x.doc.n = 0;
    }
    vec_release(&x.doc);
    if (!err)
        err = fhir_tx_ready(x.t, NULL);
    if (err)
        fhir_tx_free(x.t);
    else
        *out = x.t;
    return err == AM_E_INVALID ? AM_E_INTERNAL : err;
}

/* ---- taking and giving back ---- */
int rest_terms_take(struct rest *r, struct eds_view *v, bool keep,
                    struct rest_terms_now **out)
{
    struct rest_terms *x = r->terms;
    struct rest_terms_now *n = NULL, *old = NULL;
    struct terms_mark mark;
    int err = terms_look(r, v, &mark);
    if (err)
        return err;
    pthread_mutex_lock(&x->lock);
    if (x->now && memcmp(&x->now->mark, &mark, sizeof mark) == 0) {
        n = x->now;
        n->users++;
    }
    pthread_mutex_unlock(&x->lock);
    *out = n;
    if (n)
        return AM_OK;
    n = am_calloc(1, sizeof *n);
    if (!n)
        return AM_E_NOMEM;
    n->mark = mark;
    n->users = 1;
    err = terms_build(r, v, &n->t);
    if (err) {
        free(n);
        return err;
    }
    pthread_mutex_lock(&x->lock);
    if (keep) {
        old = x->now;
        x->now = n;
        n->users++;
        if (old && --old->users)
            old = NULL; /* whoever has it frees it */
    }
    pthread_mutex_unlock(&x->lock);
    terms_now_free(old);
    *out = n;
    return AM_OK;
}

const struct fhir_tx *rest_terms_of(const struct rest_terms_now *n)
{
    return n->t;
}

void rest_terms_give(struct rest *r, struct rest_terms_now *n)
{
    bool last;
    if (!n)
        return;
    pthread_mutex_lock(&r->terms->lock);
    last = --n->users == 0;
    pthread_mutex_unlock(&r->terms->lock);
    if (last)
        terms_now_free(n);
}

/* ---- searches: :in, :below, :above ---- */
static int codes_in(const struct fhir_tx *t, struct str canonical, eds_code_fn *fn,
                    void *arg)
{
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    const struct fhir_tx_set *set = NULL;
    struct fhir_tx_expansion e = {.n = 0};
    struct fhir_tx *own = NULL;
    int err = fhir_tx_implied(t, canonical, &own, &set, NULL);
    if (!err)
        err = fhir_tx_expand(t, set, &all, &e, NULL);
    for (size_t i = 0; i < e.n && !err; i++)
        err = fn(arg, e.v[i].system, e.v[i].code);
    free(e.v);
    fhir_tx_free(own);
    return err;
}

static int codes_related(const struct fhir_tx *t, struct str token, bool above,
                         eds_code_fn *fn, void *arg)
{
    struct str code, system = str_cut(token, '|', &code);
    const struct fhir_tx_system *s = fhir_tx_system(t, system, STR_NULL);
    struct fhir_tx_about about;
    uint32_t at, *v = NULL;
    size_t n = 0;
    int err;
    if (!s)
        return AM_E_NOTFOUND;
    fhir_tx_about(s, &about);
    at = fhir_tx_find(s, code);
    if (at == FHIR_TX_NONE || !about.complete) /* of a part one cannot tell all below */
        return AM_E_NOTFOUND;
    err = fhir_tx_related(s, at, above, &v, &n);
    for (size_t i = 0; i < n && !err; i++)
        err = fn(arg, about.url, fhir_tx_concept(s, v[i])->code);
    free(v);
    return err;
}

int rest_codes(void *arg, enum fhir_code_set set, struct str text, eds_code_fn *fn,
               void *fn_arg)
{
    const struct rest_codes *x = arg;
    struct rest_terms_now *n = NULL;
    int err = rest_terms_take(x->r, x->v, x->keep, &n);
    if (!err && set == FHIR_CODES_IN)
        err = codes_in(n->t, text, fn, fn_arg);
    else if (!err)
        err = codes_related(n->t, text, set == FHIR_CODES_ABOVE, fn, fn_arg);
    rest_terms_give(x->r, n);
    return err;
}
