/* SPDX-License-Identifier: Apache-2.0 */
/* What a version is called, for lists: trade name and version, out of its algorithm's
 * record. An identifier is shown beneath; it is no name. */
#include "web/web_site_priv.h"

struct named {
    struct web_visit *v;
    uint8_t digest[32];
    char algorithm[CRYPTO_HEX], id[LEDGER_ID_MAX], label[LEDGER_ID_MAX];
    struct buf base;
};

static int find(struct named *n, const struct ledger *l)
{
    const struct ledger_version *x = ledger_version_find(l, n->digest);
    if (!x)
        return AM_E_NOTFOUND;
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    snprintf(n->id, sizeof n->id, "%s", x->algorithm_id);
    snprintf(n->label, sizeof n->label, "%s", x->version_label);
    if (a)
        crypto_hex(a->payload, 32, n->algorithm);
    return buf_add(&n->base, ledger_type_base(l));
}

static int in_registry(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    return find(arg, l);
}

static int in_node(void *arg, const struct ledger *l)
{
    return find(arg, l);
}

static int trade_name(const struct named *n, struct buf *out)
{
    struct web_statement a = {0};
    struct json_doc *facts = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstr(&w, "type_base", buf_str(&n->base));
    jw_obj_end(&w);
    int err = jw_done(&w);
    if (!err)
        err = json_parse(&facts, buf_str(&b), NULL, NULL);
    if (!err && n->algorithm[0])
        err = web_statement(n->v, json_root(facts), str_c(n->algorithm), &a);
    struct str name =
        err ? STR_NULL : web_words(n->v->l, json_get(a.s.record, "trade_name"));
    if (!err || err == AM_E_NOTFOUND) /* a copy without that blob still has the id */
        err = buf_addf(out, "%.*s %s", STR_FMT(name.n ? name : str_c(n->id)), n->label);
    web_statement_release(&a);
    json_free(facts);
    buf_release(&b);
    return err;
}

int web_known_as(struct web_visit *v, struct str digest, struct buf *out)
{
    struct named n = {.v = v};
    buf_init(&n.base, 4096);
    int err = crypto_unhex(digest, n.digest, 32);
    if (!err)
        err = v->site->registry ? registry_view(v->site->registry, in_registry, &n)
                                : node_view(v->site->node, in_node, &n);
    if (!err)
        err = trade_name(&n, out);
    buf_release(&n.base);
    return err;
}

void web_kname(struct web_visit *v, const char *key, struct str digest)
{
    struct buf b;
    buf_init(&b, 8192);
    if (web_known_as(v, digest, &b) == AM_OK)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
}

void web_named_rows(struct web_visit *v, const char *key, const struct json *rows,
                    const char *within, const char *digest)
{
    jw_key(&v->w, key);
    jw_arr(&v->w);
    for (json_each(it, rows)) {
        const struct json *of = within ? json_get(it.val, within) : it.val;
        jw_obj(&v->w);
        for (json_each(m, it.val)) {
            jw_keyn(&v->w, m.key);
            jw_val(&v->w, m.val);
        }
        web_kname(v, "name", json_get_str(of, digest));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}
