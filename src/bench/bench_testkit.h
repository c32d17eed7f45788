/* SPDX-License-Identifier: Apache-2.0 */
/* One small run in process for the tests of bench, its model in a worker (the test
 * program is its own worker: model_test_worker()). */
#ifndef BENCH_TESTKIT_H
#define BENCH_TESTKIT_H

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "base/test.h"
#include "bench/bench.h"
#include "crypto/crypto.h"
#include "embed/embed.h"
#include "model/model_test_worker.h"
#include "stat/stat.h"

/* The families a test file is about, before it includes this; else all. */
#ifndef KIT_ONLY
#define KIT_ONLY NULL
#endif

/* ---- a case: two sites, one input, a fitted model
 * -------------------------------------------- */
struct kit {
    char dir[64];
    struct buf model, record, manifest;
    struct json_doc *record_doc, *manifest_doc;
    struct diag d;
    struct bench_run *run;
    struct bench_input in;
};

static inline void fit(struct kit *k)
{
    static const char *const name[] = {"x"};
    double x[40];
    uint8_t y[40];
    struct model_fit_options o = {.ridge = 1};
    struct buf report;
    for (int i = 0; i < 40; i++) {
        x[i] = i;
        y[i] = i % 7 == 0 ? i < 20 : i >= 20;
    }
    buf_init(&k->model, 1 << 20);
    buf_init(&report, 1 << 20);
    assert_ok(model_fit_logistic(x, y, 40, name, 1, &o, &k->model, &report, &k->d));
    buf_release(&report);
}

/* The example record with these inputs and the digests of the fitted model. */
static inline void write_record_of(struct kit *k, struct str inputs)
{
    const struct embed_file *f = embed_find("schema/examples/version.json");
    struct json_doc *doc, *about;
    struct model *m;
    struct buf text;
    struct jw w;
    uint8_t file[32], root[32];
    char hex[CRYPTO_HEX], root_hex[CRYPTO_HEX];
    assert_ok(
        json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, &k->d));
    assert_ok(model_load(&m, buf_str(&k->model), &k->d));
    buf_init(&text, 1 << 20);
    assert_ok(model_describe(m, buf_str(&k->model), &text));
    assert_ok(json_parse(&about, buf_str(&text), NULL, &k->d));
    crypto_sha256(buf_str(&k->model), file);
    crypto_sha256((struct str){(const char *)file, 32}, root);
    crypto_hex(file, 32, hex);
    crypto_hex(root, 32, root_hex);
    buf_init(&k->record, 1 << 20);
    jw_init(&w, &k->record);
    jw_obj(&w);
    for (json_each(it, json_root(doc))) {
        jw_keyn(&w, it.key);
        if (str_eqc(it.key, "inputs"))
            jw_raw(&w, inputs);
        else if (str_eqc(it.key, "model_digest"))
            jw_strz(&w, root_hex);
        else if (str_eqc(it.key, "canonical_weight_hash"))
            jw_val(&w, json_get(json_root(about), "canonical_weight_hash"));
        else if (str_eqc(it.key, "artifacts")) {
            char a[400];
            snprintf(a, sizeof a,
                     "[{\"path\":\"m.json\",\"role\":\"weights\",\"size\":%zu,\"sha256\":"
                     "\"%s\",\"media_type\":\"application/json\"}]",
                     k->model.n, hex);
            jw_raw(&w, str_c(a));
        } else {
            jw_val(&w, it.val);
        }
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    model_free(m);
    json_free(doc);
    json_free(about);
    buf_release(&text);
}

static inline void write_record(struct kit *k)
{
    write_record_of(
        k, STR("[{\"name\":\"x\",\"source\":\"observation\",\"coding\":{\"system\":"
               "\"urn:t\",\"code\":\"x\"},\"unit\":\"1\",\"type\":\"number\",\"range\":["
               "0,39],\"missing_allowed\":false,\"protected\":false}]"));
}

static inline void write_data(struct kit *k, const char *site, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.csv", k->dir, site);
    assert_ok(am_file_write(path, str_c(text), 0600));
}

static inline void write_site(struct kit *k, const char *site, const char *gst)
{
    assert_ok(buf_addf(
        &k->manifest,
        "%s{\"path\":\"%s.csv\",\"site\":\"%s\",\"gst\":\"%s\",\"period\":{\"from\":"
        "\"2026-01-01\",\"to\":\"2026-02-01\"},\"columns\":{\"patient_id\":\"id\","
        "\"label\":"
        "\"y\",\"inputs\":{\"x\":\"x\"}},\"positive_label\":\"yes\",\"missing\":[\"?\"],"
        "\"groups\":[{\"name\":\"s\",\"column\":\"s\",\"kind\":\"sex\"},{\"name\":\"a\","
        "\"column\":\"a\",\"kind\":\"age_band\",\"bands\":[40,60.5]},{\"name\":"
        "\"origin\","
        "\"column\":\"s\",\"kind\":\"other\",\"values\":{\"F\":\"one\"}}]}",
        k->manifest.p[k->manifest.n - 1] == '[' ? "" : ",", site, site, gst));
}

