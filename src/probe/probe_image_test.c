/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "probe/probe_image.h"

#include <math.h>

/* Of (3xx + 5yy + 2xy) % 201 + 20, 12 x 10. blur: scipy 1.10 ndimage.gaussian_filter(0.8,
 * mode="nearest", truncate=4); crop: ndimage.map_coordinates(order=1, mode="nearest");
 * contrast, resolution: numpy 1.24, by definition (the latter as PIL's BOX down and up);
 * jpeg: libjpeg-turbo 2.1.5, quality 50, decoded again. */
static const uint8_t blur[] = {
    23,  27,  37,  52,  74,  101, 134, 158, 144, 109, 129, 169, 30,  35,  46,
    63,  86,  115, 146, 150, 112, 104, 134, 156, 45,  52,  65,  84,  109, 138,
    159, 145, 108, 113, 120, 107, 71,  79,  94,  114, 138, 157, 149, 122, 120,
    126, 102, 96,  106, 115, 129, 140, 144, 144, 123, 120, 143, 143, 121, 134,
    146, 147, 141, 133, 111, 113, 117, 127, 144, 140, 145, 162, 155, 145, 114,
    107, 112, 125, 121, 108, 117, 128, 148, 147, 117, 121, 119, 126, 133, 138,
    120, 113, 111, 108, 131, 138, 99,  114, 134, 141, 126, 124, 120, 125, 111,
    105, 128, 131, 56,  73,  98,  120, 132, 131, 102, 109, 110, 89,  115, 147};
static const uint8_t contrast[] = {
    77,  79,  82,  88,  97,  107, 121, 136, 154, 94,  117, 142, 79,  81,  86,
    93,  102, 113, 127, 144, 82,  103, 127, 153, 85,  88,  93,  101, 111, 123,
    138, 155, 95,  117, 141, 87,  95,  99,  105, 113, 124, 137, 153, 91,  111,
    134, 79,  106, 109, 114, 121, 130, 141, 155, 91,  110, 131, 155, 101, 129,
    127, 133, 140, 150, 82,  97,  114, 134, 156, 100, 127, 156, 149, 155, 83,
    94,  107, 123, 141, 81,  104, 129, 157, 106, 95,  102, 111, 123, 137, 153,
    91,  113, 136, 82,  110, 141, 125, 133, 143, 155, 89,  107, 126, 148, 92,
    119, 148, 99,  79,  87,  98,  111, 127, 145, 85,  107, 133, 80,  110, 142};
static const uint8_t resolution[] = {
    20,  28,  28,  47,  68,  112, 112, 167, 212, 90,  90,  182, 32,  44,  44,
    68,  92,  140, 140, 200, 48,  132, 132, 127, 32,  44,  44,  68,  92,  140,
    140, 200, 48,  132, 132, 127, 65,  82,  82,  110, 137, 190, 190, 53,  104,
    92,  92,  92,  122, 144, 144, 176, 106, 113, 113, 132, 186, 128, 128, 182,
    122, 144, 144, 176, 106, 113, 113, 132, 186, 128, 128, 182, 200, 125, 125,
    62,  95,  156, 156, 29,  86,  184, 184, 92,  102, 132, 132, 174, 109, 125,
    125, 152, 112, 114, 114, 127, 102, 132, 132, 174, 109, 125, 125, 152, 112,
    114, 114, 127, 23,  58,  58,  104, 143, 113, 113, 95,  158, 64,  64,  182};
static const uint8_t crop[] = {
    27,  35,  47,  63,  83,  108, 137, 171, 124, 84,  96,  147, 38,  47,  60,
    78,  100, 126, 156, 192, 106, 74,  122, 155, 56,  66,  81,  100, 124, 151,
    183, 161, 107, 105, 130, 110, 81,  93,  109, 130, 154, 180, 175, 89,  96,
    143, 128, 48,  113, 126, 144, 160, 177, 193, 70,  96,  140, 181, 164, 95,
    152, 167, 186, 140, 51,  82,  106, 146, 191, 152, 103, 151, 200, 111, 81,
    89,  89,  123, 161, 82,  94,  123, 155, 187, 128, 95,  93,  119, 150, 175,
    107, 84,  115, 107, 98,  146, 114, 134, 157, 149, 121, 150, 101, 138, 128,
    96,  99,  144, 118, 138, 163, 141, 90,  123, 109, 151, 118, 91,  116, 156};
