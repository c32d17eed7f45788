/* SPDX-License-Identifier: Apache-2.0 */
/* bench_job -- jobs of a run: their list, the threads that do them, the merge. */
#include "bench/bench_job.h"
#include "bench/bench_answers.h"
#include "bench/bench_spool.h"

#include <pthread.h>

enum needs { NOTHING, SCORES, WEIGHTS };
static const struct {
    const char *name, *rows;
    int (*fn)(struct bench_run *r);
    enum needs needs;
} families[] = {
#define X(name, rows, fn, needs) {name, rows, fn, needs},
    BENCH_FAMILY_MAP(X)
#undef X
};
struct parted {
    const char *family;
    size_t (*parts)(const struct bench_run *r);
    int (*part)(struct bench_run *r, size_t k);
};
static const struct parted parted[] = {
#define X(family, parts, part) {family, parts, part},
    BENCH_PART_MAP(X)
#undef X
        {NULL, NULL, NULL}};

static bool named(const char *names, const char *name)
{
    struct str rest = str_c(names);
    while (rest.n)
        if (str_eqc(str_cut(rest, ' ', &rest), name))
            return true;
    return false;
}

bool bench_feeds(const char *row)
{
    for (size_t i = 0; i < AM_LEN(families); i++)
        if (named(families[i].rows, row))
            return true;
    return false;
}

const char *bench_family_name(size_t i)
{
    return i < AM_LEN(families) ? families[i].name : NULL;
}

static const struct parted *parts_of(size_t family)
{
    for (const struct parted *p = parted; p->family; p++)
        if (!strcmp(p->family, families[family].name))
            return p;
    return NULL;
}

/* ms of a job of a family, on 10,000 rows of 40 inputs and 200 trees (bench/run.c): for
 * the reckoning of the time left, and nothing else. */
