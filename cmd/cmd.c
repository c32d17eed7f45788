/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <errno.h>
#include <unistd.h>

#include "json/json.h"

static int cmd_take(const struct cmd_opt *o, const char *value)
{
    if (o->kind == CMD_TEXT) {
        *o->text = value;
        return AM_OK;
    }
    if (*o->n_many == o->many_max) {
        char most[24];
        snprintf(most, sizeof most, "%zu", o->many_max);
        cmd_complain("cmd.usage.too_often", o->name, most);
        return AM_E_USAGE;
    }
    o->many[(*o->n_many)++] = value;
    return AM_OK;
}

/* Matches "--name" or "--name=value"; *value is what follows the '='. */
static const struct cmd_opt *cmd_find(const struct cmd_opt *opt, size_t n,
                                      const char *arg, const char **value)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = strlen(opt[i].name);
        if (strncmp(arg, opt[i].name, k) != 0 || (arg[k] != 0 && arg[k] != '='))
            continue;
        *value = arg[k] ? arg + k + 1 : NULL;
        return &opt[i];
    }
    return NULL;
}

int cmd_parse(int *argc, char **argv, const struct cmd_opt *opt, size_t n, bool *help)
{
    int left = 1;
    bool plain = false;
    *help = false;
    for (int i = 1; i < *argc; i++) {
        const char *value = NULL;
        const struct cmd_opt *o;
        if (plain || argv[i][0] != '-' || argv[i][1] == 0) {
            argv[left++] = argv[i];
            continue;
        }
        if (!strcmp(argv[i], "--")) {
            plain = true;
            continue;
        }
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            *help = true;
            continue;
        }
        o = cmd_find(opt, n, argv[i], &value);
        if (!o) {
            /* not its value, which may be a secret: "--pin=1234" */
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(argv[i], "="), argv[i]);
            cmd_complain("cmd.usage.unknown", name, NULL);
            return AM_E_USAGE;
        }
        if (o->kind == CMD_FLAG) {
            if (value) {
                cmd_complain("cmd.usage.no_value", o->name, NULL);
                return AM_E_USAGE;
            }
            *o->flag = true;
            continue;
        }
        if (!value && i + 1 < *argc)
            value = argv[++i];
        if (!value) {
            cmd_complain("cmd.usage.value", o->name, NULL);
            return AM_E_USAGE;
        }
        if (cmd_take(o, value))
            return AM_E_USAGE;
    }
    *argc = left;
    argv[left] = NULL;
    return AM_OK;
}

int cmd_usage(const char *synopsis, bool asked)
{
    /* "usage: amane NOUN ...": what it is for stands above, but in English, where the
     * manual says it and -h is its synopsis byte for byte. */
    enum text_lang l = cmd_lang(TEXT_EN);
    struct str rest = str_sub(str_c(synopsis), strlen("usage: amane "), strlen(synopsis));
    char noun[32];
    snprintf(noun, sizeof noun, "%.*s", STR_FMT(str_cut(rest, ' ', &rest)));
    struct str said = cmd_help(l, noun, "");
    if (asked && l != TEXT_EN && said.n)
        printf("amane %s: %.*s\n", noun, STR_FMT(said));
    fputs(synopsis, asked ? stdout : stderr);
    return asked ? 0 : 2;
}

int cmd_out(struct str s)
{
    fflush(stdout);
    while (s.n) {
        ssize_t k = write(STDOUT_FILENO, s.p, s.n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return AM_E_IO;
        s = str_sub(s, (size_t)k, s.n);
    }
    return AM_OK;
}

int cmd_out_json(struct jw *w, struct buf *b)
{
    int err = jw_done(w);
    if (!err)
        err = buf_addc(b, '\n');
    return err ? err : cmd_out(buf_str(b));
}
