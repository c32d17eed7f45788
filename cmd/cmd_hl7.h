/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_hl7 -- HL7 v2 messages into the warehouse: what the import of files, the replay of
 * refused messages and the listener of a node have in common.
 *
 * A message goes through the mapping, then in one transaction through the FHIR interface,
 * which validates every resource: AM_OK means that all of it is durable. What is refused
 * is kept in a folder, sealed, with where it came from and why it was refused
 * (cmd_hl7_kept.h). Who corrects the mapping, or the message, replays. Of tables the
 * header and the row are kept.
 *
 * Behind a login each message enters as a service (`client` of `door`): its scopes hold,
 * and the record names it.
 *
 * Threads: cmd_hl7_take() from any number; messages about one patient want one thread,
 * if their order is to count. */
#ifndef CMD_HL7_H
#define CMD_HL7_H

#include "cmd.h"
#include "door/door.h"
#include "hl7/map.h"
#include "rest/rest.h"

/* Values that the mapping says are to be told (hl7.unknown), places whose content is in
 * nothing that was made (hl7.untaken), and how often each came: a message counts once.
 * Threads: any number. */
struct cmd_hl7_unknown;
AM_CHECK int cmd_hl7_unknown_new(struct cmd_hl7_unknown **out);
void cmd_hl7_unknown_free(struct cmd_hl7_unknown *u);
/* Of a message that was taken. The 1st, 10th, 100th... of a value goes to the log too. */
void cmd_hl7_unknown_count(struct cmd_hl7_unknown *u, const struct diag *d);
/* The i-th: false, there is none. What came beyond 100 different values has value "". */
bool cmd_hl7_unknown_at(const struct cmd_hl7_unknown *u, size_t i, const char **value,
                        int64_t *n);
bool cmd_hl7_untaken_at(const struct cmd_hl7_unknown *u, size_t i, const char **place,
                        int64_t *n);
/* Appends {"source", "untaken": ["PID-26", ...]} and a line end; nothing when all of the
 * message is taken. */
AM_CHECK int cmd_hl7_untaken_line(struct buf *out, const char *source,
                                  const struct diag *d);

struct cmd_hl7 {
    struct rest *rest; /* borrowed */
    struct hl7_map *map;
    struct eds *eds; /* seals what is refused; borrowed, to be set after cmd_hl7_open() */
    char *rejects;   /* the folder; made when it is first needed */
    struct cmd_hl7_unknown *unknown;
    /* NULL: nobody logs in; borrowed, to be set after cmd_hl7_open() */
    struct door *door;
    const char *client; /* service that messages come as */
};
/* map NULL: `own`, one that comes with the program ("mapping/hl7v2.json"). Says what is
 * wrong with it; an exit code. rejects is copied. */
AM_CHECK int cmd_hl7_open(struct cmd_hl7 *h, struct rest *rest, const char *map,
                          const char *own, const char *rejects);
void cmd_hl7_close(struct cmd_hl7 *h);

/* What the store of a node without login has (hl7_current_fn). */
AM_CHECK int cmd_hl7_find(struct cmd_hl7 *h, struct str type, struct str query,
                          struct buf *out, struct diag *d);
/* source: "file.hl7:3", "127.0.0.1:4711". AM_OK: durable, *entries of it new (0: it was
 * there). AM_E_REFUSED: its own fault, problems in d. Else the store's, or the service
 * is closed: to be sent again. */
AM_CHECK int cmd_hl7_take(struct cmd_hl7 *h, struct str raw, const char *source,
                          size_t *entries, struct diag *d);
/* Its two halves, of a store that nobody logs in to. Making changes nothing: appends the
 * transaction, and tells each search (NULL: nothing found). AM_E_REFUSED, AM_E_CONFLICT
 * (several found), an error of `seen` or of the store. Sending: AM_E_CONFLICT: the store
 * has changed since; what went in is seen by whoever makes it again. */
typedef int cmd_hl7_seen_fn(void *arg, struct str type, struct str query,
                            const struct json *found);
AM_CHECK int cmd_hl7_make(struct cmd_hl7 *h, struct str raw, cmd_hl7_seen_fn *seen,
                          void *arg, struct buf *bundle, size_t *entries, struct diag *d);
AM_CHECK int cmd_hl7_send(struct cmd_hl7 *h, struct str bundle, struct diag *d);
/* Durable, sealed. path: of its NAME.hl7.sealed; NAME.csv.sealed when the map is one of
 * tables. */
enum { CMD_HL7_PATH = 4096 };
AM_CHECK int cmd_hl7_keep(const struct cmd_hl7 *h, struct str raw, const char *source,
                          const struct diag *d, char path[CMD_HL7_PATH]);

/* Messages of a file: each begins with a line MSH; batch headers and trailers, and the
 * bytes of MLLP frames, are left out. A batch or file (BHS, FHS) that is not ended, or
 * whose trailer announces another number (BTS-1, FTS-1) than was read, is told in d with
 * its place ("BTS:12", the 12th segment; hl7.batch, hl7.batch_open): its messages have
 * been told all the same. Text before the first MSH is told as a message too (and will be
 * refused). n counts from 1. A message above 16 MiB is told as its beginning, long enough
 * to be refused. */
typedef int cmd_hl7_fn(void *arg, struct str raw, int64_t n, int64_t end_b);
AM_CHECK int cmd_hl7_read(const char *path, cmd_hl7_fn *fn, void *arg, struct diag *d);

/* `amane eds import --hl7`, `amane eds import --csv`, `amane eds rejected list`,
 * `show`, `fix`, `replay`: exit codes. rejects NULL: "STORE.rejected". */
struct cmd_hl7_import {
    const char *store, *key, *map, *rejects;
    const char *name, *with; /* show, fix: which one, and the file that corrects it */
    const char *untaken;     /* file to write: a line for each message not wholly taken */
    char **path;
    int n_paths;
    bool csv;   /* tables, by a map with `columns`, in place of messages */
    bool dicom; /* studies of DICOM files */
    bool json;
};
int cmd_hl7_import(const struct cmd_hl7_import *what);
int cmd_hl7_rejected(const char *verb, const struct cmd_hl7_import *what);

#endif
