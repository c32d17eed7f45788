/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_registry -- the verbs of `amane registry` that keep a folder; exit codes. */
#ifndef CMD_REGISTRY_H
#define CMD_REGISTRY_H

#include "cmd.h"

int cmd_registry_move(const char *dir, const char *to, bool json);
int cmd_registry_backup(const char *dir, const char *out, bool keys, bool json);
int cmd_registry_restore(const char *from, const char *dir, bool json);

#endif
