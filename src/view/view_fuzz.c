/* SPDX-License-Identifier: Apache-2.0 */
/* Any definition, before the first NUL, over any resource, after it (a Patient when there
 * is none): refused with a problem, or rows in every form; bounded work, no crash. */
#include "view/view.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"active\":true,\"name\":[{\"given\":["
    "\"a\",\"b\"],\"family\":\"f\"},{\"family\":\"g\"}],\"contact\":[{\"name\":{"
    "\"family\":\"h\"}}],\"managingOrganization\":{\"reference\":\"Organization/o\"}}";

struct fuzz {
    struct buf b;
    size_t n;
};

static int keep(void *arg, const struct view *v, const struct view_cell *cell)
{
    struct fuzz *f = arg;
    for (int form = VIEW_NDJSON; form <= VIEW_CSV; form++) {
        buf_clear(&f->b);
        if (view_row(&f->b, v, (enum view_format)form, cell, false))
            return 1;
    }
    return ++f->n == 200;
}

static void rows(const struct view *v, struct str text)
{
    struct json_doc *doc = NULL;
    struct fuzz f = {.n = 0};
    struct view_run r;
    struct diag d;
    if (view_run_init(&r, v))
        return;
    r.env.steps = 5000;
    r.env.now_at = 1;
    diag_init(&d);
    buf_init(&f.b, 1 << 20);
    if (!json_parse(&doc, text, NULL, NULL)) {
        int err = view_rows(&r, json_root(doc), keep, &f, &d);
        am_assert(err != AM_E_INVALID || d.errors);
    }
    json_free(doc);
    buf_release(&f.b);
    diag_release(&d);
    view_run_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size}, rest, text = str_cut(all, 0, &rest);
    struct json_doc *doc = NULL;
    struct view *v = NULL;
    struct diag d;
    diag_init(&d);
    if (!json_parse(&doc, text, NULL, NULL)) {
        int err = view_compile(&v, json_root(doc), &d);
        am_assert(err != AM_E_INVALID || d.errors);
        am_assert(err || !d.errors);
    }
    json_free(doc);
    if (v)
        rows(v, rest.n ? rest : str_c(patient));
    view_free(v);
    diag_release(&d);
    return 0;
}
