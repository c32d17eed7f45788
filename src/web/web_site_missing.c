/* SPDX-License-Identifier: Apache-2.0 */
/* "What is missing" in a declared file, level by level: fields a level asks for and the
 * declaration has not, each under the first level that asks; and the rows of the policy
 * that the evidence there is does not pass. */
#include "web/web_site_form.h"
#include "web/web_site_sign_priv.h"

static bool of_algorithm(const struct diag_item *x)
{
    for (size_t i = 0; i < x->args; i++)
        if (!strcmp(x->arg[i].name, "record"))
            return !strcmp(x->arg[i].value, "algorithm");
    return false;
}

static bool told(const struct diag *d, const struct diag_item *x)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->item[i].path, x->path) && !strcmp(d->item[i].code, x->code))
            return true;
    return false;
}

/* What this level asks beyond the one below; how many. */
static int64_t fields(struct web_visit *v, const struct diag *d, const struct diag *below)
{
    int64_t n = 0;
    jw_key(&v->w, "fields");
    jw_arr(&v->w);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_item *x = &d->item[i];
        const struct json *schema = json_root(of_algorithm(x) ? v->site->schema_algorithm
                                                              : v->site->schema_version);
        struct str rest, first;
        if (told(below, x))
            continue;
        rest = str_c(x->path);
        first = str_cut(str_sub(rest, AM_MIN(rest.n, 1), rest.n), '/', &rest);
        struct str label = web_schema_words(
            v->l, schema, json_getn(json_get(schema, "properties"), first), "x-title");
        jw_obj(&v->w);
        jw_kstr(&v->w, "label", label.n ? label : web_text_or(first));
        jw_kstr(&v->w, "path", web_text_or(str_c(x->path)));
        jw_kbool(&v->w, "more", strcmp(x->code, "record.due") != 0);
        jw_key(&v->w, "text");
        web_problem_text(&v->w, v->l, x);
        jw_obj_end(&v->w);
        n++;
    }
    jw_arr_end(&v->w);
    return n;
}

static int64_t rows(struct web_visit *v, const struct label_result *r,
                    enum label_level level)
{
    char id[WEB_ID_MAX];
    int64_t n = 0;
    jw_key(&v->w, "rows");
    jw_arr(&v->w);
    for (size_t i = 0; i < r->n; i++) {
        const struct label_row *x = &r->row[i];
        if (x->level != level ||
            (x->verdict != LABEL_FAIL && x->verdict != LABEL_INSUFFICIENT))
            continue;
        jw_obj(&v->w);
        jw_kstrz(&v->w, "row", x->id);
        jw_kstrz(&v->w, "verdict", label_verdict_name(x->verdict));
        if (x->additional_positives > 0)
            jw_kint(&v->w, "need", x->additional_positives);
        if (x->reason && x->reason[0]) {
            snprintf(id, sizeof id, "why.%s", x->reason);
            jw_kstr(&v->w, "why",
                    text_has(v->l, id) ? text_get(v->l, id) : str_c(x->reason));
        }
        jw_obj_end(&v->w);
        n++;
    }
    jw_arr_end(&v->w);
    return n;
}

static enum label_level label_of(enum ledger_level l)
{
    enum label_level out;
    return label_level_parse(str_c(ledger_level_name(l)), &out) ? LABEL_BASE : out;
}

static void levels(struct web_visit *v, const struct json *algorithm,
                   const struct json *version, const struct label_result *r)
{
    struct diag d[LEDGER_ADVANCED + 1]; /* by level; d[0] stays empty */
    diag_init(&d[0]);
    jw_key(&v->w, "missing");
    jw_arr(&v->w);
    for (size_t l = LEDGER_BASE; l <= LEDGER_ADVANCED; l++) {
        enum ledger_level level = (enum ledger_level)l;
        diag_init(&d[l]);
        registry_due(algorithm, version, level, &d[l]);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "level", ledger_level_name(level));
        int64_t n = fields(v, &d[l], &d[l - 1]), m = rows(v, r, label_of(level));
        jw_kint(&v->w, "fields_n", n);
        jw_kint(&v->w, "rows_n", m);
        jw_kint(&v->w, "n", n + m);
        jw_kbool(&v->w, "some", n + m > 0);
        jw_kbool(&v->w, "open", level == LEDGER_BASE);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    for (size_t l = 0; l < AM_LEN(d); l++)
        diag_release(&d[l]);
}

int web_missing(struct web_visit *v, const struct json *policy,
                const struct json *algorithm, const struct json *version,
                const struct web_evidence *e)
{
    struct label_policy *p = NULL;
    struct label_result r = {0};
    int err = label_policy_new(&p, policy, NULL);
    if (!err)
        err = label_evaluate_from(p, version, e->record, e->all, &e->from, LABEL_ADVANCED,
                                  v->now, &r, NULL);
    if (err != AM_E_NOMEM) {
        levels(v, algorithm, version, &r);
        err = AM_OK;
    }
    label_result_release(&r);
    label_policy_free(p);
    return err;
}

/* Personal data the registry believes it sees in these records: for a person to judge. */
int web_watch(struct web_visit *v, const struct json *const *record, size_t n)
{
    struct diag found;
    int err = AM_OK;
    diag_init(&found);
    for (size_t i = 0; i < n && !err; i++)
        if (record[i])
            err = registry_personal(record[i], &found);
    jw_kbool(&v->w, "watched", found.n > 0);
    web_problems(&v->w, "watch", v->l, &found);
    diag_release(&found);
    return err;
}
