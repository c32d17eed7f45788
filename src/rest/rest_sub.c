/* SPDX-License-Identifier: Apache-2.0 */
/* What a Subscription says, and what is stored of one that somebody writes. */
#include "rest/rest_sub.h"

#include "crypto/crypto.h"

#define SUB_SEAL "urn:amane:subscription-seal"

const char *rest_sub_status_name(enum rest_sub_status s)
{
    static const char *const name[] = {"requested", "active", "error", "off"};
    return name[s];
}

static int sub_bad(struct rest_call *c, const char *path, const char *code,
                   struct str what)
{
    c->status = 422;
    return rest_bad(c, AM_E_INVALID, path, code, what);
}

/* ---- extensions ---- */
static const struct json *sub_extension(const struct json *element, const char *name,
                                        size_t nth)
{
    for (json_each(it, json_get(element, "extension"))) {
        struct str url = json_get_str(it.val, "url");
        if (str_starts(url, STR(SUB_BACKPORT)) &&
            str_eqc(str_sub(url, strlen(SUB_BACKPORT), url.n), name) && !nth--)
            return it.val;
    }
    return NULL;
}

static int sub_number(struct rest_call *c, const struct json *channel, const char *name,
                      const char *value, int64_t otherwise, int64_t most, int64_t *out)
{
    const struct json *x = sub_extension(channel, name, 0), *v = json_get(x, value);
    *out = otherwise;
    if (!x)
        return AM_OK;
    *out = json_int(v, -1);
    if (*out < 0)
        return sub_bad(c, "/channel/extension", "rest.value", str_c(name));
    *out = AM_MIN(*out, most);
    return AM_OK;
}

/* ---- criteria ---- */
/* What one resource answers alone, without others beside it. */
static bool sub_alone(const struct fhir_ask *a)
{
    if (a->kind == FHIR_ASK_CHAIN || a->kind == FHIR_ASK_HAS || a->kind == FHIR_ASK_LIST)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!sub_alone(a->child[i]))
            return false;
    return true;
}

bool rest_sub_topic(struct str type)
{
    return fhir_search_type(type) && !str_eqc(type, "Subscription") &&
           !str_eqc(type, "AuditEvent");
}

/* All filters, as one query string. */
static int sub_filters(struct rest_call *c, const struct json *criteria, struct str type,
                       struct buf *query)
{
    const struct json *x;
    int err = AM_OK;
    for (size_t i = 0; !err && (x = sub_extension(criteria, "filter-criteria", i)); i++) {
        struct str text = json_get_str(x, "valueString"), rest,
                   of = str_cut(text, '?', &rest);
        if (rest.p && of.n && !str_eq(of, type))
            return sub_bad(c, "/criteria/extension", "rest.sub_criteria", text);
        err = query->n ? buf_addc(query, '&') : AM_OK;
        if (!err)
            err = buf_add(query, rest.p ? rest : text);
    }
    return err;
}

static int sub_query(struct rest_call *c, struct str said, struct str query,
                     struct rest_sub_spec *out)
{
    struct fhir_query_config k = {.key = *eds_row_key(c->r->c.eds),
                                  .type = out->type,
                                  .base = str_c(c->r->c.base),
                                  .now = time_now(),
                                  .words = true};
    struct fhir_pair *pair;
    struct fhir_query *q = &out->q;
    size_t n;
    int err = fhir_query_split(query, &c->arena, &pair, &n, &c->d);
    if (!err)
        err = fhir_query_parse(q, &k, pair, n, &c->arena, &c->d);
    if (err && err != AM_E_NOMEM)
        return sub_bad(c, "/criteria", "rest.sub_criteria", said);
    if (err)
        return err;
    if (!sub_alone(q->where) || q->includes || q->sorts || q->elements || q->page.n ||
        q->count >= 0 || q->summary != FHIR_SUMMARY_FALSE)
        return sub_bad(c, "/criteria", "rest.sub_alone", said);
    out->everything = !q->where->n;
    q->count = 1;
    q->total = FHIR_TOTAL_NONE;
    return AM_OK;
}

