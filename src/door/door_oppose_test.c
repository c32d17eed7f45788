/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of Consent, and whom each keeps out: who cares for the patient, who analyses, a
 * service of research. And whose a resource is that names no patient itself. */
#include "door/door_test.h"

static char o_service[AUTH_CLIENT_TOKEN];

static void o_consent(const char *patient, const char *text)
{
    char body[1500];
    snprintf(body, sizeof body,
             "\"status\":\"active\",\"category\":[{\"text\":\"x\"}],\"patient\":{"
             "\"reference\":\"Patient/%s\"},%s",
             patient, text);
    t_store("Consent", patient, body);
}

static int o_status(const char *token, const char *path)
{
    struct t_reply r = t_send(&(struct t_asked){.token = token, .path = path});
    int status = r.status;
    t_done(&r);
    return status;
}

static void o_open(void)
{
    t_service("system/*.cruds", o_service); /* lab-1, of research */
}

#define SCOPE(code)        "\"scope\":{\"coding\":[{\"code\":\"" code "\"}]},"
#define RULE(code)         "\"policyRule\":{\"coding\":[{\"code\":\"" code "\"}]}"
#define PRIVACY            SCOPE("patient-privacy")
#define P(type, more)      ",\"provision\":{\"type\":\"" type "\"" more "}"
#define FOR(code)          ",\"purpose\":[{\"code\":\"" code "\"}]"
#define IN_WORDS           ",\"purpose\":[{\"display\":\"x\"}]"
#define WITHIN(type, more) ",\"provision\":[{\"type\":\"" type "\"" more "}]"
#define ACTOR(reference)                                                                 \
    ",\"actor\":[{\"role\":{\"text\":\"x\"},\"reference\":{" reference "}}]"
#define REF(to) "\"reference\":\"" to "\""

/* Who cares, who analyses, the service: let in? */
static const struct {
    const char *consent;
    bool cares, analyses, service;
    bool unclear;
} o_form[] = {
    {PRIVACY RULE("OPTOUT"), false, false, false, false},
    {PRIVACY RULE("OPTIN"), true, true, true, false},
    {PRIVACY RULE("hipaa-auth"), true, false, false, true},
    {PRIVACY RULE("OPTIN") ",\"provision\":{\"securityLabel\":[{\"code\":\"R\"}]}", true,
     false, false, true},
    {SCOPE("adr") RULE("x") P("deny", ""), true, true, true, false},
    {SCOPE("adr") RULE("OPTOUT"), true, true, true, false},
    {SCOPE("treatment") RULE("x") P("deny", ""), true, true, true, false},
    {SCOPE("research") RULE("x") P("deny", ""), true, false, false, false},
    {SCOPE("something") RULE("x") P("deny", ""), false, false, false, false},
    {PRIVACY RULE("x") P("deny", FOR("HRESCH")), true, false, false, false},
    {PRIVACY RULE("x") P("deny", FOR("CLINTRCH")), true, false, false, false},
    {PRIVACY RULE("x") P("deny", FOR("HMARKT")), true, false, true, false},
    {PRIVACY RULE("x") P("deny", FOR("TREAT")), false, false, true, false},
    {PRIVACY RULE("x") P("deny", FOR("of-ours")), true, false, false, true},
    {PRIVACY RULE("OPTIN") P("permit", WITHIN("deny", FOR("HRESCH"))), true, false, false,
     false},
    {PRIVACY RULE("OPTIN") P("permit", WITHIN("permit", WITHIN("deny", ""))), false,
     false, false, false},
    {PRIVACY RULE("OPTIN") P("permit", FOR("HMARKT") WITHIN("deny", "")), true, false,
     true, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("TREAT")), true, false, false, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("TREAT") ",\"class\":[{\"code\":\"x\"}]"),
     false, false, false, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("ETREAT")), false, false, false, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("BTG")), false, false, false, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("CLINTRCH")), false, false, false, false},
    {PRIVACY RULE("OPTOUT") P("permit", FOR("HRESCH")), false, false, true, false},
    {PRIVACY RULE("OPTOUT") P("deny", FOR("ETREAT") WITHIN("permit", "")), false, false,
     false, false},
    {PRIVACY RULE("OPTIN") P("permit", FOR("ETREAT") WITHIN("deny", "")), false, false,
     true, false},
    {PRIVACY RULE("x") P("deny", FOR("ETREAT")), false, false, true, false},
    {PRIVACY RULE("OPTOUT") P("permit", IN_WORDS), false, false, false, false},
    {PRIVACY RULE("x") P("deny", IN_WORDS), true, false, false, true},
    {PRIVACY RULE("x") P("deny", WITHIN("permit", FOR("HRESCH"))), false, false, true,
     false},
    {PRIVACY RULE("x") P("deny", ",\"class\":[{\"code\":\"Condition\"}]"), false, false,
     false, false},
    {PRIVACY RULE("x") P("deny", ",\"period\":{\"end\":\"2020\"}"), true, true, true,
     false},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Device/lab-1"))), true, true, false, false},
    {PRIVACY RULE("x") P("deny", ACTOR("\"identifier\":{\"value\":\"lab-1\"}")), true,
     false, false, true},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Device/lab-2"))), true, true, true, false},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Practitioner/p9"))), true, true, true, false},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Organization/cardio"))), false, true, false,
     true},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("http://older/fhir/Organization/cardio"))),
     false, true, false, true},
    /* the house, by its code: everybody of it */
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Organization/ma-chu-1"))), false, false,
     false, true},
    {PRIVACY RULE("OPTOUT") P("permit", ACTOR(REF("Organization/ma-chu-1"))), true, true,
     false, false},
    {PRIVACY RULE("x") P("deny", ACTOR(REF("Group/g"))), true, false, false, true},
};

