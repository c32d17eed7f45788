/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk export and import behind the door: who may, what is in it, what of it stays when a
 * login goes, and the record; a service that enters without HTTP. */
#include "door/door_test.h"

#define ASYNC .prefer = "respond-async"

/* "/$export-status/..." of an export asked. */
static const char *x_ask(const char *token, const char *path)
{
    static char at[300];
    struct t_reply r = T_WANT(202, .token = token, .path = path, ASYNC);
    assert_true(str_starts(str_c(r.content), str_c(t_base)));
    snprintf(at, sizeof at, "%s", r.content + strlen(t_base));
    t_done(&r);
    return at;
}

static struct t_reply x_wait(const char *token, const char *status)
{
    for (int i = 0; i < 4000; i++) {
        struct t_reply r = t_send(&(struct t_asked){.token = token, .path = status});
        if (r.status != 202)
            return r;
        t_done(&r);
        usleep(2000);
    }
    fail_msg("%s does not end", status);
    return (struct t_reply){0};
}

/* "Type:id id|..." as fetched. */
static const char *x_content(const char *token, const char *status)
{
    static char out[65536];
    struct t_reply r = x_wait(token, status);
    size_t n = 0;
    out[0] = 0;
    if (r.status != 200)
        fail_msg("%s: %d %.400s", status, r.status, r.body.p);
    for (json_each(it, t_at(&r, "/output"))) {
        struct str url = json_get_str(it.val, "url"), left, line;
        char path[300];
        struct t_reply f;
        snprintf(path, sizeof path, "%.*s", (int)(url.n - strlen(t_base)),
                 url.p + strlen(t_base));
        f = T_WANT(200, .token = token, .path = path);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s:", n ? "|" : "",
                              STR_FMT(json_get_str(it.val, "type")));
        for (left = buf_str(&f.body); left.n;) {
            struct json_doc *doc;
            line = str_cut(left, '\n', &left);
            assert_ok(json_parse(&doc, line, NULL, NULL));
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s",
                                  out[n - 1] == ':' ? "" : " ",
                                  STR_FMT(json_get_str(json_root(doc), "id")));
            json_free(doc);
        }
        t_done(&f);
    }
    t_done(&r);
    return out;
}

#define LINE(id, patient)                                                                \
    "{\"resourceType\":\"Observation\",\"id\":\"" id                                     \
    "\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"      \
    "\"Patient/" patient "\"}}\n"
#define IMPORT(who)                                                                      \
    .token = who, .method = HTTP_POST, .path = "/$import",                               \
    .type = "application/fhir+ndjson"

static int64_t x_counted(const struct t_reply *r, const char *name)
{
    for (json_each(it, t_at(r, "/parameter")))
        if (json_str_is(json_get(it.val, "name"), name))
            return json_int(json_get(it.val, "valueInteger"), -1);
    return -1;
}

static void x_many(const char *token, const char *type, int n)
{
    struct t_reply r;
    struct buf b;
    buf_init(&b, 8 << 20);
    for (int i = 0; i < n; i++)
        assert_ok(buf_addf(&b, "{\"resourceType\":\"%s\",\"id\":\"n%d\"}\n", type, i));
    r = T_WANT(200, IMPORT(token), .body = b.p);
    assert_int_equal(x_counted(&r, "created"), n);
    t_done(&r);
    buf_release(&b);
}

