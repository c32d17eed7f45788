/* SPDX-License-Identifier: Apache-2.0 */
/* An appointment is cancelled: ward_agenda.h. */
#include "ward/ward_agenda.h"

#define CANCEL_REASON                                                                    \
    "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"

static const struct ward_field cancel_field[] = {
    {.name = "why",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "pat prov other",
     .word = "ward_why"},
    {.name = "appointment", .kind = WARD_HIDDEN, .required = true},
    {.name = "version", .kind = WARD_HIDDEN, .required = true}};

static int cancel_first(struct ward_entry *e)
{
    struct ward_reply r;
    int err = ward_agenda_named(e, &r);
    ward_reply_release(&r);
    return err;
}

static void cancel_write(struct ward_entry *e, struct ward_tx *t)
{
    static const char *const ours[] = {"status", "cancelationReason", "text", NULL};
    const struct json *old = e->own;
    char url[WARD_ID + 20], version[WARD_ID + 1], why[20];
    snprintf(url, sizeof url, "Appointment/%.*s",
             STR_FMT(ward_field_value(e, "appointment")));
    ward_field_text(e, "version", version, sizeof version);
    ward_field_text(e, "why", why, sizeof why);
    t->modifies = true;
    ward_tx_put(t, "Appointment", url, version, false);
    ward_tx_meta(t, old, NULL);
    ward_tx_copy(&t->w, old, ours);
    jw_kstrz(&t->w, "status", "cancelled");
    ward_tx_coded(&t->w, "cancelationReason", CANCEL_REASON, why);
    ward_tx_end(t);
}

static int cancel_send(struct ward_entry *e)
{
    struct ward_reply r;
    int err = ward_agenda_old(e, &r);
    e->own = r.root;
    if (!err)
        err = ward_tx_send(e);
    e->own = NULL;
    ward_reply_release(&r);
    return err;
}

/* What is cancelled is told, on a page that is about nothing else. */
static void cancel_tell(struct ward_entry *e, struct jw *w)
{
    struct ward_reply r;
    int err = ward_agenda_one(e, ward_field_value(e, "appointment"), NULL, &r);
    jw_obj(w);
    jw_kstr(w, "label", text_get(e->f.v->l, "ward.agenda_one"));
    if (!err) {
        ward_agenda_when(w, r.root);
        ward_kstr(w, "words",
                  json_get_str(ward_agenda_party(r.root, "Practitioner"), "display"));
    } else {
        jw_kstr(w, "words", text_get(e->f.v->l, "ward.failed"));
    }
    jw_obj_end(w);
    ward_reply_release(&r);
}

static const struct ward_form cancel = {
    WARD_AGENDA_FORM("ward.cancel", "/cancel", cancel_field),
    .first = cancel_first,
    .tell = cancel_tell,
    .write = cancel_write,
    .send = cancel_send,
    .there = ward_change_there};

int ward_page_cancel(struct web_visit *v)
{
    return ward_form_get(v, &cancel);
}

int ward_page_cancel_post(struct web_visit *v)
{
    return ward_form_post(v, &cancel);
}
