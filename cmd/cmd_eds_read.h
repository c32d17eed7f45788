/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_eds_read -- the files of an import, and the records in them.
 *
 * A file's form is told by what is in it: XML begins with "<"; NDJSON has one JSON value
 * closed on its first line (a name that ends in .ndjson or .jsonl says so too); anything
 * else is one JSON document. A document on one line is NDJSON of one line.
 *
 * Memory:  one record at a time, at most CMD_EDS_FILE bytes of text. */
#ifndef CMD_EDS_READ_H
#define CMD_EDS_READ_H

#include "base/vec.h"
#include "cmd.h"
#include "json/json.h"

enum { CMD_EDS_FILE = 256 << 20, CMD_EDS_LINE = 256 << 20 };

struct cmd_eds_file {
    char *path;
    int64_t size_b;
};
struct cmd_eds_files {
    struct cmd_eds_file *v;
    size_t n, cap;
    int64_t size_b;             /* of all */
    const char *const *endings; /* wanted of a folder, up to NULL; NULL: as below */
};
/* A file as it is; a folder: every *.json, *.ndjson, *.jsonl, *.xml below it, in the
 * order of their paths, but those whose names begin with a full stop. */
AM_CHECK int cmd_eds_files_add(struct cmd_eds_files *f, const char *path);
void cmd_eds_files_release(struct cmd_eds_files *f);

struct cmd_eds_record {
    int64_t line;            /* from 1; 0: the whole file */
    bool alone;              /* nothing else is in the file */
    struct str text;         /* as it came */
    const struct json *root; /* NULL: no JSON; then d says why */
    const struct diag *d;
    int64_t end_b; /* of the file, read so far */
};
typedef int cmd_eds_record_fn(void *arg, const struct cmd_eds_record *r);
/* An error of fn ends it; AM_E_IO and the like: of the file. */
AM_CHECK int cmd_eds_read(const char *path, cmd_eds_record_fn *fn, void *arg);
/* Numbers as written. */
AM_CHECK int cmd_eds_parse(struct json_doc **out, struct str text, struct diag *d);

#endif
