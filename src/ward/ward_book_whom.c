/* SPDX-License-Identifier: Apache-2.0 */
/* With whom an appointment is: professionals of the warehouse by their names, one of whom
 * is chosen. */
#include "ward/ward_agenda.h"

static int found_name(struct buf *b, const struct json *p)
{
    const struct json *name = json_at(json_get(p, "name"), 0);
    struct str text = json_get_str(name, "text"), family = json_get_str(name, "family");
    int err = AM_OK;
    if (text.n)
        return buf_add(b, text);
    for (json_each(it, json_get(name, "prefix"))) {
        if (!err)
            err = buf_add(b, web_text_or(json_str(it.val)));
        if (!err)
            err = buf_addc(b, ' ');
    }
    if (!err)
        err = buf_add(b, web_text_or(family));
    for (json_each(it, json_get(name, "given"))) {
        if (!err)
            err = buf_addc(b, ' ');
        if (!err)
            err = buf_add(b, web_text_or(json_str(it.val)));
    }
    return err;
}

static int found_add(struct ward_entry *e, const struct json *p)
{
    struct str id = json_get_str(p, "id");
    struct buf b;
    int err;
    if (!json_str_is(json_get(p, "resourceType"), "Practitioner") ||
        e->n_found == WARD_CODES || !id.n || id.n > WARD_ID ||
        !json_bool(json_get(p, "active"), true))
        return AM_OK;
    buf_init(&b, 8 * WARD_TEXT);
    err = found_name(&b, p);
    if (!err && b.n) {
        snprintf(e->found[e->n_found].code, sizeof e->found[0].code, "%.*s", STR_FMT(id));
        snprintf(e->found[e->n_found].name, sizeof e->found[0].name, "%.*s",
                 STR_FMT(ward_begin(buf_str(&b), WARD_LINE_MAX)));
        e->n_found++;
    }
    buf_release(&b);
    return err;
}

/* param: "name", the beginning of each word; "phonetic", words that sound so, which finds
 * in a name written as one text too. */
static int book_find(struct ward_entry *e, const char *param)
{
    struct ward_reply r = {0};
    struct str left = ward_field_value(e, "who");
    struct buf q;
    int err;
    buf_init(&q, 8 * WARD_QUERY);
    err = buf_addf(&q, "_count=%d", WARD_CODES);
    while (left.n && !err) {
        struct str word = str_cut(left, ' ', &left);
        if (word.n)
            err = buf_addf(&q, "&%s=", param);
        if (word.n && !err)
            err = ward_query_value(&q, word);
    }
    if (!err)
        err = ward_file_ask(
            &e->f, (struct ward_call){.path = "/Practitioner", .query = q.p}, &r);
    for (json_each(it, err ? NULL : json_get(r.root, "entry")))
        if (!err)
            err = found_add(e, json_get(it.val, "resource"));
    ward_reply_release(&r);
    buf_release(&q);
    return err;
}

static void book_choose(struct ward_entry *e)
{
    struct str code = ward_field_value(e, "practitioner");
    if (!e->n_found)
        ward_field_error(e, "who", "ward_e.nobody");
    else if (e->n_found == 1 && !code.n &&
             ward_field_set(e, "practitioner", str_c(e->found[0].code)))
        ward_field_error(e, "who", "ward_e.unlooked");
    code = ward_field_value(e, "practitioner");
    for (size_t i = 0; i < e->n_found; i++)
        if (str_eqc(code, e->found[i].code))
            snprintf(e->chosen, sizeof e->chosen, "%s", e->found[i].name);
    if (e->n_found && !e->chosen[0])
        ward_field_error(e, "practitioner", code.n ? "ward_e.choice" : "ward_e.person");
}

void ward_book_whom(struct ward_entry *e)
{
    int err = book_find(e, "name");
    if (!err && !e->n_found)
        err = book_find(e, "phonetic");
    if (err && err != AM_E_INVALID) /* a word without a sound: nobody's */
        ward_field_error(e, "who", "ward_e.unlooked");
    else
        book_choose(e);
}
