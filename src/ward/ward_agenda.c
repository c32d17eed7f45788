/* SPDX-License-Identifier: Apache-2.0 */
/* Agendas: ward_agenda.h; and the page of a patient's appointments. */
#include "ward/ward_agenda.h"

#include <string.h>

/* ---- one appointment ---- */
static bool agenda_among(struct str s, const char *list)
{
    struct str left = str_c(list);
    while (left.n)
        if (str_eq(str_cut(left, ' ', &left), s))
            return true;
    return false;
}

bool ward_agenda_span(const struct json *a, struct ward_agenda_span *out)
{
    /* FHIR: both or neither (app-2). */
    return agenda_among(json_get_str(a, "status"),
                        "pending booked arrived checked-in fulfilled") &&
           !time_parse(json_get_str(a, "start"), &out->from) &&
           !time_parse(json_get_str(a, "end"), &out->to) && out->to > out->from;
}

const struct json *ward_agenda_party(const struct json *a, const char *type)
{
    for (json_each(it, json_get(a, "participant"))) {
        struct str rest, ref = json_get_str(json_get(it.val, "actor"), "reference"),
                         is = str_cut(ref, '/', &rest);
        if (str_eqc(is, type))
            return json_get(it.val, "actor");
    }
    return NULL;
}

bool ward_agenda_open(const struct json *a, int64_t now)
{
    int64_t at;
    return agenda_among(json_get_str(a, "status"), "proposed pending booked") &&
           !time_parse(json_get_str(a, "start"), &at) && at > now;
}

void ward_agenda_id(const char *who, char out[WARD_ID + 1])
{
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(str_c(who), hash);
    memcpy(out, "agenda-", 7);
    crypto_hex(hash, 16, out + 7);
}

void ward_agenda_when(struct jw *w, const struct json *a)
{
    struct str start = json_get_str(a, "start");
    char clock[WARD_INSTANT];
    int64_t at;
    if (!time_parse(start, &at)) {
        ward_clock_now(at, clock, NULL);
        start = str_c(clock);
    }
    ward_kwhen(w, "when", start);
}

/* ---- both agendas of a booking ---- */
static void pair_entry(struct jw *w, const char *url)
{
    jw_obj(w);
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", "GET");
    jw_kstrz(w, "url", url);
    jw_obj_end(w);
    jw_obj_end(w);
}

/* Schedules before appointments: whoever books in between has changed a Schedule. */
static int pair_ask(struct ward_entry *e, struct ward_agenda_span span,
                    const struct ward_agenda_pair *p, struct ward_reply *out)
{
    char url[400], from[TIME_TEXT], to[TIME_TEXT];
    struct buf b;
    struct jw w;
    int err;
    *out = (struct ward_reply){0};
    time_format(span.from - AGENDA_LONGEST_H * 3600 * TIME_SECOND, from);
    time_format(span.to, to);
    buf_init(&b, 16 << 10);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "batch");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (size_t i = 0; i < 2; i++) {
        snprintf(url, sizeof url, "Schedule/%s", p->id[i]);
        pair_entry(&w, url);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(url, sizeof url, "Appointment?actor=%s&date=ge%s&date=lt%s&_count=%d",
                 p->who[i], from, to, AGENDA_ASKED);
        pair_entry(&w, url);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = ward_file_ask(
            &e->f,
            (struct ward_call){.method = REST_POST, .path = "/", .body = buf_str(&b)},
            out);
    buf_release(&b);
    return err;
}

/* Written by this very form, which is sent again. */
static bool by_form(const struct ward_entry *e, const struct json *a)
{
    for (json_each(it, json_get(a, "identifier")))
        if (json_str_is(json_get(it.val, "system"), WARD_FORM_SYSTEM) &&
            json_str_is(json_get(it.val, "value"), e->key))
            return true;
    return false;
}

