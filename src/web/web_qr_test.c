/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "crypto/crypto.h"
#include "web/web_priv.h"

/* The modules of a picture as zeros and ones, from its path. */
static unsigned t_modules(const char *svg, char *out)
{
    unsigned n = 0, side = 0;
    const char *p = strstr(svg, "viewBox=\"0 0 ");
    assert_non_null(p);
    side = (unsigned)strtoul(p + 13, NULL, 10) - 8;
    memset(out, '0', (size_t)side * side);
    out[side * side] = 0;
    p = strstr(svg, "qr-dark\" d=\"");
    assert_non_null(p);
    for (p += 12; *p == 'M'; n++) {
        char *e;
        unsigned x = (unsigned)strtoul(p + 1, &e, 10) - 4,
                 y = (unsigned)strtoul(e + 1, &e, 10) - 4,
                 run = (unsigned)strtoul(e + 1, &e, 10);
        for (unsigned i = 0; i < run; i++)
            out[y * side + x + i] = '1';
        p = strchr(e, 'z') + 1;
    }
    return side;
}

static void t_draw(const char *text, char *out, unsigned *side)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(web_svg_qr(&b, TEXT_EN, str_c(text)));
    *side = t_modules(b.p, out);
    if (getenv("QR_PBM")) { /* for zbarimg */
        FILE *f = fopen(getenv("QR_PBM"), "w");
        assert_non_null(f);
        fprintf(f, "P1\n%u %u\n", (*side + 8) * 4, (*side + 8) * 4);
        for (unsigned y = 0; y < (*side + 8) * 4; y++)
            for (unsigned x = 0; x < (*side + 8) * 4; x++) {
                unsigned mx = x / 4, my = y / 4;
                bool in = mx >= 4 && my >= 4 && mx < *side + 4 && my < *side + 4;
                fputc(in ? out[(my - 4) * *side + mx - 4] : '0', f);
                fputc('\n', f);
            }
        fclose(f);
    }
    buf_release(&b);
}

/* Texts of every version. The digests are of pictures that zbarimg 0.23.92 read back:
 *   QR_PBM=/tmp/q.pbm build/web_qr_test && zbarimg -q --raw /tmp/q.pbm */
static void pictures_are_those_another_reader_understood(void **state)
{
    static const struct {
        size_t n;
        unsigned side;
        const char *sha256;
    } want[] = {
        {10, 21, "6ec29f7301ccb7f8262652ac6b8d7786611e53298b77b8984177c5d8205ccbbc"},
        {30, 25, "3e7c85986dd5f01cee8c880739d4fdcaf239ebc4ae288ca248e813d720164707"},
        {50, 29, "12bff0626417a03ed7e387962cda6d28247be83ad2fd1c66354e3503ad5f774f"},
        {70, 33, "40c0131e5bf2344512fe6a245a47d9537a308bb7e8ef30bb3bd2fe816809e630"},
        {100, 37, "f9c41db588a87e10bbddbe414390f0c738fe5ebcec2e15eccf2be02fa9430e85"},
        {130, 41, "fd7131bad8b7a876836d81fc344b6c8aba5771633bad0602f4001c4e097c6b09"},
        {150, 45, "79f17f8080a2c7d0719060988c3370ee46a2049b388f28ab3947bdcf833f8bd3"},
        {171, 49, "bbf22fd02a9fa56b43ce6a4e3022ab1a8e9d23b66325daaab3d34067eebf7864"},
        {230, 53, "4541588ba9868850847f96ab307034c83b4337faf56f3a4d284bb5b9fab5f616"}};
    static char m[64 * 64 + 1];
    char text[232], hex[CRYPTO_HEX];
    uint8_t d[32];
    unsigned side;
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        for (size_t k = 0; k < want[i].n; k++)
            text[k] =
                "otpauth://totp/Amane:?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[k % 61];
        text[want[i].n] = 0;
        t_draw(text, m, &side);
        crypto_sha256(str_c(m), d);
        assert_int_equal(side, want[i].side);
        assert_string_equal(crypto_hex(d, 32, hex), want[i].sha256);
    }
}

static void more_than_230_bytes_is_too_big_and_nothing_is_written(void **state)
{
    char text[232];
    struct buf b;
    (void)state;
    memset(text, 'a', sizeof text);
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "before"));
    assert_int_equal(web_svg_qr(&b, TEXT_AR, (struct str){text, 231}), AM_E_TOOBIG);
    assert_string_equal(b.p, "before");
    buf_release(&b);
    buf_init(&b, 500); /* a page that is full */
    assert_int_equal(web_svg_qr(&b, TEXT_AR, (struct str){text, 20}), AM_E_TOOBIG);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

TEST_MAIN(TEST(pictures_are_those_another_reader_understood),
          TEST(more_than_230_bytes_is_too_big_and_nothing_is_written))
