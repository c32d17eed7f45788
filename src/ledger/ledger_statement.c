/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_statement -- a record inside an in-toto Statement, and back.
 *
 * Own predicate types carry the record as predicate. Evidence is test-result v0.1 and a
 * decision is SLSA VSA v1: standard fields plus one extension member `amane_record`. The
 * standard fields are derived from the record and from nothing else; reading a statement
 * derives them again and compares bytes, so that they can never tell another story than
 * the record does. Sources: in-toto attestation Statement v1, test-result v0.1, SLSA VSA
 * v1. */
#include "ledger/ledger_priv.h"

static const char *const kind_type[] = {
#define X(id, name, type) [LEDGER_##id] = type,
    LEDGER_KIND_MAP(X)
#undef X
};

bool ledger_unhex(const struct json *v, uint8_t out[32])
{
    struct str s = json_str(v);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'F')
            return false; /* digests are written in lower case */
    return crypto_unhex(s, out, 32) == AM_OK;
}

static int problem(struct diag *d, const char *path, const char *detail)
{
    diag_err(d, path, "statement.member", "%s", detail);
    return AM_E_INVALID;
}

/* Evidence carries measures, not verdicts; a verdict may come along in row_results. With
 * none, the run reads as WARNED: nobody may take it for a pass (in-toto parsing rules: a
 * reader that knows only the standard fields must not conclude more than we do). */
static const char *test_result(const struct json *record)
{
    bool any = false, warned = false;
    for (json_each(it, json_get(record, "row_results"))) {
        struct str v = json_get_str(it.val, "verdict");
        if (str_eqc(v, "fail"))
            return "FAILED";
        warned |= str_eqc(v, "insufficient");
        any = true;
    }
    return any && !warned ? "PASSED" : "WARNED";
}

static void rows_with(struct jw *w, const char *key, const struct json *record,
                      const char *verdict)
{
    jw_key(w, key);
    jw_arr(w);
    for (json_each(it, json_get(record, "row_results")))
        if (json_str_is(json_get(it.val, "verdict"), verdict))
            jw_str(w, json_get_str(it.val, "row"));
    jw_arr_end(w);
}

static void digest_of(struct jw *w, const char *name, struct str hex)
{
    if (hex.n != CRYPTO_HEX - 1)
        return;
    jw_obj(w);
    jw_key(w, "digest");
    jw_obj(w);
    jw_kstr(w, "sha256", hex);
    jw_obj_end(w);
    if (name)
        jw_kstrz(w, "name", name);
    jw_obj_end(w);
}

static void write_test_result(struct jw *w, const struct json *record, struct str raw)
{
    const struct json *bench = json_get(record, "bench");
    jw_key(w, "amane_record");
    jw_raw(w, raw);
    jw_key(w, "configuration");
    jw_arr(w);
    digest_of(w, "bench", json_get_str(bench, "sha256"));
    digest_of(w, "configuration", json_get_str(bench, "config_sha256"));
    digest_of(w, "dataset", json_get_str(json_get(record, "dataset"), "sha256"));
    digest_of(w, "scores", json_get_str(record, "scores_sha256"));
    jw_arr_end(w);
    rows_with(w, "failedTests", record, "fail");
    rows_with(w, "passedTests", record, "pass");
    jw_kstrz(w, "result", test_result(record));
    rows_with(w, "warnedTests", record, "insufficient");
}

/* A VSA has two values: deferred and suspended must read as "not allowed" (field 60). */
static bool vsa_passed(struct str outcome)
{
    return str_eqc(outcome, "granted") || str_eqc(outcome, "reinstated") ||
           str_eqc(outcome, "maintained") || str_eqc(outcome, "reduced");
}

static void write_vsa(struct jw *w, const struct json *record, struct str raw,
                      struct str type_base)
{
    bool passed = vsa_passed(json_get_str(record, "outcome"));
    enum ledger_level level = LEDGER_LEVEL_NONE;
    static const char *const name[] = {"", "AMANE_LABEL_BASE", "AMANE_LABEL_INTERMEDIATE",
                                       "AMANE_LABEL_ADVANCED"};
    if (ledger_level_parse(json_get_str(record, "label_level"), &level))
        level = LEDGER_LEVEL_NONE;
    jw_key(w, "amane_record");
    jw_raw(w, raw);
    jw_key(w, "inputAttestations");
    jw_arr(w);
    for (json_each(it, json_get(record, "evidence")))
        digest_of(w, NULL, json_str(it.val));
    jw_arr_end(w);
    jw_key(w, "policy");
    jw_obj(w);
    jw_key(w, "digest");
    jw_obj(w);
    jw_kstr(w, "sha256", json_get_str(record, "policy_sha256"));
    jw_obj_end(w);
    jw_key(w, "uri");
    jw_strf(w, "%.*s/policy", STR_FMT(type_base));
    jw_obj_end(w);
    jw_key(w, "resourceUri");
    jw_strf(w, "%.*s/model/%.*s", STR_FMT(type_base),
            STR_FMT(json_get_str(record, "model_digest")));
    jw_kstr(w, "timeVerified", json_get_str(record, "decided_at"));
    jw_kstrz(w, "verificationResult", passed ? "PASSED" : "FAILED");
    jw_key(w, "verifiedLevels");
    jw_arr(w);
    if (passed && level)
        jw_strz(w, name[level]);
    jw_arr_end(w);
    jw_key(w, "verifier");
    jw_obj(w);
    jw_key(w, "id");
    jw_strf(w, "%.*s/organisation/%.*s", STR_FMT(type_base),
            STR_FMT(json_get_str(json_get(record, "issuer"), "org_id")));
    jw_obj_end(w);
}

