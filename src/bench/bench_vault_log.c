/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- the log of uses: a line is durable before the data are opened. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/bench_vault_priv.h"

enum { LOG_MAX = 64 << 20 };
static const char first_mac[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

static bool log_path(const struct vault_set *s, char path[VAULT_PATH])
{
    int n = snprintf(path, VAULT_PATH, "%s/uses.ndjson", s->dir);
    return n > 0 && n < VAULT_PATH;
}

/* One line: its HMAC over the one before it, its number, its set. */
static int check_line(struct vault_set *s, struct str line)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    char mac[CRYPTO_HEX];
    struct buf body;
    int err = json_parse(&doc, line, NULL, NULL);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    root = json_root(doc);
    buf_init(&body, VAULT_DOC_MAX);
    err = bench_vault_canon(&body, root, "mac");
    if (!err)
        err = bench_vault_mac(s->log, s->last, buf_str(&body), mac);
    if (!err && (!json_str_is(json_get(root, "mac"), mac) ||
                 json_int(json_get(root, "seq"), 0) != (int64_t)s->use.n + 1 ||
                 !json_str_is(json_get(root, "set"), s->id)))
        err = AM_E_TAMPERED;
    buf_release(&body);
    if (!err)
        err = vec_push(&s->use, doc);
    if (err)
        json_free(doc);
    else
        memcpy(s->last, mac, sizeof mac);
    return err == AM_E_NOMEM || !err ? err : AM_E_TAMPERED;
}

int bench_vault_log_load(struct vault_set *s, struct diag *d)
{
    int64_t counted = json_int(json_get(s->head, "uses"), -1);
    char path[VAULT_PATH], *text = NULL;
    size_t n = 0;
    bool through = counted == 0 && json_str_is(json_get(s->head, "last"), first_mac);
    int err = log_path(s, path) ? am_file_read(path, LOG_MAX, &text, &n) : AM_E_TOOBIG;
    struct str rest = {text, n}, line;
    memcpy(s->last, first_mac, sizeof first_mac);
    while (!err && str_find(rest, '\n') < rest.n) {
        line = str_cut(rest, '\n', &rest);
        err = check_line(s, line);
        if (!err)
            s->log_b += line.n + 1;
        if (!err && (int64_t)s->use.n == counted)
            through = json_str_is(json_get(s->head, "last"), s->last);
    }
    free(text);
    if (err && err != AM_E_TAMPERED && err != AM_E_NOTFOUND)
        return err;
    if (err)
        return bench_vault_problem(d, s->id, AM_E_TAMPERED, VAULT_TAMPERED,
                                   "the log of uses is altered or gone");
    /* what stands after the last line is one that was being written: never used */
    if (!through || (int64_t)s->use.n > counted + 1)
        return bench_vault_problem(d, s->id, AM_E_TAMPERED, VAULT_TAMPERED,
                                   "the log of uses is not the one the head counts");
    return AM_OK;
}

static int write_line(int fd, struct str line)
{
    while (line.n) {
        ssize_t k = write(fd, line.p, line.n);
        if (k < 0 && errno != EINTR)
            return am_err_errno(errno);
        line = str_sub(line, k > 0 ? (size_t)k : 0, line.n);
    }
    return fsync(fd) ? am_err_errno(errno) : AM_OK;
}

/* All of the line, or the log as it was. */
static int append(const struct vault_set *s, struct str line)
{
    char path[VAULT_PATH];
    int err = AM_OK, fd;
    if (!log_path(s, path))
        return AM_E_TOOBIG;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    if (ftruncate(fd, (off_t)s->log_b) || lseek(fd, 0, SEEK_END) < 0)
        err = am_err_errno(errno);
    if (!err && bench_vault_step) { /* a test: half a line, then the process may end */
        if (write(fd, line.p, line.n / 2) < 0 || lseek(fd, (off_t)s->log_b, SEEK_SET) < 0)
            err = am_err_errno(errno);
        bench_vault_step(VAULT_LINE_HALF);
    }
    if (!err)
        err = write_line(fd, line);
    if (err && ftruncate(fd, (off_t)s->log_b) == 0)
        (void)fsync(fd);
    if (close(fd) && !err)
        err = am_err_errno(errno);
    return err;
}

int bench_vault_log_add(struct vault_set *s, struct str body)
{
    struct json_doc *doc = NULL;
    struct buf line, canon;
    char mac[CRYPTO_HEX];
    int err = json_parse(&doc, body, NULL, NULL);
    buf_init(&line, VAULT_DOC_MAX);
    buf_init(&canon, VAULT_DOC_MAX);
    if (!err)
        err = json_canon(&canon, json_root(doc));
    json_free(doc);
    doc = NULL;
    if (!err)
        err = bench_vault_mac(s->log, s->last, buf_str(&canon), mac);
    if (!err)
        err = bench_vault_signed(&line, buf_str(&canon), mac);
    if (!err)
        err = json_parse(&doc, buf_str(&line), NULL, NULL);
    if (!err)
        err = vec_room(&s->use); /* nothing can fail once the line is there */
    if (!err)
        err = append(s, buf_str(&line));
    if (err) {
        json_free(doc);
    } else {
        s->use.v[s->use.n++] = doc;
        s->log_b += line.n;
        memcpy(s->last, mac, sizeof mac);
    }
    buf_release(&line);
    buf_release(&canon);
    return err;
}

int bench_vault_log_count(struct vault_set *s)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, VAULT_DOC_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, s->head)) {
        if (str_eqc(it.key, "mac"))
            continue;
        jw_keyn(&w, it.key);
        if (str_eqc(it.key, "uses"))
            jw_int(&w, (int64_t)s->use.n);
        else if (str_eqc(it.key, "last"))
            jw_strz(&w, s->last);
        else
            jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = bench_vault_head_write(s, buf_str(&b));
    buf_release(&b);
    return err;
}
