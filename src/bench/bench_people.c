/* SPDX-License-Identifier: Apache-2.0 */
/* bench_people -- who is in the data: one patient per row or a declared cluster method,
 * patients shared with the training set or between sites, rows that appear twice.
 * Identifiers are compared and forgotten: nothing of them reaches an output. */
#include "bench/bench_priv.h"

/* ---- one row per patient, or clusters
 * -------------------------------------------------------- */
static int one_set(struct bench_run *r, struct bench_set *s, struct map *all,
                   struct diag *d)
{
    char at[BENCH_PATH];
    struct map own;
    size_t twice = 0, missing = 0;
    int err = AM_OK;
    map_init(&own);
    for (size_t i = 0; i < s->rows && !err; i++) {
        struct str id = csv_at(s->csv, i, s->patient);
        size_t cluster;
        bool known = !bench_missing(s, id);
        missing += !known;
        if (known && !map_get(&own, id, &cluster)) {
            twice++;
        } else {
            cluster = r->clusters++;
            if (known)
                err = map_set(&own, id, cluster);
            if (known && !err && map_has(all, id))
                r->site_overlap++;
            if (known && !err)
                err = map_set(all, id, cluster);
        }
        r->cluster[s->first + i] = (uint32_t)cluster;
    }
    map_release(&own);
    if (twice && !r->clustered)
        diag_err(d, bench_at(s, at, "/columns/patient_id"), "bench.patient_twice",
                 "%zu rows repeat a patient and no cluster method is declared", twice);
    if (missing)
        diag_add(d, DIAG_WARNING, bench_at(s, at, "/columns/patient_id"),
                 "bench.patient_unknown", "%zu rows without an identifier", missing);
    return err;
}

static int patients(struct bench_run *r, struct map *all, struct diag *d)
{
    r->clustered = json_str_is(json_get(r->manifest, "cluster"), "obuchowski");
    r->cluster = am_malloc((r->cases.n + 1) * sizeof *r->cluster);
    if (!r->cluster)
        return AM_E_NOMEM;
    for (size_t k = 0; k < r->set.n; k++) {
        struct bench_set *s = &r->set.v[k];
        char at[BENCH_PATH];
        int err = AM_OK;
        if (s->patient != BENCH_NO_COLUMN)
            err = one_set(r, s, all, d);
        else
            for (size_t i = 0; i < s->rows; i++)
                r->cluster[s->first + i] = (uint32_t)r->clusters++;
        if (err)
            return err;
        if (s->patient == BENCH_NO_COLUMN && r->clustered)
            diag_err(d, bench_at(s, at, "/columns/patient_id"), "bench.patient_column",
                     "a cluster method needs the patient of each row");
        else if (s->patient == BENCH_NO_COLUMN)
            diag_add(d, DIAG_WARNING, bench_at(s, at, "/columns/patient_id"),
                     "bench.patient_column",
                     "no patient column: repeated patients unseen");
    }
    if (r->site_overlap)
        diag_add(d, DIAG_WARNING, "/manifest/data", "bench.site_overlap",
                 "%lld identifiers appear at more than one site",
                 (long long)r->site_overlap);
    return AM_OK;
}

/* ---- training identifiers
 * ---------------------------------------------------------------------- */
/* A table as the data are: CSV, or NDJSON, whose "column" is then a member or a pointer.
 */
static int read_ids(const struct bench_input *in, const struct json *t,
                    struct bench_source *out, struct diag *d)
{
    char path[4096], hex[CRYPTO_HEX], *text = NULL;
    size_t n = 0;
    int err = bench_open_path(in, json_get_str(t, "path"), path);
    if (!err)
        err = am_file_read(path, (size_t)256 << 20, &text, &n);
    if (!err)
        err = bench_source_parse(out, t, (struct str){text, n}, d);
    free(text);
    if (!err && json_get(t, "sha256") &&
        !json_str_is(json_get(t, "sha256"), crypto_hex(out->sha256, CRYPTO_SHA256, hex)))
        err = AM_E_TAMPERED;
    return err;
}

