/* SPDX-License-Identifier: Apache-2.0 */
/* Hierarchies: parents and children, and the tree cover that answers "is it under". */
#include "fhir/fhir_tx_priv.h"

struct tx_cover {
    struct fhir_tx_system *s;
    size_t n;
    uint32_t *order; /* parents before children */
    uint32_t *level, *tree, *low, *left;
    VEC(struct tx_span) work;
};

/* Rows of edges by one end, each once, in the order given. */
static int tx_ends(const struct fhir_tx_system *s, bool up, uint32_t **at, uint32_t **to)
{
    size_t n = s->concept.n;
    uint32_t *a = am_calloc(n + 2, sizeof *a), *v = am_calloc(s->edge.n + 1, sizeof *v);
    if (!a || !v) {
        free(a);
        free(v);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < s->edge.n; i++)
        a[(up ? s->edge.v[i].child : s->edge.v[i].parent) + 2]++;
    for (size_t i = 1; i < n + 1; i++)
        a[i + 1] += a[i];
    for (size_t i = 0; i < s->edge.n; i++) {
        const struct tx_edge *e = &s->edge.v[i];
        v[a[(up ? e->child : e->parent) + 1]++] = up ? e->parent : e->child;
    }
    free(*at);
    free(*to);
    *at = a; /* a[i] is where i begins: the counting above moved it by one */
    *to = v;
    return AM_OK;
}

static int tx_edge_cmp(const void *a, const void *b)
{
    const struct tx_edge *x = a, *y = b;
    if (x->child != y->child)
        return x->child > y->child ? 1 : -1;
    return (x->parent > y->parent) - (x->parent < y->parent);
}

static void tx_edges_once(struct fhir_tx_system *s)
{
    size_t k = 0;
    if (!s->edge.n)
        return;
    qsort(s->edge.v, s->edge.n, sizeof *s->edge.v, tx_edge_cmp);
    for (size_t i = 0; i < s->edge.n; i++)
        if (!i || tx_edge_cmp(&s->edge.v[i], &s->edge.v[k - 1]))
            s->edge.v[k++] = s->edge.v[i];
    s->edge.n = k;
}

/* Kahn: what is left over when all that has nothing above it was taken is a circle. */
static int tx_order(struct tx_cover *c, struct diag *d)
{
    const struct fhir_tx_system *s = c->s;
    size_t done = 0, ready = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        c->left[i] = s->up_at[i + 1] - s->up_at[i];
        c->tree[i] = FHIR_TX_NONE;
        if (!c->left[i])
            c->order[ready++] = i;
    }
    while (done < ready) {
        uint32_t p = c->order[done++];
        for (uint32_t k = s->down_at[p]; k < s->down_at[p + 1]; k++) {
            uint32_t child = s->down[k];
            if (c->tree[child] == FHIR_TX_NONE || c->level[p] + 1 > c->level[child]) {
                c->level[child] = c->level[p] + 1;
                c->tree[child] = p; /* the deepest parent: its interval says most */
            }
            if (--c->left[child] == 0)
                c->order[ready++] = child;
        }
    }
    for (uint32_t i = 0; i < c->n && done < c->n; i++)
        if (c->left[i])
            return fhir_tx_bad(d, s->concept.v[i].code, "term.cycle");
    return AM_OK;
}

/* Postorder along the tree. left[i]: the next row of i to go down. */
static void tx_number(struct tx_cover *c)
{
    struct fhir_tx_system *s = c->s;
    uint32_t next = 0;
    for (uint32_t i = 0; i < c->n; i++)
        c->left[i] = s->down_at[i];
    for (uint32_t root = 0; root < c->n; root++) {
        uint32_t at = root;
        if (c->tree[root] != FHIR_TX_NONE)
            continue;
        c->low[root] = next;
        for (;;) {
            bool down = false;
            while (c->left[at] < s->down_at[at + 1] && !down) {
                uint32_t child = s->down[c->left[at]++];
                if (c->tree[child] == at) {
                    c->low[child] = next;
                    at = child;
                    down = true;
                }
            }
            if (down)
                continue;
            s->by_post[next] = at;
            s->post[at] = next++;
            if (at == root)
                break;
            at = c->tree[at];
        }
    }
}

