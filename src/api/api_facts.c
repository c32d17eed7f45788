/* SPDX-License-Identifier: Apache-2.0 */
/* Cases, deposits, sandboxes, suppliers: to each reader what lifecycle.md section 5 gives
 * it, counts to everybody. */
#include "api/api_priv.h"

bool api_reads_entry(struct api_call *c, const struct ledger *l, uint64_t index)
{
    struct ledger_statement_view s = {0};
    uint8_t payload[32];
    struct buf b;
    bool yes = false;
    if (ledger_reach(l, index) == LEDGER_REACH_PUBLIC)
        return true;
    if (!c->has_who && api_identify(c))
        return false;
    buf_init(&b, (size_t)4 << 20);
    if (!ledger_entry_of(l, index, payload, NULL) &&
        !blob_get(registry_blobs(c->api->r), payload, &b) &&
        !ledger_statement_parse(buf_str(&b), ledger_type_base(l), &s, NULL))
        yes = registry_reads(l, &c->who, &s);
    ledger_statement_release(&s);
    buf_release(&b);
    return yes;
}

static bool api_hex_is(struct str want, const uint8_t digest[32])
{
    char hex[CRYPTO_HEX];
    return !want.n || str_eqc(want, crypto_hex(digest, 32, hex));
}

static void api_facts_head(struct api_call *c, const struct ledger *l, uint64_t cosigned)
{
    jw_kint(&c->w, "tree_size", (int64_t)ledger_size(l));
    jw_kint(&c->w, "cosigned_size", (int64_t)cosigned);
    http_setz(c->req, c->resp, "Cache-Control", "private, no-store");
}

static const struct auth_account *api_who(const struct api_call *c)
{
    return c->has_who ? &c->who : NULL;
}

/* Public routes that say more to those who show who they are. */
static void api_perhaps(struct api_call *c)
{
    int err = api_identify(c);
    (void)err; /* nobody: the public part */
}

static int api_facts_done(struct api_call *c, int err)
{
    return err ? err : api_done(c, 200);
}

/* ---- vigilance -------------------------------------------------------------------- */
/* By its first entry of the log, which says nothing that is not public. */
static void api_case_key(const struct api_list *x, size_t place, char out[API_LIST_KEY])
{
    snprintf(out, API_LIST_KEY, "%llu",
             (unsigned long long)ledger_case_at(x->l, place)->history.v[0]);
}

static bool api_case_wanted(const struct api_list *x, size_t place)
{
    const struct api_call *c = x->c;
    const struct ledger_case *k = ledger_case_at(x->l, place);
    struct str state = http_query(c->req, "state"),
               level = http_query(c->req, "severity"), late = http_query(c->req, "late");
    return api_hex_is(http_query(c->req, "model"), k->model_digest) &&
           (!state.n || str_eqc(state, k->closed_at ? "closed" : "open")) &&
           (!level.n || str_eqc(level, ledger_severity_name(k->severity))) &&
           (!late.n || ledger_case_late(k, x->now)) &&
           registry_reads_case(x->l, api_who(c), k) > 0;
}

static void api_put_case(const struct api_list *x, size_t place)
{
    const struct ledger_case *k = ledger_case_at(x->l, place);
    ledger_case_json(x->l, k, registry_reads_case(x->l, api_who(x->c), k) > 1, x->now,
                     &x->c->w);
}

static int api_list_cases(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct ledger_places some = {0};
    struct api_list x = {.c = c,
                         .l = l,
                         .now = time_now(),
                         .n = ledger_cases(l),
                         .newest = true,
                         .key = api_case_key,
                         .wanted = api_case_wanted,
                         .put = api_put_case};
    uint8_t model[32];
    bool one = !crypto_unhex(http_query(c->req, "model"), model, sizeof model), all;
    int err = registry_cases(l, api_who(c), one ? model : NULL, &some, &all);
    x.places = all ? NULL : &some;
    jw_obj(&c->w);
    api_facts_head(c, l, cosigned);
    jw_key(&c->w, "counts");
    ledger_vigilance_json(l, NULL, x.now, &c->w);
    if (!err)
        err = api_list_put(&x);
    jw_obj_end(&c->w);
    vec_release(&some);
    return err;
}

