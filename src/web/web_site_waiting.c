/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for signatures: proposals nobody has signed yet, and payloads of the log
 * that lack co-signers. For each: what it is, how many have signed, a link to sign. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* One costs a document and its signing rule: a page reads few of those it does not show.
 */
enum { WAITING_LOOKS = 200 };

struct text { /* one that waits; its rank in the list: of the log by its entry, below all
                 proposals, which go by when they were made */
    uint8_t payload[32];
    int64_t rank;
    bool proposed;
};
static const int64_t first_proposal = INT64_C(1) << 62;

struct waiting {
    struct web_visit *v;
    VEC(struct text) all; /* the newest last */
    struct buf payload;   /* the one being looked at */
    int64_t until;        /* 0: of the log */
    int err;
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

/* The text, and what is signed of it. AM_E_NOTFOUND: it waits no more, or not for this
 * reader; AM_E_INVALID: of another log. */
static int look(struct waiting *g, const struct text *x, struct json_doc **facts)
{
    struct registry *r = g->v->site->registry;
    struct registry_proposal p;
    bool reads = false;
    int err;
    buf_clear(&g->payload);
    err = registry_proposal_get(r, x->payload, &p, &g->payload);
    if (!x->proposed && !err)
        return AM_E_NOTFOUND; /* told as a proposal */
    if (!x->proposed && err == AM_E_NOTFOUND)
        err = blob_get(g->v->site->blobs, x->payload, &g->payload);
    if (err)
        return err;
    g->until = x->proposed ? p.until : 0;
    reads = x->proposed
                ? registry_reads_proposal(r, &g->v->who, p.by_org, buf_str(&g->payload))
                : registry_reads_blob(r, &g->v->who, buf_str(&g->payload));
    if (!reads)
        return AM_E_NOTFOUND;
    err = web_facts(g->v, waiting_facts, g, facts);
    if (!err && json_bool(json_get(json_root(*facts), "in_effect"), false)) {
        json_free(*facts);
        *facts = NULL;
        err = AM_E_NOTFOUND;
    }
    return err;
}

static const struct text *text_at(const struct web_list *x, size_t place)
{
    const struct waiting *g = x->arg;
    return &g->all.v[place];
}

static void text_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    crypto_hex(text_at(x, place)->payload, 32, out);
}

static int64_t text_rank(const struct web_list *x, size_t place)
{
    return text_at(x, place)->rank;
}

static bool text_wanted(const struct web_list *x, size_t place)
{
    struct waiting *g = x->arg;
    struct json_doc *facts = NULL;
    int err = g->err ? g->err : look(g, text_at(x, place), &facts);
    json_free(facts);
    if (err && err != AM_E_NOTFOUND && err != AM_E_INVALID)
        g->err = err;
    return !err;
}

static int show(struct waiting *g, const struct text *x)
{
    struct web_visit *v = g->v;
    struct ledger_statement_view s = {0};
    struct json_doc *facts = NULL;
    int err = look(g, x, &facts);
    const struct json *f = json_root(facts);
    if (!err)
        err = ledger_statement_parse(buf_str(&g->payload), json_get_str(f, "type_base"),
                                     &s, NULL);
    if (!err) {
        struct str digest = json_get_str(f, "payload"),
                   model = json_get_str(s.record, "model_digest");
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
        if (g->until)
            jw_kint(&v->w, "until", g->until);
        jw_obj_end(&v->w);
    }
    ledger_statement_release(&s);
    json_free(facts);
    return err == AM_E_NOTFOUND || err == AM_E_INVALID ? AM_OK
                                                       : err; /* signed meanwhile */
}

/* ---- all there are ---------------------------------------------------------------- */
static int logged_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                        struct jw *w, void *arg)
{
    struct waiting *g = arg;
    uint64_t *index = am_calloc(LEDGER_WAITING_BACK, sizeof *index);
    size_t n = index ? ledger_waiting(l, index, LEDGER_WAITING_BACK) : 0;
    int err = index ? AM_OK : AM_E_NOMEM;
    (void)v;
    (void)cosigned;
    (void)w;
    while (n > 0 && !err) {
        struct text x = {.rank = (int64_t)index[--n]};
        if (ledger_entry_of(l, index[n], x.payload, NULL) == AM_OK)
            err = vec_push(&g->all, x);
    }
    free(index);
    return err;
}

static int of_log(struct waiting *g)
{
    struct json_doc *facts = NULL;
    int err = web_facts(g->v, logged_facts, g, &facts);
    json_free(facts);
    return err;
}

static int proposals(struct waiting *g)
{
    struct registry_proposals all = {0};
    int err = registry_proposals(g->v->site->registry, &all);
    for (size_t i = all.n; i > 0 && !err; i--) {
        struct text x = {.rank = first_proposal + all.v[i - 1].at, .proposed = true};
        memcpy(x.payload, all.v[i - 1].payload, 32);
        err = vec_push(&g->all, x);
    }
    vec_release(&all);
    return err;
}

static int texts(struct waiting *g, struct web_list *x)
{
    struct web_visit *v = g->v;
    int err = of_log(g);
    if (!err && (auth_may(&v->who, AUTH_PROPOSE) || v->who.role == LEDGER_AUDITOR))
        err = proposals(g);
    if (err)
        return err;
    x->n = g->all.n;
    web_list_find(v, x);
    return g->err;
}

int web_page_waiting(struct web_visit *v)
{
    struct waiting g = {.v = v};
    struct web_list x = {.arg = &g,
                         .looks = WAITING_LOOKS,
                         .key = text_key,
                         .wanted = text_wanted,
                         .rank = text_rank};
    int err;
    buf_init(&g.payload, WEB_PAYLOAD_MAX);
    err = texts(&g, &x);
    web_open(v);
    jw_key(&v->w, "waiting");
    jw_arr(&v->w);
    for (size_t i = 0; i < x.shown && !err; i++)
        err = show(&g, text_at(&x, x.place[i]));
    jw_arr_end(&v->w);
    web_list_links(v, str_c(x.newer), str_c(x.older), x.shown);
    vec_release(&g.all);
    buf_release(&g.payload);
    return err ? err
               : web_send(
                     v, 200, "waiting",
                     (struct web_page){.title_id = "waiting.title", .nav = "nav.desk"});
}
