/* SPDX-License-Identifier: Apache-2.0 */
/* What must have no effect, and why it says so. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)

static struct tk tk;

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

/* A statement whose head is by one actor and whose signature by another. */
static const char *say_by(enum ledger_kind kind, enum tk_actor who, enum tk_actor by,
                          const char *fmt, ...) AM_PRINTF(4, 5);
static const char *say_by(enum ledger_kind kind, enum tk_actor who, enum tk_actor by,
                          const char *fmt, ...)
{
    const char *code;
    va_list ap;
    va_start(ap, fmt);
    code = tk_say_as(&tk, kind, who, by, fmt, ap);
    va_end(ap);
    return code;
}

static void before(const char *level)
{
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, level));
}

/* ---- keys ------------------------------------------------------------------------ */
static void an_unknown_key_has_no_effect_and_its_name_is_kept(void **state)
{
    uint8_t payload[32];
    const char *id;
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    CODE(say_by(LEDGER_EVENT, TK_DESK, TK_STRANGER,
                "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
                tk.id[TK_HAS1]),
         "unknown_key");
    assert_int_equal(tk_outcome(&tk)->effect, LEDGER_NO_EFFECT);
    assert_ok(ledger_entry_of(tk.l, ledger_size(tk.l) - 1, payload, &id));
    assert_string_equal(id, tk.id[TK_STRANGER]);
    OK(tk_grant(&tk, TK_STRANGER));
    assert_ok(ledger_entry_of(tk.l, ledger_size(tk.l) - 3, payload, &id));
    assert_string_equal(id, tk.id[TK_STRANGER]);
}

static void a_revoked_key_signs_nothing_any_more(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(say_by(LEDGER_EVENT, TK_MSPS1, TK_MSPS1,
              "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"lost\"",
              tk.id[TK_DESK]));
    CODE(tk_admissible(&tk), "key_revoked");
    assert_false(ledger_key_valid(tk.l, tk.id[TK_DESK], LEDGER_MSPS, tk.now));
    assert_true(ledger_key_valid(tk.l, tk.id[TK_MSPS1], LEDGER_MSPS, tk.now));
    assert_false(ledger_key_valid(tk.l, tk.id[TK_MSPS1], LEDGER_HAS, tk.now));
    CODE(say_by(LEDGER_EVENT, TK_MSPS1, TK_MSPS1,
                "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"again\"",
                tk.id[TK_DESK]),
         "guard.key");
    CODE(tk_grant(&tk, TK_VENDOR), "key_revoked"); /* the desk is gone */
}

static void a_key_outside_its_dates_has_no_effect(void **state)
{
    struct buf b;
    char until[TIME_TEXT];
    (void)state;
    tk_open(&tk);
    buf_init(&b, 4096);
    tk_add_key(&tk, &b, TK_STRANGER);
    buf_cut(&b, b.n - 1);
    tk_addf(&b, ",\"not_after\":\"%s\"}", tk_time(&tk, 1, until));
    CODE(tk_say(&tk, LEDGER_EVENT, TK_MSPS1, "\"type\":\"key_grant\",\"key\":%s", b.p),
         "waiting_signers");
    OK(tk_co(&tk, TK_MSPS2));
    buf_release(&b);
    tk.now += 2 * TIME_DAY;
    CODE(tk_say(&tk, LEDGER_EVENT, TK_STRANGER,
                "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\"",
                tk.id[TK_HAS1]),
         "key_not_valid");
}

static void a_grant_twice_or_by_the_wrong_hand_is_refused(void **state)
{
    struct buf b;
    (void)state;
    tk_open(&tk);
    CODE(tk_grant(&tk, TK_VENDOR), "exists");
    buf_init(&b, 4096);
    tk_add_key(&tk, &b, TK_STRANGER); /* a commissioner needs two authorities */
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"key_grant\",\"key\":%s", b.p),
         "wrong_role");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_VENDOR, "\"type\":\"key_grant\",\"key\":%s", b.p),
         "wrong_role");
    buf_clear(&b);
    tk_addf(&b,
            "{\"role\":\"vendor\",\"org_id\":\"X\",\"label\":\"X\",\"spki\":\"AAAA\"}");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"key_grant\",\"key\":%s", b.p),
         "guard.key");
    buf_release(&b);
}

/* A key compromised since entry n: what it signed after n is undone from now on, what it
 * signed before stands, and its stops stay. */
