/* SPDX-License-Identifier: Apache-2.0 */
/* Stops: pressed here, brought by hand, read in the log; with and without a registry. */
#include "node/node_stop_priv.h"
#include "node/node_testkit.h"

static void predict(struct nt *w)
{
    int err = nt_predict(w, 60, 200);
    if (err)
        fail_msg("%s: %s %s", am_err_text(err), w->d.n ? w->d.item[0].code : "",
                 w->d.n ? w->d.item[0].detail : "");
}

static void assert_stopped(struct nt *w)
{
    assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.stopped"));
}

/* The registry's ledger: one stop in force, acknowledged so often. */
static void assert_logged_once(struct nt *w, size_t acks)
{
    pthread_mutex_lock(&w->mu);
    assert_int_equal(ledger_stops(w->tk.l), 1);
    assert_int_equal(ledger_stop_at(w->tk.l, 0)->ack.n, acks);
    pthread_mutex_unlock(&w->mu);
}

static void a_stop_acts_before_anything_else(void **state)
{
    struct nt *w = *state;
    predict(w);
    assert_ok(nt_stop(w));
    assert_int_equal(json_int(nt_get(w, "/withdrawn"), -1), 1);
    assert_str_equal(json_str(nt_get(w, "/scope")), "establishment");
    assert_int_equal(json_str(nt_get(w, "/order")).n, 64);
    assert_stopped(w);
    assert_string_equal(nt_status(w, w->last), "withdrawn");
    assert_str_equal(json_str(nt_get(w, "/validation/outcome")), "withdrawn");
}

static void pressed_while_the_registry_is_away_it_is_sent_once(void **state)
{
    struct nt *w = *state;
    struct buf b;
    nt_away(w, true);
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE);
    assert_false(nt_state(w).registry_reachable);
    predict(w); /* the lease holds */
    assert_ok(nt_stop(w));
    assert_stopped(w);
    assert_int_equal(nt_state(w).outbox, 1);
    nt_close(w); /* and a restart later it still holds */
    assert_ok(nt_open(w));
    assert_stopped(w);
    nt_away(w, false);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 0);
    nt_publish(w);
    assert_ok(node_sync(w->n)); /* read back: acknowledged */
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 1);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 1);
    assert_int_equal(nt_state(w).outbox, 0);
    assert_int_equal(w->repeated, 0);
    assert_stopped(w);
    buf_init(&b, 8 << 20);
    assert_ok(node_deployments(w->n, &b));
    nt_take_reply(w, &b, AM_OK);
    assert_true(json_bool(nt_get(w, "/items/0/stopped"), false));
    assert_false(json_bool(nt_get(w, "/items/0/runs"), true));
}

static void a_lost_answer_costs_nothing(void **state)
{
    struct nt *w = *state;
    pthread_mutex_lock(&w->mu);
    w->lose_answer = true;
    pthread_mutex_unlock(&w->mu);
    assert_ok(nt_stop(w));
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE); /* logged, but nobody knows */
    assert_logged_once(w, 0);
    assert_int_equal(nt_state(w).outbox, 1);
    pthread_mutex_lock(&w->mu);
    w->lose_answer = false;
    pthread_mutex_unlock(&w->mu);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 0);
    assert_true(w->repeated > 0);
    assert_int_equal(nt_state(w).outbox, 0);
}

/* A portal that answers 200 to everything, a proxy that has lost its server. */
static void only_a_registry_takes_an_order_off_our_hands(void **state)
{
    struct nt *w = *state;
    static const int status[] = {200, 204, 301, 404, 413, 500, 503};
    /* First the lie: a stop is sent at once, before the next line of this test. */
    nt_lie(w, NT_STATUS, "/api/v1/events", 503, STR(""));
    assert_ok(nt_stop(w));
    for (size_t i = 0; i < AM_LEN(status); i++) {
        nt_lie(w, NT_STATUS, "/api/v1/events", status[i], STR("<html>hello</html>"));
        assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE);
        assert_int_equal(nt_state(w).outbox, 1);
    }
    nt_lie(w, NT_STATUS, "/api/v1/events", 201, STR("{\"ok\":true}"));
    assert_int_equal(node_sync(w->n), AM_E_UNAVAILABLE);
    assert_int_equal(nt_state(w).outbox, 1);
    /* Our key is not known yet: kept, asked again later, and nobody waits for it. */
    nt_lie(w, NT_STATUS, "/api/v1/events", 403, STR("{}"));
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).outbox, 1);
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    w->n->forbidden_until = 0; /* thirty seconds later */
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).outbox, 0);
}

