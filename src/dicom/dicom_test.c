/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/test.h"
#include "dicom/dicom.h"

/* ---- files made by hand ---- */
static void put16(struct buf *b, unsigned v)
{
    assert_ok(buf_addc(b, (char)(v & 255)));
    assert_ok(buf_addc(b, (char)(v >> 8 & 255)));
}

static void put32(struct buf *b, uint32_t v)
{
    put16(b, v & 0xFFFF);
    put16(b, v >> 16);
}

static void begin(struct buf *b, const char *syntax)
{
    size_t n = strlen(syntax);
    buf_init(b, 1 << 20);
    for (int i = 0; i < 128; i++)
        assert_ok(buf_addc(b, 0));
    assert_ok(buf_adds(b, "DICM"));
    put16(b, 2), put16(b, 0x10);
    assert_ok(buf_adds(b, "UI"));
    put16(b, (unsigned)(n + n % 2));
    assert_ok(buf_add(b, str_c(syntax)));
    if (n % 2)
        assert_ok(buf_addc(b, 0));
}

static void put(struct buf *b, bool implicit, uint32_t tag, const char *vr, struct str v)
{
    put16(b, tag >> 16), put16(b, tag & 0xFFFF);
    if (implicit) {
        put32(b, (uint32_t)(v.n + v.n % 2));
    } else {
        assert_ok(buf_adds(b, vr));
        put16(b, (unsigned)(v.n + v.n % 2));
    }
    assert_ok(buf_add(b, v));
    if (v.n % 2)
        assert_ok(buf_addc(b, ' '));
}

/* A study with a sequence of sequences, none of which has a length. */
static void image(struct buf *b, bool implicit, const char *set, struct str name)
{
    begin(b, implicit ? "1.2.840.10008.1.2" : "1.2.840.10008.1.2.1");
    if (*set)
        put(b, implicit, 0x00080005, "CS", str_c(set));
    put(b, implicit, 0x00080060, "CS", STR("CT"));
    put16(b, 0x0008), put16(b, 0x1140);
    if (!implicit)
        assert_ok(buf_adds(b, "SQ")), put16(b, 0);
    put32(b, UINT32_MAX);
    for (int depth = 0; depth < 2; depth++) {
        put32(b, 0xE000FFFE), put32(b, UINT32_MAX);
        put(b, implicit, 0x00081150, "UI", STR("9.9"));
        if (!depth) {
            put16(b, 0x0008), put16(b, 0x1199);
            if (!implicit)
                assert_ok(buf_adds(b, "SQ")), put16(b, 0);
            put32(b, UINT32_MAX);
        }
    }
    for (int depth = 0; depth < 2; depth++)
        put32(b, 0xE00DFFFE), put32(b, 0), put32(b, 0xE0DDFFFE), put32(b, 0);
    put(b, implicit, 0x00100010, "PN", name);
    put(b, implicit, 0x00100021, "LO", STR("CHU-1"));
    put(b, implicit, 0x0020000D, "UI", STR("1.2.3"));
    put(b, implicit, 0x0020000E, "UI", STR("1.2.3.4"));
    put(b, implicit, 0x00290010, "LO", STR("beyond"));
}

static void gives(struct buf *b, enum dicom_key key, const char *want)
{
    struct dicom x;
    assert_ok(dicom_read(&x, buf_str(b), true, NULL));
    assert_str_equal(x.value[key], want);
    assert_str_equal(x.value[DICOM_ISSUER], "CHU-1");
    assert_str_equal(x.value[DICOM_STUDY], "1.2.3");
    assert_str_equal(x.value[DICOM_MODALITY], "CT");
    dicom_release(&x);
    buf_release(b);
}

static void refused(struct buf *b, int err, const char *code, const char *place)
{
    struct dicom x;
    struct diag d;
    diag_init(&d);
    assert_int_equal(dicom_read(&x, buf_str(b), true, &d), err);
    assert_int_equal(d.errors, 1);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, place);
    diag_release(&d);
    buf_release(b);
}

static void both_encodings_are_read_and_sequences_passed_over(void **state)
{
    struct buf b;
    (void)state;
    for (int implicit = 0; implicit < 2; implicit++) {
        image(&b, implicit, "", STR("Tazi^Omar"));
        gives(&b, DICOM_PATIENT_NAME, "Tazi^Omar");
        image(&b, implicit, "ISO_IR 100", STR("B\xE9n\xE9zech^Zo\xE9"));
        gives(&b, DICOM_PATIENT_NAME, "Bénézech^Zoé");
        image(&b, implicit, "ISO_IR 127", STR("\xE5\xCD\xE5\xCF"));
        gives(&b, DICOM_PATIENT_NAME, "محمد");
        image(&b, implicit, "ISO_IR 192", STR("محمد"));
        gives(&b, DICOM_PATIENT_NAME, "محمد");
        image(&b, implicit, "ISO_IR 144", STR("Tazi"));
        gives(&b, DICOM_PATIENT_NAME, "Tazi");
    }
}

