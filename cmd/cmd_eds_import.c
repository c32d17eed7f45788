/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds import: files into the warehouse. Each resource is validated; what is refused
 * is kept aside with its reasons. Every resource has one name, whenever the same files
 * are read: its own id, its urn:uuid, or one made of the file's digest and its place. So
 * an import that was cut short is begun again, and what is there is not there twice. */
#include "cmd_eds.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_eds_load.h"
#include "cmd_eds_read.h"
#include "cmd_eds_reject.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "fhir/valid.h"

struct import {
    const struct cmd_eds_import *what;
    struct fhir_valid *valid;
    struct cmd_eds_load *load;
    struct cmd_eds_reject reject;
    struct cmd_eds_progress progress;
    struct cmd_eds_files files;
    int64_t before_b; /* size of the files done */
    /* the file being read */
    const char *path;
    const struct cmd_eds_record *record;
    uint8_t digest[CRYPTO_SHA256];
    bool digested;
    int64_t unnamed; /* resources of it that brought no id */
};

/* ---- names ---- */
/* A UUID of version 8: 82 bits of the file's digest, 40 of the place in it. */
static int derive(struct import *im, char out[EDS_ID_MAX + 1])
{
    uint8_t u[16];
    uint64_t n = (uint64_t)im->unnamed++;
    char hex[2 * sizeof u + 1];
    int err = im->digested ? AM_OK : crypto_sha256_file(im->path, im->digest, NULL);
    if (err)
        return err;
    im->digested = true;
    memcpy(u, im->digest, 11);
    u[6] = (uint8_t)(0x80 | (u[6] & 0x0f));
    u[8] = (uint8_t)(0x80 | (u[8] & 0x3f));
    for (int i = 0; i < 5; i++)
        u[11 + i] = (uint8_t)(n >> (8 * (4 - i)));
    crypto_hex(u, sizeof u, hex);
    snprintf(out, EDS_ID_MAX + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
             hex + 16, hex + 20);
    return AM_OK;
}

static int name_entry(void *arg, size_t i, const struct json *resource,
                      struct str full_url, char out[EDS_ID_MAX + 1])
{
    struct import *im = arg;
    bool urn = str_starts(full_url, STR("urn:"));
    struct str id = im->what->given && urn ? STR_NULL : json_get_str(resource, "id");
    (void)i;
    if (!id.n && !im->what->given && str_starts(full_url, STR("urn:uuid:")))
        id = str_sub(full_url, 9, full_url.n);
    if (!id.n)
        return derive(im, out);
    if (!eds_id_ok(id))
        return AM_E_INVALID;
    snprintf(out, EDS_ID_MAX + 1, "%.*s", STR_FMT(id));
    return AM_OK;
}

/* ---- one resource ---- */
static int refuse(struct import *im, int64_t entry, const struct json *resource,
                  struct str id, const struct diag *d)
{
    const struct cmd_eds_refused x = {.file = im->path,
                                      .line = im->record->line,
                                      .entry = entry,
                                      .resource = resource,
                                      .id = id,
                                      .text = im->record->text,
                                      .d = d};
    return cmd_eds_reject_add(&im->reject, &x);
}

static bool its_own_fault(int err)
{
    return err == AM_E_INVALID || err == AM_E_UNSUPPORTED || err == AM_E_TOOBIG;
}

/* wrong: a code, or NULL. */
static int take(struct import *im, int64_t entry, const struct json *resource,
                struct str id, const char *wrong)
{
    struct diag d;
    int err = AM_OK;
    diag_init(&d);
    if (wrong)
        diag_err(&d, "", wrong, "not an entry that can be kept");
    else
        err = fhir_valid_check(im->valid, resource, 0, &d);
    if (!err && !d.errors)
        err = cmd_eds_load_put(im->load, json_get_str(resource, "resourceType"), id,
                               resource, &d);
    if (d.errors && (!err || its_own_fault(err)))
        err = refuse(im, entry, resource, id, &d);
    diag_release(&d);
    return err;
}

static int take_entry(void *arg, const struct eds_bundled *x)
{
    return take(arg, (int64_t)x->i, x->resource, x->id, x->wrong);
}

static int take_alone(struct import *im, const struct json *resource)
{
    char id[EDS_ID_MAX + 1];
    int err = name_entry(im, 0, resource, STR_NULL, id);
    if (err == AM_E_INVALID)
        return take(im, -1, resource, STR_NULL, "eds.id");
    return err ? err : take(im, -1, resource, str_c(id), NULL);
}

/* Is it a way of carrying resources, rather than one of them? Documents and messages are
 * attested as a whole; what a server keeps of the other kinds comes as a line. */
static bool carries(const struct json *root, bool alone)
{
    const struct json *type = json_get(root, "type");
    if (!json_str_is(json_get(root, "resourceType"), "Bundle"))
        return false;
    if (json_str_is(type, "transaction") || json_str_is(type, "batch"))
        return true;
    return alone && !json_str_is(type, "document") && !json_str_is(type, "message");
}

static int take_root(struct import *im, const struct json *root, bool alone)
{
    int err;
    if (!carries(root, alone))
        return take_alone(im, root);
    err = cmd_eds_load_room(im->load, json_size(json_get(root, "entry")));
    return err ? err : eds_bundle(root, name_entry, take_entry, im);
}

