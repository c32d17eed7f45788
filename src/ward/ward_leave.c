/* SPDX-License-Identifier: Apache-2.0 */
/* A stay ends: the Encounter is finished, at a time, and perhaps where the patient goes.
 * The care relation that this stay gave ends with it (door_care.c), so whoever ends it
 * may see the file no more: he is led to where he still may be, and told. */
#include "ward/ward_form_priv.h"

#include <string.h>

#include "fhir/param.h"

#define DISPOSITION "http://terminology.hl7.org/CodeSystem/discharge-disposition"

static const struct ward_field leave_field[] = {
    {.name = "left", .kind = WARD_CLOCK, .required = true},
    {.name = "how",
     .kind = WARD_CHOICE,
     .choices = "home other-hcf hosp rehab aadvice exp oth",
     .word = "ward_how"},
    {.name = "encounter", .kind = WARD_HIDDEN, .required = true},
    {.name = "version", .kind = WARD_HIDDEN, .required = true},
};

bool ward_stay_open(const struct json *encounter)
{
    static const char *const open[] = {"arrived", "triaged", "in-progress", "onleave"};
    for (size_t i = 0; i < AM_LEN(open); i++)
        if (json_str_is(json_get(encounter, "status"), open[i]))
            return true;
    return false;
}

/* ---- the stay that is meant ---- */
/* Of this patient, or AM_E_NOTFOUND. */
static int leave_one(struct ward_entry *e, struct str id, struct ward_reply *out)
{
    char path[WARD_ID + 20], who[WARD_ID + 20];
    int err;
    *out = (struct ward_reply){0};
    if (!eds_id_ok(id))
        return AM_E_NOTFOUND;
    snprintf(path, sizeof path, "/Encounter/%.*s", STR_FMT(id));
    snprintf(who, sizeof who, "Patient/%s", e->f.id);
    err = ward_file_ask(&e->f, (struct ward_call){.path = path}, out);
    if (!err && !json_str_is(json_get(json_get(out->root, "subject"), "reference"), who))
        err = AM_E_NOTFOUND;
    return err;
}

static int leave_first(struct ward_entry *e)
{
    struct ward_reply r;
    int err = leave_one(e, http_query(e->f.v->req, "encounter"), &r);
    if (!err && !ward_stay_open(r.root))
        err = AM_E_NOTFOUND;
    if (!err)
        err = ward_field_set(e, "encounter", json_get_str(r.root, "id"));
    if (!err)
        err = ward_field_set(e, "version",
                             json_get_str(json_get(r.root, "meta"), "versionId"));
    ward_reply_release(&r);
    return err;
}

/* Not before it began, as well as that is known. */
static bool leave_before(struct ward_entry *e, const struct json *encounter)
{
    struct str start = json_get_str(json_get(encounter, "period"), "start");
    int64_t lo, hi, at;
    return start.n && !fhir_date_interval(start, &lo, &hi) &&
           !time_parse(str_c(e->instant[ward_field_at(e, "left")]), &at) && at < lo;
}

static void leave_check(struct ward_entry *e)
{
    struct ward_reply r;
    int err = leave_one(e, ward_field_value(e, "encounter"), &r);
    if (err)
        ward_field_error(e, "left", "ward_e.unlooked");
    else if (leave_before(e, r.root))
        ward_field_error(e, "left", "ward_e.before");
    if (str_eqc(ward_field_value(e, "how"), "exp"))
        ward_field_doubt(e, "how"); /* asked twice */
    ward_reply_release(&r);
}

/* Which stay it is: what kind, since when. */
static void leave_tell(struct ward_entry *e, struct jw *w)
{
    struct ward_reply r;
    int err = leave_one(e, ward_field_value(e, "encounter"), &r);
    jw_obj(w);
    jw_kstr(w, "label", text_get(e->f.v->l, "ward.leave_one"));
    if (err) {
        jw_kstr(w, "words", text_get(e->f.v->l, "ward.failed"));
    } else {
        ward_kstr(w, "words", ward_stay_name(e->f.v->l, r.root));
        ward_kwhen(w, "when", json_get_str(json_get(r.root, "period"), "start"));
    }
    jw_obj_end(w);
    ward_reply_release(&r);
}

