/* SPDX-License-Identifier: Apache-2.0 */
/* The bill of materials of a version: both formats, each mistake, hostile files. */
#include "registry/registry_priv.h"

#include "base/test.h"

#define W "64b91ca7fe644b145a842e1006d9709c2178300072b068ca382399e95536e646"
#define X "0000000000000000000000000000000000000000000000000000000000000001"
#define CDX(components)                                                                  \
    "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"                \
    "\"components\":[" components "]}"
#define MODEL(hash)                                                                      \
    "{\"type\":\"machine-learning-model\",\"name\":\"m\",\"version\":\"1\",\"hashes\":[" \
    "{\"alg\":\"SHA-256\",\"content\":\"" hash "\"}]}"
#define LIB "{\"type\":\"library\",\"name\":\"xgboost\",\"version\":\"2.1.0\"}"
#define SPDX(packages, rest)                                                             \
    "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[" packages "]" rest "}"
#define PKG(version)                                                                     \
    "{\"name\":\"numpy\",\"SPDXID\":\"SPDXRef-1\",\"versionInfo\":\"" version "\"}"
#define FILES(hash)                                                                      \
    ",\"files\":[{\"fileName\":\"./model.json\",\"checksums\":[{\"algorithm\":\"SHA1\"," \
    "\"checksumValue\":\"" W "\"},{\"algorithm\":\"SHA256\",\"checksumValue\":\"" hash   \
    "\"}]}]"

#define SPDX3(graph)                                                                     \
    "{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\",\"@graph\":[{"     \
    "\"type\":\"CreationInfo\",\"@id\":\"_:c\",\"specVersion\":\"3.0.1\"}" graph "]}"
#define ELEMENT3(type, version, rest)                                                    \
    ",{\"type\":\"" type "\",\"spdxId\":\"urn:x:1\",\"name\":\"m\","                     \
    "\"software_packageVersion\":\"" version "\"" rest "}"
#define HASH3(type, hash)                                                                \
    ",\"verifiedUsing\":[{\"type\":\"" type                                              \
    "\",\"algorithm\":\"sha256\",\"hashValue\":\"" hash "\"}]"
#define LIB3 ELEMENT3("software_Package", "2.1.0", "")
#define FILE3(hash)                                                                      \
    ",{\"type\":\"software_File\",\"name\":\"m.json\"" HASH3("Hash", hash) "}"

static int read_sbom(const char *format, struct str text, struct diag *d)
{
    struct json_doc *doc;
    int err;
    assert_ok(json_parse(&doc, STR("[{\"role\":\"weights\",\"sha256\":\"" W "\"}]"), NULL,
                         NULL));
    err = registry_sbom_read(text, format, json_root(doc), d);
    json_free(doc);
    return err;
}

