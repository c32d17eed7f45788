/* SPDX-License-Identifier: Apache-2.0 */
/* Records as AuditEvents (FHIR R4), made when somebody asks: the newest first at /fhir,
 * the oldest first from the command line. */
#include <limits.h>
#include <stdlib.h>

#include "door/door_priv.h"
#include "door/door_trail_find_priv.h"

/* ---- which ---- */
struct event_when {
    int64_t lo, hi;
    enum fhir_prefix prefix;
};
struct event_want {
    const struct door_events *e;
    struct event_when when[2];
};

static int event_date(struct event_when *w, struct str s)
{
    static const struct {
        const char *text;
        enum fhir_prefix is;
    } known[] = {{"eq", FHIR_EQ},
                 {"ge", FHIR_GE},
                 {"gt", FHIR_GT},
                 {"le", FHIR_LE},
                 {"lt", FHIR_LT}};
    w->prefix = FHIR_EQ;
    w->lo = INT64_MIN;
    w->hi = INT64_MAX;
    if (!s.n)
        return AM_OK;
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_starts(s, str_c(known[i].text))) {
            w->prefix = known[i].is;
            s = str_sub(s, 2, s.n);
            break;
        }
    return fhir_date_interval(s, &w->lo, &w->hi) ? AM_E_SYNTAX : AM_OK;
}

static bool event_then(const struct event_when *w, int64_t at)
{
    switch (w->prefix) {
    case FHIR_GE:
        return at >= w->lo;
    case FHIR_GT:
        return at > w->hi;
    case FHIR_LE:
        return at <= w->hi;
    case FHIR_LT:
        return at < w->lo;
    default:
        return at >= w->lo && at <= w->hi;
    }
}

static bool event_at(const struct event_want *w, int64_t at)
{
    return event_then(&w->when[0], at) && event_then(&w->when[1], at);
}

/* A text that names a patient or an agent has it between quotes. */
static bool event_may(const struct event_want *w, struct str text)
{
    const struct str name[] = {w->e->patient, w->e->agent};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (name[i].n && !memmem(text.p, text.n, name[i].p, name[i].n))
            return false;
    return true;
}

static bool event_patient(const struct json *record, struct str id)
{
    for (json_each(it, json_get(record, "patients")))
        if (str_eq(json_str(it.val), id))
            return true;
    for (json_each(it, json_get(record, "parts")))
        if (event_patient(it.val, id))
            return true;
    return false;
}

/* What finds a record: each patient it names, and who. */
static void event_keys_of(struct door_index_keys *k, const struct json *record)
{
    for (json_each(it, json_get(record, "patients")))
        door_index_key(k, STR("patient"), json_str(it.val));
    for (json_each(it, json_get(record, "parts")))
        event_keys_of(k, it.val);
}

static int event_keys(struct door_index_keys *k, struct str text)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, NULL, NULL);
    if (err)
        return err;
    door_index_key(k, STR("agent"), json_get_str(json_get(json_root(doc), "who"), "id"));
    event_keys_of(k, json_root(doc));
    json_free(doc);
    return AM_OK;
}

#define EVENT_REST   "http://hl7.org/fhir/restful-interaction"
#define EVENT_OWN    "urn:amane:operation"
#define EVENT_REASON "http://terminology.hl7.org/CodeSystem/v3-ActReason"

/* "code", "system|code" or "|code" of a coding (FHIR R4, 3.1.1.5.10); empty: any. */
static bool event_token(struct str asked, const char *system, struct str code)
{
    struct str own, of = str_cut(asked, '|', &own);
    if (!own.p)
        return str_eq(asked, code);
    return str_eqc(of, system) && str_eq(own, code);
}

static bool event_operation(struct str did)
{
    return str_starts(did, STR("$"));
}

static bool event_command(struct str did)
{
    return str_starts(did, STR("eds-"));
}

static bool event_subtype(const struct door_events *e, const struct json *record)
{
    struct str did = json_get_str(record, "do");
    if (!e->subtype.n)
        return true;
    if ((event_operation(did) || event_command(did)) &&
        event_token(e->subtype, EVENT_OWN, did))
        return true;
    if (event_command(did))
        return false;
    return event_token(e->subtype, EVENT_REST,
                       event_operation(did) ? STR("operation") : did);
}

