/* SPDX-License-Identifier: Apache-2.0 */
/* The public register: words, facets as links with counts, one page of models. */
#include "search/search.h"
#include "web/web_site_priv.h"

enum { PAGE_ROWS = 25, FILTERS_MAX = 12, LONG_FACET = 12 };

struct asked {
    bool indexing; /* when the search began: models may be missing */
    uint64_t done, of;
    struct str q, cursor;
    struct search_value filter[FILTERS_MAX];
    size_t filters;
};

/* What the address says beyond the known facets and bounds is ignored. */
static void read_asked(struct web_visit *v, struct asked *a)
{
    *a = (struct asked){.q = str_trim(web_text_or(http_query(v->req, "q"))),
                        .cursor = http_query(v->req, "cursor")};
    if (a->q.n > SEARCH_QUERY_MAX)
        a->q = STR("");
    for (int f = 0; f < REGISTRY_FACETS; f++) {
        const char *name = registry_facet_name((enum registry_facet)f);
        struct str s = http_query(v->req, name);
        for (size_t k = 0; s.p; s = http_query_nth(v->req, name, ++k))
            if (s.n && s.n <= SEARCH_VALUE_MAX && a->filters < FILTERS_MAX)
                a->filter[a->filters++] = (struct search_value){(unsigned)f, s};
    }
}

static bool chosen(const struct asked *a, unsigned facet, struct str value)
{
    for (size_t i = 0; i < a->filters; i++)
        if (a->filter[i].facet == facet && str_eq(a->filter[i].value, value))
            return true;
    return false;
}

/* ---- addresses --------------------------------------------------------------------- */
static int add_part(struct buf *b, const char *key, struct str value)
{
    int err = buf_addf(b, "%c%s=", str_find(buf_str(b), '?') < b->n ? '&' : '?', key);
    return err ? err : web_url_part(b, value);
}

/* The address of this search with one value more, or one less; facet < 0: as it is. */
static int put_url(struct web_visit *v, const char *key, const struct asked *a, int facet,
                   struct str value, struct str cursor)
{
    struct buf b;
    bool taken = facet >= 0 && chosen(a, (unsigned)facet, value);
    int err;
    buf_init(&b, WEB_URL_MAX);
    err = buf_addc(&b, '/');
    if (!err && a->q.n)
        err = add_part(&b, "q", a->q);
    for (size_t i = 0; i < a->filters && !err; i++)
        if (!taken || a->filter[i].facet != (unsigned)facet ||
            !str_eq(a->filter[i].value, value))
            err =
                add_part(&b, registry_facet_name((enum registry_facet)a->filter[i].facet),
                         a->filter[i].value);
    if (!err && facet >= 0 && !taken)
        err = add_part(&b, registry_facet_name((enum registry_facet)facet), value);
    if (!err && cursor.n)
        err = add_part(&b, "cursor", cursor);
    if (!err)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
    return err == AM_E_TOOBIG ? AM_OK : err; /* no link rather than a cut one */
}

/* ---- facts ------------------------------------------------------------------------- */
static void version_facts(const struct ledger *l, const struct ledger_version *x,
                          struct jw *w)
{
    char hex[CRYPTO_HEX];
    jw_obj(w);
    jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
    jw_kstrz(w, "algorithm_id", x->algorithm_id);
    jw_kstrz(w, "version_label", x->version_label);
    jw_kstrz(w, "org_id", x->org_id);
    jw_kstrz(w, "use_code", x->use_code);
    jw_kstrz(w, "state", ledger_v_name(x->state));
    jw_kstrz(w, "level", ledger_level_name(x->level));
    web_cited_facts(l, x, w);
    jw_obj_end(w);
}

static void facet_facts(struct web_visit *v, const struct search_result *r, struct jw *w)
{
    jw_key(w, "facets");
    jw_arr(w);
    for (int f = 0; f < REGISTRY_FACETS; f++) {
        jw_arr(w);
        for (size_t i = 0; i < r->facet[f].n; i++) {
            struct str value = r->facet[f].v[i].value;
            jw_obj(w);
            jw_kstr(w, "value", value);
            jw_kint(w, "n", r->facet[f].v[i].n);
            if (f == REGISTRY_SPECIALTY)
                jw_kstrz(w, "display", registry_specialty(v->site->registry, value));
            jw_obj_end(w);
        }
        jw_arr_end(w);
    }
    jw_arr_end(w);
}

