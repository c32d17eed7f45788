/* SPDX-License-Identifier: Apache-2.0 */
/* Classifications in the forms of their publishers, made up in their exact layout: ClaML
 * with modifiers, lines of ICD-10; what each code is under; every refusal with its line;
 * attacks by entities; no memory. */
#include "fhir/fhir_test.h"
#include "fhir/term.h"

/* "Q" stands for the quote, so that the layout can be read. Five lines of head. */
static const char head[] =
    "<?xml version=Q1.0Q encoding=QUTF-8Q?>\n<!DOCTYPE ClaML SYSTEM QClaML.dtdQ>\n"
    "<ClaML version=Q2.0.0Q>\n<Identifier authority=QWHOQ uid=Qmade-upQ/>\n"
    "<Title date=Q2026-01-01Q name=QICD-10-EN-2026Q version=Q2026Q>x</Title>\n";
static const char digits[] =
    "<Modifier code=QS4Q><SubClass code=Q.0Q/><SubClass code=Q.1Q/></Modifier>\n"
    "<ModifierClass modifier=QS4Q code=Q.0Q><SuperClass code=QS4Q/><Rubric "
    "kind=QpreferredQ><Label xml:lang=QenQ>With coma</Label><Label xml:lang=QfrQ>Avec "
    "coma</Label></Rubric></ModifierClass>\n"
    "<ModifierClass modifier=QS4Q code=Q.1Q><SuperClass code=QS4Q/><Rubric "
    "kind=QpreferredQ><Label xml:lang=QenQ>Without</Label></Rubric></ModifierClass>\n"
    "<ModifierClass modifier=QS5Q code=Q0Q><Rubric kind=QpreferredQ><Label "
    "xml:lang=QenQ>Open</Label></Rubric></ModifierClass>\n"
    "<ModifierClass modifier=QS5Q code=Q1Q><Meta name=QexcludeOnPrecedingModifierQ "
    "value=QS4 .1Q/><Rubric kind=QpreferredQ><Label xml:lang=QenQ>Closed</Label>"
    "</Rubric></ModifierClass>\n";
static const char classes[] =
    "<Class code=QIVQ kind=QchapterQ><SubClass code=QE10-E14Q/><Rubric kind=QpreferredQ>"
    "<Label xml:lang=QenQ xml:space=QdefaultQ>Endocrine\n   diseases</Label></Rubric>"
    "</Class>\n"
    "<Class code=QE10-E14Q kind=QblockQ><SuperClass code=QIVQ/><ModifiedBy code=QS4Q "
    "all=QtrueQ/><Rubric kind=QpreferredQ><Label xml:lang=QenQ>Diabetes</Label></Rubric>"
    "</Class>\n"
    "<Class code=QE10Q kind=QcategoryQ><SuperClass code=QE10-E14Q/><ModifiedBy "
    "code=QS5Q/><Rubric kind=QpreferredQ><Label xml:lang=QenQ>Type 1</Label><Label "
    "xml:lang=QfrQ>Type 1, fr</Label></Rubric></Class>\n"
    "<Class code=QE11Q kind=QcategoryQ usage=QdaggerQ><SuperClass code=QE10-E14Q/>"
    "<ExcludeModifier code=QS4Q/><Rubric kind=QpreferredQ><Label xml:lang=QfrQ>Autre"
    "</Label><Label xml:lang=QenQ>Other</Label></Rubric><Rubric kind=QpreferredLongQ>"
    "<Label xml:lang=QfrQ>Autre diab&#232;te</Label></Rubric><Rubric kind=QinclusionQ>"
    "<Label xml:lang=QfrQ>sucr&#233;</Label></Rubric><Rubric kind=QexclusionQ><Label "
    "xml:lang=QenQ>neonatal<Reference class=Qin bracketsQ code=QP70Q>P70</Reference>"
    "</Label></Rubric></Class>\n"
    "<Class code=QE12Q kind=QcategoryQ><SuperClass code=QE10-E14Q/><SubClass "
    "code=QE12.0Q/><ExcludeModifier code=QS4Q/><ModifiedBy code=QS5Q all=QfalseQ>"
    "<ValidModifierClass code=Q1Q/></ModifiedBy><Meta name=QinactiveQ value=QtrueQ/>"
    "<Rubric kind=QpreferredQ><Label xml:lang=QenQ>Spelt out</Label></Rubric></Class>\n"
    "<Class code=QE12.0Q kind=QcategoryQ><Rubric kind=QpreferredQ><Label xml:lang=QenQ>"
    "First &amp; last</Label></Rubric></Class>\n"
    "<Class code=QE13Q kind=QcategoryQ><SuperClass code=QE10-E14Q/><ExcludeModifier "
    "code=QS4Q/><ModifiedBy code=QS5Q/><Rubric kind=QpreferredQ><Label xml:lang=QenQ>"
    "Without a fourth</Label></Rubric></Class>\n";

