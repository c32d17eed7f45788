/* SPDX-License-Identifier: Apache-2.0 */
/* What may be bought: a product that has everything, and then one thing missing each
 * time: exactly that reason. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_testkit.h"

#define OK(call) assert_string_equal((call), "ok")
#define OTHER    "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
/* What a label asks of the record is waived: nearly all that a tender asks of it, a label
 * has asked before, and this is about what a tender says when it is not there. */
#define LAX                                                                              \
    "[\"guard.record_due\",\"guard.model_signature\",\"guard.fhir_twin\","               \
    "\"guard.admissibility_report\",\"guard.closed_pilot\",\"guard.sites\","             \
    "\"guard.reproduced\"]"
#define TENDER                                                                           \
    LAX ",\"tender\":{\"security_rows\":[\"PF-1\"],\"equivalents\":[{\"code\":"          \
        "\"CE-MDR\",\"text\":{\"fr\":\"f\",\"ar\":\"a\",\"en\":\"e\"}}]}"

static struct tk tk;
static const enum tk_actor jury4[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};

/* ---- a product that has everything, but ------------------------------------------- */
struct product {
    const char *policy;       /* NULL: TENDER */
    const char *without;      /* a member of the version left out */
    bool arabic;              /* the instructions for use in Arabic are left out */
    const char *certificates; /* NULL: a CNDP one until 2031 */
    const char *measures;     /* NULL: the three of interoperability */
    const char *level;        /* NULL: intermediate; "": no label */
    const char *inputs;       /* NULL: none */
    int escrow;               /* 0: level 1; -1: none; else 1 + level */
};

static void replace(struct buf *b, const char *from, const char *to)
{
    struct buf out;
    char *at = strstr(b->p, from);
    assert_non_null(at);
    buf_init(&out, 1 << 16);
    tk_addf(&out, "%.*s%s%s", (int)(at - b->p), b->p, to, at + strlen(from));
    buf_clear(b);
    assert_ok(buf_add(b, buf_str(&out)));
    buf_release(&out);
}

#define SCT "http://snomed.info/sct"
static void version(const struct product *p)
{
    struct buf b, cert;
    buf_init(&b, 1 << 16);
    buf_init(&cert, 4096);
    tk_without = p->without ? p->without : "";
    tk_version_members(&tk, &b, "1.0.0", 7);
    tk_without = "";
    tk_addf(&cert, "\"regulatory\":{\"certificates\":[%s]}",
            p->certificates ? p->certificates
                            : "{\"type\":\"cndp\",\"issued\":\"2026-01-01\",\"expires\":"
                              "\"2031-01-01\"}");
    replace(&b, "\"specialty\":{}", "\"specialty\":{\"system\":\"" SCT "\"}");
    replace(&b, "\"body_site\":{}", "\"body_site\":{\"system\":\"" SCT "\"}");
    if (p->inputs)
        replace(&b, "\"inputs\":[]", p->inputs);
    replace(&b, "\"regulatory\":{}", cert.p);
    if (p->arabic)
        replace(&b, ",\"ar\":" TK_SHA, "");
    replace(&b, "\"training_data\":[]",
            "\"training_data\":[{\"manifest_sha256\":\"" OTHER "\"}]");
    replace(&b, "\"validation_data\":[]",
            "\"validation_data\":[{\"manifest_sha256\":\"" OTHER "\"}]");
    replace(&b, "\"risks\":[]", "\"risks\":[{\"id\":\"R1\"}]");
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p));
    buf_release(&cert);
    buf_release(&b);
}

#define MEASURE(row, name, estimate)                                                     \
    "{\"row\":\"" row "\",\"name\":\"" name                                              \
    "\",\"group\":\"\",\"threshold\":null,\"estimate\":" estimate                        \
    ",\"ci95_low\":0.86,\"ci95_high\":0.9,\"ci_method\":\"delong\",\"n\":400,"           \
    "\"positives\":180,\"seed\":\"1\"}"

static void evidence(const struct product *p)
{
    OK(tk_say(&tk, LEDGER_EVIDENCE, TK_BENCH,
              "\"family\":\"performance\",\"rows\":[\"PF-1\",\"PF-3\",\"PF-4\",\"IO-1\","
              "\"IO-2\",\"IO-3\"],"
              "\"model_digest\":\"%s\",\"dataset\":{\"id\":\"d1\",\"sha256\":\"" TK_SEALED
              "\",\"n\":400,\"positives\":180,\"sites\":[{\"site\":\"" TK_SITE
              "\",\"gst\":\"" TK_REGION
              "\",\"n\":400,\"positives\":180}]},\"measures\":[" MEASURE(
                  "PF-1", "auc", "0.88") "," MEASURE("PF-3", "sensitivity",
                                                     "0.88") "," MEASURE("PF-4", "ppv",
                                                                         "0.88") "%s]",
              tk.model_hex,
              p->measures ? p->measures
                          : "," MEASURE("IO-1", "interop_fhir", "1") "," MEASURE(
                                "IO-2", "interop_snomed_ct",
                                "1") "," MEASURE("IO-3", "interop_loinc", "1")));
    crypto_hex(tk.payload_sha256, 32, tk.evidence);
}

