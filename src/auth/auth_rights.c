/* SPDX-License-Identifier: Apache-2.0 */
/* Rights, services, certificates: reads the tables of auth_tbl.h. */
#include "auth/auth_priv.h"
#include "auth/auth_tbl.h"
#include "base/clock.h"

static const struct {
    const char *name;
    uint64_t roles;
} auth_rights[] = {
#define X(right, name, roles) {name, roles},
    AUTH_TABLE(X)
#undef X
};

/* The enumeration of the header and the table must name the same rights in one order. */
enum auth_check {
#define X(right, name, roles) AUTH_CHECK_##right,
    AUTH_TABLE(X)
#undef X
        AUTH_CHECK_COUNT
};
#define X(right, name, roles)                                                            \
    _Static_assert((int)AUTH_CHECK_##right == (int)AUTH_##right, "rights table order");
AUTH_TABLE(X)
#undef X
_Static_assert(AUTH_RIGHTS <= 64, "scopes of tokens are bit sets");

enum auth_place_kind {
#define X(place, name) AUTH_P_##place,
    AUTH_PLACE_MAP(X)
#undef X
};

static const struct auth_grant {
    enum auth_object object;
    enum auth_verb verb;
    uint64_t roles;
    enum auth_place_kind place;
    const char *function;
} auth_matrix[] = {
#define X(object, verb, roles, place, function)                                          \
    {AUTH_O_##object, AUTH_V_##verb, roles, AUTH_P_##place, function},
    AUTH_MATRIX(X)
#undef X
};

const char *auth_right_name(enum auth_right r)
{
    am_assert((size_t)r < AM_LEN(auth_rights));
    return auth_rights[r].name;
}

static bool auth_same(const char *a, const char *b)
{
    return a && a[0] && strcmp(a, b) == 0;
}

static bool auth_there(const struct auth_account *a, enum auth_place_kind kind,
                       const struct auth_place *where)
{
    switch (kind) {
    case AUTH_P_ANYWHERE:
        return true;
    case AUTH_P_OWN_ORG:
        return auth_same(where->org_id, a->org_id);
    case AUTH_P_OWN_REGION:
        return auth_same(where->gst, a->org_id);
    case AUTH_P_OWN_HOUSE:
        return auth_same(where->establishment, a->establishment);
    case AUTH_P_OWN_SERVICE:
        return auth_same(where->establishment, a->establishment) &&
               auth_in_service(a, str_c(where->service));
    case AUTH_P_SELF:
        return where->account != 0 && where->account == a->id;
    }
    return false;
}

static bool auth_granted(const struct auth_grant *g, enum ledger_role role,
                         struct str function)
{
    return (g->roles >> role & 1) && (!g->function || str_eqc(function, g->function));
}

static bool auth_door(enum auth_object o, enum auth_verb v, enum ledger_role role,
                      struct str function)
{
    for (size_t i = 0; i < AM_LEN(auth_matrix); i++)
        if (auth_matrix[i].object == o && auth_matrix[i].verb == v &&
            auth_granted(&auth_matrix[i], role, function))
            return true;
    return false;
}

#define AUTH_IS_REFERENCE(roles) ((roles) >> 63)
#define AUTH_OBJECT_OF(roles)    ((enum auth_object)((roles) >> 8 & 0xff))
#define AUTH_VERB_OF(roles)      ((enum auth_verb)((roles) & 0xff))

bool auth_role_may(enum ledger_role role, struct str function, enum auth_right r)
{
    am_assert((size_t)r < AM_LEN(auth_rights));
    uint64_t roles = auth_rights[r].roles;
    if (AUTH_IS_REFERENCE(roles))
        return auth_door(AUTH_OBJECT_OF(roles), AUTH_VERB_OF(roles), role, function);
    return roles >> role & 1;
}

bool auth_may(const struct auth_account *a, enum auth_right r)
{
    am_assert((size_t)r < AM_LEN(auth_rights));
    return a && a->active && (!a->scoped || (a->scope >> r & 1)) &&
           auth_role_may(a->role, str_c(a->function), r);
}

/* A token for some rights does to objects what those rights do, nothing else. */
static bool auth_in_scope(const struct auth_account *a, enum auth_object o,
                          enum auth_verb v)
{
    for (size_t r = 0; a->scoped && r < AUTH_RIGHTS; r++)
        if ((a->scope >> r & 1) && AUTH_IS_REFERENCE(auth_rights[r].roles) &&
            AUTH_OBJECT_OF(auth_rights[r].roles) == o &&
            AUTH_VERB_OF(auth_rights[r].roles) == v)
            return true;
    return !a->scoped;
}

bool auth_can(const struct auth_account *a, enum auth_object o, enum auth_verb v,
              const struct auth_place *where)
{
    if (!a || !a->active || !auth_in_scope(a, o, v))
        return false;
    for (size_t i = 0; i < AM_LEN(auth_matrix); i++)
        if (auth_matrix[i].object == o && auth_matrix[i].verb == v &&
            auth_granted(&auth_matrix[i], a->role, str_c(a->function)) &&
            auth_there(a, auth_matrix[i].place, where))
            return true;
    return false;
}

bool auth_may_at(const struct auth_account *a, enum auth_right r,
                 const struct auth_place *where)
{
    am_assert((size_t)r < AM_LEN(auth_rights));
    uint64_t roles = auth_rights[r].roles;
    if (AUTH_IS_REFERENCE(roles))
        return auth_can(a, AUTH_OBJECT_OF(roles), AUTH_VERB_OF(roles), where);
    return auth_may(a, r);
}

bool auth_of_house(const struct auth_account *a, const char *establishment)
{
    return auth_same(establishment, a->establishment);
}

const char *auth_reach(const struct auth_account *a, enum auth_object o, enum auth_verb v)
{
    const struct auth_place nowhere = {0}, house = {.establishment = a->establishment};
    if (auth_can(a, o, v, &nowhere))
        return NULL;
    return auth_can(a, o, v, &house) ? a->establishment : "";
}

/* At the registry the desk opens any account; on a node, director and dsi those of people
 * of their house. */
int auth_people_bounds(bool node, const struct auth_account *by, enum ledger_role role,
                       const char *establishment, struct diag *d)
{
    const struct auth_place nowhere = {0}, there = {.establishment = establishment};
    bool any = auth_can(by, AUTH_O_ACCOUNT, AUTH_V_CREATE, &nowhere);
    if (!node) {
        if (any)
            return AM_OK;
        diag_err(d, "", "account.desk", "the registry's desk opens accounts here");
        return AM_E_FORBIDDEN;
    }
    if (role < LEDGER_DIRECTOR || role > LEDGER_SECRETARY) {
        diag_err(d, "/role", "account.house_role",
                 "a node has accounts for people of its house only");
        return AM_E_FORBIDDEN;
    }
    if (auth_can(by, AUTH_O_ACCOUNT, AUTH_V_CREATE, &there))
        return AM_OK;
    diag_err(d, "/establishment", "account.establishment",
             "accounts are opened for %s only", by->establishment);
    return AM_E_FORBIDDEN;
}

bool auth_in_service(const struct auth_account *a, struct str service)
{
    struct str list = str_c(a->services);
    while (list.n) {
        struct str one = str_cut(list, ' ', &list);
        if (str_eqc(one, "*") || (one.n && str_eq(one, service)))
            return true;
    }
    return false;
}

int64_t auth_certified_until(const struct auth_account *a, struct str code)
{
    struct str list = str_c(a->competences);
    int64_t last = 0;
    while (list.n) {
        struct str until, one = str_cut(list, ' ', &list);
        int64_t day;
        if (code.n && str_eq(str_cut(one, '=', &until), code) &&
            time_parse_date(until, &day) == AM_OK)
            last = AM_MAX(last, day + TIME_DAY - 1); /* to the end of that day */
    }
    return last;
}

bool auth_competent(const struct auth_account *a, struct str code, int64_t at)
{
    int64_t last = auth_certified_until(a, code);
    return last > 0 && at <= last;
}
