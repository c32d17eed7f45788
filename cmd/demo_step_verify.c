/* SPDX-License-Identifier: Apache-2.0 */
/* Step 9: the log verified offline, and three copies that were touched, each found out.
 */
#include "demo.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEMO_COPIES = 20 };

static int demo_copy_file(const char *from, const char *to)
{
    char *text;
    size_t n;
    int err = am_file_read(from, (size_t)256 << 20, &text, &n);
    if (err)
        return err;
    err = am_file_write(to, (struct str){text, n}, 0600);
    free(text);
    return err;
}

static int demo_copy_tree(const char *from, const char *to)
{
    struct dirent *e;
    DIR *d = opendir(from);
    int err = d ? am_dir_make(to, 0700) : AM_E_IO;
    while (!err && d && (e = readdir(d))) {
        char a[PATH_MAX], b[PATH_MAX];
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(a, sizeof a, "%s/%s", from, e->d_name) >= (int)sizeof a ||
            snprintf(b, sizeof b, "%s/%s", to, e->d_name) >= (int)sizeof b) {
            err = AM_E_TOOBIG;
            break;
        }
        if (stat(a, &st))
            continue;
        err = S_ISDIR(st.st_mode) ? demo_copy_tree(a, b) : demo_copy_file(a, b);
        if (err == AM_E_NOTFOUND) /* taken away meanwhile, see demo_copy_live() */
            err = AM_OK;
    }
    if (d)
        closedir(d);
    return err;
}

static bool demo_same_file(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, k = 0;
    bool same = am_file_read(a, TLOG_NOTE_MAX, &x, &n) == AM_OK &&
                am_file_read(b, TLOG_NOTE_MAX, &y, &k) == AM_OK &&
                str_eq((struct str){x, n}, (struct str){y, k});
    free(x);
    free(y);
    return same;
}

/* A mirror that is still growing: its checkpoints first, so that every tile they cover is
 * in what is copied after them. A checkpoint that came meanwhile has taken partial tiles
 * of the older one away: then it is all done again. */
static int demo_copy_live(const char *from, const char *to)
{
    static const char *const note[] = {"checkpoint", "checkpoint.cosigned"};
    char a[PATH_MAX], b[PATH_MAX];
    bool still = false;
    int err = am_dir_make(to, 0700);
    for (int turn = 0; turn < DEMO_COPIES && !err && !still; turn++) {
        for (size_t i = 0; i < AM_LEN(note) && !err; i++) {
            snprintf(a, sizeof a, "%s/%s", from, note[i]);
            snprintf(b, sizeof b, "%s/%s", to, note[i]);
            err = demo_copy_file(a, b);
        }
        snprintf(a, sizeof a, "%s/tile", from);
        snprintf(b, sizeof b, "%s/tile", to);
        if (!err)
            err = demo_copy_tree(a, b);
        still = true;
        for (size_t i = 0; i < AM_LEN(note); i++) {
            snprintf(a, sizeof a, "%s/%s", from, note[i]);
            snprintf(b, sizeof b, "%s/%s", to, note[i]);
            still = still && demo_same_file(a, b);
        }
    }
    return err ? err : still ? AM_OK : AM_E_CONFLICT;
}

static int demo_mirror(struct demo *m, const char *source, const char *name, char *out,
                       size_t cap)
{
    char from[DEMO_PATH + 64], to[DEMO_PATH + 128];
    int err;
    snprintf(out, cap, "%.900s/%s", m->dir, name);
    snprintf(from, sizeof from, "%s/log", source);
    snprintf(to, sizeof to, "%s/log", out);
    err = demo_copy_live(from, to);
    snprintf(from, sizeof from, "%s/blobs", source);
    snprintf(to, sizeof to, "%s/blobs", out);
    return err ? err : demo_copy_tree(from, to);
}

static int demo_log_verify(struct demo *m, const char *dir, int *code,
                           struct json_doc **doc)
{
    const char *const argv[] = {"log",      "verify", dir, "--genesis",
                                m->genesis, "--json", NULL};
    struct buf out;
    int err;
    buf_init(&out, (size_t)16 << 20);
    *code = demo_tool(m, &out, argv);
    err = json_parse(doc, buf_str(&out), NULL, &m->d);
    buf_release(&out);
    return err ? demo_fail(m, "log verify", "no answer") : AM_OK;
}

static int demo_flip(const char *path)
{
    char *text;
    size_t n;
    int err = am_file_read(path, (size_t)256 << 20, &text, &n);
    if (err)
        return err;
    text[n / 2] ^= 1;
    err = am_file_write(path, (struct str){text, n}, 0600);
    free(text);
    return err;
}

/* The first tile of entries that a checkpoint of that size covers. A mirror that grows
 * may hold a longer one already, which nothing signed speaks of yet. */
