/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_v -- machine V, the life of a version: its table, declaration, admissibility,
 * evidence, ends. Assignments are ledger_assign.c; decisions that recompute the label,
 * ledger_decide.c. */
#include <math.h>

#include "ledger/ledger_priv.h"

enum { ROWS_MAX = 1000 };

static int declare(struct ledger_act *a);
static int supersede(struct ledger_act *a);
static int admissibility(struct ledger_act *a);
static int evidence(struct ledger_act *a);
#define assign   ledger_assign
#define reassign ledger_reassign
#define decide   ledger_decide
#define suspend  ledger_suspend
#define expire   ledger_expire
#define withdraw ledger_withdraw
#define archive  ledger_archive

#define V(state) (1U << LEDGER_V_##state)
const struct ledger_v_row ledger_v_table[] = {
#define X(row, id, from, to, kind, discriminator, rule, check)                           \
    {id, discriminator, rule, from, LEDGER_V_##to, LEDGER_##kind, check},
    LEDGER_V_MAP(X)
#undef X
};
const size_t ledger_v_rows = AM_LEN(ledger_v_table);

/* ---- the plan -------------------------------------------------------------------- */
static struct str discriminator(const struct ledger_act *a)
{
    struct str type = a->s->event_type;
    if (a->s->kind == LEDGER_DECISION)
        return json_get_str(a->r, "outcome");
    if (str_eqc(type, "assignment") && json_get(a->r, "replaces"))
        return STR("replacement");
    if (a->s->kind == LEDGER_EVENT)
        return str_eqc(type, "admissibility") ? json_get_str(a->r, "verdict") : type;
    return a->s->kind == LEDGER_VERSION && a->version == LEDGER_NONE &&
                   json_get(a->r, "previous_version")
               ? STR("previous")
               : STR("");
}

/* Separation of duties, section 1: a vendor speaks for its own versions only, and nobody
 * of its house speaks about them in another role. */
static void check_house(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    bool own = strcmp(me->org_id, v->v.org_id) == 0;
    if (a->s->kind == LEDGER_VERSION || me->role == LEDGER_VENDOR) {
        if (!own)
            ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                          "not the organisation of this version");
    } else {
        ledger_guard(a, !own, GUARD_VENDOR_SIGNS, "/issuer/org_id",
                     "the vendor's organisation does not judge its own version");
    }
    if (a->s->kind == LEDGER_DECISION && a->key == v->rapporteur)
        ledger_guard(a, a->to == LEDGER_V_SUSPENDED, GUARD_RAPPORTEUR_VOTES, "/signers",
                     "the rapporteur does not vote");
}

static void plan_evidence(struct ledger_act *a, const struct ledger_verrec *v)
{
    const struct ledger_key *me = ledger_signer_key(a);
    unsigned open =
        V(UNDER_EVALUATION) | V(EVALUATED) | V(LABELLED) | V(SUSPENDED) | V(DEFERRED);
    if (!((open >> v->v.state) & 1) || v->bench == LEDGER_NONE) {
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest", "no evidence in %s",
                      ledger_v_name(v->v.state));
        return;
    }
    ledger_copy(a->rule, sizeof a->rule, STR("V6"));
    a->apply = evidence;
    a->o.transition = "";
    check_house(a);
    ledger_check_recused(a);
    if (me->role == LEDGER_BENCH_OPERATOR)
        ledger_guard(a, strcmp(me->org_id, a->l->key.v[v->bench].k.org_id) == 0,
                     GUARD_BENCH_NOT_ASSIGNED, "/issuer/org_id",
                     "%s was not assigned to this version", me->org_id);
}

