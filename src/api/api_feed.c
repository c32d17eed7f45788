/* SPDX-License-Identifier: Apache-2.0 */
/* Atom feeds (RFC 4287), and RSS 2.0 of the same, of decisions and stops, in the reader's
 * language. Ids are made of the genesis and the index of the log, so they are the same
 * for ever and in every language of the same feed; addresses of Atom are relative, as for
 * the pages. */
#include "api/api_priv.h"

#include <time.h>

enum { API_FEED_ITEMS = 100, API_TITLE_MAX = 1024 };

struct api_item {
    uint64_t index;
    int64_t at;
    char model[CRYPTO_HEX];
    uint8_t algorithm[32];
    bool named;
    char version[48], word[80], place[2 * LEDGER_ID_MAX + 4];
    enum ledger_level level;
    uint64_t lifted;
};
struct api_feed {
    struct api_call *c;
    struct api_item item[API_FEED_ITEMS];
    size_t n;
    uint64_t size;
    uint8_t genesis[32];
    char origin[TLOG_NAME_MAX];
};

/* XML 1.0 has no way to write most control characters: they are left out. */
int api_xml(struct buf *b, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 && c != '\t' && c != '\n')
            continue;
        if (c == 0xEF && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0xBF &&
            (unsigned char)s.p[i + 2] >= 0xBE) { /* U+FFFE, U+FFFF */
            i += 2;
            continue;
        }
        err = c == '<'   ? buf_adds(b, "&lt;")
              : c == '>' ? buf_adds(b, "&gt;")
              : c == '&' ? buf_adds(b, "&amp;")
              : c == '"' ? buf_adds(b, "&quot;")
                         : buf_addc(b, (char)c);
    }
    return err;
}

/* ---- facts, under the read lock ---------------------------------------------------- */
static void api_item_model(struct api_item *it, const struct ledger *l,
                           const uint8_t digest[32])
{
    const struct ledger_version *v = ledger_version_find(l, digest);
    const struct ledger_algorithm *a =
        v ? ledger_algorithm_find(l, str_c(v->algorithm_id)) : NULL;
    crypto_hex(digest, 32, it->model);
    if (v)
        snprintf(it->version, sizeof it->version, "%s", v->version_label);
    it->named = a != NULL;
    if (a)
        memcpy(it->algorithm, a->payload, 32);
}

static void api_feed_head(struct api_feed *f, const struct ledger *l)
{
    f->size = ledger_size(l);
    snprintf(f->origin, sizeof f->origin, "%.*s", STR_FMT(ledger_origin(l)));
    if (ledger_genesis_digest(l, f->genesis))
        memset(f->genesis, 0, sizeof f->genesis);
}

static int api_feed_decisions(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_feed *f = arg;
    struct registry_decision d[API_FEED_ITEMS];
    (void)cosigned;
    f->n = registry_decisions(f->c->api->r, d, API_FEED_ITEMS);
    for (size_t i = 0; i < f->n; i++) {
        struct api_item *it = &f->item[i];
        *it = (struct api_item){.index = d[i].index, .at = d[i].at, .level = d[i].level};
        snprintf(it->word, sizeof it->word, "outcome.%s", d[i].outcome);
        api_item_model(it, l, d[i].model);
    }
    api_feed_head(f, l);
    return AM_OK;
}

static int api_feed_stops(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_feed *f = arg;
    (void)cosigned;
    for (size_t i = ledger_stops(l); i-- > 0 && f->n < API_FEED_ITEMS;) {
        const struct ledger_stop *s = ledger_stop_at(l, i);
        struct api_item *it = &f->item[f->n++];
        *it =
            (struct api_item){.index = s->index, .at = s->effect_at, .lifted = s->lifted};
        snprintf(it->word, sizeof it->word, "stop.scope.%s", ledger_scope_name(s->scope));
        snprintf(it->place, sizeof it->place, "%s%s%s", s->establishment,
                 *s->establishment && *s->gst ? ", " : "", s->gst);
        api_item_model(it, l, s->model_digest);
    }
    api_feed_head(f, l);
    return AM_OK;
}

/* ---- writing ----------------------------------------------------------------------- */
static struct str api_text(enum text_lang l, const char *id)
{
    return text_has(l, id) ? text_get(l, id) : str_c(id);
}

