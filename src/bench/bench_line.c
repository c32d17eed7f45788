/* SPDX-License-Identifier: Apache-2.0 */
/* The calls to an endpoint, each bounded, each outcome counted. */
#include <strings.h>
#include <time.h>

#include "bench/bench_remote.h"

enum {
    FAILURES_MAX = 8, /* in a row: then nobody is there */
    TRIES = 8,        /* of a call that is told to come back later */
    REPLY_BASE = 1 << 16,
    REPLY_VALUE = 64, /* bytes a row may take */
    BODY_MAX = 64 << 20,
    SHOWN_MIN = 8 /* characters of a number that nobody writes by chance */
};

const char *const bench_fault_name[BENCH_FAULTS] = {
#define X(id, name) name,
    BENCH_FAULT_MAP(X)
#undef X
};

/* What runtimes write when they show their insides. */
static const char *const insides[] = {"Traceback (most recent call last)",
                                      "File \\\"/",
                                      "File \"/",
                                      "/site-packages/",
                                      "/dist-packages/",
                                      "Exception in thread",
                                      "\\n\\tat ",
                                      "\n\tat ",
                                      "java.lang.",
                                      "goroutine ",
                                      "panicked at ",
                                      "AddressSanitizer"};

bool bench_line_over(const struct bench_line *l)
{
    return l->dead || time_mono() >= l->at->until;
}

static void failed(struct bench_line *l, enum bench_fault f)
{
    l->fault[f]++;
    if (++l->failures >= FAILURES_MAX || f == BENCH_FAULT_UNTRUSTED)
        l->dead = true;
}

static bool leaks(const struct bench_line *l)
{
    const struct bench_account *a = &l->at->account, *b = &l->at->probe;
    const char *text = l->reply.body.p;
    if (!l->reply.body.n)
        return false;
    for (size_t i = 0; i < AM_LEN(insides); i++)
        if (strstr(text, insides[i]))
            return true;
    return (a->token[0] && strstr(text, a->token)) ||
           (b->token[0] && strstr(text, b->token));
}

bool bench_line_shows(const struct bench_line *l, const double *x, size_t n)
{
    struct buf text;
    bool shows = false;
    buf_init(&text, 64);
    for (size_t i = 0; i < n && l->reply.body.n && !shows; i++) {
        struct jw w;
        buf_clear(&text);
        jw_init(&w, &text);
        jw_num(&w, x[i]); /* as it was sent */
        if (!jw_done(&w) && text.n >= SHOWN_MIN)
            shows = strstr(l->reply.body.p, text.p) != NULL;
    }
    buf_release(&text);
    return shows;
}

static enum bench_fault fault_of(int err)
{
    return err == AM_E_TIMEOUT  ? BENCH_FAULT_LATE
           : err == AM_E_TOOBIG ? BENCH_FAULT_TOO_LONG
           : err == AM_E_CRYPTO ? BENCH_FAULT_UNTRUSTED
                                : BENCH_FAULT_UNREACHABLE;
}

static void judge_status(struct bench_line *l, int status)
{
    if (status >= 200 && status < 300)
        return;
    if (status >= 300 && status < 400)
        failed(l, BENCH_FAULT_REDIRECT);
    else if (status == 401 || status == 403)
        l->fault[BENCH_FAULT_DENIED]++;
    else if (status == 429)
        l->fault[BENCH_FAULT_LIMITED]++;
    else
        l->fault[BENCH_FAULT_STATUS]++;
}

int bench_line_call(struct bench_line *l, const struct bench_knock *k, int *status)
{
    const struct bench_remote *at = l->at;
    char url[2 * BENCH_URL];
    int64_t left = (at->until - time_mono()) / 1000;
    struct http_call call = {.method = k->body.n ? HTTP_POST : HTTP_GET,
                             .url = url,
                             .body = k->body,
                             .content_type = k->body.n ? "application/json" : NULL,
                             .bearer = k->bearer,
                             .headers = k->header.name.n > 0,
                             .header = {k->header},
                             .ca_file = at->ca[0] ? at->ca : NULL};
    int err;
    *status = 0;
    if (bench_line_over(l) || left <= 0)
        return AM_OK;
    call.timeout_ms = (unsigned)AM_MIN(left, (int64_t)at->timeout_ms);
    snprintf(url, sizeof url, "%s%s", at->url, k->path);
    err = http_call(l->client, &call, &l->reply);
    if (err == AM_E_NOMEM)
        return err;
    if (err) {
        failed(l, fault_of(err));
        return AM_OK;
    }
    *status = l->reply.status;
    l->fault[BENCH_FAULT_LEAK] += leaks(l);
    judge_status(l, *status);
    return AM_OK;
}

void bench_line_path(const struct bench_line *l, bool infer, char out[BENCH_URL])
{
    snprintf(out, BENCH_URL, "/v2/models/%s%s", l->at->model, infer ? "/infer" : "");
}

int bench_line_question(struct bench_line *l, const double *x, size_t n)
{
    buf_clear(&l->body);
    snprintf(l->oip.id, sizeof l->oip.id, "amane-%llu", (unsigned long long)++l->asked);
    return bench_oip_ask(&l->oip, x, n, l->features, &l->body);
}

