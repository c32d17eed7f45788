/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a resource is. A number that two hospitals or two years share must not carry what
 * is known of one patient to another: a resource that is there stays its patient's. */
#include "hl7/hl7_map_priv.h"

enum { REPLACED = 8 }; /* patients replaced by one another, followed that far */

struct whose {
    const struct hl7_made *patient; /* as the message says; NULL: the template does not */
    struct str there;               /* id of the patient of what is there; none: empty */
};

/* The id of "Patient/id", also below an address; empty: it is something else. */
static struct str patient_id(struct str ref)
{
    const struct str word = STR("Patient/");
    for (size_t i = 0; i + word.n < ref.n; i++)
        if ((i == 0 || ref.p[i - 1] == '/') && str_eq(str_sub(ref, i, i + word.n), word))
            return str_cut(str_sub(ref, i + word.n, ref.n), '/', &(struct str){0});
    return STR_NULL;
}

/* t: a template; now: what is there in its place. */
static void walk(struct hl7_run *r, const struct hl7_ctx *c, const struct json *t,
                 const struct json *now, struct whose *o)
{
    struct str ref = json_get_str(t, "$ref");
    if (json_type(t) == JSON_ARRAY) {
        for (json_each(it, t)) {
            walk(r, c, it.val, NULL, o);
            for (json_each(have, json_type(now) == JSON_ARRAY ? now : NULL))
                if (!o->there.n)
                    walk(r, c, it.val, have.val, o);
        }
    } else if (ref.n) {
        const struct hl7_made *x = hl7_referred(r, c, ref);
        if (x && str_eqc(x->type, "Patient") && (!o->patient || o->patient == x)) {
            o->patient = x;
            o->there = o->there.n ? o->there : patient_id(json_get_str(now, "reference"));
        }
    } else if (json_get(t, "$each")) {
        walk(r, c, json_get(t, "body"), now, o);
    } else if (json_type(t) == JSON_OBJECT) {
        for (json_each(it, t))
            if (!str_starts(it.key, STR("$")))
                walk(r, c, it.val, json_getn(now, it.key), o);
    }
}

static struct whose whose(struct hl7_run *r, const struct hl7_made *x,
                          const struct json *now)
{
    const struct hl7_ctx c = hl7_ctx_of(r, x);
    struct whose o = {0};
    if (!str_eqc(x->type, "Patient"))
        walk(r, &c, json_get(x->def, "body"), now, &o);
    return o;
}

/* The id of who replaces that patient, in the arena; empty: nobody. */
static int replaced_by(struct hl7_run *r, struct str id, struct str *by)
{
    char query[80];
    struct json_doc *doc = NULL;
    char *copy;
    int err;
    *by = STR_NULL;
    snprintf(query, sizeof query, "_id=%.*s", (int)AM_MIN(id.n, (size_t)64), id.p);
    err = hl7_there(r, STR("Patient"), str_c(query), &doc);
    for (json_each(it, err ? NULL : json_get(json_root(doc), "link")))
        if (json_str_is(json_get(it.val, "type"), "replaced-by"))
            *by = patient_id(json_get_str(json_get(it.val, "other"), "reference"));
    copy = by->n ? arena_dup(&r->a, *by) : NULL;
    if (by->n && !copy)
        err = AM_E_NOMEM;
    *by = copy ? (struct str){copy, by->n} : STR_NULL;
    json_free(doc);
    return err == AM_E_NOTFOUND || err == AM_E_CONFLICT ? AM_OK : err;
}

/* Is what is there of the patient of the message, or of one whom he replaced? */
static int is_his(struct hl7_run *r, const struct whose *o, bool *his)
{
    struct str id = json_get_str(json_root(o->patient->now), "id"), at = o->there;
    int err = AM_OK;
    *his = id.n && str_eq(id, at);
    for (size_t i = 0; i < REPLACED && id.n && at.n && !*his && !err; i++) {
        err = replaced_by(r, at, &at);
        *his = !err && at.n && str_eq(id, at);
    }
    return err;
}

