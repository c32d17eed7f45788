/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a deposit as a file: a third party lists what it holds with one line a file
 * (item, path, sha256, size) instead of typing digests. The form is filled from it and
 * read again by the third party before anything is prepared; the rules of the receipt
 * judge it then as any other (ledger_escrow.c). */
#include "csv/csv.h"
#include "web/web_site_form.h"

enum { MANIFEST_MAX = 1 << 20, FIELD_MAX = 400 };

static const char *const column[] = {"item", "path", "sha256", "size"};

static int columns(const struct csv *c, size_t at[AM_LEN(column)], struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(column); i++)
        if (csv_find(c, str_c(column[i]), &at[i])) {
            diag_err(d, "/items", "escrow.column", "%s", column[i]);
            err = AM_E_INVALID;
        }
    return err;
}

/* A number stays one; what is none stays as it was typed, and the check says so. */
static void put_size(struct jw *w, struct str s)
{
    int64_t n;
    if (str_int(s, 0, INT64_C(1) << 53, &n))
        jw_kstr(w, "size", s);
    else
        jw_kint(w, "size", n);
}

int web_escrow_items(struct str file, struct jw *w, struct diag *d)
{
    static const struct csv_limits limits = {.size_b = MANIFEST_MAX,
                                             .columns = 16,
                                             .rows = WEB_FORM_ITEMS,
                                             .field_b = FIELD_MAX};
    size_t at[AM_LEN(column)];
    struct csv *c = NULL;
    struct diag where;
    diag_init(&where);
    int err = csv_parse(&c, file, &limits, &where);
    for (size_t i = 0; i < where.n; i++) /* "line:column" of the file */
        diag_err(d, "/items", where.item[i].code, "%s", where.item[i].path);
    diag_release(&where);
    if (!err)
        err = columns(c, at, d);
    if (!err) {
        jw_key(w, "items");
        jw_arr(w);
        for (size_t i = 0; i < csv_rows(c); i++) {
            jw_obj(w);
            for (size_t k = 0; k + 1 < AM_LEN(column); k++)
                jw_kstr(w, column[k], csv_at(c, i, at[k]));
            put_size(w, csv_at(c, i, at[3]));
            jw_obj_end(w);
        }
        jw_arr_end(w);
    }
    csv_free(c);
    return err == AM_E_SYNTAX || err == AM_E_TOOBIG ? AM_E_INVALID : err;
}
