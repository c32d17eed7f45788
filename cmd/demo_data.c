/* SPDX-License-Identifier: Apache-2.0 */
/* The patients of the demo: real ones where the data set is at hand, else made ones. Each
 * site is cut, by position and without chance, in rows to fit on (8 of 20), rows to test
 * on (10 of 20) and rows kept back for the ward (2 of 20). */
#include "demo.h"

#include <math.h>
#include <sys/stat.h>

#include "csv/csv.h"
#include "embed/embed.h"

static const char *const demo_gst[] = {"GST-RSK", "GST-CS", "GST-FM", "GST-MS"};
static const char *const demo_establishment[] = {"CHU-RABAT", "CHU-CASABLANCA", "CHU-FES",
                                                 "CHU-MARRAKECH"};

const struct json *demo_input(const struct demo *m, size_t i)
{
    return json_at(json_get(json_root(m->cohort), "inputs"), i);
}

static int demo_read_cohort(struct demo *m)
{
    const struct embed_file *f =
        embed_find(m->real ? "demo/cohort-real.json" : "demo/cohort-made.json");
    int err;
    am_assert(f);
    err =
        json_parse(&m->cohort, (struct str){(const char *)f->data, f->size}, NULL, &m->d);
    if (!err)
        m->inputs = json_size(json_get(json_root(m->cohort), "inputs"));
    am_assert(m->inputs <= DEMO_INPUTS);
    return err;
}

/* A row with a missing input is not used: the model declares that it needs them all. */
static int demo_take_row(struct demo_site *s, size_t i, const struct demo_row *row)
{
    size_t part = i * 7919 % 20; /* 7919 is prime to 20: spreads neighbours */
    if (part < 8)
        return vec_push(&s->train, *row);
    if (part < 18)
        return vec_push(&s->bench, *row);
    return vec_push(&s->held, *row);
}

static int demo_cell(const struct csv *c, size_t row, struct str column, double *out)
{
    size_t col;
    struct str cell;
    int err = csv_find(c, column, &col);
    if (err)
        return err;
    cell = csv_at(c, row, col);
    return str_double(str_trim(cell), out) ? AM_E_NOTFOUND : AM_OK;
}

static int demo_read_site(struct demo *m, struct demo_site *s, const char *path)
{
    const struct json *co = json_root(m->cohort);
    struct csv *c = NULL;
    size_t used = 0;
    int err = csv_parse_file(&c, path, NULL, &m->d);
    if (err)
        return demo_fail(m, path, m->d.n ? m->d.item[0].detail : am_err_text(err));
    for (size_t r = 0; r < csv_rows(c) && !err; r++) {
        struct demo_row row = {0};
        double label;
        bool whole = demo_cell(c, r, json_get_str(co, "label"), &label) == AM_OK;
        for (size_t i = 0; i < m->inputs && whole; i++)
            whole = demo_cell(c, r, json_get_str(demo_input(m, i), "name"), &row.x[i]) ==
                    AM_OK;
        for (size_t i = 0; i < m->inputs && whole; i++) {
            const struct json *range = json_get(demo_input(m, i), "range");
            whole = row.x[i] >= json_num(json_at(range, 0), -INFINITY) &&
                    row.x[i] <= json_num(json_at(range, 1), INFINITY);
        }
        if (!whole)
            continue;
        row.label = label > json_num(json_get(co, "positive_above"), 0.5);
        snprintf(row.id, sizeof row.id, "%.6s-%zu", s->name, r);
        err = demo_take_row(s, used++, &row);
    }
    csv_free(c);
    return err;
}

static int demo_make_cohort(struct demo *m)
{
    char dir[DEMO_PATH + 32];
    const char *const argv[] = {"cohort", "make", "--out", dir, "--seed", "1", NULL};
    snprintf(dir, sizeof dir, "%s/cohort", m->dir);
    snprintf(m->data, sizeof m->data, "%.1000s", dir);
    if (demo_tool(m, NULL, argv) != 0)
        return demo_fail(m, "cohort make", "failed");
    return AM_OK;
}

