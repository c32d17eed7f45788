/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/clock.h"
#include "hl7/mllp.h"

struct seen {
    char text[1000];
    int n, cut;
};

static int see(void *arg, struct str message, bool cut)
{
    struct seen *s = arg;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof s->text - at, "<%.*s>", STR_FMT(message));
    s->n++;
    s->cut += cut;
    return AM_OK;
}

/* The stream whole, then byte by byte: the same frames. */
static void frames(const char *stream, size_t n, const char *want, int cut)
{
    for (size_t step = 1; step <= n; step = step == 1 && n > 1 ? n : n + 1) {
        struct hl7_frames f;
        struct seen s = {0};
        hl7_frames_init(&f, 8);
        for (size_t i = 0; i < n; i += step)
            assert_ok(hl7_frames_put(&f, (struct str){stream + i, AM_MIN(step, n - i)},
                                     see, &s));
        assert_string_equal(s.text, want);
        assert_int_equal(s.cut, cut);
        hl7_frames_release(&f);
    }
}

#define FRAMES(stream, want, cut) frames(stream, sizeof stream - 1, want, cut)

static void frames_are_told_however_they_are_cut(void **state)
{
    (void)state;
    FRAMES("\x0B"
           "one\x1C\r\x0B"
           "two\x1C\r",
           "<one><two>", 0);
    FRAMES("noise\x0B"
           "one\x1C\r\r\n\x0B"
           "two\x1C\r",
           "<one><two>", 0);
    FRAMES("\x0B"
           "lost\x0B"
           "kept\x1C\r",
           "<kept>", 0);
    FRAMES("\x0B\x1C\r", "<>", 0);
    FRAMES("\x0B"
           "a\x1C"
           "b\x1C\r",
           "<a\x1C"
           "b>",
           0);
    FRAMES("\x0B"
           "a\x1C\x1C\r",
           "<a\x1C>", 0);
    FRAMES("\x0B"
           "a\x1C\x0B"
           "b\x1C\r",
           "<b>", 0);
    FRAMES("\x0B"
           "12345678\x1C\r",
           "<12345678>", 0);
    FRAMES("\x0B"
           "123456789\x1C\r\x0B"
           "x\x1C\r",
           "<12345678><x>", 1);
    FRAMES("\x0B"
           "open",
           "", 0);
}

static void answers(const char *message, enum hl7_ack what, const struct diag *d,
                    const char *want)
{
    struct hl7 *m = NULL;
    struct buf b;
    int64_t now;
    assert_ok(time_parse(STR("2026-03-01T10:11:12Z"), &now));
    if (message)
        assert_ok(hl7_parse(&m, str_c(message), NULL, NULL));
    buf_init(&b, 4096);
    assert_ok(hl7_ack(&b, m, &(struct hl7_acked){what, now, "A1", d}));
    assert_string_equal(b.p, want);
    buf_release(&b);
    hl7_free(m);
}

#define SENT "MSH|^~\\&|ADT1|GHH|LAB|CHU|198808181126||ADT^A01|MSG00001|P|2.5.1"
#define HEAD                                                                             \
    "\x0BMSH|^~\\&|LAB|CHU|ADT1|GHH|20260301101112+0000||ACK^A01^ACK|A1|P|2.5.1||||||"   \
    "UNICODE UTF-8\r"

static void original_mode(void **state)
{
    struct diag d;
    (void)state;
    answers(SENT "\r", HL7_ACCEPT, NULL, HEAD "MSA|AA|MSG00001\r\x1C\r");
    answers(NULL, HL7_REJECT, NULL,
            "\x0BMSH|^~\\&|||||20260301101112+0000||ACK|A1|P|2.5.1||||||UNICODE UTF-8\r"
            "MSA|AR|\r\x1C\r");
    diag_init(&d);
    diag_err(&d, "PID[1]-8.1", "hl7.code", "a | b");
    diag_err(&d, "", "hl7.other", "c");
    answers(
        SENT "\r", HL7_ERROR, &d,
        HEAD
        "MSA|AE|MSG00001\rERR||PID^1^8|103^Table value not found^HL70357|E||||a \\F\\ b "
        "[hl7.code]\rERR|||207^Application internal error^HL70357|E||||c "
        "[hl7.other]\r\x1C\r");
    diag_release(&d);
}

/* MSH-15 and MSH-16 (2.9.3.1, table 0155). */
static void enhanced_mode_answers_what_is_asked(void **state)
{
    (void)state;
    answers(SENT "|||AL|NE\r", HL7_ACCEPT, NULL, HEAD "MSA|CA|MSG00001\r\x1C\r");
    answers(SENT "|||AL|AL\r", HL7_ERROR, NULL, HEAD "MSA|CE|MSG00001\r\x1C\r");
    answers(SENT "|||ER|NE\r", HL7_ACCEPT, NULL, "");
    answers(SENT "|||ER|NE\r", HL7_REJECT, NULL, HEAD "MSA|CR|MSG00001\r\x1C\r");
    answers(SENT "|||SU|NE\r", HL7_ERROR, NULL, "");
    answers(SENT "|||NE|AL\r", HL7_ACCEPT, NULL, HEAD "MSA|AA|MSG00001\r\x1C\r");
    answers(SENT "||||AL\r", HL7_ERROR, NULL, HEAD "MSA|AE|MSG00001\r\x1C\r");
    answers(SENT "|||NE|NE\r", HL7_REJECT, NULL, "");
}

static void a_field_of_the_sender_cannot_break_the_answer(void **state)
{
    (void)state;
    answers("MSH#*+?!#a|b#c^d###1###x~&y#P#2.5\r", HL7_ACCEPT, NULL,
            "\x0BMSH|^~\\&|||a\\F\\b|c\\S\\d|20260301101112+0000||ACK|A1|P|2.5||||||"
            "UNICODE UTF-8\r"
            "MSA|AA|x\\R\\\\T\\y\r\x1C\r");
}

static int whole_life(void)
{
    struct hl7_frames f;
    struct seen s = {0};
    struct hl7 *m = NULL;
    struct buf b;
    int err;
    hl7_frames_init(&f, 100);
    buf_init(&b, 4096);
    err = hl7_frames_put(&f,
                         STR("\x0B"
                             "one\x1C\r"),
                         see, &s);
    if (!err)
        err = hl7_parse(&m, STR(SENT "\r"), NULL, NULL);
    if (!err)
        err = hl7_ack(&b, m, &(struct hl7_acked){.id = "1"});
    hl7_free(m);
    buf_release(&b);
    hl7_frames_release(&f);
    return err;
}

static void survives_no_memory(void **state)
{
    (void)state;
    assert_true(test_oom(whole_life) > 3);
}

TEST_MAIN(TEST(frames_are_told_however_they_are_cut), TEST(original_mode),
          TEST(enhanced_mode_answers_what_is_asked),
          TEST(a_field_of_the_sender_cannot_break_the_answer), TEST(survives_no_memory))
