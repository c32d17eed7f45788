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

/* Is it a code of its system? s NULL: of one that is not loaded, by its grammar. */
static int op_code_known(const struct op *o, const struct op_code *c, bool *in,
                         const struct fhir_tx_system **s, uint32_t *at)
{
    int err;
    *s = NULL;
    *at = FHIR_TX_NONE;
    if (fhir_op_unit(o, c, s, at, in))
        return AM_OK;
    err = fhir_op_concept(o, c, s, at);
    if (!err && *at == FHIR_TX_NONE && !(*s)->complete)
        return fhir_op_absent(o, c->system, "term.partial"); /* of a part: never a no */
    *in = *at != FHIR_TX_NONE;
    return err;
}

/* abstract = false: where one that is not for use does not do. */
static bool op_usable(const struct op *o, const struct fhir_tx_system *s, uint32_t at)
{
    return fhir_op_said(o, "abstract") != 0 || !s || at == FHIR_TX_NONE ||
           !(s->concept.v[at].flags & FHIR_TX_ABSTRACT);
}

/* Of a CodeableConcept the first that is a code of the system asked about. */
static int op_concept_known(const struct op *o, struct str system, struct op_code *c,
                            bool *in, const struct fhir_tx_system **s, uint32_t *at)
{
    int err = AM_OK;
    bool any = false;
    *in = false;
    *s = NULL;
    *at = FHIR_TX_NONE;
    for (json_each(it, json_get(fhir_op_object(o, "codeableConcept"), "coding"))) {
        struct op_code one = fhir_op_coding(it.val);
        if (*in || err || (system.n && !str_eq(one.system, system)) || !one.code.n)
            continue;
        *c = one;
        any = true;
        err = op_code_known(o, c, in, s, at);
    }
    return err || any ? err : fhir_op_wants(o, "codeableConcept");
}

int fhir_op_validate_code(const struct op *o)
{
    const struct fhir_tx_system *s = NULL;
    struct op_code c = {.code = STR_NULL};
    uint32_t at = FHIR_TX_NONE;
    bool in = false;
    struct str url = o->given.n ? o->given : fhir_op_text(o, "url");
    int err;
    if (fhir_op_object(o, "codeableConcept")) {
        err = op_concept_known(o, url, &c, &in, &s, &at);
    } else {
        err = fhir_op_code(o, "code", "coding", &c);
        if (!err)
            err = op_code_known(o, &c, &in, &s, &at);
    }
    return err ? err : op_verdict(o, in && op_usable(o, s, at), &c, s, at, false);
}

static int op_in_set(const struct op *o, const struct fhir_tx_set *set,
                     const struct op_code *c, bool *in)
{
    return fhir_tx_member(o->t, set, c->system, c->code, in, o->d);
}

/* *own: as of fhir_tx_implied(); to be freed. */
static int op_set(const struct op *o, const struct fhir_tx_set **set,
                  struct fhir_tx **own)
{
    char room[FHIR_OP_URL];
    struct str url;
    int err = fhir_op_canonical(o, "valueSetVersion", room, sizeof room, &url);
    if (err)
        return err;
    if (!url.n)
        return fhir_op_wants(o, "url");
    err = fhir_tx_implied(o->t, url, own, set, o->d);
    return err == AM_E_NOTFOUND ? fhir_op_absent(o, url, "term.set") : err;
}

static int op_member(const struct op *o, const struct fhir_tx_set *set, struct op_code *c,
                     bool *in)
{
    const struct json *concept = fhir_op_object(o, "codeableConcept");
    int err = AM_OK;
    if (!concept) {
        *c = fhir_op_object(o, "coding")
                 ? fhir_op_coding(fhir_op_object(o, "coding"))
                 : (struct op_code){fhir_op_text(o, "system"),
                                    fhir_op_text(o, "systemVersion"),
                                    fhir_op_text(o, "code"), fhir_op_text(o, "display")};
        return c->code.n ? op_in_set(o, set, c, in) : fhir_op_wants(o, "code");
    }
    for (json_each(it, json_get(concept, "coding"))) {
        if (err || *in)
            break;
        *c = fhir_op_coding(it.val);
        err = c->code.n ? op_in_set(o, set, c, in) : AM_OK;
    }
    return err;
}

