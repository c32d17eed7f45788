/* SPDX-License-Identifier: Apache-2.0 */
/* Terms, delays and facts of the life cycle, as the log gives them: all of it follows
 * from public statements, so all of it is public. Judged at the newest cosigned time;
 * before the first, at that of this server. */
#include "api/api_priv.h"

#include "base/clock.h"

static int64_t api_clock_at(struct api_call *c, const struct ledger *l, bool *cosigned)
{
    int64_t at = registry_cosigned_at(c->api->r, l);
    *cosigned = at != 0;
    return at ? at : time_now();
}

static void api_clock_time(struct jw *w, const char *key, int64_t at)
{
    char text[TIME_TEXT];
    jw_kstrz(w, key, at ? time_format(at, text) : NULL);
}

static int api_clock_warning(void *cookie, const struct ledger_warning *m)
{
    struct api_call *c = cookie;
    struct str kind = http_query(c->req, "kind"), id = http_query(c->req, "id");
    if ((kind.n && !str_eqc(kind, m->kind)) || (id.n && !str_eqc(id, m->id)))
        return AM_OK;
    jw_obj(&c->w);
    jw_kstrz(&c->w, "kind", m->kind);
    jw_kstrz(&c->w, "subject", m->subject);
    jw_kstrz(&c->w, "id", m->id);
    api_clock_time(&c->w, "since", m->since_at);
    api_clock_time(&c->w, "due_at", m->due_at);
    jw_kint(&c->w, "days_left", m->days_left);
    jw_kint(&c->w, "step", m->step);
    jw_kbool(&c->w, "late", m->late);
    jw_kbool(&c->w, "term", m->term);
    jw_obj_end(&c->w);
    return AM_OK;
}

static void api_clock_head(struct api_call *c, const struct ledger *l, uint64_t cosigned)
{
    jw_kint(&c->w, "tree_size", (int64_t)ledger_size(l));
    jw_kint(&c->w, "cosigned_size", (int64_t)cosigned);
}

static int api_list_warnings(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    bool witnessed;
    int64_t at = api_clock_at(c, l, &witnessed);
    int err;
    jw_obj(&c->w);
    api_clock_head(c, l, cosigned);
    api_clock_time(&c->w, "at", at);
    jw_kbool(&c->w, "at_cosigned", witnessed);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    err = ledger_warnings(l, at, api_clock_warning, c);
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return err;
}

int api_h_warnings(struct api_call *c)
{
    int err = registry_view(c->api->r, api_list_warnings, c);
    return err ? err : api_done(c, 200);
}

static void api_fact_key(const struct api_list *x, size_t place, char out[API_LIST_KEY])
{
    struct ledger_fact f;
    ledger_fact_at(x->l, place, &f);
    snprintf(out, API_LIST_KEY, "%s %llu", f.type, (unsigned long long)f.index);
}

static bool api_fact_wanted(const struct api_list *x, size_t place)
{
    struct str model = http_query(x->c->req, "model"),
               type = http_query(x->c->req, "type");
    char hex[CRYPTO_HEX] = "";
    struct ledger_fact f;
    ledger_fact_at(x->l, place, &f);
    if (f.model_digest)
        crypto_hex(f.model_digest, 32, hex);
    return (!model.n || str_eqc(model, hex)) && (!type.n || str_eqc(type, f.type));
}

static void api_put_fact(const struct api_list *x, size_t place)
{
    struct ledger_fact f;
    ledger_fact_at(x->l, place, &f);
    ledger_fact_json(&f, &x->c->w);
}

static int api_list_facts(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_call *c = arg;
    struct str model = http_query(c->req, "model");
    struct ledger_places some = {0};
    struct api_list x = {.c = c,
                         .l = l,
                         .n = ledger_facts(l),
                         .places = model.n ? &some : NULL,
                         .newest = true,
                         .key = api_fact_key,
                         .wanted = api_fact_wanted,
                         .put = api_put_fact};
    uint8_t digest[32];
    int err = AM_OK;
    if (crypto_unhex(model, digest, sizeof digest) == AM_OK)
        err = ledger_facts_of(&some, l, digest);
    jw_obj(&c->w);
    api_clock_head(c, l, cosigned);
    if (!err)
        err = api_list_put(&x);
    jw_obj_end(&c->w);
    vec_release(&some);
    return err;
}

int api_h_facts(struct api_call *c)
{
    int err = registry_view(c->api->r, api_list_facts, c);
    return err ? err : api_done(c, 200);
}
