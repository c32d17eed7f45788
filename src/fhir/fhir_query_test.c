/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/fhir_test.h"

#include "base/clock.h"
#include "fhir/query.h"

/* 2024-06-01T00:00:00Z: date -u -d 2024-06-01 +%s */
static struct fhir_query_config qx = {.key = {{1, 2}},
                                      .type = STR_INIT("Observation"),
                                      .base = STR_INIT("http://node/fhir"),
                                      .now = 1717200000000000,
                                      .words = true};
struct qcase {
    struct arena arena;
    struct diag diag;
    struct fhir_query q;
    int err;
};

static struct qcase *q_of(const struct fhir_query_config *c, const char *text)
{
    static struct qcase k;
    struct fhir_pair *pairs;
    size_t n;
    arena_init(&k.arena, 32 << 20);
    diag_init(&k.diag);
    k.err = fhir_query_split(str_c(text), &k.arena, &pairs, &n, &k.diag);
    if (!k.err)
        k.err = fhir_query_parse(&k.q, c, pairs, n, &k.arena, &k.diag);
    return &k;
}

static struct qcase *q_open(const char *type, const char *text)
{
    struct fhir_query_config c = qx;
    c.type = str_c(type);
    return q_of(&c, text);
}

static void q_close(struct qcase *k)
{
    arena_release(&k->arena);
    diag_release(&k->diag);
}

/* The only ask of a query. */
static const struct fhir_ask *q_only(const struct qcase *k)
{
    assert_ok(k->err);
    assert_int_equal(k->q.where->kind, FHIR_ASK_AND);
    assert_int_equal(k->q.where->n, 1);
    return k->q.where->child[0];
}

static uint64_t q_term(const char *type, const char *code, enum fhir_term form,
                       const char *a, const char *b)
{
    return fhir_term_hash(&qx.key, fhir_param_number(str_c(type), str_c(code)), form,
                          str_c(a), str_c(b));
}

static void a_term_is_asked(const char *type, const char *text, const char *code,
                            enum fhir_term form, const char *a, const char *b)
{
    struct qcase *k = q_open(type, text);
    const struct fhir_ask *ask = q_only(k);
    assert_int_equal(ask->kind, FHIR_ASK_TERM);
    assert_true(ask->hash == q_term(type, code, form, a, b));
    q_close(k);
}

static void a_refusal(const char *type, const char *text, int err, const char *code)
{
    struct qcase *k = q_open(type, text);
    if (k->err != err || !k->diag.n || strcmp(k->diag.item[0].code, code))
        fail_msg("%s?%s: %d %s", type, text, k->err,
                 k->diag.n ? k->diag.item[0].code : "no problem");
    q_close(k);
}

static void each_form_of_a_token_is_a_term(void **state)
{
    (void)state;
    a_term_is_asked("Observation", "code=1234-5", "code", FHIR_TERM_CODE, "1234-5", "");
    a_term_is_asked("Observation", "code=http://loinc.org%7C1234-5", "code",
                    FHIR_TERM_SYSTEM_CODE, "http://loinc.org", "1234-5");
    a_term_is_asked("Observation", "code=|1234-5", "code", FHIR_TERM_NO_SYSTEM, "1234-5",
                    "");
    a_term_is_asked("Observation", "code=http://loinc.org|", "code", FHIR_TERM_SYSTEM,
                    "http://loinc.org", "");
    a_term_is_asked("Observation", "code=a%5C,b%5C%7Cc%5C$d%5C%5C", "code",
                    FHIR_TERM_CODE, "a,b|c$d\\", "");
    a_term_is_asked("Patient", "identifier:of-type=urn:t|NI|AB", "identifier",
                    FHIR_TERM_OF_TYPE, "urn:t|NI", "AB");
}

