/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_fold -- one entry after the other, each with all of its effect or none. */
#include <stdarg.h>

#include "base/log.h"
#include "ledger/ledger_priv.h"

static const struct {
    const char *name;
    int err;
} code_info[CODE_COUNT] = {
#define X(id, name, err) [CODE_##id] = {name, err},
    LEDGER_CODE_MAP(X)
#undef X
};
static const int guard_err[GUARD_COUNT] = {
#define X(id, name, waivable, err) [GUARD_##id] = err,
    LEDGER_GUARD_MAP(X)
#undef X
};

/* ---- saying no ------------------------------------------------------------------- */
static void say_no(struct ledger_act *a, const char *code, int err, const char *path,
                   const char *detail, va_list ap) AM_PRINTF(5, 0);
static void say_no(struct ledger_act *a, const char *code, int err, const char *path,
                   const char *detail, va_list ap)
{
    diag_vadd(a->d, DIAG_ERROR, path, code, detail, ap);
    if (a->err)
        return;
    a->err = err;
    a->o.code = code;
}

void ledger_refuse(struct ledger_act *a, enum ledger_code c, const char *path,
                   const char *detail, ...)
{
    va_list ap;
    va_start(ap, detail);
    say_no(a, code_info[c].name, code_info[c].err, path, detail, ap);
    va_end(ap);
}

bool ledger_waives(const struct ledger_policy *p, enum ledger_guard g)
{
    return g >= GUARD_FIRST_WAIVABLE && (p->waived >> (g - GUARD_FIRST_WAIVABLE) & 1);
}

bool ledger_holds(struct ledger_act *a, bool holds, enum ledger_guard g)
{
    if (holds)
        return true;
    if (!ledger_waives(a->l->policy, g))
        return false;
    a->o.waived |= UINT64_C(1) << (g - GUARD_FIRST_WAIVABLE);
    return true;
}

void ledger_guard(struct ledger_act *a, bool holds, enum ledger_guard g, const char *path,
                  const char *detail, ...)
{
    va_list ap;
    if (ledger_holds(a, holds, g))
        return;
    va_start(ap, detail);
    say_no(a, ledger_guard_name[g], guard_err[g], path, detail, ap);
    va_end(ap);
}

/* ---- one statement --------------------------------------------------------------- */
static int look_up(struct ledger_act *a)
{
    uint8_t digest[32];
    char id[CRYPTO_HEX];
    enum ledger_fact_kind fact;
    int err;
    a->version = a->deployment = a->order = LEDGER_NONE;
    if (ledger_statement_reach(a->s) != LEDGER_REACH_PUBLIC)
        return AM_OK; /* the public history of a version does not name it */
    if (!ledger_unhex(json_get(a->r, "model_digest"), digest))
        return AM_OK;
    a->version = ledger_find_version(a->l, digest);
    if (a->s->kind != LEDGER_DEPLOYMENT && !ledger_fact_kind(a->s->event_type, &fact))
        return AM_OK;
    err = ledger_deployment_id(digest, json_get_str(a->r, "establishment"),
                               json_get_str(a->r, "use_code"), id);
    if (!err)
        a->deployment = ledger_find_deployment(a->l, str_c(id));
    return err == AM_E_NOMEM ? err : AM_OK; /* too long: no such deployment */
}

static bool late_is_fine(const struct ledger_statement_view *s)
{
    return str_eqc(s->event_type, "stop") || str_eqc(s->event_type, "stop_ack");
}

static bool voided(const struct ledger_act *a, const char *key_id)
{
    for (size_t i = 0; i < a->l->voided.n; i++) {
        const struct ledger_void *v = &a->l->voided.v[i];
        if (a->index == v->revoked && json_bool(json_get(a->r, "own"), false))
            continue; /* the holder's own word that ends it */
        if (strcmp(v->key_id, key_id) == 0 && a->index > v->since)
            /* A forged stop costs availability, a lost one a patient (section 7). */
            return !str_eqc(a->s->event_type, "stop");
    }
    return false;
}

