/* SPDX-License-Identifier: Apache-2.0 */
/* A laboratory result: one examination of a list, its figure, the range of this
 * laboratory for this patient, and what follows from the two; or, of an examination that
 * has no figure, positive, negative or indeterminate, as SNOMED CT codes. Each stands in
 * a DiagnosticReport: results of one numbered sample in the same (ward_report.c).
 *
 * No range is ours: it depends on method, sex and age, and the laboratory knows it.
 * Units are those Moroccan laboratories write; one unit for each code, so curves hold.
 * Limits as in ward_vitals.c: lo and hi judge typing and units, and are nowhere narrower
 * than the outliers of CLIF cited there (sodium 90-210, potassium to 15, haemoglobin
 * 2-25, leukocytes to 500, platelets to 2000, CRP to 1000, creatinine to 200 mg/L,
 * glucose to 20 g/L). Outside usual_lo and usual_hi a figure is asked again: the mean
 * critical limits of Kost's survey (design, clinical-operations 4.1) or beyond; HbA1c,
 * CRP and cholesterol have none there: ours. Interpretation: L below the range, H above
 * it, N within, its ends included (HL7 v3 ObservationInterpretation); none without a
 * range on the side that decides. */
#include "ward/ward_form_priv.h"

#include <math.h>
#include <string.h>

static const struct lab_test {
    const char *code, *unit, *ucum; /* LOINC */
    int decimals;
    double lo, hi, usual_lo, usual_hi;
} lab_test[] = {
    {"4548-4", "%", "%", 2, 2, 25, 4, 15},                /* HbA1c, NGSP */
    {"2345-7", "g/L", "g/L", 2, 0.05, 30, 0.5, 5},        /* glucose, serum */
    {"2160-0", "mg/L", "mg/L", 2, 0.5, 500, 3, 100},      /* creatinine */
    {"2951-2", "mmol/L", "mmol/L", 1, 80, 220, 120, 160}, /* sodium */
    {"2823-3", "mmol/L", "mmol/L", 2, 1, 15, 2.5, 6.5},   /* potassium */
    {"718-7", "g/dL", "g/dL", 1, 1, 30, 5, 20},           /* haemoglobin */
    {"6690-2", "10\xc2\xb3/\xc2\xb5L", "10*3/uL", 2, 0.01, 900, 1, 50}, /* leukocytes */
    {"777-3", "10\xc2\xb3/\xc2\xb5L", "10*3/uL", 1, 1, 5000, 20, 1000}, /* platelets */
    {"1988-5", "mg/L", "mg/L", 2, 0.01, 1000, 0.1, 400},                /* CRP */
    {"2093-3", "g/L", "g/L", 2, 0.1, 20, 0.8, 5},                       /* cholesterol */
    {.code = "5196-1"},  /* hepatitis B surface antigen, immunoassay: without a figure */
    {.code = "13955-0"}, /* hepatitis C antibodies, immunoassay */
    {.code = "56888-1"}, /* HIV 1 and 2 antibodies and p24 antigen, immunoassay */
    {.code = "2106-3"},  /* pregnancy test, urine */
};

/* SNOMED CT, and HL7 v3 ObservationInterpretation. */
static const struct lab_finding {
    const char *name, *code, *meaning;
} lab_finding[] = {
    {"pos", "10828004", "POS"}, {"neg", "260385009", "NEG"}, {"ind", "82334004", "IND"}};

static const struct ward_field lab_field[] = {
    {.name = "exam",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "4548-4 2345-7 2160-0 2951-2 2823-3 718-7 6690-2 777-3 1988-5 2093-3 "
                "5196-1 13955-0 56888-1 2106-3",
     .word = "ward_exam"},
    {.name = "sampled", .kind = WARD_CLOCK, .required = true},
    {.name = "comparator", .kind = WARD_CHOICE, .choices = "lt gt", .word = "ward_sign"},
    {.name = "figure", .kind = WARD_NUMBER, .decimals = 3},
    {.name = "low", .kind = WARD_NUMBER, .decimals = 3},
    {.name = "high", .kind = WARD_NUMBER, .decimals = 3},
    {.name = "finding",
     .kind = WARD_CHOICE,
     .choices = "pos neg ind",
     .word = "ward_finding"},
    {.name = "sample", .kind = WARD_LINE},
};

static const struct lab_test *lab_of(const struct ward_entry *e)
{
    struct str code = ward_field_value(e, "exam");
    for (size_t i = 0; i < AM_LEN(lab_test); i++)
        if (str_eqc(code, lab_test[i].code))
            return &lab_test[i];
    return NULL;
}

static const struct lab_finding *lab_found(const struct ward_entry *e)
{
    struct str name = ward_field_value(e, "finding");
    for (size_t i = 0; i < AM_LEN(lab_finding); i++)
        if (str_eqc(name, lab_finding[i].name))
            return &lab_finding[i];
    return NULL;
}

/* What is found, of an examination without figures; nothing else belongs to it. */
static void finding_check(struct ward_entry *e)
{
    static const char *const none[] = {"comparator", "figure", "low", "high"};
    if (!ward_field_value(e, "finding").n)
        ward_field_error(e, "finding", "ward_e.finding");
    for (size_t i = 0; i < AM_LEN(none); i++)
        if (ward_field_value(e, none[i]).n)
            ward_field_error(e, none[i], "ward_e.no_figure");
}

