/* SPDX-License-Identifier: Apache-2.0 */
/* Words looked up in the terminologies of this house, one code chosen. Nothing is known
 * here of what is loaded: sets are asked for by address, the first that exists counts.
 * The search is made again when a form is written: a code's name never comes from it. */
#include "ward/ward_form_priv.h"

#include <string.h>

enum { LOOKED_AT = 60 };

int ward_code_expand(struct ward_entry *e, const char *set, struct str words,
                     struct ward_reply *r)
{
    struct buf q;
    int err;
    buf_init(&q, WARD_QUERY);
    err = buf_adds(&q, "url=");
    if (!err)
        err = web_url_part(&q, str_c(set));
    if (!err)
        err = buf_addf(&q, "&activeOnly=true&count=%d&filter=", LOOKED_AT);
    if (!err)
        err = web_url_part(&q, words);
    if (!err)
        err = ward_file_ask(
            &e->f, (struct ward_call){.path = "/ValueSet/$expand", .query = q.p}, r);
    buf_release(&q);
    return err;
}

void ward_code_add(struct ward_entry *e, const struct json *x)
{
    struct str code = json_get_str(x, "code"), display = json_get_str(x, "display"),
               system = json_get_str(x, "system");
    if (e->n_found == WARD_CODES || !code.n || code.n >= sizeof e->found[0].code ||
        !display.n || display.n > WARD_LINE_MAX || !system.n ||
        system.n >= sizeof e->found[0].system ||
        json_bool(json_get(x, "abstract"), false))
        return; /* the name of a code is whole, or it is not offered */
    snprintf(e->found[e->n_found].code, sizeof e->found[0].code, "%.*s", STR_FMT(code));
    snprintf(e->found[e->n_found].system, sizeof e->found[0].system, "%.*s",
             STR_FMT(system));
    snprintf(e->found[e->n_found].name, sizeof e->found[0].name, "%.*s",
             STR_FMT(display));
    e->n_found++;
}

bool ward_code_searched(struct ward_entry *e, int err, const char *word)
{
    if (err == AM_E_NOTFOUND)
        return false;
    e->terms = word;
    e->terms_failed = err && err != AM_E_INVALID; /* words it cannot search: none found */
    return true;
}

void ward_code_none(struct ward_entry *e, const char *words, const char *field)
{
    struct str code = ward_field_value(e, field);
    e->terms = NULL;
    e->chosen[0] = 0;
    if (code.n && !str_eqc(code, "text"))
        ward_field_error(e, field, "ward_e.choice");
    ward_field_doubt(e, words);
}

void ward_code_choose(struct ward_entry *e, const char *words, const char *field)
{
    struct str code = ward_field_value(e, field);
    e->chosen[0] = 0;
    if (e->terms_failed)
        ward_field_error(e, words, "ward_e.unlooked");
    if (str_eqc(code, "text") || e->terms_failed)
        return;
    for (size_t i = 0; i < e->n_found; i++)
        if (str_eqc(code, e->found[i].code)) {
            snprintf(e->chosen, sizeof e->chosen, "%s", e->found[i].name);
            e->chosen_at = i;
        }
    if (code.n ? !e->chosen[0] : e->n_found > 0)
        ward_field_error(e, field, code.n ? "ward_e.choice" : "ward_e.code");
    else if (!e->n_found)
        ward_field_doubt(e, words); /* nothing to choose: is it meant without a code? */
}

static void tell_row(struct jw *w, struct str label, struct str words)
{
    jw_obj(w);
    jw_kstr(w, "label", label);
    ward_kstr(w, "words", words);
    jw_obj_end(w);
}

void ward_code_tell(struct ward_entry *e, struct jw *w)
{
    enum text_lang l = e->f.v->l;
    struct str label = text_get(l, "ward.coding");
    if (e->chosen[0])
        tell_row(w, label, str_c(e->chosen));
    else
        tell_row(w, label, text_get(l, e->terms ? "ward.not_coded" : "ward.not_loaded"));
    if (e->chosen[0]) {
        jw_obj(w);
        jw_kstr(w, "label", text_get(l, e->terms));
        ward_kstr(w, "value", str_c(e->found[e->chosen_at].code));
        jw_obj_end(w);
    }
}

void ward_code_write(struct ward_entry *e, struct jw *w)
{
    if (!e->chosen[0])
        return;
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", e->found[e->chosen_at].system);
    jw_kstrz(w, "code", e->found[e->chosen_at].code);
    jw_kstrz(w, "display", e->chosen);
    jw_obj_end(w);
    jw_arr_end(w);
}