void ledger_plan_v(struct ledger_act *a)
{
    enum ledger_v state = LEDGER_V_NONE;
    struct str which = discriminator(a);
    const struct ledger_v_row *row = NULL;
    if (a->version != LEDGER_NONE)
        state = a->l->version.v[a->version].v.state;
    else if (a->s->kind != LEDGER_VERSION) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (a->s->kind == LEDGER_EVIDENCE) {
        plan_evidence(a, &a->l->version.v[a->version]);
        return;
    }
    for (size_t i = 0; !row && i < ledger_v_rows; i++) {
        const struct ledger_v_row *r = &ledger_v_table[i];
        if (r->kind == a->s->kind && ((r->from >> state) & 1) &&
            str_eqc(which, r->discriminator))
            row = r;
    }
    if (!row) {
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest",
                      "%.*s %s: no transition from %s", (int)AM_MIN(which.n, 40), which.p,
                      ledger_kind_name(a->s->kind), ledger_v_name(state));
        return;
    }
    a->o.transition = row->id;
    a->to = row->to ? row->to : state;
    a->apply = row->apply;
    ledger_copy(a->rule, sizeof a->rule, str_c(row->rule));
    if (strcmp(row->rule, "V7") == 0)
        snprintf(a->rule, sizeof a->rule, "V7.%.*s",
                 (int)AM_MIN(json_get_str(a->r, "label_level").n, 16),
                 json_get_str(a->r, "label_level").p);
    if (a->version != LEDGER_NONE)
        check_house(a);
    if (a->apply == assign || a->apply == reassign || a->s->kind == LEDGER_DECISION)
        ledger_check_recused(a);
    if (a->s->kind == LEDGER_DECISION)
        ledger_check_appeal(a);
    if (strcmp(row->id, "V10") == 0) /* nobody judges an appeal of his own decision */
        ledger_guard(
            a,
            !ledger_signed(a->l, a->l->version.v[a->version].v.decision.payload, a->key),
            GUARD_FIRST_DECISION, "/issuer", "signed the decision appealed");
    if (strcmp(row->id, "V15") == 0)
        a->also = ledger_suspended_roles(a->l, &a->l->version.v[a->version]);
}

/* ---- V2, V20: declaration -------------------------------------------------------- */
struct artifact {
    struct str path;
    uint8_t sha256[32];
};

static int by_path(const void *x, const void *y)
{
    const struct artifact *a = x, *b = y;
    return str_cmp(a->path, b->path);
}

/* OpenSSF Model Signing root digest, method `files`: SHA-256 over the raw digests of the
 * files in path order. The paths themselves are not covered: two paths must differ. */
static int root_digest(const struct json *artifacts, uint8_t out[32])
{
    VEC(struct artifact) list = {0};
    struct crypto_sha256 h;
    int err = AM_OK;
    for (json_each(it, artifacts)) {
        struct artifact f = {.path = json_get_str(it.val, "path")};
        if (!f.path.n || !ledger_unhex(json_get(it.val, "sha256"), f.sha256))
            err = AM_E_INVALID;
        if (!err)
            err = vec_push(&list, f);
        if (err)
            break;
    }
    if (!err && !list.n)
        err = AM_E_INVALID;
    if (!err)
        qsort(list.v, list.n, sizeof *list.v, by_path);
    crypto_sha256_init(&h);
    for (size_t i = 0; !err && i < list.n; i++) {
        if (i && str_eq(list.v[i].path, list.v[i - 1].path))
            err = AM_E_INVALID;
        crypto_sha256_add(&h, (struct str){(const char *)list.v[i].sha256, 32});
    }
    crypto_sha256_end(&h, out);
    vec_release(&list);
    return err;
}

/* SemVer 2.0.0, clause 11, without pre-release order: MAJOR.MINOR.PATCH decides. */
static bool semver(struct str s, int64_t n[3])
{
    struct str rest = s;
    for (int i = 0; i < 3; i++) {
        struct str part = str_cut(rest, i < 2 ? '.' : '+', &rest);
        if (i == 2)
            part = str_cut(part, '-', &(struct str){0});
        if (str_int(part, 0, INT32_MAX, &n[i]))
            return false;
    }
    return true;
}

static bool label_follows(struct str label, const char *newest)
{
    int64_t a[3], b[3];
    if (!semver(label, a))
        return false;
    if (!*newest || !semver(str_c(newest), b))
        return true;
    for (int i = 0; i < 3; i++)
        if (a[i] != b[i])
            return a[i] > b[i];
    return false;
}

