/* SPDX-License-Identifier: Apache-2.0 */
/* What a Consent says to who asks: nothing, that he opposes it, or what cannot be
 * understood -- which counts as opposition to everybody but those who care for him.
 *
 * Only an active one, and not one whose scope is an advance directive or a treatment:
 * these are about what is done to a patient, not about who looks at him. Of scope
 * research: of that purpose alone.
 *
 * policyRule OPTOUT denies, OPTIN permits; the provision is an exception to it, and each
 * provision within one an exception to that one (FHIR R4, Consent). Of several that apply
 * a denial is stronger. A permission narrowed by what is not looked at here (action,
 * class, code, data...) takes nothing from a denial; a denial so narrowed is one of all.
 *
 * Purpose: of a service its own; of medical information (DIM) and of commands, which
 * analyse and export, every one; of all others treatment. Actor:
 * Practitioner/<pseudonym>, Organization/<service> of an account, or the code of its
 * house; of a service Device/<client>, Organization/<client>, or its name as identifier;
 * a command may be anybody's. */
#include "door/door_priv.h"

enum { OPPOSE_DEPTH = 16 };
/* What a provision says, the stronger the greater. */
enum oppose_say { OPPOSE_SILENT, OPPOSE_PERMIT, OPPOSE_UNCLEAR, OPPOSE_DENY };
enum oppose_fit { OPPOSE_NO, OPPOSE_MAYBE, OPPOSE_YES };

/* ---- for whom: period, purpose, actor ---- */
static enum oppose_fit oppose_period(const struct json *p, int64_t now)
{
    int64_t lo, hi;
    struct str from = json_get_str(p, "start"), to = json_get_str(p, "end");
    if (from.n && !fhir_date_interval(from, &lo, &hi) && now < lo)
        return OPPOSE_NO;
    return !to.n || fhir_date_interval(to, &lo, &hi) || now <= hi ? OPPOSE_YES
                                                                  : OPPOSE_NO;
}

/* v3-ActReason below PurposeOfUse (HL7 terminology 5.0), with what each is a kind of. */
static const struct {
    const char *code, *kind;
} oppose_purpose[] = {
    {"TREAT", ""},           {"ETREAT", "TREAT"},      {"CAREMGT", "TREAT"},
    {"BTG", "TREAT"},        {"PATRQT", ""},           {"FAMRQT", ""},
    {"PWATRNY", ""},         {"SUPNWK", ""},           {"PUBHLTH", ""},
    {"DISASTER", "PUBHLTH"}, {"THREAT", "PUBHLTH"},    {"HRESCH", ""},
    {"CLINTRCH", "HRESCH"},  {"BIORCH", "HRESCH"},     {"HPAYMT", ""},
    {"CLMATTCH", "HPAYMT"},  {"COVERAGE", "HPAYMT"},   {"COVAUTH", "HPAYMT"},
    {"REMITADV", "HPAYMT"},  {"ELIGDTRM", "HPAYMT"},   {"ELIGVER", "HPAYMT"},
    {"ENROLLM", "HPAYMT"},   {"PMTDS", "HPAYMT"},      {"HMARKT", ""},
    {"HOPERAT", ""},         {"CAREMGTOP", "HOPERAT"}, {"DONAT", "HOPERAT"},
    {"FRAUD", "HOPERAT"},    {"GOV", "HOPERAT"},       {"HACCRED", "HOPERAT"},
    {"HCOMPL", "HOPERAT"},   {"HDECD", "HOPERAT"},     {"HDIRECT", "HOPERAT"},
    {"HDM", "HOPERAT"},      {"HLEGAL", "HOPERAT"},    {"HOUTCOMS", "HOPERAT"},
    {"HPRGRP", "HOPERAT"},   {"HQUALIMP", "HOPERAT"},  {"HSYSADMIN", "HOPERAT"},
    {"LABELING", "HOPERAT"}, {"METAMGT", "HOPERAT"},   {"MEMADMIN", "HOPERAT"},
    {"MILCDM", "HOPERAT"},   {"PATADMIN", "HOPERAT"},  {"PATSFTY", "HOPERAT"},
    {"PERFMSR", "HOPERAT"},  {"RECORDMGT", "HOPERAT"}, {"SYSDEV", "HOPERAT"},
    {"TRAIN", "HOPERAT"}};

