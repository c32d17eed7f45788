/* SPDX-License-Identifier: Apache-2.0 */
/* Operations by R4's letter beyond a set that is loaded: resources that come with the
 * question, value sets by their address alone, and what narrows an answer. */
#include "fhir/fhir_test.h"
#include "fhir/term_op.h"

static struct fhir_tx *t;

static void add(const char *text)
{
    struct json_doc *doc = NULL;
    char *z = str_dup(str_c(text));
    assert_non_null(z);
    for (char *p = z; *p; p++)
        if (*p == '\'')
            *p = '"';
    assert_ok(json_parse(&doc, str_c(z), NULL, NULL));
    assert_ok(fhir_tx_add(t, json_root(doc), NULL));
    json_free(doc);
    free(z);
}

static int begin(void **state)
{
    (void)state;
    assert_ok(fhir_tx_new(&t, 1 << 20));
    add("{'resourceType':'CodeSystem','url':'http://snomed.info/sct','version':"
        "'http://snomed.info/sct/9/version/20260101','content':'complete','concept':["
        "{'code':'100000','concept':[{'code':'100001','display':'One','designation':["
        "{'language':'fr','value':'Un'},{'language':'ar','value':'واحد'}]},{'code':"
        "'100002','property':[{'code':'notSelectable','valueBoolean':true}]}]}]}");
    add("{'resourceType':'CodeSystem','url':'urn:b','content':'complete','version':'2',"
        "'concept':[{'code':'x','display':'X'}]}");
    add("{'resourceType':'ValueSet','url':'urn:all','compose':{'include':[{'system':"
        "'http://snomed.info/sct'},{'system':'urn:b'}]}}");
    add("{'resourceType':'ConceptMap','url':'urn:m','sourceUri':'urn:from','targetUri':"
        "'urn:to','group':[{'source':'urn:b','target':'urn:c','element':[{'code':'x',"
        "'target':[{'code':'y','equivalence':'equal'}]}]}]}");
    assert_ok(fhir_tx_ready(t, NULL));
    return 0;
}

static int end(void **state)
{
    (void)state;
    fhir_tx_free(t);
    return 0;
}

/* An answer with ' for "; or, after an error, its code. */
static const char *ask(enum fhir_tx_op op, const char *parameter)
{
    static char out[4096];
    char text[2048];
    struct json_doc *doc = NULL;
    struct buf b;
    struct diag d;
    struct jw w;
    diag_init(&d);
    snprintf(text, sizeof text, "{'resourceType':'Parameters','parameter':[%s]}",
             parameter);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    buf_init(&b, sizeof out - 1);
    jw_init(&w, &b);
    if (fhir_tx_operate(t, op, json_root(doc), NULL, &w, &d))
        snprintf(out, sizeof out, "%s", d.n ? d.item[0].code : "no word");
    else {
        assert_ok(jw_done(&w));
        snprintf(out, sizeof out, "%s", b.p);
    }
    for (char *p = out; *p; p++)
        if (*p == '"')
            *p = '\'';
    buf_release(&b);
    json_free(doc);
    diag_release(&d);
    return out;
}

#define HAS(text, op, in)                                                                \
    do {                                                                                 \
        const char *has_ = ask(op, in);                                                  \
        if (!strstr(has_, text))                                                         \
            fail_msg("line %d: %s", __LINE__, has_);                                     \
    } while (0)
#define HAS_NOT(text, op, in)                                                            \
    do {                                                                                 \
        const char *has_ = ask(op, in);                                                  \
        if (strstr(has_, text) || has_[0] != '{')                                        \
            fail_msg("line %d: %s", __LINE__, has_);                                     \
    } while (0)
#define SET(compose)                                                                     \
    "{'name':'valueSet','resource':{'resourceType':'ValueSet','compose':{" compose "}}}"
#define URL(url)              "{'name':'url','valueUri':'" url "'}"
#define IS(name, kind, value) ",{'name':'" name "','value" kind "':" value "}"
#define VS                    "http://snomed.info/sct?fhir_vs"

