/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7.h"

/* What is read, written and read again, is the same message: same fields, same text. The
 * first byte chooses the set of messages that name none. Every path answers from within
 * the text; unescaped, then escaped and unescaped again, it says the same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void same(const struct hl7 *a, const struct hl7 *b)
{
    am_assert(hl7_segments(a) == hl7_segments(b));
    for (size_t i = 0; i < hl7_segments(a); i++) {
        am_assert(str_eq(hl7_segment_name(a, i), hl7_segment_name(b, i)));
        am_assert(hl7_fields(a, i) == hl7_fields(b, i));
        for (size_t f = 1; f <= hl7_fields(a, i); f++)
            am_assert(str_eq(hl7_field(a, i, f), hl7_field(b, i, f)));
    }
}

static void look(const struct hl7 *m)
{
    struct buf text, again, back;
    buf_init(&text, 1 << 22);
    buf_init(&again, 1 << 24);
    buf_init(&back, 1 << 24);
    for (size_t i = 0; i < hl7_segments(m) && i < 50; i++)
        for (size_t f = 1; f <= hl7_fields(m, i) && f < 50; f++) {
            struct str whole = hl7_field(m, i, f);
            for (unsigned c = 0; c < 4; c++) {
                struct hl7_path p = {.field = (unsigned)f, .component = c, .sub = c / 2};
                struct str v = hl7_at(m, i, &p);
                am_assert(!v.n || (v.p >= whole.p && v.p + v.n <= whole.p + whole.n));
            }
            buf_clear(&text);
            buf_clear(&again);
            buf_clear(&back);
            am_assert(hl7_unescape(m, whole, &text) == AM_OK);
            am_assert(hl7_escape(m, buf_str(&text), &again) == AM_OK);
            am_assert(hl7_unescape(m, buf_str(&again), &back) == AM_OK);
            am_assert(str_utf8(buf_str(&back)));
        }
    buf_release(&text);
    buf_release(&again);
    buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct hl7_limits l = {.charset = len ? data[0] % HL7_CHARSETS : HL7_ASCII};
    struct hl7 *a = NULL, *b = NULL;
    struct buf text;
    struct diag d;
    diag_init(&d);
    buf_init(&text, 1 << 24);
    if (len && !hl7_parse(&a, (struct str){(const char *)data + 1, len - 1}, &l, &d)) {
        struct hl7_limits again = {.charset = HL7_UTF8};
        am_assert(hl7_write(a, &text) == AM_OK && d.errors == 0);
        look(a);
        /* the header still names the set it came as: only of UTF-8 the text reads again
         */
        if (hl7_charset_of(a) == HL7_UTF8) {
            am_assert(hl7_parse(&b, buf_str(&text), &again, NULL) == AM_OK);
            same(a, b);
        }
    } else if (len) {
        am_assert(d.errors > 0);
    }
    hl7_free(a);
    hl7_free(b);
    buf_release(&text);
    diag_release(&d);
    return 0;
}
