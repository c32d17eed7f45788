/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_json -- the state as JSON: for faces and tools, and for the state digest. */
#include <math.h>

#include "ledger/ledger_priv.h"

static void khex(struct jw *w, const char *key, const uint8_t digest[32])
{
    char hex[CRYPTO_HEX];
    jw_kstrz(w, key, crypto_hex(digest, 32, hex));
}

/* JCS carries integers to 2^53: instants and indexes stay below. */
static void kindex(struct jw *w, const char *key, uint64_t i)
{
    jw_kint(w, key, (int64_t)i);
}

static void ktime(struct jw *w, const char *key, int64_t at)
{
    char text[TIME_TEXT];
    jw_key(w, key);
    if (at)
        jw_strz(w, time_format(at, text));
    else
        jw_null(w);
}

static void kref(struct jw *w, const char *key, const struct ledger_ref *r, bool there)
{
    jw_key(w, key);
    if (!there) {
        jw_null(w);
        return;
    }
    jw_obj(w);
    khex(w, "payload", r->payload);
    khex(w, "record", r->record);
    kindex(w, "index", r->index);
    ktime(w, "issued_at", r->issued_at);
    jw_obj_end(w);
}

static void kstrings(struct jw *w, const char *key, char *const *v, size_t n)
{
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_strz(w, v[i]);
    jw_arr_end(w);
}

static void kindexes(struct jw *w, const char *key, const uint64_t *v, size_t n)
{
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        jw_int(w, (int64_t)v[i]);
    jw_arr_end(w);
}

static void version_members(const struct ledger_version *v, struct jw *w)
{
    khex(w, "model_digest", v->digest);
    jw_kstrz(w, "algorithm_id", v->algorithm_id);
    jw_kstrz(w, "version_label", v->version_label);
    jw_kstrz(w, "org_id", v->org_id);
    jw_kstrz(w, "use_code", v->use_code);
    jw_kstrz(w, "state", ledger_v_name(v->state));
    jw_kstrz(w, "before", ledger_v_name(v->before));
    jw_kstrz(w, "level", ledger_level_name(v->level));
    jw_kstrz(w, "requested", ledger_level_name(v->requested));
    jw_kstrz(w, "registry_status", ledger_registry_status(v));
    kindex(w, "sandboxed", v->sandboxed);
    kref(w, "declared", &v->declared, true);
    kref(w, "decision", &v->decision, v->decision.index != 0);
    ktime(w, "expires_at", v->expires_at);
    jw_key(w, "evidence");
    jw_arr(w);
    for (size_t i = 0; i < v->evidence.n; i++) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(v->evidence.v[i].payload, 32, hex));
    }
    jw_arr_end(w);
    jw_key(w, "scope");
    jw_obj(w);
    kstrings(w, "gst", v->scope_gst.v, v->scope_gst.n);
    kstrings(w, "establishments", v->scope_establishment.v, v->scope_establishment.n);
    jw_obj_end(w);
    kindexes(w, "history", v->history.v, v->history.n);
}

static void row_list(const struct ledger *l, const struct ledger_verrec *v,
                     enum ledger_level level, int64_t at, bool inherited, struct jw *w)
{
    const struct label_policy *p = l->policy->label;
    const struct json *change = json_root(v->claim.doc);
    jw_arr(w);
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        struct str id = json_get_str(label_policy_row(p, i), "id");
        if (!ledger_row_asked(label_policy_row(p, i), level))
            continue;
        if (inherited ? ledger_inherits(l, v, id, at) : label_rerun(p, change, id))
            jw_str(w, id);
    }
    jw_arr_end(w);
}

/* V20: the plan it is inside, what is run again and what is taken from the parent at the
 * level asked, or in force. evidence: of the parent while it stands; a decision cites it
 * when a label of the level it judges `rests` on it. */
