/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "raster/raster_priv.h"
#include "worker/worker.h"

/* Written by libpng 1.6.39 (level 9, all filters tried; then "average" only) and by NumPy
 * 1.24 savez_compressed, of (3xx + 5yy + xy) % 256, 16 x 12; of ((40x + 7y) % 256, (9xy +
 * 30) % 256, (200 - 11x - 3y) % 256), 5 x 4; and of "images" = rows 0-2, columns 0-3 and
 * rows 3-5, columns 4-7 of the first, behind "other". */
static const char g_png[] =
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000"
    "\000\020\000\000\000\014\010\000\000\000\000\116\214\142\135\000\000\000"
    "\200\111\104\101\124\010\327\045\315\107\003\201\140\000\000\120\037\031"
    "\111\222\012\011\251\144\147\223\235\125\366\336\173\374\047\377\224\273"
    "\203\323\073\076\240\063\300\030\305\160\021\051\137\121\324\361\162\257"
    "\067\232\314\026\330\212\330\120\073\346\300\235\004\011\141\106\004\047"
    "\110\312\345\366\320\136\306\347\017\350\377\260\101\216\027\102\142\070"
    "\022\205\004\063\112\320\254\030\117\044\245\124\072\223\315\101\222\305"
    "\116\172\203\341\144\261\044\227\107\325\332\005\222\141\214\142\270\206"
    "\224\257\050\152\267\247\152\144\376\060\100\000\000\000\111\111\104\101"
    "\124\340\153\165\270\174\174\064\125\250\266\264\311\352\160\003\055\004"
    "\167\373\205\130\272\130\153\367\247\353\343\035\274\155\116\117\040\024"
    "\317\224\352\235\301\154\163\172\200\017\112\320\254\230\310\312\215\356"
    "\160\276\075\077\301\365\237\344\312\315\336\150\261\273\274\176\012\151"
    "\041\372\327\111\200\060\000\000\000\000\111\105\116\104\256\102\140\202";
static const char c_png[] =
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000"
    "\000\005\000\000\000\004\010\002\000\000\000\311\121\142\027\000\000\000"
    "\072\111\104\101\124\010\327\143\146\220\073\241\301\037\151\303\037\022"
    "\300\357\227\302\357\311\314\316\237\050\301\371\123\202\357\247\204\320"
    "\117\011\361\237\314\334\374\011\160\216\204\364\117\146\076\376\070\070"
    "\107\102\341\047\000\026\335\022\271\134\023\053\377\000\000\000\000\111"
    "\105\116\104\256\102\140\202";
static const char a_npz[] =
    "\120\113\003\004\024\000\000\000\010\000\000\000\041\000\313\167\235\251"
    "\121\000\000\000\250\000\000\000\011\000\024\000\157\164\150\145\162\056"
    "\156\160\171\001\000\020\000\250\000\000\000\000\000\000\000\121\000\000"
    "\000\000\000\000\000\233\354\027\352\033\020\311\310\120\306\120\255\236"
    "\222\132\234\134\244\156\245\240\156\223\151\241\256\243\240\236\226\137"
    "\124\122\224\230\027\237\137\224\222\012\022\167\113\314\051\116\005\212"
    "\027\147\044\026\244\002\371\032\246\072\232\072\012\265\012\024\000\056"
    "\006\050\140\204\322\114\120\232\031\112\263\100\151\000\120\113\003\004"
    "\024\000\000\000\010\000\000\000\041\000\205\353\240\010\142\000\000\000"
    "\230\000\000\000\012\000\024\000\151\155\141\147\145\163\056\156\160\171"
    "\001\000\020\000\230\000\000\000\000\000\000\000\142\000\000\000\000\000"
    "\000\000\233\354\027\352\033\020\311\310\120\306\120\255\236\222\132\234"
    "\134\244\156\245\240\136\123\152\250\256\243\240\236\226\137\124\122\224"
    "\230\027\237\137\224\222\012\022\167\113\314\051\116\005\212\027\147\044"
    "\026\244\002\371\032\106\072\012\306\072\012\046\232\072\012\265\012\344"
    "\001\056\006\146\036\151\126\116\141\145\021\111\025\323\314\366\325\127"
    "\047\254\277\362\377\340\103\166\143\000\120\113\001\002\024\003\024\000"
    "\000\000\010\000\000\000\041\000\313\167\235\251\121\000\000\000\250\000"
    "\000\000\011\000\000\000\000\000\000\000\000\000\000\000\200\001\000\000"
    "\000\000\157\164\150\145\162\056\156\160\171\120\113\001\002\024\003\024"
    "\000\000\000\010\000\000\000\041\000\205\353\240\010\142\000\000\000\230"
    "\000\000\000\012\000\000\000\000\000\000\000\000\000\000\000\200\001\214"
    "\000\000\000\151\155\141\147\145\163\056\156\160\171\120\113\005\006\000"
    "\000\000\000\002\000\002\000\157\000\000\000\052\001\000\000\000\000";

