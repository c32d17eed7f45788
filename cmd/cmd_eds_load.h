/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds_load -- resources into the warehouse, in groups: one is prepared here while the
 * one before is written by a thread.
 *
 * A resource that is there already stays as it is, so what was imported before may come
 * again. A group is there whole or not at all.
 *
 * Threads: one owner. */
#ifndef CMD_EDS_LOAD_H
#define CMD_EDS_LOAD_H

#include "eds/eds.h"

struct cmd_eds_load;
struct cmd_eds_tally {
    int64_t created, there; /* of the groups written */
};

AM_CHECK int cmd_eds_load_new(struct cmd_eds_load **out, struct eds *e);
void cmd_eds_load_free(struct cmd_eds_load *l); /* what was not written is dropped */
/* AM_E_INVALID, AM_E_TOOBIG: this resource only, problems in d. */
AM_CHECK int cmd_eds_load_put(struct cmd_eds_load *l, struct str type, struct str id,
                              const struct json *resource, struct diag *d);
/* n resources come that belong together: in one group if they can be. */
AM_CHECK int cmd_eds_load_room(struct cmd_eds_load *l, size_t n);
/* A good moment to write: nothing that belongs together is cut. */
AM_CHECK int cmd_eds_load_pause(struct cmd_eds_load *l);
/* Everything is written. */
AM_CHECK int cmd_eds_load_end(struct cmd_eds_load *l, struct cmd_eds_tally *out);
/* So far; any moment. */
int64_t cmd_eds_load_count(struct cmd_eds_load *l);

#endif