static void change_member(const struct ledger *l, const struct ledger_verrec *v,
                          int64_t at, struct jw *w)
{
    struct ledger_change c;
    bool kept = v->v.state == LEDGER_V_LABELLED || v->v.state == LEDGER_V_SUSPENDED;
    enum ledger_level level = kept ? v->v.level : v->v.requested;
    jw_key(w, "change");
    if (!ledger_change(l, &v->v, at, &c)) {
        jw_null(w);
        return;
    }
    level = level == LEDGER_LEVEL_NONE ? LEDGER_BASE : level;
    jw_obj(w);
    jw_kval(w, "type", json_get(c.change, "type"));
    khex(w, "parent", c.parent->digest);
    jw_kstrz(w, "parent_version", c.parent->version_label);
    jw_kstrz(w, "parent_state", ledger_v_name(c.parent->state));
    jw_kstrz(w, "parent_level", ledger_level_name(c.parent->level));
    khex(w, "plan", c.plan);
    jw_kval(w, "planned", c.change);
    jw_kstrz(w, "why", c.why);
    jw_kbool(w, "reduced", c.reduced);
    kindex(w, "since", c.since);
    jw_kbool(w, "lifted", c.lifted);
    jw_kstrz(w, "cap", ledger_level_name(c.cap));
    jw_kstrz(w, "level", ledger_level_name(level));
    jw_key(w, "rerun");
    row_list(l, v, level, at, false, w);
    jw_key(w, "inherited");
    row_list(l, v, level, at, true, w);
    jw_key(w, "rests");
    jw_obj(w);
    for (int x = LEDGER_BASE; x <= LEDGER_ADVANCED; x++)
        jw_kbool(w, ledger_level_name((enum ledger_level)x),
                 ledger_rests(l, v, (enum ledger_level)x, at));
    jw_obj_end(w);
    jw_key(w, "evidence");
    jw_arr(w);
    for (size_t i = 0; !*c.why && i < c.parent->evidence.n; i++) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(c.parent->evidence.v[i].payload, 32, hex));
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

/* The first level that asks the records for something they lack. */
static void due_member(const struct ledger *l, const struct ledger_version *v,
                       struct jw *w)
{
    const struct ledger_ask *x = ledger_asked(l, v, LEDGER_ADVANCED);
    jw_key(w, "record_due");
    if (!x) {
        jw_null(w);
        return;
    }
    jw_obj(w);
    jw_kstrz(w, "level", ledger_level_name(x->level));
    jw_kstrz(w, "record", ledger_kind_name(x->kind));
    jw_kstrz(w, "pointer", x->pointer);
    jw_kbool(w, "waived", ledger_waives(l->policy, GUARD_RECORD_DUE));
    jw_obj_end(w);
}

/* Reports on this product line: context of a decision on any of its versions. */
static void sandbox_reports(const struct ledger *l, const struct ledger_version *v,
                            struct jw *w)
{
    jw_key(w, "sandbox_reports");
    jw_arr(w);
    for (size_t i = 0; i < l->sandbox.n; i++) {
        const struct ledger_sandbox *s = &l->sandbox.v[i];
        const struct ledger_version *of = ledger_version_find(l, s->model_digest);
        char hex[CRYPTO_HEX];
        if (!s->report.index || !of || strcmp(of->algorithm_id, v->algorithm_id) != 0)
            continue;
        jw_obj(w);
        jw_kstrz(w, "payload", crypto_hex(s->report.payload, 32, hex));
        jw_kstrz(w, "model_digest", crypto_hex(s->model_digest, 32, hex));
        jw_kstrz(w, "outcome", s->outcome);
        kindex(w, "index", s->report.index);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void ledger_version_json(const struct ledger *l, const struct ledger_version *v,
                         int64_t at, struct jw *w)
{
    size_t i = ledger_find_version(l, v->digest);
    jw_obj(w);
    version_members(v, w);
    jw_kbool(w, "expired", v->expires_at && at >= v->expires_at);
    jw_key(w, "stops");
    jw_arr(w);
    for (size_t s = 0; i != LEDGER_NONE && s < l->version.v[i].stop.n; s++) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(l->stop.v[l->version.v[i].stop.v[s]].s.order, 32, hex));
    }
    jw_arr_end(w);
    jw_key(w, "deployments");
    jw_arr(w);
    for (size_t p = 0; i != LEDGER_NONE && p < l->version.v[i].deployment.n; p++)
        jw_strz(w, l->deployment.v[l->version.v[i].deployment.v[p]].p.id);
    jw_arr_end(w);
    jw_key(w, "vigilance");
    ledger_vigilance_json(l, v->digest, at, w);
    jw_kbool(w, "escrow", ledger_deposit_of(l, v->digest) != NULL);
    sandbox_reports(l, v, w);
    due_member(l, v, w);
    if (i != LEDGER_NONE)
        change_member(l, &l->version.v[i], at, w);
    jw_obj_end(w);
}

