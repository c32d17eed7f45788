/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_json_facts -- cases, deposits and sandboxes as JSON. What the public may not
 * read is written only when asked for. */
#include "ledger/ledger_priv.h"

static void khex(struct jw *w, const char *key, const uint8_t digest[32])
{
    char hex[CRYPTO_HEX];
    jw_kstrz(w, key, crypto_hex(digest, 32, hex));
}

static void ktime(struct jw *w, const char *key, int64_t at)
{
    char text[TIME_TEXT];
    jw_kstrz(w, key, at ? time_format(at, text) : NULL);
}

/* index, or null when it has not happened */
static void kentry(struct jw *w, const char *key, uint64_t index)
{
    jw_key(w, key);
    if (index)
        jw_int(w, (int64_t)index);
    else
        jw_null(w);
}

/* ---- cases ----------------------------------------------------------------------- */
static void case_place(const struct ledger_case *c, struct jw *w)
{
    jw_kstrz(w, "establishment", c->establishment);
    jw_kstrz(w, "gst", c->gst);
    jw_kstrz(w, "by_org", c->by_org);
    jw_key(w, "traces");
    jw_arr(w);
    for (size_t i = 0; i < c->trace.n; i++) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(c->trace.v[i].h, 32, hex));
    }
    jw_arr_end(w);
}

static void case_members(const struct ledger_case *c, struct jw *w)
{
    jw_kstrz(w, "case_id", c->id);
    khex(w, "model_digest", c->model_digest);
    jw_kstrz(w, "by_role", ledger_role_name(c->by_role));
    jw_kstrz(w, "severity", ledger_severity_name(c->severity));
    jw_kbool(w, "widespread", c->widespread);
    jw_kbool(w, "personal_data", c->personal_data);
    jw_kbool(w, "false_negative", c->false_negative);
    ktime(w, "aware_at", c->aware_at);
    ktime(w, "deadline_at", c->deadline_at);
    ktime(w, "reported_at", c->reported_at);
    jw_kbool(w, "report_late", c->report_late);
    ktime(w, "answer_due_at", c->answer_due_at);
    ktime(w, "answered_at", c->answered_at);
    jw_kstrz(w, "answer_code", c->answer_code);
    ktime(w, "closed_at", c->closed_at);
    jw_kstrz(w, "outcome_code", c->outcome_code);
    jw_key(w, "terms");
    jw_arr(w);
    for (size_t i = 0; i < c->term.n; i++)
        jw_strz(w, c->term.v[i].code);
    jw_arr_end(w);
    jw_key(w, "history");
    jw_arr(w);
    for (size_t i = 0; i < c->history.n; i++)
        jw_int(w, (int64_t)c->history.v[i]);
    jw_arr_end(w);
}

void ledger_case_json(const struct ledger *l, const struct ledger_case *c, bool inside,
                      int64_t at, struct jw *w)
{
    size_t v = ledger_find_version(l, c->model_digest);
    jw_obj(w);
    case_members(c, w);
    if (v != LEDGER_NONE) {
        jw_kstrz(w, "algorithm_id", l->version.v[v].v.algorithm_id);
        jw_kstrz(w, "version_label", l->version.v[v].v.version_label);
        jw_kstrz(w, "supplier", l->version.v[v].v.org_id);
    }
    jw_kbool(w, "late", ledger_case_late(c, at));
    if (inside)
        case_place(c, w);
    jw_obj_end(w);
}

