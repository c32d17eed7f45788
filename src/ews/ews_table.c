/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a score table: the schema says the shape, this what the shape cannot say. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "embed/embed.h"
#include "ews/ews_priv.h"

enum { EWS_ASSIGNMENTS = 64 }; /* of codes other variables depend on, in all */

struct reading {
    struct ews_table *t;
    struct diag *d;
};

static struct str keep(struct reading *r, struct str s, int *err)
{
    char *p = arena_dup(&r->t->arena, s);
    if (!p) {
        *err = AM_E_NOMEM;
        return STR_NULL;
    }
    return (struct str){p, s.n};
}

static void keep_words(struct reading *r, const struct json *w,
                       struct str out[EWS_LANGUAGES], int *err)
{
    static const char *const language[EWS_LANGUAGES] = {"fr", "ar", "en"};
    for (int l = 0; l < EWS_LANGUAGES; l++)
        out[l] = keep(r, json_get_str(w, language[l]), err);
}

static size_t keep_codings(struct reading *r, const struct json *list,
                           struct ews_coding out[EWS_CODINGS], int *err)
{
    size_t n = 0;
    for (json_each(it, list))
        out[n++] = (struct ews_coding){keep(r, json_get_str(it.val, "system"), err),
                                       keep(r, json_get_str(it.val, "code"), err)};
    return n;
}

static void wrong(struct reading *r, size_t variable, const char *tail, const char *code,
                  const char *detail)
{
    char path[120];
    snprintf(path, sizeof path, "/variables/%zu%s", variable, tail);
    diag_err(r->d, path, code, "%s", detail);
}

static int slot_of(const struct ews_table *t, struct str id)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->slot[i].pub.id, id))
            return (int)i;
    return -1;
}

int ews_table_code(const struct ews_table *t, size_t variable, struct str id)
{
    const struct ews_slot *s = &t->slot[variable];
    for (size_t k = 0; k < s->pub.codes; k++)
        if (str_eq(s->code[k].id, id))
            return (int)k;
    return -1;
}

/* ---- bands ---- */
static void read_bands(struct reading *r, size_t i, const struct json *v,
                       struct ews_bands *out)
{
    int decimals = r->t->slot[i].pub.decimals;
    out->n = json_size(v);
    for (size_t k = 0; k < out->n; k++) {
        const struct json *band = json_at(v, k), *to = json_get(band, "to");
        double end = json_num(to, 0);
        bool last = k + 1 == out->n;
        out->points[k] = (int)json_int(json_get(band, "points"), 0);
        if (last != !to) {
            wrong(r, i, "/quantity", "score.bands",
                  "every band but the last has an upper end (to)");
            continue;
        }
        if (last)
            continue;
        if (!ews_round(end, decimals, &out->to[k]) ||
            fabs((double)out->to[k] / pow(10, decimals) - end) > 1e-9)
            wrong(r, i, "/quantity", "score.decimals",
                  "an end of a band has more decimals than the variable");
        else if (k && out->to[k] <= out->to[k - 1])
            wrong(r, i, "/quantity", "score.bands", "ends of bands must ascend");
    }
}

static int read_quantity(struct reading *r, size_t i, const struct json *q)
{
    struct ews_slot *s = &r->t->slot[i];
    const struct json *cases = json_get(q, "cases"), *range = json_get(q, "plausible");
    int err = AM_OK;
    s->pub.unit = keep(r, json_get_str(q, "unit"), &err);
    s->pub.decimals = (int)json_int(json_get(q, "decimals"), 0);
    s->pub.from = json_num(json_at(range, 0), 0);
    s->pub.to = json_num(json_at(range, 1), 0);
    if (!(s->pub.from < s->pub.to) ||
        !ews_round(s->pub.from, s->pub.decimals, &s->from) ||
        !ews_round(s->pub.to, s->pub.decimals, &s->to))
        wrong(r, i, "/quantity/plausible", "score.range", "the range is empty");
    s->n_cases = cases ? json_size(cases) : 1;
    s->cases = arena_alloc(&r->t->arena, s->n_cases, sizeof *s->cases);
    if (err || !s->cases)
        return AM_E_NOMEM;
    for (size_t c = 0; c < s->n_cases; c++) {
        for (size_t k = 0; k < EWS_VARIABLES; k++)
            s->cases[c].when[k] = -1;
        read_bands(r, i, json_get(cases ? json_at(cases, c) : q, "bands"),
                   &s->cases[c].bands);
    }
    return AM_OK;
}