static int found_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    const struct asked *a = arg;
    struct search_query q = {.text = a->q,
                             .filter = a->filter,
                             .filters = a->filters,
                             .cursor = a->cursor,
                             .limit = PAGE_ROWS};
    struct search_result r;
    int err = registry_search(v->site->registry, &q, &r);
    (void)cosigned;
    if (err == AM_E_SYNTAX || err == AM_E_TOOBIG) { /* an old cursor, a long question */
        q.cursor = STR_NULL;
        q.text = err == AM_E_TOOBIG ? STR("") : a->q;
        err = registry_search(v->site->registry, &q, &r);
    }
    jw_key(w, "versions");
    jw_arr(w);
    for (size_t i = 0; i < r.hit.n && !err; i++) {
        uint8_t digest[32];
        const struct ledger_version *x = NULL;
        if (crypto_unhex(str_c(r.hit.v[i].id), digest, sizeof digest) == AM_OK)
            x = ledger_version_find(l, digest);
        if (x)
            version_facts(l, x, w);
    }
    jw_arr_end(w);
    facet_facts(v, &r, w);
    jw_kint(w, "found", (int64_t)r.total);
    jw_kstrz(w, "next", r.next);
    search_result_release(&r);
    jw_kint(w, "stops", (int64_t)ledger_stops_in_force(l));
    jw_kint(w, "nodes", (int64_t)ledger_nodes(l));
    jw_kint(w, "all", (int64_t)ledger_versions(l));
    return err;
}

/* ---- rows -------------------------------------------------------------------------- */
static int row_auc(struct web_visit *v, const struct json *facts,
                   const struct json *policy, const struct json *x)
{
    struct web_evidence *e = NULL;
    enum label_level level = LABEL_BASE;
    int err = web_evidence_load(v, facts, json_get(x, "evidence"), &e);
    if (err)
        return err;
    if (label_level_parse(json_get_str(x, "level"), &level) || level == LABEL_NONE)
        level = LABEL_BASE;
    web_interval(&v->w, "auc", web_measure(e, NULL, STR("auc"), STR("")),
                 web_gate(policy, STR("auc"), level));
    web_evidence_free(e);
    return AM_OK;
}

static int row(struct web_visit *v, const struct json *facts, const struct json *policy,
               const struct json *x, const struct json *algorithm)
{
    struct jw *w = &v->w;
    struct str name = web_words(v->l, json_get(algorithm, "trade_name")),
               vendor = json_get_str(json_get(algorithm, "developer"), "name");
    int err;
    jw_obj(w);
    jw_kval(w, "id", json_get(x, "digest"));
    jw_kval(w, "algorithm_id", json_get(x, "algorithm_id"));
    jw_kval(w, "version", json_get(x, "version_label"));
    jw_kval(w, "state", json_get(x, "state"));
    jw_kval(w, "level", json_get(x, "level"));
    jw_kstr(w, "name", name.n ? name : web_text_or(json_get_str(x, "algorithm_id")));
    jw_kstr(w, "vendor", vendor.n ? vendor : web_text_or(json_get_str(x, "org_id")));
    jw_kstr(w, "use", web_code(v->l, policy, "uses", json_get_str(x, "use_code")));
    err = row_auc(v, facts, policy, x);
    jw_obj_end(w);
    return err;
}

static int rows(struct web_visit *v, const struct json *facts, const struct json *policy)
{
    int err = AM_OK;
    jw_key(&v->w, "models");
    jw_arr(&v->w);
    for (json_each(it, json_get(facts, "versions"))) {
        struct web_statement s = {0};
        err = web_statement(v, facts, json_get_str(it.val, "algorithm"), &s);
        if (!err)
            err = row(v, facts, policy, it.val, s.s.record);
        web_statement_release(&s);
        if (err)
            break;
    }
    jw_arr_end(&v->w);
    return err;
}

/* ---- facets ------------------------------------------------------------------------ */
static struct str value_text(struct web_visit *v, const struct json *policy,
                             unsigned facet, struct str value, struct str display)
{
    char id[SEARCH_VALUE_MAX + 16];
    const char *group = facet == REGISTRY_LEVEL   ? "level"
                        : facet == REGISTRY_STATE ? "state.v"
                                                  : NULL;
    if (facet == REGISTRY_USE)
        return web_code(v->l, policy, "uses", value);
    if (group) {
        snprintf(id, sizeof id, "%s.%.*s", group, STR_FMT(value));
        return text_has(v->l, id) ? text_get(v->l, id) : value;
    }
    return display.n ? display : value;
}

