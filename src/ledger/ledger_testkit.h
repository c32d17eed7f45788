/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_testkit -- a small country for tests: keys, a policy, records, a ledger in
 * memory.
 *
 *     struct tk tk;
 *     tk_open(&tk);                 genesis with TK_MSPS..., every actor granted
 *     tk_declare(&tk); ...          each step signs, stores, applies
 *     tk_close(&tk);
 *
 * tk_say() makes one statement from JSON text and applies it for one signer; tk_co() adds
 * the next signature over the same payload. Only tests include this file (ledger,
 * registry, node). It asserts: a step that cannot be made is a broken test. */
#ifndef LEDGER_TESTKIT_H
#define LEDGER_TESTKIT_H

#include "base/test.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger.h"

#define TK_BASE   "https://amane.example.org/v1"
#define TK_ORIGIN "amane.example.org/log"
#define TK_USE    "CARDIO-RISK"
#define TK_SITE   "CHU-RABAT"
#define TK_REGION "GST-RSK"

/* X(id, role, function, organisation, gst, establishment). The first four sign from
 * genesis; the others are granted by them. */
#define TK_ACTORS(X)                                                                     \
    X(DESK, "msps", "registry_desk", "MSPS", "", "")                                     \
    X(MSPS1, "msps", "authority", "MSPS", "", "")                                        \
    X(MSPS2, "msps", "authority", "MSPS", "", "")                                        \
    X(HAS1, "has", "commissioner", "HAS", "", "")                                        \
    X(HAS2, "has", "commissioner", "HAS", "", "")                                        \
    X(HAS3, "has", "commissioner", "HAS", "", "")                                        \
    X(RAPPORTEUR, "has", "rapporteur", "HAS", "", "")                                    \
    X(IMANOR, "imanor", "", "IMANOR", "", "")                                            \
    X(CNDP, "cndp", "", "CNDP", "", "")                                                  \
    X(VENDOR, "vendor", "", "ACME01", "", "")                                            \
    X(VENDOR2, "vendor", "", "OTHER1", "", "")                                           \
    X(BENCH, "bench_operator", "", "BENCH1", "", "")                                     \
    X(BENCH2, "bench_operator", "", "BENCH1", "", "")                                    \
    X(GST, "gst", "direction", "GST-RSK", "GST-RSK", "")                                 \
    X(GST2, "gst", "direction", "GST-CS", "GST-CS", "")                                  \
    X(NODE, "system", "", "GST-RSK", "GST-RSK", "")                                      \
    X(NODE2, "system", "", "GST-CS", "GST-CS", "")                                       \
    X(ROBOT, "system", "registry", "REGISTRY", "", "")                                   \
    X(DIRECTOR, "director", "", TK_SITE, TK_REGION, TK_SITE)                             \
    X(DSI, "dsi", "", TK_SITE, TK_REGION, TK_SITE)                                       \
    X(DIM, "dim", "", TK_SITE, TK_REGION, TK_SITE)                                       \
    X(DPO, "dpo", "", TK_SITE, TK_REGION, TK_SITE)                                       \
    X(RSSI, "rssi", "", TK_SITE, TK_REGION, TK_SITE)                                     \
    X(QUALITY, "quality", "", TK_SITE, TK_REGION, TK_SITE)                               \
    X(LEAD, "clinical_lead", "", TK_SITE, TK_REGION, TK_SITE)                            \
    X(DOCTOR, "physician", "", TK_SITE, TK_REGION, TK_SITE)                              \
    X(LEAD2, "clinical_lead", "", "CHU-CASA", "GST-CS", "CHU-CASA")                      \
    X(ESCROW, "escrow_agent", "", "TIERS1", "", "")                                      \
    X(ESCROW2, "escrow_agent", "", "TIERS2", "", "")                                     \
    X(HAS4, "has", "commissioner", "HAS", "", "")                                        \
    X(HAS5, "has", "commissioner", "HAS", "", "")                                        \
    X(CERTIFIER, "has", "certification", "HAS", "", "")                                  \
    X(VISITOR, "peer_visitor", "", "EXPERT", "GST-CS", "")                               \
    X(VISITOR2, "peer_visitor", "", "EXPERT2", TK_REGION, "")                            \
    X(AUDITOR, "auditor", "", "OBS1", "", "")                                            \
    X(BENCH3, "bench_operator", "", "BENCH3", "", "")                                    \
    X(RAPPORTEUR2, "has", "rapporteur", "HAS", "", "")                                   \
    X(STRANGER, "has", "commissioner", "NOBODY", "", "")
enum tk_actor {
#define X(id, role, function, org, gst, est) TK_##id,
    TK_ACTORS(X)
#undef X
        TK_COUNT
};
static const struct {
    const char *role, *function, *org, *gst, *est;
} tk_actor[] = {
#define X(id, role, function, org, gst, est) {role, function, org, gst, est},
    TK_ACTORS(X)
#undef X
};
enum { TK_FOUNDERS = 6 };

