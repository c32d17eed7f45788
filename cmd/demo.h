/* SPDX-License-Identifier: Apache-2.0 */
/* demo -- the main job end to end (cmd_demo.c): what its files share.
 *
 * The demo is a client: it starts the servers as processes and talks to their public HTTP
 * API, uses the other commands of this program as processes, and keeps the actors' keys,
 * as each actor would. It never calls the domain modules. */
#ifndef DEMO_H
#define DEMO_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/vec.h"
#include "crypto/crypto.h"
#include "http/http.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "text/text.h"

#define DEMO_TRAINING "ai-demo-1" /* what the demo's version asks of its users */

enum { DEMO_SITES = 4, DEMO_INPUTS = 16, DEMO_PATH = 1024, DEMO_PILOTS = 2 };
/* Of 50 ms: two minutes, for machines that do many other things. */
enum { DEMO_POLLS = 2400 };

struct demo_actor {
    const char *name; /* "vendor" */
    const char *role, *function, *org, *gst, *establishment;
    struct crypto_key *key;
    char key_id[CRYPTO_HEX];
};

struct demo_row { /* one patient */
    double x[DEMO_INPUTS];
    int label;
    char id[40];
};
struct demo_site {
    char name[32], gst[32], establishment[32], node[8];
    VEC(struct demo_row) train, bench, held;
    /* its node */
    char dir[DEMO_PATH], url[128], witness_vkey[512], service_spki[512], admin_token[128];
    char physician_token[128];
    unsigned port;
    int pid;
};

struct demo {
    enum text_lang lang;
    bool serve, quiet, real;
    unsigned until; /* last step to do */
    char dir[DEMO_PATH], program[DEMO_PATH], data[DEMO_PATH];
    unsigned step;
    int64_t started_at;
    struct http_client *http;
    FILE *record; /* --record: every exchange, one JSON line each; else NULL */
    struct diag d;

    struct json_doc *cohort; /* demo/cohort-*.json */
    struct demo_site site[DEMO_SITES];
    size_t inputs;

    char url[128], registry_dir[DEMO_PATH], genesis[CRYPTO_HEX], admin_token[128];
    char type_base[128];
    unsigned port;
    int pid;
    char vendor_token[128], bench_token[128];

    char algorithm_id[64], model_hex[CRYPTO_HEX], weights_hex[CRYPTO_HEX],
        canonical[CRYPTO_HEX], policy_hex[CRYPTO_HEX], notice_hex[CRYPTO_HEX],
        sbom_hex[CRYPTO_HEX];
    char deployment[DEMO_PILOTS][CRYPTO_HEX], version_payload[CRYPTO_HEX];
    double threshold, ridge;
    int64_t frozen_at;    /* of the threshold */
    VEC(char *) evidence; /* payload digests */
    char evidence_blob[CRYPTO_HEX];
    char level[16], outcome[16];
    char stop_order[CRYPTO_HEX];
    int64_t stop_ms[DEMO_PILOTS]; /* from the order to the first refusal there */

    /* For report.html. */
    struct buf report; /* the steps: [{n, title, seconds, lines}] */
    struct jw w;
    struct buf facts; /* one object: each step adds its members */
    struct jw f;
    struct json_doc *policy, *verdicts; /* as the registry and `policy eval` gave them */
};

/* ---- telling (demo_tell.c)
 * ------------------------------------------------------------- */
void demo_title(struct demo *m, const char *id);
/* A line of narration: catalogue id and up to 6 pairs name, value. */
#define demo_say(m, ...) demo_say_pairs((m), __VA_ARGS__, (const char *)NULL)
void demo_say_pairs(struct demo *m, const char *id, ...);
int demo_fail(struct demo *m, const char *what, const char *detail); /* AM_E_INTERNAL */
/* Values for demo_say, written out in each language of the report: kept in a ring, good
 * for one line. */
const char *demo_num(struct demo *m, double v, int decimals);
const char *demo_int(struct demo *m, int64_t v);
const char *demo_short(const char *hex); /* first 12 digits */
const char *demo_word(struct demo *m, const char *prefix,
                      const char *code); /* translated: message PREFIX.CODE */
/* A text of a record, {fr, ar, en}; kept until the end. */
const char *demo_words(struct demo *m, const struct json *v);

/* ---- processes (demo_run.c)
 * ----------------------------------------------------------------- */
/* Runs the program with these arguments, waits; out gets stdout. Exit code, or -1. */
int demo_tool(struct demo *m, struct buf *out, const char *const *argv);
/* Starts a server; reads its ready line; *pid. */
AM_CHECK int demo_server(struct demo *m, const char *const *argv, const char *log,
                         int *pid);
