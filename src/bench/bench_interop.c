/* SPDX-License-Identifier: Apache-2.0 */
/* bench_interop -- does the model speak the common language (FHIR, SNOMED CT, LOINC)? The
 * fields declared are all looked at, none is sampled: shares without intervals.
 *
 *   IO-1 interop_fhir       1 when every input is read back from a FHIR R4 Bundle made of
 *        its own coding and unit (one patient, one Observation an input, by the reader
 *        that nodes use), every unit is UCUM, and the FHIR twin declared is valid R4
 *   IO-2 interop_snomed_ct  1 when the speciality, the body site and every coded or
 * yes/no observation have an identifier of a SNOMED CT concept (Verhoeff, partition) IO-3
 * interop_loinc      1 when every measured observation has a LOINC number (check digit);
 * without one, 1 of nothing
 *
 * The rows are of tenders (policy reference 6.3.3), not of the label. A code that passes
 * is well formed; that it says what the input is, its edition tells. */
#include "bench/bench_priv.h"
#include "fhir/fhir.h"
#include "fhir/valid.h"

enum { BUNDLE_MAX = 8 << 20 };

static bool observed(const struct json *input)
{
    return json_str_is(json_get(input, "source"), "observation");
}

static bool coded(const struct json *input)
{
    return json_str_is(json_get(input, "type"), "code") ||
           json_str_is(json_get(input, "type"), "boolean");
}

/* ---- one patient with every input -------------------------------------------------- */
static void put_coding(struct jw *w, const struct json *coding)
{
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstr(w, "system", json_get_str(coding, "system"));
    jw_kstr(w, "code", json_get_str(coding, "code"));
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void put_value(struct jw *w, const struct json *input)
{
    struct json_iter first = json_iter(json_get(input, "values"));
    double lo = json_num(json_at(json_get(input, "range"), 0), 0);
    if (json_str_is(json_get(input, "type"), "boolean")) {
        jw_kbool(w, "valueBoolean", true);
    } else if (coded(input) && json_next(&first)) {
        jw_key(w, "valueCodeableConcept");
        jw_obj(w);
        jw_key(w, "coding");
        jw_arr(w);
        jw_obj(w);
        jw_kstr(w, "system", json_get_str(json_get(input, "coding"), "system"));
        jw_kstr(w, "code", first.key);
        jw_obj_end(w);
        jw_arr_end(w);
        jw_obj_end(w);
    } else {
        jw_key(w, "valueQuantity");
        jw_obj(w);
        jw_knum(w, "value", lo);
        jw_kstrz(w, "system", "http://unitsofmeasure.org");
        jw_kstr(w, "code", json_get_str(input, "unit"));
        jw_obj_end(w);
    }
}

static void put_observation(struct jw *w, const struct json *input, size_t i)
{
    jw_obj(w);
    jw_key(w, "resource");
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Observation");
    jw_key(w, "id");
    jw_strf(w, "o%zu", i);
    jw_kstrz(w, "status", "final");
    jw_key(w, "code");
    put_coding(w, json_get(input, "coding"));
    jw_key(w, "subject");
    jw_obj(w);
    jw_kstrz(w, "reference", "Patient/p");
    jw_obj_end(w);
    jw_kstrz(w, "effectiveDateTime", "2026-01-01T08:00:00Z");
    put_value(w, input);
    jw_obj_end(w);
    jw_obj_end(w);
}

/* only: this input alone. */
static int write_bundle(const struct json *inputs, size_t only, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "collection");
    jw_key(&w, "entry");
    jw_arr(&w);
    jw_raw(&w, STR("{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\",\"gender\":"
                   "\"female\",\"birthDate\":\"1980-01-01\"}}"));
    put_observation(&w, json_at(inputs, only), only);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static bool value_fits(const struct fhir_observation *o, const struct json *input)
{
    double same;
    if (json_str_is(json_get(input, "type"), "boolean"))
        return o->kind == FHIR_VALUE_BOOLEAN;
    if (coded(input))
        return o->kind == FHIR_VALUE_CODE || o->kind == FHIR_VALUE_QUANTITY;
    return o->kind == FHIR_VALUE_QUANTITY &&
           fhir_unit_convert(o->number, o->unit, json_get_str(input, "unit"), &same) ==
               AM_OK;
}

/* Written as a hospital would send it, read as a node would read it. */
static int read_back(const struct json *inputs, size_t i, bool *ok)
{
    const struct json *input = json_at(inputs, i), *coding = json_get(input, "coding");
    const struct fhir_observation *o;
    struct fhir_chart chart = {0};
    struct json_doc *doc = NULL;
    struct diag ignored;
    struct buf text;
    int err;
    *ok = false;
    diag_init(&ignored);
    buf_init(&text, BUNDLE_MAX);
    err = write_bundle(inputs, i, &text);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err)
        err = fhir_chart_read(json_root(doc), &chart, &ignored);
    if (!err) {
        o = fhir_chart_find(&chart, json_get_str(coding, "system"),
                            json_get_str(coding, "code"));
        *ok = o && json_get_str(coding, "code").n && value_fits(o, input);
        fhir_chart_release(&chart);
    }
    json_free(doc);
    buf_release(&text);
    diag_release(&ignored);
    return err == AM_E_NOMEM ? err : AM_OK;
}