struct tk {
    char dir[64];
    struct blob_store *blobs;
    struct ledger *l;
    struct crypto_key *key[TK_COUNT];
    char id[TK_COUNT][CRYPTO_HEX];
    struct buf spki[TK_COUNT];
    struct crypto_key *log_key, *witness[4];
    int64_t now;
    struct buf payload; /* of the last statement */
    uint8_t payload_sha256[32], record_sha256[32];
    VEC(char *) leaf; /* every leaf applied, in order */
    VEC(size_t) leaf_n;
    uint8_t policy[32], model[32];
    char model_hex[CRYPTO_HEX], version_record[CRYPTO_HEX], evidence[CRYPTO_HEX];
    char algorithm_id[LEDGER_ALGORITHM_ID + 1];
    int err; /* of the last ledger_apply() */
};

/* xorshift64*: which statement comes next, in tests only. */
static inline uint64_t tk_draw(uint64_t *state, uint64_t n)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(2685821657736338717)) % n;
}

static inline int tk_remove(const char *path, const struct stat *st, int type,
                            struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

/* ---- text ------------------------------------------------------------------------ */
static inline void tk_addf(struct buf *b, const char *fmt, ...) AM_PRINTF(2, 3);
static inline void tk_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    assert_ok(buf_addv(b, fmt, ap));
    va_end(ap);
}

/* "issued_at":..,"issuer":.. of that actor; tk->now moves one second. */
static inline void tk_head(struct tk *tk, struct buf *b, enum tk_actor who)
{
    char at[TIME_TEXT];
    tk->now += TIME_SECOND;
    tk_addf(b, "\"issued_at\":\"%s\",\"issuer\":{\"role\":\"%s\",\"org_id\":\"%s\"}",
            time_format(tk->now, at), tk_actor[who].role, tk_actor[who].org);
}

static inline const char *tk_time(const struct tk *tk, int64_t days, char out[TIME_TEXT])
{
    return time_format(tk->now + days * TIME_DAY, out);
}

/* ---- signing and applying -------------------------------------------------------- */
/* A leaf over tk->payload by that key; the caller releases it. */
static inline void tk_leaf(struct tk *tk, const struct crypto_key *key, struct buf *leaf)
{
    struct buf pae, sig, spki;
    buf_init(&pae, 8 << 20);
    buf_init(&sig, 256);
    buf_init(&spki, 256);
    buf_init(leaf, 4096);
    assert_ok(ledger_pae(buf_str(&tk->payload), &pae));
    assert_ok(crypto_sign(key, buf_str(&pae), &sig));
    assert_ok(crypto_key_spki(key, &spki));
    assert_ok(ledger_leaf(tk->payload_sha256, buf_str(&sig), buf_str(&spki), leaf));
    buf_release(&spki);
    buf_release(&sig);
    buf_release(&pae);
}

#ifndef TK_FOLD /* how a leaf is folded; ledger_snapshot.h has a way that watches */
#define TK_FOLD ledger_apply
#endif
static inline int tk_apply(struct tk *tk, struct str leaf)
{
    char *copy = str_dup(leaf);
    assert_non_null(copy);
    tk->err = TK_FOLD(tk->l, leaf);
    if (tk->err) {
        free(copy);
        return tk->err;
    }
    assert_ok(vec_push(&tk->leaf, copy));
    assert_ok(vec_push(&tk->leaf_n, leaf.n));
    return AM_OK;
}

/* The outcome of the newest entry. */
static inline struct str tk_leaf_at(const struct tk *tk, size_t i)
{
    return (struct str){tk->leaf.v[i], tk->leaf_n.v[i]};
}

static inline const struct ledger_outcome *tk_outcome(const struct tk *tk)
{
    return ledger_outcome(tk->l, ledger_size(tk->l) - 1);
}

/* One more signature over the last payload: its code ("ok", "waiting_signers"...). */
static inline const char *tk_co(struct tk *tk, enum tk_actor who)
{
    struct buf leaf;
    int err;
    tk_leaf(tk, tk->key[who], &leaf);
    err = tk_apply(tk, buf_str(&leaf));
    buf_release(&leaf);
    return err ? am_err_text(err) : tk_outcome(tk)->code;
}

/* A text of the records made from then on, and what stands there instead; NULL: nothing.
 */
static const char *tk_from, *tk_to;
static inline void tk_swap(struct str record, struct buf *out)
{
    const char *at =
        tk_from ? memmem(record.p, record.n, tk_from, strlen(tk_from)) : NULL;
    size_t before = at ? (size_t)(at - record.p) : record.n;
    if (tk_from && !at)
        fail_msg("%s is not in %.*s", tk_from, STR_FMT(record));
    assert_ok(buf_add(out, (struct str){record.p, before}));
    if (!at)
        return;
    assert_ok(buf_adds(out, tk_to));
    before += strlen(tk_from);
    assert_ok(buf_add(out, (struct str){record.p + before, record.n - before}));
}