static void each_form_of_a_reference_is_a_term(void **state)
{
    (void)state;
    const struct fhir_ask *a;
    struct qcase *k;
    a_term_is_asked("Observation", "subject=Patient/1", "subject", FHIR_TERM_REFERENCE,
                    "Patient/1", "");
    a_term_is_asked("Observation", "subject:Patient=1", "subject", FHIR_TERM_REFERENCE,
                    "Patient/1", "");
    a_term_is_asked("Observation", "subject=http://node/fhir/Patient/1", "subject",
                    FHIR_TERM_REFERENCE, "Patient/1", "");
    a_term_is_asked("Observation", "subject=Patient/1/_history/3", "subject",
                    FHIR_TERM_VERSION, "Patient/1/_history/3", "");
    a_term_is_asked("Observation", "subject:identifier=urn:x|7", "subject",
                    FHIR_TERM_IDENTIFIER, "urn:x", "7");
    a_term_is_asked("Observation", "subject:missing=false", "subject", FHIR_TERM_PRESENT,
                    "", "");
    k = q_open("Observation", "subject=1"); /* any of four types */
    a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_OR);
    assert_int_equal(a->n, 4);
    q_close(k);
}

static void texts_are_folded_or_exact(void **state)
{
    (void)state;
    struct qcase *k = q_open("Patient", "name=%C3%89l%C3%A9onore");
    const struct fhir_ask *a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_OR); /* all of it, and each later word */
    assert_int_equal(a->n, 2);
    assert_int_equal(a->child[0]->kind, FHIR_ASK_STARTS);
    assert_int_equal(a->child[1]->param, fhir_part_number(STR("Patient"), STR("name")));
    assert_str_equal(a->child[1]->text, "eleonore");
    q_close(k);
    k = q_open("Organization", "name=X"); /* of no person */
    assert_int_equal(q_only(k)->kind, FHIR_ASK_STARTS);
    q_close(k);
    k = q_open("Patient", "name:contains=NORE");
    assert_int_equal(q_only(k)->kind, FHIR_ASK_CONTAINS);
    q_close(k);
    a_term_is_asked("Patient", "family:exact=El+Idrissi", "family", FHIR_TERM_EXACT,
                    "El Idrissi", "");
    k = q_open("Patient", "phonetic=Mohamed+Idrissi");
    a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_AND);
    assert_int_equal(a->n, 2);
    q_close(k);
    k = q_open("Observation", "code:text=Glucose");
    assert_int_equal(q_only(k)->kind, FHIR_ASK_STARTS);
    assert_int_equal(q_only(k)->param,
                     fhir_param_number(STR("Observation"), STR("code:text")));
    q_close(k);
    k = q_open("Observation", "_text=fi%C3%A8vre+toux");
    assert_int_equal(q_only(k)->n, 2);
    q_close(k);
}

/* Asked March 2024; stored: before, from before into it, all of it, a day of it, from it
 * into after, after, around, open at the start, open at the end. */
static void prefixes_compare_intervals(void **state)
{
    (void)state;
    static const char *const stored[][2] = {{"2024-02-01", "2024-02-10"},
                                            {"2024-02-20", "2024-03-10"},
                                            {"2024-03-01", "2024-03-31"},
                                            {"2024-03-05", "2024-03-05"},
                                            {"2024-03-20", "2024-04-05"},
                                            {"2024-04-10", "2024-04-11"},
                                            {"2024-01-01", "2024-12-31"},
                                            {"", "2024-03-10"},
                                            {"2024-03-10", ""}};
    static const struct {
        const char *prefix, *matches;
    } known[] = {{"", "001100000"},   {"eq", "001100000"}, {"ne", "110011111"},
                 {"lt", "110000110"}, {"gt", "000011101"}, {"le", "111100110"},
                 {"ge", "001111101"}, {"sa", "000001000"}, {"eb", "100000000"}};
    for (size_t i = 0; i < AM_LEN(known); i++) {
        char text[64];
        struct qcase *k;
        const struct fhir_ask *a;
        snprintf(text, sizeof text, "date=%s2024-03", known[i].prefix);
        k = q_open("Observation", text);
        a = q_only(k);
        for (size_t s = 0; s < AM_LEN(stored); s++) {
            int64_t lo = INT64_MIN, hi = INT64_MAX, x, min, max;
            bool near, want = known[i].matches[s] == '1';
            if (*stored[s][0])
                assert_ok(fhir_date_interval(str_c(stored[s][0]), &lo, &x));
            if (*stored[s][1])
                assert_ok(fhir_date_interval(str_c(stored[s][1]), &x, &hi));
            assert_int_equal(fhir_date_match(a, lo, hi), want);
            near = lo != INT64_MIN && hi != INT64_MAX && hi - lo < TIME_DAY;
            fhir_date_window(a, !near, &min, &max);
            if (want) /* no match may lie outside the window that is read */
                assert_true(lo >= min && lo <= max);
        }
        q_close(k);
    }
}

