/* SPDX-License-Identifier: Apache-2.0 */
/* Field 25: the bill of materials, CycloneDX 1.x, SPDX 2.x in JSON or SPDX 3 in JSON-LD.
 * It is read as hostile: bounded in size, depth and components. What must hold: it is
 * what the record says it is, every component has a name and a version, and the model it
 * lists is the one declared, by SHA-256. How many components it has is told, not judged.
 */
#include "registry/registry_priv.h"

enum {
    SBOM_SIZE_MAX = 16 << 20,
    SBOM_DEPTH = 40,
    SBOM_VALUES = 2000000,
    SBOM_COMPONENTS_MAX = 50000,
    SBOM_SAID_MAX = 20 /* components without a version that are named one by one */
};

struct sbom {
    const struct json *artifacts;
    struct diag *d;
    size_t components, unnamed, other; /* other: a model with other weights */
    bool weights, too_many;
};

/* Is it the digest of one of the files declared? */
static bool sbom_declared(const struct sbom *s, struct str hex)
{
    for (json_each(it, s->artifacts))
        if (json_str_is(json_get(it.val, "role"), "weights") &&
            str_eq_nocase(json_get_str(it.val, "sha256"), hex))
            return true;
    return false;
}

static void sbom_hash(struct sbom *s, struct str algorithm, struct str value, bool model)
{
    if (!str_eqc(algorithm, "SHA-256") && !str_eqc(algorithm, "SHA256") &&
        !str_eqc(algorithm, "sha256"))
        return;
    if (sbom_declared(s, value))
        s->weights = true;
    else if (model)
        s->other++;
}

/* Counts one component; false: there are too many, nobody counts on. */
static bool sbom_component(struct sbom *s, struct str name, struct str version,
                           bool versioned)
{
    if (++s->components > SBOM_COMPONENTS_MAX) {
        s->too_many = true;
        return false;
    }
    if (versioned && (!str_trim(name).n || !str_trim(version).n) &&
        s->unnamed++ < SBOM_SAID_MAX) {
        char shown[64];
        snprintf(shown, sizeof shown, "%zu", s->components);
        registry_problem(s->d, "record.sbom_version", shown, "/sbom/sha256");
        diag_arg(s->d, "component", shown);
    }
    return true;
}

/* ---- CycloneDX ------------------------------------------------------------------- */
static void cyclonedx_component(struct sbom *s, const struct json *c)
{
    bool model = json_str_is(json_get(c, "type"), "machine-learning-model");
    /* a file is its digest: the standard asks no version of it */
    bool versioned = !json_str_is(json_get(c, "type"), "file") &&
                     !json_str_is(json_get(c, "type"), "data");
    if (s->too_many || !sbom_component(s, json_get_str(c, "name"),
                                       json_get_str(c, "version"), versioned))
        return;
    for (json_each(it, json_get(c, "hashes")))
        sbom_hash(s, json_get_str(it.val, "alg"), json_get_str(it.val, "content"), model);
    for (json_each(it, json_get(c, "components"))) /* depth: the parser's */
        cyclonedx_component(s, it.val);
}

static bool cyclonedx(struct sbom *s, const struct json *root)
{
    const struct json *about = json_get(json_get(root, "metadata"), "component");
    if (!json_str_is(json_get(root, "bomFormat"), "CycloneDX") ||
        !str_starts(json_get_str(root, "specVersion"), STR("1.")) ||
        json_type(json_get(root, "components")) != JSON_ARRAY)
        return false;
    if (about)
        cyclonedx_component(s, about);
    for (json_each(it, json_get(root, "components")))
        cyclonedx_component(s, it.val);
    return true;
}

/* ---- SPDX ------------------------------------------------------------------------ */
static void spdx_checksums(struct sbom *s, const struct json *list)
{
    for (json_each(it, list))
        sbom_hash(s, json_get_str(it.val, "algorithm"),
                  json_get_str(it.val, "checksumValue"), false);
}

static bool spdx2(struct sbom *s, const struct json *root)
{
    if (!str_starts(json_get_str(root, "spdxVersion"), STR("SPDX-2.")) ||
        json_type(json_get(root, "packages")) != JSON_ARRAY)
        return false;
    for (json_each(it, json_get(root, "packages"))) {
        if (!sbom_component(s, json_get_str(it.val, "name"),
                            json_get_str(it.val, "versionInfo"), true))
            break;
        spdx_checksums(s, json_get(it.val, "checksums"));
    }
    for (json_each(it, json_get(root, "files"))) /* parts of packages: not counted */
        spdx_checksums(s, json_get(it.val, "checksums"));
    return true;
}

/* SPDX 3.0, JSON-LD serialization: elements in one flat list, named by the published
 * context. Other serializations of the same graph (expanded, framed) are not read. */
static const char spdx3_context[] = "https://spdx.org/rdf/3.";

