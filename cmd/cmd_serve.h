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
/* Listens as the settings say; handler and cookie as in struct http_config. What went
 * wrong was said: an exit code, else 0. */
int cmd_listen(const struct conf *c, http_handler *handler, void *cookie,
               struct http_server **out);
/* Prints the ready line; waits for INT or TERM; stops the server; an exit code. */
int cmd_serve_on(const struct conf *c, struct http_server *server);
/* Both for one that is open already. */
int cmd_serve(const struct conf *c, struct api *api);

#endif
