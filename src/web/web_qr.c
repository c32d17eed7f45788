/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes (ISO/IEC 18004): bytes, versions 1 to 9, correction level L: enough for the
 * 171 characters of an otpauth:// address. The picture is one SVG path. */
#include "web/web_priv.h"

enum { QR_MAX = 17 + 4 * 9, QR_CODEWORDS = 292, QR_VERSIONS = 9 };

/* Table 9, level L: codewords in all, correction codewords per block, equal blocks. */
static const struct {
    uint16_t total;
    uint8_t ec, blocks, align[3];
} qr_version[QR_VERSIONS + 1] = {{0},
                                 {26, 7, 1, {0}},
                                 {44, 10, 1, {6, 18}},
                                 {70, 15, 1, {6, 22}},
                                 {100, 20, 1, {6, 26}},
                                 {134, 26, 1, {6, 30}},
                                 {172, 18, 2, {6, 34}},
                                 {196, 20, 2, {6, 22, 38}},
                                 {242, 24, 2, {6, 24, 42}},
                                 {292, 30, 2, {6, 26, 46}}};

struct qr {
    unsigned version, size;
    bool dark[QR_MAX][QR_MAX], fixed[QR_MAX][QR_MAX];
    uint8_t word[QR_CODEWORDS];
};

/* ---- codewords --------------------------------------------------------------------- */
static size_t qr_data(unsigned v)
{
    return (size_t)qr_version[v].total - (size_t)qr_version[v].ec * qr_version[v].blocks;
}

/* In GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t qr_mul(uint8_t a, uint8_t b)
{
    unsigned r = 0;
    for (int i = 7; i >= 0; i--) {
        r = r << 1 ^ ((r >> 7) * 0x11d);
        r ^= (unsigned)(b >> i & 1) * a;
    }
    return (uint8_t)r;
}

/* Remainder of data * x^n by the generator of degree n. */
static void qr_correct(const uint8_t *data, size_t len, size_t n, uint8_t *out)
{
    uint8_t generator[30] = {0}, root = 1;
    generator[n - 1] = 1;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++)
            generator[k] = (uint8_t)(qr_mul(generator[k], root) ^
                                     (k + 1 < n ? generator[k + 1] : 0));
        root = qr_mul(root, 2);
    }
    memset(out, 0, n);
    for (size_t i = 0; i < len; i++) {
        uint8_t factor = data[i] ^ out[0];
        memmove(out, out + 1, n - 1);
        out[n - 1] = 0;
        for (size_t k = 0; k < n; k++)
            out[k] ^= qr_mul(generator[k], factor);
    }
}

/* Mode 4 (bytes), count on 8 bits, text, end, padding; then blocks interleaved. */
static void qr_words(struct qr *q, struct str text)
{
    uint8_t data[QR_CODEWORDS] = {0}, ec[2][30];
    size_t n = qr_data(q->version), blocks = qr_version[q->version].blocks,
           each = n / blocks, need = qr_version[q->version].ec, at = 0;
    data[0] = (uint8_t)(0x40 | text.n >> 4);
    data[1] = (uint8_t)(text.n << 4);
    for (size_t i = 0; i < text.n; i++) {
        data[i + 1] |= (uint8_t)((unsigned char)text.p[i] >> 4);
        data[i + 2] = (uint8_t)((unsigned char)text.p[i] << 4);
    }
    for (size_t i = text.n + 2, pad = 0; i < n; i++, pad++)
        data[i] = pad % 2 ? 0x11 : 0xec;
    for (size_t b = 0; b < blocks; b++)
        qr_correct(data + b * each, each, need, ec[b]);
    for (size_t i = 0; i < each; i++)
        for (size_t b = 0; b < blocks; b++)
            q->word[at++] = data[b * each + i];
    for (size_t i = 0; i < need; i++)
        for (size_t b = 0; b < blocks; b++)
            q->word[at++] = ec[b][i];
}