/* Makes tk->payload of a record, stores it; nothing is signed yet. */
static inline void tk_make(struct tk *tk, enum ledger_kind kind, struct str record)
{
    struct buf swapped;
    struct json_doc *doc = NULL;
    struct ledger_statement_view v;
    struct diag d;
    int err;
    diag_init(&d);
    buf_init(&swapped, 1 << 20);
    tk_swap(record, &swapped);
    record = buf_str(&swapped);
    err = json_parse(&doc, record, NULL, &d);
    if (err)
        fail_msg("%s in %.*s", d.n ? d.item[0].code : "?", STR_FMT(record));
    buf_clear(&tk->payload);
    err = ledger_statement(kind, json_root(doc), STR(TK_BASE), &tk->payload, &d);
    if (err)
        fail_msg("%s %s in %.*s", d.n ? d.item[0].path : "?",
                 d.n ? d.item[0].detail : "?", STR_FMT(record));
    assert_ok(blob_put(tk->blobs, buf_str(&tk->payload), tk->payload_sha256));
    assert_ok(ledger_statement_parse(buf_str(&tk->payload), STR(TK_BASE), &v, NULL));
    memcpy(tk->record_sha256, v.record_sha256, 32);
    ledger_statement_release(&v);
    json_free(doc);
    buf_release(&swapped);
    diag_release(&d);
}

/* A statement: {head of `who`, then the members given}, signed by `by`, applied. */
static inline const char *tk_say_as(struct tk *tk, enum ledger_kind kind,
                                    enum tk_actor who, enum tk_actor by, const char *fmt,
                                    va_list ap) AM_PRINTF(5, 0);
static inline const char *tk_say_as(struct tk *tk, enum ledger_kind kind,
                                    enum tk_actor who, enum tk_actor by, const char *fmt,
                                    va_list ap)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    tk_addf(&b, "{");
    tk_head(tk, &b, who);
    assert_ok(buf_addc(&b, ','));
    assert_ok(buf_addv(&b, fmt, ap));
    tk_addf(&b, "}");
    tk_make(tk, kind, buf_str(&b));
    buf_release(&b);
    return tk_co(tk, by);
}

static inline const char *tk_say(struct tk *tk, enum ledger_kind kind, enum tk_actor who,
                                 const char *fmt, ...) AM_PRINTF(4, 5);
static inline const char *tk_say(struct tk *tk, enum ledger_kind kind, enum tk_actor who,
                                 const char *fmt, ...)
{
    const char *code;
    va_list ap;
    va_start(ap, fmt);
    code = tk_say_as(tk, kind, who, who, fmt, ap);
    va_end(ap);
    return code;
}

/* ---- the country ----------------------------------------------------------------- */
/* A policy of two gates and one documented row; rules are the defaults of lifecycle.md
 * except where `signing` says otherwise ("{}"). waived: JSON array. */
static const char *tk_clocks = "{}"; /* of the policies made from then on */
static const char *tk_rows = "";     /* the same: more rows, each after a comma */
static inline void tk_policy_text(struct buf *b, const char *waived, const char *signing)
{
    tk_addf(b,
            "{\"schema\":\"amane/policy/1\",\"name\":{\"fr\":\"essai\",\"ar\":\"t\","
            "\"en\":\"test\"},\"version\":\"0.1.0\",\"national\":false,\"matrix\":{"
            "\"schema\":\"amane_label_matrix\",\"version\":\"t\",\"levels\":[\"base\","
            "\"intermediate\",\"advanced\"],\"level_effect\":{},\"evidence_max_age\":"
            "\"P12M\",\"rule\":{},\"not_applicable_reasons\":[],\"definitions\":{"
            "\"major_group\":{\"n_min\":100,\"positives_min\":30,\"negatives_min\":30}},"
            "\"rows\":[{\"id\":\"PF-1\",\"family\":\"performance\",\"level\":{\"base\":"
            "\"gate\",\"intermediate\":\"gate\",\"advanced\":\"gate\"},\"limits\":[{"
            "\"param\":\"auc\",\"op\":\"ge\",\"value\":0.8,\"levels\":[\"base\","
            "\"intermediate\",\"advanced\"],\"origin\":\"S\"}],\"origin\":\"S\"},"
            "{\"id\":\"PF-3\",\"family\":\"performance\",\"level\":{\"base\":"
            "\"not_required\",\"intermediate\":\"gate\",\"advanced\":\"gate\"},"
            "\"limits\":[{\"param\":\"sensitivity\",\"op\":\"ge\",\"value\":0.8,"
            "\"levels\":[\"intermediate\",\"advanced\"],\"origin\":\"S\"}],\"origin\":"
            "\"S\"},{\"id\":\"PF-4\",\"family\":\"performance\",\"level\":{\"base\":"
            "\"documented\",\"intermediate\":\"documented\",\"advanced\":\"documented\"},"
            "\"limits\":[],\"origin\":\"P\"}%s]},\"quorum\":{\"groups\":[{\"name\":"
            "\"nodes\",\"k\":3,\"of\":[\"n1\",\"n2\",\"n3\",\"n4\"]}],\"quorum\":"
            "\"nodes\"},\"signing\":%s,\"waived\":%s,\"clocks\":%s,\"terms\":{\"base\":"
            "\"P12M\",\"intermediate\":\"P24M\",\"advanced\":\"P36M\"},\"lease\":{"
            "\"warn\":\"PT12H\",\"end\":\"PT24H\"},\"k_min\":10,\"roster_min\":0.8,"
            "\"codes\":{\"uses\":[],\"critical\":[],\"motives\":[],\"override_reasons\":"
            "[]}}",
            tk_rows, signing, waived, tk_clocks);
}

