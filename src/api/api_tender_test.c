/* SPDX-License-Identifier: Apache-2.0 */
/* Tender checks over HTTP: all reasons in the reader's words, a certificate that holds by
 * itself, and the same bytes when asked again about the same size. */
#include <sys/wait.h>

#include "api/api_test_support.h"

static struct t t;
static struct api *a;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
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

static struct reply ask(const char *lang, const char *more)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"products\":[\"%s\",\"%s\"],\"use_code\":\"CARDIO-RISK\",\"opens_at\":"
             "\"2027-01-01\"%s}",
             t.model_hex, t.algorithm_id, more);
    return t_ask(a, &(struct ask){.method = HTTP_POST,
                                  .path = "/api/v1/tender-checks",
                                  .lang = lang,
                                  .body = str_c(body)});
}

/* The certificate as a text of its own. */
static void certificate(const struct reply *r, struct buf *out)
{
    buf_init(out, 1 << 22);
    assert_ok(json_canon(out, t_at(r, "/certificate")));
}

static void every_reason_is_said_in_the_language_of_the_reader(void **state)
{
    struct reply fr = ask("fr", ""), ar = ask("ar", "");
    (void)state;
    assert_int_equal(fr.status, 200);
    assert_int_equal(json_size(t_at(&fr, "/products")), 2);
    assert_false(json_bool(t_at(&fr, "/products/0/eligible"), true));
    assert_true(json_size(t_at(&fr, "/products/0/reasons")) > 8);
    for (json_each(it, t_at(&fr, "/products/0/reasons"))) {
        struct str m = json_get_str(it.val, "message");
        char where[80];
        if (m.n < 10 || str_find(m, '{') < m.n)
            fail_msg("%.*s: %.*s", STR_FMT(json_get_str(it.val, "code")), STR_FMT(m));
        snprintf(where, sizeof where, "/products/0/reasons/%zu/message", it.i);
        assert_false(str_eq(m, json_str(t_at(&ar, where))));
    }
    t_done(&ar);
    t_done(&fr);
}

static void the_certificate_holds_by_itself_and_no_altered_one_does(void **state)
{
    struct reply r = ask("fr", "");
    struct ledger_certificate c;
    struct buf text;
    size_t refused = 0, bytes = 0;
    uint8_t other[32];
    (void)state;
    certificate(&r, &text);
    assert_ok(ledger_certificate_open(buf_str(&text), t.genesis, &c, NULL));
    assert_int_equal((int64_t)c.tree_size, json_int(t_at(&r, "/tree_size"), 0));
    assert_int_equal(
        json_size(json_get(json_get(c.statement.record, "answer"), "products")), 2);
    ledger_certificate_release(&c);
    memcpy(other, t.genesis, 32);
    other[5] ^= 1;
    assert_int_equal(ledger_certificate_open(buf_str(&text), other, &c, NULL),
                     AM_E_INVALID);
    for (size_t i = 0; i < text.n; i += 41) {
        char was = text.p[i];
        text.p[i] = was == 'A' ? 'B' : was == '"' ? 'x' : 'A';
        bytes++;
        refused += ledger_certificate_open(buf_str(&text), t.genesis, &c, NULL) != AM_OK;
        if (bytes - refused) /* only what no one signed may vary: nothing */
            fail_msg("byte %zu of %zu: %c", i, text.n, was);
        text.p[i] = was;
    }
    buf_release(&text);
    t_done(&r);
}

static void an_answer_about_an_older_size_is_byte_equal(void **state)
{
    struct reply now = ask("fr", ""), later, again;
    struct buf a1, a2;
    char more[64], after[64];
    (void)state;
    buf_init(&a1, 1 << 20);
    buf_init(&a2, 1 << 20);
    snprintf(more, sizeof more, ",\"tree_size\":%lld",
             (long long)json_int(t_at(&now, "/tree_size"), 0));
    t_grant(&t, T_STRANGER); /* the log grows */
    later = ask("fr", "");
    assert_true(json_int(t_at(&later, "/tree_size"), 0) >
                json_int(t_at(&now, "/tree_size"), 0));
    again = ask("fr", more);
    assert_int_equal(again.status, 200);
    assert_ok(json_canon(&a1, t_at(&now, "/products")));
    assert_ok(json_canon(&a2, t_at(&again, "/products")));
    assert_true(str_eq(buf_str(&a1), buf_str(&a2)));
    assert_int_equal(json_int(t_at(&again, "/tree_size"), 0),
                     json_int(t_at(&now, "/tree_size"), 0));
    { /* its certificate stands on a later checkpoint, joined by a proof */
        struct ledger_certificate c;
        struct buf text;
        certificate(&again, &text);
        assert_ok(ledger_certificate_open(buf_str(&text), t.genesis, &c, NULL));
        assert_true(c.checkpoint.size > c.tree_size);
        ledger_certificate_release(&c);
        buf_release(&text);
    }
    snprintf(after, sizeof after, ",\"tree_size\":%lld",
             (long long)json_int(t_at(&now, "/tree_size"), 0) - 1);
    t_done(&again);
    again = ask("fr", after); /* older than what is kept: folded anew */
    assert_int_equal(again.status, 200);
    buf_release(&a2);
    buf_release(&a1);
    t_done(&again);
    t_done(&later);
    t_done(&now);
}

