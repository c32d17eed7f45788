/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread that talks to the registry, and the lease it keeps. */
#include "node/node_priv.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { NODE_SYNC_WAIT_S = 20 };
/* How often the wall clock is noted while the registry is away. */
#define NODE_WALL_STEP (60 * TIME_SECOND)

/* ---- lease ---------------------------------------------------------------------- */
int64_t node_lease_age(struct node *n)
{
    int64_t age = INT64_MAX, since;
    pthread_mutex_lock(&n->state);
    if (n->lease.at) {
        since = time_mono() - n->lease.mono_at;
        if (time_now() >= n->lease.wall_at + since - NODE_SKEW)
            age = n->lease.age_us + since;
    }
    pthread_mutex_unlock(&n->state);
    return age;
}

static int64_t node_lease_length(const struct ledger *l, const char *member,
                                 int64_t otherwise)
{
    struct str iso =
        l ? json_get_str(json_get(ledger_policy(l), "lease"), member) : STR_NULL;
    int64_t end;
    return iso.n && time_add_iso(0, iso, &end) == AM_OK ? end : otherwise;
}

/* Its end is compared with its age, which the boot clock counts: an extension is spent
 * like the lease itself, and no clock set back brings it again. After proof of a split
 * leases run out, extended or not. */
void node_lease_look(struct node *n, const struct ledger *l, struct node_lease_view *v)
{
    int64_t until, plain;
    bool split;
    *v = (struct node_lease_view){.age = node_lease_age(n), .now_at = time_now()};
    pthread_mutex_lock(&n->state);
    v->at = n->lease.at;
    if (v->at)
        v->now_at =
            AM_MAX(v->now_at, v->at + n->lease.age_us + time_mono() - n->lease.mono_at);
    until = node_extension_until(n);
    split = n->split_view;
    pthread_mutex_unlock(&n->state);
    v->warn = v->age >= node_lease_length(l, "warn", TIME_DAY / 2);
    if (!v->at)
        return;
    plain = v->at + node_lease_length(l, "end", TIME_DAY);
    v->end_at = l && !split ? ledger_lease_end(l, v->at, until) : plain;
    v->extended_end_at = v->end_at > plain ? v->end_at : 0;
    v->fresh = v->age < v->end_at - v->at;
}

void node_wrote(struct node *n, int err)
{
    if (err && err != AM_E_NOSPACE && err != AM_E_IO)
        return; /* it says nothing of the disk */
    pthread_mutex_lock(&n->state);
    n->unwritable = err != AM_OK;
    pthread_mutex_unlock(&n->state);
}

/* A small write may fit where an output does not: there is room again when a file of the
 * size of a large output can be kept. */
static bool node_room(const struct node *n)
{
    static const char nothing[64 << 10];
    char path[NODE_PATH + 8];
    int err;
    if (snprintf(path, sizeof path, "%s/room", n->dir) >= (int)sizeof path)
        return true;
    err = am_file_write(path, (struct str){nothing, sizeof nothing}, 0600);
    unlink(path);
    return err == AM_OK;
}

static void node_keep_wall(struct node *n, int64_t now)
{
    char text[32];
    int err;
    snprintf(text, sizeof text, "%lld", (long long)now);
    err = node_kv_set(n, "wall_seen", str_c(text));
    if (!err)
        n->wall_kept = now;
    node_wrote(n, err);
}

/* The same note again changes nothing: only a later cosignature renews, so that neither a
 * replayed checkpoint nor a wall clock set back can stretch a lease. Cosignatures are
 * dated to the second: of two in one second the larger tree is the later one. */
int node_renew_lease(struct node *n, int64_t lease_at, uint64_t size)
{
    int64_t now = time_now();
    bool newer;
    if (lease_at > now + NODE_SKEW)
        return AM_E_PRECONDITION; /* from the future: our clock is wrong, or theirs */
    pthread_mutex_lock(&n->state);
    newer = lease_at > n->lease.at || (lease_at == n->lease.at && size > n->lease.size);
    newer = newer && !n->split_view; /* leases run out after proof */
    if (newer)
        n->lease = (struct node_lease){.at = lease_at,
                                       .size = size,
                                       .age_us = now > lease_at ? now - lease_at : 0,
                                       .mono_at = time_mono(),
                                       .wall_at = now};
    pthread_mutex_unlock(&n->state);
    if (newer)
        node_keep_wall(n, now);
    return AM_OK;
}

/* The lease held when a split was proved: no later one counts. */
static int64_t node_lease_capped(struct node *n, int64_t lease_at)
{
    struct buf b;
    int64_t last = 0;
    if (!node_split_proved(n))
        return lease_at;
    buf_init(&b, 64);
    if (node_kv_get(n, "split_lease", &b) == AM_OK &&
        str_int(buf_str(&b), 0, INT64_MAX, &last) == AM_OK)
        lease_at = AM_MIN(lease_at, last);
    buf_release(&b);
    return lease_at;
}

/* After a restart the wall clock is all there is; one that went backwards since it was
 * last seen ends the lease until the registry is reached again. */
