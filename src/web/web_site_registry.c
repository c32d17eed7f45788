/* SPDX-License-Identifier: Apache-2.0 */
/* The public register: the list, the witnesses, how to verify. */
#include <math.h>

#include "base/clock.h"
#include "web/web_site_priv.h"

enum { PAGE_ROWS = 25, SEARCH_MAX = 200 };

/* ---- the list
 * ----------------------------------------------------------------------- */
static int list_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    size_t stops = 0;
    (void)v;
    (void)cosigned;
    (void)arg;
    jw_key(w, "versions");
    jw_arr(w);
    for (size_t i = ledger_versions(l); i-- > 0;) { /* newest first */
        const struct ledger_version *x = ledger_version_at(l, i);
        const struct ledger_algorithm *a =
            ledger_algorithm_find(l, str_c(x->algorithm_id));
        char hex[CRYPTO_HEX];
        jw_obj(w);
        jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
        jw_kstrz(w, "algorithm_id", x->algorithm_id);
        jw_kstrz(w, "version_label", x->version_label);
        jw_kstrz(w, "org_id", x->org_id);
        jw_kstrz(w, "use_code", x->use_code);
        jw_kstrz(w, "state", ledger_v_name(x->state));
        jw_kstrz(w, "level", ledger_level_name(x->level));
        if (a)
            jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
        jw_key(w, "evidence");
        jw_arr(w);
        for (size_t k = 0; k < x->evidence.n; k++)
            jw_strz(w, crypto_hex(x->evidence.v[k].payload, 32, hex));
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    for (size_t i = 0; i < ledger_stops(l); i++)
        stops += !ledger_stop_at(l, i)->lifted;
    jw_kint(w, "stops", (int64_t)stops);
    jw_kint(w, "nodes", (int64_t)ledger_nodes(l));
    return AM_OK;
}

struct filter {
    struct str state, level;
    struct buf q; /* folded */
};

static bool contains(struct str where, struct str what)
{
    for (size_t i = 0; i + what.n <= where.n; i++)
        if (!memcmp(where.p + i, what.p, what.n))
            return true;
    return what.n == 0;
}

static int add_words(struct buf *b, const struct json *v)
{
    int err = AM_OK;
    if (json_type(v) == JSON_STRING)
        err = buf_add(b, json_str(v));
    else
        for (json_each(it, v))
            if (!err && json_type(it.val) == JSON_STRING)
                err = buf_addf(b, " %.*s", STR_FMT(json_str(it.val)));
    return err ? err : buf_addc(b, ' ');
}

/* Is the searched text in a name, an identifier or the vendor? */
static int fits(const struct filter *f, const struct json *x,
                const struct json *algorithm, bool *yes)
{
    struct buf all, folded;
    buf_init(&all, 1 << 16);
    buf_init(&folded, 1 << 16);
    int err = add_words(&all, json_get(algorithm, "trade_name"));
    if (!err)
        err = add_words(&all, json_get(algorithm, "short_name"));
    if (!err)
        err = add_words(&all, json_get(json_get(algorithm, "developer"), "name"));
    static const char *const id[] = {"digest", "algorithm_id", "org_id", "use_code",
                                     "version_label"};
    for (size_t i = 0; i < AM_LEN(id) && !err; i++)
        err = add_words(&all, json_get(x, id[i]));
    if (!err)
        err = web_fold(&folded, buf_str(&all));
    *yes = !err && contains(buf_str(&folded), buf_str(&f->q));
    buf_release(&folded);
    buf_release(&all);
    return err;
}

static int row_auc(struct web_visit *v, const struct json *facts,
                   const struct json *policy, const struct json *x)
{
    struct web_evidence *e = NULL;
    int err = web_evidence_load(v, facts, json_get(x, "evidence"), &e);
    if (err)
        return err;
    enum label_level level = LABEL_BASE;
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
    jw_obj(w);
    jw_kval(w, "id", json_get(x, "digest"));
    jw_kval(w, "algorithm_id", json_get(x, "algorithm_id"));
    jw_kval(w, "version", json_get(x, "version_label"));
    jw_kval(w, "state", json_get(x, "state"));
    jw_kval(w, "level", json_get(x, "level"));
    jw_kstr(w, "name", name.n ? name : web_text_or(json_get_str(x, "algorithm_id")));
    jw_kstr(w, "vendor", vendor.n ? vendor : web_text_or(json_get_str(x, "org_id")));
    jw_kstr(w, "use", web_code(v->l, policy, "uses", json_get_str(x, "use_code")));
    int err = row_auc(v, facts, policy, x);
    jw_obj_end(w);
    return err;
}

