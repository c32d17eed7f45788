/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions by websocket: who may bind, what he is told, what ends it, and that
 * numbers tell what was missed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "rest/rest_sub.h"

#include "rest/rest_sub_test.h"

/* ---- a server before the interface, and a client ---- */
static struct http_server *w_server;

static int w_handle(void *cookie, struct http_req *r, struct http_resp *a)
{
    (void)cookie;
    return rest_http(t_rest, "/fhir", NULL, r, a);
}

static int w_setup(void **state)
{
    const struct http_config c = {.listen = "127.0.0.1:0",
                                  .handler = w_handle,
                                  .jobs = 2,
                                  .sockets = {.close_ms = 100}};
    int err = s_setup(state);
    if (!err)
        assert_ok(http_server_start(&w_server, &c));
    return err;
}

static int w_teardown(void **state)
{
    http_server_stop(w_server, 1000); /* first: its sockets know the interface */
    return s_teardown(state);
}
#define W(f) cmocka_unit_test_setup_teardown(f, w_setup, w_teardown)

/* Another interface before the same server; no socket is open. */
static void w_open(const struct rest_config *k)
{
    s_open(k);
}

static int w_connect(const char *more)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)http_server_port(w_server))};
    struct timeval patience = {.tv_sec = 20};
    char text[600];
    size_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    n = (size_t)snprintf(text, sizeof text,
                         "GET /fhir/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                         more);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
    for (n = 0; n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4); n++)
        assert_int_equal(recv(fd, text + n, 1, 0), 1);
    text[n] = 0;
    if (!strstr(text, " 101 ")) {
        close(fd);
        return -(int)strtol(text + 9, NULL, 10);
    }
    return fd;
}

static void w_say(int fd, const char *text)
{
    char frame[200] = {(char)0x81, (char)(0x80 | strlen(text))};
    size_t n = strlen(text);
    assert_true(n < 126);
    memcpy(frame + 6, text, n);
    assert_int_equal(send(fd, frame, n + 6, MSG_NOSIGNAL), n + 6);
}

/* What "kind since: n=Type/id" a notification says; other texts as they are, a close
 * frame as "close CODE reason". */
static char w_last[200000];
static const char *w_hear(int fd)
{
    static char out[400];
    uint8_t head[10];
    size_t n;
    out[0] = 0;
    do {
        if (recv(fd, head, 2, MSG_WAITALL) != 2)
            return "gone";
        n = head[1];
        if (n == 126) {
            assert_int_equal(recv(fd, head + 2, 2, MSG_WAITALL), 2);
            n = (size_t)head[2] << 8 | head[3];
        }
        assert_true(n < sizeof w_last && head[1] != 127);
        if (n)
            assert_int_equal(recv(fd, w_last, n, MSG_WAITALL), n);
        w_last[n] = 0;
    } while (head[0] == 0x89);
    if (head[0] == 0x88)
        snprintf(out, sizeof out, "close %d %.300s",
                 (uint8_t)w_last[0] << 8 | (uint8_t)w_last[1], w_last + 2);
    else if (w_last[0] != '{' || strstr(w_last, "OperationOutcome"))
        snprintf(out, sizeof out, "%.300s", w_last);
    else { /* as an endpoint that was told it */
        s_forget();
        s_end.told[0].body = str_dup(str_c(w_last));
        s_end.n = 1;
        return s_says(0);
    }
    return out;
}
#define W_HEARS(fd, text) assert_string_equal(w_hear(fd), text)

#define W_SUB(id, more)                                                                  \
    "{\"resourceType\":\"Subscription\",\"id\":\"" id "\",\"status\":\"requested\","     \
    "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"               \
    "\"websocket\"" more "}}"
static void w_ask(const char *id, const char *body)
{
    char url[100];
    struct t_reply r;
    snprintf(url, sizeof url, "/Subscription/%s", id);
    r = t_send(&(struct t_asked){REST_PUT, .url = url, .body = body});
    if (r.a.status / 100 != 2)
        fail_msg("%d %s", r.a.status, t_body(&r));
    t_done(&r);
    S_STATUS(id, "active");
}

