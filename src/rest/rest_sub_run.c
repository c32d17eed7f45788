/* SPDX-License-Identifier: Apache-2.0 */
/* The turn of one Subscription: who asked, the handshake, what is new, and what becomes
 * of failures. */
#include "rest/rest_sub.h"

#include "crypto/crypto.h"

struct turn {
    struct rest_subs *x;
    struct rest_sub *s;
    struct http_client *http;
    struct rest_call c; /* stands for the request: who, and an arena */
    struct rest_request q;
    struct json_doc *doc, *seal;
    struct rest_sub_spec spec;
    enum rest_sub_next next;
    int64_t wait_ms;
};

/* ---- the resource ---- */
static void turn_same(struct turn *t, const struct json *resource, char out[65])
{
    static const char hex[] = "0123456789abcdef";
    const struct json *part[] = {json_get(json_root(t->seal), "who"),
                                 json_get(resource, "criteria"),
                                 json_get(resource, "_criteria")};
    struct crypto_sha256 h;
    uint8_t sum[CRYPTO_SHA256];
    struct buf text;
    buf_init(&text, EDS_BODY_MAX);
    crypto_sha256_init(&h);
    for (size_t i = 0; i < AM_LEN(part); i++) {
        buf_clear(&text);
        if (!part[i] || !json_canon(&text, part[i]))
            crypto_sha256_add(&h, buf_str(&text));
        crypto_sha256_add(&h, STR("\n"));
    }
    crypto_sha256_end(&h, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        out[2 * i] = hex[sum[i] >> 4];
        out[2 * i + 1] = hex[sum[i] & 15];
    }
    out[64] = 0;
    buf_release(&text);
}

static int turn_status(struct str said, enum rest_sub_status *out)
{
    for (int i = 0; i < SUB_STATUSES; i++)
        if (str_eqc(said, rest_sub_status_name((enum rest_sub_status)i))) {
            *out = (enum rest_sub_status)i;
            return AM_OK;
        }
    return AM_E_INVALID;
}

/* Numbers begin with 1 where it was off, or means something else than before. */
static int turn_position(struct turn *t, const struct json *resource, int64_t rid)
{
    struct rest_sub *s = t->s;
    char same[65];
    turn_same(t, resource, same);
    if (s->status == SUB_ERROR || (s->status == SUB_OFF && !s->rid) ||
        (s->status != SUB_OFF && s->rid && !strcmp(same, s->same)))
        return AM_OK;
    memcpy(s->same, same, sizeof same);
    s->rid = s->then = s->status == SUB_OFF ? 0 : rid;
    s->n = 0;
    s->pending = s->event.n = 0;
    s->saved = s->rid;
    return rest_sub_save(t->x, s);
}

static int turn_text(struct turn *t, struct str text)
{
    char *mine = str_dup(text);
    if (!mine)
        return AM_E_NOMEM;
    free(t->s->text);
    t->s->text = mine;
    t->s->text_n = text.n;
    return AM_OK;
}

/* Its words, and who asked. */
static int turn_open(struct turn *t)
{
    int err = rest_json(&t->c, (struct str){t->s->text, t->s->text_n}, &t->doc);
    if (!err)
        err = rest_sub_unseal(t->x->r, json_root(t->doc), &t->seal);
    return err == AM_E_UNAUTHORIZED ? AM_OK : err; /* turn_who() tells */
}

