/* SPDX-License-Identifier: Apache-2.0 */
/* Who breaks the glass says why, once for a patient; here the reason is kept while the
 * session reads his file. Not on disk: after a restart it is asked for again. */
#include "ward/ward_priv.h"

#include <string.h>

static bool glass_is(const struct ward_glass *g, const uint8_t session[CRYPTO_SHA256],
                     struct str patient)
{
    return g->until && !memcmp(g->session, session, sizeof g->session) &&
           str_eqc(patient, g->patient);
}

/* His place, else a free one, else the one that ends first. */
static struct ward_glass *glass_place(struct ward *w, const struct ward_glass *of)
{
    struct ward_glass *to = &w->glass[0];
    for (size_t i = 0; i < WARD_GLASSES; i++) {
        if (glass_is(&w->glass[i], of->session, str_c(of->patient)))
            return &w->glass[i];
        if (w->glass[i].until < to->until)
            to = &w->glass[i];
    }
    return to;
}

void ward_glass_put(struct web_visit *v, struct str patient, struct str reason)
{
    struct ward *w = v->pages;
    struct ward_glass g = {.until = v->now + (int64_t)WARD_GLASS_MS * 1000};
    crypto_sha256(v->session, g.session);
    snprintf(g.patient, sizeof g.patient, "%.*s", STR_FMT(patient));
    snprintf(g.reason, sizeof g.reason, "%.*s", STR_FMT(reason));
    pthread_mutex_lock(&w->lock);
    *glass_place(w, &g) = g;
    pthread_mutex_unlock(&w->lock);
}

bool ward_glass_find(struct web_visit *v, struct str patient, struct ward_glass *out)
{
    struct ward *w = v->pages;
    uint8_t session[CRYPTO_SHA256];
    bool found = false;
    crypto_sha256(v->session, session);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WARD_GLASSES && !found; i++) {
        if (!glass_is(&w->glass[i], session, patient))
            continue;
        found = w->glass[i].until > v->now;
        if (found)
            *out = w->glass[i];
        else
            w->glass[i] = (struct ward_glass){0};
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

void ward_glass_end(struct web_visit *v, struct str patient)
{
    struct ward *w = v->pages;
    uint8_t session[CRYPTO_SHA256];
    crypto_sha256(v->session, session);
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WARD_GLASSES; i++)
        if (glass_is(&w->glass[i], session, patient))
            w->glass[i] = (struct ward_glass){0};
    pthread_mutex_unlock(&w->lock);
}

/* ---- pages ---- */
static struct ward_who glass_who(const struct web_visit *v)
{
    return (struct ward_who){.name = str_trim(web_kept(v, "name", STR(""))),
                             .identifier = str_trim(web_kept(v, "identifier", STR(""))),
                             .born = str_trim(web_kept(v, "born", STR("")))};
}

static void glass_error(struct web_visit *v, const char *field, const char *label,
                        const char *message)
{
    jw_obj(&v->w);
    jw_kstrz(&v->w, "field", field);
    jw_kstr(&v->w, "label", text_get(v->l, label));
    jw_kstr(&v->w, "message", text_get(v->l, message));
    jw_obj_end(&v->w);
}

struct glass_said { /* what is wrong with what was sent */
    bool nobody, reason, none, many;
    struct str rows; /* JSON: who was found */
};

static int glass_form(struct web_visit *v, int status, const struct glass_said *s)
{
    const struct ward_who who = glass_who(v);
    struct str reason = web_kept(v, "reason", STR(""));
    int64_t n = s->nobody + s->reason + s->none + s->many;
    web_open(v);
    jw_kstr(&v->w, "name", who.name);
    jw_kstr(&v->w, "identifier", who.identifier);
    jw_kstr(&v->w, "born", who.born);
    jw_kstr(&v->w, "reason", reason);
    jw_kbool(&v->w, "reason_wrong", s->reason);
    jw_kbool(&v->w, "who_wrong", s->nobody || s->none || s->many);
    if (n)
        jw_kint(&v->w, "errors_n", n);
    jw_key(&v->w, "errors");
    jw_arr(&v->w);
    if (s->nobody)
        glass_error(v, "name", "ward.name", "ward.ask_something");
    if (s->none)
        glass_error(v, "name", "ward.name", "ward.glass_none");
    if (s->many)
        glass_error(v, "name", "ward.name", "ward.glass_many");
    if (s->reason)
        glass_error(v, "reason", "ward.reason", "ward.reason_help");
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "opened", s->rows.n > 0);
    jw_key(&v->w, "rows");
    if (s->rows.n)
        jw_raw(&v->w, s->rows);
    else
        jw_null(&v->w);
    return web_send(v, status, "ward_glass",
                    (struct web_page){.title_id = "ward.glass_title",
                                      .url = STR("/break-glass"),
                                      .nav = "ward.nav"});
}

int ward_page_glass(struct web_visit *v)
{
    if (!door_breaks(v->who.role))
        return AM_E_FORBIDDEN;
    return glass_form(v, 200, &(struct glass_said){0});
}

static int glass_answer(struct web_visit *v, const struct ward_found *found,
                        struct str reason, struct glass_said *s)
{
    s->none = !found->n;
    s->many = found->total > WARD_BROKEN;
    if (s->none || s->many) {
        s->rows = STR_NULL;
        return glass_form(v, 422, s);
    }
    for (size_t i = 0; i < found->n; i++)
        ward_glass_put(v, str_c(found->id[i]), reason);
    if (found->n > 1)
        return glass_form(v, 200, s);
    char to[WARD_ID + 16];
    snprintf(to, sizeof to, "/patients/%s", found->id[0]);
    return web_redirect(v, to);
}

int ward_page_glass_post(struct web_visit *v)
{
    const struct ward_who who = glass_who(v);
    struct str reason = str_trim(web_kept(v, "reason", STR("")));
    struct glass_said s = {.nobody = !who.name.n && !who.identifier.n,
                           .reason = !door_reason_ok(reason)};
    struct ward_found found = {0};
    struct buf rows;
    struct jw w;
    int err = door_breaks(v->who.role) ? web_check_csrf(v) : AM_E_FORBIDDEN;
    if (err)
        return err;
    if (s.nobody || s.reason)
        return glass_form(v, 422, &s);
    buf_init(&rows, 1 << 20);
    jw_init(&w, &rows);
    err = ward_find(v, &who, reason, &w, &found);
    if (!err)
        err = jw_done(&w);
    s.rows = buf_str(&rows);
    if (!err)
        err = glass_answer(v, &found, reason, &s);
    buf_release(&rows);
    return err;
}

int ward_page_glass_end(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (err)
        return err;
    ward_glass_end(v, v->arg);
    return web_redirect(v, "/patients");
}