static const struct raster_shape grey = {16, 12, 1}, colour = {5, 4, 3}, part = {4, 3, 1};
#define FILE_OF(v) ((struct str){v, sizeof(v) - 1})

static uint8_t grey_at(size_t x, size_t y)
{
    return (uint8_t)(x * x * 3 + y * y * 5 + x * y);
}

static void assert_grey(const uint8_t *p)
{
    for (size_t y = 0; y < 12; y++)
        for (size_t x = 0; x < 16; x++)
            assert_int_equal(p[y * 16 + x], grey_at(x, y));
}

static void assert_colour(const uint8_t *p)
{
    for (size_t y = 0; y < 4; y++)
        for (size_t x = 0; x < 5; x++) {
            assert_int_equal(p[y * 5 + x], (x * 40 + y * 7) % 256);
            assert_int_equal(p[20 + y * 5 + x], (x * y * 9 + 30) % 256);
            assert_int_equal(p[40 + y * 5 + x], (200 - x * 11 - y * 3) % 256);
        }
}

static void png_of_libpng_is_read(void **state)
{
    uint8_t out[192];
    (void)state;
    assert_int_equal(raster_image(FILE_OF(g_png), &grey, out), RASTER_OK);
    assert_grey(out);
    assert_int_equal(raster_image(FILE_OF(c_png), &colour, out), RASTER_OK);
    assert_colour(out);
}

static void pgm_and_ppm_are_read(void **state)
{
    char file[300] = "P5 # made by hand\n16 12\n255\n", rgb[100] = "P6\n5 4\n255 ";
    size_t n = strlen(file), k = strlen(rgb);
    uint8_t out[192];
    (void)state;
    for (size_t i = 0; i < 192; i++)
        file[n + i] = (char)grey_at(i % 16, i / 16);
    assert_int_equal(raster_image((struct str){file, n + 192}, &grey, out), RASTER_OK);
    assert_grey(out);
    for (size_t i = 0; i < 20; i++) {
        rgb[k + 3 * i] = (char)(i % 5 * 40 + i / 5 * 7);
        rgb[k + 3 * i + 1] = (char)(i % 5 * (i / 5) * 9 + 30);
        rgb[k + 3 * i + 2] = (char)(200 - i % 5 * 11 - i / 5 * 3);
    }
    assert_int_equal(raster_image((struct str){rgb, k + 60}, &colour, out), RASTER_OK);
    assert_colour(out);
    assert_int_equal(raster_image((struct str){rgb, k + 59}, &colour, out),
                     RASTER_TRUNCATED);
    assert_int_equal(raster_image((struct str){rgb, k + 61}, &colour, out),
                     RASTER_CORRUPT);
}

static void arrays_of_numpy_are_read(void **state)
{
    struct raster_array a;
    uint8_t out[12];
    (void)state;
    assert_int_equal(raster_array(FILE_OF(a_npz), STR("images"), &part, &a), RASTER_OK);
    assert_int_equal(a.n, 2);
    assert_int_equal(raster_array_at(&a, 1, out), RASTER_OK);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(out[i], grey_at(4 + i % 4, 3 + i / 4));
    assert_int_equal(raster_array_at(&a, 2, out), RASTER_INDEX);
    raster_array_release(&a);
    assert_int_equal(raster_array(FILE_OF(a_npz), STR("other"), &part, &a), RASTER_ARRAY);
    assert_int_equal(raster_array(FILE_OF(a_npz), STR("image"), &part, &a), RASTER_ARRAY);
}