static int pair_taken(const struct ward_entry *e, const struct json *set,
                      struct ward_agenda_span span, const char *own, bool *taken)
{
    int64_t n = 0;
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *a = json_get(it.val, "resource");
        struct ward_agenda_span s;
        if (!json_str_is(json_get(a, "resourceType"), "Appointment"))
            continue;
        n++;
        if (by_form(e, a) || (own && json_str_is(json_get(a, "id"), own)))
            continue;
        if (ward_agenda_span(a, &s) && s.from < span.to && span.from < s.to)
            *taken = true;
    }
    return json_int(json_get(set, "total"), INT64_MAX) > n ? AM_E_UNAVAILABLE : AM_OK;
}

int ward_agenda_read(struct ward_entry *e, struct ward_agenda_span span, const char *own,
                     struct ward_agenda_pair *p)
{
    struct ward_reply r;
    int status, err;
    for (size_t i = 0; i < 2; i++) {
        ward_agenda_id(p->who[i], p->id[i]);
        p->version[i][0] = 0;
        p->taken[i] = false;
    }
    err = pair_ask(e, span, p, &r);
    for (size_t i = 0; i < 2 && !err; i++) {
        const struct json *schedule = ward_batch_at(&r, i, &status);
        struct str version = json_get_str(json_get(schedule, "meta"), "versionId");
        if (status == 200 ? !version.n || version.n > WARD_ID
                          : status != 404 && status != 410) /* none yet, or deleted */
            err = AM_E_UNAVAILABLE;
        else
            snprintf(p->version[i], sizeof p->version[i], "%.*s", STR_FMT(version));
        if (!err) {
            const struct json *set = ward_batch_at(&r, i + 2, &status);
            err = set ? pair_taken(e, set, span, own, &p->taken[i]) : AM_E_UNAVAILABLE;
        }
    }
    ward_reply_release(&r);
    return err;
}

void ward_agenda_put(struct ward_tx *t, const char *id, const char *version,
                     const char *who)
{
    struct jw *w = &t->w;
    char url[WARD_ID + 20];
    snprintf(url, sizeof url, "Schedule/%s", id);
    ward_tx_put(t, "Schedule", url, version, true);
    jw_kstrz(w, "id", id);
    jw_key(w, "identifier");
    jw_arr(w);
    ward_tx_key(t);
    jw_arr_end(w);
    jw_kbool(w, "active", who != NULL);
    jw_key(w, "actor");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, who ? "reference" : "display", who ? who : "desk");
    jw_obj_end(w);
    jw_arr_end(w);
    ward_tx_end(t);
}

/* ---- the one that a form names ---- */
static bool of_patient(const struct ward_entry *e, const struct json *a)
{
    for (json_each(it, json_get(a, "participant"))) {
        struct str rest, ref = json_get_str(json_get(it.val, "actor"), "reference"),
                         type = str_cut(ref, '/', &rest);
        if (str_eqc(type, "Patient") && str_eqc(rest, e->f.id))
            return true;
    }
    return false;
}

int ward_agenda_one(struct ward_entry *e, struct str id, const char *version,
                    struct ward_reply *out)
{
    char path[WARD_ID + 20];
    int err;
    *out = (struct ward_reply){0};
    if (!eds_id_ok(id))
        return AM_E_NOTFOUND;
    snprintf(path, sizeof path, "/Appointment/%.*s", STR_FMT(id));
    err = ward_file_ask(&e->f, (struct ward_call){.path = path}, out);
    if (!err && !of_patient(e, out->root))
        err = AM_E_NOTFOUND;
    if (!err && version &&
        !json_str_is(json_get(json_get(out->root, "meta"), "versionId"), version))
        err = AM_E_CONFLICT;
    return err;
}

