/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry_test_support.h"

/* Check characters by another implementation (npm cdigit 5.0.1):
 *   node -e 'console.log(require("cdigit").mod37_36.compute("MAIADEMOAIABCDEFGHIJ"))' */
static const char *const t_good[] = {
    "MA-IA-DEMOAI-ABCDEFGHIJ-3", "MA-IA-EXEMPL-ABCDEFGH23-X", "MA-IA-CHUR01-7777777777-T",
    "MA-IA-000000-AAAAAAAAAA-9", "MA-IA-ZZZZZZ-Q2W3E4R5T6-6"};

static void identifiers_end_in_their_iso_7064_check_character(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(t_good); i++)
        if (!registry_algorithm_id_valid(str_c(t_good[i])))
            fail_msg("%s", t_good[i]);
}

static void one_wrong_character_is_always_noticed(void **state)
{
    static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    (void)state;
    for (size_t i = 0; i < AM_LEN(t_good); i++)
        for (size_t k = 0; k < strlen(t_good[i]); k++) {
            char copy[32];
            snprintf(copy, sizeof copy, "%s", t_good[i]);
            for (size_t c = 0; c < sizeof all - 1; c++) {
                copy[k] = all[c];
                if (copy[k] != t_good[i][k] && registry_algorithm_id_valid(str_c(copy)))
                    fail_msg("%s for %s", copy, t_good[i]);
            }
        }
}

static void what_has_another_shape_is_no_identifier(void **state)
{
    static const char *const bad[] = {"",
                                      "MA-IA-DEMOAI-ABCDEFGHIJ",
                                      "MA-IA-DEMOAI-ABCDEFGHIJ-",
                                      "MAIADEMOAIABCDEFGHIJ3",
                                      "ma-ia-demoai-abcdefghij-3",
                                      "MA-IA-DEMOAI-ABCDEFGHIJ-33",
                                      "MA-IA-DEMOA-IABCDEFGHIJ-3",
                                      " MA-IA-DEMOAI-ABCDEFGHIJ-3"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_false(registry_algorithm_id_valid(str_c(bad[i])));
    assert_false(registry_algorithm_id_valid(STR_NULL));
}

TEST_MAIN(TEST(identifiers_end_in_their_iso_7064_check_character),
          TEST(one_wrong_character_is_always_noticed),
          TEST(what_has_another_shape_is_no_identifier))
