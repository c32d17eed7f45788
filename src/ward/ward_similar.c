/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be the same patient as the one being entered: whoever has one of his numbers,
 * and whoever's name sounds like his, in either script, born on a day that may be his. A
 * name that sounds alike is found across scripts (the parameter phonetic), so one script
 * is enough. Of names that sound alike the first SIMILAR_ASKED are looked at, and
 * the page says when there are more. */
#include "ward/ward_identity.h"

#include <string.h>

enum { SIMILAR_ASKED = 100 };

/* ---- days of birth ---- */
static struct str birth_part(struct str s, size_t at, size_t n)
{
    return s.n >= at + n ? str_sub(s, at, at + n) : STR_NULL;
}

bool ward_birth_near(struct str a, struct str b)
{
    static const size_t at[] = {0, 5, 8}, n[] = {4, 2, 2};
    int differ = 0;
    if (a.n == 10 && b.n == 10 && str_eq(str_sub(a, 0, 4), str_sub(b, 0, 4)) &&
        str_eq(birth_part(a, 5, 2), birth_part(b, 8, 2)) &&
        str_eq(birth_part(a, 8, 2), birth_part(b, 5, 2)))
        return true; /* day and month changed places */
    for (size_t i = 0; i < AM_LEN(at); i++) {
        struct str x = birth_part(a, at[i], n[i]), y = birth_part(b, at[i], n[i]);
        differ += x.n && y.n && !str_eq(x, y);
    }
    return differ <= 1;
}

/* ---- what is told of one ---- */
static int similar_name(struct buf *b, const struct json *name)
{
    struct str family = json_get_str(name, "family"), text = json_get_str(name, "text");
    int err = buf_add(b, web_text_or(family.n ? family : text));
    for (json_each(it, family.n ? json_get(name, "given") : NULL)) {
        if (!err)
            err = buf_addc(b, ' ');
        if (!err)
            err = buf_add(b, web_text_or(json_str(it.val)));
    }
    return err;
}

/* Ids beyond those of the page, to count each once. */
static int similar_other(struct ward_entry *e, struct str id)
{
    for (size_t i = 0; i < e->n_others; i++)
        if (str_eqc(id, e->other[i]))
            return AM_OK;
    if (e->n_others < WARD_OTHERS)
        snprintf(e->other[e->n_others++], sizeof e->other[0], "%.*s", STR_FMT(id));
    return AM_OK;
}

static void similar_put(char *out, size_t n, struct str s)
{
    snprintf(out, n, "%.*s", STR_FMT(ward_begin(web_text_or(s), n - 1)));
}

static int similar_named(char out[WARD_TEXT + 1], const struct json *name)
{
    struct buf b;
    int err;
    buf_init(&b, 8 * WARD_TEXT);
    err = name ? similar_name(&b, name) : AM_OK;
    if (!err)
        similar_put(out, WARD_TEXT + 1, buf_str(&b));
    buf_release(&b);
    return err;
}

static int similar_told(struct ward_entry *e, const struct json *p, size_t i)
{
    int err = similar_named(e->similar[i].latin, ward_name_of(p, false));
    if (!err)
        err = similar_named(e->similar[i].arabic, ward_name_of(p, true));
    similar_put(e->similar[i].born, sizeof e->similar[i].born,
                json_get_str(p, "birthDate"));
    similar_put(e->similar[i].ipp, sizeof e->similar[i].ipp,
                json_get_str(ward_number_of(p, ward_ipp_system(e)), "value"));
    similar_put(e->similar[i].cin, sizeof e->similar[i].cin,
                json_get_str(ward_number_of(p, WARD_CIN), "value"));
    return err;
}

/* A patient comes up by his number, by each script and by his day: he is counted once. */
static int similar_add(struct ward_entry *e, const struct json *p)
{
    struct str id = json_get_str(p, "id");
    int err;
    if (id.n > WARD_ID || str_eqc(id, e->f.id))
        return AM_OK;
    for (size_t i = 0; i < e->n_similar; i++)
        if (str_eqc(id, e->similar[i].id))
            return AM_OK;
    if (e->n_similar == WARD_SIMILAR)
        return similar_other(e, id);
    err = similar_told(e, p, e->n_similar);
    if (!err)
        snprintf(e->similar[e->n_similar++].id, sizeof e->similar[0].id, "%.*s",
                 STR_FMT(id));
    return err;
}