/* ---- modules ----------------------------------------------------------------------- */
static void qr_set(struct qr *q, unsigned x, unsigned y, bool dark)
{
    q->dark[y][x] = dark;
    q->fixed[y][x] = true;
}

static void qr_finder(struct qr *q, int cx, int cy)
{
    for (int dy = -4; dy <= 4; dy++)
        for (int dx = -4; dx <= 4; dx++) {
            int x = cx + dx, y = cy + dy, d = AM_MAX(abs(dx), abs(dy));
            if (x >= 0 && y >= 0 && x < (int)q->size && y < (int)q->size)
                qr_set(q, (unsigned)x, (unsigned)y, d != 2 && d != 4);
        }
}

/* One at each crossing of the table's lines, but where a finder is. */
static void qr_alignment(struct qr *q)
{
    const uint8_t *at = qr_version[q->version].align;
    size_t n = 0;
    while (n < 3 && at[n])
        n++;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            if ((!i && !k) || (!i && k == n - 1) || (i == n - 1 && !k))
                continue;
            for (int dy = -2; dy <= 2; dy++)
                for (int dx = -2; dx <= 2; dx++)
                    qr_set(q, (unsigned)(at[k] + dx), (unsigned)(at[i] + dy),
                           AM_MAX(abs(dx), abs(dy)) != 1);
        }
}

/* Remainder of a BCH code, appended to its data. */
static uint32_t qr_bch(uint32_t data, uint32_t generator, unsigned bits)
{
    uint32_t r = data << bits;
    for (int i = 17; i >= (int)bits; i--)
        if (r >> i & 1)
            r ^= generator << (i - (int)bits);
    return data << bits | r;
}

static void qr_format(struct qr *q, unsigned mask)
{
    uint32_t f = qr_bch(1u << 3 | mask, 0x537, 10) ^ 0x5412; /* level L is 01 */
    for (unsigned i = 0; i < 15; i++) {
        bool bit = f >> i & 1;
        unsigned y = i < 6 ? i : i < 8 ? i + 1 : q->size - 15 + i;
        unsigned x = i < 8 ? q->size - 1 - i : i < 9 ? 15 - i : 14 - i;
        qr_set(q, 8, y, bit);
        qr_set(q, x, 8, bit);
    }
    qr_set(q, 8, q->size - 8, true);
}

static void qr_frame(struct qr *q)
{
    int far = (int)q->size - 4;
    qr_finder(q, 3, 3);
    qr_finder(q, far, 3);
    qr_finder(q, 3, far);
    for (unsigned i = 8; i + 8 < q->size; i++) {
        qr_set(q, i, 6, i % 2 == 0);
        qr_set(q, 6, i, i % 2 == 0);
    }
    qr_alignment(q);
    qr_format(q, 0);
    if (q->version < 7)
        return;
    uint32_t v = qr_bch(q->version, 0x1f25, 12);
    for (unsigned i = 0; i < 18; i++) {
        qr_set(q, q->size - 11 + i % 3, i / 3, v >> i & 1);
        qr_set(q, i / 3, q->size - 11 + i % 3, v >> i & 1);
    }
}

/* Two columns at a time from the right, up and down in turn, around the timing column. */
static void qr_place(struct qr *q)
{
    size_t bit = 0, bits = 8 * (size_t)qr_version[q->version].total;
    bool up = true;
    for (int right = (int)q->size - 1; right > 0; right -= 2, up = !up) {
        if (right == 6)
            right = 5;
        for (unsigned i = 0; i < q->size; i++)
            for (int k = 0; k < 2; k++) {
                unsigned y = up ? q->size - 1 - i : i, x = (unsigned)(right - k);
                if (q->fixed[y][x])
                    continue;
                q->dark[y][x] = bit < bits && (q->word[bit / 8] >> (7 - bit % 8) & 1);
                bit++;
            }
    }
}