#define TK_WAIVED_NAMES                                                                  \
    "\"guard.model_signature\",\"guard.fhir_twin\",\"guard.admissibility_report\","      \
    "\"guard.interop_test\",\"guard.closed_pilot\",\"guard.sites\","                     \
    "\"guard.reproduced\",\"guard.local_validation\",\"guard.review\","                  \
    "\"guard.establishment_certified\",\"guard.withdrawal_plan\","                       \
    "\"guard.impact_report\""
#define TK_WAIVED "[" TK_WAIVED_NAMES "]"
#define TK_WAIVED_PAPERS                                                                 \
    "[" TK_WAIVED_NAMES ",\"guard.live_monitoring\"]" /* advanced                        \
                                                       */

static inline void tk_put_policy(struct tk *tk, const char *waived, const char *signing,
                                 uint8_t digest[32])
{
    struct buf b;
    buf_init(&b, 1 << 20);
    tk_policy_text(&b, waived, signing);
    assert_ok(blob_put(tk->blobs, buf_str(&b), digest));
    buf_release(&b);
}

static inline void tk_add_key(const struct tk *tk, struct buf *b, enum tk_actor who)
{
    tk_addf(b, "{\"role\":\"%s\",\"org_id\":\"%s\",\"label\":\"%s\",\"spki\":\"",
            tk_actor[who].role, tk_actor[who].org, tk_actor[who].org);
    assert_ok(crypto_base64(b, buf_str(&tk->spki[who])));
    tk_addf(b, "\"");
    if (*tk_actor[who].function)
        tk_addf(b, ",\"function\":\"%s\"", tk_actor[who].function);
    if (*tk_actor[who].gst)
        tk_addf(b, ",\"gst\":\"%s\"", tk_actor[who].gst);
    if (*tk_actor[who].est)
        tk_addf(b, ",\"establishment\":\"%s\"", tk_actor[who].est);
    tk_addf(b, "}");
}

static inline void tk_add_vkey(struct buf *b, const char *name, enum tlog_sig_type type,
                               const struct crypto_key *k)
{
    struct tlog_vkey v;
    assert_ok(tlog_vkey_make(str_c(name), type, k, &v));
    assert_ok(tlog_vkey_format(&v, b));
}

/* The members of a genesis after the head. */
static inline void tk_genesis_members(struct tk *tk, struct buf *b)
{
    char hex[CRYPTO_HEX];
    tk_addf(b, "\"type\":\"genesis\",\"origin\":\"" TK_ORIGIN
               "\",\"type_base\":\"" TK_BASE "\",\"log_key\":\"");
    tk_add_vkey(b, TK_ORIGIN, TLOG_SIG_ED25519, tk->log_key);
    tk_addf(b, "\",\"witnesses\":[");
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "node%d.example.org", i + 1);
        tk_addf(b, "%s{\"name\":\"n%d\",\"vkey\":\"", i ? "," : "", i + 1);
        tk_add_vkey(b, name, TLOG_SIG_COSIGNATURE, tk->witness[i]);
        tk_addf(b, "\"}");
    }
    tk_addf(b, "],\"authorities\":[");
    for (int i = 0; i < TK_FOUNDERS; i++) {
        if (i)
            tk_addf(b, ",");
        tk_add_key(tk, b, (enum tk_actor)i);
    }
    tk_addf(b, "],\"policy_sha256\":\"%s\"", crypto_hex(tk->policy, 32, hex));
}

static inline const char *tk_grant(struct tk *tk, enum tk_actor who)
{
    struct buf b;
    const char *code;
    bool authority = strcmp(tk_actor[who].role, "has") == 0 ||
                     strcmp(tk_actor[who].role, "imanor") == 0 ||
                     strcmp(tk_actor[who].role, "cndp") == 0;
    buf_init(&b, 4096);
    tk_add_key(tk, &b, who);
    code = tk_say(tk, LEDGER_EVENT, authority ? TK_MSPS1 : TK_DESK,
                  "\"type\":\"key_grant\",\"key\":%s", b.p);
    if (authority && strcmp(code, "waiting_signers") == 0)
        code = tk_co(tk, TK_MSPS2);
    buf_release(&b);
    return code;
}