static void a_size_that_is_not_there_is_refused(void **state)
{
    static const char *const more[] = {",\"tree_size\":0", ",\"tree_size\":100000",
                                       ",\"tree_size\":9007199254740991",
                                       ",\"tree_size\":\"x\""};
    (void)state;
    for (size_t i = 0; i < AM_LEN(more); i++) {
        struct reply r = ask("fr", more[i]);
        assert_int_equal(r.status, 422);
        assert_true(json_str_is(t_at(&r, "/problems/0/code"), "tender.tree_size"));
        t_done(&r);
    }
}

static void a_bad_question_hears_all_its_problems(void **state)
{
    struct reply r = t_post(a, "/api/v1/tender-checks", NULL,
                            "{\"products\":[\"x\"],\"use_code\":\"\",\"opens_at\":\"\"}");
    (void)state;
    assert_int_equal(r.status, 422);
    assert_int_equal(json_size(t_at(&r, "/problems")), 3);
    t_done(&r);
    r = t_post(a, "/api/v1/tender-checks", NULL, "[]");
    assert_int_equal(r.status, 422);
    t_done(&r);
}

/* The answer may be logged: a statement like others, without effect. */
static void a_certificate_can_be_logged_as_it_is(void **state)
{
    struct reply r = ask("fr", ""), logged;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 22);
    assert_ok(json_canon(&b, t_at(&r, "/certificate/envelope")));
    logged =
        t_ask(a, &(struct ask){
                     .method = HTTP_POST, .path = "/api/v1/events", .body = buf_str(&b)});
    if (logged.status != 201)
        fail_msg("%.*s", STR_FMT(buf_str(&logged.resp.body)));
    assert_true(json_str_is(t_at(&logged, "/effect"), "in_effect"));
    t_done(&logged);
    t_done(&r);
    buf_release(&b);
}

/* ---- the command ------------------------------------------------------------------- */
static int run(const char *file, const char *option, const char *value)
{
    const char *program = getenv("AMANE_PROGRAM");
    int status = 0;
    pid_t pid;
    fflush(NULL);
    pid = fork();
    if (!pid) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(99);
        execl(program, "amane", "tender", "verify", file, option, value, (char *)NULL);
        _exit(98);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_command_verifies_and_computes_again(void **state)
{
    struct reply r = ask("fr", "");
    struct buf text;
    char file[128], hex[CRYPTO_HEX];
    (void)state;
    if (!getenv("AMANE_PROGRAM"))
        skip();
    certificate(&r, &text);
    snprintf(file, sizeof file, "%s/certificate.json", t.dir);
    assert_ok(am_file_write(file, buf_str(&text), 0600));
    crypto_hex(t.genesis, 32, hex);
    assert_int_equal(run(file, "--genesis", hex), 0);
    assert_int_equal(run(file, "--mirror", t.data), 0);
    assert_int_equal(run(file, "--genesis", t.model_hex), 1);
    assert_int_equal(run(file, "--genesis", "zz"), 2);
    assert_int_equal(run("/nowhere", "--genesis", hex), 1);
    text.p[text.n / 2] ^= 1;
    assert_ok(am_file_write(file, buf_str(&text), 0600));
    assert_int_equal(run(file, "--genesis", hex), 1);
    buf_release(&text);
    t_done(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_reason_is_said_in_the_language_of_the_reader),
        TEST(the_certificate_holds_by_itself_and_no_altered_one_does),
        TEST(an_answer_about_an_older_size_is_byte_equal),
        TEST(a_size_that_is_not_there_is_refused),
        TEST(a_bad_question_hears_all_its_problems),
        TEST(a_certificate_can_be_logged_as_it_is),
        TEST(the_command_verifies_and_computes_again),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