/* I3: validity of the key at the index of its own leaf. */
static void check_key(struct ledger_act *a, const char *key_id)
{
    const struct ledger_key *k;
    if (a->key == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_KEY, "", "%s is not in the directory", key_id);
        return;
    }
    k = ledger_signer_key(a);
    if (k->revoked)
        ledger_refuse(a, CODE_KEY_REVOKED, "", "%s was revoked at entry %llu", key_id,
                      (unsigned long long)k->revoked);
    else if (voided(a, key_id))
        ledger_refuse(a, CODE_KEY_COMPROMISED, "", "%s was compromised then", key_id);
    else if ((k->not_before_at && a->s->issued_at < k->not_before_at) ||
             (k->not_after_at && a->s->issued_at >= k->not_after_at))
        ledger_refuse(a, CODE_KEY_NOT_VALID, "/issued_at", "outside the validity of %s",
                      key_id);
}

bool ledger_signed(const struct ledger *l, const uint8_t payload[32], size_t key)
{
    uint64_t i = ledger_first_of(l, payload);
    for (; i != UINT64_MAX; i = l->entry.v[i].next ? l->entry.v[i].next : UINT64_MAX) {
        const struct ledger_entry *e = &l->entry.v[i];
        if (e->counts && !e->strange && e->key == key)
            return true;
    }
    return false;
}

/* Earlier leaves of the same payload: co-signers, or a replay (I5). */
static void check_chain(struct ledger_act *a, const char *key_id)
{
    const struct ledger *l = a->l;
    uint64_t i = ledger_first_of(l, a->payload);
    for (; i != UINT64_MAX; i = l->entry.v[i].next ? l->entry.v[i].next : UINT64_MAX) {
        const struct ledger_entry *e = &l->entry.v[i];
        const char *id =
            e->strange ? l->stranger.v[e->key].key_id : l->key.v[e->key].k.key_id;
        if (strcmp(id, key_id) == 0 ||
            ledger_outcome_of(l, e)->effect == LEDGER_IN_EFFECT)
            ledger_refuse(a, CODE_REPLAY, "", "the same payload as entry %llu",
                          (unsigned long long)i);
        else if (e->counts && a->signers < LEDGER_SIGNERS - 1)
            a->signer[a->signers++] = (struct ledger_signer){e->key, i};
    }
    for (size_t b = 0; b < a->besides && a->signers < LEDGER_SIGNERS - 1; b++)
        a->signer[a->signers++] = (struct ledger_signer){a->beside[b], a->index};
    a->signer[a->signers++] = (struct ledger_signer){a->key, a->index};
}

/* k signatures within 30 days: none counts when the log is that much later. */
static void check_fresh(struct ledger_act *a)
{
    struct str within = ledger_clock(a->l->policy, "signatures", "P30D");
    int64_t until;
    if (late_is_fine(a->s))
        return;
    if (time_add_iso(a->s->issued_at, within, &until) || until < a->l->latest_at)
        ledger_refuse(a, CODE_STALE, "/issued_at", "signed more than %.*s ago",
                      STR_FMT(within));
}

static void plan(struct ledger_act *a)
{
    static void (*const by_kind[LEDGER_KINDS])(struct ledger_act *) = {
        [LEDGER_ALGORITHM] = ledger_plan_algorithm,
        [LEDGER_VERSION] = ledger_plan_v,
        [LEDGER_EVIDENCE] = ledger_plan_v,
        [LEDGER_DECISION] = ledger_plan_v,
        [LEDGER_DEPLOYMENT] = ledger_plan_deployment,
        [LEDGER_EVENT] = ledger_plan_event,
    };
    by_kind[a->s->kind](a);
}

