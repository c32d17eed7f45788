/* SPDX-License-Identifier: Apache-2.0 */
/* cmd -- the command line: flags, exit codes, printing. The only place that prints or
 * exits.
 *
 * Adding a command
 *   1. write cmd/cmd_<noun>.c with `int cmd_<noun>(int argc, char **argv)`; argv[0] is
 * the noun;
 *   2. add a line to the table in cmd/cmd_tbl.h: noun, one-line help;
 *   3. put its usage text in doc/man/amane-<noun>.1.md, section SYNOPSIS: `-h` prints
 * exactly that synopsis (a test compares);
 *   4. stdout is data, stderr is talk; --json on every reader; exit 0 ok, 1 negative
 * answer, 2 usage, 3 failure (am_err_exit). */
#ifndef CMD_H
#define CMD_H

#include <stdio.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/diag.h"
#include "cmd_tbl.h"
#include "text/text.h"

/* One function per command; argv[0] is the noun. Each returns an exit code. */
#define X(noun, help) int cmd_##noun(int argc, char **argv);
CMD_TABLE(X)
#undef X

/* Flags in any order. After the table is filled, leftovers are positional arguments. */
enum cmd_opt_kind { CMD_FLAG, CMD_TEXT, CMD_MANY };
struct cmd_opt {
    const char *name; /* "--json" */
    enum cmd_opt_kind kind;
    bool *flag;        /* CMD_FLAG */
    const char **text; /* CMD_TEXT: last wins */
    const char **many; /* CMD_MANY: up to many_max values */
    size_t *n_many, many_max;
};
/* Fills options, moves positional arguments to argv[1..]; *argc is their count + 1.
 * Answers AM_OK, or AM_E_USAGE after saying what is wrong on stderr. "-h"/"--help" sets
 * *help. */
AM_CHECK int cmd_parse(int *argc, char **argv, const struct cmd_opt *opt, size_t n,
                       bool *help);
/* Prints the usage (stdout when asked for, stderr when wrong), returns 0 or 2. */
int cmd_usage(const char *synopsis, bool asked);
/* What a command is for, in that language. */
struct str cmd_help(enum text_lang l, const char *noun, const char *otherwise);
/* The language of LC_ALL, LC_MESSAGES or LANG (the first that is set) when it is ours. */
enum text_lang cmd_lang(enum text_lang otherwise);
/* "amane: " and the message of that id on stderr, {name} and {value} replaced (NULL: it
 * has no such hole). */
void cmd_complain(const char *id, const char *name, const char *value);
/* One problem, or all of d, a line each in that language (else English): "before" then
 * the place, the sentence and the code in brackets. */
void cmd_problem(FILE *to, const char *before, const struct diag_item *it);
void cmd_problems(FILE *to, const char *before, const struct diag *d);
/* All of d under an answer on stdout, each after the word for "problem". */
void cmd_problems_under(const struct diag *d);
/* Says what failed on stderr, with every problem of d; returns am_err_exit(err). */
int cmd_fail(const char *doing, const char *object, int err, const struct diag *d);
/* `amane log state` (cmd_log_state.c): exit code. at: sizes "3,10", NULL: the newest. */
int cmd_log_state(const char *dir, const char *at, const char *genesis, bool public,
                  bool json);
/* Writes all bytes to stdout; AM_E_IO. */
AM_CHECK int cmd_out(struct str s);
/* Ends what w wrote into b and writes it to stdout as one line of JSON. */
struct jw;
AM_CHECK int cmd_out_json(struct jw *w, struct buf *b);

#endif