/* A token for those, as the query says; the answer is looked at. */
static const char *w_token(const char *url, const char *ids)
{
    static char out[100];
    struct t_reply r = T_WANT(200, .url = url);
    char got[200] = "";
    int64_t until = 0;
    s_valid(json_root(r.doc));
    for (json_each(it, t_at(&r, "/parameter"))) {
        struct str name = json_get_str(it.val, "name");
        if (str_eqc(name, "token"))
            snprintf(out, sizeof out, "bind-with-token: %.*s",
                     STR_FMT(json_get_str(it.val, "valueString")));
        if (str_eqc(name, "subscription"))
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s",
                     *got ? "," : "", STR_FMT(json_get_str(it.val, "valueString")));
        if (str_eqc(name, "websocket-url"))
            assert_str_equal(json_get_str(it.val, "valueUrl"), "ws://test/fhir/ws");
        if (str_eqc(name, "expiration"))
            assert_ok(time_parse(json_get_str(it.val, "valueDateTime"), &until));
    }
    t_done(&r);
    assert_string_equal(got, ids);
    assert_true(until > time_now() && until < time_now() + 61 * TIME_SECOND);
    assert_int_equal(strlen(out), strlen("bind-with-token: ") + 43); /* 256 bits */
    return out;
}

static int w_bound(const char *url, const char *ids)
{
    int fd = w_connect("");
    assert_true(fd > 0);
    w_say(fd, w_token(url, ids));
    return fd;
}
#define TOKEN "/$get-ws-binding-token"

/* ---- what is told ---- */
static void who_binds_is_told_and_numbers_tell_the_rest(void **state)
{
    int a, b;
    (void)state;
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    s_observe("o1", "a");
    W_HEARS(a, "event-notification 1: 1=Observation/o1");
    assert_non_null(strstr(w_last, "\"subject\"")); /* whole */
    b = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(b, "handshake 1:");
    s_observe("o2", "a");
    W_HEARS(a, "event-notification 2: 2=Observation/o2");
    W_HEARS(b, "event-notification 2: 2=Observation/o2");
    close(a);
    close(b);
    s_observe("o3", "a"); /* nobody listens */
    usleep(250000);
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 3:"); /* he had 2 */
    T_ONLY(200, .url = "/Subscription/s/$events?eventsSinceNumber=3");
    s_observe("o4", "a");
    W_HEARS(a, "event-notification 4: 4=Observation/o4");
    close(a);
}

static void one_socket_listens_to_several(void **state)
{
    const char *says;
    int a;
    (void)state;
    w_ask("s", W_SUB("s", ""));
    w_ask("t",
          W_SUB("t", "," S_JSON ",\"_payload\":{\"extension\":[{\"url\":\"" SUB_BACKPORT
                     "payload-content\",\"valueCode\":\"id-only\"}]}"));
    a = w_bound("/Subscription" TOKEN "?id=s&id=t&id=s", "s,t");
    W_HEARS(a, "handshake 0:");
    W_HEARS(a, "handshake 0:");
    s_observe("o1", "a");
    for (int i = 0; i < 2; i++) {
        says = w_hear(a);
        if (strstr(w_last, "Subscription/t/$status")) {
            assert_string_equal(says, "event-notification 1: 1=Observation/o1");
            assert_null(strstr(w_last, "\"subject\""));
        } else
            assert_string_equal(says, "event-notification 1: 1="); /* empty */
    }
    T_REFUSED(400, "rest.value", .url = "/Subscription" TOKEN);
    T_REFUSED(400, "rest.value", .url = "/Subscription" TOKEN "?id=");
    T_REFUSED(404, "rest.notfound", .url = "/Subscription" TOKEN "?id=s&id=none");
    T_ONLY(204, REST_DELETE, .url = "/Subscription/t");
    says =
        w_hear(a); /* whoever looks first says it: the list, or the look at who listens */
    if (strcmp(says, "close 1008 not any more"))
        assert_string_equal(says, "close 1008 deleted");
    close(a);
}

static void a_heartbeat_comes_in_silence(void **state)
{
    int a;
    (void)state;
    w_ask("s", W_SUB("s", ",\"extension\":[{\"url\":\"" SUB_BACKPORT
                          "heartbeat-period\",\"valueUnsignedInt\":1}]"));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    W_HEARS(a, "heartbeat 0:");
    close(a);
}

/* ---- who may ---- */
static _Atomic(bool) w_other, w_gone, w_hide;
static int w_name(void *arg, void *who, struct buf *name)
{
    (void)arg;
    (void)who;
    return buf_adds(name, w_other ? "mallory" : "alice");
}

static int w_again(void *arg, struct str name, void **who)
{
    (void)arg;
    *who = NULL;
    return w_gone && str_eqc(name, "alice") ? AM_E_UNAUTHORIZED : AM_OK;
}

static bool w_his(void *arg, struct str name, void *who)
{
    (void)arg;
    (void)who;
    return str_eqc(name, w_other ? "mallory" : "alice");
}

