/* SPDX-License-Identifier: Apache-2.0 */
/* An appointment is booked or moved: ward_agenda.h. Nothing clinical is asked: not why
 * the patient comes, only what kind of visit it is. */
#include "ward/ward_agenda.h"

#include <math.h>
#include <string.h>

#define APPOINTMENT_KIND "http://terminology.hl7.org/CodeSystem/v2-0276"
#define BOOK_KINDS       "ROUTINE FOLLOWUP CHECKUP"
#define BOOK_FIELDS                                                                      \
    {.name = "who", .kind = WARD_LINE, .required = true},                                \
        {.name = "practitioner", .kind = WARD_FOUND_CODE},                               \
        {.name = "start", .kind = WARD_AHEAD, .required = true},                         \
        {.name = "minutes",                                                              \
         .kind = WARD_NUMBER,                                                            \
         .required = true,                                                               \
         .lo = 5,                                                                        \
         .hi = 480,                                                                      \
         .usual_lo = 5,                                                                  \
         .usual_hi = 120},                                                               \
        {.name = "visit",                                                                \
         .kind = WARD_CHOICE,                                                            \
         .choices = BOOK_KINDS,                                                          \
         .word = "ward_visit"}
static const struct ward_field book_field[] = {BOOK_FIELDS};
static const struct ward_field move_field[] = {
    BOOK_FIELDS,
    {.name = "appointment", .kind = WARD_HIDDEN, .required = true},
    {.name = "version", .kind = WARD_HIDDEN, .required = true}};

/* ---- when ---- */
static int book_span(struct ward_entry *e, struct ward_agenda_span *s)
{
    int err = time_parse(str_c(e->instant[ward_field_at(e, "start")]), &s->from);
    s->to = s->from + llround(ward_field_double(e, "minutes")) * 60 * TIME_SECOND;
    return err;
}

static bool book_moves(const struct ward_entry *e)
{
    return e->form->field != book_field;
}

/* Who is busy then: 0 the patient, 1 the practitioner, -1 nobody. */
static int book_look(struct ward_entry *e, struct ward_agenda_pair *p,
                     char who[2][WARD_ID + 20], int *busy)
{
    struct ward_agenda_span s;
    char own[WARD_ID + 1] = "", practitioner[WARD_ID + 1];
    int err = book_span(e, &s);
    ward_field_text(e, "practitioner", practitioner, sizeof practitioner);
    if (book_moves(e))
        ward_field_text(e, "appointment", own, sizeof own);
    snprintf(who[0], sizeof who[0], "Patient/%s", e->f.id);
    snprintf(who[1], sizeof who[1], "Practitioner/%s", practitioner);
    p->who[0] = who[0];
    p->who[1] = who[1];
    if (!err)
        err = ward_agenda_read(e, s, *own ? own : NULL, p);
    *busy = err ? -1 : p->taken[1] ? 1 : p->taken[0] ? 0 : -1;
    return err;
}

static void book_check(struct ward_entry *e)
{
    struct ward_agenda_pair p;
    char who[2][WARD_ID + 20];
    int busy;
    ward_book_whom(e);
    if (ward_fields_wrong(e))
        return;
    if (book_look(e, &p, who, &busy))
        ward_field_error(e, "start", "ward_e.unlooked");
    else if (busy >= 0)
        ward_field_error(e, "start", busy ? "ward_e.busy_with" : "ward_e.busy_patient");
}

static void book_tell(struct ward_entry *e, struct jw *w)
{
    jw_obj(w);
    jw_kstr(w, "label", text_get(e->f.v->l, "ward.with"));
    ward_kstr(w, "words", str_c(e->chosen));
    jw_obj_end(w);
}

/* ---- written ---- */
struct booking { /* what a try depends on */
    struct ward_agenda_pair *pair;
    const struct json *old; /* that is moved; NULL: a new one */
};