static void deposit(int level)
{
    struct ledger_statement_view s;
    struct buf b, canon;
    char at[TIME_TEXT], hex[CRYPTO_HEX];
    uint8_t digest[32];
    buf_init(&b, 1 << 16);
    buf_init(&canon, 1 << 16);
    assert_ok(ledger_load(tk.l, tk_v(&tk)->declared.payload, &s));
    tk_addf(&b, "[");
    for (int i = 0; i < 4; i++) {
        static const char *const item[] = {"source_code", "technical_documentation",
                                           "operating_documentation", "training_data"};
        tk_addf(&b,
                "{\"item\":\"%s\",\"path\":\"%d\",\"sha256\":\"" OTHER "\",\"size\":1},",
                item[i], i);
    }
    tk_addf(&b, "{\"item\":\"weights\",\"path\":\"w\",\"sha256\":\"%.*s\",\"size\":32}]",
            STR_FMT(json_get_str(json_at(json_get(s.record, "artifacts"), 0), "sha256")));
    assert_ok(json_canon_text(&canon, buf_str(&b), NULL));
    crypto_sha256(buf_str(&canon), digest);
    OK(tk_say(
        &tk, LEDGER_EVENT, TK_ESCROW,
        "\"type\":\"escrow_receipt\",\"model_digest\":\"%s\",\"deposit_id\":\"D-1\","
        "\"deposited_at\":\"%s\",\"level\":%d,\"items\":%s,\"manifest_sha256\":"
        "\"%s\",\"conditions\":[\"insolvency\"]",
        tk.model_hex, tk_time(&tk, -1, at), level, b.p, crypto_hex(digest, 32, hex)));
    ledger_statement_release(&s);
    buf_release(&canon);
    buf_release(&b);
}

static void make(const struct product *p)
{
    const char *level = p->level ? p->level : "intermediate";
    struct tk_decision d = {"granted", level, level, "granted", NULL,
                            365,       jury4, 4,     NULL};
    tk_open_with(&tk, p->policy ? p->policy : TENDER, "{}");
    OK(tk_algorithm(&tk));
    version(p);
    OK(tk_admissible(&tk));
    if (*level) {
        OK(tk_assign(&tk, level));
        evidence(p);
        if (strcmp(level, "base") == 0)
            d.n = 3;
        OK(tk_decide(&tk, &d));
    }
    if (p->escrow >= 0)
        deposit(p->escrow ? p->escrow - 1 : 1);
}

/* ---- asking ------------------------------------------------------------------------ */
static struct buf answer;
static struct json_doc *doc;

static const struct json *ask_at(const struct ledger *l, const char *product,
                                 const char *use, int64_t days)
{
    char text[512], at[TIME_TEXT];
    struct json_doc *q = NULL;
    snprintf(text, sizeof text,
             "{\"products\":[\"%s\"],\"use_code\":\"%s\",\"opens_at\":\"%s\"}", product,
             use, tk_time(&tk, days, at));
    assert_ok(json_parse(&q, str_c(text), NULL, NULL));
    assert_ok(ledger_tender_check(json_root(q), NULL));
    json_free(doc);
    doc = NULL;
    buf_release(&answer);
    buf_init(&answer, 1 << 20);
    assert_ok(ledger_tender(l, json_root(q), &answer));
    json_free(q);
    assert_ok(json_parse(&doc, buf_str(&answer), NULL, NULL));
    return json_at(json_get(json_root(doc), "products"), 0);
}

static const struct json *ask(void)
{
    return ask_at(tk.l, tk.model_hex, TK_USE, 30);
}

/* The codes, joined by spaces. */
static const char *codes(const struct json *product)
{
    static char out[1024];
    out[0] = 0;
    for (json_each(it, json_get(product, "reasons"))) {
        size_t n = strlen(out);
        snprintf(out + n, sizeof out - n, "%s%.*s", n ? " " : "",
                 STR_FMT(json_get_str(it.val, "code")));
    }
    assert_int_equal(json_bool(json_get(product, "eligible"), true), !*out);
    return out;
}

static void over(void)
{
    json_free(doc);
    doc = NULL;
    buf_release(&answer);
    tk_close(&tk);
}

