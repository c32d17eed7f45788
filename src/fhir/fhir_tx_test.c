/* SPDX-License-Identifier: Apache-2.0 */
/* Terminologies: HL7's own definitions, made-up RF2 and tables, hierarchies against a
 * walk, every refusal, and no memory. */
#include "fhir/fhir_test.h"
#include "fhir/term_op.h"

enum { MANY = 400 };

static struct fhir_tx *tx_new(void)
{
    struct fhir_tx *t = NULL;
    assert_ok(fhir_tx_new(&t, 512 << 20));
    return t;
}

static int tx_text(struct fhir_tx *t, const char *text, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    err = fhir_tx_add(t, json_root(doc), d);
    json_free(doc);
    return err;
}

static void tx_file(struct fhir_tx *t, const char *name)
{
    static const struct json_limits limits = {.size_b = 256 << 20, .values = 40000000};
    struct json_doc *doc = NULL;
    struct buf text;
    struct diag d;
    test_unpack(test_path(name), &text);
    diag_init(&d);
    assert_ok(json_parse(&doc, buf_str(&text), &limits, NULL));
    if (fhir_tx_add(t, json_root(doc), &d))
        fail_msg("%s: %s %s", name, d.n ? d.item[0].path : "",
                 d.n ? d.item[0].detail : "");
    json_free(doc);
    diag_release(&d);
    buf_release(&text);
}

static const char animals[] =
    "{\"resourceType\":\"CodeSystem\",\"url\":\"urn:a\",\"version\":\"1\",\"content\":"
    "\"complete\",\"caseSensitive\":true,\"valueSet\":\"urn:a-all\",\"concept\":["
    "{\"code\":\"animal\",\"display\":\"Animal\",\"property\":[{\"code\":"
    "\"notSelectable\","
    "\"valueBoolean\":true}],\"concept\":["
    "{\"code\":\"bird\",\"display\":\"Bird\",\"designation\":[{\"language\":\"fr\","
    "\"value\":"
    "\"Oiseau\"},{\"language\":\"ar\",\"value\":\"طائر\"}],\"concept\":[{\"code\":"
    "\"duck\",\"display\":\"Duck\",\"property\":[{\"code\":\"legs\",\"valueInteger\":2}]}"
    "]},"
    "{\"code\":\"swimmer\",\"display\":\"Swimmer\",\"property\":[{\"code\":\"child\","
    "\"valueCode\":\"duck\"}],\"concept\":[{\"code\":\"fish\",\"display\":\"Fish\","
    "\"property\":[{\"code\":\"status\",\"valueCode\":\"retired\"}]}]}]}]}";
static const char sets[] =
    "{\"resourceType\":\"Bundle\",\"entry\":["
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:swim\",\"compose\":{"
    "\"include\":[{\"system\":\"urn:a\",\"filter\":[{\"property\":\"concept\",\"op\":"
    "\"is-a\",\"value\":\"swimmer\"}]}],\"exclude\":[{\"system\":\"urn:a\",\"concept\":[{"
    "\"code\":\"fish\"}]}]}}},"
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:both\",\"compose\":{"
    "\"include\":[{\"valueSet\":[\"urn:swim\",\"urn:below-bird\"]}]}}},"
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:below-bird\",\"compose\":"
    "{"
    "\"include\":[{\"system\":\"urn:a\",\"filter\":[{\"property\":\"concept\",\"op\":"
    "\"descendent-of\",\"value\":\"bird\"}]}]}}},"
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:legs\",\"compose\":{"
    "\"include\":[{\"system\":\"urn:a\",\"filter\":[{\"property\":\"legs\",\"op\":\"=\","
    "\"value\":\"2\"}]},{\"system\":\"urn:a\",\"filter\":[{\"property\":\"code\",\"op\":"
    "\"regex\",\"value\":\"f.*\"}]}]}}},"
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:lost\",\"compose\":{"
    "\"include\":[{\"system\":\"urn:none\"}]}}},"
    "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:odd\",\"compose\":{"
    "\"include\":[{\"system\":\"urn:a\",\"filter\":[{\"property\":\"code\",\"op\":"
    "\"resembles\",\"value\":\"x\"}]}]}}},"
    "{\"resource\":{\"resourceType\":\"ConceptMap\",\"url\":\"urn:m\",\"group\":[{"
    "\"source\":\"urn:a\",\"target\":\"urn:b\",\"element\":[{\"code\":\"duck\","
    "\"target\":[{"
    "\"code\":\"D\",\"equivalence\":\"equivalent\"},{\"code\":\"W\",\"equivalence\":"
    "\"wider\"}]}],\"unmapped\":{\"mode\":\"fixed\",\"code\":\"Z\"}}]}}]}";

