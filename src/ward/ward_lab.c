/* SPDX-License-Identifier: Apache-2.0 */
/* A laboratory result: one examination of a list, its figure, the range of this
 * laboratory for this patient, and what follows from the two.
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
};

static const struct ward_field lab_field[] = {
    {.name = "exam",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "4548-4 2345-7 2160-0 2951-2 2823-3 718-7 6690-2 777-3 1988-5 2093-3",
     .word = "ward_exam"},
    {.name = "sampled", .kind = WARD_CLOCK, .required = true},
    {.name = "comparator", .kind = WARD_CHOICE, .choices = "lt gt", .word = "ward_sign"},
    {.name = "figure", .kind = WARD_NUMBER, .required = true, .decimals = 3},
    {.name = "low", .kind = WARD_NUMBER, .decimals = 3},
    {.name = "high", .kind = WARD_NUMBER, .decimals = 3},
};

static const struct lab_test *lab_of(const struct ward_entry *e)
{
    struct str code = ward_field_value(e, "exam");
    for (size_t i = 0; i < AM_LEN(lab_test); i++)
        if (str_eqc(code, lab_test[i].code))
            return &lab_test[i];
    return NULL;
}

static void lab_check(struct ward_entry *e)
{
    static const char *const number[] = {"figure", "low", "high"};
    const struct lab_test *x = lab_of(e);
    double v = ward_field_double(e, "figure"), lo = ward_field_double(e, "low"),
           hi = ward_field_double(e, "high");
    char text[WARD_DIGITS];
    am_assert(x); /* a choice of the list */
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

static void lab_write(struct ward_entry *e, struct ward_tx *t)
{
    const struct lab_test *x = lab_of(e);
    const char *meaning = lab_meaning(e);
    struct str sign = ward_field_value(e, "comparator");
    ward_tx_begin(t, "Observation");
    ward_tx_measured(t, "laboratory");
    ward_tx_coded(&t->w, "code", WARD_LOINC, x->code);
    jw_kstrz(&t->w, "effectiveDateTime", e->instant[ward_field_at(e, "sampled")]);
    ward_tx_quantity(&t->w, "valueQuantity", ward_field_number(e, "figure"), x->unit,
                     x->ucum,
                     str_eqc(sign, "lt")   ? "<"
                     : str_eqc(sign, "gt") ? ">"
                                           : NULL);
    if (meaning) {
        jw_key(&t->w, "interpretation");
        jw_arr(&t->w);
        ward_tx_coded(&t->w, NULL, WARD_V3 "v3-ObservationInterpretation", meaning);
        jw_arr_end(&t->w);
    }
    lab_range(e, &t->w, x);
    ward_tx_end(t);
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
                                     .write = lab_write};

int ward_page_lab(struct web_visit *v)
{
    return ward_form_get(v, &lab);
}

int ward_page_lab_post(struct web_visit *v)
{
    return ward_form_post(v, &lab);
}
