/* SPDX-License-Identifier: Apache-2.0 */
/* From an output: stopping for its patient, lifting, reporting; and a prompt end. */
#include "node/node_stop_priv.h"
#include "node/node_testkit.h"

static int ask(struct nt *w,
               int (*fn)(struct nt *, const struct auth_account *, const struct json *,
                         struct buf *),
               const struct auth_account *who, const char *text)
{
    struct json_doc *request = NULL;
    struct buf reply;
    int err;
    buf_init(&reply, 65536);
    diag_clear(&w->d);
    assert_ok(json_parse(&request, str_c(text), NULL, NULL));
    err = fn(w, who, json_root(request), &reply);
    json_free(request);
    nt_take_reply(w, &reply, err);
    return err;
}

static int do_stop(struct nt *w, const struct auth_account *who, const struct json *v,
                   struct buf *reply)
{
    (void)v;
    return node_stop_patient(w->n, who, str_c(w->last), reply, &w->d);
}

static char order[CRYPTO_HEX];
static int do_lift(struct nt *w, const struct auth_account *who, const struct json *v,
                   struct buf *reply)
{
    return node_stop_lift(w->n, who, str_c(order), v, reply, &w->d);
}

static int do_report(struct nt *w, const struct auth_account *who, const struct json *v,
                     struct buf *reply)
{
    return node_report(w->n, who, str_c(w->last), v, reply, &w->d);
}

static int stop_patient(struct nt *w, const struct auth_account *who)
{
    int err = ask(w, do_stop, who, "{}");
    if (!err)
        snprintf(order, sizeof order, "%.*s", STR_FMT(json_str(nt_get(w, "/order"))));
    return err;
}

static int lift(struct nt *w, const struct auth_account *who, const char *why)
{
    char text[128];
    snprintf(text, sizeof text, "{\"reason\":\"%s\"}", why);
    return ask(w, do_lift, who, text);
}

static void list(struct nt *w, const struct auth_account *who)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(node_local_stops(w->n, who, &b));
    nt_take_reply(w, &b, AM_OK);
}

static struct auth_account someone(enum ledger_role role, const char *pseudonym)
{
    struct auth_account a;
    nt_account(&a, role);
    snprintf(a.pseudonym, sizeof a.pseudonym, "%s", pseudonym);
    return a;
}

/* ---- one patient ------------------------------------------------------------------ */
static void a_patients_stop_acts_at_once_and_never_leaves(void **state)
{
    struct nt *w = *state;
    assert_predicts(w);
    assert_ok(stop_patient(w, &w->doctor));
    assert_str_equal(json_str(nt_get(w, "/scope")), "patient");
    assert_int_equal(json_int(nt_get(w, "/withdrawn"), -1), 1);
    assert_string_equal(nt_status(w, w->last), "withdrawn");
    assert_int_equal(nt_predict(w, 61, 210), AM_E_REFUSED); /* the same patient, p1 */
    assert_true(nt_said(w, "refusal.stopped"));
    assert_int_equal(stop_patient(w, &w->doctor), AM_E_CONFLICT);
    assert_ok(node_sync(w->n)); /* sends all there is to send */
    assert_int_equal(nt_state(w).outbox, 0);
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_stops(w->tk.l), 0);
    pthread_mutex_unlock(&w->mu);
    nt_close(w);
    assert_ok(nt_open(w)); /* and holds over a restart */
    assert_int_equal(nt_predict(w, 61, 210), AM_E_REFUSED);
}

static void another_patient_is_not_stopped(void **state)
{
    struct nt *w = *state;
    assert_predicts(w);
    assert_ok(stop_patient(w, &w->doctor));
    assert_true(node_patient_stopped(w->n, w->tk.model, STR(TK_USE), STR("p1")));
    assert_false(node_patient_stopped(w->n, w->tk.model, STR(TK_USE), STR("p2")));
    assert_false(node_patient_stopped(w->n, w->tk.model, STR("OTHER"), STR("p1")));
    assert_false(node_patient_stopped(w->n, w->tk.model, STR(TK_USE), STR("")));
}