/* Keys, store, an empty ledger; no entry yet. */
static inline void tk_open_empty(struct tk *tk)
{
    *tk = (struct tk){.now = INT64_C(1793491200) * TIME_SECOND}; /* 2026-11-01 */
    log_set_level(LOG_OFF); /* what is refused on purpose need not be told */
    snprintf(tk->dir, sizeof tk->dir, "%s/amane-ledger-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(tk->dir));
    assert_ok(blob_open(&tk->blobs, tk->dir));
    assert_ok(ledger_new(&tk->l, tk->blobs));
    buf_init(&tk->payload, 8 << 20);
    for (int i = 0; i < TK_COUNT; i++) {
        assert_ok(crypto_key_generate(&tk->key[i], CRYPTO_P256));
        assert_ok(crypto_key_id(tk->key[i], tk->id[i]));
        buf_init(&tk->spki[i], 256);
        assert_ok(crypto_key_spki(tk->key[i], &tk->spki[i]));
    }
    assert_ok(crypto_key_generate(&tk->log_key, CRYPTO_ED25519));
    for (int i = 0; i < 4; i++)
        assert_ok(crypto_key_generate(&tk->witness[i], CRYPTO_ED25519));
    assert_ok(ledger_algorithm_id(STR("ACME01"), (const uint8_t *)"abcdefghij",
                                  tk->algorithm_id));
}

static inline void tk_genesis(struct tk *tk, const char *waived, const char *signing)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    tk_put_policy(tk, waived, signing, tk->policy);
    tk_genesis_members(tk, &b);
    assert_string_equal(tk_say(tk, LEDGER_EVENT, TK_DESK, "%s", b.p), "ok");
    buf_release(&b);
}

static inline void tk_open_with(struct tk *tk, const char *waived, const char *signing)
{
    tk_open_empty(tk);
    tk_genesis(tk, waived, signing);
    for (int i = TK_FOUNDERS; i < TK_STRANGER; i++)
        assert_string_equal(tk_grant(tk, (enum tk_actor)i), "ok");
}

static inline void tk_open(struct tk *tk)
{
    tk_open_with(tk, TK_WAIVED, "{}");
}

static inline void tk_close(struct tk *tk)
{
    ledger_free(tk->l);
    blob_close(tk->blobs);
    nftw(tk->dir, tk_remove, 16, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; i < TK_COUNT; i++) {
        crypto_key_free(tk->key[i]);
        buf_release(&tk->spki[i]);
    }
    crypto_key_free(tk->log_key);
    for (int i = 0; i < 4; i++)
        crypto_key_free(tk->witness[i]);
    for (size_t i = 0; i < tk->leaf.n; i++)
        free(tk->leaf.v[i]);
    vec_release(&tk->leaf);
    vec_release(&tk->leaf_n);
    buf_release(&tk->payload);
}

/* ---- what labels ask of records (ledger_ask_tbl.h) --------------------------------- */
#define TK_NAME "{\"fr\":\"Coeur\",\"ar\":\"قلب\",\"en\":\"Heart\"}"
#define TK_WORD "{\"fr\":\"texte\",\"ar\":\"نص\"}"
#define TK_SHA  "\"a5c0000000000000000000000000000000000000000000000000000000000000\""
/* X(member, value): all that the highest label asks of a version. */
#define TK_ASKED(X)                                                                      \
    X(representativeness,                                                                \
      "[{\"variable\":\"sex\",\"group\":\"F\",\"n\":50,\"pct\":100},"                    \
      "{\"variable\":\"age_band\",\"group\":\"60-69\",\"n\":50,"                         \
      "\"pct\":100}]")                                                                   \
    X(relevance_morocco, TK_WORD)                                                        \
    X(relevance_evidence, "[{\"what\":" TK_WORD ",\"reference\":\"pmid:1\"}]")           \
    X(fairness_approach, TK_WORD)                                                        \
    X(bias_mitigation, TK_WORD)                                                          \
    X(explainability, "{\"method\":\"linear\",\"scope\":\"both\",\"version\":\"1\"}")    \
    X(cybersecurity, "{\"authentication\":\"mtls\",\"evidence\":[{\"claim\":"            \
                     "\"authentication\",\"row\":\"PF-1\"}]}")                           \
    X(interoperability, "{\"fhir\":true,\"snomed_ct\":true,\"loinc\":true}")             \
    X(maintenance, "{\"process\":" TK_WORD ",\"monitoring_period\":\"P1M\"}")            \
    X(patient_information, TK_WORD)                                                      \
    X(sbom, "{\"format\":\"cyclonedx\",\"sha256\":" TK_SHA "}")                          \
    X(labelling, "{\"method\":\"two readers\",\"annotators_n\":2,\"agreement\":0.9}")    \
    X(escrow, "{\"agent\":\"TIERS1\"}")                                                  \
    X(instructions_for_use, "{\"fr\":" TK_SHA ",\"ar\":" TK_SHA "}")
