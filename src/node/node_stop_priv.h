/* SPDX-License-Identifier: Apache-2.0 */
/* Private to node: what the three ways a stop comes share -- pressed on a page
 * (node_stop.c), brought by hand (node_order.c), read in the log (node_obey.c). */
#ifndef NODE_STOP_PRIV_H
#define NODE_STOP_PRIV_H

#include "node/node_priv.h"

#define NODE_UNSIGNED "-" /* envelope of a patient's stop: there is none to send */

struct node_stop_job {
    struct node *n;
    struct node_local_stop stop;
    struct str envelope; /* for the registry */
    bool logged;         /* the registry sent it: it needs an answer, not the order */
    bool concerns;       /* of a logged one: it stops something here */
    int64_t withdrawn;
};
/* In force before it returns, whatever it returns; then written and queued. */
AM_CHECK int node_take_stop(struct node_stop_job *j, struct buf *reply, struct diag *d);
/* Does it stop something here, in one service at least? Under fold. */
bool node_stop_concerns(struct node *n, const struct node_local_stop *s);
/* Inside db_write(): remembers that the order is acknowledged, queues the answer. */
AM_CHECK int node_ack(struct node *n, struct db_conn *c, const struct node_local_stop *s);
/* An order the registry pushed: obeyed, and acknowledged. AM_E_CONFLICT: known. */
AM_CHECK int node_stop_pushed(struct node *n, struct str envelope, struct diag *d);
AM_CHECK int node_scope_parse(struct str s, enum ledger_scope *out);
/* The same rule as the fold's: an order means one thing, logged or not. */
bool node_covers(const struct node_local_stop *s, const struct ledger_deployment *p,
                 struct str service);
/* Copies into a fixed field, cut where it ends. */
void node_text(char *out, size_t cap, struct str s);
/* Ends the local copies of orders that a lift in the mirror ended, and of those only. */
AM_CHECK int node_forget_lifted(struct node *n);

#endif
