/* SPDX-License-Identifier: Apache-2.0 */
/* Private to api: one call, its helpers, and the handlers of the table. */
#ifndef API_PRIV_H
#define API_PRIV_H

#include "api/api.h"
#include "api/api_tbl.h"
#include "base/clock.h"
#include "text/text.h"
#include "web/web.h"

enum { API_BODY_JSON_MAX = 16 << 20, API_ANSWER_ROOM = 4096, API_PARAMS = 2 };

struct api {
    struct registry *r;
    struct node *n;
    struct auth *auth;
    struct web_site *site;
    struct http_server *server;
    int64_t started_at;
    struct json_doc *queries; /* handler: [names of the parameters it reads] */
};

/* One request on its way through a handler. */
struct api_call {
    struct api *api;
    struct http_req *req;
    struct http_resp *resp;
    struct str param[API_PARAMS]; /* values of {name}, in order */
    struct auth_account who;      /* filled when the route needs an account */
    bool has_who;
    struct str token;     /* the bearer token or session it came with */
    struct json_doc *doc; /* parsed body, when api_body() was called */
    struct diag d;
    int retry_s; /* with 429 or 503; 0: the usual */
    struct jw w; /* writes resp->body */
};

/* ---- api_query.c ---- */
AM_CHECK int api_queries_new(struct json_doc **out);
/* AM_E_SYNTAX: the query holds a parameter that this handler does not read. */
AM_CHECK int api_check_query(struct api_call *c, const char *handler);
/* Parses the body once; AM_E_SYNTAX with problems in c->d. */
AM_CHECK int api_body(struct api_call *c, const struct json **out);
/* Sets status and content type; the body is in resp->body. */
void api_json(struct api_call *c, int status);
/* Finishes c->w, then api_json(). */
AM_CHECK int api_done(struct api_call *c, int status);
/* ---- api_people.c, for api_pair.c ---- */
void api_items(struct api_call *c); /* opens {"items": */
AM_CHECK int api_list(struct api_call *c, int err);
AM_CHECK int api_id(struct api_call *c, int64_t *id);
/* A token for some rights is no way to an account. */
AM_CHECK int api_whole(struct api_call *c);
AM_CHECK int api_reset_code(struct api_call *c, const char *code);
/* Asked of a second administrator: 202. */
AM_CHECK int api_pair_ask(struct api_call *c, int64_t account, enum auth_ask_kind kind);
AM_CHECK int api_pair_token(struct api_call *c, const struct auth_token_spec *spec);
AM_CHECK int api_token_made(struct api_call *c, const char *token, int64_t until_at);
void api_weak_etag(struct api_call *c, uint64_t size);
/* key: [{pointer, code, warning, detail}] of everything in d, in the reader's words. */
void api_found(struct api_call *c, const char *key, const struct diag *d);
enum text_lang api_lang(const struct http_req *r);
/* The file of the path under /assets/, packed for who takes it; AM_E_NOTFOUND. */
AM_CHECK int api_asset(struct http_req *r, struct http_resp *a);
/* Does an Accept-Encoding take gzip by its name? */
bool api_takes_gzip(struct str accept);
/* problem+json from an error and its problems. */
/* "key": what is wrong, in that language; the detail alone when `detail` and it has one.
 */
void api_say(struct jw *w, const char *key, const struct diag_item *it,
             enum text_lang lang, bool detail);
void api_problem(struct http_req *r, struct http_resp *a, int err, const struct diag *d);
/* Who is asking: bearer token, or session cookie for safe methods. */
AM_CHECK int api_identify(struct api_call *c);
/* May the caller read what entry `index` says? Identifies the caller when it must. */
bool api_reads_entry(struct api_call *c, const struct ledger *l, uint64_t index);
/* Audits a refusal and says which right is missing: AM_E_FORBIDDEN. */
AM_CHECK int api_refuse(struct api_call *c, const char *right);
/* Members nobody reads are refused; known: names apart by spaces. */
AM_CHECK int api_only(struct api_call *c, const struct json *v, const char *known);
/* AM_E_FORBIDDEN: this account may not touch the other. */
AM_CHECK int api_account_bounds(struct api_call *c, const struct auth_account *other);
/* Where a payload waits to be read and signed. */
AM_CHECK int api_proposed(struct api_call *c, const uint8_t payload[32]);
AM_CHECK int api_hex_param(struct api_call *c, size_t i, uint8_t out[32]);
/* Who asks for the fold at an older size; what is said when there were too many. */
struct registry_reader api_reader(struct api_call *c);
void api_past_refused(struct api_call *c, int err);
/* The version the path names (api_version.c), in the fold it asks for; past: not today's.
 */
