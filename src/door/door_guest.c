/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the node at the door: who has a session asks as he would at /fhir. */
#include "door/door_priv.h"

#include <string.h>

bool door_grants(enum ledger_role role, const char *type, char verb)
{
    enum door_reach reach;
    const char letters[] = {verb, verb == 'c' ? 'p' : 0, 0}; /* what a page may create */
    return (door_granted(role, str_c(type), &reach) & door_verbs(letters)) != 0;
}

bool door_breaks(enum ledger_role role)
{
    return door_cares(role);
}

bool door_reason_ok(struct str reason)
{
    for (size_t i = 0; i < reason.n; i++)
        if ((unsigned char)reason.p[i] < ' ' || reason.p[i] == 0x7f)
            return false;
    return reason.n >= DOOR_REASON_MIN && reason.n <= DOOR_REASON && str_utf8(reason);
}

static int guest_enter(struct door_caller *c, const struct door_guest *g)
{
    int err = auth_session(c->door->auth, g->session, time_now(), &c->who);
    if (!err && c->door->establishment[0] &&
        !auth_of_house(&c->who, c->door->establishment))
        err = AM_E_FORBIDDEN;
    if (err || !g->reason.n)
        return err;
    if (!door_breaks(c->who.role))
        return AM_E_FORBIDDEN;
    if (!door_reason_ok(g->reason))
        return AM_E_SYNTAX;
    snprintf(c->reason, sizeof c->reason, "%.*s", STR_FMT(g->reason));
    return AM_OK;
}

int door_ask(struct door *d, struct rest *r, const struct door_guest *g,
             const struct rest_request *q, struct rest_answer *a)
{
    struct door_caller c;
    struct rest_request own = *q;
    int err;
    door_caller_init(&c, d);
    c.page = true;
    snprintf(c.peer, sizeof c.peer, "%.*s", STR_FMT(g->peer));
    err = guest_enter(&c, g);
    if (!err) {
        own.who = &c;
        rest_serve(r, &own, a);
    }
    door_caller_release(&c);
    return err;
}
