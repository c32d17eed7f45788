/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the registry that read: views of the fold under its read lock. */
#include "api/api_priv.h"

static int api_view_done(struct api_call *c, int err)
{
    return err ? err : api_done(c, 200);
}

void api_view_head(struct api_call *c, const struct ledger *l, uint64_t cosigned)
{
    api_weak_etag(c, ledger_size(l));
    jw_kint(&c->w, "tree_size", (int64_t)ledger_size(l));
    jw_kint(&c->w, "cosigned_size", (int64_t)cosigned);
}

/* ---- algorithms, versions
 * ------------------------------------------------------------------------ */
static void api_algorithm_key(const struct api_list *x, size_t place,
                              char out[API_LIST_KEY])
{
    snprintf(out, API_LIST_KEY, "%s", ledger_algorithm_at(x->l, place)->id);
}

static void api_put_algorithm(const struct api_list *x, size_t place)
{
    const struct ledger_algorithm *a = ledger_algorithm_at(x->l, place);
    struct jw *w = &x->c->w;
    char hex[CRYPTO_HEX];
    jw_obj(w);
    jw_kstrz(w, "algorithm_id", a->id);
    jw_kstrz(w, "org_id", a->org_id);
    jw_kstrz(w, "payload_sha256", crypto_hex(a->payload, 32, hex));
    jw_kint(w, "index", (int64_t)a->index);
    jw_obj_end(w);
}

static int api_list_algorithms(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct api_list x = {.c = c,
                         .l = l,
                         .n = ledger_algorithms(l),
                         .key = api_algorithm_key,
                         .put = api_put_algorithm};
    int err;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    err = api_list_put(&x);
    jw_obj_end(&c->w);
    return err;
}

int api_h_algorithms(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_list_algorithms, c));
}

static int api_one_version(struct api_call *c, const struct ledger *l, uint64_t cosigned,
                           const struct ledger_version *v, bool past)
{
    /* What was, is told as of its newest statement: the same bytes for ever. */
    int64_t at = !past                                           ? time_now()
                 : v->decision.issued_at > v->declared.issued_at ? v->decision.issued_at
                                                                 : v->declared.issued_at;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    jw_key(&c->w, "version");
    ledger_version_json(l, v, at, &c->w);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_version(struct api_call *c)
{
    return api_view_done(c, api_version_view(c, api_one_version));
}

/* ---- statements
 * -------------------------------------------------------------------------------------
 */
static const char *api_effect(enum ledger_effect e)
{
    return e == LEDGER_IN_EFFECT         ? "in_effect"
           : e == LEDGER_WAITING_SIGNERS ? "waiting_signers"
                                         : "no_effect";
}

static int api_statement_json(struct api_call *c, const struct ledger *l, uint64_t index,
                              bool leaf)
{
    const struct ledger_outcome *o = ledger_outcome(l, index);
    const struct ledger_key *k;
    const char *key_id = "";
    char hex[CRYPTO_HEX];
    uint8_t payload[32];
    struct buf b;
    int err = ledger_entry_of(l, index, payload, &key_id);
    if (err || !o)
        return err ? err : AM_E_NOTFOUND;
    buf_init(&b, (size_t)8 << 20);
    jw_obj(&c->w);
    jw_kint(&c->w, "index", (int64_t)index);
    jw_kstrz(&c->w, "payload_sha256", crypto_hex(payload, 32, hex));
    jw_key(&c->w, "signer");
    jw_obj(&c->w);
    jw_kstrz(&c->w, "key_id", key_id);
    k = ledger_key_find(l, key_id);
    if (k) {
        jw_kstrz(&c->w, "role", ledger_role_name(k->role));
        jw_kstrz(&c->w, "function", k->function);
        jw_kstrz(&c->w, "org_id", k->org_id);
        jw_kstrz(&c->w, "label", k->label);
    }
    jw_obj_end(&c->w);
    jw_key(&c->w, "outcome");
    jw_obj(&c->w);
    jw_kstrz(&c->w, "effect", api_effect(o->effect));
    jw_kstrz(&c->w, "code", o->code);
    jw_kstrz(&c->w, "transition", o->transition);
    jw_obj_end(&c->w);
    if (leaf) {
        err = tlog_entry(registry_log(c->api->r), index, &b);
        jw_kstr(&c->w, "leaf", buf_str(&b));
        buf_clear(&b);
    }
    if (!err && !api_reads_entry(c, l, index)) {
        jw_kbool(&c->w, "restricted", true); /* its digest is in the log, that is all */
    } else if (!err) {
        err = blob_get(registry_blobs(c->api->r), payload, &b);
        if (!err) { /* canonical JSON, checked when it was admitted */
            jw_key(&c->w, "payload");
            jw_raw(&c->w, buf_str(&b));
        }
    }
    jw_obj_end(&c->w);
    buf_release(&b);
    return err;
}

static int api_one_statement(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    int64_t index;
    (void)cosigned;
    if (str_int(c->param[0], 0, INT64_MAX, &index)) {
        diag_err(&c->d, "", "path.index", "a log index is expected in the path");
        return AM_E_SYNTAX;
    }
    return api_statement_json(c, l, (uint64_t)index, true);
}

int api_h_statement(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_one_statement, c));
}

