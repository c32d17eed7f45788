/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_remote.h"
#include "stat/stat_boot.h"

/* ---- the model, asked ---------------------------------------------------------------
 */
static int reopen(struct bench_oracle *o)
{
    struct diag own;
    int err;
    if (o->session || o->dead)
        return AM_OK;
    diag_init(&own);
    err = model_session_open(&o->session, o->run->model, &o->run->limits, &own);
    diag_release(&own);
    if (err && err != AM_E_NOMEM) {
        o->dead = true;
        err = AM_OK;
    }
    return err;
}

static int tell_late(void *cookie, double *out, size_t max, size_t *n)
{
    am_assert(max == 1);
    *out = *(const bool *)cookie;
    *n = 1;
    return AM_OK;
}

/* Was it a hang? On the tape, as what follows depends on it. */
static int count_hang(struct bench_oracle *o, const struct diag *own)
{
    bool late = own->n && !strcmp(own->item[0].code, "model.timeout");
    double told = 0;
    size_t n = 0;
    int err = model_tape_other(tell_late, &late, NULL, 0, &told, 1, &n);
    if (!err && n == 1 && told == 1 && ++o->hangs >= BENCH_HANGS_MAX)
        o->dead = true;
    return err == AM_E_NOMEM ? err : AM_OK;
}

/* All rows at once; *broke says the worker did not survive them. */
static int ask_once(struct bench_oracle *o, const double *x, size_t n, double *score,
                    bool *broke)
{
    struct diag own;
    int err = reopen(o);
    *broke = false;
    if (err || o->dead)
        return err;
    diag_init(&own);
    err = model_session_score(o->session, x, n, score, &own);
    if (err && err != AM_E_NOMEM) {
        model_session_close(o->session);
        o->session = NULL;
        *broke = true;
        err = count_hang(o, &own);
    }
    diag_release(&own);
    return err;
}

/* Halves what broke until the row is alone: log2(n) workers for one bad row. */
static int ask_part(struct bench_oracle *o, const double *x, size_t n, double *score)
{
    size_t f = o->probe.features, half = n / 2;
    bool broke;
    int err = ask_once(o, x, n, score, &broke);
    if (err || (!broke && !o->dead))
        return err;
    if (broke && n > 1) {
        err = ask_part(o, x, half, score);
        return err ? err : ask_part(o, x + half * f, n - half, score + half);
    }
    for (size_t i = 0; i < n; i++)
        score[i] = NAN;
    if (broke && ++o->crashes >= BENCH_CRASHES_MAX)
        o->dead = true;
    return AM_OK;
}

/* ---- the model behind an endpoint -----------------------------------------------------
 */
struct call {
    struct bench_oracle *o;
    const double *x;
    size_t rows;
};

/* The scores, then whether the line is dead. */
static int call_line(void *cookie, double *out, size_t max, size_t *n)
{
    struct call *c = cookie;
    int err = bench_line_ask(c->o->line, c->x, c->rows, out);
    am_assert(max == c->rows + 1);
    out[c->rows] = c->o->line->dead;
    *n = max;
    return err;
}

