/* SPDX-License-Identifier: Apache-2.0 */
#include "dicom/dicom.h"

#include "base/buf.h"
#include "hl7/hl7.h"

enum { VALUE_MAX = 1024, DEPTH = 16, LAST_GROUP = 0x0028 };
#define UNDEFINED UINT32_C(0xFFFFFFFF)
#define INDEX     "1.2.840.10008.1.3.10"

struct element {
    uint32_t tag, length; /* group in the upper half */
    bool sequence;
    bool unknown; /* VR UN: of undefined length it holds implicit VR (PS3.5 6.2.2) */
};
struct reader {
    struct str s;
    size_t i;
    bool whole, implicit;
    uint32_t tag; /* last read at the top */
    struct diag *d;
};

static const struct {
    uint32_t tag;
    char kind; /* 'u' a UID, 't' text of the character set, 0 plain */
} keys[] = {
#define X(name, group, element, kind) {(uint32_t)(group) << 16 | (element), kind},
    DICOM_TABLE(X)
#undef X
};

/* ---- problems ---- */
static int refuse(struct reader *r, int err, const char *code, const char *why)
{
    char place[16];
    snprintf(place, sizeof place, "(%04X,%04X)", (unsigned)(r->tag >> 16),
             (unsigned)(r->tag & 0xFFFF));
    diag_err(r->d, place, code, "%s", why);
    return err;
}

/* n bytes are wanted from here: AM_OK when they are there. */
static int want(struct reader *r, size_t n)
{
    if (r->s.n - r->i >= n)
        return AM_OK;
    return r->whole ? refuse(r, AM_E_SYNTAX, "dicom.short", "the file ends in its header")
                    : AM_E_TIMEOUT;
}

/* ---- elements ---- */
static uint32_t number(const struct reader *r, size_t at, size_t bytes)
{
    uint32_t v = 0;
    for (size_t k = bytes; k-- > 0;)
        v = v << 8 | (unsigned char)r->s.p[at + k];
    return v;
}

static bool is_vr(const char *p, const char *list)
{
    for (; *list; list += 2)
        if (p[0] == list[0] && p[1] == list[1])
            return true;
    return false;
}

