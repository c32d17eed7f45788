/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSockets: the examples of RFC 6455, every forbidden one, however the bytes
 * come in pieces. */
#include "base/test.h"

#include "http/http_ws_priv.h"

struct heard {
    char text[400]; /* "op:payload;..." */
    size_t n;
    size_t most; /* messages before enough is said; 0: no end */
    size_t count;
};

static bool hear(void *arg, enum http_ws_op op, struct str data)
{
    struct heard *h = arg;
    h->n += (size_t)snprintf(h->text + h->n, sizeof h->text - h->n, "%d:%.*s;", (int)op,
                             STR_FMT(str_sub(data, 0, 40)));
    return ++h->count != h->most;
}

/* What is heard of those bytes, in pieces of at most `piece`; the code it ends with. */
static unsigned feed(struct str s, size_t piece, size_t most, struct heard *h)
{
    struct http_ws_in in;
    unsigned wrong;
    *h = (struct heard){0};
    http_ws_in_init(&in, most);
    for (size_t i = 0; i < s.n; i += piece) {
        int err = http_ws_feed(&in, str_sub(s, i, i + piece), hear, h);
        assert_true(!err == !in.wrong);
    }
    wrong = in.wrong;
    http_ws_in_release(&in);
    return wrong;
}

/* The same at every cut in two, and byte by byte. */
static void gives_at(int line, struct str s, unsigned wrong, const char *text)
{
    struct heard h;
    for (size_t cut = 1; cut <= s.n; cut++) {
        struct http_ws_in in;
        h = (struct heard){0};
        http_ws_in_init(&in, 1000);
        if (!http_ws_feed(&in, str_sub(s, 0, cut), hear, &h))
            (void)!http_ws_feed(&in, str_sub(s, cut, s.n), hear, &h);
        if (in.wrong != wrong || strcmp(h.text, text))
            fail_msg("line %d, cut at %zu: %u \"%s\"", line, cut, in.wrong, h.text);
        http_ws_in_release(&in);
    }
    if (feed(s, 1, 1000, &h) != wrong || strcmp(h.text, text))
        fail_msg("line %d, byte by byte: \"%s\"", line, h.text);
}
#define GIVES(bytes, wrong, text) gives_at(__LINE__, STR(bytes), wrong, text)

/* RFC 6455, section 5.7. The server's own frames are not masked: masked here by the key
 * of the second example where the RFC has them without. */
static void the_examples_of_the_rfc_are_read(void **state)
{
    (void)state;
    GIVES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 0, "1:Hello;");
    /* "Hel" and "lo" */
    GIVES("\x01\x83\x37\xfa\x21\x3d\x7f\x9f\x4d\x80\x82\x37\xfa\x21\x3d\x5b\x95", 0,
          "1:Hello;");
    GIVES("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 0, "9:Hello;");
    GIVES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 0, "10:Hello;");
}

/* The same frames as a server sends them. */
static void heads_of_the_server_are_the_rfc_s(void **state)
{
    static const struct {
        enum http_ws_op op;
        uint64_t n;
        struct str head;
    } want[] = {
        {HTTP_WS_TEXT, 5, STR_INIT("\x81\x05")},
        {HTTP_WS_PING, 5, STR_INIT("\x89\x05")},
        {HTTP_WS_TEXT, 125, STR_INIT("\x81\x7d")},
        {HTTP_WS_BINARY, 126, STR_INIT("\x82\x7e\x00\x7e")},
        {HTTP_WS_BINARY, 256, STR_INIT("\x82\x7e\x01\x00")},
        {HTTP_WS_BINARY, 65535, STR_INIT("\x82\x7e\xff\xff")},
        {HTTP_WS_BINARY, 65536, STR_INIT("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00")}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        uint8_t head[HTTP_WS_HEAD];
        size_t n = http_ws_head(want[i].op, want[i].n, head);
        assert_true(str_eq((struct str){(const char *)head, n}, want[i].head));
    }
}

/* RFC 6455, section 1.3. Others: python3 -c 'import base64,hashlib; ...sha1...'. */
static void the_key_is_answered_as_the_rfc_says(void **state)
{
    char out[HTTP_WS_ACCEPT];
    (void)state;
    assert_ok(http_ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), out));
    assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(http_ws_accept(STR(""), out), AM_E_SYNTAX);
    assert_int_equal(http_ws_accept(STR_NULL, out), AM_E_SYNTAX);
    assert_int_equal(http_ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ="), out), AM_E_SYNTAX);
    assert_int_equal(http_ws_accept(STR("dGhlIHNhbXBsZSBub25jZSEh"), out), AM_E_SYNTAX);
    assert_int_equal(http_ws_accept(STR("dGhlIHNhbXBsZSBub25j*Q=="), out), AM_E_SYNTAX);
}