static int read_coded(struct reading *r, size_t i, const struct json *c)
{
    struct ews_slot *s = &r->t->slot[i];
    const struct json *values = json_get(c, "values");
    struct str otherwise = json_get_str(c, "default");
    int err = AM_OK;
    s->pub.coded = true;
    s->code = arena_alloc(&r->t->arena, json_size(values), sizeof *s->code);
    if (!s->code)
        return AM_E_NOMEM;
    for (json_each(it, values)) {
        struct ews_code *k = &s->code[s->pub.codes];
        struct str id = json_get_str(it.val, "id");
        if (ews_table_code(r->t, i, id) >= 0)
            wrong(r, i, "/coded/values", "score.twice", "two values have one id");
        k->id = keep(r, id, &err);
        k->points = (int)json_int(json_get(it.val, "points"), 0);
        k->codings = keep_codings(r, json_get(it.val, "codings"), k->coding, &err);
        if (err)
            return err;
        for (size_t m = 0; m < k->codings; m++)
            if (ews_table_coding(r->t, i, k->coding[m].system, k->coding[m].code) >= 0)
                wrong(r, i, "/coded/values", "score.twice",
                      "one coding means two of its values");
        s->pub.codes++;
    }
    s->otherwise = otherwise.p ? ews_table_code(r->t, i, otherwise) : -1;
    if (otherwise.p && s->otherwise < 0)
        wrong(r, i, "/coded/default", "score.unknown", "no value has that id");
    return AM_OK;
}

static int read_variable(struct reading *r, const struct json *v)
{
    struct ews_table *t = r->t;
    struct ews_slot *s = &t->slot[t->n];
    struct str id = json_get_str(v, "id");
    int err = AM_OK;
    if (slot_of(t, id) >= 0)
        wrong(r, t->n, "/id", "score.twice", "two variables have one id");
    s->otherwise = -1;
    s->pub.id = keep(r, id, &err);
    keep_words(r, json_get(v, "label"), s->pub.label, &err);
    s->pub.observed_n =
        keep_codings(r, json_get(v, "observation"), s->pub.observed, &err);
    s->pub.stale_us = json_int(json_get(v, "stale_s"), 0) * 1000000;
    if (!err)
        err = json_get(v, "coded") ? read_coded(r, t->n, json_get(v, "coded"))
                                   : read_quantity(r, t->n, json_get(v, "quantity"));
    t->n++;
    return err;
}

/* ---- what depends on what, when all variables are known by name ---- */
static void read_when(struct reading *r, size_t i, const struct json *when,
                      struct ews_case *c)
{
    for (json_each(it, when)) {
        int on = slot_of(r->t, it.key),
            code = on < 0 || !r->t->slot[on].pub.coded
                       ? -1
                       : ews_table_code(r->t, (size_t)on, json_str(it.val));
        if (code < 0) {
            wrong(r, i, "/quantity/cases", "score.unknown",
                  "a case names a coded variable and one of its values");
            continue;
        }
        c->when[on] = code;
        r->t->slot[on].asked = true;
    }
}

/* Each quantity has exactly one case for each assignment of what cases ask. */
static void check_cases(struct reading *r)
{
    const struct ews_table *t = r->t;
    size_t open[EWS_VARIABLES], n_open = 0, all = 1;
    int code[EWS_VARIABLES] = {0};
    for (size_t i = 0; i < t->n; i++)
        if (t->slot[i].asked) {
            open[n_open++] = i;
            all *= t->slot[i].pub.codes;
            if (all > EWS_ASSIGNMENTS) {
                wrong(r, i, "", "score.cases", "cases depend on too many values");
                return;
            }
        }
    for (size_t a = 0; a < all; a++) {
        size_t rest = a;
        for (size_t k = 0; k < n_open; k++) {
            code[open[k]] = (int)(rest % t->slot[open[k]].pub.codes);
            rest /= t->slot[open[k]].pub.codes;
        }
        for (size_t i = 0; i < t->n; i++) {
            size_t hold = 0;
            for (size_t c = 0; c < t->slot[i].n_cases; c++) {
                bool yes = true;
                for (size_t k = 0; k < n_open && yes; k++) {
                    int w = t->slot[i].cases[c].when[open[k]];
                    yes = w < 0 || w == code[open[k]];
                }
                hold += yes;
            }
            if (!t->slot[i].pub.coded && hold != 1) {
                wrong(r, i, "/quantity/cases", "score.cases",
                      "exactly one case must hold whatever the other variables are");
                return;
            }
        }
    }
}