static bool o_told(void)
{
    bool told = false;
    for (size_t i = 0; i < DOOR_UNCLEARS; i++) {
        told = told || t_door->unclear[i];
        t_door->unclear[i] = 0;
    }
    return told;
}

static void each_form_keeps_out_whom_it_opposes(void **state)
{
    (void)state;
    o_open();
    for (size_t i = 0; i < AM_LEN(o_form); i++) {
        o_consent("a", o_form[i].consent);
        if ((o_status(t_token[T_PHYSICIAN], "/Observation/oa") == 200) !=
                o_form[i].cares ||
            (o_status(t_token[T_DIM], "/Observation/oa") == 200) != o_form[i].analyses ||
            (o_status(o_service, "/Observation/oa") == 200) != o_form[i].service)
            fail_msg("%zu: %s: %d %d %d", i, o_form[i].consent,
                     o_status(t_token[T_PHYSICIAN], "/Observation/oa"),
                     o_status(t_token[T_DIM], "/Observation/oa"),
                     o_status(o_service, "/Observation/oa"));
        if (o_told() != o_form[i].unclear)
            fail_msg("%zu: %s: the operator", i, o_form[i].consent);
    }
    /* Not understood: a secretary is not in care; a broken glass shows it. */
    assert_int_equal(o_status(t_token[T_SECRETARY], "/Patient/a"), 404);
    T_ONLY(200, T_GET(T_DPO, "/Consent/a")); /* who keeps them sees them */
}

/* However many there are, a look writes no line for ever. */
static void the_operator_is_not_told_without_end(void **state)
{
    size_t others = 0;
    (void)state;
    o_consent("a", PRIVACY RULE("hipaa-auth"));
    for (size_t i = 0; i < DOOR_UNCLEARS; i++)
        t_door->unclear[i] = -1; /* of others */
    for (int i = 0; i < 2; i++) {
        T_ONLY(200, T_GET(T_PHYSICIAN, "/Observation/oa"));
        assert_true(t_door->unclear_at > 0); /* told all the same, now and then */
    }
    for (size_t i = 0; i < DOOR_UNCLEARS; i++)
        others += t_door->unclear[i] == -1;
    assert_int_equal(others, DOOR_UNCLEARS); /* who was told of stays told of */
    assert_true(o_told());
}

