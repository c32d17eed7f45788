/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated tables hold for the files of def.h alone. */
#ifndef FHIR_DEF_PRIV_H
#define FHIR_DEF_PRIV_H

#include "fhir/def.h"

extern const uint16_t fhir_def_type_slot[];
extern const uint16_t fhir_def_type_seed;
extern const uint8_t fhir_def_type_bits;

#endif