static void who_may_stop_what(void **state)
{
    struct nt *w = *state;
    struct auth_account who = w->doctor;
    const char *p = w->deployment;
    assert_int_equal(nt_stop_as(w, &w->doctor,
                                "{\"scope\":\"establishment\",\"deployment\":\"%s\"}", p),
                     AM_E_FORBIDDEN);
    assert_int_equal(
        nt_stop_as(w, &w->director, "{\"scope\":\"national\",\"deployment\":\"%s\"}", p),
        AM_E_FORBIDDEN);
    assert_int_equal(
        nt_stop_as(w, &w->director, "{\"scope\":\"all\",\"deployment\":\"%s\"}", p),
        AM_E_INVALID);
    assert_int_equal(
        nt_stop_as(w, &w->doctor, "{\"scope\":\"service\",\"deployment\":\"%s\"}", p),
        AM_E_INVALID);
    assert_true(nt_said_at(w, "schema.required", "/service"));
    assert_int_equal(nt_stop_as(w, &w->director,
                                "{\"scope\":\"service\",\"deployment\":\"%s\","
                                "\"service\":\"CARDOI\"}",
                                p),
                     AM_E_INVALID);
    assert_true(nt_said_at(w, "stop.service", "/service")); /* it would stop nothing */
    assert_int_equal(nt_stop_as(w, &w->director,
                                "{\"scope\":\"establishment\",\"deployment\":\"%s\","
                                "\"motive_code\":\"because I say so\"}",
                                p),
                     AM_E_INVALID);
    assert_true(nt_said_at(w, "schema.pattern", "/motive_code"));
    assert_int_equal(nt_stop_as(w, &w->director,
                                "{\"scope\":\"establishment\",\"deployment\":\"%s\","
                                "\"force\":true}",
                                p),
                     AM_E_INVALID);
    assert_true(nt_said_at(w, "schema.additionalProperties", "/force"));
    assert_int_equal(
        nt_stop_as(w, &w->director,
                   "{\"scope\":\"establishment\",\"deployment\":\"nothing\"}"),
        AM_E_NOTFOUND);
    who = w->director;
    snprintf(who.establishment, sizeof who.establishment, "CHU-CASA");
    assert_int_equal(
        nt_stop_as(w, &who, "{\"scope\":\"establishment\",\"deployment\":\"%s\"}", p),
        AM_E_FORBIDDEN);
    predict(w);
    who = w->doctor;
    who.role = LEDGER_NURSE;
    assert_ok(nt_stop_as(w, &who,
                         "{\"scope\":\"service\",\"deployment\":\"%s\",\"service\":"
                         "\"CARDIO\",\"motive_code\":\"drift\"}",
                         p));
    assert_stopped(w);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 0);
    assert_string_equal(ledger_stop_at(w->tk.l, 0)->motive_code, "drift");
    assert_int_equal(ledger_stop_at(w->tk.l, 0)->by_role, LEDGER_NURSE);
}

/* ---- brought by hand ------------------------------------------------------------ */
/* A stop signed by an actor of tk, as an envelope; not told to the registry. */
static void order(struct nt *w, enum tk_actor who, enum tk_actor by, const char *scope,
                  struct buf *envelope)
{
    struct buf r;
    char at[TIME_TEXT];
    buf_init(&r, 65536);
    buf_init(envelope, 1 << 20);
    tk_addf(&r, "{");
    tk_head(&w->tk, &r, who);
    tk_addf(&r,
            ",\"type\":\"stop\",\"scope\":\"%s\",\"model_digest\":\"%s\",\"gst\":"
            "\"" TK_REGION "\",\"establishment\":\"" TK_SITE "\",\"effect_at\":\"%s\"}",
            scope, w->tk.model_hex, time_format(time_now(), at));
    tk_make(&w->tk, LEDGER_EVENT, buf_str(&r));
    assert_ok(ledger_sign(buf_str(&w->tk.payload), w->tk.key[by], envelope));
    buf_release(&r);
}

