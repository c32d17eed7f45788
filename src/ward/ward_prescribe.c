/* SPDX-License-Identifier: Apache-2.0 */
/* A prescription: a medicine, a dose, how often, how long, which way. The words of the
 * dosage are made of its parts, so the two cannot differ; what else the patient must know
 * is patientInstruction. The medicine is looked for in the list of this house (a ValueSet
 * of the address MEDICINES, over whatever CodeSystem it has), else in ATC. Allergies
 * stand on the page before writing, as recorded: nobody checks the medicine against them
 * here, and the page says so.
 *
 * Limits judge typing only; no dose of any medicine is known here. Ways: SNOMED CT route
 * concepts of the international edition; units: UCUM, those in braces count things. */
#include "ward/ward_form_priv.h"

#include <string.h>

#define MEDICINES "urn:amane:medicines"
#define ATC       "http://www.whocc.no/atc"

static const struct ward_field drug_field[] = {
    {.name = "drug", .kind = WARD_LINE, .required = true},
    {.name = "drug_code", .kind = WARD_FOUND_CODE, .word = "ward.code_text"},
    {.name = "dose",
     .kind = WARD_NUMBER,
     .required = true,
     .decimals = 3,
     .lo = 0.001,
     .hi = 100000},
    {.name = "dose_unit",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "tablet mg g ug ml drop puff iu",
     .word = "ward_dose"},
    {.name = "times",
     .kind = WARD_NUMBER,
     .required = true,
     .lo = 1,
     .hi = 24,
     .usual_lo = 1,
     .usual_hi = 6},
    {.name = "days",
     .kind = WARD_NUMBER,
     .required = true,
     .lo = 1,
     .hi = 366,
     .usual_lo = 1,
     .usual_hi = 100},
    {.name = "route",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "oral iv im sc skin nose lungs rectal",
     .word = "ward_route"},
    {.name = "advice", .kind = WARD_AREA},
};

static const struct {
    const char *name, *code;
} drug_unit[] = {{"tablet", "{tbl}"}, {"mg", "mg"},  {"g", "g"},
                 {"ug", "ug"},        {"ml", "mL"},  {"drop", "[drp]"},
                 {"puff", "{puff}"},  {"iu", "[iU]"}},
  drug_route[] = {{"oral", "26643006"},   {"iv", "47625008"},    {"im", "78421000"},
                  {"sc", "34206005"},     {"skin", "6064005"},   {"nose", "46713006"},
                  {"lungs", "447694001"}, {"rectal", "37161004"}};

/* Words of a set; ATC: substances only, its fifth level of seven signs. "Metformine 500
 * mg" is Metformine where nothing has all of these words. False: it is not loaded. */
static bool drug_look(struct ward_entry *e, const char *set, const char *word, bool atc)
{
    struct str rest, words = ward_field_value(e, "drug"),
                     first = str_cut(words, ' ', &rest);
    int err = AM_OK;
    for (int i = 0; i < 2 && !err && !e->n_found; i++) {
        struct ward_reply r = {0};
        err = ward_code_expand(e, set, i ? first : words, &r);
        for (json_each(it,
                       err ? NULL : json_get(json_get(r.root, "expansion"), "contains")))
            if (!atc || json_get_str(it.val, "code").n == 7)
                ward_code_add(e, it.val);
        ward_reply_release(&r);
    }
    return ward_code_searched(e, err, word);
}

/* "1,000" is one or a thousand, by who reads it: nobody's to guess. Zeros at the end say
 * nothing of a dose, and "1,0" is read as ten where its sign is faint: left out. */
static void drug_number(struct ward_entry *e)
{
    char *p = e->number[ward_field_at(e, "dose")], *sign = strchr(p, '.');
    if (!sign)
        return;
    if (strlen(sign) == 4 && ward_field_double(e, "dose") >= 1) {
        ward_field_error(e, "dose", "ward_e.thousand");
        return;
    }
    for (char *end = p + strlen(p) - 1; end >= sign && (*end == '0' || end == sign);
         end--)
        *end = 0;
}

static void drug_check(struct ward_entry *e)
{
    drug_number(e);
    if (drug_look(e, MEDICINES, "ward.terms_own", false) ||
        drug_look(e, ATC "?fhir_vs", "ward.terms_atc", true))
        ward_code_choose(e, "drug", "drug_code");
    else
        ward_code_none(e, "drug", "drug_code");
}

static struct str drug_word(struct ward_entry *e, const char *field, const char *word)
{
    char id[80];
    snprintf(id, sizeof id, "%s.%.*s", word, STR_FMT(ward_field_value(e, field)));
    return text_get(e->f.v->l, id);
}

/* "500 mg, 2 times a day, for 7 days, by mouth", in the language of who prescribes. */
static void drug_dosage(struct ward_entry *e, struct jw *w, const char *key)
{
    const struct text_arg arg[] = {
        {"dose", str_c(ward_field_number(e, "dose"))},
        {"unit", drug_word(e, "dose_unit", "ward_dose")},
        {"times", str_c(ward_field_number(e, "times"))},
        {"days", str_c(ward_field_number(e, "days"))},
        {"route", drug_word(e, "route", "ward_route")},
    };
    struct buf b;
    int err;
    buf_init(&b, 2000);
    err = text_fmt(&b, e->f.v->l, "ward.dosage_text", arg, AM_LEN(arg));
    for (size_t i = 0; i < b.n && e->f.v->l != TEXT_EN; i++)
        if (b.p[i] == '.' && i && i + 1 < b.n && b.p[i - 1] >= '0' && b.p[i - 1] <= '9' &&
            b.p[i + 1] >= '0' && b.p[i + 1] <= '9')
            b.p[i] = ','; /* the dose, as it is read there */
    if (err)
        w->err = w->err ? w->err : err;
    else
        jw_kstr(w, key, buf_str(&b));
    buf_release(&b);
}

