/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's door, and what a split view means here.
 *
 * tlog decides what is cosigned. What does not fit is weighed against the mirror, which
 * only ever grew by quorum checkpoints: a note validly signed by the log whose root is
 * not ours at that size is proof of two histories, whatever proof came along with it. A
 * note larger than the mirror is a suspect until the mirror has grown past it; the alarm
 * is up meanwhile. The door is public, so only signed notes count. */
#include "node/node_priv.h"

#include <dirent.h>
#include <limits.h>

#include "base/log.h"

static void node_alarm(struct node *n, bool on)
{
    bool was;
    pthread_mutex_lock(&n->state);
    was = n->split_view;
    n->split_view = on || was;
    n->suspect.size = 0;
    pthread_mutex_unlock(&n->state);
    if (on && !was)
        LOG_E("node.split_view", log_s("node", n->name));
}

void node_split(struct node *n, struct str note)
{
    char path[PATH_MAX], hex[CRYPTO_HEX];
    uint8_t digest[32];
    bool was;
    int err;
    pthread_mutex_lock(&n->state);
    was = n->split_view;
    pthread_mutex_unlock(&n->state);
    if (!was && note.n) { /* one piece of evidence of our own; tlog keeps its own too */
        crypto_sha256(note, digest);
        snprintf(path, sizeof path, "%s/witness/split-%.32s.note", n->dir,
                 crypto_hex(digest, sizeof digest, hex));
        err = am_file_write(path, note, 0600);
        if (err)
            LOG_E("node.split_evidence", log_s("path", path), log_err(err));
    }
    node_alarm(n, true);
}

void node_split_from_disk(struct node *n)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *dir;
    snprintf(path, sizeof path, "%s/witness", n->dir);
    dir = opendir(path);
    while (dir && (e = readdir(dir)))
        if (strncmp(e->d_name, "split-", 6) == 0)
            n->split_view = true;
    if (dir)
        closedir(dir);
}

enum node_fit { NODE_FITS, NODE_BEYOND, NODE_DIFFERS };

/* Takes fold. */
static enum node_fit node_compare(struct node *n, const struct tlog_checkpoint *c)
{
    enum node_fit fit = NODE_BEYOND;
    struct tlog_checkpoint head;
    struct tlog_hash root;
    pthread_rwlock_rdlock(&n->fold);
    if (n->mirror) {
        tlog_head(n->mirror, &head);
        if (c->size <= head.size && tlog_root_at(n->mirror, c->size, &root) == AM_OK)
            fit = memcmp(&root, &c->root, sizeof root) ? NODE_DIFFERS : NODE_FITS;
    }
    pthread_rwlock_unlock(&n->fold);
    return fit;
}

/* The note follows the first empty line of an add-checkpoint request. */
static struct str node_note_of(struct str request)
{
    for (size_t i = 0; i + 1 < request.n; i++)
        if (request.p[i] == '\n' && request.p[i + 1] == '\n')
            return str_sub(request, i + 2, request.n);
    return STR_NULL;
}

/* split: tlog found that the note does not fit what this witness signed; with 409, that
 * it signed another root for that very size. */
static void node_weigh(struct node *n, struct str request, int status, bool split)
{
    struct str note = node_note_of(request);
    struct tlog_checkpoint c;
    if (!note.p || tlog_checkpoint_open(note, ledger_log_key(n->seed), &c))
        return; /* anybody could have written it */
    if (split && status == 409) {
        node_split(n, note);
        return;
    }
    switch (node_compare(n, &c)) {
    case NODE_DIFFERS:
        node_split(n, note);
        break;
    case NODE_BEYOND:
        if (!split)
            break;
        pthread_mutex_lock(&n->state);
        n->suspect = c;
        buf_clear(&n->suspect_note);
        if (buf_add(&n->suspect_note, note)) /* the alarm does not wait for memory */
            buf_clear(&n->suspect_note);
        pthread_mutex_unlock(&n->state);
        LOG_E("node.suspect", log_s("node", n->name), log_i("size", (int64_t)c.size));
        break;
    case NODE_FITS: /* our own history with a spoilt proof: the sender's mistake */
        break;
    }
}

void node_judge_suspect(struct node *n)
{
    struct tlog_checkpoint c;
    struct buf note;
    buf_init(&note, TLOG_NOTE_MAX);
    pthread_mutex_lock(&n->state);
    c = n->suspect;
    if (c.size && buf_add(&note, buf_str(&n->suspect_note)))
        buf_clear(&note);
    pthread_mutex_unlock(&n->state);
    if (!c.size)
        return;
    switch (node_compare(n, &c)) {
    case NODE_DIFFERS: /* proof now, kept for after a restart too */
        node_split(n, buf_str(&note));
        break;
    case NODE_FITS:
        LOG_I("node.suspect_cleared", log_i("size", (int64_t)c.size));
        node_alarm(n, false);
        break;
    case NODE_BEYOND:
        break;
    }
    buf_release(&note);
}

int node_witness(struct node *n, struct str request, int *status, struct buf *reply)
{
    bool split = false;
    int err;
    if (!node_met(n)) {
        *status = 503; /* we do not know the log's key yet */
        return AM_OK;
    }
    err = tlog_witness_add_checkpoint(n->witness, request, time_now(), status, reply,
                                      &split);
    if (!err && (*status == 409 || *status == 422))
        node_weigh(n, request, *status, split);
    if (!err && *status == 200)
        node_hurry(n); /* something new is about to be cosigned */
    return err;
}
