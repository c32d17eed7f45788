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

const char *demo_num(struct demo *m, double v, int decimals)
{
    struct buf b;
    const char *z = "?";
    buf_init(&b, 128);
    if (text_num(&b, m->lang, v, decimals) == AM_OK)
        z = demo_ring(b.p);
    buf_release(&b);
    return z;
}

const char *demo_int(struct demo *m, int64_t v)
{
    struct buf b;
    const char *z = "?";
    buf_init(&b, 128);
    if (text_int(&b, m->lang, v) == AM_OK)
        z = demo_ring(b.p);
    buf_release(&b);
    return z;
}

const char *demo_short(const char *hex)
{
    char z[16];
    snprintf(z, sizeof z, "%.12s", hex);
    return demo_ring(z);
}

const char *demo_word(struct demo *m, const char *prefix, const char *code)
{
    char id[96], word[128];
    struct str text;
    snprintf(id, sizeof id, "%s.%s", prefix, code);
    text = text_get(m->lang, id);
    snprintf(word, sizeof word, "%.*s", (int)AM_MIN(text.n, sizeof word - 1), text.p);
    return demo_ring(word);
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
    jw_kstr(&m->w, "title", t);
    jw_knum(&m->w, "seconds", (double)(time_mono() - m->started_at) / 1e6);
    jw_key(&m->w, "lines");
    jw_arr(&m->w);
    if (!m->quiet)
        printf(demo_colour() ? "\n\033[1m%u. %.*s\033[0m\n" : "\n%u. %.*s\n", m->step,
               STR_FMT(t));
    fflush(stdout);
}

void demo_say(struct demo *m, const char *id, ...)
{
    struct text_arg arg[6];
    size_t n = 0;
    struct buf b;
    va_list ap;
    va_start(ap, id);
    while (n < AM_LEN(arg)) {
        const char *name = va_arg(ap, const char *);
        if (!name)
            break;
        arg[n].name = name;
        arg[n++].value = str_c(va_arg(ap, const char *));
    }
    va_end(ap);
    buf_init(&b, 8192);
    if (text_fmt(&b, m->lang, id, arg, n) == AM_OK) {
        jw_str(&m->w, buf_str(&b));
        if (!m->quiet)
            printf("   %s\n", b.p);
        fflush(stdout);
    }
    buf_release(&b);
}

int demo_fail(struct demo *m, const char *what, const char *detail)
{
    fflush(stdout);
    fprintf(stderr, "amane demo: %s: %s (logs in %s)\n", what, detail, m->dir);
    return AM_E_INTERNAL;
}
