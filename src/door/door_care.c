/* SPDX-License-Identifier: Apache-2.0 */
/* Is this patient in the caller's care, and does he oppose being looked at? Both are read
 * in the view of the request, never from a copy that could be of yesterday.
 *
 * In care: an Encounter (planned, arrived, triaged, in-progress, onleave), an
 * EpisodeOfCare (planned, waitlist, active, onhold) or a CareTeam (proposed, active) of
 * the patient that names Practitioner/<pseudonym of the account>, or one of its services
 * as Organization/<code> or as a code of serviceType. An account of all services ("*")
 * has all patients in care.
 *
 * Opposed: a Consent of the patient says so (door_oppose.c). */
#include "door/door_priv.h"

enum { CARE_BLOCK = 64 }; /* looked at, newest first, a block at a time */

struct care {
    struct door_caller *c;
    struct eds_view *v;
    bool found, unclear;
    int64_t rid; /* of what is looked at */
};

static bool care_among(struct str s, const char *list)
{
    struct str left = str_c(list);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), s))
            return true;
    return false;
}

/* "Practitioner/<pseudonym>", or "Organization/<service>". */
static bool care_names(const struct door_caller *c, struct str s)
{
    s = door_below(c->door, s);
    if (str_starts(s, STR("Practitioner/")))
        return str_eqc(str_sub(s, 13, s.n), c->who.pseudonym);
    return str_starts(s, STR("Organization/")) &&
           auth_in_service(&c->who, str_sub(s, 13, s.n));
}

static bool care_anywhere(const struct door_caller *c, const struct json *v)
{
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return false;
    for (json_each(it, v))
        if (json_type(it.val) == JSON_STRING
                ? str_eqc(it.key, "reference") && care_names(c, json_str(it.val))
                : care_anywhere(c, it.val))
            return true;
    return false;
}

static bool care_service_type(const struct door_caller *c, const struct json *r)
{
    for (json_each(it, json_get(json_get(r, "serviceType"), "coding")))
        if (auth_in_service(&c->who, json_get_str(it.val, "code")))
            return true;
    return false;
}

static bool care_given(struct care *k, const struct json *r)
{
    const struct door_caller *c = k->c;
    struct str type = json_get_str(r, "resourceType"), status = json_get_str(r, "status");
    const char *open = str_eqc(type, "Encounter")
                           ? "planned arrived triaged in-progress onleave"
                       : str_eqc(type, "EpisodeOfCare") ? "planned waitlist active onhold"
                                                        : "proposed active";
    return care_among(status, open) && (care_anywhere(c, r) || care_service_type(c, r));
}

/* ---- consent ---- */
enum { CARE_PROBES = 16 };
#define CARE_MINUTE (60 * TIME_SECOND)

/* Was he told of it? If not, he is from now on; *room: that is remembered. */
static bool care_told(struct door *d, int64_t rid, bool *room)
{
    *room = true;
    for (uint64_t i = 0; i < CARE_PROBES; i++) {
        int64_t had = 0;
        if (atomic_compare_exchange_strong(
                &d->unclear[((uint64_t)rid + i) % DOOR_UNCLEARS], &had, rid))
            return false;
        if (had == rid)
            return true;
    }
    *room = false;
    return false;
}

/* The operator is told once of each, and of those beyond what is remembered one a minute,
 * since each look at them would write a line; of whom it is, he is not told. */
static void care_unclear(struct door *d, int64_t rid)
{
    bool room;
    int64_t now = time_now(), last = atomic_load(&d->unclear_at);
    if (care_told(d, rid, &room) ||
        (!room && ((last && now >= last && now - last < CARE_MINUTE) ||
                   !atomic_compare_exchange_strong(&d->unclear_at, &last, now))))
        return;
    LOG_W("door.consent", log_i("rid", rid));
}

/* ---- looking ---- */
typedef bool care_fn(struct care *k, const struct json *r);

static int care_one(struct care *k, int64_t rid, care_fn *fn)
{
    struct json_doc *doc = NULL;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_fetch(k->v, rid, &text, NULL);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err) {
        k->rid = rid;
        k->found = fn(k, json_root(doc));
    }
    json_free(doc);
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* The newest resources whose parameter `patient` refers to that patient: as "Patient/id",
 * or below an address. */
