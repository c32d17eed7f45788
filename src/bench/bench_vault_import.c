/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- sealing the data sets of a manifest: read, checked, encrypted into a
 * folder aside, which then takes its name. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench_priv.h"
#include "bench/bench_vault_priv.h"

struct sealing {
    struct vault_set s;
    struct buf members;
    struct jw w;
    size_t n; /* files written */
};

/* Every column that the entry names is in the table. */
static int check_columns(const struct json *doc, const struct csv *table, const char *at,
                         struct diag *d)
{
    struct bench_grid g;
    size_t unused;
    int err = bench_grid_init(&g, doc);
    for (size_t i = 0; i < g.name.n && !err; i++)
        if (csv_find(table, g.name.v[i], &unused))
            diag_err(d, at, "csv.column", "no column is called \"%.*s\"",
                     STR_FMT(g.name.v[i]));
    bench_grid_release(&g);
    return err;
}

/* The table can be read, and the images it names, which come out. */
static int check_table(struct bench_set *s, const struct bench_input *where,
                       struct str text, struct buf *images, struct diag *d)
{
    struct diag own;
    char at[BENCH_PATH];
    int err;
    diag_init(&own);
    err = bench_source_parse(&s->source, s->doc, text, &own);
    if (!err)
        err = check_columns(s->doc, s->source.table, "", &own);
    err = err ? err : diag_result(&own);
    diag_merge(d, &own, bench_at(s, at, "/path:"));
    diag_release(&own);
    s->csv = s->source.table;
    s->rows = err ? 0 : csv_rows(s->csv);
    if (!err && json_get(s->doc, "images"))
        err = bench_image_pack(s, where, images, d);
    bench_source_release(&s->source);
    return err == AM_E_INVALID ? AM_OK : err; /* it is in d: the next may have more */
}

/* One file of the member, and what the head says of it. */
static int write_part(struct sealing *g, const char *name, uint32_t place,
                      struct str text)
{
    char path[VAULT_PATH], hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct buf b;
    int err;
    snprintf(path, sizeof path, "%s/%s", g->s.dir, name);
    buf_init(&b, VAULT_FILE_MAX + (1 << 20));
    err = bench_vault_seal(&g->s, place, text, &b);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    crypto_sha256(text, digest);
    jw_kint(&g->w, "size", (int64_t)text.n);
    jw_kstrz(&g->w, "sha256", crypto_hex(digest, 32, hex));
    return err;
}

static int write_member(struct sealing *g, const struct json *entry, struct str text,
                        struct str images)
{
    char name[32];
    int err;
    jw_obj(&g->w);
    jw_kval(&g->w, "site", json_get(entry, "site"));
    snprintf(name, sizeof name, VAULT_TABLE, g->n);
    err = write_part(g, name, (uint32_t)g->n, text);
    if (!err && json_get(entry, "images")) {
        snprintf(name, sizeof name, VAULT_IMAGES, g->n);
        jw_key(&g->w, "images");
        jw_obj(&g->w);
        err = write_part(g, name, (uint32_t)g->n | VAULT_IMAGES_PLACE, images);
        jw_obj_end(&g->w);
    }
    jw_kval(&g->w, "entry", entry);
    jw_obj_end(&g->w);
    g->n++;
    return err;
}

static int seal_entry(struct sealing *g, const struct bench_vault_import *in,
                      const struct json *entry, size_t i, struct diag *d)
{
    const struct bench_input where = {.manifest_dir = in->manifest_dir};
    struct bench_set s = {.doc = entry, .index = i};
    struct buf images;
    struct str want = json_get_str(entry, "sha256"), a, b;
    char path[VAULT_PATH], at[64], hex[CRYPTO_HEX], *text = NULL;
    uint8_t digest[32];
    size_t n = 0;
    int err = bench_open_path(&where, json_get_str(entry, "path"), path);
    snprintf(at, sizeof at, "/manifest/data/%zu/path", i);
    if (bench_sealed_path(json_get_str(entry, "path"), &a, &b))
        err = AM_E_INVALID;
    if (!err)
        err = am_file_read(path, VAULT_FILE_MAX, &text, &n);
    if (err) {
        if (err != AM_E_NOMEM)
            diag_err(d, at, "bench.file", "%s", am_err_text(err));
        return err == AM_E_NOMEM ? err : AM_OK;
    }
    crypto_sha256((struct str){text, n}, digest);
    if (want.n && !str_eqc(want, crypto_hex(digest, 32, hex)))
        diag_err(d, at, "bench.data_digest", "the file has another digest: %s", hex);
    buf_init(&images, VAULT_FILE_MAX);
    err = check_table(&s, &where, (struct str){text, n}, &images, d);
    if (!err && !d->errors)
        err = write_member(g, entry, (struct str){text, n}, buf_str(&images));
    buf_wipe(&images);
    crypto_wipe(text, n);
    free(text);
    return err;
}

