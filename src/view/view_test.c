/* SPDX-License-Identifier: Apache-2.0 */
/* Rows against answers worked out by hand, in the three forms; every refusal; bounds; no
 * memory. The ward: three patients and what is known of them. */
#include "base/test.h"
#include "view/view.h"

static const char *const ward[] = {
    "{\"resourceType\":\"Patient\",\"id\":\"amal\",\"active\":true,\"gender\":\"female\","
    "\"birthDate\":\"1970-06\",\"name\":[{\"use\":\"official\",\"family\":\"Bennani\","
    "\"given\":[\"Amal\",\"Zahra\"]},{\"use\":\"maiden\",\"family\":\"Idrissi\"}],"
    "\"telecom\":[{\"system\":\"phone\",\"value\":\"1\"},{\"system\":\"email\",\"value\":"
    "\"a,\\\"b\\\"\"}],\"contact\":[{\"name\":{\"family\":\"Alami\"},\"telecom\":[{"
    "\"system\":\"phone\",\"value\":\"2\"},{\"system\":\"phone\",\"value\":\"3\"}]},{"
    "\"name\":{\"family\":\"Naciri\"},\"telecom\":[{\"value\":\"4\"}]}],"
    "\"managingOrganization\":{\"reference\":\"Organization/chu\"},"
    "\"link\":[{\"other\":{\"reference\":\"Patient/amal\"},\"type\":\"seealso\"}],"
    "\"extension\":[{\"url\":\"http://x/race\",\"extension\":[{\"url\":\"code\","
    "\"valueCode\":\"c1\"}]},{\"url\":\"http://x/n\",\"valueDecimal\":1.50}]}",
    "{\"resourceType\":\"Patient\",\"id\":\"badr\",\"active\":false,\"gender\":\"male\","
    "\"deceasedBoolean\":true,\"name\":[{\"family\":\"Tazi\",\"given\":[\"Badr\"]}],"
    "\"link\":[{\"other\":{\"reference\":\"http://me/fhir/Patient/amal/_history/2\"},"
    "\"type\":\"seealso\"}]}",
    "{\"resourceType\":\"Patient\",\"id\":\"chad\"}",
    "{\"resourceType\":\"Observation\",\"id\":\"k\",\"status\":\"final\",\"code\":{"
    "\"text\":\"potassium\"},\"valueQuantity\":{\"value\":4.10,\"unit\":\"mmol/L\"},"
    "\"effectiveDateTime\":\"2010-10-10\",\"subject\":{\"reference\":"
    "\"http://elsewhere/fhir/Patient/amal\"}}",
    "{\"resourceType\":\"Observation\",\"id\":\"t\",\"status\":\"final\",\"code\":{"
    "\"text\":\"time\"},\"valueTime\":\"12:34\",\"subject\":{\"reference\":\"#p\"}}",
    "{\"resourceType\":\"Observation\",\"id\":\"r\",\"status\":\"final\",\"code\":{"
    "\"text\":\"range\"},\"valueRange\":{\"low\":{\"value\":2},\"high\":{\"value\":3}}}",
    "{\"resourceType\":\"QuestionnaireResponse\",\"id\":\"q\",\"status\":\"completed\","
    "\"item\":[{\"linkId\":\"1\",\"item\":[{\"linkId\":\"1.1\",\"answer\":[{"
    "\"valueString\":\"yes\",\"item\":[{\"linkId\":\"1.1.1\"}]}]},{\"linkId\":\"1.2\","
    "\"item\":[{\"linkId\":\"1.2.1\"}]}]},{\"linkId\":\"2\"}]}"};

/* ---- running ---- */
struct out {
    struct buf b;
    enum view_format format;
    size_t n, stop;
};

static int keep(void *arg, const struct view *v, const struct view_cell *cell)
{
    struct out *o = arg;
    int err = view_row(&o->b, v, o->format, cell, !o->n);
    return err ? err : ++o->n == o->stop ? 1 : AM_OK;
}

static struct json_doc *parsed(const char *text)
{
    struct json_doc *doc = NULL;
    assert_ok(json_parse(&doc, str_c(text),
                         &(struct json_limits){.raw_numbers = true, .values = 9000000},
                         NULL));
    return doc;
}

/* The definition's members after "resource". */
static struct view *compiled(const char *type, const char *rest)
{
    struct buf b;
    struct json_doc *doc;
    struct view *v = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "{\"resource\":\"%s\",%s}", type, rest));
    doc = parsed(b.p);
    err = view_compile(&v, json_root(doc), &d);
    if (err)
        fail_msg("%s: %s at %s (%s)", rest, d.item[0].code, d.item[0].path,
                 d.item[0].detail);
    json_free(doc); /* the view owns what it needs */
    buf_release(&b);
    diag_release(&d);
    return v;
}

