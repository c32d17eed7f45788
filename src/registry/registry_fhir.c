/* SPDX-License-Identifier: Apache-2.0 */
/* The FHIR twin (registry.md 10): Device after AI-Device, DocumentReference after
 * AI-ModelCard of the guide AI Transparency on FHIR (1.0.0-ballot). Generated, never
 * edited; checked against base R4 and the rules of the two profiles before a version is
 * logged. */
#include "base/clock.h"
#include "fhir/fhir.h"
#include "fhir/valid.h"
#include "registry/registry_card.h"

#define AI     "http://hl7.org/fhir/uv/aitransparency/"
#define AMANE  "urn:amane:"
#define KINDS  AI "CodeSystem/AIdeviceTypeCS"
#define CARDS  AI "CodeSystem/AImodelCardCS"
#define DEVICE AI "StructureDefinition/AI-Device"
#define CARD   AI "StructureDefinition/AI-ModelCard"

static const struct {
    const char *model_types, *code;
} kind[] = {
    {" expert_rules ", "Rule-Based-Systems"},
    {" tree forest boosting logistic_regression linear_regression svm ",
     "Machine-Learning-Models"},
    {" dense_network cnn rnn transformer ", "Deep-Learning-Models"},
    {" external_api_service ", "Large-Language-Models"},
    {" ensemble ", "Hybrid-Models"},
};

static const char *twin_kind(const struct json *version)
{
    char word[64];
    snprintf(word, sizeof word, " %.*s ",
             (int)AM_MIN(json_get_str(version, "model_type").n, 60),
             json_get_str(version, "model_type").n ? json_get_str(version, "model_type").p
                                                   : "");
    for (size_t i = 0; i < AM_LEN(kind); i++)
        if (strstr(kind[i].model_types, word))
            return kind[i].code;
    return NULL;
}

static void twin_coding(struct jw *w, const char *system, const char *code,
                        const char *display)
{
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", system);
    jw_kstrz(w, "code", code);
    if (display)
        jw_kstrz(w, "display", display);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void twin_text(struct jw *w, struct str text)
{
    jw_obj(w);
    jw_kstr(w, "text", text);
    jw_obj_end(w);
}

static void twin_head(struct jw *w, const char *type, const char *id, const char *profile)
{
    jw_kstrz(w, "resourceType", type);
    jw_kstrz(w, "id", id);
    jw_key(w, "meta");
    jw_obj(w);
    jw_key(w, "profile");
    jw_arr(w);
    jw_strz(w, profile);
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- Device
 * -------------------------------------------------------------------------------- */
static void extension_open(struct jw *w, const char *url)
{
    jw_obj(w);
    jw_kstrz(w, "url", url);
}

/* The label has no place in the guide: an extension of ours, with its parts. */
static void twin_label(const struct registry_card *c, struct jw *w)
{
    char at[TIME_TEXT];
    extension_open(w, AMANE "fhir:label_decision");
    jw_key(w, "extension");
    jw_arr(w);
    extension_open(w, "level");
    jw_kstrz(w, "valueCode", c->level);
    jw_obj_end(w);
    extension_open(w, "status");
    jw_kstrz(w, "valueCode", c->status);
    jw_obj_end(w);
    if (c->expires_at) {
        extension_open(w, "expires");
        jw_kstrz(w, "valueInstant", time_format(c->expires_at, at));
        jw_obj_end(w);
    }
    if (c->decision_sha256[0]) {
        extension_open(w, "decision");
        jw_key(w, "valueUri");
        jw_strf(w, AMANE "sha256:%s", c->decision_sha256);
        jw_obj_end(w);
    }
    extension_open(w, "tree_size");
    jw_key(w, "valueString");
    jw_strf(w, "%llu", (unsigned long long)c->tree_size);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void twin_extensions(const struct registry_card *c, struct jw *w)
{
    const char *code = twin_kind(c->version);
    jw_key(w, "extension");
    jw_arr(w);
    if (code) {
        extension_open(w, AI "StructureDefinition/aitransparency.AIKind");
        jw_key(w, "valueCodeableConcept");
        twin_coding(w, KINDS, code, NULL);
        jw_obj_end(w);
    }
    extension_open(w, AI "StructureDefinition/aitransparency.modelCardDescription");
    jw_key(w, "valueReference");
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "DocumentReference/%s", c->model_digest);
    jw_obj_end(w);
    jw_obj_end(w);
    if (!c->embedded)
        twin_label(c, w);
    jw_arr_end(w);
}

static void twin_version(struct jw *w, const char *type, const char *prefix,
                         struct str value)
{
    jw_obj(w);
    jw_key(w, "type");
    twin_text(w, str_c(type));
    jw_key(w, "value");
    jw_strf(w, "%s%.*s", prefix, STR_FMT(value));
    jw_obj_end(w);
}

static void twin_names(const struct registry_card *c, struct jw *w)
{
    static const char *const names[] = {"trade_name", "short_name"};
    jw_key(w, "deviceName");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(names); i++)
        for (json_each(it, json_get(c->algorithm, names[i]))) {
            jw_obj(w);
            jw_kstr(w, "name", json_str(it.val));
            jw_kstrz(w, "type", i ? "other" : "user-friendly-name");
            jw_obj_end(w);
        }
    jw_arr_end(w);
}

static void twin_safety(const struct registry_card *c, struct jw *w)
{
    jw_key(w, "safety");
    jw_arr(w);
    for (json_each(it, json_get(c->version, "known_risks")))
        twin_text(w, registry_card_words(it.val, "en"));
    jw_arr_end(w);
}

static void twin_parties(const struct registry_card *c, struct jw *w)
{
    const struct json *dev = json_get(c->algorithm, "developer");
    jw_kstr(w, "manufacturer", json_get_str(dev, "name"));
    jw_key(w, "owner");
    jw_obj(w);
    jw_key(w, "identifier");
    jw_obj(w);
    jw_kstrz(w, "system", AMANE "org");
    jw_kstr(w, "value", json_get_str(dev, "org_id"));
    jw_obj_end(w);
    jw_kstr(w, "display", json_get_str(dev, "name"));
    jw_obj_end(w);
    jw_key(w, "contact");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "email");
    jw_kstr(w, "value", json_get_str(dev, "contact"));
    jw_obj_end(w);
    jw_arr_end(w);
}

