/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_node_mllp -- the node's ear for HL7 v2: the settings `mllp` and `hl7_map` to a
 * listener on the node's store. */
#ifndef CMD_NODE_MLLP_H
#define CMD_NODE_MLLP_H

#include "base/conf.h"
#include "door/door.h"

struct cmd_node_ear;
/* Nothing when `mllp` is empty (*out NULL). Refused messages are kept in DIR/rejected.
 * door NULL: nobody logs in; else messages come as the service `mllp_client`. Says what
 * is wrong; an exit code. rest NULL: /fhir is not served, and `mllp` is refused. */
AM_CHECK int cmd_node_hear(struct cmd_node_ear **out, const struct conf *c,
                           const char *dir, struct rest *rest, struct eds *eds,
                           struct door *door);
void cmd_node_deaf(struct cmd_node_ear *e); /* before rest_free(); NULL is fine */

#endif