/* By its purpose alone; one that has none, as it could once be put, is of no top kind. */
static enum door_says o_says(const char *purpose, const char *consent)
{
    struct door_caller c = {.door = t_door, .service = true};
    struct json_doc *doc = NULL;
    enum door_says says;
    char text[1500];
    snprintf(c.client.purpose, sizeof c.client.purpose, "%s", purpose);
    snprintf(text, sizeof text, "{\"status\":\"active\",%s}", consent);
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    says = door_consent_says(&c, json_root(doc));
    json_free(doc);
    return says;
}

static void a_service_is_of_its_purpose(void **state)
{
    (void)state;
    assert_int_equal(o_says("CLINTRCH", RULE("OPTOUT") P("permit", FOR("HRESCH"))),
                     DOOR_SAYS_NOTHING);
    assert_int_equal(o_says("CLINTRCH", RULE("OPTOUT") P("permit", FOR("BIORCH"))),
                     DOOR_SAYS_NO);
    assert_int_equal(o_says("", RULE("OPTOUT") P("permit", FOR("TREAT"))), DOOR_SAYS_NO);
    assert_int_equal(o_says("", RULE("OPTOUT") P("permit", IN_WORDS)), DOOR_SAYS_NO);
    assert_int_equal(o_says("", RULE("x") P("deny", FOR("TREAT"))), DOOR_SAYS_UNCLEAR);
}

/* ---- whose it is ---- */
#define SEEN "\"status\":\"final\",\"code\":{\"text\":\"x\"}"

static void o_sees(const char *path, bool cares, bool analyses, bool service)
{
    int now[3] = {o_status(t_token[T_PHYSICIAN], path), o_status(t_token[T_DIM], path),
                  o_status(o_service, path)};
    if ((now[0] == 200) != cares || (now[1] == 200) != analyses ||
        (now[2] == 200) != service)
        fail_msg("%s: %d %d %d", path, now[0], now[1], now[2]);
}

static void what_names_no_patient_is_whose_others_say(void **state)
{
    (void)state;
    o_open();
    t_store("Observation", "va", SEEN ",\"encounter\":{" REF("Encounter/ea") "}");
    t_store("Observation", "vb",
            SEEN ",\"encounter\":{" REF("http://older/fhir/Encounter/eb") "}");
    t_store("Observation", "m",
            SEEN ",\"hasMember\":[{" REF("Observation/vb") "}]"); /* twice removed */
    t_store("Observation", "lost", SEEN ",\"encounter\":{" REF("Encounter/none") "}");
    t_store("Observation", "ring", SEEN ",\"hasMember\":[{" REF("Observation/gnir") "}]");
    t_store("Observation", "gnir", SEEN ",\"hasMember\":[{" REF("Observation/ring") "}]");
    o_sees("/Observation/va", true, true, true);
    o_sees("/Observation/vb", false, true, true);
    o_sees("/Observation/m", false, true, true);
    o_sees("/Observation/lost", false, true, true);
    t_store("Observation", "lostb", /* of whom, in part, cannot be found out */
            SEEN ",\"encounter\":{" REF("Encounter/none") "},\"hasMember\":[{" REF(
                "Observation/vb") "}]");
    o_sees("/Observation/lostb", false, true, true);
    o_sees("/Observation/ring", false, true, true);
    o_consent("b", PRIVACY RULE("OPTOUT"));
    o_sees("/Observation/va", true, true, true);
    o_sees("/Observation/vb", false, false, false);
    o_sees("/Observation/m", false, false, false);
    o_sees("/Observation/lostb", false, false, false);
    assert_int_equal(t_total(t_token[T_DIM], "/Observation", ""),
                     5); /* oa va lost ring gnir */
    /* Nothing is written to him either, by such a way. */
    T_ONLY(403, .token = o_service, .method = HTTP_POST, .path = "/Observation",
           .body = "{\"resourceType\":\"Observation\"," SEEN
                   ",\"encounter\":{" REF("Encounter/eb") "}}");
    T_ONLY(201, .token = o_service, .method = HTTP_POST, .path = "/Observation",
           .body = "{\"resourceType\":\"Observation\"," SEEN
                   ",\"encounter\":{" REF("Encounter/ea") "}}");
    /* A visit that was deleted was his all the same. */
    T_ONLY(204, .token = o_service, .method = HTTP_DELETE, .path = "/Encounter/ea");
    o_consent("a", PRIVACY RULE("OPTOUT"));
    o_sees("/Observation/va", false, false, false);
}

