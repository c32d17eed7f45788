/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals: asking for signatures, and what waits for them. */
#include "api/api_priv.h"

#include "base/clock.h"

int api_proposed(struct api_call *c, const uint8_t payload[32])
{
    char hex[CRYPTO_HEX];
    crypto_hex(payload, 32, hex);
    jw_obj(&c->w);
    jw_kstrz(&c->w, "payload_sha256", hex);
    jw_key(&c->w, "page");
    jw_strf(&c->w, "/sign/%s", hex);
    jw_key(&c->w, "payload");
    jw_strf(&c->w, "/api/v1/proposals/%s", hex);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

int api_h_proposal_put(struct api_call *c)
{
    const struct json *v = NULL;
    enum ledger_kind kind = LEDGER_EVENT;
    uint8_t sha256[32];
    int err = api_body(c, &v);
    if (!err && ledger_kind_parse(json_get_str(v, "kind"), &kind)) {
        diag_err(&c->d, "/kind", "statement.kind", "algorithm, version, evidence...");
        err = AM_E_INVALID;
    }
    if (!err)
        err = registry_proposal_put(c->api->r, kind, json_get(v, "record"), &c->who,
                                    sha256, &c->d);
    return err ? err : api_proposed(c, sha256);
}

/* The exact bytes to sign: `amane sign` takes them as they are. */
int api_h_proposal(struct api_call *c)
{
    struct registry_proposal p;
    uint8_t sha256[32];
    int err = api_hex_param(c, 0, sha256);
    if (!err)
        err = registry_proposal_get(c->api->r, sha256, &p, &c->resp->body);
    if (!err &&
        !registry_reads_proposal(c->api->r, &c->who, p.by_org, buf_str(&c->resp->body)))
        err = AM_E_NOTFOUND; /* a case or a deposit of others */
    if (!err)
        http_setz(c->req, c->resp, "Content-Type", "application/vnd.in-toto+json");
    return err;
}

struct api_proposal {
    struct api_call *c;
    const struct registry_proposal *p;
    struct str payload;
};

static int api_proposal_signing(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_proposal *j = arg;
    (void)cosigned;
    return ledger_signing_json(l, j->payload, &j->c->w, NULL);
}

static int api_proposal_one(void *arg, const struct registry_proposal *p,
                            struct str payload)
{
    struct api_call *c = arg;
    struct api_proposal j = {c, p, payload};
    char at[TIME_TEXT];
    int err;
    if (!registry_reads_proposal(c->api->r, &c->who, p->by_org, payload))
        return AM_OK;
    jw_obj(&c->w);
    jw_kstrz(&c->w, "kind", ledger_kind_name(p->kind));
    jw_kstrz(&c->w, "proposed_at", time_format(p->at, at));
    jw_kstrz(&c->w, "until", time_format(p->until, at));
    jw_kstrz(&c->w, "by_role", ledger_role_name(p->by_role));
    jw_kstrz(&c->w, "by_org", p->by_org);
    err = registry_view(c->api->r, api_proposal_signing, &j);
    jw_obj_end(&c->w);
    return err;
}

int api_h_proposals(struct api_call *c)
{
    struct tlog_checkpoint head;
    int err;
    tlog_head(registry_log(c->api->r), &head);
    jw_obj(&c->w);
    jw_kint(&c->w, "tree_size", (int64_t)head.size);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    err = registry_proposals(c->api->r, api_proposal_one, c);
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return err ? err : api_done(c, 200);
}
