/* SPDX-License-Identifier: Apache-2.0 */
/* Gossip: nodes compare what they hold. A registry that serves each node one consistent
 * history cannot serve two of them different ones once they talk: every `peers_s` seconds
 * the newest checkpoint of each peer is read (GET /witness/checkpoint) and judged like
 * any note. What contradicts our mirror is proof. What is larger than all we hold is
 * joined to it, or shown not to be, from the tiles the peer mirrors and those the
 * registry serves (node_link.c); if neither tells, it is a suspect when it still is
 * larger after NODE_GOSSIP_ROUNDS rounds, which the state shows until it fits. What a
 * peer has proved is checked and adopted, so that the alarm reaches every node that has a
 * peer. A peer's word is nothing: only notes signed by the log count. */
#include "node/node_priv.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"

enum { NODE_GOSSIP_MS = 5000, NODE_GOSSIP_ROUNDS = 3 };

int node_gossip_configure(struct node *n, const char *peers)
{
    struct str rest = str_c(peers ? peers : ""), url;
    while (rest.n) {
        struct node_peer p = {0};
        url = str_cut(rest, ' ', &rest);
        if (!url.n)
            continue;
        if (n->peer.n == NODE_PEERS_MAX || url.n >= sizeof p.url ||
            (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://"))))
            return AM_E_INVALID;
        buf_init(&p.held, 64 << 10);
        memcpy(p.url, url.p, url.n);
        if (p.url[url.n - 1] == '/')
            p.url[url.n - 1] = 0;
        if (vec_push(&n->peer, p))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

static int node_gossip_get(const struct node_peer *p, struct http_client *h,
                           const char *what, struct buf *out)
{
    char url[sizeof p->url + 32];
    struct http_call call = {
        .method = HTTP_GET, .url = url, .timeout_ms = NODE_GOSSIP_MS};
    struct http_reply reply = {0};
    int err;
    snprintf(url, sizeof url, "%s/witness/%s", p->url, what);
    buf_init(&reply.body, out->max);
    err = http_call(h, &call, &reply);
    if (!err)
        err = reply.status == 200 ? buf_add(out, buf_str(&reply.body)) : AM_E_NOTFOUND;
    buf_release(&reply.body);
    return err;
}

enum node_gossip { NODE_GOSSIP_FITS, NODE_GOSSIP_PROVED, NODE_GOSSIP_BEYOND };

/* h NULL: judged from what is here. */
static enum node_gossip node_gossip_weigh(struct node *n, struct http_client *h,
                                          const char *peer, struct str note,
                                          const struct tlog_checkpoint *c)
{
    struct node_pair pair;
    int err;
    buf_init(&pair.known, TLOG_NOTE_MAX);
    err = node_pair_find(n, note, &pair);
    buf_release(&pair.known);
    if (!err) {
        node_split(n, note);
        return NODE_GOSSIP_PROVED;
    }
    if (!c->size || node_compare(n, c) != NODE_BEYOND)
        return NODE_GOSSIP_FITS;
    if (h && !node_split_proved(n) &&
        (node_link(n, h, peer, note) || node_link(n, h, n->registry_url, note)))
        return NODE_GOSSIP_PROVED;
    return NODE_GOSSIP_BEYOND;
}

/* Does the registry give us what it has? Else being behind says nothing about it. */
static bool node_gossip_current(struct node *n)
{
    bool yes;
    pthread_mutex_lock(&n->state);
    yes = n->reachable && n->round_err == AM_OK;
    pthread_mutex_unlock(&n->state);
    return yes;
}

/* One note of a peer. The first that is larger than all we hold is kept and judged again
 * every round: a log that grows is always a little ahead somewhere. */
void node_gossip_judge(struct node *n, struct http_client *h, struct node_peer *p,
                       struct str note)
{
    const struct tlog_vkey *key = ledger_log_key(n->seed);
    struct tlog_checkpoint c;
    if (p->held.n && tlog_checkpoint_open(buf_str(&p->held), key, &c) == AM_OK) {
        if (node_gossip_weigh(n, h, p->url, buf_str(&p->held), &c) ==
            NODE_GOSSIP_BEYOND) {
            if (node_gossip_current(n) && ++p->beyond == NODE_GOSSIP_ROUNDS)
                LOG_E("node.gossip_suspect", log_s("peer", p->url),
                      log_i("size", (int64_t)c.size));
        } else {
            p->beyond = 0;
            buf_clear(&p->held);
        }
    }
    if (tlog_checkpoint_open(note, key, &c))
        return;    /* anybody could have written it */
    if (p->held.n) /* one note of a peer at a time is asked about */
        h = NULL;
    if (node_gossip_weigh(n, h, p->url, note, &c) == NODE_GOSSIP_BEYOND && !p->held.n &&
        buf_add(&p->held, note))
        buf_clear(&p->held);
}

void node_gossip_round(struct node *n, struct http_client *h)
{
    bool suspect = false;
    for (size_t i = 0; i < n->peer.n; i++) {
        struct node_peer *p = &n->peer.v[i];
        struct buf note, proof;
        buf_init(&note, 64 << 10);
        buf_init(&proof, (size_t)NODE_EVIDENCE_MAX * NODE_EVIDENCE_JSON);
        if (node_gossip_get(p, h, "checkpoint", &note) == AM_OK)
            node_gossip_judge(n, h, p, buf_str(&note));
        if (!node_split_proved(n) && node_gossip_get(p, h, "evidence", &proof) == AM_OK &&
            node_evidence_adopt(n, buf_str(&proof)))
            LOG_W("node.gossip_told", log_s("peer", p->url));
        buf_release(&proof);
        buf_release(&note);
        suspect = suspect || p->beyond >= NODE_GOSSIP_ROUNDS;
    }
    pthread_mutex_lock(&n->state);
    n->gossip_suspect = suspect;
    pthread_mutex_unlock(&n->state);
}

static bool node_gossip_pause(struct node *n, unsigned s)
{
    struct timespec t;
    bool go;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += s;
    pthread_mutex_lock(&n->state);
    while (!n->stopping && pthread_cond_timedwait(&n->wake, &n->state, &t) != ETIMEDOUT)
        ;
    go = !n->stopping;
    pthread_mutex_unlock(&n->state);
    return go;
}

static void *node_gossip_main(void *arg)
{
    struct node *n = arg;
    while (node_gossip_pause(n, n->peers_s))
        if (node_met(n))
            node_gossip_round(n, n->gossip_http);
    return NULL;
}

int node_gossip_start(struct node *n)
{
    int err = n->peer.n ? http_client_new(&n->gossip_http) : AM_OK;
    if (!err && n->peer.n && pthread_create(&n->gossip_thread, NULL, node_gossip_main, n))
        err = AM_E_NOMEM;
    n->gossip_started = !err && n->peer.n > 0;
    return err;
}

/* n->stopping is set. */
void node_gossip_stop(struct node *n)
{
    if (n->gossip_http)
        http_client_cancel(n->gossip_http);
    if (n->gossip_started)
        pthread_join(n->gossip_thread, NULL);
    n->gossip_started = false;
    http_client_free(n->gossip_http);
    n->gossip_http = NULL;
    for (size_t i = 0; i < n->peer.n; i++)
        buf_release(&n->peer.v[i].held);
    vec_release(&n->peer);
}
