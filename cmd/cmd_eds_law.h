/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds_law -- the commands of the warehouse within the law (ADR 37): each is in the
 * record of accesses of the data folder before it reads a body, and after; what it tells
 * has passed the predicate of /fhir.
 *
 * One command a process: what was asked is said once, before the store is opened. */
#ifndef CMD_EDS_LAW_H
#define CMD_EDS_LAW_H

#include "eds/eds.h"

struct cmd_eds_law {     /* texts are borrowed */
    const char *verb;    /* "export" */
    const char *data;    /* data folder of the record; NULL: that of the store, in
                          * PostgreSQL that of the key */
    const char *store;   /* whose folder, where it is not the one opened; NULL */
    const char *patient; /* NULL: nobody in particular */
    const char *reason;  /* NULL: none */
    bool glass;
};
void cmd_eds_law(const struct cmd_eds_law *asked);
/* Once the store is open, by that key file: an exit code, complaints made. */
int cmd_eds_law_begin(struct eds *e, const char *store, const char *key);
/* The last record. The exit code it is to be: code, or 3 where there is no record. */
int cmd_eds_law_end(int code);

/* Of a resource: may it be told? Then: it is told of; and, before its bytes leave: that
 * is in the record. */
AM_CHECK int cmd_eds_law_sees(struct eds_view *v, const struct eds_meta *m,
                              struct str body, bool *yes);
AM_CHECK int cmd_eds_law_tell(const struct eds_meta *m);
AM_CHECK int cmd_eds_law_told(void);
int64_t cmd_eds_law_hidden(void);
/* Says on stderr how many, if any, were left out. */
void cmd_eds_withheld(void);

#endif