#define M "\x00\x00\x00\x00" /* a mask that changes nothing */
static void what_the_rfc_forbids_ends_it(void **state)
{
    (void)state;
    GIVES("\x81\x05Hello", HTTP_WS_PROTOCOL, "");  /* not masked */
    GIVES("\xc1\x81" M "a", HTTP_WS_PROTOCOL, ""); /* reserved bits */
    GIVES("\xa1\x81" M "a", HTTP_WS_PROTOCOL, "");
    GIVES("\x91\x81" M "a", HTTP_WS_PROTOCOL, "");
    GIVES("\x83\x81" M "a", HTTP_WS_PROTOCOL, ""); /* reserved opcodes */
    GIVES("\x87\x81" M "a", HTTP_WS_PROTOCOL, "");
    GIVES("\x8b\x81" M "a", HTTP_WS_PROTOCOL, "");
    GIVES("\x8f\x81" M "a", HTTP_WS_PROTOCOL, "");
    GIVES("\x80\x81" M "a", HTTP_WS_PROTOCOL, "");               /* continues nothing */
    GIVES("\x01\x81" M "a\x81\x81" M "b", HTTP_WS_PROTOCOL, ""); /* begins anew */
    GIVES("\x01\x81" M "a\x82\x81" M "b", HTTP_WS_PROTOCOL, "");
    GIVES("\x81\x81" M "a\x80\x81" M "b", HTTP_WS_PROTOCOL, "1:a;"); /* it was over */
    GIVES("\x09\x80" M, HTTP_WS_PROTOCOL, ""); /* a control frame in pieces */
    GIVES("\x08\x80" M, HTTP_WS_PROTOCOL, "");
    GIVES("\x89\xfe\x00\x7e" M, HTTP_WS_PROTOCOL, ""); /* a long one */
    GIVES("\x88\xff\x00\x00\x00\x00\x00\x00\x00\x01" M, HTTP_WS_PROTOCOL, "");
    GIVES("\x81\xfe\x00\x7d" M, HTTP_WS_PROTOCOL, ""); /* not the shortest length */
    GIVES("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" M, HTTP_WS_PROTOCOL, "");
    GIVES("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" M, HTTP_WS_PROTOCOL, "");
}

static void control_frames_come_between_pieces(void **state)
{
    (void)state;
    GIVES("\x01\x82" M "ab\x89\x82" M "pi\x00\x80" M "\x8a\x80" M "\x80\x82" M "cd", 0,
          "9:pi;10:;1:abcd;");
    GIVES("\x82\x82" M "\xff\xfe", 0, "2:\xff\xfe;"); /* of binary nothing is asked */
    GIVES("\x81\x80" M, 0, "1:;");
}

static void a_text_is_utf_8_or_ends_it(void **state)
{
    (void)state;
    GIVES("\x81\x82" M "\xc3\xa9", 0, "1:\xc3\xa9;");
    GIVES("\x01\x81" M "\xc3\x80\x81" M "\xa9", 0, "1:\xc3\xa9;"); /* cut in a letter */
    GIVES("\x01\x83" M "\xf0\x9f\x98\x80\x81" M "\x80", 0, "1:\xf0\x9f\x98\x80;");
    GIVES("\x81\x82" M "a\xc3", HTTP_WS_NOT_UTF8, "");            /* not whole */
    GIVES("\x81\x82" M "\xc0\x80", HTTP_WS_NOT_UTF8, "");         /* overlong */
    GIVES("\x81\x83" M "\xed\xa0\x80", HTTP_WS_NOT_UTF8, "");     /* a surrogate */
    GIVES("\x81\x84" M "\xf4\x90\x80\x80", HTTP_WS_NOT_UTF8, ""); /* beyond */
    GIVES("\x01\x82" M "\xff!\x80\x80" M, HTTP_WS_NOT_UTF8, "");  /* early */
    GIVES("\x01\x83" M "\xc3!!\x80\x80" M, HTTP_WS_NOT_UTF8, "");
}

