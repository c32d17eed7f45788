/* SPDX-License-Identifier: Apache-2.0 */
/* Routes that both servers have: health, sessions, accounts, metrics. */
#include "api/api_priv.h"

#include "base/log.h"

int api_h_health(struct api_call *c)
{
    http_setz(c->req, c->resp, "Content-Type", "text/plain; charset=utf-8");
    return buf_adds(&c->resp->body, "ok\n");
}

int api_h_ready(struct api_call *c)
{
    bool ready = true;
    jw_obj(&c->w);
    if (c->api->r) {
        struct registry_stats s;
        uint64_t done, of;
        registry_stats(c->api->r, &s);
        /* After a failed write (disk full, database away) it serves what it has and
         * takes nothing, until the cause is gone: registry_heal.c looks for that. */
        ready = tlog_health(registry_log(c->api->r)) == AM_OK;
        if (registry_split_proved(c->api->r)) {
            ready = false;
            jw_kstrz(&c->w, "reason", "split");
        } else if (!ready) {
            jw_kstrz(&c->w, "reason", "storage");
        } else if (registry_indexing(c->api->r, &done, &of)) {
            ready = false;
            jw_kstrz(&c->w, "reason",
                     "starting"); /* reads, submissions: all but search */
            jw_key(&c->w, "indexed");
            jw_obj(&c->w);
            jw_kint(&c->w, "done", (int64_t)done);
            jw_kint(&c->w, "of", (int64_t)of);
            jw_obj_end(&c->w);
        }
        jw_kstrz(&c->w, "server", "registry");
        jw_kint(&c->w, "size", (int64_t)s.size);
        jw_kint(&c->w, "cosigned", (int64_t)s.cosigned);
    } else {
        struct node_state s;
        node_state(c->api->n, &s);
        /* A node serves charts, worklists and stops without the registry; it is ready
         * when it knows which log it mirrors and can write. */
        ready = s.size > 0 && !s.storage;
        if (s.storage) /* neither outputs nor verdicts until a write succeeds */
            jw_kstrz(&c->w, "reason", "storage");
        jw_kstrz(&c->w, "server", "node");
        jw_kint(&c->w, "size", (int64_t)s.size);
        jw_kbool(&c->w, "lease_fresh", s.lease_fresh);
    }
    jw_kbool(&c->w, "ready", ready);
    jw_obj_end(&c->w);
    return api_done(c, ready ? 200 : 503);
}

/* ---- sessions
 * ------------------------------------------------------------------------------- */
