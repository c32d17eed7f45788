/* SPDX-License-Identifier: Apache-2.0 */
/* What the inputs of a record become. */
#ifndef FEATURE_PRIV_H
#define FEATURE_PRIV_H

#include "feature/feature.h"

enum feature_source { FEATURE_OBSERVED, FEATURE_AGE, FEATURE_SEX };
struct feature_word {
    struct str code;
    double number;
};
struct feature_input {
    struct feature_ask ask;
    struct str value_unit; /* values are converted to it before they are aggregated */
    struct str rate_unit;  /* of a slope: value_unit per second */
    enum feature_source source;
    enum feature_policy missing, implausible;
    double impute;
    double from, to;             /* plausible: of the input, in its unit */
    double value_from, value_to; /* of values, in value_unit */
    struct feature_word *word;
    size_t words;
};
struct feature_plan {
    struct arena arena;
    struct feature_input *in;
    size_t n;
};

#endif
