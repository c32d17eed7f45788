/* SPDX-License-Identifier: Apache-2.0 */
/* eds_page -- rows in pages: sorted, each as its difference from the one before.
 *
 * A page begins with its kind. Numbers are LEB128. Tokens: per term the difference of the
 * hash, the number of rids, the bytes they take, the rids (first from the segment's
 * beginning, then differences). Other rows: difference of the param; then, while that is
 * the same, differences of the values in an order-preserving form; the rid; of a date the
 * width, of a text what differs from the one before. */
#include "eds/eds_index_priv.h"

enum { PAGE_ROW = 45 }; /* at most, without text */

/* ---- order ---- */
#define PAGE_CMP(a, b) ((a) < (b) ? -1 : (a) > (b))

int eds_at_cmp(const struct eds_at *a, const struct eds_at *b)
{
    const struct fhir_row *x = &a->row, *y = &b->row;
    int c = PAGE_CMP(x->kind, y->kind);
    if (!c && x->kind == FHIR_ROW_TOKEN)
        c = PAGE_CMP(x->hash, y->hash);
    else if (!c) {
        c = PAGE_CMP(x->param, y->param);
        if (!c && x->kind == FHIR_ROW_DATE)
            c = PAGE_CMP(x->lo, y->lo);
        else if (!c && x->kind == FHIR_ROW_STRING)
            c = str_cmp(x->text, y->text);
        else if (!c) {
            c = PAGE_CMP(x->unit, y->unit);
            c = c ? c : PAGE_CMP(x->value, y->value);
        }
    }
    c = c ? c : PAGE_CMP(a->rid, b->rid);
    return c || x->kind != FHIR_ROW_DATE ? c : PAGE_CMP(x->hi, y->hi);
}

/* Unsigned numbers that are ordered as the signed, the doubles. */
static uint64_t page_of_int(int64_t v)
{
    return (uint64_t)v ^ (UINT64_C(1) << 63);
}

static int64_t page_to_int(uint64_t v)
{
    return (int64_t)(v ^ (UINT64_C(1) << 63));
}

static uint64_t page_of_num(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double page_to_num(uint64_t v)
{
    uint64_t bits = v >> 63 ? v & ~(UINT64_C(1) << 63) : ~v;
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* ---- numbers ---- */
static size_t page_num(char p[10], uint64_t v)
{
    size_t n = 0;
    for (; v > 0x7f; v >>= 7)
        p[n++] = (char)(v | 0x80);
    p[n++] = (char)v;
    return n;
}

static int page_put(struct buf *b, uint64_t v)
{
    char p[10];
    size_t n = page_num(p, v);
    return buf_add(b, (struct str){p, n});
}

static int page_take(struct str *s, uint64_t *v)
{
    uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && s->n; shift += 7) {
        uint8_t byte = (uint8_t)*s->p;
        s->p++;
        s->n--;
        out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *v = out;
            return AM_OK;
        }
    }
    return AM_E_TAMPERED;
}

