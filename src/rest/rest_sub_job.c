/* SPDX-License-Identifier: Apache-2.0 */
/* The Subscriptions there are, the thread that follows the store, and those that take
 * their turns. */
#include "rest/rest_sub.h"

#include <errno.h>
#include <time.h>

static void sub_lock(struct rest_subs *x)
{
    am_assert(!pthread_mutex_lock(&x->lock));
}

static void sub_unlock(struct rest_subs *x)
{
    am_assert(!pthread_mutex_unlock(&x->lock));
}

/* So many microseconds, or until a signal. (time_mono() is not the clock of the
 * condition: it counts sleep.) */
static void sub_wait(struct rest_subs *x, pthread_cond_t *what, int64_t us)
{
    struct timespec t;
    int64_t at;
    int err;
    am_assert(!clock_gettime(CLOCK_MONOTONIC, &t));
    at = (int64_t)t.tv_sec * TIME_SECOND + t.tv_nsec / 1000 + AM_MAX(us, 1);
    t.tv_sec = (time_t)(at / TIME_SECOND);
    t.tv_nsec = (long)(at % TIME_SECOND) * 1000;
    err = pthread_cond_timedwait(what, &x->lock, &t);
    am_assert(!err || err == ETIMEDOUT);
}

/* ---- the list ---- */
static struct rest_sub *sub_of(const struct rest_subs *x, const char *id)
{
    struct rest_sub *s = x->first;
    while (s && strcmp(s->id, id) != 0)
        s = s->next;
    return s;
}

bool rest_sub_known(const struct rest_subs *x, const char *id)
{
    return sub_of(x, id);
}

bool rest_sub_open(const struct rest_subs *x, const char *id)
{
    const struct rest_sub *s = sub_of(x, id);
    return s && !s->hook;
}

static void sub_free(struct rest_sub *s)
{
    free(s->who);
    free(s->text);
    vec_release(&s->event);
    free(s);
}

static void sub_remove(struct rest_subs *x, struct rest_sub *s)
{
    struct rest_sub **at = &x->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    x->n--;
    rest_sub_silence(x, s->id, "deleted");
    sub_free(s);
}

static size_t sub_most(const struct rest_subs *x)
{
    return x->r->c.sub.most ? x->r->c.sub.most : SUB_MOST;
}

/* ---- places ---- */
static size_t sub_most_each(const struct rest_subs *x)
{
    return x->r->c.sub.most_each ? x->r->c.sub.most_each : SUB_MOST_EACH;
}

static bool place_his(const struct rest_call *c, const char *who)
{
    const struct rest_guard *g = &c->r->c.guard;
    return g->his && who && g->his(g->arg, str_c(who), c->q->who);
}

/* Of who asks, but for `but`, which he may be about to take over. */
static size_t place_count(const struct rest_call *c, const struct rest_sub *but)
{
    const struct rest_subs *x = c->r->subs;
    size_t n = 0;
    for (const struct rest_sub *s = x->first; s; s = s->next)
        n += s != but && place_his(c, s->who);
    for (const struct rest_sub_place *p = x->place; p; p = p->next)
        n += place_his(c, p->who);
    return n;
}

static size_t places(const struct rest_subs *x)
{
    size_t n = 0;
    for (const struct rest_sub_place *p = x->place; p; p = p->next)
        n++;
    return n;
}

static int place_new(const struct rest_call *c, struct rest_sub_place **out)
{
    const struct rest_guard *g = &c->r->c.guard;
    struct rest_sub_place *p = NULL;
    struct buf who;
    int err;
    buf_init(&who, REST_STAND);
    err = g->stand ? g->stand(g->arg, c->q->who, &who) : AM_OK;
    if (!err) {
        p = am_calloc(1, sizeof *p + who.n + 1);
        err = p ? AM_OK : AM_E_NOMEM;
    }
    if (p) {
        p->call = c;
        memcpy(p->who, who.p, who.n + 1);
    }
    buf_release(&who);
    *out = p;
    return err;
}

