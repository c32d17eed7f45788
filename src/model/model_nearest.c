/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest change that turns the decision of a forest (A. Kantchelian et al., ICML
 * 2016, ask it of a MILP solver; here: best first over boxes).
 *
 * A box is an interval of float32 keys per input that can move. Its distance is that of
 * its point nearest to the case; a bound on its scores comes from the leaves each tree
 * can still reach, added in the order and in the float32 of the model, hence exact. Boxes
 * are taken by rising distance: the first whose nearest point flips is the nearest change
 * there is; a box that cannot flip is dropped; else it is cut at a threshold of the tree
 * that is least decided. What is over when no box is left is a proof. */
#include <math.h>

#include "model/model_priv.h"

enum { NEAREST_BYTES = 64 << 20, NEAREST_SWEEPS = 3 };

struct span {
    int32_t lo, hi; /* keys, both included */
};
struct entry {
    double distance;
    uint32_t box;
};
struct search {
    const struct model_xgb *x;
    const struct model_axis *axis;
    const double *from;
    struct model_nearest *q;
    bool positive;
    size_t m;         /* inputs that move and that a tree asks */
    uint32_t *at;     /* which */
    uint32_t *place;  /* of each input among those; UINT32_MAX: it is fixed */
    struct span *box; /* boxes_max * m */
    uint32_t boxes;
    struct entry *heap;
    size_t waiting;
    uint32_t *stack; /* of nodes */
    double *point;   /* features */
};

/* ---- values in a span -----------------------------------------------------------------
 */
/* Key -1 is -0, which no value has: it counts as +0. */
static struct span span_of(int32_t lo, int32_t hi)
{
    return (struct span){lo == -1 ? 0 : lo, hi == -1 ? -2 : hi};
}

static bool inside(const struct span *s, double v)
{
    int32_t k = model_key((float)v);
    return k >= s->lo && k <= s->hi;
}

/* The value of input j nearest to the case in the span; false: it has none. */
static bool value_in(const struct search *w, size_t j, const struct span *s, double *v)
{
    const struct model_axis *a = &w->axis[j];
    double c = w->from[j], g = a->grain;
    bool up;
    *v = c;
    if (s->lo > s->hi)
        return false;
    if (inside(s, c))
        return true;
    up = model_key((float)c) < s->lo;
    *v = (double)model_unkey(up ? s->lo : s->hi);
    if (g > 0) {
        *v = (up ? ceil(*v / g) : floor(*v / g)) * g;
        if (!inside(s, *v))
            *v += up ? g : -g;
    }
    return inside(s, *v) && *v >= a->lo && *v <= a->hi;
}

/* The point of the box nearest to the case, in w->point; infinite: the box is empty. */
static double nearest_point(struct search *w, const struct span *box)
{
    double sum = 0, top = 0;
    for (size_t k = 0; k < w->m; k++) {
        size_t j = w->at[k];
        double d;
        if (!value_in(w, j, &box[k], &w->point[j]))
            return INFINITY;
        d = fabs(w->point[j] - w->from[j]) / w->axis[j].unit;
        sum += d * d;
        top = fmax(top, d);
    }
    return w->q->l2 ? sqrt(sum) : top;
}

/* ---- what a box can score -------------------------------------------------------------
 */
static bool flips(const struct search *w, float margin)
{
    return ((double)model_xgb_link(w->x, margin) >= w->q->threshold) != w->positive;
}

static bool point_flips(const struct search *w, const double *point)
{
    float margin;
    model_xgb_margins(w->x, point, 1, &margin);
    return flips(w, margin);
}

/* Which children of a split the box reaches: 1 left, 2 right, 3 both. */
static unsigned reach(const struct search *w, const struct model_node *nd,
                      const struct span *box)
{
    uint32_t k = w->place[nd->feature];
    if (k == UINT32_MAX)
        return model_goes_right(w->x, nd, (float)w->from[nd->feature]) ? 2 : 1;
    return (box[k].lo < nd->u.key ? 1u : 0u) | (box[k].hi >= nd->u.key ? 2u : 0u);
}

struct leaves {
    float least, most;
    uint32_t open; /* the first node on the way that the box does not decide */
};

static struct leaves tree_leaves(const struct search *w, const struct model_tree *t,
                                 const struct span *box)
{
    const struct model_node *node = w->x->node.v;
    struct leaves l = {INFINITY, -INFINITY, UINT32_MAX};
    size_t n = 1;
    w->stack[0] = t->root;
    while (n) {
        uint32_t i = w->stack[--n];
        unsigned way;
        if (!node[i].step) {
            float v = t->weight * node[i].u.value;
            l.least = fminf(l.least, v);
            l.most = fmaxf(l.most, v);
            continue;
        }
        way = reach(w, &node[i], box);
        if (way == 3 && l.open == UINT32_MAX)
            l.open = i;
        if (way & 2)
            w->stack[n++] = node[i].left + 1;
        if (way & 1)
            w->stack[n++] = node[i].left;
    }
    return l;
}