static void one_missing_thing_is_one_reason(void **state)
{
    static const struct {
        struct product p;
        const char *codes;
    } t[] = {
        {{.policy = NULL}, ""},
        {{.without = "interoperability"},
         "tender.interop_undeclared tender.interop_undeclared tender.interop_undeclared"},
        {{.measures = ""},
         "tender.interop_evidence tender.interop_evidence tender.interop_evidence"},
        {{.measures = "," MEASURE("IO-1", "interop_fhir", "1") "," MEASURE(
              "IO-2", "interop_snomed_ct", "0.5") "," MEASURE("IO-3", "interop_loinc",
                                                              "1")},
         "tender.interop_evidence"},
        {{.without = "cybersecurity"}, "tender.security_undeclared"},
        {{.policy = TK_WAIVED}, /* the proposals: rows this policy has not */
         "tender.security_evidence tender.security_evidence tender.security_evidence"},
        {{.certificates = ""}, "tender.data_protection"},
        {{.certificates = "{\"type\":\"cndp\",\"issued\":\"2026-01-01\",\"expires\":"
                          "\"2026-11-10\"}"},
         "tender.data_protection"}, /* over before the bids open */
        {{.arabic = true}, "tender.document"},
        {{.without = "sbom"}, "tender.document"},
        {{.without = "maintenance"}, "tender.document"},
        {{.without = "explainability"}, "tender.document"},
        {{.without = "patient_information"}, "tender.document"},
        {{.escrow = -1}, "tender.escrow"},
        {{.escrow = 1}, "tender.escrow_level"}, /* received, not compared */
        {{.level = "base"}, "tender.level"},
        {{.level = "", .measures = ""},
         "tender.not_labelled tender.interop_evidence tender.interop_evidence "
         "tender.interop_evidence tender.security_evidence"},
        {{.level = "",
          .certificates = "{\"type\":\"CE-MDR\",\"issued\":\"2026-01-01\",\"expires\":"
                          "\"2031-01-01\"},{\"type\":\"cndp\",\"issued\":\"2026-01-01\","
                          "\"expires\":\"2031-01-01\"}"},
         "tender.interop_evidence tender.interop_evidence tender.interop_evidence "
         "tender.security_evidence"}, /* the label is not asked of it */
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        make(&t[i].p);
        if (strcmp(codes(ask()), t[i].codes) != 0)
            fail_msg("%zu: %s instead of %s", i, codes(ask()), t[i].codes);
        over();
    }
}

static void the_label_is_asked_at_the_opening_and_for_the_use(void **state)
{
    (void)state;
    make(&(struct product){0});
    assert_string_equal(codes(ask_at(tk.l, tk.model_hex, TK_USE, 363)), "");
    assert_string_equal(codes(ask_at(tk.l, tk.model_hex, TK_USE, 366)), "tender.expired");
    assert_string_equal(codes(ask_at(tk.l, tk.model_hex, "SEPSIS-RISK", 30)),
                        "tender.use");
    assert_string_equal(codes(ask_at(tk.l, OTHER, TK_USE, 30)), "tender.unknown");
    assert_string_equal(codes(ask_at(tk.l, tk.algorithm_id, TK_USE, 30)), "");
    OK(tk_stop(&tk, TK_CNDP, "national", ""));
    assert_string_equal(codes(ask()), "tender.suspended");
    over();
}

/* What a member lacks is told beside the standard it fails, and only there. */
static void members_without_a_code_are_named(void **state)
{
#define INPUT(name, source, type, system)                                                \
    "{\"name\":\"" name "\",\"source\":\"" source "\",\"type\":\"" type                  \
    "\",\"coding\":{\"system\":\"" system "\",\"code\":\"c\"}}"
    static const char inputs[] =
        "\"inputs\":[" INPUT("age", "patient.age", "integer", "urn:x") "," INPUT(
            "sbp", "observation", "number",
            "http://loinc.org") "," INPUT("thalach", "observation", "number",
                                          "urn:x") "," INPUT("oldpeak", "observation",
                                                             "number",
                                                             SCT) "," INPUT("cp",
                                                                            "observation",
                                                                            "code",
                                                                            "urn:x") "]";
    static const char *const want[][2] = {{"snomed_ct", "cp"},
                                          {"loinc", "thalach, oldpeak"}};
    const struct json *p;
    size_t n = 0;
    (void)state;
    make(&(struct product){.inputs = inputs}); /* measured at 1: nothing to say */
    assert_string_equal(codes(ask()), "");
    over();
    make(&(struct product){.inputs = inputs, .measures = ""});
    p = ask();
    for (json_each(it, json_get(p, "reasons"))) {
        if (!json_str_is(json_get(it.val, "code"), "tender.interop_uncoded"))
            continue;
        assert_true(n < AM_LEN(want));
        const struct json *args = json_get(it.val, "args");
        assert_true(json_str_is(json_get(args, "standard"), want[n][0]));
        assert_true(json_str_is(json_get(args, "members"), want[n][1]));
        n++;
    }
    assert_int_equal(n, AM_LEN(want));
    over();
}

