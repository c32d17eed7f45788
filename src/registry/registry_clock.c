/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's automaton: states, with the service key, what the clock has brought:
 * expiry, archive, and the suspensions of lifecycle.md 2.1. It reads the fold and the
 * newest cosigned time, never the wall clock, so that a machine whose clock is wrong
 * expires nothing; each statement goes through the same door as everybody's.
 *
 * Never twice: what was stated is in the fold before the next round is worked out, and
 * the fold answers each cause once (ledger_due.c). Without a service key, or before the
 * quorum has cosigned anything, nothing happens. */
#include "registry/registry_priv.h"

#include "base/clock.h"
#include "base/log.h"

enum { CLOCK_ROUND = 64, CLOCK_ROUNDS_MAX = 1000, CLOCK_RECORD_MAX = 4096 };

struct clock_round {
    struct registry *r;
    int64_t at; /* newest cosigned time */
    char org_id[LEDGER_ID_MAX], type_base[256];
    struct registry_duty duty[CLOCK_ROUND];
    size_t n;
};

/* ---- reading the fold ------------------------------------------------------------- */
static int clock_note_duty(void *cookie, const struct ledger_due *d)
{
    struct clock_round *k = cookie;
    struct registry_duty *duty = &k->duty[k->n];
    if (k->n == CLOCK_ROUND)
        return AM_E_TOOBIG; /* the rest in the next round */
    *duty = (struct registry_duty){.kind = d->kind};
    crypto_hex(d->version->digest, 32, duty->digest);
    snprintf(duty->motive, sizeof duty->motive, "%s", d->motive);
    if (d->deployment) {
        snprintf(duty->establishment, sizeof duty->establishment, "%s",
                 d->deployment->establishment);
        snprintf(duty->gst, sizeof duty->gst, "%s", d->deployment->gst);
        snprintf(duty->use_code, sizeof duty->use_code, "%s", d->deployment->use_code);
    }
    k->n++;
    return AM_OK;
}

/* AM_E_NOTFOUND: this key is not, or no longer, that of an automaton. */
static int clock_read(void *cookie, const struct ledger *l, uint64_t cosigned)
{
    struct clock_round *k = cookie;
    struct str base = ledger_type_base(l);
    const struct ledger_key *key;
    char id[CRYPTO_HEX];
    int err = crypto_key_id(k->r->service, id);
    (void)cosigned;
    if (err)
        return err;
    key = ledger_key_find(l, id);
    if (!key || !ledger_key_valid(l, id, LEDGER_SYSTEM, k->at) ||
        base.n >= sizeof k->type_base)
        return AM_E_NOTFOUND;
    snprintf(k->org_id, sizeof k->org_id, "%s", key->org_id);
    snprintf(k->type_base, sizeof k->type_base, "%.*s", STR_FMT(base));
    err = ledger_due(l, k->at, clock_note_duty, k);
    return err == AM_E_TOOBIG ? AM_OK : err;
}

int64_t registry_cosigned_at(struct registry *r, const struct ledger *l)
{
    struct buf note;
    int64_t at = 0;
    uint64_t by;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_note_cosigned(r->log, &note);
    if (!err)
        err = tlog_policy_check(ledger_quorum(l), buf_str(&note), NULL, &at, &by);
    buf_release(&note);
    return err ? 0 : at;
}

static int clock_cosigned_at(void *cookie, const struct ledger *l, uint64_t cosigned)
{
    struct clock_round *k = cookie;
    (void)cosigned;
    k->at = registry_cosigned_at(k->r, l);
    return AM_OK;
}

/* ---- stating ---------------------------------------------------------------------- */
int registry_clock_record(const struct registry_duty *d, int64_t instant,
                          const char *org_id, struct buf *out)
{
    static const char *const type[] = {[LEDGER_DUE_EXPIRY] = "expiry",
                                       [LEDGER_DUE_ARCHIVE] = "archive",
                                       [LEDGER_DUE_STOP] = "stop"};
    char at[TIME_TEXT];
    struct jw w;
    time_format(instant / TIME_SECOND * TIME_SECOND, at);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", type[d->kind]);
    jw_kstrz(&w, "issued_at", at);
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", org_id);
    jw_obj_end(&w);
    jw_kstrz(&w, "model_digest", d->digest);
    if (d->kind != LEDGER_DUE_STOP) {
        jw_kstrz(&w, "at", at);
    } else {
        jw_kstrz(&w, "scope", *d->establishment ? "establishment" : "national");
        if (*d->establishment) {
            jw_kstrz(&w, "establishment", d->establishment);
            jw_kstrz(&w, "gst", d->gst);
            jw_kstrz(&w, "use_code", d->use_code);
        }
        jw_kstrz(&w, "motive_code", d->motive);
        jw_kstrz(&w, "effect_at", at);
    }
    jw_obj_end(&w);
    return jw_done(&w);
}