/* A line that an import had refused: what is in it now. */
static int take_again(struct import *im, const struct json *line)
{
    const struct json *text = json_get(line, "text");
    struct json_doc *doc = NULL;
    struct diag d;
    int err;
    if (!json_get(line, "text"))
        return take_root(im, json_get(line, "resource"), false);
    diag_init(&d);
    err = cmd_eds_parse(&doc, json_str(text), &d);
    if (d.errors)
        err = refuse(im, -1, NULL, STR_NULL, &d);
    else if (!err)
        err = take_root(im, json_root(doc), true);
    json_free(doc);
    diag_release(&d);
    return err;
}

static bool refused_before(const struct json *root)
{
    return !json_get(root, "resourceType") && json_get(root, "source") &&
           json_get(root, "outcome") &&
           (json_get(root, "resource") || json_get(root, "text"));
}

static int take_record(void *arg, const struct cmd_eds_record *r)
{
    struct import *im = arg;
    int err;
    im->record = r;
    if (!r->root)
        err = refuse(im, -1, NULL, STR_NULL, r->d);
    else if (refused_before(r->root))
        err = take_again(im, r->root);
    else
        err = take_root(im, r->root, r->alone);
    if (!err)
        err = cmd_eds_load_pause(im->load);
    cmd_eds_progress(&im->progress, im->before_b + r->end_b, im->files.size_b,
                     cmd_eds_load_count(im->load) + im->reject.n);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

/* ---- all files ---- */
static int read_files(struct import *im)
{
    for (size_t i = 0; i < im->files.n; i++) {
        int err;
        im->path = im->files.v[i].path;
        im->digested = false;
        im->unnamed = 0;
        err = cmd_eds_read(im->path, take_record, im);
        if (err)
            return err;
        im->before_b += im->files.v[i].size_b;
    }
    return AM_OK;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool replays(const struct import *im)
{
    for (size_t i = 0; i < im->files.n; i++)
        if (same_file(im->files.v[i].path, im->reject.path))
            return true;
    return false;
}

static int tell(const struct import *im, const struct cmd_eds_tally *t)
{
    double s = cmd_eds_seconds(&im->progress);
    const char *rejects = im->reject.n ? im->reject.path : NULL;
    struct buf b;
    struct jw w;
    int err;
    if (!im->what->json) {
        printf(
            "created  %lld\nthere    %lld\nrefused  %lld\nfiles    %zu\nseconds  %.1f\n",
            (long long)t->created, (long long)t->there, (long long)im->reject.n,
            im->files.n, s);
        if (rejects)
            printf("rejects  %s\n", rejects);
        return AM_OK;
    }
    buf_init(&b, 16384);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kint(&w, "created", t->created);
    jw_kint(&w, "there", t->there);
    jw_kint(&w, "refused", im->reject.n);
    jw_kint(&w, "files", (int64_t)im->files.n);
    jw_knum(&w, "seconds", s);
    jw_kstrz(&w, "rejects", rejects);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int import(struct import *im, struct eds *e)
{
    struct cmd_eds_tally t = {0};
    int err = fhir_valid_new(&im->valid), end;
    const char *at = im->what->store;
    if (!err)
        err = cmd_eds_load_new(&im->load, e);
    if (!err) {
        err = read_files(im);
        if (err && im->path)
            at = im->path;
        end = cmd_eds_load_end(im->load, &t);
        err = err ? err : end;
        end = cmd_eds_reject_end(&im->reject, !err && replays(im));
        err = err ? err : end;
    }
    cmd_eds_progress_end(&im->progress);
    if (!err || cmd_eds_stopped())
        end = tell(im, &t);
    if (cmd_eds_stopped() && err == AM_E_TIMEOUT)
        cmd_complain("cmd.eds.stopped", NULL, NULL);
    else if (err)
        return cmd_fail("import", at, err, NULL);
    return err ? am_err_exit(err) : im->reject.n ? 1 : 0;
}

int cmd_eds_import(const struct cmd_eds_import *what)
{
    struct import im = {.what = what};
    char beside[4096];
    struct eds *e = NULL;
    int code = 0;
    if (!what->rejects)
        snprintf(beside, sizeof beside, "%s.rejects.ndjson",
                 db_is_uri(what->store) ? "amane-eds" : what->store);
    cmd_eds_reject_init(&im.reject, what->rejects ? what->rejects : beside);
    for (int i = 0; i < what->n_paths && !code; i++) {
        int err = cmd_eds_files_add(&im.files, what->path[i]);
        if (err)
            code = cmd_fail("read", what->path[i], err, NULL);
    }
    if (!code)
        code = cmd_eds_open(&e, what->store, what->key, EDS_WRITE);
    if (!code) {
        cmd_eds_stoppable();
        cmd_eds_progress_init(&im.progress, "import");
        code = import(&im, e);
    }
    cmd_eds_load_free(im.load);
    code = cmd_eds_close(e, code);
    fhir_valid_free(im.valid);
    cmd_eds_reject_release(&im.reject);
    cmd_eds_files_release(&im.files);
    return code;
}
