/* SPDX-License-Identifier: Apache-2.0 */
/* Exports: jobs, their folder and the thread that writes them. */
#include "rest/rest_export.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */
static int export_path(const struct rest_exports *x, struct str id, const char *file,
                       char out[REST_PATH_MAX])
{
    int n = snprintf(out, REST_PATH_MAX, "%s/%.*s%s%s", x->dir, STR_FMT(id),
                     *file ? "/" : "", file);
    return n < REST_PATH_MAX ? AM_OK : AM_E_TOOBIG;
}

static int export_file(const struct rest_exports *x, struct str id, const char *file,
                       char path[REST_PATH_MAX], struct rest_sealed *out)
{
    *out = (struct rest_sealed){path, id, STR("amane $export file 1"), file};
    return export_path(x, id, file, path);
}

int rest_export_write(struct rest_exports *x, const char *id, const char *file,
                      struct str text, struct buf *sealed)
{
    char path[REST_PATH_MAX];
    struct rest_sealed f;
    int err = export_file(x, str_c(id), file, path, &f);
    return err ? err : rest_sealed_write(x->r, &f, text, sealed);
}

int rest_export_read(struct rest_exports *x, struct str id, const char *file,
                     struct buf *out)
{
    char path[REST_PATH_MAX];
    struct rest_sealed f;
    int err = export_file(x, id, file, path, &f);
    return err ? err : rest_sealed_read(x->r, &f, out);
}

/* Without `all`, the job stays: it is begun again. */
static void export_empty(struct rest_exports *x, const char *id, bool all)
{
    char path[REST_PATH_MAX];
    struct dirent *e;
    DIR *d;
    if (export_path(x, str_c(id), "", path))
        return;
    d = opendir(path);
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.' && (all || strcmp(e->d_name, "job") != 0))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    if (all)
        rmdir(path);
}

/* ---- jobs: under the lock ---- */
static void export_lock(struct rest_exports *x)
{
    am_assert(!pthread_mutex_lock(&x->lock));
}

static void export_unlock(struct rest_exports *x)
{
    am_assert(!pthread_mutex_unlock(&x->lock));
}

static void export_free(struct rest_export *j)
{
    if (j)
        free(j->ask);
    free(j);
}

static void export_remove(struct rest_exports *x, struct rest_export *j)
{
    struct rest_export **at = &x->first;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    export_empty(x, j->id, true);
    export_free(j);
}

static struct rest_export **export_end(struct rest_exports *x)
{
    struct rest_export **at = &x->first;
    while (*at)
        at = &(*at)->next;
    return at;
}

static void export_expire(struct rest_exports *x)
{
    int64_t until = time_now() - EXPORT_HOURS * 3600 * TIME_SECOND;
    struct rest_export *next;
    for (struct rest_export *j = x->first; j; j = next) {
        next = j->next;
        if (j->state >= EXPORT_DONE && j->at < until)
            export_remove(x, j);
    }
}

/* Is there room for one more? Finished ones give way after a day only. */
static bool export_room(const struct rest_exports *x)
{
    size_t unfinished = 0, all = 0;
    for (const struct rest_export *j = x->first; j; j = j->next) {
        all++;
        unfinished += j->state < EXPORT_DONE;
    }
    return unfinished < EXPORT_UNFINISHED && all < EXPORT_KEPT;
}

static struct rest_export *export_of(struct rest_exports *x, struct str id)
{
    struct rest_export *j = x->first;
    while (j && (!str_eqc(id, j->id) || atomic_load(&j->stop)))
        j = j->next;
    return j;
}

/* If `who` asked for it. name: the guard's, of who asked. */
static struct rest_export *export_find(struct rest_exports *x, struct str id, void *who,
                                       char name[EXPORT_WHO + 1])
{
    const struct rest_guard *g = &x->r->c.guard;
    struct rest_export *j = export_of(x, id);
    struct json_doc *doc = NULL;
    struct str asked;
    bool his;
    if (!j || json_parse(&doc, (struct str){j->ask, j->ask_n}, NULL, NULL))
        return NULL;
    asked = json_get_str(json_root(doc), "who");
    his = asked.n <= EXPORT_WHO && (!g->his || g->his(g->arg, asked, who));
    if (his)
        snprintf(name, EXPORT_WHO + 1, "%.*s", STR_FMT(asked));
    json_free(doc);
    return his ? j : NULL;
}

