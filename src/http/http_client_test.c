/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_test_support.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "http/http_priv.h"

static struct http_server *server;
static struct http_client *client;
static struct http_reply reply;
static char url[256], dir[] = "/tmp/amane-tls-XXXXXX", cert[64], key[64];

static int up(void **state)
{
    struct http_config c = t_config();
    (void)state;
    log_set_level(getenv("V") ? LOG_DEBUG : LOG_OFF);
    buf_init(&reply.body, 1 << 20);
    c.body_max = 1 << 20;
    if (http_client_new(&client) || http_server_start(&server, &c))
        return -1;
    return 0;
}

static int down(void **state)
{
    (void)state;
    http_server_stop(server, 1000);
    http_client_free(client);
    http_client_free(NULL);
    buf_release(&reply.body);
    return 0;
}

static const char *at(const char *path)
{
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(server), path);
    return url;
}

static int call(struct http_call c)
{
    return http_call(client, &c, &reply);
}

static void it_sends_what_it_was_given(void **state)
{
    (void)state;
    assert_ok(call((struct http_call){.url = at("/show?a=b")}));
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.p,
                        "GET /show ?a=b from 127.0.0.1 body  form  cookie \n");
    assert_string_equal(reply.content_type, "text/plain; charset=utf-8");
    assert_ok(call((struct http_call){.method = HTTP_PUT,
                                      .url = at("/show"),
                                      .content_type = "application/x-www-form-urlencoded",
                                      .body = STR("f=1"),
                                      .headers = 1,
                                      .header = {{STR("Cookie"), STR("c=2")}}}));
    assert_string_equal(reply.body.p,
                        "PUT /show ? from 127.0.0.1 body f=1 form 1 cookie 2\n");
    assert_ok(call((struct http_call){.method = HTTP_POST, .url = at("/length")}));
    assert_string_equal(reply.body.p, "0\n");
    assert_ok(call((struct http_call){.method = HTTP_HEAD, .url = at("/")}));
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.n, 0);
    assert_ok(call((struct http_call){.method = HTTP_DELETE, .url = at("/fail?err=4")}));
    assert_int_equal(reply.status, 404); /* an answer, not a failure */
}

static void a_body_over_the_cap_of_either_side_is_refused(void **state)
{
    static char big[2 << 20];
    struct http_reply small;
    (void)state;
    assert_ok(call((struct http_call){
        .method = HTTP_POST, .url = at("/length"), .body = {big, sizeof big}}));
    assert_int_equal(reply.status, 413);
    buf_init(&small.body, 100);
    assert_int_equal(http_call(client, &(struct http_call){.url = at("/")}, &small),
                     AM_E_TOOBIG);
    buf_release(&small.body);
}

