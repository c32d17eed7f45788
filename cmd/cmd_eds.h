/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds -- what the verbs of `amane eds` share: opening the store, telling how far.
 *
 * Threads: a progress has one owner. */
#ifndef CMD_EDS_H
#define CMD_EDS_H

#include "cmd.h"
#include "eds/eds.h"
#include "json/json.h"

/* The store under the key in that file, and this in the record; says what is wrong, on
 * stderr, and answers an exit code (0: open). */
AM_CHECK int cmd_eds_open(struct eds **out, const char *store, const char *key,
                          enum eds_mode mode);
/* Closes it (NULL is fine), the command over with that exit code: the last record
 * (cmd_eds_law.h). The exit code it is then. */
AM_CHECK int cmd_eds_close(struct eds *e, int code);
/* One that is opened and closed within a command that is in the record already. */
AM_CHECK int cmd_eds_open_within(struct eds **out, const char *store, const char *key,
                                 enum eds_mode mode);

/* "import: 45 % · 12 345 · 8 120/s" on stderr once two seconds have passed: one line
 * drawn again on a terminal, else a line each ten seconds. */
struct cmd_eds_progress {
    const char *verb;
    enum text_lang lang;
    bool tty, shown;
    int64_t begin, last; /* monotonic */
};
void cmd_eds_progress_init(struct cmd_eds_progress *p, const char *verb);
/* done of `of` (0: unknown), and how many things that is. */
void cmd_eds_progress(struct cmd_eds_progress *p, int64_t done, int64_t of, int64_t n);
void cmd_eds_progress_end(const struct cmd_eds_progress *p);
double cmd_eds_seconds(const struct cmd_eds_progress *p);

/* Ctrl-C and SIGTERM: what is begun is ended, then the command stops. */
void cmd_eds_stoppable(void);
bool cmd_eds_stopped(void);

/* ---- the verbs: exit codes ---- */
struct cmd_eds_import {
    const char *store, *key, *rejects; /* rejects NULL: beside the store */
    char **path;
    int n_paths;
    bool given; /* entries called urn:... get new ids */
    bool json;
};
int cmd_eds_import(const struct cmd_eds_import *what);
int cmd_eds_export(const char *store, const char *key, const char *out, const char *types,
                   const char *since, bool json);
int cmd_eds_fsck(const char *store, const char *key, bool json);
struct cmd_eds_erase {
    const char *store, *key, *patient, *ground, *by, *reason;
    bool dry, later, resume, json;
};
int cmd_eds_erase(const struct cmd_eds_erase *what);
int cmd_eds_erasures(const char *store, const char *key, bool json);
int cmd_eds_copy(const char *verb, const char *from, const char *key, const char *to,
                 bool json);

#endif
