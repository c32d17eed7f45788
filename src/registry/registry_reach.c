/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads what is not public: vigilance cases and escrow receipts (lifecycle.md section
 * 5). Routes and pages ask here, never the matrix alone: only here is known whose a case
 * is. Nodes read all of them, or they could not fold the log. */
#include "registry/registry_priv.h"

static const char *registry_supplier(const struct ledger *l, const uint8_t digest[32])
{
    const struct ledger_version *v = ledger_version_find(l, digest);
    return v ? v->org_id : NULL;
}

unsigned registry_reads_case(const struct ledger *l, const struct auth_account *who,
                             const struct ledger_case *c)
{
    struct auth_place where = {0};
    bool yes;
    if (!who)
        return 0;
    where.org_id = registry_supplier(l, c->model_digest);
    where.gst = c->gst;
    where.establishment = *c->establishment ? c->establishment : NULL;
    yes = auth_can(who, AUTH_O_CASE, AUTH_V_READ, &where) ||
          (c->personal_data && auth_can(who, AUTH_O_DATA_CASE, AUTH_V_READ, &where));
    return !yes ? 0 : who->role == LEDGER_AUDITOR ? 1 : 2;
}

/* A statement without a case or deposit behind it (it had no effect): those who read
 * everything. */
static bool registry_reads_all(const struct auth_account *who, enum auth_object o)
{
    return auth_can(who, o, AUTH_V_READ, &(struct auth_place){0});
}

/* The list that holds every case the reader may read, and little else; LEDGER_LISTS: all
 * cases there are. */
static enum ledger_list registry_cases_of(const struct auth_account *who,
                                          const uint8_t *model, struct str *name)
{
    *name = model ? ledger_model_name(model) : STR_NULL;
    if (model)
        return LEDGER_CASES_OF_MODEL;
    if (registry_reads_all(who, AUTH_O_CASE) || registry_reads_all(who, AUTH_O_DATA_CASE))
        return LEDGER_LISTS;
    *name = str_c(who->role == LEDGER_VENDOR ? who->org_id : who->establishment);
    return who->role == LEDGER_VENDOR ? LEDGER_CASES_OF_SUPPLIER : LEDGER_CASES_OF_HOUSE;
}

int registry_cases(const struct ledger *l, const struct auth_account *who,
                   const uint8_t *model, struct ledger_places *some, bool *all)
{
    struct str name;
    enum ledger_list x;
    *all = false;
    if (!who)
        return AM_OK;
    x = registry_cases_of(who, model, &name);
    *all = x == LEDGER_LISTS;
    return *all ? AM_OK : ledger_places(some, l, x, name);
}

static bool registry_reads_deposit_of(const struct auth_account *who,
                                      const char *supplier, const char *agent)
{
    struct auth_place of_supplier = {.org_id = supplier}, of_agent = {.org_id = agent};
    if (who->role == LEDGER_ESCROW_AGENT)
        return auth_can(who, AUTH_O_DEPOSIT, AUTH_V_READ, &of_agent);
    return auth_can(who, AUTH_O_DEPOSIT, AUTH_V_READ, &of_supplier);
}

bool registry_reads_deposit(const struct ledger *l, const struct auth_account *who,
                            const struct ledger_deposit *e)
{
    return who && registry_reads_deposit_of(who, registry_supplier(l, e->model_digest),
                                            e->agent);
}

bool registry_reads(const struct ledger *l, const struct auth_account *who,
                    const struct ledger_statement_view *s)
{
    const struct ledger_case *c;
    char agent[LEDGER_ID_MAX];
    uint8_t digest[32];
    switch (ledger_statement_reach(s)) {
    case LEDGER_REACH_CASE:
        c = ledger_case_find(l, json_get_str(s->record, "case_id"));
        return who && (c ? registry_reads_case(l, who, c) > 0
                         : registry_reads_all(who, AUTH_O_CASE));
    case LEDGER_REACH_DEPOSIT:
        snprintf(agent, sizeof agent, "%.*s",
                 STR_FMT(json_get_str(json_get(s->record, "issuer"), "org_id")));
        return who &&
               !crypto_unhex(json_get_str(s->record, "model_digest"), digest, 32) &&
               registry_reads_deposit_of(who, registry_supplier(l, digest), agent);
    default:
        return true;
    }
}

bool registry_reads_blob(struct registry *r, const struct auth_account *who,
                         struct str bytes)
{
    struct ledger_statement_view s = {0};
    bool yes;
    pthread_rwlock_rdlock(&r->fold);
    if (ledger_statement_parse(bytes, ledger_type_base(r->ledger), &s, NULL))
        yes = who && registry_reads_all(who, AUTH_O_CASE); /* a document of a case */
    else
        yes = registry_reads(r->ledger, who, &s);
    pthread_rwlock_unlock(&r->fold);
    ledger_statement_release(&s);
    return yes;
}

bool registry_reads_proposal(struct registry *r, const struct auth_account *who,
                             const char *by_org, struct str payload)
{
    return (who && by_org && strcmp(who->org_id, by_org) == 0) ||
           registry_reads_blob(r, who, payload);
}