static void it_goes_nowhere_else(void **state)
{
    static const char *const bad[] = {
        "ftp://127.0.0.1/", "file:///etc/passwd",          "gopher://127.0.0.1/",
        "http://",          "http://user:pass@127.0.0.1/", "127.0.0.1:\r\nX: y"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(call((struct http_call){.url = bad[i]}), AM_E_INVALID);
    assert_int_equal(call((struct http_call){.url = at("/"),
                                             .headers = 1,
                                             .header = {{STR("X"), STR("a\r\nY: b")}}}),
                     AM_E_INVALID);
    assert_int_equal(call((struct http_call){.url = at("/"), .bearer = "a\nb"}),
                     AM_E_INVALID);
    assert_int_equal(call((struct http_call){.url = "http://127.0.0.1:1/"}),
                     AM_E_UNAVAILABLE);
    /* Proxies of the environment are for browsers. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_ok(call((struct http_call){.url = at("/")}));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static bool public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return http_address_public((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return http_address_public((struct sockaddr *)&v6);
}

/* The first and last of each range, and their neighbours outside. */
static void addresses_of_inner_networks_are_not_public(void **state)
{
    static const char *const no[] = {"0.0.0.0",
                                     "0.255.255.255",
                                     "10.0.0.0",
                                     "10.255.255.255",
                                     "100.64.0.0",
                                     "100.127.255.255",
                                     "127.0.0.1",
                                     "127.255.255.255",
                                     "169.254.0.0",
                                     "169.254.169.254",
                                     "172.16.0.0",
                                     "172.31.255.255",
                                     "192.0.0.255",
                                     "192.0.2.1",
                                     "192.88.99.1",
                                     "192.168.0.0",
                                     "192.168.255.255",
                                     "198.18.0.0",
                                     "198.19.255.255",
                                     "198.51.100.7",
                                     "203.0.113.7",
                                     "224.0.0.1",
                                     "239.1.1.1",
                                     "240.0.0.1",
                                     "255.255.255.255",
                                     "::",
                                     "::1",
                                     "::ffff:8.8.8.8",
                                     "::8.8.8.8",
                                     "64:ff9b::808:808",
                                     "fc00::1",
                                     "fdff::1",
                                     "fe80::1",
                                     "ff02::1",
                                     "2001::1",
                                     "2001:1ff::1",
                                     "2001:db8::1",
                                     "2002:7f00:1::",
                                     "3fff::1",
                                     "3fff:fff::1"};
    static const char *const yes[] = {
        "1.0.0.0",     "9.255.255.255",  "11.0.0.0",        "100.63.255.255",
        "100.128.0.0", "126.0.0.1",      "128.0.0.1",       "169.253.1.1",
        "169.255.0.0", "172.15.255.255", "172.32.0.0",      "192.0.1.0",
        "192.0.3.0",   "192.167.1.1",    "192.169.0.0",     "198.17.1.1",
        "198.20.0.0",  "203.0.114.0",    "223.255.255.255", "2001:200::1",
        "2001:db9::1", "2003::1",        "2606:4700::1",    "3fff:1000::1"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (public(no[i]))
            fail_msg("%s is public", no[i]);
    for (size_t i = 0; i < AM_LEN(yes); i++)
        if (!public(yes[i]))
            fail_msg("%s is not public", yes[i]);
}

/* Nothing listens on port 1: who tried to connect would say AM_E_UNAVAILABLE. */
static void a_stranger_s_address_leads_nowhere_inside(void **state)
{
    static const char *const inner[] = {
        "https://127.0.0.1:1/",  "https://localhost:1/",
        "https://2130706433:1/", "https://0x7f.1:1/",
        "https://[::1]:1/",      "https://[::ffff:127.0.0.1]:1/",
        "https://10.0.0.1:1/",   "https://169.254.169.254:1/"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(inner); i++)
        assert_int_equal(call((struct http_call){.url = inner[i], .public_only = true}),
                         AM_E_REFUSED);
    assert_int_equal(call((struct http_call){.url = at("/"), .public_only = true}),
                     AM_E_INVALID);                      /* not https */
    assert_ok(call((struct http_call){.url = at("/")})); /* and the next call is free */
}

/* ---- a peer that behaves as its script says ---- */
struct script {
    int fd, accepted, requests;
    unsigned port;
    struct str answer; /* to each request */
    bool forever;      /* repeats the last 1,000 bytes of it until the client leaves */
    bool leaves;       /* after one answer */
};

static void script_answer(const struct script *s, int fd)
{
    t_send(fd, s->answer);
    for (int i = 0; s->forever && i < 10000; i++)
        if (send(fd, s->answer.p + s->answer.n - 1000, 1000, MSG_NOSIGNAL) <= 0)
            break;
}

static void *script_main(void *arg)
{
    struct script *s = arg;
    for (;;) {
        char text[4096];
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        s->accepted++;
        while (t_hears(fd, text, sizeof text, "\r\n\r\n")) {
            s->requests++;
            if (s->answer.n == 0)
                continue; /* says nothing */
            script_answer(s, fd);
            if (s->leaves)
                break;
        }
        close(fd);
    }
}

static pthread_t script_start(struct script *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    pthread_t t;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&t, NULL, script_main, s), 0);
    return t;
}

static int script_call(struct script *s, int times)
{
    pthread_t t = script_start(s);
    int err = AM_OK;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", s->port);
    for (int i = 0; i < times && !err; i++)
        err = call(
            (struct http_call){.url = url, .timeout_ms = s->answer.n ? T_LONG_MS : 500});
    http_client_free(client); /* closes its connections */
    assert_ok(http_client_new(&client));
    shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(t, NULL), 0);
    close(s->fd);
    return err;
}

static void redirects_are_told_not_followed(void **state)
{
    struct script s = {.answer =
                           STR("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
                               "ETag: \"v1\"\r\nContent-Length: 0\r\n\r\n")};
    (void)state;
    assert_ok(script_call(&s, 1));
    assert_int_equal(reply.status, 302);
    assert_string_equal(reply.location, "http://127.0.0.1:1/x");
    assert_string_equal(reply.etag, "\"v1\"");
    assert_int_equal(s.requests, 1);
}

