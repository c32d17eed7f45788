/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of mistake at its place, by hand; grammar of primitives; references,
 * contained resources, Bundles, narrative; memory that fails. */
#include "fhir/fhir_valid_test.h"

#define DEVICE "{'resourceType':'Device',"
#define DOC                                                                              \
    "{'resourceType':'DocumentReference','status':'current','content':[{'attachment':{"  \
    "'url':'https://x.example/a'}}]"
#define OBS "{'resourceType':'Observation','status':'final','code':{'text':'x'}"

struct mistake {
    const char *json, *path, *code; /* code NULL: good */
};

static void each(const struct mistake *k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct judged j;
        judge(&j, NULL, k[i].json, 0);
        if (!k[i].code && j.err)
            fail_msg("%s: %s %s", k[i].json, j.d.item[0].path, j.d.item[0].code);
        if (k[i].code && (!j.err || j.d.n != 1 || strcmp(j.d.item[0].path, k[i].path) ||
                          strcmp(j.d.item[0].code, k[i].code)))
            fail_msg("%s: %zu, %s %s", k[i].json, j.d.n, j.d.n ? j.d.item[0].path : "",
                     j.d.n ? j.d.item[0].code : "");
        judged_release(&j);
    }
}

static void each_mistake_is_named_at_its_place(void **state)
{
    static const struct mistake k[] = {
        {DEVICE "'status':'active'}", NULL, NULL},
        {DEVICE "'status':'sleeping'}", "/status", "fhir.not_in_list"},
        {DEVICE "'colour':'red'}", "/colour", "fhir.unknown_element"},
        {DEVICE "'status':['active']}", "/status", "fhir.cardinality"},
        {DEVICE "'status':null}", "/status", "fhir.null"},
        {DEVICE "'identifier':{'value':'x'}}", "/identifier", "fhir.not_array"},
        {DEVICE "'identifier':[]}", "/identifier", "fhir.not_array"},
        {DEVICE "'identifier':[{}]}", "/identifier/0", "fhir.empty"},
        {DEVICE "'identifier':[{'id':'x'}]}", "/identifier/0", "fhir.empty"},
        {DEVICE "'identifier':[null]}", "/identifier/0", "fhir.null"},
        {DEVICE "'identifier':['x']}", "/identifier/0", "fhir.not_object"},
        {DEVICE "'identifier':[{'use':'official','value':'x'}]}", NULL, NULL},
        {DEVICE "'identifier':[{'use':'mine','value':'x'}]}", "/identifier/0/use",
         "fhir.not_in_list"},
        {DEVICE "'deviceName':[{'name':'x'}]}", "/deviceName/0/type", "fhir.missing"},
        {DEVICE "'deviceName':[{'name':7,'type':'other'}]}", "/deviceName/0/name",
         "fhir.primitive"},
        {DEVICE "'url':'https://x y'}", "/url", "fhir.primitive"},
        {DEVICE "'extension':[{'url':'urn:x','valueString':'x'}]}", NULL, NULL},
        {DEVICE "'extension':[{'valueString':'x'}]}", "/extension/0/url", "fhir.missing"},
        {DEVICE "'extension':[{'url':'urn:x','valueString':'x','valueCode':'x'}]}",
         "/extension/0/valueCode", "fhir.choice"},
        {DEVICE "'extension':[{'url':'urn:x','valueString':'x','_valueString':{'id':'a'}}"
                "]}",
         NULL, NULL},
        {DEVICE "'extension':[{'url':'urn:x','value':'x'}]}", "/extension/0/value",
         "fhir.unknown_element"},
        {DEVICE "'manufacturer':'x','_manufacturer':{'id':'a'}}", NULL, NULL},
        {DEVICE "'_manufacturer':{'id':'a'}}", "/_manufacturer", "fhir.empty"},
        {DEVICE "'_manufacturer':{'colour':'a'}}", "/_manufacturer/colour",
         "fhir.unknown_element"},
        {DEVICE "'_owner':{'id':'a'}}", "/_owner", "fhir.unknown_element"},
        {DOC "}", NULL, NULL},
        {"{'resourceType':'DocumentReference','status':'current'}", "/content",
         "fhir.missing"},
        {"{'resourceType':'Device','type':'x'}", "/type", "fhir.not_object"},
        {"{'resourceType':'Thing'}", "/resourceType", "fhir.resource"},
        {"{'resourceType':'DomainResource'}", "/resourceType", "fhir.resource"},
        {"{'resourceType':'HumanName'}", "/resourceType", "fhir.resource"},
        {"{}", "/resourceType", "fhir.missing"},
        {"[]", "", "fhir.not_object"},
        {"{'resourceType':'Patient','id':'a_b'}", "/id", "fhir.primitive"},
        {"{'resourceType':'Patient'}", NULL, NULL},
        {"{'resourceType':'Patient','meta':{'resourceType':'Meta','source':'urn:x'}}",
         "/meta/resourceType", "fhir.unknown_element"},
    };
    (void)state;
    each(k, AM_LEN(k));
}

