/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in, what he may do, whom he sees, and that it is recorded. */
#include "door/door_test.h"

#define OBSERVATION(id, patient, more)                                                   \
    "{\"resourceType\":\"Observation\",\"id\":\"" id                                     \
    "\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"                                 \
    "\"subject\":{\"reference\":\"Patient/" patient "\"}" more "}"

static void nobody_gets_in_without_login(void **state)
{
    static const char *const said[] = {"Log in first.", "Connectez-vous d’abord.",
                                       "سجّل الدخول أولًا."};
    static const char *const lang[] = {"en", "fr", "ar"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(lang); i++) {
        struct t_reply r = T_WANT(401, .path = "/Patient", .language = lang[i]);
        assert_str_equal(json_str(t_at(&r, "/resourceType")), "OperationOutcome");
        assert_str_equal(json_str(t_at(&r, "/issue/0/details/text")), said[i]);
        assert_non_null(strstr(r.challenge, "Bearer"));
        t_done(&r);
    }
    T_ONLY(401, .path = "/Patient", .token = "wrong");
    T_ONLY(401, .path = "/Patient/metadata");
    T_ONLY(401, .path = "/metadata", .method = HTTP_POST);
    T_ONLY(200, .path = "/metadata");
    T_ONLY(403, T_GET(T_STRANGER, "/Patient"));
}

