/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/mllp.h"

/* The stream cut at places that its own bytes choose gives the frames of the stream
 * whole; each is answered by one frame that holds an ACK, or by nothing. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
    uint64_t hash;
    size_t n, cut;
    bool answer;
};

static void answer(struct str message)
{
    struct hl7 *m = NULL, *ack = NULL;
    struct buf b;
    struct diag d;
    struct hl7_acked a = {.id = "1", .d = &d};
    diag_init(&d);
    buf_init(&b, 1 << 20);
    if (hl7_parse(&m, message, &(struct hl7_limits){.charset = HL7_UTF8}, &d))
        a.what = HL7_REJECT;
    am_assert(hl7_ack(&b, m, &a) == AM_OK);
    if (b.n) {
        am_assert(b.p[0] == 0x0B && b.p[b.n - 2] == 0x1C && b.p[b.n - 1] == '\r');
        am_assert(hl7_parse(&ack, str_sub(buf_str(&b), 1, b.n - 2), NULL, NULL) == AM_OK);
        am_assert(str_starts(hl7_get(ack, "MSH-9"), STR("ACK")));
        am_assert(hl7_get(ack, "MSA-1").n == 2);
    }
    hl7_free(m);
    hl7_free(ack);
    buf_release(&b);
    diag_release(&d);
}

static int take(void *arg, struct str message, bool cut)
{
    struct sum *s = arg;
    s->hash = s->hash * 31 + str_hash(message);
    s->n++;
    s->cut += cut;
    if (s->answer)
        answer(message);
    return AM_OK;
}

static struct sum run(struct str all, bool whole)
{
    struct sum s = {.answer = whole};
    struct hl7_frames f;
    hl7_frames_init(&f, 4096);
    while (all.n) {
        size_t n = whole ? all.n : 1 + (unsigned char)all.p[0] % 16;
        n = AM_MIN(n, all.n);
        am_assert(hl7_frames_put(&f, str_sub(all, 0, n), take, &s) == AM_OK);
        all = str_sub(all, n, all.n);
    }
    hl7_frames_release(&f);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str all = {(const char *)data, len};
    struct sum a = run(all, true), b = run(all, false);
    am_assert(a.hash == b.hash && a.n == b.n && a.cut == b.cut);
    return 0;
}
