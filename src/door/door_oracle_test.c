/* SPDX-License-Identifier: Apache-2.0 */
/* Random searches over real Synthea patients, asked of the whole interface behind the
 * door by four callers: what is found, its order and its total are those of an oracle
 * that has no index and no door, and judges each resource by its text: lists of types
 * written out here, patients by scanning for references, care and oppositions by how the
 * world was made. */
#include "door/door_test.h"
#include "eds/eds_naive_ask_test.h"

struct w_resource {
    struct json_doc *doc;
    struct str text, type, id;
};
static VEC(struct w_resource) w_all; /* by rid */
static char w_cared[EDS_ID_MAX + 1], w_other[EDS_ID_MAX + 1];

/* ---- callers ---- */
static const char w_nurse[] =
    "Patient RelatedPerson Encounter EpisodeOfCare CareTeam Flag List Appointment "
    "AppointmentResponse Schedule Slot Condition Procedure AllergyIntolerance "
    "FamilyMemberHistory ClinicalImpression DetectedIssue AdverseEvent Immunization "
    "CarePlan Goal Composition DocumentReference QuestionnaireResponse Observation "
    "DiagnosticReport Specimen ImagingStudy Media ServiceRequest NutritionOrder "
    "DeviceRequest Task Communication CommunicationRequest MedicationRequest "
    "MedicationStatement MedicationDispense MedicationAdministration RiskAssessment "
    "GuidanceResponse Practitioner PractitionerRole Organization Location "
    "HealthcareService Device DeviceDefinition Medication Substance Questionnaire "
    "Endpoint Group";
static const char w_dim[] =
    "Patient RelatedPerson Encounter EpisodeOfCare CareTeam Flag List Condition "
    "Procedure AllergyIntolerance FamilyMemberHistory ClinicalImpression DetectedIssue "
    "AdverseEvent Immunization CarePlan Goal Composition DocumentReference "
    "QuestionnaireResponse Observation DiagnosticReport Specimen ImagingStudy Media "
    "MedicationRequest MedicationStatement MedicationDispense MedicationAdministration "
    "Practitioner PractitionerRole Organization Location HealthcareService Device "
    "DeviceDefinition Medication Substance Questionnaire Endpoint Group";
struct w_caller {
    const char *name, *types; /* NULL: all */
    bool care;                /* sees the patient in care, and nobody else */
    const char *hidden[3];    /* patients who oppose him; "": none */
    bool laboratory;          /* of Observations those alone */
    char token[AUTH_TOKEN + AUTH_CLIENT_TOKEN];
};
static struct w_caller w_caller[4];

static bool w_listed(const char *list, struct str type)
{
    struct str left = str_c(list);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), type))
            return true;
    return false;
}

static bool w_laboratory(const struct json *r)
{
    for (json_each(c, json_get(r, "category")))
        for (json_each(it, json_get(c.val, "coding")))
            if (json_str_is(json_get(it.val, "code"), "laboratory"))
                return true;
    return false;
}

static bool w_hides(const struct w_caller *c, struct str id)
{
    for (size_t i = 0; i < AM_LEN(c->hidden); i++)
        if (c->hidden[i] && str_eqc(id, c->hidden[i]))
            return true;
    return false;
}

/* Each patient named, by scanning the text. */
static bool w_sees(const struct w_caller *c, const struct w_resource *r)
{
    static const char *const before[] = {"\"reference\":\"Patient/",
                                         "\"reference\":\"http://test/fhir/Patient/"};
    bool named = str_eqc(r->type, "Patient"), good = true;
    if (c->types && !w_listed(c->types, r->type))
        return false;
    if (c->laboratory && str_eqc(r->type, "Observation") &&
        !w_laboratory(json_root(r->doc)))
        return false;
    if (named)
        good =
            c->care ? str_eqc(r->id, w_cared) || str_eqc(r->id, "a") : !w_hides(c, r->id);
    for (size_t k = 0; k < AM_LEN(before); k++)
        for (const char *p = r->text.p; (p = strstr(p, before[k]));) {
            struct str rest, id;
            p += strlen(before[k]);
            id = str_cut((struct str){p, strcspn(p, "\"")}, '/', &rest);
            named = true;
            if (c->care ? !str_eqc(id, w_cared) && !str_eqc(id, "a") : w_hides(c, id))
                good = false;
        }
    /* Who keeps oppositions has to see them: a Consent is not hidden by one. */
    good = good || (str_eqc(r->type, "Consent") && !c->care);
    return good && (named || !c->care || !fhir_compartment_has(STR("Patient"), r->type));
}

