/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's door, and what a split view means here.
 *
 * tlog decides what is cosigned. What does not fit is weighed against the mirror, which
 * only ever grew by quorum checkpoints: a note validly signed by the log whose root is
 * not ours at that size is proof of two histories, whatever proof came along with it. A
 * note larger than the mirror is a suspect until the mirror has grown past it, or the
 * registry's own tiles show what joins them (node_link.c); the alarm is up meanwhile. The
 * door is public, so only signed notes count.
 *
 * After proof nothing of that log is cosigned and the lease is the last one; what the
 * quorum signs is still mirrored, for it brings stops. An operator ends it by moving the
 * evidence away (doc/en/node.md). */
#include "node/node_priv.h"

#include "base/log.h"

#define NODE_SUSPECT_RETRY (10 * TIME_SECOND)

/* The lease as it is now is the last one, after a restart too. */
static void node_lease_last(struct node *n)
{
    char text[32];
    int64_t at;
    int err;
    pthread_mutex_lock(&n->state);
    at = n->lease.at;
    pthread_mutex_unlock(&n->state);
    snprintf(text, sizeof text, "%lld", (long long)at);
    err = node_kv_set(n, "split_lease", str_c(text));
    if (err)
        LOG_E("node.split_lease", log_err(err));
}

static void node_alarm(struct node *n, bool on)
{
    bool was;
    pthread_mutex_lock(&n->state);
    was = n->split_view;
    n->split_view = on || was;
    n->suspect.size = 0;
    pthread_mutex_unlock(&n->state);
    if (on && !was) {
        node_lease_last(n);
        LOG_E("node.split_view", log_s("node", n->name));
    }
}

bool node_split_proved(struct node *n)
{
    bool yes;
    pthread_mutex_lock(&n->state);
    yes = n->split_view;
    pthread_mutex_unlock(&n->state);
    return yes;
}

void node_split_pair(struct node *n, const struct node_pair *p)
{
    node_evidence_add(n, p);
    node_alarm(n, true);
}

void node_split(struct node *n, struct str note)
{
    struct node_pair p;
    int err;
    buf_init(&p.known, TLOG_NOTE_MAX);
    err = node_pair_find(n, note, &p);
    if (!err)
        node_evidence_add(n, &p);
    else
        LOG_E("node.split_evidence", log_err(err));
    buf_release(&p.known);
    node_alarm(n, true);
}

enum node_fit node_compare(struct node *n, const struct tlog_checkpoint *c)
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

/* The registry serves the tiles of what it had us asked to sign: they may convict it. */
static void node_ask_suspect(struct node *n, struct http_client *h, struct str note)
{
    int64_t now = time_mono();
    if (now < n->suspect_after)
        return;
    n->suspect_after = now + NODE_SUSPECT_RETRY;
    node_link(n, h, n->registry_url, note);
}

void node_judge_suspect(struct node *n, struct http_client *h)
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
        node_ask_suspect(n, h, buf_str(&note));
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
    if (node_split_proved(n)) { /* until an operator has looked into it */
        *status = 503;
        return buf_adds(reply, "split view proved: GET /witness/evidence\n");
    }
    err = tlog_witness_add_checkpoint(n->witness, request, time_now(), status, reply,
                                      &split);
    if (!err && (*status == 409 || *status == 422))
        node_weigh(n, request, *status, split);
    if (!err && *status == 200)
        node_hurry(n); /* something new is about to be cosigned */
    return err;
}
