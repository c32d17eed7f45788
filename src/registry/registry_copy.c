/* SPDX-License-Identifier: Apache-2.0 */
/* registry_copy -- another's folder, read without touching it. */
#include "registry/registry_priv.h"

#include <limits.h>
#include <unistd.h>

struct registry_copy {
    char log[PATH_MAX];
    struct registry_store store;
    struct blob_store *blobs;
};

static int registry_copy_load(struct registry_copy *c, const char *dir, struct diag *d)
{
    char path[PATH_MAX];
    struct registry_place p = {0};
    int err = AM_OK;
    if (snprintf(path, sizeof path, "%s/blobs/sha256", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    snprintf(c->log, sizeof c->log, "%s/log", dir);
    if (access(path, F_OK) == 0) { /* blob_open() would make it */
        snprintf(path, sizeof path, "%s/blobs", dir);
        err = blob_open(&c->blobs, path);
    }
    if (!err)
        err = registry_place(dir, "registry", &p, d);
    if (err || !c->blobs || (!p.server && access(p.path, F_OK)))
        return err;
    err = registry_store_look(&c->store, dir, d);
    if (!err)
        blob_behind(c->blobs, registry_store_get, &c->store);
    return err;
}

int registry_copy_open(struct registry_copy **out, const char *dir, struct diag *d)
{
    struct registry_copy *c = am_calloc(1, sizeof *c);
    int err = c ? registry_copy_load(c, dir, d) : AM_E_NOMEM;
    if (err) {
        registry_copy_close(c);
        return err;
    }
    *out = c;
    return AM_OK;
}

void registry_copy_close(struct registry_copy *c)
{
    if (!c)
        return;
    blob_close(c->blobs);
    registry_store_close(&c->store);
    free(c);
}

struct blob_store *registry_copy_blobs(struct registry_copy *c)
{
    return c->blobs;
}

int registry_copy_fsck(struct registry_copy *c, struct diag *d)
{
    const struct tlog_config tc = {.dir = c->log};
    struct tlog *log;
    int err;
    if (!c->store.db)
        return AM_OK;
    err = tlog_open(&log, &tc); /* a reader: no lock, no change */
    if (err == AM_E_TAMPERED || err == AM_E_NOTFOUND)
        return AM_OK; /* the verification names the file */
    if (err)
        return err;
    err = registry_store_compare(&c->store, log, d);
    tlog_close(log);
    return err;
}
