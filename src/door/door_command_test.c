/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the machine: the predicate of /fhir and its record, beside a node that
 * serves. */
#include "door/door_test.h"

#include <fcntl.h>

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

static const struct door_command_ask c_export = {.verb = "eds-export",
                                                 .who = "os:1000",
                                                 .host = "vm-7",
                                                 .what = "eds.db",
                                                 .reason = "extract for the registry"};

static int c_begin(struct door_command **out, const struct door_command_ask *a)
{
    return door_command_begin(
        out,
        &(struct door_config){
            .dir = t_dir, .eds = t_eds, .base = t_base, .former = T_FORMER},
        a);
}

struct c_run {
    struct door_command *k;
    struct eds_view *v;
    struct buf names; /* "Type/id " of what is shown */
};

static int c_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct c_run *r = arg;
    bool yes;
    assert_ok(door_command_sees(r->k, r->v, m, body, &yes));
    if (!yes)
        return AM_OK;
    assert_ok(door_command_tell(r->k, m));
    return buf_addf(&r->names, "%s/%s ", m->type, m->id);
}

static int c_in(struct eds_view *v, void *arg)
{
    struct c_run *r = arg;
    r->v = v;
    return eds_each(v, STR_NULL, 0, c_one, r);
}

/* Everything it may see, and how many it may not. */
static int64_t c_all(const struct door_command_ask *a, struct buf *names)
{
    struct c_run r = {.k = NULL};
    int64_t hidden;
    assert_ok(c_begin(&r.k, a));
    buf_init(&r.names, 1 << 16);
    assert_ok(eds_view(t_eds, c_in, &r));
    assert_ok(door_command_told(r.k));
    hidden = door_command_hidden(r.k);
    assert_ok(door_command_end(r.k, 0));
    door_command_free(r.k);
    *names = r.names;
    return hidden;
}

static bool c_has(const struct buf *names, const char *name)
{
    return strstr(names->p ? names->p : "", name) != NULL;
}

/* b opposes research, for which nobody says the command is not. */
static void c_hide(void)
{
    t_store("Consent", "cb",
            "\"status\":\"active\",\"scope\":{\"coding\":[{\"code\":\"patient-privacy\"}]"
            "},\"category\":[{\"text\":\"x\"}],\"patient\":{\"reference\":\"Patient/b\"},"
            "\"policyRule\":{\"coding\":[{\"code\":\"OPTIN\"}]},\"provision\":{\"type\":"
            "\"deny\",\"purpose\":[{\"code\":\"HRESCH\"}]}");
    t_store("RiskAssessment", "ra",
            "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
            "v3-ObservationValue\",\"code\":\"AIAST\"}]},\"status\":\"preliminary\","
            "\"subject\":{\"reference\":\"Patient/a\"}");
}

static void a_command_sees_neither_the_opposed_nor_what_a_model_said(void **state)
{
    struct buf names;
    (void)state;
    c_hide();
    assert_int_equal(c_all(&c_export, &names), 4);
    assert_true(c_has(&names, "Patient/a ") && c_has(&names, "Encounter/ea ") &&
                c_has(&names, "Consent/cb ")); /* the opposition itself is law */
    assert_false(c_has(&names, "Patient/b ") || c_has(&names, "Encounter/eb ") ||
                 c_has(&names, "Observation/ob ") || c_has(&names, "RiskAssessment/ra "));
    buf_release(&names);
    assert_int_equal(recorded("during", "\"Observation/oa\"", "eds-export", NULL), 1);
    assert_int_equal(recorded("\"patients\":[\"a\"", "os:1000", "vm-7", "for the reg"),
                     1);
    assert_int_equal(recorded("eds-export", "Patient/b", NULL, NULL), 0);
}

static void a_command_that_breaks_the_glass_sees_them_and_is_found_as_such(void **state)
{
    struct door_command_ask a = c_export;
    struct t_reply r;
    struct buf names;
    (void)state;
    c_hide();
    a.glass = true;
    assert_int_equal(c_all(&a, &names), 0);
    assert_true(c_has(&names, "Patient/b ") && c_has(&names, "RiskAssessment/ra "));
    buf_release(&names);
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "_security=BTG&patient=b");
    assert_int_equal(json_size(t_at(&r, "/entry")), 1);
    assert_string_equal(
        json_str(t_at(&r, "/entry/0/resource/agent/0/purposeOfUse/0/text")).p, a.reason);
    t_done(&r);
}

