/* SPDX-License-Identifier: Apache-2.0 */
/* The log as people read it: who said what, with which effect, and how to check it. */
#include "base/clock.h"
#include "web/web_site_priv.h"

/* Members of one statement that its payload tells: kind, time, what it says. */
static void what_it_says(struct web_visit *v, const struct web_statement *s)
{
    struct jw *w = &v->w;
    const struct json *r = s->s.record;
    struct str outcome = json_get_str(r, "outcome"), phase = json_get_str(r, "phase"),
               type = s->s.event_type;
    char id[WEB_ID_MAX];
    if (s->s.kind == LEDGER_EVENT)
        snprintf(id, sizeof id, "event.%.*s", (int)AM_MIN(type.n, 64), type.p);
    else
        snprintf(id, sizeof id, "record.%s", ledger_kind_name(s->s.kind));
    jw_kstrz(w, "kind", text_has(v->l, id) ? id : "record.event");
    if (s->s.issued_at)
        jw_kint(w, "at", s->s.issued_at);
    if (s->s.kind == LEDGER_DECISION && outcome.n) {
        snprintf(id, sizeof id, "outcome.%.*s", (int)AM_MIN(outcome.n, 64), outcome.p);
        jw_kstr(w, "said", text_has(v->l, id) ? text_get(v->l, id) : outcome);
    } else if (s->s.kind == LEDGER_DEPLOYMENT && phase.n) {
        struct str place = json_get_str(r, "establishment");
        snprintf(id, sizeof id, "state.p.%.*s", (int)AM_MIN(phase.n, 64), phase.p);
        if (text_has(v->l, id))
            jw_kstr(w, "p", phase);
        jw_kstr(w, "said", web_text_or(place));
    } else if (s->s.kind == LEDGER_VERSION) {
        jw_kstr(w, "said", web_text_or(json_get_str(r, "version_label")));
    } else if (str_eqc(type, "stop")) {
        struct str scope = json_get_str(r, "scope");
        snprintf(id, sizeof id, "stop.scope.%.*s", (int)AM_MIN(scope.n, 64), scope.p);
        jw_kstr(w, "said", text_has(v->l, id) ? text_get(v->l, id) : web_text_or(scope));
    } else if (str_eqc(type, "stop_ack")) {
        jw_kstr(w, "said", web_text_or(json_get_str(r, "node")));
    }
}

