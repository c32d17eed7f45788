/* SPDX-License-Identifier: Apache-2.0 */
/* The public register: the witnesses, how to verify. */
#include "base/clock.h"
#include "web/web_site_priv.h"

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