static int judge(struct ledger_act *a, const char *key_id)
{
    check_key(a, key_id);
    check_chain(a, key_id);
    if (!a->err)
        check_fresh(a);
    if (!a->err)
        ledger_shape(a);
    if (!a->err)
        plan(a);
    if (!a->err)
        ledger_rule_judge(a);
    if (a->err || (a->waiting && !a->dry))
        return AM_OK;
    return a->apply(a);
}

static void settle(struct ledger_act *a)
{
    if (a->err) {
        a->o.effect = LEDGER_NO_EFFECT;
    } else if (a->waiting) {
        a->o.effect = LEDGER_WAITING_SIGNERS;
        a->o.code = "waiting_signers";
        a->o.waived = 0;
    } else {
        a->o.effect = LEDGER_IN_EFFECT;
        a->o.code = "ok";
    }
    if (!a->o.transition)
        a->o.transition = "";
}

/* ---- reserve and commit an entry ------------------------------------------------- */
static int reserve_entry(struct ledger *l, const uint8_t payload[32], const char *key_id,
                         struct ledger_entry *e)
{
    int err = ledger_entry_room(l);
    size_t k = ledger_find_key(l, key_id);
    memcpy(e->payload, payload, 32);
    e->strange = k == LEDGER_NONE;
    if (!err && e->strange) {
        struct ledger_stranger s;
        if (map_get(&l->by_stranger, str_c(key_id), &k) || k >= l->stranger.n ||
            strcmp(l->stranger.v[k].key_id, key_id) != 0) {
            k = l->stranger.n;
            memcpy(s.key_id, key_id, CRYPTO_HEX);
            err = map_set(&l->by_stranger, str_c(key_id), k);
            if (!err)
                err = vec_push(&l->stranger, s); /* a name without an entry is harmless */
        }
    }
    e->key = (uint32_t)k;
    return err;
}

static int reserve_history(struct ledger *l, const struct ledger_act *a)
{
    int err = AM_OK;
    if (a->version != LEDGER_NONE)
        err = vec_room(&l->version.v[a->version].v.history);
    if (!err && a->deployment != LEDGER_NONE)
        err = vec_room(&l->deployment.v[a->deployment].p.history);
    return err;
}

static void commit_entry(struct ledger *l, const struct ledger_entry *e,
                         const struct ledger_outcome *o, const struct ledger_act *a)
{
    uint64_t index = l->entry.n;
    ledger_entry_add(l, e, o);
    if (o->effect == LEDGER_IN_EFFECT && a->s)
        l->latest_at = AM_MAX(l->latest_at, a->s->issued_at);
    if (a->version != LEDGER_NONE) { /* its history says so; what did nothing is no use */
        struct ledger_verrec *v = &l->version.v[a->version];
        v->v.history.v[v->v.history.n++] = index;
        if (o->effect == LEDGER_IN_EFFECT)
            v->last_at = AM_MAX(v->last_at, a->s->issued_at);
    }
    if (a->deployment != LEDGER_NONE) {
        struct ledger_deployment *p = &l->deployment.v[a->deployment].p;
        p->history.v[p->history.n++] = index;
    }
}

static int fold_entry(struct ledger *l, const uint8_t payload[32], struct str text,
                      const char *key_id);
static int refold(struct ledger *l, const struct ledger_void *v,
                  const uint8_t payload[32], struct str text, const char *key_id,
                  bool *stands);

