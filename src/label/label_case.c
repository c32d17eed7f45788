/* SPDX-License-Identifier: Apache-2.0 */
/* label_case -- gathers the evidence: the newest measure per (row, name, group), rows an
 * evaluator calls not applicable, groups with their sizes. The order of the evidence
 * never matters: of two measures of one instant, the one whose text sorts first counts.
 */
#include "base/clock.h"
#include "label/label_priv.h"

bool label_word(const char *list, struct str word)
{
    struct str rest = str_c(list);
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), word))
            return true;
    return false;
}

bool label_listed(const struct json *list, const char *otherwise, struct str word)
{
    if (!list)
        return label_word(otherwise, word);
    for (json_each(it, list))
        if (str_eq(json_str(it.val), word))
            return true;
    return false;
}

static int canonical_less(const struct json *a, const struct json *b, bool *less)
{
    struct buf x, y;
    int err;
    buf_init(&x, (size_t)16 << 20);
    buf_init(&y, (size_t)16 << 20);
    err = json_canon(&x, a);
    if (!err)
        err = json_canon(&y, b);
    if (!err)
        *less = str_cmp(buf_str(&x), buf_str(&y)) < 0;
    buf_release(&x);
    buf_release(&y);
    return err;
}

/* Sizes by bound (`x.additional_positives`, threshold = the bound) are one each. */
static int key_of(const struct label_measure *m, struct buf *key)
{
    int err;
    buf_clear(key);
    err = buf_addf(key, "%.*s\n%.*s\n%.*s", STR_FMT(m->row), STR_FMT(m->name),
                   STR_FMT(m->group));
    if (!err && str_ends(m->name, STR(".additional_positives")))
        err = buf_addf(key, "\n%a", m->threshold);
    return err;
}

static int add_measure(struct label_case *c, const struct label_measure *m,
                       struct buf *key)
{
    size_t i;
    bool less = false;
    int err = key_of(m, key);
    if (err)
        return err;
    if (map_get(&c->seen, buf_str(key), &i)) {
        if (c->measure.n == LABEL_MEASURES_MAX)
            return AM_E_TOOBIG;
        err = map_set(&c->seen, buf_str(key), c->measure.n);
        return err ? err : vec_push(&c->measure, *m);
    }
    if (m->at == c->measure.v[i].at)
        err = canonical_less(m->doc, c->measure.v[i].doc, &less);
    if (!err && (less || m->at > c->measure.v[i].at))
        c->measure.v[i] = *m;
    return err;
}

/* Rows about a model, not about people: "method=random", "stream=score" are no groups. */
static bool of_things(struct str row)
{
    static const char *const about[] = {"RB-", "CY-", "DM-", "RP-"};
    for (size_t i = 0; i < AM_LEN(about); i++)
        if (str_starts(row, str_c(about[i])))
            return true;
    return false;
}

/* "sex=F" is a group of people; sites, crossings and attributes alone are not. */
static int add_group(struct label_case *c, const struct label_measure *m)
{
    struct label_group g = {.group = m->group, .n = m->n, .positives = m->positives};
    struct str rest, attribute = str_cut(m->group, '=', &rest);
    size_t i;
    if (!rest.n || str_find(m->group, ';') < m->group.n || str_eqc(attribute, "site") ||
        str_eqc(attribute, "gst") || of_things(m->row))
        return AM_OK;
    if (map_get(&c->groups, m->group, &i)) {
        int err = map_set(&c->groups, m->group, c->group.n);
        return err ? err : vec_push(&c->group, g);
    }
    if (g.n > c->group.v[i].n ||
        (g.n == c->group.v[i].n && g.positives > c->group.v[i].positives))
        c->group.v[i] = g;
    return AM_OK;
}