static const char *quoted(const char *a, const char *b, const char *c)
{
    static char text[1 << 14];
    int n = snprintf(text, sizeof text, "%s%s%s</ClaML>\n", a, b, c);
    am_assert(n > 0 && (size_t)n < sizeof text);
    for (char *p = text; (p = strchr(p, 'Q')); p++)
        *p = '"';
    return text;
}

static struct fhir_tx *tx_new(void)
{
    struct fhir_tx *t = NULL;
    assert_ok(fhir_tx_new(&t, 64 << 20));
    return t;
}

static const struct fhir_tx_system *loaded(struct fhir_tx *t, const char *text,
                                           const struct fhir_tx_file *how,
                                           const char *url)
{
    const struct fhir_tx_system *s;
    struct diag d;
    diag_init(&d);
    if (fhir_tx_add_file(t, str_c(text), how, &d))
        fail_msg("%s %s %s", d.n ? d.item[0].path : "", d.n ? d.item[0].code : "",
                 d.n ? d.item[0].detail : "");
    diag_release(&d);
    assert_ok(fhir_tx_ready(t, NULL));
    s = fhir_tx_system(t, str_c(url), STR(""));
    assert_non_null(s);
    return s;
}

static uint32_t at(const struct fhir_tx_system *s, const char *code)
{
    uint32_t c = fhir_tx_find(s, str_c(code));
    if (c == FHIR_TX_NONE)
        fail_msg("%s is not there", code);
    return c;
}

/* "A00 A00-A09 I": a code and all above it, by the longest way up. */
static const char *ways(const struct fhir_tx_system *s, const char *code)
{
    static char text[400];
    size_t n = 1, at_n = 0;
    uint32_t c = at(s, code);
    const uint32_t *up = &c;
    for (*text = 0; n; up = fhir_tx_parents(s, *up, &n), n = up && n)
        at_n += (size_t)snprintf(text + at_n, sizeof text - at_n, "%s%.*s",
                                 at_n ? " " : "", STR_FMT(fhir_tx_concept(s, *up)->code));
    return text;
}

static void claml_classes_and_modifiers_become_codes(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML};
    static const char *const made[] = {"E10.0",  "E10.1",  "E10.00", "E10.01",
                                       "E10.10", "E12.01", "E13.X0", "E13.X1"};
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s =
        loaded(t, quoted(head, digits, classes), &how, "http://hl7.org/fhir/sid/icd-10");
    struct fhir_tx_about about;
    (void)state;
    fhir_tx_about(s, &about);
    assert_str_equal(about.version, "2026");
    assert_str_equal(about.name, "ICD-10-EN-2026");
    assert_int_equal(about.concepts, 7 + AM_LEN(made));
    for (size_t i = 0; i < AM_LEN(made); i++)
        at(s, made[i]);
    /* S4 came first, for the block: E10.0 and E10.1; then S5 on these */
    assert_string_equal(ways(s, "E10.01"), "E10.01 E10.0 E10 E10-E14 IV");
    assert_string_equal(ways(s, "E12.01"), "E12.01 E12.0 E12 E10-E14 IV");
    assert_true(fhir_tx_subsumes(s, at(s, "IV"), at(s, "E13.X1")));
    assert_false(fhir_tx_subsumes(s, at(s, "E11"), at(s, "E10.0")));
    assert_int_equal(fhir_tx_find(s, STR("E10.11")), FHIR_TX_NONE); /* excluded */
    assert_int_equal(fhir_tx_find(s, STR("E11.0")), FHIR_TX_NONE);
    assert_int_equal(fhir_tx_find(s, STR("E12.00")), FHIR_TX_NONE); /* only 1 is valid */
    assert_str_equal(fhir_tx_concept(s, at(s, "E10.0"))->display, "Type 1 : With coma");
    assert_str_equal(fhir_tx_display(s, at(s, "E10.0"), STR("fr")),
                     "Type 1, fr : Avec coma");
    assert_str_equal(fhir_tx_concept(s, at(s, "E10.00"))->display,
                     "Type 1 : With coma : Open");
    fhir_tx_free(t);
}

