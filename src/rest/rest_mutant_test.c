/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of which something was changed at random, in their tree or in their bytes:
 * whatever comes, the answer is no mistake of ours, and what is stored is valid.
 * AMANE_MUTATED: how many (10,000 in the soak; 400 here). */
#include "rest/rest_test.h"

static const char *const m_seed[] = {
    "{\"resourceType\":\"Patient\",\"active\":true,\"identifier\":[{\"system\":\"urn:"
    "cin\","
    "\"value\":\"BE1\"}],\"name\":[{\"use\":\"official\",\"family\":\"العمراني\","
    "\"given\":"
    "[\"Khadija\",\"A\"],\"_given\":[null,{\"extension\":[{\"url\":\"http://x\","
    "\"valueString\":\"y\"}]}]}],\"gender\":\"female\",\"birthDate\":\"1961-03-14\","
    "\"deceasedBoolean\":false,\"link\":[{\"other\":{\"reference\":\"Patient/"
    "b\"},\"type\":"
    "\"seealso\"}],\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://"
    "www.w3.org/1999/xhtml\\\"><p>x</p></div>\"}}",
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{"
    "\"system\":\"http://loinc.org\",\"code\":\"85354-9\"}]},\"subject\":{\"reference\":"
    "\"Patient/a\"},\"effectiveDateTime\":\"2024-03-05T10:00:00+01:00\",\"component\":[{"
    "\"code\":{\"text\":\"s\"},\"valueQuantity\":{\"value\":120.50,\"unit\":\"mmHg\","
    "\"system\":\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}},{\"code\":{\"text\":"
    "\"d\"},\"dataAbsentReason\":{\"text\":\"x\"}}]}",
    "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\",\"intent\":\"order\","
    "\"medicationCodeableConcept\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/"
    "a\"}"
    ",\"contained\":[{\"resourceType\":\"Practitioner\",\"id\":\"p\"}],\"requester\":{"
    "\"reference\":\"#p\"},\"dosageInstruction\":[{\"sequence\":1,\"timing\":{\"repeat\":"
    "{"
    "\"frequency\":2,\"period\":1,\"periodUnit\":\"d\"}},\"doseAndRate\":[{"
    "\"doseQuantity\":"
    "{\"value\":500,\"unit\":\"mg\"}}]}]}",
    "{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"url\":\"http://x/"
    "q\",\"item\":"
    "[{\"linkId\":\"1\",\"type\":\"group\",\"item\":[{\"linkId\":\"1.1\",\"type\":"
    "\"choice\","
    "\"answerOption\":[{\"valueCoding\":{\"code\":\"a\"}}]}]}]}"};

static unsigned short m_state[3];

static size_t m_pick(size_t n)
{
    return (size_t)nrand48(m_state) % n;
}

/* ---- one value of the tree becomes another, or goes ---- */
struct m_change {
    struct jw w;
    size_t at, to; /* of values met; the one to change */
    size_t how;
};

static const char *const m_instead[] = {"null",
                                        "true",
                                        "0",
                                        "-1.5e308",
                                        "\"\"",
                                        "\" \"",
                                        "[]",
                                        "{}",
                                        "[null]",
                                        "\"x\"",
                                        "[[\"x\"]]",
                                        "1e400",
                                        "\"2024-02-30\"",
                                        "\"\\u0000\"",
                                        "{\"resourceType\":\"Patient\"}",
                                        "{\"reference\":\"#nobody\"}",
                                        "[{},{}]",
                                        "\"http://[\"",
                                        "123456789012345678901234567890"};

static void m_value(struct m_change *m, const struct json *v)
{
    if (m->at++ == m->to && m->how < AM_LEN(m_instead)) {
        jw_raw(&m->w, str_c(m_instead[m->how]));
        return;
    }
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY) {
        jw_val(&m->w, v);
        return;
    }
    if (json_type(v) == JSON_ARRAY) {
        jw_arr(&m->w);
        for (json_each(it, v))
            m_value(m, it.val);
        jw_arr_end(&m->w);
        return;
    }
    jw_obj(&m->w);
    for (json_each(it, v)) {
        bool here = m->at == m->to;
        if (here && m->how == AM_LEN(m_instead)) { /* left out */
            m->at++;
            continue;
        }
        jw_keyn(&m->w, here && m->how == AM_LEN(m_instead) + 1   ? STR("valueString")
                       : here && m->how == AM_LEN(m_instead) + 2 ? STR("nothing")
                                                                 : it.key);
        m_value(m, it.val);
    }
    jw_obj_end(&m->w);
}