static void ap_widens_with_the_distance_from_now(void **state)
{
    (void)state;
    struct qcase *k = q_open("Observation", "date=ap2024-05-22");
    const struct fhir_ask *a = q_only(k);
    int64_t lo, hi;
    assert_ok(fhir_date_interval(STR("2024-05-22"), &lo, &hi));
    assert_int_equal(lo - a->lo, (qx.now - hi) / 10); /* nine days: 21.6 hours */
    assert_int_equal(a->hi - hi, (qx.now - hi) / 10);
    q_close(k);
}

static void numbers_mean_their_precision(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double in[2], out[2];
    } known[] = {
        {"5.40", {5.396, 5.404}, {5.394, 5.406}}, {"5.4", {5.36, 5.44}, {5.34, 5.46}},
        {"100", {99.5, 100.4}, {99.4, 100.5}},    {"1e2", {95, 104.9}, {94.9, 105}},
        {"ne5.4", {5.3, 5.5}, {5.36, 5.44}},      {"gt5.4", {5.41, 9}, {5.4, 5.39}},
        {"ge5.4", {5.4, 9}, {5.39, -1}},          {"lt5.4", {5.39, -9}, {5.4, 5.41}},
        {"le5.4", {5.4, -9}, {5.41, 6}},          {"ap100", {91, 109}, {89, 111}}};
    for (size_t i = 0; i < AM_LEN(known); i++) {
        char text[64];
        struct qcase *k;
        double min, max;
        snprintf(text, sizeof text, "value-quantity=%s", known[i].text);
        k = q_open("Observation", text);
        fhir_number_window(q_only(k), &min, &max);
        for (size_t v = 0; v < 2; v++) {
            assert_true(fhir_number_match(q_only(k), known[i].in[v]));
            assert_true(known[i].in[v] >= min && known[i].in[v] <= max);
            assert_false(fhir_number_match(q_only(k), known[i].out[v]));
        }
        q_close(k);
    }
}

static void a_quantity_is_asked_in_any_unit(void **state)
{
    (void)state;
    double v;
    uint32_t unit;
    struct qcase *k =
        q_open("Observation", "value-quantity=ge50|http://unitsofmeasure.org|mg/dL");
    const struct fhir_ask *a = q_only(k);
    v = fhir_unit_value(0.5, STR(FHIR_UCUM), STR("g/L"), &unit);
    assert_int_equal(a->unit, unit);
    assert_true(fhir_number_match(a, v)); /* equal but for rounding */
    q_close(k);
    k = q_open("Observation", "value-quantity=50||mg");
    (void)fhir_unit_value(0, STR_NULL, STR("mg"), &unit);
    assert_int_equal(q_only(k)->unit, unit);
    q_close(k);
}

