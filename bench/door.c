/* SPDX-License-Identifier: Apache-2.0 */
/* What the door of /fhir costs: processor time of a request without it, and behind it by
 * who asks. Real Synthea patients, SQLite, sealed bodies; the request as the server hands
 * it over, login and record of the access included, no sockets.
 *
 *     bench-door [PATIENTS]   (60 of those in AMANE_SHARED)
 *
 * open: no door. service: SMART scopes of every type. all: an account that cares for all.
 * care: one that cares by an open Encounter of each patient. 16 clients, who share the
 * syncs of the record. */
#include "../bench/eds_load.h"
#include "base/log.h"
#include "door/door.h"

enum { COST_SECONDS = 3, COST_CLIENTS = 16 };

enum cost_who { COST_OPEN, COST_SERVICE, COST_ALL, COST_CARE, COST_WHO };
static const char *const cost_name[] = {"open", "service", "all", "care"};
struct cost {
    struct door *door;
    struct rest *open, *kept;
    struct auth *auth;
    char token[COST_WHO][AUTH_CLIENT_TOKEN];
    VEC(struct eds_name) patient, observation;
    enum cost_who who;
    const char *what;
    atomic_size_t next, done, failed, bytes;
    int64_t until;
};

/* ---- asking ---- */
static void cost_path(struct cost *o, size_t k, char path[200], char query[200])
{
    const char *p = o->patient.v[k * 31 % o->patient.n].id;
    query[0] = 0;
    if (!strcmp(o->what, "read"))
        snprintf(path, 200, "/fhir/Observation/%s",
                 o->observation.v[k * 7919 % o->observation.n].id);
    else if (!strcmp(o->what, "everything"))
        snprintf(path, 200, "/fhir/Patient/%s/$everything", p);
    else {
        snprintf(path, 200, "/fhir/Observation");
        if (!strcmp(o->what, "patient"))
            snprintf(query, 200, "patient=Patient/%s&_count=20", p);
        else
            snprintf(query, 200, "code=http://loinc.org|8302-2&_count=20");
    }
}

static int cost_one(struct cost *o, size_t k)
{
    char path[200], query[200], bearer[AUTH_CLIENT_TOKEN + 8];
    struct arena arena;
    struct http_field h[] = {{STR_INIT("Authorization"), {bearer, 0}}};
    struct http_resp a = {.status = 200};
    struct http_req q = {.method = HTTP_GET, .peer = STR("127.0.0.1"), .arena = &arena};
    int err;
    arena_init(&arena, 8 << 20);
    buf_init(&a.body, 64 << 20);
    cost_path(o, k, path, query);
    q.path = str_c(path);
    q.query = str_c(query);
    q.header = h;
    q.headers = o->who != COST_OPEN;
    snprintf(bearer, sizeof bearer, "Bearer %s", o->token[o->who]);
    h[0].value = str_c(bearer);
    err = o->who == COST_OPEN ? rest_http(o->open, "/fhir", NULL, &q, &a)
                              : door_http(o->door, o->kept, "/fhir", &q, &a);
    if (!err && a.status != 200)
        err = AM_E_REFUSED;
    atomic_fetch_add(&o->bytes, a.body.n);
    buf_release(&a.body);
    arena_release(&arena);
    return err;
}

static void *cost_ask(void *arg)
{
    struct cost *o = arg;
    while (time_mono() < o->until) {
        int err = cost_one(o, atomic_fetch_add(&o->next, 1));
        atomic_fetch_add(&o->failed, err != 0);
        atomic_fetch_add(&o->done, 1);
    }
    return NULL;
}

static bool cost_run(struct cost *o, const char *what)
{
    o->what = what;
    for (int who = 0; who < COST_WHO; who++) {
        struct load_figure f = {0};
        char name[64], text[200];
        o->who = (enum cost_who)who;
        atomic_store(&o->bytes, 0);
        o->until = time_mono() + COST_SECONDS * TIME_SECOND;
        if (!load_threads(COST_CLIENTS, cost_ask, o, &o->done, &o->failed, &f))
            return false;
        snprintf(name, sizeof name, "door.%s_%s", what, cost_name[who]);
        snprintf(
            text, sizeof text,
            "%zu Synthea patients, %zu B an answer, 16 clients, %.0f/s by the clock, "
            "SQLite, no sockets",
            o->patient.n, atomic_load(&o->bytes) / AM_MAX(atomic_load(&o->done), 1u),
            f.per_s);
        load_show(name, f.cpu_us, "us of processor", 0, false, text, NULL);
    }
    return true;
}

/* ---- the ward ---- */
static int cost_meet(void *arg, const struct eds_meta *m, struct str body)
{
    struct cost *o = arg;
    struct eds_name n;
    (void)body;
    memcpy(n.type, m->type, sizeof n.type);
    memcpy(n.id, m->id, sizeof n.id);
    return !strcmp(m->type, "Patient") ? vec_push(&o->patient, n)
                                       : vec_push(&o->observation, n);
}