static int care_of(struct care *k, struct str type, struct str address, struct str id,
                   care_fn *fn)
{
    char ref[REST_FORMER + EDS_ID_MAX + 16];
    int64_t rid[CARE_BLOCK], below = INT64_MAX;
    uint64_t term;
    size_t n = CARE_BLOCK;
    int err = AM_OK;
    snprintf(ref, sizeof ref, "%.*s%sPatient/%.*s", STR_FMT(address),
             address.n ? "/" : "", STR_FMT(id));
    term = fhir_term_hash(eds_row_key(k->c->door->eds),
                          fhir_param_number(type, STR("patient")), FHIR_TERM_REFERENCE,
                          str_c(ref), STR_NULL);
    while (!err && n == CARE_BLOCK && !k->found) {
        err = eds_tok(k->v, term, below, CARE_BLOCK, rid, &n);
        for (size_t i = 0; i < n && !err && !k->found; i++)
            err = care_one(k, rid[i], fn);
        below = n ? rid[n - 1] : 0;
    }
    return err;
}

static bool care_opposed(struct care *k, const struct json *r)
{
    enum door_says says = door_consent_says(k->c, r);
    k->unclear = k->unclear || says == DOOR_SAYS_UNCLEAR;
    if (says == DOOR_SAYS_UNCLEAR)
        care_unclear(k->c->door, k->rid);
    return says == DOOR_SAYS_NO;
}

/* What was stored before addresses were taken off references (rest_local.c), or beside
 * this interface (`amane eds import`), may name the patient by one of ours. An opposition
 * counts all the same; care so given does not: whoever is in doubt is not let in. */
static int care_oppositions(struct care *k, struct str id)
{
    struct str left = str_c(k->c->door->former), base = str_c(k->c->door->base);
    int err = care_of(k, STR("Consent"), STR_NULL, id, care_opposed);
    if (!err && !k->found && base.n)
        err = care_of(k, STR("Consent"), base, id, care_opposed);
    while (!err && !k->found && left.n)
        err = care_of(k, STR("Consent"), str_cut(left, ' ', &left), id, care_opposed);
    return err;
}

static int care_find(struct care *k, struct str id, bool care, unsigned *bits)
{
    static const struct str where[] = {STR_INIT("Encounter"), STR_INIT("EpisodeOfCare"),
                                       STR_INIT("CareTeam")};
    int err;
    k->found = auth_in_service(&k->c->who, STR("*"));
    err = AM_OK;
    for (size_t i = 0; i < AM_LEN(where) && care && !err && !k->found; i++)
        err = care_of(k, where[i], STR_NULL, id, care_given);
    if (care)
        *bits |= k->found ? DOOR_RELATED : DOOR_UNRELATED;
    k->found = false;
    if (!err && !(*bits & (DOOR_OPPOSED | DOOR_WILLING))) {
        err = care_oppositions(k, id);
        *bits |= k->found ? DOOR_OPPOSED : DOOR_WILLING;
        *bits |= k->unclear ? DOOR_UNCLEAR : 0;
    }
    return err;
}

struct care_own {
    struct care k;
    struct str id;
    bool care;
    unsigned *bits;
};

static int care_view(struct eds_view *v, void *arg)
{
    struct care_own *o = arg;
    o->k.v = v;
    return care_find(&o->k, o->id, o->care, o->bits);
}

int door_patient(struct door_caller *c, struct eds_view *v, struct str id, bool care,
                 unsigned *bits)
{
    struct care_own o = {.k = {.c = c, .v = v}, .id = id, .care = care, .bits = bits};
    size_t had = 0;
    int err;
    *bits = 0;
    if (!map_get(&c->patient, id, &had))
        *bits = (unsigned)had;
    if (*bits && (!care || (*bits & (DOOR_RELATED | DOOR_UNRELATED))))
        return AM_OK;
    err = v ? care_find(&o.k, id, care, bits) : eds_view(c->door->eds, care_view, &o);
    return err ? err : map_set(&c->patient, id, *bits);
}