static void chains_and_has_are_joins(void **state)
{
    (void)state;
    struct qcase *k = q_open("Observation", "subject:Patient.name=peter");
    const struct fhir_ask *a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_CHAIN);
    assert_str_equal(a->to, "Patient");
    assert_str_equal(a->ref.code, "subject");
    assert_int_equal(a->child[0]->kind, FHIR_ASK_OR);
    q_close(k);
    k = q_open("Observation",
               "subject.name=peter"); /* Patient, Group, Device, Location */
    assert_int_equal(q_only(k)->kind, FHIR_ASK_OR);
    q_close(k);
    k = q_open("Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=x");
    a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_HAS);
    assert_str_equal(a->to, "Observation");
    assert_int_equal(a->child[0]->kind, FHIR_ASK_HAS);
    q_close(k);
    k = q_open("Encounter",
               "subject:Patient._has:Condition:patient:code=http://snomed.info/sct|1");
    assert_int_equal(q_only(k)->child[0]->kind, FHIR_ASK_HAS);
    q_close(k);
}

static void a_composite_joins_its_parts(void **state)
{
    (void)state;
    struct qcase *k = q_open(
        "Observation", "component-code-value-quantity=http://loinc.org|8480-6$gt140");
    const struct fhir_ask *a = q_only(k);
    assert_int_equal(a->kind, FHIR_ASK_AND);
    assert_int_equal(a->child[0]->kind, FHIR_ASK_NUMBER);
    assert_int_equal(a->child[0]->prefix, FHIR_GT);
    q_close(k);
    a_refusal("Observation", "code-value-quantity=8480-6", AM_E_INVALID,
              "search.composite");
    a_refusal("Observation", "code-value-quantity=a$1$2", AM_E_INVALID,
              "search.composite");
}

static void not_and_missing_are_complements(void **state)
{
    (void)state;
    struct qcase *k = q_open("Patient", "gender:not=male,female");
    assert_int_equal(q_only(k)->kind, FHIR_ASK_NOT);
    assert_int_equal(q_only(k)->child[0]->n, 2);
    q_close(k);
    k = q_open("Patient", "birthdate:missing=true");
    assert_int_equal(q_only(k)->kind, FHIR_ASK_NOT);
    q_close(k);
}

static void an_unknown_parameter_is_refused_by_name(void **state)
{
    (void)state;
    struct fhir_query_config c = qx;
    struct qcase *k = q_open("Observation", "codee=1&status=final");
    assert_int_equal(k->err, AM_E_INVALID);
    assert_string_equal(k->diag.item[0].path, "codee");
    assert_string_equal(k->diag.item[0].code, "search.unknown");
    q_close(k);
    c.lenient = true;
    k = q_of(&c, "codee=1&status=final");
    assert_ok(k->err);
    assert_int_equal(k->q.n_kept, 1); /* link.self does not pretend */
    assert_str_equal(k->q.kept[0].name, "status");
    q_close(k);
    k = q_of(&c, "date=blah"); /* lenient of names, not of values */
    assert_int_equal(k->err, AM_E_INVALID);
    q_close(k);
}