static const struct {
    const char *format, *text, *code, *n; /* code NULL: good, with n components */
} one[] = {
    {"cyclonedx", CDX(LIB "," MODEL(W)), NULL, "2"},
    {"cyclonedx",
     CDX("{\"type\":\"framework\",\"name\":\"f\",\"version\":\"1\","
         "\"components\":[" LIB "," MODEL(W) "]}"),
     NULL, "3"},
    {"cyclonedx",
     "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.4\",\"metadata\":{"
     "\"component\":" MODEL(W) "},\"components\":[" LIB "]}",
     NULL, "2"},
    {"cyclonedx",
     CDX(LIB ",{\"type\":\"file\",\"name\":\"m.json\",\"hashes\":[{\"alg\":"
             "\"SHA-256\",\"content\":\"" W "\"}]}"),
     NULL, "2"},
    {"spdx", SPDX(PKG("1.26"), FILES(W)), NULL, "1"},
    {"spdx",
     SPDX("{\"name\":\"m\",\"versionInfo\":\"1\",\"checksums\":[{\"algorithm\":"
          "\"SHA256\",\"checksumValue\":\"" W "\"}]}",
          ""),
     NULL, "1"},
    {"spdx", SPDX3(LIB3 ELEMENT3("ai_AIPackage", "1", HASH3("Hash", W))), NULL, "2"},
    {"spdx", SPDX3(LIB3 FILE3(W)), NULL, "1"}, /* a file is no component of its own */
    {"spdx",
     SPDX3(LIB3 FILE3(W) ",{\"type\":\"dataset_DatasetPackage\",\"name\":\"d\"},{"
                         "\"type\":\"Relationship\"},5"),
     NULL, "2"},
    {"spdx", SPDX3(LIB3), "record.sbom_weights", NULL},
    {"spdx", SPDX3(LIB3 FILE3(X)), "record.sbom_weights", NULL},
    {"spdx", SPDX3(ELEMENT3("ai_AIPackage", "1", HASH3("Hash", X))),
     "record.sbom_other_model", NULL},
    {"spdx", SPDX3(ELEMENT3("ai_AIPackage", "1", HASH3("PackageVerificationCode", W))),
     "record.sbom_weights", NULL},
    {"spdx", SPDX3(FILE3(W) ELEMENT3("software_Package", "", "")), "record.sbom_version",
     NULL},
    {"spdx", SPDX3(FILE3(W)), "record.sbom_empty", NULL},
    {"cyclonedx", SPDX3(LIB3 FILE3(W)), "record.sbom_format", NULL},
    {"spdx", "{\"@context\":\"https://example.invalid/3.0\",\"@graph\":[]}",
     "record.sbom_format", NULL},
    {"spdx",
     "{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\",\"@graph\":{}}",
     "record.sbom_format", NULL},
    {"cyclonedx", CDX(LIB), "record.sbom_weights", NULL},
    {"cyclonedx", CDX(MODEL(X)), "record.sbom_other_model", NULL},
    {"cyclonedx", CDX(MODEL(W) ",{\"type\":\"library\",\"name\":\"a\"}"),
     "record.sbom_version", NULL},
    {"cyclonedx",
     CDX(MODEL(W) ",{\"type\":\"library\",\"name\":\" \",\"version\":\"1\"}"),
     "record.sbom_version", NULL},
    {"cyclonedx", CDX(MODEL(W) ",5"), "record.sbom_version", NULL},
    {"cyclonedx", CDX(""), "record.sbom_empty", NULL},
    {"cyclonedx", SPDX(PKG("1"), FILES(W)), "record.sbom_format", NULL},
    {"cyclonedx",
     "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"2.0\","
     "\"components\":[]}",
     "record.sbom_format", NULL},
    {"cyclonedx", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\"}",
     "record.sbom_format", NULL},
    {"cyclonedx", "[]", "record.sbom_format", NULL},
    {"cyclonedx", "{\"bomFormat\":", "record.sbom_syntax", NULL},
    {"cyclonedx", "<bom/>", "record.sbom_syntax", NULL},
    {"cyclonedx", "", "record.sbom_syntax", NULL},
    {"spdx", SPDX(PKG(""), FILES(W)), "record.sbom_version", NULL},
    {"spdx", SPDX(PKG("1"), FILES(X)), "record.sbom_weights", NULL},
    {"spdx", CDX(MODEL(W)), "record.sbom_format", NULL},
    {"spdx", "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":{}}", "record.sbom_format",
     NULL},
};

static void each_document_gives_its_count_or_its_problem(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(one); i++) {
        const char *code = one[i].code ? one[i].code : "record.sbom_read";
        bool said = false;
        diag_clear(&d);
        assert_ok(read_sbom(one[i].format, str_c(one[i].text), &d));
        for (size_t k = 0; k < d.n; k++)
            said |= !strcmp(d.item[k].code, code) &&
                    (one[i].code || !strcmp(d.item[k].arg[0].value, one[i].n));
        if (!said || d.errors != (one[i].code ? 1 : 0))
            fail_msg("case %zu: %zu errors, %s", i, d.errors,
                     d.n ? d.item[0].code : "nothing");
    }
    diag_release(&d);
}