/* ---- written ---- */
static void put_period(struct ward_entry *e, struct jw *w, const struct json *old)
{
    static const char *const end[] = {"end", NULL};
    jw_key(w, "period");
    jw_obj(w);
    ward_tx_copy(w, json_get(old, "period"), end);
    jw_kstrz(w, "end", e->instant[ward_field_at(e, "left")]);
    jw_obj_end(w);
}

static void put_disposition(struct ward_entry *e, struct jw *w, const struct json *old)
{
    static const char *const disposition[] = {"dischargeDisposition", NULL};
    char how[20];
    ward_field_text(e, "how", how, sizeof how);
    if (!*how) { /* as it was */
        if (json_get(old, "hospitalization"))
            jw_kval(w, "hospitalization", json_get(old, "hospitalization"));
        return;
    }
    jw_key(w, "hospitalization");
    jw_obj(w);
    ward_tx_copy(w, json_get(old, "hospitalization"), disposition);
    ward_tx_coded(w, "dischargeDisposition", DISPOSITION, how);
    jw_obj_end(w);
}

static void leave_write(struct ward_entry *e, struct ward_tx *t)
{
    static const char *const ours[] = {"status", "period", "hospitalization", "text",
                                       NULL};
    const struct json *old = e->own;
    char url[WARD_ID + 20], version[WARD_ID + 1];
    snprintf(url, sizeof url, "Encounter/%.*s",
             STR_FMT(ward_field_value(e, "encounter")));
    ward_field_text(e, "version", version, sizeof version);
    t->modifies = true;
    ward_tx_put(t, "Encounter", url, version, false);
    ward_tx_meta(t, old, NULL);
    ward_tx_copy(&t->w, old, ours);
    jw_kstrz(&t->w, "status", "finished");
    put_period(e, &t->w, old);
    put_disposition(e, &t->w, old);
    ward_tx_end(t);
}

/* Who comes second is told which of the two it is: ended already, or changed. */
static int leave_send(struct ward_entry *e)
{
    struct ward_reply r;
    int err = leave_one(e, ward_field_value(e, "encounter"), &r);
    if (!err && !ward_stay_open(r.root)) {
        e->failed = "ward_e.left";
        err = AM_E_CONFLICT;
    }
    e->own = r.root;
    if (!err)
        err = ward_tx_send(e);
    e->own = NULL;
    ward_reply_release(&r);
    return err;
}

static void leave_after(struct ward_entry *e, char to[WARD_TO])
{
    struct ward_reply r;
    char path[WARD_ID + 16];
    int err;
    snprintf(path, sizeof path, "/Patient/%s", e->f.id);
    err = ward_file_ask(&e->f, (struct ward_call){.path = path}, &r);
    ward_reply_release(&r);
    if (err)
        snprintf(to, WARD_TO, "/patients?left=1");
    else
        snprintf(to, WARD_TO, "/patients/%s?left=1", e->f.id);
}

static const struct ward_form leave = {.title = "ward.leave",
                                       .path = "/leave",
                                       .here = "ward.chart",
                                       .type = "Encounter",
                                       .changes = true,
                                       .field = leave_field,
                                       .n = AM_LEN(leave_field),
                                       .conflict = "ward_e.changed",
                                       .first = leave_first,
                                       .check = leave_check,
                                       .tell = leave_tell,
                                       .write = leave_write,
                                       .send = leave_send,
                                       .there = ward_change_there,
                                       .after = leave_after};

bool ward_stay_may_end(const struct web_visit *v)
{
    return ward_form_may(v, &leave);
}

int ward_page_leave(struct web_visit *v)
{
    return ward_form_get(v, &leave);
}

int ward_page_leave_post(struct web_visit *v)
{
    return ward_form_post(v, &leave);
}
