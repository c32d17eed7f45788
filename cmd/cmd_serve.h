/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_serve -- what `amane registry` and `amane node` share: settings, the ready line,
 * the wait for a signal, the drain. */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include "api/api.h"
#include "base/conf.h"
#include "cmd.h"

/* Blocks INT and TERM in this thread and all it starts: call before anything has threads.
 */
void cmd_block_signals(void);
/* DIR/<file>, then the environment, then the flags given (NULL: not given). */
AM_CHECK int cmd_settings(struct conf *c, const char *dir, const char *file,
                          const char *listen, struct diag *d);
/* What the settings say of signing in: second factor, identity providers. */
AM_CHECK int cmd_people(const struct conf *c, struct auth *a, struct diag *d);
/* Verifies the audit chain and prints its head; head: "SEQ:HASH" noted before, which must
 * still be there, or NULL. An exit code. */
int cmd_audit(struct auth *a, const char *head, bool json);
/* `account open|reset`: a second administrator, a way back in. An exit code. */
int cmd_account(struct auth *a, const char *verb, const char *login, bool second,
                bool json);
bool cmd_is_account(int argc, char **argv);
/* Serves until INT or TERM; prints the ready line; returns an exit code. */
int cmd_serve(const struct conf *c, struct api *api);

#endif
