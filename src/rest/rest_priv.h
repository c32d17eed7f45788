/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: one call on its way through a handler, and what the files share. */
#ifndef REST_PRIV_H
#define REST_PRIV_H

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "rest/rest.h"
#include "rest/rest_tbl.h"
#include "text/text.h"

enum {
    REST_ARENA = 64 << 20,
    REST_DEPTH = 60, /* of a resource; the store reads 64 */
    REST_TRIES = 12, /* when what a condition meant has changed meanwhile */
    REST_PATH_MAX = 512
};

struct rest_own;     /* rest_op.c */
struct rest_exports; /* rest_export.h */
struct rest_subs;    /* rest_sub.h */
enum { REST_TEXTS = 6 };
struct rest {
    struct rest_config c;
    char *text[REST_TEXTS]; /* of c */
    struct rest_own *own;   /* what makes the compartment of a patient */
    size_t n_own;
    struct buf capabilities;      /* JSON */
    struct rest_terms *terms;     /* of the store (rest_terms.c) */
    struct rest_exports *exports; /* NULL: none */
    struct rest_subs *subs;       /* NULL: none */
    int64_t started_at;
};

enum rest_level { REST_NONE, REST_SYSTEM, REST_TYPE, REST_OPERATION };
struct rest_call;
struct rest_route {
    enum rest_method method;
    const char *pattern, *interaction;
    enum rest_level level;
    bool writes;
    int (*run)(struct rest_call *c);
    const char *what;
};
extern const struct rest_route rest_route[];
extern const size_t rest_routes;
#define X(method, pattern, interaction, level, writes, handler, what)                    \
    int rest_h_##handler(struct rest_call *c);
REST_TABLE(X)
#undef X

enum rest_return { REST_RETURN_DEFAULT, REST_MINIMAL, REST_WHOLE, REST_OUTCOME };

/* What of a resource is told (rest_trim.c). */
struct rest_trim {
    enum fhir_summary summary;
    const struct str *element;
    size_t elements;
};

struct rest_call {
    struct rest *r;
    const struct rest_request *q;
    struct rest_answer *a;
    const struct rest_route *route;
    struct arena arena;
    struct diag d;
    struct str type, id, vid, other; /* of the path */
    struct fhir_pair *pair;          /* of the query, decoded */
    size_t pairs;
    const struct json *body; /* the request's resource */
    struct json_doc *doc;
    bool part; /* an entry of a Bundle: JSON in a->body, whatever was asked */

    /* how to answer */
    bool xml, pretty, lenient;
    enum rest_return ret;
    enum text_lang lang;
    struct rest_trim trim;

    /* the answer */
    struct buf out;    /* a resource in JSON; empty: no body */
    int status;        /* 0: by the error */
    const char *media; /* of what is no resource; NULL: it is one */
    struct eds_name *seen;
    size_t n_seen, cap_seen;
    bool wrote;
    bool subs; /* it took places for Subscriptions, rest_subs_end() */
};

/* ---- rest.c ---- */
/* An entry of a Bundle; resource: its body, or NULL. */
void rest_part(struct rest *r, const struct rest_request *q, const struct json *resource,
               struct rest_answer *a);
bool rest_match(const char *pattern, struct str path, struct rest_call *c);
/* Says who was told what: before the answer leaves. */
AM_CHECK int rest_audit(struct rest_call *c, enum rest_moment m, int status);
AM_CHECK int rest_seen(struct rest_call *c, struct str type, const char *id);

/* ---- rest_guard.c: the guard, where one is set ---- */
AM_CHECK int rest_may(struct rest_call *c);
/* The same for an entry that is no call of its own. */
AM_CHECK int rest_may_entry(struct rest_call *c, const char *interaction, struct str type,
                            struct str id, struct str query);
/* m: of that version; body: its text, or empty. */
AM_CHECK int rest_sees(struct rest_call *c, struct eds_view *v, const struct eds_meta *m,
                       struct str body, bool *yes);
/* The same of what is about to be changed. */
AM_CHECK int rest_sees_for(struct rest_call *c, struct eds_view *v,
                           const struct eds_meta *m, struct str body,
                           enum rest_change change, bool *yes);
/* For struct eds_search: visible = rest_eye(c), visible_arg = &(struct rest_eye){c, v}.
 */
struct rest_eye {
    struct rest_call *c;
    struct eds_view *v;
};
eds_visible_fn *rest_eye(const struct rest_call *c);
AM_CHECK int rest_fits(struct rest_call *c, struct eds_ask *ask, const struct json *group,
                       struct str full_url, struct diag *d);