static const char *property(const struct fhir_tx_system *s, const char *code,
                            const char *name)
{
    static char text[200];
    size_t n;
    const struct fhir_tx_property *p = fhir_tx_properties(s, at(s, code), &n);
    for (size_t i = 0; i < n; i++)
        if (str_eqc(p[i].name, name)) {
            snprintf(text, sizeof text, "%.*s", STR_FMT(p[i].value));
            return text;
        }
    return "";
}

static void claml_rubrics_are_words_and_properties(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML};
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s =
        loaded(t, quoted(head, digits, classes), &how, "http://hl7.org/fhir/sid/icd-10");
    (void)state;
    assert_str_equal(fhir_tx_concept(s, at(s, "IV"))->display, "Endocrine diseases");
    assert_int_equal(fhir_tx_concept(s, at(s, "IV"))->flags, FHIR_TX_ABSTRACT);
    assert_int_equal(fhir_tx_concept(s, at(s, "E10-E14"))->flags, FHIR_TX_ABSTRACT);
    assert_int_equal(fhir_tx_concept(s, at(s, "E12"))->flags, FHIR_TX_INACTIVE);
    assert_int_equal(fhir_tx_concept(s, at(s, "E11"))->flags, 0);
    /* English is the display, whatever the order; preferredLong never is */
    assert_str_equal(fhir_tx_concept(s, at(s, "E11"))->display, "Other");
    assert_str_equal(fhir_tx_display(s, at(s, "E11"), STR("fr-MA")), "Autre");
    assert_str_equal(fhir_tx_concept(s, at(s, "E12.0"))->display, "First & last");
    assert_string_equal(property(s, "E11", "usage"), "dagger");
    assert_string_equal(property(s, "E11", "kind"), "category");
    assert_string_equal(property(s, "E11", "exclusion"), "neonatal (P70)");
    assert_string_equal(property(s, "E10.0", "modifier"), "S4");
    fhir_tx_free(t);
}