static const uint8_t jpeg[] = {
    12,  29,  42,  34,  67,  106, 131, 144, 212, 86,  94,  186, 26,  29,  46,
    60,  100, 106, 126, 240, 37,  65,  194, 166, 40,  87,  25,  68,  116, 130,
    186, 179, 58,  65,  166, 108, 81,  32,  98,  169, 94,  173, 212, 59,  133,
    171, 2,   82,  114, 97,  129, 135, 201, 233, 39,  113, 130, 220, 92,  165,
    142, 182, 174, 188, 47,  60,  130, 148, 235, 57,  110, 213, 186, 215, 28,
    87,  85,  143, 176, 37,  72,  172, 255, 75,  68,  81,  106, 133, 155, 217,
    45,  97,  163, 37,  69,  193, 134, 149, 207, 184, 65,  119, 102, 217, 53,
    110, 196, 93,  40,  32,  76,  122, 113, 174, 56,  87,  153, 62,  123, 147};
enum { W = 12, H = 10, N = W * H };
static const struct probe_image grey = {{1, H, W}, 0, 1};

static void picture(double *x)
{
    for (int y = 0; y < H; y++)
        for (int i = 0; i < W; i++)
            x[y * W + i] = ((i * i * 3 + y * y * 5 + i * y * 2) % 201 + 20) * (1 / 255.);
}

static int level(double v)
{
    return (int)nearbyint(v * 255);
}

/* Largest difference in grey levels. */
static int apart(enum probe_image_operator op, unsigned severity, const uint8_t *want)
{
    const struct probe_image_change how = {op, severity, 1};
    double x[N], out[N];
    int most = 0;
    picture(x);
    assert_ok(probe_image_apply(&grey, &how, 7, x, out));
    for (size_t i = 0; i < N; i++) {
        assert_near(out[i] * 255, level(out[i]), 1e-9);
        most = AM_MAX(most, abs(level(out[i]) - want[i]));
    }
    return most;
}

static void operators_agree_with_scipy_and_numpy(void **state)
{
    (void)state;
    assert_int_equal(apart(PROBE_IMAGE_BLUR, 4, blur), 0);
    assert_int_equal(apart(PROBE_IMAGE_CONTRAST, 3, contrast), 0);
    assert_int_equal(apart(PROBE_IMAGE_RESOLUTION, 4, resolution), 0);
    assert_int_equal(apart(PROBE_IMAGE_CROP, 3, crop), 0);
}

/* libjpeg's transform is of integers: a level of difference is its rounding. */
static void jpeg_agrees_with_libjpeg_to_a_grey_level(void **state)
{
    (void)state;
    assert_in_range(apart(PROBE_IMAGE_JPEG, 4, jpeg), 0, 1);
}

static void severities_are_those_of_the_authors_by_size(void **state)
{
    const struct probe_shape small = {1, 28, 28}, large = {1, 64, 64};
    (void)state;
    assert_near(probe_image_strength(PROBE_IMAGE_NOISE, &small, 1), .04, 0);
    assert_near(probe_image_strength(PROBE_IMAGE_NOISE, &large, 5), .18, 0);
    assert_near(probe_image_strength(PROBE_IMAGE_JPEG, &small, 3), 58, 0);
    assert_near(probe_image_strength(PROBE_IMAGE_CONTRAST, &large, 5), .05, 0);
    assert_string_equal(probe_image_name(PROBE_IMAGE_RESOLUTION), "resolution");
}

/* Grey in the middle of the range is not cut: standard deviation c, mean 0. */
static void noise_has_the_deviation_it_says(void **state)
{
    static double x[4096], out[4096];
    const struct probe_image im = {{1, 64, 64}, -1, 1};
    double sum = 0, squares = 0;
    (void)state;
    for (unsigned s = 1; s <= PROBE_IMAGE_SEVERITIES; s += 2) {
        const struct probe_image_change how = {PROBE_IMAGE_NOISE, s, 1};
        double c = probe_image_strength(PROBE_IMAGE_NOISE, &im.shape, s);
        sum = squares = 0;
        for (size_t i = 0; i < 4096; i++)
            x[i] = -1 + 127 * (2 / 255.);
        assert_ok(probe_image_apply(&im, &how, 7, x, out));
        for (size_t i = 0; i < 4096; i++) {
            sum += (out[i] - x[i]) / 2 / 4096;
            squares += (out[i] - x[i]) / 2 * (out[i] - x[i]) / 2 / 4096;
        }
        assert_near(sum, 0, 4 * c / 64);
        assert_near(sqrt(squares - sum * sum) / c, 1, 0.06);
    }
}