static int check_complete(struct ledger_act *a)
{
    bool oms;
    int err;
    static const char *const due[] = {
#define X(name) name,
        LEDGER_DECL_MAP(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(due); i++) {
        char path[64];
        snprintf(path, sizeof path, "/%s", due[i]);
        ledger_guard(a, json_get(a->r, due[i]) != NULL, GUARD_COMPLETE, path,
                     "due at declaration");
    }
    err = ledger_proof_signature(a->r, &oms);
    ledger_guard(a, oms, GUARD_MODEL_SIGNATURE, "/model_signature",
                 "an OMS bundle over exactly these artifacts");
    ledger_guard(a, ledger_proof_twin(a->r), GUARD_FHIR_TWIN, "/fhir_twin",
                 "a Device with this digest, and a DocumentReference");
    return err;
}

/* The first certificate of the device to expire; 0: none does. */
static int64_t device_until(const struct json *record)
{
    int64_t first = 0;
    for (json_each(it, json_get(json_get(record, "regulatory"), "certificates"))) {
        int64_t at = ledger_time(json_get(it.val, "expires"));
        if (at && (!first || at < first))
            first = at;
    }
    return first;
}

static void check_previous(struct ledger_act *a, const struct ledger_algorec *alg)
{
    const struct json *prev = json_get(a->r, "previous_version");
    uint8_t digest[32];
    bool ok = prev == NULL && !*alg->label;
    if (prev && ledger_unhex(json_get(prev, "model_digest"), digest)) {
        size_t i = ledger_find_version(a->l, digest);
        ok =
            i != LEDGER_NONE && strcmp(a->l->version.v[i].v.algorithm_id, alg->a.id) == 0;
    }
    ledger_guard(a, ok, GUARD_PREVIOUS_VERSION, "/previous_version",
                 "a logged version of this algorithm; absent only for the first");
    ledger_guard(a, label_follows(json_get_str(a->r, "version_label"), alg->label),
                 GUARD_VERSION_LABEL, "/version_label",
                 "MAJOR.MINOR.PATCH, greater than %s", *alg->label ? alg->label : "none");
}

static int commit_version(struct ledger_act *a, struct ledger_algorec *alg,
                          const struct ledger_claim *claim)
{
    struct ledger *l = a->l;
    struct ledger_verrec v = {
        .rapporteur = LEDGER_NONE, .bench = LEDGER_NONE, .claim = *claim};
    struct str label = json_get_str(a->r, "version_label");
    struct str use = json_get_str(json_get(a->r, "intended_use"), "use_code");
    int err;
    memcpy(v.v.digest, a->s->subject, 32);
    ledger_copy(v.v.algorithm_id, sizeof v.v.algorithm_id, str_c(alg->a.id));
    ledger_copy(v.v.org_id, sizeof v.v.org_id, str_c(alg->a.org_id));
    ledger_copy(v.v.version_label, sizeof v.v.version_label, label);
    ledger_copy(v.v.use_code, sizeof v.v.use_code, use);
    v.v.state = LEDGER_V_DECLARED;
    v.v.declared.index = a->index;
    v.v.declared.issued_at = a->s->issued_at;
    memcpy(v.v.declared.payload, a->payload, 32);
    memcpy(v.v.declared.record, a->s->record_sha256, 32);
    v.plan = ledger_has(a->r, "evaluation_plan");
    v.fn_declared =
        json_num(json_get(json_get(json_get(a->r, "evaluation_plan"), "declared_maxima"),
                          "severe_false_negative_rate"),
                 NAN);
    v.device_until = device_until(a->r);
    v.ask = ledger_ask_first(LEDGER_VERSION, a->r);
    err = vec_room(&v.v.history);
    if (!err)
        err = ledger_list_room(l, LEDGER_VERSIONS_OF_ALGORITHM, str_c(alg->a.id));
    if (!err)
        err = ledger_list_room(l, LEDGER_VERSIONS_OF_SUPPLIER, str_c(alg->a.org_id));
    if (!err)
        err = map_set(&l->by_version, ledger_model(&v), l->version.n);
    if (!err)
        err = vec_push(&l->version, v);
    if (err) {
        ledger_version_drop(&v);
        return err;
    }
    ledger_list_join(l, LEDGER_VERSIONS_OF_ALGORITHM, str_c(alg->a.id));
    ledger_list_join(l, LEDGER_VERSIONS_OF_SUPPLIER, str_c(alg->a.org_id));
    ledger_copy(alg->label, sizeof alg->label, label);
    a->version = l->version.n - 1;
    return AM_OK;
}

static int declare(struct ledger_act *a)
{
    size_t i = ledger_find_algorithm(a->l, json_get_str(a->r, "algorithm_id"));
    struct ledger_algorec *alg;
    struct ledger_claim claim;
    uint8_t root[32];
    int err;
    if (i == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_ALGORITHM, "/algorithm_id", "never declared");
        return AM_OK;
    }
    alg = &a->l->algorithm.v[i];
    if (strcmp(alg->a.org_id, ledger_signer_key(a)->org_id) != 0)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/algorithm_id",
                      "not an algorithm of this organisation");
    err = root_digest(json_get(a->r, "artifacts"), root);
    if (err == AM_E_NOMEM)
        return err;
    ledger_guard(a, !err && memcmp(root, a->s->subject, 32) == 0, GUARD_MODEL_DIGEST,
                 "/model_digest", "not the root digest of the artifacts");
    ledger_guard(
        a,
        ledger_fits(json_get_str(a->r, "version_label"), 48) &&
            ledger_fits(json_get_str(json_get(a->r, "intended_use"), "use_code"), 64),
        GUARD_COMPLETE, "/intended_use/use_code", "too long");
    err = check_complete(a);
    check_previous(a, alg);
    if (err)
        return err;
    err = ledger_claim_read(a, &claim);
    if (!err && !ledger_stopped_here(a))
        return commit_version(a, alg, &claim);
    ledger_claim_drop(&claim);
    return err;
}