static void put_party(struct jw *w, const char *who, const char *name)
{
    jw_obj(w);
    jw_key(w, "actor");
    jw_obj(w);
    jw_kstrz(w, "reference", who);
    if (name)
        jw_kstrz(w, "display", name);
    jw_obj_end(w);
    jw_kstrz(w, "status", "accepted");
    jw_obj_end(w);
}

/* Others who take part stay: but for this patient, and whom the form moves it from. */
static void put_parties(struct ward_entry *e, struct jw *w, const struct booking *b)
{
    jw_key(w, "participant");
    jw_arr(w);
    put_party(w, b->pair->who[0], NULL);
    put_party(w, b->pair->who[1], e->chosen);
    for (json_each(it, json_get(b->old, "participant"))) {
        const struct json *actor = json_get(it.val, "actor");
        struct str ref = json_get_str(actor, "reference");
        if (!str_eqc(ref, b->pair->who[0]) && !str_eqc(ref, b->pair->who[1]) &&
            (!actor || actor != ward_agenda_party(b->old, "Practitioner")))
            jw_val(w, it.val);
    }
    jw_arr_end(w);
}

/* The code of its kind, where it is one of ours; STR_NULL. */
static struct str kind_of(const struct json *appointment)
{
    for (json_each(it, json_get(json_get(appointment, "appointmentType"), "coding")))
        if (json_str_is(json_get(it.val, "system"), APPOINTMENT_KIND))
            return json_get_str(it.val, "code");
    return STR_NULL;
}

/* Of a kind that was not chosen, or is what it was, the words stay too. */
static void put_kind(struct ward_entry *e, struct jw *w, const struct json *old)
{
    struct str visit = ward_field_value(e, "visit");
    char kind[20];
    ward_field_text(e, "visit", kind, sizeof kind);
    if (json_get(old, "appointmentType") && (!visit.n || str_eq(visit, kind_of(old))))
        jw_kval(w, "appointmentType", json_get(old, "appointmentType"));
    else if (visit.n)
        ward_tx_coded(w, "appointmentType", APPOINTMENT_KIND, kind);
}

static void put_when(struct ward_entry *e, struct jw *w, const struct json *old)
{
    struct ward_agenda_span s = {0};
    char at[TIME_TEXT];
    int err = book_span(e, &s);
    if (err)
        w->err = w->err ? w->err : err;
    jw_kstrz(w, "status", "booked");
    put_kind(e, w, old);
    jw_kstrz(w, "start", e->instant[ward_field_at(e, "start")]);
    jw_kstrz(w, "end", time_format(s.to, at));
    jw_kint(w, "minutesDuration", llround(ward_field_double(e, "minutes")));
}

static void book_appointment(struct ward_entry *e, struct ward_tx *t,
                             const struct booking *b)
{
    static const char *const ours[] = {
        "status",      "appointmentType", "start", "end",  "minutesDuration",
        "participant", "requestedPeriod", "text",  "slot", NULL};
    char url[WARD_ID + 20], version[WARD_ID + 1], at[TIME_TEXT];
    if (b->old) {
        snprintf(url, sizeof url, "Appointment/%.*s",
                 STR_FMT(ward_field_value(e, "appointment")));
        ward_field_text(e, "version", version, sizeof version);
        ward_tx_put(t, "Appointment", url, version, false);
        ward_tx_meta(t, b->old, NULL);
        ward_tx_copy(&t->w, b->old, ours);
    } else {
        ward_tx_begin(t, "Appointment");
        jw_kstrz(&t->w, "created", time_format(e->f.v->now, at));
    }
    put_when(e, &t->w, b->old);
    put_parties(e, &t->w, b);
    ward_tx_end(t);
}

/* write() of a form has no room for what a try read: it goes with the entry. */
static void book_write(struct ward_entry *e, struct ward_tx *t)
{
    const struct booking *b = e->own;
    t->modifies = b->old != NULL;
    for (size_t i = 0; i < 2; i++)
        ward_agenda_put(t, b->pair->id[i], b->pair->version[i], b->pair->who[i]);
    book_appointment(e, t, b);
}