static int sub_criteria(struct rest_call *c, const struct json *resource,
                        struct rest_sub_spec *out)
{
    struct str said = json_get_str(resource, "criteria"), query = STR_NULL;
    struct buf text;
    char *kept;
    int err = AM_OK;
    buf_init(&text, FHIR_QUERY_TEXT);
    out->topic = str_starts(said, STR(SUB_TOPIC));
    out->type = out->topic ? str_sub(said, strlen(SUB_TOPIC), said.n)
                           : str_cut(said, '?', &query);
    if (!rest_sub_topic(out->type))
        err = sub_bad(c, "/criteria", "rest.sub_criteria", said);
    else if (out->topic)
        err = sub_filters(c, json_get(resource, "_criteria"), out->type, &text);
    else
        err = buf_add(&text, query);
    kept = err ? NULL : arena_dup(&c->arena, buf_str(&text));
    if (!err)
        err = kept ? sub_query(c, said, (struct str){kept, text.n}, out) : AM_E_NOMEM;
    buf_release(&text);
    return err;
}

/* ---- the channel ---- */
/* "https://host:port" of an address, without what may be read two ways. */
static struct str sub_origin(struct str url)
{
    size_t host = str_starts(url, STR("https://"))  ? 8
                  : str_starts(url, STR("http://")) ? 7
                                                    : 0;
    struct str rest = str_sub(url, host, url.n);
    size_t n = str_find(rest, '/');
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("@\\#\"<>^`{|}", url.p[i]))
            return STR_NULL;
    return host && n && rest.p[0] != '?' ? str_sub(url, 0, host + AM_MIN(n, rest.n))
                                         : STR_NULL;
}

static bool sub_listed(const struct rest *r, struct str origin)
{
    struct str left = str_c(r->c.sub.allow);
    while (left.n) {
        struct str one = str_cut(left, ' ', &left);
        if (one.n && str_eq_nocase(one, origin))
            return true;
    }
    return false;
}

