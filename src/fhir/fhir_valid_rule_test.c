/* SPDX-License-Identifier: Apache-2.0 */
/* Every invariant of R4 is broken once. Those that only ask what is there: all
 * combinations of the elements they name, their program against the FHIRPath they came
 * from. Names of conformance resources: one bad name for each. The rest, by hand. */
#include "fhir/fhir_valid_test.h"
#include "fhir/path.h"

static struct fhir_valid *valid;

static int begin(void **state)
{
    (void)state;
    return fhir_valid_new(&valid);
}

static int end(void **state)
{
    (void)state;
    fhir_valid_free(valid);
    return 0;
}

#define R(type) "{'resourceType':'" type "'"
#define ITEM(rest)                                                                       \
    R("Questionnaire") ",'status':'draft','item':[{'linkId':'1'," rest "}]}"
#define ED(rest)                                                                         \
    R("StructureDefinition")                                                             \
    ",'differential':{'element':[{'id':'a','path':'A.b'," rest "}]}}"
#define SD(rest)           R("StructureDefinition") "," rest "}"
#define ASSERT(part, rest) R("TestScript") ",'" part "':" rest "}"
#define EXT(value)         R("Basic") ",'extension':[{'url':'urn:x'," value "}]}"
#define TERM(kind, rest)   R("TerminologyCapabilities") ",'kind':'" kind "'" rest "}"
#define CAP(kind, rest)    R("CapabilityStatement") ",'kind':'" kind "'" rest "}"
#define CONSENT(code)                                                                    \
    R("Consent") ",'scope':{'coding':[{'system':'something','code':'" code "'}]}}"