int bench_line_answer(struct bench_line *l, size_t n, double *score)
{
    static const char json[] = "application/json";
    const char *type = l->reply.content_type;
    int err;
    if (type[0] && strncasecmp(type, json, strlen(json)) != 0) {
        l->fault[BENCH_FAULT_CONTENT_TYPE]++;
        return AM_E_INVALID;
    }
    err = bench_oip_answer(&l->oip, buf_str(&l->reply.body), n, score, &l->malformed);
    l->fault[BENCH_FAULT_MALFORMED] += err == AM_E_INVALID;
    return err;
}

/* ---- opening --------------------------------------------------------------------------
 */
static const char *bearer_of(const struct bench_account *a)
{
    return a->token[0] ? a->token : NULL;
}

static int ask_names(struct bench_line *l)
{
    char path[BENCH_URL];
    struct bench_knock k = {.path = path, .bearer = bearer_of(&l->at->account)};
    int status, err;
    bench_line_path(l, false, path);
    err = bench_line_call(l, &k, &status);
    if (err || status != 200) {
        l->dead = true;
        return err;
    }
    err =
        bench_oip_metadata(&l->oip, buf_str(&l->reply.body), l->features, &l->malformed);
    if (err == AM_E_INVALID) {
        l->fault[BENCH_FAULT_MALFORMED]++;
        l->dead = true;
        err = AM_OK;
    }
    return err;
}

int bench_line_open(struct bench_line *l, const struct bench_remote *at, size_t features)
{
    int err;
    *l = (struct bench_line){.at = at, .oip = at->oip, .features = features};
    buf_init(&l->reply.body,
             REPLY_BASE + (size_t)REPLY_VALUE * 2 * (at->batch + features));
    buf_init(&l->body, BODY_MAX);
    if (!at->tls && !at->local)
        l->dead = true; /* nobody's data goes through a wire in clear */
    err = http_client_new(&l->client);
    if (!err && (!l->oip.input[0] || !l->oip.output[0]))
        err = ask_names(l);
    if (err)
        bench_line_close(l);
    return err;
}

void bench_line_close(struct bench_line *l)
{
    http_client_free(l->client);
    l->client = NULL;
    buf_release(&l->reply.body);
    buf_release(&l->body);
}

/* ---- scoring --------------------------------------------------------------------------
 */
static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Told to come back later: does, a few times, each after twice the wait. */
static int call_patiently(struct bench_line *l, const struct bench_knock *k, int *status)
{
    int err = bench_line_call(l, k, status);
    for (int i = 0; i < TRIES && !err && (*status == 429 || *status == 503); i++) {
        pause_ms((int64_t)20 << i);
        err = bench_line_call(l, k, status);
    }
    return err;
}

enum outcome { TAKEN, NOT_TAKEN, TRY_HALVES };

static int ask_batch(struct bench_line *l, const double *x, size_t n, double *score,
                     enum outcome *out)
{
    char path[BENCH_URL];
    struct bench_knock k = {.path = path, .bearer = bearer_of(&l->at->account)};
    int status, err = bench_line_question(l, x, n);
    *out = NOT_TAKEN;
    if (err)
        return err;
    bench_line_path(l, true, path);
    k.body = buf_str(&l->body);
    err = call_patiently(l, &k, &status);
    if (err || !status || (status >= 300 && status < 400))
        return err;
    if (status < 200 || status >= 300) {
        *out = status == 401 || status == 403 || status == 429 ? NOT_TAKEN : TRY_HALVES;
        l->dead |= status == 401 || status == 403;
        return AM_OK;
    }
    err = bench_line_answer(l, n, score);
    if (err == AM_E_INVALID) {
        *out = TRY_HALVES;
        return AM_OK;
    }
    *out = err ? NOT_TAKEN : TAKEN;
    return err;
}

static int ask_part(struct bench_line *l, const double *x, size_t n, double *score)
{
    size_t half = n / 2;
    enum outcome out = NOT_TAKEN;
    int err = bench_line_over(l) ? AM_OK : ask_batch(l, x, n, score, &out);
    if (err)
        return err;
    if (out == TAKEN) {
        l->rows += (int64_t)n;
        l->failures = 0;
        return AM_OK;
    }
    if (out == TRY_HALVES && n > 1) {
        err = ask_part(l, x, half, score);
        return err ? err : ask_part(l, x + half * l->features, n - half, score + half);
    }
    for (size_t i = 0; i < n; i++)
        score[i] = NAN;
    if (out == TRY_HALVES && ++l->failures >= FAILURES_MAX)
        l->dead = true;
    return AM_OK;
}

/* Fills missing values as declared; false: the row cannot be sent. */
static bool prepare(const struct bench_line *l, const double *x, double *out)
{
    for (size_t j = 0; j < l->features; j++) {
        out[j] = isnan(x[j]) ? l->at->missing : x[j];
        if (!isfinite(out[j]))
            return false;
    }
    return true;
}

int bench_line_ask(struct bench_line *l, const double *x, size_t n, double *score)
{
    size_t f = l->features, batch = l->at->batch, *at = am_malloc(batch * sizeof *at);
    double *rows = am_malloc((batch * f + 1) * sizeof *rows),
           *got = am_malloc(batch * sizeof *got);
    int err = at && rows && got ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err;) {
        size_t k = 0;
        for (; i < n && k < batch; i++) {
            score[i] = NAN;
            if (prepare(l, x + i * f, rows + k * f))
                at[k++] = i;
            else
                l->unsent++;
        }
        err = k ? ask_part(l, rows, k, got) : AM_OK;
        for (size_t j = 0; j < k && !err; j++)
            score[at[j]] = got[j];
    }
    free(at);
    free(rows);
    free(got);
    return err;
}
