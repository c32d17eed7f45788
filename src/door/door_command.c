/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that open the warehouse beside /fhir: who holds the machine's keys is behind
 * the same predicate and in the same record (ADR 37). */
#include <stdlib.h>

#include "door/door_priv.h"

enum { COMMAND_BLOCK = 1000 }; /* names of a record */

struct door_command {
    struct door *door;
    struct door_caller caller;
    char verb[32];
    struct eds_name *told; /* since the last record */
    size_t n_told;
};

static int command_note(struct door_command *k, enum rest_moment moment,
                        const struct door_command_ask *a)
{
    const struct rest_access x = {.moment = moment,
                                  .interaction = k->verb,
                                  .query = a ? str_c(a->what) : STR_NULL,
                                  .type = a && a->patient ? STR("Patient") : STR_NULL,
                                  .id = a ? str_c(a->patient) : STR_NULL,
                                  .seen = k->told,
                                  .n_seen = k->n_told,
                                  .who = &k->caller};
    int err = door_note(NULL, &x);
    if (!err) { /* what was looked at since is of the next record */
        k->n_told = 0;
        k->caller.n_looked = 0;
    }
    return err;
}

static void command_who(struct door_caller *c, const struct door_command_ask *a)
{
    c->command = true;
    c->glass = a->glass;
    c->looks = DOOR_R;
    snprintf(c->who.pseudonym, sizeof c->who.pseudonym, "%s", a->who);
    snprintf(c->peer, sizeof c->peer, "%s", a->host ? a->host : "");
    snprintf(a->glass ? c->reason : c->why, sizeof c->reason, "%s",
             a->reason ? a->reason : "");
}

int door_command_begin(struct door_command **out, const struct door_config *c,
                       const struct door_command_ask *a)
{
    struct door_command *k;
    int err;
    if ((a->glass && !a->reason) || (a->reason && !door_reason_ok(str_c(a->reason))))
        return AM_E_SYNTAX;
    k = am_calloc(1, sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    snprintf(k->verb, sizeof k->verb, "%s", a->verb);
    k->told = am_calloc(COMMAND_BLOCK, sizeof *k->told);
    err = k->told ? door_new(&k->door, c) : AM_E_NOMEM;
    if (!err) {
        door_caller_init(&k->caller, k->door);
        command_who(&k->caller, a);
        err = command_note(k, REST_BEFORE, a);
    }
    if (err) {
        door_command_free(k);
        return err;
    }
    *out = k;
    return AM_OK;
}

int door_command_sees(struct door_command *k, struct eds_view *v,
                      const struct eds_meta *m, struct str body, bool *yes)
{
    const struct rest_look l = {.who = &k->caller,
                                .view = v,
                                .rid = m->rid,
                                .type = str_c(m->type),
                                .id = str_c(m->id),
                                .ver = m->ver,
                                .body = body,
                                .gone = m->gone};
    int err = door_see(NULL, &l, yes);
    k->caller.hidden += !err && !*yes;
    return err;
}

int door_command_tell(struct door_command *k, const struct eds_meta *m)
{
    struct eds_name *n = &k->told[k->n_told++];
    snprintf(n->type, sizeof n->type, "%s", m->type);
    snprintf(n->id, sizeof n->id, "%s", m->id);
    return k->n_told == COMMAND_BLOCK ? door_command_told(k) : AM_OK;
}

int door_command_told(struct door_command *k)
{
    return k->n_told ? command_note(k, REST_AFTER, NULL) : AM_OK;
}

int64_t door_command_hidden(const struct door_command *k)
{
    return k->caller.hidden;
}

int door_command_end(struct door_command *k, int code)
{
    int err = door_command_told(k);
    k->caller.ended = true;
    k->caller.code = code;
    return err ? err : command_note(k, REST_AFTER, NULL);
}

void door_command_free(struct door_command *k)
{
    if (!k)
        return;
    if (k->caller.door)
        door_caller_release(&k->caller);
    door_free(k->door);
    free(k->told);
    free(k);
}
