/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_snapshot -- all that a fold holds, byte by byte, to see that a statement without
 * effect changes nothing but its own line and what says so (doc/adr/0020). Only tests
 * include this file.
 *
 * The line: its entry, the entry of the same payload that now points at it, its outcome,
 * the name of a stranger. What says so: the history of the version and of the deployment
 * it is about. All else is compared, padding too, so that a field added later is compared
 * without a word here; a list added later is a difference until it is named here. Maps
 * are left out: a name without an object is harmless (ledger_priv.h).
 *
 *     assert_ok(snapshot_apply(l, leaf));    ledger_apply(), watched
 *
 * which every statement of a test passes that includes this before ledger_testkit.h; or,
 * over copies of a state (ledger_fork.h), snapshot_take() of the one and snapshot_same()
 * of the other. */
#ifndef LEDGER_SNAPSHOT_H
#define LEDGER_SNAPSHOT_H

#include "base/test.h"
#include "ledger/ledger_priv.h"

#define TK_FOLD snapshot_apply /* of ledger_testkit.h: every statement of a test */

enum { SNAPSHOT_MAX = 64 << 20 };
struct snapshot {
    struct buf *kept;
    size_t at; /* compared so far */
    bool compares, differs;
};

static void snap(struct snapshot *s, const void *p, size_t n)
{
    if (!n || s->differs)
        return;
    if (!s->compares)
        assert_ok(buf_add(s->kept, (struct str){p, n}));
    else if (s->kept->n - s->at < n || memcmp(s->kept->p + s->at, p, n) != 0)
        s->differs = true;
    s->at += n;
}

static void snap_text(struct snapshot *s, const char *text)
{
    snap(s, text ? text : "-", text ? strlen(text) + 1 : 1);
}

#define SNAP_ALL(s, vec) snap(s, (vec)->v, (vec)->n * sizeof *(vec)->v)
#define SNAP_APART(vec)  ((vec).v = NULL, (vec).cap = 0) /* its elements come after */
#define SNAP_WHOLE(s, vec)                                                               \
    do {                                                                                 \
        snap(s, &(vec)->n, sizeof(vec)->n);                                              \
        SNAP_ALL(s, vec);                                                                \
    } while (0)
#define SNAP_NAMES(s, vec)                                                               \
    do {                                                                                 \
        snap(s, &(vec)->n, sizeof(vec)->n);                                              \
        for (size_t name_ = 0; name_ < (vec)->n; name_++)                                \
            snap_text(s, (vec)->v[name_]);                                               \
    } while (0)
/* X(list of a version whose elements are plain bytes) */
#define SNAP_VERSION_LISTS(X)                                                            \
    X(v.evidence)                                                                        \
    X(rows)                                                                              \
    X(run)                                                                               \
    X(sealed)                                                                            \
    X(vigilance)                                                                         \
    X(deposit)                                                                           \
    X(stop)                                                                              \
    X(deployment)                                                                        \
    X(fact)
#define SNAP_VERSION_NAMES(X)                                                            \
    X(v.scope_gst)                                                                       \
    X(v.scope_establishment)                                                             \
    X(use)

static void snap_version(struct snapshot *s, const struct ledger_verrec *from)
{
    struct ledger_verrec v;
    memcpy(&v, from, sizeof v);
    memset(&v.v.history, 0, sizeof v.v.history);
#define X(list) SNAP_APART(v.list);
    SNAP_VERSION_LISTS(X)
    SNAP_VERSION_NAMES(X)
#undef X
    snap(s, &v, sizeof v);
#define X(list) SNAP_ALL(s, &from->list);
    SNAP_VERSION_LISTS(X)
#undef X
#define X(list) SNAP_NAMES(s, &from->list);
    SNAP_VERSION_NAMES(X)
#undef X
}

static void snap_deployment(struct snapshot *s, const struct ledger_deprec *from)
{
    struct ledger_deprec p;
    memcpy(&p, from, sizeof p);
    memset(&p.p.history, 0, sizeof p.p.history);
    SNAP_APART(p.p.service);
    snap(s, &p, sizeof p);
    SNAP_NAMES(s, &from->p.service);
}

static void snap_stop(struct snapshot *s, const struct ledger_stoprec *from)
{
    struct ledger_stoprec o;
    memcpy(&o, from, sizeof o);
    SNAP_APART(o.s.ack);
    snap(s, &o, sizeof o);
    SNAP_ALL(s, &from->s.ack);
}

static void snap_fact(struct snapshot *s, const struct ledger_factrec *from)
{
    struct ledger_factrec f;
    memcpy(&f, from, sizeof f);
    f.place = f.org = NULL;
    snap(s, &f, sizeof f);
    snap_text(s, from->place);
    snap_text(s, from->org);
}

