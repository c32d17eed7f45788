/* SPDX-License-Identifier: Apache-2.0 */
/* hl7 -- HL7 v2 messages in ER7 ("pipes and carets"): reading, finding, writing. No I/O.
 *
 * Source: HL7 v2.5.1, chapter 2 (control): 2.5 message construction, 2.7 escape
 * sequences, 2.14.9.18 MSH-18 with table 0211. The delimiters are those of MSH-1 and
 * MSH-2; segments end in CR (LF and CRLF, which many systems write, are taken too, and
 * empty lines between segments). The order of segments is nobody's business here.
 *
 * A message is kept as UTF-8. MSH-18 says what it came as: ASCII, 8859/1, 8859/6,
 * 8859/15, UNICODE UTF-8; when empty, `charset` of the limits. A byte that the character
 * set does not have is refused, never replaced: a name guessed is another name.
 *
 * Fields are found once, what is below them when it is asked for. A path:
 *
 *     PID-3        the field's first repetition, whole
 *     PID-3[2].4.1 second repetition, fourth component, first sub-component
 *     OBX[3]-5.1   of the third OBX
 *
 * All numbers count from 1; without [n] the first. Components are not cut silently: PID-8
 * that holds "M^Male" is "M^Male", PID-8.1 is "M".
 *
 * Invariants
 *   I1  hl7_write(hl7_parse(x)) is x, but for line ends, empty lines and the character
 *       set; and what is written reads as the same message;
 *   I2  every view lies within the message's own text.
 *
 * Limits: 16 MiB of text, 20,000 segments, 1,000 fields in a segment, repetitions,
 * components and sub-components numbered to 9,999: beyond, AM_E_TOOBIG.
 * Codes: hl7.empty, hl7.msh, hl7.delimiters, hl7.segment, hl7.charset, hl7.control,
 * hl7.toobig. Places are "SEG[n]-f" or "segment n", never what a field holds.
 *
 * Memory:  a message owns its text; views borrow from it until hl7_free().
 * Threads: immutable once read: any number of readers. */
#ifndef HL7_H
#define HL7_H

#include "base/buf.h"
#include "base/diag.h"

enum hl7_charset {
    HL7_ASCII,
    HL7_8859_1,
    HL7_8859_6,
    HL7_8859_15,
    HL7_UTF8,
    HL7_CHARSETS
};
/* "8859/1", as in MSH-18; AM_E_UNSUPPORTED. */
AM_CHECK int hl7_charset_named(struct str name, enum hl7_charset *out);
/* Appends s as UTF-8. AM_E_SYNTAX at a byte the set does not have: *bad its offset. */
AM_CHECK int hl7_to_utf8(struct buf *out, enum hl7_charset c, struct str s, size_t *bad);

struct hl7_limits {
    size_t size_b;            /* 0: 16 MiB, which is the most */
    enum hl7_charset charset; /* of a message whose MSH-18 is empty */
};
struct hl7;
/* One message, limits may be NULL. On failure *out is untouched: AM_E_SYNTAX,
 * AM_E_UNSUPPORTED (a character set), AM_E_TOOBIG, all said in d; AM_E_NOMEM. */
AM_CHECK int hl7_parse(struct hl7 **out, struct str text, const struct hl7_limits *limits,
                       struct diag *d);
void hl7_free(struct hl7 *m); /* NULL is fine */
/* Appends the message as UTF-8, a CR after each segment. */
AM_CHECK int hl7_write(const struct hl7 *m, struct buf *out);
enum hl7_charset hl7_charset_of(const struct hl7 *m); /* what it came as */

/* ---- segments, fields ---- */
size_t hl7_segments(const struct hl7 *m);
struct str hl7_segment_name(const struct hl7 *m, size_t segment); /* from 0: MSH */
/* The n-th (from 1) of that name; AM_E_NOTFOUND. */
AM_CHECK int hl7_segment(const struct hl7 *m, struct str name, size_t n, size_t *segment);
size_t hl7_fields(const struct hl7 *m, size_t segment); /* greatest number */
/* As it stands, escapes and repetitions in it; STR_NULL beyond the end. field from 1. */
struct str hl7_field(const struct hl7 *m, size_t segment, size_t field);
/* Repetitions of a field's text: 0 when it is empty. */
size_t hl7_repetitions(const struct hl7 *m, struct str field);

/* ---- paths ---- */
struct hl7_path {
    char segment[4];
    unsigned occurrence, field, repetition; /* 0 for [n] not given; field at least 1 */
    unsigned component, sub;                /* 0: not given */
};
AM_CHECK int hl7_path(struct hl7_path *out, struct str text); /* AM_E_SYNTAX */
/* What stands there in that segment (p->segment, p->occurrence not looked at), as it
 * stands; STR_NULL: nothing. */
struct str hl7_at(const struct hl7 *m, size_t segment, const struct hl7_path *p);
/* The same from the message as a whole. Malformed paths name nothing. */
struct str hl7_get(const struct hl7 *m, const char *path);

/* Appends s with its escape sequences (2.7) resolved: \F\ \S\ \T\ \R\ \E\ are delimiters,
 * \Xhh..\ bytes in the character set of the message, \.br\ and \.sp\ line breaks; \H\ and
 * \N\ (highlighting) vanish. What is no such sequence stays as it stands: text is never
 * lost. */
AM_CHECK int hl7_unescape(const struct hl7 *m, struct str s, struct buf *out);
/* Appends s with the delimiters of m, and line breaks, as escape sequences. */
AM_CHECK int hl7_escape(const struct hl7 *m, struct str s, struct buf *out);
/* The two double quotes that say "delete what you have" (2.5.3)? */
bool hl7_is_null(struct str value);

#endif
