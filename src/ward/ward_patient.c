/* SPDX-License-Identifier: Apache-2.0 */
/* Who a patient is: names in the script they were entered in, sex, age, identifiers. */
#include "ward/ward_priv.h"

#include <string.h>

static int name_text(struct buf *out, const struct json *name)
{
    struct str text = json_get_str(name, "text"), family = json_get_str(name, "family");
    int err = buf_add(out, text.n ? text : web_text_or(family));
    for (json_each(it, text.n ? NULL : json_get(name, "given"))) {
        if (err)
            break;
        err = out->n ? buf_addc(out, ' ') : AM_OK;
        if (!err)
            err = buf_add(out, web_text_or(json_str(it.val)));
    }
    return err;
}

/* The official one before the usual one before any; no old one, none of a maiden's. */
static int name_rank(const struct json *name)
{
    struct str use = json_get_str(name, "use");
    return str_eqc(use, "official") ? 0
           : str_eqc(use, "usual")  ? 1
           : str_eqc(use, "old") || str_eqc(use, "maiden") || str_eqc(use, "anonymous")
               ? 3
               : 2;
}

static void put_names(struct jw *w, const struct json *patient, enum text_lang l)
{
    struct buf best[2]; /* the first entered, the best of the other script */
    int rank[2] = {9, 9};
    bool first_arabic = false;
    buf_init(&best[0], 1024);
    buf_init(&best[1], 1024);
    for (int pass = 0; pass < 2; pass++)
        for (json_each(it, json_get(patient, "name"))) {
            struct buf b;
            bool arabic, ok;
            buf_init(&b, 1024);
            ok = name_text(&b, it.val) == AM_OK && b.n;
            arabic = ok && ward_arabic(buf_str(&b));
            if (ok && name_rank(it.val) < rank[pass] &&
                (!pass || arabic != first_arabic)) {
                rank[pass] = name_rank(it.val);
                buf_clear(&best[pass]);
                if (buf_add(&best[pass], buf_str(&b)))
                    buf_clear(&best[pass]);
                if (!pass)
                    first_arabic = arabic;
            }
            buf_release(&b);
        }
    ward_kstr(w, "name", best[0].n ? buf_str(&best[0]) : text_get(l, "ward.nameless"));
    if (best[1].n)
        ward_kstr(w, "other", buf_str(&best[1]));
    buf_release(&best[0]);
    buf_release(&best[1]);
}

/* ---- age ---- */
/* Whole months from one day to another. */
static int months_between(int64_t from, int64_t to)
{
    int y0, m0, d0, y1, m1, d1;
    time_ymd(from, &y0, &m0, &d0);
    time_ymd(to, &y1, &m1, &d1);
    return (y1 - y0) * 12 + m1 - m0 - (d1 < d0);
}

static void put_age(struct jw *w, const struct json *patient, int64_t now)
{
    struct str born = json_get_str(patient, "birthDate"),
               died = json_get_str(patient, "deceasedDateTime");
    int64_t from, to = now;
    if (ward_day(born, &from))
        return;
    if (died.n ? ward_day(died, &to) != AM_OK
               : json_bool(json_get(patient, "deceasedBoolean"), false))
        return; /* dead, one does not know when */
    int months = months_between(from, to);
    if (to < from)
        return;
    jw_kbool(w, "aged", true);
    if (months >= 24)
        jw_kint(w, "years", months / 12);
    else if (months >= 1)
        jw_kint(w, "months", months);
    else
        jw_kint(w, "days", (to - from) / TIME_DAY);
}

/* ---- identifiers ---- */
/* "IPP", "CIN": as the resource says, else the end of its system. */
static struct str id_kind(enum text_lang l, const struct json *identifier)
{
    struct str kind = ward_concept(l, json_get(identifier, "type")),
               system = json_get_str(identifier, "system");
    if (kind.n)
        return kind;
    for (size_t i = system.n; i; i--)
        if (system.p[i - 1] == '/' || system.p[i - 1] == ':' || system.p[i - 1] == '#')
            return str_sub(system, i, system.n);
    return system;
}

static void put_ids(struct jw *w, enum text_lang l, const struct json *patient)
{
    enum { SHOWN = 4 };
    size_t n = 0;
    jw_key(w, "ids");
    jw_arr(w);
    for (json_each(it, json_get(patient, "identifier"))) {
        struct str value = json_get_str(it.val, "value"), kind = id_kind(l, it.val);
        if (!value.n || str_eqc(json_get_str(it.val, "use"), "old") ||
            json_str_is(json_get(it.val, "system"), WARD_FORM_SYSTEM) || n++ == SHOWN)
            continue;
        jw_obj(w);
        ward_kstr(w, "kind", kind.n ? kind : text_get(l, "ward.identifier"));
        ward_kstr(w, "value", value);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void ward_patient(struct jw *w, enum text_lang l, const struct json *patient, int64_t now)
{
    static const char *const known[] = {"male", "female", "other", "unknown"};
    struct str sex = json_get_str(patient, "gender"), died;
    jw_kstr(w, "id", web_text_or(json_get_str(patient, "id")));
    put_names(w, patient, l);
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(sex, known[i]))
            jw_kstrz(w, "sex", known[i]);
    put_age(w, patient, now);
    ward_kwhen(w, "born", json_get_str(patient, "birthDate"));
    died = json_get_str(patient, "deceasedDateTime");
    jw_kbool(w, "died", died.n || json_bool(json_get(patient, "deceasedBoolean"), false));
    ward_kwhen(w, "died_at", died);
    put_ids(w, l, patient);
}
