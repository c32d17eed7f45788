/* SPDX-License-Identifier: Apache-2.0 */
/* conf -- settings of the two servers: `key = value` lines, one table (conf_tbl.h).
 *
 * Order: defaults, then the file DIR/<server>.conf, then AMANE_<KEY> in the environment,
 * then flags of the command line; the last one wins. An unknown key, a value out of range
 * or a malformed line is an error that names the line. # starts a comment line.
 *
 * Memory:  a struct conf owns its values. Threads: constant after start-up. */
#ifndef AM_CONF_H
#define AM_CONF_H

#include "base/conf_tbl.h"
#include "base/diag.h"

enum conf_server { CONF_R = 1, CONF_N = 2, CONF_B = 3 };
enum conf_kind { CONF_TEXT, CONF_INT, CONF_BOOL };
enum conf_key {
#define X(name, key, servers, kind, def, lo, hi, help) CONF_##name,
    CONF_TABLE(X)
#undef X
        CONF_KEYS
};
struct conf_entry {
    const char *key;
    enum conf_server servers;
    enum conf_kind kind;
    const char *def;
    int64_t lo, hi;
    const char *help;
};
const struct conf_entry *conf_entry(enum conf_key k);

struct conf {
    enum conf_server server;
    char *value[CONF_KEYS]; /* NULL: the default */
};
void conf_init(struct conf *c, enum conf_server server);
void conf_release(struct conf *c);
/* AM_E_INVALID with the problem in d at `path`; the old value stands. */
AM_CHECK int conf_set(struct conf *c, struct str key, struct str value, const char *path,
                      struct diag *d);
AM_CHECK int conf_read(struct conf *c, struct str text,
                       struct diag *d); /* path "line N" */
/* A missing file is fine. */
AM_CHECK int conf_load(struct conf *c, const char *file, struct diag *d);
AM_CHECK int conf_environment(struct conf *c, struct diag *d);
const char *conf_text(const struct conf *c, enum conf_key k);
int64_t conf_int(const struct conf *c, enum conf_key k);
bool conf_bool(const struct conf *c, enum conf_key k);

#endif