static void a_compromised_key_loses_what_it_did_but_not_its_stops(void **state)
{
    uint64_t since;
    uint8_t before_digest[32], after[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    since = ledger_size(tk.l) - 1;
    assert_ok(ledger_state_digest(tk.l, before_digest));
    OK(tk_stop(&tk, TK_HAS1, "national", ""));
    OK(tk_say(&tk, LEDGER_EVENT, TK_HAS1,
              "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"forged\"",
              tk.id[TK_DSI]));
    assert_false(ledger_key_valid(tk.l, tk.id[TK_DSI], LEDGER_DSI, tk.now));
    OK(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
              "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"compromised_since\":%llu,"
              "\"reason\":\"stolen\"",
              tk.id[TK_HAS1], (unsigned long long)since));
    assert_true(ledger_key_valid(tk.l, tk.id[TK_DSI], LEDGER_DSI, tk.now));
    assert_false(ledger_key_valid(tk.l, tk.id[TK_HAS1], LEDGER_HAS, tk.now));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_SUSPENDED); /* the stop stands */
    assert_int_equal(tk_v(&tk)->level, LEDGER_BASE);        /* so does the label */
    assert_string_equal(ledger_outcome(tk.l, since + 2)->code, "key_compromised");
    { /* the same whatever the split (I10) */
        struct ledger *again;
        assert_ok(ledger_new(&again, tk.blobs));
        for (size_t i = 0; i < tk.leaf.n; i++)
            assert_ok(ledger_apply(again, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
        assert_ok(ledger_state_digest(tk.l, before_digest));
        assert_ok(ledger_state_digest(again, after));
        assert_memory_equal(before_digest, after, 32);
        ledger_free(again);
    }
}

static const char *stolen(enum tk_actor says, enum tk_actor whose, uint64_t since)
{
    return tk_say(&tk, LEDGER_EVENT, says,
                  "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"compromised_since\":"
                  "%llu,\"reason\":\"stolen\"",
                  tk.id[whose], (unsigned long long)since);
}

/* A thief calls the key of a commissioner stolen; once the thief's own key is called
 * that, the commissioner's label is back. */
static void what_a_thief_made_void_comes_back_with_the_thief_out(void **state)
{
    uint64_t before;
    (void)state;
    tk_open(&tk);
    tk_to_evidence(&tk, 0.88);
    before = ledger_size(tk.l) - 1;
    OK(tk_label(&tk));
    OK(stolen(TK_MSPS1, TK_HAS1, before));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    OK(stolen(TK_HAS2, TK_MSPS1, before));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_true(ledger_key_valid(tk.l, tk.id[TK_HAS1], LEDGER_HAS, tk.now));
    assert_false(ledger_key_valid(tk.l, tk.id[TK_MSPS1], LEDGER_MSPS, tk.now));
    assert_int_equal(tk.l->voided.n, 1);
}

/* Two authorities grant a key; with it one of them is called stolen since before that:
 * without their grant nobody would have said so. */
static void a_revocation_that_undoes_its_own_signer_is_refused(void **state)
{
    uint64_t before;
    (void)state;
    tk_open(&tk);
    before = ledger_size(tk.l) - 1;
    (void)tk_grant(&tk, TK_STRANGER);
    assert_true(ledger_key_valid(tk.l, tk.id[TK_STRANGER], LEDGER_HAS, tk.now));
    CODE(stolen(TK_STRANGER, TK_MSPS1, before), "key_compromised");
    assert_true(ledger_key_valid(tk.l, tk.id[TK_STRANGER], LEDGER_HAS, tk.now));
    assert_true(ledger_key_valid(tk.l, tk.id[TK_MSPS1], LEDGER_MSPS, tk.now));
    OK(stolen(TK_STRANGER, TK_MSPS1, ledger_size(tk.l) - 1)); /* since later: it may */
}

/* ---- roles, organisations, separation of duties ---------------------------------- */
static void the_wrong_role_has_no_effect(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    CODE(say_by(LEDGER_EVENT, TK_VENDOR2, TK_VENDOR2,
                "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"admissible\",\"pointers\":[]",
                tk.model_hex),
         "wrong_organisation");
    CODE(say_by(LEDGER_EVENT, TK_MSPS1, TK_MSPS1,
                "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"admissible\",\"pointers\":[]",
                tk.model_hex),
         "wrong_role"); /* msps, but not its registry desk */
    OK(tk_admissible(&tk));
    CODE(say_by(LEDGER_EVENT, TK_BENCH, TK_BENCH,
                "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
                "\"bench_operator\":\"%s\",\"requested_level\":\"base\",\"sealed_data\":["
                "\"" TK_SEALED "\"],\"no_conflict\":true",
                tk.model_hex, tk.id[TK_RAPPORTEUR], tk.id[TK_BENCH]),
         "wrong_role");
}

static void the_issuer_named_must_be_one_of_the_signers(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    CODE(say_by(LEDGER_EVENT, TK_HAS1, TK_DESK,
                "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"admissible\",\"pointers\":[]",
                tk.model_hex),
         "issuer_mismatch");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DECLARED);
}