/* The list has what is written a look later: until then the place is kept. Counting under
 * the lock: a call that writes many, or many calls at once, find no more places than one
 * after the other. */
int rest_sub_room(struct rest_call *c, struct str id, bool *his)
{
    struct rest_subs *x = c->r->subs;
    struct rest_sub_place *p;
    const struct rest_sub *s;
    int err = place_new(c, &p);
    *his = false;
    if (err)
        return err;
    sub_lock(x);
    for (s = x->first; s && !str_eqc(id, s->id); s = s->next)
        ;
    if (!s && x->n + places(x) >= sub_most(x))
        err = AM_E_TOOMANY;
    else if (!(s && place_his(c, s->who)) && place_count(c, s) >= sub_most_each(x)) {
        *his = true;
        err = AM_E_TOOMANY;
    } else if (!s) {
        p->next = x->place;
        x->place = p;
        c->subs = true;
        p = NULL;
    }
    sub_unlock(x);
    free(p);
    return err;
}

void rest_subs_end(struct rest_call *c)
{
    struct rest_subs *x = c->r->subs;
    if (!c->subs)
        return;
    sub_lock(x);
    for (struct rest_sub_place *p = x->place; p; p = p->next)
        if (p->call == c)
            p->call = NULL;
    sub_unlock(x);
    c->subs = false;
}

/* Under the lock. Those of calls that are over by now are in what is looked at next;
 * done: it was. */
static void places_pass(struct rest_subs *x, bool done)
{
    struct rest_sub_place **at = &x->place;
    while (*at) {
        struct rest_sub_place *p = *at;
        if (done && p->passes) {
            *at = p->next;
            free(p);
            continue;
        }
        p->passes = !p->call;
        at = &p->next;
    }
}

/* What is due waits from now on: else one that is told all the time goes before. */
static void sub_called(struct rest_sub *s, int64_t now)
{
    if (s->stale || (s->news && !s->waits))
        s->due_at = AM_MIN(s->due_at, now);
}

void rest_sub_call(struct rest_subs *x, const char *id)
{
    struct rest_sub *s = sub_of(x, id);
    if (!s)
        return; /* the follower will find it */
    s->stale = true;
    if (!s->busy)
        sub_called(s, time_mono());
    am_assert(!pthread_cond_broadcast(&x->wake));
}

/* ---- following the store ---- */
struct follow {
    struct rest_subs *x;
    struct eds_view *v;
};