static int run_all(const struct view *v, struct out *o, struct diag *d)
{
    struct view_run r;
    int err = view_run_init(&r, v);
    r.env.base = STR("http://me/fhir");
    for (size_t i = 0; i < AM_LEN(ward) && !err; i++) {
        struct json_doc *doc = NULL;
        err = json_parse(&doc, str_c(ward[i]), &(struct json_limits){.raw_numbers = true},
                         NULL);
        if (!err)
            err = view_rows(&r, json_root(doc), keep, o, d);
        json_free(doc);
    }
    view_run_release(&r);
    return err;
}

static void check(int line, const char *type, const char *rest, enum view_format format,
                  const char *want)
{
    struct view *v = compiled(type, rest);
    struct out o = {.format = format};
    struct diag d;
    int err;
    diag_init(&d);
    buf_init(&o.b, 1 << 20);
    assert_ok(view_begin(&o.b, v, format, true));
    err = run_all(v, &o, &d);
    if (err)
        fail_msg("line %d: %s: %s %s", line, d.n ? d.item[0].path : "",
                 d.n ? d.item[0].code : "error", d.n ? d.item[0].detail : "");
    assert_ok(view_end(&o.b, format));
    if (strcmp(o.b.p, want))
        fail_msg("line %d:\n%sinstead of\n%s", line, o.b.p, want);
    buf_release(&o.b);
    diag_release(&d);
    view_free(v);
}
#define ROWS(type, rest, want) check(__LINE__, type, rest, VIEW_NDJSON, want)
#define CSV(type, rest, want)  check(__LINE__, type, rest, VIEW_CSV, want)

/* A select of columns: "name=path" pairs. */
#define COL(name, path) "{\"name\":\"" name "\",\"path\":\"" path "\"}"
#define ID              "{\"column\":[" COL("id", "id") "]}"