static void who_may_export_gets_what_he_may_see(void **state)
{
    const char *dim = t_token[T_DIM];
    char status[300], t[AUTH_CLIENT_TOKEN];
    (void)state;
    t_store("Claim", "c",
            "\"status\":\"active\",\"type\":{\"text\":\"x\"},\"use\":"
            "\"claim\",\"patient\":{\"reference\":\"Patient/a\"},"
            "\"created\":\"2026-01-01\",\"provider\":{\"reference\":"
            "\"Organization/cardio\"},\"priority\":{\"text\":\"x\"},"
            "\"insurance\":[{\"sequence\":1,\"focal\":true,\"coverage\":{"
            "\"display\":\"x\"}}]");
    T_ONLY(403, T_GET(T_NURSE, "/$export"), ASYNC);
    T_ONLY(403, T_GET(T_PHYSICIAN, "/Patient/$export"), ASYNC);
    T_ONLY(403, T_GET(T_DSI, "/$export"), ASYNC);
    snprintf(status, sizeof status, "%s", x_ask(dim, "/$export"));
    assert_string_equal(x_content(dim, status), "Patient:a b|Organization:cardio|"
                                                "Encounter:ea eb|Observation:oa ob");
    T_ONLY(403, T_GET(T_NURSE, status));
    T_ONLY(401, .path = status);
    t_service("system/*.cruds", t); /* may export too, but not have this one */
    T_ONLY(404, .token = t, .path = status);
    T_ONLY(404, .token = t, .method = HTTP_DELETE, .path = status);
    assert_string_equal(x_content(dim, x_ask(dim, "/Patient/$export")),
                        "Patient:a b|Encounter:ea eb|Observation:oa ob");
    t_store("Group", "g",
            "\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{\"reference\":"
            "\"Patient/a\"}}]");
    assert_string_equal(x_content(dim, x_ask(dim, "/Group/g/$export")),
                        "Patient:a|Encounter:ea|Observation:oa|Group:g");
    assert_true(
        recorded("\"do\":\"$export\"", t_pseudonym[T_DIM], "\"status\":202", NULL) == 3);
    /* fetched twice: of the system and of all patients */
    assert_int_equal(recorded("\"do\":\"$export-file\"", "\"patients\":[\"a\",\"b\"]",
                              "\"Observation/oa\",\"Observation/ob\"",
                              t_pseudonym[T_DIM]),
                     2);
}

static void oppositions_hold_for_exports_also_those_that_came_since(void **state)
{
    static const char deny[] =
        "\"status\":\"active\",\"scope\":{\"text\":\"x\"},\"category\":[{\"text\":"
        "\"x\"}],\"patient\":{\"reference\":\"Patient/a\"},\"policyRule\":{\"text\":"
        "\"x\"},\"provision\":{\"type\":\"deny\"}";
    const char *dim = t_token[T_DIM];
    char status[300];
    (void)state;
    snprintf(status, sizeof status, "%s", x_ask(dim, "/Patient/$export"));
    assert_string_equal(x_content(dim, status),
                        "Patient:a b|Encounter:ea eb|Observation:oa ob");
    t_store("Consent", "c", deny);
    assert_string_equal(x_content(dim, status), "Patient:b|Encounter:eb|Observation:ob");
    assert_string_equal(x_content(dim, x_ask(dim, "/Patient/$export")),
                        "Patient:b|Encounter:eb|Observation:ob");
}

static void an_account_that_is_closed_closes_its_exports(void **state)
{
    const char *dim = t_token[T_DIM];
    struct auth_account a;
    char status[300], other[AUTH_TOKEN], name[CRYPTO_HEX];
    struct t_reply r;
    (void)state;
    assert_ok(auth_token_check(t_auth, str_c(dim), time_now(), &a));
    assert_ok(auth_token_create(t_auth, a.id, time_now(), 0, other));
    snprintf(status, sizeof status, "%s", x_ask(dim, "/$export"));
    assert_true(strlen(x_content(other, status)) > 0); /* his, by another login of his */
    auth_login_name(str_c(dim), name);
    assert_ok(auth_token_revoke(t_auth, &a, (struct str){name, 16}, time_now()));
    T_ONLY(401, .token = dim, .path = status);
    r = T_WANT(401, .token = other, .path = status);
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.export_failed");
    t_done(&r);
}

/* Has the export failed by itself, before anybody asks? */
static bool x_failed(const char *status)
{
    const char *id = status + strlen("/$export-status/");
    char failed[PATH_MAX], whole[PATH_MAX];
    snprintf(failed, sizeof failed, "%s/export/%s/failed", t_dir, id);
    snprintf(whole, sizeof whole, "%s/export/%s/manifest", t_dir, id);
    for (int i = 0; i < 2000; i++) {
        if (access(failed, F_OK) == 0 || access(whole, F_OK) == 0)
            return access(failed, F_OK) == 0;
        usleep(2000);
    }
    return false;
}