static int cost_meet_all(struct eds_view *v, void *arg)
{
    int err = eds_each(v, STR("Patient"), 0, cost_meet, arg);
    return err ? err : eds_each(v, STR("Observation"), 0, cost_meet, arg);
}

/* An open stay in cardio of each patient. */
static int cost_stays(struct cost *o, struct eds *e)
{
    struct eds_group *g = NULL;
    int err = eds_group_new(&g, e);
    for (size_t i = 0; i < o->patient.n && !err; i++) {
        struct json_doc *doc = NULL;
        char text[400];
        snprintf(text, sizeof text,
                 "{\"resourceType\":\"Encounter\",\"status\":\"in-progress\",\"class\":{"
                 "\"code\":\"IMP\"},\"subject\":{\"reference\":\"Patient/%s\"},"
                 "\"serviceProvider\":{\"reference\":\"Organization/cardio\"}}",
                 o->patient.v[i].id);
        err = json_parse(&doc, str_c(text), NULL, NULL);
        if (!err)
            err = eds_put(g,
                          &(struct eds_ask){.verb = EDS_CREATE,
                                            .type = STR("Encounter"),
                                            .body = json_root(doc)},
                          NULL);
        json_free(doc);
    }
    if (!err)
        err = eds_write(g);
    eds_group_free(g);
    return err;
}

static int cost_account(struct cost *o, enum cost_who who, const char *services)
{
    struct auth_account spec = {
        .role = LEDGER_PHYSICIAN, .org_id = "ma-gst-01", .lang = "fr"};
    struct diag d;
    int64_t id;
    int err;
    diag_init(&d);
    snprintf(spec.login, sizeof spec.login, "who%d", (int)who);
    snprintf(spec.services, sizeof spec.services, "%s", services);
    err = auth_account_create(o->auth, &spec, STR("a passphrase of the bench"), &id, &d);
    if (!err)
        err = auth_token_create(o->auth, id, time_now(), 0, o->token[who]);
    diag_release(&d);
    return err;
}

static int cost_service(struct cost *o)
{
    struct auth_client c = {.id = "lab", .scope = "system/*.cruds", .purpose = "TREAT"};
    struct diag d;
    int err;
    diag_init(&d);
    err = auth_client_put(o->auth, &c,
                          STR("{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AAAA\","
                              "\"e\":\"AQAB\"}]}"),
                          time_now(), &d);
    diag_release(&d);
    return err ? err
               : auth_client_token(o->auth, STR("lab"), STR("system/*.cruds"), time_now(),
                                   o->token[COST_SERVICE]);
}

static int cost_open(struct cost *o, struct eds *e, const char *dir,
                     const struct fhir_valid *valid)
{
    static const char base[] = "http://b/fhir";
    struct rest_config rc = {.eds = e, .valid = valid, .base = base};
    int err = auth_open(&o->auth, dir);
    if (!err)
        err = cost_account(o, COST_ALL, "*");
    if (!err)
        err = cost_account(o, COST_CARE, "cardio");
    if (!err)
        err = cost_service(o);
    if (!err)
        err = rest_new(&o->open, &rc);
    if (!err)
        err = door_new(
            &o->door,
            &(struct door_config){.auth = o->auth, .dir = dir, .eds = e, .base = base});
    if (!err) {
        door_before(o->door, &rc);
        err = rest_new(&o->kept, &rc);
    }
    return err;
}

static bool cost_all(struct cost *o, struct eds *e, const char *dir)
{
    static const char *const what[] = {"read", "patient", "code", "everything"};
    struct fhir_valid *valid = NULL;
    bool good = !fhir_valid_new(&valid) && !eds_view(e, cost_meet_all, o) &&
                o->patient.n && o->observation.n && !cost_stays(o, e) &&
                !cost_open(o, e, dir, valid);
    o->what = "read"; /* what was written is packed meanwhile */
    o->until = time_mono() + COST_SECONDS * TIME_SECOND;
    if (good)
        (void)cost_ask(o);
    for (size_t i = 0; i < AM_LEN(what) && good; i++)
        good = cost_run(o, what[i]);
    rest_free(o->open);
    rest_free(o->kept);
    door_free(o->door);
    auth_close(o->auth);
    fhir_valid_free(valid);
    vec_release(&o->patient);
    vec_release(&o->observation);
    return good;
}

int main(int argc, char **argv)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64];
    struct eds_config c = {.path = path, .key = {1}, .rows = eds_rows_fhir};
    struct cost o = {.what = NULL};
    struct eds *e = NULL;
    int64_t patients = 60;
    bool good;
    if ((argc > 1 && str_int(str_c(argv[1]), 1, 429, &patients)) || !mkdtemp(dir))
        return 2;
    log_set_level(LOG_ERROR);
    snprintf(path, sizeof path, "%s/e.db", dir);
    good = eds_open(&e, &c) == AM_OK && load_patients(e, (size_t)patients) &&
           cost_all(&o, e, dir);
    eds_close(e);
    (void)!nftw(dir, load_remove, 8, FTW_DEPTH | FTW_PHYS);
    if (!good)
        fprintf(stderr, "bench door: a request failed\n");
    return good ? 0 : 3;
}
