/* SPDX-License-Identifier: Apache-2.0 */
/* Images to rows: grey levels in the range declared, from a folder, an array or a sealed
 * set alike; what cannot be had is named by its line; no memory is an error. The
 * decoders have tests of their own (raster). */
#include "base/log.h"
#include "base/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench_pack.h"
#include "bench/bench_priv.h"
#include "bench/bench_vault.h"
#include "bench/bench_vault_priv.h"
#include "worker/worker.h"

enum { PIXELS = 4, ROWS = 3 };

struct pictures { /* three of 2 x 2, one of them twice */
    char dir[64];
    struct bench_run r;
    struct bench_set s;
    struct bench_feature feature[PIXELS];
    struct json_doc *manifest;
    struct bench_input in;
    struct bench_vault *v;
    struct diag d;
    double x[ROWS * PIXELS];
};

static void file_in(const struct pictures *p, const char *name, const char *text,
                    size_t n)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
}
#define PUT(p, name, text) file_in(p, name, text, sizeof text - 1)

/* numpy 1.24.2: np.save("a.npy", np.array([[[0,1],[2,255]],[[9,8],[7,6]]], "u1")) */
static const char npy[] = "\x93NUMPY\x01\x00\x76\x00"
                          "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 2), }"
                          "                                                       \n"
                          "\x00\x01\x02\xff\x09\x08\x07\x06";

/* where: "folder" or "array"; path: of the labels */
static void declare(struct pictures *p, const char *path, const char *where)
{
    char text[1200];
    bool folder = !strcmp(where, "folder");
    json_free(p->manifest);
    snprintf(text, sizeof text,
             "{\"id\":\"t\",\"data\":[{\"path\":\"%s\",\"site\":\"east\",\"gst\":\"G1\","
             "\"period\":{\"from\":\"2026-01-01\",\"to\":\"2026-02-01\"},\"columns\":{"
             "\"label\":\"y\",\"image\":\"%s\"},\"images\":{\"%s\":\"%s\"},"
             "\"positive_label\":\"1\",\"missing\":[\"?\"]}],\"threshold\":{\"value\":"
             "0.5,\"frozen_at\":\"2026-09-01T00:00:00Z\"},\"unsealed_at\":"
             "\"2026-10-01T00:00:00Z\",\"external\":true,\"tester_org\":\"T\","
             "\"leakage_test\":{\"method\":\"none\"}}",
             path, folder ? "file" : "n", where, folder ? "images" : "a.npy");
    assert_ok(json_parse(&p->manifest, str_c(text), NULL, &p->d));
    p->s.doc = json_at(json_get(json_root(p->manifest), "data"), 0);
}

