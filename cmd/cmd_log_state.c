/* SPDX-License-Identifier: Apache-2.0 */
/* amane log state: what the log says of every version and deployment, at any size. The
 * copy is verified whole; then the entries are folded up to each size asked. */
#include "cmd.h"

#include <stdio.h>

#include "base/clock.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "registry/registry.h"

enum { SIZES_MAX = 4096 };

struct sizes {
    uint64_t v[SIZES_MAX];
    size_t n;
};

/* "3,10,12": rising. */
static int read_sizes(const char *text, struct sizes *s)
{
    struct str rest = str_c(text);
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n);
        struct str one = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
        int64_t v;
        if (s->n == SIZES_MAX || str_int(one, 0, INT64_MAX, &v) ||
            (s->n && (uint64_t)v <= s->v[s->n - 1]))
            return AM_E_INVALID;
        s->v[s->n++] = (uint64_t)v;
        rest.p += one.n + (comma ? 1 : 0);
        rest.n -= one.n + (comma ? 1 : 0);
        if (comma && !rest.n)
            return AM_E_INVALID;
    }
    return s->n ? AM_OK : AM_E_INVALID;
}

struct told {
    struct jw *w; /* NULL: text */
    const struct ledger *l;
};

static void tell_versions(const struct told *t)
{
    char hex[CRYPTO_HEX], due[TIME_TEXT];
    if (t->w) {
        jw_key(t->w, "versions");
        jw_arr(t->w);
    }
    for (size_t i = 0; i < ledger_versions(t->l); i++) {
        const struct ledger_version *v = ledger_version_at(t->l, i);
        crypto_hex(v->digest, 32, hex);
        if (!t->w) {
            printf("  %s  %-16s %-12s %-12s %s %s\n", hex, ledger_v_name(v->state),
                   ledger_level_name(v->level), ledger_registry_status(v),
                   v->algorithm_id, v->version_label);
            continue;
        }
        jw_obj(t->w);
        jw_kstrz(t->w, "model_digest", hex);
        jw_kstrz(t->w, "algorithm_id", v->algorithm_id);
        jw_kstrz(t->w, "version_label", v->version_label);
        jw_kstrz(t->w, "state", ledger_v_name(v->state));
        jw_kstrz(t->w, "level", ledger_level_name(v->level));
        jw_kstrz(t->w, "registry_status", ledger_registry_status(v));
        jw_kstrz(t->w, "expires_at",
                 v->expires_at ? time_format(v->expires_at, due) : NULL);
        jw_obj_end(t->w);
    }
    if (t->w)
        jw_arr_end(t->w);
}

static void tell_deployments(const struct told *t)
{
    char hex[CRYPTO_HEX];
    if (t->w) {
        jw_key(t->w, "deployments");
        jw_arr(t->w);
    }
    for (size_t i = 0; i < ledger_deployments(t->l); i++) {
        const struct ledger_deployment *p = ledger_deployment_at(t->l, i);
        const char *effective =
            ledger_p_name(ledger_effective(t->l, p, ledger_latest_at(t->l)));
        crypto_hex(p->model_digest, 32, hex);
        if (!t->w) {
            printf("  %s  %-16s %-12s %s %s\n", p->id, ledger_p_name(p->phase), effective,
                   p->establishment, p->use_code);
            continue;
        }
        jw_obj(t->w);
        jw_kstrz(t->w, "id", p->id);
        jw_kstrz(t->w, "model_digest", hex);
        jw_kstrz(t->w, "establishment", p->establishment);
        jw_kstrz(t->w, "gst", p->gst);
        jw_kstrz(t->w, "use_code", p->use_code);
        jw_kstrz(t->w, "phase", ledger_p_name(p->phase));
        jw_kstrz(t->w, "effective", effective);
        jw_obj_end(t->w);
    }
    if (t->w)
        jw_arr_end(t->w);
}

static void tell_stops(const struct told *t)
{
    char hex[CRYPTO_HEX];
    if (t->w) {
        jw_key(t->w, "stops");
        jw_arr(t->w);
    }
    for (size_t i = 0; i < ledger_stops(t->l); i++) {
        const struct ledger_stop *s = ledger_stop_at(t->l, i);
        if (s->lifted)
            continue;
        crypto_hex(s->order, 32, hex);
        if (!t->w)
            printf("  %s  stop, %s, entry %llu\n", hex, ledger_scope_name(s->scope),
                   (unsigned long long)s->index);
        else {
            jw_obj(t->w);
            jw_kstrz(t->w, "order", hex);
            jw_kstrz(t->w, "scope", ledger_scope_name(s->scope));
            jw_kint(t->w, "index", (int64_t)s->index);
            jw_obj_end(t->w);
        }
    }
    if (t->w)
        jw_arr_end(t->w);
}

