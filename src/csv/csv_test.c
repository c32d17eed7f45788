/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/test.h"
#include "csv/csv.h"

static struct csv *good(struct str text)
{
    struct csv *c = NULL;
    assert_ok(csv_parse(&c, text, NULL, NULL));
    assert_non_null(c);
    return c;
}

/* Refused, with exactly this code at this place first. */
static void bad(struct str text, const struct csv_limits *l, int err, const char *code,
                const char *path)
{
    struct csv *c = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(csv_parse(&c, text, l, &d), err);
    assert_null(c);
    assert_true(d.n > 0);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    diag_release(&d);
}

static void reads_a_plain_table(void **state)
{
    (void)state;
    struct csv *c = good(STR("id,score,site\r\n1,0.5,Fès\r\n2,,\"a \"\"b\"\", c\"\r\n"));
    size_t col = 9;
    assert_int_equal(csv_rows(c), 2);
    assert_int_equal(csv_columns(c), 3);
    assert_str_equal(csv_name(c, 2), "site");
    assert_ok(csv_find(c, STR("score"), &col));
    assert_int_equal(col, 1);
    assert_int_equal(csv_find(c, STR("Score"), &col), AM_E_NOTFOUND);
    assert_str_equal(csv_at(c, 0, 2), "Fès");
    assert_int_equal(csv_at(c, 1, 1).n, 0);
    assert_str_equal(csv_at(c, 1, 2), "a \"b\", c");
    csv_free(c);
    csv_free(NULL);
}

static void line_ends_bom_and_last_break_are_free(void **state)
{
    (void)state;
    const struct str same[] = {STR_INIT("a,b\n1,2\n"), STR_INIT("a,b\r\n1,2"),
                               STR_INIT("\xEF\xBB\xBF"
                                        "a,b\n1,2\r\n"),
                               STR_INIT("\"a\",\"b\"\n\"1\",\"2\"")};
    for (size_t i = 0; i < AM_LEN(same); i++) {
        struct csv *c = good(same[i]);
        assert_int_equal(csv_rows(c), 1);
        assert_str_equal(csv_name(c, 0), "a");
        assert_str_equal(csv_at(c, 0, 1), "2");
        csv_free(c);
    }
}

static void quoted_breaks_keep_line_numbers_true(void **state)
{
    (void)state;
    struct csv *c = good(STR("a,b\n\"x\r\ny\",1\n2,3\n"));
    assert_str_equal(csv_at(c, 0, 0), "x\r\ny");
    assert_int_equal(csv_line(c, 0), 2);
    assert_int_equal(csv_line(c, 1), 4);
    csv_free(c);
}

static void header_only_and_one_column_tables(void **state)
{
    (void)state;
    struct csv *c = good(STR("a,b"));
    assert_int_equal(csv_rows(c), 0);
    csv_free(c);
    c = good(STR("a\n\n1\n")); /* an empty line is an empty field here */
    assert_int_equal(csv_rows(c), 2);
    assert_int_equal(csv_at(c, 0, 0).n, 0);
    csv_free(c);
    c = good(STR("a,b\n1,\n,\n"));
    assert_int_equal(csv_rows(c), 2);
    csv_free(c);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    bad(STR(""), NULL, AM_E_SYNTAX, "csv.empty", "1:1");
    bad(STR("\xEF\xBB\xBF"), NULL, AM_E_SYNTAX, "csv.empty", "1:1");
    bad(STR("a,b\n1,2\nx\0,3\n"), NULL, AM_E_SYNTAX, "csv.nul", "3:2");
    bad(STR("\xFF,b\n"), NULL, AM_E_SYNTAX, "csv.utf8", "1:1");
    bad(STR("a,b\n1,\xFFz\n"), NULL, AM_E_SYNTAX, "csv.utf8", "2:3");
    bad(STR("a,b\n1,\xC3"), NULL, AM_E_SYNTAX, "csv.utf8", "2:3");
    bad(STR("a,b\n1,\xED\xA0\x80\n"), NULL, AM_E_SYNTAX, "csv.utf8", "2:3");
    bad(STR("a,b\nz\0,\xFF\n"), NULL, AM_E_SYNTAX, "csv.nul", "2:2");
    bad(STR("a,b\n\xFF,\0\n"), NULL, AM_E_SYNTAX, "csv.utf8", "2:1");
    bad(STR("a,b\r1,2\r"), NULL, AM_E_SYNTAX, "csv.bare_cr", "1:4");
    bad(STR("a,b\n1,2\r"), NULL, AM_E_SYNTAX, "csv.bare_cr", "2:4");
    bad(STR("a,b\n1,2\"3\n"), NULL, AM_E_SYNTAX, "csv.quote", "2:4");
    bad(STR("a,b\n\"1\"x,2\n"), NULL, AM_E_SYNTAX, "csv.quote", "2:4");
    bad(STR("a,b\n\"\xC3\xA9\"\"\xC3\xA9\"x,2\n"), NULL, AM_E_SYNTAX, "csv.quote", "2:7");
    bad(STR("a,b\n1,\"2\n3,4\n"), NULL, AM_E_SYNTAX, "csv.unterminated", "2:3");
    bad(STR("a,b\n1,\"2\"\""), NULL, AM_E_SYNTAX, "csv.unterminated", "2:3");
    bad(STR("a,,b\n"), NULL, AM_E_SYNTAX, "csv.header", "1:#2");
    bad(STR("a,b,a\n"), NULL, AM_E_SYNTAX, "csv.header", "1:#3");
    bad(STR("\n"), NULL, AM_E_SYNTAX, "csv.header", "1:#1");
    bad(STR("a,b\n1,2\n\n"), NULL, AM_E_SYNTAX, "csv.ragged", "3:1");
    bad(STR("a,b\n1,2,3\n"), NULL, AM_E_SYNTAX, "csv.ragged", "2:1");
}