static void only_who_sees_the_output_stops_it_for_its_patient(void **state)
{
    struct nt *w = *state;
    struct auth_account other = someone(LEDGER_PHYSICIAN, "x"),
                        dsi = someone(LEDGER_DSI, "y");
    snprintf(other.services, sizeof other.services, "SURGERY");
    assert_predicts(w);
    assert_int_equal(stop_patient(w, &other), AM_E_NOTFOUND);
    assert_int_equal(stop_patient(w, &dsi), AM_E_NOTFOUND);
    assert_string_equal(nt_status(w, w->last), "pending");
    assert_ok(stop_patient(w, &w->doctor));
    list(w, &other);
    assert_int_equal(json_size(nt_get(w, "/items")), 0); /* not a word of a patient */
    list(w, &w->doctor);
    assert_str_equal(json_str(nt_get(w, "/items/0/patient")), "p1");
}

static void whoever_ordered_it_or_a_clinical_lead_lifts_it_with_a_reason(void **state)
{
    struct nt *w = *state;
    struct auth_account other = someone(LEDGER_PHYSICIAN, "x"),
                        lead = someone(LEDGER_CLINICAL_LEAD, "lead");
    assert_predicts(w);
    assert_ok(stop_patient(w, &w->doctor));
    assert_int_equal(lift(w, &other, "no"), AM_E_FORBIDDEN);
    assert_int_equal(lift(w, &w->director, "no"), AM_E_NOTFOUND);
    assert_int_equal(lift(w, &w->doctor, " "), AM_E_INVALID);
    assert_int_equal(nt_predict(w, 61, 210), AM_E_REFUSED);
    assert_ok(lift(w, &w->doctor, "seen again"));
    assert_true(json_bool(nt_get(w, "/lifted"), false));
    assert_predicts(w);
    assert_ok(stop_patient(w, &w->doctor));
    assert_ok(lift(w, &lead, "reviewed"));
    assert_predicts(w);
    nt_close(w);
    assert_ok(nt_open(w));
    assert_predicts(w);
    assert_int_equal(lift(w, &w->doctor, "again"), AM_E_NOTFOUND);
}

/* ---- a stop the registry refuses for good ------------------------------------------ */
static void stop_refused(struct nt *w, int status)
{
    nt_lie(w, NT_STATUS, "/api/v1/events", status,
           STR("{\"problems\":[{\"code\":\"bad_record\"}]}"));
    assert_ok(nt_stop(w));
    snprintf(order, sizeof order, "%.*s", STR_FMT(json_str(nt_get(w, "/order"))));
    (void)!node_sync(w->n);
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
}

static void a_stop_refused_for_good_is_lifted_by_two_persons(void **state)
{
    struct nt *w = *state;
    struct auth_account dim = someone(LEDGER_DIM, "dim"),
                        director = someone(LEDGER_DIRECTOR, "dir"),
                        both = someone(LEDGER_DIM, "dir");
    stop_refused(w, 422);
    list(w, &dim);
    assert_str_equal(json_str(nt_get(w, "/items/0/refused")), "422 bad_record");
    assert_int_equal(lift(w, &w->doctor, "no"), AM_E_FORBIDDEN);
    assert_ok(lift(w, &director, "mistake"));
    assert_false(json_bool(nt_get(w, "/lifted"), true));
    assert_str_equal(json_str(nt_get(w, "/waiting_for")), "dim");
    assert_ok(lift(w, &director, "mistake")); /* twice is once */
    assert_false(json_bool(nt_get(w, "/lifted"), true));
    assert_ok(lift(w, &both, "me again")); /* the same person in another role */
    assert_false(json_bool(nt_get(w, "/lifted"), true));
    assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
    list(w, &dim);
    assert_int_equal(json_size(nt_get(w, "/items/0/lifts")), 2);
    director = someone(LEDGER_DIRECTOR, "other");
    assert_ok(lift(w, &director, "checked"));
    assert_true(json_bool(nt_get(w, "/lifted"), false)); /* two persons, two roles */
}

