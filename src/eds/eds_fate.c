/* SPDX-License-Identifier: Apache-2.0 */
/* What of all that was met goes with a patient, and what is told of the rest: the Patient
 * and what names him alone; what hangs on those; the Binaries only these name; then what
 * hangs on these, until nothing more does (ADR 33). */
#include "eds/eds_whose_priv.h"

static int whose_cmp(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool whose_gone(const struct whose *w, uint64_t hash)
{
    return w->sorted && bsearch(&hash, w->gone.v, w->sorted, sizeof hash, whose_cmp);
}

static void whose_sort(struct whose *w)
{
    if (w->gone.n)
        qsort(w->gone.v, w->gone.n, sizeof *w->gone.v, whose_cmp);
    w->sorted = w->gone.n;
}

/* ---- deciding ---- */
/* Another Patient never goes, whatever he is linked to. */
static bool whose_may_go(const struct whose_node *n)
{
    return eds_whose_belongs(n->type) && !str_eqc(n->type, "AuditEvent") &&
           !str_eqc(n->type, "Patient");
}

/* A Provenance goes with its targets, whoever it names: later. */
static bool whose_late(const struct whose_node *n)
{
    return str_eqc(n->type, "Provenance");
}

static int whose_named(struct whose *w)
{
    int err = AM_OK;
    for (size_t i = 0; i < w->node.n && !err; i++) {
        struct whose_node *n = &w->node.v[i];
        if (n->self ||
            (n->him && !n->other && !n->by_address && whose_may_go(n) && !whose_late(n)))
            err = eds_whose_take(w, n);
    }
    return err;
}

/* How many of its references go; all: 2, some: 1, none: 0. */
static int whose_hangs(const struct whose *w, const struct whose_node *n)
{
    size_t in = 0;
    for (size_t k = 0; k < n->ref.n; k++)
        in += whose_gone(w, n->ref.v[k]);
    for (size_t k = 0; k < n->away.n; k++)
        in += whose_gone(w, n->away.v[k]);
    return in == n->ref.n + n->away.n ? 2 : in > 0;
}

static int whose_hanging(struct whose *w)
{
    int err = AM_OK;
    while (!err && w->sorted != w->gone.n) {
        whose_sort(w);
        for (size_t i = 0; i < w->node.n && !err; i++) {
            struct whose_node *n = &w->node.v[i];
            bool named = n->him && whose_late(n);
            bool free_of = !n->goes && (!n->him || named) && !n->by_address && !n->other;
            if (free_of && (n->ref.n || named) && whose_may_go(n) &&
                whose_hangs(w, n) == 2)
                err = eds_whose_take(w, n);
        }
    }
    return err;
}

/* ---- what it names: Binaries ---- */
/* NULL: there is none. */
static int whose_binary_node(struct whose *w, struct str name, struct whose_node **n)
{
    struct eds_meta m = {0};
    int err = eds_get(w->v, STR("Binary"), str_sub(name, 7, name.n), 0, NULL, &m);
    *n = NULL;
    if (err == AM_E_NOTFOUND || m.erased)
        return AM_OK;
    return err ? err : eds_whose_node(w, &m, true, n);
}

static bool whose_only(const struct whose *w, struct str name)
{
    uint64_t hash = eds_whose_hash(w, name);
    bool only = true;
    for (size_t i = 0; i < w->pair.n; i++)
        only = only && (w->pair.v[i].binary != hash || whose_gone(w, w->pair.v[i].by));
    return only;
}

static int whose_binary_take(struct whose *w, const struct whose_binary *b)
{
    struct whose_node *n;
    int err;
    if (b->by_address || !whose_only(w, b->name))
        return AM_OK;
    err = whose_binary_node(w, b->name, &n);
    return err || !n || n->goes ? err : eds_whose_take(w, n);
}

static int whose_binary_tell(struct whose *w, const struct whose_binary *b)
{
    struct whose_node *n;
    int err = whose_binary_node(w, b->name, &n);
    if (err || !n)
        return err;
    n->him = true;
    n->by_address |= b->by_address;
    n->other |= !b->by_address && !whose_only(w, b->name);
    return AM_OK;
}

/* What goes takes Binaries with it, these a Provenance, and so on. */
static int whose_all(struct whose *w)
{
    int err = whose_named(w);
    while (!err && w->sorted != w->gone.n) {
        err = whose_hanging(w);
        for (size_t i = 0; !err && i < w->binary.n; i++) {
            struct whose_binary b = w->binary.v[i]; /* there may be more, elsewhere */
            err = whose_binary_take(w, &b);
        }
    }
    for (size_t i = 0; !err && i < w->binary.n; i++)
        err = whose_binary_tell(w, &w->binary.v[i]);
    return err;
}

/* ---- telling ---- */
static int whose_tell(struct whose *w, struct whose_node *n, enum eds_fate fate)
{
    struct eds_fated f = {fate, n->type, n->id};
    struct eds_fated *more = am_realloc(w->x->fated, w->x->n_fated + 1, sizeof *more);
    if (!more)
        return AM_E_NOMEM;
    w->x->fated = more;
    w->x->fated[w->x->n_fated++] = f;
    w->x->resources += fate == EDS_GOES || fate == EDS_RETAINED;
    return AM_OK;
}

static enum eds_fate whose_fate(const struct whose_node *n)
{
    bool binary = str_eqc(n->type, "Binary");
    if (n->goes)
        return n->tagged ? EDS_RETAINED : EDS_GOES;
    if (str_eqc(n->type, "AuditEvent"))
        return EDS_AUDIT;
    if (n->damaged)
        return EDS_DAMAGED;
    if (!binary && !eds_whose_belongs(n->type))
        return EDS_FOREIGN;
    if (n->other || str_eqc(n->type, "Patient"))
        return EDS_SHARED;
    return n->by_address || n->away.n || (binary && n->him) ? EDS_FOREIGN : EDS_SHARED;
}

static int whose_fates(struct whose *w)
{
    int err = AM_OK;
    for (size_t i = 0; i < w->node.n && !err; i++) {
        struct whose_node *n = &w->node.v[i];
        if (n->goes || n->him || n->by_address || n->damaged ||
            (n->ref.n + n->away.n && whose_hangs(w, n)))
            err = whose_tell(w, n, whose_fate(n));
    }
    return err;
}

int eds_fates(struct whose *w)
{
    struct whose_node *self;
    struct eds_meta m = {.type = "Patient"};
    int err;
    memcpy(m.id, w->x->id.p, w->x->id.n);
    err = eds_whose_node(w, &m, false, &self);
    if (!err && !(self && self->self))
        err = AM_E_NOTFOUND;
    if (!err)
        err = whose_all(w);
    return err ? err : whose_fates(w);
}