/* ---- rest_ask.c: what the request says of itself ---- */
AM_CHECK int rest_ask(struct rest_call *c);
/* The body as a resource, JSON or XML, of that type (empty: any). */
AM_CHECK int rest_body(struct rest_call *c, struct str type);
/* A JSON document of any shape, bounded. */
AM_CHECK int rest_json(struct rest_call *c, struct str text, struct json_doc **out);
/* Parameters beside those of the answer; names apart by blanks. */
AM_CHECK int rest_only(struct rest_call *c, const char *known);
struct str rest_param(const struct rest_call *c, const char *name); /* STR_NULL: none */
/* The media type of a header's value, in lower case; its parameters cut off. */
struct str rest_media(struct rest_call *c, struct str value);
/* W/"3" or "3"; *any: it says "*". AM_E_SYNTAX. */
AM_CHECK int rest_etag(struct rest_call *c, enum rest_header h, int64_t *ver, bool *any);
/* HTTP date or instant. */
AM_CHECK int rest_date(struct str s, int64_t *at);

/* ---- rest_answer.c ---- */
/* The problems in c->d as c->out; err: one of its own when there are none. */
AM_CHECK int rest_outcome(struct rest_call *c, int err);
/* c->out, or the problems, as a->body. */
void rest_finish(struct rest_call *c, int err);
/* A fhir_sayer in the reader's language; cookie: the call. */
int rest_say(void *cookie, struct buf *out, const struct diag_item *it);
/* One problem of ours: code "rest.<...>". Returns err. */
int rest_bad(struct rest_call *c, int err, const char *path, const char *code,
             struct str what);
void rest_http_date(int64_t at, char out[40]);
void rest_tags(struct rest_call *c, const struct eds_meta *m);
void rest_located(struct rest_call *c, struct str type, struct str id, int64_t ver);
/* A resource with what is asked of it, from JSON text as the store gives it. */
AM_CHECK int rest_tell(struct rest_call *c, struct buf *out, struct str text);
/* After a write: what Prefer wants. created: 201. */
AM_CHECK int rest_written(struct rest_call *c, const struct eds_done *done,
                          struct str type);

/* ---- rest_trim.c ---- */
bool rest_trims(const struct rest_trim *t);
void rest_trim(struct jw *w, const struct json *resource, const struct rest_trim *t);

/* ---- rest_judge.c ---- */
/* As fhir_valid_check_as(), the store's own value sets too. Not inside a view. profile:
 * one more to judge by, or empty. */
AM_CHECK int rest_judge(struct rest_call *c, const struct json *resource,
                        struct str profile, unsigned flags, struct diag *d);

/* ---- rest_write.c ---- */
/* May it be stored? AM_E_INVALID with problems. */
AM_CHECK int rest_valid(struct rest_call *c, const struct json *resource);

/* ---- rest_local.c ---- */
/* What is stored of a resource: references to us by a whole address as "Type/id". *out
 * NULL: it has none, and is stored as it is. */
AM_CHECK int rest_local(struct rest_call *c, const struct json *resource,
                        struct json_doc **out);

/* ---- rest_where.c: conditions ---- */
struct rest_where {
    struct rest_call *c;
    struct fhir_query q;
    struct str type;
};
/* A query that has to say something. AM_E_SYNTAX with problems. */
AM_CHECK int rest_where(struct rest_call *c, struct str type,
                        const struct fhir_pair *pair, size_t n, struct rest_where *out);
AM_CHECK int rest_where_text(struct rest_call *c, struct str type, struct str query,
                             struct rest_where *out);
/* For struct eds_ask: arg is the rest_where. */
int rest_where_match(struct eds_view *v, void *arg, int64_t rid[2], size_t *n);
/* As many as its count says, for eds_found_release(). */
AM_CHECK int rest_where_found(struct eds_view *v, struct rest_where *w,
                              struct eds_found *out);
/* The one it finds now: *n 0 or 1; AM_E_PRECONDITION when several. */
AM_CHECK int rest_where_one(struct rest_where *w, struct eds_meta *m, size_t *n);
AM_CHECK int rest_where_in(struct eds_view *v, struct rest_where *w, struct eds_meta *m,
                           size_t *n);

/* ---- rest_write.c ---- */
/* One ask in a group of its own. done->id lives in the arena. */
AM_CHECK int rest_put(struct rest_call *c, struct eds_ask *ask, struct eds_done *done);
/* The resource under another id, or the one it gets. */
AM_CHECK int rest_with_id(struct rest_call *c, const struct json *resource, struct str id,
                          struct json_doc **doc);
/* The version If-Match names, or 0. */
AM_CHECK int rest_if_match(struct rest_call *c, int64_t *ver);
/* May what is there be replaced (EDS_UPDATE) or deleted by who may not see it?
 * AM_E_FORBIDDEN. The write is bound to the version that was judged: another by then is
 * AM_E_CONFLICT, to be judged anew. */
