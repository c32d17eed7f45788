/* SPDX-License-Identifier: Apache-2.0 */
/* A form from its first page to what stands in the store: ward_form_priv.h. */
#include "ward/ward_form_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- one field as a page shows it ---- */
/* A unit is a member of its own: the page isolates it, or Arabic letters around turn
 * "\xc2\xb0\x43" and "/min" over. */
static void field_label(struct jw *w, enum text_lang l, const struct ward_field *x)
{
    char id[64];
    snprintf(id, sizeof id, "ward_f.%s", x->name);
    jw_kstr(w, "label", text_get(l, id));
    if (x->unit)
        jw_kstrz(w, "unit", x->unit);
}

static void field_number_text(char out[WARD_DIGITS], enum text_lang l, double v,
                              int decimals)
{
    snprintf(out, WARD_DIGITS, "%.*f", v == (double)(int64_t)v ? 0 : decimals, v);
    for (char *p = out; *p; p++)
        if (*p == '.' && l != TEXT_EN)
            *p = ',';
}

/* Member "says": the words and what stands in them, put together by the page. */
static void field_error(struct ward_entry *e, size_t i)
{
    const struct ward_field *x = &e->form->field[i];
    enum text_lang l = e->f.v->l;
    struct jw *w = &e->f.v->w;
    char number[WARD_DIGITS];
    jw_key(w, "says");
    jw_obj(w);
    jw_kstrz(w, "id", e->error[i]);
    field_number_text(number, l, x->lo, x->decimals);
    jw_kstrz(w, "low", number);
    field_number_text(number, l, x->hi, x->decimals);
    jw_kstrz(w, "high", number);
    jw_kstrz(w, "unit", x->unit ? x->unit : "");
    jw_kint(w, "n", x->decimals);
    jw_obj_end(w);
}

static struct str field_choice(enum text_lang l, const struct ward_field *x,
                               struct str code, struct buf *own)
{
    char id[80];
    if (x->called)
        return x->called(l, code, own) ? STR_NULL : buf_str(own);
    snprintf(id, sizeof id, "%s.%.*s", x->word, (int)AM_MIN(code.n, (size_t)40),
             web_text_or(code).p);
    return text_get(l, id);
}

static void field_option(struct ward_entry *e, size_t i, struct str code, struct str text)
{
    struct jw *w = &e->f.v->w;
    jw_obj(w);
    jw_kstr(w, "value", code);
    ward_kstr(w, "text", text);
    jw_kbool(w, "selected", str_eq(code, e->value[i]));
    jw_obj_end(w);
}

static void field_options(struct ward_entry *e, size_t i)
{
    const struct ward_field *x = &e->form->field[i];
    struct jw *w = &e->f.v->w;
    struct str left = str_c(x->choices);
    struct buf own;
    jw_key(w, "options");
    jw_arr(w);
    jw_obj(w); /* nothing is chosen beforehand */
    jw_kstrz(w, "value", "");
    jw_kstrz(w, "text", "\xe2\x80\x94");
    jw_obj_end(w);
    while (left.n) {
        struct str code = str_cut(left, ' ', &left);
        buf_init(&own, WARD_TEXT);
        field_option(e, i, code, field_choice(e->f.v->l, x, code, &own));
        buf_release(&own);
    }
    if (x->kind == WARD_FOUND_CODE) {
        for (size_t k = 0; k < e->n_found; k++)
            field_option(e, i, str_c(e->found[k].code), str_c(e->found[k].name));
        if (x->word) /* none of these */
            field_option(e, i, STR("text"), text_get(e->f.v->l, x->word));
    }
    jw_arr_end(w);
}