static void a_lift_of_a_refused_stop_lasts(void **state)
{
    struct nt *w = *state;
    struct auth_account dim = someone(LEDGER_DIM, "dim"),
                        director = someone(LEDGER_DIRECTOR, "dir");
    stop_refused(w, 422);
    assert_ok(lift(w, &dim, "checked"));
    assert_ok(lift(w, &director, "checked"));
    assert_true(json_bool(nt_get(w, "/lifted"), false));
    assert_predicts(w);
    nt_close(w);
    assert_ok(nt_open(w));
    assert_predicts(w);
}

static void what_the_log_has_or_may_have_is_not_lifted_here(void **state)
{
    struct nt *w = *state;
    struct auth_account dim = someone(LEDGER_DIM, "dim");
    stop_refused(w, 503);
    assert_int_equal(lift(w, &dim, "no"), AM_E_CONFLICT); /* waits in the outbox */
    assert_true(nt_said(w, "lift.by_registry"));
    stop_refused(w, 409);
    assert_int_equal(lift(w, &dim, "no"), AM_E_CONFLICT); /* a replay is logged */
}

/* ---- the report ---------------------------------------------------------------------
 */
static void a_report_leaves_with_a_commitment_and_no_person(void **state)
{
    struct nt *w = *state;
    struct buf text;
    struct ledger_statement_view s;
    /* Each holds a sign no digest, signature or case number has: chance leaks nothing. */
    static const char *const secret[] = {"\"p1\"", "/p1",       "-01-01", "Patient/",
                                         "\"o1\"", "\"female",  ":200",   "\"200",
                                         "Mme B",  "physician", "\"ps\""};
    uint8_t payload[32];
    assert_predicts(w);
    nt_away(w, true);
    assert_ok(ask(w, do_report, &w->doctor,
                  "{\"severity\":\"serious\",\"false_negative\":true,\"note\":\"Mme B "
                  "was sent home\"}"));
    assert_int_equal(json_str(nt_get(w, "/case_id")).n, 19);
    assert_int_equal(nt_state(w).outbox, 1);
    assert_int_equal(ask(w, do_report, &w->doctor, "{\"severity\":\"serious\"}"),
                     AM_E_CONFLICT);
    nt_away(w, false);
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).outbox, 0);
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_cases(w->tk.l), 1);
    {
        const struct ledger_case *c = ledger_case_at(w->tk.l, 0);
        assert_int_equal(c->severity, LEDGER_SERIOUS);
        assert_true(c->false_negative);
        assert_int_equal(c->aware_at, NT_NOW);
        assert_int_equal(c->deadline_at, NT_NOW + 15 * TIME_DAY); /* its clock runs */
        assert_int_equal(c->trace.n, 1);
        assert_string_equal(c->by_org, "n01");
        /* Not the log's last entry: the node's hourly checkpoint may follow it. */
        assert_ok(ledger_entry_of(w->tk.l, c->history.v[0], payload, NULL));
    }
    buf_init(&text, 1 << 20);
    assert_ok(blob_get(w->tk.blobs, payload, &text));
    assert_ok(ledger_statement_parse(buf_str(&text), STR(TK_BASE), &s, NULL));
    for (size_t i = 0; i < AM_LEN(secret); i++)
        if (strstr(text.p, secret[i]))
            fail_msg("%s in %s", secret[i], text.p);
    assert_true(json_str_is(json_at(json_get(s.record, "terms"), 0), "A090803"));
    assert_true(json_str_is(json_at(json_get(s.record, "terms"), 1), "F24"));
    ledger_statement_release(&s);
    buf_release(&text);
    pthread_mutex_unlock(&w->mu);
}

static void awareness_anchors_the_clock_however_long_the_line_is_down(void **state)
{
    struct nt *w = *state;
    assert_predicts(w);
    nt_away(w, true);
    assert_ok(ask(w, do_report, &w->doctor,
                  "{\"severity\":\"death\",\"aware_at\":\"2026-11-21T12:00:00Z\"}"));
    nt_pass(w, 12 * 3600 * TIME_SECOND);
    nt_away(w, false);
    assert_ok(node_sync(w->n));
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_cases(w->tk.l), 1);
    assert_int_equal(ledger_case_at(w->tk.l, 0)->deadline_at, NT_NOW + 9 * TIME_DAY);
    pthread_mutex_unlock(&w->mu);
}

