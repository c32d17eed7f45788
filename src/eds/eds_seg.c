/* SPDX-License-Identifier: Apache-2.0 */
/* eds_seg -- segments: their directory (the first row of each page), their pages. */
#include "eds/eds_index_priv.h"

static int seg_count(void *arg, const struct eds_at *at)
{
    struct eds_seg *s = arg;
    (void)at;
    s->pages++;
    return s->pages > EDS_SEG_PAGES ? AM_E_TAMPERED : AM_OK;
}

static int seg_first(void *arg, const struct eds_at *at)
{
    struct eds_seg *s = arg;
    struct eds_at *to = &s->first[s->pages];
    if (s->pages && eds_at_cmp(to - 1, at) > 0)
        return AM_E_TAMPERED;
    *to = *at;
    if (at->row.kind == FHIR_ROW_STRING) {
        char *p = arena_dup(&s->texts, at->row.text);
        if (!p)
            return AM_E_NOMEM;
        to->row.text = (struct str){p, at->row.text.n};
    }
    s->pages++;
    for (size_t k = (size_t)at->row.kind + 1; k <= EDS_KINDS; k++)
        s->kind[k] = s->pages;
    return AM_OK;
}

void eds_seg_free(struct eds_seg *s)
{
    if (!s)
        return;
    arena_release(&s->texts);
    free(s->first);
    free(s);
}

int eds_seg_load(struct eds_view *v, int64_t n, struct eds_seg **out)
{
    struct eds_seg *s = am_calloc(1, sizeof *s);
    struct db_stmt *q;
    bool row = false;
    int err =
        s ? db_prepare(v->c, "select lo, hi, dir from seg where n = $1", &q) : AM_E_NOMEM;
    if (err) {
        free(s);
        return err;
    }
    arena_init(&s->texts, 256 << 20);
    db_bind_int(q, 1, n);
    err = db_step(q, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    if (!err) {
        s->n = n;
        s->lo = db_int(q, 0);
        s->hi = db_int(q, 1);
        err = eds_dir_each(db_blob(q, 2), s->lo, seg_count, s);
    }
    if (!err) {
        s->first = am_calloc(s->pages + 1, sizeof *s->first);
        s->pages = 0;
        err = s->first ? eds_dir_each(db_blob(q, 2), s->lo, seg_first, s) : AM_E_NOMEM;
    }
    if (err)
        eds_seg_free(s);
    else
        *out = s;
    return err;
}

size_t eds_seg_find(const struct eds_seg *s, const struct eds_at *at)
{
    size_t lo = s->kind[at->row.kind], hi = s->kind[at->row.kind + 1];
    if (lo == hi || eds_at_cmp(&s->first[lo], at) > 0)
        return SIZE_MAX;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (eds_at_cmp(&s->first[mid], at) > 0)
            hi = mid;
        else
            lo = mid;
    }
    return lo;
}

int eds_seg_page(struct eds_view *v, const struct eds_seg *s, size_t page,
                 struct str *body)
{
    struct db_stmt *q;
    bool row = false;
    int err = db_prepare(v->c, "select body from page where id = $1", &q);
    if (err)
        return err;
    db_bind_int(q, 1, s->n * EDS_SEG_PAGES + (int64_t)page);
    err = db_step(q, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    if (!err)
        *body = db_blob(q, 0);
    return err;
}

/* ---- rows one after the other ---- */
void eds_reel_init(struct eds_reel *r, struct eds_view *v, const struct eds_seg *s,
                   size_t page)
{
    *r = (struct eds_reel){.v = v, .s = s, .next = page};
    buf_init(&r->body, 16 << 20);
}

void eds_reel_release(struct eds_reel *r)
{
    if (r->open)
        eds_page_release(&r->page);
    buf_release(&r->body);
}

static int reel_page(struct eds_reel *r)
{
    struct str body;
    int err = eds_seg_page(r->v, r->s, r->next, &body);
    if (r->open)
        eds_page_release(&r->page);
    r->open = false;
    buf_clear(&r->body);
    if (!err)
        err = buf_add(&r->body, body);
    if (err)
        return err;
    r->open = true;
    r->next++;
    return eds_page_open(&r->page, buf_str(&r->body), r->s->lo);
}

int eds_reel_next(struct eds_reel *r, bool *more)
{
    int err = AM_OK;
    *more = false;
    if (r->open)
        err = eds_page_next(&r->page, more);
    while (!err && !*more && r->next < r->s->pages) {
        err = reel_page(r);
        if (!err)
            err = eds_page_next(&r->page, more);
    }
    if (!err && *more && (r->page.at.rid <= r->s->lo || r->page.at.rid > r->s->hi))
        err = AM_E_TAMPERED;
    return err;
}