typedef int api_version_fn(struct api_call *c, const struct ledger *l, uint64_t cosigned,
                           const struct ledger_version *v, bool past);
AM_CHECK int api_version_view(struct api_call *c, api_version_fn *fn);
AM_CHECK int api_version_asked(struct api_call *c, uint8_t digest[32], uint64_t *size);
/* Members tree_size and cosigned_size; the weak ETag of the tree size. */
void api_view_head(struct api_call *c, const struct ledger *l, uint64_t cosigned);
/* A list that grows with the register, a page at a time: api_list.c. */
enum {
    API_LIST_USUAL = 100,
    API_LIST_MAX = 1000,
    API_LIST_KEY = 160,
    API_LIST_LOOKS = 20000 /* things one page looks at */
};
struct api_list {
    struct api_call *c;
    const struct ledger *l;
    int64_t now;
    size_t n;                           /* places of all there are, 0 the oldest */
    const struct ledger_places *places; /* NULL, or these of them only */
    bool newest;                        /* first */
    void (*key)(const struct api_list *x, size_t place, char out[API_LIST_KEY]);
    bool (*wanted)(const struct api_list *x, size_t place); /* NULL: all */
    void (*put)(const struct api_list *x, size_t place);
};
/* Writes the members `items` and, when there are more, `next`; and the Link to them. */
AM_CHECK int api_list_put(struct api_list *x);
/* For lists of another kind: the query's limit; the Link; `after` leads nowhere. */
AM_CHECK int api_list_limit(struct api_call *c, size_t otherwise, size_t *out);
AM_CHECK int api_list_next(struct api_call *c, const char *name, const char *cursor);
AM_CHECK int api_list_lost(struct api_call *c);
/* A file of a log folder; path is what follows the prefix. */
AM_CHECK int api_log_file(struct api_call *c, const char *dir, struct str path);
/* tree_size, cosigned_size and the weak ETag that goes with them. */
void api_view_head(struct api_call *c, const struct ledger *l, uint64_t cosigned);
/* schema/api/components.json: schemas of requests and replies. */
AM_CHECK int api_components(struct json_doc **out);
/* The table once more, as words: api_openapi.c; NULL after the last. */
enum { API_OPERATION_MAX = 48 };
struct api_described {
    const char *method, *pattern, *access, *request, *reply, *summary, *handler;
    char servers;
};
const struct api_described *api_described_at(size_t i);
/* What a route may answer (api_answers.c): by status, and in order of status. `shape`:
 * what api_answer_shape() takes apart; "" no body. */
struct api_answer {
    int status;
    const char *shape, *said;
};
bool api_answer(const struct api_described *r, int status, struct api_answer *out);
bool api_answer_at(const struct api_described *r, size_t n, struct api_answer *out);
/* The next shape: the name of a schema, or a media type. */
struct str api_answer_shape(const struct api_described *r, struct str *left);
struct str api_media(struct str shape);
/* May it answer so, with this Content-Type (none: STR_NULL)? */
bool api_answers_as(const struct api_described *r, int status, struct str type);
bool api_here(const struct api_call *c, const struct api_described *r);
struct str api_tag(const struct api_described *r);
void api_operation_id(const struct api_described *r, char out[API_OPERATION_MAX]);
/* Sets an ETag for a view of that size in that form; true: the reader has it, 304. */
bool api_unchanged(struct api_call *c, uint64_t size, const char *form);
/* Text of an XML element or attribute. Appends. */
AM_CHECK int api_xml(struct buf *b, struct str s);
/* Writes entry `index` as a Sigstore bundle against that checkpoint. */
AM_CHECK int api_put_bundle(struct api_call *c, uint64_t index, struct str note);

#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    int api_h_##handler(struct api_call *c);
API_TABLE(X)
#undef X

#endif