/* Definitions and rows are read, not bent to a column. */
/* clang-format off */
/* ---- what columns say ---- */
static void a_column_is_a_value_null_or_a_collection(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[{\"column\":[" COL("id", "id") "," COL("on", "active")
         "," COL("first", "name.family.first()") ",{\"name\":\"all\","
         "\"path\":\"name.given\",\"collection\":true,\"type\":\"string\"}]}]",
         "{\"id\":\"amal\",\"on\":true,\"first\":\"Bennani\",\"all\":[\"Amal\","
         "\"Zahra\"]}\n{\"id\":\"badr\",\"on\":false,\"first\":\"Tazi\","
         "\"all\":[\"Badr\"]}\n{\"id\":\"chad\",\"on\":null,\"first\":null,"
         "\"all\":[]}\n");
    /* numbers as written; what is no primitive as JSON; texts that CSV has to quote */
    CSV("Observation", "\"select\":[{\"column\":["
        COL("v", "value.ofType(Quantity).value") "," COL("q", "value.ofType(Quantity)")
        "," COL("t", "value.ofType(time)") "]}]", "v,q,t\n4.10,\"{\"\"value\"\":4.10,"
        "\"\"unit\"\":\"\"mmol/L\"\"}\",\n,,12:34\n,,\n");
    CSV("Patient", "\"select\":[{\"forEach\":\"telecom\",\"column\":[" COL("v", "value")
        ",{\"name\":\"c\",\"path\":\"value|system\",\"collection\":true}]}]", "v,c\n1,"
        "\"[\"\"1\"\",\"\"phone\"\"]\"\n\"a,\"\"b\"\"\",\"[\"\"a,\\\"\"b\\\"\"\"\","
        "\"\"email\"\"]\"\n");
}

static void functions_of_the_specification_answer(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[{\"column\":[" COL("e", "name.exists()") ","
         COL("n", "name.given.empty()") "," COL("j", "name.given.join(', ')") ","
         COL("d", "name.given.join()") "," COL("i", "name[1].family") ","
         COL("w", "name.where(use = 'official').family") "]}]", "{\"e\":true,"
         "\"n\":false,\"j\":\"Amal, Zahra\",\"d\":\"AmalZahra\",\"i\":\"Idrissi\","
         "\"w\":\"Bennani\"}\n{\"e\":true,\"n\":false,\"j\":\"Badr\",\"d\":\"Badr\","
         "\"i\":null,\"w\":null}\n{\"e\":false,\"n\":true,\"j\":\"\",\"d\":\"\","
         "\"i\":null,\"w\":null}\n");
    ROWS("Patient", "\"select\":[{\"column\":["
         COL("race", "extension('http://x/race').extension('code').value.ofType(code)")
         "," COL("n", "extension('http://x/n').value.ofType(decimal)") ","
         COL("lo", "birthDate.lowBoundary()") "," COL("hi", "birthDate.highBoundary()")
         "]}],\"where\":[{\"path\":\"birthDate.exists()\"}]", "{\"race\":\"c1\","
         "\"n\":1.50,\"lo\":\"1970-06-01\",\"hi\":\"1970-06-30\"}\n");
    ROWS("Observation", "\"select\":[{\"column\":[" COL("id", "id") ","
         COL("lo", "value.ofType(Quantity).value.lowBoundary()") ","
         COL("t", "value.ofType(time).highBoundary()") ","
         COL("at", "effective.ofType(dateTime).lowBoundary()") ","
         COL("to", "effective.ofType(dateTime).highBoundary()") "]}]", "{\"id\":\"k\","
         "\"lo\":4.09500000,\"t\":null,\"at\":\"2010-10-10T00:00:00.000+14:00\","
         "\"to\":\"2010-10-10T23:59:59.999-12:00\"}\n{\"id\":\"t\",\"lo\":null,"
         "\"t\":\"12:34:59.999\",\"at\":null,\"to\":null}\n{\"id\":\"r\",\"lo\":null,"
         "\"t\":null,\"at\":null,\"to\":null}\n");
    ROWS("Observation", "\"select\":[{\"column\":["
         COL("a", "value.ofType(Range).low.value + value.ofType(Range).high.value") ","
         COL("d", "value.ofType(Range).high.value / value.ofType(Range).low.value") ","
         COL("g", "value.ofType(Range).high.value > value.ofType(Range).low.value")
         "]}],\"where\":[{\"path\":\"id = 'r'\"}]", "{\"a\":5,\"d\":1.5,\"g\":true}\n");
}

static void keys_join_what_is_here_only(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[{\"column\":[" COL("k", "getResourceKey()") ","
         COL("o", "managingOrganization.getReferenceKey()") ","
         COL("t", "link.other.getReferenceKey(Patient)") ","
         COL("x", "link.other.getReferenceKey(Observation)") ","
         COL("same", "getResourceKey() = link.other.getReferenceKey(Patient)") "]}]",
         "{\"k\":\"amal\",\"o\":\"chu\",\"t\":\"amal\",\"x\":null,\"same\":true}\n"
         "{\"k\":\"badr\",\"o\":null,\"t\":\"amal\",\"x\":null,\"same\":false}\n"
         "{\"k\":\"chad\",\"o\":null,\"t\":null,\"x\":null,\"same\":null}\n");
    /* of another server: not our amal; contained: no key */
    ROWS("Observation", "\"select\":[{\"column\":[" COL("s", "subject.getReferenceKey()")
         "," COL("p", "subject.getReferenceKey(Patient)") "]}]",
         "{\"s\":\"http://elsewhere/fhir/Patient/amal\","
         "\"p\":\"http://elsewhere/fhir/Patient/amal\"}\n{\"s\":null,\"p\":null}\n"
         "{\"s\":null,\"p\":null}\n");
}

static void constants_of_every_kind(void **state)
{
    (void)state;
    ROWS("Patient", "\"constant\":[{\"name\":\"use\",\"valueString\":\"official\"},"
         "{\"name\":\"i\",\"valueInteger\":1},{\"name\":\"yes\","
         "\"valueBoolean\":true},{\"name\":\"day\",\"valueDate\":\"1970-06\"},"
         "{\"name\":\"g\",\"valueCode\":\"female\"},{\"name\":\"big\","
         "\"valueInteger64\":\"12\"},{\"name\":\"d\",\"valueDecimal\":1.5},"
         "{\"name\":\"at\",\"valueInstant\":\"2015-02-07T13:28:17.239+02:00\"},"
         "{\"name\":\"tm\",\"valueTime\":\"18:12:00\"},{\"name\":\"u\","
         "\"valueUuid\":\"urn:uuid:0\"}],"
         "\"select\":[{\"forEach\":\"name.where(use = %use)\",\"column\":["
         COL("f", "family") "]},{\"column\":[" COL("m", "name[%i].family") ","
         COL("b", "birthDate = %day") "," COL("w", "gender = %g") "," COL("n", "%big + 1")
         "," COL("x", "extension.value.ofType(decimal) = %d") "," COL("at", "%at") ","
         COL("tm", "%tm") "," COL("u", "%u") "]}],"
         "\"where\":[{\"path\":\"active = %yes\"}]", "{\"f\":\"Bennani\","
         "\"m\":\"Idrissi\",\"b\":true,\"w\":true,\"n\":13,\"x\":true,"
         "\"at\":\"2015-02-07T13:28:17.239+02:00\",\"tm\":\"18:12:00\","
         "\"u\":\"urn:uuid:0\"}\n");
}

static void where_keeps_what_is_true_of_all(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[" ID "],\"where\":[{\"path\":\"active\"}]",
         "{\"id\":\"amal\"}\n");
    ROWS("Patient", "\"select\":[" ID "],"
         "\"where\":[{\"path\":\"(gender = 'male').not()\"}]", "{\"id\":\"amal\"}\n"); /* not chad */
    ROWS("Patient", "\"select\":[" ID "],"
         "\"where\":[{\"path\":\"gender = 'male' or active\"},"
         "{\"path\":\"deceased.ofType(boolean).exists().not()\"}]",
         "{\"id\":\"amal\"}\n");
    ROWS("Patient", "\"select\":[" ID "],"
         "\"where\":[{\"path\":\"name.where(family='x').empty()\"}]",
         "{\"id\":\"amal\"}\n{\"id\":\"badr\"}\n{\"id\":\"chad\"}\n");
}

/* ---- rows ---- */
static void for_each_makes_rows_and_or_null_keeps_one(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[" ID ",{\"forEach\":\"name\",\"column\":["
         COL("i", "%rowIndex") "," COL("f", "family") "]}]", "{\"id\":\"amal\","
         "\"i\":0,\"f\":\"Bennani\"}\n{\"id\":\"amal\",\"i\":1,\"f\":\"Idrissi\"}\n"
         "{\"id\":\"badr\",\"i\":0,\"f\":\"Tazi\"}\n");
    ROWS("Patient", "\"select\":[{\"column\":[" COL("id", "id") "," COL("r", "%rowIndex")
         "],\"select\":[{\"forEachOrNull\":\"contact\",\"column\":["
         COL("c", "name.family") "," COL("i", "%rowIndex") "],"
         "\"select\":[{\"forEach\":\"telecom\",\"column\":[" COL("n", "%rowIndex") ","
         COL("t", "value") "]}]}]}]", "{\"id\":\"amal\",\"r\":0,\"c\":\"Alami\","
         "\"i\":0,\"n\":0,\"t\":\"2\"}\n{\"id\":\"amal\",\"r\":0,\"c\":\"Alami\","
         "\"i\":0,\"n\":1,\"t\":\"3\"}\n{\"id\":\"amal\",\"r\":0,\"c\":\"Naciri\","
         "\"i\":1,\"n\":0,\"t\":\"4\"}\n{\"id\":\"badr\",\"r\":0,\"c\":null,\"i\":0,"
         "\"n\":null,\"t\":null}\n{\"id\":\"chad\",\"r\":0,\"c\":null,\"i\":0,"
         "\"n\":null,\"t\":null}\n");
    /* what stood in a cell for the item before is gone */
    ROWS("Patient", "\"select\":[{\"forEach\":\"contact\","
         "\"select\":[{\"forEachOrNull\":\"telecom.where(system.exists())\","
         "\"select\":[{\"forEach\":\"value\",\"column\":[" COL("v", "$this") "]}]}]}]",
         "{\"v\":\"2\"}\n{\"v\":\"3\"}\n{\"v\":null}\n");
    /* siblings are a product, the first turning slowest; none of one is none at all */
    ROWS("Patient", "\"select\":[{\"forEach\":\"contact\",\"column\":["
         COL("c", "name.family") "]},{\"forEach\":\"telecom\",\"column\":["
         COL("t", "system") "]}]", "{\"c\":\"Alami\",\"t\":\"phone\"}\n"
         "{\"c\":\"Alami\",\"t\":\"email\"}\n{\"c\":\"Naciri\",\"t\":\"phone\"}\n"
         "{\"c\":\"Naciri\",\"t\":\"email\"}\n");
}

#define TEL "\"column\":[" COL("i", "%rowIndex") "," COL("v", "value") "]"

static void union_all_gives_branch_after_branch(void **state)
{
    (void)state;
    ROWS("Patient", "\"select\":[{\"column\":[" COL("id", "id") "],"
         "\"unionAll\":[{\"forEach\":\"telecom\"," TEL "},"
         "{\"unionAll\":[{\"forEach\":\"contact.telecom\"," TEL "},"
         "{\"forEachOrNull\":\"telecom.where(false)\"," TEL "}]}]}]",
         "{\"id\":\"amal\",\"i\":0,\"v\":\"1\"}\n{\"id\":\"amal\",\"i\":1,\"v\":\"a,"
         "\\\"b\\\"\"}\n{\"id\":\"amal\",\"i\":0,\"v\":\"2\"}\n{\"id\":\"amal\","
         "\"i\":1,\"v\":\"3\"}\n{\"id\":\"amal\",\"i\":2,\"v\":\"4\"}\n"
         "{\"id\":\"amal\",\"i\":0,\"v\":null}\n{\"id\":\"badr\",\"i\":0,"
         "\"v\":null}\n{\"id\":\"chad\",\"i\":0,\"v\":null}\n");
    /* a branch without forEach has the index of what it stands in; columns follow the
     * union, and turn fastest */
    ROWS("Patient", "\"select\":[{\"forEach\":\"contact\","
         "\"unionAll\":[{\"forEach\":\"telecom\"," TEL "},{\"column\":["
         COL("i", "%rowIndex") "," COL("v", "name.family") "]}]},"
         "{\"forEach\":\"name.where(use='maiden')\",\"column\":[" COL("f", "family")
         "]}]", "{\"i\":0,\"v\":\"2\",\"f\":\"Idrissi\"}\n{\"i\":1,\"v\":\"3\","
         "\"f\":\"Idrissi\"}\n{\"i\":0,\"v\":\"Alami\",\"f\":\"Idrissi\"}\n{\"i\":0,"
         "\"v\":\"4\",\"f\":\"Idrissi\"}\n{\"i\":1,\"v\":\"Naciri\","
         "\"f\":\"Idrissi\"}\n");
}

static void repeat_walks_down_each_before_what_is_below(void **state)
{
    (void)state;
    ROWS("QuestionnaireResponse", "\"select\":[{\"repeat\":[\"item\",\"answer.item\"],"
         "\"column\":[" COL("i", "%rowIndex") "," COL("l", "linkId") "],"
         "\"select\":[{\"forEachOrNull\":\"answer\",\"column\":["
         COL("a", "value.ofType(string)") "]}]}]", "{\"i\":0,\"l\":\"1\",\"a\":null}\n"
         "{\"i\":1,\"l\":\"1.1\",\"a\":\"yes\"}\n{\"i\":2,\"l\":\"1.1.1\","
         "\"a\":null}\n{\"i\":3,\"l\":\"1.2\",\"a\":null}\n{\"i\":4,\"l\":\"1.2.1\","
         "\"a\":null}\n{\"i\":5,\"l\":\"2\",\"a\":null}\n");
    ROWS("QuestionnaireResponse", "\"select\":[" ID ",{\"repeat\":[\"jurisdiction\"],"
         "\"column\":[" COL("l", "code") "]}]", "");
}

static void json_is_one_array(void **state)
{
    (void)state;
    check(__LINE__, "Patient", "\"select\":[" ID "]", VIEW_JSON, "[{\"id\":\"amal\"},"
          "{\"id\":\"badr\"},{\"id\":\"chad\"}]\n");
    check(__LINE__, "Device", "\"select\":[" ID "]", VIEW_JSON, "[]\n");
    CSV("Device", "\"select\":[" ID "]", "id\n");
}

static void who_takes_rows_may_stop(void **state)
{
    struct view *v = compiled("Patient", "\"select\":[" ID "]");
    struct out o = {.format = VIEW_NDJSON, .stop = 2};
    (void)state;
    buf_init(&o.b, 4096);
    assert_int_equal(run_all(v, &o, NULL), 1);
    assert_int_equal(o.n, 2);
    buf_release(&o.b);
    view_free(v);
}

/* ---- refusals ---- */
static void refused(int line, const char *definition, const char *path, const char *code)
{
    struct json_doc *doc = parsed(definition);
    struct view *v = NULL;
    struct diag d;
    int err;
    bool told = false;
    diag_init(&d);
    err = view_compile(&v, json_root(doc), &d);
    if (!err)
        fail_msg("line %d: compiled", line);
    assert_null(v);
    for (size_t i = 0; i < d.n; i++)
        told |= !strcmp(d.item[i].code, code) && !strcmp(d.item[i].path, path);
    if (!told)
        fail_msg("line %d: %s at %s instead of %s at %s", line, d.item[0].code,
                 d.item[0].path, code, path);
    diag_release(&d);
    json_free(doc);
}
#define BAD(definition, path, code) refused(__LINE__, definition, path, code)
#define OF(rest)                    "{\"resource\":\"Patient\"," rest "}"

static void a_view_not_understood_whole_is_refused(void **state)
{
    (void)state;
    BAD("[]", "", "view.value");
    BAD("{}", "/resource", "view.required");
    BAD("{}", "/select", "view.required");
    BAD("{\"resource\":\"Horse\",\"select\":[" ID "]}", "/resource", "view.type");
    BAD("{\"resource\":\"HumanName\",\"select\":[" ID "]}", "/resource", "view.type");
    BAD(OF("\"resourceType\":\"Patient\",\"select\":[" ID "]"), "/resourceType",
        "view.value");
    BAD(OF("\"name\":\"1st\",\"select\":[" ID "]"), "/name", "view.name");
    BAD(OF("\"status\":\"on\",\"select\":[" ID "]"), "/status", "view.value");
    BAD(OF("\"fhirVersion\":[\"5.0.0\"],\"select\":[" ID "]"), "/fhirVersion",
        "view.value");
    BAD(OF("\"select\":[]"), "/select", "view.value");
    BAD(OF("\"select\":[1]"), "/select", "view.value");
    BAD(OF("\"select\":[{}]"), "/select/0", "view.required");
    BAD(OF("\"select\":[{\"forEach\":1,\"column\":[" COL("a", "id") "]}]"),
        "/select/0/forEach", "view.value");
    BAD(OF("\"select\":[{\"forEach\":\"@@\",\"column\":[" COL("a", "id") "]}]"),
        "/select/0/forEach", "fhirpath.syntax");
    BAD(OF("\"select\":[{\"forEach\":\"a\",\"forEachOrNull\":\"b\",\"column\":["
        COL("a", "id") "]}]"), "/select/0", "view.each");
    BAD(OF("\"select\":[{\"repeat\":\"item\",\"column\":[" COL("a", "id") "]}]"),
        "/select/0/repeat", "view.value");
    BAD(OF("\"select\":[{\"forEachorNull\":\"a\",\"column\":[" COL("a", "id") "]}]"),
        "/select/0", "view.member");
    BAD(OF("\"select\":[{\"column\":[{\"name\":\"a\"}]}]"), "/select/0/column/0/path",
        "view.required");
    BAD(OF("\"select\":[{\"column\":[" COL("a-b", "id") "]}]"),
        "/select/0/column/0/name", "view.name");
    BAD(OF("\"select\":[{\"column\":[" COL("_a", "id") "]}]"),
        "/select/0/column/0/name", "view.name");
    BAD(OF("\"select\":[{\"column\":[{\"path\":\"id\"}]}]"), "/select/0/column/0/name",
        "view.name");
    BAD(OF("\"select\":[{\"column\":[{\"name\":\"a\",\"path\":\"id\","
        "\"collection\":\"no\"}]}]"), "/select/0/column/0/collection", "view.value");
    BAD(OF("\"select\":[{\"column\":[{\"name\":\"a\",\"path\":\"id\","
        "\"type\":\"strang\"}]}]"), "/select/0/column/0/type", "view.value");
    BAD(OF("\"select\":[" ID ",{\"select\":[" ID "]}]"),
        "/select/1/select/0/column/0/name", "view.twice");
    BAD(OF("\"select\":[{\"column\":[" COL("a", "name.given.nofun()") "]}]"),
        "/select/0/column/0/path", "fhirpath.function");
    BAD(OF("\"select\":[{\"column\":[" COL("a", "value.ofType(Invalid)") "]}]"),
        "/select/0/column/0/path", "fhirpath.type");
    BAD(OF("\"select\":[{\"column\":[" COL("a", "getReferenceKey(Horse)") "]}]"),
        "/select/0/column/0/path", "fhirpath.type");
    BAD(OF("\"select\":[" ID "],\"where\":[{\"path\":\"\"}]"), "/where/0/path",
        "view.value");
}

static void constants_are_named_and_known(void **state)
{
    (void)state;
    BAD(OF("\"select\":[{\"forEach\":\"name.where(use = %x)\",\"column\":["
        COL("a", "use") "]}]"), "/select/0/forEach", "view.variable");
    BAD(OF("\"constant\":[{\"name\":\"x\"}],\"select\":[" ID "]"), "/constant/0",
        "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueCode\":\"a\","
        "\"valueString\":\"a\"}],\"select\":[" ID "]"), "/constant/0", "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueInteger\":1.5}],\"select\":[" ID "]"),
        "/constant/0", "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueBoolean\":\"true\"}],\"select\":[" ID
        "]"), "/constant/0", "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueDate\":\"June\"}],\"select\":[" ID "]"),
        "/constant/0", "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueCoding\":{}}],\"select\":[" ID "]"),
        "/constant/0", "view.constant");
    BAD(OF("\"constant\":[{\"name\":\"rowIndex\",\"valueCode\":\"a\"}],\"select\":[" ID
        "]"), "/constant/0/name", "view.name");
    BAD(OF("\"constant\":[{\"name\":\"x\",\"valueCode\":\"a\"},{\"name\":\"x\","
        "\"valueCode\":\"b\"}],\"select\":[" ID "]"), "/constant/1/name", "view.twice");
}

