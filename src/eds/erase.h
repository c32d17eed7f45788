/* SPDX-License-Identifier: Apache-2.0 */
/* eds/erase -- a patient taken out of the warehouse for good, and the proof that nothing
 * else was (doc/adr/0033-erasure.md).
 *
 * What goes: the Patient; every resource of a type that belongs to patients
 * (fhir_compartment_has) that names him by reference and no other Patient in any of its
 * versions; then, until nothing is added, what names no Patient at all and hangs on what
 * goes: a resource of such a type all whose references to such types go, a Binary that
 * only what goes names (AuditEvents not counted). A Provenance goes only with all its
 * targets, whoever it names. All versions of each. What names others too, is of another
 * type, is another Patient or an AuditEvent stays, and is told. So is what only a whole
 * address binds to what goes, be it a Binary or what names, say, his Encounter: such an
 * address may be ours or another server's.
 *
 * How: in one transaction the versions leave the tables. The links of the chain they
 * stood in keep their hash, but can be computed no more: before, each is computed from
 * what is kept and must be right; then an attest is kept beside it, a keyed hash of what
 * remains: whole leaves, and for an erased one its rid and a keyed hash of its leaf (the
 * blind). The erasure itself is a leaf with a rid and a link of its own, over who asked,
 * why, when, what rids, and the attests made. So eds_check() finds a version changed,
 * taken away or put back in an attested link as in any other.
 *
 *   erasure   rid, who, ground, reason...: names nobody
 *   erased    rid -> blind, version, tag: a keyed hash of Type/id, by which a read of
 *             that id is told apart from one that never was (eds_meta.erased), and a
 *             resource put there again goes on counting versions
 *   attest    link, erasure -> keyed hash; the newest erasure's counts
 *
 * Then the bytes: eds_scrub() makes anew the segments that hold rows of erased versions
 * and a dictionary learnt with them, seals all bodies without it, and has the database
 * write its files anew. It may be stopped or killed at any moment and called again; until
 * it is done `erasure.scrubbed` is 0. Copies made before (backups, archived WAL, files
 * that were imported from) are out of reach.
 *
 * Invariants
 *   E1  the rows of an erasure are there whole, with all it erases gone, or not at all;
 *   E2  nothing kept of it tells who was erased to whoever lacks the store's key;
 *   E3  what eds_check() found before is found after: an erasure over a damaged link is
 *       refused (AM_E_TAMPERED). A damaged body elsewhere is told, and stays as it is. */
#ifndef EDS_ERASE_H
#define EDS_ERASE_H

#include "eds/eds.h"

/* Why: the words of Regulation (EU) 2016/679, art. 17(1), and of law 09-08. */
#define EDS_GROUNDS(X)                                                                   \
    X("withdrawal") /* consent withdrawn */                                              \
    X("objection")  /* the person objects */                                             \
    X("expired")    /* kept long enough */                                               \
    X("unlawful")   /* should never have been processed */                               \
    X("order")      /* a law, a court or the authority orders it */                      \
    X("mistake")    /* another person's data under this name; test data */
bool eds_ground_ok(const char *ground);

/* Resources with a meta.tag of this system (any code) in their newest version that is no
 * deletion must be kept: an erasure that would take one is refused. Whoever may write the
 * tag is told by the door, and traced. */
#define EDS_RETENTION "urn:amane:retention"

enum { EDS_WHO_MAX = 200, EDS_REASON_MAX = 500 }; /* bytes */
enum eds_fate {
    EDS_GOES,
    EDS_RETAINED, /* would go, but has the tag */
    EDS_SHARED,   /* names another Patient, too, or is one, or hangs on what stays */
    EDS_FOREIGN,  /* of a type that does not belong to patients, or by a whole address */
    EDS_AUDIT,    /* an AuditEvent */
    EDS_DAMAGED   /* a version of it cannot be read: whom it names is not known */
};
struct eds_fated {
    enum eds_fate fate;
    struct str type, id; /* in the arena of the struct eds_erase */
};
struct eds_erase {
    struct str id;                     /* of the Patient */
    const char *who, *ground, *reason; /* reason may be NULL */
    bool dry;                          /* only looks */
    eds_progress_fn *progress;         /* may be NULL */
    void *arg;
    /* What became of what names him. */
    struct eds_fated *fated;
    size_t n_fated;
    int64_t resources, versions; /* that go */
    int64_t rid, at;             /* of the erasure */
    struct arena arena;
};
/* AM_E_NOTFOUND: no such Patient was ever, or he is erased; AM_E_FORBIDDEN: something
 * must be kept (fated tells what), nothing was erased; AM_E_INVALID: ground, who or
 * reason: none, too long, or a reason that has a name or a number of the patient;
 * AM_E_TAMPERED; AM_E_TIMEOUT: progress said stop. x is released in any case by
 * eds_erase_release(). Threads: no other write to him meanwhile; the command has the
 * store alone. */
AM_CHECK int eds_erase(struct eds *e, struct eds_erase *x);
void eds_erase_release(struct eds_erase *x);

/* What is left of erasures in the files. Nobody else may write or read meanwhile
 * (AM_E_UNAVAILABLE: somebody does). Nothing to do is AM_OK. */
AM_CHECK int eds_scrub(struct eds *e, eds_progress_fn *progress, void *arg);

/* The erasures there were, oldest first. fn as eds_version_fn. */
struct eds_erasure {
    int64_t rid, at, resources, versions;
    struct str who, ground, reason;
    bool scrubbed;
};
typedef int eds_erasure_fn(void *arg, const struct eds_erasure *x);
AM_CHECK int eds_erasures(struct eds_view *v, eds_erasure_fn *fn, void *arg);

#endif