/* k signers of one payload are k entries: one item, its signers inside. */
static void signers(struct web_visit *v, const struct json *entries, size_t first)
{
    struct jw *w = &v->w;
    struct str payload = json_get_str(json_at(entries, first), "payload");
    jw_key(w, "signers");
    jw_arr(w);
    for (json_each(it, entries)) {
        struct str role = json_get_str(it.val, "role");
        if (it.i < first || !str_eq(json_get_str(it.val, "payload"), payload))
            continue;
        jw_obj(w);
        jw_kval(w, "index", json_get(it.val, "index"));
        if (role.n)
            jw_kstr(w, "role", role);
        jw_kstr(w, "org", web_text_or(json_get_str(it.val, "org")));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static bool said_before(const struct json *entries, size_t i)
{
    struct str payload = json_get_str(json_at(entries, i), "payload");
    for (size_t k = 0; k < i; k++)
        if (str_eq(json_get_str(json_at(entries, k), "payload"), payload))
            return true;
    return false;
}

static int item(struct web_visit *v, const struct json *facts, size_t i)
{
    struct jw *w = &v->w;
    struct web_statement s = {0};
    const struct json *entries = json_get(facts, "entries"), *e = json_at(entries, i);
    struct str effect = json_get_str(e, "effect");
    int err = web_statement(v, facts, json_get_str(e, "payload"), &s);
    if (err && err != AM_E_FORBIDDEN)
        return err;
    jw_obj(w);
    if (err)
        jw_kstrz(w, "kind", "record.restricted");
    else
        what_it_says(v, &s);
    jw_kstr(w, "effect", effect);
    jw_kbool(w, "silent", str_eqc(effect, "none"));
    jw_kstr(w, "code", web_text_or(json_get_str(e, "code")));
    jw_kstr(w, "transition", web_text_or(json_get_str(e, "transition")));
    signers(v, entries, i);
    jw_obj_end(w);
    web_statement_release(&s);
    return AM_OK;
}

int web_timeline(struct web_visit *v, const struct json *facts, size_t max)
{
    const struct json *entries = json_get(facts, "entries");
    size_t n = 0, more = 0;
    int err = AM_OK;
    jw_key(&v->w, "timeline");
    jw_arr(&v->w);
    for (size_t i = 0; i < json_size(entries) && !err; i++) {
        if (said_before(entries, i))
            continue;
        if (n++ < max)
            err = item(v, facts, i);
        else
            more++;
    }
    jw_arr_end(&v->w);
    if (more)
        jw_kint(&v->w, "timeline_more", (int64_t)more);
    return err;
}

/* ---- proof
 * -------------------------------------------------------------------------- */
struct proof_look {
    struct tlog_checkpoint cp;
    uint64_t index;
    unsigned witnesses;
};

/* The tree to prove against: the newest checkpoint with a quorum that covers the entry,
 * else the newest one of the log. */
static int covering(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                    struct jw *w, void *arg)
{
    struct tlog *log = registry_log(v->site->registry);
    struct proof_look *k = arg;
    uint64_t signed_by = 0;
    struct buf note;
    (void)cosigned;
    (void)w;
    buf_init(&note, TLOG_NOTE_MAX);
    int err = tlog_note_cosigned(log, &note);
    if (!err)
        err =
            tlog_policy_check(ledger_quorum(l), buf_str(&note), &k->cp, NULL, &signed_by);
    buf_release(&note);
    if (!err && k->cp.size > k->index) {
        for (; signed_by; signed_by &= signed_by - 1)
            k->witnesses++;
        return AM_OK;
    }
    tlog_head(log, &k->cp);
    return k->index < k->cp.size ? AM_OK : AM_E_NOTFOUND;
}

static void hex_path(struct jw *w, const struct tlog_proof *p)
{
    char hex[CRYPTO_HEX];
    struct buf b;
    int err = AM_OK;
    buf_init(&b, TLOG_PROOF_MAX * CRYPTO_HEX + 1);
    for (size_t i = 0; i < p->n && !err; i++)
        err =
            buf_addf(&b, "%s%s", i ? " " : "", crypto_hex(p->node[i].h, TLOG_HASH, hex));
    jw_kstr(w, "path", buf_str(&b));
    buf_release(&b);
}

static void proof_members(struct web_visit *v, const struct proof_look *k,
                          const struct tlog_proof *proof, const struct tlog_hash *leaf,
                          struct str genesis)
{
    struct jw *w = &v->w;
    char hex[CRYPTO_HEX];
    jw_kint(w, "index", (int64_t)k->index);
    jw_kint(w, "tree_size", (int64_t)k->cp.size);
    jw_kstrz(w, "root", crypto_hex(k->cp.root.h, TLOG_HASH, hex));
    jw_kstrz(w, "leaf", crypto_hex(leaf->h, TLOG_HASH, hex));
    hex_path(w, proof);
    if (k->witnesses)
        jw_kint(w, "witnesses", k->witnesses);
    jw_key(w, "command");
    jw_strf(w, "amane log verify DIR --genesis %.*s", STR_FMT(genesis));
    jw_key(w, "href");
    jw_strf(w, "/statements/%llu", (unsigned long long)k->index);
}

int web_proof(struct web_visit *v, uint64_t index, struct str digest)
{
    struct tlog *log = registry_log(v->site->registry);
    struct proof_look k = {.index = index};
    struct tlog_proof proof = {0};
    struct tlog_hash leaf;
    struct buf bytes;
    struct json_doc *facts = NULL;
    buf_init(&bytes, TLOG_ENTRY_MAX);
    int err = web_facts(v, covering, &k, &facts);
    if (!err)
        err = tlog_entry(log, index, &bytes);
    if (!err)
        err = tlog_prove_inclusion(log, index, k.cp.size, &proof);
    if (!err) {
        tlog_leaf_hash(buf_str(&bytes), &leaf);
        jw_key(&v->w, "proof");
        jw_obj(&v->w);
        jw_kstr(&v->w, "digest", digest);
        proof_members(v, &k, &proof, &leaf, json_get_str(json_root(facts), "genesis"));
        jw_obj_end(&v->w);
    }
    json_free(facts);
    buf_release(&bytes);
    return err;
}
