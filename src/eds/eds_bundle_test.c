/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles into the store: addresses become names, texts stay what they are, and what
 * cannot be put is named by its place. */
#include "eds/eds_test.h"

#define PATIENT                                                                          \
    "{\"fullUrl\":\"urn:uuid:6c0f\",\"resource\":{\"resourceType\":\"Patient\","         \
    "\"identifier\":[{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"urn:uuid:6c0f\"}],"   \
    "\"link\":[{\"other\":{\"reference\":\"urn:uuid:none\"}}]}}"
#define OBSERVATION                                                                      \
    "{\"fullUrl\":\"urn:uuid:0b5e\",\"resource\":{\"resourceType\":\"Observation\","     \
    "\"subject\":{\"reference\":\"urn:uuid:6c0f\"},\"note\":[{\"text\":\"6c0f\"}]}}"
#define BUNDLE(entries)                                                                  \
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[" entries "]}"

static int put(struct eds *e, const char *text, enum eds_ids ids, struct diag *d,
               struct eds_done done[2])
{
    static char id[2][EDS_ID_MAX + 1];
    struct json_doc *doc = t_json(text);
    struct eds_group *g = NULL;
    int err;
    assert_ok(eds_group_new(&g, e));
    err = eds_put_bundle(g, json_root(doc), ids, d);
    if (!err)
        err = eds_write(g);
    for (size_t i = 0; i < 2 && !err && i < eds_group_n(g); i++) {
        done[i] = *eds_done(g, i);
        snprintf(id[i], sizeof id[i], "%.*s", STR_FMT(done[i].id));
        done[i].id = str_c(id[i]);
    }
    eds_group_free(g);
    json_free(doc);
    return err;
}

static struct json_doc *kept(struct eds *e, const char *type, struct str id)
{
    struct json_doc *doc = NULL;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(eds_read(e, str_c(type), id, 0, &b, NULL));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static void addresses_become_names_and_texts_stay(void **state)
{
    struct eds *e = t_open();
    struct eds_done done[2];
    struct json_doc *o, *p;
    char wanted[80];
    (void)state;
    /* the one referred to comes last: order means nothing */
    assert_ok(put(e, BUNDLE(OBSERVATION "," PATIENT), EDS_IDS_GIVEN, NULL, done));
    snprintf(wanted, sizeof wanted, "Patient/%.*s", STR_FMT(done[1].id));
    o = kept(e, "Observation", done[0].id);
    p = kept(e, "Patient", done[1].id);
    assert_str_equal(json_get_str(json_get(json_root(o), "subject"), "reference"),
                     wanted);
    assert_str_equal(json_get_str(json_at(json_get(json_root(o), "note"), 0), "text"),
                     "6c0f");
    assert_str_equal(
        json_get_str(json_at(json_get(json_root(p), "identifier"), 0), "value"),
        "urn:uuid:6c0f");
    assert_str_equal(
        json_get_str(json_get(json_at(json_get(json_root(p), "link"), 0), "other"),
                     "reference"),
        "urn:uuid:none");
    json_free(o);
    json_free(p);
    eds_close(e);
}

static void importing_twice_is_importing_once(void **state)
{
    struct eds *e = t_open();
    struct eds_done done[2];
    (void)state;
    assert_ok(put(e, BUNDLE(PATIENT "," OBSERVATION), EDS_IDS_KEPT, NULL, done));
    assert_int_equal(done[0].did, EDS_CREATED);
    assert_str_equal(done[0].id, "6c0f"); /* of its urn:uuid */
    assert_ok(put(e, BUNDLE(PATIENT "," OBSERVATION), EDS_IDS_KEPT, NULL, done));
    assert_int_equal(done[0].did, EDS_EXISTED);
    assert_int_equal(done[1].did, EDS_EXISTED);
    eds_close(e);
}

static void wrong(struct eds *e, const char *text, const char *path, const char *code)
{
    struct eds_done done[2];
    struct diag d;
    diag_init(&d);
    assert_int_equal(put(e, text, EDS_IDS_KEPT, &d, done), AM_E_INVALID);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].path, path);
    assert_string_equal(d.item[0].code, code);
    diag_release(&d);
}

static void what_cannot_be_put_is_named_by_its_place(void **state)
{
    struct eds *e = t_open();
    struct eds_meta m;
    (void)state;
    wrong(e, BUNDLE(PATIENT ",{\"fullUrl\":\"urn:uuid:1\"}"), "/entry/1", "eds.object");
    wrong(e, BUNDLE(PATIENT "," PATIENT), "/entry/1", "eds.twice");
    wrong(e, BUNDLE("{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"not an id\"}}"),
          "/entry/0", "eds.id");
    wrong(e, "{\"resourceType\":\"Patient\"}", "/entry/0", "eds.type");
    assert_int_equal(eds_read(e, STR("Patient"), STR("6c0f"), 0, NULL, &m),
                     AM_E_NOTFOUND);
    eds_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(addresses_become_names_and_texts_stay),
        T(importing_twice_is_importing_once),
        T(what_cannot_be_put_is_named_by_its_place),
    };
    return t_run_both(tests, AM_LEN(tests));
}
