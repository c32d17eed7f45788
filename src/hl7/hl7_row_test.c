/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "hl7/row.h"

#define REST                                                                             \
    ",\"format\":\"amane/hl7-map/1\",\"charset\":\"8859/"                                \
    "1\",\"zone\":\"+01:00\",\"time\":["                                                 \
    "\"MSH-7.1\"],\"tables\":{},\"messages\":[{\"when\":{\"MSH-9.1\":\"ROW\"},"          \
    "\"resources\":[\"p\"]}],\"resources\":{\"p\":{\"type\":\"Patient\",\"mode\":"       \
    "\"merge\",\"identify\":{\"system\":\"s\",\"value\":{\"$\":\"ROW-1\"}},\"body\":{"   \
    "\"birthDate\":{\"$\":\"ROW-2\",\"as\":\"date\"}}}}}"

static struct hl7_map *map_of(const char *columns)
{
    struct hl7_map *map = NULL;
    char text[2048];
    snprintf(text, sizeof text, "{\"columns\":%s" REST, columns);
    assert_ok(hl7_map_load(&map, str_c(text), NULL));
    return map;
}

static struct hl7_row *row_of(const struct hl7_map *map, const struct str *name, size_t n)
{
    struct hl7_row *r = NULL;
    assert_ok(hl7_row_new(&r, map, name, n, NULL));
    return r;
}

/* One column of that kind, one cell: ROW-1 of the message, or the problem. */
static void cell_is(const char *column, struct str cell, const char *want)
{
    char columns[512];
    const struct str name = STR("a");
    struct hl7_map *map;
    struct hl7_row *r;
    struct buf b;
    struct diag d;
    snprintf(columns, sizeof columns, "[%s]", column);
    map = map_of(columns);
    r = row_of(map, &name, 1);
    buf_init(&b, 1 << 16);
    diag_init(&d);
    if (hl7_row_make(r, &cell, 0, STR("id"), &b, &d)) {
        assert_int_equal(b.n, 0);
        assert_string_equal(d.item[0].path, "#1 a");
        assert_string_equal(d.item[0].code, want);
    } else {
        const char *at = strstr(b.p, "\rROW|");
        assert_non_null(at);
        assert_int_equal(b.p[b.n - 1], '\r');
        buf_cut(&b, b.n - 1);
        assert_string_equal(at + 5, want);
    }
    diag_release(&d);
    buf_release(&b);
    hl7_row_free(r);
    hl7_map_free(map);
}

static void cells_are_what_their_column_says(void **state)
{
    static const char day[] = "{\"name\":\"a\",\"date\":\"DD/MM/YYYY\"}",
                      moment[] = "{\"name\":\"a\",\"date\":[\"YYYY-MM-DDThh:mm:ssZ\","
                                 "\"DD/MM/YYYY hh:mm\",\"MM.YYYY\"]}",
                      number[] =
                          "{\"name\":\"a\",\"decimal\":\",\",\"empty\":[\"NULL\"]}";
    (void)state;
    cell_is("\"a\"", STR(" x|y^z\\ \n& "), "x\\F\\y\\S\\z\\E\\ \\.br\\\\T\\");
    cell_is("\"a\"", STR("Zo\xE9"), "Zoé");
    cell_is("\"a\"", STR("a\x01"), "hl7.control");
    cell_is(day, STR("15/06/1980"), "19800615");
    cell_is(day, STR(""), "");
    cell_is(day, STR("15/06/80"), "hl7.value");
    cell_is(day, STR("15/06/1980 "), "19800615");
    cell_is(day, STR("1980-06-15"), "hl7.value");
    cell_is(moment, STR("2026-03-01T08:30:05+01:00"), "20260301083005+0100");
    cell_is(moment, STR("2026-03-01T08:30:05-0930"), "20260301083005-0930");
    cell_is(moment, STR("2026-03-01T08:30:05Z"), "20260301083005+0000");
    cell_is(moment, STR("2026-03-01T08:30:05"), "hl7.value");
    cell_is(moment, STR("01/03/2026 08:30"), "202603010830");
    cell_is(moment, STR("03.2026"), "202603");
    cell_is("{\"name\":\"a\",\"date\":\"YYYY DD\"}", STR("2026 01"), "hl7.value");
    cell_is(number, STR("1,05"), "1.05");
    cell_is(number, STR("-12"), "-12");
    cell_is(number, STR("1.05"), "hl7.value");
    cell_is(number, STR("1.000,5"), "hl7.value");
    cell_is(number, STR("NULL"), "");
}

static int none(void *arg, struct str type, struct str query, struct buf *out)
{
    (void)arg;
    (void)type;
    (void)query;
    (void)out;
    return AM_E_NOTFOUND;
}

static void columns_are_found_by_name_and_problems_by_column(void **state)
{
    const struct str name[] = {STR("x"), STR("n\xE9 le"), STR("ipp")};
    const struct str cell[] = {STR("?"), STR("31/02/1980"), STR("7")};
    struct hl7_map *map =
        map_of("[\"ipp\",{\"name\":\"né le\",\"date\":\"DD/MM/YYYY\"}]");
    struct hl7_row *r = NULL;
    struct hl7 *m = NULL;
    struct buf b;
    struct diag d;
    size_t n;
    (void)state;
    buf_init(&b, 1 << 16);
    diag_init(&d);
    r = row_of(map, name, 3);
    assert_ok(hl7_row_make(r, cell, INT64_C(1772000000000000), STR("id"), &b, &d));
    assert_string_equal(b.p, "MSH|^~\\&|CSV||||20260225061320+0000||ROW|id|P|2.5.1||||||"
                             "UNICODE UTF-8\rROW|7|19800231\r");
    assert_ok(hl7_parse(&m, buf_str(&b), NULL, &d));
    buf_clear(&b);
    assert_int_equal(hl7_map_run(map, m, none, NULL, &b, &n, &d), AM_E_INVALID);
    hl7_row_places(r, &d);
    assert_string_equal(d.item[0].path, "#2 né le");
    assert_string_equal(d.item[0].code, "hl7.value");
    hl7_free(m);
    buf_release(&b);
    hl7_row_free(r);
    r = NULL;
    diag_clear(&d);
    assert_int_equal(hl7_row_new(&r, map, name, 1, &d), AM_E_INVALID);
    assert_null(r);
    assert_int_equal(d.errors, 2);
    assert_string_equal(d.item[1].code, "csv.column");
    assert_string_equal(d.item[1].path, "né le");
    diag_release(&d);
    hl7_map_free(map);
}

static void a_map_says_of_columns_what_has_meaning(void **state)
{
    static const char *const wrong[] = {
        "[\"a\",\"a\"]",
        "[{\"name\":\"a\",\"data\":\"YYYY\"}]",
        "[{\"date\":\"YYYY\"}]",
        "[{\"name\":\"a\",\"decimal\":\".\"}]",
        "[{\"name\":\"a\",\"empty\":[]}]",
        "[7]",
        "\"a\"",
        "[\"a\"],\"separator\":\"ab\"",
        "[\"a\"],\"separator\":\"\\n\"",
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(wrong); i++) {
        struct hl7_map *map = NULL;
        char text[2048];
        snprintf(text, sizeof text, "{\"columns\":%s" REST, wrong[i]);
        assert_int_equal(hl7_map_load(&map, str_c(text), NULL), AM_E_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_what_their_column_says),
        cmocka_unit_test(a_map_says_of_columns_what_has_meaning),
        cmocka_unit_test(columns_are_found_by_name_and_problems_by_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
