/* SPDX-License-Identifier: Apache-2.0 */
/* Why this message: the values that were read, what they weighed, what is not known. */
#include <math.h>

#include "base/clock.h"
#include "web/web_site_node_priv.h"

enum { WEIGHED = 5, INPUTS = 512 };

static const struct json *declared(const struct json *version, struct str name)
{
    for (json_each(it, json_get(version, "inputs")))
        if (str_eq(json_get_str(it.val, "name"), name))
            return it.val;
    return NULL;
}

/* A code that stands for a number is shown as the code: 1 -> male; in the words the
 * record has for it, where it has some. */
static struct str code_of(const struct json *input, double value)
{
    for (json_each(it, json_get(input, "values")))
        if (json_num(it.val, NAN) == value)
            return it.key;
    return STR_NULL;
}

static struct str code_words(enum text_lang l, const struct json *input, struct str code)
{
    const struct json *own = json_getn(json_get(input, "value_texts"), code);
    char id[WEB_ID_MAX];
    if (own)
        return web_text_or(web_words(l, own));
    snprintf(id, sizeof id, "sex.%.*s", (int)AM_MIN(code.n, 60), code.p);
    if (str_eqc(json_get_str(input, "source"), "patient.sex") && text_has(l, id))
        return text_get(l, id);
    return web_text_or(code);
}

/* UCUM codes as clinicians write them. */
static struct str unit_words(enum text_lang l, struct str unit)
{
    static const char *const written[][2] = {{"mm[Hg]", "mmHg"},
                                             {"kg/m2", "kg/m\xc2\xb2"},
                                             {"Cel", "\xc2\xb0"
                                                     "C"},
                                             {"1", ""}};
    if (str_eqc(unit, "a"))
        return text_get(l, "unit.years");
    for (size_t i = 0; i < AM_LEN(written); i++)
        if (str_eqc(unit, written[i][0]))
            return str_c(written[i][1]);
    return web_text_or(unit);
}

static void value(struct jw *w, enum text_lang l, const struct json *input,
                  const struct json *x)
{
    const struct json *raw = json_get(x, "value");
    double number = json_num(raw, NAN);
    struct str unit = unit_words(l, json_get_str(x, "unit")),
               code = code_of(input, number);
    struct buf b;
    buf_init(&b, 1 << 15); /* a text of the record, or a number */
    int err = AM_OK;
    jw_kbool(w, "missing", !isfinite(number));
    if (!isfinite(number)) {
        err = buf_adds(&b, "\xe2\x80\x94");
    } else if (code.n) {
        err = buf_add(&b, code_words(l, input, code));
    } else if (str_eqc(json_get_str(input, "type"), "boolean")) {
        err = buf_add(&b, text_get(l, number != 0 ? "word.yes" : "word.no"));
    } else {
        char digits[JSON_NUM];
        size_t n = json_num_format(number, digits),
               point = str_find((struct str){digits, n}, '.');
        int decimals = point < n ? (int)AM_MIN(n - point - 1, 3) : 0;
        err = text_num(&b, l, number, decimals);
        if (!err && unit.n)
            err = buf_addf(&b, "\xc2\xa0%.*s", STR_FMT(unit));
    }
    if (!err)
        jw_kstr(w, "value", web_text_or(buf_str(&b)));
    buf_release(&b);
}

static void one(struct jw *w, enum text_lang l, const struct json *x,
                const struct json *version)
{
    const struct json *input = declared(version, json_get_str(x, "name"));
    double weight = json_num(json_get(x, "contribution"), NAN);
    jw_obj(w);
    jw_kstr(w, "name",
            input ? web_input_name(l, input) : web_text_or(json_get_str(x, "name")));
    value(w, l, input, x);
    web_ktime(w, "date", json_get_str(x, "at"));
    if (isfinite(weight) && weight != 0) {
        jw_kstrz(w, "direction", weight > 0 ? "raises" : "lowers");
        jw_kstrz(w, "icon", weight > 0 ? "up" : "down");
    }
    jw_obj_end(w);
}

struct rank {
    double weight;
    const struct json *x;
};

static int heavier(const void *a, const void *b)
{
    double x = ((const struct rank *)a)->weight, y = ((const struct rank *)b)->weight;
    return x < y ? 1 : x > y ? -1 : 0;
}

void web_node_inputs(struct jw *w, enum text_lang l, const struct json *prediction,
                     const struct json *version)
{
    struct rank rank[INPUTS];
    size_t n = 0;
    jw_key(w, "inputs");
    jw_arr(w);
    for (json_each(it, json_get(prediction, "inputs"))) {
        double weight = fabs(json_num(json_get(it.val, "contribution"), NAN));
        one(w, l, it.val, version);
        if (isfinite(weight) && weight > 0 && n < INPUTS)
            rank[n++] = (struct rank){weight, it.val};
    }
    jw_arr_end(w);
    qsort(rank, n, sizeof *rank, heavier);
    jw_key(w, "weighed");
    jw_arr(w);
    for (size_t i = 0; i < n && i < WEIGHED; i++)
        one(w, l, rank[i].x, version);
    jw_arr_end(w);
    jw_kbool(w, "explained", n > 0);
}

static void all_words(struct jw *w, enum text_lang l, const struct json *list)
{
    for (json_each(it, list)) {
        struct str words = web_words(l, it.val);
        if (words.n)
            jw_str(w, words);
    }
}

void web_node_limits(struct jw *w, enum text_lang l, const struct json *version)
{
    const struct json *out = json_get(version, "out_of_scope"),
                      *risks = json_get(version, "known_risks"),
                      *not_for = json_get(json_get(version, "population"), "exclusion");
    jw_key(w, "limits");
    jw_arr(w);
    all_words(w, l, out);
    all_words(w, l, not_for);
    all_words(w, l, risks);
    jw_arr_end(w);
    jw_kbool(w, "has_limits", json_size(out) + json_size(risks) + json_size(not_for) > 0);
}

/* The largest data set it was tested on, in words. */
void web_node_tested(struct web_visit *v, const struct web_evidence *e)
{
    const struct json *best = NULL;
    for (size_t i = 0; e && i < e->n; i++) {
        const struct json *d = json_get(e->record[i], "dataset");
        if (!best || json_int(json_get(d, "n"), 0) > json_int(json_get(best, "n"), 0))
            best = d;
    }
    if (!best)
        return;
    struct buf b;
    buf_init(&b, 8192);
    int err = text_plural(&b, v->l, "page.tested_patients",
                          json_int(json_get(best, "n"), 0), NULL, 0);
    for (json_each(it, json_get(best, "sites"))) {
        if (err || it.i >= 12)
            break;
        err = buf_addf(&b, "%s%.*s", it.i ? ", " : " \xc2\xb7 ",
                       STR_FMT(web_text_or(json_get_str(it.val, "site"))));
    }
    if (!err)
        jw_kstr(&v->w, "tested", buf_str(&b));
    buf_release(&b);
}
