/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_eds_load.h"

#include <pthread.h>

#include "base/map.h"

enum { LOAD_GROUP = 1000 };

struct cmd_eds_load {
    struct eds *e;
    struct eds_group *g; /* being prepared; NULL: not begun */
    struct map named;    /* Type/id of it */
    int64_t twice;       /* named in a group already */
    bool looking;        /* the store was not empty: what is there is not prepared */
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct eds_group *next; /* ready to be written */
    bool busy, stop;
    int err;
    struct cmd_eds_tally tally;
};

/* ---- the writer ---- */
static void tally(struct cmd_eds_load *l, const struct eds_group *g)
{
    for (size_t i = 0; i < eds_group_n(g); i++)
        if (eds_done(g, i)->did == EDS_CREATED)
            l->tally.created++;
        else
            l->tally.there++;
}

static void *write_all(void *arg)
{
    struct cmd_eds_load *l = arg;
    am_assert(!pthread_mutex_lock(&l->lock));
    for (;;) {
        struct eds_group *g;
        int err;
        while (!l->next && !l->stop)
            am_assert(!pthread_cond_wait(&l->changed, &l->lock));
        g = l->next;
        if (!g)
            break;
        l->next = NULL;
        l->busy = true;
        am_assert(!pthread_cond_broadcast(&l->changed));
        am_assert(!pthread_mutex_unlock(&l->lock));
        err = eds_write(g);
        am_assert(!pthread_mutex_lock(&l->lock));
        l->busy = false;
        if (!err)
            tally(l, g);
        else if (!l->err)
            l->err = err;
        eds_group_free(g);
        am_assert(!pthread_cond_broadcast(&l->changed));
    }
    am_assert(!pthread_mutex_unlock(&l->lock));
    return NULL;
}

/* The group to the writer, when it has taken the one before; after an error none is
 * taken any more. */
static int hand_over(struct cmd_eds_load *l)
{
    int err;
    if (!l->g)
        return AM_OK;
    am_assert(!pthread_mutex_lock(&l->lock));
    while (l->next && !l->err)
        am_assert(!pthread_cond_wait(&l->changed, &l->lock));
    err = l->err;
    if (!err) {
        l->next = l->g;
        l->g = NULL;
        am_assert(!pthread_cond_broadcast(&l->changed));
    }
    am_assert(!pthread_mutex_unlock(&l->lock));
    map_release(&l->named);
    map_init(&l->named);
    return err;
}

static int wait_idle(struct cmd_eds_load *l)
{
    int err;
    am_assert(!pthread_mutex_lock(&l->lock));
    while ((l->next || l->busy) && !l->err)
        am_assert(!pthread_cond_wait(&l->changed, &l->lock));
    err = l->err;
    am_assert(!pthread_mutex_unlock(&l->lock));
    return err;
}

/* ---- life ---- */
static int top_of(struct eds_view *v, void *top)
{
    return eds_top(v, top);
}

int cmd_eds_load_new(struct cmd_eds_load **out, struct eds *e)
{
    struct cmd_eds_load *l = am_calloc(1, sizeof *l);
    int64_t top = 0;
    int err;
    if (!l)
        return AM_E_NOMEM;
    err = eds_view(e, top_of, &top);
    l->e = e;
    l->looking = top > 0;
    map_init(&l->named);
    am_assert(!pthread_mutex_init(&l->lock, NULL));
    am_assert(!pthread_cond_init(&l->changed, NULL));
    if (!err && pthread_create(&l->writer, NULL, write_all, l))
        err = AM_E_NOMEM;
    if (err) {
        pthread_cond_destroy(&l->changed);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return err;
    }
    *out = l;
    return AM_OK;
}

void cmd_eds_load_free(struct cmd_eds_load *l)
{
    if (!l)
        return;
    am_assert(!pthread_mutex_lock(&l->lock));
    l->stop = true;
    am_assert(!pthread_cond_broadcast(&l->changed));
    am_assert(!pthread_mutex_unlock(&l->lock));
    am_assert(!pthread_join(l->writer, NULL));
    eds_group_free(l->g);
    map_release(&l->named);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- resources ---- */
struct looked {
    struct str type, id;
    bool there;
};

static int look(struct eds_view *v, void *arg)
{
    struct looked *x = arg;
    int64_t rid;
    int err = eds_find(v, x->type, x->id, &rid);
    x->there = !err;
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* Is it there, or under way? What is not prepared is counted at once. */
static int known(struct cmd_eds_load *l, struct str type, struct str id, bool *yes)
{
    struct looked x = {type, id, false};
    char name[160];
    int err = AM_OK;
    snprintf(name, sizeof name, "%.*s/%.*s", STR_FMT(type), STR_FMT(id));
    x.there = map_has(&l->named, str_c(name));
    if (!x.there && l->looking)
        err = eds_view(l->e, look, &x);
    if (!err && !x.there)
        err = map_set(&l->named, str_c(name), 1);
    l->twice += !err && x.there;
    *yes = x.there;
    return err;
}

int cmd_eds_load_put(struct cmd_eds_load *l, struct str type, struct str id,
                     const struct json *resource, struct diag *d)
{
    struct eds_ask ask = {
        .verb = EDS_CREATE, .type = type, .id = id, .body = resource, .keep = true};
    bool there = false;
    int err;
    if (!eds_id_ok(id)) {
        diag_err(d, "/id", "eds.id", "an id is 1 to 64 of A-Z a-z 0-9 - .");
        return AM_E_INVALID;
    }
    err = l->g && eds_group_n(l->g) >= EDS_GROUP_MAX ? hand_over(l) : AM_OK;
    if (!err)
        err = known(l, type, id, &there);
    if (err || there)
        return err;
    if (!l->g)
        err = eds_group_new(&l->g, l->e);
    if (!err)
        err = eds_put(l->g, &ask, d);
    if (err == AM_E_TOOBIG)
        diag_err(d, "", "eds.size", "a resource has at most 16 MiB");
    return err;
}

int cmd_eds_load_room(struct cmd_eds_load *l, size_t n)
{
    return l->g && eds_group_n(l->g) + n > EDS_GROUP_MAX ? hand_over(l) : AM_OK;
}

int cmd_eds_load_pause(struct cmd_eds_load *l)
{
    return l->g && eds_group_n(l->g) >= LOAD_GROUP ? hand_over(l) : AM_OK;
}

int cmd_eds_load_end(struct cmd_eds_load *l, struct cmd_eds_tally *out)
{
    int err = hand_over(l), last = wait_idle(l);
    *out = l->tally;
    out->there += l->twice;
    return err ? err : last;
}

int64_t cmd_eds_load_count(struct cmd_eds_load *l)
{
    int64_t n;
    am_assert(!pthread_mutex_lock(&l->lock));
    n = l->tally.created + l->tally.there + l->twice;
    am_assert(!pthread_mutex_unlock(&l->lock));
    return n;
}
