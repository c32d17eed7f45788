/* SPDX-License-Identifier: Apache-2.0 */
/* Every invariant that only asks what is there, of the parts of resources and of data
 * types, is broken once (those of whole resources: fhir_valid_rule_test.c). */
#include "fhir/fhir_valid_test.h"

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

#define R(type, rest) "{'resourceType':'" type "'," rest "}"
#define ED(rest)                                                                         \
    R("StructureDefinition",                                                             \
      "'differential':{'element':[{'id':'a','path':'A.b'," rest "}]}")
#define TIME(rest)                                                                       \
    R("Basic", "'extension':[{'url':'urn:x','valueTiming':{'repeat':{" rest "}}}]")
#define TRIG(rest)                                                                       \
    R("Basic",                                                                           \
      "'extension':[{'url':'urn:x','valueTriggerDefinition':{'name':'a'," rest "}}]")

static const struct {
    const char *key, *json;
} broken[] = {
    {"bdl-5", R("Bundle", "'type':'collection','entry':[{'fullUrl':'urn:x'}]")},
    {"cpt-2", R("Patient", "'telecom':[{'value':'x'}]")},
    {"inv-1", R("TestReport", "'setup':{'action':[{'id':'x'}]}")},
    {"inv-1", R("Parameters", "'parameter':[{'name':'a'}]")},
    {"obs-3", R("Observation", "'referenceRange':[{'type':{'text':'x'}}]")},
    {"pat-1", R("Patient", "'contact':[{'gender':'female'}]")},
    {"qty-3", R("Observation", "'valueQuantity':{'value':1,'code':'mg'}")},
    {"tim-2", TIME("'period':1")},
    {"app-1", R("Appointment", "'participant':[{'status':'accepted'}]")},
    {"att-1",
     R("Basic", "'extension':[{'url':'urn:x','valueAttachment':{'data':'QQ=='}}]")},
    {"ces-1",
     R("CoverageEligibilityResponse",
       "'insurance':[{'coverage':{'reference':'Coverage/1'},'item':[{'name':'x'}]}]")},
    {"cmp-1", R("Composition", "'section':[{'title':'x'}]")},
    {"cmp-2", R("Composition", "'section':[{'emptyReason':{'text':'x'},'entry':[{'"
                               "reference':'Observation/1'}]}]")},
    {"con-1", R("Condition", "'stage':[{'type':{'text':'x'}}]")},
    {"con-2", R("Condition", "'evidence':[{'id':'x'}]")},
    {"con-3", R("Condition",
                "'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"
                "condition-category','code':'problem-list-item'}]}],'subject':{'"
                "reference':'Patient/1'}")},
    {"cpl-3", R("CarePlan", "'activity':[{'reference':{'reference':'Task/"
                            "1'},'detail':{'status':'scheduled'}}]")},
    {"drq-1",
     R("Library",
       "'dataRequirement':[{'type':'Patient','codeFilter':[{'valueSet':'urn:x'}]}]")},
    {"drq-2", R("Library", "'dataRequirement':[{'type':'Patient','dateFilter':[{'path':'"
                           "a','searchParam':'b'}]}]")},
    {"eld-1", ED("'slicing':{'rules':'open'}")},
    {"eld-5", ED("'contentReference':'#A','type':[{'code':'string'}]")},
    {"eld-8", ED("'patternString':'a','fixedString':'a'")},
    {"eld-15", ED("'defaultValueString':'a','meaningWhenMissing':'b'")},
    {"eld-21", ED("'constraint':[{'key':'a-1','severity':'error','human':'x'}]")},
    {"eld-22", ED("'sliceIsConstraining':true")},
    {"exp-1",
     R("Basic",
       "'extension':[{'url':'urn:x','valueExpression':{'language':'text/fhirpath'}}]")},
    {"gol-1", R("Goal", "'target':[{'detailString':'x'}]")},
    {"imm-1", R("Immunization", "'education':[{'publicationDate':'2026-01-01'}]")},
    {"imr-1", R("ImmunizationRecommendation",
                "'recommendation':[{'forecastStatus':{'text':'x'}}]")},
    {"inv-2", R("TestReport", "'test':[{'action':[{'id':'x'}]}]")},
    {"mad-1", R("MedicationAdministration", "'dosage':{'text':'x'}")},
    {"msq-5",
     R("MolecularSequence", "'coordinateSystem':0,'referenceSeq':{'genomeBuild':'x'}")},
    {"opd-1",
     R("OperationDefinition", "'parameter':[{'name':'a','use':'in','min':0,'max':'1'}]")},
    {"qrs-1",
     R("QuestionnaireResponse",
       "'item':[{'linkId':'1','answer':[{'valueString':'x'}],'item':[{'linkId':'2'}]}]")},
    {"que-4", R("Questionnaire", "'item':[{'linkId':'1','type':'choice','answerOption':[{"
                                 "'valueString':'x'}],'answerValueSet':'urn:x'}]")},
    {"que-11",
     R("Questionnaire", "'item':[{'linkId':'1','type':'choice','answerOption':[{'"
                        "valueString':'x'}],'initial':[{'valueString':'x'}]}]")},
    {"rqg-1", R("RequestGroup", "'action':[{'resource':{'reference':'Task/"
                                "1'},'action':[{'resource':{'reference':'Task/2'}}]}]")},
    {"sdf-2", R("StructureDefinition", "'mapping':[{'identity':'x'}]")},
    {"sev-1", R("AuditEvent", "'entity':[{'name':'x','query':'QQ=='}]")},
    {"smp-1", R("StructureMap", "'group':[{'name':'a','typeMode':'none','rule':[{'name':'"
                                "b','target':[{'element':'c'}]}]}]")},
    {"smp-2", R("StructureMap", "'group':[{'name':'a','typeMode':'none','rule':[{'name':'"
                                "b','target':[{'context':'c'}]}]}]")},
    {"tim-1", TIME("'duration':1")},
    {"tim-6", TIME("'periodMax':1")},
    {"tim-7", TIME("'durationMax':1")},
    {"tim-8", TIME("'countMax':1")},
    {"tim-10", TIME("'timeOfDay':['10:00:00'],'when':['MORN']")},
    {"trd-1", TRIG("'data':[{'type':'Patient'}],'timingDate':'2026-01-01'")},
    {"trd-2", TRIG("'condition':{'language':'text/fhirpath','expression':'true'}")},
    {"tst-1", R("TestScript", "'setup':{'action':[{'id':'x'}]}")},
    {"tst-2", R("TestScript", "'test':[{'action':[{'id':'x'}]}]")},
    {"tst-3",
     R("TestScript",
       "'variable':[{'name':'a','expression':'b','headerField':'c','path':'d'}]")},
    {"tst-10",
     R("TestScript",
       "'setup':{'action':[{'assert':{'compareToSourceId':'x','warningOnly':true}}]}")},
    {"vsd-1", R("ValueSet", "'compose':{'include':[{'version':'1'}]}")},
    {"vsd-2",
     R("ValueSet",
       "'compose':{'include':[{'valueSet':['urn:x'],'concept':[{'code':'a'}]}]}")},
    {"vsd-3", R("ValueSet", "'compose':{'include':[{'system':'urn:x','concept':[{'code':'"
                            "a'}],'filter':[{'property':'a','op':'=','value':'b'}]}]}")},
    {"vsd-6", R("ValueSet", "'expansion':{'contains':[{'system':'urn:x'}]}")},
    {"vsd-10", R("ValueSet", "'expansion':{'contains':[{'code':'a'}]}")},
};

