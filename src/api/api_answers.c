/* SPDX-License-Identifier: Apache-2.0 */
/* Which statuses a route answers, and in which shapes: most of it follows from its row
 * (a body may be wrong, an account unknown, a path lead nowhere); what does not is in the
 * list below. The tests compare every reply they see with this, by status and by media
 * type; test/56-openapi.sh does so over the wire. */
#include "api/api_priv.h"

#define API_PROBLEM "application/problem+json"

/* Statuses beside the rules, and what the rules would say otherwise. The shape: a name, a
 * media type, several apart by spaces, "" no body, "=" the reply of the row. A handler
 * with a status below 300 here answers no other good one. */
static const struct {
    const char *handler;
    int status;
    const char *shape, *said;
} api_beside[] = {
    {"ready", 200, "=", "it can"},
    {"ready", 503, "= text/plain " API_PROBLEM, "not now, and why"},
    {"session_open", 201, "=", "a session"},
    {"session_open", 401, API_PROBLEM, "login, password or code is wrong"},
    {"session_open", 429, API_PROBLEM, "too many failures: later"},
    {"password_change", 429, API_PROBLEM, "too many failures: later"},
    {"password_reset", 401, API_PROBLEM, "no such code, or no longer"},
    {"password_reset", 429, API_PROBLEM, "too many failures: later"},
    {"account_create", 201, "=", "opened"},
    {"account_create", 409, API_PROBLEM, "the login is taken"},
    {"account_reset", 201, "=", "the code"},
    {"account_reset", 202, "account-asked", "its role signs: another one confirms"},
    {"account_reset", 409, API_PROBLEM, "it is asked for already"},
    {"account_reset", 422, API_PROBLEM, "nobody else could confirm"},
    {"account_second", 202, "account-asked", "its role signs: another one confirms"},
    {"account_second", 204, "", "done"},
    {"account_second", 409, API_PROBLEM, "it is asked for already"},
    {"account_second", 422, API_PROBLEM, "nobody else could confirm"},
    {"account_ask_confirm", 201, "= token", "the code, or the token"},
    {"account_ask_confirm", 204, "", "the second factor is off"},
    {"token_create", 201, "=", "the token"},
    {"token_create", 202, "account-asked", "its role signs: another one confirms"},
    {"token_create", 404, API_PROBLEM, "no such account"},
    {"token_create", 409, API_PROBLEM, "it is asked for already"},
    {"person_create", 201, "=", "added"},
    {"algorithm_id", 201, "=", "the identifier"},
    {"blob_put", 201, "", "kept"},
    {"blob_put", 204, "", "it was there"},
    {"blob_get", 401, API_PROBLEM, "not public: who asks is not known"},
    {"blob_get", 403, API_PROBLEM, "not a right of who asks"},
    {"submit", 201, "=", "in the log, durably"},
    {"submit", 409, API_PROBLEM, "said before, or not possible in this state"},
    {"submit", 403, API_PROBLEM, "not a signature that counts here"},
    {"proposal_put", 201, "=", "it waits for signatures"},
    {"proposal_put", 429, API_PROBLEM, "too many wait already"},
    {"draft_new", 201, "=", "kept"},
    {"draft_new", 429, API_PROBLEM, "too many drafts already"},
    {"draft_save", 412, API_PROBLEM, "somebody saved it since, or no If-Match"},
    {"draft_declare", 201, "=", "it waits for signatures"},
    {"draft_declare", 413, API_PROBLEM, "too large"},
    {"draft_declare", 422, API_PROBLEM, "every problem at once"},
    {"draft_declare", 429, API_PROBLEM, "too many wait already"},
    {"statement_bundle", 401, API_PROBLEM, "not public: who asks is not known"},
    {"statement_bundle", 403, API_PROBLEM, "not a right of who asks"},
    {"tender", 429, API_PROBLEM, "too many older sizes: later"},
    {"version", 429, API_PROBLEM, "too many older sizes: later"},
    {"history", 429, API_PROBLEM, "too many older sizes: later"},
    {"version_proof", 429, API_PROBLEM, "too many older sizes: later"},
    {"version_card", 429, API_PROBLEM, "too many older sizes: later"},
    {"version_diff", 429, API_PROBLEM, "too many older sizes: later"},
    {"tender", 415, API_PROBLEM, "this registry has no service key"},
    {"version_card", 200, "application/xml application/fhir+json card-annex8 card-hti1",
     "in the format asked for"},
    {"version_card", 422, API_PROBLEM, "no such format"},
    {"versions", 413, API_PROBLEM, "too many words or filters"},
    {"fhir_twin", 404, API_PROBLEM, "the algorithm is not declared"},
    {"shape", 404, "text/html " API_PROBLEM, "there is none"},
    {"log_file", 200, "text/plain application/octet-stream", "a note; a tile"},
    {"trace_file", 200, "text/plain application/octet-stream", "a note; a tile"},
    {"export_csv", 200, "=", "the register"},
    {"export_csv", 304, "", "not changed since"},
    {"export_json", 200, "=", "the register"},
    {"export_json", 304, "", "not changed since"},
    {"feed_decisions", 200, "=", "the feed"},
    {"feed_decisions", 304, "", "not changed since"},
    {"feed_stops", 200, "=", "the feed"},
    {"feed_stops", 304, "", "not changed since"},
    {"rss_decisions", 200, "=", "the feed"},
    {"rss_decisions", 304, "", "not changed since"},
    {"rss_stops", 200, "=", "the feed"},
    {"rss_stops", 304, "", "not changed since"},
    {"add_checkpoint", 400, "text/plain " API_PROBLEM, "not to be read"},
    {"add_checkpoint", 403, "text/plain", "not signed by the log"},
    {"add_checkpoint", 404, "text/plain", "a log that is not known here"},
    {"add_checkpoint", 409, "text/x.tlog.size", "the size that is cosigned here"},
    {"add_checkpoint", 422, "text/plain", "the proof does not hold"},
    {"witness_checkpoint", 404, API_PROBLEM, "none was seen yet"},
    {"sync", 202, "", "it will look"},
    {"predict", 201, "=", "the output"},
    {"predict", 404, API_PROBLEM, "no such deployment here"},
    {"predictions", 422, API_PROBLEM, "which service?"},
    {"validate", 201, "=", "said"},
    {"validate", 409, API_PROBLEM, "somebody has, or a stop came first"},
    {"stop", 201, "=", "it acts"},
    {"stop", 404, API_PROBLEM, "no such deployment here"},
    {"stop_patient", 201, "=", "it acts"},
    {"stop_patient", 409, API_PROBLEM, "it is stopped already"},
    {"stop_order", 201, "=", "obeyed"},
    {"stop_order", 403, API_PROBLEM, "not a signature that counts here"},
    {"stop_order", 409, API_PROBLEM, "it acts already"},
    {"report", 201, "=", "reported"},
    {"report", 409, API_PROBLEM, "it is reported already"},
    {"local_lift", 409, API_PROBLEM, "it is lifted already"},
    {"lease_extension", 201, "=", "extended"},
    {"lease_extension", 403, API_PROBLEM, "not signed by all who must"},
    {"lease_extension", 409, API_PROBLEM, "another is in force"},
    {"lease_extension", 412, API_PROBLEM, "it is not of this lease"},
};