/* ---- the world ---- */
static void w_bundle(const char *name, char patient[EDS_ID_MAX + 1])
{
    struct buf text, resolved;
    struct json_doc *raw, *doc;
    char path[256];
    snprintf(path, sizeof path, "fhir-synthea-r4/bundles/%s.json.gz", name);
    test_unpack(test_path(path), &text);
    assert_ok(json_parse(&raw, buf_str(&text), NULL, NULL));
    buf_init(&resolved, 64 << 20);
    oracle_resolve(buf_str(&text), json_root(raw), &resolved);
    assert_ok(json_parse(&doc, buf_str(&resolved), NULL, NULL));
    for (json_each(it, json_get(json_root(doc), "entry"))) {
        const struct json *r = json_get(it.val, "resource");
        struct eds_group *g = NULL;
        if (json_str_is(json_get(r, "resourceType"), "Patient"))
            snprintf(patient, EDS_ID_MAX + 1, "%.*s", STR_FMT(json_get_str(r, "id")));
        assert_ok(eds_group_new(&g, t_eds));
        assert_ok(eds_put(g,
                          &(struct eds_ask){.verb = EDS_CREATE,
                                            .type = json_get_str(r, "resourceType"),
                                            .id = json_get_str(r, "id"),
                                            .keep = true,
                                            .body = r},
                          NULL));
        assert_ok(eds_write(g));
        eds_group_free(g);
    }
    json_free(doc);
    json_free(raw);
    buf_release(&text);
    buf_release(&resolved);
}

static int w_meet(void *arg, const struct eds_meta *m, struct str body)
{
    struct w_resource r = {.text = {str_dup(body), body.n}};
    (void)arg;
    (void)m;
    assert_non_null(r.text.p);
    assert_ok(json_parse(&r.doc, r.text, NULL, NULL));
    r.type = json_get_str(json_root(r.doc), "resourceType");
    r.id = json_get_str(json_root(r.doc), "id");
    return vec_push(&w_all, r);
}

static int w_meet_all(struct eds_view *v, void *arg)
{
    return eds_each(v, STR_NULL, 0, w_meet, arg);
}

/* rule: policyRule and provision, as the law is read by people. */
static void w_consent(const char *id, const char *patient, const char *scope,
                      const char *rule)
{
    char text[900];
    snprintf(
        text, sizeof text,
        "\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":\"%s\"}]},"
        "\"category\":[{\"text\":\"x\"}],\"patient\":{\"reference\":\"Patient/%s\"},%s",
        scope, patient, rule);
    t_store("Consent", id, text);
}

#define OPTIN  "\"policyRule\":{\"coding\":[{\"code\":\"OPTIN\"}]}"
#define OPTOUT "\"policyRule\":{\"coding\":[{\"code\":\"OPTOUT\"}]}"
/* The nurse, in care of w_cared, may see him: he opts out of research. w_other opposes
 * whoever analyses, by a provision within one; b opposes the service by its name. What a
 * and w_other want at the end of their life hides nothing. */
static void w_consents(void)
{
    w_consent("treat", w_other, "patient-privacy",
              OPTIN
              ",\"provision\":{\"type\":\"permit\",\"provision\":[{\"type\":\"deny\","
              "\"purpose\":[{\"code\":\"TREAT\"}]}]}");
    w_consent("research", w_cared, "research", OPTOUT);
    w_consent("actor", "b", "patient-privacy",
              OPTIN
              ",\"provision\":{\"type\":\"deny\",\"actor\":[{\"role\":{\"text\":\"x\"},"
              "\"reference\":{\"reference\":\"Device/lab-1\"}}]}");
    w_consent("end", "a", "adr",
              "\"policyRule\":{\"text\":\"x\"},\"provision\":{\"type\":\"deny\"}");
    w_consent("end2", w_other, "adr", OPTOUT);
}

static void w_callers(void)
{
    char part[AUTH_CLIENT_TOKEN], all[AUTH_CLIENT_TOKEN];
    t_service("system/*.cruds", all); /* its purpose: HRESCH */
    assert_ok(auth_client_token(
        t_auth, STR("lab-1"),
        STR("system/Observation.rs?category=laboratory system/Encounter.rs"), time_now(),
        part));
    w_caller[0] = (struct w_caller){"nurse", w_nurse, true, {""}, false, ""};
    w_caller[1] = (struct w_caller){"dim", w_dim, false, {w_other, w_cared}, false, ""};
    w_caller[2] = (struct w_caller){"service", NULL, false, {w_cared, "b"}, false, ""};
    w_caller[3] = (struct w_caller){
        "part", "Observation Encounter", false, {w_cared, "b"}, true, ""};
    snprintf(w_caller[0].token, sizeof w_caller[0].token, "%s", t_token[T_NURSE]);
    snprintf(w_caller[1].token, sizeof w_caller[1].token, "%s", t_token[T_DIM]);
    snprintf(w_caller[2].token, sizeof w_caller[2].token, "%s", all);
    snprintf(w_caller[3].token, sizeof w_caller[3].token, "%s", part);
}