static int api_one_history(struct api_call *c, const struct ledger *l, uint64_t cosigned,
                           const struct ledger_version *v, bool past)
{
    int err = AM_OK;
    (void)past;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    for (size_t i = 0; i < v->history.n && !err; i++)
        err = api_statement_json(c, l, v->history.v[i], false);
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return err;
}

int api_h_history(struct api_call *c)
{
    return api_view_done(c, api_version_view(c, api_one_history));
}

static int api_inclusion(struct api_call *c, const char *key, uint64_t index,
                         uint64_t size, struct str note)
{
    struct tlog_proof p;
    struct buf b64;
    int err = tlog_prove_inclusion(registry_log(c->api->r), index, size, &p);
    if (err)
        return err;
    buf_init(&b64, 128);
    jw_key(&c->w, key);
    jw_obj(&c->w);
    jw_kint(&c->w, "index", (int64_t)index);
    jw_key(&c->w, "hashes");
    jw_arr(&c->w);
    for (size_t i = 0; i < p.n && !err; i++) {
        buf_clear(&b64);
        err = crypto_base64(&b64, (struct str){(const char *)p.node[i].h, TLOG_HASH});
        jw_str(&c->w, buf_str(&b64));
    }
    jw_arr_end(&c->w);
    jw_key(&c->w, "bundle");
    if (!err)
        err = api_put_bundle(c, index, note);
    jw_obj_end(&c->w);
    buf_release(&b64);
    return err;
}

/* Proofs against the checkpoint with the quorum, so that nobody needs to trust us. Its
 * own size counts: another may have come since the view was taken. */
static int api_proofs(struct api_call *c, const struct ledger_version *v, struct str note)
{
    struct tlog_checkpoint cp;
    int err = tlog_checkpoint_open(note, tlog_key(registry_log(c->api->r)), &cp);
    if (err)
        return err;
    if (v->declared.index >= cp.size)
        return AM_E_UNAVAILABLE; /* cosignatures are on their way */
    jw_obj(&c->w);
    jw_kint(&c->w, "tree_size", (int64_t)cp.size);
    jw_kstr(&c->w, "checkpoint", note);
    err = api_inclusion(c, "declared", v->declared.index, cp.size, note);
    if (!err && v->decision.index && v->decision.index < cp.size)
        err = api_inclusion(c, "decision", v->decision.index, cp.size, note);
    jw_obj_end(&c->w);
    return err;
}

static int api_one_proof(struct api_call *c, const struct ledger *l, uint64_t cosigned,
                         const struct ledger_version *v, bool past)
{
    struct buf note;
    int err;
    (void)l;
    (void)cosigned;
    if (past) {
        diag_err(&c->d, "", "path.proof_size", "proofs are for the newest checkpoint");
        return AM_E_SYNTAX;
    }
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_note_cosigned(registry_log(c->api->r), &note);
    if (err == AM_E_NOTFOUND)
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = api_proofs(c, v, buf_str(&note));
    buf_release(&note);
    return err;
}

int api_h_version_proof(struct api_call *c)
{
    return api_view_done(c, api_version_view(c, api_one_proof));
}

/* ---- deployments, stops, keys
 * --------------------------------------------------------------------------- */
static void api_deployment_key(const struct api_list *x, size_t place,
                               char out[API_LIST_KEY])
{
    snprintf(out, API_LIST_KEY, "%s", ledger_deployment_at(x->l, place)->id);
}

static bool api_deployment_wanted(const struct api_list *x, size_t place)
{
    const struct ledger_deployment *p = ledger_deployment_at(x->l, place);
    struct str est = http_query(x->c->req, "establishment"),
               use = http_query(x->c->req, "use"), model = http_query(x->c->req, "model");
    char hex[CRYPTO_HEX];
    crypto_hex(p->model_digest, 32, hex);
    return (!est.n || str_eqc(est, p->establishment)) &&
           (!use.n || str_eqc(use, p->use_code)) && (!model.n || str_eqc(model, hex));
}

static void api_put_deployment(const struct api_list *x, size_t place)
{
    ledger_deployment_json(x->l, ledger_deployment_at(x->l, place), x->now, &x->c->w);
}

