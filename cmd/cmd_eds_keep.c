/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds fsck, backup, restore: is everything there and unedited; a copy of it. A copy
 * is checked whole before it gets its name: one that nobody could open is none. */
#include "cmd_eds.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "crypto/crypto.h"
#include "db/db.h"

struct found {
    struct eds_problem p;
};
struct fsck {
    struct cmd_eds_progress progress;
    VEC(struct found) problem;
    bool starved;
    struct eds_check check;
};

static void problem(void *arg, const struct eds_problem *p)
{
    struct fsck *f = arg;
    if (vec_push(&f->problem, ((struct found){*p})))
        f->starved = true;
}

static bool progress(void *arg, int64_t done, int64_t of)
{
    struct fsck *f = arg;
    cmd_eds_progress(&f->progress, done, of, done);
    return !cmd_eds_stopped();
}

/* AM_OK: nothing is wrong. */
static int look(struct fsck *f, struct eds *e, const char *verb)
{
    int err;
    cmd_eds_stoppable();
    cmd_eds_progress_init(&f->progress, verb);
    f->check = (struct eds_check){.problem = problem, .progress = progress, .arg = f};
    err = eds_check(e, &f->check);
    cmd_eds_progress_end(&f->progress);
    return f->starved ? AM_E_NOMEM : err;
}

/* "Patient/a (version 3)", "rid 7", or nothing. */
static void place(char *out, size_t n, const struct eds_meta *m)
{
    *out = 0;
    if (*m->type && *m->id)
        snprintf(out, n, "%s/%s (version %lld)", m->type, m->id, (long long)m->ver);
    else if (m->rid)
        snprintf(out, n, "rid %lld", (long long)m->rid);
}

static void tell_problems(FILE *to, const struct fsck *f)
{
    for (size_t i = 0; i < f->problem.n; i++) {
        const struct eds_problem *p = &f->problem.v[i].p;
        struct diag d;
        char at[192];
        place(at, sizeof at, &p->where);
        diag_init(&d);
        diag_err(&d, at, p->code, "%s", "");
        cmd_problems(to, "  ", &d);
        diag_release(&d);
    }
}

