/* SPDX-License-Identifier: Apache-2.0 */
/* What models say is written by rule: case by case, and by random sequences of what a
 * service, a physician, a nurse and a technician may try. */
#include "door/door_test.h"

#define OF_A  "\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/a\"}"
#define LABEL "\"meta\":{\"security\":[{\"code\":\"AIAST\"}]},"
#define HUMAN ""
#define SELF  "urn:uuid:7c4e1c1e-5b0a-4b9a-9d2e-0a0a0a0a0a0a"
#define BY_MODEL                                                                         \
    "{\"type\":{\"coding\":[{\"code\":\"author\"}]},\"who\":{\"reference\":"             \
    "\"Device/model\"}}"

/* An Observation m<n>; id NULL: none. */
static const char *m_body(char out[500], const char *id, const char *label,
                          const char *status)
{
    char own[80] = "";
    if (id)
        snprintf(own, sizeof own, "\"id\":\"%s\",", id);
    snprintf(out, 500,
             "{\"resourceType\":\"Observation\",%s%s\"status\":\"%s\"," OF_A "}", own,
             label, status);
    return out;
}

static const char *m_verifier(char out[300], const char *pseudonym)
{
    snprintf(out, 300,
             "{\"type\":{\"coding\":[{\"code\":\"verifier\"}]},\"who\":{\"reference\":"
             "\"Practitioner/%s\"}}",
             pseudonym);
    return out;
}

/* A transaction (or batch) of a write and a Provenance; request: of the latter. */
struct m_tx {
    const char *type, *method, *url, *body, *target, *agent, *request;
};
static const char *m_tx(char out[3000], const struct m_tx *x)
{
    snprintf(
        out, 3000,
        "{\"resourceType\":\"Bundle\",\"type\":\"%s\",\"entry\":[{\"fullUrl\":"
        "\"" SELF "\",\"resource\":%s,\"request\":{\"method\":\"%s\",\"url\":\"%s\"}"
        "},{\"resource\":{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":"
        "\"%s\"}],\"recorded\":\"2026-11-01T00:00:00Z\",\"agent\":[%s]},"
        "\"request\":{%s}}]}",
        x->type ? x->type : "transaction", x->body, x->method, x->url, x->target,
        x->agent, x->request ? x->request : "\"method\":\"POST\",\"url\":\"Provenance\"");
    return out;
}

static int m_send(const char *token, const struct m_tx *x)
{
    char text[3000];
    struct t_reply r = t_send(&(struct t_asked){
        .token = token, .method = HTTP_POST, .path = "/", .body = m_tx(text, x)});
    int status = r.status;
    t_done(&r);
    return status;
}

#define M_ALL "system/*.cruds system/$import"

static void a_service_writes_what_is_preliminary_with_its_model(void **state)
{
    static const char *const other[] = {"final", "amended", "corrected", "registered",
                                        "entered-in-error"};
    char t[AUTH_CLIENT_TOKEN], body[500], agent[900], verifier[300];
    struct m_tx x = {.method = "POST",
                     .url = "Observation",
                     .body = body,
                     .target = SELF,
                     .agent = BY_MODEL};
    (void)state;
    t_service(M_ALL, t);
    m_body(body, NULL, LABEL, "preliminary");
    T_ONLY(422, .token = t, .method = HTTP_POST, .path = "/Observation", .body = body);
    assert_int_equal(m_send(t, &x), 200);
    for (size_t i = 0; i < AM_LEN(other); i++) {
        m_body(body, NULL, LABEL, other[i]);
        assert_int_equal(m_send(t, &x), 403);
    }
    m_body(body, NULL, LABEL, "preliminary");
    x.target = "Observation/oa"; /* of something else */
    assert_int_equal(m_send(t, &x), 422);
    x.target = SELF;
    x.agent = "{\"who\":{\"reference\":\"Device/model\"}}"; /* not said what it did */
    assert_int_equal(m_send(t, &x), 422);
    x.agent =
        "{\"type\":{\"coding\":[{\"code\":\"author\"}]},\"who\":{\"display\":\"m\"}}";
    assert_int_equal(m_send(t, &x), 422);
    snprintf(agent, sizeof agent, "%s,%s", BY_MODEL,
             m_verifier(verifier, t_pseudonym[T_PHYSICIAN])); /* in his name */
    x.agent = agent;
    assert_int_equal(m_send(t, &x), 403);
    x.agent = BY_MODEL;
    x.request = "\"method\":\"POST\",\"url\":\"Provenance\",\"ifNoneExist\":\"_id=x\"";
    assert_int_equal(m_send(t, &x), 422); /* might not be written */
    x.request = NULL;
    /* What is there is not a service's to change, whatever it becomes. */
    x.method = "PUT";
    x.url = "Observation/s";
    m_body(body, "s", LABEL, "preliminary");
    assert_int_equal(m_send(t, &x), 200);
    assert_int_equal(m_send(t, &x), 403);
    T_ONLY(403, .token = t, .method = HTTP_PUT, .path = "/Observation/s",
           .body = m_body(body, "s", HUMAN, "final"));
    T_ONLY(403, .token = t, .method = HTTP_DELETE, .path = "/Observation/s");
    T_ONLY(404, .token = t, .path = "/Observation/s"); /* nor to read */
    /* A label put on what people said. */
    T_ONLY(403, .token = t, .method = HTTP_PUT, .path = "/Observation/oa",
           .body = m_body(body, "oa", LABEL, "preliminary"));
    /* Nothing of it by $import: no Provenance is sure to be there with it. */
    for (int i = 0; i < 2; i++) {
        struct t_reply r =
            T_WANT(200, .token = t, .method = HTTP_POST, .path = "/$import",
                   .type = "application/fhir+ndjson",
                   .body = m_body(body, "i", LABEL, i ? "final" : "preliminary"));
        assert_int_equal(json_int(t_at(&r, "/parameter/2/valueInteger"), -1), 1);
        t_done(&r);
    }
}