void demo_stop_server(int *pid);
unsigned demo_free_port(void);

/* ---- HTTP (demo_http.c)
 * ------------------------------------------------------------------------ */
struct demo_reply {
    int status;
    struct buf body;
    struct json_doc *doc;
    const struct json *v; /* root of doc, or NULL */
};
void demo_reply_release(struct demo_reply *r);
/* From here on every exchange is written there, for its owner only: passwords are among
 * them. */
AM_CHECK int demo_record_open(struct demo *m, const char *path);
AM_CHECK int demo_call(struct demo *m, enum http_method method, const char *base,
                       const char *path, const char *token, struct str body,
                       struct demo_reply *r);
/* Expects a status; otherwise says what came instead and fails. */
AM_CHECK int demo_expect(struct demo *m, enum http_method method, const char *base,
                         const char *path, const char *token, struct str body, int status,
                         struct demo_reply *r);
/* Waits until the node has folded `size` entries under a quorum, at most 20 s. */
AM_CHECK int demo_wait_size(struct demo *m, const struct demo_site *s, int64_t size);
AM_CHECK int demo_wait_cosigned(struct demo *m, int64_t size);

/* ---- records (demo_record.c)
 * ---------------------------------------------------------------------- */
struct demo_sub { /* ${name} becomes this JSON text */
    const char *name;
    struct str json;
};
AM_CHECK int demo_template(const char *file, const struct demo_sub *sub, size_t n,
                           struct buf *out);
/* JSON string literals and numbers, kept in the arena of the demo step. */
struct str demo_q(struct arena *a, const char *z);
struct str demo_now(struct arena *a); /* quoted, to the second */
/* Signs the record as the actor, posts it, tells the outcome; receipt: {index...}. */
AM_CHECK int demo_submit(struct demo *m, enum ledger_kind kind, struct str record,
                         const struct demo_actor *who, struct demo_reply *receipt);
AM_CHECK int demo_envelope(struct demo *m, enum ledger_kind kind, struct str record,
                           const struct demo_actor *who, struct buf *envelope);
/* demo_complete.c: groups of the training data; signature and twin added to a record. */
struct str demo_representativeness(struct demo *m, struct arena *a);
AM_CHECK int demo_complete(struct demo *m, struct buf *record);
/* demo_tender.c: the bill of materials uploaded; JSON of two members of the record; the
 * product asked about before and after its deposit. demo_event: in demo_step_label.c. */
AM_CHECK int demo_sbom(struct demo *m, char hex[CRYPTO_HEX]);
struct str demo_certificates(const struct demo *m, struct arena *a);
struct str demo_interoperability(const struct demo *m);
AM_CHECK int demo_tender(struct demo *m);
AM_CHECK int demo_event(struct demo *m, const char *who, struct str members);
struct demo_actor *demo_actor(const char *name);
AM_CHECK int demo_make_actors(struct demo *m);
AM_CHECK int demo_put_blob(struct demo *m, const char *token, struct str data,
                           char hex[CRYPTO_HEX]);

/* ---- data (demo_data.c)
 * ------------------------------------------------------------------------------ */
AM_CHECK int demo_load_data(struct demo *m);
AM_CHECK int demo_write_train(struct demo *m, const char *path);
AM_CHECK int demo_write_bench(struct demo *m, const char *dir);
/* FHIR Bundle of one patient. age_shift moves the birth date. */
AM_CHECK int demo_bundle(struct demo *m, const struct demo_row *row, int age_override,
                         struct buf *out);
const struct json *demo_input(const struct demo *m, size_t i);

/* ---- the steps
 * --------------------------------------------------------------------------------------------
 */
int demo_step_actors(struct demo *m);
int demo_step_fit(struct demo *m);
int demo_step_declare(struct demo *m);
int demo_step_bench(struct demo *m);
int demo_step_decide(struct demo *m);
int demo_step_deploy(struct demo *m);
int demo_step_predict(struct demo *m);
int demo_step_stop(struct demo *m);
int demo_step_verify(struct demo *m);
/* DIR/report.html in the reader's language, report.LANG.html in the two others. */
int demo_report(struct demo *m);
/* Its data, for the template demo_report.html (demo_report_data.c). */
AM_CHECK int demo_report_data(struct demo *m, enum text_lang l, struct jw *w);
/* DIR/world.json: addresses, folders and tokens, for scripts that go on from here. */
AM_CHECK int demo_world(struct demo *m);

#endif
