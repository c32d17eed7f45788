/* SPDX-License-Identifier: Apache-2.0 */
/* Stop orders, as a list and as news: with `wait`, the answer comes when there is an
 * order from `since` on, or when the time is up; with `envelopes`, each order comes with
 * its signed envelope, so that a node obeys on the signature, before any checkpoint. */
#include "api/api_priv.h"

enum {
    API_WAIT_MAX = 50,
    API_ORDERS_MAX = API_LIST_MAX,
    API_NEWS_MAX = 64,
    API_HEARD_MAX = 64
};

struct api_stops {
    struct api_call *c;
    struct registry_witness *heard;
    struct ledger_seen seen[API_HEARD_MAX];
    size_t n_seen;
    int64_t since, wait;
    uint64_t index[API_ORDERS_MAX], next;
    size_t n, limit;
    bool more;
};

static int api_number(struct api_call *c, const char *name, int64_t max, int64_t *out)
{
    struct str text = http_query(c->req, name);
    if (!text.n || str_int(text, 0, max, out) == AM_OK)
        return AM_OK;
    diag_err(&c->d, "", strcmp(name, "since") ? "query.wait" : "query.since",
             "%s: a number from 0 to %lld is expected", name, (long long)max);
    return AM_E_SYNTAX;
}

/* When each witness last cosigned: the log itself does not hold it. */
static int api_hear(struct api_stops *s)
{
    s->heard = am_calloc(API_HEARD_MAX, sizeof *s->heard);
    if (!s->heard)
        return AM_E_NOMEM;
    s->n_seen = registry_witnesses(s->c->api->r, s->heard, API_HEARD_MAX);
    for (size_t i = 0; i < s->n_seen; i++)
        s->seen[i] = (struct ledger_seen){s->heard[i].name, s->heard[i].at};
    return AM_OK;
}

static int api_list_stops(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_stops *s = arg;
    struct api_call *c = s->c;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    s->next = ledger_size(l);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    for (size_t i = ledger_stops_since(l, (uint64_t)s->since); i < ledger_stops(l); i++) {
        const struct ledger_stop *x = ledger_stop_at(l, i);
        s->more = s->n == s->limit;
        if (s->more) { /* the rest by the next call */
            s->next = x->index;
            break;
        }
        if (s->wait) /* news for nodes: the order itself */
            ledger_stop_json(l, x, &c->w);
        else
            ledger_stop_view_json(l, x, time_now(), s->seen, s->n_seen, &c->w);
        s->index[s->n++] = x->index;
    }
    jw_arr_end(&c->w);
    return AM_OK;
}

/* ---- envelopes, rebuilt from leaf and payload
 * ---------------------------------------------- */
static int api_envelope_of(void *cookie, uint64_t index, struct str leaf)
{
    struct api_call *c = cookie;
    struct ledger_leaf_view v;
    struct crypto_key *pub = NULL;
    struct buf payload, envelope;
    int err = ledger_leaf_parse(leaf, &v);
    if (err)
        return err;
    buf_init(&payload, API_BODY_JSON_MAX);
    buf_init(&envelope, 2 * API_BODY_JSON_MAX);
    err = blob_get(registry_blobs(c->api->r), v.payload_sha256, &payload);
    if (!err)
        err = crypto_key_from_spki(&pub, buf_str(&v.spki));
    if (!err)
        err = ledger_envelope(buf_str(&payload), pub, buf_str(&v.sig), &envelope);
    if (!err) {
        jw_obj(&c->w);
        jw_kint(&c->w, "index", (int64_t)index);
        jw_key(&c->w, "envelope");
        jw_raw(&c->w, buf_str(&envelope));
        jw_obj_end(&c->w);
    }
    crypto_key_free(pub);
    buf_release(&envelope);
    buf_release(&payload);
    ledger_leaf_release(&v);
    return err;
}

static int api_orders(struct api_stops *s)
{
    struct api_call *c = s->c;
    int err = AM_OK;
    jw_key(&c->w, "orders");
    jw_arr(&c->w);
    for (size_t i = 0; i < s->n && !err; i++)
        err = tlog_each(registry_log(c->api->r), s->index[i], s->index[i] + 1,
                        api_envelope_of, c);
    jw_arr_end(&c->w);
    return err;
}

static int api_stops_link(const struct api_stops *s)
{
    char since[32];
    snprintf(since, sizeof since, "%llu", (unsigned long long)s->next);
    return api_list_next(s->c, "since", since);
}

int api_h_stops(struct api_call *c)
{
    struct api_stops s = {.c = c};
    int err = api_number(c, "since", INT64_MAX, &s.since);
    if (!err)
        err = api_number(c, "wait", API_WAIT_MAX, &s.wait);
    if (!err)
        err = api_list_limit(c, API_LIST_USUAL, &s.limit);
    if (s.wait || http_query(c->req, "envelopes").n) /* whole orders are long */
        s.limit = AM_MIN(s.limit, (size_t)API_NEWS_MAX);
    if (!err && !s.wait)
        err = api_hear(&s);
    if (!err)
        err = registry_view(c->api->r, api_list_stops, &s);
    free(s.heard);
    if (err)
        return err;
    if (!s.n && s.wait && http_park(c->req, (unsigned)s.wait * 1000))
        return AM_OK;
    jw_kint(&c->w, "next", (int64_t)s.next);
    if (s.more)
        err = api_stops_link(&s);
    if (!err && http_query(c->req, "envelopes").n)
        err = api_orders(&s);
    jw_obj_end(&c->w);
    return err ? err : api_done(c, 200);
}

/* ---- one order
 * ---------------------------------------------------------------------------- */
static int api_one_stop(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_stops *s = arg;
    struct api_call *c = s->c;
    const struct ledger_stop *x;
    uint8_t order[32];
    if (crypto_unhex(c->param[0], order, sizeof order))
        return AM_E_NOTFOUND;
    x = ledger_stop_find(l, order);
    if (!x)
        return AM_E_NOTFOUND;
    jw_obj(&c->w);
    api_view_head(c, l, cosigned);
    jw_key(&c->w, "stop");
    ledger_stop_view_json(l, x, time_now(), s->seen, s->n_seen, &c->w);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_stop_view(struct api_call *c)
{
    struct api_stops s = {.c = c};
    int err = api_hear(&s);
    if (!err)
        err = registry_view(c->api->r, api_one_stop, &s);
    free(s.heard);
    return err ? err : api_done(c, 200);
}
