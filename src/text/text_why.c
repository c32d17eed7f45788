/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong, in words (text_problem) and the detail of it (text_detail). A module
 * says a code, arguments and an English detail made by printf. The format of the detail
 * names a message of the catalogues, "%s%s%s may not sign %s" the message
 * why.may_not_sign, as the words before a refusal of the command line do. */
#include <ctype.h>

#include "text/text_priv.h"

enum { WHY_ID = 96, WHY_MAX = 4096 };

/* "why.": the words of the format, conversions left out; cut at 80 characters. */
static void why_id(char id[WHY_ID], const char *format)
{
    size_t n = (size_t)snprintf(id, WHY_ID, "why.");
    bool gap = false;
    for (const char *p = format; *p && n < 80; p++) {
        if (*p == '%' && p[1] == '%') {
            p++;
        } else if (*p == '%') {
            p += strcspn(p, "sdiuxgf");
            gap = true;
            if (!*p)
                break;
        } else if (isalnum((unsigned char)*p)) {
            if (gap && n > 4)
                id[n++] = '_';
            gap = false;
            id[n++] = (char)tolower((unsigned char)*p);
        } else {
            gap = true;
        }
    }
    id[n] = 0;
}

/* A word of a detail that is in no language: a name, a number, an identifier. */
static bool why_neutral(struct str w)
{
    bool lower = true;
    for (size_t i = 0; i < w.n; i++)
        if (!isalpha((unsigned char)w.p[i]) && w.p[i] != '-' && w.p[i] != '\'')
            return true;
        else if (isupper((unsigned char)w.p[i]) && i)
            lower = false;
    return w.n && !lower;
}

/* What stands in quotes, with them, and the words between that are neutral. */
static int why_names(struct buf *out, struct str s)
{
    static const char quotes[] = "\"'`";
    size_t before = out->n;
    int err = AM_OK;
    while (s.n && !err) {
        const char *q = memchr(quotes, s.p[0], 3);
        size_t end = q ? str_find(str_sub(s, 1, s.n), *q) + 1 : str_find(s, ' ');
        struct str w = str_sub(s, 0, AM_MIN(q ? end + 1 : end, s.n));
        s = str_sub(s, AM_MIN(end + 1, s.n), s.n);
        while (!q && w.n && strchr("(),;:.?!", w.p[w.n - 1]))
            w.n--;
        while (!q && w.n && strchr("(,;:", w.p[0]))
            w = str_sub(w, 1, w.n);
        if (!w.n || (!q && !why_neutral(w)))
            continue;
        if (out->n > before)
            err = buf_adds(out, ", ");
        if (!err)
            err = buf_add(out, w);
    }
    return err;
}

/* The words there are for a value: of an error, of a role, a state, a level... */
static int why_word(struct buf *out, enum text_lang l, const char *value)
{
    static const char *const family[] = {"role.",   "level.",      "state.v.", "state.p.",
                                         "record.", "stop.scope.", "outcome."};
    char id[WHY_ID];
    for (int i = 1; i < AM_I_COUNT; i++)
        if (!strcmp(am_err_text(-i), value)) {
            snprintf(id, sizeof id, "cmd.%s", am_err_key(-i));
            if (text_has(l, id))
                return buf_add(out, text_get(l, id));
        }
    for (size_t i = 0; i < AM_LEN(family); i++) {
        snprintf(id, sizeof id, "%s%s", family[i], value);
        if (text_has(l, id))
            return buf_add(out, text_get(l, id));
    }
    why_id(id, value);
    if (strlen(id) > 4 && text_has(l, id))
        return buf_add(out, text_get(l, id));
    return strchr(value, ' ') ? why_names(out, str_c(value)) : buf_adds(out, value);
}

static int why_said(struct buf *out, enum text_lang l, const char *id,
                    const struct diag_item *it)
{
    static const char *const raw[DIAG_VALUES] = {"a1", "a2", "a3", "a4"},
                             *const word[DIAG_VALUES] = {"w1", "w2", "w3", "w4"};
    struct text_arg arg[2 * DIAG_VALUES];
    struct buf b[DIAG_VALUES];
    size_t n = 0;
    int err = AM_OK;
    for (size_t i = 0; i < it->values; i++) {
        buf_init(&b[i], WHY_MAX);
        if (!err)
            err = why_word(&b[i], l, it->value[i]);
        arg[n++] = (struct text_arg){raw[i], str_c(it->value[i])};
        arg[n++] = (struct text_arg){word[i], buf_str(&b[i])};
    }
    if (!err)
        err = text_fmt(out, l, id, arg, n);
    for (size_t i = 0; i < it->values; i++)
        buf_release(&b[i]);
    return err;
}

int text_detail(struct buf *out, enum text_lang l, const struct diag_item *it)
{
    char id[WHY_ID];
    if (l == TEXT_EN)
        return buf_adds(out, it->detail);
    why_id(id, it->format ? it->format : it->detail);
    if (strlen(id) > 4 && text_has(l, id))
        return why_said(out, l, id, it);
    if (it->format && !strcmp(it->format, "%s") && it->values == 1 &&
        !strpbrk(it->value[0], " ")) { /* one word: said when it has one, or is a name */
        struct buf b;
        buf_init(&b, WHY_MAX);
        int err = why_word(&b, l, it->value[0]);
        if (!err && (strcmp(b.p, it->value[0]) != 0 || why_neutral(buf_str(&b))))
            err = buf_add(out, buf_str(&b));
        buf_release(&b);
        return err;
    }
    why_id(id, it->detail);
    if (strlen(id) > 4 && text_has(l, id))
        return why_said(out, l, id, it);
    return why_names(out, str_c(it->detail));
}

/* Nothing more is known: "({detail})" is left out, with the space before it. */
static int without_detail(struct buf *out, struct str text)
{
    static const struct str hole = {"({detail})", sizeof "({detail})" - 1};
    for (size_t i = 0; i + hole.n <= text.n; i++)
        if (str_starts(str_sub(text, i, text.n), hole)) {
            int err = buf_add(out, str_trim(str_sub(text, 0, i)));
            return err ? err : buf_add(out, str_sub(text, i + hole.n, text.n));
        }
    return buf_add(out, text);
}

int text_problem(struct buf *out, enum text_lang l, const struct diag_item *it)
{
    struct text_arg arg[DIAG_ARGS + 1];
    struct buf detail, whole;
    char id[WHY_ID];
    size_t n = 0;
    int err;
    snprintf(id, sizeof id, "diag.%s", it->code);
    if (!text_has(l, id))
        return buf_adds(out, it->detail);
    buf_init(&detail, WHY_MAX);
    buf_init(&whole, 4 * WHY_MAX);
    for (; n < it->args; n++)
        arg[n] = (struct text_arg){it->arg[n].name, str_c(it->arg[n].value)};
    err = text_detail(&detail, l, it);
    if (!err && !detail.n)
        err = without_detail(&whole, text_get(l, id));
    arg[n++] = (struct text_arg){"detail", buf_str(&detail)};
    if (!err && detail.n)
        err = text_fmt(out, l, id, arg, n);
    else if (!err)
        err = text_expand(out, buf_str(&whole), arg, n);
    buf_release(&whole);
    buf_release(&detail);
    return err;
}
