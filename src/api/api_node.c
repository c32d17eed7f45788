/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the node. */
#include "api/api_priv.h"

static int api_raw(struct api_call *c, int err, int status)
{
    if (!err)
        api_json(c, status);
    else
        buf_clear(&c->resp->body);
    return err;
}

int api_h_add_checkpoint(struct api_call *c)
{
    int status = 500,
        err = node_witness(c->api->n, c->req->body, &status, &c->resp->body);
    if (err)
        return err;
    c->resp->status = status;
    http_setz(c->req, c->resp, "Content-Type",
              status == 409 ? "text/x.tlog.size" : "text/plain; charset=utf-8");
    return AM_OK;
}

int api_h_witness_checkpoint(struct api_call *c)
{
    http_setz(c->req, c->resp, "Content-Type", "text/plain; charset=utf-8");
    return node_witness_checkpoint(c->api->n, http_query(c->req, "origin"),
                                   &c->resp->body);
}

int api_h_witness_evidence(struct api_call *c)
{
    return api_raw(c, node_witness_evidence(c->api->n, &c->resp->body), 200);
}

int api_h_state(struct api_call *c)
{
    struct node_state s;
    char at[TIME_TEXT];
    node_state(c->api->n, &s);
    jw_obj(&c->w);
    jw_kstrz(&c->w, "node", node_name(c->api->n));
    jw_kstrz(&c->w, "gst", node_gst(c->api->n));
    jw_kint(&c->w, "size", (int64_t)s.size);
    jw_kint(&c->w, "trace_size", (int64_t)s.trace_size);
    if (s.lease_at) {
        jw_kstrz(&c->w, "lease_at", time_format(s.lease_at, at));
        jw_kstrz(&c->w, "lease_end_at", time_format(s.lease_end_at, at));
        if (s.lease_extended_until)
            jw_kstrz(&c->w, "lease_extended_until",
                     time_format(s.lease_extended_until, at));
    }
    jw_kbool(&c->w, "lease_fresh", s.lease_fresh);
    jw_kbool(&c->w, "lease_warn", s.lease_warn);
    jw_kbool(&c->w, "registry_reachable", s.registry_reachable);
    jw_kbool(&c->w, "split_view", s.split_view);
    jw_kbool(&c->w, "split_proved", s.split_proved);
    jw_kbool(&c->w, "rolled_back", s.rolled_back);
    jw_kint(&c->w, "predictions", (int64_t)s.predictions);
    jw_kint(&c->w, "refused", (int64_t)s.refused);
    jw_kint(&c->w, "pending", (int64_t)s.pending);
    jw_kint(&c->w, "outbox", (int64_t)s.outbox);
    jw_obj_end(&c->w);
    return api_done(c, 200);
}

int api_h_lease_extension(struct api_call *c)
{
    return api_raw(c, node_lease_extend(c->api->n, c->req->body, &c->resp->body, &c->d),
                   201);
}

int api_h_sync(struct api_call *c)
{
    c->resp->status = 202;
    return node_sync(c->api->n);
}

int api_h_node_deployments(struct api_call *c)
{
    return api_raw(c, node_deployments(c->api->n, &c->resp->body), 200);
}

int api_h_predict(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = node_predict(c->api->n, &c->who, v, &c->resp->body, &c->d);
    return api_raw(c, err, 201);
}

/* Those who treat see their own services; those who watch over the house see all of it.
 */
static bool api_sees(const struct api_call *c, struct str service)
{
    return node_may(c->api->n, &c->who, AUTH_TRACE_READ, service);
}

/* No service named: everything for those who see everything, else one's only service. */
static int api_service(struct api_call *c, struct str *service)
{
    struct str all = str_c(c->who.services);
    *service = http_query(c->req, "service");
    if (!service->n && !api_sees(c, STR_NULL)) {
        if (!all.n || str_find(all, ' ') < all.n) {
            diag_err(&c->d, "", "query.service", "name one of your services: ?service=");
            return AM_E_INVALID;
        }
        *service = all;
    }
    if (!service->n || api_sees(c, *service))
        return AM_OK;
    diag_err(&c->d, "", "right.service", "this service is not one of yours");
    return AM_E_FORBIDDEN;
}

int api_h_predictions(struct api_call *c)
{
    struct str before = http_query(c->req, "before"), limit = http_query(c->req, "limit"),
               service;
    int64_t at = 0, n = 50;
    int err = api_service(c, &service);
    if (err)
        return err;
    if ((before.n && str_int(before, 0, INT64_MAX, &at)) ||
        (limit.n && str_int(limit, 1, 500, &n))) {
        diag_err(&c->d, "", "query.number", "before and limit (1 to 500) are numbers");
        return AM_E_SYNTAX;
    }
    return api_raw(c,
                   node_predictions(c->api->n, http_query(c->req, "status"), service, at,
                                    (unsigned)n, &c->resp->body),
                   200);
}

/* The prediction into resp->body; one of a service that is not theirs is not there. */
static int api_own_prediction(struct api_call *c)
{
    struct json_doc *doc = NULL;
    int err = node_prediction(c->api->n, c->param[0], &c->resp->body);
    if (!err)
        err = json_parse(&doc, buf_str(&c->resp->body), NULL, NULL);
    if (!err &&
        !api_sees(c, json_get_str(json_get(json_root(doc), "prediction"), "service")))
        err = AM_E_NOTFOUND;
    json_free(doc);
    return err;
}

int api_h_prediction(struct api_call *c)
{
    return api_raw(c, api_own_prediction(c), 200);
}

int api_h_prediction_proof(struct api_call *c)
{
    int err = api_own_prediction(c);
    buf_clear(&c->resp->body);
    if (!err)
        err = node_proof(c->api->n, c->param[0], &c->resp->body);
    return api_raw(c, err, 200);
}

int api_h_validate(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = node_validate(c->api->n, &c->who, c->param[0], v, &c->resp->body, &c->d);
    return api_raw(c, err, 201);
}

int api_h_stop(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = node_stop(c->api->n, &c->who, v, &c->resp->body, &c->d);
    return api_raw(c, err, 201);
}

int api_h_stop_patient(struct api_call *c)
{
    return api_raw(
        c, node_stop_patient(c->api->n, &c->who, c->param[0], &c->resp->body, &c->d),
        201);
}

int api_h_local_stops(struct api_call *c)
{
    return api_raw(c, node_local_stops(c->api->n, &c->who, &c->resp->body), 200);
}

int api_h_local_lift(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = node_stop_lift(c->api->n, &c->who, c->param[0], v, &c->resp->body, &c->d);
    return api_raw(c, err, 200);
}

int api_h_report(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = node_report(c->api->n, &c->who, c->param[0], v, &c->resp->body, &c->d);
    return api_raw(c, err, 201);
}

int api_h_stop_order(struct api_call *c)
{
    return api_raw(c, node_stop_order(c->api->n, c->req->body, &c->resp->body, &c->d),
                   201);
}
