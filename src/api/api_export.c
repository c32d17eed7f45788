/* SPDX-License-Identifier: Apache-2.0 */
/* The register as a table to take away: CSV (RFC 4180) and JSON, each bound to a tree
 * size and its root, so that whoever holds it can say which register it was. */
#include "api/api_priv.h"

struct api_export {
    struct api_call *c;
    struct json_doc *doc; /* {tree_size, items} */
    struct buf b;
};

static const char *const api_column[] = {
    "model_digest", "algorithm_id",  "version_label",   "org_id",       "use_code",
    "state",        "level",         "registry_status", "declared",     "decision",
    "expires_at",   "trade_name_fr", "trade_name_ar",   "trade_name_en"};

static void api_export_row(const struct ledger *l, const struct ledger_version *v,
                           struct jw *w)
{
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(v->algorithm_id));
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "model_digest", crypto_hex(v->digest, 32, hex));
    jw_kstrz(w, "algorithm_id", v->algorithm_id);
    jw_kstrz(w, "version_label", v->version_label);
    jw_kstrz(w, "org_id", v->org_id);
    jw_kstrz(w, "use_code", v->use_code);
    jw_kstrz(w, "state", ledger_v_name(v->state));
    jw_kstrz(w, "level", ledger_level_name(v->level));
    jw_kstrz(w, "registry_status", ledger_registry_status(v));
    jw_kint(w, "declared", (int64_t)v->declared.index);
    if (v->decision.index)
        jw_kint(w, "decision", (int64_t)v->decision.index);
    if (v->expires_at)
        jw_kstrz(w, "expires_at", time_format(v->expires_at, at));
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    jw_obj_end(w);
}

