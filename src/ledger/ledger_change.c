/* SPDX-License-Identifier: Apache-2.0 */
/* V20: new weights inside the change plan (field 44) of the version they change.
 *
 * A plan counts as it stood in the record that a commission decided on: one that came
 * later, or between the first signature of the decision and its last, was not approved.
 * The claim is judged when the version is declared and fixed there. While the parent
 * stands -- labelled, not over its term, under no national stop, above base, and on a
 * full bench of its own -- its evidence counts for the rows the plan does not run again;
 * what rests on that is capped (doc/adr/0016). Parents of parents never count: a chain of
 * small changes would end far from anything measured. */
#include "ledger/ledger_priv.h"

/* ---- does the parent stand? ------------------------------------------------------ */
static const char *parent_why(const struct ledger *l, const struct ledger_verrec *p,
                              int64_t at)
{
    unsigned roles;
    if (p->v.state == LEDGER_V_SUSPENDED || ledger_national_stops(l, p, &roles))
        return "parent_suspended";
    if (p->v.state == LEDGER_V_EXPIRED)
        return "parent_expired";
    if (p->v.state == LEDGER_V_WITHDRAWN || p->v.state == LEDGER_V_ARCHIVED)
        return "parent_withdrawn";
    if (p->v.state != LEDGER_V_LABELLED)
        return "parent_unlabelled";
    if (p->v.expires_at && at >= p->v.expires_at)
        return "parent_expired";
    if (p->v.level < LEDGER_INTERMEDIATE)
        return "parent_base";
    return p->claim.reduced ? "parent_reduced" : "";
}

static const struct ledger_verrec *parent_of(const struct ledger *l,
                                             const struct ledger_verrec *v)
{
    return v->claim.parent == LEDGER_NONE ? NULL : &l->version.v[v->claim.parent];
}

static bool surveyed(const struct ledger *l, const struct ledger_verrec *v,
                     uint64_t since)
{
    for (size_t i = v->fact.n; i-- > 0;) {
        const struct ledger_factrec *f = &l->fact.v[v->fact.v[i]];
        if (f->kind == LEDGER_FACT_SURVEILLANCE && !f->corrected && f->index > since)
            return f->good; /* the newest one: a failure after a pass caps again */
    }
    return false;
}

static enum ledger_level cap_of(const struct ledger *l, const struct ledger_verrec *v)
{
    enum ledger_level most = parent_of(l, v)->v.level;
    return v->claim.since && surveyed(l, v, v->claim.since)
               ? most
               : (enum ledger_level)(most - 1);
}

/* ---- rows ------------------------------------------------------------------------ */
bool ledger_row_asked(const struct json *row, enum ledger_level level)
{
    struct str asked = json_get_str(json_get(row, "level"), ledger_level_name(level));
    return (str_eqc(asked, "gate") || str_eqc(asked, "documented")) &&
           !label_row_computed(row);
}

static bool inherits(const struct ledger *l, const struct ledger_verrec *v,
                     struct str row)
{
    return !ledger_row_covered(v, row) && ledger_row_covered(parent_of(l, v), row) &&
           !label_rerun(l->policy->label, json_root(v->claim.doc), row);
}

static bool stands(const struct ledger *l, const struct ledger_verrec *v, int64_t at)
{
    const struct ledger_verrec *p = parent_of(l, v);
    return p && !*parent_why(l, p, at);
}

bool ledger_inherits(const struct ledger *l, const struct ledger_verrec *v,
                     struct str row, int64_t at)
{
    return stands(l, v, at) && inherits(l, v, row);
}

bool ledger_rests(const struct ledger *l, const struct ledger_verrec *v,
                  enum ledger_level level, int64_t at)
{
    const struct label_policy *p = l->policy->label;
    if (!stands(l, v, at))
        return false;
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        const struct json *row = label_policy_row(p, i);
        if (ledger_row_asked(row, level) && inherits(l, v, json_get_str(row, "id")))
            return true;
    }
    return false;
}

bool ledger_change_rests(const struct ledger *l, const struct ledger_version *v,
                         enum ledger_level level, int64_t at)
{
    size_t i = ledger_find_version(l, v->digest);
    return i != LEDGER_NONE && ledger_rests(l, &l->version.v[i], level, at);
}