static void nulls_of_an_array_have_something_beside_them(void **state)
{
#define GIVEN  "{'resourceType':'Patient','name':[{"
#define REASON "{'extension':[{'url':'urn:x','valueCode':'unknown'}]}"
    static const struct mistake k[] = {
        {GIVEN "'given':['a',null],'_given':[null," REASON "]}]}", NULL, NULL},
        {GIVEN "'_given':[" REASON "]}]}", NULL, NULL},
        {GIVEN "'given':['a',null]}]}", "/name/0/given/1", "fhir.null"},
        {GIVEN "'given':['a',null],'_given':[{'id':'x'}]}]}", "/name/0/given/1",
         "fhir.null"},
        {GIVEN "'_given':[null," REASON "]}]}", "/name/0/_given/0", "fhir.null"},
        {GIVEN "'given':['a'],'_given':[7]}]}", "/name/0/_given/0", "fhir.not_object"},
        {GIVEN "'given':['a'],'_given':{'id':'x'}}]}", "/name/0/_given",
         "fhir.not_array"},
        {GIVEN "'given':'a'}]}", "/name/0/given", "fhir.not_array"},
        {GIVEN "'given':['a','']}]}", "/name/0/given/1", "fhir.primitive"},
    };
    (void)state;
    each(k, AM_LEN(k));
}

static void the_grammar_of_primitives_is_that_of_the_specification(void **state)
{
    static const struct {
        const char *type, *json;
        bool good;
    } k[] = {
        {"Id", "'a-1.b'", true},
        {"Id", "'a_b'", false},
        {"Code", "'a b'", true},
        {"Code", "'a  b'", false},
        {"Code", "' a'", false},
        {"Code", "'a '", false},
        {"Oid", "'urn:oid:1.2.840'", true},
        {"Oid", "'urn:oid:3.2'", false},
        {"Oid", "'urn:oid:1.02'", false},
        {"Uuid", "'urn:uuid:c757873d-ec9a-4326-a141-556f43239520'", true},
        {"Uuid", "'urn:uuid:C757873D-ec9a-4326-a141-556f43239520'", false},
        {"Uuid", "'urn:uuid:c757873d'", false},
        {"Uri", "'urn:uuid:c757873d'", false},
        {"Uri", "'oid:1.2.3'", false},
        {"Uri", "'relative/is#fine'", true},
        {"Url", "''", false},
        {"Canonical", "'http://x.example/a|1'", true},
        {"Canonical", "'http://x.example/a b'", false},
        {"Date", "'2026'", true},
        {"Date", "'2026-02-29'", false},
        {"Date", "'2024-02-29'", true},
        {"Date", "'1900-02-29'", false},
        {"Date", "'2026-13'", false},
        {"Date", "'2026-1'", false},
        {"Date", "'0000'", false},
        {"Date", "'2026-01-01T00:00:00Z'", false},
        {"DateTime", "'2026-01'", true},
        {"DateTime", "'2026-01-01T00:00:00'", false},
        {"DateTime", "'2026-01-01T00:00Z'", false},
        {"DateTime", "'2024-02-29T10:00:00.5+01:00'", true},
        {"Instant", "'2026-01-01T00:00:00Z'", true},
        {"Instant", "'2026-01-01T00:00:00+14:00'", true},
        {"Instant", "'2026-01-01T00:00:00+14:30'", false},
        {"Instant", "'2026-01-01'", false},
        {"Time", "'23:59:60'", true},
        {"Time", "'24:00:00'", false},
        {"Time", "'10:00'", false},
        {"Decimal", "1.5e3", true},
        {"Decimal", "'1.5'", false},
        {"Boolean", "true", true},
        {"Boolean", "'true'", false},
        {"PositiveInt", "0", false},
        {"UnsignedInt", "0", true},
        {"UnsignedInt", "-1", false},
        {"Integer", "1.5", false},
        {"Integer", "1.0", false}, /* as written */
        {"Integer", "1e3", false},
        {"Integer", "-2147483648", true},
        {"Integer", "2147483648", false},
        {"Integer", "-2147483649", false},
        {"String", "''", false},
        {"String", "'  '", false},
        {"String", "'a\\tb'", true},
        {"String", "'a\\u0007b'", false},
        {"Markdown", "'# a'", true},
        {"Base64Binary", "'QUI='", true},
        {"Base64Binary", "'QU I='", true},
        {"Base64Binary", "'Q=I='", false},
        {"Base64Binary", "'QUI'", false},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        char json[300];
        struct judged j;
        snprintf(json, sizeof json, DEVICE "'extension':[{'url':'urn:x','value%s':%s}]}",
                 k[i].type, k[i].json);
        judge(&j, NULL, json, 0);
        if ((j.err == AM_OK) != k[i].good ||
            (j.err && !judged_find(&j, NULL, "fhir.primitive", NULL)))
            fail_msg("%s", json);
        judged_release(&j);
    }
}