/* ---- asking ---- */
/* Those of an answer whose birth may be this one; any: whatever their birth. */
static int similar_ask(struct ward_entry *e, const char *query, bool any)
{
    struct ward_reply r;
    struct str born = ward_field_value(e, "born");
    int err =
        ward_file_ask(&e->f, (struct ward_call){.path = "/Patient", .query = query}, &r);
    for (json_each(it, json_get(r.root, "entry"))) {
        const struct json *p = json_get(it.val, "resource");
        if (!err && json_str_is(json_get(p, "resourceType"), "Patient") &&
            (any || ward_birth_near(born, json_get_str(p, "birthDate"))))
            err = similar_add(e, p);
    }
    if (json_int(json_get(r.root, "total"), 0) > SIMILAR_ASKED)
        e->unlooked = true;
    ward_reply_release(&r);
    return err;
}

static int similar_sound(struct ward_entry *e, const char *family, const char *given)
{
    struct buf q;
    int err;
    if (!ward_field_value(e, family).n)
        return AM_OK;
    buf_init(&q, 8 * WARD_QUERY);
    err = buf_addf(&q, "_count=%d&phonetic=", SIMILAR_ASKED);
    if (!err)
        err = ward_query_value(&q, ward_field_value(e, family));
    if (!err && ward_field_value(e, given).n)
        err = buf_adds(&q, "&phonetic=");
    if (!err && ward_field_value(e, given).n)
        err = ward_query_value(&q, ward_field_value(e, given));
    if (!err)
        err = similar_ask(e, q.p, false);
    buf_release(&q);
    return err == AM_E_INVALID ? AM_OK : err; /* a name that has no sound: nobody's */
}

/* Born that very day, one of both names alike: "Lamrani" and "El Amrani" sound
 * different. */
static int similar_born(struct ward_entry *e, const char *name)
{
    struct str born = ward_field_value(e, "born");
    struct buf q;
    int err;
    if (born.n != 10 || !ward_field_value(e, name).n)
        return AM_OK;
    buf_init(&q, 8 * WARD_QUERY);
    err =
        buf_addf(&q, "_count=%d&birthdate=%.*s&phonetic=", SIMILAR_ASKED, STR_FMT(born));
    if (!err)
        err = ward_query_value(&q, ward_field_value(e, name));
    if (!err)
        err = similar_ask(e, q.p, false);
    buf_release(&q);
    return err == AM_E_INVALID ? AM_OK : err;
}

static int similar_number(struct ward_entry *e, const char *field, const char *system)
{
    size_t before = e->n_similar;
    struct buf q;
    int err;
    if (!ward_field_value(e, field).n)
        return AM_OK;
    buf_init(&q, WARD_QUERY);
    err = buf_adds(&q, "_count=3&identifier=");
    if (!err)
        err = web_url_part(&q, str_c(system));
    if (!err)
        err = buf_adds(&q, "%7C");
    if (!err)
        err = ward_query_value(&q, ward_field_value(e, field));
    if (!err)
        err = similar_ask(e, q.p, true);
    buf_release(&q);
    if (!err && e->n_similar > before)
        ward_field_error(e, field, "ward_e.number_taken");
    return err;
}

void ward_similar(struct ward_entry *e)
{
    static const char *const name[] = {"family", "given", "family_ar", "given_ar"};
    int err;
    e->n_similar = e->n_others = 0;
    e->unlooked = false;
    err = similar_number(e, "ipp", ward_ipp_system(e));
    if (!err)
        err = similar_number(e, "cin", WARD_CIN);
    if (!err)
        err = similar_number(e, "cnss", WARD_CNSS);
    if (!err && e->form->opens)
        err = similar_sound(e, "family", "given");
    if (!err && e->form->opens)
        err = similar_sound(e, "family_ar", "given_ar");
    for (size_t i = 0; i < AM_LEN(name) && !err && e->form->opens; i++)
        err = similar_born(e, name[i]);
    if (err)
        ward_field_error(e, e->form->field[0].name, "ward_e.unlooked");
}
