/* SPDX-License-Identifier: Apache-2.0 */
/* A national stop on its way to every connected node, in real processes on this machine:
 * the registry and nodes of a made demo, more nodes until BENCH_NODES (12) have to obey,
 * each with its own key, in a house that has a deployment. Each order is signed by a key
 * of the health authority and posted. Told are the times from the answer of the registry
 * until each node obeyed (by the node's own signed acknowledgement, same clock), and
 * until the last acknowledgement was in the log. One order goes before, unmeasured: once
 * it is obeyed everywhere, every node holds its long poll. */
#include "crypto/crypto.h"
#include "http/http.h"
#include "json/json.h"
#include "ledger/ledger.h"

#include <ftw.h>

#include "../bench/server.h"
#include "base/log.h"

enum { NODES_MAX = 64, ORDERS = 20, PATIENCE_S = 60, TEXT = 512 };
static FILE *figures;
static size_t nodes = 12, concerned;
static char dir[] = "/var/tmp/amane-bench-XXXXXX", world[TEXT], url[TEXT],
            genesis[CRYPTO_HEX];
static struct server registry, node[NODES_MAX];
static size_t started;
static struct json_doc *doc;      /* world.json */
static struct json_doc *deployed; /* GET /api/v1/deployments */
static struct crypto_key *ministry, *authority;
static struct http_client *client;

static struct str of_world(const char *key)
{
    return json_get_str(json_root(doc), key);
}

/* ---- talking to the servers -------------------------------------------------------- */
static struct json_doc *call(unsigned port, enum http_method method, const char *path,
                             struct str body, int status)
{
    char at[TEXT];
    struct http_call c = {.method = method,
                          .url = at,
                          .body = body,
                          .content_type = body.n ? "application/json" : NULL};
    struct http_reply r = {0};
    struct json_doc *out = NULL;
    buf_init(&r.body, 16 << 20);
    snprintf(at, sizeof at, "http://127.0.0.1:%u%s", port, path);
    assert_ok(http_call(client, &c, &r));
    if (r.status != status)
        fail_msg("%s: %d %.300s", path, r.status, r.body.p ? r.body.p : "");
    assert_ok(json_parse(&out, buf_str(&r.body), NULL, NULL));
    buf_release(&r.body);
    return out;
}

static int64_t size_of(unsigned port, const char *path)
{
    struct json_doc *d = call(port, HTTP_GET, path, STR_NULL, 200);
    int64_t n = json_int(json_get(json_root(d), "size"), -1);
    json_free(d);
    return n;
}

/* Signs the record and posts it; the index it got. */
static int64_t say(const struct crypto_key *key, struct str record)
{
    struct json_doc *d = NULL;
    struct buf payload, envelope;
    int64_t index;
    buf_init(&payload, 65536);
    buf_init(&envelope, 1 << 18);
    assert_ok(json_parse(&d, record, NULL, NULL));
    assert_ok(ledger_statement(LEDGER_EVENT, json_root(d), of_world("type_base"),
                               &payload, NULL));
    assert_ok(ledger_sign(buf_str(&payload), key, &envelope));
    json_free(d);
    d = call(registry.port, HTTP_POST, "/api/v1/events", buf_str(&envelope), 201);
    index = json_int(json_get(json_root(d), "index"), -1);
    json_free(d);
    buf_release(&envelope);
    buf_release(&payload);
    return index;
}

static void head(struct jw *w, struct buf *b, const char *type, const char *role,
                 const char *org)
{
    char at[TIME_TEXT];
    buf_init(b, 65536);
    jw_init(w, b);
    jw_obj(w);
    jw_kstrz(w, "type", type);
    jw_kstrz(w, "issued_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", role);
    jw_kstrz(w, "org_id", org);
    jw_obj_end(w);
}

/* ---- the country ------------------------------------------------------------------- */
/* Runs the program to its end; what it printed, parsed if there is room for it. */
static void program(const char *const *args, struct json_doc **said)
{
    char text[8192], *argv[SERVER_ARGS] = {NULL};
    const char *amane = getenv("AMANE");
    posix_spawn_file_actions_t files;
    int out[2], status = 0;
    size_t n = 0;
    ssize_t k;
    pid_t pid;
    argv[0] = (char *)(uintptr_t)(amane ? amane : "build/amane");
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = (char *)(uintptr_t)args[i];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &files, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(out[1]);
    while ((k = read(out[0], text + n, sizeof text - n)) > 0)
        n = said ? n + (size_t)k : 0;
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status)
        fail_msg("amane %s failed", args[0]);
    if (said)
        assert_ok(json_parse(said, (struct str){text, n}, NULL, NULL));
}