static void a_set_that_comes_with_the_question_is_taken(void **state)
{
    (void)state;
    HAS("'total':1,", FHIR_TX_EXPAND, SET("'include':[{'system':'urn:b'}]"));
    HAS_NOT("'url'", FHIR_TX_EXPAND, SET("'include':[{'system':'urn:b'}]"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        SET("'include':[{'valueSet':['urn:all']}]") IS("system", "Uri", "'urn:b'")
            IS("code", "Code", "'x'"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_SET,
        SET("'include':[{'system':'urn:b'}],'exclude':[{'system':'urn:b','concept':[{"
            "'code':'x'}]}]") IS("system", "Uri", "'urn:b'") IS("code", "Code", "'x'"));
    HAS("term.system", FHIR_TX_EXPAND, SET("'include':[{'system':'urn:none'}]"));
    HAS("term.include", FHIR_TX_EXPAND, SET("'include':[{}]"));
    HAS("term.parameter", FHIR_TX_EXPAND,
        "{'name':'valueSet','resource':{'resourceType':'Patient'}}");
    HAS("term.parameter", FHIR_TX_EXPAND, "{'name':'valueSet','valueString':'x'}");
    HAS("term.set", FHIR_TX_EXPAND, URL("urn:amane:given")); /* it is not kept */
}

static void a_system_and_a_map_too(void **state)
{
#define OWN                                                                              \
    "{'name':'codeSystem','resource':{'resourceType':'CodeSystem','url':'urn:own',"      \
    "'content':'complete','concept':[{'code':'k','display':'Kay'}]}}"
    (void)state;
    HAS("'Kay'", FHIR_TX_VALIDATE_CODE, OWN IS("code", "Code", "'k'"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_CODE, OWN IS("code", "Code", "'x'"));
    HAS("'code':'z'", FHIR_TX_TRANSLATE,
        "{'name':'conceptMap','resource':{'resourceType':'ConceptMap','group':[{'source':"
        "'urn:b','target':'urn:c','element':[{'code':'x','target':[{'code':'z',"
        "'equivalence':'equal'}]}]}]}}" IS("system", "Uri", "'urn:b'")
            IS("code", "Code", "'x'"));
}

static void a_concept_with_several_codings_is_of_the_system_by_one(void **state)
{
#define BOTH(a, b)                                                                       \
    IS("codeableConcept", "CodeableConcept",                                             \
       "{'coding':[{'system':'urn:z','code':'q'},{'system':'urn:b','code':'" a           \
       "'},{'system':'urn:b','code':'" b "'}]}")
    (void)state;
    HAS("'X'", FHIR_TX_VALIDATE_CODE, URL("urn:b") BOTH("n", "x"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_CODE, URL("urn:b") BOTH("n", "m"));
    HAS("term.parameter", FHIR_TX_VALIDATE_CODE, URL("urn:none") BOTH("x", "x"));
}

static void sets_are_known_by_their_address(void **state)
{
    (void)state;
    HAS("'total':3,", FHIR_TX_EXPAND, URL(VS));
    HAS("'total':3,", FHIR_TX_EXPAND, URL(VS "=isa/100000"));
    HAS("'total':2,", FHIR_TX_EXPAND, URL(VS "=ecl/<100000"));
    HAS("'total':1,", FHIR_TX_EXPAND, URL(VS "=ecl/<<100000 MINUS < 100000"));
    HAS("'total':3,", FHIR_TX_EXPAND,
        URL("http://snomed.info/sct/9/version/20260101?fhir_vs"));
    HAS("term.system", FHIR_TX_EXPAND,
        URL("http://snomed.info/sct/9/version/20250101?fhir_vs"));
    HAS("term.partial", FHIR_TX_EXPAND, URL(VS "=refset/100000")); /* never a no */
    HAS("term.filter", FHIR_TX_EXPAND, URL(VS "=ecl/^100000"));
    HAS("term.ecl", FHIR_TX_EXPAND, URL(VS "=ecl/100000 100001"));
    HAS("term.code", FHIR_TX_EXPAND, URL(VS "=isa/999999"));
    HAS("term.set", FHIR_TX_EXPAND, URL(VS "=other"));
    HAS("term.set", FHIR_TX_EXPAND, URL(VS "=")); /* of nothing */
    HAS("term.set", FHIR_TX_EXPAND, URL("urn:none?fhir_vs"));
    HAS("'total':", FHIR_TX_EXPAND, URL("urn:b?fhir_vs")); /* any system has it */
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        URL(VS "=isa/100000") IS("system", "Uri", "'http://snomed.info/sct'")
            IS("code", "Code", "'100001'"));
}

static void an_answer_is_narrowed(void **state)
{
    (void)state;
    HAS("'total':4,", FHIR_TX_EXPAND, URL("urn:all"));
    HAS("'total':3,", FHIR_TX_EXPAND,
        URL("urn:all") IS("excludeNotForUI", "Boolean", "true"));
    HAS("'total':1,", FHIR_TX_EXPAND,
        URL("urn:all") IS("exclude-system", "Canonical", "'http://snomed.info/sct'"));
    HAS("'parameter':[{'name':'filter','valueString':'un'},{'name':'activeOnly',"
        "'valueBoolean':true},{'name':'count','valueInteger':1}]",
        FHIR_TX_EXPAND,
        URL("urn:all") IS("filter", "String", "'un'") IS("activeOnly", "Boolean", "true")
            IS("count", "Integer", "1"));
    HAS("واحد", FHIR_TX_EXPAND,
        URL("urn:all") IS("includeDesignations", "Boolean", "true"));
    HAS_NOT("واحد", FHIR_TX_EXPAND,
            URL("urn:all") IS("includeDesignations", "Boolean", "true")
                IS("designation", "String", "'urn:ietf:bcp:47|fr'"));
    HAS("'Un'", FHIR_TX_EXPAND,
        URL("urn:all") IS("includeDesignations", "Boolean", "true")
            IS("designation", "String", "'urn:ietf:bcp:47|fr'"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        URL(VS) IS("system", "Uri", "'http://snomed.info/sct'")
            IS("code", "Code", "'100002'"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_SET,
        URL(VS) IS("system", "Uri", "'http://snomed.info/sct'")
            IS("code", "Code", "'100002'") IS("abstract", "Boolean", "false"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        URL("urn:all") IS("system", "Uri", "'urn:b'") IS("systemVersion", "String", "'2'")
            IS("code", "Code", "'x'"));
    HAS("term.system", FHIR_TX_VALIDATE_SET,
        URL("urn:all") IS("system", "Uri", "'urn:b'") IS("systemVersion", "String", "'1'")
            IS("code", "Code", "'x'"));
#define EDITION(n)                                                                       \
    URL("urn:all")                                                                       \
    IS("system", "Uri", "'http://snomed.info/sct'")                                      \
    IS("systemVersion", "String", "'http://snomed.info/sct/" n "'")                      \
    IS("code", "Code", "'100001'")
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET, EDITION("9"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET, EDITION("9/version/20260101"));
    HAS("term.system", FHIR_TX_VALIDATE_SET, EDITION("8"));
    HAS("term.system", FHIR_TX_VALIDATE_SET, EDITION("9/version/2026"));
    HAS("term.system", FHIR_TX_VALIDATE_SET, EDITION("9/version/20250101"));
}

/* Words for some units make the others no less units. */
static void every_unit_is_a_code_of_ucum(void **state)
{
#define UCUM IS("system", "Uri", "'http://unitsofmeasure.org'")
#define WORDS                                                                            \
    "{'name':'codeSystem','resource':{'resourceType':'CodeSystem','url':"                \
    "'http://unitsofmeasure.org','content':'complete','concept':[{'code':'g','display':" \
    "'gram'}]}}"
    (void)state;
    HAS("'name':'display','valueString':'mmol/L'", FHIR_TX_LOOKUP,
        "{'name':'code','valueCode':'mmol/L'}" UCUM);
    HAS("term.code", FHIR_TX_LOOKUP, "{'name':'code','valueCode':'fmm[Hg]x'}" UCUM);
    HAS("'gram'", FHIR_TX_VALIDATE_CODE, WORDS IS("code", "Code", "'g'"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_CODE, WORDS IS("code", "Code", "'mg'"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_CODE, WORDS IS("code", "Code", "'gg'"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        SET("'include':[{'system':'http://unitsofmeasure.org'}]")
            UCUM IS("code", "Code", "'mg/dL'"));
    HAS("'valueBoolean':false", FHIR_TX_VALIDATE_SET,
        SET("'include':[{'system':'http://unitsofmeasure.org'}]")
            UCUM IS("code", "Code", "'mgg'"));
    HAS("'valueBoolean':true", FHIR_TX_VALIDATE_SET,
        SET("'include':[{'system':'http://unitsofmeasure.org'}]")
            UCUM IS("systemVersion", "String", "'2.1'") IS("code", "Code", "'mg/dL'"));
}

static void a_map_is_chosen_by_its_ends(void **state)
{
#define X IS("system", "Uri", "'urn:b'") IS("code", "Code", "'x'")
    (void)state;
    HAS("'code':'y'", FHIR_TX_TRANSLATE,
        "{'name':'source','valueUri':'urn:from'},{'name':'target','valueUri':'urn:to'"
        "}" X);
    HAS("'valueBoolean':false", FHIR_TX_TRANSLATE,
        "{'name':'source','valueUri':'urn:to'}" X);
    HAS("'valueBoolean':false", FHIR_TX_TRANSLATE,
        "{'name':'target','valueUri':'urn:from'}" X);
    HAS("'code':'x'", FHIR_TX_TRANSLATE,
        "{'name':'source','valueUri':'urn:to'},{'name':'reverse','valueBoolean':true}" IS(
            "system", "Uri", "'urn:c'") IS("code", "Code", "'y'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_set_that_comes_with_the_question_is_taken),
        TEST(a_system_and_a_map_too),
        TEST(a_concept_with_several_codings_is_of_the_system_by_one),
        TEST(sets_are_known_by_their_address),
        TEST(an_answer_is_narrowed),
        TEST(every_unit_is_a_code_of_ucum),
        TEST(a_map_is_chosen_by_its_ends)};
    return cmocka_run_group_tests(tests, begin, end);
}