/* A login that goes while the export runs: what was written of it goes too. */
static void a_token_revoked_midway_ends_the_export(void **state)
{
    char t[AUTH_CLIENT_TOKEN], again[AUTH_CLIENT_TOKEN], status[300];
    struct t_reply r;
    (void)state;
    t_service("system/*.cruds system/$import", t);
    x_many(t, "Location", 200);
    t_hold = true;
    snprintf(status, sizeof status, "%s", x_ask(t, "/$export"));
    while (!t_held)
        usleep(1000);
    assert_ok(auth_client_revoke(t_auth, str_c(t)));
    usleep(1100000); /* it is looked up every second */
    t_hold = false;
    assert_true(x_failed(status));
    assert_ok(
        auth_client_token(t_auth, STR("lab-1"), STR("system/*.rs"), time_now(), again));
    T_ONLY(401, .token = t, .path = status);
    r = x_wait(again, status);
    assert_int_equal(r.status, 401);
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.export_failed");
    t_done(&r);
}

static void a_service_exports_what_its_scopes_show(void **state)
{
    char t[AUTH_CLIENT_TOKEN], less[AUTH_CLIENT_TOKEN], status[300];
    (void)state;
    t_store("Observation", "l",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"category\":[{"
            "\"coding\":[{\"system\":\"urn:c\",\"code\":\"lab\"}]}]");
    t_service("system/Observation.r system/Patient.s", t); /* both, of one type */
    T_ONLY(403, .token = t, .path = "/$export", ASYNC);
    t_service("system/Observation.rs system/Patient.rs", t);
    snprintf(status, sizeof status, "%s", x_ask(t, "/$export"));
    assert_string_equal(x_content(t, status), "Patient:a b|Observation:oa ob l");
    assert_ok(auth_client_token(
        t_auth, STR("lab-1"), STR("system/Observation.rs?category=lab system/Patient.r"),
        time_now(), less));
    {
        struct t_reply r;
        char file[400];
        snprintf(file, sizeof file, "/$export-file/%s/Observation/1",
                 status + strlen("/$export-status/"));
        r = T_WANT(200, .token = less, .path = file);
        assert_non_null(strstr(r.body.p, "\"l\""));
        assert_null(strstr(r.body.p, "\"oa\""));
        t_done(&r);
        snprintf(file, sizeof file, "/$export-file/%s/Patient/1",
                 status + strlen("/$export-status/"));
        T_ONLY(403, .token = less, .path = file);
    }
    assert_string_equal(x_content(less, x_ask(less, "/$export")), "Observation:l");
    T_ONLY(403, .token = less, .path = "/Patient/$export", ASYNC);
    T_ONLY(202, .token = less, .method = HTTP_DELETE, .path = status); /* its own */
    T_ONLY(404, .token = t, .path = status);
}

/* ---- import ---- */
static void importing_wants_a_scope_of_its_own(void **state)
{
    char t[AUTH_CLIENT_TOKEN];
    struct t_reply r;
    (void)state;
    T_ONLY(403, IMPORT(t_token[T_DIM]), .body = LINE("i", "a"));
    T_ONLY(403, IMPORT(t_token[T_SECRETARY]), .body = LINE("i", "a"));
    t_service("system/*.cruds", t);
    T_ONLY(403, IMPORT(t), .body = LINE("i", "a"));
    assert_int_equal(t_total(t_token[T_DIM], "/Observation", ""), 2);
    t_service("system/Observation.c system/$import", t);
    r = T_WANT(200, IMPORT(t),
               .body = LINE("i", "a") LINE("j", "b")
                   LINE("oa", "a") "{\"resourceType\":\"Patient\",\"id\":\"z\"}\n");
    assert_int_equal(x_counted(&r, "created"), 2);
    assert_int_equal(x_counted(&r, "existed"), 1);
    assert_int_equal(x_counted(&r, "refused-lines"), 1); /* no scope for patients */
    t_done(&r);
    T_ONLY(403, .token = t, .path = "/Observation/i"); /* it reads nothing */
    T_ONLY(200, T_GET(T_DIM, "/Observation/i"));
    T_ONLY(404, T_GET(T_DIM, "/Patient/z"));
    assert_int_equal(
        recorded("\"do\":\"$import\"", "\"moment\":\"before\"", "lab-1", NULL), 1);
    assert_int_equal(recorded("\"do\":\"$import\"", "\"moment\":\"after\"",
                              "\"seen\":[\"Observation/i\",\"Observation/j\"]",
                              "\"patients\":[\"a\",\"b\",\"z\"]"),
                     1); /* of what was refused too */
}