static int w_see(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = !w_hide || !str_starts(l->id, STR("hidden"));
    return AM_OK;
}
static struct rest_config w_guarded(void)
{
    w_other = w_gone = w_hide = false;
    return (struct rest_config){.guard = {.stand = w_name,
                                          .keep = w_name,
                                          .again = w_again,
                                          .his = w_his,
                                          .see = w_see}};
}

static void only_who_made_it_may_bind_while_he_may(void **state)
{
    struct rest_config k = w_guarded();
    int a;
    (void)state;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    w_other = true;
    T_REFUSED(403, "rest.forbidden", .url = "/Subscription/s" TOKEN);
    w_other = false;
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    s_observe("hidden", "a");
    W_HEARS(a, "event-notification 1: 1=Observation/hidden");
    w_gone = true; /* his login ends: nothing more is told */
    W_HEARS(a, "close 1008 error");
    close(a);
    S_STATUS("s", "error");
}

static void what_may_not_be_seen_keeps_its_number(void **state)
{
    struct rest_config k = w_guarded();
    int a;
    (void)state;
    k.guard.told = NULL;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    w_hide = true;
    s_observe("hidden", "a");
    s_observe("o", "a");
    W_HEARS(a, "event-notification 1: 1=Observation/o");
    close(a);
}

