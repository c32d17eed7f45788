/* SPDX-License-Identifier: Apache-2.0 */
/* parts -- a store on PostgreSQL whose bodies stand in hash partitions of their own, some
 * of which may lie on other servers (postgres_fdw), for a region that outgrows a machine.
 *
 *     res_row, hist_row   what was res and hist, without the body: on the main server
 *     body (rid, body)    partition by hash (rid): body_0 ... body_n-1, each on the main
 *                         server or, as a foreign table, on another
 *     res, hist           views of both: a body is fetched only when it is asked for
 *
 * Bodies are most of what grows; the rows that searches and histories read stay together.
 *
 * All or nothing, on several servers, without two-phase commit: postgres_fdw commits the
 * other servers first and the main server last (PostgreSQL, appendix F, postgres_fdw,
 * "Transaction Management"). A version is there when its row on the main server is: a
 * body whose row was never committed is reached by nobody, and is taken away before the
 * writer writes again (its rid is given out anew). A row never stands without its body.
 *
 * Invariants
 *   P1  the body of every row of res_row, and of hist_row that is no deletion, is in
 *       body; it is changed only by what says the same (eds_reseal);
 *   P2  bodies beyond the last rid are nobody's;
 *   P3  an erasure leaves bodies alone: the other servers commit first, and a row without
 *       its body could not be erased any more. They go in a write of its own, once the
 *       erasure is committed (eds_scrub, which may be cut and done again);
 *   P4  who deletes the last row of a version by hand deletes its body (triggers). Here
 *       the other server goes first: killed between the two commits, the row stands
 *       without its body, fsck says so, and deleting it again ends it.
 *
 * What is lost with a server: the bodies of its partitions. Each is backed up by itself.
 * Threads: eds_parts_make() alone, the store open for writing. */
#ifndef EDS_PARTS_H
#define EDS_PARTS_H

#include "eds/eds.h"

enum { EDS_PARTS_MAX = 256 };
/* Splits the bodies off, into n (1 to EDS_PARTS_MAX) partitions on the main server, in
 * one transaction. AM_E_UNSUPPORTED: not on PostgreSQL; AM_E_EXISTS: it was done. */
AM_CHECK int eds_parts_make(struct eds *e, unsigned n);
bool eds_parts(const struct eds *e); /* are they split off? */

#endif