static void bindings_ask_for_system_and_code(void **state)
{
#define VER                                                                              \
    "{'resourceType':'Condition','subject':{'reference':'Patient/1'},"                   \
    "'verificationStatus':"
#define SYS "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    static const struct mistake k[] = {
        {VER "{'coding':[{'system':'" SYS "','code':'confirmed'}]}}", NULL, NULL},
        {VER "{'coding':[{'system':'urn:x','code':'z'},{'system':'" SYS
             "','code':'confirmed'}]}}",
         NULL, NULL},
        {VER "{'coding':[{'system':'" SYS "','code':'sure'}]}}", "/verificationStatus",
         "fhir.not_in_list"},
        {VER "{'coding':[{'system':'urn:x','code':'confirmed'}]}}", "/verificationStatus",
         "fhir.not_in_list"},
        {VER "{'coding':[{'code':'confirmed'}]}}", "/verificationStatus",
         "fhir.not_in_list"},
        {VER "{'text':'sure'}}", "/verificationStatus", "fhir.not_in_list"},
        {"{'resourceType':'Encounter','status':'planned','class':{'code':'AMB'}}", NULL,
         NULL}, /* extensible: not judged */
        {"{'resourceType':'Patient','language':'fr-MA'}", NULL, NULL},
        {"{'resourceType':'Patient','maritalStatus':{'coding':[{'system':'local','code':"
         "'M'}]}}",
         "/maritalStatus/coding/0/system", "fhir.system"},
        {"{'resourceType':'CodeSystem','status':'draft','content':'complete',"
         "'supplements':'http://x'}",
         "/content", "fhir.supplement"},
        {"{'resourceType':'CodeSystem','status':'draft','content':'not-present','concept'"
         ":[{'code':'a'}]}",
         "/concept", "fhir.not_present"},
        {"{'resourceType':'Patient','identifier':[{'system':'urn:ietf:rfc:3986','value':"
         "'2.16.840'}]}",
         "/identifier/0/value", "fhir.identifier_uri"},
        {"{'resourceType':'Patient','identifier':[{'system':'urn:ietf:rfc:3986','value':"
         "'urn:oid:2.16.840'},{'system':'urn:x','value':'2.16.840'}]}",
         NULL, NULL},
        {"{'resourceType':'ValueSet','status':'draft','compose':{'include':[{'system':"
         "'http://snomed.info/sct','filter':[{'property':'constraint','op':'=','value':"
         "'< 404684003 |Finding| : 363698007 = << 39057004'}]}]}}",
         NULL, NULL},
        {"{'resourceType':'ValueSet','status':'draft','compose':{'include':[{'system':"
         "'urn:x','filter':[{'property':'constraint','op':'=','value':'a << b'}]}]}}",
         NULL, NULL},
        {"{'resourceType':'Patient','name':[{'text':'A <script>x</script>'}]}",
         "/name/0/text", "fhir.primitive"},
        {"{'resourceType':'Patient','name':[{'text':'A <IFRAME src=x>'}]}",
         "/name/0/text", "fhir.primitive"},
        {"{'resourceType':'Patient','name':[{'text':'pH <7, <br>, <scripted>, "
         "<object'}]}",
         NULL, NULL},
        {"{'resourceType':'Binary','contentType':'text','data':'QQ=='}", "/contentType",
         "fhir.not_in_list"},
        {"{'resourceType':'Invoice','status':'draft','totalNet':{'value':1,'currency':"
         "'DHS'}}",
         "/totalNet/currency", "fhir.not_in_list"},
    };
    struct judged j;
    (void)state;
    each(k, AM_LEN(k));
    judge(&j, NULL,
          "{'resourceType':'Patient','communication':[{'language':{'coding':[{'system':"
          "'http://id.loc.gov/vocabulary/iso639-1','code':'ar'}]}}]}",
          0);
    assert_ok(j.err); /* outside the widest set: told, not refused */
    assert_int_equal(j.d.warnings, 1);
    judged_release(&j);
    judge(&j, NULL,
          "{'resourceType':'ValueSet','status':'draft','compose':{'include':[{'system':"
          "'http://snomed.info/sct','filter':[{'property':'constraint','op':'=','value':"
          "'descendantOf 404684003'},{'property':'constraint','op':'=','value':"
          "'404684003 << 404684003'}]}]}}",
          0);
    assert_int_equal(j.err, AM_E_INVALID);
    assert_int_equal(j.d.errors, 1); /* the first has a form that is not read here */
    assert_true(judged_find(&j, "/compose/include/0/filter/0/value", "fhir.ecl", NULL));
    assert_true(judged_find(&j, "/compose/include/0/filter/1/value", "fhir.ecl", NULL));
    judged_release(&j);
}

