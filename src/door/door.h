/* SPDX-License-Identifier: Apache-2.0 */
/* door -- who may enter the FHIR interface of a node, what he may do and see there, and
 * the record of it.
 *
 * Who: an account of `auth` (session or token), or a service with an access token. What:
 * the table of roles (door_tbl.h), or the scopes of the service. Which patients: those
 * with a care relation, unless a reason is given (break-glass), which is recorded as
 * such. What a patient has opposed, and what a model said and nobody has validated, is
 * hidden by the same predicate, which `rest` asks of everything read, found, followed or
 * changed.
 *
 * Invariants
 *   I1  what is not granted is refused; an interaction nobody has declared too;
 *   I2  no reply with data, and no write, without its record on the disk (door/trail.h);
 *   I3  what may not be seen is as if it were not there: it is not counted, included,
 *       chained through, nor told apart from what never was; writing to it is 403;
 *   I4  nothing of a token, a key or a patient is in the operator's log.
 *
 * Memory:  a caller per request. Threads: any, after door_new(). */
#ifndef DOOR_H
#define DOOR_H

#include "auth/auth.h"
#include "door/trail.h"
#include "http/http.h"
#include "rest/rest.h"

struct door;
struct door_config {
    struct auth *auth;         /* borrowed */
    const char *establishment; /* accounts of other houses are refused; NULL: any */
    const char *dir;           /* data folder: DIR/access, DIR/keys/access.key */
    struct eds *eds;           /* borrowed */
    const char *base;          /* "http://host/fhir", copied */
    const char *former;        /* as in struct rest_config; copied; NULL: none */
};
AM_CHECK int door_new(struct door **out, const struct door_config *c);
void door_free(struct door *d); /* NULL is fine; after rest_free() */
/* Puts the door before an interface: guard and audit of its configuration. */
void door_before(struct door *d, struct rest_config *rc);
/* A request under `mount`, for an interface that the door stands before. */
int door_http(struct door *d, struct rest *r, const char *mount, struct http_req *q,
              struct http_resp *a);
/* A service that enters by another way than HTTP (the HL7 v2 listener), by its name in
 * `amane node client`: its scopes, its record, and what it hands in is kept though the
 * patient opposes being looked at. `who` of one request of rest; its peer, for the
 * record. AM_E_UNAUTHORIZED: no such service, or closed. */
AM_CHECK int door_service(struct door *d, const char *client, const char *peer,
                          void **who);
void door_service_end(void *who); /* NULL is fine */

/* ---- pages of the node ---- */
struct door_guest {
    struct str session;      /* of auth */
    struct str peer, reason; /* reason: of who breaks the glass; empty: nobody does */
};
enum { DOOR_REASON_MIN = 8, DOOR_REASON = 400 }; /* bytes of a reason */
/* A request of who has that session, as if it had come to /fhir; who writes for him has
 * seen his CSRF token. AM_E_UNAUTHORIZED; AM_E_FORBIDDEN: of another house, or a reason
 * of who has no patients; AM_E_SYNTAX: no reason. Else AM_OK and *a is filled. */
AM_CHECK int door_ask(struct door *d, struct rest *r, const struct door_guest *g,
                      const struct rest_request *q, struct rest_answer *a);
/* Does the table grant it to a page? verb: c r u d s x. For what a page offers: only
 * door_ask() decides. */
bool door_grants(enum ledger_role role, const char *type, char verb);
bool door_breaks(enum ledger_role role); /* may it break the glass? */
/* Text of 8 to 400 bytes without controls. */
bool door_reason_ok(struct str reason);

/* ---- the command line of the machine ---- */
/* A command that opens the warehouse beside /fhir, from its first record to its last. It
 * reaches every type and patient; what a patient opposes, for whatever purpose, and what
 * a model said and nobody has validated, is hidden from it by the predicate of /fhir,
 * unless it breaks the glass. One owner. */
struct door_command;
struct door_command_ask {
    const char *verb;    /* "eds-export" */
    const char *who;     /* a pseudonym of who types it, 32 bytes at most */
    const char *host;    /* name of the machine; NULL */
    const char *what;    /* store and options, for the record */
    const char *patient; /* whom it is about; NULL: nobody in particular */
    const char *reason;  /* as door_reason_ok(); NULL: none */
    bool glass;          /* what is hidden too; wants a reason */
};
/* Its first record is on the disk; auth of the configuration may be NULL. AM_E_SYNTAX:
 * the reason; else what was wrong with the record, and then nothing is to be done. */
AM_CHECK int door_command_begin(struct door_command **out, const struct door_config *c,
                                const struct door_command_ask *a);
/* May it be told? Then door_command_tell(), at once, of what is; and door_command_told()
 * before a byte of that leaves: the record of it is on the disk. */
AM_CHECK int door_command_sees(struct door_command *k, struct eds_view *v,
                               const struct eds_meta *m, struct str body, bool *yes);
AM_CHECK int door_command_tell(struct door_command *k, const struct eds_meta *m);
AM_CHECK int door_command_told(struct door_command *k);
int64_t door_command_hidden(const struct door_command *k); /* looked at and not shown */
/* The last record: the exit code. */
AM_CHECK int door_command_end(struct door_command *k, int code);
void door_command_free(struct door_command *k); /* NULL is fine */

/* Can these scopes be read ("system/Observation.rs?category=laboratory")? AM_E_SYNTAX. */
AM_CHECK int door_scope_check(struct str scopes);

/* ---- the record, as AuditEvents ---- */
struct door_events {
    const char *dir;              /* data folder */
    struct str patient, agent;    /* empty: any; agent: a pseudonym, or a service */
    struct str subtype, security; /* tokens, as in a search; empty: any */
    struct str date[2]; /* as in a search: "ge2026-11-01", both hold; empty: any */
};
typedef int door_event_fn(void *arg, struct str event); /* JSON; AM_OK goes on */
/* Oldest first. AM_E_SYNTAX: the date; AM_E_TAMPERED: the chain is broken there. */
AM_CHECK int door_events(const struct door_events *e, door_event_fn *fn, void *arg);
/* The newest first, below record *below (0: from the end), until fn says so (a positive
 * number) or enough was looked at: DOOR_EVENTS_LOOKED records opened, DOOR_EVENTS_FILES
 * files read, or, of who asks by patient, agent or date, eight times as many looked up in
 * their indexes (door_trail_index.c). *below: where to go on; 0: there is no more. */
enum { DOOR_EVENTS_LOOKED = 200000, DOOR_EVENTS_FILES = 8 };
AM_CHECK int door_events_back(const struct door_events *e, uint64_t *below,
                              door_event_fn *fn, void *arg);

void door_stats(struct door *d, struct door_trail_stats *out);
/* The key that opens the records; AM_E_NOTFOUND: there are none. */
AM_CHECK int door_trail_key(const char *dir, uint8_t key[DOOR_TRAIL_KEY]);

#endif