static void the_vendor_never_speaks_for_the_bench(void **state)
{
    (void)state;
    tk_open(&tk);
    before("base");
    CODE(say_by(LEDGER_EVIDENCE, TK_VENDOR, TK_VENDOR,
                "\"family\":\"performance\",\"rows\":[\"PF-1\"],\"model_digest\":\"%s\","
                "\"measures\":[]",
                tk.model_hex),
         "wrong_role");
    { /* a bench key of the vendor's own organisation */
        struct buf b;
        buf_init(&b, 4096);
        tk_addf(&b, "{\"role\":\"bench_operator\",\"org_id\":\"ACME01\",\"label\":\"A\","
                    "\"spki\":\"");
        assert_ok(crypto_base64(&b, buf_str(&tk.spki[TK_STRANGER])));
        tk_addf(&b, "\"}");
        OK(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"key_grant\",\"key\":%s", b.p));
        buf_release(&b);
    }
    CODE(tk_evidence_by(&tk, TK_STRANGER, 0.99), "guard.vendor_signs");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_RAPPORTEUR,
                "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
                "\"bench_operator\":\"%s\",\"requested_level\":\"base\",\"sealed_data\":["
                "\"" TK_SEALED "\"],\"no_conflict\":true",
                tk.model_hex, tk.id[TK_RAPPORTEUR], tk.id[TK_BENCH]),
         "illegal_transition"); /* assigned already */
}

static void the_assignment_names_the_right_people(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
#define ASSIGN(r, b, sealed, conflict)                                                   \
    tk_say(                                                                              \
        &tk, LEDGER_EVENT, TK_RAPPORTEUR,                                                \
        "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","         \
        "\"bench_operator\":\"%s\",\"requested_level\":\"base\",\"sealed_data\":[%s],"   \
        "\"no_conflict\":%s",                                                            \
        tk.model_hex, tk.id[r], tk.id[b], sealed, conflict)
    CODE(ASSIGN(TK_HAS1, TK_BENCH, "\"" TK_SEALED "\"", "true"), "guard.rapporteur");
    CODE(ASSIGN(TK_RAPPORTEUR, TK_VENDOR, "\"" TK_SEALED "\"", "true"),
         "guard.bench_operator");
    CODE(ASSIGN(TK_RAPPORTEUR, TK_BENCH, "", "true"), "guard.sealed");
    CODE(ASSIGN(TK_RAPPORTEUR, TK_BENCH, "\"" TK_SEALED "\"", "false"),
         "guard.conflict_of_interest");
    OK(ASSIGN(TK_RAPPORTEUR, TK_BENCH, "\"" TK_SEALED "\"", "true"));
}

static void the_rapporteur_does_not_vote(void **state)
{
    static const enum tk_actor by[] = {TK_HAS1, TK_HAS2, TK_RAPPORTEUR};
    struct tk_decision d = {"granted", "base", "base", "granted", NULL, 365, by, 3, NULL};
    (void)state;
    tk_open_with(&tk, TK_WAIVED, "{\"V7\":[{\"role\":\"has\",\"count\":3}]}");
    before("base");
    OK(tk_evidence(&tk, 0.88));
    CODE(tk_decide(&tk, &d), "guard.rapporteur_votes");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
}

static void k_signatures_are_k_persons_listed_by_the_record(void **state)
{
    static const enum tk_actor two[] = {TK_HAS1, TK_HAS2};
    struct tk_decision d = {"granted", "base", "base", "granted", NULL,
                            365,       two,    2,      NULL};
    (void)state;
    tk_open(&tk);
    before("base");
    OK(tk_evidence(&tk, 0.88));
    CODE(tk_decide(&tk, &d), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS1), "replay"); /* the same person again (I13) */
    CODE(tk_co(&tk, TK_HAS3), "signer_not_listed");
    CODE(tk_co(&tk, TK_BENCH), "wrong_role");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
}

static void two_roles_asked_are_two_organisations(void **state)
{
    struct buf b;
    (void)state;
    tk_open_with(&tk, TK_WAIVED,
                 "{\"V3\":[{\"role\":\"msps\",\"count\":1},{\"role\":\"auditor\","
                 "\"count\":1}]}");
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    buf_init(&b, 4096);
    tk_addf(&b, "{\"role\":\"auditor\",\"org_id\":\"MSPS\",\"label\":\"A\",\"spki\":\"");
    assert_ok(crypto_base64(&b, buf_str(&tk.spki[TK_STRANGER])));
    tk_addf(&b, "\"}");
    OK(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"key_grant\",\"key\":%s", b.p));
    buf_release(&b);
    CODE(tk_admissible(&tk), "waiting_signers");
    CODE(tk_co(&tk, TK_STRANGER), "same_organisation");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DECLARED);
}

