/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_oip.h"

#include <math.h>
#include <string.h>

const char *const bench_oip_fault_name[BENCH_OIP_FAULTS] = {
#define X(id, name) name,
    BENCH_OIP_FAULT_MAP(X)
#undef X
};

/* ---- the question ---------------------------------------------------------------------
 */
int bench_oip_ask(const struct bench_oip *o, const double *x, size_t n, size_t features,
                  struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    if (o->id[0])
        jw_kstrz(&w, "id", o->id);
    jw_key(&w, "inputs");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "name", o->input);
    jw_key(&w, "shape");
    jw_arr(&w);
    jw_int(&w, (int64_t)n);
    jw_int(&w, (int64_t)features);
    jw_arr_end(&w);
    jw_kstrz(&w, "datatype", o->fp32 ? "FP32" : "FP64");
    jw_key(&w, "data");
    jw_arr(&w);
    for (size_t i = 0; i < n * features; i++)
        jw_num(&w, o->fp32 ? (double)(float)x[i] : x[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* ---- the answer -----------------------------------------------------------------------
 */
/* The tensor of that name; any, when there is one and no name is known. */
static const struct json *tensor(const struct json *list, const char *name)
{
    if (json_type(list) != JSON_ARRAY)
        return NULL;
    if (!name[0])
        return json_size(list) == 1 ? json_at(list, 0) : NULL;
    for (json_each(it, list))
        if (json_str_is(json_get(it.val, "name"), name))
            return it.val;
    return NULL;
}

/* Values a row; 0: not the shape of n rows. */
static size_t width(const struct json *shape, size_t n)
{
    int64_t columns = json_size(shape) == 2 ? json_int(json_at(shape, 1), 0) : 1;
    if (json_type(shape) != JSON_ARRAY || json_size(shape) < 1 || json_size(shape) > 2 ||
        json_int(json_at(shape, 0), -1) != (int64_t)n || columns < 1 || columns > 2)
        return 0;
    return (size_t)columns;
}

/* A flat list, or one list a row; counts the values, keeps those of the last column. */
struct taking {
    double *score;
    size_t n, columns, seen;
    enum bench_oip_fault fault;
};

static void take(struct taking *t, const struct json *v)
{
    if (json_type(v) != JSON_NUMBER && json_type(v) != JSON_NULL)
        t->fault = BENCH_OIP_VALUE;
    else if (t->seen >= t->n * t->columns)
        t->fault = BENCH_OIP_COUNT;
    else if (t->seen % t->columns == t->columns - 1)
        t->score[t->seen / t->columns] = json_num(v, NAN);
    t->seen++;
}

static void take_all(struct taking *t, const struct json *data)
{
    if (json_type(data) != JSON_ARRAY)
        t->fault = BENCH_OIP_COUNT;
    for (json_each(it, data)) {
        if (t->fault)
            return;
        if (json_type(it.val) != JSON_ARRAY) {
            take(t, it.val);
            continue;
        }
        for (json_each(in, it.val))
            if (!t->fault)
                take(t, in.val);
    }
    if (!t->fault && t->seen != t->n * t->columns)
        t->fault = BENCH_OIP_COUNT;
}

static bool number_type(const struct json *t)
{
    return json_str_is(t, "FP32") || json_str_is(t, "FP64") || json_str_is(t, "FP16");
}

static int refuse(enum bench_oip_fault *fault, enum bench_oip_fault why)
{
    *fault = why;
    return AM_E_INVALID;
}

static int read_answer(const struct bench_oip *o, const struct json *root,
                       struct taking *t)
{
    const struct json *out = tensor(json_get(root, "outputs"), o->output);
    struct str id = json_get_str(root, "id");
    if (o->id[0] && id.n && !str_eqc(id, o->id))
        return refuse(&t->fault, BENCH_OIP_OTHER); /* a cache's, or somebody else's */
    if (!out)
        return refuse(&t->fault, BENCH_OIP_OUTPUT);
    if (!number_type(json_get(out, "datatype")))
        return refuse(&t->fault, BENCH_OIP_TYPE);
    t->columns = width(json_get(out, "shape"), t->n);
    if (!t->columns)
        return refuse(&t->fault, BENCH_OIP_SHAPE);
    take_all(t, json_get(out, "data"));
    return t->fault ? AM_E_INVALID : AM_OK;
}

static int parse(struct json_doc **doc, struct str body, enum bench_oip_fault *fault)
{
    int err = json_parse(doc, body, NULL, NULL);
    *fault = BENCH_OIP_NONE;
    if (err && err != AM_E_NOMEM)
        return refuse(fault, BENCH_OIP_JSON);
    return err;
}

int bench_oip_answer(const struct bench_oip *o, struct str body, size_t n, double *score,
                     enum bench_oip_fault *fault)
{
    struct json_doc *doc = NULL;
    struct taking t = {.n = n};
    int err = parse(&doc, body, fault);
    if (err)
        return err;
    t.score = am_malloc((n + 1) * sizeof *t.score);
    err = t.score ? read_answer(o, json_root(doc), &t) : AM_E_NOMEM;
    if (!err && n)
        memcpy(score, t.score, n * sizeof *score);
    *fault = t.fault;
    free(t.score);
    json_free(doc);
    return err;
}

/* ---- what the service says of itself --------------------------------------------------
 */
static int take_name(char out[BENCH_OIP_NAME], const struct json *t)
{
    struct str name = json_get_str(t, "name");
    if (!t || !name.n || name.n >= BENCH_OIP_NAME || memchr(name.p, 0, name.n))
        return AM_E_INVALID;
    snprintf(out, BENCH_OIP_NAME, "%.*s", STR_FMT(name));
    return AM_OK;
}

static int read_metadata(struct bench_oip *o, const struct json *root, size_t features,
                         enum bench_oip_fault *fault)
{
    const struct json *in = tensor(json_get(root, "inputs"), o->input),
                      *out = json_get(root, "outputs"), *shape = json_get(in, "shape");
    if (!in || json_type(out) != JSON_ARRAY)
        return refuse(fault, BENCH_OIP_OUTPUT);
    out = o->output[0] ? tensor(out, o->output) : json_at(out, json_size(out) - 1);
    if (!number_type(json_get(in, "datatype")))
        return refuse(fault, BENCH_OIP_TYPE);
    if (json_type(shape) != JSON_ARRAY || json_size(shape) != 2 ||
        json_int(json_at(shape, 1), -1) != (int64_t)features)
        return refuse(fault, BENCH_OIP_SHAPE);
    if (take_name(o->input, in) || take_name(o->output, out))
        return refuse(fault, BENCH_OIP_OUTPUT);
    o->fp32 = !json_str_is(json_get(in, "datatype"), "FP64");
    return AM_OK;
}

int bench_oip_metadata(struct bench_oip *o, struct str body, size_t features,
                       enum bench_oip_fault *fault)
{
    struct json_doc *doc = NULL;
    struct bench_oip next = *o;
    int err = parse(&doc, body, fault);
    if (err)
        return err;
    err = read_metadata(&next, json_root(doc), features, fault);
    if (!err)
        *o = next;
    json_free(doc);
    return err;
}
