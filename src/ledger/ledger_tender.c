/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_tender -- may these products be bought (lifecycle.md section 11)? A pure
 * function of the fold and the question: the same log at the same size gives the same
 * bytes (I14).
 *
 * Every reason is told, not the first. Thresholds are the policy's `tender`, or the
 * proposals of section 11: label intermediate, escrow level 1, rows CY-1 to CY-3. What
 * must be evidenced counts only when it is declared and a run in effect measured it. */
#include "ledger/ledger_priv.h"

enum { ANSWER_MAX = 4 << 20, PATH = 96 };

/* ---- the question ---------------------------------------------------------------- */
static bool known_member(struct str key)
{
    return str_eqc(key, "products") || str_eqc(key, "use_code") ||
           str_eqc(key, "opens_at");
}

static bool product_ok(struct str s)
{
    uint8_t digest[32];
    return (s.n == 64 && !crypto_unhex(s, digest, 32)) || ledger_algorithm_id_valid(s);
}

static void check_products(const struct json *list, struct diag *d)
{
    if (json_type(list) != JSON_ARRAY || !json_size(list) ||
        json_size(list) > LEDGER_TENDER_PRODUCTS)
        diag_err(d, "/products", "tender.products", "a list of 1 to %d",
                 LEDGER_TENDER_PRODUCTS);
    for (json_each(it, list)) {
        char path[PATH];
        if (it.i >= LEDGER_TENDER_PRODUCTS)
            break;
        snprintf(path, sizeof path, "/products/%zu", it.i);
        if (!product_ok(json_str(it.val)))
            diag_err(d, path, "tender.product",
                     "the digest of a version or the identifier of an algorithm");
        for (size_t k = 0; k < it.i; k++)
            if (json_equal(json_at(list, k), it.val))
                diag_err(d, path, "tender.product_twice", "asked before");
    }
}

static void check_query(const struct json *query, struct diag *d)
{
    if (json_type(query) != JSON_OBJECT)
        diag_err(d, "", "schema.type", "an object is expected");
    for (json_each(it, query))
        if (!known_member(it.key))
            diag_err(d, "", "schema.additionalProperties", "an unknown member");
    check_products(json_get(query, "products"), d);
    if (!ledger_code_ok(json_get_str(query, "use_code")))
        diag_err(d, "/use_code", "tender.use_code", "the code of a use");
    if (!ledger_time(json_get(query, "opens_at")))
        diag_err(d, "/opens_at", "tender.opens_at", "a date, or an RFC 3339 instant");
}

int ledger_tender_check(const struct json *query, struct diag *d)
{
    struct diag found;
    int err;
    diag_init(&found);
    check_query(query, &found);
    err = found.errors ? AM_E_INVALID : AM_OK;
    if (d)
        diag_merge(d, &found, "");
    diag_release(&found);
    return err;
}

/* ---- one product ----------------------------------------------------------------- */
struct tender {
    const struct ledger *l;
    const struct json *rules; /* policy.tender */
    struct str use;
    int64_t opens_at;
    /* the product being judged */
    const struct ledger_verrec *v;
    struct ledger_statement_view declared;
    struct ledger_statement_view *evidence;
    size_t n;
    bool equivalent; /* recognised elsewhere, valid at that date */
    bool pilot_only;
    size_t reasons;
    struct jw *w;
};

/* One reason; arguments are pairs of strings, NULL ends them. */
static void reason(struct tender *t, const char *code, const char *key, const char *value,
                   const char *key2, const char *value2)
{
    t->reasons++;
    jw_obj(t->w);
    jw_kstrz(t->w, "code", code);
    jw_key(t->w, "args");
    jw_obj(t->w);
    if (key)
        jw_kstrz(t->w, key, value);
    if (key2)
        jw_kstrz(t->w, key2, value2);
    jw_obj_end(t->w);
    jw_obj_end(t->w);
}

static bool listed(const struct json *list, struct str code)
{
    for (json_each(it, list)) {
        struct str s =
            json_str(it.val).p ? json_str(it.val) : json_get_str(it.val, "code");
        if (str_eq(s, code))
            return true;
    }
    return false;
}