static void local_keys_act_in_their_own_house(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    {
        static const enum tk_actor by[] = {TK_LEAD2};
        CODE(tk_deploy(&tk, "P1", "proposed", NULL, by, 1), "wrong_organisation");
    }
    CODE(tk_stop(&tk, TK_LEAD2, "service",
                 "\"establishment\":\"" TK_SITE "\",\"service\":\"CARDIO\","),
         "wrong_organisation");
}

/* ---- order, replay, forgery ------------------------------------------------------ */
static void statements_out_of_order_have_no_effect(void **state)
{
    static const enum tk_actor p4[] = {TK_DIRECTOR, TK_DIM, TK_GST};
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    memset(tk.model_hex, 'a', 64);
    memset(tk.evidence, 'b', 64);
    CODE(tk_admissible(&tk), "unknown_version");
    CODE(tk_evidence(&tk, 0.88), "unknown_version");
    OK(tk_version(&tk));
    CODE(tk_assign(&tk, "base"), "illegal_transition");
    CODE(tk_evidence(&tk, 0.88), "illegal_transition");
    OK(tk_admissible(&tk));
    CODE(tk_admissible(&tk), "illegal_transition");
    CODE(tk_label(&tk), "illegal_transition");
    OK(tk_assign(&tk, "base"));
    CODE(tk_label(&tk), "illegal_transition");
    CODE(tk_propose(&tk), "guard.ceiling");
    OK(tk_evidence(&tk, 0.88));
    OK(tk_label(&tk));
    CODE(tk_prepare(&tk), "illegal_transition");
    CODE(tk_pilot(&tk), "illegal_transition");
    OK(tk_propose(&tk));
    CODE(tk_pilot(&tk), "illegal_transition");
    OK(tk_prepare(&tk));
    CODE(tk_deploy(&tk, "P4", "deployed", NULL, p4, 3), "illegal_transition");
    OK(tk_pilot(&tk));
    CODE(tk_deploy(&tk, "P4", "deployed", NULL, p4, 3), "guard.ceiling"); /* base only */
    CODE(tk_deploy(&tk, "P5", "suspended", NULL, p4, 1), "made_by_stop");
    CODE(tk_deploy(&tk, "P7", "pilot", NULL, p4, 1), "made_by_lift");
    CODE(tk_deploy(&tk, "P77", "pilot", NULL, p4, 1), "bad_record");
}