static void noise_is_the_same_louder_and_by_the_key(void **state)
{
    double x[N], one[N], three[N], other[N];
    struct probe_image_change how = {PROBE_IMAGE_NOISE, 1, 1};
    int differ = 0;
    (void)state;
    for (size_t i = 0; i < N; i++)
        x[i] = 128 / 255.;
    assert_ok(probe_image_apply(&grey, &how, 7, x, one));
    assert_ok(probe_image_apply(&grey, &how, 8, x, other));
    how.severity = 5;
    assert_ok(probe_image_apply(&grey, &how, 7, x, three));
    for (size_t i = 0; i < N; i++) {
        assert_true(abs(level(one[i]) - 128) <= abs(level(three[i]) - 128));
        differ += one[i] != other[i];
    }
    assert_in_range(differ, N / 2, N);
}

static void every_severity_changes_a_picture_more(void **state)
{
    double x[N], out[N], last, sum;
    (void)state;
    picture(x);
    for (int op = 0; op < PROBE_IMAGE_OPERATORS; op++) {
        last = 0;
        for (unsigned s = 1; s <= PROBE_IMAGE_SEVERITIES; s++) {
            const struct probe_image_change how = {(enum probe_image_operator)op, s, 1};
            assert_ok(probe_image_apply(&grey, &how, 7, x, out));
            sum = 0;
            for (size_t i = 0; i < N; i++)
                sum += fabs(out[i] - x[i]);
            assert_true(sum > 0);
            if (op != PROBE_IMAGE_RESOLUTION) /* 11 of 12 or 10 of 12: not ordered */
                assert_true(sum > last * 0.98);
            last = sum;
        }
    }
}

static void a_grey_picture_in_colour_stays_grey(void **state)
{
    const struct probe_image rgb = {{3, H, W}, 0, 1};
    double x[3 * N], out[3 * N];
    (void)state;
    for (int c = 0; c < 3; c++)
        picture(x + c * N);
    for (int op = PROBE_IMAGE_BLUR; op < PROBE_IMAGE_OPERATORS; op++) {
        const struct probe_image_change how = {(enum probe_image_operator)op, 3, 1};
        assert_ok(probe_image_apply(&rgb, &how, 7, x, out));
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(level(out[i]), level(out[N + i]));
            assert_int_equal(level(out[i]), level(out[2 * N + i]));
        }
    }
}

static void the_images_struck_are_a_share_and_stay(void **state)
{
    const struct probe_image_change how = {PROBE_IMAGE_BLUR, 1, 1};
    size_t few = 0, many = 0;
    (void)state;
    for (uint64_t k = 0; k < 10000; k++) {
        bool a = probe_image_struck(&how, k, 0.1), b = probe_image_struck(&how, k, 0.4);
        assert_true(b || !a);
        few += a;
        many += b;
    }
    assert_in_range(few, 880, 1120);
    assert_in_range(many, 3800, 4200);
}

static void what_is_no_image_is_refused(void **state)
{
    const struct probe_image flat = {{1, 0, W}, 0, 1}, none = {{1, H, W}, 1, 1};
    struct probe_image_change how = {PROBE_IMAGE_BLUR, 1, 1};
    double x[N], out[N];
    (void)state;
    picture(x);
    assert_int_equal(probe_image_apply(&flat, &how, 7, x, out), AM_E_INVALID);
    assert_int_equal(probe_image_apply(&none, &how, 7, x, out), AM_E_INVALID);
    how.severity = 6;
    assert_int_equal(probe_image_apply(&grey, &how, 7, x, out), AM_E_INVALID);
    how.severity = 1;
    am_oom_at(1);
    assert_int_equal(probe_image_apply(&grey, &how, 7, x, out), AM_E_NOMEM);
    am_oom_at(0);
}

/* A grey level is the unit and the grid, from lo on. */
static void a_pixel_moves_by_grey_levels(void **state)
{
    const struct probe_input p = {.kind = PROBE_NUMBER,
                                  .lo = -1,
                                  .hi = 1,
                                  .cva = NAN,
                                  .decimals = -1,
                                  .step = 2 / 255.};
    (void)state;
    assert_near(probe_unit(&p, 0.3), 2 / 255., 0);
    assert_near(probe_project(&p, -1 + 7.4 * 2 / 255.), -1 + 7 * (2 / 255.), 0);
    assert_near(probe_project(&p, 5), 1, 0);
    assert_near(probe_project(&p, -5), -1, 0);
}

TEST_MAIN(TEST(operators_agree_with_scipy_and_numpy),
          TEST(jpeg_agrees_with_libjpeg_to_a_grey_level),
          TEST(severities_are_those_of_the_authors_by_size),
          TEST(noise_has_the_deviation_it_says),
          TEST(noise_is_the_same_louder_and_by_the_key),
          TEST(every_severity_changes_a_picture_more),
          TEST(a_grey_picture_in_colour_stays_grey),
          TEST(the_images_struck_are_a_share_and_stay), TEST(what_is_no_image_is_refused),
          TEST(a_pixel_moves_by_grey_levels))
