/* SPDX-License-Identifier: Apache-2.0 */
/* From an envelope to an index. The fold never holds an entry that is not durable: a
 * statement is admitted against the fold, logged, and folded when its checkpoint is on
 * disk. Two statements that race may both be logged; the fold gives the second no effect
 * and its receipt says so. */
#include "registry/registry_priv.h"

#include "base/clock.h"
#include "base/log.h"

#define REGISTRY_SKEW (5 * 60 * TIME_SECOND) /* clocks that differ a little */

static int registry_check_kind(struct registry *r, enum ledger_kind kind,
                               const struct json *record, struct diag *d)
{
    int err = json_schema_check(r->schema[kind], record, d);
    if (err && err != AM_E_INVALID)
        return err;
    /* The checks that need the rest of the world still run on a record with holes: the
     * author wants every problem at once. */
    switch (kind) {
    case LEDGER_ALGORITHM:
        err = registry_check_algorithm(r, record, d);
        break;
    case LEDGER_VERSION:
        err = registry_check_version(r, record, d);
        break;
    case LEDGER_EVIDENCE:
        err = registry_world_evidence(r, record, d);
        break;
    case LEDGER_DECISION:
        registry_rule_decision(record, d);
        break;
    case LEDGER_DEPLOYMENT:
        err = registry_world_deployment(r, record, d);
        break;
    default:
        break;
    }
    if (err && err != AM_E_INVALID)
        return err;
    /* What programs state by themselves has no free text. */
    if (!json_str_is(json_get(json_get(record, "issuer"), "role"), "system") &&
        registry_personal(record, d))
        return AM_E_NOMEM;
    return diag_result(d);
}

int registry_check(struct registry *r, enum ledger_kind kind, const struct json *record,
                   struct diag *d)
{
    struct diag unread;
    int err;
    diag_init(&unread);
    err = registry_check_kind(r, kind, record, d ? d : &unread);
    diag_release(&unread);
    return err;
}

struct registry_submission {
    struct registry *r;
    struct ledger_envelope env;
    struct ledger_ready ready; /* parsed once; the fold gets it as it is */
    struct registry_carried with;
    struct buf spki;
    struct ledger_outcome outcome;
    struct diag *d;
    uint64_t index;
};

/* Under the read lock: who signed, and is the signature good. The genesis is never
 * submitted: registry_init() writes it. */
static int registry_authorise(struct registry_submission *s)
{
    const struct ledger *l = s->r->ledger;
    const struct ledger_key *k = ledger_key_find(l, s->env.keyid);
    int err;
    if (!k) {
        diag_err(s->d, "/signatures/0/keyid", "key.unknown",
                 "this key is not in the directory");
        return AM_E_FORBIDDEN;
    }
    err = buf_add(&s->spki, buf_str(&k->spki));
    if (err)
        return err;
    err = ledger_signature(l, s->env.keyid, s->ready.payload, buf_str(&s->env.sig));
    if (err == AM_E_NOMEM || !err)
        return err;
    diag_err(s->d, "/signatures/0/sig", "signature.bad",
             "the signature does not match the payload and key");
    return AM_E_FORBIDDEN;
}

/* The database was away, or the disk full: the log refused since. If the cause is gone it
 * takes statements again; if not, this one fails as the last one did. */
static int registry_log_ready(struct registry *r)
{
    return tlog_health(r->log) ? registry_resume(r) : AM_OK;
}

static int registry_log_it(struct registry_submission *s)
{
    struct registry *r = s->r;
    const struct ledger_outcome *o;
    struct buf leaf;
    int err;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    s->with.payload = s->ready.payload;
    s->with.ready = &s->ready;
    memcpy(s->with.digest, s->ready.payload_sha256, sizeof s->with.digest);
    err = ledger_leaf(s->with.digest, buf_str(&s->env.sig), buf_str(&s->spki), &leaf);
    if (!err)
        err = registry_log_ready(r);
    if (!err)
        err = tlog_append_with(r->log, buf_str(&leaf), &s->with, &s->index);
    if (!err && !s->with.folded) { /* logged, but memory was short when it was folded */
        err = registry_catch_up(r);
        pthread_rwlock_rdlock(&r->fold);
        o = ledger_outcome(r->ledger, s->index);
        if (o)
            s->with.outcome = *o;
        pthread_rwlock_unlock(&r->fold);
        if (!err && !o)
            err = AM_E_INTERNAL;
    }
    buf_release(&leaf);
    return err;
}