/* ---- V4, V21: the same weights, a fuller record ---------------------------------- */
/* A claim is judged once: it is kept, with the version it names, or dropped by V4. */
static void check_claim(struct ledger_act *a, const struct ledger_verrec *v,
                        const struct json *old, bool *dropped)
{
    const struct json *was = json_get(old, "planned_change"),
                      *is = json_get(a->r, "planned_change");
    *dropped = was && !is && v->v.state == LEDGER_V_INADMISSIBLE;
    ledger_guard(a, *dropped || (!was && !is) || json_equal(was, is), GUARD_FROZEN,
                 "/planned_change", "fixed at declaration");
    ledger_guard(a,
                 !is || json_equal(json_get(old, "previous_version"),
                                   json_get(a->r, "previous_version")),
                 GUARD_FROZEN, "/previous_version", "fixed at declaration");
}

static int supersede(struct ledger_act *a)
{
    static const char *const frozen[] = {
#define X(name) name,
        LEDGER_FROZEN_MAP(X)
#undef X
    };
    struct ledger_verrec *v = &a->l->version.v[a->version];
    struct ledger_statement_view old;
    const struct json *algorithm = json_get(a->r, "algorithm_id");
    uint8_t replaced[32], short_of = ledger_ask_first(LEDGER_VERSION, a->r);
    bool dropped;
    int err;
    ledger_guard(a, json_str_is(algorithm, v->v.algorithm_id), GUARD_DIGEST_TAKEN,
                 "/model_digest", "declared under %s", v->v.algorithm_id);
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "supersedes"), replaced) &&
                     memcmp(replaced, v->v.declared.record, 32) == 0,
                 GUARD_SUPERSEDES, "/supersedes", "not the record in effect");
    err = ledger_load(a->l, v->v.declared.payload, &old);
    if (err)
        return err;
    for (size_t i = 0; i < AM_LEN(frozen); i++) {
        char path[64];
        const struct json *was = json_get(old.record, frozen[i]);
        snprintf(path, sizeof path, "/%s", frozen[i]);
        ledger_guard(a,
                     !was ? !json_get(a->r, frozen[i])
                          : json_equal(was, json_get(a->r, frozen[i])),
                     GUARD_FROZEN, path, "fixed at declaration");
    }
    ledger_guard(a,
                 json_equal(json_get(json_get(old.record, "intended_use"), "use_code"),
                            json_get(json_get(a->r, "intended_use"), "use_code")),
                 GUARD_FROZEN, "/intended_use/use_code", "fixed at declaration");
    check_claim(a, v, old.record, &dropped);
    ledger_check_ask_version(a, v, short_of);
    err = check_complete(a);
    ledger_statement_release(&old);
    if (err || ledger_stopped_here(a))
        return err;
    if (dropped)
        ledger_claim_drop(&v->claim);
    v->device_until = device_until(a->r);
    v->ask = short_of;
    v->v.declared.index = a->index;
    v->v.declared.issued_at = a->s->issued_at;
    memcpy(v->v.declared.payload, a->payload, 32);
    memcpy(v->v.declared.record, a->s->record_sha256, 32);
    v->v.state = a->to;
    return AM_OK;
}