bool ledger_change(const struct ledger *l, const struct ledger_version *v, int64_t at,
                   struct ledger_change *out)
{
    size_t i = ledger_find_version(l, v->digest);
    const struct ledger_verrec *r = i == LEDGER_NONE ? NULL : &l->version.v[i];
    const struct ledger_verrec *p = r ? parent_of(l, r) : NULL;
    if (!p)
        return false;
    *out = (struct ledger_change){.parent = &p->v,
                                  .change = json_root(r->claim.doc),
                                  .plan = r->claim.plan,
                                  .why = parent_why(l, p, at),
                                  .reduced = r->claim.reduced,
                                  .since = r->claim.since,
                                  .lifted =
                                      r->claim.since && surveyed(l, r, r->claim.since)};
    if (!*out->why)
        out->cap = cap_of(l, r);
    return true;
}

/* ---- the claim, at declaration ---------------------------------------------------- */
void ledger_claim_drop(struct ledger_claim *c)
{
    json_free(c->doc);
    *c = (struct ledger_claim){.parent = LEDGER_NONE};
}

static const struct json *foreseen(const struct json *plan, struct str type)
{
    for (json_each(it, json_get(plan, "changes")))
        if (str_eq(json_get_str(it.val, "type"), type))
            return it.val;
    return NULL;
}