static bool breaks(const char *key, const char *json)
{
    struct judged j;
    bool found;
    judge(&j, valid, json, FHIR_VALID_ADVICE);
    found = judged_find(&j, NULL, "fhir.rule", key) != NULL;
    judged_release(&j);
    return found;
}

static void each_is_broken(void **state)
{
    size_t missed = 0;
    (void)state;
    for (size_t i = 0; i < AM_LEN(broken); i++)
        if (!breaks(broken[i].key, broken[i].json)) {
            print_message("%s holds: %s\n", broken[i].key, broken[i].json);
            missed++;
        }
    assert_int_equal(missed, 0);
}

/* Is it broken by all combinations of elements of a resource? */
static bool of_a_resource(size_t rule)
{
    for (size_t i = 0; i < fhir_def_types; i++)
        if (fhir_def_type[i].kind == FHIR_KIND_RESOURCE &&
            rule >= fhir_def_type[i].rule &&
            rule < (size_t)fhir_def_type[i].rule + fhir_def_type[i].rules)
            return true;
    return false;
}

static void none_is_forgotten(void **state)
{
    size_t missed = 0;
    (void)state;
    for (size_t i = 0; i < fhir_def_rules; i++) {
        bool found = fhir_def_rule[i].how != FHIR_RULE_PRESENCE || of_a_resource(i);
        for (size_t k = 0; k < AM_LEN(broken); k++)
            found |= strcmp(broken[k].key, fhir_textz(fhir_def_rule[i].key)) == 0;
        if (!found)
            print_message("nothing breaks %s\n", fhir_textz(fhir_def_rule[i].key));
        missed += !found;
    }
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(each_is_broken), TEST(none_is_forgotten)};
    return cmocka_run_group_tests(t, begin, end);
}