static struct rest_export *export_new(struct str id, struct str ask)
{
    struct rest_export *j = am_calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->ask = str_dup(ask);
    j->ask_n = ask.n;
    j->at = time_now();
    snprintf(j->id, sizeof j->id, "%.*s", STR_FMT(id));
    if (j->ask)
        return j;
    export_free(j);
    return NULL;
}

static int export_begin(struct rest_exports *x, const struct rest_export *j)
{
    char path[REST_PATH_MAX];
    int err = export_path(x, str_c(j->id), "", path);
    if (!err && mkdir(path, 0700))
        err = am_err_errno(errno);
    if (!err)
        err = rest_export_write(x, j->id, "job", (struct str){j->ask, j->ask_n}, NULL);
    return err ? err : am_dir_sync(x->dir);
}

int rest_export_ask(struct rest_exports *x, struct str ask, char id[37])
{
    struct rest_export *j = NULL;
    int err = eds_new_id(id);
    if (err)
        return err;
    export_lock(x);
    export_expire(x);
    if (!export_room(x))
        err = AM_E_TOOMANY;
    else
        j = export_new(str_c(id), ask);
    if (!err)
        err = j ? export_begin(x, j) : AM_E_NOMEM;
    if (!err) {
        *export_end(x) = j;
        am_assert(!pthread_cond_signal(&x->wake));
    } else {
        if (j)
            export_empty(x, j->id, true);
        export_free(j);
    }
    export_unlock(x);
    return err;
}

int rest_export_look(struct rest_exports *x, struct str id, void *who,
                     struct rest_export_now *out)
{
    const struct rest_export *j;
    export_lock(x);
    export_expire(x);
    j = export_find(x, id, who, out->name);
    if (j) {
        out->state = j->state;
        out->err = j->err;
        out->at = j->at;
        out->n = atomic_load(&j->n);
        out->rid = atomic_load(&j->rid);
        out->top = atomic_load(&j->top);
    }
    export_unlock(x);
    return j ? AM_OK : AM_E_NOTFOUND;
}

int rest_export_cancel(struct rest_exports *x, struct str id, void *who)
{
    struct rest_export *j;
    char name[EXPORT_WHO + 1];
    export_lock(x);
    j = export_find(x, id, who, name);
    if (j && j->state == EXPORT_RUNS) {
        char path[REST_PATH_MAX];
        atomic_store(&j->stop, true);
        if (!export_path(x, id, "job", path))
            (void)unlink(path); /* also if the program ends before the thread stops */
    } else if (j)
        export_remove(x, j);
    export_unlock(x);
    return j ? AM_OK : AM_E_NOTFOUND;
}

/* Its files go, and why is kept. */
static void export_fail(struct rest_exports *x, struct rest_export *j, int err)
{
    char text[24];
    export_empty(x, j->id, false);
    snprintf(text, sizeof text, "%d", err);
    if (rest_export_write(x, j->id, "failed", str_c(text), NULL))
        LOG_E("rest.export_failed", log_str("id", str_c(j->id)));
    j->err = err;
    j->state = EXPORT_FAILED;
    j->at = time_now();
}

void rest_export_end(struct rest_exports *x, struct str id, int why)
{
    struct rest_export *j;
    export_lock(x);
    j = export_of(x, id);
    if (j && j->state == EXPORT_DONE)
        export_fail(x, j, why);
    export_unlock(x);
}

/* ---- the thread ---- */
/* Of an export that was told to stop nothing stays; one that the end of the program cuts
 * short is begun again by the next. */
static void export_finish(struct rest_exports *x, struct rest_export *j, int err)
{
    if (atomic_load(&j->stop) && !x->ends) {
        export_remove(x, j);
        return;
    }
    if (err && x->ends)
        return;
    if (err) {
        export_fail(x, j, err);
        return;
    }
    j->state = EXPORT_DONE;
    j->at = time_now();
}