static int fold_statement(struct ledger *l, struct ledger_act *a, struct ledger_entry *e,
                          struct str text, const char *key_id)
{
    struct ledger_void v = {.revoked = a->index};
    enum ledger_v state =
        a->version == LEDGER_NONE ? LEDGER_V_NONE : l->version.v[a->version].v.state;
    int err = reserve_entry(l, a->payload, key_id, e);
    if (!err)
        err = reserve_history(l, a);
    if (!err)
        err = judge(a, key_id);
    if (err)
        return err;
    if (a->version != LEDGER_NONE && l->version.v[a->version].v.state != state)
        l->version.v[a->version].state_at = a->s->issued_at;
    if (a->refold) {
        bool stands;
        ledger_copy(v.key_id, sizeof v.key_id, json_get_str(a->r, "key_id"));
        v.since = (uint64_t)json_int(json_get(a->r, "compromised_since"), 0);
        err = refold(l, &v, a->payload, text, key_id, &stands);
        if (err || stands)
            return err;
        ledger_refuse(a, CODE_KEY_COMPROMISED, "/compromised_since",
                      "it would undo what lets its own signer speak");
    }
    settle(a);
    e->counts = !a->err;
    e->reach = (uint8_t)ledger_statement_reach(a->s);
    commit_entry(l, e, &a->o, a);
    return AM_OK;
}

static int fold_mute(struct ledger *l, const uint8_t payload[32], const char *key_id,
                     enum ledger_code why, enum ledger_reach reach)
{
    struct ledger_entry e = {.reach = (uint8_t)reach, .mute = true};
    struct ledger_act a = {.l = l, .payload = payload, .index = l->entry.n};
    int err;
    a.version = a.deployment = LEDGER_NONE;
    ledger_refuse(&a, why, "", "nothing that this fold can read");
    err = reserve_entry(l, payload, key_id, &e);
    if (err)
        return err;
    settle(&a);
    commit_entry(l, &e, &a.o, &a);
    return AM_OK;
}

static int fold_statement_view(struct ledger *l, const uint8_t payload[32],
                               struct str text, const char *key_id,
                               const struct ledger_statement_view *s)
{
    struct ledger_entry e = {0};
    struct ledger_act a = {.l = l, .payload = payload, .index = l->entry.n};
    int err;
    if (!s) /* signed and logged, but it says nothing we can read */
        return fold_mute(l, payload, key_id, CODE_BAD_STATEMENT, LEDGER_REACH_PUBLIC);
    a.s = s;
    a.r = s->record;
    a.key = ledger_find_key(l, key_id);
    err = look_up(&a);
    return err ? err : fold_statement(l, &a, &e, text, key_id);
}

static int fold_entry(struct ledger *l, const uint8_t payload[32], struct str text,
                      const char *key_id)
{
    struct ledger_statement_view s;
    int err = ledger_statement_parse(text, str_c(l->type_base), &s, NULL);
    if (err == AM_E_NOMEM)
        return err;
    if (err)
        return fold_statement_view(l, payload, text, key_id, NULL);
    err = fold_statement_view(l, payload, text, key_id, &s);
    ledger_statement_release(&s);
    return err;
}

/* Entry 0 names its own type_base: read it before the statement can be checked. */
static int fold_genesis(struct ledger *l, const uint8_t payload[32], struct str text,
                        const char *key_id)
{
    struct ledger_statement_view s;
    struct ledger_act a = {.version = LEDGER_NONE, .deployment = LEDGER_NONE};
    const struct ledger_outcome ok = {LEDGER_IN_EFFECT, "ok", "", 0};
    struct ledger_entry e = {.counts = true};
    struct json_doc *doc;
    int err = json_parse(&doc, text, NULL, NULL);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_INVALID;
    err = ledger_statement_parse(
        text, json_get_str(json_get(json_root(doc), "predicate"), "type_base"), &s, NULL);
    json_free(doc);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_INVALID;
    l->genesis_doc = s.doc;
    err = ledger_genesis(l, &s, key_id, payload);
    if (!err)
        err = reserve_entry(l, payload, key_id, &e);
    if (err) {
        ledger_clear(l);
        return err;
    }
    a.s = &s;
    commit_entry(l, &e, &ok, &a);
    return AM_OK;
}

/* Does every revocation that made a key's leaves void still have effect itself, v aside?
 */
