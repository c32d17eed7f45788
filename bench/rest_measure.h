/* SPDX-License-Identifier: Apache-2.0 */
/* What benches of a node's FHIR interface share: the node, what is asked of it, the
 * figures. REST_WAREHOUSE, REST_SECONDS, REST_ONLY, REST_CONF: bench/rest.c. */
#ifndef BENCH_REST_MEASURE_H
#define BENCH_REST_MEASURE_H

#include <limits.h>

#include "../bench/eds_load.h"
#include "../bench/rest_client.h"
#include "../bench/server.h"

enum { REST_CLIENTS = 64, REST_MOST = 1000 };

struct found { /* ids and what else is asked for */
    char (*id)[65];
    char (*value)[200];
    size_t n;
};
static struct server server;
static struct client client;
static char data[200]; /* what is in the store, in words */
static const char *store = "SQLite";
static int64_t seconds = 4;

/* ---- telling ---- */
static inline double server_cpu(void)
{
    char path[64], *text, *at;
    unsigned long user = 0, kernel = 0;
    size_t n;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)server.pid);
    assert_int_equal(am_file_read(path, 4096, &text, &n), AM_OK);
    at = strrchr(text, ')');
    assert_non_null(at);
    assert_int_equal(sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &user, &kernel),
                     2);
    free(text);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static inline void show(const char *figure, double value, const char *unit, double target,
                        bool higher, const char *conditions)
{
    char name[160], text[600];
    snprintf(name, sizeof name, "rest%s.%s", *store == 'P' ? "_pg" : "", figure);
    snprintf(text, sizeof text, "%s; %s, %s, HTTP, client beside it", conditions, store,
             data);
    load_show(name, value, unit, target, higher, text, NULL);
}

static inline int ask_path(struct buf *out, const char *path)
{
    return buf_addf(out,
                    "GET /fhir/%s HTTP/1.1\r\nHost: localhost\r\nAccept: "
                    "application/fhir+json\r\n\r\n",
                    path);
}

static inline size_t some(size_t k, size_t n)
{
    return (size_t)((uint64_t)k * 0x9e3779b97f4a7c15 >> 20) % n;
}

/* arg: a path with %s for what is drawn */
struct query {
    const char *figure, *path, *conditions;
    struct found *from;
    bool value; /* value[] instead of id[] */
    double target;
};

static inline int ask_query(void *arg, size_t k, struct buf *out)
{
    const struct query *q = arg;
    size_t i = some(k, q->from->n);
    char path[400];
    const char *hole = strstr(q->path, "%s");
    snprintf(path, sizeof path, "%.*s%s%s", (int)(hole - q->path), q->path,
             q->value ? q->from->value[i] : q->from->id[i], hole + 2);
    return ask_path(out, path);
}

/* ---- what is asked for ---- */
static inline void found_init(struct found *f)
{
    f->id = am_calloc(REST_MOST, sizeof *f->id);
    f->value = am_calloc(REST_MOST, sizeof *f->value);
    assert_true(f->id && f->value);
}

static inline void found_add(struct found *f, struct str id, struct str value)
{
    if (f->n == REST_MOST || id.n >= sizeof *f->id || value.n >= sizeof *f->value)
        return;
    memcpy(f->id[f->n], id.p, id.n);
    memcpy(f->value[f->n], value.p, value.n);
    f->n++;
}

/* ---- figures ---- */
static inline double closed(client_ask_fn *ask, void *arg, int clients)
{
    int64_t start;
    client.n = clients;
    client.ask = ask;
    client.arg = arg;
    client.next = 0;
    start = time_mono();
    client_closed(&client, start + seconds * TIME_SECOND, SIZE_MAX);
    assert_int_equal(client.bad, 0);
    return (double)client.done * 1e6 / (double)(time_mono() - start);
}

/* The figure by the clock, then at half of it with the time each took. */
static inline void measure(const char *figure, client_ask_fn *ask, void *arg,
                           double target, const char *conditions)
{
    char name[80], text[250];
    double cpu, per_s;
    if (getenv("REST_ONLY") && strcmp(getenv("REST_ONLY"), figure) != 0)
        return;
    fprintf(stderr, "bench: %s\n", figure);
    cpu = server_cpu();
    per_s = closed(ask, arg, REST_CLIENTS);
    cpu = (server_cpu() - cpu) * 1e6 / (double)client.done;
    snprintf(
        text, sizeof text,
        "%s, %d clients, %zu bytes an answer, %.0f us of the server's processor each",
        conditions, REST_CLIENTS, client.bytes / client.done, cpu);
    show(figure, per_s, "/s", target, true, text);
    client_open(&client, per_s / 2, (size_t)(per_s / 2 * (double)seconds));
    assert_int_equal(client.bad, 0);
    snprintf(name, sizeof name, "%s_p99", figure);
    snprintf(text, sizeof text,
             "%.0f/s, half of what it can, at random instants; p50 %.1f ms", per_s / 2,
             client_percentile(&client, 0.5));
    show(name, client_percentile(&client, 0.99), "ms", 20, false, text);
}

/* ---- the node ---- */
static inline void serve(const char *dir)
{
    const char *warehouse = getenv("REST_WAREHOUSE"), *conf = getenv("REST_CONF");
    char path[PATH_MAX], text[1000];
    const char *args[] = {"node",        "--data", dir, "--listen",
                          "127.0.0.1:0", "--open", NULL};
    if (warehouse)
        store = "PostgreSQL";
    snprintf(path, sizeof path, "%s/node.conf", dir);
    snprintf(text, sizeof text, "%s%s\n%s\n", warehouse ? "warehouse = " : "",
             warehouse ? warehouse : "", conf ? conf : "");
    assert_int_equal(am_file_write(path, str_c(text), 0600), AM_OK);
    server_start(&server, args);
}

#endif
