/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds export: what is current, as NDJSON by type, from one snapshot, in the order
 * it was written: the same store gives the same bytes. The folder appears whole, when all
 * its files are on the disk, and the record of what is in them. */
#include "cmd_eds.h"
#include "cmd_eds_law.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "crypto/crypto.h"
#include "fhir/param.h"

struct out_file {
    char type[65];
    FILE *to;
    int64_t n;
    struct crypto_sha256 h;
};
struct export
{
    char out[4096], part[4104];
    struct str types; /* empty: all */
    int64_t since_at; /* 0: all */
    struct cmd_eds_progress progress;
    VEC(struct out_file) file;
    struct map by_type;
    int64_t n, top, at; /* of the snapshot: the greatest rid, the newest instant */
    struct eds_view *view;
};

/* ---- the folder ---- */
/* Only what an export writes is removed from one that was cut short. */
static int part_begin(struct export *x)
{
    struct dirent *e;
    DIR *d;
    if (rmdir(x->out) && errno != ENOENT) /* an empty folder may be there */
        return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                   ? AM_E_EXISTS
                   : am_err_errno(errno);
    d = opendir(x->part);
    while (d && (e = readdir(d))) {
        struct str name = str_c(e->d_name);
        if (str_ends(name, STR(".ndjson")) || str_eqc(name, "export.manifest"))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    rmdir(x->part);
    return mkdir(x->part, 0700) ? am_err_errno(errno) : AM_OK;
}

static int out_open(struct export *x, const char *type, struct out_file **f)
{
    struct out_file new = {.n = 0};
    char path[4200];
    size_t i;
    int err, fd;
    if (!map_get(&x->by_type, str_c(type), &i)) {
        *f = &x->file.v[i];
        return AM_OK;
    }
    snprintf(new.type, sizeof new.type, "%s", type);
    crypto_sha256_init(&new.h);
    snprintf(path, sizeof path, "%s/%s.ndjson", x->part, type);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    new.to = fd < 0 ? NULL : fdopen(fd, "wb");
    err = new.to ? vec_push(&x->file, new) : am_err_errno(errno);
    if (!err)
        err = map_set(&x->by_type, str_c(type), x->file.n - 1);
    if (!err)
        *f = &x->file.v[x->file.n - 1];
    return err;
}

static int files_end(struct export *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->file.n; i++) {
        struct out_file *f = &x->file.v[i];
        if (!err && (fflush(f->to) || fsync(fileno(f->to))))
            err = am_err_errno(errno);
        if (fclose(f->to) && !err)
            err = am_err_errno(errno);
    }
    return err;
}

/* ---- the snapshot ---- */
static bool asked_for(const struct export *x, struct str type)
{
    struct str rest = x->types;
    while (rest.n)
        if (str_eq(str_cut(rest, ',', &rest), type))
            return true;
    return !x->types.n;
}

