/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: $validate-code of code systems and value sets, $expand. */
#include "base/clock.h"
#include "fhir/fhir_tx_op_priv.h"

/* ---- $validate-code ---- */
static bool op_display_is(const struct fhir_tx_system *s, uint32_t c, struct str display)
{
    size_t n;
    const struct fhir_tx_word *w = fhir_tx_words(s, c, &n);
    if (str_eq_nocase(s->concept.v[c].display, display))
        return true;
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(w[i].text, display))
            return true;
    return false;
}

/* Why not, in the reader's language. */
static int op_message(const struct op *o, const char *code, const char *detail)
{
    struct buf text;
    struct diag d;
    int err = AM_OK;
    diag_init(&d);
    buf_init(&text, 4096);
    diag_err(&d, "", code, "%s", detail);
    if (!d.n)
        err = AM_E_NOMEM;
    else
        err = o->how->say ? o->how->say(o->how->cookie, &text, &d.item[0])
                          : buf_adds(&text, detail);
    if (!err)
        fhir_op_put(o, "message", "valueString", buf_str(&text));
    buf_release(&text);
    diag_release(&d);
    return err;
}

/* s NULL: a code of a system that is not loaded, listed by the set. */
static int op_verdict(const struct op *o, bool in, const struct op_code *c,
                      const struct fhir_tx_system *s, uint32_t at, bool of_set)
{
    bool known = s && at != FHIR_TX_NONE;
    bool named = !c->display.n || !known || op_display_is(s, at, c->display);
    int err = AM_OK;
    fhir_op_begin(o);
    fhir_op_put_flag(o, "result", in && named);
    if (!in)
        err = of_set ? op_message(o, "term.not_in_set", "the value set has no such code")
                     : op_message(o, "term.not_in_system", "the system has no such code");
    else if (!named)
        err = op_message(o, "term.display", "the display is not one of this code");
    if (known && in && fhir_tx_display(s, at, o->lang).n)
        fhir_op_put(o, "display", "valueString", fhir_tx_display(s, at, o->lang));
    fhir_op_end(o);
    return err;
}

int fhir_op_validate_code(const struct op *o)
{
    const struct fhir_tx_system *s = NULL;
    struct op_code c;
    uint32_t at = FHIR_TX_NONE;
    int err = fhir_op_code(o, "code", "coding", &c);
    if (!err && str_eqc(c.system, TX_UCUM) &&
        !fhir_tx_system(o->t, c.system, STR_NULL)) /* the grammar knows all of them */
        return op_verdict(o, fhir_tx_is_unit(c.system, c.code), &c, NULL, at, false);
    if (!err)
        err = fhir_op_concept(o, &c, &s, &at);
    if (!err && at == FHIR_TX_NONE && !s->complete)
        return fhir_op_absent(o, c.system, "term.partial"); /* of a part: never a no */
    return err ? err : op_verdict(o, at != FHIR_TX_NONE, &c, s, at, false);
}

static int op_in_set(const struct op *o, const struct fhir_tx_set *set,
                     const struct op_code *c, bool *in)
{
    return fhir_tx_member(o->t, set, c->system, c->code, in, o->d);
}

static int op_set(const struct op *o, const struct fhir_tx_set **set)
{
    char room[FHIR_OP_URL];
    struct str url;
    int err;
    if (fhir_op_given(o, "valueSet")) {
        fhir_tx_bad(o->d, STR("valueSet"), "term.given_set");
        return AM_E_UNSUPPORTED;
    }
    err = fhir_op_canonical(o, "valueSetVersion", room, sizeof room, &url);
    if (err)
        return err;
    if (!url.n)
        return fhir_op_wants(o, "url");
    *set = fhir_tx_set(o->t, url);
    return *set ? AM_OK : fhir_op_absent(o, url, "term.set");
}

int fhir_op_validate_set(const struct op *o)
{
    const struct json *concept = fhir_op_object(o, "codeableConcept");
    const struct fhir_tx_set *set;
    const struct fhir_tx_system *s;
    struct op_code c = {.code = STR_NULL};
    bool in = false;
    int err = op_set(o, &set);
    if (err)
        return err;
    if (concept) {
        for (json_each(it, json_get(concept, "coding"))) {
            c = fhir_op_coding(it.val);
            err = c.code.n ? op_in_set(o, set, &c, &in) : AM_OK;
            if (err || in)
                break;
        }
    } else {
        c = fhir_op_object(o, "coding")
                ? fhir_op_coding(fhir_op_object(o, "coding"))
                : (struct op_code){fhir_op_text(o, "system"), STR_NULL,
                                   fhir_op_text(o, "code"), fhir_op_text(o, "display")};
        err = c.code.n ? op_in_set(o, set, &c, &in) : fhir_op_wants(o, "code");
    }
    if (err)
        return err;
    s = fhir_tx_system(o->t, c.system, STR(""));
    return op_verdict(o, in, &c, s, s ? fhir_tx_find(s, c.code) : FHIR_TX_NONE, true);
}

