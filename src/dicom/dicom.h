/* SPDX-License-Identifier: Apache-2.0 */
/* dicom -- what the header of a DICOM file says of its study, series and patient. No I/O.
 *
 * Source: DICOM PS3.10 (2024) 7.1 file meta information, PS3.5 7.1 data elements, 7.5
 * sequences, 6.2 value representations, PS3.6 annex A transfer syntaxes.
 *
 * A file has its preamble, "DICM" and group 0002; then explicit or implicit VR, little
 * endian. Refused, and said: deflated and big-endian transfer syntaxes, files without
 * preamble, private transfer syntaxes. Only elements of groups 0008 to 0028 at the top
 * are kept; sequences are passed over, and at group 0029 or above reading ends: no pixel
 * is ever looked at. Elements out of order or twice are refused: which of two would hold
 * is nobody's to guess.
 *
 * Texts are UTF-8 of (0008,0005): ASCII, ISO_IR 100, ISO_IR 127, ISO_IR 192. A text with
 * other bytes under another set is refused (dicom.charset). Values are without padding;
 * UIDs are digits and dots, at most 64.
 *
 * Codes: dicom.preamble, dicom.syntax, dicom.deflated, dicom.element, dicom.charset,
 * dicom.uid, dicom.short. Places are tags, "(0020,000D)", never values.
 *
 * Limits: sequences 16 deep; a kept value 1,024 bytes (dicom.element).
 *
 * Memory:  a dicom owns its texts. Threads: reentrant. */
#ifndef DICOM_H
#define DICOM_H

#include "base/arena.h"
#include "base/diag.h"

#define DICOM_TABLE(X)                                                                   \
    X(CHARSET, 0x0008, 0x0005, 0)                                                        \
    X(SOP_CLASS, 0x0008, 0x0016, 'u')                                                    \
    X(SOP_INSTANCE, 0x0008, 0x0018, 'u')                                                 \
    X(STUDY_DATE, 0x0008, 0x0020, 0)                                                     \
    X(STUDY_TIME, 0x0008, 0x0030, 0)                                                     \
    X(ACCESSION, 0x0008, 0x0050, 't')                                                    \
    X(MODALITY, 0x0008, 0x0060, 0)                                                       \
    X(ZONE, 0x0008, 0x0201, 0)                                                           \
    X(STUDY_TEXT, 0x0008, 0x1030, 't')                                                   \
    X(SERIES_TEXT, 0x0008, 0x103E, 't')                                                  \
    X(PATIENT_NAME, 0x0010, 0x0010, 't')                                                 \
    X(PATIENT_ID, 0x0010, 0x0020, 't')                                                   \
    X(ISSUER, 0x0010, 0x0021, 't')                                                       \
    X(BIRTH, 0x0010, 0x0030, 0)                                                          \
    X(SEX, 0x0010, 0x0040, 0)                                                            \
    X(BODY_PART, 0x0018, 0x0015, 0)                                                      \
    X(STUDY, 0x0020, 0x000D, 'u')                                                        \
    X(SERIES, 0x0020, 0x000E, 'u')                                                       \
    X(SERIES_NUMBER, 0x0020, 0x0011, 0)                                                  \
    X(INSTANCE_NUMBER, 0x0020, 0x0013, 0)

enum dicom_key {
#define X(name, group, element, kind) DICOM_##name,
    DICOM_TABLE(X)
#undef X
        DICOM_KEYS
};

struct dicom {
    struct str value[DICOM_KEYS]; /* STR_NULL: absent or empty */
    struct arena a;
};

/* file: its beginning; whole: that is all of it. AM_E_TIMEOUT: the header goes on beyond
 * what was given, give more (only when it is not whole). AM_E_SYNTAX, AM_E_UNSUPPORTED
 * with a problem in d; AM_E_NOMEM. On failure nothing is held. */
AM_CHECK int dicom_read(struct dicom *out, struct str file, bool whole, struct diag *d);
void dicom_release(struct dicom *x);
/* The media's index (DICOMDIR) rather than an image. */
bool dicom_is_index(const struct dicom *x);

#endif
