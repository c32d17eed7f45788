/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while something is done at the registry: it is done and said, or
 * neither; what is asked again is then done once. */
#include "api/api_oom_test_support.h"

static struct t t;
static struct api *a;
static char desk2[AUTH_TOKEN], vendor[AUTH_TOKEN];
static int64_t member, waiting;
static uint8_t file[32];
static char path[160];

static int64_t account(const char *login, enum ledger_role role, const char *function)
{
    struct auth_account spec = {.role = role, .org_id = "DEMOAI"};
    int64_t id = 0;
    snprintf(spec.login, sizeof spec.login, "%s", login);
    snprintf(spec.function, sizeof spec.function, "%s", function);
    assert_ok(auth_account_create(registry_auth(t.r), &spec, STR("a long password"), &id,
                                  NULL));
    return id;
}

static int setup(void **state)
{
    struct auth *auth;
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    auth = registry_auth(t.r);
    assert_ok(auth_token_create(auth, account("desk2", LEDGER_MSPS, "registry_desk"),
                                time_now(), 0, desk2));
    assert_ok(auth_token_create(auth, account("vendor", LEDGER_VENDOR, ""), time_now(), 0,
                                vendor));
    account("nurse", LEDGER_NURSE, "");
    member = account("member", LEDGER_HAS, "commissioner");
    assert_ok(api_new_registry(&a, t.r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    t_end(&t);
    return 0;
}

/* ---- how often it was done ----------------------------------------------------------
 */
struct counting {
    const char *sql;
    int64_t n;
};

static int count_rows(struct db_conn *c, void *arg)
{
    struct counting *x = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, x->sql, &s);
    if (!err)
        err = db_step(s, &row);
    x->n = !err && row ? db_int(s, 0) : -1;
    return err;
}

static uint64_t rows(const char *sql)
{
    struct counting x = {.sql = sql};
    assert_ok(db_read(auth_db(registry_auth(t.r)), count_rows, &x));
    return (uint64_t)x.n;
}

#define ROWS(name, sql)                                                                  \
    static uint64_t name(void)                                                           \
    {                                                                                    \
        return rows(sql);                                                                \
    }
ROWS(sessions, "SELECT count(*) FROM session")
ROWS(accounts, "SELECT count(*) FROM account")
ROWS(tokens, "SELECT count(*) FROM token")
ROWS(persons, "SELECT count(*) FROM person")
ROWS(organisations, "SELECT count(*) FROM organisation")
ROWS(asked, "SELECT count(*) FROM ask WHERE until_at>asked_at")
ROWS(confirmed, "SELECT count(*) FROM ask WHERE confirmed_at>0")

static uint64_t listed(const char *list, const char *token)
{
    struct reply r = t_ask(a, &(struct ask){.path = list, .token = token});
    uint64_t n = json_size(t_at(&r, "/items"));
    assert_int_equal(r.status, 200);
    t_done(&r);
    return n;
}

static uint64_t drafts(void)
{
    return listed("/api/v1/drafts", vendor);
}

static uint64_t proposals(void)
{
    return listed("/api/v1/proposals", vendor);
}

static uint64_t logged(void)
{
    struct registry_stats s;
    registry_stats(t.r, &s);
    return s.size;
}

static uint64_t stops(void)
{
    return listed("/api/v1/stops", NULL);
}

static uint64_t files(void)
{
    static uint64_t n;
    static uint8_t last[32];
    if (memcmp(last, file, 32) != 0 && blob_has(registry_blobs(t.r), file)) {
        memcpy(last, file, 32);
        n++;
    }
    return n;
}

/* ---- what is asked ------------------------------------------------------------------
 */
static void make_session(struct ask *q, struct buf *b, unsigned k)
{
    (void)k;
    q->path = "/api/v1/sessions";
    t_addf(b, "{\"login\":\"vendor\",\"password\":\"a long password\"}");
}

static void make_account(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/accounts";
    q->token = t.admin_token;
    t_addf(b,
           "{\"login\":\"n%u\",\"password\":\"a long password\",\"role\":\"nurse\","
           "\"org_id\":\"X\"}",
           k);
}

static void make_token(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/tokens";
    q->token = t.admin_token;
    t_addf(b, "{\"name\":\"t%u\",\"rights\":[\"propose\"]}", k);
}

static void make_person(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/persons";
    q->token = t.admin_token;
    t_addf(b, "{\"name\":\"A%u\",\"org_id\":\"X\"}", k);
}

static void make_organisation(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/organisations";
    q->token = t.admin_token;
    t_addf(b, "{\"org_id\":\"ORG%u\",\"kind\":\"ministry\",\"name\":{\"fr\":\"O\"}}", k);
}

static void make_ask(struct ask *q, struct buf *b, unsigned k)
{
    char login[32];
    snprintf(login, sizeof login, "has%u", k);
    int64_t id = account(login, LEDGER_HAS, "commissioner");
    q->token = t.admin_token;
    if (k % 2) {
        q->path = "/api/v1/tokens";
        t_addf(b, "{\"account\":%lld}", (long long)id);
        return;
    }
    snprintf(path, sizeof path, "/api/v1/accounts/%lld/reset", (long long)id);
    q->path = path;
}

static void make_confirmation(struct ask *q, struct buf *b, unsigned k)
{
    char text[64];
    struct reply r;
    (void)b;
    if (k % 2)
        snprintf(text, sizeof text, "{\"account\":%lld}", (long long)member);
    else
        snprintf(text, sizeof text, "{}");
    snprintf(path, sizeof path, "/api/v1/accounts/%lld/reset", (long long)member);
    r = t_post(a, k % 2 ? "/api/v1/tokens" : path, t.admin_token, text);
    assert_int_equal(r.status, 202);
    waiting = json_int(t_at(&r, "/ask"), 0);
    t_done(&r);
    snprintf(path, sizeof path, "/api/v1/account-asks/%lld", (long long)waiting);
    q->path = path;
    q->token = desk2;
}

static void make_draft(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/drafts";
    q->token = vendor;
    t_addf(b, "{\"kind\":\"algorithm\",\"record\":{\"a\":%u}}", k);
}

static void make_proposal(struct ask *q, struct buf *b, unsigned k)
{
    q->path = "/api/v1/proposals";
    q->token = vendor;
    (void)k;
    assert_ok(registry_algorithm_id(t.r, STR("DEMOAI"), t.algorithm_id));
    t_addf(b, "{\"kind\":\"algorithm\",\"record\":");
    t_algorithm_record(&t, b);
    t_addf(b, "}");
}

static void make_upload(struct ask *q, struct buf *b, unsigned k)
{
    char hex[CRYPTO_HEX];
    t_addf(b, "a document, number %u", k);
    crypto_sha256(buf_str(b), file);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", crypto_hex(file, 32, hex));
    q->method = HTTP_PUT;
    q->path = path;
    q->token = vendor;
}

static void make_stop(struct ask *q, struct buf *b, unsigned k)
{
    struct buf record;
    buf_init(&record, 8192);
    t_addf(&record, "{");
    t_head(&record, T_HAS1);
    t_addf(&record,
           ",\"type\":\"stop\",\"scope\":\"national\",\"model_digest\":\"%s\","
           "\"effect_at\":\"2026-01-01T%02u:%02u:00Z\"}",
           t.model_hex, k / 60 % 24, k % 60);
    t_envelope(&t, LEDGER_EVENT, T_HAS1, buf_str(&record), b);
    buf_release(&record);
    q->path = "/api/v1/events";
}

static void run(struct gesture g)
{
    g.api = a;
    every_step(&g);
}

static void a_login_is_a_session_or_none(void **state)
{
    (void)state; /* a hash each: few steps here, every one in auth_session_test.c */
    run((struct gesture){"session", NULL, make_session, sessions, 201, 5, 0});
}

static void an_account_is_opened_once(void **state)
{
    (void)state;
    run((struct gesture){"account", NULL, make_account, accounts, 201, 5, 0});
}

static void a_token_is_made_and_shown_or_not_made(void **state)
{
    (void)state;
    run((struct gesture){"token", NULL, make_token, tokens, 201, 0, 0});
}

static void persons_and_organisations_are_written_once(void **state)
{
    (void)state;
    run((struct gesture){"person", NULL, make_person, persons, 201, 0, 0});
    run((struct gesture){"organisation", NULL, make_organisation, organisations, 204, 0,
                         0});
}

static void what_two_administrators_do_is_done_once_and_shown(void **state)
{
    (void)state; /* an account each: a hash */
    run((struct gesture){"ask", NULL, make_ask, asked, 202, 5, 0});
    run((struct gesture){"confirmation", NULL, make_confirmation, confirmed, 201, 0, 0});
}

static void drafts_proposals_and_files_are_kept_once(void **state)
{
    (void)state;
    run((struct gesture){"draft", NULL, make_draft, drafts, 201, 0, 0});
    run((struct gesture){"proposal", NULL, make_proposal, proposals, 201, 1, 0});
    run((struct gesture){"file", NULL, make_upload, files, 201, 0, 0});
}

static void a_stop_is_logged_once(void **state)
{
    (void)state;
    run((struct gesture){"stop", NULL, make_stop, logged, 201, 1, 0});
    assert_true(stops() > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_is_a_session_or_none),
        cmocka_unit_test(an_account_is_opened_once),
        cmocka_unit_test(a_token_is_made_and_shown_or_not_made),
        cmocka_unit_test(persons_and_organisations_are_written_once),
        cmocka_unit_test(what_two_administrators_do_is_done_once_and_shown),
        cmocka_unit_test(drafts_proposals_and_files_are_kept_once),
        cmocka_unit_test(a_stop_is_logged_once),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
