/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a record against what the registry already knows: its policy's code lists,
 * its directory, the versions declared before. Read lock held for the time of a look-up.
 */
#include "registry/registry_card.h"

#include <math.h>

/* The member `code` of an entry of policy.codes.<list>, or a plain string. */
static bool world_code(const struct ledger *l, const char *list, struct str code)
{
    for (json_each(it, json_get(json_get(ledger_policy(l), "codes"), list)))
        if (str_eq(json_get_str(it.val, "code"), code) || str_eq(json_str(it.val), code))
            return true;
    return false;
}

/* Fields 11 and 16: the use is on the national list; criticality follows from it. */
static void world_use(const struct ledger *l, const struct json *record, struct diag *d)
{
    struct str use = json_get_str(json_get(record, "intended_use"), "use_code"),
               criticality = json_get_str(record, "criticality");
    if (!use.n || !json_size(json_get(json_get(ledger_policy(l), "codes"), "uses")))
        return;
    if (!world_code(l, "uses", use))
        diag_err(d, "/intended_use/use_code", "record.use_unknown",
                 "not on the national list of uses");
    if (world_code(l, "critical", use) && criticality.n &&
        !str_eqc(criticality, "critical_diagnosis"))
        diag_err(d, "/criticality", "record.criticality_low",
                 "this use is a critical diagnosis: nobody may declare less");
}

static bool world_row(const struct json *rows, const char *member, struct str name)
{
    for (json_each(it, rows))
        if (name.n && str_eq(json_get_str(it.val, member), name))
            return true;
    return false;
}

static void world_named(const struct json *rows, const struct json *list,
                        const char *name, const char *member, size_t change,
                        struct diag *d)
{
    for (json_each(it, list)) {
        struct str word =
            json_str(it.val).p ? json_str(it.val) : json_get_str(it.val, "row");
        if (!world_row(rows, member, word))
            registry_problem(d, "record.row_unknown", "not in the policy in force",
                             "/change_plan/changes/%zu/%s/%zu%s", change, name, it.i,
                             json_str(it.val).p ? "" : "/row");
    }
}

/* Field 44: what the plan runs again is in the matrix of the policy in force. */
static void world_plan(const struct ledger *l, const struct json *record, struct diag *d)
{
    const struct json *rows = json_get(json_get(ledger_policy(l), "matrix"), "rows");
    for (json_each(it, json_get(json_get(record, "change_plan"), "changes"))) {
        const struct json *c = it.val;
        world_named(rows, json_get(c, "tests"), "tests", "id", it.i, d);
        world_named(rows, json_get(c, "families"), "families", "family", it.i, d);
        world_named(rows, json_get(c, "acceptance"), "acceptance", "id", it.i, d);
    }
}

/* Fields 2, 3 and 22: labels once, one chain, one digest under one identifier. */
static void world_siblings(const struct ledger *l, const struct json *record,
                           const uint8_t digest[32], struct diag *d)
{
    struct str id = json_get_str(record, "algorithm_id"),
               label = json_get_str(record, "version_label"),
               before =
                   json_get_str(json_get(record, "previous_version"), "model_digest");
    bool others = false, follows = false;
    for (size_t i = ledger_list_first(l, LEDGER_VERSIONS_OF_ALGORITHM, id); i != SIZE_MAX;
         i = ledger_list_next(l, LEDGER_VERSIONS_OF_ALGORITHM, i)) {
        const struct ledger_version *v = ledger_version_at(l, i);
        char hex[CRYPTO_HEX];
        if (memcmp(v->digest, digest, 32) == 0)
            continue;
        others = true;
        if (str_eqc(before, crypto_hex(v->digest, 32, hex))) {
            follows = true;
            if (!str_eqc(
                    json_get_str(json_get(record, "previous_version"), "version_label"),
                    v->version_label))
                diag_err(d, "/previous_version/version_label", "record.previous_label",
                         "the registry has it as %s", v->version_label);
        }
        if (str_eqc(label, v->version_label))
            diag_err(d, "/version_label", "record.version_taken",
                     "other weights have this version already");
    }
    if (others && !before.n)
        diag_err(d, "/previous_version", "record.previous_missing",
                 "say which version this one follows");
    if (before.n && !follows)
        diag_err(d, "/previous_version/model_digest", "record.previous_unknown",
                 "no such version under this identifier");
}

/* Field 33: a digest leads to data from Morocco that the record itself declares, or to
 * evidence in effect on a version of the same product. */
static bool world_from_morocco(const struct json *record, struct str hex)
{
    static const char *const list[] = {"training_data", "validation_data"};
    for (size_t i = 0; i < AM_LEN(list); i++)
        for (json_each(it, json_get(record, list[i])))
            if (str_eq(json_get_str(it.val, "manifest_sha256"), hex) &&
                json_str_is(json_get(it.val, "country"), "MA"))
                return true;
    return false;
}

