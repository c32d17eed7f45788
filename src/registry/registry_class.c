/* SPDX-License-Identifier: Apache-2.0 */
/* What a blob is follows from the records that cite it: nobody labels files by hand.
 *
 * Of a logged statement the fold knows it already, by its entry; the map holds only what
 * was cited before (or without) being one: some digests of each version, nothing of each
 * statement. */
#include "registry/registry_priv.h"

static int registry_mark(struct registry *r, struct str hex, enum registry_blob class)
{
    uint8_t digest[CRYPTO_SHA256];
    const struct str key = {(const char *)digest, sizeof digest};
    enum ledger_reach reach;
    if (hex.n != 2 * CRYPTO_SHA256 || crypto_unhex(hex, digest, sizeof digest))
        return AM_OK; /* {"na": ...} or absent: the schema has spoken already */
    /* Public never becomes secret, secret never becomes public, whoever cites it later.
     */
    if (map_has(&r->class, key) ||
        ledger_payload_reach(r->ledger, digest, &reach) == AM_OK)
        return AM_OK;
    return map_set(&r->class, key, (size_t)class);
}

static int registry_mark_version(struct registry *r, const struct json *record)
{
    int err = AM_OK;
    for (json_each(it, json_get(record, "artifacts"))) {
        enum registry_blob class = json_str_is(json_get(it.val, "role"), "documentation")
                                       ? REGISTRY_BLOB_PUBLIC
                                       : REGISTRY_BLOB_WEIGHTS;
        err = registry_mark(r, json_get_str(it.val, "sha256"), class);
        if (err)
            return err;
    }
    for (json_each(it, json_get(record, "instructions_for_use"))) {
        err = registry_mark(r, json_str(it.val), REGISTRY_BLOB_PUBLIC);
        if (err)
            return err;
    }
    return registry_mark(r, json_get_str(json_get(record, "sbom"), "sha256"),
                         REGISTRY_BLOB_PUBLIC);
}

int registry_classify(struct registry *r, const struct ledger_statement_view *v)
{
    enum ledger_reach reach = ledger_statement_reach(v);
    int err = AM_OK;
    if (reach == LEDGER_REACH_DEPOSIT)
        return AM_OK;
    if (reach == LEDGER_REACH_CASE)
        return registry_mark(r, json_get_str(v->record, "document"), REGISTRY_BLOB_CASE);
    if (str_eqc(v->event_type, "sandbox_report"))
        err = registry_mark(r, json_get_str(v->record, "report_sha256"),
                            REGISTRY_BLOB_SCORES);
    if (err)
        return err;
    switch (v->kind) {
    case LEDGER_VERSION:
        err = registry_twin_note(r, json_get_str(v->record, "canonical_weight_hash"),
                                 v->subject);
        return err ? err : registry_mark_version(r, v->record);
    case LEDGER_EVIDENCE:
        return registry_mark(r, json_get_str(v->record, "scores_sha256"),
                             REGISTRY_BLOB_SCORES);
    case LEDGER_EVENT:
        if (str_eqc(v->event_type, "admissibility"))
            return registry_mark(r, json_get_str(v->record, "report_sha256"),
                                 REGISTRY_BLOB_PUBLIC);
        /* fall through */
    case LEDGER_DECISION:
        return registry_mark(r, json_get_str(v->record, "policy_sha256"),
                             REGISTRY_BLOB_PUBLIC);
    default:
        return AM_OK;
    }
}

enum registry_blob registry_blob_class(struct registry *r, const uint8_t digest[32])
{
    static const enum registry_blob of[] = {
        [LEDGER_REACH_PUBLIC] = REGISTRY_BLOB_PUBLIC,
        [LEDGER_REACH_CASE] = REGISTRY_BLOB_CASE,
        [LEDGER_REACH_DEPOSIT] = REGISTRY_BLOB_DEPOSIT,
        [LEDGER_REACH_WITHHELD] =
            REGISTRY_BLOB_UNKNOWN, /* a registry withholds nothing */
    };
    const struct str key = {(const char *)digest, CRYPTO_SHA256};
    enum ledger_reach reach;
    size_t class = REGISTRY_BLOB_UNKNOWN;
    pthread_rwlock_rdlock(&r->fold);
    if (map_get(&r->class, key, &class))
        class = ledger_payload_reach(r->ledger, digest, &reach) ? REGISTRY_BLOB_UNKNOWN
                                                                : of[reach];
    pthread_rwlock_unlock(&r->fold);
    return (enum registry_blob) class;
}