/* The Arabic edition of the same: words for codes that are there. */
static void another_edition_adds_words(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML},
                                     more = {.form = FHIR_TX_CLAML,
                                             .adds = STR_INIT("ar")};
    static const char arabic[] =
        "<Class code=QE10Q kind=QcategoryQ><Rubric kind=QpreferredQ><Label>السكري</Label>"
        "</Rubric></Class>\n",
                      unknown[] = "<Class code=QE99Q kind=QcategoryQ/>\n";
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s =
        loaded(t, quoted(head, digits, classes), &how, "http://hl7.org/fhir/sid/icd-10");
    struct diag d;
    (void)state;
    assert_ok(fhir_tx_add_file(t, str_c(quoted(head, "", arabic)), &more, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_str_equal(fhir_tx_display(s, at(s, "E10"), STR("ar-MA")), "السكري");
    diag_init(&d);
    assert_int_equal(fhir_tx_add_file(t, str_c(quoted(head, "", unknown)), &more, &d),
                     AM_E_INVALID);
    assert_string_equal(d.item[0].code, "term.code");
    diag_release(&d);
    fhir_tx_free(t);
}

/* ---- lines ---- */
static const char who_codes[] =
    "3;N;X;01;A00;A00.-;A00;A00;Cholera;Cholera;;;001;4-002;3-003;2-001;1-002\r\n"
    "4;T;X;01;A00;A00.0;A00.0;A000;Cholera classical;Cholera;x;;001;4-002;3-003;2-001;1\n"
    "3;N;X;09;I10;I10;I10;I10;Hypertension;;;;;;;;\n"
    "3;N;X;13;M00;M03.-*;M03;M03;Arthropathy;;;;;;;;\n"
    "5;T;S;13;M00;M03.00*;M03.00;M0300;Arthropathy : site;;;;;;;;\n";
static const struct fhir_tx_file who = {
    .form = FHIR_TX_WHO,
    .version = STR_INIT("2019"),
    .lang = STR_INIT("en"),
    .chapters = STR_INIT("01;Infectious\n09;Circulatory\n13;Musculoskeletal\n"),
    .groups =
        STR_INIT("A00;A09;01;Intestinal\nI10;I15;09;Hypertensive\n"
                 "M00;M25;13;Arthropathies\nM00;M03;13;Infectious arthropathies\n")};

static void who_lines_stand_in_blocks_and_chapters(void **state)
{
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s =
        loaded(t, who_codes, &who, "http://hl7.org/fhir/sid/icd-10");
    (void)state;
    assert_string_equal(ways(s, "A00.0"), "A00.0 A00 A00-A09 I");
    assert_string_equal(ways(s, "I10"), "I10 I10-I15 IX"); /* not of chapter I */
    assert_string_equal(ways(s, "M03.00"), "M03.00 M03 M00-M03 M00-M25 XIII");
    assert_string_equal(property(s, "M03", "usage"), "aster");
    assert_string_equal(property(s, "A00", "terminal"), "false");
    assert_string_equal(property(s, "A00.0", "terminal"), "true");
    assert_str_equal(fhir_tx_display(s, at(s, "A00.0"), STR("en")), "Cholera classical");
    fhir_tx_free(t);
}

static void french_lines_are_read_in_both_encodings(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CIM10,
                                            .url = STR_INIT("urn:cim10")};
    static const char latin[] = "A000  |0|0|0|CHOLERA CLASSIQUE|Chol\xE9ra \x9Cuvre\r\n"
                                "A00   |3|3|3|CHOLERA|Chol\xE9ra\r\n"
                                "B24+0 |0|0|0|VIH|Immunod\xE9"
                                "ficience\r\n",
                      utf8[] = "A00|3|CHOLERA|Choléra\nA009|0|CHOLERA SAI|Choléra\n";
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s = loaded(t, latin, &how, "urn:cim10");
    (void)state;
    assert_str_equal(fhir_tx_concept(s, at(s, "A00.0"))->display, "Choléra œuvre");
    assert_str_equal(fhir_tx_display(s, at(s, "A00.0"), STR("fr")), "Choléra œuvre");
    assert_string_equal(ways(s, "A00.0"), "A00.0 A00");
    assert_string_equal(property(s, "A00", "typeMcoHad"), "3");
    at(s, "B24.+0");
    fhir_tx_free(t);
    t = tx_new();
    s = loaded(t, utf8, &how, "urn:cim10");
    assert_string_equal(ways(s, "A00.9"), "A00.9 A00");
    fhir_tx_free(t);
}

static void order_lines_are_read_by_columns(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_ICD10CM};
    static const char text[] =
        "00001 A00     0 Cholera                                                      "
        "Cholera\n"
        "00002 A000    1 Cholera due to Vibrio                                        "
        "Cholera due to Vibrio cholerae\n"
        "00003 C4A     0 Merkel                                                       "
        "Merkel cell carcinoma\n"
        "00004 C4A0    1 Merkel lip                                                   "
        "Merkel cell carcinoma of lip\n";
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s =
        loaded(t, text, &how, "http://hl7.org/fhir/sid/icd-10-cm");
    (void)state;
    assert_string_equal(ways(s, "C4A.0"), "C4A.0 C4A");
    assert_int_equal(fhir_tx_concept(s, at(s, "A00"))->flags, FHIR_TX_ABSTRACT);
    assert_int_equal(fhir_tx_concept(s, at(s, "A00.0"))->flags, 0);
    assert_str_equal(fhir_tx_concept(s, at(s, "A00.0"))->display,
                     "Cholera due to Vibrio cholerae");
    fhir_tx_free(t);
}

