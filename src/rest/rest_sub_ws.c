/* SPDX-License-Identifier: Apache-2.0 */
/* A turn of a Subscription by websocket: who listens may he still, and what each of them
 * is told. It is told what he and who made the Subscription may both see. */
#include "rest/rest_sub.h"

struct line { /* one that listens, for the time of a turn */
    struct rest_call c;
    struct rest_request q;
};

static void line_end(struct line *l)
{
    const struct rest_guard *g = &l->c.r->c.guard;
    if (l->q.who && g->drop)
        g->drop(g->arg, l->q.who);
    free(l->c.seen);
    diag_release(&l->c.d);
    arena_release(&l->c.arena);
}

/* line_end() afterwards in any case. */
static int line_begin(struct rest_subs *x, const struct rest_sub_bind *b, struct line *l)
{
    const struct rest_guard *g = &x->r->c.guard;
    *l = (struct line){.c = {.r = x->r}};
    l->c.q = &l->q;
    arena_init(&l->c.arena, REST_ARENA);
    diag_init(&l->c.d);
    return g->again ? g->again(g->arg, str_c(b->who), &l->q.who) : AM_OK;
}

static bool line_refused(int err)
{
    return err == AM_E_UNAUTHORIZED || err == AM_E_FORBIDDEN || err == AM_E_NOTFOUND;
}

/* His login, his right to read this Subscription, and that it is his. */
static int line_may(struct rest_subs *x, const struct rest_sub_bind *b, struct str maker)
{
    const struct rest_guard *g = &x->r->c.guard;
    struct rest_access a = {.moment = REST_BEFORE,
                            .interaction = "read",
                            .type = STR("Subscription"),
                            .id = str_c(b->id)};
    struct eds_meta m;
    struct buf text;
    struct line l;
    int err = line_begin(x, b, &l);
    a.who = l.q.who;
    if (!err && g->may)
        err = g->may(g->arg, &a);
    if (!err && g->his && !g->his(g->arg, maker, l.q.who))
        err = AM_E_FORBIDDEN;
    buf_init(&text, 2 * EDS_BODY_MAX);
    if (!err)
        err = rest_get(&l.c, a.type, a.id, 0, &text, &m);
    if (!err && m.gone)
        err = AM_E_NOTFOUND;
    buf_release(&text);
    line_end(&l);
    return err;
}

static int mind(struct rest_subs *x, const struct rest_sub_bind *list, struct str maker)
{
    for (const struct rest_sub_bind *b = list; b; b = b->next) {
        int err = line_may(x, b, maker);
        if (err && !line_refused(err))
            return err;
        if (err)
            http_ws_close(b->ws, 1008, "not any more");
    }
    return AM_OK;
}

/* Before anything is told: who was told what. */
static int line_record(const struct line *l, const char *id)
{
    const struct rest_config *k = &l->c.r->c;
    const struct rest_access a = {.moment = REST_AFTER,
                                  .interaction = "subscription-notification",
                                  .type = STR("Subscription"),
                                  .id = str_c(id),
                                  .status = 200,
                                  .seen = l->c.seen,
                                  .n_seen = l->c.n_seen,
                                  .who = l->q.who};
    return k->audit && l->c.n_seen ? k->audit(k->audit_arg, &a) : AM_OK;
}

/* One whose socket is over, or who reads too slowly, holds up nobody: he comes back, and
 * the number tells him what he missed. Only here: the same errors of the store, or of the
 * record, say nothing of the socket. */
static int line_send(const struct rest_sub_bind *b, struct str text)
{
    int err = http_ws_send(b->ws, text);
    return err == AM_E_UNAVAILABLE || err == AM_E_TOOBIG ? AM_OK : err;
}

/* R4's own words: that there is something, and nothing of it. */
static int line_plain(const struct rest_sub_bind *b, enum rest_sub_kind kind)
{
    char say[EDS_ID_MAX + 16];
    if (kind == SUB_HEARTBEAT)
        return AM_OK;
    snprintf(say, sizeof say, "%s %s", kind == SUB_HANDSHAKE ? "bound" : "ping", b->id);
    return line_send(b, str_c(say));
}

/* What is too big for one message stays so: he asks for it by its number. */
static int line_tell(struct rest_subs *x, const struct rest_sub_bind *b,
                     const struct rest_sub_telling_of *of)
{
    struct line l;
    struct buf body;
    bool big = false;
    int err;
    if (b->plain)
        return line_plain(b, of->kind);
    err = line_begin(x, b, &l);
    buf_init(&body, x->r->c.told_max);
    if (!err) {
        err = rest_sub_tell(&l.c, of, &body);
        big = err == AM_E_TOOBIG;
    }
    if (!err)
        err = line_record(&l, b->id);
    if (!err)
        err = line_send(b, buf_str(&body));
    if (big) {
        http_ws_close(b->ws, 1009, "too big to tell");
        err = AM_OK;
    }
    buf_release(&body);
    line_end(&l);
    return err;
}

/* An error that is ours ends it, and the turn is taken again: who was told already is
 * told twice, which is better than not at all. */
static int tell_all(struct rest_subs *x, const struct rest_sub_bind *list,
                    const struct rest_sub_telling_of *of)
{
    for (const struct rest_sub_bind *b = list; b; b = b->next) {
        int err = line_tell(x, b, of);
        if (line_refused(err))
            http_ws_close(b->ws, 1008, "not any more");
        else if (err)
            return err;
        else if (of->kind == SUB_HANDSHAKE)
            rest_sub_greeted(x, b);
    }
    return AM_OK;
}

int rest_sub_ws_tell(struct rest_subs *x, const struct rest_sub_telling_of *of)
{
    struct rest_sub_bind *list;
    int err = rest_sub_bound(x, of->s->id, of->kind == SUB_HANDSHAKE, &list);
    if (!err)
        err = tell_all(x, list, of);
    rest_sub_bound_free(list);
    return err;
}

int rest_sub_ws_mind(struct rest_subs *x, const struct rest_sub *s, struct str maker)
{
    int err = AM_OK;
    for (int fresh = 0; fresh < 2 && !err; fresh++) {
        struct rest_sub_bind *list;
        err = rest_sub_bound(x, s->id, fresh, &list);
        if (!err)
            err = mind(x, list, maker);
        rest_sub_bound_free(list);
    }
    return err;
}