#define TK_ASKED_MEMBER(member, value) ",\"" #member "\":" value
#define TK_ASKED_ALL                   TK_ASKED(TK_ASKED_MEMBER) /* ",..." of a version */
static const char *tk_without = ""; /* the one member left out of versions made then on */
static inline void tk_asked(struct buf *b)
{
    static const struct {
        const char *member, *text;
    } asked[] = {
#define X(member, value) {#member, TK_ASKED_MEMBER(member, value)},
        TK_ASKED(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(asked); i++)
        if (strcmp(asked[i].member, tk_without) != 0)
            tk_addf(b, "%s", asked[i].text);
}

/* ---- the happy path -------------------------------------------------------------- */
static inline void tk_algorithm_members(const struct tk *tk, struct buf *b)
{
    tk_addf(b,
            "\"algorithm_id\":\"%s\",\"trade_name\":" TK_NAME ",\"short_name\":" TK_NAME
            ",\"developer\":{\"org_id\":\"ACME01\",\"name\":\"Acme\",\"country\":\"MA\","
            "\"address\":\"Rabat\",\"contact\":\"ia@acme.example\"},\"supplier\":{"
            "\"framework_contract\":\"F1\",\"ice\":\"001234567000089\"},"
            "\"funding\":\"own\",\"conflicts_of_interest\":[]",
            tk->algorithm_id);
}

static inline const char *tk_algorithm(struct tk *tk)
{
    struct buf b;
    const char *code;
    buf_init(&b, 4096);
    tk_algorithm_members(tk, &b);
    code = tk_say(tk, LEDGER_ALGORITHM, TK_VENDOR, "%s", b.p);
    buf_release(&b);
    return code;
}

/* Members of a version whose weights are a small blob made of `seed`. Sets tk->model. */
static inline void tk_version_members(struct tk *tk, struct buf *b, const char *label,
                                      uint8_t seed)
{
    uint8_t weights[32];
    char hex[CRYPTO_HEX];
    char text[32];
    int n = snprintf(text, sizeof text, "weights %u", seed);
    assert_ok(blob_put(tk->blobs, (struct str){text, (size_t)n}, weights));
    crypto_sha256((struct str){(const char *)weights, 32}, tk->model);
    crypto_hex(tk->model, 32, tk->model_hex);
    tk_addf(b,
            "\"algorithm_id\":\"%s\",\"version_label\":\"%s\",\"intended_use\":{"
            "\"text\":{\"fr\":\"risque\"},\"use_code\":\"" TK_USE "\"},"
            "\"decision_role\":\"inform\",\"intended_users\":[\"physician\"],"
            "\"required_training\":[],\"population\":{\"age_min\":18,\"age_max\":120,"
            "\"sex\":\"any\",\"inclusion\":[],\"exclusion\":[]},\"out_of_scope\":[{"
            "\"fr\":\"enfants\"}],\"known_risks\":[{\"fr\":\"biais\"}],"
            "\"criticality\":\"high\",\"specialty\":{},\"body_site\":{},\"modality\":{},"
            "\"task\":\"risk_score\",\"outputs\":[],\"inputs\":[],\"artifacts\":[{"
            "\"path\":\"model.json\",\"role\":\"weights\",\"size\":32,\"sha256\":\"%s\","
            "\"media_type\":\"application/json\"}],\"model_digest\":\"%s\","
            "\"canonical_weight_hash\":\"%s\",\"format\":{},\"runtime\":{},"
            "\"model_type\":\"logistic_regression\",\"max_depth\":1,"
            "\"number_of_layers\":1,\"dropout_rate\":0,\"regularization_strength\":1,"
            "\"learning_rate\":1,\"batch_size\":1,\"number_of_epochs\":1,\"optimizer\":"
            "\"newton\",\"random_seed\":\"1\",\"training_data\":[],\"validation_data\":"
            "[],\"risks\":[],\"regulatory\":{},"
            "\"evaluation_plan\":{\"primary_endpoint\":\"auc\"}",
            tk->algorithm_id, label, crypto_hex(weights, 32, hex), tk->model_hex, hex);
    tk_asked(b);
}

static inline const char *tk_version(struct tk *tk)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_version_members(tk, &b, "1.0.0", 7);
    code = tk_say(tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p);
    crypto_hex(tk->record_sha256, 32, tk->version_record);
    buf_release(&b);
    return code;
}

static inline const char *tk_admissible(struct tk *tk)
{
    return tk_say(tk, LEDGER_EVENT, TK_DESK,
                  "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                  "\"admissible\",\"pointers\":[]",
                  tk->model_hex);
}

#define TK_SEALED "5ea1ed00000000000000000000000000000000000000000000000000000000ff"
static inline const char *tk_assign(struct tk *tk, const char *level)
{
    return tk_say(tk, LEDGER_EVENT, TK_RAPPORTEUR,
                  "\"type\":\"assignment\",\"model_digest\":\"%s\",\"rapporteur\":\"%s\","
                  "\"bench_operator\":\"%s\",\"requested_level\":\"%s\",\"sealed_data\":["
                  "\"" TK_SEALED "\"],\"no_conflict\":true",
                  tk->model_hex, tk->id[TK_RAPPORTEUR], tk->id[TK_BENCH], level);
}