static void field_put(struct ward_entry *e, size_t i)
{
    static const char *const kind[] = {
        [WARD_NUMBER] = "is_number",     [WARD_LINE] = "is_text",
        [WARD_DAY] = "is_text",          [WARD_AREA] = "is_area",
        [WARD_CHOICE] = "is_select",     [WARD_CLOCK] = "is_clock",
        [WARD_FOUND_CODE] = "is_select", [WARD_AHEAD] = "is_clock",
        [WARD_HIDDEN] = "is_hidden"};
    const struct ward_field *x = &e->form->field[i];
    struct jw *w = &e->f.v->w;
    char id[64], now[WARD_INSTANT], zone[WARD_INSTANT];
    jw_obj(w);
    jw_kstrz(w, "id", x->name);
    jw_kstrz(w, "name", x->name);
    if (x->kind != WARD_HIDDEN)
        field_label(w, e->f.v->l, x);
    snprintf(id, sizeof id, "ward_h.%s", x->name);
    if (text_has(e->f.v->l, id))
        jw_kstr(w, "help", text_get(e->f.v->l, id));
    jw_kstr(w, "value", str_utf8(e->value[i]) ? e->value[i] : STR(""));
    jw_kbool(w, "required", x->required);
    jw_kbool(w, kind[x->kind], true);
    if (x->kind == WARD_CHOICE || x->kind == WARD_FOUND_CODE)
        field_options(e, i);
    if (x->kind == WARD_CLOCK || x->kind == WARD_AHEAD) {
        ward_clock_now(e->f.v->now, now, zone);
        jw_kstrz(w, "zone", zone);
    }
    if (e->error[i]) {
        jw_kbool(w, "error", true);
        field_error(e, i);
    }
    jw_obj_end(w);
}