static void a_role_does_what_its_row_grants_and_nothing_else(void **state)
{
    (void)state;
    T_ONLY(200, T_GET(T_PHYSICIAN, "/Observation/oa"));
    T_ONLY(200, T_PUT(T_PHYSICIAN, "/Observation/oa"),
           .body = OBSERVATION("oa", "a", ""));
    T_ONLY(403, .token = t_token[T_PHYSICIAN], .method = HTTP_DELETE,
           .path = "/Observation/oa");
    T_ONLY(403, T_PUT(T_PHYSICIAN, "/Patient/a"),
           .body = "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
    T_ONLY(200, T_PUT(T_SECRETARY, "/Patient/a"),
           .body = "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
    T_ONLY(403, T_GET(T_SECRETARY, "/Observation/oa"));
    T_ONLY(403, T_GET(T_SECRETARY, "/Observation"));
    T_ONLY(403, T_GET(T_DSI, "/Patient/a"));
    T_ONLY(403, T_GET(T_DSI, "/Patient"));
    T_ONLY(200, T_GET(T_DSI, "/Organization"));
    T_ONLY(403, T_GET(T_DIM, "/AuditEvent"));
    T_ONLY(403, T_PUT(T_DIM, "/Observation/oa"), .body = OBSERVATION("oa", "a", ""));
    T_ONLY(403, T_GET(T_PHYSICIAN, "/Claim")); /* of no group */
    T_ONLY(403, T_GET(T_DSI, "/Patient/a/Encounter"));
}

/* What pages create with what they write, nobody of these roles sends himself. */
static void who_enters_by_pages_sends_no_provenance(void **state)
{
    static const char provenance[] =
        "{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":\"Patient/a\"}],"
        "\"recorded\":\"2026-11-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":"
        "\"somebody else\"}}]}";
    char body[1000];
    (void)state;
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
             "\"resource\":%s,\"request\":{\"method\":\"POST\",\"url\":"
             "\"Provenance\"}}]}",
             provenance);
    T_ONLY(201, T_POST(T_PHYSICIAN, "/Provenance"), .body = provenance);
    for (int who = T_NURSE; who <= T_SECRETARY; who++) {
        T_ONLY(403, T_POST(who, "/Provenance"), .body = provenance);
        T_ONLY(403, T_POST(who, "/"), .body = body);
        T_ONLY(403, T_GET(who, "/Provenance"));
    }
    assert_int_equal(t_total(t_token[T_DPO], "/Provenance", ""), 1);
    assert_true(door_grants(LEDGER_NURSE, "Provenance", 'c')); /* of a page */
    assert_true(door_grants(LEDGER_LAB_TECHNICIAN, "Provenance", 'c'));
    assert_false(door_grants(LEDGER_NURSE, "Provenance", 'r'));
    assert_false(door_grants(LEDGER_PHARMACIST, "Provenance", 'c'));
}

/* Each type that says what a patient has or takes, asked by who keeps the desk. */
static void a_secretary_sees_nothing_clinical(void **state)
{
    static const char *const may[] = {
        "Patient",  "RelatedPerson", "Coverage",      "Account", "Appointment",
        "Schedule", "Encounter",     "EpisodeOfCare", "Slot",    "AppointmentResponse",
        "CareTeam", "Group"};
    char path[100];
    (void)state;
    for (size_t i = 0; i < fhir_search_types(); i++) {
        struct str type = fhir_search_type_at(i);
        bool open = !fhir_compartment_has(STR("Patient"), type) &&
                    !str_eqc(type, "DeviceRequest");
        for (size_t k = 0; k < AM_LEN(may); k++)
            open = open || str_eqc(type, may[k]);
        if (open)
            continue;
        snprintf(path, sizeof path, "/%.*s", STR_FMT(type));
        T_ONLY(403, T_GET(T_SECRETARY, path));
    }
    T_ONLY(403, T_GET(T_SECRETARY, "/List"));
    T_ONLY(403, T_GET(T_SECRETARY, "/Flag"));
    T_ONLY(200, T_GET(T_SECRETARY, "/Appointment"));
}

static void a_batch_opens_no_other_door(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_WANT(200, T_POST(T_SECRETARY, "/"),
               .body = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{"
                       "\"request\":{\"method\":\"GET\",\"url\":\"Observation/oa\"}},{"
                       "\"request\":{\"method\":\"GET\",\"url\":\"Patient/a\"}}]}");
    assert_str_equal(json_str(t_at(&r, "/entry/0/response/status")), "403");
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/status")), "200");
    t_done(&r);
    T_ONLY(403, T_POST(T_SECRETARY, "/"),
           .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                   "\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/a\"}}]}");
}

static void patients_without_a_care_relation_are_not_there(void **state)
{
    const char *who = t_token[T_NURSE];
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    T_ONLY(404, T_GET(T_NURSE, "/Patient/b"));
    T_ONLY(404, T_GET(T_NURSE, "/Observation/ob")); /* by its whole address */
    assert_int_equal(t_total(who, "/Patient", ""), 1);
    assert_int_equal(t_total(who, "/Observation", ""), 1);
    assert_int_equal(t_total(who, "/Observation", "patient.name=bennis"), 0);
    assert_int_equal(t_total(who, "/Patient", "_has:Observation:patient:status=final"),
                     1);
    T_ONLY(404, T_GET(T_NURSE, "/Patient/b/_history"));
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/ob"), .body = OBSERVATION("ob", "b", ""));
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/new"), .body = OBSERVATION("new", "b", ""));
    /* moved to somebody else's chart */
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/oa"), .body = OBSERVATION("oa", "b", ""));
    T_ONLY(201, T_PUT(T_NURSE, "/Observation/new"), .body = OBSERVATION("new", "a", ""));
    assert_int_equal(t_total(t_token[T_DIM], "/Patient", ""), 2); /* reads of all */
}

static void a_deleted_one_s_past_is_not_shown_either(void **state)
{
    struct t_reply r;
    struct eds_group *g = NULL;
    (void)state;
    assert_ok(eds_group_new(&g, t_eds));
    assert_ok(eds_put(g,
                      &(struct eds_ask){.verb = EDS_DELETE,
                                        .type = STR("Observation"),
                                        .id = STR("ob")},
                      NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
    T_ONLY(404, T_GET(T_NURSE, "/Observation/ob"));
    r = T_WANT(200, T_GET(T_NURSE, "/Observation/_history"));
    assert_int_equal(json_size(t_at(&r, "/entry")), 1);
    t_done(&r);
    r = T_WANT(200, T_GET(T_DIM, "/Observation/_history"));
    assert_int_equal(json_size(t_at(&r, "/entry")), 3);
    t_done(&r);
}

static void care_ends_with_the_stay(void **state)
{
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    t_store("Encounter", "ea",
            "\"status\":\"finished\",\"class\":{\"code\":\"IMP\"},\"subject\":{"
            "\"reference\":\"Patient/a\"},\"serviceProvider\":{\"reference\":"
            "\"Organization/cardio\"}");
    T_ONLY(404, T_GET(T_NURSE, "/Patient/a"));
}

static void a_care_team_names_its_members(void **state)
{
    char body[400];
    (void)state;
    T_ONLY(404, T_GET(T_PHYSICIAN, "/Patient/b"));
    snprintf(body, sizeof body,
             "\"status\":\"active\",\"subject\":{\"reference\":\"Patient/b\"},"
             "\"participant\":[{\"member\":{\"reference\":\"Practitioner/%s\"}}]",
             t_pseudonym[T_PHYSICIAN]);
    t_store("CareTeam", "t", body);
    T_ONLY(200, T_GET(T_PHYSICIAN, "/Patient/b"));
    T_ONLY(404, T_GET(T_NURSE, "/Patient/b"));
}

/* ---- the record ---- */
static void the_glass_is_broken_for_a_reason_and_loudly(void **state)
{
    (void)state;
    T_ONLY(400, T_GET(T_NURSE, "/Patient/b"), .glass = "short");
    T_ONLY(400, T_GET(T_NURSE, "/Patient/b"), .glass = "cardiac arrest %c3");
    T_ONLY(403, T_GET(T_DSI, "/Patient/b"), .glass = "cardiac arrest in hall");
    assert_int_equal(recorded("\"glass\"", NULL, NULL, NULL), 0);
    T_ONLY(200, T_GET(T_NURSE, "/Patient/b"), .glass = "arr%C3%AAt cardiaque, hall");
    assert_int_equal(recorded("\"glass\":\"arrêt cardiaque, hall\"",
                              "\"patients\":[\"b\"]", t_pseudonym[T_NURSE],
                              "\"status\":200"),
                     1);
    T_ONLY(404, T_GET(T_NURSE, "/Patient/b")); /* once, and not from now on */
    T_ONLY(403, T_PUT(T_NURSE, "/Patient/b"), .glass = "cardiac arrest in hall",
           .body = "{\"resourceType\":\"Patient\",\"id\":\"b\"}"); /* rights stay */
}

static void every_access_is_recorded(void **state)
{
    const char *nurse = t_pseudonym[T_NURSE];
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Observation"), .query = "patient=Patient/a");
    assert_int_equal(recorded("\"do\":\"search-type\"", "\"seen\":[\"Observation/oa\"]",
                              "\"patients\":[\"a\"]", "\"query\":\"patient=Patient/a\""),
                     1);
    T_ONLY(404, T_GET(T_NURSE, "/Patient/b"));
    assert_int_equal(recorded("\"do\":\"read\"", "\"status\":404", "\"id\":\"b\"", nurse),
                     1);
    T_ONLY(403, T_GET(T_NURSE, "/Claim"));
    assert_int_equal(recorded("\"status\":403", "\"type\":\"Claim\"", nurse, NULL), 1);
    T_ONLY(201, T_PUT(T_NURSE, "/Observation/new"), .body = OBSERVATION("new", "a", ""));
    assert_int_equal(recorded("\"moment\":\"before\"", "\"id\":\"new\"", nurse, NULL), 1);
    assert_int_equal(recorded("\"moment\":\"after\"", "\"seen\":[\"Observation/new\"]",
                              "\"patients\":[\"a\"]", nurse),
                     1);
    T_ONLY(200, T_POST(T_NURSE, "/"),
           .body = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{"
                   "\"request\":{\"method\":\"GET\",\"url\":\"Patient/a\"}}]}");
    assert_int_equal(
        recorded("\"parts\":[", "\"seen\":[\"Patient/a\"]", "\"status\":200", nurse), 1);
}

static void without_its_record_nothing_is_told(void **state)
{
    char path[PATH_MAX];
    struct door_trail_config c = {.dir = path, .key = {1}, .file_max = 65};
    struct door_trail *good = t_door->trail, *bad = NULL;
    (void)state;
    snprintf(path, sizeof path, "%s/gone", t_dir);
    assert_ok(door_trail_open(&bad, &c));
    assert_ok(door_trail_add(bad, 1, STR("{}")));
    assert_int_equal(nftw(path, t_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    t_door->trail = bad; /* no new file can be begun there */
    T_ONLY(500, T_GET(T_NURSE, "/Patient/a"));
    T_ONLY(500, T_PUT(T_NURSE, "/Observation/new"), .body = OBSERVATION("new", "a", ""));
    t_door->trail = good;
    T_ONLY(404, T_GET(T_NURSE, "/Observation/new")); /* nothing was done */
    door_trail_close(bad);
}

/* ---- opposition, and what a model said ---- */
#define DENY(more)                                                                       \
    "\"status\":\"active\",\"scope\":{\"text\":\"x\"},\"category\":[{\"text\":\"x\"}],"  \
    "\"patient\":{\"reference\":\"Patient/a\"},\"policyRule\":{\"text\":\"x\"},"         \
    "\"provision\":{\"type\":\"deny\"" more "}"

static void who_opposes_is_hidden_everywhere(void **state)
{
    const char *who = t_token[T_NURSE];
    struct t_reply r;
    (void)state;
    t_store("Consent", "c", DENY(""));
    T_ONLY(404, T_GET(T_NURSE, "/Patient/a"));
    T_ONLY(404, T_GET(T_NURSE, "/Observation/oa"));
    T_ONLY(404, T_GET(T_NURSE, "/Observation/oa/_history/1"));
    assert_int_equal(t_total(who, "/Observation", ""), 0);
    assert_int_equal(t_total(t_token[T_DIM], "/Observation", ""), 1);
    r = T_WANT(200, T_GET(T_DIM, "/Encounter"),
               .query = "_id=eb&_revinclude=Observation:encounter&_include=*");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 1);
    t_done(&r);
    T_ONLY(200, T_GET(T_DPO, "/Consent/c"));
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"), .glass = "cardiac arrest in hall");
    t_store("Consent", "c", DENY(",\"period\":{\"end\":\"2020-01-01\"}"));
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    t_store("Consent", "c", DENY(",\"purpose\":[{\"code\":\"HRESCH\"}]"));
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a")); /* opposed to research */
    t_store("Consent", "c",
            DENY(",\"actor\":[{\"role\":{\"text\":\"x\"},\"reference\":{\"reference\":"
                 "\"Organization/cardio\"}}]"));
    T_ONLY(404, T_GET(T_NURSE, "/Patient/a")); /* to that service */
}

static void an_opposition_counts_by_whatever_address(const char *address)
{
    char consent[600];
    snprintf(consent, sizeof consent,
             "\"status\":\"active\",\"scope\":{\"text\":\"x\"},\"category\":[{"
             "\"text\":\"x\"}],\"patient\":{\"reference\":\"%sPatient/b\"},"
             "\"policyRule\":{\"text\":\"x\"},\"provision\":{\"type\":\"deny\"}",
             address);
    T_ONLY(200, T_GET(T_DIM, "/Patient/b"));
    T_ONLY(200, T_GET(T_DIM, "/Observation/ob"));
    t_store("Consent", "c", consent);
    T_ONLY(404, T_GET(T_DIM, "/Patient/b"));
    T_ONLY(404, T_GET(T_DIM, "/Observation/ob"));
    t_store("Consent", "c", DENY(",\"period\":{\"end\":\"2020-01-01\"}"));
}

/* One server, whatever it was called: who is named by an address of before is named. */
static void addresses_of_ours_name_our_patients(void **state)
{
    (void)state;
    an_opposition_counts_by_whatever_address("");
    an_opposition_counts_by_whatever_address("http://test/fhir/");
    an_opposition_counts_by_whatever_address("http://older/fhir/");
    an_opposition_counts_by_whatever_address("https://old.chu.ma/fhir/");
    t_store("Observation", "two",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
            "\"Patient/a\"},\"focus\":[{\"reference\":\"HTTPS://OLD.chu.ma/fhir/Patient/"
            "b/_history/1\"}]");
    T_ONLY(404, T_GET(T_NURSE, "/Observation/two")); /* b is in nobody's care */
    t_store("Observation", "two",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
            "\"Patient/a\"},\"focus\":[{\"reference\":\"https://other.ma/fhir/Patient/b"
            "\"}]");
    T_ONLY(200, T_GET(T_NURSE, "/Observation/two")); /* a b of another house */
}

#define RISK(status)                                                                     \
    "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"       \
    "v3-ObservationValue\",\"code\":\"AIAST\"}]},\"status\":\"" status                   \
    "\",\"subject\":{\"reference\":\"Patient/a\"}"

static void what_a_model_said_is_seen_by_who_validates(void **state)
{
    (void)state;
    t_store("RiskAssessment", "r", RISK("preliminary"));
    T_ONLY(200, T_GET(T_PHYSICIAN, "/RiskAssessment/r"));
    T_ONLY(404, T_GET(T_NURSE, "/RiskAssessment/r"));
    assert_int_equal(t_total(t_token[T_NURSE], "/RiskAssessment", ""), 0);
    t_store("RiskAssessment", "r", RISK("final"));
    T_ONLY(200, T_GET(T_NURSE, "/RiskAssessment/r"));
}

static void what_a_model_said_is_kept_with_its_provenance(void **state)
{
    static const char bare[] =
        "{\"resourceType\":\"Observation\",\"id\":\"m\",\"meta\":{\"security\":[{"
        "\"code\":\"AIAST\"}]},\"status\":\"preliminary\",\"code\":{\"text\":\"x\"},"
        "\"subject\":{\"reference\":\"Patient/a\"}}";
#define WITH                                                                             \
    "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"                 \
    "\"fullUrl\":\"urn:uuid:7c4e1c1e-5b0a-4b9a-9d2e-0a0a0a0a0a0a\","                     \
    "\"resource\":%s,\"request\":{\"method\":\"PUT\",\"url\":"                           \
    "\"Observation/m\"}},{\"resource\":{\"resourceType\":\"Provenance\","                \
    "\"target\":[{\"reference\":\"%s\"}],\"recorded\":"                                  \
    "\"2026-11-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":\"m\"}}]},"               \
    "\"request\":{\"method\":\"POST\",\"url\":\"Provenance\"}}]}"
    char body[2000];
    (void)state;
    T_ONLY(422, T_PUT(T_PHYSICIAN, "/Observation/m"), .body = bare);
    snprintf(body, sizeof body, WITH, bare, "Observation/other");
    T_ONLY(422, T_POST(T_PHYSICIAN, "/"), .body = body);
    snprintf(body, sizeof body, WITH, bare,
             "urn:uuid:7c4e1c1e-5b0a-4b9a-9d2e-0a0a0a0a0a0a");
    T_ONLY(200, T_POST(T_PHYSICIAN, "/"), .body = body);
    T_ONLY(200, T_GET(T_PHYSICIAN, "/Observation/m"));
    assert_int_equal(t_total(t_token[T_PHYSICIAN], "/Provenance", ""), 1);
    t_store(
        "Provenance", "pb",
        "\"target\":[{\"reference\":\"Patient/b\"},{\"reference\":\"Observation/ob\"}],"
        "\"recorded\":\"2026-11-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":\"m\"}}"
        "]");
    t_store("Provenance", "pc",
            "\"target\":[{\"reference\":\"Observation/ob\"}],"
            "\"recorded\":\"2026-11-01T00:00:00Z\",\"agent\":[{\"who\":{\"display\":"
            "\"m\"}}]");
    assert_int_equal(t_total(t_token[T_PHYSICIAN], "/Provenance", ""), 1);
    assert_int_equal(t_total(t_token[T_DPO], "/Provenance", ""), 3);
}

/* ---- services ---- */
/* Rows of a view of Observations that who asks is given. */
static size_t t_rows(const char *token)
{
    struct t_reply r = T_WANT(
        200, .token = token, .method = HTTP_POST, .path = "/$viewdefinition-run",
        .query = "_format=csv&header=false",
        .body = "{\"resourceType\":\"ViewDefinition\",\"resource\":\"Observation\","
                "\"select\":[{\"column\":[{\"name\":\"id\",\"path\":\"id\"}]}]}");
    size_t n = 0;
    for (size_t i = 0; i < r.body.n; i++)
        n += r.body.p[i] == '\n';
    t_done(&r);
    return n;
}

static void rows_of_a_view_are_of_what_one_sees(void **state)
{
    char t[AUTH_CLIENT_TOKEN];
    (void)state;
    T_ONLY(401, .method = HTTP_POST, .path = "/$viewdefinition-run");
    assert_int_equal(t_rows(t_token[T_DIM]), 2);
    assert_int_equal(t_rows(t_token[T_NURSE]), 1);
    assert_int_equal(t_rows(t_token[T_SECRETARY]), 0);
    assert_int_equal(t_rows(t_token[T_DSI]), 0);
    t_service("system/Patient.rs", t);
    assert_int_equal(t_rows(t), 0);
    t_service("system/Observation.rs", t);
    assert_int_equal(t_rows(t), 2);
    T_ONLY(403, T_PUT(T_NURSE, "/ViewDefinition/v"), .body = "{}");
}

#define CODED(id, category)                                                              \
    "{\"resourceType\":\"Observation\",\"id\":\"" id                                     \
    "\",\"status\":\"final\",\"code\":{"                                                 \
    "\"text\":\"x\"},\"category\":[{\"coding\":[{\"system\":\"urn:c\",\"code\":"         \
    "\"" category "\"}]}],\"subject\":{\"reference\":\"Patient/b\"}}"

static void each_verb_of_a_scope_is_its_own(void **state)
{
    char t[AUTH_CLIENT_TOKEN];
    (void)state;
    t_store("Observation", "l",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"category\":[{"
            "\"coding\":[{\"system\":\"urn:c\",\"code\":\"lab\"}]}]");
    t_service("system/Observation.cu?category=lab system/Observation.r?category=vital "
              "system/Patient.r",
              t);
    T_ONLY(404, .token = t, .path = "/Observation/l"); /* may change it, not read it */
    T_ONLY(200, .token = t, .method = HTTP_PUT, .path = "/Observation/l",
           .body = CODED("l", "lab"));
    T_ONLY(403, .token = t, .method = HTTP_PUT, .path = "/Observation/l",
           .body = CODED("l", "vital")); /* out of its part */
    T_ONLY(403, .token = t, .method = HTTP_PUT, .path = "/Observation/ob",
           .body = CODED("ob", "lab")); /* into its part */
    T_ONLY(403, .token = t, .path = "/Observation");
    T_ONLY(200, .token = t, .path = "/Patient/b"); /* no care relation is asked of it */
    T_ONLY(403, .token = t, .path = "/Patient");
    T_ONLY(403, .token = t, .path = "/Patient/b", .glass = "cardiac arrest in hall");
    T_ONLY(403, .token = t, .method = HTTP_POST, .path = "/Observation",
           .body = CODED("x", "lab"), .none_exist = "code=x"); /* a search */
    T_ONLY(403, .token = t, .method = HTTP_POST, .path = "/",
           .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                   "\"request\":{\"method\":\"DELETE\",\"url\":\"Observation/l\"}}]}");
    t_service("system/*.cruds", t);
    T_ONLY(403, .token = t, .path = "/AuditEvent");
    T_ONLY(200, .token = t, .path = "/Observation");
    t_store("Consent", "c", DENY(",\"purpose\":[{\"code\":\"HRESCH\"}]"));
    T_ONLY(404, .token = t, .path = "/Patient/a"); /* opposed to research */
    t_store("RiskAssessment", "r", RISK("preliminary"));
    T_ONLY(404, .token = t, .path = "/RiskAssessment/r");
}

static void only_scopes_that_rows_can_answer_are_read(void **state)
{
    static const char *const good[] = {
        "system/*.rs", "system/Patient.cruds", "system/Patient.read system/*.*",
        "system/Observation.rs?category=urn:c|lab",
        "system/Observation.r?category=lab,vital&status=final"};
    static const char *const bad[] = {"",
                                      "user/Patient.rs",
                                      "system/Patient",
                                      "system/Patient.",
                                      "system/Patient.sr",
                                      "system/Patient.rrs",
                                      "system/Pation.rs",
                                      "system/*.rs?category=lab",
                                      "system/Observation.rs?categry=lab",
                                      "system/Observation.rs?date=ge2020",
                                      "system/Observation.rs?patient.name=x",
                                      "system/Observation.rs?"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(good); i++)
        if (door_scope_check(str_c(good[i])))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (door_scope_check(str_c(bad[i])) != AM_E_SYNTAX)
            fail_msg("%s", bad[i]);
}

static void the_record_is_read_by_who_may(void **state)
{
    struct t_reply r;
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    T_ONLY(200, T_GET(T_NURSE, "/Patient/b"), .glass = "cardiac arrest in hall");
    T_ONLY(403, T_GET(T_NURSE, "/AuditEvent"));
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "patient=b");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 1);
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/agent/0/purposeOfUse/0/text")),
                     "cardiac arrest in hall");
    assert_true(json_str_is(t_at(&r, "/entry/0/resource/agent/0/who/identifier/value"),
                            t_pseudonym[T_NURSE]));
    t_done(&r);
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "patient=b&date=lt2026-01-01");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 0);
    t_done(&r);
    T_ONLY(400, T_GET(T_DPO, "/AuditEvent"), .query = "patiant=b");
    assert_true(
        recorded("\"type\":\"AuditEvent\"", "patient=b", t_pseudonym[T_DPO], NULL) >= 1);
}

/* ---- the table itself ---- */
static void each_type_of_a_group_is_one_and_in_one_group(void **state)
{
    static const char *const lists[] = {
#define X(group, types) types,
        DOOR_TYPES(X)
#undef X
    };
    struct map seen;
    (void)state;
    map_init(&seen);
    for (size_t i = 0; i < AM_LEN(lists); i++)
        for (struct str left = str_c(lists[i]); left.n;) {
            struct str one = str_cut(left, ' ', &left);
            if (!fhir_search_type(one) || map_has(&seen, one))
                fail_msg("%.*s", STR_FMT(one));
            assert_ok(map_set(&seen, one, 1));
        }
    map_release(&seen);
}

static void nobody_deletes_patients_data_and_it_staff_reads_none(void **state)
{
    enum door_reach reach;
    (void)state;
    for (int role = LEDGER_VENDOR; role <= LEDGER_SYSTEM; role++)
        for (size_t i = 0; i < fhir_search_types(); i++) {
            struct str type = fhir_search_type_at(i);
            unsigned v = door_granted((enum ledger_role)role, type, &reach);
            if (!fhir_compartment_has(STR("Patient"), type))
                continue;
            assert_int_equal(v & DOOR_D, 0);
            if (role == LEDGER_DSI || role == LEDGER_DIRECTOR || role == LEDGER_VENDOR)
                if (!str_eqc(type, "Group"))
                    assert_int_equal(v, 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_gets_in_without_login),
        T(a_role_does_what_its_row_grants_and_nothing_else),
        T(who_enters_by_pages_sends_no_provenance),
        T(a_secretary_sees_nothing_clinical),
        T(a_batch_opens_no_other_door),
        T(patients_without_a_care_relation_are_not_there),
        T(rows_of_a_view_are_of_what_one_sees),
        T(a_deleted_one_s_past_is_not_shown_either),
        T(care_ends_with_the_stay),
        T(a_care_team_names_its_members),
        T(the_glass_is_broken_for_a_reason_and_loudly),
        T(every_access_is_recorded),
        T(without_its_record_nothing_is_told),
        T(who_opposes_is_hidden_everywhere),
        T(addresses_of_ours_name_our_patients),
        T(what_a_model_said_is_seen_by_who_validates),
        T(what_a_model_said_is_kept_with_its_provenance),
        T(each_verb_of_a_scope_is_its_own),
        T(the_record_is_read_by_who_may),
    };
    const struct CMUnitTest tables[] = {
        TEST(only_scopes_that_rows_can_answer_are_read),
        TEST(each_type_of_a_group_is_one_and_in_one_group),
        TEST(nobody_deletes_patients_data_and_it_staff_reads_none),
    };
    int bad = cmocka_run_group_tests_name("tables", tables, NULL, NULL);
    return bad + t_run_both(tests, AM_LEN(tests));
}