/* val_images of pneumoniamnist: sums by NumPy. */
static void real_images_are_read(void **state)
{
    const char *shared = getenv("AMANE_SHARED");
    const struct raster_shape want = {28, 28, 1};
    struct raster_array a;
    uint8_t out[784];
    size_t n, first = 0, last = 0;
    char path[4096], *text = NULL;
    (void)state;
    snprintf(path, sizeof path, "%s/data/pneumoniamnist/pneumoniamnist.npz",
             shared ? shared : "");
    if (am_file_read(path, RASTER_ARRAY_MAX, &text, &n)) {
        print_message("SKIPPED: REAL DATA ABSENT: %s\n", path);
        skip();
    }
    assert_int_equal(raster_array((struct str){text, n}, STR("val_images"), &want, &a),
                     RASTER_OK);
    assert_int_equal(a.n, 524);
    assert_int_equal(raster_array_at(&a, 0, out), RASTER_OK);
    for (size_t i = 0; i < 784; i++)
        first += out[i];
    assert_int_equal(raster_array_at(&a, 523, out), RASTER_OK);
    for (size_t i = 0; i < 784; i++)
        last += out[i];
    assert_int_equal(first, 100369);
    assert_int_equal(last, 120380);
    assert_int_equal(raster_array_at(&a, 100, out), RASTER_OK);
    assert_int_equal(out[3 * 28 + 7], 94);
    raster_array_release(&a);
    free(text);
}

/* A copy with one byte changed; the CRC of the header made right again. */
static enum raster_problem spoiled(size_t at, uint8_t v, const struct raster_shape *want)
{
    char copy[sizeof g_png];
    uint8_t out[192];
    uint32_t crc;
    memcpy(copy, g_png, sizeof g_png);
    copy[at] = (char)v;
    crc = raster_crc32((struct str){copy + 12, 17});
    for (size_t i = 0; i < 4; i++)
        copy[29 + i] = (char)(crc >> (24 - 8 * i));
    return raster_image(FILE_OF(copy), want, out);
}

static void other_shapes_are_refused_by_reason(void **state)
{
    const struct raster_shape wide = {17, 12, 1}, rgb = {16, 12, 3},
                              huge = {1 << 20, 1, 1};
    uint8_t out[1024];
    (void)state;
    assert_int_equal(raster_image(FILE_OF(g_png), &wide, out), RASTER_SIZE);
    assert_int_equal(raster_image(FILE_OF(g_png), &rgb, out), RASTER_CHANNELS);
    assert_int_equal(raster_image(FILE_OF(g_png), &huge, out), RASTER_SIZE);
    assert_int_equal(spoiled(16, 127, &grey), RASTER_SIZE); /* 2 billion pixels wide */
    assert_int_equal(spoiled(24, 16, &grey), RASTER_DEPTH);
    assert_int_equal(spoiled(25, 3, &grey), RASTER_CHANNELS); /* a palette */
    assert_int_equal(spoiled(25, 4, &grey), RASTER_CHANNELS); /* alpha */
    assert_int_equal(spoiled(26, 1, &grey), RASTER_CORRUPT);
    assert_int_equal(spoiled(28, 1, &grey), RASTER_INTERLACED);
    assert_int_equal(raster_image(STR("GIF89a"), &grey, out), RASTER_FORMAT);
    assert_int_equal(raster_image(STR("P5 16 12 65535\n"), &grey, out), RASTER_DEPTH);
    assert_int_equal(raster_image(STR("P5 16 13 255\n"), &grey, out), RASTER_SIZE);
    assert_int_equal(raster_image(STR("P5 999999999 1 255\n"), &grey, out),
                     RASTER_FORMAT);
}

