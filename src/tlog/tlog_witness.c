/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP tlog-witness: check against what we signed last, persist, then sign (I4). The
 * state of a log is the note we cosigned last, in DIR/<sha256 of the origin>.note. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tlog/tlog_priv.h"

enum { TLOG_EVIDENCE_MAX = 64, TLOG_WITNESS_MAGIC = 0x7769746e };

struct tlog_witnessed {
    struct tlog_vkey log;
    struct tlog_checkpoint last; /* size 0 when never cosigned */
};
struct tlog_witness {
    uint32_t magic;
    char dir[PATH_MAX - 128];
    int lockfd;
    struct tlog_vkey vkey;
    const struct crypto_key *key; /* borrowed */
    pthread_mutex_t mu;           /* one request at a time, from check to durable state */
    VEC(struct tlog_witnessed) log;
    unsigned evidence;
};

int tlog_witness_open(struct tlog_witness **out, const char *dir, const char *name,
                      const struct crypto_key *ed25519)
{
    struct tlog_witness *w;
    char path[PATH_MAX];
    int err;
    if (strlen(dir) >= sizeof w->dir)
        return AM_E_TOOBIG;
    if (!crypto_key_private(ed25519))
        return AM_E_FORBIDDEN;
    w = am_calloc(1, sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    w->magic = TLOG_WITNESS_MAGIC;
    w->lockfd = -1;
    w->key = ed25519;
    memcpy(w->dir, dir, strlen(dir) + 1);
    am_assert(pthread_mutex_init(&w->mu, NULL) == 0);
    err = tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, ed25519, &w->vkey);
    if (!err)
        err = am_dir_make(dir, 0700);
    if (!err) {
        snprintf(path, sizeof path, "%s/.lock", w->dir);
        w->lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (w->lockfd < 0)
            err = am_err_errno(errno);
        else if (flock(w->lockfd, LOCK_EX | LOCK_NB))
            err = AM_E_CONFLICT; /* two processes could sign two roots */
    }
    if (err) {
        tlog_witness_close(w);
        return err;
    }
    *out = w;
    return AM_OK;
}

void tlog_witness_close(struct tlog_witness *w)
{
    if (!w)
        return;
    am_assert(w->magic == TLOG_WITNESS_MAGIC);
    w->magic = 0;
    if (w->lockfd >= 0)
        close(w->lockfd);
    pthread_mutex_destroy(&w->mu);
    vec_release(&w->log);
    free(w);
}

const struct tlog_vkey *tlog_witness_key(const struct tlog_witness *w)
{
    am_assert(w->magic == TLOG_WITNESS_MAGIC);
    return &w->vkey;
}

static void tlog_witness_path(const struct tlog_witness *w, const char *origin,
                              char out[PATH_MAX])
{
    uint8_t d[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    crypto_sha256(str_c(origin), d);
    snprintf(out, PATH_MAX, "%s/%s.note", w->dir, crypto_hex(d, sizeof d, hex));
}

/* A damaged state is an error, never "nothing signed yet". */
static int tlog_witness_load(const struct tlog_witness *w, struct tlog_witnessed *g)
{
    char path[PATH_MAX], *text;
    size_t n;
    int err;
    tlog_witness_path(w, g->log.name, path);
    err = am_file_read(path, TLOG_NOTE_MAX, &text, &n);
    if (err == AM_E_NOTFOUND) {
        tlog_empty_root(&g->last.root);
        return AM_OK;
    }
    if (err)
        return err;
    err = tlog_checkpoint_open((struct str){text, n}, &g->log, &g->last);
    free(text);
    if (err && err != AM_E_NOMEM) {
        LOG_E("tlog.witness_state", log_s("path", path), log_err(err));
        err = AM_E_TAMPERED;
    }
    return err;
}

static struct tlog_witnessed *tlog_witness_find(struct tlog_witness *w,
                                                const char *origin)
{
    for (size_t i = 0; i < w->log.n; i++)
        if (!strcmp(w->log.v[i].log.name, origin))
            return &w->log.v[i];
    return NULL;
}

int tlog_witness_add_log(struct tlog_witness *w, const struct tlog_vkey *log)
{
    struct tlog_witnessed g = {.log = *log};
    int err;
    am_assert(w->magic == TLOG_WITNESS_MAGIC);
    if (log->type != TLOG_SIG_ED25519)
        return AM_E_INVALID;
    tlog_lock(&w->mu);
    err = tlog_witness_find(w, log->name) ? AM_E_EXISTS : tlog_witness_load(w, &g);
    if (!err)
        err = vec_push(&w->log, g);
    tlog_unlock(&w->mu);
    return err;
}

int tlog_witness_note(struct tlog_witness *w, const char *origin, struct buf *out)
{
    char path[PATH_MAX], *text;
    size_t n;
    int err;
    am_assert(w->magic == TLOG_WITNESS_MAGIC);
    tlog_witness_path(w, origin, path);
    tlog_lock(&w->mu);
    err = am_file_read(path, TLOG_NOTE_MAX, &text, &n);
    tlog_unlock(&w->mu);
    if (err)
        return err;
    err = buf_add(out, (struct str){text, n});
    free(text);
    return err;
}

struct tlog_request {
    uint64_t old_size;
    struct tlog_proof proof;
    struct str note, body, sigs;
    struct tlog_checkpoint c;
};

static bool tlog_request_old(struct str line, uint64_t *out)
{
    uint64_t v = 0;
    if (!str_starts(line, STR("old ")))
        return false;
    line = str_sub(line, 4, line.n);
    if (!line.n || line.n > 16 || (line.n > 1 && line.p[0] == '0'))
        return false;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(line.p[i] - '0');
    }
    *out = v;
    return true;
}