static void references_name_what_they_may(void **state)
{
#define ORG "'contained':[{'resourceType':'Organization','id':'o','name':'x'}]"
    static const struct mistake k[] = {
        {DEVICE "'owner':{'reference':'Patient/1'}}", "/owner", "fhir.reference"},
        {DEVICE "'owner':{'type':'Patient','display':'x'}}", "/owner", "fhir.reference"},
        {DEVICE "'owner':{'type':'Patient','reference':'Organization/1'}}", "/owner/type",
         "fhir.reference"},
        {DEVICE "'owner':{'reference':'https://h/fhir/Organization/1/_history/2'}}", NULL,
         NULL},
        {DEVICE "'owner':{'reference':'https://h/anything'}}", NULL, NULL},
        {DEVICE "'owner':{'reference':'urn:uuid:c757873d-ec9a-4326-a141-556f43239520'}}",
         NULL, NULL},
        {DEVICE "'owner':{'reference':'somewhere'}}", "/owner/reference",
         "fhir.reference_form"},
        {DEVICE "'owner':{'reference':'Thing/1'}}", "/owner/reference",
         "fhir.reference_form"},
        {DEVICE "'owner':{'reference':'Organization?name=x'}}", "/owner/reference",
         "fhir.reference_form"},
        {DEVICE "'owner':{'reference':'#o'}}", "/owner", "fhir.rule"},
        {DEVICE "'owner':{'reference':'#o'}," ORG "}", NULL, NULL},
        {DEVICE "'patient':{'reference':'#o'},'owner':{'reference':'#o'}," ORG "}",
         "/patient", "fhir.reference"},
        {DEVICE ORG "}", "/contained/0", "fhir.rule"}, /* dom-3 */
        {DEVICE "'owner':{'reference':'#p'},'contained':[{'resourceType':'Organization',"
                "'id':'o','name':'x'},{'resourceType':'Organization','id':'p','name':"
                "'x','partOf':{'reference':'#o'}}]}",
         NULL, NULL},
        {DEVICE "'contained':[{'resourceType':'Provenance','id':'v','target':[{"
                "'reference':'#'}],'recorded':'2026-01-01T00:00:00Z','agent':[{'who':{"
                "'display':'x'}}]}]}",
         NULL, NULL}, /* names its container */
        {DEVICE "'extension':[{'url':'urn:x','valueUri':'#x'}],'contained':[{'id':'x'}]}",
         "/contained/0/resourceType", "fhir.missing"},
    };
    (void)state;
    each(k, AM_LEN(k));
}