static int api_list_deployments(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct str est = http_query(c->req, "establishment"), use = http_query(c->req, "use");
    struct ledger_places some = {0};
    struct api_list x = {.c = c,
                         .l = l,
                         .now = time_now(),
                         .n = ledger_deployments(l),
                         .places = &some,
                         .key = api_deployment_key,
                         .wanted = api_deployment_wanted,
                         .put = api_put_deployment};
    uint8_t digest[32];
    int err = AM_OK;
    if (crypto_unhex(http_query(c->req, "model"), digest, sizeof digest) == AM_OK)
        err = ledger_places(&some, l, LEDGER_DEPLOYMENTS_OF_MODEL,
                            ledger_model_name(digest));
    else if (est.n)
        err = ledger_places(&some, l, LEDGER_DEPLOYMENTS_OF_HOUSE, est);
    else if (use.n)
        err = ledger_places(&some, l, LEDGER_DEPLOYMENTS_OF_USE, use);
    else
        x.places = NULL;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    if (!err)
        err = api_list_put(&x);
    jw_obj_end(&c->w);
    vec_release(&some);
    return err;
}

int api_h_deployments(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_list_deployments, c));
}

static int api_one_deployment(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    const struct ledger_deployment *p = ledger_deployment_find(l, c->param[0]);
    if (!p)
        return AM_E_NOTFOUND;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    jw_key(&c->w, "deployment");
    ledger_deployment_json(l, p, time_now(), &c->w);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_deployment(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_one_deployment, c));
}

static void api_key_key(const struct api_list *x, size_t place, char out[API_LIST_KEY])
{
    snprintf(out, API_LIST_KEY, "%s", ledger_key_at(x->l, place)->key_id);
}

static void api_put_key(const struct api_list *x, size_t place)
{
    const struct ledger_key *k = ledger_key_at(x->l, place);
    struct jw *w = &x->c->w;
    jw_obj(w);
    jw_kstrz(w, "key_id", k->key_id);
    jw_kstrz(w, "role", ledger_role_name(k->role));
    jw_kstrz(w, "function", k->function);
    jw_kstrz(w, "org_id", k->org_id);
    jw_kstrz(w, "label", k->label);
    jw_kstrz(w, "gst", k->gst);
    jw_kstrz(w, "establishment", k->establishment);
    jw_kint(w, "granted", (int64_t)k->granted);
    if (k->revoked)
        jw_kint(w, "revoked", (int64_t)k->revoked);
    jw_obj_end(w);
}

static int api_list_keys(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct api_list x = {
        .c = c, .l = l, .n = ledger_keys(l), .key = api_key_key, .put = api_put_key};
    int err;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    err = api_list_put(&x);
    jw_obj_end(&c->w);
    return err;
}

int api_h_keys(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_list_keys, c));
}

/* ---- policy, genesis, witnesses
 * ----------------------------------------------------------------------------- */
static int api_one_policy(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    (void)cosigned;
    ledger_policy_digest(l, digest);
    jw_obj(&c->w);
    jw_kstrz(&c->w, "sha256", crypto_hex(digest, sizeof digest, hex));
    jw_kval(&c->w, "policy", ledger_policy(l));
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_policy(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_one_policy, c));
}

static int api_one_genesis(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct buf vkey;
    int err = ledger_genesis_digest(l, digest);
    (void)cosigned;
    buf_init(&vkey, 512);
    if (!err)
        err = tlog_vkey_format(ledger_log_key(l), &vkey);
    jw_obj(&c->w);
    jw_kstrz(&c->w, "genesis", crypto_hex(digest, sizeof digest, hex));
    jw_kstr(&c->w, "origin", ledger_origin(l));
    jw_kstr(&c->w, "type_base", ledger_type_base(l));
    jw_kstr(&c->w, "log_key", buf_str(&vkey));
    jw_obj_end(&c->w);
    buf_release(&vkey);
    return err;
}

int api_h_genesis(struct api_call *c)
{
    return api_view_done(c, registry_view(c->api->r, api_one_genesis, c));
}

static int api_one_quorum(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    (void)cosigned;
    api_weak_etag(c, ledger_size(l));
    return ledger_quorum_text(l, &c->resp->body);
}

int api_h_quorum(struct api_call *c)
{
    int err = registry_view(c->api->r, api_one_quorum, c);
    if (!err)
        http_setz(c->req, c->resp, "Content-Type", "text/plain; charset=utf-8");
    return err;
}

int api_h_witnesses(struct api_call *c)
{
    struct registry_witness w[64];
    size_t n = registry_witnesses(c->api->r, w, AM_LEN(w));
    char at[TIME_TEXT];
    jw_obj(&c->w);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&c->w);
        jw_kstrz(&c->w, "name", w[i].name);
        jw_kint(&c->w, "size", (int64_t)w[i].size);
        if (w[i].at)
            jw_kstrz(&c->w, "at", time_format(w[i].at, at));
        jw_kint(&c->w, "failures", (int64_t)w[i].failures);
        jw_kbool(&c->w, "refused", w[i].refused);
        jw_obj_end(&c->w);
    }
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return api_done(c, 200);
}
