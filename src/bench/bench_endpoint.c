/* SPDX-License-Identifier: Apache-2.0 */
/* bench_endpoint -- rows CY-1, CY-2 and the controls of CY-6, asked of the service
 * itself, as a stranger with and without a token would. Only made rows are sent (normal
 * draws in the declared ranges), never one of a patient. What is seen goes to the tape;
 * what it means is said in bench_sight.h. */
#include "bench/bench_endpoint.h"
#include "probe/probe_extract.h"

/* Names and words that services are delivered with. */
static const char *const defaults[][2] = {
    {"admin", "admin"}, {"admin", "password"}, {"admin", "changeme"}, {"admin", ""},
    {"root", "root"},   {"user", "password"},  {"test", "test"},      {"guest", "guest"},
    {"demo", "demo"},   {"triton", "triton"},  {"kserve", "kserve"},  {"api", "api"},
    {NULL, "admin"},    {NULL, "token"},       {NULL, "test"},        {NULL, "changeme"},
    {NULL, "default"},  {NULL, "secret"},      {NULL, "password"}};

static void note(struct bench_endpoint *e, enum bench_sight_kind kind, double a, double b)
{
    bool room = bench_sight_add(&e->seen, kind, a, b);
    am_assert(room); /* but for the burst, which asks, each part is a few lines */
}

/* ---- CY-1 -----------------------------------------------------------------------------
 */
/* The same call on both paths: scoring, and what the model is. */
static int knock(struct bench_endpoint *e, const char *bearer, struct http_field header,
                 enum bench_sight_kind kind, size_t which)
{
    for (int infer = 0; infer < 2; infer++) {
        char path[BENCH_URL];
        struct bench_knock k = {.path = path, .bearer = bearer, .header = header};
        int status, err;
        bench_line_path(&e->line, infer, path);
        if (infer)
            k.body = buf_str(&e->line.body);
        err = bench_line_call(&e->line, &k, &status);
        if (err)
            return err;
        e->line.failures = 0; /* refusals are what is hoped for here */
        note(e, kind, (double)which, status);
    }
    return AM_OK;
}

static int try_without(struct bench_endpoint *e)
{
    const struct http_field none = {STR_NULL, STR_NULL};
    char wrong[BENCH_TOKEN];
    size_t n = strlen(e->line.at->account.token);
    int err = knock(e, NULL, none, BENCH_SIGHT_STRANGER, 0);
    if (!err)
        err = knock(e, "0123456789abcdef0123456789abcdef", none, BENCH_SIGHT_STRANGER, 1);
    if (!err && n) { /* one character off, and one short */
        memcpy(wrong, e->line.at->account.token, n + 1);
        wrong[n - 1] = wrong[n - 1] == 'x' ? 'y' : 'x';
        err = knock(e, wrong, none, BENCH_SIGHT_STRANGER, 2);
        wrong[n - 1] = 0;
        if (!err && n > 1)
            err = knock(e, wrong, none, BENCH_SIGHT_STRANGER, 3);
        explicit_bzero(wrong, sizeof wrong);
    }
    return err;
}

static int try_defaults(struct bench_endpoint *e)
{
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(defaults) && !err; i++) {
        struct http_field h = {STR("Authorization"), STR_NULL};
        struct buf value;
        char pair[64];
        if (!defaults[i][0]) {
            err = knock(e, defaults[i][1], (struct http_field){STR_NULL, STR_NULL},
                        BENCH_SIGHT_DEFAULT, i);
            continue;
        }
        buf_init(&value, 256);
        snprintf(pair, sizeof pair, "%s:%s", defaults[i][0], defaults[i][1]);
        err = buf_adds(&value, "Basic ");
        if (!err)
            err = crypto_base64(&value, str_c(pair));
        h.value = buf_str(&value);
        if (!err)
            err = knock(e, NULL, h, BENCH_SIGHT_DEFAULT, i);
        buf_release(&value);
    }
    return err;
}

/* Is the right token accepted? */
static int greet(struct bench_endpoint *e)
{
    double score;
    int err = bench_line_ask(&e->line, e->x, 1, &score);
    e->answers = !err && !isnan(score);
    note(e, BENCH_SIGHT_GREETED, e->answers, 0);
    return err;
}

