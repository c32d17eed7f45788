/* SPDX-License-Identifier: Apache-2.0 */
/* `amane fhir terminology DIR`: what a folder holds, in which languages, under whose
 * licence. */
#include "base/vec.h"
#include "cmd_terms.h"
#include "json/json.h"

enum { TELL_LANGS = 64 };
struct tell_lang {
    struct str lang;
    size_t n;
};

/* How many words in each language. */
static size_t tell_langs(const struct fhir_tx_system *s, struct tell_lang out[TELL_LANGS])
{
    struct fhir_tx_about about;
    size_t n = 0;
    fhir_tx_about(s, &about);
    for (uint32_t c = 0; c < about.concepts; c++) {
        size_t words;
        const struct fhir_tx_word *w = fhir_tx_words(s, c, &words);
        for (size_t i = 0; i < words; i++) {
            size_t k = 0;
            while (k < n && !str_eq(out[k].lang, w[i].lang))
                k++;
            if (k == TELL_LANGS)
                continue;
            if (k == n)
                out[n++] = (struct tell_lang){w[i].lang, 0};
            out[k].n++;
        }
    }
    return n;
}

/* Whose words allow its use, as a message. */
static const char *tell_licence(struct str url)
{
    static const struct {
        const char *begins, *message;
    } known[] = {
        {"http://snomed.info/sct", "terms.licence.snomed"},
        {"http://loinc.org", "terms.licence.loinc"},
        {"http://hl7.org/fhir/sid/icd", "terms.licence.who"},
        {"http://id.who.int/", "terms.licence.who"},
        {"http://www.whocc.no/atc", "terms.licence.who"},
        {"http://hl7.org/fhir/", "terms.licence.hl7"},
        {"http://terminology.hl7.org/", "terms.licence.hl7"},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_starts(url, str_c(known[i].begins)))
            return known[i].message;
    return "terms.licence.other";
}

static void tell_system(struct jw *w, const struct fhir_tx_system *s)
{
    struct tell_lang lang[TELL_LANGS];
    struct fhir_tx_about about;
    size_t n = tell_langs(s, lang);
    fhir_tx_about(s, &about);
    jw_obj(w);
    jw_kstr(w, "url", about.url);
    jw_kstr(w, "version", about.version);
    jw_kstr(w, "name", about.name);
    jw_kint(w, "concepts", (int64_t)about.concepts);
    jw_kbool(w, "complete", about.complete);
    jw_key(w, "designations");
    jw_obj(w);
    for (size_t i = 0; i < n; i++) {
        jw_keyn(w, lang[i].lang.n ? lang[i].lang : STR("und"));
        jw_int(w, (int64_t)lang[i].n);
    }
    jw_obj_end(w);
    jw_kstr(w, "licence", text_get(cmd_lang(TEXT_EN), tell_licence(about.url)));
    jw_obj_end(w);
}

static int tell_json(const struct fhir_tx *t, const struct cmd_terms_told *told)
{
    const struct fhir_tx_system *s;
    struct fhir_tx_counts n;
    struct buf b;
    struct jw w;
    int err;
    fhir_tx_count(t, &n);
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "files", (int64_t)told->files);
    jw_kint(&w, "other_files", (int64_t)told->other);
    jw_kint(&w, "concepts", (int64_t)n.concepts);
    jw_kint(&w, "value_sets", (int64_t)n.sets);
    jw_kint(&w, "concept_maps", (int64_t)n.maps);
    jw_key(&w, "code_systems");
    jw_arr(&w);
    for (size_t i = 0; (s = fhir_tx_system_at(t, i)); i++)
        tell_system(&w, s);
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static void tell_count(enum text_lang l, const char *label, size_t n)
{
    printf("%.*s: %zu\n", STR_FMT(text_get(l, label)), n);
}

static void tell_text(const struct fhir_tx *t, const struct cmd_terms_told *told)
{
    enum text_lang l = cmd_lang(TEXT_EN);
    const struct fhir_tx_system *s;
    struct fhir_tx_counts n;
    fhir_tx_count(t, &n);
    for (size_t i = 0; (s = fhir_tx_system_at(t, i)); i++) {
        struct tell_lang lang[TELL_LANGS];
        struct fhir_tx_about a;
        size_t langs = tell_langs(s, lang);
        fhir_tx_about(s, &a);
        printf("%.*s%s%.*s\n  %.*s: %zu\n", STR_FMT(a.url), a.version.n ? "|" : "",
               STR_FMT(a.version), STR_FMT(text_get(l, "terms.concepts")), a.concepts);
        if (!a.complete)
            printf("  %.*s\n", STR_FMT(text_get(l, "terms.in_part")));
        for (size_t k = 0; k < langs; k++)
            printf("  %.*s [%.*s]: %zu\n", STR_FMT(text_get(l, "terms.designations")),
                   STR_FMT(lang[k].lang.n ? lang[k].lang : STR("und")), lang[k].n);
        printf("  %.*s\n", STR_FMT(text_get(l, tell_licence(a.url))));
    }
    tell_count(l, "terms.files", told->files);
    tell_count(l, "terms.other_files", told->other);
    tell_count(l, "terms.systems", n.systems);
    tell_count(l, "terms.concepts", n.concepts);
    tell_count(l, "terms.sets", n.sets);
    tell_count(l, "terms.maps", n.maps);
}

int cmd_terms(const char *dir, bool json)
{
    struct cmd_terms_told told;
    struct fhir_tx *t = NULL;
    struct diag d;
    char wrong[4096];
    int err, code = 0;
    diag_init(&d);
    err = cmd_terms_load(dir, NULL, &t, &told, wrong, &d);
    if (!err && json)
        err = tell_json(t, &told);
    else if (!err)
        tell_text(t, &told);
    if (err)
        code = cmd_fail("load terminologies", wrong, err, &d);
    fhir_tx_free(t);
    diag_release(&d);
    return code;
}
