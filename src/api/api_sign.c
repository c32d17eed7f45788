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
    struct str payload;
};

static int api_proposal_signing(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_proposal *j = arg;
    (void)cosigned;
    return ledger_signing_json(l, j->payload, &j->c->w, NULL);
}

/* AM_E_NOTFOUND: not for this reader, or gone meanwhile. */
static int api_proposal_one(struct api_call *c, const struct registry_proposal *p,
                            struct buf *payload)
{
    struct api_proposal j = {.c = c};
    struct registry_proposal again;
    char at[TIME_TEXT];
    int err;
    buf_clear(payload);
    err = registry_proposal_get(c->api->r, p->payload, &again, payload);
    j.payload = buf_str(payload);
    if (!err && !registry_reads_proposal(c->api->r, &c->who, p->by_org, j.payload))
        err = AM_E_NOTFOUND;
    if (err)
        return err;
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

/* ---- a page of them: they come and go, so `next` is an hour and a digest, and a page
 * goes on there also when what it names was signed meanwhile. */
enum {
    API_PROPOSAL_TAG = 16,
    API_PROPOSAL_LOOKS = 1000,
    API_PROPOSAL_CURSOR = 48,
    API_PROPOSAL_MAX = 4 << 20
};

static void api_proposal_cursor(const struct registry_proposal *p,
                                char out[API_PROPOSAL_CURSOR])
{
    char hex[CRYPTO_HEX];
    snprintf(out, API_PROPOSAL_CURSOR, "%lld-%.*s", (long long)p->at, API_PROPOSAL_TAG,
             crypto_hex(p->payload, 32, hex));
}

static int api_proposal_from(struct api_call *c, const struct registry_proposals *all,
                             size_t *out)
{
    struct str after = http_query(c->req, "after"), tag;
    char hex[CRYPTO_HEX];
    int64_t at;
    size_t i = 0;
    *out = 0;
    if (!after.n)
        return AM_OK;
    if (str_int(str_cut(after, '-', &tag), 0, INT64_MAX, &at) ||
        tag.n != API_PROPOSAL_TAG)
        return api_list_lost(c);
    while (i < all->n &&
           (all->v[i].at > at ||
            (all->v[i].at == at && memcmp(crypto_hex(all->v[i].payload, 32, hex), tag.p,
                                          API_PROPOSAL_TAG) <= 0)))
        i++;
    *out = i;
    return AM_OK;
}

static int api_list_proposals(struct api_call *c, const struct registry_proposals *all)
{
    size_t limit = 0, told = 0, looked = 0, i = 0;
    char cursor[API_PROPOSAL_CURSOR];
    struct buf payload;
    int err = api_list_limit(c, API_LIST_USUAL, &limit);
    if (!err)
        err = api_proposal_from(c, all, &i);
    buf_init(&payload, API_PROPOSAL_MAX);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    for (; !err && i < all->n && told < limit && looked < API_PROPOSAL_LOOKS; i++) {
        err = api_proposal_one(c, &all->v[i], &payload);
        looked++;
        told += !err;
        if (err == AM_E_NOTFOUND)
            err = AM_OK;
    }
    jw_arr_end(&c->w);
    buf_release(&payload);
    if (err || i == all->n)
        return err;
    api_proposal_cursor(&all->v[i - 1], cursor);
    jw_kstrz(&c->w, "next", cursor);
    return api_list_next(c, "after", cursor);
}

int api_h_proposals(struct api_call *c)
{
    struct registry_proposals all = {0};
    struct tlog_checkpoint head;
    int err = registry_proposals(c->api->r, &all);
    tlog_head(registry_log(c->api->r), &head);
    jw_obj(&c->w);
    jw_kint(&c->w, "tree_size", (int64_t)head.size);
    if (!err)
        err = api_list_proposals(c, &all);
    jw_obj_end(&c->w);
    vec_release(&all);
    return err ? err : api_done(c, 200);
}
