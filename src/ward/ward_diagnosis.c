/* SPDX-License-Identifier: Apache-2.0 */
/* A diagnosis: words are looked for among the clinical findings of SNOMED CT where the
 * operator has loaded it, else in ICD-10, and one is chosen; where neither is loaded,
 * nothing is found or none fits, the words stand as they are, and the page says that they
 * are not coded and why. */
#include "ward/ward_form_priv.h"

#include <string.h>

#define SCT     "http://snomed.info/sct"
#define ICD10   "http://hl7.org/fhir/sid/icd-10"
#define FINDING "404684003" /* clinical finding */

#define CONDITION(x) "http://terminology.hl7.org/CodeSystem/condition-" x

static const struct ward_field diagnosis_field[] = {
    {.name = "words", .kind = WARD_LINE, .required = true},
    {.name = "code", .kind = WARD_FOUND_CODE, .word = "ward.code_text"},
    {.name = "certainty",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "confirmed provisional",
     .word = "ward_certainty"},
    {.name = "onset", .kind = WARD_DAY},
};

/* "2014", "2014-05", "2014-05-28": as well as it is known, and not to come. */
static bool onset_ok(struct str s, int64_t now)
{
    char day[12] = "0000-01-01";
    int64_t at;
    if (s.n != 4 && s.n != 7 && s.n != 10)
        return false;
    memcpy(day, s.p, s.n);
    return !time_parse_date(str_c(day), &at) && at <= now + TIME_DAY &&
           at > -200 * 366 * TIME_DAY;
}

static void subsumes_entry(struct jw *w, struct str code)
{
    for (size_t i = 0; i < code.n; i++)
        if (code.p[i] < '0' || code.p[i] > '9')
            code = STR("0"); /* no code of SNOMED CT, and none of an address */
    jw_obj(w);
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", "GET");
    jw_key(w, "url");
    jw_strf(
        w,
        "CodeSystem/$subsumes?system=http%%3A%%2F%%2Fsnomed.info%%2Fsct&codeA=" FINDING
        "&codeB=%.*s",
        STR_FMT(code));
    jw_obj_end(w);
    jw_obj_end(w);
}

static int diagnosis_subsumes(struct ward_entry *e, const struct json *contains,
                              struct ward_reply *r)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 10);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "batch");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (json_each(it, contains))
        subsumes_entry(&w, json_get_str(it.val, "code"));
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = ward_file_ask(
            &e->f,
            (struct ward_call){.method = REST_POST, .path = "/", .body = buf_str(&b)}, r);
    buf_release(&b);
    return err;
}

static bool is_finding(const struct json *parameters)
{
    const struct json *outcome =
        json_get(json_at(json_get(parameters, "parameter"), 0), "valueCode");
    return json_str_is(outcome, "subsumes") || json_str_is(outcome, "equivalent");
}

/* All of SNOMED that has these words; findings are told from medicines and the like by
 * $subsumes, all of them in one batch. */
static bool diagnosis_snomed(struct ward_entry *e)
{
    struct ward_reply r = {0}, below = {0};
    int status,
        err = ward_code_expand(e, SCT "?fhir_vs", ward_field_value(e, "words"), &r);
    const struct json *contains =
        err ? NULL : json_get(json_get(r.root, "expansion"), "contains");
    if (json_size(contains))
        err = diagnosis_subsumes(e, contains, &below);
    for (json_each(it, err ? NULL : contains))
        if (is_finding(ward_batch_at(&below, it.i, &status)))
            ward_code_add(e, it.val);
    ward_reply_release(&below);
    ward_reply_release(&r);
    return ward_code_searched(e, err, "ward.terms_sct");
}

/* A letter and two digits at least: chapters and blocks are no diagnoses. */
static bool icd10_code(struct str s)
{
    return s.n >= 3 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= '0' && s.p[1] <= '9' &&
           s.p[2] >= '0' && s.p[2] <= '9' && !memchr(s.p, '-', s.n);
}

static bool diagnosis_icd10(struct ward_entry *e)
{
    struct ward_reply r = {0};
    int err = ward_code_expand(e, ICD10 "?fhir_vs", ward_field_value(e, "words"), &r);
    for (json_each(it, err ? NULL : json_get(json_get(r.root, "expansion"), "contains")))
        if (icd10_code(json_get_str(it.val, "code")))
            ward_code_add(e, it.val);
    ward_reply_release(&r);
    return ward_code_searched(e, err, "ward.terms_icd10");
}

static void diagnosis_check(struct ward_entry *e)
{
    struct str onset = ward_field_value(e, "onset");
    if (onset.n && !onset_ok(onset, e->f.v->now))
        ward_field_error(e, "onset", "ward_e.onset");
    if (diagnosis_snomed(e) || diagnosis_icd10(e))
        ward_code_choose(e, "words", "code");
    else
        ward_code_none(e, "words", "code");
}

static void diagnosis_code(struct ward_entry *e, struct jw *w)
{
    jw_key(w, "code");
    jw_obj(w);
    ward_code_write(e, w);
    jw_kstr(w, "text", e->chosen[0] ? str_c(e->chosen) : ward_field_value(e, "words"));
    jw_obj_end(w);
}

static void diagnosis_write(struct ward_entry *e, struct ward_tx *t)
{
    struct jw *w = &t->w;
    char at[TIME_TEXT], certainty[20];
    snprintf(certainty, sizeof certainty, "%.*s",
             STR_FMT(ward_field_value(e, "certainty")));
    ward_tx_begin(t, "Condition");
    ward_tx_coded(w, "clinicalStatus", CONDITION("clinical"), "active");
    ward_tx_coded(w, "verificationStatus", CONDITION("ver-status"), certainty);
    diagnosis_code(e, w);
    ward_tx_subject(t, "subject");
    if (ward_field_value(e, "onset").n)
        jw_kstr(w, "onsetDateTime", ward_field_value(e, "onset"));
    jw_kstrz(w, "recordedDate", time_format(e->f.v->now, at));
    ward_tx_self(t, "recorder");
    ward_tx_self(t, "asserter");
    ward_tx_end(t);
}

static const struct ward_form diagnosis = {.title = "ward.diagnose",
                                           .path = "/diagnosis",
                                           .here = "ward.diagnose",
                                           .type = "Condition",
                                           .field = diagnosis_field,
                                           .n = AM_LEN(diagnosis_field),
                                           .check = diagnosis_check,
                                           .tell = ward_code_tell,
                                           .write = diagnosis_write};

int ward_page_diagnosis(struct web_visit *v)
{
    return ward_form_get(v, &diagnosis);
}

int ward_page_diagnosis_post(struct web_visit *v)
{
    return ward_form_post(v, &diagnosis);
}