/* Nothing leaves before it is there; what the DPO finds of it. */
static void what_it_does_is_in_the_record_of_the_node_before(void **state)
{
    struct c_run c = {.k = NULL};
    struct t_reply r;
    (void)state;
    assert_ok(c_begin(&c.k, &c_export));
    assert_int_equal(recorded("before", "eds-export", "os:1000", "eds.db"), 1);
    T_ONLY(200, T_GET(T_DIM, "/Patient/a")); /* the node writes between */
    buf_init(&c.names, 1 << 16);
    assert_ok(eds_view(t_eds, c_in, &c));
    assert_int_equal(recorded("during", "Patient/a", NULL, NULL), 0);
    assert_ok(door_command_told(c.k));
    assert_int_equal(recorded("during", "Patient/a", NULL, NULL), 1);
    assert_ok(door_command_end(c.k, 3));
    door_command_free(c.k);
    buf_release(&c.names);
    assert_int_equal(recorded("after", "\"exit\":3", "eds-export", NULL), 1);
    T_ONLY(200, T_GET(T_DIM, "/Patient/a"));
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"),
               .query = "agent=os:1000&subtype=eds-export");
    assert_int_equal(json_size(t_at(&r, "/entry")), 3);
    assert_string_equal(json_str(t_at(&r, "/entry/0/resource/outcome")).p, "8");
    assert_string_equal(json_str(t_at(&r, "/entry/0/resource/outcomeDesc")).p, "exit 3");
    assert_string_equal(json_str(t_at(&r, "/entry/0/resource/type/code")).p, "110106");
    assert_string_equal(json_str(t_at(&r, "/entry/1/resource/outcomeDesc")).p, "during");
    assert_null(t_at(&r, "/entry/1/resource/outcome"));
    assert_string_equal(json_str(t_at(&r, "/entry/2/resource/agent/0/network/address")).p,
                        "vm-7");
    t_done(&r);
}

/* More than a record holds. */
static int c_again(void *arg, const struct eds_meta *m, struct str body)
{
    for (int i = 0; i < 300; i++)
        assert_ok(c_one(arg, m, body));
    return AM_OK;
}

static int c_often(struct eds_view *v, void *arg)
{
    struct c_run *r = arg;
    r->v = v;
    return eds_each(v, STR("Patient"), 0, c_again, r);
}

static void a_block_is_recorded_when_it_is_full(void **state)
{
    struct c_run c = {.k = NULL};
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "q%d", i);
        t_store("Patient", id, "\"gender\":\"female\"");
    }
    assert_ok(c_begin(&c.k, &c_export));
    buf_init(&c.names, 1 << 20);
    assert_ok(eds_view(t_eds, c_often, &c)); /* 7 patients, 2,100 names */
    assert_int_equal(recorded("during", NULL, NULL, NULL), 2);
    assert_int_equal(
        recorded("during", "\"patients\":[\"a\",\"b\",\"q0\",\"q1\"]", NULL, NULL), 1);
    assert_ok(door_command_end(c.k, 0));
    assert_int_equal(recorded("during", NULL, NULL, NULL), 3);
    door_command_free(c.k);
    buf_release(&c.names);
}

static void without_reason_or_record_nothing_begins(void **state)
{
    struct door_command_ask a = c_export;
    struct door_command *k = NULL;
    char path[PATH_MAX + 64];
    int fd;
    (void)state;
    a.reason = "short";
    assert_int_equal(c_begin(&k, &a), AM_E_SYNTAX);
    a.reason = NULL;
    a.glass = true;
    assert_int_equal(c_begin(&k, &a), AM_E_SYNTAX);
    a.glass = false;
    assert_ok(c_begin(&k, &a));
    door_command_free(k);
    snprintf(path, sizeof path, "%s/access/%s", t_dir, "0000000000000001.trail");
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    assert_int_equal(c_begin(&k, &c_export), AM_E_TAMPERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_command_sees_neither_the_opposed_nor_what_a_model_said),
        T(a_command_that_breaks_the_glass_sees_them_and_is_found_as_such),
        T(what_it_does_is_in_the_record_of_the_node_before),
        T(a_block_is_recorded_when_it_is_full),
        T(without_reason_or_record_nothing_begins),
    };
    return t_run_both(tests, AM_LEN(tests));
}