static void drug_row(struct jw *w, enum text_lang l, const char *label, struct str words)
{
    jw_obj(w);
    jw_kstr(w, "label", text_get(l, label));
    ward_kstr(w, "words", words);
    jw_obj_end(w);
}

static void drug_allergies(struct ward_entry *e, struct jw *w)
{
    static const char *const query[] = {"AllergyIntolerance?patient=$&_count=100"};
    enum text_lang l = e->f.v->l;
    struct ward_reply r;
    int status = 0, n = 0, err = ward_file_batch(&e->f, query, 1, &r);
    const struct json *set = err ? NULL : ward_batch_at(&r, 0, &status);
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *a = json_get(it.val, "resource");
        if (!json_str_is(json_get(a, "resourceType"), "AllergyIntolerance") ||
            ward_mistaken(a))
            continue;
        n++;
        drug_row(w, l, "ward.allergies",
                 web_text_or(ward_concept(l, json_get(a, "code"))));
    }
    if (!set)
        drug_row(w, l, "ward.allergies", text_get(l, "ward.failed"));
    else if (!n)
        drug_row(w, l, "ward.allergies", text_get(l, "ward.allergy_unknown"));
    ward_reply_release(&r);
}

static void drug_tell(struct ward_entry *e, struct jw *w)
{
    enum text_lang l = e->f.v->l;
    ward_code_tell(e, w);
    jw_obj(w);
    jw_kstr(w, "label", text_get(l, "ward.dosage"));
    drug_dosage(e, w, "words");
    jw_obj_end(w);
    drug_allergies(e, w);
    drug_row(w, l, "ward.not_checked", text_get(l, "ward.not_checked_help"));
}

static void drug_timing(struct ward_entry *e, struct jw *w)
{
    jw_key(w, "timing");
    jw_obj(w);
    jw_key(w, "repeat");
    jw_obj(w);
    jw_key(w, "boundsDuration");
    jw_obj(w);
    jw_key(w, "value");
    jw_raw(w, str_c(ward_field_number(e, "days")));
    jw_kstrz(w, "unit", "d");
    jw_kstrz(w, "system", WARD_UCUM);
    jw_kstrz(w, "code", "d");
    jw_obj_end(w);
    jw_key(w, "frequency");
    jw_raw(w, str_c(ward_field_number(e, "times")));
    jw_kint(w, "period", 1);
    jw_kstrz(w, "periodUnit", "d");
    jw_obj_end(w);
    jw_obj_end(w);
}

static const char *drug_code(struct ward_entry *e, const char *field)
{
    struct str s = ward_field_value(e, field);
    if (!strcmp(field, "route")) {
        for (size_t i = 0; i < AM_LEN(drug_route); i++)
            if (str_eqc(s, drug_route[i].name))
                return drug_route[i].code;
    } else {
        for (size_t i = 0; i < AM_LEN(drug_unit); i++)
            if (str_eqc(s, drug_unit[i].name))
                return drug_unit[i].code;
    }
    return NULL; /* of a checked form: never */
}

static void drug_structured(struct ward_entry *e, struct jw *w)
{
    char unit[120];
    drug_dosage(e, w, "text");
    if (ward_field_value(e, "advice").n)
        jw_kstr(w, "patientInstruction", ward_field_value(e, "advice"));
    drug_timing(e, w);
    ward_tx_coded(w, "route", "http://snomed.info/sct", drug_code(e, "route"));
    jw_key(w, "doseAndRate");
    jw_arr(w);
    jw_obj(w);
    snprintf(unit, sizeof unit, "%.*s", STR_FMT(drug_word(e, "dose_unit", "ward_dose")));
    ward_tx_quantity(w, "doseQuantity", ward_field_number(e, "dose"), unit,
                     drug_code(e, "dose_unit"), NULL);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void drug_write(struct ward_entry *e, struct ward_tx *t)
{
    struct jw *w = &t->w;
    char at[TIME_TEXT];
    ward_tx_begin(t, "MedicationRequest");
    jw_kstrz(w, "status", "active");
    jw_kstrz(w, "intent", "order");
    jw_key(w, "medicationCodeableConcept");
    jw_obj(w);
    ward_code_write(e, w);
    jw_kstr(w, "text", ward_field_value(e, "drug"));
    jw_obj_end(w);
    ward_tx_subject(t, "subject");
    jw_kstrz(w, "authoredOn", time_format(e->f.v->now, at));
    ward_tx_self(t, "requester");
    jw_key(w, "dosageInstruction");
    jw_arr(w);
    jw_obj(w);
    drug_structured(e, w);
    jw_obj_end(w);
    jw_arr_end(w);
    ward_tx_end(t);
}

static const struct ward_form drug = {.title = "ward.prescribe",
                                      .path = "/prescribe",
                                      .here = "ward.prescribe",
                                      .type = "MedicationRequest",
                                      .field = drug_field,
                                      .n = AM_LEN(drug_field),
                                      .check = drug_check,
                                      .tell = drug_tell,
                                      .write = drug_write};

int ward_page_prescribe(struct web_visit *v)
{
    return ward_form_get(v, &drug);
}

int ward_page_prescribe_post(struct web_visit *v)
{
    return ward_form_post(v, &drug);
}