static void invariants_by_hand_hold_and_break(void **state)
{
    static const struct {
        const char *json, *key;
        bool holds;
    } k[] = {
        {DEVICE "'extension':[{'url':'urn:x'}]}", "ext-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valueString':'x','extension':[{'url':'y',"
                "'valueCode':'x'}]}]}",
         "ext-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valuePeriod':{'start':'2026-02-01','end':"
                "'2026-01-01'}}]}",
         "per-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valuePeriod':{'start':'2026-01-01T23:00:"
                "00-05:00','end':'2026-01-02T01:00:00Z'}}]}",
         "per-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valuePeriod':{'start':'2026-01','end':"
                "'2026-01-01'}}]}",
         "per-1", true},
        {DEVICE "'extension':[{'url':'urn:x','valueRange':{'low':{'value':3},'high':{"
                "'value':2}}}]}",
         "rng-2", false},
        {DEVICE "'extension':[{'url':'urn:x','valueRange':{'low':{'value':2},'high':{"
                "'value':2}}}]}",
         "rng-2", true},
        {DEVICE "'extension':[{'url':'urn:x','valueRatio':{'numerator':{'value':3}}}]}",
         "rat-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valueAge':{'value':3}}]}", "age-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valueAge':{'value':-3,'code':'a','system':"
                "'http://unitsofmeasure.org'}}]}",
         "age-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valueAge':{'value':3,'code':'a','system':"
                "'http://unitsofmeasure.org'}}]}",
         "age-1", true},
        {DEVICE "'extension':[{'url':'urn:x','valueCount':{'value':3.5,'code':'1',"
                "'system':'http://unitsofmeasure.org'}}]}",
         "cnt-3", false},
        {DEVICE "'extension':[{'url':'urn:x','valueDistance':{'value':3}}]}", "dis-1",
         false},
        {DEVICE "'extension':[{'url':'urn:x','valueDuration':{'code':'s','system':"
                "'http://unitsofmeasure.org'}}]}",
         "drt-1", false},
        {DEVICE "'extension':[{'url':'urn:x','valueQuantity':{'value':3,'code':'s'}}]}",
         "qty-3", false},
        {DEVICE "'extension':[{'url':'urn:x','valueAge':{'value':3,'code':'a'}}]}",
         "qty-3", false},
        {DEVICE "'contact':[{'value':'a@b.example'}]}", "cpt-2", false},
        {DEVICE "'extension':[{'url':'urn:x','valueTiming':{'repeat':{'duration':-1,"
                "'durationUnit':'s'}}}]}",
         "tim-4", false},
        {DEVICE "'extension':[{'url':'urn:x','valueTiming':{'repeat':{'period':-1,"
                "'periodUnit':'s'}}}]}",
         "tim-5", false},
        {DEVICE "'extension':[{'url':'urn:x','valueTiming':{'repeat':{'period':1}}}]}",
         "tim-2", false},
        {DEVICE "'contained':[{'resourceType':'Device','id':'d','contained':[{"
                "'resourceType':'Device','id':'e'}]}]}",
         "dom-2", false},
        {DEVICE "'contained':[{'resourceType':'Device','id':'d','meta':{'versionId':'1'}}"
                "]}",
         "dom-4", false},
        {DEVICE "'contained':[{'resourceType':'Device','id':'d','meta':{'security':[{"
                "'code':'x'}]}}]}",
         "dom-5", false},
        {OBS ",'valueString':'x','dataAbsentReason':{'text':'x'}}", "obs-6", false},
        {OBS ",'valueString':'x'}", "obs-6", true},
        {"{'resourceType':'Observation','status':'final','valueString':'x','code':{"
         "'coding':[{'code':'a'}]},'component':[{'code':{'coding':[{'code':'a'}]}}]}",
         "obs-7", false},
        {OBS ",'referenceRange':[{'appliesTo':[{'text':'x'}]}]}", "obs-3", false},
        {"{'resourceType':'Condition','subject':{'display':'x'},'abatementString':'x'}",
         "con-4", false},
        {"{'resourceType':'Condition','subject':{'display':'x'},'clinicalStatus':{"
         "'coding':[{'system':'http://terminology.hl7.org/CodeSystem/condition-clinical',"
         "'code':'active'}]},'verificationStatus':{'coding':[{'system':"
         "'http://terminology.hl7.org/CodeSystem/condition-ver-status','code':"
         "'entered-in-error'}]}}",
         "con-5", false},
        {"{'resourceType':'AllergyIntolerance','patient':{'display':'x'}}", "ait-1",
         false},
        {"{'resourceType':'AllergyIntolerance','patient':{'display':'x'},"
         "'clinicalStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"
         "allergyintolerance-clinical','code':'active'}]},'verificationStatus':{'coding':"
         "[{'system':'http://terminology.hl7.org/CodeSystem/"
         "allergyintolerance-verification','code':'entered-in-error'}]}}",
         "ait-2", false},
        {"{'resourceType':'Organization','address':[{'use':'home','text':'x'}],'name':"
         "'x'}",
         "org-2", false},
        {"{'resourceType':'Organization','telecom':[{'use':'home','system':'url'}],"
         "'name':'x'}",
         "org-3", false},
        {"{'resourceType':'Patient','contact':[{'gender':'male'}]}", "pat-1", false},
        {"{'resourceType':'Patient','contact':[{'name':{'text':'x'}}]}", "pat-1", true},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct judged j;
        judge(&j, NULL, k[i].json, 0);
        if ((judged_find(&j, NULL, "fhir.rule", k[i].key) == NULL) != k[i].holds)
            fail_msg("%s %s: %s", k[i].key, k[i].holds ? "broken" : "holds", k[i].json);
        judged_release(&j);
    }
}

