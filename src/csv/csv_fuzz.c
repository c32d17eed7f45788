/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "csv/csv.h"

/* What is read, written back fully quoted, reads as the same table. What is refused says
 * why, unless memory is short. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_field(struct buf *b, struct str s)
{
    am_assert(buf_addc(b, '"') == AM_OK);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            am_assert(buf_addc(b, '"') == AM_OK);
        am_assert(buf_addc(b, s.p[i]) == AM_OK);
    }
    am_assert(buf_addc(b, '"') == AM_OK);
}

static void write_table(struct buf *b, const struct csv *c)
{
    for (size_t row = 0; row <= csv_rows(c); row++) {
        for (size_t i = 0; i < csv_columns(c); i++) {
            if (i)
                am_assert(buf_addc(b, ',') == AM_OK);
            write_field(b, row ? csv_at(c, row - 1, i) : csv_name(c, i));
        }
        am_assert(buf_adds(b, "\r\n") == AM_OK);
    }
}

static void same_table(const struct csv *a, const struct csv *b)
{
    am_assert(csv_rows(a) == csv_rows(b) && csv_columns(a) == csv_columns(b));
    for (size_t i = 0; i < csv_columns(a); i++) {
        am_assert(str_eq(csv_name(a, i), csv_name(b, i)));
        for (size_t row = 0; row < csv_rows(a); row++)
            am_assert(str_eq(csv_at(a, row, i), csv_at(b, row, i)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct csv_limits limits = {
        .size_b = 1 << 16, .columns = 64, .rows = 2000, .field_b = 4096};
    struct csv *a = NULL, *b = NULL;
    struct diag d;
    struct buf text;
    diag_init(&d);
    buf_init(&text, 1 << 20);
    int err = csv_parse(&a, (struct str){(const char *)data, len}, &limits, &d);
    if (err) {
        am_assert(d.errors > 0 && !a);
    } else {
        double v[2000];
        am_assert(d.errors == 0);
        write_table(&text, a);
        am_assert(csv_parse(&b, buf_str(&text), NULL, NULL) == AM_OK);
        same_table(a, b);
        if (csv_numbers(a, 0, len & 1, v, &d))
            am_assert(d.errors > 0);
    }
    csv_free(a);
    csv_free(b);
    buf_release(&text);
    diag_release(&d);
    return 0;
}