/* ---- $expand ---- */
static int op_number(const struct op *o, const char *name, size_t otherwise, size_t *out)
{
    static const char *const member[] = {"valueInteger"};
    const struct json *v = fhir_op_value(o, name, member, 1);
    struct str text = json_num_text(v);
    int64_t i = v ? json_int(v, -1) : 0;
    if (v && text.n && str_int(text, 0, INT32_MAX, &i))
        i = -1;
    *out = v ? (size_t)i : otherwise;
    return i < 0 ? fhir_tx_bad(o->d, str_c(name), "term.parameter") : AM_OK;
}

static void op_contains(const struct op *o, const struct fhir_tx_coded *c, bool words)
{
    unsigned flags = c->of ? c->of->concept.v[c->concept].flags : 0;
    size_t n = 0;
    const struct fhir_tx_word *w =
        words && c->of ? fhir_tx_words(c->of, c->concept, &n) : NULL;
    struct str display =
        c->of && o->lang.n ? fhir_tx_display(c->of, c->concept, o->lang) : c->display;
    jw_obj(o->w);
    jw_kstr(o->w, "system", c->system);
    if (flags & FHIR_TX_ABSTRACT)
        jw_kbool(o->w, "abstract", true);
    if (flags & FHIR_TX_INACTIVE)
        jw_kbool(o->w, "inactive", true);
    if (c->version.n)
        jw_kstr(o->w, "version", c->version);
    jw_kstr(o->w, "code", c->code);
    if (display.n)
        jw_kstr(o->w, "display", display);
    if (n) {
        jw_key(o->w, "designation");
        jw_arr(o->w);
        for (size_t i = 0; i < n; i++) {
            jw_obj(o->w);
            if (w[i].lang.n)
                jw_kstr(o->w, "language", w[i].lang);
            if (w[i].use.n) {
                jw_key(o->w, "use");
                jw_obj(o->w);
                jw_kstr(o->w, "code", w[i].use);
                jw_obj_end(o->w);
            }
            jw_kstr(o->w, "value", w[i].text);
            jw_obj_end(o->w);
        }
        jw_arr_end(o->w);
    }
    jw_obj_end(o->w);
}

int fhir_op_expand(const struct op *o)
{
    struct fhir_tx_page page = {.filter = fhir_op_text(o, "filter"),
                                .lang = o->lang,
                                .active_only = fhir_op_flag(o, "activeOnly")};
    bool words = fhir_op_flag(o, "includeDesignations");
    const struct fhir_tx_set *set = NULL;
    struct fhir_tx_expansion e = {.n = 0};
    char at[TIME_TEXT];
    int err = op_set(o, &set);
    if (!err)
        err = op_number(o, "offset", 0, &page.offset);
    if (!err)
        err = op_number(o, "count", SIZE_MAX, &page.count);
    if (!err)
        err = fhir_tx_expand(o->t, set, &page, &e, o->d);
    if (err)
        return err;
    jw_obj(o->w);
    jw_kstrz(o->w, "resourceType", "ValueSet");
    jw_kstr(o->w, "url", set->url);
    if (set->version.n)
        jw_kstr(o->w, "version", set->version);
    jw_kstrz(o->w, "status", "active");
    jw_key(o->w, "expansion");
    jw_obj(o->w);
    jw_kstrz(o->w, "timestamp", time_format(time_now(), at));
    jw_kint(o->w, "total", (int64_t)e.total);
    jw_kint(o->w, "offset", (int64_t)page.offset);
    if (e.n) {
        jw_key(o->w, "contains");
        jw_arr(o->w);
        for (size_t i = 0; i < e.n; i++)
            op_contains(o, &e.v[i], words);
        jw_arr_end(o->w);
    }
    jw_obj_end(o->w);
    jw_obj_end(o->w);
    free(e.v);
    return AM_OK;
}
