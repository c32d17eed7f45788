/* SPDX-License-Identifier: Apache-2.0 */
/* The tender page: a question in the address, an answer with every reason, and the
 * certificate to keep. The address says all, so an answer can be asked again. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { PRODUCTS_TEXT = 8000 };

struct question {
    struct str products, use, opens;
    int64_t size; /* 0: now */
    struct json_doc *query;
};

/* The query as JSON, whatever was typed: the check tells what is wrong. */
static int read_question(struct web_visit *v, struct question *q)
{
    struct buf b;
    struct jw w;
    size_t from = 0;
    int err;
    *q = (struct question){.products = str_trim(http_query(v->req, "products")),
                           .use = str_trim(http_query(v->req, "use")),
                           .opens = str_trim(http_query(v->req, "opens"))};
    if (q->products.n > PRODUCTS_TEXT ||
        str_int(http_query(v->req, "size"), 1, INT64_MAX, &q->size))
        q->size = 0;
    q->products = str_sub(web_text_or(q->products), 0, PRODUCTS_TEXT);
    q->use = web_text_or(q->use);
    q->opens = web_text_or(q->opens);
    buf_init(&b, 1 << 17);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "opens_at", q->opens);
    jw_key(&w, "products");
    jw_arr(&w);
    for (size_t i = 0; i <= q->products.n; i++) {
        if (i < q->products.n && !strchr(" ,;\r\n\t", q->products.p[i]))
            continue;
        if (i > from)
            jw_str(&w, str_sub(q->products, from, i));
        from = i + 1;
    }
    jw_arr_end(&w);
    jw_kstr(&w, "use_code", q->use);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&q->query, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

/* ---- the answer ------------------------------------------------------------------- */
/* Codes of the domain inside a reason, in the reader's words. */
static struct str worded(struct web_visit *v, struct str key, struct str value)
{
    static const struct {
        const char *key, *prefix;
    } map[] = {{"state", "state.v."},
               {"level", "level."},
               {"needs", "level."},
               {"standard", "tender.standard."},
               {"pointer", "tender.pointer"}};
    char id[160];
    for (size_t i = 0; i < AM_LEN(map); i++)
        if (str_eqc(key, map[i].key)) {
            snprintf(id, sizeof id, "%s%.*s", map[i].prefix, (int)AM_MIN(value.n, 100),
                     value.p);
            for (char *c = id; *c; c++)
                if (*c == '/')
                    *c = '.';
            if (text_has(v->l, id))
                return text_get(v->l, id);
        }
    return value;
}

static void put_reason(struct web_visit *v, const struct json *r)
{
    struct text_arg arg[4];
    struct buf b;
    char id[96], date[2][64];
    size_t n = 0, dates = 0;
    snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(r, "code")));
    buf_init(&b, 4096);
    for (json_each(it, json_get(r, "args"))) {
        struct str value = worded(v, it.key, json_str(it.val));
        int64_t at;
        char *key = arena_dup(v->req->arena, it.key);
        if (n == AM_LEN(arg) || !key)
            break;
        if (dates < 2 && time_parse(value, &at) == AM_OK) {
            struct buf day;
            buf_init(&day, 64);
            if (text_date(&day, v->l, at) == AM_OK) {
                snprintf(date[dates], sizeof date[dates], "%s", day.p);
                value = str_c(date[dates++]);
            }
            buf_release(&day);
        }
        arg[n++] = (struct text_arg){key, value};
    }
    jw_obj(&v->w);
    jw_kstr(&v->w, "code", json_get_str(r, "code"));
    if (text_has(v->l, id) && text_fmt(&b, v->l, id, arg, n) == AM_OK)
        jw_kstr(&v->w, "text", buf_str(&b));
    jw_obj_end(&v->w);
    buf_release(&b);
}

static void put_product(struct web_visit *v, const struct json *p)
{
    static const char *const plain[] = {"product",       "model_digest", "algorithm_id",
                                        "version_label", "supplier",     "level",
                                        "eligible",      "equivalent",   "funded_pilot"};
    jw_obj(&v->w);
    for (size_t i = 0; i < AM_LEN(plain); i++)
        if (json_get(p, plain[i]))
            jw_kval(&v->w, plain[i], json_get(p, plain[i]));
    web_kname(v, "name", json_get_str(p, "model_digest"));
    web_tender_change(v, p);
    jw_kint(&v->w, "reasons_n", (int64_t)json_size(json_get(p, "reasons")));
    jw_key(&v->w, "reasons");
    jw_arr(&v->w);
    for (json_each(it, json_get(p, "reasons")))
        put_reason(v, it.val);
    jw_arr_end(&v->w);
    jw_obj_end(&v->w);
}