#define AB(a, b)    "{\"column\":[" a "," b "]}"
#define UNION(x, y) OF("\"select\":[{\"unionAll\":[" x "," y "]}]")

static void branches_have_the_same_columns(void **state)
{
    (void)state;
    BAD(UNION(AB(COL("a", "id"), COL("b", "id")), AB(COL("a", "id"), COL("c", "id"))),
        "/select/0/unionAll/1/column/1/name", "view.union");
    BAD(UNION(AB(COL("a", "id"), COL("b", "id")), AB(COL("b", "id"), COL("a", "id"))),
        "/select/0/unionAll/1/column/0/name", "view.union");
    BAD(UNION(AB(COL("a", "id"), COL("b", "id")), "{\"column\":[" COL("a", "id") "]}"),
        "/select/0/unionAll/1", "view.union");
    BAD(UNION("{\"column\":[" COL("a", "id") "]}", AB(COL("a", "id"), COL("b", "id"))),
        "/select/0/unionAll/1/column/1/name", "view.union");
    BAD(UNION("{\"column\":[" COL("a", "id") "]}", "{\"unionAll\":[{\"column\":["
        COL("a", "id") "]},{\"column\":[" COL("b", "id") "]}]}"),
        "/select/0/unionAll/1/unionAll/1/column/0/name", "view.union");
    BAD(UNION("{\"column\":[{\"name\":\"a\",\"path\":\"id\",\"type\":\"id\"}]}",
        "{\"column\":[{\"name\":\"a\",\"path\":\"id\",\"type\":\"integer\"}]}"),
        "/select/0/unionAll/1/column/0/name", "view.union");
    BAD(UNION("{\"column\":[{\"name\":\"a\",\"path\":\"id\",\"collection\":true}]}",
        "{\"column\":[" COL("a", "id") "]}"), "/select/0/unionAll/1/column/0/name",
        "view.union");
}

