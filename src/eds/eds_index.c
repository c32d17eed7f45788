/* SPDX-License-Identifier: Apache-2.0 */
/* The index as a whole: every row; is a row there; sums that tell whether two sets of
 * rows are the same without keeping either. */
#include "eds/eds_index_priv.h"

static uint64_t eds_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

void eds_sum_add(struct eds_sum sum[4], const struct fhir_row *r, int64_t rid)
{
    uint64_t h = eds_mix(0x5eed, (uint64_t)rid), bits = 0;
    switch (r->kind) {
    case FHIR_ROW_TOKEN:
        h = eds_mix(h, r->hash);
        break;
    case FHIR_ROW_DATE:
        h = eds_mix(eds_mix(eds_mix(h, r->param), (uint64_t)r->lo), (uint64_t)r->hi);
        break;
    case FHIR_ROW_QUANTITY:
        memcpy(&bits, &r->value, sizeof bits);
        h = eds_mix(eds_mix(eds_mix(h, r->param), r->unit), bits);
        break;
    case FHIR_ROW_STRING:
        h = eds_mix(eds_mix(h, r->param), str_hash(r->text));
        break;
    }
    sum[r->kind].n++;
    sum[r->kind].sum += h;
}

/* ---- every row ---- */
static int index_chunk(const struct eds_ix *x, const struct eds_chunk *c, int64_t above,
                       int64_t until, eds_row_fn *fn, void *arg)
{
    struct fhir_row token = {.kind = FHIR_ROW_TOKEN};
    int err = AM_OK;
    for (size_t i = 0; i < c->row.n && !err; i++) {
        int64_t rid = c->lo + c->row.v[i].rid;
        if (rid > above && rid <= until && !eds_ix_dead(x, rid))
            err = fn(arg, &c->row.v[i].row, rid);
    }
    for (size_t i = 0; i < c->tok.cap && !err; i++) {
        token.hash = c->tok.v[i].key;
        for (uint32_t k = c->tok.v[i].last; k && !err; k = c->post.v[k - 1].prev) {
            int64_t rid = c->lo + c->post.v[k - 1].rid;
            if (rid > above && rid <= until && !eds_ix_dead(x, rid))
                err = fn(arg, &token, rid);
        }
    }
    return err;
}

static int index_seg(struct eds_view *v, const struct eds_ix *x, const struct eds_seg *s,
                     eds_row_fn *fn, void *arg)
{
    struct eds_reel r;
    bool more = true;
    int err = AM_OK;
    eds_reel_init(&r, v, s, 0);
    while (!err && more) {
        err = eds_reel_next(&r, &more);
        if (!err && more && !eds_ix_dead(x, r.page.at.rid))
            err = fn(arg, &r.page.at.row, r.page.at.rid);
    }
    eds_reel_release(&r);
    return err;
}

int eds_index_each(struct eds_view *v, eds_row_fn *fn, void *arg)
{
    const struct eds_chunk *c;
    struct eds_ix *x;
    int64_t above, until;
    int err = eds_ix_get(v, &x);
    if (err)
        return err;
    am_assert(!pthread_rwlock_rdlock(&v->e->tail->rw));
    for (size_t i = 0; !err && eds_ix_chunk(x, i, &c, &above, &until); i++)
        err = index_chunk(x, c, above, until, fn, arg);
    am_assert(!pthread_rwlock_unlock(&v->e->tail->rw));
    for (size_t i = 0; i < x->seg.n && !err; i++)
        err = index_seg(v, x, x->seg.v[i], fn, arg);
    return err;
}

struct index_want {
    struct eds_at at;
    bool has;
};

static int index_is(void *arg, const struct fhir_row *r, int64_t rid)
{
    struct index_want *w = arg;
    w->has = w->has || (rid == w->at.rid && fhir_row_cmp(r, &w->at.row) == 0);
    return AM_OK;
}

int eds_index_has(struct eds_view *v, const struct fhir_row *r, int64_t rid, bool *has)
{
    struct index_want w = {{*r, rid}, false};
    struct eds_span s = {.param = r->param,
                         .unit = r->unit,
                         .lo_min = r->lo,
                         .lo_max = r->lo,
                         .v_min = r->value,
                         .v_max = r->value,
                         .t_min = r->text};
    char under[EDS_NAME * 4];
    int err;
    if (r->kind == FHIR_ROW_TOKEN)
        return eds_tok_has(v, r->hash, rid, has);
    if (r->text.n + 1 < sizeof under && r->kind == FHIR_ROW_STRING) { /* just that text */
        memcpy(under, r->text.p, r->text.n);
        under[r->text.n] = '\0';
        s.t_under = (struct str){under, r->text.n + 1};
    }
    err = eds_span_each(v, r->kind, &s, index_is, &w);
    *has = w.has;
    return err;
}
