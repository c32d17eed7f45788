/* SPDX-License-Identifier: Apache-2.0 */
/* Personal data in free text: found in three languages, and seldom where there is none.
 */
#include "registry/registry_priv.h"

#include "base/test.h"
#include "embed/embed.h"

static size_t scan(const char *json, struct diag *d)
{
    struct json_doc *doc;
    diag_clear(d);
    assert_ok(json_parse(&doc, str_c(json), NULL, NULL));
    assert_ok(registry_personal(json_root(doc), d));
    json_free(doc);
    return d->n;
}

static const struct {
    const char *text, *code;
} found[] = {
    {"Écrire à m.alaoui@exemple.ma pour le suivi", "email"},
    {"راسلوا m.alaoui@exemple.ma", "email"},
    {"ask jean.dupont+ia@mail.example.org.", "email"},
    {"full width: jean＠exemple.ma", "email"},
    {"Appeler le 06 12 34 56 78", "phone"},
    {"tél. 0612345678, le matin", "phone"},
    {"05.22.12.34.56", "phone"},
    {"call +212 6 12 34 56 78", "phone"},
    {"00212 522 123456", "phone"},
    {"اتصلوا بالرقم ٠٦١٢٣٤٥٦٧٨", "phone"},
    {"هاتف: ۰۶-۱۲-۳۴-۵۶-۷۸", "phone"},
    {"hidden 06\u200b12\u200e34\u200f56\u206078", "phone"},
    {"06\u00a012\u202f34\u200956 78", "phone"},
    {"patiente BK612345 vue en 2024", "identity"},
    {"CIN : bk 612345", "identity"},
    {"البطاقة الوطنية رقم BE 123456", "identity"},
    {"porteur de la carte J45123", "identity"},
    {"n° CNSS 123456789", "insurance"},
    {"immatriculation CNSS : 123 456 789", "insurance"},
    {"رقم الضمان الاجتماعي ١٢٣٤٥٦٧٨٩", "insurance"},
    {"social security 123456789", "insurance"},
    {"née le 12/03/1980 à Fès", "birth"},
    {"Né le 3 avril 1975", "birth"},
    {"DDN 1980-03-12", "birth"},
    {"DDN 1980-3-2", "birth"},
    {"born on March 4 1980", NULL}, /* month first in words: not looked for */
    {"patient born 4 March 1980", "birth"},
    {"المزداد في ١٢/٠٣/١٩٨٠ بفاس", "birth"},
    {"ولد سنة 12-3-1980", "birth"},
};

static void each_pattern_is_found_in_its_language(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(found); i++) {
        char json[512], code[64];
        snprintf(json, sizeof json, "{\"a\":{\"fr\":\"%s\"}}", found[i].text);
        snprintf(code, sizeof code, "record.personal_%s", found[i].code);
        size_t n = scan(json, &d);
        if (n != (found[i].code ? 1 : 0) ||
            (n && (strcmp(d.item[0].code, code) || strcmp(d.item[0].path, "/a/fr") ||
                   d.item[0].severity != DIAG_WARNING)))
            fail_msg("%s: %zu %s", found[i].text, n, n ? d.item[0].code : "");
    }
    diag_release(&d);
}

static void what_only_looks_a_little_like_it_is_left_alone(void **state)
{
    static const char *const fine[] = {
        "UCI Heart Disease, CC BY 4.0",
        "catalogue CNSS, article B123456789",
        "ISO/IEC 27001:2022, EN 62304, TS-27001",
        "AUC 0.8512345678 (0.81-0.89), n = 123456789",
        "de 1981-05-01 à 1987-12-31",
        "Enfants nés entre 01/01/2010 et 31/12/2012",
        "SNOMED CT 44054006, LOINC 4548-4",
        "MA-IA-EXEMPL-ABCDEFGH23-X",
        "doi:10.1234/0612345678",
        "TLS 1.3, AES-256-GCM, RFC 8446",
        "Contrat MC12-345678",
        "@handle et 5@6",
        "1.06 12 34 56 78 mg",
        "naissance prématurée, 12 semaines",
        "5ea1ed00000000000000000000000000000000000000000000000000000000ff",
        "0612345678ab",
        "seed 18446744073709551615",
        "الإصدار ٢٫٥ لسنة ٢٠٢٦",
    };
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(fine); i++) {
        char json[512];
        snprintf(json, sizeof json, "[\"%s\"]", fine[i]);
        if (scan(json, &d))
            fail_msg("%s: %s", fine[i], d.item[0].code);
    }
    diag_release(&d);
}

