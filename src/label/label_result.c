/* SPDX-License-Identifier: Apache-2.0 */
/* label_result -- a result as JSON, and its end. */
#include "label/label_priv.h"

void label_result_release(struct label_result *r)
{
    for (size_t i = 0; i < r->n_undemonstrated; i++)
        free(r->undemonstrated[i]);
    for (size_t i = 0; i < r->n_codes; i++)
        free(r->code[i]);
    free(r->undemonstrated);
    free(r->code);
    free(r->row);
    *r = (struct label_result){0};
}

static void row_json(const struct label_row *row, struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "id", row->id);
    jw_kstrz(w, "level", label_level_name(row->level));
    jw_kstrz(w, "verdict", label_verdict_name(row->verdict));
    jw_knum(w, "value", row->value);
    jw_key(w, "ci95");
    if (isnan(row->ci95[0]) || isnan(row->ci95[1])) {
        jw_null(w);
    } else {
        jw_arr(w);
        jw_num(w, row->ci95[0]);
        jw_num(w, row->ci95[1]);
        jw_arr_end(w);
    }
    jw_knum(w, "threshold", row->threshold);
    jw_kstrz(w, "op", row->op);
    jw_kstrz(w, "param", row->param);
    jw_kstrz(w, "reason", row->reason);
    jw_key(w, "additional_positives");
    if (row->additional_positives < 0)
        jw_null(w);
    else
        jw_int(w, row->additional_positives);
    jw_obj_end(w);
}

void label_result_json(const struct label_policy *p, const struct label_result *r,
                       enum label_level requested, struct jw *w)
{
    jw_obj(w);
    jw_key(w, "policy");
    if (json_get(p->root, "name"))
        jw_val(w, json_get(p->root, "name"));
    else
        jw_str(w, p->name);
    jw_kstrz(w, "requested_level", label_level_name(requested));
    jw_kstrz(w, "level", label_level_name(r->reached));
    jw_kstrz(w, "outcome", r->outcome);
    jw_kbool(w, "national", p->national);
    jw_key(w, "requirements");
    jw_arr(w);
    for (size_t i = 0; i < r->n; i++)
        row_json(&r->row[i], w);
    jw_arr_end(w);
    jw_key(w, "undemonstrated_groups");
    jw_arr(w);
    for (size_t i = 0; i < r->n_undemonstrated; i++)
        jw_strz(w, r->undemonstrated[i]);
    jw_arr_end(w);
    jw_obj_end(w);
}
