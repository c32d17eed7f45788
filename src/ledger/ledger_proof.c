/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_proof -- members of a record that a guard reads as proof: the OpenSSF signature
 * of the weights, the FHIR twin, the local validation.
 *
 * The fold asks whether they speak of *this* model: the record itself is signed by the
 * vendor, so what the bundle says is the vendor's word here. The signature inside the
 * bundle and the profiles of the twin are checked at the door of the registry. */
#include "ledger/ledger_priv.h"

enum { MANIFEST_MAX = 1 << 20 };

/* ---- field 23 -------------------------------------------------------------------- */
static bool resource_is(const struct json *resource, const struct json *artifact)
{
    return str_eq(json_get_str(resource, "name"), json_get_str(artifact, "path")) &&
           str_eq(json_get_str(resource, "digest"), json_get_str(artifact, "sha256")) &&
           json_str_is(json_get(resource, "algorithm"), "sha256");
}

/* The manifest lists the artifacts of the record, each once, and nothing else. */
static bool manifest_is(const struct json *resources, const struct json *artifacts)
{
    if (json_size(resources) == 0 || json_size(resources) != json_size(artifacts))
        return false;
    for (json_each(a, artifacts)) {
        size_t found = 0;
        for (json_each(r, resources))
            found += resource_is(r.val, a.val);
        if (found != 1)
            return false;
    }
    return true;
}

static bool statement_names(const struct json *s, const struct json *record)
{
    const struct json *subject = json_get(s, "subject");
    struct str digest = json_get_str(json_get(json_at(subject, 0), "digest"), "sha256");
    return json_str_is(json_get(s, "_type"), ledger_type) &&
           json_str_is(json_get(s, "predicateType"),
                       "https://model_signing/signature/v1.0") &&
           json_size(subject) == 1 &&
           str_eq(digest, json_get_str(record, "model_digest")) &&
           manifest_is(json_get(json_get(s, "predicate"), "resources"),
                       json_get(record, "artifacts"));
}

int ledger_proof_signature(const struct json *record, bool *holds)
{
    const struct json *envelope =
        json_get(json_get(record, "model_signature"), "dsseEnvelope");
    struct json_doc *doc = NULL;
    struct buf payload;
    int err;
    *holds = false;
    if (!json_str_is(json_get(envelope, "payloadType"), ledger_payload_type) ||
        json_size(json_get(envelope, "signatures")) != 1)
        return AM_OK;
    buf_init(&payload, MANIFEST_MAX);
    err = crypto_unbase64(&payload, json_get_str(envelope, "payload"));
    if (!err)
        err = json_parse(&doc, buf_str(&payload), NULL, NULL);
    if (!err)
        *holds = statement_names(json_root(doc), record);
    json_free(doc);
    buf_release(&payload);
    return err == AM_E_NOMEM ? err : AM_OK;
}

/* ---- field 52 -------------------------------------------------------------------- */
/* The twin is a function of the record: whoever has one makes the other, and the door of
 * the registry refuses a record whose twin does not validate. A record that carries one
 * all the same must not carry another model's. */
bool ledger_proof_twin(const struct json *record)
{
    const struct json *twin = json_get(record, "fhir_twin"),
                      *device = json_get(twin, "device");
    struct str digest = json_get_str(record, "model_digest");
    bool weights = false;
    if (!ledger_has(record, "fhir_twin"))
        return true;
    for (json_each(it, json_get(device, "version"))) {
        struct str value = json_get_str(it.val, "value");
        weights |= str_starts(value, STR("sha256:")) &&
                   str_eq(str_sub(value, 7, value.n), digest);
    }
    return weights && json_str_is(json_get(device, "resourceType"), "Device") &&
           json_str_is(json_get(json_get(twin, "document_reference"), "resourceType"),
                       "DocumentReference");
}

/* ---- field 75 -------------------------------------------------------------------- */
static bool holds(struct str op, double x, double limit)
{
    if (str_eqc(op, "ge"))
        return x >= limit;
    if (str_eqc(op, "gt"))
        return x > limit;
    if (str_eqc(op, "le"))
        return x <= limit;
    if (str_eqc(op, "lt"))
        return x < limit;
    return str_eqc(op, "eq") && x >= limit && x <= limit;
}

/* The number of a measure that a parameter names: "auc", "auc_ci95_low"... */
static const struct json *number_of(const struct json *measure, struct str param)
{
    struct str name = json_get_str(measure, "name");
    if (json_get_str(measure, "group").n || !name.n || !str_starts(param, name))
        return NULL;
    param = str_sub(param, name.n, param.n);
    return json_get(measure, param.n == 0                   ? "estimate"
                             : str_eqc(param, "_ci95_low")  ? "ci95_low"
                             : str_eqc(param, "_ci95_high") ? "ci95_high"
                                                            : "-");
}

static bool level_in(const struct json *levels, const char *level)
{
    for (json_each(it, levels))
        if (json_str_is(it.val, level))
            return true;
    return false;
}

/* Every limit of a gate that the local measures speak of holds, and one at least does. */
bool ledger_proof_local(const struct ledger_policy *p, const struct json *measures,
                        enum ledger_level level)
{
    size_t asked = 0;
    for (size_t i = 0; i < label_policy_rows(p->label); i++) {
        const struct json *row = label_policy_row(p->label, i);
        const char *name = ledger_level_name(level);
        if (!json_str_is(json_get(json_get(row, "level"), name), "gate"))
            continue;
        for (json_each(l, json_get(row, "limits"))) {
            const struct json *limit = json_get(l.val, "value");
            if (json_type(limit) != JSON_NUMBER ||
                !level_in(json_get(l.val, "levels"), name))
                continue;
            for (json_each(m, measures)) {
                const struct json *x =
                    str_eq(json_get_str(m.val, "row"), json_get_str(row, "id"))
                        ? number_of(m.val, json_get_str(l.val, "param"))
                        : NULL;
                if (!x)
                    continue;
                asked++;
                if (json_type(x) != JSON_NUMBER ||
                    !holds(json_get_str(l.val, "op"), json_num(x, 0), json_num(limit, 0)))
                    return false;
            }
        }
    }
    return asked > 0;
}
