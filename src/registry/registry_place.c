/* SPDX-License-Identifier: Apache-2.0 */
/* registry_place -- where a registry's two databases are: files of its folder, or schemas
 * of the PostgreSQL database that the setting `database` names. Whoever opens a folder
 * asks here, so that no tool looks at files that were left behind. */
#include "registry/registry_priv.h"

#include "base/conf.h"

int registry_place(const char *dir, const char *name, struct registry_place *out,
                   struct diag *d)
{
    struct conf c;
    char path[REGISTRY_PATH_MAX];
    const char *uri;
    int err, n;
    if (snprintf(path, sizeof path, "%s/registry.conf", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    conf_init(&c, CONF_R);
    err = conf_load(&c, path, d);
    if (!err)
        err = conf_environment(&c, d);
    uri = conf_text(&c, CONF_DATABASE);
    if (!err && *uri && !db_is_uri(uri)) {
        diag_err(d, "database", "registry.database",
                 "empty, or an address that begins with postgresql:");
        err = AM_E_INVALID;
    }
    n = *uri ? snprintf(out->path, sizeof out->path, "%s", uri)
             : snprintf(out->path, sizeof out->path, "%s/%s.db", dir, name);
    if (!err && n >= (int)sizeof out->path)
        err = AM_E_TOOBIG;
    out->name = name;
    out->server = *uri != '\0';
    conf_release(&c);
    return err;
}

/* `database` in DIR/registry.conf; other lines stay as they are. Empty: the line goes. */
int registry_place_set(const char *dir, const char *uri)
{
    char path[REGISTRY_PATH_MAX], *text = NULL;
    struct str rest, line;
    struct buf b;
    size_t n = 0;
    int err;
    if (snprintf(path, sizeof path, "%s/registry.conf", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    buf_init(&b, 1 << 20);
    err = am_file_read(path, 1 << 19, &text, &n);
    if (err == AM_E_NOTFOUND)
        err = AM_OK;
    rest = (struct str){text ? text : "", n};
    while (!err && rest.n) {
        line = str_cut(rest, '\n', &rest);
        if (!str_eqc(str_trim(str_cut(line, '=', &(struct str){0})), "database"))
            err = buf_addf(&b, "%.*s\n", STR_FMT(line));
    }
    if (!err && *uri)
        err = buf_addf(&b, "database = %s\n", uri);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    free(text);
    return err;
}

int registry_place_auth(struct auth **out, const char *dir, struct diag *d)
{
    struct registry_place p;
    int err = registry_place(dir, "auth", &p, d);
    if (!err)
        err = auth_open_db(out, dir, p.path);
    if (err)
        diag_err(d, p.server ? "database" : p.path, "registry.db",
                 "the accounts cannot be opened: %s", am_err_text(err));
    return err;
}