/* Can anything in the box flip? And at which node to cut it, if it is to be cut. */
static bool can_flip(const struct search *w, const struct span *box, uint32_t *cut)
{
    const struct model_xgb *x = w->x;
    float least = x->base_margin, most = least, widest = -1;
    *cut = UINT32_MAX;
    for (size_t i = 0; i < x->tree.n; i++) {
        struct leaves l = tree_leaves(w, &x->tree.v[i], box);
        least += l.least;
        most += l.most;
        if (l.open != UINT32_MAX && l.most - l.least > widest) {
            widest = l.most - l.least;
            *cut = l.open;
        }
    }
    return flips(w, w->positive ? least : most);
}

/* ---- the queue ------------------------------------------------------------------------
 */
/* Nearest first; among equals the newest, which is the smaller box. */
static bool before(struct entry a, struct entry b)
{
    return a.distance < b.distance || (a.distance == b.distance && a.box > b.box);
}

static void push(struct search *w, struct entry e)
{
    size_t i = w->waiting++;
    for (; i > 0 && before(e, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = e;
}

static struct entry pop(struct search *w)
{
    struct entry first = w->heap[0], last = w->heap[--w->waiting];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < w->waiting) {
        if (child + 1 < w->waiting && before(w->heap[child + 1], w->heap[child]))
            child++;
        if (!before(w->heap[child], last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

/* Waits its turn, unless it is empty or no nearer than what is known. */
static bool add(struct search *w, const struct span *box)
{
    double d = nearest_point(w, box);
    if (isinf(d) || d > w->q->eps * (1 + 1e-9) || (w->q->found && d >= w->q->distance))
        return true;
    if (w->boxes >= w->q->boxes_max)
        return false;
    memmove(w->box + (size_t)w->boxes * w->m, box, w->m * sizeof *box);
    push(w, (struct entry){d, w->boxes++});
    return true;
}

static bool cut_box(struct search *w, struct span *box, uint32_t node)
{
    const struct model_node *nd = &w->x->node.v[node];
    size_t k = w->place[nd->feature];
    struct span whole = box[k];
    bool room;
    box[k] = span_of(whole.lo, nd->u.key - 1);
    room = add(w, box);
    box[k] = span_of(nd->u.key, whole.hi);
    room &= add(w, box);
    box[k] = whole;
    return room;
}

static void take(struct search *w, double distance, double *out)
{
    w->q->found = true;
    w->q->distance = distance;
    memcpy(out, w->point, w->x->features * sizeof *out);
}

/* ---- from a change that is known ------------------------------------------------------
 */
/* The box in which every tree gives the leaf it gives to this point. */
static void box_of(const struct search *w, const double *point, struct span *box)
{
    for (size_t i = 0; i < w->x->tree.n; i++) {
        const struct model_node *nd = &w->x->node.v[w->x->tree.v[i].root];
        while (nd->step) {
            uint32_t right = model_goes_right(w->x, nd, (float)point[nd->feature]);
            uint32_t k = w->place[nd->feature];
            if (k != UINT32_MAX && right)
                box[k] = span_of(AM_MAX(box[k].lo, nd->u.key), box[k].hi);
            else if (k != UINT32_MAX)
                box[k] = span_of(box[k].lo, AM_MIN(box[k].hi, nd->u.key - 1));
            nd = &w->x->node.v[nd->left + right];
        }
    }
}

/* Each input back to the case where the decision allows it; then the nearest point of
 * the leaf box; until nothing moves. */
static void improve(struct search *w, const struct span *root, struct span *box,
                    double *now, double *out)
{
    for (int sweep = 0; sweep < NEAREST_SWEEPS; sweep++) {
        double d;
        for (size_t k = 0; k < w->m; k++) {
            size_t j = w->at[k];
            double v = now[j];
            now[j] = w->from[j];
            if (v != now[j] && !point_flips(w, now))
                now[j] = v;
        }
        memcpy(box, root, w->m * sizeof *box);
        box_of(w, now, box);
        d = nearest_point(w, box);
        if (isinf(d) || d > w->q->eps * (1 + 1e-9) || !point_flips(w, w->point) ||
            (w->q->found && d >= w->q->distance))
            return;
        take(w, d, out);
        memcpy(now, w->point, w->x->features * sizeof *now);
    }
}

/* ---- the search -----------------------------------------------------------------------
 */
static void run(struct search *w, struct span *root, double *out)
{
    struct model_nearest *q = w->q;
    q->complete = add(w, root);
    while (w->waiting) {
        struct entry e = pop(w);
        struct span *box = w->box + (size_t)e.box * w->m;
        uint32_t cut;
        if (q->found && e.distance >= q->distance)
            break;
        q->lower = e.distance;
        if (!can_flip(w, box, &cut))
            continue;
        (void)nearest_point(w, box);
        if (point_flips(w, w->point)) { /* nothing that waits is nearer */
            take(w, e.distance, out);
            break;
        }
        if (cut != UINT32_MAX && !cut_box(w, box, cut)) {
            q->complete = false;
            return;
        }
    }
    q->lower = q->found ? q->distance : q->eps;
}

static int search_memory(struct search *w)
{
    size_t f = w->x->features, m, most;
    w->at = am_malloc((f + 1) * sizeof *w->at);
    w->place = am_malloc((f + 1) * sizeof *w->place);
    w->stack = am_malloc(((size_t)w->x->depth + 2) * sizeof *w->stack);
    w->point = am_malloc((f + 1) * sizeof *w->point);
    if (!w->at || !w->place || !w->stack || !w->point)
        return AM_E_NOMEM;
    memcpy(w->point, w->from, f * sizeof *w->point);
    memset(w->place, 0xff, f * sizeof *w->place);
    for (size_t i = 0; i < w->x->node.n; i++) {
        const struct model_node *nd = &w->x->node.v[i];
        size_t j = nd->feature;
        if (nd->step && !(nd->flags & MODEL_CATEGORICAL) && !w->axis[j].fixed &&
            !isnan(w->from[j]))
            w->place[j] = 0;
    }
    for (size_t i = 0; i < w->x->node.n; i++) /* asked as a category: it stays */
        if (w->x->node.v[i].step && w->x->node.v[i].flags & MODEL_CATEGORICAL)
            w->place[w->x->node.v[i].feature] = UINT32_MAX;
    for (size_t j = 0; j < f; j++)
        if (w->place[j] == 0) {
            w->at[w->m] = (uint32_t)j;
            w->place[j] = (uint32_t)w->m++;
        }
    m = w->m + 1;
    most = NEAREST_BYTES / (m * sizeof *w->box);
    w->q->boxes_max = (uint32_t)AM_MIN((size_t)w->q->boxes_max, most);
    w->box = am_malloc(((size_t)w->q->boxes_max + 3) * m * sizeof *w->box);
    w->heap = am_malloc(((size_t)w->q->boxes_max + 1) * sizeof *w->heap);
    return w->box && w->heap ? AM_OK : AM_E_NOMEM;
}

static void search_release(struct search *w)
{
    free(w->at);
    free(w->place);
    free(w->stack);
    free(w->point);
    free(w->box);
    free(w->heap);
}

static int search(struct search *w, double *out, bool started)
{
    struct span *root, *spare;
    float margin;
    int err = search_memory(w);
    if (err)
        return err;
    root = w->box + (size_t)w->q->boxes_max * w->m;
    spare = root + w->m;
    for (size_t k = 0; k < w->m; k++) {
        const struct model_axis *a = &w->axis[w->at[k]];
        double c = w->from[w->at[k]];
        root[k] =
            span_of(model_key((float)fmin(a->lo, c)), model_key((float)fmax(a->hi, c)));
        root[k].hi = AM_MIN(root[k].hi, MODEL_KEY_MISSING - 1);
    }
    model_xgb_margins(w->x, w->from, 1, &margin);
    w->positive = (double)model_xgb_link(w->x, margin) >= w->q->threshold;
    if (started) {
        double *now = am_malloc((w->x->features + 1) * sizeof *now);
        if (!now)
            return AM_E_NOMEM;
        memcpy(now, w->from, w->x->features * sizeof *now);
        for (size_t k = 0; k < w->m; k++)
            now[w->at[k]] = out[w->at[k]];
        if (point_flips(w, now))
            improve(w, root, spare, now, out);
        free(now);
    }
    run(w, root, out);
    return AM_OK;
}

int model_nearest(const struct model *m, const double *x, const struct model_axis *axis,
                  bool started, struct model_nearest *q, double *out)
{
    struct search w = {.x = m->xgb, .axis = axis, .from = x, .q = q};
    int err;
    if (!m->xgb || m->xgb->booster == MODEL_GBLINEAR)
        return AM_E_UNSUPPORTED;
    for (size_t j = 0; j < m->features; j++)
        if (!axis[j].fixed && !(axis[j].unit > 0 && axis[j].lo <= axis[j].hi))
            return AM_E_INVALID;
    q->found = q->complete = false;
    q->distance = INFINITY;
    q->lower = 0;
    err = search(&w, out, started);
    q->boxes = w.boxes;
    search_release(&w);
    return err;
}
