/* SPDX-License-Identifier: Apache-2.0 */
/* What a supplier has in the register; deposits; sandboxes. */
#include "base/clock.h"
#include "web/web_site_priv.h"

static const struct auth_account *reader(const struct web_visit *v)
{
    return v->signed_in ? &v->who : NULL;
}

/* ---- supplier --------------------------------------------------------------------- */
/* Would it be bought today for its declared use? One product, one answer. */
static int standing(const struct ledger *l, const struct ledger_version *x, int64_t now,
                    struct jw *w)
{
    char text[512], hex[CRYPTO_HEX], at[TIME_TEXT];
    struct json_doc *query = NULL, *answer = NULL;
    const struct json *p;
    struct buf b;
    int err;
    snprintf(text, sizeof text,
             "{\"products\":[\"%s\"],\"use_code\":\"%s\",\"opens_at\":\"%s\"}",
             crypto_hex(x->digest, 32, hex), x->use_code, time_format(now, at));
    buf_init(&b, 1 << 20);
    err = json_parse(&query, str_c(text), NULL, NULL);
    if (!err && ledger_tender_check(json_root(query), NULL) == AM_OK) {
        err = ledger_tender(l, json_root(query), &b);
        if (!err)
            err = json_parse(&answer, buf_str(&b), NULL, NULL);
        p = json_at(json_get(json_root(answer), "products"), 0);
        jw_kbool(w, "eligible", json_bool(json_get(p, "eligible"), false));
        jw_kbool(w, "funded_pilot", json_bool(json_get(p, "funded_pilot"), false));
        jw_kint(w, "reasons_n", (int64_t)json_size(json_get(p, "reasons")));
    }
    json_free(answer);
    json_free(query);
    buf_release(&b);
    return err;
}

static int supplier_product(struct web_visit *v, const struct ledger *l,
                            const struct ledger_version *x, struct jw *w)
{
    const struct ledger_deposit *e = ledger_deposit_of(l, x->digest);
    struct ledger_vigilance n;
    char hex[CRYPTO_HEX];
    int err;
    ledger_vigilance(l, x->digest, v->now, &n);
    jw_obj(w);
    jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
    jw_kstrz(w, "algorithm_id", x->algorithm_id);
    jw_kstrz(w, "version_label", x->version_label);
    jw_kstrz(w, "use_code", x->use_code);
    jw_key(w, "state");
    if (x->state == LEDGER_V_LABELLED)
        jw_strf(w, "labelled_%s", ledger_level_name(x->level));
    else
        jw_strz(w, ledger_v_name(x->state));
    jw_kstrz(w, "level", ledger_level_name(x->level));
    if (x->expires_at)
        jw_kint(w, "expires_at", x->expires_at);
    jw_kbool(w, "escrow", e != NULL);
    if (e) {
        jw_key(w, "escrow_level"); /* a word of the catalogue's ids */
        jw_strf(w, "%u", e->level);
    }
    jw_kint(w, "open_cases", (int64_t)n.open);
    jw_kbool(w, "sandboxed", x->sandboxed > 0);
    err = standing(l, x, v->now, w);
    jw_obj_end(w);
    return err;
}

/* The name under which the organisation was first entered as a supplier. */
static const char *supplier_label(const struct ledger *l, struct str org)
{
    const struct ledger_key *k;
    const char *label = NULL;
    size_t i = ledger_list_first(l, LEDGER_KEYS_OF_ORG, org);
    for (; (k = ledger_key_at(l, i)); i = ledger_list_next(l, LEDGER_KEYS_OF_ORG, i))
        if (k->role == LEDGER_VENDOR)
            label = k->label; /* the list begins with the newest */
    return label;
}

/* How many cases about any of its versions are open. */
static int64_t open_cases(const struct ledger *l, struct str org)
{
    int64_t n = 0;
    for (size_t i = ledger_list_first(l, LEDGER_CASES_OF_SUPPLIER, org); i != SIZE_MAX;
         i = ledger_list_next(l, LEDGER_CASES_OF_SUPPLIER, i))
        n += !ledger_case_at(l, i)->closed_at;
    return n;
}

static int supplier_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                          struct jw *w, void *arg)
{
    struct ledger_places all = {0};
    struct web_list list = {.l = l, .places = &all, .key = web_version_key};
    const char *label = supplier_label(l, v->arg);
    int err = ledger_places(&all, l, LEDGER_VERSIONS_OF_SUPPLIER, v->arg);
    (void)cosigned;
    (void)arg;
    if (!err && !all.n)
        err = AM_E_NOTFOUND;
    if (!err) {
        web_list_find(v, &list);
        web_list_facts(&list, w);
    }
    jw_key(w, "products");
    jw_arr(w);
    for (size_t i = 0; i < list.shown && !err; i++)
        err = supplier_product(v, l, ledger_version_at(l, list.place[i]), w);
    jw_arr_end(w);
    jw_kint(w, "products_n", (int64_t)all.n);
    jw_kint(w, "open_cases", open_cases(l, v->arg));
    if (label)
        jw_kstrz(w, "label", label);
    vec_release(&all);
    return err;
}

