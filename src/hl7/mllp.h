/* SPDX-License-Identifier: Apache-2.0 */
/* hl7/mllp -- frames of the Minimal Lower Layer Protocol, and acknowledgements. No I/O.
 *
 * A frame is <VT> message <FS><CR> (HL7 MLLP release 1: 0x0B, 0x1C, 0x0D). Bytes between
 * frames are skipped, since some systems send line ends there; a VT within a frame begins
 * it anew, since its sender has begun anew.
 *
 * An acknowledgement is an ACK message (2.9.2): original mode answers AA, AE or AR; in
 * enhanced mode (MSH-15 or MSH-16 given) the accept acknowledgement that MSH-15 asks for
 * is CA, CE or CR, and when it asks for none, the application acknowledgement that MSH-16
 * asks for. One message has one answer at most.
 *
 *     AA CA  all of it is durable
 *     AE CE  refused for what it says: not to be sent again as it is
 *     AR CR  refused for what it is (no message, a kind not taken), or could not be taken
 *            now
 *
 * Memory:  a frame holds at most max bytes; what is beyond is read and dropped, and told
 *          as cut. Threads: one owner. */
#ifndef HL7_MLLP_H
#define HL7_MLLP_H

#include "hl7/hl7.h"

struct hl7_frames {
    struct buf message;
    bool inside, cut, ending; /* ending: FS was read, CR is awaited */
};
void hl7_frames_init(struct hl7_frames *f, size_t max);
void hl7_frames_release(struct hl7_frames *f);
/* fn for each frame that ends in s; cut: it was longer than max, and message is its
 * beginning. An error of fn ends it. AM_E_NOMEM. */
typedef int hl7_frame_fn(void *arg, struct str message, bool cut);
AM_CHECK int hl7_frames_put(struct hl7_frames *f, struct str s, hl7_frame_fn *fn,
                            void *arg);
/* Has a frame begun that has not ended? */
bool hl7_frames_inside(const struct hl7_frames *f);

enum hl7_ack { HL7_ACCEPT, HL7_ERROR, HL7_REJECT };
struct hl7_acked {
    enum hl7_ack what;
    int64_t now;
    const char *id;       /* MSH-10 of the acknowledgement */
    const struct diag *d; /* NULL, or the reasons: ERR segments, ten at most */
};
/* Appends the frame that answers message m (NULL: it could not be read), or nothing when
 * m asks for no answer. */
AM_CHECK int hl7_ack(struct buf *out, const struct hl7 *m, const struct hl7_acked *a);

#endif