int api_h_session_open(struct api_call *c)
{
    const struct json *v = NULL;
    enum auth_stage stage = AUTH_CODE;
    char token[AUTH_TOKEN];
    int err = api_body(c, &v);
    if (!err) {
        const struct auth_credentials k = {.login = json_get_str(v, "login"),
                                           .password = json_get_str(v, "password"),
                                           .code = json_get_str(v, "code"),
                                           .peer = c->req->peer};
        err = auth_login_with(c->api->auth, &k, time_now(), token, &stage);
    }
    if (err)
        return err;
    if (stage != AUTH_FULL) { /* programs say the code with the password */
        diag_err(&c->d, "/code", stage == AUTH_CODE ? "session.code" : "session.enrol",
                 stage == AUTH_CODE ? "the code of the second factor is missing"
                                    : "this role needs a second factor first");
        err = auth_logout(c->api->auth, str_c(token));
        return err ? err : AM_E_UNAUTHORIZED;
    }
    jw_obj(&c->w);
    jw_kstrz(&c->w, "token", token);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

int api_h_session_close(struct api_call *c)
{
    int err = auth_audit(c->api->auth, AUTH_E_LOGOUT, &c->who, "", time_now());
    c->resp->status = 204;
    return err ? err : auth_logout(c->api->auth, c->token);
}

/* Whose accounts and tokens are whose business. The right alone would let a hospital's
 * director open a ministry's door. */
int api_account_bounds(struct api_call *c, const struct auth_account *other)
{
    return auth_people_bounds(c->api->n != NULL, &c->who, other->role,
                              other->establishment, &c->d);
}

/* The person behind an account must be one this administrator may see. */
static int api_person_seen(struct api_call *c, int64_t id)
{
    struct auth_person p;
    int err = auth_person_get(c->api->auth, id, &p);
    if (!err && (p.erased_at ||
                 !auth_can(&c->who, AUTH_O_ACCOUNT, AUTH_V_READ,
                           &(struct auth_place){.establishment = p.establishment})))
        err = AM_E_NOTFOUND;
    if (err == AM_E_NOTFOUND)
        diag_err(&c->d, "/person", "account.person", "no such person");
    return err;
}

int api_h_account_create(struct api_call *c)
{
    const struct json *v = NULL;
    struct auth_account spec;
    struct str password = STR_NULL;
    int64_t id;
    int err = api_body(c, &v);
    if (!err)
        err = auth_account_from_json(v, &spec, &password, &c->d);
    if (!err && c->api->n && !spec.establishment[0])
        memcpy(spec.establishment, c->who.establishment, sizeof spec.establishment);
    if (!err)
        err = api_account_bounds(c, &spec);
    if (!err && spec.person)
        err = api_person_seen(c, spec.person);
    if (!err)
        err = auth_account_open(c->api->auth, &c->who, &spec, password, time_now(), &id,
                                &c->d);
    if (err)
        return err;
    LOG_I("auth.account_created", log_i("id", id),
          log_s("role", ledger_role_name(spec.role)));
    jw_obj(&c->w);
    jw_kint(&c->w, "id", id);
    jw_kstrz(&c->w, "login", spec.login);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

/* Members nobody reads are refused: a misspelt `until` must not give a year. */
int api_only(struct api_call *c, const struct json *v, const char *known)
{
    for (json_each(it, v)) {
        struct str rest = str_c(known);
        struct buf path;
        bool ok = false;
        while (rest.n)
            ok = str_eq(str_cut(rest, ' ', &rest), it.key) || ok;
        if (ok)
            continue;
        buf_init(&path, 1024);
        if (json_pointer_add(&path, it.key) == AM_OK)
            diag_err(&c->d, path.p, "schema.additionalProperties", "an unknown member");
        else
            diag_err(&c->d, "", "schema.additionalProperties", "an unknown member");
        buf_release(&path);
    }
    return diag_result(&c->d);
}

static void api_token_scope(struct api_call *c, const struct json *list,
                            struct auth_token_spec *out)
{
    out->scoped = list != NULL;
    if (list && json_type(list) != JSON_ARRAY)
        diag_err(&c->d, "/rights", "schema.type", "a list of rights is expected");
    for (json_each(it, list)) {
        bool known = false;
        for (size_t r = 0; r < AUTH_RIGHTS; r++)
            if (json_str_is(it.val, auth_right_name((enum auth_right)r))) {
                out->scope |= UINT64_C(1) << r;
                known = true;
            }
        if (!known)
            diag_err(&c->d, "/rights", "schema.enum", "no such right");
    }
}

/* Account, name, rights and end of the token asked for. */
static int api_token_request(struct api_call *c, int64_t now, struct auth_token_spec *out)
{
    const struct json *v = NULL;
    struct str name;
    int err = api_body(c, &v);
    if (err)
        return err;
    out->account = json_int(json_get(v, "account"), c->who.id);
    out->until_at = now + 365 * TIME_DAY;
    if (json_type(v) != JSON_OBJECT)
        diag_err(&c->d, "", "schema.type", "an object is expected");
    if (json_get(v, "account") && !json_is_int(json_get(v, "account")))
        diag_err(&c->d, "/account", "schema.type", "the number of an account");
    if (json_get(v, "until") &&
        (time_parse(json_get_str(v, "until"), &out->until_at) || out->until_at <= now))
        diag_err(&c->d, "/until", "schema.format",
                 "an RFC 3339 instant to come is expected");
    name = json_get_str(v, "name");
    if (name.n >= sizeof out->name)
        diag_err(&c->d, "/name", "schema.maxLength", "63 bytes at most");
    else if (name.n)
        memcpy(out->name, name.p, name.n);
    api_token_scope(c, json_get(v, "rights"), out);
    return api_only(c, v, "account until name rights");
}

static int api_token_for_another(struct api_call *c, int64_t account,
                                 struct auth_account *other)
{
    int err;
    if (!auth_may(&c->who, AUTH_ACCOUNT_CREATE)) {
        diag_err(&c->d, "/account", "right.missing",
                 "tokens for others need the right %s",
                 auth_right_name(AUTH_ACCOUNT_CREATE));
        diag_arg(&c->d, "right", auth_right_name(AUTH_ACCOUNT_CREATE));
        return AM_E_FORBIDDEN;
    }
    err = auth_account_get(c->api->auth, account, other);
    return err ? err : api_account_bounds(c, other);
}

int api_token_made(struct api_call *c, const char *token, int64_t until_at)
{
    char until[TIME_TEXT];
    jw_obj(&c->w);
    jw_kstrz(&c->w, "token", token);
    jw_kstrz(&c->w, "until", time_format(until_at, until));
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

/* For another account whose role signs: asked for (202), another one confirms. */
int api_h_token_create(struct api_call *c)
{
    char token[AUTH_TOKEN];
    struct auth_token_spec spec = {0};
    struct auth_account other = {0};
    int64_t now = time_now();
    int err = api_token_request(c, now, &spec);
    if (!err && c->who.scoped) /* else it would make itself a wider one */
        err = api_refuse(c, "token");
    if (!err && spec.account != c->who.id)
        err = api_token_for_another(c, spec.account, &other);
    if (!err && other.id && auth_guarded(&other))
        return api_pair_token(c, &spec);
    if (!err)
        err = auth_token_make(c->api->auth, &c->who, &spec, now, token);
    if (err)
        return err;
    err = api_token_made(c, token, spec.until_at);
    crypto_wipe(token, sizeof token);
    return err;
}

/* ---- metrics
 * ----------------------------------------------------------------------------------- */
static int api_metric(struct buf *b, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    return buf_addf(b, "# TYPE %s %s\n# HELP %s %s\n%s%s %llu\n", name, type, name, help,
                    name, strcmp(type, "counter") == 0 ? "_total" : "",
                    (unsigned long long)value);
}

struct api_metric_row {
    const char *name, *type, *help;
    uint64_t value;
};

static int api_metrics_write(struct buf *b, const struct api_metric_row *row, size_t n)
{
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++)
        err = api_metric(b, row[i].name, row[i].type, row[i].help, row[i].value);
    return err;
}

static int api_metrics_registry(struct api_call *c)
{
    struct registry_stats s;
    struct search_stats search;
    struct web_cache_stats pages;
    uint64_t missed;
    registry_stats(c->api->r, &s);
    registry_search_stats(c->api->r, &search, &missed);
    web_site_cache_stats(c->api->site, &pages);
    {
        const struct api_metric_row row[] = {
            {"amane_log_entries", "gauge", "Entries in the log", s.size},
            {"amane_log_cosigned", "gauge", "Entries under a quorum", s.cosigned},
            {"amane_statements_logged", "counter", "Statements admitted", s.submitted},
            {"amane_statements_refused", "counter", "Statements refused", s.refused},
            {"amane_versions", "gauge", "Versions known", s.versions},
            {"amane_deployments", "gauge", "Deployments known", s.deployments},
            {"amane_split_proved", "gauge", "1 when a signed note is not of this log",
             registry_split_proved(c->api->r)},
            {"amane_stops", "gauge", "Stop orders known", s.stops},
            {"amane_search_documents", "gauge", "Versions in the index", search.docs},
            {"amane_search_bytes", "gauge", "Memory of the index", search.bytes},
            {"amane_search_missed", "counter", "Statements not indexed", missed},
            {"amane_pages_kept", "gauge", "Public pages in memory", pages.pages},
            {"amane_pages_bytes", "gauge", "Memory of those pages", pages.bytes},
            {"amane_pages_hits", "counter", "Pages given from memory", pages.hits},
            {"amane_pages_misses", "counter", "Pages rendered", pages.misses},
        };
        return api_metrics_write(&c->resp->body, row, AM_LEN(row));
    }
}

static int api_metrics_node(struct api_call *c)
{
    struct node_state s;
    node_state(c->api->n, &s);
    {
        const struct api_metric_row row[] = {
            {"amane_mirror_entries", "gauge", "Entries of the national log here", s.size},
            {"amane_trace_entries", "gauge", "Entries of the trace log", s.trace_size},
            {"amane_predictions", "counter", "Predictions made", s.predictions},
            {"amane_predictions_refused", "counter", "Refused by the gate", s.refused},
            {"amane_predictions_pending", "gauge", "Waiting for a person", s.pending},
            {"amane_outbox", "gauge", "Statements waiting for the registry", s.outbox},
            {"amane_lease_fresh", "gauge", "1 while predictions may run", s.lease_fresh},
            {"amane_split_view", "gauge", "1 when two histories were seen", s.split_view},
            {"amane_split_proved", "gauge", "1 when that is proved", s.split_proved},
        };
        return api_metrics_write(&c->resp->body, row, AM_LEN(row));
    }
}

int api_h_metrics(struct api_call *c)
{
    struct buf *b = &c->resp->body;
    int err = c->api->r ? api_metrics_registry(c) : api_metrics_node(c);
    if (!err && c->api->server) {
        struct http_stats h;
        http_server_stats(c->api->server, &h);
        {
            const struct api_metric_row row[] = {
                {"amane_http_requests", "counter", "Requests", h.requests},
                {"amane_http_bad_requests", "counter", "Malformed", h.bad_requests},
                {"amane_http_busy", "counter", "Turned away, queue full",
                 h.rejected_busy},
                {"amane_http_crowded_out", "counter",
                 "Idle connections closed to make room", h.crowded_out},
                {"amane_http_in_flight", "gauge", "Being served", h.in_flight},
            };
            err = api_metrics_write(b, row, AM_LEN(row));
        }
    }
    if (!err)
        err = buf_adds(b, "# EOF\n");
    http_setz(c->req, c->resp, "Content-Type",
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    return err;
}