/* What may happen to any request, and by what the row says. */
static const int api_statuses[] = {200, 201, 202, 204, 304, 400, 401, 403, 404,
                                   409, 412, 413, 415, 422, 429, 500, 503, 507};

static bool api_has_good(const char *handler)
{
    for (size_t i = 0; i < AM_LEN(api_beside); i++)
        if (!strcmp(api_beside[i].handler, handler) && api_beside[i].status < 300)
            return true;
    return false;
}

/* NULL: it does not follow from the row. */
static const char *api_rule(const struct api_described *r, int status)
{
    bool body = *r->request != 0, open = !strcmp(r->access, "PUBLIC"),
         writes = strcmp(r->method, "GET") != 0;
    switch (status) {
    case 200:
        return *r->reply && !api_has_good(r->handler) ? "done" : NULL;
    case 204:
        return !*r->reply && !api_has_good(r->handler) ? "done" : NULL;
    case 400:
        return "not to be read";
    case 401:
        return open ? NULL : "who asks is not known";
    case 403:
        return open ? NULL : "not a right of who asks";
    case 404:
        return strchr(r->pattern, '{') ? "there is none, or not for who asks" : NULL;
    case 413:
        return body ? "too large" : NULL;
    case 422:
        return body ? "wrong: every problem at once" : NULL;
    case 500:
        return "failed";
    case 503:
        return "not now";
    case 507:
        return writes ? "no space left" : NULL;
    default:
        return NULL;
    }
}

bool api_answer(const struct api_described *r, int status, struct api_answer *out)
{
    for (size_t i = 0; i < AM_LEN(api_beside); i++)
        if (!strcmp(api_beside[i].handler, r->handler) &&
            api_beside[i].status == status) {
            *out = (struct api_answer){status, api_beside[i].shape, api_beside[i].said};
            return true;
        }
    /* A full queue, a body cut short or too large: said before any handler, in a word. */
    *out = (struct api_answer){status,
                               status == 200   ? "="
                               : status == 204 ? ""
                               : status == 400 || status == 413 || status >= 500
                                   ? API_PROBLEM " text/plain"
                                   : API_PROBLEM,
                               api_rule(r, status)};
    return out->said != NULL;
}

bool api_answer_at(const struct api_described *r, size_t n, struct api_answer *out)
{
    for (size_t i = 0; i < AM_LEN(api_statuses); i++)
        if (api_answer(r, api_statuses[i], out) && n-- == 0)
            return true;
    return false;
}

struct str api_answer_shape(const struct api_described *r, struct str *left)
{
    struct str s = str_cut(*left, ' ', left);
    return str_eqc(s, "=") ? str_c(r->reply) : s;
}

/* A media type is written as it is; a name is JSON. */
struct str api_media(struct str shape)
{
    return str_find(shape, '/') < shape.n ? shape : STR("application/json");
}

bool api_answers_as(const struct api_described *r, int status, struct str type)
{
    struct api_answer a;
    struct str left, media = str_trim(str_cut(type, ';', &left));
    if (!api_answer(r, status, &a))
        return false;
    left = str_c(a.shape);
    if (!left.n)
        return media.n == 0;
    while (left.n)
        if (str_eq(api_media(api_answer_shape(r, &left)), media))
            return true;
    return false;
}