static struct rest_export *export_next(struct rest_exports *x)
{
    for (struct rest_export *j = x->first; j; j = j->next)
        if (j->state == EXPORT_WAITS)
            return j;
    return NULL;
}

static void *export_main(void *arg)
{
    struct rest_exports *x = arg;
    export_lock(x);
    while (!x->ends) {
        struct rest_export *j = export_next(x);
        int err;
        if (!j) {
            am_assert(!pthread_cond_wait(&x->wake, &x->lock));
            continue;
        }
        j->state = EXPORT_RUNS;
        export_unlock(x);
        export_empty(x, j->id, false);
        err = rest_export_run(x, j);
        if (err)
            LOG_E("rest.export", log_str("id", str_c(j->id)), log_err(err));
        export_lock(x);
        export_finish(x, j, err);
    }
    export_unlock(x);
    return NULL;
}

/* ---- what a node finds when it starts ---- */
static int export_resume_one(struct rest_exports *x, const char *id)
{
    struct rest_export *j;
    struct buf text;
    char path[REST_PATH_MAX];
    struct stat st;
    int64_t failed;
    int err;
    buf_init(&text, 1 << 20);
    err = rest_export_read(x, str_c(id), "job", &text);
    if (err && err != AM_E_NOMEM) { /* never acknowledged, or of another store */
        export_empty(x, id, true);
        buf_release(&text);
        return AM_OK;
    }
    j = err ? NULL : export_new(str_c(id), buf_str(&text));
    buf_clear(&text);
    if (j && !rest_export_read(x, str_c(id), "failed", &text)) {
        j->state = EXPORT_FAILED;
        j->err = AM_E_IO;
        if (!str_int(buf_str(&text), INT32_MIN, -1, &failed))
            j->err = (int)failed;
    } else if (j && !export_path(x, str_c(id), "manifest", path) && !stat(path, &st)) {
        j->state = EXPORT_DONE;
        j->at = (int64_t)st.st_mtime * TIME_SECOND;
    }
    buf_release(&text);
    if (j)
        *export_end(x) = j;
    return j ? AM_OK : AM_E_NOMEM;
}

static int export_resume(struct rest_exports *x)
{
    struct dirent **name = NULL;
    int n = scandir(x->dir, &name, NULL, alphasort), err = AM_OK;
    if (n < 0)
        return am_err_errno(errno);
    for (int i = 0; i < n; i++) { /* ids are in the order of time */
        if (!err && strlen(name[i]->d_name) == 36)
            err = export_resume_one(x, name[i]->d_name);
        free(name[i]);
    }
    free(name);
    return err;
}

int rest_exports_new(struct rest *r)
{
    struct rest_exports *x;
    int err;
    if (!r->c.export_dir)
        return AM_OK;
    x = am_calloc(1, sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    x->r = r;
    am_assert(!pthread_mutex_init(&x->lock, NULL));
    am_assert(!pthread_cond_init(&x->wake, NULL));
    err = snprintf(x->dir, sizeof x->dir, "%s", r->c.export_dir) < (int)sizeof x->dir
              ? am_dir_make(x->dir, 0700)
              : AM_E_TOOBIG;
    if (!err)
        err = export_resume(x);
    if (!err && pthread_create(&x->thread, NULL, export_main, x))
        err = AM_E_NOMEM;
    r->exports = x;
    if (err) {
        x->ends = true; /* there is no thread */
        rest_exports_free(r);
    }
    return err;
}

void rest_exports_free(struct rest *r)
{
    struct rest_exports *x = r->exports;
    bool runs;
    if (!x)
        return;
    r->exports = NULL;
    export_lock(x);
    runs = !x->ends;
    x->ends = true;
    for (struct rest_export *j = x->first; j; j = j->next)
        atomic_store(&j->stop, true);
    am_assert(!pthread_cond_signal(&x->wake));
    export_unlock(x);
    if (runs)
        am_assert(!pthread_join(x->thread, NULL));
    while (x->first) {
        struct rest_export *j = x->first;
        x->first = j->next;
        export_free(j);
    }
    am_assert(!pthread_cond_destroy(&x->wake));
    am_assert(!pthread_mutex_destroy(&x->lock));
    free(x);
}