static void begin(struct pictures *p)
{
    char path[128];
    *p = (struct pictures){.dir = "/tmp/amane-image-XXXXXX"};
    diag_init(&p->d);
    assert_non_null(mkdtemp(p->dir));
    snprintf(path, sizeof path, "%s/images", p->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    PUT(p, "images/a.pgm", "P5\n2 2\n255\n\x00\x01\x02\xff");
    PUT(p, "images/b.pgm", "P5\n2 2\n255\n\x09\x08\x07\x06");
    PUT(p, "l.csv", "file,n,y\na.pgm,0,1\nb.pgm,1,0\na.pgm,0,1\n");
    PUT(p, "a.npy", npy);
    for (size_t i = 0; i < PIXELS; i++)
        p->feature[i] = (struct bench_feature){.lo = -1, .hi = 1};
    p->r.image = (struct raster_shape){2, 2, 1};
    p->r.feature.v = p->feature;
    p->r.feature.n = PIXELS;
    p->in.manifest_dir = p->dir;
    declare(p, "l.csv", "folder");
}

static void finish(struct pictures *p)
{
    static const char *const name[] = {"images/a.pgm",
                                       "images/b.pgm",
                                       "images/l.pgm",
                                       "images",
                                       "l.csv",
                                       "a.npy",
                                       "key",
                                       "store/s/0.sealed",
                                       "store/s/0.images",
                                       "store/s/head.json",
                                       "store/s/uses.ndjson",
                                       "store/s",
                                       "store/lock",
                                       "store"};
    char path[160];
    for (size_t i = 0; i < AM_LEN(name); i++) {
        snprintf(path, sizeof path, "%s/%s", p->dir, name[i]);
        if (unlink(path))
            (void)rmdir(path);
    }
    assert_int_equal(rmdir(p->dir), 0);
    bench_source_release(&p->s.source);
    bench_opened_free(p->r.opened);
    bench_vault_free(p->v);
    json_free(p->manifest);
    diag_release(&p->d);
}

/* The labels, then the images. */
static int load(struct pictures *p)
{
    char path[160], *text = NULL;
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/l.csv", p->dir);
    assert_ok(am_file_read(path, 1 << 16, &text, &n));
    bench_source_release(&p->s.source);
    assert_ok(bench_source_parse(&p->s.source, p->s.doc, (struct str){text, n}, &p->d));
    free(text);
    p->s.csv = p->s.source.table;
    p->s.rows = csv_rows(p->s.csv);
    assert_true(p->s.rows <= ROWS);
    assert_ok(csv_find(p->s.csv, json_get_str(json_get(p->s.doc, "columns"), "image"),
                       &p->s.image));
    for (size_t i = 0; i < ROWS * PIXELS; i++)
        p->x[i] = NAN;
    err = bench_image_load(&p->r, &p->in, &p->s, p->x, &p->d);
    return err ? err : diag_result(&p->d);
}

static void assert_pictures(const struct pictures *p)
{
    static const int grey[ROWS * PIXELS] = {0, 1, 2, 255, 9, 8, 7, 6, 0, 1, 2, 255};
    for (size_t i = 0; i < ROWS * PIXELS; i++)
        assert_true(fabs(p->x[i] - (-1 + 2. * grey[i] / 255)) < 1e-15);
}

static bool told(const struct pictures *p, const char *code, const char *detail)
{
    for (size_t i = 0; i < p->d.n; i++)
        if (!strcmp(p->d.item[i].code, code) && strstr(p->d.item[i].detail, detail))
            return true;
    return false;
}

static void a_folder_and_an_array_give_the_same_rows(void **state)
{
    struct pictures p;
    (void)state;
    begin(&p);
    assert_ok(load(&p));
    assert_pictures(&p);
    declare(&p, "l.csv", "array");
    assert_ok(load(&p));
    assert_pictures(&p);
    finish(&p);
}

static void a_file_that_cannot_be_had_is_named_by_its_line(void **state)
{
    struct pictures p;
    char path[160];
    (void)state;
    begin(&p);
    snprintf(path, sizeof path, "%s/images/l.pgm", p.dir);
    assert_int_equal(symlink("a.pgm", path), 0);
    PUT(&p, "l.csv", "file,n,y\n../l.csv,0,1\nz.pgm,1,0\nl.pgm,0,1\n");
    assert_int_equal(load(&p), AM_E_INVALID);
    assert_int_equal(p.d.errors, 3);
    assert_string_equal(p.d.item[0].path, "/manifest/data/0/path:2:#1");
    assert_true(told(&p, "bench.image_file", "../l.csv: not a name below the folder"));
    assert_true(told(&p, "bench.image_file", "z.pgm: not there"));
    assert_true(told(&p, "bench.image_file", "l.pgm: a link"));
    PUT(&p, "l.csv", "file,n,y\na.pgm,0,1\nb.pgm,2,0\na.pgm,x,1\n");
    declare(&p, "l.csv", "array");
    assert_int_equal(load(&p), AM_E_INVALID);
    assert_true(told(&p, "bench.image", "2: the array holds no image"));
    assert_true(told(&p, "bench.image", "x: not a number of an image"));
    finish(&p);
}

/* ---- sealed ---------------------------------------------------------------------------
 */
static int seal(struct pictures *p)
{
    struct bench_vault_import in = {.id = "s",
                                    .manifest_dir = p->dir,
                                    .manifest = json_root(p->manifest),
                                    .budget = {99, 99, 99}};
    char key[128], store[128];
    snprintf(key, sizeof key, "%s/key", p->dir);
    snprintf(store, sizeof store, "%s/store", p->dir);
    assert_ok(bench_vault_key_new(key, STR_NULL, NULL));
    assert_ok(bench_vault_open(&p->v, store, key, STR_NULL, &p->d));
    return bench_vault_import(p->v, &in, &p->d);
}

static void open_sealed(struct pictures *p, const char *where)
{
    const struct str id = STR_INIT("s");
    const struct bench_vault_use u = {.families = ""};
    declare(p, "sealed:s/east", where);
    assert_ok(bench_vault_use(p->v, &id, 1, &u, &p->r.opened, &p->d));
}

static void same_when_sealed(const char *where)
{
    struct pictures p;
    char path[160], *text;
    size_t n;
    begin(&p);
    declare(&p, "l.csv", where);
    assert_ok(seal(&p));
    PUT(&p, "images/a.pgm", "gone"); /* only the sealed bytes are read */
    PUT(&p, "a.npy", "gone");
    snprintf(path, sizeof path, "%s/store/s/0.images", p.dir);
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    assert_null(memmem(text, n, "P5\n", 3));
    assert_null(memmem(text, n, "NUMPY", 5));
    open_sealed(&p, where);
    assert_ok(load(&p));
    assert_pictures(&p);
    text[n - 1] ^= 1;
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
    assert_int_equal(load(&p), AM_E_TAMPERED);
    assert_true(told(&p, "bench.sealed_tampered", ""));
    assert_true(isnan(p.x[0]));
    free(text);
    finish(&p);
}

static void sealed_images_are_those_of_the_files(void **state)
{
    (void)state;
    same_when_sealed("folder");
    same_when_sealed("array");
}

/* The images are no table: one does not open as the other. */
static void images_and_table_do_not_change_places(void **state)
{
    struct pictures p;
    char a[160], b[160];
    struct buf out;
    const struct json *entry;
    (void)state;
    begin(&p);
    assert_ok(seal(&p));
    snprintf(a, sizeof a, "%s/store/s/0.images", p.dir);
    snprintf(b, sizeof b, "%s/store/s/0.sealed", p.dir);
    assert_int_equal(rename(a, b), 0);
    open_sealed(&p, "folder");
    buf_init(&out, 1 << 20);
    assert_int_equal(
        bench_opened_read(p.r.opened, STR("s"), STR("east"), &out, &entry, &p.d),
        AM_E_TAMPERED);
    assert_int_equal(bench_opened_images(p.r.opened, STR("s"), STR("east"), &out, &p.d),
                     AM_E_TAMPERED);
    assert_int_equal(out.n, 0);
    buf_release(&out);
    finish(&p);
}

static void a_set_whose_images_are_not_whole_is_not_sealed(void **state)
{
    struct pictures p;
    char path[160];
    (void)state;
    begin(&p);
    PUT(&p, "l.csv", "file,n,y\na.pgm,0,1\nz.pgm,1,0\n../key,0,1\n");
    assert_int_equal(seal(&p), AM_E_INVALID);
    assert_true(told(&p, "bench.image_file", "z.pgm: not there"));
    assert_true(told(&p, "bench.image_file", "../key: not a name below the folder"));
    snprintf(path, sizeof path, "%s/store/s", p.dir);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/store/.s.new", p.dir);
    assert_int_equal(access(path, F_OK), -1);
    finish(&p);
}

static void every_shorter_pack_is_refused(void **state)
{
    struct bench_pack p;
    struct str file;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 16);
    assert_ok(bench_pack_add(&b, STR("a"), STR("one")));
    assert_ok(bench_pack_add(&b, STR("b/c"), STR("")));
    assert_ok(bench_pack_open(&p, buf_str(&b)));
    assert_true(bench_pack_find(&p, STR("a"), &file) && str_eqc(file, "one"));
    assert_true(bench_pack_find(&p, STR("b/c"), &file) && !file.n);
    assert_false(bench_pack_find(&p, STR("b"), &file));
    bench_pack_release(&p);
    for (size_t n = 1; n < b.n; n++)
        if (n != 12) /* the first file alone is whole */
            assert_int_equal(bench_pack_open(&p, str_sub(buf_str(&b), 0, n)),
                             AM_E_TAMPERED);
    assert_ok(bench_pack_add(&b, STR("a"), STR("two")));
    assert_int_equal(bench_pack_open(&p, buf_str(&b)), AM_E_TAMPERED);
    buf_release(&b);
}