static void who_validates_says_so_by_himself(void **state)
{
    char body[500], agent[900], verifier[300], text[800];
    struct m_tx x = {.method = "PUT",
                     .url = "Observation/m",
                     .body = body,
                     .target = "Observation/m",
                     .agent = BY_MODEL};
    const char *const me = t_token[T_PHYSICIAN];
    (void)state;
    m_body(body, "m", LABEL, "preliminary");
    assert_int_equal(m_send(me, &x), 200);
    m_body(body, "m", LABEL, "final");
    T_ONLY(422, T_PUT(T_PHYSICIAN, "/Observation/m"), .body = body);
    assert_int_equal(m_send(me, &x), 422); /* nobody verified it */
    snprintf(agent, sizeof agent, "%s,%s", BY_MODEL,
             m_verifier(verifier, t_pseudonym[T_NURSE]));
    x.agent = agent;
    assert_int_equal(m_send(me, &x), 403); /* somebody else did */
    snprintf(agent, sizeof agent, "%s", m_verifier(verifier, t_pseudonym[T_PHYSICIAN]));
    assert_int_equal(m_send(me, &x), 422); /* and of which model? */
    snprintf(agent, sizeof agent, "%s,%s", BY_MODEL, verifier);
    x.target = "Observation/m/_history/1"; /* of what was before */
    assert_int_equal(m_send(me, &x), 422);
    x.type = "batch";
    x.target = "Observation/m";
    assert_int_equal(m_send(me, &x), 200); /* the batch, not its entries */
    assert_int_equal(recorded("\"id\":\"m\"", "\"status\":422", NULL, NULL) > 0, 1);
    x.type = NULL;
    assert_int_equal(m_send(t_token[T_NURSE], &x), 403);
    /* Label and status, by every other way. */
    T_ONLY(422, T_POST(T_PHYSICIAN, "/Observation/m/$meta-delete"),
           .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"meta\","
                   "\"valueMeta\":{\"security\":[{\"code\":\"AIAST\"}]}}]}");
    T_ONLY(422, .token = me, .method = HTTP_PATCH, .path = "/Observation/m",
           .type = "application/json-patch+json",
           .body = "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"final\"}]");
    T_ONLY(422, .token = me, .method = HTTP_PATCH, .path = "/Observation/m",
           .type = "application/json-patch+json",
           .body = "[{\"op\":\"remove\",\"path\":\"/meta/security\"}]");
    T_ONLY(422, T_PUT(T_PHYSICIAN, "/Observation"), .query = "_id=m", .body = body);
    T_ONLY(404, T_GET(T_NURSE, "/Observation/m"));
    x.target = "Observation/m/_history/2";
    assert_int_equal(m_send(me, &x), 200);
    T_ONLY(200, T_GET(T_NURSE, "/Observation/m"));
    /* It keeps what it is: the next word is a clinician's too. */
    m_body(body, "m", HUMAN, "final");
    T_ONLY(422, T_PUT(T_PHYSICIAN, "/Observation/m"), .body = body);
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/m"), .body = body);
    x.target = SELF;
    assert_int_equal(m_send(me, &x), 200);
    T_ONLY(200, T_PUT(T_NURSE, "/Observation/m"), .body = body); /* his, by now */
    /* A verifier of what a model said is named by himself, also later. */
    t_store("Observation", "n", LABEL "\"status\":\"preliminary\"," OF_A);
    snprintf(
        text, sizeof text,
        "{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":"
        "\"http://older/fhir/Observation/n\"}],\"recorded\":\"2026-11-01T00:00:00Z\","
        "\"agent\":[%s]}",
        verifier);
    T_ONLY(403, T_POST(T_DPO, "/Provenance"), .body = text);
    T_ONLY(201, T_POST(T_PHYSICIAN, "/Provenance"), .body = text);
}