static int authentication(struct bench_endpoint *e)
{
    int err = bench_line_question(&e->line, e->x, 1);
    if (!err)
        err = try_without(e);
    return err ? err : try_defaults(e);
}

/* Questions no careful client asks: are the answers of the service's insides? */
static int provoke(struct bench_endpoint *e)
{
    static const char tensor[] = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,-1],"
                                 "\"datatype\":\"FP64\",\"data\":[\"a\",{}]}]}";
    static const char *const odd[] = {"{", "{\"inputs\":[]}", tensor};
    char path[BENCH_URL];
    const char *token = e->line.at->account.token;
    int err = AM_OK, status;
    bench_line_path(&e->line, true, path);
    for (size_t i = 0; i < AM_LEN(odd) && !err; i++) {
        struct bench_knock k = {
            .path = path, .bearer = token[0] ? token : NULL, .body = str_c(odd[i])};
        err = bench_line_call(&e->line, &k, &status);
        note(e, BENCH_SIGHT_ODD, (double)i, status);
        e->line.fault[BENCH_FAULT_LEAK] += bench_line_shows(
            &e->line, e->x, BENCH_COMPARED * e->line.features); /* of rows before */
        e->line.failures = 0;
    }
    return err;
}

/* ---- CY-2 -----------------------------------------------------------------------------
 */
enum { KNOCK_MS = 3000, ALONE = 8 };
#define SAME 1e-5 /* of two scores of one row (label matrix, RP-1) */

/* One call on a connection of its own; AM_OK: there was an answer. */
static int fresh(const struct bench_endpoint *e, const char *url, unsigned tls,
                 int *status)
{
    const struct bench_remote *at = e->line.at;
    struct http_client *c;
    struct http_reply a = {0};
    struct http_call call = {.url = url,
                             .tls_only = tls,
                             .timeout_ms = AM_MIN(at->timeout_ms, (unsigned)KNOCK_MS),
                             .ca_file = at->ca[0] ? at->ca : NULL};
    int err = http_client_new(&c);
    if (err)
        return err;
    buf_init(&a.body, 1 << 16);
    err = http_call(c, &call, &a);
    *status = a.status;
    buf_release(&a.body);
    http_client_free(c);
    return err;
}

/* A certificate that is not trusted is seen after the version was agreed. */
static int versions(struct bench_endpoint *e)
{
    char url[2 * BENCH_URL];
    snprintf(url, sizeof url, "%s/v2/health/ready", e->line.at->url);
    for (unsigned v = 13; e->line.at->tls && v >= 10; v--) {
        int status, err = fresh(e, url, v, &status);
        if (err == AM_E_NOMEM)
            return err;
        note(e, BENCH_SIGHT_TLS, v,
             !err                                       ? 2
             : err == AM_E_CRYPTO || err == AM_E_TOOBIG ? 1
                                                        : 0);
    }
    return AM_OK;
}

static int clear_text(struct bench_endpoint *e)
{
    const struct bench_remote *at = e->line.at;
    for (size_t i = 0; i <= at->ports; i++) {
        char url[2 * BENCH_URL];
        unsigned port = i < at->ports ? at->port_clear[i] : at->port;
        int status, err;
        bool twice = false;
        for (size_t k = 0; k < i; k++)
            twice |= at->port_clear[k] == port;
        if (twice)
            continue;
        snprintf(url, sizeof url, "http://%s:%u/v2/health/ready", at->host, port);
        err = fresh(e, url, 0, &status);
        if (err == AM_E_NOMEM)
            return err;
        note(e, BENCH_SIGHT_CLEAR, port, err == AM_E_TOOBIG || (!err && status != 400));
    }
    return AM_OK;
}

/* ---- the family -----------------------------------------------------------------------
 */
static int absent(struct bench_run *r)
{
    int err = bench_fact(r, "CY-1", "endpoint_declared", 0, "manifest");
    if (!err)
        err = bench_fact(r, "CY-2", "endpoint_declared", 0, "manifest");
    if (!err)
        err = bench_fact(r, "CY-6", "endpoint_declared", 0, "manifest");
    if (!err)
        err = bench_not_applicable(r, "CY-1", "no_network_endpoint");
    if (!err)
        err = bench_not_applicable(r, "CY-2", "no_network_endpoint");
    return err ? err : bench_not_applicable(r, "CY-6", "no_network_endpoint");
}

