/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds import --hl7, --csv, amane eds rejected: files of HL7 v2 messages, or rows of
 * tables, into the warehouse, and what was refused of them. A message that is there
 * already, as it says, changes nothing: an import that was cut short is begun again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd_csv.h"
#include "cmd_dicom.h"
#include "cmd_eds.h"
#include "cmd_eds_read.h"
#include "cmd_hl7_kept.h"
#include "cmd_hl7_many.h"
#include "db/db.h"

struct import {
    const struct cmd_hl7_import *what;
    struct cmd_hl7 hl7;
    struct eds *eds;
    struct fhir_valid *valid;
    struct rest *rest;
    struct cmd_eds_progress progress;
    struct cmd_eds_files files;
    const char *path;
    const char *source; /* of the message replayed, and when it first came */
    int64_t at;
    bool stays;       /* it is refused again, under the name it has */
    struct diag file; /* what is wrong with a file as a whole */
    struct cmd_dicom *dicom;
    struct cmd_hl7_many *many;
    const struct hl7_row *columns; /* of the table that is read */
    FILE *untaken;
    struct buf line;
    int64_t incomplete; /* files whose batches are not whole */
    int64_t before_b, files_taken, files_refused, messages, taken, there, refused,
        resources;
};

/* ---- opening ---- */
static char *rejects_of(const struct cmd_hl7_import *w)
{
    struct buf b;
    char *out = NULL;
    int err;
    buf_init(&b, 8192);
    err = w->rejects
              ? buf_adds(&b, w->rejects)
              : buf_addf(&b, "%s.rejected", db_is_uri(w->store) ? "amane-eds" : w->store);
    if (!err)
        out = buf_take(&b);
    buf_release(&b);
    return out;
}

/* Messages want a map of messages, tables one of tables; what is replayed is what the map
 * is of. */
static int right_map(struct import *im, const char *verb)
{
    bool tables = hl7_map_columns(im->hl7.map) != NULL;
    if (im->what->n_paths == 0 || tables == im->what->csv)
        return 0;
    diag_err(&im->file, "/columns", "hl7.map_member", "missing, or of another type");
    return cmd_fail(verb, im->what->map, AM_E_INVALID, &im->file);
}