static bool voids_stand(const struct ledger *l, const struct ledger_void *v)
{
    for (size_t i = 0; i < l->voided.n; i++) {
        uint64_t by = l->voided.v[i].revoked;
        if (by != v->revoked && by < l->entry.n &&
            ledger_outcome(l, by)->effect != LEDGER_IN_EFFECT)
            return false;
    }
    return true;
}

/* The voids to fold under: those of `from` and v; after a first fold, those of them whose
 * revocation has effect in it. */
static int void_again(struct ledger *again, const struct ledger *from,
                      const struct ledger_void *v)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < from->voided.n; i++) {
        const struct ledger_void *o = &from->voided.v[i];
        if (o->revoked != v->revoked &&
            (o->revoked >= from->entry.n ||
             ledger_outcome(from, o->revoked)->effect == LEDGER_IN_EFFECT))
            err = vec_push(&again->voided, *o);
    }
    return err ? err : vec_push(&again->voided, *v);
}

static int fold_again(struct ledger *again, const struct ledger *l)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, LEDGER_PAYLOAD_MAX);
    for (uint64_t i = 0; !err && i < l->entry.n; i++) {
        const struct ledger_entry *e = &l->entry.v[i];
        const char *id =
            e->strange ? l->stranger.v[e->key].key_id : l->key.v[e->key].k.key_id;
        buf_clear(&b);
        if (e->reach == LEDGER_REACH_WITHHELD) {
            err = fold_mute(again, e->payload, id, CODE_WITHHELD, LEDGER_REACH_WITHHELD);
            continue;
        }
        err = blob_get(l->blobs, e->payload, &b);
        if (!err)
            err = (i ? fold_entry : fold_genesis)(again, e->payload, buf_str(&b), id);
    }
    buf_release(&b);
    return err;
}

/* Folds all entries again, and then this one, without the leaves of a compromised key.
 * The blobs are read again: a rare event may cost what a start costs. Earlier revocations
 * that lose their effect by it no longer make anything void: folded once more without
 * them. stands: this one has effect in the end; else l is as it was. */
static int refold(struct ledger *l, const struct ledger_void *v,
                  const uint8_t payload[32], struct str text, const char *key_id,
                  bool *stands)
{
    struct ledger *last = NULL;
    size_t rounds = l->voided.n + 2;
    int err = AM_OK;
    *stands = false;
    while (!err && rounds-- && (!last || !voids_stand(last, v))) {
        struct ledger *again;
        err = ledger_new(&again, l->blobs);
        if (err)
            break;
        err = void_again(again, last ? last : l, v);
        ledger_free(last);
        last = again;
        if (!err)
            err = fold_again(again, l);
        if (!err)
            err = fold_entry(again, payload, text, key_id);
    }
    if (!err && voids_stand(last, v) &&
        ledger_outcome(last, v->revoked)->effect == LEDGER_IN_EFFECT) {
        struct ledger old = *l;
        *l = *last;
        *last = old;
        *stands = true;
    }
    ledger_free(last);
    return err;
}

/* ---- the public door ------------------------------------------------------------- */
int ledger_apply_ready(struct ledger *l, const struct ledger_ready *r)
{
    int err = l->entry.n ? fold_statement_view(l, r->payload_sha256, r->payload,
                                               r->key_id, r->readable ? &r->st : NULL)
                         : fold_genesis(l, r->payload_sha256, r->payload, r->key_id);
    if (err && err != AM_E_NOMEM)
        LOG_W("ledger.refused", log_i("index", (int64_t)l->entry.n), log_err(err));
    return err;
}

