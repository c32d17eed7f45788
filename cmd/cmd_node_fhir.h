/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_node_fhir -- the node's server with its FHIR interface at /fhir, beside the api. */
#ifndef CMD_NODE_FHIR_H
#define CMD_NODE_FHIR_H

#include "cmd_serve.h"
#include "rest/rest.h"

/* Serves until a signal; an exit code. /fhir is on the store eds.db in dir (made if there
 * is none, its key in keys/eds.key), behind the door: accounts of the node, every access
 * recorded in dir/access. open: without login and record, on loopback only; then n may be
 * NULL, and api NULL: /fhir alone. */
int cmd_node_serve(const struct conf *c, struct api *api, struct node *n, const char *dir,
                   bool open);

/* What such a node answers to, as far as its settings say it: a port that is given to it
 * when it listens is not among them. "": none. */
void cmd_node_addresses(const struct conf *c, char base[512], char former[REST_FORMER]);

#endif
