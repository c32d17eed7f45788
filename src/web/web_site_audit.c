/* SPDX-License-Identifier: Apache-2.0 */
/* The audit page: who opened which door when, by pseudonym. Auditor and ministry see all
 * of it, an rssi what happened in its house. Exports are audited too. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { PAGE = 50, CSV_MAX = 100000, CSV_BATCH = 1000 };

struct asked {
    struct auth_audit_filter f;
    struct str event, actor, from, to;
    bool bad;
};

static int64_t day(struct str s, bool end, bool *bad)
{
    int64_t at = 0;
    if (s.n && time_parse_date(s, &at))
        *bad = true;
    return s.n && !*bad && end ? at + TIME_DAY : at;
}

static void read_filter(struct web_visit *v, struct asked *q)
{
    struct str before = http_query(v->req, "before");
    enum auth_event e;
    *q = (struct asked){.event = http_query(v->req, "event"),
                        .actor = http_query(v->req, "actor"),
                        .from = http_query(v->req, "from"),
                        .to = http_query(v->req, "to")};
    q->f.establishment = auth_reach(&v->who, AUTH_O_AUDIT, AUTH_V_READ);
    q->bad = q->event.n && auth_event_parse(q->event, &e) != AM_OK;
    q->f.event = q->event;
    q->f.actor = q->actor;
    q->f.from_at = day(q->from, false, &q->bad);
    q->f.to_at = day(q->to, true, &q->bad);
    if (before.n && str_int(before, 1, INT64_MAX, &q->f.before))
        q->bad = true;
}

static void options(struct web_visit *v, const struct asked *q)
{
    jw_key(&v->w, "events");
    jw_arr(&v->w);
    for (size_t e = 0; e < AUTH_EVENTS; e++) {
        const char *name = auth_event_name((enum auth_event)e);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "code", name);
        jw_kbool(&v->w, "selected", str_eqc(q->event, name));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* The query of the next page, or of the file, with the same filters. */
static int link_to(struct web_visit *v, const struct asked *q, const char *key,
                   const char *path, int64_t before)
{
    const struct {
        const char *name;
        struct str value;
    } part[] = {
        {"event", q->event}, {"actor", q->actor}, {"from", q->from}, {"to", q->to}};
    struct buf b;
    buf_init(&b, 4 * WEB_URL_MAX);
    int err = buf_addf(&b, "%s?", path);
    for (size_t i = 0; i < AM_LEN(part) && !err; i++)
        if (part[i].value.n) {
            err = buf_addf(&b, "%s=", part[i].name);
            if (!err)
                err = web_url_part(&b, part[i].value);
            if (!err)
                err = buf_adds(&b, "&");
        }
    if (!err && before)
        err = buf_addf(&b, "before=%lld", (long long)before);
    if (!err)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
    return err;
}

static int rows(struct web_visit *v, struct asked *q, struct json_doc **out)
{
    struct buf b;
    struct jw w;
    buf_init(&b, WEB_CONTEXT_MAX);
    jw_init(&w, &b);
    int err = auth_audit_list(v->site->auth, &q->f, &w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

int web_page_audit(struct web_visit *v)
{
    struct json_doc *doc = NULL;
    struct asked q;
    read_filter(v, &q);
    q.f.limit = PAGE;
    int err = q.bad ? AM_OK : rows(v, &q, &doc);
    size_t n = json_size(json_root(doc));
    int64_t last = n ? json_int(json_get(json_at(json_root(doc), n - 1), "seq"), 0) : 0;
    if (!err) {
        web_open(v);
        jw_kval(&v->w, "rows", json_root(doc));
        jw_kbool(&v->w, "empty", n == 0);
        jw_kbool(&v->w, "bad", q.bad);
        jw_kstrz(&v->w, "house", q.f.establishment ? q.f.establishment : "");
        jw_kstr(&v->w, "actor", str_utf8(q.actor) ? web_text_or(q.actor) : STR(""));
        jw_kstr(&v->w, "from", web_text_or(q.from));
        jw_kstr(&v->w, "to", web_text_or(q.to));
        options(v, &q);
        err = link_to(v, &q, "csv", "/audit.csv", 0);
        if (!err && n == PAGE && last > 1)
            err = link_to(v, &q, "older", "/audit", last);
    }
    if (!err)
        err = web_send(v, q.bad ? 400 : 200, "audit",
                       (struct web_page){.title_id = "audit.title"});
    json_free(doc);
    return err;
}

/* RFC 4180. Cells are codes and instants; one that a spreadsheet would run is quoted with
 * an apostrophe first. */
static int cell(struct buf *b, struct str s)
{
    int err = buf_addc(b, '"');
    if (!err && s.n && strchr("=+-@\t\r", s.p[0]))
        err = buf_addc(b, '\'');
    for (size_t i = 0; i < s.n && !err; i++)
        err = s.p[i] == '"' ? buf_adds(b, "\"\"") : buf_addc(b, s.p[i]);
    return err ? err : buf_addc(b, '"');
}

static int csv_row(struct buf *b, const struct json *x)
{
    static const char *const text[] = {"event",         "actor",  "role", "org_id",
                                       "establishment", "object", "hash"};
    char at[TIME_TEXT];
    int err = buf_addf(b, "%lld,%s", (long long)json_int(json_get(x, "seq"), 0),
                       time_format(json_int(json_get(x, "at"), 0), at));
    for (size_t i = 0; i < AM_LEN(text) && !err; i++) {
        err = buf_addc(b, ',');
        if (!err)
            err = cell(b, json_get_str(x, text[i]));
    }
    return err ? err : buf_adds(b, "\r\n");
}

int web_page_audit_csv(struct web_visit *v)
{
    struct asked q;
    size_t n = CSV_BATCH, all = 0;
    read_filter(v, &q);
    q.f.limit = CSV_BATCH;
    if (q.bad)
        return AM_E_SYNTAX;
    int err = auth_audit(v->site->auth, AUTH_E_EXPORT, &v->who, "audit", v->now);
    if (!err)
        err = buf_adds(&v->resp->body,
                       "seq,at,event,actor,role,org_id,establishment,object,hash\r\n");
    while (!err && n == CSV_BATCH && all < CSV_MAX) {
        struct json_doc *doc = NULL;
        err = rows(v, &q, &doc);
        n = json_size(json_root(doc));
        all += n;
        for (json_each(it, json_root(doc))) {
            if (!err)
                err = csv_row(&v->resp->body, it.val);
            q.f.before = json_int(json_get(it.val, "seq"), 0);
        }
        json_free(doc);
        if (q.f.before <= 1)
            break;
    }
    if (err)
        return err;
    http_setz(v->req, v->resp, "Content-Type", "text/csv; charset=utf-8; header=present");
    http_setz(v->req, v->resp, "Content-Disposition",
              "attachment; filename=\"amane-audit.csv\"");
    return AM_OK;
}