static int registry_read_envelope(struct registry_submission *s, struct str envelope)
{
    int err = ledger_envelope_open(envelope, &s->env, s->d);
    if (err)
        return err;
    s->ready.payload = buf_str(&s->env.payload);
    memcpy(s->ready.key_id, s->env.keyid, sizeof s->ready.key_id);
    crypto_sha256(s->ready.payload, s->ready.payload_sha256);
    err = ledger_statement_parse(s->ready.payload, str_c(s->r->type_base), &s->ready.st,
                                 s->d);
    s->ready.readable = !err;
    return err;
}

static int registry_receive(struct registry_submission *s, enum ledger_kind kind,
                            struct str envelope, struct registry_receipt *out)
{
    struct registry *r = s->r;
    int err = AM_OK;
    registry_cosign_meet(r);
    if (registry_split_proved(r)) {
        diag_err(s->d, "", "registry.split",
                 "a note signed by the log's key is not of this log: nothing is admitted"
                 " until an operator has put the right data back");
        err = AM_E_UNAVAILABLE;
    }
    if (!err)
        err = registry_read_envelope(s, envelope);
    if (err)
        return err;
    pthread_rwlock_rdlock(&r->fold);
    err = registry_authorise(s);
    pthread_rwlock_unlock(&r->fold);
    if (err)
        return err;
    if (s->ready.st.kind != kind) {
        diag_err(s->d, "/payload", "statement.kind", "this is a statement of kind %s",
                 ledger_kind_name(s->ready.st.kind));
        return AM_E_INVALID;
    }
    /* The fold has no clock: what is dated ahead must be stopped at the door, or it would
     * make honest signatures look stale. */
    if (s->ready.st.issued_at > time_now() + REGISTRY_SKEW) {
        diag_err(s->d, "/issued_at", "record.future", "dated later than now");
        return AM_E_INVALID;
    }
    err = registry_check_kind(r, kind, s->ready.st.record, s->d);
    if (err)
        return err;
    pthread_rwlock_rdlock(&r->fold);
    err = ledger_admit_ready(r->ledger, &s->ready, &s->outcome, s->d);
    pthread_rwlock_unlock(&r->fold);
    if (err == AM_E_NOTFOUND) { /* it cites a document we do not have */
        diag_err(s->d, "", "record.blob_missing",
                 "upload the document it cites first: PUT /api/v1/blobs/{sha256}");
        return AM_E_INVALID;
    }
    if (err)
        return err;
    err = registry_log_it(s);
    if (err)
        registry_heal_wake(r);
    if (err == AM_E_UNSURE) {
        diag_err(s->d, "", "registry.unsure",
                 "the database did not say whether it kept it: look for it before"
                 " sending it again");
        return err;
    }
    if (err) {
        diag_err(s->d, "", "registry.storage",
                 "the registry could not write it down: nothing was registered");
        return err == AM_E_TOOBIG ? AM_E_NOSPACE : err; /* a quota is a disk, too */
    }
    out->index = s->index;
    out->outcome = s->with.outcome;
    memcpy(out->payload, s->with.digest, sizeof out->payload);
    memcpy(out->record, s->ready.st.record_sha256, sizeof out->record);
    return AM_OK;
}

int registry_submit(struct registry *r, enum ledger_kind kind, struct str envelope,
                    struct registry_receipt *out, struct diag *d)
{
    struct diag unread;
    struct registry_submission s = {.r = r, .d = d ? d : &unread};
    struct registry_receipt got = {0};
    int err;
    diag_init(&unread);
    buf_init(&s.spki, 512);
    err = registry_receive(&s, kind, envelope, &got);
    if (err) {
        atomic_fetch_add(&r->refused, 1);
        LOG_I("registry.refused", log_s("kind", ledger_kind_name(kind)), log_err(err),
              log_s("code", s.d->n ? s.d->item[0].code : ""));
    } else {
        atomic_fetch_add(&r->submitted, 1);
        LOG_I("registry.logged", log_s("kind", ledger_kind_name(kind)),
              log_i("index", (int64_t)got.index), log_s("code", got.outcome.code));
        *out = got;
        if (got.outcome.effect == LEDGER_IN_EFFECT)
            registry_proposal_done(r, got.payload);
    }
    ledger_ready_release(&s.ready);
    ledger_envelope_release(&s.env);
    buf_release(&s.spki);
    diag_release(&unread);
    return err;
}
