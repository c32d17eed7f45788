/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of want of memory share: requests made with another allocation failing
 * each time. */
#ifndef API_OOM_TEST_SUPPORT_H
#define API_OOM_TEST_SUPPORT_H

#include "api/api_test_support.h"

/* Every route of both servers. */
static const struct {
    char servers;
    const char *method, *pattern;
} routes[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {#servers[0], #method, pattern},
    API_TABLE(X)
#undef X
};

/* All of the first ones, then a sample: some routes allocate thousands of times. */
static inline long next(long n)
{
    return n < 60 ? n + 1 : n + 37;
}

/* "</html>", "</feed>": a page or a feed may show an identifier where it has no memory
 * for a name, but goes to its end. */
static inline struct str ending(const struct reply *r)
{
    struct str p = str_trim(buf_str(&r->resp.body)), type = t_header(r, "Content-Type");
    bool names = str_starts(type, STR("text/html")) ||
                 str_starts(type, STR("application/atom")) ||
                 str_starts(type, STR("application/rss"));
    return names && p.n > 6 ? str_sub(p, p.n - 6, p.n) : p;
}

static inline bool same(const struct reply *x, const struct reply *y)
{
    return x->status == y->status && x->resp.headers == y->resp.headers &&
           str_eq(ending(x), ending(y));
}

/* Each reply in want of memory is the full one, or 503; a refusal stays that refusal.
 * What differs each time (a metric) is compared by its status. */
static inline void starve(struct api *a, struct ask q)
{
    struct reply full = t_ask(a, &q), again = t_ask(a, &q);
    bool steady = same(&full, &again), failed = true;
    t_done(&again);
    for (long n = 1; failed; n = next(n)) {
        struct reply r;
        q.oom = n;
        r = t_ask(a, &q);
        failed = r.failed;
        if (r.status != 503 &&
            (r.status != full.status || (r.status < 400 && steady && !same(&r, &full))))
            fail_msg("%s?%s, allocation %ld: %d, %zu headers, %.300s", q.path,
                     q.query ? q.query : "", n, r.status, r.resp.headers, r.resp.body.p);
        t_done(&r);
    }
    t_done(&full);
}

/* A gesture made again and again, one allocation failing each time: it answers `good` and
 * is done once, or says 503 (500) and is not done; then the same request is good. */
struct gesture {
    const char *name;
    struct api *api;
    void (*make)(struct ask *q, struct buf *body, unsigned k); /* another one each time */
    uint64_t (*done)(void); /* how often it was, in all */
    int good;
    long stride; /* longest step between the allocations tried; 0: as next() */
    int already; /* it may be done where that cannot be said: then this is; 0: never */
};

static inline void gesture_once(const struct gesture *g, struct ask *q, long n,
                                bool *failed)
{
    uint64_t before = g->done();
    struct reply r;
    q->oom = n;
    r = t_ask(g->api, q);
    *failed = r.failed;
    if (r.status != g->good && r.status != 503 && r.status != 500)
        fail_msg("%s, allocation %ld: %d %.300s", g->name, n, r.status, r.resp.body.p);
    bool again = r.status != g->good, done = g->done() != before;
    if (done == again && !(done && g->already))
        fail_msg("%s, allocation %ld: %d, and done %llu times", g->name, n, r.status,
                 (unsigned long long)(g->done() - before));
    t_done(&r);
    if (!again)
        return;
    q->oom = 0;
    r = t_ask(g->api, q);
    if (r.status != (done ? g->already : g->good) || g->done() != before + 1)
        fail_msg("%s, after allocation %ld failed: %d %.300s", g->name, n, r.status,
                 r.resp.body.p);
    t_done(&r);
}

static inline void every_step(const struct gesture *g)
{
    const char *seed = getenv("SEED");
    unsigned state = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time_now(),
             began = state;
    bool failed = true;
    unsigned k = 0;
    for (long n = 1; failed; k++) {
        struct ask q = {.method = HTTP_POST};
        struct buf body;
        buf_init(&body, 8 << 20);
        g->make(&q, &body, k);
        q.body = buf_str(&body);
        gesture_once(g, &q, n, &failed);
        buf_release(&body);
        n = g->stride ? n + 1 + rand_r(&state) % g->stride : next(n);
    }
    print_message("%s: %u tried, SEED=%u\n", g->name, k, began);
}

#endif