int web_page_supplier(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    int err = web_facts(v, supplier_facts, NULL, &facts);
    const struct json *f = json_root(facts);
    if (!err) {
        struct str label = json_get_str(f, "label");
        web_open(v);
        jw_kstr(&v->w, "name", web_text_or(label.n ? label : v->arg));
        jw_kstr(&v->w, "org", web_text_or(v->arg));
        web_named_rows(v, "products", json_get(f, "products"), NULL, "digest");
        web_list_pager(v, f, "products");
        jw_kval(&v->w, "products_n", json_get(f, "products_n"));
        jw_kval(&v->w, "open_cases_n", json_get(f, "open_cases"));
        err = web_send(v, 200, "supplier",
                       (struct web_page){.title = web_text_or(label.n ? label : v->arg)});
    }
    json_free(facts);
    return err;
}

/* ---- escrow ----------------------------------------------------------------------- */
static void deposit_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    const struct ledger_deposit *e = ledger_deposit_at(x->l, place);
    char hex[CRYPTO_HEX];
    snprintf(out, WEB_LIST_KEY, "%.64s %s", e->deposit_id,
             crypto_hex(e->model_digest, 32, hex));
}

static int escrow_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                        struct jw *w, void *arg)
{
    struct web_list list = {.l = l, .n = ledger_deposits(l), .key = deposit_key};
    (void)cosigned;
    (void)arg;
    web_list_find(v, &list);
    web_list_facts(&list, w);
    jw_key(w, "deposits");
    jw_arr(w);
    for (size_t i = 0; i < list.shown; i++) {
        const struct ledger_deposit *e = ledger_deposit_at(l, list.place[i]);
        const struct ledger_version *x = ledger_version_find(l, e->model_digest);
        jw_obj(w);
        jw_kstrz(w, "algorithm_id", x ? x->algorithm_id : "");
        jw_kstrz(w, "version_label", x ? x->version_label : "");
        jw_kstrz(w, "supplier", x ? x->org_id : "");
        jw_kint(w, "at", e->deposited_at);
        jw_key(w, "level");
        jw_strf(w, "%u", e->level);
        jw_key(w, "deposit");
        ledger_deposit_json(l, e, registry_reads_deposit(l, reader(v), e), w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

int web_page_escrow(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    int err = web_facts(v, escrow_facts, NULL, &facts);
    const struct json *list = json_get(json_root(facts), "deposits");
    if (!err) {
        web_open(v);
        web_named_rows(v, "deposits", list, "deposit", "model_digest");
        web_list_pager(v, json_root(facts), "deposits");
        err = web_send(v, 200, "escrow", (struct web_page){.title_id = "escrow.title"});
    }
    json_free(facts);
    return err;
}

static void sandbox_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    snprintf(out, WEB_LIST_KEY, "%llu",
             (unsigned long long)ledger_sandbox_at(x->l, place)->index);
}

/* ---- sandboxes -------------------------------------------------------------------- */
static int sandbox_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    struct web_list list = {.l = l, .n = ledger_sandboxes(l), .key = sandbox_key};
    (void)cosigned;
    (void)arg;
    web_list_find(v, &list);
    web_list_facts(&list, w);
    jw_key(w, "sandboxes");
    jw_arr(w);
    for (size_t i = 0; i < list.shown; i++) {
        const struct ledger_sandbox *s = ledger_sandbox_at(l, list.place[i]);
        jw_obj(w);
        jw_kint(w, "starts", s->starts_at);
        jw_kint(w, "ends", s->ends_at);
        jw_key(w, "sandbox");
        ledger_sandbox_json(l, s, v->now, w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

int web_page_sandboxes(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    int err = web_facts(v, sandbox_facts, NULL, &facts);
    const struct json *list = json_get(json_root(facts), "sandboxes");
    if (!err) {
        web_open(v);
        web_named_rows(v, "sandboxes", list, "sandbox", "model_digest");
        web_list_pager(v, json_root(facts), "sandboxes");
        err =
            web_send(v, 200, "sandboxes", (struct web_page){.title_id = "sandbox.title"});
    }
    json_free(facts);
    return err;
}
