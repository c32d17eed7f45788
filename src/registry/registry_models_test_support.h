/* SPDX-License-Identifier: Apache-2.0 */
/* A registry folder with many complete version records: four versions per algorithm, a
 * hundred suppliers, every field of schema/examples/version.json, and texts of some 200
 * words more in three languages. */
#ifndef REGISTRY_MODELS_TEST_SUPPORT_H
#define REGISTRY_MODELS_TEST_SUPPORT_H

#include "registry/registry_rows_test_support.h"
#include "search/search_words_test_support.h"

enum { MODELS_SUPPLIERS = 100, MODELS_VERSIONS = 4, MODELS_WORDS = 20 };

struct models {
    struct t *t;
    struct rows rows;
    struct json_doc *example;
    struct crypto_key *key[MODELS_SUPPLIERS];
    struct buf spki[MODELS_SUPPLIERS];
    uint8_t (*digest)[32]; /* of each version */
    size_t n;
    struct buf record; /* the one being written */
    struct jw w;
};

static inline void models_suppliers(struct models *m)
{
    for (size_t i = 0; i < MODELS_SUPPLIERS; i++) {
        char org[32];
        struct buf grant;
        snprintf(org, sizeof org, "SUP%03zu", i);
        buf_init(&grant, 8192);
        buf_init(&m->spki[i], 512);
        assert_ok(crypto_key_generate(&m->key[i], CRYPTO_P256));
        assert_ok(crypto_key_spki(m->key[i], &m->spki[i]));
        t_grant_record(m->key[i], "vendor", org, &grant);
        t_submitted(m->t, LEDGER_EVENT, T_MSPS, buf_str(&grant));
        buf_release(&grant);
    }
}

static inline void models_open(struct models *m)
{
    buf_clear(&m->record);
    jw_init(&m->w, &m->record);
    jw_obj(&m->w);
}

