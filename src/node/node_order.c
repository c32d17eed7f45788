/* SPDX-License-Identifier: Apache-2.0 */
/* A stop order brought by hand: whoever brings it, its signature is the authority. */
#include "node/node_stop_priv.h"

static void node_stop_from_record(const struct json *r, struct node_local_stop *out)
{
    node_text(out->gst, sizeof out->gst, json_get_str(r, "gst"));
    node_text(out->establishment, sizeof out->establishment,
              json_get_str(r, "establishment"));
    node_text(out->service, sizeof out->service, json_get_str(r, "service"));
    node_text(out->use_code, sizeof out->use_code, json_get_str(r, "use_code"));
}

int node_envelope_signed(const struct ledger *l, const struct ledger_envelope *e,
                         struct diag *d)
{
    const struct ledger_key *k = ledger_key_find(l, e->keyid);
    struct crypto_key *pub = NULL;
    struct buf pae;
    int err;
    if (!k) {
        diag_err(d, "/signatures/0/keyid", "unknown_key", "%s is not in the directory",
                 e->keyid);
        return AM_E_FORBIDDEN;
    }
    buf_init(&pae, NODE_RECORD_MAX + 128);
    err = crypto_key_from_spki(&pub, buf_str(&k->spki));
    if (!err)
        err = ledger_pae(buf_str(&e->payload), &pae);
    if (!err && crypto_verify(pub, buf_str(&pae), buf_str(&e->sig))) {
        diag_err(d, "/signatures/0/sig", "signature.bad",
                 "the signature does not match the payload and key");
        err = AM_E_FORBIDDEN;
    }
    crypto_key_free(pub);
    buf_release(&pae);
    return err;
}

struct node_order {
    struct node *n;
    struct ledger_envelope env;
    struct ledger_statement_view st;
    struct diag *d;
    struct node_stop_job job;
};

static int node_check_order(void *arg, const struct ledger *l)
{
    struct node_order *o = arg;
    const struct ledger_key *k = ledger_key_find(l, o->env.keyid);
    int err = ledger_statement_parse(buf_str(&o->env.payload), ledger_type_base(l),
                                     &o->st, o->d);
    if (err)
        return err;
    if (!k || o->st.kind != LEDGER_EVENT || !str_eqc(o->st.event_type, "stop")) {
        diag_err(o->d, "", "stop.order", "a stop signed by a key of the directory");
        return AM_E_FORBIDDEN;
    }
    return node_envelope_signed(l, &o->env, o->d);
}

/* Under fold. Would the fold obey this signer alone? */
static int node_admit_order(void *arg, const struct ledger *l)
{
    struct node_order *o = arg;
    struct ledger_outcome outcome = {LEDGER_NO_EFFECT, "", "", 0};
    int err = node_check_order(arg, l);
    if (!err)
        err = ledger_admit(o->n->ledger, buf_str(&o->env.payload), o->env.keyid, &outcome,
                           o->d);
    if (!err && outcome.effect != LEDGER_IN_EFFECT) {
        diag_err(o->d, "", "stop.waiting_signers", "this order needs more signatures");
        err = AM_E_FORBIDDEN;
    }
    return err;
}

static int node_order_read(const struct json *r, struct node_local_stop *s,
                           struct diag *d)
{
    int err = node_scope_parse(json_get_str(r, "scope"), &s->scope);
    if (!err)
        err = crypto_unhex(json_get_str(r, "model_digest"), s->model, 32);
    if (!err && s->scope == LEDGER_STOP_PATIENT) {
        diag_err(d, "/scope", "stop.patient",
                 "no public record names a patient: refuse the output on its page");
        err = AM_E_INVALID;
    }
    node_stop_from_record(r, s);
    return err;
}

static int node_order_concerns(void *arg, const struct ledger *l)
{
    struct node_order *o = arg;
    (void)l;
    o->job.concerns = node_stop_concerns(o->n, &o->job.stop);
    return AM_OK;
}

static int node_order_take(struct node *n, struct str envelope, bool logged,
                           struct buf *reply, struct diag *d)
{
    struct node_order o = {
        .n = n, .d = d, .job = {.n = n, .envelope = envelope, .logged = logged}};
    int err = ledger_envelope_open(envelope, &o.env, d);
    if (!err)
        err = node_view(n, node_admit_order, &o);
    if (!err)
        err = node_order_read(o.st.record, &o.job.stop, d);
    if (!err && logged)
        err = node_view(n, node_order_concerns, &o);
    if (!err) {
        o.job.stop.effect_at = time_now();
        crypto_hex(o.st.record_sha256, 32, o.job.stop.record);
        err = node_take_stop(&o.job, reply, d);
    }
    ledger_statement_release(&o.st);
    ledger_envelope_release(&o.env);
    return err;
}

int node_stop_order(struct node *n, struct str envelope, struct buf *reply,
                    struct diag *d)
{
    return node_order_take(n, envelope, false, reply, d);
}

int node_stop_pushed(struct node *n, struct str envelope, struct diag *d)
{
    struct buf reply;
    int err;
    buf_init(&reply, 4096);
    err = node_order_take(n, envelope, true, &reply, d);
    buf_release(&reply);
    return err;
}
