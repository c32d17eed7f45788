/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured: the newest of each kind, and how many there are. */
#include "ward/ward_priv.h"

#include <string.h>

struct results_group {
    struct str system, code; /* code empty: told by its text alone */
    struct str name;
    const struct json *newest;
    int64_t n;
};
struct results {
    struct results_group v[WARD_GROUPS];
    size_t n;
    bool more; /* kinds, or observations, that are not shown */
};

struct str ward_measured(const struct json *o)
{
    static const char *const when[] = {"effectiveDateTime", "effectiveInstant", "issued"};
    struct str s = json_get_str(o, when[0]);
    for (size_t i = 1; i < AM_LEN(when) && !s.n; i++)
        s = i == 2 && json_get(o, "effectivePeriod")
                ? json_get_str(json_get(o, "effectivePeriod"), "start")
                : json_get_str(o, when[i]);
    return s;
}

static bool results_same(const struct results_group *g, struct str system,
                         struct str code, struct str name)
{
    return code.n ? str_eq(g->code, code) && str_eq(g->system, system)
                  : !g->code.n && str_eq(g->name, name);
}

static void results_add(struct results *x, enum text_lang l, const struct json *o)
{
    const struct json *c = json_get(o, "code"),
                      *coding = json_at(json_get(c, "coding"), 0);
    struct str code = json_get_str(coding, "code"),
               system = json_get_str(coding, "system"), name = ward_concept(l, c);
    for (size_t i = 0; i < x->n; i++)
        if (results_same(&x->v[i], system, code, name)) {
            x->v[i].n++;
            return;
        }
    if (x->n == WARD_GROUPS) {
        x->more = true;
        return;
    }
    x->v[x->n++] = (struct results_group){system, code, name, o, 1};
}

static int results_href(struct ward_file *f, const struct results_group *g)
{
    struct buf b;
    int err;
    buf_init(&b, WARD_QUERY);
    err = buf_addf(&b, "/patients/%s/trend?system=", f->id);
    if (!err)
        err = web_url_part(&b, g->system);
    if (!err)
        err = buf_adds(&b, "&code=");
    if (!err)
        err = web_url_part(&b, g->code);
    if (!err)
        jw_kstr(&f->v->w, "href", buf_str(&b));
    buf_release(&b);
    return err == AM_E_TOOBIG ? AM_OK : err; /* of a code that long there is no page */
}

int ward_measure(struct jw *w, enum text_lang l, const struct json *o)
{
    struct buf b;
    const char *flag = ward_flag(o);
    int err;
    buf_init(&b, 4096);
    err = ward_value(&b, l, o);
    if (!err || err == AM_E_TOOBIG)
        ward_kstr(w, json_get(o, "valueQuantity") ? "value" : "words", buf_str(&b));
    buf_release(&b);
    if (flag)
        jw_kstrz(w, "flag", flag);
    ward_kwhen(w, "when", ward_measured(o));
    jw_kbool(w, "machine", ward_machine(o));
    jw_kbool(w, "provisional",
             !ward_machine(o) && (json_str_is(json_get(o, "status"), "preliminary") ||
                                  json_str_is(json_get(o, "status"), "registered")));
    return err == AM_E_TOOBIG ? AM_OK : err;
}

static int results_row(struct ward_file *f, const struct results_group *g)
{
    struct jw *w = &f->v->w;
    int err;
    jw_obj(w);
    ward_kstr(w, "name", g->name.n ? g->name : text_get(f->v->l, "ward.nameless"));
    err = ward_measure(w, f->v->l, g->newest);
    jw_kint(w, "n", g->n);
    if (!err && g->code.n)
        err = results_href(f, g);
    jw_obj_end(w);
    return err;
}

/* Members results, n_results, results_more, results_failed; nothing where the role may
 * not. */
static int results_put(struct ward_file *f, size_t shown)
{
    static const char *const query[] = {"Observation?patient=$&_sort=-date&_count=400"};
    struct jw *w = &f->v->w;
    struct ward_reply r;
    struct results *x = am_calloc(1, sizeof *x);
    const struct json *set = NULL;
    int status = 0, err = x ? ward_file_batch(f, query, 1, &r) : AM_E_NOMEM;
    if (!x)
        return err;
    if (!err)
        set = ward_batch_at(&r, 0, &status);
    for (json_each(it, json_get(set, "entry"))) {
        const struct json *o = json_get(it.val, "resource");
        if (json_str_is(json_get(o, "resourceType"), "Observation") &&
            !ward_mistaken(o) && !json_str_is(json_get(o, "status"), "cancelled"))
            results_add(x, f->v->l, o);
    }
    jw_kbool(w, "results_seen", !err && status != 403);
    jw_kbool(w, "results_failed", !err && !set && status != 403);
    jw_kbool(w, "results_none", set && !x->n);
    jw_kbool(w, "results_any", x->n > 0);
    jw_kbool(w, "results_cut", json_int(json_get(set, "total"), 0) > WARD_RESULTS);
    jw_kint(w, "results_newest", WARD_RESULTS);
    if (x->n > shown) {
        jw_kint(w, "results_all", (int64_t)x->n);
        jw_key(w, "results_href");
        jw_strf(w, "/patients/%s/results", f->id);
    }
    jw_key(w, "results");
    jw_arr(w);
    for (size_t i = 0; i < AM_MIN(x->n, shown) && !err; i++)
        err = results_row(f, &x->v[i]);
    jw_arr_end(w);
    ward_reply_release(&r);
    free(x);
    return err;
}

int ward_results_brief(struct ward_file *f)
{
    return results_put(f, WARD_SHORT);
}

static int results_send(struct ward_file *f)
{
    ward_file_context(f, "ward.results");
    int err = results_put(f, WARD_GROUPS);
    return err ? err
               : web_send(f->v, 200, "ward_results",
                          (struct web_page){.title_id = "ward.results_title",
                                            .nav = "ward.nav"});
}

int ward_page_results(struct web_visit *v)
{
    struct ward_file f;
    int err = ward_file_open(&f, v);
    if (!err && !door_grants(v->who.role, "Observation", 's'))
        err = AM_E_FORBIDDEN;
    if (!err)
        err = results_send(&f);
    ward_file_close(&f);
    return ward_file_none(v, err);
}