/* A table of ICD-10 with chapters: I10 begins with "I", and is not of chapter I. */
static void a_table_of_icd10_stands_by_ranges(void **state)
{
    static const char text[] = "code,display\nI,Infectious\nIX,Circulatory\nA00-A09,a\n"
                               "A00,b\nA00.0,c\nI10,d\nI10-I15,e\nI20,f\n";
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s;
    (void)state;
    assert_ok(fhir_tx_add_table(t, str_c(text), &fhir_tx_icd10, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    s = fhir_tx_system(t, STR("http://hl7.org/fhir/sid/icd-10"), STR(""));
    assert_string_equal(ways(s, "A00.0"), "A00.0 A00 A00-A09 I");
    assert_string_equal(ways(s, "I10"), "I10 I10-I15 IX");
    assert_string_equal(ways(s, "I20"), "I20 IX");
    fhir_tx_free(t);
}

/* ---- refusals ---- */
static void refused(const struct fhir_tx_file *how, const char *text, const char *code,
                    const char *detail)
{
    struct fhir_tx *t = tx_new();
    struct diag d;
    diag_init(&d);
    assert_int_equal(fhir_tx_add_file(t, str_c(text), how, &d), AM_E_INVALID);
    assert_true(d.n > 0);
    assert_string_equal(d.item[0].code, code);
    if (strncmp(d.item[0].detail, detail, strlen(detail)) != 0)
        fail_msg("%s instead of %s", d.item[0].detail, detail);
    diag_release(&d);
    fhir_tx_free(t);
}

static void claml_refusals_name_line_and_reason(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML};
    (void)state;
    refused(&how, "<a/>", "term.claml", "1: a");
    refused(&how, quoted(head, "", ""), "term.claml", "1: Class");
    refused(&how,
            quoted("<ClaML><Identifier authority=QBfArMQ/>", "\n", "<Class code=QaQ/>"),
            "term.claml_url", "1: BfArM");
    refused(&how, quoted(head, "", "<Class kind=QchapterQ/>"), "term.claml_code",
            "6: Class");
    refused(&how, quoted(head, "<Class code=QaQ/>\n", "<Class code=QaQ/>"), "term.twice",
            "7: a");
    refused(&how, quoted(head, "<Class code=QaQ>\n", "<SuperClass code=QbQ/></Class>"),
            "term.parent", "7: b");
    refused(&how, quoted(head, "<Class code=QaQ>\n", "<SubClass/></Class>"),
            "term.claml_code", "7: SubClass");
    refused(&how, quoted(head, "<ModifierClass code=Q.0Q/>", ""), "term.claml_code",
            "6: ModifierClass");
    refused(&how, quoted(head, "<Class code=QaQ>\n", "<ModifiedBy code=QmQ/></Class>"),
            "term.claml_modifier", "7: m");
    refused(&how,
            quoted(head, "<Class code=QaQ>\n", "<ValidModifierClass code=Q1Q/></Class>"),
            "term.claml_modifier", "7: 1");
    refused(&how, quoted(head, "<Class code=QaQ>", ""), "xml.syntax", "mismatched tag");
}

static void entities_are_refused_wherever_they_stand(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML};
    (void)state;
    refused(&how, quoted("<!DOCTYPE ClaML [<!ENTITY a QbQ>]>", "<ClaML>", ""),
            "xml.doctype", "");
    refused(&how,
            quoted("<!DOCTYPE ClaML SYSTEM Qfile:///etc/passwdQ [<!ENTITY % a SYSTEM "
                   "Qfile:///etc/passwdQ>%a;]>",
                   "<ClaML>", ""),
            "xml.doctype", "");
    refused(&how,
            quoted(head, "<Class code=QaQ><Rubric kind=QpreferredQ><Label>",
                   "&passwd;</Label></Rubric></Class>"),
            "xml.entity", "");
    refused(&how, quoted(head, "<Class code=Q&passwd;Q/>", ""), "xml.entity", "");
    refused(&how, quoted(head, "<Class code=Qa&#38;Q kind=Q&lt;&xQ/>", ""), "xml.syntax",
            "");
}