static void every_truncation_and_flip_is_refused(void **state)
{
    uint8_t out[192];
    (void)state;
    for (size_t n = 0; n < sizeof g_png - 1; n++)
        assert_int_not_equal(raster_image((struct str){g_png, n}, &grey, out), RASTER_OK);
    for (size_t i = 0; i < 8 * (sizeof g_png - 1); i++) {
        char copy[sizeof g_png];
        memcpy(copy, g_png, sizeof g_png);
        copy[i / 8] ^= (char)(1 << i % 8);
        assert_int_not_equal(raster_image(FILE_OF(copy), &grey, out), RASTER_OK);
    }
    for (size_t n = 0; n < sizeof a_npz - 1; n++) {
        struct raster_array a;
        assert_int_not_equal(
            raster_array((struct str){a_npz, n}, STR("images"), &part, &a), RASTER_OK);
    }
}

/* DEFLATE of 1,032 zeroes a byte into room for a few: cut at the first too many. */
static void a_bomb_gives_no_more_than_the_image(void **state)
{
    uint8_t out[64];
    size_t used;
    (void)state;
    /* zlib.compressobj(9, DEFLATED, -15) of 4,096 zeroes */
    assert_int_equal(
        raster_inflate(
            STR("\355\301\001\015\000\000\000\302\240\367\117\155\017\007\024\000"
                "\000\000\360\156"),
            out, sizeof out, &used),
        RASTER_CORRUPT);
}

static void a_lying_zip_is_refused(void **state)
{
    struct raster_array a;
    char copy[sizeof a_npz];
    (void)state;
    for (size_t i = 0; i < sizeof a_npz - 1; i++)
        for (int v = 0; v < 2; v++) {
            enum raster_problem why;
            memcpy(copy, a_npz, sizeof a_npz);
            copy[i] ^= (char)(v ? 0x80 : 0xff);
            why = raster_array(FILE_OF(copy), STR("images"), &part, &a);
            if (why == RASTER_OK) /* a date, a comment: the pixels are whole */
                raster_array_release(&a);
        }
}

static void a_worker_reads_files_and_arrays(void **state)
{
    const struct str file[] = {
        FILE_OF(g_png), STR("nothing"), {g_png, sizeof g_png - 40}};
    const uint64_t index[] = {1, 7};
    uint8_t pixel[3 * 192], problem[3];
    struct raster_session *s;
    (void)state;
    assert_ok(raster_session_open(&s, &grey));
    assert_ok(raster_session_files(s, file, 3, pixel, problem));
    assert_int_equal(problem[0], RASTER_OK);
    assert_grey(pixel);
    assert_int_equal(problem[1], RASTER_FORMAT);
    assert_int_equal(problem[2], RASTER_TRUNCATED);
    assert_ok(raster_session_files(s, file, 0, pixel, problem));
    raster_session_close(s);
    assert_ok(raster_session_open(&s, &part));
    assert_ok(
        raster_session_array(s, FILE_OF(a_npz), STR("images"), index, 2, pixel, problem));
    assert_int_equal(problem[0], RASTER_OK);
    assert_int_equal(pixel[0], grey_at(4, 3));
    assert_int_equal(problem[1], RASTER_INDEX);
    assert_ok(raster_session_array(s, STR("x"), STR("images"), index, 2, pixel, problem));
    assert_int_equal(problem[0], RASTER_TRUNCATED);
    raster_session_close(s);
}

static void allocation_failures_are_told(void **state)
{
    struct raster_array a;
    uint8_t out[192];
    (void)state;
    for (long k = 1; k <= 2; k++) {
        am_oom_at(k);
        assert_int_equal(raster_image(FILE_OF(g_png), &grey, out), RASTER_MEMORY);
        am_oom_at(0);
    }
    am_oom_at(1);
    assert_int_equal(raster_array(FILE_OF(a_npz), STR("images"), &part, &a),
                     RASTER_MEMORY);
    am_oom_at(0);
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"raster", raster_worker_main}};
    const struct CMUnitTest tests[] = {TEST(png_of_libpng_is_read),
                                       TEST(pgm_and_ppm_are_read),
                                       TEST(arrays_of_numpy_are_read),
                                       TEST(real_images_are_read),
                                       TEST(other_shapes_are_refused_by_reason),
                                       TEST(every_truncation_and_flip_is_refused),
                                       TEST(a_bomb_gives_no_more_than_the_image),
                                       TEST(a_lying_zip_is_refused),
                                       TEST(a_worker_reads_files_and_arrays),
                                       TEST(allocation_failures_are_told)};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
