/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of `amane model`. */
#ifndef CMD_MODEL_H
#define CMD_MODEL_H

#include "base/clock.h"
#include "model/model.h"

struct model_sign_args {
    const char *key, *out, *signature, *roots;
};
/* Exit codes. */
int cmd_model_sign(const char *what, const struct model_sign_args *a);
int cmd_model_verify(const char *what, const struct model_sign_args *a);

#endif