static void spdx3_element(struct sbom *s, const struct json *e)
{
    struct str type = json_get_str(e, "type");
    bool model = str_eqc(type, "ai_AIPackage"), file = str_eqc(type, "software_File"),
         data = str_eqc(type, "dataset_DatasetPackage");
    if (!model && !file && !data && !str_eqc(type, "software_Package"))
        return;
    if (!file && !sbom_component(s, json_get_str(e, "name"),
                                 json_get_str(e, "software_packageVersion"), !data))
        return;
    for (json_each(it, json_get(e, "verifiedUsing")))
        if (json_str_is(json_get(it.val, "type"), "Hash"))
            sbom_hash(s, json_get_str(it.val, "algorithm"),
                      json_get_str(it.val, "hashValue"), model);
}

static bool spdx3(struct sbom *s, const struct json *root)
{
    if (!str_starts(json_get_str(root, "@context"), str_c(spdx3_context)) ||
        json_type(json_get(root, "@graph")) != JSON_ARRAY)
        return false;
    for (json_each(it, json_get(root, "@graph"))) {
        if (s->too_many)
            break;
        spdx3_element(s, it.val);
    }
    return true;
}

static bool spdx(struct sbom *s, const struct json *root)
{
    return json_get(root, "@graph") ? spdx3(s, root) : spdx2(s, root);
}

/* ---- both ------------------------------------------------------------------------ */
static void sbom_verdict(const struct sbom *s)
{
    char n[32];
    snprintf(n, sizeof n, "%zu", s->components);
    if (s->too_many) {
        registry_problem(s->d, "record.sbom_big", "at most 50000 components",
                         "/sbom/sha256");
        return;
    }
    if (!s->components)
        registry_problem(s->d, "record.sbom_empty", "it lists no component",
                         "/sbom/sha256");
    else if (s->other && !s->weights)
        registry_problem(s->d, "record.sbom_other_model",
                         "the model it lists has other weights", "/sbom/sha256");
    else if (!s->weights)
        registry_problem(s->d, "record.sbom_weights",
                         "no component has the SHA-256 of the weights", "/sbom/sha256");
    if (s->components) {
        diag_add(s->d, DIAG_INFO, "/sbom", "record.sbom_read", "%s components", n);
        diag_arg(s->d, "n", n);
    }
}

int registry_sbom_read(struct str text, const char *format, const struct json *artifacts,
                       struct diag *d)
{
    static const struct json_limits limits = {
        .size_b = SBOM_SIZE_MAX, .depth = SBOM_DEPTH, .values = SBOM_VALUES};
    struct sbom s = {.artifacts = artifacts, .d = d};
    struct json_doc *doc = NULL;
    struct diag inside;
    bool known;
    int err;
    diag_init(&inside);
    err = json_parse(&doc, text, &limits, &inside);
    if (err == AM_E_SYNTAX || err == AM_E_TOOBIG) {
        registry_problem(d, err == AM_E_SYNTAX ? "record.sbom_syntax" : "record.sbom_big",
                         inside.n ? inside.item[0].path : am_err_text(err),
                         "/sbom/sha256");
        err = AM_OK;
    } else if (!err) {
        known = strcmp(format, "spdx") == 0 ? spdx(&s, json_root(doc))
                                            : cyclonedx(&s, json_root(doc));
        if (known)
            sbom_verdict(&s);
        else
            registry_problem(d, "record.sbom_format",
                             "not a CycloneDX 1.x, SPDX 2.x or SPDX 3 document, as "
                             "declared",
                             "/sbom/format");
    }
    json_free(doc);
    diag_release(&inside);
    return err;
}

int registry_check_sbom(struct registry *r, const struct json *record, struct diag *d)
{
    const struct json *sbom = json_get(record, "sbom");
    struct str hex = json_get_str(sbom, "sha256"), format = json_get_str(sbom, "format");
    uint8_t digest[32];
    struct buf text;
    int err;
    if (crypto_unhex(hex, digest, sizeof digest) ||
        (!str_eqc(format, "cyclonedx") && !str_eqc(format, "spdx")))
        return AM_OK; /* absent, or the schema says it */
    if (!blob_has(r->blobs, digest)) {
        registry_problem(d, "record.sbom_missing",
                         "upload it first: PUT /api/v1/blobs/{sha256}", "/sbom/sha256");
        return AM_OK;
    }
    buf_init(&text, SBOM_SIZE_MAX);
    err = blob_get(r->blobs, digest, &text);
    if (err == AM_E_TOOBIG) {
        registry_problem(d, "record.sbom_big", "at most 16 MiB", "/sbom/sha256");
        err = AM_OK;
    } else if (!err) {
        err = registry_sbom_read(buf_str(&text),
                                 str_eqc(format, "spdx") ? "spdx" : "cyclonedx",
                                 json_get(record, "artifacts"), d);
    }
    buf_release(&text);
    return err;
}
