/* SPDX-License-Identifier: Apache-2.0 */
/* bench_check -- the declarations: both documents against their schemas, then against
 * each other and against the model file. Every problem is named before anything is
 * computed. */
#include "bench/bench_remote.h"
#include "embed/embed.h"

const char *bench_at(const struct bench_set *s, char path[BENCH_PATH], const char *more)
{
    if (s->index == BENCH_TRAINING)
        snprintf(path, BENCH_PATH, "/manifest/training%s", more);
    else
        snprintf(path, BENCH_PATH, "/manifest/data/%zu%s", s->index, more);
    return path;
}

/* ---- schemas
 * ------------------------------------------------------------------------------- */
static int check_schema(const char *file, const struct json *v, const char *prefix,
                        struct diag *d)
{
    const struct embed_file *f = embed_find(file);
    am_assert(f); /* the program was built without its schemas */
    return json_schema_check_text((struct str){(const char *)f->data, f->size}, v, prefix,
                                  d);
}

/* ---- record
 * ---------------------------------------------------------------------------------- */
static int read_features(struct bench_run *r, struct diag *d)
{
    const struct json *list = json_get(r->record, "inputs");
    for (json_each(it, list)) {
        const struct json *range = json_get(it.val, "range");
        struct bench_feature f = {
            .name = json_get_str(it.val, "name"),
            .type = json_get_str(it.val, "type"),
            .lo = json_num(json_at(range, 0), NAN),
            .hi = json_num(json_at(range, 1), NAN),
            .missing_allowed = json_bool(json_get(it.val, "missing_allowed"), false),
            .values = json_get(it.val, "values"),
        };
        char path[BENCH_PATH];
        int err;
        f.input = it.i;
        if (str_eqc(f.type, "image")) {
            err = bench_image_declare(r, it.val, it.i, d);
            if (err)
                return err;
            continue;
        }
        if (!(f.lo <= f.hi)) {
            snprintf(path, sizeof path, "/record/inputs/%zu/range", it.i);
            diag_err(d, path, "bench.range", "the lowest value is above the highest");
        }
        for (size_t i = 0; i < r->feature.n; i++)
            if (str_eq(r->feature.v[i].name, f.name)) {
                snprintf(path, sizeof path, "/record/inputs/%zu/name", it.i);
                diag_err(d, path, "bench.input_twice", "an input of that name exists");
            }
        if (vec_push(&r->feature, f))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

static void check_threshold(struct bench_run *r, struct diag *d)
{
    const struct json *out = json_at(json_get(r->record, "outputs"), 0),
                      *t = json_pointer(r->record, STR("/evaluation_plan/thresholds/0")),
                      *range = json_get(out, "range"), *own = json_get(out, "threshold");
    double value = json_num(json_get(t, "value"), NAN);
    r->threshold = json_num(json_get(json_get(r->manifest, "threshold"), "value"), NAN);
    if (!t)
        diag_err(d, "/record/evaluation_plan/thresholds", "bench.threshold",
                 "the plan freezes no threshold");
    else if (value != r->threshold)
        diag_err(d, "/manifest/threshold/value", "bench.threshold",
                 "%.17g, the evaluation plan froze %.17g", r->threshold, value);
    if (t && !str_eq(json_get_str(t, "output"), json_get_str(out, "name")))
        diag_err(d, "/record/evaluation_plan/thresholds/0/output", "bench.threshold",
                 "not the name of the first output");
    if (json_type(own) == JSON_NUMBER && json_num(own, NAN) != value)
        diag_err(d, "/record/outputs/0/threshold", "bench.threshold",
                 "differs from the evaluation plan");
    if (!(value >= json_num(json_at(range, 0), NAN) &&
          value <= json_num(json_at(range, 1), NAN)))
        diag_err(d, "/record/evaluation_plan/thresholds/0/value", "bench.threshold",
                 "outside the range of the output");
}

static void check_times(const struct bench_run *r, struct diag *d)
{
    int64_t frozen, unsealed;
    struct str f = json_get_str(json_get(r->manifest, "threshold"), "frozen_at"),
               u = json_get_str(r->manifest, "unsealed_at");
    if (time_parse(f, &frozen) || time_parse(u, &unsealed))
        return; /* the schema has said so */
    if (frozen >= unsealed)
        diag_add(d, DIAG_WARNING, "/manifest/threshold/frozen_at", "bench.frozen_late",
                 "frozen after the data were opened: row ID-4 fails");
}

static void check_task(const struct bench_run *r, struct diag *d)
{
    struct str task = json_get_str(r->record, "task");
    if (!str_eqc(task, "binary") && !str_eqc(task, "risk_score"))
        diag_err(d, "/record/task", "bench.task",
                 "the bench measures tasks binary and risk_score today");
    if (json_size(json_get(r->record, "outputs")) != 1)
        diag_err(d, "/record/outputs", "bench.task", "one output is measured");
}

/* ---- manifest
 * ----------------------------------------------------------------------------------- */
/* The keys are inputs of the record. */
static void check_known(const struct bench_run *r, const struct json *of, const char *at,
                        struct diag *d)
{
    for (json_each(it, of)) {
        char path[BENCH_PATH];
        bool known = false;
        for (size_t k = 0; k < r->feature.n; k++)
            known |= str_eq(r->feature.v[k].name, it.key);
        if (known)
            continue;
        snprintf(path, sizeof path, "%s/%.*s", at, (int)AM_MIN(it.key.n, 60), it.key.p);
        diag_err(d, path, "bench.input_unknown", "the record declares no such input");
    }
}

void bench_check_columns(const struct bench_run *r, const struct bench_set *s,
                         struct diag *d)
{
    const struct json *columns = json_get(s->doc, "columns"),
                      *inputs = json_get(columns, "inputs"),
                      *units = json_get(columns, "units"),
                      *declared = json_get(r->record, "inputs");
    char path[BENCH_PATH], more[96];
    bench_image_check(r, s, d);
    for (size_t k = 0; k < r->feature.n && !r->image.width; k++) {
        struct str name = r->feature.v[k].name, unit;
        const struct json *given = json_getn(units, name);
        if (!json_getn(inputs, name)) {
            snprintf(more, sizeof more, "/columns/inputs/%.*s", (int)AM_MIN(name.n, 60),
                     name.p);
            diag_err(d, bench_at(s, path, more), "bench.input_missing",
                     "no column for an input of the record");
        }
        unit = json_get_str(json_at(declared, k), "unit");
        if (given && !str_eq(json_str(given), unit)) {
            snprintf(more, sizeof more, "/columns/units/%.*s", (int)AM_MIN(name.n, 60),
                     name.p);
            diag_err(d, bench_at(s, path, more), "bench.unit",
                     "\"%.*s\", the record says \"%.*s\"", STR_FMT(json_str(given)),
                     STR_FMT(unit));
        }
    }
    check_known(r, inputs, bench_at(s, path, "/columns/inputs"), d);
}

/* "comorbidities": an input that carries the flag is one of the record's. */
static void check_flags(const struct bench_run *r, const struct json *data, size_t i,
                        struct diag *d)
{
    for (json_each(it, json_get(data, "comorbidities"))) {
        struct str input = json_get_str(it.val, "input");
        char path[BENCH_PATH];
        bool known = !input.n;
        for (size_t k = 0; k < r->feature.n; k++)
            known |= str_eq(r->feature.v[k].name, input);
        snprintf(path, sizeof path, "/manifest/data/%zu/comorbidities/%zu/input", i,
                 it.i);
        if (!known)
            diag_err(d, path, "bench.input_unknown", "the record declares no such input");
    }
}

/* "features" and "triage_levels": what the tests of robustness read. */
static void check_measured(const struct bench_run *r, struct diag *d)
{
    const struct json *cuts = json_get(r->manifest, "triage_levels");
    char path[BENCH_PATH];
    check_known(r, json_get(r->manifest, "features"), "/manifest/features", d);
    for (size_t i = 1; i < json_size(cuts); i++)
        if (!(json_num(json_at(cuts, i - 1), NAN) < json_num(json_at(cuts, i), NAN))) {
            snprintf(path, sizeof path, "/manifest/triage_levels/%zu", i);
            diag_err(d, path, "bench.range", "cut points rise");
        }
}

static int by_site(const void *a, const void *b)
{
    const struct bench_set *x = a, *y = b;
    int c = str_cmp(x->site, y->site);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static int read_sets(struct bench_run *r, struct diag *d)
{
    for (json_each(it, json_get(r->manifest, "data"))) {
        struct bench_set s = {.doc = it.val,
                              .index = it.i,
                              .site = json_get_str(it.val, "site"),
                              .gst = json_get_str(it.val, "gst"),
                              .label = BENCH_NO_COLUMN,
                              .patient = BENCH_NO_COLUMN,
                              .said = BENCH_NO_COLUMN,
                              .known = BENCH_NO_COLUMN};
        int64_t from, to;
        const struct json *period = json_get(it.val, "period");
        char path[BENCH_PATH];
        if (vec_push(&r->set, s))
            return AM_E_NOMEM;
        if (!time_parse_date(json_get_str(period, "from"), &from) &&
            !time_parse_date(json_get_str(period, "to"), &to) && from > to)
            diag_err(d, bench_at(&s, path, "/period"), "bench.period",
                     "ends before it starts");
        bench_check_columns(r, &s, d);
        check_flags(r, it.val, it.i, d);
    }
    qsort(r->set.v, r->set.n, sizeof *r->set.v, by_site);
    for (size_t i = 1; i < r->set.n; i++) {
        char path[BENCH_PATH];
        if (str_eq(r->set.v[i].site, r->set.v[i - 1].site))
            diag_err(d, bench_at(&r->set.v[i], path, "/site"), "bench.site_twice",
                     "one data set per site");
    }
    return AM_OK;
}

int bench_check_manifest(const struct json *manifest, struct diag *d)
{
    return check_schema("schema/bench-manifest-1.json", manifest, "/manifest", d);
}

int bench_check(struct bench_run *r, struct diag *d)
{
    int one = check_schema("schema/version-1.json", r->record, "/record", d),
        two = bench_check_manifest(r->manifest, d), err;
    if ((one && one != AM_E_INVALID) || (two && two != AM_E_INVALID))
        return one && one != AM_E_INVALID ? one : two;
    if (one || two)
        return AM_E_INVALID; /* what follows trusts the shapes */
    err = read_features(r, d);
    if (err)
        return err;
    check_task(r, d);
    check_threshold(r, d);
    check_times(r, d);
    check_measured(r, d);
    err = bench_rules_read(r, d);
    if (!err)
        err = read_sets(r, d);
    return err ? err : diag_result(d);
}

/* ---- the model file
 * ---------------------------------------------------------------------------- */
static const struct json *weights(const struct bench_run *r)
{
    for (json_each(it, json_get(r->record, "artifacts")))
        if (json_str_is(json_get(it.val, "role"), "weights"))
            return it.val;
    return NULL;
}

/* OpenSSF Model Signing root digest (method files): over the digests in path order. */
static int root_digest(struct bench_run *r)
{
    const struct json *list = json_get(r->record, "artifacts");
    struct crypto_sha256 all;
    size_t n = json_size(list);
    struct str last = STR("");
    crypto_sha256_init(&all);
    for (size_t k = 0; k < n; k++) { /* selection by path: there are few */
        const struct json *next = NULL;
        uint8_t one[32];
        for (size_t i = 0; i < n; i++) {
            const struct json *a = json_at(list, i);
            struct str p = json_get_str(a, "path");
            if ((!k || str_cmp(p, last) > 0) &&
                (!next || str_cmp(p, json_get_str(next, "path")) < 0))
                next = a;
        }
        if (!next || crypto_unhex(json_get_str(next, "sha256"), one, sizeof one))
            return AM_E_INVALID; /* two artefacts of one path */
        crypto_sha256_add(&all, (struct str){(const char *)one, sizeof one});
        last = json_get_str(next, "path");
    }
    crypto_sha256_end(&all, r->root_sha256);
    return AM_OK;
}

static bool digest_is(const uint8_t have[32], struct str hex)
{
    char text[CRYPTO_HEX];
    return str_eqc(hex, crypto_hex(have, 32, text));
}

/* No file: whatever is measured, nobody knows of which weights (ruling R-18). */
static int check_served(struct bench_run *r, struct diag *d)
{
    if (!r->remote)
        diag_err(d, "/manifest/endpoint", "bench.endpoint_missing",
                 "no endpoint is declared, no model file is given");
    for (json_each(it, json_get(r->manifest, "data")))
        if (str_starts(json_get_str(it.val, "path"), STR("sealed:")))
            diag_err(d, "/manifest/endpoint", "bench.endpoint_sealed",
                     "a sealed set would leave for the vendor's service");
    r->served = r->remote != NULL;
    memset(r->model_sha256, 0, sizeof r->model_sha256); /* nobody's (bench_answers.h) */
    if (root_digest(r))
        diag_err(d, "/record/artifacts", "bench.artifact_twice", "two files of one path");
    if (r->served)
        diag_add(d, DIAG_WARNING, "/record/model_digest", "bench.served",
                 "the weights are out of sight: row ID-2 cannot pass");
    return diag_result(d);
}

int bench_check_model(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct str declared = json_get_str(weights(r), "sha256");
    int err = bench_remote_read(&r->remote, r, in, d);
    if (err)
        return err;
    if (in->served || r->served) /* bench_kept_open() knows too */
        return check_served(r, d);
    if (!r->kept) /* else bench_kept_open() knows */
        crypto_sha256(in->model, r->model_sha256);
    r->model_declared = digest_is(r->model_sha256, declared);
    if (root_digest(r))
        diag_err(d, "/record/artifacts", "bench.artifact_twice", "two files of one path");
    else if (!digest_is(r->root_sha256, json_get_str(r->record, "model_digest")))
        r->model_declared = false;
    if (!r->model_declared)
        diag_add(d, DIAG_WARNING, "/record/model_digest", "bench.other_model",
                 "the file is not the model of the record: row ID-2 fails and nothing "
                 "is measured on it");
    return diag_result(d);
}
