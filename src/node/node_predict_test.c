/* SPDX-License-Identifier: Apache-2.0 */
/* A prediction's life, for real: gate, model in its worker, rows, trace, proof, verdict.
 */
#include "node/node_testkit.h"

#include <math.h>

static void predict(struct nt *w, int age, double marker)
{
    int err = nt_predict(w, age, marker);
    if (err)
        fail_msg("%s: %s %s", am_err_text(err), w->d.n ? w->d.item[0].code : "",
                 w->d.n ? w->d.item[0].detail : "");
}

static void a_prediction_is_recorded_traced_and_answered(void **state)
{
    struct nt *w = *state;
    struct model *m = NULL;
    double x[2] = {60, 200}, p;
    predict(w, 60, 200);
    assert_ok(model_load(&m, buf_str(&w->weights), NULL));
    assert_ok(model_score(m, x, 1, &p));
    model_free(m);
    assert_near(json_num(nt_get(w, "/probability"), NAN), p, 1e-15);
    assert_str_equal(json_str(nt_get(w, "/status")), "preliminary");
    assert_str_equal(json_str(nt_get(w, "/riskAssessment/status")), "preliminary");
    assert_true(json_bool(nt_get(w, "/above_threshold"), false) == (p >= 0.5));
    assert_int_equal(json_int(nt_get(w, "/trace/index"), -1), 0);
    assert_int_equal(json_size(nt_get(w, "/explanation")), 2);
    assert_string_equal(nt_status(w, w->last), "pending");
    assert_int_equal(nt_state(w).trace_size, 1);
    assert_int_equal(nt_state(w).pending, 1);
}

/* ---- requests ------------------------------------------------------------------- */
static void what_a_request_gets_wrong_is_named(void **state)
{
    struct nt *w = *state;
    static const struct {
        const char *text, *code, *path;
    } bad[] = {
        {"[]", "schema.type", ""},
        {"{}", "schema.required", "/deployment"},
        {"{}", "schema.required", "/service"},
        {"{}", "schema.required", "/bundle"},
        {"{\"deployment\":1,\"service\":\"S\",\"bundle\":{}}", "schema.type",
         "/deployment"},
        {"{\"deployment\":\"d\",\"service\":\"\",\"bundle\":{}}", "schema.minLength",
         "/service"},
        {"{\"deployment\":\"d\",\"service\":\"S\",\"bundle\":[]}", "schema.type",
         "/bundle"},
        {"{\"deployment\":\"d\",\"service\":\"S\",\"bundle\":{},\"a/b~\":1}",
         "schema.additionalProperties", "/a~1b~0"},
        {"{\"deployment\":\"d\",\"service\":\"S\",\"bundle\":{},\"lang\":\"a language "
         "far too long\"}",
         "schema.maxLength", "/lang"},
    };
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        assert_int_equal(nt_ask(w, &w->doctor, bad[i].text), AM_E_INVALID);
        if (!nt_said_at(w, bad[i].code, bad[i].path))
            fail_msg("%s: no %s at %s", bad[i].text, bad[i].code, bad[i].path);
    }
    assert_int_equal(nt_predict(w, 60, 5000), AM_E_INVALID);
    assert_true(nt_said_at(w, "input.out_of_range", "/inputs/marker"));
    assert_int_equal(nt_state(w).trace_size, 0);
}

