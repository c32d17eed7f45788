/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_priv.h"

static const struct {
    const char *reason, *lift;
} node_refusals[] = {{"", ""},
#define X(name, reason, lift) {reason, lift},
                     NODE_REFUSALS(X)
#undef X
};

const char *node_refusal_reason(enum node_refusal r)
{
    am_assert((size_t)r < AM_LEN(node_refusals));
    return node_refusals[r].reason;
}

const char *node_refusal_lift(enum node_refusal r)
{
    am_assert((size_t)r < AM_LEN(node_refusals));
    return node_refusals[r].lift;
}

/* Permission needs every fact to be true; there is no path on which a missing fact helps.
 * When the deployment is unknown nothing else can be asked about it. */
size_t node_gate(const struct node_facts *f, enum node_refusal out[NODE_REFUSAL_COUNT])
{
    const struct {
        bool ok;
        enum node_refusal no;
    } ask[] = {
        {f->mirror_complete, NODE_NO_MIRROR},
        {f->lease_fresh, NODE_NO_LEASE},
        {!f->stopped, NODE_NO_STOPPED},
        {f->state_ok, NODE_NO_STATE},
        {!f->shadow, NODE_NO_SHADOW},
        {f->here, NODE_NO_ESTABLISHMENT},
        {f->weights, NODE_NO_WEIGHTS},
        {f->digest_ok || !f->weights, NODE_NO_DIGEST},
        {f->right_ok, NODE_NO_USER},
        {f->service_ok, NODE_NO_SERVICE},
        {f->competent, NODE_NO_COMPETENCE},
        {f->in_population, NODE_NO_POPULATION},
        {f->authorised, NODE_NO_AUTHORISATION},
    };
    size_t n = 0;
    if (!f->known) {
        out[n++] = NODE_NO_UNKNOWN_DEPLOYMENT;
        return n;
    }
    for (size_t i = 0; i < AM_LEN(ask); i++)
        if (!ask[i].ok)
            out[n++] = ask[i].no;
    return n;
}

void node_refuse(struct diag *d, enum node_refusal r, const char *detail)
{
    char code[64];
    snprintf(code, sizeof code, "refusal.%s", node_refusal_reason(r));
    diag_err(d, "", code, "%s", detail);
    diag_arg(d, "lift", node_refusal_lift(r));
}
