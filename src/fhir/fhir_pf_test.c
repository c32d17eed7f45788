/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles, each rule kept and broken: by hand, one profile a group of cases. */
#include "fhir/fhir_valid_test.h"

#define SD(type, url, more)                                                              \
    "{'resourceType':'StructureDefinition','url':'" url "','name':'X','status':"         \
    "'active','kind':'resource','abstract':false,'type':'" type                          \
    "','derivation':'constraint'," more "}"
#define CORE "http://hl7.org/fhir/StructureDefinition/"
#define DIFF(type, base, elements)                                                       \
    "'baseDefinition':'" base "','differential':{'element':[{'id':'" type                \
    "','path':'" type "'}," elements "]}"
#define ON(type, url, elements) SD(type, url, DIFF(type, CORE type, elements))

static void add(struct fhir_profiles *p, const char *quoted, int want)
{
    const struct json_limits limits = {.raw_numbers = true};
    struct json_doc *doc;
    struct diag d;
    char *z = str_dup(str_c(quoted));
    assert_non_null(z);
    for (char *c = z; *c; c++)
        if (*c == '\'')
            *c = '"';
    diag_init(&d);
    if (json_parse(&doc, str_c(z), &limits, &d))
        fail_msg("%s: %s", z, d.item[0].detail);
    assert_int_equal(fhir_profiles_add(p, json_root(doc), &d), want);
    json_free(doc);
    diag_release(&d);
    free(z);
}

