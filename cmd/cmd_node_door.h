/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_node_door -- amane node access, amane node client. */
#ifndef CMD_NODE_DOOR_H
#define CMD_NODE_DOOR_H

#include "cmd_serve.h"

struct cmd_door { /* flags; NULL: not given */
    const char *dir, *head, *patient, *who, *date, *client, *jwks, *scope, *purpose;
    bool json;
};
bool cmd_is_door(int argc, char **argv, const struct cmd_door *k);
int cmd_node_door(char **argv, const struct cmd_door *k); /* an exit code */

#endif