int rest_sub_content(struct str said, enum rest_sub_content *out)
{
    static const char *const content[] = {"empty", "id-only", "full-resource"};
    for (size_t i = 0; i < AM_LEN(content); i++)
        if (str_eqc(said, content[i])) {
            *out = (enum rest_sub_content)i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

static int sub_payload(struct rest_call *c, const struct json *channel,
                       struct rest_sub_spec *out)
{
    struct str mime = json_get_str(channel, "payload");
    struct str said = json_get_str(
        sub_extension(json_get(channel, "_payload"), "payload-content", 0), "valueCode");
    out->payload = mime.n > 0;
    out->content = mime.n ? SUB_FULL : SUB_EMPTY; /* what R4 means by a payload */
    if (mime.n && !str_eqc(mime, "application/fhir+json") &&
        !str_eqc(mime, "application/json"))
        return sub_bad(c, "/channel/payload", "rest.sub_payload", mime);
    return !said.n || !rest_sub_content(said, &out->content)
               ? AM_OK
               : sub_bad(c, "/channel/payload/extension", "rest.sub_payload", said);
}

/* By websocket it is the client that comes: an address, or headers for it, would be kept
 * and never used. */
static int sub_endpoint(struct rest_call *c, const struct json *channel,
                        struct rest_sub_spec *out)
{
    struct str origin, kind = json_get_str(channel, "type");
    out->socket = str_eqc(kind, "websocket");
    if (!out->socket && !str_eqc(kind, "rest-hook"))
        return sub_bad(c, "/channel/type", "rest.sub_channel", kind);
    out->endpoint = json_get_str(channel, "endpoint");
    if (out->socket)
        return !out->endpoint.n ? AM_OK
                                : sub_bad(c, "/channel/endpoint", "rest.sub_no_endpoint",
                                          out->endpoint);
    origin = sub_origin(out->endpoint);
    out->listed = origin.n && sub_listed(c->r, origin);
    return origin.n && (out->listed || str_starts(origin, STR("https://")))
               ? AM_OK
               : sub_bad(c, "/channel/endpoint", "rest.sub_endpoint", out->endpoint);
}

static int sub_channel(struct rest_call *c, const struct json *channel,
                       struct rest_sub_spec *out)
{
    int err = sub_endpoint(c, channel, out);
    if (!err)
        err = sub_payload(c, channel, out);
    if (!err)
        err = sub_number(c, channel, "heartbeat-period", "valueUnsignedInt", 0, INT32_MAX,
                         &out->heartbeat_s);
    if (!err)
        err = sub_number(c, channel, "timeout", "valueUnsignedInt", SUB_TIMEOUT_S,
                         SUB_TIMEOUT_MOST, &out->timeout_s);
    if (!err)
        err = sub_number(c, channel, "max-count", "valuePositiveInt", SUB_EVENTS,
                         SUB_EVENTS_MOST, &out->most);
    out->timeout_s = AM_MAX(out->timeout_s, 1);
    out->most = AM_MAX(out->most, 1);
    return err;
}

int rest_sub_read(struct rest_call *c, const struct json *resource,
                  struct rest_sub_spec *out)
{
    struct str end = json_get_str(resource, "end");
    int err;
    *out = (struct rest_sub_spec){.most = 1, .end_at = INT64_MAX};
    err = sub_criteria(c, resource, out);
    if (!err && end.n && time_parse(end, &out->end_at))
        err = sub_bad(c, "/end", "rest.value", end);
    return err ? err : sub_channel(c, json_get(resource, "channel"), out);
}

/* ---- headers, and who asks ---- */
static const struct json *sub_seal_of(const struct json *channel)
{
    for (json_each(it, json_get(channel, "extension")))
        if (json_str_is(json_get(it.val, "url"), SUB_SEAL))
            return it.val;
    return NULL;
}

static int sub_key(const struct rest *r, uint8_t key[32])
{
    return rest_sealed_key(r, STR("Subscription"), STR("amane Subscription seal 1"), key);
}

int rest_sub_unseal(const struct rest *r, const struct json *resource,
                    struct json_doc **out)
{
    const struct json *channel = json_get(resource, "channel");
    struct str text = json_get_str(sub_seal_of(channel), "valueBase64Binary");
    struct buf sealed, plain;
    uint8_t key[32];
    int err = text.n ? sub_key(r, key) : AM_E_UNAUTHORIZED;
    *out = NULL;
    if (err)
        return err;
    buf_init(&sealed, EDS_BODY_MAX);
    buf_init(&plain, EDS_BODY_MAX);
    err = crypto_unbase64(&sealed, text);
    if (!err)
        err =
            crypto_open(key, json_get_str(channel, "endpoint"), buf_str(&sealed), &plain);
    if (!err)
        err = json_parse(out, buf_str(&plain), NULL, NULL);
    crypto_wipe(key, sizeof key);
    if (plain.p)
        crypto_wipe(plain.p, plain.n);
    buf_release(&plain);
    buf_release(&sealed);
    return err && err != AM_E_NOMEM ? AM_E_UNAUTHORIZED : err;
}

/* "Name: value", a name that is not the connection's. */
static bool sub_header_ok(struct str h)
{
    static const char *const not[] = {
        "host",   "content-length", "content-type", "connection", "transfer-encoding",
        "expect", "upgrade",        "te",           "trailer"};
    struct str value, name = str_cut(h, ':', &value);
    if (!http_token_ok(name) || name.n >= SUB_HEADER_NAME || !value.p || h.n > 4096)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 127)
            return false;
    for (size_t i = 0; i < AM_LEN(not); i++)
        if (str_eq_nocase(name, str_c(not[i])))
            return false;
    return true;
}

static int sub_headers(struct rest_call *c, const struct json *channel)
{
    const struct json *list = json_get(channel, "header");
    if (json_size(list) > SUB_HEADERS ||
        (list && json_str_is(json_get(channel, "type"), "websocket")))
        return sub_bad(c, "/channel/header", "rest.sub_header", STR_NULL);
    for (json_each(it, list))
        if (!sub_header_ok(json_str(it.val)))
            return sub_bad(c, "/channel/header", "rest.sub_header", STR_NULL);
    return AM_OK;
}

/* What is sealed: headers that are sent, else those that the same hand sealed before for
 * the same endpoint. */
static int sub_secret(struct rest_call *c, const struct json *resource, struct buf *out)
{
    const struct rest_guard *g = &c->r->c.guard;
    const struct json *list = json_get(json_get(resource, "channel"), "header");
    struct json_doc *had = NULL;
    struct buf who;
    struct jw w;
    int err;
    buf_init(&who, REST_STAND);
    err = g->stand ? g->stand(g->arg, c->q->who, &who) : AM_OK;
    if (!err && !list) {
        err = rest_sub_unseal(c->r, resource, &had);
        if (err == AM_E_UNAUTHORIZED)
            err = AM_OK;
        if (had &&
            (!g->his || g->his(g->arg, json_get_str(json_root(had), "who"), c->q->who)))
            list = json_get(json_root(had), "header");
    }
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "who", buf_str(&who));
    if (list)
        jw_kval(&w, "header", list);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    json_free(had);
    buf_release(&who);
    return err;
}

