/* SPDX-License-Identifier: Apache-2.0 */
/* label_change -- what new weights may take from those they change, and what not: the
 * only place where evidence of another digest is let in (label_case.c asks it). */
#include "base/clock.h"
#include "label/label_priv.h"

static const struct {
    const char *name, *floor;
} change_info[] = {
#define X(name, floor) {name, floor},
    LABEL_CHANGE_MAP(X)
#undef X
};

const char *label_change_name(size_t i)
{
    return i < AM_LEN(change_info) ? change_info[i].name : NULL;
}

static const char *change_floor(struct str type)
{
    for (size_t i = 0; i < AM_LEN(change_info); i++)
        if (str_eqc(type, change_info[i].name))
            return change_info[i].floor;
    return NULL;
}

bool label_change_known(struct str type)
{
    return change_floor(type) != NULL;
}

static struct str family_of(const struct label_policy *p, struct str row)
{
    for (size_t i = 0; i < p->row.n; i++)
        if (str_eq(p->row.v[i].id, row))
            return json_get_str(p->row.v[i].doc, "family");
    return STR_NULL;
}

bool label_family_known(const struct label_policy *p, struct str family)
{
    for (size_t i = 0; i < p->row.n; i++)
        if (family.n && str_eq(json_get_str(p->row.v[i].doc, "family"), family))
            return true;
    return false;
}

static bool names(const struct json *list, const char *member, struct str word)
{
    for (json_each(it, list))
        if (str_eq(member ? json_get_str(it.val, member) : json_str(it.val), word))
            return true;
    return false;
}

bool label_rerun(const struct label_policy *p, const struct json *change, struct str row)
{
    struct str family = family_of(p, row);
    const char *floor = change_floor(json_get_str(change, "type"));
    return !family.n || !floor || label_word(floor, family) ||
           names(json_get(change, "families"), NULL, family) ||
           names(json_get(change, "tests"), NULL, row) ||
           names(json_get(change, "acceptance"), "row", row);
}

/* ---- while a case is loaded ------------------------------------------------------ */
bool label_of_parent(const struct label_case *c, const struct json *record)
{
    return c->from && c->from->parent.n &&
           str_eq(json_get_str(record, "model_digest"), c->from->parent) &&
           !str_eq(json_get_str(c->record, "model_digest"), c->from->parent);
}

bool label_inherits(const struct label_case *c, struct str row)
{
    return c->from && !map_has(&c->own, row) && !label_rerun(c->p, c->from->change, row);
}

static int own_row(struct label_case *c, struct str row)
{
    return row.n ? map_set(&c->own, row, 1) : AM_OK;
}

/* Named, measured or judged: what was looked at on the new weights is theirs alone. */
int label_own_rows(struct label_case *c, const struct json *record)
{
    static const char *const list[] = {"measures", "row_results"};
    int err = AM_OK;
    if (!c->from || !str_eq(json_get_str(record, "model_digest"),
                            json_get_str(c->record, "model_digest")))
        return AM_OK;
    for (json_each(it, json_get(record, "rows")))
        err = err ? err : own_row(c, json_str(it.val));
    for (size_t i = 0; i < AM_LEN(list); i++)
        for (json_each(it, json_get(record, list[i])))
            err = err ? err : own_row(c, json_get_str(it.val, "row"));
    return err;
}

/* ---- limits of the plan ---------------------------------------------------------- */
static double newest(const struct json *limit, struct str digest,
                     const struct json *const *evidence, size_t n)
{
    struct str row = json_get_str(limit, "row"), name = json_get_str(limit, "measure");
    int64_t at = INT64_MIN, issued;
    double found = NAN;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(json_get_str(evidence[i], "model_digest"), digest) ||
            time_parse(json_get_str(evidence[i], "issued_at"), &issued))
            continue;
        for (json_each(it, json_get(evidence[i], "measures"))) {
            double x = json_num(json_get(it.val, "estimate"), NAN);
            if (!str_eq(json_get_str(it.val, "row"), row) ||
                !str_eq(json_get_str(it.val, "name"), name) ||
                json_get_str(it.val, "group").n || issued < at)
                continue;
            if (issued == at && x != found)
                x = NAN; /* two answers of one instant: none */
            found = x;
            at = issued;
        }
    }
    return found;
}

static bool holds(struct str op, double a, double b)
{
#define X(id, name, test)                                                                \
    if (str_eqc(op, name))                                                               \
        return test;
    LABEL_OP_MAP(X)
#undef X
    return false;
}

void label_accept(const struct json *change, struct str model_digest,
                  const struct json *const *evidence, size_t n, size_t *failed)
{
    *failed = SIZE_MAX;
    for (json_each(it, json_get(change, "acceptance"))) {
        double x = newest(it.val, model_digest, evidence, n),
               limit = json_num(json_get(it.val, "value"), NAN);
        if (holds(json_get_str(it.val, "op"), x, limit))
            continue;
        *failed = it.i;
        return;
    }
}
