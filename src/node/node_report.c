/* SPDX-License-Identifier: Apache-2.0 */
/* Vigilance in one gesture (lifecycle.md 9.1): from an output, a clinician says how bad
 * it was and since when it is known. What leaves is a `vigilance` event signed by this
 * node: the version, the house, codes, instants and the output's salted commitment --
 * never a patient, never who reported, never a word of free text. The note stays here. It
 * waits in the outbox while the registry is away; its clocks run from the awareness it
 * states, so that a line that is down buys nobody time. */
#include "base/log.h"
#include "node/node_run_priv.h"
#include "node/node_stop_priv.h"

enum { NODE_CASE_ID = 20, NODE_NOTE_MAX = 2000, NODE_TERMS_MAX = 100 };

struct node_report {
    struct node *n;
    const struct auth_account *who;
    struct str id, note;
    const struct json *request;
    char service[LEDGER_ID_MAX], commit[CRYPTO_HEX], model[CRYPTO_HEX],
        case_id[NODE_CASE_ID];
    int64_t at, aware_at;
    struct buf record, envelope;
    struct diag *d;
};

static int node_report_output(struct db_conn *c, void *arg)
{
    struct node_report *r = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT service,commitment,model FROM prediction WHERE id=$1"
                         " AND trace_index IS NOT NULL",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, r->id);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    node_text(r->service, sizeof r->service, db_str(s, 0));
    node_text(r->commit, sizeof r->commit, db_str(s, 1));
    node_text(r->model, sizeof r->model, db_str(s, 2));
    return node_sees_service(r->n, r->who, str_c(r->service)) ? AM_OK : AM_E_NOTFOUND;
}

static int node_report_read(struct node_report *r)
{
    static const struct node_member known[] = {
        {"severity", JSON_STRING, true, 32},
        {"false_negative", JSON_BOOL, false, 0},
        {"widespread", JSON_BOOL, false, 0},
        {"personal_data", JSON_BOOL, false, 0},
        {"terms", JSON_ARRAY, false, 0},
        {"aware_at", JSON_STRING, false, 40},
        {"note", JSON_STRING, false, NODE_NOTE_MAX}};
    enum ledger_severity severity;
    struct str aware = json_get_str(r->request, "aware_at");
    int err = node_members(r->request, known, AM_LEN(known), r->d);
    if (err)
        return err;
    if (ledger_severity_parse(json_get_str(r->request, "severity"), &severity))
        diag_err(r->d, "/severity", "schema.enum",
                 "non_serious, serious, life_threatening or death");
    r->aware_at = r->at;
    if (aware.n && (time_parse(aware, &r->aware_at) || r->aware_at > r->at))
        diag_err(r->d, "/aware_at", "guard.awareness", "an instant that is not to come");
    if (json_size(json_get(r->request, "terms")) > NODE_TERMS_MAX)
        diag_err(r->d, "/terms", "schema.maxItems", "100 at most");
    r->note = json_get_str(r->request, "note");
    return diag_result(r->d);
}

static int node_report_case(struct node_report *r)
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[10];
    int year, month, day, err = crypto_random(random, sizeof random);
    size_t n;
    time_ymd(r->at, &year, &month, &day);
    n = (size_t)snprintf(r->case_id, sizeof r->case_id, "VIG-%04d-", year);
    for (size_t i = 0; i < sizeof random && n + 1 < sizeof r->case_id; i++)
        r->case_id[n++] = base32[random[i] & 31];
    r->case_id[n] = 0;
    return err;
}

/* A first report may be incomplete (section 9.1): without codes it says what is known,
 * and a coding follow-up says more. IMDRF/AET/N43, annexes A and F, release 2022 (27
 * January 2022), as published in github.com/erroronline1/qualitymanagement at commit
 * 221cf4eb: A0908    "Incorrect, Inadequate or Imprecise Result or Readings" (under A09,
 * output) A090803  "False Negative Result", below it: the term to use when that is known
 *   F02      "Death"
 *   F24      "Insufficient Information": not yet enough to classify the health impact.
 *            F26, "No Health Consequences or Impact", would claim what nobody knows. */
static void node_report_terms(const struct node_report *r, struct jw *w)
{
    const struct json *given = json_get(r->request, "terms");
    bool death = str_eqc(json_get_str(r->request, "severity"), "death"),
         missed = json_bool(json_get(r->request, "false_negative"), false);
    jw_key(w, "terms");
    if (json_size(given)) {
        jw_val(w, given);
        return;
    }
    jw_arr(w);
    jw_strz(w, missed ? "A090803" : "A0908");
    jw_strz(w, death ? "F02" : "F24");
    jw_arr_end(w);
}

