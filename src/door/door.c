/* SPDX-License-Identifier: Apache-2.0 */
/* door -- opening it, and a request at it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "door/door_priv.h"
#include "door/door_trail_priv.h"

static int door_path(const char *dir, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ? AM_OK : AM_E_TOOBIG;
}

int door_trail_key(const char *dir, uint8_t key[DOOR_TRAIL_KEY])
{
    char path[PATH_MAX];
    int err = door_path(dir, "keys/access.key", path);
    return err ? err : eds_key_load(path, key);
}

/* Whole under its name, or not there. */
static int door_key_write(int keys, uint8_t key[DOOR_TRAIL_KEY])
{
    static const char begun[] = "access.key.new";
    char text[2 * DOOR_TRAIL_KEY + 1];
    int fd = -1, err = crypto_random(key, DOOR_TRAIL_KEY);
    crypto_hex(key, DOOR_TRAIL_KEY, text);
    text[2 * DOOR_TRAIL_KEY] = '\n';
    (void)unlinkat(keys, begun, 0);
    if (!err)
        err = door_folder_new(keys, begun, O_WRONLY, &fd);
    if (!err && (write(fd, text, sizeof text) != (ssize_t)sizeof text || fsync(fd)))
        err = errno ? am_err_errno(errno) : AM_E_IO;
    if (fd >= 0)
        close(fd);
    if (!err && (renameat(keys, begun, keys, "access.key") || fsync(keys)))
        err = am_err_errno(errno);
    crypto_wipe(text, sizeof text);
    return err;
}

/* A key is made with the first record, never for records that are there. */
static int door_key(const char *dir, uint8_t key[DOOR_TRAIL_KEY])
{
    char keys[PATH_MAX], trail[PATH_MAX];
    struct door_trail_read r = {.dir = trail};
    int fd = -1, err = door_trail_key(dir, key);
    if (err != AM_E_NOTFOUND)
        return err;
    err = door_path(dir, "access", trail);
    if (!err)
        err = door_trail_each(&r, NULL, NULL);
    if (!err && r.last)
        return AM_E_UNAUTHORIZED;
    if (err && err != AM_E_NOTFOUND)
        return err;
    err = door_path(dir, "keys", keys);
    if (!err)
        err = door_folder_open(keys, &fd);
    if (!err)
        err = door_key_write(fd, key);
    if (fd >= 0)
        close(fd);
    return err;
}

/* Its folder and its key, made once though several begin at once. */
static int door_record(const char *dir, char path[PATH_MAX], uint8_t key[DOOR_TRAIL_KEY])
{
    int folder = -1, lock = -1, err = door_path(dir, "access", path);
    if (!err)
        err = door_folder_open(path, &folder);
    if (!err)
        err = door_folder_lock(folder, DOOR_PATIENCE_MS, &lock);
    if (!err)
        err = door_key(dir, key);
    if (lock >= 0)
        close(lock);
    if (folder >= 0)
        close(folder);
    return err;
}

int door_new(struct door **out, const struct door_config *c)
{
    char path[PATH_MAX];
    struct door_trail_config k = {.dir = path};
    struct door *d = am_calloc(1, sizeof *d);
    int err;
    if (!d)
        return AM_E_NOMEM;
    d->auth = c->auth;
    d->eds = c->eds;
    snprintf(d->dir, sizeof d->dir, "%s", c->dir);
    snprintf(d->base, sizeof d->base, "%s", c->base ? c->base : "");
    snprintf(d->former, sizeof d->former, "%s", c->former ? c->former : "");
    snprintf(d->establishment, sizeof d->establishment, "%s",
             c->establishment ? c->establishment : "");
    err = door_known_new(&d->known);
    if (!err)
        err = door_record(c->dir, path, k.key);
    if (!err)
        err = door_trail_open(&d->trail, &k);
    crypto_wipe(k.key, sizeof k.key);
    if (err) {
        door_free(d);
        return err;
    }
    *out = d;
    return AM_OK;
}

void door_free(struct door *d)
{
    if (!d)
        return;
    door_trail_close(d->trail);
    door_known_free(d->known);
    free(d);
}

void door_stats(struct door *d, struct door_trail_stats *out)
{
    door_trail_stats(d->trail, out);
}

void door_before(struct door *d, struct rest_config *rc)
{
    rc->guard = (struct rest_guard){.may = door_may,
                                    .see = door_see,
                                    .fit = door_fit,
                                    .keep = door_keep,
                                    .again = door_again,
                                    .drop = door_drop,
                                    .his = door_his,
                                    .stand = door_stand,
                                    .told = door_told,
                                    .arg = d};
    rc->audit = door_note;
    rc->audit_arg = d;
    rc->open = false;
}

/* What the server can is told to anybody (FHIR R4, 3.1.0.4.1). */
static bool door_public(const char *mount, const struct http_req *q)
{
    return (q->method == HTTP_GET || q->method == HTTP_HEAD) &&
           str_eqc(str_sub(q->path, strlen(mount), q->path.n), "/metadata");
}

static int door_enter(struct door_caller *c, const char *mount, const struct http_req *q,
                      const char **why)
{
    int err = door_identify(c, q);
    *why = err == AM_E_FORBIDDEN ? "rest.forbidden" : "rest.login";
    if (err == AM_E_UNAUTHORIZED && door_public(mount, q)) {
        c->anybody = true;
        return AM_OK;
    }
    if (err)
        return err;
    *why = "door.glass";
    return door_glass(c, q);
}

int door_http(struct door *d, struct rest *r, const char *mount, struct http_req *q,
              struct http_resp *a)
{
    struct door_caller c;
    const char *why = NULL;
    int err;
    if (door_oauth(d, str_sub(q->path, strlen(mount), q->path.n), q, a, &err) ||
        rest_http_socket(r, mount, q, a, &err))
        return err;
    door_caller_init(&c, d);
    err = door_enter(&c, mount, q, &why);
    if (!err && door_audit_events(&c, mount, q, a, &err)) {
        /* answered */
    } else if (!err)
        err = rest_http(r, mount, &c, q, a);
    else if (am_err_http(err) < 500)
        err = rest_http_refuse(mount, err, why, NULL, q, a);
    door_caller_release(&c);
    return err;
}