static int turn_read(struct turn *t)
{
    struct rest_sub *s = t->s;
    struct eds_meta m = {0};
    struct buf text;
    int err = s->loaded ? AM_OK : rest_sub_load(t->x, s);
    if (err == AM_E_TAMPERED)
        LOG_W("rest.subscription_anew", log_str("id", str_c(s->id)), log_err(err));
    if (err == AM_E_NOTFOUND || err == AM_E_TAMPERED)
        err = AM_OK; /* nothing was told, or of another store */
    if (err)
        return err;
    s->loaded = true;
    s->deleted = false; /* its id may have been written anew */
    s->saved = s->rid;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_read(t->x->r->c.eds, STR("Subscription"), str_c(s->id), 0, &text, &m);
    if (err == AM_E_NOTFOUND || (!err && m.gone)) {
        s->deleted = true;
        rest_sub_forget(t->x, s);
        err = AM_E_NOTFOUND;
    }
    if (!err)
        err = turn_text(t, buf_str(&text));
    if (!err)
        err = turn_open(t);
    if (!err)
        err = turn_status(json_get_str(json_root(t->doc), "status"), &s->status);
    if (!err)
        err = turn_position(t, json_root(t->doc), m.rid);
    if (!err && m.ver != s->ver) {
        s->ver = m.ver;
        s->wait_ms = s->failing_at = 0;
        snprintf(s->error, sizeof s->error, "%.*s",
                 STR_FMT(json_get_str(json_root(t->doc), "error")));
    }
    buf_release(&text);
    return err;
}

/* ---- status, as a version of the resource ---- */
static int turn_version(const struct turn *t, const char *status, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(it, json_root(t->doc))) {
        if (str_eqc(it.key, "error") || str_eqc(it.key, "meta"))
            continue;
        jw_keyn(&w, it.key);
        if (str_eqc(it.key, "status"))
            jw_strz(&w, status);
        else
            jw_val(&w, it.val);
    }
    if (t->s->error[0])
        jw_kstrz(&w, "error", t->s->error);
    jw_kval(&w, "meta", json_get(json_root(t->doc), "meta"));
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Somebody may have written meanwhile: then it is read again, and nothing is said. */
static int turn_becomes(struct turn *t, enum rest_sub_status status)
{
    struct rest_sub *s = t->s;
    struct eds_ask ask = {.verb = EDS_UPDATE,
                          .type = STR("Subscription"),
                          .id = str_c(s->id),
                          .if_match = s->ver};
    struct json_doc *doc = NULL;
    struct eds_group *g = NULL;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = turn_version(t, rest_sub_status_name(status), &text);
    if (!err)
        err = rest_json(&t->c, buf_str(&text), &doc);
    ask.body = json_root(doc);
    if (!err)
        err = eds_group_new(&g, t->x->r->c.eds);
    if (!err)
        err = eds_put(g, &ask, &t->c.d);
    if (!err)
        err = eds_write(g);
    if (!err)
        s->status = status;
    if (!err)
        LOG_I("rest.subscription", log_str("id", str_c(s->id)),
              log_str("status", str_c(rest_sub_status_name(status))));
    eds_group_free(g);
    json_free(doc);
    buf_release(&text);
    t->next = SUB_AT_ONCE; /* our own version is read like any other */
    s->ver = 0;
    return err == AM_E_PRECONDITION || err == AM_E_CONFLICT ? AM_OK : err;
}

/* ---- failures ---- */
static int turn_ends(struct turn *t, const char *code, const char *detail)
{
    snprintf(t->s->error, sizeof t->s->error, "%s%s%s", code, *detail ? " " : "", detail);
    return turn_becomes(t, SUB_ERROR);
}

static int turn_fails(struct turn *t, const char *code, const char *detail)
{
    const struct rest_sub_config *k = &t->x->r->c.sub;
    struct rest_sub *s = t->s;
    int64_t now = time_mono(), least = k->wait_ms ? k->wait_ms : SUB_WAIT_MS;
    if (!s->failing_at)
        s->failing_at = now;
    if (now - s->failing_at >=
        (int64_t)(k->give_up_s ? k->give_up_s : SUB_GIVE_UP_S) * TIME_SECOND)
        return turn_ends(t, code, detail);
    snprintf(s->error, sizeof s->error, "%s%s%s", code, *detail ? " " : "", detail);
    s->wait_ms = s->wait_ms ? AM_MIN(2 * s->wait_ms, SUB_WAIT_MOST_S * 1000) : least;
    t->next = SUB_AFTER_WAIT;
    t->wait_ms = s->wait_ms;
    return AM_OK;
}

/* What failed before counts no more. */
static void turn_well(struct rest_sub *s)
{
    s->wait_ms = s->failing_at = 0;
    s->error[0] = 0;
}