static struct fhir_tx *tx_animals(void)
{
    struct fhir_tx *t = tx_new();
    assert_ok(tx_text(t, animals, NULL));
    assert_ok(tx_text(t, sets, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    return t;
}

/* "a b c": codes of an expansion, in order. */
static const char *tx_codes(const struct fhir_tx *t, const char *set,
                            const struct fhir_tx_page *page, size_t *total)
{
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    static char text[4096];
    struct fhir_tx_expansion e;
    const struct fhir_tx_set *s = fhir_tx_set(t, str_c(set));
    size_t n = 0;
    assert_non_null(s);
    assert_ok(fhir_tx_expand(t, s, page ? page : &all, &e, NULL));
    *text = 0;
    for (size_t i = 0; i < e.n && n + 80 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? " " : "",
                              STR_FMT(e.v[i].code));
    if (total)
        *total = e.total;
    free(e.v);
    return text;
}

static bool tx_in(const struct fhir_tx *t, const char *set, const char *code)
{
    bool in;
    assert_ok(fhir_tx_member(t, fhir_tx_set(t, str_c(set)), STR("urn:a"), str_c(code),
                             &in, NULL));
    return in;
}

static void a_set_has_what_its_rules_say(void **state)
{
    struct fhir_tx *t = tx_animals();
    struct fhir_tx_page page = {.count = SIZE_MAX, .active_only = true};
    size_t total;
    (void)state;
    assert_string_equal(tx_codes(t, "urn:swim", NULL, NULL), "duck swimmer");
    assert_string_equal(tx_codes(t, "urn:below-bird", NULL, NULL), "duck");
    assert_string_equal(tx_codes(t, "urn:both", NULL, NULL), "duck");
    assert_string_equal(tx_codes(t, "urn:legs", NULL, NULL), "duck fish");
    assert_string_equal(tx_codes(t, "urn:a-all", NULL, NULL),
                        "animal bird duck swimmer fish");
    assert_string_equal(tx_codes(t, "urn:a-all", &page, NULL),
                        "animal bird duck swimmer");
    page = (struct fhir_tx_page){.count = 2, .offset = 1};
    assert_string_equal(tx_codes(t, "urn:a-all", &page, &total), "bird duck");
    assert_int_equal(total, 5);
    page = (struct fhir_tx_page){.count = SIZE_MAX, .filter = STR("OISEAU")};
    assert_string_equal(tx_codes(t, "urn:a-all", &page, NULL), "bird");
    assert_true(tx_in(t, "urn:swim", "duck"));
    assert_false(tx_in(t, "urn:swim", "fish"));
    assert_false(tx_in(t, "urn:swim", "bird"));
    assert_true(tx_in(t, "urn:both", "duck"));
    assert_false(tx_in(t, "urn:both", "swimmer"));
    fhir_tx_free(t);
}

static void what_is_not_loaded_is_never_a_no(void **state)
{
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    struct fhir_tx *t = tx_animals();
    struct fhir_tx_expansion e;
    struct diag d;
    bool in;
    (void)state;
    diag_init(&d);
    assert_int_equal(fhir_tx_member(t, fhir_tx_set(t, STR("urn:lost")), STR("urn:none"),
                                    STR("x"), &in, &d),
                     AM_E_NOTFOUND);
    assert_string_equal(d.item[0].code, "term.system");
    assert_int_equal(fhir_tx_expand(t, fhir_tx_set(t, STR("urn:lost")), &all, &e, &d),
                     AM_E_NOTFOUND);
    assert_int_equal(fhir_tx_expand(t, fhir_tx_set(t, STR("urn:odd")), &all, &e, &d),
                     AM_E_UNSUPPORTED);
    assert_string_equal(d.item[d.n - 1].code, "term.filter");
    assert_null(fhir_tx_set(t, STR("urn:nothing")));
    diag_release(&d);
    fhir_tx_free(t);
}

static int tx_ask(const struct fhir_tx *t, const char *set, const char *system,
                  const char *code, bool *in)
{
    const struct fhir_tx_set *s = fhir_tx_set(t, str_c(set));
    assert_non_null(s);
    return fhir_tx_member(t, s, str_c(system), str_c(code), in, NULL);
}

/* A fragment of a system, an expansion cut short, a set that says nothing. */
static void a_part_is_never_a_no(void **state)
{
    static const char text[] =
        "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":"
        "\"CodeSystem\",\"url\":\"urn:f\",\"content\":\"fragment\",\"valueSet\":"
        "\"urn:f-all\",\"concept\":[{\"code\":\"x\"}]}},{\"resource\":{"
        "\"resourceType\":\"ValueSet\",\"url\":\"urn:cut\",\"expansion\":{\"total\":9,"
        "\"contains\":[{\"system\":\"urn:f\",\"code\":\"x\"}]}}},{\"resource\":{"
        "\"resourceType\":\"ValueSet\",\"url\":\"urn:whole\",\"expansion\":{\"total\":1,"
        "\"contains\":[{\"system\":\"urn:f\",\"code\":\"x\"}]}}},{\"resource\":{"
        "\"resourceType\":\"ValueSet\",\"url\":\"urn:silent\"}}]}";
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    struct fhir_tx *t = tx_new();
    struct fhir_tx_expansion e;
    bool in;
    (void)state;
    assert_ok(tx_text(t, text, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_ok(tx_ask(t, "urn:f-all", "urn:f", "x", &in));
    assert_true(in);
    assert_int_equal(tx_ask(t, "urn:f-all", "urn:f", "y", &in), AM_E_NOTFOUND);
    assert_ok(tx_ask(t, "urn:cut", "urn:f", "x", &in));
    assert_true(in);
    assert_int_equal(tx_ask(t, "urn:cut", "urn:f", "y", &in), AM_E_NOTFOUND);
    assert_ok(tx_ask(t, "urn:whole", "urn:f", "y", &in));
    assert_false(in);
    assert_int_equal(tx_ask(t, "urn:silent", "urn:f", "x", &in), AM_E_NOTFOUND);
    assert_int_equal(fhir_tx_expand(t, fhir_tx_set(t, STR("urn:cut")), &all, &e, NULL),
                     AM_E_NOTFOUND);
    fhir_tx_free(t);
}

static int tx_note(void *arg, const struct fhir_tx_match *m)
{
    snprintf((char *)arg + strlen(arg), 100, "%.*s=%.*s ", STR_FMT(m->equivalence),
             STR_FMT(m->code));
    return AM_OK;
}

/* What one's own terminologies have comes before the base; what they lack is there. */
static void one_lies_over_another(void **state)
{
    struct fhir_tx *base = tx_animals(), *t = tx_new();
    struct fhir_tx_counts n;
    char said[400] = "";
    bool in;
    (void)state;
    fhir_tx_over(t, base);
    assert_ok(tx_text(t,
                      "{\"resourceType\":\"ValueSet\",\"url\":\"urn:mine\",\"compose\":{"
                      "\"include\":[{\"valueSet\":[\"urn:swim\"]}]}}",
                      NULL));
    assert_ok(tx_text(t,
                      "{\"resourceType\":\"ValueSet\",\"url\":\"urn:swim\",\"compose\":{"
                      "\"include\":[{\"system\":\"urn:a\",\"concept\":[{\"code\":"
                      "\"bird\"}]}]}}",
                      NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_ok(tx_ask(t, "urn:mine", "urn:a", "bird", &in));
    assert_true(in);
    assert_ok(tx_ask(t, "urn:mine", "urn:a", "duck", &in));
    assert_false(in);
    assert_ok(tx_ask(t, "urn:both", "urn:a", "duck", &in)); /* its part is ours now */
    assert_false(in);
    assert_string_equal(tx_codes(t, "urn:mine", NULL, NULL), "bird");
    assert_string_equal(tx_codes(base, "urn:swim", NULL, NULL), "duck swimmer");
    assert_non_null(fhir_tx_system(t, STR("urn:a"), STR("1")));
    assert_ok(fhir_tx_translate(
        t, &(struct fhir_tx_ask){.system = STR("urn:a"), .code = STR("duck")}, tx_note,
        said));
    assert_string_equal(said, "equivalent=D wider=W ");
    fhir_tx_count(t, &n);
    assert_int_equal(n.sets, 2);
    assert_int_equal(n.systems, 0);
    fhir_tx_free(t);
    fhir_tx_free(base);
}

/* Fifteen sets, each of three times the next: five million ways down. */
static void sets_in_sets_are_bounded(void **state)
{
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    struct fhir_tx *t = tx_new();
    struct fhir_tx_expansion e;
    bool in;
    (void)state;
    for (int i = 0; i < 14; i++) {
        char text[700];
        snprintf(text, sizeof text,
                 "{\"resourceType\":\"ValueSet\",\"url\":\"urn:%d\",\"compose\":{"
                 "\"include\":[{\"valueSet\":[\"urn:%d\"]},{\"valueSet\":[\"urn:%d\"]},"
                 "{\"valueSet\":[\"urn:%d\"]}]}}",
                 i, i + 1, i + 1, i + 1);
        assert_ok(tx_text(t, text, NULL));
    }
    assert_ok(tx_text(t,
                      "{\"resourceType\":\"ValueSet\",\"url\":\"urn:14\",\"compose\":{"
                      "\"include\":[{\"system\":\"urn:a\",\"concept\":[{\"code\":\"x\"}]"
                      "}]}}",
                      NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_ok(tx_ask(t, "urn:0", "urn:a", "x", &in)); /* found at once */
    assert_true(in);
    assert_int_equal(tx_ask(t, "urn:0", "urn:a", "y", &in), AM_E_TOOBIG);
    assert_ok(tx_ask(t, "urn:7", "urn:a", "y", &in));
    assert_false(in);
    assert_ok(fhir_tx_expand(t, fhir_tx_set(t, STR("urn:7")), &all, &e, NULL));
    assert_int_equal(e.total, 1);
    free(e.v);
    assert_ok(tx_text(t,
                      "{\"resourceType\":\"ValueSet\",\"url\":\"urn:self\",\"compose\":{"
                      "\"include\":[{\"valueSet\":[\"urn:self\"]}]}}",
                      NULL));
    assert_int_equal(tx_ask(t, "urn:self", "urn:a", "x", &in), AM_E_TOOBIG);
    assert_int_equal(fhir_tx_expand(t, fhir_tx_set(t, STR("urn:self")), &all, &e, NULL),
                     AM_E_TOOBIG);
    fhir_tx_free(t);
}

static void units_are_known_by_their_grammar(void **state)
{
    struct fhir_tx *t = tx_new();
    bool in;
    (void)state;
    assert_ok(tx_text(t,
                      "{\"resourceType\":\"ValueSet\",\"url\":\"urn:u\",\"compose\":{"
                      "\"include\":[{\"system\":\"http://unitsofmeasure.org\"}]}}",
                      NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_ok(tx_ask(t, "urn:u", "http://unitsofmeasure.org", "mmol/L", &in));
    assert_true(in);
    assert_ok(tx_ask(t, "urn:u", "http://unitsofmeasure.org", "mmole per litre", &in));
    assert_false(in);
    fhir_tx_free(t);
}

static void words_come_in_the_language_asked_for(void **state)
{
    struct fhir_tx *t = tx_animals();
    const struct fhir_tx_system *s = fhir_tx_system(t, STR("urn:a"), STR(""));
    uint32_t bird = fhir_tx_find(s, STR("bird"));
    (void)state;
    assert_true(str_eqc(fhir_tx_display(s, bird, STR("fr-MA")), "Oiseau"));
    assert_true(str_eqc(fhir_tx_display(s, bird, STR("ar")), "طائر"));
    assert_true(str_eqc(fhir_tx_display(s, bird, STR("de")), "Bird"));
    assert_true(str_eqc(fhir_tx_display(s, bird, STR("")), "Bird"));
    assert_int_equal(fhir_tx_find(s, STR("Bird")), FHIR_TX_NONE); /* case counts */
    fhir_tx_free(t);
}

/* ---- maps ---- */
static void a_map_goes_both_ways(void **state)
{
    struct fhir_tx *t = tx_animals();
    char said[400] = "";
    (void)state;
    assert_ok(fhir_tx_translate(
        t, &(struct fhir_tx_ask){.system = STR("urn:a"), .code = STR("duck")}, tx_note,
        said));
    assert_string_equal(said, "equivalent=D wider=W ");
    *said = 0;
    assert_ok(fhir_tx_translate(t,
                                &(struct fhir_tx_ask){.map = STR("urn:m"),
                                                      .system = STR("urn:b"),
                                                      .code = STR("W"),
                                                      .reverse = true},
                                tx_note, said));
    assert_string_equal(said, "wider=duck ");
    *said = 0;
    assert_ok(fhir_tx_translate(
        t, &(struct fhir_tx_ask){.system = STR("urn:a"), .code = STR("fish")}, tx_note,
        said));
    assert_string_equal(said, "inexact=Z ");
    assert_int_equal(
        fhir_tx_translate(t, &(struct fhir_tx_ask){.map = STR("urn:q")}, tx_note, said),
        AM_E_NOTFOUND);
    fhir_tx_free(t);
}

/* Each group says what stands for the codes it has not; what depends on something else
 * than the code is not given as if it did not. */
static void a_map_answers_group_by_group(void **state)
{
    static const char text[] =
        "{\"resourceType\":\"ConceptMap\",\"url\":\"urn:n\",\"group\":[{"
        "\"source\":\"urn:a\",\"target\":\"urn:b\",\"element\":[{\"code\":\"duck\","
        "\"target\":[{\"code\":\"D\",\"equivalence\":\"equal\"}]}]},{"
        "\"source\":\"urn:a\",\"target\":\"urn:c\",\"element\":[{\"code\":\"fish\","
        "\"target\":[{\"code\":\"F\",\"equivalence\":\"equal\",\"dependsOn\":[{"
        "\"property\":\"urn:p\",\"value\":\"1\"}]}]}],\"unmapped\":{\"mode\":"
        "\"provided\"}}]}";
    struct fhir_tx *t = tx_new();
    char said[400] = "";
    (void)state;
    assert_ok(tx_text(t, text, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    assert_ok(fhir_tx_translate(
        t, &(struct fhir_tx_ask){.system = STR("urn:a"), .code = STR("duck")}, tx_note,
        said));
    assert_string_equal(said, "equal=D equal=duck ");
    *said = 0;
    assert_int_equal(fhir_tx_translate(t,
                                       &(struct fhir_tx_ask){.system = STR("urn:a"),
                                                             .code = STR("fish")},
                                       tx_note, said),
                     AM_E_UNSUPPORTED);
    assert_string_equal(said, "");
    fhir_tx_free(t);
}

/* ---- hierarchies, against a walk ---- */
static bool tx_walk(const struct fhir_tx_system *s, uint32_t a, uint32_t d)
{
    size_t n;
    const uint32_t *up = fhir_tx_parents(s, d, &n);
    if (a == d)
        return true;
    for (size_t i = 0; i < n; i++)
        if (tx_walk(s, a, up[i]))
            return true;
    return false;
}

static uint64_t tx_seed = 7;
static uint32_t tx_draw(uint32_t n)
{
    tx_seed = tx_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(tx_seed >> 33) % n;
}

/* RF2 of MANY concepts, each under one to three earlier ones. */
static struct fhir_tx *tx_rf2(void)
{
    struct buf c, w, r;
    struct fhir_tx *t = tx_new();
    buf_init(&c, 1 << 20);
    buf_init(&w, 1 << 20);
    buf_init(&r, 1 << 20);
    assert_ok(
        buf_adds(&c, "id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\r\n"));
    assert_ok(buf_adds(&w,
                       "id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\t"
                       "typeId\tterm\tcaseSignificanceId\r\n"));
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ok(buf_addf(&c, "%u\t20260101\t%d\t1\t2\r\n", 1000 + i, i != 7));
        assert_ok(buf_addf(
            &w, "%u\t20260101\t1\t1\t%u\ten\t900000000000003001\tThing %u (x)\t3\r\n",
            5000 + 3 * i, 1000 + i, i));
        assert_ok(buf_addf(
            &w, "%u\t20260101\t1\t1\t%u\ten\t900000000000013009\tThing %u\t3\r\n",
            5001 + 3 * i, 1000 + i, i));
        assert_ok(buf_addf(
            &w, "%u\t20260101\t1\t1\t%u\tfr\t900000000000013009\tChose %u\t3\r\n",
            5002 + 3 * i, 1000 + i, i));
        for (uint32_t k = 0; i && k <= tx_draw(3); k++)
            assert_ok(buf_addf(&r, "%u\t20260101\t1\t1\t%u\t%u\t0\t116680003\t4\t5\r\n",
                               9000 + 10 * i + k, 1000 + i, 1000 + tx_draw(i)));
        assert_ok(buf_addf(&r, "%u\t20260101\t1\t1\t%u\t%u\t0\t363698007\t4\t5\r\n",
                           30000 + i, 1000 + i, 1000 + tx_draw(MANY)));
    }
    assert_ok(fhir_tx_add_rf2(t,
                              &(struct fhir_tx_rf2){.concept = buf_str(&c),
                                                    .description = buf_str(&w),
                                                    .relationship = buf_str(&r),
                                                    .version = STR("v1")},
                              NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    buf_release(&c);
    buf_release(&w);
    buf_release(&r);
    return t;
}

static void under_is_what_a_walk_finds(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct fhir_tx *t = tx_rf2();
        const struct fhir_tx_system *s =
            fhir_tx_system(t, STR("http://snomed.info/sct"), STR(""));
        for (uint32_t a = 0; a < MANY; a += 3)
            for (uint32_t d = 0; d < MANY; d++)
                if (fhir_tx_subsumes(s, a, d) != tx_walk(s, a, d))
                    fail_msg("%u over %u, round %d", a, d, round);
        for (uint32_t a = 0; a < MANY; a += 40)
            for (int up = 0; up < 2; up++) {
                uint32_t *v;
                size_t n, k = 0;
                assert_ok(fhir_tx_related(s, a, up, &v, &n));
                for (uint32_t d = 0; d < MANY; d++)
                    if (up ? tx_walk(s, d, a) : tx_walk(s, a, d))
                        assert_true(k < n && v[k++] == d);
                assert_int_equal(k, n);
                free(v);
            }
        fhir_tx_free(t);
    }
}

static void snomed_is_read_from_rf2(void **state)
{
    struct fhir_tx *t = tx_rf2();
    const struct fhir_tx_system *s =
        fhir_tx_system(t, STR("http://snomed.info/sct"), STR("v1"));
    struct fhir_tx_page page = {.count = 10};
    size_t total, n;
    uint32_t c = fhir_tx_find(s, STR("1012"));
    (void)state;
    assert_true(str_eqc(fhir_tx_concept(s, c)->display, "Thing 12"));
    assert_true(str_eqc(fhir_tx_display(s, c, STR("fr")), "Chose 12"));
    assert_int_equal(fhir_tx_concept(s, fhir_tx_find(s, STR("1007")))->flags,
                     FHIR_TX_INACTIVE);
    assert_non_null(fhir_tx_properties(s, c, &n));
    assert_int_equal(n, 2); /* the module, and one relationship */
    tx_codes(t, "http://snomed.info/sct?fhir_vs", &page, &total);
    assert_int_equal(total, MANY);
    fhir_tx_free(t);
}

/* ---- tables ---- */
static void tables_are_read_by_their_columns(void **state)
{
    static const char atc[] = "code,name\nA,Alimentary\nA10,Diabetes\nA10B,Oral\n"
                              "A10BA02,metformin\nC,Heart\n";
    static const char loinc[] = "LOINC_NUM,COMPONENT,STATUS,LONG_COMMON_NAME\n\"4548-4\","
                                "HbA1c,ACTIVE,\"Hemoglobin "
                                "A1c, in Blood\"\n1-8,Old,DEPRECATED,Old one\n";
    struct fhir_tx *t = tx_new();
    const struct fhir_tx_system *s;
    (void)state;
    assert_ok(fhir_tx_add_table(t, str_c(atc), &fhir_tx_atc, NULL));
    assert_ok(fhir_tx_add_table(t, str_c(loinc), &fhir_tx_loinc, NULL));
    assert_ok(fhir_tx_ready(t, NULL));
    s = fhir_tx_system(t, STR("http://www.whocc.no/atc"), STR(""));
    assert_true(
        fhir_tx_subsumes(s, fhir_tx_find(s, STR("A")), fhir_tx_find(s, STR("A10BA02"))));
    assert_false(
        fhir_tx_subsumes(s, fhir_tx_find(s, STR("C")), fhir_tx_find(s, STR("A10BA02"))));
    s = fhir_tx_system(t, STR("http://loinc.org"), STR(""));
    assert_true(str_eqc(fhir_tx_concept(s, 0)->display, "Hemoglobin A1c, in Blood"));
    assert_int_equal(fhir_tx_concept(s, 1)->flags, FHIR_TX_INACTIVE);
    fhir_tx_free(t);
}

/* ---- refusals ---- */
static void refused(const char *text, const char *code)
{
    struct fhir_tx *t = tx_new();
    struct diag d;
    int err;
    diag_init(&d);
    err = tx_text(t, text, &d);
    if (!err)
        err = fhir_tx_ready(t, &d);
    assert_int_equal(err, AM_E_INVALID);
    assert_string_equal(d.item[0].code, code);
    diag_release(&d);
    fhir_tx_free(t);
}

#define CS(concepts)                                                                     \
    "{\"resourceType\":\"CodeSystem\",\"url\":\"urn:x\",\"content\":\"complete\","       \
    "\"concept\":[" concepts "]}"
#define UP(code, parent)                                                                 \
    "{\"code\":\"" code "\",\"property\":[{\"code\":\"parent\",\"valueCode\":\"" parent  \
    "\"}]}"

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    refused("{\"resourceType\":\"Patient\"}", "term.type");
    refused("{\"resourceType\":\"ValueSet\"}", "term.url");
    refused("{\"resourceType\":\"ConceptMap\"}", "term.url");
    refused(CS("{\"code\":\"a\"},{\"code\":\"a\"}"), "term.twice");
    refused(CS("{\"display\":\"a\"}"), "term.no_code");
    refused(
        "{\"resourceType\":\"ValueSet\",\"url\":\"u\",\"compose\":{\"include\":[{}]}}",
        "term.include");
    refused(CS(UP("a", "b")), "term.parent");
    refused(CS(UP("a", "b") "," UP("b", "a")), "term.cycle");
    refused(
        "{\"resourceType\":\"ValueSet\",\"url\":\"u\",\"compose\":{\"include\":[{"
        "\"system\":"
        "\"s\",\"filter\":[{\"property\":\"code\",\"op\":\"regex\",\"value\":\"(\"}]}]}}",
        "term.regex");
}

static void the_same_twice_is_refused(void **state)
{
    struct fhir_tx *t = tx_animals();
    (void)state;
    assert_int_equal(tx_text(t, animals, NULL), AM_E_EXISTS);
    fhir_tx_free(t);
}

static void no_memory_at_any_step_is_told(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct fhir_tx *t = NULL;
        struct json_doc *a = NULL, *b = NULL;
        struct fhir_tx_expansion e = {.v = NULL};
        static const struct fhir_tx_page all = {.count = SIZE_MAX};
        int err;
        bool failed;
        assert_ok(json_parse(&a, str_c(animals), NULL, NULL));
        assert_ok(json_parse(&b, str_c(sets), NULL, NULL));
        am_oom_at(n);
        err = fhir_tx_new(&t, 1 << 20);
        if (!err)
            err = fhir_tx_add(t, json_root(a), NULL);
        if (!err)
            err = fhir_tx_add(t, json_root(b), NULL);
        if (!err)
            err = fhir_tx_ready(t, NULL);
        if (!err)
            err = fhir_tx_expand(t, fhir_tx_set(t, STR("urn:legs")), &all, &e, NULL);
        failed = am_oom_at(0);
        free(e.v);
        fhir_tx_free(t);
        json_free(a);
        json_free(b);
        if (!failed) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

/* ---- operations ---- */
static int tx_operate(const struct fhir_tx *t, enum fhir_tx_op op, const char *parameter,
                      char out[4096], struct diag *d)
{
    char text[2048];
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    int err;
    snprintf(text, sizeof text, "{\"resourceType\":\"Parameters\",\"parameter\":[%s]}",
             parameter);
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    buf_init(&b, 4095);
    jw_init(&w, &b);
    err = fhir_tx_operate(t, op, json_root(doc), NULL, &w, d);
    if (!err)
        assert_ok(jw_done(&w));
    snprintf(out, 4096, "%s", b.p);
    buf_release(&b);
    json_free(doc);
    return err;
}

#define P(name, kind, value) "{\"name\":\"" name "\",\"value" kind "\":" value "}"
#define CODE(c)              P("system", "Uri", "\"urn:a\"") "," P("code", "Code", "\"" c "\"")
#define ANSWER(text)         "{\"resourceType\":\"Parameters\",\"parameter\":[" text "]}"

static void operations_answer_as_the_specification_writes(void **state)
{
    struct fhir_tx *t = tx_animals();
    char out[4096];
    (void)state;
    assert_ok(tx_operate(t, FHIR_TX_LOOKUP,
                         CODE("duck") "," P("property", "Code", "\"parent\""), out,
                         NULL));
    assert_string_equal(
        out,
        ANSWER(P("name", "String", "\"urn:a\"") "," P("version", "String", "\"1\"") "," P("display", "String", "\"Duck\"") ",{\"name\":\"property\",\"part\":[" P(
            "code", "Code",
            "\"parent\"") "," P("value", "Code",
                                "\"bird\"") "]},"
                                            "{\"name\":\"property\",\"part\":[" P(
                                                "code", "Code",
                                                "\"parent\"") "," P("value", "Code",
                                                                    "\"swimmer\"") "]}"));
    assert_ok(tx_operate(
        t, FHIR_TX_VALIDATE_CODE,
        P("url", "Uri", "\"urn:a\"") "," P("code", "Code", "\"bird\"") "," P(
            "display", "String", "\"oiseau\"") "," P("displayLanguage", "Code", "\"fr\""),
        out, NULL));
    assert_string_equal(out, ANSWER(P("result", "Boolean",
                                      "true") "," P("display", "String", "\"Oiseau\"")));
    assert_ok(
        tx_operate(t, FHIR_TX_VALIDATE_CODE,
                   P("url", "Uri", "\"urn:a\"") "," P("code", "Code", "\"bird\"") "," P(
                       "display", "String", "\"Fish\""),
                   out, NULL));
    assert_non_null(strstr(out, P("result", "Boolean", "false")));
    assert_ok(tx_operate(t, FHIR_TX_VALIDATE_SET,
                         P("url", "Uri", "\"urn:swim\"") "," CODE("bird"), out, NULL));
    assert_non_null(strstr(out, P("result", "Boolean", "false")));
    assert_ok(tx_operate(
        t, FHIR_TX_VALIDATE_SET,
        P("url", "Uri",
          "\"urn:swim\"") ",{\"name\":\"codeableConcept\","
                          "\"valueCodeableConcept\":{\"coding\":[{\"system\":\"urn:a\","
                          "\"code\":"
                          "\"bird\"},{\"system\":\"urn:a\",\"code\":\"duck\"}]}}",
        out, NULL));
    assert_string_equal(out, ANSWER(P("result", "Boolean",
                                      "true") "," P("display", "String", "\"Duck\"")));
    assert_ok(tx_operate(t, FHIR_TX_EXPAND,
                         P("url", "Uri", "\"urn:a-all\"") "," P(
                             "count", "Integer", "1") "," P("offset", "Integer", "4"),
                         out, NULL));
    assert_non_null(strstr(
        out, "\"total\":5,\"offset\":4,\"parameter\":[" P("count", "Integer", "1") "," P(
                 "offset", "Integer",
                 "4") "],\"contains\":[{\"system\":"
                      "\"urn:a\",\"inactive\":true,\"version\":\"1\",\"code\":"
                      "\"fish\",\"display\":\"Fish\"}]"));
    assert_ok(
        tx_operate(t, FHIR_TX_SUBSUMES,
                   P("system", "Uri", "\"urn:a\"") "," P(
                       "codeA", "Code", "\"bird\"") "," P("codeB", "Code", "\"duck\""),
                   out, NULL));
    assert_string_equal(out, ANSWER(P("outcome", "Code", "\"subsumes\"")));
    assert_ok(
        tx_operate(t, FHIR_TX_SUBSUMES,
                   P("system", "Uri", "\"urn:a\"") "," P(
                       "codeA", "Code", "\"duck\"") "," P("codeB", "Code", "\"swimmer\""),
                   out, NULL));
    assert_string_equal(out, ANSWER(P("outcome", "Code", "\"subsumed-by\"")));
    assert_ok(tx_operate(t, FHIR_TX_TRANSLATE, CODE("fish"), out, NULL));
    assert_non_null(strstr(out, P("result", "Boolean", "true")));
    assert_non_null(strstr(out, "\"code\":\"Z\""));
    fhir_tx_free(t);
}

static void operations_asked_wrong_say_so(void **state)
{
    static const struct {
        enum fhir_tx_op op;
        const char *in, *code;
        int err;
    } bad[] = {
        {FHIR_TX_LOOKUP, "", "term.parameter", AM_E_INVALID},
        {FHIR_TX_LOOKUP, CODE("duck") "," P("date", "DateTime", "\"2020\""),
         "term.unread", AM_E_INVALID},
        {FHIR_TX_LOOKUP, CODE("duck") "," P("code", "Code", "\"fish\""), "term.parameter",
         AM_E_INVALID},
        {FHIR_TX_EXPAND,
         P("url", "Uri", "\"urn:swim\"") "," P("count", "String", "\"1\""),
         "term.parameter", AM_E_INVALID},
        {FHIR_TX_LOOKUP, CODE("cat"), "term.code", AM_E_NOTFOUND},
        {FHIR_TX_LOOKUP, P("system", "Uri", "\"urn:z\"") "," P("code", "Code", "\"a\""),
         "term.system", AM_E_NOTFOUND},
        {FHIR_TX_VALIDATE_SET, CODE("bird"), "term.parameter", AM_E_INVALID},
        {FHIR_TX_VALIDATE_SET, P("url", "Uri", "\"urn:q\"") "," CODE("bird"), "term.set",
         AM_E_NOTFOUND},
        {FHIR_TX_EXPAND, P("url", "Uri", "\"urn:swim\"") "," P("count", "Integer", "-1"),
         "term.parameter", AM_E_INVALID},
        {FHIR_TX_EXPAND, P("url", "Uri", "\"urn:swim\"") ",{\"name\":\"valueSet\"}",
         "term.parameter", AM_E_INVALID},
        {FHIR_TX_SUBSUMES, P("codeA", "Code", "\"bird\""), "term.parameter",
         AM_E_INVALID},
        {FHIR_TX_TRANSLATE, P("url", "Uri", "\"urn:q\"") "," CODE("duck"), "term.map",
         AM_E_NOTFOUND},
    };
    struct fhir_tx *t = tx_animals();
    char out[4096];
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct diag d;
        diag_init(&d);
        assert_int_equal(tx_operate(t, bad[i].op, bad[i].in, out, &d), bad[i].err);
        assert_string_equal(d.item[0].code, bad[i].code);
        diag_release(&d);
    }
    fhir_tx_free(t);
}

/* ---- HL7's own ---- */
static void the_definitions_expand_to_what_they_say(void **state)
{
    struct fhir_tx *t = tx_new();
    size_t total;
    (void)state;
    tx_file(t, "fhir-r4-definitions/v3-codesystems.json.gz");
    tx_file(t, "fhir-r4-definitions/valuesets.json.gz");
    assert_ok(fhir_tx_ready(t, NULL));
    assert_string_equal(
        tx_codes(t, "http://hl7.org/fhir/ValueSet/administrative-gender", NULL, NULL),
        "male female other unknown");
    assert_string_equal(
        tx_codes(t, "http://hl7.org/fhir/ValueSet/observation-status", NULL, NULL),
        "registered preliminary final amended corrected cancelled "
        "entered-in-error unknown");
    tx_codes(t, "http://hl7.org/fhir/ValueSet/resource-types", NULL, &total);
    assert_int_equal(total, 148);
    fhir_tx_free(t);
}

/* All sets that can be expanded here (others want LOINC, SNOMED and the like): as many,
 * with as many codes, as a program of sixty lines of Python finds that walks the same
 * files with sets of codes; 784 by it, and one that has a filter "=" and no code. */
static void all_definitions_expand_as_an_independent_program_finds(void **state)
{
    static const struct json_limits limits = {.size_b = 256 << 20, .values = 40000000};
    static const struct fhir_tx_page all = {.count = SIZE_MAX};
    static const char file[] = "fhir-r4-definitions/valuesets.json.gz";
    static const char v3[] = "fhir-r4-definitions/v3-codesystems.json.gz";
    struct fhir_tx *t = tx_new();
    size_t expanded = 0, codes = 0, members = 0;
    (void)state;
    tx_file(t, v3);
    tx_file(t, file);
    assert_ok(fhir_tx_ready(t, NULL));
    for (int k = 0; k < 2; k++) {
        struct json_doc *doc = NULL;
        struct buf text;
        test_unpack(test_path(k ? file : v3), &text);
        assert_ok(json_parse(&doc, buf_str(&text), &limits, NULL));
        for (json_each(it, json_get(json_root(doc), "entry"))) {
            const struct json *r = json_get(it.val, "resource");
            const struct fhir_tx_set *set;
            struct fhir_tx_expansion e;
            if (!json_str_is(json_get(r, "resourceType"), "ValueSet") ||
                !json_get(r, "compose"))
                continue;
            set = fhir_tx_set(t, json_get_str(r, "url"));
            if (fhir_tx_expand(t, set, &all, &e, NULL))
                continue;
            expanded++;
            codes += e.total;
            for (size_t i = 0; i < e.n; i++) {
                bool in = false;
                assert_ok(fhir_tx_member(t, set, e.v[i].system, e.v[i].code, &in, NULL));
                members += in;
            }
            free(e.v);
        }
        json_free(doc);
        buf_release(&text);
    }
    assert_int_equal(expanded, 785);
    assert_int_equal(codes, 25748);
    assert_int_equal(members, codes);
    fhir_tx_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_has_what_its_rules_say),
        cmocka_unit_test(what_is_not_loaded_is_never_a_no),
        cmocka_unit_test(words_come_in_the_language_asked_for),
        cmocka_unit_test(a_map_goes_both_ways),
        cmocka_unit_test(a_map_answers_group_by_group),
        cmocka_unit_test(a_part_is_never_a_no),
        cmocka_unit_test(one_lies_over_another),
        cmocka_unit_test(sets_in_sets_are_bounded),
        cmocka_unit_test(units_are_known_by_their_grammar),
        cmocka_unit_test(under_is_what_a_walk_finds),
        cmocka_unit_test(snomed_is_read_from_rf2),
        cmocka_unit_test(tables_are_read_by_their_columns),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_same_twice_is_refused),
        cmocka_unit_test(operations_answer_as_the_specification_writes),
        cmocka_unit_test(operations_asked_wrong_say_so),
        cmocka_unit_test(no_memory_at_any_step_is_told),
        cmocka_unit_test(the_definitions_expand_to_what_they_say),
        cmocka_unit_test(all_definitions_expand_as_an_independent_program_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