static int clock_state(const struct clock_round *k, const struct registry_duty *d,
                       struct registry_receipt *receipt)
{
    struct json_doc *doc = NULL;
    struct buf record, payload, envelope;
    int err;
    buf_init(&record, CLOCK_RECORD_MAX);
    buf_init(&payload, 2 * CLOCK_RECORD_MAX);
    buf_init(&envelope, 8 * CLOCK_RECORD_MAX);
    err = registry_clock_record(d, k->at, k->org_id, &record);
    if (!err)
        err = json_parse(&doc, buf_str(&record), NULL, NULL);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), str_c(k->type_base),
                               &payload, NULL);
    if (!err)
        err = ledger_sign(buf_str(&payload), k->r->service, &envelope);
    if (!err)
        err = registry_submit(k->r, LEDGER_EVENT, buf_str(&envelope), receipt, NULL);
    json_free(doc);
    buf_release(&envelope);
    buf_release(&payload);
    buf_release(&record);
    return err;
}

/* One round; *stated grows by what took effect. */
static int clock_round(struct clock_round *k, size_t *stated)
{
    int err = registry_view(k->r, clock_read, k);
    for (size_t i = 0; !err && i < k->n; i++) {
        const struct registry_duty *d = &k->duty[i];
        struct registry_receipt receipt = {0};
        int e = clock_state(k, d, &receipt);
        if (e == AM_E_CONFLICT || e == AM_E_INVALID || e == AM_E_FORBIDDEN) {
            LOG_W("registry.clock.refused", log_s("motive", d->motive), log_err(e));
            continue; /* the fold says no: one duty does not hold up the others */
        }
        err = e;
        if (!err && receipt.outcome.effect == LEDGER_IN_EFFECT) {
            LOG_I("registry.clock", log_s("motive", d->motive),
                  log_i("index", (int64_t)receipt.index));
            ++*stated;
        }
    }
    return err;
}

/* By the cosigned time: a clock that jumps ahead loses nobody's work. */
static int clock_forget(struct registry *r, int64_t at)
{
    int64_t gone;
    int err;
    if (at - r->forgot_at < 3600 * TIME_SECOND)
        return AM_OK;
    err = registry_draft_purge(r, at, &gone);
    if (!err) {
        r->forgot_at = at;
        if (gone)
            LOG_I("registry.drafts_forgotten", log_i("n", gone));
    }
    return err;
}

int registry_clock_tick(struct registry *r, int64_t at, size_t *stated)
{
    struct clock_round *k;
    size_t before;
    int err = AM_OK;
    *stated = 0;
    if (at)
        err = clock_forget(r, at);
    if (err || !r->service || !at)
        return err;
    k = am_calloc(1, sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    for (int i = 0; i < CLOCK_ROUNDS_MAX && !err; i++) {
        *k = (struct clock_round){.r = r, .at = at};
        before = *stated;
        err = clock_round(k, stated);
        if (*stated == before)
            break; /* nothing is due, or nothing of it is accepted */
    }
    free(k);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- the thread ------------------------------------------------------------------- */
static bool clock_wait(struct registry *r)
{
    struct timespec until;
    bool go;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += r->refresh_s;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && !pthread_cond_timedwait(&r->wake, &r->lock, &until))
        ; /* woken for others: only the time or the end counts here */
    go = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return go;
}

static void *clock_main(void *arg)
{
    struct registry *r = arg;
    while (clock_wait(r)) {
        struct clock_round k = {.r = r};
        size_t stated;
        int err = registry_view(r, clock_cosigned_at, &k);
        if (!err)
            err = registry_clock_tick(r, k.at, &stated);
        if (err && err != AM_E_NOTFOUND && err != AM_E_PRECONDITION)
            LOG_W("registry.clock.failed", log_err(err));
    }
    return NULL;
}

int registry_clock_start(struct registry *r)
{
    if (pthread_create(&r->clock, NULL, clock_main, r))
        return AM_E_NOMEM;
    r->clock_started = true;
    return AM_OK;
}

/* After registry_cosign_stop(), which says that all stops. */
void registry_clock_stop(struct registry *r)
{
    if (r->clock_started)
        pthread_join(r->clock, NULL);
    r->clock_started = false;
}
