/* SPDX-License-Identifier: Apache-2.0 */
/* Expression constraints: what is one, and who is meant, against sets worked out by hand
 * on a small hierarchy:
 *
 *   100000 -- 100001 -- 100003 -- 100005
 *         \\- 100002 -/        \\- 100006      100003 has two parents */
#include "fhir/fhir_test.h"
#include "fhir/term.h"

static struct fhir_tx *t;
static const struct fhir_tx_system *s;

#define C(code, up) "{\"code\":\"" code "\",\"property\":[" up "]}"
#define UP(code)    "{\"code\":\"parent\",\"valueCode\":\"" code "\"}"

static int begin(void **state)
{
    static const char text[] =
        "{\"resourceType\":\"CodeSystem\",\"url\":\"http://snomed.info/sct\",\"content\":"
        "\"complete\",\"concept\":[" C("100000", "") "," C("100001", UP("100000")) "," C(
            "100002",
            UP("100000")) "," C("100003",
                                UP("100001") "," UP(
                                    "100002")) "," C("100005",
                                                     UP("100003")) "," C("100006",
                                                                         UP("100003")) "]"
                                                                                       "}";
    struct json_doc *doc = NULL;
    (void)state;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    assert_ok(fhir_tx_new(&t, 1 << 20));
    assert_ok(fhir_tx_add(t, json_root(doc), NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    json_free(doc);
    s = fhir_tx_system(t, STR("http://snomed.info/sct"), STR_NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fhir_tx_free(t);
    return 0;
}

/* The last digits of those meant: "035". "?": not evaluated, "!": a code is not there. */
static const char *meant(const char *text)
{
    static char out[32];
    struct fhir_ecl *e = NULL;
    size_t n = 0;
    if (fhir_ecl_read(str_c(text), &e))
        return "no expression";
    for (uint32_t c = 0; c < 6; c++) {
        struct str absent, code = fhir_tx_concept(s, c)->code;
        bool in = false;
        int err = fhir_ecl_has(e, s, c, &in, &absent);
        if (err) {
            fhir_ecl_free(e);
            return err == AM_E_UNSUPPORTED ? "?" : "!";
        }
        if (in)
            out[n++] = code.p[5];
    }
    out[n] = 0;
    fhir_ecl_free(e);
    return out;
}

static void those_meant_are_those_worked_out_by_hand(void **state)
{
    static const char *const k[][2] = {
        {"100003", "3"},
        {"100003 |Three of them|", "3"},
        {"<<100003", "356"},
        {"< 100003", "56"},
        {"<! 100000", "12"},
        {"<<!100000", "012"},
        {">> 100005", "01235"},
        {"> 100005", "0123"},
        {">! 100003", "12"},
        {">>! 100003", "123"},
        {"*", "012356"},
        {"<< 100001 AND >> 100005", "135"},
        {"<<100001 , >>100005", "135"},
        {"100001 OR 100002 or 100006", "126"},
        {"<< 100000 MINUS << 100003", "012"},
        {"(<< 100000 MINUS << 100003) AND (< 100000 /* but not 0 */)", "12"},
        {"<< (100003 OR 100001)", "?"},
        {"^ 700043003", "?"},
        {"< 100000 : 100001 = << 100002", "?"},
        {"< 100000 {{ term = \"heart }} att\" }}", "?"},
        {"<< 999999", "!"},
        {"<< 100003 OR 999999", "!"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++)
        if (strcmp(meant(k[i][0]), k[i][1]) != 0)
            fail_msg("%s: %s, not %s", k[i][0], meant(k[i][0]), k[i][1]);
}

static void what_is_no_expression_is_found(void **state)
{
    static const char *const yes[] = {
        "< 404684003 |Clinical finding| : 363698007 |Site| = << 39057004",
        "<<404684003:{363698007=<<39057004,116676008=*}",
        "< 404684003: [1..3] 127489000 != << 249999999101",
        "< 27658006: 1142135004 >= #250 , 732943007 = < 387517004",
        "373873005: R 127489000 = 249999999101",
        "< 125605004 . 363698007 . 272741003",
        "<<  195967001 {{ D typeId = 900000000000013009 }} {{ +HISTORY-MOD }}",
        "^ [ targetComponentId ] 900000000000497000",
        "< 404684003: 363698007 = \"a \\\" b\"",
        "(< 19829001 AND < 301867009) OR 234234234",
        "!!> (< 19829001)"};
    static const char *const no[] = {"",
                                     "234234 << 234234",
                                     "<<",
                                     "12345",
                                     "012345678",
                                     "< 404684003 :",
                                     "(< 404684003",
                                     "< 404684003)",
                                     "100001 AND 100002 OR 100003",
                                     "100001 MINUS 100002 MINUS 100003",
                                     "100001 /* open",
                                     "100001 |open",
                                     "100001 AND",
                                     "100001: 100002",
                                     "100001 . ",
                                     "100001: 100002 = #",
                                     "100001: {100002 = 100003",
                                     "100001 {{ x }"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(yes); i++) {
        struct fhir_ecl *e = NULL;
        if (fhir_ecl_read(str_c(yes[i]), &e))
            fail_msg("refused: %s", yes[i]);
        fhir_ecl_free(e);
    }
    for (size_t i = 0; i < AM_LEN(no); i++) {
        struct fhir_ecl *e = NULL;
        if (fhir_ecl_read(str_c(no[i]), &e) != AM_E_INVALID)
            fail_msg("taken: %s", no[i]);
    }
}

static void depth_and_length_are_bounded(void **state)
{
    char deep[4000], wide[8000] = "100001";
    struct fhir_ecl *e = NULL;
    (void)state;
    memset(deep, '(', sizeof deep);
    assert_int_equal(fhir_ecl_read((struct str){deep, sizeof deep}, &e), AM_E_INVALID);
    for (int i = 0; i < 600; i++)
        strncat(wide, " OR 100002", sizeof wide - strlen(wide) - 1);
    assert_int_equal(fhir_ecl_read(str_c(wide), &e), AM_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(those_meant_are_those_worked_out_by_hand),
                                       TEST(what_is_no_expression_is_found),
                                       TEST(depth_and_length_are_bounded)};
    return cmocka_run_group_tests(tests, begin, end);
}