/* A certificate of one of those types, in force at the opening of the bids. */
static bool certified(const struct tender *t, const struct json *types,
                      const char *otherwise)
{
    const struct json *all =
        json_get(json_get(t->declared.record, "regulatory"), "certificates");
    for (json_each(it, all)) {
        struct str type = json_get_str(it.val, "type");
        int64_t from = ledger_time(json_get(it.val, "issued"));
        int64_t to = ledger_time(json_get(it.val, "expires"));
        bool named = types ? listed(types, type) : otherwise && str_eqc(type, otherwise);
        if (named && from && from <= t->opens_at && t->opens_at < to)
            return true;
    }
    return false;
}

static void judge_label(struct tender *t)
{
    const struct ledger_version *v = &t->v->v;
    enum ledger_level needs = LEDGER_INTERMEDIATE;
    char expires[TIME_TEXT], opens[TIME_TEXT];
    if (ledger_level_parse(json_get_str(t->rules, "level"), &needs))
        needs = LEDGER_INTERMEDIATE;
    if (v->state != LEDGER_V_LABELLED)
        reason(t, "tender.not_labelled", "state", ledger_v_name(v->state), NULL, NULL);
    else if (v->level < needs)
        reason(t, "tender.level", "level", ledger_level_name(v->level), "needs",
               ledger_level_name(needs));
    t->pilot_only = v->state == LEDGER_V_LABELLED && v->level == LEDGER_BASE;
    if (v->state == LEDGER_V_LABELLED && v->expires_at && t->opens_at >= v->expires_at)
        reason(t, "tender.expired", "expires_at", time_format(v->expires_at, expires),
               "opens_at", time_format(t->opens_at, opens));
    if (v->state == LEDGER_V_LABELLED &&
        !ledger_names_has(t->v->use.v, t->v->use.n, t->use))
        reason(t, "tender.use", "use_code", v->use_code, NULL, NULL);
}

static void judge_standing(struct tender *t)
{
    const struct ledger_version *v = &t->v->v;
    unsigned roles = 0;
    t->equivalent = certified(t, json_get(t->rules, "equivalents"), NULL) &&
                    str_eqc(t->use, v->use_code);
    if (v->sandboxed)
        reason(t, "tender.sandbox", NULL, NULL, NULL, NULL);
    if (v->state == LEDGER_V_SUSPENDED || ledger_national_stops(t->l, t->v, &roles))
        reason(t, "tender.suspended", NULL, NULL, NULL, NULL);
    if (v->state == LEDGER_V_REFUSED || v->state == LEDGER_V_WITHDRAWN ||
        v->state == LEDGER_V_ARCHIVED)
        reason(t, "tender.out", "state", ledger_v_name(v->state), NULL, NULL);
    else if (!t->equivalent && v->state != LEDGER_V_SUSPENDED)
        judge_label(t);
}

/* ---- evidence -------------------------------------------------------------------- */
static bool measured(const struct tender *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        for (json_each(it, json_get(t->evidence[i].record, "measures")))
            if (json_str_is(json_get(it.val, "name"), name) &&
                json_num(json_get(it.val, "estimate"), 0) == 1)
                return true;
    return false;
}

/* Which declared members have no code of that system; FHIR asks for none. A code is
 * judged by the bench: here it is only there or not. */
enum { UNCODED_MAX = 512 };
static void uncoded_one(char out[UNCODED_MAX], struct str name)
{
    size_t n = strlen(out);
    snprintf(out + n, UNCODED_MAX - n, "%s%.*s", n ? ", " : "", (int)AM_MIN(name.n, 63),
             name.p);
}

