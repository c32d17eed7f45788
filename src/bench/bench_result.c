/* SPDX-License-Identifier: Apache-2.0 */
/* bench_result -- what a job gives, as canonical JSON:
 *
 *     {"job":"mutation/3","key":HEX,"measures":[[row,name,group,threshold,estimate,low,
 *      high,method,n,positives]...],"na":[[row,reason]...],"sha256":HEX,
 *      "tapes":[[name,bad,BASE64]...],"values":[...]}
 *
 * sha256 is of the same text with an empty one: a torn or altered file is seen. Numbers
 * that JSON cannot say are "inf", "-inf", "-0" and null (NaN). */
#include "bench/bench_answers.h"
#include "bench/bench_job.h"

enum { RESULT_VALUES_MAX = 20000000 };

void bench_view(const struct bench_run *r, struct bench_run *view)
{
    *view = *r;
    memset(&view->measure, 0, sizeof view->measure);
    memset(&view->family, 0, sizeof view->family);
    memset(&view->na, 0, sizeof view->na);
    memset(&view->value, 0, sizeof view->value);
    memset(&view->tape, 0, sizeof view->tape);
    view->part = NULL;
    view->parts = 0;
}

void bench_view_release(struct bench_run *view)
{
    vec_release(&view->measure);
    vec_release(&view->na);
    vec_release(&view->value);
    bench_tapes_release(view);
}

int bench_give(struct bench_run *r, double v)
{
    return vec_push(&r->value, v);
}

int bench_part_measures(struct bench_run *r, size_t part)
{
    const struct bench_run *p = &r->part[part];
    int err = AM_OK;
    am_assert(part < r->parts);
    for (size_t i = 0; i < p->measure.n && !err; i++)
        err = vec_push(&r->measure, p->measure.v[i]);
    for (size_t i = 0; i < p->na.n && !err; i++)
        err = vec_push(&r->na, p->na.v[i]);
    return err;
}

struct bench_taken bench_taken(const struct bench_run *r, size_t part)
{
    am_assert(part < r->parts);
    return (struct bench_taken){.part = &r->part[part]};
}

double bench_take(struct bench_taken *t)
{
    t->bad |= t->at >= t->part->value.n;
    return t->bad ? NAN : t->part->value.v[t->at++];
}

int64_t bench_take_count(struct bench_taken *t, int64_t most)
{
    double v = bench_take(t);
    t->bad |= !(v >= 0 && v <= (double)most && v == floor(v));
    return t->bad ? 0 : (int64_t)v;
}

/* ---- writing
 * ------------------------------------------------------------------------------- */
static void write_number(struct jw *w, double v)
{
    if (isinf(v))
        jw_strz(w, v > 0 ? "inf" : "-inf");
    else if (v == 0 && signbit(v))
        jw_strz(w, "-0");
    else
        jw_num(w, v);
}

static void write_measure(struct jw *w, const struct bench_measure *m)
{
    jw_arr(w);
    jw_strz(w, m->row);
    jw_strz(w, m->name);
    jw_strz(w, m->group);
    write_number(w, m->threshold);
    write_number(w, m->estimate);
    write_number(w, m->ci95[0]);
    write_number(w, m->ci95[1]);
    jw_strz(w, m->ci_method);
    jw_int(w, m->n);
    jw_int(w, m->positives);
    jw_arr_end(w);
}

static int write_tape(struct jw *w, const struct bench_tape *t)
{
    struct buf text;
    int err;
    buf_init(&text, BENCH_QUEUE_RESULT_MAX);
    err = crypto_base64(&text, buf_str(&t->bytes));
    jw_arr(w);
    jw_strz(w, t->name);
    jw_bool(w, t->bad);
    jw_str(w, buf_str(&text));
    jw_arr_end(w);
    buf_release(&text);
    return err;
}