static void what_is_wrong_has_its_own_name(void **state)
{
    (void)state;
    a_refusal("Observation", "code:exact=1", AM_E_INVALID, "search.modifier");
    a_refusal("Observation", "code:foo=1", AM_E_INVALID, "search.modifier");
    a_refusal("Observation", "date=2024-13", AM_E_INVALID, "search.date");
    a_refusal("Observation", "date=xx2024", AM_E_INVALID, "search.prefix");
    a_refusal("Observation", "value-quantity=zz1", AM_E_INVALID, "search.prefix");
    a_refusal("Observation", "value-quantity=5..4", AM_E_INVALID, "search.number");
    a_refusal("Observation", "value-quantity=5.4|mg", AM_E_INVALID, "search.quantity");
    a_refusal("Observation", "code=", AM_E_INVALID, "search.empty");
    a_refusal("Observation", "code=a,,b", AM_E_INVALID, "search.empty");
    a_refusal("Observation", "code=|", AM_E_INVALID, "search.empty");
    a_refusal("Observation", "subject=%23x", AM_E_INVALID, "search.reference");
    a_refusal("Observation", "_filter=code+eq+1", AM_E_INVALID, "search.refused");
    a_refusal("Location", "near=1|2", AM_E_INVALID, "search.refused");
    a_refusal("Observation", "_query=x", AM_E_INVALID, "search.refused");
    a_refusal("Observation", "subject.nothing=1", AM_E_INVALID, "search.unknown");
    a_refusal("Observation", "code.name=1", AM_E_INVALID, "search.unknown");
    a_refusal("Observation", "subject:Nothing.name=1", AM_E_INVALID, "search.type");
    a_refusal("Patient", "_has:Observation:code:status=final", AM_E_INVALID,
              "search.has");
    a_refusal("Medication", "_has:Observation:patient:status=final", AM_E_INVALID,
              "search.has");
    a_refusal("Patient", "_list:exact=l1", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_list=$current-problems", AM_E_INVALID, "search.refused");
    a_refusal("Patient", "_list=l1,$current-problems", AM_E_INVALID, "search.refused");
    a_refusal("Patient", "_id:text=a", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_id:in=a", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_id:above=a", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_id:of-type=a|b|c", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "phonetic:exact=Ali", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "phonetic:contains=Ali", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_text:exact=a", AM_E_INVALID, "search.modifier");
    a_refusal("Patient", "_content:contains=a", AM_E_INVALID, "search.modifier");
    a_refusal("Observation", "_sort=nothing", AM_E_INVALID, "search.sort");
    a_refusal("Observation", "_sort=code-value-quantity", AM_E_INVALID,
              "search.sort_composite");
    a_refusal("Observation", "_count=-1", AM_E_INVALID, "search.count");
    a_refusal("Observation", "_total=maybe", AM_E_INVALID, "search.value");
    a_refusal("Observation", "_include=Observation:code", AM_E_INVALID, "search.include");
    a_refusal("Observation", "_revinclude=Patient:organization", AM_E_INVALID,
              "search.include");
    a_refusal("Patient", "birthdate:missing=maybe", AM_E_INVALID, "search.boolean");
    a_refusal("Nothing", "a=b", AM_E_NOTFOUND, "search.type");
    a_refusal("Observation", "a=%4", AM_E_SYNTAX, "search.encoding");
    a_refusal("Observation", "a=%00", AM_E_SYNTAX, "search.encoding");
    a_refusal("Observation", "a=%ff", AM_E_SYNTAX, "search.encoding");
}

static void what_is_asked_is_bounded(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "code=a"));
    for (size_t i = 0; i < FHIR_QUERY_VALUES; i++)
        assert_ok(buf_adds(&b, ",a"));
    a_refusal("Observation", b.p, AM_E_TOOBIG, "search.toobig");
    buf_clear(&b);
    for (size_t i = 0; i <= FHIR_QUERY_PAIRS; i++)
        assert_ok(buf_adds(&b, "code=a&"));
    a_refusal("Observation", b.p, AM_E_TOOBIG, "search.toobig");
    buf_clear(&b);
    for (size_t i = 0; i <= FHIR_QUERY_DEPTH; i++)
        assert_ok(buf_adds(&b, "link:Patient."));
    assert_ok(buf_adds(&b, "name=a"));
    a_refusal("Patient", b.p, AM_E_TOOBIG, "search.toobig");
    buf_clear(&b); /* every type of every type of every type */
    a_refusal("List", "item.item.item.item._id=a", AM_E_TOOBIG, "search.toobig");
    buf_release(&b);
}