static void demo_covered(const char *dir, int64_t size, char *path, size_t cap)
{
    struct stat st;
    snprintf(path, cap, "%s/log/tile/entries/000.p/%lld", dir, (long long)size);
    if (stat(path, &st))
        snprintf(path, cap, "%s/log/tile/entries/000", dir);
}

/* A problem must name the file that was touched (or the entry it holds). */
static int demo_touched(struct demo *m, const char *dir, const char *path,
                        const char *what)
{
    struct json_doc *doc = NULL;
    const struct json *first;
    const char *base = strrchr(path, '/');
    bool named = false;
    int code = 0, err = demo_flip(path);
    if (!err)
        err = demo_log_verify(m, dir, &code, &doc);
    if (err)
        return err;
    first = json_at(json_get(json_root(doc), "problems"), 0);
    for (json_each(it, json_get(json_root(doc), "problems"))) {
        struct str p = json_get_str(it.val, "path");
        if (base && p.n >= strlen(base + 1) && str_ends(p, str_c(base + 1)))
            named = true;
    }
    if (code != 1 || !named)
        err = demo_fail(m, "log verify did not name", path);
    else
        demo_say(m, "demo.verify.found", "what", demo_word(m, "demo.verify", what),
                 "path", arena_dup(&m->d.arena, json_get_str(first, "path")));
    jw_obj(&m->f);
    jw_kstrz(&m->f, "what", what);
    jw_kstr(&m->f, "path", json_get_str(first, "path"));
    jw_obj_end(&m->f);
    json_free(doc);
    return err;
}

static int demo_whole(struct demo *m, int64_t *size)
{
    char dir[DEMO_PATH];
    struct json_doc *doc = NULL;
    int code = 0, err = demo_mirror(m, m->site[0].dir, "copy", dir, sizeof dir);
    if (!err)
        err = demo_log_verify(m, dir, &code, &doc);
    if (!err && (code != 0 || !json_bool(json_get(json_root(doc), "ok"), false)))
        err = demo_fail(m, "log verify", "problems in an untouched copy");
    if (!err) {
        const struct json *v = json_root(doc);
        *size = json_int(json_get(v, "size"), 0);
        demo_say(m, "demo.verify.ok", "entries",
                 demo_int(m, json_int(json_get(v, "size"), 0)), "inclusion",
                 demo_int(m, json_int(json_get(v, "inclusion_proofs"), 0)), "consistency",
                 demo_int(m, json_int(json_get(v, "consistency_proofs"), 0)),
                 "cosignatures", demo_int(m, json_int(json_get(v, "cosignatures"), 0)));
        jw_key(&m->f, "verified");
        jw_obj(&m->f);
        jw_kint(&m->f, "entries", json_int(json_get(v, "size"), 0));
        jw_kint(&m->f, "inclusion", json_int(json_get(v, "inclusion_proofs"), 0));
        jw_kint(&m->f, "consistency", json_int(json_get(v, "consistency_proofs"), 0));
        jw_kint(&m->f, "cosignatures", json_int(json_get(v, "cosignatures"), 0));
        jw_obj_end(&m->f);
        demo_say(m, "demo.verify.command", "dir", dir, "genesis", m->genesis);
    }
    json_free(doc);
    return err;
}

int demo_step_verify(struct demo *m)
{
    char dir[DEMO_PATH], whole[DEMO_PATH], path[PATH_MAX] = "", part[DEMO_PATH + 128];
    int64_t size = 0;
    int err;
    demo_title(m, "demo.verify.title");
    snprintf(whole, sizeof whole, "%.900s/copy", m->dir);
    err = demo_whole(m, &size);
    jw_key(&m->f, "touched");
    jw_arr(&m->f);
    if (!err)
        err = demo_mirror(m, whole, "copy-log", dir, sizeof dir);
    if (!err) {
        demo_covered(dir, size, path, sizeof path);
        err = demo_touched(m, dir, path, "log");
    }
    if (!err)
        err = demo_mirror(m, whole, "copy-weights", dir, sizeof dir);
    if (!err) {
        snprintf(part, sizeof part, "%s/blobs/sha256/%.2s/%s", dir, m->weights_hex,
                 m->weights_hex + 2);
        err = demo_touched(m, dir, part, "weights");
    }
    if (!err)
        err = demo_mirror(m, whole, "copy-evidence", dir, sizeof dir);
    if (!err) {
        snprintf(part, sizeof part, "%s/blobs/sha256/%.2s/%s", dir, m->evidence.v[0],
                 m->evidence.v[0] + 2);
        err = demo_touched(m, dir, part, "evidence");
    }
    jw_arr_end(&m->f);
    return err;
}
