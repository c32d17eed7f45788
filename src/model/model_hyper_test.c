/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "model/model.h"

/* registry.md, section 5, as it stands there: R required, N may be not applicable. */
static void the_table_is_that_of_the_design(void **state)
{
    (void)state;
    static const char *const field[] = {"max_depth",        "number_of_layers",
                                        "dropout_rate",     "regularization_strength",
                                        "learning_rate",    "batch_size",
                                        "number_of_epochs", "optimizer",
                                        "random_seed"};
    static const struct {
        const char *type, *row;
    } want[] = {{"tree", "RNNNNNNNR"},        {"forest", "RNNNNNNNR"},
                {"boosting", "RNNRRNRNR"},    {"dense_network", "NRRRRRRRR"},
                {"cnn", "NRRRRRRRR"},         {"transformer", "NRRRRRRRR"},
                {"svm", "NNNRNNNRR"},         {"logistic_regression", "NNNRNNNRR"},
                {"expert_rules", "NNNNNNNNR"}};
    for (size_t t = 0; t < AM_LEN(want); t++)
        for (size_t f = 0; f < AM_LEN(field); f++)
            assert_int_equal(model_na_allowed(str_c(want[t].type), field[f],
                                              STR("model_type_has_no_such_parameter")),
                             want[t].row[f] == 'N');
}

static void a_seed_has_reasons_of_its_own(void **state)
{
    (void)state;
    assert_true(model_na_allowed(STR("svm"), "random_seed", STR("deterministic_solver")));
    assert_false(
        model_na_allowed(STR("boosting"), "random_seed", STR("deterministic_solver")));
    assert_true(
        model_na_allowed(STR("expert_rules"), "random_seed", STR("no_training_phase")));
    assert_false(model_na_allowed(STR("svm"), "max_depth", STR("deterministic_solver")));
    assert_false(model_na_allowed(STR("unheard_of"), "max_depth",
                                  STR("model_type_has_no_such_parameter")));
    assert_false(
        model_na_allowed(STR("svm"), "max", STR("model_type_has_no_such_parameter")));
}

TEST_MAIN(TEST(the_table_is_that_of_the_design), TEST(a_seed_has_reasons_of_its_own))