static int w_open(void **state)
{
    char stay[400];
    if (t_setup(state))
        return -1;
    if (!test_shared())
        return 0;
    asked_open();
    w_bundle("43f7ec4b-8cb9-4869-bc49-01b7c80ab49f", w_cared);
    w_bundle("e4531916-b162-4f4b-90c2-ce37e132b8d4", w_other);
    snprintf(stay, sizeof stay,
             "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},\"subject\":{"
             "\"reference\":\"Patient/%s\"},\"serviceProvider\":{\"reference\":"
             "\"Organization/cardio\"}",
             w_cared);
    t_store("Encounter", "stay", stay);
    /* The oracle resolves relative references only. */
    t_store("Observation", "ob",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/b\"}");
    w_consents();
    w_callers();
    return eds_view(t_eds, w_meet_all, NULL);
}

static int w_close(void **state)
{
    for (size_t i = 0; i < w_all.n; i++) {
        json_free(w_all.v[i].doc);
        free((char *)(uintptr_t)w_all.v[i].text.p);
    }
    vec_release(&w_all);
    asked_close();
    return t_teardown(state);
}

/* ---- asking ---- */
struct w_ids {
    VEC(size_t) at; /* in w_all */
    int64_t total;
};

static size_t w_find(struct str type, struct str id)
{
    for (size_t i = 0; i < w_all.n; i++)
        if (str_eq(w_all.v[i].type, type) && str_eq(w_all.v[i].id, id))
            return i;
    return SIZE_MAX;
}

/* All pages; a status other than 200 is returned. */
static int w_ask(const struct w_caller *c, struct str type, const char *query,
                 struct w_ids *out)
{
    char path[80], next[8192];
    int status = 200;
    snprintf(path, sizeof path, "/%.*s", STR_FMT(type));
    snprintf(next, sizeof next, "%s", query);
    while (*next && status == 200) {
        struct t_reply r =
            t_send(&(struct t_asked){.token = c->token, .path = path, .query = next});
        struct str url = STR_NULL, rest;
        status = r.status;
        out->total = json_int(t_at(&r, "/total"), -1);
        for (json_each(it, status == 200 ? t_at(&r, "/entry") : NULL))
            assert_ok(vec_push(
                &out->at,
                w_find(json_get_str(json_get(it.val, "resource"), "resourceType"),
                       json_get_str(json_get(it.val, "resource"), "id"))));
        for (json_each(it, t_at(&r, "/link")))
            if (json_str_is(json_get(it.val, "relation"), "next"))
                url = json_get_str(it.val, "url");
        (void)str_cut(url, '?', &rest);
        snprintf(next, sizeof next, "%.*s", STR_FMT(rest));
        t_done(&r);
    }
    return status;
}

struct w_seeing {
    const struct w_caller *c;
};

static bool w_sees_at(void *arg, size_t i)
{
    return w_sees(((const struct w_seeing *)arg)->c, &w_all.v[i]);
}

/* Does a type stand in a chain or _has that the caller has no right to? */
static bool w_beyond(const struct w_caller *c, const char *name)
{
    struct str left = str_c(name), one;
    bool far = strchr(name, '.') || !strncmp(name, "_has:", 5), typed = false;
    if (!c->types || !far)
        return false;
    while (left.n) {
        size_t end = AM_MIN(str_find(left, ':'), str_find(left, '.'));
        one = str_sub(left, 0, end);
        left = str_sub(left, AM_MIN(end + 1, left.n), left.n);
        if (fhir_search_type(one) && !w_listed(c->types, one))
            return true;
        typed = typed || fhir_search_type(one);
    }
    return !typed; /* a chain to any type */
}

static void w_encode(struct buf *b, const struct said *q)
{
    assert_ok(buf_addf(b, "%s%s=", b->n ? "&" : "", q->name));
    for (size_t i = 0; i < q->value.n; i++)
        assert_ok(buf_addf(b, "%%%02X", (unsigned char)q->value.p[i]));
}