static void a_deletion_takes_no_label_away(void **state)
{
    char t[AUTH_CLIENT_TOKEN], body[500];
    (void)state;
    t_store("Observation", "m", LABEL "\"status\":\"final\"," OF_A);
    t_service(M_ALL, t);
    T_ONLY(204, .token = t, .method = HTTP_DELETE, .path = "/Observation/m");
    T_ONLY(403, .token = t, .method = HTTP_PUT, .path = "/Observation/m",
           .body = m_body(body, "m", HUMAN, "final"));
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/m"), .body = body);
    T_ONLY(422, T_PUT(T_PHYSICIAN, "/Observation/m"), .body = body);
}

/* ---- random sequences ---- */
static uint32_t m_seed = 7;
static size_t m_pick(size_t n)
{
    m_seed = m_seed * 1664525u + 1013904223u;
    return (m_seed >> 8) % n;
}

struct m_kept {
    int64_t at;
    char *text;
};
static VEC(struct m_kept) m_provenance;
static size_t m_opened, m_settled, m_dropped;

static int m_keep(void *arg, const struct eds_meta *m, struct str body)
{
    (void)arg;
    return vec_push(&m_provenance, ((struct m_kept){m->at, str_dup(body)}));
}

/* Is there one of that very write that names the resource and holds all these? */
static bool m_has(int64_t at, const char *id, const char *a, const char *b)
{
    char target[120];
    snprintf(target, sizeof target, "Observation/%s", id);
    for (size_t i = 0; i < m_provenance.n; i++) {
        const struct m_kept *p = &m_provenance.v[i];
        if (p->at == at && strstr(p->text, target) && strstr(p->text, a) &&
            strstr(p->text, b))
            return true;
    }
    return false;
}

/* Each version of it: judged by its text, the one before, and what was written with it.
 */
static int m_judge(void *arg, const struct eds_meta *now, struct str unused)
{
    bool model = false;
    (void)arg;
    (void)unused;
    for (int64_t ver = 1; ver <= now->ver; ver++) {
        struct eds_meta m;
        struct buf text;
        bool is, settled;
        buf_init(&text, 1 << 20);
        assert_ok(eds_read(t_eds, STR("Observation"), str_c(now->id), ver, &text, &m));
        if (text.n) {
            is = strstr(text.p, "AIAST") != NULL;
            settled = strstr(text.p, "\"final\"") || strstr(text.p, "\"amended\"");
            if (is && !settled && !m_has(m.at, now->id, "agent", "recorded"))
                fail_msg("Observation/%s, %lld: without Provenance", now->id,
                         (long long)ver);
            if (((is && settled) || (!is && model)) &&
                !(m_has(m.at, now->id, "verifier", t_pseudonym[T_PHYSICIAN]) &&
                  m_has(m.at, now->id, "verifier", "Device/model")))
                fail_msg("Observation/%s, %lld: no clinician verified it: %s", now->id,
                         (long long)ver, text.p);
            m_opened += is && !settled;
            m_settled += is && settled;
            m_dropped += !is && model;
            model = is;
        }
        buf_release(&text);
    }
    return AM_OK;
}

static int m_provenances(struct eds_view *v, void *arg)
{
    return eds_each(v, STR("Provenance"), 0, m_keep, arg);
}

struct m_id {
    char id[EDS_ID_MAX + 1];
    int64_t ver;
};
static VEC(struct m_id) m_ids;
static int m_id(void *arg, const struct eds_meta *m, struct str body)
{
    struct m_id x = {.ver = m->ver};
    (void)arg;
    (void)body;
    snprintf(x.id, sizeof x.id, "%s", m->id);
    return vec_push(&m_ids, x);
}

static int m_observations(struct eds_view *v, void *arg)
{
    return eds_each(v, STR("Observation"), 0, m_id, arg);
}