/* The address of the same question at this size. */
static int put_download(struct web_visit *v, const struct question *q, uint64_t size)
{
    struct buf b;
    int err;
    buf_init(&b, 4 * WEB_URL_MAX);
    err = buf_adds(&b, "/tender/certificate.json?products=");
    if (!err)
        err = web_url_part(&b, q->products);
    if (!err)
        err = buf_adds(&b, "&use=");
    if (!err)
        err = web_url_part(&b, q->use);
    if (!err)
        err = buf_adds(&b, "&opens=");
    if (!err)
        err = web_url_part(&b, q->opens);
    if (!err)
        err = buf_addf(&b, "&size=%llu", (unsigned long long)size);
    if (!err)
        jw_kstr(&v->w, "download", buf_str(&b));
    buf_release(&b);
    return err;
}

static int put_answer(struct web_visit *v, const struct question *q,
                      const struct registry_tender *t)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, buf_str(&t->answer), NULL, NULL);
    if (err)
        return err;
    jw_kbool(&v->w, "answered", true);
    jw_kint(&v->w, "tree_size", (int64_t)t->tree_size);
    jw_key(&v->w, "answers");
    jw_arr(&v->w);
    for (json_each(it, json_get(json_root(doc), "products")))
        put_product(v, it.val);
    jw_arr_end(&v->w);
    json_free(doc);
    return put_download(v, q, t->tree_size);
}

static int policy_uses(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    (void)v;
    (void)cosigned;
    (void)arg;
    jw_kval(w, "codes", json_get(ledger_policy(l), "codes"));
    return AM_OK;
}

static bool askable(int err)
{
    return err == AM_E_INVALID || err == AM_E_UNSUPPORTED;
}

static bool gone(void *req)
{
    return http_gone(req);
}

/* A question about an older size costs its reader. */
static int answer(struct web_visit *v, const struct question *q,
                  struct registry_tender *t)
{
    struct registry_reader who = {v->req->peer, gone, v->req};
    return registry_tender(v->site->registry, &who, json_root(q->query),
                           (uint64_t)q->size, t, &v->d);
}

int web_page_tender(struct web_visit *v)
{
    struct registry_tender t;
    struct json_doc *facts = NULL;
    struct question q = {0};
    bool asked = http_query(v->req, "products").p != NULL;
    int err = read_question(v, &q), refused = AM_OK;
    registry_tender_init(&t);
    if (!err)
        err = web_facts(v, policy_uses, NULL, &facts);
    if (!err && asked)
        refused = answer(v, &q, &t);
    if (!err && refused && !askable(refused))
        err = refused;
    if (!err) {
        web_open(v);
        jw_kstr(&v->w, "products", q.products);
        jw_kstr(&v->w, "opens", q.opens);
        web_options(&v->w, "uses", v->l, json_root(facts), "uses", q.use);
        web_problems(&v->w, "problems", v->l, &v->d);
        jw_kbool(&v->w, "has_problems", v->d.n > 0);
        jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
        if (asked && !refused)
            err = put_answer(v, &q, &t);
    }
    if (!err)
        err =
            web_send(v, refused ? am_err_http(refused) : 200, "tender",
                     (struct web_page){.title_id = "tender.title", .nav = "nav.tender"});
    registry_tender_release(&t);
    json_free(q.query);
    json_free(facts);
    return err;
}

int web_page_tender_certificate(struct web_visit *v)
{
    struct registry_tender t;
    struct question q = {0};
    int err = read_question(v, &q);
    registry_tender_init(&t);
    if (!err)
        err = answer(v, &q, &t);
    if (!err)
        err = buf_add(&v->resp->body, buf_str(&t.certificate));
    if (!err) {
        http_setz(v->req, v->resp, "Content-Type", "application/json; charset=utf-8");
        http_setz(v->req, v->resp, "Content-Disposition",
                  "attachment; filename=\"tender-certificate.json\"");
        http_setz(v->req, v->resp, "Cache-Control", "no-store");
    }
    registry_tender_release(&t);
    json_free(q.query);
    return err;
}