/* One bench run over every row, with that AUC. */
static inline const char *tk_evidence_by(struct tk *tk, enum tk_actor who, double auc)
{
    static const char measure[] =
        "{\"row\":\"%s\",\"name\":\"%s\",\"group\":\"\",\"threshold\":null,\"estimate\":"
        "%.3f,\"ci95_low\":%.3f,\"ci95_high\":%.3f,\"ci_method\":\"delong\",\"n\":400,"
        "\"positives\":180,\"seed\":\"1\"}";
    char m[3][400];
    const char *code;
    uint8_t scores[32];
    char hex[CRYPTO_HEX];
    assert_ok(blob_put(tk->blobs, STR("row,score\n1,0.5\n"), scores));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(m[0], sizeof m[0], measure, "PF-1", "auc", auc, auc - 0.01, auc + 0.01);
    snprintf(m[1], sizeof m[1], measure, "PF-3", "sensitivity", auc, auc - 0.01,
             auc + 0.01);
    snprintf(m[2], sizeof m[2], measure, "PF-4", "ppv", auc, auc - 0.01, auc + 0.01);
#pragma GCC diagnostic pop
    code = tk_say(
        tk, LEDGER_EVIDENCE, who,
        "\"family\":\"performance\",\"rows\":[\"PF-1\",\"PF-3\",\"PF-4\"],"
        "\"model_digest\":\"%s\",\"dataset\":{\"id\":\"d1\",\"sha256\":\"" TK_SEALED
        "\",\"n\":400,\"positives\":180,\"period\":{\"from\":\"2026-01-01\","
        "\"to\":\"2026-06-30\"},\"external\":true,\"tester_org\":\"BENCH1\","
        "\"leakage_test\":\"none\",\"sites\":[{\"site\":\"" TK_SITE
        "\",\"gst\":\"" TK_REGION "\",\"n\":400,\"positives\":180,\"sha256\":\"" TK_SEALED
        "\"}]},\"measures\":[%s,%s,%s],\"scores_sha256\":\"%s\"",
        tk->model_hex, m[0], m[1], m[2], crypto_hex(scores, 32, hex));
    crypto_hex(tk->payload_sha256, 32, tk->evidence);
    return code;
}

static inline const char *tk_evidence(struct tk *tk, double auc)
{
    return tk_evidence_by(tk, TK_BENCH, auc);
}

struct tk_decision {
    const char *outcome, *requested, *level, *computed, *extra; /* extra: ",\"x\":1" */
    int64_t days;                                               /* expiry */
    const enum tk_actor *by;
    size_t n;
    const char *evidence; /* JSON list; NULL: the last evidence */
};

static bool tk_unsigned; /* for who signs in another order: tk_decide() only makes */

/* Signed by all of d->by in turn; the code of the last. */
static inline const char *tk_decide(struct tk *tk, const struct tk_decision *d)
{
    struct buf b;
    char hex[CRYPTO_HEX], now[TIME_TEXT], until[TIME_TEXT];
    const char *code = "none";
    uint8_t policy[32];
    ledger_policy_digest(tk->l, policy);
    buf_init(&b, 1 << 16);
    tk_addf(&b, "{");
    tk_head(tk, &b, d->by[0]);
    tk_addf(&b,
            ",\"model_digest\":\"%s\",\"outcome\":\"%s\",\"requested_level\":\"%s\","
            "\"label_level\":\"%s\",\"scope\":{\"gst\":[\"" TK_REGION
            "\"],\"establishments\":[\"" TK_SITE "\"],\"uses\":[\"" TK_USE
            "\"],\"undemonstrated_groups\":[]},\"decided_at\":\"%s\",\"expires_at\":"
            "\"%s\",\"conditions\":[],\"policy_sha256\":\"%s\",\"evidence\":",
            tk->model_hex, d->outcome, d->requested, d->level, tk_time(tk, 0, now),
            tk_time(tk, d->days ? d->days : 365, until), crypto_hex(policy, 32, hex));
    if (d->evidence)
        tk_addf(&b, "%s", d->evidence);
    else
        tk_addf(&b, "[\"%s\"]", tk->evidence);
    tk_addf(&b, ",\"outcome_computed\":\"%s\",\"signers\":[", d->computed);
    for (size_t i = 0; i < d->n; i++)
        tk_addf(&b,
                "%s{\"role\":\"%s\",\"org_id\":\"%s\",\"key_id\":\"%s\","
                "\"no_conflict\":true}",
                i ? "," : "", tk_actor[d->by[i]].role, tk_actor[d->by[i]].org,
                tk->id[d->by[i]]);
    tk_addf(&b, "]%s}", d->extra ? d->extra : "");
    tk_make(tk, LEDGER_DECISION, buf_str(&b));
    buf_release(&b);
    for (size_t i = 0; i < d->n && !tk_unsigned; i++)
        code = tk_co(tk, d->by[i]);
    return code;
}

static const enum tk_actor tk_jury[] = {TK_HAS1, TK_HAS2, TK_HAS3};

static inline const char *tk_label(struct tk *tk)
{
    return tk_decide(tk, &(struct tk_decision){"granted", "base", "base", "granted", NULL,
                                               365, tk_jury, 3, NULL});
}