int ledger_apply(struct ledger *l, struct str leaf)
{
    struct ledger_leaf_view v;
    struct ledger_ready r = {0};
    struct buf payload;
    int err = ledger_leaf_parse(leaf, &v);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    buf_init(&payload, LEDGER_PAYLOAD_MAX);
    if (!l->verifier)
        err = ledger_verifier_new(&l->verifier);
    if (!err)
        err = blob_get(l->blobs, v.payload_sha256, &payload);
    if (!err)
        err = ledger_prepare(l->verifier, &v, buf_str(&payload),
                             l->entry.n ? str_c(l->type_base) : STR_NULL, &r);
    if (err && err != AM_E_NOMEM)
        LOG_W("ledger.refused", log_i("index", (int64_t)l->entry.n), log_err(err));
    if (!err)
        err = ledger_apply_ready(l, &r);
    ledger_ready_release(&r);
    buf_release(&payload);
    ledger_leaf_release(&v);
    return err;
}

int ledger_apply_withheld(struct ledger *l, struct str leaf)
{
    struct ledger_leaf_view v;
    int err = ledger_leaf_parse(leaf, &v);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    err = l->entry.n ? fold_mute(l, v.payload_sha256, v.key_id, CODE_WITHHELD,
                                 LEDGER_REACH_WITHHELD)
                     : AM_E_INVALID;
    ledger_leaf_release(&v);
    return err;
}

int ledger_admit_ready(struct ledger *l, const struct ledger_ready *r,
                       struct ledger_outcome *o, struct diag *d)
{
    struct ledger_act a = {.l = l,
                           .index = l->entry.n,
                           .dry = true,
                           .d = d,
                           .payload = r->payload_sha256,
                           .s = &r->st,
                           .r = r->st.record};
    int err;
    if (!l->entry.n)
        return AM_E_CONFLICT;
    am_assert(r->readable);
    a.key = ledger_find_key(l, r->key_id);
    err = look_up(&a);
    if (!err)
        err = judge(&a, r->key_id);
    if (!err) {
        settle(&a);
        *o = a.o;
        err = a.err;
    }
    return err;
}

int ledger_admit(struct ledger *l, struct str payload, const char *key_id,
                 struct ledger_outcome *o, struct diag *d)
{
    struct ledger_ready r = {.payload = payload, .readable = true};
    int err;
    if (!l->entry.n)
        return AM_E_CONFLICT;
    err = ledger_statement_parse(payload, str_c(l->type_base), &r.st, d);
    if (err) {
        *o = (struct ledger_outcome){LEDGER_NO_EFFECT, code_info[CODE_BAD_STATEMENT].name,
                                     "", 0};
        return err;
    }
    crypto_sha256(payload, r.payload_sha256);
    snprintf(r.key_id, sizeof r.key_id, "%s", key_id);
    err = ledger_admit_ready(l, &r, o, d);
    ledger_statement_release(&r.st);
    return err;
}

/* Dry: whatever hangs on the ledger stays as it was. */
static int try_beside(const struct ledger *l, const struct ledger_statement_view *s,
                      const uint8_t payload[32], const char *key_id, const size_t *beside,
                      size_t besides, struct ledger_act *out, struct diag *d)
{
    union {
        const struct ledger *in;
        struct ledger *out;
    } same = {.in = l};
    int err;
    *out = (struct ledger_act){
        .l = same.out, .index = l->entry.n, .dry = true, .d = d, .payload = payload};
    out->s = s;
    out->r = s->record;
    out->beside = beside;
    out->besides = besides;
    out->key = ledger_find_key(l, key_id);
    err = look_up(out);
    if (!err)
        err = judge(out, key_id);
    if (!err)
        settle(out);
    return err;
}

int ledger_try(const struct ledger *l, const struct ledger_statement_view *s,
               const uint8_t payload[32], const char *key_id, struct ledger_act *out,
               struct diag *d)
{
    return try_beside(l, s, payload, key_id, NULL, 0, out, d);
}

/* Keys of the directory that have not signed yet, each once; strangers are left for the
 * judge to name. */
