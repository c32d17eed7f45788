/* SPDX-License-Identifier: Apache-2.0 */
/* A patient is found: by the beginning of his names, then by names that sound alike in
 * Latin and Arabic letters (the parameter phonetic), by a whole identifier, by birth. */
#include "ward/ward_priv.h"

#include <string.h>

/* "&name=<word>" for each word: the beginning of some name, without case and accents. */
static int find_words(struct buf *q, struct str name)
{
    int err = AM_OK;
    while (name.n && !err) {
        struct str word = str_cut(name, ' ', &name);
        if (!word.n)
            continue;
        err = buf_adds(q, "&name=");
        if (!err)
            err = ward_query_value(q, word);
    }
    return err;
}

static int find_query(struct buf *q, const struct ward_who *who, bool alike)
{
    int err = buf_addf(q, "_count=%d", WARD_FOUND);
    if (!err && who->name.n && alike) {
        err = buf_adds(q, "&phonetic=");
        if (!err)
            err = ward_query_value(q, who->name);
    } else if (!err) {
        err = find_words(q, who->name);
    }
    if (!err && who->identifier.n) {
        err = buf_adds(q, "&identifier=");
        if (!err)
            err = ward_query_value(q, who->identifier);
    }
    if (!err && who->born.n) {
        err = buf_adds(q, "&birthdate=");
        if (!err)
            err = ward_query_value(q, who->born);
    }
    return err;
}

static bool find_had(const struct ward_found *f, struct str id)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eqc(id, f->id[i]))
            return true;
    return false;
}

static void find_rows(struct web_visit *v, const struct json *set, struct jw *w,
                      struct ward_found *f)
{
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *p = json_get(it.val, "resource");
        struct str id = json_get_str(p, "id");
        if (!json_str_is(json_get(p, "resourceType"), "Patient") || id.n > WARD_ID ||
            f->n == WARD_FOUND || find_had(f, id))
            continue;
        snprintf(f->id[f->n++], sizeof f->id[0], "%.*s", STR_FMT(id));
        jw_obj(w);
        ward_patient(w, v->l, p, v->now);
        jw_obj_end(w);
    }
}

static int find_once(struct web_visit *v, const struct ward_who *who, bool alike,
                     struct str reason, struct jw *w, struct ward_found *f)
{
    struct ward_reply r = {0};
    struct buf q;
    int err;
    buf_init(&q, 8 * WARD_QUERY);
    err = find_query(&q, who, alike);
    if (!err)
        err = ward_ask(
            v, &(struct ward_call){.path = "/Patient", .query = q.p, .reason = reason},
            &r);
    if (!err) {
        find_rows(v, r.root, w, f);
        f->total = AM_MAX(f->total, json_int(json_get(r.root, "total"), 0));
        f->total = AM_MAX(f->total, (int64_t)f->n);
    }
    ward_reply_release(&r);
    buf_release(&q);
    return err;
}

int ward_find(struct web_visit *v, const struct ward_who *who, struct str reason,
              struct jw *rows, struct ward_found *out)
{
    int err;
    *out = (struct ward_found){0};
    jw_arr(rows);
    err = find_once(v, who, false, reason, rows, out);
    if (!err && who->name.n && out->total <= WARD_FOUND)
        err = find_once(v, who, true, reason, rows, out);
    jw_arr_end(rows);
    return err;
}

/* ---- the page ---- */
static struct str search_asked(struct web_visit *v, const char *name)
{
    struct str s = str_trim(http_query(v->req, name));
    return s.n > 200 ? str_sub(s, 0, 0) : web_text_or(s);
}

/* No such name, or one that is no name: the search answers 400; what it says is shown. */
static int search_answer(struct web_visit *v, const struct ward_who *who)
{
    struct ward_found found = {0};
    struct buf rows;
    struct jw w;
    int err;
    buf_init(&rows, 1 << 20);
    jw_init(&w, &rows);
    err = ward_find(v, who, STR_NULL, &w, &found);
    if (!err)
        err = jw_done(&w);
    jw_kbool(&v->w, "asked", true);
    if (err == AM_E_INVALID) {
        jw_kbool(&v->w, "unread", true);
        err = AM_OK;
    } else if (!err) {
        jw_kint(&v->w, "n", found.total);
        jw_kbool(&v->w, "none", !found.n);
        if (found.total > (int64_t)found.n)
            jw_kint(&v->w, "more", found.total - (int64_t)found.n);
        jw_key(&v->w, "rows");
        jw_raw(&v->w, buf_str(&rows));
    }
    buf_release(&rows);
    return err;
}

int ward_page_search(struct web_visit *v)
{
    const struct ward_who who = {.name = search_asked(v, "name"),
                                 .identifier = search_asked(v, "identifier"),
                                 .born = search_asked(v, "born")};
    bool asked = who.name.n || who.identifier.n || who.born.n;
    int err = AM_OK;
    if (!asked && !door_grants(v->who.role, "Patient", 's'))
        return AM_E_FORBIDDEN; /* who asks is refused by the door, which writes it down */
    web_open(v);
    jw_kstr(&v->w, "name", who.name);
    jw_kstr(&v->w, "identifier", who.identifier);
    jw_kstr(&v->w, "born", who.born);
    jw_kbool(&v->w, "left", http_query(v->req, "left").n > 0);
    jw_kbool(&v->w, "may_break", door_breaks(v->who.role));
    jw_kbool(&v->w, "may_open", door_grants(v->who.role, "Patient", 'c'));
    if (asked)
        err = search_answer(v, &who);
    if (err == AM_E_UNAVAILABLE) {
        jw_kbool(&v->w, "unavailable", true);
        err = AM_OK;
    }
    return err ? err
               : web_send(v, 200, "patients",
                          (struct web_page){.title_id = "ward.title", .nav = "ward.nav"});
}