static void deployment_members(const struct ledger_deployment *p, struct jw *w)
{
    jw_kstrz(w, "id", p->id);
    khex(w, "model_digest", p->model_digest);
    jw_kstrz(w, "establishment", p->establishment);
    jw_kstrz(w, "gst", p->gst);
    jw_kstrz(w, "use_code", p->use_code);
    kstrings(w, "service", p->service.v, p->service.n);
    jw_kstrz(w, "phase", ledger_p_name(p->phase));
    jw_kstrz(w, "before", ledger_p_name(p->before));
    jw_kbool(w, "shadow", p->shadow);
    jw_knum(w, "local_threshold", p->local_threshold);
    kindex(w, "uses", p->uses);
    kref(w, "newest", &p->newest, true);
    kindexes(w, "history", p->history.v, p->history.n);
}

void ledger_deployment_json(const struct ledger *l, const struct ledger_deployment *p,
                            int64_t at, struct jw *w)
{
    const struct ledger_stop *s = ledger_stopped(l, p, STR_NULL);
    size_t i = ledger_find_deployment(l, str_c(p->id));
    jw_obj(w);
    deployment_members(p, w);
    jw_kstrz(w, "effective", ledger_p_name(ledger_effective(l, p, at)));
    jw_key(w, "stopped_by");
    if (s) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(s->order, 32, hex));
    } else {
        jw_null(w);
    }
    if (i != LEDGER_NONE) {
        const struct ledger_deprec *r = &l->deployment.v[i];
        ktime(w, "dpia_until", r->dpia_until);
        ktime(w, "cndp_until", r->cndp_until);
        ktime(w, "pilot_until", r->pilot_until);
    }
    jw_obj_end(w);
}