static void best_practice_is_told_on_request(void **state)
{
    struct judged j;
    (void)state;
    judge(&j, NULL, "{'resourceType':'Patient'}", 0);
    assert_int_equal(j.d.n, 0);
    judged_release(&j);
    judge(&j, NULL, "{'resourceType':'Patient'}", FHIR_VALID_ADVICE);
    assert_ok(j.err);
    assert_non_null(judged_find(&j, "", "fhir.rule", "dom-6"));
    assert_int_equal(j.d.warnings, 1);
    judged_release(&j);
    judge(&j, NULL, "{'resourceType':'Bundle','type':'batch'}", FHIR_VALID_ADVICE);
    assert_int_equal(j.d.n, 0);
    judged_release(&j);
}

static void bundles_keep_their_rules(void **state)
{
#define B(type, rest) "{'resourceType':'Bundle','type':'" type "'" rest "}"
#define P             "{'resourceType':'Patient','id':'p'}"
#define DOCUMENT                                                                         \
    B("document",                                                                        \
      ",'identifier':{'system':'urn:x','value':'1'},'timestamp':"                        \
      "'2026-01-01T00:00:00Z','entry':[{'fullUrl':'http://h/Composition/c',"             \
      "'resource':{'resourceType':'Composition','id':'c','status':'final',"              \
      "'type':{'text':'x'},'date':'2026','title':'x','author':[{'reference':"            \
      "'%s'}]}},{'fullUrl':'http://h/Practitioner/q','resource':{"                       \
      "'resourceType':'Practitioner','id':'q'}}]")
    static const struct {
        const char *json, *code, *key;
    } k[] = {
        {B("searchset", ",'total':1"), NULL, NULL},
        {B("batch", ",'total':1"), "fhir.rule", "bdl-1"},
        {B("collection", ",'entry':[{'search':{'score':1},'resource':" P "}]"),
         "fhir.rule", "bdl-2"},
        {B("transaction", ",'entry':[{'resource':" P "}]"), "fhir.rule", "bdl-3"},
        {B("collection", ",'entry':[{'resource':" P ",'request':{'method':'PUT','url':"
                         "'x'}}]"),
         "fhir.rule", "bdl-3"},
        {B("batch-response", ",'entry':[{'resource':" P "}]"), "fhir.rule", "bdl-4"},
        {B("collection", ",'entry':[{'fullUrl':'urn:x:1'}]"), "fhir.rule", "bdl-5"},
        {B("collection", ",'entry':[{'fullUrl':'http://h/Patient/p','resource':" P
                         "},{'fullUrl':'http://h/Patient/p','resource':" P "}]"),
         "fhir.rule", "bdl-7"},
        {B("collection", ",'entry':[{'fullUrl':'http://h/Patient/p/_history/1',"
                         "'resource':" P "}]"),
         "fhir.rule", "bdl-8"},
        {B("collection", ",'entry':[{'fullUrl':'http://h/Patient/q','resource':" P "}]"),
         "fhir.full_url_id", NULL},
        {B("collection", ",'entry':[{'fullUrl':'Patient/p','resource':" P "}]"),
         "fhir.full_url", NULL},
        {B("collection", ",'entry':[{'fullUrl':'http://h/Patient/p','resource':" P "}]"),
         NULL, NULL},
        {B("document", ",'entry':[{'fullUrl':'urn:x:1','resource':" P "}]"), "fhir.rule",
         "bdl-11"},
        {B("document", ""), "fhir.rule", "bdl-9"},
        {B("document", ""), "fhir.rule", "bdl-10"},
        {B("message", ",'entry':[{'fullUrl':'urn:x:1','resource':" P "}]"), "fhir.rule",
         "bdl-12"},
        {B("searchset", ",'link':[{'relation':'self','url':'x'},{'relation':'self',"
                        "'url':'y'}]"),
         "fhir.link_twice", NULL},
        {B("transaction", ",'entry':[{'resource':{'resourceType':'Device','owner':{"
                          "'reference':'Organization?name=x'}},'request':{'method':"
                          "'POST','url':'Device'}}]"),
         NULL, NULL},
        {B("batch", ",'entry':[{'resource':{'resourceType':'Device','colour':1},"
                    "'request':{'method':'POST','url':'Device'}}]"),
         "fhir.unknown_element", NULL},
    };
    static const struct {
        const char *author;
        bool there;
    } named[] = {{"Practitioner/q", true},
                 {"http://h/Practitioner/q", true},
                 {"Practitioner/r", false},
                 {"http://other/Practitioner/q", false},
                 {"Practitioner/q/_history/3", false}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct judged j;
        judge(&j, NULL, k[i].json, 0);
        if (k[i].code ? !judged_find(&j, NULL, k[i].code, k[i].key) : j.err != AM_OK)
            fail_msg("%s: %s", k[i].json, j.d.n ? j.d.item[0].code : "nothing");
        judged_release(&j);
    }
    for (size_t i = 0; i < AM_LEN(named); i++) {
        struct judged j;
        char json[1000];
        snprintf(json, sizeof json, DOCUMENT, named[i].author);
        judge(&j, NULL, json, 0);
        if (named[i].there ? j.err != AM_OK
                           : !judged_find(&j, "/entry/0/resource/author/0/reference",
                                          "fhir.not_included", NULL))
            fail_msg("%s: %s", named[i].author, j.d.n ? j.d.item[0].code : "nothing");
        judged_release(&j);
    }
}

