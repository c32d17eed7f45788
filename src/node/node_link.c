/* SPDX-License-Identifier: Apache-2.0 */
/* What joins two checkpoints of different sizes. A note larger than our mirror cannot be
 * judged from what is here; whoever holds its tree can say what that tree's past is, and
 * prove it: from the tiles they serve (a peer its mirror, the registry its log) comes a
 * consistency proof, and only a proof that verifies against a note signed by the log
 * counts. So it does not matter who answers: a peer that lies proves nothing, and one
 * that tells the truth convicts the log, not itself.
 *
 * Compared are the note in question, our mirror's, the one this witness signed last, and
 * the one they publish: any two of them that are not of one history are evidence. */
#include "node/node_priv.h"

#include "base/log.h"

enum { NODE_LINK_NOTES = 4, NODE_LINK_NOTE = 64 << 10, NODE_LINK_CALL_MS = 5000 };
#define NODE_LINK_WHOLE (20 * TIME_SECOND) /* all questions to one of them */

struct node_told { /* one note signed by the log */
    struct buf note;
    struct tlog_checkpoint c;
};
struct node_link {
    struct node *n;
    struct http_client *h;
    const char *base;
    int64_t until; /* boot clock */
    struct tlog_remote *remote;
    uint64_t held; /* size of the tree whose tiles they serve */
    struct node_told told[NODE_LINK_NOTES];
    size_t told_n;
};

static int node_link_get(void *cookie, const char *path, struct buf *out)
{
    struct node_link *k = cookie;
    char url[768];
    struct http_call call = {
        .method = HTTP_GET, .url = url, .timeout_ms = NODE_LINK_CALL_MS};
    struct http_reply reply = {0};
    int err;
    if (time_mono() > k->until)
        return AM_E_TIMEOUT;
    if (snprintf(url, sizeof url, "%s/log/%s", k->base, path) >= (int)sizeof url)
        return AM_E_TOOBIG;
    buf_init(&reply.body, out->max);
    err = http_call(k->h, &call, &reply);
    if (!err && reply.status != 200)
        err = reply.status == 404 ? AM_E_NOTFOUND : AM_E_UNAVAILABLE;
    if (!err)
        err = buf_add(out, buf_str(&reply.body));
    buf_release(&reply.body);
    return err;
}

/* Takes the note over when the log has signed it and it says something. */
static void node_link_add(struct node_link *k, struct buf *note)
{
    struct node_told *t = &k->told[k->told_n];
    if (k->told_n < NODE_LINK_NOTES && note->n &&
        tlog_checkpoint_open(buf_str(note), ledger_log_key(k->n->seed), &t->c) == AM_OK &&
        t->c.size) {
        t->note = *note;
        k->told_n++;
    } else {
        buf_release(note);
    }
}

static void node_link_ours(struct node_link *k)
{
    struct buf mirrored, mine;
    buf_init(&mirrored, TLOG_NOTE_MAX);
    buf_init(&mine, TLOG_NOTE_MAX);
    pthread_rwlock_rdlock(&k->n->fold);
    if (k->n->mirror && tlog_note(k->n->mirror, &mirrored))
        buf_clear(&mirrored);
    pthread_rwlock_unlock(&k->n->fold);
    if (tlog_witness_note(k->n->witness, ledger_log_key(k->n->seed)->name, &mine))
        buf_clear(&mine);
    node_link_add(k, &mirrored);
    node_link_add(k, &mine);
}

/* Their own note, which says how large the tree is whose tiles they serve. */
static int node_link_theirs(struct node_link *k)
{
    size_t before = k->told_n;
    struct buf b;
    int err;
    buf_init(&b, NODE_LINK_NOTE);
    err = node_link_get(k, "checkpoint", &b);
    if (err) {
        buf_release(&b);
        return err;
    }
    node_link_add(k, &b);
    if (k->told_n == before)
        return AM_E_TAMPERED;
    k->held = k->told[before].c.size;
    return tlog_remote_new(&k->remote, k->held, node_link_get, k);
}

/* Two notes, the smaller first. AM_OK: they contradict each other, and *p says why. */
static int node_link_weigh(struct node_link *k, const struct node_told *small,
                           const struct node_told *large, struct node_pair *p)
{
    int err = AM_OK;
    p->note = buf_str(&small->note);
    p->c = small->c;
    p->k = large->c;
    p->root = large->c.root;
    p->proof.n = 0;
    if (small->c.size < large->c.size)
        err = k->remote ? tlog_remote_past(k->remote, small->c.size, &large->c, &p->root,
                                           &p->proof)
                        : AM_E_NOTFOUND;
    if (!err && !memcmp(&p->root, &small->c.root, sizeof p->root))
        err = AM_E_NOTFOUND; /* one history */
    buf_clear(&p->known);
    return err ? err : buf_add(&p->known, buf_str(&large->note));
}

static bool node_link_compare(struct node_link *k)
{
    struct node_pair p;
    bool proved = false;
    buf_init(&p.known, TLOG_NOTE_MAX);
    for (size_t i = 0; i < k->told_n && !proved; i++)
        for (size_t j = i + 1; j < k->told_n && !proved; j++) {
            bool order = k->told[i].c.size <= k->told[j].c.size;
            const struct node_told *small = &k->told[order ? i : j],
                                   *large = &k->told[order ? j : i];
            proved = node_link_weigh(k, small, large, &p) == AM_OK;
        }
    if (proved)
        node_split_pair(k->n, &p);
    buf_release(&p.known);
    return proved;
}

bool node_link(struct node *n, struct http_client *h, const char *base, struct str note)
{
    struct node_link k = {
        .n = n, .h = h, .base = base, .until = time_mono() + NODE_LINK_WHOLE};
    struct buf copy;
    bool proved;
    int err;
    buf_init(&copy, TLOG_NOTE_MAX);
    if (buf_add(&copy, note))
        buf_clear(&copy);
    node_link_add(&k, &copy);
    node_link_ours(&k);
    err = node_link_theirs(&k);
    if (err)
        LOG_I("node.link", log_s("of", base), log_err(err));
    proved = node_link_compare(&k);
    tlog_remote_free(k.remote);
    for (size_t i = 0; i < k.told_n; i++)
        buf_release(&k.told[i].note);
    return proved;
}
