/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "fhir/row.h"

static const struct fhir_row_key row_key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

/* python3: h=2166136261; for c in b"Observation.code": h=((h^c)*16777619)%2**32 */
static void a_parameter_keeps_its_number(void **state)
{
    (void)state;
    assert_int_equal(fhir_param_number(STR("Observation"), STR("code")), 0xa34e42b0);
    assert_int_not_equal(fhir_param_number(STR("Patient"), STR("code")), 0xa34e42b0);
}

/* python3 -c "import
 * struct,sys;sys.stdout.buffer.write(struct.pack('<IIQ',7,115,3)+b'abcde')" | openssl mac
 * -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt size:8 SIPHASH */
static void a_term_is_siphash_of_its_parts(void **state)
{
    (void)state;
    assert_true(fhir_term_hash(&row_key, 7, FHIR_TERM_SYSTEM_CODE, STR("abc"),
                               STR("de")) == 0x7e154ce6af50814c);
}

static void no_part_of_a_term_can_move(void **state)
{
    (void)state;
    const struct fhir_row_key other = {{0x0706050403020100, 0x0f0e0d0c0b0a0909}};
    uint64_t h[] = {
        fhir_term_hash(&row_key, 7, FHIR_TERM_SYSTEM_CODE, STR("abc"), STR("de")),
        fhir_term_hash(&row_key, 7, FHIR_TERM_SYSTEM_CODE, STR("ab"), STR("cde")),
        fhir_term_hash(&row_key, 7, FHIR_TERM_SYSTEM_CODE, STR("abcde"), STR("")),
        fhir_term_hash(&row_key, 7, FHIR_TERM_CODE, STR("abcde"), STR("")),
        fhir_term_hash(&row_key, 8, FHIR_TERM_CODE, STR("abcde"), STR("")),
        fhir_term_hash(&other, 8, FHIR_TERM_CODE, STR("abcde"), STR(""))};
    for (size_t i = 0; i < AM_LEN(h); i++)
        for (size_t k = 0; k < i; k++)
            assert_true(h[i] != h[k]);
}

static void rows_are_ordered_as_a_store_keeps_them(void **state)
{
    (void)state;
    const struct fhir_row r[] = {
        {.kind = FHIR_ROW_TOKEN, .hash = 1},
        {.kind = FHIR_ROW_TOKEN, .hash = UINT64_MAX},
        {.kind = FHIR_ROW_DATE, .param = 1, .lo = INT64_MIN, .hi = 9},
        {.kind = FHIR_ROW_DATE, .param = 1, .lo = -5, .hi = 3},
        {.kind = FHIR_ROW_DATE, .param = 1, .lo = -5, .hi = 4},
        {.kind = FHIR_ROW_DATE, .param = 2, .lo = INT64_MIN},
        {.kind = FHIR_ROW_QUANTITY, .param = 1, .unit = 0, .value = 9},
        {.kind = FHIR_ROW_QUANTITY, .param = 1, .unit = 3, .value = -1},
        {.kind = FHIR_ROW_QUANTITY, .param = 1, .unit = 3, .value = 1},
        {.kind = FHIR_ROW_STRING, .param = 1, .text = STR_INIT("a")},
        {.kind = FHIR_ROW_STRING, .param = 1, .text = STR_INIT("ab")},
        {.kind = FHIR_ROW_STRING, .param = 1, .text = STR_INIT("b")}};
    for (size_t i = 0; i < AM_LEN(r); i++)
        for (size_t k = 0; k < AM_LEN(r); k++) {
            int c = fhir_row_cmp(&r[i], &r[k]);
            assert_true(i < k ? c < 0 : i > k ? c > 0 : c == 0);
        }
}

TEST_MAIN(TEST(a_parameter_keeps_its_number), TEST(a_term_is_siphash_of_its_parts),
          TEST(no_part_of_a_term_can_move), TEST(rows_are_ordered_as_a_store_keeps_them))