static void uncoded(const struct json *record, bool snomed, char out[UNCODED_MAX])
{
    static const char *const site[] = {"specialty", "body_site"};
    const char *system = snomed ? "http://snomed.info/sct" : "http://loinc.org";
    out[0] = 0;
    for (size_t i = 0; snomed && i < AM_LEN(site); i++)
        if (!json_str_is(json_get(json_get(record, site[i]), "system"), system))
            uncoded_one(out, str_c(site[i]));
    for (json_each(it, json_get(record, "inputs"))) {
        const struct json *type = json_get(it.val, "type");
        bool coded = json_str_is(type, "code") || json_str_is(type, "boolean");
        if (json_str_is(json_get(it.val, "source"), "observation") && coded == snomed &&
            !json_str_is(json_get(json_get(it.val, "coding"), "system"), system))
            uncoded_one(out, json_get_str(it.val, "name"));
    }
}

static void judge_codes(struct tender *t, const char *field)
{
    char list[UNCODED_MAX];
    if (strcmp(field, "fhir") == 0)
        return;
    uncoded(t->declared.record, strcmp(field, "snomed_ct") == 0, list);
    if (list[0])
        reason(t, "tender.interop_uncoded", "standard", field, "members", list);
}

static void judge_interoperability(struct tender *t)
{
    static const struct {
        const char *field, *measure;
    } need[] = {{"fhir", "interop_fhir"},
                {"snomed_ct", "interop_snomed_ct"},
                {"loinc", "interop_loinc"}};
    const struct json *said = json_get(t->declared.record, "interoperability");
    for (size_t i = 0; i < AM_LEN(need); i++) {
        bool declared = json_bool(json_get(said, need[i].field), false);
        if (declared && measured(t, need[i].measure))
            continue;
        if (!declared)
            reason(t, "tender.interop_undeclared", "standard", need[i].field, NULL, NULL);
        else
            reason(t, "tender.interop_evidence", "standard", need[i].field, "measure",
                   need[i].measure);
        judge_codes(t, need[i].field);
    }
}

static bool row_passes(const struct label_result *r, struct str id)
{
    for (size_t i = 0; i < r->n; i++)
        if (str_eqc(id, r->row[i].id) && r->row[i].level == LABEL_INTERMEDIATE)
            return r->row[i].verdict == LABEL_PASS;
    return false;
}

/* Rows a change inside a plan does not run again are those of its parent (V20). */
static int load_parent(const struct tender *t, struct ledger_statement_view *s, size_t *n,
                       const struct json **record)
{
    struct ledger_change c;
    int err = AM_OK;
    if (!ledger_change(t->l, &t->v->v, t->opens_at, &c) || *c.why)
        return AM_OK;
    for (size_t i = 0; i < c.parent->evidence.n && !err; i++) {
        err = ledger_load(t->l, c.parent->evidence.v[i].payload, &s[*n]);
        if (!err) {
            record[t->n + *n] = s[*n].record;
            ++*n;
        }
    }
    return err;
}

/* Verdicts of the label's rows over the evidence that counts. */
static int judge_rows(struct tender *t, struct label_result *r)
{
    struct ledger_change c = {0};
    bool inside = ledger_change(t->l, &t->v->v, t->opens_at, &c);
    size_t most = inside ? c.parent->evidence.n : 0, n = 0;
    char parent[CRYPTO_HEX];
    struct label_from from = {.change = c.change, .logged = true};
    const struct json **record = am_calloc(t->n + most + 1, sizeof *record);
    struct ledger_statement_view *s = am_calloc(most + 1, sizeof *s);
    int64_t at =
        t->v->v.decision.index ? t->v->v.decision.issued_at : t->v->v.declared.issued_at;
    int err = record && s ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; !err && i < t->n; i++)
        record[i] = t->evidence[i].record;
    if (!err && inside) {
        from.parent = str_c(crypto_hex(c.parent->digest, 32, parent));
        err = load_parent(t, s, &n, record);
    }
    if (!err)
        err = label_evaluate_from(t->l->policy->label, t->declared.record, record,
                                  t->n + n, &from, LABEL_INTERMEDIATE, at, r, NULL);
    for (size_t i = 0; i < n; i++)
        ledger_statement_release(&s[i]);
    free(s);
    free(record);
    return err;
}