static int rows(struct web_visit *v, const struct json *facts, const struct json *policy,
                const struct filter *f, int64_t from, int64_t *found)
{
    int err = AM_OK;
    jw_key(&v->w, "models");
    jw_arr(&v->w);
    for (json_each(it, json_get(facts, "versions"))) {
        struct json_doc *doc = NULL;
        struct web_statement s = {0};
        bool yes = true;
        if ((f->state.n && !str_eq(f->state, json_get_str(it.val, "state"))) ||
            (f->level.n && !str_eq(f->level, json_get_str(it.val, "level"))))
            continue;
        bool shown = *found >= from && *found < from + PAGE_ROWS;
        if (f->q.n || shown)
            err = web_statement(v, facts, json_get_str(it.val, "algorithm"), &s);
        if (!err && f->q.n)
            err = fits(f, it.val, s.s.record, &yes);
        shown = yes && *found >= from && *found < from + PAGE_ROWS;
        if (!err && shown)
            err = row(v, facts, policy, it.val, s.s.record);
        *found += yes;
        web_statement_release(&s);
        json_free(doc);
        if (err)
            break;
    }
    jw_arr_end(&v->w);
    return err;
}

static void choices(struct web_visit *v, const char *key, const char *const *value,
                    size_t n, struct str selected)
{
    jw_key(&v->w, key);
    jw_arr(&v->w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "value", value[i]);
        jw_kbool(&v->w, "selected", str_eqc(selected, value[i]));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* Only known words filter: what the address says otherwise is ignored. */
static void read_filter(struct web_visit *v, struct filter *f, struct str *q)
{
    enum ledger_level level;
    f->state = http_query(v->req, "state");
    f->level = http_query(v->req, "level");
    bool known = false;
    for (int s = LEDGER_V_DECLARED; s < LEDGER_V_STATES; s++)
        known = known || str_eqc(f->state, ledger_v_name((enum ledger_v)s));
    if (!known)
        f->state = STR_NULL;
    if (ledger_level_parse(f->level, &level))
        f->level = STR_NULL;
    *q = str_trim(web_text_or(http_query(v->req, "q")));
    if (q->n > SEARCH_MAX)
        *q = STR("");
}

static void filter_form(struct web_visit *v, const struct filter *f, struct str q)
{
    const char *state[LEDGER_V_STATES], *level[LEDGER_ADVANCED + 1];
    size_t n = 0;
    for (int s = LEDGER_V_DECLARED; s < LEDGER_V_STATES; s++)
        state[n++] = ledger_v_name((enum ledger_v)s);
    choices(v, "states", state, n, f->state);
    for (int i = 0; i <= LEDGER_ADVANCED; i++)
        level[i] = ledger_level_name((enum ledger_level)i);
    choices(v, "levels", level, AM_LEN(level), f->level);
    jw_kstr(&v->w, "q", q);
    jw_kbool(&v->w, "filtered", q.n || f->state.n || f->level.n);
}

static int page_link(struct web_visit *v, const char *key, int64_t page,
                     const struct filter *f, struct str q)
{
    struct buf b;
    buf_init(&b, WEB_URL_MAX);
    int err = buf_addf(&b, "/?page=%lld&state=%.*s&level=%.*s&q=", (long long)page,
                       STR_FMT(web_text_or(f->state)), STR_FMT(web_text_or(f->level)));
    if (!err)
        err = web_url_part(&b, q);
    if (!err)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
    return err;
}

static void counts(struct web_visit *v, const struct json *facts)
{
    static const char *const what[] = {"models", "nodes", "stops"};
    const int64_t n[] = {(int64_t)json_size(json_get(facts, "versions")),
                         json_int(json_get(facts, "nodes"), 0),
                         json_int(json_get(facts, "stops"), 0)};
    jw_key(&v->w, "counts");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(what); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "what", what[i]);
        jw_kint(&v->w, "n", n[i]);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

int web_page_register(struct web_visit *v)
{
    struct json_doc *facts = NULL, *policy = NULL;
    struct filter f = {0};
    struct str q;
    int64_t page = 0, found = 0;
    read_filter(v, &f, &q);
    if (str_int(http_query(v->req, "page"), 0, 100000, &page))
        page = 0;
    buf_init(&f.q, 4 * SEARCH_MAX);
    int err = web_fold(&f.q, q);
    if (!err)
        err = web_facts(v, list_facts, NULL, &facts);
    if (!err)
        err = web_blob(v, json_get_str(json_root(facts), "policy"), &policy);
    if (!err) {
        web_open(v);
        counts(v, json_root(facts));
        filter_form(v, &f, q);
        err = rows(v, json_root(facts), json_root(policy), &f, page * PAGE_ROWS, &found);
    }
    if (!err) {
        jw_kint(&v->w, "found", found);
        jw_kbool(&v->w, "none", found == 0);
        jw_kbool(&v->w, "empty", json_size(json_get(json_root(facts), "versions")) == 0);
        if (page > 0)
            err = page_link(v, "previous", page - 1, &f, q);
        if (!err && found > (page + 1) * PAGE_ROWS)
            err = page_link(v, "next", page + 1, &f, q);
    }
    if (!err)
        err = web_send(
            v, 200, "register",
            (struct web_page){.title_id = "register.title", .nav = "nav.register"});
    json_free(policy);
    json_free(facts);
    buf_release(&f.q);
    return err;
}

/* ---- witnesses
 * ---------------------------------------------------------------------- */
static int witness_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    const struct tlog_policy *p = ledger_quorum(l);
    (void)v;
    (void)cosigned;
    (void)arg;
    jw_key(w, "quorum");
    jw_arr(w);
    for (size_t i = 0; p && i < tlog_policy_witnesses(p); i++)
        jw_strz(w, tlog_policy_witness(p, i)->key.name);
    jw_arr_end(w);
    jw_key(w, "traces");
    jw_arr(w);
    for (size_t i = 0; i < ledger_nodes(l); i++) {
        const struct ledger_node *n = ledger_node_at(l, i);
        jw_obj(w);
        jw_kstrz(w, "name", n->name);
        jw_kstrz(w, "org", n->org_id);
        jw_kint(w, "size", (int64_t)n->last.size);
        jw_kint(w, "index", (int64_t)n->index);
        jw_kint(w, "at", n->at);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

/* A witness is silent when its last cosignature is older than ten minutes or it never
 * gave one: the register asks again every minute. */
enum { SILENT_S = 600 };

static void witness_rows(struct web_visit *v, const struct json *quorum, uint64_t size)
{
    struct registry_witness *seen = am_calloc(64, sizeof *seen);
    size_t n = seen ? registry_witnesses(v->site->registry, seen, 64) : 0;
    bool alarm = false;
    jw_key(&v->w, "witnesses");
    jw_arr(&v->w);
    for (json_each(it, quorum)) {
        const struct registry_witness *x = NULL;
        for (size_t i = 0; i < n; i++)
            if (str_eqc(json_str(it.val), seen[i].name))
                x = &seen[i];
        bool silent = !x || !x->at || v->now - x->at > SILENT_S * TIME_SECOND;
        jw_obj(&v->w);
        jw_kstr(&v->w, "name", json_str(it.val));
        jw_kstrz(&v->w, "state", silent ? "silent" : "up");
        if (x && x->at) {
            jw_kint(&v->w, "size", (int64_t)x->size);
            jw_kint(&v->w, "at", x->at);
            jw_kint(&v->w, "behind", size > x->size ? (int64_t)(size - x->size) : 0);
        }
        jw_kbool(&v->w, "refused", x && x->refused);
        jw_obj_end(&v->w);
        alarm = alarm || (x && x->refused);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "alarm", alarm);
    free(seen);
}

int web_page_witnesses(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    struct tlog_checkpoint head;
    int err = web_facts(v, witness_facts, NULL, &facts);
    if (err)
        return err;
    const struct json *f = json_root(facts);
    tlog_head(registry_log(v->site->registry), &head);
    web_open(v);
    jw_kint(&v->w, "size", (int64_t)head.size);
    jw_kval(&v->w, "cosigned", json_get(f, "cosigned"));
    witness_rows(v, json_get(f, "quorum"), head.size);
    jw_kval(&v->w, "traces", json_get(f, "traces"));
    jw_kbool(&v->w, "has_traces", json_size(json_get(f, "traces")) > 0);
    jw_kbool(&v->w, "no_witness", json_size(json_get(f, "quorum")) == 0);
    err =
        web_send(v, 200, "witnesses",
                 (struct web_page){.title_id = "witness.title", .nav = "nav.witnesses"});
    json_free(facts);
    return err;
}

/* ---- how to verify
 * ------------------------------------------------------------------ */
int web_page_verify(struct web_visit *v)
{
    struct tlog *log = registry_log(v->site->registry);
    struct json_doc *facts = NULL;
    struct tlog_checkpoint head;
    char hex[CRYPTO_HEX];
    struct buf key;
    buf_init(&key, 1024);
    int err = tlog_vkey_format(tlog_key(log), &key);
    if (!err)
        err = web_facts(v, NULL, NULL, &facts);
    if (!err) {
        const struct json *f = json_root(facts);
        tlog_head(log, &head);
        web_open(v);
        jw_kval(&v->w, "genesis", json_get(f, "genesis"));
        jw_kval(&v->w, "origin", json_get(f, "origin"));
        jw_kval(&v->w, "policy", json_get(f, "policy"));
        jw_kstr(&v->w, "key", buf_str(&key));
        jw_kint(&v->w, "size", (int64_t)head.size);
        jw_kstrz(&v->w, "root", crypto_hex(head.root.h, TLOG_HASH, hex));
        jw_key(&v->w, "command");
        jw_strf(&v->w, "amane log verify DIR --genesis %.*s",
                STR_FMT(json_get_str(f, "genesis")));
        err =
            web_send(v, 200, "verify",
                     (struct web_page){.title_id = "verify.title", .nav = "nav.verify"});
    }
    json_free(facts);
    buf_release(&key);
    return err;
}