static int training(struct bench_run *r, const struct bench_input *in,
                    const struct json *t, const struct map *all, struct diag *d)
{
    struct bench_source ids = {0};
    struct diag own;
    struct map seen;
    size_t column = 0;
    int err;
    diag_init(&own);
    map_init(&seen);
    err = read_ids(in, t, &ids, &own);
    if (!err)
        err = csv_find(ids.table, json_get_str(t, "column"), &column);
    r->overlap = 0;
    for (size_t i = 0; !err && i < csv_rows(ids.table); i++) {
        struct str id = csv_at(ids.table, i, column);
        if (csv_missing(id) || map_has(&seen, id) || !map_has(all, id))
            continue;
        r->overlap++;
        err = map_set(&seen, id, 1);
    }
    diag_merge(d, &own, "/manifest/leakage_test/training_ids/path:");
    if (err && err != AM_E_NOMEM) {
        diag_err(d, "/manifest/leakage_test/training_ids", "bench.training_ids",
                 "the training identifiers cannot be read: %s", am_err_text(err));
        err = AM_E_INVALID;
    }
    map_release(&seen);
    diag_release(&own);
    bench_source_release(&ids);
    return err;
}

const char *bench_leakage_name(const struct bench_run *r)
{
    const struct json *method = json_pointer(r->manifest, STR("/leakage_test/method"));
    return json_str_is(method, "patient_ids") ? "patient_ids"
           : json_str_is(method, "none")      ? "none"
                                              : "vendor_attestation";
}

static int leakage(struct bench_run *r, const struct bench_input *in,
                   const struct map *all, struct diag *d)
{
    const struct json *l = json_get(r->manifest, "leakage_test");
    struct str method = json_get_str(l, "method");
    r->overlap = -1;
    r->leakage = bench_leakage_name(r);
    if (str_eqc(method, "patient_ids")) {
        for (size_t i = 0; i < r->set.n; i++) {
            char at[BENCH_PATH];
            if (r->set.v[i].patient == BENCH_NO_COLUMN)
                diag_err(d, bench_at(&r->set.v[i], at, "/columns/patient_id"),
                         "bench.patient_column", "the leakage test compares identifiers");
        }
        return training(r, in, json_get(l, "training_ids"), all, d);
    }
    if (str_eqc(method, "vendor_attestation"))
        r->overlap = 0;
    return AM_OK;
}

/* ---- the same row twice
 * -------------------------------------------------------------------------- */
static int duplicates(struct bench_run *r, struct diag *d)
{
    struct map seen;
    size_t width = r->feature.n * sizeof(double);
    char *key = am_malloc(width + 1);
    int err = key ? AM_OK : AM_E_NOMEM;
    map_init(&seen);
    for (size_t i = 0; i < r->cases.n && !err; i++) {
        struct str k = {key, width + 1};
        if (r->cases.v[i].why != BENCH_USED)
            continue;
        memcpy(key, r->x + i * r->feature.n, width);
        key[width] = (char)r->cases.v[i].y;
        if (map_has(&seen, k))
            r->duplicates++;
        else
            err = map_set(&seen, k, i);
    }
    map_release(&seen);
    free(key);
    if (r->duplicates)
        diag_add(d, DIAG_WARNING, "/manifest/data", "bench.duplicate_rows",
                 "%lld rows have the inputs and label of an earlier row",
                 (long long)r->duplicates);
    return err;
}

int bench_people(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    struct map all;
    int err;
    map_init(&all);
    err = patients(r, &all, d);
    if (!err)
        err = leakage(r, in, &all, d);
    map_release(&all);
    if (!err)
        err = duplicates(r, d);
    if (!err)
        err = bench_leak(r, d);
    return err ? err : diag_result(d);
}