/* ---- delivering ---- */
static size_t turn_headers(const struct turn *t, struct http_call *call)
{
    size_t n = 0;
    for (json_each(it, json_get(json_root(t->seal), "header")))
        if (n < SUB_HEADERS) {
            struct str value, name = str_cut(json_str(it.val), ':', &value);
            call->header[n++] = (struct http_field){name, str_trim(value)};
        }
    return n;
}

static int turn_post(struct turn *t, struct str body, int *status)
{
    const struct rest_sub_config *k = &t->x->r->c.sub;
    char *url = arena_dup(&t->c.arena, t->spec.endpoint);
    struct http_call call = {.method = HTTP_POST,
                             .url = url,
                             .body = body,
                             .content_type = "application/fhir+json",
                             .timeout_ms = (unsigned)t->spec.timeout_s * 1000,
                             .ca_file = t->spec.listed ? k->ca_file : NULL,
                             .public_only = !t->spec.listed};
    struct http_reply reply = {0};
    int64_t began = time_mono();
    int err = url ? AM_OK : AM_E_NOMEM;
    call.headers = turn_headers(t, &call);
    buf_init(&reply.body, 64 << 10);
    if (!err)
        err = http_call(t->http, &call, &reply);
    if (err == AM_E_TOOBIG && reply.status)
        err = AM_OK; /* what it says beside its status is nothing to us */
    *status = reply.status;
    t->s->fast = !err && reply.status / 100 == 2 &&
                 time_mono() - began < SUB_SLOW_MS * INT64_C(1000);
    buf_release(&reply.body);
    return err;
}

/* Before anything is told: who was told what. */
static int turn_record(struct turn *t)
{
    const struct rest_config *k = &t->x->r->c;
    const struct rest_access a = {.moment = REST_AFTER,
                                  .interaction = "subscription-notification",
                                  .type = STR("Subscription"),
                                  .id = str_c(t->s->id),
                                  .status = 200,
                                  .seen = t->c.seen,
                                  .n_seen = t->c.n_seen,
                                  .who = t->q.who};
    return k->audit && t->c.n_seen ? k->audit(k->audit_arg, &a) : AM_OK;
}

static struct rest_sub_telling_of turn_of(struct turn *t, enum rest_sub_kind kind,
                                          size_t n)
{
    return (struct rest_sub_telling_of){
        .s = t->s, .spec = &t->spec, .kind = kind, .from = t->s->event.n - n, .n = n};
}

/* To who listens, nobody perhaps: an event is not kept back for who may come. */
static int turn_sockets(struct turn *t, struct rest_sub_telling_of *of, bool *told)
{
    int err;
    of->also = &t->c;
    err = rest_sub_ws_tell(t->x, of);
    *told = !err;
    if (!err && of->kind != SUB_HANDSHAKE) /* of one socket; the others wait for a sign */
        t->s->told_at = time_mono();
    return err;
}

/* *told: answered 2xx. Where not, what follows is decided. */
static int turn_deliver(struct turn *t, enum rest_sub_kind kind, size_t n, bool *told)
{
    struct rest_sub *s = t->s;
    struct rest_sub_telling_of of = turn_of(t, kind, n);
    struct buf body;
    char detail[32];
    int status = 0, err;
    *told = false;
    if (t->spec.socket)
        return turn_sockets(t, &of, told);
    buf_init(&body, t->x->r->c.told_max);
    err = rest_sub_tell(&t->c, &of, &body);
    if (!err)
        err = turn_record(t);
    if (err) {
        buf_release(&body);
        return err;
    }
    err = turn_post(t, buf_str(&body), &status);
    buf_release(&body);
    *told = !err && status / 100 == 2;
    if (*told) {
        turn_well(s);
        s->told_at = time_mono();
        return AM_OK;
    }
    if (err)
        return turn_fails(t, "rest.sub_unreached", am_err_key(err));
    snprintf(detail, sizeof detail, "%d", status);
    return turn_fails(t, "rest.sub_unreached", detail);
}