/* ---- V3 -------------------------------------------------------------------------- */
static int admissibility(struct ledger_act *a)
{
    ledger_guard(a, ledger_has(a->r, "report_sha256"), GUARD_ADMISSIBILITY_REPORT,
                 "/report_sha256", "the digest of the automatic report");
    ledger_guard(a, a->to == LEDGER_V_ADMISSIBLE || json_size(json_get(a->r, "pointers")),
                 GUARD_POINTERS, "/pointers",
                 "an inadmissible record names what is wrong");
    if (!ledger_stopped_here(a))
        a->l->version.v[a->version].v.state = a->to;
    return AM_OK;
}

/* ---- V6: evidence ---------------------------------------------------------------- */
static void check_dataset(struct ledger_act *a, const struct ledger_verrec *v)
{
    const struct json *set = json_get(a->r, "dataset");
    struct tlog_hash h;
    bool ok = set == NULL || json_get(set, "na");
    if (ledger_unhex(json_get(set, "sha256"), h.h))
        for (size_t i = 0; i < v->sealed.n; i++)
            ok |= memcmp(v->sealed.v[i].h, h.h, 32) == 0;
    ledger_guard(a, ok, GUARD_SEALED, "/dataset/sha256",
                 "not a sealed set of the assignment");
}

bool ledger_row_known(const struct label_policy *p, struct str id)
{
    for (size_t i = 0; i < label_policy_rows(p); i++)
        if (str_eq(id, json_get_str(label_policy_row(p, i), "id")))
            return true;
#define X(row, what)                                                                     \
    if (str_eqc(id, row))                                                                \
        return true;
    LEDGER_TENDER_ROW_MAP(X)
#undef X
    return false;
}

static void check_rows(struct ledger_act *a)
{
    const struct json *rows = json_get(a->r, "rows");
    bool ok = json_size(rows) > 0 && json_size(rows) <= ROWS_MAX;
    for (json_each(it, rows)) {
        char path[40];
        snprintf(path, sizeof path, "/rows/%zu", it.i);
        ledger_guard(a,
                     ledger_fits(json_str(it.val), LEDGER_ROW_ID) &&
                         ledger_row_known(a->l->policy->label, json_str(it.val)),
                     GUARD_ROWS, path, "not a row of the policy in force");
    }
    ledger_guard(a, ok, GUARD_ROWS, "/rows", "which rows it speaks for");
}

/* Where the record replaces an earlier one, that one; else the end of the list. */
static size_t evidence_slot(struct ledger_act *a, const struct ledger_verrec *v)
{
    uint8_t old[32];
    if (!json_get(a->r, "supersedes"))
        return v->v.evidence.n;
    if (ledger_unhex(json_get(a->r, "supersedes"), old))
        for (size_t i = 0; i < v->v.evidence.n; i++)
            if (memcmp(v->v.evidence.v[i].record, old, 32) == 0)
                return i;
    ledger_guard(a, false, GUARD_SUPERSEDES, "/supersedes", "not evidence in effect");
    return v->v.evidence.n;
}

