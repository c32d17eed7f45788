/* SPDX-License-Identifier: Apache-2.0 */
#include "csv/stream.h"

#include <errno.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"

enum { CHUNK = 64 << 10, RECORD = 4 << 20, COLUMNS = 4096 };
enum { MORE = 1 }; /* the record goes on beyond what was read */

struct csv_stream {
    FILE *from;
    char separator;
    char *b; /* cap bytes: a chunk, doubled for records that want more */
    size_t at, n, cap;
    bool eof;
    int64_t line, read_b;
    /* the record last read */
    struct buf text; /* its cells, one after the other, quotes taken off */
    VEC(size_t) end; /* of each in text */
    VEC(struct str) cell;
    /* the header */
    struct buf header, name_text;
    VEC(size_t) name_end;
};

/* A record being read: nothing of the stream moves until it is whole. */
struct scan {
    size_t i, bol; /* next byte; where its line begins */
    int64_t line;
    const char *wrong, *why; /* in the record itself; the first */
    int64_t wrong_line;
    size_t wrong_column;
};

static void note(struct scan *x, const char *code, const char *why)
{
    if (x->wrong)
        return;
    x->wrong = code;
    x->why = why;
    x->wrong_line = x->line;
    x->wrong_column = x->i - x->bol + 1;
}

static void tell(const struct scan *x, struct diag *d)
{
    char path[48];
    snprintf(path, sizeof path, "%lld:%zu", (long long)x->wrong_line, x->wrong_column);
    diag_err(d, path, x->wrong, "%s", x->why);
}

/* ---- a field ---- */
static int quoted(struct csv_stream *s, struct scan *x)
{
    const struct scan open = *x;
    size_t from = ++x->i;
    int err = AM_OK;
    for (;; x->i++) {
        if (x->i == s->n || (s->b[x->i] == '"' && x->i + 1 == s->n && !s->eof)) {
            if (!s->eof)
                return MORE;
            *x = open;
            note(x, "csv.unterminated", "quote never closed");
            return AM_E_SYNTAX;
        }
        if (s->b[x->i] == '\n') {
            x->line++;
            x->bol = x->i + 1;
        } else if (s->b[x->i] == '"') {
            bool doubled = x->i + 1 < s->n && s->b[x->i + 1] == '"';
            err = buf_add(&s->text,
                          (struct str){s->b + from, x->i - from + (doubled ? 1 : 0)});
            x->i += doubled ? 1 : 0;
            from = x->i + 1;
            if (!doubled || err)
                break;
        } else if (!s->b[x->i]) {
            note(x, "csv.nul", "NUL byte");
        }
    }
    x->i++;
    return err;
}

static int bare(struct csv_stream *s, struct scan *x)
{
    size_t from = x->i;
    for (; x->i < s->n; x->i++) {
        char c = s->b[x->i];
        if (c == s->separator || c == '\n')
            break;
        if (c == '\r') {
            if (x->i + 1 == s->n && !s->eof)
                return MORE;
            if (x->i + 1 < s->n && s->b[x->i + 1] == '\n')
                break;
            note(x, "csv.bare_cr", "carriage return alone");
        } else if (c == '"') {
            note(x, "csv.quote", "quote inside a bare field");
        } else if (!c) {
            note(x, "csv.nul", "NUL byte");
        }
    }
    if (x->i == s->n && !s->eof)
        return MORE;
    return buf_add(&s->text, (struct str){s->b + from, x->i - from});
}

/* ---- a record ---- */
static int record(struct csv_stream *s, struct scan *x)
{
    bool more = true;
    buf_clear(&s->text);
    s->end.n = 0;
    while (more) {
        int err = x->i < s->n && s->b[x->i] == '"' ? quoted(s, x) : bare(s, x);
        if (err)
            return err;
        if (s->end.n == COLUMNS) {
            note(x, "csv.record", "more columns than the limit");
            return AM_E_TOOBIG;
        }
        if (vec_push(&s->end, s->text.n))
            return AM_E_NOMEM;
        if (x->i == s->n)
            return s->eof ? AM_OK : MORE;
        more = s->b[x->i] == s->separator;
        x->i += more ? 1 : 0;
        if (more && x->i == s->n && !s->eof)
            return MORE;
    }
    if (s->b[x->i] == '\r' && x->i + 1 == s->n && !s->eof)
        return MORE;
    if (s->b[x->i] == '\r' && x->i + 1 < s->n && s->b[x->i + 1] == '\n')
        return AM_OK;
    if (s->b[x->i] == '\n')
        return AM_OK;
    note(x, "csv.quote", "text after a closing quote");
    return AM_E_SYNTAX;
}

/* Beyond the line break where x stands. */
static void pass(struct csv_stream *s, const struct scan *x)
{
    size_t i = x->i;
    i += i < s->n && s->b[i] == '\r' ? 1 : 0;
    s->line = x->line + (i < s->n ? 1 : 0);
    s->at = AM_MIN(i + 1, s->n);
}

static int fill(struct csv_stream *s)
{
    size_t got;
    memmove(s->b, s->b + s->at, s->n - s->at);
    s->n -= s->at;
    s->at = 0;
    if (s->cap - s->n < s->cap / 2) { /* doubled: a long record is scanned again seldom */
        char *more = am_realloc(s->b, s->cap, 2);
        if (!more)
            return AM_E_NOMEM;
        s->b = more;
        s->cap *= 2;
    }
    got = fread(s->b + s->n, 1, s->cap - s->n, s->from);
    s->n += got;
    s->read_b += (int64_t)got;
    s->eof = got == 0;
    return s->eof && ferror(s->from) ? AM_E_IO : AM_OK;
}