static const struct {
    const char *key, *json;
} by_hand[] = {
    {"app-3", R("Appointment") ",'status':'booked'}"},
    {"app-4", R("Appointment") ",'status':'booked','cancelationReason':{'text':'x'}}"},
    {"cmd-1", R("ConceptMap") ",'group':[{'element':[{'target':[{'equivalence':"
                              "'narrower'}]}]}]}"},
    {"cmd-2", R("ConceptMap") ",'group':[{'unmapped':{'mode':'fixed'}}]}"},
    {"cmd-3", R("ConceptMap") ",'group':[{'unmapped':{'mode':'other-map'}}]}"},
    {"cpb-12", R("CapabilityStatement") ",'rest':[{'resource':[{'searchParam':[{'name':"
                                        "'a'},{'name':'a'}]}]}]}"},
    {"cpb-14", CAP("instance", "")},
    {"cpb-15", CAP("capability", "")},
    {"cpb-16", CAP("requirements", ",'software':{'name':'x'}")},
    {"cpb-2", CAP("capability", "")},
    {"cpb-3", CAP("capability", ",'messaging':[{'endpoint':[{'address':'x'}]}]")},
    {"cpb-7", CAP("capability", ",'document':[{'mode':'producer','profile':'urn:x'},{"
                                "'mode':'producer','profile':'urn:x'}]")},
    {"cpb-9", R("CapabilityStatement") ",'rest':[{'resource':[{'type':'Patient'},{'type':"
                                       "'Patient'}]}]}"},
    {"csd-1", R("CodeSystem") ",'concept':[{'code':'a'},{'code':'b','concept':[{'code':"
                              "'a'}]}]}"},
    {"ctm-1", R("CareTeam") ",'participant':[{'onBehalfOf':{'reference':"
                            "'Organization/1'},'member':{'reference':'Patient/1'}}]}"},
    {"eld-12", ED("'binding':{'strength':'required','valueSet':'x'}")},
    {"eld-13", ED("'type':[{'code':'date'},{'code':'date'}]")},
    {"eld-14", ED("'constraint':[{'key':'a'},{'key':'a'}]")},
    {"eld-16", ED("'sliceName':'a b'")},
    {"eld-17", ED("'type':[{'code':'date','targetProfile':['urn:x']}]")},
    {"eld-18", ED("'isModifier':true")},
    {"eld-19", R("StructureDefinition") ",'differential':{'element':[{'path':':'}]}}"},
    {"eld-2", ED("'min':3,'max':'2'")},
    {"eld-20", R("StructureDefinition") ",'differential':{'element':[{'path':'1'}]}}"},
    {"eld-3", ED("'max':'x'")},
    {"eld-4", ED("'type':[{'code':'date','aggregation':['bundled']}]")},
    {"eld-6", ED("'fixedString':'x','type':[{'code':'date'},{'code':'code'}]")},
    {"eld-7", ED("'patternString':'x','type':[{'code':'date'},{'code':'code'}]")},
    {"grp-1", R("Group") ",'actual':false,'member':[{'entity':{'display':'x'}}]}"},
    {"ig-1", R("ImplementationGuide") ",'definition':{'resource':[{'groupingId':'x'}]}}"},
    {"ig-2", R("ImplementationGuide") ",'fhirVersion':['4.0.1'],'definition':{"
                                      "'resource':[{'fhirVersion':['3.0.1']}]}}"},
    {"inv-1", R("Task") ",'authoredOn':'2026-02-01','lastModified':'2026-01-01'}"},
    {"ipn-1", R("InsurancePlan") "}"},
    {"lnk-1", R("Linkage") ",'item':[{'type':'source'}]}"},
    {"lst-2", R("List") ",'mode':'working','entry':[{'deleted':true}]}"},
    {"lst-3", R("List") ",'mode':'changes','entry':[{'date':'2026'}]}"},
    {"md-1", R("MessageDefinition") ",'focus':[{'max':'0'}]}"},
    {"mdd-1", R("MedicationDispense") ",'whenPrepared':'2026-02-01','whenHandedOver':"
                                      "'2026-01-01'}"},
    {"mea-1", R("Measure") ",'group':[{'stratifier':[{'description':'x','component':[{"
                           "'description':'y'}]}]}]}"},
    {"mrp-1", R("MeasureReport") ",'type':'data-collection','group':[{'code':{'text':"
                                 "'x'}}]}"},
    {"mrp-2", R("MeasureReport") ",'group':[{'stratifier':[{'stratum':[{'value':{'text':"
                                 "'x'},'component':[{'code':{'text':'y'}}]}]}]}]}"},
    {"msq-3", R("MolecularSequence") ",'coordinateSystem':2}"},
    {"msq-6", R("MolecularSequence") ",'referenceSeq':{'windowStart':1}}"},
    {"nsd-1", R("NamingSystem") ",'kind':'root','uniqueId':[{'type':'uuid'}]}"},
    {"nsd-2", R("NamingSystem") ",'uniqueId':[{'type':'oid','preferred':true},{'type':"
                                "'oid','preferred':true}]}"},
    {"opd-2", R("OperationDefinition") ",'parameter':[{'type':'date','searchType':"
                                       "'date'}]}"},
    {"opd-3", R("OperationDefinition") ",'parameter':[{'type':'date','targetProfile':["
                                       "'urn:x']}]}"},
    {"org-1", R("Organization") ",'active':true}"},
    {"ppc-2", CONSENT("patient-privacy")},
    {"ppc-3", CONSENT("research")},
    {"ppc-4", CONSENT("adr")},
    {"ppc-5", CONSENT("treatment")},
    {"que-1", ITEM("'type':'group'")},
    {"que-10", ITEM("'type':'date','maxLength':3")},
    {"que-12", ITEM("'type':'string','enableWhen':[{'question':'a'},{'question':'b'},{"
                    "'question':'c'}]")},
    {"que-13", ITEM("'type':'string','initial':[{'valueString':'a'},{'valueString':"
                    "'b'}]")},
    {"que-2", R("Questionnaire") ",'item':[{'linkId':'1'},{'linkId':'1'}]}"},
    {"que-3", ITEM("'type':'display','code':[{'code':'x'}]")},
    {"que-5", ITEM("'type':'boolean','answerValueSet':'urn:x'")},
    {"que-6", ITEM("'type':'display','required':true")},
    {"que-7", ITEM("'type':'string','enableWhen':[{'question':'a','operator':'exists',"
                   "'answerString':'x'}]")},
    {"que-8", ITEM("'type':'display','initial':[{'valueString':'x'}]")},
    {"que-9", ITEM("'type':'display','readOnly':true")},
    {"ras-1", R("RiskAssessment") ",'prediction':[{'probabilityRange':{'low':{'value':"
                                  "1}}}]}"},
    {"ras-2", R("RiskAssessment") ",'prediction':[{'probabilityDecimal':101}]}"},
    {"sdf-1", SD("'derivation':'specialization','snapshot':{'element':[{'path':'A'},{"
                 "'path':'A'}]}")},
    {"sdf-10", SD("'snapshot':{'element':[{'path':'A','binding':{'strength':'required'}}"
                  "]}")},
    {"sdf-11", SD("'kind':'resource','type':'B','snapshot':{'element':[{'path':'A'}]}")},
    {"sdf-14", SD("'differential':{'element':[{'path':'A'}]}")},
    {"sdf-15", SD("'kind':'resource','snapshot':{'element':[{'path':'A','type':[{'code':"
                  "'x'}]}]}")},
    {"sdf-15a", SD("'kind':'resource','differential':{'element':[{'path':'A','type':[{"
                   "'code':'x'}]}]}")},
    {"sdf-16", SD("'snapshot':{'element':[{'id':'A','path':'A'},{'id':'A','path':'A.b'}"
                  "]}")},
    {"sdf-17", SD("'differential':{'element':[{'id':'A','path':'A'},{'id':'A','path':"
                  "'A.b'}]}")},
    {"sdf-18", SD("'type':'Patient','contextInvariant':['x']")},
    {"sdf-19", SD("'url':'http://hl7.org/fhir/StructureDefinition/x','differential':{"
                  "'element':[{'path':'A','type':[{'code':'a b'}]}]}")},
    {"sdf-20", SD("'differential':{'element':[{'path':'A','slicing':{'rules':'open'}}]}"
                  "")},
    {"sdf-21", SD("'derivation':'constraint','differential':{'element':[{'path':'A',"
                  "'defaultValueString':'x'}]}")},
    {"sdf-22", SD("'url':'http://hl7.org/fhir/StructureDefinition/x','differential':{"
                  "'element':[{'path':'A','defaultValueString':'x'}]}")},
    {"sdf-23", SD("'differential':{'element':[{'path':'A','sliceName':'x'}]}")},
    {"sdf-3", SD("'snapshot':{'element':[{'path':'A'}]}")},
    {"sdf-4", SD("'abstract':false")},
    {"sdf-5", SD("'type':'Extension','derivation':'constraint'")},
    {"sdf-8", SD("'kind':'resource','type':'A','snapshot':{'element':[{'path':'A'},{"
                 "'path':'B.c'}]}")},
    {"sdf-8a", SD("'kind':'resource','type':'A','differential':{'element':[{'path':'B'}"
                  "]}")},
    {"sdf-8b", SD("'snapshot':{'element':[{'path':'A'}]}")},
    {"sdf-9", SD("'differential':{'element':[{'path':'A','label':'x'}]}")},
    {"spd-2", R("SearchParameter") ",'type':'string','chain':['x']}"},
    {"tcp-1", R("TerminologyCapabilities") ",'codeSystem':[{'version':[{'code':'1'},{"
                                           "'isDefault':true}]}]}"},
    {"tcp-2", TERM("capability", "")},
    {"tcp-3", TERM("instance", "")},
    {"tcp-4", TERM("capability", "")},
    {"tcp-5", TERM("requirements", ",'software':{'name':'x'}")},
    {"tim-9", EXT("'valueTiming':{'repeat':{'offset':3,'when':['C']}}")},
    {"trd-3", EXT("'valueTriggerDefinition':{'type':'named-event'}")},
    {"tst-11", ASSERT("test", "[{'action':[{'assert':{'compareToSourceId':'x'}}]}]")},
    {"tst-12", ASSERT("setup", "{'action':[{'assert':{'response':'okay','direction':"
                               "'request'}}]}")},
    {"tst-13", ASSERT("test", "[{'action':[{'assert':{'response':'okay','direction':"
                              "'request'}}]}]")},
    {"tst-4", R("TestScript") ",'metadata':{'capability':[{'origin':[1]}]}}"},
    {"tst-5", ASSERT("setup", "{'action':[{'assert':{'path':'x','minimumId':'y'}}]}")},
    {"tst-6", ASSERT("test", "[{'action':[{'assert':{'path':'x','minimumId':'y'}}]}]")},
    {"tst-7", ASSERT("setup", "{'action':[{'operation':{'targetId':'x','url':'y'}}]}")},
    {"tst-8", ASSERT("test", "[{'action':[{'operation':{'targetId':'x','url':'y'}}]}]")},
    {"tst-9", ASSERT("teardown", "{'action':[{'operation':{'targetId':'x','url':'y'}}]"
                                 "}")},
    {"vsd-9", R("ValueSet") ",'expansion':{'contains':[{'display':'x'}]}}"},
};

