/* SPDX-License-Identifier: Apache-2.0 */
/* bench -- one run: declarations, data, people, model, families, outputs. */
#include "bench/bench_job.h"
#include "bench/bench_spool.h"
#include "bench/bench_vault.h"
#include "bench/bench_remote.h"

enum { BENCH_SCORES_MAX = 1 << 30, BENCH_DOC_MAX = 64 << 20 };

static int copy_doc(struct json_doc **out, const struct json *v, struct diag *d)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, BENCH_DOC_MAX);
    jw_init(&w, &text);
    jw_val(&w, v);
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&text), NULL, d);
    buf_release(&text);
    return err;
}

/* Digest of the canonical form: what the same document has, however it is laid out. */
static int digest_doc(const struct json *v, uint8_t out[32])
{
    struct buf b;
    int err;
    buf_init(&b, BENCH_DOC_MAX);
    err = json_canon(&b, v);
    if (!err)
        crypto_sha256(buf_str(&b), out);
    buf_release(&b);
    return err;
}

/* Everything a second run needs to give the same numbers: record, manifest, seed. */
static int digest_config(struct bench_run *r, struct str manifest)
{
    uint8_t record[32];
    char a[CRYPTO_HEX], b[CRYPTO_HEX], text[256];
    int err = digest_doc(r->record, record), n;
    if (manifest.n) /* what sha256sum says of the file */
        crypto_sha256(manifest, r->manifest_sha256);
    else if (!err)
        err = digest_doc(r->manifest, r->manifest_sha256);
    if (err)
        return err;
    n = snprintf(text, sizeof text,
                 "{\"manifest\":\"%s\",\"record\":\"%s\",\"seed\":\"%llu\"}",
                 crypto_hex(r->manifest_sha256, 32, a), crypto_hex(record, 32, b),
                 (unsigned long long)r->seed);
    crypto_sha256((struct str){text, (size_t)n}, r->config_sha256);
    return AM_OK;
}

static int digest_program(struct bench_run *r)
{
    char *text;
    size_t n;
    int err = am_file_read("/proc/self/exe", (size_t)1 << 30, &text, &n);
    if (err)
        return err;
    crypto_sha256((struct str){text, n}, r->program_sha256);
    free(text);
    return AM_OK;
}

static void step(const struct bench_input *in, const char *name, uint64_t done,
                 uint64_t total)
{
    if (in->progress)
        in->progress(in->cookie, name, done, total);
}

static int load(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    int err = bench_load(r, in, d);
    if (!err)
        err = bench_train(r, in, d);
    if (!err)
        err = bench_people(r, in, d);
    if (!err)
        err = bench_attributes(r, d);
    return err ? err : bench_extras(r);
}

static int run(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    int err = copy_doc(&r->record_doc, in->record, d);
    if (!err)
        err = copy_doc(&r->manifest_doc, in->manifest, d);
    if (err)
        return err;
    r->record = json_root(r->record_doc);
    r->manifest = json_root(r->manifest_doc);
    step(in, "check", 0, 1);
    err = bench_check(r, d);
    if (!err)
        err = digest_config(r, in->manifest_text);
    if (!err && in->kept)
        err = bench_kept_open(r, in, d);
    if (!err)
        err = bench_check_model(r, in, d);
    step(in, "load", 0, r->set.n);
    if (!err)
        err = in->kept && !in->kept->data ? bench_kept_load(r, d) : load(r, in, d);
    if (!err)
        err = bench_score(r, in, d);
    if (!err)
        err = bench_write_scores(r);
    if (!err)
        err = bench_jobs(r, in);
    return err ? err : bench_sealed_result(r, in, d);
}

int bench_run(struct bench_run **out, const struct bench_input *in, struct diag *d)
{
    struct bench_run *r = am_calloc(1, sizeof *r);
    struct diag own; /* the checks count problems even when nobody reads them */
    int err;
    if (!r)
        return AM_E_NOMEM;
    diag_init(&own);
    buf_init(&r->scores, BENCH_SCORES_MAX);
    r->seed = in->seed;
    r->model = in->model;
    r->limits.reply_ms = in->answer_s * 1000;
    r->only = in->only;
    r->started_at = time_now();
    err = digest_program(r);
    if (!err)
        err = run(r, in, d ? d : &own);
    r->ended_at = time_now();
    diag_release(&own);
    if (err) {
        bench_run_free(r);
        return err;
    }
    *out = r;
    return AM_OK;
}

void bench_forget(struct bench_run *r)
{
    if (r->spooled)
        bench_spool_remove(r->queue);
}

void bench_run_free(struct bench_run *r)
{
    if (!r)
        return;
    bench_queue_free(r->queue);
    for (size_t i = 0; i < r->set.n; i++) {
        bench_source_release(&r->set.v[i].source);
        free(r->set.v[i].input);
    }
    for (size_t i = 0; i < r->attribute.n; i++) {
        for (size_t k = 0; k < r->attribute.v[i].value.n; k++)
            free(r->attribute.v[i].value.v[k]);
        vec_release(&r->attribute.v[i].value);
        free(r->attribute.v[i].id);
    }
    bench_opened_free(r->opened);
    bench_remote_free(r->remote);
    vec_release(&r->set);
    vec_release(&r->attribute);
    vec_release(&r->feature);
    vec_release(&r->cases);
    bench_view_release(r);
    vec_release(&r->family);
    free(r->pixel_names);
    free(r->x);
    bench_train_free(r->train);
    bench_rules_free(r->rules);
    bench_extras_release(r);
    bench_kept_release(r);
    free(r->s);
    free(r->y);
    free(r->cluster);
    free(r->of);
    buf_release(&r->scores);
    json_free(r->record_doc);
    json_free(r->manifest_doc);
    free(r);
}

size_t bench_measures(const struct bench_run *r)
{
    return r->measure.n;
}

const struct bench_measure *bench_measure_at(const struct bench_run *r, size_t i)
{
    return i < r->measure.n ? &r->measure.v[i] : NULL;
}

size_t bench_families(const struct bench_run *r)
{
    return r->family.n;
}

const char *bench_family(const struct bench_run *r, size_t i)
{
    return i < r->family.n ? r->family.v[i].name : NULL;
}

struct str bench_scores(const struct bench_run *r)
{
    return buf_str(&r->scores);
}