int demo_load_data(struct demo *m)
{
    int err = demo_read_cohort(m);
    if (!err && !m->real)
        err = demo_make_cohort(m);
    for (size_t i = 0; i < DEMO_SITES && !err; i++) {
        const struct json *site = json_at(json_get(json_root(m->cohort), "sites"), i);
        struct demo_site *s = &m->site[i];
        char path[DEMO_PATH + 64];
        snprintf(s->name, sizeof s->name, "%.*s", STR_FMT(json_get_str(site, "site")));
        snprintf(s->gst, sizeof s->gst, "%s", demo_gst[i]);
        snprintf(s->establishment, sizeof s->establishment, "%s", demo_establishment[i]);
        snprintf(s->node, sizeof s->node, "n0%zu", i + 1);
        snprintf(path, sizeof path, "%s/%.*s", m->data,
                 STR_FMT(json_get_str(site, "file")));
        err = demo_read_site(m, s, path);
    }
    return err;
}

/* ---- files for the tools
 * ------------------------------------------------------------------- */
static int demo_csv_header(struct demo *m, struct buf *b, const char *first)
{
    int err = buf_adds(b, first);
    for (size_t i = 0; i < m->inputs && !err; i++)
        err = buf_addf(b, "%s%.*s", *first || i ? "," : "",
                       STR_FMT(json_get_str(demo_input(m, i), "name")));
    return err ? err : buf_adds(b, ",label\n");
}

static int demo_csv_row(struct demo *m, struct buf *b, const struct demo_row *row,
                        bool id)
{
    int err = id ? buf_adds(b, row->id) : AM_OK;
    for (size_t i = 0; i < m->inputs && !err; i++)
        err = buf_addf(b, "%s%.17g", id || i ? "," : "", row->x[i]);
    return err ? err : buf_addf(b, ",%d\n", row->label);
}

int demo_write_train(struct demo *m, const char *path)
{
    struct buf b;
    int err;
    buf_init(&b, (size_t)64 << 20);
    err = demo_csv_header(m, &b, "");
    for (size_t s = 0; s < DEMO_SITES; s++)
        for (size_t r = 0; r < m->site[s].train.n && !err; r++)
            err = demo_csv_row(m, &b, &m->site[s].train.v[r], false);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    return err;
}

static void demo_manifest_site(struct demo *m, struct jw *w, const struct demo_site *s)
{
    const struct json *co = json_root(m->cohort);
    jw_obj(w);
    jw_key(w, "path");
    jw_strf(w, "%s.csv", s->name);
    jw_kstrz(w, "site", s->name);
    jw_kstrz(w, "gst", s->gst);
    jw_key(w, "period");
    jw_obj(w);
    jw_kval(w, "from", json_get(co, "from"));
    jw_kval(w, "to", json_get(co, "to"));
    jw_obj_end(w);
    jw_key(w, "columns");
    jw_obj(w);
    jw_kstrz(w, "patient_id", "id");
    jw_kstrz(w, "label", "label");
    jw_key(w, "inputs");
    jw_obj(w);
    for (size_t i = 0; i < m->inputs; i++) {
        struct str name = json_get_str(demo_input(m, i), "name");
        jw_keyn(w, name);
        jw_str(w, name);
    }
    jw_obj_end(w);
    jw_obj_end(w);
    jw_key(w, "label_map");
    jw_raw(w, STR("{\"0\":0,\"1\":1}"));
    jw_key(w, "groups");
    jw_raw(w,
           STR("[{\"name\":\"sex\",\"column\":\"sex\",\"kind\":\"sex\",\"values\":{\"0\":"
               "\"F\",\"1\":\"M\"}},{\"name\":\"age_band\",\"column\":\"age\",\"kind\":"
               "\"age_band\",\"bands\":[45,55,65]}]"));
    jw_obj_end(w);
}

static int demo_manifest(struct demo *m, const char *dir)
{
    char path[DEMO_PATH + 64], at[TIME_TEXT], hex[CRYPTO_HEX];
    uint8_t digest[CRYPTO_SHA256];
    int64_t now = time_now(); /* not cut to the second: after the plan was logged */
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kval(&w, "id", json_get(json_root(m->cohort), "name"));
    jw_key(&w, "data");
    jw_arr(&w);
    for (size_t s = 0; s < DEMO_SITES; s++)
        demo_manifest_site(m, &w, &m->site[s]);
    jw_arr_end(&w);
    jw_key(&w, "threshold");
    jw_obj(&w);
    jw_knum(&w, "value", m->threshold);
    jw_kstrz(&w, "frozen_at", time_format(m->frozen_at, at));
    jw_obj_end(&w);
    jw_kstrz(&w, "unsealed_at", time_format(now, at));
    jw_kbool(&w, "external", true);
    jw_kstrz(&w, "tester_org", "BENCH1");
    jw_key(&w, "leakage_test");
    jw_obj(&w);
    jw_kstrz(&w, "method", "vendor_attestation");
    crypto_sha256(STR("rows cut by position before fitting: amane demo"), digest);
    jw_kstrz(&w, "attestation_sha256", crypto_hex(digest, sizeof digest, hex));
    jw_obj_end(&w);
    jw_kstrz(&w, "cluster", "none");
    jw_obj_end(&w);
    err = jw_done(&w);
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    return err;
}