static int write_head(struct sealing *g, const struct bench_vault *v,
                      const struct bench_vault_import *in)
{
    char when[TIME_TEXT], salt[CRYPTO_HEX], zero[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    int err;
    memset(zero, '0', sizeof zero - 1);
    zero[sizeof zero - 1] = 0;
    buf_init(&b, VAULT_DOC_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "schema", "amane/bench-sealed/1");
    jw_kstrz(&w, "id", in->id);
    jw_kstrz(&w, "sealed_at", time_format(time_now(), when));
    jw_kstrz(&w, "salt", crypto_hex(g->s.salt, 32, salt));
    jw_kstrz(&w, "key_id", v->key_id);
    jw_key(&w, "budget");
    jw_obj(&w);
    jw_kint(&w, "set", in->budget.set);
    jw_kint(&w, "vendor", in->budget.vendor);
    jw_kint(&w, "algorithm", in->budget.algorithm);
    jw_obj_end(&w);
    jw_key(&w, "members");
    jw_raw(&w, buf_str(&g->members));
    jw_kint(&w, "uses", 0);
    jw_kstrz(&w, "last", zero);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = bench_vault_head_write(&g->s, buf_str(&b));
    buf_release(&b);
    return err;
}

/* The folder aside, whatever an import that was stopped left in it. */
static void discard(const struct vault_set *s)
{
    char path[VAULT_PATH];
    for (size_t i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "%s/" VAULT_TABLE, s->dir, i);
        unlink(path);
        snprintf(path, sizeof path, "%s/" VAULT_IMAGES, s->dir, i);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/head.json", s->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/uses.ndjson", s->dir);
    unlink(path);
    rmdir(s->dir);
}

static int seal_all(struct sealing *g, const struct bench_vault *v,
                    const struct bench_vault_import *in, struct diag *d)
{
    char path[VAULT_PATH], name[80];
    int err = crypto_random(g->s.salt, sizeof g->s.salt);
    snprintf(g->s.id, sizeof g->s.id, "%s", in->id);
    snprintf(name, sizeof name, ".%s.new", in->id);
    bench_vault_keys(v, &g->s);
    if (!err)
        err = bench_vault_set_dir(v, name, &g->s);
    if (!err) {
        discard(&g->s);
        err = am_dir_make(g->s.dir, 0700);
    }
    jw_init(&g->w, &g->members);
    jw_arr(&g->w);
    for (json_each(it, json_get(in->manifest, "data"))) {
        for (size_t k = 0; k < it.i; k++)
            if (json_equal(json_get(it.val, "site"),
                           json_get(json_at(json_get(in->manifest, "data"), k), "site")))
                diag_err(d, "/manifest/data", "bench.site_twice",
                         "one data set per site");
        if (!err)
            err = seal_entry(g, in, it.val, it.i, d);
    }
    jw_arr_end(&g->w);
    err = err ? err : diag_result(d) ? AM_E_INVALID : jw_done(&g->w);
    if (!err)
        err = write_head(g, v, in);
    snprintf(path, sizeof path, "%s/uses.ndjson", g->s.dir);
    return err ? err : am_file_write(path, STR(""), 0600);
}

static int take_name(const struct bench_vault *v, const struct sealing *g)
{
    char path[VAULT_PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", v->dir, g->s.id);
    if (!stat(path, &st))
        return AM_E_EXISTS;
    if (rename(g->s.dir, path))
        return am_err_errno(errno);
    return am_dir_sync(v->dir);
}

int bench_vault_import(struct bench_vault *v, const struct bench_vault_import *in,
                       struct diag *d)
{
    struct sealing g = {0};
    char path[VAULT_PATH];
    struct stat st;
    int fd, err = bench_check_manifest(in->manifest, d);
    if (!err && (!bench_vault_id(str_c(in->id)) || !strcmp(in->id, "lock")))
        err = bench_vault_problem(d, in->id, AM_E_INVALID, "bench.sealed_id",
                                  "1 to 63 letters, digits, dots, dashes");
    if (!err)
        err = bench_vault_lock(v, &fd);
    if (err)
        return err;
    buf_init(&g.members, VAULT_DOC_MAX);
    snprintf(path, sizeof path, "%s/%s", v->dir, in->id);
    if (!stat(path, &st))
        err = bench_vault_problem(d, in->id, AM_E_EXISTS, "bench.sealed_exists",
                                  "a set of that id is sealed");
    if (!err) {
        err = seal_all(&g, v, in, d);
        if (!err)
            err = take_name(v, &g);
        if (err)
            discard(&g.s);
    }
    buf_release(&g.members);
    bench_vault_set_release(&g.s);
    bench_vault_unlock(fd);
    return err;
}