static void several_problems_are_all_told(void **state)
{
    struct json_doc *doc = parsed(OF("\"name\":\"_\",\"select\":[{\"column\":[" COL(
        "a", "(") "," COL("b", "%no") "]}],\"where\":[{\"path\":\")\"}]"));
    struct view *v = NULL;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(view_compile(&v, json_root(doc), &d), AM_E_INVALID);
    assert_int_equal(d.errors, 4);
    diag_release(&d);
    json_free(doc);
}

/* A row that would be a guess. */
static void unsure(int line, const char *rest, const char *where, const char *code)
{
    struct view *v = compiled("Patient", rest);
    struct out o = {.format = VIEW_NDJSON};
    struct diag d;
    diag_init(&d);
    buf_init(&o.b, 4096);
    if (run_all(v, &o, &d) != AM_E_INVALID)
        fail_msg("line %d: %s", line, o.b.p);
    assert_string_equal(d.item[0].path, where);
    assert_string_equal(d.item[0].code, code);
    buf_release(&o.b);
    diag_release(&d);
    view_free(v);
}

static void nothing_is_guessed_of_several_values(void **state)
{
    (void)state;
    unsure(__LINE__, "\"select\":[{\"column\":[" COL("f", "name.family") "]}]",
           "Patient/amal", "view.many");
    unsure(__LINE__, "\"select\":[" ID "],"
           "\"where\":[{\"path\":\"name.family.first()\"}]", "Patient/amal",
           "view.where");
    unsure(__LINE__, "\"select\":[" ID "],"
           "\"where\":[{\"path\":\"(gender = 'x') | active\"}]", "Patient/amal",
           "view.where");
    unsure(__LINE__, "\"select\":[{\"column\":[" COL("f", "name.single().family") "]}]",
           "Patient/amal", "fhirpath.single");
}