static int tell_json(const struct fsck *f, bool ok)
{
    char hex[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 4 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ok", ok);
    jw_kint(&w, "versions", f->check.versions);
    jw_kint(&w, "rows", f->check.rows);
    jw_kint(&w, "erased", f->check.erased);
    jw_kint(&w, "erasures", f->check.erasures);
    jw_kstrz(&w, "head", crypto_hex(f->check.head, sizeof f->check.head, hex));
    jw_key(&w, "problems");
    jw_arr(&w);
    for (size_t i = 0; i < f->problem.n; i++) {
        const struct eds_problem *p = &f->problem.v[i].p;
        jw_obj(&w);
        jw_kstrz(&w, "code", p->code);
        if (*p->where.type)
            jw_kstrz(&w, "type", p->where.type);
        if (*p->where.id)
            jw_kstrz(&w, "id", p->where.id);
        if (p->where.ver)
            jw_kint(&w, "version", p->where.ver);
        if (p->where.rid)
            jw_kint(&w, "rid", p->where.rid);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int tell(const struct fsck *f, bool ok, bool json)
{
    char hex[CRYPTO_HEX];
    if (json)
        return tell_json(f, ok);
    printf("%s\nversions  %lld\nrows      %lld\n",
           ok ? "the warehouse holds" : "THE WAREHOUSE DOES NOT HOLD",
           (long long)f->check.versions, (long long)f->check.rows);
    if (f->check.erasures)
        printf("erased    %lld (%lld erasures)\n", (long long)f->check.erased,
               (long long)f->check.erasures);
    printf("head      %s\n", crypto_hex(f->check.head, sizeof f->check.head, hex));
    tell_problems(stdout, f);
    return AM_OK;
}

int cmd_eds_fsck(const char *store, const char *key, bool json)
{
    struct fsck f = {.starved = false};
    struct eds *e = NULL;
    int code = cmd_eds_open(&e, store, key, EDS_READ), err;
    if (code)
        return code;
    err = look(&f, e, "fsck");
    if (!err || (err == AM_E_TAMPERED && f.problem.n)) {
        int said = tell(&f, !err, json);
        code = said ? cmd_fail("fsck", store, said, NULL) : err ? 1 : 0;
    } else {
        code = cmd_fail("fsck", store, err, NULL);
    }
    vec_release(&f.problem);
    return cmd_eds_close(e, code);
}

/* ---- copies ---- */
/* What SQLite leaves beside a file that was opened goes with it. */
static void remove_copy(const char *path)
{
    static const char *const end[] = {"", "-wal", "-shm", ".tmp", ".lock"};
    for (size_t i = 0; i < AM_LEN(end); i++) {
        char p[4200];
        snprintf(p, sizeof p, "%s%s", path, end[i]);
        unlink(p);
    }
}

static int check_copy(const char *verb, const char *part, const char *key, bool json)
{
    struct fsck f = {.starved = false};
    struct eds *e = NULL;
    int code = cmd_eds_open_within(&e, part, key, EDS_READ), err;
    if (code)
        return code;
    err = look(&f, e, verb);
    eds_close(e);
    if (err)
        code = cmd_fail(verb, part, err, NULL);
    if (err)
        tell_problems(stderr, &f);
    else if (tell(&f, true, json))
        code = am_err_exit(AM_E_IO);
    vec_release(&f.problem);
    return code;
}

/* What SQLite did not put into the file, and would be left behind. */
static bool beside(const char *part)
{
    char wal[4200];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", part);
    return stat(wal, &st) ? errno != ENOENT : st.st_size > 0;
}

/* Never over a file that came meanwhile, where the file system has links; nor what is
 * whole only with its WAL. */
static int into_place(const char *part, const char *to)
{
    char folder[4096];
    const char *slash = strrchr(to, '/');
    if (beside(part))
        return AM_E_IO;
    if (link(part, to) && ((errno != EPERM && errno != EOPNOTSUPP) || rename(part, to)))
        return am_err_errno(errno);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - to) + 1 : 1,
             slash ? to : ".");
    return am_dir_sync(folder);
}

static int copy_to_file(const char *verb, struct eds *e, const char *from,
                        const char *key, const char *to, bool json)
{
    char part[4096];
    int code, err;
    if (snprintf(part, sizeof part, "%s.part", to) >= (int)sizeof part)
        return cmd_fail(verb, to, AM_E_TOOBIG, NULL);
    remove_copy(part); /* of a copy that was cut short */
    err = eds_backup(e, part);
    code = err ? cmd_fail(verb, from, err, NULL) : check_copy(verb, part, key, json);
    err = code ? AM_OK : into_place(part, to);
    if (err)
        code = cmd_fail(verb, to, err, NULL);
    remove_copy(part);
    return code;
}

/* Its schema is taken away again unless the copy is sound. */
static int copy_to_server(const char *verb, struct eds *e, const char *key,
                          const char *to, bool json)
{
    static const char *const schema[] = {"eds"};
    struct db_birth *birth = NULL;
    int code, err = db_birth_begin(&birth, to, schema, AM_LEN(schema));
    if (!err)
        err = eds_backup(e, to);
    code =
        err ? cmd_fail(verb, "postgresql", err, NULL) : check_copy(verb, to, key, json);
    db_birth_end(birth, code == 0);
    return code;
}

/* From a live store or from a copy of one, it is the same. */
int cmd_eds_copy(const char *verb, const char *from, const char *key, const char *to,
                 bool json)
{
    struct eds *e = NULL;
    int code;
    if (!db_is_uri(to) && access(to, F_OK) == 0)
        return cmd_fail(verb, to, AM_E_EXISTS, NULL);
    code = cmd_eds_open(&e, from, key, EDS_READ);
    if (code)
        return code;
    code = db_is_uri(to) ? copy_to_server(verb, e, key, to, json)
                         : copy_to_file(verb, e, from, key, to, json);
    return cmd_eds_close(e, code);
}