static void write_subject(struct jw *w, enum ledger_kind kind, const struct json *record,
                          const uint8_t digest[32])
{
    char hex[CRYPTO_HEX];
    crypto_hex(digest, 32, hex);
    jw_key(w, "subject");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "digest");
    jw_obj(w);
    jw_kstrz(w, "sha256", hex);
    jw_obj_end(w);
    jw_key(w, "name");
    if (kind == LEDGER_ALGORITHM)
        jw_str(w, json_get_str(record, "algorithm_id"));
    else if (kind == LEDGER_EVENT)
        jw_str(w, json_get_str(record, "type"));
    else
        jw_strz(w, "model");
    jw_obj_end(w);
    jw_arr_end(w);
}

static bool about_record(enum ledger_kind kind)
{
    return kind == LEDGER_ALGORITHM || kind == LEDGER_EVENT;
}

/* What every statement needs, whatever its kind; the rest is the fold's business. */
static int check_record(enum ledger_kind kind, const struct json *r, struct diag *d)
{
    int64_t at;
    uint8_t digest[32];
    const struct json *issuer = json_get(r, "issuer");
    struct str id = json_get_str(r, kind == LEDGER_ALGORITHM ? "algorithm_id" : "type");
    int err = AM_OK;
    if (json_type(r) != JSON_OBJECT)
        return problem(d, "", "a record is an object");
    if (time_parse(json_get_str(r, "issued_at"), &at) ||
        !str_ends(json_get_str(r, "issued_at"), STR("Z")))
        err = problem(d, "/issued_at", "RFC 3339 time in UTC, ending in Z");
    if (!json_get_str(issuer, "role").n || !json_get_str(issuer, "org_id").n)
        err = problem(d, "/issuer", "{role, org_id}");
    if (about_record(kind) && !id.n)
        err = problem(d, kind == LEDGER_ALGORITHM ? "/algorithm_id" : "/type",
                      "compulsory");
    if (!about_record(kind) && !ledger_unhex(json_get(r, "model_digest"), digest))
        err = problem(d, "/model_digest", "SHA-256 in lower-case hex");
    if (kind == LEDGER_DECISION &&
        (!json_get_str(r, "outcome").n || !json_get_str(r, "policy_sha256").n ||
         time_parse(json_get_str(r, "decided_at"), &at)))
        err = problem(d, "/decided_at", "outcome, policy_sha256 and decided_at");
    return err;
}

/* raw: the canonical text of the record. The rest is written as RFC 8785 wants it:
 * members in order, strings quoted by the same function, no numbers. */
static int write_statement(enum ledger_kind kind, const struct json *record,
                           struct str raw, struct str type_base,
                           const uint8_t subject[32], struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "_type", ledger_type);
    jw_key(&w, "predicate");
    if (kind == LEDGER_EVIDENCE || kind == LEDGER_DECISION) {
        jw_obj(&w);
        if (kind == LEDGER_EVIDENCE)
            write_test_result(&w, record, raw);
        else
            write_vsa(&w, record, raw, type_base);
        jw_obj_end(&w);
    } else {
        jw_raw(&w, raw);
    }
    jw_key(&w, "predicateType");
    if (*kind_type[kind] == '/')
        jw_strf(&w, "%.*s%s", STR_FMT(type_base), kind_type[kind]);
    else
        jw_strz(&w, kind_type[kind]);
    write_subject(&w, kind, record, subject);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* What a statement is about: the record itself, or the model it names. */
static int subject_of(enum ledger_kind kind, const struct json *record,
                      const uint8_t digest[32], uint8_t out[32])
{
    if (about_record(kind))
        memcpy(out, digest, 32);
    else if (!ledger_unhex(json_get(record, "model_digest"), out))
        return AM_E_INVALID;
    return AM_OK;
}