static void figure_check(struct ward_entry *e)
{
    static const char *const number[] = {"figure", "low", "high"};
    const struct lab_test *x = lab_of(e);
    double v = ward_field_double(e, "figure"), lo = ward_field_double(e, "low"),
           hi = ward_field_double(e, "high");
    char text[WARD_DIGITS];
    if (!ward_field_value(e, "figure").n)
        ward_field_error(e, "figure", "ward_e.required");
    if (ward_field_value(e, "finding").n)
        ward_field_error(e, "finding", "ward_e.no_finding");
    for (size_t i = 0; i < AM_LEN(number); i++) {
        struct str s = ward_field_value(e, number[i]);
        double y = ward_field_double(e, number[i]);
        if (s.n && !ward_number(s, x->decimals, text))
            ward_field_error(e, number[i], "ward_e.decimals");
        else if (y > x->hi || (y < x->lo && (i == 0 || y < 0)))
            ward_field_error(e, number[i], "ward_e.unlikely");
    }
    if (lo >= hi)
        ward_field_error(e, "high", "ward_e.order");
    if (v < x->usual_lo || v > x->usual_hi)
        ward_field_doubt(e, "figure");
    if (isnan(lo) && isnan(hi))
        ward_field_doubt(e, "low"); /* without a range nothing can be said high or low */
}

static void lab_check(struct ward_entry *e)
{
    const struct lab_test *x = lab_of(e);
    am_assert(x); /* a choice of the list */
    if (x->ucum)
        figure_check(e);
    else
        finding_check(e);
    ward_report_check(e);
}

/* "<5" of a range from 10 on is low; "<5" of one up to 4 is not known. */
static const char *lab_meaning(const struct ward_entry *e)
{
    struct str sign = ward_field_value(e, "comparator");
    double v = ward_field_double(e, "figure"), lo = ward_field_double(e, "low"),
           hi = ward_field_double(e, "high");
    if (str_eqc(sign, "lt"))
        return v <= lo ? "L" : NULL;
    if (str_eqc(sign, "gt"))
        return v >= hi ? "H" : NULL;
    if (v < lo)
        return "L";
    if (v > hi)
        return "H";
    return isnan(lo) || isnan(hi) ? NULL : "N";
}

static void lab_tell(struct ward_entry *e, struct jw *w)
{
    const char *meaning = lab_meaning(e);
    enum text_lang l = e->f.v->l;
    if (!lab_of(e)->ucum)
        return; /* what is found says it all */
    jw_obj(w);
    jw_kstr(w, "label", text_get(l, "ward.unit"));
    jw_kstrz(w, "value", lab_of(e)->unit);
    jw_obj_end(w);
    jw_obj(w);
    jw_kstr(w, "label", text_get(l, "ward.meaning"));
    jw_kstr(w, "words",
            text_get(l, !meaning                ? "ward_meaning.none"
                        : !strcmp(meaning, "L") ? "ward_meaning.L"
                        : !strcmp(meaning, "H") ? "ward_meaning.H"
                                                : "ward_meaning.N"));
    jw_obj_end(w);
}

static void lab_range(struct ward_entry *e, struct jw *w, const struct lab_test *x)
{
    static const char *const end[] = {"low", "high"};
    if (!*ward_field_number(e, "low") && !*ward_field_number(e, "high"))
        return;
    jw_key(w, "referenceRange");
    jw_arr(w);
    jw_obj(w);
    for (size_t i = 0; i < AM_LEN(end); i++)
        if (*ward_field_number(e, end[i]))
            ward_tx_quantity(w, end[i], ward_field_number(e, end[i]), x->unit, x->ucum,
                             NULL);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void lab_figure(struct ward_entry *e, struct jw *w, const struct lab_test *x)
{
    struct str sign = ward_field_value(e, "comparator");
    ward_tx_quantity(w, "valueQuantity", ward_field_number(e, "figure"), x->unit, x->ucum,
                     str_eqc(sign, "lt")   ? "<"
                     : str_eqc(sign, "gt") ? ">"
                                           : NULL);
    lab_range(e, w, x);
}

static void lab_write(struct ward_entry *e, struct ward_tx *t)
{
    const struct lab_test *x = lab_of(e);
    const struct lab_finding *found = lab_found(e);
    const char *at = e->instant[ward_field_at(e, "sampled")],
               *meaning = found ? found->meaning : lab_meaning(e);
    ward_tx_begin(t, "Observation");
    ward_tx_measured(t, "laboratory");
    ward_tx_coded(&t->w, "code", WARD_LOINC, x->code);
    jw_kstrz(&t->w, "effectiveDateTime", at);
    if (found)
        ward_tx_coded(&t->w, "valueCodeableConcept", "http://snomed.info/sct",
                      found->code);
    else
        lab_figure(e, &t->w, x);
    if (meaning) {
        jw_key(&t->w, "interpretation");
        jw_arr(&t->w);
        ward_tx_coded(&t->w, NULL, WARD_V3 "v3-ObservationInterpretation", meaning);
        jw_arr_end(&t->w);
    }
    ward_tx_end(t);
    ward_report_write(t, at);
}

static const struct ward_form lab = {.title = "ward.lab",
                                     .path = "/lab",
                                     .here = "ward.lab",
                                     .type = "Observation",
                                     .also = "DiagnosticReport",
                                     .field = lab_field,
                                     .n = AM_LEN(lab_field),
                                     .check = lab_check,
                                     .tell = lab_tell,
                                     .write = lab_write,
                                     .send = ward_report_send,
                                     .conflict = "ward_e.changed"};

int ward_page_lab(struct web_visit *v)
{
    return ward_form_get(v, &lab);
}

int ward_page_lab_post(struct web_visit *v)
{
    return ward_form_post(v, &lab);
}
