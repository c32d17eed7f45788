/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_bench_kept.h"
#include "cmd_bench.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMMARY_FILE "summary.json"

enum { KEPT_FILE_MAX = 1 << 30, KEPT_DOC_MAX = 256 << 20 };

/* ---- writing --------------------------------------------------------------------------
 */
static int path_in(const char *dir, const char *name, char out[KEPT_PATH])
{
    int n = snprintf(out, KEPT_PATH, "%s/%s", dir, name);
    return n < 0 || n >= KEPT_PATH ? AM_E_TOOBIG : AM_OK;
}

static int write_in(const char *dir, const char *name, struct str text)
{
    char path[KEPT_PATH];
    int err = path_in(dir, name, path);
    return err ? err : am_file_write(path, text, 0600);
}

static int keep_answers(const char *dir, const struct bench_run *r, const char *family)
{
    char name[96], path[KEPT_PATH];
    struct buf b;
    int err;
    snprintf(name, sizeof name, "answers-%s.bin", family);
    buf_init(&b, KEPT_FILE_MAX);
    err = bench_answers(r, family, &b);
    if (!err && b.n)
        err = write_in(dir, name, buf_str(&b));
    else if (!err)
        err = path_in(dir, name, path);
    if (!err && !b.n && unlink(path) && errno != ENOENT)
        err = AM_E_IO;
    buf_release(&b);
    return err;
}

int cmd_keep_run(const char *dir, const struct bench_run *r, struct str record,
                 struct str manifest, struct str policy)
{
    int err = write_in(dir, "record.json", record);
    if (!err)
        err = write_in(dir, "manifest.json", manifest);
    if (!err)
        err = write_in(dir, "policy.json", policy);
    for (size_t i = 0; bench_family_name(i) && !err; i++)
        err = keep_answers(dir, r, bench_family_name(i));
    return err;
}

/* ---- reading --------------------------------------------------------------------------
 */
static int read_in(struct kept *k, const char *name, const char *other, size_t max,
                   struct kept_file *out)
{
    char path[KEPT_PATH];
    int err = other ? AM_OK : path_in(k->dir, name, path);
    if (!err)
        err = am_file_read(other ? other : path, max, &out->p, &out->n);
    if (err)
        diag_err(&k->d, other ? other : name, "file", "%s", am_err_text(err));
    return err;
}

static int read_doc(struct kept *k, const char *name, const char *other,
                    struct kept_file *text, struct json_doc **doc)
{
    struct diag own;
    int err = read_in(k, name, other, KEPT_DOC_MAX, text);
    if (err)
        return err;
    diag_init(&own);
    err = json_parse(doc, (struct str){text->p, text->n}, NULL, &own);
    diag_merge(&k->d, &own, name);
    diag_release(&own);
    return err;
}

/* A family that asked nothing has none; evidence that cites one finds it missing. */
static int read_answers(struct kept *k)
{
    for (size_t i = 0; bench_family_name(i) && k->n_answers < KEPT_FAMILIES_MAX; i++) {
        char name[96], path[KEPT_PATH];
        struct kept_file *f = &k->answers_file[k->n_answers];
        int err;
        snprintf(name, sizeof name, "answers-%s.bin", bench_family_name(i));
        err = path_in(k->dir, name, path);
        if (!err && access(path, F_OK) && errno == ENOENT)
            continue;
        if (!err)
            err = read_in(k, name, NULL, KEPT_FILE_MAX, f);
        if (err)
            return err;
        k->answers[k->n_answers++] =
            (struct bench_kept_answers){bench_family_name(i), {f->p, f->n}};
    }
    return AM_OK;
}

static int add_evidence(struct kept *k, const char *family)
{
    struct kept_evidence *e = &k->evidence[k->n];
    int err;
    if (k->n == KEPT_FAMILIES_MAX)
        return AM_E_TOOBIG;
    snprintf(e->family, sizeof e->family, "%s", family);
    snprintf(e->name, sizeof e->name, "evidence-%s.json", family);
    k->n++;
    err = read_doc(k, e->name, NULL, &e->file, &e->doc);
    return err == AM_E_NOMEM ? err : AM_OK; /* the others are looked at all the same */
}

