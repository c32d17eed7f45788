/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of more patients than their facts hold: one who opposes hides them, whichever
 * he is, and each is in the record. */
#include "door/door_test.h"

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

enum { C_PATIENTS = 13 };

static void c_consent(int i)
{
    char members[400];
    snprintf(
        members, sizeof members,
        "\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":\"patient-privacy\"}]"
        "},\"category\":[{\"text\":\"x\"}],\"patient\":{\"reference\":\"Patient/m%d\"}"
        ",\"policyRule\":{\"coding\":[{\"code\":\"OPTOUT\"}]}",
        i);
    t_store("Consent", "no", members);
}

static void c_crowd(void)
{
    char members[4096], id[16];
    int n = snprintf(members, sizeof members,
                     "\"status\":\"current\",\"mode\":\"working\",\"entry\":[");
    for (int i = 0; i < C_PATIENTS; i++) {
        snprintf(id, sizeof id, "m%d", i);
        t_store("Patient", id, "\"gender\":\"female\"");
        n += snprintf(members + n, sizeof members - (size_t)n,
                      "%s{\"item\":{\"reference\":\"Patient/%s\"}}", i ? "," : "", id);
    }
    snprintf(members + n, sizeof members - (size_t)n, "]");
    t_store("List", "crowd", members);
}

static void of_a_crowd_each_is_asked(void **state)
{
    (void)state;
    c_crowd();
    T_ONLY(200, T_GET(T_DIM, "/List/crowd"));
    T_ONLY(200, T_GET(T_DIM, "/List/crowd")); /* known by then */
    assert_int_equal(t_total(t_token[T_DIM], "/List", "_total=accurate"), 1);
    assert_int_equal(
        recorded("after", "\"do\":\"read\"", "\"patients\":[\"m0\"", "\"m12\""), 2);
    for (int i = C_PATIENTS - 1; i >= 0; i -= 6) {
        c_consent(i);
        T_ONLY(404, T_GET(T_DIM, "/List/crowd"));
        assert_int_equal(t_total(t_token[T_DIM], "/List", "_total=accurate"), 0);
    }
    T_ONLY(404, T_GET(T_PHYSICIAN, "/List/crowd")); /* as before: not all in care */
}

/* The record is of what was told, not of what is there since. */
static void the_record_is_of_the_version_that_was_told(void **state)
{
    (void)state;
    c_crowd();
    t_store("List", "crowd", "\"status\":\"current\",\"mode\":\"working\"");
    T_ONLY(200, T_GET(T_DIM, "/List/crowd/_history/1"));
    assert_int_equal(recorded("after", "\"do\":\"vread\"", "\"m0\"", "\"m12\""), 1);
    T_ONLY(200, T_GET(T_DIM, "/List/crowd"));
    assert_int_equal(recorded("after", "\"do\":\"read\"", "\"m0\"", NULL), 0);
}

enum { C_MANY = 4100 };

/* More patients than a record holds go on in another. */
static void a_crowd_of_any_size_is_recorded(void **state)
{
    struct json_doc *doc = NULL;
    struct eds_group *g = NULL;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "{\"resourceType\":\"List\",\"id\":\"many\",\"status\":"
                           "\"current\",\"mode\":\"working\",\"entry\":["));
    for (int i = 0; i < C_MANY; i++)
        assert_ok(buf_addf(&b, "%s{\"item\":{\"reference\":\"Patient/n%d\"}}",
                           i ? "," : "", i));
    assert_ok(buf_addf(&b, "]}"));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    assert_ok(eds_group_new(&g, t_eds));
    assert_ok(eds_put(g,
                      &(struct eds_ask){.verb = EDS_UPDATE,
                                        .type = STR("List"),
                                        .id = STR("many"),
                                        .body = json_root(doc)},
                      NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
    json_free(doc);
    buf_release(&b);
    T_ONLY(200, T_GET(T_DIM, "/List/many"));
    assert_int_equal(recorded("List/many", "\"n0\"", "\"n3999\"", "\"more\":true"), 1);
    assert_int_equal(recorded("\"seen\":[]", "\"n4000\"", "\"n4099\"", NULL), 1);
    T_ONLY(200, T_POST(T_DIM, ""),
           .body = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{"
                   "\"request\":{\"method\":\"GET\",\"url\":\"List/many\"}}]}");
    assert_int_equal(recorded("\"seen\":[]", "\"n4000\"", "\"n4099\"", NULL), 2);
}

/* Told by others: what is not read may oppose. */
static void what_is_not_read_to_find_out_is_hidden(void **state)
{
    char members[16384], id[16], own[200];
    int n = snprintf(members, sizeof members,
                     "\"recorded\":\"2026-11-01T08:00:00Z\",\"agent\":[{\"who\":{"
                     "\"reference\":\"Practitioner/p\"}}],\"target\":[");
    (void)state;
    for (int i = 0; i < 140; i++) {
        snprintf(id, sizeof id, "t%d", i);
        snprintf(own, sizeof own,
                 "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
                 "\"reference\":\"Patient/a\"}");
        if (i < 5 || i > 136)
            t_store("Observation", id, own);
        n += snprintf(members + n, sizeof members - (size_t)n,
                      "%s{\"reference\":\"Observation/%s\"}", i ? "," : "",
                      i < 130 ? "t0" : id);
        if (i == 99) { /* within bounds */
            snprintf(members + n, sizeof members - (size_t)n, "]");
            t_store("Provenance", "few", members);
        }
    }
    snprintf(members + n, sizeof members - (size_t)n, "]");
    t_store("Provenance", "long", members);
    T_ONLY(200, T_GET(T_DPO, "/Provenance/few"));
    T_ONLY(404, T_GET(T_DPO, "/Provenance/long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(of_a_crowd_each_is_asked),
        T(the_record_is_of_the_version_that_was_told),
        T(a_crowd_of_any_size_is_recorded),
        T(what_is_not_read_to_find_out_is_hidden),
    };
    return t_run_both(tests, AM_LEN(tests));
}
