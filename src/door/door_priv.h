/* SPDX-License-Identifier: Apache-2.0 */
/* Private to door: a caller on his way through a request, and what the files share. */
#ifndef DOOR_PRIV_H
#define DOOR_PRIV_H

#include <limits.h>

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "door/door.h"
#include "door/door_tbl.h"

enum door_verb {
    DOOR_C = 1 << 0,
    DOOR_R = 1 << 1,
    DOOR_U = 1 << 2,
    DOOR_D = 1 << 3,
    DOOR_S = 1 << 4,
    DOOR_X = 1 << 5, /* bulk export */
    DOOR_I = 1 << 6, /* bulk import, of services only */
    DOOR_P = 1 << 7  /* DOOR_C for who comes by a page */
};
enum door_reach { DOOR_NOWHERE, DOOR_CARE, DOOR_HOUSE };

enum {
    DOOR_PATIENTS = 8,  /* of one resource; more: only who reaches all sees it, */
    DOOR_CROWD = 20000, /* where none of these opposes */
    DOOR_UNCLEARS = 1024,
    DOOR_LOOKED = 2200,   /* resources of a request whose patients are remembered */
    DOOR_RECORD = 1 << 20 /* bytes of a record, before it goes on in another */
};

enum { DOOR_SCOPES = 64 };
struct door_scope {
    struct str text, type;
    bool all; /* every type */
    unsigned verbs;
    const struct fhir_ask *where; /* NULL: the whole of it */
};
struct door_scopes {
    struct arena arena;
    struct fhir_row_key key;
    struct door_scope v[DOOR_SCOPES];
    size_t n;
};

struct door_known;
struct door {
    struct door_known *known;
    struct auth *auth;
    struct eds *eds;
    struct door_trail *trail;
    _Atomic(int64_t) unclear[DOOR_UNCLEARS]; /* rids of Consents, told to the operator */
    char establishment[LEDGER_ID_MAX], base[512], former[REST_FORMER], dir[PATH_MAX];
    _Atomic(int64_t) unclear_at; /* when he was told of one there was no room for */
};

/* What decides whether a resource may be seen. */
struct door_facts {
    char type[65];
    char patient[DOOR_PATIENTS][EDS_ID_MAX + 1];
    size_t patients;
    bool many;    /* more than that, or of who cannot be found out */
    bool crowd;   /* more than that, or than is read to find out: perhaps one opposes */
    bool follow;  /* others say whose it is: door_whose() */
    bool machine; /* a model said it and nobody has validated it */
};

struct door_looked { /* for the record: whose the resources told of are */
    uint64_t name;
    int64_t ver; /* whose text was judged; 0: of what was not told */
    unsigned char patients;
    bool crowd; /* and more, which that text tells */
    char patient[DOOR_PATIENTS][EDS_ID_MAX + 1];
};

enum {
    DOOR_RELATED = 1,
    DOOR_UNRELATED = 2,
    DOOR_OPPOSED = 4,
    DOOR_WILLING = 8,
    DOOR_UNCLEAR = 16 /* beside DOOR_WILLING: something in it was not understood */
};
struct door_caller {
    struct door *door;
    bool anybody; /* nobody in particular */
    bool service; /* client and scopes, not who */
    bool files;   /* a service that keeps and tells nobody: oppositions are not to it */
    bool page;    /* by door_ask() */
    bool command; /* by door_command_begin(): who.pseudonym is of the system */
    bool glass, ended; /* of a command: it breaks the glass; it is over, with `code` */
    int code;
    int64_t hidden;
    bool by_session;  /* `login` is a session, else a token */
    struct str login; /* borrowed from the request; empty: none */
    struct auth_account who;
    struct auth_client client;
    struct door_scopes scopes;
    unsigned looks; /* verbs that what is looked at has to allow, all of them */
    char peer[64], reason[DOOR_REASON + 1];
    char why[DOOR_REASON + 1]; /* the reason of a command, which breaks no glass */
    struct map patient;        /* id -> bits above, as found out in this request */
    struct door_looked *looked;
    size_t n_looked, cap_looked;
    char (*wrote)[EDS_ID_MAX + 1]; /* patients of what was to be written, each once */
    size_t n_wrote, cap_wrote;
    struct map wrote_at; /* id -> where */
    struct buf parts;    /* entries of a Bundle, JSON apart by commas */
};

/* ---- door_who.c ---- */
void door_caller_init(struct door_caller *c, struct door *d);
void door_caller_release(struct door_caller *c);
/* AM_E_UNAUTHORIZED; AM_E_FORBIDDEN: of another house. */
AM_CHECK int door_identify(struct door_caller *c, const struct http_req *q);
bool door_at_home(const struct door_caller *c); /* of this establishment, or a service */
/* X-Break-Glass. AM_E_SYNTAX: no reason of 8 to 400 bytes of text; AM_E_FORBIDDEN: not
 * for who has no patients. */
AM_CHECK int door_glass(struct door_caller *c, const struct http_req *q);