static const char *known(struct str family)
{
    for (size_t i = 0; bench_family_name(i); i++)
        if (str_eqc(family, bench_family_name(i)))
            return bench_family_name(i);
    return NULL;
}

/* Those the summary lists, by the digest it gives; those it does not list but which lie
 * there, too. */
static int read_listed(struct kept *k)
{
    const struct json *list = json_get(json_root(k->summary), "evidence");
    int err = AM_OK;
    for (json_each(it, list)) {
        const char *family = known(json_get_str(it.val, "family"));
        uint8_t digest[CRYPTO_SHA256];
        char hex[CRYPTO_HEX];
        struct kept_file *f;
        if (!family) {
            diag_err(&k->d, SUMMARY_FILE "#/evidence", "kept.family", "%s",
                     "this run gives no such family");
            continue;
        }
        err = err ? err : add_evidence(k, family);
        if (err)
            return err;
        f = &k->evidence[k->n - 1].file;
        crypto_sha256((struct str){f->p, f->n}, digest);
        if (f->p && !json_str_is(json_get(it.val, "sha256"),
                                 crypto_hex(digest, sizeof digest, hex)))
            diag_err(&k->d, k->evidence[k->n - 1].name, "kept.digest",
                     "its digest is not the one the summary gives");
    }
    return AM_OK;
}

static int read_unlisted(struct kept *k)
{
    int err = AM_OK;
    for (size_t i = 0; bench_family_name(i) && !err; i++) {
        char name[96], path[KEPT_PATH];
        bool listed = false;
        for (size_t j = 0; j < k->n; j++)
            listed |= !strcmp(k->evidence[j].family, bench_family_name(i));
        snprintf(name, sizeof name, "evidence-%s.json", bench_family_name(i));
        err = path_in(k->dir, name, path);
        if (err || listed || access(path, F_OK))
            continue;
        diag_err(&k->d, name, "kept.unlisted", "the summary does not list it");
        err = add_evidence(k, bench_family_name(i));
    }
    return err;
}

static int read_one(struct kept *k, const char *where)
{
    const char *slash = strrchr(where, '/');
    struct kept_evidence *e = &k->evidence[0];
    const char *family;
    int err;
    snprintf(e->name, sizeof e->name, "%s", slash ? slash + 1 : where);
    k->n = 1;
    err = read_doc(k, e->name, where, &e->file, &e->doc);
    if (err)
        return err;
    family = known(json_get_str(json_root(e->doc), "family"));
    if (!family) {
        diag_err(&k->d, e->name, "kept.family", "%s", "this run gives no such family");
        return AM_E_INVALID;
    }
    snprintf(e->family, sizeof e->family, "%s", family);
    return AM_OK;
}

static int read_seed(struct kept *k)
{
    const struct json *from = json_get(json_root(k->summary), "bench");
    int64_t seed;
    if (!from && k->n)
        from = json_at(json_get(json_root(k->evidence[0].doc), "measures"), 0);
    if (str_int(json_get_str(from, "seed"), 0, INT64_MAX, &seed)) {
        diag_err(&k->d, SUMMARY_FILE, "kept.seed", "no seed: nothing can be run again");
        return AM_E_INVALID;
    }
    k->seed = (uint64_t)seed;
    return AM_OK;
}