static void what_a_report_may_not_say_is_refused_before_it_is_kept(void **state)
{
    struct nt *w = *state;
    struct auth_account other = someone(LEDGER_PHYSICIAN, "x");
    static const char *const bad[] = {
        "{}",
        "{\"severity\":\"bad\"}",
        "{\"severity\":\"serious\",\"patient\":\"p1\"}",
        "{\"severity\":\"serious\",\"aware_at\":\"2027-01-01T00:00:00Z\"}",
        "{\"severity\":\"serious\",\"aware_at\":\"yesterday\"}",
        "{\"severity\":\"serious\",\"terms\":[\"A0101\"]}",
        "{\"severity\":\"serious\",\"terms\":[\"A0101\",\"F02\",\"Mme B\"]}",
        "{\"severity\":\"serious\",\"terms\":[1]}"};
    snprintf(other.services, sizeof other.services, "SURGERY");
    assert_predicts(w);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        assert_int_equal(ask(w, do_report, &w->doctor, bad[i]), AM_E_INVALID);
        assert_true(w->d.n > 0);
    }
    assert_int_equal(ask(w, do_report, &other, "{\"severity\":\"serious\"}"),
                     AM_E_NOTFOUND);
    assert_int_equal(nt_state(w).outbox, 0);
}

static void a_report_survives_every_failed_allocation(void **state)
{
    struct nt *w = *state;
    struct json_doc *request = NULL;
    bool hit = true;
    int err = AM_E_NOMEM;
    assert_predicts(w);
    assert_ok(json_parse(&request, STR("{\"severity\":\"serious\"}"), NULL, NULL));
    for (unsigned i = 1; hit && err; i += 1 + i / 16) {
        struct buf reply;
        buf_init(&reply, 65536);
        am_oom_at(i);
        err = node_report(w->n, &w->doctor, str_c(w->last), json_root(request), &reply,
                          &w->d);
        hit = am_oom_at(0);
        buf_release(&reply);
    }
    json_free(request);
    err = ask(w, do_report, &w->doctor, "{\"severity\":\"serious\"}");
    assert_true(err == AM_OK || err == AM_E_CONFLICT); /* kept once, whatever failed */
    assert_ok(node_sync(w->n));
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_cases(w->tk.l), 1);
    pthread_mutex_unlock(&w->mu);
}

/* ---- the end ------------------------------------------------------------------------
 */
static void a_registry_that_hangs_does_not_hold_up_the_end(void **state)
{
    struct nt *w = *state;
    int64_t began;
    assert_ok(node_sync(w->n));
    pthread_mutex_lock(&w->mu); /* its handlers wait for this: it accepts and is silent */
    node_hurry(w->n);
    usleep(200000);
    began = time_mono();
    node_close(w->n);
    w->n = NULL;
    pthread_mutex_unlock(&w->mu);
    assert_true(time_mono() - began < 14 * TIME_SECOND); /* and not the call's 15 s */
}

NT_MAIN(NT(a_patients_stop_acts_at_once_and_never_leaves),
        NT(another_patient_is_not_stopped),
        NT(only_who_sees_the_output_stops_it_for_its_patient),
        NT(whoever_ordered_it_or_a_clinical_lead_lifts_it_with_a_reason),
        NT(a_stop_refused_for_good_is_lifted_by_two_persons),
        NT(a_lift_of_a_refused_stop_lasts),
        NT(what_the_log_has_or_may_have_is_not_lifted_here),
        NT(a_report_leaves_with_a_commitment_and_no_person),
        NT(awareness_anchors_the_clock_however_long_the_line_is_down),
        NT(what_a_report_may_not_say_is_refused_before_it_is_kept),
        NT(a_report_survives_every_failed_allocation),
        NT(a_registry_that_hangs_does_not_hold_up_the_end))