static bool world_evidence_of(const struct ledger *l, struct str algorithm_id,
                              const uint8_t payload[32])
{
    for (size_t i = ledger_list_first(l, LEDGER_VERSIONS_OF_ALGORITHM, algorithm_id);
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_VERSIONS_OF_ALGORITHM, i)) {
        const struct ledger_version *v = ledger_version_at(l, i);
        for (size_t k = 0; k < v->evidence.n; k++)
            if (memcmp(v->evidence.v[k].payload, payload, 32) == 0)
                return true;
    }
    return false;
}

static void world_relevance(const struct ledger *l, const struct json *record,
                            struct diag *d)
{
    for (json_each(it, json_get(record, "relevance_evidence"))) {
        struct str hex, kind = json_get_str(it.val, "reference");
        uint8_t digest[32];
        if (!str_eqc(str_cut(kind, ':', &hex), "sha256") ||
            crypto_unhex(hex, digest, sizeof digest))
            continue; /* of another kind, or the schema says it */
        if (!world_from_morocco(record, hex) &&
            !world_evidence_of(l, json_get_str(record, "algorithm_id"), digest))
            registry_problem(d, "record.morocco_unlinked",
                             "neither data from Morocco declared here nor evidence",
                             "/relevance_evidence/%zu/reference", it.i);
    }
}

/* Same numbers in another file: allowed (a docstring edited), but nobody may miss it. */
static int world_twins(struct registry *r, struct str canonical, const uint8_t digest[32],
                       struct diag *d)
{
    uint8_t twin[32];
    char hex[CRYPTO_HEX];
    if (!canonical.n || registry_twin(r, canonical, digest, twin) != AM_OK)
        return AM_OK;
    diag_add(d, DIAG_WARNING, "/canonical_weight_hash", "record.twin",
             "the same weights are registered as %s", crypto_hex(twin, 32, hex));
    return AM_OK;
}

int registry_world_version(struct registry *r, const struct json *record, struct diag *d)
{
    const struct ledger_version *v;
    uint8_t digest[32];
    bool known = crypto_unhex(json_get_str(record, "model_digest"), digest,
                              sizeof digest) == AM_OK;
    int err = AM_OK;
    pthread_rwlock_rdlock(&r->fold);
    world_use(r->ledger, record, d);
    world_relevance(r->ledger, record, d);
    world_plan(r->ledger, record, d);
    if (known) {
        v = ledger_version_find(r->ledger, digest);
        if (v && !str_eqc(json_get_str(record, "algorithm_id"), v->algorithm_id))
            diag_err(d, "/model_digest", "record.digest_taken",
                     "these weights are registered under another identifier");
        world_siblings(r->ledger, record, digest, d);
        err = world_twins(r, json_get_str(record, "canonical_weight_hash"), digest, d);
    }
    pthread_rwlock_unlock(&r->fold);
    return err;
}

/* The algorithm a version belongs to, as declared; AM_E_NOTFOUND. */
static int world_algorithm(struct registry *r, const struct json *record,
                           struct json_doc **out)
{
    struct str id = json_get_str(record, "algorithm_id");
    const struct ledger_algorithm *a;
    uint8_t payload[32];
    pthread_rwlock_rdlock(&r->fold);
    a = id.n ? ledger_algorithm_find(r->ledger, id) : NULL;
    if (a)
        memcpy(payload, a->payload, sizeof payload);
    pthread_rwlock_unlock(&r->fold);
    return a ? registry_payload(r, payload, out) : AM_E_NOTFOUND;
}

/* The FHIR face of what is declared must be valid before it is logged. */
int registry_world_twin(struct registry *r, const struct json *record, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err = world_algorithm(r, record, &doc);
    if (err == AM_E_NOTFOUND || !json_get_str(record, "model_digest").n)
        err = AM_OK; /* said elsewhere */
    else if (!err)
        err = registry_twin_check(json_get(json_root(doc), "predicate"), record, d);
    json_free(doc);
    return err;
}

int registry_twin_of(struct registry *r, const struct json *record, struct buf *out)
{
    struct json_doc *doc = NULL;
    struct jw w;
    int err = world_algorithm(r, record, &doc);
    jw_init(&w, out);
    if (!err) {
        registry_twin_write(json_get(json_root(doc), "predicate"), record, &w);
        err = jw_done(&w);
    }
    json_free(doc);
    return err;
}