static size_t m_count(const struct json *v)
{
    size_t n = 1;
    if (json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY)
        for (json_each(it, v))
            n += m_count(it.val);
    return n;
}

static void m_tree(struct buf *out, struct str text)
{
    struct json_doc *doc = NULL;
    struct m_change m = {.how = m_pick(AM_LEN(m_instead) + 3)};
    assert_ok(json_parse(&doc, text, &(struct json_limits){.raw_numbers = true}, NULL));
    m.to = 1 + m_pick(m_count(json_root(doc)) - 1);
    jw_init(&m.w, out);
    m_value(&m, json_root(doc));
    assert_ok(jw_done(&m.w));
    json_free(doc);
}

/* ---- some bytes ---- */
static void m_bytes(struct buf *b)
{
    static const char odd[] = "\"{}[]:,\\0-e.<&\x80\xff\x01 ";
    size_t at = m_pick(b->n);
    switch (m_pick(4)) {
    case 0:
        b->p[at] = (char)(b->p[at] ^ (1 << m_pick(8)));
        break;
    case 1:
        b->p[at] = odd[m_pick(sizeof odd - 1)];
        break;
    case 2:
        b->n = at;
        break;
    default: /* a piece comes again over another */
        memmove(b->p + at, b->p + m_pick(at + 1), AM_MIN(b->n - at, (size_t)20));
    }
}

static void m_one(struct buf *text, size_t n, size_t stored[2])
{
    struct rest_request q = {.method = REST_POST};
    struct rest_answer a;
    const char *seed = m_seed[n % AM_LEN(m_seed)];
    char path[64];
    snprintf(path, sizeof path, "/%.*s", (int)strcspn(seed + 17, "\""), seed + 17);
    buf_clear(text);
    m_tree(text, str_c(seed));
    for (size_t i = m_pick(3); i && text->n; i--)
        m_bytes(text);
    q.path = str_c(path);
    q.body = buf_str(text);
    q.header[REST_H_CONTENT_TYPE] = STR("application/fhir+json");
    q.header[REST_H_PREFER] = STR("return=representation");
    rest_answer_init(&a);
    rest_serve(t_rest, &q, &a);
    if (a.status != 201 && (a.status < 400 || a.status > 499))
        fail_msg("%zu: %d: %.*s", n, a.status, STR_FMT(buf_str(text)));
    stored[a.status == 201]++;
    if (a.status == 201) { /* as it is kept, judged by nobody who took it in */
        struct json_doc *doc = NULL;
        struct diag d;
        diag_init(&d);
        assert_ok(json_parse(&doc, buf_str(&a.body),
                             &(struct json_limits){.raw_numbers = true}, NULL));
        if (fhir_valid_check(t_valid, json_root(doc), 0, &d))
            fail_msg("%zu: stored although %s at %s: %.*s", n, d.item[0].code,
                     d.item[0].path, STR_FMT(buf_str(text)));
        json_free(doc);
        diag_release(&d);
    }
    rest_answer_release(&a);
}

static void what_is_stored_is_valid_whatever_comes(void **state)
{
    static const char *const all[] = {"/Patient", "/Observation", "/MedicationRequest",
                                      "/Questionnaire"};
    const char *asked = getenv("AMANE_MUTATED");
    int64_t n = t_pg ? 60 : 400, kept = 0;
    size_t stored[2] = {0};
    struct buf text;
    (void)state;
    if (asked)
        assert_ok(str_int(str_c(asked), 1, 100000000, &n));
    m_state[0] = m_state[1] = 7;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < AM_LEN(m_seed);
         i++, stored[1]++) /* unchanged they are taken */
        T_ONLY(201, REST_POST, .url = all[i], .body = m_seed[i]);
    for (int64_t i = 0; i < n; i++)
        m_one(&text, (size_t)i, stored);
    buf_release(&text);
    for (size_t i = 0; i < AM_LEN(all); i++)
        kept += t_total(all[i]);
    assert_int_equal(kept, stored[1]); /* what was refused left nothing */
    assert_true(stored[0] > stored[1] && stored[1] > 5);
    print_message("%zu refused, %zu stored, all valid\n", stored[0], stored[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(what_is_stored_is_valid_whatever_comes)};
    return t_run_both(tests, AM_LEN(tests));
}