static void refused_lines_are_named(void **state)
{
    static const struct fhir_tx_file french = {.form = FHIR_TX_CIM10,
                                               .url = STR_INIT("urn:c")},
                                     cm = {.form = FHIR_TX_ICD10CM},
                                     bare = {.form = FHIR_TX_WHO},
                                     nowhere = {.form = FHIR_TX_CIM10};
    static const struct fhir_tx_file chapter = {.form = FHIR_TX_WHO,
                                                .chapters = STR_INIT("01;a\n23;b\n")},
                                     group = {.form = FHIR_TX_WHO,
                                              .groups = STR_INIT("A00;A0;01;b\n")};
    (void)state;
    refused(&bare, "", "term.row", "1: ");
    refused(&bare, "\n\n9;T;X;01;A00;A00;A00;A00;a\n", "term.row", "3: 9;T");
    refused(&bare, "3;Z;X;01;A00;A00;A00;A00;a\n", "term.row", "1: 3;Z");
    refused(&bare, "3;T;X;01;A00;A00;A;A00;a\n", "term.row", "1: 3;T");
    refused(&bare, "3;T;X;01;A00;A00;A00;A00;\n", "term.row", "1: 3;T");
    refused(&bare, "3;T;X;01;A00;A00;A00;A00;a\n3;T;X;01;A00;A00;A00;A00;a\n",
            "term.twice", "2: A00");
    refused(&bare, "3;T;X;01;A00;A00;A00;A00;\xE9\n", "term.row", "1: UTF-8");
    refused(&chapter, who_codes, "term.row", "2: 23;b");
    refused(&group, who_codes, "term.row", "1: A00;A0");
    refused(&french, "A00|0|a\n", "term.row", "1: A00|0|a");
    refused(&french, "A0 |0|a|b\n", "term.row", "1: A0 ");
    refused(&french, "0A0|0|a|b\n", "term.row", "1: 0A0");
    refused(&nowhere, "A00|0|a|b\n", "term.url", "/url");
    refused(&cm, "00001 A00     0 Cholera\n", "term.row", "1: 00001");
    refused(&cm,
            "0000x A00     0 Cholera                                                   "
            "   Cholera\n",
            "term.row", "1: 0000x");
}

static void no_memory_at_any_step_is_told(void **state)
{
    static const struct fhir_tx_file how = {.form = FHIR_TX_CLAML},
                                     more = {.form = FHIR_TX_CLAML,
                                             .adds = STR_INIT("ar")},
                                     french = {.form = FHIR_TX_CIM10,
                                               .url = STR_INIT("urn:c")};
    (void)state;
    for (int form = 0; form < 3; form++)
        for (long n = 1;; n++) {
            struct fhir_tx *t = NULL;
            const char *text = quoted(head, digits, classes);
            bool failed;
            int err;
            am_oom_at(n);
            err = fhir_tx_new(&t, 1 << 20);
            if (!err && form == 0)
                err = fhir_tx_add_file(t, str_c(text), &how, NULL);
            if (!err && form == 0)
                err = fhir_tx_add_file(t, str_c(text), &more, NULL);
            if (!err && form == 1)
                err = fhir_tx_add_file(t, str_c(who_codes), &who, NULL);
            if (!err && form == 2)
                err = fhir_tx_add_file(t, STR("A00|0|a|\xE9\n"), &french, NULL);
            if (!err)
                err = fhir_tx_ready(t, NULL);
            failed = am_oom_at(0);
            fhir_tx_free(t);
            if (!failed) {
                assert_ok(err);
                break;
            }
            assert_int_equal(err, AM_E_NOMEM);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claml_classes_and_modifiers_become_codes),
        cmocka_unit_test(claml_rubrics_are_words_and_properties),
        cmocka_unit_test(another_edition_adds_words),
        cmocka_unit_test(who_lines_stand_in_blocks_and_chapters),
        cmocka_unit_test(french_lines_are_read_in_both_encodings),
        cmocka_unit_test(order_lines_are_read_by_columns),
        cmocka_unit_test(a_table_of_icd10_stands_by_ranges),
        cmocka_unit_test(claml_refusals_name_line_and_reason),
        cmocka_unit_test(entities_are_refused_wherever_they_stand),
        cmocka_unit_test(refused_lines_are_named),
        cmocka_unit_test(no_memory_at_any_step_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