static int one(void *arg, const struct eds_meta *m, struct str body)
{
    struct export *x = arg;
    struct out_file *f;
    bool yes = false;
    int err = AM_OK;
    cmd_eds_progress(&x->progress, m->rid, x->top, x->n);
    if (asked_for(x, str_c(m->type)))
        err = cmd_eds_law_sees(x->view, m, body, &yes);
    if (err || !yes)
        return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
    err = cmd_eds_law_tell(m);
    if (!err)
        err = out_open(x, m->type, &f);
    if (err)
        return err;
    if (fwrite(body.p, 1, body.n, f->to) != body.n || putc('\n', f->to) == EOF)
        return am_err_errno(errno);
    crypto_sha256_add(&f->h, body);
    crypto_sha256_add(&f->h, STR("\n"));
    f->n++;
    x->n++;
    x->at = m->at;
    return cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

static int snapshot(struct eds_view *v, void *arg)
{
    struct export *x = arg;
    int64_t from = 1;
    int err = eds_top(v, &x->top);
    x->view = v;
    if (!err && x->since_at)
        err = eds_rid_at(v, x->since_at, &from);
    return err ? err : eds_each(v, STR_NULL, from - 1, one, x);
}

/* ---- the manifest ---- */
static int file_cmp(const void *a, const void *b)
{
    return strcmp(((const struct out_file *)a)->type, ((const struct out_file *)b)->type);
}

static int manifest(struct export *x, struct buf *b)
{
    char at[TIME_TEXT], hex[CRYPTO_HEX];
    uint8_t h[CRYPTO_SHA256];
    struct jw w;
    int err;
    jw_init(&w, b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "newest", x->n ? time_format(x->at, at) : NULL);
    jw_kstrz(&w, "since", x->since_at ? time_format(x->since_at, at) : NULL);
    jw_kint(&w, "resources", x->n);
    jw_kint(&w, "withheld", cmd_eds_law_hidden());
    jw_key(&w, "output");
    jw_arr(&w);
    for (size_t i = 0; i < x->file.n; i++) {
        jw_obj(&w);
        jw_kstrz(&w, "type", x->file.v[i].type);
        jw_key(&w, "file");
        jw_strf(&w, "%s.ndjson", x->file.v[i].type);
        jw_kint(&w, "count", x->file.v[i].n);
        crypto_sha256_end(&x->file.v[i].h, h);
        jw_kstrz(&w, "sha256", crypto_hex(h, sizeof h, hex));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    return err ? err : buf_addc(b, '\n');
}

static int into_place(struct export *x, struct str text)
{
    char path[4200];
    int err;
    snprintf(path, sizeof path, "%s/export.manifest", x->part);
    err = am_file_write(path, text, 0600);
    if (!err && rename(x->part, x->out))
        err = errno == ENOTEMPTY || errno == EEXIST ? AM_E_EXISTS : am_err_errno(errno);
    return err ? err : am_dir_sync(x->out);
}

static int run(struct export *x, struct eds *e, bool json)
{
    struct buf b;
    int err = part_begin(x), end;
    buf_init(&b, 1 << 20);
    if (!err)
        err = eds_view(e, snapshot, x);
    end = files_end(x);
    err = err ? err : end;
    cmd_eds_progress_end(&x->progress);
    if (x->file.n)
        qsort(x->file.v, x->file.n, sizeof *x->file.v, file_cmp);
    if (!err)
        err = manifest(x, &b);
    if (!err)
        err = cmd_eds_law_told(); /* before it can be found there */
    if (!err)
        err = into_place(x, buf_str(&b));
    if (!err && json)
        err = cmd_out(buf_str(&b));
    if (!err)
        cmd_eds_withheld();
    for (size_t i = 0; i < x->file.n && !err && !json; i++)
        printf("%-28s %lld\n", x->file.v[i].type, (long long)x->file.v[i].n);
    buf_release(&b);
    return err;
}

/* Every name a type of R4? */
static bool types_known(struct str types)
{
    while (types.n)
        if (!fhir_search_type(str_cut(types, ',', &types)))
            return false;
    return true;
}

int cmd_eds_export(const char *store, const char *key, const char *out, const char *types,
                   const char *since, bool json)
{
    struct export x = {.types = str_c(types)};
    struct str name = str_c(out);
    struct eds *e = NULL;
    int code, err;
    while (name.n > 1 && name.p[name.n - 1] == '/')
        name.n--;
    if (!types_known(x.types)) {
        cmd_complain("cmd.eds.type", "--type", types);
        return 2;
    }
    if (since && time_parse(str_c(since), &x.since_at) &&
        time_parse_date(str_c(since), &x.since_at)) {
        cmd_complain("cmd.eds.instant", "--since", since);
        return 2;
    }
    if (name.n >= sizeof x.out)
        return cmd_fail("export", out, AM_E_TOOBIG, NULL);
    memcpy(x.out, name.p, name.n);
    snprintf(x.part, sizeof x.part, "%s.part", x.out);
    code = cmd_eds_open(&e, store, key, EDS_READ);
    if (code)
        return code;
    cmd_eds_stoppable();
    map_init(&x.by_type);
    cmd_eds_progress_init(&x.progress, "export");
    err = run(&x, e, json);
    map_release(&x.by_type);
    vec_release(&x.file);
    if (err)
        code = cmd_fail("export", err == AM_E_EXISTS ? out : store, err, NULL);
    return cmd_eds_close(e, code);
}