static void twin_device(const struct registry_card *c, struct jw *w)
{
    jw_obj(w);
    twin_head(w, "Device", c->model_digest, DEVICE);
    twin_extensions(c, w);
    jw_key(w, "identifier");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "use", "official");
    jw_kstrz(w, "system", AMANE "algorithm_id");
    jw_kstr(w, "value", json_get_str(c->version, "algorithm_id"));
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstrz(w, "status", c->labelled ? "active" : "inactive");
    twin_parties(c, w);
    if (json_size(json_get(c->algorithm, "trade_name")))
        twin_names(c, w);
    jw_key(w, "type");
    twin_coding(w, KINDS, "Artificial-Intelligence", NULL);
    jw_key(w, "version");
    jw_arr(w);
    twin_version(w, "label", "", json_get_str(c->version, "version_label"));
    twin_version(w, "weights digest", "sha256:", str_c(c->model_digest));
    jw_arr_end(w);
    jw_key(w, "url");
    jw_strf(w, AMANE "model:%s", c->model_digest);
    if (json_size(json_get(c->version, "known_risks")))
        twin_safety(c, w);
    jw_obj_end(w);
}

/* ---- DocumentReference
 * --------------------------------------------------------------------- */
static void twin_document(const struct registry_card *c, struct jw *w)
{
    char at[TIME_TEXT];
    jw_obj(w);
    twin_head(w, "DocumentReference", c->model_digest, CARD);
    jw_key(w, "identifier");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", c->embedded ? AMANE "model_digest" : AMANE "record_sha256");
    jw_kstrz(w, "value", c->embedded ? c->model_digest : c->record_sha256);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstrz(w, "status", "current");
    jw_key(w, "type");
    twin_coding(w, CARDS, "AIModelCard", "AI Model-Card");
    jw_key(w, "category");
    jw_arr(w);
    /* The ballot fixes this first category; its code is the guide's own. */
    twin_coding(w, CARDS, "AIInputPrompt", "AI Input Prompt");
    twin_coding(w, CARDS, "AImodelCardCHAIformat", "CHAI Format");
    jw_arr_end(w);
    jw_kstrz(w, "date", time_format(c->declared_at, at));
    jw_kstr(w, "description",
            registry_card_words(json_get(json_get(c->version, "intended_use"), "text"),
                                "en"));
    jw_key(w, "content");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "attachment");
    jw_obj(w);
    jw_kstrz(w, "contentType", "application/xml");
    jw_key(w, "url");
    jw_strf(w, "/api/v1/versions/%s/card?format=chai", c->model_digest);
    jw_obj_end(w);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