static const char *const profiles[] = {
    ON("Patient", "urn:p:count",
       "{'id':'Patient.name','path':'Patient.name','min':1,'max':'2'},"
       "{'id':'Patient.name.family','path':'Patient.name.family','min':1,'maxLength':4},"
       "{'id':'Patient.photo','path':'Patient.photo','max':'0'},"
       "{'id':'Patient.birthDate','path':'Patient.birthDate','minValueDate':'1900-01-01',"
       "'maxValueDate':'2026-12-31'},"
       "{'id':'Patient.multipleBirth[x]','path':'Patient.multipleBirth[x]','type':[{"
       "'code':'integer'}],'maxValueInteger':9},"
       "{'id':'Patient.managingOrganization','path':'Patient.managingOrganization',"
       "'type':[{'code':'Reference','targetProfile':['urn:p:org']}]},"
       "{'id':'Patient.gender','path':'Patient.gender','min':1,'constraint':[{'key':"
       "'sex-1','severity':'error','human':'a sex','expression':'$this.length() = 4'}]}"),
    ON("Organization", "urn:p:org",
       "{'id':'Organization.active','path':'Organization.active','min':1,"
       "'fixedBoolean':true}"),
    /* by value, closed and ordered, and a slice's own rules; laid over by the next */
    ON("Patient", "urn:p:ids",
       "{'id':'Patient.identifier','path':'Patient.identifier','slicing':{"
       "'discriminator':[{'type':'value','path':'system'}],'ordered':true,'rules':"
       "'closed'}},"
       "{'id':'Patient.identifier:a','path':'Patient.identifier','sliceName':'a','min':1,"
       "'max':'1'},"
       "{'id':'Patient.identifier:a.system','path':'Patient.identifier.system',"
       "'min':1,'fixedUri':'urn:a'},"
       "{'id':'Patient.identifier:a.value','path':'Patient.identifier.value','min':1},"
       "{'id':'Patient.identifier:b','path':'Patient.identifier','sliceName':'b'},"
       "{'id':'Patient.identifier:b.system','path':'Patient.identifier.system',"
       "'fixedUri':'urn:b'}"),
    SD("Patient", "urn:p:ids2",
       DIFF("Patient", "urn:p:ids",
            "{'id':'Patient.identifier:b','path':'Patient.identifier','sliceName':'b',"
            "'min':1}")),
    /* the same without ids: by path and order */
    SD("Patient", "urn:p:paths",
       "'baseDefinition':'" CORE "Patient','differential':{'element':[{'path':'Patient'},"
       "{'path':'Patient.identifier','slicing':{'discriminator':[{'type':'value',"
       "'path':'system'}],'rules':'openAtEnd'}},"
       "{'path':'Patient.identifier','sliceName':'a','min':1},"
       "{'path':'Patient.identifier.system','fixedUri':'urn:a'},"
       "{'path':'Patient.identifier','sliceName':'b'},"
       "{'path':'Patient.identifier.system','fixedUri':'urn:b'},"
       "{'path':'Patient.identifier.value','min':1}]}"),
    ON("Observation", "urn:p:obs",
       "{'id':'Observation.code','path':'Observation.code','patternCodeableConcept':{"
       "'coding':[{'system':'urn:c','code':'1'}]}},"
       "{'id':'Observation.valueQuantity','path':'Observation.valueQuantity',"
       "'minValueQuantity':{'value':1,'system':'http://unitsofmeasure.org','code':'g'}},"
       "{'id':'Observation.valueQuantity.unit','path':'Observation.valueQuantity.unit',"
       "'min':1},"
       "{'id':'Observation.component','path':'Observation.component','slicing':{"
       "'discriminator':[{'type':'pattern','path':'code'}],'rules':'open'}},"
       "{'id':'Observation.component:x','path':'Observation.component','sliceName':'x',"
       "'max':'1'},"
       "{'id':'Observation.component:x.code','path':'Observation.component.code',"
       "'patternCodeableConcept':{'coding':[{'code':'x'}]}},"
       "{'id':'Observation.component:x.value[x]','path':'Observation.component.value[x]',"
       "'min':1,'type':[{'code':'string'}]},"
       "{'id':'Observation.component:@default','path':'Observation.component',"
       "'sliceName':'@default'},"
       "{'id':'Observation.component:@default.value[x]','path':"
       "'Observation.component.value[x]','max':'0'},"
       "{'id':'Observation.hasMember','path':'Observation.hasMember','slicing':{"
       "'discriminator':[{'type':'type','path':'resolve()'}],'rules':'closed'}},"
       "{'id':'Observation.hasMember:o','path':'Observation.hasMember','sliceName':'o',"
       "'max':'1','type':[{'code':'Reference','targetProfile':['" CORE "Observation']}]},"
       "{'id':'Observation.note','path':'Observation.note','slicing':{'discriminator':[{"
       "'type':'exists','path':'time'}],'rules':'open'}},"
       "{'id':'Observation.note:timed','path':'Observation.note','sliceName':'timed',"
       "'max':'1'},"
       "{'id':'Observation.note:timed.time','path':'Observation.note.time','min':1},"
       "{'id':'Observation.language','path':'Observation.language','binding':{'strength':"
       "'required','valueSet':'http://hl7.org/fhir/ValueSet/days-of-week'}}"),
    ON("Bundle", "urn:p:bundle",
       "{'id':'Bundle.entry','path':'Bundle.entry','slicing':{'discriminator':[{'type':"
       "'profile','path':'resource'}],'rules':'closed'}},"
       "{'id':'Bundle.entry:org','path':'Bundle.entry','sliceName':'org','min':1},"
       "{'id':'Bundle.entry:org.resource','path':'Bundle.entry.resource','type':[{"
       "'code':'Organization','profile':['urn:p:org']}]}"),
    /* one of two profiles of a type */
    SD("Quantity", "urn:q:unit",
       DIFF("Quantity", CORE "Quantity",
            "{'id':'Quantity.unit','path':'Quantity.unit','min':1}")),
    SD("Quantity", "urn:q:code",
       DIFF("Quantity", CORE "Quantity",
            "{'id':'Quantity.code','path':'Quantity.code','min':1}")),
    ON("Observation", "urn:p:either",
       "{'id':'Observation.valueQuantity','path':'Observation.valueQuantity','type':[{"
       "'code':'Quantity','profile':['urn:q:unit','urn:q:code']}]}"),
    /* slices of slices */
    ON("Patient", "urn:p:reslice",
       "{'id':'Patient.telecom','path':'Patient.telecom','slicing':{'discriminator':[{"
       "'type':'value','path':'system'}],'rules':'open'}},"
       "{'id':'Patient.telecom:phone','path':'Patient.telecom','sliceName':'phone',"
       "'slicing':{'discriminator':[{'type':'value','path':'use'}],'rules':'closed'}},"
       "{'id':'Patient.telecom:phone.system','path':'Patient.telecom.system',"
       "'fixedCode':'phone'},"
       "{'id':'Patient.telecom:phone/home','path':'Patient.telecom','sliceName':"
       "'phone/home','min':1},"
       "{'id':'Patient.telecom:phone/home.use','path':'Patient.telecom.use','fixedCode':"
       "'home'}"),
    /* said of the element, and again of its slice; a slice nothing tells apart */
    ON("Patient", "urn:p:twice",
       "{'id':'Patient.identifier','path':'Patient.identifier','slicing':{"
       "'discriminator':[{'type':'value','path':'system'}],'rules':'open'}},"
       "{'id':'Patient.identifier.value','path':'Patient.identifier.value','min':1},"
       "{'id':'Patient.identifier:a','path':'Patient.identifier','sliceName':'a'},"
       "{'id':'Patient.identifier:a.system','path':'Patient.identifier.system',"
       "'fixedUri':'urn:a'},"
       "{'id':'Patient.identifier:a.value','path':'Patient.identifier.value','min':1},"
       "{'id':'Patient.telecom','path':'Patient.telecom','slicing':{'rules':'open'}},"
       "{'id':'Patient.telecom:b','path':'Patient.telecom','sliceName':'b'},"
       "{'id':'Patient.telecom:b.rank','path':'Patient.telecom.rank','min':1}"),
    SD("Extension", "urn:x:age",
       "'context':[{'type':'element','expression':'Patient.birthDate'},{'type':'element',"
       "'expression':'HumanName'}]," DIFF(
           "Extension", CORE "Extension",
           "{'id':'Extension','path':'Extension','max':'1'},"
           "{'id':'Extension.url','path':'Extension.url','fixedUri':'urn:x:age'},"
           "{'id':'Extension.value[x]','path':'Extension.value[x]','min':1,'type':[{"
           "'code':'integer'}]}")),
    ON("Patient", "urn:p:ext",
       "{'id':'Patient.extension','path':'Patient.extension','slicing':{'discriminator':["
       "{'type':'value','path':'url'}],'rules':'open'}},"
       "{'id':'Patient.extension:y','path':'Patient.extension','sliceName':'y','min':1,"
       "'type':[{'code':'Extension','profile':['urn:x:unknown']}]},"
       "{'id':'Patient.name.extension','path':'Patient.name.extension','slicing':{"
       "'discriminator':[{'type':'value','path':'url'}],'rules':'open'}},"
       "{'id':'Patient.name.extension:age','path':'Patient.name.extension','sliceName':"
       "'age','min':1,'type':[{'code':'Extension','profile':['urn:x:age']}]}"),
    ON("Questionnaire", "urn:p:q",
       "{'id':'Questionnaire.item','path':'Questionnaire.item'},"
       "{'id':'Questionnaire.item.text','path':'Questionnaire.item.text','min':1},"
       "{'id':'Questionnaire.item.item','path':'Questionnaire.item.item',"
       "'contentReference':'#Questionnaire.item'}"),
};