static void tell(const struct told *t)
{
    char at[TIME_TEXT];
    const char *when = ledger_size(t->l) ? time_format(ledger_latest_at(t->l), at) : NULL;
    if (t->w) {
        jw_obj(t->w);
        jw_kint(t->w, "tree_size", (int64_t)ledger_size(t->l));
        jw_kstrz(t->w, "at", when);
    } else {
        printf("%llu entries, %s\n", (unsigned long long)ledger_size(t->l),
               when ? when : "-");
    }
    tell_versions(t);
    tell_deployments(t);
    tell_stops(t);
    if (t->w)
        jw_obj_end(t->w);
}

static int fold_one(struct ledger *l, struct tlog *log, bool public)
{
    struct buf leaf;
    int err;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    err = tlog_entry(log, ledger_size(l), &leaf);
    if (!err)
        err = ledger_apply(l, buf_str(&leaf));
    if (err == AM_E_NOTFOUND && public) /* a case or a deposit: not for everybody */
        err = ledger_apply_withheld(l, buf_str(&leaf));
    buf_release(&leaf);
    return err;
}

static int fold(const char *dir, struct blob_store *blobs, const struct sizes *s,
                bool public, struct jw *w)
{
    struct tlog_config config = {0};
    struct tlog *log = NULL;
    struct ledger *l = NULL;
    char path[4096];
    int err;
    snprintf(path, sizeof path, "%s/log", dir);
    config.dir = path;
    err = tlog_open(&log, &config);
    if (!err)
        err = ledger_new(&l, blobs);
    for (size_t i = 0; i < s->n && !err; i++) {
        while (!err && ledger_size(l) < s->v[i])
            err = fold_one(l, log, public);
        if (!err)
            tell(&(struct told){.w = w, .l = l});
    }
    ledger_free(l);
    tlog_close(log);
    return err;
}

/* The newest: the fold that was verified. Sizes: folded again, up to each. */
static int state(const char *dir, struct registry_copy *c, const struct ledger *newest,
                 const struct sizes *s, bool public, bool json)
{
    struct buf b;
    struct jw w;
    int err = AM_OK;
    buf_init(&b, 256 << 20);
    jw_init(&w, &b);
    if (json)
        jw_arr(&w);
    if (s->n)
        err = fold(dir, registry_copy_blobs(c), s, public, json ? &w : NULL);
    else
        tell(&(struct told){.w = json ? &w : NULL, .l = newest});
    if (json && !err) {
        jw_arr_end(&w);
        err = cmd_out_json(&w, &b);
    }
    buf_release(&b);
    return err;
}

int cmd_log_state(const char *dir, const char *at, const char *genesis, bool public,
                  bool json)
{
    struct ledger_verify_report r = {0};
    struct registry_copy *c = NULL;
    struct ledger *newest = NULL;
    struct sizes s = {.n = 0};
    struct diag d;
    int err;
    diag_init(&d);
    if (at && read_sizes(at, &s)) {
        diag_err(&d, "--at", "log.sizes", "one size, or sizes that rise: 10,20");
        err = cmd_fail("read", at, AM_E_USAGE, &d);
        diag_release(&d);
        return err;
    }
    err = registry_copy_open(&c, dir, &d);
    if (!err) /* what does not hold has no state to tell */
        err = ledger_verify_from(dir, registry_copy_blobs(c),
                                 public ? LEDGER_VERIFY_PUBLIC : LEDGER_VERIFY_ALL,
                                 str_c(genesis), &r, &newest, &d);
    if (!err && at && s.v[s.n - 1] > r.size) {
        char size[24];
        snprintf(size, sizeof size, "%llu", (unsigned long long)r.size);
        diag_err(&d, "--at", "log.beyond", "the log has %s entries", size);
        diag_arg(&d, "size", size);
        err = AM_E_INVALID;
    }
    if (!err)
        err = state(dir, c, newest, &s, public, json);
    if (err)
        err = cmd_fail("verify", dir, err, &d);
    ledger_free(newest);
    registry_copy_close(c);
    diag_release(&d);
    return err;
}
