/* SPDX-License-Identifier: Apache-2.0 */
/* bench_form -- the family `governance`, and what other families take from forms: rows of
 * the matrix that people answer for, or that a node's probe sees. Each form of the
 * manifest's "forms" (schema/bench-manifest-1.json) names its document by digest, who
 * signed it and when; the bench takes over what it says, computes nothing, and so a form
 * is evidence like any other: signed, logged, judged by the policy. A form that is not
 * there leaves its measure without a value, "no_form": never a pass.
 *
 * The form node_probe is where a node's probe log comes in (GV-3, CY-4, DM-1). */
#include "bench/bench_priv.h"

static const struct form {
    const char *row, *measure, *name, *member, *of;
} forms[] = {
#define X(row, measure, form, member, of) {row, measure, form, member, of},
    BENCH_FORM_MAP(X)
#undef X
};

static double number(const struct json *form, const char *member)
{
    const struct json *v = json_get(form, member);
    return json_type(v) == JSON_BOOL ? json_bool(v, false) : json_num(v, NAN);
}

static double value_of(const struct form *f, const struct json *form)
{
    double v = f->member[0] ? number(form, f->member) : 1;
    if (!f->of[0])
        return fabs(v);
    return number(form, f->of) >= v ? v / number(form, f->of) : NAN;
}

int bench_forms(struct bench_run *r, const char *row, bool always)
{
    const struct json *all = json_get(r->manifest, "forms");
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(forms) && !err; i++) {
        const struct form *f = &forms[i];
        const struct json *form = json_get(all, f->name);
        if (strcmp(f->row, row) != 0 || (!form && !always))
            continue;
        err = bench_fact(r, row, f->measure, form ? value_of(f, form) : NAN,
                         form ? "form" : "no_form");
    }
    return err;
}

int bench_governance(struct bench_run *r)
{
    static const char *const rows[] = {"DA-4", "CY-3", "RP-2", "GV-1",
                                       "GV-2", "GV-3", "GV-4"};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(rows) && !err; i++)
        err = bench_forms(r, rows[i], true);
    return err;
}