#define P(profile, more)                                                                 \
    "{'resourceType':'Patient','meta':{'profile':['" profile "']}," more "}"
#define N "'name':[{'family':'Ali'}],'gender':'male'"
#define O(more)                                                                          \
    "{'resourceType':'Observation','meta':{'profile':['urn:p:obs']},'status':'final',"   \
    "'code':{'coding':[{'system':'urn:c','code':'1','display':'one'}]}," more "}"
#define EITHER(quantity)                                                                 \
    "{'resourceType':'Observation','meta':{'profile':['urn:p:either']},'status':"        \
    "'final','code':{'text':'x'},'valueQuantity':{" quantity "}}"
static const struct {
    const char *resource, *path, *code; /* path NULL: nothing is wrong */
} cases[] = {
    {P("urn:p:count", N), NULL, NULL},
    {P("urn:p:count", N ",'birthDate':'1950-05','multipleBirthInteger':9"), NULL, NULL},
    {P("urn:p:count", "'gender':'male'"), "/name", "profile.too_few"},
    {P("urn:p:count",
       "'name':[{'family':'A'},{'family':'B'},{'family':'C'}],'gender':'male'"),
     "/name", "profile.too_many"},
    {P("urn:p:count", "'name':[{'family':'\u0639\u0645\u0631\u0627'}],'gender':'male'"),
     NULL, NULL},
    {P("urn:p:count", "'name':[{'family':'Alaoui'}],'gender':'male'"), "/name/0/family",
     "profile.too_long"},
    {P("urn:p:count", "'name':[{'given':['A']}],'gender':'male'"), "/name/0/family",
     "profile.too_few"},
    {P("urn:p:count", N ",'photo':[{'title':'x'}]"), "/photo", "profile.not_allowed"},
    {P("urn:p:count", N ",'birthDate':'1899-12-31'"), "/birthDate", "profile.too_small"},
    {P("urn:p:count", N ",'birthDate':'2027-01-01'"), "/birthDate", "profile.too_big"},
    {P("urn:p:count", N ",'multipleBirthInteger':10"), "/multipleBirthInteger",
     "profile.too_big"},
    {P("urn:p:count", N ",'multipleBirthBoolean':true"), "/multipleBirthBoolean",
     "profile.type"},
    {P("urn:p:count", "'name':[{'family':'Ali'}],'gender':'other'"), "/gender",
     "profile.rule"},
    {P("urn:p:count", N ",'managingOrganization':{'reference':'Organization/1'}"), NULL,
     NULL},
    {P("urn:p:count",
       N ",'contained':[{'resourceType':'Organization','id':'o','name':'x',"
         "'active':true}],'managingOrganization':{'reference':'#o'}"),
     NULL, NULL},
    {P("urn:p:count",
       N ",'contained':[{'resourceType':'Organization','id':'o','name':'x',"
         "'active':false}],'managingOrganization':{'reference':'#o'}"),
     "/managingOrganization", "profile.target"},
    {P("urn:p:count",
       N ",'contained':[{'resourceType':'Organization','id':'o','name':'x',"
         "'meta':{'profile':['urn:p:org']}}],'managingOrganization':{"
         "'reference':'#o'}"),
     "/contained/0/active", "profile.too_few"},
    {P("urn:p:org", "'active':true"), "", "profile.other_type"},

    {P("urn:p:ids", "'identifier':[{'system':'urn:a','value':'1'}]"), NULL, NULL},
    {P("urn:p:ids", "'identifier':[{'system':'urn:a','value':'1'},{'system':'urn:b'}]"),
     NULL, NULL},
    {P("urn:p:ids", "'identifier':[{'system':'urn:b'}]"), "/identifier",
     "profile.too_few"},
    {P("urn:p:ids", "'identifier':[{'system':'urn:a'}]"), "/identifier/0/value",
     "profile.too_few"},
    {P("urn:p:ids", "'identifier':[{'system':'urn:a','value':'1'},{'system':'urn:a',"
                    "'value':'2'}]"),
     "/identifier", "profile.too_many"},
    {P("urn:p:ids", "'identifier':[{'system':'urn:b'},{'system':'urn:a','value':'1'}]"),
     "/identifier/1", "profile.order"},
    {P("urn:p:ids", "'identifier':[{'system':'urn:a','value':'1'},{'system':'urn:z'}]"),
     "/identifier/1", "profile.no_slice"},
    {P("urn:p:ids2", "'identifier':[{'system':'urn:a','value':'1'},{'system':'urn:b'}]"),
     NULL, NULL},
    {P("urn:p:ids2", "'identifier':[{'system':'urn:a','value':'1'}]"), "/identifier",
     "profile.too_few"},
    {P("urn:p:ids2", "'identifier':[{'system':'urn:a'},{'system':'urn:b'}]"),
     "/identifier/0/value", "profile.too_few"},
    {P("urn:p:paths", "'identifier':[{'system':'urn:a'},{'system':'urn:b','value':'1'},{"
                      "'system':'urn:z'}]"),
     NULL, NULL},
    {P("urn:p:paths", "'identifier':[{'system':'urn:a'},{'system':'urn:b'}]"),
     "/identifier/1/value", "profile.too_few"},
    {P("urn:p:paths", "'identifier':[{'system':'urn:z'},{'system':'urn:a'}]"),
     "/identifier/1", "profile.not_at_end"},

    {O("'note':[{'text':'x'}]"), NULL, NULL},
    {O("'language':'sat'"), NULL, NULL},
    {O("'language':'fr'"), "/language", "profile.not_in_set"},
    {"{'resourceType':'Observation','meta':{'profile':['urn:p:obs']},'status':'final',"
     "'code':{'coding':[{'system':'urn:d','code':'1'}]}}",
     "/code", "profile.pattern"},
    {O("'valueQuantity':{'value':2,'unit':'g','system':'http://"
       "unitsofmeasure.org','code':"
       "'g'}"),
     NULL, NULL},
    {O("'valueQuantity':{'value':2,'unit':'mg','system':'http://unitsofmeasure.org',"
       "'code':'mg'}"),
     "/valueQuantity", "profile.too_small"},
    {O("'valueQuantity':{'value':2,'unit':'m','system':'http://unitsofmeasure.org',"
       "'code':'m'}"),
     "/valueQuantity", "profile.range_unit"},
    {O("'valueQuantity':{'value':2,'system':'http://unitsofmeasure.org','code':'g'}"),
     "/valueQuantity/unit", "profile.too_few"},
    {O("'component':[{'code':{'coding':[{'code':'x'}]},'valueString':'a'}]"), NULL, NULL},
    {O("'component':[{'code':{'coding':[{'code':'x'}]}}]"), "/component/0/value",
     "profile.too_few"},
    {O("'component':[{'code':{'coding':[{'code':'x'}]},'valueInteger':1}]"),
     "/component/0/valueInteger", "profile.type"},
    {O("'component':[{'code':{'coding':[{'code':'y'}]},'valueInteger':1}]"),
     "/component/0/value", "profile.not_allowed"},
    {O("'component':[{'code':{'coding':[{'code':'x'}]},'valueString':'a'},{'code':{"
       "'coding':[{'code':'x'}]},'valueString':'b'}]"),
     "/component", "profile.too_many"},
    {O("'hasMember':[{'reference':'Observation/1'},{'reference':'Observation/2'}]"),
     "/hasMember", "profile.too_many"},
    {O("'hasMember':[{'reference':'QuestionnaireResponse/1'}]"), "/hasMember/0",
     "profile.no_slice"},
    {O("'note':[{'text':'x','time':'2026'},{'text':'x'},{'text':'x','time':'2025'}]"),
     "/note", "profile.too_many"},

    {"{'resourceType':'Bundle','meta':{'profile':['urn:p:bundle']},'type':'collection',"
     "'entry':[{'fullUrl':'urn:uuid:c757873d-ec9a-4326-a141-556f43239520','resource':{"
     "'resourceType':'Organization','name':'x','active':true}}]}",
     NULL, NULL},
    {"{'resourceType':'Bundle','meta':{'profile':['urn:p:bundle']},'type':'collection',"
     "'entry':[{'fullUrl':'urn:uuid:c757873d-ec9a-4326-a141-556f43239520','resource':{"
     "'resourceType':'Organization','name':'x','active':false}}]}",
     "/entry/0", "profile.no_slice"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':"
     "'urn:uuid:c757873d-ec9a-4326-a141-556f43239520','resource':" P(
         "urn:p:count", "'gender':'male'") "}]}",
     "/entry/0/resource/name", "profile.too_few"},

    {EITHER("'value':1,'unit':'g'"), NULL, NULL},
    {EITHER("'value':1,'system':'urn:u','code':'g'"), NULL, NULL},
    {EITHER("'value':1"), "/valueQuantity", "profile.type_profile"},

    {P("urn:p:reslice", "'telecom':[{'system':'phone','use':'home'},{'system':'email'}]"),
     NULL, NULL},
    {P("urn:p:reslice", "'telecom':[{'system':'phone','use':'work'}]"), "/telecom/0",
     "profile.no_slice"},
    {P("urn:p:reslice", "'telecom':[{'system':'email'}]"), "/telecom", "profile.too_few"},

    {"{'resourceType':'Patient','birthDate':'2000','_birthDate':{'extension':[{'url':"
     "'urn:x:age','valueInteger':3}]},'name':[{'text':'x','extension':[{'url':"
     "'urn:x:age','valueInteger':3}]}]}",
     NULL, NULL},
    {"{'resourceType':'Patient','_birthDate':{'extension':[{'url':'urn:x:age',"
     "'valueString':'3'}]}}",
     "/_birthDate/extension/0/valueString", "profile.type"},
    {"{'resourceType':'Patient','extension':[{'url':'urn:x:age','valueInteger':3}]}",
     "/extension/0", "profile.context"},
    {"{'resourceType':'Patient','name':[{'text':'x','extension':[{'url':'urn:x:age',"
     "'valueInteger':3},{'url':'urn:x:age','valueInteger':4}]}]}",
     "/name/0/extension/0", "profile.too_many"},
    {P("urn:p:ext", "'extension':[{'url':'urn:x:unknown','valueString':'x'}],'name':[{"
                    "'text':'x','extension':[{'url':'urn:x:age','valueInteger':1}]}]"),
     NULL, NULL},
    {P("urn:p:ext", "'active':true"), "/extension", "profile.too_few"},
    {P("urn:p:ext", "'extension':[{'url':'urn:x:unknown','valueString':'x'}],'name':[{"
                    "'text':'x'}]"),
     "/name/0/extension", "profile.too_few"},

    {"{'resourceType':'Questionnaire','meta':{'profile':['urn:p:q']},'status':'active',"
     "'item':[{'linkId':'1','type':'group','text':'a','item':[{'linkId':'2','type':"
     "'string','text':'b'}]}]}",
     NULL, NULL},
    {"{'resourceType':'Questionnaire','meta':{'profile':['urn:p:q']},'status':'active',"
     "'item':[{'linkId':'1','type':'group','text':'a','item':[{'linkId':'2','type':"
     "'string'}]}]}",
     "/item/0/item/0/text", "profile.too_few"},
};