/* One interaction, any of those that write. */
static void m_step(const char *token)
{
    static const char *const status[] = {"preliminary", "final", "amended",
                                         "entered-in-error"};
    static const char *const way[] = {"transaction", "transaction", "transaction",
                                      "transaction", "batch"};
    static const char *const request[] = {
        NULL,
        NULL,
        NULL,
        NULL,
        "\"method\":\"GET\",\"url\":\"Provenance\"",
        "\"method\":\"POST\",\"url\":\"Provenance\",\"ifNoneExist\":\"_lastUpdated="
        "gt2000\"",
        "\"method\":\"PUT\",\"url\":\"Provenance?_lastUpdated=gt3000\""};
    char id[20], body[500], url[60], path[80], me[300], agent[900], target[80];
    struct m_tx x = {.type = way[m_pick(AM_LEN(way))],
                     .url = url,
                     .body = body,
                     .target = target,
                     .agent = agent,
                     .request = request[m_pick(AM_LEN(request))]};
    struct t_asked k = {.token = token, .method = HTTP_PUT, .path = path, .body = body};
    struct t_reply r;
    char text[3000];
    size_t how = m_pick(12);
    snprintf(id, sizeof id, "m%zu", m_pick(3));
    m_body(body, id, m_pick(3) ? LABEL : HUMAN, status[m_pick(2) ? 0 : m_pick(4)]);
    snprintf(path, sizeof path, "/Observation/%s", id);
    m_verifier(me, t_pseudonym[m_pick(5) ? T_PHYSICIAN : T_NURSE]);
    snprintf(agent, sizeof agent, "%s%s%s",
             m_pick(4) ? BY_MODEL : "{\"who\":{\"display\":\"m\"}}", m_pick(4) ? "," : "",
             "");
    if (agent[strlen(agent) - 1] == ',')
        snprintf(agent + strlen(agent), sizeof agent - strlen(agent), "%s", me);
    snprintf(target, sizeof target, m_pick(4) ? "Observation/%s" : SELF "%.0s", id);
    if (how == 0)
        k.method = HTTP_DELETE, k.body = NULL;
    else if (how == 1) {
        k.method = HTTP_PATCH;
        k.type = "application/json-patch+json";
        k.body = m_pick(2) ? "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":"
                             "\"final\"}]"
                           : "[{\"op\":\"remove\",\"path\":\"/meta/security\"}]";
    } else if (how == 2 || how == 3) {
        k.method = HTTP_POST;
        snprintf(path, sizeof path, "/Observation/%s/$meta-%s", id,
                 how == 2 ? "add" : "delete");
        k.body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"meta\","
                 "\"valueMeta\":{\"security\":[{\"code\":\"AIAST\"}]}}]}";
    } else if (how == 4) {
        k.method = HTTP_POST;
        k.type = "application/fhir+ndjson";
        snprintf(path, sizeof path, "/$import");
    } else if (how == 5) {
        snprintf(path, sizeof path, "/Observation");
        snprintf(url, sizeof url, "_id=%s", id);
        k.query = url;
    } else if (how > 6) {
        x.method = m_pick(4) ? "PUT" : "POST";
        snprintf(url, sizeof url, x.method[1] == 'U' ? "Observation/%s" : "Observation",
                 id);
        k.method = HTTP_POST;
        k.body = m_tx(text, &x);
        snprintf(path, sizeof path, "/");
    }
    r = t_send(&k);
    if (r.status >= 500)
        fail_msg("%s: %d %s", k.body ? k.body : path, r.status, r.body.p);
    t_done(&r);
}

static void no_sequence_makes_a_model_s_word_final_without_a_clinician(void **state)
{
    char service[AUTH_CLIENT_TOKEN];
    const char *const who[] = {service, t_token[T_PHYSICIAN], t_token[T_PHYSICIAN],
                               t_token[T_NURSE]};
    (void)state;
    t_service(M_ALL, service);
    t_store("Device", "model", "");
    for (int i = 0; i < 450; i++)
        m_step(who[m_pick(AM_LEN(who))]);
    assert_ok(eds_view(t_eds, m_provenances, NULL));
    assert_ok(eds_view(t_eds, m_observations, NULL));
    for (size_t i = 0; i < m_ids.n; i++) {
        struct eds_meta m = {.ver = m_ids.v[i].ver};
        snprintf(m.id, sizeof m.id, "%s", m_ids.v[i].id);
        assert_ok(m_judge(NULL, &m, STR_NULL));
    }
    /* It happened, all of it. */
    if (!m_opened || !m_settled || !m_dropped)
        fail_msg("%zu open, %zu final, %zu without their label", m_opened, m_settled,
                 m_dropped);
    for (size_t i = 0; i < m_provenance.n; i++)
        free(m_provenance.v[i].text);
    vec_release(&m_provenance);
    vec_release(&m_ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_service_writes_what_is_preliminary_with_its_model),
        T(who_validates_says_so_by_himself),
        T(a_deletion_takes_no_label_away),
        T(no_sequence_makes_a_model_s_word_final_without_a_clinician),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    fhir_valid_free(t_valid);
    return bad;
}
