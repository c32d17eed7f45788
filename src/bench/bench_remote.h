/* SPDX-License-Identifier: Apache-2.0 */
/* bench_remote -- a model behind an endpoint (Open Inference Protocol 2, bench_oip.h), as
 * the manifest's "endpoint" declares it.
 *
 * The service is hostile until shown otherwise. Bounded: each call in time and in bytes,
 * all calls together in time (limit_s), failures in a row in number; then the line is
 * dead and every later score NaN. Redirects are told, never followed. What went wrong is
 * counted (enum bench_fault), never fatal: the run goes on. A batch that fails is halved
 * until the row is alone. Rows leave for a clear-text address only on this machine.
 *
 * A token is read from one short line of a file inside the manifest's folder: a manifest
 * written by a stranger must not send another file away. It is in no log, no measure.
 *
 * Threads: struct bench_remote is constant after reading; a line has one owner. */
#ifndef BENCH_REMOTE_H
#define BENCH_REMOTE_H

#include "bench/bench_oip.h"
#include "bench/bench_oracle.h"
#include "http/http.h"

enum { BENCH_TOKEN = 1024, BENCH_URL = 512, BENCH_PORTS_MAX = 16 };

#define BENCH_FAULT_MAP(X)                                                               \
    X(LATE, "late")                                                                      \
    X(UNREACHABLE, "unreachable")                                                        \
    X(UNTRUSTED, "untrusted_certificate")                                                \
    X(TOO_LONG, "too_long")                                                              \
    X(REDIRECT, "redirect")                                                              \
    X(DENIED, "denied")                                                                  \
    X(LIMITED, "rate_limited")                                                           \
    X(STATUS, "error_status")                                                            \
    X(CONTENT_TYPE, "content_type")                                                      \
    X(MALFORMED, "malformed")                                                            \
    X(LEAK, "leak")
enum bench_fault {
#define X(id, name) BENCH_FAULT_##id,
    BENCH_FAULT_MAP(X)
#undef X
        BENCH_FAULTS
};
extern const char *const bench_fault_name[BENCH_FAULTS];

struct bench_account {
    char name[64];
    char token[BENCH_TOKEN]; /* "" : none */
};
struct bench_remote {
    char url[BENCH_URL], host[256], model[BENCH_OIP_NAME];
    unsigned port;
    bool tls, local; /* local: an address of this machine */
    struct bench_oip oip;
    double missing; /* what a missing value is sent as; NaN: such rows are not sent */
    char ca[4096];  /* "" : the system's authorities */
    size_t batch;
    unsigned timeout_ms;
    int64_t until; /* monotonic: no call after it */
    struct bench_account account, probe;
    bool own_probe; /* an account for the controls: the run's is left alone */
    unsigned port_clear[BENCH_PORTS_MAX];
    size_t ports;
    char alert_log[4096]; /* "" : none */
    int64_t questions_max, wait_ms, alert_ms;
    double limit_requests, limit_s; /* declared; NaN: not */
};
/* bench_check.c's turn: *out NULL when the manifest has none. Problems in d. */
AM_CHECK int bench_remote_read(struct bench_remote **out, const struct bench_run *r,
                               const struct bench_input *in, struct diag *d);
void bench_remote_free(struct bench_remote *r);

struct bench_line {
    const struct bench_remote *at;
    struct http_client *client;
    struct http_reply reply;
    struct buf body;
    struct bench_oip oip; /* names as the service gave them */
    size_t features;
    int64_t fault[BENCH_FAULTS];
    enum bench_oip_fault malformed; /* the last */
    int64_t rows, unsent;           /* answered; not sent: a value is missing */
    uint64_t asked;                 /* questions: their ids */
    unsigned failures;              /* in a row */
    bool dead;
};
/* Asks for the model's metadata unless both names are declared. AM_OK also when nobody
 * answers (dead). */
AM_CHECK int bench_line_open(struct bench_line *l, const struct bench_remote *at,
                             size_t features);
void bench_line_close(struct bench_line *l);
/* NaN where no score came. */
AM_CHECK int bench_line_ask(struct bench_line *l, const double *x, size_t n,
                            double *score);

/* One call, counted; *status 0: no answer. `path` follows the address. */
struct bench_knock {
    const char *path, *bearer;
    struct http_field header; /* name.n 0: none */
    struct str body;          /* a POST when there is one */
};
AM_CHECK int bench_line_call(struct bench_line *l, const struct bench_knock *k,
                             int *status);
/* The path of the model's infer call, or of its metadata. */
void bench_line_path(const struct bench_line *l, bool infer, char out[BENCH_URL]);
/* The body of a question of n rows, in l->body. */
AM_CHECK int bench_line_question(struct bench_line *l, const double *x, size_t n);
/* The scores in the last answer, whose status was 200. AM_E_INVALID: none, counted. */
AM_CHECK int bench_line_answer(struct bench_line *l, size_t n, double *score);
/* Does the last answer show one of these values? Short numbers are anybody's. */
bool bench_line_shows(const struct bench_line *l, const double *x, size_t n);
bool bench_line_over(const struct bench_line *l); /* dead, or out of time */

#endif