int demo_write_bench(struct demo *m, const char *dir)
{
    int err = am_dir_make(dir, 0700);
    for (size_t s = 0; s < DEMO_SITES && !err; s++) {
        char path[DEMO_PATH + 64];
        struct buf b;
        buf_init(&b, (size_t)64 << 20);
        err = demo_csv_header(m, &b, "id");
        for (size_t r = 0; r < m->site[s].bench.n && !err; r++)
            err = demo_csv_row(m, &b, &m->site[s].bench.v[r], true);
        snprintf(path, sizeof path, "%s/%s.csv", dir, m->site[s].name);
        if (!err)
            err = am_file_write(path, buf_str(&b), 0600);
        buf_release(&b);
    }
    return err ? err : demo_manifest(m, dir);
}

/* ---- FHIR
 * --------------------------------------------------------------------------------------
 */
static void demo_patient(struct jw *w, const struct demo_row *row, double age, double sex,
                         double male)
{
    int y, mo, d;
    time_ymd(time_now(), &y, &mo, &d);
    jw_obj(w);
    jw_key(w, "resource");
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Patient");
    jw_kstrz(w, "id", row->id);
    jw_kstrz(w, "gender", sex == male ? "male" : "female");
    jw_key(w, "birthDate"); /* 1 January: the age in whole years is exact */
    jw_strf(w, "%04d-01-01", y - (int)age);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void demo_value(struct jw *w, const struct json *in, double v)
{
    struct str type = json_get_str(in, "type");
    if (str_eqc(type, "boolean")) {
        jw_kbool(w, "valueBoolean", v != 0);
        return;
    }
    if (str_eqc(type, "code")) {
        for (json_each(it, json_get(in, "values"))) {
            if (json_num(it.val, NAN) != v)
                continue;
            jw_key(w, "valueCodeableConcept");
            jw_obj(w);
            jw_key(w, "coding");
            jw_arr(w);
            jw_obj(w);
            jw_kval(w, "system", json_get(json_get(in, "coding"), "system"));
            jw_kstr(w, "code", it.key);
            jw_obj_end(w);
            jw_arr_end(w);
            jw_obj_end(w);
            return;
        }
        return;
    }
    jw_key(w, "valueQuantity");
    jw_obj(w);
    jw_knum(w, "value", v);
    jw_kval(w, "unit", json_get(in, "unit"));
    jw_kstrz(w, "system", "http://unitsofmeasure.org");
    jw_kval(w, "code", json_get(in, "unit"));
    jw_obj_end(w);
}

static void demo_observation(struct demo *m, struct jw *w, const struct demo_row *row,
                             size_t i)
{
    const struct json *in = demo_input(m, i);
    char at[TIME_TEXT];
    jw_obj(w);
    jw_key(w, "resource");
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Observation");
    jw_key(w, "id");
    jw_strf(w, "%s-%zu", row->id, i);
    jw_kstrz(w, "status", "final");
    jw_key(w, "code");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_val(w, json_get(in, "coding"));
    jw_arr_end(w);
    jw_obj_end(w);
    jw_key(w, "subject");
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "Patient/%s", row->id);
    jw_obj_end(w);
    jw_kstrz(w, "effectiveDateTime",
             time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    demo_value(w, in, row->x[i]);
    jw_obj_end(w);
    jw_obj_end(w);
}

int demo_bundle(struct demo *m, const struct demo_row *row, int age_override,
                struct buf *out)
{
    const struct json *co = json_root(m->cohort);
    double age = 50, sex = 0;
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "collection");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (size_t i = 0; i < m->inputs; i++) {
        struct str source = json_get_str(demo_input(m, i), "source");
        if (str_eqc(source, "patient.age"))
            age = row->x[i];
        if (str_eqc(source, "patient.sex"))
            sex = row->x[i];
    }
    demo_patient(&w, row, age_override ? age_override : age, sex,
                 json_num(json_get(co, "male"), 1));
    for (size_t i = 0; i < m->inputs; i++)
        if (str_eqc(json_get_str(demo_input(m, i), "source"), "observation"))
            demo_observation(m, &w, row, i);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}