static void narrative_is_xhtml_without_tricks(void **state)
{
#define X(body) "<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">" body "</div>"
    static const struct {
        const char *div, *key; /* key NULL: good */
    } k[] = {
        {X("<p>a &amp; b &#160; &#xA0;</p><br/><img src=\\\"x\\\" alt=\\\"x\\\"/>"),
         NULL},
        {X("<!-- a --><table border=\\\"1\\\"><tr><td>x</td></tr></table>"), NULL},
        {"<div>x</div>", NULL},
        {X(""), "txt-2"},
        {X(" &#160; <p> </p>"), "txt-2"},
        {X("<script>x</script>"), "txt-1"},
        {X("<p onclick=\\\"x\\\">x</p>"), "txt-1"},
        {X("<a href=\\\"javascript:x\\\">x</a>"), "txt-1"},
        {X("<p>x"), "txt-1"},
        {X("<p>x</b></p>"), "txt-1"},
        {X("x &reg; x"), "txt-1"},
        {X("x & x"), "txt-1"},
        {X("x") "<p>y</p>", "txt-1"},
        {"<div xmlns=\\\"urn:other\\\">x</div>", "txt-1"},
        {X("<form>x</form>"), "txt-1"},
        {X("<p class=x>x</p>"), "txt-1"},
        {X("<!-- x"), "txt-1"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct judged j;
        char json[500];
        snprintf(json, sizeof json,
                 "{'resourceType':'Patient','text':{'status':'generated','div':'%s'}}",
                 k[i].div);
        judge(&j, NULL, json, 0);
        if (k[i].key ? !judged_find(&j, "/text/div", "fhir.xhtml", k[i].key)
                     : j.err != AM_OK)
            fail_msg("%s", k[i].div);
        judged_release(&j);
    }
}

static void places_read_as_fhirpath(void **state)
{
    struct judged j;
    struct buf b;
    (void)state;
    judge(&j, NULL,
          "{'resourceType':'Bundle','type':'collection','entry':[{'resource':{"
          "'resourceType':'Patient','name':[{'given':['a','']}]}}]}",
          0);
    buf_init(&b, 200);
    assert_int_equal(j.d.n, 1);
    assert_ok(fhir_location(&b, json_root(j.doc), str_c(j.d.item[0].path)));
    assert_string_equal(b.p, "Bundle.entry[0].resource.name[0].given[1]");
    buf_clear(&b);
    assert_ok(fhir_location(&b, json_root(j.doc), STR("/nowhere/a~1b")));
    assert_string_equal(b.p, "Bundle.nowhere.a/b");
    buf_release(&b);
    judged_release(&j);
}

static int sentence(void *cookie, struct buf *out, const struct diag_item *it)
{
    return buf_addf(out, "%s: %s", (const char *)cookie, it->code);
}

static void an_outcome_is_itself_valid(void **state)
{
    char before[] = "said";
    struct judged j, o;
    struct buf b;
    struct jw w;
    const struct json *issue;
    (void)state;
    judge(&j, NULL, OBS ",'colour':1,'valueString':'x','dataAbsentReason':{'text':'x'}}",
          0);
    buf_init(&b, 10000);
    jw_init(&w, &b);
    assert_ok(fhir_outcome(&w, json_root(j.doc), &j.d, sentence, before));
    assert_ok(jw_done(&w));
    judge_text(&o, NULL, buf_str(&b), 0);
    assert_ok(o.err);
    issue = json_at(json_get(json_root(o.doc), "issue"), 0);
    assert_int_equal(json_size(json_get(json_root(o.doc), "issue")), 2);
    assert_true(json_str_is(json_get(issue, "code"), "structure"));
    assert_true(
        json_str_is(json_at(json_get(issue, "expression"), 0), "Observation.colour"));
    assert_true(json_str_is(json_get(issue, "diagnostics"), "/colour"));
    assert_true(json_str_is(json_get(json_get(issue, "details"), "text"),
                            "said: fhir.unknown_element"));
    judged_release(&o);
    judged_release(&j);
    judge(&j, NULL, "{'resourceType':'Patient'}", 0);
    buf_clear(&b);
    jw_init(&w, &b);
    assert_ok(fhir_outcome(&w, json_root(j.doc), &j.d, NULL, NULL));
    assert_ok(jw_done(&w));
    judge_text(&o, NULL, buf_str(&b), 0);
    assert_ok(o.err);
    judged_release(&o);
    judged_release(&j);
    buf_release(&b);
}

static void checking_survives_every_failed_allocation(void **state)
{
    const char *bad = "{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{"
                      "\"fullUrl\":\"http://h/Composition/c\",\"resource\":{"
                      "\"resourceType\":\"Composition\",\"contained\":[{\"resourceType\":"
                      "\"Patient\",\"id\":\"p\"}],\"subject\":{\"reference\":\"#p\"},"
                      "\"author\":[{\"reference\":\"Practitioner/1\"}]}}]}";
    struct json_doc *doc;
    (void)state;
    assert_ok(json_parse(&doc, str_c(bad), NULL, NULL));
    for (long n = 1;; n++) {
        struct diag d;
        int err;
        diag_init(&d);
        am_oom_at(n);
        err = fhir_valid_check(NULL, json_root(doc), 0, &d);
        if (!am_oom_at(0)) {
            assert_int_equal(err, AM_E_INVALID);
            diag_release(&d);
            break;
        }
        assert_true(err == AM_E_NOMEM || err == AM_E_INVALID);
        diag_release(&d);
    }
    json_free(doc);
}

TEST_MAIN(TEST(each_mistake_is_named_at_its_place),
          TEST(nulls_of_an_array_have_something_beside_them),
          TEST(the_grammar_of_primitives_is_that_of_the_specification),
          TEST(bindings_ask_for_system_and_code), TEST(references_name_what_they_may),
          TEST(invariants_by_hand_hold_and_break), TEST(best_practice_is_told_on_request),
          TEST(bundles_keep_their_rules), TEST(narrative_is_xhtml_without_tricks),
          TEST(places_read_as_fhirpath), TEST(an_outcome_is_itself_valid),
          TEST(checking_survives_every_failed_allocation))