static void a_replayed_leaf_changes_nothing(void **state)
{
    uint8_t digest[32], again[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    for (size_t i = 0, n = tk.leaf.n; i < n; i++) {
        assert_ok(tk_apply(&tk, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
        assert_string_equal(tk_outcome(&tk)->code, "replay");
    }
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PILOT);
    assert_ok(ledger_state_digest(tk.l, digest));
    assert_ok(ledger_state_digest(tk.l, again));
    assert_memory_equal(digest, again, 32);
}

static void a_statement_refused_once_cannot_be_replayed_later(void **state)
{
    struct buf leaf;
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    CODE(tk_assign(&tk, "base"), "illegal_transition");
    tk_leaf(&tk, tk.key[TK_RAPPORTEUR], &leaf); /* the same payload, a fresh signature */
    {
        struct buf payload = tk.payload;
        uint8_t digest[32];
        memcpy(digest, tk.payload_sha256, 32);
        buf_init(&tk.payload, 8 << 20);
        OK(tk_admissible(&tk)); /* now it would be legal */
        buf_release(&tk.payload);
        tk.payload = payload;
        memcpy(tk.payload_sha256, digest, 32);
    }
    assert_ok(tk_apply(&tk, buf_str(&leaf)));
    assert_string_equal(tk_outcome(&tk)->code, "replay");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_ADMISSIBLE);
    buf_release(&leaf);
}

static void a_signature_given_a_month_late_does_not_count(void **state)
{
    struct buf b, payload;
    uint8_t digest[32];
    (void)state;
    tk_open(&tk);
    buf_init(&b, 4096);
    tk_add_key(&tk, &b, TK_STRANGER);
    CODE(tk_say(&tk, LEDGER_EVENT, TK_MSPS1, "\"type\":\"key_grant\",\"key\":%s", b.p),
         "waiting_signers");
    buf_release(&b);
    payload = tk.payload;
    memcpy(digest, tk.payload_sha256, 32);
    buf_init(&tk.payload, 8 << 20);
    tk.now += 31 * TIME_DAY;
    OK(tk_algorithm(&tk)); /* time passes in the log */
    buf_release(&tk.payload);
    tk.payload = payload;
    memcpy(tk.payload_sha256, digest, 32);
    CODE(tk_co(&tk, TK_MSPS2), "stale");
}

static void a_forged_signature_is_no_entry(void **state)
{
    struct buf leaf, forged, sig;
    struct ledger_leaf_view v;
    uint64_t size;
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    size = ledger_size(tk.l);
    tk_leaf(&tk, tk.key[TK_DESK], &leaf);
    assert_ok(ledger_leaf_parse(buf_str(&leaf), &v));
    buf_init(&forged, 4096);
    buf_init(&sig, 256);
    /* the desk's name on the vendor's signature */
    assert_ok(ledger_leaf(v.payload_sha256, buf_str(&v.sig), buf_str(&tk.spki[TK_VENDOR]),
                          &forged));
    assert_int_equal(ledger_apply(tk.l, buf_str(&forged)), AM_E_TAMPERED);
    /* a good signature over another payload */
    buf_clear(&forged);
    v.payload_sha256[0] ^= 1;
    assert_ok(ledger_leaf(v.payload_sha256, buf_str(&v.sig), buf_str(&v.spki), &forged));
    assert_int_equal(ledger_apply(tk.l, buf_str(&forged)), AM_E_NOTFOUND);
    v.payload_sha256[0] ^= 1;
    /* one bit of the signature */
    v.sig.p[v.sig.n - 1] = (char)(v.sig.p[v.sig.n - 1] ^ 1);
    buf_clear(&forged);
    assert_ok(ledger_leaf(v.payload_sha256, buf_str(&v.sig), buf_str(&v.spki), &forged));
    assert_int_equal(ledger_apply(tk.l, buf_str(&forged)), AM_E_TAMPERED);
    /* not a leaf at all */
    assert_int_equal(ledger_apply(tk.l, STR("{}")), AM_E_TAMPERED);
    assert_int_equal(ledger_apply(tk.l, STR("")), AM_E_TAMPERED);
    assert_int_equal(ledger_size(tk.l), size);
    buf_release(&sig);
    buf_release(&forged);
    ledger_leaf_release(&v);
    buf_release(&leaf);
}

static void a_signed_payload_that_says_nothing_is_kept_and_has_no_effect(void **state)
{
    static const struct str junk[] = {STR_INIT("hello"), STR_INIT("{}"), STR_INIT("[1]")};
    (void)state;
    tk_open(&tk);
    for (size_t i = 0; i < AM_LEN(junk); i++) {
        buf_clear(&tk.payload);
        assert_ok(buf_add(&tk.payload, junk[i]));
        assert_ok(blob_put(tk.blobs, junk[i], tk.payload_sha256));
        CODE(tk_co(&tk, TK_DESK), "bad_statement");
    }
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"party\""), "bad_record");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK,
                "\"type\":\"key_revoke\",\"key_id\":\"%s\",\"reason\":\"r\",\"x\":1",
                tk.id[TK_VENDOR]),
         "bad_record"); /* unknown members are refused */
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK, "\"type\":\"key_revoke\",\"reason\":\"r\""),
         "bad_record");
}

/* ---- entry 0 --------------------------------------------------------------------- */
static void genesis_with(const char *from, const char *to, int want)
{
    struct buf b, c;
    char *at;
    buf_init(&b, 1 << 16);
    buf_init(&c, 1 << 16);
    tk_genesis_members(&tk, &b);
    at = strstr(b.p, from);
    assert_non_null(at);
    assert_ok(buf_add(&c, (struct str){b.p, (size_t)(at - b.p)}));
    assert_ok(buf_adds(&c, to));
    assert_ok(buf_adds(&c, at + strlen(from)));
    (void)tk_say(&tk, LEDGER_EVENT, TK_DESK, "%s", c.p);
    assert_int_equal(tk.err, want);
    assert_int_equal(ledger_size(tk.l), 0);
    buf_release(&c);
    buf_release(&b);
}

static void entry_0_is_a_genesis_that_holds_or_nothing(void **state)
{
    (void)state;
    tk_open_empty(&tk);
    tk_put_policy(&tk, TK_WAIVED, "{}", tk.policy);
    CODE(tk_grant(&tk, TK_VENDOR), am_err_text(AM_E_INVALID)); /* no log yet */
    genesis_with("\"origin\":\"" TK_ORIGIN, "\"origin\":\"amane.EXAMPLE.org/log",
                 AM_E_INVALID);
    genesis_with("\"origin\":\"" TK_ORIGIN, "\"origin\":\"other.example.org/log",
                 AM_E_INVALID); /* not the name of the log key */
    genesis_with("\"type\":\"genesis\",", "\"type\":\"genesis\",\"extra\":1,",
                 AM_E_INVALID);
    genesis_with("\"name\":\"n4\"", "\"name\":\"n5\"",
                 AM_E_INVALID); /* quorum names n4 */
    genesis_with("\"policy_sha256\":\"", "\"policy_sha256\":\"0", AM_E_INVALID);
    tk.policy[0] ^= 1;
    genesis_with("genesis", "genesis", AM_E_NOTFOUND); /* policy not there */
    tk.policy[0] ^= 1;
    { /* signed by a key it does not name */
        struct buf b;
        buf_init(&b, 1 << 16);
        tk_genesis_members(&tk, &b);
        (void)say_by(LEDGER_EVENT, TK_DESK, TK_VENDOR, "%s", b.p);
        assert_int_equal(tk.err, AM_E_INVALID);
        buf_release(&b);
    }
    tk_genesis(&tk, TK_WAIVED, "{}");
    { /* a log begins once */
        struct buf b;
        buf_init(&b, 1 << 16);
        tk_genesis_members(&tk, &b);
        CODE(say_by(LEDGER_EVENT, TK_DESK, TK_DESK, "%s", b.p), "second_genesis");
        buf_release(&b);
    }
}