void registry_card_fhir(const struct registry_card *c, struct jw *w)
{
    void (*const part[])(const struct registry_card *, struct jw *) = {twin_device,
                                                                       twin_document};
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Bundle");
    jw_key(w, "identifier");
    jw_obj(w);
    jw_kstrz(w, "system", AMANE "record_sha256");
    jw_kstrz(w, "value", c->record_sha256);
    jw_obj_end(w);
    jw_kstrz(w, "type", "collection");
    jw_key(w, "entry");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(part); i++) {
        jw_obj(w);
        jw_key(w, "resource");
        part[i](c, w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

/* ---- the two profiles
 * ---------------------------------------------------------------------- */
static bool twin_has(const struct json *concept, const char *system, const char *code)
{
    for (json_each(it, json_get(concept, "coding")))
        if (json_str_is(json_get(it.val, "system"), system) &&
            json_str_is(json_get(it.val, "code"), code))
            return true;
    return false;
}

/* Elements each profile marks: a twin without one would say less than it must. */
static void twin_profile(const struct json *v, struct diag *d)
{
    static const char *const device[] = {"identifier", "manufacturer", "deviceName",
                                         "version",    "owner",        "contact",
                                         "safety"};
    bool is_device = json_str_is(json_get(v, "resourceType"), "Device");
    char path[64];
    if (is_device && !twin_has(json_get(v, "type"), KINDS, "Artificial-Intelligence"))
        diag_err(d, "/type", "fhir.profile", "Artificial-Intelligence");
    for (size_t i = 0; is_device && i < AM_LEN(device); i++) {
        snprintf(path, sizeof path, "/%s", device[i]);
        if (!json_get(v, device[i]))
            diag_err(d, path, "fhir.profile", "the profile needs it");
    }
    if (!is_device && !twin_has(json_get(v, "type"), CARDS, "AIModelCard"))
        diag_err(d, "/type", "fhir.profile", "AIModelCard");
}

/* A record cannot hold its own digest, nor a label it does not have yet: the twin inside
 * a record is without them. */
static void twin_embedded(const struct json *algorithm, const struct json *version,
                          struct registry_card *c)
{
    struct str digest = json_get_str(version, "model_digest");
    *c = (struct registry_card){.algorithm = algorithm,
                                .version = version,
                                .status = "registered",
                                .level = "none",
                                .embedded = true};
    snprintf(c->model_digest, sizeof c->model_digest, "%.*s", (int)AM_MIN(digest.n, 64),
             digest.p ? digest.p : "");
    if (time_parse(json_get_str(version, "issued_at"), &c->declared_at))
        c->declared_at = 0;
}

void registry_twin_write(const struct json *algorithm, const struct json *version,
                         struct jw *w)
{
    struct registry_card c;
    twin_embedded(algorithm, version, &c);
    jw_obj(w);
    jw_key(w, "device");
    twin_device(&c, w);
    jw_key(w, "document_reference");
    twin_document(&c, w);
    jw_obj_end(w);
}

int registry_twin_check(const struct json *algorithm, const struct json *version,
                        struct diag *d)
{
    const struct json *said = json_get(version, "fhir_twin");
    struct json_doc *doc = NULL;
    struct diag found;
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, REGISTRY_RECORD_MAX);
    diag_init(&found);
    jw_init(&w, &text);
    registry_twin_write(algorithm, version, &w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    for (json_each(it, json_root(doc))) {
        if (!err)
            err = fhir_valid_check(NULL, it.val, 0, &found);
        if (err == AM_E_INVALID)
            err = AM_OK;
        twin_profile(it.val, &found);
    }
    for (size_t i = 0; i < found.n; i++)
        diag_err(d, "/fhir_twin", "record.fhir_twin", "%s: %s", found.item[i].path,
                 found.item[i].detail);
    if (!err && said && !json_equal(said, json_root(doc)))
        diag_err(d, "/fhir_twin", "record.twin_differs",
                 "not what the registry makes of this record");
    json_free(doc);
    diag_release(&found);
    buf_release(&text);
    return err;
}