static void what_is_not_read_is_said(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100);
    refused(&b, AM_E_SYNTAX, "dicom.preamble", "");
    begin(&b, "1.2.840.10008.1.2.1.99");
    refused(&b, AM_E_SYNTAX, "dicom.short", "(0002,0010)");
    begin(&b, "1.2.840.10008.1.2.1.99");
    put16(&b, 8);
    refused(&b, AM_E_UNSUPPORTED, "dicom.deflated", "(0002,0010)");
    begin(&b, "1.2.840.10008.1.2.2");
    put16(&b, 0x0800);
    refused(&b, AM_E_UNSUPPORTED, "dicom.syntax", "(0002,0010)");
    image(&b, false, "ISO_IR 144", STR("\xBC\xDA"));
    refused(&b, AM_E_UNSUPPORTED, "dicom.charset", "(0010,0010)");
    image(&b, false, "", STR("Zo\xE9"));
    refused(&b, AM_E_SYNTAX, "dicom.charset", "(0010,0010)");
    begin(&b, "1.2.840.10008.1.2.1");
    put(&b, false, 0x0020000D, "UI", STR("1..2"));
    refused(&b, AM_E_SYNTAX, "dicom.uid", "(0020,000D)");
    begin(&b, "1.2.840.10008.1.2.1");
    put(&b, false, 0x0020000D, "UI", STR("1.2"));
    put(&b, false, 0x0020000D, "UI", STR("1.3"));
    refused(&b, AM_E_SYNTAX, "dicom.element", "(0020,000D)");
}

/* Cut anywhere, more is wanted or it is short; any byte changed, it is read or refused.
 */
static void hostile_files_are_bounded(void **state)
{
    struct buf b;
    (void)state;
    image(&b, false, "ISO_IR 100", STR("Zo\xE9"));
    for (size_t n = 0; n < b.n; n++) {
        struct dicom x;
        int part = dicom_read(&x, str_sub(buf_str(&b), 0, n), false, NULL);
        assert_true(part == AM_E_TIMEOUT || (!part && n >= b.n - 14));
        if (!part)
            dicom_release(&x);
        for (int bit = 0; bit < 8; bit++) {
            struct diag d;
            diag_init(&d);
            b.p[n] = (char)(b.p[n] ^ 1 << bit);
            if (!dicom_read(&x, buf_str(&b), true, &d))
                dicom_release(&x);
            else
                assert_true(d.errors > 0);
            b.p[n] = (char)(b.p[n] ^ 1 << bit);
            diag_release(&d);
        }
    }
    buf_release(&b);
    begin(&b, "1.2.840.10008.1.2");
    put16(&b, 8), put16(&b, 6), put32(&b, UINT32_MAX);
    for (int i = 0; i < 1000; i++)
        put32(&b, 0xE000FFFE), put32(&b, UINT32_MAX), put32(&b, 0x00060008),
            put32(&b, UINT32_MAX);
    refused(&b, AM_E_SYNTAX, "dicom.element", "(0008,0006)");
}

/* Files of python3-pydicom 2.3.1; UTF-8 by iconv of what the files hold. */
static void samples_are_read_as_their_maker_wrote_them(void **state)
{
    static const struct {
        const char *file;
        enum dicom_key key;
        const char *want; /* NULL: refused with that code */
        const char *code;
    } sample[] = {
        {"charset_files/chrArab.dcm", DICOM_PATIENT_NAME, "قباني^لنزار", NULL},
        {"charset_files/chrFren.dcm", DICOM_PATIENT_NAME, "Buc^Jérôme", NULL},
        {"charset_files/chrRuss.dcm", DICOM_PATIENT_NAME, NULL, "dicom.charset"},
        {"test_files/CT_small.dcm", DICOM_PATIENT_ID, "1CT1", NULL},
        {"test_files/MR_small_implicit.dcm", DICOM_MODALITY, "MR", NULL},
        {"test_files/MR_small_bigendian.dcm", DICOM_MODALITY, NULL, "dicom.syntax"},
        {"test_files/image_dfl.dcm", DICOM_MODALITY, NULL, "dicom.deflated"},
        {"test_files/no_meta.dcm", DICOM_MODALITY, NULL, "dicom.preamble"},
    };
    const char *shared = getenv("AMANE_SHARED");
    (void)state;
    if (!shared)
        skip();
    for (size_t i = 0; i < AM_LEN(sample); i++) {
        char path[4096], *text;
        struct dicom x;
        struct diag d;
        size_t n;
        int err;
        snprintf(path, sizeof path, "%s/data/dicom-samples/%s", shared, sample[i].file);
        diag_init(&d);
        assert_ok(am_file_read(path, 1 << 20, &text, &n));
        err = dicom_read(&x, (struct str){text, n}, true, &d);
        if (sample[i].want) {
            assert_ok(err);
            assert_str_equal(x.value[sample[i].key], sample[i].want);
            dicom_release(&x);
        } else {
            assert_true(err != AM_OK);
            assert_string_equal(d.item[0].code, sample[i].code);
        }
        free(text);
        diag_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_encodings_are_read_and_sequences_passed_over),
        cmocka_unit_test(what_is_not_read_is_said),
        cmocka_unit_test(hostile_files_are_bounded),
        cmocka_unit_test(samples_are_read_as_their_maker_wrote_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