/* As published it cannot be broken: select() gives an item for every type, and exists()
 * is true of any. */
static const char tautology[] = "eld-11";

static bool breaks(const char *key, const char *json)
{
    struct judged j;
    bool found;
    judge(&j, valid, json, FHIR_VALID_ADVICE);
    found = judged_find(&j, NULL, "fhir.rule", key) != NULL;
    judged_release(&j);
    return found;
}

static void each_rule_of_fhirpath_is_broken(void **state)
{
    size_t missed = 0, n = 0;
    (void)state;
    for (size_t i = 0; i < AM_LEN(by_hand); i++)
        if (!breaks(by_hand[i].key, by_hand[i].json)) {
            print_message("%s holds: %s\n", by_hand[i].key, by_hand[i].json);
            missed++;
        }
    assert_int_equal(missed, 0);
    for (size_t i = 0; i < fhir_def_rules; i++) {
        const struct fhir_rule *r = &fhir_def_rule[i];
        bool found = r->how != FHIR_RULE_PATH ||
                     strstr(fhir_textz(r->expression), "name.matches(") != NULL ||
                     strcmp(fhir_textz(r->key), tautology) == 0;
        for (size_t k = 0; k < AM_LEN(by_hand); k++)
            found |= strcmp(by_hand[k].key, fhir_textz(r->key)) == 0;
        if (!found)
            fail_msg("nothing breaks %s", fhir_textz(r->key));
        n += r->how == FHIR_RULE_PATH;
    }
    assert_int_equal(n, fhir_valid_compiled(valid));
}

