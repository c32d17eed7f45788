/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_hl7.h"

#include <errno.h>

enum { MESSAGE = (16 << 20) + 1 }; /* one byte more than is read: refused as too big */

struct reader {
    struct buf line, message;
    bool cut;                            /* the rest of this message is not kept */
    int64_t segments, messages, batches; /* so far */
    int64_t batch_from,
        file_from; /* of these, before the batch or file begun; -1: none */
    bool loose;    /* messages since then are in no batch: they are one (2.10.3) */
    struct diag *d;
    int64_t n, read_b;
    cmd_hl7_fn *fn;
    void *arg;
};

static int give(struct reader *r)
{
    int err = AM_OK;
    if (str_trim(buf_str(&r->message)).n)
        err = r->fn(r->arg, buf_str(&r->message), ++r->n, r->read_b);
    buf_clear(&r->message);
    r->cut = false;
    return err;
}

static int add(struct reader *r, struct buf *to, struct str s)
{
    int err;
    if (to->n + s.n > MESSAGE) {
        s = str_sub(s, 0, MESSAGE - to->n);
        r->cut = true;
    }
    err = s.n ? buf_add(to, s) : AM_OK;
    return err;
}

static bool around(struct str line)
{
    return str_starts(line, STR("FHS")) || str_starts(line, STR("BHS")) ||
           str_starts(line, STR("BTS")) || str_starts(line, STR("FTS"));
}

/* What a trailer announces (BTS-1 messages, FTS-1 batches; optional), and what there was.
 */
static void compare(const struct reader *r, struct str line, int64_t read)
{
    char separator = line.n > 3 ? line.p[3] : '|', at[32], want[24], got[24];
    struct str rest = str_sub(line, AM_MIN(line.n, (size_t)4), line.n),
               said = str_trim(str_cut(rest, separator, &rest));
    int64_t n = -1;
    if (!said.n || (!str_int(said, 0, INT64_MAX, &n) && n == read))
        return;
    snprintf(at, sizeof at, "%.3s:%lld", line.p, (long long)r->segments);
    snprintf(want, sizeof want, "%lld", (long long)n);
    snprintf(got, sizeof got, "%lld", (long long)read);
    diag_err(r->d, at, "hl7.batch", "%s announced, %s read", want, got);
    diag_arg(r->d, "announced", n < 0 ? "?" : want);
    diag_arg(r->d, "read", got);
}

/* A batch or file that is begun and not ended was cut on its way. */
static void open_still(const struct reader *r, const char *name, int64_t from)
{
    char at[32];
    snprintf(at, sizeof at, "%s:%lld", name, (long long)r->segments);
    if (from >= 0)
        diag_err(r->d, at, "hl7.batch_open", "begun and not ended");
}

/* BHS and BTS are optional: messages without them are a batch all the same. */
static void end_loose(struct reader *r)
{
    r->batches += r->loose;
    r->loose = false;
}

static void header_or_trailer(struct reader *r, struct str line)
{
    if (str_starts(line, STR("FHS"))) {
        end_loose(r);
        open_still(r, "FHS", r->file_from);
        r->file_from = r->batches;
    } else if (str_starts(line, STR("BHS"))) {
        end_loose(r);
        open_still(r, "BHS", r->batch_from);
        r->batch_from = r->messages;
    } else if (str_starts(line, STR("BTS"))) {
        compare(r, line, r->messages - AM_MAX(r->batch_from, (int64_t)0));
        r->batch_from = -1;
        r->loose = false;
        r->batches++;
    } else {
        end_loose(r);
        compare(r, line, r->batches - AM_MAX(r->file_from, (int64_t)0));
        r->file_from = -1;
    }
}

static int end_line(struct reader *r)
{
    struct str line = buf_str(&r->line);
    int err = AM_OK;
    while (line.n && (line.p[0] == 0x0B || line.p[0] == 0x1C))
        line = str_sub(line, 1, line.n);
    if (str_starts(line, STR("\xEF\xBB\xBF")))
        line = str_sub(line, 3, line.n);
    r->segments += line.n > 0;
    if (str_starts(line, STR("MSH"))) {
        err = give(r);
        r->messages++;
        r->loose = r->loose || r->batch_from < 0;
    } else if (around(line)) {
        header_or_trailer(r, line);
    }
    if (!err && line.n && !around(line)) {
        err = add(r, &r->message, line);
        if (!err && !r->cut)
            err = add(r, &r->message, STR("\r"));
    }
    buf_clear(&r->line);
    return err;
}

static int chunk(struct reader *r, struct str s)
{
    int err = AM_OK;
    while (s.n && !err) {
        size_t n = 0;
        while (n < s.n && s.p[n] != '\r' && s.p[n] != '\n')
            n++;
        r->read_b += (int64_t)n + (n < s.n);
        err = add(r, &r->line, str_sub(s, 0, n));
        if (!err && n < s.n)
            err = end_line(r);
        s = str_sub(s, n + (n < s.n), s.n);
    }
    return err;
}

int cmd_hl7_read(const char *path, cmd_hl7_fn *fn, void *arg, struct diag *d)
{
    struct reader r = {.fn = fn, .arg = arg, .batch_from = -1, .file_from = -1, .d = d};
    FILE *from = fopen(path, "rbe");
    char *bytes = am_malloc(1 << 20);
    size_t n = 0;
    int err = !from ? am_err_errno(errno) : !bytes ? AM_E_NOMEM : AM_OK;
    buf_init(&r.line, MESSAGE);
    buf_init(&r.message, MESSAGE);
    while (!err && (n = fread(bytes, 1, 1 << 20, from)) > 0)
        err = chunk(&r, (struct str){bytes, n});
    if (!err && ferror(from))
        err = AM_E_IO;
    if (!err)
        err = end_line(&r);
    if (!err)
        err = give(&r);
    if (!err) {
        open_still(&r, "BHS", r.batch_from);
        open_still(&r, "FHS", r.file_from);
    }
    buf_release(&r.line);
    buf_release(&r.message);
    free(bytes);
    if (from)
        fclose(from);
    return err;
}