static int bring(struct nt *w, struct str envelope)
{
    struct buf reply;
    int err;
    buf_init(&reply, 65536);
    diag_clear(&w->d);
    err = node_stop_order(w->n, envelope, &reply, &w->d);
    nt_take_reply(w, &reply, err);
    return err;
}

static void a_signed_order_is_obeyed_on_receipt(void **state)
{
    struct nt *w = *state;
    struct buf e;
    order(w, TK_DIRECTOR, TK_DIRECTOR, "establishment", &e);
    nt_away(w, true);
    predict(w);
    assert_ok(bring(w, buf_str(&e)));
    assert_int_equal(json_int(nt_get(w, "/withdrawn"), -1), 1);
    assert_stopped(w);
    assert_ok(bring(w, buf_str(&e))); /* twice is once */
    assert_int_equal(nt_state(w).outbox, 1);
    nt_away(w, false);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 0);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 1);
    assert_int_equal(bring(w, buf_str(&e)), AM_E_CONFLICT); /* known to all by now */
    buf_release(&e);
}

static bool stopped(struct nt *w)
{
    struct str none = STR("");
    return node_stopped_now(w->n, w->tk.model, str_c(w->deployment), STR(TK_USE), none);
}

/* It was sent an answer to an order it does not know. */
static bool answered(struct nt *w)
{
    bool yes;
    pthread_mutex_lock(&w->mu);
    yes = w->posts > w->logged;
    pthread_mutex_unlock(&w->mu);
    return yes;
}

static void an_order_that_is_pushed_is_obeyed_and_answered_at_once(void **state)
{
    struct nt *w = *state;
    struct buf e, news;
    order(w, TK_HAS1, TK_HAS1, "national", &e);
    predict(w);
    buf_init(&news, 1 << 20);
    tk_addf(&news, "{\"next\":99,\"orders\":[{\"index\":98,\"envelope\":%s}]}", e.p);
    nt_lie(w, NT_INSTEAD, "/api/v1/stops", 200, buf_str(&news));
    assert_eventually(stopped(w));
    nt_lie(w, NT_TRUTH, "", 0, STR(""));
    assert_stopped(w);
    /* First it acts; what waits is withdrawn after, and then it is answered. */
    assert_eventually(strcmp(nt_status(w, w->last), "withdrawn") == 0);
    /* The log has the order: what is sent is the answer, which this log does not know. */
    assert_eventually(node_sync(w->n) == AM_OK && answered(w));
    assert_int_equal(ledger_stops(w->tk.l), 0);
    buf_release(&news);
    buf_release(&e);
}

static void what_is_pushed_is_judged_like_any_order(void **state)
{
    struct nt *w = *state;
    struct buf e;
    order(w, TK_VENDOR, TK_VENDOR, "national", &e);
    assert_int_equal(node_stop_pushed(w->n, buf_str(&e), &w->d), AM_E_FORBIDDEN);
    buf_release(&e);
    order(w, TK_HAS1, TK_HAS1, "national", &e);
    e.p[e.n - 12] ^= 1; /* inside the signature */
    assert_true(node_stop_pushed(w->n, buf_str(&e), &w->d) != AM_OK);
    assert_false(stopped(w));
    buf_release(&e);
}

static void a_national_order_needs_one_key(void **state)
{
    struct nt *w = *state;
    struct buf e;
    order(w, TK_HAS1, TK_HAS1, "national", &e);
    assert_ok(bring(w, buf_str(&e)));
    assert_stopped(w);
    buf_release(&e);
}

