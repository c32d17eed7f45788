/* SPDX-License-Identifier: Apache-2.0 */
/* Narration: what happens, in the reader's language, on the terminal and in the report.
 */
#include "demo.h"

#include <stdarg.h>
#include <unistd.h>

static const char *demo_ring(const char *text)
{
    static char ring[16][160];
    static unsigned at;
    char *slot = ring[at++ % AM_LEN(ring)];
    snprintf(slot, sizeof ring[0], "%s", text);
    return slot;
}

/* A value that each language writes in its own way travels marked, and is written out by
 * demo_say(), once per language: n DECIMALS:NUMBER, i INTEGER, w CATALOGUE-ID, and
 * j {"fr": ...} in the arena. */
#define DEMO_MARK "\001"

const char *demo_num(struct demo *m, double v, int decimals)
{
    char z[64];
    (void)m;
    snprintf(z, sizeof z, DEMO_MARK "n%d:%.17g", decimals, v);
    return demo_ring(z);
}

const char *demo_int(struct demo *m, int64_t v)
{
    char z[64];
    (void)m;
    snprintf(z, sizeof z, DEMO_MARK "i%lld", (long long)v);
    return demo_ring(z);
}

const char *demo_short(const char *hex)
{
    char z[16];
    snprintf(z, sizeof z, "%.12s", hex);
    return demo_ring(z);
}

const char *demo_word(struct demo *m, const char *prefix, const char *code)
{
    char z[128];
    (void)m;
    snprintf(z, sizeof z, DEMO_MARK "w%s.%s", prefix, code);
    return demo_ring(z);
}

const char *demo_words(struct demo *m, const struct json *v)
{
    const char *z = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 65536);
    jw_init(&w, &b);
    jw_val(&w, v);
    if (jw_done(&w) == AM_OK)
        z = arena_printf(&m->d.arena, DEMO_MARK "j%s", b.p);
    buf_release(&b);
    return z ? z : "?";
}

static int demo_write_words(struct buf *out, enum text_lang l, struct str json)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, json, NULL, NULL);
    if (!err)
        err = buf_add(out, json_get_str(json_root(doc), text_lang_code(l)));
    json_free(doc);
    return err;
}

static int demo_write(struct buf *out, enum text_lang l, const char *z)
{
    struct str v = str_c(z), rest;
    int64_t i = 0;
    double x;
    int err;
    if (!str_starts(v, STR(DEMO_MARK)))
        return buf_add(out, v);
    v = str_sub(v, 2, v.n);
    switch (z[1]) {
    case 'i':
        err = str_int(v, INT64_MIN, INT64_MAX, &i);
        return err ? err : text_int(out, l, i);
    case 'n':
        err = str_int(str_cut(v, ':', &rest), 0, 12, &i);
        if (!err)
            err = str_double(rest, &x);
        return err ? buf_adds(out, "?") : text_num(out, l, x, (int)i);
    case 'w':
        return buf_add(out, text_get(l, v.p));
    default:
        return demo_write_words(out, l, v);
    }
}

static bool demo_colour(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

void demo_title(struct demo *m, const char *id)
{
    struct str t = text_get(m->lang, id);
    if (m->step)
        jw_arr_end(&m->w), jw_obj_end(&m->w);
    m->step++;
    jw_obj(&m->w);
    jw_kint(&m->w, "n", m->step);
    jw_kstrz(&m->w, "title", id);
    jw_knum(&m->w, "seconds", (double)(time_mono() - m->started_at) / 1e6);
    jw_key(&m->w, "lines");
    jw_arr(&m->w);
    if (!m->quiet)
        printf(demo_colour() ? "\n\033[1m%u. %.*s\033[0m\n" : "\n%u. %.*s\n", m->step,
               STR_FMT(t));
    fflush(stdout);
}

enum { DEMO_ARGS = 6 };

static int demo_line(struct buf *out, enum text_lang l, const char *id,
                     const char *const (*pair)[2], size_t n)
{
    struct text_arg arg[DEMO_ARGS];
    struct buf value[DEMO_ARGS];
    int err = AM_OK;
    for (size_t i = 0; i < n; i++) {
        buf_init(&value[i], 8192);
        if (!err)
            err = demo_write(&value[i], l, pair[i][1]);
        arg[i] = (struct text_arg){pair[i][0], buf_str(&value[i])};
    }
    if (!err)
        err = text_fmt(out, l, id, arg, n);
    for (size_t i = 0; i < n; i++)
        buf_release(&value[i]);
    return err;
}

void demo_say_pairs(struct demo *m, const char *id, ...)
{
    const char *pair[DEMO_ARGS][2];
    size_t n = 0;
    va_list ap;
    va_start(ap, id);
    for (; n < DEMO_ARGS; n++) {
        pair[n][0] = va_arg(ap, const char *);
        if (!pair[n][0])
            break;
        pair[n][1] = va_arg(ap, const char *);
    }
    va_end(ap);
    jw_obj(&m->w);
    for (int l = 0; l < TEXT_LANGS; l++) {
        struct buf b;
        buf_init(&b, 32768);
        if (demo_line(&b, (enum text_lang)l, id, (const char *const(*)[2])pair, n) ==
            AM_OK) {
            jw_kstr(&m->w, text_lang_code((enum text_lang)l), buf_str(&b));
            if (!m->quiet && (enum text_lang)l == m->lang)
                printf("   %s\n", b.p);
        }
        buf_release(&b);
    }
    jw_obj_end(&m->w);
    fflush(stdout);
}

int demo_fail(struct demo *m, const char *what, const char *detail)
{
    fflush(stdout);
    fprintf(stderr, "amane demo: %s: %s (logs in %s)\n", what, detail, m->dir);
    return AM_E_INTERNAL;
}