static size_t those_beside(const struct ledger *l, const uint8_t payload[32],
                           char (*key_id)[CRYPTO_HEX], size_t n, size_t me,
                           size_t beside[LEDGER_SIGNERS])
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = ledger_find_key(l, key_id[i]);
        bool again = k == LEDGER_NONE || k == me || ledger_signed(l, payload, k);
        for (size_t j = 0; j < m && !again; j++)
            again = beside[j] == k;
        if (!again && m < LEDGER_SIGNERS)
            beside[m++] = k;
    }
    return m;
}

int ledger_admit_together(const struct ledger *l, struct str payload,
                          char (*key_id)[CRYPTO_HEX], size_t n, struct ledger_outcome *o,
                          struct diag *d)
{
    struct ledger_statement_view s;
    uint8_t digest[32];
    size_t beside[LEDGER_SIGNERS], judged = 0;
    int err = AM_OK;
    if (!l->entry.n)
        return AM_E_CONFLICT;
    if (!n || n > LEDGER_TOGETHER)
        return AM_E_INVALID;
    err = ledger_statement_parse(payload, str_c(l->type_base), &s, d);
    if (err)
        return err;
    crypto_sha256(payload, digest);
    for (size_t i = 0; i < n && !err; i++) {
        struct ledger_act a;
        size_t me = ledger_find_key(l, key_id[i]);
        if (me != LEDGER_NONE && ledger_signed(l, digest, me) && (judged || i + 1 < n))
            continue; /* its leaf is in the log: it counts without being judged again */
        err = try_beside(l, &s, digest, key_id[i], beside,
                         those_beside(l, digest, key_id, n, me, beside), &a, d);
        *o = a.o;
        err = err ? err : a.err;
        judged++;
    }
    ledger_statement_release(&s);
    return err;
}

uint64_t ledger_size(const struct ledger *l)
{
    return l->entry.n;
}

int64_t ledger_latest_at(const struct ledger *l)
{
    return l->latest_at;
}

const struct ledger_outcome *ledger_outcome(const struct ledger *l, uint64_t index)
{
    return index < l->entry.n ? ledger_outcome_of(l, &l->entry.v[index]) : NULL;
}

enum ledger_reach ledger_statement_reach(const struct ledger_statement_view *s)
{
    if (str_eqc(s->event_type, "vigilance") ||
        str_eqc(s->event_type, "vigilance_followup"))
        return LEDGER_REACH_CASE;
    return str_eqc(s->event_type, "escrow_receipt") ? LEDGER_REACH_DEPOSIT
                                                    : LEDGER_REACH_PUBLIC;
}

enum ledger_reach ledger_reach(const struct ledger *l, uint64_t index)
{
    return index < l->entry.n ? (enum ledger_reach)l->entry.v[index].reach
                              : LEDGER_REACH_PUBLIC;
}

int ledger_payload_reach(const struct ledger *l, const uint8_t payload[32],
                         enum ledger_reach *out)
{
    uint64_t i = ledger_first_of(l, payload);
    if (i == UINT64_MAX || l->entry.v[i].mute)
        return AM_E_NOTFOUND;
    *out = (enum ledger_reach)l->entry.v[i].reach;
    return AM_OK;
}

int ledger_entry_of(const struct ledger *l, uint64_t index, uint8_t payload[32],
                    const char **key_id)
{
    const struct ledger_entry *e;
    if (index >= l->entry.n)
        return AM_E_NOTFOUND;
    e = &l->entry.v[index];
    memcpy(payload, e->payload, 32);
    if (key_id)
        *key_id = e->strange ? l->stranger.v[e->key].key_id : l->key.v[e->key].k.key_id;
    return AM_OK;
}

int ledger_load(const struct ledger *l, const uint8_t payload[32],
                struct ledger_statement_view *out)
{
    struct buf b;
    int err;
    buf_init(&b, LEDGER_PAYLOAD_MAX);
    err = blob_get(l->blobs, payload, &b);
    if (!err)
        err = ledger_statement_parse(buf_str(&b), str_c(l->type_base), out, NULL);
    buf_release(&b);
    return err;
}
