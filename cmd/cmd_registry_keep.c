/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a registry: to another database and back, out to a copy, in from one. */
#include "cmd_registry.h"

#include "json/json.h"
#include "registry/registry.h"

static int keep_print(const struct buf *text, struct jw *w, bool json)
{
    int err = AM_OK;
    if (json) {
        jw_obj_end(w);
        err = jw_done(w);
    }
    if (!err)
        err = cmd_out(buf_str(text));
    if (!err && json)
        err = cmd_out(STR("\n"));
    return err ? 3 : 0;
}

int cmd_registry_move(const char *dir, const char *to, bool json)
{
    struct registry_moved m;
    char log[CRYPTO_HEX], rows[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    struct diag d;
    int err, code;
    diag_init(&d);
    err = registry_move(dir, strcmp(to, "sqlite") == 0 ? "" : to, &m, &d);
    if (err) {
        code = cmd_fail("move the registry in", dir, err, &d);
        diag_release(&d);
        return code;
    }
    crypto_hex(m.root_log, 32, log);
    crypto_hex(m.root_rows, 32, rows);
    buf_init(&b, 4096);
    jw_init(&w, &b);
    if (json) {
        jw_obj(&w);
        jw_kint(&w, "tables", (int64_t)m.tables);
        jw_kint(&w, "rows", (int64_t)m.rows);
        jw_kint(&w, "size", (int64_t)m.size);
        jw_kstrz(&w, "root_of_the_log", log);
        jw_kstrz(&w, "root_of_the_rows", rows);
        err = AM_OK;
    } else {
        err = buf_addf(&b,
                       "moved             %zu tables, %llu rows, %llu log entries\n"
                       "root of the log   %s\nroot of the rows  %s\n",
                       m.tables, (unsigned long long)m.rows, (unsigned long long)m.size,
                       log, rows);
    }
    code = err ? 3 : keep_print(&b, &w, json);
    buf_release(&b);
    diag_release(&d);
    return code;
}

static int keep_backed(const char *did, const struct registry_backed *k, bool json)
{
    char root[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    int err = AM_OK, code;
    crypto_hex(k->root, 32, root);
    buf_init(&b, 4096);
    jw_init(&w, &b);
    if (json) {
        jw_obj(&w);
        jw_kint(&w, "size", (int64_t)k->size);
        jw_kstrz(&w, "root", root);
        jw_kbool(&w, "keys", k->keys);
    } else {
        err = buf_addf(&b, "%s  %llu log entries, %s keys\nroot      %s\n", did,
                       (unsigned long long)k->size, k->keys ? "with" : "without", root);
    }
    code = err ? 3 : keep_print(&b, &w, json);
    buf_release(&b);
    return code;
}

int cmd_registry_backup(const char *dir, const char *out, bool keys, bool json)
{
    struct registry_backed k;
    struct diag d;
    int err, code;
    diag_init(&d);
    err = registry_backup(dir, out, keys, &k, &d);
    code = err ? cmd_fail("copy the registry in", dir, err, &d)
               : keep_backed("copied  ", &k, json);
    diag_release(&d);
    return code;
}

int cmd_registry_restore(const char *from, const char *dir, bool json)
{
    struct registry_backed k;
    struct diag d;
    int err, code;
    diag_init(&d);
    err = registry_restore(from, dir, &k, &d);
    code = err ? cmd_fail("put back the registry from", from, err, &d)
               : keep_backed("restored", &k, json);
    if (!err && !k.keys)
        cmd_complain("cmd.usage.no_keys", NULL, NULL);
    if (!err) {
        char size[24];
        snprintf(size, sizeof size, "%llu", (unsigned long long)k.size);
        cmd_complain("cmd.usage.older_copy", size, NULL);
    }
    diag_release(&d);
    return code;
}