/* What answers here, for whoever has the file (bench_sight.c); and whether a row has the
 * same score alone as among others: if not, it was given another's. */
static int answers_here(struct bench_endpoint *e)
{
    double here[BENCH_COMPARED], alone;
    size_t twice = 0, moved = 0;
    int err;
    if (!e->answers)
        return AM_OK;
    err = bench_line_ask(&e->line, e->x, BENCH_COMPARED, here);
    for (size_t i = 0; i < BENCH_COMPARED && !err; i++)
        note(e, BENCH_SIGHT_HERE, (double)i, here[i]);
    for (size_t i = 0; i < ALONE && !err; i++) {
        err = bench_line_ask(&e->line, e->x + i * e->line.features, 1, &alone);
        if (err || isnan(alone) || isnan(here[i]))
            continue;
        twice++;
        moved += fabs(alone - here[i]) > SAME;
    }
    note(e, BENCH_SIGHT_MOVED, (double)twice, (double)moved);
    return err;
}

static void count_faults(struct bench_endpoint *e)
{
    for (size_t i = 0; i < BENCH_FAULTS; i++)
        note(e, BENCH_SIGHT_FAULT, (double)i, (double)e->line.fault[i]);
    note(e, BENCH_SIGHT_MALFORMED, e->line.malformed, 0);
    note(e, BENCH_SIGHT_ROWS, (double)e->line.rows, 0);
}

static int examine(struct bench_endpoint *e)
{
    int err = greet(e);
    if (!err)
        err = answers_here(e);
    if (!err)
        err = authentication(e);
    if (!err)
        err = provoke(e);
    if (!err)
        err = versions(e);
    if (!err)
        err = clear_text(e);
    if (!err)
        err = bench_burst(e);
    if (!err)
        count_faults(e);
    return err;
}

/* model_tape_fn: out is seen.v. */
static int look(void *cookie, double *out, size_t max, size_t *n)
{
    struct bench_endpoint *e = cookie;
    int err = bench_line_open(&e->line, e->r->remote, e->r->feature.n);
    am_assert(out == e->seen.v && max == BENCH_SIGHT_NUMBERS * BENCH_SIGHTS_MAX);
    if (err)
        return err;
    err = examine(e);
    bench_line_close(&e->line);
    *n = BENCH_SIGHT_NUMBERS * e->seen.n;
    return err;
}

static int make_rows(struct bench_endpoint *e)
{
    struct probe_input *in;
    size_t f = e->r->feature.n;
    int err = bench_inputs(e->r, &in);
    if (err)
        return err;
    e->x = am_malloc((BENCH_BURST_ROWS * f + 1) * sizeof *e->x);
    if (e->x)
        probe_questions_blind(in, f, e->r->seed, BENCH_DRAW_ENDPOINT, e->x,
                              BENCH_BURST_ROWS);
    bench_inputs_free(e->r, in);
    return e->x ? AM_OK : AM_E_NOMEM;
}

int bench_endpoint(struct bench_run *r)
{
    const size_t max = BENCH_SIGHT_NUMBERS * BENCH_SIGHTS_MAX;
    struct bench_endpoint e = {.r = r};
    size_t n = 0;
    int err;
    if (!r->remote)
        return absent(r);
    e.seen.v = am_malloc(max * sizeof *e.seen.v);
    err = e.seen.v ? make_rows(&e) : AM_E_NOMEM;
    if (!err)
        err = model_tape_other(look, &e, e.x, BENCH_BURST_ROWS * r->feature.n, e.seen.v,
                               max, &n);
    e.seen.n = n / BENCH_SIGHT_NUMBERS;
    if (err == AM_E_TAMPERED) /* the end of the tape says so */
        err = AM_OK;
    if (!err)
        err = bench_sights_emit(r, &e.seen, e.x);
    free(e.seen.v);
    free(e.x);
    return err;
}
