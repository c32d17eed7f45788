/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: exports (FHIR Bulk Data Access 2.0), jobs that outlive their request.
 *
 *   DIR/<id>/job        what was asked, by whom: durable before the 202
 *   DIR/<id>/Type-n     NDJSON, sealed under a key that only the store can derive
 *   DIR/<id>/deleted-n  Bundles of one DELETE each: what went since _since
 *   DIR/<id>/error-n    OperationOutcomes: patients asked for that are not to be had
 *   DIR/<id>/manifest   written last: then it is whole
 *   DIR/<id>/failed     the number of the error, instead
 *
 * A job that has neither manifest nor failure when the node starts is begun again, on
 * what is current then. One thread writes; what is asked meanwhile waits. All of a job is
 * from one snapshot; each resource is shown to the guard as who asked, who is looked up
 * anew every EXPORT_AGAIN and when something is fetched: a login that was taken away ends
 * the export, and its files go. What is fetched is shown to the guard once more, as who
 * fetches: what he may not see any more is not in it.
 *
 * Threads: any; the jobs are under one lock, files belong to the thread that writes. */
#ifndef REST_EXPORT_H
#define REST_EXPORT_H

#include <pthread.h>
#include <stdatomic.h>

#include "rest/rest_op.h"

enum {
    EXPORT_UNFINISHED = 4, /* at once; over it 429 */
    EXPORT_KEPT = 64,      /* finished and not deleted */
    EXPORT_HOURS = 24,     /* that files are kept */
    EXPORT_FILE = 4 << 20, /* bytes of NDJSON of a file, about */
    EXPORT_WHO = 512,      /* bytes of the guard's name for who asked */
    EXPORT_AGAIN = 1       /* seconds */
};
enum rest_export_state { EXPORT_WAITS, EXPORT_RUNS, EXPORT_DONE, EXPORT_FAILED };
struct rest_export {
    char id[37];
    enum rest_export_state state;
    int err;
    int64_t at; /* asked; when done: finished */
    char *ask;  /* the job file */
    size_t ask_n;
    atomic_bool stop;
    atomic_llong n, rid, top; /* how far */
    struct rest_export *next;
};
struct rest_exports {
    struct rest *r;
    char dir[REST_PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct rest_export *first; /* the oldest */
    bool ends;
};

/* rest_exports_new() begins again what was cut short. */
AM_CHECK int rest_export_ask(struct rest_exports *x, struct str ask, char id[37]);
/* A copy of its state, if `who` asked for it: else AM_E_NOTFOUND. */
struct rest_export_now {
    enum rest_export_state state;
    int err;
    int64_t at, n, rid, top;
    char name[EXPORT_WHO + 1]; /* the guard's, of who asked */
};
AM_CHECK int rest_export_look(struct rest_exports *x, struct str id, void *who,
                              struct rest_export_now *out);
/* Its files go, now or when the thread has stopped. */
AM_CHECK int rest_export_cancel(struct rest_exports *x, struct str id, void *who);
/* One that was done has failed: its files go. */
void rest_export_end(struct rest_exports *x, struct str id, int why);
AM_CHECK int rest_export_read(struct rest_exports *x, struct str id, const char *file,
                              struct buf *out);
/* sealed: memory for many, or NULL. */
AM_CHECK int rest_export_write(struct rest_exports *x, const char *id, const char *file,
                               struct str text, struct buf *sealed);
/* ---- rest_export_filter.c: _typeFilter ---- */
/* "filters": [{type, query}] of the job, each looked at: AM_E_SYNTAX with problems. A
 * comma begins another filter where a type and a question mark follow it. */
AM_CHECK int rest_export_filters(struct rest_call *c, const struct rest_types *types,
                                 struct jw *w);
/* What they find, of each type: sorted, least rid first, each once. */
struct rest_export_set {
    struct str type;
    struct eds_rids rid;
};
struct rest_export_sets {
    struct rest_export_set *v;
    size_t n, cap;
};
/* goes_on: asked before each; what it returns but AM_OK ends it. */
AM_CHECK int rest_export_sets(struct rest_call *c, struct eds_view *v,
                              const struct json *filters, int (*goes_on)(void *arg),
                              void *arg, struct rest_export_sets *out);
void rest_export_sets_release(struct rest_export_sets *s);
/* Of a type without a filter all is in it. */
bool rest_export_in(const struct rest_export_sets *s, const char *type, int64_t rid);

/* ---- rest_export_gone.c: what was deleted ---- */
/* Of these types, since then; of patients: of any (n 0), or of those. Newest first. */
struct rest_export_gone {
    struct rest_call *c;
    struct eds_view *v;
    const struct rest_types *types;
    int64_t since;
    bool of_patients;
    const struct str *id;
    size_t n;
    int (*fn)(void *arg, const struct eds_meta *m);
    void *arg;
};
AM_CHECK int rest_export_gone(struct rest_export_gone *g);

/* rest_export_run.c: all of it, manifest included. */
AM_CHECK int rest_export_run(struct rest_exports *x, struct rest_export *job);

#endif
