/* SPDX-License-Identifier: Apache-2.0 */
/* bench_score -- the model, in its worker, on every usable row. A crash or a hang while
 * scoring is a finding: the rows it took have no score, the run goes on. */
#include "bench/bench_answers.h"
#include "bench/bench_remote.h"

enum { BENCH_CHUNK = 65536, SERVED_CHUNK = 1024 };

static void check_inputs(const struct bench_run *r, const struct json *described,
                         struct diag *d)
{
    const struct json *have = json_get(described, "inputs");
    const char *why;
    if (r->image.width) {
        why =
            model_image_differs(have, r->image.width, r->image.height, r->image.channels);
        if (why)
            diag_err(d, "/record/inputs/0/image", "bench.inputs_differ", "%s", why);
        return;
    }
    if (json_size(have) != r->feature.n)
        diag_err(d, "/record/inputs", "bench.inputs_differ",
                 "%zu are declared, the model reads %zu", r->feature.n, json_size(have));
    for (size_t i = 0; i < r->feature.n && i < json_size(have); i++) {
        struct str got = json_get_str(json_at(have, i), "name");
        char path[BENCH_PATH];
        if (!got.n || str_eq(got, r->feature.v[i].name))
            continue; /* a file may name no input: then only their number is known */
        snprintf(path, sizeof path, "/record/inputs/%zu/name", i);
        diag_err(d, path, "bench.inputs_differ",
                 "declared \"%.*s\", the model reads \"%.*s\"",
                 STR_FMT(r->feature.v[i].name), STR_FMT(got));
    }
}

static int describe(struct bench_run *r, struct model_session *m, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, model_session_describe(m), NULL, d);
    if (err)
        return err;
    check_inputs(r, json_root(doc), d);
    r->canonical_match = str_eq(json_get_str(json_root(doc), "canonical_weight_hash"),
                                json_get_str(r->record, "canonical_weight_hash"));
    json_free(doc);
    return diag_result(d);
}

static int open_model(const struct bench_run *r, struct model_session **m,
                      struct str bytes, struct diag *d)
{
    struct diag own;
    int err;
    diag_init(&own);
    err = model_session_open(m, bytes, &r->limits, &own);
    diag_merge(d, &own, own.n && own.item[0].path[0] == '/' ? "/model" : "/model:");
    diag_release(&own);
    if (err && err != AM_E_NOMEM && diag_result(d) == AM_OK)
        diag_err(d, "/model", "bench.model", "the model does not open: %s",
                 am_err_text(err));
    return err && err != AM_E_NOMEM && err != AM_E_UNSUPPORTED ? AM_E_INVALID : err;
}

/* Usable rows, packed; at[i] is the case of packed row i. */
static int pack(const struct bench_run *r, double **x, uint32_t **at, size_t *n)
{
    *n = 0;
    *x = am_malloc((r->cases.n * r->feature.n + 1) * sizeof **x);
    *at = am_malloc((r->cases.n + 1) * sizeof **at);
    if (!*x || !*at)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->cases.n; i++) {
        if (r->cases.v[i].why != BENCH_USED)
            continue;
        memcpy(*x + *n * r->feature.n, r->x + i * r->feature.n,
               r->feature.n * sizeof **x);
        (*at)[(*n)++] = (uint32_t)i;
    }
    return AM_OK;
}

static void finding(struct bench_run *r, int err, const struct diag *own, struct diag *d)
{
    r->model_failed = true;
    diag_add(d, DIAG_WARNING, "/model", "bench.model_failed",
             "the model failed while scoring: %s",
             own->n ? own->item[0].detail : am_err_text(err));
}

static int score_rows(struct bench_run *r, const struct bench_input *in,
                      struct model_session *m, struct diag *d)
{
    double *x = NULL, *score = NULL;
    uint32_t *at = NULL;
    size_t n;
    int err = pack(r, &x, &at, &n);
    if (!err && !(score = am_malloc((n + 1) * sizeof *score)))
        err = AM_E_NOMEM;
    for (size_t i = 0; !err && i < n; i += BENCH_CHUNK) {
        size_t k = AM_MIN(n - i, (size_t)BENCH_CHUNK);
        struct diag own;
        diag_init(&own);
        err = model_session_score(m, x + i * r->feature.n, k, score + i, &own);
        if (err && err != AM_E_NOMEM) {
            finding(r, err, &own, d);
            for (size_t j = i; j < n; j++)
                score[j] = NAN;
            i = n;
            err = AM_OK;
        }
        diag_release(&own);
        if (in->progress)
            in->progress(in->cookie, "score", AM_MIN(i + k, n), n);
    }
    for (size_t i = 0; !err && i < n; i++)
        r->cases.v[at[i]].score = score[i];
    free(score);
    free(at);
    free(x);
    return err;
}

/* ---- what the statistics read
 * -------------------------------------------------------------- */
static int use_rows(struct bench_run *r, struct diag *d)
{
    bool constant = true;
    r->s = am_malloc((r->cases.n + 1) * sizeof *r->s);
    r->y = am_malloc(r->cases.n + 1);
    r->of = am_malloc((r->cases.n + 1) * sizeof *r->of);
    if (!r->s || !r->y || !r->of)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->cases.n; i++) {
        struct bench_case *c = &r->cases.v[i];
        struct bench_set *s = &r->set.v[c->set];
        if (c->why == BENCH_USED && isnan(c->score) && (r->model_declared || r->served))
            c->why = BENCH_SCORE_NAN;
        s->rejected[c->why]++;
        if (c->why != BENCH_USED)
            continue;
        s->n++;
        s->positives += c->y;
        r->s[r->used] = c->score;
        r->y[r->used] = c->y;
        constant &= c->score == r->s[0];
        r->of[r->used++] = (uint32_t)i;
    }
    if (r->used > 1 && constant)
        diag_add(d, DIAG_WARNING, "/model", "bench.constant_scores",
                 "every row has the same score");
    return AM_OK;
}

