/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a page of rows, or as the directory of a segment: refused, or rows that,
 * when they are in order, are the same again once packed. */
#include "eds/eds_index_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 3000 };
struct rows {
    struct eds_at v[ROWS], again[ROWS];
    size_t n, n_again;
    struct arena text;
};
static struct rows rows;

static int read_page(struct str body, struct eds_at *to, size_t *n)
{
    struct eds_page p;
    bool more = false;
    int err = eds_page_open(&p, body, 0);
    while (!err && *n < ROWS) {
        err = eds_page_next(&p, &more);
        if (err || !more)
            break;
        to[*n] = p.at;
        to[*n].row.text.p = arena_dup(&rows.text, p.at.row.text);
        am_assert(to[*n].row.text.p);
        ++*n;
    }
    eds_page_release(&p);
    return err;
}

static int read_again(void *arg, struct str body)
{
    (void)arg;
    return read_page(body, rows.again, &rows.n_again);
}

static bool in_order(void)
{
    for (size_t i = 0; i < rows.n; i++)
        if (rows.v[i].rid <= 0 || rows.v[i].row.value != rows.v[i].row.value ||
            (i && eds_at_cmp(&rows.v[i - 1], &rows.v[i]) >= 0))
            return false;
    return true;
}

static void pack(void)
{
    struct eds_pager p;
    eds_pager_init(&p, 0, 150 + rows.n % 4000, read_again, NULL);
    for (size_t i = 0; i < rows.n; i++)
        am_assert(!eds_pager_add(&p, &rows.v[i]));
    am_assert(!eds_pager_end(&p));
    eds_pager_release(&p);
    am_assert(rows.n_again == rows.n);
    for (size_t i = 0; i < rows.n; i++)
        am_assert(!eds_at_cmp(&rows.v[i], &rows.again[i]));
}

static int count(void *arg, const struct eds_at *at)
{
    (void)at;
    ++*(size_t *)arg;
    return AM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    int64_t rid[4096];
    size_t n;
    rows.n = rows.n_again = 0;
    arena_init(&rows.text, 1 << 28);
    if (!read_page(body, rows.v, &rows.n) && in_order())
        pack();
    if (size > 1 && !eds_page_list(body, 0, data[1], rid, AM_LEN(rid), &n))
        am_assert(n <= AM_LEN(rid));
    n = 0;
    (void)!eds_dir_each(body, 0, count, &n);
    am_assert(n <= size);
    arena_release(&rows.text);
    return 0;
}
