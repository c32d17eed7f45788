/* SPDX-License-Identifier: Apache-2.0 */
/* hl7_map_testkit -- what tests of maps have in common: the mapping that comes with the
 * program, a store of a few resources, a message through both. Tests only. */
#ifndef HL7_MAP_TESTKIT_H
#define HL7_MAP_TESTKIT_H

#include "base/test.h"

#include "hl7/map.h"

/* The mapping that comes with the program, as a hospital would adapt it: its zone and its
 * assigning authorities are put in. */
static struct hl7_map *shipped;

static inline char *read_shipped(void)
{
    char path[4096], *text;
    size_t n;
    const char *root = getenv("AMANE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/mapping/hl7v2.json", root ? root : ".");
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    return text;
}

/* text with the first `from` become `to`; the caller frees. */
static inline char *with(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    struct buf b;
    char *out;
    assert_non_null(at);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    out = buf_take(&b);
    assert_non_null(out);
    return out;
}

static inline int setup(void **state)
{
    char *text = read_shipped(),
         *zoned = with(text, "\"time\":", "\"zone\": \"+01:00\", \"time\":"),
         *own = with(zoned, "\"IPP\":",
                     "\"ADT1\": \"urn:ghh:adt1\", \"USSSA\": \"urn:ssn\", \"IPP\":"),
         *ward = with(own, "\"service\": {", "\"service\": {\"CARDIO\": \"cardio\"");
    (void)state;
    assert_ok(hl7_map_load(&shipped, str_c(ward), NULL));
    free(ward);
    free(text);
    free(zoned);
    free(own);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    hl7_map_free(shipped);
    return 0;
}

/* ---- running ---- */
struct store { /* what `current` finds: bodies by "Type?query" parts */
    const char *query[6], *body[6];
    int err;
};

static inline int current(void *arg, struct str type, struct str query, struct buf *out)
{
    const struct store *s = arg;
    char key[512];
    snprintf(key, sizeof key, "%.*s?%.*s", STR_FMT(type), STR_FMT(query));
    if (s && s->err)
        return s->err;
    for (size_t i = 0; s && i < 6 && s->query[i]; i++)
        if (!strcmp(s->query[i], key))
            return buf_adds(out, s->body[i]);
    return AM_E_NOTFOUND;
}

struct ran {
    struct json_doc *doc;
    size_t n;
};

static inline int run(struct ran *out, const char *text, struct store *s, struct diag *d)
{
    struct hl7 *m = NULL;
    struct buf b;
    int err;
    *out = (struct ran){0};
    buf_init(&b, 1 << 20);
    assert_ok(
        hl7_parse(&m, str_c(text), &(struct hl7_limits){.charset = HL7_UTF8}, NULL));
    err = hl7_map_run(shipped, m, current, s, &b, &out->n, d);
    assert_true(err ? b.n == 0 && out->n == 0 : (b.n > 0) == (out->n > 0));
    if (b.n)
        assert_ok(json_parse(&out->doc, buf_str(&b),
                             &(struct json_limits){.raw_numbers = true}, NULL));
    buf_release(&b);
    hl7_free(m);
    return err;
}

static inline struct ran runs(const char *text, struct store *s)
{
    struct ran r;
    struct diag d;
    int err;
    diag_init(&d);
    err = run(&r, text, s, &d);
    if (err)
        fail_msg("%s at %s: %s", d.n ? d.item[0].code : am_err_text(err),
                 d.n ? d.item[0].path : "", d.n ? d.item[0].detail : "");
    diag_release(&d);
    return r;
}

static inline void refused_of(const char *text, struct store *s, const char *code,
                              const char *path)
{
    struct ran r;
    struct diag d;
    diag_init(&d);
    assert_int_equal(run(&r, text, s, &d), AM_E_INVALID);
    assert_true(d.n > 0);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    diag_release(&d);
}

static inline void refused(const char *text, const char *code, const char *path)
{
    refused_of(text, NULL, code, path);
}

static inline const struct json *at(const struct ran *r, const char *pointer)
{
    return json_pointer(json_root(r->doc), str_c(pointer));
}

#define assert_at(r, pointer, want) assert_str_equal(json_str(at((r), (pointer))), want)

/* ---- known answers ---- */
#define MSH(type) "MSH|^~\\&|ADT1|GHH|LAB|GHH|198808181126||" type "|MSG00001|P|2.5.1\r"
#define PID                                                                              \
    "PID|1||PATID1234^5^M11^ADT1^MR^GHH~123456789^^^USSSA^SS||EVERYMAN^ADAM^A^III||"     \
    "19610615|M||C|2222 HOME STREET^^GREENSBORO^NC^27401-1020|GL|(555) 555-2004\r"

#define ORU                                                                              \
    MSH("ORU^R01^ORU_R01")                                                               \
    PID "OBR|1|845439^GHH OE|1045813^GHH LAB|1554-5^GLUCOSE^LN|||200202150730|||||||||"  \
        "555-55-5555^PRIMARY^PATRICIA P||||||||CH|F\r"

#endif