static void connections_are_kept_alive(void **state)
{
    struct script s = {.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")};
    (void)state;
    assert_ok(script_call(&s, 3));
    assert_int_equal(s.requests, 3);
    assert_int_equal(s.accepted, 1);
}

static void a_peer_that_misbehaves_is_an_error(void **state)
{
    static char headers[1100] = "HTTP/1.1 200 OK\r\n";
    struct script silent = {0}, rude = {.answer = STR("go away\r\n\r\n"), .leaves = true},
                  cut = {.answer =
                             STR("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"),
                         .leaves = true},
                  endless = {.forever = true};
    (void)state;
    assert_int_equal(script_call(&silent, 1), AM_E_TIMEOUT);
    assert_true(script_call(&rude, 1) < 0);
    assert_true(script_call(&cut, 1) < 0);
    for (size_t i = 17; i + 20 < sizeof headers; i += 20)
        memcpy(headers + i, "X-Header-Name: abc\r\n", 20);
    endless.answer = (struct str){headers, 17 + 20 * 53};
    assert_int_equal(script_call(&endless, 1), AM_E_TOOBIG);
}

/* ---- TLS ---- */
static int run(const char *const *argv)
{
    extern char **environ;
    char *args[24];
    posix_spawn_file_actions_t quiet;
    int status, n = 0;
    pid_t pid;
    for (; argv[n]; n++)
        args[n] = strdup(argv[n]);
    args[n] = NULL;
    posix_spawn_file_actions_init(&quiet);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    assert_int_equal(posix_spawnp(&pid, args[0], &quiet, NULL, args, environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (n > 0)
        free(args[--n]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void certificate_make(void)
{
    assert_non_null(mkdtemp(dir));
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    assert_int_equal(run((const char *const[]){
                         "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                         cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                         "subjectAltName=IP:127.0.0.1", NULL}),
                     0);
}

static int handshake(unsigned port, const char *version)
{
    char where[32];
    snprintf(where, sizeof where, "127.0.0.1:%u", port);
    return run((const char *const[]){"openssl", "s_client", "-connect", where, version,
                                     "-cipher", "DEFAULT@SECLEVEL=0", NULL});
}

static void tls_round_trip_and_its_refusals(void **state)
{
    static char big[2 << 20];
    struct http_config c = t_config();
    struct http_server *s;
    (void)state;
    certificate_make();
    c.tls_cert = cert;
    c.tls_key = key;
    c.body_max = 1 << 20;
    s = t_start(&c);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/show", http_server_port(s));
    for (int i = 0; i < 20; i++)
        assert_ok(call((struct http_call){.url = url, .ca_file = cert}));
    assert_string_equal(reply.body.p,
                        "GET /show ? from 127.0.0.1 secure body  form  cookie \n");
    /* The connection that the first calls keep alive is not for a stranger's. */
    assert_int_equal(
        call((struct http_call){.url = url, .ca_file = cert, .public_only = true}),
        AM_E_REFUSED);
    assert_ok(call((struct http_call){
        .method = HTTP_POST, .url = url, .ca_file = cert, .body = {big, sizeof big}}));
    assert_int_equal(reply.status, 413);
    /* Not signed by anybody the system trusts; not the name it was asked for. */
    assert_int_equal(call((struct http_call){.url = url}), AM_E_CRYPTO);
    snprintf(url, sizeof url, "https://localhost:%u/", http_server_port(s));
    assert_int_equal(call((struct http_call){.url = url, .ca_file = cert}), AM_E_CRYPTO);
    assert_int_equal(call((struct http_call){.url = url, .ca_file = "/nonexistent"}),
                     AM_E_CRYPTO);
    assert_int_equal(handshake(http_server_port(s), "-tls1_3"), 0);
    assert_int_equal(handshake(http_server_port(s), "-tls1_2"), 0);
    assert_int_not_equal(handshake(http_server_port(s), "-tls1_1"), 0);
    assert_int_equal(t_ask(http_server_port(s), STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     0);
    http_server_stop(s, 1000);
    c.tls_key = cert; /* a certificate is no key */
    assert_int_equal(http_server_start(&s, &c), AM_E_CRYPTO);
    unlink(cert);
    unlink(key);
    rmdir(dir);
}

static void survives_no_memory(void **state)
{
    struct http_client *c = NULL;
    long n;
    (void)state;
    if (TEST_TSAN)
        skip();
    am_oom_at(1);
    assert_int_equal(http_client_new(&c), AM_E_NOMEM);
    assert_true(am_oom_at(0));
    for (n = 1;; n++) { /* nobody answers: all allocations are ours */
        am_oom_at(n);
        int err = call((struct http_call){.url = "http://127.0.0.1:1/",
                                          .bearer = "token",
                                          .content_type = "text/plain",
                                          .headers = 1,
                                          .header = {{STR("X"), STR("y")}}});
        if (!am_oom_at(0)) {
            assert_int_equal(err, AM_E_UNAVAILABLE);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(it_sends_what_it_was_given),
                                   TEST(a_body_over_the_cap_of_either_side_is_refused),
                                   TEST(it_goes_nowhere_else),
                                   TEST(addresses_of_inner_networks_are_not_public),
                                   TEST(a_stranger_s_address_leads_nowhere_inside),
                                   TEST(redirects_are_told_not_followed),
                                   TEST(connections_are_kept_alive),
                                   TEST(a_peer_that_misbehaves_is_an_error),
                                   TEST(tls_round_trip_and_its_refusals),
                                   TEST(survives_no_memory)};
    return cmocka_run_group_tests(t, up, down);
}
