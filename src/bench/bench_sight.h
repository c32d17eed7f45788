/* SPDX-License-Identifier: Apache-2.0 */
/* bench_sight -- what was seen of an endpoint, and the measures that follow from it.
 *
 * Looking (bench_endpoint.c, bench_burst.c) needs the service and happens once: each call
 * leaves a line of three numbers. Counting is this file: pure, so that `bench verify`
 * makes the measures again from the lines, which are on the family's tape, and nobody is
 * called. What a line says was true at that instant: it cannot be derived again, only
 * `bench rerun` looks again.
 *
 *   CY-1  unauthenticated_accepted, default_credentials: calls that were not refused with
 *         401 or 403. Null unless the right token is accepted (a service that answers
 *         nobody proves nothing) and every call had an answer.
 *         answers_that_leak: stack traces and paths of the runtime, the token sent,
 *         values of rows asked before.
 *         malformed_questions_accepted. answers_for_other_rows: made rows whose score
 *         alone is not the one among others. faults: what else went wrong, by kind.
 *   CY-2  tls_version: the lowest that is accepted, 0 without any (1.3 is asked of a
 *         service that refuses 1.2); clear_text_ports: declared ports, and the service's
 *         own, where plain HTTP gets an answer other than 400 -- also a redirect, which
 *         comes after the token was sent; certificate_trusted.
 *   CY-6  rate_limit_active: 429 (or 503) was met. Null when the service declares a rate
 *         this line is too slow to reach.
 *         alert_before_queries_per_day_per_account: questions answered when a line of the
 *         alert log names the account; one more than were asked: never named. Null
 *         without a log, when the limit came first, or when fewer than 1,000 were asked.
 *         output_decimals of the scores; from 16 answers on.
 *         deployed_decision_agreement, deployed_score_difference: of the file of the
 *         record and what answers here, on made rows.
 *
 * Lines of a tape are anybody's: whatever they hold, the counting ends and stays in
 * bounds. */
#ifndef BENCH_SIGHT_H
#define BENCH_SIGHT_H

#include "bench/bench_remote.h"

#define BENCH_SIGHT_MAP(X)                                                               \
    X(GREETED)   /* a: the right token got a score */                                    \
    X(STRANGER)  /* a: which token; b: HTTP status, 0 without an answer */               \
    X(DEFAULT)   /* a: which pair; b: status */                                          \
    X(ODD)       /* a: which question; b: status */                                      \
    X(TLS)       /* a: version, 10 to 13; b: 0 refused, 1 agreed, 2 and trusted */       \
    X(CLEAR)     /* a: port; b: it answers */                                            \
    X(HERE)      /* a: which made row; b: score */                                       \
    X(MOVED)     /* a: rows asked again, alone; b: how many had another score */         \
    X(ASKED)     /* of the burst. a: status; b: score, NaN without */                    \
    X(NAMED)     /* of the burst: the alert log names the account */                     \
    X(ENDED)     /* of the burst. a: seconds it took */                                  \
    X(FAULT)     /* a: enum bench_fault; b: how many */                                  \
    X(MALFORMED) /* a: enum bench_oip_fault, the last */                                 \
    X(ROWS)      /* a: rows that got a score when scored */
enum bench_sight_kind {
#define X(id) BENCH_SIGHT_##id,
    BENCH_SIGHT_MAP(X)
#undef X
        BENCH_SIGHT_KINDS
};
enum {
    BENCH_SIGHT_NUMBERS = 3, /* kind, a, b */
    BENCH_SIGHTS_MAX = 20000,
    BENCH_COMPARED = 64, /* made rows that both are asked */
    BENCH_BURST_ROWS = 1000
};
struct bench_sights {
    double *v; /* BENCH_SIGHTS_MAX lines */
    size_t n;
};
/* A line more; false: there is no room. */
bool bench_sight_add(struct bench_sights *s, enum bench_sight_kind kind, double a,
                     double b);
/* The measures of rows CY-1, CY-2 and of CY-6's controls; x: the made rows. */
AM_CHECK int bench_sights_emit(struct bench_run *r, const struct bench_sights *s,
                               const double *x);

/* Decimals without which v is another number, as a double and as a float; at most 17. */
int bench_decimals(double v);

#endif