static void start_node(const char *folder, const char *listen, const char *token,
                       const char *poll_ms, const char *checkpoint_s)
{
    const char *args[SERVER_ARGS] = {"node",       "--data",
                                     folder,       "--listen",
                                     listen,       "--registry",
                                     url,          "--genesis",
                                     genesis,      "--poll-ms",
                                     poll_ms,      "--checkpoint-s",
                                     checkpoint_s, "--registry-token-file",
                                     token,        NULL};
    server_start(&node[started], args);
    started++;
}

static void start_world(void)
{
    char data[TEXT], listen[64], folder[TEXT], token[2 * TEXT];
    const struct json *r = json_get(json_root(doc), "registry");
    const char *args[] = {"registry", "--data", data, "--listen", listen, NULL};
    snprintf(data, sizeof data, "%.*s", STR_FMT(json_get_str(r, "dir")));
    snprintf(url, sizeof url, "%.*s", STR_FMT(json_get_str(r, "url")));
    snprintf(genesis, sizeof genesis, "%.*s", STR_FMT(of_world("genesis")));
    snprintf(listen, sizeof listen, "127.0.0.1:%lld",
             (long long)json_int(json_get(r, "port"), 0));
    server_start(&registry, args);
    for (json_each(it, json_get(json_root(doc), "nodes"))) {
        snprintf(folder, sizeof folder, "%.*s", STR_FMT(json_get_str(it.val, "dir")));
        snprintf(token, sizeof token, "%s/%.*s.token", world,
                 STR_FMT(json_get_str(it.val, "name")));
        snprintf(listen, sizeof listen, "127.0.0.1:%lld",
                 (long long)json_int(json_get(it.val, "port"), 0));
        start_node(folder, listen, token, "200", "2");
    }
}

/* One more, in a house that has a deployment, with a key of its own. It reads weights and
 * cases at the registry with the token of the first one. */
static void more(const struct json *house)
{
    char name[16], folder[2 * TEXT], gst[TEXT], est[TEXT], token[2 * TEXT];
    const char *args[] = {"node",  "init", "--data",          folder, "--name", name,
                          "--gst", gst,    "--establishment", est,    "--json", NULL};
    struct json_doc *made = NULL;
    struct buf b;
    struct jw w;
    snprintf(name, sizeof name, "x%02zu", started);
    snprintf(folder, sizeof folder, "%s/%s", world, name);
    snprintf(gst, sizeof gst, "%.*s", STR_FMT(json_get_str(house, "gst")));
    snprintf(est, sizeof est, "%.*s", STR_FMT(json_get_str(house, "establishment")));
    program(args, &made);
    head(&w, &b, "key_grant", "msps", "MSPS");
    jw_key(&w, "key");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", name);
    jw_kstrz(&w, "label", name);
    jw_kstrz(&w, "gst", gst);
    jw_kval(&w, "spki", json_get(json_root(made), "service_spki"));
    jw_obj_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_true(say(ministry, buf_str(&b)) > 0);
    buf_release(&b);
    json_free(made);
    snprintf(
        token, sizeof token, "%s/%.*s.token", world,
        STR_FMT(json_get_str(json_at(json_get(json_root(doc), "nodes"), 0), "name")));
    start_node(folder, "127.0.0.1:0", token, "500", "300");
}

static void load_key(struct crypto_key **out, const char *name)
{
    char path[2 * TEXT];
    snprintf(path, sizeof path, "%s/actors/%s", world, name);
    assert_ok(crypto_key_load(out, path, STR_NULL));
}

/* The registry goes on growing: demo nodes state checkpoints of their traces. */
static bool caught_up(int64_t size)
{
    for (size_t i = 0; i < started; i++)
        if (size_of(node[i].port, "/api/v1/state") < size)
            return false;
    return true;
}

/* Houses with a deployment, each counted once: their demo nodes will obey. */
static size_t houses(const struct json *items)
{
    size_t n = 0;
    for (json_each(a, items)) {
        bool before = false;
        for (size_t i = 0; i < a.i; i++)
            before |= str_eq(json_get_str(json_at(items, i), "establishment"),
                             json_get_str(a.val, "establishment"));
        n += !before;
    }
    return n;
}