static void a_token_is_good_once_and_for_a_while(void **state)
{
    struct rest_config k = {.sub = {.token_s = 1}};
    char token[100];
    int a, b;
    (void)state;
    w_ask("s", W_SUB("s", ""));
    snprintf(token, sizeof token, "%s", w_token("/Subscription/s" TOKEN, "s"));
    a = w_connect("");
    w_say(a, token);
    W_HEARS(a, "handshake 0:");
    b = w_connect("");
    w_say(b, token);
    W_HEARS(b, "close 1008 token");
    close(b);
    b = w_connect("");
    w_say(b, "bind-with-token: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    W_HEARS(b, "close 1008 token");
    close(b);
    close(a);
    http_server_stop(w_server, 1000);
    w_open(&k);
    assert_ok(http_server_start(
        &w_server,
        &(struct http_config){.listen = "127.0.0.1:0", .handler = w_handle, .jobs = 2}));
    S_STATUS("s", "active");
    snprintf(token, sizeof token, "%s", w_token("/Subscription/s" TOKEN, "s"));
    usleep(1050000);
    b = w_connect("");
    w_say(b, token);
    W_HEARS(b, "close 1008 token");
    close(b);
}

static void an_open_node_knows_the_words_of_r4(void **state)
{
    struct rest_config k = {.open = true};
    int a = w_connect("");
    (void)state;
    w_say(a, "bind s");
    assert_non_null(strstr(w_hear(a), "\"rest.sub_token\""));
    w_say(a, "hello");
    assert_non_null(strstr(w_hear(a), "\"rest.sub_said\""));
    close(a);
    usleep(50000);
    w_open(&k);
    w_ask("s", W_SUB("s", ""));
    usleep(150000);
    a = w_connect("");
    w_say(a, "bind none");
    assert_non_null(strstr(w_hear(a), "\"rest.notfound\""));
    w_say(a, "bind s");
    W_HEARS(a, "bound s");
    s_observe("o1", "a");
    W_HEARS(a, "ping s");
    close(a);
    assert_int_equal(w_connect("Origin: http://evil\r\n"), -403);
    a = w_connect("Origin: http://test\r\n");
    assert_true(a > 0);
    close(a);
}

static void who_only_says_what_is_refused_goes(void **state)
{
    int a = w_connect("");
    (void)state;
    for (int i = 0; i < SUB_VAIN; i++) {
        w_say(a, i % 2 ? "bind s" : "hello");
        assert_non_null(strstr(w_hear(a), "\"rest.sub_"));
    }
    w_say(a, "hello");
    W_HEARS(a, "close 1008 refused too often");
    close(a);
}

static void what_ends_it_ends_the_socket(void **state)
{
    static const char *const patch =
        "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"off\"}]";
    int a;
    (void)state;
    w_ask("s", W_SUB("s", ""));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    T_ONLY(200, REST_PATCH, .url = "/Subscription/s",
           .type = "application/json-patch+json", .body = patch);
    W_HEARS(a, "close 1008 off");
    close(a);
    T_REFUSED(422, "rest.sub_socket", .url = "/Subscription/s" TOKEN); /* it is off */
    S_ASK("h", "Observation", "/hook", "");
    T_REFUSED(422, "rest.sub_socket", .url = "/Subscription/h" TOKEN); /* a hook */
    T_REFUSED(404, "rest.notfound", .url = "/Subscription/none" TOKEN);
}

/* ---- failures ---- */
static _Atomic(int) w_fails; /* so many records fail, */
static int w_fail;           /* with this */
static int w_audit(void *arg, const struct rest_access *a)
{
    (void)arg;
    if (!str_eqc(str_c(a->interaction), "subscription-notification") || w_fails <= 0)
        return AM_OK;
    w_fails--;
    return w_fail;
}

static void what_fails_with_us_is_told_again(void **state)
{
    struct rest_config k = w_guarded();
    int a;
    (void)state;
    k.audit = w_audit;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    w_fail = AM_E_UNAVAILABLE; /* as of a socket that is over, and is none */
    w_fails = 1;
    s_observe("o1", "a");
    W_HEARS(a, "event-notification 1: 1=Observation/o1");
    assert_int_equal(w_fails, 0);
    close(a);
}

/* Failures that are hours apart do not add up to a day of failing. */
static void a_failure_that_is_over_is_forgotten(void **state)
{
    struct rest_config k = w_guarded();
    int a;
    (void)state;
    k.audit = w_audit;
    k.sub.wait_ms = 50;
    k.sub.give_up_s = 1;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    w_fail = AM_E_CRYPTO; /* not over by itself */
    for (int i = 1; i < 3; i++) {
        char id[8], want[60];
        snprintf(id, sizeof id, "o%d", i);
        snprintf(want, sizeof want, "event-notification %d: %d=Observation/%s", i, i, id);
        w_fails = 1;
        s_observe(id, "a");
        W_HEARS(a, want);
        assert_int_equal(w_fails, 0);
        usleep(1100000);
    }
    S_STATUS("s", "active");
    close(a);
}

/* The next attempt is a minute away: his login ends before it, and so does his socket. */
static void who_listens_is_minded_while_it_fails(void **state)
{
    struct rest_config k = w_guarded();
    int a;
    int64_t began;
    (void)state;
    k.audit = w_audit;
    k.sub.wait_ms = 60000;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    w_fail = AM_E_CRYPTO;
    w_fails = 1000;
    s_observe("o1", "a");
    usleep(1500000);
    assert_int_equal(w_fails, 999); /* minded meanwhile, and not attempted */
    began = time_mono();
    w_gone = true;
    W_HEARS(a, "close 1008 error");
    assert_true(time_mono() - began < 10 * TIME_SECOND);
    close(a);
}

static void what_becomes_a_hook_has_no_sockets(void **state)
{
    struct rest_config k = {.open = true};
    int a;
    (void)state;
    w_open(&k);
    w_ask("s", W_SUB("s", ""));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    S_ASK("s", "Observation", "/hook", "");
    W_HEARS(a, "close 1008 rest-hook");
    close(a);
    a = w_connect("");
    w_say(a, "bind s");
    assert_non_null(strstr(w_hear(a), "\"rest.notfound\""));
    close(a);
}

static void what_is_too_big_for_a_message_ends_the_socket(void **state)
{
    struct rest_config k = {.told_max = 6000};
    char body[8000];
    int a;
    (void)state;
    w_open(&k);
    w_ask("s", W_SUB("s", "," S_JSON));
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 0:");
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Observation\",\"id\":\"big\",\"status\":"
             "\"final\",\"code\":{\"text\":\"%05500d\"}}",
             1);
    T_ONLY(201, REST_PUT, .url = "/Observation/big", .body = body);
    W_HEARS(a, "close 1009 too big to tell");
    close(a);
    a = w_bound("/Subscription/s" TOKEN, "s");
    W_HEARS(a, "handshake 1:"); /* its number is kept, and nothing stands still */
    s_observe("o2", "a");
    W_HEARS(a, "event-notification 2: 2=Observation/o2");
    close(a);
}

/* ---- what is refused, and what can be asked ---- */
#define W_REFUSED(code, more)                                                            \
    T_REFUSED(422, code, REST_PUT, .url = "/Subscription/x", .body = W_SUB("x", more))
static void what_would_never_be_used_is_refused(void **state)
{
    (void)state;
    W_REFUSED("rest.sub_no_endpoint", ",\"endpoint\":\"https://x.invalid/\"");
    W_REFUSED("rest.sub_header", ",\"header\":[\"X-Key: a\"]");
    W_REFUSED("rest.sub_payload", ",\"payload\":\"text/plain\"");
    T_REFUSED(422, "rest.sub_header", REST_PUT, .url = "/Subscription/x",
              .body = "{\"resourceType\":\"Subscription\",\"id\":\"x\",\"status\":"
                      "\"requested\",\"reason\":\"x\",\"criteria\":\"Observation\","
                      "\"channel\":{\"type\":\"rest-hook\",\"endpoint\":"
                      "\"https://x.invalid/\",\"header\":[\"X Key: a\"]}}");
}