static void form_errors(struct ward_entry *e)
{
    struct jw *w = &e->f.v->w;
    int64_t n = 0;
    jw_key(w, "errors");
    jw_arr(w);
    for (size_t i = 0; i < e->form->n; i++) {
        if (!e->error[i])
            continue;
        n++;
        jw_obj(w);
        jw_kstrz(w, "field", e->form->field[i].name);
        field_label(w, e->f.v->l, &e->form->field[i]);
        field_error(e, i);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    if (n)
        jw_kint(w, "errors_n", n);
}

static void form_context(struct ward_entry *e)
{
    struct jw *w = &e->f.v->w;
    if (e->form->opens)
        web_open(e->f.v);
    else
        ward_file_context(&e->f, e->form->here);
    jw_kstrz(w, "form_title", e->form->title);
    jw_key(w, "action");
    if (e->form->opens)
        jw_strf(w, "%s", e->form->path);
    else
        jw_strf(w, "/patients/%s%s", e->f.id, e->form->path);
    jw_kstrz(w, "key", e->key);
}

static int form_send(struct ward_entry *e, int status, const char *template)
{
    return web_send(e->f.v, status, template,
                    (struct web_page){.title_id = e->form->title, .nav = "ward.nav"});
}

/* ---- the form ---- */
/* By what those who have no place on the page are searched. */
static struct str form_name(const struct ward_entry *e)
{
    struct str latin = ward_field_value(e, "family");
    return latin.n ? latin : ward_field_value(e, "family_ar");
}

static struct str form_born(const struct ward_entry *e)
{
    struct str s = ward_field_value(e, "born");
    return s.n == 10 ? s : STR("");
}

/* Who may be the same: each with his file, to be read beside this page. */
static void form_similar(struct ward_entry *e)
{
    struct jw *w = &e->f.v->w;
    jw_key(w, "similar");
    jw_arr(w);
    for (size_t i = 0; i < e->n_similar; i++) {
        jw_obj(w);
        jw_kstrz(w, "id", e->similar[i].id);
        ward_kstr(w, "latin", str_c(e->similar[i].latin));
        ward_kstr(w, "arabic", str_c(e->similar[i].arabic));
        ward_kwhen(w, "born", str_c(e->similar[i].born));
        ward_kstr(w, "ipp", str_c(e->similar[i].ipp));
        ward_kstr(w, "cin", str_c(e->similar[i].cin));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    if (e->n_similar)
        jw_kint(w, "similar_n", (int64_t)(e->n_similar + e->n_others));
    jw_kbool(w, "similar_unlooked", e->unlooked);
    if (e->n_others) {
        jw_kint(w, "others", (int64_t)e->n_others);
        jw_kstr(w, "others_name", form_name(e));
        jw_kstr(w, "others_born", form_born(e));
    }
}

static int form_fill(struct ward_entry *e, int status)
{
    struct jw *w = &e->f.v->w;
    form_context(e);
    jw_kbool(w, "saved", status == 200 && http_query(e->f.v->req, "saved").n > 0);
    jw_kbool(w, "again", http_query(e->f.v->req, "again").n > 0);
    form_errors(e);
    jw_key(w, "fields");
    jw_arr(w);
    for (size_t i = 0; i < e->form->n; i++)
        if (e->form->field[i].kind != WARD_FOUND_CODE || e->n_found || e->error[i])
            field_put(e, i);
    jw_arr_end(w);
    form_similar(e);
    return form_send(e, status, "ward_form");
}

/* ---- what will be written ---- */
static void review_row(struct ward_entry *e, size_t i)
{
    const struct ward_field *x = &e->form->field[i];
    enum text_lang l = e->f.v->l;
    struct jw *w = &e->f.v->w;
    char shown[WARD_DIGITS];
    struct buf own;
    buf_init(&own, WARD_TEXT);
    jw_obj(w);
    field_label(w, l, x);
    if (!e->value[i].n) {
        jw_kstrz(w, "words", "\xe2\x80\x94"); /* its absence is the doubt */
    } else if (x->kind == WARD_NUMBER) {
        snprintf(shown, sizeof shown, "%s", e->number[i]);
        for (char *p = shown; *p; p++)
            if (*p == '.' && l != TEXT_EN)
                *p = ',';
        jw_kstrz(w, "value", shown);
    } else if (x->kind == WARD_CHOICE) {
        jw_kstr(w, "words", field_choice(l, x, e->value[i], &own));
    } else if (x->kind == WARD_DAY) {
        ward_kwhen(w, "when", e->value[i]); /* as the reader writes days */
    } else if (x->kind == WARD_CLOCK || x->kind == WARD_AHEAD) {
        ward_kwhen(w, "when", str_c(e->instant[i]));
        jw_key(w, "zone");
        jw_strf(w, "UTC%s", e->instant[i] + 19);
    } else {
        ward_kstr(w, "words", e->value[i]);
    }
    jw_kbool(w, "doubt", e->doubt[i]);
    jw_obj_end(w);
    buf_release(&own);
}

static int form_review(struct ward_entry *e, int status)
{
    struct jw *w = &e->f.v->w;
    form_context(e);
    jw_kbool(w, "doubtful", ward_fields_doubt(e));
    jw_kbool(w, "unsure", ward_fields_doubt(e) && status == 422);
    if (e->failed)
        jw_kstrz(w, "failed", e->failed);
    jw_key(w, "rows");
    jw_arr(w);
    for (size_t i = 0; i < e->form->n; i++)
        if ((e->value[i].n || e->doubt[i]) && e->form->field[i].kind != WARD_FOUND_CODE &&
            e->form->field[i].kind != WARD_HIDDEN)
            review_row(e, i);
    if (e->form->tell)
        e->form->tell(e, w);
    jw_arr_end(w);
    /* Of what has the focus; what went wrong comes before it. */
    jw_kbool(w, "similar_first", !e->failed && !(ward_fields_doubt(e) && status == 422));
    form_similar(e);
    jw_key(w, "kept");
    jw_arr(w);
    for (size_t i = 0; i < e->form->n; i++) {
        jw_obj(w);
        jw_kstrz(w, "name", e->form->field[i].name);
        jw_kstr(w, "value", e->value[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return form_send(e, status, "ward_review");
}

/* ---- what stands there ---- */
static int saved_row(struct ward_entry *e, const struct json *r)
{
    struct jw *w = &e->f.v->w;
    const struct json *code = json_get(r, "code");
    int err = AM_OK;
    if (!code)
        code = json_get(r, "medicationCodeableConcept");
    jw_obj(w);
    ward_kconcept(w, e->f.v->l, "name", code);
    if (json_str_is(json_get(r, "resourceType"), "Observation"))
        err = ward_measure(w, e->f.v->l, r);
    ward_kstr(w, "note",
              json_get_str(json_at(json_get(r, "dosageInstruction"), 0), "text"));
    jw_obj_end(w);
    return err;
}

static int form_saved(struct ward_entry *e, bool again)
{
    struct ward_reply r;
    struct jw *w = &e->f.v->w;
    int64_t n = 0;
    int err = ward_tx_find(e, &r);
    form_context(e);
    jw_kbool(w, "again", again);
    jw_kbool(w, "unread", err != AM_OK);
    jw_key(w, "rows");
    jw_arr(w);
    for (json_each(it, json_get(r.root, "entry"))) {
        const struct json *x = json_get(it.val, "resource");
        if (err || !json_str_is(json_get(x, "resourceType"), e->form->type))
            continue;
        n++;
        err = saved_row(e, x);
    }
    jw_arr_end(w);
    jw_kbool(w, "none", !err && !n);
    if (n)
        jw_kint(w, "n", n);
    ward_reply_release(&r);
    return err == AM_E_NOMEM ? err : form_send(e, n ? 200 : 404, "ward_saved");
}

/* ---- once ---- */
static bool once_begin(struct ward_entry *e)
{
    struct ward *w = e->f.v->pages;
    char *place = NULL;
    bool taken = false;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WARD_PENDING; i++) {
        taken = taken || !strcmp(w->pending[i], e->key);
        if (!w->pending[i][0])
            place = w->pending[i];
    }
    if (place && !taken)
        memcpy(place, e->key, sizeof e->key);
    pthread_mutex_unlock(&w->lock);
    return place && !taken;
}

static void once_end(struct ward_entry *e)
{
    struct ward *w = e->f.v->pages;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < WARD_PENDING; i++)
        if (!strcmp(w->pending[i], e->key))
            w->pending[i][0] = 0;
    pthread_mutex_unlock(&w->lock);
}

static int once_there(struct ward_entry *e, bool *there)
{
    struct ward_reply r;
    int err;
    if (e->form->there)
        return e->form->there(e, there);
    err = ward_tx_find(e, &r);
    *there = !err && json_size(json_get(r.root, "entry")) > 0;
    if (!err && !r.root)
        err = AM_E_UNAVAILABLE;
    ward_reply_release(&r);
    return err;
}

static int form_saved_at(struct ward_entry *e, bool again)
{
    char to[WARD_TO];
    if (e->form->after)
        e->form->after(e, to);
    else
        snprintf(to, sizeof to, "/patients/%s%s?saved=%s%s", e->f.id,
                 e->form->done ? e->form->done : e->form->path, e->key,
                 again ? "&again=1" : "");
    return web_redirect(e->f.v, to);
}

/* Nothing typed is lost by what goes wrong: the page before writing comes again. */
static int form_failed(struct ward_entry *e, int err)
{
    if (err == AM_E_NOMEM || err == AM_E_FORBIDDEN || err == AM_E_UNAUTHORIZED ||
        err == AM_E_NOTFOUND)
        return err;
    if (err == AM_E_CONFLICT && e->form->conflict && !e->failed)
        e->failed = e->form->conflict;
    if (!e->failed)
        e->failed = err == AM_E_INVALID || err == AM_E_TOOBIG ? "ward_e.refused"
                                                              : "ward_e.unsure";
    return form_review(e, am_err_http(err) >= 500 ? 503 : am_err_http(err));
}

static int form_write(struct ward_entry *e)
{
    bool there = false;
    int err;
    if (!once_begin(e))
        return form_failed(e, AM_E_UNAVAILABLE);
    err = once_there(e, &there);
    if (!err && !there)
        err = e->form->send ? e->form->send(e) : ward_tx_send(e);
    once_end(e);
    return err ? form_failed(e, err) : form_saved_at(e, there);
}

/* ---- pages ---- */
bool ward_form_may(const struct web_visit *v, const struct ward_form *form)
{
    return door_grants(v->who.role, "Provenance", 'c') &&
           door_grants(v->who.role, form->type, form->changes ? 'u' : 'c') &&
           (!form->also || door_grants(v->who.role, form->also, 'c'));
}

static bool key_ok(struct str s)
{
    uint8_t raw[16];
    return s.n == 32 && !crypto_unhex(s, raw, sizeof raw);
}

static int form_first(struct ward_entry *e, char now[WARD_INSTANT])
{
    uint8_t raw[16];
    int err = crypto_random(raw, sizeof raw);
    if (err)
        return err;
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40); /* also a UUID: of what it opens */
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    crypto_hex(raw, sizeof raw, e->key);
    ward_clock_now(e->f.v->now, now, NULL);
    for (size_t i = 0; i < e->form->n; i++)
        e->value[i] = e->form->field[i].kind == WARD_CLOCK ? str_c(now) : STR("");
    err = e->form->first ? e->form->first(e) : AM_OK;
    return err ? err : form_fill(e, 200);
}

static int get_opened(struct ward_entry *e)
{
    struct web_visit *v = e->f.v;
    char now[WARD_INSTANT];
    struct str saved = http_query(v->req, "saved"), again = http_query(v->req, "again");
    if (!saved.n || e->form->done)
        return form_first(e, now);
    if (!key_ok(saved))
        return AM_E_NOTFOUND;
    snprintf(e->key, sizeof e->key, "%.*s", STR_FMT(saved));
    return form_saved(e, again.n > 0);
}

static int form_file(struct ward_entry *e, struct web_visit *v)
{
    if (!e->form->opens)
        return ward_file_open(&e->f, v);
    e->f = (struct ward_file){.v = v};
    return AM_OK;
}

int ward_form_get(struct web_visit *v, const struct ward_form *form)
{
    struct ward_entry *e;
    int err;
    if (!ward_form_may(v, form))
        return AM_E_FORBIDDEN;
    e = am_calloc(1, sizeof *e);
    if (!e)
        return AM_E_NOMEM;
    e->form = form;
    err = form_file(e, v);
    if (!err)
        err = get_opened(e);
    ward_file_close(&e->f);
    free(e);
    return ward_file_none(v, err);
}

static int post_opened(struct ward_entry *e)
{
    struct web_visit *v = e->f.v;
    struct str key = web_kept(v, "key", STR("")), step = web_kept(v, "step", STR(""));
    if (!key_ok(key))
        return AM_E_INVALID;
    snprintf(e->key, sizeof e->key, "%.*s", STR_FMT(key));
    e->sure = str_eqc(web_kept(v, "sure", STR("")), "1");
    if (ward_fields_read(e))
        return AM_E_NOMEM;
    if (str_eqc(step, "edit"))
        return form_fill(e, 200);
    ward_fields_check(e);
    if (ward_fields_wrong(e))
        return form_fill(e, 422);
    if (!str_eqc(step, "write"))
        return form_review(e, 200);
    if (ward_fields_doubt(e) && !e->sure)
        return form_review(e, 422);
    return form_write(e);
}

int ward_form_post(struct web_visit *v, const struct ward_form *form)
{
    struct ward_entry *e;
    int err = ward_form_may(v, form) ? web_check_csrf(v) : AM_E_FORBIDDEN;
    if (err)
        return err;
    e = am_calloc(1, sizeof *e);
    if (!e)
        return AM_E_NOMEM;
    e->form = form;
    err = form_file(e, v);
    if (!err)
        err = post_opened(e);
    ward_file_close(&e->f);
    free(e);
    return ward_file_none(v, err);
}