static int write_body(const struct bench_run *view, const struct bench_task *t,
                      const char *hex, struct buf *out)
{
    struct jw w;
    int err = AM_OK;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "job", t->name);
    jw_kstrz(&w, "key", t->key);
    jw_key(&w, "measures");
    jw_arr(&w);
    for (size_t i = 0; i < view->measure.n; i++)
        write_measure(&w, &view->measure.v[i]);
    jw_arr_end(&w);
    jw_key(&w, "na");
    jw_arr(&w);
    for (size_t i = 0; i < view->na.n; i++) {
        jw_arr(&w);
        jw_strz(&w, view->na.v[i].row);
        jw_strz(&w, view->na.v[i].reason);
        jw_arr_end(&w);
    }
    jw_arr_end(&w);
    jw_kstrz(&w, "sha256", hex);
    jw_key(&w, "tapes");
    jw_arr(&w);
    for (size_t i = 0; i < view->tape.n && !err; i++)
        err = write_tape(&w, &view->tape.v[i]);
    jw_arr_end(&w);
    jw_key(&w, "values");
    jw_arr(&w);
    for (size_t i = 0; i < view->value.n; i++)
        write_number(&w, view->value.v[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

int bench_result_write(const struct bench_run *view, const struct bench_task *t,
                       struct buf *out)
{
    uint8_t digest[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    size_t before = out->n;
    int err = write_body(view, t, "", out);
    if (err)
        return err;
    crypto_sha256(str_sub(buf_str(out), before, out->n), digest);
    buf_cut(out, before);
    return write_body(view, t, crypto_hex(digest, sizeof digest, hex), out);
}

/* ---- reading
 * ------------------------------------------------------------------------------- */
static double read_number(const struct json *v)
{
    return json_str_is(v, "inf")    ? INFINITY
           : json_str_is(v, "-inf") ? -INFINITY
           : json_str_is(v, "-0")   ? -0.0
                                    : json_num(v, NAN);
}

static bool read_text(const struct json *v, char *out, size_t room)
{
    struct str s = json_str(v);
    if (json_type(v) != JSON_STRING || s.n >= room)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return true;
}

static bool read_measure(const struct json *v, struct bench_measure *m)
{
    *m = (struct bench_measure){
        .threshold = read_number(json_at(v, 3)),
        .estimate = read_number(json_at(v, 4)),
        .ci95 = {read_number(json_at(v, 5)), read_number(json_at(v, 6))},
        .n = json_int(json_at(v, 8), -1),
        .positives = json_int(json_at(v, 9), -1)};
    return read_text(json_at(v, 0), m->row, sizeof m->row) &&
           read_text(json_at(v, 1), m->name, sizeof m->name) &&
           read_text(json_at(v, 2), m->group, sizeof m->group) &&
           read_text(json_at(v, 7), m->ci_method, sizeof m->ci_method);
}

static int read_tape(const struct json *v, struct bench_run *view)
{
    char name[BENCH_TAPE_NAME];
    struct buf bytes;
    int err;
    if (!read_text(json_at(v, 0), name, sizeof name))
        return AM_E_TAMPERED;
    buf_init(&bytes, BENCH_QUEUE_RESULT_MAX);
    err = crypto_unbase64(&bytes, json_str(json_at(v, 2)));
    if (!err)
        err = bench_tape_add(view, name, buf_str(&bytes), json_bool(json_at(v, 1), true));
    buf_release(&bytes);
    return err;
}

static int read_lists(const struct json *root, struct bench_run *view)
{
    int err = AM_OK;
    for (json_each(it, json_get(root, "measures"))) {
        struct bench_measure m;
        if (!err)
            err = read_measure(it.val, &m) ? vec_push(&view->measure, m) : AM_E_TAMPERED;
    }
    for (json_each(it, json_get(root, "na"))) {
        struct bench_na na;
        bool good = read_text(json_at(it.val, 0), na.row, sizeof na.row) &&
                    read_text(json_at(it.val, 1), na.reason, sizeof na.reason);
        if (!err)
            err = good ? vec_push(&view->na, na) : AM_E_TAMPERED;
    }
    for (json_each(it, json_get(root, "tapes")))
        if (!err)
            err = read_tape(it.val, view);
    for (json_each(it, json_get(root, "values")))
        if (!err)
            err = vec_push(&view->value, read_number(it.val));
    return err;
}

/* Bytes like those that were written, and of this job: writing again what was read gives
 * the text, which leaves no room for another one. */
static int check(struct str text, const struct bench_task *t,
                 const struct bench_run *view)
{
    struct buf again;
    int err;
    buf_init(&again, BENCH_QUEUE_RESULT_MAX);
    err = bench_result_write(view, t, &again);
    if (!err && !str_eq(buf_str(&again), text))
        err = AM_E_TAMPERED;
    buf_release(&again);
    return err == AM_E_NOMEM ? err : err ? AM_E_TAMPERED : AM_OK;
}

int bench_result_read(struct str text, const struct bench_task *t, struct bench_run *view)
{
    const struct json_limits limits = {.size_b = BENCH_QUEUE_RESULT_MAX,
                                       .values = RESULT_VALUES_MAX};
    struct json_doc *doc = NULL;
    struct bench_run read = {.seed = 0};
    int err = json_parse(&doc, text, &limits, NULL);
    if (!err)
        err = read_lists(json_root(doc), &read);
    json_free(doc);
    if (!err)
        err = check(text, t, &read);
    for (size_t i = 0; i < read.measure.n && !err; i++)
        err = vec_push(&view->measure, read.measure.v[i]);
    for (size_t i = 0; i < read.na.n && !err; i++)
        err = vec_push(&view->na, read.na.v[i]);
    for (size_t i = 0; i < read.value.n && !err; i++)
        err = vec_push(&view->value, read.value.v[i]);
    if (!err)
        err = bench_tapes_move(&read, view);
    bench_view_release(&read);
    return err == AM_E_NOMEM || !err ? err : AM_E_TAMPERED;
}