static void a_record_of_many_names_them_all(void **state)
{
    enum { MANY = 4500 };
    char t[AUTH_CLIENT_TOKEN];
    (void)state;
    t_service("system/Patient.crs system/$import", t);
    x_many(t, "Patient", MANY);
    assert_int_equal(
        recorded("\"do\":\"$import\"", "\"Patient/n3999\"", "\"n3999\"", "\"more\":true"),
        1);
    assert_int_equal(
        recorded("\"do\":\"$import\"", "\"Patient/n4499\"", "\"n4499\"", NULL), 1);
    /* fetched: more than the door remembers of a request */
    assert_true(strlen(x_content(t, x_ask(t, "/$export"))) > 4000);
    for (int i = 0; i < MANY; i += 1499) {
        char id[16];
        snprintf(id, sizeof id, ",\"n%d\",", i + 1);
        assert_int_equal(recorded("\"do\":\"$export-file\"", "\"patients\":[", id, NULL),
                         1);
    }
}

/* ---- without HTTP ---- */
static int x_serve(void *who, enum rest_method m, const char *path, const char *body)
{
    struct rest_request q = {
        .method = m, .path = str_c(path), .body = str_c(body), .who = who};
    struct rest_answer a;
    int status;
    q.header[REST_H_CONTENT_TYPE] = STR("application/fhir+json");
    rest_answer_init(&a);
    rest_serve(t_rest, &q, &a);
    status = a.status;
    rest_answer_release(&a);
    return status;
}

static void a_feed_has_a_name_and_its_scopes(void **state)
{
    static const char deny[] =
        "\"status\":\"active\",\"scope\":{\"text\":\"x\"},\"category\":[{\"text\":"
        "\"x\"}],\"patient\":{\"reference\":\"Patient/a\"},\"policyRule\":{\"text\":"
        "\"x\"},\"provision\":{\"type\":\"deny\"}";
    char t[AUTH_CLIENT_TOKEN];
    void *who = NULL;
    (void)state;
    assert_int_equal(x_serve(NULL, REST_GET, "/Patient/a", NULL), 401);
    assert_int_equal(door_service(t_door, "lab-1", "127.0.0.1:7", &who),
                     AM_E_UNAUTHORIZED);
    t_service("system/Observation.cru", t);
    t_store("Consent", "c", deny); /* of being looked at: its results are kept */
    assert_ok(door_service(t_door, "lab-1", "127.0.0.1:7", &who));
    assert_int_equal(x_serve(who, REST_PUT, "/Observation/f", LINE("f", "a")), 201);
    assert_int_equal(x_serve(who, REST_GET, "/Patient/a", NULL), 403);
    assert_int_equal(x_serve(who, REST_GET, "/$export", NULL), 403);
    door_service_end(who);
    assert_int_equal(recorded("\"do\":\"update\"", "\"lab-1\"",
                              "\"peer\":\"127.0.0.1:7\"", "\"patients\":[\"a\"]"),
                     1);
    assert_ok(auth_client_close(t_auth, STR("lab-1"), time_now()));
    assert_int_equal(door_service(t_door, "lab-1", "127.0.0.1:7", &who),
                     AM_E_UNAUTHORIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_may_export_gets_what_he_may_see),
        T(oppositions_hold_for_exports_also_those_that_came_since),
        T(an_account_that_is_closed_closes_its_exports),
        T(a_token_revoked_midway_ends_the_export),
        T(a_service_exports_what_its_scopes_show),
        T(importing_wants_a_scope_of_its_own),
        T(a_feed_has_a_name_and_its_scopes),
        T(a_record_of_many_names_them_all), /* 15 s on PostgreSQL: of the record */
    };
    return t_run_some(tests, AM_LEN(tests), AM_LEN(tests) - 1);
}