static void settle(void)
{
    char path[2 * TEXT];
    const char *args[] = {"demo", "--data", world, "--made", "--until", "6", NULL};
    const struct json *items;
    int64_t size;
    assert_non_null(mkdtemp(dir));
    snprintf(world, sizeof world, "%s/world", dir);
    program(args, NULL);
    snprintf(path, sizeof path, "%s/world.json", world);
    assert_ok(json_parse_file(&doc, path, NULL, NULL));
    load_key(&ministry, "msps.key");
    load_key(&authority, "has-1.key");
    assert_ok(http_client_new(&client));
    start_world();
    deployed = call(registry.port, HTTP_GET, "/api/v1/deployments", STR_NULL, 200);
    items = json_get(json_root(deployed), "items");
    assert_true(json_size(items) > 0 && nodes + started <= NODES_MAX);
    for (concerned = houses(items); concerned < nodes; concerned++)
        more(json_at(items, started % json_size(items)));
    size = size_of(registry.port, "/readyz");
    assert_eventually(caught_up(size));
}

/* ---- orders ------------------------------------------------------------------------ */
static int64_t order(size_t number)
{
    char at[TIME_TEXT];
    struct buf b;
    struct jw w;
    int64_t index;
    head(&w, &b, "stop", "has", "HAS");
    jw_kstrz(&w, "scope", "national");
    jw_kval(&w, "model_digest",
            json_get(json_at(json_get(json_root(deployed), "items"), 0), "model_digest"));
    jw_kstrz(&w, "motive_code", "drill");
    jw_kstrz(&w, "effect_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "reason");
    jw_strf(&w, "drill %zu", number);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    index = say(authority, buf_str(&b));
    buf_release(&b);
    return index;
}

/* Waits until every node concerned has acknowledged the order. */
static struct json_doc *obeyed(int64_t index)
{
    char path[TEXT];
    int64_t until = time_mono() + PATIENCE_S * TIME_SECOND;
    snprintf(path, sizeof path, "/api/v1/stops?since=%lld", (long long)index);
    while (time_mono() < until) {
        struct json_doc *d = call(registry.port, HTTP_GET, path, STR_NULL, 200);
        const struct json *s = json_at(json_get(json_root(d), "items"), 0);
        if (json_size(json_get(s, "ack")) >= concerned)
            return d;
        json_free(d);
        usleep(5000);
    }
    fail_msg("order %lld was not obeyed by all %zu nodes within %d s", (long long)index,
             concerned, PATIENCE_S);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void show(const char *name, const char *target, int64_t *took, size_t n)
{
    static const unsigned percent[] = {50, 95, 99};
    double load = 0;
    (void)getloadavg(&load, 1);
    qsort(took, n, sizeof *took, by_size);
    for (size_t i = 0; i < AM_LEN(percent); i++)
        fprintf(
            figures,
            "{\"figure\":\"stop.%s_p%u\",\"value\":%.1f,\"unit\":\"ms\",\"target\":%s,"
            "\"better\":\"lower\",\"peer\":null,\"peer_value\":null,\"conditions\":"
            "\"%zu nodes in processes of their own, %zu of them concerned, %d "
            "national orders, %ld CPUs shared, load average %.1f\"}\n",
            name, percent[i], (double)took[n * percent[i] / 100] / 1000,
            percent[i] == 99 ? target : "null", started, concerned, ORDERS,
            sysconf(_SC_NPROCESSORS_ONLN), load);
    fflush(figures);
}

static void orders_reach_every_node(void **state)
{
    static int64_t every[ORDERS * NODES_MAX], logged[ORDERS];
    size_t n = 0;
    (void)state;
    log_set_level(LOG_OFF);
    settle();
    json_free(obeyed(order(0)));
    for (size_t k = 0; k < ORDERS; k++) {
        int64_t index = order(k + 1), accepted = time_now(), at;
        struct json_doc *d = obeyed(index);
        logged[k] = time_now() - accepted;
        for (json_each(it,
                       json_get(json_at(json_get(json_root(d), "items"), 0), "ack"))) {
            assert_ok(time_parse(json_get_str(it.val, "effect_at"), &at));
            if (n < AM_LEN(every))
                every[n++] = AM_MAX(at - accepted, 0);
        }
        json_free(d);
    }
    show("effective", "2000", every, n);
    show("acknowledged", "null", logged, ORDERS);
}

static int t_drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st;
    (void)type;
    (void)f;
    return remove(path);
}

/* Also after a failure: no server stays behind. */
static int clean(void **state)
{
    (void)state;
    while (started)
        server_stop(&node[--started]);
    server_stop(&registry);
    http_client_free(client);
    crypto_key_free(ministry);
    crypto_key_free(authority);
    json_free(deployed);
    json_free(doc);
    nftw(dir, t_drop, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(orders_reach_every_node, clean)};
    const char *n = getenv("BENCH_NODES");
    if (n)
        nodes = strtoull(n, NULL, 10);
    figures = fdopen(dup(STDOUT_FILENO), "w");
    if (!figures || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    return cmocka_run_group_tests(tests, NULL, NULL) ? 3 : 0;
}