/* ---- guards ---------------------------------------------------------------------- */
static void a_decision_cites_policy_evidence_and_outcome_as_they_are(void **state)
{
    struct tk_decision d = {"granted", "base",  "base", "granted", NULL,
                            365,       tk_jury, 3,      NULL};
    (void)state;
    tk_open(&tk);
    before("base");
    OK(tk_evidence(&tk, 0.88));
    d.evidence = "[]";
    CODE(tk_decide(&tk, &d), "guard.evidence");
    d.evidence = NULL;
    d.level = "intermediate";
    CODE(tk_decide(&tk, &d), "waiting_signers"); /* imanor must sign that one */
    d.level = "base";
    d.requested = "intermediate";
    CODE(tk_decide(&tk, &d), "guard.level");
    d.requested = "base";
    d.computed = "deferred";
    CODE(tk_decide(&tk, &d), "guard.outcome_differs");
    d.computed = "granted";
    d.days = 400;
    CODE(tk_decide(&tk, &d), "guard.term");
    d.days = 365;
    OK(tk_decide(&tk, &d));
}

static void a_decision_under_another_policy_is_refused(void **state)
{
    struct buf b;
    uint8_t next[32];
    char old[CRYPTO_HEX], to[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    before("base");
    OK(tk_evidence(&tk, 0.88));
    crypto_hex(tk.policy, 32, old);
    tk_put_policy(&tk, "[]", "{}", next);
    CODE(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                "\"type\":\"policy_change\",\"policy_sha256\":\"%s\",\"previous_sha256\":"
                "\"%s\",\"reason\":\"r\"",
                crypto_hex(next, 32, to), old),
         "waiting_signers");
    CODE(tk_co(&tk, TK_MSPS2), "waiting_signers");
    OK(tk_co(&tk, TK_HAS1));
    buf_init(&b, 1 << 16);
    tk_addf(
        &b,
        "\"model_digest\":\"%s\",\"outcome\":\"granted\",\"requested_level\":\"base\","
        "\"label_level\":\"base\",\"scope\":{\"gst\":[],\"establishments\":[\"" TK_SITE
        "\"],\"uses\":[\"" TK_USE "\"],\"undemonstrated_groups\":[]},\"decided_at\":"
        "\"2026-11-02T00:00:00Z\",\"expires_at\":\"2027-11-01T00:00:00Z\","
        "\"conditions\":[],\"policy_sha256\":\"%s\",\"evidence\":[\"%s\"],"
        "\"outcome_computed\":\"granted\",\"signers\":[",
        tk.model_hex, old, tk.evidence);
    for (size_t i = 0; i < 3; i++)
        tk_addf(
            &b,
            "%s{\"role\":\"has\",\"org_id\":\"HAS\",\"key_id\":\"%s\",\"no_conflict\":"
            "true}",
            i ? "," : "", tk.id[tk_jury[i]]);
    tk_addf(&b, "]");
    CODE(tk_say(&tk, LEDGER_DECISION, TK_HAS1, "%s", b.p), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS2), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS3), "guard.policy");
    buf_release(&b);
}

static void evidence_stays_inside_the_assignment(void **state)
{
    (void)state;
    tk_open(&tk);
    before("base");
#define EVIDENCE(rows, sha)                                                              \
    tk_say(                                                                              \
        &tk, LEDGER_EVIDENCE, TK_BENCH,                                                  \
        "\"family\":\"performance\",\"rows\":%s,\"model_digest\":\"%s\",\"dataset\":{"   \
        "\"sha256\":\"%s\"},\"measures\":[]",                                            \
        rows, tk.model_hex, sha)
    CODE(EVIDENCE("[\"ZZ-9\"]", TK_SEALED), "guard.rows");
    CODE(EVIDENCE("[]", TK_SEALED), "guard.rows");
    CODE(EVIDENCE("[\"PF-1\"]", tk.model_hex), "guard.sealed");
    OK(EVIDENCE("[\"PF-1\"]", TK_SEALED));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION); /* PF-4 is asked too */
    OK(EVIDENCE("[\"PF-4\"]", TK_SEALED));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    assert_int_equal(tk_v(&tk)->evidence.n, 2);
}