static void all_ragged_records_are_reported(void **state)
{
    (void)state;
    struct csv *c = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(csv_parse(&c, STR("a,b\n1\n1,2\n1,2,3\n\"x\ny\"\n"), NULL, &d),
                     AM_E_SYNTAX);
    assert_int_equal(d.errors, 3);
    assert_string_equal(d.item[0].path, "2:1");
    assert_string_equal(d.item[1].path, "4:1");
    assert_string_equal(d.item[2].path, "5:1");
    assert_string_equal(d.item[1].detail, "3 fields, the header has 2");
    diag_release(&d);
}

static void limits_bind(void **state)
{
    (void)state;
    bad(STR("a,b\n1,2\n"), &(struct csv_limits){.size_b = 7}, AM_E_TOOBIG, "csv.toobig",
        "");
    bad(STR("a,b\n1,2\n"), &(struct csv_limits){.columns = 1}, AM_E_TOOBIG, "csv.toobig",
        "1:4");
    bad(STR("a,b\n1,2\n3,4\n"), &(struct csv_limits){.rows = 1}, AM_E_TOOBIG,
        "csv.toobig", "3:1");
    bad(STR("a,b\n1,2\n"), &(struct csv_limits){.cells = 3}, AM_E_TOOBIG, "csv.toobig",
        "2:4");
    bad(STR("a,b\n1,\"345\"\n"), &(struct csv_limits){.field_b = 2}, AM_E_TOOBIG,
        "csv.toobig", "2:8");
    struct csv *c = NULL;
    struct csv_limits exact = {
        .size_b = 8, .columns = 2, .rows = 1, .cells = 4, .field_b = 1};
    assert_ok(csv_parse(&c, STR("a,b\n1,2\n"), &exact, NULL));
    csv_free(c);
    assert_ok(
        csv_parse(&c, STR("a;b\n1,5;2\n"), &(struct csv_limits){.separator = ';'}, NULL));
    assert_str_equal(csv_at(c, 0, 0), "1,5");
    csv_free(c);
}

static void numbers_are_whole_fields(void **state)
{
    (void)state;
    struct csv *c = good(STR("x\n1.5\n-2e3\n\nNA\nnan\n"));
    struct diag d;
    double v[6];
    diag_init(&d);
    assert_ok(csv_numbers(c, 0, true, v, &d));
    assert_true(v[0] == 1.5 && v[1] == -2000 && v[2] != v[2] && v[3] != v[3] &&
                v[4] != v[4]);
    assert_int_equal(csv_numbers(c, 0, false, v, &d), AM_E_SYNTAX);
    assert_int_equal(d.errors, 3);
    assert_string_equal(d.item[0].path, "4:#1");
    assert_string_equal(d.item[0].detail, "column x: missing value");
    csv_free(c);
    diag_clear(&d);
    c = good(STR("x\n1.5 \n0x10\ninf\n1e999\nten\n7\n"));
    assert_int_equal(csv_numbers(c, 0, true, v, &d), AM_E_SYNTAX);
    assert_int_equal(d.errors, 5);
    assert_null(strstr(d.item[4].detail, "ten")); /* values stay out of messages */
    csv_free(c);
    diag_release(&d);
}

static void reads_a_file(void **state)
{
    (void)state;
    char path[64];
    struct csv *c = NULL;
    snprintf(path, sizeof path, "/tmp/csv_test.%ld", (long)getpid());
    assert_ok(am_file_write(path, STR("a,b\n1,2\n"), 0600));
    assert_ok(csv_parse_file(&c, path, NULL, NULL));
    assert_int_equal(csv_rows(c), 1);
    csv_free(c);
    c = NULL;
    struct csv_limits small = {.size_b = 3};
    assert_int_equal(csv_parse_file(&c, path, &small, NULL), AM_E_TOOBIG);
    unlink(path);
    assert_int_equal(csv_parse_file(&c, path, NULL, NULL), AM_E_NOTFOUND);
    assert_null(c);
}

static void survives_no_memory(void **state)
{
    (void)state;
    struct csv *c = NULL;
    long n = 1;
    for (;; n++) {
        am_oom_at(n);
        int err = csv_parse(&c, STR("a,b,c\n1,\"2\"\"\",3\n4,5,6\n"), NULL, NULL);
        if (!am_oom_at(0))
            break;
        assert_int_equal(err, AM_E_NOMEM);
        assert_null(c);
    }
    assert_true(n > 4);
    csv_free(c);
}

TEST_MAIN(TEST(reads_a_plain_table), TEST(line_ends_bom_and_last_break_are_free),
          TEST(quoted_breaks_keep_line_numbers_true),
          TEST(header_only_and_one_column_tables),
          TEST(what_is_wrong_is_named_with_its_place),
          TEST(all_ragged_records_are_reported), TEST(limits_bind),
          TEST(numbers_are_whole_fields), TEST(reads_a_file), TEST(survives_no_memory))