/* clang-format on */

/* ---- bounds ---- */
static int count(void *arg, const struct view *v, const struct view_cell *cell)
{
    (void)v;
    (void)cell;
    ++*(size_t *)arg;
    return AM_OK;
}

static void a_product_is_bounded(void **state)
{
    struct view *v = compiled(
        "Patient",
        "\"select\":[{\"forEach\":\"name\",\"column\":[" COL(
            "a",
            "id") "]},{\"forEach\":\"name\",\"column\":[" COL("b",
                                                              "id") "]},{\"forEach\":"
                                                                    "\"name\","
                                                                    "\"column\":[" COL(
                                                                        "c", "id") "]}]");
    struct json_doc *doc;
    struct view_run r;
    struct buf b;
    size_t n = 0;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "{\"resourceType\":\"Patient\",\"name\":[{\"use\":\"old\"}"));
    for (int i = 0; i < 400; i++)
        assert_ok(buf_adds(&b, ",{\"use\":\"old\"}"));
    assert_ok(buf_adds(&b, "]}"));
    doc = parsed(b.p);
    assert_ok(view_run_init(&r, v));
    assert_int_equal(view_rows(&r, json_root(doc), count, &n, NULL), AM_E_TOOBIG);
    assert_int_equal(n, VIEW_ROWS);
    r.until = 1; /* long ago */
    n = 0;
    assert_int_equal(view_rows(&r, json_root(doc), count, &n, NULL), AM_E_TIMEOUT);
    assert_true(n < 100);
    view_run_release(&r);
    json_free(doc);
    buf_release(&b);
    view_free(v);
}