static void each_rule_is_kept_and_broken(void **state)
{
    for (size_t i = 0; i < AM_LEN(cases); i++) {
        struct judged j;
        judge(&j, *state, cases[i].resource, 0);
        if (!cases[i].code && j.d.n)
            fail_msg("%s: %s %s %s", cases[i].resource, j.d.item[0].path,
                     j.d.item[0].code, j.d.item[0].detail);
        if (cases[i].code && !judged_find(&j, cases[i].path, cases[i].code, NULL))
            fail_msg("%s: not %s, but %s %s", cases[i].resource, cases[i].code,
                     j.d.n ? j.d.item[0].path : "nothing", j.d.n ? j.d.item[0].code : "");
        judged_release(&j);
    }
}

/* Nothing but what the case names: no second word for one fault. */
static void a_fault_is_said_once(void **state)
{
    struct judged j;
    judge(&j, *state, P("urn:p:ids", "'identifier':[{'system':'urn:a'}]"), 0);
    assert_int_equal(j.d.n, 1);
    assert_int_equal(j.d.item[0].args, 3);
    assert_string_equal(j.d.item[0].arg[0].value, "value");
    assert_string_equal(j.d.item[0].arg[1].value, "urn:p:ids");
    assert_string_equal(j.d.item[0].arg[2].value, "1");
    judged_release(&j);
    judge(&j, *state,
          P("urn:p:twice", "'identifier':[{'system':'urn:a'}],'telecom':[{'value':'1',"
                           "'system':'phone'}]"),
          0);
    assert_int_equal(j.d.n, 1);
    assert_int_equal(j.d.errors, 1);
    judged_release(&j);
}

