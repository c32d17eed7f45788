/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_priv.h"

/* Table 0211. The Arabic sheet of ISO 8859-6 is three runs and five signs; its high half
 * is U+0600 plus the byte less 0xA0. */
static const struct {
    const char *name;
    enum hl7_charset set;
} names[] = {
    {"ASCII", HL7_ASCII},     {"8859/1", HL7_8859_1},     {"8859/6", HL7_8859_6},
    {"8859/15", HL7_8859_15}, {"UTF-8", HL7_UTF8},        {"UNICODE UTF-8", HL7_UTF8},
    {"ISO IR6", HL7_ASCII},   {"ISO-8859-1", HL7_8859_1}, {"ISO-8859-6", HL7_8859_6}};

int hl7_charset_named(struct str name, enum hl7_charset *out)
{
    for (size_t i = 0; i < AM_LEN(names); i++)
        if (str_eq_nocase(name, str_c(names[i].name))) {
            *out = names[i].set;
            return AM_OK;
        }
    return AM_E_UNSUPPORTED;
}

/* ISO 8859-6:1999; 0: not in the set. */
static uint32_t arabic(unsigned char c)
{
    if (c == 0xA0 || c == 0xA4 || c == 0xAD)
        return c;
    if (c == 0xAC || c == 0xBB || c == 0xBF || (c >= 0xC1 && c <= 0xDA) ||
        (c >= 0xE0 && c <= 0xF2))
        return 0x0600 + (uint32_t)(c - 0xA0);
    return 0;
}

/* ISO 8859-15: 8859-1 with eight signs changed. */
static uint32_t latin9(unsigned char c)
{
    switch (c) {
    case 0xA4:
        return 0x20AC;
    case 0xA6:
        return 0x0160;
    case 0xA8:
        return 0x0161;
    case 0xB4:
        return 0x017D;
    case 0xB8:
        return 0x017E;
    case 0xBC:
        return 0x0152;
    case 0xBD:
        return 0x0153;
    case 0xBE:
        return 0x0178;
    default:
        return c;
    }
}

/* Control characters 0x80 to 0x9F are no text: who sends them means another set, often
 * Windows-1252. */
static uint32_t high(enum hl7_charset set, unsigned char c)
{
    if (set == HL7_ASCII || c < 0xA0)
        return 0;
    return set == HL7_8859_6 ? arabic(c) : set == HL7_8859_15 ? latin9(c) : c;
}

static int put(struct buf *out, uint32_t u)
{
    char s[3];
    if (u < 0x800) {
        s[0] = (char)(0xC0 | (u >> 6));
        s[1] = (char)(0x80 | (u & 0x3F));
        return buf_add(out, (struct str){s, 2});
    }
    s[0] = (char)(0xE0 | (u >> 12));
    s[1] = (char)(0x80 | ((u >> 6) & 0x3F));
    s[2] = (char)(0x80 | (u & 0x3F));
    return buf_add(out, (struct str){s, 3});
}

int hl7_to_utf8(struct buf *out, enum hl7_charset c, struct str s, size_t *bad)
{
    size_t from = 0, before = out->n;
    int err = AM_OK;
    if (c == HL7_UTF8) {
        if (str_utf8(s))
            return buf_add(out, s);
        *bad = str_utf8_bad(s);
        return AM_E_SYNTAX;
    }
    for (size_t i = 0; i < s.n && !err; i++) {
        uint32_t u;
        if ((unsigned char)s.p[i] < 0x80)
            continue;
        u = high(c, (unsigned char)s.p[i]);
        if (!u) {
            *bad = i;
            err = AM_E_SYNTAX;
        }
        if (!err)
            err = buf_add(out, str_sub(s, from, i));
        if (!err)
            err = put(out, u);
        from = i + 1;
    }
    if (!err)
        err = buf_add(out, str_sub(s, from, s.n));
    if (err)
        buf_cut(out, before);
    return err;
}