static int begin(struct import *im, const char *verb)
{
    char *rejects = rejects_of(im->what);
    int code, err;
    if (!rejects)
        return cmd_fail(verb, im->what->store, AM_E_NOMEM, NULL);
    code = cmd_hl7_open(&im->hl7, NULL, im->what->map,
                        im->what->dicom ? "mapping/dicom.json" : "mapping/hl7v2.json",
                        rejects);
    free(rejects);
    if (!code)
        code = right_map(im, verb);
    if (code)
        return code;
    code = cmd_eds_open(&im->eds, im->what->store, im->what->key, EDS_WRITE);
    if (code)
        return code;
    err = fhir_valid_new(&im->valid);
    if (!err)
        err = rest_new(&im->rest, &(struct rest_config){.eds = im->eds,
                                                        .valid = im->valid,
                                                        .base = "urn:amane:import"});
    if (err)
        return cmd_fail(verb, im->what->store, err, NULL);
    if (im->what->untaken) {
        int fd = open(im->what->untaken,
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        im->untaken = fd < 0 ? NULL : fdopen(fd, "wb");
        if (!im->untaken)
            return cmd_fail(verb, im->what->untaken, am_err_errno(errno), NULL);
    }
    buf_init(&im->line, 1 << 16);
    im->hl7.rest = im->rest;
    im->hl7.eds = im->eds;
    im->at = time_now();
    cmd_eds_stoppable();
    cmd_eds_progress_init(&im->progress, verb);
    return 0;
}

static int end(struct import *im, int code)
{
    diag_release(&im->file);
    cmd_dicom_free(im->dicom);
    cmd_hl7_many_free(im->many);
    rest_free(im->rest);
    code = cmd_eds_close(im->eds, code);
    fhir_valid_free(im->valid);
    cmd_hl7_close(&im->hl7);
    cmd_eds_files_release(&im->files);
    buf_release(&im->line);
    if (im->untaken)
        fclose(im->untaken);
    return code;
}

/* ---- a message ---- */
static int note_untaken(struct import *im, const char *source, const struct diag *d)
{
    int err;
    if (!im->untaken)
        return AM_OK;
    buf_clear(&im->line);
    err = cmd_hl7_untaken_line(&im->line, source, d);
    if (!err && fwrite(im->line.p, 1, im->line.n, im->untaken) != im->line.n)
        err = am_err_errno(errno);
    return err;
}

/* err: what became of a message, or of a row of `columns`. kept: where it is with its
 * reasons when it is refused, else empty. */
static int settle(struct import *im, int err, struct str raw, const char *source,
                  const struct hl7_row *columns, size_t entries, struct diag *d,
                  char kept[CMD_HL7_PATH])
{
    *kept = 0;
    im->messages++;
    if (err == AM_E_REFUSED) {
        im->refused++;
        if (columns)
            hl7_row_places(columns, d);
        err = cmd_hl7_keep(&im->hl7, raw, source, d, kept);
    } else if (!err) {
        cmd_hl7_unknown_count(im->hl7.unknown, d);
        err = note_untaken(im, source, d);
        im->taken += entries > 0;
        im->there += entries == 0;
        im->resources += (int64_t)entries;
    }
    return err;
}

/* row: of a table; then raw is kept, and its message is taken. */
static int take(struct import *im, struct str raw, const struct cmd_csv_row *row,
                const char *source, char kept[CMD_HL7_PATH])
{
    size_t entries = 0;
    struct diag own, *d = row ? row->d : &own;
    int err = AM_E_REFUSED;
    diag_init(&own);
    if (!row || row->message.p)
        err = cmd_hl7_take(&im->hl7, row ? row->message : raw, source, &entries, d);
    err = settle(im, err, raw, source, row ? row->columns : NULL, entries, d, kept);
    diag_release(&own);
    return err;
}

/* ---- files of them, many at once ---- */
static int settle_next(void *arg, const struct cmd_hl7_done *x)
{
    struct import *im = arg;
    char kept[CMD_HL7_PATH];
    int err = settle(im, x->err, x->raw, x->source, im->columns, x->entries, x->d, kept);
    cmd_eds_progress(&im->progress, im->before_b + x->end_b, im->files.size_b,
                     im->messages);
    return err;
}

static int put_next(struct import *im, struct str raw, struct str message, int64_t n,
                    int64_t end_b, const struct diag *d)
{
    char source[4200];
    int err;
    snprintf(source, sizeof source, "%.4096s:%lld", im->path, (long long)n);
    err = cmd_hl7_many_put(im->many, raw, message, source, end_b, d);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

static int take_message(void *arg, struct str raw, int64_t n, int64_t end_b)
{
    return put_next(arg, raw, raw, n, end_b, NULL);
}

static int take_row(void *arg, const struct cmd_csv_row *row)
{
    struct import *im = arg;
    int err;
    im->columns = row->columns;
    if (row->raw.p)
        return put_next(im, row->raw, row->message, row->line, row->end_b, row->d);
    err = cmd_hl7_many_flush(im->many);
    im->columns = NULL;
    return err;
}

/* What is there of a file that was cut is taken, and the file is told. */
static int read_batches(struct import *im)
{
    char before[4200];
    struct diag d;
    int err;
    diag_init(&d);
    err = cmd_hl7_read(im->path, take_message, im, &d);
    if (d.errors) {
        snprintf(before, sizeof before, "%.4096s: ", im->path);
        cmd_problems(stderr, before, &d);
        im->incomplete++;
    }
    diag_release(&d);
    return err;
}

static int read_messages(struct import *im)
{
    int err = im->many ? AM_OK : cmd_hl7_many_new(&im->many, &im->hl7, settle_next, im);
    if (!err && im->what->csv)
        return cmd_csv_read(im->path, im->hl7.map, im->at, take_row, im, &im->file);
    if (!err)
        err = read_batches(im);
    return err ? err : cmd_hl7_many_flush(im->many);
}

/* ---- studies ---- */
static int take_study(void *arg, struct str message, const char *source)
{
    struct import *im = arg;
    char kept[CMD_HL7_PATH];
    int err = take(im, message, NULL, source, kept);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

static int read_file(struct import *im)
{
    bool taken;
    struct diag d;
    int err;
    diag_init(&d);
    err = cmd_dicom_file(im->dicom, im->path, &taken, &d);
    if (d.errors) { /* its own fault: there is no need to keep a copy of an image */
        char before[4200];
        snprintf(before, sizeof before, "%.4096s: ", im->path);
        cmd_problems(stderr, before, &d);
        im->files_refused++;
        err = AM_OK;
    } else {
        im->files_taken += taken;
    }
    diag_release(&d);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

/* All headers first: the files of a study may stand anywhere. */
static int read_studies(struct import *im)
{
    int err = cmd_dicom_new(&im->dicom);
    for (size_t i = 0; i < im->files.n && !err; i++) {
        im->path = im->files.v[i].path;
        err = read_file(im);
        im->before_b += im->files.v[i].size_b;
        cmd_eds_progress(&im->progress, im->before_b, im->files.size_b, (int64_t)i + 1);
    }
    return err ? err : cmd_dicom_studies(im->dicom, &im->hl7, take_study, im, &im->file);
}

/* ---- telling ---- */
static int tell(const struct import *im)
{
    double s = cmd_eds_seconds(&im->progress);
    const char *value;
    int64_t n;
    struct buf b;
    struct jw w;
    int err;
    if (!im->what->json) {
        if (im->what->dicom)
            printf("files      %lld\nunread     %lld\n", (long long)im->files_taken,
                   (long long)im->files_refused);
        printf("messages   %lld\ntaken      %lld\nthere      %lld\nrefused    %lld\n"
               "resources  %lld\nseconds    %.1f\n",
               (long long)im->messages, (long long)im->taken, (long long)im->there,
               (long long)im->refused, (long long)im->resources, s);
        if (im->refused)
            printf("rejected   %s\n", im->hl7.rejects);
        if (im->incomplete)
            printf("incomplete %lld\n", (long long)im->incomplete);
        for (size_t i = 0; cmd_hl7_unknown_at(im->hl7.unknown, i, &value, &n); i++)
            printf("unknown    %lld %s\n", (long long)n, *value ? value : "...");
        for (size_t i = 0; cmd_hl7_untaken_at(im->hl7.unknown, i, &value, &n); i++)
            printf("untaken    %lld %s\n", (long long)n, *value ? value : "...");
        return AM_OK;
    }
    buf_init(&b, 16384);
    jw_init(&w, &b);
    jw_obj(&w);
    if (im->what->dicom) {
        jw_kint(&w, "files", im->files_taken);
        jw_kint(&w, "unread", im->files_refused);
    }
    jw_kint(&w, "messages", im->messages);
    jw_kint(&w, "taken", im->taken);
    jw_kint(&w, "there", im->there);
    jw_kint(&w, "refused", im->refused);
    jw_kint(&w, "resources", im->resources);
    jw_kint(&w, "incomplete", im->incomplete);
    jw_knum(&w, "seconds", s);
    jw_kstrz(&w, "rejected", im->refused ? im->hl7.rejects : NULL);
    jw_key(&w, "unknown");
    jw_obj(&w);
    for (size_t i = 0; cmd_hl7_unknown_at(im->hl7.unknown, i, &value, &n); i++)
        jw_kint(&w, *value ? value : "...", n);
    jw_obj_end(&w);
    jw_key(&w, "untaken");
    jw_obj(&w);
    for (size_t i = 0; cmd_hl7_untaken_at(im->hl7.unknown, i, &value, &n); i++)
        jw_kint(&w, *value ? value : "...", n);
    jw_obj_end(&w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

/* The exit code of what ended with err. */
static int conclude(struct import *im, int err, const char *verb)
{
    int said = AM_OK;
    cmd_eds_progress_end(&im->progress);
    if (im->untaken && fflush(im->untaken) && !err)
        err = am_err_errno(errno);
    if (!err || err == AM_E_TIMEOUT)
        said = tell(im);
    if (err == AM_E_TIMEOUT && cmd_eds_stopped())
        cmd_complain("cmd.eds.stopped", NULL, NULL);
    else if (err || said)
        return cmd_fail(verb, im->path ? im->path : im->what->store, err ? err : said,
                        im->file.n ? &im->file : NULL);
    return err                                                  ? am_err_exit(err)
           : im->refused || im->files_refused || im->incomplete ? 1
                                                                : 0;
}

int cmd_hl7_import(const struct cmd_hl7_import *what)
{
    static const char *const endings[] = {".hl7", ".er7", ".HL7", NULL};
    static const char *const any[] = {"", NULL};
    static const char *const tables[] = {".csv", ".CSV", NULL};
    struct import im = {.what = what};
    int code = 0, err = AM_OK;
    diag_init(&im.file);
    im.files.endings = what->csv ? tables : what->dicom ? any : endings;
    for (int i = 0; i < what->n_paths && !code; i++) {
        err = cmd_eds_files_add(&im.files, what->path[i]);
        if (err)
            code = cmd_fail("read", what->path[i], err, NULL);
    }
    if (!code)
        code = begin(&im, "import");
    if (!code) {
        if (what->dicom)
            err = read_studies(&im);
        for (size_t i = 0; i < im.files.n && !err && !what->dicom; i++) {
            im.path = im.files.v[i].path;
            err = read_messages(&im);
            im.before_b += im.files.v[i].size_b;
        }
        code = conclude(&im, err, "import");
    }
    return end(&im, code);
}

/* ---- what was refused ---- */
struct listing {
    struct buf b, why;
    struct jw w;
    bool json;
};

static void list_json(struct listing *l, const struct cmd_hl7_kept *k, int *err)
{
    const struct json *reason = json_root(k->reason);
    jw_obj(&l->w);
    jw_kstrz(&l->w, "message", k->path);
    jw_kval(&l->w, "source", json_get(reason, "source"));
    jw_kval(&l->w, "at", json_get(reason, "at"));
    jw_key(&l->w, "problems");
    jw_arr(&l->w);
    for (json_each(it, json_get(reason, "problems"))) {
        buf_clear(&l->why);
        if (!*err)
            *err = cmd_hl7_kept_why(k, it.i, &l->why);
        jw_obj(&l->w);
        jw_kval(&l->w, "code", json_get(it.val, "code"));
        jw_kval(&l->w, "path", json_get(it.val, "path"));
        jw_kstr(&l->w, "text", buf_str(&l->why));
        jw_obj_end(&l->w);
    }
    jw_arr_end(&l->w);
    jw_obj_end(&l->w);
}

static int list_one(void *arg, const struct cmd_hl7_kept *k)
{
    struct listing *l = arg;
    const struct json *reason = json_root(k->reason),
                      *first = json_at(json_get(reason, "problems"), 0);
    int err = AM_OK;
    if (!k->raw.p)
        cmd_complain("cmd.eds.rejected_shut", k->path, NULL);
    if (l->json) {
        list_json(l, k, &err);
    } else if (k->raw.p) {
        struct str source = json_get_str(reason, "source"),
                   path = json_get_str(first, "path"), code = json_get_str(first, "code");
        buf_clear(&l->why);
        err = first ? cmd_hl7_kept_why(k, 0, &l->why) : AM_OK;
        printf("%s  %.*s  %.*s: %.*s [%.*s]\n", k->path, STR_FMT(source), STR_FMT(path),
               STR_FMT(buf_str(&l->why)), STR_FMT(code));
    }
    return err;
}

static int list(const struct cmd_hl7_import *what, const struct eds *eds, const char *dir)
{
    struct listing l = {.json = what->json};
    int err;
    buf_init(&l.b, 256 << 20);
    buf_init(&l.why, 1 << 16);
    jw_init(&l.w, &l.b);
    if (l.json)
        jw_arr(&l.w);
    err = cmd_hl7_kept_each(dir, eds, NULL, list_one, &l);
    if (l.json)
        jw_arr_end(&l.w);
    if (!err && l.json)
        err = cmd_out_json(&l.w, &l.b);
    buf_release(&l.b);
    buf_wipe(&l.why);
    return err ? cmd_fail("read", dir, err, NULL) : 0;
}

struct picked { /* the one that is asked for by name */
    const struct eds *eds;
    const char *dir, *with;
    size_t n;
};

static int show_one(void *arg, const struct cmd_hl7_kept *k)
{
    struct picked *p = arg;
    if (!k->raw.p)
        return AM_E_TAMPERED;
    p->n++;
    return p->n == 1 && fwrite(k->raw.p, 1, k->raw.n, stdout) != k->raw.n ? AM_E_IO
                                                                          : AM_OK;
}

static int fix_one(void *arg, const struct cmd_hl7_kept *k)
{
    struct picked *p = arg;
    char *text = NULL;
    size_t n = 0;
    int err;
    if (p->n++)
        return AM_OK;
    err = am_file_read(p->with, 16 << 20, &text, &n);
    if (!err)
        err = cmd_hl7_kept_fix(k, p->eds, p->dir, (struct str){text, n});
    free(text);
    return err;
}

static int count_one(void *arg, const struct cmd_hl7_kept *k)
{
    struct picked *p = arg;
    (void)k;
    p->n++;
    return AM_OK;
}

/* Of several whose names begin so none is the one. */
static int with_one(const struct cmd_hl7_import *what, const struct eds *eds,
                    const char *dir, cmd_hl7_kept_fn *fn)
{
    struct picked p = {.eds = eds, .dir = dir, .with = what->with};
    int err = cmd_hl7_kept_each(dir, eds, what->name, count_one, &p);
    if (!err)
        err = p.n == 1 ? AM_OK : p.n ? AM_E_CONFLICT : AM_E_NOTFOUND;
    p.n = 0;
    if (!err)
        err = cmd_hl7_kept_each(dir, eds, what->name, fn, &p);
    return err ? cmd_fail("read", what->name, err, NULL) : 0;
}

/* Where it came from, and when: of a row without a time of its own. */
static void source_of(const struct cmd_hl7_kept *k, char out[CMD_HL7_PATH], int64_t *at)
{
    struct str source = json_get_str(json_root(k->reason), "source");
    if (time_parse(json_get_str(json_root(k->reason), "at"), at))
        *at = time_now();
    if (!source.n)
        source = str_c(k->path);
    snprintf(out, CMD_HL7_PATH, "%.*s", (int)AM_MIN(source.n, (size_t)CMD_HL7_PATH - 1),
             source.p);
}

static int again(struct import *im, struct str raw, const struct cmd_csv_row *row)
{
    char kept[CMD_HL7_PATH];
    int err = take(im, raw, row, im->source, kept);
    im->stays = im->stays || !strcmp(kept, im->path);
    return err;
}

static int row_again(void *arg, const struct cmd_csv_row *row)
{
    return row->raw.p ? again(arg, row->raw, row) : AM_OK;
}

/* Rows are read from a file: one in memory, under no name. A text with other columns is
 * of another map: it stays as it is. So does one that cannot be read. */
static int replay_rows(struct import *im, struct str raw)
{
    int fd = memfd_create("rows", MFD_CLOEXEC), err;
    char path[40];
    struct diag d;
    if (fd < 0 || write(fd, raw.p, raw.n) != (ssize_t)raw.n) {
        err = am_err_errno(errno);
        if (fd >= 0)
            close(fd);
        return err;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    diag_init(&d);
    err = cmd_csv_read(path, im->hl7.map, im->at, row_again, im, &d);
    if (err == AM_E_INVALID || err == AM_E_SYNTAX || err == AM_E_TOOBIG) {
        im->stays = true;
        im->messages += err != AM_E_INVALID;
        im->refused += err != AM_E_INVALID;
        err = AM_OK;
    }
    diag_release(&d);
    close(fd);
    return err;
}

/* Taken, it leaves the folder; refused again it stays with its new reason, and when its
 * text was changed under the name of the new text. */
static int replay_one(void *arg, const struct cmd_hl7_kept *k)
{
    struct import *im = arg;
    char source[CMD_HL7_PATH];
    bool tables = hl7_map_columns(im->hl7.map) != NULL;
    int err;
    if (k->table != tables)
        return AM_OK;
    if (!k->raw.p) {
        cmd_complain("cmd.eds.rejected_shut", k->path, NULL);
        im->messages++;
        im->refused++;
        return AM_OK;
    }
    im->path = k->path;
    im->source = source;
    im->stays = false;
    source_of(k, source, &im->at);
    err = tables ? replay_rows(im, k->raw) : again(im, k->raw, NULL);
    if (!err && !im->stays)
        err = cmd_hl7_kept_drop(k);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

/* Beside a node that writes. */
static int look(const char *verb, const struct cmd_hl7_import *what)
{
    struct eds *eds = NULL;
    char *dir = rejects_of(what);
    int code = dir ? cmd_eds_open(&eds, what->store, what->key, EDS_READ)
                   : cmd_fail("read", what->store, AM_E_NOMEM, NULL);
    if (!code)
        code = !strcmp(verb, "list")   ? list(what, eds, dir)
               : !strcmp(verb, "show") ? with_one(what, eds, dir, show_one)
                                       : with_one(what, eds, dir, fix_one);
    code = cmd_eds_close(eds, code);
    free(dir);
    return code;
}

int cmd_hl7_rejected(const char *verb, const struct cmd_hl7_import *what)
{
    struct import im = {.what = what};
    int code;
    diag_init(&im.file);
    if (strcmp(verb, "replay") != 0)
        return look(verb, what);
    code = begin(&im, "replay");
    if (!code)
        code = conclude(&im,
                        cmd_hl7_kept_each(im.hl7.rejects, im.eds, NULL, replay_one, &im),
                        "replay");
    return end(&im, code);
}