static void what_is_not_loaded_is_told_and_no_error(void **state)
{
    struct judged j;
    judge(&j, *state, P("urn:p:other", "'active':true"), FHIR_VALID_ADVICE);
    assert_ok(j.err);
    assert_non_null(judged_find(&j, "/meta/profile/0", "profile.absent", NULL));
    judged_release(&j);
}

static void a_profile_is_asked_for(void **state)
{
    const struct str org = STR("urn:p:count"), none = STR("urn:p:other"),
                     core = STR(CORE "Observation"), own = STR(CORE "Patient");
    struct judged j;
    judge(&j, *state, "{'resourceType':'Patient','active':true}", 0);
    assert_ok(j.err);
    assert_int_equal(fhir_valid_check_as(*state, json_root(j.doc), &org, 1, 0, &j.d),
                     AM_E_INVALID);
    assert_non_null(judged_find(&j, "/name", "profile.too_few", NULL));
    assert_ok(fhir_valid_check_as(*state, json_root(j.doc), &own, 1, 0, &j.d));
    diag_clear(&j.d);
    assert_int_equal(fhir_valid_check_as(*state, json_root(j.doc), &none, 1, 0, &j.d),
                     AM_E_NOTFOUND);
    assert_non_null(judged_find(&j, "", "profile.absent", NULL));
    assert_int_equal(fhir_valid_check_as(*state, json_root(j.doc), &core, 1, 0, &j.d),
                     AM_E_INVALID);
    judged_release(&j);
}