static const char *oppose_kind(struct str code)
{
    for (size_t i = 0; i < AM_LEN(oppose_purpose); i++)
        if (str_eqc(code, oppose_purpose[i].code))
            return oppose_purpose[i].kind;
    return NULL;
}

/* A denial of a kind of what is done denies it; a permission for a kind of it
 * (emergencies of treatment) is none for all of it. */
static enum oppose_fit oppose_is_purpose(const struct door_caller *c, struct str said,
                                         bool permit)
{
    const char *kind = oppose_kind(said), *own;
    const char *mine = c->service ? c->client.purpose : "TREAT";
    if (c->command || (!c->service && c->who.role == LEDGER_DIM))
        return permit ? OPPOSE_MAYBE : OPPOSE_YES; /* not of all it does */
    if (!said.n || !*mine) /* by words only, or of a service of none */
        return OPPOSE_MAYBE;
    own = oppose_kind(str_c(mine));
    if (str_eqc(said, mine) || (own && str_eqc(said, own)))
        return OPPOSE_YES;
    if (kind && *kind && str_eqc(str_c(kind), mine))
        return permit ? OPPOSE_MAYBE : OPPOSE_YES;
    return kind && own ? OPPOSE_NO : OPPOSE_MAYBE;
}

static enum oppose_fit oppose_purposes(const struct door_caller *c, const struct json *p,
                                       bool permit)
{
    const struct json *v = json_get(p, "purpose");
    enum oppose_fit fit = json_size(v) ? OPPOSE_NO : OPPOSE_YES;
    for (json_each(it, v))
        fit = AM_MAX(fit, oppose_is_purpose(c, json_get_str(it.val, "code"), permit));
    return fit;
}

static enum oppose_fit oppose_is_service(const struct door_caller *c,
                                         const struct json *reference, struct str s)
{
    static const char *const as[] = {"Device/", "Organization/"};
    struct str id = json_get_str(json_get(reference, "identifier"), "value");
    if (id.n && str_eqc(id, c->client.id))
        return OPPOSE_YES;
    for (size_t i = 0; i < AM_LEN(as); i++)
        if (str_starts(s, str_c(as[i])) &&
            str_eqc(str_sub(s, strlen(as[i]), s.n), c->client.id))
            return OPPOSE_YES;
    /* Of which house a service is nobody said. */
    return str_starts(s, STR("Device/")) || str_starts(s, STR("Practitioner/"))
               ? OPPOSE_NO
               : OPPOSE_MAYBE;
}

/* The house itself, of which each of its accounts is. */
static bool oppose_is_house(const struct door_caller *c, struct str id)
{
    return id.n && (str_eqc(id, c->door->establishment) ||
                    str_eqc(id, c->who.establishment) || str_eqc(id, c->who.org_id));
}

static enum oppose_fit oppose_is_actor(const struct door_caller *c,
                                       const struct json *actor)
{
    const struct json *reference = json_get(actor, "reference");
    struct str s = door_below(c->door, json_get_str(reference, "reference"));
    if (c->command) /* for whom it is run nobody knows */
        return OPPOSE_MAYBE;
    if (c->service)
        return oppose_is_service(c, reference, s);
    if (str_starts(s, STR("Practitioner/")))
        return str_eqc(str_sub(s, 13, s.n), c->who.pseudonym) ? OPPOSE_YES : OPPOSE_NO;
    if (str_starts(s, STR("Organization/")))
        return auth_in_service(&c->who, str_sub(s, 13, s.n)) ||
                       oppose_is_house(c, str_sub(s, 13, s.n))
                   ? OPPOSE_YES
                   : OPPOSE_NO;
    return str_starts(s, STR("Device/")) ? OPPOSE_NO : OPPOSE_MAYBE;
}

static enum oppose_fit oppose_actors(const struct door_caller *c, const struct json *v)
{
    enum oppose_fit fit = json_size(v) ? OPPOSE_NO : OPPOSE_YES;
    for (json_each(it, v))
        fit = AM_MAX(fit, oppose_is_actor(c, it.val));
    return fit;
}

/* ---- what ---- */
static bool oppose_narrow(const struct json *p)
{
    static const char *const by[] = {"action", "securityLabel", "class",
                                     "code",   "dataPeriod",    "data"};
    for (size_t i = 0; i < AM_LEN(by); i++)
        if (json_get(p, by[i]))
            return true;
    return false;
}

/* Is a provision for him: as one that denies, and as one that permits? Of those within it
 * too, each by what it says itself. */
struct oppose_for {
    enum oppose_fit denied, permitted; /* OPPOSE_NO: both */
};

