/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mllp -- the MLLP listener of a node: HL7 v2 messages from the systems of a
 * hospital, answered when they are durable, refused ones kept (cmd_hl7.h).
 *
 * Hostile and slow peers: 64 connections, each with a thread; 16 MiB a message; a frame
 * that has begun has a minute to end, a silent connection ten minutes, an answer half a
 * minute to be taken. Nobody logs in and nothing is encrypted: it listens on loopback,
 * and what is beyond comes through a proxy (TLS with client certificates, a tunnel).
 *
 * Threads: one accepts, one a connection; start and stop from the owner's. */
#ifndef CMD_MLLP_H
#define CMD_MLLP_H

#include "cmd_hl7.h"

enum { CMD_MLLP_PEERS = 64, CMD_MLLP_FRAME_S = 60, CMD_MLLP_SILENT_S = 600 };

struct cmd_mllp;
/* address "127.0.0.1:2575", "[::1]:2575"; port 0: a free one. h is borrowed until
 * cmd_mllp_stop(). AM_E_USAGE: no address, AM_E_FORBIDDEN: not loopback, AM_E_IO. */
AM_CHECK int cmd_mllp_start(struct cmd_mllp **out, struct cmd_hl7 *h,
                            const char *address);
unsigned cmd_mllp_port(const struct cmd_mllp *m);
/* What is being stored is stored and answered; NULL is fine. */
void cmd_mllp_stop(struct cmd_mllp *m);

#endif
