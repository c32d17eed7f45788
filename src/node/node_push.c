/* SPDX-License-Identifier: Apache-2.0 */
/* Orders are pushed: one thread of the node holds a long poll at the registry, which
 * answers the moment a stop is logged. The order is obeyed on its own signature, before
 * any witness has cosigned it (lifecycle.md 7.1); the mirror confirms it later. When the
 * line is down the mirror's rounds find the order as before, and this thread tries again
 * with growing pauses. */
#include "node/node_stop_priv.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"

enum {
    NODE_PUSH_WAIT_S = 25,
    NODE_PUSH_FIRST_MS = 250, /* first pause after a failure; doubles */
    NODE_PUSH_LAST_MS = 8000
};

/* Sleeps, or returns at once when the node closes. */
static bool node_push_pause(struct node *n, unsigned ms)
{
    struct timespec t;
    bool go;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&n->state);
    while (!n->stopping && pthread_cond_timedwait(&n->wake, &n->state, &t) != ETIMEDOUT)
        ;
    go = !n->stopping;
    pthread_mutex_unlock(&n->state);
    return go;
}

static void node_push_state(struct node *n, bool up)
{
    bool was;
    pthread_mutex_lock(&n->state);
    was = n->push_up;
    n->push_up = up;
    pthread_mutex_unlock(&n->state);
    if (was != up)
        LOG_I("node.push", log_s("state", up ? "up" : "down"));
}

/* What is not obeyed now -- a key this mirror has not seen yet -- comes by the mirror. */
static void node_push_order(struct node *n, const struct json *order)
{
    struct diag d;
    struct buf text;
    struct jw w;
    int err;
    diag_init(&d);
    buf_init(&text, 2 * NODE_RECORD_MAX);
    jw_init(&w, &text);
    jw_val(&w, json_get(order, "envelope"));
    err = jw_done(&w);
    if (!err)
        err = node_stop_pushed(n, buf_str(&text), &d);
    if (err && err != AM_E_CONFLICT)
        LOG_W("node.push_refused", log_i("index", json_int(json_get(order, "index"), 0)),
              log_err(err), log_s("code", d.n ? d.item[0].code : ""));
    buf_release(&text);
    diag_release(&d);
}

/* One poll. AM_OK: *since moved on, or the time passed without an order. */
static int node_push_once(struct node *n, struct http_client *h, uint64_t *since)
{
    struct http_reply reply = {0};
    struct json_doc *doc = NULL;
    char url[640];
    const struct http_call call = {
        .method = HTTP_GET, .url = url, .timeout_ms = (NODE_PUSH_WAIT_S + 10) * 1000};
    int64_t next;
    int err;
    snprintf(url, sizeof url, "%s/api/v1/stops?since=%llu&wait=%d&envelopes=1",
             n->registry_url, (unsigned long long)*since, NODE_PUSH_WAIT_S);
    buf_init(&reply.body, NODE_BODY_MAX);
    err = http_call(h, &call, &reply);
    if (!err && reply.status != 200)
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = json_parse(&doc, buf_str(&reply.body), NULL, NULL);
    if (!err) {
        next = json_int(json_get(json_root(doc), "next"), -1);
        err = next < 0 ? AM_E_SYNTAX : AM_OK; /* a registry that does not know `wait` */
    }
    if (!err) {
        for (json_each(it, json_get(json_root(doc), "orders")))
            node_push_order(n, it.val);
        *since = (uint64_t)next; /* a registry set back is caught by the mirror */
    }
    json_free(doc);
    buf_release(&reply.body);
    return err;
}

static uint64_t node_push_from(struct node *n)
{
    uint64_t size;
    pthread_rwlock_rdlock(&n->fold);
    size = ledger_size(n->ledger);
    pthread_rwlock_unlock(&n->fold);
    return size;
}

static void *node_push_main(void *arg)
{
    struct node *n = arg;
    unsigned pause = NODE_PUSH_FIRST_MS;
    uint64_t since;
    while (!node_met(n))
        if (!node_push_pause(n, NODE_PUSH_FIRST_MS))
            return NULL;
    since = node_push_from(n);
    for (;;) {
        int64_t began = time_mono();
        uint8_t spread = 0;
        int err = node_push_once(n, n->push_http, &since);
        node_push_state(n, !err);
        if (!err && time_mono() - began > TIME_SECOND / 100) {
            pause = NODE_PUSH_FIRST_MS;
            if (node_stopping(n))
                return NULL;
            continue;
        }
        /* Not all nodes at the same moment after the registry was away. */
        if (crypto_random(&spread, 1))
            spread = 0;
        if (!node_push_pause(n, err ? pause + pause * spread / 512 : 10))
            return NULL;
        if (err)
            pause = AM_MIN(pause * 2, (unsigned)NODE_PUSH_LAST_MS);
    }
}

int node_push_start(struct node *n)
{
    int err = http_client_new(&n->push_http);
    if (!err && pthread_create(&n->push_thread, NULL, node_push_main, n))
        err = AM_E_NOMEM;
    n->push_started = !err;
    return err;
}

/* n->stopping is set: the poll in progress is cut. */
void node_push_stop(struct node *n)
{
    http_client_cancel(n->push_http);
    if (n->push_started)
        pthread_join(n->push_thread, NULL);
    n->push_started = false;
    http_client_free(n->push_http);
    n->push_http = NULL;
}