static void check_kept(struct ledger_act *a, const struct json *parent, struct str type)
{
    static const struct {
        const char *name, *but;
    } kept[] = {
#define X(name, but) {name, but},
        LEDGER_KEPT_MAP(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(kept); i++) {
        char path[64];
        snprintf(path, sizeof path, "/%s", kept[i].name);
        ledger_guard(
            a,
            str_eqc(type, kept[i].but) ||
                json_equal(json_get(parent, kept[i].name), json_get(a->r, kept[i].name)),
            GUARD_CHANGE_KEPT, path, "%s", kept[i].name);
    }
    ledger_guard(a,
                 json_equal(json_get(json_get(parent, "intended_use"), "use_code"),
                            json_get(json_get(a->r, "intended_use"), "use_code")),
                 GUARD_CHANGE_KEPT, "/intended_use/use_code", "use_code");
}

static int keep_change(const struct json *change, struct json_doc **out)
{
    struct buf text;
    int err;
    buf_init(&text, LEDGER_PAYLOAD_MAX);
    err = json_canon(&text, change);
    if (!err)
        err = json_parse(out, buf_str(&text), NULL, NULL);
    buf_release(&text);
    return err;
}

/* The record of the parent that was decided on, and the change in its plan. */
static int read_plan(struct ledger_act *a, const struct ledger_verrec *p, struct str type,
                     struct ledger_claim *out)
{
    struct ledger_statement_view s;
    const struct json *change;
    int err;
    ledger_guard(a, p->approved.index, GUARD_CHANGE_PLAN, "/planned_change/type", "%.*s",
                 (int)AM_MIN(type.n, 40), type.p ? type.p : "");
    if (!p->approved.index)
        return AM_OK;
    err = ledger_load(a->l, p->approved.payload, &s);
    if (err)
        return err;
    change = foreseen(json_get(s.record, "change_plan"), type);
    ledger_guard(a, change && label_change_known(type), GUARD_CHANGE_PLAN,
                 "/planned_change/type", "%.*s", (int)AM_MIN(type.n, 40),
                 type.p ? type.p : "");
    check_kept(a, s.record, type);
    if (change && !a->err)
        err = keep_change(change, &out->doc);
    memcpy(out->plan, p->approved.payload, 32);
    ledger_statement_release(&s);
    return err;
}

int ledger_claim_read(struct ledger_act *a, struct ledger_claim *out)
{
    const struct json *claim = json_get(a->r, "planned_change");
    struct str type = json_get_str(claim, "type");
    uint8_t digest[32];
    size_t i = LEDGER_NONE;
    const char *why = "previous_version";
    *out = (struct ledger_claim){.parent = LEDGER_NONE};
    if (!claim)
        return AM_OK;
    if (ledger_unhex(json_get(json_get(a->r, "previous_version"), "model_digest"),
                     digest))
        i = ledger_find_version(a->l, digest);
    if (i != LEDGER_NONE)
        why = !json_str_is(json_get(a->r, "algorithm_id"),
                           a->l->version.v[i].v.algorithm_id)
                  ? "previous_version"
                  : parent_why(a->l, &a->l->version.v[i], a->s->issued_at);
    ledger_guard(a, !*why, GUARD_CHANGE_PARENT, "/previous_version/model_digest", "%s",
                 why);
    if (*why)
        return AM_OK;
    out->parent = i;
    return read_plan(a, &a->l->version.v[i], type, out);
}

/* ---- at a decision ----------------------------------------------------------------- */
void ledger_check_cap(struct ledger_act *a, const struct ledger_verrec *v,
                      enum ledger_level level)
{
    enum ledger_level cap;
    if (!ledger_rests(a->l, v, level, a->s->issued_at))
        return;
    cap = cap_of(a->l, v);
    ledger_guard(a, level <= cap, GUARD_CHANGE_CAP, "/label_level", "%s",
                 ledger_level_name(cap));
}

enum ledger_level ledger_capped(const struct ledger *l, const struct ledger_verrec *v,
                                enum ledger_level level, int64_t at)
{
    while (level > LEDGER_LEVEL_NONE && ledger_rests(l, v, level, at) &&
           level > cap_of(l, v))
        level--;
    return level;
}

void ledger_check_accept(struct ledger_act *a, const struct ledger_verrec *v,
                         const struct json *const *evidence, size_t n)
{
    const struct json *change = json_root(v->claim.doc);
    char hex[CRYPTO_HEX];
    size_t failed;
    struct str row;
    label_accept(change, str_c(crypto_hex(v->v.digest, 32, hex)), evidence, n, &failed);
    row = json_get_str(json_at(json_get(change, "acceptance"), failed), "row");
    ledger_guard(a, failed == SIZE_MAX, GUARD_CHANGE_ACCEPTANCE, "/label_level", "%.*s",
                 (int)AM_MIN(row.n, LEDGER_ROW_ID), row.p ? row.p : "");
}

void ledger_claim_decided(struct ledger_act *a, struct ledger_verrec *v, bool reduced,
                          bool approves)
{
    uint64_t first = AM_MIN(ledger_first_of(a->l, a->payload), a->index);
    if (approves && v->v.declared.index < first &&
        v->v.declared.issued_at <= a->s->issued_at)
        v->approved = v->v.declared;
    v->claim.reduced = reduced;
    if (reduced && !v->claim.since)
        v->claim.since = a->index;
    if (!reduced)
        v->claim.since = 0;
}

/* ---- for a buyer --------------------------------------------------------------------
 */
static void put_types(const struct json *plan, struct jw *w)
{
    jw_key(w, "types");
    jw_arr(w);
    for (json_each(it, json_get(plan, "changes")))
        if (label_change_known(json_get_str(it.val, "type")))
            jw_val(w, json_get(it.val, "type"));
    jw_arr_end(w);
}

/* The plan a commission approved with the label, while there is a label. why: what keeps
 * a change from being inside it now; "": nothing. */
static int put_plan(const struct ledger *l, const struct ledger_verrec *v, int64_t at,
                    struct jw *w)
{
    bool holds = v->v.state == LEDGER_V_LABELLED || v->v.state == LEDGER_V_SUSPENDED;
    struct ledger_statement_view s;
    char hex[CRYPTO_HEX], until[TIME_TEXT];
    const struct json *plan;
    int err = holds && v->approved.index ? ledger_load(l, v->approved.payload, &s)
                                         : AM_E_NOTFOUND;
    if (err)
        return holds && v->approved.index ? err : AM_OK;
    plan = json_get(s.record, "change_plan");
    if (json_size(json_get(plan, "changes"))) {
        jw_key(w, "change_plan");
        jw_obj(w);
        jw_kstrz(w, "statement", crypto_hex(v->approved.payload, 32, hex));
        put_types(plan, w);
        jw_key(w, "until");
        if (v->v.expires_at)
            jw_strz(w, time_format(v->v.expires_at, until));
        else
            jw_null(w);
        jw_kstrz(w, "why", parent_why(l, v, at));
        jw_obj_end(w);
    }
    ledger_statement_release(&s);
    return AM_OK;
}

int ledger_change_notice(const struct ledger *l, const struct ledger_verrec *v,
                         int64_t at, struct jw *w)
{
    struct ledger_change c;
    char hex[CRYPTO_HEX];
    if (ledger_change(l, &v->v, at, &c)) {
        jw_key(w, "change");
        jw_obj(w);
        jw_kstrz(w, "parent", crypto_hex(c.parent->digest, 32, hex));
        jw_kstrz(w, "parent_version", c.parent->version_label);
        jw_kstr(w, "type", json_get_str(c.change, "type"));
        jw_kstrz(w, "statement", crypto_hex(c.plan, 32, hex));
        jw_kbool(w, "rests", c.reduced);
        jw_kbool(w, "capped", c.reduced && (*c.why || !c.lifted));
        jw_kstrz(w, "cap", ledger_level_name(c.cap));
        jw_kstrz(w, "why", c.why);
        jw_obj_end(w);
    }
    return put_plan(l, v, at, w);
}
