/* SPDX-License-Identifier: Apache-2.0 */
/* What a score table becomes. */
#ifndef EWS_PRIV_H
#define EWS_PRIV_H

#include "ews/ews.h"

struct ews_code {
    struct str id;
    struct ews_coding coding[EWS_CODINGS]; /* each means it */
    size_t codings;
    int points;
};
struct ews_bands {
    size_t n;
    int64_t to[EWS_BANDS]; /* upper end, included, in units of 10^-decimals; last: none */
    int points[EWS_BANDS];
};
struct ews_case {
    int when[EWS_VARIABLES]; /* code that variable must have; -1: any */
    struct ews_bands bands;
};
struct ews_slot {
    struct ews_variable pub;
    int64_t from, to; /* of a quantity: pub.from and pub.to, rounded as values are */
    int otherwise;    /* code that holds when none is given; -1: none */
    bool asked;       /* a case of another variable depends on it */
    struct ews_code *code;
    struct ews_case *cases; /* of a quantity: exactly one holds */
    size_t n_cases;
};
struct ews_rank {
    struct ews_level pub;
    int from;   /* total; INT_MAX: not by the total */
    int single; /* points of one variable; INT_MAX: not by one */
};
struct ews_table {
    struct arena arena;
    struct str id, version, source, title[EWS_LANGUAGES];
    int maximum;
    size_t n, n_levels;
    struct ews_slot slot[EWS_VARIABLES];
    struct ews_rank level[EWS_LEVELS];
};

/* In units of 10^-decimals, halves away from zero. False: not finite or beyond 2^53. */
bool ews_round(double v, int decimals, int64_t *out);
const struct ews_case *ews_case_of(const struct ews_slot *s, const int *code, size_t n);
int ews_points(const struct ews_bands *b, int64_t value);

#endif