void node_lease_from_disk(struct node *n)
{
    const struct ledger *l = ledger_size(n->ledger) ? n->ledger : n->seed;
    struct tlog_checkpoint held;
    struct buf note, seen;
    int64_t lease_at = 0, last = 0, now = time_now();
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&seen, 64);
    if (n->mirror && l && tlog_note(n->mirror, &note) == AM_OK &&
        tlog_policy_check(ledger_quorum(l), buf_str(&note), &held, &lease_at, NULL) ==
            AM_OK &&
        node_kv_get(n, "wall_seen", &seen) == AM_OK &&
        str_int(buf_str(&seen), 0, INT64_MAX, &last) == AM_OK) {
        n->wall_kept = last;
        lease_at = node_lease_capped(n, lease_at);
        if (now >= last - NODE_SKEW && lease_at <= now + NODE_SKEW) {
            int64_t then = AM_MAX(now, last); /* never earlier than what was seen */
            n->lease = (struct node_lease){.at = lease_at,
                                           .size = held.size,
                                           .age_us = AM_MAX(then - lease_at, 0),
                                           .mono_at = time_mono(),
                                           .wall_at = now};
        }
    }
    buf_release(&seen);
    buf_release(&note);
}

/* ---- one round ------------------------------------------------------------------ */
static bool node_is_away(int err)
{
    return err == AM_E_UNAVAILABLE || err == AM_E_TIMEOUT || err == AM_E_CRYPTO;
}

/* Everything is tried even when something else failed: an unreadable checkpoint is no
 * reason to keep a stop to ourselves. The first error is the round's. */
static int node_round(struct node *n, struct http_client *h)
{
    int first = n->seed ? AM_OK : node_seed(n, h), err;
    if (first)
        return first;
    first = node_mirror_round(n, h);
    node_review_extensions(n);
    err = node_keep_stops(n);
    first = first ? first : err;
    err = node_obey_stops(n);
    first = first ? first : err;
    node_judge_suspect(n, h);
    if (!node_is_away(first)) {
        node_fetch_weights(n, h);
        err = node_checkpoint_due(n);
        first = first ? first : err;
    }
    /* One probe per round is enough when nobody answers. */
    err = node_is_away(first) ? AM_OK : node_outbox_flush(n, h);
    return first ? first : err;
}

static void node_told(struct node *n, int err)
{
    if (err && err != n->said) {
        if (node_is_away(err))
            LOG_W("node.registry_away", log_err(err));
        else if (err != AM_E_NOTFOUND) /* no cosigned checkpoint yet: a young log */
            LOG_E("node.sync", log_err(err));
    } else if (!err && n->said) {
        LOG_I("node.registry_back", log_i("size", (int64_t)ledger_size(n->ledger)));
    }
    n->said = err;
}

static void node_sync_once(struct node *n)
{
    int64_t now;
    bool again;
    int err;
    pthread_mutex_lock(&n->state);
    n->rounds_begun++;
    n->hurry = false; /* whoever asked before now is served by this round */
    pthread_mutex_unlock(&n->state);
    err = node_round(n, n->http);
    now = time_now();
    pthread_mutex_lock(&n->state);
    again = n->unwritable; /* every round, until it succeeds */
    pthread_mutex_unlock(&n->state);
    if (again ? node_room(n) : now > n->wall_kept + NODE_WALL_STEP)
        node_keep_wall(n, now);
    pthread_mutex_lock(&n->state);
    n->reachable = !node_is_away(err);
    n->round_err = err;
    n->rounds_done = n->rounds_begun;
    pthread_cond_broadcast(&n->told);
    pthread_mutex_unlock(&n->state);
    node_told(n, err);
}

/* ---- the thread ----------------------------------------------------------------- */
static struct timespec node_in_ms(unsigned ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static void *node_main(void *arg)
{
    struct node *n = arg;
    bool go = true;
    while (go) {
        struct timespec until;
        node_sync_once(n);
        until = node_in_ms(n->poll_ms);
        pthread_mutex_lock(&n->state);
        while (!n->stopping && !n->hurry &&
               pthread_cond_timedwait(&n->wake, &n->state, &until) != ETIMEDOUT)
            ;
        go = !n->stopping;
        pthread_mutex_unlock(&n->state);
    }
    return NULL;
}

int node_sync_start(struct node *n)
{
    int err = http_client_new(&n->http);
    if (!err && pthread_create(&n->thread, NULL, node_main, n))
        err = AM_E_NOMEM;
    n->started = !err;
    if (!err)
        err = node_push_start(n);
    return err ? err : node_gossip_start(n);
}

void node_sync_stop(struct node *n)
{
    pthread_mutex_lock(&n->state);
    n->stopping = true;
    pthread_cond_broadcast(&n->wake);
    pthread_cond_broadcast(&n->told);
    pthread_mutex_unlock(&n->state);
    http_client_cancel(n->http); /* a registry that hangs is not waited for */
    if (n->started)
        pthread_join(n->thread, NULL);
    n->started = false;
    node_push_stop(n);
    node_gossip_stop(n);
    http_client_free(n->http);
    n->http = NULL;
}

bool node_stopping(struct node *n)
{
    bool yes;
    pthread_mutex_lock(&n->state);
    yes = n->stopping;
    pthread_mutex_unlock(&n->state);
    return yes;
}

void node_hurry(struct node *n)
{
    pthread_mutex_lock(&n->state);
    n->hurry = true;
    pthread_cond_broadcast(&n->wake);
    pthread_mutex_unlock(&n->state);
}

int node_sync(struct node *n)
{
    struct timespec until = node_in_ms(NODE_SYNC_WAIT_S * 1000);
    uint64_t mine;
    int late = 0, err;
    pthread_mutex_lock(&n->state);
    mine = n->rounds_begun + 1;
    n->hurry = true;
    pthread_cond_broadcast(&n->wake);
    while (n->rounds_done < mine && !n->stopping && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&n->told, &n->state, &until);
    err = n->rounds_done >= mine ? n->round_err : AM_E_TIMEOUT;
    pthread_mutex_unlock(&n->state);
    return err;
}