int ward_agenda_named(struct ward_entry *e, struct ward_reply *out)
{
    int err = ward_agenda_one(e, http_query(e->f.v->req, "appointment"), NULL, out);
    if (!err && !ward_agenda_open(out->root, e->f.v->now))
        err = AM_E_NOTFOUND;
    if (!err)
        err = ward_field_set(e, "appointment", json_get_str(out->root, "id"));
    if (!err)
        err = ward_field_set(e, "version",
                             json_get_str(json_get(out->root, "meta"), "versionId"));
    return err;
}

int ward_agenda_old(struct ward_entry *e, struct ward_reply *r)
{
    char version[WARD_ID + 1];
    int err;
    ward_field_text(e, "version", version, sizeof version);
    err = ward_agenda_one(e, ward_field_value(e, "appointment"), version, r);
    if (!err && !ward_agenda_open(r->root, e->f.v->now))
        err = AM_E_CONFLICT;
    if (err == AM_E_CONFLICT)
        e->failed = "ward_e.changed";
    return err;
}

/* ---- the page ---- */
static void agenda_row(struct ward_file *f, const struct json *a, bool may)
{
    static const char *const known[] = {"proposed",  "pending",    "booked",
                                        "arrived",   "checked-in", "fulfilled",
                                        "cancelled", "waitlist",   "noshow"};
    struct jw *w = &f->v->w;
    struct str status = json_get_str(a, "status"), with;
    char state[40] = "";
    const struct json *doctor = ward_agenda_party(a, "Practitioner");
    with = json_get_str(doctor, "display");
    jw_obj(w);
    jw_kstr(w, "id", web_text_or(json_get_str(a, "id")));
    ward_agenda_when(w, a);
    ward_kstr(w, "with", with);
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(status, known[i]))
            snprintf(state, sizeof state, "visit-%s", known[i]);
    if (*state)
        jw_kstrz(w, "state", state);
    if (json_get(a, "minutesDuration"))
        jw_kint(w, "minutes", json_int(json_get(a, "minutesDuration"), 0));
    jw_kbool(w, "open", may && ward_agenda_open(a, f->v->now));
    jw_obj_end(w);
}

static void agenda_rows(struct ward_file *f, const struct json *set, bool may)
{
    struct jw *w = &f->v->w;
    int64_t n = 0;
    jw_key(w, "rows");
    jw_arr(w);
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *a = json_get(it.val, "resource");
        if (!json_str_is(json_get(a, "resourceType"), "Appointment") || ward_mistaken(a))
            continue;
        n++;
        agenda_row(f, a, may);
    }
    jw_arr_end(w);
    jw_kbool(w, "none", set && !n);
    if (json_int(json_get(set, "total"), 0) > WARD_LONG)
        jw_kint(w, "newest", WARD_LONG);
}

static int agenda_send(struct ward_file *f)
{
    static const char *const query[] = {"Appointment?patient=$&_sort=-date&_count=100"};
    bool may = door_grants(f->v->who.role, "Patient", 'c');
    struct ward_reply r;
    int status = 0, err = ward_file_batch(f, query, 1, &r);
    const struct json *set = err ? NULL : ward_batch_at(&r, 0, &status);
    if (!err && status == 403)
        err = AM_E_FORBIDDEN;
    if (!err) {
        ward_file_context(f, "ward.agenda");
        jw_kbool(&f->v->w, "failed", !set);
        jw_kbool(&f->v->w, "may", may);
        jw_kbool(&f->v->w, "saved", http_query(f->v->req, "saved").n > 0);
        jw_kbool(&f->v->w, "again", http_query(f->v->req, "again").n > 0);
        agenda_rows(f, set, may);
    }
    ward_reply_release(&r);
    return err ? err
               : web_send(
                     f->v, 200, "ward_agenda",
                     (struct web_page){.title_id = "ward.agenda", .nav = "ward.nav"});
}

int ward_page_agenda(struct web_visit *v)
{
    struct ward_file f;
    int err = ward_file_open(&f, v);
    if (!err)
        err = agenda_send(&f);
    ward_file_close(&f);
    return ward_file_none(v, err);
}
