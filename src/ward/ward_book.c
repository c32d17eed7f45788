/* SPDX-License-Identifier: Apache-2.0 */
/* An appointment is booked, moved, cancelled: ward_agenda.h. Nothing clinical is asked:
 * not why the patient comes, only what kind of visit it is. */
#include "ward/ward_agenda.h"

#include <math.h>
#include <string.h>

#define APPOINTMENT_KIND "http://terminology.hl7.org/CodeSystem/v2-0276"
#define CANCEL_REASON                                                                    \
    "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"

#define BOOK_KINDS "ROUTINE FOLLOWUP CHECKUP"
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
static const struct ward_field cancel_field[] = {
    {.name = "why",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "pat prov other",
     .word = "ward_why"},
    {.name = "appointment", .kind = WARD_HIDDEN, .required = true},
    {.name = "version", .kind = WARD_HIDDEN, .required = true}};

static void text_of(struct ward_entry *e, const char *field, char *out, size_t n)
{
    snprintf(out, n, "%.*s", STR_FMT(ward_field_value(e, field)));
}

/* ---- with whom ---- */
static int found_name(struct buf *b, const struct json *p)
{
    const struct json *name = json_at(json_get(p, "name"), 0);
    struct str text = json_get_str(name, "text"), family = json_get_str(name, "family");
    int err = AM_OK;
    if (text.n)
        return buf_add(b, text);
    for (json_each(it, json_get(name, "prefix"))) {
        if (!err)
            err = buf_add(b, web_text_or(json_str(it.val)));
        if (!err)
            err = buf_addc(b, ' ');
    }
    if (!err)
        err = buf_add(b, web_text_or(family));
    for (json_each(it, json_get(name, "given"))) {
        if (!err)
            err = buf_addc(b, ' ');
        if (!err)
            err = buf_add(b, web_text_or(json_str(it.val)));
    }
    return err;
}

static int found_add(struct ward_entry *e, const struct json *p)
{
    struct str id = json_get_str(p, "id");
    struct buf b;
    int err;
    if (!json_str_is(json_get(p, "resourceType"), "Practitioner") ||
        e->n_found == WARD_CODES || !id.n || id.n > WARD_ID ||
        !json_bool(json_get(p, "active"), true))
        return AM_OK;
    buf_init(&b, 8 * WARD_TEXT);
    err = found_name(&b, p);
    if (!err && b.n) {
        snprintf(e->found[e->n_found].code, sizeof e->found[0].code, "%.*s", STR_FMT(id));
        snprintf(e->found[e->n_found].name, sizeof e->found[0].name, "%.*s",
                 STR_FMT(ward_begin(buf_str(&b), WARD_LINE_MAX)));
        e->n_found++;
    }
    buf_release(&b);
    return err;
}

/* param: "name", the beginning of each word; "phonetic", words that sound so, which finds
 * in a name written as one text too. */
static int book_find(struct ward_entry *e, const char *param)
{
    struct ward_reply r = {0};
    struct str left = ward_field_value(e, "who");
    struct buf q;
    int err;
    buf_init(&q, 8 * WARD_QUERY);
    err = buf_addf(&q, "_count=%d", WARD_CODES);
    while (left.n && !err) {
        struct str word = str_cut(left, ' ', &left);
        if (word.n)
            err = buf_addf(&q, "&%s=", param);
        if (word.n && !err)
            err = ward_query_value(&q, word);
    }
    if (!err)
        err = ward_file_ask(
            &e->f, (struct ward_call){.path = "/Practitioner", .query = q.p}, &r);
    for (json_each(it, err ? NULL : json_get(r.root, "entry")))
        if (!err)
            err = found_add(e, json_get(it.val, "resource"));
    ward_reply_release(&r);
    buf_release(&q);
    return err;
}

static void book_choose(struct ward_entry *e)
{
    struct str code = ward_field_value(e, "practitioner");
    if (!e->n_found)
        ward_field_error(e, "who", "ward_e.nobody");
    else if (e->n_found == 1 && !code.n &&
             ward_field_set(e, "practitioner", str_c(e->found[0].code)))
        ward_field_error(e, "who", "ward_e.unlooked");
    code = ward_field_value(e, "practitioner");
    for (size_t i = 0; i < e->n_found; i++)
        if (str_eqc(code, e->found[i].code))
            snprintf(e->chosen, sizeof e->chosen, "%s", e->found[i].name);
    if (e->n_found && !e->chosen[0])
        ward_field_error(e, "practitioner", code.n ? "ward_e.choice" : "ward_e.person");
}

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
    text_of(e, "practitioner", practitioner, sizeof practitioner);
    if (book_moves(e))
        text_of(e, "appointment", own, sizeof own);
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
    int err = book_find(e, "name");
    if (!err && !e->n_found)
        err = book_find(e, "phonetic");
    if (err && err != AM_E_INVALID) /* a word without a sound: nobody's */
        ward_field_error(e, "who", "ward_e.unlooked");
    else
        book_choose(e);
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