static void each_bad_name_is_advised_against(void **state)
{
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < fhir_def_types; i++)
        for (size_t k = 0; k < fhir_def_type[i].rules; k++) {
            const struct fhir_rule *r = &fhir_def_rule[fhir_def_type[i].rule + k];
            char json[200];
            if (!strstr(fhir_textz(r->expression), "name.matches("))
                continue;
            snprintf(json, sizeof json, "{'resourceType':'%s','name':'bad name'}",
                     fhir_textz(fhir_def_type[i].name));
            assert_true(breaks(fhir_textz(r->key), json));
            snprintf(json, sizeof json, "{'resourceType':'%s','name':'GoodName'}",
                     fhir_textz(fhir_def_type[i].name));
            assert_false(breaks(fhir_textz(r->key), json));
            n++;
        }
    assert_true(n > 25);
}

/* Elements a program asks about. */
static size_t asked(const uint8_t *op, uint8_t out[16])
{
    size_t n = 0;
    for (; *op != FHIR_OP_END; op++) {
        bool known = *op > FHIR_OP_END;
        for (size_t i = 0; i < n; i++)
            known |= out[i] == *op;
        if (!known) {
            assert_true(n < 16);
            out[n++] = *op;
        }
    }
    return n;
}

/* An object of t in which the elements of `mask` are, as JSON of one that FHIRPath and
 * the walk both see (a companion with an extension will do for any element). */
static void make(struct buf *b, const struct fhir_type *t, const uint8_t *el, size_t n,
                 unsigned mask)
{
    buf_clear(b);
    assert_ok(buf_addf(b, "{\"resourceType\":\"%s\",\"id\":\"x\"", fhir_textz(t->name)));
    for (size_t i = 0; i < n; i++)
        if (mask >> i & 1) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + el[i]];
            const struct fhir_member *m = &fhir_def_member[e->member];
            bool many = e->max == FHIR_MANY;
            assert_ok(buf_addf(b,
                               ",\"%s%.*s\":%s{\"extension\":[{\"url\":\"urn:x\","
                               "\"valueCode\":\"x\"}]}%s",
                               m->prim ? "_" : "", STR_FMT(fhir_member_name(m)),
                               many ? "[" : "", many ? "]" : ""));
        }
    assert_ok(buf_addc(b, '}'));
}

/* What the program says of a resource, through the walk; types inside resources are told
 * by FHIRPath on the same object, so only resources are compared both ways. */
static void compare(const struct fhir_type *t, const struct fhir_rule *r)
{
    uint8_t el[16];
    size_t n = asked(fhir_def_program + r->program, el), yes = 0;
    struct fhir_path *p = NULL;
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(fhir_path_compile(&p, fhir_text(r->expression), FHIR_PATH_INVARIANT, NULL));
    for (unsigned mask = 0; mask < 1u << n; mask++) {
        struct judged j;
        struct arena arena;
        struct fhir_path_env env = {.arena = &arena};
        struct fhir_path_item focus;
        bool says;
        int want;
        make(&b, t, el, n, mask);
        judge_text(&j, NULL, buf_str(&b), FHIR_VALID_ADVICE);
        arena_init(&arena, 1 << 20);
        env.root = json_root(j.doc);
        focus = fhir_path_node(json_root(j.doc), NULL, fhir_text(t->name));
        want = fhir_path_true(p, &env, &focus);
        says = judged_find(&j, "", "fhir.rule", fhir_textz(r->key)) == NULL;
        if (says != (want == 1))
            fail_msg("%s: %d, not %d: %s", fhir_textz(r->key), says, want, b.p);
        yes += says;
        arena_release(&arena);
        judged_release(&j);
    }
    assert_true(yes > 0 && yes < 1u << n);
    fhir_path_free(p);
    buf_release(&b);
}

static void programs_say_what_their_fhirpath_says(void **state)
{
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        for (size_t k = 0; k < t->rules; k++) {
            const struct fhir_rule *r = &fhir_def_rule[t->rule + k];
            if (r->how != FHIR_RULE_PRESENCE || t->kind != FHIR_KIND_RESOURCE)
                continue;
            compare(t, r);
            n++;
        }
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(each_rule_of_fhirpath_is_broken),
                                   TEST(each_bad_name_is_advised_against),
                                   TEST(programs_say_what_their_fhirpath_says)};
    return cmocka_run_group_tests(t, begin, end);
}
