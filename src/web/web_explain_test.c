/* SPDX-License-Identifier: Apache-2.0 */
/* What a clinician reads of the values a model was given. */
#include "base/test.h"
#include "web/web_site_node_priv.h"

static const char version[] =
    "{\"inputs\":[{\"name\":\"cp\",\"source\":\"observation\",\"type\":\"code\","
    "\"unit\":\"1\",\"values\":{\"429559004\":1,\"161971004\":4},\"value_texts\":{"
    "\"429559004\":{\"fr\":\"angor typique\",\"ar\":\"ذبحة\",\"en\":\"typical "
    "angina\"}}},{\"name\":\"sex\",\"source\":\"patient.sex\",\"type\":\"code\","
    "\"unit\":\"1\",\"values\":{\"female\":0,\"male\":1}}]}";

static void reads(enum text_lang l, const char *name, double value, const char *want)
{
    struct json_doc *v, *p, *out;
    char text[160];
    struct buf b;
    struct jw w;
    snprintf(text, sizeof text, "{\"inputs\":[{\"name\":\"%s\",\"value\":%g}]}", name,
             value);
    assert_ok(json_parse(&v, str_c(version), NULL, NULL));
    assert_ok(json_parse(&p, str_c(text), NULL, NULL));
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    jw_obj(&w);
    web_node_inputs(&w, l, json_root(p), json_root(v));
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&out, buf_str(&b), NULL, NULL));
    const struct json *one = json_at(json_get(json_root(out), "inputs"), 0);
    if (!json_str_is(json_get(one, "value"), want))
        fail_msg("%s %g: %.*s", name, value, STR_FMT(json_get_str(one, "value")));
    json_free(out);
    json_free(p);
    json_free(v);
    buf_release(&b);
}

static void a_code_is_read_in_the_words_the_record_has_for_it(void **state)
{
    (void)state;
    reads(TEXT_FR, "cp", 1, "angor typique");
    reads(TEXT_AR, "cp", 1, "ذبحة");
    reads(TEXT_EN, "cp", 1, "typical angina");
}

static void a_code_without_words_stays_the_code(void **state)
{
    (void)state;
    reads(TEXT_FR, "cp", 4, "161971004");
    reads(TEXT_EN, "cp", 3, "3"); /* a number that no code stands for */
}

static void a_sex_has_the_words_of_the_pages(void **state)
{
    char want[64];
    (void)state;
    snprintf(want, sizeof want, "%.*s", STR_FMT(text_get(TEXT_AR, "sex.male")));
    reads(TEXT_AR, "sex", 1, want);
}

TEST_MAIN(TEST(a_code_is_read_in_the_words_the_record_has_for_it),
          TEST(a_code_without_words_stays_the_code),
          TEST(a_sex_has_the_words_of_the_pages))