static int node_report_record(struct node_report *r)
{
    static const char *const flag[] = {"false_negative", "widespread", "personal_data"};
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, &r->record);
    jw_obj(&w);
    jw_kstrz(&w, "type", "vigilance");
    jw_kstrz(&w, "issued_at", time_format(r->at, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", r->n->name);
    jw_obj_end(&w);
    jw_kstrz(&w, "case_id", r->case_id);
    jw_kstrz(&w, "model_digest", r->model);
    jw_kstrz(&w, "establishment", r->n->establishment);
    jw_kstrz(&w, "gst", r->n->gst);
    jw_kval(&w, "severity", json_get(r->request, "severity"));
    for (size_t i = 0; i < AM_LEN(flag); i++)
        if (json_bool(json_get(r->request, flag[i]), false))
            jw_kbool(&w, flag[i], true);
    jw_kstrz(&w, "aware_at", time_format(r->aware_at, at));
    jw_key(&w, "traces");
    jw_arr(&w);
    jw_strz(&w, r->commit);
    jw_arr_end(&w);
    node_report_terms(r, &w);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Under fold. What the registry would not take is said now, to whoever can mend it. A key
 * that is not in the mirror's directory yet may be in the log's: that waits. */
static int node_report_judge(void *arg, const struct ledger *l)
{
    struct node_report *r = arg;
    struct ledger_envelope env;
    struct ledger_outcome o;
    int err = ledger_envelope_open(buf_str(&r->envelope), &env, NULL);
    if (err)
        return err;
    err = ledger_admit_together(l, buf_str(&env.payload), &env.keyid, 1, &o, r->d);
    if (err == AM_E_FORBIDDEN) {
        diag_clear(r->d);
        err = AM_OK;
    }
    ledger_envelope_release(&env);
    return err;
}

static int node_report_store(struct db_conn *c, void *arg)
{
    struct node_report *r = arg;
    int err = db_exec(c,
                      "INSERT INTO report(prediction,case_id,at,aware_at,who,note)"
                      " VALUES($1,$2,$3,$4,$5,$6) ON CONFLICT(prediction) DO NOTHING",
                      "ssiiss", r->id, str_c(r->case_id), r->at, r->aware_at,
                      str_c(r->who->pseudonym), r->note.n ? r->note : STR(""));
    if (!err && !db_changes(c)) {
        diag_err(r->d, "", "report.done", "this output was reported already");
        return AM_E_CONFLICT;
    }
    return err ? err : node_queue_envelope(c, buf_str(&r->envelope));
}

static int node_report_reply(const struct node_report *r, struct buf *reply)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, reply);
    jw_obj(&w);
    jw_kstrz(&w, "case_id", r->case_id);
    jw_kstrz(&w, "aware_at", time_format(r->aware_at, at));
    jw_kstrz(&w, "commitment", r->commit);
    jw_obj_end(&w);
    return jw_done(&w);
}

int node_report(struct node *n, const struct auth_account *who, struct str id,
                const struct json *request, struct buf *reply, struct diag *d)
{
    struct node_report r = {
        .n = n, .who = who, .id = id, .request = request, .at = time_now(), .d = d};
    uint8_t digest[32];
    int err = node_report_read(&r);
    if (!err)
        err = db_read(n->db, node_report_output, &r);
    if (err)
        return err;
    buf_init(&r.record, NODE_RECORD_MAX);
    buf_init(&r.envelope, NODE_RECORD_MAX * 2);
    err = node_report_case(&r);
    if (!err)
        err = node_report_record(&r);
    if (!err)
        err = node_sign_event(n, buf_str(&r.record), &r.envelope, digest);
    if (!err)
        err = node_view(n, node_report_judge, &r);
    if (!err)
        err = db_write(n->db, node_report_store, &r);
    if (!err) {
        LOG_I("node.reported", log_s("case", r.case_id));
        node_hurry(n);
        err = node_report_reply(&r, reply);
    }
    buf_release(&r.envelope);
    buf_release(&r.record);
    return err;
}

struct node_report_look {
    struct str id;
    struct buf *out;
};

static int node_report_find(struct db_conn *c, void *arg)
{
    struct node_report_look *k = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "SELECT case_id FROM report WHERE prediction=$1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->id);
    err = db_step(s, &row);
    return err ? err : row ? buf_add(k->out, db_str(s, 0)) : AM_E_NOTFOUND;
}

int node_report_of(struct node *n, struct str id, struct buf *case_id)
{
    struct node_report_look k = {id, case_id};
    return db_read(n->db, node_report_find, &k);
}