static struct oppose_for oppose_for(const struct door_caller *c, const struct json *p)
{
    enum oppose_fit fit = oppose_period(json_get(p, "period"), time_now());
    fit = AM_MIN(fit, oppose_actors(c, json_get(p, "actor")));
    return (struct oppose_for){AM_MIN(fit, oppose_purposes(c, p, false)),
                               AM_MIN(fit, oppose_purposes(c, p, true))};
}

static enum oppose_say oppose_own(const struct json *p, struct oppose_for fit)
{
    struct str type = json_get_str(p, "type");
    if (str_eqc(type, "deny"))
        return fit.denied == OPPOSE_YES ? OPPOSE_DENY : OPPOSE_UNCLEAR;
    if (str_eqc(type, "permit"))
        return fit.permitted == OPPOSE_YES && !oppose_narrow(p) ? OPPOSE_PERMIT
                                                                : OPPOSE_SILENT;
    /* A frame of others, or of nothing but a period; else an exception of no kind. */
    return type.n ||
                   (!json_size(json_get(p, "provision")) &&
                    (oppose_narrow(p) || json_get(p, "purpose") || json_get(p, "actor")))
               ? OPPOSE_UNCLEAR
               : OPPOSE_SILENT;
}

static enum oppose_say oppose_provision(const struct door_caller *c, const struct json *p,
                                        unsigned depth)
{
    struct oppose_for fit = oppose_for(c, p);
    enum oppose_say own, within = OPPOSE_SILENT;
    if (depth == OPPOSE_DEPTH)
        return OPPOSE_UNCLEAR;
    if (fit.denied == OPPOSE_NO)
        return OPPOSE_SILENT;
    own = oppose_own(p, fit);
    for (json_each(it, json_get(p, "provision")))
        within = AM_MAX(within, oppose_provision(c, it.val, depth + 1));
    /* An exception to what may not be for him at all. */
    if (within == OPPOSE_DENY && fit.denied == OPPOSE_MAYBE)
        within = OPPOSE_UNCLEAR;
    if (within == OPPOSE_PERMIT && fit.permitted == OPPOSE_MAYBE)
        within = OPPOSE_SILENT;
    if (within == OPPOSE_SILENT || (own == OPPOSE_DENY && within == OPPOSE_UNCLEAR))
        return own;
    return within;
}

static bool oppose_coded(const struct json *concept, const char *code)
{
    for (json_each(it, json_get(concept, "coding")))
        if (json_str_is(json_get(it.val, "code"), code))
            return true;
    return false;
}

static enum oppose_say oppose_rule(const struct json *r)
{
    const struct json *rule = json_get(r, "policyRule");
    if (oppose_coded(rule, "OPTOUT") || oppose_coded(rule, "OPTOUTE"))
        return OPPOSE_DENY;
    if (oppose_coded(rule, "OPTIN") || oppose_coded(rule, "OPTINR"))
        return OPPOSE_PERMIT;
    return OPPOSE_SILENT;
}

enum door_says door_consent_says(const struct door_caller *c, const struct json *r)
{
    const struct json *scope = json_get(r, "scope"), *p = json_get(r, "provision");
    enum oppose_fit fit = OPPOSE_YES;
    enum oppose_say rule = oppose_rule(r), say = OPPOSE_SILENT;
    if (!json_str_is(json_get(r, "status"), "active") || oppose_coded(scope, "adr") ||
        oppose_coded(scope, "treatment"))
        return DOOR_SAYS_NOTHING;
    if (oppose_coded(scope, "research"))
        fit = oppose_is_purpose(c, STR("HRESCH"), false);
    if (fit == OPPOSE_NO)
        return DOOR_SAYS_NOTHING;
    if (p)
        say = oppose_provision(c, p, 0);
    if (say == OPPOSE_SILENT || (rule == OPPOSE_DENY && say == OPPOSE_UNCLEAR))
        say = rule;
    /* Neither a rule that is known nor a provision that says anything to anybody. */
    if (say == OPPOSE_SILENT && !json_get(p, "type") &&
        !json_size(json_get(p, "provision")))
        say = OPPOSE_UNCLEAR;
    if (say == OPPOSE_DENY && fit == OPPOSE_YES)
        return DOOR_SAYS_NO;
    return say >= OPPOSE_UNCLEAR ? DOOR_SAYS_UNCLEAR : DOOR_SAYS_NOTHING;
}