/* ---- levels ---- */
static int read_levels(struct reading *r, const struct json *levels)
{
    struct ews_table *t = r->t;
    int err = AM_OK, before = -1;
    for (json_each(it, levels)) {
        struct ews_rank *l = &t->level[t->n_levels];
        char path[40];
        snprintf(path, sizeof path, "/levels/%zu", t->n_levels);
        l->from = (int)json_int(json_get(it.val, "from"), INT_MAX);
        l->single = (int)json_int(json_get(it.val, "single"), INT_MAX);
        l->pub.id = keep(r, json_get_str(it.val, "id"), &err);
        keep_words(r, json_get(it.val, "label"), l->pub.label, &err);
        l->pub.respond_us = json_int(json_get(it.val, "respond_s"), 0) * 1000000;
        l->pub.red = json_bool(json_get(it.val, "red"), false);
        if (t->n_levels == 0 && l->from != 0)
            diag_err(r->d, path, "score.levels", "the first level begins at 0");
        if (l->from != INT_MAX && l->from <= before)
            diag_err(r->d, path, "score.levels", "levels must ascend");
        if (l->from != INT_MAX)
            before = l->from;
        t->n_levels++;
    }
    return err;
}

static void check_maximum(struct reading *r)
{
    const struct ews_value none[EWS_VARIABLES] = {0};
    struct ews_table *t = r->t;
    struct ews_result most;
    int otherwise[EWS_VARIABLES];
    for (size_t i = 0; i < t->n; i++) {
        otherwise[i] = t->slot[i].otherwise;
        t->slot[i].otherwise = -1; /* a default is not the worst */
    }
    ews_score(t, none, 0, &most);
    for (size_t i = 0; i < t->n; i++)
        t->slot[i].otherwise = otherwise[i];
    if (most.high != t->maximum)
        diag_err(r->d, "/maximum", "score.maximum",
                 "the worst values give %d points, the table says %d", most.high,
                 t->maximum);
}

static int read_all(struct reading *r, const struct json *j)
{
    struct ews_table *t = r->t;
    size_t i = 0;
    int err = AM_OK;
    t->id = keep(r, json_get_str(j, "id"), &err);
    t->version = keep(r, json_get_str(j, "version"), &err);
    t->source = keep(r, json_get_str(j, "source"), &err);
    keep_words(r, json_get(j, "title"), t->title, &err);
    t->maximum = (int)json_int(json_get(j, "maximum"), 0);
    for (json_each(it, json_get(j, "variables")))
        if (!err)
            err = read_variable(r, it.val);
    if (!err)
        err = read_levels(r, json_get(j, "levels"));
    if (err)
        return err;
    for (json_each(it, json_get(j, "variables"))) {
        const struct json *cases = json_get(json_get(it.val, "quantity"), "cases");
        for (size_t c = 0; c < json_size(cases); c++)
            read_when(r, i, json_get(json_at(cases, c), "when"), &t->slot[i].cases[c]);
        i++;
    }
    if (!diag_result(r->d))
        check_cases(r);
    if (!diag_result(r->d))
        check_maximum(r);
    return diag_result(r->d);
}

int ews_table_read(struct ews_table **out, const struct json *table, struct diag *d)
{
    const struct embed_file *f = embed_find("schema/score-table-1.json");
    struct ews_table *t;
    struct diag own;
    int err;
    am_assert(f);
    err = json_schema_check_text((struct str){(const char *)f->data, f->size}, table, "",
                                 d);
    if (err)
        return err;
    t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    arena_init(&t->arena, 1 << 20);
    diag_init(&own);
    err = read_all(&(struct reading){t, &own}, table);
    if (d)
        diag_merge(d, &own, "");
    diag_release(&own);
    if (err)
        ews_table_free(t);
    else
        *out = t;
    return err;
}

void ews_table_free(struct ews_table *t)
{
    if (!t)
        return;
    arena_release(&t->arena);
    free(t);
}