/* On the tape like a session's answers; a tape that has none is a dead line. */
static int ask_line(struct bench_oracle *o, const double *x, size_t rows, double *score)
{
    struct call c = {o, x, rows};
    double *out = am_malloc((rows + 1) * sizeof *out);
    size_t n = 0;
    int err = out ? model_tape_other(call_line, &c, x, rows * o->probe.features, out,
                                     rows + 1, &n)
                  : AM_E_NOMEM;
    o->dead |= err || n != rows + 1 || out[rows] != 0;
    for (size_t i = 0; i < rows; i++)
        score[i] = !err && n == rows + 1 ? out[i] : NAN;
    free(out);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int ask(void *cookie, const double *x, size_t n, double *score)
{
    struct bench_oracle *o = cookie;
    return o->run->served ? ask_line(o, x, n, score) : ask_part(o, x, n, score);
}

static int open_line(struct bench_oracle *o, const struct bench_run *r)
{
    int err;
    if (r->kept)
        return AM_OK; /* nobody is called: the tape has what was said */
    o->line = am_calloc(1, sizeof *o->line);
    if (!o->line)
        return AM_E_NOMEM;
    err = bench_line_open(o->line, r->remote, r->feature.n);
    if (err) {
        free(o->line);
        o->line = NULL;
    }
    return err;
}

int bench_oracle_open(struct bench_oracle *o, const struct bench_run *r, int64_t budget)
{
    const struct json *range =
        json_get(json_at(json_get(r->record, "outputs"), 0), "range");
    *o = (struct bench_oracle){.run = r,
                               .probe = {.ask = ask,
                                         .cookie = o,
                                         .features = r->feature.n,
                                         .lo = json_num(json_at(range, 0), NAN),
                                         .hi = json_num(json_at(range, 1), NAN),
                                         .budget = budget}};
    return r->served ? open_line(o, r) : reopen(o);
}

void bench_oracle_close(struct bench_oracle *o)
{
    model_session_close(o->session);
    o->session = NULL;
    if (o->line)
        bench_line_close(o->line);
    free(o->line);
    o->line = NULL;
}

/* ---- the inputs, as declared --------------------------------------------------------
 */
/* Numbers of an object or an array, rising when asked; *n = 0 and NULL when there is
 * none. */
static int numbers(const struct json *list, bool sorted, double **out, size_t *n)
{
    double *v;
    *n = 0;
    *out = NULL;
    if (!json_size(list))
        return AM_OK;
    v = am_malloc(json_size(list) * sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    for (json_each(it, list))
        v[(*n)++] = json_num(it.val, NAN);
    *out = v;
    return sorted ? stat_sort(v, *n) : AM_OK;
}

static enum probe_kind kind_of(struct str type)
{
    return str_eqc(type, "integer")   ? PROBE_INTEGER
           : str_eqc(type, "boolean") ? PROBE_BOOLEAN
           : str_eqc(type, "code")    ? PROBE_CODE
                                      : PROBE_NUMBER;
}

static int read_input(const struct bench_run *r, size_t i, struct probe_input *in)
{
    const struct bench_feature *f = &r->feature.v[i];
    const struct json *declared = json_at(json_get(r->record, "inputs"), f->input),
                      *m = json_getn(json_get(r->manifest, "features"), f->name);
    struct str way = json_get_str(m, "monotone");
    int err;
    *in = (struct probe_input){
        .name = f->name,
        .unit = json_get_str(declared, "unit"),
        .code = json_get_str(json_get(declared, "coding"), "code"),
        .kind = kind_of(f->type),
        .lo = f->lo,
        .hi = f->hi,
        .cva = json_num(json_get(m, "analytical_cv"), NAN),
        .cvi = json_num(json_get(m, "biological_cv"), NAN),
        .decimals = (int)json_num(json_get(m, "decimals"), -1),
        .step = r->image.width ? bench_grey(r) : 0,
        .monotone = str_eqc(way, "rising")    ? 1
                    : str_eqc(way, "falling") ? -1
                                              : 0,
        .missing_allowed = f->missing_allowed,
        .immutable = json_bool(json_get(m, "immutable"), false),
        .protected_attr = json_bool(json_get(declared, "protected"), false),
    };
    err = numbers(f->values, true, &in->values, &in->n_values);
    return err ? err
               : numbers(json_get(m, "unit_factors"), false, &in->factors,
                         &in->n_factors);
}

int bench_inputs(const struct bench_run *r, struct probe_input **out)
{
    struct probe_input *in = am_calloc(r->feature.n + 1, sizeof *in);
    int err = in ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r->feature.n && !err; i++)
        err = read_input(r, i, &in[i]);
    if (err) {
        bench_inputs_free(r, in);
        return err;
    }
    *out = in;
    return AM_OK;
}

void bench_inputs_free(const struct bench_run *r, struct probe_input *in)
{
    for (size_t i = 0; in && i < r->feature.n; i++) {
        free(in[i].values);
        free(in[i].factors);
    }
    free(in);
}