void ledger_vigilance_json(const struct ledger *l, const uint8_t digest[32], int64_t at,
                           struct jw *w)
{
    const struct ledger_version *v = digest ? ledger_version_find(l, digest) : NULL;
    struct ledger_vigilance n;
    ledger_vigilance(l, digest, at, &n);
    jw_obj(w);
    jw_kint(w, "cases", (int64_t)n.cases);
    jw_kint(w, "serious", (int64_t)n.serious);
    jw_kint(w, "open", (int64_t)n.open);
    jw_kint(w, "late", (int64_t)n.late);
    jw_kint(w, "serious_false_negatives", (int64_t)n.false_negatives);
    if (v) {
        struct ledger_false_negatives f;
        ledger_false_negatives(l, v, &f);
        jw_kint(w, "uses", (int64_t)f.uses);
        jw_knum(w, "false_negative_rate_declared", f.declared);
        jw_knum(w, "false_negative_rate_low", f.lo);
        jw_knum(w, "false_negative_rate_high", f.hi);
        jw_kbool(w, "exceeds_declared", f.exceeds);
    }
    jw_obj_end(w);
}

/* ---- deposits -------------------------------------------------------------------- */
void ledger_deposit_json(const struct ledger *l, const struct ledger_deposit *e,
                         bool full, struct jw *w)
{
    (void)l;
    jw_obj(w);
    khex(w, "model_digest", e->model_digest);
    jw_kstrz(w, "agent", e->agent);
    jw_kint(w, "level", e->level);
    ktime(w, "deposited_at", e->deposited_at);
    kentry(w, "index", e->index);
    kentry(w, "ordered", e->ordered);
    kentry(w, "executed", e->executed);
    if (e->ordered) {
        jw_kstrz(w, "condition", e->condition);
        jw_kstrz(w, "beneficiary", e->beneficiary);
        khex(w, "order", e->order);
    }
    if (full) {
        jw_kstrz(w, "deposit_id", e->deposit_id);
        khex(w, "receipt", e->receipt);
        khex(w, "receipt_payload", e->payload);
        khex(w, "manifest_sha256", e->manifest);
        jw_kint(w, "files", (int64_t)e->files);
        jw_key(w, "conditions");
        jw_arr(w);
        for (unsigned i = 0; ledger_release_name(i); i++)
            if ((e->conditions >> i) & 1)
                jw_strz(w, ledger_release_name(i));
        jw_arr_end(w);
    }
    jw_obj_end(w);
}

/* ---- sandboxes ------------------------------------------------------------------- */
void ledger_sandbox_json(const struct ledger *l, const struct ledger_sandbox *s,
                         int64_t at, struct jw *w)
{
    size_t v = ledger_find_version(l, s->model_digest);
    jw_obj(w);
    khex(w, "record", s->record);
    khex(w, "model_digest", s->model_digest);
    if (v != LEDGER_NONE) {
        jw_kstrz(w, "algorithm_id", l->version.v[v].v.algorithm_id);
        jw_kstrz(w, "version_label", l->version.v[v].v.version_label);
    }
    jw_kstrz(w, "purpose", s->purpose);
    jw_kstrz(w, "site", s->site);
    jw_kstrz(w, "by_org", s->by_org);
    ktime(w, "starts_at", s->starts_at);
    ktime(w, "ends_at", s->ends_at);
    kentry(w, "index", s->index);
    if (s->extended)
        kentry(w, "extended_index", s->extended);
    kentry(w, "report_index", s->report.index);
    if (s->report.index) {
        ktime(w, "reported_at", s->report.issued_at);
        khex(w, "report", s->report.record);
        khex(w, "report_sha256", s->report_sha256);
        jw_kstrz(w, "outcome", s->outcome);
    }
    jw_kbool(w, "report_due", at && !s->report.index && at >= s->ends_at);
    jw_obj_end(w);
}

/* ---- the state digest ------------------------------------------------------------ */
void ledger_put_case(const struct ledger *l, size_t i, struct jw *w)
{
    (void)l;
    jw_obj(w);
    case_members(&l->vigilance.v[i], w);
    case_place(&l->vigilance.v[i], w);
    jw_obj_end(w);
}

void ledger_put_deposit(const struct ledger *l, size_t i, struct jw *w)
{
    ledger_deposit_json(l, &l->deposit.v[i], true, w);
}

void ledger_put_sandbox(const struct ledger *l, size_t i, struct jw *w)
{
    ledger_sandbox_json(l, &l->sandbox.v[i], 0, w);
}