static void a_warning_never_repeats_what_it_found(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(scan("{\"x~/\":[\"n\",\"06 12 34 56 78 a@b.ma\"]}", &d), 2);
    for (size_t i = 0; i < d.n; i++) {
        assert_string_equal(d.item[i].path, "/x~0~1/1");
        assert_null(strpbrk(d.item[i].detail, "0123456789@"));
    }
    assert_int_equal(d.errors, 0);
    diag_release(&d);
}

static void mailboxes_and_what_programs_make_are_not_scanned(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(scan("{\"contact\":\"ia@acme.example\"}", &d), 0);
    assert_int_equal(scan("{\"contact\":\"06 12 34 56 78\"}", &d), 1);
    assert_int_equal(scan("{\"fhir_twin\":{\"a\":\"ia@acme.example\"}}", &d), 0);
    assert_int_equal(scan("{\"text\":\"ia@acme.example\"}", &d), 1);
    diag_release(&d);
}

/* Numbers at the seam of two pieces, in a text of any length. */
static void a_long_text_is_scanned_to_its_end(void **state)
{
    struct diag d;
    struct buf b;
    (void)state;
    diag_init(&d);
    buf_init(&b, 1 << 20);
    for (size_t pad = 16300; pad < 16400; pad += 3) {
        buf_clear(&b);
        assert_ok(buf_adds(&b, "[\""));
        for (size_t i = 0; i < pad; i++)
            assert_ok(buf_addc(&b, 'a' + (char)(i % 3 ? 1 : -65 + ' ')));
        assert_ok(buf_adds(&b, " 06 12 34 56 78\"]"));
        assert_int_equal(scan(buf_str(&b).p, &d), 1);
    }
    buf_release(&b);
    diag_release(&d);
}

static void the_published_examples_have_none(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    const struct embed_file *f;
    for (size_t i = 0; (f = embed_at(i)); i++) {
        struct json_doc *doc;
        if (!str_starts(str_c(f->path), STR("schema/examples/")))
            continue;
        assert_ok(
            json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
        assert_ok(registry_personal(json_root(doc), &d));
        if (d.n)
            fail_msg("%s: %s %s", f->path, d.item[0].path, d.item[0].code);
        json_free(doc);
    }
    diag_release(&d);
}

static void want_of_memory_is_said(void **state)
{
    struct json_doc *doc;
    struct diag d;
    long n = 1;
    int err;
    (void)state;
    assert_ok(json_parse(&doc, STR("[\"06 12 34 56 78\"]"), NULL, NULL));
    do {
        diag_init(&d);
        am_oom_at(n++);
        err = registry_personal(json_root(doc), &d);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        assert_true(err || d.warnings == 1); /* counted even when it has no room */
        diag_release(&d);
    } while (n < 8);
    json_free(doc);
}

TEST_MAIN(TEST(each_pattern_is_found_in_its_language),
          TEST(what_only_looks_a_little_like_it_is_left_alone),
          TEST(a_warning_never_repeats_what_it_found),
          TEST(mailboxes_and_what_programs_make_are_not_scanned),
          TEST(a_long_text_is_scanned_to_its_end), TEST(the_published_examples_have_none),
          TEST(want_of_memory_is_said))