/* raw: what it is of the file. */
static int whole(struct csv_stream *s, struct scan *x, struct str *raw, struct diag *d)
{
    int err;
    for (;;) {
        if (s->at == s->n && s->eof)
            return AM_E_NOTFOUND;
        *x = (struct scan){.i = s->at, .bol = s->at, .line = s->line};
        err = s->at == s->n ? MORE : record(s, x);
        if (err != MORE)
            break;
        if (s->n - s->at >= RECORD) {
            x->wrong = NULL;
            x->i = x->bol;
            note(x, "csv.record", "field longer than the limit");
            err = AM_E_TOOBIG;
            break;
        }
        err = fill(s);
        if (err)
            return err;
    }
    *raw = (struct str){s->b + s->at, x->i - s->at};
    if (!err) {
        pass(s, x);
        return AM_OK;
    }
    if (x->wrong)
        tell(x, d);
    s->at = s->n; /* nothing more is read */
    s->eof = true;
    return err;
}

/* ---- the table ---- */
static struct str part(const struct buf *text, const size_t *end, size_t i)
{
    return str_sub(buf_str(text), i ? end[i - 1] : 0, end[i]);
}

static int names(struct csv_stream *s, struct diag *d)
{
    struct map seen;
    int err = buf_add(&s->name_text, buf_str(&s->text));
    map_init(&seen);
    for (size_t i = 0; i < s->end.n && (!err || err == AM_E_SYNTAX); i++) {
        struct str name = part(&s->text, s->end.v, i);
        const char *why = name.n == 0            ? "empty column name"
                          : map_has(&seen, name) ? "repeated column name"
                                                 : NULL;
        if (why) {
            char path[48];
            snprintf(path, sizeof path, "1:#%zu", i + 1);
            diag_err(d, path, "csv.header", "%s", why);
            err = AM_E_SYNTAX;
        } else if (map_set(&seen, name, i) || vec_push(&s->name_end, s->end.v[i])) {
            err = AM_E_NOMEM;
        }
    }
    map_release(&seen);
    return err;
}

static int header(struct csv_stream *s, struct diag *d)
{
    struct scan x;
    struct str raw;
    int err = fill(s);
    if (!err && s->n >= 3 && !memcmp(s->b, "\xEF\xBB\xBF", 3))
        s->at = 3;
    if (!err)
        err = whole(s, &x, &raw, d);
    if (err == AM_E_NOTFOUND) {
        diag_err(d, "1:1", "csv.empty", "no header");
        return AM_E_SYNTAX;
    }
    if (!err && x.wrong) {
        tell(&x, d);
        return AM_E_SYNTAX;
    }
    if (!err)
        err = buf_add(&s->header, raw);
    return err ? err : names(s, d);
}

int csv_stream_open(struct csv_stream **out, const char *path, char separator,
                    struct diag *d)
{
    struct csv_stream *s = am_calloc(1, sizeof *s);
    int err = AM_OK;
    if (!s)
        return AM_E_NOMEM;
    s->separator = separator ? separator : ',';
    am_assert(!strchr("\"\r\n", s->separator));
    s->line = 1;
    buf_init(&s->text, 2 * RECORD);
    buf_init(&s->header, 2 * RECORD);
    buf_init(&s->name_text, 2 * RECORD);
    s->cap = CHUNK;
    s->b = am_malloc(s->cap);
    s->from = s->b ? fopen(path, "rbe") : NULL;
    if (!s->from)
        err = s->b ? am_err_errno(errno) : AM_E_NOMEM;
    if (!err)
        err = header(s, d);
    if (err)
        csv_stream_close(s);
    else
        *out = s;
    return err;
}

void csv_stream_close(struct csv_stream *s)
{
    if (!s)
        return;
    if (s->from)
        fclose(s->from);
    free(s->b);
    buf_release(&s->text);
    buf_release(&s->header);
    buf_release(&s->name_text);
    vec_release(&s->end);
    vec_release(&s->cell);
    vec_release(&s->name_end);
    free(s);
}

size_t csv_stream_columns(const struct csv_stream *s)
{
    return s->name_end.n;
}

struct str csv_stream_name(const struct csv_stream *s, size_t column)
{
    am_assert(column < s->name_end.n);
    return part(&s->name_text, s->name_end.v, column);
}

struct str csv_stream_header(const struct csv_stream *s)
{
    return buf_str(&s->header);
}

int csv_stream_next(struct csv_stream *s, struct csv_record *out, struct diag *d)
{
    struct scan x;
    int64_t line;
    int err;
    do {
        line = s->line;
        err = whole(s, &x, &out->raw, d);
    } while (!err && !out->raw.n && s->name_end.n > 1);
    out->line = line;
    out->cell = NULL;
    out->end_b = s->read_b - (int64_t)(s->n - s->at);
    if (err)
        return err;
    if (x.wrong) {
        tell(&x, d);
        return AM_E_INVALID;
    }
    if (s->end.n != s->name_end.n) {
        char path[48];
        snprintf(path, sizeof path, "%lld:1", (long long)line);
        diag_err(d, path, "csv.ragged", "%zu fields, the header has %zu", s->end.n,
                 s->name_end.n);
        return AM_E_INVALID;
    }
    s->cell.n = 0;
    for (size_t i = 0; i < s->end.n; i++)
        if (vec_push(&s->cell, part(&s->text, s->end.v, i)))
            return AM_E_NOMEM;
    out->cell = s->cell.v;
    return AM_OK;
}