static void nobody_has_more_than_his_share(void **state)
{
    struct rest_config k = w_guarded();
    struct t_reply r;
    (void)state;
    k.sub.most_each = 2;
    w_open(&k);
    w_ask("a", W_SUB("a", ""));
    w_ask("b", W_SUB("b", ""));
    r = t_send(
        &(struct t_asked){REST_PUT, .url = "/Subscription/c", .body = W_SUB("c", "")});
    assert_int_equal(r.a.status, 429);
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.sub_many_yours");
    t_done(&r);
    w_ask("a", W_SUB("a", "," S_JSON)); /* what he has he may change */
    w_other = true;
    w_ask("c", W_SUB("c", "")); /* and somebody else has his own */
    w_other = false;
    T_ONLY(429, REST_PUT, .url = "/Subscription/c", .body = W_SUB("c", "")); /* taken */
    T_ONLY(204, REST_DELETE, .url = "/Subscription/b");
    usleep(250000);
    w_ask("d", W_SUB("d", ""));
}

/* "Subscription/id=status ..." of $status */
static const char *w_stand(const char *query)
{
    static char out[300];
    char url[200];
    struct t_reply r;
    size_t n = 0;
    snprintf(url, sizeof url, "/Subscription/$status%s", query);
    r = T_WANT(200, .url = url);
    s_valid(json_root(r.doc));
    out[0] = 0;
    for (json_each(it, t_at(&r, "/entry"))) {
        const struct json *p = json_pointer(it.val, STR("/resource/parameter"));
        struct str of = json_str(json_pointer(p, STR("/0/valueReference/reference")));
        n += (size_t)snprintf(
            out + n, sizeof out - n, "%s%.*s=%.*s", n ? " " : "",
            STR_FMT(str_sub(of, strlen("http://test/fhir/Subscription/"), of.n)),
            STR_FMT(json_str(json_pointer(p, STR("/2/valueCode")))));
    }
    assert_int_equal(json_int(t_at(&r, "/total"), -1),
                     (int64_t)json_size(t_at(&r, "/entry")));
    t_done(&r);
    return out;
}

static void several_can_be_asked_how_they_stand(void **state)
{
    struct rest_config k = w_guarded();
    struct t_reply r;
    (void)state;
    w_open(&k);
    assert_string_equal(w_stand(""), "");
    w_ask("a", W_SUB("a", ""));
    w_ask("hidden", W_SUB("hidden", ""));
    T_ONLY(200, REST_PATCH, .url = "/Subscription/a",
           .type = "application/json-patch+json",
           .body = "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"off\"}]");
    assert_string_equal(w_stand(""), "hidden=active a=off");
    assert_string_equal(w_stand("?status=off"), "a=off");
    assert_string_equal(w_stand("?status=off&status=active&id=hidden"), "hidden=active");
    assert_string_equal(w_stand("?id=none"), "");
    w_hide = true;
    assert_string_equal(w_stand(""), "a=off");
    r = T_WANT(200, REST_POST, .url = "/Subscription/$status",
               .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"id\","
                       "\"valueId\":\"a\"}]}");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 1);
    t_done(&r);
    r = T_WANT(200, .url = "/metadata");
    assert_non_null(strstr(t_body(&r), "capabilitystatement-websocket\",\"valueUri\":"
                                       "\"ws://test/fhir/ws\""));
    t_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(who_binds_is_told_and_numbers_tell_the_rest),
        W(one_socket_listens_to_several),
        W(a_heartbeat_comes_in_silence),
        W(only_who_made_it_may_bind_while_he_may),
        W(what_may_not_be_seen_keeps_its_number),
        W(a_token_is_good_once_and_for_a_while),
        W(an_open_node_knows_the_words_of_r4),
        W(who_only_says_what_is_refused_goes),
        W(what_ends_it_ends_the_socket),
        W(what_fails_with_us_is_told_again),
        W(a_failure_that_is_over_is_forgotten),
        W(who_listens_is_minded_while_it_fails),
        W(what_becomes_a_hook_has_no_sockets),
        W(what_is_too_big_for_a_message_ends_the_socket),
        W(what_would_never_be_used_is_refused),
        W(nobody_has_more_than_his_share),
        W(several_can_be_asked_how_they_stand),
    };
    return t_run_both(tests, AM_LEN(tests));
}