/* AM_E_SYNTAX is the 400 of the protocol. */
static int tlog_request_parse(struct str text, struct tlog_request *r)
{
    struct str line = str_cut(text, '\n', &text);
    struct buf b;
    int err = tlog_request_old(line, &r->old_size) ? AM_OK : AM_E_SYNTAX;
    r->proof.n = 0;
    while (!err) {
        line = str_cut(text, '\n', &text);
        if (!text.p)
            return AM_E_SYNTAX;
        if (!line.n)
            break;
        if (r->proof.n == TLOG_PROOF_MAX - 1) /* 63 lines at most */
            return AM_E_SYNTAX;
        buf_init(&b, 64);
        err = crypto_unbase64(&b, line);
        if (!err && b.n != TLOG_HASH)
            err = AM_E_SYNTAX;
        if (!err)
            memcpy(r->proof.node[r->proof.n++].h, b.p, TLOG_HASH);
        buf_release(&b);
    }
    r->note = text;
    if (!err)
        err = tlog_note_split(text, &r->body, &r->sigs);
    if (!err)
        err = tlog_checkpoint_parse(r->body, &r->c);
    return err == AM_E_TOOBIG ? AM_E_SYNTAX : err;
}

/* Keeps a note that does not fit what we signed. "split": two roots for one size, proof
 * by itself. "suspect": the proof sent along was wrong, which anyone could have done. */
static void tlog_keep_evidence(struct tlog_witness *w, const char *kind, struct str note)
{
    char path[PATH_MAX], hex[CRYPTO_HEX];
    uint8_t d[CRYPTO_SHA256];
    int err;
    crypto_sha256(note, d);
    snprintf(path, sizeof path, "%s/%s-%.32s.note", w->dir, kind,
             crypto_hex(d, sizeof d, hex));
    if (access(path, F_OK) == 0)
        return;
    if (w->evidence++ >= TLOG_EVIDENCE_MAX) /* bounded: senders may be hostile */
        return;
    err = am_file_write(path, note, 0600);
    LOG_E("tlog.split_view", log_s("kind", kind), log_s("path", path), log_err(err));
}

/* Persists, then signs. The line leaves only when the new state is on disk. */
static int tlog_witness_accept(struct tlog_witness *w, struct tlog_witnessed *g,
                               const struct tlog_request *r, int64_t now,
                               struct buf *reply)
{
    char path[PATH_MAX];
    struct buf line, state;
    int err;
    buf_init(&line, 1024);
    buf_init(&state, 2 * TLOG_NOTE_MAX);
    err = tlog_cosign(&w->vkey, w->key, r->body, now, &line);
    if (!err)
        err = buf_reserve(reply, line.n);
    if (!err)
        err = buf_add(&state, r->note);
    if (!err && (r->c.size != g->last.size || !r->c.size)) {
        tlog_witness_path(w, g->log.name, path);
        err = am_file_write(path, buf_str(&state), 0600);
    }
    if (!err) {
        g->last = r->c;
        err = buf_add(reply, buf_str(&line));
    }
    buf_release(&line);
    buf_release(&state);
    return err;
}

/* The protocol's answer for a well-formed request. Under mu. */
static int tlog_witness_judge(struct tlog_witness *w, const struct tlog_request *r,
                              int64_t now, int *status, struct buf *reply, bool *split)
{
    struct tlog_witnessed *g = tlog_witness_find(w, r->c.origin);
    struct tlog_checkpoint c;
    int err;
    *status = 404;
    if (!g)
        return AM_OK;
    err = tlog_checkpoint_open(r->note, &g->log, &c);
    *status = 403;
    if (err)
        return err == AM_E_TAMPERED ? AM_OK : err;
    *status = 400;
    if (r->old_size > c.size)
        return AM_OK;
    /* Two roots for one size need no proof to be a split view. */
    if (c.size == g->last.size && memcmp(&c.root, &g->last.root, sizeof c.root) != 0) {
        *split = true;
        tlog_keep_evidence(w, "split", r->note);
    }
    *status = 409;
    if (r->old_size != g->last.size || *split)
        return buf_addf(reply, "%llu\n", (unsigned long long)g->last.size);
    if (tlog_verify_consistency(&r->proof, r->old_size, &g->last.root, c.size, &c.root)) {
        *status = 422;
        *split = true;
        tlog_keep_evidence(w, "suspect", r->note);
        return AM_OK;
    }
    err = tlog_witness_accept(w, g, r, now, reply);
    if (!err)
        *status = 200;
    return err;
}

int tlog_witness_add_checkpoint(struct tlog_witness *w, struct str request, int64_t now,
                                int *status, struct buf *reply, bool *split)
{
    struct tlog_request r;
    bool found = false;
    int err;
    am_assert(w->magic == TLOG_WITNESS_MAGIC);
    *split = false;
    *status = 400;
    if (request.n > TLOG_NOTE_MAX)
        return AM_OK;
    err = tlog_request_parse(request, &r);
    if (err)
        return err == AM_E_NOMEM ? err : AM_OK;
    tlog_lock(&w->mu);
    err = tlog_witness_judge(w, &r, now, status, reply, &found);
    tlog_unlock(&w->mu);
    *split = found;
    return err;
}
