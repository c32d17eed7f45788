/* SPDX-License-Identifier: Apache-2.0 */
/* What a command says when it says no, in the language of whoever runs it (LC_ALL,
 * LC_MESSAGES, LANG, as programs of POSIX ask them; English when none is ours). The
 * sentences are those of the pages, out of the catalogues; the code in brackets, the same
 * in every language, is what scripts and support read. A detail that says more than the
 * sentence (a name, a number) follows it, in the same language. */
#include <ctype.h>
#include <stdlib.h>

#include "cmd.h"

enum { SAY_NAME = 2048, SAY_MAX = 16384 };

enum text_lang cmd_lang(enum text_lang otherwise)
{
    static const char *const name[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    enum text_lang l;
    const char *env = NULL;
    for (size_t i = 0; i < AM_LEN(name) && (!env || !*env); i++)
        env = getenv(name[i]);
    return env && text_lang_parse(str_c(env), &l) ? l : otherwise;
}

/* Part of a word, of any script? */
static bool letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Letters and digits of `part`, in order, within those of `whole`? */
static bool within(const char *whole, const char *part)
{
    for (; *whole; whole++) {
        const char *w = whole, *p = part;
        while (*p) {
            if (!letter(*p)) {
                p++;
            } else if (*w && !letter(*w)) {
                w++;
            } else if (tolower((unsigned char)*w) == tolower((unsigned char)*p)) {
                w++;
                p++;
            } else {
                break;
            }
        }
        if (!*p)
            return true;
    }
    return false;
}

void cmd_problem(FILE *to, const char *before, const struct diag_item *it)
{
    enum text_lang l = cmd_lang(TEXT_EN);
    const char *said = it->detail;
    struct buf b, more;
    buf_init(&b, SAY_MAX);
    buf_init(&more, SAY_MAX);
    if (text_problem(&b, l, it) == AM_OK && b.n)
        said = b.p;
    fprintf(to, "%s%s%s%s", before, it->path, *it->path ? ": " : "", said);
    if (text_detail(&more, l, it) == AM_OK && more.n && !within(said, more.p) &&
        !within(it->path, more.p))
        fprintf(to, " (%s)", more.p);
    fprintf(to, " [%s]\n", it->code);
    buf_release(&more);
    buf_release(&b);
}

void cmd_problems(FILE *to, const char *before, const struct diag *d)
{
    char number[32];
    for (size_t i = 0; i < d->n; i++)
        cmd_problem(to, before, &d->item[i]);
    if (d->more) {
        struct text_arg n = {"n", str_c(number)};
        struct buf b;
        snprintf(number, sizeof number, "%zu", d->more);
        buf_init(&b, SAY_MAX);
        if (text_fmt(&b, cmd_lang(TEXT_EN), "cmd.more", &n, 1) == AM_OK)
            fprintf(to, "%s%s\n", before, b.p);
        buf_release(&b);
    }
}

void cmd_problems_under(const struct diag *d)
{
    char before[64];
    snprintf(before, sizeof before,
             "  %.*s: ", STR_FMT(text_get(cmd_lang(TEXT_EN), "cmd.problem")));
    cmd_problems(stdout, before, d);
}

/* The address of a database is told without its password: "postgresql://u:***@host". */
static const char *shown(const char *object, char out[SAY_NAME])
{
    const char *rest = object ? strstr(object, "://") : NULL, *at = NULL, *word;
    struct {
        const char *from, *to;
    } secret[2] = {{NULL, NULL}, {NULL, NULL}};
    size_t n = 0;
    if (!rest)
        return object ? object : "";
    rest += 3;
    for (const char *p = rest; *p && !strchr("/?", *p); p++)
        if (*p == '@')
            at = p;
    if (at && memchr(rest, ':', (size_t)(at - rest))) {
        secret[0].from = (const char *)memchr(rest, ':', (size_t)(at - rest)) + 1;
        secret[0].to = at;
    }
    word = strstr(at ? at : rest, "password=");
    if (word) {
        secret[1].from = word + 9;
        secret[1].to = word + 9 + strcspn(word + 9, "&");
    }
    for (const char *p = object; *p && n < SAY_NAME - 4; p++) {
        for (size_t i = 0; i < AM_LEN(secret); i++)
            if (p == secret[i].from) {
                memcpy(out + n, "***", 3);
                n += 3;
                p = secret[i].to;
            }
        if (!*p)
            break;
        out[n++] = *p;
    }
    out[n] = 0;
    return out;
}

void cmd_complain(const char *id, const char *name, const char *value)
{
    char said[SAY_NAME];
    const struct text_arg arg[] = {{"name", str_c(name ? shown(name, said) : NULL)},
                                   {"value", str_c(value)}};
    struct buf b;
    buf_init(&b, SAY_MAX);
    if (text_fmt(&b, cmd_lang(TEXT_EN), id, arg, AM_LEN(arg)) == AM_OK)
        fprintf(stderr, "amane: %s\n", b.p);
    buf_release(&b);
}

/* "open the node in": cmd.doing.open_the_node_in. */
static struct str short_words(enum text_lang l, const char *family, const char *name,
                              const char *otherwise)
{
    char id[96];
    snprintf(id, sizeof id, "%s%s", family, name);
    for (char *p = id; *p; p++)
        if (*p == ' ')
            *p = '_';
    return text_has(l, id) ? text_get(l, id) : str_c(otherwise);
}

struct str cmd_help(enum text_lang l, const char *noun, const char *otherwise)
{
    return short_words(l, "cmd.help.", noun, otherwise);
}

int cmd_fail(const char *doing, const char *object, int err, const struct diag *d)
{
    enum text_lang l = cmd_lang(TEXT_EN);
    struct str what = short_words(l, "cmd.doing.", doing, doing),
               why = short_words(l, "cmd.", am_err_key(err), am_err_text(err));
    char said[SAY_NAME];
    fprintf(stderr, "amane: %.*s %s: %.*s\n", STR_FMT(what), shown(object, said),
            STR_FMT(why));
    if (d)
        cmd_problems(stderr, "  ", d);
    return am_err_exit(err);
}