bool ledger_row_covered(const struct ledger_verrec *v, struct str id)
{
    for (size_t i = 0; i < v->rows.n; i++)
        if (str_eqc(id, v->rows.v[i].id))
            return true;
    return false;
}

/* The union of covered rows with those of this record, made aside. */
static int merge_rows(const struct ledger_act *a, const struct ledger_verrec *v,
                      struct ledger_verrec *next)
{
    for (size_t i = 0; i < v->rows.n; i++)
        if (vec_push(&next->rows, v->rows.v[i]))
            return AM_E_NOMEM;
    for (json_each(it, json_get(a->r, "rows"))) {
        struct ledger_row row;
        if (ledger_row_covered(next, json_str(it.val)))
            continue;
        ledger_copy(row.id, sizeof row.id, json_str(it.val));
        if (vec_push(&next->rows, row))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

bool ledger_rows_covered(struct ledger_act *a, const struct ledger_verrec *v,
                         enum ledger_level level)
{
    const struct label_policy *p = a->l->policy->label;
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        const struct json *row = label_policy_row(p, i);
        struct str id = json_get_str(row, "id");
        if (ledger_row_asked(row, level) && !ledger_row_covered(v, id) &&
            !ledger_inherits(a->l, v, id, a->s->issued_at))
            return false;
    }
    return true;
}

/* Every scored run has a twin: the same per-case scores, from another machine's key. */
bool ledger_reproduced(const struct ledger_verrec *v)
{
    for (size_t i = 0; i < v->run.n; i++) {
        bool twin = !v->run.v[i].scored;
        for (size_t j = 0; j < v->run.n; j++)
            twin |= v->run.v[j].scored && v->run.v[j].key != v->run.v[i].key &&
                    memcmp(v->run.v[i].scores, v->run.v[j].scores, 32) == 0;
        if (!twin)
            return false;
    }
    return v->run.n > 1;
}

static void commit_evidence(struct ledger_act *a, struct ledger_verrec *v,
                            struct ledger_verrec *next, size_t slot)
{
    struct ledger_ref *ref = &v->v.evidence.v[slot];
    struct ledger_run run = {.key = a->key, .index = a->index};
    run.scored = ledger_unhex(json_get(a->r, "scores_sha256"), run.scores);
    *ref = (struct ledger_ref){.index = a->index, .issued_at = a->s->issued_at};
    memcpy(ref->payload, a->payload, 32);
    memcpy(ref->record, a->s->record_sha256, 32);
    if (slot == v->v.evidence.n)
        v->v.evidence.n++;
    v->run.v[v->run.n++] = run;
    vec_release(&v->rows);
    v->rows.v = next->rows.v;
    v->rows.n = next->rows.n;
    v->rows.cap = next->rows.cap;
    if (v->v.state != LEDGER_V_UNDER_EVALUATION ||
        !ledger_rows_covered(a, v, v->v.requested))
        return;
    if (v->v.requested >= LEDGER_INTERMEDIATE &&
        !ledger_holds(a, ledger_reproduced(v), GUARD_REPRODUCED))
        return;
    v->v.state = LEDGER_V_EVALUATED;
    a->o.transition = "V6";
}

static int evidence(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version], next = {0};
    size_t slot = evidence_slot(a, v);
    int err;
    check_rows(a);
    check_dataset(a, v);
    if (ledger_stopped_here(a))
        return AM_OK;
    err = merge_rows(a, v, &next);
    if (!err)
        err = vec_room(&v->v.evidence);
    if (!err)
        err = vec_room(&v->run);
    if (err) {
        vec_release(&next.rows);
        return err;
    }
    commit_evidence(a, v, &next, slot);
    return AM_OK;
}