/* ---- no memory ------------------------------------------------------------------------
 */
static void no_memory_is_said_at_every_step(void **state)
{
    static const char *const where[] = {"folder", "array"};
    (void)state;
    for (size_t k = 0; k < 2 * AM_LEN(where); k++) {
        struct pictures p;
        int err = AM_E_NOMEM;
        begin(&p);
        declare(&p, "l.csv", where[k / 2]);
        assert_ok(load(&p));
        if (k & 1) {
            assert_ok(seal(&p));
            open_sealed(&p, where[k / 2]);
        }
        for (long n = 1; err; n++) {
            am_oom_at(n);
            err = bench_image_load(&p.r, &p.in, &p.s, p.x, &p.d);
            if (!am_oom_at(0)) {
                assert_ok(err);
                break;
            }
            /* a problem may find no room to be told, the worker may be refused */
            assert_true(err == AM_OK || err == AM_E_NOMEM);
            err = AM_E_NOMEM;
        }
        assert_pictures(&p);
        finish(&p);
    }
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"raster", raster_worker_main}};
    static const struct CMUnitTest tests[] = {
        TEST(a_folder_and_an_array_give_the_same_rows),
        TEST(a_file_that_cannot_be_had_is_named_by_its_line),
        TEST(sealed_images_are_those_of_the_files),
        TEST(images_and_table_do_not_change_places),
        TEST(a_set_whose_images_are_not_whole_is_not_sealed),
        TEST(every_shorter_pack_is_refused),
        TEST(no_memory_is_said_at_every_step),
    };
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    log_set_level(LOG_OFF); /* workers that get no memory say so */
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
