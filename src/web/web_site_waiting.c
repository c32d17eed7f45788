/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for signatures: proposals nobody has signed yet, and payloads of the log
 * that lack co-signers. For each: what it is, how many have signed, a link to sign. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

enum { WAITING_SHOWN = 100 };

struct waiting {
    struct web_visit *v;
    size_t n;
    struct buf payload; /* the one being shown */
};

static int waiting_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    struct waiting *g = arg;
    (void)v;
    (void)cosigned;
    return ledger_signing_json(l, buf_str(&g->payload), w, NULL);
}

/* The rule that is nearest to complete: what a list shows. */
static void counts(struct web_visit *v, const struct json *f)
{
    int64_t best_signed = 0, best_count = 0;
    for (json_each(way, json_get(f, "any"))) {
        int64_t done = 0, all = 0;
        for (json_each(t, json_get(way.val, "terms"))) {
            done += json_int(json_get(t.val, "signed"), 0);
            all += json_int(json_get(t.val, "count"), 0);
        }
        if (!best_count || all - done < best_count - best_signed) {
            best_count = all;
            best_signed = done;
        }
    }
    jw_kint(&v->w, "signed", best_signed);
    jw_kint(&v->w, "count", best_count);
}

static bool for_me(const struct web_visit *v, const struct json *f)
{
    for (json_each(k, json_get(f, "keys")))
        if (json_bool(json_get(k.val, "may"), false) &&
            json_str_is(json_get(k.val, "role"), ledger_role_name(v->who.role)) &&
            json_str_is(json_get(k.val, "org_id"), v->who.org_id))
            return true;
    return false;
}

static int show(struct waiting *g, int64_t until)
{
    struct web_visit *v = g->v;
    struct ledger_statement_view s = {0};
    struct json_doc *facts = NULL;
    int err = web_facts(v, waiting_facts, g, &facts);
    const struct json *f = json_root(facts);
    if (!err)
        err = ledger_statement_parse(buf_str(&g->payload), json_get_str(f, "type_base"),
                                     &s, NULL);
    if (!err && !json_bool(json_get(f, "in_effect"), false) && g->n < WAITING_SHOWN) {
        struct str digest = json_get_str(f, "payload"),
                   model = json_get_str(s.record, "model_digest");
        g->n++;
        jw_obj(&v->w);
        web_sign_what(v, &s, "what");
        jw_key(&v->w, "href");
        jw_strf(&v->w, "/sign/%.*s", STR_FMT(digest));
        jw_kstr(&v->w, "digest", str_sub(digest, 0, 8));
        if (model.n == 64) {
            jw_kstr(&v->w, "model", str_sub(model, 0, 8));
            web_kname(v, "name", model);
        }
        counts(v, f);
        jw_kbool(&v->w, "mine", for_me(v, f));
        jw_kint(&v->w, "at", s.issued_at);
        if (until)
            jw_kint(&v->w, "until", until);
        jw_obj_end(&v->w);
    }
    ledger_statement_release(&s);
    json_free(facts);
    return err == AM_E_INVALID ? AM_OK : err; /* of another log: not shown */
}

static int proposal(void *arg, const struct registry_proposal *p, struct str payload)
{
    struct waiting *g = arg;
    if (!registry_reads_proposal(g->v->site->registry, &g->v->who, p->by_org, payload))
        return AM_OK;
    buf_clear(&g->payload);
    int err = buf_add(&g->payload, payload);
    return err ? err : show(g, p->until);
}

/* ---- of the log
 * -------------------------------------------------------------------- */
struct logged {
    uint8_t payload[WAITING_SHOWN][32];
    size_t n;
};

static int logged_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                        struct jw *w, void *arg)
{
    struct logged *g = arg;
    uint64_t index[WAITING_SHOWN];
    size_t n = ledger_waiting(l, index, WAITING_SHOWN);
    (void)v;
    (void)cosigned;
    (void)w;
    for (size_t i = 0; i < n; i++)
        if (ledger_entry_of(l, index[i], g->payload[g->n], NULL) == AM_OK)
            g->n++;
    return AM_OK;
}

static int of_log(struct waiting *g)
{
    struct logged *all = am_calloc(1, sizeof *all);
    struct json_doc *facts = NULL;
    int err = all ? web_facts(g->v, logged_facts, all, &facts) : AM_E_NOMEM;
    json_free(facts);
    for (size_t i = 0; !err && i < all->n; i++) {
        struct registry_proposal p;
        if (registry_proposal_get(g->v->site->registry, all->payload[i], &p, NULL) ==
            AM_OK)
            continue; /* shown with the proposals */
        buf_clear(&g->payload);
        err = blob_get(g->v->site->blobs, all->payload[i], &g->payload);
        if (!err &&
            registry_reads_blob(g->v->site->registry, g->v->signed_in ? &g->v->who : NULL,
                                buf_str(&g->payload)))
            err = show(g, 0);
    }
    free(all);
    return err;
}

int web_page_waiting(struct web_visit *v)
{
    struct waiting g = {.v = v};
    int err = AM_OK;
    buf_init(&g.payload, WEB_PAYLOAD_MAX);
    web_open(v);
    jw_key(&v->w, "waiting");
    jw_arr(&v->w);
    if (auth_may(&v->who, AUTH_PROPOSE) || v->who.role == LEDGER_AUDITOR)
        err = registry_proposals(v->site->registry, proposal, &g);
    if (!err)
        err = of_log(&g);
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "none", g.n == 0);
    buf_release(&g.payload);
    return err ? err
               : web_send(
                     v, 200, "waiting",
                     (struct web_page){.title_id = "waiting.title", .nav = "nav.desk"});
}