/* ---- one row ---- */
static size_t page_shared(struct str a, struct str b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

static int page_put_row(struct buf *b, const struct fhir_row *last,
                        const struct eds_at *at, int64_t lo)
{
    const struct fhir_row *r = &at->row;
    bool same = r->param == last->param, unit = same && r->unit == last->unit;
    uint64_t v[5] = {r->param - last->param};
    size_t n = 1, shared;
    int err = AM_OK;
    if (r->kind == FHIR_ROW_DATE) {
        v[n++] = page_of_int(r->lo) - (same ? page_of_int(last->lo) : 0);
        v[n++] = (uint64_t)r->hi - (uint64_t)r->lo;
    } else if (r->kind == FHIR_ROW_QUANTITY) {
        v[n++] = r->unit - (same ? last->unit : 0);
        v[n++] = page_of_num(r->value) - (unit ? page_of_num(last->value) : 0);
    } else if (r->kind == FHIR_ROW_STRING) {
        shared = same ? page_shared(r->text, last->text) : 0;
        v[n++] = shared;
        v[n++] = r->text.n - shared;
    } else
        v[0] = r->hash - last->hash;
    v[n++] = (uint64_t)(at->rid - lo);
    for (size_t i = 0; i < n && !err; i++)
        err = page_put(b, v[i]);
    if (!err && r->kind == FHIR_ROW_STRING)
        err = buf_add(b, str_sub(r->text, (size_t)v[1], r->text.n));
    return err;
}

static int page_take_text(struct eds_page *p, uint64_t shared, uint64_t n, bool same)
{
    int err;
    if (n > p->rest.n || (shared && !same) || shared > p->text.n)
        return AM_E_TAMPERED;
    buf_cut(&p->text, (size_t)shared);
    err = buf_add(&p->text, str_sub(p->rest, 0, (size_t)n));
    p->rest = str_sub(p->rest, (size_t)n, p->rest.n);
    p->at.row.text = buf_str(&p->text);
    return err;
}

static int page_take_row(struct eds_page *p)
{
    struct fhir_row *r = &p->at.row;
    uint64_t v[4];
    size_t n = r->kind == FHIR_ROW_TOKEN ? 2 : 4;
    bool same, unit;
    for (size_t i = 0; i < n; i++)
        if (page_take(&p->rest, &v[i]))
            return AM_E_TAMPERED;
    p->at.rid = (int64_t)((uint64_t)p->lo + v[n - 1]);
    if (r->kind == FHIR_ROW_TOKEN) {
        r->hash += v[0];
        return AM_OK;
    }
    same = !(uint32_t)v[0];
    r->param += (uint32_t)v[0];
    if (r->kind == FHIR_ROW_DATE) {
        r->lo = page_to_int(v[1] + (same ? page_of_int(r->lo) : 0));
        r->hi = (int64_t)((uint64_t)r->lo + v[2]);
    } else if (r->kind == FHIR_ROW_QUANTITY) {
        unit = same && !(uint32_t)v[1];
        r->unit = (uint32_t)v[1] + (same ? r->unit : 0);
        r->value = page_to_num(v[2] + (unit ? page_of_num(r->value) : 0));
    } else
        return page_take_text(p, v[1], v[2], same);
    return AM_OK;
}

/* Before the first row of a page. */
static void page_zero(struct fhir_row *r, enum fhir_row_kind kind)
{
    *r = (struct fhir_row){.kind = kind, .lo = INT64_MIN, .text = STR("")};
}

/* ---- writing ---- */
void eds_pager_init(struct eds_pager *p, int64_t lo, size_t page_b, eds_page_fn *fn,
                    void *arg)
{
    *p = (struct eds_pager){.page = fn, .arg = arg, .lo = lo, .page_b = page_b};
    buf_init(&p->body, 16 << 20);
    buf_init(&p->post, 2 * EDS_PAGE_B);
    buf_init(&p->dir, 256 << 20);
    buf_init(&p->text, 16 << 20);
}

void eds_pager_release(struct eds_pager *p)
{
    buf_release(&p->body);
    buf_release(&p->post);
    buf_release(&p->dir);
    buf_release(&p->text);
}

static int pager_close(struct eds_pager *p)
{
    int err;
    if (!p->some)
        return AM_OK;
    err = p->page(p->arg, buf_str(&p->body));
    p->pages++;
    p->some = false;
    return err;
}

static int pager_open(struct eds_pager *p, const struct eds_at *first)
{
    struct fhir_row zero;
    int err;
    page_zero(&zero, first->row.kind);
    p->last.row = zero;
    buf_clear(&p->body);
    err = buf_addc(&p->body, (char)first->row.kind);
    if (!err)
        err = buf_addc(&p->dir, (char)first->row.kind);
    if (!err)
        err = page_put_row(&p->dir, &zero, first, p->lo);
    p->some = true;
    return err;
}

/* Room for n more bytes of that kind, in this page or a new one. */
static int pager_room(struct eds_pager *p, size_t n, const struct eds_at *at)
{
    int err;
    if (p->some && p->last.row.kind == at->row.kind && p->body.n + n <= p->page_b)
        return AM_OK;
    err = pager_close(p);
    return err ? err : pager_open(p, at);
}

static int pager_list_end(struct eds_pager *p)
{
    struct eds_at at = {.row = {.kind = FHIR_ROW_TOKEN, .hash = p->hash},
                        .rid = p->post_first};
    int err;
    if (!p->n_post)
        return AM_OK;
    err = pager_room(p, p->post.n + PAGE_ROW, &at);
    if (!err)
        err = page_put(&p->body, p->hash - p->last.row.hash);
    if (!err)
        err = page_put(&p->body, p->n_post);
    if (!err)
        err = page_put(&p->body, p->post.n);
    if (!err)
        err = buf_add(&p->body, buf_str(&p->post));
    p->last.row.hash = p->hash;
    p->n_post = 0;
    buf_clear(&p->post);
    return err;
}

static int pager_token(struct eds_pager *p, const struct eds_at *at)
{
    int err = AM_OK;
    if (p->n_post && (p->hash != at->row.hash || p->post.n + 2 * PAGE_ROW > p->page_b))
        err = pager_list_end(p);
    if (err)
        return err;
    if (!p->n_post) {
        p->hash = at->row.hash;
        p->post_first = at->rid;
        p->post_last = p->lo;
    }
    p->n_post++;
    err = page_put(&p->post, (uint64_t)(at->rid - p->post_last));
    p->post_last = at->rid;
    return err;
}

int eds_pager_add(struct eds_pager *p, const struct eds_at *at)
{
    int err;
    p->rows[at->row.kind]++;
    if (at->row.kind == FHIR_ROW_TOKEN)
        return pager_token(p, at);
    err = pager_list_end(p);
    if (!err)
        err = pager_room(p, PAGE_ROW + at->row.text.n, at);
    if (!err)
        err = page_put_row(&p->body, &p->last.row, at, p->lo);
    if (err)
        return err;
    p->last = *at;
    if (at->row.kind != FHIR_ROW_STRING)
        return AM_OK;
    buf_clear(&p->text);
    err = buf_add(&p->text, at->row.text);
    p->last.row.text = buf_str(&p->text);
    return err;
}

int eds_pager_end(struct eds_pager *p)
{
    int err = pager_list_end(p);
    return err ? err : pager_close(p);
}

/* ---- reading ---- */
int eds_page_open(struct eds_page *p, struct str body, int64_t lo)
{
    unsigned kind = body.n ? (uint8_t)body.p[0] : EDS_KINDS;
    *p = (struct eds_page){.rest = str_sub(body, 1, body.n), .lo = lo};
    buf_init(&p->text, EDS_BODY_MAX);
    if (kind >= EDS_KINDS)
        return AM_E_TAMPERED;
    page_zero(&p->at.row, (enum fhir_row_kind)kind);
    return AM_OK;
}

void eds_page_release(struct eds_page *p)
{
    buf_release(&p->text);
}

static int page_list_head(struct str *rest, uint64_t *hash, uint64_t *n, uint64_t *bytes)
{
    uint64_t more;
    if (page_take(rest, &more) || page_take(rest, n) || page_take(rest, bytes) ||
        *bytes > rest->n || !*n || *n > *bytes)
        return AM_E_TAMPERED;
    *hash += more;
    return AM_OK;
}

int eds_page_next(struct eds_page *p, bool *more)
{
    uint64_t step, bytes;
    *more = p->left || p->rest.n;
    if (!*more)
        return AM_OK;
    if (p->at.row.kind != FHIR_ROW_TOKEN)
        return page_take_row(p);
    if (!p->left) {
        if (page_list_head(&p->rest, &p->at.row.hash, &p->left, &bytes))
            return AM_E_TAMPERED;
        p->at.rid = p->lo;
    }
    if (page_take(&p->rest, &step))
        return AM_E_TAMPERED;
    p->left--;
    p->at.rid = (int64_t)((uint64_t)p->at.rid + step);
    return AM_OK;
}

static int page_list_rids(struct str list, int64_t lo, uint64_t n, int64_t *rid)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t step;
        if (page_take(&list, &step))
            return AM_E_TAMPERED;
        lo = (int64_t)((uint64_t)lo + step);
        rid[i] = lo;
    }
    return list.n ? AM_E_TAMPERED : AM_OK;
}

