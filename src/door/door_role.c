/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of door_tbl.h, read. */
#include "door/door_priv.h"

#define X(group, types) DOOR_G_##group,
enum door_group { DOOR_TYPES(X) };
#undef X
static const char *const door_types[] = {
#define X(group, types) types,
    DOOR_TYPES(X)
#undef X
};
static const struct {
    enum ledger_role role;
    enum door_group group;
    const char *verbs;
    enum door_reach reach;
} door_grant[] = {
#define X(role, group, verbs, reach) {LEDGER_##role, DOOR_G_##group, verbs, DOOR_##reach},
    DOOR_GRANTS(X)
#undef X
};
static const struct {
    const char *name;
    char verb;
    const char *type;
} door_known[] = {
#define X(name, verb, type) {name, verb, type},
    DOOR_INTERACTIONS(X)
#undef X
};

unsigned door_verbs(const char *letters)
{
    static const char order[] = "crudsxip";
    unsigned v = 0;
    for (; *letters; letters++) {
        const char *at = strchr(order, *letters);
        am_assert(at);
        v |= 1u << (at - order);
    }
    return v;
}

static bool door_in(struct str list, struct str type)
{
    while (list.n)
        if (str_eq(str_cut(list, ' ', &list), type))
            return true;
    return false;
}

unsigned door_granted(enum ledger_role role, struct str type, enum door_reach *reach)
{
    *reach = DOOR_NOWHERE;
    for (size_t i = 0; i < AM_LEN(door_grant); i++)
        if (door_grant[i].role == role &&
            door_in(str_c(door_types[door_grant[i].group]), type)) {
            *reach = door_grant[i].reach;
            return door_verbs(door_grant[i].verbs);
        }
    return 0;
}

bool door_cares(enum ledger_role role)
{
    for (size_t i = 0; i < AM_LEN(door_grant); i++)
        if (door_grant[i].role == role && door_grant[i].reach == DOOR_CARE)
            return true;
    return false;
}

char door_interaction(struct str name, struct str *type)
{
    for (size_t i = 0; i < AM_LEN(door_known); i++)
        if (str_eqc(name, door_known[i].name)) {
            *type = str_c(door_known[i].type);
            return door_known[i].verb;
        }
    return 0;
}

/* A token for some rights reads charts where that is one of them, and writes nothing. */
static unsigned door_scoped(const struct door_caller *c)
{
    return !c->who.scoped                        ? ~0u
           : c->who.scope >> AUTH_CHART_READ & 1 ? (unsigned)(DOOR_R | DOOR_S)
                                                 : 0;
}

unsigned door_may_verbs(const struct door_caller *c, struct str type,
                        enum door_reach *reach)
{
    unsigned v;
    *reach = DOOR_NOWHERE;
    if (c->anybody)
        return 0;
    if (c->command) {
        *reach = DOOR_HOUSE;
        return DOOR_R | DOOR_S | DOOR_X;
    }
    if (c->service) {
        v = door_scope_verbs(&c->scopes, type);
        *reach = v ? DOOR_HOUSE : DOOR_NOWHERE;
        return (v & DOOR_R) && (v & DOOR_S) ? v | DOOR_X : v;
    }
    v = door_granted(c->who.role, type, reach);
    if (v & DOOR_P)
        v = (v & ~(unsigned)DOOR_P) | (c->page ? (unsigned)DOOR_C : 0);
    return v & door_scoped(c);
}

/* Conditions look for somebody: that is a search. */
static unsigned door_needs(char verb, const struct rest_access *a)
{
    const char one[2] = {verb, 0};
    unsigned need = door_verbs(one);
    bool writes = need & (DOOR_C | DOOR_U | DOOR_D);
    return writes && a->query.n && !a->id.n ? need | DOOR_S : need;
}

/* Who may export some type may ask; each resource is looked at. */
static bool door_exports(const struct door_caller *c)
{
    enum door_reach reach;
    for (size_t i = 0; i < fhir_search_types(); i++)
        if (door_may_verbs(c, fhir_search_type_at(i), &reach) & DOOR_X)
            return true;
    return false;
}

unsigned door_export_looks(const struct door_caller *c)
{
    return c->service ? (unsigned)(DOOR_R | DOOR_S) : (unsigned)DOOR_X;
}

static unsigned door_looks(const struct door_caller *c, unsigned need)
{
    return need & DOOR_X ? door_export_looks(c) : need & DOOR_I ? (unsigned)DOOR_C : need;
}

int door_may(void *arg, const struct rest_access *a)
{
    struct door_caller *c = a->who;
    enum door_reach reach;
    struct str type, is = a->other.n ? a->other : a->type;
    char verb = door_interaction(str_c(a->interaction), &type);
    unsigned need;
    (void)arg;
    if (verb == '*')
        return AM_OK;
    if (!c || c->anybody || !verb)
        return c && !c->anybody ? AM_E_FORBIDDEN : AM_E_UNAUTHORIZED;
    c->looks = DOOR_S; /* of conditions, and of what is found in everything */
    if (verb == '-')
        return AM_OK;
    need = door_needs(verb, a);
    if (!a->joint)
        c->looks = door_looks(c, need);
    if (!is.n)
        is = type;
    if (!is.n && need == DOOR_X)
        return door_exports(c) ? AM_OK : AM_E_FORBIDDEN;
    if (str_eqc(is, "AuditEvent"))
        return AM_E_FORBIDDEN; /* made of the record: door_event_http.c */
    if ((door_may_verbs(c, is, &reach) & need) != need)
        return AM_E_FORBIDDEN;
    /* In a patient's compartment: the patient is asked for too. */
    if (a->other.n && a->type.n && !(door_may_verbs(c, a->type, &reach) & DOOR_S))
        return AM_E_FORBIDDEN;
    return AM_OK;
}
