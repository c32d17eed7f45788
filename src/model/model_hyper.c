/* SPDX-License-Identifier: Apache-2.0 */
/* Which hyperparameter applies to which type of model: the table of registry.md, section
 * 5, read by the registry (a declaration) and by the bench (row ID-3). */
#include "model/model.h"

static const struct {
    const char *types, *fields, *reason; /* words separated by spaces */
} model_na[] = {
    {"tree forest",
     "number_of_layers dropout_rate regularization_strength learning_rate batch_size "
     "number_of_epochs optimizer",
     "model_type_has_no_such_parameter"},
    {"boosting", "number_of_layers dropout_rate batch_size optimizer",
     "model_type_has_no_such_parameter"},
    {"dense_network cnn rnn transformer", "max_depth",
     "model_type_has_no_such_parameter"},
    {"logistic_regression linear_regression svm",
     "max_depth number_of_layers dropout_rate learning_rate batch_size number_of_epochs",
     "model_type_has_no_such_parameter"},
    {"logistic_regression linear_regression svm", "random_seed", "deterministic_solver"},
    {"expert_rules",
     "max_depth number_of_layers dropout_rate regularization_strength learning_rate "
     "batch_size number_of_epochs optimizer",
     "model_type_has_no_such_parameter"},
    {"expert_rules", "random_seed", "no_training_phase"},
};

static bool model_word(const char *list, struct str w)
{
    struct str rest = str_c(list);
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), w))
            return true;
    return false;
}

bool model_na_allowed(struct str model_type, const char *field, struct str reason)
{
    for (size_t i = 0; i < AM_LEN(model_na); i++)
        if (model_word(model_na[i].types, model_type) &&
            model_word(model_na[i].fields, str_c(field)) &&
            str_eqc(reason, model_na[i].reason))
            return true;
    return str_eqc(model_type, "ensemble"); /* the union of its members: theirs to say */
}