static void repeat(struct buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_ok(buf_adds(b, text));
}

static void hostile_documents_are_refused_within_bounds(void **state)
{
    struct diag d;
    struct buf b;
    (void)state;
    diag_init(&d);
    buf_init(&b, 32 << 20);
    /* 1: deeper than anybody nests */
    assert_ok(buf_adds(&b, "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\","
                           "\"components\":["));
    repeat(&b, "{\"name\":\"a\",\"version\":\"1\",\"components\":[", 500);
    assert_ok(read_sbom("cyclonedx", buf_str(&b), &d));
    assert_int_equal(d.errors, 1);
    /* 2: more components than are counted */
    buf_clear(&b);
    diag_clear(&d);
    assert_ok(buf_adds(&b, "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\","
                           "\"components\":[" MODEL(W)));
    repeat(&b, "," LIB, 50000);
    assert_ok(buf_adds(&b, "]}"));
    assert_ok(read_sbom("cyclonedx", buf_str(&b), &d));
    assert_int_equal(d.errors, 1);
    assert_string_equal(d.item[0].code, "record.sbom_big");
    /* 3: thousands without a version: a few are named */
    buf_clear(&b);
    diag_clear(&d);
    assert_ok(buf_adds(&b, "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[" PKG("1")));
    repeat(&b, "," PKG(""), 3000);
    assert_ok(buf_adds(&b, "]" FILES(W) "}"));
    assert_ok(read_sbom("spdx", buf_str(&b), &d));
    assert_int_equal(d.errors, 20);
    /* the same caps in a graph */
    buf_clear(&b);
    diag_clear(&d);
    assert_ok(buf_adds(&b, "{\"@context\":\"https://spdx.org/rdf/3.0.1/"
                           "spdx-context.jsonld\",\"@graph\":[{}" FILE3(W)));
    repeat(&b, ELEMENT3("software_Package", "", ""), 3000);
    assert_ok(buf_adds(&b, "]}"));
    assert_ok(read_sbom("spdx", buf_str(&b), &d));
    assert_int_equal(d.errors, 20);
    buf_cut(&b, b.n - 2);
    diag_clear(&d);
    repeat(&b, LIB3, 47001);
    assert_ok(buf_adds(&b, "]}"));
    assert_ok(read_sbom("spdx", buf_str(&b), &d));
    assert_string_equal(d.item[d.n - 1].code, "record.sbom_big");
    /* 4: more bytes than are read */
    buf_clear(&b);
    diag_clear(&d);
    repeat(&b, "                                                                ",
           (17 << 20) / 64);
    assert_ok(read_sbom("spdx", buf_str(&b), &d));
    assert_string_equal(d.item[0].code, "record.sbom_big");
    buf_release(&b);
    diag_release(&d);
}

static void want_of_memory_is_an_error_and_no_verdict(void **state)
{
    static const struct {
        const char *format, *text;
    } good[] = {{"cyclonedx", CDX(MODEL(W) "," LIB)}, {"spdx", SPDX3(LIB3 FILE3(W))}};
    int err = AM_E_NOMEM;
    (void)state;
    for (long n = 2; err == AM_E_NOMEM || n % 2; n++) {
        struct json_doc *doc;
        struct diag d;
        diag_init(&d);
        assert_ok(json_parse(&doc, STR("[{\"role\":\"weights\",\"sha256\":\"" W "\"}]"),
                             NULL, NULL));
        am_oom_at(n / 2); /* each allocation, of each format */
        err = registry_sbom_read(str_c(good[n % 2].text), good[n % 2].format,
                                 json_root(doc), &d);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        assert_int_equal(d.errors, 0);
        json_free(doc);
        diag_release(&d);
        assert_true(n < 1000);
    }
}

TEST_MAIN(TEST(each_document_gives_its_count_or_its_problem),
          TEST(hostile_documents_are_refused_within_bounds),
          TEST(want_of_memory_is_an_error_and_no_verdict))