AM_CHECK int rest_touch(struct rest_call *c, struct eds_ask *ask);
/* The same, of what stays as it is. */
AM_CHECK int rest_touch_same(struct rest_call *c, struct str type, struct str id);
/* ---- rest_patch.c ---- */
/* What the narrative of a patched resource may still say; *doc may become another.
 * AM_E_INVALID with a problem in d. */
AM_CHECK int rest_patch_narrative(struct rest_call *c, const struct json *before,
                                  struct json_doc **doc, struct diag *d);
/* The JSON Patch that a Binary carries. */
AM_CHECK int rest_patch_binary(struct rest_call *c, const struct json *binary,
                               struct json_doc **out);

/* ---- rest_read.c ---- */
struct rest_got {
    struct rest_call *c;
    struct str type, id;
    int64_t ver;
    struct buf body;
    struct eds_meta m;
};
/* What may be seen of it. AM_E_NOTFOUND; a deletion has m.gone. */
AM_CHECK int rest_get(struct rest_call *c, struct str type, struct str id, int64_t ver,
                      struct buf *out, struct eds_meta *m);
/* The resource the path names, as it stands now, seen and put in the record; else its
 * problem is told (404). Release with json_free(). */
AM_CHECK int rest_current(struct rest_call *c, struct json_doc **doc);

/* ---- rest_list.c: Bundles ---- */
AM_CHECK int rest_url(struct rest_call *c, struct buf *url, const struct fhir_pair *pair,
                      size_t n, struct str page);
void rest_list_begin(struct rest_call *c, struct jw *w, const char *type, int64_t total);
void rest_list_link(struct jw *w, const char *rel, struct str url);
/* A page of what a query finds, as the answer; the same in two steps, in one view. */
AM_CHECK int rest_list(struct rest_call *c, const struct fhir_query *q);
AM_CHECK int rest_list_find(struct rest_call *c, const struct fhir_query *q,
                            struct eds_view *v, struct eds_found *out);
AM_CHECK int rest_list_tell(struct rest_call *c, const struct fhir_query *q,
                            struct eds_view *v, const struct eds_found *f);

/* ---- rest_transaction.c ---- */
AM_CHECK int rest_transaction(struct rest_call *c);
/* ---- rest_batch.c ---- */
struct rest_line { /* an entry's request */
    enum rest_method method;
    struct str url, full, none_exist, if_match, if_none_match, modified_since;
    struct str path, query; /* of the url */
    const struct json *resource;
};
AM_CHECK int rest_line(struct rest_call *c, const struct json *entry, size_t i,
                       struct rest_line *out);
void rest_line_request(const struct rest_call *c, const struct rest_line *l,
                       struct rest_request *q);
AM_CHECK int rest_batch(struct rest_call *c);
/* "entry" of an answer that has n of them, and the end of the answer. */
void rest_entries_begin(struct jw *w, size_t n);
AM_CHECK int rest_entries_end(struct jw *w, size_t n);
/* entry {fullUrl, resource, response} of an answer. */
AM_CHECK int rest_line_answer(struct rest_call *c, struct jw *w,
                              const struct rest_answer *a);

/* ---- rest_op.c ---- */
AM_CHECK int rest_own_new(struct rest *r);

/* ---- rest_sealed.c ---- */
AM_CHECK int rest_sealed_key(const struct rest *r, struct str salt, struct str use,
                             uint8_t key[32]);
struct rest_sealed { /* all borrowed */
    const char *path;
    struct str salt, use; /* of its key */
    const char *name;     /* which of the files under that key it is */
};
/* sealed: memory for many, or NULL. */
AM_CHECK int rest_sealed_write(const struct rest *r, const struct rest_sealed *f,
                               struct str text, struct buf *sealed);
AM_CHECK int rest_sealed_read(const struct rest *r, const struct rest_sealed *f,
                              struct buf *out);

/* ---- rest_sub.c, rest_sub_job.c ---- */
/* What is stored of a Subscription that somebody writes: its headers sealed, with who he
 * is. AM_E_INVALID, with what is wrong in c->d. */
AM_CHECK int rest_sub_write(struct rest_call *c, const struct json *resource,
                            struct json_doc **out);
AM_CHECK int rest_subs_new(struct rest *r);
void rest_subs_free(struct rest *r);
/* What the call wrote counts from the store's list on. */
void rest_subs_end(struct rest_call *c);

/* ---- rest_export_job.c ---- */
AM_CHECK int rest_exports_new(struct rest *r);
void rest_exports_free(struct rest *r);

/* ---- rest_metadata.c ---- */
AM_CHECK int rest_capabilities(struct rest *r, struct buf *out);

#endif
