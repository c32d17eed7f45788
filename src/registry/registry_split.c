/* SPDX-License-Identifier: Apache-2.0 */
/* Proof against ourselves: a note signed by our own log key that is not of our log. A
 * witness that refuses is asked what it holds (GET checkpoint and evidence, beside its
 * add-checkpoint); its word is nothing, the signature on what it shows is everything: one
 * lying witness stops no country. After proof nothing is admitted, for it would be the
 * other history.
 *
 * The note is kept as DIR/split-*.note, and weighed again at every start: the halt
 * outlives restarts and crashes. Two things end it, both an operator's after an inquiry:
 * the complete data are put back, so that the note is of this log; or the file is moved
 * out of the folder. */
#include "registry/registry_priv.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

enum { REGISTRY_SPLIT_ASK_MS = 5000, REGISTRY_SPLIT_NOTES = 32 };

bool registry_split_proved(struct registry *r)
{
    return atomic_load(&r->split_proved);
}

/* Is it a note of this log as it is now? */
static bool registry_note_fits(struct registry *r, struct str note)
{
    struct tlog_checkpoint c;
    struct tlog_hash root;
    return tlog_checkpoint_open(note, tlog_key(r->log), &c) == AM_OK &&
           tlog_root_at(r->log, c.size, &root) == AM_OK &&
           !memcmp(&root, &c.root, sizeof root);
}

/* Signed by our key and not of our log? A note larger than the log counts only while the
 * log is well: after a failed write a checkpoint may have left that was taken back. */
static bool registry_note_convicts(struct registry *r, struct str note)
{
    const struct timespec beat = {.tv_nsec = 500000000};
    struct tlog_checkpoint c, head;
    struct tlog_hash root;
    if (tlog_checkpoint_open(note, tlog_key(r->log), &c))
        return false; /* anybody could have written it */
    tlog_head(r->log, &head);
    if (c.size > head.size) { /* it may have read the file before we counted it */
        nanosleep(&beat, NULL);
        tlog_head(r->log, &head);
    }
    if (c.size > head.size)
        return tlog_health(r->log) == AM_OK;
    return tlog_root_at(r->log, c.size, &root) == AM_OK &&
           memcmp(&root, &c.root, sizeof root) != 0;
}

void registry_split_weigh(struct registry *r, const char *witness, struct str note)
{
    char path[PATH_MAX], hex[CRYPTO_HEX];
    uint8_t digest[CRYPTO_SHA256];
    int err;
    if (registry_split_proved(r) || !registry_note_convicts(r, note))
        return;
    crypto_sha256(note, digest);
    snprintf(path, sizeof path, "%s/split-%.32s.note", r->dir,
             crypto_hex(digest, sizeof digest, hex));
    err = am_file_write(path, note, 0600); /* first: who was refused once stays so */
    atomic_store(&r->split_proved, true);
    LOG_E("registry.split_proved", log_s("witness", witness), log_s("path", path),
          log_err(err));
}

static void registry_split_read(struct registry *r, const char *name)
{
    char path[PATH_MAX + NAME_MAX], *text = NULL;
    size_t n = 0;
    int err;
    bool halt;
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    err = am_file_read(path, TLOG_NOTE_MAX, &text, &n);
    /* What cannot be read, or is not signed by us, was put there for a reason. */
    halt = err || !registry_note_fits(r, (struct str){text, n});
    if (halt) {
        atomic_store(&r->split_proved, true);
        LOG_E("registry.split_kept", log_s("path", path), log_err(err));
    } else {
        LOG_W("registry.split_answered", log_s("path", path));
    }
    free(text);
}

int registry_split_load(struct registry *r)
{
    struct dirent *e;
    DIR *dir = opendir(r->dir);
    if (!dir)
        return am_err_errno(errno);
    while ((e = readdir(dir))) {
        size_t len = strlen(e->d_name);
        if (!strncmp(e->d_name, "split-", 6) && len > 11 &&
            !strcmp(e->d_name + len - 5, ".note"))
            registry_split_read(r, e->d_name);
    }
    closedir(dir);
    return AM_OK;
}

/* GET of a neighbour of the add-checkpoint address. */
static int registry_split_get(struct registry_cosigner *c, struct http_client *http,
                              const char *name, struct buf *out)
{
    char url[sizeof c->url + 32];
    const char *slash = strrchr(c->url, '/');
    struct http_call call = {
        .method = HTTP_GET, .url = url, .timeout_ms = REGISTRY_SPLIT_ASK_MS};
    struct http_reply reply = {0};
    int err;
    if (!slash)
        return AM_E_NOTFOUND;
    snprintf(url, sizeof url, "%.*s/%s", (int)(slash - c->url), c->url, name);
    buf_init(&reply.body, out->max);
    err = http_call(http, &call, &reply);
    if (!err)
        err = reply.status == 200 ? buf_add(out, buf_str(&reply.body)) : AM_E_NOTFOUND;
    buf_release(&reply.body);
    return err;
}

void registry_split_ask(struct registry_cosigner *c, struct http_client *http)
{
    struct json_doc *doc = NULL;
    struct buf b;
    unsigned n = 0;
    buf_init(&b, TLOG_NOTE_MAX);
    if (registry_split_get(c, http, "checkpoint", &b) == AM_OK)
        registry_split_weigh(c->r, c->seen.name, buf_str(&b));
    buf_clear(&b);
    if (!registry_split_proved(c->r) &&
        registry_split_get(c, http, "evidence", &b) == AM_OK &&
        json_parse(&doc, buf_str(&b), NULL, NULL) == AM_OK)
        for (json_each(it, json_get(json_root(doc), "items"))) {
            if (n++ == REGISTRY_SPLIT_NOTES) /* it may be hostile */
                break;
            registry_split_weigh(c->r, c->seen.name, json_get_str(it.val, "note"));
            registry_split_weigh(c->r, c->seen.name, json_get_str(it.val, "known"));
        }
    if (registry_split_proved(c->r)) { /* shown on /witnesses as what it is */
        pthread_mutex_lock(&c->r->lock);
        c->seen.refused = true;
        pthread_mutex_unlock(&c->r->lock);
    }
    json_free(doc);
    buf_release(&b);
}