/* ---- former identifiers ---- */
static bool of_sender(struct hl7_run *r, const struct json *found)
{
    struct buf b;
    bool is;
    int err;
    buf_init(&b, 1 << 16);
    err = hl7_sender(r, &b);
    is = !err && str_starts(json_get_str(json_get(found, "meta"), "source"), buf_str(&b));
    buf_release(&b);
    r->err = r->err ? r->err : err;
    return is;
}

static bool taken(const struct hl7_run *r, const struct hl7_made *x,
                  const struct json *found)
{
    for (size_t i = 0; i < r->made.n; i++)
        if (&r->made.v[i] != x && str_eq(r->made.v[i].type, x->type) &&
            str_eq(json_get_str(json_root(r->made.v[i].now), "id"),
                   json_get_str(found, "id")))
            return true;
    return false;
}

/* May what has a former identifier be taken for it? A doubt makes a resource of its own:
 * two where there was one can be put right, one where there were two cannot. */
static int is_it(struct hl7_run *r, const struct hl7_made *x, const struct json *found,
                 bool *is)
{
    struct whose o = whose(r, x, found);
    bool changes = !json_str_is(json_get(x->def, "mode"), "create");
    int err = AM_OK;
    *is = !taken(r, x, found);
    if (str_eqc(x->type, "Patient"))
        return AM_OK;
    *is = *is && (!changes || of_sender(r, found));
    if (*is && o.patient)
        err = o.there.n ? is_his(r, &o, is) : AM_OK;
    *is = *is && (!o.patient || o.there.n);
    return err;
}

static int by_former(struct hl7_run *r, struct hl7_made *x, const struct json *id)
{
    const struct hl7_ctx c = hl7_ctx_of(r, x);
    struct str system = hl7_text_of(r, &c, json_get(id, "system")),
               value = hl7_text_of(r, &c, json_get(id, "value"));
    struct json_doc *doc = NULL;
    struct buf b;
    bool is = false;
    int err = r->err;
    if (err || !system.n || !value.n)
        return err;
    buf_init(&b, 1 << 20);
    err = hl7_map_query(&b, system, value);
    if (!err)
        err = hl7_there(r, x->type, buf_str(&b), &doc);
    if (!err)
        err = is_it(r, x, json_root(doc), &is);
    if (!err && is)
        x->now = doc;
    else
        json_free(doc);
    buf_release(&b);
    return err == AM_E_NOTFOUND || err == AM_E_CONFLICT ? r->err : err ? err : r->err;
}

/* Patients first: what is of them asks who they are. */
static int all_former(struct hl7_run *r, bool patients)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->made.n; i++) {
        struct hl7_made *x = &r->made.v[i];
        if (str_eqc(x->type, "Patient") != patients)
            continue;
        for (json_each(it, json_get(x->def, "former")))
            if (!err && !x->now)
                err = by_former(r, x, it.val);
    }
    return err;
}

static int stays(struct hl7_run *r, const struct hl7_made *x)
{
    struct whose o = whose(r, x, json_root(x->now));
    bool his = true;
    int err = AM_OK;
    if (x->now && o.patient && o.there.n)
        err = is_his(r, &o, &his);
    if (!err && !his) {
        const struct hl7_ctx c = hl7_ctx_of(r, x);
        hl7_complain(r, &c, hl7_place_of(o.patient->def), "hl7.patient",
                     "what has this number is of another patient");
        err = AM_E_INVALID;
    }
    return err;
}

int hl7_whose(struct hl7_run *r)
{
    int err = all_former(r, true);
    if (!err)
        err = all_former(r, false);
    for (size_t i = 0; i < r->made.n && !err; i++)
        err = stays(r, &r->made.v[i]);
    return err ? err : r->err;
}
