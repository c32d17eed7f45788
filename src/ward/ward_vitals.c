/* SPDX-License-Identifier: Apache-2.0 */
/* What a nurse measures at the bedside. Codes and units are those of FHIR's vital signs
 * profiles (R4, observation-vitalsigns); glucose of a finger stick is LOINC 32016-8.
 *
 * Limits judge typing, not patients: they are bounds of ours, the same at every age.
 *
 * lo, hi: beyond them a figure is a slip of the hand or of the unit (98.6 is no Celsius),
 * and is refused. Nowhere narrower than what the CLIF consortium discards as an outlier
 * of adult intensive care (clifpy, clifpy/schemas/outlier_config.yaml at 149ea93, read
 * November 2026: temperature 32-44, pulse to 300, pressures to 300 and 200, respiration
 * to 60, saturation from 50, height 76-255, weight from 30), but for weight, which ends
 * at 500 here (1100 there). Wider for newborns, who weigh less and breathe and beat
 * faster, and for the cold: refusing a true figure costs more than asking about a wrong
 * one.
 *
 * usual_lo, usual_hi: outside them a figure is asked again, and may be true. Beyond the
 * band of 3 points of NEWS2 (design, clinical-operations 3.1: pulse <=40 >=131, systolic
 * <=90, respiration <=8 >=25, saturation <=91, temperature <=35), since those are what a
 * ward sees each day and what is asked too often is ticked unread; systolic from 200 on,
 * where a slip of one digit is likelier than 220. Glucose: the critical limits of 4.1
 * (0.47 and 4.85 g/L), rounded. Diastolic, weight and height have no source: ours. */
#include "ward/ward_form_priv.h"

#include <math.h>
#include <string.h>

static const struct ward_field vitals_field[] = {
    {.name = "at", .kind = WARD_CLOCK, .required = true},
    {"systolic", WARD_NUMBER, false, 0, "mmHg", "mm[Hg]", 30, 300, 80, 200, NULL, NULL,
     NULL},
    {"diastolic", WARD_NUMBER, false, 0, "mmHg", "mm[Hg]", 10, 200, 40, 120, NULL, NULL,
     NULL},
    {"pulse", WARD_NUMBER, false, 0, "/min", "/min", 15, 320, 40, 150, NULL, NULL, NULL},
    {"temperature", WARD_NUMBER, false, 2, "\xc2\xb0\x43", "Cel", 20, 45, 34, 41, NULL,
     NULL, NULL},
    {"respiration", WARD_NUMBER, false, 0, "/min", "/min", 2, 150, 8, 40, NULL, NULL,
     NULL},
    {"saturation", WARD_NUMBER, false, 0, "%", "%", 20, 100, 85, 100, NULL, NULL, NULL},
    {"glucose", WARD_NUMBER, false, 2, "g/L", "g/L", 0.1, 20, 0.5, 4, NULL, NULL, NULL},
    {"weight", WARD_NUMBER, false, 3, "kg", "kg", 0.2, 500, 2, 200, NULL, NULL, NULL},
    {"height", WARD_NUMBER, false, 1, "cm", "cm", 20, 260, 40, 210, NULL, NULL, NULL},
};

static const struct {
    const char *name, *code, *second; /* of the field; LOINC */
} vitals_code[] = {{"pulse", "8867-4", NULL},       {"temperature", "8310-5", NULL},
                   {"respiration", "9279-1", NULL}, {"saturation", "59408-5", "2708-6"},
                   {"glucose", "32016-8", NULL},    {"weight", "29463-7", NULL},
                   {"height", "8302-2", NULL}};

static void vitals_check(struct ward_entry *e)
{
    double s = ward_field_double(e, "systolic"), d = ward_field_double(e, "diastolic");
    bool any = !isnan(s) || !isnan(d);
    for (size_t i = 0; i < AM_LEN(vitals_code); i++)
        any = any || *ward_field_number(e, vitals_code[i].name);
    if (!any)
        ward_field_error(e, "systolic", "ward_e.nothing");
    else if (isnan(s) && !isnan(d))
        ward_field_error(e, "systolic", "ward_e.pair");
    else if (!isnan(s) && isnan(d))
        ward_field_error(e, "diastolic", "ward_e.pair");
    else if (s <= d)
        ward_field_error(e, "systolic", "ward_e.pressure");
}

static void vitals_code_of(struct jw *w, const char *first, const char *second)
{
    const char *code[] = {first, second};
    jw_key(w, "code");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(code) && code[i]; i++) {
        jw_obj(w);
        jw_kstrz(w, "system", WARD_LOINC);
        jw_kstrz(w, "code", code[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static void vitals_quantity(struct ward_entry *e, struct jw *w, const char *name)
{
    const struct ward_field *x = &e->form->field[ward_field_at(e, name)];
    ward_tx_quantity(w, "valueQuantity", ward_field_number(e, name), x->unit, x->ucum,
                     NULL);
}

static void vitals_begin(struct ward_entry *e, struct ward_tx *t, const char *code,
                         const char *second)
{
    ward_tx_begin(t, "Observation");
    ward_tx_measured(t, "vital-signs");
    vitals_code_of(&t->w, code, second);
    jw_kstrz(&t->w, "effectiveDateTime", e->instant[ward_field_at(e, "at")]);
}

static void vitals_part(struct ward_entry *e, struct jw *w, const char *name,
                        const char *code)
{
    jw_obj(w);
    vitals_code_of(w, code, NULL);
    vitals_quantity(e, w, name);
    jw_obj_end(w);
}

static void vitals_write(struct ward_entry *e, struct ward_tx *t)
{
    if (*ward_field_number(e, "systolic")) {
        vitals_begin(e, t, "85354-9", NULL);
        jw_key(&t->w, "component");
        jw_arr(&t->w);
        vitals_part(e, &t->w, "systolic", "8480-6");
        vitals_part(e, &t->w, "diastolic", "8462-4");
        jw_arr_end(&t->w);
        ward_tx_end(t);
    }
    for (size_t i = 0; i < AM_LEN(vitals_code); i++) {
        if (!*ward_field_number(e, vitals_code[i].name))
            continue;
        vitals_begin(e, t, vitals_code[i].code, vitals_code[i].second);
        vitals_quantity(e, &t->w, vitals_code[i].name);
        ward_tx_end(t);
    }
}

static const struct ward_form vitals = {.title = "ward.vitals",
                                        .path = "/vitals",
                                        .here = "ward.vitals",
                                        .type = "Observation",
                                        .field = vitals_field,
                                        .n = AM_LEN(vitals_field),
                                        .check = vitals_check,
                                        .write = vitals_write};

int ward_page_vitals(struct web_visit *v)
{
    return ward_form_get(v, &vitals);
}

int ward_page_vitals_post(struct web_visit *v)
{
    return ward_form_post(v, &vitals);
}