static void a_binary_is_of_whom_its_documents_are(void **state)
{
    static const char doc[] = "\"status\":\"current\",\"subject\":{\"reference\":"
                              "\"Patient/%s\"},\"content\":[{\"attachment\":{\"url\":"
                              "\"%sBinary/%s\"}}]";
    char text[400];
    (void)state;
    o_open();
    t_store(
        "Binary", "ca",
        "\"contentType\":\"text/plain\",\"securityContext\":{" REF("Encounter/ea") "}");
    t_store(
        "Binary", "cb",
        "\"contentType\":\"text/plain\",\"securityContext\":{" REF("Encounter/eb") "}");
    t_store("Binary", "x", "\"contentType\":\"text/plain\"");
    o_sees("/Binary/ca", true, false, true); /* DIM reads no files */
    o_sees("/Binary/cb", false, false, true);
    o_sees("/Binary/x", false, false, true);
    snprintf(text, sizeof text, doc, "a", "", "x");
    t_store("DocumentReference", "da", text);
    o_sees("/Binary/x", true, false, true);
    snprintf(text, sizeof text, doc, "b", "http://test/fhir/", "x");
    t_store("DocumentReference", "db", text); /* and b's: nobody's own makes it his */
    o_sees("/Binary/x", false, false, true);
    o_consent("b", PRIVACY RULE("OPTOUT"));
    o_sees("/Binary/ca", true, false, true);
    o_sees("/Binary/cb", false, false, false);
    o_sees("/Binary/x", false, false, false);
}

/* A house, words, or a document of nobody say of no patient that it is his. */
static void a_binary_of_no_known_patient_is_not_everybodys(void **state)
{
    static const char *const context[] = {
        REF("Organization/cardio"), "\"display\":\"Cardiology\"",
        "\"identifier\":{\"value\":\"x\"}", REF("Organization/none"), REF("Device/none")};
    (void)state;
    o_open();
    for (size_t i = 0; i < AM_LEN(context); i++) {
        char text[300], id[8], path[20];
        snprintf(id, sizeof id, "n%zu", i);
        snprintf(path, sizeof path, "/Binary/%s", id);
        snprintf(text, sizeof text,
                 "\"contentType\":\"text/plain\",\"securityContext\":{%s}", context[i]);
        t_store("Binary", id, text);
        o_sees(path, false, false, true);
    }
    t_store("DocumentReference", "dn",
            "\"status\":\"current\",\"content\":[{\"attachment\":{\"url\":"
            "\"Binary/n0\"}}]");
    o_sees("/Binary/n0", false, false, true);
    t_store("DocumentReference", "dn",
            "\"status\":\"current\",\"subject\":{" REF(
                "Patient/b") "},\"content\":[{"
                             "\"attachment\":{\"url\":\"Binary/n0\"}}]");
    o_consent("b", PRIVACY RULE("OPTOUT"));
    o_sees("/Binary/n0", false, false, false);
}