static int turn_shakes(struct turn *t)
{
    bool told;
    int err;
    if (t->spec.socket) { /* each socket has its own, once it binds */
        t->s->error[0] = 0;
        return turn_becomes(t, SUB_ACTIVE);
    }
    err = turn_deliver(t, SUB_HANDSHAKE, 0, &told);
    return err || !told ? err : turn_becomes(t, SUB_ACTIVE);
}

/* Nothing new: what was looked at in vain is kept now and then only. */
static int turn_quiet(struct turn *t, bool more)
{
    struct rest_sub *s = t->s;
    unsigned most = t->x->r->c.sub.saved;
    int64_t left = t->spec.heartbeat_s * 1000 - (time_mono() - s->told_at) / 1000;
    bool told;
    int err = AM_OK;
    t->next = more ? SUB_AT_ONCE : SUB_ON_NEWS;
    t->wait_ms = INT64_MAX;
    s->rid = s->then;
    if (s->rid - s->saved > (most ? most : SUB_SAVED)) {
        err = rest_sub_save(t->x, s);
        if (!err)
            s->saved = s->rid;
    }
    if (err || more || !t->spec.heartbeat_s)
        return err;
    t->wait_ms = AM_MAX(left, 1);
    if (left > 0)
        return AM_OK;
    t->wait_ms = t->spec.heartbeat_s * 1000;
    return turn_deliver(t, SUB_HEARTBEAT, 0, &told);
}

static int turn_events(struct turn *t)
{
    struct rest_sub *s = t->s;
    bool more = false, told;
    int err = AM_OK;
    if (!s->pending) {
        err = rest_sub_gather(&t->c, s, &t->spec, &more);
        if (!err && !s->pending)
            return turn_quiet(t, more);
    }
    if (!err && s->numbered != s->n) /* before anybody is told */
        err = rest_sub_save(t->x, s);
    if (err)
        return err;
    err = turn_deliver(t, SUB_EVENT, s->pending, &told);
    if (err || !told)
        return err;
    s->pending = 0;
    s->rid = s->saved = s->then;
    t->next = SUB_AT_ONCE;
    return rest_sub_save(t->x, s);
}

/* Before anything else is told: who listens may he still, and who has come. */
static int turn_listens(struct turn *t)
{
    bool told;
    int err = rest_sub_ws_mind(t->x, t->s, json_get_str(json_root(t->seal), "who"));
    t->s->fast = true; /* no endpoint is waited for */
    return err || t->s->status != SUB_ACTIVE ? err
                                             : turn_deliver(t, SUB_HANDSHAKE, 0, &told);
}

/* ---- who listens, besides what is told ---- */
static void turn_silence(struct rest_subs *x, const struct rest_sub *s, const char *why)
{
    am_assert(!pthread_mutex_lock(&x->lock));
    rest_sub_silence(x, s->id, why);
    am_assert(!pthread_mutex_unlock(&x->lock));
}

/* It may have been the other before: then sockets are still bound to it. */
static bool turn_by_socket(struct turn *t)
{
    am_assert(!pthread_mutex_lock(&t->x->lock));
    t->s->hook = !t->spec.socket;
    am_assert(!pthread_mutex_unlock(&t->x->lock));
    return t->spec.socket;
}

/* After a failure, before the next attempt. */
static int turn_minds(struct turn *t)
{
    t->s->fast = true;
    t->next = SUB_AFTER_WAIT;
    t->wait_ms = AM_MAX((t->s->again_at - time_mono()) / 1000, 0) + 1;
    return rest_sub_ws_mind(t->x, t->s, json_get_str(json_root(t->seal), "who"));
}

/* Who listens is minded all the same (S5): only the attempt waits its time. */
static void turn_after_wait(struct turn *t)
{
    t->s->again_at = 0;
    if (t->next != SUB_AFTER_WAIT || !rest_sub_listened(t->x, t->s->id))
        return;
    t->s->again_at = time_mono() + t->wait_ms * 1000;
    t->wait_ms = AM_MIN(t->wait_ms, SUB_MIND_MS);
}