static int api_export_facts(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_export *x = arg;
    struct jw w;
    jw_init(&w, &x->b);
    jw_obj(&w);
    jw_kint(&w, "tree_size", (int64_t)ledger_size(l));
    jw_kint(&w, "cosigned_size", (int64_t)cosigned);
    jw_key(&w, "items");
    jw_arr(&w);
    for (size_t i = 0; i < ledger_versions(l); i++)
        api_export_row(l, ledger_version_at(l, i), &w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Names are in the statements: read outside the lock. A withheld one leaves no name. */
static int api_export_name(struct api_call *c, const struct json *row,
                           struct json_doc **out, const struct json **name)
{
    uint8_t digest[32];
    struct buf b;
    int err;
    *name = NULL;
    if (crypto_unhex(json_get_str(row, "algorithm"), digest, sizeof digest))
        return AM_OK;
    buf_init(&b, (size_t)4 << 20);
    err = blob_get(registry_blobs(c->api->r), digest, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    if (!err)
        *name = json_pointer(json_root(*out), STR("/predicate/trade_name"));
    buf_release(&b);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* A cell that a spreadsheet would run as a formula gets an apostrophe before it. */
static int api_csv_cell(struct buf *b, struct str s, bool first)
{
    int err = first ? AM_OK : buf_addc(b, ',');
    if (!err)
        err = buf_addc(b, '"');
    if (!err && s.n && strchr("=+-@\t\r", s.p[0]))
        err = buf_addc(b, '\'');
    for (size_t i = 0; i < s.n && !err; i++) {
        if (s.p[i] == '"')
            err = buf_addc(b, '"');
        if (!err)
            err = buf_addc(b, s.p[i]);
    }
    return err ? err : buf_addc(b, '"');
}

static int api_csv_value(struct buf *b, const struct json *v, bool first)
{
    char text[32];
    if (!json_is_int(v))
        return api_csv_cell(b, json_str(v), first);
    snprintf(text, sizeof text, "%lld", (long long)json_int(v, 0));
    return api_csv_cell(b, str_c(text), first);
}

static int api_csv_row(struct api_call *c, const struct json *row, struct str tail,
                       struct buf *b)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    struct json_doc *doc = NULL;
    const struct json *name;
    size_t plain = AM_LEN(api_column) - AM_LEN(lang);
    int err = api_export_name(c, row, &doc, &name);
    for (size_t i = 0; i < plain && !err; i++)
        err = api_csv_value(b, json_get(row, api_column[i]), i == 0);
    for (size_t i = 0; i < AM_LEN(lang) && !err; i++)
        err = api_csv_value(b, json_get(name, lang[i]), false);
    json_free(doc);
    return err ? err : buf_add(b, tail);
}

static int api_csv(struct api_call *c, const struct json *facts, struct str root,
                   struct buf *b)
{
    char tail[128];
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(api_column) && !err; i++)
        err = buf_addf(b, "%s%s", i ? "," : "", api_column[i]);
    if (!err)
        err = buf_adds(b, ",tree_size,root\r\n");
    snprintf(tail, sizeof tail, ",\"%lld\",\"%.*s\"\r\n",
             (long long)json_int(json_get(facts, "tree_size"), 0), STR_FMT(root));
    for (json_each(it, json_get(facts, "items")))
        if (!err)
            err = api_csv_row(c, it.val, str_c(tail), b);
    return err;
}

static int api_json_export(struct api_call *c, const struct json *facts, struct str root)
{
    struct jw *w = &c->w;
    int err = AM_OK;
    jw_obj(w);
    jw_kval(w, "tree_size", json_get(facts, "tree_size"));
    jw_kval(w, "cosigned_size", json_get(facts, "cosigned_size"));
    jw_kstr(w, "root", root);
    jw_key(w, "items");
    jw_arr(w);
    for (json_each(it, json_get(facts, "items"))) {
        struct json_doc *doc = NULL;
        const struct json *name = NULL;
        if (!err)
            err = api_export_name(c, it.val, &doc, &name);
        jw_obj(w);
        for (json_each(m, it.val))
            if (!str_eqc(m.key, "algorithm")) {
                jw_keyn(w, m.key);
                jw_val(w, m.val);
            }
        if (name)
            jw_kval(w, "trade_name", name);
        jw_obj_end(w);
        json_free(doc);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return err ? err : jw_done(w);
}

static int api_export_root(struct api_call *c, uint64_t size, struct buf *out)
{
    struct tlog_hash root;
    int err = tlog_root_at(registry_log(c->api->r), size, &root);
    return err ? err : crypto_base64(out, (struct str){(char *)root.h, sizeof root.h});
}

static void api_export_headers(struct api_call *c, uint64_t size, bool csv)
{
    char name[80];
    snprintf(name, sizeof name, "attachment; filename=\"register-%llu.%s\"",
             (unsigned long long)size, csv ? "csv" : "json");
    http_setz(c->req, c->resp, "Content-Type",
              csv ? "text/csv; charset=utf-8; header=present"
                  : "application/json; charset=utf-8");
    http_setz(c->req, c->resp, "Content-Disposition", name);
}

static int api_export(struct api_call *c, bool csv)
{
    struct api_export x = {.c = c};
    struct json_limits limits = {.size_b = (size_t)128 << 20, .values = 8 << 20};
    struct buf root;
    int err;
    buf_init(&x.b, (size_t)128 << 20);
    buf_init(&root, 64);
    err = registry_view(c->api->r, api_export_facts, &x);
    if (!err)
        err = json_parse(&x.doc, buf_str(&x.b), &limits, NULL);
    buf_release(&x.b);
    if (!err) {
        const struct json *f = json_root(x.doc);
        uint64_t size = (uint64_t)json_int(json_get(f, "tree_size"), 0);
        if (!api_unchanged(c, size, csv ? "csv" : "json")) {
            err = api_export_root(c, size, &root);
            if (!err)
                err = csv ? api_csv(c, f, buf_str(&root), &c->resp->body)
                          : api_json_export(c, f, buf_str(&root));
        }
        api_export_headers(c, size, csv);
    }
    json_free(x.doc);
    buf_release(&root);
    return err;
}

int api_h_export_csv(struct api_call *c)
{
    return api_export(c, true);
}

int api_h_export_json(struct api_call *c)
{
    return api_export(c, false);
}