int ledger_statement(enum ledger_kind kind, const struct json *record,
                     struct str type_base, struct buf *payload, struct diag *d)
{
    uint8_t digest[32], subject[32];
    struct buf raw;
    size_t before = payload->n;
    int err = check_record(kind, record, d);
    if (err)
        return err;
    buf_init(&raw, LEDGER_PAYLOAD_MAX);
    err = json_canon(&raw, record);
    if (err == AM_E_INVALID)
        diag_err(d, "", "statement.canonical", "the record has no RFC 8785 form");
    crypto_sha256(buf_str(&raw), digest);
    if (!err)
        err = subject_of(kind, record, digest, subject);
    if (!err)
        err = write_statement(kind, record, buf_str(&raw), type_base, subject, payload);
    if (err)
        buf_cut(payload, before);
    buf_release(&raw);
    return err;
}

static int find_kind(struct str type, struct str base, enum ledger_kind *out)
{
    for (size_t k = 0; k < LEDGER_KINDS; k++) {
        struct str t = str_c(kind_type[k]);
        bool own = *t.p == '/';
        if (own ? type.n == base.n + t.n && str_starts(type, base) && str_ends(type, t)
                : str_eq(type, t)) {
            *out = (enum ledger_kind)k;
            return AM_OK;
        }
    }
    return AM_E_INVALID;
}

/* The bytes of the record inside a payload, if they are its canonical form. */
static bool find_record(struct str payload, const struct ledger_statement_view *v,
                        struct str *out)
{
    static const char head[] =
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":";
    static const char inner[] = "{\"amane_record\":";
    struct str rest = payload;
    if (!str_starts(rest, str_c(head)))
        return false;
    rest = str_sub(rest, sizeof head - 1, rest.n);
    if (v->kind == LEDGER_EVIDENCE || v->kind == LEDGER_DECISION) {
        if (!str_starts(rest, str_c(inner)))
            return false;
        rest = str_sub(rest, sizeof inner - 1, rest.n);
    }
    out->p = rest.p;
    if (!json_canon_match(v->record, &rest))
        return false;
    out->n = (size_t)(rest.p - out->p);
    return true;
}

/* The statement this record would make, compared byte for byte. */
static int same_again(struct str payload, struct str raw, struct str type_base,
                      const struct ledger_statement_view *v)
{
    struct buf again;
    int err;
    buf_init(&again, LEDGER_PAYLOAD_MAX);
    err = buf_reserve(&again, payload.n + 64);
    if (err == AM_E_TOOBIG)
        err = AM_OK; /* the cap will tell */
    if (!err)
        err = write_statement(v->kind, v->record, raw, type_base, v->subject, &again);
    if (!err && !str_eq(buf_str(&again), payload))
        err = AM_E_INVALID;
    buf_release(&again);
    return err;
}

static int statement_read(struct str payload, struct str type_base,
                          struct ledger_statement_view *v, struct diag *d)
{
    const struct json *root = json_root(v->doc), *predicate = json_get(root, "predicate");
    struct str raw;
    int err = find_kind(json_get_str(root, "predicateType"), type_base, &v->kind);
    if (err)
        return problem(d, "/predicateType", "unknown predicate type");
    v->record = v->kind == LEDGER_EVIDENCE || v->kind == LEDGER_DECISION
                    ? json_get(predicate, "amane_record")
                    : predicate;
    err = check_record(v->kind, v->record, d);
    if (err)
        return err;
    if (!find_record(payload, v, &raw))
        return problem(d, "", "not the canonical statement of its record");
    crypto_sha256(raw, v->record_sha256);
    err = subject_of(v->kind, v->record, v->record_sha256, v->subject);
    if (!err)
        err = same_again(payload, raw, type_base, v);
    if (err == AM_E_INVALID)
        return problem(d, "", "not the canonical statement of its record");
    if (err)
        return err;
    if (v->kind == LEDGER_EVENT)
        v->event_type = json_get_str(v->record, "type");
    return time_parse(json_get_str(v->record, "issued_at"), &v->issued_at);
}

int ledger_statement_parse(struct str payload, struct str type_base,
                           struct ledger_statement_view *out, struct diag *d)
{
    const struct json_limits limits = {
        .size_b = LEDGER_PAYLOAD_MAX, .depth = 32, .values = 200000};
    struct ledger_statement_view v = {0};
    int err = json_parse(&v.doc, payload, &limits, d);
    if (err)
        return err == AM_E_NOMEM || err == AM_E_TOOBIG ? err : AM_E_INVALID;
    err = statement_read(payload, type_base, &v, d);
    if (err) {
        json_free(v.doc);
        return err == AM_E_SYNTAX ? AM_E_INVALID : err;
    }
    *out = v;
    return AM_OK;
}

void ledger_statement_release(struct ledger_statement_view *v)
{
    json_free(v->doc);
    *v = (struct ledger_statement_view){0};
}