/* ---- definitions that are wrong ---- */

static void wrong_definitions_are_refused(void **state)
{
    static const struct {
        const char *sd, *code;
    } wrong[] = {
        {ON("Patient", "urn:w", "{'id':'Patient.nom','path':'Patient.nom'}"),
         "sd.element"},
        {ON("Patient", "urn:w",
            "{'id':'Patient.name','path':'Patient.name','constraint':[{'key':'k',"
            "'severity':'error','human':'h','expression':'a +'}]}"),
         "sd.expression"},
        {ON("Patient", "urn:w",
            "{'id':'Patient.name','path':'Patient.name','slicing':{'discriminator':[{"
            "'type':'colour','path':'use'}],'rules':'open'}}"),
         "sd.discriminator"},
        {SD("Patient", "urn:w",
            DIFF("Patient", "urn:nowhere", "{'path':'Patient.name'}")),
         "sd.base"},
        {SD("Patient", "urn:w", DIFF("Patient", "urn:w", "{'path':'Patient.name'}")),
         "sd.base"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(wrong); i++) {
        struct fhir_profiles *p;
        struct diag d;
        diag_init(&d);
        assert_ok(fhir_profiles_new(&p, NULL));
        add(p, wrong[i].sd, AM_OK);
        assert_int_equal(fhir_profiles_ready(p, &d), AM_E_INVALID);
        assert_string_equal(d.item[0].code, wrong[i].code);
        diag_release(&d);
        fhir_profiles_free(p);
    }
}

static void definitions_are_known_by_their_address(void **state)
{
    struct fhir_profiles *p;
    (void)state;
    assert_ok(fhir_profiles_new(&p, NULL));
    add(p, profiles[1], AM_OK);
    add(p, profiles[1], AM_OK); /* the same again */
    assert_int_equal(fhir_profiles_count(p), 1);
    add(p, ON("Organization", "urn:p:org", "{'path':'Organization.name','min':1}"),
        AM_E_EXISTS);
    add(p, ON("Patent", "urn:w", "{'path':'Patent.name'}"), AM_E_INVALID);
    add(p, "{'resourceType':'Patient'}", AM_E_UNSUPPORTED);
    assert_true(str_eqc(fhir_profiles_type(p, STR("urn:p:org")), "Organization"));
    assert_false(fhir_profiles_type(p, STR("urn:p:org|2")).n);
    assert_true(str_eqc(fhir_profiles_url(p, 0), "urn:p:org"));
    assert_false(fhir_profiles_url(p, 1).n);
    fhir_profiles_free(p);
}

static int loaded(struct fhir_profiles **out, struct diag *d)
{
    const struct json_limits limits = {.raw_numbers = true};
    struct fhir_profiles *p;
    int err = fhir_profiles_new(&p, NULL);
    for (size_t i = 0; i < AM_LEN(profiles) && !err; i++) {
        struct json_doc *doc = NULL;
        char *z = str_dup(str_c(profiles[i]));
        for (char *c = z; c && *c; c++)
            if (*c == '\'')
                *c = '"';
        err = z ? json_parse(&doc, str_c(z), &limits, d) : AM_E_NOMEM;
        if (!err)
            err = fhir_profiles_add(p, json_root(doc), d);
        json_free(doc);
        free(z);
    }
    if (!err)
        err = fhir_profiles_ready(p, d);
    if (err)
        fhir_profiles_free(p);
    else
        *out = p;
    return err;
}

/* Loading and judging, one allocation failing at a time: an error or the right answer. */
static void every_allocation_may_fail(void **state)
{
    struct fhir_valid *v = *state;
    struct judged j;
    judge(&j, v, P("urn:p:ids", "'identifier':[{'system':'urn:a'},{'system':'urn:z'}]"),
          0);
    for (long n = 1;; n++) {
        struct diag d;
        int err;
        diag_init(&d);
        am_oom_at(n);
        err = fhir_valid_check(v, json_root(j.doc), 0, &d);
        if (!am_oom_at(0)) {
            assert_int_equal(err, AM_E_INVALID);
            diag_release(&d);
            break;
        }
        assert_true(err == AM_E_NOMEM || err == AM_E_INVALID);
        diag_release(&d);
    }
    judged_release(&j);
    for (long n = 1;; n += 7) {
        struct fhir_profiles *p = NULL;
        struct diag d;
        int err;
        bool failed;
        diag_init(&d);
        am_oom_at(n);
        err = loaded(&p, &d);
        failed = am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        if (!err)
            fhir_profiles_free(p);
        diag_release(&d);
        if (!failed)
            break;
    }
}

static struct fhir_profiles *used;

static int begin(void **state)
{
    struct fhir_profiles *p = NULL;
    struct fhir_valid *v = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = loaded(&p, &d);
    if (!err)
        err = fhir_valid_new(&v);
    if (!err)
        fhir_valid_use(v, p);
    for (size_t i = 0; i < d.n; i++)
        print_message("%s %s %s\n", d.item[i].path, d.item[i].code, d.item[i].detail);
    diag_release(&d);
    *state = v;
    used = p;
    return err;
}

static int end(void **state)
{
    fhir_valid_free(*state);
    fhir_profiles_free(used);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(each_rule_is_kept_and_broken),
        TEST(a_fault_is_said_once),
        TEST(what_is_not_loaded_is_told_and_no_error),
        TEST(a_profile_is_asked_for),
        TEST(wrong_definitions_are_refused),
        TEST(definitions_are_known_by_their_address),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(t, begin, end);
}