/* Whose it is; unknown where it was never sealed. */
static int follow_who(struct rest_subs *x, struct str body, char **out)
{
    struct json_doc *doc = NULL, *seal = NULL;
    int err = json_parse(&doc, body, NULL, NULL);
    *out = NULL;
    if (!err)
        err = rest_sub_unseal(x->r, json_root(doc), &seal);
    if (!err) {
        *out = str_dup(json_get_str(json_root(seal), "who"));
        err = *out ? AM_OK : AM_E_NOMEM;
    }
    json_free(seal);
    json_free(doc);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int follow_more(struct rest_subs *x, const char *id)
{
    struct rest_sub *s;
    if (x->n >= sub_most(x)) {
        x->over = true;
        LOG_W("rest.subscription_many", log_str("id", str_c(id)));
        return AM_OK;
    }
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    snprintf(s->id, sizeof s->id, "%s", id);
    s->slow = s->stale = true;
    s->next = x->first;
    x->first = s;
    x->n++;
    am_assert(!pthread_cond_broadcast(&x->wake));
    return AM_OK;
}

/* One whose turn it is sees it by itself. */
static void follow_deleted(struct rest_subs *x, const char *id)
{
    struct rest_sub *s, was = {0};
    bool busy;
    sub_lock(x);
    s = sub_of(x, id);
    busy = s && s->busy;
    if (busy)
        s->stale = true;
    else if (s)
        sub_remove(x, s);
    sub_unlock(x);
    snprintf(was.id, sizeof was.id, "%s", id);
    if (!busy) /* nobody but this thread adds one */
        rest_sub_forget(x, &was);
}

/* Only the newest version of each counts: those before it take no place in the list. */
static int follow_one(void *arg, const struct eds_meta *m, struct str body)
{
    const struct follow *f = arg;
    struct rest_subs *x = f->x;
    struct eds_meta newest;
    struct rest_sub *s;
    char *who;
    int err = AM_OK;
    if (m->gone) {
        err = eds_get(f->v, str_c(m->type), str_c(m->id), 0, NULL, &newest);
        if (!err && newest.rid == m->rid)
            follow_deleted(x, m->id);
        return err;
    }
    if (!m->current)
        return AM_OK;
    err = follow_who(x, body, &who);
    if (err)
        return err;
    sub_lock(x);
    s = sub_of(x, m->id);
    if (!s)
        err = follow_more(x, m->id);
    else {
        s->stale = true;
        if (!s->busy)
            sub_called(s, time_mono());
    }
    s = sub_of(x, m->id);
    if (s) {
        free(s->who);
        s->who = who;
        who = NULL;
    }
    sub_unlock(x);
    free(who);
    return err;
}

/* Those for which there was no place come as soon as there is one. */
static bool follow_anew(struct rest_subs *x)
{
    bool anew;
    sub_lock(x);
    anew = x->over && x->n < sub_most(x);
    if (anew)
        x->over = false;
    sub_unlock(x);
    return anew;
}

static int follow_in(struct eds_view *v, void *arg)
{
    struct rest_subs *x = arg;
    struct eds_past p = {
        .type = STR("Subscription"), .onward = true, .after = x->seen, .bodies = true};
    int64_t top;
    int err = eds_top(v, &top);
    if (!err && follow_anew(x))
        p.after = x->seen = 0;
    if (err || top == x->seen)
        return err;
    err = eds_history(v, &p, follow_one, &(struct follow){x, v});
    if (!err)
        x->seen = top;
    return err;
}

static void *follow_main(void *arg)
{
    struct rest_subs *x = arg;
    sub_lock(x);
    while (!x->ends) {
        int64_t seen = x->seen;
        int err;
        places_pass(x, false);
        sub_unlock(x);
        err = eds_view(x->r->c.eds, follow_in, x);
        if (err)
            LOG_E("rest.subscription_follow", log_err(err));
        sub_lock(x);
        if (!err) /* what those calls wrote is in the list */
            places_pass(x, true);
        rest_sub_lost(x);
        if (x->seen != seen || err) {
            int64_t now = time_mono();
            for (struct rest_sub *s = x->first; s; s = s->next) {
                s->news = true;
                if (!s->busy)
                    sub_called(s, now);
            }
            am_assert(!pthread_cond_broadcast(&x->wake));
        }
        if (!x->ends)
            sub_wait(x, &x->end, SUB_LOOK_MS * INT64_C(1000));
    }
    sub_unlock(x);
    return NULL;
}

/* ---- turns ---- */
static bool sub_due(const struct rest_sub *s, int64_t now)
{
    return s->stale || (s->news && !s->waits) || s->due_at <= now;
}

/* Whose turn it is, the one that waits longest first; *us: when to look again. */
static struct rest_sub *sub_next(struct rest_subs *x, int64_t *us)
{
    struct rest_sub *best = NULL;
    int64_t now = time_mono();
    *us = 60 * TIME_SECOND;
    for (struct rest_sub *s = x->first; s; s = s->next) {
        if (s->busy || (s->slow && x->slow >= SUB_THREADS / 2))
            continue;
        if (sub_due(s, now)) {
            if (!best || s->due_at < best->due_at)
                best = s;
        } else
            *us = AM_MIN(*us, s->due_at - now);
    }
    return best;
}

static void sub_turn(struct rest_subs *x, struct rest_sub *s, struct http_client *http)
{
    bool stale = s->stale, slow = s->slow;
    enum rest_sub_next next;
    int64_t wait_ms = 0, now;
    s->busy = true;
    s->stale = s->news = false;
    x->slow += slow;
    sub_unlock(x);
    next = rest_sub_turn(x, s, http, stale, &wait_ms);
    sub_lock(x);
    now = time_mono();
    x->slow -= slow;
    s->busy = false;
    s->slow = !s->fast;
    s->waits = next == SUB_AFTER_WAIT || next == SUB_NEVER;
    s->due_at = next == SUB_AT_ONCE                         ? now
                : next == SUB_NEVER || wait_ms == INT64_MAX ? INT64_MAX
                                                            : now + wait_ms * 1000;
    sub_called(s, now);
    if (s->deleted && !s->stale)
        sub_remove(x, s);
    am_assert(!pthread_cond_broadcast(&x->wake));
}

static void *sub_main(void *arg)
{
    struct rest_sub_worker *w = arg;
    struct rest_subs *x = w->x;
    sub_lock(x);
    while (!x->ends) {
        int64_t us;
        struct rest_sub *s = sub_next(x, &us);
        if (s)
            sub_turn(x, s, w->http);
        else
            sub_wait(x, &x->wake, us);
    }
    sub_unlock(x);
    return NULL;
}

/* ---- beginning and end ---- */
static int sub_begin(struct rest_subs *x)
{
    int err = am_dir_make(x->dir, 0700);
    for (size_t i = 0; i < SUB_THREADS && !err; i++) {
        struct rest_sub_worker *w = &x->worker[i];
        w->x = x;
        err = http_client_new(&w->http);
        if (!err && pthread_create(&w->thread, NULL, sub_main, w))
            err = AM_E_NOMEM;
        w->runs = !err;
    }
    if (!err && pthread_create(&x->follower, NULL, follow_main, x))
        err = AM_E_NOMEM;
    x->follows = !err;
    return err;
}

bool rest_subs_on(const struct rest *r)
{
    return r->c.sub.dir && (!r->c.guard.see || r->c.guard.stand);
}

int rest_subs_new(struct rest *r)
{
    pthread_condattr_t clock;
    struct rest_subs *x;
    int err;
    if (!rest_subs_on(r))
        return AM_OK;
    x = am_calloc(1, sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    x->r = r;
    am_assert(!pthread_condattr_init(&clock));
    am_assert(!pthread_condattr_setclock(&clock, CLOCK_MONOTONIC));
    am_assert(!pthread_mutex_init(&x->lock, NULL));
    am_assert(!pthread_cond_init(&x->wake, &clock));
    am_assert(!pthread_cond_init(&x->end, &clock));
    am_assert(!pthread_condattr_destroy(&clock));
    r->subs = x;
    err = snprintf(x->dir, sizeof x->dir, "%s", r->c.sub.dir) < (int)sizeof x->dir
              ? sub_begin(x)
              : AM_E_TOOBIG;
    if (err)
        rest_subs_free(r);
    return err;
}

void rest_subs_free(struct rest *r)
{
    struct rest_subs *x = r->subs;
    if (!x)
        return;
    sub_lock(x);
    x->ends = true;
    am_assert(!pthread_cond_broadcast(&x->wake));
    am_assert(!pthread_cond_broadcast(&x->end));
    sub_unlock(x);
    for (size_t i = 0; i < SUB_THREADS; i++)
        http_client_cancel(x->worker[i].http);
    if (x->follows)
        am_assert(!pthread_join(x->follower, NULL));
    for (size_t i = 0; i < SUB_THREADS; i++) {
        if (x->worker[i].runs)
            am_assert(!pthread_join(x->worker[i].thread, NULL));
        http_client_free(x->worker[i].http);
    }
    r->subs = NULL;
    rest_sub_binds_free(x);
    while (x->place) {
        struct rest_sub_place *p = x->place;
        x->place = p->next;
        free(p);
    }
    while (x->first) {
        struct rest_sub *s = x->first;
        x->first = s->next;
        sub_free(s);
    }
    am_assert(!pthread_cond_destroy(&x->wake));
    am_assert(!pthread_cond_destroy(&x->end));
    am_assert(!pthread_mutex_destroy(&x->lock));
    free(x);
}
