/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of valid.h share: JSON written with ' for ", judged, and asked about. */
#ifndef FHIR_VALID_TEST_H
#define FHIR_VALID_TEST_H

#include "fhir/fhir_test.h"
#include "fhir/def.h"
#include "fhir/valid.h"

struct judged {
    struct json_doc *doc;
    struct diag d;
    int err;
};

static inline void judge_text(struct judged *j, const struct fhir_valid *v,
                              struct str text, unsigned flags)
{
    const struct json_limits limits = {.raw_numbers = true, .size_b = 64 << 20};
    diag_init(&j->d);
    if (json_parse(&j->doc, text, &limits, &j->d))
        fail_msg("%.*s: %s %s", (int)AM_MIN(text.n, 300), text.p, j->d.item[0].code,
                 j->d.item[0].detail);
    j->err = fhir_valid_check(v, json_root(j->doc), flags, &j->d);
}

static inline void judge(struct judged *j, const struct fhir_valid *v, const char *quoted,
                         unsigned flags)
{
    char *z = str_dup(str_c(quoted));
    assert_non_null(z);
    for (char *p = z; *p; p++)
        if (*p == '\'')
            *p = '"';
    judge_text(j, v, str_c(z), flags);
    free(z);
}

static inline void judged_release(struct judged *j)
{
    json_free(j->doc);
    diag_release(&j->d);
}

/* The problem with that code at that place, and for an invariant with that key. */
static inline const struct diag_item *
judged_find(const struct judged *j, const char *path, const char *code, const char *key)
{
    for (size_t i = 0; i < j->d.n; i++) {
        const struct diag_item *it = &j->d.item[i];
        bool same = (!path || strcmp(it->path, path) == 0) && strcmp(it->code, code) == 0;
        if (same && key) {
            same = false;
            for (size_t k = 0; k < it->args; k++)
                same |= strcmp(it->arg[k].name, "key") == 0 &&
                        strcmp(it->arg[k].value, key) == 0;
        }
        if (same)
            return it;
    }
    return NULL;
}

/* Next field of a CSV line; quotes doubled inside are left doubled. */
static inline struct str judged_field(struct str *rest)
{
    struct str f;
    size_t end = 0;
    bool quoted = false;
    while (end < rest->n && (quoted || (rest->p[end] != ',' && rest->p[end] != '\n'))) {
        quoted ^= rest->p[end] == '"';
        end++;
    }
    f = str_sub(*rest, 0, end);
    *rest = str_sub(*rest, end + 1, rest->n);
    return f;
}

#endif
