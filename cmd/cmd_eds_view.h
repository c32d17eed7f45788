/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds_view -- `amane eds view`: rows as text, or into a table of a database.
 *
 * Threads: one owner. */
#ifndef CMD_EDS_VIEW_H
#define CMD_EDS_VIEW_H

#include "cmd_eds.h"
#include "view/view.h"

struct cmd_eds_view {
    const char *store, *file, *key, *format, *since, *limit, *base, *into;
    bool no_header;
    struct eds *eds; /* once open */
};
int cmd_eds_view(const struct cmd_eds_view *what); /* exit code */

/* A table of the view's name in that SQLite file, or in the schema `views` of that
 * PostgreSQL: the one that was there is replaced, whole or not at all. A column is what
 * the view says of its type: integers and booleans (0, 1) bigint, decimals double
 * precision, all else text; collections and objects are JSON. */
struct cmd_eds_into;
/* AM_E_INVALID with a problem: a view without a name, columns that SQL takes for one. */
AM_CHECK int cmd_eds_into_new(struct cmd_eds_into **out, const char *path,
                              const struct view *v, struct diag *d);
void cmd_eds_into_free(struct cmd_eds_into *x);
/* Makes the table and lets `rows` put what it has by cmd_eds_into_row(). */
AM_CHECK int cmd_eds_into_fill(struct cmd_eds_into *x, int (*rows)(void *arg), void *arg);
AM_CHECK int cmd_eds_into_row(struct cmd_eds_into *x, const struct view_cell *cell);

#endif