/* ---- door_role.c: the tables ---- */
unsigned door_verbs(const char *letters);
/* What a role may do with a type, and whose. */
unsigned door_granted(enum ledger_role role, struct str type, enum door_reach *reach);
bool door_cares(enum ledger_role role); /* some grant reaches by care */
/* '-', '*', or the verb; 0: not declared. *type: where the path names none. */
char door_interaction(struct str name, struct str *type);
/* The caller's verbs for a type. */
unsigned door_may_verbs(const struct door_caller *c, struct str type,
                        enum door_reach *reach);
int door_may(void *arg, const struct rest_access *a); /* for struct rest_guard */
/* What is exported has to allow its caller that. */
unsigned door_export_looks(const struct door_caller *c);

/* ---- door_scope.c: SMART v2 scopes ---- */
void door_scopes_init(struct door_scopes *s, const struct fhir_row_key *key);
void door_scopes_release(struct door_scopes *s);
/* Adds those of a text. AM_E_SYNTAX: one is not understood, or there is none;
 * AM_E_TOOBIG. */
AM_CHECK int door_scopes_read(struct door_scopes *s, struct str text);
bool door_scope_parts(const struct door_scopes *s); /* is some scope of a part only? */
bool door_scope_covers(const struct door_scopes *had, const struct door_scope *want);
unsigned door_scope_verbs(const struct door_scopes *s, struct str type);
/* Does, for each verb, some scope hold that resource? */
AM_CHECK int door_scope_sees(const struct door_scopes *s, struct str type, unsigned verbs,
                             const struct json *resource, bool *yes);

/* ---- door_token.c, door_event_http.c: what rest knows nothing of; false: not theirs */
bool door_oauth(struct door *d, struct str path, struct http_req *q, struct http_resp *a,
                int *err);
bool door_audit_events(struct door_caller *c, const char *mount, struct http_req *q,
                       struct http_resp *a, int *err);

/* ---- door_keep.c: for struct rest_guard ---- */
int door_keep(void *arg, void *who, struct buf *name);
int door_again(void *arg, struct str name, void **who);
void door_drop(void *arg, void *who);
bool door_his(void *arg, struct str name, void *who);
int door_stand(void *arg, void *who, struct buf *name);
bool door_told(void *arg, void *who, struct str type);

/* ---- door_facts.c ---- */
/* Its patients too. */
void door_facts_add(struct door_facts *f, const struct door_facts *more);
void door_facts(const struct json *resource, const struct door *d,
                struct door_facts *out);
/* Each patient that it names, as often as it does; AM_OK goes on. */
typedef int door_patient_fn(void *arg, struct str id);
AM_CHECK int door_facts_each(const struct json *resource, const struct door *d,
                             door_patient_fn *fn, void *arg);
/* Can a reference to that lead to a patient? */
bool door_follows(struct str type, struct str id);
/* rest_below() of the door's addresses. */
struct str door_below(const struct door *d, struct str reference);

/* ---- door_whose.c: patients that others name ---- */
/* Adds them where f->follow. v NULL: the resource is about to be written. */
AM_CHECK int door_whose(const struct door *d, struct eds_view *v,
                        const struct json *resource, struct door_facts *f);

/* ---- door_known.c: facts by rid, of the versions last looked at; any thread ---- */
AM_CHECK int door_known_new(struct door_known **out);
void door_known_free(struct door_known *k); /* NULL is fine */
bool door_known_get(struct door_known *k, uint64_t epoch, int64_t rid,
                    struct door_facts *f, char id[EDS_ID_MAX + 1]);
void door_known_put(struct door_known *k, uint64_t epoch, int64_t rid,
                    const struct door_facts *f, struct str id);
void door_known_stats(struct door_known *k, uint64_t *asked, uint64_t *met);

/* ---- door_see.c: the visibility predicate ---- */
int door_see(void *arg, const struct rest_look *l, bool *yes);
int door_fit(void *arg, const struct rest_fit *f, struct diag *d);

/* ---- door_machine.c: what models say ---- */
bool door_tagged(const struct json *resource);   /* AIAST */
bool door_labelled(const struct json *resource); /* the same; a Provenance never */
bool door_open(const struct json *resource);     /* ... and nobody stands for it yet */
/* May he write that? For struct rest_guard's fit. */
AM_CHECK int door_machine_fit(struct door_caller *c, const struct rest_fit *f,
                              struct diag *d);

/* ---- door_care.c ---- */
/* Bits for a patient, found out once in a request; of his care only where `care`. view
 * NULL: one of its own. */
AM_CHECK int door_patient(struct door_caller *c, struct eds_view *v, struct str id,
                          bool care, unsigned *bits);

/* ---- door_oppose.c ---- */
enum door_says { DOOR_SAYS_NOTHING, DOOR_SAYS_UNCLEAR, DOOR_SAYS_NO };
enum door_says door_consent_says(const struct door_caller *c, const struct json *consent);

/* ---- door_note.c ---- */
int door_note(void *arg, const struct rest_access *a); /* a rest_audit_fn */

#endif