/* A deployment record here; extra: ",\"x\":1". Signed by `by` in turn. */
static inline const char *tk_deploy(struct tk *tk, const char *transition,
                                    const char *phase, const char *extra,
                                    const enum tk_actor *by, size_t n)
{
    const char *code = tk_say(
        tk, LEDGER_DEPLOYMENT, by[0],
        "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
        "\",\"service\":[\"CARDIO\"],\"use_code\":\"" TK_USE
        "\",\"model_digest\":\"%s\",\"transition\":\"%s\",\"phase\":\"%s\",\"mode\":"
        "\"active\"%s",
        tk->model_hex, transition, phase, extra ? extra : "");
    for (size_t i = 1; i < n; i++)
        code = tk_co(tk, by[i]);
    return code;
}

static inline const char *tk_propose(struct tk *tk)
{
    static const enum tk_actor by[] = {TK_LEAD};
    return tk_deploy(tk, "P1", "proposed", NULL, by, 1);
}

static inline const char *tk_prepare(struct tk *tk)
{
    static const enum tk_actor by[] = {TK_DIRECTOR, TK_DSI, TK_DIM, TK_LEAD};
    return tk_deploy(tk, "P2", "pre_deployment",
                     ",\"objectives\":{\"objectives\":{\"fr\":\"o\"}}", by, 4);
}

/* Everything P3 asks, with the roster share and the DPIA expiry given. */
static inline void tk_pilot_facts(const struct tk *tk, struct buf *b, double roster,
                                  int64_t dpia_days)
{
    char until[TIME_TEXT], dpia[TIME_TEXT];
    tk_addf(
        b,
        ",\"risk_analysis\":\"" TK_SEALED "\",\"security_architecture\":\"" TK_SEALED
        "\",\"dpia\":{\"number\":\"D1\",\"date\":\"2026-10-01\",\"expires\":\"%.10s\","
        "\"summary\":{\"fr\":\"s\"}},\"cndp_authorization\":{\"number\":\"A1\","
        "\"expires\":\"2031-01-01\"},\"baseline_indicators\":{\"period\":{},"
        "\"values\":[1,2,3,4,5,6,7,8,9,10,11,12]},\"trained_roster_share\":%.2f,"
        "\"stop_drill\":{\"at\":\"2026-10-01T00:00:00Z\",\"effect_s\":0.4},"
        "\"pilot_until\":\"%s\"",
        tk_time(tk, dpia_days, dpia), roster, tk_time(tk, 150, until));
}

static const enum tk_actor tk_board[] = {TK_DSI,  TK_DIM,     TK_DPO,
                                         TK_LEAD, TK_QUALITY, TK_RSSI};

static inline const char *tk_pilot(struct tk *tk)
{
    struct buf b;
    const char *code;
    buf_init(&b, 8192);
    tk_pilot_facts(tk, &b, 0.9, 300);
    code = tk_deploy(tk, "P3", "pilot", b.p, tk_board, 6);
    buf_release(&b);
    return code;
}

static inline const char *tk_stop(struct tk *tk, enum tk_actor who, const char *scope,
                                  const char *target)
{
    char at[TIME_TEXT];
    return tk_say(tk, LEDGER_EVENT, who,
                  "\"type\":\"stop\",\"scope\":\"%s\",\"model_digest\":\"%s\",%s"
                  "\"effect_at\":\"%s\"",
                  scope, tk->model_hex, target, tk_time(tk, 0, at));
}

static inline const char *tk_lift(struct tk *tk, enum tk_actor who,
                                  const uint8_t order[32])
{
    char hex[CRYPTO_HEX];
    return tk_say(tk, LEDGER_EVENT, who,
                  "\"type\":\"stop_lift\",\"order\":\"%s\",\"reason\":\"cause cleared\"",
                  crypto_hex(order, 32, hex));
}

/* Declared, admissible, assigned at base, measured: what a decision waits for. */
static inline void tk_to_evidence(struct tk *tk, double auc)
{
    assert_string_equal(tk_algorithm(tk), "ok");
    assert_string_equal(tk_version(tk), "ok");
    assert_string_equal(tk_admissible(tk), "ok");
    assert_string_equal(tk_assign(tk, "base"), "ok");
    assert_string_equal(tk_evidence(tk, auc), "ok");
}

/* From declaration to a running pilot. */
static inline void tk_to_label(struct tk *tk)
{
    tk_to_evidence(tk, 0.88);
    assert_string_equal(tk_label(tk), "ok");
}

static inline void tk_to_pilot(struct tk *tk)
{
    tk_to_label(tk);
    assert_string_equal(tk_propose(tk), "ok");
    assert_string_equal(tk_prepare(tk), "ok");
    assert_string_equal(tk_pilot(tk), "ok");
}

static inline const struct ledger_version *tk_v(const struct tk *tk)
{
    return ledger_version_find(tk->l, tk->model);
}

static inline const struct ledger_deployment *tk_p(const struct tk *tk)
{
    char id[CRYPTO_HEX];
    assert_ok(ledger_deployment_id(tk->model, STR(TK_SITE), STR(TK_USE), id));
    return ledger_deployment_find(tk->l, str_c(id));
}

#endif