int eds_page_list(struct str body, int64_t lo, uint64_t hash, int64_t *rid, size_t max,
                  size_t *n)
{
    struct str rest = str_sub(body, 1, body.n);
    uint64_t at = 0, k, bytes;
    *n = 0;
    if (!body.n || body.p[0] != FHIR_ROW_TOKEN)
        return AM_E_TAMPERED;
    while (rest.n) {
        if (page_list_head(&rest, &at, &k, &bytes))
            return AM_E_TAMPERED;
        if (at > hash)
            break;
        if (at == hash) {
            if (rid && (*n + k > max ||
                        page_list_rids(str_sub(rest, 0, (size_t)bytes), lo, k, rid + *n)))
                return AM_E_TAMPERED;
            *n += (size_t)k;
        }
        rest = str_sub(rest, (size_t)bytes, rest.n);
    }
    return AM_OK;
}

int eds_dir_each(struct str dir, int64_t lo, eds_first_fn *fn, void *arg)
{
    struct eds_page p = {.rest = dir, .lo = lo};
    int err = AM_OK;
    buf_init(&p.text, EDS_BODY_MAX);
    while (p.rest.n && !err) {
        unsigned kind = (uint8_t)p.rest.p[0];
        p.rest = str_sub(p.rest, 1, p.rest.n);
        page_zero(&p.at.row, (enum fhir_row_kind)kind);
        buf_clear(&p.text);
        err = kind < EDS_KINDS ? page_take_row(&p) : AM_E_TAMPERED;
        if (!err)
            err = fn(arg, &p.at);
    }
    buf_release(&p.text);
    return err;
}