/* ---- the turn ---- */
static int turn_who(struct turn *t)
{
    const struct rest_guard *g = &t->x->r->c.guard;
    if (!t->seal)
        return AM_E_UNAUTHORIZED;
    return g->again ? g->again(g->arg, json_get_str(json_root(t->seal), "who"), &t->q.who)
                    : AM_OK;
}

static int turn_run(struct turn *t, bool stale)
{
    const struct rest_guard *g = &t->x->r->c.guard;
    struct rest_sub *s = t->s;
    int err = stale || !s->ver ? turn_read(t) : turn_open(t);
    t->next = SUB_NEVER;
    if (err == AM_E_NOTFOUND && s->deleted)
        return AM_OK;
    if (err || s->status == SUB_OFF || s->status == SUB_ERROR)
        return err;
    err = turn_who(t);
    if (err == AM_E_UNAUTHORIZED || err == AM_E_FORBIDDEN)
        return turn_ends(t, "rest.sub_login", "");
    if (!err)
        err = rest_sub_read(&t->c, json_root(t->doc), &t->spec);
    if (err == AM_E_INVALID) /* written by another way, or the list is another now */
        return turn_ends(t, "rest.sub_criteria", "");
    if (err)
        return err;
    if (g->told && !g->told(g->arg, t->q.who, t->spec.type))
        return turn_ends(t, "rest.sub_login", "");
    if (time_now() >= t->spec.end_at) {
        s->error[0] = 0;
        return turn_becomes(t, SUB_OFF);
    }
    if (!turn_by_socket(t))
        turn_silence(t->x, s, "rest-hook");
    else if (!stale && time_mono() < s->again_at)
        return turn_minds(t);
    else
        err = turn_listens(t);
    if (!err && s->status == SUB_REQUESTED)
        err = turn_shakes(t);
    else if (!err) {
        err = turn_events(t);
        if (!err && t->spec.socket) /* no endpoint says so: a whole turn does */
            turn_well(s);
    }
    if (!err && t->spec.socket && t->next == SUB_ON_NEWS &&
        rest_sub_listened(t->x, s->id))
        t->wait_ms = AM_MIN(t->wait_ms, SUB_MIND_MS);
    if (!err && t->next == SUB_ON_NEWS && t->spec.end_at != INT64_MAX)
        t->wait_ms =
            AM_MIN(t->wait_ms, AM_MAX((t->spec.end_at - time_now()) / 1000, 0) + 1);
    return err;
}

/* Ours, and over by itself: no memory, no room, no database. */
static bool turn_passes(int err)
{
    return err == AM_E_NOMEM || err == AM_E_IO || err == AM_E_UNAVAILABLE ||
           err == AM_E_UNSURE;
}

enum rest_sub_next rest_sub_turn(struct rest_subs *x, struct rest_sub *s,
                                 struct http_client *http, bool stale, int64_t *wait_ms)
{
    struct turn t = {.x = x, .s = s, .http = http};
    const struct rest_guard *g = &x->r->c.guard;
    int err;
    t.c.r = x->r;
    t.c.q = &t.q;
    arena_init(&t.c.arena, REST_ARENA);
    diag_init(&t.c.d);
    s->fast = !s->slow;
    err = turn_run(&t, stale);
    if (err)
        LOG_E("rest.subscription_turn", log_str("id", str_c(s->id)), log_err(err));
    if (err && !turn_passes(err) && t.doc) /* that stays so until somebody acts */
        err = turn_fails(&t, "rest.sub_turn", am_err_key(err));
    if (err) {
        s->loaded = s->loaded && !stale;
        s->ver = 0;
        t.next = SUB_AFTER_WAIT;
        t.wait_ms = SUB_WAIT_MS;
    }
    if (!err && !s->deleted && (s->status == SUB_OFF || s->status == SUB_ERROR))
        turn_silence(x, s, rest_sub_status_name(s->status));
    turn_after_wait(&t);
    *wait_ms = t.wait_ms;
    if (t.q.who && g->drop)
        g->drop(g->arg, t.q.who);
    free(t.c.seen);
    json_free(t.seal);
    json_free(t.doc);
    diag_release(&t.c.d);
    arena_release(&t.c.arena);
    return t.next;
}