static int tx_span_cmp(const void *a, const void *b)
{
    const struct tx_span *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Those of one concept, whose children have theirs, at the end of s->span. */
static int tx_spans_of(struct tx_cover *c, uint32_t i, uint32_t *from, uint32_t *to)
{
    struct fhir_tx_system *s = c->s;
    size_t begin = s->span.n;
    int err;
    c->work.n = 0;
    err = vec_push(&c->work, ((struct tx_span){c->low[i], s->post[i]}));
    for (uint32_t k = s->down_at[i]; k < s->down_at[i + 1] && !err; k++)
        for (uint32_t j = from[s->down[k]]; j < to[s->down[k]] && !err; j++)
            if (s->span.v[j].lo < c->low[i] || s->span.v[j].hi > s->post[i])
                err = vec_push(&c->work, s->span.v[j]);
    if (c->work.n > 1)
        qsort(c->work.v, c->work.n, sizeof *c->work.v, tx_span_cmp);
    for (size_t j = 0; j < c->work.n && !err; j++) {
        const struct tx_span *x = &c->work.v[j];
        if (s->span.n > begin && x->lo <= s->span.v[s->span.n - 1].hi + 1)
            s->span.v[s->span.n - 1].hi = AM_MAX(s->span.v[s->span.n - 1].hi, x->hi);
        else if (s->span.n >= FHIR_TX_SPANS)
            err = AM_E_TOOBIG;
        else
            err = vec_push(&s->span, *x);
    }
    from[i] = (uint32_t)begin;
    to[i] = (uint32_t)s->span.n;
    return err;
}

static int tx_spans(struct tx_cover *c)
{
    uint32_t *from = am_calloc(c->n + 1, sizeof *from),
             *to = am_calloc(c->n + 1, sizeof *to);
    int err = from && to ? AM_OK : AM_E_NOMEM;
    c->s->span.n = 0;
    for (size_t k = c->n; k-- > 0 && !err;)
        err = tx_spans_of(c, c->order[k], from, to);
    /* order[n-1] was first: the rows of order[k] end where those of order[k-1] begin */
    free(c->s->span_at);
    c->s->span_at = NULL;
    if (!err) {
        c->s->span_at = am_calloc(2 * c->n + 2, sizeof *from);
        err = c->s->span_at ? AM_OK : AM_E_NOMEM;
    }
    for (size_t i = 0; i < c->n && !err; i++) {
        c->s->span_at[2 * i] = from[i];
        c->s->span_at[2 * i + 1] = to[i];
    }
    free(from);
    free(to);
    return err;
}

int fhir_tx_tree(struct fhir_tx_system *s, struct diag *d)
{
    struct tx_cover c = {.s = s, .n = s->concept.n};
    size_t n = c.n + 1;
    int err;
    tx_edges_once(s);
    free(s->post);
    free(s->by_post);
    s->post = am_calloc(n, sizeof *s->post);
    s->by_post = am_calloc(n, sizeof *s->by_post);
    c.order = am_calloc(n, sizeof *c.order);
    c.level = am_calloc(n, sizeof *c.level);
    c.tree = am_calloc(n, sizeof *c.tree);
    c.low = am_calloc(n, sizeof *c.low);
    c.left = am_calloc(n, sizeof *c.left);
    err = s->post && s->by_post && c.order && c.level && c.tree && c.low && c.left
              ? AM_OK
              : AM_E_NOMEM;
    if (!err)
        err = tx_ends(s, true, &s->up_at, &s->up);
    if (!err)
        err = tx_ends(s, false, &s->down_at, &s->down);
    if (!err)
        err = tx_order(&c, d);
    if (!err) {
        tx_number(&c);
        err = tx_spans(&c);
    }
    free(c.order);
    free(c.level);
    free(c.tree);
    free(c.low);
    free(c.left);
    vec_release(&c.work);
    return err;
}

const uint32_t *fhir_tx_parents(const struct fhir_tx_system *s, uint32_t c, size_t *n)
{
    *n = s->up_at[c + 1] - s->up_at[c];
    return s->up + s->up_at[c];
}

const uint32_t *fhir_tx_children(const struct fhir_tx_system *s, uint32_t c, size_t *n)
{
    *n = s->down_at[c + 1] - s->down_at[c];
    return s->down + s->down_at[c];
}

bool fhir_tx_subsumes(const struct fhir_tx_system *s, uint32_t a, uint32_t d)
{
    uint32_t lo = s->span_at[2 * (size_t)a], hi = s->span_at[2 * (size_t)a + 1];
    uint32_t p = s->post[d];
    while (lo < hi) { /* the first span that does not end before p */
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->span.v[mid].hi < p)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->span_at[2 * (size_t)a + 1] && s->span.v[lo].lo <= p;
}

static int tx_order_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Upwards from c, each once: seen has a bit a concept. */
static int tx_above(const struct fhir_tx_system *s, uint32_t c, uint32_t **out, size_t *n)
{
    uint8_t *seen = am_calloc(s->concept.n / 8 + 1, 1);
    struct {
        uint32_t *v;
        size_t n, cap;
    } found = {0};
    int err = seen ? vec_push(&found, c) : AM_E_NOMEM;
    for (size_t done = 0; done < found.n && !err; done++) {
        size_t ups;
        const uint32_t *up = fhir_tx_parents(s, found.v[done], &ups);
        for (size_t i = 0; i < ups && !err; i++) {
            if (seen[up[i] / 8] & 1u << up[i] % 8)
                continue;
            seen[up[i] / 8] |= (uint8_t)(1u << up[i] % 8);
            err = vec_push(&found, up[i]);
        }
    }
    free(seen);
    if (err) {
        free(found.v);
        return err;
    }
    *out = found.v;
    *n = found.n;
    return AM_OK;
}

static int tx_below(const struct fhir_tx_system *s, uint32_t c, uint32_t **out, size_t *n)
{
    uint32_t from = s->span_at[2 * (size_t)c], to = s->span_at[2 * (size_t)c + 1];
    size_t many = 0;
    for (uint32_t k = from; k < to; k++)
        many += s->span.v[k].hi - s->span.v[k].lo + 1;
    *out = am_calloc(many + 1, sizeof **out);
    if (!*out)
        return AM_E_NOMEM;
    for (uint32_t k = from; k < to; k++)
        for (uint32_t p = s->span.v[k].lo; p <= s->span.v[k].hi; p++)
            (*out)[(*n)++] = s->by_post[p];
    return AM_OK;
}

int fhir_tx_related(const struct fhir_tx_system *s, uint32_t c, bool above,
                    uint32_t **out, size_t *n)
{
    int err;
    *n = 0;
    *out = NULL;
    err = above ? tx_above(s, c, out, n) : tx_below(s, c, out, n);
    if (!err && *n)
        qsort(*out, *n, sizeof **out, tx_order_cmp);
    return err;
}