int cmd_kept_read(struct kept *k, const char *where, const char *record, const char *data)
{
    struct stat st;
    bool folder = !stat(where, &st) && S_ISDIR(st.st_mode);
    int err = AM_OK, one;
    if (folder && strlen(where) >= sizeof k->dir)
        err = AM_E_TOOBIG;
    else if (folder)
        snprintf(k->dir, sizeof k->dir, "%s", where);
    else
        err = cmd_bench_dir(where, k->dir);
    k->record_path = record;
    k->data_path = data;
    if (err)
        return err;
    err = read_doc(k, "record.json", record, &k->record_text, &k->record);
    one = read_doc(k, "manifest.json", data, &k->manifest_text, &k->manifest);
    err = err ? err : one;
    one = read_in(k, "scores.csv", NULL, KEPT_FILE_MAX, &k->scores);
    err = err ? err : one;
    if (folder) {
        one = read_doc(k, "summary.json", NULL, &k->summary_text, &k->summary);
        err = err ? err : one;
        one = read_in(k, "curves.json", NULL, KEPT_FILE_MAX, &k->curves);
        err = err ? err : one;
    }
    if (!err)
        err = read_answers(k);
    if (!err)
        err = folder ? read_listed(k) : read_one(k, where);
    if (!err && folder)
        err = read_unlisted(k);
    return err ? err : read_seed(k);
}

void cmd_kept_release(struct kept *k)
{
    struct kept_file *file[] = {&k->record_text, &k->manifest_text, &k->scores,
                                &k->summary_text, &k->curves};
    bench_run_free(k->run);
    for (size_t i = 0; i < AM_LEN(file); i++)
        free(file[i]->p);
    for (size_t i = 0; i < KEPT_FAMILIES_MAX; i++) {
        free(k->answers_file[i].p);
        free(k->evidence[i].file.p);
        json_free(k->evidence[i].doc);
    }
    json_free(k->record);
    json_free(k->manifest);
    json_free(k->summary);
    diag_release(&k->d);
}

/* ---- running and comparing ------------------------------------------------------------
 */
int cmd_kept_run(struct kept *k, struct bench_input *in)
{
    char dir[KEPT_PATH];
    struct diag own; /* what is wrong already does not keep the run from being made */
    int err = cmd_bench_dir(k->data_path ? k->data_path : ".", dir);
    if (err)
        return err;
    in->record = json_root(k->record);
    in->manifest = json_root(k->manifest);
    in->manifest_text = (struct str){k->manifest_text.p, k->manifest_text.n};
    in->manifest_dir = dir;
    in->seed = k->seed;
    diag_init(&own);
    err = bench_run(&k->run, in, &own);
    diag_merge(&k->d, &own, "");
    diag_release(&own);
    return err;
}

static void compare_bytes(struct kept *k, const char *name, const struct kept_file *was,
                          struct str is)
{
    if (was->n != is.n || memcmp(was->p, is.p, is.n) != 0)
        diag_err(&k->d, name, "kept.bytes", "other bytes than this run gives");
}

static int compare_curves(struct kept *k)
{
    struct buf b;
    int err;
    buf_init(&b, KEPT_FILE_MAX);
    err = bench_curves(k->run, &b);
    if (!err)
        compare_bytes(k, "curves.json", &k->curves, buf_str(&b));
    buf_release(&b);
    return err;
}

static void check_program(struct kept *k, const struct kept_evidence *e)
{
    struct str was = json_get_str(json_get(json_root(e->doc), "bench"), "sha256");
    char hex[CRYPTO_HEX];
    bench_program(k->run, hex);
    if (!str_eqc(was, hex))
        diag_add(&k->d, DIAG_WARNING, e->name, "kept.program",
                 "another version of the program made it");
}

static int compare_evidence(struct kept *k, struct kept_evidence *e, bool first)
{
    struct diag own;
    int err;
    if (!e->doc)
        return AM_OK; /* unreadable: already said */
    diag_init(&own);
    err = bench_compare(k->run, json_root(e->doc), &e->found, &own);
    diag_merge(&k->d, &own, e->name);
    diag_release(&own);
    e->done = !err;
    if (first)
        check_program(k, e);
    return err;
}

/* Every family that this run gives and the policy knows has its evidence. */
static void check_missing(struct kept *k)
{
    for (size_t i = 0; i < bench_families(k->run); i++) {
        const char *family = bench_family(k->run, i);
        bool there = false;
        for (size_t j = 0; j < k->n; j++)
            there |= !strcmp(family, k->evidence[j].family);
        if (!there && bench_judged(k->run, i, json_root(k->summary)))
            diag_err(&k->d, family, "kept.missing", "no evidence of this family");
    }
}