int registry_check_algorithm(struct registry *r, const struct json *record,
                             struct diag *d)
{
    struct str id = json_get_str(record, "algorithm_id"),
               org = json_get_str(json_get(record, "developer"), "org_id");
    bool known = !org.n;
    if (id.n && !registry_algorithm_id_valid(id))
        diag_err(d, "/algorithm_id", "record.algorithm_id",
                 "not an identifier issued by the registry (check character)");
    registry_rule_algorithm(record, d);
    pthread_rwlock_rdlock(&r->fold);
    for (size_t i = 0; i < ledger_keys(r->ledger) && !known; i++)
        known = str_eqc(org, ledger_key_at(r->ledger, i)->org_id);
    pthread_rwlock_unlock(&r->fold);
    if (!known)
        diag_err(d, "/developer/org_id", "record.org_unknown",
                 "this organisation has no key in the directory");
    return diag_result(d);
}

/* A bench that measured on what the model learnt from measured memory (field 55). */
struct world_data {
    struct registry *r;
    const struct json *record;
    struct diag *d;
};

static void world_overlap(const struct json *version, struct str sha256, const char *at,
                          struct diag *d)
{
    static const char *const list[] = {"training_data", "validation_data"};
    for (size_t i = 0; i < AM_LEN(list); i++)
        for (json_each(it, json_get(version, list[i])))
            if (sha256.n && str_eq(json_get_str(it.val, "manifest_sha256"), sha256))
                diag_err(d, at, "record.data_seen",
                         "the model was made with these data (%s)", list[i]);
}

static void world_overlaps(const struct json *version, const struct json *data,
                           struct diag *d)
{
    world_overlap(version, json_get_str(data, "sha256"), "/dataset/sha256", d);
    for (json_each(it, json_get(data, "sites"))) {
        char at[64];
        snprintf(at, sizeof at, "/dataset/sites/%zu/sha256", it.i);
        world_overlap(version, json_get_str(it.val, "sha256"), at, d);
    }
}

/* From the intermediate level on, who tests is not who sells; before, it is said. */
static void world_tester(struct registry *r, const uint8_t digest[32],
                         const struct json *record, struct diag *d)
{
    struct str tester = json_get_str(json_get(record, "dataset"), "tester_org");
    const struct ledger_version *v;
    bool own, more;
    pthread_rwlock_rdlock(&r->fold);
    v = ledger_version_find(r->ledger, digest);
    own = v && str_eqc(tester, v->org_id);
    more = v && v->requested >= LEDGER_INTERMEDIATE;
    pthread_rwlock_unlock(&r->fold);
    if (own)
        diag_add(d, more ? DIAG_ERROR : DIAG_WARNING, "/dataset/tester_org",
                 "record.tester_vendor", "the supplier tested its own version");
}

int registry_world_evidence(struct registry *r, const struct json *record, struct diag *d)
{
    uint8_t digest[32];
    struct json_doc *doc = NULL;
    int err = AM_OK;
    registry_rule_evidence(record, d);
    if (crypto_unhex(json_get_str(record, "model_digest"), digest, sizeof digest))
        return diag_result(d);
    err = registry_declared(r, digest, &doc);
    if (err == AM_E_NOTFOUND) {
        diag_err(d, "/model_digest", "record.version_unknown",
                 "no version with these weights is declared");
        err = AM_OK;
    } else if (!err) {
        world_tester(r, digest, record, d);
        world_overlaps(json_get(json_root(doc), "predicate"), json_get(record, "dataset"),
                       d);
    }
    json_free(doc);
    return err ? err : diag_result(d);
}

/* Field 69: the local threshold is one of the output it cuts. */
static bool world_in_range(const struct json *version, const struct json *threshold)
{
    const struct json *range =
        json_get(json_at(json_get(version, "outputs"), 0), "range");
    double x = json_num(threshold, NAN), lo = json_num(json_at(range, 0), NAN),
           hi = json_num(json_at(range, 1), NAN);
    return !(x < lo) && !(x > hi);
}

int registry_world_deployment(struct registry *r, const struct json *record,
                              struct diag *d)
{
    const struct json *threshold = json_get(record, "local_threshold");
    uint8_t digest[32];
    struct json_doc *doc = NULL;
    int err = AM_OK;
    registry_rule_deployment(record, d);
    if (!threshold ||
        crypto_unhex(json_get_str(record, "model_digest"), digest, sizeof digest))
        return diag_result(d);
    err = registry_declared(r, digest, &doc);
    if (err == AM_E_NOTFOUND)
        err = AM_OK; /* the fold says it */
    else if (!err && !world_in_range(json_get(json_root(doc), "predicate"), threshold))
        diag_err(d, "/local_threshold", "record.threshold_outside",
                 "the threshold is outside the range of the output");
    json_free(doc);
    return err ? err : diag_result(d);
}