static uint64_t cost_of(const struct bench_job *j)
{
    static const struct {
        const char *family;
        uint64_t ms;
    } cost[] = {
#define X(family, ms) {family, ms},
        BENCH_COST_MAP(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(cost); i++)
        if (!strcmp(cost[i].family, families[j->family].name))
            return cost[i].ms;
    return 300;
}

/* ---- the list
 * ------------------------------------------------------------------------------ */
static void add_hex(struct crypto_sha256 *h, const uint8_t digest[CRYPTO_SHA256])
{
    char hex[CRYPTO_HEX];
    crypto_sha256_add(h, str_c(crypto_hex(digest, CRYPTO_SHA256, hex)));
    crypto_sha256_add(h, STR("\n"));
}

/* All that decides what the job gives. */
static void key_of(const struct bench_run *r, struct bench_task *t)
{
    uint8_t digest[CRYPTO_SHA256];
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    add_hex(&h, r->config_sha256); /* record, manifest, seed */
    add_hex(&h, r->model_sha256);
    add_hex(&h, r->program_sha256);
    add_hex(&h, r->scores_sha256);
    for (size_t i = 0; i < r->set.n; i++)
        add_hex(&h, r->set.v[i].source.sha256);
    crypto_sha256_add(&h, str_c(t->name));
    crypto_sha256_end(&h, digest);
    crypto_hex(digest, sizeof digest, t->key);
}

static int add_job(const struct bench_run *r, size_t family, size_t part, size_t parts,
                   struct bench_jobs *out)
{
    struct bench_job j = {.family = family, .part = part, .parts = parts};
    if (parts)
        snprintf(j.task.name, sizeof j.task.name, "%s/%zu", families[family].name, part);
    else
        snprintf(j.task.name, sizeof j.task.name, "%s", families[family].name);
    key_of(r, &j.task);
    return vec_push(&out->job, j);
}

int bench_jobs_list(const struct bench_run *r, struct bench_jobs *out)
{
    int err = AM_OK;
    *out = (struct bench_jobs){.job = {0}};
    for (size_t i = 0; i < AM_LEN(families) && !err; i++) {
        const struct parted *p = parts_of(i);
        size_t parts = p ? p->parts(r) : 0;
        if (r->kept_csv && !bench_told_by_scores(families[i].name))
            continue; /* what it reads is not there */
        if (r->kept && r->kept->only && strcmp(r->kept->only, families[i].name) != 0)
            continue;
        if (r->only && !named(r->only, families[i].name))
            continue;
        if (families[i].needs == SCORES && !r->model_declared && !r->served)
            continue; /* there are no scores of the model the record is about */
        if (families[i].needs == WEIGHTS && !r->model_declared)
            continue; /* nobody has seen the file */
        if (!parts)
            err = add_job(r, i, 0, 0, out);
        for (size_t k = 0; k < parts && !err; k++)
            err = add_job(r, i, k, parts, out);
    }
    if (err)
        bench_jobs_release(out);
    return err;
}

void bench_jobs_release(struct bench_jobs *j)
{
    vec_release(&j->job);
}

/* ---- a family that cannot
 * ------------------------------------------------------------------------------- */
int bench_isolate(struct bench_run *view, const char *rows, int err)
{
    struct str rest = str_c(rows);
    if (err != AM_E_INVALID && err != AM_E_TOOBIG && err != AM_E_UNSUPPORTED &&
        err != AM_E_NOTFOUND && err != AM_E_REFUSED)
        return err; /* the machine's, not the data's or the model's */
    bench_view_release(view);
    bench_view(view, view);
    for (err = AM_OK; !err && rest.n;) {
        struct str one = str_cut(rest, ' ', &rest);
        char row[16];
        snprintf(row, sizeof row, "%.*s", STR_FMT(one));
        err = bench_emit(view, row, BENCH_FAILED, "", 1, bench_no_ci, "family_failed",
                         (int64_t)view->used, 0);
    }
    return err;
}

static bool failed(const struct bench_run *part)
{
    return part->measure.n && !strcmp(part->measure.v[0].name, BENCH_FAILED);
}

/* ---- one job
 * ------------------------------------------------------------------------------- */
int bench_job_do(const struct bench_run *r, const struct bench_job *j, struct buf *result)
{
    struct bench_run view;
    struct model_tape *tape;
    int err = bench_tape_begin(r, j->task.name, &tape);
    if (err)
        return err;
    bench_view(r, &view);
    err = j->parts ? parts_of(j->family)->part(&view, j->part)
                   : families[j->family].fn(&view);
    if (err)
        err = bench_isolate(&view, families[j->family].rows, err);
    err = bench_tape_end(&view, j->task.name, tape, err);
    if (!err)
        err = bench_result_write(&view, &j->task, result);
    bench_view_release(&view);
    return err;
}

static int do_parts(struct bench_run *r, size_t family, struct bench_run *part, size_t n)
{
    int err = AM_OK;
    for (size_t k = 0; k < n && !err; k++) {
        bench_view(r, &part[k]);
        err = parts_of(family)->part(&part[k], k);
        if (err)
            err = bench_isolate(&part[k], families[family].rows, err);
    }
    return err;
}

/* The parts are done or read: the family joins them. */
static int join(struct bench_run *r, size_t family, struct bench_run *part, size_t parts)
{
    struct bench_run own; /* so that what failed leaves nothing in r */
    size_t bad = 0;
    int err;
    while (bad < parts && !failed(&part[bad]))
        bad++;
    bench_view(r, &own);
    own.part = part;
    own.parts = parts;
    err = bad < parts ? AM_E_REFUSED : families[family].fn(&own);
    if (err)
        err = bench_isolate(&own, families[family].rows, err);
    for (size_t i = 0; i < own.measure.n && !err; i++)
        err = vec_push(&r->measure, own.measure.v[i]);
    for (size_t i = 0; i < own.na.n && !err; i++)
        err = vec_push(&r->na, own.na.v[i]);
    bench_view_release(&own);
    return err;
}

static void release_parts(struct bench_run *part, size_t n)
{
    for (size_t k = 0; part && k < n; k++)
        bench_view_release(&part[k]);
    free(part);
}

int bench_family_do(struct bench_run *r, const char *name)
{
    struct bench_run *part;
    size_t family = 0, parts;
    int err;
    while (strcmp(families[family].name, name) != 0)
        am_assert(++family < AM_LEN(families));
    parts = parts_of(family) ? parts_of(family)->parts(r) : 0;
    part = am_calloc(parts + 1, sizeof *part);
    if (!part)
        return AM_E_NOMEM;
    err = do_parts(r, family, part, parts);
    if (!err)
        err = join(r, family, part, parts);
    release_parts(part, parts);
    return err;
}

/* ---- threads
 * ------------------------------------------------------------------------------- */
struct crew {
    const struct bench_run *run;
    const struct bench_input *in;
    const struct bench_jobs *jobs;
    struct bench_queue *queue;
    pthread_mutex_t told; /* progress() is called by one at a time */
};

static void tell(struct crew *c, const char *name)
{
    uint64_t done = 0, total = 0;
    if (!c->in->progress)
        return;
    for (size_t i = 0; i < c->jobs->job.n; i++) {
        uint64_t ms = cost_of(&c->jobs->job.v[i]);
        total += ms;
        done += bench_queue_is_done(c->queue, i) ? ms : 0;
    }
    am_assert(!pthread_mutex_lock(&c->told));
    c->in->progress(c->in->cookie, name, done, total);
    am_assert(!pthread_mutex_unlock(&c->told));
}

static int do_next(struct crew *c)
{
    struct bench_lease lease;
    const struct bench_job *j;
    struct buf b;
    int err = bench_queue_take(c->queue, &lease);
    if (err)
        return err;
    j = &c->jobs->job.v[lease.job];
    tell(c, families[j->family].name);
    buf_init(&b, BENCH_QUEUE_RESULT_MAX);
    err = bench_job_do(c->run, j, &b);
    if (!err)
        err = bench_queue_done(c->queue, &lease, buf_str(&b));
    if (err)
        err = bench_queue_failed(c->queue, &lease, err);
    buf_release(&b);
    return err;
}

static void *crew_main(void *arg)
{
    while (!do_next(arg))
        continue; /* the error is the queue's: whoever takes next gets it */
    return NULL;
}

/* The caller works too; a thread that cannot be had costs speed only. */
static int work(struct crew *c)
{
    pthread_t thread[BENCH_JOBS_MAX];
    unsigned want = AM_MIN(AM_MAX(c->in->jobs, 1u), (unsigned)BENCH_JOBS_MAX), n = 0;
    int err;
    while (n + 1 < want && !pthread_create(&thread[n], NULL, crew_main, c))
        n++;
    do
        err = do_next(c);
    while (!err);
    for (unsigned i = 0; i < n; i++)
        am_assert(!pthread_join(thread[i], NULL));
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- the merge
 * ------------------------------------------------------------------------------- */
static int read_job(struct crew *c, size_t job, struct bench_run *view)
{
    struct buf b;
    int err;
    buf_init(&b, BENCH_QUEUE_RESULT_MAX);
    err = bench_queue_result(c->queue, job, &b);
    if (!err)
        err = bench_result_read(buf_str(&b), &c->jobs->job.v[job].task, view);
    buf_release(&b);
    return err;
}

/* Jobs [first, first + parts) are of one family. */
static int read_parts(struct crew *c, size_t first, size_t parts, struct bench_run *r)
{
    struct bench_run *part = am_calloc(parts, sizeof *part);
    const size_t family = c->jobs->job.v[first].family;
    struct model_tape *tape = NULL;
    int err = part ? AM_OK : AM_E_NOMEM;
    for (size_t k = 0; k < parts && !err; k++)
        err = read_job(c, first + k, &part[k]);
    for (size_t k = 0; k < parts && !err; k++)
        err = bench_tapes_move(&part[k], r);
    if (!err)
        err = bench_tape_begin(r, families[family].name, &tape);
    if (!err)
        err =
            bench_tape_end(r, families[family].name, tape, join(r, family, part, parts));
    release_parts(part, parts);
    return err;
}

static int merge(struct crew *c, struct bench_run *r)
{
    int err = AM_OK;
    for (size_t i = 0, n; i < c->jobs->job.n && !err; i += n) {
        const struct bench_job *j = &c->jobs->job.v[i];
        struct bench_family f = {.name = families[j->family].name,
                                 .rows = families[j->family].rows,
                                 .first = r->measure.n};
        n = AM_MAX(j->parts, (size_t)1);
        err = j->parts ? read_parts(c, i, n, r) : read_job(c, i, r);
        vec_release(&r->value);
        f.n = r->measure.n - f.first;
        if (!err)
            err = vec_push(&r->family, f);
    }
    return err;
}

int bench_jobs(struct bench_run *r, const struct bench_input *in)
{
    struct bench_jobs jobs;
    struct crew c = {.run = r, .in = in, .jobs = &jobs};
    int err = bench_jobs_list(r, &jobs);
    if (err)
        return err;
    err = in->spool ? bench_spool_open(&c.queue, in->spool)
                    : bench_queue_local(&c.queue, 0);
    r->queue = c.queue;
    r->spooled = in->spool != NULL;
    for (size_t i = 0; i < jobs.job.n && !err; i++)
        err = bench_queue_put(c.queue, &jobs.job.v[i].task);
    am_assert(!pthread_mutex_init(&c.told, NULL));
    if (!err)
        err = work(&c);
    if (!err && !in->helps)
        err = merge(&c, r);
    if (!err)
        err = bench_answers_seal(r);
    pthread_mutex_destroy(&c.told);
    bench_jobs_release(&jobs);
    return err;
}