/* Named only by a report, it is of who reaches all; who does not cannot make it his. */
static void nobody_comes_to_a_binary_by_a_document_of_his_own(void **state)
{
    static const char *const url[] = {"Binary/r", "http://test/fhir/Binary/r",
                                      "http://older/fhir/Binary/r/_history/1",
                                      "Binary/r/_history/1"};
    static const char doc[] =
        "{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"subject\":"
        "{" REF("Patient/a") "},\"content\":[{\"attachment\":{\"url\":\"%s\"}}]}";
    char text[400];
    (void)state;
    o_open();
    t_store("Binary", "r", "\"contentType\":\"text/plain\"");
    t_store("DiagnosticReport", "rb",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{" REF(
                "Patient/b") "},\"presentedForm\":[{\"url\":\"Binary/r\"}]");
    t_store("Binary", "mine",
            "\"contentType\":\"text/plain\",\"securityContext\":{" REF("Patient/a") "}");
    for (size_t i = 0; i < AM_LEN(url); i++) {
        snprintf(text, sizeof text, doc, url[i]);
        T_ONLY(403, T_POST(T_PHYSICIAN, "/DocumentReference"), .body = text);
    }
    o_sees("/Binary/r", false, false, true);
    snprintf(text, sizeof text, doc, "Binary/mine");
    T_ONLY(201, T_POST(T_PHYSICIAN, "/DocumentReference"), .body = text);
    snprintf(text, sizeof text, doc, "Binary/none");
    T_ONLY(201, T_POST(T_PHYSICIAN, "/DocumentReference"), .body = text);
    snprintf(text, sizeof text, doc, "Binary/r");
    T_ONLY(201, .token = o_service, .method = HTTP_POST, .path = "/DocumentReference",
           .body = text); /* of who reaches all */
}

static void a_provenance_hides_what_its_target_says(void **state)
{
    (void)state;
    t_store("Observation", "ai",
            "\"meta\":{\"security\":[{\"code\":\"AIAST\"}]},\"status\":\"preliminary\","
            "\"code\":{\"text\":\"x\"},\"subject\":{" REF("Patient/a") "}");
    t_store("Provenance", "p",
            "\"meta\":{\"security\":[{\"code\":\"AIAST\"}]},\"target\":[{" REF(
                "Observation/ai") "}],\"recorded\":"
                                  "\"2026-11-01T00:00:00Z\",\"agent\":[{"
                                  "\"who\":{\"display\":\"m\"}}]");
    t_service("system/*.rs", o_service);
    assert_int_equal(o_status(o_service, "/Provenance/p"), 404);
    assert_int_equal(o_status(t_token[T_PHYSICIAN], "/Provenance/p"), 200);
}

/* ---- the record ---- */
static void all_whom_a_resource_names_are_recorded(void **state)
{
    (void)state;
    t_store("Patient", "c", "");
    t_store(
        "List", "l",
        "\"status\":\"current\",\"mode\":\"working\",\"entry\":[{\"item\":{" REF(
            "Patient/a") "}},{\"item\":{" REF("Patient/b") "}},{\"item\":{" REF("Patient/"
                                                                                "c") "}}"
                                                                                     "]");
    T_ONLY(200, T_GET(T_DIM, "/List/l"));
    assert_int_equal(t_total(t_token[T_DPO], "/AuditEvent", "patient=a"), 1);
    assert_int_equal(t_total(t_token[T_DPO], "/AuditEvent", "patient=c"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_form_keeps_out_whom_it_opposes),
        T(the_operator_is_not_told_without_end),
        T(a_service_is_of_its_purpose),
        T(what_names_no_patient_is_whose_others_say),
        T(a_binary_is_of_whom_its_documents_are),
        T(a_binary_of_no_known_patient_is_not_everybodys),
        T(nobody_comes_to_a_binary_by_a_document_of_his_own),
        T(a_provenance_hides_what_its_target_says),
        T(all_whom_a_resource_names_are_recorded),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    fhir_valid_free(t_valid);
    return bad;
}
