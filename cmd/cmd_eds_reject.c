/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_eds_reject.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "fhir/valid.h"

void cmd_eds_reject_init(struct cmd_eds_reject *r, const char *path)
{
    *r = (struct cmd_eds_reject){.path = path};
    buf_init(&r->line, 768 << 20);
}

void cmd_eds_reject_release(struct cmd_eds_reject *r)
{
    if (r->to) {
        fclose(r->to);
        unlink(r->tmp);
    }
    free(r->tmp);
    vec_release(&r->seen);
    buf_release(&r->line);
}

static int sentence(void *cookie, struct buf *out, const struct diag_item *it)
{
    return text_problem(out, *(const enum text_lang *)cookie, it);
}

/* ---- a line ---- */
static void put_source(struct jw *w, const struct cmd_eds_refused *x)
{
    jw_key(w, "source");
    jw_obj(w);
    jw_kstrz(w, "file", x->file);
    if (x->line)
        jw_kint(w, "line", x->line);
    if (x->entry >= 0)
        jw_kint(w, "entry", x->entry);
    jw_obj_end(w);
}

/* With the id it would have had: what refers to it goes on meaning it. */
static void put_resource(struct jw *w, const struct cmd_eds_refused *x)
{
    bool named = !x->id.n || json_type(x->resource) != JSON_OBJECT;
    jw_key(w, "resource");
    if (named || json_get(x->resource, "id")) {
        jw_val(w, x->resource);
        return;
    }
    jw_obj(w);
    for (json_each(it, x->resource)) {
        jw_keyn(w, it.key);
        jw_val(w, it.val);
        if (it.i == 0)
            jw_kstr(w, "id", x->id);
    }
    jw_obj_end(w);
}

static int line_make(struct buf *b, const struct cmd_eds_refused *x, size_t *said)
{
    enum text_lang lang = cmd_lang(TEXT_EN);
    struct jw w;
    int err;
    jw_init(&w, b);
    jw_obj(&w);
    put_source(&w, x);
    if (x->resource)
        put_resource(&w, x);
    else if (x->text.n && str_utf8(x->text))
        jw_kstr(&w, "text", x->text);
    *said = b->n;
    jw_key(&w, "outcome");
    err = fhir_outcome(&w, x->resource, x->d, sentence, &lang);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

/* ---- the file ---- */
static uint64_t digest_of(struct str s)
{
    uint8_t h[CRYPTO_SHA256];
    uint64_t d;
    crypto_sha256(s, h);
    memcpy(&d, h, sizeof d);
    return d;
}

static int begin(struct cmd_eds_reject *r)
{
    struct buf name;
    int err, fd;
    if (r->to)
        return AM_OK;
    buf_init(&name, 8192);
    err = buf_addf(&name, "%s.part", r->path);
    r->tmp = err ? NULL : buf_take(&name);
    buf_release(&name);
    if (!r->tmp)
        return AM_E_NOMEM;
    fd = open(r->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    r->to = fd < 0 ? NULL : fdopen(fd, "wb");
    return r->to ? AM_OK : am_err_errno(errno);
}

static int put_line(struct cmd_eds_reject *r, struct str line)
{
    if (fwrite(line.p, 1, line.n, r->to) != line.n || putc('\n', r->to) == EOF)
        return am_err_errno(errno);
    return AM_OK;
}

int cmd_eds_reject_add(struct cmd_eds_reject *r, const struct cmd_eds_refused *x)
{
    size_t said = 0;
    int err = begin(r);
    buf_clear(&r->line);
    if (!err)
        err = line_make(&r->line, x, &said);
    if (!err)
        err = vec_push(&r->seen, digest_of(str_sub(buf_str(&r->line), 0, said)));
    if (!err)
        err = put_line(r, buf_str(&r->line));
    r->n += !err;
    return err;
}

static int digest_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Lines of before, those apart that are here again: up to the outcome, whose words may be
 * of another language, they are the same bytes. */
static int keep_old(struct cmd_eds_reject *r, FILE *old)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int err = AM_OK;
    while (!err && (n = getline(&line, &cap, old)) > 0) {
        struct str s = str_trim((struct str){line, (size_t)n});
        const char *end = NULL;
        uint64_t d;
        for (const char *p = s.p;
             (p = memmem(p, s.n - (size_t)(p - s.p), ",\"outcome\":{", 12)); p++)
            end = p;
        d = digest_of(end ? (struct str){s.p, (size_t)(end - s.p)} : s);
        if (s.n &&
            !(r->seen.n && bsearch(&d, r->seen.v, r->seen.n, sizeof d, digest_cmp)))
            err = put_line(r, s);
    }
    if (!err && ferror(old))
        err = AM_E_IO;
    free(line);
    return err;
}

static int into_place(struct cmd_eds_reject *r)
{
    int err = AM_OK;
    if (fflush(r->to) || fsync(fileno(r->to)))
        err = am_err_errno(errno);
    if (fclose(r->to) && !err)
        err = am_err_errno(errno);
    r->to = NULL;
    if (!err && rename(r->tmp, r->path))
        err = am_err_errno(errno);
    if (err)
        unlink(r->tmp);
    return err;
}

int cmd_eds_reject_end(struct cmd_eds_reject *r, bool replayed)
{
    FILE *old;
    int err = AM_OK;
    if (!r->to)
        return replayed && unlink(r->path) && errno != ENOENT ? am_err_errno(errno)
                                                              : AM_OK;
    old = replayed ? NULL : fopen(r->path, "rbe");
    if (r->seen.n)
        qsort(r->seen.v, r->seen.n, sizeof *r->seen.v, digest_cmp);
    if (old) {
        err = keep_old(r, old);
        fclose(old);
    }
    return err ? err : into_place(r);
}