int cmd_kept_compare(struct kept *k)
{
    struct diag own;
    int err = AM_OK;
    for (size_t i = 0; i < k->n && !err; i++)
        err = compare_evidence(k, &k->evidence[i], i == 0);
    compare_bytes(k, "scores.csv", &k->scores, bench_scores(k->run));
    if (err || !k->summary)
        return err;
    check_missing(k);
    diag_init(&own);
    err = bench_compare_summary(k->run, json_root(k->summary), &k->summary_found, &own);
    diag_merge(&k->d, &own, "summary.json");
    diag_release(&own);
    /* some curves are of families that need the data */
    return err || !k->data_path ? err : compare_curves(k);
}

/* ---- telling --------------------------------------------------------------------------
 */
static void problems_json(const struct kept *k, enum diag_severity severity, struct jw *w)
{
    jw_arr(w);
    for (size_t i = 0; i < k->d.n; i++) {
        const struct diag_item *it = &k->d.item[i];
        if (it->severity != severity)
            continue;
        jw_obj(w);
        jw_kstrz(w, "path", it->path);
        jw_kstrz(w, "code", it->code);
        jw_kstrz(w, "detail", it->detail);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int tell_json(const struct kept *k, bool ok)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, KEPT_DOC_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ok", ok);
    jw_key(&w, "families");
    jw_arr(&w);
    for (size_t i = 0; i < k->n; i++) {
        const struct kept_evidence *e = &k->evidence[i];
        jw_obj(&w);
        jw_kstrz(&w, "family", e->family);
        jw_kbool(&w, "compared", e->done);
        jw_kint(&w, "measures", (int64_t)e->found.measures);
        jw_kint(&w, "equal", (int64_t)e->found.equal);
        jw_kint(&w, "not_derived", (int64_t)e->found.untold);
        jw_kint(&w, "differences", (int64_t)e->found.differences);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_key(&w, "problems");
    problems_json(k, DIAG_ERROR, &w);
    jw_kint(&w, "problems_not_shown", (int64_t)k->d.more);
    jw_key(&w, "warnings");
    problems_json(k, DIAG_WARNING, &w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int say(struct buf *b, const char *id, const struct text_arg *arg, size_t n)
{
    int err = text_fmt(b, cmd_lang(TEXT_EN), id, arg, n);
    return err ? err : buf_addc(b, '\n');
}

static int tell_family(const struct kept_evidence *e, struct buf *b)
{
    const struct bench_compared *c = &e->found;
    const size_t n[] = {c->measures, c->equal, c->untold, c->differences};
    char text[AM_LEN(n)][24];
    for (size_t i = 0; i < AM_LEN(n); i++)
        snprintf(text[i], sizeof text[i], "%zu", n[i]);
    const struct text_arg arg[] = {{"family", str_c(e->family)},
                                   {"measures", str_c(text[0])},
                                   {"equal", str_c(text[1])},
                                   {"untold", str_c(text[2])},
                                   {"differences", str_c(text[3])}};
    return say(b,
               !e->done         ? "kept.unread"
               : c->differences ? "kept.differ"
               : c->untold      ? "kept.untold"
                                : "kept.equal",
               arg, AM_LEN(arg));
}

static int tell_text(const struct kept *k, bool ok)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < k->n && !err; i++)
        err = tell_family(&k->evidence[i], &b);
    if (!err)
        err = say(&b, ok ? "kept.all_equal" : "kept.not_equal", NULL, 0);
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_release(&b);
    return err;
}

int cmd_kept_tell(struct kept *k, const char *doing, int err, bool json)
{
    bool ok = !err && !k->d.errors;
    int told = json ? tell_json(k, ok) : err ? AM_OK : tell_text(k, ok);
    if (err)
        return cmd_fail(doing, k->dir, err, &k->d);
    cmd_problems(stderr, "bench: ", &k->d);
    if (told)
        return am_err_exit(told);
    return ok ? 0 : 1;
}