static void depth_is_bounded(void **state)
{
    struct json_doc *doc;
    struct view *v = NULL;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "{\"resource\":\"Patient\",\"select\":["));
    for (int i = 0; i < VIEW_DEPTH; i++)
        assert_ok(buf_adds(&b, "{\"select\":["));
    assert_ok(buf_adds(&b, ID));
    for (int i = 0; i < VIEW_DEPTH; i++)
        assert_ok(buf_adds(&b, "]}"));
    assert_ok(buf_adds(&b, "]}"));
    doc = parsed(b.p);
    assert_int_equal(view_compile(&v, json_root(doc), NULL), AM_E_TOOBIG);
    json_free(doc);
    buf_release(&b);
}

static int whole(void)
{
    static const char text[] = OF(
        "\"name\":\"x\",\"constant\":[{\"name\":\"u\",\"valueCode\":\"maiden\"}],"
        "\"select\":[" ID ",{\"unionAll\":[{\"forEach\":\"name.where(use = %u)\","
        "\"column\":[" COL("v", "family") "]},{\"repeat\":[\"contact\"],\"column\":[" COL(
            "v", "name.family & '!'") "]}]}],\"where\":[{\"path\":\"active\"}]");
    struct out o = {.format = VIEW_CSV};
    struct json_doc *doc = NULL;
    struct view *v = NULL;
    int err = json_parse(&doc, str_c(text), NULL, NULL);
    if (!err)
        err = view_compile(&v, json_root(doc), NULL);
    buf_init(&o.b, 4096);
    if (!err)
        err = run_all(v, &o, NULL);
    if (!err)
        assert_string_equal(o.b.p, "amal,Idrissi\namal,Alami!\namal,Naciri!\n");
    buf_release(&o.b);
    view_free(v);
    json_free(doc);
    return err;
}

