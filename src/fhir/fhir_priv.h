/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fhir. */
#ifndef FHIR_PRIV_H
#define FHIR_PRIV_H

#include "fhir/fhir.h"

/* Is v a value of that primitive type? NULL, or what is wrong. */
const char *fhir_primitive(struct str type, const struct json *v);

#endif