static int facet(struct web_visit *v, const struct json *policy, const struct asked *a,
                 unsigned f, const struct json *values)
{
    bool open = f == REGISTRY_USE || f == REGISTRY_STATE || f == REGISTRY_LEVEL;
    int err = AM_OK;
    for (size_t i = 0; i < a->filters; i++)
        open = open || a->filter[i].facet == f;
    jw_obj(&v->w);
    jw_kstrz(&v->w, "name", registry_facet_name((enum registry_facet)f));
    jw_kbool(&v->w, "open", open);
    jw_key(&v->w, "values");
    jw_arr(&v->w);
    for (json_each(it, values)) {
        struct str value = json_get_str(it.val, "value");
        if (it.i == LONG_FACET)
            break;
        jw_obj(&v->w);
        jw_kstr(&v->w, "text",
                value_text(v, policy, f, value, json_get_str(it.val, "display")));
        jw_kval(&v->w, "n", json_get(it.val, "n"));
        jw_kbool(&v->w, "on", chosen(a, f, value));
        err = put_url(v, "url", a, (int)f, value, STR_NULL);
        jw_obj_end(&v->w);
        if (err)
            break;
    }
    jw_arr_end(&v->w);
    jw_obj_end(&v->w);
    return err;
}

/* What is asked, each with the address without it; and as fields of the form. */
static int asked_members(struct web_visit *v, const struct json *policy,
                         const struct asked *a)
{
    int err = AM_OK;
    jw_kstr(&v->w, "q", a->q);
    jw_kbool(&v->w, "filtered", a->q.n || a->filters);
    jw_key(&v->w, "asked");
    jw_arr(&v->w);
    for (size_t i = 0; i < a->filters && !err; i++) {
        const struct search_value *f = &a->filter[i];
        const char *display =
            f->facet == REGISTRY_SPECIALTY ? "" : NULL; /* the code says enough */
        jw_obj(&v->w);
        jw_kstrz(&v->w, "name", registry_facet_name((enum registry_facet)f->facet));
        jw_kstr(&v->w, "value", f->value);
        jw_kstr(&v->w, "text", value_text(v, policy, f->facet, f->value, str_c(display)));
        err = put_url(v, "url", a, (int)f->facet, f->value, STR_NULL);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    return err;
}

static int facets(struct web_visit *v, const struct json *facts,
                  const struct json *policy, const struct asked *a)
{
    int err = asked_members(v, policy, a);
    jw_key(&v->w, "facets");
    jw_arr(&v->w);
    for (unsigned f = 0; f < REGISTRY_FACETS && !err; f++) {
        const struct json *values = json_at(json_get(facts, "facets"), f);
        if (json_size(values))
            err = facet(v, policy, a, f, values);
    }
    jw_arr_end(&v->w);
    return err;
}

/* ---- the page ---------------------------------------------------------------------- */
static void counts(struct web_visit *v, const struct json *facts)
{
    static const char *const what[] = {"models", "nodes", "stops"};
    static const char *const from[] = {"all", "nodes", "stops"};
    jw_key(&v->w, "counts");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(what); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "what", what[i]);
        jw_kint(&v->w, "n", json_int(json_get(facts, from[i]), 0));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* What would be missed while the index is made is said. */
static void indexing(struct web_visit *v, const struct asked *a)
{
    if (!a->indexing)
        return;
    jw_key(&v->w, "indexing");
    jw_obj(&v->w);
    jw_kint(&v->w, "done", (int64_t)a->done);
    jw_kint(&v->w, "of", (int64_t)a->of);
    jw_obj_end(&v->w);
}

static int page_members(struct web_visit *v, const struct json *facts,
                        const struct json *policy, const struct asked *a)
{
    int64_t found = json_int(json_get(facts, "found"), 0);
    struct str next = json_get_str(facts, "next");
    int err;
    indexing(v, a);
    counts(v, facts);
    err = rows(v, facts, policy);
    if (!err)
        err = facets(v, facts, policy, a);
    jw_kint(&v->w, "found", found);
    jw_kbool(&v->w, "none", found == 0);
    jw_kbool(&v->w, "empty", json_int(json_get(facts, "all"), 0) == 0);
    if (!err && a->cursor.n)
        err = put_url(v, "first", a, -1, STR_NULL, STR_NULL);
    if (!err && next.n)
        err = put_url(v, "next", a, -1, STR_NULL, next);
    return err;
}

int web_page_register(struct web_visit *v)
{
    struct json_doc *facts = NULL, *policy = NULL;
    struct asked a;
    int err;
    read_asked(v, &a);
    a.indexing = registry_indexing(v->site->registry, &a.done, &a.of);
    err = web_facts(v, found_facts, &a, &facts);
    if (!err)
        err = web_blob(v, json_get_str(json_root(facts), "policy"), &policy);
    if (!err) {
        web_open(v);
        err = page_members(v, json_root(facts), json_root(policy), &a);
    }
    if (!err)
        err = web_send(v, 200, "register",
                       (struct web_page){.title_id = "register.title",
                                         .nav = "nav.register",
                                         .feeds = true});
    json_free(policy);
    json_free(facts);
    return err;
}
