/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_csv.h"

#include "crypto/crypto.h"
#include "csv/stream.h"

struct reader {
    struct csv_stream *from;
    struct hl7_row *columns;
    struct buf raw, message;
    struct diag row; /* of the row at hand */
    int64_t at;
};

/* What a row is known by: the beginning of the digest of its text. */
static void name_row(struct str raw, char out[CRYPTO_HEX])
{
    uint8_t digest[CRYPTO_SHA256];
    crypto_sha256(raw, digest);
    crypto_hex(digest, sizeof digest, out);
    out[20] = 0;
}

static int raw_make(struct reader *r, struct str record)
{
    int err;
    buf_clear(&r->raw);
    err = buf_add(&r->raw, csv_stream_header(r->from));
    if (!err)
        err = buf_addc(&r->raw, '\n');
    if (!err)
        err = buf_add(&r->raw, record);
    return err ? err : buf_addc(&r->raw, '\n');
}

/* split: what csv_stream_next() said of the record. */
static int give(struct reader *r, const struct csv_record *record, int split,
                cmd_csv_fn *fn, void *arg)
{
    char id[CRYPTO_HEX];
    int err = raw_make(r, record->raw), refused = split;
    buf_clear(&r->message);
    if (err)
        return err;
    name_row(buf_str(&r->raw), id);
    if (!refused)
        refused = hl7_row_make(r->columns, record->cell, r->at, str_c(id), &r->message,
                               &r->row);
    if (refused && refused != AM_E_INVALID)
        return refused;
    return fn(arg,
              &(struct cmd_csv_row){.raw = buf_str(&r->raw),
                                    .message = refused ? STR_NULL : buf_str(&r->message),
                                    .line = record->line,
                                    .end_b = record->end_b,
                                    .columns = r->columns,
                                    .d = &r->row});
}

static int rows(struct reader *r, cmd_csv_fn *fn, void *arg, struct diag *d)
{
    for (;;) {
        struct csv_record record;
        int err;
        diag_clear(&r->row);
        err = csv_stream_next(r->from, &record, &r->row);
        if (err && err != AM_E_INVALID) {
            int last = fn(arg, &(struct cmd_csv_row){.columns = r->columns});
            if (err == AM_E_NOTFOUND)
                return last;
            diag_merge(d, &r->row, "");
            return last ? last : err;
        }
        err = give(r, &record, err, fn, arg);
        if (err)
            return err;
    }
}

static int bind(struct reader *r, const struct hl7_map *map, struct diag *d)
{
    size_t n = csv_stream_columns(r->from);
    struct str *name = am_calloc(n, sizeof *name);
    int err = name ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++)
        name[i] = csv_stream_name(r->from, i);
    if (!err)
        err = hl7_row_new(&r->columns, map, name, n, d);
    free(name);
    return err;
}

int cmd_csv_read(const char *path, const struct hl7_map *map, int64_t at, cmd_csv_fn *fn,
                 void *arg, struct diag *d)
{
    struct reader r = {.at = at};
    int err;
    buf_init(&r.raw, 16 << 20);
    buf_init(&r.message, 64 << 20);
    diag_init(&r.row);
    err = csv_stream_open(&r.from, path, hl7_row_separator(map), d);
    if (!err)
        err = bind(&r, map, d);
    if (!err)
        err = rows(&r, fn, arg, d);
    hl7_row_free(r.columns);
    csv_stream_close(r.from);
    diag_release(&r.row);
    buf_release(&r.raw);
    buf_release(&r.message);
    return err;
}