/* ---- the three standards ------------------------------------------------------------
 */
static int tell(struct bench_run *r, const char *row, const char *name, size_t good,
                size_t n)
{
    char share[64];
    int err;
    snprintf(share, sizeof share, "%s_share", name);
    err = bench_emit(r, row, share, "", n ? (double)good / (double)n : 1, bench_no_ci,
                     "count", (int64_t)n, 0);
    return err ? err
               : bench_emit(r, row, name, "", good == n, bench_no_ci, "count", (int64_t)n,
                            0);
}

static int twin_valid(const struct json *twin, bool *ok)
{
    static const char *const part[] = {"device", "document_reference"};
    *ok = true;
    for (size_t i = 0; i < AM_LEN(part); i++) {
        const struct json *v = json_get(twin, part[i]);
        struct diag d;
        int err;
        diag_init(&d);
        err = v ? fhir_valid_check(NULL, v, 0, &d) : AM_E_INVALID;
        diag_release(&d);
        if (err == AM_E_NOMEM)
            return err;
        *ok &= err == AM_OK;
    }
    return AM_OK;
}

static size_t units(const struct json *list, size_t *n)
{
    size_t good = 0;
    for (json_each(it, list)) {
        ++*n;
        good += fhir_unit_check(json_get_str(it.val, "unit")) == AM_OK;
    }
    return good;
}

static int interop_fhir(struct bench_run *r)
{
    const struct json *inputs = json_get(r->record, "inputs");
    size_t n = 0, good = 0, n_units = 0, good_units;
    bool ok, twin;
    int err = AM_OK;
    for (size_t i = 0; i < json_size(inputs) && !err; i++) {
        if (!observed(json_at(inputs, i)))
            continue; /* age and sex are the Patient's own */
        err = read_back(inputs, i, &ok);
        n++;
        good += ok;
    }
    good_units = units(inputs, &n_units);
    good_units += units(json_get(r->record, "outputs"), &n_units);
    if (!err)
        err = twin_valid(json_get(r->record, "fhir_twin"), &twin);
    if (!err)
        err = bench_emit(r, "IO-1", "interop_inputs_read_share", "",
                         n ? (double)good / (double)n : 1, bench_no_ci, "count",
                         (int64_t)n, 0);
    if (!err)
        err = bench_emit(r, "IO-1", "interop_units_share", "",
                         (double)good_units / (double)AM_MAX(n_units, 1), bench_no_ci,
                         "count", (int64_t)n_units, 0);
    if (!err)
        err = bench_emit(r, "IO-1", "interop_twin_valid", "", twin, bench_no_ci,
                         "validation", 2, 0);
    return err ? err
               : bench_emit(r, "IO-1", "interop_fhir", "",
                            good == n && good_units == n_units && twin, bench_no_ci,
                            "count", (int64_t)n, 0);
}

static bool is_in(const struct json *coding, const char *system)
{
    return str_eqc(json_get_str(coding, "system"), system) &&
           fhir_coding_check(json_get_str(coding, "system"),
                             json_get_str(coding, "code")) == FHIR_CODE_GOOD;
}

int bench_interoperability(struct bench_run *r)
{
    size_t snomed = 2, snomed_good, loinc = 0, loinc_good = 0;
    int err = interop_fhir(r);
    snomed_good = is_in(json_get(r->record, "specialty"), FHIR_SNOMED_CT);
    snomed_good += is_in(json_get(r->record, "body_site"), FHIR_SNOMED_CT);
    for (json_each(it, json_get(r->record, "inputs"))) {
        const struct json *coding = json_get(it.val, "coding");
        if (!observed(it.val))
            continue;
        if (coded(it.val)) {
            snomed++;
            snomed_good += is_in(coding, FHIR_SNOMED_CT);
        } else {
            loinc++;
            loinc_good += is_in(coding, FHIR_LOINC);
        }
    }
    if (!err)
        err = tell(r, "IO-2", "interop_snomed_ct", snomed_good, snomed);
    return err ? err : tell(r, "IO-3", "interop_loinc", loinc_good, loinc);
}