static void sizes_are_bounded_before_their_bytes(void **state)
{
    static char many[65 * 6 + 10];
    struct heard h;
    size_t n = 0;
    (void)state;
    GIVES("\x81\xfe\x03\xe9" M, HTTP_WS_TOOBIG, ""); /* 1,001 of 1,000 */
    GIVES("\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00" M, HTTP_WS_TOOBIG, "");
    assert_int_equal(feed(STR("\x81\x85" M "Hello"), 99, 5, &h), 0);
    assert_int_equal(feed(STR("\x81\x86" M "Hello!"), 99, 5, &h), HTTP_WS_TOOBIG);
    /* Pieces add up, and empty ones count. */
    assert_int_equal(feed(STR("\x01\x83" M "Hel\x80\x83" M "lo!"), 99, 5, &h),
                     HTTP_WS_TOOBIG);
    for (int i = 0; i <= HTTP_WS_PIECES; i++, n += 6)
        memcpy(many + n, i ? "\x00\x80" M : "\x01\x80" M, 6);
    assert_int_equal(feed((struct str){many, n - 6}, 99, 5, &h), 0);
    assert_int_equal(feed((struct str){many, n}, 99, 5, &h), HTTP_WS_TOOBIG);
}

static void nothing_is_taken_after_an_end(void **state)
{
    struct http_ws_in in;
    struct heard h = {.most = 1};
    (void)state;
    http_ws_in_init(&in, 100);
    assert_ok(http_ws_feed(&in, STR("\x81\x81" M "a\x81\x81" M "b"), hear, &h));
    assert_string_equal(h.text, "1:a;"); /* who hears had enough */
    http_ws_in_release(&in);
    http_ws_in_init(&in, 100);
    h = (struct heard){0};
    assert_int_equal(http_ws_feed(&in, STR("\x81\x01"), hear, &h), AM_E_SYNTAX);
    assert_int_equal(http_ws_feed(&in, STR("\x81\x81" M "a"), hear, &h), AM_E_SYNTAX);
    assert_int_equal(h.count, 0);
    http_ws_in_release(&in);
}

static void close_frames_say_what_may_be_said(void **state)
{
    static const struct {
        struct str payload;
        unsigned code; /* 0: refused */
    } of[] = {{STR_INIT(""), HTTP_WS_NONE},
              {STR_INIT("\x03\xe8"), 1000},
              {STR_INIT("\x03\xe9 bye"), 1001},
              {STR_INIT("\x03\xf6"), 1014},
              {STR_INIT("\x0b\xb8"), 3000},
              {STR_INIT("\x13\x87"), 4999},
              {STR_INIT("\x03"), 0},
              {STR_INIT("\x03\xe7"), 0},
              {STR_INIT("\x03\xec"), 0},
              {STR_INIT("\x03\xed"), 0},
              {STR_INIT("\x03\xee"), 0},
              {STR_INIT("\x03\xf7"), 0},
              {STR_INIT("\x13\x88"), 0},
              {STR_INIT("\x03\xe8\xff"), 0},
              {STR_INIT("\x03\xe8\xc3\xa9"), 1000}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(of); i++) {
        unsigned code;
        int err = http_ws_close_code(of[i].payload, &code);
        if (err != (of[i].code ? AM_OK : AM_E_SYNTAX) || (!err && code != of[i].code))
            fail_msg("%zu: %d %u", i, err, code);
    }
}

static void without_memory_it_ends_and_nothing_leaks(void **state)
{
    static const char bytes[] = "\x01\x83" M "Hel\x89\x84" M "ping\x80\x82" M "lo";
    char out[HTTP_WS_ACCEPT];
    bool failed = true;
    (void)state;
    for (long n = 1; failed; n++) {
        struct http_ws_in in;
        struct heard h = {0};
        int err;
        http_ws_in_init(&in, 100);
        am_oom_at(n);
        err = http_ws_feed(&in, (struct str){bytes, sizeof bytes - 1}, hear, &h);
        failed = am_oom_at(0);
        assert_int_equal(err, failed ? AM_E_NOMEM : AM_OK);
        assert_int_equal(in.wrong, failed ? HTTP_WS_FAILED : 0);
        http_ws_in_release(&in);
    }
    failed = true;
    for (long n = 1; failed; n++) {
        int err;
        am_oom_at(n);
        err = http_ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), out);
        failed = am_oom_at(0);
        assert_int_equal(err, failed ? AM_E_NOMEM : AM_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(heads_of_the_server_are_the_rfc_s),
        cmocka_unit_test(the_key_is_answered_as_the_rfc_says),
        cmocka_unit_test(what_the_rfc_forbids_ends_it),
        cmocka_unit_test(control_frames_come_between_pieces),
        cmocka_unit_test(a_text_is_utf_8_or_ends_it),
        cmocka_unit_test(sizes_are_bounded_before_their_bytes),
        cmocka_unit_test(nothing_is_taken_after_an_end),
        cmocka_unit_test(close_frames_say_what_may_be_said),
        cmocka_unit_test(without_memory_it_ends_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