static void stop_members(const struct ledger_stop *s, struct jw *w)
{
    khex(w, "order", s->order);
    jw_kstrz(w, "scope", ledger_scope_name(s->scope));
    khex(w, "model_digest", s->model_digest);
    jw_kstrz(w, "gst", s->gst);
    jw_kstrz(w, "establishment", s->establishment);
    jw_kstrz(w, "service", s->service);
    jw_kstrz(w, "use_code", s->use_code);
    jw_kstrz(w, "motive_code", s->motive_code);
    jw_kstrz(w, "by_role", ledger_role_name(s->by_role));
    jw_kstrz(w, "by_org", s->by_org);
    ktime(w, "effect_at", s->effect_at);
    kindex(w, "index", s->index);
    jw_key(w, "lifted");
    if (s->lifted)
        jw_int(w, (int64_t)s->lifted);
    else
        jw_null(w);
    jw_key(w, "ack");
    jw_arr(w);
    for (size_t i = 0; i < s->ack.n; i++) {
        jw_obj(w);
        jw_kstrz(w, "node", s->ack.v[i].node);
        ktime(w, "effect_at", s->ack.v[i].effect_at);
        kindex(w, "index", s->ack.v[i].index);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void ledger_stop_json(const struct ledger *l, const struct ledger_stop *s, struct jw *w)
{
    (void)l;
    jw_obj(w);
    stop_members(s, w);
    jw_obj_end(w);
}

struct node_writer {
    const struct ledger_stop *s;
    struct jw *w;
};

static int put_stop_node(void *cookie, const struct ledger_stop_node *x)
{
    struct node_writer *t = cookie;
    struct jw *w = t->w;
    jw_obj(w);
    jw_kstrz(w, "node", x->node);
    jw_kstrz(w, "state", x->ack ? "acknowledged" : "waiting");
    if (x->ack) {
        ktime(w, "effect_at", x->ack->effect_at);
        jw_kint(w, "delay_s", (x->ack->effect_at - t->s->effect_at) / TIME_SECOND);
        kindex(w, "index", x->ack->index);
    } else {
        ktime(w, "lease_end_at", x->lease_end_at);
    }
    ktime(w, "due_at", x->due_at);
    ktime(w, "seen_at", x->seen_at);
    jw_kbool(w, "late", x->late);
    jw_kbool(w, "silent", x->silent);
    jw_obj_end(w);
    return AM_OK;
}

void ledger_stop_view_json(const struct ledger *l, const struct ledger_stop *s,
                           int64_t at, const struct ledger_seen *seen, size_t n,
                           struct jw *w)
{
    struct node_writer t = {s, w};
    int64_t due = ledger_stop_motive_due(l, s);
    jw_obj(w);
    stop_members(s, w);
    ktime(w, "motive_due_at", due);
    jw_kbool(w, "motive_late", due && at > due);
    jw_key(w, "nodes");
    jw_arr(w);
    if (ledger_stop_nodes(l, s, at, seen, n, put_stop_node, &t))
        jw_null(w); /* put_stop_node never fails */
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- the state digest ------------------------------------------------------------ */
static void put_algorithm(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_algorec *a = &l->algorithm.v[i];
    jw_obj(w);
    jw_kstrz(w, "id", a->a.id);
    jw_kstrz(w, "org_id", a->a.org_id);
    jw_kstrz(w, "label", a->label);
    khex(w, "payload", a->a.payload);
    kindex(w, "index", a->a.index);
    jw_obj_end(w);
}

static void put_deployment(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_deprec *p = &l->deployment.v[i];
    jw_obj(w);
    deployment_members(&p->p, w);
    ktime(w, "dpia_until", p->dpia_until);
    ktime(w, "cndp_until", p->cndp_until);
    ktime(w, "pilot_until", p->pilot_until);
    jw_obj_end(w);
}

void ledger_fact_json(const struct ledger_fact *f, struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "type", f->type);
    khex(w, "record", f->record);
    khex(w, "payload", f->payload);
    kindex(w, "index", f->index);
    ktime(w, "issued_at", f->issued_at);
    ktime(w, "at", f->at);
    ktime(w, "until", f->until_at);
    jw_key(w, "model_digest");
    if (f->model_digest) {
        char hex[CRYPTO_HEX];
        jw_strz(w, crypto_hex(f->model_digest, 32, hex));
    } else {
        jw_null(w);
    }
    jw_kstrz(w, "deployment", f->deployment);
    jw_kstrz(w, "establishment", f->establishment);
    jw_kstrz(w, "org_id", f->org_id);
    jw_kstrz(w, "with_org", f->with_org);
    jw_kstrz(w, "about_key", f->about_key);
    jw_kbool(w, "good", f->good);
    jw_kbool(w, "corrected", f->corrected);
    jw_kint(w, "severity", f->severity);
    jw_obj_end(w);
}

static void put_fact(const struct ledger *l, size_t i, struct jw *w)
{
    struct ledger_fact f;
    ledger_fact_at(l, i, &f);
    ledger_fact_json(&f, w);
}

static void put_key(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_key *k = &l->key.v[i].k;
    jw_obj(w);
    jw_kstrz(w, "key_id", k->key_id);
    jw_kstrz(w, "role", ledger_role_name(k->role));
    jw_kstrz(w, "function", k->function);
    jw_kstrz(w, "org_id", k->org_id);
    jw_kstrz(w, "gst", k->gst);
    jw_kstrz(w, "establishment", k->establishment);
    jw_kstrz(w, "label", k->label);
    kindex(w, "granted", k->granted);
    kindex(w, "revoked", k->revoked);
    ktime(w, "not_before", k->not_before_at);
    ktime(w, "not_after", k->not_after_at);
    jw_obj_end(w);
}

static void put_node(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_node *n = &l->node.v[i].n;
    jw_obj(w);
    jw_kstrz(w, "name", n->name);
    jw_kstrz(w, "org_id", n->org_id);
    kindex(w, "size", n->last.size);
    khex(w, "root", n->last.root.h);
    kindex(w, "index", n->index);
    ktime(w, "at", n->at);
    jw_obj_end(w);
}

static void put_stop(const struct ledger *l, size_t i, struct jw *w)
{
    ledger_stop_json(l, &l->stop.v[i].s, w);
}

static void put_version(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_verrec *v = &l->version.v[i];
    jw_obj(w);
    version_members(&v->v, w);
    kindex(w, "assigned", v->assigned);
    jw_kstrz(w, "rapporteur",
             v->rapporteur == LEDGER_NONE ? NULL : l->key.v[v->rapporteur].k.key_id);
    jw_kstrz(w, "bench", v->bench == LEDGER_NONE ? NULL : l->key.v[v->bench].k.key_id);
    jw_key(w, "rows");
    jw_arr(w);
    for (size_t r = 0; r < v->rows.n; r++)
        jw_strz(w, v->rows.v[r].id);
    jw_arr_end(w);
    khex(w, "decision_policy", v->decision_policy);
    jw_kint(w, "suspended_by", v->suspended_by);
    jw_knum(w, "fn_declared", v->fn_declared);
    kstrings(w, "uses", v->use.v, v->use.n);
    kref(w, "approved", &v->approved, v->approved.index != 0);
    jw_key(w, "claim");
    if (v->claim.parent == LEDGER_NONE) {
        jw_null(w);
    } else {
        jw_obj(w);
        jw_kint(w, "parent", (int64_t)v->claim.parent);
        khex(w, "plan", v->claim.plan);
        jw_kval(w, "change", json_root(v->claim.doc));
        jw_kbool(w, "reduced", v->claim.reduced);
        kindex(w, "since", v->claim.since);
        jw_obj_end(w);
    }
    jw_key(w, "stops");
    jw_arr(w);
    for (size_t s = 0; s < v->stop.n; s++)
        jw_int(w, (int64_t)v->stop.v[s]);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void put_void(const struct ledger *l, size_t i, struct jw *w)
{
    const struct ledger_void *v = &l->voided.v[i];
    jw_obj(w);
    jw_kstrz(w, "key_id", v->key_id);
    kindex(w, "since", v->since);
    kindex(w, "revoked", v->revoked);
    jw_obj_end(w);
}

/* One object at a time goes through RFC 8785 into the hash: memory stays bounded. */
static int hash_list(struct crypto_sha256 *h, const char *head, const struct ledger *l,
                     size_t n, void (*put)(const struct ledger *, size_t, struct jw *))
{
    struct buf text, canon;
    int err = AM_OK;
    buf_init(&text, 64 << 20);
    buf_init(&canon, 64 << 20);
    crypto_sha256_add(h, str_c(head));
    for (size_t i = 0; i < n && !err; i++) {
        struct jw w;
        buf_clear(&text);
        buf_clear(&canon);
        jw_init(&w, &text);
        put(l, i, &w);
        err = jw_done(&w);
        if (!err)
            err = json_canon_text(&canon, buf_str(&text), NULL);
        if (i)
            crypto_sha256_add(h, STR(","));
        crypto_sha256_add(h, buf_str(&canon));
    }
    buf_release(&canon);
    buf_release(&text);
    return err;
}

static void hash_outcomes(const struct ledger *l, uint8_t out[32])
{
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    for (size_t i = 0; i < l->entry.n; i++) {
        const struct ledger_entry *e = &l->entry.v[i];
        const struct ledger_outcome *o = ledger_outcome_of(l, e);
        char line[160];
        int n = snprintf(line, sizeof line, "%d %s %s %llx\n", (int)o->effect, o->code,
                         o->transition, (unsigned long long)o->waived);
        crypto_sha256_add(&h, (struct str){(const char *)e->payload, 32});
        crypto_sha256_add(&h, (struct str){line, (size_t)n});
    }
    crypto_sha256_end(&h, out);
}

int ledger_state_digest(const struct ledger *l, uint8_t out[32])
{
    struct crypto_sha256 h;
    uint8_t outcomes[32], policy[32];
    char a[CRYPTO_HEX], b[CRYPTO_HEX], c[CRYPTO_HEX], middle[512], nodes[256];
    int err;
    hash_outcomes(l, outcomes);
    ledger_policy_digest(l, policy);
    snprintf(middle, sizeof middle, "],\"genesis\":\"%s\",\"keys\":[",
             crypto_hex(l->genesis_payload, 32, a));
    snprintf(nodes, sizeof nodes,
             "],\"outcomes\":\"%s\",\"policy\":\"%s\",\"size\":%llu,\"stops\":[",
             crypto_hex(outcomes, 32, b), crypto_hex(policy, 32, c),
             (unsigned long long)l->entry.n);
    crypto_sha256_init(&h);
    err = hash_list(&h, "{\"algorithms\":[", l, l->algorithm.n, put_algorithm);
    if (!err)
        err = hash_list(&h, "],\"cases\":[", l, l->vigilance.n, ledger_put_case);
    if (!err)
        err = hash_list(&h, "],\"deployments\":[", l, l->deployment.n, put_deployment);
    if (!err)
        err = hash_list(&h, "],\"deposits\":[", l, l->deposit.n, ledger_put_deposit);
    if (!err)
        err = hash_list(&h, "],\"facts\":[", l, l->fact.n, put_fact);
    if (!err)
        err = hash_list(&h, middle, l, l->key.n, put_key);
    if (!err)
        err = hash_list(&h, "],\"nodes\":[", l, l->node.n, put_node);
    if (!err)
        err = hash_list(&h, nodes, l, l->stop.n, put_stop);
    if (!err)
        err = hash_list(&h, "],\"sandboxes\":[", l, l->sandbox.n, ledger_put_sandbox);
    if (!err)
        err = hash_list(&h, "],\"versions\":[", l, l->version.n, put_version);
    if (!err)
        err = hash_list(&h, "],\"voided\":[", l, l->voided.n, put_void);
    crypto_sha256_add(&h, STR("]}"));
    if (!err)
        crypto_sha256_end(&h, out);
    return err;
}
