/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_list -- what is about one thing, newest first, without looking at anything else.
 *
 * A list has a name (an algorithm, an organisation, a model's digest...); an object is in
 * at most one list of a kind, from its first statement for ever. So a list is a chain
 * through the numbers of its objects: the newest by name, and of each object the one
 * before it. Memory is taken before anything is committed; joining cannot fail. */
#include "ledger/ledger_priv.h"

/* Of all calls on this thread: what a page cost, whatever the machine. */
static _Thread_local uint64_t looked;

uint64_t ledger_looked(void)
{
    return looked;
}

void ledger_look(void)
{
    looked++;
}

int ledger_list_room(struct ledger *l, enum ledger_list x, struct str name)
{
    struct ledger_chain *c = &l->list[x];
    int err = vec_room(&c->older);
    if (err || !name.n || map_has(&c->by_name, name))
        return err;
    err = vec_push(&c->newest, 0);
    return err ? err : map_set(&c->by_name, name, c->newest.n - 1);
}

void ledger_list_join(struct ledger *l, enum ledger_list x, struct str name)
{
    struct ledger_chain *c = &l->list[x];
    size_t i;
    uint32_t before = 0;
    if (name.n && map_get(&c->by_name, name, &i) == AM_OK) {
        before = c->newest.v[i];
        c->newest.v[i] = (uint32_t)c->older.n + 1;
    }
    c->older.v[c->older.n++] = before;
}

void ledger_lists_drop(struct ledger *l)
{
    for (int x = 0; x < LEDGER_LISTS; x++) {
        map_release(&l->list[x].by_name);
        vec_release(&l->list[x].newest);
        vec_release(&l->list[x].older);
    }
}

size_t ledger_list_first(const struct ledger *l, enum ledger_list x, struct str name)
{
    const struct ledger_chain *c = &l->list[x];
    size_t i;
    return map_get(&c->by_name, name, &i) || !c->newest.v[i] ? LEDGER_NONE
                                                             : c->newest.v[i] - 1;
}

int ledger_places(struct ledger_places *p, const struct ledger *l, enum ledger_list x,
                  struct str name)
{
    int err = AM_OK;
    for (size_t i = ledger_list_first(l, x, name); i != LEDGER_NONE && !err;
         i = ledger_list_next(l, x, i))
        err = vec_push(p, i);
    for (size_t i = 0; i < p->n / 2; i++) {
        size_t last = p->v[p->n - 1 - i];
        p->v[p->n - 1 - i] = p->v[i];
        p->v[i] = last;
    }
    return err;
}

size_t ledger_list_next(const struct ledger *l, enum ledger_list x, size_t i)
{
    const struct ledger_chain *c = &l->list[x];
    return i >= c->older.n || !c->older.v[i] ? LEDGER_NONE : c->older.v[i] - 1;
}
