/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "csv/csv.h"
#include "csv/stream.h"

static char path[64];
static int fd = -1;

static const char *file(struct str text)
{
    if (fd >= 0)
        close(fd);
    fd = memfd_create("table", 0);
    assert_true(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* "line: cell|cell;" of each record, "!code@place;" of each that is refused. */
static int all(struct str text, char separator, struct buf *out)
{
    struct csv_stream *s = NULL;
    struct csv_record r;
    struct diag d;
    int err;
    diag_init(&d);
    buf_clear(out);
    err = csv_stream_open(&s, file(text), separator, &d);
    while (!err || err == AM_E_INVALID) {
        diag_clear(&d);
        err = csv_stream_next(s, &r, &d);
        if (!err) {
            assert_ok(buf_addf(out, "%lld:", (long long)r.line));
            for (size_t i = 0; i < csv_stream_columns(s); i++)
                assert_ok(buf_addf(out, "%s%.*s", i ? "|" : "", STR_FMT(r.cell[i])));
            assert_ok(buf_addc(out, ';'));
        } else if (err == AM_E_INVALID) {
            assert_null(r.cell);
            assert_ok(buf_addf(out, "!%s@%s;", d.item[0].code, d.item[0].path));
        }
    }
    if (err != AM_E_NOTFOUND && d.n)
        assert_ok(buf_addf(out, "%s@%s", d.item[0].code, d.item[0].path));
    csv_stream_close(s);
    diag_release(&d);
    return err;
}

static void gives(struct str text, int end, const char *want)
{
    struct buf b;
    buf_init(&b, 16 << 20);
    assert_int_equal(all(text, ',', &b), end);
    assert_string_equal(b.p, want);
    buf_release(&b);
}

static void records_come_one_by_one(void **state)
{
    (void)state;
    gives(STR("\xEF\xBB\xBF"
              "a,b\r\n1,\"x \"\"y\"\"\n, z\"\n\n3,"),
          AM_E_NOTFOUND, "2:1|x \"y\"\n, z;5:3|;");
    gives(STR("a\n\nx"), AM_E_NOTFOUND, "2:;3:x;");
    gives(STR("a,b\n"), AM_E_NOTFOUND, "");
}

static void a_wrong_record_is_told_and_the_next_follows(void **state)
{
    (void)state;
    gives(STR("a,b\n1\n2,x\"y\n3,4\n5,6,7\n8,9\rz\n1,\0\n10,11\n"), AM_E_NOTFOUND,
          "!csv.ragged@2:1;!csv.quote@3:4;4:3|4;!csv.ragged@5:1;!csv.bare_cr@6:4;"
          "!csv.nul@7:3;8:10|11;");
}

static void reading_ends_where_records_are_not_known(void **state)
{
    (void)state;
    gives(STR("a,b\n1,2\n3,\"x\"y\n4,5\n"), AM_E_SYNTAX, "2:1|2;csv.quote@3:6");
    gives(STR("a,b\n1,2\n3,\"x\n4,5\n"), AM_E_SYNTAX, "2:1|2;csv.unterminated@3:3");
    gives(STR(""), AM_E_SYNTAX, "csv.empty@1:1");
    gives(STR("a,\n1,2\n"), AM_E_SYNTAX, "csv.header@1:#2");
    gives(STR("a,a\n1,2\n"), AM_E_SYNTAX, "csv.header@1:#2");
}

static void a_record_has_a_bound(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 8 << 20);
    assert_ok(buf_adds(&b, "a,b\n1,2\n3,\""));
    for (size_t i = 0; i < 6 << 20; i++)
        assert_ok(buf_addc(&b, 'x'));
    gives(buf_str(&b), AM_E_TOOBIG, "2:1|2;csv.record@3:1");
    buf_release(&b);
}

/* Tables much larger than a chunk, cut by it anywhere: the same as held whole. */
static void is_what_the_whole_table_is(void **state)
{
    static const char *const cells[] = {
        "", "x", "\"q,\"\"\n\"", "\"\"", "long cell of a table", "7.5"};
    struct csv_stream *s = NULL;
    struct csv_record r;
    struct csv *c = NULL;
    struct buf b;
    uint32_t seed = 7;
    size_t row = 0;
    int err;
    (void)state;
    buf_init(&b, 8 << 20);
    assert_ok(buf_adds(&b, "a,b,c\r\n"));
    while (b.n < 3 << 20) {
        for (size_t i = 0; i < 3; i++) {
            seed = seed * 1664525u + 1013904223u;
            assert_ok(buf_adds(&b, cells[(seed >> 16) % AM_LEN(cells)]));
            for (size_t k = 0; i == 1 && seed >> 16 == 77 && k < 200000; k++)
                assert_ok(buf_addc(&b, 'y')); /* several chunks */
            assert_ok(buf_adds(&b, i < 2 ? "," : seed & 1024 ? "\r\n" : "\n"));
        }
    }
    assert_ok(csv_parse(&c, buf_str(&b), NULL, NULL));
    assert_ok(csv_stream_open(&s, file(buf_str(&b)), 0, NULL));
    while (!(err = csv_stream_next(s, &r, NULL))) {
        assert_int_equal((size_t)r.line, csv_line(c, row));
        for (size_t i = 0; i < 3; i++)
            assert_true(str_eq(r.cell[i], csv_at(c, row, i)));
        row++;
    }
    assert_int_equal(err, AM_E_NOTFOUND);
    assert_int_equal(row, csv_rows(c));
    assert_int_equal((size_t)r.end_b, b.n);
    csv_stream_close(s);
    csv_free(c);
    buf_release(&b);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct buf b;
    const char *at;
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "a,b\n1,"));
    for (size_t i = 0; i < 300000; i++) /* wants more than the first chunk */
        assert_ok(buf_addc(&b, 'x'));
    at = file(buf_str(&b));
    buf_release(&b);
    for (long n = 1;; n++) {
        struct csv_stream *s = NULL;
        struct csv_record r;
        am_oom_at(n);
        int err = csv_stream_open(&s, at, 0, NULL);
        if (!err)
            err = csv_stream_next(s, &r, NULL);
        csv_stream_close(s);
        if (!am_oom_at(0))
            break;
        assert_int_equal(err, AM_E_NOMEM);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_one_by_one),
        cmocka_unit_test(a_wrong_record_is_told_and_the_next_follows),
        cmocka_unit_test(reading_ends_where_records_are_not_known),
        cmocka_unit_test(a_record_has_a_bound),
        cmocka_unit_test(is_what_the_whole_table_is),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