static bool event_wanted(const struct event_want *w, const struct json *record)
{
    const struct door_events *e = w->e;
    if (!event_subtype(e, record) ||
        (e->security.n && !(json_get_str(record, "glass").n &&
                            event_token(e->security, EVENT_REASON, STR("BTG")))))
        return false;
    return (!e->patient.n || event_patient(record, e->patient)) &&
           (!e->agent.n || str_eq(json_get_str(json_get(record, "who"), "id"), e->agent));
}

/* ---- one record as an AuditEvent ---- */
static void event_code(struct jw *w, const char *key, const char *system, struct str code)
{
    jw_key(w, key);
    jw_obj(w);
    jw_kstrz(w, "system", system);
    jw_kstr(w, "code", code);
    jw_obj_end(w);
}

static const char *event_action(struct str did)
{
    static const struct {
        const char *did, *action;
    } known[] = {{"create", "C"}, {"update", "U"},    {"patch", "U"},
                 {"delete", "D"}, {"$meta-add", "U"}, {"$meta-delete", "U"},
                 {"read", "R"},   {"vread", "R"},     {"history-instance", "R"}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(did, known[i].did))
            return known[i].action;
    return "E";
}

static void event_purpose(struct jw *w, struct str glass, struct str reason)
{
    jw_key(w, "purposeOfUse");
    jw_arr(w);
    jw_obj(w);
    if (glass.n) {
        jw_key(w, "coding");
        jw_arr(w);
        jw_obj(w);
        jw_kstrz(w, "system", EVENT_REASON);
        jw_kstrz(w, "code", "BTG");
        jw_obj_end(w);
        jw_arr_end(w);
    }
    jw_kstr(w, "text", glass.n ? glass : reason);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void event_agent(struct jw *w, const struct json *record)
{
    const struct json *who = json_get(record, "who");
    bool service = json_str_is(json_get(who, "kind"), "service");
    bool command = json_str_is(json_get(who, "kind"), "command");
    struct str glass = json_get_str(record, "glass"),
               reason = json_get_str(record, "reason");
    jw_key(w, "agent");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "who");
    jw_obj(w);
    jw_key(w, "identifier");
    jw_obj(w);
    jw_kstr(w, "value", json_get_str(who, "id"));
    jw_obj_end(w);
    if (!service) /* of what role, for the reader */
        jw_kstr(w, "display", command ? STR("command line") : json_get_str(who, "role"));
    jw_obj_end(w);
    jw_kbool(w, "requestor", true);
    if (json_get_str(record, "peer").n) {
        jw_key(w, "network");
        jw_obj(w);
        jw_kstr(w, "address", json_get_str(record, "peer"));
        jw_kstrz(w, "type", command ? "1" : "2"); /* a name; an address */
        jw_obj_end(w);
    }
    if (glass.n || reason.n)
        event_purpose(w, glass, reason);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void event_what(struct jw *w, struct str reference)
{
    jw_obj(w);
    jw_key(w, "what");
    jw_obj(w);
    jw_kstr(w, "reference", reference);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void event_seen(struct jw *w, const struct json *record)
{
    for (json_each(it, json_get(record, "seen")))
        event_what(w, json_str(it.val));
    for (json_each(it, json_get(record, "patients"))) {
        char ref[EDS_ID_MAX + 16];
        snprintf(ref, sizeof ref, "Patient/%.*s", STR_FMT(json_str(it.val)));
        event_what(w, str_c(ref));
    }
    for (json_each(it, json_get(record, "parts")))
        event_seen(w, it.val);
}

static int event_entities(struct jw *w, const struct json *record)
{
    struct str query = json_get_str(record, "query");
    struct buf b64;
    int err = AM_OK;
    jw_key(w, "entity");
    jw_arr(w);
    event_seen(w, record);
    if (query.n) {
        buf_init(&b64, 8192);
        err = crypto_base64(&b64, query);
        jw_obj(w);
        jw_kstr(w, "query", buf_str(&b64));
        jw_obj_end(w);
        buf_release(&b64);
    }
    jw_arr_end(w);
    return err;
}

static bool event_has_entity(const struct json *record)
{
    if (json_size(json_get(record, "seen")) || json_size(json_get(record, "patients")) ||
        json_get_str(record, "query").n)
        return true;
    for (json_each(it, json_get(record, "parts")))
        if (event_has_entity(it.val))
            return true;
    return false;
}

/* restful-interaction has one code for all operations; which, in a system of ours. A
 * command is none of them. */
static void event_did(struct jw *w, struct str did)
{
    jw_key(w, "subtype");
    jw_arr(w);
    if (!event_command(did)) {
        jw_obj(w);
        jw_kstrz(w, "system", EVENT_REST);
        jw_kstr(w, "code", event_operation(did) ? STR("operation") : did);
        jw_obj_end(w);
    }
    if (event_operation(did) || event_command(did)) {
        jw_obj(w);
        jw_kstrz(w, "system", EVENT_OWN);
        jw_kstr(w, "code", did);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* A request; of a command, what DICOM (PS3.15, A.5) calls it. */
static void event_type(struct jw *w, struct str did)
{
    static const struct {
        const char *did, *code;
    } known[] = {{"eds-export", "110106"},  {"eds-view", "110106"},
                 {"eds-backup", "110106"},  {"eds-import", "110107"},
                 {"eds-restore", "110107"}, {"eds-rejected", "110107"}};
    struct str code = STR("110100"); /* application activity */
    if (!event_command(did)) {
        event_code(w, "type", "http://terminology.hl7.org/CodeSystem/audit-event-type",
                   STR("rest"));
        return;
    }
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(did, known[i].did))
            code = str_c(known[i].code);
    event_code(w, "type", "http://dicom.nema.org/resources/ontology/DCM", code);
}

/* Found by _security. */
static void event_label(struct jw *w)
{
    jw_key(w, "meta");
    jw_obj(w);
    jw_key(w, "security");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", EVENT_REASON);
    jw_kstrz(w, "code", "BTG");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static int event_write(struct jw *w, uint64_t seq, int64_t at, const struct json *record)
{
    int64_t status = json_int(json_get(record, "status"), 0),
            code = json_int(json_get(record, "exit"), -1);
    char when[TIME_TEXT];
    int err = AM_OK;
    jw_obj(w);
    jw_kstrz(w, "resourceType", "AuditEvent");
    jw_key(w, "id");
    jw_strf(w, "%llu", (unsigned long long)seq);
    if (json_get_str(record, "glass").n)
        event_label(w);
    event_type(w, json_get_str(record, "do"));
    event_did(w, json_get_str(record, "do"));
    jw_kstrz(w, "action", event_action(json_get_str(record, "do")));
    jw_kstrz(w, "recorded", time_format(at, when));
    if (status || code >= 0) /* what was only begun has no outcome */
        jw_kstrz(w, "outcome",
                 status >= 500 || code > 2   ? "8"
                 : status >= 400 || code > 0 ? "4"
                                             : "0");
    jw_key(w, "outcomeDesc");
    if (status)
        jw_strf(w, "%s %d", "HTTP", (int)status);
    else if (code >= 0)
        jw_strf(w, "%s %d", "exit", (int)code);
    else /* written before anything was done, or of a part of it */
        jw_str(w, json_get_str(record, "moment"));
    event_agent(w, record);
    jw_key(w, "source");
    jw_obj(w);
    jw_key(w, "observer");
    jw_obj(w);
    jw_kstrz(w, "display", "amane node");
    jw_obj_end(w);
    jw_obj_end(w);
    if (event_has_entity(record))
        err = event_entities(w, record);
    jw_obj_end(w);
    return err;
}

/* ---- all that are wanted ---- */
struct event_walk {
    struct event_want want;
    door_event_fn *fn;
    void *arg;
    size_t looked, most; /* records opened; 0: any */
    uint64_t next;       /* 0: to the end */
};

static int event_one(void *arg, const struct door_trail_item *x)
{
    struct event_walk *k = arg;
    struct json_doc *doc = NULL;
    struct buf text;
    struct jw w;
    int err;
    if (!event_at(&k->want, x->at) || !event_may(&k->want, x->text))
        return AM_OK;
    err = json_parse(&doc, x->text, NULL, NULL);
    if (err || !event_wanted(&k->want, json_root(doc))) {
        json_free(doc);
        return err;
    }
    buf_init(&text, 2 * DOOR_TRAIL_RECORD);
    jw_init(&w, &text);
    err = event_write(&w, x->seq, x->at, json_root(doc));
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = k->fn(k->arg, buf_str(&text));
    buf_release(&text);
    json_free(doc);
    return err;
}

static int event_back(void *arg, const struct door_trail_item *x)
{
    struct event_walk *k = arg;
    int err = event_one(k, x);
    if (!err && ++k->looked == k->most)
        err = 1;
    if (err > 0)
        k->next = x->seq > 1 ? x->seq : 0;
    return err;
}

static bool event_back_at(void *arg, int64_t at)
{
    const struct event_walk *k = arg;
    return event_at(&k->want, at);
}

/* The dates, the folder and the key. */
static int event_begin(struct event_walk *k, const struct door_events *e,
                       char path[PATH_MAX], uint8_t key[DOOR_TRAIL_KEY])
{
    int err = event_date(&k->want.when[0], e->date[0]);
    if (!err)
        err = event_date(&k->want.when[1], e->date[1]);
    if (!err && snprintf(path, PATH_MAX, "%s/access", e->dir) >= PATH_MAX)
        err = AM_E_TOOBIG;
    return err ? err : door_trail_key(e->dir, key);
}

int door_events(const struct door_events *e, door_event_fn *fn, void *arg)
{
    char path[PATH_MAX];
    uint8_t key[DOOR_TRAIL_KEY];
    struct event_walk k = {.want = {.e = e}, .fn = fn, .arg = arg};
    struct door_trail_read r = {.dir = path, .key = key};
    int err = event_begin(&k, e, path, key);
    if (!err)
        err = door_trail_each(&r, event_one, &k);
    crypto_wipe(key, sizeof key);
    return err;
}

/* Instants that every wanted record is between. */
static void event_between(const struct event_when *w, struct door_find *f)
{
    switch (w->prefix) {
    case FHIR_GE:
    case FHIR_GT:
        f->lo = AM_MAX(f->lo, w->lo);
        break;
    case FHIR_LE:
    case FHIR_LT:
        f->hi = AM_MIN(f->hi, w->hi);
        break;
    default:
        f->lo = AM_MAX(f->lo, w->lo);
        f->hi = AM_MIN(f->hi, w->hi);
    }
}

static int event_find(struct event_walk *k, struct door_trail_read *r)
{
    const struct door_events *e = k->want.e;
    struct door_find f = {.dir = r->dir,
                          .key = r->key,
                          .keys = event_keys,
                          .lo = INT64_MIN,
                          .hi = INT64_MAX,
                          .most = 8 * (size_t)DOOR_EVENTS_FILES,
                          .at = event_back_at,
                          .fn = event_back,
                          .arg = k};
    if (e->patient.n)
        f.wanted[f.n_wanted++] = door_index_hash(STR("patient"), e->patient);
    if (e->agent.n)
        f.wanted[f.n_wanted++] = door_index_hash(STR("agent"), e->agent);
    for (size_t i = 0; i < AM_LEN(k->want.when); i++)
        event_between(&k->want.when[i], &f);
    return door_trail_find(r, &f);
}

int door_events_back(const struct door_events *e, uint64_t *below, door_event_fn *fn,
                     void *arg)
{
    char path[PATH_MAX];
    uint8_t key[DOOR_TRAIL_KEY];
    struct event_walk k = {
        .want = {.e = e}, .fn = fn, .arg = arg, .most = DOOR_EVENTS_LOOKED};
    struct door_trail_read r = {.dir = path, .key = key, .below = *below};
    int err = event_begin(&k, e, path, key);
    if (!err)
        err = e->patient.n || e->agent.n || e->date[0].n
                  ? event_find(&k, &r)
                  : door_trail_back(&r, DOOR_EVENTS_FILES, event_back_at, event_back, &k);
    crypto_wipe(key, sizeof key);
    if (!err)
        *below = k.next ? k.next : r.more ? r.first : 0;
    return err;
}