static void results_are_asked_for(void **state)
{
    (void)state;
    struct qcase *k = q_open(
        "Observation",
        "_sort=-date,code&_count=5000&_total=none&_summary=data&_elements=id,code"
        "&_include=Observation:patient:Patient&_include:iterate=Patient:organization"
        "&_revinclude=Provenance:target&_include=*&_page=9.1.2&_format=json");
    assert_ok(k->err);
    assert_int_equal(k->q.sorts, 2);
    assert_true(k->q.sort[0].down && !k->q.sort[1].down);
    assert_int_equal(k->q.count, FHIR_QUERY_COUNT);
    assert_int_equal(k->q.total, FHIR_TOTAL_NONE);
    assert_int_equal(k->q.summary, FHIR_SUMMARY_DATA);
    assert_int_equal(k->q.elements, 2);
    assert_int_equal(k->q.includes, 4);
    assert_true(k->q.include[1].iterate && k->q.include[2].reverse &&
                k->q.include[3].all);
    assert_str_equal(k->q.page, "9.1.2");
    assert_int_equal(k->q.n_kept, 10); /* all but _page */
    q_close(k);
}

static void a_compartment_is_an_or_of_its_references(void **state)
{
    (void)state;
    struct fhir_query_config c = qx;
    struct qcase *k;
    c.compartment = STR("Patient");
    c.compartment_id = STR("1");
    k = q_of(&c, "");
    assert_int_equal(q_only(k)->kind, FHIR_ASK_OR);
    assert_true(q_only(k)->child[0]->hash ==
                q_term("Observation", "subject", FHIR_TERM_REFERENCE, "Patient/1", ""));
    q_close(k);
    c.type = STR("Medication");
    k = q_of(&c, "");
    assert_int_equal(k->err, AM_E_INVALID);
    q_close(k);
}

/* Whatever letter did not fit: the row says that it may have been cut. */
static void a_text_that_was_cut_is_looked_at(void **state)
{
    static const char *const letter[] = {"b", "\xd8\xa8", "\xe0\xa4\x85",
                                         "\xf0\x90\x8c\xb0"};
    struct qcase *k = q_open("Patient", "family:contains=zz");
    const struct fhir_ask *a = q_only(k);
    (void)state;
    for (size_t i = 0; i < AM_LEN(letter); i++)
        for (int n = FHIR_ROW_TEXT_MAX - 8; n <= FHIR_ROW_TEXT_MAX; n++)
            for (int gap = 0; gap < 2; gap++) {
                char text[200];
                struct str row;
                bool whole;
                snprintf(text, sizeof text, "%.*s%s%szz", n,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                         gap ? " " : "", letter[i]);
                row = fhir_fold_row(&k->arena, str_c(text));
                whole = row.n == strlen(text);
                assert_int_equal(fhir_text_match(a, row),
                                 whole ? FHIR_TEXT_YES : FHIR_TEXT_LOOK);
            }
    q_close(k);
}

static void queries_survive_any_lack_of_memory(void **state)
{
    (void)state;
    int err = AM_E_NOMEM;
    for (long n = 1; err == AM_E_NOMEM && n < 1000; n++) {
        struct qcase *k;
        (void)am_oom_at(n);
        k = q_open("Observation",
                   "code=a%5C,,b|c&subject.name=x&date=ge2020&_sort=-date&_text=a+b");
        (void)am_oom_at(0);
        err = k->err == AM_E_INVALID && n > 1 ? AM_OK : k->err; /* the empty value */
        q_close(k);
    }
    assert_ok(err);
}

TEST_MAIN(TEST(each_form_of_a_token_is_a_term), TEST(each_form_of_a_reference_is_a_term),
          TEST(texts_are_folded_or_exact), TEST(prefixes_compare_intervals),
          TEST(ap_widens_with_the_distance_from_now), TEST(numbers_mean_their_precision),
          TEST(a_quantity_is_asked_in_any_unit), TEST(chains_and_has_are_joins),
          TEST(a_composite_joins_its_parts), TEST(not_and_missing_are_complements),
          TEST(an_unknown_parameter_is_refused_by_name),
          TEST(what_is_wrong_has_its_own_name), TEST(what_is_asked_is_bounded),
          TEST(results_are_asked_for), TEST(a_compartment_is_an_or_of_its_references),
          TEST(a_text_that_was_cut_is_looked_at),
          TEST(queries_survive_any_lack_of_memory))
