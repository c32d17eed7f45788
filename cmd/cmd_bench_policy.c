/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_bench_policy.h"

#include <math.h>

#include "bench/bench.h"
#include "embed/embed.h"

enum { POLICY_FILE_MAX = 64 << 20 };

/* ---- reading --------------------------------------------------------------------------
 */
static int read_text(struct cmd_bench_policy *p, const char *path, struct diag *d)
{
    const struct embed_file *f = embed_find("policy/label-matrix.json");
    size_t n = 0;
    int err;
    if (!path) {
        am_assert(f); /* the program was built without its policy */
        p->bytes = (struct str){(const char *)f->data, f->size};
        return AM_OK;
    }
    err = am_file_read(path, POLICY_FILE_MAX, &p->text, &n);
    if (err)
        diag_err(d, path, "file", "%s", am_err_text(err));
    p->bytes = (struct str){p->text, n};
    return err;
}

static int digest(struct cmd_bench_policy *p)
{
    uint8_t sum[CRYPTO_SHA256];
    struct buf b;
    int err;
    buf_init(&b, POLICY_FILE_MAX);
    err = json_canon(&b, json_root(p->doc));
    crypto_sha256(buf_str(&b), sum);
    crypto_hex(sum, sizeof sum, p->sha256);
    buf_release(&b);
    return err;
}

int cmd_bench_policy_read(struct cmd_bench_policy *p, const char *path, struct diag *d)
{
    struct diag own;
    int err;
    *p = (struct cmd_bench_policy){.text = NULL};
    diag_init(&own);
    err = read_text(p, path, d);
    if (!err)
        err = json_parse(&p->doc, p->bytes, NULL, &own);
    diag_merge(d, &own, path ? path : "");
    diag_release(&own);
    if (!err)
        err = label_policy_new(&p->policy, json_root(p->doc), d);
    if (!err)
        err = digest(p);
    if (err)
        cmd_bench_policy_release(p);
    return err;
}

void cmd_bench_policy_release(struct cmd_bench_policy *p)
{
    label_policy_free(p->policy);
    json_free(p->doc);
    free(p->text);
    *p = (struct cmd_bench_policy){.text = NULL};
}

/* ---- verdicts -------------------------------------------------------------------------
 */
static void requirement_json(struct jw *w, const struct label_row *r)
{
    bool absent = !strcmp(r->reason, "no_evidence") && !bench_feeds(r->id);
    jw_obj(w);
    jw_kstrz(w, "id", r->id);
    jw_kstrz(w, "level", label_level_name(r->level));
    jw_kstrz(w, "verdict", label_verdict_name(r->verdict));
    jw_knum(w, "value", r->value);
    jw_key(w, "ci95");
    if (isnan(r->ci95[0]) || isnan(r->ci95[1])) {
        jw_null(w);
    } else {
        jw_arr(w);
        jw_num(w, r->ci95[0]);
        jw_num(w, r->ci95[1]);
        jw_arr_end(w);
    }
    jw_knum(w, "threshold", r->threshold);
    jw_kstrz(w, "op", r->op);
    jw_kstrz(w, "param", r->param);
    jw_kstrz(w, "reason", absent ? "family_not_available" : r->reason);
    jw_key(w, "additional_positives");
    if (r->additional_positives < 0)
        jw_null(w);
    else
        jw_int(w, r->additional_positives);
    jw_obj_end(w);
}

static void policy_json(const struct cmd_bench_policy *p, struct jw *w)
{
    const struct json *root = json_root(p->doc), *name = json_get(root, "name");
    jw_key(w, "policy");
    jw_obj(w);
    jw_key(w, "name");
    if (name) {
        jw_val(w, name);
    } else { /* the matrix alone has one name for all languages */
        static const char *const lang[] = {"fr", "ar", "en"};
        jw_obj(w);
        for (size_t i = 0; i < AM_LEN(lang); i++) {
            jw_key(w, lang[i]);
            jw_strf(w, "%.*s %.*s", STR_FMT(json_get_str(root, "label")),
                    STR_FMT(json_get_str(root, "version")));
        }
        jw_obj_end(w);
    }
    jw_kstrz(w, "sha256", p->sha256);
    jw_kbool(w, "national", label_policy_national(p->policy));
    jw_obj_end(w);
}

static void verdicts_json(const struct cmd_bench_policy *p, enum label_level level,
                          const struct label_result *asked,
                          const struct label_result *all, struct jw *w)
{
    jw_kstrz(w, "requested_level", label_level_name(level));
    jw_kstrz(w, "level", label_level_name(asked->reached));
    jw_kstrz(w, "outcome", asked->outcome);
    jw_kbool(w, "national", label_policy_national(p->policy));
    jw_key(w, "requirements");
    jw_arr(w);
    for (size_t i = 0; i < all->n; i++)
        requirement_json(w, &all->row[i]);
    jw_arr_end(w);
    jw_key(w, "undemonstrated_groups");
    jw_arr(w);
    for (size_t i = 0; i < all->n_undemonstrated; i++)
        jw_strz(w, all->undemonstrated[i]);
    jw_arr_end(w);
}

int cmd_bench_verdicts(const struct cmd_bench_policy *p, const struct cmd_bench_asked *a,
                       struct jw *w, char said[160], struct diag *d)
{
    struct label_result asked = {0}, all = {0};
    int err = label_evaluate(p->policy, a->record, a->evidence, a->n, a->level, a->at,
                             &asked, d);
    if (!err)
        err = label_evaluate(p->policy, a->record, a->evidence, a->n, LABEL_ADVANCED,
                             a->at, &all, d);
    if (!err) {
        policy_json(p, w);
        verdicts_json(p, a->level, &asked, &all, w);
    }
    if (!err && said)
        snprintf(said, 160, "%s, level %s%s", asked.outcome,
                 label_level_name(asked.reached),
                 label_policy_national(p->policy) ? "" : " (not a national label)");
    label_result_release(&asked);
    label_result_release(&all);
    return err;
}