static void memory_may_be_wanting_anywhere(void **state)
{
    (void)state;
    assert_true(test_oom(whole) > 20);
}

static void formats_have_their_names(void **state)
{
    enum view_format f;
    (void)state;
    assert_true(view_format(STR("text/csv"), &f) && f == VIEW_CSV);
    assert_true(view_format(STR("ndjson"), &f) && f == VIEW_NDJSON);
    assert_true(view_format(STR("application/json"), &f) && f == VIEW_JSON);
    assert_false(view_format(STR("parquet"), &f));
    assert_string_equal(view_media(VIEW_NDJSON), "application/x-ndjson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_a_value_null_or_a_collection),
        cmocka_unit_test(functions_of_the_specification_answer),
        cmocka_unit_test(keys_join_what_is_here_only),
        cmocka_unit_test(constants_of_every_kind),
        cmocka_unit_test(where_keeps_what_is_true_of_all),
        cmocka_unit_test(for_each_makes_rows_and_or_null_keeps_one),
        cmocka_unit_test(union_all_gives_branch_after_branch),
        cmocka_unit_test(repeat_walks_down_each_before_what_is_below),
        cmocka_unit_test(json_is_one_array),
        cmocka_unit_test(who_takes_rows_may_stop),
        cmocka_unit_test(a_view_not_understood_whole_is_refused),
        cmocka_unit_test(constants_are_named_and_known),
        cmocka_unit_test(branches_have_the_same_columns),
        cmocka_unit_test(several_problems_are_all_told),
        cmocka_unit_test(nothing_is_guessed_of_several_values),
        cmocka_unit_test(a_product_is_bounded),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(memory_may_be_wanting_anywhere),
        cmocka_unit_test(formats_have_their_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