static void put_schedule(struct ward_tx *t, const struct ward_agenda_pair *p, size_t i)
{
    char url[WARD_ID + 20];
    snprintf(url, sizeof url, "Schedule/%s", p->id[i]);
    ward_tx_put(t, "Schedule", url, p->version[i], true);
    jw_kstrz(&t->w, "id", p->id[i]);
    jw_key(&t->w, "identifier");
    jw_arr(&t->w);
    ward_tx_key(t);
    jw_arr_end(&t->w);
    jw_kbool(&t->w, "active", true);
    jw_key(&t->w, "actor");
    jw_arr(&t->w);
    jw_obj(&t->w);
    jw_kstrz(&t->w, "reference", p->who[i]);
    jw_obj_end(&t->w);
    jw_arr_end(&t->w);
    ward_tx_end(t);
}

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
    text_of(e, "visit", kind, sizeof kind);
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
        text_of(e, "version", version, sizeof version);
        ward_tx_put(t, "Appointment", url, version, false);
        ward_tx_meta(t, b->old);
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
    put_schedule(t, b->pair, 0);
    put_schedule(t, b->pair, 1);
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

static int move_old(struct ward_entry *e, struct ward_reply *r)
{
    char version[WARD_ID + 1];
    int err;
    text_of(e, "version", version, sizeof version);
    err = ward_agenda_one(e, ward_field_value(e, "appointment"), version, r);
    if (!err && !ward_agenda_open(r->root, e->f.v->now))
        err = AM_E_CONFLICT;
    if (err == AM_E_CONFLICT)
        e->failed = "ward_e.changed";
    return err;
}

static int book_send(struct ward_entry *e)
{
    return book_tries(e, NULL);
}

static int move_send(struct ward_entry *e)
{
    struct ward_reply r;
    int err = move_old(e, &r);
    if (!err)
        err = book_tries(e, r.root);
    ward_reply_release(&r);
    return err;
}

/* ---- a change starts from what it changes ---- */
static int change_there(struct ward_entry *e, bool *there)
{
    (void)e;
    *there = false;
    return AM_OK;
}

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

static int cancel_first(struct ward_entry *e)
{
    struct ward_reply r;
    int err = ward_agenda_named(e, &r);
    ward_reply_release(&r);
    return err;
}

/* ---- cancelling ---- */
static void cancel_write(struct ward_entry *e, struct ward_tx *t)
{
    static const char *const ours[] = {"status", "cancelationReason", "text", NULL};
    const struct json *old = e->own;
    char url[WARD_ID + 20], version[WARD_ID + 1], why[20];
    snprintf(url, sizeof url, "Appointment/%.*s",
             STR_FMT(ward_field_value(e, "appointment")));
    text_of(e, "version", version, sizeof version);
    text_of(e, "why", why, sizeof why);
    t->modifies = true;
    ward_tx_put(t, "Appointment", url, version, false);
    ward_tx_meta(t, old);
    ward_tx_copy(&t->w, old, ours);
    jw_kstrz(&t->w, "status", "cancelled");
    ward_tx_coded(&t->w, "cancelationReason", CANCEL_REASON, why);
    ward_tx_end(t);
}

static int cancel_send(struct ward_entry *e)
{
    struct ward_reply r;
    int err = move_old(e, &r);
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

#define AGENDA_FORM(name, at, fields)                                                    \
    .title = name, .path = at, .here = "ward.agenda", .type = "Appointment",             \
    .also = "Patient", .field = fields, .n = AM_LEN(fields), .done = "/appointments",    \
    .conflict = "ward_e.changed"

static const struct ward_form book = {AGENDA_FORM("ward.book", "/book", book_field),
                                      .first = book_first,
                                      .check = book_check,
                                      .tell = book_tell,
                                      .write = book_write,
                                      .send = book_send};
static const struct ward_form move = {AGENDA_FORM("ward.move", "/move", move_field),
                                      .first = move_first,
                                      .check = book_check,
                                      .tell = book_tell,
                                      .write = book_write,
                                      .send = move_send,
                                      .there = change_there};
static const struct ward_form cancel = {
    AGENDA_FORM("ward.cancel", "/cancel", cancel_field),
    .first = cancel_first,
    .tell = cancel_tell,
    .write = cancel_write,
    .send = cancel_send,
    .there = change_there};

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

int ward_page_cancel(struct web_visit *v)
{
    return ward_form_get(v, &cancel);
}

int ward_page_cancel_post(struct web_visit *v)
{
    return ward_form_post(v, &cancel);
}