static void each_fact_of_the_pilot_is_asked(void **state)
{
    static const struct {
        const char *member, *code;
    } fact[] = {{"risk_analysis", "guard.risk_analysis"},
                {"security_architecture", "guard.security_architecture"},
                {"dpia", "guard.dpia"},
                {"cndp_authorization", "guard.cndp"},
                {"baseline_indicators", "guard.baseline"},
                {"trained_roster_share", "guard.roster"},
                {"stop_drill", "guard.stop_drill"},
                {"pilot_until", "guard.pilot_term"}};
    struct buf b, c;
    (void)state;
    tk_open_with(&tk, TK_WAIVED, "{\"P3\":[{\"role\":\"dsi\",\"count\":1}]}");
    tk_to_label(&tk);
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    buf_init(&b, 8192);
    buf_init(&c, 8192);
    for (size_t i = 0; i < AM_LEN(fact); i++) {
        char *at;
        buf_clear(&b);
        tk_pilot_facts(&tk, &b, 0.9, 300);
        at = strstr(b.p, fact[i].member);
        assert_non_null(at);
        at[0] = 'x'; /* the member is called otherwise: it is not there */
        CODE(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 1), fact[i].code);
    }
    buf_clear(&b);
    tk_pilot_facts(&tk, &b, 0.79, 300);
    CODE(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 1), "guard.roster");
    buf_clear(&b);
    tk_pilot_facts(&tk, &b, 0.9, -1);
    CODE(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 1), "guard.dpia");
    buf_clear(&b);
    tk_pilot_facts(&tk, &b, 0.8, 300);
    CODE(tk_deploy(&tk, "P3", "deployed", b.p, tk_board, 1), "guard.phase");
    OK(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 1));
    buf_release(&c);
    buf_release(&b);
}

static void nothing_is_waived_in_silence(void **state)
{
    (void)state;
    tk_open_with(&tk, "[]", "{}");
    OK(tk_algorithm(&tk));
    CODE(tk_version(&tk), "guard.model_signature");
}

static void a_proposal_stays_inside_the_scope(void **state)
{
    static const enum tk_actor by[] = {TK_LEAD2};
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    CODE(tk_say(&tk, LEDGER_DEPLOYMENT, by[0],
                "\"establishment\":\"CHU-CASA\",\"gst\":\"GST-CS\",\"service\":[\"C\"],"
                "\"use_code\":\"" TK_USE
                "\",\"model_digest\":\"%s\",\"transition\":\"P1\","
                "\"phase\":\"proposed\",\"mode\":\"active\"",
                tk.model_hex),
         "guard.scope");
    CODE(tk_say(&tk, LEDGER_DEPLOYMENT, TK_LEAD,
                "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
                "\",\"service\":[\"C\"],\"use_code\":\"OTHER\",\"model_digest\":\"%s\","
                "\"transition\":\"P1\",\"phase\":\"proposed\",\"mode\":\"active\"",
                tk.model_hex),
         "guard.scope");
}

static void the_declaration_must_hold_together(void **state)
{
    struct buf b;
    char *at;
    (void)state;
    tk_open(&tk);
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p), "unknown_algorithm");
    OK(tk_algorithm(&tk));
    CODE(tk_algorithm(&tk), "exists");
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR2, "%s", b.p), "wrong_organisation");
    at = strstr(b.p, "known_risks");
    at[0] = 'x';
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p), "guard.complete");
    at[0] = 'k';
    at = strstr(b.p, "\"sha256\":\"") + 10;
    at[0] = at[0] == '0' ? '1' : '0';
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p), "guard.model_digest");
    buf_release(&b);
    tk.algorithm_id[24] = tk.algorithm_id[24] == 'A' ? 'B' : 'A';
    CODE(tk_algorithm(&tk), "guard.algorithm_id");
}

/* The published example of mod 37,36: GRid A1-2425G-ABC1234002-M (IFPI GRid handbook). */
static void algorithm_ids_carry_an_iso_7064_check_character(void **state)
{
    char id[LEDGER_ALGORITHM_ID + 1];
    size_t caught = 0;
    (void)state;
    tk_open_empty(&tk);
    assert_int_equal(ledger_check36(STR("A1-2425G-ABC1234002")), 'M');
    assert_ok(ledger_algorithm_id(STR("ACME01"),
                                  (const uint8_t *)"\0\1\2\3\4\5\6\7\10\11", id));
    assert_true(ledger_algorithm_id_valid(str_c(id)));
    assert_memory_equal(id, "MA-IA-ACME01-ABCDEFGHIJ-", 24);
    for (size_t i = 6; i < 25; i++) { /* every single substitution is found */
        char c = id[i];
        if (c == '-')
            continue;
        for (const char *x = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *x; x++) {
            id[i] = *x;
            caught += *x != c && !ledger_algorithm_id_valid(str_c(id));
        }
        id[i] = c;
    }
    assert_int_equal(caught, 17 * 35);
    assert_int_equal(
        ledger_algorithm_id(STR("acme01"), (const uint8_t *)"0123456789", id),
        AM_E_INVALID);
    assert_false(ledger_algorithm_id_valid(STR("MA-IA-ACME01-ABCDEFGHIJ")));
}