static void the_gate_names_every_reason(void **state)
{
    struct nt *w = *state;
    struct auth_account who = w->doctor;
    assert_int_equal(nt_predict_as(w, &who, "URGENCES", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.service"));
    snprintf(who.services, sizeof who.services, "DERMATO");
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.service"));
    who = w->doctor;
    who.competences[0] = 0;
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.competence"));
    snprintf(who.competences, sizeof who.competences, TK_USE "=2026-11-20");
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.competence"));
    who = w->doctor;
    snprintf(who.establishment, sizeof who.establishment, "CHU-CASA");
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.establishment"));
    assert_int_equal(nt_predict_as(w, &w->director, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.user"));
    assert_int_equal(nt_predict(w, 12, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.out_of_population"));
    who.competences[0] = 0; /* several at once */
    assert_int_equal(nt_predict_as(w, &who, "X", 12, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.competence") && nt_said(w, "refusal.service") &&
                nt_said(w, "refusal.establishment") &&
                nt_said(w, "refusal.out_of_population"));
    for (size_t i = 0; i < w->d.n; i++)
        assert_string_equal(w->d.item[i].arg[0].name, "lift");
    w->deployment[0] ^= 1;
    assert_int_equal(nt_predict(w, 60, 200), AM_E_REFUSED);
    assert_true(nt_said(w, "refusal.unknown_deployment"));
    assert_int_equal(nt_state(w).refused, 9);
    assert_int_equal(nt_state(w).trace_size, 0);
    assert_int_equal(nt_state(w).pending, 0);
}

/* The problem that names this training: its argument `name`, "" without one, NULL when no
 * problem names it. */
static const char *lacks(const struct nt *w, const char *training, const char *name)
{
    for (size_t i = 0; i < w->d.n; i++) {
        const struct diag_item *x = &w->d.item[i];
        const char *value = "";
        bool named = false;
        for (size_t k = 0; k < x->args; k++) {
            named |=
                !strcmp(x->arg[k].name, "training") && !strcmp(x->arg[k].value, training);
            if (!strcmp(x->arg[k].name, name))
                value = x->arg[k].value;
        }
        if (named && !strcmp(x->code, "refusal.competence"))
            return value;
    }
    return NULL;
}

#define CS_TRAINING "\"system\":\"urn:amane:cs:training\""
static void each_training_of_the_record_needs_its_own_certificate(void **state)
{
    struct nt *w = *state;
    struct auth_account who = w->doctor;
    predict(w, 60, 200); /* names no training: the use's certificate is asked */
    nt_require(w, "[{" CS_TRAINING ",\"code\":\"t1\"},{" CS_TRAINING
                  ",\"code\":\"t2\",\"display\":\"Reading a risk\"}]");
    /* the correction is what the next prediction reads, and the use no longer counts */
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_int_equal(w->d.errors, 2);
    assert_string_equal(lacks(w, "t1", "until"), "");
    assert_string_equal(lacks(w, "t2", "until"), "");
    assert_string_equal(lacks(w, "t2", "lift"), "get_certificate");
    snprintf(who.competences, sizeof who.competences, "t1=2027-06-30 t2=2026-11-20");
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_int_equal(w->d.errors, 1); /* one of the two is over */
    assert_null(lacks(w, "t1", "until"));
    assert_string_equal(lacks(w, "t2", "until"), "2026-11-20");
    snprintf(who.competences, sizeof who.competences, "t1=2027-06-30 t2=2026-11-22");
    assert_ok(nt_predict_as(w, &who, "CARDIO", 60, 200)); /* its last day is today */
    nt_pass(w, TIME_DAY);
    nt_publish(w); /* the lease, of that day too */
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_predict_as(w, &who, "CARDIO", 60, 200), AM_E_REFUSED);
    assert_string_equal(lacks(w, "t2", "until"), "2026-11-22");
}

static void the_house_reads_what_an_account_lacks(void **state)
{
    struct nt *w = *state;
    struct auth_account who = w->doctor;
    struct json_doc *doc = NULL;
    struct buf b;
    nt_require(w, "[{" CS_TRAINING ",\"code\":\"t1\"},{" CS_TRAINING
                  ",\"code\":\"t2\",\"display\":\"Reading a risk\"}]");
    buf_init(&b, 1 << 16);
    snprintf(who.competences, sizeof who.competences, "t1=2026-11-20");
    assert_ok(node_competences(w->n, &who, &b));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    const struct json *x = json_pointer(json_root(doc), STR("/items/0"));
    assert_true(json_str_is(json_get(x, "deployment"), w->deployment));
    assert_false(json_bool(json_get(x, "ready"), true));
    assert_true(json_str_is(json_pointer(x, STR("/trainings/0/code")), "t1"));
    assert_false(json_bool(json_pointer(x, STR("/trainings/0/held")), true));
    assert_true(json_int(json_pointer(x, STR("/trainings/0/until")), 0) < time_now());
    assert_true(
        json_str_is(json_pointer(x, STR("/trainings/1/display")), "Reading a risk"));
    assert_null(json_pointer(x, STR("/trainings/1/until")));
    json_free(doc);
    buf_clear(&b);
    snprintf(who.competences, sizeof who.competences, "t1=2026-11-22 t2=2027-01-01");
    assert_ok(node_competences(w->n, &who, &b));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    assert_true(json_bool(json_pointer(json_root(doc), STR("/items/0/ready")), false));
    json_free(doc);
    buf_release(&b);
}

/* ---- verdicts ------------------------------------------------------------------- */
static void one_verdict_and_no_second(void **state)
{
    struct nt *w = *state;
    predict(w, 60, 200);
    assert_ok(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}"));
    assert_int_equal(
        nt_validate_as(w, &w->doctor, w->last,
                       "{\"outcome\":\"refused\",\"reason_code\":\"context\"}"),
        AM_E_CONFLICT);
    assert_true(nt_said(w, "validation.done"));
    assert_string_equal(nt_status(w, w->last), "accepted");
    assert_int_equal(json_int(nt_get(w, "/validation_index"), -1), 1);
    assert_int_equal(nt_validate_as(w, &w->doctor, "01M80000000000000000000000",
                                    "{\"outcome\":\"accepted\"}"),
                     AM_E_NOTFOUND);
}

static void a_verdict_is_checked(void **state)
{
    struct nt *w = *state;
    struct auth_account who = w->doctor;
    static const struct {
        const char *text, *code, *path;
    } bad[] = {
        {"{}", "schema.required", "/outcome"},
        {"{\"outcome\":\"final\"}", "validation.outcome", "/outcome"},
        {"{\"outcome\":\"refused\"}", "schema.required", "/reason_code"},
        {"{\"outcome\":\"corrected\",\"reason_code\":\"r\"}", "validation.value",
         "/corrected_value"},
        {"{\"outcome\":\"corrected\",\"reason_code\":\"r\",\"corrected_value\":1.5}",
         "validation.value", "/corrected_value"},
        {"{\"outcome\":\"corrected\",\"reason_code\":\"r\",\"corrected_value\":\"1\"}",
         "schema.type", "/corrected_value"},
        {"{\"outcome\":\"accepted\",\"status\":\"final\"}", "schema.additionalProperties",
         "/status"},
    };
    predict(w, 60, 200);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        assert_int_equal(nt_validate_as(w, &w->doctor, w->last, bad[i].text),
                         AM_E_INVALID);
        if (!nt_said_at(w, bad[i].code, bad[i].path))
            fail_msg("%s: no %s at %s", bad[i].text, bad[i].code, bad[i].path);
    }
    who.role = LEDGER_NURSE;
    assert_int_equal(nt_validate_as(w, &who, w->last, "{\"outcome\":\"accepted\"}"),
                     AM_E_FORBIDDEN);
    who = w->doctor;
    snprintf(who.services, sizeof who.services, "DERMATO");
    assert_int_equal(nt_validate_as(w, &who, w->last, "{\"outcome\":\"accepted\"}"),
                     AM_E_FORBIDDEN);
    who = w->doctor;
    snprintf(who.establishment, sizeof who.establishment, "CHU-CASA");
    assert_int_equal(nt_validate_as(w, &who, w->last, "{\"outcome\":\"accepted\"}"),
                     AM_E_FORBIDDEN);
    assert_string_equal(nt_status(w, w->last), "pending");
}

/* ---- the property: no path makes an output final without a person --------------- */
struct finals {
    unsigned versions, finals, withdrawn, preliminary;
};

static int read_finals(struct db_conn *c, void *arg)
{
    struct finals *f = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT r.version,r.body,v.outcome,v.body FROM resource AS r"
                         " LEFT JOIN validation AS v ON v.prediction=r.id WHERE"
                         " r.type='RiskAssessment'",
                         &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        struct json_doc *ra = NULL, *verdict = NULL;
        struct str status, outcome;
        assert_ok(json_parse(&ra, db_str(s, 1), NULL, NULL));
        status = json_get_str(json_root(ra), "status");
        f->versions++;
        if (db_int(s, 0) == 1) {
            assert_str_equal(status, "preliminary");
            f->preliminary++;
        } else {
            assert_false(db_null(s, 2)); /* a second version has its verdict or order */
            outcome = db_str(s, 2);
            assert_ok(json_parse(&verdict, db_str(s, 3), NULL, NULL));
            if (str_eqc(status, "final") || str_eqc(status, "corrected")) {
                assert_true(str_eqc(outcome, "accepted") ||
                            str_eqc(outcome, "corrected"));
                assert_str_equal(json_get_str(json_root(verdict), "staff"), "ps");
                assert_str_equal(json_get_str(json_root(verdict), "role"), "physician");
                f->finals++;
            } else if (str_eqc(outcome, "withdrawn")) {
                assert_str_equal(status, "entered-in-error");
                assert_int_equal(json_get_str(json_root(verdict), "order").n, 64);
                f->withdrawn++;
            } else {
                assert_str_equal(outcome, "refused");
                assert_str_equal(status, "cancelled");
            }
        }
        json_free(ra);
        json_free(verdict);
    }
    return err;
}

static void no_path_makes_an_output_final_without_a_person(void **state)
{
    static const char *const verdict[] = {
        NULL, "{\"outcome\":\"accepted\"}",
        "{\"outcome\":\"corrected\",\"reason_code\":\"r\",\"corrected_value\":0.25}",
        "{\"outcome\":\"refused\",\"reason_code\":\"r\"}"};
    enum { N = 24 };
    struct nt *w = *state;
    struct auth_account nurse = w->doctor;
    struct finals f = {0};
    char id[N][CRYPTO_HEX];
    nurse.role = LEDGER_NURSE;
    for (int i = 0; i < N; i++) {
        predict(w, 40 + i, 200 + i);
        memcpy(id[i], w->last, sizeof id[i]);
        if (verdict[i % 4]) {
            assert_int_equal(nt_validate_as(w, &nurse, id[i], verdict[i % 4]),
                             AM_E_FORBIDDEN);
            assert_ok(nt_validate_as(w, &w->doctor, id[i], verdict[i % 4]));
        }
        for (size_t k = 1; k < AM_LEN(verdict) && verdict[i % 4]; k++)
            assert_int_equal(nt_validate_as(w, &w->doctor, id[i], verdict[k]),
                             AM_E_CONFLICT);
    }
    assert_ok(nt_stop(w));
    assert_int_equal(json_int(nt_get(w, "/withdrawn"), -1), N / 4);
    for (int i = 0; i < N; i++)
        for (size_t k = 1; k < AM_LEN(verdict); k++)
            assert_int_equal(nt_validate_as(w, &w->doctor, id[i], verdict[k]),
                             AM_E_CONFLICT);
    assert_ok(db_read(w->n->db, read_finals, &f));
    assert_int_equal(f.preliminary, N);
    assert_int_equal(f.finals, N / 2);
    assert_int_equal(f.withdrawn, N / 4);
    assert_int_equal(f.versions, 2 * N);
    assert_int_equal(nt_state(w).pending, 0);
    assert_int_equal(nt_state(w).trace_size, 2 * N); /* each in the trace, each once */
}

/* ---- proofs --------------------------------------------------------------------- */
static void read_proof(const struct json *list, struct tlog_proof *out)
{
    struct buf b;
    buf_init(&b, 64);
    out->n = 0;
    for (json_each(it, list)) {
        buf_clear(&b);
        assert_ok(crypto_unbase64(&b, json_str(it.val)));
        assert_int_equal(b.n, TLOG_HASH);
        memcpy(out->node[out->n++].h, b.p, TLOG_HASH);
    }
    buf_release(&b);
}

/* A leaf of the trace: commitment recomputed from the salt, inclusion up to the root. */
static void check_leaf(const struct json *part, const struct tlog_checkpoint *c)
{
    struct tlog_proof proof;
    struct tlog_hash leaf;
    struct json_doc *entry = NULL;
    struct buf trace;
    struct jw j;
    uint8_t salt[32];
    char commit[CRYPTO_HEX];
    buf_init(&trace, 1 << 20);
    jw_init(&j, &trace);
    jw_val(&j, json_get(part, "trace"));
    assert_ok(jw_done(&j));
    assert_ok(crypto_unhex(json_get_str(part, "salt"), salt, 32));
    assert_ok(node_commit("amane/trace/v1", salt, buf_str(&trace), commit));
    assert_true(str_eqc(json_get_str(part, "commit"), commit));
    assert_ok(json_parse(&entry, json_get_str(part, "leaf"), NULL, NULL));
    assert_true(json_str_is(json_get(json_root(entry), "commit"), commit));
    tlog_leaf_hash(json_get_str(part, "leaf"), &leaf);
    read_proof(json_get(part, "inclusion"), &proof);
    assert_ok(tlog_verify_inclusion(&proof,
                                    (uint64_t)json_int(json_get(part, "index"), -1),
                                    &leaf, c->size, &c->root));
    leaf.h[0] ^= 1;
    assert_int_equal(
        tlog_verify_inclusion(&proof, (uint64_t)json_int(json_get(part, "index"), -1),
                              &leaf, c->size, &c->root),
        AM_E_TAMPERED);
    json_free(entry);
    buf_release(&trace);
}

static void get_proof(struct nt *w)
{
    struct buf b;
    int err;
    buf_init(&b, 8 << 20);
    err = node_proof(w->n, str_c(w->last), &b);
    nt_take_reply(w, &b, err);
    assert_ok(err);
}

static void proofs_lead_from_the_output_to_the_national_root(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint own, national;
    struct tlog_proof proof;
    struct tlog_hash leaf;
    const struct json *nat;
    int64_t index;
    for (int i = 0; i < 7; i++)
        predict(w, 40 + i, 200);
    assert_ok(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}"));
    get_proof(w);
    assert_ok(tlog_checkpoint_open(json_str(nt_get(w, "/checkpoint")),
                                   tlog_key(w->n->trace), &own));
    assert_int_equal(own.size, 8);
    check_leaf(nt_get(w, "/prediction"), &own);
    check_leaf(nt_get(w, "/validation"), &own);
    assert_null(nt_get(w, "/national")); /* not told the country yet */
    assert_ok(node_sync(w->n));
    assert_int_equal(w->logged, 1);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    get_proof(w);
    nat = nt_get(w, "/national");
    assert_int_equal(json_int(json_get(nat, "trace_size"), 0), 8);
    assert_ok(tlog_checkpoint_open(json_get_str(nat, "checkpoint"),
                                   ledger_log_key(w->tk.l), &national));
    assert_int_equal(json_int(json_get(nat, "tree_size"), 0), (int64_t)national.size);
    index = json_int(json_get(nat, "index"), -1);
    tlog_leaf_hash((struct str){w->tk.leaf.v[index], w->tk.leaf_n.v[index]}, &leaf);
    read_proof(json_get(nat, "inclusion"), &proof);
    assert_ok(tlog_verify_inclusion(&proof, (uint64_t)index, &leaf, national.size,
                                    &national.root));
    assert_memory_equal(&ledger_node_at(w->tk.l, 0)->last.root, &own.root, TLOG_HASH);
}

/* ---- lists ---------------------------------------------------------------------- */
static int64_t page(struct nt *w, const char *filter, int64_t before, unsigned limit,
                    size_t expect)
{
    struct buf b;
    int err;
    buf_init(&b, 8 << 20);
    err = node_predictions(w->n, str_c(filter), STR(""), before, limit, &b);
    nt_take_reply(w, &b, err);
    assert_ok(err);
    assert_int_equal(json_size(nt_get(w, "/items")), expect);
    return json_int(nt_get(w, "/next"), 0);
}

static void pages_never_cut_an_instant(void **state)
{
    struct nt *w = *state;
    int64_t next;
    for (int i = 0; i < 3; i++) {
        predict(w, 40 + i, 200);
        predict(w, 50 + i, 200); /* the clock stands still: the same instant */
        nt_pass(w, TIME_SECOND);
    }
    next = page(w, "", 0, 1, 2);
    assert_true(next > 0);
    next = page(w, "", next, 3, 4);
    assert_int_equal(next, 0);
    assert_int_equal(page(w, "pending", 0, 50, 6), 0);
    assert_int_equal(page(w, "validated", 0, 50, 0), 0);
    assert_ok(nt_validate_as(w, &w->doctor, w->last, "{\"outcome\":\"accepted\"}"));
    page(w, "validated", 0, 50, 1);
    page(w, "withdrawn", 0, 50, 0);
}

/* ---- crashes -------------------------------------------------------------------- */
static int forget_index(struct db_conn *c, void *arg)
{
    return db_exec(c, "UPDATE prediction SET trace_index=NULL WHERE id=$1", "s",
                   str_c(arg));
}

static int never_appended(struct db_conn *c, void *arg)
{
    return db_exec(c,
                   "UPDATE prediction SET trace_index=NULL,commitment='"
                   "00000000000000000000000000000000000000000000000000000000000000aa'"
                   " WHERE id=$1",
                   "s", str_c(arg));
}

/* As a kill between the log and the rows, and one between the rows and the log, leave
 * them. */
static void rows_without_an_index_get_theirs_at_start(void **state)
{
    struct nt *w = *state;
    char id[3][CRYPTO_HEX];
    for (int i = 0; i < 3; i++) {
        predict(w, 60, 200);
        memcpy(id[i], w->last, sizeof id[i]);
    }
    assert_ok(db_write(w->n->db, never_appended, id[1]));
    assert_ok(db_write(w->n->db, forget_index, id[2]));
    assert_string_equal(nt_status(w, id[2]), am_err_text(AM_E_NOTFOUND)); /* no output */
    assert_int_equal(nt_validate_as(w, &w->doctor, id[2], "{\"outcome\":\"accepted\"}"),
                     AM_E_NOTFOUND);
    nt_close(w);
    assert_ok(nt_open(w));
    assert_string_equal(nt_status(w, id[2]), "pending");
    assert_int_equal(json_int(nt_get(w, "/trace/index"), -1), 2);
    nt_status(w, id[1]);
    assert_int_equal(json_int(nt_get(w, "/trace/index"), -1), 3);
    assert_int_equal(nt_state(w).trace_size, 4);
}

NT_MAIN(NT(a_prediction_is_recorded_traced_and_answered),
        NT(what_a_request_gets_wrong_is_named), NT(the_gate_names_every_reason),
        NT(each_training_of_the_record_needs_its_own_certificate),
        NT(the_house_reads_what_an_account_lacks), NT(one_verdict_and_no_second),
        NT(a_verdict_is_checked), NT(no_path_makes_an_output_final_without_a_person),
        NT(proofs_lead_from_the_output_to_the_national_root),
        NT(pages_never_cut_an_instant), NT(rows_without_an_index_get_theirs_at_start))