static int book_try(struct ward_entry *e, const struct json *old)
{
    struct ward_agenda_pair p;
    struct booking b = {.pair = &p, .old = old};
    char who[2][WARD_ID + 20];
    int busy, err = book_look(e, &p, who, &busy);
    if (err)
        return err;
    if (busy >= 0) {
        e->failed = busy ? "ward_e.busy_with" : "ward_e.busy_patient";
        return AM_E_CONFLICT;
    }
    e->own = &b;
    err = ward_tx_send(e);
    e->own = NULL;
    return err;
}

/* A conflict without somebody busy: one of the agendas changed between. */
static int book_tries(struct ward_entry *e, const struct json *old)
{
    int err = AM_E_CONFLICT;
    for (int i = 0; i < AGENDA_TRIES && err == AM_E_CONFLICT && !e->failed; i++)
        err = book_try(e, old);
    return err;
}

static int book_send(struct ward_entry *e)
{
    return book_tries(e, NULL);
}

static int move_send(struct ward_entry *e)
{
    struct ward_reply r;
    int err = ward_agenda_old(e, &r);
    if (!err)
        err = book_tries(e, r.root);
    ward_reply_release(&r);
    return err;
}

/* ---- a change starts from what it changes ---- */
static int book_first(struct ward_entry *e)
{
    char now[WARD_INSTANT];
    int err;
    ward_clock_now(e->f.v->now + 3600 * TIME_SECOND, now, NULL);
    memcpy(now + 14, "00", 2);
    err = ward_field_set(e, "start", str_c(now));
    return err ? err : ward_field_set(e, "minutes", STR("20"));
}

/* A kind the form does not offer stays by being left alone. */
static struct str kind_first(const struct json *appointment)
{
    struct str kind = kind_of(appointment), left = STR(BOOK_KINDS);
    while (left.n && kind.n)
        if (str_eq(str_cut(left, ' ', &left), kind))
            return kind;
    return STR_NULL;
}

static int move_first(struct ward_entry *e)
{
    struct ward_reply r;
    char at[WARD_INSTANT], minutes[20];
    struct ward_agenda_span s;
    int err = ward_agenda_named(e, &r);
    if (!err && !ward_agenda_span(r.root, &s))
        err = AM_E_NOTFOUND;
    if (!err) {
        ward_clock_now(s.from, at, NULL);
        snprintf(minutes, sizeof minutes, "%d",
                 (int)((s.to - s.from) / (60 * TIME_SECOND)));
        err = ward_field_set(e, "start", str_c(at));
    }
    if (!err)
        err = ward_field_set(e, "minutes", str_c(minutes));
    if (!err)
        err = ward_field_set(
            e, "who", json_get_str(ward_agenda_party(r.root, "Practitioner"), "display"));
    if (!err)
        err = ward_field_set(e, "visit", kind_first(r.root));
    ward_reply_release(&r);
    return err;
}

static const struct ward_form book = {WARD_AGENDA_FORM("ward.book", "/book", book_field),
                                      .first = book_first,
                                      .check = book_check,
                                      .tell = book_tell,
                                      .write = book_write,
                                      .send = book_send};
static const struct ward_form move = {WARD_AGENDA_FORM("ward.move", "/move", move_field),
                                      .first = move_first,
                                      .check = book_check,
                                      .tell = book_tell,
                                      .write = book_write,
                                      .send = move_send,
                                      .there = ward_change_there};
int ward_page_book(struct web_visit *v)
{
    return ward_form_get(v, &book);
}

int ward_page_book_post(struct web_visit *v)
{
    return ward_form_post(v, &book);
}

int ward_page_move(struct web_visit *v)
{
    return ward_form_get(v, &move);
}

int ward_page_move_post(struct web_visit *v)
{
    return ward_form_post(v, &move);
}