static int load_measures(struct label_case *c, const struct json *record, int64_t at,
                         bool parent, struct buf *key)
{
    for (json_each(it, json_get(record, "measures"))) {
        const struct json *v = it.val;
        if (parent && !label_inherits(c, json_get_str(v, "row")))
            continue;
        struct label_measure m = {
            .row = json_get_str(v, "row"),
            .name = json_get_str(v, "name"),
            .group = json_get_str(v, "group"),
            .threshold = json_num(json_get(v, "threshold"), NAN),
            .estimate = json_num(json_get(v, "estimate"), NAN),
            .ci = {json_num(json_get(v, "ci95_low"), NAN),
                   json_num(json_get(v, "ci95_high"), NAN)},
            .n = json_int(json_get(v, "n"), 0),
            .positives = json_int(json_get(v, "positives"), 0),
            .at = at,
            .doc = v,
            .record = record,
        };
        int err = add_measure(c, &m, key);
        if (err)
            return err;
    }
    for (json_each(it, json_get(record, "row_results"))) {
        struct label_na na = {.row = json_get_str(it.val, "row"),
                              .reason = json_get_str(it.val, "reason"),
                              .at = at};
        if (!json_str_is(json_get(it.val, "verdict"), "not_applicable") ||
            (parent && !label_inherits(c, na.row)))
            continue;
        if (vec_push(&c->na, na))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

static int load_old(struct label_case *c, const struct json *record, bool parent)
{
    for (json_each(it, json_get(record, "measures"))) {
        struct str row = json_get_str(it.val, "row");
        if ((!parent || label_inherits(c, row)) && vec_push(&c->old, row))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

static int load_record(struct label_case *c, const struct json *record, size_t i,
                       int64_t at, struct buf *key, struct diag *d)
{
    struct str digest = json_get_str(c->record, "model_digest");
    bool parent = label_of_parent(c, record);
    int64_t issued, until;
    char path[48];
    if (!parent && !str_eq(json_get_str(record, "model_digest"), digest)) {
        snprintf(path, sizeof path, "/evidence/%zu/model_digest", i);
        diag_err(d, path, "label.other_model", "evidence about another model");
        return AM_E_INVALID;
    }
    if (time_parse(json_get_str(record, "issued_at"), &issued)) {
        snprintf(path, sizeof path, "/evidence/%zu/issued_at", i);
        diag_err(d, path, "label.issued_at", "evidence without a date");
        return AM_E_INVALID;
    }
    if (time_add_iso(issued, c->p->evidence_max_age, &until) || until < at)
        return load_old(c, record, parent);
    return load_measures(c, record, issued, parent, key);
}

static bool critical(const struct label_policy *p, const struct json *record)
{
    struct str use = json_get_str(json_get(record, "intended_use"), "use_code");
    for (json_each(it, json_get(json_get(p->root, "codes"), "critical")))
        if (use.n && str_eq(json_get_str(it.val, "code"), use))
            return true; /* the list is the ministry's: a record may raise, never lower */
    return json_str_is(json_get(record, "criticality"), "critical_diagnosis");
}

static int by_key(const void *a, const void *b)
{
    const struct label_measure *x = a, *y = b;
    int c = str_cmp(x->row, y->row);
    if (!c)
        c = str_cmp(x->name, y->name);
    if (!c)
        c = str_cmp(x->group, y->group);
    return c ? c : (x->threshold > y->threshold) - (x->threshold < y->threshold);
}

/* Sorted, so that which of two equal findings is reported never depends on the order. */
static int sort_measures(struct label_case *c, struct buf *key)
{
    int err = AM_OK;
    if (c->measure.n)
        qsort(c->measure.v, c->measure.n, sizeof *c->measure.v, by_key);
    for (size_t i = 0; i < c->measure.n && !err; i++) {
        err = key_of(&c->measure.v[i], key);
        if (!err)
            err = map_set(&c->seen, buf_str(key), i);
        if (!err)
            err = add_group(c, &c->measure.v[i]);
    }
    return err;
}

int label_case_load(struct label_case *c, const struct json *const *evidence, size_t n,
                    int64_t at, struct diag *d)
{
    struct buf key;
    int err = AM_OK, err2;
    buf_init(&key, 4096);
    map_init(&c->seen);
    map_init(&c->groups);
    map_init(&c->own);
    for (size_t i = 0; i < n && !err; i++)
        err = label_own_rows(c, evidence[i]);
    c->critical = critical(c->p, c->record);
    for (size_t i = 0; i < n && (!err || err == AM_E_INVALID); i++) {
        err2 = load_record(c, evidence[i], i, at, &key, d);
        err = err2 ? err2 : err;
    }
    if (!err)
        err = sort_measures(c, &key);
    buf_release(&key);
    return err;
}

void label_case_release(struct label_case *c)
{
    vec_release(&c->measure);
    vec_release(&c->na);
    vec_release(&c->old);
    vec_release(&c->group);
    map_release(&c->seen);
    map_release(&c->groups);
    map_release(&c->own);
}