static inline void models_head(struct models *m, size_t supplier)
{
    char at[TIME_TEXT];
    jw_kstrz(&m->w, "issued_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(&m->w, "issuer");
    jw_obj(&m->w);
    jw_kstrz(&m->w, "role", "vendor");
    jw_key(&m->w, "org_id");
    jw_strf(&m->w, "SUP%03zu", supplier);
    jw_obj_end(&m->w);
}

static inline void models_text(struct models *m, const char *key, unsigned words)
{
    static const char *const lang[WORDS_LANGS] = {"fr", "ar", "en"};
    char text[MODELS_WORDS * WORDS_BYTES];
    if (key)
        jw_key(&m->w, key);
    jw_obj(&m->w);
    for (unsigned l = 0; l < WORDS_LANGS; l++)
        jw_kstr(&m->w, lang[l], str_trim(words_text(text, l, words)));
    jw_obj_end(&m->w);
}

static inline void models_algorithm(struct models *m, const char *id, size_t supplier)
{
    models_open(m);
    models_head(m, supplier);
    jw_kstrz(&m->w, "algorithm_id", id);
    models_text(m, "trade_name", 2);
    models_text(m, "short_name", 1);
    jw_key(&m->w, "developer");
    jw_obj(&m->w);
    jw_key(&m->w, "org_id");
    jw_strf(&m->w, "SUP%03zu", supplier);
    jw_kstrz(&m->w, "name", "Made up");
    jw_kstrz(&m->w, "country", "MA");
    jw_kstrz(&m->w, "address", "Rabat");
    jw_kstrz(&m->w, "contact", "r@demo.invalid");
    jw_obj_end(&m->w);
    jw_key(&m->w, "supplier");
    jw_raw(&m->w, STR("{\"framework_contract\":\"none\",\"ice\":\"000000000000000\"}"));
    jw_kstrz(&m->w, "funding", "own");
    jw_key(&m->w, "conflicts_of_interest");
    jw_raw(&m->w, STR("[]"));
    jw_obj_end(&m->w);
    assert_ok(jw_done(&m->w));
    rows_add(&m->rows, LEDGER_ALGORITHM, m->key[supplier], buf_str(&m->spki[supplier]),
             buf_str(&m->record));
}

/* Weights that nobody has: their digest, and the digest of the one file they are. */
static inline void models_digest(struct models *m, char file[CRYPTO_HEX],
                                 char model[CRYPTO_HEX])
{
    uint8_t digest[32];
    uint64_t r = words_random();
    crypto_sha256((struct str){(const char *)&r, sizeof r}, digest);
    crypto_hex(digest, 32, file);
    crypto_sha256((struct str){(const char *)digest, 32}, m->digest[m->n]);
    crypto_hex(m->digest[m->n], 32, model);
}

/* A member of the example as it is, or as it is in this version. */
static inline void models_member(struct models *m, struct str key, const struct json *v,
                                 const char *id, const char *file, const char *model)
{
    static const char *const use[] = {"CARDIO-RISK", "DIABETES-RISK", "SEPSIS-RISK",
                                      "ADMISSION-RISK"};
    struct jw *w = &m->w;
    jw_keyn(w, key);
    if (str_eqc(key, "algorithm_id")) {
        jw_strz(w, id);
    } else if (str_eqc(key, "version_label")) {
        jw_strf(w, "1.%zu.0", m->n % MODELS_VERSIONS);
    } else if (str_eqc(key, "model_digest")) {
        jw_strz(w, model);
    } else if (str_eqc(key, "canonical_weight_hash")) {
        jw_strz(w, file);
    } else if (str_eqc(key, "intended_use")) {
        jw_obj(w);
        models_text(m, "text", MODELS_WORDS);
        jw_kstrz(w, "use_code", use[words_zipf(AM_LEN(use))]);
        jw_obj_end(w);
    } else if (str_eqc(key, "known_risks") || str_eqc(key, "out_of_scope")) {
        jw_arr(w);
        models_text(m, NULL, MODELS_WORDS);
        jw_arr_end(w);
    } else if (str_eqc(key, "specialty")) {
        unsigned code = words_zipf(60);
        jw_obj(w);
        jw_kstrz(w, "system", "http://snomed.info/sct");
        jw_key(w, "code");
        jw_strf(w, "394%06u", code);
        jw_key(w, "display");
        jw_strf(w, "Speciality %u", code);
        jw_obj_end(w);
    } else if (str_eqc(key, "artifacts")) {
        jw_arr(w);
        jw_obj(w);
        for (json_each(it, json_at(v, 0)))
            if (str_eqc(it.key, "sha256")) {
                jw_kstrz(w, "sha256", file);
            } else {
                jw_keyn(w, it.key);
                jw_val(w, it.val);
            }
        jw_obj_end(w);
        jw_arr_end(w);
    } else {
        jw_val(w, v);
    }
}

static inline void models_version(struct models *m, const char *id, size_t supplier)
{
    char file[CRYPTO_HEX], model[CRYPTO_HEX], before[CRYPTO_HEX];
    models_digest(m, file, model);
    models_open(m);
    models_head(m, supplier);
    for (json_each(it, json_root(m->example)))
        if (!str_eqc(it.key, "issued_at") && !str_eqc(it.key, "issuer"))
            models_member(m, it.key, it.val, id, file, model);
    if (m->n % MODELS_VERSIONS) {
        jw_key(&m->w, "previous_version");
        jw_obj(&m->w);
        jw_key(&m->w, "version_label");
        jw_strf(&m->w, "1.%zu.0", m->n % MODELS_VERSIONS - 1);
        jw_kstrz(&m->w, "model_digest", crypto_hex(m->digest[m->n - 1], 32, before));
        jw_obj_end(&m->w);
    }
    jw_obj_end(&m->w);
    assert_ok(jw_done(&m->w));
    rows_add(&m->rows, LEDGER_VERSION, m->key[supplier], buf_str(&m->spki[supplier]),
             buf_str(&m->record));
    m->n++;
}

static inline void models_make(struct models *m, struct t *t, size_t n)
{
    const struct embed_file *example = embed_find("schema/examples/version.json");
    assert_non_null(example);
    m->t = t;
    m->digest = calloc(n, sizeof *m->digest);
    assert_non_null(m->digest);
    buf_init(&m->record, 65536);
    assert_ok(json_parse(&m->example,
                         (struct str){(const char *)example->data, example->size}, NULL,
                         NULL));
    models_suppliers(m);
    rows_begin(&m->rows, t);
    while (m->n < n) {
        size_t supplier = words_zipf(MODELS_SUPPLIERS);
        char id[LEDGER_ALGORITHM_ID + 1], org[32];
        uint8_t random[10];
        snprintf(org, sizeof org, "SUP%03zu", supplier);
        for (size_t k = 0; k < sizeof random; k++)
            random[k] = (uint8_t)(words_random() & 31);
        assert_ok(ledger_algorithm_id(str_c(org), random, id));
        models_algorithm(m, id, supplier);
        for (size_t k = 0; k < MODELS_VERSIONS && m->n < n; k++)
            models_version(m, id, supplier);
    }
    rows_end(&m->rows);
}

static inline void models_release(struct models *m)
{
    for (size_t i = 0; i < MODELS_SUPPLIERS; i++) {
        crypto_key_free(m->key[i]);
        buf_release(&m->spki[i]);
    }
    json_free(m->example);
    buf_release(&m->record);
    free(m->digest);
}

#endif