static void check_classes(const struct bench_run *r, struct diag *d)
{
    int64_t n = 0, positives = 0;
    for (size_t i = 0; i < r->cases.n; i++) {
        const struct bench_case *c = &r->cases.v[i];
        n += c->why == BENCH_USED;
        positives += c->why == BENCH_USED && c->y;
    }
    if (!n)
        diag_err(d, "/manifest/data", "bench.no_rows",
                 "no row can be used: labels or inputs are missing or out of range");
    else if (!positives || positives == n)
        diag_err(d, "/manifest/data", "bench.one_class",
                 "all %lld usable rows are of one class: nothing to discriminate",
                 (long long)n);
    for (size_t i = 0; i < r->set.n; i++) {
        const struct bench_set *s = &r->set.v[i];
        int64_t sn = 0, sp = 0;
        char at[BENCH_PATH];
        for (size_t k = s->first; k < s->first + s->rows; k++) {
            sn += r->cases.v[k].why == BENCH_USED;
            sp += r->cases.v[k].why == BENCH_USED && r->cases.v[k].y;
        }
        if (!sp || sp == sn)
            diag_add(d, DIAG_WARNING, bench_at(s, at, ""), "bench.site_one_class",
                     "%lld usable rows, %lld positive: no AUC for this site",
                     (long long)sn, (long long)sp);
    }
}

/* ---- an endpoint that gives the scores --------------------------------------------
 */
enum {
    TOLD_ROWS,
    TOLD_UNSENT,
    TOLD_DEAD,
    TOLD_FAULTS,
    TOLD = TOLD_FAULTS + BENCH_FAULTS
};

/* How the calls went, as numbers for the tape. */
static int line_told(void *cookie, double *out, size_t max, size_t *n)
{
    const struct bench_line *l = cookie;
    am_assert(max == TOLD);
    out[TOLD_ROWS] = (double)l->rows;
    out[TOLD_UNSENT] = (double)l->unsent;
    out[TOLD_DEAD] = l->dead;
    for (size_t i = 0; i < BENCH_FAULTS; i++)
        out[TOLD_FAULTS + i] = (double)l->fault[i];
    *n = TOLD;
    return AM_OK;
}

static int service_finding(struct bench_run *r, struct bench_line *l, struct diag *d)
{
    char kinds[256] = "";
    double v[TOLD];
    size_t n = 0, told;
    int err = model_tape_other(line_told, l, NULL, 0, v, TOLD, &told);
    if (err || told != TOLD) /* the end of the tape says so */
        return err == AM_E_NOMEM ? err : AM_OK;
    for (size_t i = 0; i < BENCH_FAULTS && n < sizeof kinds; i++)
        if (v[TOLD_FAULTS + i] != 0)
            n += (size_t)snprintf(kinds + n, sizeof kinds - n, "%s%s %.0f", n ? ", " : "",
                                  bench_fault_name[i], v[TOLD_FAULTS + i]);
    r->model_failed = v[TOLD_DEAD] != 0;
    if (n || r->model_failed || v[TOLD_UNSENT] != 0)
        diag_add(d, DIAG_WARNING, "/manifest/endpoint", "bench.endpoint_faults",
                 "%.0f rows answered, %.0f not sent; %s", v[TOLD_ROWS], v[TOLD_UNSENT],
                 kinds);
    return AM_OK;
}

static int score_served(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct bench_oracle o;
    double *x = NULL, *score = NULL;
    uint32_t *at = NULL;
    size_t n, asked;
    int err = bench_oracle_open(&o, r, -1);
    if (err)
        return err;
    err = pack(r, &x, &at, &n);
    if (!err && !(score = am_malloc((n + 1) * sizeof *score)))
        err = AM_E_NOMEM;
    for (size_t i = 0; !err && i < n; i += SERVED_CHUNK) {
        size_t k = AM_MIN(n - i, (size_t)SERVED_CHUNK);
        err = probe_ask(&o.probe, x + i * r->feature.n, k, score + i, &asked);
        if (in->progress)
            in->progress(in->cookie, "score", i + k, n);
    }
    for (size_t i = 0; !err && i < n; i++)
        r->cases.v[at[i]].score = score[i];
    if (!err)
        err = service_finding(r, o.line, d);
    bench_oracle_close(&o);
    free(score);
    free(at);
    free(x);
    return err;
}

static int ask_model(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct model_session *m = NULL;
    int err = open_model(r, &m, in->model, d);
    if (!err)
        err = describe(r, m, d);
    if (!err && !r->kept_csv) /* else the score file has them */
        err = score_rows(r, in, m, d);
    model_session_close(m);
    return err;
}

/* From the score file only the description is read of the tape: its end is not reached.
 */
static int score_taped(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct model_tape *t;
    int err = bench_tape_begin(r, BENCH_TAPE_SCORES, &t);
    if (err)
        return err;
    err = !r->served ? ask_model(r, in, d) : r->kept_csv ? AM_OK : score_served(r, in, d);
    if (!r->kept_csv)
        return bench_tape_end(r, BENCH_TAPE_SCORES, t, err);
    model_tape_use(NULL);
    model_tape_free(t);
    return err;
}

int bench_score(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    int err;
    check_classes(r, d);
    err = diag_result(d);
    if (!err && (r->model_declared || r->served))
        err = score_taped(r, in, d);
    else if (!err && !r->kept) /* which file it was is kept all the same */
        err = bench_tape_add(r, BENCH_TAPE_SCORES, STR_NULL, false);
    return err ? err : use_rows(r, d);
}
