/* SPDX-License-Identifier: Apache-2.0 */
/* What pages copy out of the ledger, and what they read from the blob store. */
#include "base/clock.h"
#include "web/web_site_priv.h"

/* ---- policies
 * ----------------------------------------------------------------------- */
/* label decides what is national; its answer for one digest never changes. */
static bool national(struct web_site *s, const uint8_t digest[32], const struct json *doc)
{
    pthread_mutex_lock(&s->lock);
    if (!s->policy_known || memcmp(s->policy, digest, 32) != 0) {
        struct label_policy *p = NULL;
        bool yes = label_policy_new(&p, doc, NULL) == AM_OK && label_policy_national(p);
        label_policy_free(p);
        memcpy(s->policy, digest, 32);
        s->policy_known = true;
        s->policy_national = yes;
    }
    bool yes = s->policy_national;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

int web_note_policy(struct web_visit *v, const uint8_t digest[32], const struct json *doc)
{
    struct str name = web_words(v->l, json_get(doc, "name")),
               version = json_get_str(doc, "version");
    if (!doc || v->demo.n || national(v->site, digest, doc))
        return AM_OK;
    if (!name.n)
        return buf_adds(&v->demo, "?");
    int err = buf_add(&v->demo, name);
    return err || !version.n ? err : buf_addf(&v->demo, " %.*s", STR_FMT(version));
}

/* ---- under the read lock
 * ------------------------------------------------------------ */
struct facts_call {
    struct web_visit *v;
    web_facts_fn *fn;
    void *arg;
    struct jw w;
};

static int run_facts(struct facts_call *c, const struct ledger *l, uint64_t cosigned)
{
    uint8_t digest[32];
    char hex[CRYPTO_HEX];
    ledger_policy_digest(l, digest);
    int err = web_note_policy(c->v, digest, ledger_policy(l));
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kint(&c->w, "size", (int64_t)ledger_size(l));
    jw_kint(&c->w, "cosigned", (int64_t)cosigned);
    jw_kstr(&c->w, "type_base", ledger_type_base(l));
    jw_kstr(&c->w, "origin", ledger_origin(l));
    jw_kstrz(&c->w, "policy", crypto_hex(digest, 32, hex));
    if (ledger_genesis_digest(l, digest) == AM_OK)
        jw_kstrz(&c->w, "genesis", crypto_hex(digest, 32, hex));
    err = c->fn ? c->fn(c->v, l, cosigned, &c->w, c->arg) : AM_OK;
    jw_obj_end(&c->w);
    return err ? err : jw_done(&c->w);
}

static int of_registry(void *arg, const struct ledger *l, uint64_t cosigned)
{
    return run_facts(arg, l, cosigned);
}

static int of_node(void *arg, const struct ledger *l)
{
    return run_facts(arg, l, 0);
}

int web_facts(struct web_visit *v, web_facts_fn *fn, void *arg, struct json_doc **out)
{
    struct facts_call c = {.v = v, .fn = fn, .arg = arg};
    buf_clear(&v->facts);
    jw_init(&c.w, &v->facts);
    int err = v->site->registry ? registry_view(v->site->registry, of_registry, &c)
                                : node_view(v->site->node, of_node, &c);
    return err ? err
               : json_parse(out, buf_str(&v->facts),
                            &(struct json_limits){.size_b = WEB_CONTEXT_MAX}, NULL);
}

void web_cited_facts(const struct ledger *l, const struct ledger_version *x, struct jw *w)
{
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    char hex[CRYPTO_HEX];
    jw_kstrz(w, "declared", crypto_hex(x->declared.payload, 32, hex));
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    jw_key(w, "evidence");
    jw_arr(w);
    for (size_t i = 0; i < x->evidence.n; i++)
        jw_strz(w, crypto_hex(x->evidence.v[i].payload, 32, hex));
    jw_arr_end(w);
}

void web_entry_facts(const struct ledger *l, uint64_t index, struct jw *w)
{
    const struct ledger_outcome *o = ledger_outcome(l, index);
    uint8_t payload[32];
    char hex[CRYPTO_HEX];
    const char *key_id = NULL, *name;
    if (!o || ledger_entry_of(l, index, payload, &key_id))
        return;
    const struct ledger_key *k = ledger_key_find(l, key_id);
    jw_obj(w);
    jw_kint(w, "index", (int64_t)index);
    jw_kstrz(w, "payload", crypto_hex(payload, 32, hex));
    jw_kstrz(w, "effect",
             o->effect == LEDGER_IN_EFFECT         ? "ok"
             : o->effect == LEDGER_WAITING_SIGNERS ? "waiting_signers"
                                                   : "none");
    jw_kstrz(w, "code", o->code ? o->code : "");
    jw_kstrz(w, "transition", o->transition ? o->transition : "");
    jw_key(w, "waived");
    jw_arr(w);
    for (unsigned i = 0; i < 64 && (name = ledger_guard_waivable(i)); i++)
        if (o->waived & (UINT64_C(1) << i))
            jw_strz(w, name);
    jw_arr_end(w);
    jw_kstrz(w, "key_id", key_id);
    if (k) {
        jw_kstrz(w, "role", ledger_role_name(k->role));
        jw_kstrz(w, "org", k->label[0] ? k->label : k->org_id);
        jw_kstrz(w, "org_id", k->org_id);
    }
    jw_obj_end(w);
}

/* ---- blobs
 * -------------------------------------------------------------------------- */
static int read_blob(const struct web_visit *v, struct str hex, struct buf *out)
{
    uint8_t digest[32];
    if (crypto_unhex(hex, digest, sizeof digest))
        return AM_E_NOTFOUND;
    return blob_get(v->site->blobs, digest, out);
}

int web_blob(const struct web_visit *v, struct str hex, struct json_doc **out)
{
    struct buf b;
    buf_init(&b, WEB_PAYLOAD_MAX);
    int err = read_blob(v, hex, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

int web_statement(const struct web_visit *v, const struct json *facts, struct str hex,
                  struct web_statement *out)
{
    struct web_statement s = {0};
    buf_init(&s.payload, WEB_PAYLOAD_MAX);
    int err = read_blob(v, hex, &s.payload);
    if (!err)
        err = ledger_statement_parse(buf_str(&s.payload),
                                     json_get_str(facts, "type_base"), &s.s, NULL);
    if (!err && ledger_statement_reach(&s.s) != LEDGER_REACH_PUBLIC &&
        !(v->site->registry &&
          registry_reads_blob(v->site->registry, v->signed_in ? &v->who : NULL,
                              buf_str(&s.payload)))) {
        ledger_statement_release(&s.s);
        err = AM_E_FORBIDDEN; /* cases and deposits: lifecycle.md section 5 */
    }
    if (err) {
        buf_release(&s.payload);
        return err;
    }
    *out = s;
    return AM_OK;
}

void web_statement_release(struct web_statement *s)
{
    if (!s->payload.p)
        return;
    ledger_statement_release(&s->s);
    buf_release(&s->payload);
}
