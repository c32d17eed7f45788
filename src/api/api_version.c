/* SPDX-License-Identifier: Apache-2.0 */
/* A version as addresses name it (registry.md 12): its digest, or its algorithm's
 * identifier for the newest declared; then maybe @ and a size of the log, for what was
 * known then. */
#include "api/api_priv.h"

struct api_asked {
    struct api_call *c;
    api_version_fn *fn;
    uint8_t digest[32];
    struct str algorithm; /* empty: the digest says */
    uint64_t size;        /* 0: now */
};

static int api_asked_read(struct api_call *c, struct api_asked *a)
{
    struct str id = c->param[0], size = {0};
    size_t at = str_find(id, '@');
    int64_t n;
    if (at < id.n) {
        size = str_sub(id, at + 1, id.n);
        id = str_sub(id, 0, at);
        if (str_int(size, 1, INT64_MAX, &n)) {
            diag_err(&c->d, "", "path.size", "a size of the log is expected after @");
            return AM_E_SYNTAX;
        }
        a->size = (uint64_t)n;
    }
    if (crypto_unhex(id, a->digest, sizeof a->digest) == AM_OK)
        return AM_OK;
    a->algorithm = id;
    if (ledger_algorithm_id_valid(id))
        return AM_OK;
    diag_err(&c->d, "", "path.version",
             "a digest or the identifier of an algorithm is expected in the path");
    return AM_E_SYNTAX;
}

static int api_asked_view(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_asked *a = arg;
    const struct ledger_version *v =
        a->algorithm.n
            ? ledger_version_at(
                  l, ledger_list_first(l, LEDGER_VERSIONS_OF_ALGORITHM, a->algorithm))
            : ledger_version_find(l, a->digest);
    if (!v)
        return AM_E_NOTFOUND;
    memcpy(a->digest, v->digest, sizeof a->digest);
    return a->fn ? a->fn(a->c, l, cosigned, v, a->size != 0) : AM_OK;
}

static bool api_gone(void *req)
{
    return http_gone(req);
}

struct registry_reader api_reader(struct api_call *c)
{
    return (struct registry_reader){c->req->peer, api_gone, c->req};
}

void api_past_refused(struct api_call *c, int err)
{
    if (err != AM_E_TOOMANY)
        return;
    diag_err(&c->d, "", "past.often", "too many older sizes asked for; again in %d s",
             REGISTRY_PAST_AGAIN_S);
    c->retry_s = REGISTRY_PAST_AGAIN_S;
}

static int api_asked_now(struct api_call *c, struct api_asked *a)
{
    struct registry_reader who = api_reader(c);
    int err = api_asked_read(c, a);
    if (!err)
        err = a->size ? registry_view_as(c->api->r, &who, a->size, api_asked_view, a)
                      : registry_view(c->api->r, api_asked_view, a);
    api_past_refused(c, err);
    if (err == AM_E_TOOBIG) { /* the answer is small, the fold that makes it is not */
        diag_err(&c->d, "", "path.size_past", "too old a fold to make for one reader");
        err = AM_E_SYNTAX;
    }
    return err;
}

int api_version_view(struct api_call *c, api_version_fn *fn)
{
    return api_asked_now(c, &(struct api_asked){.c = c, .fn = fn});
}

int api_version_asked(struct api_call *c, uint8_t digest[32], uint64_t *size)
{
    struct api_asked a = {.c = c};
    int err = api_asked_now(c, &a);
    if (!err) {
        memcpy(digest, a.digest, 32);
        *size = a.size;
    }
    return err;
}