/* ---- admit: the same answer beforehand, and no trace of the question ------------- */
static void admit_foretells_and_changes_nothing(void **state)
{
    struct ledger_outcome o;
    struct diag d;
    uint8_t was[32], is[32];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    diag_init(&d);
    assert_ok(ledger_state_digest(tk.l, was));
    { /* what tk_say would do, asked first */
        struct buf b;
        buf_init(&b, 4096);
        tk_addf(&b, "{");
        tk_head(&tk, &b, TK_DESK);
        tk_addf(&b,
                ",\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"admissible\",\"pointers\":[]}",
                tk.model_hex);
        tk_make(&tk, LEDGER_EVENT, buf_str(&b));
        buf_release(&b);
    }
    assert_ok(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_DESK], &o, &d));
    assert_int_equal(o.effect, LEDGER_IN_EFFECT);
    assert_string_equal(o.transition, "V3");
    assert_int_equal(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_VENDOR], &o, &d),
                     AM_E_FORBIDDEN);
    assert_int_equal(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_STRANGER], &o, &d),
                     AM_E_FORBIDDEN);
    assert_string_equal(o.code, "unknown_key");
    assert_true(d.errors >= 2);
    assert_ok(ledger_state_digest(tk.l, is));
    assert_memory_equal(was, is, 32);
    OK(tk_co(&tk, TK_DESK));
    assert_int_equal(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_DESK], &o, &d),
                     AM_E_CONFLICT);
    assert_string_equal(o.code, "replay");
    assert_int_equal(ledger_admit(tk.l, STR("{}"), tk.id[TK_DESK], &o, &d), AM_E_INVALID);
    diag_release(&d);
}

static void admit_lists_every_missing_fact_at_once(void **state)
{
    struct ledger_outcome o;
    struct diag d;
    size_t guards = 0;
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    CODE(tk_deploy(&tk, "P3", "pilot", NULL, tk_board, 1), "waiting_signers");
    diag_init(&d);
    assert_int_equal(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_DIM], &o, &d),
                     AM_E_INVALID);
    for (size_t i = 0; i < d.n; i++)
        guards += strncmp(d.item[i].code, "guard.", 6) == 0;
    assert_int_equal(guards, 8);
    diag_release(&d);
}

#define T(f) cmocka_unit_test_teardown(f, close_tk)
TEST_MAIN(
    T(an_unknown_key_has_no_effect_and_its_name_is_kept),
    T(a_revoked_key_signs_nothing_any_more), T(a_key_outside_its_dates_has_no_effect),
    T(a_grant_twice_or_by_the_wrong_hand_is_refused),
    T(a_compromised_key_loses_what_it_did_but_not_its_stops),
    T(the_wrong_role_has_no_effect), T(the_issuer_named_must_be_one_of_the_signers),
    T(the_vendor_never_speaks_for_the_bench), T(the_assignment_names_the_right_people),
    T(the_rapporteur_does_not_vote), T(k_signatures_are_k_persons_listed_by_the_record),
    T(two_roles_asked_are_two_organisations), T(local_keys_act_in_their_own_house),
    T(statements_out_of_order_have_no_effect), T(a_replayed_leaf_changes_nothing),
    T(a_statement_refused_once_cannot_be_replayed_later),
    T(what_a_thief_made_void_comes_back_with_the_thief_out),
    T(a_revocation_that_undoes_its_own_signer_is_refused),
    T(a_signature_given_a_month_late_does_not_count), T(a_forged_signature_is_no_entry),
    T(a_signed_payload_that_says_nothing_is_kept_and_has_no_effect),
    T(entry_0_is_a_genesis_that_holds_or_nothing),
    T(a_decision_cites_policy_evidence_and_outcome_as_they_are),
    T(a_decision_under_another_policy_is_refused),
    T(evidence_stays_inside_the_assignment), T(each_fact_of_the_pilot_is_asked),
    T(nothing_is_waived_in_silence), T(a_proposal_stays_inside_the_scope),
    T(the_declaration_must_hold_together),
    T(algorithm_ids_carry_an_iso_7064_check_character),
    T(admit_foretells_and_changes_nothing), T(admit_lists_every_missing_fact_at_once))