static int judge_security(struct tender *t)
{
    static const char *const otherwise[] = {"CY-1", "CY-2", "CY-3"};
    const struct json *rows = json_get(t->rules, "security_rows");
    struct label_result r = {0};
    int err = judge_rows(t, &r);
    if (!json_get(t->declared.record, "cybersecurity"))
        reason(t, "tender.security_undeclared", NULL, NULL, NULL, NULL);
    for (size_t i = 0; !err && i < (rows ? json_size(rows) : AM_LEN(otherwise)); i++) {
        char id[LEDGER_ROW_ID];
        ledger_copy(id, sizeof id,
                    rows ? json_str(json_at(rows, i)) : str_c(otherwise[i]));
        if (!row_passes(&r, str_c(id)))
            reason(t, "tender.security_evidence", "row", id, NULL, NULL);
    }
    if (!err)
        label_result_release(&r);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static void judge_data_protection(struct tender *t)
{
    bool ok = certified(t, json_get(t->rules, "data_protection"), "cndp");
    for (size_t i = 0; !ok && i < t->v->deployment.n; i++)
        ok = t->l->deployment.v[t->v->deployment.v[i]].cndp_until > t->opens_at;
    if (!ok)
        reason(t, "tender.data_protection", NULL, NULL, NULL, NULL);
}

/* [S 6.3]: what a supplier hands over. */
static void judge_documents(struct tender *t)
{
    static const char *const member[] = {
#define X(name) name,
        LEDGER_TENDER_DOCUMENT_MAP(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(member); i++) {
        const struct json *m = json_pointer(t->declared.record, str_c(member[i]));
        bool there = m && json_type(m) != JSON_NULL && !json_get(m, "na") &&
                     !((json_type(m) == JSON_ARRAY || json_type(m) == JSON_OBJECT) &&
                       json_size(m) == 0);
        if (!there)
            reason(t, "tender.document", "pointer", member[i], NULL, NULL);
    }
}

static void judge_escrow(struct tender *t)
{
    const struct ledger_deposit *e = ledger_deposit_of(t->l, t->v->v.digest);
    int64_t needs = json_int(json_get(t->rules, "escrow_level"), 1);
    char have_text[16], need_text[16];
    snprintf(need_text, sizeof need_text, "%d", (int)needs);
    if (!e) {
        reason(t, "tender.escrow", NULL, NULL, NULL, NULL);
        return;
    }
    snprintf(have_text, sizeof have_text, "%u", e->level);
    if ((int64_t)e->level < needs)
        reason(t, "tender.escrow_level", "level", have_text, "needs", need_text);
}

/* ---- loading --------------------------------------------------------------------- */
static void unload(struct tender *t)
{
    for (size_t i = 0; i < t->n; i++)
        ledger_statement_release(&t->evidence[i]);
    free(t->evidence);
    ledger_statement_release(&t->declared);
    t->evidence = NULL;
    t->n = 0;
}

static int load(struct tender *t)
{
    size_t n = t->v->v.evidence.n;
    int err = AM_OK;
    t->n = 0;
    t->evidence = am_calloc(n + 1, sizeof *t->evidence);
    t->declared = (struct ledger_statement_view){0};
    if (!t->evidence)
        return AM_E_NOMEM;
    err = ledger_load(t->l, t->v->v.declared.payload, &t->declared);
    while (!err && t->n < n) {
        err = ledger_load(t->l, t->v->v.evidence.v[t->n].payload, &t->evidence[t->n]);
        if (!err)
            t->n++;
    }
    if (err)
        unload(t);
    return err;
}

static int version_facts(const struct tender *t)
{
    const struct ledger_version *v = &t->v->v;
    char hex[CRYPTO_HEX];
    jw_kstrz(t->w, "model_digest", crypto_hex(v->digest, 32, hex));
    jw_kstrz(t->w, "algorithm_id", v->algorithm_id);
    jw_kstrz(t->w, "version_label", v->version_label);
    jw_kstrz(t->w, "supplier", v->org_id);
    jw_kstrz(t->w, "state", ledger_v_name(v->state));
    jw_kstrz(t->w, "level", ledger_level_name(v->level));
    return ledger_change_notice(t->l, t->v, t->opens_at, t->w);
}

static int judge(struct tender *t, const struct ledger_verrec *v, struct str product)
{
    int err;
    t->v = v;
    t->reasons = 0;
    t->pilot_only = t->equivalent = false;
    err = load(t);
    if (err)
        return err;
    jw_obj(t->w);
    jw_kstr(t->w, "product", product);
    err = version_facts(t);
    jw_key(t->w, "reasons");
    jw_arr(t->w);
    judge_standing(t);
    judge_interoperability(t);
    if (!err)
        err = judge_security(t);
    judge_data_protection(t);
    judge_documents(t);
    judge_escrow(t);
    jw_arr_end(t->w);
    jw_kbool(t->w, "eligible", t->reasons == 0);
    jw_kbool(t->w, "equivalent", t->equivalent);
    jw_kbool(t->w, "funded_pilot", t->pilot_only);
    jw_obj_end(t->w);
    unload(t);
    return err;
}

/* An algorithm stands for its newest eligible version, else for its newest. */
static int judge_line(struct tender *t, struct str id)
{
    const struct ledger_verrec *newest = NULL;
    struct jw *real = t->w, aside;
    struct buf b;
    int err = AM_OK;
    buf_init(&b, ANSWER_MAX);
    for (size_t i = t->l->version.n; !err && i-- > 0;) {
        const struct ledger_verrec *v = &t->l->version.v[i];
        if (!str_eqc(id, v->v.algorithm_id))
            continue;
        newest = newest ? newest : v;
        buf_clear(&b);
        jw_init(&aside, &b);
        t->w = &aside;
        err = judge(t, v, id);
        t->w = real;
        if (!err && t->reasons == 0) {
            newest = v;
            break;
        }
    }
    buf_release(&b);
    if (!err && newest)
        return judge(t, newest, id);
    return err ? err : AM_E_NOTFOUND;
}

static void unknown(struct tender *t, struct str product)
{
    jw_obj(t->w);
    jw_kstr(t->w, "product", product);
    jw_key(t->w, "reasons");
    jw_arr(t->w);
    reason(t, "tender.unknown", NULL, NULL, NULL, NULL);
    jw_arr_end(t->w);
    jw_kbool(t->w, "eligible", false);
    jw_kbool(t->w, "equivalent", false);
    jw_kbool(t->w, "funded_pilot", false);
    jw_obj_end(t->w);
}

static int judge_product(struct tender *t, struct str product)
{
    uint8_t digest[32];
    size_t i = LEDGER_NONE;
    int err;
    if (product.n == 64 && !crypto_unhex(product, digest, 32))
        i = ledger_find_version(t->l, digest);
    err = i != LEDGER_NONE  ? judge(t, &t->l->version.v[i], product)
          : product.n == 64 ? AM_E_NOTFOUND
                            : judge_line(t, product);
    if (err == AM_E_NOTFOUND) {
        unknown(t, product);
        err = AM_OK;
    }
    return err;
}

int ledger_tender(const struct ledger *l, const struct json *query, struct buf *answer)
{
    struct tender t = {.l = l,
                       .rules = json_get(ledger_policy(l), "tender"),
                       .use = json_get_str(query, "use_code"),
                       .opens_at = ledger_time(json_get(query, "opens_at"))};
    char hex[CRYPTO_HEX];
    uint8_t policy[32];
    struct buf text;
    struct jw w;
    int err = AM_OK;
    buf_init(&text, ANSWER_MAX);
    jw_init(&w, &text);
    t.w = &w;
    ledger_policy_digest(l, policy);
    jw_obj(&w);
    jw_kint(&w, "tree_size", (int64_t)ledger_size(l));
    jw_kstrz(&w, "policy_sha256", crypto_hex(policy, 32, hex));
    jw_key(&w, "products");
    jw_arr(&w);
    for (json_each(it, json_get(query, "products")))
        if (!err)
            err = judge_product(&t, json_str(it.val));
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = json_canon_text(answer, buf_str(&text), NULL);
    buf_release(&text);
    return err;
}