static bool qr_mask(unsigned mask, unsigned x, unsigned y)
{
    switch (mask) {
    case 0:
        return (x + y) % 2 == 0;
    case 1:
        return y % 2 == 0;
    case 2:
        return x % 3 == 0;
    case 3:
        return (x + y) % 3 == 0;
    case 4:
        return (y / 2 + x / 3) % 2 == 0;
    case 5:
        return x * y % 2 + x * y % 3 == 0;
    case 6:
        return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
        return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

static void qr_flip(struct qr *q, unsigned mask)
{
    for (unsigned y = 0; y < q->size; y++)
        for (unsigned x = 0; x < q->size; x++)
            if (!q->fixed[y][x] && qr_mask(mask, x, y))
                q->dark[y][x] = !q->dark[y][x];
}

/* What readers stumble on (section 7.8.3): long runs, blocks, imbalance. */
static unsigned qr_penalty(const struct qr *q)
{
    unsigned bad = 0, dark = 0, n = q->size;
    for (unsigned i = 0; i < n; i++)
        for (unsigned turn = 0, run = 0; turn < 2; turn++, run = 0)
            for (unsigned k = 0; k < n; k++) {
                bool now = turn ? q->dark[k][i] : q->dark[i][k],
                     was = k && (turn ? q->dark[k - 1][i] : q->dark[i][k - 1]);
                run = k && now == was ? run + 1 : 1;
                bad += run == 5 ? 3 : run > 5 ? 1 : 0;
                dark += turn ? 0 : now;
            }
    for (unsigned y = 0; y + 1 < n; y++)
        for (unsigned x = 0; x + 1 < n; x++)
            if (q->dark[y][x] == q->dark[y][x + 1] &&
                q->dark[y][x] == q->dark[y + 1][x] &&
                q->dark[y][x] == q->dark[y + 1][x + 1])
                bad += 3;
    unsigned percent = dark * 100 / (n * n);
    return bad + 10 * ((percent > 50 ? percent - 50 : 50 - percent) / 5);
}

static int qr_make(struct qr *q, struct str text)
{
    unsigned best = 0, least = UINT32_MAX;
    memset(q, 0, sizeof *q);
    for (q->version = 1; q->version <= QR_VERSIONS; q->version++)
        if (text.n + 2 <= qr_data(q->version))
            break;
    if (q->version > QR_VERSIONS)
        return AM_E_TOOBIG;
    q->size = 17 + 4 * q->version;
    qr_words(q, text);
    qr_frame(q);
    qr_place(q);
    for (unsigned mask = 0; mask < 8; mask++) {
        qr_format(q, mask);
        qr_flip(q, mask);
        unsigned bad = qr_penalty(q);
        if (bad < least) {
            least = bad;
            best = mask;
        }
        qr_flip(q, mask);
    }
    qr_format(q, best);
    qr_flip(q, best);
    return AM_OK;
}

/* Dark on white whatever the theme, four light modules around (section 5.3.8). */
int web_svg_qr(struct buf *out, enum text_lang l, struct str text)
{
    struct qr q;
    size_t before = out->n;
    int err = qr_make(&q, text);
    if (!err)
        err = buf_addf(out,
                       "<svg class=\"qr\" viewBox=\"0 0 %u %u\" role=\"img\" "
                       "shape-rendering=\"crispEdges\"><title>",
                       q.size + 8, q.size + 8);
    if (!err)
        err = web_escape(out, text_get(l, "people.qr"));
    if (!err)
        err = buf_addf(out,
                       "</title><path class=\"qr-light\" d=\"M0 0h%uv%uH0z\"/>"
                       "<path class=\"qr-dark\" d=\"",
                       q.size + 8, q.size + 8);
    for (unsigned y = 0; y < q.size && !err; y++)
        for (unsigned x = 0, run; x < q.size && !err; x += run) {
            for (run = 0; x + run < q.size && q.dark[y][x + run];)
                run++;
            if (run)
                err = buf_addf(out, "M%u %uh%uv1h-%uz", x + 4, y + 4, run, run);
            else
                run = 1;
        }
    if (!err)
        err = buf_adds(out, "\"/></svg>");
    if (err)
        buf_cut(out, before);
    return err;
}