static int sub_seal(struct rest_call *c, const struct json *resource, struct buf *text)
{
    struct str endpoint = json_get_str(json_get(resource, "channel"), "endpoint");
    struct buf plain, sealed;
    uint8_t key[32];
    int err = sub_key(c->r, key);
    buf_init(&plain, EDS_BODY_MAX);
    buf_init(&sealed, EDS_BODY_MAX);
    if (!err)
        err = sub_secret(c, resource, &plain);
    if (!err)
        err = crypto_seal(key, endpoint, buf_str(&plain), &sealed);
    if (!err)
        err = crypto_base64(text, buf_str(&sealed));
    crypto_wipe(key, sizeof key);
    if (plain.p)
        crypto_wipe(plain.p, plain.n);
    buf_release(&plain);
    buf_release(&sealed);
    return err;
}

/* ---- as it is stored ---- */
static void sub_stored_channel(struct jw *w, const struct json *channel, struct str seal)
{
    jw_obj(w);
    jw_key(w, "extension");
    jw_arr(w);
    for (json_each(it, json_get(channel, "extension")))
        if (!json_str_is(json_get(it.val, "url"), SUB_SEAL))
            jw_val(w, it.val);
    jw_obj(w);
    jw_kstrz(w, "url", SUB_SEAL);
    jw_kstr(w, "valueBase64Binary", seal);
    jw_obj_end(w);
    jw_arr_end(w);
    for (json_each(it, channel))
        if (!str_eqc(it.key, "extension") && !str_eqc(it.key, "header")) {
            jw_keyn(w, it.key);
            jw_val(w, it.val);
        }
    jw_obj_end(w);
}

static int sub_stored(struct rest_call *c, const struct json *resource,
                      const char *status, struct str seal, struct json_doc **out)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, SUB_TEXT); /* each is held in memory */
    jw_init(&w, &text);
    jw_obj(&w);
    for (json_each(it, resource)) {
        if (str_eqc(it.key, "error"))
            continue;
        jw_keyn(&w, it.key);
        if (str_eqc(it.key, "status"))
            jw_strz(&w, status);
        else if (str_eqc(it.key, "channel"))
            sub_stored_channel(&w, it.val, seal);
        else
            jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = rest_json(c, buf_str(&text), out);
    buf_release(&text);
    return err;
}

/* `code:in` of a value set that nobody knows would fail at every turn. */
static int sub_resolves(struct rest_call *c, const struct json *resource,
                        const struct rest_sub_spec *spec)
{
    int err = rest_sub_resolves(c, spec);
    return err == AM_E_NOTFOUND || err == AM_E_UNSUPPORTED || err == AM_E_TOOBIG
               ? sub_bad(c, "/criteria", "rest.sub_criteria",
                         json_get_str(resource, "criteria"))
               : err;
}

static int sub_room(struct rest_call *c, const struct json *resource)
{
    bool his;
    int err = rest_sub_room(c, json_get_str(resource, "id"), &his);
    return err == AM_E_TOOMANY
               ? rest_bad(c, err, "", his ? "rest.sub_many_yours" : "rest.sub_many",
                          STR_NULL)
               : err;
}

int rest_sub_write(struct rest_call *c, const struct json *resource,
                   struct json_doc **out)
{
    struct str status = json_get_str(resource, "status");
    bool in = c->route && !strcmp(c->route->interaction, "$import");
    struct rest_sub_spec spec;
    struct buf seal;
    int err = AM_OK;
    *out = NULL;
    buf_init(&seal, EDS_BODY_MAX);
    if (!in && !str_eqc(status, "requested") && !str_eqc(status, "active") &&
        !str_eqc(status, "off"))
        err = sub_bad(c, "/status", "rest.sub_status", status);
    /* What comes by the thousand runs only once somebody asks for it. */
    if (!err && !in)
        err = rest_sub_read(c, resource, &spec);
    if (!err && !in)
        err = sub_resolves(c, resource, &spec);
    if (!err)
        err = sub_room(c, resource);
    if (!err) /* of imported ones too: they are sent once somebody says `active` */
        err = sub_headers(c, json_get(resource, "channel"));
    if (!err)
        err = sub_seal(c, resource, &seal);
    if (!err)
        err = sub_stored(c, resource, in || str_eqc(status, "off") ? "off" : "requested",
                         buf_str(&seal), out);
    if (err == AM_E_TOOBIG)
        err = sub_bad(c, "", "rest.sub_big", STR_NULL);
    buf_release(&seal);
    return err;
}
