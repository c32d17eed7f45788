/* SPDX-License-Identifier: Apache-2.0 */
/* ward -- its life, the table of its pages, and the one way to the store. */
#include "ward/ward_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct web_more ward_page[] = {
    {false, "/patients", ward_page_search},
    {false, "/break-glass", ward_page_glass},
    {true, "/break-glass", ward_page_glass_post},
    {false, "/patients/*", ward_page_chart},
    {true, "/patients/*/glass-end", ward_page_glass_end},
    {false, "/patients/*/results", ward_page_results},
    {false, "/patients/*/trend", ward_page_trend},
    {false, "/patients/*/vitals", ward_page_vitals},
    {true, "/patients/*/vitals", ward_page_vitals_post},
    {false, "/patients/*/lab", ward_page_lab},
    {true, "/patients/*/lab", ward_page_lab_post},
    {false, "/patients/*/diagnosis", ward_page_diagnosis},
    {true, "/patients/*/diagnosis", ward_page_diagnosis_post},
    {false, "/patients/*/prescribe", ward_page_prescribe},
    {true, "/patients/*/prescribe", ward_page_prescribe_post},
    {false, "/new-patient", ward_page_open},
    {true, "/new-patient", ward_page_open_post},
    {false, "/patients/*/identity", ward_page_identity},
    {true, "/patients/*/identity", ward_page_identity_post},
    {false, "/patients/*/stay", ward_page_stay},
    {true, "/patients/*/stay", ward_page_stay_post},
    {false, "/patients/*/leave", ward_page_leave},
    {true, "/patients/*/leave", ward_page_leave_post},
    {false, "/patients/*/appointments", ward_page_agenda},
    {false, "/patients/*/book", ward_page_book},
    {true, "/patients/*/book", ward_page_book_post},
    {false, "/patients/*/move", ward_page_move},
    {true, "/patients/*/move", ward_page_move_post},
    {false, "/patients/*/cancel", ward_page_cancel},
    {true, "/patients/*/cancel", ward_page_cancel_post},
};

int ward_new(struct ward **out, const struct ward_config *c)
{
    struct ward *w = am_calloc(1, sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    w->door = c->door;
    w->rest = c->rest;
    snprintf(w->ipp, sizeof w->ipp, "%s", c->ipp && *c->ipp ? c->ipp : WARD_IPP);
    w->pages = (struct web_pages){.page = ward_page,
                                  .n = AM_LEN(ward_page),
                                  .arg = w,
                                  .nav = "ward.nav",
                                  .href = "/patients"};
    pthread_mutex_init(&w->lock, NULL);
    *out = w;
    return AM_OK;
}

void ward_free(struct ward *w)
{
    if (!w)
        return;
    pthread_mutex_destroy(&w->lock);
    crypto_wipe(w->glass, sizeof w->glass);
    free(w);
}

const struct web_pages *ward_pages(const struct ward *w)
{
    return &w->pages;
}

/* ---- asking ---- */
static int ward_err(int status)
{
    return status < 300                     ? AM_OK
           : status == 401                  ? AM_E_UNAUTHORIZED
           : status == 403                  ? AM_E_FORBIDDEN
           : status == 404 || status == 410 ? AM_E_NOTFOUND
           : status == 409 || status == 412 ? AM_E_CONFLICT
           : status == 413                  ? AM_E_TOOBIG
           : status < 500                   ? AM_E_INVALID
                                            : AM_E_UNAVAILABLE;
}

int ward_ask(struct web_visit *v, const struct ward_call *k, struct ward_reply *out)
{
    struct ward *w = v->pages;
    const struct door_guest g = {
        .session = v->session, .peer = v->req->peer, .reason = k->reason};
    struct rest_request q = {.method = k->method,
                             .path = str_c(k->path),
                             .query = str_c(k->query ? k->query : ""),
                             .body = k->body};
    struct rest_answer a;
    int err;
    *out = (struct ward_reply){0};
    q.header[REST_H_LANGUAGE] = str_c(text_lang_code(v->l));
    q.header[REST_H_ACCEPT] = STR("application/fhir+json");
    if (k->body.n)
        q.header[REST_H_CONTENT_TYPE] = STR("application/fhir+json");
    rest_answer_init(&a);
    err = door_ask(w->door, w->rest, &g, &q, &a);
    if (!err) {
        out->status = a.status;
        if (a.body.n)
            err = json_parse(
                &out->doc, buf_str(&a.body),
                &(struct json_limits){.size_b = 64 << 20, .raw_numbers = true}, NULL);
        out->root = out->doc ? json_root(out->doc) : NULL;
    }
    rest_answer_release(&a);
    return err ? err : ward_err(out->status);
}

void ward_reply_release(struct ward_reply *r)
{
    json_free(r->doc);
    *r = (struct ward_reply){0};
}

int ward_query_value(struct buf *out, struct str value)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, WARD_QUERY);
    for (size_t i = 0; i < value.n && !err; i++) {
        if (strchr(",|$\\", value.p[i]) && value.p[i])
            err = buf_addc(&b, '\\');
        if (!err)
            err = buf_addc(&b, value.p[i]);
    }
    if (!err)
        err = web_url_part(out, buf_str(&b));
    buf_release(&b);
    return err;
}