/* The trade name in the reader's language, else in French, else in any. */
static int api_trade_name(struct api_feed *f, const struct api_item *it, enum text_lang l,
                          struct buf *out)
{
    const struct json *name;
    struct str s = STR_NULL;
    struct buf b;
    int err;
    buf_init(&b, (size_t)4 << 20);
    err = it->named ? blob_get(registry_blobs(f->c->api->r), it->algorithm, &b)
                    : AM_E_NOTFOUND;
    if (!err) {
        struct json_doc *doc = NULL;
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
        name = err ? NULL : json_pointer(json_root(doc), STR("/predicate/trade_name"));
        s = json_get_str(name, text_lang_code(l));
        if (!s.n)
            s = json_get_str(name, "fr");
        err = buf_add(out, s.n ? s : str_c(it->model));
        json_free(doc);
    } else if (err == AM_E_NOTFOUND) {
        err = buf_add(out, str_c(it->model));
    }
    buf_release(&b);
    return err;
}

static int api_entry_title(struct api_feed *f, const struct api_item *it,
                           enum text_lang l, bool stops, struct buf *out)
{
    struct buf name;
    char level[32];
    int err;
    buf_init(&name, API_TITLE_MAX);
    snprintf(level, sizeof level, "level.%s", ledger_level_name(it->level));
    err = api_trade_name(f, it, l, &name);
    if (!err) {
        const struct text_arg arg[] = {{"model", buf_str(&name)},
                                       {"version", str_c(it->version)},
                                       {"what", api_text(l, it->word)},
                                       {"level", api_text(l, level)},
                                       {"place", str_c(it->place)}};
        err = text_fmt(out, l,
                       !stops       ? "public.feed.decision"
                       : it->lifted ? "public.feed.stop_lifted"
                                    : "public.feed.stop",
                       arg, AM_LEN(arg));
        while (!err && out->n && out->p[out->n - 1] == ' ') /* a stop without a place */
            buf_cut(out, out->n - 1);
    }
    buf_release(&name);
    return err;
}

static int api_entry(struct api_feed *f, const struct api_item *it, enum text_lang l,
                     bool stops, struct buf *b)
{
    char at[TIME_TEXT], hex[CRYPTO_HEX];
    struct buf title;
    int err;
    buf_init(&title, 2 * API_TITLE_MAX);
    err = api_entry_title(f, it, l, stops, &title);
    crypto_hex(f->genesis, 32, hex);
    if (!err)
        err = buf_addf(b,
                       "<entry><id>urn:amane:%s:entry:%llu</id><updated>%s</updated>"
                       "<title>",
                       hex, (unsigned long long)it->index, time_format(it->at, at));
    if (!err)
        err = api_xml(b, buf_str(&title));
    if (!err)
        err = buf_addf(b,
                       "</title><link rel=\"alternate\" type=\"text/html\" "
                       "href=\"/models/%s\"/><link rel=\"related\" type=\"text/html\" "
                       "href=\"/statements/%llu\"/><content type=\"text\">",
                       it->model, (unsigned long long)it->index);
    if (!err)
        err = api_xml(b, buf_str(&title));
    if (!err)
        err = buf_adds(b, "</content></entry>\n");
    buf_release(&title);
    return err;
}

static int api_write_feed(struct api_feed *f, bool stops, struct buf *b)
{
    enum text_lang l = api_lang(f->c->req);
    const char *name = stops ? "stops" : "decisions";
    char id[48], at[TIME_TEXT], hex[CRYPTO_HEX];
    int64_t newest = 0;
    int err;
    for (size_t i = 0; i < f->n; i++)
        newest = AM_MAX(newest, f->item[i].at);
    snprintf(id, sizeof id, "public.feed.%s", name);
    crypto_hex(f->genesis, 32, hex);
    err = buf_addf(b,
                   "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed "
                   "xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"%s\">"
                   "<id>urn:amane:%s:%s:%s</id><title>",
                   text_lang_code(l), hex, name, text_lang_code(l));
    if (!err)
        err = api_xml(b, api_text(l, id));
    if (!err)
        err = buf_addf(b, "</title><updated>%s</updated><author><name>",
                       time_format(newest, at));
    if (!err)
        err = api_xml(b, str_c(f->origin));
    if (!err)
        err = buf_addf(b,
                       "</name></author><link rel=\"self\" "
                       "type=\"application/atom+xml\" href=\"/feeds/%s.atom?lang=%s\"/>"
                       "<link rel=\"alternate\" type=\"text/html\" href=\"/\"/>\n",
                       name, text_lang_code(l));
    for (size_t i = 0; i < f->n && !err; i++)
        err = api_entry(f, &f->item[i], l, stops, b);
    return err ? err : buf_adds(b, "</feed>\n");
}

