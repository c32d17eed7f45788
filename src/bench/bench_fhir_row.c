/* SPDX-License-Identifier: Apache-2.0 */
/* bench_fhir -- the events of each patient to one row: those in the window of the field,
 * taken together as the mapping says. */
#include <math.h>

#include "base/clock.h"
#include "bench/bench_fhir.h"

/* Patient, then field, then time; the order of the file decides a tie. */
static int by_when(const void *a, const void *b)
{
    const struct bench_fhir_event *x = a, *y = b;
    if (x->patient != y->patient)
        return x->patient < y->patient ? -1 : 1;
    if (x->field != y->field)
        return x->field < y->field ? -1 : 1;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Does it fall in the window? No index time: everything does, but for what is ahead. */
static bool inside(const struct bench_fhir_field *f, int64_t index, int64_t at)
{
    int64_t end;
    if (!index || !at)
        return !f->after.n && !f->within.n;
    if (f->after.n)
        return at > index && !time_add_iso(index, f->after, &end) && at <= end;
    if (at > index)
        return false;
    return !f->within.n || (!time_add_iso(at, f->within, &end) && end >= index);
}

static int add_number(struct bench_grid *g, double x)
{
    char text[JSON_NUM];
    return bench_grid_add(g, (struct str){text, json_num_format(x, text)});
}

struct summary {
    const struct bench_fhir_event *first, *last;
    double min, max, sum;
    size_t n;
    bool numbers;
};

static struct summary summarise(const struct bench_fhir_field *f, int64_t index,
                                const struct bench_fhir_event *e, size_t n)
{
    struct summary s = {.min = INFINITY, .max = -INFINITY, .numbers = true};
    for (size_t i = 0; i < n; i++) {
        if (!inside(f, index, e[i].at))
            continue;
        if (!s.n++)
            s.first = &e[i];
        s.last = &e[i];
        s.numbers &= !isnan(e[i].number);
        s.min = fmin(s.min, e[i].number);
        s.max = fmax(s.max, e[i].number);
        s.sum += e[i].number;
    }
    return s;
}

static int add_field(struct bench_fhir *f, const struct bench_fhir_field *field,
                     int64_t index, const struct bench_fhir_event *e, size_t n)
{
    struct summary s = summarise(field, index, e, n);
    const struct bench_fhir_event *one = s.last;
    if (field->condition || str_eqc(field->patient, "deceased"))
        return bench_grid_add(f->g, f->by_event && !index ? STR("")
                                    : s.n                 ? STR("1")
                                                          : STR("0"));
    if (field->take == BENCH_TAKE_COUNT)
        return f->by_event && !index ? bench_grid_add(f->g, STR(""))
                                     : add_number(f->g, (double)s.n);
    if (!s.n)
        return bench_grid_add(f->g, STR(""));
    if (field->take == BENCH_TAKE_FIRST)
        one = s.first;
    else if (field->take != BENCH_TAKE_LAST && !s.numbers) {
        if (f->d->errors - f->before < BENCH_SOURCE_BAD)
            diag_err(f->d, "1:1", "bench.fhir_value",
                     "a text has no smallest, largest or mean");
        return bench_grid_add(f->g, STR(""));
    }
    switch (field->take) {
    case BENCH_TAKE_MIN:
        return add_number(f->g, s.min);
    case BENCH_TAKE_MAX:
        return add_number(f->g, s.max);
    case BENCH_TAKE_MEAN:
        return add_number(f->g, s.sum / (double)s.n);
    default:
        return isnan(one->number)
                   ? bench_grid_add(f->g,
                                    (struct str){f->text.p + one->text.at, one->text.n})
                   : add_number(f->g, one->number);
    }
}

static int add_cell(struct bench_fhir *f, const struct bench_fhir_patient *p, size_t i,
                    const struct bench_fhir_event *e, size_t n)
{
    const struct bench_fhir_field *field = &f->field[i];
    struct bench_cell c = p->fixed[i];
    if (str_eqc(field->patient, "age"))
        return p->has_birth && p->index_at
                   ? add_number(f->g, fhir_age_years(p->birth_at, p->index_at))
                   : bench_grid_add(f->g, STR(""));
    if (field->patient.n && !str_eqc(field->patient, "deceased"))
        return bench_grid_add(f->g, (struct str){f->text.p + c.at, c.n});
    return add_field(f, field, p->index_at, e, n);
}

static size_t run_of(const struct bench_fhir *f, size_t at, size_t patient, size_t field)
{
    size_t n = 0;
    while (at + n < f->event.n && f->event.v[at + n].patient == patient &&
           f->event.v[at + n].field == field)
        n++;
    return n;
}

/* The index time of a patient: the first of its events, or the last. */
static void find_index(struct bench_fhir *f)
{
    size_t index = f->g->name.n;
    for (size_t i = 0; i < f->event.n; i++) {
        const struct bench_fhir_event *e = &f->event.v[i];
        struct bench_fhir_patient *p = &f->patient.v[e->patient];
        if (e->field == index &&
            (!p->index_at || f->field[index].take == BENCH_TAKE_LAST))
            p->index_at = e->at;
    }
}

int bench_fhir_rows(struct bench_fhir *f)
{
    size_t at = 0, columns = f->g->name.n;
    int err = AM_OK;
    if (f->event.n)
        qsort(f->event.v, f->event.n, sizeof *f->event.v, by_when);
    if (f->by_event)
        find_index(f);
    for (size_t k = 0; k < f->patient.n && !err; k++) {
        err = vec_push(&f->g->line, f->patient.v[k].line);
        for (size_t i = 0; i <= columns && !err; i++) {
            size_t n = run_of(f, at, k, i);
            if (i < columns)
                err = add_cell(f, &f->patient.v[k], i, n ? &f->event.v[at] : NULL, n);
            at += n;
        }
    }
    return err ? err : f->d->errors > f->before ? AM_E_INVALID : AM_OK;
}