static inline void kit_open(struct kit *k, const char *more)
{
    struct buf a, b;
    *k = (struct kit){.dir = ""};
    snprintf(k->dir, sizeof k->dir, "%s/amane-bench-XXXXXX", test_top());
    diag_init(&k->d);
    assert_non_null(mkdtemp(k->dir));
    fit(k);
    write_record(k);
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&a, "id,x,y,s,a\n"));
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < 60; i++) {
        const char *y = (i * 7 % 40 + (i % 5) * 3) % 40 >= 20 ? "yes" : "no";
        assert_ok(buf_addf(i < 40 ? &a : &b, "p%d,%d,%s,%s,%d\n", i, i * 7 % 40, y,
                           i % 9 == 0   ? "?"
                           : i % 10 < 8 ? "F"
                                        : "M",
                           30 + i));
    }
    assert_ok(buf_adds(&a, "q1,50,yes,F,50\nq2,?,no,F,50\nq3,7,,F,50\n"));
    write_data(k, "east", a.p);
    write_data(k, "west", b.p);
    buf_release(&a);
    buf_release(&b);
    buf_init(&k->manifest, 1 << 20);
    assert_ok(buf_adds(&k->manifest, "{\"id\":\"t\",\"data\":["));
    write_site(k, "west", "G2");
    write_site(k, "east", "G1");
    assert_ok(
        buf_addf(&k->manifest,
                 "],\"threshold\":{\"value\":0.5,\"frozen_at\":\"2026-09-01T00:00:00Z\"},"
                 "\"unsealed_at\":\"2026-10-01T00:00:00Z\",\"external\":true,"
                 "\"tester_org\":\"T\",\"leakage_test\":{\"method\":\"none\"}%s}",
                 more));
    assert_ok(json_parse(&k->record_doc, buf_str(&k->record), NULL, &k->d));
    assert_ok(json_parse(&k->manifest_doc, buf_str(&k->manifest), NULL, &k->d));
    k->in = (struct bench_input){.record = json_root(k->record_doc),
                                 .manifest = json_root(k->manifest_doc),
                                 .manifest_dir = k->dir,
                                 .model = buf_str(&k->model),
                                 .only = KIT_ONLY,
                                 .seed = 42};
}

/* The plan declares another output scale. */
static inline void kit_scale(struct kit *k, const char *scale)
{
    static const char was[] = "\"output_scale\":\"probability\"";
    char *at = strstr(k->record.p, was);
    struct buf b;
    assert_non_null(at);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s\"output_scale\":\"%s\"%s", (int)(at - k->record.p),
                       k->record.p, scale, at + sizeof was - 1));
    json_free(k->record_doc);
    assert_ok(json_parse(&k->record_doc, buf_str(&b), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    buf_release(&b);
}

static inline void kit_run(struct kit *k)
{
    if (bench_run(&k->run, &k->in, &k->d))
        fail_msg("%s %s", k->d.n ? k->d.item[0].path : "",
                 k->d.n ? k->d.item[0].detail : "");
}

static inline void kit_close(struct kit *k)
{
    DIR *dir = opendir(k->dir);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", k->dir, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(k->dir);
    bench_run_free(k->run);
    json_free(k->record_doc);
    json_free(k->manifest_doc);
    buf_release(&k->model);
    buf_release(&k->record);
    buf_release(&k->manifest);
    diag_release(&k->d);
}

/* ---- what a run leaves ----------------------------------------------------------------
 */
enum { KIT_FAMILIES = 40 };
struct kit_kept {
    struct buf answers[KIT_FAMILIES];
    struct bench_kept_answers list[KIT_FAMILIES];
    struct bench_kept kept; /* borrows from the list and the run */
};

static inline void kit_keep(const struct kit *k, struct kit_kept *out)
{
    *out = (struct kit_kept){.kept = {.scores = bench_scores(k->run), .data = true}};
    out->kept.answers = out->list;
    for (size_t i = 0; bench_family_name(i); i++) {
        struct buf *b = &out->answers[out->kept.n];
        assert_true(out->kept.n < KIT_FAMILIES);
        buf_init(b, 1 << 28);
        assert_ok(bench_answers(k->run, bench_family_name(i), b));
        if (b->n)
            out->list[out->kept.n++] =
                (struct bench_kept_answers){bench_family_name(i), buf_str(b)};
        else
            buf_release(b);
    }
}

static inline void kit_kept_release(struct kit_kept *kept)
{
    for (size_t i = 0; i < KIT_FAMILIES; i++)
        buf_release(&kept->answers[i]);
}

static inline struct json_doc *kit_evidence(const struct bench_run *r, size_t family)
{
    struct json_doc *doc = NULL;
    struct buf b;
    buf_init(&b, 1 << 26);
    if (!bench_evidence(r, family, NULL, NULL, STR("T"), 0, &b))
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

/* All families of the kit's run against the run made again. */
static inline struct bench_compared
kit_compare(const struct kit *k, const struct bench_run *now, struct diag *d)
{
    struct bench_compared sum = {.measures = 0};
    for (size_t i = 0; i < bench_families(k->run); i++) {
        struct json_doc *doc = kit_evidence(k->run, i);
        struct bench_compared c;
        assert_non_null(doc);
        assert_ok(bench_compare(now, json_root(doc), &c, d));
        sum.untold += c.untold;
        sum.equal += c.equal;
        sum.differences += c.differences;
        json_free(doc);
    }
    return sum;
}

static const struct bench_measure *measure(const struct kit *k, const char *row,
                                           const char *name, const char *group)
{
    for (size_t i = 0; i < bench_measures(k->run); i++) {
        const struct bench_measure *m = bench_measure_at(k->run, i);
        if (!strcmp(m->row, row) && !strcmp(m->name, name) && !strcmp(m->group, group))
            return m;
    }
    return NULL;
}

static inline double value(const struct kit *k, const char *row, const char *name,
                           const char *group)
{
    const struct bench_measure *m = measure(k, row, name, group);
    if (!m)
        fail_msg("no measure %s %s %s", row, name, group);
    return m->estimate;
}

static inline bool warned(const struct kit *k, const char *code)
{
    for (size_t i = 0; i < k->d.n; i++)
        if (!strcmp(k->d.item[i].code, code))
            return true;
    return false;
}

#endif