/* ---- RSS 2.0: the same entries; its addresses must be whole, its dates RFC 822's ----
 */
static int api_rss_link(struct api_feed *f, struct buf *b, const char *tag,
                        const char *path, const char *arg)
{
    struct str host = http_header(f->c->req, "Host");
    int err = buf_addf(b, "<%s>http%s://", tag, f->c->req->secure ? "s" : "");
    if (!err)
        err = api_xml(b, host.n ? host : STR("localhost"));
    return err ? err : buf_addf(b, "%s%s</%s>", path, arg, tag);
}

static int api_rss_date(struct buf *b, const char *tag, int64_t at)
{
    static const char day[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
                      month[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t s = (time_t)(at / TIME_SECOND);
    struct tm t;
    if (!gmtime_r(&s, &t))
        return AM_E_INVALID;
    return buf_addf(b, "<%s>%s, %02d %s %d %02d:%02d:%02d GMT</%s>", tag, day[t.tm_wday],
                    t.tm_mday, month[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min,
                    t.tm_sec, tag);
}

static int api_rss_item(struct api_feed *f, const struct api_item *it, enum text_lang l,
                        bool stops, struct buf *b)
{
    char hex[CRYPTO_HEX];
    struct buf title;
    int err;
    buf_init(&title, 2 * API_TITLE_MAX);
    err = api_entry_title(f, it, l, stops, &title);
    if (!err)
        err = buf_addf(b,
                       "<item><guid isPermaLink=\"false\">urn:amane:%s:entry:%llu</guid>"
                       "<title>",
                       crypto_hex(f->genesis, 32, hex), (unsigned long long)it->index);
    if (!err)
        err = api_xml(b, buf_str(&title));
    if (!err)
        err = buf_adds(b, "</title>");
    if (!err)
        err = api_rss_link(f, b, "link", "/models/", it->model);
    if (!err)
        err = api_rss_date(b, "pubDate", it->at);
    buf_release(&title);
    return err ? err : buf_adds(b, "</item>\n");
}

static int api_write_rss(struct api_feed *f, bool stops, struct buf *b)
{
    enum text_lang l = api_lang(f->c->req);
    struct str name = api_text(l, stops ? "public.feed.stops" : "public.feed.decisions");
    int64_t newest = 0;
    int err;
    for (size_t i = 0; i < f->n; i++)
        newest = AM_MAX(newest, f->item[i].at);
    err = buf_adds(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\">"
                      "<channel><title>");
    if (!err)
        err = api_xml(b, name);
    if (!err)
        err = buf_adds(b, "</title>");
    if (!err)
        err = api_rss_link(f, b, "link", "/", "");
    if (!err)
        err = buf_adds(b, "<description>");
    if (!err)
        err = api_xml(b, name);
    if (!err)
        err = buf_addf(b, "</description><language>%s</language>", text_lang_code(l));
    if (!err)
        err = api_rss_date(b, "lastBuildDate", newest);
    for (size_t i = 0; i < f->n && !err; i++)
        err = api_rss_item(f, &f->item[i], l, stops, b);
    return err ? err : buf_adds(b, "</channel></rss>\n");
}

static int api_feed(struct api_call *c, registry_fn *facts, bool stops, bool rss)
{
    struct api_feed *f = arena_alloc(c->req->arena, 1, sizeof *f);
    int err;
    if (!f)
        return AM_E_NOMEM;
    f->c = c;
    err = registry_view(c->api->r, facts, f);
    if (err)
        return err;
    http_setz(c->req, c->resp, "Content-Type",
              rss ? "application/rss+xml; charset=utf-8"
                  : "application/atom+xml; charset=utf-8");
    http_setz(c->req, c->resp, "Vary", "Accept-Language, Cookie, Host");
    http_setz(c->req, c->resp, "Cache-Control", "public, max-age=60");
    if (api_unchanged(c, f->size, text_lang_code(api_lang(c->req))))
        return AM_OK;
    c->resp->status = 200;
    return rss ? api_write_rss(f, stops, &c->resp->body)
               : api_write_feed(f, stops, &c->resp->body);
}

int api_h_feed_decisions(struct api_call *c)
{
    return api_feed(c, api_feed_decisions, false, false);
}

int api_h_feed_stops(struct api_call *c)
{
    return api_feed(c, api_feed_stops, true, false);
}

int api_h_rss_decisions(struct api_call *c)
{
    return api_feed(c, api_feed_decisions, false, true);
}

int api_h_rss_stops(struct api_call *c)
{
    return api_feed(c, api_feed_stops, true, true);
}