int fhir_op_validate_set(const struct op *o)
{
    const struct fhir_tx_set *set;
    const struct fhir_tx_system *s;
    struct op_code c = {.code = STR_NULL};
    struct fhir_tx *own = NULL;
    bool in = false;
    int err = op_set(o, &set, &own);
    if (!err)
        err = op_member(o, set, &c, &in);
    if (!err && c.version.n &&
        !str_eqc(c.system, TX_UCUM) && /* a grammar, loaded or not */
        !fhir_tx_system(o->t, c.system, c.version))
        err = fhir_op_absent(o, c.system, "term.system"); /* not in that version */
    if (!err) {
        uint32_t at;
        s = fhir_tx_system(o->t, c.system, c.version);
        at = s ? fhir_tx_find(s, c.code) : FHIR_TX_NONE;
        err = op_verdict(o, in && op_usable(o, s, at), &c, s, at, true);
    }
    fhir_tx_free(own);
    return err;
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

/* designation: the language or the use of those that are told; none said: all. */
static bool op_word_wanted(const struct op *o, const struct fhir_tx_word *w)
{
    static const char *const text[] = {"valueString", "valueCode", "valueUri"};
    bool any = false;
    for (json_each(it, json_get(o->in, "parameter"))) {
        struct str want, code;
        if (!json_str_is(json_get(it.val, "name"), "designation"))
            continue;
        any = true;
        for (size_t i = 0; i < AM_LEN(text); i++) {
            want = json_get_str(it.val, text[i]);
            (void)str_cut(want, '|', &code);
            if (!code.n)
                code = want;
            if (code.n && (str_eq(code, w->lang) || str_eq(code, w->use)))
                return true;
        }
    }
    return !any;
}

/* What was asked, as it was understood. */
static void op_echo(const struct op *o)
{
    static const char *const text[] = {"filter", "displayLanguage", "exclude-system"};
    static const char *const flag[] = {"activeOnly", "includeDesignations",
                                       "excludeNested", "excludeNotForUI"};
    bool any = fhir_op_given(o, "count") || fhir_op_given(o, "offset");
    for (size_t i = 0; i < AM_LEN(text); i++)
        any |= fhir_op_text(o, text[i]).n > 0;
    for (size_t i = 0; i < AM_LEN(flag); i++)
        any |= fhir_op_given(o, flag[i]);
    if (!any)
        return;
    jw_key(o->w, "parameter");
    jw_arr(o->w);
    for (size_t i = 0; i < AM_LEN(text); i++)
        if (fhir_op_text(o, text[i]).n)
            fhir_op_put(o, text[i], "valueString", fhir_op_text(o, text[i]));
    for (size_t i = 0; i < AM_LEN(flag); i++)
        if (fhir_op_given(o, flag[i]))
            fhir_op_put_flag(o, flag[i], fhir_op_flag(o, flag[i]));
    for (json_each(it, json_get(o->in, "parameter")))
        if (json_str_is(json_get(it.val, "name"), "count") ||
            json_str_is(json_get(it.val, "name"), "offset"))
            jw_val(o->w, it.val);
    jw_arr_end(o->w);
}

static void op_contains(const struct op *o, const struct fhir_tx_coded *c, bool words)
{
    unsigned flags = c->of ? c->of->concept.v[c->concept].flags : 0;
    size_t n = 0, told = 0;
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
    for (size_t i = 0; i < n; i++)
        told += op_word_wanted(o, &w[i]);
    if (told) {
        jw_key(o->w, "designation");
        jw_arr(o->w);
        for (size_t i = 0; i < n; i++) {
            if (!op_word_wanted(o, &w[i]))
                continue;
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
                                .active_only = fhir_op_flag(o, "activeOnly"),
                                .concrete = fhir_op_flag(o, "excludeNotForUI"),
                                .without = fhir_op_text(o, "exclude-system")};
    bool words = fhir_op_flag(o, "includeDesignations");
    const struct fhir_tx_set *set = NULL;
    struct fhir_tx_expansion e = {.n = 0};
    struct fhir_tx *own = NULL;
    char at[TIME_TEXT];
    int err = op_set(o, &set, &own);
    if (!err)
        err = op_number(o, "offset", 0, &page.offset);
    if (!err)
        err = op_number(o, "count", SIZE_MAX, &page.count);
    if (!err)
        err = fhir_tx_expand(o->t, set, &page, &e, o->d);
    if (err) {
        fhir_tx_free(own);
        return err;
    }
    jw_obj(o->w);
    jw_kstrz(o->w, "resourceType", "ValueSet");
    if (!str_eqc(set->url, FHIR_TX_GIVEN))
        jw_kstr(o->w, "url", set->url);
    if (set->version.n)
        jw_kstr(o->w, "version", set->version);
    jw_kstrz(o->w, "status", "active");
    jw_key(o->w, "expansion");
    jw_obj(o->w);
    jw_kstrz(o->w, "timestamp", time_format(time_now(), at));
    jw_kint(o->w, "total", (int64_t)e.total);
    jw_kint(o->w, "offset", (int64_t)page.offset);
    op_echo(o);
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
    fhir_tx_free(own);
    return AM_OK;
}