static void orders_nobody_may_give_are_refused(void **state)
{
    struct nt *w = *state;
    struct buf e;
    order(w, TK_VENDOR, TK_VENDOR, "national", &e); /* vendors ask, they do not stop */
    assert_int_equal(bring(w, buf_str(&e)), AM_E_FORBIDDEN);
    buf_release(&e);
    order(w, TK_DIRECTOR, TK_LEAD2, "establishment", &e); /* another house signs */
    assert_int_equal(bring(w, buf_str(&e)), AM_E_FORBIDDEN);
    buf_release(&e);
    order(w, TK_STRANGER, TK_STRANGER, "national", &e); /* a key nobody granted */
    assert_int_equal(bring(w, buf_str(&e)), AM_E_FORBIDDEN);
    buf_release(&e);
    order(w, TK_DOCTOR, TK_DOCTOR, "patient", &e); /* no record names a patient */
    assert_int_equal(bring(w, buf_str(&e)), AM_E_INVALID);
    assert_true(nt_said_at(w, "stop.patient", "/scope"));
    buf_release(&e);
    order(w, TK_DIRECTOR, TK_DIRECTOR, "establishment", &e);
    {
        char *sig = strstr(e.p, "\"sig\":\"");
        assert_non_null(sig);
        sig[30] = sig[30] == 'A' ? 'B' : 'A';
        assert_true(bring(w, buf_str(&e)) == AM_E_FORBIDDEN);
        assert_true(bring(w, STR("{}")) == AM_E_INVALID);
        assert_true(bring(w, STR("not json")) != AM_OK);
    }
    buf_release(&e);
    predict(w);
    assert_int_equal(nt_state(w).outbox, 0);
}

/* ---- read in the log ------------------------------------------------------------ */
static void a_stop_in_the_log_withdraws_and_is_acknowledged_once(void **state)
{
    struct nt *w = *state;
    predict(w);
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_stopped(w);
    assert_string_equal(nt_status(w, w->last), "withdrawn");
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_ok(node_sync(w->n));
    assert_logged_once(w, 1);
}

/* A stop of another use, another house or another service is somebody else's. */
static void a_stop_elsewhere_changes_nothing_here(void **state)
{
    struct nt *w = *state;
    predict(w);
    assert_string_equal(tk_stop(&w->tk, TK_LEAD2, "service",
                                "\"gst\":\"GST-CS\",\"establishment\":\"CHU-CASA\","
                                "\"service\":\"CARDIO\","),
                        "ok");
    assert_string_equal(tk_stop(&w->tk, TK_DIRECTOR, "establishment",
                                "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE
                                "\",\"use_code\":\"OTHER\","),
                        "ok");
    assert_string_equal(tk_stop(&w->tk, TK_LEAD, "service",
                                "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE
                                "\",\"service\":\"DERMATO\","),
                        "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_string_equal(nt_status(w, w->last), "pending");
    predict(w);
    assert_int_equal(ledger_stops(w->tk.l), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ledger_stop_at(w->tk.l, i)->ack.n, 0);
}

static void a_lift_ends_that_order_and_no_other(void **state)
{
    struct nt *w = *state;
    uint8_t first[32];
    assert_ok(nt_stop(w));
    nt_pass(w, TIME_SECOND);
    assert_ok(nt_stop(w));
    assert_ok(node_sync(w->n));
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_int_equal(ledger_stops(w->tk.l), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *code;
        memcpy(first, ledger_stop_at(w->tk.l, i)->order, 32);
        tk_lift(&w->tk, TK_DIRECTOR, first);
        code = tk_co(&w->tk, TK_DIM);
        assert_string_equal(code, "ok");
        nt_publish(w);
        assert_ok(node_sync(w->n));
        if (i == 0)
            assert_stopped(w);
    }
    predict(w);
    nt_away(w, true);
    nt_close(w); /* and the lifted ones do not come back with a restart */
    assert_ok(nt_open(w));
    predict(w);
}

NT_MAIN(NT(a_stop_acts_before_anything_else),
        NT(pressed_while_the_registry_is_away_it_is_sent_once),
        NT(a_lost_answer_costs_nothing), NT(only_a_registry_takes_an_order_off_our_hands),
        NT(who_may_stop_what), NT(a_signed_order_is_obeyed_on_receipt),
        NT(an_order_that_is_pushed_is_obeyed_and_answered_at_once),
        NT(what_is_pushed_is_judged_like_any_order), NT(a_national_order_needs_one_key),
        NT(orders_nobody_may_give_are_refused),
        NT(a_stop_in_the_log_withdraws_and_is_acknowledged_once),
        NT(a_stop_elsewhere_changes_nothing_here),
        NT(a_lift_ends_that_order_and_no_other))