static void snap_case(struct snapshot *s, const struct ledger_case *from)
{
    struct ledger_case c;
    memcpy(&c, from, sizeof c);
    SNAP_APART(c.trace);
    SNAP_APART(c.term);
    SNAP_APART(c.history); /* of a case: what took effect */
    snap(s, &c, sizeof c);
    SNAP_ALL(s, &from->trace);
    SNAP_ALL(s, &from->term);
    SNAP_ALL(s, &from->history);
}

/* X(list of the ledger whose elements are plain bytes) */
#define SNAP_LISTS(X)                                                                    \
    X(key)                                                                               \
    X(algorithm)                                                                         \
    X(node)                                                                              \
    X(voided)                                                                            \
    X(deposit)                                                                           \
    X(sandbox)                                                                           \
    X(recusal)                                                                           \
    X(unanswered)
/* X(list, one element) */
#define SNAP_OBJECTS(X)                                                                  \
    X(version, snap_version)                                                             \
    X(deployment, snap_deployment)                                                       \
    X(stop, snap_stop)                                                                   \
    X(fact, snap_fact)                                                                   \
    X(vigilance, snap_case)
/* X(member that is left out: the line, and maps) */
#define SNAP_LEFT_OUT(X)                                                                 \
    X(verifier)                                                                          \
    X(entry)                                                                             \
    X(firsts)                                                                            \
    X(outcome)                                                                           \
    X(stranger)                                                                          \
    X(by_key)                                                                            \
    X(by_stranger)                                                                       \
    X(by_algorithm)                                                                      \
    X(by_version)                                                                        \
    X(by_deployment)                                                                     \
    X(by_stop)                                                                           \
    X(by_node)                                                                           \
    X(by_case)                                                                           \
    X(by_deposit)                                                                        \
    X(by_sandbox)                                                                        \
    X(by_fact)                                                                           \
    X(by_house)

static void snap_ledger(struct snapshot *s, const struct ledger *from)
{
    struct ledger l;
    memcpy(&l, from, sizeof l);
#define X(member) memset(&l.member, 0, sizeof l.member);
    SNAP_LEFT_OUT(X)
#undef X
#define X(list) SNAP_APART(l.list);
    SNAP_LISTS(X)
#undef X
#define X(list, one) SNAP_APART(l.list);
    SNAP_OBJECTS(X)
#undef X
    memset(l.list, 0, sizeof l.list);
    snap(s, &l, sizeof l);
#define X(list) SNAP_ALL(s, &from->list);
    SNAP_LISTS(X)
#undef X
#define X(list, one)                                                                     \
    for (size_t i = 0; i < from->list.n; i++)                                            \
        one(s, &from->list.v[i]);
    SNAP_OBJECTS(X)
#undef X
    for (int x = 0; x < LEDGER_LISTS; x++) {
        SNAP_WHOLE(s, &from->list[x].newest);
        SNAP_WHOLE(s, &from->list[x].older);
    }
}

/* The first n entries; `next` of one of them is part of a later line. */
static void snap_entries(struct snapshot *s, const struct ledger *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry e;
        memcpy(&e, &l->entry.v[i], sizeof e);
        e.next = 0;
        snap(s, &e, sizeof e);
    }
}

static inline void snapshot_take(const struct ledger *l, struct buf *out)
{
    struct snapshot s = {.kept = out};
    buf_clear(out);
    snap_ledger(&s, l);
    snap_entries(&s, l, l->entry.n);
}

/* Is l, one line longer, what the snapshot holds? */
static inline bool snapshot_same(const struct ledger *l, struct buf *kept)
{
    struct snapshot s = {.kept = kept, .compares = true};
    snap_ledger(&s, l);
    snap_entries(&s, l, l->entry.n - 1);
    return !s.differs && s.at == kept->n;
}

/* ledger_apply(), and a statement that takes no effect has changed nothing. */
static inline int snapshot_apply(struct ledger *l, struct str leaf)
{
    struct buf before;
    int err;
    buf_init(&before, SNAPSHOT_MAX);
    snapshot_take(l, &before);
    err = ledger_apply(l, leaf);
    if (!err && ledger_outcome(l, ledger_size(l) - 1)->effect != LEDGER_IN_EFFECT &&
        !snapshot_same(l, &before))
        fail_msg("entry %llu (%s) took no effect and changed the state",
                 (unsigned long long)ledger_size(l) - 1,
                 ledger_outcome(l, ledger_size(l) - 1)->code);
    buf_release(&before);
    return err;
}

#endif
