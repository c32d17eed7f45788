/* SPDX-License-Identifier: Apache-2.0 */
/* A patient comes: a stay in a service, from now. This puts him in the care of those who
 * have that service (door_care.c). The service is a code, as accounts have it. */
#include "ward/ward_form_priv.h"

static const struct ward_field stay_field[] = {
    {.name = "service", .kind = WARD_LINE, .required = true},
    {.name = "stay",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "AMB IMP EMER",
     .word = "ward_stay"},
    {.name = "came", .kind = WARD_CLOCK, .required = true},
};

static void stay_check(struct ward_entry *e)
{
    if (!eds_id_ok(ward_field_value(e, "service")))
        ward_field_error(e, "service", "ward_e.service");
}

static void stay_write(struct ward_entry *e, struct ward_tx *t)
{
    struct jw *w = &t->w;
    ward_tx_begin(t, "Encounter");
    jw_kstrz(w, "status", "in-progress");
    jw_key(w, "class");
    jw_obj(w);
    jw_kstrz(w, "system", WARD_V3 "v3-ActCode");
    jw_kstr(w, "code", ward_field_value(e, "stay"));
    jw_obj_end(w);
    ward_tx_subject(t, "subject");
    jw_key(w, "period");
    jw_obj(w);
    jw_kstrz(w, "start", e->instant[ward_field_at(e, "came")]);
    jw_obj_end(w);
    jw_key(w, "serviceProvider");
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "Organization/%.*s", STR_FMT(ward_field_value(e, "service")));
    jw_obj_end(w);
    ward_tx_end(t);
}

static const struct ward_form stay = {.title = "ward.stay",
                                      .path = "/stay",
                                      .here = "ward.stay",
                                      .type = "Encounter",
                                      .also = "Patient",
                                      .field = stay_field,
                                      .n = AM_LEN(stay_field),
                                      .done = "",
                                      .check = stay_check,
                                      .write = stay_write};

int ward_page_stay(struct web_visit *v)
{
    return ward_form_get(v, &stay);
}

int ward_page_stay_post(struct web_visit *v)
{
    return ward_form_post(v, &stay);
}