static int element(struct reader *r, bool implicit, struct element *e)
{
    int err = want(r, 8);
    const char *vr;
    if (err)
        return err;
    *e = (struct element){.tag = number(r, r->i, 2) << 16 | number(r, r->i + 2, 2)};
    vr = r->s.p + r->i + 4;
    if (implicit || e->tag >> 16 == 0xFFFE) { /* items never have a VR */
        e->length = number(r, r->i + 4, 4);
        e->sequence = e->length == UNDEFINED;
        r->i += 8;
        return AM_OK;
    }
    if (is_vr(vr, "OBODOFOLOVOWSQSVUCUNURUTUV")) {
        err = want(r, 12);
        if (err)
            return err;
        e->length = number(r, r->i + 8, 4);
        e->unknown = is_vr(vr, "UN");
        e->sequence = is_vr(vr, "SQ") || e->length == UNDEFINED;
        r->i += 12;
        return AM_OK;
    }
    if (!is_vr(vr, "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
        return refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element");
    e->length = number(r, r->i + 6, 2);
    r->i += 8;
    return AM_OK;
}

static int pass(struct reader *r, uint32_t n)
{
    int err = want(r, n);
    if (!err)
        r->i += n;
    return err;
}

static int sequence(struct reader *r, bool implicit, unsigned depth);

/* The elements of an item without a length, up to its end. */
static int item(struct reader *r, bool implicit, unsigned depth)
{
    for (;;) {
        struct element e;
        int err = element(r, implicit, &e);
        if (!err && e.tag == 0xFFFEE00D)
            return e.length
                       ? refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element")
                       : AM_OK;
        if (!err)
            err = e.length == UNDEFINED ? sequence(r, implicit || e.unknown, depth + 1)
                                        : pass(r, e.length);
        if (err)
            return err;
    }
}

/* Items up to the end of a sequence without a length. */
static int sequence(struct reader *r, bool implicit, unsigned depth)
{
    if (depth > DEPTH)
        return refuse(r, AM_E_SYNTAX, "dicom.element", "nested too deep");
    for (;;) {
        struct element e;
        int err = element(r, implicit, &e);
        if (!err && e.tag == 0xFFFEE0DD)
            return e.length
                       ? refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element")
                       : AM_OK;
        if (!err && e.tag != 0xFFFEE000)
            err = refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element");
        if (!err)
            err = e.length == UNDEFINED ? item(r, implicit, depth) : pass(r, e.length);
        if (err)
            return err;
    }
}

/* ---- values ---- */
static struct str bare(struct str s)
{
    while (s.n && (s.p[s.n - 1] == 0 || s.p[s.n - 1] == ' '))
        s.n--;
    while (s.n && s.p[0] == ' ')
        s = str_sub(s, 1, s.n);
    return s;
}

static bool uid_ok(struct str s)
{
    bool digit = false; /* the one before */
    for (size_t i = 0; i < s.n; i++) {
        bool is = s.p[i] >= '0' && s.p[i] <= '9';
        if (!is && (s.p[i] != '.' || !digit))
            return false;
        digit = is;
    }
    return s.n <= 64 && digit;
}

static bool plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* The set of (0008,0005), when it is one that is read; several (ISO 2022) are not. */
static int charset(struct str name, enum hl7_charset *out)
{
    static const struct {
        const char *name;
        enum hl7_charset set;
    } known[] = {{"", HL7_ASCII},
                 {"ISO_IR 6", HL7_ASCII},
                 {"ISO_IR 100", HL7_8859_1},
                 {"ISO_IR 127", HL7_8859_6},
                 {"ISO_IR 192", HL7_UTF8}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(name, known[i].name)) {
            *out = known[i].set;
            return AM_OK;
        }
    return AM_E_UNSUPPORTED;
}

static bool controls(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ')
            return true;
    return false;
}

static int keep(struct reader *r, struct dicom *x, size_t k, struct str s)
{
    enum hl7_charset set = HL7_ASCII;
    struct buf b;
    size_t bad;
    char *copy;
    int err = AM_OK;
    r->tag = keys[k].tag;
    if (keys[k].kind == 'u' && !uid_ok(s))
        return refuse(r, AM_E_SYNTAX, "dicom.uid", "not a UID");
    if (keys[k].kind != 't' && !plain(s))
        return refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element");
    if (!plain(s) && charset(x->value[DICOM_CHARSET], &set))
        return refuse(r, AM_E_UNSUPPORTED, "dicom.charset", "a character set not read");
    if (controls(s))
        return refuse(r, AM_E_SYNTAX, "dicom.charset", "a control character");
    buf_init(&b, 4 * VALUE_MAX);
    err = hl7_to_utf8(&b, set, s, &bad);
    if (err == AM_E_SYNTAX)
        err = refuse(r, err, "dicom.charset", "a byte the character set does not have");
    copy = err ? NULL : arena_dup(&x->a, buf_str(&b));
    if (!err && !copy)
        err = AM_E_NOMEM;
    else if (!err)
        x->value[k] = (struct str){copy, b.n};
    buf_release(&b);
    return err;
}

/* ---- the file ---- */
/* Group 0002, which is explicit: what encodes the rest. */
static int meta(struct reader *r, bool *index)
{
    struct str syntax = STR_NULL;
    int err = AM_OK;
    for (;;) {
        struct element e;
        err = want(r, 2);
        if (err || number(r, r->i, 2) != 0x0002)
            break;
        err = element(r, false, &e);
        if (err)
            return err;
        r->tag = e.tag;
        if (e.length == UNDEFINED)
            return refuse(r, AM_E_SYNTAX, "dicom.element", "not a data element");
        err = want(r, e.length);
        if (err)
            return err;
        if (e.tag == 0x00020010)
            syntax = bare(str_sub(r->s, r->i, r->i + e.length));
        if (e.tag == 0x00020002)
            *index = str_eqc(bare(str_sub(r->s, r->i, r->i + e.length)), INDEX);
        r->i += e.length;
    }
    if (err)
        return err;
    r->tag = 0x00020010;
    if (str_eqc(syntax, "1.2.840.10008.1.2.1.99") ||
        str_eqc(syntax, "1.2.840.10008.1.2.4.95") ||
        str_eqc(syntax, "1.2.840.10008.1.2.4.205"))
        return refuse(r, AM_E_UNSUPPORTED, "dicom.deflated", "a deflated file");
    r->implicit = str_eqc(syntax, "1.2.840.10008.1.2");
    if (!r->implicit && !str_eqc(syntax, "1.2.840.10008.1.2.1") &&
        !str_starts(syntax, STR("1.2.840.10008.1.2.4.")) &&
        !str_eqc(syntax, "1.2.840.10008.1.2.5"))
        return refuse(r, AM_E_UNSUPPORTED, "dicom.syntax", "a transfer syntax not read");
    return AM_OK;
}

static int one(struct reader *r, struct dicom *x, bool *end)
{
    struct element e;
    size_t k = 0;
    int err;
    *end = r->whole && r->i == r->s.n;
    if (*end)
        return AM_OK;
    err = want(r, 4);
    if (err)
        return err;
    *end = number(r, r->i, 2) > LAST_GROUP;
    if (*end)
        return AM_OK;
    err = element(r, r->implicit, &e);
    if (err)
        return err;
    if (e.tag <= r->tag || e.tag >> 16 < 0x0008) {
        r->tag = e.tag;
        return refuse(r, AM_E_SYNTAX, "dicom.element", "elements out of order");
    }
    r->tag = e.tag;
    if (e.length == UNDEFINED)
        return sequence(r, r->implicit || e.unknown, 1);
    while (k < DICOM_KEYS && keys[k].tag != e.tag)
        k++;
    if (k < DICOM_KEYS && (e.sequence || e.length > VALUE_MAX))
        return refuse(r, AM_E_SYNTAX, "dicom.element", "a value longer than the limit");
    err = want(r, e.length);
    if (!err && k < DICOM_KEYS) {
        struct str s = bare(str_sub(r->s, r->i, r->i + e.length));
        if (s.n)
            err = keep(r, x, k, s);
    }
    if (!err)
        r->i += e.length;
    return err;
}

int dicom_read(struct dicom *out, struct str file, bool whole, struct diag *d)
{
    struct reader r = {.s = file, .whole = whole, .d = d};
    struct dicom x = {0};
    bool end = false;
    int err;
    if (!whole && file.n < 132)
        return AM_E_TIMEOUT;
    if (file.n < 132 || memcmp(file.p + 128, "DICM", 4) != 0) {
        diag_err(d, "", "dicom.preamble", "not a DICOM file");
        return AM_E_SYNTAX;
    }
    arena_init(&x.a, 1 << 20);
    r.i = 132;
    err = meta(&r, &end);
    r.tag = 0;
    if (end) /* what is in an index is of other groups */
        x.value[DICOM_SOP_CLASS] = STR(INDEX);
    while (!err && !end)
        err = one(&r, &x, &end);
    if (err)
        dicom_release(&x);
    else
        *out = x;
    return err;
}

void dicom_release(struct dicom *x)
{
    arena_release(&x->a);
    *x = (struct dicom){0};
}

bool dicom_is_index(const struct dicom *x)
{
    return str_eqc(x->value[DICOM_SOP_CLASS], INDEX);
}
