/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: an entry of the log in the form that Sigstore verifiers read. */
#include "api/api_priv.h"

int api_put_bundle(struct api_call *c, uint64_t index, struct str note)
{
    struct registry *r = c->api->r;
    const struct ledger_bundle_from from = {registry_log(r), registry_blobs(r), note,
                                            tlog_key(registry_log(r))};
    return ledger_bundle(&from, index, &c->w);
}

/* A bundle holds the payload: for those who may read it. */
static int api_bundle_reads(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    int64_t index = 0;
    (void)cosigned;
    (void)!str_int(c->param[0], 0, INT64_MAX, &index);
    if (api_reads_entry(c, l, (uint64_t)index))
        return AM_OK;
    diag_err(&c->d, "", "right.not_yours", "only those concerned read it");
    return c->has_who ? AM_E_FORBIDDEN : AM_E_UNAUTHORIZED;
}

/* The checkpoint with the quorum, so that cosignatures travel with the proof. */
int api_h_statement_bundle(struct api_call *c)
{
    struct tlog_checkpoint head;
    struct buf note;
    int64_t index;
    int err;
    if (str_int(c->param[0], 0, INT64_MAX, &index)) {
        diag_err(&c->d, "", "path.index", "a log index is expected in the path");
        return AM_E_SYNTAX;
    }
    tlog_head(registry_log(c->api->r), &head);
    if ((uint64_t)index >= head.size)
        return AM_E_NOTFOUND;
    err = registry_view(c->api->r, api_bundle_reads, c);
    if (err)
        return err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_note_cosigned(registry_log(c->api->r), &note);
    if (err == AM_E_NOTFOUND)
        err = AM_E_UNAVAILABLE; /* cosignatures are on their way */
    if (!err)
        err = api_put_bundle(c, (uint64_t)index, buf_str(&note));
    buf_release(&note);
    if (!err)
        err = api_done(c, 200);
    if (!err)
        http_setz(c->req, c->resp, "Content-Type", LEDGER_BUNDLE_TYPE);
    return err;
}
