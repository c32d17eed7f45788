/* SPDX-License-Identifier: Apache-2.0 */
/* The report a result of the laboratory stands in. Results of one sample, by the number
 * the laboratory gave it, are of one DiagnosticReport: the first makes it, the others are
 * added at the version that was read, so of two who add at once one reads again. A number
 * that another patient's sample has is refused: one of the two tubes is somebody else's.
 * Only reports that who enters may see are known: of others nothing is learnt. */
#include "ward/ward_form_priv.h"

#include <string.h>

enum { REPORT_TRIES = 4 };
#define SAMPLE "urn:amane:sample"

static bool report_of(const struct ward_entry *e, const struct json *report)
{
    char who[WARD_ID + 20];
    snprintf(who, sizeof who, "Patient/%s", e->f.id);
    return json_str_is(json_get(json_get(report, "subject"), "reference"), who);
}

/* *mine: this patient's report of the sample, or NULL; AM_E_EXISTS: another's. */
static int report_find(struct ward_entry *e, struct ward_reply *r,
                       const struct json **mine)
{
    struct buf q;
    int err;
    *mine = NULL;
    *r = (struct ward_reply){0};
    if (!ward_field_value(e, "sample").n)
        return AM_OK;
    buf_init(&q, WARD_QUERY);
    err = buf_adds(&q, "_count=5&identifier=" SAMPLE "%7C");
    if (!err)
        err = ward_query_value(&q, ward_field_value(e, "sample"));
    if (!err)
        err = ward_file_ask(
            &e->f, (struct ward_call){.path = "/DiagnosticReport", .query = q.p}, r);
    buf_release(&q);
    for (json_each(it, err ? NULL : json_get(r->root, "entry"))) {
        const struct json *x = json_get(it.val, "resource");
        if (!json_str_is(json_get(x, "resourceType"), "DiagnosticReport") ||
            ward_mistaken(x))
            continue;
        if (!report_of(e, x))
            err = AM_E_EXISTS;
        else if (!*mine)
            *mine = x;
    }
    return err;
}

void ward_report_check(struct ward_entry *e)
{
    struct ward_reply r;
    const struct json *mine;
    int err = report_find(e, &r, &mine);
    if (err)
        ward_field_error(e, "sample",
                         err == AM_E_EXISTS ? "ward_e.sample" : "ward_e.unlooked");
    ward_reply_release(&r);
}

int ward_report_send(struct ward_entry *e)
{
    int err = AM_E_CONFLICT;
    for (int i = 0; i < REPORT_TRIES && err == AM_E_CONFLICT; i++) {
        struct ward_reply r;
        const struct json *mine;
        err = report_find(e, &r, &mine);
        e->own = mine;
        if (!err)
            err = ward_tx_send(e);
        e->own = NULL;
        ward_reply_release(&r);
    }
    return err == AM_E_EXISTS ? AM_E_CONFLICT : err;
}

static void report_sample(struct ward_entry *e, struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "system", SAMPLE);
    jw_kstr(w, "value", ward_field_value(e, "sample"));
    jw_obj_end(w);
}

static void report_begin(struct ward_tx *t, const char *at)
{
    struct jw *w = &t->w;
    ward_tx_put(t, "DiagnosticReport", NULL, NULL, false);
    jw_key(w, "identifier");
    jw_arr(w);
    ward_tx_key(t);
    if (ward_field_value(t->e, "sample").n)
        report_sample(t->e, w);
    jw_arr_end(w);
    jw_kstrz(w, "status", "final");
    jw_key(w, "category");
    jw_arr(w);
    ward_tx_coded(w, NULL, "http://terminology.hl7.org/CodeSystem/v2-0074", "LAB");
    jw_arr_end(w);
    ward_tx_coded(w, "code", WARD_LOINC, "11502-2"); /* laboratory report */
    ward_tx_subject(t, "subject");
    jw_kstrz(w, "effectiveDateTime", at);
    jw_key(w, "performer");
    jw_arr(w);
    ward_tx_self(t, NULL);
    jw_arr_end(w);
}

static void report_more(struct ward_tx *t, const struct json *old)
{
    static const char *const but[] = {"result", "issued", NULL};
    char url[WARD_ID + 20], version[WARD_ID + 1];
    snprintf(url, sizeof url, "DiagnosticReport/%.*s",
             STR_FMT(ward_begin(json_get_str(old, "id"), WARD_ID)));
    snprintf(
        version, sizeof version, "%.*s",
        STR_FMT(ward_begin(json_get_str(json_get(old, "meta"), "versionId"), WARD_ID)));
    ward_tx_put(t, "DiagnosticReport", url, version, false);
    ward_tx_meta(t, old, NULL);
    ward_tx_copy(&t->w, old, but);
}

void ward_report_write(struct ward_tx *t, const char *at)
{
    const struct json *old = t->e->own;
    struct jw *w = &t->w;
    char now[TIME_TEXT];
    if (old)
        report_more(t, old);
    else
        report_begin(t, at);
    jw_kstrz(w, "issued", time_format(t->e->f.v->now, now));
    jw_key(w, "result");
    jw_arr(w);
    for (json_each(it, json_get(old, "result")))
        jw_val(w, it.val);
    ward_tx_refer(t, 0); /* the Observation */
    jw_arr_end(w);
    ward_tx_end(t);
}