static void base_is_for_funded_pilots(void **state)
{
    const struct json *p;
    (void)state;
    make(&(struct product){.level = "base"});
    p = ask();
    assert_true(json_bool(json_get(p, "funded_pilot"), false));
    assert_false(json_bool(json_get(p, "eligible"), true));
    over();
}

/* I14: whatever came later, the log up to there gives the same bytes. */
static void an_answer_replayed_at_its_size_is_byte_equal(void **state)
{
    struct ledger *again;
    struct buf first;
    uint64_t size;
    (void)state;
    make(&(struct product){0});
    (void)ask();
    size = ledger_size(tk.l);
    assert_int_equal(json_int(json_get(json_root(doc), "tree_size"), 0), (int64_t)size);
    buf_init(&first, 1 << 20);
    assert_ok(buf_add(&first, buf_str(&answer)));
    tk.now -= TIME_SECOND; /* the same opening date below */
    OK(tk_stop(&tk, TK_CNDP, "national", ""));
    (void)ask();
    assert_false(str_eq(buf_str(&first), buf_str(&answer)));
    assert_ok(ledger_new(&again, tk.blobs));
    for (size_t i = 0; i < size; i++)
        assert_ok(ledger_apply(again, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
    (void)ask_at(again, tk.model_hex, TK_USE, 30);
    assert_true(str_eq(buf_str(&first), buf_str(&answer)));
    ledger_free(again);
    buf_release(&first);
    over();
}

static void a_question_is_told_all_its_problems(void **state)
{
    static const struct {
        const char *text;
        size_t problems;
    } t[] = {
        {"{\"products\":[\"" OTHER "\"],\"use_code\":\"A\",\"opens_at\":\"2026-12-01\"}",
         0},
        {"{}", 3},
        {"[]", 4},
        {"{\"products\":[\"x\",\"y\"],\"use_code\":\"a b\",\"opens_at\":\"now\"}", 4},
        {"{\"products\":[\"" OTHER "\",\"" OTHER
         "\"],\"use_code\":\"A\",\"opens_at\":\"2026-12-01\",\"why\":1}",
         2},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct json_doc *q = NULL;
        struct diag d;
        diag_init(&d);
        assert_ok(json_parse(&q, str_c(t[i].text), NULL, NULL));
        assert_int_equal(ledger_tender_check(json_root(q), &d),
                         t[i].problems ? AM_E_INVALID : AM_OK);
        assert_int_equal(d.n, t[i].problems);
        diag_release(&d);
        json_free(q);
    }
}

static void an_answer_out_of_memory_is_no_answer(void **state)
{
    char text[256];
    struct json_doc *q = NULL;
    long failures = 0;
    struct buf whole;
    (void)state;
    make(&(struct product){0});
    snprintf(text, sizeof text,
             "{\"products\":[\"%s\",\"%s\"],\"use_code\":\"" TK_USE
             "\",\"opens_at\":\"2026-12-01\"}",
             tk.model_hex, tk.algorithm_id);
    assert_ok(json_parse(&q, str_c(text), NULL, NULL));
    buf_init(&whole, 1 << 20);
    assert_ok(ledger_tender(tk.l, json_root(q), &whole));
    for (long n = 1;; n += 3) {
        struct buf out;
        int err;
        buf_init(&out, 1 << 20);
        (void)am_oom_at(n);
        err = ledger_tender(tk.l, json_root(q), &out);
        bool failed = am_oom_at(0);
        if (!err) /* what failed was only tried out: the answer is the same */
            assert_true(str_eq(buf_str(&out), buf_str(&whole)));
        else
            assert_int_equal(err, AM_E_NOMEM);
        buf_release(&out);
        if (!failed)
            break;
        failures++;
    }
    assert_true(failures > 20);
    buf_release(&whole);
    json_free(q);
    over();
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(one_missing_thing_is_one_reason),
        TEST(members_without_a_code_are_named),
        TEST(the_label_is_asked_at_the_opening_and_for_the_use),
        TEST(base_is_for_funded_pilots),
        TEST(an_answer_replayed_at_its_size_is_byte_equal),
        TEST(a_question_is_told_all_its_problems),
        TEST(an_answer_out_of_memory_is_no_answer),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