/* All pages are there: judged by the naive reader, and by who asks. */
static void w_judge(const struct naive *w, const struct w_caller *c, const char *text,
                    struct str type, struct str sort, bool down, bool *want[2],
                    const struct w_ids *found, size_t *hidden, size_t *told)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool is = want[0][i] && want[1][i] && str_eq(w_all.v[i].type, type);
        want[0][i] = is && w_sees(c, &w_all.v[i]);
        n += want[0][i];
        *hidden += is && !want[0][i];
    }
    for (size_t k = 0; k < found->at.n; k++) {
        size_t i = found->at.v[k], last = k ? found->at.v[k - 1] : 0;
        if (i >= w->n || !want[0][i])
            fail_msg("%s: %.*s?%s: what is found is not wanted, or not his", c->name,
                     STR_FMT(type), text);
        if (k && (sort.n ? naive_order(w, last, i, sort, down) >= 0 : last <= i))
            fail_msg("%s: %.*s?%s: in another order", c->name, STR_FMT(type), text);
    }
    if (found->at.n != n || found->total != (int64_t)n)
        fail_msg("%s: %.*s?%s: %zu found, total %lld, %zu expected", c->name,
                 STR_FMT(type), text, found->at.n, (long long)found->total, n);
    *told += n;
}

static void w_one(struct arena *a, size_t turn, size_t hidden[4], size_t told[4])
{
    static const struct json *resource[4096];
    static int64_t at[4096];
    const struct w_caller *c = &w_caller[turn % AM_LEN(w_caller)];
    struct w_seeing seeing = {c};
    struct naive w = {.resource = resource,
                      .at = at,
                      .n = w_all.n,
                      .now = time_now(),
                      .sees = w_sees_at,
                      .arg = &seeing,
                      .a = a};
    bool *want[2] = {arena_alloc(a, w.n, 1), arena_alloc(a, w.n, 1)};
    bool down = pick(2), two = pick(2);
    struct said q[2] = {{.name = ""}, {.name = ""}};
    struct w_ids found = {.total = -1};
    struct str type, sort = STR_NULL;
    struct buf text;
    size_t i, j;
    int64_t unused;
    assert_true(w.n < AM_LEN(resource));
    for (i = 0; i < w.n; i++) {
        resource[i] = json_root(w_all.v[i].doc);
        assert_ok(fhir_date_interval(
            json_get_str(json_get(resource[i], "meta"), "lastUpdated"), &at[i], &unused));
    }
    buf_init(&text, 1 << 16);
    for (int k = 0; k < 2; k++)
        buf_init(&q[k].value, 1 << 12);
    do {
        buf_clear(&q[0].value);
        i = pick(w.n);
    } while (!say(&w, &i, &q[0], 0));
    type = w_all.v[i].type;
    j = i;
    two = two && say(&w, &j, &q[1], 0) && str_eq(w_all.v[j].type, type);
    naive_set(&w, type, str_c(q[0].name), buf_str(&q[0].value), want[0]);
    memset(want[1], 1, w.n);
    w_encode(&text, &q[0]);
    if (two) {
        naive_set(&w, type, str_c(q[1].name), buf_str(&q[1].value), want[1]);
        w_encode(&text, &q[1]);
    }
    if (!pick(3) && say_sort(type, &sort))
        assert_ok(buf_addf(&text, "&_sort=%s%.*s", down ? "-" : "", STR_FMT(sort)));
    else
        sort = STR_NULL;
    assert_ok(buf_addf(&text, "&_count=%zu", 10 + pick(200)));
    if (w_ask(c, type, text.p, &found) == 200)
        w_judge(&w, c, text.p, type, sort, down, want, &found,
                &hidden[turn % AM_LEN(w_caller)], &told[turn % AM_LEN(w_caller)]);
    else if ((!c->types || w_listed(c->types, type)) && !w_beyond(c, q[0].name) &&
             !(two && w_beyond(c, q[1].name)))
        fail_msg("%s: %.*s?%s: refused", c->name, STR_FMT(type), text.p);
    vec_release(&found.at);
    buf_release(&text);
    buf_release(&q[0].value);
    buf_release(&q[1].value);
}

static void who_asks_finds_what_the_oracle_lets_him(void **state)
{
    const char *many = getenv("EDS_ORACLE_QUERIES"); /* make soak asks for 100,000 */
    size_t hidden[4] = {0}, told[4] = {0};
    int64_t n = 120;
    struct arena a;
    (void)state;
    (void)test_path("");
    if (many)
        assert_ok(str_int(str_c(many), 1, 100000000, &n));
    seed = 20261127; /* on both stores the same */
    for (int64_t i = 0; i < n; i++) {
        arena_init(&a, 512 << 20);
        w_one(&a, (size_t)i, hidden, told);
        arena_release(&a);
        if (i % 1000 == 999)
            w_callers(); /* tokens of services live five minutes */
    }
    for (size_t i = 0; i < 4; i++) /* both sides of the judgement were asked */
        if (!hidden[i] || !told[i])
            fail_msg("%s: %zu hidden, %zu told", w_caller[i].name, hidden[i], told[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_finds_what_the_oracle_lets_him, w_open,
                                        w_close),
    };
    return t_run_both(tests, AM_LEN(tests));
}