int api_h_cases(struct api_call *c)
{
    api_perhaps(c);
    return api_facts_done(c, registry_view(c->api->r, api_list_cases, c));
}

/* A case that is not the reader's and one that is not there give the same answer. */
static int api_one_case(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    const struct ledger_case *k = ledger_case_find(l, c->param[0]);
    unsigned reads = k ? registry_reads_case(l, &c->who, k) : 0;
    if (!reads)
        return AM_E_NOTFOUND;
    jw_obj(&c->w);
    api_facts_head(c, l, cosigned);
    jw_key(&c->w, "case");
    ledger_case_json(l, k, reads > 1, time_now(), &c->w);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_case(struct api_call *c)
{
    return api_facts_done(c, registry_view(c->api->r, api_one_case, c));
}

/* ---- deposits, sandboxes ---------------------------------------------------------- */
static void api_deposit_key(const struct api_list *x, size_t place,
                            char out[API_LIST_KEY])
{
    const struct ledger_deposit *e = ledger_deposit_at(x->l, place);
    char hex[CRYPTO_HEX];
    snprintf(out, API_LIST_KEY, "%.64s %s", e->deposit_id,
             crypto_hex(e->model_digest, 32, hex));
}

static void api_put_deposit(const struct api_list *x, size_t place)
{
    const struct ledger_deposit *e = ledger_deposit_at(x->l, place);
    ledger_deposit_json(x->l, e, registry_reads_deposit(x->l, api_who(x->c), e),
                        &x->c->w);
}

/* All of a kind, or those about the model the query names. */
static int api_list_of_model(struct api_list *x, enum ledger_list kind, uint64_t cosigned)
{
    struct api_call *c = x->c;
    struct str model = http_query(c->req, "model");
    struct ledger_places some = {0};
    uint8_t digest[32];
    int err = AM_OK;
    if (model.n)
        x->places = &some;
    if (crypto_unhex(model, digest, sizeof digest) == AM_OK)
        err = ledger_places(&some, x->l, kind, ledger_model_name(digest));
    jw_obj(&c->w);
    api_facts_head(c, x->l, cosigned);
    if (!err)
        err = api_list_put(x);
    jw_obj_end(&c->w);
    vec_release(&some);
    return err;
}

static int api_list_deposits(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_list x = {.c = arg,
                         .l = l,
                         .n = ledger_deposits(l),
                         .key = api_deposit_key,
                         .put = api_put_deposit};
    return api_list_of_model(&x, LEDGER_DEPOSITS_OF_MODEL, cosigned);
}

int api_h_deposits(struct api_call *c)
{
    api_perhaps(c);
    return api_facts_done(c, registry_view(c->api->r, api_list_deposits, c));
}

static void api_sandbox_key(const struct api_list *x, size_t place,
                            char out[API_LIST_KEY])
{
    snprintf(out, API_LIST_KEY, "%llu",
             (unsigned long long)ledger_sandbox_at(x->l, place)->index);
}

static void api_put_sandbox(const struct api_list *x, size_t place)
{
    ledger_sandbox_json(x->l, ledger_sandbox_at(x->l, place), x->now, &x->c->w);
}

static int api_list_sandboxes(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct api_list x = {.c = c,
                         .l = l,
                         .now = time_now(),
                         .n = ledger_sandboxes(l),
                         .key = api_sandbox_key,
                         .put = api_put_sandbox};
    return api_list_of_model(&x, LEDGER_SANDBOXES_OF_MODEL, cosigned);
}

int api_h_sandboxes(struct api_call *c)
{
    return api_facts_done(c, registry_view(c->api->r, api_list_sandboxes, c));
}
